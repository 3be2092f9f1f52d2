/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_json.h"
#include "gyr_operate.h"

static void write_histogram(struct gyr_json *json, const uint8_t *instance,
			    const struct gyr_metric_descriptor *metric)
{
	static const struct {
		const char *name;
		double level;
	} levels[] = {
		{ "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 }, { "p99.99", 99.99 }
	};
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	struct gyr_hist hist = gyr_metric_hist((const void *)(instance + metric->offset), counts);

	gyr_json_object(json, metric->name);
	gyr_json_number(json, "count", hist.total);
	for (size_t i = 0; hist.total > 0 && i < GYR_COUNT(levels); i++)
		gyr_json_number(json, levels[i].name, gyr_hist_percentile(&hist, levels[i].level));
	gyr_json_number(json, "max", hist.max);
	gyr_json_end(json);
}

static void write_verdicts(struct gyr_json *json, const uint8_t *instance,
			   const struct gyr_metric_descriptor *metric)
{
	const _Atomic uint64_t *counters = (const void *)(instance + metric->offset);

	gyr_json_object(json, metric->name);
	for (unsigned i = 0; i < 256; i++)
		if (gyr_metric_verdict_name(i) != NULL && gyr_metric_get(&counters[i]) > 0)
			gyr_json_number(json, gyr_metric_verdict_name(i),
					gyr_metric_get(&counters[i]));
	gyr_json_end(json);
}

static void write_instance(struct gyr_json *json, const struct gyr_metric_group *group,
			   const uint8_t *instance)
{
	gyr_json_object(json, NULL);
	gyr_json_text(json, group->label, gyr_metric_instance_label(instance));
	for (unsigned i = 0; i < group->metric_count; i++) {
		const struct gyr_metric_descriptor *metric = &group->metrics[i];

		if (metric->kind == GYR_METRIC_HISTOGRAM)
			write_histogram(json, instance, metric);
		else if (metric->kind == GYR_METRIC_VERDICTS)
			write_verdicts(json, instance, metric);
		else
			gyr_json_number(json, metric->name, gyr_metric_value(instance, metric));
	}
	gyr_json_end(json);
}

static void write_json(const struct gyr_metric_area *area, FILE *to)
{
	struct gyr_json json = gyr_json_begin(to);

	gyr_json_object(&json, NULL);
	gyr_json_text_of(&json, "version", area->header.version,
			 strnlen(area->header.version, sizeof area->header.version));
	gyr_json_number(&json, "pid", area->header.pid);
	gyr_json_text(&json, "state",
		      gyr_operate_state_name(gyr_operate_state(area, gyr_operate_utc_ns())));
	for (unsigned i = 0; i < gyr_metric_group_count; i++) {
		const struct gyr_metric_group *group = &gyr_metric_groups[i];

		gyr_json_array(&json, group->name);
		for (unsigned j = 0; j < group->instance_count_max; j++) {
			const uint8_t *instance = gyr_metric_instance(area, group, j);

			if (instance != NULL)
				write_instance(&json, group, instance);
		}
		gyr_json_end(&json);
	}
	gyr_json_end(&json);
}

int gyr_operate_metrics(const char *directory, bool json, FILE *to)
{
	struct gyr_metric_reader reader;
	int error = gyr_metric_attach(&reader, directory);

	if (error < 0)
		return error;
	if (json)
		write_json(reader.area, to);
	else
		gyr_metric_write_prometheus(reader.area, to);
	gyr_metric_detach(&reader);
	return 0;
}
