/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_accel_keccak_simd.h"
#include "gyr_err.h"
#include "gyr_known_portable.h"
#include "gyr_precompile.h"
#include "gyr_recover_secp256k1.h"
#include "sim.h"

#define WIRE_MEMORY	(24u << 20)
#define UTC_START	1800000000000000000ull
#define CALM_TURNS_MAX	400000u
#define STOP_TURNS_MAX	200000u
#define STAGES_IN_ORDER 16
#define DISK_CAPACITY	(64u << 20)
#define FULL_CAPACITY	4096u /* less than is there: no segment can be made */

#define STARVED_TURNS_MAX 400

/* Time passes without a turn, so that blocks and checkpoints come. */
#define LEAP_ONE_IN 80
#define LEAP_NS_MAX 1500000000u

bool sim_violated(struct sim_world *world, const char *format, ...)
{
	va_list args;

	if (world->reason[0] == '\0') {
		va_start(args, format);
		(void)vsnprintf(world->reason, sizeof world->reason, format, args);
		va_end(args);
	}
	return false;
}

struct gyr_netdev_time sim_time(const struct sim_world *world)
{
	uint64_t now_ns = world->clock_state.now_ns;
	struct gyr_clock_utc utc = gyr_clock_utc_at(&world->clock, now_ns);

	return (struct gyr_netdev_time){ now_ns, utc.utc_ns, utc.error_ns };
}

static void wait_for_disk(void *context)
{
	struct sim_world *world = context;

	gyr_clock_sim_advance(&world->clock, 1000);
}

int sim_server_open(struct sim_world *world)
{
	struct gyr_store_sim_faults *faults = gyr_store_sim_disk_faults(world->store);
	uint32_t fail_commit_one_in = faults->fail_commit_one_in;
	static const struct gyr_netdev_ops *const net[] = { &gyr_net_sim };
	static const struct gyr_blockdev_ops *const block[] = { &gyr_block_sim };
	static const struct gyr_recover_ops *const recover[] = { &gyr_recover_secp256k1 };
	static bool tested; /* the drivers' self-tests would be most of a seed's work */
	struct gyr_server_options options = {
		.conf = &world->conf,
		.drivers = { .net = net,
			     .net_count = 1,
			     .block = block,
			     .block_count = 1,
			     .block_context = world->disk,
			     .store = &gyr_store_sim,
			     .store_context = world->store,
			     .recover = recover,
			     .recover_count = 1,
			     .recover_reference = &gyr_recover_secp256k1,
			     .known = &gyr_known_portable,
			     .tested = tested,
			     .keccak = gyr_accel_keccak_simd(),
			     .precompile = &gyr_precompile_portable,
			     .clock = &world->clock },
		.seed = gyr_rng_next(&world->rng) | 1,
		.wait = wait_for_disk,
		.wait_context = world,
	};
	int error;

	/* a store that cannot be written to at start is refused, as it should be */
	faults->fail_commit_one_in = 0;
	world->statistics.starts++;
	error = gyr_server_open(&world->server, &options);
	faults->fail_commit_one_in = fail_commit_one_in;
	GYR_TRY(error);
	tested = true;
	world->statistics.checkpoints_used +=
		gyr_server_recovery(world->server)->checkpoint_block != 0;
	return 0;
}

static void close_server(struct sim_world *world)
{
	gyr_server_close(world->server);
	world->server = NULL;
}

/* The power goes, or only the process does. */
static void cut(struct sim_world *world)
{
	bool torn = gyr_rng_below(&world->rng, 3) != 0;

	if (torn)
		world->statistics.power_cuts++;
	else
		world->statistics.kills++;
	gyr_block_sim_disk_cut(world->disk, torn);
}

/* A disk that works again: what was wrong with it is mended before the server comes back. */
static void mend_disk(struct sim_world *world)
{
	struct gyr_block_sim_faults *disk = gyr_block_sim_disk_faults(world->disk);

	disk->fail_write_number = 0;
	disk->fail_read_one_in = 0;
	disk->frozen = false;
	disk->capacity = DISK_CAPACITY;
}

/* Recovery meets a disk that fails to read or to write, or is full: it must say so, and harm
 * nothing. */
static void open_in_trouble(struct sim_world *world)
{
	struct gyr_block_sim_faults *disk = gyr_block_sim_disk_faults(world->disk);

	switch (gyr_rng_below(&world->rng, 3)) {
	case 0:
		disk->fail_read_one_in = 1 + (uint32_t)gyr_rng_below(&world->rng, 20);
		break;
	case 1:
		disk->fail_write_number =
			(uint32_t)gyr_block_sim_disk_statistics(world->disk)->writes_queued + 1;
		break;
	default:
		disk->capacity = FULL_CAPACITY;
		break;
	}
	world->statistics.disk_faults++;
	if (sim_server_open(world) < 0) {
		gyr_err_clear();
		world->server = NULL;
		gyr_block_sim_disk_cut(world->disk, gyr_rng_below(&world->rng, 2) == 0);
	} else {
		cut(world);
		close_server(world);
	}
	mend_disk(world);
}

