/* SPDX-License-Identifier: Apache-2.0 */
/* lib/u256 against GMP on random numbers, with limbs of all zeros and all ones made frequent. */
#include "gyr_test.h"

#include <gmp.h>

#include "gyr_u256.h"

#define ROUND_COUNT 200000

static uint64_t seed;
static mpz_t two_256;

static struct gyr_u256 number(void)
{
	struct gyr_u256 out = { { 0, 0, 0, 0 } };
	unsigned limbs = (unsigned)(gyr_test_random(&seed) % 6);

	for (unsigned i = 0; i < (limbs > 4 ? 4 : limbs); i++)
		switch (gyr_test_random(&seed) % 6) {
		case 0:
			out.limb[i] = 0;
			break;
		case 1:
			out.limb[i] = UINT64_MAX;
			break;
		case 2:
			out.limb[i] = UINT64_C(1) << gyr_test_random(&seed) % 64;
			break;
		case 3:
			out.limb[i] = gyr_test_random(&seed) >> gyr_test_random(&seed) % 64;
			break;
		default:
			out.limb[i] = gyr_test_random(&seed);
		}
	return out;
}

static void to_mpz(mpz_t out, const struct gyr_u256 *a)
{
	mpz_import(out, 4, -1, 8, 0, 0, a->limb);
}

static void to_mpz_signed(mpz_t out, const struct gyr_u256 *a)
{
	to_mpz(out, a);
	if (gyr_u256_is_negative(a))
		mpz_sub(out, out, two_256);
}

/* want modulo 2^256 equals got. */
static void check(const struct gyr_u256 *got, mpz_t want)
{
	struct gyr_u256 expected = { { 0, 0, 0, 0 } };
	mpz_t wrapped;

	mpz_init(wrapped);
	mpz_fdiv_r(wrapped, want, two_256);
	mpz_export(expected.limb, NULL, -1, 8, 0, 0, wrapped);
	mpz_clear(wrapped);
	assert_memory_equal(got, &expected, sizeof expected);
}

static void sums_and_products(void **state)
{
	struct gyr_u256 a, b, r;
	mpz_t x, y, w;
	bool over;

	(void)state;
	mpz_inits(x, y, w, NULL);
	for (int round = 0; round < ROUND_COUNT; round++) {
		a = number();
		b = number();
		to_mpz(x, &a);
		to_mpz(y, &b);
		over = gyr_u256_add(&r, &a, &b);
		mpz_add(w, x, y);
		check(&r, w);
		assert_true(over == (mpz_cmp(w, two_256) >= 0));
		over = gyr_u256_sub(&r, &a, &b);
		mpz_sub(w, x, y);
		check(&r, w);
		assert_true(over == (mpz_sgn(w) < 0));
		gyr_u256_mul(&r, &a, &b);
		mpz_mul(w, x, y);
		check(&r, w);
		over = gyr_u256_mul_overflows(&r, &a, &b);
		check(&r, w);
		assert_true(over == (mpz_cmp(w, two_256) >= 0));
		over = gyr_u256_mul_u64(&r, &a, b.limb[0]);
		mpz_import(y, 1, -1, 8, 0, 0, b.limb);
		mpz_mul(w, x, y);
		check(&r, w);
		assert_true(over == (mpz_cmp(w, two_256) >= 0));
		gyr_u256_negate(&r, &a);
		mpz_neg(w, x);
		check(&r, w);
		r = a;
		gyr_u256_mul(&r, &r, &r);
		mpz_mul(w, x, x);
		check(&r, w);
	}
	mpz_clears(x, y, w, NULL);
}

