/* SPDX-License-Identifier: Apache-2.0 */
#include "bn254_g1.h"

#include "portable.h"

/* (X / Z^2, Y / Z^3); infinity has Z = 0. */
struct g1_jacobian {
	struct mont4 x;
	struct mont4 y;
	struct mont4 z;
};

/* The order of the group. */
static const struct mont4 order = {
	{ 0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029 },
};

/* 3 in Montgomery's form */
static const struct mont4 curve_b = {
	{ 0x7a17caa950ad28d7, 0x1f6ac17ae15521b9, 0x334bea4e696bd284, 0x2a1f6744ce179d8e },
};

/* A third root of 1: (beta x, y) is lambda times (x, y). */
static const struct mont4 beta = {
	{ 0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943 },
};

/*
 * Short vectors (a1, b1) and (b1, -b2) with a + b lambda = 0 mod order, and 2^256 b2 / order,
 * 2^256 b1 / order rounded (Gallant, Lambert, Vanstone, 2001).
 */
#define U128(high, low) ((mont4_u128)(high) << 64 | (low))
static const mont4_u128 short_a1 = U128(0x6f4d8248eeb859fd, 0x0be4e1541221250b);
static const mont4_u128 short_b2 = U128(0x6f4d8248eeb859fc, 0x8211bbeb7d4f1128);
static const uint64_t short_b1 = 2 * BN254_X + 1;
static const uint64_t rounded_b2[3] = { 0x7a7bd9d4391eb18e, 0x4ccef014a773d2cf, 2 };
static const uint64_t rounded_b1[3] = { 0xd91d232ec7e0b3d7, 2, 0 };

#define WINDOW_ENTRIES 4 /* odd multiples 1, 3, 5, 7 */
#define DIGITS_MAX     130

bool bn254_g1_read(struct g1_affine *p, bool *infinity, const uint8_t bytes[64])
{
	struct mont4 left;
	struct mont4 right;

	if (!mont4_read(&p->x, bytes, &bn254_p) || !mont4_read(&p->y, bytes + 32, &bn254_p))
		return false;
	*infinity = mont4_is_zero(&p->x) && mont4_is_zero(&p->y);
	if (*infinity)
		return true;
	mont4_into(&p->x, &p->x, &bn254_p);
	mont4_into(&p->y, &p->y, &bn254_p);
	fp_square(&left, &p->y);
	fp_square(&right, &p->x);
	fp_mul(&right, &right, &p->x);
	fp_add(&right, &right, &curve_b);
	return mont4_equal(&left, &right);
}

static void write_affine(uint8_t bytes[64], const struct mont4 *x, const struct mont4 *y)
{
	struct mont4 plain;

	mont4_out_of(&plain, x, &bn254_p);
	mont4_write(bytes, &plain);
	mont4_out_of(&plain, y, &bn254_p);
	mont4_write(bytes + 32, &plain);
}

static void write_jacobian(uint8_t bytes[64], const struct g1_jacobian *p)
{
	struct mont4 inverse;
	struct mont4 square;
	struct mont4 x;
	struct mont4 y;

	if (mont4_is_zero(&p->z)) {
		memset(bytes, 0, 64);
		return;
	}
	mont4_invert(&inverse, &p->z, &bn254_p);
	fp_square(&square, &inverse);
	fp_mul(&x, &p->x, &square);
	fp_mul(&square, &square, &inverse);
	fp_mul(&y, &p->y, &square);
	write_affine(bytes, &x, &y);
}

static void jacobian_double(struct g1_jacobian *r, const struct g1_jacobian *p)
{
	struct mont4 a;
	struct mont4 b;
	struct mont4 c;
	struct mont4 d;
	struct mont4 e;

	fp_square(&a, &p->x);
	fp_square(&b, &p->y);
	fp_square(&c, &b);
	fp_mul(&d, &p->x, &b);
	fp_double(&d, &d);
	fp_double(&d, &d);
	fp_double(&e, &a);
	fp_add(&e, &e, &a);
	fp_mul(&r->z, &p->y, &p->z);
	fp_double(&r->z, &r->z);
	fp_square(&r->x, &e);
	fp_sub(&r->x, &r->x, &d);
	fp_sub(&r->x, &r->x, &d);
	fp_sub(&d, &d, &r->x);
	fp_mul(&d, &e, &d);
	fp_double(&c, &c);
	fp_double(&c, &c);
	fp_double(&c, &c);
	fp_sub(&r->y, &d, &c);
}

