/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which arrivals of a log have no disposition yet, told from its records alone: numbers are given
 * densely and decided in order, but for parked transactions, which are passed over and turn up
 * later, or never when a crash lost them. One thread; memory is the caller's.
 *
 * Limit: count_max undecided arrivals at a time (a sequencer parks at most so many).
 */
#ifndef GYR_ARRIVALS_H
#define GYR_ARRIVALS_H

#include "gyr_base.h"

struct gyr_arrivals {
	uint64_t next;	     /* behind the highest that was decided */
	uint64_t *undecided; /* below it, in order; the decided among them are marked */
	uint32_t count;
	uint32_t marked_count;
	uint32_t count_max;
};

/* Nothing seen: next is 1. */
void gyr_arrivals_init(struct gyr_arrivals *arrivals, uint64_t *memory, uint32_t count_max);

/* Goes on from what another one, or a checkpoint, says. -GYR_ERR_LIMIT when it does not fit. */
GYR_MUST_USE int gyr_arrivals_resume(struct gyr_arrivals *arrivals, uint64_t next,
				     struct gyr_slice undecided);

/* One that is not next: passes over those before it, or finds it among them. -GYR_ERR_LIMIT. */
GYR_MUST_USE int gyr_arrivals_decide_other(struct gyr_arrivals *arrivals, uint64_t arrival);

/*
 * Takes note that the log decides this arrival. One that is neither next nor undecided is not an
 * error: it was decided in a part of the log that is no longer read.
 */
GYR_MUST_USE static inline int gyr_arrivals_decide(struct gyr_arrivals *arrivals, uint64_t arrival)
{
	if (GYR_LIKELY(arrival == arrivals->next)) {
		arrivals->next++;
		return 0;
	}
	return gyr_arrivals_decide_other(arrivals, arrival);
}

/* The undecided ones in order, into room for count_max; returns how many. */
uint32_t gyr_arrivals_list(uint64_t *out, const struct gyr_arrivals *arrivals);

#endif
