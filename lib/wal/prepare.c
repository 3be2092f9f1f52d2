/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cold half of the wal. Segments are numbered by position / size: [oldest, closed) are on disk
 * only, [closed, ready) are open in slots, and `ready` is the next to be prepared: found on disk,
 * else the oldest one that nobody needs, renamed (its old blocks name other positions), else a new
 * file, zero-written, synced and only then given its name.
 */
#include <errno.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_wal.h"
#include "wal_segment.h"
#include "wal_state.h"

#define FILL_STEP (1u << 20)

#define NAME_SIZE (GYR_BLOCKDEV_NAME_LENGTH_MAX + 1)

static uint64_t ready_of(const struct gyr_wal *wal)
{
	/* Relaxed: the cold lane alone stores it. */
	return atomic_load_explicit(&wal->segment_ready, memory_order_relaxed);
}

static uint64_t current_of(const struct gyr_wal *wal)
{
	/* Acquire: pairs with the data lane's release; lower segments are detached. */
	return atomic_load_explicit(&wal->segment_current, memory_order_acquire);
}

/* Below this position nobody needs the log. */
static uint64_t prune_bound(const struct gyr_wal *wal)
{
	uint64_t durable = gyr_log_durable(wal->log);
	uint64_t bound = durable > wal->retention_bytes ? durable - wal->retention_bytes : 0;

	if (wal->consumer_count == 0)
		return 0;
	for (uint32_t i = 0; i < wal->consumer_count; i++)
		/* Acquire: pairs with the consumer's release; it is done with what lies below. */
		bound = gyr_min_u64(bound,
				    atomic_load_explicit(&wal->consumers[i], memory_order_acquire));
	return bound;
}

/* Whole segments that may go. The one behind them has a durable block: a log is never without. */
static uint64_t prunable_count(const struct gyr_wal *wal)
{
	uint64_t bound = gyr_min_u64(prune_bound(wal), gyr_log_durable(wal->log) - 1);
	uint64_t end = gyr_min_u64(bound / wal->segment_size, wal->segment_closed);

	return end > wal->segment_oldest ? end - wal->segment_oldest : 0;
}

static void publish(struct gyr_wal *wal, int slot)
{
	uint64_t segment = ready_of(wal);

	*wal_slot(wal, segment) = slot;
	wal->prepared_count++;
	/* Release: the slot before the number that makes it the data lane's. */
	atomic_store_explicit(&wal->segment_ready, segment + 1, memory_order_release);
}

/* The segment's file, if it has one already: 1, 0 or an error. */
static int take_existing(struct gyr_wal *wal, const char *name)
{
	uint64_t size;
	int found = wal_segment_find(wal->dev, name, &size);
	int slot;

	if (found <= 0)
		return found;
	if (size != wal->segment_size)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED, "%s has %llu bytes instead of %llu", name,
			 (unsigned long long)size, (unsigned long long)wal->segment_size);
	slot = gyr_blockdev_file_open(wal->dev, name);
	if (slot < 0)
		return slot;
	publish(wal, slot);
	return 1;
}

static int recycle(struct gyr_wal *wal, const char *name)
{
	char old[NAME_SIZE];

	gyr_wal_segment_name(old, wal->segment_oldest * wal->segment_size);
	GYR_TRY(gyr_blockdev_rename(wal->dev, old, name));
	wal->segment_oldest++;
	GYR_TRY(gyr_blockdev_sync_directory(wal->dev));
	wal->recycled_count++;
	return take_existing(wal, name) == 1 ? 0 : -GYR_ERR_IO;
}

static int start_fill(struct gyr_wal *wal, uint64_t position)
{
	uint64_t free_bytes;
	char name[NAME_SIZE];
	int slot;

	GYR_TRY(gyr_blockdev_free_bytes(wal->dev, &free_bytes));
	if (free_bytes < wal->segment_size)
		GYR_FAIL(GYR_ERR_DISK_FULL, "%llu bytes are free, a log segment takes %llu",
			 (unsigned long long)free_bytes, (unsigned long long)wal->segment_size);
	wal_segment_name_new(name, position);
	slot = gyr_blockdev_create(wal->dev, name);
	if (slot < 0)
		return slot;
	wal->fill_slot = slot;
	wal->fill_offset = 0;
	return 0;
}

