/* SPDX-License-Identifier: Apache-2.0 */
/* A report as a table and as JSON. */
#include <inttypes.h>

#include "gyr_load.h"
#include "gyr_units.h"

#define NS_PER_S 1000000000u

static const double columns[] = { 50, 90, 99, 99.9, 99.99 };

/* Where a percentile curve is sampled: dense towards the tail, to six nines. */
static const double curve[] = { 1,     5,     10,    20,     30,     40,     50,
				60,    70,    75,    80,     85,     90,     92.5,
				95,    97,    98,    99,     99.5,   99.7,   99.9,
				99.95, 99.97, 99.99, 99.995, 99.997, 99.999, 99.9999 };

static uint64_t per_second(uint64_t count, uint64_t ns)
{
	return ns == 0 ? 0 : (uint64_t)((unsigned __int128)count * NS_PER_S / ns);
}

static void print_ns(FILE *to, uint64_t ns)
{
	char text[GYR_UNITS_TEXT_MAX];

	(void)fprintf(to, " %10s", gyr_units_format(text, GYR_UNITS_DURATION, (double)ns));
}

static void print_row(FILE *to, const char *name, const struct gyr_hist *hist)
{
	if (hist == NULL || hist->total == 0)
		return;
	(void)fprintf(to, "  %-12s", name);
	for (size_t i = 0; i < GYR_COUNT(columns); i++)
		print_ns(to, gyr_hist_percentile(hist, columns[i]));
	print_ns(to, hist->max);
	(void)fprintf(to, " %12" PRIu64 "\n", hist->total);
}

static void print_floor(FILE *to, const struct gyr_load_floor *floor)
{
	if (floor == NULL)
		return;
	(void)fprintf(to, "  %-12s", "echo floor");
	for (unsigned i = 0; i < GYR_LOAD_FLOOR_COLUMNS; i++)
		print_ns(to, floor->ns[i]);
	(void)fprintf(to, " %12" PRIu64 "\n", floor->count);
}

static void print_counters(const struct gyr_load_result *run, FILE *to)
{
	/* What is always worth a line is in the head; the rest only where it is not zero. */
#define ROW(name, text)                                                                            \
	if (run->counters.name != 0)                                                               \
		(void)fprintf(to, "  %12" PRIu64 "  %s\n", run->counters.name, text);
	GYR_LOAD_COUNTERS(ROW)
#undef ROW
	for (unsigned code = 0; code < GYR_COUNT(run->rejected_by_code); code++)
		if (run->rejected_by_code[code] != 0)
			(void)fprintf(to, "  %12" PRIu64 "  %s (%u): %s\n",
				      run->rejected_by_code[code],
				      gyr_verdict_name(code) == NULL ? "?" : gyr_verdict_name(code),
				      code, gyr_verdict_text(code));
}

static void print_run(const struct gyr_load_report *report, const struct gyr_load_result *run,
		      FILE *to)
{
	(void)fprintf(to,
		      "\nintended %" PRIu64 "/s in batches of %" PRIu64 " over %" PRIu64
		      " session%s; sent %" PRIu64 " at %" PRIu64 "/s, executed %" PRIu64
		      " at %" PRIu64 "/s\n\n",
		      run->rate, run->batch, run->sessions, run->sessions == 1 ? "" : "s",
		      run->counters.sent, per_second(run->counters.sent, run->sending_ns),
		      run->counters.executed, per_second(run->counters.executed, run->executed_ns));
	(void)fprintf(to, "  %-12s %10s %10s %10s %10s %10s %10s %12s\n", "from intended", "p50",
		      "p90", "p99", "p99.9", "p99.99", "max", "count");
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++)
		print_row(to, gyr_load_answer_name((enum gyr_load_answer)k), &run->latency[k]);
	print_row(to, "echo alone", report->echo);
	print_floor(to, gyr_load_floor_of(report, run));
	print_row(to, "host stalls", report->stalls);
	print_row(to, "own turns", &run->loop);
	(void)fprintf(to, "\n");
	print_counters(run, to);
}

