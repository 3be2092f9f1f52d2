/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field of secp256k1 in every lane of a vector: five 52-bit limbs.
 *
 * Bounds, in multiples of p, are written behind the lines of the formulas that use this
 * (lanes_point.h and others). The contract:
 *
 * - A stored value is below 16 p < 2^260, its top limb below 2^52. Limbs 0..3 are below 2^52
 *   ("clean"), or their low 52 bits are what counts ("dirty": the carry has moved on but was not
 *   masked off). A dirty value may only be multiplied, which reads 52 bits.
 * - A column of one product collects at most 9 partial products below 2^52; products are summed up
 * to three times (2 a b + c d), so columns stay below 27 * 2^52 < 2^57. Such a sum must stay below
 *   2^520, that is the factors' bounds, multiplied and summed, below 256 (p^2 < 2^512). Then the
 * top column, after the carries, is below 2^52.
 * - field_fold turns columns into a value below (1 + 2^-40) p + 2^213, called 1 below: limbs 0..3
 *   below 2^57, limb 4 below 2^48. The linear step of a formula is applied to these columns, and
 * only then one carry runs (field_ripple). Subtraction is addition of k p - x, where 2^60 is lent
 * to the low limbs: x may have limbs 0..3 below 2^60 and a value below (k - 1/2^40) p, the top limb
 * never goes negative.
 *
 * With IFMA_CHECKED, a build for tests, these bounds are asserted at every product.
 */
#ifndef LANES_FIELD_H
#define LANES_FIELD_H

#include "gyr_secp_field.h"
#include "lanes.h"

struct field {
	vec limb[5];
};

#define MASK52 v_set(GYR_SECP_MASK52)
#define MASK48 v_set(GYR_SECP_MASK48)

/* Limb i of k p with 2^60 lent to limbs 0..3 by the next ones (2^60 = 2^8 * 2^52). */
#define FIELD_P_LIMB(i)                                                                            \
	((i) == 0 ? GYR_SECP_FIELD_P0 : (i) < 4 ? GYR_SECP_FIELD_P1 : GYR_SECP_FIELD_P4)
#define FIELD_MINUEND(k, i)                                                                        \
	v_set((uint64_t)(k)*FIELD_P_LIMB(i) + ((i) < 4 ? 1ull << 60 : 0) -                         \
	      ((i) > 0 ? 1ull << 8 : 0))

#define EACH_LIMB(i) _Pragma("GCC unroll 5") for (size_t i = 0; (i) < 5; (i)++)

#ifdef IFMA_CHECKED
INLINE void field_check(const struct field *a)
{
	gyr_assert(!v_exceeds(a->limb[4], v_set(GYR_SECP_MASK52)));
}

INLINE void field_check_columns(const vec t[10])
{
	for (int i = 0; i < 10; i++)
		gyr_assert(!v_exceeds(t[i], v_set(1ull << 57)));
}

INLINE void field_check_top(vec top)
{
	gyr_assert(!v_exceeds(top, v_set(GYR_SECP_MASK52)));
}

/* What a subtraction leaves is never negative, nor near to wrapping. */
INLINE void field_check_linear(const vec t[5])
{
	for (int i = 0; i < 5; i++)
		gyr_assert(!v_exceeds(t[i], v_set(1ull << 62)));
}
#else
#define field_check(a)	       ((void)(a))
#define field_check_columns(t) ((void)(t))
#define field_check_top(top)   ((void)(top))
#define field_check_linear(t)  ((void)(t))
#endif

/* t += a b */
INLINE void field_accumulate(vec t[10], const struct field *a, const struct field *b)
{
	field_check(a);
	field_check(b);
	EACH_LIMB(i)
	{
		EACH_LIMB(j)
		t[i + j] = v_low(t[i + j], a->limb[i], b->limb[j]);
		EACH_LIMB(j)
		t[i + j + 1] = v_high(t[i + j + 1], a->limb[i], b->limb[j]);
	}
}

/* t = a b */
INLINE void field_product(vec t[10], const struct field *a, const struct field *b)
{
	for (int i = 0; i < 10; i++)
		t[i] = v_zero();
	field_accumulate(t, a, b);
}

