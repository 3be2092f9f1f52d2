/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit counts[] = {
	{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { NULL, 0 },
};

static const struct unit sizes[] = {
	{ "B", 1 },
	{ "KiB", 1ull << 10 },
	{ "MiB", 1ull << 20 },
	{ "GiB", 1ull << 30 },
	{ "TiB", 1ull << 40 },
	{ NULL, 0 },
};

static const struct unit durations[] = {
	{ "ns", 1 },	     { "us", 1000 },	     { "ms", 1000000 },
	{ "s", 1000000000 }, { "min", 60000000000 }, { "h", 3600000000000 },
	{ NULL, 0 },
};

static const struct {
	const struct unit *units;
	const char *expected;
} kinds[] = {
	[GYR_UNITS_COUNT] = { counts, "a number such as 4096 or 1.5M (k, M, G)" },
	[GYR_UNITS_SIZE] = { sizes, "a size such as 64MiB (B, KiB, MiB, GiB, TiB)" },
	[GYR_UNITS_DURATION] = { durations, "a duration such as 100us (ns, us, ms, s, min, h)" },
};

/* Digits with at most one point: the digits as one number, and how many stood behind the point. */
static const char *parse_digits(const char *at, unsigned __int128 *number, unsigned *places)
{
	unsigned digits = 0;
	bool point = false;

	*number = 0;
	*places = 0;
	for (;; at++) {
		if (*at >= '0' && *at <= '9') {
			/* 24 digits times the largest unit stay below 2^128. */
			if (++digits > 24)
				return NULL;
			*number = *number * 10 + (unsigned)(*at - '0');
			*places += point;
		} else if (*at == '.' && !point && digits > 0) {
			point = true;
		} else if (*at != '_' || digits == 0 || point) {
			break;
		}
	}
	if (digits == 0 || (point && *places == 0) || at[-1] == '_')
		return NULL;
	return at;
}

bool gyr_units_parse(uint64_t *out, enum gyr_units_kind kind, const char *text)
{
	unsigned __int128 number;
	unsigned places;
	const char *at = parse_digits(text, &number, &places);

	if (at == NULL)
		return false;
	if (*at == ' ' && *++at == '\0')
		return false;
	if (*at == '\0' && (kind != GYR_UNITS_DURATION || number == 0))
		at = kinds[kind].units[0].name;
	for (const struct unit *unit = kinds[kind].units; unit->name != NULL; unit++) {
		unsigned __int128 divisor = 1;

		if (strcmp(at, unit->name) != 0)
			continue;
		for (unsigned i = 0; i < places; i++)
			divisor *= 10;
		if (number > UINT64_MAX && places == 0)
			return false;
		number *= unit->size;
		if (number % divisor != 0 || number / divisor > UINT64_MAX)
			return false;
		*out = (uint64_t)(number / divisor);
		return true;
	}
	return false;
}

const char *gyr_units_expected(enum gyr_units_kind kind)
{
	return kinds[kind].expected;
}

char *gyr_units_format(char text[GYR_UNITS_TEXT_MAX], enum gyr_units_kind kind, double value)
{
	const struct unit *unit = kinds[kind].units;
	double scaled;
	int places;

	while (unit[1].name != NULL && fabs(value) >= (double)unit[1].size * 0.9995)
		unit++;
	/* Minutes and hours read worse than seconds in a table; what is huge is written so. */
	if (kind == GYR_UNITS_DURATION && unit > &durations[3])
		unit = &durations[3];
	scaled = value / (double)unit->size;
	places = unit == kinds[kind].units && value == floor(value) ? 0
		 : fabs(scaled) < 9.995				    ? 2
		 : fabs(scaled) < 99.95				    ? 1
								    : 0;
	(void)snprintf(text, GYR_UNITS_TEXT_MAX, "%.*f%s%s", places, scaled,
		       unit->name[0] == '\0' ? "" : " ", unit->name);
	return text;
}
