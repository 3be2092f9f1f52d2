/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <string.h>

#include "gyr_err.h"
#include "gyr_units.h"

const char *check_stage(struct gyr_conf_stage *stage, const char *text)
{
	size_t length = strcspn(text, " ");
	uint64_t index = 0;

	for (unsigned kind = 0; kind < GYR_CONF_STAGE_KIND_COUNT; kind++) {
		const char *name = gyr_conf_stage_name((enum gyr_conf_stage_kind)kind);

		if (strlen(name) != length || memcmp(name, text, length) != 0)
			continue;
		if (text[length] != '\0' &&
		    (!gyr_units_parse(&index, GYR_UNITS_COUNT, text + length + 1) || index > 4095))
			return "has no good number after its name";
		stage->kind = (enum gyr_conf_stage_kind)kind;
		stage->index = (unsigned)index;
		return NULL;
	}
	return "is no stage: gate, verify, sequence, wal, exec, known, translate, root, "
	       "checkpoint, prepare, journal, metrics";
}

static unsigned expected_count(const struct gyr_conf *conf, enum gyr_conf_stage_kind kind)
{
	switch (kind) {
	case GYR_CONF_STAGE_GATE:
		return conf->gate_count;
	case GYR_CONF_STAGE_VERIFY:
		return conf->verify_count;
	case GYR_CONF_STAGE_EXEC:
		return (unsigned)conf->exec.shards;
	default:
		return 1;
	}
}

/* One lane by itself, and its stages against all before them. */
static int check_lane_stages(struct document *document, const struct gyr_conf *conf,
			     unsigned lane_index)
{
	const struct gyr_conf_lane *lane = &conf->lanes[lane_index];
	enum gyr_conf_stage_kind flow = GYR_CONF_STAGE_GATE;
	char field[48];

	for (unsigned i = 0; i < lane->stage_count; i++) {
		const struct gyr_conf_stage *stage = &lane->stages[i];
		const char *name = gyr_conf_stage_name(stage->kind);
		const struct gyr_conf_lane *first = gyr_conf_lane_of(conf, stage->kind,
								     stage->index);

		(void)snprintf(field, sizeof field, "lanes[%u].stages[%u]", lane_index, i);
		if (gyr_conf_stage_is_data(stage->kind) != (lane->kind == GYR_CONF_LANE_DATA))
			return document_refuse(document, field, "%s belongs on a %s lane", name,
					       gyr_conf_stage_is_data(stage->kind) ? "data"
										   : "cold");
		if (stage->index >= expected_count(conf, stage->kind))
			return document_refuse(
				document, field, "there is no %s %u: there are %u, counted from 0",
				name, stage->index, expected_count(conf, stage->kind));
		if (stage->kind != GYR_CONF_STAGE_GATE && stage->kind < flow)
			return document_refuse(document, field,
					       "%s stands after %s: list stages in flow order",
					       name, gyr_conf_stage_name(flow));
		if (stage->kind != GYR_CONF_STAGE_GATE) /* they may stand where they answer */
			flow = stage->kind;
		for (unsigned j = 0; first == lane && j < i; j++)
			if (lane->stages[j].kind == stage->kind &&
			    lane->stages[j].index == stage->index)
				first = NULL;
		if (first != lane)
			return document_refuse(document, field, "%s %u is on a lane already", name,
					       stage->index);
	}
	return 0;
}

static int check_lane(struct document *document, const struct gyr_conf *conf, unsigned lane_index)
{
	const struct gyr_conf_lane *lane = &conf->lanes[lane_index];
	char field[48];

	(void)snprintf(field, sizeof field, "lanes[%u].stages", lane_index);
	if (lane->stage_count == 0)
		return document_refuse(document, field, "lane %s has no stage", lane->name);
	(void)snprintf(field, sizeof field, "lanes[%u].place", lane_index);
	if (lane->place == GYR_CONF_PLACE_SHARED && lane->kind == GYR_CONF_LANE_DATA &&
	    lane->idle != GYR_CONF_IDLE_PARK)
		return document_refuse(document, field,
				       "a data lane without a CPU of its own must have idle: park");
	for (unsigned i = 0; i < lane_index; i++) {
		const struct gyr_conf_lane *other = &conf->lanes[i];

		(void)snprintf(field, sizeof field, "lanes[%u].name", lane_index);
		if (strcmp(other->name, lane->name) == 0)
			return document_refuse(document, field, "'%s' is another lane's name",
					       lane->name);
		(void)snprintf(field, sizeof field, "lanes[%u].cpu", lane_index);
		if (lane->cpu != GYR_CONF_CPU_AUTO && lane->cpu == other->cpu &&
		    (lane->kind == GYR_CONF_LANE_DATA || other->kind == GYR_CONF_LANE_DATA))
			return document_refuse(document, field, "CPU %d is lane %s's", lane->cpu,
					       other->name);
	}
	return check_lane_stages(document, conf, lane_index);
}

static int check_presence(struct document *document, const struct gyr_conf *conf)
{
	if (conf->gate_count == 0)
		return document_refuse(document, "gates", "must name at least one device");
	if (conf->verify_count == 0)
		return document_refuse(document, "lanes", "no lane has the stage verify 0");
	for (unsigned kind = 0; kind < GYR_CONF_STAGE_KIND_COUNT; kind++)
		for (unsigned i = 0;
		     kind != GYR_CONF_STAGE_KNOWN && kind != GYR_CONF_STAGE_TRANSLATE &&
		     i < expected_count(conf, (enum gyr_conf_stage_kind)kind);
		     i++)
			if (gyr_conf_lane_of(conf, (enum gyr_conf_stage_kind)kind, i) == NULL)
				return document_refuse(
					document, "lanes", "no lane has the stage %s %u",
					gyr_conf_stage_name((enum gyr_conf_stage_kind)kind), i);
	return 0;
}

static int check_relations(struct document *document, const struct gyr_conf *conf)
{
	if (conf->sequence.block_time % 1000000000 != 0)
		return document_refuse(document, "sequence.block_time",
				       "must be whole seconds: block timestamps are");
	if (conf->sequence.mini_block_time > conf->sequence.block_time)
		return document_refuse(document, "sequence.mini_block_time",
				       "must not exceed sequence.block_time");
	if (conf->sequence.transaction_gas_max > conf->sequence.block_gas)
		return document_refuse(document, "sequence.transaction_gas_max",
				       "must not exceed sequence.block_gas");
	if (conf->log.undurable_size_max > conf->log.ring_size / 2)
		return document_refuse(document, "log.undurable_size_max",
				       "must be at most half of log.ring_size");
	if (conf->log.block_size_max % 4096 != 0)
		return document_refuse(document, "log.block_size_max",
				       "must be a multiple of 4 KiB");
	if (conf->intake.slot_size % 64 != 0)
		return document_refuse(document, "intake.slot_size",
				       "must be a multiple of 64 bytes");
	if (strcmp(conf->clock.driver, "tsc") != 0 && strcmp(conf->clock.driver, "system") != 0)
		return document_refuse(document, "clock.driver", "'%s' is none of: tsc, system",
				       conf->clock.driver);
	if (strcmp(conf->journal.format, "text") != 0 && strcmp(conf->journal.format, "json") != 0)
		return document_refuse(document, "journal.format", "'%s' is none of: text, json",
				       conf->journal.format);
	return 0;
}

int check_whole(struct document *document, const struct gyr_conf *conf)
{
	for (unsigned i = 0; i < conf->lane_count; i++)
		GYR_TRY(check_lane(document, conf, i));
	GYR_TRY(check_presence(document, conf));
	return check_relations(document, conf);
}
