/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of lanes_field.h with the fewest cycles from operands to result, for chains in which
 * each waits for the last: the low and high halves of the partial products are collected apart, so
 * that no accumulator waits for more than five of them, and the high half is folded without a
 * carry through it first.
 *
 * Bounds: operands as in lanes_field.h. A column collects at most 9 partial products below 2^52.
 * What it carries, below 2^5, goes to the next column: times 2^260 mod p it stays below 2^42, so
 * its low product is all of it. The highest column is one high partial product, below 2^52. The
 * result is what field_fold gives: value "1", limbs 0..3 below 16 * 2^52 < 2^57, limb 4 below 2^48.
 */
#ifndef LANES_LATENCY_H
#define LANES_LATENCY_H

#include "lanes_field.h"

/* Columns k of low and k + 1 of high partial products to five columns. */
INLINE void latency_fold(vec t[5], const vec low[9], const vec high[9])
{
	const vec fold4 = v_set(GYR_SECP_FIELD_FOLD4), fold = v_set(GYR_SECP_FIELD_FOLD);
	vec c[5], carry[5], over, x5;

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		c[i] = v_add(low[5 + i], high[4 + i]);
	c[4] = high[8];
	field_check_top(c[4]);
	t[0] = low[0];
#pragma GCC unroll 4
	for (int i = 1; i < 5; i++) {
		t[i] = v_add(low[i], high[i - 1]);
		carry[i] = v_low(v_zero(), v_shift_right(c[i - 1], 52), fold4);
	}
	EACH_LIMB(i)
	t[i] = v_low(t[i], c[i], fold4);
#pragma GCC unroll 4
	for (int i = 1; i < 5; i++) {
		carry[i] = v_high(carry[i], c[i - 1], fold4);
		t[i] = v_add(t[i], carry[i]);
	}
	x5 = v_high(v_zero(), c[4], fold4);
	over = v_add(v_shift_right(t[4], 48), v_shift_left(x5, 4));
	t[4] = v_and(t[4], MASK48);
	t[0] = v_low(t[0], over, fold);
	t[1] = v_high(t[1], over, fold);
}

/* t = a b, as five columns. */
INLINE void latency_product(vec t[5], const struct field *a, const struct field *b)
{
	vec low[9], high[9];

	field_check(a);
	field_check(b);
	/* The high columns first: the fold begins with them. */
#pragma GCC unroll 9
	for (int k = 8; k >= 0; k--) {
		low[k] = high[k] = v_zero();
		EACH_LIMB(i)
		{
			if (k - (int)i < 0 || k - (int)i > 4)
				continue;
			low[k] = v_low(low[k], a->limb[i], b->limb[k - (int)i]);
			high[k] = v_high(high[k], a->limb[i], b->limb[k - (int)i]);
		}
	}
	latency_fold(t, low, high);
}

/* t = a^2, as five columns: the cross terms once, doubled. */
INLINE void latency_square(vec t[5], const struct field *a)
{
	vec low[9], high[9];

	field_check(a);
#pragma GCC unroll 9
	for (int k = 8; k >= 0; k--) {
		low[k] = high[k] = v_zero();
		EACH_LIMB(i)
		{
			if (2 * (int)i >= k || k - (int)i > 4)
				continue;
			low[k] = v_low(low[k], a->limb[i], a->limb[k - (int)i]);
			high[k] = v_high(high[k], a->limb[i], a->limb[k - (int)i]);
		}
		low[k] = v_add(low[k], low[k]);
		high[k] = v_add(high[k], high[k]);
		if (k % 2 == 0) {
			low[k] = v_low(low[k], a->limb[k / 2], a->limb[k / 2]);
			high[k] = v_high(high[k], a->limb[k / 2], a->limb[k / 2]);
		}
	}
	latency_fold(t, low, high);
}

#endif
