/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "gyr_clock_sim.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_lane.h"
#include "gyr_mem.h"
#include "gyr_ring.h"

/* A stage that takes items from one ring and hands them to the next, or counts them at the end. */
struct mover {
	struct gyr_spsc *from;
	struct gyr_spsc *to;
	uint64_t made;
	_Atomic uint64_t seen;
	struct gyr_clock *sim; /* moved by cost_ns for each item */
	uint64_t cost_ns;
	unsigned ticks;
	unsigned finis;
	bool sourcing; /* makes items while not draining */
	bool data_lane_seen;
	int fd;
	uint64_t made_max;
};

static unsigned mover_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct mover *mover = self;
	unsigned items = 0;

	assert_true(turn->number > 0);
	mover->data_lane_seen = gyr_mem_data_lane();
	for (; items < budget; items++) {
		uint64_t *out = NULL;
		const uint64_t *in = NULL;

		if (mover->from != NULL && (in = gyr_spsc_peek(mover->from)) == NULL)
			break;
		if (mover->from == NULL && (!mover->sourcing || mover->made == mover->made_max))
			break;
		if (mover->to != NULL && (out = gyr_spsc_reserve(mover->to)) == NULL)
			return items | GYR_STAGE_STALLED;
		if (out != NULL) {
			*out = in != NULL ? *in : mover->made;
			gyr_spsc_publish(mover->to);
		}
		mover->made++;
		if (in != NULL)
			gyr_spsc_release(mover->from);
		if (mover->sim != NULL)
			gyr_clock_sim_advance(mover->sim, mover->cost_ns);
	}
	if (mover->fd >= 0) {
		uint64_t ignored;

		if (read(mover->fd, &ignored, sizeof ignored) == sizeof ignored)
			items++;
	}
	atomic_fetch_add_explicit(&mover->seen, items, memory_order_relaxed);
	return items;
}

static void mover_tick(void *self, const struct gyr_turn *turn)
{
	(void)turn;
	((struct mover *)self)->ticks++;
}

static unsigned mover_wait_fds(void *self, int *fds, unsigned fd_count_max)
{
	const struct mover *mover = self;

	if (mover->fd < 0 || fd_count_max == 0)
		return 0;
	fds[0] = mover->fd;
	return 1;
}

static bool mover_drain(void *self, const struct gyr_turn *turn)
{
	struct mover *mover = self;

	(void)turn;
	mover->sourcing = false;
	return mover->from == NULL || gyr_spsc_peek(mover->from) == NULL;
}

static void mover_fini(void *self)
{
	((struct mover *)self)->finis++;
}

static const struct gyr_stage_ops mover_ops = {
	.name = "mover",
	.poll = mover_poll,
	.tick = mover_tick,
	.wait_fds = mover_wait_fds,
	.drain = mover_drain,
	.fini = mover_fini,
};

static struct gyr_spsc *ring_make(uint64_t item_count)
{
	void *memory = aligned_alloc(64, gyr_round_up(gyr_spsc_size(8, item_count), 64));

	assert_non_null(memory);
	return gyr_spsc_init(memory, 8, item_count);
}

