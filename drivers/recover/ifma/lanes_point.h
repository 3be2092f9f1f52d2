/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points in every lane, VECTOR_COUNT vectors side by side (two fill the pipeline better than one).
 * Jacobian coordinates, incomplete formulas: an exceptional addition (P = Q, P = -Q, infinity)
 * makes Z zero modulo p, and zero it stays, so that one look at the last Z finds them all. What is
 * stored of a point is below 9, 2, 2 (X, Y, Z); numbers behind the lines are bounds in multiples of
 * p, see lanes_field.h.
 */
#ifndef LANES_POINT_H
#define LANES_POINT_H

#include "gyr_secp_inverse.h"
#include "lanes_scalar.h"

struct point {
	struct field x, y, z;
};

#define EACH_VECTOR(v) _Pragma("GCC unroll 2") for (size_t v = 0; (v) < VECTOR_COUNT; (v)++)

/*
 * P = 2 P in 3 products and 4 squares: B = 2 Y^2, M = 3 X^2, T = -2 X B, X' = M^2 + 2 T,
 * Y' = -(2 B^2 + M (T + X')), Z' = 2 Y Z.
 */
OUT_OF_LINE void point_double(struct point *p)
{
	struct field b[VECTOR_COUNT], m[VECTOR_COUNT], t[VECTOR_COUNT], tx[VECTOR_COUNT];
	vec c[10];

	EACH_VECTOR(v)
	{
		field_square(c, &p[v].y);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple_dirty(&b[v], c); /* 2 */
	}
	EACH_VECTOR(v)
	{
		field_square(c, &p[v].x);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_add(c[i], c[i]));
		field_ripple_dirty(&m[v], c); /* 3 */
	}
	EACH_VECTOR(v)
	{
		field_product(c, &p[v].x, &b[v]); /* 9 by 2 */
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_sub(FIELD_MINUEND(4, i), v_add(c[i], c[i]));
		field_ripple(&t[v], c); /* 4 */
	}
	EACH_VECTOR(v)
	{
		field_product(c, &p[v].y, &p[v].z);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple_dirty(&p[v].z, c); /* 2 */
	}
	EACH_VECTOR(v)
	{
		field_square(c, &m[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_add(t[v].limb[i], t[v].limb[i]));
		field_ripple(&p[v].x, c); /* 1 + 8 = 9 */
		EACH_LIMB(i)
		c[i] = v_add(p[v].x.limb[i], t[v].limb[i]);
		field_ripple_dirty(&tx[v], c); /* 13 */
	}
	EACH_VECTOR(v)
	{
		field_square(c, &b[v]);
#pragma GCC unroll 10
		for (int i = 0; i < 10; i++)
			c[i] = v_add(c[i], c[i]);
		field_accumulate(c, &m[v], &tx[v]); /* 2 * 4 + 3 * 13 = 47 of 256 */
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_sub(FIELD_MINUEND(2, i), c[i]);
		field_ripple(&p[v].y, c); /* 2 */
	}
}

/* What is added to a point: an affine point per lane, its sign, and lanes that are left alone. */
struct addend {
	struct field x, y;
	lane_mask negative, skip;
};

/*
 * P += addend, in 8 products and 3 squares. With scale, the addend is on the curve itself while P
 * is on the isomorphic one with x' = scale^2 x, y' = scale^3 y, and 1 product more is spent. h = x
 * Z^2 - X, j = Y - y Z^3: X' = j^2 - h^3 - 2 X h^2, Y' = j (X' - X h^2) - Y h^3, Z' = Z h.
 */
