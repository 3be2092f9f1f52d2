/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_err.h"
#include "gyr_rng.h"

/* xoshiro256** from the state {1, 2, 3, 4}: the first outputs, worked out by hand from the paper:
 * rotl(2 * 5, 7) * 9 = 11520; then s1 becomes 1^3^2 = 0, so the second output is 0. */
static void generator_follows_the_paper(void **state)
{
	struct gyr_rng rng = { .state = { 1, 2, 3, 4 } };

	(void)state;
	assert_int_equal(gyr_rng_next(&rng), 11520);
	assert_int_equal(gyr_rng_next(&rng), 0);
	assert_int_equal(gyr_rng_next(&rng), 1509978240);
}

static void same_seed_same_numbers(void **state)
{
	struct gyr_rng a;
	struct gyr_rng b;
	struct gyr_rng fork;

	(void)state;
	gyr_rng_init(&a, 7);
	gyr_rng_init(&b, 7);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(gyr_rng_next(&a), gyr_rng_next(&b));
	fork = gyr_rng_fork(&a);
	assert_int_not_equal(gyr_rng_next(&fork), gyr_rng_next(&a));
	gyr_rng_init(&a, 0);
	assert_true((a.state[0] | a.state[1] | a.state[2] | a.state[3]) != 0);
}

static void below_is_bounded_and_even(void **state)
{
	struct gyr_rng rng;
	unsigned counts[10] = { 0 };

	(void)state;
	gyr_rng_init(&rng, gyr_test_seed());
	for (int i = 0; i < 100000; i++) {
		uint64_t value = gyr_rng_below(&rng, 10);

		assert_true(value < 10);
		counts[value]++;
	}
	/* Standard deviation is 95: 10 of them are out of reach. */
	for (int i = 0; i < 10; i++)
		assert_in_range(counts[i], 9050, 10950);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(gyr_rng_below(&rng, 1), 0);
		assert_in_range(gyr_rng_between(&rng, 5, 6), 5, 6);
		assert_true(gyr_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
		assert_true(gyr_rng_unit(&rng) < 1.0);
		assert_false(gyr_rng_chance(&rng, 0, 5));
		assert_true(gyr_rng_chance(&rng, 5, 5));
	}
	(void)gyr_rng_between(&rng, 0, UINT64_MAX);
}

static void entropy_and_fill_reach_every_byte(void **state)
{
	struct gyr_rng rng;
	uint8_t seen[2][37] = { { 0 } };
	uint8_t bytes[38];

	(void)state;
	gyr_rng_init(&rng, 1);
	for (int i = 0; i < 100; i++) {
		bytes[37] = 0x5a;
		assert_int_equal(gyr_rng_entropy(bytes, 37), 0);
		for (int j = 0; j < 37; j++)
			seen[0][j] |= bytes[j];
		gyr_rng_fill(&rng, bytes, 37);
		for (int j = 0; j < 37; j++)
			seen[1][j] |= bytes[j];
		assert_int_equal(bytes[37], 0x5a);
	}
	for (int j = 0; j < 37; j++) {
		assert_int_equal(seen[0][j], 0xff);
		assert_int_equal(seen[1][j], 0xff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generator_follows_the_paper),
		cmocka_unit_test(same_seed_same_numbers),
		cmocka_unit_test(below_is_bounded_and_even),
		cmocka_unit_test(entropy_and_fill_reach_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
