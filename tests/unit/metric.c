/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_metric.h"

static char directory[64];

static int make_directory(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof directory, "/tmp/gyr-metric-XXXXXX");
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
	char path[100];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/metrics", directory);
	(void)unlink(path);
	return rmdir(directory);
}

/* The layout is what the description says: every value inside its instance, no two in one place,
 * instances of different owners on lines of their own. */
static void layout_is_sound(void **state)
{
	size_t end = sizeof(struct gyr_metric_header);

	(void)state;
	for (unsigned i = 0; i < gyr_metric_group_count; i++) {
		const struct gyr_metric_group *group = &gyr_metric_groups[i];
		size_t within = GYR_METRIC_LABEL_MAX;

		assert_true(group->offset >= end);
		assert_int_equal(group->offset % GYR_CACHE_LINE, 0);
		assert_int_equal(group->stride % GYR_CACHE_LINE, 0);
		for (unsigned j = 0; j < group->metric_count; j++) {
			const struct gyr_metric_descriptor *metric = &group->metrics[j];

			assert_true(metric->offset >= within);
			within =
				metric->offset +
				(metric->kind == GYR_METRIC_HISTOGRAM
					 ? sizeof(struct gyr_metric_histogram)
					 : sizeof(uint64_t) *
						   (metric->kind == GYR_METRIC_VERDICTS ? 256 : 1));
		}
		assert_true(within <= group->stride);
		end = group->offset + group->stride * group->instance_count_max;
	}
	assert_int_equal(end, gyr_round_up(end, GYR_CACHE_LINE));
	assert_true(end <= sizeof(struct gyr_metric_area));
}

/* In another process: attaches, waits for the counter to reach what it should, checks the rest. */
static void read_in_child(int go)
{
	struct gyr_metric_reader reader;
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	struct gyr_hist hist;
	char byte;

	if (gyr_metric_attach(&reader, directory) != 0)
		_exit(10);
	if (gyr_metric_get(&reader.area->lane[3].turns) != 41)
		_exit(11);
	/* The parent writes on; the mapping must show it. */
	if (write(go, "x", 1) != 1)
		_exit(12);
	for (int i = 0; i < 5000 && gyr_metric_get(&reader.area->lane[3].turns) != 42; i++)
		(void)usleep(1000);
	if (gyr_metric_get(&reader.area->lane[3].turns) != 42)
		_exit(13);
	hist = gyr_metric_hist(&reader.area->latency[0].durable_ns, counts);
	if (hist.total != 1000 || gyr_hist_percentile(&hist, 50) < 500000 ||
	    gyr_hist_percentile(&hist, 50) > 520000 || hist.max != 1000000)
		_exit(14);
	if (gyr_metric_instance(reader.area, &gyr_metric_groups[0], 0) != NULL)
		_exit(15);
	(void)byte;
	gyr_metric_detach(&reader);
	_exit(0);
}

static void another_process_reads(void **state)
{
	struct gyr_metric metric;
	int ends[2];
	int status;
	pid_t child;
	char byte;

	(void)state;
	assert_int_equal(gyr_metric_create(&metric, directory, "1.2.3", 5), 0);
	gyr_metric_label(metric.area->lane[3].label, "data0");
	gyr_metric_set(&metric.area->lane[3].turns, 41);
	for (uint64_t i = 1; i <= 1000; i++)
		gyr_metric_record(&metric.area->latency[0].durable_ns, i * 1000);
	assert_int_equal(pipe(ends), 0);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		read_in_child(ends[1]);
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	gyr_metric_add(&metric.area->lane[3].turns, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)close(ends[0]);
	gyr_metric_close(&metric);
	(void)unlink(metric.path);
}

static void restarts_are_survived_on_either_side(void **state)
{
	struct gyr_metric first;
	struct gyr_metric second;
	struct gyr_metric_reader reader;
	uint64_t id;

	(void)state;
	assert_int_equal(gyr_metric_create(&first, directory, "1", 1), 0);
	gyr_metric_set(&first.area->server[0].epoch, 1);
	/* The reader comes, goes, comes again. */
	assert_int_equal(gyr_metric_attach(&reader, directory), 0);
	gyr_metric_detach(&reader);
	assert_int_equal(gyr_metric_attach(&reader, directory), 0);
	id = reader.area->header.instance_id;
	assert_int_equal(gyr_metric_refresh(&reader), 0);
	/* The writer dies without a word and comes again. */
	assert_int_equal(gyr_metric_create(&second, directory, "1", 2), 0);
	gyr_metric_set(&second.area->server[0].epoch, 2);
	assert_int_equal(gyr_metric_get(&reader.area->server[0].epoch), 1);
	assert_int_equal(gyr_metric_get(&reader.area->header.ended), 0);
	assert_int_equal(gyr_metric_refresh(&reader), 1);
	assert_int_equal(gyr_metric_get(&reader.area->server[0].epoch), 2);
	assert_true(reader.area->header.instance_id != id);
	/* An orderly end is seen, and the last values stay. */
	gyr_metric_close(&second);
	assert_int_equal(gyr_metric_get(&reader.area->header.ended), 1);
	assert_int_equal(gyr_metric_get(&reader.area->server[0].epoch), 2);
	gyr_metric_detach(&reader);
	assert_int_equal(gyr_metric_attach(&reader, directory), 0);
	gyr_metric_detach(&reader);
	/* The first one's file went when the second came. */
	assert_int_not_equal(access(first.path, F_OK), 0);
	gyr_metric_close(&first);
	(void)unlink(second.path);
}

