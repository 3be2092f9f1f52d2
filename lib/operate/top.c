/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_operate.h"
#include "terminal.h"
#include "top_frame.h"

#define FOOT "\nq quits · t totals since the start / of the interval · space holds"

struct view {
	struct gyr_metric_reader reader;
	struct top_sample samples[2];
	struct terminal terminal;
	struct top_style style;
	bool held;
	bool left;
};

static int draw(struct view *view, const struct top_sample *now, const struct top_sample *before)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	if (to == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a frame");
	terminal_size(&view->terminal, &view->style.columns, &view->style.rows);
	top_frame_print(now, before, &view->style, to);
	(void)fprintf(to, "%s%s\n", view->style.color ? "\x1b[2m" : "", FOOT);
	if (fclose(to) != 0) {
		free(text);
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a frame");
	}
	terminal_draw(&view->terminal, text);
	free(text);
	return 0;
}

static void take_key(struct view *view, char key)
{
	switch (key) {
	case 'q':
		view->left = true;
		break;
	case 't':
		view->style.since_start = !view->style.since_start;
		break;
	case ' ':
		view->held = !view->held;
		break;
	default:
		break;
	}
}

static bool is_stopped(const struct gyr_operate_top_options *options)
{
	return options->stopped != NULL &&
	       atomic_load_explicit(options->stopped, memory_order_relaxed) != 0;
}

/* Waits out the interval, taking keys. */
static void wait_interval(struct view *view, const struct gyr_operate_top_options *options)
{
	uint64_t end_ns = gyr_operate_utc_ns() + options->interval_ns;

	for (;;) {
		uint64_t now_ns = gyr_operate_utc_ns();
		char key;

		if (now_ns >= end_ns || view->left || is_stopped(options))
			return;
		key = terminal_key(&view->terminal, gyr_min_u64(end_ns - now_ns, 200000000));
		if (key != 0) {
			take_key(view, key);
			return;
		}
	}
}

static int run(struct view *view, const struct gyr_operate_top_options *options, FILE *to)
{
	unsigned current = 0;

	top_sample_take(&view->samples[0], view->reader.area);
	for (uint64_t frames = 0;
	     options->frame_count_max == 0 || frames < options->frame_count_max; frames++) {
		int refreshed;

		wait_interval(view, options);
		if (view->left || is_stopped(options))
			return 0;
		if (view->held)
			continue;
		refreshed = gyr_metric_refresh(&view->reader);
		/* Another run: its counters start anew, and so do we. A server that is gone for the
		 * moment leaves the last picture. */
		if (refreshed > 0)
			memset(&view->samples[current], 0, sizeof view->samples[current]);
		if (refreshed < 0)
			gyr_err_clear();
		current = 1 - current;
		top_sample_take(&view->samples[current], view->reader.area);
		if (refreshed > 0)
			view->samples[1 - current].utc_ns =
				view->samples[current].area.header.start_utc_ns;
		if (options->json)
			top_frame_json(&view->samples[current], &view->samples[1 - current], to);
		else if (view->terminal.is_terminal)
			GYR_TRY(draw(view, &view->samples[current], &view->samples[1 - current]));
		else
			top_frame_print(&view->samples[current], &view->samples[1 - current],
					&view->style, to);
		(void)fflush(to);
	}
	return 0;
}

int gyr_operate_top(const char *directory, const struct gyr_operate_top_options *options, FILE *to)
{
	struct gyr_operate_top_options effective = *options;
	struct view *view = aligned_alloc(4096, gyr_round_up(sizeof *view, 4096));
	int error;

	if (view == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the view");
	memset(view, 0, sizeof *view);
	view->style.color = options->color;
	view->style.columns = 100;
	view->style.rows = 100;
	view->terminal.to = to;
	if (options->once)
		effective.frame_count_max = 1;
	error = gyr_metric_attach(&view->reader, directory);
	if (error == 0) {
		if (!options->once && !options->json)
			terminal_open(&view->terminal, to);
		error = run(view, &effective, to);
		terminal_close(&view->terminal);
		gyr_metric_detach(&view->reader);
	}
	free(view);
	return error;
}
