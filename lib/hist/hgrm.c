/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "gyr_hist.h"

/* Steps per halving of the distance to 100 %: what HdrHistogram's own writers use. */
#define TICKS_PER_HALF 5

/* The next percentile worth a line: finer the closer to 100. */
static double next_level(double level)
{
	double halvings = floor(log2(100.0 / (100.0 - level))) + 1;

	return level + 100.0 / (TICKS_PER_HALF * pow(2.0, halvings));
}

static void write_line(FILE *to, double value, double level, uint64_t count)
{
	if (level >= 100.0)
		(void)fprintf(to, "%12.3f %2.12f %10llu\n", value, 1.0, (unsigned long long)count);
	else
		(void)fprintf(to, "%12.3f %2.12f %10llu %14.2f\n", value, level / 100.0,
			      (unsigned long long)count, 1.0 / (1.0 - level / 100.0));
}

void gyr_hist_write_hgrm(const struct gyr_hist *hist, FILE *to, double unit)
{
	struct gyr_hist_bucket bucket = { 0 };
	uint32_t cursor = 0;
	double level = 0;

	gyr_assert(unit > 0);
	(void)fprintf(to, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		      "1/(1-Percentile)");
	while (gyr_hist_next(hist, &bucket, &cursor)) {
		double up_to = 100.0 * (double)bucket.count_up_to / (double)hist->total;
		double value = (double)gyr_min_u64(bucket.high, hist->max) / unit;

		if (bucket.count_up_to == hist->total) {
			if (level < 100.0)
				write_line(to, value, level, bucket.count_up_to);
			write_line(to, value, 100.0, bucket.count_up_to);
			break;
		}
		while (up_to >= level) {
			write_line(to, value, level, bucket.count_up_to);
			level = next_level(level);
		}
	}
	(void)fprintf(to, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
		      gyr_hist_mean(hist) / unit, gyr_hist_deviation(hist) / unit);
	(void)fprintf(to, "#[Max     = %12.3f, Total count    = %12llu]\n",
		      (double)hist->max / unit, (unsigned long long)hist->total);
	(void)fprintf(to, "#[Buckets = %12u, SubBuckets     = %12u]\n",
		      hist->range_bits - hist->precision_bits + 1u, 1u << hist->precision_bits);
}