INLINE void point_add_inline(struct point *p, const struct addend *a, const struct field *scale)
{
	struct field z[VECTOR_COUNT], z2[VECTOR_COUNT], z3[VECTOR_COUNT], h[VECTOR_COUNT];
	struct field j[VECTOR_COUNT], h2[VECTOR_COUNT], h3[VECTOR_COUNT], xh[VECTOR_COUNT];
	struct field tx[VECTOR_COUNT], zh[VECTOR_COUNT], next;
	vec c[10];

	EACH_VECTOR(v)
	{
		if (scale != NULL)
			field_mul_dirty(&z[v], &p[v].z, &scale[v]);
		else
			z[v] = p[v].z;
	}
	EACH_VECTOR(v)
	field_sqr_dirty(&z2[v], &z[v]);
	EACH_VECTOR(v)
	{
		field_product(c, &a[v].x, &z2[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_sub(FIELD_MINUEND(10, i), p[v].x.limb[i]));
		field_ripple_dirty(&h[v], c); /* 11 */
	}
	EACH_VECTOR(v)
	field_mul_dirty(&z3[v], &z[v], &z2[v]);
	EACH_VECTOR(v)
	{
		field_square(c, &h[v]); /* 121 of 256 */
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_sub(FIELD_MINUEND(2, i), c[i]);
		field_ripple_dirty(&h2[v], c); /* -h^2: 2 */
	}
	EACH_VECTOR(v)
	{
		field_product(c, &a[v].y, &z3[v]);
		field_fold(c);
		EACH_LIMB(i)
		{
			vec minus = v_sub(FIELD_MINUEND(2, i), c[i]);

			c[i] = v_add(p[v].y.limb[i], v_blend(a[v].negative, minus, c[i]));
		}
		field_ripple_dirty(&j[v], c); /* 2 + 2 = 4 */
	}
	EACH_VECTOR(v)
	field_mul_dirty(&zh[v], &p[v].z, &h[v]); /* 2 by 11 */
	EACH_VECTOR(v)
	field_mul(&h3[v], &h2[v], &h[v]); /* -h^3: 1 */
	EACH_VECTOR(v)
	field_mul(&xh[v], &p[v].x, &h2[v]); /* -X h^2: 1 */
	EACH_VECTOR(v)
	{
		field_square(c, &j[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(v_add(c[i], h3[v].limb[i]), v_add(xh[v].limb[i], xh[v].limb[i]));
		field_ripple(&next, c); /* 4 */
		EACH_LIMB(i)
		c[i] = v_add(next.limb[i], xh[v].limb[i]);
		field_ripple_dirty(&tx[v], c); /* 5 */
		field_blend(&p[v].x, a[v].skip, &next, &p[v].x);
	}
	EACH_VECTOR(v)
	{
		field_product(c, &tx[v], &j[v]);
		field_accumulate(c, &h3[v], &p[v].y); /* 5 * 4 + 1 * 2 = 22 of 256 */
		field_fold(c);
		field_ripple(&next, c); /* 1 */
		field_blend(&p[v].y, a[v].skip, &next, &p[v].y);
		field_blend(&p[v].z, a[v].skip, &zh[v], &p[v].z);
	}
}

OUT_OF_LINE void point_add(struct point *p, const struct addend *a)
{
	point_add_inline(p, a, NULL);
}

OUT_OF_LINE void point_add_scaled(struct point *p, const struct addend *a,
				  const struct field *scale)
{
	point_add_inline(p, a, scale);
}

OUT_OF_LINE void square_times(struct field *r, int times)
{
	for (int k = 0; k < times; k++)
		EACH_VECTOR(v)
	field_sqr(&r[v], &r[v]);
}

OUT_OF_LINE void mul_each(struct field *r, const struct field *a, const struct field *b)
{
	EACH_VECTOR(v)
	field_mul(&r[v], &a[v], &b[v]);
}

#define COPY_EACH(to, from) memcpy(to, from, VECTOR_COUNT * sizeof(struct field))

/* r = a^((p+1)/4), the square root where there is one; the chain of gyr_secp_field_sqrt. */
OUT_OF_LINE void square_root(struct field *r, const struct field *a)
{
	struct field ones2[VECTOR_COUNT], ones3[VECTOR_COUNT], ones11[VECTOR_COUNT];
	struct field ones22[VECTOR_COUNT], ones44[VECTOR_COUNT], ones88[VECTOR_COUNT];

	COPY_EACH(r, a);
	square_times(r, 1);
	mul_each(r, r, a);
	COPY_EACH(ones2, r);
	square_times(r, 1);
	mul_each(r, r, a);
	COPY_EACH(ones3, r);
	square_times(r, 3);
	mul_each(r, r, ones3);
	square_times(r, 3);
	mul_each(r, r, ones3);
	square_times(r, 2);
	mul_each(r, r, ones2);
	COPY_EACH(ones11, r);
	square_times(r, 11);
	mul_each(r, r, ones11);
	COPY_EACH(ones22, r);
	square_times(r, 22);
	mul_each(r, r, ones22);
	COPY_EACH(ones44, r);
	square_times(r, 44);
	mul_each(r, r, ones44);
	COPY_EACH(ones88, r);
	square_times(r, 88);
	mul_each(r, r, ones88);
	square_times(r, 44);
	mul_each(r, r, ones44);
	square_times(r, 3);
	mul_each(r, r, ones3);
	square_times(r, 23);
	mul_each(r, r, ones22);
	square_times(r, 6);
	mul_each(r, r, ones2);
	square_times(r, 2);
}

#endif
