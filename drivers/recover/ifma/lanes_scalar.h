/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic modulo the group order n in every lane: Montgomery's with 2^260 (Montgomery: Modular
 * multiplication without trial division, 1985) on the limbs of lanes_field.h; the split of scalars
 * by the endomorphism.
 */
#ifndef LANES_SCALAR_H
#define LANES_SCALAR_H

#include "lanes_field.h"

static const uint64_t order_limbs[5] = { 0x25e8cd0364141, 0xe6af48a03bbfd, 0xffffffebaaedc,
					 0xfffffffffffff, 0xffffffffffff };
/* p - n: R's x may be r + n only for r below this. */
static const uint64_t wrap_limbs[5] = { 0xda1722fc9baee, 0x1950b75fc4402, 0x1455123, 0, 0 };
/* 2^520 mod n: Montgomery's factor times 2^260. */
static const uint64_t to_montgomery_limbs[5] = { 0xe180c268b3b23, 0x94fd6e33e4c8e, 0xd07c73b975948,
						 0xc5e697f5e45bc, 0x671cd581c69b };
/* -1 / n mod 2^52 */
#define ORDER_NEGATIVE_INVERSE 0xdff665588b13f

/*
 * r = a b / 2^260 mod n, below 2 n, for a b < 2^260 n: clean limbs, say a < 2^257 and b < 2^258.
 * Columns: at most 18 partial products below 2^52 and a carry.
 */
INLINE void scalar_mul(struct field *r, const struct field *a, const struct field *b)
{
	const vec inverse = v_set(ORDER_NEGATIVE_INVERSE);
	vec t[10];

	field_product(t, a, b);
	EACH_LIMB(i)
	{
		vec q = v_low(v_zero(), t[i], inverse);

		EACH_LIMB(j)
		t[i + j] = v_low(t[i + j], q, v_set(order_limbs[j]));
		EACH_LIMB(j)
		t[i + j + 1] = v_high(t[i + j + 1], q, v_set(order_limbs[j]));
		t[i + 1] = v_add(t[i + 1], v_shift_right(t[i], 52));
	}
	field_ripple(r, t + 5);
}

/* From below 2 n to below n. */
INLINE void scalar_normalize(struct field *r, const struct field *a)
{
	vec t[5], carry = v_zero();
	lane_mask below;

	EACH_LIMB(i)
	{
		vec d = v_add(v_sub(a->limb[i], v_set(order_limbs[i])), carry);

		carry = v_shift_signed(d, 52);
		t[i] = v_and(d, MASK52);
	}
	below = v_is_negative(carry);
	EACH_LIMB(i)
	r->limb[i] = v_blend(below, t[i], a->limb[i]);
}

/* n - a for a at most n; n for 0. */
INLINE void scalar_negate(struct field *r, const struct field *a)
{
	vec carry = v_zero();

	EACH_LIMB(i)
	{
		vec d = v_add(v_sub(v_set(order_limbs[i]), a->limb[i]), carry);

		carry = v_shift_signed(d, 52);
		r->limb[i] = v_and(d, MASK52);
	}
}

/* a < b, limbs clean. */
INLINE lane_mask limbs_below(const struct field *a, const uint64_t b[5])
{
	vec carry = v_zero();

	EACH_LIMB(i)
	carry = v_shift_signed(v_add(v_sub(a->limb[i], v_set(b[i])), carry), 52);
	return v_is_negative(carry);
}

/*
 * round(k g / 2^364) in three limbs. The three lowest columns are left out: what they could carry
 * is below 2^-150 of the last place, so the result is off by one at most, and in that case by a
 * half either way: any integers near give a valid split.
 */
INLINE void scaled_by(vec c[3], const struct field *k, const uint64_t g[5])
{
	vec t[10];

	for (int i = 0; i < 10; i++)
		t[i] = v_zero();
	EACH_LIMB(i)
	EACH_LIMB(j)
	{
		if (i + j >= 3)
			t[i + j] = v_low(t[i + j], k->limb[i], v_set(g[j]));
		if (i + j + 1 >= 3)
			t[i + j + 1] = v_high(t[i + j + 1], k->limb[i], v_set(g[j]));
	}
	t[6] = v_add(t[6], v_set(1ull << 51));
#pragma GCC unroll 10
	for (int i = 3; i < 9; i++)
		t[i + 1] = v_add(t[i + 1], v_shift_right(t[i], 52));
	c[0] = v_and(t[7], MASK52);
	c[1] = v_and(t[8], MASK52);
	c[2] = t[9];
}

