/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million transactions through the whole server, on its own lanes as threads, with the allocator
 * watching: between the seal and the stop a data lane that enters malloc, free or one of their
 * kind ends the process (gyr_mem.h). The network is a driver in memory that makes submissions and
 * takes answers on the gate's own lane, so the traffic costs no allocation either; recovery is the
 * stub. One transaction in 32 calls a precompile, all of them in turn, with the accelerators that
 * gyrd uses.
 *
 * The same again in a child that allocates once on purpose: it must die of it.
 */
#include "gyr_test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_accel.h"
#ifdef GYR_HAVE_ACCEL_BLST
#include "gyr_accel_blst.h"
#endif
#include "gyr_accel_gmp.h"
#include "gyr_accel_keccak_simd.h"
#include "gyr_accel_openssl.h"
#include "gyr_block_pwrite.h"
#include "gyr_block_uring.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_load.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_stub.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_txn.h"
#include "gyr_wire.h"

#define CHAIN_ID      7790
#define PAYLOAD_MAX   1472
#define SESSIONS      16
#define ACCOUNTS      16384 /* more than WINDOW: one transaction of a sender at a time */
#define WINDOW	      8192  /* transactions under way */
#define CALL_EVERY    32
#define PRECOMPILES   18
#define CALL_DATA_MAX 512
#define STALLED_S     60
#define CALL_GAS      300000u
#define BLOCK_GAS     2000000000u
/* A second: two thirds of what a block of one second has room for. */
#define RATE ((BLOCK_GAS / (21000 + CALL_GAS / CALL_EVERY)) * 2 / 3)

struct client {
	uint64_t session;
	uint32_t sequence;
	uint32_t answer_sequence;
	uint32_t cookie_stamp;
	uint64_t cookie;
};

/* The only network, and who is behind it. Everything but `done` belongs to the gate's lane. */
static struct {
	struct client clients[SESSIONS];
	uint8_t rx_bytes[GYR_NETDEV_BURST_MAX][PAYLOAD_MAX];
	uint8_t tx_bytes[GYR_NETDEV_TX_HELD_MAX][PAYLOAD_MAX];
	uint64_t nonces[ACCOUNTS];
	uint64_t hello_at_ns;
	uint64_t paced_at_ns; /* when the next datagram is due */
	uint64_t count;	      /* to be executed */
	uint64_t sent;
	uint64_t rejected;
	uint8_t rejected_first; /* its code */
	uint64_t executed;
	uint64_t reverted;
	uint64_t skipped;
	uint64_t allocate_at;  /* 0: never */
	_Atomic uint64_t done; /* executed or skipped; the test reads it, relaxed */
} net;

static struct gyr_load_account accounts[ACCOUNTS];
static char folder[] = "/tmp/gyr-allocations-XXXXXX";
static void *volatile kept;

static int net_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	(void)arena;
	(void)text;
	(void)snprintf(device->info.device, sizeof device->info.device, "memory");
	device->info.driver = "memory";
	device->info.address4[10] = device->info.address4[11] = 0xff;
	device->info.port = GYR_WIRE_PORT;
	device->info.link_up = true;
	device->info.mtu = PAYLOAD_MAX + 28;
	device->info.payload_max4 = PAYLOAD_MAX;
	device->info.payload_max6 = PAYLOAD_MAX - 20;
	device->info.numa_node = -1;
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = net.tx_bytes[i];
	return 0;
}

static void net_close(struct gyr_netdev *device)
{
	(void)device;
}

static void seal(struct gyr_datagram *datagram, unsigned index, uint8_t *bytes, size_t length)
{
	struct client *client = &net.clients[index];
	bool open = client->session != 0;

	gyr_wire_seal(bytes, length, 0, client->session, open ? ++client->sequence : 0,
		      open ? client->answer_sequence : 0);
	*datagram = (struct gyr_datagram){ .payload = bytes, .length = (uint32_t)length };
	datagram->clock = GYR_NETDEV_CLOCK_TURN;
	datagram->peer.address[10] = datagram->peer.address[11] = 0xff;
	datagram->peer.address[12] = 10;
	datagram->peer.port = (uint16_t)(4096 + index);
}