static uint64_t value(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void turns_account_their_time(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane_options options = { .name = "sim", .cpu = -1, .turn_ns_max = 100000 };
	struct gyr_clock_sim sim;
	struct gyr_spsc *ring = ring_make(64);
	struct mover source = { .to = ring,
				.sourcing = true,
				.fd = -1,
				.sim = &clock,
				.cost_ns = 1000,
				.made_max = 20000 };
	struct mover sink = { .from = ring, .fd = -1, .sim = &clock, .cost_ns = 3000 };
	uint64_t idle_before;
	double share;

	(void)state;
	gyr_clock_sim_open(&clock, &sim, 1700000000000000000);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &source, 16);
	gyr_lane_add(&lane, &mover_ops, &sink, 16);
	for (int i = 0; i < 1250; i++)
		assert_int_equal(gyr_lane_turn(&lane), 32);
	/* A turn costs 16 * (1000 + 3000) ns, and the last one is not yet accounted. */
	assert_int_equal(value(&lane.times.busy_ns), 1249ull * 64000);
	assert_int_equal(value(&lane.times.idle_ns), 0);
	assert_int_equal(value(&lane.times.turns_over), 0);
	assert_int_equal(value(&lane.stages[0].times.items), 20000);
	assert_in_range(source.ticks, 70, 80);
	/* The stages' shares come out as 1 : 3, together no more than the lane's. */
	share = (double)value(&lane.stages[1].times.busy_ns) /
		(double)value(&lane.stages[0].times.busy_ns);
	assert_true(share > 2.99 && share < 3.01);
	assert_true(value(&lane.stages[0].times.busy_ns) + value(&lane.stages[1].times.busy_ns) <=
		    value(&lane.times.busy_ns));
	/* Nothing more to do: idle, and one late turn is over the threshold only when busy. */
	assert_int_equal(gyr_lane_turn(&lane), 0);
	idle_before = value(&lane.times.idle_ns);
	gyr_clock_sim_advance(&clock, 5000000);
	assert_int_equal(gyr_lane_turn(&lane), 0);
	assert_int_equal(value(&lane.times.idle_ns), idle_before + 5000000);
	assert_int_equal(value(&lane.times.turns_over), 0);
	source.made_max++;
	source.cost_ns = 200000;
	(void)gyr_lane_turn(&lane);
	(void)gyr_lane_turn(&lane);
	assert_int_equal(value(&lane.times.turns_over), 1);
	assert_int_equal(value(&lane.times.turn_longest_ns), 203000);
	gyr_lane_fini(&lane);
	assert_int_equal(source.finis, 1);
	free(ring);
}

static void times_are_published(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane_options options = { .name = "data0", .cpu = 2 };
	struct gyr_clock_sim sim;
	struct gyr_spsc *ring = ring_make(64);
	struct mover source = { .to = ring,
				.sourcing = true,
				.fd = -1,
				.made_max = 20,
				.sim = &clock,
				.cost_ns = 1000 };
	struct mover sink = { .from = ring, .fd = -1 };
	struct gyr_metric metric;

	(void)state;
	gyr_clock_sim_open(&clock, &sim, 1700000000000000000);
	assert_int_equal(gyr_metric_create(&metric, NULL, "t", 1), 0);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &source, 16);
	gyr_lane_label(&lane, "gate 1");
	gyr_lane_add(&lane, &mover_ops, &sink, 16);
	for (int i = 0; i < 3; i++)
		(void)gyr_lane_turn(&lane);
	assert_int_equal(gyr_lane_publish(&lane, metric.area, 1, 5), 7);
	assert_string_equal(metric.area->lane[1].label, "data0");
	assert_int_equal(gyr_metric_get(&metric.area->lane[1].turns), 3);
	assert_int_equal(gyr_metric_get(&metric.area->lane[1].busy_ns), 20000);
	assert_int_equal(gyr_metric_get(&metric.area->lane[1].cpu), 3);
	assert_string_equal(metric.area->stage[5].label, "gate 1");
	assert_string_equal(metric.area->stage[6].label, "mover");
	assert_int_equal(gyr_metric_get(&metric.area->stage[5].items), 20);
	assert_int_equal(gyr_metric_get(&metric.area->stage[6].lane), 1);
	gyr_lane_fini(&lane);
	gyr_metric_close(&metric);
	free(ring);
}

