/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp_point.h"

const struct gyr_secp_affine gyr_secp_generator = {
	{ { 0x2815b16f81798, 0xdb2dce28d959f, 0xe870b07029bfc, 0xbbac55a06295c, 0x79be667ef9dc } },
	{ { 0x7d08ffb10d4b8, 0x48a68554199c4, 0xe1108a8fd17b4, 0xc4655da4fbfc0, 0x483ada7726a3 } },
};

const struct gyr_secp_field gyr_secp_beta = {
	{ 0x96c28719501ee, 0x7512f58995c13, 0xc3434e99cf049, 0x7106e64479ea, 0x7ae96a2b657c },
};

/*
 * The usual doubling for a = 0 with Z halved: with L = 3 X^2 / 2 and S = X Y^2 it is X' = L^2 - 2
 * S, Y' = L (S - X') - Y^4, Z' = Y Z. Numbers behind the lines are magnitudes.
 */
void gyr_secp_point_double(struct gyr_secp_point *r, const struct gyr_secp_point *a)
{
	struct gyr_secp_field l, s, yy, t;

	r->infinity = a->infinity;
	if (a->infinity)
		return; /* and no point has y = 0: the group's order is odd */
	gyr_secp_field_sqr(&yy, &a->y);
	gyr_secp_field_sqr(&l, &a->x);
	gyr_secp_field_scale(&l, 3);
	gyr_secp_field_half(&l, &l); /* 3 */
	gyr_secp_field_mul(&s, &a->x, &yy);
	gyr_secp_field_negate(&s, &s, 1); /* 2 */
	gyr_secp_field_mul(&r->z, &a->y, &a->z);
	gyr_secp_field_sqr(&t, &l);
	gyr_secp_field_add(&t, &t, &s);
	gyr_secp_field_add(&r->x, &t, &s); /* 5 */
	gyr_secp_field_carry(&r->x);
	gyr_secp_field_add(&s, &s, &r->x); /* X' - S: 3 */
	gyr_secp_field_mul(&t, &l, &s);
	gyr_secp_field_sqr(&yy, &yy);
	gyr_secp_field_add(&t, &t, &yy);     /* 2 */
	gyr_secp_field_negate(&r->y, &t, 2); /* 3 */
	gyr_secp_field_carry(&r->y);
}

void gyr_secp_point_add_affine(struct gyr_secp_point *r, const struct gyr_secp_point *a,
			       const struct gyr_secp_affine *b)
{
	struct gyr_secp_field zz, h, s, t, hhh, v;

	if (a->infinity) {
		gyr_secp_point_from_affine(r, b);
		return;
	}
	gyr_secp_field_sqr(&zz, &a->z);
	gyr_secp_field_mul(&h, &b->x, &zz);
	gyr_secp_field_negate(&t, &a->x, 1);
	gyr_secp_field_add(&h, &h, &t); /* 3 */
	gyr_secp_field_mul(&s, &b->y, &zz);
	gyr_secp_field_mul(&s, &s, &a->z);
	gyr_secp_field_negate(&t, &a->y, 1);
	gyr_secp_field_add(&s, &s, &t); /* 3 */
	if (gyr_secp_field_is_zero(&h)) {
		if (gyr_secp_field_is_zero(&s))
			gyr_secp_point_double(r, a);
		else
			r->infinity = true;
		return;
	}
	gyr_secp_field_sqr(&t, &h);
	gyr_secp_field_mul(&hhh, &h, &t);
	gyr_secp_field_mul(&v, &a->x, &t);
	gyr_secp_field_mul(&t, &a->y, &hhh);
	gyr_secp_field_mul(&r->z, &a->z, &h);
	gyr_secp_field_negate(&hhh, &hhh, 1); /* 2 */
	gyr_secp_field_negate(&v, &v, 1);     /* 2 */
	gyr_secp_field_sqr(&r->x, &s);
	gyr_secp_field_add(&r->x, &r->x, &hhh);
	gyr_secp_field_add(&r->x, &r->x, &v);
	gyr_secp_field_add(&r->x, &r->x, &v); /* 7 */
	gyr_secp_field_carry(&r->x);
	gyr_secp_field_add(&v, &v, &r->x); /* X' - v: 3 */
	gyr_secp_field_mul(&v, &s, &v);
	gyr_secp_field_add(&t, &t, &v);	     /* 2 */
	gyr_secp_field_negate(&r->y, &t, 2); /* 3 */
	gyr_secp_field_carry(&r->y);
	r->infinity = false;
}

void gyr_secp_point_to_affine(struct gyr_secp_affine *r, const struct gyr_secp_point *a,
			      unsigned count)
{
	struct gyr_secp_field product[GYR_SECP_AFFINE_COUNT_MAX], inverse, z, zz;

	gyr_assert(count >= 1 && count <= GYR_SECP_AFFINE_COUNT_MAX);
	for (unsigned i = 0; i < count; i++) {
		gyr_assert(!a[i].infinity);
		if (i == 0)
			product[0] = a[0].z;
		else
			gyr_secp_field_mul(&product[i], &product[i - 1], &a[i].z);
	}
	gyr_secp_field_inverse(&inverse, &product[count - 1]);
	for (unsigned i = count; i-- > 0;) {
		if (i == 0) {
			z = inverse;
		} else {
			gyr_secp_field_mul(&z, &inverse, &product[i - 1]);
			gyr_secp_field_mul(&inverse, &inverse, &a[i].z);
		}
		gyr_secp_field_sqr(&zz, &z);
		gyr_secp_field_mul(&z, &z, &zz);
		gyr_secp_field_mul(&r[i].x, &a[i].x, &zz);
		gyr_secp_field_mul(&r[i].y, &a[i].y, &z);
		gyr_secp_field_normalize(&r[i].x);
		gyr_secp_field_normalize(&r[i].y);
	}
}

/* x^3 + 7 */
static void curve_of_x(struct gyr_secp_field *r, const struct gyr_secp_field *x)
{
	struct gyr_secp_field t;

	gyr_secp_field_sqr(&t, x);
	gyr_secp_field_mul(r, &t, x);
	r->limb[0] += 7;
}

bool gyr_secp_affine_from_x(struct gyr_secp_affine *r, const struct gyr_secp_field *x, bool odd)
{
	struct gyr_secp_field t;

	curve_of_x(&t, x);
	r->x = *x;
	if (!gyr_secp_field_sqrt(&r->y, &t))
		return false;
	gyr_secp_field_normalize(&r->y);
	if (gyr_secp_field_is_odd(&r->y) != odd) {
		gyr_secp_field_negate(&r->y, &r->y, 1);
		gyr_secp_field_normalize(&r->y);
	}
	return true;
}

bool gyr_secp_affine_from_key(struct gyr_secp_affine *r, const uint8_t public_key[64])
{
	struct gyr_secp_field square, expected;

	if (!gyr_secp_field_from_bytes(&r->x, public_key) ||
	    !gyr_secp_field_from_bytes(&r->y, public_key + 32))
		return false;
	gyr_secp_field_sqr(&square, &r->y);
	curve_of_x(&expected, &r->x);
	return gyr_secp_field_equal(&square, &expected);
}

void gyr_secp_affine_to_key(uint8_t public_key[64], const struct gyr_secp_affine *a)
{
	gyr_secp_field_to_bytes(public_key, &a->x);
	gyr_secp_field_to_bytes(public_key + 32, &a->y);
}
