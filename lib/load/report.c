/* SPDX-License-Identifier: Apache-2.0 */
/* The page: report.html, which the build embeds, with the JSON where it asks for it. */
#include <string.h>

#include "gyr_err.h"
#include "gyr_load.h"
#include "report_page.h"

int gyr_load_write_html(FILE *to, const char *json, size_t json_length)
{
	static const char mark[] = "/*JSON*/null";
	const char *page = (const char *)report_page;
	const char *at = strstr(page, mark);

	gyr_assert(at != NULL);
	(void)fwrite(page, 1, (size_t)(at - page), to);
	for (size_t i = 0; i < json_length; i++) {
		/* "</script>" inside a text must not end the script. */
		if (json[i] == '<')
			(void)fputs("\\u003c", to);
		else
			(void)fputc(json[i], to);
	}
	(void)fputs(at + sizeof mark - 1, to);
	if (fflush(to) != 0 || ferror(to) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot write the report");
	return 0;
}
