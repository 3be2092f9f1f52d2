/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recovery driver against libsecp256k1: random and damaged signatures, special values,
 * crafted collisions, each batch size, lanes permuted. GYR_LONG=1 asks ten million, GYR_CASES=n as
 * many as wanted.
 */
#include "recover_cases.h"

#include "gyr_err.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"

#define CHUNK GYR_RECOVER_BATCH_MAX

static alignas(64) uint8_t oracle_memory[1 << 20];

struct driver {
	const struct gyr_recover_ops *ops;
	unsigned one_in; /* chunks: the slow ones see a part */
	bool usable;
	alignas(64) uint8_t memory[128 << 10];
};

static struct driver drivers[] = {
	{ .ops = &gyr_recover_ifma, .one_in = 1 },
	{ .ops = &gyr_recover_portable, .one_in = 4 },
	{ .ops = &gyr_recover_ifma_checked, .one_in = 4 },
};

struct answers {
	uint64_t valid;
	struct gyr_address address[CHUNK];
	uint8_t key[CHUNK][64];
};

static uint64_t lane_count, valid_count;

static int open_drivers(void **state)
{
	uint8_t seed[GYR_RECOVER_SEED_LENGTH] = { 1, 2, 3 };

	(void)state;
	assert_int_equal(gyr_recover_secp256k1.init(oracle_memory, seed), 0);
	for (size_t i = 0; i < GYR_COUNT(drivers); i++) {
		assert_true(drivers[i].ops->context_size() <= sizeof drivers[i].memory);
		drivers[i].usable = drivers[i].ops->init(drivers[i].memory, seed) == 0;
		if (!drivers[i].usable)
			(void)printf("# SKIPPED: driver %s: %s\n", drivers[i].ops->name,
				     gyr_err_cause());
		gyr_err_clear();
	}
	return 0;
}

static void ask_oracle(struct answers *answers, const struct gyr_recover_request *in)
{
	answers->valid = gyr_recover_secp256k1.batch(oracle_memory, answers->address, answers->key,
						     in, CHUNK);
	lane_count += CHUNK;
	valid_count += (uint64_t)__builtin_popcountll(answers->valid);
}

static _Noreturn void report(const struct driver *driver, const struct gyr_recover_request *in,
			     unsigned lane, unsigned count)
{
	(void)printf("# driver %s differs in lane %u of %u: parity %u\n", driver->ops->name, lane,
		     count, in->parity);
	for (const uint8_t *part = in->hash; part <= in->s; part += 32) {
		(void)printf("# ");
		for (int i = 0; i < 32; i++)
			(void)printf("%02x", part[i]);
		(void)printf("\n");
	}
	fail();
	abort();
}

/* Asks a driver about in[order[from…from+count-1]] in one batch. */
static void check_batch(struct driver *driver, const struct gyr_recover_request *in,
			const struct answers *expected, const uint8_t *order, unsigned count,
			bool with_keys)
{
	struct gyr_recover_request batch[CHUNK];
	struct answers answers;

	for (unsigned i = 0; i < count; i++)
		batch[i] = in[order[i]];
	memset(&answers, 0x5a, sizeof answers);
	answers.valid = driver->ops->batch(driver->memory, answers.address,
					   with_keys ? answers.key : NULL, batch, count);
	for (unsigned i = 0; i < count; i++) {
		unsigned at = order[i];

		if ((answers.valid >> i & 1) != (expected->valid >> at & 1) ||
		    !gyr_address_equal(&answers.address[i], &expected->address[at]) ||
		    (with_keys && memcmp(answers.key[i], expected->key[at], 64) != 0))
			report(driver, &batch[i], i, count);
	}
	assert_true(count == 64 || answers.valid >> count == 0);
}

static void shuffle(uint8_t order[CHUNK], uint64_t *seed)
{
	for (unsigned i = 0; i < CHUNK; i++) {
		unsigned other = (unsigned)(gyr_test_random(seed) % (i + 1));

		order[i] = order[other];
		order[other] = (uint8_t)i;
	}
}

/* All of a chunk through every driver, cut into batches of random sizes, in random order. */
static void check_chunk(const struct gyr_recover_request *in, uint64_t number, uint64_t *seed)
{
	struct answers expected;

	ask_oracle(&expected, in);
	for (size_t d = 0; d < GYR_COUNT(drivers); d++) {
		uint8_t order[CHUNK];

		if (!drivers[d].usable || number % drivers[d].one_in != 0)
			continue;
		shuffle(order, seed);
		for (unsigned at = 0; at < CHUNK;) {
			unsigned left = CHUNK - at;
			unsigned limit = gyr_test_random(seed) % 4 == 0 ? 64 : 20;
			unsigned count = 1 + (unsigned)(gyr_test_random(seed) % limit);

			count = count < left ? count : left;
			check_batch(&drivers[d], in, &expected, order + at, count,
				    gyr_test_random(seed) % 2 == 0);
			at += count;
		}
	}
}

static uint64_t wanted(uint64_t usual, uint64_t when_long)
{
	const char *cases = getenv("GYR_CASES");

	if (cases != NULL)
		return strtoull(cases, NULL, 0);
	return getenv("GYR_LONG") != NULL ? when_long : usual;
}

