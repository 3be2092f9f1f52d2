/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 256-bit integers as the EVM knows them: four 64-bit limbs, least significant first, arithmetic
 * modulo 2^256, the sign in two's complement where a function says so. Freestanding, no state, any
 * thread. Every output may alias every input. What is short is inline; division and modular
 * arithmetic are in u256_divide.c and u256_modular.c. Nothing here is constant-time: it works on
 * public data.
 */
#ifndef GYR_U256_H
#define GYR_U256_H

#include "gyr_bytes.h"

struct gyr_u256 {
	uint64_t limb[4];
};

__extension__ typedef unsigned __int128 gyr_u128;

static inline struct gyr_u256 gyr_u256_from_u64(uint64_t value)
{
	return (struct gyr_u256){ { value, 0, 0, 0 } };
}

/* Reads 32 big-endian bytes. */
static inline void gyr_u256_load_be(struct gyr_u256 *out, const void *bytes)
{
	const uint8_t *from = bytes;
	uint64_t a = gyr_load_be64(from), b = gyr_load_be64(from + 8);
	uint64_t c = gyr_load_be64(from + 16), d = gyr_load_be64(from + 24);

	*out = (struct gyr_u256){ { d, c, b, a } };
}

/* Writes 32 big-endian bytes. */
static inline void gyr_u256_store_be(void *bytes, const struct gyr_u256 *a)
{
	uint8_t *to = bytes;
	struct gyr_u256 v = *a;

	gyr_store_be64(to, v.limb[3]);
	gyr_store_be64(to + 8, v.limb[2]);
	gyr_store_be64(to + 16, v.limb[1]);
	gyr_store_be64(to + 24, v.limb[0]);
}

/* Reads length <= 32 big-endian bytes; none is zero. */
void gyr_u256_load_be_short(struct gyr_u256 *out, const void *bytes, size_t length);

/* The 20 bytes of an address as a number, and back (its high 96 bits are dropped). */
static inline void gyr_u256_from_address(struct gyr_u256 *out, const struct gyr_address *address)
{
	uint64_t a = gyr_load_be32(address->bytes), b = gyr_load_be64(address->bytes + 4);
	uint64_t c = gyr_load_be64(address->bytes + 12);

	*out = (struct gyr_u256){ { c, b, a, 0 } };
}

static inline void gyr_u256_to_address(struct gyr_address *out, const struct gyr_u256 *a)
{
	gyr_store_be32(out->bytes, (uint32_t)a->limb[2]);
	gyr_store_be64(out->bytes + 4, a->limb[1]);
	gyr_store_be64(out->bytes + 12, a->limb[0]);
}