/* t = a^2: the cross terms once, doubled in the columns. */
INLINE void field_square(vec t[10], const struct field *a)
{
	field_check(a);
	for (int i = 0; i < 10; i++)
		t[i] = v_zero();
	EACH_LIMB(i)
	{
#pragma GCC unroll 5
		for (size_t j = i + 1; j < 5; j++) {
			t[i + j] = v_low(t[i + j], a->limb[i], a->limb[j]);
			t[i + j + 1] = v_high(t[i + j + 1], a->limb[i], a->limb[j]);
		}
	}
#pragma GCC unroll 10
	for (int i = 1; i < 9; i++)
		t[i] = v_add(t[i], t[i]);
	EACH_LIMB(i)
	{
		t[2 * i] = v_low(t[2 * i], a->limb[i], a->limb[i]);
		t[2 * i + 1] = v_high(t[2 * i + 1], a->limb[i], a->limb[i]);
	}
}

/*
 * Ten columns to five, see above. The carry of the high half is complete, so that each of its limbs
 * is exact in 52 bits; 2^260 and then what exceeds 2^256 are folded by their residues. What
 * exceeds, (t4 >> 48) + (x5 << 4), is below 2^42.
 */
INLINE void field_fold(vec t[10])
{
	const vec fold4 = v_set(GYR_SECP_FIELD_FOLD4), fold = v_set(GYR_SECP_FIELD_FOLD);
	vec over, x5;

	field_check_columns(t);
	t[6] = v_add(t[6], v_shift_right(t[5], 52));
	t[7] = v_add(t[7], v_shift_right(t[6], 52));
	t[8] = v_add(t[8], v_shift_right(t[7], 52));
	t[9] = v_add(t[9], v_shift_right(t[8], 52));
	field_check_top(t[9]);
	EACH_LIMB(i)
	t[i] = v_low(t[i], t[5 + i], fold4);
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		t[i + 1] = v_high(t[i + 1], t[5 + i], fold4);
	x5 = v_high(v_zero(), t[9], fold4);
	over = v_add(v_shift_right(t[4], 48), v_shift_left(x5, 4));
	t[4] = v_and(t[4], MASK48);
	t[0] = v_low(t[0], over, fold);
	t[1] = v_high(t[1], over, fold);
}

/* Carries, clean. */
INLINE void field_ripple(struct field *r, const vec t[5])
{
	vec u1, u2, u3;

	field_check_linear(t);
	u1 = v_add(t[1], v_shift_right(t[0], 52));
	u2 = v_add(t[2], v_shift_right(u1, 52));
	u3 = v_add(t[3], v_shift_right(u2, 52));
	r->limb[0] = v_and(t[0], MASK52);
	r->limb[1] = v_and(u1, MASK52);
	r->limb[2] = v_and(u2, MASK52);
	r->limb[3] = v_and(u3, MASK52);
	r->limb[4] = v_add(t[4], v_shift_right(u3, 52));
}

/* Carries, dirty: for a value that is only multiplied. */
INLINE void field_ripple_dirty(struct field *r, const vec t[5])
{
	vec u1, u2, u3;

	field_check_linear(t);
	u1 = v_add(t[1], v_shift_right(t[0], 52));
	u2 = v_add(t[2], v_shift_right(u1, 52));
	u3 = v_add(t[3], v_shift_right(u2, 52));
	r->limb[0] = t[0];
	r->limb[1] = u1;
	r->limb[2] = u2;
	r->limb[3] = u3;
	r->limb[4] = v_add(t[4], v_shift_right(u3, 52));
}

INLINE void field_mul(struct field *r, const struct field *a, const struct field *b)
{
	vec t[10];

	field_product(t, a, b);
	field_fold(t);
	field_ripple(r, t);
}

INLINE void field_mul_dirty(struct field *r, const struct field *a, const struct field *b)
{
	vec t[10];

	field_product(t, a, b);
	field_fold(t);
	field_ripple_dirty(r, t);
}

