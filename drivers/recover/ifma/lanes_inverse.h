/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inverses of all lanes of up to VECTORS_MAX vectors with one scalar inversion: products of the
 * vectors, then across the lanes of the last, inverted, and back (Montgomery's trick). No lane may
 * be zero: callers put 1 there.
 */
#ifndef LANES_INVERSE_H
#define LANES_INVERSE_H

#include "lanes_scalar.h"

#include "gyr_secp_divsteps.h"

/* 64 signatures in vectors of eight, or 16 in vectors of four. */
#define VECTORS_MAX 8

typedef void multiply(struct field *r, const struct field *a, const struct field *b);

INLINE void swap_lanes(struct field *r, const struct field *a, int distance)
{
	EACH_LIMB(i)
	{
		if (distance == 1)
			r->limb[i] = v_swap1(a->limb[i]);
		else if (distance == 2)
			r->limb[i] = v_swap2(a->limb[i]);
#if LANE_COUNT == 8
		else
			r->limb[i] = v_swap4(a->limb[i]);
#endif
	}
}

/*
 * product: of all lanes of a, in every lane. others: in each lane, the product of all other lanes.
 */
INLINE void product_of_lanes(struct field *product, struct field *others, const struct field *a,
			     multiply *mul)
{
	struct field swapped;

	swap_lanes(others, a, 1);
	mul(product, a, others);
	swap_lanes(&swapped, product, 2);
	mul(product, product, &swapped);
	mul(others, others, &swapped);
#if LANE_COUNT == 8
	swap_lanes(&swapped, product, 4);
	mul(product, product, &swapped);
	mul(others, others, &swapped);
#endif
}

/* In every lane the inverse of lane 0, as plain numbers below the modulus. */
INLINE void invert_first(struct field *a, const struct gyr_secp_modulus *modulus)
{
	uint64_t word[4];
	vec w[4];

	field_pack(w, a);
	for (int i = 0; i < 4; i++)
		word[i] = v_first(w[i]);
	gyr_secp_inverse_inline(word, word, modulus);
	field_unpack(a, v_set(word[0]), v_set(word[1]), v_set(word[2]), v_set(word[3]));
}

/* Modulo p; clean in, clean out, bounds 16 and 1. */
OUT_OF_LINE void field_invert_all(struct field *a, size_t count)
{
	struct field before[VECTORS_MAX], product, inverse, t;

	gyr_assert(count >= 1 && count <= VECTORS_MAX);
	before[0] = a[0];
	for (size_t v = 1; v < count; v++)
		field_mul(&before[v], &before[v - 1], &a[v]);
	product_of_lanes(&product, &inverse, &before[count - 1], field_mul);
	field_normalize(&product, &product);
	invert_first(&product, &gyr_secp_modulus_p);
	field_mul(&inverse, &inverse, &product);
	for (size_t v = count - 1; v > 0; v--) {
		field_mul(&t, &inverse, &before[v - 1]);
		field_mul(&inverse, &inverse, &a[v]);
		a[v] = t;
	}
	a[0] = inverse;
}

/* Modulo n; values and results in Montgomery's form, below 2 n. */
OUT_OF_LINE void scalar_invert_all(struct field *a, size_t count)
{
	struct field before[VECTORS_MAX], product, inverse, t;

	gyr_assert(count >= 1 && count <= VECTORS_MAX);
	before[0] = a[0];
	for (size_t v = 1; v < count; v++)
		scalar_mul(&before[v], &before[v - 1], &a[v]);
	product_of_lanes(&product, &inverse, &before[count - 1], scalar_mul);
	field_one(&t);
	scalar_mul(&product, &product, &t);
	scalar_normalize(&product, &product);
	invert_first(&product, &gyr_secp_modulus_n);
	field_set(&t, to_montgomery_limbs);
	scalar_mul(&product, &product, &t);
	scalar_mul(&inverse, &inverse, &product);
	for (size_t v = count - 1; v > 0; v--) {
		scalar_mul(&t, &inverse, &before[v - 1]);
		scalar_mul(&inverse, &inverse, &a[v]);
		a[v] = t;
	}
	a[0] = inverse;
}

#endif
