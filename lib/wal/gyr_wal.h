/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log: takes committed blocks from the log ring as they lie there, writes them to
 * segment files with several writes in flight, and moves the durable position (reader 0's cursor of
 * the log ring, gyr_log_durable) over the contiguous prefix that is on the medium.
 *
 * Two threads: the data lane (gyr_wal_poll), and a cold lane (gyr_wal_prepare_poll) that creates,
 * zero-fills, recycles, closes and prunes segments. Everything marked "any thread" may be called by
 * others. Open and close when neither runs.
 *
 * A failing write, or a disk without room for the next segment, stops it at once and for good:
 * nothing is acknowledged from then on, nothing is tried again, gyr_wal_status says why. What was
 * durable stays so.
 *
 * Limits: writes in flight and their length as configured; a whole ring behind, the log ring itself
 * refuses records. Without a prepared segment writing waits and counts.
 */
#ifndef GYR_WAL_H
#define GYR_WAL_H

#include <stdatomic.h>

#include "gyr_blockdev.h"
#include "gyr_log.h"
#include "gyr_metric.h"
#include "gyr_wal_reader.h"

#define GYR_WAL_CONSUMERS_MAX 8
#define GYR_WAL_SEGMENT_RING  8

struct gyr_wal_config {
	struct gyr_blockdev *dev;
	struct gyr_log *log;	   /* initialised with the log's identity; not started */
	uint32_t in_flight_max;	   /* 0: 8 */
	uint32_t write_length_max; /* 0: 512 KiB; a multiple of 4 KiB */
	uint32_t prepare_ahead;	   /* segments beyond the current one, 1..4; 0: 2 */
	uint32_t spare_count_max;  /* pruned segments kept for recycling; 0: 2 */
	uint64_t retention_bytes;  /* never pruned behind the durable position */
	uint64_t utc_ns;	   /* now, for the EPOCH record */
	/* Takes how long each write took; may be NULL. */
	struct gyr_metric_histogram *write_ns;
};

struct gyr_wal_failure {
	int error;	   /* negative enum gyr_err; 0: it runs */
	int system_error;  /* errno, or 0 */
	uint64_t position; /* of the write that failed, or of the segment */
};

struct gyr_wal_statistics { /* the data lane's own */
	uint64_t write_count;
	uint64_t write_byte_count;
	uint64_t short_write_count;
	uint64_t wait_segment_count; /* polls that found no segment to write to */
	uint32_t in_flight_max_seen;
};

struct gyr_wal_write {
	uint64_t start; /* what is still to be written */
	uint64_t end;
	uint64_t claim;	    /* durable up to here once this and all before are done */
	uint64_t commit_ns; /* the poll that took it */
	uint32_t short_count;
	enum { GYR_WAL_WRITE_WAITS, GYR_WAL_WRITE_OUT, GYR_WAL_WRITE_DONE } state;
};

struct gyr_wal {
	/* Set by open. */
	struct gyr_blockdev *dev;
	struct gyr_log *log;
	uint64_t segment_size;
	uint64_t retention_bytes;
	uint64_t epoch_end; /* of the block with EPOCH */
	uint32_t in_flight_max;
	uint32_t write_length_max;
	uint32_t prepare_ahead;
	uint32_t spare_count_max;
	struct gyr_metric_histogram *write_ns; /* the data lane's, or NULL */

	/* The data lane's own. */
	alignas(GYR_CACHE_LINE) uint64_t queued; /* up to where writes were made */
	uint64_t claim;				 /* highest block end at or below queued */
	uint64_t committed_seen;
	uint32_t head; /* writes[head & …] is the oldest */
	uint32_t tail;
	struct gyr_wal_statistics statistics;
	struct gyr_wal_write writes[GYR_BLOCKDEV_IN_FLIGHT_MAX];

	/* Stored by the data lane: committed position at which a new commit would be written at
	 * once, else UINT64_MAX. Loaded by the sequencer. Relaxed: a hint about load. */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t takes_at;
	/* Stored by the data lane (release) when all writes to lower segments are done and
	 * detached; loaded by the cold lane (acquire), which closes them. A segment number. */
	_Atomic uint64_t segment_current;

	/* Stored by the cold lane (release) after slots[]; loaded by the data lane (acquire). */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t segment_ready; /* these and lower are open */
	int slots[GYR_WAL_SEGMENT_RING];

