/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What data lanes say to people. Each stage's tick (1 kHz) looks at numbers that the stage counts
 * anyway and writes a journal record when something people should know begins, ends or goes on; the
 * polls themselves say nothing. A counter that grows is told at most once a second, with how much
 * it grew. Every function is called on the stage's own lane.
 */
#ifndef PIPELINE_WATCH_H
#define PIPELINE_WATCH_H

#include "gyr_journal.h"
#include "gyr_netdev.h"
#include "gyr_sequence.h"
#include "gyr_session.h"
#include "gyr_stage.h"
#include "gyr_stf.h"
#include "gyr_wal.h"

#define WATCH_INTERVAL_NS 1000000000u

struct watch_counter {
	uint64_t told;
	uint64_t told_at_ns;
};

/* How much the counter grew since it was told last; 0 while there is nothing to say yet. */
uint64_t watch_grown(struct watch_counter *watch, uint64_t value, uint64_t now_ns);

struct watch_gate {
	struct watch_counter rx_drops;
	struct watch_counter tx_drops;
	struct watch_counter ring_full;
	struct watch_counter pool_full;
	struct watch_counter refused;
	struct watch_counter limited;
	bool link_down;
};

/* submissions: [0] dropped for a full ring, [1] for a full pool. */
void watch_gate(struct watch_gate *watch, struct gyr_journal_writer *to, unsigned gate,
		const struct gyr_netdev *device, const struct gyr_session_counters *sessions,
		const uint64_t submissions[2], const struct gyr_turn *turn);

struct watch_sequence {
	struct watch_counter stalled_log;
	struct watch_counter stalled_undurable;
	struct watch_counter parks_full;
	struct watch_counter table_full;
	bool high_water;
};

void watch_sequence(struct watch_sequence *watch, struct gyr_journal_writer *to,
		    const struct gyr_sequence *sequence, const struct gyr_turn *turn);

struct watch_wal {
	struct watch_counter waits;
	struct watch_counter short_writes;
	uint64_t slow_told_at_ns;
};

void watch_wal(struct watch_wal *watch, struct gyr_journal_writer *to, const struct gyr_wal *wal,
	       const struct gyr_turn *turn);

struct watch_exec {
	bool high_water;
};

void watch_exec(struct watch_exec *watch, struct gyr_journal_writer *to, const struct gyr_stf *stf,
		const struct gyr_turn *turn);

#endif
