/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_metric.h"

static void write_head(const struct gyr_metric_group *group,
		       const struct gyr_metric_descriptor *metric, const char *name, FILE *to)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "counter" };

	(void)fprintf(to, "# HELP %s %s: %s\n# TYPE %s %s\n", name, group->text, metric->text, name,
		      types[metric->kind]);
}

/* Buckets at the powers of two alone: 27 lines say enough, and no two scrapes differ in shape. */
static void write_histogram(const struct gyr_metric_group *group, const uint8_t *instance,
			    const struct gyr_metric_descriptor *metric, const char *name, FILE *to)
{
	const struct gyr_metric_histogram *histogram = (const void *)(instance + metric->offset);
	const char *label = gyr_metric_instance_label(instance);
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	struct gyr_hist hist = gyr_metric_hist(histogram, counts);
	uint64_t seen = 0;
	uint32_t i = 0;

	for (unsigned power = 10; power < GYR_METRIC_RANGE_BITS; power++) {
		uint64_t bound_ns = 1ull << power;

		for (; i < hist.bucket_count &&
		       gyr_hist_high(GYR_METRIC_PRECISION_BITS, i) < bound_ns;
		     i++)
			seen += counts[i];
		(void)fprintf(to, "%s_bucket{%s=\"%s\",le=\"%.9g\"} %llu\n", name, group->label,
			      label, (double)bound_ns / 1e9, (unsigned long long)seen);
	}
	(void)fprintf(to, "%s_bucket{%s=\"%s\",le=\"+Inf\"} %llu\n", name, group->label, label,
		      (unsigned long long)hist.total);
	(void)fprintf(to, "%s_sum{%s=\"%s\"} %.9f\n", name, group->label, label,
		      (double)hist.sum / 1e9);
	(void)fprintf(to, "%s_count{%s=\"%s\"} %llu\n", name, group->label, label,
		      (unsigned long long)hist.total);
}

static void write_verdicts(const struct gyr_metric_group *group, const uint8_t *instance,
			   const struct gyr_metric_descriptor *metric, const char *name, FILE *to)
{
	const _Atomic uint64_t *counters = (const void *)(instance + metric->offset);

	for (unsigned verdict = 0; verdict < 256; verdict++) {
		const char *reason = gyr_metric_verdict_name(verdict);
		uint64_t count = gyr_metric_get(&counters[verdict]);

		if (reason != NULL && count > 0)
			(void)fprintf(to, "%s{%s=\"%s\",reason=\"%s\"} %llu\n", name, group->label,
				      gyr_metric_instance_label(instance), reason,
				      (unsigned long long)count);
	}
}

static void write_metric(const struct gyr_metric_area *area, const struct gyr_metric_group *group,
			 const struct gyr_metric_descriptor *metric, FILE *to)
{
	bool seconds = metric->kind == GYR_METRIC_HISTOGRAM;
	size_t length = strlen(metric->name);
	char name[96];
	bool head = false;

	/* Base units towards Prometheus: a histogram's _ns becomes _seconds. */
	if (seconds && length > 3 && strcmp(metric->name + length - 3, "_ns") == 0)
		length -= 3;
	(void)snprintf(name, sizeof name, "gyr_%s_%.*s%s", group->name, (int)length, metric->name,
		       seconds				  ? "_seconds"
		       : metric->kind == GYR_METRIC_GAUGE ? ""
							  : "_total");
	for (unsigned i = 0; i < group->instance_count_max; i++) {
		const uint8_t *instance = gyr_metric_instance(area, group, i);

		if (instance == NULL)
			continue;
		if (!head)
			write_head(group, metric, name, to);
		head = true;
		if (metric->kind == GYR_METRIC_HISTOGRAM)
			write_histogram(group, instance, metric, name, to);
		else if (metric->kind == GYR_METRIC_VERDICTS)
			write_verdicts(group, instance, metric, name, to);
		else
			(void)fprintf(to, "%s{%s=\"%s\"} %llu\n", name, group->label,
				      gyr_metric_instance_label(instance),
				      (unsigned long long)gyr_metric_value(instance, metric));
	}
}

void gyr_metric_write_prometheus(const struct gyr_metric_area *area, FILE *to)
{
	(void)fprintf(to, "# HELP gyr_info The running server.\n# TYPE gyr_info gauge\n");
	(void)fprintf(to, "gyr_info{version=\"%.31s\",instance=\"%016llx\",pid=\"%llu\"} 1\n",
		      area->header.version, (unsigned long long)area->header.instance_id,
		      (unsigned long long)area->header.pid);
	(void)fprintf(to,
		      "# HELP gyr_heartbeat_seconds UTC of the last sign of life.\n"
		      "# TYPE gyr_heartbeat_seconds gauge\ngyr_heartbeat_seconds %.3f\n",
		      (double)gyr_metric_get(&area->header.heartbeat_utc_ns) / 1e9);
	for (unsigned i = 0; i < gyr_metric_group_count; i++)
		for (unsigned j = 0; j < gyr_metric_groups[i].metric_count; j++)
			write_metric(area, &gyr_metric_groups[i], &gyr_metric_groups[i].metrics[j],
				     to);
}
