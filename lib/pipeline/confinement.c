/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server gives up between opening and serving. Devices, memory, files and real-time
 * priorities may need root; from here on nothing does but closing some devices, and then the
 * thread that opened keeps what that takes. Lanes keep no capability; data lanes no system call but
 * their own.
 */
#include "server_internal.h"

#include <linux/capability.h>

static uint64_t kept_capabilities(const struct gyr_server *server)
{
	uint64_t keep = 0;

	for (unsigned i = 0; i < server->conf.gate_count; i++)
		keep |= server->gates[i].device.ops->capabilities;
	return keep;
}

static int confine_lane(void *context)
{
	const struct server_lane *own = context;
	const struct gyr_server *server = own->server;
	const struct gyr_conf_lane *conf = &server->conf.lanes[own->index];
	const int *lists[GYR_CONF_LANE_STAGE_COUNT_MAX];
	unsigned count = 0;

	if (conf->kind == GYR_CONF_LANE_DATA || server->user.change)
		GYR_TRY(gyr_confine_capabilities(0));
	if (conf->kind != GYR_CONF_LANE_DATA || !server->conf.security.seccomp)
		return 0;
	for (unsigned i = 0; i < conf->stage_count; i++) {
		const struct gyr_conf_stage *stage = &conf->stages[i];

		if (stage->kind == GYR_CONF_STAGE_GATE)
			lists[count++] = server->gates[stage->index].device.ops->calls;
		else if (stage->kind == GYR_CONF_STAGE_WAL)
			lists[count++] = server->device->ops->calls;
	}
	return gyr_confine_calls(lists, count);
}

void server_confine_lane(struct gyr_server *server, struct gyr_lane_options *options,
			 unsigned index)
{
	server->own[index] = (struct server_lane){ .server = server, .index = index };
	options->thread_init = confine_lane;
	options->context = &server->own[index];
}

int server_confine(struct gyr_server *server)
{
	uint64_t keep = kept_capabilities(server);

	for (unsigned i = 0; i < server->conf.lane_count; i++)
		if (server->conf.lanes[i].priority > 0)
			keep |= GYR_CONFINE_CAPABILITY(CAP_SYS_NICE);
	GYR_TRY(gyr_confine_give(server->conf.data.directory, &server->user));
	GYR_TRY(gyr_confine_give_file(server->metric.path, &server->user));
	GYR_TRY(gyr_confine_give_file(server->conf.journal.file, &server->user));
	GYR_TRY(gyr_confine_become(&server->user, keep));
	if (server->user.change)
		GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_NOTE,
			    "from here on this is user {user:s} ({uid:u})",
			    (uintptr_t)server->user.name, server->user.uid);
	return 0;
}

int server_confine_more(struct gyr_server *server)
{
	return server->user.change ? gyr_confine_capabilities(kept_capabilities(server)) : 0;
}
