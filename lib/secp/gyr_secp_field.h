/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic modulo p = 2^256 - 2^32 - 977, the field of secp256k1 (SEC 2, section 2.4.1), in five
 * limbs of 52 bits with room for carries. Freestanding, variable time: never give it secrets.
 *
 * A value has a magnitude m, a bound that the writer of a formula tracks: limbs 0..3 are at most
 * m * 2^53, limb 4 at most m * 2^49. Products have magnitude 1 and take operands whose magnitudes
 * multiply to at most 16; sums add magnitudes; a negation adds 1. gyr_secp_field_carry brings any
 * magnitude up to 128 back to 1, gyr_secp_field_normalize also gives the one value below p.
 */
#ifndef GYR_SECP_FIELD_H
#define GYR_SECP_FIELD_H

#include "gyr_bytes.h"

#define GYR_SECP_MASK52	     0xfffffffffffffull
#define GYR_SECP_MASK48	     0xffffffffffffull
#define GYR_SECP_FIELD_FOLD  0x1000003d1ull  /* 2^256 mod p */
#define GYR_SECP_FIELD_FOLD4 0x1000003d10ull /* 2^260 mod p */

typedef unsigned __int128 gyr_secp_u128;

struct gyr_secp_field {
	uint64_t limb[5];
};

/* The limbs of p. */
#define GYR_SECP_FIELD_P0 0xffffefffffc2full
#define GYR_SECP_FIELD_P1 0xfffffffffffffull
#define GYR_SECP_FIELD_P4 0xffffffffffffull

static inline void gyr_secp_field_set_small(struct gyr_secp_field *r, uint32_t value)
{
	*r = (struct gyr_secp_field){ { value, 0, 0, 0, 0 } };
}

/* From four little-endian 64-bit words, any value; magnitude 1. */
static inline void gyr_secp_field_from_words(struct gyr_secp_field *r, const uint64_t w[4])
{
	r->limb[0] = w[0] & GYR_SECP_MASK52;
	r->limb[1] = (w[0] >> 52 | w[1] << 12) & GYR_SECP_MASK52;
	r->limb[2] = (w[1] >> 40 | w[2] << 24) & GYR_SECP_MASK52;
	r->limb[3] = (w[2] >> 28 | w[3] << 36) & GYR_SECP_MASK52;
	r->limb[4] = w[3] >> 16;
}

/* The reverse, of a normalized value. */
static inline void gyr_secp_field_to_words(uint64_t w[4], const struct gyr_secp_field *a)
{
	w[0] = a->limb[0] | a->limb[1] << 52;
	w[1] = a->limb[1] >> 12 | a->limb[2] << 40;
	w[2] = a->limb[2] >> 24 | a->limb[3] << 28;
	w[3] = a->limb[3] >> 36 | a->limb[4] << 16;
}

/* Big-endian bytes; false, and the value modulo p, when they are p or more. */
bool gyr_secp_field_from_bytes(struct gyr_secp_field *r, const uint8_t bytes[32]);

/* Big-endian bytes of a normalized value. */
void gyr_secp_field_to_bytes(uint8_t bytes[32], const struct gyr_secp_field *a);

/* Magnitudes add. */
static inline void gyr_secp_field_add(struct gyr_secp_field *r, const struct gyr_secp_field *a,
				      const struct gyr_secp_field *b)
{
	for (int i = 0; i < 5; i++)
		r->limb[i] = a->limb[i] + b->limb[i];
}

/* -a, for a of at most the given magnitude; the result has one more. */
static inline void gyr_secp_field_negate(struct gyr_secp_field *r, const struct gyr_secp_field *a,
					 uint64_t magnitude)
{
	uint64_t times = 2 * magnitude + 1;

	r->limb[0] = times * GYR_SECP_FIELD_P0 - a->limb[0];
	for (int i = 1; i < 4; i++)
		r->limb[i] = times * GYR_SECP_FIELD_P1 - a->limb[i];
	r->limb[4] = times * GYR_SECP_FIELD_P4 - a->limb[4];
}

/* Magnitude is multiplied by the factor. */
static inline void gyr_secp_field_scale(struct gyr_secp_field *r, uint64_t factor)
{
	for (int i = 0; i < 5; i++)
		r->limb[i] *= factor;
}

/* To magnitude 1, from at most 128. */
static inline void gyr_secp_field_carry(struct gyr_secp_field *r)
{
	uint64_t t = r->limb[0] + (r->limb[4] >> 48) * GYR_SECP_FIELD_FOLD;

	r->limb[4] &= GYR_SECP_MASK48;
	for (int i = 0; i < 4; i++) {
		r->limb[i] = t & GYR_SECP_MASK52;
		t = r->limb[i + 1] + (t >> 52);
	}
	r->limb[4] = t;
}

/*
 * Reduces the nine columns of a product. With magnitudes that multiply to 16 a column is below
 * 5 * 16 * 2^106 < 2^113; column 4 below 3 * 16 * 2^106 + 2 * 16 * 2^102, so that what exceeds
 * 2^256 after the first fold, t >> 48, is below 2^64.
 */
