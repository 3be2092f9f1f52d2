/* SPDX-License-Identifier: Apache-2.0 */
/* Limits from a file, and whether a run kept them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_load.h"
#include "gyr_units.h"

#define LINE_MAX_BYTES 256
#define WORDS_MAX      6

const char *gyr_load_answer_name(enum gyr_load_answer answer)
{
	static const char *const names[] = { "ordered", "durable", "executed" };

	gyr_assert(answer < GYR_LOAD_ANSWER_COUNT);
	return names[answer];
}

/* Where a fault is. */
struct place {
	const char *path;
	unsigned line;
};

static int fail_at(const struct place *place, const char *line, const char *word,
		   const char *expected)
{
	GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:%u: '%s' is not %s", place->path, place->line,
		 (unsigned)(word - line) + 1, word, expected);
}

static bool parse_percentile(double *out, const char *word)
{
	char *end;

	if (word[0] != 'p')
		return false;
	*out = strtod(word + 1, &end);
	return end != word + 1 && *end == '\0' && *out > 0 && *out < 100;
}

static int parse_words(struct gyr_load_rule *rule, const struct place *place, const char *line,
		       char *const *words, unsigned count)
{
	bool is_rate = count > 1 && strcmp(words[1], "rate") == 0;
	bool is_max = count > 1 && strcmp(words[1], "max") == 0;
	unsigned answer = 0;

	*rule = (struct gyr_load_rule){ .percentile = 100 };
	while (answer < GYR_LOAD_ANSWER_COUNT &&
	       strcmp(words[0], gyr_load_answer_name((enum gyr_load_answer)answer)) != 0)
		answer++;
	if (answer == GYR_LOAD_ANSWER_COUNT)
		return fail_at(place, line, words[0], "ordered, durable or executed");
	rule->answer = (enum gyr_load_answer)answer;
	if (count != 3 && count != 5)
		return fail_at(place, line, words[0],
			       "followed by a percentile, a limit and perhaps 'at' a rate");
	if (!is_rate && !is_max && !parse_percentile(&rule->percentile, words[1]))
		return fail_at(place, line, words[1], "a percentile such as p99.9, max or rate");
	if (is_rate && !gyr_units_parse(&rule->executed_rate_min, GYR_UNITS_COUNT, words[2]))
		return fail_at(place, line, words[2], gyr_units_expected(GYR_UNITS_COUNT));
	if (is_rate && rule->answer != GYR_LOAD_EXECUTED)
		return fail_at(place, line, words[1], "for anything but executed");
	if (!is_rate && !gyr_units_parse(&rule->limit_ns, GYR_UNITS_DURATION, words[2]))
		return fail_at(place, line, words[2], gyr_units_expected(GYR_UNITS_DURATION));
	if (count == 3)
		return 0;
	if (strcmp(words[3], "at") != 0)
		return fail_at(place, line, words[3], "'at'");
	if (!gyr_units_parse(&rule->rate, GYR_UNITS_COUNT, words[4]))
		return fail_at(place, line, words[4], gyr_units_expected(GYR_UNITS_COUNT));
	return 0;
}

static int parse_line(struct gyr_load_sla *sla, const struct place *place, char *line)
{
	char *words[WORDS_MAX];
	unsigned count = 0;
	char *rest = line;

	line[strcspn(line, "#\r\n")] = '\0';
	for (;;) {
		rest += strspn(rest, " \t");
		if (*rest == '\0')
			break;
		if (count == WORDS_MAX)
			return fail_at(place, line, rest, "expected here");
		words[count++] = rest;
		rest += strcspn(rest, " \t");
		if (*rest != '\0')
			*rest++ = '\0';
	}
	if (count == 0)
		return 0;
	if (sla->count == GYR_LOAD_RULES_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:1: more than %u rules", place->path, place->line,
			 GYR_LOAD_RULES_MAX);
	GYR_TRY(parse_words(&sla->rules[sla->count], place, line, words, count));
	sla->count++;
	return 0;
}

int gyr_load_sla_read(struct gyr_load_sla *sla, const char *path)
{
	FILE *file = fopen(path, "re");
	struct place place = { .path = path };
	char line[LINE_MAX_BYTES];
	int error = 0;

	sla->count = 0;
	if (file == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "%s: %s", path, strerror(errno));
	while (error == 0 && fgets(line, sizeof line, file) != NULL) {
		place.line++;
		if (strchr(line, '\n') == NULL && !feof(file))
			error = gyr_err_push(GYR_ERR_CONFIG, __FILE__, __LINE__,
					     "%s:%u:%u: line too long", path, place.line,
					     LINE_MAX_BYTES);
		else
			error = parse_line(sla, &place, line);
	}
	if (error == 0 && sla->count == 0)
		error = gyr_err_push(GYR_ERR_CONFIG, __FILE__, __LINE__, "%s:%u:1: no rule", path,
				     place.line);
	(void)fclose(file);
	return error;
}

bool gyr_load_sla_judge(uint64_t *value, bool *applies, const struct gyr_load_rule *rule,
			const struct gyr_load_result *result)
{
	const struct gyr_hist *hist = &result->latency[rule->answer];

	*applies = rule->rate == 0 || rule->rate == result->rate;
	*value = 0;
	if (!*applies)
		return true;
	if (rule->executed_rate_min != 0) {
		if (result->executed_ns != 0)
			*value = (uint64_t)((unsigned __int128)result->counters.executed *
					    1000000000u / result->executed_ns);
		return *value >= rule->executed_rate_min;
	}
	/* Nothing measured keeps no limit. */
	*value = rule->percentile < 100 ? gyr_hist_percentile(hist, rule->percentile) : hist->max;
	return hist->total > 0 && *value <= rule->limit_ns;
}

unsigned gyr_load_sla_broken(const struct gyr_load_report *report)
{
	unsigned broken = 0;

	for (unsigned i = 0; report->sla != NULL && i < report->sla->count; i++) {
		bool kept = true, any = false;

		for (unsigned r = 0; r < report->run_count; r++) {
			uint64_t value;
			bool applies;

			kept &= gyr_load_sla_judge(&value, &applies, &report->sla->rules[i],
						   &report->runs[r]);
			any |= applies;
		}
		broken += !kept || !any;
	}
	return broken;
}
