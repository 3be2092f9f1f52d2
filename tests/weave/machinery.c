/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machinery with real threads, for the thread sanitizer and for its own assertions: metrics
 * read while they are written, journal records from two lanes into one formatter, UTC published
 * under readers, and wakes that must not get lost between a parked lane and its producer.
 */
#include "gyr_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "gyr_clock_sim.h"
#include "gyr_clock_tsc.h"
#include "gyr_journal.h"
#include "gyr_lane.h"
#include "gyr_metric.h"
#include "gyr_ring.h"

#define RECORD_COUNT 20000

static _Atomic bool done;

static void *write_metrics(void *argument)
{
	struct gyr_metric *metric = argument;

	for (uint64_t i = 1; i <= RECORD_COUNT; i++) {
		gyr_metric_add(&metric->area->lane[0].turns, 1);
		gyr_metric_record(&metric->area->wal[0].write_ns, i);
	}
	atomic_store_explicit(&done, true, memory_order_release);
	return NULL;
}

static void metrics_grow_under_a_reader(void **state)
{
	struct gyr_metric metric;
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	uint64_t last_turns = 0;
	uint64_t last_total = 0;
	pthread_t thread;
	bool ending;

	(void)state;
	atomic_store(&done, false);
	assert_int_equal(gyr_metric_create(&metric, NULL, "weave", 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_metrics, &metric), 0);
	do {
		uint64_t turns = gyr_metric_get(&metric.area->lane[0].turns);
		struct gyr_hist hist = gyr_metric_hist(&metric.area->wal[0].write_ns, counts);

		ending = atomic_load_explicit(&done, memory_order_acquire);
		assert_true(turns >= last_turns && hist.total >= last_total);
		last_turns = turns;
		last_total = hist.total;
	} while (!ending);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(gyr_metric_get(&metric.area->lane[0].turns), RECORD_COUNT);
	assert_int_equal(gyr_metric_hist(&metric.area->wal[0].write_ns, counts).total,
			 RECORD_COUNT);
	gyr_metric_close(&metric);
}

/* Each lane says things of its own and, both, one thing from the same site. */
static void *write_journal(void *argument)
{
	struct gyr_journal_writer *writer = argument;

	for (uint64_t i = 0; i < RECORD_COUNT; i++)
		GYR_JOURNAL(writer, i << 30, GYR_JOURNAL_NOTE, "record {i:u}", i);
	return NULL;
}

static void journal_loses_nothing_uncounted(void **state)
{
	static struct gyr_journal journal;
	struct gyr_journal_options options = { .rate = 1, .ring_record_count = 64 };
	struct gyr_journal_writer *writers[2];
	void *memory[2];
	pthread_t threads[2];
	uint64_t taken = 0;
	FILE *to = fopen("/dev/null", "w");

	(void)state;
	options.to = to;
	gyr_journal_init(&journal, &options);
	for (int i = 0; i < 2; i++) {
		memory[i] = aligned_alloc(64, gyr_journal_ring_size(&options));
		writers[i] = gyr_journal_writer_add(&journal, memory[i]);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_journal, writers[i]), 0);
	for (int i = 0; i < 200; i++)
		taken += gyr_journal_poll(&journal, 1, 1000);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (unsigned got = 1; got > 0; taken += got)
		got = gyr_journal_poll(&journal, 1, 1000);
	assert_int_equal(taken + gyr_journal_dropped(&journal) + gyr_journal_suppressed(&journal),
			 2 * RECORD_COUNT);
	assert_true(taken > 0);
	(void)fclose(to);
	free(memory[0]);
	free(memory[1]);
}

static void *publish_utc(void *argument)
{
	struct gyr_clock *clock = argument;

	/* UTC is always 7 times the instant: a reader that mixes two statements finds another. */
	for (uint64_t i = 1; i <= RECORD_COUNT; i++) {
		struct gyr_clock_utc utc = { .utc_ns = 7 * i, .error_ns = 1 };

		gyr_clock_publish_utc(clock, i, &utc);
	}
	atomic_store_explicit(&done, true, memory_order_release);
	return NULL;
}

