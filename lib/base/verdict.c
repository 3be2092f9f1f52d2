/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_verdict.h"

static const struct {
	const char *name;
	const char *text;
} table[256] = {
#define ROW(name_, number, text_) [(number)] = { #name_, text_ },
	GYR_VERDICTS(ROW)
#undef ROW
};

const char *gyr_verdict_name(unsigned verdict)
{
	return verdict < GYR_COUNT(table) ? table[verdict].name : NULL;
}

const char *gyr_verdict_text(unsigned verdict)
{
	if (verdict >= GYR_COUNT(table) || table[verdict].text == NULL)
		return "unknown verdict";
	return table[verdict].text;
}
