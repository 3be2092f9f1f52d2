/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <archive.h>
#include <archive_entry.h>
#include <fts.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "gyr_test.h"

struct walk {
	const char *part;
	vectors_visit *visit;
	void *context;
	long count;
};

static bool wanted(const struct walk *walk, const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcmp(path + length - 5, ".json") == 0 &&
	       strstr(path, walk->part) != NULL;
}

static void visit_parsed(struct walk *walk, const char *path, json_t *root,
			 const json_error_t *error)
{
	if (root == NULL) {
		(void)fprintf(stderr, "%s:%d: %s\n", path, error->line, error->text);
		exit(1);
	}
	walk->visit(walk->context, path, root);
	walk->count++;
	json_decref(root);
}

static void walk_archive(struct walk *walk, const char *file)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int status;

	if (archive == NULL || archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_open_filename(archive, file, 1 << 16) != ARCHIVE_OK) {
		(void)fprintf(stderr, "%s cannot be read\n", file);
		exit(1);
	}
	while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);
		json_error_t error;

		if (strncmp(path, "./", 2) == 0)
			path += 2;
		if (!wanted(walk, path))
			continue;
		size_t size = (size_t)archive_entry_size(entry);
		char *text = malloc(size + 1);

		if (text == NULL || archive_read_data(archive, text, size) != (la_ssize_t)size) {
			(void)fprintf(stderr, "%s in %s cannot be read\n", path, file);
			exit(1);
		}
		visit_parsed(walk, path, json_loadb(text, size, JSON_ALLOW_NUL, &error), &error);
		free(text);
	}
	if (status != ARCHIVE_EOF) {
		(void)fprintf(stderr, "%s: %s\n", file, archive_error_string(archive));
		exit(1);
	}
	(void)archive_read_free(archive);
}

static void walk_folder(struct walk *walk, char *folder)
{
	char *const roots[] = { folder, NULL };
	size_t skip = strlen(folder) + 1;
	FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (fts != NULL && (entry = fts_read(fts)) != NULL) {
		json_error_t error;

		if (entry->fts_info == FTS_F && wanted(walk, entry->fts_path + skip))
			visit_parsed(walk, entry->fts_path + skip,
				     json_load_file(entry->fts_path, JSON_ALLOW_NUL, &error),
				     &error);
	}
	if (fts != NULL)
		(void)fts_close(fts);
}

long vectors_each(const char *name, const char *part, vectors_visit *visit, void *context)
{
	struct walk walk = { part, visit, context, 0 };
	char path[4200];
	struct stat status;

	(void)snprintf(path, sizeof path, "%s/%s.tar.xz", gyr_test_vectors(), name);
	if (stat(path, &status) == 0) {
		walk_archive(&walk, path);
		return walk.count;
	}
	(void)snprintf(path, sizeof path, "%s/%s", gyr_test_vectors(), name);
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
		walk_folder(&walk, path);
		return walk.count;
	}
	(void)printf("skipped: no vectors %s in %s (set GYR_VECTORS)\n", name, gyr_test_vectors());
	return -1;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t vectors_unhex(uint8_t *to, const char *text)
{
	size_t count = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; text[0] != '\0'; text += 2, count++) {
		int high = digit_of(text[0]);
		int low = high < 0 ? -1 : digit_of(text[1]);

		if (low < 0)
			return SIZE_MAX;
		to[count] = (uint8_t)(high << 4 | low);
	}
	return count;
}
