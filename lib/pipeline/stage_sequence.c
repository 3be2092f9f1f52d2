/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_sequence.h"

static unsigned sequence_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_sequence *stage = self;
	bool stalled;
	int done = gyr_sequence_poll(stage->sequence, &stalled, turn->now_ns, turn->utc_ns, budget);

	if (GYR_UNLIKELY(done < 0))
		return pipeline_fail(stage->fault, "sequence", done);
	return (unsigned)done | (stalled ? GYR_STAGE_STALLED : 0);
}

static void sequence_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_sequence *stage = self;

	watch_sequence(&stage->watch, stage->journal, stage->sequence, turn);
}

static bool sequence_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_sequence *stage = self;

	(void)turn;
	gyr_sequence_stop(stage->sequence);
	return gyr_sequence_drained(stage->sequence);
}

const struct gyr_stage_ops stage_sequence_ops = {
	.name = "sequence",
	.poll = sequence_poll,
	.tick = sequence_tick,
	.drain = sequence_drain,
};