static inline bool gyr_u256_is_zero(const struct gyr_u256 *a)
{
	return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

/* The value fits 64 bits, and is then limb[0]. */
static inline bool gyr_u256_fits_u64(const struct gyr_u256 *a)
{
	return (a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

/* The value, or UINT64_MAX where it does not fit. */
static inline uint64_t gyr_u256_to_u64_saturating(const struct gyr_u256 *a)
{
	return gyr_u256_fits_u64(a) ? a->limb[0] : UINT64_MAX;
}

static inline bool gyr_u256_is_negative(const struct gyr_u256 *a)
{
	return (int64_t)a->limb[3] < 0;
}

static inline bool gyr_u256_equal(const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	return ((a->limb[0] ^ b->limb[0]) | (a->limb[1] ^ b->limb[1]) | (a->limb[2] ^ b->limb[2]) |
		(a->limb[3] ^ b->limb[3])) == 0;
}

/* a + b + *carry of one limb; *carry is 0 or 1 before and after. */
static inline uint64_t gyr_u64_add_carry(uint64_t a, uint64_t b, uint8_t *carry)
{
#if defined(__x86_64__)
	unsigned long long sum;

	*carry = (uint8_t)__builtin_ia32_addcarryx_u64(*carry, a, b, &sum);
	return sum;
#else
	gyr_u128 sum = (gyr_u128)a + b + *carry;

	*carry = (uint8_t)(sum >> 64);
	return (uint64_t)sum;
#endif
}

/* a - b - *borrow of one limb; *borrow is 0 or 1 before and after. */
static inline uint64_t gyr_u64_sub_borrow(uint64_t a, uint64_t b, uint8_t *borrow)
{
#if defined(__x86_64__) && defined(__clang__)
	unsigned long long difference;

	*borrow = (uint8_t)__builtin_ia32_subborrow_u64(*borrow, a, b, &difference);
	return difference;
#elif defined(__x86_64__)
	unsigned long long difference;

	*borrow = (uint8_t)__builtin_ia32_sbb_u64(*borrow, a, b, &difference);
	return difference;
#else
	gyr_u128 difference = (gyr_u128)a - b - *borrow;

	*borrow = (uint8_t)((difference >> 64) & 1);
	return (uint64_t)difference;
#endif
}

/* a + b modulo 2^256; true when it overflowed. */
static inline bool gyr_u256_add(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	uint8_t carry = 0;
	uint64_t s0 = gyr_u64_add_carry(a->limb[0], b->limb[0], &carry);
	uint64_t s1 = gyr_u64_add_carry(a->limb[1], b->limb[1], &carry);
	uint64_t s2 = gyr_u64_add_carry(a->limb[2], b->limb[2], &carry);
	uint64_t s3 = gyr_u64_add_carry(a->limb[3], b->limb[3], &carry);

	out->limb[0] = s0;
	out->limb[1] = s1;
	out->limb[2] = s2;
	out->limb[3] = s3;
	return carry != 0;
}

/* a - b modulo 2^256; true when a < b. */
static inline bool gyr_u256_sub(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	uint8_t borrow = 0;
	uint64_t d0 = gyr_u64_sub_borrow(a->limb[0], b->limb[0], &borrow);
	uint64_t d1 = gyr_u64_sub_borrow(a->limb[1], b->limb[1], &borrow);
	uint64_t d2 = gyr_u64_sub_borrow(a->limb[2], b->limb[2], &borrow);
	uint64_t d3 = gyr_u64_sub_borrow(a->limb[3], b->limb[3], &borrow);

	out->limb[0] = d0;
	out->limb[1] = d1;
	out->limb[2] = d2;
	out->limb[3] = d3;
	return borrow != 0;
}

static inline void gyr_u256_negate(struct gyr_u256 *out, const struct gyr_u256 *a)
{
	const struct gyr_u256 zero = { { 0, 0, 0, 0 } };

	(void)gyr_u256_sub(out, &zero, a);
}

/* a < b, unsigned. */
static inline bool gyr_u256_less(const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	uint8_t borrow = 0;

	(void)gyr_u64_sub_borrow(a->limb[0], b->limb[0], &borrow);
	(void)gyr_u64_sub_borrow(a->limb[1], b->limb[1], &borrow);
	(void)gyr_u64_sub_borrow(a->limb[2], b->limb[2], &borrow);
	(void)gyr_u64_sub_borrow(a->limb[3], b->limb[3], &borrow);
	return borrow != 0;
}

/* a < b, signed. */
static inline bool gyr_u256_less_signed(const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	const uint64_t sign = UINT64_C(1) << 63;
	struct gyr_u256 x = *a, y = *b;

	x.limb[3] ^= sign;
	y.limb[3] ^= sign;
	return gyr_u256_less(&x, &y);
}

/* Negative, zero or positive as a is below, equal to or above b, unsigned. */
static inline int gyr_u256_compare(const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	return (int)gyr_u256_less(b, a) - (int)gyr_u256_less(a, b);
}

static inline void gyr_u256_and(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	for (int i = 0; i < 4; i++)
		out->limb[i] = a->limb[i] & b->limb[i];
}

static inline void gyr_u256_or(struct gyr_u256 *out, const struct gyr_u256 *a,
			       const struct gyr_u256 *b)
{
	for (int i = 0; i < 4; i++)
		out->limb[i] = a->limb[i] | b->limb[i];
}

static inline void gyr_u256_xor(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	for (int i = 0; i < 4; i++)
		out->limb[i] = a->limb[i] ^ b->limb[i];
}

static inline void gyr_u256_not(struct gyr_u256 *out, const struct gyr_u256 *a)
{
	for (int i = 0; i < 4; i++)
		out->limb[i] = ~a->limb[i];
}

/* Leading zero bits, 256 for zero (EIP-7939). */
static inline unsigned gyr_u256_clz(const struct gyr_u256 *a)
{
	for (int i = 3; i >= 0; i--)
		if (a->limb[i] != 0)
			return (unsigned)(3 - i) * 64 + (unsigned)__builtin_clzll(a->limb[i]);
	return 256;
}

/* Bits up to the highest set one, 0 for zero. */
static inline unsigned gyr_u256_bit_length(const struct gyr_u256 *a)
{
	return 256 - gyr_u256_clz(a);
}

/* Bytes up to the highest that is not zero, 0 for zero. */
static inline unsigned gyr_u256_byte_length(const struct gyr_u256 *a)
{
	return (gyr_u256_bit_length(a) + 7) / 8;
}

/* A shift count or index given as a 256-bit number: itself, or 256 for all that is beyond. */
static inline unsigned gyr_u256_to_shift(const struct gyr_u256 *a)
{
	return gyr_u256_fits_u64(a) && a->limb[0] < 256 ? (unsigned)a->limb[0] : 256;
}

/* Shifts left; 256 and more give zero. */
static inline void gyr_u256_shl(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned shift)
{
	uint64_t wide[9] = { 0, 0, 0, 0, 0, a->limb[0], a->limb[1], a->limb[2], a->limb[3] };
	unsigned limbs = shift < 256 ? shift / 64 : 4, bits = shift < 256 ? shift % 64 : 0;
	const uint64_t *from = wide + (4 - limbs);

	for (unsigned i = 0; i < 4; i++)
		out->limb[i] = from[i + 1] << bits | from[i] >> 1 >> (63 - bits);
}

/* Shifts right, filling with `fill` (0, or all ones for a negative number); 256 and more give fill
 * alone. */
static inline void gyr_u256_shift_right_filling(struct gyr_u256 *out, const struct gyr_u256 *a,
						unsigned shift, uint64_t fill)
{
	uint64_t wide[9] = {
		a->limb[0], a->limb[1], a->limb[2], a->limb[3], fill, fill, fill, fill, fill,
	};
	unsigned limbs = shift < 256 ? shift / 64 : 4, bits = shift < 256 ? shift % 64 : 0;
	const uint64_t *from = wide + limbs;

	for (unsigned i = 0; i < 4; i++)
		out->limb[i] = from[i] >> bits | from[i + 1] << 1 << (63 - bits);
}

static inline void gyr_u256_shr(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned shift)
{
	gyr_u256_shift_right_filling(out, a, shift, 0);
}

/* Arithmetic shift right. */
static inline void gyr_u256_sar(struct gyr_u256 *out, const struct gyr_u256 *a, unsigned shift)
{
	gyr_u256_shift_right_filling(out, a, shift, gyr_u256_is_negative(a) ? UINT64_MAX : 0);
}

/* Byte `index` counted from the most significant (EVM BYTE); 0 for 32 and beyond. */
static inline uint8_t gyr_u256_byte(const struct gyr_u256 *a, const struct gyr_u256 *index)
{
	unsigned at = gyr_u256_to_shift(index);

	if (at >= 32)
		return 0;
	return (uint8_t)(a->limb[3 - at / 8] >> (56 - 8 * (at % 8)));
}

/* EVM SIGNEXTEND: takes a as a signed number of `index` + 1 bytes; unchanged for 31 and beyond. */
static inline void gyr_u256_sign_extend(struct gyr_u256 *out, const struct gyr_u256 *a,
					const struct gyr_u256 *index)
{
	unsigned at = gyr_u256_to_shift(index);
	unsigned shift = at >= 31 ? 0 : 248 - 8 * at;

	gyr_u256_shl(out, a, shift);
	gyr_u256_sar(out, out, shift);
}

/* a * b modulo 2^256. */
static inline void gyr_u256_mul(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	const uint64_t *x = a->limb, *y = b->limb;
	uint64_t r0, r1, r2, r3, carry;
	gyr_u128 t;

	t = (gyr_u128)x[0] * y[0];
	r0 = (uint64_t)t;
	t = (gyr_u128)x[0] * y[1] + (uint64_t)(t >> 64);
	r1 = (uint64_t)t;
	t = (gyr_u128)x[0] * y[2] + (uint64_t)(t >> 64);
	r2 = (uint64_t)t;
	r3 = (uint64_t)(t >> 64) + x[0] * y[3];

	t = (gyr_u128)x[1] * y[0] + r1;
	r1 = (uint64_t)t;
	carry = (uint64_t)(t >> 64);
	t = (gyr_u128)x[1] * y[1] + r2 + carry;
	r2 = (uint64_t)t;
	r3 += (uint64_t)(t >> 64) + x[1] * y[2];

	t = (gyr_u128)x[2] * y[0] + r2;
	r2 = (uint64_t)t;
	r3 += (uint64_t)(t >> 64) + x[2] * y[1] + x[3] * y[0];

	out->limb[0] = r0;
	out->limb[1] = r1;
	out->limb[2] = r2;
	out->limb[3] = r3;
}

/* a * b modulo 2^256; true when it overflowed. */
static inline bool gyr_u256_mul_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	gyr_u128 t = 0;

	for (int i = 0; i < 4; i++) {
		t += (gyr_u128)a->limb[i] * b;
		out->limb[i] = (uint64_t)t;
		t >>= 64;
	}
	return t != 0;
}

/* The full product, eight limbs. */
void gyr_u256_mul_full(uint64_t out[8], const struct gyr_u256 *a, const struct gyr_u256 *b);

/* a * b modulo 2^256; true when it overflowed. */
bool gyr_u256_mul_overflows(struct gyr_u256 *out, const struct gyr_u256 *a,
			    const struct gyr_u256 *b);

/*
 * Quotient and remainder; either may be NULL. Division by zero gives zero for both (EVM). Knuth's
 * algorithm D, with paths of their own for one-limb divisors and one-limb quotients.
 */
void gyr_u256_divide(struct gyr_u256 *quotient, struct gyr_u256 *remainder,
		     const struct gyr_u256 *a, const struct gyr_u256 *b);

static inline void gyr_u256_div(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	gyr_u256_divide(out, NULL, a, b);
}

static inline void gyr_u256_mod(struct gyr_u256 *out, const struct gyr_u256 *a,
				const struct gyr_u256 *b)
{
	gyr_u256_divide(NULL, out, a, b);
}

/* a / b for b != 0; returns the remainder. */
uint64_t gyr_u256_divide_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b);

/* EVM SDIV by 0 < b < 2^63. */
void gyr_u256_sdiv_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b);

