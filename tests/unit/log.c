/* SPDX-License-Identifier: Apache-2.0 */
/* The log's format (golden bytes: it is frozen) and its ring (edges, fill, back-pressure). */
#include "gyr_test.h"

#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_log.h"

#define RING	(2u << 20)
#define SEGMENT (1u << 20)

#define GOLDEN_FIRST  UINT64_C(0xa9ee6c425cee852)
#define GOLDEN_SECOND UINT64_C(0xd5f1b403e135e10)

static struct gyr_log *make_log(uint64_t ring_size, uint64_t segment_size)
{
	struct gyr_log *log = aligned_alloc(GYR_CACHE_LINE, gyr_round_up(sizeof *log, 64));
	struct gyr_log_config config = {
		.ring = aligned_alloc(4096, ring_size),
		.ring_size = ring_size,
		.identity = { .chain_id = 0x1122, .segment_size = segment_size, .fork_length = 3 },
	};

	memset(config.ring, 0xee, ring_size);
	memset(config.identity.genesis_hash.bytes, 0xaa, 32);
	memset(config.identity.fork_hash.bytes, 0xbb, 32);
	memcpy(config.identity.fork, "abc", 3);
	for (unsigned i = 0; i < GYR_LOG_SECRET_LENGTH; i++)
		config.identity.secret[i] = (uint8_t)i;
	assert_int_equal(gyr_log_init(log, &config), 0);
	return log;
}

static void free_log(struct gyr_log *log)
{
	free(log->ring);
	free(log);
}

static uint64_t put_tx(struct gyr_log *log, uint64_t arrival, uint32_t raw_length)
{
	struct gyr_log_tx *tx = gyr_log_reserve(log, GYR_LOG_TX, (uint32_t)sizeof *tx + raw_length);
	struct gyr_log_stamp stamp = {
		.arrival = arrival,
		.receive_utc_ns = 1000 + arrival,
		.receive_error = gyr_log_receive_error(50, GYR_LOG_CLOCK_TSC),
	};

	if (tx == NULL)
		return UINT64_MAX;
	memset(tx, 0, sizeof *tx);
	memset(tx->sender.bytes, 0x11, 20);
	memset(tx->hash.bytes, 0x22, 32);
	tx->release_arrival = arrival;
	memset(tx + 1, (int)(arrival & 255), raw_length);
	return gyr_log_publish(log, &stamp);
}

/* The wal of these tests: everything committed is durable at once. */
static void take_all(struct gyr_log *log)
{
	log->readers[GYR_LOG_READER_WAL].position = gyr_log_committed(log);
	gyr_log_release(log, GYR_LOG_READER_WAL);
}

static void first_block_has_its_golden_bytes(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	static const uint8_t header[] = {
		0x98, 0, 0, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    9,
		0,    0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0xaa,
	};
	static const uint8_t epoch[] = {
		64, 0, 0, 0, 2, 0, 0, 0, 0x98, 0, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t tx[] = {
		112, 0, 0, 0,	 3, 0, 3, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,	 1, 0, 0,    0,	   0,
		0,   0, 0, 0xe9, 3, 0, 0, 0, 0, 0,    0, 1, 0, 0, 0, 50, 0, 0, 0x80, 0x11, 0x11,
	};
	const uint8_t *bytes = log->ring;

	(void)state;
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1, .arrival_next = 1, .utc_ns = 9 });
	assert_int_equal(gyr_log_committed(log), 4096);
	assert_memory_equal(bytes, header, sizeof header);
	assert_memory_equal(bytes + 0x98, epoch, sizeof epoch);
	assert_int_equal(bytes[0x98 + 64 + 4], GYR_LOG_COMMIT);
	assert_int_equal(put_tx(log, 1, 5), 4096);
	assert_memory_equal(bytes + 4096, tx, sizeof tx);
	assert_int_equal(bytes[4096 + 109], 0);
	assert_true(gyr_log_commit(log));
	/* The checksums of format 1: they may never change. */
	assert_true(gyr_load_le64(bytes + 0x98 + 64 + 40 + 32) == GOLDEN_FIRST);
	assert_true(gyr_load_le64(bytes + 4096 + 112 + 40 + 32) == GOLDEN_SECOND);
	assert_true(gyr_load_le64(bytes + 4096 + 112 + 40 + 16) == GOLDEN_FIRST);
	free_log(log);
}

