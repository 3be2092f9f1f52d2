/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_exec.h"

static unsigned exec_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_exec *stage = self;
	bool stalled;
	int done = gyr_exec_poll(stage->exec, &stalled, budget);

	(void)turn; /* execution knows no time but the log's */
	if (GYR_UNLIKELY(done < 0))
		return pipeline_fail(stage->fault, "exec", done);
	return (unsigned)done | (stalled ? GYR_STAGE_STALLED : 0);
}

/* The state is this lane's alone: what is not atomic there is published from here. */
static void exec_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_exec *stage = self;
	const struct gyr_state *state = gyr_stf_state(stage->exec->stf);

	watch_exec(&stage->watch, stage->journal, stage->exec->stf, turn);
	if (stage->metric == NULL)
		return;
	gyr_metric_set(&stage->metric->accounts, state->account_count);
	gyr_metric_set(&stage->metric->slots, state->slot_count);
}

static bool exec_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_exec *stage = self;

	(void)turn;
	return gyr_exec_drained(stage->exec);
}

const struct gyr_stage_ops stage_exec_ops = {
	.name = "exec",
	.poll = exec_poll,
	.tick = exec_tick,
	.drain = exec_drain,
};
