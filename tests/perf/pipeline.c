/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a transaction costs each stage of the whole server, in one thread: signed transfers enter as
 * datagrams of several sessions, are verified, ordered, logged to a real disk and executed, and are
 * answered DURABLE and EXECUTED. Stages are polled by hand, in rounds of at most ROUND transactions
 * with a reading of the thread's CPU time between two stages (its own cost is subtracted); rounds
 * in which nothing happens, because everything waits for the disk, are left out.
 *
 * First with recovery's stub: the server without the arithmetic of signatures. Then with the best
 * recovery driver and no keys known, beside what the same driver needs alone.
 *
 * The network is memory and hands up what was encoded ahead of the round; answers are decoded
 * between rounds. Time is simulated and moves with the traffic, so blocks hold the same number of
 * transactions whatever the machine. Not in the figures: the network driver (perf_echo), and the
 * threads that wait for the disk.
 *
 *   perf_pipeline [transactions [accounts [transactions/s of simulated time]]]
 */
#include "gyr_perf.h"

#include <string.h>
#include <unistd.h>

#include "gyr_accel_keccak_simd.h"
#include "gyr_block_pwrite.h"
#include "gyr_clock_sim.h"
#include "gyr_err.h"
#include "gyr_load.h"
#include "gyr_precompile.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"
#include "gyr_recover_stub.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_txn.h"
#include "pipeline_net.h"

#define CHAIN_ID     7790
#define POLLS_MAX    64	   /* of one stage in one round */
#define REAL_COUNT   60000 /* transactions with true signatures, at most */
#define REAL_SENDERS 20000
#define ALONE_COUNT  4096 /* signatures of one measurement of recovery alone */
#define STALLED_S    60
#define UTC_START    1800000000000000000ull
#define BLOCK_GAS    2000000000u

static struct gyr_clock_sim clock_state;
static struct gyr_clock sim_clock;
static char folder[] = "/tmp/gyr-perf-pipeline-XXXXXX";
static uint64_t rate = 90000;

/* Polls every stage until it has nothing to do; adds its CPU time. Returns the items moved. */
static uint64_t turn_round(struct gyr_lane *lane, uint64_t *spent_ns, uint64_t number)
{
	struct gyr_clock_utc utc = gyr_clock_utc_at(&sim_clock, clock_state.now_ns);
	struct gyr_turn turn = { .now_ns = clock_state.now_ns,
				 .utc_ns = utc.utc_ns,
				 .utc_error_ns = utc.error_ns,
				 .number = number };
	uint64_t before_ns = gyr_perf_now_ns();
	uint64_t items_all = 0;

	for (unsigned i = 0; i < lane->stage_count; i++) {
		struct gyr_lane_stage *stage = &lane->stages[i];
		unsigned items = 1;
		uint64_t after_ns;

		for (unsigned k = 0; k < POLLS_MAX && items > 0; k++) {
			items = stage->ops->poll(stage->self, &turn, stage->budget) &
				~GYR_STAGE_STALLED;
			items_all += items;
		}
		if (stage->ops->tick != NULL)
			stage->ops->tick(stage->self, &turn);
		after_ns = gyr_perf_now_ns();
		spent_ns[i] = after_ns - before_ns;
		before_ns = after_ns;
	}
	return items_all;
}

static uint64_t reading_costs_ns(void)
{
	double values[1001];

	for (unsigned i = 0; i < GYR_COUNT(values); i++) {
		uint64_t before_ns = gyr_perf_now_ns();

		values[i] = (double)(gyr_perf_now_ns() - before_ns);
	}
	return (uint64_t)gyr_perf_median(values, GYR_COUNT(values));
}

static void connect_all(struct run *run, struct gyr_server *server)
{
	uint64_t spent_ns[STAGES_MAX];

	for (unsigned step = 0; step < 2; step++) {
		net.rx_head = net.rx_count = 0;
		for (unsigned i = 0; i < SESSIONS; i++)
			offer_hello(i);
		gyr_clock_sim_advance(&sim_clock, 1000000);
		(void)turn_round(gyr_server_lane(server, 0), spent_ns, step + 1);
		take_answers(run);
	}
	for (unsigned i = 0; i < SESSIONS; i++)
		gyr_assert(net.clients[i].session != 0);
}

