/* SPDX-License-Identifier: Apache-2.0 */
#include "server_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum gyr_mem_huge huge_of(enum gyr_conf_hugepages hugepages)
{
	switch (hugepages) {
	case GYR_CONF_HUGEPAGES_TRY:
		return GYR_MEM_HUGE_TRY;
	case GYR_CONF_HUGEPAGES_NEVER:
		return GYR_MEM_HUGE_NEVER;
	case GYR_CONF_HUGEPAGES_MUST:
		break;
	}
	return GYR_MEM_HUGE_MUST;
}

static int open_genesis(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;

	GYR_TRY(gyr_genesis_open(&server->genesis, conf->chain.genesis));
	server->chain = *gyr_genesis_chain(server->genesis);
	if (conf->chain.id != 0 && conf->chain.id != server->chain.chain_id)
		GYR_FAIL(GYR_ERR_CONFIG, "chain.id is %llu, but %s says %llu",
			 (unsigned long long)conf->chain.id, conf->chain.genesis,
			 (unsigned long long)server->chain.chain_id);
	return 0;
}

static int seed_random(struct gyr_server *server)
{
	uint64_t seed = server->options.seed;

	if (seed == 0)
		GYR_TRY(gyr_rng_entropy(&seed, sizeof seed));
	gyr_rng_init(&server->rng, seed);
	return 0;
}

static void set_state(struct gyr_server *server, enum server_state state)
{
	gyr_metric_set(&server->metric.area->server[0].state, (uint64_t)state);
}

uint64_t server_utc_ns(const struct gyr_server *server)
{
	const struct gyr_clock *clock = server->options.drivers.clock;

	return gyr_clock_utc_at(clock, gyr_clock_now_ns(clock)).utc_ns;
}

static int open_journal(struct gyr_server *server)
{
	void *memory;

	if (!server->options.journal)
		return 0;
	server_place(server, GYR_CONF_STAGE_JOURNAL, 0);
	GYR_TRY(server_carve(server, &memory, "journal", sizeof *server->stage_journal));
	GYR_TRY(stage_journal_open(memory, &server->conf));
	server->stage_journal = memory;
	GYR_TRY(server_carve(server, &memory, "journal-ring",
			     stage_journal_ring_size(server->stage_journal)));
	server->journal = gyr_journal_writer_add(&server->stage_journal->journal, memory);
	server_place(server, GYR_CONF_STAGE_KIND_COUNT, 0);
	return 0;
}

int server_open_metrics(struct gyr_server *server)
{
	GYR_TRY(gyr_metric_create(
		&server->metric, server->options.share_metrics ? server->conf.data.directory : NULL,
		GYR_VERSION, server_utc_ns(server)));
	gyr_metric_label(server->metric.area->server[0].label, "gyrd");
	server->stage_metrics.server = server;
	set_state(server, SERVER_RECOVERING);
	if (server->stage_journal == NULL)
		return 0;
	GYR_TRY(stage_journal_open_errors(server->stage_journal, server->conf.data.directory));
	server->stage_journal->metric = &server->metric.area->journal[0];
	return 0;
}

