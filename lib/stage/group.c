/* SPDX-License-Identifier: Apache-2.0 */
/* Ending lanes together: what one hands on, another may still have to do. */
#include <time.h>

#include "gyr_err.h"
#include "gyr_lane.h"

#define LOOK_NS 200000

void gyr_lane_request_stop(struct gyr_lane *lane)
{
	int state = atomic_load_explicit(&lane->state, memory_order_relaxed);

	while (state < GYR_LANE_DRAINING)
		if (atomic_compare_exchange_weak_explicit(&lane->state, &state, GYR_LANE_DRAINING,
							  memory_order_release,
							  memory_order_relaxed))
			break;
	gyr_lane_wake(lane);
}

bool gyr_lane_drained(const struct gyr_lane *lane)
{
	return atomic_load_explicit(&lane->state, memory_order_relaxed) >= GYR_LANE_DRAINING &&
	       atomic_load_explicit(&lane->drained, memory_order_acquire);
}

/* One look at all lanes: whether all are drained, and a sum that any work or turn moves. */
static bool look(struct gyr_lane *const *lanes, unsigned lane_count, uint64_t *items,
		 uint64_t *turns_least)
{
	bool drained = true;

	*items = 0;
	for (unsigned i = 0; i < lane_count; i++) {
		const struct gyr_lane *lane = lanes[i];

		if (!lane->started)
			continue;
		drained = gyr_lane_drained(lane) && drained;
		for (unsigned j = 0; j < lane->stage_count; j++)
			*items += atomic_load_explicit(&lane->stages[j].times.items,
						       memory_order_relaxed);
		turns_least[i] = atomic_load_explicit(&lane->times.turns, memory_order_relaxed);
	}
	return drained;
}

/* Drained twice, each lane having made two whole turns in between, and nothing moved: what lay in
 * a ring between two lanes would have been seen. */
static bool settled(struct gyr_lane *const *lanes, unsigned lane_count, uint64_t deadline_ns)
{
	struct timespec length = { .tv_nsec = LOOK_NS };
	uint64_t turns[2][GYR_LANE_COUNT_MAX] = { { 0 } };
	uint64_t items[2];

	if (!look(lanes, lane_count, &items[0], turns[0]))
		return false;
	for (unsigned i = 0; i < lane_count;) {
		if (!look(lanes, lane_count, &items[1], turns[1]) || items[0] != items[1])
			return false;
		if (!lanes[i]->started || turns[1][i] >= turns[0][i] + 2) {
			i++;
			continue;
		}
		if (gyr_clock_now_ns(lanes[i]->clock) > deadline_ns)
			return false;
		gyr_lane_wake(lanes[i]);
		(void)nanosleep(&length, NULL);
	}
	return true;
}

int gyr_lane_stop_all(struct gyr_lane *const *lanes, unsigned lane_count, uint64_t timeout_ns)
{
	struct timespec length = { .tv_nsec = LOOK_NS };
	uint64_t deadline_ns;
	bool done = false;

	gyr_assert(lane_count > 0 && lane_count <= GYR_LANE_COUNT_MAX);
	deadline_ns = gyr_clock_now_ns(lanes[0]->clock) + timeout_ns;
	for (unsigned i = 0; i < lane_count; i++)
		gyr_lane_request_stop(lanes[i]);
	while (!done && gyr_clock_now_ns(lanes[0]->clock) <= deadline_ns) {
		done = settled(lanes, lane_count, deadline_ns);
		if (!done)
			(void)nanosleep(&length, NULL);
	}
	for (unsigned i = 0; i < lane_count; i++) {
		atomic_store_explicit(&lanes[i]->state, GYR_LANE_ENDING, memory_order_release);
		gyr_lane_wake(lanes[i]);
	}
	for (unsigned i = 0; i < lane_count; i++) {
		if (lanes[i]->started)
			(void)pthread_join(lanes[i]->thread, NULL);
		lanes[i]->started = false;
		atomic_store_explicit(&lanes[i]->state, GYR_LANE_ENDED, memory_order_release);
	}
	if (!done)
		GYR_FAIL(GYR_ERR_TIMEOUT, "the lanes were not drained within %llu ms",
			 (unsigned long long)(timeout_ns / 1000000));
	return 0;
}

const char *gyr_lane_idle_name(enum gyr_lane_idle idle)
{
	static const char *const names[] = { "spin", "backoff", "park" };

	gyr_assert((unsigned)idle < GYR_COUNT(names));
	return names[idle];
}
