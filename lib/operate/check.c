/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_items.h"
#include "gyr_err.h"
#include "gyr_json.h"

void check_report(struct check *check, const char *topic, enum finding_kind kind,
		  const char *advice, const char *format, ...)
{
	struct finding *finding;
	va_list args;

	if (check->finding_count == FINDING_COUNT_MAX)
		return;
	finding = &check->findings[check->finding_count++];
	(void)snprintf(finding->topic, sizeof finding->topic, "%s", topic);
	(void)snprintf(finding->advice, sizeof finding->advice, "%s", advice == NULL ? "" : advice);
	finding->kind = kind;
	va_start(args, format);
	(void)vsnprintf(finding->found, sizeof finding->found, format, args);
	va_end(args);
}

bool check_read(char *out, size_t size, const char *format, ...)
{
	char path[300];
	va_list args;
	FILE *file;
	bool got;

	va_start(args, format);
	(void)vsnprintf(path, sizeof path, format, args);
	va_end(args);
	out[0] = '\0';
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	got = fgets(out, (int)size, file) != NULL;
	(void)fclose(file);
	out[strcspn(out, "\n")] = '\0';
	return got;
}

bool check_list_has(const char *list, unsigned cpu)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		if (cpu >= first && cpu <= last)
			return true;
		list = end + (*end == ',');
	}
	return false;
}

static const struct {
	const char *word;
	const char *color;
} kinds[] = {
	[FINDING_GOOD] = { "good", "\x1b[32m" },
	[FINDING_NOTE] = { "note", "" },
	[FINDING_ADVICE] = { "advice", "\x1b[33m" },
	[FINDING_WRONG] = { "WRONG", "\x1b[31m" },
	[FINDING_NOT_HERE] = { "not applicable here", "\x1b[2m" },
};

static void print(const struct check *check, bool color, FILE *to)
{
	unsigned counts[GYR_COUNT(kinds)] = { 0 };

	for (unsigned i = 0; i < check->finding_count; i++) {
		const struct finding *finding = &check->findings[i];

		counts[finding->kind]++;
		(void)fprintf(to, "%s%-19s%s  %-20s %s\n", color ? kinds[finding->kind].color : "",
			      kinds[finding->kind].word, color ? "\x1b[0m" : "", finding->topic,
			      finding->found);
		if (finding->advice[0] != '\0')
			(void)fprintf(to, "%-19s  %-20s > %s\n", "", "", finding->advice);
	}
	(void)fprintf(to, "\n%u good, %u wrong, %u to be had better, %u not applicable here\n",
		      counts[FINDING_GOOD], counts[FINDING_WRONG], counts[FINDING_ADVICE],
		      counts[FINDING_NOT_HERE]);
}

static void write_json(const struct check *check, bool good, FILE *to)
{
	static const char *const words[] = { "good", "note", "advice", "wrong", "not_applicable" };
	struct gyr_json json = gyr_json_begin(to);

	gyr_json_object(&json, NULL);
	gyr_json_bool(&json, "good", good);
	gyr_json_bool(&json, "virtual_machine", check->virtual_machine);
	gyr_json_array(&json, "findings");
	for (unsigned i = 0; i < check->finding_count; i++) {
		gyr_json_object(&json, NULL);
		gyr_json_text(&json, "topic", check->findings[i].topic);
		gyr_json_text(&json, "finding", words[check->findings[i].kind]);
		gyr_json_text(&json, "found", check->findings[i].found);
		gyr_json_text(&json, "advice", check->findings[i].advice);
		gyr_json_end(&json);
	}
	gyr_json_end(&json);
	gyr_json_end(&json);
}

int gyr_operate_check(const struct gyr_conf *conf, bool json, bool color, FILE *to)
{
	struct check *check = calloc(1, sizeof *check);
	bool good = true;

	if (check == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the findings");
	check->conf = conf;
	check->root = geteuid() == 0;
	if (conf != NULL) {
		int error = gyr_topo_plan(&check->plan, conf, NULL);

		if (error < 0) {
			check_report(check, "plan", FINDING_WRONG, "gyrctl plan CONFIG", "%s",
				     gyr_err_cause());
			gyr_err_clear();
		}
	}
	check_processor(check);
	check_memory(check);
	check_isolation(check);
	check_power(check);
	check_clock(check);
	check_interrupts(check);
	check_gates(check);
	check_disk(check);
	check_io_uring(check);
	for (unsigned i = 0; i < check->finding_count; i++)
		good = good && check->findings[i].kind != FINDING_WRONG;
	if (json)
		write_json(check, good, to);
	else
		print(check, color, to);
	free(check);
	return good ? GYR_OPERATE_YES : GYR_OPERATE_NO;
}
