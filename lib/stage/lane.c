/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_lane.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gyr_err.h"

#define SPIN_TURNS_DEFAULT 2000
#define TURN_NS_DEFAULT	   100000
#define BUDGET_DEFAULT	   32

/* Only the lane's thread writes its counters: no read-modify-write is needed. */
static inline void add(_Atomic uint64_t *counter, uint64_t amount)
{
	uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, before + amount, memory_order_relaxed);
}

int gyr_lane_init(struct gyr_lane *lane, const struct gyr_clock *clock,
		  const struct gyr_lane_options *options)
{
	gyr_assert(options->cpu < CPU_SETSIZE);
	memset(lane, 0, sizeof *lane);
	lane->options = *options;
	(void)snprintf(lane->name, sizeof lane->name, "%s", options->name);
	lane->options.name = lane->name;
	if (lane->options.spin_turns == 0)
		lane->options.spin_turns = SPIN_TURNS_DEFAULT;
	if (lane->options.turn_ns_max == 0)
		lane->options.turn_ns_max = TURN_NS_DEFAULT;
	lane->clock = clock;
	gyr_hist_init(&lane->turn_hist, lane->turn_counts, GYR_LANE_HIST_PRECISION_BITS,
		      GYR_LANE_HIST_RANGE_BITS);
	lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (lane->wake_fd < 0)
		GYR_FAIL(GYR_ERR_LIMIT, "no descriptor for lane %s: %s", lane->name,
			 strerror(errno));
	return 0;
}

void gyr_lane_add(struct gyr_lane *lane, const struct gyr_stage_ops *ops, void *self,
		  unsigned budget)
{
	gyr_assert(lane->stage_count < GYR_LANE_STAGE_COUNT_MAX);
	gyr_assert(ops->name != NULL && ops->poll != NULL);
	gyr_assert(atomic_load_explicit(&lane->state, memory_order_relaxed) == GYR_LANE_IDLE);
	lane->stages[lane->stage_count++] = (struct gyr_lane_stage){
		.ops = ops,
		.self = self,
		.budget = budget == 0 ? BUDGET_DEFAULT : budget,
	};
	gyr_lane_label(lane, ops->name);
}

void gyr_lane_label(struct gyr_lane *lane, const char *label)
{
	gyr_assert(lane->stage_count > 0);
	gyr_metric_label(lane->stages[lane->stage_count - 1].label, label);
}

/* Splits the busy time since the last tick among the stages, by what the samples say. */
static void settle_times(struct gyr_lane *lane, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - lane->tick_last_ns;
	uint64_t weight_sum = 0;

	for (unsigned i = 0; i < lane->stage_count; i++)
		weight_sum += lane->stages[i].sample_ns;
	for (unsigned i = 0; i < lane->stage_count; i++) {
		struct gyr_lane_stage *stage = &lane->stages[i];
		uint64_t busy_ns = 0;
		uint64_t stalled_ns = stage->stalled_since_tick_ns;

		if (lane->stage_count == 1)
			busy_ns = lane->busy_since_tick_ns;
		else if (weight_sum > 0)
			busy_ns = (uint64_t)((unsigned __int128)lane->busy_since_tick_ns *
					     stage->sample_ns / weight_sum);
		busy_ns = gyr_min_u64(busy_ns, elapsed_ns);
		stalled_ns = gyr_min_u64(stalled_ns, elapsed_ns - busy_ns);
		add(&stage->times.busy_ns, busy_ns);
		add(&stage->times.stalled_ns, stalled_ns);
		add(&stage->times.idle_ns, elapsed_ns - busy_ns - stalled_ns);
		stage->stalled_since_tick_ns = 0;
		/* Halves in some 22 ticks: shares follow the load, one long turn does not rule. */
		stage->sample_ns -= stage->sample_ns >> 5;
	}
	lane->busy_since_tick_ns = 0;
	lane->tick_last_ns = now_ns;
}

/* The time from the last turn's reading to this one's belongs to the last turn. */
static void account(struct gyr_lane *lane, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - lane->turn.now_ns;

	for (unsigned i = 0; i < lane->stage_count; i++)
		if (lane->stages[i].stalled)
			lane->stages[i].stalled_since_tick_ns += elapsed_ns;
	if (!lane->was_busy) {
		add(&lane->times.idle_ns, elapsed_ns);
		return;
	}
	add(&lane->times.busy_ns, elapsed_ns);
	add(&lane->times.turns_busy, 1);
	lane->busy_since_tick_ns += elapsed_ns;
	gyr_hist_record(&lane->turn_hist, elapsed_ns);
	if (elapsed_ns > lane->options.turn_ns_max)
		add(&lane->times.turns_over, 1);
	if (elapsed_ns > atomic_load_explicit(&lane->times.turn_longest_ns, memory_order_relaxed)) {
		atomic_store_explicit(&lane->times.turn_longest_ns, elapsed_ns,
				      memory_order_relaxed);
		atomic_store_explicit(&lane->times.turn_longest_at_utc_ns, lane->turn.utc_ns,
				      memory_order_relaxed);
	}
}