static void utc_is_read_whole(void **state)
{
	static struct gyr_clock clock;
	struct gyr_clock_sim sim;
	pthread_t thread;

	(void)state;
	atomic_store(&done, false);
	gyr_clock_sim_open(&clock, &sim, 7);
	gyr_clock_publish_utc(&clock, 1, &(struct gyr_clock_utc){ .utc_ns = 7 });
	assert_int_equal(pthread_create(&thread, NULL, publish_utc, &clock), 0);
	while (!atomic_load_explicit(&done, memory_order_acquire)) {
		/* utc(0) = 7 i - i: a multiple of 6, whichever statement it comes from. */
		assert_int_equal(gyr_clock_utc_at(&clock, 0).utc_ns % 6, 0);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(gyr_clock_utc_at(&clock, 0).utc_ns, 6 * RECORD_COUNT);
}

/* Counts what it takes and answers each item, so that two lanes play ping-pong while both park. */
struct player {
	struct gyr_spsc *from;
	struct gyr_spsc *to;
	struct gyr_lane *other;
	uint64_t played;
};

static unsigned player_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct player *player = self;
	unsigned items = 0;

	(void)turn;
	while (items < budget && gyr_spsc_peek(player->from) != NULL) {
		if (gyr_spsc_reserve(player->to) == NULL)
			return items | GYR_STAGE_STALLED;
		gyr_spsc_release(player->from);
		gyr_spsc_publish(player->to);
		player->played++;
		items++;
	}
	if (items > 0)
		gyr_lane_wake(player->other);
	return items;
}

static void parked_lanes_do_not_miss_wakes(void **state)
{
	static const struct gyr_stage_ops ops = { .name = "player", .poll = player_poll };
	static struct gyr_lane lanes[2];
	static struct gyr_clock clock;
	struct gyr_lane *group[] = { &lanes[0], &lanes[1] };
	struct gyr_spsc *rings[2];
	struct player players[2];
	struct timespec length = { .tv_nsec = 200000000 };

	(void)state;
	assert_int_equal(gyr_clock_tsc_open(&clock, NULL), 0);
	for (int i = 0; i < 2; i++)
		rings[i] = gyr_spsc_init(aligned_alloc(64, gyr_round_up(gyr_spsc_size(8, 4), 64)),
					 8, 4);
	assert_non_null(gyr_spsc_reserve(rings[0]));
	gyr_spsc_publish(rings[0]);
	for (int i = 0; i < 2; i++) {
		struct gyr_lane_options options = {
			.name = "p", .cpu = -1, .spin_turns = 1, .idle = GYR_LANE_IDLE_PARK
		};

		players[i] = (struct player){ .from = rings[i],
					      .to = rings[1 - i],
					      .other = &lanes[1 - i] };
		assert_int_equal(gyr_lane_init(&lanes[i], &clock, &options), 0);
		gyr_lane_add(&lanes[i], &ops, &players[i], 4);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(gyr_lane_start(&lanes[i]), 0);
	(void)nanosleep(&length, NULL);
	/* The ball never rests, so the lanes cannot drain: they end at the limit. */
	assert_int_not_equal(gyr_lane_stop_all(group, 2, 1000000), 0);
	/* With a missed wake every exchange would take two ticks: 100 of them in all. */
	assert_true(players[0].played > 250);
	for (int i = 0; i < 2; i++) {
		gyr_lane_fini(&lanes[i]);
		free(rings[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_grow_under_a_reader),
		cmocka_unit_test(journal_loses_nothing_uncounted),
		cmocka_unit_test(utc_is_read_whole),
		cmocka_unit_test(parked_lanes_do_not_miss_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