static void rule_text(char text[128], const struct gyr_load_rule *rule)
{
	char limit[GYR_UNITS_TEXT_MAX], rate[GYR_UNITS_TEXT_MAX];
	char at[GYR_UNITS_TEXT_MAX + 8] = "";

	if (rule->rate != 0)
		(void)snprintf(at, sizeof at, " at %s",
			       gyr_units_format(rate, GYR_UNITS_COUNT, (double)rule->rate));
	if (rule->executed_rate_min != 0)
		(void)snprintf(text, 128, "executed/s of at least %" PRIu64 "%s",
			       rule->executed_rate_min, at);
	else if (rule->percentile >= 100)
		(void)snprintf(text, 128, "%s max within %s%s", gyr_load_answer_name(rule->answer),
			       gyr_units_format(limit, GYR_UNITS_DURATION, (double)rule->limit_ns),
			       at);
	else
		(void)snprintf(text, 128, "%s p%g within %s%s", gyr_load_answer_name(rule->answer),
			       rule->percentile,
			       gyr_units_format(limit, GYR_UNITS_DURATION, (double)rule->limit_ns),
			       at);
}

static void print_sla(const struct gyr_load_report *report, FILE *to)
{
	if (report->sla == NULL)
		return;
	(void)fprintf(to, "\n");
	for (unsigned i = 0; i < report->sla->count; i++) {
		const struct gyr_load_rule *rule = &report->sla->rules[i];
		bool any = false;
		char text[128];

		rule_text(text, rule);
		for (unsigned r = 0; r < report->run_count; r++) {
			uint64_t value;
			bool applies;
			bool kept = gyr_load_sla_judge(&value, &applies, rule, &report->runs[r]);

			if (!applies)
				continue;
			any = true;
			(void)fprintf(to, "  %-8s %-44s measured", kept ? "kept" : "BROKEN", text);
			if (rule->executed_rate_min != 0)
				(void)fprintf(to, " %" PRIu64 "/s", value);
			else
				print_ns(to, value);
			(void)fprintf(to, "  (run at %" PRIu64 "/s)\n", report->runs[r].rate);
		}
		if (!any)
			(void)fprintf(to, "  %-8s %-44s no run at that rate\n", "BROKEN", text);
	}
}

void gyr_load_print(const struct gyr_load_report *report, FILE *to)
{
	for (unsigned r = 0; r < report->run_count; r++)
		print_run(report, &report->runs[r], to);
	print_sla(report, to);
}

static void json_hist(struct gyr_json *json, const char *key, const struct gyr_hist *hist)
{
	gyr_json_object(json, key);
	gyr_json_number(json, "count", hist->total);
	if (hist->total != 0) {
		gyr_json_number(json, "min_ns", hist->min);
		gyr_json_real(json, "mean_ns", gyr_hist_mean(hist));
		gyr_json_number(json, "p50_ns", gyr_hist_percentile(hist, 50));
		gyr_json_number(json, "p90_ns", gyr_hist_percentile(hist, 90));
		gyr_json_number(json, "p99_ns", gyr_hist_percentile(hist, 99));
		gyr_json_number(json, "p99_9_ns", gyr_hist_percentile(hist, 99.9));
		gyr_json_number(json, "p99_99_ns", gyr_hist_percentile(hist, 99.99));
		gyr_json_number(json, "max_ns", hist->max);
		gyr_json_array(json, "curve");
		for (size_t i = 0; i < GYR_COUNT(curve); i++) {
			/* Beyond what so many values can tell, the curve ends at the maximum. */
			if ((100 - curve[i]) / 100 * (double)hist->total < 0.5)
				break;
			gyr_json_array(json, NULL);
			gyr_json_real(json, NULL, curve[i]);
			gyr_json_number(json, NULL, gyr_hist_percentile(hist, curve[i]));
			gyr_json_end(json);
		}
		gyr_json_end(json);
	}
	gyr_json_end(json);
}

static void json_slices(struct gyr_json *json, const struct gyr_load_result *run)
{
	gyr_json_number(json, "slice_ns", run->slice_ns);
	gyr_json_array(json, "slices");
	for (unsigned i = 0; i < run->slice_count; i++) {
		const struct gyr_load_slice *slice = &run->slices[i];

		gyr_json_object(json, NULL);
		gyr_json_number(json, "sent", slice->sent);
		for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++) {
			gyr_json_array(json, gyr_load_answer_name((enum gyr_load_answer)k));
			gyr_json_number(json, NULL, slice->count[k]);
			gyr_json_number(json, NULL, slice->p50_ns[k]);
			gyr_json_number(json, NULL, slice->p99_ns[k]);
			gyr_json_number(json, NULL, slice->max_ns[k]);
			gyr_json_end(json);
		}
		gyr_json_end(json);
	}
	gyr_json_end(json);
}

