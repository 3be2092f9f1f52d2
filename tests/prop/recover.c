/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recovery driver and the check of known senders against libsecp256k1: random and damaged
 * signatures, special values, crafted collisions, each batch size, lanes permuted. libsecp256k1 is
 * asked once about each; the vector drivers see all of them, in batches and one by one, the slow
 * ones a part. GYR_LONG=1 asks ten million, GYR_CASES=n as many as wanted; the counts are printed.
 */
#include "recover_cases.h"

#include "gyr_err.h"
#include "gyr_known_ifma.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"

#define CHUNK		GYR_RECOVER_BATCH_MAX
#define PROGRESS_CHUNKS 4096 /* a campaign prints its counts this often */

static alignas(64) uint8_t oracle_memory[1 << 20];

struct driver {
	const struct gyr_recover_ops *ops;
	unsigned one_in; /* chunks: the slow ones see a part */
	unsigned one_in_long;
	unsigned alone_one_in; /* requests of those chunks, asked alone as well */
	bool usable;
	uint64_t batch_count, alone_count;
	alignas(64) uint8_t memory[128 << 10];
};

static struct driver drivers[] = {
	{ .ops = &gyr_recover_ifma, .one_in = 1, .one_in_long = 1, .alone_one_in = 1 },
	{ .ops = &gyr_recover_portable, .one_in = 4, .one_in_long = 16, .alone_one_in = 64 },
	{ .ops = &gyr_recover_ifma_checked, .one_in = 4, .one_in_long = 32, .alone_one_in = 2 },
};

/* The check of known senders, with a table for each of the cases' keys. */
struct known_driver {
	const struct gyr_known_ops *ops;
	unsigned one_in, one_in_long;
	bool usable;
	uint64_t count, yes_count, undecided_count;
	alignas(64) uint8_t shared[4096];
	alignas(64) uint8_t table[RECOVER_CASES_KEYS][64 << 10];
};

static struct known_driver known_drivers[] = {
	{ .ops = &gyr_known_ifma, .one_in = 1, .one_in_long = 1 },
	{ .ops = &gyr_known_ifma_checked, .one_in = 4, .one_in_long = 32 },
};

struct answers {
	uint64_t valid;
	struct gyr_address address[CHUNK];
	uint8_t key[CHUNK][64];
};

static uint64_t lane_count, valid_count;

