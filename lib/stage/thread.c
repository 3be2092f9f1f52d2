/* SPDX-License-Identifier: Apache-2.0 */
/* The lane as a thread of its own: pinning, priority, and what it does while there is no work. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_lane.h"
#include "gyr_mem.h"

#define YIELD_TURNS	 64
#define SLEEP_NS_MIN	 1000u
#define SLEEP_SHIFTS_MAX 7 /* 128 us: what the header calls 100 us */

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void count_sleep(struct gyr_lane *lane)
{
	uint64_t before = atomic_load_explicit(&lane->times.sleeps, memory_order_relaxed);

	atomic_store_explicit(&lane->times.sleeps, before + 1, memory_order_relaxed);
}

static void back_off(struct gyr_lane *lane)
{
	uint32_t beyond = lane->empty_turns - lane->options.spin_turns;
	struct timespec length = { 0 };
	uint32_t shifts;

	if (beyond < YIELD_TURNS) {
		(void)sched_yield();
		return;
	}
	shifts = (beyond - YIELD_TURNS) / 4;
	shifts = shifts > SLEEP_SHIFTS_MAX ? SLEEP_SHIFTS_MAX : shifts;
	length.tv_nsec = (long)(SLEEP_NS_MIN << shifts);
	count_sleep(lane);
	(void)nanosleep(&length, NULL);
}

/* Sleeps until a stage's descriptor is readable, somebody wakes the lane, or the tick is due. */
static void park(struct gyr_lane *lane)
{
	struct pollfd polled[GYR_LANE_WAIT_FD_MAX + 1];
	int fds[GYR_LANE_WAIT_FD_MAX];
	unsigned fd_count = 0;
	uint64_t ignored;
	struct timespec length = { .tv_nsec = GYR_LANE_TICK_NS };

	for (unsigned i = 0; i < lane->stage_count; i++) {
		const struct gyr_lane_stage *stage = &lane->stages[i];

		if (stage->ops->wait_fds != NULL)
			fd_count += stage->ops->wait_fds(stage->self, fds + fd_count,
							 GYR_LANE_WAIT_FD_MAX - fd_count);
		gyr_assert(fd_count <= GYR_LANE_WAIT_FD_MAX);
	}
	for (unsigned i = 0; i < fd_count; i++)
		polled[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	polled[fd_count] = (struct pollfd){ .fd = lane->wake_fd, .events = POLLIN };
	count_sleep(lane);
	(void)ppoll(polled, fd_count + 1, &length, NULL);
	if ((polled[fd_count].revents & POLLIN) != 0)
		(void)!read(lane->wake_fd, &ignored, sizeof ignored);
}

void gyr_lane_idle(struct gyr_lane *lane)
{
	if (lane->empty_turns == 0)
		return;
	if (lane->options.idle == GYR_LANE_IDLE_SPIN ||
	    lane->empty_turns < lane->options.spin_turns) {
		pause_cpu();
		return;
	}
	if (lane->options.idle == GYR_LANE_IDLE_BACKOFF) {
		back_off(lane);
		return;
	}
	/*
	 * Say that we sleep, then poll once more. Exchange with acquire and release, as in
	 * gyr_lane_wake: of the two exchanges one comes first; either the publisher's reads that we
	 * sleep, or ours reads from the publisher's and the poll sees what was published.
	 */
	if (!atomic_load_explicit(&lane->asleep, memory_order_relaxed)) {
		(void)atomic_exchange_explicit(&lane->asleep, true, memory_order_acq_rel);
		return;
	}
	park(lane);
	atomic_store_explicit(&lane->asleep, false, memory_order_relaxed);
}

void gyr_lane_wake(struct gyr_lane *lane)
{
	static const uint64_t one = 1;

	if (GYR_UNLIKELY(atomic_exchange_explicit(&lane->asleep, false, memory_order_acq_rel)))
		(void)!write(lane->wake_fd, &one, sizeof one);
}

static int pin(const struct gyr_lane *lane)
{
	cpu_set_t set;
	int error = 0;

	if (lane->options.cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((size_t)lane->options.cpu, &set);
		error = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
		if (error != 0)
			GYR_FAIL(GYR_ERR_CONFIG, "lane %s cannot run on CPU %d: %s", lane->name,
				 lane->options.cpu, strerror(error));
	} else if (lane->options.cpus != NULL) {
		error = pthread_setaffinity_np(pthread_self(), sizeof set, lane->options.cpus);
		if (error != 0)
			GYR_FAIL(GYR_ERR_CONFIG, "lane %s cannot run on the CPUs left to it: %s",
				 lane->name, strerror(error));
	}
	return 0;
}

static int settle_thread(struct gyr_lane *lane)
{
	(void)pthread_setname_np(pthread_self(), lane->name);
	GYR_TRY(pin(lane));
	if (lane->options.priority > 0) {
		struct sched_param parameter = { .sched_priority = lane->options.priority };
		int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter);

		if (error != 0)
			GYR_FAIL(GYR_ERR_PERMISSION, "lane %s gets no real-time priority: %s",
				 lane->name, strerror(error));
	}
	if (lane->options.thread_init != NULL)
		GYR_TRY(lane->options.thread_init(lane->options.context));
	return 0;
}

static void *lane_main(void *argument)
{
	struct gyr_lane *lane = argument;
	int expected = GYR_LANE_IDLE;

	lane->start_error = settle_thread(lane);
	if (lane->start_error < 0) {
		(void)snprintf(lane->start_cause, sizeof lane->start_cause, "%s", gyr_err_cause());
		atomic_store_explicit(&lane->state, GYR_LANE_ENDED, memory_order_release);
		return NULL;
	}
	gyr_mem_data_lane_set(lane->options.kind == GYR_LANE_DATA);
	/* A stop may have come first; then DRAINING stays. */
	(void)atomic_compare_exchange_strong_explicit(&lane->state, &expected, GYR_LANE_RUNNING,
						      memory_order_release, memory_order_relaxed);
	while (atomic_load_explicit(&lane->state, memory_order_relaxed) != GYR_LANE_ENDING)
		if (gyr_lane_turn(lane) == 0)
			gyr_lane_idle(lane);
		else if (lane->options.idle == GYR_LANE_IDLE_PARK)
			atomic_store_explicit(&lane->asleep, false, memory_order_relaxed);
	gyr_mem_data_lane_set(false);
	atomic_store_explicit(&lane->state, GYR_LANE_ENDED, memory_order_release);
	return NULL;
}

int gyr_lane_start(struct gyr_lane *lane)
{
	struct timespec length = { .tv_nsec = 20000 };
	int error;

	gyr_assert(!lane->started);
	error = pthread_create(&lane->thread, NULL, lane_main, lane);
	if (error != 0)
		GYR_FAIL(GYR_ERR_LIMIT, "no thread for lane %s: %s", lane->name, strerror(error));
	lane->started = true;
	while (atomic_load_explicit(&lane->state, memory_order_acquire) == GYR_LANE_IDLE)
		(void)nanosleep(&length, NULL);
	if (atomic_load_explicit(&lane->state, memory_order_acquire) == GYR_LANE_ENDED &&
	    lane->start_error < 0) {
		(void)pthread_join(lane->thread, NULL);
		lane->started = false;
		GYR_FAIL((enum gyr_err) - lane->start_error, "%s", lane->start_cause);
	}
	return 0;
}
