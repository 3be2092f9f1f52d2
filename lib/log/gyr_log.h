/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log ring: bytes in the log's own format (gyr_log_format.h), written by one thread (the
 * sequencer's), read by up to GYR_LOG_READERS_MAX others, each with a cursor on a cache line of its
 * own. What lies in the ring is what lies on disk: nothing is copied or patched afterwards.
 *
 * Two words move: `published`, up to where execution and feed may read, and `committed`, up to
 * where closed blocks reach, which the wal writes. Reader 0 is the wal; its cursor is the durable
 * position, for everybody to read. Space is taken back when every reader has released it; when the
 * slowest is a whole ring behind, reserve answers NULL (nothing is overwritten, nothing is dropped)
 * and counts, and gyr_log_slowest names it.
 *
 * Limits: ring and segment sizes are powers of two, either may be the larger; ring at least 2 MiB,
 * segment at least 1 MiB. A record is at most GYR_LOG_RECORD_LENGTH_MAX, header included. The
 * memory is the caller's: the struct (cache-line aligned) and the ring (aligned
 * to 4 KiB).
 */
#ifndef GYR_LOG_H
#define GYR_LOG_H

#include <stdatomic.h>

#include "gyr_log_format.h"

#define GYR_LOG_READERS_MAX   8
#define GYR_LOG_READER_WAL    0
#define GYR_LOG_RING_SIZE_MIN (2u << 20)
#define GYR_LOG_SEGMENT_MIN   (1u << 20)

struct gyr_log_config {
	uint8_t *ring;
	uint64_t ring_size;
	uint32_t block_length_max; /* a block is closed when it would grow beyond; 0: 128 KiB */
	struct gyr_log_identity identity; /* format_version is set by init */
};

/* Where a new epoch starts: what recovery found, or zeros (and epoch 1) for a new log. */
struct gyr_log_start {
	uint64_t position; /* the cut, a multiple of 4 KiB */
	uint64_t previous_checksum;
	uint64_t arrival_next;
	uint64_t utc_ns;
	uint32_t epoch;
	uint32_t previous_epoch;
};

/* What a record's header says beside what the log knows itself. */
struct gyr_log_stamp {
	uint64_t arrival;
	uint64_t receive_utc_ns;
	uint32_t receive_error; /* gyr_log_receive_error() */
};

struct gyr_log_reader {
	/* Everything below is free for the writer. Written by the reader (release), read by the
	 * writer (acquire), which then overwrites; the wal's also by everybody as "durable". */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t cursor;
	uint64_t position; /* the reader's own: the next record */
	uint64_t seen;	   /* the reader's own: published as last read */
	const char *name;
};

struct gyr_log {
	/* Set before the threads start. */
	uint8_t *ring;
	uint64_t ring_size;
	uint64_t edge_size; /* the smaller of ring and segment: no block crosses its multiples */
	uint64_t segment_size;
	uint32_t block_length_max;
	uint32_t reader_count;
	uint32_t genesis_length;
	struct gyr_log_identity identity;
	struct gyr_log_key key;

	/* The writer's own. */
	alignas(GYR_CACHE_LINE) uint64_t tail;
	uint64_t block_position;
	uint64_t previous_checksum;
	uint64_t cursor_min;   /* a lower bound of every cursor, refreshed when it does not do */
	uint64_t content_end;  /* end of the last block that holds more than COMMIT */
	uint64_t durable_said; /* by the last COMMIT */
	uint64_t arrival_last;
	uint64_t utc_ns_last;
	uint64_t refused_count; /* reserves answered NULL */
	uint32_t epoch;
	uint32_t block_record_count;
	uint32_t reserved_body_length;
	uint8_t reserved_kind; /* 0: nothing is reserved */

	/* Stored by the writer (release) after the record's bytes; loaded by readers (acquire). */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t published;
	/* Stored by the writer (release) after the block's bytes; loaded by the wal (acquire). */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t committed;

	struct gyr_log_reader readers[GYR_LOG_READERS_MAX];
};

/* -GYR_ERR_CONFIG when sizes or alignments are off. Reader 0, "wal", exists from here on. */
GYR_MUST_USE int gyr_log_init(struct gyr_log *log, const struct gyr_log_config *config);

/* Before gyr_log_start; name outlives the log. -GYR_ERR_LIMIT when there are too many; else its
 * number. */
