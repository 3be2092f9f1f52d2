/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server tells people. A place in the program that has something to say owns a static
 * struct gyr_journal_site with the text; saying it costs a lane one 64-byte record {time, site,
 * arguments} in its own ring, no formatting, no lock, no system call. A cold stage polls the rings,
 * turns records into lines of text or JSON, and keeps the log of distinct errors
 * (gyr_journal_errors.h).
 *
 *	GYR_JOURNAL(writer, turn->utc_ns, GYR_JOURNAL_WARNING,
 *		    "intake ring full: {dropped:u} dropped in {span:ns}", dropped, span_ns);
 *
 * An argument is a u64, shown by its place in the text as {name:form}: u, d (signed), x (hex), ns
 * (a duration), B (a size), verdict, s (a const char * to static storage, cast to uintptr_t). JSON
 * lines carry the arguments by name as well.
 *
 * Threads: one thread per writer; one thread polls. Limits: GYR_JOURNAL_WRITER_COUNT_MAX writers,
 * six arguments; a full ring drops the record and counts it, and a site that speaks more often than
 * `rate` times in about a second (2^30 ns) is held back and counted until the next second.
 */
#ifndef GYR_JOURNAL_H
#define GYR_JOURNAL_H

#include <stdio.h>

#include "gyr_ring.h"

#define GYR_JOURNAL_WRITER_COUNT_MAX 72 /* 64 lanes, the starting thread, some to spare */
#define GYR_JOURNAL_ARGUMENT_MAX     6
#define GYR_JOURNAL_LINE_MAX	     512

enum gyr_journal_severity {
	GYR_JOURNAL_NOTE,    /* worth knowing: started, epoch, recovered */
	GYR_JOURNAL_WARNING, /* something to look after */
	GYR_JOURNAL_ERROR,   /* something failed */
};

struct gyr_journal_site {
	const char *text;
	const char *file;
	int line;
	enum gyr_journal_severity severity;
	/* Any writer stores, relaxed: which second it is (40 bits) and how often the site spoke in
	 * it (24). Lanes that meet here may miscount by one or two. */
	_Atomic uint64_t limiter;
	/* How often, spoken or held back, since the error log last took it. Fetch-and-add by any
	 * writer, exchanged by the poller, relaxed: a count alone. */
	_Atomic uint64_t count;
};

struct gyr_journal_record {
	uint64_t utc_ns;
	struct gyr_journal_site *site;
	uint64_t arguments[GYR_JOURNAL_ARGUMENT_MAX];
};

_Static_assert(sizeof(struct gyr_journal_record) == GYR_CACHE_LINE, "one line each");

/* One lane's end. */
struct gyr_journal_writer {
	alignas(GYR_CACHE_LINE) struct gyr_spsc *ring;
	uint64_t rate;
	/* Written by the lane, read by the poller: relaxed. */
	_Atomic uint64_t dropped;
	_Atomic uint64_t suppressed;
};

enum gyr_journal_format {
	GYR_JOURNAL_TEXT,
	GYR_JOURNAL_JSON,
};

struct gyr_journal_errors;

struct gyr_journal_options {
	FILE *to; /* not closed by the journal */
	enum gyr_journal_format format;
	uint64_t rate;			   /* lines a second from one site */
	uint64_t ring_record_count;	   /* of each writer, a power of two */
	struct gyr_journal_errors *errors; /* may be NULL */
};

struct gyr_journal {
	struct gyr_journal_options options;
	unsigned writer_count;
	uint64_t record_count; /* formatted */
	uint64_t dropped_told; /* of the writers' sums: what a line has said already */
	uint64_t suppressed_told;
	uint64_t told_at_ns;
	struct gyr_journal_writer writers[GYR_JOURNAL_WRITER_COUNT_MAX];
};

/* Bytes for the ring of one writer, aligned to a cache line. */
size_t gyr_journal_ring_size(const struct gyr_journal_options *options);

void gyr_journal_init(struct gyr_journal *journal, const struct gyr_journal_options *options);

/* A writer over memory of gyr_journal_ring_size bytes; before its lane starts. Asserts the limit.
 */
struct gyr_journal_writer *gyr_journal_writer_add(struct gyr_journal *journal, void *memory);

/* Says it, or counts why not. writer may be NULL: then nothing happens (tests, tools). */
void gyr_journal_write(struct gyr_journal_writer *writer, struct gyr_journal_site *site,
		       uint64_t utc_ns, const uint64_t arguments[GYR_JOURNAL_ARGUMENT_MAX]);

#define GYR_JOURNAL(writer, utc_ns, severity_, text_, ...)                                         \
	do {                                                                                       \
		static struct gyr_journal_site gyr_journal_site_ = { .text = (text_),              \
								     .file = __FILE__,             \
								     .line = __LINE__,             \
								     .severity = (severity_) };    \
		const uint64_t gyr_journal_arguments_[GYR_JOURNAL_ARGUMENT_MAX] = { __VA_ARGS__ }; \
		gyr_journal_write((writer), &gyr_journal_site_, (utc_ns), gyr_journal_arguments_); \
	} while (0)

/* Cold: formats at most budget records; returns how many. utc_ns is for lines of its own. */
unsigned gyr_journal_poll(struct gyr_journal *journal, uint64_t utc_ns, unsigned budget);

/* Cold: sums over all writers. */
uint64_t gyr_journal_dropped(const struct gyr_journal *journal);
uint64_t gyr_journal_suppressed(const struct gyr_journal *journal);

/* The text of a record without its time, at most size - 1 bytes. */
void gyr_journal_render(char *out, size_t size, const struct gyr_journal_record *record);

/* "note", "warning", "error". */
const char *gyr_journal_severity_name(enum gyr_journal_severity severity);

/* "2026-11-22T17:04:05.123456Z" of UTC nanoseconds. Returns out. */
char *gyr_journal_time(char out[32], uint64_t utc_ns);

#endif
