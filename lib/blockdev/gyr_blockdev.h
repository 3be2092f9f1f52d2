/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block class: a directory of preallocated files that take durable writes in any order. One
 * instance owns a directory (a lock file); tools open it read-only beside it.
 *
 * Two threads may use one device at the same time: the data lane (queue, submit, poll, detach: no
 * call blocks on the disk, allocates or locks, unless the driver says otherwise), and one cold
 * thread (everything else: blocks as long as the disk does). They meet in file slots: the cold
 * thread opens a file into a slot and tells the data lane; when the data lane has detached it, the
 * cold thread closes it.
 *
 * A write is durable when its completion says so: every driver sends it with its flush flag, and a
 * completion with all its bytes means that they survive a power loss. Offsets, lengths and
 * addresses are multiples of GYR_BLOCKDEV_UNIT; a file never grows by a queued write. A completion
 * with fewer bytes means that these are durable and the rest was not written; a negative one that
 * nothing is known: it must never be tried again.
 *
 * Limits: GYR_BLOCKDEV_SLOTS open files, GYR_BLOCKDEV_IN_FLIGHT_MAX writes in flight; queue answers
 * false when they are used up.
 */
#ifndef GYR_BLOCKDEV_H
#define GYR_BLOCKDEV_H

#include "gyr_base.h"

#define GYR_BLOCKDEV_UNIT	     4096u
#define GYR_BLOCKDEV_SLOTS	     16u
#define GYR_BLOCKDEV_IN_FLIGHT_MAX   64u
#define GYR_BLOCKDEV_NAME_LENGTH_MAX 63u
#define GYR_BLOCKDEV_LOCK_NAME	     "lock"

struct gyr_blockdev_config {
	const char *path;	/* the directory; exists */
	const uint8_t *buffer;	/* all queued writes come from here (the log ring); may be NULL */
	uint64_t buffer_length; /* a driver may register it with the kernel */
	uint32_t in_flight_max; /* 1..GYR_BLOCKDEV_IN_FLIGHT_MAX */
	uint32_t helper_count;	/* pwrite: threads that write; 0: the calling one does */
	bool read_only;		/* no lock; create, fill, rename, remove and queue fail */
	bool want_event;	/* wait_fd becomes readable on completions: for parked lanes */
	void *context;		/* sim: its disk */
};

struct gyr_blockdev_completion {
	uint64_t tag;
	int32_t result; /* durable bytes, or a negative errno */
};

struct gyr_blockdev_file {
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t size;
};

struct gyr_blockdev;

typedef void gyr_blockdev_visit(void *user, const struct gyr_blockdev_file *file);

/* Contract of each: the function of the same name below. */
struct gyr_blockdev_ops {
	const char *name;
	/* The system calls of queue, submit, poll and detach, ended by -1; NULL for none. */
	const int *calls;
	int (*open)(struct gyr_blockdev **out, const struct gyr_blockdev_config *config);
	void (*close)(struct gyr_blockdev *dev);

	int (*list)(struct gyr_blockdev *dev, gyr_blockdev_visit *visit, void *user);
	int (*create)(struct gyr_blockdev *dev, const char *name);
	int (*file_open)(struct gyr_blockdev *dev, const char *name);
	void (*file_close)(struct gyr_blockdev *dev, int slot);
	int (*fill)(struct gyr_blockdev *dev, int slot, uint64_t offset, uint64_t length);
	int (*sync)(struct gyr_blockdev *dev, int slot);
	int64_t (*read)(struct gyr_blockdev *dev, int slot, void *to, size_t length,
			uint64_t offset);
	int (*rename)(struct gyr_blockdev *dev, const char *from, const char *to);
	int (*remove)(struct gyr_blockdev *dev, const char *name);
	int (*sync_directory)(struct gyr_blockdev *dev);
	int (*free_bytes)(struct gyr_blockdev *dev, uint64_t *out);
	const char *(*describe)(struct gyr_blockdev *dev);

	bool (*queue)(struct gyr_blockdev *dev, int slot, const void *from, uint32_t length,
		      uint64_t offset, uint64_t tag);
	void (*submit)(struct gyr_blockdev *dev);
	unsigned (*poll)(struct gyr_blockdev *dev, struct gyr_blockdev_completion *out,
			 unsigned count_max);
	void (*detach)(struct gyr_blockdev *dev, int slot);
	int (*wait_fd)(struct gyr_blockdev *dev);
};

/* The first member of every driver's device. */
struct gyr_blockdev {
	const struct gyr_blockdev_ops *ops;
};

