/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_lane.h"

static void copy(_Atomic uint64_t *to, const _Atomic uint64_t *from)
{
	gyr_metric_set(to, gyr_metric_get(from));
}

unsigned gyr_lane_publish(const struct gyr_lane *lane, struct gyr_metric_area *area,
			  unsigned lane_index, unsigned stage_index)
{
	struct gyr_metric_lane *to = &area->lane[lane_index];

	gyr_assert(lane_index < GYR_METRIC_LANE_COUNT_MAX);
	gyr_assert(stage_index + lane->stage_count <= GYR_METRIC_STAGE_COUNT_MAX);
	copy(&to->turns, &lane->times.turns);
	copy(&to->turns_busy, &lane->times.turns_busy);
	copy(&to->busy_ns, &lane->times.busy_ns);
	copy(&to->idle_ns, &lane->times.idle_ns);
	copy(&to->turns_over, &lane->times.turns_over);
	copy(&to->turn_longest_ns, &lane->times.turn_longest_ns);
	copy(&to->turn_longest_at_utc_ns, &lane->times.turn_longest_at_utc_ns);
	copy(&to->sleeps, &lane->times.sleeps);
	gyr_metric_set(&to->kind, (uint64_t)lane->options.kind);
	gyr_metric_set(&to->cpu, (uint64_t)lane->options.cpu + 1);
	/* The label last: what has one is shown. */
	gyr_metric_label(to->label, lane->name);
	for (unsigned i = 0; i < lane->stage_count; i++) {
		const struct gyr_lane_stage *from = &lane->stages[i];
		struct gyr_metric_stage *stage = &area->stage[stage_index++];

		copy(&stage->items, &from->times.items);
		copy(&stage->polls_busy, &from->times.polls_busy);
		copy(&stage->busy_ns, &from->times.busy_ns);
		copy(&stage->stalled_ns, &from->times.stalled_ns);
		copy(&stage->idle_ns, &from->times.idle_ns);
		gyr_metric_set(&stage->lane, lane_index);
		memcpy(stage->label, from->label, sizeof stage->label);
	}
	return stage_index;
}
