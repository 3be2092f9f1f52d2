/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery case by case (the table in gyr_wal_reader.h), and what stops the wal. */
#include "wal_rig.h"

#include "gyr_bytes.h"

/* Appends and makes durable one transaction per block; the position of each block. */
static void write_blocks(struct rig *rig, uint64_t *positions, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		positions[i] = gyr_log_committed(rig->log);
		assert_int_equal(rig_append(rig, 100), positions[i]);
		assert_true(gyr_log_commit(rig->log));
		rig_drain(rig);
	}
}

/* The same without letting any of them know that another is durable. */
static void write_window(struct rig *rig, uint64_t *positions, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		positions[i] = gyr_log_committed(rig->log);
		assert_int_equal(rig_append(rig, 100), positions[i]);
		assert_true(gyr_log_commit(rig->log));
	}
	rig_drain(rig);
}

static int count_tx(void *user, const struct gyr_log_record *record)
{
	unsigned *count = user;

	*count += record->kind == GYR_LOG_TX;
	return 0;
}

/* The next life up to recovery: what it answers, and the transactions read. */
static int reread(struct rig *rig, unsigned *count)
{
	*count = 0;
	rig_cut(rig, false);
	rig_open_device(rig);
	return rig_recover(rig, 0, count_tx, count);
}

static void assert_refused(struct rig *rig, int code, const char *words)
{
	unsigned count;

	assert_int_equal(reread(rig, &count), -code);
	if (strstr(gyr_err_cause(), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", gyr_err_cause(), words);
	gyr_err_clear();
	rig_fini(rig);
}

static void empty_directory_is_a_new_log(void **state)
{
	struct rig rig;
	unsigned count;

	(void)state;
	rig_init(&rig, 1);
	rig_open_device(&rig);
	assert_int_equal(rig_recover(&rig, 0, NULL, NULL), 0);
	assert_int_equal(rig.end.kind, GYR_WAL_END_NEW);
	assert_int_equal(rig.end.arrival_next, 1);
	assert_int_equal(rig_recover(&rig, 4096, NULL, NULL), -GYR_ERR_LOG_DAMAGED);
	assert_int_equal(rig_start(&rig), 0);
	assert_false(gyr_wal_is_serving(rig.wal));
	assert_false(gyr_wal_takes_commit(rig.wal));
	rig_drain(&rig);
	assert_true(gyr_wal_is_serving(rig.wal));
	rig_poll(&rig);
	assert_true(gyr_wal_takes_commit(rig.wal));
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(rig.end.kind, GYR_WAL_END_CLEAN);
	assert_int_equal(rig.end.position, 4096);
	assert_int_equal(rig.end.epoch, 1);
	rig_fini(&rig);
	gyr_err_clear();
}

static void nothing_follows_the_epoch_block_before_it_is_durable(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 1);
	rig_open_device(&rig);
	assert_int_equal(rig_recover(&rig, 0, NULL, NULL), 0);
	gyr_block_sim_disk_faults(rig.disk)->frozen = true;
	assert_int_equal(rig_start(&rig), 0);
	assert_int_equal(rig_append(&rig, 10), 4096);
	assert_true(gyr_log_commit(rig.log));
	for (unsigned i = 0; i < 10; i++)
		rig_poll(&rig);
	assert_int_equal(gyr_block_sim_disk_statistics(rig.disk)->writes_queued, 1);
	gyr_block_sim_disk_faults(rig.disk)->frozen = false;
	rig_drain(&rig);
	assert_int_equal(gyr_block_sim_disk_statistics(rig.disk)->writes_queued, 2);
	rig_fini(&rig);
}

static void torn_first_start_is_a_new_log(void **state)
{
	struct rig rig;
	unsigned count;

	(void)state;
	rig_init(&rig, 1);
	rig_boot(&rig);
	memset(rig_bytes(&rig, 0), 0, 512);
	rig_bytes(&rig, 2048)[0] = 1; /* what was there before */
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(rig.end.kind, GYR_WAL_END_NEW);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(rig.end.epoch, 1);
	rig_fini(&rig);
}

static void damaged_first_block_of_a_log_is_refused(void **state)
{
	struct rig rig;
	uint64_t at[1];

	(void)state;
	rig_init(&rig, 1);
	rig_boot(&rig);
	write_blocks(&rig, at, 1);
	rig_bytes(&rig, 0)[100] ^= 1;
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "log-0000000000000000 at offset 0 ");
}

