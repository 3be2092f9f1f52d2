/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "gyr_err.h"
#include "gyr_journal_errors.h"
#include "gyr_json.h"
#include "gyr_operate.h"

#define FOLLOW_NS 200000000

static void write_json(struct gyr_json *json, const struct gyr_journal_error *entry)
{
	char time[32];

	gyr_json_object(json, NULL);
	gyr_json_text(json, "severity",
		      gyr_journal_severity_name((enum gyr_journal_severity)entry->severity));
	gyr_json_number(json, "count", entry->count);
	gyr_json_text(json, "first", gyr_journal_time(time, entry->first_utc_ns));
	gyr_json_text(json, "last", gyr_journal_time(time, entry->last_utc_ns));
	gyr_json_text(json, "text", entry->text);
	gyr_json_text(json, "site", entry->site);
	gyr_json_end(json);
}

static void write_row(FILE *to, const struct gyr_journal_error *entry)
{
	char first[32];
	char last[32];

	(void)fprintf(to, "%-8s %8llu  %.19s  %.19s  %s (%s)\n",
		      gyr_journal_severity_name((enum gyr_journal_severity)entry->severity),
		      (unsigned long long)entry->count,
		      gyr_journal_time(first, entry->first_utc_ns),
		      gyr_journal_time(last, entry->last_utc_ns), entry->text, entry->site);
}

int gyr_operate_errors(const char *directory, uint64_t since_utc_ns, bool json, FILE *to)
{
	struct gyr_journal_error *entries = calloc(GYR_JOURNAL_ERROR_COUNT_MAX, sizeof *entries);
	struct gyr_json out = gyr_json_begin(to);
	uint64_t lost = 0;
	bool failed = false;
	int count;
	int shown = 0;

	if (entries == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the error log");
	count = gyr_journal_errors_read(entries, GYR_JOURNAL_ERROR_COUNT_MAX, &lost, directory);
	if (count < 0) {
		free(entries);
		return count;
	}
	if (json) {
		gyr_json_object(&out, NULL);
		gyr_json_number(&out, "lost", lost);
		gyr_json_array(&out, "errors");
	}
	for (int i = 0; i < count; i++) {
		if (entries[i].last_utc_ns < since_utc_ns)
			continue;
		failed = failed || entries[i].severity == GYR_JOURNAL_ERROR;
		if (json)
			write_json(&out, &entries[i]);
		else if (shown == 0)
			(void)fprintf(to, "%-8s %8s  %-19s  %-19s  %s\n", "severity", "count",
				      "first (UTC)", "last (UTC)", "what was said last, and where");
		if (!json)
			write_row(to, &entries[i]);
		shown++;
	}
	if (json) {
		gyr_json_end(&out);
		gyr_json_end(&out);
	} else {
		if (shown == 0)
			(void)fprintf(to, "no errors\n");
		if (lost > 0)
			(void)fprintf(to, "and %llu reports of places that no longer fit\n",
				      (unsigned long long)lost);
	}
	free(entries);
	return failed ? GYR_OPERATE_NO : GYR_OPERATE_YES;
}

/* What is new since the last look: the entries said something later than that. */
static uint64_t show_since(struct gyr_journal_error *entries, int count, uint64_t since_utc_ns,
			   bool json, FILE *to)
{
	uint64_t latest = since_utc_ns;

	/* They come latest first: the oldest news first reads better. */
	for (int i = count; i-- > 0;) {
		struct gyr_json out = gyr_json_begin_lines(to);

		if (entries[i].last_utc_ns <= since_utc_ns)
			continue;
		if (json)
			write_json(&out, &entries[i]);
		else
			write_row(to, &entries[i]);
		latest = gyr_max_u64(latest, entries[i].last_utc_ns);
	}
	(void)fflush(to);
	return latest;
}

int gyr_operate_errors_follow(const char *directory, bool json, const _Atomic int *stopped,
			      FILE *to)
{
	struct gyr_journal_error *entries = calloc(GYR_JOURNAL_ERROR_COUNT_MAX, sizeof *entries);
	const struct timespec length = { .tv_nsec = FOLLOW_NS };
	uint64_t since_utc_ns = gyr_operate_utc_ns();

	if (entries == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the error log");
	while (atomic_load_explicit(stopped, memory_order_relaxed) == 0) {
		uint64_t lost;
		int count = gyr_journal_errors_read(entries, GYR_JOURNAL_ERROR_COUNT_MAX, &lost,
						    directory);

		if (count == -GYR_ERR_DATA) {
			free(entries);
			return count;
		}
		gyr_err_clear();
		since_utc_ns = show_since(entries, count, since_utc_ns, json, to);
		(void)nanosleep(&length, NULL);
	}
	free(entries);
	return 0;
}