	/* Stored once by whoever fails first (release, after `failure`); loaded by all (acquire).
	 * failing: taken by compare-and-swap, so that one of the two lanes writes `failure`. */
	alignas(GYR_CACHE_LINE) _Atomic int status;
	_Atomic bool failing;
	struct gyr_wal_failure failure;

	/* Each stored by its consumer (release), loaded by the cold lane (acquire). */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t consumers[GYR_WAL_CONSUMERS_MAX];
	uint32_t consumer_count; /* fixed before the threads start */

	/* The cold lane's own. Segment numbers. */
	alignas(GYR_CACHE_LINE) uint64_t segment_oldest;
	uint64_t segment_closed; /* lower ones are closed */
	uint64_t fill_offset;
	int fill_slot; /* of the file being filled, -1 */
	uint64_t prepared_count;
	uint64_t recycled_count;
	uint64_t removed_count;
};

/*
 * Starts a new epoch where `end` says (a reader's, after it answered 0): opens or makes the current
 * segment, starts the log, commits the EPOCH block. Blocks. Nothing else is written until
 * gyr_wal_is_serving: poll until then before promising anything to anyone. On error nothing runs;
 * the device stays the caller's.
 */
GYR_MUST_USE int gyr_wal_open(struct gyr_wal *wal, const struct gyr_wal_config *config,
			      const struct gyr_wal_end *end);

/* When both lanes have stopped. Writes in flight are waited for by closing the device. */
void gyr_wal_close(struct gyr_wal *wal);

/* Before the threads start: one more reader whose position holds back pruning; its number, or
 * -GYR_ERR_LIMIT. Without any consumer nothing is ever pruned. */
GYR_MUST_USE int gyr_wal_consumer_add(struct gyr_wal *wal, uint64_t position);

/* Any thread, one per consumer: everything below `position` is no longer needed by it. */
static inline void gyr_wal_consumer_set(struct gyr_wal *wal, unsigned consumer, uint64_t position)
{
	atomic_store_explicit(&wal->consumers[consumer], position, memory_order_release);
}

/* The data lane. Never blocks. Returns completions and writes started. */
unsigned gyr_wal_poll(struct gyr_wal *wal, uint64_t now_ns);

/* The cold lane: one step, at most 1 MiB of zeros. Returns whether there was something to do. */
bool gyr_wal_prepare_poll(struct gyr_wal *wal);

/* Any thread: 0 while it runs, else the negative enum gyr_err that stopped it. */
static inline int gyr_wal_status(const struct gyr_wal *wal)
{
	return atomic_load_explicit(&wal->status, memory_order_acquire);
}

/* Any thread, once gyr_wal_status is not 0: what failed. Pushes it onto the cause chain. */
int gyr_wal_explain(const struct gyr_wal *wal);

/* Any thread: the EPOCH block is durable. */
static inline bool gyr_wal_is_serving(const struct gyr_wal *wal)
{
	return gyr_log_durable(wal->log) >= wal->epoch_end && gyr_wal_status(wal) == 0;
}

/* The log's writer: whether a block committed now would be written at once. */
static inline bool gyr_wal_takes_commit(const struct gyr_wal *wal)
{
	/* Relaxed, both: `committed` is the caller's own word, `takes_at` a hint. */
	return atomic_load_explicit(&wal->takes_at, memory_order_relaxed) ==
	       atomic_load_explicit(&wal->log->committed, memory_order_relaxed);
}

/* Any thread: segments that lie ready beyond the one being written. */
static inline uint64_t gyr_wal_segments_ready(const struct gyr_wal *wal)
{
	/* Relaxed, both: a figure for people. */
	uint64_t current = atomic_load_explicit(&wal->segment_current, memory_order_relaxed);
	uint64_t ready = atomic_load_explicit(&wal->segment_ready, memory_order_relaxed);

	return ready > current + 1 ? ready - current - 1 : 0;
}

/* The data lane: how long the oldest write has been under way; 0 when there is none. */
uint64_t gyr_wal_oldest_ns(const struct gyr_wal *wal, uint64_t now_ns);

/* The data lane: everything committed is durable, or nothing more will be. */
bool gyr_wal_drained(const struct gyr_wal *wal);

#endif
