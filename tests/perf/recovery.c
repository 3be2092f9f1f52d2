/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a server takes to come back: a log of transfers is written as the server would have
 * written it (the senders are in it, so no signature is recovered and none need be true), then
 * gyr_server_open replays it from genesis, without a checkpoint; then once more with checkpoints
 * on, and once from the checkpoint that this made. Parts in milliseconds of CPU time of the thread
 * that opens (with a second thread for roots, what that one needs is not in them); "open, all" is
 * elapsed time and includes parsing the genesis file and memory's first touch.
 *
 *   perf_recovery [transactions [accounts [transactions of a block]]]
 */
#include "gyr_perf.h"

#include <string.h>
#include <unistd.h>

#include "gyr_accel_keccak_simd.h"
#include "gyr_block_pwrite.h"
#include "gyr_bytes.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_net_udp.h"
#include "gyr_precompile.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_stub.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_store_lmdb.h"
#include "gyr_txn.h"
#include "gyr_wal.h"

#define CHAIN_ID    7790
#define TIME_START  1800000000u
#define BLOCK_GAS   2000000000u
#define RING_SIZE   (64u << 20)
#define MINI_TX	    64
#define POLL_EVERY  512
#define BUFFER_SIZE (8u << 20)
#define ROUNDS	    3
#define TURNS	    40000 /* of the lane, for a checkpoint to be written */

static char folder[] = "/tmp/gyr-perf-recovery-XXXXXX";
static struct gyr_clock tsc;
static struct gyr_clock cpu; /* what the server calls time: this thread's CPU time */
static uint64_t tx_count = 1000000;
static uint64_t account_count = 100000;
static bool turns; /* the lane is turned before the server is closed */
static uint64_t block_tx_count = 45000;

static struct gyr_address address_of(uint64_t number)
{
	struct gyr_address address = { { 0xac } };
	uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;

	gyr_store_be64(address.bytes + 4, mixed);
	gyr_store_be64(address.bytes + 12, number);
	return address;
}

static void write_genesis(const char *path)
{
	FILE *file = gyr_perf_need(fopen(path, "w"));

	(void)fprintf(file,
		      "{\"config\":{\"chainId\":%d,\"homesteadBlock\":0,\"eip150Block\":0,"
		      "\"eip155Block\":0,\"eip158Block\":0,\"byzantiumBlock\":0,"
		      "\"constantinopleBlock\":0,\"petersburgBlock\":0,\"istanbulBlock\":0,"
		      "\"berlinBlock\":0,\"londonBlock\":0,\"shanghaiTime\":0,\"cancunTime\":0,"
		      "\"pragueTime\":0},\"gasLimit\":\"0x77359400\",\"timestamp\":\"0x%x\","
		      "\"alloc\":{",
		      CHAIN_ID, TIME_START - 1);
	for (uint64_t i = 0; i < account_count; i++) {
		struct gyr_address address = address_of(i);

		(void)fprintf(file, "%s\"0x", i == 0 ? "" : ",");
		for (unsigned k = 0; k < 20; k++)
			(void)fprintf(file, "%02x", address.bytes[k]);
		(void)fprintf(file, "\":{\"balance\":\"0xd3c21bcecceda1000000\"}");
	}
	(void)fprintf(file, "}}\n");
	(void)fclose(file);
}

