/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_clock_tsc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "gyr_err.h"

#define SECOND_NS    1000000000u
#define CALIBRATE_MS 50
#define PTP_ERROR_NS 10000u
#define PAIR_TRIES   64

static uint64_t system_ns(clockid_t id)
{
	struct timespec at = { 0 };

	(void)clock_gettime(id, &at);
	return (uint64_t)at.tv_sec * SECOND_NS + (uint64_t)at.tv_nsec;
}

static uint64_t monotonic_now_ns(const struct gyr_clock *clock)
{
	return system_ns(CLOCK_MONOTONIC) - clock->tsc_base;
}

#if defined(__x86_64__)

struct pair {
	uint64_t tsc;
	uint64_t ns;
};

/* The tightest of some readings of both clocks: what the scale's error hangs on. */
static struct pair read_pair(void)
{
	struct pair best = { 0 };
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < PAIR_TRIES; i++) {
		uint64_t before = __rdtsc();
		uint64_t ns = system_ns(CLOCK_MONOTONIC_RAW);
		uint64_t width = __rdtsc() - before;

		if (width < best_width) {
			best_width = width;
			best = (struct pair){ .tsc = before + width / 2, .ns = ns };
		}
	}
	return best;
}

/* Whether the counter is to be trusted; else why not. */
static const char *tsc_objection(void)
{
	char source[32] = "";
	unsigned a = 0;
	unsigned b = 0;
	unsigned c = 0;
	unsigned d = 0;
	FILE *file;

	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || (d & (1u << 8)) == 0)
		return "the counter is not invariant";
	file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
	if (file != NULL) {
		bool got = fgets(source, sizeof source, file) != NULL;

		(void)fclose(file);
		if (got && strncmp(source, "tsc", 3) != 0 && strncmp(source, "kvm-clock", 9) != 0 &&
		    strncmp(source, "hyperv", 6) != 0)
			return "the kernel does not trust the counter";
	}
	return NULL;
}

static const char *calibrate(struct gyr_clock *clock, uint32_t calibrate_ms)
{
	const char *objection = tsc_objection();
	struct pair first;
	struct pair last;
	uint64_t ticks;

	if (objection != NULL)
		return objection;
	first = read_pair();
	(void)usleep(calibrate_ms * 1000);
	last = read_pair();
	ticks = last.tsc - first.tsc;
	if (last.tsc <= first.tsc || last.ns <= first.ns || ticks > UINT64_MAX >> 1)
		return "the counter does not advance";
	clock->tsc_hz = (uint64_t)((unsigned __int128)ticks * SECOND_NS / (last.ns - first.ns));
	clock->tsc_scale = (uint64_t)((((unsigned __int128)(last.ns - first.ns)) << 32) / ticks);
	clock->tsc_base = last.tsc;
	if (clock->tsc_hz < 100000000 || clock->tsc_scale == 0) {
		clock->tsc_scale = 0;
		return "the counter is slower than 100 MHz";
	}
	return NULL;
}

#else

static const char *calibrate(struct gyr_clock *clock, uint32_t calibrate_ms)
{
	(void)clock;
	(void)calibrate_ms;
	return "this CPU has no time stamp counter that we know";
}

#endif

static int sync_utc(struct gyr_clock *clock)
{
	struct timex state = { .modes = 0 };
	struct gyr_clock_utc utc = { .source = GYR_CLOCK_SOURCE_NONE };
	uint64_t best_width = UINT64_MAX;
	uint64_t at_ns = 0;
	int status = adjtimex(&state);

	if (status < 0)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "adjtimex: %s", strerror(errno));
	for (int i = 0; i < 8; i++) {
		uint64_t before = gyr_clock_now_ns(clock);
		uint64_t utc_ns = system_ns(CLOCK_REALTIME);
		uint64_t width = gyr_clock_now_ns(clock) - before;

		if (width < best_width) {
			best_width = width;
			at_ns = before + width / 2;
			utc.utc_ns = utc_ns;
		}
	}
	if (status == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
		utc.error_ns = GYR_CLOCK_ERROR_UNKNOWN_NS;
	} else {
		uint64_t error_ns = (uint64_t)state.maxerror * 1000 + best_width;

		utc.error_ns = (uint32_t)gyr_min_u64(error_ns, GYR_CLOCK_ERROR_UNKNOWN_NS);
		utc.source = error_ns < PTP_ERROR_NS && access("/dev/ptp0", F_OK) == 0
				     ? GYR_CLOCK_SOURCE_PTP
				     : GYR_CLOCK_SOURCE_NTP;
	}
	gyr_clock_publish_utc(clock, at_ns, &utc);
	return 0;
}

const struct gyr_clock_ops gyr_clock_tsc = {
	.name = "tsc",
	.now_ns = monotonic_now_ns,
	.sync = sync_utc,
};

int gyr_clock_tsc_open(struct gyr_clock *clock, const struct gyr_clock_tsc_options *options)
{
	const char *objection = "the configuration says so";

	memset(clock, 0, sizeof *clock);
	clock->ops = &gyr_clock_tsc;
	if (options == NULL || !options->never_tsc)
		objection = calibrate(clock, options == NULL || options->calibrate_ms == 0
						     ? CALIBRATE_MS
						     : options->calibrate_ms);
	if (objection == NULL) {
		(void)snprintf(clock->note, sizeof clock->note, "time stamp counter at %.3f MHz",
			       (double)clock->tsc_hz / 1e6);
	} else {
		clock->tsc_base = system_ns(CLOCK_MONOTONIC);
		(void)snprintf(clock->note, sizeof clock->note, "system calls: %s", objection);
	}
	return gyr_clock_sync(clock);
}
