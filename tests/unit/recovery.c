/* SPDX-License-Identifier: Apache-2.0 */
/* The server's recovery over a log with contracts: from genesis, from a checkpoint, from one that
 * does not fit. Disk, store, clock and network are simulated. */
#include "gyr_test.h"

#include <string.h>
#include <unistd.h>

#include "gyr_block_sim.h"
#include "gyr_bytes.h"
#include "gyr_clock_sim.h"
#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_net_sim.h"
#include "gyr_precompile.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_stub.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_store_sim.h"
#include "gyr_txn.h"
#include "gyr_wal.h"

#define CHAIN_ID     7791
#define TIME_START   1800000000u
#define BLOCKS	     40
#define CALLS	     6 /* in a block */
#define WINDOW	     16
#define RING_SIZE    (2u << 20)
#define SEGMENT_SIZE (1u << 20)
#define BUFFER_SIZE  (1u << 20)
#define WIRE_MEMORY  (24u << 20)
#define TURNS_MAX    20000

static char genesis_path[64];
static struct gyr_conf conf;
static struct gyr_clock sim_clock;
static struct gyr_clock_sim clock_state;
static struct gyr_block_sim_disk *disk;
static struct gyr_store_sim_disk *store;
static struct gyr_net_sim_wire wire;
static void *wire_memory;

static const struct gyr_address sender = { { 0x5e, 0x4d } };

static void wait_for_disk(void *context)
{
	(void)context;
	gyr_clock_sim_advance(&sim_clock, 1000);
}

static int open_server(struct gyr_server **server)
{
	static const struct gyr_netdev_ops *const nets[] = { &gyr_net_sim };
	static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_sim };
	static const struct gyr_recover_ops *const recovers[] = { &gyr_recover_stub };
	const struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .net = nets,
			     .net_count = 1,
			     .block = blocks,
			     .block_count = 1,
			     .block_context = disk,
			     .store = &gyr_store_sim,
			     .store_context = store,
			     .recover = recovers,
			     .recover_count = 1,
			     .recover_reference = &gyr_recover_portable,
			     .keccak = &gyr_keccak_portable,
			     .precompile = &gyr_precompile_portable,
			     .clock = &sim_clock },
		.seed = 1,
		.wait = wait_for_disk,
	};

	return gyr_server_open(server, &options);
}

static void make_conf(void)
{
	static const enum gyr_conf_stage_kind stages[] = {
		GYR_CONF_STAGE_GATE,	   GYR_CONF_STAGE_VERIFY,  GYR_CONF_STAGE_SEQUENCE,
		GYR_CONF_STAGE_WAL,	   GYR_CONF_STAGE_EXEC,	   GYR_CONF_STAGE_ROOT,
		GYR_CONF_STAGE_CHECKPOINT, GYR_CONF_STAGE_PREPARE,
	};
	struct gyr_conf_lane *lane = &conf.lanes[0];

	gyr_conf_default(&conf);
	(void)snprintf(conf.chain.genesis, sizeof conf.chain.genesis, "%s", genesis_path);
	(void)snprintf(conf.recover.driver, sizeof conf.recover.driver, "stub");
	conf.recover.known_senders = 0;
	conf.recover.shadow_every = 0;
	conf.memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf.memory.lock = false;
	conf.intake.slot_count = 64;
	conf.intake.large_count = 2;
	conf.sequence.block_gas = 30000000;
	conf.sequence.transaction_gas_max = 1000000;
	conf.sequence.park_count = 16;
	conf.sequence.duplicate_count = WINDOW;
	conf.log.ring_size = RING_SIZE;
	conf.log.segment_size = SEGMENT_SIZE;
	conf.log.undurable_size_max = 65536;
	conf.exec.account_count = 1024;
	conf.exec.slot_count = 4096;
	conf.exec.code_size = 65536;
	conf.sessions.count_max = 8;
	conf.sessions.history_size = 65536;
	conf.sessions.history_count = 64;
	conf.sessions.chunked_count = 2;
	conf.gate_count = 1;
	(void)snprintf(conf.gates[0].device, sizeof conf.gates[0].device,
		       "sim:wire=recovery,address=10.0.0.1/24,port=9000");
	conf.verify_count = 1;
	conf.lane_count = 1;
	(void)snprintf(lane->name, sizeof lane->name, "all");
	lane->kind = GYR_CONF_LANE_DATA;
	lane->cpu = -1;
	for (unsigned i = 0; i < GYR_COUNT(stages); i++)
		lane->stages[lane->stage_count++] = (struct gyr_conf_stage){ .kind = stages[i] };
}

