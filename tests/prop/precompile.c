/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random and edge calls: the portable and the accelerated table answer alike; where there is one
 * implementation only, the laws of its group hold.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "gyr_test.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>

#include "accel_tables.h"
#include "gyr_bytes.h"

#define INPUT_MAX  8192
#define OUTPUT_MAX 8192

static struct gyr_accel accel;
static uint64_t seed;
static unsigned effort = 1; /* GYR_LONG=1 makes it 20 */
static uint8_t input[INPUT_MAX];
static alignas(64) uint8_t scratch_memory[1 << 20];

struct answer {
	enum gyr_precompile_status status;
	size_t length;
	uint8_t output[OUTPUT_MAX];
};

static void ask_with(struct answer *answer, const struct gyr_precompile_ops *ops,
		     enum gyr_precompile_fork fork, enum gyr_precompile which, const uint8_t *data,
		     size_t length, size_t scratch_size)
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(fork);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, scratch_size);

	answer->status = gyr_precompile_run(ops, &rules, which, answer->output,
					    sizeof answer->output, &answer->length, &scratch,
					    (struct gyr_slice){ data, length });
}

static void ask(struct answer *answer, const struct gyr_precompile_ops *ops,
		enum gyr_precompile which, const uint8_t *data, size_t length)
{
	ask_with(answer, ops, GYR_PRECOMPILE_OSAKA, which, data, length, sizeof scratch_memory);
}

static void assert_alike(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->length, b->length);
	assert_memory_equal(a->output, b->output, a->length);
}

static void compare(enum gyr_precompile_fork fork, enum gyr_precompile which, size_t length)
{
	static struct answer portable;
	static struct answer fast;

	ask_with(&portable, &gyr_precompile_portable, fork, which, input, length,
		 sizeof scratch_memory);
	ask_with(&fast, &accel.precompile, fork, which, input, length, sizeof scratch_memory);
	assert_alike(&portable, &fast);
}

static void fill_random(uint8_t *to, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)gyr_test_random(&seed);
}

/* Random bytes, or limbs at the edges: all ones, zeros, a lone bit. */
static void fill_number(uint8_t *to, size_t length)
{
	unsigned kind = (unsigned)(gyr_test_random(&seed) % 4);

	fill_random(to, length);
	for (size_t i = 0; i < length; i += 8) {
		size_t count = gyr_min_u64(8, length - i);

		if (kind == 1)
			memset(to + i, 0xff, count);
		else if (kind == 2)
			memset(to + i, gyr_test_random(&seed) % 2 != 0 ? 0xff : 0, count);
		else if (kind == 3 && gyr_test_random(&seed) % 4 != 0)
			memset(to + i, 0, count);
	}
	if (length > 0 && gyr_test_random(&seed) % 8 == 0)
		to[length - 1] ^= 1;
}

static void digests(void **state)
{
	(void)state;
	for (size_t length = 0; length <= 300 * effort; length++) {
		fill_random(input, length);
		compare(GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_SHA256, length);
		compare(GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_RIPEMD160, length);
	}
}

static void modexp(void **state)
{
	static const uint16_t lengths[] = { 0,	1,  2,	7,  8,	9,   15,  16,  17,   31,
					    32, 33, 64, 65, 96, 127, 128, 256, 1000, 1024 };

	(void)state;
	for (unsigned i = 0; i < 3000 * effort; i++) {
		unsigned reach = i % 50 == 0 ? GYR_COUNT(lengths) : 15;
		uint16_t base = lengths[gyr_test_random(&seed) % reach];
		uint16_t exponent = lengths[gyr_test_random(&seed) % 12];
		uint16_t modulus = lengths[gyr_test_random(&seed) % reach];
		uint8_t *at = input + 96;

		memset(input, 0, 96);
		gyr_store_be16(input + 30, base);
		gyr_store_be16(input + 62, exponent);
		gyr_store_be16(input + 94, modulus);
		fill_number(at, base);
		fill_number(at + base, exponent);
		fill_number(at + base + exponent, modulus);
		size_t length = 96u + base + exponent + modulus;

		/* cut off calls read as zeros */
		if (gyr_test_random(&seed) % 8 == 0)
			length = gyr_test_random(&seed) % (length + 1);
		compare(GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_MODEXP, length);
		compare(GYR_PRECOMPILE_BERLIN, GYR_PRECOMPILE_MODEXP, length);
	}
}