static void make_conf(struct gyr_conf *conf, bool checkpoints)
{
	static const enum gyr_conf_stage_kind stages[] = {
		GYR_CONF_STAGE_GATE,	   GYR_CONF_STAGE_VERIFY,  GYR_CONF_STAGE_SEQUENCE,
		GYR_CONF_STAGE_WAL,	   GYR_CONF_STAGE_EXEC,	   GYR_CONF_STAGE_ROOT,
		GYR_CONF_STAGE_CHECKPOINT, GYR_CONF_STAGE_PREPARE,
	};
	struct gyr_conf_lane *lane = &conf->lanes[0];

	gyr_conf_default(conf);
	(void)snprintf(conf->chain.genesis, sizeof conf->chain.genesis, "%s/genesis.json", folder);
	(void)snprintf(conf->data.directory, sizeof conf->data.directory, "%s", folder);
	conf->recover.known_senders = 0;
	conf->memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf->memory.lock = false;
	conf->sequence.block_gas = BLOCK_GAS;
	conf->exec.account_count = gyr_max_u64(65536, 2 * account_count);
	conf->exec.slot_count = 65536;
	conf->checkpoint.enabled = checkpoints;
	conf->checkpoint.size_max = 1u << 30;
	conf->gate_count = 1;
	(void)snprintf(conf->gates[0].device, sizeof conf->gates[0].device,
		       "udp:address=127.0.0.1,port=0");
	conf->verify_count = 1;
	conf->lane_count = 1;
	(void)snprintf(lane->name, sizeof lane->name, "all");
	lane->kind = GYR_CONF_LANE_DATA;
	lane->cpu = -1;
	for (unsigned i = 0; i < GYR_COUNT(stages); i++)
		lane->stages[lane->stage_count++] = (struct gyr_conf_stage){ .kind = stages[i] };
}

static void sleep_a_little(void *context)
{
	(void)context;
	(void)usleep(100);
}

static uint64_t cpu_now_ns(const struct gyr_clock *clock)
{
	(void)clock;
	return gyr_perf_now_ns();
}

/* Opens and closes; what recovery found is in `out`, and how long opening took in all. */
static uint64_t open_server(struct gyr_server_recovery *out, bool checkpoints, bool parallel)
{
	static const struct gyr_netdev_ops *const nets[] = { &gyr_net_udp };
	static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_pwrite };
	static const struct gyr_recover_ops *const recovers[] = { &gyr_recover_stub };
	static struct gyr_conf conf;
	const struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .net = nets,
			     .net_count = 1,
			     .block = blocks,
			     .block_count = 1,
			     .store = &gyr_store_lmdb,
			     .recover = recovers,
			     .recover_count = 1,
			     .recover_reference = &gyr_recover_portable,
			     .keccak = gyr_accel_keccak_simd(),
			     .precompile = &gyr_precompile_portable,
			     .clock = &cpu },
		.parallel_recovery = parallel,
		.seed = 1,
		.wait = sleep_a_little,
	};
	struct gyr_server *server;
	uint64_t begun_ns = gyr_clock_now_ns(&tsc);

	make_conf(&conf, checkpoints);
	(void)snprintf(conf.recover.driver, sizeof conf.recover.driver, "stub");
	gyr_perf_check(gyr_server_open(&server, &options));
	*out = *gyr_server_recovery(server);
	begun_ns = gyr_clock_now_ns(&tsc) - begun_ns;
	/* turned by hand: the stage writes what recovery merged */
	for (unsigned i = 0; turns && i < TURNS; i++)
		(void)gyr_lane_turn(gyr_server_lane(server, 0));
	gyr_server_close(server);
	return begun_ns;
}

/* The log as it is being written. */
struct writer {
	struct gyr_blockdev *dev;
	struct gyr_log *log;
	struct gyr_wal *wal;
	uint64_t arrival;
	uint64_t mini_number;
	uint64_t block_number;
	uint64_t *nonces;
};