static size_t make_hello(uint8_t *bytes, unsigned index)
{
	struct gyr_wire_hello hello = { .client_nonce = index + 1,
					.cookie = net.clients[index].cookie,
					.cookie_stamp = net.clients[index].cookie_stamp };

	return GYR_WIRE_HEADER_BYTES + gyr_wire_hello_encode(bytes + GYR_WIRE_HEADER_BYTES,
							     PAYLOAD_MAX - GYR_WIRE_HEADER_BYTES,
							     &hello, 0);
}

/* Transaction number i: a transfer, or now and then a call of a precompile with operands that keep
 * it busy. The stub takes the sender from r. */
static size_t make_transaction(uint8_t *raw, size_t size, uint64_t i)
{
	static uint8_t data[CALL_DATA_MAX];
	uint64_t sender = i % ACCOUNTS;
	struct gyr_txn txn = {
		.type = GYR_TXN_DYNAMIC_FEE,
		.is_protected = true,
		.chain_id = CHAIN_ID,
		.nonce = net.nonces[sender]++,
		.gas_limit = 21000,
		.max_priority_fee.limb[0] = 1,
		.max_fee.limb[0] = 1000000000000u,
		.value.limb[0] = 1,
		.to = accounts[(sender + 1) % ACCOUNTS].address,
		.s[31] = 1,
	};

	memcpy(txn.r + 12, accounts[sender].address.bytes, 20);
	if (i % CALL_EVERY == 0) {
		unsigned which = (unsigned)(i / CALL_EVERY % PRECOMPILES);

		txn.to = (struct gyr_address){ { 0 } };
		txn.to.bytes[19] = (uint8_t)(which + 1);
		if (which == PRECOMPILES - 1) {
			txn.to.bytes[18] = 1; /* P256VERIFY at 0x100 */
			txn.to.bytes[19] = 0;
		}
		for (size_t k = 0; k < sizeof data; k++)
			data[k] = (uint8_t)(k * 167 + i);
		txn.data = (struct gyr_slice){ data, which == PRECOMPILES - 1 ? 160 : 384 };
		if (txn.to.bytes[19] == 5) {
			/* three operands of 96 bytes */
			memset(data, 0, 96);
			data[31] = data[63] = data[95] = 96;
		}
		txn.gas_limit = CALL_GAS;
		txn.value.limb[0] = 0;
	}
	return gyr_txn_encode(raw, size, &txn);
}

static uint64_t done_now(void)
{
	return net.executed + net.skipped + net.rejected;
}

static size_t make_submissions(uint8_t *bytes)
{
	size_t length = GYR_WIRE_HEADER_BYTES;
	uint8_t raw[CALL_DATA_MAX + 256];

	for (unsigned i = 0; i < 2 && net.executed + (net.sent - done_now()) < net.count; i++) {
		struct gyr_wire_submit submit = {
			.client_tag = net.sent,
			.answers = GYR_WIRE_ANSWERS_DURABLE | GYR_WIRE_ANSWERS_EXECUTED,
		};
		size_t used;

		submit.raw = (struct gyr_slice){ raw, make_transaction(raw, sizeof raw, net.sent) };
		gyr_assert(submit.raw.length > 0);
		used = gyr_wire_submit_encode(bytes + length, PAYLOAD_MAX - length, &submit, 0);
		gyr_assert(used > 0);
		length += used;
		net.sent++;
	}
	return length;
}