static void checksum_sees_every_torn_sector(void **state)
{
	static _Alignas(8) uint8_t old[8192], new[8192], torn[8192];
	const uint8_t secret[GYR_LOG_SECRET_LENGTH] = { 7, 9 };
	uint64_t seed = 1;
	struct gyr_log_key key;
	uint64_t sum;

	(void)state;
	gyr_log_key_init(&key, secret);
	for (unsigned i = 0; i < sizeof old; i++) {
		old[i] = (uint8_t)gyr_test_random(&seed);
		new[i] = (uint8_t)gyr_test_random(&seed);
	}
	sum = gyr_log_checksum(&key, new, sizeof new, 4096);
	for (unsigned sectors = 1; sectors < 1u << 16; sectors += 1 + sectors / 64) {
		memcpy(torn, new, sizeof torn);
		for (unsigned i = 0; i < 16; i++)
			if ((sectors >> i & 1) != 0)
				memcpy(torn + 512u * i, old + 512u * i, 512);
		assert_true(gyr_log_checksum(&key, torn, sizeof torn, 4096) != sum);
	}
	for (unsigned bit = 0; bit < 8 * sizeof new; bit += 7) {
		bool hole = bit / 64 == 4096 / 8;

		new[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true((gyr_log_checksum(&key, new, sizeof new, 4096) == sum) == hole);
		new[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(gyr_log_checksum(&key, new, 4096, 0) != gyr_log_checksum(&key, new, 4608, 0));
}

/* Walks everything between two positions as recovery does; returns the records without COMMIT. */
static unsigned walk(const struct gyr_log *log, uint64_t from, uint64_t to)
{
	unsigned count = 0;

	while (from < to) {
		struct gyr_log_block block;
		uint64_t edge = gyr_min_u64(to, gyr_round_up(from + 1, log->edge_size));

		assert_int_equal(gyr_log_block_parse(&block, &log->key, from, gyr_log_at(log, from),
						     edge - from),
				 GYR_LOG_FAULT_NONE);
		count += block.record_count;
		from += block.length;
	}
	assert_int_equal(from, to);
	return count;
}

static void records_cross_neither_ring_nor_segment_end(void **state)
{
	static const uint64_t sizes[][2] = {
		{ 2u << 20, 1u << 20 },
		{ 2u << 20, 2u << 20 },
		{ 2u << 20, 8u << 20 },
		{ 4u << 20, 1u << 20 },
	};
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(sizes); i++) {
		struct gyr_log *log = make_log(sizes[i][0], sizes[i][1]);
		uint64_t arrival = 0;
		uint64_t walked = 0;
		unsigned count = 0;
		unsigned genesis_count = 0;
		int exec = gyr_log_reader_add(log, "exec");

		assert_int_equal(exec, 1);
		gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1, .utc_ns = 1 });
		while (gyr_log_published(log) < 40u << 20) {
			uint64_t random = gyr_test_random(&seed);
			uint32_t length = random % 5 == 0 ? (uint32_t)(random >> 8) % (128u << 10)
							  : (uint32_t)(random >> 8) % 700;
			const struct gyr_log_record *record;

			assert_true(put_tx(log, ++arrival, length) != UINT64_MAX);
			count++;
			if (random % 3 == 0)
				(void)gyr_log_commit(log);
			while ((record = gyr_log_peek(log, 1)) != NULL) {
				assert_true(record->position / log->edge_size ==
					    (record->position + record->length - 1) /
						    log->edge_size);
				genesis_count += record->kind == GYR_LOG_GENESIS;
				gyr_log_advance(log, 1);
			}
			if (gyr_log_committed(log) - walked > 512u << 10) {
				count -= walk(log, walked, gyr_log_committed(log));
				walked = gyr_log_committed(log);
				gyr_log_release(log, 1);
				take_all(log);
			}
		}
		(void)gyr_log_commit(log);
		count -= walk(log, walked, gyr_log_committed(log));
		assert_int_equal(count + genesis_count + 1, 0);
		assert_true(genesis_count >= (40u << 20) / sizes[i][1]);
		free_log(log);
	}
}