static void begin_turn(struct gyr_lane *lane)
{
	uint64_t now_ns = gyr_clock_now_ns(lane->clock);
	struct gyr_clock_utc utc = gyr_clock_utc_at(lane->clock, now_ns);

	if (GYR_LIKELY(lane->turn.number > 0)) {
		/* Cores whose counters differ by some ticks must not make time go back. */
		now_ns = gyr_max_u64(now_ns, lane->turn.now_ns);
		account(lane, now_ns);
	} else {
		lane->tick_last_ns = now_ns;
		lane->tick_due_ns = now_ns + GYR_LANE_TICK_NS;
	}
	lane->turn.now_ns = now_ns;
	lane->turn.utc_ns = utc.utc_ns;
	lane->turn.utc_error_ns = utc.error_ns;
	lane->turn.number++;
	add(&lane->times.turns, 1);
}

static unsigned poll_stage(struct gyr_lane *lane, struct gyr_lane_stage *stage)
{
	unsigned result = stage->ops->poll(stage->self, &lane->turn, stage->budget);
	unsigned items = result & ~GYR_STAGE_STALLED;

	stage->stalled = items == 0 && result != 0;
	if (items > 0) {
		add(&stage->times.items, items);
		add(&stage->times.polls_busy, 1);
	}
	return items;
}

static void tick(struct gyr_lane *lane)
{
	settle_times(lane, lane->turn.now_ns);
	for (unsigned i = 0; i < lane->stage_count; i++)
		if (lane->stages[i].ops->tick != NULL)
			lane->stages[i].ops->tick(lane->stages[i].self, &lane->turn);
	/* After a long turn the next tick is a full period away: ticks are not made up for. */
	lane->tick_due_ns = lane->turn.now_ns + GYR_LANE_TICK_NS;
}

static void drain(struct gyr_lane *lane, unsigned items)
{
	bool drained = items == 0;

	for (unsigned i = 0; i < lane->stage_count; i++) {
		const struct gyr_lane_stage *stage = &lane->stages[i];

		if (stage->ops->drain != NULL && !stage->ops->drain(stage->self, &lane->turn))
			drained = false;
	}
	atomic_store_explicit(&lane->drained, drained, memory_order_release);
}

unsigned gyr_lane_turn_order(struct gyr_lane *lane, const uint8_t *order, unsigned order_count)
{
	unsigned items_all = 0;
	bool sample;

	begin_turn(lane);
	sample = lane->stage_count > 1 && lane->turn.number % GYR_LANE_SAMPLE_TURNS == 0;
	if (GYR_UNLIKELY(sample)) {
		uint64_t before_ns = lane->turn.now_ns;

		for (unsigned i = 0; i < order_count; i++) {
			struct gyr_lane_stage *stage = &lane->stages[order[i]];
			unsigned items = poll_stage(lane, stage);
			uint64_t after_ns = gyr_clock_now_ns(lane->clock);

			if (items > 0 && after_ns > before_ns)
				stage->sample_ns += after_ns - before_ns;
			before_ns = after_ns;
			items_all += items;
		}
	} else {
		for (unsigned i = 0; i < order_count; i++)
			items_all += poll_stage(lane, &lane->stages[order[i]]);
	}
	if (GYR_UNLIKELY(lane->turn.now_ns >= lane->tick_due_ns))
		tick(lane);
	/* Relaxed: a turn more or less before draining begins does not matter. */
	if (GYR_UNLIKELY(atomic_load_explicit(&lane->state, memory_order_relaxed) >=
			 GYR_LANE_DRAINING))
		drain(lane, items_all);
	lane->was_busy = items_all > 0;
	lane->empty_turns = items_all > 0 ? 0 : lane->empty_turns + 1;
	return items_all;
}

unsigned gyr_lane_turn(struct gyr_lane *lane)
{
	static const uint8_t flow[GYR_LANE_STAGE_COUNT_MAX] = { 0,  1,	2,  3,	4,  5,	6,  7,
								8,  9,	10, 11, 12, 13, 14, 15,
								16, 17, 18, 19, 20, 21, 22, 23 };

	return gyr_lane_turn_order(lane, flow, lane->stage_count);
}

void gyr_lane_fini(struct gyr_lane *lane)
{
	gyr_assert(!lane->started);
	for (unsigned i = lane->stage_count; i-- > 0;)
		if (lane->stages[i].ops->fini != NULL)
			lane->stages[i].ops->fini(lane->stages[i].self);
	lane->stage_count = 0;
	if (lane->wake_fd >= 0)
		(void)close(lane->wake_fd);
	lane->wake_fd = -1;
}
