/* SPDX-License-Identifier: Apache-2.0 */
/* What benchmarks share: a clock, medians of repeated measurements, and an end when something that
 * they need fails. */
#ifndef GYR_PERF_H
#define GYR_PERF_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gyr_err.h"

static inline uint64_t gyr_perf_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Ends the benchmark where a library's function failed. */
static inline void gyr_perf_check(int result)
{
	if (result >= 0)
		return;
	gyr_err_print(stderr, program_invocation_short_name);
	exit(1);
}

/* The pointer, or the end of the benchmark: memory, an open file. */
static inline void *gyr_perf_need(void *pointer)
{
	if (pointer == NULL) {
		perror(program_invocation_short_name);
		exit(1);
	}
	return pointer;
}

/* Runs `command 'folder'`. */
static inline void gyr_perf_command(const char *command, const char *folder)
{
	char text[128];

	(void)snprintf(text, sizeof text, "%s '%s'", command, folder);
	if (system(text) != 0) /* NOLINT(cert-env33-c): a fixed command on the benchmark's folder */
		exit(1);
}

static inline int gyr_perf_compare_(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts `values` and returns their median. */
static inline double gyr_perf_median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, gyr_perf_compare_);
	return values[count / 2];
}

#endif