/* The low three limbs of c b, as columns. */
INLINE void low_product(vec t[3], const vec c[3], const uint64_t b[3])
{
	t[0] = v_low(v_zero(), c[0], v_set(b[0]));
	t[1] = v_low(v_zero(), c[0], v_set(b[1]));
	t[1] = v_low(t[1], c[1], v_set(b[0]));
	t[1] = v_high(t[1], c[0], v_set(b[0]));
	t[2] = v_low(v_zero(), c[0], v_set(b[2]));
	t[2] = v_low(t[2], c[1], v_set(b[1]));
	t[2] = v_low(t[2], c[2], v_set(b[0]));
	t[2] = v_high(t[2], c[0], v_set(b[1]));
	t[2] = v_high(t[2], c[1], v_set(b[0]));
}

/* Signed columns modulo 2^156 to the absolute value in three clean limbs; true where negative. */
INLINE lane_mask absolute(vec t[3])
{
	lane_mask negative;
	vec carry;

	carry = v_shift_signed(t[0], 52);
	t[0] = v_and(t[0], MASK52);
	t[1] = v_add(t[1], carry);
	carry = v_shift_signed(t[1], 52);
	t[1] = v_and(t[1], MASK52);
	t[2] = v_add(t[2], carry);
	t[2] = v_shift_signed(v_shift_left(t[2], 12), 12);
	negative = v_is_negative(t[2]);
	for (int i = 0; i < 3; i++)
		t[i] = v_sub_where(t[i], negative, v_zero(), t[i]);
	carry = v_shift_signed(t[0], 52);
	t[0] = v_and(t[0], MASK52);
	t[1] = v_add(t[1], carry);
	carry = v_shift_signed(t[1], 52);
	t[1] = v_and(t[1], MASK52);
	t[2] = v_add(t[2], carry);
	return negative;
}

/*
 * k = first + lambda second (mod n), absolute values below 2^129; the method and basis of
 * gyr_secp_scalar_split. As both parts are that small, arithmetic modulo 2^156 is enough.
 */
INLINE void scalar_split(vec first[3], lane_mask *first_negative, vec second[3],
			 lane_mask *second_negative, const struct field *k)
{
	/* round(2^364 b2 / n), round(2^364 (-b1) / n) */
	static const uint64_t g1[5] = { 0x7fe893209a45e, 0xdaa8a1471e8ca, 0x90e49284eb153,
					0x1a7d46bcde86c, 0x3086d22 };
	static const uint64_t g2[5] = { 0xc61571b4ae8ac, 0x21208ac9df506, 0x7fa90abfe4c42,
					0x6010e88286f54, 0xe4437ed };
	static const uint64_t a1[3] = { 0xc90e49284eb15, 0x21a7d46bcde86, 0x3086d2 };
	static const uint64_t a2[3] = { 0x1108d9d44cfd8, 0xf7a8e2f3f657c, 0x114ca50 };
	static const uint64_t minus_b1[3] = { 0x47fa90abfe4c3, 0xd6010e88286f5, 0xe4437e };
	vec c1[3], c2[3], x[3], y[3]; /* b2 is a1 */

	scaled_by(c1, k, g1);
	scaled_by(c2, k, g2);
	low_product(x, c1, minus_b1);
	low_product(y, c2, a1);
	for (int i = 0; i < 3; i++)
		second[i] = v_sub(x[i], y[i]);
	low_product(x, c1, a1);
	low_product(y, c2, a2);
	for (int i = 0; i < 3; i++)
		first[i] = v_sub(k->limb[i], v_add(x[i], y[i]));
	*first_negative = absolute(first);
	*second_negative = absolute(second);
}

#endif
