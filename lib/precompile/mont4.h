/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers modulo an odd prime of at most 256 bits, four little-endian limbs in Montgomery's form
 * with R = 2^256, always fully reduced. Everything is inlined with the modulus as a constant, so
 * that its limbs become immediates. Variable time where that helps: what a precompile sees is
 * public.
 */
#ifndef MONT4_H
#define MONT4_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "gyr_base.h"
#include "gyr_bytes.h"
#include "gyr_secp_inverse.h"

#define MONT4_INLINE static inline __attribute__((always_inline))

typedef unsigned __int128 mont4_u128;

struct mont4 {
	uint64_t limb[4];
};

struct mont4_modulus {
	struct mont4 p;
	uint64_t negative_inverse; /* -1 / p mod 2^64 */
	struct mont4 one;	   /* R mod p */
	struct mont4 square;	   /* R^2 mod p */
	struct gyr_secp_modulus inversion;
	/* p < 2^254: sums of two products can be reduced at once, and carries never leave limb 4.
	 */
	bool short_of_254_bits;
};

MONT4_INLINE bool mont4_is_zero(const struct mont4 *a)
{
	return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

MONT4_INLINE bool mont4_equal(const struct mont4 *a, const struct mont4 *b)
{
	return ((a->limb[0] ^ b->limb[0]) | (a->limb[1] ^ b->limb[1]) | (a->limb[2] ^ b->limb[2]) |
		(a->limb[3] ^ b->limb[3])) == 0;
}

/* Compilers make carry chains of these and not of plain C. */
MONT4_INLINE uint64_t mont4_subtract_limb(uint64_t *r, uint64_t a, uint64_t b, uint64_t borrow)
{
#if defined(__x86_64__)
	unsigned long long difference;

	borrow = _subborrow_u64((unsigned char)borrow, a, b, &difference);
	*r = difference;
	return borrow;
#else
	mont4_u128 t = (mont4_u128)a - b - borrow;

	*r = (uint64_t)t;
	return (uint64_t)(t >> 64) & 1;
#endif
}

MONT4_INLINE uint64_t mont4_add_limb(uint64_t *r, uint64_t a, uint64_t b, uint64_t carry)
{
#if defined(__x86_64__)
	unsigned long long sum;

	carry = _addcarry_u64((unsigned char)carry, a, b, &sum);
	*r = sum;
	return carry;
#else
	mont4_u128 t = (mont4_u128)a + b + carry;

	*r = (uint64_t)t;
	return (uint64_t)(t >> 64);
#endif
}

/* r = a - b; returns the borrow. */
MONT4_INLINE uint64_t mont4_sub_raw(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	uint64_t borrow = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		borrow = mont4_subtract_limb(&r->limb[i], a->limb[i], b->limb[i], borrow);
	return borrow;
}

/* r = a + b; returns the carry. */
MONT4_INLINE uint64_t mont4_add_raw(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	uint64_t carry = 0;

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		carry = mont4_add_limb(&r->limb[i], a->limb[i], b->limb[i], carry);
	return carry;
}

/* r = (top, a) mod p, where (top, a) < 2 p. */
MONT4_INLINE void mont4_reduce_once(struct mont4 *r, const struct mont4 *a, uint64_t top,
				    const struct mont4_modulus *m)
{
	struct mont4 less;
	uint64_t borrow = mont4_sub_raw(&less, a, &m->p);
	uint64_t keep = 0 - (uint64_t)(top < borrow);

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		r->limb[i] = (a->limb[i] & keep) | (less.limb[i] & ~keep);
}

MONT4_INLINE void mont4_add(struct mont4 *r, const struct mont4 *a, const struct mont4 *b,
			    const struct mont4_modulus *m)
{
	struct mont4 sum;
	struct mont4 less;
	uint64_t carry = mont4_add_raw(&sum, a, b);
	uint64_t borrow = mont4_sub_raw(&less, &sum, &m->p);
	bool keep = m->short_of_254_bits ? borrow != 0 : carry < borrow;

	/* here conditional moves are faster than the masks of mont4_reduce_once; there not */
#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		r->limb[i] = keep ? sum.limb[i] : less.limb[i];
}

MONT4_INLINE void mont4_sub(struct mont4 *r, const struct mont4 *a, const struct mont4 *b,
			    const struct mont4_modulus *m)
{
	struct mont4 difference;
	struct mont4 back;
	uint64_t mask = 0 - mont4_sub_raw(&difference, a, b);

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++)
		back.limb[i] = m->p.limb[i] & mask;
	(void)mont4_add_raw(r, &difference, &back);
}