static void full_ring_refuses_and_a_commit_always_fits(void **state)
{
	struct gyr_log *log = make_log(RING, 8u << 20);
	uint64_t arrival = 0;
	uint64_t tail;

	(void)state;
	assert_int_equal(gyr_log_reader_add(log, "exec"), 1);
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1 });
	while (put_tx(log, arrival + 1, 900) != UINT64_MAX)
		arrival++;
	assert_int_equal(log->refused_count, 1);
	tail = gyr_log_published(log);
	assert_true(tail <= RING && tail > RING - 3 * 4096);
	(void)gyr_log_commit(log);
	assert_int_equal(gyr_log_committed(log), RING);
	take_all(log);
	assert_int_equal(gyr_log_slowest(log), 1);
	assert_int_equal(gyr_log_lag(log, 1), RING);
	/* The other reader still holds everything. */
	assert_true(put_tx(log, arrival + 1, 900) == UINT64_MAX);
	assert_false(gyr_log_restate(log));
	for (unsigned i = 0; i < 1000; i++) {
		assert_non_null(gyr_log_peek(log, 1));
		gyr_log_advance(log, 1);
	}
	assert_true(put_tx(log, arrival + 1, 900) == UINT64_MAX);
	gyr_log_release(log, 1);
	assert_true(put_tx(log, arrival + 1, 900) == RING);
	free_log(log);
}

static void restates_once_when_idle(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	struct gyr_log_block block;
	uint64_t end;

	(void)state;
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1 });
	assert_false(gyr_log_restate_wanted(log));
	take_all(log);
	assert_true(gyr_log_restate(log));
	take_all(log);
	assert_false(gyr_log_restate_wanted(log));
	assert_false(gyr_log_commit(log));
	assert_true(put_tx(log, 1, 10) != UINT64_MAX);
	assert_false(gyr_log_restate_wanted(log));
	assert_true(gyr_log_commit(log));
	assert_false(gyr_log_restate(log));
	take_all(log);
	end = gyr_log_committed(log);
	assert_true(gyr_log_restate(log));
	assert_int_equal(gyr_log_block_parse(&block, &log->key, end, gyr_log_at(log, end), 4096),
			 GYR_LOG_FAULT_NONE);
	assert_int_equal(block.record_count, 0);
	assert_int_equal(block.durable, end);
	take_all(log);
	assert_false(gyr_log_restate(log));
	free_log(log);
}

static void parse_names_each_fault(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	struct gyr_log_block block;
	struct gyr_log_record *record = (void *)(log->ring + 4096);
	struct gyr_log_record saved;

	(void)state;
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1 });
	(void)put_tx(log, 1, 100);
	(void)put_tx(log, 2, 100);
	(void)gyr_log_commit(log);
	saved = *record;
#define PARSE(length) gyr_log_block_parse(&block, &log->key, 4096, log->ring + 4096, (length))
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_NONE);
	assert_int_equal(block.record_count, 2);
	for (unsigned length = 0; length < 4096; length += 8)
		assert_int_equal(PARSE(length), GYR_LOG_FAULT_TRUNCATED);
	record->kind = 99;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_KIND);
	record->kind = GYR_LOG_EPOCH;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_LENGTH);
	*record = saved;
	record->position += 4096;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_POSITION);
	*record = saved;
	record->epoch = 2;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_EPOCH);
	*record = saved;
	record->flags = 1;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_FIELD);
	*record = saved;
	record->length = 44;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_LENGTH);
	record->length = GYR_LOG_RECORD_LENGTH_MAX + 8;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_LENGTH);
	*record = saved;
	log->ring[4096 + 150] ^= 1;
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_CHECKSUM);
	log->ring[4096 + 150] ^= 1;
	memset(record, 0, 8);
	assert_int_equal(PARSE(4096), GYR_LOG_FAULT_ZERO);