static void stalled_is_not_idle(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane_options options = { .name = "sim", .cpu = -1 };
	struct gyr_clock_sim sim;
	struct gyr_spsc *ring = ring_make(4);
	struct mover source = { .to = ring, .sourcing = true, .fd = -1, .made_max = 100 };

	(void)state;
	gyr_clock_sim_open(&clock, &sim, 1700000000000000000);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &source, 16);
	assert_int_equal(gyr_lane_turn(&lane), 4);
	for (int i = 0; i < 50; i++) {
		gyr_clock_sim_advance(&clock, 100000);
		assert_int_equal(gyr_lane_turn(&lane), 0);
	}
	/* 5 ms: the first 100 us belong to the turn that moved four; what follows the last tick is
	 * settled by the next one. */
	assert_int_equal(value(&lane.stages[0].times.busy_ns), 100000);
	assert_int_equal(value(&lane.stages[0].times.stalled_ns), 4900000);
	assert_int_equal(value(&lane.stages[0].times.idle_ns), 0);
	gyr_lane_fini(&lane);
	free(ring);
}

static void order_is_the_callers(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	static const uint8_t backward[] = { 1, 0 };
	struct gyr_lane_options options = { .name = "sim", .cpu = -1 };
	struct gyr_clock_sim sim;
	struct gyr_spsc *ring = ring_make(64);
	struct mover source = { .to = ring, .sourcing = true, .fd = -1, .made_max = 100 };
	struct mover sink = { .from = ring, .fd = -1 };

	(void)state;
	gyr_clock_sim_open(&clock, &sim, 1700000000000000000);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &source, 16);
	gyr_lane_add(&lane, &mover_ops, &sink, 16);
	assert_int_equal(gyr_lane_turn_order(&lane, backward, 2), 16);
	assert_int_equal(value(&sink.seen), 0);
	assert_int_equal(gyr_lane_turn_order(&lane, backward, 1), 16);
	assert_int_equal(value(&sink.seen), 16);
	gyr_lane_fini(&lane);
	free(ring);
}

/* Two threads, three stages, a ring smaller than the flow: after the stop nothing is left behind,
 * whichever way the lanes idle. */
static void drain_leaves_nothing(void **state)
{
	static struct gyr_lane lanes[2];
	static struct gyr_clock clock;

	(void)state;
	assert_int_equal(gyr_clock_tsc_open(&clock, NULL), 0);
	for (enum gyr_lane_idle idle = GYR_LANE_IDLE_SPIN; idle <= GYR_LANE_IDLE_PARK; idle++) {
		struct gyr_lane *group[] = { &lanes[0], &lanes[1] };
		struct gyr_lane_options options = { .name = "t", .cpu = -1, .idle = idle };
		struct gyr_spsc *rings[] = { ring_make(8), ring_make(8) };
		struct mover source = {
			.to = rings[0], .sourcing = true, .fd = -1, .made_max = UINT64_MAX
		};
		struct mover middle = { .from = rings[0], .to = rings[1], .fd = -1 };
		struct mover sink = { .from = rings[1], .fd = -1 };
		struct timespec length = { .tv_nsec = 20000000 };

		assert_int_equal(gyr_lane_init(&lanes[0], &clock, &options), 0);
		options.kind = GYR_LANE_COLD;
		assert_int_equal(gyr_lane_init(&lanes[1], &clock, &options), 0);
		/* There and back again: the flow crosses lanes twice. */
		gyr_lane_add(&lanes[0], &mover_ops, &source, 3);
		gyr_lane_add(&lanes[1], &mover_ops, &middle, 3);
		gyr_lane_add(&lanes[0], &mover_ops, &sink, 3);
		assert_int_equal(gyr_lane_start(&lanes[0]), 0);
		assert_int_equal(gyr_lane_start(&lanes[1]), 0);
		(void)nanosleep(&length, NULL);
		assert_int_equal(gyr_lane_stop_all(group, 2, 10000000000), 0);
		assert_true(source.data_lane_seen);
		assert_false(middle.data_lane_seen);
		assert_true(source.made > 0);
		assert_int_equal(source.made, sink.made);
		assert_int_equal(value(&sink.seen), sink.made);
		gyr_lane_fini(&lanes[0]);
		gyr_lane_fini(&lanes[1]);
		free(rings[0]);
		free(rings[1]);
	}
}

