/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word operations as tier 1 wants them. Everything moves limb by limb: a word that was written in
 * four parts and is read as one or two vectors waits for the store buffer.
 */
#ifndef STREAM_WORDS_H
#define STREAM_WORDS_H

#include "gyr_u256.h"

#define WORD_INLINE static inline __attribute__((always_inline))

WORD_INLINE void word_set(struct gyr_u256 *out, uint64_t l0, uint64_t l1, uint64_t l2, uint64_t l3)
{
	out->limb[0] = l0;
	out->limb[1] = l1;
	out->limb[2] = l2;
	out->limb[3] = l3;
}

WORD_INLINE void word_copy(struct gyr_u256 *out, const struct gyr_u256 *a)
{
	word_set(out, a->limb[0], a->limb[1], a->limb[2], a->limb[3]);
}

WORD_INLINE void word_set_u64(struct gyr_u256 *out, uint64_t value)
{
	word_set(out, value, 0, 0, 0);
}

WORD_INLINE void word_add_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	uint8_t carry = 0;
	uint64_t s0 = gyr_u64_add_carry(a->limb[0], b, &carry);
	uint64_t s1 = gyr_u64_add_carry(a->limb[1], 0, &carry);
	uint64_t s2 = gyr_u64_add_carry(a->limb[2], 0, &carry);
	uint64_t s3 = gyr_u64_add_carry(a->limb[3], 0, &carry);

	word_set(out, s0, s1, s2, s3);
}

WORD_INLINE void word_sub_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	uint8_t borrow = 0;
	uint64_t d0 = gyr_u64_sub_borrow(a->limb[0], b, &borrow);
	uint64_t d1 = gyr_u64_sub_borrow(a->limb[1], 0, &borrow);
	uint64_t d2 = gyr_u64_sub_borrow(a->limb[2], 0, &borrow);
	uint64_t d3 = gyr_u64_sub_borrow(a->limb[3], 0, &borrow);

	word_set(out, d0, d1, d2, d3);
}

WORD_INLINE void word_mul_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	gyr_u128 t = (gyr_u128)a->limb[0] * b;
	uint64_t r0 = (uint64_t)t, r1, r2;

	t = (gyr_u128)a->limb[1] * b + (uint64_t)(t >> 64);
	r1 = (uint64_t)t;
	t = (gyr_u128)a->limb[2] * b + (uint64_t)(t >> 64);
	r2 = (uint64_t)t;
	word_set(out, r0, r1, r2, a->limb[3] * b + (uint64_t)(t >> 64));
}

/* The high word of (high, low) shifted left by bits < 64, and the low word of it shifted right. */
WORD_INLINE uint64_t word_left(uint64_t high, uint64_t low, unsigned bits)
{
	return high << bits | low >> 1 >> (63 - bits);
}

WORD_INLINE uint64_t word_right(uint64_t high, uint64_t low, unsigned bits)
{
	return low >> bits | high << 1 << (63 - bits);
}

/* Shifts by 64 * limbs + bits; limbs is a constant wherever these are called. */
WORD_INLINE void word_shift_left(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned limbs,
				 unsigned bits)
{
	uint64_t x0 = a->limb[0], x1 = a->limb[1], x2 = a->limb[2], x3 = a->limb[3];

	switch (limbs) {
	case 0:
		word_set(out, x0 << bits, word_left(x1, x0, bits), word_left(x2, x1, bits),
			 word_left(x3, x2, bits));
		break;
	case 1:
		word_set(out, 0, x0 << bits, word_left(x1, x0, bits), word_left(x2, x1, bits));
		break;
	case 2:
		word_set(out, 0, 0, x0 << bits, word_left(x1, x0, bits));
		break;
	default:
		word_set(out, 0, 0, 0, x0 << bits);
		break;
	}
}

WORD_INLINE void word_shift_right(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned limbs,
				  unsigned bits)
{
	uint64_t x0 = a->limb[0], x1 = a->limb[1], x2 = a->limb[2], x3 = a->limb[3];

	switch (limbs) {
	case 0:
		word_set(out, word_right(x1, x0, bits), word_right(x2, x1, bits),
			 word_right(x3, x2, bits), x3 >> bits);
		break;
	case 1:
		word_set(out, word_right(x2, x1, bits), word_right(x3, x2, bits), x3 >> bits, 0);
		break;
	case 2:
		word_set(out, word_right(x3, x2, bits), x3 >> bits, 0, 0);
		break;
	default:
		word_set(out, x3 >> bits, 0, 0, 0);
		break;
	}
}

/* By an amount that is not known; 256 and more give zero. */
WORD_INLINE void word_shl(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned shift)
{
	if (shift >= 256)
		word_set(out, 0, 0, 0, 0);
	else if (shift < 64)
		word_shift_left(out, a, 0, shift);
	else if (shift < 128)
		word_shift_left(out, a, 1, shift % 64);
	else if (shift < 192)
		word_shift_left(out, a, 2, shift % 64);
	else
		word_shift_left(out, a, 3, shift % 64);
}

WORD_INLINE void word_shr(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned shift)
{
	if (shift >= 256)
		word_set(out, 0, 0, 0, 0);
	else if (shift < 64)
		word_shift_right(out, a, 0, shift);
	else if (shift < 128)
		word_shift_right(out, a, 1, shift % 64);
	else if (shift < 192)
		word_shift_right(out, a, 2, shift % 64);
	else
		word_shift_right(out, a, 3, shift % 64);
}

/* Takes a as a signed number of `at` + 1 bytes, at < 31 (EVM SIGNEXTEND). */
WORD_INLINE void word_sign_extend(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned at)
{
	unsigned shift = 56 - 8 * (at % 8), limbs = at / 8;
	uint64_t x0 = a->limb[0], x1 = a->limb[1], x2 = a->limb[2], x3 = a->limb[3], top, sign;

	top = limbs == 0 ? x0 : limbs == 1 ? x1 : limbs == 2 ? x2 : x3;
	top = (uint64_t)((int64_t)(top << shift) >> shift);
	sign = (uint64_t)((int64_t)top >> 63);
	word_set(out, limbs == 0 ? top : x0,
		 limbs == 1  ? top
		 : limbs < 1 ? sign
			     : x1,
		 limbs == 2  ? top
		 : limbs < 2 ? sign
			     : x2,
		 limbs == 3 ? top : sign);
}

#endif
