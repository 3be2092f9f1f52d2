/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log back: recovery, and the tools that look at a log. Walks the segments of a block
 * device from the first, or from the one that holds a given position, checks every block, and stops
 * at the cut: where a new epoch may start. Writes nothing. Cold; one thread; the caller gives the
 * memory that segments are read into.
 *
 * What is found at position p, after blocks up to p of epoch e, the last with checksum c:
 *
 *   at p                                           | elsewhere                  | then
 *   -----------------------------------------------+----------------------------+-----------------
 *   no segment at all                              |                            | new log, cut at 0
 *   damaged, p is the log's very first block       | all else is zero           | new log, cut at 0
 *   damaged, p is the first block to be read       | anything else              | refuse
 *   valid, epoch e, continues c                    |                            | take it
 *   valid, later epoch, continues c, its EPOCH     |                            | take it
 *     record names cut p and previous epoch e      |                            |
 *   valid, epoch e or later, anything else         |                            | refuse
 *   valid, epoch before e (stale), or              | a valid block behind p, of | refuse
 *     damaged, torn, never written, other position,|   epoch e or later, claims |
 *     or the segment is missing                    |   that more than p is      |
 *                                                  |   durable                  |
 *                                                  | no such block              | cut at p
 *   valid, but of another genesis, chain, fork     |                            | refuse: GENESIS
 *     schedule or format                           |                            |
 *   cannot be read                                 |                            | fail: IO
 *
 * Refuse is GYR_ERR_LOG_DAMAGED with file and offset. Blocks behind a cut, valid ones too, are void
 * for ever: they were never called durable, and the next epoch's number is higher. What rots behind
 * the last durable claim cannot be told from a torn tail; an idle server restates its claim
 * (gyr_log_restate) to keep that window empty.
 */
#ifndef GYR_WAL_READER_H
#define GYR_WAL_READER_H

#include "gyr_blockdev.h"
#include "gyr_log_format.h"

#define GYR_WAL_READER_BUFFER_MIN (1u << 20)

struct gyr_wal_reader_config {
	struct gyr_blockdev *dev;
	uint8_t *buffer;			 /* 4 KiB aligned */
	size_t buffer_length;			 /* a multiple of 4 KiB; several MiB read fastest */
	uint64_t from;				 /* records below are checked but not handed out */
	const struct gyr_log_identity *expected; /* whose log it must be; NULL: anybody's */
};

enum gyr_wal_end_kind {
	GYR_WAL_END_NONE = 0, /* not reached */
	GYR_WAL_END_NEW,      /* there is no log yet */
	GYR_WAL_END_CLEAN,    /* never written from there on */
	GYR_WAL_END_TORN,     /* a block that is not whole */
	GYR_WAL_END_STALE,    /* blocks of an older epoch, or of the segment's earlier use */
};

/* The cut, and what the next epoch starts from. */
struct gyr_wal_end {
	enum gyr_wal_end_kind kind;
	enum gyr_log_fault fault; /* of the bytes at the cut */
	uint64_t position;
	uint64_t previous_checksum;
	uint64_t arrival_next;
	uint64_t durable_said;	   /* the highest claim of a block that was taken */
	uint64_t void_block_count; /* valid blocks of the last epoch behind the cut */
	uint32_t epoch;		   /* the last one; 0 in a new log */
};

struct gyr_wal_reader {
	struct gyr_wal_reader_config config;
	struct gyr_log_identity identity; /* of the log; `expected` when it is new */
	struct gyr_log_key key;
	struct gyr_wal_end end; /* valid once a call answered 0 */

	/* For progress: bytes between first_position and last_end are at most to be read. */
	uint64_t first_position; /* of the first segment that exists */
	uint64_t start;		 /* of the first one read */
	uint64_t last_end;	 /* of the last one that exists */
	uint64_t position;	 /* the next block */
	uint64_t block_count;

	uint64_t checksum;
	uint64_t arrival_last;
	uint64_t durable_said;
	uint32_t epoch;
	uint32_t segment_count;
	int slot; /* of the open segment, -1 */
	bool anchored;
	uint64_t slot_position; /* the open segment's first position */
	uint64_t window;	/* position of the buffer's first byte */
	size_t window_length;
	struct gyr_log_block block; /* the record iterator's */
	const struct gyr_log_record *record;
};

/* Finds the segments and checks whose they are. */
GYR_MUST_USE int gyr_wal_reader_open(struct gyr_wal_reader *reader,
				     const struct gyr_wal_reader_config *config);
void gyr_wal_reader_close(struct gyr_wal_reader *reader);

/* 1 and the next checked block, its bytes valid until the next call; 0 at the cut; or an error. */
GYR_MUST_USE int gyr_wal_reader_next_block(struct gyr_wal_reader *reader,
					   struct gyr_log_block *out);

/* The same record by record, COMMIT and GENESIS included, from config.from on. */
GYR_MUST_USE int gyr_wal_reader_next(struct gyr_wal_reader *reader,
				     const struct gyr_log_record **out);

/* Where the log begins: 0, or behind what was pruned; 0 also where there is no log. */
GYR_MUST_USE int gyr_wal_first_position(struct gyr_blockdev *dev, uint64_t *out);

/* "clean", "torn", … */
const char *gyr_wal_end_name(enum gyr_wal_end_kind kind);

/* The name of the segment file that starts at a position; to has GYR_BLOCKDEV_NAME_LENGTH_MAX + 1
 * bytes. */
void gyr_wal_segment_name(char *to, uint64_t position);

#define GYR_WAL_REPORT_EPOCHS 32
#define GYR_WAL_REPORT_KINDS  32

/* What `wal verify` says about a log. */
struct gyr_wal_report {
	int error; /* 0, or why the log is refused; the cause chain says more */
	char cause[256];
	struct gyr_log_identity identity; /* secret zeroed */
	struct gyr_wal_end end;
	uint64_t first_position;
	uint64_t block_count;
	uint64_t byte_count; /* of blocks */
	uint64_t fill_byte_count;
	uint64_t record_count[GYR_WAL_REPORT_KINDS];
	uint64_t record_byte_count[GYR_WAL_REPORT_KINDS];
	uint64_t unstated_byte_count; /* rot here would look like a torn tail */
	uint64_t arrival_first;
	uint64_t arrival_last;
	uint64_t arrival_repeated; /* arrivals with more than one disposition: must be 0 */
	uint64_t arrival_missing;  /* arrivals without one, within an epoch: must be 0 */
	uint64_t arrival_void; /* arrivals without one at the end: the next start rejects them */
	uint32_t epoch_count;
	struct {
		uint32_t epoch;
		uint64_t cut;
		uint64_t arrival_next;
	} epochs[GYR_WAL_REPORT_EPOCHS]; /* the first ones, when there are more */
};

/* Called for each record; not 0 ends the walk with that error. */
typedef int gyr_wal_visit(void *user, const struct gyr_log_record *record);

/*
 * Walks a whole log and fills the report; visit may be NULL. 0 also when the log is refused (see
 * report->error); an error when it could not be examined, or visit's.
 */
GYR_MUST_USE int gyr_wal_verify(struct gyr_wal_report *report,
				const struct gyr_wal_reader_config *config, gyr_wal_visit *visit,
				void *user);

/* The report as one JSON object without a newline; returns its length as snprintf does. */
size_t gyr_wal_report_json(char *to, size_t size, const struct gyr_wal_report *report);

#endif