#undef PARSE
	for (unsigned fault = 0; fault <= GYR_LOG_FAULT_CHECKSUM; fault++)
		assert_non_null(gyr_log_fault_text((enum gyr_log_fault)fault));
	free_log(log);
}

static void identity_is_read_back(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	struct gyr_log_identity identity;

	(void)state;
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1 });
	assert_int_equal(gyr_log_identity_read(&identity, 0, log->ring, 4096), 0);
	assert_memory_equal(&identity, &log->identity, sizeof identity);
	((struct gyr_log_genesis *)(void *)(log->ring + 40))->fork_length = 4;
	assert_int_equal(gyr_log_identity_read(&identity, 0, log->ring, 4096), GYR_LOG_FAULT_FIELD);
	free_log(log);
}

static void init_refuses_odd_sizes(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	struct gyr_log_config config = { .ring = log->ring, .ring_size = RING };

	(void)state;
	config.identity.segment_size = SEGMENT + 4096;
	assert_int_equal(gyr_log_init(log, &config), -GYR_ERR_CONFIG);
	config.identity.segment_size = SEGMENT;
	config.ring_size = RING / 2;
	assert_int_equal(gyr_log_init(log, &config), -GYR_ERR_CONFIG);
	config.ring_size = RING;
	config.ring++;
	assert_int_equal(gyr_log_init(log, &config), -GYR_ERR_CONFIG);
	config.ring--;
	config.block_length_max = 1u << 20;
	assert_int_equal(gyr_log_init(log, &config), -GYR_ERR_CONFIG);
	config.block_length_max = 0;
	assert_int_equal(gyr_log_init(log, &config), 0);
	for (unsigned i = 1; i < GYR_LOG_READERS_MAX; i++)
		assert_int_equal(gyr_log_reader_add(log, "more"), (int)i);
	assert_int_equal(gyr_log_reader_add(log, "one too many"), -GYR_ERR_LIMIT);
	gyr_err_clear();
	free_log(log);
}

static void json_is_bounded_and_keeps_the_secret(void **state)
{
	struct gyr_log *log = make_log(RING, SEGMENT);
	char text[4096];
	size_t length;

	(void)state;
	gyr_log_start(log, &(struct gyr_log_start){ .epoch = 1 });
	(void)put_tx(log, 1, 3);
	length = gyr_log_record_json(text, sizeof text, (void *)log->ring, true);
	assert_int_equal(strlen(text), length);
	assert_non_null(strstr(text, "\"kind\":\"genesis\""));
	assert_null(strstr(text, "0001020304"));
	length = gyr_log_record_json(text, sizeof text, (void *)(log->ring + 4096), true);
	assert_int_equal(strlen(text), length);
	assert_non_null(strstr(text, "\"raw\":\"0x010101\"}"));
	for (size_t size = 1; size < length; size++) {
		memset(text, 'x', sizeof text);
		assert_int_equal(gyr_log_record_json(text, size, (void *)(log->ring + 4096), true),
				 length);
		assert_true(strlen(text) < size);
		assert_int_equal(text[size], 'x');
	}
	free_log(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_block_has_its_golden_bytes),
		cmocka_unit_test(checksum_sees_every_torn_sector),
		cmocka_unit_test(records_cross_neither_ring_nor_segment_end),
		cmocka_unit_test(full_ring_refuses_and_a_commit_always_fits),
		cmocka_unit_test(restates_once_when_idle),
		cmocka_unit_test(parse_names_each_fault),
		cmocka_unit_test(identity_is_read_back),
		cmocka_unit_test(init_refuses_odd_sizes),
		cmocka_unit_test(json_is_bounded_and_keeps_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
