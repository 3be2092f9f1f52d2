/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time as a class. A clock gives monotonic nanoseconds, which never go back and are what latencies
 * and timeouts are counted in, and UTC nanoseconds with a stated maximum error and source, which
 * are what goes into the log. Where the CPU's time stamp counter is usable the reading is inline:
 * one rdtsc, one multiplication. Otherwise, and in the simulator, it is a call of the driver.
 *
 * Threads: any thread reads; one cold thread calls gyr_clock_sync about once a second, which asks
 * the system how far UTC is off and publishes the answer for all readers. Until the first sync UTC
 * is what the driver found when it was opened.
 *
 * Limits: monotonic time counts from the driver's opening; 64 bits last 584 years.
 */
#ifndef GYR_CLOCK_H
#define GYR_CLOCK_H

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "gyr_base.h"
#include "gyr_ring.h"

/* What vouches for UTC. */
enum gyr_clock_source {
	GYR_CLOCK_SOURCE_NONE,	    /* nobody: the error is unknown and given as its maximum */
	GYR_CLOCK_SOURCE_NTP,	    /* the kernel says it is disciplined */
	GYR_CLOCK_SOURCE_PTP,	    /* a PTP hardware clock disciplines it */
	GYR_CLOCK_SOURCE_SIMULATED, /* the simulator */
};

/* The maximum error when nobody vouches: 4 s, what the log.s field holds. */
#define GYR_CLOCK_ERROR_UNKNOWN_NS 4000000000u

struct gyr_clock_utc {
	uint64_t utc_ns;
	uint32_t error_ns; /* at most this far from true UTC; saturates at ERROR_UNKNOWN */
	enum gyr_clock_source source;
};

struct gyr_clock;

struct gyr_clock_ops {
	const char *name;
	uint64_t (*now_ns)(const struct gyr_clock *clock);
	/* Asks the system about UTC and calls gyr_clock_publish_utc. Cold. May be NULL. */
	int (*sync)(struct gyr_clock *clock);
};

struct gyr_clock {
	const struct gyr_clock_ops *ops;
	void *self;
	/* now = ((tsc - tsc_base) * tsc_scale) >> 32; fixed at opening; scale 0: call the driver */
	uint64_t tsc_base;
	uint64_t tsc_scale;
	uint64_t tsc_hz;
	char note[96]; /* how the driver reads time and why, for `gyrctl check` and the start log */

	/* What UTC is at a monotonic instant. Writer: the one cold thread that syncs. Readers: all;
	 * they retry while they meet a write, some stores once a second. */
	struct gyr_cell utc;
};

/* Monotonic nanoseconds. */
static inline uint64_t gyr_clock_now_ns(const struct gyr_clock *clock)
{
#if defined(__x86_64__)
	if (GYR_LIKELY(clock->tsc_scale != 0)) {
		uint64_t ticks = __rdtsc() - clock->tsc_base;

		return (uint64_t)(((unsigned __int128)ticks * clock->tsc_scale) >> 32);
	}
#endif
	return clock->ops->now_ns(clock);
}

/*
 * UTC at a monotonic instant near now, without a clock read of its own. The stated error grows by
 * 1/2048 of the time since the last sync (488 ppm: what the kernel assumes of a free-running
 * oscillator).
 */
struct gyr_clock_utc gyr_clock_utc_at(const struct gyr_clock *clock, uint64_t now_ns);

/* For drivers: states what UTC is at a monotonic instant. One thread at a time. */
void gyr_clock_publish_utc(struct gyr_clock *clock, uint64_t now_ns,
			   const struct gyr_clock_utc *utc);

/* Cold, one thread at a time: asks the system about UTC again. */
GYR_MUST_USE int gyr_clock_sync(struct gyr_clock *clock);

/* "none", "ntp", "ptp", "simulated". */
const char *gyr_clock_source_name(enum gyr_clock_source source);

#endif
