/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in XYZZ coordinates in every lane (Sutherland's, in the explicit-formulas database of
 * Bernstein and Lange): additions with 10 and 14 products, only four of them one after the other.
 * N is -Y. Bounds of what is stored: X below 5 p, N below 2 p, ZZ and ZZZ below 1; numbers behind
 * the lines as in lanes_field.h.
 */
#ifndef LANES_XYZZ_H
#define LANES_XYZZ_H

#include "lanes_field.h"

struct xyzz {
	struct field x, n, zz, zzz;
};

/*
 * P += (x, y or -y), where skip is set P stays. With first, P is affine: ZZ = ZZZ = 1.
 * h = x ZZ - X, r = +-y ZZZ - Y: X' = r^2 - h^3 - 2 X h^2, Y' = r (X h^2 - X') - Y h^3.
 */
INLINE void xyzz_add_affine(struct xyzz *p, const struct field *x, const struct field *y,
			    lane_mask negative, lane_mask skip, bool first)
{
	struct field h, r, h2, h3, xh, t, next_x, next_n, zz, zzz;
	vec c[10], square[10];

	if (first) {
		EACH_LIMB(i)
		c[i] = x->limb[i];
	} else {
		field_product(c, x, &p->zz);
		field_fold(c);
	}
	EACH_LIMB(i)
	c[i] = v_add(c[i], v_sub(FIELD_MINUEND(6, i), p->x.limb[i]));
	field_ripple_dirty(&h, c); /* 7 */
	if (first) {
		EACH_LIMB(i)
		c[i] = y->limb[i];
	} else {
		field_product(c, y, &p->zzz);
		field_fold(c);
	}
	EACH_LIMB(i)
	c[i] = v_add(p->n.limb[i], v_blend(negative, c[i], v_sub(FIELD_MINUEND(2, i), c[i])));
	field_ripple_dirty(&r, c); /* 4 */
	field_sqr_dirty(&h2, &h);
	field_square(square, &r);
	field_fold(square);
	field_mul(&h3, &h2, &h);
	field_mul(&xh, &p->x, &h2);
	if (first)
		zz = h2;
	else
		field_mul_dirty(&zz, &p->zz, &h2);
	EACH_LIMB(i)
	square[i] = v_add(square[i], v_sub(FIELD_MINUEND(4, i),
					   v_add(h3.limb[i], v_add(xh.limb[i], xh.limb[i]))));
	field_ripple(&next_x, square); /* 5 */
	EACH_LIMB(i)
	c[i] = v_add(xh.limb[i], v_sub(FIELD_MINUEND(6, i), next_x.limb[i]));
	field_ripple_dirty(&t, c); /* 7 */
	if (first)
		zzz = h3;
	else
		field_mul_dirty(&zzz, &p->zzz, &h3);
	field_product(c, &p->n, &h3);
	field_accumulate(c, &r, &t); /* 2 * 1 + 4 * 7 = 30 of 256 */
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_sub(FIELD_MINUEND(2, i), c[i]);
	field_ripple(&next_n, c); /* 2 */
	field_blend(&p->x, skip, &next_x, &p->x);
	field_blend(&p->n, skip, &next_n, &p->n);
	field_blend(&p->zz, skip, &zz, &p->zz);
	field_blend(&p->zzz, skip, &zzz, &p->zzz);
}

/* P = A + B; P may be either. */
OUT_OF_LINE void xyzz_add(struct xyzz *p, const struct xyzz *a, const struct xyzz *b)
{
	struct field u1, n1, n2, h, r, h2, h3, xh, t, zz, zzz;
	vec c[10];

	field_mul(&u1, &a->x, &b->zz);
	field_product(c, &b->x, &a->zz);
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_add(c[i], v_sub(FIELD_MINUEND(2, i), u1.limb[i]));
	field_ripple_dirty(&h, c); /* 3 */
	field_mul(&n2, &b->n, &a->zzz);
	field_mul(&n1, &a->n, &b->zzz);
	EACH_LIMB(i)
	c[i] = v_add(n1.limb[i], v_sub(FIELD_MINUEND(2, i), n2.limb[i]));
	field_ripple_dirty(&r, c); /* 3 */
	field_sqr_dirty(&h2, &h);
	field_mul_dirty(&zz, &a->zz, &b->zz);
	field_mul_dirty(&zzz, &a->zzz, &b->zzz);
	field_mul(&h3, &h2, &h);
	field_mul(&xh, &u1, &h2);
	field_square(c, &r);
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_add(c[i],
		     v_sub(FIELD_MINUEND(4, i), v_add(h3.limb[i], v_add(xh.limb[i], xh.limb[i]))));
	field_ripple(&p->x, c); /* 5 */
	field_mul(&p->zz, &zz, &h2);
	EACH_LIMB(i)
	c[i] = v_add(xh.limb[i], v_sub(FIELD_MINUEND(6, i), p->x.limb[i]));
	field_ripple_dirty(&t, c); /* 7 */
	field_mul(&p->zzz, &zzz, &h3);
	field_product(c, &n1, &h3);
	field_accumulate(c, &r, &t); /* 1 + 3 * 7 = 22 of 256 */
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_sub(FIELD_MINUEND(2, i), c[i]);
	field_ripple(&p->n, c); /* 2 */
}

#endif
