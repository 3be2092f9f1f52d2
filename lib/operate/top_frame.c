/* SPDX-License-Identifier: Apache-2.0 */
#include "top_frame.h"

#include <string.h>

#include "gyr_clock.h"
#include "gyr_json.h"
#include "gyr_units.h"

#define REJECT_ROW_COUNT_MAX 8
#define BAR_COLUMN	     66 /* where it begins */
#define COMPACT_ROWS	     36

struct frame {
	const struct top_sample *now;
	const struct top_sample *before;
	const struct top_style *style;
	double seconds;
	FILE *to;
};

void top_sample_take(struct top_sample *sample, const struct gyr_metric_area *area)
{
	/* The header and the labels change at most once and are copied as words as well. */
	const _Atomic uint64_t *from = (const void *)area;
	uint64_t *to = (void *)&sample->area;

	sample->utc_ns = gyr_operate_utc_ns();
	for (size_t i = 0; i < sizeof *area / sizeof *to; i++)
		to[i] = gyr_metric_get(&from[i]);
}

static const char *paint(const struct frame *frame, const char *code)
{
	return frame->style->color ? code : "";
}

#define BOLD  "\x1b[1m"
#define DIM   "\x1b[2m"
#define RED   "\x1b[31m"
#define GREEN "\x1b[32m"
#define GOLD  "\x1b[33m"
#define BLUE  "\x1b[34m"
#define PLAIN "\x1b[0m"

/* What a counter grew by between the samples; a restart in between counts from zero. */
static uint64_t grown(const _Atomic uint64_t *now, const _Atomic uint64_t *before)
{
	uint64_t a = gyr_metric_get(now);
	uint64_t b = gyr_metric_get(before);

	return a >= b ? a - b : a;
}

static const char *rate(char text[GYR_UNITS_TEXT_MAX], const struct frame *frame, uint64_t count)
{
	return gyr_units_format(text, GYR_UNITS_COUNT, (double)count / frame->seconds);
}

static double share(uint64_t part_ns, uint64_t whole_ns)
{
	return whole_ns == 0 ? 0 : 100.0 * (double)part_ns / (double)whole_ns;
}

static bool is_compact(const struct frame *frame)
{
	return frame->style->rows < COMPACT_ROWS;
}

static void title(const struct frame *frame, const char *text)
{
	(void)fprintf(frame->to, "\n%s%s%s\n", paint(frame, BOLD), text, paint(frame, PLAIN));
}

static void print_head(const struct frame *frame)
{
	const struct gyr_metric_area *area = &frame->now->area;
	const struct gyr_metric_server *server = &area->server[0];
	enum gyr_operate_state state = gyr_operate_state(area, frame->now->utc_ns);
	uint64_t up_s = (frame->now->utc_ns - area->header.start_utc_ns) / 1000000000;
	uint64_t durable = gyr_metric_get(&server->log_durable);
	uint64_t published = gyr_metric_get(&server->log_published);
	uint64_t executed = gyr_metric_get(&server->log_executed);
	uint64_t error_ns = gyr_metric_get(&server->utc_error_ns);
	bool error_known = error_ns > 0 && error_ns < GYR_CLOCK_ERROR_UNKNOWN_NS;
	char texts[4][GYR_UNITS_TEXT_MAX];

	(void)fprintf(frame->to, "%sgyr %.31s%s  %s%s%s  pid %llu  up %llu:%02llu:%02llu",
		      paint(frame, BOLD), area->header.version, paint(frame, PLAIN),
		      paint(frame, state == GYR_OPERATE_SERVING ? GREEN : RED),
		      gyr_operate_state_name(state), paint(frame, PLAIN),
		      (unsigned long long)area->header.pid, (unsigned long long)(up_s / 3600),
		      (unsigned long long)(up_s / 60 % 60), (unsigned long long)(up_s % 60));
	(void)fprintf(frame->to, "  UTC %s%s by %s\n", error_known ? "±" : "",
		      !error_known
			      ? "vouched for"
			      : gyr_units_format(texts[2], GYR_UNITS_DURATION, (double)error_ns),
		      gyr_metric_get(&server->utc_source) == 0
			      ? "nobody"
			      : gyr_clock_source_name((enum gyr_clock_source)gyr_metric_get(
					&server->utc_source)));
	(void)fprintf(frame->to,
		      "epoch %llu  block %llu (stored %llu)  log %llu  undurable %s  behind %s\n",
		      (unsigned long long)gyr_metric_get(&server->epoch),
		      (unsigned long long)gyr_metric_get(&server->block_number),
		      (unsigned long long)gyr_metric_get(&area->block[0].checkpoint_block),
		      (unsigned long long)published,
		      gyr_units_format(texts[0], GYR_UNITS_SIZE,
				       published > durable ? (double)(published - durable) : 0),
		      gyr_units_format(texts[1], GYR_UNITS_SIZE,
				       published > executed ? (double)(published - executed) : 0));
}

