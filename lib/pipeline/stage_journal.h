/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal stage, on a cold lane: turns what lanes wrote into lines, on standard error or in the
 * configured file, and keeps the log of distinct errors in the data directory. Until the lanes run,
 * and after they have ended, the thread that opened the server polls it itself.
 *
 * Lines never hold the lane up: what the stream does not take at once (a pipe that nobody reads, a
 * full disk) is lost and counted; the log of distinct errors is memory and takes everything.
 */
#ifndef PIPELINE_STAGE_JOURNAL_H
#define PIPELINE_STAGE_JOURNAL_H

#include "gyr_conf.h"
#include "gyr_journal.h"
#include "gyr_journal_errors.h"
#include "gyr_metric.h"
#include "gyr_stage.h"

/* Records that a writer's ring holds; beyond it they are dropped and counted. */
#define STAGE_JOURNAL_RING_COUNT 1024u

struct stage_journal {
	struct gyr_journal journal;
	struct gyr_journal_errors errors;
	struct gyr_metric_journal *metric; /* may be NULL */
	FILE *to;
	int fd;
	bool owns_fd;
	uint64_t bytes_lost; /* that the stream did not take */
};

extern const struct gyr_stage_ops stage_journal_ops;

/* Opens the stream that the configuration names. The struct must lie on a cache line. */
GYR_MUST_USE int stage_journal_open(struct stage_journal *stage, const struct gyr_conf *conf);

/* Once the data directory is this server's: from here on the error log takes what is polled. */
GYR_MUST_USE int stage_journal_open_errors(struct stage_journal *stage, const char *directory);

/* Bytes for stage_journal_writer, aligned to a cache line. */
size_t stage_journal_ring_size(const struct stage_journal *stage);

/* Without a lane: formats everything that waits. */
void stage_journal_flush(struct stage_journal *stage, uint64_t utc_ns);

/* Flushes and closes. Nothing to do on a zeroed struct. */
void stage_journal_close(struct stage_journal *stage, uint64_t utc_ns);

#endif