static void modexp_above_the_cap(void **state)
{
	static const uint16_t lengths[][3] = { { 2000, 3, 1500 },
					       { 1, 1400, 9 },
					       { 2500, 2, 2400 } };

	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(lengths); i++) {
		const uint16_t *l = lengths[i];

		memset(input, 0, 96);
		for (unsigned j = 0; j < 3; j++)
			gyr_store_be16(input + 32 * j + 30, l[j]);
		fill_random(input + 96, sizeof input - 96);
		for (unsigned bit = 0; bit < 2; bit++) {
			input[96 + l[0] + l[1] + l[2] - 1] ^= 1;
			compare(GYR_PRECOMPILE_BERLIN, GYR_PRECOMPILE_MODEXP,
				96u + l[0] + l[1] + l[2]);
		}
	}
}

/* hash, r, s, x, y of a new key's signature */
static void sign(uint8_t to[160])
{
	EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	uint8_t encoded[65];

	assert_int_equal(EC_KEY_generate_key(key), 1);
	fill_number(to, 32);
	ECDSA_SIG *signature = ECDSA_do_sign(to, 32, key);

	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), to + 32, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), to + 64, 32), 32);
	assert_int_equal(EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key),
					    POINT_CONVERSION_UNCOMPRESSED, encoded, sizeof encoded,
					    NULL),
			 65);
	memcpy(to + 96, encoded + 1, 64);
	ECDSA_SIG_free(signature);
	EC_KEY_free(key);
}

static void p256_signatures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60 * effort; i++) {
		static struct answer answer;

		sign(input);
		ask(&answer, &gyr_precompile_portable, GYR_PRECOMPILE_P256_VERIFY, input, 160);
		assert_int_equal(answer.length, 32);
		compare(GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_P256_VERIFY, 160);
		/* one field spoiled */
		size_t field = gyr_test_random(&seed) % 5 * 32;

		if (gyr_test_random(&seed) % 2 == 0)
			fill_number(input + field, 32);
		else
			input[field + gyr_test_random(&seed) % 32] ^=
				(uint8_t)(1u << gyr_test_random(&seed) % 8);
		compare(GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_P256_VERIFY, 160);
	}
}

/* output = (1, 2) * scalar */
static void bn254_multiple(uint8_t output[64], const uint8_t scalar[32])
{
	static struct answer answer;
	uint8_t call[96] = { [31] = 1, [63] = 2 };

	memcpy(call + 64, scalar, 32);
	ask(&answer, &gyr_precompile_portable, GYR_PRECOMPILE_BN254_MUL, call, sizeof call);
	assert_int_equal(answer.status, GYR_PRECOMPILE_OK);
	memcpy(output, answer.output, 64);
}