MONT4_INLINE void mont4_negate(struct mont4 *r, const struct mont4 *a,
			       const struct mont4_modulus *m)
{
	struct mont4 zero = { { 0 } };

	mont4_sub(r, &zero, a, m);
}

/* t += a * b over five limbs; returns the carry out of the fifth. */
MONT4_INLINE uint64_t mont4_accumulate(uint64_t t[5], const struct mont4 *a, uint64_t b)
{
	mont4_u128 c = 0;

#pragma GCC unroll 4
	for (unsigned j = 0; j < 4; j++) {
		c += (mont4_u128)a->limb[j] * b + t[j];
		t[j] = (uint64_t)c;
		c >>= 64;
	}
	c += t[4];
	t[4] = (uint64_t)c;
	return (uint64_t)(c >> 64);
}

/* One step of Montgomery's reduction: t = (t + q p) / 2^64, with a top limb t[5] given. */
MONT4_INLINE void mont4_reduce_step(uint64_t t[5], uint64_t top, const struct mont4_modulus *m)
{
	uint64_t q = t[0] * m->negative_inverse;
	mont4_u128 c = (mont4_u128)q * m->p.limb[0] + t[0];

	c >>= 64;
#pragma GCC unroll 3
	for (unsigned j = 1; j < 4; j++) {
		c += (mont4_u128)q * m->p.limb[j] + t[j];
		t[j - 1] = (uint64_t)c;
		c >>= 64;
	}
	c += t[4];
	t[3] = (uint64_t)c;
	t[4] = (uint64_t)(c >> 64) + top;
}

/* r = a b / R mod p */
MONT4_INLINE void mont4_mul(struct mont4 *r, const struct mont4 *a, const struct mont4 *b,
			    const struct mont4_modulus *m)
{
	uint64_t t[5] = { 0 };

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++) {
		uint64_t top = mont4_accumulate(t, a, b->limb[i]);

		mont4_reduce_step(t, m->short_of_254_bits ? 0 : top, m);
	}
	struct mont4 sum = { { t[0], t[1], t[2], t[3] } };

	mont4_reduce_once(r, &sum, m->short_of_254_bits ? 0 : t[4], m);
}

/*
 * r = (a b + c d) / R mod p, only for p < 2^254: before each step t < 3 p, so that the two
 * products' limbs fit five, and the result is below (2 p / R + 1) p < 2 p.
 */
MONT4_INLINE void mont4_mul_add_mul(struct mont4 *r, const struct mont4 *a, const struct mont4 *b,
				    const struct mont4 *c, const struct mont4 *d,
				    const struct mont4_modulus *m)
{
	uint64_t t[5] = { 0 };

#pragma GCC unroll 4
	for (unsigned i = 0; i < 4; i++) {
		(void)mont4_accumulate(t, a, b->limb[i]);
		(void)mont4_accumulate(t, c, d->limb[i]);
		mont4_reduce_step(t, 0, m);
	}
	struct mont4 sum = { { t[0], t[1], t[2], t[3] } };

	mont4_reduce_once(r, &sum, 0, m);
}

/* r = big-endian bytes, not yet in Montgomery's form; false when not below p. */
MONT4_INLINE bool mont4_read(struct mont4 *r, const uint8_t bytes[32],
			     const struct mont4_modulus *m)
{
	struct mont4 unused;

	for (unsigned i = 0; i < 4; i++)
		r->limb[i] = gyr_load_be64(bytes + (size_t)8 * (3 - i));
	return mont4_sub_raw(&unused, r, &m->p) != 0;
}

MONT4_INLINE void mont4_write(uint8_t bytes[32], const struct mont4 *a)
{
	for (unsigned i = 0; i < 4; i++)
		gyr_store_be64(bytes + (size_t)8 * (3 - i), a->limb[i]);
}

MONT4_INLINE void mont4_into(struct mont4 *r, const struct mont4 *a, const struct mont4_modulus *m)
{
	mont4_mul(r, a, &m->square, m);
}

MONT4_INLINE void mont4_out_of(struct mont4 *r, const struct mont4 *a,
			       const struct mont4_modulus *m)
{
	static const struct mont4 plain_one = { { 1, 0, 0, 0 } };

	mont4_mul(r, a, &plain_one, m);
}

/* r = 1 / a, both in Montgomery's form; 0 for 0. Variable time (lib/secp). */
void mont4_invert(struct mont4 *r, const struct mont4 *a, const struct mont4_modulus *m);

#endif