static unsigned net_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
		       unsigned count_max, const struct gyr_netdev_time *time)
{
	unsigned given = 0;
	bool hello = time->now_ns - net.hello_at_ns > 1000000;

	if (net.allocate_at != 0 && net.sent >= net.allocate_at)
		kept = malloc(16);
	for (unsigned i = 0; i < SESSIONS && given < count_max && hello; i++)
		if (net.clients[i].session == 0) {
			net.hello_at_ns = time->now_ns;
			seal(&datagrams[given], i, net.rx_bytes[given],
			     make_hello(net.rx_bytes[given], i));
			given++;
		}
	/* What a stall kept back is not made up for: it would not fit its block. */
	if (net.paced_at_ns + 10000000 < time->now_ns)
		net.paced_at_ns = time->now_ns;
	while (given < count_max && net.executed + (net.sent - done_now()) < net.count &&
	       net.sent - done_now() < WINDOW && net.paced_at_ns <= time->now_ns) {
		unsigned index = (unsigned)(net.sent / 2 % SESSIONS);

		if (net.clients[index].session == 0)
			break;
		seal(&datagrams[given], index, net.rx_bytes[given],
		     make_submissions(net.rx_bytes[given]));
		net.paced_at_ns += 2 * 1000000000u / RATE;
		given++;
	}
	for (unsigned i = 0; i < given; i++) {
		datagrams[i].received_at_ns = time->utc_ns;
		datagrams[i].received_error_ns = time->utc_error_ns;
	}
	gyr_netdev_count(&device->counters.rx_datagrams, given);
	return given;
}

static void take_answer(struct client *client, const struct gyr_wire_block *block)
{
	struct gyr_wire_challenge challenge;
	struct gyr_wire_welcome welcome;
	struct gyr_wire_executed executed;
	struct gyr_wire_rejected rejected;
	const uint8_t *body = block->body.data;
	size_t length = block->body.length;

	switch (block->type) {
	case GYR_WIRE_CHALLENGE:
		gyr_assert(gyr_wire_challenge_decode(&challenge, body, length) == GYR_VERDICT_OK);
		client->cookie = challenge.cookie;
		client->cookie_stamp = challenge.cookie_stamp;
		net.hello_at_ns = 0;
		break;
	case GYR_WIRE_WELCOME:
		gyr_assert(gyr_wire_welcome_decode(&welcome, body, length) == GYR_VERDICT_OK);
		client->session = welcome.session;
		break;
	case GYR_WIRE_EXECUTED:
		gyr_assert(gyr_wire_executed_decode(&executed, body, length) == GYR_VERDICT_OK);
		net.executed++;
		net.reverted += executed.status != 1;
		break;
	case GYR_WIRE_SKIPPED:
		net.skipped++;
		break;
	case GYR_WIRE_REJECTED:
		gyr_assert(gyr_wire_rejected_decode(&rejected, body, length) == GYR_VERDICT_OK);
		if (net.rejected++ == 0)
			net.rejected_first = rejected.code;
		/* A full block, after a stall of this machine: the nonce is still to be used. */
		net.nonces[rejected.client_tag % ACCOUNTS]--;
		break;
	default:
		break;
	}
}

static unsigned net_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct client *client = &net.clients[(batch[i].to.port - 4096u) % SESSIONS];
		struct gyr_wire_header header;
		struct gyr_wire_block block;
		enum gyr_verdict verdict;
		size_t at = GYR_WIRE_HEADER_BYTES;

		gyr_assert(gyr_wire_open(&header, batch[i].payload, batch[i].length) ==
			   GYR_VERDICT_OK);
		if (header.answer_sequence != 0)
			client->answer_sequence = header.answer_sequence;
		while (gyr_wire_next(&block, &verdict, &at, batch[i].payload, batch[i].length))
			take_answer(client, &block);
	}
	gyr_netdev_count(&device->counters.tx_datagrams, count);
	atomic_store_explicit(&net.done, net.executed + net.skipped, memory_order_relaxed);
	return count;
}