/* A crash, and the way back. */
static int crash(struct sim_world *world)
{
	cut(world);
	close_server(world);
	mend_disk(world);
	world->starved_turns = 0;
	gyr_clock_sim_advance(&world->clock, gyr_rng_below(&world->rng, 50000000));
	if (!world->calm && gyr_rng_below(&world->rng, 4) == 0)
		open_in_trouble(world);
	return sim_server_open(world);
}

/* One turn of the lane with its stages in a random order, some left out. */
static void turn(struct sim_world *world)
{
	struct gyr_lane *lane = gyr_server_lane(world->server, 0);
	uint8_t order[STAGES_IN_ORDER];
	unsigned count = 0;

	for (unsigned i = 0; i < lane->stage_count && i < STAGES_IN_ORDER; i++) {
		unsigned at = (unsigned)gyr_rng_below(&world->rng, count + 1);

		if (!world->calm && gyr_rng_below(&world->rng, 5) == 0)
			continue;
		if (i == world->starved && world->starved_turns > 0)
			continue;
		memmove(order + at + 1, order + at, count - at);
		order[at] = (uint8_t)i;
		count++;
	}
	if (world->starved_turns > 0)
		world->starved_turns--;
	(void)gyr_lane_turn_order(lane, order, count);
	world->statistics.turns++;
}

static uint32_t ppm(struct sim_world *world, uint32_t max)
{
	return gyr_rng_below(&world->rng, 3) == 0 ? (uint32_t)gyr_rng_below(&world->rng, max) : 0;
}

static void choose_faults(struct sim_world *world)
{
	struct gyr_block_sim_faults *disk = gyr_block_sim_disk_faults(world->disk);
	struct gyr_net_sim_faults *wire = &world->wire.faults;

	wire->loss_ppm = ppm(world, 100000);
	wire->duplicate_ppm = ppm(world, 100000);
	wire->reorder_ppm = ppm(world, 200000);
	wire->truncate_ppm = ppm(world, 20000);
	wire->corrupt_ppm = ppm(world, 20000);
	wire->refuse_ppm = ppm(world, 50000);
	wire->delay_ns_min = 1000;
	wire->delay_ns_max = 1000 + gyr_rng_below(&world->rng, 100000);
	wire->reorder_ns_max = 300000;
	disk->poll_delay_max = (uint32_t)gyr_rng_below(&world->rng, 40);
	disk->short_one_in = gyr_rng_below(&world->rng, 3) == 0 ? 50 : 0;
	disk->lies = world->options->broken == SIM_BREAK_DISK_LIES;
}

static void calm_down(struct sim_world *world)
{
	struct gyr_block_sim_faults *disk = gyr_block_sim_disk_faults(world->disk);
	bool lies = disk->lies;

	world->calm = true;
	world->starved_turns = 0;
	memset(&world->wire.faults, 0, sizeof world->wire.faults);
	*disk = (struct gyr_block_sim_faults){ .lies = lies, .capacity = DISK_CAPACITY };
}

/* Rare events of the outside world; returns whether the server must be taken as crashed. */
static bool misfortune(struct sim_world *world)
{
	struct gyr_block_sim_faults *disk = gyr_block_sim_disk_faults(world->disk);

	if (gyr_rng_below(&world->rng, 400) == 0) {
		gyr_clock_sim_step_utc(&world->clock,
				       (int64_t)gyr_rng_below(&world->rng, 4000000000u) -
					       2000000000);
		world->statistics.clock_steps++;
	}
	if (gyr_rng_below(&world->rng, 2000) == 0) {
		disk->fail_write_number =
			(uint32_t)gyr_block_sim_disk_statistics(world->disk)->writes_queued + 1 +
			(uint32_t)gyr_rng_below(&world->rng, 4);
		world->statistics.disk_faults++;
	}
	if (gyr_rng_below(&world->rng, 1500) == 0)
		disk->frozen = !disk->frozen;
	if (gyr_rng_below(&world->rng, 4000) == 0)
		disk->capacity = FULL_CAPACITY;
	if (gyr_rng_below(&world->rng, world->prunes ? LEAP_ONE_IN / 16 : LEAP_ONE_IN) == 0)
		gyr_clock_sim_advance(&world->clock, gyr_rng_below(&world->rng, LEAP_NS_MAX));
	if (gyr_rng_below(&world->rng, 1000) == 0) {
		world->starved = (unsigned)gyr_rng_below(&world->rng, STAGES_IN_ORDER);
		world->starved_turns = (uint32_t)gyr_rng_below(&world->rng, STARVED_TURNS_MAX);
	}
	return gyr_rng_below(&world->rng, 700) == 0;
}

