/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_keccak.h"

static void assert_hash(const struct gyr_hash *hash, const char *hex)
{
	char text[65];

	for (int i = 0; i < 32; i++)
		(void)snprintf(text + (ptrdiff_t)2 * i, 3, "%02x", hash->bytes[i]);
	assert_string_equal(text, hex);
}

static void known_answers(void **state)
{
	static const struct {
		const char *text;
		const char *hash;
	} known[] = {
		{ "", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" },
		{ "abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
		{ "The quick brown fox jumps over the lazy dog",
		  "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15" },
		{ "Transfer(address,address,uint256)",
		  "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef" },
	};
	struct gyr_hash hash;

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(known); i++) {
		gyr_keccak256(&hash, known[i].text, strlen(known[i].text));
		assert_hash(&hash, known[i].hash);
	}
}

static void the_permutation_of_zero(void **state)
{
	uint64_t lane[25] = { 0 };

	(void)state;
	gyr_keccak_permute(lane);
	assert_true(lane[0] == 0xf1258f7940e1dde7);
	assert_true(lane[24] == 0xeaf1ff7b5ceca249);
}

static void constants_are_what_they_say(void **state)
{
	struct gyr_hash hash;

	(void)state;
	gyr_keccak256(&hash, NULL, 0);
	assert_true(gyr_hash_equal(&hash, &gyr_keccak_empty));
	gyr_keccak256(&hash, "\xc0", 1);
	assert_true(gyr_hash_equal(&hash, &gyr_keccak_empty_list));
	gyr_keccak256(&hash, "\x80", 1);
	assert_true(gyr_hash_equal(&hash, &gyr_keccak_empty_trie));
}

/* Every way to cut a message gives the same hash, at every length around the block size. */
static void pieces_equal_the_whole(void **state)
{
	uint8_t message[450];
	struct gyr_hash whole, pieces, many[2];
	struct gyr_keccak keccak;

	(void)state;
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 7 + 3);
	for (size_t length = 0; length <= sizeof message; length++) {
		const struct gyr_slice slices[2] = {
			{ message, length },
			{ message, sizeof message - length },
		};

		gyr_keccak256(&whole, message, length);
		for (size_t step = 1; step <= 273; step += step < 9 ? 1 : 43) {
			gyr_keccak_init(&keccak);
			for (size_t at = 0; at < length; at += step)
				gyr_keccak_update(&keccak, message + at,
						  length - at < step ? length - at : step);
			gyr_keccak_final(&keccak, &pieces);
			assert_true(gyr_hash_equal(&whole, &pieces));
		}
		gyr_keccak_portable.hash_many(many, slices, 2);
		assert_true(gyr_hash_equal(&whole, &many[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(the_permutation_of_zero),
		cmocka_unit_test(constants_are_what_they_say),
		cmocka_unit_test(pieces_equal_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