/* How senders were found, and in batches of how many. */
static void print_verifiers(const struct frame *frame)
{
	title(frame, "SENDERS          signatures/s  known batches of 1    2   -4   -8  -16  -32"
		     "  -64");
	for (unsigned i = 0; i < GYR_METRIC_VERIFY_COUNT_MAX; i++) {
		const struct gyr_metric_verify *now = &frame->now->area.verify[i];
		const struct gyr_metric_verify *before = &frame->before->area.verify[i];
		const _Atomic uint64_t *sizes = &now->batches_1;
		const _Atomic uint64_t *sizes_before = &before->batches_1;
		uint64_t requests = grown(&now->requests, &before->requests);
		uint64_t batches = grown(&now->batches, &before->batches);
		char text[GYR_UNITS_TEXT_MAX];

		if (now->label[0] == '\0')
			continue;
		(void)fprintf(frame->to, "%-16.23s %12s %5.1f%% %12.0f%%", now->label,
			      rate(text, frame, requests),
			      share(grown(&now->known, &before->known), requests),
			      share(grown(&sizes[0], &sizes_before[0]), batches));
		for (unsigned k = 1; k < 7; k++)
			(void)fprintf(frame->to, " %3.0f%%",
				      share(grown(&sizes[k], &sizes_before[k]), batches));
		(void)fputc('\n', frame->to);
	}
}

static void print_lanes(const struct frame *frame)
{
	title(frame,
	      "LANE               CPU   turns/s   busy   idle  sleeps/s      late  longest turn");
	for (unsigned i = 0; i < GYR_METRIC_LANE_COUNT_MAX; i++) {
		const struct gyr_metric_lane *now = &frame->now->area.lane[i];
		const struct gyr_metric_lane *before = &frame->before->area.lane[i];
		uint64_t busy_ns = grown(&now->busy_ns, &before->busy_ns);
		uint64_t whole_ns = busy_ns + grown(&now->idle_ns, &before->idle_ns);
		uint64_t late = frame->style->since_start
					? gyr_metric_get(&now->turns_over)
					: grown(&now->turns_over, &before->turns_over);
		uint64_t cpu = gyr_metric_get(&now->cpu);
		char texts[4][GYR_UNITS_TEXT_MAX];
		char where[24] = "-";

		if (now->label[0] == '\0')
			continue;
		if (cpu > 0)
			(void)snprintf(where, sizeof where, "%llu", (unsigned long long)(cpu - 1));
		(void)fprintf(frame->to, "%-16.23s %5s %9s %5.1f%% %5.1f%% %9s %s%9llu%s  %s\n",
			      now->label, where,
			      rate(texts[0], frame, grown(&now->turns, &before->turns)),
			      share(busy_ns, whole_ns),
			      whole_ns == 0 ? 0 : 100 - share(busy_ns, whole_ns),
			      rate(texts[1], frame, grown(&now->sleeps, &before->sleeps)),
			      paint(frame, late > 0 ? GOLD : ""), (unsigned long long)late,
			      paint(frame, PLAIN),
			      gyr_units_format(texts[2], GYR_UNITS_DURATION,
					       (double)gyr_metric_get(&now->turn_longest_ns)));
	}
}

/* busy #, stalled !, idle . in 30 cells, or blocks of three shades where the terminal has colour.
 */
static void print_bar(const struct frame *frame, double busy, double stalled)
{
	unsigned columns = frame->style->columns;
	unsigned cells = columns >= BAR_COLUMN + 30  ? 30
			 : columns >= BAR_COLUMN + 8 ? columns - BAR_COLUMN
						     : 8;
	unsigned busy_cells = (unsigned)(busy * cells / 100 + 0.5);
	unsigned stalled_cells = (unsigned)(stalled * cells / 100 + 0.5);

	for (unsigned i = 0; i < cells; i++) {
		if (i < busy_cells)
			(void)fprintf(frame->to, "%s%s", i == 0 ? paint(frame, BLUE) : "",
				      frame->style->color ? "█" : "#");
		else if (i < busy_cells + stalled_cells)
			(void)fprintf(frame->to, "%s%s", i == busy_cells ? paint(frame, RED) : "",
				      frame->style->color ? "█" : "!");
		else
			(void)fprintf(frame->to, "%s%s",
				      i == busy_cells + stalled_cells || i == 0
					      ? paint(frame, PLAIN DIM)
					      : "",
				      frame->style->color ? "·" : ".");
	}
	(void)fprintf(frame->to, "%s\n", paint(frame, PLAIN));
}

