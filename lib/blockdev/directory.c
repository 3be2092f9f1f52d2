/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_blockdev_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gyr_err.h"

#define ZEROS_LENGTH  (1u << 20)
#define LOCK_TRIES    50
#define LOCK_PAUSE_US 10000

static struct gyr_blockdev_directory *directory_of(struct gyr_blockdev *dev)
{
	return (struct gyr_blockdev_directory *)dev;
}

static enum gyr_err code_of(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return GYR_ERR_DISK_FULL;
	case EACCES:
	case EPERM:
	case EROFS:
		return GYR_ERR_PERMISSION;
	default:
		return GYR_ERR_IO;
	}
}

#define FAIL_ERRNO(what, path, name)                                                               \
	GYR_FAIL(code_of(errno), "cannot %s %s/%s: %s", (what), (path), (name), strerror(errno))

/* Whether files of this directory can be opened with O_DIRECT: tried with the lock file. */
static bool takes_direct(const struct gyr_blockdev_directory *directory)
{
	int fd = openat(directory->directory_fd, GYR_BLOCKDEV_LOCK_NAME,
			O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static int lock(struct gyr_blockdev_directory *directory)
{
	directory->lock_fd = openat(directory->directory_fd, GYR_BLOCKDEV_LOCK_NAME,
				    O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (directory->lock_fd < 0)
		FAIL_ERRNO("open", directory->path, GYR_BLOCKDEV_LOCK_NAME);
	/* A predecessor that was killed keeps the lock until its last write has ended. */
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (flock(directory->lock_fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		if (i + 1 < LOCK_TRIES)
			(void)usleep(LOCK_PAUSE_US);
	}
	if (errno == EWOULDBLOCK)
		GYR_FAIL(GYR_ERR_LOCKED, "another instance holds %s/%s", directory->path,
			 GYR_BLOCKDEV_LOCK_NAME);
	FAIL_ERRNO("lock", directory->path, GYR_BLOCKDEV_LOCK_NAME);
}

static int init(struct gyr_blockdev_directory *directory, const struct gyr_blockdev_config *config,
		int direct_wanted)
{
	directory->directory_fd = open(config->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->directory_fd < 0)
		FAIL_ERRNO("open", config->path, "");
	if (config->read_only)
		return 0;
	GYR_TRY(lock(directory));
	if (direct_wanted != 0)
		directory->direct = takes_direct(directory);
	if (direct_wanted == 2 && !directory->direct)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "the file system of %s does not take O_DIRECT",
			 config->path);
	directory->zeros = aligned_alloc(GYR_BLOCKDEV_UNIT, ZEROS_LENGTH);
	if (directory->zeros == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a page of zeros");
	memset(directory->zeros, 0, ZEROS_LENGTH);
	return 0;
}

int gyr_blockdev_directory_init(struct gyr_blockdev_directory *directory,
				const struct gyr_blockdev_config *config, int direct_wanted)
{
	int error;

	directory->directory_fd = -1;
	directory->lock_fd = -1;
	directory->zeros = NULL;
	directory->direct = false;
	directory->read_only = config->read_only;
	for (unsigned i = 0; i < GYR_BLOCKDEV_SLOTS; i++)
		directory->slot_fd[i] = -1;
	if (config->path == NULL || strlen(config->path) >= sizeof directory->path)
		GYR_FAIL(GYR_ERR_CONFIG, "the data directory's path is missing or too long");
	(void)snprintf(directory->path, sizeof directory->path, "%s", config->path);
	error = init(directory, config, direct_wanted);
	if (error < 0)
		gyr_blockdev_directory_fini(directory);
	return error;
}

void gyr_blockdev_directory_fini(struct gyr_blockdev_directory *directory)
{
	for (int i = 0; i < (int)GYR_BLOCKDEV_SLOTS; i++)
		if (directory->slot_fd[i] >= 0)
			gyr_blockdev_directory_file_close(&directory->dev, i);
	free(directory->zeros);
	directory->zeros = NULL;
	if (directory->directory_fd >= 0)
		(void)close(directory->directory_fd);
	/* Last, and explicitly: the kernel may hold on to the file a little longer. */
	if (directory->lock_fd >= 0) {
		(void)flock(directory->lock_fd, LOCK_UN);
		(void)close(directory->lock_fd);
	}
	directory->directory_fd = -1;
	directory->lock_fd = -1;
}

int gyr_blockdev_directory_list(struct gyr_blockdev *dev, gyr_blockdev_visit *visit, void *user)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);
	int fd = openat(directory->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (stream == NULL)
		FAIL_ERRNO("list", directory->path, "");
	while ((entry = readdir(stream)) != NULL) {
		struct gyr_blockdev_file file;
		struct stat stat;

		if (strlen(entry->d_name) > GYR_BLOCKDEV_NAME_LENGTH_MAX ||
		    fstatat(fd, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(stat.st_mode))
			continue;
		memset(&file, 0, sizeof file);
		memcpy(file.name, entry->d_name, strlen(entry->d_name));
		file.size = (uint64_t)stat.st_size;
		visit(user, &file);
	}
	(void)closedir(stream);
	return 0;
}

static int into_slot(struct gyr_blockdev_directory *directory, const char *name, int flags)
{
	int slot = 0;

	while (slot < (int)GYR_BLOCKDEV_SLOTS && directory->slot_fd[slot] >= 0)
		slot++;
	if (slot == (int)GYR_BLOCKDEV_SLOTS)
		GYR_FAIL(GYR_ERR_LIMIT, "%u files are open in %s", GYR_BLOCKDEV_SLOTS,
			 directory->path);
	flags |= directory->read_only ? O_RDONLY : O_RDWR;
	flags |= directory->direct ? O_DIRECT : 0;
	directory->slot_fd[slot] = openat(directory->directory_fd, name,
					  flags | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (directory->slot_fd[slot] < 0)
		FAIL_ERRNO("open", directory->path, name);
	return slot;
}

int gyr_blockdev_directory_create(struct gyr_blockdev *dev, const char *name)
{
	gyr_assert(!directory_of(dev)->read_only);
	return into_slot(directory_of(dev), name, O_CREAT | O_EXCL);
}

int gyr_blockdev_directory_file_open(struct gyr_blockdev *dev, const char *name)
{
	return into_slot(directory_of(dev), name, 0);
}

void gyr_blockdev_directory_file_close(struct gyr_blockdev *dev, int slot)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	gyr_assert(slot >= 0 && slot < (int)GYR_BLOCKDEV_SLOTS && directory->slot_fd[slot] >= 0);
	(void)close(directory->slot_fd[slot]);
	directory->slot_fd[slot] = -1;
}

int gyr_blockdev_directory_fill(struct gyr_blockdev *dev, int slot, uint64_t offset,
				uint64_t length)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	gyr_assert((offset | length) % GYR_BLOCKDEV_UNIT == 0);
	while (length != 0) {
		size_t part = (size_t)gyr_min_u64(length, ZEROS_LENGTH);
		ssize_t done = pwrite(directory->slot_fd[slot], directory->zeros, part,
				      (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0 || (done > 0 && done % GYR_BLOCKDEV_UNIT != 0))
			errno = ENOSPC;
		if (done <= 0 || done % GYR_BLOCKDEV_UNIT != 0)
			FAIL_ERRNO("fill a file in", directory->path, "");
		offset += (uint64_t)done;
		length -= (uint64_t)done;
	}
	return 0;
}

int gyr_blockdev_directory_sync(struct gyr_blockdev *dev, int slot)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	if (fsync(directory->slot_fd[slot]) != 0)
		FAIL_ERRNO("sync a file in", directory->path, "");
	return 0;
}

int64_t gyr_blockdev_directory_read(struct gyr_blockdev *dev, int slot, void *to, size_t length,
				    uint64_t offset)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);
	size_t total = 0;

	gyr_assert(((uintptr_t)to | length | offset) % GYR_BLOCKDEV_UNIT == 0);
	while (total < length) {
		ssize_t done = pread(directory->slot_fd[slot], (uint8_t *)to + total,
				     length - total, (off_t)(offset + total));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			GYR_FAIL(GYR_ERR_IO, "cannot read in %s at %llu: %s", directory->path,
				 (unsigned long long)(offset + total), strerror(errno));
		if (done == 0)
			break;
		total += (size_t)done;
		if (done % GYR_BLOCKDEV_UNIT != 0)
			break; /* the end of a file that is not whole: O_DIRECT cannot go on */
	}
	return (int64_t)total;
}

int gyr_blockdev_directory_rename(struct gyr_blockdev *dev, const char *from, const char *to)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	gyr_assert(!directory->read_only);
	if (renameat2(directory->directory_fd, from, directory->directory_fd, to,
		      RENAME_NOREPLACE) != 0)
		FAIL_ERRNO("rename", directory->path, from);
	return 0;
}

int gyr_blockdev_directory_remove(struct gyr_blockdev *dev, const char *name)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	gyr_assert(!directory->read_only);
	if (unlinkat(directory->directory_fd, name, 0) != 0)
		FAIL_ERRNO("remove", directory->path, name);
	return 0;
}

int gyr_blockdev_directory_sync_directory(struct gyr_blockdev *dev)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);

	if (fsync(directory->directory_fd) != 0)
		FAIL_ERRNO("sync", directory->path, "");
	return 0;
}

int gyr_blockdev_directory_free_bytes(struct gyr_blockdev *dev, uint64_t *out)
{
	struct gyr_blockdev_directory *directory = directory_of(dev);
	struct statvfs stat;

	if (fstatvfs(directory->directory_fd, &stat) != 0)
		FAIL_ERRNO("query", directory->path, "");
	*out = (uint64_t)stat.f_bavail * stat.f_frsize;
	return 0;
}
