/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA verification over P-256 (FIPS 186-4, EIP-7951): y^2 = x^3 - 3 x + b, of prime order. */
#include "portable.h"

#include "p256_generator.h"

/* (X / Z^2, Y / Z^3); infinity has Z = 0. */
struct p256_jacobian {
	struct mont4 x;
	struct mont4 y;
	struct mont4 z;
};

#define KEY_WIDTH	  5
#define KEY_ENTRIES	  (1 << (KEY_WIDTH - 2))
#define GENERATOR_WIDTH	  7
#define GENERATOR_ENTRIES (1 << (GENERATOR_WIDTH - 2))
#define DIGITS_MAX	  258

_Static_assert(GYR_COUNT(generator_table) == GENERATOR_ENTRIES, "one entry per odd digit");

MONT4_INLINE void add(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_add(r, a, b, &p256_p);
}

MONT4_INLINE void sub(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_sub(r, a, b, &p256_p);
}

static void mul(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_mul(r, a, b, &p256_p);
}

/* dbl-2001-b of the explicit-formulas database, for a = -3 */
static void jacobian_double(struct p256_jacobian *p)
{
	struct mont4 delta;
	struct mont4 gamma;
	struct mont4 beta;
	struct mont4 alpha;
	struct mont4 t;

	mul(&delta, &p->z, &p->z);
	mul(&gamma, &p->y, &p->y);
	mul(&beta, &p->x, &gamma);
	sub(&t, &p->x, &delta);
	add(&alpha, &p->x, &delta);
	mul(&alpha, &alpha, &t);
	add(&t, &alpha, &alpha);
	add(&alpha, &alpha, &t);
	mul(&p->z, &p->y, &p->z);
	add(&p->z, &p->z, &p->z);
	add(&beta, &beta, &beta);
	add(&beta, &beta, &beta);
	mul(&t, &alpha, &alpha);
	sub(&t, &t, &beta);
	sub(&p->x, &t, &beta);
	sub(&t, &beta, &p->x);
	mul(&t, &t, &alpha);
	mul(&gamma, &gamma, &gamma);
	add(&gamma, &gamma, &gamma);
	add(&gamma, &gamma, &gamma);
	add(&gamma, &gamma, &gamma);
	sub(&p->y, &t, &gamma);
}

/* p = p + q for any two points; q_affine says that q's Z is 1. */
static void jacobian_add(struct p256_jacobian *p, const struct p256_jacobian *q, bool q_affine)
{
	struct mont4 pz2;
	struct mont4 qz2;
	struct mont4 u = p->x;
	struct mont4 s = p->y;
	struct mont4 h;
	struct mont4 d;

	if (mont4_is_zero(&p->z) || mont4_is_zero(&q->z)) {
		if (mont4_is_zero(&p->z))
			*p = *q;
		return;
	}
	mul(&pz2, &p->z, &p->z);
	if (!q_affine) {
		mul(&qz2, &q->z, &q->z);
		mul(&u, &u, &qz2);
		mul(&s, &s, &q->z);
		mul(&s, &s, &qz2);
	}
	mul(&h, &q->x, &pz2);
	sub(&h, &h, &u);
	mul(&d, &q->y, &p->z);
	mul(&d, &d, &pz2);
	sub(&d, &d, &s);
	if (mont4_is_zero(&h)) {
		if (mont4_is_zero(&d))
			jacobian_double(p);
		else
			memset(p, 0, sizeof *p);
		return;
	}
	if (!q_affine)
		mul(&p->z, &p->z, &q->z);
	mul(&p->z, &p->z, &h);
	mul(&pz2, &h, &h);
	mul(&u, &u, &pz2);
	mul(&h, &h, &pz2);
	mul(&pz2, &d, &d);
	sub(&pz2, &pz2, &h);
	sub(&pz2, &pz2, &u);
	sub(&p->x, &pz2, &u);
	sub(&u, &u, &p->x);
	mul(&u, &u, &d);
	mul(&s, &s, &h);
	sub(&p->y, &u, &s);
}

/*
 * Non-adjacent form of the given width: digits odd, below 2^(width - 1) in size, least significant
 * first. Returns how many.
 */
static unsigned recode(int8_t digits[DIGITS_MAX], const struct mont4 *scalar, unsigned width)
{
	uint64_t k[5] = { scalar->limb[0], scalar->limb[1], scalar->limb[2], scalar->limb[3], 0 };
	unsigned count = 0;

	while ((k[0] | k[1] | k[2] | k[3] | k[4]) != 0) {
		int digit = 0;

		if ((k[0] & 1) != 0) {
			int low = (int)(k[0] & (((uint64_t)1 << width) - 1));
			uint64_t carry = 0;

			digit = low < 1 << (width - 1) ? low : low - (1 << width);
			k[0] -= (uint64_t)low;
			if (digit < 0)
				carry = (uint64_t)1 << width;
			for (unsigned i = 0; i < 5; i++) {
				k[i] += carry;
				carry = k[i] < carry;
			}
		}
		gyr_assert(count < DIGITS_MAX);
		digits[count++] = (int8_t)digit;
		for (unsigned i = 0; i < 4; i++)
			k[i] = k[i] >> 1 | k[i + 1] << 63;
		k[4] >>= 1;
	}
	return count;
}

