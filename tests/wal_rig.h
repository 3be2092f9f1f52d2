/* SPDX-License-Identifier: Apache-2.0 */
/* A log, its wal and a simulated disk in one hand, for the tests of recovery. */
#ifndef WAL_RIG_H
#define WAL_RIG_H

#include "gyr_test.h"

#include <string.h>

#include "gyr_block_sim.h"
#include "gyr_err.h"
#include "gyr_wal.h"

#define RIG_RING    (2u << 20)
#define RIG_SEGMENT (1u << 20)
#define RIG_BUFFER  (1u << 20)

struct rig {
	struct gyr_block_sim_disk *disk;
	struct gyr_blockdev *dev; /* NULL between lives */
	struct gyr_log *log;
	struct gyr_wal *wal;
	uint8_t *ring;
	uint8_t *buffer;
	struct gyr_log_identity identity;
	struct gyr_wal_end end; /* as the last recovery found it */
	struct gyr_wal_config config;
	uint64_t arrival; /* the last one given out */
	uint64_t now_ns;
};

static inline void rig_init(struct rig *rig, uint64_t seed)
{
	memset(rig, 0, sizeof *rig);
	rig->disk = gyr_block_sim_disk_make(seed);
	rig->log = aligned_alloc(GYR_CACHE_LINE, gyr_round_up(sizeof *rig->log, GYR_CACHE_LINE));
	rig->wal = aligned_alloc(GYR_CACHE_LINE, gyr_round_up(sizeof *rig->wal, GYR_CACHE_LINE));
	rig->ring = aligned_alloc(4096, RIG_RING);
	rig->buffer = aligned_alloc(4096, RIG_BUFFER);
	assert_true(rig->disk != NULL && rig->log != NULL && rig->wal != NULL &&
		    rig->ring != NULL && rig->buffer != NULL);
	memset(rig->ring, 0xe5, RIG_RING);
	rig->identity.segment_size = RIG_SEGMENT;
	rig->identity.chain_id = 77;
	memset(rig->identity.genesis_hash.bytes, 0x61, 32);
	for (unsigned i = 0; i < GYR_LOG_SECRET_LENGTH; i++)
		rig->identity.secret[i] = (uint8_t)(seed >> (i % 8 * 8)) ^ (uint8_t)i;
}

static inline void rig_fini(struct rig *rig)
{
	if (rig->dev != NULL)
		gyr_blockdev_close(rig->dev);
	gyr_block_sim_disk_free(rig->disk);
	free(rig->log);
	free(rig->wal);
	free(rig->ring);
	free(rig->buffer);
}

static inline void rig_open_device(struct rig *rig)
{
	const struct gyr_blockdev_config config = {
		.in_flight_max = 8,
		.context = rig->disk,
	};

	assert_null(rig->dev);
	assert_int_equal(gyr_block_sim.open(&rig->dev, &config), 0);
}

/* Reads the log back; visit may be NULL. Returns what the reader says, closing it. */
static inline int rig_recover(struct rig *rig, uint64_t from, gyr_wal_visit *visit, void *user)
{
	const struct gyr_wal_reader_config config = {
		.dev = rig->dev,
		.buffer = rig->buffer,
		.buffer_length = RIG_BUFFER,
		.from = from,
		.expected = &rig->identity,
	};
	struct gyr_wal_reader reader;
	const struct gyr_log_record *record;
	int error;

	GYR_TRY(gyr_wal_reader_open(&reader, &config));
	while ((error = gyr_wal_reader_next(&reader, &record)) == 1)
		if (visit != NULL)
			assert_int_equal(visit(user, record), 0);
	rig->end = reader.end;
	rig->identity = reader.identity;
	gyr_wal_reader_close(&reader);
	return error;
}

static inline int rig_start(struct rig *rig)
{
	const struct gyr_log_config log_config = {
		.ring = rig->ring,
		.ring_size = RIG_RING,
		.identity = rig->identity,
	};

	assert_int_equal(gyr_log_init(rig->log, &log_config), 0);
	rig->config.dev = rig->dev;
	rig->config.log = rig->log;
	rig->arrival = rig->end.arrival_next - 1;
	return gyr_wal_open(rig->wal, &rig->config, &rig->end);
}

static inline void rig_poll(struct rig *rig)
{
	(void)gyr_wal_poll(rig->wal, ++rig->now_ns);
}

/* Until everything committed is durable or the wal has failed. */
static inline void rig_drain(struct rig *rig)
{
	for (unsigned i = 0; !gyr_wal_drained(rig->wal); i++) {
		assert_true(i < 1000000);
		rig_poll(rig);
		(void)gyr_wal_prepare_poll(rig->wal);
	}
}

/* A whole start that must succeed; serving when it returns. */
static inline void rig_boot(struct rig *rig)
{
	rig_open_device(rig);
	assert_int_equal(rig_recover(rig, 0, NULL, NULL), 0);
	assert_int_equal(rig_start(rig), 0);
	rig_drain(rig);
	assert_true(gyr_wal_is_serving(rig->wal));
}

/* One transaction whose body follows from its arrival number; its position, or UINT64_MAX. */
static inline uint64_t rig_append(struct rig *rig, uint32_t raw_length)
{
	const struct gyr_log_stamp stamp = { .arrival = rig->arrival + 1 };
	struct gyr_log_tx *tx = gyr_log_reserve(rig->log, GYR_LOG_TX,
						(uint32_t)sizeof *tx + raw_length);

	if (tx == NULL)
		return UINT64_MAX;
	rig->arrival++;
	memset(tx, 0, sizeof *tx);
	tx->release_arrival = rig->arrival;
	memset(tx + 1, (int)(rig->arrival * 31 & 255), raw_length);
	return gyr_log_publish(rig->log, &stamp);
}

/* The power goes, or the process is killed. */
static inline void rig_cut(struct rig *rig, bool torn)
{
	gyr_wal_close(rig->wal);
	gyr_block_sim_disk_cut(rig->disk, torn);
	gyr_blockdev_close(rig->dev);
	rig->dev = NULL;
}

/* The medium's bytes of the segment that starts at a position. */
static inline uint8_t *rig_bytes(struct rig *rig, uint64_t position)
{
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t segment = position / RIG_SEGMENT * RIG_SEGMENT;
	uint64_t size;
	uint8_t *bytes;

	gyr_wal_segment_name(name, segment);
	bytes = gyr_block_sim_disk_bytes(rig->disk, name, &size);
	assert_non_null(bytes);
	return bytes + (position - segment);
}

#endif
