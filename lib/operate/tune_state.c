/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine's settings were, in a file: a line for each change, tab-separated, and a
 * checksum over all of it in the last line. It is written aside, synced, and renamed over the old
 * one.
 *
 *	gyr-tuning 1 BOOT-ID
 *	KIND	TOPIC	PATH	present|absent	FORMER	WANTED
 *	end HEX
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_err.h"
#include "tune.h"

#define LINE_MAX_LENGTH (2 * 2 * TUNE_TEXT_MAX + TUNE_PATH_MAX + 64)

static const char *const kind_names[TUNE_KIND_COUNT] = { "value", "choice", "file", "ring", "gro" };

static uint64_t add_checksum(uint64_t sum, const char *text)
{
	/* FNV-1a: against torn files, not against people. */
	for (; *text != '\0'; text++)
		sum = (sum ^ (uint8_t)*text) * 0x100000001b3;
	return sum;
}

#define CHECKSUM_START 0xcbf29ce484222325u

static void state_path(const struct tune *tune, char out[PATH_MAX], const char *suffix)
{
	(void)snprintf(out, PATH_MAX, "%s%s%s", tune->options->root, tune->options->state, suffix);
}

/* What a character is written as behind a backslash; 0: as it is. */
static char code_of(char c)
{
	switch (c) {
	case '\n':
		return 'n';
	case '\t':
		return 't';
	case '\\':
		return '\\';
	default:
		return 0;
	}
}

static void escape(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text != '\0' && used + 3 < size; text++) {
		char coded = code_of(*text);

		if (coded != 0) {
			out[used++] = '\\';
			out[used++] = coded;
		} else {
			out[used++] = *text;
		}
	}
	out[used] = '\0';
}

static void unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0') {
			text++;
			*to++ = *text;
			if (*text == 'n')
				to[-1] = '\n';
			else if (*text == 't')
				to[-1] = '\t';
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static void put_line(FILE *file, uint64_t *sum, const char *line)
{
	*sum = add_checksum(*sum, line);
	(void)fputs(line, file);
}

static int write_all(const struct tune *tune, FILE *file)
{
	uint64_t sum = CHECKSUM_START;
	char line[LINE_MAX_LENGTH];

	(void)snprintf(line, sizeof line, "gyr-tuning 1 %s\n", tune->boot_id);
	put_line(file, &sum, line);
	for (unsigned i = 0; i < tune->count; i++) {
		const struct tune_change *change = &tune->changes[i];
		char former[2 * TUNE_TEXT_MAX];
		char wanted[2 * TUNE_TEXT_MAX];

		escape(former, sizeof former, change->former);
		escape(wanted, sizeof wanted, change->wanted);
		(void)snprintf(line, sizeof line, "%s\t%s\t%s\t%s\t%s\t%s\n",
			       kind_names[change->kind], change->topic, change->path,
			       change->absent ? "absent" : "present", former, wanted);
		put_line(file, &sum, line);
	}
	(void)fprintf(file, "end %016llx\n", (unsigned long long)sum);
	if (fflush(file) != 0 || fsync(fileno(file)) < 0)
		return -errno;
	return 0;
}

int tune_save(const struct tune *tune)
{
	char aside[PATH_MAX];
	char path[PATH_MAX];
	char folder[PATH_MAX];
	FILE *file;
	int error;
	int fd;

	state_path(tune, path, "");
	state_path(tune, aside, ".new");
	memcpy(folder, path, sizeof folder);
	file = fopen(aside, "we");
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot remember the former settings in %s: %s", aside,
			 strerror(errno));
	error = write_all(tune, file);
	if (fclose(file) != 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(aside, path) < 0)
		error = -errno;
	if (error < 0) {
		(void)unlink(aside);
		GYR_FAIL(GYR_ERR_IO, "cannot remember the former settings in %s: %s", path,
			 strerror(-error));
	}
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		(void)close(fd);
	}
	return 0;
}

int tune_forget(const struct tune *tune)
{
	char path[PATH_MAX];

	state_path(tune, path, "");
	if (unlink(path) < 0 && errno != ENOENT)
		GYR_FAIL(GYR_ERR_IO, "cannot remove %s: %s", path, strerror(errno));
	return 0;
}

static bool take_field(char *to, size_t size, char **rest)
{
	char *field = strsep(rest, "\t");

	if (field == NULL || strlen(field) >= 2 * size)
		return false;
	unescape(field);
	if (strlen(field) >= size)
		return false;
	(void)snprintf(to, size, "%s", field);
	return true;
}

static bool take_line(struct tune *tune, char *line)
{
	struct tune_change *change = &tune->changes[tune->count];
	char *rest = line;
	char kind[16];
	char presence[16];

	if (tune->count == TUNE_CHANGE_COUNT_MAX)
		return false;
	memset(change, 0, sizeof *change);
	line[strcspn(line, "\n")] = '\0';
	if (!take_field(kind, sizeof kind, &rest) ||
	    !take_field(change->topic, sizeof change->topic, &rest) ||
	    !take_field(change->path, sizeof change->path, &rest) ||
	    !take_field(presence, sizeof presence, &rest) ||
	    !take_field(change->former, sizeof change->former, &rest) ||
	    !take_field(change->wanted, sizeof change->wanted, &rest) || rest != NULL)
		return false;
	change->absent = strcmp(presence, "absent") == 0;
	change->kind = TUNE_KIND_COUNT;
	for (unsigned i = 0; i < TUNE_KIND_COUNT; i++)
		if (strcmp(kind_names[i], kind) == 0)
			change->kind = (enum tune_kind)i;
	if (change->kind == TUNE_KIND_COUNT)
		return false;
	tune->count++;
	return true;
}

int tune_load(struct tune *tune)
{
	char line[LINE_MAX_LENGTH];
	char path[PATH_MAX];
	uint64_t sum = CHECKSUM_START;
	bool whole = false;
	bool good = true;
	FILE *file;

	tune->count = 0;
	tune->boot_id[0] = '\0';
	state_path(tune, path, "");
	file = fopen(path, "re");
	if (file == NULL && errno == ENOENT)
		return 0;
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s: %s", path, strerror(errno));
	good = fgets(line, sizeof line, file) != NULL &&
	       sscanf(line, "gyr-tuning 1 %47s", tune->boot_id) == 1;
	sum = add_checksum(sum, good ? line : "");
	while (good && !whole && fgets(line, sizeof line, file) != NULL) {
		if (strncmp(line, "end ", 4) == 0) {
			whole = strtoull(line + 4, NULL, 16) == sum && strchr(line, '\n') != NULL;
			break;
		}
		sum = add_checksum(sum, line);
		good = take_line(tune, line);
	}
	(void)fclose(file);
	if (!good || !whole)
		GYR_FAIL(GYR_ERR_DATA,
			 "%s is not whole: what the settings were before is not known. Look at it, "
			 "restore by hand, and remove it",
			 path);
	return 0;
}