/* One step of everything. */
static int step(struct sim_world *world)
{
	gyr_clock_sim_advance(&world->clock, 1000 + gyr_rng_below(&world->rng, 60000));
	gyr_net_sim_wire_advance(&world->wire, world->clock_state.now_ns);
	sim_clients_turn(world);
	turn(world);
	if (gyr_server_failed(world->server) < 0) {
		if (world->calm && world->options->broken == SIM_BREAK_NOTHING) {
			(void)sim_violated(world, "the server stopped without a fault: %s",
					   gyr_err_cause());
			return 0;
		}
		gyr_err_clear();
		return crash(world);
	}
	return 0;
}

/* The server is told to stop, and must come to an end with everything durable. */
static int stop_in_order(struct sim_world *world)
{
	struct gyr_lane *lane = gyr_server_lane(world->server, 0);

	gyr_lane_request_stop(lane);
	for (unsigned i = 0; i < STOP_TURNS_MAX; i++) {
		gyr_clock_sim_advance(&world->clock, 5000);
		gyr_net_sim_wire_advance(&world->wire, world->clock_state.now_ns);
		(void)gyr_lane_turn(lane);
		if (gyr_lane_drained(lane)) {
			world->last_root = gyr_server_state_root(world->server);
			close_server(world);
			return 0;
		}
	}
	GYR_FAIL(GYR_ERR_TIMEOUT, "the server does not come to an end");
}

static int live(struct sim_world *world)
{
	GYR_TRY(sim_server_open(world));
	GYR_TRY(sim_clients_open(world));
	for (uint32_t i = 0; i < world->options->steps && world->reason[0] == '\0'; i++) {
		if (i % 256 == 0)
			choose_faults(world);
		GYR_TRY(step(world));
		if (misfortune(world))
			GYR_TRY(crash(world));
	}
	calm_down(world);
	GYR_TRY(crash(world));
	for (uint32_t i = 0; !sim_clients_content(world) && world->reason[0] == '\0'; i++) {
		if (i == CALM_TURNS_MAX) {
			(void)sim_violated(world, "not everything becomes durable in a calm world");
			break;
		}
		GYR_TRY(step(world));
	}
	return world->reason[0] != '\0' ? 0 : stop_in_order(world);
}

static void add_stages(struct gyr_conf_lane *lane, enum gyr_conf_stage_kind kind, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		lane->stages[lane->stage_count++] = (struct gyr_conf_stage){ .kind = kind,
									     .index = i };
}

/* One lane with everything: one or two gates, one or two verifiers. */
static void make_lane(struct sim_world *world)
{
	struct gyr_conf *conf = &world->conf;
	struct gyr_conf_lane *lane = &conf->lanes[0];
	static const enum gyr_conf_stage_kind single[] = {
		GYR_CONF_STAGE_SEQUENCE,   GYR_CONF_STAGE_WAL,	     GYR_CONF_STAGE_EXEC,
		GYR_CONF_STAGE_KNOWN,	   GYR_CONF_STAGE_TRANSLATE, GYR_CONF_STAGE_ROOT,
		GYR_CONF_STAGE_CHECKPOINT, GYR_CONF_STAGE_PREPARE,
	};

	conf->gate_count = 1 + (unsigned)gyr_rng_below(&world->rng, 2);
	for (unsigned i = 0; i < conf->gate_count; i++)
		(void)snprintf(conf->gates[i].device, sizeof conf->gates[i].device,
			       "sim:wire=sim,address=10.0.0.%u/24,port=9000", 1 + i);
	conf->verify_count = 1 + (unsigned)gyr_rng_below(&world->rng, 2);
	conf->lane_count = 1;
	(void)snprintf(lane->name, sizeof lane->name, "all");
	lane->kind = GYR_CONF_LANE_DATA;
	lane->cpu = -1;
	add_stages(lane, GYR_CONF_STAGE_GATE, conf->gate_count);
	add_stages(lane, GYR_CONF_STAGE_VERIFY, conf->verify_count);
	for (unsigned i = 0; i < GYR_COUNT(single); i++)
		add_stages(lane, single[i], 1);
}

/* Mostly checkpoints in short order; now and then none, a store that fails or is too small, or a
 * short duplicate window, so that the log is pruned. */