static const struct gyr_netdev_ops memory_net = {
	.name = "memory",
	.summary = "datagrams of this test",
	.open = net_open,
	.close = net_close,
	.rx_burst = net_rx,
	.tx_burst = net_tx,
};

static void add_lane(struct gyr_conf *conf, const char *name, bool data,
		     const enum gyr_conf_stage_kind *stages, unsigned count)
{
	struct gyr_conf_lane *lane = &conf->lanes[conf->lane_count++];

	(void)snprintf(lane->name, sizeof lane->name, "%s", name);
	lane->kind = data ? GYR_CONF_LANE_DATA : GYR_CONF_LANE_COLD;
	lane->idle = data ? GYR_CONF_IDLE_BACKOFF : GYR_CONF_IDLE_PARK;
	lane->cpu = GYR_CONF_CPU_AUTO;
	lane->spin_turns = 100;
	lane->turn_time_max = 1000000;
	for (unsigned i = 0; i < count; i++)
		lane->stages[lane->stage_count++] = (struct gyr_conf_stage){ .kind = stages[i] };
}

static void make_conf(struct gyr_conf *conf)
{
	static const enum gyr_conf_stage_kind front[] = { GYR_CONF_STAGE_GATE,
							  GYR_CONF_STAGE_VERIFY };
	static const enum gyr_conf_stage_kind back[] = { GYR_CONF_STAGE_SEQUENCE,
							 GYR_CONF_STAGE_WAL, GYR_CONF_STAGE_EXEC };
	static const enum gyr_conf_stage_kind cold[] = {
		GYR_CONF_STAGE_ROOT,	GYR_CONF_STAGE_CHECKPOINT, GYR_CONF_STAGE_PREPARE,
		GYR_CONF_STAGE_JOURNAL, GYR_CONF_STAGE_METRICS,
	};

	gyr_conf_default(conf);
	(void)snprintf(conf->chain.genesis, sizeof conf->chain.genesis, "%s/genesis.json", folder);
	(void)snprintf(conf->data.directory, sizeof conf->data.directory, "%s/data", folder);
	(void)snprintf(conf->journal.file, sizeof conf->journal.file, "%s/journal", folder);
	(void)snprintf(conf->recover.driver, sizeof conf->recover.driver, "stub");
	conf->recover.known_senders = 0;
	conf->intake.slot_count = 2 * WINDOW;
	conf->memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf->memory.lock = false;
	conf->sequence.block_gas = BLOCK_GAS;
	conf->log.segment_size = 32u << 20;
	conf->log.ring_size = 32u << 20;
	conf->log.undurable_size_max = 16u << 20;
	conf->log.undurable_time_max = 60000000000u;
	conf->exec.account_count = 2 * ACCOUNTS;
	conf->exec.slot_count = 16384;
	conf->sessions.rate = 1000000000;
	conf->sessions.burst = 1000000000;
	conf->gate_count = 1;
	(void)snprintf(conf->gates[0].device, sizeof conf->gates[0].device, "memory:");
	conf->verify_count = 1;
	add_lane(conf, "front", true, front, GYR_COUNT(front));
	add_lane(conf, "back", true, back, GYR_COUNT(back));
	add_lane(conf, "cold", false, cold, GYR_COUNT(cold));
}

static void need(int result)
{
	if (result >= 0)
		return;
	gyr_err_print(stderr, "allocations");
	fail_msg("error %d", result);
}

static void write_genesis(const char *path)
{
	const struct gyr_load_genesis genesis = {
		.chain_id = CHAIN_ID,
		.gas_limit = BLOCK_GAS,
		.base_fee = 1000000000u,
		.balance_ether = 1000000,
		.osaka = true,
	};
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	need(gyr_load_write_genesis(file, &genesis, accounts, ACCOUNTS));
	(void)fclose(file);
}