/* All transactions through the server; the first tenth is warming up. */
static void drive(struct run *run, struct gyr_server *server)
{
	struct gyr_lane *lane = gyr_server_lane(server, 0);
	uint64_t cost_ns = reading_costs_ns();
	uint64_t sum_ns[STAGES_MAX] = { 0 };
	uint64_t spent_ns[STAGES_MAX];
	uint64_t sent = 0, counted_from = 0, finished_before = 0;
	time_t progress_at = time(NULL);

	gyr_assert(lane->stage_count <= STAGES_MAX);
	run->stage_count = lane->stage_count;
	connect_all(run, server);
	for (uint64_t number = 3; net.finished < run->work->count; number++) {
		uint64_t offered;

		net.rx_head = net.rx_count = 0;
		offered = offer_submissions(run, sent);
		sent += offered;
		gyr_clock_sim_advance(&sim_clock, 10000 + offered * 1000000000u / rate);
		if (turn_round(lane, spent_ns, number) == 0 && offered == 0)
			(void)usleep(50); /* for the disk */
		else
			for (unsigned i = 0; i < lane->stage_count; i++)
				sum_ns[i] += spent_ns[i] - gyr_min_u64(spent_ns[i], cost_ns);
		gyr_assert(net.rx_head == net.rx_count);
		take_answers(run);
		gyr_perf_check(gyr_server_failed(server));
		if (counted_from == 0 && net.finished >= run->work->count / 10) {
			counted_from = net.finished;
			memset(sum_ns, 0, sizeof sum_ns);
		}
		if (net.finished != finished_before)
			progress_at = time(NULL);
		finished_before = net.finished;
		if (time(NULL) - progress_at > STALLED_S) {
			(void)fprintf(stderr, "perf_pipeline: no answers any more\n");
			exit(1);
		}
	}
	for (unsigned i = 0; i < lane->stage_count; i++) {
		run->names[i] = lane->stages[i].ops->name;
		run->stage_ns[i] = (double)sum_ns[i] / (double)(run->work->count - counted_from);
	}
}

static void write_genesis(const char *path, const struct gyr_load_work *work)
{
	const struct gyr_load_genesis genesis = {
		.chain_id = CHAIN_ID,
		.gas_limit = BLOCK_GAS,
		.base_fee = 1000000000u,
		.balance_ether = 1000000,
		.timestamp = UTC_START / 1000000000u - 1,
	};
	FILE *file = fopen(path, "w");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	gyr_perf_check(gyr_load_write_genesis(file, &genesis, work->accounts, work->account_count));
	(void)fclose(file);
}

static void make_conf(struct gyr_conf *conf, const struct run *run)
{
	static const enum gyr_conf_stage_kind stages[] = {
		GYR_CONF_STAGE_GATE,	GYR_CONF_STAGE_VERIFY, GYR_CONF_STAGE_SEQUENCE,
		GYR_CONF_STAGE_WAL,	GYR_CONF_STAGE_EXEC,   GYR_CONF_STAGE_ROOT,
		GYR_CONF_STAGE_PREPARE,
	};
	struct gyr_conf_lane *lane = &conf->lanes[0];

	gyr_conf_default(conf);
	(void)snprintf(conf->chain.genesis, sizeof conf->chain.genesis, "%s/genesis.json", folder);
	(void)snprintf(conf->data.directory, sizeof conf->data.directory, "%s", folder);
	(void)snprintf(conf->recover.driver, sizeof conf->recover.driver, "%s", run->recover);
	conf->recover.known_senders = 0;
	conf->memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf->memory.lock = false;
	conf->sequence.block_gas = BLOCK_GAS;
	/* Simulated time does not wait for the disk: WINDOW is the limit. */
	conf->log.undurable_time_max = 60000000000u;
	conf->exec.account_count = gyr_max_u64(65536, 2 * run->work->account_count);
	conf->exec.slot_count = 65536;
	conf->sessions.rate = 1000000000;
	conf->sessions.burst = 1000000000;
	conf->sessions.idle_time = 3600000000000u;
	conf->gate_count = 1;
	(void)snprintf(conf->gates[0].device, sizeof conf->gates[0].device, "memory:");
	conf->verify_count = 1;
	conf->lane_count = 1;
	(void)snprintf(lane->name, sizeof lane->name, "all");
	lane->kind = GYR_CONF_LANE_DATA;
	lane->cpu = -1;
	for (unsigned i = 0; i < GYR_COUNT(stages); i++)
		lane->stages[lane->stage_count++] = (struct gyr_conf_stage){ .kind = stages[i] };
}

static void wait_for_disk(void *context)
{
	(void)context;
	gyr_clock_sim_advance(&sim_clock, 1000);
}

static const struct gyr_recover_ops *const recover_drivers[] = {
	&gyr_recover_ifma, &gyr_recover_secp256k1, &gyr_recover_portable, &gyr_recover_stub
};

