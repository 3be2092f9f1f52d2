/* SPDX-License-Identifier: Apache-2.0 */
#include "limbs.h"

/* (high, low) / d where high < d. */
static inline uint64_t divide_two_by_one(uint64_t *remainder, uint64_t high, uint64_t low,
					 uint64_t d)
{
#if defined(__x86_64__)
	uint64_t quotient, rest;

	__asm__("divq %4" : "=a"(quotient), "=d"(rest) : "0"(low), "1"(high), "r"(d) : "cc");
	*remainder = rest;
	return quotient;
#else
	/* In halves of 32 bits, each quotient digit from one machine division (Knuth 4.3.1 D;
	 * Warren, Hacker's Delight, 9-4). The divisor is normalized here. */
	const uint64_t half = UINT64_C(1) << 32;
	unsigned shift = (unsigned)__builtin_clzll(d);
	uint64_t top, next, digit[2];

	d <<= shift;
	high = high << shift | low >> 1 >> (63 - shift);
	low <<= shift;
	top = high;
	for (int i = 0; i < 2; i++) {
		uint64_t q = top / (d >> 32), r = top % (d >> 32);

		next = i == 0 ? low >> 32 : low & (half - 1);
		while (q >= half || q * (d & (half - 1)) > (r << 32 | next)) {
			q--;
			r += d >> 32;
			if (r >= half)
				break;
		}
		digit[i] = q;
		top = (top << 32 | next) - q * d;
	}
	*remainder = top >> shift;
	return digit[0] << 32 | digit[1];
#endif
}

/* u[0..n] -= q * v[0..n-1]; true when the result went below zero. */
static inline bool subtract_product(uint64_t *u, uint64_t q, const uint64_t *v, unsigned n)
{
	uint64_t carry = 0;
	uint8_t borrow = 0;

	for (unsigned i = 0; i < n; i++) {
		gyr_u128 p = (gyr_u128)q * v[i] + carry;

		carry = (uint64_t)(p >> 64);
		u[i] = gyr_u64_sub_borrow(u[i], (uint64_t)p, &borrow);
	}
	u[n] = gyr_u64_sub_borrow(u[n], carry, &borrow);
	return borrow != 0;
}

/* The next quotient digit of u[0..n] by v[0..n-1], n >= 2, v normalized; u becomes the rest. */
static inline uint64_t divide_step(uint64_t *u, const uint64_t *v, unsigned n)
{
	uint64_t q = UINT64_MAX, rest;

	if (u[n] < v[n - 1]) {
		gyr_u128 product;

		q = divide_two_by_one(&rest, u[n], u[n - 1], v[n - 1]);
		product = (gyr_u128)q * v[n - 2];
		while (product > ((gyr_u128)rest << 64 | u[n - 2])) {
			q--;
			product -= v[n - 2];
			rest += v[n - 1];
			if (rest < v[n - 1])
				break;
		}
	}
	if (subtract_product(u, q, v, n)) {
		uint8_t carry;

		/* One too many; two where the digit was not estimated. */
		do {
			carry = 0;
			q--;
			for (unsigned i = 0; i < n; i++)
				u[i] = gyr_u64_add_carry(u[i], v[i], &carry);
			u[n] = gyr_u64_add_carry(u[n], 0, &carry);
		} while (carry == 0);
	}
	return q;
}

static void shift_left(uint64_t *to, const uint64_t *from, unsigned count, unsigned bits)
{
	for (unsigned i = count; i-- > 1;)
		to[i] = from[i] << bits | from[i - 1] >> 1 >> (63 - bits);
	to[0] = from[0] << bits;
}

