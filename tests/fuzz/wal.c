/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a log's first segment: recovery answers new, a cut, or refuses with a place; and
 * where it gives a cut, the log can be continued there and read again up to there with the same
 * records. Byte 0 of the input: bit 0 repairs the checksums of whatever looks like blocks, so that
 * mutations get behind them; bit 1 moves the segment to the second place, as in a pruned log. The
 * segment's bytes start at byte 8.
 */
#include "gyr_fuzz.h"

#include "gyr_block_sim.h"
#include "gyr_err.h"
#include "gyr_wal.h"

#define SEGMENT (1u << 20)
#define RING	(2u << 20)

static _Alignas(4096) uint8_t buffer[SEGMENT];
static _Alignas(4096) uint8_t ring[RING];
static struct gyr_log the_log;
static struct gyr_wal the_wal;

/* Makes every COMMIT that a walk from a block's start reaches true of its block. */
static void repair(uint8_t *bytes, uint64_t base)
{
	const struct gyr_log_genesis *genesis =
		(const void *)(bytes + sizeof(struct gyr_log_record));
	uint64_t previous = 0;
	struct gyr_log_key key;

	gyr_log_key_init(&key, genesis->secret);
	for (size_t start = 0; start < SEGMENT;) {
		struct gyr_log_record *record = (void *)(bytes + start);
		struct gyr_log_commit *commit;
		uint32_t count = 0;
		size_t at = start;
		size_t end;

		while (gyr_log_record_check(base + at, bytes + at, SEGMENT - at) ==
			       GYR_LOG_FAULT_NONE &&
		       record->kind != GYR_LOG_COMMIT && at - start < GYR_LOG_BLOCK_LENGTH_MAX) {
			at += record->length;
			record = (void *)(bytes + at);
			count++;
		}
		if (gyr_log_record_check(base + at, bytes + at, SEGMENT - at) !=
			    GYR_LOG_FAULT_NONE ||
		    record->kind != GYR_LOG_COMMIT) {
			start += GYR_LOG_BLOCK_UNIT;
			continue;
		}
		end = at + record->length;
		if (end % GYR_LOG_BLOCK_UNIT != 0 || end - start > GYR_LOG_BLOCK_LENGTH_MAX)
			return;
		commit = (void *)(record + 1);
		commit->block_position = base + start;
		commit->block_length = (uint32_t)(end - start);
		commit->record_count = count;
		commit->previous_checksum = previous;
		commit->checksum =
			gyr_log_checksum(&key, bytes + start, end - start,
					 (size_t)((uint8_t *)&commit->checksum - (bytes + start)));
		previous = commit->checksum;
		start = end;
	}
}

struct result {
	struct gyr_wal_end end;
	struct gyr_log_identity identity;
	uint64_t record_count; /* below `limit` */
	uint64_t hash;
	uint64_t limit;
};

static int read_log(struct gyr_blockdev *dev, struct result *result)
{
	const struct gyr_wal_reader_config config = {
		.dev = dev,
		.buffer = buffer,
		.buffer_length = sizeof buffer,
	};
	const struct gyr_log_record *record;
	struct gyr_wal_reader reader;
	char text[512];
	int more = gyr_wal_reader_open(&reader, &config);

	result->record_count = 0;
	result->hash = 0;
	if (more < 0)
		return more;
	while ((more = gyr_wal_reader_next(&reader, &record)) == 1) {
		if (record->position >= result->limit)
			continue;
		result->record_count++;
		/* A record that passed is safe to read as its kind. */
		result->hash = result->hash * 31 +
			       gyr_log_record_json(text, sizeof text, record, true);
	}
	result->end = reader.end;
	result->identity = reader.identity;
	gyr_wal_reader_close(&reader);
	return more;
}

static struct gyr_blockdev *open_disk(struct gyr_block_sim_disk *disk)
{
	const struct gyr_blockdev_config config = { .in_flight_max = 4, .context = disk };
	struct gyr_blockdev *dev = NULL;

	gyr_assert(gyr_block_sim.open(&dev, &config) == 0);
	return dev;
}

/* Goes on where recovery said, and reads everything again. */
static void go_on(struct gyr_block_sim_disk *disk, struct result *before)
{
	const struct gyr_log_config log_config = {
		.ring = ring,
		.ring_size = RING,
		.identity = before->identity,
	};
	struct gyr_wal_config config = { .prepare_ahead = 1 };
	struct gyr_blockdev *dev = open_disk(disk);
	struct result after = { .limit = before->end.position };

	gyr_assert(gyr_log_init(&the_log, &log_config) == 0);
	config.dev = dev;
	config.log = &the_log;
	gyr_assert(gyr_wal_open(&the_wal, &config, &before->end) == 0);
	for (unsigned i = 0; !gyr_wal_drained(&the_wal); i++) {
		gyr_assert(i < 100);
		(void)gyr_wal_poll(&the_wal, 1);
	}
	gyr_assert(gyr_wal_is_serving(&the_wal));
	gyr_wal_close(&the_wal);
	gyr_blockdev_close(dev);
	dev = open_disk(disk);
	gyr_assert(read_log(dev, &after) == 0);
	gyr_blockdev_close(dev);
	gyr_assert(after.record_count == before->record_count && after.hash == before->hash);
	gyr_assert(after.end.position >= before->end.position + GYR_LOG_BLOCK_UNIT);
	gyr_assert(after.end.epoch > before->end.epoch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gyr_block_sim_disk *disk = gyr_block_sim_disk_make(1);
	struct gyr_blockdev *dev;
	struct result result = { .limit = UINT64_MAX };
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t file_size;
	uint64_t base;
	uint8_t *bytes;
	int error;
	int slot;

	if (size < 8 || size > SEGMENT + 8) {
		gyr_block_sim_disk_free(disk);
		return 0;
	}
	base = (data[0] & 2) != 0 ? SEGMENT : 0;
	gyr_wal_segment_name(name, base);
	dev = open_disk(disk);
	slot = gyr_blockdev_create(dev, name);
	gyr_assert(slot >= 0 && gyr_blockdev_fill(dev, slot, 0, SEGMENT) == 0 &&
		   gyr_blockdev_sync(dev, slot) == 0 && gyr_blockdev_sync_directory(dev) == 0);
	bytes = gyr_block_sim_disk_bytes(disk, name, &file_size);
	memcpy(bytes, data + 8, size - 8);
	if ((data[0] & 1) != 0)
		repair(bytes, base);
	error = read_log(dev, &result);
	gyr_blockdev_close(dev);
	gyr_assert(error == 0 || error == -GYR_ERR_LOG_DAMAGED || error == -GYR_ERR_GENESIS);
	gyr_assert(error == 0 || gyr_err_cause()[0] != '\0');
	/* A segment size that is not this file's cannot be gone on with by a file of this size. */
	if (error == 0 && result.end.kind != GYR_WAL_END_NEW && result.end.epoch < UINT32_MAX)
		go_on(disk, &result);
	gyr_err_clear();
	gyr_block_sim_disk_free(disk);
	return 0;
}