/* sum = a + b below 2^256: the tops of both are 0 */
static void add_scalars(uint8_t sum[32], const uint8_t a[32], const uint8_t b[32])
{
	unsigned carry = 0;

	for (unsigned i = 32; i-- > 0;) {
		carry += (unsigned)a[i] + b[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
}

/* (p - y) of a point, unless it is infinity */
static void negate(uint8_t point[64])
{
	static const uint64_t prime[4] = { 0x3c208c16d87cfd47, 0x97816a916871ca8d,
					   0xb85045b68181585d, 0x30644e72e131a029 };
	uint64_t borrow = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint8_t *at = point + 32 + 8 * (3 - i);
		uint64_t y = gyr_load_be64(at);
		unsigned __int128 t = (unsigned __int128)prime[i] - y - borrow;

		gyr_store_be64(at, (uint64_t)t);
		borrow = (uint64_t)(t >> 64) & 1;
	}
}

static const uint8_t bn254_g2[128] = {
	0x19, 0x8e, 0x93, 0x93, 0x92, 0x0d, 0x48, 0x3a, 0x72, 0x60, 0xbf, 0xb7, 0x31, 0xfb, 0x5d,
	0x25, 0xf1, 0xaa, 0x49, 0x33, 0x35, 0xa9, 0xe7, 0x12, 0x97, 0xe4, 0x85, 0xb7, 0xae, 0xf3,
	0x12, 0xc2, 0x18, 0x00, 0xde, 0xef, 0x12, 0x1f, 0x1e, 0x76, 0x42, 0x6a, 0x00, 0x66, 0x5e,
	0x5c, 0x44, 0x79, 0x67, 0x43, 0x22, 0xd4, 0xf7, 0x5e, 0xda, 0xdd, 0x46, 0xde, 0xbd, 0x5c,
	0xd9, 0x92, 0xf6, 0xed, 0x09, 0x06, 0x89, 0xd0, 0x58, 0x5f, 0xf0, 0x75, 0xec, 0x9e, 0x99,
	0xad, 0x69, 0x0c, 0x33, 0x95, 0xbc, 0x4b, 0x31, 0x33, 0x70, 0xb3, 0x8e, 0xf3, 0x55, 0xac,
	0xda, 0xdc, 0xd1, 0x22, 0x97, 0x5b, 0x12, 0xc8, 0x5e, 0xa5, 0xdb, 0x8c, 0x6d, 0xeb, 0x4a,
	0xab, 0x71, 0x80, 0x8d, 0xcb, 0x40, 0x8f, 0xe3, 0xd1, 0xe7, 0x69, 0x0c, 0x43, 0xd3, 0x7b,
	0x4c, 0xe6, 0xcc, 0x01, 0x66, 0xfa, 0x7d, 0xaa,
};

static void bn254_is_a_group_and_its_pairing_bilinear(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40 * effort; i++) {
		static struct answer answer;
		uint8_t scalar[3][32];
		uint8_t call[3 * 192];
		uint8_t points[128];

		fill_number(scalar[0], 32);
		fill_number(scalar[1], 32);
		scalar[0][0] >>= 1;
		scalar[1][0] >>= 1;
		add_scalars(scalar[2], scalar[0], scalar[1]);
		for (unsigned j = 0; j < 3; j++) {
			bn254_multiple(call + (size_t)192 * j, scalar[j]);
			memcpy(call + (size_t)192 * j + 64, bn254_g2, sizeof bn254_g2);
		}
		memcpy(points, call, 64);
		memcpy(points + 64, call + 192, 64);
		ask(&answer, &gyr_precompile_portable, GYR_PRECOMPILE_BN254_ADD, points, 128);
		assert_int_equal(answer.status, GYR_PRECOMPILE_OK);
		assert_memory_equal(answer.output, call + 384, 64);
		if (gyr_load_be64(call + 384 + 56) != 0)
			negate(call + 384);
		ask(&answer, &gyr_precompile_portable, GYR_PRECOMPILE_BN254_PAIRING, call,
		    sizeof call);
		assert_int_equal(answer.status, GYR_PRECOMPILE_OK);
		assert_int_equal(answer.output[31], 1);
		/* the same without the last pair is 1 only by chance */
		if (gyr_load_be64(call + 384 + 56) != 0) {
			ask(&answer, &gyr_precompile_portable, GYR_PRECOMPILE_BN254_PAIRING, call,
			    384);
			assert_int_equal(answer.output[31], 0);
		}
	}
}

static void msm_does_not_depend_on_scratch(void **state)
{
	static struct answer roomy;
	static struct answer tight;
	enum gyr_precompile which = GYR_PRECOMPILE_BLS_G1_MSM;

	(void)state;
	if (!accel_tables_serves(&accel.precompile, which))
		skip();
	for (unsigned i = 0; i < 6 * effort; i++) {
		size_t term_count = 1 + gyr_test_random(&seed) % 48;

		for (size_t j = 0; j < term_count; j++) {
			uint8_t element[64] = { 0 };

			fill_random(element + 32, 32);
			ask(&tight, &accel.precompile, GYR_PRECOMPILE_BLS_MAP_G1, element, 64);
			assert_int_equal(tight.status, GYR_PRECOMPILE_OK);
			memcpy(input + 160 * j, tight.output, 128);
			fill_number(input + 160 * j + 128, 32);
			if (j > 0 && gyr_test_random(&seed) % 5 == 0)
				memcpy(input + 160 * j, input, 128);
			if (gyr_test_random(&seed) % 9 == 0)
				memset(input + 160 * j, 0, 128);
		}
		ask(&roomy, &accel.precompile, which, input, 160 * term_count);
		assert_int_equal(roomy.status, GYR_PRECOMPILE_OK);
		for (size_t size = 0; size <= 16384; size = size * 4 + 1000) {
			ask_with(&tight, &accel.precompile, GYR_PRECOMPILE_OSAKA, which, input,
				 160 * term_count, size);
			assert_alike(&roomy, &tight);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),
		cmocka_unit_test(modexp),
		cmocka_unit_test(modexp_above_the_cap),
		cmocka_unit_test(p256_signatures),
		cmocka_unit_test(bn254_is_a_group_and_its_pairing_bilinear),
		cmocka_unit_test(msm_does_not_depend_on_scratch),
	};
	const char *longer = getenv("GYR_LONG");

	if (longer != NULL && longer[0] == '1')
		effort = 20;
	seed = gyr_test_seed();
	if (!accel_tables_init(&accel))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