static void print_stages(const struct frame *frame)
{
	title(frame, "STAGE            LANE               items/s   busy  stall   idle");
	for (unsigned i = 0; i < GYR_METRIC_STAGE_COUNT_MAX; i++) {
		const struct gyr_metric_stage *now = &frame->now->area.stage[i];
		const struct gyr_metric_stage *before = &frame->before->area.stage[i];
		uint64_t busy_ns = grown(&now->busy_ns, &before->busy_ns);
		uint64_t stalled_ns = grown(&now->stalled_ns, &before->stalled_ns);
		uint64_t whole_ns = busy_ns + stalled_ns + grown(&now->idle_ns, &before->idle_ns);
		uint64_t lane = gyr_metric_get(&now->lane);
		double busy = share(busy_ns, whole_ns);
		double stalled = share(stalled_ns, whole_ns);
		char text[GYR_UNITS_TEXT_MAX];

		if (now->label[0] == '\0' || (is_compact(frame) && busy < 0.05 && stalled < 0.05))
			continue;
		(void)fprintf(frame->to, "%-16.23s %-16.23s %9s %5.1f%% %s%5.1f%%%s %5.1f%%  ",
			      now->label,
			      lane < GYR_METRIC_LANE_COUNT_MAX ? frame->now->area.lane[lane].label
							       : "-",
			      rate(text, frame, grown(&now->items, &before->items)), busy,
			      paint(frame, stalled >= 1 ? RED : ""), stalled, paint(frame, PLAIN),
			      whole_ns == 0 ? 0 : 100 - busy - stalled);
		print_bar(frame, busy, stalled);
	}
}

static uint64_t sum_of(const struct gyr_metric_group *group, const uint8_t *now,
		       const uint8_t *before, const char *part)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < group->metric_count; i++) {
		size_t offset = group->metrics[i].offset;

		if (strstr(group->metrics[i].name, part) != NULL)
			sum += grown((const void *)(now + offset), (const void *)(before + offset));
	}
	return sum;
}

static const struct gyr_metric_group *group_named(const char *name)
{
	const struct gyr_metric_group *found = NULL;

	for (unsigned i = 0; i < gyr_metric_group_count && found == NULL; i++)
		if (strcmp(gyr_metric_groups[i].name, name) == 0)
			found = &gyr_metric_groups[i];
	gyr_assert(found != NULL);
	return found;
}

static void print_gates(const struct frame *frame)
{
	const struct gyr_metric_group *net = group_named("net");

	title(frame,
	      "GATE             received/s    sent/s  admitted  rx drops  tx drops  ring full");
	for (unsigned i = 0; i < GYR_METRIC_NET_COUNT_MAX; i++) {
		const struct gyr_metric_net *now = &frame->now->area.net[i];
		const struct gyr_metric_net *before = &frame->before->area.net[i];
		const struct gyr_metric_gate *gate = &frame->now->area.gate[i];
		const struct gyr_metric_gate *gate_before = &frame->before->area.gate[i];
		static const struct top_sample zero;
		const void *base = frame->style->since_start ? &zero.area.net[i] : before;
		uint64_t rx_drops = sum_of(net, (const void *)now, base, "rx_drop_");
		uint64_t tx_drops = sum_of(net, (const void *)now, base, "tx_drop_");
		uint64_t full = frame->style->since_start
					? gyr_metric_get(&gate->ring_full)
					: grown(&gate->ring_full, &gate_before->ring_full);
		char texts[3][GYR_UNITS_TEXT_MAX];

		if (now->label[0] == '\0')
			continue;
		(void)fprintf(
			frame->to, "%-16.23s %10s %9s %9s %s%9llu %9llu %10llu%s\n", now->label,
			rate(texts[0], frame, grown(&now->rx_datagrams, &before->rx_datagrams)),
			rate(texts[1], frame, grown(&now->tx_datagrams, &before->tx_datagrams)),
			rate(texts[2], frame, grown(&gate->admitted, &gate_before->admitted)),
			paint(frame, rx_drops + tx_drops + full > 0 ? RED : ""),
			(unsigned long long)rx_drops, (unsigned long long)tx_drops,
			(unsigned long long)full, paint(frame, PLAIN));
	}
}