static void open_writer(struct writer *writer)
{
	struct gyr_blockdev_config device = {
		.path = folder, .in_flight_max = 8, .helper_count = 2, .want_event = true
	};
	struct gyr_wal_reader_config config = { .buffer_length = BUFFER_SIZE };
	struct gyr_wal_reader reader;
	const struct gyr_log_record *record;
	struct gyr_log_config log = { .ring_size = RING_SIZE };
	struct gyr_wal_config wal = { .utc_ns = TIME_START * UINT64_C(1000000000) };

	log.ring = gyr_perf_need(aligned_alloc(4096, RING_SIZE));
	device.buffer = log.ring;
	device.buffer_length = RING_SIZE;
	config.buffer = gyr_perf_need(aligned_alloc(4096, BUFFER_SIZE));
	gyr_perf_check(gyr_block_pwrite.open(&writer->dev, &device));
	config.dev = writer->dev;
	gyr_perf_check(gyr_wal_reader_open(&reader, &config));
	while (gyr_wal_reader_next(&reader, &record) > 0)
		;
	gyr_assert(reader.end.kind != GYR_WAL_END_NONE);
	log.identity = reader.identity;
	writer->log = gyr_perf_need(aligned_alloc(64, gyr_round_up(sizeof *writer->log, 64)));
	writer->wal = gyr_perf_need(aligned_alloc(64, gyr_round_up(sizeof *writer->wal, 64)));
	gyr_perf_check(gyr_log_init(writer->log, &log));
	wal.dev = writer->dev;
	wal.log = writer->log;
	gyr_perf_check(gyr_wal_open(writer->wal, &wal, &reader.end));
	gyr_wal_reader_close(&reader);
	free(config.buffer);
	writer->nonces = gyr_perf_need(calloc(account_count, sizeof *writer->nonces));
	writer->mini_number = 0;
}

static void poll_writer(struct writer *writer)
{
	(void)gyr_log_commit(writer->log);
	(void)gyr_wal_poll(writer->wal, gyr_clock_now_ns(&tsc));
	(void)gyr_wal_prepare_poll(writer->wal);
	if (gyr_wal_status(writer->wal) < 0)
		gyr_perf_check(gyr_wal_explain(writer->wal));
}

static void *reserve(struct writer *writer, enum gyr_log_kind kind, size_t length)
{
	void *body;

	while ((body = gyr_log_reserve(writer->log, kind, (uint32_t)length)) == NULL) {
		poll_writer(writer);
		(void)usleep(50);
	}
	return body;
}

static void publish(struct writer *writer)
{
	const struct gyr_log_stamp stamp = { .arrival = writer->arrival,
					     .receive_utc_ns = TIME_START * UINT64_C(1000000000) };

	(void)gyr_log_publish(writer->log, &stamp);
}

static void write_block(struct writer *writer)
{
	struct gyr_log_evm_block *body = reserve(writer, GYR_LOG_EVM_BLOCK, sizeof *body);

	writer->block_number++;
	*body = (struct gyr_log_evm_block){ .number = writer->block_number,
					    .timestamp_s = TIME_START + writer->block_number,
					    .gas_limit = BLOCK_GAS };
	publish(writer);
}

static void write_mini_block(struct writer *writer)
{
	struct gyr_log_mini_block *body = reserve(writer, GYR_LOG_MINI_BLOCK, sizeof *body);

	*body = (struct gyr_log_mini_block){ .number = writer->mini_number++,
					     .evm_number = writer->block_number };
	publish(writer);
}

static void write_transfer(struct writer *writer, struct gyr_rng *rng)
{
	uint64_t from = gyr_rng_below(rng, account_count);
	uint64_t to = gyr_rng_below(rng, account_count);
	struct gyr_txn txn = {
		.type = GYR_TXN_DYNAMIC_FEE,
		.chain_id = CHAIN_ID,
		.nonce = writer->nonces[from]++,
		.is_protected = true,
		.gas_limit = 21000,
		.to = address_of(to),
		.value = gyr_u256_from_u64(1 + gyr_rng_below(rng, 1000000)),
		.max_fee = gyr_u256_from_u64(100000000000),
		.max_priority_fee = gyr_u256_from_u64(1000000000),
		.parity = (uint8_t)gyr_rng_below(rng, 2),
	};
	uint8_t raw[512];
	struct gyr_log_tx *body;
	size_t length;

	for (unsigned i = 1; i < 32; i++) {
		txn.r[i] = (uint8_t)gyr_rng_next(rng);
		txn.s[i] = (uint8_t)gyr_rng_next(rng);
	}
	txn.r[0] = txn.s[0] = 1;
	length = gyr_txn_encode(raw, sizeof raw, &txn);
	body = reserve(writer, GYR_LOG_TX, sizeof *body + length);
	writer->arrival++;
	*body = (struct gyr_log_tx){ .sender = address_of(from),
				     .release_arrival = writer->arrival };
	gyr_store_le64(body->hash.bytes, gyr_rng_next(rng));
	gyr_store_le64(body->hash.bytes + 8, writer->arrival);
	memcpy(body + 1, raw, length);
	publish(writer);
}

