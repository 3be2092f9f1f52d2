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
		      const struct gyr_conf_stage *stage)
{
	switch (stage->kind) {
	case GYR_CONF_STAGE_GATE:
		gyr_lane_add(lane, &stage_gate_ops, server->gates[stage->index].stage, 32);
		break;
	case GYR_CONF_STAGE_VERIFY:
		gyr_lane_add(lane, &stage_verify_ops, server->verifies[stage->index], 64);
		break;
	case GYR_CONF_STAGE_SEQUENCE:
		gyr_lane_add(lane, &stage_sequence_ops, &server->stage_sequence, 64);
		break;
	case GYR_CONF_STAGE_WAL:
		gyr_lane_add(lane, &stage_wal_ops, &server->stage_wal, 64);
		break;
	case GYR_CONF_STAGE_EXEC:
		if (stage->index == 0)
			gyr_lane_add(lane, &stage_exec_ops, &server->stage_exec, 64);
		break;
	case GYR_CONF_STAGE_ROOT:
		gyr_lane_add(lane, &stage_root_ops, &server->stage_root, 1);
		break;
	case GYR_CONF_STAGE_PREPARE:
		gyr_lane_add(lane, &stage_prepare_ops, &server->stage_wal, 1);
		break;
	case GYR_CONF_STAGE_CHECKPOINT:
	case GYR_CONF_STAGE_JOURNAL:
	case GYR_CONF_STAGE_KIND_COUNT:
		return;
	case GYR_CONF_STAGE_METRICS:
		gyr_lane_add(lane, &stage_metrics_ops, &server->stage_metrics, 1);
		break;
	}
	label_stage(lane, stage);
}

static int build_lane(struct gyr_server *server, const struct gyr_conf_lane *conf)
{
	struct gyr_lane_options options = {
		.name = conf->name,
		.kind = conf->kind == GYR_CONF_LANE_DATA ? GYR_LANE_DATA : GYR_LANE_COLD,
		.idle = idle_of(conf->idle),
		.cpu = conf->cpu,
		.priority = (int)conf->priority,
		.spin_turns = (uint32_t)conf->spin_turns,
		.turn_ns_max = (uint32_t)conf->turn_time_max,
	};
	struct gyr_lane *lane;
	void *memory;

	GYR_TRY(server_carve(server, &memory, "lane", sizeof *lane));
	lane = memory;
	GYR_TRY(gyr_lane_init(lane, server->options.drivers.clock, &options));
	server->lanes[server->lane_count++] = lane;
	for (unsigned i = 0; i < conf->stage_count; i++)
		add_stage(server, lane, &conf->stages[i]);
	return 0;
}

int server_build_lanes(struct gyr_server *server)
{
	for (unsigned i = 0; i < server->conf.lane_count; i++)
		GYR_TRY(build_lane(server, &server->conf.lanes[i]));
	return 0;
}
