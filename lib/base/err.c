/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define CAUSE_COUNT_MAX	 8
#define CAUSE_LENGTH_MAX 320

struct cause {
	char text[CAUSE_LENGTH_MAX];
	const char *file;
	int line;
};

static _Thread_local struct cause chain[CAUSE_COUNT_MAX];
static _Thread_local unsigned chain_count;
static _Thread_local int chain_code;

static const struct {
	int code;
	const char *name;
	const char *advice;
} table[] = {
	{ GYR_ERR_USAGE, "usage", "see --help" },
	{ GYR_ERR_CONFIG, "config",
	  "correct the file at the place named; `gyrctl plan` checks it" },
	{ GYR_ERR_MEMORY, "memory",
	  "`gyrctl plan` prints what is needed; see hugepages and memlock" },
	{ GYR_ERR_IO, "io", NULL },
	{ GYR_ERR_DISK_FULL, "disk-full", "free room in the data directory, then start again" },
	{ GYR_ERR_FLUSH, "flush", "the device lost a write; check it before starting again" },
	{ GYR_ERR_LOG_DAMAGED, "log-damaged",
	  "do not delete anything; `gyrctl wal verify` shows it" },
	{ GYR_ERR_GENESIS, "genesis", "the data directory was made for another chain" },
	{ GYR_ERR_LOCKED, "locked", "stop the other instance, or give another data directory" },
	{ GYR_ERR_PERMISSION, "permission", NULL },
	{ GYR_ERR_NETWORK, "network", NULL },
	{ GYR_ERR_UNSUPPORTED, "unsupported", NULL },
	{ GYR_ERR_MISMATCH, "mismatch", "suspect the machine: keep the log and the core file" },
	{ GYR_ERR_LIMIT, "limit", "raise the limit that is named in the configuration" },
	{ GYR_ERR_DATA, "data", NULL },
	{ GYR_ERR_TIMEOUT, "timeout", NULL },
	{ GYR_ERR_SLA, "sla", NULL },
	{ GYR_ERR_INTERNAL, "internal", "this is a bug: please report it" },
};

const char *gyr_err_name(int code)
{
	for (size_t i = 0; i < GYR_COUNT(table); i++)
		if (table[i].code == code || table[i].code == -code)
			return table[i].name;
	return "unknown";
}

static void push_line(const char *file, int line, const char *format, va_list args)
{
	struct cause *cause;

	if (chain_count == CAUSE_COUNT_MAX)
		return;
	cause = &chain[chain_count++];
	(void)vsnprintf(cause->text, sizeof cause->text, format, args);
	cause->file = file;
	cause->line = line;
}

int gyr_err_push(enum gyr_err code, const char *file, int line, const char *format, ...)
{
	int saved = errno;
	va_list args;

	chain_count = 0;
	chain_code = (int)code;
	va_start(args, format);
	push_line(file, line, format, args);
	va_end(args);
	errno = saved;
	return -(int)code;
}

int gyr_err_add(int error, const char *file, int line, const char *format, ...)
{
	int saved = errno;
	va_list args;

	gyr_assert(error < 0);
	va_start(args, format);
	push_line(file, line, format, args);
	va_end(args);
	errno = saved;
	return error;
}

const char *gyr_err_cause(void)
{
	return chain_count == 0 ? "" : chain[0].text;
}

void gyr_err_print(FILE *to, const char *program)
{
	if (chain_count == 0)
		return;
	for (unsigned i = chain_count; i-- > 0;)
		(void)fprintf(to, "%s: %s%s\n", program,
			      i + 1 == chain_count ? "error: " : "  because ", chain[i].text);
	for (size_t i = 0; i < GYR_COUNT(table); i++)
		if (table[i].code == chain_code) {
			(void)fprintf(to, "%s:   code %s (%d), at %s:%d\n", program, table[i].name,
				      chain_code, chain[0].file, chain[0].line);
			if (table[i].advice != NULL)
				(void)fprintf(to, "%s:   advice: %s\n", program, table[i].advice);
		}
}

void gyr_err_clear(void)
{
	chain_count = 0;
	chain_code = 0;
}