/* The server from its start to its stop, with `count` transactions in between. */
static void serve(uint64_t count, uint64_t allocate_at)
{
	static const struct gyr_netdev_ops *const nets[] = { &memory_net };
	static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_uring,
								 &gyr_block_pwrite };
	static const struct gyr_recover_ops *const recovers[] = { &gyr_recover_stub };
	static const struct gyr_accel_driver *const accels[] = {
		&gyr_accel_openssl_digests,
		&gyr_accel_gmp,
#ifdef GYR_HAVE_ACCEL_BLST
		&gyr_accel_blst,
#endif
	};
	static struct gyr_accel accel;
	static struct gyr_conf conf;
	struct gyr_clock clock;
	struct gyr_server *server;
	struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .net = nets,
			     .net_count = 1,
			     .block = blocks,
			     .block_count = GYR_COUNT(blocks),
			     .recover = recovers,
			     .recover_count = 1,
			     .recover_reference = &gyr_recover_portable,
			     .precompile = &accel.precompile,
			     .clock = &clock },
		.journal = true,
	};
	uint64_t before = 0;
	time_t moved_at = time(NULL);

	memset(&net, 0, sizeof net);
	net.count = count;
	net.allocate_at = allocate_at;
	make_conf(&conf);
	need(gyr_clock_tsc_open(&clock, NULL));
	need(gyr_accel_init(&accel, accels, GYR_COUNT(accels), gyr_accel_keccak_simd()));
	options.drivers.keccak = accel.keccak;
	need(gyr_server_open(&server, &options));
	need(gyr_server_start(server));
	while (before < count) {
		uint64_t now = atomic_load_explicit(&net.done, memory_order_relaxed);

		need(gyr_server_failed(server));
		if (now != before)
			moved_at = time(NULL);
		before = now;
		if (time(NULL) - moved_at > STALLED_S)
			fail_msg("no answers any more after %llu", (unsigned long long)now);
		(void)usleep(10000);
	}
	need(gyr_server_stop(server, 20000000000u));
	gyr_server_close(server);
}

static void begin(void)
{
	char command[128];

	(void)snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s/data", folder, folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
	(void)snprintf(command, sizeof command, "%s/genesis.json", folder);
	write_genesis(command);
}

static void a_million_transactions_allocate_nothing(void **state)
{
	const char *given = getenv("GYR_TRANSACTIONS");
	uint64_t count = given == NULL ? 1000000 : strtoull(given, NULL, 10);

	(void)state;
	begin();
	serve(count, 0);
	print_message(
		"%llu executed (%llu with status 0), %llu skipped, %llu rejected (first: %s)\n",
		(unsigned long long)net.executed, (unsigned long long)net.reverted,
		(unsigned long long)net.skipped, (unsigned long long)net.rejected,
		net.rejected == 0 ? "-" : gyr_verdict_name(net.rejected_first));
	assert_int_equal(net.executed, count);
	/* Some precompiles refuse such operands; transfers never fail. */
	assert_true(net.reverted < count / CALL_EVERY);
}

static void one_allocation_is_noticed(void **state)
{
	char said[1024] = "";
	int ends[2];
	int status;
	pid_t child;

	(void)state;
	begin();
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		serve(20000, 10000);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_true(read(ends[0], said, sizeof said - 1) > 0);
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
	assert_non_null(strstr(said, "allocation on a data lane after the seal"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_is_noticed),
		cmocka_unit_test(a_million_transactions_allocate_nothing),
	};
	char command[64];
	struct gyr_rng rng;
	int failed;

	if (GYR_TEST_SANITIZED) {
		(void)puts("skipped: under a sanitizer the allocator is another");
		return GYR_TEST_SKIP;
	}
	if (mkdtemp(folder) == NULL)
		return 1;
	gyr_rng_init(&rng, 1);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		for (unsigned k = 0; k < 20; k++)
			accounts[i].address.bytes[k] = (uint8_t)gyr_rng_next(&rng);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) != 0 ? 1 : failed; /* NOLINT(cert-env33-c): our own folder */
}
