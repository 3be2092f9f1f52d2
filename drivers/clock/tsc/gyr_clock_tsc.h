/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's clock. Monotonic time is the CPU's time stamp counter, scaled once at opening
 * against CLOCK_MONOTONIC_RAW, provided that the counter is invariant and the kernel itself trusts
 * it; otherwise CLOCK_MONOTONIC, and the clock's note says why. UTC is CLOCK_REALTIME with what
 * adjtimex says about its error; it is called PTP where the kernel has a PTP hardware clock and the
 * error is below 10 us. The scale is not corrected later: monotonic time may run some ppm off true
 * seconds, UTC does not.
 */
#ifndef GYR_CLOCK_TSC_H
#define GYR_CLOCK_TSC_H

#include "gyr_clock.h"

struct gyr_clock_tsc_options {
	/* How long to calibrate, 0 for 50 ms; the scale's error is about 200 ns over this. */
	uint32_t calibrate_ms;
	/* Use system calls even where the counter is good. */
	bool never_tsc;
};

extern const struct gyr_clock_ops gyr_clock_tsc;

/* Calibrates, then syncs UTC once. options may be NULL. */
GYR_MUST_USE int gyr_clock_tsc_open(struct gyr_clock *clock,
				    const struct gyr_clock_tsc_options *options);

#endif