static void write_log(void)
{
	struct writer writer = { 0 };
	struct gyr_rng rng;

	gyr_rng_init(&rng, 7);
	open_writer(&writer);
	for (uint64_t i = 0; i < tx_count; i++) {
		if (i % block_tx_count == 0)
			write_block(&writer);
		write_transfer(&writer, &rng);
		if (i % MINI_TX == MINI_TX - 1)
			write_mini_block(&writer);
		if (i % POLL_EVERY == 0)
			poll_writer(&writer);
	}
	write_block(&writer);
	while (!gyr_wal_drained(writer.wal) ||
	       gyr_log_published(writer.log) != gyr_log_durable(writer.log))
		poll_writer(&writer);
	gyr_wal_close(writer.wal);
	gyr_blockdev_close(writer.dev);
	free(writer.log->ring);
	free(writer.log);
	free(writer.wal);
	free(writer.nonces);
}

static void print_head(void)
{
	(void)printf("%llu transfers among %llu accounts, %llu in a block; ms of CPU time\n\n"
		     "%-22s %8s %8s %8s %8s %8s %8s %8s %8s %9s\n",
		     (unsigned long long)tx_count, (unsigned long long)account_count,
		     (unsigned long long)block_tx_count, "", "genesis", "ckpt", "read", "sequence",
		     "execute", "roots", "accounts", "recovery", "open, all");
}

static void print_row(const char *name, const struct gyr_server_recovery *r, uint64_t open_ns)
{
	const uint64_t parts[] = {
		r->genesis_ns, r->checkpoint_ns, r->read_ns,	 r->sequence_ns,
		r->execute_ns, r->root_ns,	 r->accounts_ns, r->duration_ns
	};

	(void)printf("%-22s", name);
	for (unsigned i = 0; i < GYR_COUNT(parts); i++)
		(void)printf(" %8.1f", (double)parts[i] / 1e6);
	(void)printf(" %9.1f   %llu transactions executed\n", (double)open_ns / 1e6,
		     (unsigned long long)r->transaction_count);
	(void)fflush(stdout);
}

static void expect_same(const struct gyr_server_recovery *a, const struct gyr_server_recovery *b)
{
	if (gyr_hash_equal(&a->state_root, &b->state_root) && a->block_number == b->block_number)
		return;
	(void)fprintf(stderr, "perf_recovery: another state root\n");
	exit(1);
}

int main(int argc, char **argv)
{
	struct gyr_server_recovery first, again;
	char path[sizeof folder + 16];
	uint64_t open_ns;

	if (argc > 1)
		tx_count = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		account_count = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		block_tx_count = strtoull(argv[3], NULL, 10);
	static const struct gyr_clock_ops cpu_ops = { .name = "cpu", .now_ns = cpu_now_ns };

	gyr_perf_check(gyr_clock_tsc_open(&tsc, NULL));
	cpu.ops = &cpu_ops;
	gyr_perf_need(mkdtemp(folder));
	(void)snprintf(path, sizeof path, "%s/genesis.json", folder);
	write_genesis(path);
	(void)open_server(&first, false, false);
	write_log();
	print_head();
	for (unsigned i = 0; i < ROUNDS; i++) {
		open_ns = open_server(&first, false, false);
		print_row("without a checkpoint", &first, open_ns);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		open_ns = open_server(&again, false, true);
		print_row("roots on a 2nd thread", &again, open_ns);
		expect_same(&first, &again);
	}
	gyr_assert(first.transaction_count == tx_count);
	turns = true;
	open_ns = open_server(&again, true, true);
	print_row("making checkpoints", &again, open_ns);
	expect_same(&first, &again);
	turns = false;
	open_ns = open_server(&again, true, true);
	print_row("from the checkpoint", &again, open_ns);
	(void)open_server(&first, false, true);
	expect_same(&first, &again);
	gyr_perf_command("rm -rf", folder);
	return 0;
}