static void add_key_digit(struct p256_jacobian *sum, const struct p256_jacobian *table, int digit)
{
	struct p256_jacobian point;

	if (digit == 0)
		return;
	point = table[(digit < 0 ? -digit : digit) / 2];
	if (digit < 0)
		mont4_negate(&point.y, &point.y, &p256_p);
	jacobian_add(sum, &point, false);
}

static void add_generator_digit(struct p256_jacobian *sum, int digit)
{
	struct p256_jacobian point = { .z = p256_p.one };

	if (digit == 0)
		return;
	point.x = generator_table[(digit < 0 ? -digit : digit) / 2].x;
	point.y = generator_table[(digit < 0 ? -digit : digit) / 2].y;
	if (digit < 0)
		mont4_negate(&point.y, &point.y, &p256_p);
	jacobian_add(sum, &point, true);
}

/* sum = u1 G + u2 key (Strauss's trick: one row of doublings for both) */
static void multiply_both(struct p256_jacobian *sum, const struct mont4 *u1,
			  const struct p256_jacobian *key, const struct mont4 *u2)
{
	struct p256_jacobian table[KEY_ENTRIES];
	struct p256_jacobian twice = *key;
	int8_t digits1[DIGITS_MAX] = { 0 };
	int8_t digits2[DIGITS_MAX] = { 0 };
	unsigned count1 = recode(digits1, u1, GENERATOR_WIDTH);
	unsigned count2 = recode(digits2, u2, KEY_WIDTH);

	jacobian_double(&twice);
	table[0] = *key;
	for (unsigned i = 1; i < KEY_ENTRIES; i++) {
		table[i] = table[i - 1];
		jacobian_add(&table[i], &twice, false);
	}
	memset(sum, 0, sizeof *sum);
	for (unsigned i = count1 > count2 ? count1 : count2; i-- > 0;) {
		jacobian_double(sum);
		add_key_digit(sum, table, digits2[i]);
		add_generator_digit(sum, digits1[i]);
	}
}

/* y^2 = x^3 - 3 x + b; infinity cannot be written (0, 0 is not on the curve). */
static bool read_key(struct p256_jacobian *key, const uint8_t bytes[64])
{
	struct mont4 left;
	struct mont4 right;

	if (!mont4_read(&key->x, bytes, &p256_p) || !mont4_read(&key->y, bytes + 32, &p256_p))
		return false;
	mont4_into(&key->x, &key->x, &p256_p);
	mont4_into(&key->y, &key->y, &p256_p);
	key->z = p256_p.one;
	mul(&left, &key->y, &key->y);
	mul(&right, &key->x, &key->x);
	sub(&right, &right, &key->z);
	sub(&right, &right, &key->z);
	sub(&right, &right, &key->z);
	mul(&right, &right, &key->x);
	add(&right, &right, &curve_b);
	return mont4_equal(&left, &right);
}

/* Whether x of the point, as a number, is r modulo n. */
static bool x_is(const struct p256_jacobian *point, const struct mont4 *r)
{
	struct mont4 candidate = *r;
	struct mont4 z2;
	struct mont4 x;
	struct mont4 unused;

	if (mont4_is_zero(&point->z))
		return false;
	mul(&z2, &point->z, &point->z);
	mont4_into(&x, &candidate, &p256_p); /* r < n < p */
	mul(&x, &x, &z2);
	if (mont4_equal(&x, &point->x))
		return true;
	if (mont4_add_raw(&candidate, r, &p256_n.p) != 0 ||
	    mont4_sub_raw(&unused, &candidate, &p256_p.p) == 0)
		return false;
	mont4_into(&x, &candidate, &p256_p);
	mul(&x, &x, &z2);
	return mont4_equal(&x, &point->x);
}

bool portable_p256_verify(const uint8_t hash_r_s_x_y[160])
{
	struct p256_jacobian key;
	struct p256_jacobian point;
	struct mont4 hash;
	struct mont4 r;
	struct mont4 s;
	struct mont4 u1;
	struct mont4 u2;

	if (!mont4_read(&r, hash_r_s_x_y + 32, &p256_n) || mont4_is_zero(&r) ||
	    !mont4_read(&s, hash_r_s_x_y + 64, &p256_n) || mont4_is_zero(&s) ||
	    !read_key(&key, hash_r_s_x_y + 96))
		return false;
	if (!mont4_read(&hash, hash_r_s_x_y, &p256_n))
		(void)mont4_sub_raw(&hash, &hash, &p256_n.p);
	mont4_into(&s, &s, &p256_n);
	mont4_invert(&s, &s, &p256_n);
	/* one factor in Montgomery's form makes a plain product */
	mont4_mul(&u1, &hash, &s, &p256_n);
	mont4_mul(&u2, &r, &s, &p256_n);
	multiply_both(&point, &u1, &key, &u2);
	return x_is(&point, &r);
}
