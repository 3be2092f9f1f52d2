/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the places where the machine keeps its settings. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "tune.h"

static void full_path(const struct tune *tune, char out[PATH_MAX], const char *path)
{
	(void)snprintf(out, PATH_MAX, "%s%s", tune->options->root, path);
}

static bool read_file(const struct tune *tune, char out[TUNE_TEXT_MAX], const char *path)
{
	char full[PATH_MAX];
	ssize_t length;
	int fd;

	full_path(tune, full, path);
	out[0] = '\0';
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, out, TUNE_TEXT_MAX - 1);
	(void)close(fd);
	if (length < 0)
		return false;
	out[length] = '\0';
	return true;
}

/* "[always] madvise never" says always; a file without brackets says what it holds. */
static void take_choice(char text[TUNE_TEXT_MAX])
{
	const char *open_bracket = strchr(text, '[');
	const char *close_bracket = open_bracket == NULL ? NULL : strchr(open_bracket, ']');
	size_t length;

	if (close_bracket == NULL)
		return;
	length = (size_t)(close_bracket - open_bracket) - 1;
	memmove(text, open_bracket + 1, length);
	text[length] = '\0';
}

bool tune_get(const struct tune *tune, enum tune_kind kind, char out[TUNE_TEXT_MAX], bool *absent,
	      const char *path)
{
	bool got;

	*absent = false;
	if (kind == TUNE_RING || kind == TUNE_GRO)
		return tune_nic_get(kind, out, path);
	got = read_file(tune, out, path);
	if (kind == TUNE_FILE) {
		*absent = !got;
		return true;
	}
	out[strcspn(out, "\n")] = '\0';
	if (kind == TUNE_CHOICE)
		take_choice(out);
	return got;
}

static int write_file(const struct tune *tune, const char *path, const char *text, bool create)
{
	char full[PATH_MAX];
	size_t length = strlen(text);
	ssize_t written;
	int error;
	int fd;

	full_path(tune, full, path);
	fd = open(full, O_WRONLY | O_TRUNC | O_CLOEXEC | (create ? O_CREAT : 0), 0644);
	if (fd < 0)
		return -errno;
	/* One write: the kernel takes a value whole. */
	written = write(fd, text, length);
	error = written < 0 ? -errno : (size_t)written != length ? -EIO : 0;
	if (close(fd) < 0 && error == 0)
		error = -errno;
	return error;
}

int tune_set(const struct tune *tune, enum tune_kind kind, const char *path, const char *text,
	     bool absent)
{
	const struct gyr_operate_tune_options *options = tune->options;
	char full[PATH_MAX];

	if (options->before_write != NULL) {
		int error = options->before_write(options->context, path);

		if (error < 0)
			return error;
	}
	if (kind == TUNE_RING || kind == TUNE_GRO)
		return tune_nic_set(kind, path, text);
	if (!absent)
		return write_file(tune, path, text, kind == TUNE_FILE);
	full_path(tune, full, path);
	return unlink(full) < 0 && errno != ENOENT ? -errno : 0;
}
