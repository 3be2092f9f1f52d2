/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log ring and the wal between their threads: the writer, the wal's data lane, its cold lane
 * and two readers. First in seeded interleavings of single steps in one thread over the simulated
 * disk, then as real threads over real files (also under the thread sanitizer). Every reader sees
 * every record once, in order and whole; nothing is executed twice, durable never passes committed.
 */
#include "wal_rig.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "gyr_block_pwrite.h"

struct follower {
	struct gyr_log *log;
	unsigned reader;
	uint64_t arrival; /* the last one seen */
	uint64_t position;
	uint64_t count;
};

/* Reads what there is, at most `budget` records; releases all or, sometimes, nothing. */
static unsigned follow(struct follower *follower, unsigned budget, bool release)
{
	const struct gyr_log_record *record;
	unsigned done = 0;

	while (done < budget && (record = gyr_log_peek(follower->log, follower->reader)) != NULL) {
		assert_int_equal(record->position, follower->position);
		follower->position += record->length;
		if (record->kind == GYR_LOG_TX) {
			struct gyr_slice raw = gyr_log_tx_raw(record);

			assert_int_equal(record->arrival, follower->arrival + 1);
			follower->arrival++;
			for (size_t i = 0; i < raw.length; i++)
				if (raw.data[i] != (record->arrival * 31 & 255))
					fail();
		}
		follower->count++;
		gyr_log_advance(follower->log, follower->reader);
		done++;
	}
	if (release)
		gyr_log_release(follower->log, follower->reader);
	return done;
}

static void interleave(uint64_t seed)
{
	struct rig rig;
	struct follower followers[2] = { { .reader = 1 }, { .reader = 2 } };
	uint64_t refused;

	rig_init(&rig, seed);
	rig_open_device(&rig);
	assert_int_equal(rig_recover(&rig, 0, NULL, NULL), 0);
	assert_int_equal(gyr_log_init(rig.log,
				      &(struct gyr_log_config){
					      .ring = rig.ring,
					      .ring_size = RIG_RING,
					      .identity = rig.identity,
				      }),
			 0);
	assert_int_equal(gyr_log_reader_add(rig.log, "exec"), 1);
	assert_int_equal(gyr_log_reader_add(rig.log, "feed"), 2);
	rig.config.dev = rig.dev;
	rig.config.log = rig.log;
	rig.config.in_flight_max = 1 + (uint32_t)(seed % 8);
	assert_int_equal(gyr_wal_open(rig.wal, &rig.config, &rig.end), 0);
	gyr_block_sim_disk_faults(rig.disk)->poll_delay_max = (uint32_t)(seed % 5);
	followers[0].log = followers[1].log = rig.log;
	refused = rig.log->refused_count;
	for (unsigned i = 0; i < 4000; i++) {
		uint64_t random = gyr_test_random(&seed);

		switch (random % 7) {
		case 0:
		case 1:
			(void)rig_append(&rig, (uint32_t)(random >> 8) % 6000);
			break;
		case 2:
			if (gyr_wal_takes_commit(rig.wal))
				(void)gyr_log_commit(rig.log);
			break;
		case 3:
			rig_poll(&rig);
			break;
		case 4:
			(void)gyr_wal_prepare_poll(rig.wal);
			break;
		default:
			(void)follow(&followers[random % 2], (unsigned)(random >> 8) % 20,
				     (random >> 20) % 3 == 0);
			break;
		}
		assert_true(gyr_log_durable(rig.log) <= gyr_log_committed(rig.log));
		assert_true(gyr_log_committed(rig.log) <= gyr_log_published(rig.log));
		for (unsigned k = 0; k < 3; k++)
			assert_true(gyr_log_lag(rig.log, k) <= RIG_RING);
	}
	(void)gyr_log_commit(rig.log);
	rig_drain(&rig);
	for (unsigned k = 0; k < 2; k++) {
		(void)follow(&followers[k], UINT32_MAX, true);
		assert_int_equal(followers[k].arrival, rig.arrival);
		assert_int_equal(followers[k].position, gyr_log_published(rig.log));
	}
	assert_true(rig.log->refused_count >= refused);
	rig_fini(&rig);
}

static void steps_in_any_order(void **state)
{
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		interleave(seed + i);
}

static struct rig shared;
static _Atomic bool writer_done;
static _Atomic bool lanes_stop;

