/* SPDX-License-Identifier: Apache-2.0 */
#include "limbs.h"

void gyr_u256_load_be_short(struct gyr_u256 *out, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	gyr_assert(length <= sizeof out->limb);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t limb = 0;

		/* The last bytes are the lowest; what is left of fewer than eight, one by one. */
		if (length >= 8) {
			length -= 8;
			limb = gyr_load_be64(from + length);
		} else {
			for (size_t k = 0; k < length; k++)
				limb = limb << 8 | from[k];
			length = 0;
		}
		out->limb[i] = limb;
	}
}

void gyr_u256_mul_full(uint64_t out[8], const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	uint64_t r[8] = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		uint64_t carry = 0;

		for (unsigned j = 0; j < 4; j++) {
			gyr_u128 t = (gyr_u128)a->limb[i] * b->limb[j] + r[i + j] + carry;

			r[i + j] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		r[i + 4] = carry;
	}
	memcpy(out, r, sizeof r);
}

bool gyr_u256_mul_overflows(struct gyr_u256 *out, const struct gyr_u256 *a,
			    const struct gyr_u256 *b)
{
	uint64_t product[8];

	gyr_u256_mul_full(product, a, b);
	memcpy(out->limb, product, sizeof out->limb);
	return (product[4] | product[5] | product[6] | product[7]) != 0;
}

void gyr_u256_addmod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b,
		     const struct gyr_u256 *m)
{
	struct gyr_u256 sum, reduced;
	bool carry = gyr_u256_add(&sum, a, b);

	if (gyr_u256_less(a, m) && gyr_u256_less(b, m)) {
		bool below = gyr_u256_sub(&reduced, &sum, m);

		*out = carry || !below ? reduced : sum;
	} else if (!carry) {
		gyr_u256_divide(NULL, out, &sum, m);
	} else if (gyr_u256_is_zero(m)) {
		*out = gyr_u256_from_u64(0);
	} else {
		uint64_t wide[5] = { sum.limb[0], sum.limb[1], sum.limb[2], sum.limb[3], 1 };

		limbs_divide(NULL, out->limb, wide, 5, m->limb, 4);
	}
}

static void reduce(struct gyr_u256 *out, const uint64_t product[8], const struct gyr_u256 *m)
{
	if (gyr_u256_is_zero(m))
		*out = gyr_u256_from_u64(0);
	else
		limbs_divide(NULL, out->limb, product, 8, m->limb, 4);
}

void gyr_u256_mulmod(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b,
		     const struct gyr_u256 *m)
{
	uint64_t product[8];

	gyr_u256_mul_full(product, a, b);
	reduce(out, product, m);
}

/*
 * Barrett reduction (Menezes, van Oorschot, Vanstone: Handbook of Applied Cryptography, 14.42) with
 * k = 4 limbs: q3 = ((product >> 192) * reciprocal) >> 320 is at most 3 below the true quotient
 * (2 by the theorem, 1 because the lowest partial products are left out), so the difference of the
 * low five limbs is below 4 m.
 */
static void reduce_barrett(struct gyr_u256 *out, const uint64_t product[8],
			   const struct gyr_u256 *m, const uint64_t reciprocal[5])
{
	const uint64_t *q1 = product + 3, *q3;
	uint64_t t[10] = { 0 }, s[5] = { 0 }, r[5], d[5];
	uint8_t borrow = 0;

#pragma GCC unroll 5
	for (unsigned i = 0; i < 5; i++) {
		uint64_t carry = 0;

#pragma GCC unroll 5
		for (unsigned j = 0; j < 5; j++) {
			if (i + j < 3)
				continue;
			gyr_u128 x = (gyr_u128)q1[i] * reciprocal[j] + t[i + j] + carry;

			t[i + j] = (uint64_t)x;
			carry = (uint64_t)(x >> 64);
		}
		t[i + 5] = carry;
	}
	q3 = t + 5;
#pragma GCC unroll 5
	for (unsigned i = 0; i < 5; i++) {
		uint64_t carry = 0;

#pragma GCC unroll 4
		for (unsigned j = 0; j < 4; j++) {
			if (i + j > 4)
				continue;
			gyr_u128 x = (gyr_u128)q3[i] * m->limb[j] + s[i + j] + carry;

			s[i + j] = (uint64_t)x;
			carry = (uint64_t)(x >> 64);
		}
		if (i == 0)
			s[4] = carry;
	}
	for (unsigned i = 0; i < 5; i++)
		r[i] = gyr_u64_sub_borrow(product[i], s[i], &borrow);
	for (unsigned round = 0; round < 4; round++) {
		borrow = 0;
		for (unsigned i = 0; i < 4; i++)
			d[i] = gyr_u64_sub_borrow(r[i], m->limb[i], &borrow);
		d[4] = gyr_u64_sub_borrow(r[4], 0, &borrow);
		if (borrow != 0)
			break;
		memcpy(r, d, sizeof r);
	}
	gyr_assert(borrow != 0);
	memcpy(out->limb, r, sizeof out->limb);
}

/* floor(2^512 / m) for m > 2^192, so that it fits five limbs. */
static void make_reciprocal(uint64_t reciprocal[5], const struct gyr_u256 *m)
{
	const uint64_t power[9] = { 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	uint64_t quotient[9];

	limbs_divide(quotient, NULL, power, 9, m->limb, 4);
	gyr_assert(quotient[5] == 0 && quotient[4] != 0);
	memcpy(reciprocal, quotient, 5 * sizeof *reciprocal);
}

void gyr_u256_mulmod_cached(struct gyr_u256_modulus_cache *cache, struct gyr_u256 *out,
			    const struct gyr_u256 *a, const struct gyr_u256 *b,
			    const struct gyr_u256 *m)
{
	uint64_t product[8];

	gyr_u256_mul_full(product, a, b);
	for (unsigned i = 0; i < GYR_U256_MODULUS_COUNT; i++)
		if (gyr_u256_equal(&cache->entry[i].modulus, m) && m->limb[3] != 0) {
			if (cache->entry[i].reciprocal[4] == 0)
				make_reciprocal(cache->entry[i].reciprocal, m);
			reduce_barrett(out, product, m, cache->entry[i].reciprocal);
			return;
		}
	/* Below 2^192 division is short; exactly 2^192 has a reciprocal of six limbs. */
	if (m->limb[3] > 1 || (m->limb[3] == 1 && (m->limb[0] | m->limb[1] | m->limb[2]) != 0)) {
		unsigned next = cache->next % GYR_U256_MODULUS_COUNT;

		cache->next = next + 1;
		cache->entry[next].modulus = *m;
		memset(cache->entry[next].reciprocal, 0, sizeof cache->entry[next].reciprocal);
	}
	reduce(out, product, m);
}

void gyr_u256_exp(struct gyr_u256 *out, const struct gyr_u256 *a, const struct gyr_u256 *b)
{
	struct gyr_u256 base = *a, power = *b, result;
	unsigned bits = gyr_u256_bit_length(&power);

	if (bits == 0) {
		*out = gyr_u256_from_u64(1);
		return;
	}
	if (base.limb[0] == 2 && gyr_u256_fits_u64(&base)) {
		result = gyr_u256_from_u64(1);
		gyr_u256_shl(out, &result, gyr_u256_to_shift(&power));
		return;
	}
	result = base;
	for (unsigned i = bits - 1; i-- > 0;) {
		gyr_u256_mul(&result, &result, &result);
		if ((power.limb[i / 64] >> (i % 64) & 1) != 0)
			gyr_u256_mul(&result, &result, &base);
	}
	*out = result;
}