/* r = p + q for any two points, r not q. */
static void jacobian_add(struct g1_jacobian *r, const struct g1_jacobian *p,
			 const struct g1_jacobian *q)
{
	struct mont4 pz2;
	struct mont4 qz2;
	struct mont4 u;
	struct mont4 s;
	struct mont4 h;
	struct mont4 d;
	struct mont4 t;

	if (mont4_is_zero(&p->z)) {
		*r = *q;
		return;
	}
	if (mont4_is_zero(&q->z)) {
		*r = *p;
		return;
	}
	fp_square(&pz2, &p->z);
	fp_square(&qz2, &q->z);
	fp_mul(&u, &p->x, &qz2);
	fp_mul(&h, &q->x, &pz2);
	fp_sub(&h, &h, &u);
	fp_mul(&s, &p->y, &q->z);
	fp_mul(&s, &s, &qz2);
	fp_mul(&d, &q->y, &p->z);
	fp_mul(&d, &d, &pz2);
	fp_sub(&d, &d, &s);
	if (mont4_is_zero(&h)) {
		if (mont4_is_zero(&d))
			jacobian_double(r, q);
		else
			memset(r, 0, sizeof *r);
		return;
	}
	fp_mul(&t, &p->z, &q->z);
	fp_mul(&r->z, &t, &h);
	fp_square(&t, &h);
	fp_mul(&u, &u, &t);
	fp_mul(&h, &h, &t);
	fp_square(&t, &d);
	fp_sub(&t, &t, &h);
	fp_sub(&t, &t, &u);
	fp_sub(&r->x, &t, &u);
	fp_sub(&u, &u, &r->x);
	fp_mul(&u, &u, &d);
	fp_mul(&s, &s, &h);
	fp_sub(&r->y, &u, &s);
}

enum gyr_precompile_status portable_bn254_add(uint8_t result[64], const uint8_t points[128])
{
	struct g1_affine p;
	struct g1_affine q;
	bool p_infinity;
	bool q_infinity;
	struct mont4 slope;
	struct mont4 below;
	struct mont4 x;

	if (!bn254_g1_read(&p, &p_infinity, points) || !bn254_g1_read(&q, &q_infinity, points + 64))
		return GYR_PRECOMPILE_FAILED;
	if (p_infinity || q_infinity) {
		memcpy(result, p_infinity ? points + 64 : points, 64);
		return GYR_PRECOMPILE_OK;
	}
	fp_sub(&below, &q.x, &p.x);
	fp_sub(&slope, &q.y, &p.y);
	if (mont4_is_zero(&below)) {
		/* no point has y = 0: the order is odd */
		if (!mont4_is_zero(&slope)) {
			memset(result, 0, 64);
			return GYR_PRECOMPILE_OK;
		}
		fp_double(&below, &p.y);
		fp_square(&x, &p.x);
		fp_double(&slope, &x);
		fp_add(&slope, &slope, &x);
	}
	mont4_invert(&below, &below, &bn254_p);
	fp_mul(&slope, &slope, &below);
	fp_square(&x, &slope);
	fp_sub(&x, &x, &p.x);
	fp_sub(&x, &x, &q.x);
	fp_sub(&q.y, &p.x, &x);
	fp_mul(&q.y, &q.y, &slope);
	fp_sub(&q.y, &q.y, &p.y);
	write_affine(result, &x, &q.y);
	return GYR_PRECOMPILE_OK;
}

/* The bits from 2^256 on of k * by, modulo 2^128. */
static mont4_u128 product_above(const struct mont4 *k, const uint64_t by[3])
{
	uint64_t t[7] = { 0 };

	for (unsigned i = 0; i < 3; i++) {
		mont4_u128 c = 0;

		for (unsigned j = 0; j < 4; j++) {
			c += (mont4_u128)k->limb[j] * by[i] + t[i + j];
			t[i + j] = (uint64_t)c;
			c >>= 64;
		}
		t[i + 4] = (uint64_t)c;
	}
	return U128(t[5], t[4]);
}