static void quotients(void **state)
{
	struct gyr_u256 a, b, q, r;
	mpz_t x, y, w;

	(void)state;
	mpz_inits(x, y, w, NULL);
	for (int round = 0; round < ROUND_COUNT; round++) {
		a = number();
		b = number();
		if (round % 8 == 0)
			(void)gyr_u256_add(&a, &b, &r);
		gyr_u256_divide(&q, &r, &a, &b);
		if (gyr_u256_is_zero(&b)) {
			assert_true(gyr_u256_is_zero(&q) && gyr_u256_is_zero(&r));
			gyr_u256_sdiv(&q, &a, &b);
			gyr_u256_smod(&r, &a, &b);
			assert_true(gyr_u256_is_zero(&q) && gyr_u256_is_zero(&r));
			continue;
		}
		to_mpz(x, &a);
		to_mpz(y, &b);
		mpz_tdiv_q(w, x, y);
		check(&q, w);
		mpz_tdiv_r(w, x, y);
		check(&r, w);
		to_mpz_signed(x, &a);
		to_mpz_signed(y, &b);
		gyr_u256_sdiv(&q, &a, &b);
		mpz_tdiv_q(w, x, y);
		check(&q, w);
		gyr_u256_smod(&r, &a, &b);
		mpz_tdiv_r(w, x, y);
		check(&r, w);
		q = a;
		gyr_u256_div(&q, &q, &b);
		gyr_u256_mod(&a, &a, &b);
		gyr_u256_mul(&q, &q, &b);
		assert_false(gyr_u256_add(&q, &q, &a));
	}
	mpz_clears(x, y, w, NULL);
}

static void modular(void **state)
{
	struct gyr_u256_modulus_cache cache = { .next = 0 };
	struct gyr_u256 a, b, m = { { 1, 0, 0, 0 } }, r, kept[3] = { { { 0 } } };
	mpz_t x, y, z, w;

	(void)state;
	mpz_inits(x, y, z, w, NULL);
	for (int round = 0; round < ROUND_COUNT; round++) {
		a = number();
		b = number();
		if (round % 64 == 0)
			kept[round / 64 % 3] = number();
		m = round % 3 == 0 ? number() : kept[round % 3];
		if (round % 1000 < 10)
			m = (struct gyr_u256){ { (uint64_t)round % 2, 0, 0, 1 } };
		to_mpz(x, &a);
		to_mpz(y, &b);
		to_mpz(z, &m);
		gyr_u256_addmod(&r, &a, &b, &m);
		mpz_add(w, x, y);
		if (mpz_sgn(z) == 0)
			mpz_set_ui(w, 0);
		else
			mpz_mod(w, w, z);
		check(&r, w);
		gyr_u256_mulmod(&r, &a, &b, &m);
		mpz_mul(w, x, y);
		if (mpz_sgn(z) == 0)
			mpz_set_ui(w, 0);
		else
			mpz_mod(w, w, z);
		check(&r, w);
		gyr_u256_mulmod_cached(&cache, &r, &a, &b, &m);
		check(&r, w);
		r = b;
		gyr_u256_mulmod_cached(&cache, &r, &a, &r, &m);
		check(&r, w);
	}
	mpz_clears(x, y, z, w, NULL);
}

static void powers(void **state)
{
	struct gyr_u256 a, b, r;
	mpz_t x, y, w;

	(void)state;
	mpz_inits(x, y, w, NULL);
	for (int round = 0; round < ROUND_COUNT / 20; round++) {
		a = round % 16 == 0 ? gyr_u256_from_u64(2) : number();
		b = number();
		to_mpz(x, &a);
		to_mpz(y, &b);
		gyr_u256_exp(&r, &a, &b);
		mpz_powm(w, x, y, two_256);
		check(&r, w);
		gyr_u256_exp(&b, &a, &b);
		check(&b, w);
	}
	mpz_clears(x, y, w, NULL);
}

