/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment failed: a function returns 0 or a negative enum gyr_err, and has pushed what it
 * was doing onto the calling thread's cause chain, innermost cause first. The chain is printed
 * once, at the top of a program. Bad data is never an error of this kind (gyr_verdict.h), and a
 * wrong program asserts. Cold: nothing here runs on a data lane.
 */
#ifndef GYR_ERR_H
#define GYR_ERR_H

#include <stdio.h>

#include "gyr_base.h"

/* Stable: the number is the exit code of a program that ends for this reason. */
enum gyr_err {
	GYR_ERR_USAGE = 2,	  /* the command line is off */
	GYR_ERR_CONFIG = 3,	  /* a configuration file is off: file:line:column in the chain */
	GYR_ERR_MEMORY = 4,	  /* memory, hugepages or a limit on them */
	GYR_ERR_IO = 5,		  /* a file or a device */
	GYR_ERR_DISK_FULL = 6,	  /* no room for the log */
	GYR_ERR_FLUSH = 7,	  /* a write that had to be durable was not: never retried */
	GYR_ERR_LOG_DAMAGED = 8,  /* the log is damaged where it claimed to be durable */
	GYR_ERR_GENESIS = 9,	  /* the data directory belongs to another genesis or format */
	GYR_ERR_LOCKED = 10,	  /* another instance owns the data directory */
	GYR_ERR_PERMISSION = 11,  /* a right is missing */
	GYR_ERR_NETWORK = 12,	  /* a device or a socket */
	GYR_ERR_UNSUPPORTED = 13, /* this machine or kernel cannot do it */
	GYR_ERR_MISMATCH = 14,	  /* two drivers disagree on a result that must be equal */
	GYR_ERR_LIMIT = 15,    /* a table or queue is full: the server stops (design, capacity) */
	GYR_ERR_DATA = 16,     /* an input file is off: file and offset in the chain */
	GYR_ERR_TIMEOUT = 17,  /* a peer or a start-up step did not answer in time */
	GYR_ERR_SLA = 18,      /* a measured figure is beyond its limit */
	GYR_ERR_INTERNAL = 70, /* an impossible state that is not worth an abort */
};

/* A lower-case word for a code, for example "log-damaged"; "unknown" for a number that is none. */
const char *gyr_err_name(int code);

/*
 * Pushes one line of cause and returns -code. Lines beyond the eight that a chain holds are
 * dropped, the innermost stay. errno is kept.
 */
int gyr_err_push(enum gyr_err code, const char *file, int line, const char *format, ...)
	GYR_PRINTF(4, 5);

/* Adds one line of context to the chain of an error that is being passed on; returns it unchanged.
 */
int gyr_err_add(int error, const char *file, int line, const char *format, ...) GYR_PRINTF(4, 5);

/* The innermost cause as text, or "" when the chain is empty. */
const char *gyr_err_cause(void);

/* Prints the chain outermost first, one line each, ending with advice where there is some. */
void gyr_err_print(FILE *to, const char *program);

void gyr_err_clear(void);

/* The error pair: the only macros with control flow. */
#define GYR_FAIL(code, ...) return gyr_err_push((code), __FILE__, __LINE__, __VA_ARGS__)

#define GYR_TRY(call)                                                                              \
	do {                                                                                       \
		int gyr_try_error_ = (call);                                                       \
		if (GYR_UNLIKELY(gyr_try_error_ < 0))                                              \
			return gyr_try_error_;                                                     \
	} while (0)

#endif