/* EVM SDIV: truncates towards zero; the minimum divided by -1 is the minimum; by zero is zero. */
void gyr_u256_sdiv(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b);

/* EVM SMOD: the sign is that of a; by zero is zero. */
void gyr_u256_smod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b);

/* (a + b) mod m over the 257-bit sum; m = 0 gives zero. */
void gyr_u256_addmod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b,
		     const struct gyr_u256 *m);

/* (a * b) mod m over the 512-bit product; m = 0 gives zero. */
void gyr_u256_mulmod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b,
		     const struct gyr_u256 *m);

/* a to the power b modulo 2^256; 0 to the power 0 is 1. */
void gyr_u256_exp(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b);

#define GYR_U256_MODULUS_COUNT 4

/*
 * Barrett reciprocals of the moduli last used by one caller, for code that works modulo few large
 * numbers (curve arithmetic in contracts): a hit costs less than half a division. A modulus earns
 * its reciprocal when it comes a second time, so that ever-changing moduli cost nothing extra. One
 * owner, no sharing between threads; all zero is an empty cache. Results never depend on it.
 */
struct gyr_u256_modulus_cache {
	struct {
		struct gyr_u256 modulus;
		uint64_t reciprocal[5]; /* floor(2^512 / modulus); all zero: not made yet */
	} entry[GYR_U256_MODULUS_COUNT];
	unsigned next; /* the entry that is replaced next */
};

/* gyr_u256_mulmod through a cache. */
void gyr_u256_mulmod_cached(struct gyr_u256_modulus_cache *cache, struct gyr_u256 *out,
			    const struct gyr_u256 *a, const struct gyr_u256 *b,
			    const struct gyr_u256 *m);

#endif