/* What opening found, in a few lines. */
static void tell_opened(struct gyr_server *server)
{
	const struct gyr_server_recovery *recovery = &server->recovery;
	const struct gyr_topo_plan *plan = server->options.plan;
	const struct gyr_recover *recover = &server->verifies[0]->recover;
	struct gyr_journal_writer *to = server->journal;
	uint64_t utc_ns = server_utc_ns(server);

	GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_NOTE,
		    "gyr {version:s}, process {pid:u}, serves {directory:s} as {path:s} says",
		    (uintptr_t)GYR_VERSION, (uint64_t)getpid(),
		    (uintptr_t)server->conf.data.directory, (uintptr_t)server->conf.path);
	GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_NOTE,
		    "epoch {epoch:u} begins at log position {position:u}: {records:u} records, "
		    "{transactions:u} transactions replayed in {time:ns}, block {block:u}",
		    recovery->epoch, recovery->cut, recovery->record_count,
		    recovery->transaction_count, recovery->duration_ns, recovery->block_number);
	GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_NOTE,
		    "senders are recovered by {driver:s}; one in {every:u} repeated on "
		    "{reference:s} (0: none)",
		    (uintptr_t)recover->ops->name, recover->shadow_every,
		    (uintptr_t)recover->reference->name);
	if (recover->reason[0] != '\0')
		GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_WARNING,
			    "the first choice of recovery driver is not used: {reason:s}",
			    (uintptr_t)recover->reason);
	GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_NOTE, "the log is written by {device:s}",
		    (uintptr_t)gyr_blockdev_describe(server->device));
	for (unsigned i = 0; i < server->conf.gate_count; i++)
		GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_NOTE,
			    "gate {gate:u} serves on {device:s}, port {port:u}", i,
			    (uintptr_t)server->conf.gates[i].device,
			    server->gates[i].device.info.port);
	for (unsigned i = 0; i < server->mem.warning_count; i++)
		GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_WARNING, "memory: {warning:s}",
			    (uintptr_t)server->mem.warnings[i]);
	for (unsigned i = 0; plan != NULL && i < plan->warning_count; i++)
		GYR_JOURNAL(to, utc_ns, GYR_JOURNAL_WARNING, "plan: {warning:s}",
			    (uintptr_t)plan->warnings[i]);
	stage_journal_flush(server->stage_journal, utc_ns);
}

static int open_all(struct gyr_server *server)
{
	struct gyr_mem_options memory = {
		.huge = huge_of(server->conf.memory.hugepages),
		.lock = server->conf.memory.lock,
		.bytes_max = server->conf.memory.size_max,
	};

	server->node = GYR_MEM_NODE_ANY;
	gyr_mem_open(&server->mem, &memory);
	GYR_TRY(gyr_confine_find(&server->user, server->conf.security.user,
				 server->conf.security.group));
	GYR_TRY(open_journal(server));
	GYR_TRY(seed_random(server));
	GYR_TRY(open_genesis(server));
	GYR_TRY(server_build(server));
	GYR_TRY(server_recover(server));
	gyr_genesis_close(server->genesis);
	server->genesis = NULL;
	GYR_TRY(server_build_gates(server));
	return server_build_lanes(server);
}

static void tell_start_failed(struct gyr_server *server)
{
	GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_ERROR,
		    "the server does not start: {cause:s}", (uintptr_t)gyr_err_cause());
}

