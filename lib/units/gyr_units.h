/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantities as people write and read them: "64MiB", "100us", "1.5M". Configuration files, command
 * lines and tables share one grammar: digits, at most one point, then a unit without a space or
 * with one. Parsing is exact: what is not a whole number of the smallest unit, or does not fit 64
 * bits, is refused. Cold; no state.
 */
#ifndef GYR_UNITS_H
#define GYR_UNITS_H

#include "gyr_base.h"

/* Enough for every formatted quantity, terminator included. */
#define GYR_UNITS_TEXT_MAX 24

enum gyr_units_kind {
	GYR_UNITS_COUNT,    /* none, or k, M, G: thousands, millions, milliards */
	GYR_UNITS_SIZE,	    /* B, KiB, MiB, GiB, TiB; none means bytes */
	GYR_UNITS_DURATION, /* ns, us, ms, s, min, h; none only for 0. The value is nanoseconds */
};

/* Parses all of text; false when it is no quantity of this kind. '_' may stand between digits. */
bool gyr_units_parse(uint64_t *out, enum gyr_units_kind kind, const char *text);

/* What gyr_units_parse takes, for messages: "a size such as 64MiB (B, KiB, MiB, GiB, TiB)". */
const char *gyr_units_expected(enum gyr_units_kind kind);

/* Three significant digits and a unit: "1.50 MiB", "12.3 us", "812 k". Returns text. */
char *gyr_units_format(char text[GYR_UNITS_TEXT_MAX], enum gyr_units_kind kind, double value);

#endif