static void write_genesis(void)
{
	FILE *file;
	int fd;

	(void)snprintf(genesis_path, sizeof genesis_path, "/tmp/gyr-recovery-XXXXXX");
	fd = mkstemp(genesis_path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	(void)fprintf(file,
		      "{\"config\":{\"chainId\":%d,\"homesteadBlock\":0,\"eip150Block\":0,"
		      "\"eip155Block\":0,\"eip158Block\":0,\"byzantiumBlock\":0,"
		      "\"constantinopleBlock\":0,\"petersburgBlock\":0,\"istanbulBlock\":0,"
		      "\"berlinBlock\":0,\"londonBlock\":0,\"shanghaiTime\":0,\"cancunTime\":0,"
		      "\"pragueTime\":0},\"gasLimit\":\"0x1c9c380\",\"timestamp\":\"0x%x\","
		      "\"alloc\":{"
		      /* EIP-2935's contract, so that block hashes are part of the state */
		      "\"0000F90827F1C53a10cb7A02335B175320002935\":{\"balance\":\"0x0\","
		      "\"nonce\":\"0x1\",\"code\":\"0x60\"},"
		      "\"",
		      CHAIN_ID, TIME_START - 1);
	for (unsigned i = 0; i < 20; i++)
		(void)fprintf(file, "%02x", sender.bytes[i]);
	(void)fprintf(file, "\":{\"balance\":\"0xd3c21bcecceda1000000\"}}}\n");
	(void)fclose(file);
}

/* The log as a server would have written it. */
struct writer {
	struct gyr_log log;
	struct gyr_wal wal;
	struct gyr_blockdev *dev;
	uint64_t arrival;
	uint64_t nonce;
	uint64_t number;
	struct gyr_rng rng;
};

static void poll_writer(struct writer *writer)
{
	(void)gyr_log_commit(&writer->log);
	(void)gyr_wal_poll(&writer->wal, 1);
	(void)gyr_wal_prepare_poll(&writer->wal);
	assert_int_equal(gyr_wal_status(&writer->wal), 0);
}

static void *reserve(struct writer *writer, enum gyr_log_kind kind, size_t length)
{
	void *body;

	while ((body = gyr_log_reserve(&writer->log, kind, (uint32_t)length)) == NULL)
		poll_writer(writer);
	return body;
}

static void publish(struct writer *writer, uint64_t arrival)
{
	const struct gyr_log_stamp stamp = { .arrival = arrival,
					     .receive_utc_ns = TIME_START * UINT64_C(1000000000) };

	(void)gyr_log_publish(&writer->log, &stamp);
	poll_writer(writer);
}

static void write_block(struct writer *writer)
{
	struct gyr_log_evm_block *body = reserve(writer, GYR_LOG_EVM_BLOCK, sizeof *body);

	writer->number++;
	*body = (struct gyr_log_evm_block){ .number = writer->number,
					    .timestamp_s = TIME_START + writer->number,
					    .gas_limit = 30000000 };
	publish(writer, writer->arrival);
}

static void write_tx(struct writer *writer, uint64_t nonce, const struct gyr_address *to,
		     struct gyr_slice data, uint64_t arrival)
{
	struct gyr_txn txn = {
		.type = GYR_TXN_DYNAMIC_FEE,
		.is_create = to == NULL,
		.is_protected = true,
		.chain_id = CHAIN_ID,
		.nonce = nonce,
		.gas_limit = 300000,
		.max_fee = gyr_u256_from_u64(100000000000),
		.max_priority_fee = gyr_u256_from_u64(1),
		.data = data,
		.r = { 1 },
		.s = { 1 },
	};
	uint8_t raw[512];
	struct gyr_log_tx *body;
	size_t length;

	if (to != NULL)
		txn.to = *to;
	length = gyr_txn_encode(raw, sizeof raw, &txn);
	body = reserve(writer, GYR_LOG_TX, sizeof *body + length);
	*body = (struct gyr_log_tx){ .sender = sender, .release_arrival = writer->arrival };
	gyr_store_le64(body->hash.bytes, arrival);
	memcpy(body + 1, raw, length);
	publish(writer, arrival);
}

/* SSTORE(first word of the data, second word), and a constructor that returns it. */
static const uint8_t init_code[] = { 0x67, 0x60, 0x20, 0x35, 0x60, 0x00, 0x35, 0x55, 0x00,
				     0x60, 0x00, 0x52, 0x60, 0x08, 0x60, 0x18, 0xf3 };

static struct gyr_address contract_of(uint64_t nonce)
{
	uint8_t rlp[23] = { 0xd6, 0x94 };
	struct gyr_address address;
	struct gyr_hash hash;

	assert_true(nonce < 128);
	memcpy(rlp + 2, sender.bytes, 20);
	rlp[22] = nonce == 0 ? 0x80 : (uint8_t)nonce;
	gyr_keccak256(&hash, rlp, sizeof rlp);
	memcpy(address.bytes, hash.bytes + 12, 20);
	return address;
}

static void write_call(struct writer *writer)
{
	struct gyr_address contract = contract_of(gyr_rng_below(&writer->rng, 2));
	uint8_t data[64] = { 0 };

	data[31] = (uint8_t)gyr_rng_below(&writer->rng, 24);
	data[63] = (uint8_t)gyr_rng_below(&writer->rng, 3);
	write_tx(writer, writer->nonce++, &contract, (struct gyr_slice){ data, sizeof data },
		 ++writer->arrival);
}

static void open_writer(struct writer *writer)
{
	struct gyr_blockdev_config device = { .path = "sim", .in_flight_max = 4, .context = disk };
	struct gyr_wal_reader_config config = { .buffer_length = BUFFER_SIZE };
	struct gyr_wal_config wal = { .utc_ns = TIME_START * UINT64_C(1000000000) };
	struct gyr_log_config log = { .ring_size = RING_SIZE };
	const struct gyr_log_record *record;
	struct gyr_wal_reader reader;

	log.ring = aligned_alloc(4096, RING_SIZE);
	config.buffer = aligned_alloc(4096, BUFFER_SIZE);
	assert_true(log.ring != NULL && config.buffer != NULL);
	assert_int_equal(gyr_block_sim.open(&writer->dev, &device), 0);
	config.dev = writer->dev;
	assert_int_equal(gyr_wal_reader_open(&reader, &config), 0);
	while (gyr_wal_reader_next(&reader, &record) > 0)
		;
	log.identity = reader.identity;
	assert_int_equal(gyr_log_init(&writer->log, &log), 0);
	wal.dev = writer->dev;
	wal.log = &writer->log;
	assert_int_equal(gyr_wal_open(&writer->wal, &wal, &reader.end), 0);
	gyr_wal_reader_close(&reader);
	free(config.buffer);
}

/* Blocks of calls; one arrival is decided much later than its neighbours, one never. */
static void write_log(void)
{
	struct writer *writer = aligned_alloc(64, gyr_round_up(sizeof *writer, 64));

	assert_non_null(writer);
	memset(writer, 0, sizeof *writer);
	gyr_rng_init(&writer->rng, 5);
	open_writer(writer);
	for (unsigned block = 0; block < BLOCKS; block++) {
		struct gyr_log_mini_block *mini;

		write_block(writer);
		for (unsigned i = 0; i < 2 && block == 0; i++)
			write_tx(writer, writer->nonce++, NULL,
				 (struct gyr_slice){ init_code, sizeof init_code },
				 ++writer->arrival);
		for (unsigned i = 0; i < CALLS; i++) {
			write_call(writer);
			writer->arrival += (block == 3 && i == 2) || (block == 4 && i == 4);
		}
		if (block == BLOCKS - 3) /* skipped: its nonce is used */
			write_tx(writer, 0, &sender, (struct gyr_slice){ NULL, 0 },
				 2 + 3 * CALLS + 3 + 1);
		mini = reserve(writer, GYR_LOG_MINI_BLOCK, sizeof *mini);
		*mini = (struct gyr_log_mini_block){ .number = block,
						     .evm_number = writer->number };
		publish(writer, writer->arrival);
	}
	write_block(writer);
	for (unsigned i = 0;
	     i < 10000 && gyr_log_durable(&writer->log) != gyr_log_published(&writer->log); i++)
		poll_writer(writer);
	assert_int_equal(gyr_log_durable(&writer->log), gyr_log_published(&writer->log));
	gyr_wal_close(&writer->wal);
	gyr_blockdev_close(writer->dev);
	free(writer->log.ring);
	free(writer);
}

static int set_up(void **state)
{
	struct gyr_server *server;
	struct gyr_arena arena;

	(void)state;
	write_genesis();
	make_conf();
	gyr_clock_sim_open(&sim_clock, &clock_state, TIME_START * UINT64_C(1000000000));
	disk = gyr_block_sim_disk_make(3);
	store = gyr_store_sim_disk_make(4);
	wire_memory = malloc(WIRE_MEMORY);
	assert_true(disk != NULL && store != NULL && wire_memory != NULL);
	gyr_block_sim_disk_faults(disk)->capacity = 64u << 20;
	arena = gyr_arena_over(wire_memory, WIRE_MEMORY);
	assert_int_equal(gyr_net_sim_wire_init(&wire, &arena, "recovery", 1, 1024, 1500), 0);
	assert_int_equal(open_server(&server), 0); /* makes the log */
	gyr_server_close(server);
	write_log();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	gyr_net_sim_wire_fini(&wire);
	free(wire_memory);
	gyr_store_sim_disk_free(store);
	gyr_block_sim_disk_free(disk);
	(void)unlink(genesis_path);
	gyr_err_clear();
	return 0;
}

/* Opens, and turns the lane until a checkpoint is there that was not before. */
static struct gyr_server_recovery make_checkpoint(void)
{
	struct gyr_server_recovery found;
	struct gyr_server *server;
	uint64_t commits;

	assert_int_equal(open_server(&server), 0);
	found = *gyr_server_recovery(server);
	commits = gyr_store_sim_disk_commits(store);
	for (unsigned i = 0; i < TURNS_MAX && gyr_store_sim_disk_commits(store) == commits; i++) {
		gyr_clock_sim_advance(&sim_clock, 1000);
		(void)gyr_lane_turn(gyr_server_lane(server, 0));
	}
	assert_true(gyr_store_sim_disk_commits(store) > commits);
	gyr_server_close(server);
	return found;
}

static struct gyr_server_recovery recover(void)
{
	struct gyr_server_recovery found;
	struct gyr_server *server;

	assert_int_equal(open_server(&server), 0);
	found = *gyr_server_recovery(server);
	gyr_server_close(server);
	return found;
}

static void verify_log(void)
{
	struct gyr_blockdev_config device = {
		.path = "sim", .read_only = true, .in_flight_max = 1, .context = disk
	};
	struct gyr_wal_reader_config config = { .buffer_length = BUFFER_SIZE };
	struct gyr_wal_report report;

	assert_int_equal(gyr_block_sim.open(&config.dev, &device), 0);
	config.buffer = aligned_alloc(4096, BUFFER_SIZE);
	assert_non_null(config.buffer);
	assert_int_equal(gyr_wal_verify(&report, &config, NULL, NULL), 0);
	assert_int_equal(report.error, 0);
	assert_int_equal(report.arrival_missing, 0);
	assert_int_equal(report.arrival_repeated, 0);
	free(config.buffer);
	gyr_blockdev_close(config.dev);
}

static void expect_equal(const struct gyr_server_recovery *a, const struct gyr_server_recovery *b)
{
	assert_int_equal(a->block_number, b->block_number);
	assert_int_equal(a->arrival_next, b->arrival_next);
	assert_memory_equal(a->state_root.bytes, b->state_root.bytes, 32);
}

static void checkpoint_and_genesis_give_the_same(void **state)
{
	struct gyr_server_recovery first = make_checkpoint();
	struct gyr_server_recovery again;
	struct gyr_server_recovery whole;

	(void)state;
	assert_int_equal(first.checkpoint_block, 0);
	assert_int_equal(first.transaction_count, 2 + BLOCKS * CALLS + 1);
	again = recover();
	assert_true(again.checkpoint_block >= BLOCKS - 1);
	assert_true(again.start > 0 && again.start < again.checkpoint_position);
	assert_int_equal(again.transaction_count, 0);
	conf.checkpoint.enabled = false;
	whole = recover();
	assert_int_equal(whole.transaction_count, first.transaction_count);
	expect_equal(&whole, &again);
	verify_log();
}

/* Roots on a second thread, and an interval so long that the rest of the log is replayed. */
static void what_is_behind_the_checkpoint_is_executed(void **state)
{
	struct gyr_server_recovery first;
	struct gyr_server_recovery again;

	(void)state;
	(void)make_checkpoint();
	conf.checkpoint.interval = 3600000000000u;
	gyr_clock_sim_advance(&sim_clock, 5000000000u);
	first = recover(); /* from the checkpoint, with what the server itself wrote */
	assert_true(first.checkpoint_block > 0);
	gyr_store_sim_disk_clear(store);
	again = recover();
	assert_int_equal(again.checkpoint_block, 0);
	expect_equal(&first, &again);
}

static void checkpoint_beyond_the_log_is_refused(void **state)
{
	struct gyr_server_recovery found;
	struct gyr_server *server;
	uint8_t *bytes;
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t size;
	uint64_t from;

	(void)state;
	(void)make_checkpoint();
	found = recover();
	gyr_wal_segment_name(name, found.checkpoint_position / SEGMENT_SIZE * SEGMENT_SIZE);
	bytes = gyr_block_sim_disk_bytes(disk, name, &size);
	assert_non_null(bytes);
	from = found.checkpoint_position % SEGMENT_SIZE / 4096 * 4096;
	memset(bytes + from, 0, size - from);
	assert_int_equal(open_server(&server), -GYR_ERR_LOG_DAMAGED);
	gyr_err_clear();
	gyr_block_sim_disk_free(disk); /* no log at all */
	disk = gyr_block_sim_disk_make(6);
	assert_non_null(disk);
	gyr_block_sim_disk_faults(disk)->capacity = 64u << 20;
	assert_int_equal(open_server(&server), -GYR_ERR_LOG_DAMAGED);
	gyr_err_clear();
}

static void full_store_suspends_and_harms_nothing(void **state)
{
	struct gyr_server_recovery whole;
	struct gyr_server_recovery again;
	struct gyr_server *server;

	(void)state;
	gyr_store_sim_disk_faults(store)->row_count_max = 8;
	assert_int_equal(open_server(&server), 0);
	for (unsigned i = 0; i < 2000; i++) {
		gyr_clock_sim_advance(&sim_clock, 1000);
		(void)gyr_lane_turn(gyr_server_lane(server, 0));
	}
	assert_int_equal(gyr_server_failed(server), 0);
	gyr_server_close(server);
	gyr_store_sim_disk_faults(store)->row_count_max = 0;
	again = recover();
	assert_int_equal(again.checkpoint_block, 0);
	conf.checkpoint.enabled = false;
	whole = recover();
	expect_equal(&whole, &again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(checkpoint_and_genesis_give_the_same, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_behind_the_checkpoint_is_executed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(checkpoint_beyond_the_log_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(full_store_suspends_and_harms_nothing, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
