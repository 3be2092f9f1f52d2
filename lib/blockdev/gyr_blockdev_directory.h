/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the drivers over a real directory have in common: the cold half of the block class, with
 * plain system calls. A driver embeds struct gyr_blockdev_directory as its first member and adds
 * the data half. Cold thread only, apart from slot_fd.
 */
#ifndef GYR_BLOCKDEV_DIRECTORY_H
#define GYR_BLOCKDEV_DIRECTORY_H

#include "gyr_blockdev.h"

struct gyr_blockdev_directory {
	struct gyr_blockdev dev;
	int directory_fd;
	int lock_fd; /* -1 when read-only */
	bool read_only;
	bool direct; /* slots are opened with O_DIRECT */
	uint8_t *zeros;
	int slot_fd[GYR_BLOCKDEV_SLOTS]; /* -1: free */
	char path[512];
};

/*
 * Opens and locks. direct_wanted: 0 never O_DIRECT, 1 when the file system takes it, 2 else
 * -GYR_ERR_UNSUPPORTED. -GYR_ERR_LOCKED when another instance has the directory.
 */
GYR_MUST_USE int gyr_blockdev_directory_init(struct gyr_blockdev_directory *directory,
					     const struct gyr_blockdev_config *config,
					     int direct_wanted);
void gyr_blockdev_directory_fini(struct gyr_blockdev_directory *directory);

int gyr_blockdev_directory_list(struct gyr_blockdev *dev, gyr_blockdev_visit *visit, void *user);
int gyr_blockdev_directory_create(struct gyr_blockdev *dev, const char *name);
int gyr_blockdev_directory_file_open(struct gyr_blockdev *dev, const char *name);
void gyr_blockdev_directory_file_close(struct gyr_blockdev *dev, int slot);
int gyr_blockdev_directory_fill(struct gyr_blockdev *dev, int slot, uint64_t offset,
				uint64_t length);
int gyr_blockdev_directory_sync(struct gyr_blockdev *dev, int slot);
int64_t gyr_blockdev_directory_read(struct gyr_blockdev *dev, int slot, void *to, size_t length,
				    uint64_t offset);
int gyr_blockdev_directory_rename(struct gyr_blockdev *dev, const char *from, const char *to);
int gyr_blockdev_directory_remove(struct gyr_blockdev *dev, const char *name);
int gyr_blockdev_directory_sync_directory(struct gyr_blockdev *dev);
int gyr_blockdev_directory_free_bytes(struct gyr_blockdev *dev, uint64_t *out);

#endif