int gyr_server_replay(struct gyr_server_recovery *out, const struct gyr_server_options *options)
{
	struct gyr_server *server = calloc(1, sizeof *server);
	const struct gyr_mem_options memory = { .huge = GYR_MEM_HUGE_NEVER };
	int error;

	if (server == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the replay");
	server->options = *options;
	server->conf = *options->conf;
	server->conf.checkpoint.enabled = false;
	server->node = GYR_MEM_NODE_ANY;
	gyr_mem_open(&server->mem, &memory);
	error = open_genesis(server);
	if (error == 0)
		error = server_build_replay(server);
	if (error == 0)
		error = server_replay(server);
	*out = server->recovery;
	gyr_server_close(server);
	return error;
}

int gyr_server_open(struct gyr_server **out, const struct gyr_server_options *options)
{
	struct gyr_server *server = calloc(1, sizeof *server);
	int error;

	if (server == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the server");
	server->options = *options;
	server->conf = *options->conf;
	error = open_all(server);
	if (error < 0) {
		tell_start_failed(server);
		gyr_server_close(server);
		return error;
	}
	if (server->journal != NULL)
		tell_opened(server);
	*out = server;
	return 0;
}

const struct gyr_server_recovery *gyr_server_recovery(const struct gyr_server *server)
{
	return &server->recovery;
}

const struct gyr_netdev_info *gyr_server_gate(const struct gyr_server *server, unsigned gate)
{
	gyr_assert(gate < server->conf.gate_count);
	return &server->gates[gate].device.info;
}

struct gyr_journal_writer *gyr_server_journal(struct gyr_server *server)
{
	return server->journal;
}

const struct gyr_mem *gyr_server_memory(const struct gyr_server *server)
{
	return &server->mem;
}

void gyr_server_print_memory(const struct gyr_server *server, FILE *to)
{
	gyr_mem_print(&server->mem, to);
}

static int start_lanes(struct gyr_server *server)
{
	GYR_TRY(server_confine(server));
	stage_metrics_publish(server, server_utc_ns(server));
	if (server->stage_journal != NULL)
		stage_journal_flush(server->stage_journal, server_utc_ns(server));
	gyr_mem_seal(&server->mem);
	server->started = true;
	for (unsigned i = 0; i < server->lane_count; i++)
		GYR_TRY(gyr_lane_start(server->lanes[i]));
	set_state(server, SERVER_SERVING);
	return server_confine_more(server);
}

int gyr_server_start(struct gyr_server *server)
{
	int error = start_lanes(server);

	if (error < 0)
		tell_start_failed(server);
	return error;
}

unsigned gyr_server_lane_count(const struct gyr_server *server)
{
	return server->lane_count;
}

struct gyr_lane *gyr_server_lane(struct gyr_server *server, unsigned lane)
{
	gyr_assert(lane < server->lane_count);
	return server->lanes[lane];
}

int gyr_server_failed(struct gyr_server *server)
{
	int error = pipeline_failed(&server->fault);

	if (error == 0)
		return 0;
	(void)gyr_err_push((enum gyr_err)(-error), __FILE__, __LINE__, "stage %s: %s",
			   server->fault.stage, server->fault.cause);
	if (!server->fault_told)
		GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_ERROR,
			    "the server stops: stage {stage:s}: {cause:s}",
			    (uintptr_t)server->fault.stage, (uintptr_t)server->fault.cause);
	server->fault_told = true;
	return error;
}

int gyr_server_stop(struct gyr_server *server, uint64_t timeout_ns)
{
	uint64_t begun_ns = gyr_clock_now_ns(server->options.drivers.clock);
	int error;

	server->stopped = true;
	set_state(server, SERVER_DRAINING);
	GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_NOTE,
		    "told to stop: finishing what is under way");
	gyr_mem_closing(&server->mem);
	error = gyr_lane_stop_all(server->lanes, server->lane_count, timeout_ns);
	if (error < 0)
		GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_ERROR,
			    "stopped without having finished: {cause:s}",
			    (uintptr_t)gyr_err_cause());
	else
		GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_NOTE,
			    "stopped in order after {time:ns}, everything up to position "
			    "{position:u} is durable",
			    gyr_clock_now_ns(server->options.drivers.clock) - begun_ns,
			    gyr_log_durable(server->log));
	if (server->stage_journal != NULL)
		stage_journal_flush(server->stage_journal, server_utc_ns(server));
	return error;
}

void gyr_server_close(struct gyr_server *server)
{
	if (server == NULL)
		return;
	gyr_mem_closing(&server->mem);
	if (server->started && !server->stopped &&
	    gyr_lane_stop_all(server->lanes, server->lane_count, 0) < 0)
		gyr_err_clear(); /* a crash is what is asked for */
	for (unsigned i = 0; i < server->lane_count; i++)
		gyr_lane_fini(server->lanes[i]);
	for (unsigned i = 0; i < server->conf.gate_count; i++)
		if (server->gates[i].open)
			gyr_netdev_close(&server->gates[i].device);
	if (server->wal_open)
		gyr_wal_close(server->wal);
	gyr_checkpoint_close(server->stage_checkpoint.store);
	if (server->device != NULL)
		gyr_blockdev_close(server->device);
	gyr_genesis_close(server->genesis);
	if (server->stage_journal != NULL)
		stage_journal_close(server->stage_journal, server_utc_ns(server));
	gyr_metric_close(&server->metric);
	gyr_mem_close(&server->mem);
	free(server);
}

struct gyr_hash gyr_server_state_root(struct gyr_server *server)
{
	return *gyr_stf_root_state(server->stage_root.root);
}
