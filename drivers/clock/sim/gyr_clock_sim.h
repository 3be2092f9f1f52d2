/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clock that moves when told to: the simulator's. Monotonic time starts at 1 s, so that zero
 * never occurs as an instant. UTC can be stepped, forward and back, and its stated error set:
 * faults that the stages must survive. One thread.
 */
#ifndef GYR_CLOCK_SIM_H
#define GYR_CLOCK_SIM_H

#include "gyr_clock.h"

struct gyr_clock_sim {
	uint64_t now_ns;
	int64_t utc_offset_ns;
	uint32_t error_ns;
};

extern const struct gyr_clock_ops gyr_clock_sim;

/* utc_ns is UTC at the start. The sim struct must outlive the clock. */
void gyr_clock_sim_open(struct gyr_clock *clock, struct gyr_clock_sim *sim, uint64_t utc_ns);

void gyr_clock_sim_advance(struct gyr_clock *clock, uint64_t ns);

/* A step of UTC that monotonic time does not see. */
void gyr_clock_sim_step_utc(struct gyr_clock *clock, int64_t ns);

void gyr_clock_sim_set_error(struct gyr_clock *clock, uint32_t error_ns);

#endif