static inline __attribute__((always_inline)) void gyr_secp_field_reduce(struct gyr_secp_field *r,
									const gyr_secp_u128 c[9])
{
	uint64_t high[5], over;
	gyr_secp_u128 t = c[5];

	high[0] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[6];
	high[1] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[7];
	high[2] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[8];
	high[3] = (uint64_t)t & GYR_SECP_MASK52;
	high[4] = (uint64_t)(t >> 52);

	t = c[0] + (gyr_secp_u128)high[0] * GYR_SECP_FIELD_FOLD4;
	r->limb[0] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[1] + (gyr_secp_u128)high[1] * GYR_SECP_FIELD_FOLD4;
	r->limb[1] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[2] + (gyr_secp_u128)high[2] * GYR_SECP_FIELD_FOLD4;
	r->limb[2] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[3] + (gyr_secp_u128)high[3] * GYR_SECP_FIELD_FOLD4;
	r->limb[3] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + c[4] + (gyr_secp_u128)high[4] * GYR_SECP_FIELD_FOLD4;
	r->limb[4] = (uint64_t)t & GYR_SECP_MASK48;
	over = (uint64_t)(t >> 48);
	t = (gyr_secp_u128)over * GYR_SECP_FIELD_FOLD + r->limb[0];
	r->limb[0] = (uint64_t)t & GYR_SECP_MASK52;
	t = (t >> 52) + r->limb[1];
	r->limb[1] = (uint64_t)t & GYR_SECP_MASK52;
	r->limb[2] += (uint64_t)(t >> 52);
}

static inline void gyr_secp_field_mul(struct gyr_secp_field *r, const struct gyr_secp_field *a,
				      const struct gyr_secp_field *b)
{
	const uint64_t *x = a->limb, *y = b->limb;
	gyr_secp_u128 c[9];

#define P_(i, j) ((gyr_secp_u128)x[i] * y[j])
	c[0] = P_(0, 0);
	c[1] = P_(0, 1) + P_(1, 0);
	c[2] = P_(0, 2) + P_(1, 1) + P_(2, 0);
	c[3] = P_(0, 3) + P_(1, 2) + P_(2, 1) + P_(3, 0);
	c[4] = P_(0, 4) + P_(1, 3) + P_(2, 2) + P_(3, 1) + P_(4, 0);
	c[5] = P_(1, 4) + P_(2, 3) + P_(3, 2) + P_(4, 1);
	c[6] = P_(2, 4) + P_(3, 3) + P_(4, 2);
	c[7] = P_(3, 4) + P_(4, 3);
	c[8] = P_(4, 4);
#undef P_
	gyr_secp_field_reduce(r, c);
}

static inline void gyr_secp_field_sqr(struct gyr_secp_field *r, const struct gyr_secp_field *a)
{
	const uint64_t *x = a->limb;
	uint64_t x0 = 2 * x[0], x1 = 2 * x[1], x2 = 2 * x[2], x3 = 2 * x[3];
	gyr_secp_u128 c[9];

#define P_(u, v) ((gyr_secp_u128)(u) * (v))
	c[0] = P_(x[0], x[0]);
	c[1] = P_(x0, x[1]);
	c[2] = P_(x0, x[2]) + P_(x[1], x[1]);
	c[3] = P_(x0, x[3]) + P_(x1, x[2]);
	c[4] = P_(x0, x[4]) + P_(x1, x[3]) + P_(x[2], x[2]);
	c[5] = P_(x1, x[4]) + P_(x2, x[3]);
	c[6] = P_(x2, x[4]) + P_(x[3], x[3]);
	c[7] = P_(x3, x[4]);
	c[8] = P_(x[4], x[4]);
#undef P_
	gyr_secp_field_reduce(r, c);
}

/* a / 2; magnitude m to at most m / 2 + 1. */
static inline void gyr_secp_field_half(struct gyr_secp_field *r, const struct gyr_secp_field *a)
{
	uint64_t odd = -(a->limb[0] & 1);
	uint64_t t[5];

	t[0] = a->limb[0] + (odd & GYR_SECP_FIELD_P0);
	for (int i = 1; i < 4; i++)
		t[i] = a->limb[i] + (odd & GYR_SECP_FIELD_P1);
	t[4] = a->limb[4] + (odd & GYR_SECP_FIELD_P4);
	for (int i = 0; i < 4; i++)
		r->limb[i] = (t[i] >> 1) + ((t[i + 1] & 1) << 51);
	r->limb[4] = t[4] >> 1;
}

/* The one representation below p, from a magnitude of at most 128. */
void gyr_secp_field_normalize(struct gyr_secp_field *r);

/* Is it 0 modulo p? Magnitude at most 128. */
bool gyr_secp_field_is_zero(const struct gyr_secp_field *a);

/* Equal modulo p? b of magnitude at most 8, a at most 64. */
bool gyr_secp_field_equal(const struct gyr_secp_field *a, const struct gyr_secp_field *b);

/* Both normalized by the caller. */
static inline bool gyr_secp_field_is_odd(const struct gyr_secp_field *a)
{
	return (a->limb[0] & 1) != 0;
}

/* a^((p+1)/4): the square root where there is one; false, where a is not a square. Magnitude <= 4.
 */
bool gyr_secp_field_sqrt(struct gyr_secp_field *r, const struct gyr_secp_field *a);

/* 1 / a, and 0 for 0; magnitude at most 128. */
void gyr_secp_field_inverse(struct gyr_secp_field *r, const struct gyr_secp_field *a);

#endif
