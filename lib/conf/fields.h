/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every scalar of the configuration as one row: where it stands in the file, where in the struct,
 * what it may be, and what it means. The libcyaml schema, the parsing, the defaults and the
 * printed reference all come from these rows.
 */
#ifndef FIELDS_H
#define FIELDS_H

#include "gyr_conf.h"

enum field_kind {
	FIELD_TEXT,	/* char[max + 1] */
	FIELD_PATH,	/* char[max + 1], joined to the file's folder */
	FIELD_COUNT,	/* uint64_t */
	FIELD_SIZE,	/* uint64_t bytes */
	FIELD_DURATION, /* uint64_t nanoseconds */
	FIELD_UNSIGNED, /* unsigned */
	FIELD_CPU,	/* int, or auto */
	FIELD_BOOL,	/* bool: yes, no, true, false */
	FIELD_CHOICE,	/* int-sized enum, the index into choices */
	FIELD_ADDRESS,	/* struct gyr_address, 0x and 40 hex digits */
};

struct field {
	const char *section; /* NULL in a lane */
	const char *name;
	enum field_kind kind;
	size_t offset;
	const char *fallback; /* NULL: must be given */
	uint64_t min;	      /* of numbers; for texts the shortest length */
	uint64_t max;	      /* of numbers; for texts the longest length */
	bool power_of_two;
	const char *const *choices; /* ends with NULL */
	const char *meaning;
};

/* Rows of one section stand together. */
extern const struct field conf_fields[];
extern const unsigned conf_field_count;

/* Offsets count from struct gyr_conf_lane. */
extern const struct field lane_fields[];
extern const unsigned lane_field_count;

#define CONF_FIELD_COUNT_MAX 96
#define LANE_FIELD_COUNT_MAX 16

/* Where an error is. */
struct place {
	unsigned line;
	unsigned column;
};

/*
 * Reads one scalar into target + row->offset. NULL, or what is wrong with it, in memory that the
 * next call reuses (thread-local). folder is what relative paths are joined to, "" for none.
 */
const char *field_parse(const struct field *row, void *target, const char *text,
			const char *folder);

#endif
