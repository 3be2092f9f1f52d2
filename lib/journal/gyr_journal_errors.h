/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of distinct errors: one entry for each place of the program that reported a warning or an
 * error, with the first and the last time, how often, and the last text. It is a file of fixed size
 * in the data directory that outlives restarts, so that what went wrong last night is there in the
 * morning however many lines were written since. The server maps it and is its one writer; `gyrctl
 * errors` reads it at any time.
 *
 * Limit: GYR_JOURNAL_ERROR_COUNT_MAX entries; further places are counted in `lost` only.
 */
#ifndef GYR_JOURNAL_ERRORS_H
#define GYR_JOURNAL_ERRORS_H

#include "gyr_journal.h"

#define GYR_JOURNAL_ERROR_COUNT_MAX 256

struct gyr_journal_error {
	/* Odd while the writer changes the entry. Writer: the server's journal stage, release;
	 * readers: other processes, acquire; they read the entry again when it moved. */
	_Atomic uint64_t version;
	uint64_t id; /* of file, line and text */
	uint64_t first_utc_ns;
	uint64_t last_utc_ns;
	uint64_t count;
	uint64_t severity;
	char site[48];
	char text[416];
};

_Static_assert(sizeof(struct gyr_journal_error) == 512, "file format");

struct gyr_journal_error_file {
	uint64_t magic;
	uint64_t entry_size;
	/* Stored by the writer after an entry is whole (release), loaded by readers (acquire). */
	_Atomic uint64_t entry_count;
	_Atomic uint64_t lost;
	uint8_t unused[480];
	struct gyr_journal_error entries[GYR_JOURNAL_ERROR_COUNT_MAX];
};

struct gyr_journal_errors {
	struct gyr_journal_error_file *file;
};

/* Opens or creates DIRECTORY/errors for writing. A file of another form is put aside as
 * errors.old. */
GYR_MUST_USE int gyr_journal_errors_open(struct gyr_journal_errors *errors, const char *directory);
void gyr_journal_errors_close(struct gyr_journal_errors *errors);

/* Notes a record whose site spoke `count` times more than when it was noted last. */
void gyr_journal_errors_note(struct gyr_journal_errors *errors,
			     const struct gyr_journal_record *record, uint64_t count);

/*
 * Copies the entries, at most entry_count_max, latest last time first; returns how many. GYR_ERR_IO
 * when there is no such file, GYR_ERR_DATA when it is none of ours. *lost as in the file.
 */
GYR_MUST_USE int gyr_journal_errors_read(struct gyr_journal_error *entries,
					 unsigned entry_count_max, uint64_t *lost,
					 const char *directory);

#endif
