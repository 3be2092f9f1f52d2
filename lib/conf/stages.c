/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_conf.h"

static const struct {
	const char *name;
	bool data;
} kinds[GYR_CONF_STAGE_KIND_COUNT] = {
	[GYR_CONF_STAGE_GATE] = { "gate", true },
	[GYR_CONF_STAGE_VERIFY] = { "verify", true },
	[GYR_CONF_STAGE_SEQUENCE] = { "sequence", true },
	[GYR_CONF_STAGE_WAL] = { "wal", true },
	[GYR_CONF_STAGE_EXEC] = { "exec", true },
	[GYR_CONF_STAGE_KNOWN] = { "known", false },
	[GYR_CONF_STAGE_TRANSLATE] = { "translate", false },
	[GYR_CONF_STAGE_ROOT] = { "root", false },
	[GYR_CONF_STAGE_CHECKPOINT] = { "checkpoint", false },
	[GYR_CONF_STAGE_PREPARE] = { "prepare", false },
	[GYR_CONF_STAGE_JOURNAL] = { "journal", false },
	[GYR_CONF_STAGE_METRICS] = { "metrics", false },
};

const char *gyr_conf_stage_name(enum gyr_conf_stage_kind kind)
{
	gyr_assert((unsigned)kind < GYR_CONF_STAGE_KIND_COUNT);
	return kinds[kind].name;
}

bool gyr_conf_stage_is_data(enum gyr_conf_stage_kind kind)
{
	gyr_assert((unsigned)kind < GYR_CONF_STAGE_KIND_COUNT);
	return kinds[kind].data;
}

const char *gyr_conf_idle_name(enum gyr_conf_idle idle)
{
	static const char *const names[] = { "spin", "backoff", "park" };

	gyr_assert((unsigned)idle < GYR_COUNT(names));
	return names[idle];
}

const char *gyr_conf_place_name(enum gyr_conf_place place)
{
	static const char *const names[] = { "any", "nic", "node", "shared" };

	gyr_assert((unsigned)place < GYR_COUNT(names));
	return names[place];
}

const struct gyr_conf_lane *gyr_conf_lane_of(const struct gyr_conf *conf,
					     enum gyr_conf_stage_kind kind, unsigned index)
{
	for (unsigned i = 0; i < conf->lane_count; i++)
		for (unsigned j = 0; j < conf->lanes[i].stage_count; j++)
			if (conf->lanes[i].stages[j].kind == kind &&
			    conf->lanes[i].stages[j].index == index)
				return &conf->lanes[i];
	return NULL;
}