static void hole_in_the_last_window_is_the_cut(void **state)
{
	struct rig rig;
	uint64_t at[5];
	unsigned count;

	(void)state;
	rig_init(&rig, 2);
	rig.config.write_length_max = 4096;
	rig_boot(&rig);
	write_window(&rig, at, 5);
	memset(rig_bytes(&rig, at[2]), 0, 4096);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(rig.end.position, at[2]);
	assert_int_equal(rig.end.kind, GYR_WAL_END_CLEAN);
	assert_int_equal(rig.end.void_block_count, 2);
	assert_int_equal(rig.end.arrival_next, 3);
	rig_fini(&rig);
}

static void stale_blocks_behind_a_cut_stay_void(void **state)
{
	struct rig rig;
	uint64_t at[6];
	uint64_t again[1];
	unsigned count;

	(void)state;
	rig_init(&rig, 3);
	rig_boot(&rig);
	write_window(&rig, at, 6);
	rig_bytes(&rig, at[1])[600] ^= 1;
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rig.end.kind, GYR_WAL_END_TORN);
	assert_int_equal(rig.end.position, at[1]);
	assert_int_equal(rig.end.void_block_count, 4);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	write_blocks(&rig, again, 1);
	/* The new epoch wrote two blocks: at[3] and on are the old one's, valid and linked. */
	assert_int_equal(again[0], at[2]);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(rig.end.kind, GYR_WAL_END_STALE);
	assert_int_equal(rig.end.position, at[3]);
	assert_int_equal(rig.end.epoch, 2);
	assert_int_equal(rig.end.void_block_count, 0);
	rig_fini(&rig);
}

static void damage_below_a_durable_claim_is_refused(void **state)
{
	struct rig rig;
	uint64_t at[5];

	(void)state;
	rig_init(&rig, 4);
	rig_boot(&rig);
	write_blocks(&rig, at, 5);
	rig_bytes(&rig, at[2])[9] ^= 0x40;
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "log-0000000000000000 at offset 12288 ");
}

static void restated_last_block_is_protected(void **state)
{
	struct rig rig;
	uint64_t at[2];
	unsigned count;

	(void)state;
	rig_init(&rig, 4);
	rig_boot(&rig);
	write_blocks(&rig, at, 2);
	rig_bytes(&rig, at[1])[9] ^= 0x40;
	/* Nothing says yet that it was durable. */
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	write_blocks(&rig, at, 2);
	assert_true(gyr_log_restate(rig.log));
	rig_drain(&rig);
	assert_false(gyr_log_restate(rig.log));
	rig_bytes(&rig, at[1])[9] ^= 0x40;
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "a later block says it was durable");
}

static void rotten_epoch_block_is_refused(void **state)
{
	struct rig rig;
	uint64_t at[3];
	unsigned count;

	(void)state;
	rig_init(&rig, 5);
	rig_boot(&rig);
	write_blocks(&rig, at, 3);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	write_blocks(&rig, at, 1);
	memset(rig_bytes(&rig, at[0] - 4096), 0x11, 512);
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "a later block says it was durable");
}

static void block_that_continues_nothing_is_refused(void **state)
{
	struct rig rig;
	struct rig other;
	uint64_t at[3];
	uint64_t same[3];

	(void)state;
	rig_init(&rig, 6);
	rig_init(&other, 6);
	rig_boot(&rig);
	rig_boot(&other);
	assert_true(rig_append(&other, 20) != UINT64_MAX);
	assert_true(gyr_log_commit(other.log));
	rig_drain(&other);
	write_blocks(&rig, at, 3);
	write_blocks(&other, same, 2);
	/* A block of another history of the same log, from a restored backup for example. */
	memcpy(rig_bytes(&rig, at[2]), rig_bytes(&other, at[2]), 4096);
	rig_fini(&other);
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "does not continue");
}