/* The histogram of what was recorded between the samples, or since the start. */
static struct gyr_hist between(const struct frame *frame, const struct gyr_metric_histogram *now,
			       const struct gyr_metric_histogram *before,
			       uint64_t counts[GYR_METRIC_BUCKET_COUNT])
{
	struct gyr_hist hist = gyr_metric_hist(now, counts);

	if (frame->style->since_start || gyr_metric_get(&before->count) > hist.total)
		return hist;
	hist.total = 0;
	/* The greatest of the interval is known to a bucket only. */
	hist.max = 0;
	for (uint32_t i = 0; i < GYR_METRIC_BUCKET_COUNT; i++) {
		uint64_t old = gyr_metric_get(&before->buckets[i]);

		counts[i] = counts[i] > old ? counts[i] - old : 0;
		hist.total += counts[i];
		if (counts[i] > 0)
			hist.max = gyr_hist_high(GYR_METRIC_PRECISION_BITS, i);
	}
	hist.max = gyr_min_u64(hist.max, gyr_metric_get(&now->max));
	return hist;
}

static void print_latency(const struct frame *frame, const char *what, const char *label,
			  const struct gyr_metric_histogram *now,
			  const struct gyr_metric_histogram *before)
{
	static const double levels[] = { 50, 90, 99, 99.9, 99.99, 100 };
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	struct gyr_hist hist = between(frame, now, before, counts);
	char text[GYR_UNITS_TEXT_MAX];

	if (is_compact(frame) && hist.total == 0)
		return;
	(void)fprintf(frame->to, "%-10s %-6.6s", what, label);
	for (size_t i = 0; i < GYR_COUNT(levels); i++)
		(void)fprintf(frame->to, " %8s",
			      hist.total == 0 ? "-"
					      : gyr_units_format(text, GYR_UNITS_DURATION,
								 (double)gyr_hist_percentile(
									 &hist, levels[i])));
	(void)fprintf(frame->to, " %8s\n",
		      gyr_units_format(text, GYR_UNITS_COUNT, (double)hist.total));
}

static void print_latencies(const struct frame *frame)
{
	const struct gyr_metric_area *now = &frame->now->area;
	const struct gyr_metric_area *before = &frame->before->area;

	title(frame,
	      "LATENCY                p50      p90      p99    p99.9   p99.99      max    count");
	for (unsigned i = 0; i < GYR_METRIC_LATENCY_COUNT_MAX; i++) {
		const struct gyr_metric_latency *gate = &now->latency[i];

		if (gate->label[0] == '\0')
			continue;
		print_latency(frame, "ORDERED", gate->label, &gate->ordered_ns,
			      &before->latency[i].ordered_ns);
		print_latency(frame, "DURABLE", gate->label, &gate->durable_ns,
			      &before->latency[i].durable_ns);
		print_latency(frame, "EXECUTED", gate->label, &gate->executed_ns,
			      &before->latency[i].executed_ns);
	}
	if (now->wal[0].label[0] != '\0')
		print_latency(frame, "log write", now->wal[0].label, &now->wal[0].write_ns,
			      &before->wal[0].write_ns);
	if (now->block[0].label[0] != '\0')
		print_latency(frame, "state root", now->block[0].label, &now->block[0].root_ns,
			      &before->block[0].root_ns);
}

static void print_rejects(const struct frame *frame)
{
	uint64_t sums[256] = { 0 };
	uint64_t grew[256] = { 0 };
	bool any = false;

	for (unsigned i = 0; i < GYR_METRIC_REJECT_COUNT_MAX; i++)
		for (unsigned verdict = 1; verdict < 256; verdict++) {
			const _Atomic uint64_t *now = &frame->now->area.reject[i].verdict[verdict];

			sums[verdict] += gyr_metric_get(now);
			grew[verdict] += grown(now,
					       &frame->before->area.reject[i].verdict[verdict]);
			any = any || gyr_metric_get(now) > 0;
		}
	if (!any)
		return;
	title(frame, "REJECTED OR SKIPPED         per second      in all");
	for (unsigned row = 0; row < REJECT_ROW_COUNT_MAX; row++) {
		unsigned most = 0;
		char text[GYR_UNITS_TEXT_MAX];

		for (unsigned verdict = 1; verdict < 256; verdict++)
			if (sums[verdict] > sums[most])
				most = verdict;
		if (sums[most] == 0)
			return;
		(void)fprintf(frame->to, "%-27s %10s %11llu\n",
			      gyr_metric_verdict_name(most) == NULL ? "?"
								    : gyr_metric_verdict_name(most),
			      rate(text, frame, grew[most]), (unsigned long long)sums[most]);
		sums[most] = 0;
	}
}

