/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of known senders' tables: admission, pinning, eviction, and readers on other threads
 * that must never see a table change under them. The driver here is a double whose table is the key
 * repeated, so that a torn or replaced table shows.
 */
#include "gyr_test.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_recover_known.h"
#include "gyr_recover_portable.h"

#define TABLE_WORDS   512
#define SLOT_COUNT    4
#define LANE_COUNT    2
#define KEY_COUNT     16
#define ADMIT_COUNT   1000
#define ADMIT_TRY_MAX 10000000

static alignas(64) uint8_t memory[1 << 20], reference_memory[4096];
static struct gyr_known known;

/* Where the readers find handles, as a session would keep them; written by the cold lane (release),
 * read by the readers (acquire). */
static _Atomic uint64_t handles[KEY_COUNT];
static _Atomic bool done;

static size_t double_shared_size(void)
{
	return 64;
}

static int double_init(void *shared, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	memcpy(shared, seed, GYR_RECOVER_SEED_LENGTH);
	return 0;
}

static bool double_build(const void *shared, void *table, const uint8_t public_key[64])
{
	uint64_t *words = table;

	(void)shared;
	for (int i = 0; i < TABLE_WORDS; i++)
		memcpy(&words[i], public_key + i % 8 * 8, 8);
	return public_key[63] != 0xee;
}

static void double_prefetch(const void *table)
{
	(void)table;
}

/* The self-test's questions are answered by recovery itself. */
static void double_check(const void *shared, enum gyr_known_answer *answer,
			 const struct gyr_known_check *in, unsigned count)
{
	(void)shared;
	for (unsigned i = 0; i < count; i++) {
		struct gyr_address address;
		uint8_t key[1][64];
		bool same = gyr_recover_portable.batch(reference_memory, &address, key,
						       in[i].request, 1) != 0 &&
			    memcmp(key[0], in[i].table, 64) == 0;

		answer[i] = same ? GYR_KNOWN_YES : GYR_KNOWN_NO;
	}
}

static const struct gyr_known_ops double_ops = {
	.name = "double",
	.table_size = TABLE_WORDS * 8,
	.shared_size = double_shared_size,
	.init = double_init,
	.build = double_build,
	.prefetch = double_prefetch,
	.check = double_check,
};

static void key_of(unsigned number, uint8_t key[64], struct gyr_address *address)
{
	memset(key, (int)number + 1, 64);
	memset(address->bytes, (int)number + 1, sizeof address->bytes);
}

static gyr_known_handle admit(unsigned number, bool pinned, uint64_t now_ns)
{
	struct gyr_address address;
	uint8_t key[64];

	key_of(number, key, &address);
	return gyr_known_admit(&known, key, &address, pinned, now_ns);
}

static int open_pool(void **state)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	const struct gyr_known_conf conf = { .ops = &double_ops,
					     .slot_count = SLOT_COUNT,
					     .lane_count = LANE_COUNT };

	(void)state;
	(void)gyr_recover_portable.init(reference_memory, conf.seed);
	return gyr_known_init(&known, &arena, &conf, &gyr_recover_portable, reference_memory);
}

static void the_longest_unused_makes_room(void **state)
{
	gyr_known_handle handle[SLOT_COUNT + 1];
	struct gyr_address address;

	(void)state;
	for (unsigned i = 0; i < SLOT_COUNT; i++) {
		handle[i] = admit(i, i == 0, 100 + i);
		assert_true(handle[i] != 0);
	}
	assert_true(admit(2, false, 200) == handle[2]); /* held already */
	gyr_known_enter(&known, 0);
	assert_non_null(gyr_known_table(&known, &address, handle[1], 300));
	assert_int_equal(address.bytes[0], 2);
	gyr_known_leave(&known, 0);
	handle[4] = admit(4, false, 400); /* key 0 is pinned, 1 was just used: 2 goes */
	assert_true(handle[4] != 0);
	assert_null(gyr_known_table(&known, &address, handle[2], 500));
	assert_non_null(gyr_known_table(&known, &address, handle[0], 500));
	assert_non_null(gyr_known_table(&known, &address, handle[1], 500));
	assert_non_null(gyr_known_table(&known, &address, handle[4], 500));
	assert_null(gyr_known_table(&known, &address, 0, 500));
	assert_null(gyr_known_table(&known, &address, UINT64_MAX, 500));
	assert_int_equal(known.evict_count, 1);
}

