/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_hist.h"

#include <math.h>

uint64_t gyr_hist_low(unsigned precision_bits, uint32_t index)
{
	unsigned shift = index >> precision_bits;

	/* Two linear parts share shift 0; from there on part n is scaled by 2^(n - 1). */
	if (shift <= 1)
		return index;
	shift--;
	return ((uint64_t)index - ((uint64_t)shift << precision_bits)) << shift;
}

uint64_t gyr_hist_high(unsigned precision_bits, uint32_t index)
{
	return gyr_hist_low(precision_bits, index + 1) - 1;
}

void gyr_hist_init(struct gyr_hist *hist, void *memory, unsigned precision_bits,
		   unsigned range_bits)
{
	gyr_assert(precision_bits >= 1 && precision_bits <= 16);
	gyr_assert(range_bits > precision_bits && range_bits <= 63);
	gyr_assert(memory != NULL && (uintptr_t)memory % alignof(uint64_t) == 0);
	*hist = (struct gyr_hist){
		.counts = memory,
		.bucket_count = gyr_hist_bucket_count(precision_bits, range_bits),
		.precision_bits = (uint8_t)precision_bits,
		.range_bits = (uint8_t)range_bits,
	};
	gyr_hist_clear(hist);
}

void gyr_hist_clear(struct gyr_hist *hist)
{
	memset(hist->counts, 0, hist->bucket_count * sizeof hist->counts[0]);
	hist->total = 0;
	hist->sum = 0;
	hist->min = UINT64_MAX;
	hist->max = 0;
	hist->over = 0;
}

void gyr_hist_merge(struct gyr_hist *hist, const struct gyr_hist *from)
{
	gyr_assert(hist->precision_bits == from->precision_bits);
	gyr_assert(hist->bucket_count == from->bucket_count);
	for (uint32_t i = 0; i < hist->bucket_count; i++)
		hist->counts[i] += from->counts[i];
	hist->total += from->total;
	hist->sum += from->sum;
	hist->min = gyr_min_u64(hist->min, from->min);
	hist->max = gyr_max_u64(hist->max, from->max);
	hist->over += from->over;
}

uint64_t gyr_hist_percentile(const struct gyr_hist *hist, double percentile)
{
	uint64_t wanted;
	uint64_t seen = 0;

	if (hist->total == 0)
		return 0;
	gyr_assert(percentile >= 0 && percentile <= 100);
	wanted = (uint64_t)ceil(percentile / 100.0 * (double)hist->total);
	wanted = gyr_max_u64(1, gyr_min_u64(wanted, hist->total));
	for (uint32_t i = 0; i < hist->bucket_count; i++) {
		seen += hist->counts[i];
		if (seen >= wanted) {
			/* The last bucket also holds what lies beyond the range. */
			if (i + 1 == hist->bucket_count)
				return hist->max;
			return gyr_min_u64(gyr_hist_high(hist->precision_bits, i), hist->max);
		}
	}
	return hist->max;
}

double gyr_hist_mean(const struct gyr_hist *hist)
{
	return hist->total == 0 ? 0 : (double)hist->sum / (double)hist->total;
}

double gyr_hist_deviation(const struct gyr_hist *hist)
{
	struct gyr_hist_bucket bucket = { 0 };
	uint32_t cursor = 0;
	double mean = gyr_hist_mean(hist);
	double squares = 0;

	if (hist->total == 0)
		return 0;
	while (gyr_hist_next(hist, &bucket, &cursor)) {
		double middle = (double)bucket.low + (double)(bucket.high - bucket.low) / 2;

		squares += (middle - mean) * (middle - mean) * (double)bucket.count;
	}
	return sqrt(squares / (double)hist->total);
}

bool gyr_hist_next(const struct gyr_hist *hist, struct gyr_hist_bucket *bucket, uint32_t *cursor)
{
	while (*cursor < hist->bucket_count) {
		uint32_t i = (*cursor)++;

		if (hist->counts[i] == 0)
			continue;
		bucket->low = gyr_hist_low(hist->precision_bits, i);
		bucket->high = i + 1 == hist->bucket_count && hist->over > 0
				       ? hist->max
				       : gyr_hist_high(hist->precision_bits, i);
		bucket->count = hist->counts[i];
		bucket->count_up_to += bucket->count;
		return true;
	}
	return false;
}