static void *run_data_lane(void *unused)
{
	/* Acquire: pairs with main's release. */
	while (!atomic_load_explicit(&lanes_stop, memory_order_acquire))
		if (gyr_wal_poll(shared.wal, 1) == 0)
			(void)sched_yield();
	return unused;
}

static void *run_cold_lane(void *unused)
{
	while (!atomic_load_explicit(&lanes_stop, memory_order_acquire))
		if (!gyr_wal_prepare_poll(shared.wal))
			(void)usleep(200);
	return unused;
}

static void *run_follower(void *argument)
{
	struct follower *follower = argument;

	for (;;) {
		/* Acquire, before looking: what the writer wrote until then is visible. */
		bool last = atomic_load_explicit(&writer_done, memory_order_acquire);

		if (follow(follower, 64, true) == 0) {
			if (last)
				return NULL;
			(void)sched_yield();
		}
		/* Anybody may look. */
		assert_true(gyr_log_durable(follower->log) <= gyr_log_committed(follower->log));
		if (follower->reader == 1)
			gyr_wal_consumer_set(shared.wal, 0, follower->position);
	}
}

static void write_all(unsigned seconds)
{
	time_t end = time(NULL) + seconds;
	uint64_t seed = 3;

	while (time(NULL) < end) {
		for (unsigned i = 0; i < 100; i++)
			if (rig_append(&shared, (uint32_t)gyr_test_random(&seed) % 3000) ==
			    UINT64_MAX)
				(void)sched_yield();
		if (gyr_wal_takes_commit(shared.wal))
			(void)gyr_log_commit(shared.log);
	}
	(void)gyr_log_commit(shared.log);
}

static void as_threads(void **state)
{
	struct follower followers[2] = { { .reader = 1 }, { .reader = 2 } };
	char directory[] = "/tmp/gyr-weave-log-XXXXXX";
	char command[64];
	struct gyr_blockdev_config device = { .in_flight_max = 8, .helper_count = 1 };
	pthread_t threads[4];

	(void)state;
	assert_non_null(mkdtemp(directory));
	rig_init(&shared, 1);
	device.path = directory;
	assert_int_equal(gyr_block_pwrite.open(&shared.dev, &device), 0);
	assert_int_equal(rig_recover(&shared, 0, NULL, NULL), 0);
	assert_int_equal(gyr_log_init(shared.log,
				      &(struct gyr_log_config){
					      .ring = shared.ring,
					      .ring_size = RIG_RING,
					      .identity = shared.identity,
				      }),
			 0);
	assert_int_equal(gyr_log_reader_add(shared.log, "exec"), 1);
	assert_int_equal(gyr_log_reader_add(shared.log, "feed"), 2);
	shared.config.dev = shared.dev;
	shared.config.log = shared.log;
	assert_int_equal(gyr_wal_open(shared.wal, &shared.config, &shared.end), 0);
	assert_int_equal(gyr_wal_consumer_add(shared.wal, 0), 0);
	followers[0].log = followers[1].log = shared.log;
	assert_int_equal(pthread_create(&threads[0], NULL, run_data_lane, NULL), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, run_cold_lane, NULL), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, run_follower, &followers[0]), 0);
	assert_int_equal(pthread_create(&threads[3], NULL, run_follower, &followers[1]), 0);
	write_all(2);
	atomic_store_explicit(&writer_done, true, memory_order_release);
	(void)pthread_join(threads[2], NULL);
	(void)pthread_join(threads[3], NULL);
	while (gyr_log_durable(shared.log) != gyr_log_committed(shared.log) &&
	       gyr_wal_status(shared.wal) == 0)
		(void)sched_yield();
	atomic_store_explicit(&lanes_stop, true, memory_order_release);
	(void)pthread_join(threads[0], NULL);
	(void)pthread_join(threads[1], NULL);
	assert_int_equal(gyr_wal_status(shared.wal), 0);
	print_message("%llu transactions, %llu MB, %llu segments recycled, %llu removed\n",
		      (unsigned long long)shared.arrival,
		      (unsigned long long)(gyr_log_durable(shared.log) >> 20),
		      (unsigned long long)shared.wal->recycled_count,
		      (unsigned long long)shared.wal->removed_count);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(followers[i].arrival, shared.arrival);
		assert_int_equal(followers[i].position, gyr_log_published(shared.log));
	}
	assert_true(shared.arrival > 100);
	gyr_wal_close(shared.wal);
	rig_fini(&shared);
	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_in_any_order),
		cmocka_unit_test(as_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