static void make_checkpoints(struct sim_world *world)
{
	struct gyr_store_sim_faults *store = gyr_store_sim_disk_faults(world->store);
	struct gyr_conf *conf = &world->conf;

	conf->checkpoint.enabled = gyr_rng_below(&world->rng, 8) != 0;
	conf->checkpoint.interval = 1000000u << gyr_rng_below(&world->rng, 12);
	conf->log.retain_size = gyr_rng_below(&world->rng, 2) * (1u << 20);
	world->prunes = gyr_rng_below(&world->rng, 3) == 0;
	if (world->prunes) {
		conf->sequence.duplicate_count = 16;
		conf->log.prepared = 1;
		conf->log.retain_size = 0;
	}
	if (gyr_rng_below(&world->rng, 8) == 0)
		store->fail_commit_one_in = 4;
	if (gyr_rng_below(&world->rng, 8) == 0)
		store->row_count_max = 12 + gyr_rng_below(&world->rng, 40);
}

static void make_conf(struct sim_world *world)
{
	struct gyr_conf *conf = &world->conf;

	gyr_conf_default(conf);
	(void)snprintf(conf->chain.genesis, sizeof conf->chain.genesis, "%s",
		       world->traffic->genesis);
	(void)snprintf(conf->data.directory, sizeof conf->data.directory, "sim");
	conf->memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf->memory.lock = false;
	conf->intake.slot_count = 16u << gyr_rng_below(&world->rng, 4);
	conf->intake.slot_size = 1024;
	conf->intake.large_count = 2;
	conf->recover.shadow_every = 64;
	conf->recover.known_senders = 1 + gyr_rng_below(&world->rng, 4);
	conf->sequence.mini_block_time = 1000000;
	conf->sequence.block_gas = 2100000;
	conf->sequence.transaction_gas_max = 100000;
	conf->sequence.park_count = 8;
	conf->sequence.park_per_sender = 4;
	conf->sequence.park_size_max = 512;
	conf->sequence.park_nonce_gap = 8;
	conf->sequence.park_time = 5000000;
	conf->sequence.duplicate_count = 1024;
	(void)snprintf(conf->log.driver, sizeof conf->log.driver, "auto");
	conf->log.ring_size = 2u << 20;
	conf->log.segment_size = 1u << 20;
	conf->log.block_size_max = 8192u << gyr_rng_below(&world->rng, 4);
	conf->log.in_flight = 1 + gyr_rng_below(&world->rng, 8);
	conf->log.undurable_size_max = 65536;
	conf->log.undurable_time_max = 100000000;
	conf->exec.account_count = 64;
	conf->exec.slot_count = 64;
	conf->exec.code_size = 65536;
	conf->exec.gas_slice = (int64_t)1 << (6 + gyr_rng_below(&world->rng, 12));
	conf->sessions.count_max = 8;
	conf->sessions.history_size = 65536;
	conf->sessions.history_count = 64;
	conf->sessions.chunked_count = 2;
	conf->sessions.idle_time = 2000000000;
	conf->sessions.known_count = gyr_rng_below(&world->rng, 4);
	conf->sessions.known_pinned = gyr_rng_below(&world->rng, 2);
	make_checkpoints(world);
	make_lane(world);
}

bool sim_run(struct sim_world *world, const struct sim_traffic *traffic,
	     const struct sim_options *options, uint64_t seed)
{
	struct gyr_arena arena;
	bool kept = false;

	memset(world, 0, sizeof *world);
	world->traffic = traffic;
	world->options = options;
	gyr_rng_init(&world->rng, seed);
	world->store = gyr_store_sim_disk_make(gyr_rng_next(&world->rng));
	if (world->store == NULL)
		return sim_violated(world, "no memory");
	make_conf(world);
	gyr_clock_sim_open(&world->clock, &world->clock_state, UTC_START);
	world->disk = gyr_block_sim_disk_make(gyr_rng_next(&world->rng));
	gyr_block_sim_disk_faults(world->disk)->capacity = DISK_CAPACITY;
	world->wire_memory = malloc(WIRE_MEMORY);
	arena = gyr_arena_over(world->wire_memory, WIRE_MEMORY);
	if (world->disk == NULL || world->wire_memory == NULL ||
	    gyr_net_sim_wire_init(&world->wire, &arena, "sim", gyr_rng_next(&world->rng), 4096,
				  1500) < 0 ||
	    live(world) < 0)
		(void)sim_violated(world, "%s", gyr_err_cause());
	if (world->reason[0] == '\0')
		kept = sim_check(world);
	world->statistics.checkpoints = gyr_store_sim_disk_commits(world->store);
	world->statistics.simulated_ns = world->clock_state.now_ns;
	world->statistics.frames_lost = world->wire.stats.lost;
	if (world->server != NULL)
		close_server(world);
	sim_clients_close(world);
	gyr_net_sim_wire_fini(&world->wire);
	gyr_block_sim_disk_free(world->disk);
	gyr_store_sim_disk_free(world->store);
	free(world->wire_memory);
	gyr_err_clear();
	return kept;
}
