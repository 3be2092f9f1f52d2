/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A latency histogram with a fixed relative error, in memory that the caller gives. Buckets are
 * log-linear: each power of two is cut into 2^precision_bits equal parts, so a value read back is
 * at most 2^-precision_bits above the value recorded (7 bits: 0.8 %), and values below
 * 2^(precision_bits + 1) are exact. Values of 2^range_bits and more count in the last bucket, and
 * in `over`; min, max and sum are exact all the same. After Tene's HdrHistogram.
 *
 * Recording is O(1): a bit scan, two shifts, an increment; no division. One writer; readers in
 * other threads take a copy that the writer makes (counters of lib/metric are the way to read
 * across processes, with the same bucket functions).
 */
#ifndef GYR_HIST_H
#define GYR_HIST_H

#include <stdio.h>

#include "gyr_base.h"

/* Fits nanoseconds up to 18 minutes at 0.8 %: 34,816 bytes. */
#define GYR_HIST_PRECISION_BITS 7
#define GYR_HIST_RANGE_BITS	40

struct gyr_hist {
	uint64_t *counts;
	uint32_t bucket_count;
	uint8_t precision_bits;
	uint8_t range_bits;
	uint64_t total;
	uint64_t sum;
	uint64_t min; /* UINT64_MAX while empty */
	uint64_t max;
	uint64_t over;
};

/* One non-empty bucket: the values low..high, how many, and how many up to high. */
struct gyr_hist_bucket {
	uint64_t low;
	uint64_t high;
	uint64_t count;
	uint64_t count_up_to;
};

/* Number of buckets: 1 <= precision_bits <= 16, precision_bits < range_bits <= 63. */
static inline uint32_t gyr_hist_bucket_count(unsigned precision_bits, unsigned range_bits)
{
	return (range_bits - precision_bits + 1) << precision_bits;
}

static inline size_t gyr_hist_memory_size(unsigned precision_bits, unsigned range_bits)
{
	return gyr_hist_bucket_count(precision_bits, range_bits) * sizeof(uint64_t);
}

/* The bucket of a value, not bounded by the range. */
static inline uint32_t gyr_hist_index(unsigned precision_bits, uint64_t value)
{
	unsigned top = 63u - (unsigned)__builtin_clzll(value | 1);
	unsigned shift = top > precision_bits ? top - precision_bits : 0;

	return (uint32_t)((shift << precision_bits) + (value >> shift));
}

/* The smallest and the largest value of a bucket. */
uint64_t gyr_hist_low(unsigned precision_bits, uint32_t index);
uint64_t gyr_hist_high(unsigned precision_bits, uint32_t index);

/* Over memory of gyr_hist_memory_size() bytes, 8-byte aligned, which is cleared. */
void gyr_hist_init(struct gyr_hist *hist, void *memory, unsigned precision_bits,
		   unsigned range_bits);
void gyr_hist_clear(struct gyr_hist *hist);

static inline void gyr_hist_record_many(struct gyr_hist *hist, uint64_t value, uint64_t count)
{
	uint32_t index = gyr_hist_index(hist->precision_bits, value);

	if (GYR_UNLIKELY(index >= hist->bucket_count)) {
		index = hist->bucket_count - 1;
		hist->over += count;
	}
	hist->counts[index] += count;
	hist->total += count;
	hist->sum += value * count;
	hist->min = value < hist->min ? value : hist->min;
	hist->max = value > hist->max ? value : hist->max;
}

static inline void gyr_hist_record(struct gyr_hist *hist, uint64_t value)
{
	gyr_hist_record_many(hist, value, 1);
}

/* Adds what from counted; both have the same shape. */
void gyr_hist_merge(struct gyr_hist *hist, const struct gyr_hist *from);

/*
 * The smallest recorded value, at bucket precision (its bucket's highest value, at most max), that
 * at least `percentile` percent of all values do not exceed; 0 <= percentile <= 100; 0 when empty.
 */
uint64_t gyr_hist_percentile(const struct gyr_hist *hist, double percentile);

double gyr_hist_mean(const struct gyr_hist *hist);
double gyr_hist_deviation(const struct gyr_hist *hist);

/*
 * Walks the non-empty buckets upward: *cursor starts at 0, bucket->count_up_to at 0; false at the
 * end.
 */
bool gyr_hist_next(const struct gyr_hist *hist, struct gyr_hist_bucket *bucket, uint32_t *cursor);

/*
 * Cold: the percentile distribution as text in the .hgrm form that HdrHistogram's plotters read,
 * values divided by unit (1000 prints microseconds of nanoseconds).
 */
void gyr_hist_write_hgrm(const struct gyr_hist *hist, FILE *to, double unit);

#endif