static void another_log_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rig rig;
		uint64_t at[1];

		rig_init(&rig, 7);
		rig_boot(&rig);
		write_blocks(&rig, at, 1);
		rig.identity.genesis_hash.bytes[31] ^= i == 0;
		rig.identity.chain_id += i == 1;
		rig.identity.fork_hash.bytes[0] ^= i == 2;
		assert_refused(&rig, GYR_ERR_GENESIS,
			       i == 0	? "another genesis"
			       : i == 1 ? "chain 77"
					: "fork schedule");
	}
}

static void newer_format_is_refused(void **state)
{
	struct rig rig;
	struct gyr_log_genesis *genesis;
	struct gyr_log_commit *commit;
	uint8_t *block;

	(void)state;
	rig_init(&rig, 8);
	rig_boot(&rig);
	block = rig_bytes(&rig, 0);
	genesis = (void *)(block + sizeof(struct gyr_log_record));
	genesis->format_version++;
	commit = (void *)(block + sizeof(struct gyr_log_record) * 3 + sizeof *genesis +
			  sizeof(struct gyr_log_epoch));
	commit->checksum = gyr_log_checksum(&rig.log->key, block, 4096,
					    (size_t)((uint8_t *)&commit->checksum - block));
	assert_refused(&rig, GYR_ERR_GENESIS, "format version 2");
}

static void unreadable_disk_is_an_error(void **state)
{
	struct rig rig;
	uint64_t at[1];
	unsigned count;

	(void)state;
	rig_init(&rig, 9);
	rig_boot(&rig);
	write_blocks(&rig, at, 1);
	gyr_block_sim_disk_faults(rig.disk)->fail_read_one_in = 1;
	assert_int_equal(reread(&rig, &count), -GYR_ERR_IO);
	gyr_err_clear();
	rig_fini(&rig);
}

/* Writes until the log has reached a position; big records, so that segments pass quickly. */
static void write_until(struct rig *rig, uint64_t position)
{
	while (gyr_log_published(rig->log) < position) {
		if (rig_append(rig, 60000) == UINT64_MAX) {
			(void)gyr_log_commit(rig->log);
			rig_drain(rig);
			continue;
		}
		if (rig->arrival % 3 == 0)
			(void)gyr_log_commit(rig->log);
		rig_poll(rig);
		(void)gyr_wal_prepare_poll(rig->wal);
	}
	(void)gyr_log_commit(rig->log);
	rig_drain(rig);
}

static void missing_segment_is_refused(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, 10);
	rig_boot(&rig);
	write_until(&rig, 3 * RIG_SEGMENT + 100000);
	assert_int_equal(gyr_blockdev_remove(rig.dev, "log-0000000000100000"), 0);
	assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "log-0000000000100000 at offset 0 ");
}

static void flush_error_stops_for_good(void **state)
{
	struct rig rig;
	uint64_t at[2];
	uint64_t durable;
	unsigned count;

	(void)state;
	rig_init(&rig, 11);
	rig.config.write_length_max = 4096;
	rig_boot(&rig);
	write_blocks(&rig, at, 1);
	durable = gyr_log_durable(rig.log);
	gyr_block_sim_disk_faults(rig.disk)->fail_write_number = 4;
	for (unsigned i = 0; i < 6; i++) {
		assert_true(rig_append(&rig, 50) != UINT64_MAX);
		assert_true(gyr_log_commit(rig.log));
	}
	for (unsigned i = 0; i < 20; i++)
		rig_poll(&rig);
	assert_int_equal(gyr_wal_status(rig.wal), -GYR_ERR_FLUSH);
	assert_false(gyr_wal_takes_commit(rig.wal));
	assert_false(gyr_wal_is_serving(rig.wal));
	assert_true(gyr_log_durable(rig.log) <= durable + 2 * 4096);
	durable = gyr_log_durable(rig.log);
	count = (unsigned)gyr_block_sim_disk_statistics(rig.disk)->writes_queued;
	for (unsigned i = 0; i < 20; i++) {
		rig_poll(&rig);
		assert_false(gyr_wal_prepare_poll(rig.wal));
	}
	assert_int_equal(gyr_log_durable(rig.log), durable);
	assert_int_equal(gyr_block_sim_disk_statistics(rig.disk)->writes_queued, count);
	assert_int_equal(gyr_wal_explain(rig.wal), -GYR_ERR_FLUSH);
	assert_non_null(strstr(gyr_err_cause(), "Input/output error"));
	assert_int_equal(reread(&rig, &count), 0);
	assert_true(rig.end.position >= durable);
	gyr_err_clear();
	rig_fini(&rig);
}