static void json_floor(struct gyr_json *json, const struct gyr_load_floor *floor)
{
	static const char *const names[GYR_LOAD_FLOOR_COLUMNS] = {
		"p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "p99_99_ns", "max_ns",
	};

	if (floor == NULL)
		return;
	gyr_json_object(json, "echo_load");
	gyr_json_number(json, "sent", floor->sent);
	gyr_json_number(json, "count", floor->count);
	for (unsigned i = 0; i < GYR_LOAD_FLOOR_COLUMNS; i++)
		gyr_json_number(json, names[i], floor->ns[i]);
	gyr_json_end(json);
}

static void json_run(struct gyr_json *json, const struct gyr_load_report *report,
		     const struct gyr_load_result *run)
{
	gyr_json_object(json, NULL);
	gyr_json_number(json, "rate", run->rate);
	gyr_json_number(json, "count", run->count);
	gyr_json_number(json, "batch", run->batch);
	gyr_json_number(json, "sessions", run->sessions);
	gyr_json_text(json, "device", run->device);
	gyr_json_number(json, "sending_ns", run->sending_ns);
	gyr_json_number(json, "executed_ns", run->executed_ns);
	gyr_json_number(json, "executed_per_s",
			per_second(run->counters.executed, run->executed_ns));
	gyr_json_number(json, "epoch_first", run->epoch_first);
	gyr_json_number(json, "epoch_last", run->epoch_last);
	gyr_json_object(json, "counters");
#define ROW(name, text) gyr_json_number(json, #name, run->counters.name);
	GYR_LOAD_COUNTERS(ROW)
#undef ROW
	gyr_json_end(json);
	gyr_json_object(json, "rejected_by_code");
	for (unsigned code = 0; code < GYR_COUNT(run->rejected_by_code); code++)
		if (run->rejected_by_code[code] != 0 && gyr_verdict_name(code) != NULL)
			gyr_json_number(json, gyr_verdict_name(code), run->rejected_by_code[code]);
	gyr_json_end(json);
	gyr_json_object(json, "latency");
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++)
		json_hist(json, gyr_load_answer_name((enum gyr_load_answer)k), &run->latency[k]);
	gyr_json_end(json);
	json_hist(json, "own_turns", &run->loop);
	json_floor(json, gyr_load_floor_of(report, run));
	json_slices(json, run);
	gyr_json_end(json);
}

static void json_sla(struct gyr_json *json, const struct gyr_load_report *report)
{
	gyr_json_array(json, "sla");
	for (unsigned i = 0; i < report->sla->count; i++) {
		const struct gyr_load_rule *rule = &report->sla->rules[i];
		char text[128];
		bool any = false;

		rule_text(text, rule);
		for (unsigned r = 0; r <= report->run_count; r++) {
			uint64_t value = 0;
			bool applies = r == report->run_count && !any;
			bool kept = false;

			if (r < report->run_count)
				kept = gyr_load_sla_judge(&value, &applies, rule, &report->runs[r]);
			if (!applies)
				continue;
			any = true;
			gyr_json_object(json, NULL);
			gyr_json_text(json, "rule", text);
			gyr_json_bool(json, "kept", kept);
			gyr_json_number(json, "measured", value);
			gyr_json_bool(json, "is_rate", rule->executed_rate_min != 0);
			if (r < report->run_count)
				gyr_json_number(json, "run_rate", report->runs[r].rate);
			gyr_json_end(json);
		}
	}
	gyr_json_end(json);
}

void gyr_load_print_json(const struct gyr_load_report *report, FILE *to)
{
	struct gyr_json json = gyr_json_begin(to);

	gyr_json_object(&json, NULL);
	gyr_json_text(&json, "tool", "gyr-bench");
	gyr_json_number(&json, "format", 1);
	gyr_json_text(&json, "title", report->title);
	gyr_json_number(&json, "utc_ns", report->utc_ns);
	gyr_json_array(&json, "runs");
	for (unsigned r = 0; r < report->run_count; r++)
		json_run(&json, report, &report->runs[r]);
	gyr_json_end(&json);
	if (report->stalls != NULL)
		json_hist(&json, "host_stalls", report->stalls);
	if (report->echo != NULL)
		json_hist(&json, "echo", report->echo);
	if (report->sla != NULL) {
		json_sla(&json, report);
		gyr_json_number(&json, "sla_broken", gyr_load_sla_broken(report));
	}
	gyr_json_end(&json);
	(void)fputc('\n', to);
}
