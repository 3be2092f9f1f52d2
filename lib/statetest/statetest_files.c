/* SPDX-License-Identifier: Apache-2.0 */
#include "statetest_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gyr_err.h"

#define FILE_BYTES_MAX ((size_t)256 << 20)

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), wanted = strlen(suffix);

	return length >= wanted && strcmp(name + length - wanted, suffix) == 0;
}

/* Takes over `bytes`. */
static int append(struct statetest_files *files, const char *name, char *bytes, size_t length)
{
	if (files->count == files->capacity) {
		size_t capacity = files->capacity == 0 ? 256 : 2 * files->capacity;
		struct statetest_file *list = realloc(files->list, capacity * sizeof *list);

		if (list == NULL) {
			free(bytes);
			GYR_FAIL(GYR_ERR_MEMORY, "cannot hold %zu files", capacity);
		}
		files->list = list;
		files->capacity = capacity;
	}
	files->list[files->count] = (struct statetest_file){ strdup(name), bytes, length };
	if (files->list[files->count].name == NULL) {
		free(bytes);
		GYR_FAIL(GYR_ERR_MEMORY, "cannot hold the name %s", name);
	}
	files->count++;
	return 0;
}

static int add_file(struct statetest_files *files, const char *path, size_t size)
{
	FILE *from = fopen(path, "rb");
	char *bytes;
	size_t length;

	if (from == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s: %s", path, strerror(errno));
	bytes = size > FILE_BYTES_MAX ? NULL : malloc(size + 1);
	if (bytes == NULL) {
		(void)fclose(from);
		GYR_FAIL(GYR_ERR_MEMORY, "%s is too large: %zu bytes", path, size);
	}
	length = fread(bytes, 1, size, from);
	(void)fclose(from);
	if (length != size) {
		free(bytes);
		GYR_FAIL(GYR_ERR_IO, "cannot read %s", path);
	}
	return append(files, path, bytes, length);
}

static int add_entry(struct statetest_files *files, struct archive *archive,
		     struct archive_entry *entry, const char *path)
{
	size_t size = (size_t)archive_entry_size(entry);
	char *bytes = size > FILE_BYTES_MAX ? NULL : malloc(size + 1);

	if (bytes == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: %s is too large", path,
			 archive_entry_pathname(entry));
	if (archive_read_data(archive, bytes, size) != (la_ssize_t)size) {
		free(bytes);
		GYR_FAIL(GYR_ERR_DATA, "%s: %s: %s", path, archive_entry_pathname(entry),
			 archive_error_string(archive));
	}
	return append(files, archive_entry_pathname(entry), bytes, size);
}

static int add_archive(struct statetest_files *files, const char *path)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int error = 0, status = ARCHIVE_FATAL;

	if (archive == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory to read %s", path);
	if (archive_read_support_filter_all(archive) == ARCHIVE_OK &&
	    archive_read_support_format_all(archive) == ARCHIVE_OK &&
	    archive_read_open_filename(archive, path, 65536) == ARCHIVE_OK)
		while (error == 0 &&
		       (status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
			if (ends_with(archive_entry_pathname(entry), ".json"))
				error = add_entry(files, archive, entry, path);
	if (error == 0 && status != ARCHIVE_EOF)
		error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__, "%s: %s", path,
				     archive_error_string(archive));
	(void)archive_read_free(archive);
	return error;
}

static int add_folder(struct statetest_files *files, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort), error = 0;

	if (count < 0)
		GYR_FAIL(GYR_ERR_IO, "cannot list %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char below[4096];

		if (error == 0 && name[0] != '.' &&
		    snprintf(below, sizeof below, "%s/%s", path, name) < (int)sizeof below &&
		    (entries[i]->d_type == DT_DIR || ends_with(name, ".json")))
			error = statetest_files_add(files, below);
		free(entries[i]);
	}
	free(entries);
	return error;
}

int statetest_files_add(struct statetest_files *files, const char *path)
{
	struct stat info;

	if (stat(path, &info) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s: %s", path, strerror(errno));
	if (S_ISDIR(info.st_mode))
		return add_folder(files, path);
	if (ends_with(path, ".json"))
		return add_file(files, path, (size_t)info.st_size);
	return add_archive(files, path);
}

void statetest_files_free(struct statetest_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->list[i].name);
		free(files->list[i].bytes);
	}
	free(files->list);
}