static void what_is_no_area_is_refused(void **state)
{
	struct gyr_metric metric;
	struct gyr_metric_reader reader;
	char path[100];
	FILE *file;

	(void)state;
	assert_int_equal(gyr_metric_attach(&reader, "/nowhere"), -GYR_ERR_IO);
	(void)snprintf(path, sizeof path, "%s/metrics", directory);
	(void)unlink(path);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs("short", file);
	(void)fclose(file);
	assert_int_equal(gyr_metric_attach(&reader, directory), -GYR_ERR_DATA);
	assert_int_equal(truncate(path, 1 << 16), 0);
	assert_int_equal(gyr_metric_attach(&reader, directory), -GYR_ERR_DATA);
	(void)unlink(path);
	assert_int_equal(gyr_metric_create(&metric, directory, "other", 1), 0);
	metric.area->header.layout_hash++;
	assert_int_equal(gyr_metric_attach(&reader, directory), -GYR_ERR_UNSUPPORTED);
	assert_non_null(strstr(gyr_err_cause(), "another build (other)"));
	metric.area->header.layout_hash--;
	assert_int_equal(truncate(metric.path, (off_t)sizeof(struct gyr_metric_area) - 4096), 0);
	assert_int_equal(gyr_metric_attach(&reader, directory), -GYR_ERR_DATA);
	gyr_metric_close(&metric);
	(void)unlink(metric.path);
}

static void prometheus_text_has_its_form(void **state)
{
	static char text[1 << 20];
	struct gyr_metric metric;
	FILE *to = fmemopen(text, sizeof text, "w");

	(void)state;
	assert_int_equal(gyr_metric_create(&metric, NULL, "0.1", 1), 0);
	gyr_metric_label(metric.area->stage[0].label, "gate 0");
	gyr_metric_set(&metric.area->stage[0].items, 17);
	gyr_metric_label(metric.area->reject[2].label, "sequence");
	gyr_metric_set(&metric.area->reject[2].verdict[65], 3);
	gyr_metric_label(metric.area->wal[0].label, "wal");
	gyr_metric_record(&metric.area->wal[0].write_ns, 3000);
	gyr_metric_record(&metric.area->wal[0].write_ns, 2000000);
	gyr_metric_write_prometheus(metric.area, to);
	(void)fclose(to);
	assert_non_null(strstr(text, "# TYPE gyr_stage_items_total counter\n"
				     "gyr_stage_items_total{stage=\"gate 0\"} 17\n"));
	assert_non_null(
		strstr(text, "gyr_reject_verdict_total{by=\"sequence\",reason=\"NONCE_GAP\"} 3\n"));
	assert_non_null(strstr(text, "gyr_wal_write_seconds_bucket{stage=\"wal\",le=\"2.048e-06\"}"
				     " 0\n"));
	assert_non_null(strstr(text, "gyr_wal_write_seconds_bucket{stage=\"wal\",le=\"4.096e-06\"}"
				     " 1\n"));
	assert_non_null(
		strstr(text, "gyr_wal_write_seconds_bucket{stage=\"wal\",le=\"+Inf\"} 2\n"));
	assert_non_null(strstr(text, "gyr_wal_write_seconds_sum{stage=\"wal\"} 0.002003000\n"));
	/* No instance, no lines. */
	assert_null(strstr(text, "gyr_lane_"));
	gyr_metric_close(&metric);
}

/* A module's counters have the order of its list in the group as well. */
static void lists_are_taken_in_order(void **state)
{
	const struct gyr_metric_group *group = NULL;

	(void)state;
	for (unsigned i = 0; i < gyr_metric_group_count; i++)
		if (strcmp(gyr_metric_groups[i].name, "net") == 0)
			group = &gyr_metric_groups[i];
	assert_non_null(group);
	assert_string_equal(group->metrics[0].name, "rx_datagrams");
	assert_string_equal(group->metrics[1].name, "rx_bytes");
	assert_int_equal(group->metrics[1].offset, group->metrics[0].offset + sizeof(uint64_t));
	assert_string_equal(gyr_metric_verdict_name(65), "NONCE_GAP");
	assert_null(gyr_metric_verdict_name(250));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_is_sound),
		cmocka_unit_test(another_process_reads),
		cmocka_unit_test(restarts_are_survived_on_either_side),
		cmocka_unit_test(what_is_no_area_is_refused),
		cmocka_unit_test(prometheus_text_has_its_form),
		cmocka_unit_test(lists_are_taken_in_order),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