static void full_disk_stops_and_loses_nothing(void **state)
{
	struct rig rig;
	uint64_t at[3];
	unsigned count;

	(void)state;
	rig_init(&rig, 12);
	rig_open_device(&rig);
	assert_int_equal(rig_recover(&rig, 0, NULL, NULL), 0);
	gyr_block_sim_disk_faults(rig.disk)->capacity = RIG_SEGMENT / 2;
	assert_int_equal(rig_start(&rig), -GYR_ERR_DISK_FULL);
	rig_fini(&rig);
	rig_init(&rig, 12);
	gyr_block_sim_disk_faults(rig.disk)->capacity = RIG_SEGMENT + 5000;
	rig_open_device(&rig);
	assert_int_equal(rig_recover(&rig, 0, NULL, NULL), 0);
	assert_int_equal(rig_start(&rig), 0);
	while (gyr_log_durable(rig.log) == 0)
		rig_poll(&rig);
	for (unsigned i = 0; i < 3; i++) {
		at[i] = rig_append(&rig, 100);
		assert_true(gyr_log_commit(rig.log));
		rig_poll(&rig);
		rig_poll(&rig);
	}
	assert_int_equal(gyr_log_durable(rig.log), at[2] + 4096);
	while (gyr_wal_prepare_poll(rig.wal))
		;
	assert_int_equal(gyr_wal_status(rig.wal), -GYR_ERR_DISK_FULL);
	assert_int_equal(gyr_wal_explain(rig.wal), -GYR_ERR_DISK_FULL);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 3);
	gyr_err_clear();
	rig_fini(&rig);
}

