/* SPDX-License-Identifier: Apache-2.0 */
#include "render.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "gyr_units.h"
#include "gyr_verdict.h"

/* The next {name:form} of a text. */
struct hole {
	const char *begin; /* at the brace; NULL when there is none */
	const char *end;   /* behind the other brace */
	char name[24];
	char form[12];
};

static struct hole next_hole(const char *text)
{
	struct hole hole = { .begin = strchr(text, '{') };
	const char *close = hole.begin == NULL ? NULL : strchr(hole.begin, '}');
	const char *colon;

	if (close == NULL) {
		hole.begin = NULL;
		return hole;
	}
	hole.end = close + 1;
	colon = memchr(hole.begin, ':', (size_t)(close - hole.begin));
	if (colon == NULL)
		colon = close;
	(void)snprintf(hole.name, sizeof hole.name, "%.*s", (int)(colon - hole.begin - 1),
		       hole.begin + 1);
	if (colon < close)
		(void)snprintf(hole.form, sizeof hole.form, "%.*s", (int)(close - colon - 1),
			       colon + 1);
	return hole;
}

static void render_value(char *out, size_t size, const char *form, uint64_t value)
{
	char text[GYR_UNITS_TEXT_MAX];
	const char *name;

	if (strcmp(form, "d") == 0) {
		(void)snprintf(out, size, "%" PRId64, (int64_t)value);
	} else if (strcmp(form, "x") == 0) {
		(void)snprintf(out, size, "0x%" PRIx64, value);
	} else if (strcmp(form, "ns") == 0) {
		(void)snprintf(out, size, "%s",
			       gyr_units_format(text, GYR_UNITS_DURATION, (double)value));
	} else if (strcmp(form, "B") == 0) {
		(void)snprintf(out, size, "%s",
			       gyr_units_format(text, GYR_UNITS_SIZE, (double)value));
	} else if (strcmp(form, "verdict") == 0) {
		name = value < 256 ? gyr_verdict_name((unsigned)value) : NULL;
		(void)snprintf(out, size, "%s", name == NULL ? "unknown verdict" : name);
	} else if (strcmp(form, "s") == 0) {
		(void)snprintf(out, size, "%s", value == 0 ? "" : (const char *)(uintptr_t)value);
	} else {
		(void)snprintf(out, size, "%" PRIu64, value);
	}
}

void gyr_journal_render(char *out, size_t size, const struct gyr_journal_record *record)
{
	const char *text = record->site->text;
	size_t used = 0;
	unsigned index = 0;

	gyr_assert(size > 0);
	out[0] = '\0';
	for (;;) {
		struct hole hole = next_hole(text);
		int length = hole.begin == NULL ? (int)strlen(text) : (int)(hole.begin - text);

		(void)snprintf(out + used, size - used, "%.*s", length, text);
		used += strlen(out + used);
		if (hole.begin == NULL)
			return;
		if (index < GYR_JOURNAL_ARGUMENT_MAX)
			render_value(out + used, size - used, hole.form,
				     record->arguments[index++]);
		used += strlen(out + used);
		text = hole.end;
	}
}

void render_json(struct gyr_json *json, const struct gyr_journal_record *record)
{
	const char *text = record->site->text;

	for (unsigned index = 0; index < GYR_JOURNAL_ARGUMENT_MAX; index++) {
		struct hole hole = next_hole(text);
		uint64_t value = record->arguments[index];
		char rendered[128];

		if (hole.begin == NULL)
			return;
		render_value(rendered, sizeof rendered, hole.form, value);
		if (strcmp(hole.form, "d") == 0)
			gyr_json_signed(json, hole.name, (int64_t)value);
		else if (strcmp(hole.form, "x") == 0 || strcmp(hole.form, "verdict") == 0 ||
			 strcmp(hole.form, "s") == 0)
			gyr_json_text(json, hole.name, rendered);
		else
			gyr_json_number(json, hole.name, value);
		text = hole.end;
	}
}

const char *render_file(const char *file)
{
	while (strncmp(file, "../", 3) == 0)
		file += 3;
	return file;
}

const char *gyr_journal_severity_name(enum gyr_journal_severity severity)
{
	static const char *const names[] = { "note", "warning", "error" };

	return (unsigned)severity < GYR_COUNT(names) ? names[severity] : "unknown";
}

char *gyr_journal_time(char out[32], uint64_t utc_ns)
{
	time_t seconds = (time_t)(utc_ns / 1000000000);
	struct tm parts;
	size_t used;

	(void)gmtime_r(&seconds, &parts);
	used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	(void)snprintf(out + used, 32 - used, ".%06uZ", (unsigned)(utc_ns % 1000000000 / 1000));
	return out;
}