void limbs_divide(uint64_t *quotient, uint64_t *remainder, const uint64_t *a, unsigned a_count,
		  const uint64_t *b, unsigned b_count)
{
	uint64_t u[LIMBS_DIVIDEND_MAX + 1], v[LIMBS_DIVISOR_MAX], q[LIMBS_DIVIDEND_MAX] = { 0 };
	unsigned a_used = a_count, b_used = b_count, bits;

	gyr_assert(a_count <= LIMBS_DIVIDEND_MAX && b_count <= LIMBS_DIVISOR_MAX);
	while (b_used > 0 && b[b_used - 1] == 0)
		b_used--;
	gyr_assert(b_used > 0);
	while (a_used > 0 && a[a_used - 1] == 0)
		a_used--;

	if (a_used < b_used) {
		for (unsigned i = 0; i < b_count; i++)
			u[i] = i < a_used ? a[i] : 0;
		bits = 0;
	} else if (b_used == 1) {
		uint64_t rest = 0;

		for (unsigned i = a_used; i-- > 0;)
			q[i] = divide_two_by_one(&rest, rest, a[i], b[0]);
		u[0] = rest;
		u[1] = 0;
		bits = 0;
	} else {
		bits = (unsigned)__builtin_clzll(b[b_used - 1]);
		shift_left(v, b, b_used, bits);
		u[a_used] = a[a_used - 1] >> 1 >> (63 - bits);
		shift_left(u, a, a_used, bits);
		for (unsigned j = a_used - b_used + 1; j-- > 0;)
			q[j] = divide_step(u + j, v, b_used);
	}
	if (quotient != NULL)
		memcpy(quotient, q, a_count * sizeof *q);
	if (remainder == NULL)
		return;
	for (unsigned i = 0; i < b_count; i++)
		remainder[i] = i < b_used
				       ? u[i] >> bits |
						 (i + 1 < b_used ? u[i + 1] << 1 << (63 - bits) : 0)
				       : 0;
}

uint64_t gyr_u256_divide_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	uint64_t x0 = a->limb[0], x1 = a->limb[1], x2 = a->limb[2], x3 = a->limb[3];
	uint64_t q1 = 0, q2 = 0, q3 = 0, q0, rest = 0;

	gyr_assert(b != 0);
	/* A limb below the divisor, with nothing above it, is a remainder already. */
	if (x3 >= b)
		q3 = divide_two_by_one(&rest, 0, x3, b);
	else
		rest = x3;
	if ((rest | x2) != 0)
		q2 = divide_two_by_one(&rest, rest, x2, b);
	if ((rest | x1) != 0)
		q1 = divide_two_by_one(&rest, rest, x1, b);
	q0 = divide_two_by_one(&rest, rest, x0, b);
	*out = (struct gyr_u256){ { q0, q1, q2, q3 } };
	return rest;
}

void gyr_u256_divide(struct gyr_u256 *quotient, struct gyr_u256 *remainder,
		     const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	if (GYR_LIKELY(gyr_u256_fits_u64(b))) {
		struct gyr_u256 q = gyr_u256_from_u64(0);
		uint64_t rest = 0;

		if (b->limb[0] != 0)
			rest = gyr_u256_divide_u64(&q, a, b->limb[0]);
		if (quotient != NULL)
			*quotient = q;
		if (remainder != NULL)
			*remainder = gyr_u256_from_u64(rest);
		return;
	}
	limbs_divide(quotient == NULL ? NULL : quotient->limb,
		     remainder == NULL ? NULL : remainder->limb, a->limb, 4, b->limb, 4);
}

void gyr_u256_sdiv(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	bool a_negative = gyr_u256_is_negative(a), b_negative = gyr_u256_is_negative(b);
	struct gyr_u256 x = *a, y = *b;

	if (a_negative)
		gyr_u256_negate(&x, &x);
	if (b_negative)
		gyr_u256_negate(&y, &y);
	gyr_u256_divide(out, NULL, &x, &y);
	if (a_negative != b_negative)
		gyr_u256_negate(out, out);
}

void gyr_u256_sdiv_u64(struct gyr_u256 *out, const struct gyr_u256 *a, uint64_t b)
{
	struct gyr_u256 x = *a;

	if (!gyr_u256_is_negative(a)) {
		(void)gyr_u256_divide_u64(out, a, b);
		return;
	}
	gyr_u256_negate(&x, &x);
	(void)gyr_u256_divide_u64(&x, &x, b);
	gyr_u256_negate(out, &x);
}

void gyr_u256_smod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	bool a_negative = gyr_u256_is_negative(a);
	struct gyr_u256 x = *a, y = *b;

	if (a_negative)
		gyr_u256_negate(&x, &x);
	if (gyr_u256_is_negative(&y))
		gyr_u256_negate(&y, &y);
	gyr_u256_divide(NULL, out, &x, &y);
	if (a_negative)
		gyr_u256_negate(out, out);
}