GYR_MUST_USE int gyr_log_reader_add(struct gyr_log *log, const char *name);

/*
 * Starts an epoch: every cursor at the cut, then a block with EPOCH (GENESIS before it at a
 * segment's start), committed. Nothing may be promised to anyone until it is durable. May be called
 * once.
 */
void gyr_log_start(struct gyr_log *log, const struct gyr_log_start *start);

/*
 * Room for a record with body_length bytes: its body, to be filled completely, or NULL when the
 * slowest reader is too near. Closes the block first when the record does not fit into it. One
 * reservation at a time; kinds GENESIS, EPOCH and COMMIT are the log's own.
 */
void *gyr_log_reserve(struct gyr_log *log, enum gyr_log_kind kind, uint32_t body_length);

/* Makes the reserved record readable; returns its position. */
uint64_t gyr_log_publish(struct gyr_log *log, const struct gyr_log_stamp *stamp);

/* Gives the reservation back. */
void gyr_log_abandon(struct gyr_log *log);

/* Closes the open block, if it holds a record, and hands it to the wal. Returns whether it did. */
bool gyr_log_commit(struct gyr_log *log);

/*
 * Whether everything is durable but no block says so yet: then, when idle, gyr_log_restate writes
 * an empty block that does, and rot in what it covers can be told from a torn tail. Restating may
 * answer false for lack of room.
 */
bool gyr_log_restate_wanted(const struct gyr_log *log);
bool gyr_log_restate(struct gyr_log *log);

/* Any thread. */
static inline uint64_t gyr_log_durable(const struct gyr_log *log)
{
	return atomic_load_explicit(&log->readers[GYR_LOG_READER_WAL].cursor, memory_order_acquire);
}

static inline uint64_t gyr_log_published(const struct gyr_log *log)
{
	return atomic_load_explicit(&log->published, memory_order_acquire);
}

static inline uint64_t gyr_log_committed(const struct gyr_log *log)
{
	return atomic_load_explicit(&log->committed, memory_order_acquire);
}

/* Bytes between a reader's cursor and the published tail; any thread, exact only on the reader's.
 */
static inline uint64_t gyr_log_lag(const struct gyr_log *log, unsigned reader)
{
	uint64_t cursor = atomic_load_explicit(&log->readers[reader].cursor, memory_order_acquire);
	uint64_t published = gyr_log_published(log);

	return published > cursor ? published - cursor : 0;
}

/* The reader with the lowest cursor. */
unsigned gyr_log_slowest(const struct gyr_log *log);

/* The bytes at a position that the ring still or already holds. */
static inline uint8_t *gyr_log_at(const struct gyr_log *log, uint64_t position)
{
	return log->ring + (position & (log->ring_size - 1));
}

/*
 * The record at the reader's place, or NULL when it has read everything. COMMIT, GENESIS and EPOCH
 * come too: skip what you do not need.
 */
static inline const struct gyr_log_record *gyr_log_peek(struct gyr_log *log, unsigned reader)
{
	struct gyr_log_reader *r = &log->readers[reader];
	const struct gyr_log_record *record;

	if (r->position == r->seen) {
		r->seen = gyr_log_published(log);
		if (r->position == r->seen)
			return NULL;
	}
	record = (const struct gyr_log_record *)(const void *)gyr_log_at(log, r->position);
	gyr_assert(record->position == r->position);
	return record;
}

/* Moves the reader's place behind the record it peeked; the bytes stay until released. */
static inline void gyr_log_advance(struct gyr_log *log, unsigned reader)
{
	struct gyr_log_reader *r = &log->readers[reader];
	const struct gyr_log_record *record =
		(const struct gyr_log_record *)(const void *)gyr_log_at(log, r->position);

	gyr_assert(r->position < r->seen);
	r->position += record->length;
}

/* Gives back everything below `position`, which the reader has advanced to or past. */
static inline void gyr_log_release_to(struct gyr_log *log, unsigned reader, uint64_t position)
{
	struct gyr_log_reader *r = &log->readers[reader];

	gyr_assert(position <= r->position);
	atomic_store_explicit(&r->cursor, position, memory_order_release);
}

/* Gives back everything that the reader has advanced past. */
static inline void gyr_log_release(struct gyr_log *log, unsigned reader)
{
	gyr_log_release_to(log, reader, log->readers[reader].position);
}

#endif