void top_frame_print(const struct top_sample *now, const struct top_sample *before,
		     const struct top_style *style, FILE *to)
{
	struct frame frame = { .now = now, .before = before, .style = style, .to = to };

	frame.seconds = (double)(now->utc_ns - before->utc_ns) / 1e9;
	if (frame.seconds <= 0)
		frame.seconds = 1e-9;
	print_head(&frame);
	/* What matters most comes first: a small screen cuts the end off. */
	print_stages(&frame);
	print_latencies(&frame);
	print_gates(&frame);
	print_verifiers(&frame);
	print_rejects(&frame);
	print_lanes(&frame);
}

static void write_rows(const struct frame *frame, struct gyr_json *json)
{
	gyr_json_array(json, "stages");
	for (unsigned i = 0; i < GYR_METRIC_STAGE_COUNT_MAX; i++) {
		const struct gyr_metric_stage *now = &frame->now->area.stage[i];
		const struct gyr_metric_stage *before = &frame->before->area.stage[i];
		uint64_t busy_ns = grown(&now->busy_ns, &before->busy_ns);
		uint64_t stalled_ns = grown(&now->stalled_ns, &before->stalled_ns);
		uint64_t idle_ns = grown(&now->idle_ns, &before->idle_ns);
		uint64_t whole_ns = busy_ns + stalled_ns + idle_ns;

		if (now->label[0] == '\0')
			continue;
		gyr_json_object(json, NULL);
		gyr_json_text(json, "stage", now->label);
		gyr_json_real(json, "items_per_second",
			      (double)grown(&now->items, &before->items) / frame->seconds);
		gyr_json_real(json, "busy_percent", share(busy_ns, whole_ns));
		gyr_json_real(json, "stalled_percent", share(stalled_ns, whole_ns));
		gyr_json_real(json, "idle_percent", share(idle_ns, whole_ns));
		gyr_json_end(json);
	}
	gyr_json_end(json);
}

static void write_latency(const struct frame *frame, struct gyr_json *json, const char *key,
			  const struct gyr_metric_histogram *now,
			  const struct gyr_metric_histogram *before)
{
	uint64_t counts[GYR_METRIC_BUCKET_COUNT];
	struct gyr_hist hist = between(frame, now, before, counts);

	gyr_json_object(json, key);
	gyr_json_number(json, "count", hist.total);
	gyr_json_number(json, "p50", gyr_hist_percentile(&hist, 50));
	gyr_json_number(json, "p99", gyr_hist_percentile(&hist, 99));
	gyr_json_number(json, "p99.9", gyr_hist_percentile(&hist, 99.9));
	gyr_json_number(json, "p99.99", gyr_hist_percentile(&hist, 99.99));
	gyr_json_number(json, "max", hist.max);
	gyr_json_end(json);
}

void top_frame_json(const struct top_sample *now, const struct top_sample *before, FILE *to)
{
	static const struct top_style style;
	struct frame frame = { .now = now, .before = before, .style = &style, .to = to };
	struct gyr_json json = gyr_json_begin_lines(to);

	frame.seconds = (double)(now->utc_ns - before->utc_ns + 1) / 1e9;
	gyr_json_object(&json, NULL);
	gyr_json_number(&json, "utc_ns", now->utc_ns);
	gyr_json_real(&json, "seconds", frame.seconds);
	gyr_json_text(&json, "state",
		      gyr_operate_state_name(gyr_operate_state(&now->area, now->utc_ns)));
	gyr_json_number(&json, "epoch", gyr_metric_get(&now->area.server[0].epoch));
	gyr_json_number(&json, "log_published", gyr_metric_get(&now->area.server[0].log_published));
	gyr_json_number(&json, "log_durable", gyr_metric_get(&now->area.server[0].log_durable));
	write_rows(&frame, &json);
	gyr_json_array(&json, "latency_ns");
	for (unsigned i = 0; i < GYR_METRIC_LATENCY_COUNT_MAX; i++) {
		const struct gyr_metric_latency *gate = &now->area.latency[i];

		if (gate->label[0] == '\0')
			continue;
		gyr_json_object(&json, NULL);
		gyr_json_text(&json, "gate", gate->label);
		write_latency(&frame, &json, "ordered", &gate->ordered_ns,
			      &before->area.latency[i].ordered_ns);
		write_latency(&frame, &json, "durable", &gate->durable_ns,
			      &before->area.latency[i].durable_ns);
		write_latency(&frame, &json, "executed", &gate->executed_ns,
			      &before->area.latency[i].executed_ns);
		gyr_json_end(&json);
	}
	gyr_json_end(&json);
	gyr_json_end(&json);
}