/*
 * Non-adjacent form of width 4: digits odd and at most 7 in size, least significant first. Returns
 * how many.
 */
static unsigned recode(int8_t digits[DIGITS_MAX], mont4_u128 k, bool negative)
{
	unsigned count = 0;

	while (k != 0) {
		int digit = 0;

		if ((k & 1) != 0) {
			uint64_t low = (uint64_t)k & 15;

			digit = low < 8 ? (int)low : (int)low - 16;
			k -= low;
			if (digit < 0)
				k += 16;
		}
		gyr_assert(count < DIGITS_MAX);
		digits[count++] = (int8_t)(negative ? -digit : digit);
		k >>= 1;
	}
	return count;
}

static void add_digit(struct g1_jacobian *sum, const struct g1_jacobian table[WINDOW_ENTRIES],
		      int digit)
{
	if (digit > 0) {
		jacobian_add(sum, sum, &table[digit / 2]);
	} else if (digit < 0) {
		struct g1_jacobian negated = table[-digit / 2];

		fp_negate(&negated.y, &negated.y);
		jacobian_add(sum, sum, &negated);
	}
}

static void multiply(struct g1_jacobian *sum, const struct g1_affine *p, const struct mont4 *k)
{
	struct g1_jacobian table[2][WINDOW_ENTRIES];
	struct g1_jacobian twice;
	int8_t digits[2][DIGITS_MAX] = { { 0 } };
	mont4_u128 c1 = product_above(k, rounded_b2);
	mont4_u128 c2 = product_above(k, rounded_b1);
	/* both parts are below 2^127 in size, so that 128 bits and a sign hold them */
	mont4_u128 k1 = U128(k->limb[1], k->limb[0]) - c1 * short_a1 - c2 * short_b1;
	mont4_u128 k2 = c2 * short_b2 - c1 * short_b1;
	bool minus1 = k1 >> 127 != 0;
	bool minus2 = k2 >> 127 != 0;
	unsigned count1 = recode(digits[0], minus1 ? 0 - k1 : k1, minus1);
	unsigned count2 = recode(digits[1], minus2 ? 0 - k2 : k2, minus2);

	table[0][0] = (struct g1_jacobian){ p->x, p->y, bn254_p.one };
	jacobian_double(&twice, &table[0][0]);
	for (unsigned i = 1; i < WINDOW_ENTRIES; i++)
		jacobian_add(&table[0][i], &table[0][i - 1], &twice);
	for (unsigned i = 0; i < WINDOW_ENTRIES; i++) {
		table[1][i] = table[0][i];
		fp_mul(&table[1][i].x, &table[1][i].x, &beta);
	}
	memset(sum, 0, sizeof *sum);
	for (unsigned i = count1 > count2 ? count1 : count2; i-- > 0;) {
		jacobian_double(sum, sum);
		add_digit(sum, table[0], digits[0][i]);
		add_digit(sum, table[1], digits[1][i]);
	}
}

enum gyr_precompile_status portable_bn254_mul(uint8_t result[64], const uint8_t point_scalar[96])
{
	struct g1_affine p;
	struct g1_jacobian product;
	struct mont4 k;
	bool infinity;

	if (!bn254_g1_read(&p, &infinity, point_scalar))
		return GYR_PRECOMPILE_FAILED;
	if (infinity) {
		memset(result, 0, 64);
		return GYR_PRECOMPILE_OK;
	}
	for (unsigned i = 0; i < 4; i++)
		k.limb[i] = gyr_load_be64(point_scalar + 64 + (size_t)8 * (3 - i));
	/* the scalar may be any 256 bits: at most five orders too much */
	for (struct mont4 less; mont4_sub_raw(&less, &k, &order) == 0;)
		k = less;
	multiply(&product, &p, &k);
	write_jacobian(result, &product);
	return GYR_PRECOMPILE_OK;
}
