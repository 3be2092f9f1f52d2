/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_journal_errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_err.h"
#include "render.h"

#define MAGIC	  0x31305252455247u
#define TRIES_MAX 1000

static bool is_ours(const struct gyr_journal_error_file *file)
{
	return file->magic == MAGIC && file->entry_size == sizeof file->entries[0] &&
	       atomic_load_explicit(&file->entry_count, memory_order_acquire) <=
		       GYR_JOURNAL_ERROR_COUNT_MAX;
}

static int map(struct gyr_journal_error_file **file, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	void *mapped;

	if (fd < 0)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s: %s", path, strerror(errno));
	if (posix_fallocate(fd, 0, sizeof **file) != 0 ||
	    (mapped = mmap(NULL, sizeof **file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) ==
		    MAP_FAILED) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_IO, "no room for the error log %s", path);
	}
	(void)close(fd);
	*file = mapped;
	return 0;
}

/* An entry that the last run left half-changed: its numbers may be off by one, its text is cut off
 * somewhere; it is still worth more than nothing. */
static void mend(struct gyr_journal_error_file *file)
{
	for (unsigned i = 0; i < GYR_JOURNAL_ERROR_COUNT_MAX; i++) {
		struct gyr_journal_error *entry = &file->entries[i];
		uint64_t version = atomic_load_explicit(&entry->version, memory_order_relaxed);

		atomic_store_explicit(&entry->version, version + (version & 1),
				      memory_order_relaxed);
		entry->site[sizeof entry->site - 1] = '\0';
		entry->text[sizeof entry->text - 1] = '\0';
	}
}

int gyr_journal_errors_open(struct gyr_journal_errors *errors, const char *directory)
{
	char path[300];
	char aside[304];

	if (snprintf(path, sizeof path, "%s/errors", directory) >= (int)sizeof path)
		GYR_FAIL(GYR_ERR_CONFIG, "the data directory's path is too long");
	GYR_TRY(map(&errors->file, path));
	if (errors->file->magic != 0 && !is_ours(errors->file)) {
		(void)munmap(errors->file, sizeof *errors->file);
		(void)snprintf(aside, sizeof aside, "%s.old", path);
		if (rename(path, aside) < 0)
			GYR_FAIL(GYR_ERR_IO, "cannot put %s aside: %s", path, strerror(errno));
		GYR_TRY(map(&errors->file, path));
	}
	errors->file->entry_size = sizeof errors->file->entries[0];
	errors->file->magic = MAGIC;
	mend(errors->file);
	return 0;
}

void gyr_journal_errors_close(struct gyr_journal_errors *errors)
{
	if (errors->file != NULL)
		(void)munmap(errors->file, sizeof *errors->file);
	errors->file = NULL;
}

/* FNV-1a over the text and the line: the same place in another build has the same number as long as
 * it says the same. */
static uint64_t site_id(const struct gyr_journal_site *site)
{
	uint64_t id = 0xcbf29ce484222325;

	for (const char *at = render_file(site->file); *at != '\0'; at++)
		id = (id ^ (uint8_t)*at) * 0x100000001b3;
	for (const char *at = site->text; *at != '\0'; at++)
		id = (id ^ (uint8_t)*at) * 0x100000001b3;
	return (id ^ (uint64_t)site->line) * 0x100000001b3;
}

void gyr_journal_errors_note(struct gyr_journal_errors *errors,
			     const struct gyr_journal_record *record, uint64_t count)
{
	struct gyr_journal_error_file *file = errors->file;
	uint64_t entry_count = atomic_load_explicit(&file->entry_count, memory_order_relaxed);
	uint64_t id = site_id(record->site);
	struct gyr_journal_error *entry = NULL;
	uint64_t version;

	for (uint64_t i = 0; i < entry_count && entry == NULL; i++)
		if (file->entries[i].id == id)
			entry = &file->entries[i];
	if (entry == NULL && entry_count == GYR_JOURNAL_ERROR_COUNT_MAX) {
		uint64_t lost = atomic_load_explicit(&file->lost, memory_order_relaxed);

		atomic_store_explicit(&file->lost, lost + 1, memory_order_relaxed);
		return;
	}
	if (entry == NULL) {
		entry = &file->entries[entry_count];
		entry->id = id;
		entry->count = 0;
		entry->first_utc_ns = record->utc_ns;
		(void)snprintf(entry->site, sizeof entry->site, "%s:%d",
			       render_file(record->site->file), record->site->line);
	}
	version = atomic_load_explicit(&entry->version, memory_order_relaxed);
	atomic_store_explicit(&entry->version, version + 1, memory_order_release);
	entry->last_utc_ns = record->utc_ns;
	entry->severity = (uint64_t)record->site->severity;
	entry->count += count;
	gyr_journal_render(entry->text, sizeof entry->text, record);
	atomic_store_explicit(&entry->version, version + 2, memory_order_release);
	if (entry == &file->entries[entry_count])
		atomic_store_explicit(&file->entry_count, entry_count + 1, memory_order_release);
}

/* A copy that the writer did not touch meanwhile; after TRIES_MAX attempts any copy. */
static void copy_entry(struct gyr_journal_error *to, const struct gyr_journal_error *from)
{
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		uint64_t before = atomic_load_explicit(&from->version, memory_order_acquire);

		memcpy(to, from, sizeof *to);
		/* The file is another process's: nothing but this tells that it moved. */
		if ((before & 1) == 0 &&
		    before == atomic_load_explicit(&from->version, memory_order_acquire))
			break;
	}
	to->site[sizeof to->site - 1] = '\0';
	to->text[sizeof to->text - 1] = '\0';
}

static int latest_first(const void *a, const void *b)
{
	const struct gyr_journal_error *x = a;
	const struct gyr_journal_error *y = b;

	return (x->last_utc_ns < y->last_utc_ns) - (x->last_utc_ns > y->last_utc_ns);
}

int gyr_journal_errors_read(struct gyr_journal_error *entries, unsigned entry_count_max,
			    uint64_t *lost, const char *directory)
{
	const struct gyr_journal_error_file *file;
	struct stat info;
	char path[300];
	unsigned count;
	int fd;

	if (snprintf(path, sizeof path, "%s/errors", directory) >= (int)sizeof path)
		GYR_FAIL(GYR_ERR_USAGE, "the data directory's path is too long");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		GYR_FAIL(GYR_ERR_IO, "no error log at %s (%s): has a server run there?", path,
			 strerror(errno));
	if (fstat(fd, &info) < 0 || info.st_size != (off_t)sizeof *file) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_DATA, "%s is no error log of this build", path);
	}
	file = mmap(NULL, sizeof *file, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (file == MAP_FAILED)
		GYR_FAIL(GYR_ERR_IO, "cannot map %s: %s", path, strerror(errno));
	if (!is_ours(file)) {
		(void)munmap((void *)(uintptr_t)file, sizeof *file);
		GYR_FAIL(GYR_ERR_DATA, "%s is no error log of this build", path);
	}
	count = (unsigned)atomic_load_explicit(&file->entry_count, memory_order_acquire);
	count = count < entry_count_max ? count : entry_count_max;
	for (unsigned i = 0; i < count; i++)
		copy_entry(&entries[i], &file->entries[i]);
	*lost = atomic_load_explicit(&file->lost, memory_order_relaxed);
	(void)munmap((void *)(uintptr_t)file, sizeof *file);
	qsort(entries, count, sizeof entries[0], latest_first);
	return (int)count;
}
