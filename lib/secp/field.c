/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp_field.h"
#include "gyr_secp_inverse.h"

bool gyr_secp_field_from_bytes(struct gyr_secp_field *r, const uint8_t bytes[32])
{
	uint64_t w[4];

	for (size_t i = 0; i < 4; i++)
		w[i] = gyr_load_be64(bytes + 8 * (3 - i));
	gyr_secp_field_from_words(r, w);
	if ((w[1] & w[2] & w[3]) == UINT64_MAX && w[0] >= 0xfffffffefffffc2full) {
		gyr_secp_field_normalize(r);
		return false;
	}
	return true;
}

void gyr_secp_field_to_bytes(uint8_t bytes[32], const struct gyr_secp_field *a)
{
	uint64_t w[4];

	gyr_secp_field_to_words(w, a);
	for (size_t i = 0; i < 4; i++)
		gyr_store_be64(bytes + 8 * (3 - i), w[i]);
}

void gyr_secp_field_normalize(struct gyr_secp_field *r)
{
	uint64_t t[5], carry;

	/* The second carry leaves a value below 2^256 + 2^40, with true 52-bit limbs below the top.
	 */
	gyr_secp_field_carry(r);
	gyr_secp_field_carry(r);
	/* v >= p exactly when v + (2^256 - p) reaches 2^256; then that sum's rest is v - p. */
	carry = GYR_SECP_FIELD_FOLD;
	for (int i = 0; i < 4; i++) {
		t[i] = r->limb[i] + carry;
		carry = t[i] >> 52;
		t[i] &= GYR_SECP_MASK52;
	}
	t[4] = r->limb[4] + carry;
	if (t[4] >> 48 != 0) {
		t[4] &= GYR_SECP_MASK48;
		for (int i = 0; i < 5; i++)
			r->limb[i] = t[i];
	}
}

bool gyr_secp_field_is_zero(const struct gyr_secp_field *a)
{
	struct gyr_secp_field t = *a;

	gyr_secp_field_normalize(&t);
	return (t.limb[0] | t.limb[1] | t.limb[2] | t.limb[3] | t.limb[4]) == 0;
}

bool gyr_secp_field_equal(const struct gyr_secp_field *a, const struct gyr_secp_field *b)
{
	struct gyr_secp_field t;

	gyr_secp_field_negate(&t, b, 8);
	gyr_secp_field_add(&t, &t, a);
	return gyr_secp_field_is_zero(&t);
}

static void square_times(struct gyr_secp_field *r, const struct gyr_secp_field *a, int times)
{
	*r = *a;
	for (int i = 0; i < times; i++)
		gyr_secp_field_sqr(r, r);
}

/* r = a^(2^times) * b */
static void shift_in(struct gyr_secp_field *r, const struct gyr_secp_field *a, int times,
		     const struct gyr_secp_field *b)
{
	struct gyr_secp_field t;

	square_times(&t, a, times);
	gyr_secp_field_mul(r, &t, b);
}

/*
 * (p + 1) / 4 in binary is 223 ones, a zero, 22 ones, four zeros, two ones, two zeros. ones[k]
 * below is a^(2^k - 1), built by doubling the run of ones.
 */
bool gyr_secp_field_sqrt(struct gyr_secp_field *r, const struct gyr_secp_field *a)
{
	struct gyr_secp_field ones2, ones3, ones11, ones22, ones44, ones88, t, x = *a;

	gyr_secp_field_carry(&x);
	shift_in(&ones2, &x, 1, &x);
	shift_in(&ones3, &ones2, 1, &x);
	shift_in(&t, &ones3, 3, &ones3);
	shift_in(&t, &t, 3, &ones3);
	shift_in(&ones11, &t, 2, &ones2);
	shift_in(&ones22, &ones11, 11, &ones11);
	shift_in(&ones44, &ones22, 22, &ones22);
	shift_in(&ones88, &ones44, 44, &ones44);
	shift_in(&t, &ones88, 88, &ones88);
	shift_in(&t, &t, 44, &ones44);
	shift_in(&t, &t, 3, &ones3);
	shift_in(&t, &t, 23, &ones22);
	shift_in(&t, &t, 6, &ones2);
	square_times(r, &t, 2);
	gyr_secp_field_sqr(&t, r);
	return gyr_secp_field_equal(&t, &x);
}

void gyr_secp_field_inverse(struct gyr_secp_field *r, const struct gyr_secp_field *a)
{
	struct gyr_secp_field t = *a;
	uint64_t w[4];

	gyr_secp_field_normalize(&t);
	gyr_secp_field_to_words(w, &t);
	gyr_secp_inverse(w, w, &gyr_secp_modulus_p);
	gyr_secp_field_from_words(r, w);
}
