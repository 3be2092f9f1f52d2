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

static bool exec_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_exec *stage = self;

	(void)turn;
	return gyr_exec_drained(stage->exec);
}

const struct gyr_stage_ops stage_exec_ops = {
	.name = "exec",
	.poll = exec_poll,
	.drain = exec_drain,
};
