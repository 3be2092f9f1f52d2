/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <math.h>
#include <string.h>

#include "gyr_hist.h"
#include "gyr_rng.h"

#define SAMPLE_COUNT 20000

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct gyr_hist make(unsigned precision_bits, unsigned range_bits)
{
	struct gyr_hist hist;
	void *memory = malloc(gyr_hist_memory_size(precision_bits, range_bits));

	assert_non_null(memory);
	gyr_hist_init(&hist, memory, precision_bits, range_bits);
	return hist;
}

static void buckets_tile_the_range(void **state)
{
	(void)state;
	for (unsigned precision = 1; precision <= 16; precision += 3) {
		unsigned range = precision + 9;
		uint32_t count = gyr_hist_bucket_count(precision, range);
		uint64_t next = 0;

		for (uint32_t i = 0; i < count; i++) {
			uint64_t low = gyr_hist_low(precision, i);
			uint64_t high = gyr_hist_high(precision, i);

			assert_int_equal(low, next);
			assert_int_equal(gyr_hist_index(precision, low), i);
			assert_int_equal(gyr_hist_index(precision, high), i);
			assert_true(high - low <= low >> precision);
			next = high + 1;
		}
		assert_int_equal(next, 1ull << range);
	}
}

/* Every percentile against the sorted samples: never below the exact one, at most 2^-bits above. */
static void percentiles_hold_their_error(void **state)
{
	static uint64_t samples[SAMPLE_COUNT];
	static const double levels[] = { 0, 1, 10, 50, 90, 99, 99.9, 99.99, 99.999, 100 };
	struct gyr_hist hist = make(7, 40);
	struct gyr_rng rng;
	uint64_t sum = 0;

	(void)state;
	gyr_rng_init(&rng, gyr_test_seed());
	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		samples[i] = gyr_rng_next(&rng) >> gyr_rng_between(&rng, 25, 63);
		sum += samples[i];
		gyr_hist_record(&hist, samples[i]);
	}
	qsort(samples, SAMPLE_COUNT, sizeof samples[0], by_value);
	for (size_t i = 0; i < GYR_COUNT(levels); i++) {
		double rank = ceil(levels[i] / 100 * SAMPLE_COUNT);
		uint64_t exact = samples[rank < 1 ? 0 : (size_t)rank - 1];
		uint64_t got = gyr_hist_percentile(&hist, levels[i]);

		assert_true(got >= exact);
		assert_true(got - exact <= exact >> 7);
	}
	assert_int_equal(gyr_hist_percentile(&hist, 100), samples[SAMPLE_COUNT - 1]);
	assert_int_equal(hist.min, samples[0]);
	assert_int_equal(hist.sum, sum);
	free(hist.counts);
}

static void merge_equals_recording_together(void **state)
{
	struct gyr_hist one = make(5, 30);
	struct gyr_hist two = make(5, 30);
	struct gyr_hist both = make(5, 30);
	struct gyr_rng rng;

	(void)state;
	gyr_rng_init(&rng, 3);
	for (int i = 0; i < 5000; i++) {
		uint64_t value = gyr_rng_below(&rng, 1u << 31);

		gyr_hist_record(i % 3 == 0 ? &one : &two, value);
		gyr_hist_record(&both, value);
	}
	gyr_hist_merge(&one, &two);
	assert_memory_equal(one.counts, both.counts, one.bucket_count * sizeof(uint64_t));
	assert_int_equal(one.total, both.total);
	assert_int_equal(one.sum, both.sum);
	assert_int_equal(one.min, both.min);
	assert_int_equal(one.max, both.max);
	assert_int_equal(one.over, both.over);
	assert_true(one.over > 0);
	assert_int_equal(gyr_hist_percentile(&one, 100), both.max);
	free(one.counts);
	free(two.counts);
	free(both.counts);
}

static void empty_and_edges(void **state)
{
	struct gyr_hist hist = make(7, 40);
	struct gyr_hist_bucket bucket = { 0 };
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(gyr_hist_percentile(&hist, 50), 0);
	assert_false(gyr_hist_next(&hist, &bucket, &cursor));
	gyr_hist_record(&hist, 0);
	gyr_hist_record(&hist, UINT64_MAX);
	assert_int_equal(hist.over, 1);
	assert_int_equal(gyr_hist_percentile(&hist, 50), 0);
	assert_true(gyr_hist_percentile(&hist, 51) == UINT64_MAX);
	free(hist.counts);
}

/* The text must say what the histogram says: lines ascend, the last one is at 1.0 and complete. */
static void hgrm_text_is_whole(void **state)
{
	static char text[100000];
	struct gyr_hist hist = make(7, 40);
	FILE *to = fmemopen(text, sizeof text, "w");
	double last_value = 0;
	double last_level = 0;
	unsigned long long last_count = 0;
	int lines = 0;
	char *line;
	char *rest = NULL;

	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		gyr_hist_record(&hist, i * 10);
	gyr_hist_write_hgrm(&hist, to, 1000);
	(void)fclose(to);
	line = strtok_r(text, "\n", &rest);
	assert_non_null(line);
	assert_non_null(strstr(line, "1/(1-Percentile)"));
	while ((line = strtok_r(NULL, "\n", &rest)) != NULL && line[0] != '#') {
		double value;
		double level;
		unsigned long long count;

		assert_int_equal(sscanf(line, "%lf %lf %llu", &value, &level, &count), 3);
		assert_true(value >= last_value && level >= last_level && count >= last_count);
		/* Uniform values: the level is the value's share of the range, within a bucket. */
		assert_true(fabs(value / 1000 - level) <= 0.01);
		last_value = value;
		last_level = level;
		last_count = count;
		lines++;
	}
	assert_true(lines > 40);
	assert_true(last_level >= 1.0);
	assert_int_equal(last_count, 100000);
	assert_non_null(line);
	assert_non_null(strstr(line, "#[Mean    =      500.0"));
	free(hist.counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_tile_the_range),
		cmocka_unit_test(percentiles_hold_their_error),
		cmocka_unit_test(merge_equals_recording_together),
		cmocka_unit_test(empty_and_edges),
		cmocka_unit_test(hgrm_text_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