/* A parked lane sleeps, and a readable descriptor or a wake ends the sleep. */
static void parked_lanes_sleep_and_wake(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane *group[] = { &lane };
	struct gyr_lane_options options = {
		.name = "park", .cpu = -1, .idle = GYR_LANE_IDLE_PARK, .spin_turns = 2
	};
	struct mover waiter = { .fd = eventfd(0, EFD_NONBLOCK) };
	struct timespec length = { .tv_nsec = 50000000 };
	uint64_t one = 1;
	uint64_t turns;

	(void)state;
	assert_int_equal(gyr_clock_tsc_open(&clock, NULL), 0);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &waiter, 1);
	assert_int_equal(gyr_lane_start(&lane), 0);
	(void)nanosleep(&length, NULL);
	turns = value(&lane.times.turns);
	(void)nanosleep(&length, NULL);
	turns = value(&lane.times.turns) - turns;
	/* 50 ms of ticks at 1 kHz and two turns for each: far from the millions of a spin. */
	assert_true(turns < 1000);
	assert_true(value(&lane.times.sleeps) > 0);
	assert_int_equal(value(&waiter.seen), 0);
	assert_int_equal(write(waiter.fd, &one, sizeof one), sizeof one);
	for (int i = 0; i < 2000 && value(&waiter.seen) == 0; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(value(&waiter.seen), 1);
	gyr_lane_wake(&lane);
	assert_int_equal(gyr_lane_stop_all(group, 1, 10000000000), 0);
	assert_true(waiter.ticks > 10);
	gyr_lane_fini(&lane);
	(void)close(waiter.fd);
}

static int refuse(void *context)
{
	(void)context;
	GYR_FAIL(GYR_ERR_PERMISSION, "not here");
}

static void start_reports_what_failed_on_the_thread(void **state)
{
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane_options options = { .name = "bad", .cpu = CPU_SETSIZE - 1 };
	struct mover waiter = { .fd = -1 };

	(void)state;
	assert_int_equal(gyr_clock_tsc_open(&clock, NULL), 0);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &mover_ops, &waiter, 1);
	assert_int_equal(gyr_lane_start(&lane), -GYR_ERR_CONFIG);
	assert_non_null(strstr(gyr_err_cause(), "lane bad cannot run on CPU"));
	gyr_lane_fini(&lane);
	options.cpu = -1;
	options.thread_init = refuse;
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	assert_int_equal(gyr_lane_start(&lane), -GYR_ERR_PERMISSION);
	assert_string_equal(gyr_err_cause(), "not here");
	gyr_lane_fini(&lane);
}

/* A stage that is never done: the stop ends all the same, and says so. */
static bool never(void *self, const struct gyr_turn *turn)
{
	(void)self;
	(void)turn;
	return false;
}

static void stop_has_a_limit(void **state)
{
	static const struct gyr_stage_ops ops = { .name = "never",
						  .poll = mover_poll,
						  .drain = never };
	static struct gyr_lane lane;
	static struct gyr_clock clock;
	struct gyr_lane *group[] = { &lane };
	struct gyr_lane_options options = { .name = "n", .cpu = -1, .idle = GYR_LANE_IDLE_BACKOFF };
	struct mover waiter = { .fd = -1 };

	(void)state;
	assert_int_equal(gyr_clock_tsc_open(&clock, NULL), 0);
	assert_int_equal(gyr_lane_init(&lane, &clock, &options), 0);
	gyr_lane_add(&lane, &ops, &waiter, 1);
	assert_int_equal(gyr_lane_start(&lane), 0);
	assert_int_equal(gyr_lane_stop_all(group, 1, 30000000), -GYR_ERR_TIMEOUT);
	gyr_lane_fini(&lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_account_their_time),
		cmocka_unit_test(times_are_published),
		cmocka_unit_test(stalled_is_not_idle),
		cmocka_unit_test(order_is_the_callers),
		cmocka_unit_test(drain_leaves_nothing),
		cmocka_unit_test(parked_lanes_sleep_and_wake),
		cmocka_unit_test(start_reports_what_failed_on_the_thread),
		cmocka_unit_test(stop_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