/* ns per signature of the driver alone, in batches as it takes them. */
static double recovery_alone(const struct run *run)
{
	static struct gyr_recover_request requests[ALONE_COUNT];
	const struct gyr_recover_conf conf = { .candidates = recover_drivers,
					       .candidate_count = GYR_COUNT(recover_drivers),
					       .reference = &gyr_recover_portable,
					       .forced = run->recover };
	struct gyr_address addresses[GYR_RECOVER_BATCH_MAX];
	struct gyr_recover recover;
	struct gyr_txn_rules rules;
	size_t size = gyr_recover_memory(&conf) + 4096;
	void *memory = gyr_perf_need(calloc(1, size));
	struct gyr_arena arena = gyr_arena_over(memory, size);
	double values[5];

	gyr_perf_check(gyr_recover_init(&recover, &arena, &conf));
	gyr_txn_rules_init(&rules, GYR_FORK_PRAGUE, CHAIN_ID);
	for (unsigned i = 0; i < ALONE_COUNT; i++) {
		struct gyr_slice raw = gyr_load_transaction(run->work, i % run->work->count);
		struct gyr_hash hash;
		struct gyr_txn txn;

		gyr_assert(gyr_txn_parse(&txn, raw, &rules) == GYR_VERDICT_OK);
		gyr_txn_signing_hash(&hash, &txn, gyr_accel_keccak_simd());
		memcpy(requests[i].hash, hash.bytes, 32);
		memcpy(requests[i].r, txn.r, 32);
		memcpy(requests[i].s, txn.s, 32);
		requests[i].parity = txn.parity;
	}
	for (unsigned round = 0; round < GYR_COUNT(values); round++) {
		uint64_t begun_ns = gyr_perf_now_ns();
		unsigned count;

		for (unsigned i = 0; i < ALONE_COUNT; i += count) {
			uint64_t valid;

			count = gyr_recover_take(&recover, ALONE_COUNT - i);
			gyr_perf_check(gyr_recover_batch(&recover, &valid, addresses, NULL,
							 requests + i, count));
		}
		values[round] = (double)(gyr_perf_now_ns() - begun_ns) / ALONE_COUNT;
	}
	gyr_recover_fini(&recover);
	free(memory);
	return gyr_perf_median(values, GYR_COUNT(values));
}

static void measure(struct run *run)
{
	static const struct gyr_netdev_ops *const nets[] = { &memory_net };
	static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_pwrite };
	static struct gyr_conf conf;
	struct gyr_server *server;
	struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .net = nets,
			     .net_count = 1,
			     .block = blocks,
			     .block_count = 1,
			     .recover = recover_drivers,
			     .recover_count = GYR_COUNT(recover_drivers),
			     .recover_reference = &gyr_recover_portable,
			     .keccak = gyr_accel_keccak_simd(),
			     .precompile = &gyr_precompile_portable,
			     .clock = &sim_clock },
		.seed = 1,
		.wait = wait_for_disk,
	};
	double before_ns;

	memset(&net, 0, sizeof net);
	gyr_perf_command("mkdir -p", folder);
	make_conf(&conf, run);
	write_genesis(conf.chain.genesis, run->work);
	gyr_clock_sim_open(&sim_clock, &clock_state, UTC_START);
	gyr_perf_check(gyr_server_open(&server, &options));
	before_ns = recovery_alone(run);
	drive(run, server);
	run->alone_ns = (before_ns + recovery_alone(run)) / 2;
	gyr_server_close(server);
	gyr_perf_command("rm -rf", folder);
}

/* Transfers as the stub wants them: the sender in r. */
static void forge(struct gyr_load_work *work)
{
	for (uint64_t i = 0; i < work->count; i++) {
		uint64_t sender = i % work->account_count;
		struct gyr_txn txn = {
			.type = GYR_TXN_DYNAMIC_FEE,
			.is_protected = true,
			.chain_id = CHAIN_ID,
			.nonce = i / work->account_count,
			.gas_limit = 21000,
			.max_priority_fee.limb[0] = work->max_priority_fee,
			.max_fee.limb[0] = work->max_fee,
			.value.limb[0] = work->value,
			.to = work->accounts[(sender + 1) % work->account_count].address,
			.s[31] = 1,
		};

		memcpy(txn.r + 12, work->accounts[sender].address.bytes, 20);
		work->lengths[i] = (uint8_t)gyr_txn_encode(
			work->bytes + i * GYR_LOAD_TRANSACTION_MAX, GYR_LOAD_TRANSACTION_MAX, &txn);
	}
}

