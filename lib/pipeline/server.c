/* SPDX-License-Identifier: Apache-2.0 */
#include "server_internal.h"

#include <stdlib.h>
#include <string.h>

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

int server_open_metrics(struct gyr_server *server)
{
	const struct gyr_clock *clock = server->options.drivers.clock;
	struct gyr_clock_utc utc = gyr_clock_utc_at(clock, gyr_clock_now_ns(clock));

	GYR_TRY(gyr_metric_create(
		&server->metric, server->options.share_metrics ? server->conf.data.directory : NULL,
		GYR_VERSION, utc.utc_ns));
	gyr_metric_label(server->metric.area->server[0].label, "gyrd");
	server->stage_metrics.server = server;
	set_state(server, SERVER_RECOVERING);
	return 0;
}

static int open_all(struct gyr_server *server)
{
	struct gyr_mem_options memory = {
		.huge = huge_of(server->conf.memory.hugepages),
		.lock = server->conf.memory.lock,
		.bytes_max = server->conf.memory.size_max,
	};

	gyr_mem_open(&server->mem, &memory);
	GYR_TRY(seed_random(server));
	GYR_TRY(open_genesis(server));
	GYR_TRY(server_build(server));
	GYR_TRY(server_recover(server));
	gyr_genesis_close(server->genesis);
	server->genesis = NULL;
	GYR_TRY(server_build_gates(server));
	return server_build_lanes(server);
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
		gyr_server_close(server);
		return error;
	}
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

void gyr_server_print_memory(const struct gyr_server *server, FILE *to)
{
	gyr_mem_print(&server->mem, to);
}

int gyr_server_start(struct gyr_server *server)
{
	const struct gyr_clock *clock = server->options.drivers.clock;

	stage_metrics_publish(server, gyr_clock_utc_at(clock, gyr_clock_now_ns(clock)).utc_ns);
	set_state(server, SERVER_SERVING);
	gyr_mem_seal(&server->mem);
	server->started = true;
	for (unsigned i = 0; i < server->lane_count; i++)
		GYR_TRY(gyr_lane_start(server->lanes[i]));
	return 0;
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

	if (error < 0)
		(void)gyr_err_push((enum gyr_err)(-error), __FILE__, __LINE__, "stage %s: %s",
				   server->fault.stage, server->fault.cause);
	return error;
}

int gyr_server_stop(struct gyr_server *server, uint64_t timeout_ns)
{
	server->stopped = true;
	set_state(server, SERVER_DRAINING);
	gyr_mem_closing(&server->mem);
	return gyr_lane_stop_all(server->lanes, server->lane_count, timeout_ns);
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
	if (server->device != NULL)
		gyr_blockdev_close(server->device);
	gyr_genesis_close(server->genesis);
	gyr_metric_close(&server->metric);
	gyr_mem_close(&server->mem);
	free(server);
}

struct gyr_hash gyr_server_state_root(struct gyr_server *server)
{
	return *gyr_stf_root_state(server->stage_root.root);
}