static void shifts(void **state)
{
	struct gyr_u256 a, r;
	mpz_t x, w;

	(void)state;
	mpz_inits(x, w, NULL);
	for (int round = 0; round < ROUND_COUNT; round++) {
		unsigned shift = (unsigned)(gyr_test_random(&seed) % 300);

		a = number();
		to_mpz(x, &a);
		gyr_u256_shl(&r, &a, shift);
		mpz_mul_2exp(w, x, shift);
		check(&r, w);
		gyr_u256_shr(&r, &a, shift);
		mpz_fdiv_q_2exp(w, x, shift);
		check(&r, w);
		assert_int_equal(gyr_u256_bit_length(&a),
				 mpz_sgn(x) == 0 ? 0 : mpz_sizeinbase(x, 2));
		to_mpz_signed(x, &a);
		r = a;
		gyr_u256_sar(&r, &r, shift);
		mpz_fdiv_q_2exp(w, x, shift);
		check(&r, w);
		gyr_u256_shl(&r, &a, UINT32_MAX);
		assert_true(gyr_u256_is_zero(&r));
	}
	mpz_clears(x, w, NULL);
}

static void bytes_and_signs(void **state)
{
	struct gyr_u256 a, r, index;
	uint8_t bytes[32];
	mpz_t x;

	(void)state;
	mpz_init(x);
	for (int round = 0; round < ROUND_COUNT; round++) {
		unsigned at = (unsigned)(gyr_test_random(&seed) % 40), length;

		a = number();
		index = gyr_u256_from_u64(at);
		if (round % 7 == 0)
			index.limb[1 + round % 3] = 1;
		gyr_u256_store_be(bytes, &a);
		assert_int_equal(
			gyr_u256_byte(&a, &index),
			at < 32 && index.limb[1] == 0 && gyr_u256_fits_u64(&index) ? bytes[at] : 0);
		gyr_u256_load_be(&r, bytes);
		assert_true(gyr_u256_equal(&r, &a));
		length = gyr_u256_byte_length(&a);
		gyr_u256_load_be_short(&r, bytes + 32 - length, length);
		assert_true(gyr_u256_equal(&r, &a));
		assert_true(length == 0 || bytes[32 - length] != 0);
		mpz_import(x, 32, 1, 1, 0, 0, bytes);
		check(&a, x);

		gyr_u256_sign_extend(&r, &a, &index);
		if (at < 31 && gyr_u256_fits_u64(&index)) {
			mpz_fdiv_r_2exp(x, x, 8 * (at + 1));
			if (mpz_tstbit(x, 8 * at + 7)) {
				mpz_t top;

				mpz_init(top);
				mpz_setbit(top, 8 * (at + 1));
				mpz_sub(x, x, top);
				mpz_clear(top);
			}
		}
		check(&r, x);
	}
	mpz_clear(x);
}

static void comparisons(void **state)
{
	struct gyr_u256 a, b;
	mpz_t x, y;

	(void)state;
	mpz_inits(x, y, NULL);
	for (int round = 0; round < ROUND_COUNT; round++) {
		int order;

		a = number();
		b = round % 5 == 0 ? a : number();
		to_mpz(x, &a);
		to_mpz(y, &b);
		order = mpz_cmp(x, y);
		assert_true(gyr_u256_less(&a, &b) == (order < 0));
		assert_true(gyr_u256_equal(&a, &b) == (order == 0));
		assert_int_equal(gyr_u256_compare(&a, &b), (order > 0) - (order < 0));
		to_mpz_signed(x, &a);
		to_mpz_signed(y, &b);
		assert_true(gyr_u256_less_signed(&a, &b) == (mpz_cmp(x, y) < 0));
	}
	mpz_clears(x, y, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_and_products),
		cmocka_unit_test(quotients),
		cmocka_unit_test(modular),
		cmocka_unit_test(powers),
		cmocka_unit_test(shifts),
		cmocka_unit_test(bytes_and_signs),
		cmocka_unit_test(comparisons),
	};
	int failed;

	seed = gyr_test_seed();
	mpz_init(two_256);
	mpz_setbit(two_256, 256);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	mpz_clear(two_256);
	return failed;
}