static bool is_long(void)
{
	return getenv("GYR_LONG") != NULL || getenv("GYR_CASES") != NULL;
}

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
	for (size_t i = 0; i < GYR_COUNT(known_drivers); i++) {
		struct known_driver *known = &known_drivers[i];

		assert_true(known->ops->shared_size() <= sizeof known->shared);
		assert_true(known->ops->table_size <= sizeof known->table[0]);
		known->usable = known->ops->init(known->shared, seed) == 0;
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

static _Noreturn void report(const char *name, const struct gyr_recover_request *in, unsigned lane,
			     unsigned count)
{
	(void)printf("# driver %s differs in lane %u of %u: parity %u\n", name, lane, count,
		     in->parity);
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
			report(driver->ops->name, &batch[i], i, count);
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

static void check_alone(struct driver *driver, const struct gyr_recover_request *in,
			const struct answers *expected, uint64_t *seed)
{
	for (uint8_t i = 0; i < CHUNK; i++) {
		if (gyr_test_random(seed) % driver->alone_one_in != 0)
			continue;
		check_batch(driver, in, expected, &i, 1, i % 8 != 0);
		driver->alone_count++;
	}
}

/* All of a chunk through every driver, cut into batches of random sizes, in random order. */
static void check_chunk(const struct answers *expected, const struct gyr_recover_request *in,
			uint64_t number, uint64_t *seed)
{
	for (size_t d = 0; d < GYR_COUNT(drivers); d++) {
		uint8_t order[CHUNK];
		unsigned one_in = is_long() ? drivers[d].one_in_long : drivers[d].one_in;

		if (!drivers[d].usable || number % one_in != 0)
			continue;
		check_alone(&drivers[d], in, expected, seed);
		shuffle(order, seed);
		drivers[d].batch_count += CHUNK;
		for (unsigned at = 0; at < CHUNK;) {
			unsigned left = CHUNK - at;
			unsigned limit = gyr_test_random(seed) % 4 == 0 ? 64 : 20;
			unsigned count = 1 + (unsigned)(gyr_test_random(seed) % limit);

			count = count < left ? count : left;
			check_batch(&drivers[d], in, expected, order + at, count,
				    gyr_test_random(seed) % 2 == 0);
			at += count;
		}
	}
}

/* Now and then the signer's words, true or not. */
struct hints {
	uint8_t y[32], s_inverse[32];
};

static void set_hints(struct gyr_known_check *check, struct hints *hints, uint64_t *seed)
{
	uint64_t how = gyr_test_random(seed);
	struct gyr_secp_affine nonce;
	struct gyr_secp_field x;
	struct gyr_secp_scalar s;

	recover_random_bytes(hints->y, sizeof hints->y, seed);
	recover_random_bytes(hints->s_inverse, sizeof hints->s_inverse, seed);
	(void)gyr_secp_field_from_bytes(&x, check->request->r);
	if ((how & 16) == 0 && gyr_secp_affine_from_x(&nonce, &x, (how & 32) != 0))
		gyr_secp_field_to_bytes(hints->y, &nonce.y);
	if ((how & 64) == 0) {
		(void)gyr_secp_scalar_from_bytes(&s, check->request->s);
		gyr_secp_scalar_inverse(&s, &s);
		gyr_secp_scalar_to_bytes(hints->s_inverse, &s);
	}
	check->nonce_y = (how & 1) != 0 ? hints->y : NULL;
	check->s_inverse = (how & 2) != 0 ? hints->s_inverse : NULL;
}

/* Each is asked about the key that signed what it was made of, or any: yes if it recovers to it. */
static void check_known(const struct recover_cases *cases, const struct answers *expected,
			const struct gyr_recover_request *in, const uint8_t signer[CHUNK],
			uint64_t number, uint64_t *seed)
{
	for (size_t d = 0; d < GYR_COUNT(known_drivers); d++) {
		struct known_driver *known = &known_drivers[d];
		unsigned count, one_in = is_long() ? known->one_in_long : known->one_in;

		if (!known->usable || number % one_in != 0)
			continue;
		for (unsigned at = 0; at < CHUNK; at += count) {
			struct gyr_known_check check[GYR_KNOWN_GROUP_MAX] = { { .request = NULL } };
			enum gyr_known_answer answer[GYR_KNOWN_GROUP_MAX];
			struct hints hints[GYR_KNOWN_GROUP_MAX];

			count = 1 + (unsigned)(gyr_test_random(seed) % GYR_KNOWN_GROUP_MAX);
			count = count < CHUNK - at ? count : CHUNK - at;
			for (unsigned i = 0; i < count; i++) {
				check[i].request = &in[at + i];
				check[i].table = known->table[signer[at + i]];
				if (gyr_test_random(seed) % 16 == 0)
					set_hints(&check[i], &hints[i], seed);
			}
			memset(answer, 0xff, sizeof answer);
			known->ops->check(known->shared, answer, check, count);
			for (unsigned i = 0; i < count; i++) {
				bool yes = (expected->valid >> (at + i) & 1) != 0 &&
					   memcmp(expected->key[at + i],
						  cases->public_key[signer[at + i]], 64) == 0;

				known->count++;
				known->yes_count += yes;
				known->undecided_count += answer[i] == GYR_KNOWN_UNDECIDED;
				if ((answer[i] == GYR_KNOWN_YES) != yes || (unsigned)answer[i] > 2)
					report(known->ops->name, &in[at + i], i, count);
			}
		}
	}
}

static void print_counts(void)
{
	(void)printf("# libsecp256k1: %llu signatures, %llu valid\n",
		     (unsigned long long)lane_count, (unsigned long long)valid_count);
	for (size_t d = 0; d < GYR_COUNT(drivers); d++)
		(void)printf("# %s: %llu in batches, %llu alone\n", drivers[d].ops->name,
			     (unsigned long long)drivers[d].batch_count,
			     (unsigned long long)drivers[d].alone_count);
	for (size_t d = 0; d < GYR_COUNT(known_drivers); d++)
		(void)printf("# %s: %llu, %llu yes, %llu undecided\n", known_drivers[d].ops->name,
			     (unsigned long long)known_drivers[d].count,
			     (unsigned long long)known_drivers[d].yes_count,
			     (unsigned long long)known_drivers[d].undecided_count);
	(void)fflush(stdout);
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
	struct answers expected;
	uint8_t signer[CHUNK];
	uint64_t total = wanted(30000, 10000000);

	(void)state;
	recover_cases_init(&cases, gyr_test_seed());
	for (size_t d = 0; d < GYR_COUNT(known_drivers); d++)
		for (unsigned i = 0; known_drivers[d].usable && i < RECOVER_CASES_KEYS; i++)
			assert_true(known_drivers[d].ops->build(known_drivers[d].shared,
								known_drivers[d].table[i],
								cases.public_key[i]));
	lane_count = valid_count = 0;
	for (uint64_t number = 0; number * CHUNK < total; number++) {
		if (number % 8 == 7)
			recover_cases_sign(&cases);
		for (unsigned i = 0; i < CHUNK; i++) {
			recover_case(&cases, &in[i]);
			signer[i] = (uint8_t)cases.signer;
		}
		ask_oracle(&expected, in);
		check_chunk(&expected, in, number, &cases.seed);
		check_known(&cases, &expected, in, signer, number, &cases.seed);
		if (number % PROGRESS_CHUNKS == PROGRESS_CHUNKS - 1)
			print_counts();
	}
	print_counts();
	assert_true(!known_drivers[0].usable || known_drivers[0].yes_count > lane_count / 8);
	assert_true(valid_count > lane_count / 3 && valid_count < lane_count);
}

/* r, s, hash in special values, parity 0 to 3 (and 4, 5 now and then). */
static void every_combination_of_special_values(void **state)
{
	const unsigned n = RECOVER_SPECIAL_COUNT, total = n * n * n * 4;
	/* A prime that divides nothing here: a part spreads over all. */
	const unsigned stride = is_long() ? 1 : 3;
	static struct recover_cases cases;
	struct gyr_recover_request in[CHUNK];
	struct answers expected;
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
			ask_oracle(&expected, in);
			check_chunk(&expected, in, chunks++, &cases.seed);
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
