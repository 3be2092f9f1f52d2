/* SPDX-License-Identifier: Apache-2.0 */
#include "server_internal.h"

static enum gyr_lane_idle idle_of(enum gyr_conf_idle idle)
{
	switch (idle) {
	case GYR_CONF_IDLE_SPIN:
		return GYR_LANE_IDLE_SPIN;
	case GYR_CONF_IDLE_BACKOFF:
		return GYR_LANE_IDLE_BACKOFF;
	case GYR_CONF_IDLE_PARK:
		break;
	}
	return GYR_LANE_IDLE_PARK;
}

/* Gates, verifiers and shards are told apart by their number. */
static void label_stage(struct gyr_lane *lane, const struct gyr_conf_stage *stage)
{
	char label[GYR_METRIC_LABEL_MAX];

	if (stage->kind != GYR_CONF_STAGE_GATE && stage->kind != GYR_CONF_STAGE_VERIFY)
		return;
	(void)snprintf(label, sizeof label, "%s %u", gyr_conf_stage_name(stage->kind),
		       stage->index);
	gyr_lane_label(lane, label);
}

/* Puts the stage that the configuration names on the lane. */
static void add_stage(struct gyr_server *server, struct gyr_lane *lane,
		      const struct gyr_conf_stage *stage, struct gyr_journal_writer *journal)
{
	switch (stage->kind) {
	case GYR_CONF_STAGE_GATE:
		server->gates[stage->index].stage->journal = journal;
		gyr_lane_add(lane, &stage_gate_ops, server->gates[stage->index].stage, 32);
		break;
	case GYR_CONF_STAGE_VERIFY:
		gyr_lane_add(lane, &stage_verify_ops, server->verifies[stage->index], 64);
		break;
	case GYR_CONF_STAGE_SEQUENCE:
		server->stage_sequence.journal = journal;
		gyr_lane_add(lane, &stage_sequence_ops, &server->stage_sequence, 64);
		break;
	case GYR_CONF_STAGE_WAL:
		server->stage_wal.journal = journal;
		gyr_lane_add(lane, &stage_wal_ops, &server->stage_wal, 64);
		break;
	case GYR_CONF_STAGE_EXEC:
		server->stage_exec.journal = journal;
		if (stage->index == 0)
			gyr_lane_add(lane, &stage_exec_ops, &server->stage_exec, 64);
		break;
	case GYR_CONF_STAGE_KNOWN:
		if (server->stage_known == NULL)
			return;
		gyr_lane_add(lane, &stage_known_ops, server->stage_known, 1);
		break;
	case GYR_CONF_STAGE_TRANSLATE:
		if (server->stage_translate == NULL)
			return;
		gyr_lane_add(lane, &stage_translate_ops, server->stage_translate, 1);
		break;
	case GYR_CONF_STAGE_ROOT:
		gyr_lane_add(lane, &stage_root_ops, &server->stage_root, 1);
		break;
	case GYR_CONF_STAGE_PREPARE:
		gyr_lane_add(lane, &stage_prepare_ops, &server->stage_wal, 1);
		break;
	case GYR_CONF_STAGE_JOURNAL:
		if (server->stage_journal == NULL)
			return;
		gyr_lane_add(lane, &stage_journal_ops, server->stage_journal, 64);
		break;
	case GYR_CONF_STAGE_CHECKPOINT:
		if (server->stage_checkpoint.store == NULL)
			return;
		server->stage_checkpoint.journal = journal;
		gyr_lane_add(lane, &stage_checkpoint_ops, &server->stage_checkpoint, 1);
		break;
	case GYR_CONF_STAGE_KIND_COUNT:
		return;
	case GYR_CONF_STAGE_METRICS:
		gyr_lane_add(lane, &stage_metrics_ops, &server->stage_metrics, 1);
		break;
	}
	label_stage(lane, stage);
}

static int add_writer(struct gyr_server *server, struct gyr_journal_writer **writer)
{
	void *memory;

	*writer = NULL;
	if (server->stage_journal == NULL)
		return 0;
	GYR_TRY(server_carve(server, &memory, "journal-ring",
			     stage_journal_ring_size(server->stage_journal)));
	*writer = gyr_journal_writer_add(&server->stage_journal->journal, memory);
	return 0;
}

static int build_lane(struct gyr_server *server, unsigned index)
{
	const struct gyr_conf_lane *conf = &server->conf.lanes[index];
	struct gyr_lane_options options = {
		.name = conf->name,
		.kind = conf->kind == GYR_CONF_LANE_DATA ? GYR_LANE_DATA : GYR_LANE_COLD,
		.idle = idle_of(conf->idle),
		.cpu = conf->cpu,
		.cpus = &server->shared_cpus,
		.priority = (int)conf->priority,
		.spin_turns = (uint32_t)conf->spin_turns,
		.turn_ns_max = (uint32_t)conf->turn_time_max,
	};
	struct gyr_journal_writer *writer;
	struct gyr_lane *lane;
	void *memory;

	if (server->options.plan != NULL)
		options.cpu = server->options.plan->lanes[index].cpu;
	server_confine_lane(server, &options, index);
	if (conf->stage_count > 0)
		server_place(server, conf->stages[0].kind, conf->stages[0].index);
	GYR_TRY(server_carve(server, &memory, "lane", sizeof *lane));
	lane = memory;
	GYR_TRY(gyr_lane_init(lane, server->options.drivers.clock, &options));
	server->lanes[server->lane_count++] = lane;
	GYR_TRY(add_writer(server, &writer));
	for (unsigned i = 0; i < conf->stage_count; i++)
		add_stage(server, lane, &conf->stages[i], writer);
	return 0;
}

/* Where lanes run that have no CPU of their own: as planned, else where this thread may. */
static void find_shared_cpus(struct gyr_server *server)
{
	const struct gyr_topo_plan *plan = server->options.plan;

	CPU_ZERO(&server->shared_cpus);
	if (plan == NULL) {
		(void)sched_getaffinity(0, sizeof server->shared_cpus, &server->shared_cpus);
		return;
	}
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (gyr_topo_cpus_has(&plan->shared, cpu))
			CPU_SET(cpu, &server->shared_cpus);
}

int server_build_lanes(struct gyr_server *server)
{
	find_shared_cpus(server);
	for (unsigned i = 0; i < server->conf.lane_count; i++)
		GYR_TRY(build_lane(server, i));
	server_place(server, GYR_CONF_STAGE_KIND_COUNT, 0);
	return 0;
}
