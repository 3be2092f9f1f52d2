/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic on little-endian arrays of 64-bit limbs of any length, as modexp needs it. Variable
 * time: everything a precompile sees is public.
 */
#ifndef MODEXP_LIMBS_H
#define MODEXP_LIMBS_H

#include "gyr_base.h"

typedef unsigned __int128 limbs_u128;

/* r += a * b over count limbs; returns the carry. */
static inline uint64_t limbs_add_mul(uint64_t *r, const uint64_t *a, size_t count, uint64_t b)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < count; i++) {
		limbs_u128 t = (limbs_u128)a[i] * b + r[i] + carry;

		r[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	return carry;
}

/* r -= a * b over count limbs; returns the borrow. */
static inline uint64_t limbs_sub_mul(uint64_t *r, const uint64_t *a, size_t count, uint64_t b)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < count; i++) {
		limbs_u128 t = (limbs_u128)a[i] * b + borrow;
		uint64_t low = (uint64_t)t;

		borrow = (uint64_t)(t >> 64) + (r[i] < low);
		r[i] -= low;
	}
	return borrow;
}

/* r += a; returns the carry. */
static inline uint64_t limbs_add(uint64_t *r, const uint64_t *a, size_t count)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < count; i++) {
		limbs_u128 t = (limbs_u128)r[i] + a[i] + carry;

		r[i] = (uint64_t)t;
		carry = (uint64_t)(t >> 64);
	}
	return carry;
}

/* r -= a; returns the borrow. */
static inline uint64_t limbs_sub(uint64_t *r, const uint64_t *a, size_t count)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < count; i++) {
		limbs_u128 t = (limbs_u128)r[i] - a[i] - borrow;

		r[i] = (uint64_t)t;
		borrow = (uint64_t)(t >> 64) & 1;
	}
	return borrow;
}

/* Whether a >= b. */
static inline bool limbs_at_least(const uint64_t *a, const uint64_t *b, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		if (a[i] != b[i])
			return a[i] > b[i];
	}
	return true;
}

/* r = a << bits, bits below 64; returns what left the top. r may be a. */
static inline uint64_t limbs_shift_left(uint64_t *r, const uint64_t *a, size_t count, unsigned bits)
{
	uint64_t carry = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t limb = a[i];

		r[i] = limb << bits | carry;
		carry = bits == 0 ? 0 : limb >> (64 - bits);
	}
	return carry;
}

/* r = a >> bits, bits below 64. r may be a. */
static inline void limbs_shift_right(uint64_t *r, const uint64_t *a, size_t count, unsigned bits)
{
	uint64_t carry = 0;

	for (size_t i = count; i-- > 0;) {
		uint64_t limb = a[i];

		r[i] = limb >> bits | carry;
		carry = bits == 0 ? 0 : limb << (64 - bits);
	}
}

/* The number of limbs without the zeros on top. */
static inline size_t limbs_significant(const uint64_t *a, size_t count)
{
	while (count > 0 && a[count - 1] == 0)
		count--;
	return count;
}

/* r[2 * count] = a * b; r overlaps neither. */
void limbs_mul(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t count);

/* r[2 * count] = a * a; r does not overlap a. */
void limbs_square(uint64_t *r, const uint64_t *a, size_t count);

/* What a division needs to know of its divisor; the top bit of the divisor's top limb is set. */
struct limbs_divisor {
	const uint64_t *limbs;
	size_t count;
	uint64_t reciprocal;
};

struct limbs_divisor limbs_divisor_of(const uint64_t *normalized, size_t count);

/*
 * a %= divisor, in place: the remainder is in the low divisor->count limbs, the rest is 0. The top
 * divisor->count limbs of a are below the divisor: give one zero limb more where they may not be.
 */
void limbs_remainder(uint64_t *a, size_t count, const struct limbs_divisor *divisor);

#endif
