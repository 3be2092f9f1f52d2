/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_precompile.h"

static uint8_t scratch_memory[1 << 16];

static size_t unhex(uint8_t *to, const char *hex)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return length;
}

static void expect_digest(enum gyr_precompile which, const char *text, const char *expected)
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(GYR_PRECOMPILE_FRONTIER);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, sizeof scratch_memory);
	struct gyr_slice input = { (const uint8_t *)text, strlen(text) };
	uint8_t output[32];
	uint8_t want[32];
	size_t length;

	assert_int_equal(unhex(want, expected), 32);
	assert_int_equal(gyr_precompile_run(&gyr_precompile_portable, &rules, which, output,
					    sizeof output, &length, &scratch, input),
			 GYR_PRECOMPILE_OK);
	assert_int_equal(length, 32);
	assert_memory_equal(output, want, 32);
}

static void digests_match_their_standards(void **state)
{
	(void)state;
	/* FIPS 180-4 examples */
	expect_digest(GYR_PRECOMPILE_SHA256, "",
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_digest(GYR_PRECOMPILE_SHA256, "abc",
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_digest(GYR_PRECOMPILE_SHA256,
		      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	/* The RIPEMD-160 paper's test values */
	expect_digest(GYR_PRECOMPILE_RIPEMD160, "",
		      "0000000000000000000000009c1185a5c5e9fc54612808977ee8f548b2258d31");
	expect_digest(GYR_PRECOMPILE_RIPEMD160, "abc",
		      "0000000000000000000000008eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
	expect_digest(GYR_PRECOMPILE_RIPEMD160,
		      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "00000000000000000000000012a053384a9c0c88e405a06c27dcf49ada62eb2b");
}

static void blake2f_matches_eip152(void **state)
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(GYR_PRECOMPILE_ISTANBUL);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, sizeof scratch_memory);
	uint8_t data[213] = { 0 };
	uint8_t output[64];
	uint8_t want[64];
	size_t length;

	(void)state;
	/* EIP-152, vector 5: BLAKE2b of "abc", twelve rounds */
	data[3] = 12;
	(void)unhex(data + 4,
		    "48c9bdf267e6096a3ba7ca8485ae67bb2bf894fe72f36e3cf1361d5f3af54fa5"
		    "d182e6ad7f520e511f6c3e2b8c68059b6bbd41fbabd9831f79217e1319cde05b616263");
	data[196] = 3;
	data[212] = 1;
	(void)unhex(want, "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
			  "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	struct gyr_slice input = { data, sizeof data };

	assert_int_equal(gyr_precompile_gas(&rules, GYR_PRECOMPILE_BLAKE2F, input), 12);
	assert_int_equal(gyr_precompile_run(&gyr_precompile_portable, &rules,
					    GYR_PRECOMPILE_BLAKE2F, output, sizeof output, &length,
					    &scratch, input),
			 GYR_PRECOMPILE_OK);
	assert_int_equal(length, 64);
	assert_memory_equal(output, want, 64);
	data[212] = 2;
	assert_int_equal(gyr_precompile_run(&gyr_precompile_portable, &rules,
					    GYR_PRECOMPILE_BLAKE2F, output, sizeof output, &length,
					    &scratch, input),
			 GYR_PRECOMPILE_FAILED);
	assert_int_equal(length, 0);
}

static void addresses_follow_the_forks(void **state)
{
	static const unsigned counts[GYR_PRECOMPILE_FORK_COUNT] = { 4, 8, 9, 9, 10, 17, 18 };

	(void)state;
	for (unsigned fork = 0; fork < GYR_PRECOMPILE_FORK_COUNT; fork++) {
		struct gyr_precompile_rules rules =
			gyr_precompile_rules_of((enum gyr_precompile_fork)fork);
		unsigned count = 0;

		for (unsigned number = 0; number < 0x300; number++) {
			struct gyr_address address = { { 0 } };

			address.bytes[18] = (uint8_t)(number >> 8);
			address.bytes[19] = (uint8_t)number;
			enum gyr_precompile which = gyr_precompile_at(&rules, &address);

			if (which == GYR_PRECOMPILE_NONE)
				continue;
			struct gyr_address back = gyr_precompile_address(which);

			assert_true(gyr_address_equal(&back, &address));
			assert_non_null(gyr_precompile_name(which));
			count++;
			address.bytes[0] = 1;
			assert_int_equal(gyr_precompile_at(&rules, &address), GYR_PRECOMPILE_NONE);
			address.bytes[0] = 0;
			address.bytes[15] = 1;
			assert_int_equal(gyr_precompile_at(&rules, &address), GYR_PRECOMPILE_NONE);
		}
		assert_int_equal(count, counts[fork]);
	}
}

static uint64_t modexp_price(enum gyr_precompile_fork fork, const uint8_t lengths[96])
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(fork);

	return gyr_precompile_gas(&rules, GYR_PRECOMPILE_MODEXP, (struct gyr_slice){ lengths, 96 });
}

static void modexp_prices_at_the_edges(void **state)
{
	uint8_t lengths[96] = { 0 };

	(void)state;
	assert_int_equal(modexp_price(GYR_PRECOMPILE_BYZANTIUM, lengths), 0);
	assert_int_equal(modexp_price(GYR_PRECOMPILE_BERLIN, lengths), 200);
	assert_int_equal(modexp_price(GYR_PRECOMPILE_OSAKA, lengths), 500);
	/* a zero exponent of 2^255 bytes over nothing is free of charge, over one byte it is not */
	lengths[32] = 0x80;
	assert_int_equal(modexp_price(GYR_PRECOMPILE_BYZANTIUM, lengths), 0);
	assert_int_equal(modexp_price(GYR_PRECOMPILE_BERLIN, lengths), 200);
	lengths[95] = 1;
	assert_true(modexp_price(GYR_PRECOMPILE_BERLIN, lengths) > (uint64_t)1 << 60);
	assert_true(modexp_price(GYR_PRECOMPILE_OSAKA, lengths) == UINT64_MAX);
	/* a modulus of 2^64 - 1 bytes, then of 2^256 - 1 */
	memset(lengths, 0, sizeof lengths);
	memset(lengths + 88, 0xff, 8);
	assert_true(modexp_price(GYR_PRECOMPILE_BYZANTIUM, lengths) == UINT64_MAX);
	memset(lengths, 0xff, sizeof lengths);
	assert_true(modexp_price(GYR_PRECOMPILE_BERLIN, lengths) == UINT64_MAX);
}

static void too_little_memory_is_told(void **state)
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(GYR_PRECOMPILE_OSAKA);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, sizeof scratch_memory);
	uint8_t output[40];
	size_t length = 1;

	(void)state;
	assert_int_equal(gyr_precompile_run(&gyr_precompile_portable, &rules,
					    GYR_PRECOMPILE_IDENTITY, output, 3, &length, &scratch,
					    (struct gyr_slice){ (const uint8_t *)"four", 4 }),
			 GYR_PRECOMPILE_NO_MEMORY);
	assert_int_equal(length, 0);
	assert_in_range(gyr_precompile_scratch_size(&rules, UINT64_MAX), 100000, 200000);
	rules = gyr_precompile_rules_of(GYR_PRECOMPILE_BERLIN);
	assert_in_range(gyr_precompile_scratch_size(&rules, 30000000), 1000000, 3000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_match_their_standards),
		cmocka_unit_test(blake2f_matches_eip152),
		cmocka_unit_test(addresses_follow_the_forks),
		cmocka_unit_test(modexp_prices_at_the_edges),
		cmocka_unit_test(too_little_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