static void pinned_keys_stay_and_bad_keys_are_refused(void **state)
{
	gyr_known_handle handle[SLOT_COUNT];
	struct gyr_address address = { { 0 } };
	uint8_t key[64];

	(void)state;
	assert_int_equal(open_pool(NULL), 0);
	for (unsigned i = 0; i < SLOT_COUNT; i++)
		handle[i] = admit(i, true, i);
	assert_true(admit(5, false, 9) == 0);
	gyr_known_unpin(&known, handle[3]);
	assert_true(admit(5, false, 9) != 0);
	assert_null(gyr_known_table(&known, &address, handle[3], 10));
	memset(key, 0xee, 64);
	assert_true(gyr_known_admit(&known, key, &address, false, 11) == 0);
}

static void a_table_in_use_is_not_rebuilt(void **state)
{
	struct gyr_address address;
	const uint64_t *table;
	gyr_known_handle handle;

	(void)state;
	assert_int_equal(open_pool(NULL), 0);
	for (unsigned i = 1; i < SLOT_COUNT; i++)
		assert_true(admit(i, true, 1) != 0);
	handle = admit(0, false, 1);
	gyr_known_enter(&known, 1);
	table = gyr_known_table(&known, &address, handle, 2);
	assert_true(table[0] == 0x0101010101010101);
	assert_true(admit(7, false, 3) == 0); /* taken away, not yet free */
	assert_true(admit(7, false, 3) == 0);
	assert_true(table[TABLE_WORDS - 1] == 0x0101010101010101);
	assert_null(gyr_known_table(&known, &address, handle, 4));
	gyr_known_leave(&known, 1);
	assert_true(admit(7, false, 5) != 0);
}

static void *read_tables(void *argument)
{
	uint32_t lane = (uint32_t)(uintptr_t)argument;
	uint64_t seed = lane + 1, found = 0;

	/* Acquire: pairs with the cold lane's release at the end. */
	while (!atomic_load_explicit(&done, memory_order_acquire)) {
		unsigned number = (unsigned)(gyr_test_random(&seed) % KEY_COUNT);
		struct gyr_address address;
		const uint64_t *table;
		uint64_t word = 0;

		gyr_known_enter(&known, lane);
		table = gyr_known_table(
			&known, &address,
			atomic_load_explicit(&handles[number], memory_order_acquire), seed >> 32);
		if (table != NULL) {
			memset(&word, (int)number + 1, sizeof word);
			gyr_assert(address.bytes[19] == number + 1);
			for (int i = 0; i < TABLE_WORDS; i++)
				gyr_assert(table[i] == word);
			found++;
		}
		gyr_known_leave(&known, lane);
	}
	return (void *)(uintptr_t)found;
}

static void readers_never_see_a_table_change(void **state)
{
	pthread_t reader[LANE_COUNT];
	uint64_t seed = gyr_test_seed(), built = 0;

	(void)state;
	assert_int_equal(open_pool(NULL), 0);
	for (uintptr_t i = 0; i < LANE_COUNT; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_tables, (void *)i), 0);
	/* A reader that is not scheduled keeps its table: admission is refused meanwhile. */
	for (unsigned i = 0; built < ADMIT_COUNT && i < ADMIT_TRY_MAX; i++) {
		unsigned number = (unsigned)(gyr_test_random(&seed) % KEY_COUNT);
		gyr_known_handle handle = admit(number, false, i);

		if (handle != 0)
			atomic_store_explicit(&handles[number], handle, memory_order_release);
		else
			(void)sched_yield();
		built += handle != 0;
	}
	atomic_store_explicit(&done, true, memory_order_release);
	for (int i = 0; i < LANE_COUNT; i++)
		assert_int_equal(pthread_join(reader[i], NULL), 0);
	assert_int_equal(built, ADMIT_COUNT);
	assert_true(known.evict_count > ADMIT_COUNT / 2);
}

static void eight_misses_in_a_row_turn_a_session_off(void **state)
{
	struct gyr_known_session session = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < GYR_KNOWN_MISSES_IN_ROW - 1; i++)
			gyr_known_session_record(&session, GYR_KNOWN_NO);
		assert_true(gyr_known_session_on(&session));
		gyr_known_session_record(&session, GYR_KNOWN_YES);
	}
	for (int i = 0; i < GYR_KNOWN_MISSES_IN_ROW; i++)
		gyr_known_session_record(&session, i % 2 == 0 ? GYR_KNOWN_NO : GYR_KNOWN_UNDECIDED);
	assert_false(gyr_known_session_on(&session));
	assert_int_equal(session.hit_count, 3);
	assert_int_equal(session.miss_count, 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_longest_unused_makes_room, open_pool),
		cmocka_unit_test(pinned_keys_stay_and_bad_keys_are_refused),
		cmocka_unit_test(a_table_in_use_is_not_rebuilt),
		cmocka_unit_test(readers_never_see_a_table_change),
		cmocka_unit_test(eight_misses_in_a_row_turn_a_session_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