static void random_and_damaged_signatures(void **state)
{
	static struct recover_cases cases;
	struct gyr_recover_request in[CHUNK];
	uint64_t total = wanted(30000, 10000000);

	(void)state;
	recover_cases_init(&cases, gyr_test_seed());
	lane_count = valid_count = 0;
	for (uint64_t at = 0; at < total; at += CHUNK) {
		for (unsigned i = 0; i < CHUNK; i++)
			recover_case(&cases, &in[i]);
		check_chunk(in, at / CHUNK, &cases.seed);
	}
	(void)printf("# %llu signatures, %llu valid\n", (unsigned long long)lane_count,
		     (unsigned long long)valid_count);
	assert_true(valid_count > lane_count / 3 && valid_count < lane_count);
}

/* r, s, hash in special values, parity 0 to 3 (and 4, 5 now and then). */
static void every_combination_of_special_values(void **state)
{
	const unsigned n = RECOVER_SPECIAL_COUNT, total = n * n * n * 4;
	/* A prime that divides nothing here: a part spreads over all. */
	const unsigned stride = getenv("GYR_LONG") != NULL ? 1 : 3;
	static struct recover_cases cases;
	struct gyr_recover_request in[CHUNK];
	unsigned filled = 0, chunks = 0;

	(void)state;
	recover_cases_init(&cases, gyr_test_seed());
	for (unsigned at = (unsigned)(cases.seed % stride); at < total; at += stride) {
		struct gyr_recover_request *request = &in[filled++];

		memset(request, 0, sizeof *request);
		request->parity = (uint8_t)(at % 4 + (at % 97 == 0 ? 4 : 0));
		memcpy(request->r, cases.special[at / 4 % n], 32);
		memcpy(request->s, cases.special[at / 4 / n % n], 32);
		memcpy(request->hash, cases.special[at / 4 / n / n], 32);
		if (filled == CHUNK) {
			check_chunk(in, chunks++, &cases.seed);
			filled = 0;
		}
	}
}

/* A lane's answer depends neither on its place, nor on its neighbours, nor on how many they are. */
static void every_batch_size_in_every_order(void **state)
{
	static struct recover_cases cases;
	struct gyr_recover_request in[CHUNK];
	struct answers expected;

	(void)state;
	recover_cases_init(&cases, gyr_test_seed());
	for (int mix = 0; mix < 4; mix++) {
		for (unsigned i = 0; i < CHUNK; i++) {
			recover_case(&cases, &in[i]);
			if (mix == 1) /* nothing valid */
				in[i].parity = 4;
			if (mix == 2) /* nothing damaged */
				in[i] = cases.signed_by_us[i];
			if (mix == 3 && i % 2 == 0) /* exceptional lanes between good ones */
				recover_case_infinity(&cases, &in[i]);
		}
		ask_oracle(&expected, in);
		for (size_t d = 0; d < GYR_COUNT(drivers); d++)
			for (unsigned count = 1; drivers[d].usable && count <= CHUNK; count++) {
				uint8_t order[CHUNK];

				if (count % drivers[d].one_in != 0 && count > 16)
					continue;
				shuffle(order, &cases.seed);
				check_batch(&drivers[d], in, &expected, order, count,
					    count % 2 == 0);
			}
	}
}

/* Whatever the seed, and so the start point, of a context. */
static void every_seed_gives_the_same_answers(void **state)
{
	static struct recover_cases cases;
	struct gyr_recover_request in[CHUNK];
	struct answers expected;
	uint8_t order[CHUNK], seed[GYR_RECOVER_SEED_LENGTH];
	struct driver *driver = &drivers[0];

	(void)state;
	if (!driver->usable)
		skip();
	recover_cases_init(&cases, gyr_test_seed());
	for (unsigned i = 0; i < CHUNK; i++)
		recover_case(&cases, &in[i]);
	ask_oracle(&expected, in);
	for (int round = 0; round < 20; round++) {
		recover_random_bytes(seed, sizeof seed, &cases.seed);
		driver->ops->fini(driver->memory);
		assert_int_equal(driver->ops->init(driver->memory, seed), 0);
		shuffle(order, &cases.seed);
		check_batch(driver, in, &expected, order, CHUNK, true);
	}
}

static void the_policy_never_waits(void **state)
{
	(void)state;
	for (size_t d = 0; d < GYR_COUNT(drivers); d++)
		for (unsigned pending = 1; pending < 1000; pending++) {
			unsigned count = drivers[d].ops->take(pending);

			assert_in_range(count, 1, pending < 64 ? pending : 64);
		}
	assert_int_equal(gyr_recover_ifma.take(4), 4);
	assert_int_equal(gyr_recover_ifma.take(15), 8);
	assert_int_equal(gyr_recover_ifma.take(17), 16);
	assert_int_equal(gyr_recover_ifma.take(999), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_batch_size_in_every_order),
		cmocka_unit_test(every_seed_gives_the_same_answers),
		cmocka_unit_test(every_combination_of_special_values),
		cmocka_unit_test(random_and_damaged_signatures),
		cmocka_unit_test(the_policy_never_waits),
	};

	return cmocka_run_group_tests(tests, open_drivers, NULL);
}
