/* SPDX-License-Identifier: Apache-2.0 */
#include "modexp_limbs.h"

void limbs_mul(uint64_t *r, const uint64_t *a, const uint64_t *b, size_t count)
{
	memset(r, 0, count * sizeof *r);
	for (size_t i = 0; i < count; i++)
		r[i + count] = limbs_add_mul(r + i, a, count, b[i]);
}

void limbs_square(uint64_t *r, const uint64_t *a, size_t count)
{
	uint64_t carry = 0;

	/* each product of two different limbs once, then twice, then the squares */
	memset(r, 0, 2 * count * sizeof *r);
	for (size_t i = 0; i + 1 < count; i++)
		r[i + count] = limbs_add_mul(r + 2 * i + 1, a + i + 1, count - i - 1, a[i]);
	(void)limbs_shift_left(r, r, 2 * count, 1);
	for (size_t i = 0; i < count; i++) {
		limbs_u128 square = (limbs_u128)a[i] * a[i];
		limbs_u128 low = (limbs_u128)r[2 * i] + (uint64_t)square + carry;
		limbs_u128 high = (limbs_u128)r[2 * i + 1] + (uint64_t)(square >> 64) +
				  (uint64_t)(low >> 64);

		r[2 * i] = (uint64_t)low;
		r[2 * i + 1] = (uint64_t)high;
		carry = (uint64_t)(high >> 64);
	}
}

/*
 * Reciprocals after Moller and Granlund, Improved division by invariant integers (2011): with two
 * limbs or more the 3-by-2 one (algorithm 6), with one limb the 2-by-1 one.
 */
struct limbs_divisor limbs_divisor_of(const uint64_t *normalized, size_t count)
{
	uint64_t d1 = normalized[count - 1];
	uint64_t v;

	gyr_assert(d1 >> 63 == 1);
	v = (uint64_t)(((limbs_u128)~d1 << 64 | UINT64_MAX) / d1);
	if (count > 1) {
		uint64_t d0 = normalized[count - 2];
		uint64_t p = d1 * v + d0;

		if (p < d0) {
			v--;
			if (p >= d1) {
				v--;
				p -= d1;
			}
			p -= d1;
		}
		limbs_u128 t = (limbs_u128)v * d0;

		p += (uint64_t)(t >> 64);
		if (p < (uint64_t)(t >> 64)) {
			v--;
			if (((limbs_u128)p << 64 | (uint64_t)t) >= ((limbs_u128)d1 << 64 | d0))
				v--;
		}
	}
	return (struct limbs_divisor){ normalized, count, v };
}

static void remainder_by_one(uint64_t *a, size_t count, uint64_t d, uint64_t v)
{
	uint64_t r = a[count - 1];

	a[count - 1] = 0;
	for (size_t i = count - 1; i-- > 0;) {
		limbs_u128 q = (limbs_u128)v * r + ((limbs_u128)r << 64 | a[i]);
		uint64_t q1 = (uint64_t)(q >> 64) + 1;
		uint64_t next = a[i] - q1 * d;

		if (next > (uint64_t)q)
			next += d;
		if (next >= d)
			next -= d;
		r = next;
		a[i] = 0;
	}
	a[0] = r;
}

/* The quotient limb of (u2, u1, u0) by (d1, d0), where (u2, u1) < (d1, d0): algorithm 5. */
static inline uint64_t quotient_3_by_2(uint64_t u2, uint64_t u1, uint64_t u0, uint64_t d1,
				       uint64_t d0, uint64_t v)
{
	limbs_u128 d = (limbs_u128)d1 << 64 | d0;
	limbs_u128 q = (limbs_u128)v * u2 + ((limbs_u128)u2 << 64 | u1);
	uint64_t q1 = (uint64_t)(q >> 64);
	uint64_t r1 = u1 - q1 * d1;
	limbs_u128 r = ((limbs_u128)r1 << 64 | u0) - (limbs_u128)d0 * q1 - d;

	q1++;
	if ((uint64_t)(r >> 64) >= (uint64_t)q) {
		q1--;
		r += d;
	}
	if (r >= d)
		q1++;
	return q1;
}

void limbs_remainder(uint64_t *a, size_t count, const struct limbs_divisor *divisor)
{
	const uint64_t *d = divisor->limbs;
	size_t n = divisor->count;

	gyr_assert(count >= n);
	if (n == 1) {
		remainder_by_one(a, count, d[0], divisor->reciprocal);
		return;
	}
	uint64_t d1 = d[n - 1];
	uint64_t d0 = d[n - 2];

	for (size_t i = count - n; i-- > 0;) {
		uint64_t *u = a + i; /* n + 1 limbs, the top n of them below the divisor */
		uint64_t q = UINT64_MAX;

		if (u[n] != d1 || u[n - 1] != d0)
			q = quotient_3_by_2(u[n], u[n - 1], u[n - 2], d1, d0, divisor->reciprocal);
		uint64_t borrow = limbs_sub_mul(u, d, n, q);

		/* the estimate is at most one too large */
		if (u[n] < borrow)
			(void)limbs_add(u, d, n);
		u[n] = 0;
	}
}
