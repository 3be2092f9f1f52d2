/* SPDX-License-Identifier: Apache-2.0 */
/* What benchmarks share: a clock, and medians of repeated measurements. */
#ifndef GYR_PERF_H
#define GYR_PERF_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t gyr_perf_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
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