INLINE void field_sqr(struct field *r, const struct field *a)
{
	vec t[10];

	field_square(t, a);
	field_fold(t);
	field_ripple(r, t);
}

INLINE void field_sqr_dirty(struct field *r, const struct field *a)
{
	vec t[10];

	field_square(t, a);
	field_fold(t);
	field_ripple_dirty(r, t);
}

/* The same in every lane. */
INLINE void field_set(struct field *r, const uint64_t limb[5])
{
	EACH_LIMB(i)
	r->limb[i] = v_set(limb[i]);
}

INLINE void field_one(struct field *r)
{
	static const uint64_t one[5] = { 1 };

	field_set(r, one);
}

/* m ? b : a */
INLINE void field_blend(struct field *r, lane_mask m, const struct field *a, const struct field *b)
{
	EACH_LIMB(i)
	r->limb[i] = v_blend(m, a->limb[i], b->limb[i]);
}

/*
 * From any clean stored value to one below 2^256 + 2^34 with clean limbs, and after the second
 * round below 2^256: the first leaves less than 2^256 + 16 * 2^33, so a second overflow is 1 bit
 * and leaves almost nothing.
 */
INLINE void field_weak(struct field *r, const struct field *a)
{
	struct field x = *a;

	for (int round = 0; round < 2; round++) {
		vec t[5], over = v_shift_right(x.limb[4], 48);

		EACH_LIMB(i)
		t[i] = x.limb[i];
		t[4] = v_and(t[4], MASK48);
		/* over * (2^32 + 0x3d1) */
		t[0] = v_add(t[0], v_mul32(over, v_set(0x3d1)));
		t[0] = v_add(t[0], v_shift_left(over, 32));
		field_ripple(&x, t);
	}
	*r = x;
}

/* The one value below p. */
INLINE void field_normalize(struct field *r, const struct field *a)
{
	struct field x, y;
	lane_mask above;
	vec t[5];

	field_weak(&x, a);
	EACH_LIMB(i)
	t[i] = x.limb[i];
	t[0] = v_add(t[0], v_set(GYR_SECP_FIELD_FOLD));
	field_ripple(&y, t);
	above = v_any_bits(y.limb[4], v_set(1ull << 48));
	y.limb[4] = v_and(y.limb[4], MASK48);
	field_blend(r, above, &x, &y);
}

INLINE lane_mask field_is_zero_normalized(const struct field *a)
{
	vec any = v_or(v_or(v_or(a->limb[0], a->limb[1]), v_or(a->limb[2], a->limb[3])),
		       a->limb[4]);

	return v_is_zero(any);
}

INLINE lane_mask field_is_zero(const struct field *a)
{
	struct field x;

	field_normalize(&x, a);
	return field_is_zero_normalized(&x);
}

/* Of two normalized values. */
INLINE lane_mask field_same(const struct field *a, const struct field *b)
{
	lane_mask same = LANES_ALL;

	EACH_LIMB(i)
	same = m_and(same, v_equal(a->limb[i], b->limb[i]));
	return same;
}

/* Four 64-bit words, least significant first, to limbs. */
INLINE void field_unpack(struct field *r, vec w0, vec w1, vec w2, vec w3)
{
	r->limb[0] = v_and(w0, MASK52);
	r->limb[1] = v_and(v_shift_pair(w0, w1, 52), MASK52);
	r->limb[2] = v_and(v_shift_pair(w1, w2, 40), MASK52);
	r->limb[3] = v_and(v_shift_pair(w2, w3, 28), MASK52);
	r->limb[4] = v_shift_right(w3, 16);
}

/* The reverse, of a value below 2^256 with clean limbs. */
INLINE void field_pack(vec w[4], const struct field *a)
{
	w[0] = v_or(a->limb[0], v_shift_left(a->limb[1], 52));
	w[1] = v_or(v_shift_right(a->limb[1], 12), v_shift_left(a->limb[2], 40));
	w[2] = v_or(v_shift_right(a->limb[2], 24), v_shift_left(a->limb[3], 28));
	w[3] = v_or(v_shift_right(a->limb[3], 36), v_shift_left(a->limb[4], 16));
}

#endif