static void segments_are_recycled_and_pruned(void **state)
{
	struct rig rig;
	unsigned count;
	int consumer;
	uint64_t checkpoint;

	(void)state;
	rig_init(&rig, 13);
	rig.config.retention_bytes = 2 * RIG_SEGMENT;
	rig_boot(&rig);
	write_until(&rig, 6 * RIG_SEGMENT);
	/* Nobody said that anything may go. */
	assert_int_equal(rig.wal->recycled_count + rig.wal->removed_count, 0);
	consumer = gyr_wal_consumer_add(rig.wal, 0);
	assert_int_equal(consumer, 0);
	write_until(&rig, 8 * RIG_SEGMENT);
	assert_int_equal(rig.wal->recycled_count + rig.wal->removed_count, 0);
	gyr_wal_consumer_set(rig.wal, 0, 7 * RIG_SEGMENT);
	while (gyr_wal_prepare_poll(rig.wal))
		;
	assert_true(rig.wal->removed_count > 0);
	write_until(&rig, 10 * RIG_SEGMENT);
	assert_true(rig.wal->recycled_count > 0);
	checkpoint = rig_append(&rig, 10);
	assert_true(gyr_log_commit(rig.log));
	gyr_wal_consumer_set(rig.wal, 0, checkpoint);
	for (unsigned i = 0; i < 40; i++) {
		write_until(&rig, gyr_log_published(rig.log) + RIG_SEGMENT / 2);
		gyr_wal_consumer_set(rig.wal, 0, gyr_log_durable(rig.log));
	}
	while (gyr_wal_prepare_poll(rig.wal))
		;
	/* Retention, spares, the current one and those ahead. */
	assert_true(rig.wal->segment_oldest * RIG_SEGMENT + 7 * RIG_SEGMENT >
		    gyr_log_durable(rig.log));
	checkpoint = gyr_log_durable(rig.log);
	rig_cut(&rig, true);
	rig_open_device(&rig);
	count = 0;
	assert_int_equal(rig_recover(&rig, 0, count_tx, &count), 0);
	assert_true(count > 0);
	assert_int_equal(rig.end.position, checkpoint);
	/* From a checkpoint: only what lies behind. */
	count = 0;
	assert_int_equal(rig_recover(&rig, checkpoint, count_tx, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(rig.end.position, checkpoint);
	/* A checkpoint that was pruned away, or that lies beyond the log. */
	assert_int_equal(rig_recover(&rig, 4096, NULL, NULL), -GYR_ERR_LOG_DAMAGED);
	assert_int_equal(rig_recover(&rig, checkpoint + 4096, NULL, NULL), -GYR_ERR_LOG_DAMAGED);
	gyr_err_clear();
	rig_fini(&rig);
}

static void log_that_ends_with_its_segment_goes_on(void **state)
{
	struct rig rig;
	uint64_t at[1];
	unsigned count;

	(void)state;
	rig_init(&rig, 14);
	rig_boot(&rig);
	while (gyr_log_committed(rig.log) < RIG_SEGMENT)
		write_blocks(&rig, at, 1);
	assert_int_equal(gyr_log_committed(rig.log), RIG_SEGMENT);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 255);
	assert_int_equal(rig.end.position, RIG_SEGMENT);
	assert_int_equal(rig_recover(&rig, RIG_SEGMENT, NULL, NULL), 0);
	assert_int_equal(rig.end.position, RIG_SEGMENT);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	write_blocks(&rig, at, 1);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(count, 256);
	assert_int_equal(rig.end.epoch, 2);
	rig_fini(&rig);
}

/* A client's calldata that is a block image: it must not count as a claim. */
static void forged_block_in_calldata_is_no_claim(void **state)
{
	(void)state;
	for (unsigned guessed = 0; guessed < 2; guessed++) {
		struct rig rig;
		struct rig forger;
		uint64_t hole[1];
		uint64_t at;
		uint64_t target;
		uint64_t unused[1];
		uint8_t *raw;
		unsigned count;

		rig_init(&rig, 15);
		rig_init(&forger, 15 + (guessed == 0)); /* another secret, or the true one */
		rig_boot(&rig);
		rig_boot(&forger);
		hole[0] = rig_append(&rig, 100);
		assert_true(gyr_log_commit(rig.log));
		at = gyr_log_committed(rig.log);
		target = at + 8192;
		while (gyr_log_committed(forger.log) <= target)
			write_blocks(&forger, unused, 1);
		assert_int_equal(rig_append(&rig, 20000), at);
		raw = gyr_log_at(rig.log, at) + sizeof(struct gyr_log_record) +
		      sizeof(struct gyr_log_tx);
		memcpy(raw + (target - at - 104), gyr_log_at(forger.log, target), 4096);
		assert_true(gyr_log_commit(rig.log));
		rig_drain(&rig);
		rig_bytes(&rig, hole[0])[77] ^= 1;
		rig_bytes(&rig, at)[8] ^= 1; /* torn, else the search steps over it */
		rig_fini(&forger);
		if (guessed == 0) {
			assert_int_equal(reread(&rig, &count), 0);
			assert_int_equal(rig.end.position, hole[0]);
			rig_fini(&rig);
		} else {
			/* This is what a public checksum would let a client do. */
			assert_refused(&rig, GYR_ERR_LOG_DAMAGED, "says it was durable");
		}
	}
}

static void put_reject(struct rig *rig)
{
	struct gyr_log_reject *reject = gyr_log_reserve(rig->log, GYR_LOG_REJECT, sizeof *reject);

	assert_non_null(reject);
	memset(reject, 0, sizeof *reject);
	reject->verdict = 65;
	(void)gyr_log_publish(rig->log, &(struct gyr_log_stamp){ .arrival = ++rig->arrival });
}

static void verify_reports(void **state)
{
	struct rig rig;
	struct gyr_wal_report report;
	struct gyr_wal_reader_config config;
	char text[4096];
	uint64_t at[3];
	unsigned count;

	(void)state;
	rig_init(&rig, 16);
	rig_boot(&rig);
	write_blocks(&rig, at, 3);
	put_reject(&rig);
	put_reject(&rig);
	assert_true(gyr_log_commit(rig.log));
	rig.arrival += 2; /* two that were never disposed of before the end */
	assert_int_equal(rig_append(&rig, 7), at[2] + 8192);
	assert_true(gyr_log_commit(rig.log));
	rig_drain(&rig);
	assert_int_equal(reread(&rig, &count), 0);
	assert_int_equal(rig_start(&rig), 0);
	rig_drain(&rig);
	write_blocks(&rig, at, 1);
	config = (struct gyr_wal_reader_config){
		.dev = rig.dev,
		.buffer = rig.buffer,
		.buffer_length = RIG_BUFFER,
	};
	count = 0;
	assert_int_equal(gyr_wal_verify(&report, &config, count_tx, &count), 0);
	assert_int_equal(report.error, 0);
	assert_int_equal(count, 5);
	assert_int_equal(report.record_count[GYR_LOG_TX], 5);
	assert_int_equal(report.record_count[GYR_LOG_REJECT], 2);
	assert_int_equal(report.record_count[GYR_LOG_EPOCH], 2);
	assert_int_equal(report.block_count, 8);
	assert_int_equal(report.byte_count, 8 * 4096);
	assert_int_equal(report.epochs[1].cut, 6 * 4096);
	assert_int_equal(report.arrival_first, 1);
	assert_int_equal(report.arrival_last, 9);
	assert_int_equal(report.arrival_repeated, 0);
	assert_int_equal(report.arrival_missing, 0);
	assert_int_equal(report.arrival_void, 2);
	assert_int_equal(report.unstated_byte_count, 4096);
	assert_true(gyr_wal_report_json(text, sizeof text, &report) < sizeof text);
	assert_non_null(strstr(text, "{\"ok\":true"));
	assert_non_null(strstr(text, "\"tx\":{\"count\":5,"));
	rig_bytes(&rig, 4096)[8] ^= 1;
	assert_int_equal(gyr_wal_verify(&report, &config, NULL, NULL), 0);
	assert_int_equal(report.error, -GYR_ERR_LOG_DAMAGED);
	assert_int_equal(report.end.position, 4096);
	assert_true(gyr_wal_report_json(text, sizeof text, &report) < sizeof text);
	assert_non_null(strstr(text, "{\"ok\":false,\"code\":\"log-damaged\",\"cause\":\"log-"));
	gyr_err_clear();
	rig_fini(&rig);
}

static void repeated_arrival_is_reported(void **state)
{
	struct rig rig;
	struct gyr_wal_report report;
	struct gyr_wal_reader_config config = { .buffer_length = RIG_BUFFER };

	(void)state;
	rig_init(&rig, 17);
	rig_boot(&rig);
	put_reject(&rig);
	rig.arrival--;
	put_reject(&rig);
	assert_true(gyr_log_commit(rig.log));
	rig_drain(&rig);
	config.dev = rig.dev;
	config.buffer = rig.buffer;
	assert_int_equal(gyr_wal_verify(&report, &config, NULL, NULL), 0);
	assert_int_equal(report.arrival_repeated, 1);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_directory_is_a_new_log),
		cmocka_unit_test(nothing_follows_the_epoch_block_before_it_is_durable),
		cmocka_unit_test(torn_first_start_is_a_new_log),
		cmocka_unit_test(damaged_first_block_of_a_log_is_refused),
		cmocka_unit_test(hole_in_the_last_window_is_the_cut),
		cmocka_unit_test(stale_blocks_behind_a_cut_stay_void),
		cmocka_unit_test(damage_below_a_durable_claim_is_refused),
		cmocka_unit_test(restated_last_block_is_protected),
		cmocka_unit_test(rotten_epoch_block_is_refused),
		cmocka_unit_test(block_that_continues_nothing_is_refused),
		cmocka_unit_test(another_log_is_refused),
		cmocka_unit_test(newer_format_is_refused),
		cmocka_unit_test(unreadable_disk_is_an_error),
		cmocka_unit_test(missing_segment_is_refused),
		cmocka_unit_test(flush_error_stops_for_good),
		cmocka_unit_test(full_disk_stops_and_loses_nothing),
		cmocka_unit_test(segments_are_recycled_and_pruned),
		cmocka_unit_test(log_that_ends_with_its_segment_goes_on),
		cmocka_unit_test(forged_block_in_calldata_is_no_claim),
		cmocka_unit_test(verify_reports),
		cmocka_unit_test(repeated_arrival_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