/*
 * Opens with the first driver of the list that can; `reasons` (size bytes, may be NULL) says for
 * each one before it why it cannot. Only GYR_ERR_UNSUPPORTED goes on to the next; a locked
 * directory does not.
 */
GYR_MUST_USE int gyr_blockdev_open(struct gyr_blockdev **out, char *reasons, size_t size,
				   const struct gyr_blockdev_ops *const *drivers, unsigned count,
				   const struct gyr_blockdev_config *config);

/* Waits for what is in flight, closes every slot, gives up the lock. */
static inline void gyr_blockdev_close(struct gyr_blockdev *dev)
{
	dev->ops->close(dev);
}

/* Visits every regular file in no order. */
GYR_MUST_USE static inline int gyr_blockdev_list(struct gyr_blockdev *dev,
						 gyr_blockdev_visit *visit, void *user)
{
	return dev->ops->list(dev, visit, user);
}

/* A new, empty file; its slot, or an error (a file of that name included). */
GYR_MUST_USE static inline int gyr_blockdev_create(struct gyr_blockdev *dev, const char *name)
{
	return dev->ops->create(dev, name);
}

/* An existing file; its slot, or an error. */
GYR_MUST_USE static inline int gyr_blockdev_file_open(struct gyr_blockdev *dev, const char *name)
{
	return dev->ops->file_open(dev, name);
}

static inline void gyr_blockdev_file_close(struct gyr_blockdev *dev, int slot)
{
	dev->ops->file_close(dev, slot);
}

/* Writes zeros, growing the file; durable only after sync. -GYR_ERR_DISK_FULL when there is no
 * room. */
GYR_MUST_USE static inline int gyr_blockdev_fill(struct gyr_blockdev *dev, int slot,
						 uint64_t offset, uint64_t length)
{
	return dev->ops->fill(dev, slot, offset, length);
}

/* Everything filled, and the file's size, is durable. */
GYR_MUST_USE static inline int gyr_blockdev_sync(struct gyr_blockdev *dev, int slot)
{
	return dev->ops->sync(dev, slot);
}

/* Bytes read, fewer only at the file's end, or an error. */
GYR_MUST_USE static inline int64_t gyr_blockdev_read(struct gyr_blockdev *dev, int slot, void *to,
						     size_t length, uint64_t offset)
{
	return dev->ops->read(dev, slot, to, length, offset);
}

/* Replaces nothing: the name `to` is free. Durable after sync_directory, as remove and create. */
GYR_MUST_USE static inline int gyr_blockdev_rename(struct gyr_blockdev *dev, const char *from,
						   const char *to)
{
	return dev->ops->rename(dev, from, to);
}

GYR_MUST_USE static inline int gyr_blockdev_remove(struct gyr_blockdev *dev, const char *name)
{
	return dev->ops->remove(dev, name);
}

GYR_MUST_USE static inline int gyr_blockdev_sync_directory(struct gyr_blockdev *dev)
{
	return dev->ops->sync_directory(dev);
}

/* What may still be written here, in bytes. */
GYR_MUST_USE static inline int gyr_blockdev_free_bytes(struct gyr_blockdev *dev, uint64_t *out)
{
	return dev->ops->free_bytes(dev, out);
}

/* How the driver writes, for people: "io_uring, O_DIRECT, …". */
static inline const char *gyr_blockdev_describe(struct gyr_blockdev *dev)
{
	return dev->ops->describe(dev);
}

/* Takes a write over, to be sent by submit at the latest; its bytes stay until it completes. */
static inline bool gyr_blockdev_queue(struct gyr_blockdev *dev, int slot, const void *from,
				      uint32_t length, uint64_t offset, uint64_t tag)
{
	gyr_assert(((uintptr_t)from | length | offset) % GYR_BLOCKDEV_UNIT == 0 && length != 0);
	return dev->ops->queue(dev, slot, from, length, offset, tag);
}

static inline void gyr_blockdev_submit(struct gyr_blockdev *dev)
{
	dev->ops->submit(dev);
}

/* Completions so far, in any order. */
static inline unsigned gyr_blockdev_poll(struct gyr_blockdev *dev,
					 struct gyr_blockdev_completion *out, unsigned count_max)
{
	return dev->ops->poll(dev, out, count_max);
}

/* The data lane will not write to this slot any more; none of its writes is in flight. */
static inline void gyr_blockdev_detach(struct gyr_blockdev *dev, int slot)
{
	dev->ops->detach(dev, slot);
}

/* A descriptor that polls readable when there are completions; -1 when not asked for. */
static inline int gyr_blockdev_wait_fd(struct gyr_blockdev *dev)
{
	return dev->ops->wait_fd(dev);
}

#endif