static int step_fill(struct gyr_wal *wal, uint64_t position, const char *name)
{
	uint64_t length = gyr_min_u64(FILL_STEP, wal->segment_size - wal->fill_offset);
	char filled[NAME_SIZE];
	int slot = wal->fill_slot;

	if (length != 0) {
		GYR_TRY(gyr_blockdev_fill(wal->dev, slot, wal->fill_offset, length));
		wal->fill_offset += length;
		return 0;
	}
	GYR_TRY(gyr_blockdev_sync(wal->dev, slot));
	wal_segment_name_new(filled, position);
	GYR_TRY(gyr_blockdev_rename(wal->dev, filled, name));
	GYR_TRY(gyr_blockdev_sync_directory(wal->dev));
	wal->fill_slot = -1;
	publish(wal, slot);
	return 0;
}

/* One step towards the next segment. */
static int prepare(struct gyr_wal *wal)
{
	uint64_t position = ready_of(wal) * wal->segment_size;
	char name[NAME_SIZE];
	int found;

	gyr_wal_segment_name(name, position);
	if (wal->fill_slot >= 0)
		return step_fill(wal, position, name);
	found = take_existing(wal, name);
	if (found != 0)
		return found < 0 ? found : 0;
	if (prunable_count(wal) != 0)
		return recycle(wal, name);
	return start_fill(wal, position);
}

static int remove_oldest(struct gyr_wal *wal)
{
	char name[NAME_SIZE];

	gyr_wal_segment_name(name, wal->segment_oldest * wal->segment_size);
	GYR_TRY(gyr_blockdev_remove(wal->dev, name));
	wal->segment_oldest++;
	wal->removed_count++;
	return gyr_blockdev_sync_directory(wal->dev);
}

bool gyr_wal_prepare_poll(struct gyr_wal *wal)
{
	uint64_t current = current_of(wal);
	int error;

	if (gyr_wal_status(wal) != 0)
		return false;
	if (wal->segment_closed < current) {
		gyr_blockdev_file_close(wal->dev, *wal_slot(wal, wal->segment_closed));
		wal->segment_closed++;
		return true;
	}
	if (ready_of(wal) < current + 1 + wal->prepare_ahead)
		error = prepare(wal);
	else if (prunable_count(wal) > wal->spare_count_max)
		error = remove_oldest(wal);
	else
		return false;
	if (error < 0) {
		int code = error == -GYR_ERR_DISK_FULL ? -GYR_ERR_DISK_FULL : -GYR_ERR_IO;

		wal_fail(wal, code, code == -GYR_ERR_DISK_FULL ? ENOSPC : EIO,
			 ready_of(wal) * wal->segment_size);
	}
	return true;
}

struct survey {
	uint64_t oldest;
	uint64_t unfinished; /* position of a segment whose filling was cut off */
	bool any;
	bool has_unfinished;
};

static void survey_file(void *user, const struct gyr_blockdev_file *file)
{
	struct survey *survey = user;
	uint64_t position;

	if (wal_segment_parse(file->name, &position)) {
		survey->oldest = survey->any ? gyr_min_u64(survey->oldest, position) : position;
		survey->any = true;
	} else if (wal_segment_parse_new(file->name, &position)) {
		survey->unfinished = position;
		survey->has_unfinished = true;
	}
}

/* What an earlier instance did not finish goes; finds the oldest segment. */
static int tidy(struct gyr_wal *wal, uint64_t current)
{
	for (;;) {
		struct survey survey = { 0 };
		char name[NAME_SIZE];

		GYR_TRY(gyr_blockdev_list(wal->dev, survey_file, &survey));
		wal->segment_oldest = survey.any ? survey.oldest / wal->segment_size : current;
		if (!survey.has_unfinished)
			return gyr_blockdev_sync_directory(wal->dev);
		wal_segment_name_new(name, survey.unfinished);
		GYR_TRY(gyr_blockdev_remove(wal->dev, name));
	}
}

int wal_prepare_init(struct gyr_wal *wal, const struct gyr_wal_end *end)
{
	uint64_t current = end->position / wal->segment_size;

	GYR_TRY(tidy(wal, current));
	wal->segment_closed = current;
	/* Relaxed: no other thread runs yet. */
	atomic_store_explicit(&wal->segment_ready, current, memory_order_relaxed);
	while (ready_of(wal) <= current)
		GYR_TRY(prepare(wal));
	/* What recovery read at the end of the log may have been in flight when the last instance
	 * was killed: it is about to be built upon. */
	return gyr_blockdev_sync(wal->dev, *wal_slot(wal, current));
}

void gyr_wal_close(struct gyr_wal *wal)
{
	if (wal->fill_slot >= 0)
		gyr_blockdev_file_close(wal->dev, wal->fill_slot);
	wal->fill_slot = -1;
}