static void make_work(struct gyr_load_work *work, uint64_t count, uint64_t account_count, bool real)
{
	struct gyr_load_account *accounts =
		gyr_perf_need(calloc(1, account_count * sizeof *accounts));
	struct gyr_rng rng;

	*work = (struct gyr_load_work){
		.accounts = accounts,
		.account_count = account_count,
		.count = count,
		.chain_id = CHAIN_ID,
		.max_fee = 1000000000000u,
		.max_priority_fee = 1000000000u,
		.value = 1,
		.bytes = gyr_perf_need(calloc(count, GYR_LOAD_TRANSACTION_MAX)),
		.lengths = gyr_perf_need(calloc(1, count)),
	};
	if (real) {
		gyr_perf_check(gyr_load_accounts(accounts, account_count, 1, 1));
		gyr_perf_check(gyr_load_sign(work, 1));
		return;
	}
	gyr_rng_init(&rng, 1);
	for (uint64_t i = 0; i < account_count; i++)
		for (unsigned k = 0; k < 20; k++)
			accounts[i].address.bytes[k] = (uint8_t)gyr_rng_next(&rng);
	forge(work);
}

/* Cold work that a server gives to another core. */
static bool is_apart(const char *name)
{
	return strcmp(name, "root") == 0 || strcmp(name, "prepare") == 0;
}

static double total_of(const struct run *run)
{
	double sum = 0;

	for (unsigned i = 0; i < run->stage_count; i++)
		sum += is_apart(run->names[i]) ? 0 : run->stage_ns[i];
	return sum;
}

static void print_stages(const struct run *runs, unsigned count, bool apart)
{
	for (unsigned i = 0; i < runs[0].stage_count; i++) {
		if (is_apart(runs[0].names[i]) != apart)
			continue;
		(void)printf("%-24s", runs[0].names[i]);
		for (unsigned k = 0; k < count; k++) {
			double ns = runs[k].stage_ns[i];

			if (apart)
				(void)printf("%10.1f        ", ns);
			else
				(void)printf("%10.1f %5.1f %%", ns, 100 * ns / total_of(&runs[k]));
		}
		(void)printf("\n");
	}
}

static void print(const struct run *runs, unsigned count)
{
	(void)printf("%-24s", "ns per transaction");
	for (unsigned k = 0; k < count; k++) {
		char title[32];

		(void)snprintf(title, sizeof title, "%s, %u/dgram", runs[k].recover, runs[k].batch);
		(void)printf("%18s", title);
	}
	(void)printf("\n");
	print_stages(runs, count, false);
	(void)printf("%-24s", "one core for all of it");
	for (unsigned k = 0; k < count; k++)
		(void)printf("%10.1f        ", total_of(&runs[k]));
	(void)printf("\n%-24s", "without recovery");
	for (unsigned k = 0; k < count; k++)
		(void)printf("%10.1f        ", total_of(&runs[k]) - runs[k].alone_ns);
	(void)printf("\n%-24s", "recovery alone");
	for (unsigned k = 0; k < count; k++)
		(void)printf("%10.1f        ", runs[k].alone_ns);
	(void)printf("\n\non a cold lane:\n");
	print_stages(runs, count, true);
	(void)printf("\n");
	for (unsigned k = 0; k < count; k++) {
		const struct run *run = &runs[k];

		(void)printf("%s, %u/dgram: %llu transactions of %llu accounts in %llu blocks; %llu"
			     " skipped, %llu failed",
			     run->recover, run->batch, (unsigned long long)run->work->count,
			     (unsigned long long)run->work->account_count,
			     (unsigned long long)run->blocks, (unsigned long long)run->skipped,
			     (unsigned long long)run->failed);
		for (unsigned code = 0; code < 256; code++)
			if (run->rejected[code] > 0)
				(void)printf(", %llu %s", (unsigned long long)run->rejected[code],
					     gyr_verdict_name(code));
		(void)printf("\n");
	}
	(void)printf("One core with recovery reaches %.1f %% of what recovery alone reaches.\n",
		     100 * runs[count - 1].alone_ns / total_of(&runs[count - 1]));
}

static uint64_t argument(int argc, char **argv, int index, uint64_t fallback)
{
	uint64_t value = index < argc ? strtoull(argv[index], NULL, 10) : fallback;

	if (value > 0)
		return value;
	(void)fprintf(stderr, "usage: %s [transactions [accounts [transactions/s]]]\n", argv[0]);
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t count = argument(argc, argv, 1, 300000);
	uint64_t account_count = argument(argc, argv, 2, 100000);
	struct gyr_load_work forged, real;
	static struct run runs[3];

	rate = argument(argc, argv, 3, rate);
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 1;
	}
	make_work(&forged, count, account_count, false);
	make_work(&real, gyr_min_u64(count, REAL_COUNT), gyr_min_u64(account_count, REAL_SENDERS),
		  true);
	runs[0] = (struct run){ .work = &forged, .recover = "stub", .batch = 8 };
	runs[1] = (struct run){ .work = &forged, .recover = "stub", .batch = 1 };
	runs[2] = (struct run){ .work = &real, .recover = "auto", .batch = 8 };
	for (unsigned i = 0; i < GYR_COUNT(runs); i++)
		measure(&runs[i]);
	print(runs, GYR_COUNT(runs));
	return 0;
}
