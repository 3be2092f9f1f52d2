/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>
#include <time.h>

#include "gyr_clock.h"
#include "gyr_clock_sim.h"
#include "gyr_clock_tsc.h"

static uint64_t system_ns(clockid_t id)
{
	struct timespec at;

	(void)clock_gettime(id, &at);
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static void follow_the_system(const struct gyr_clock_tsc_options *options)
{
	static struct gyr_clock clock;
	struct timespec pause = { .tv_nsec = 20000000 };
	uint64_t system_before;
	uint64_t before;
	uint64_t last;
	int64_t difference;
	struct gyr_clock_utc utc;

	assert_int_equal(gyr_clock_tsc_open(&clock, options), 0);
	assert_true(clock.note[0] != '\0');
	last = gyr_clock_now_ns(&clock);
	for (int i = 0; i < 100000; i++) {
		uint64_t now = gyr_clock_now_ns(&clock);

		assert_true(now >= last);
		last = now;
	}
	/* Both clocks over the same span; a preemption between two readings widens the span seen
	 * by either, so what is compared has 5 ms of room. */
	system_before = system_ns(CLOCK_MONOTONIC);
	before = gyr_clock_now_ns(&clock);
	(void)nanosleep(&pause, NULL);
	difference = (int64_t)(gyr_clock_now_ns(&clock) - before) -
		     (int64_t)(system_ns(CLOCK_MONOTONIC) - system_before);
	assert_true(difference < 5000000 && difference > -5000000);
	assert_int_equal(gyr_clock_sync(&clock), 0);
	utc = gyr_clock_utc_at(&clock, gyr_clock_now_ns(&clock));
	difference = (int64_t)(utc.utc_ns - system_ns(CLOCK_REALTIME));
	assert_true(difference < 5000000 && difference > -5000000);
	assert_true(utc.error_ns > 0);
	assert_true(utc.source == GYR_CLOCK_SOURCE_NONE
			    ? utc.error_ns == GYR_CLOCK_ERROR_UNKNOWN_NS
			    : utc.error_ns <= GYR_CLOCK_ERROR_UNKNOWN_NS);
	(void)printf("# %s; UTC vouched for by %s, at most %u ns off\n", clock.note,
		     gyr_clock_source_name(utc.source), utc.error_ns);
}

static void machine_clock_follows_the_system(void **state)
{
	(void)state;
	follow_the_system(NULL);
}

static void fallback_follows_the_system(void **state)
{
	struct gyr_clock_tsc_options options = { .never_tsc = true };

	(void)state;
	follow_the_system(&options);
}

static void simulated_clock_moves_when_told(void **state)
{
	static struct gyr_clock clock;
	struct gyr_clock_sim sim;
	uint64_t start;
	struct gyr_clock_utc utc;

	(void)state;
	gyr_clock_sim_open(&clock, &sim, 1700000000000000000);
	start = gyr_clock_now_ns(&clock);
	utc = gyr_clock_utc_at(&clock, start);
	assert_int_equal(utc.utc_ns, 1700000000000000000);
	assert_int_equal(utc.source, GYR_CLOCK_SOURCE_SIMULATED);
	gyr_clock_sim_advance(&clock, 2048000);
	assert_int_equal(gyr_clock_now_ns(&clock), start + 2048000);
	utc = gyr_clock_utc_at(&clock, gyr_clock_now_ns(&clock));
	assert_int_equal(utc.utc_ns, 1700000000002048000);
	/* The stated error grows while nobody syncs. */
	assert_int_equal(utc.error_ns, 2000);
	gyr_clock_sim_step_utc(&clock, -5000000000);
	utc = gyr_clock_utc_at(&clock, gyr_clock_now_ns(&clock));
	assert_int_equal(utc.utc_ns, 1699999995002048000);
	assert_int_equal(gyr_clock_now_ns(&clock), start + 2048000);
	gyr_clock_sim_set_error(&clock, 77);
	assert_int_equal(gyr_clock_utc_at(&clock, gyr_clock_now_ns(&clock)).error_ns, 77);
	/* An instant before the statement is dated back. */
	assert_int_equal(gyr_clock_utc_at(&clock, start).utc_ns, 1699999995000000000);
	gyr_clock_sim_advance(&clock, 1ull << 60);
	assert_int_equal(gyr_clock_utc_at(&clock, gyr_clock_now_ns(&clock)).error_ns,
			 GYR_CLOCK_ERROR_UNKNOWN_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_clock_follows_the_system),
		cmocka_unit_test(fallback_follows_the_system),
		cmocka_unit_test(simulated_clock_moves_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
