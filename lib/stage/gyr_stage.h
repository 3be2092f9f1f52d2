/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stage is work moved forward by being polled. It owns its state and meets other stages only
 * through rings, cursors and cells; it never blocks, and on a data lane it never allocates, locks
 * or makes a system call of its own accord. The same stage runs alone on a core, among others on
 * one lane, or in the simulator's only thread (gyr_lane.h): it cannot tell.
 */
#ifndef GYR_STAGE_H
#define GYR_STAGE_H

#include "gyr_base.h"

/* What a stage may know of the time: read once per turn of its lane. */
struct gyr_turn {
	uint64_t now_ns;       /* monotonic */
	uint64_t utc_ns;       /* what goes into the log */
	uint32_t utc_error_ns; /* at most this far from true UTC */
	uint64_t number;       /* counts the lane's turns from 1 */
};

/*
 * Or-ed into what poll returns: input waits, and what lies downstream has no room. Only so can a
 * lane tell time stalled from time idle.
 */
#define GYR_STAGE_STALLED (1u << 31)

struct gyr_stage_ops {
	const char *name;
	/*
	 * Moves at most budget items forward; returns how many, perhaps with GYR_STAGE_STALLED. Its
	 * time is bounded whatever the input. Returning items means "ask me again soon".
	 */
	unsigned (*poll)(void *self, const struct gyr_turn *turn, unsigned budget);
	/* About 1000 times a second, for timeouts and statistics; may be NULL. */
	void (*tick)(void *self, const struct gyr_turn *turn);
	/*
	 * Writes at most fd_count_max descriptors whose readability wakes a parked lane, returns
	 * how many; may be NULL. Asked before every sleep, so the set may change.
	 */
	unsigned (*wait_fds)(void *self, int *fds, unsigned fd_count_max);
	/*
	 * Once stopping, called after each poll: takes in nothing new from outside, true while
	 * nothing is left. May turn false again when another stage hands something on. NULL: true.
	 */
	bool (*drain)(void *self, const struct gyr_turn *turn);
	/* The end, on the thread that made the stage; may be NULL. */
	void (*fini)(void *self);
};

#endif
