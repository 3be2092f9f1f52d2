/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_translate.h"

static void count(struct stage_translate *stage)
{
	struct gyr_evm_streams_count counts = gyr_evm_streams_count(stage->streams);

	atomic_store_explicit(&stage->translated, counts.added, memory_order_relaxed);
	atomic_store_explicit(&stage->refused, counts.refused, memory_order_relaxed);
	atomic_store_explicit(&stage->evicted, counts.evicted, memory_order_relaxed);
	atomic_store_explicit(&stage->bytes_in_use, counts.bytes_in_use, memory_order_relaxed);
}

static unsigned translate_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_translate *stage = self;
	const struct gyr_exec_wanted *wanted;

	(void)budget; /* one piece */
	if (turn->now_ns < stage->retry_at_ns)
		return 0;
	wanted = gyr_spsc_peek(stage->wanted);
	if (wanted == NULL)
		return 0;
	if (gyr_evm_streams_add(stage->streams, wanted->code, wanted->fork) ==
	    GYR_EVM_STREAMS_WAIT) {
		stage->retry_at_ns = turn->now_ns + TRANSLATE_RETRY_NS;
		return 0;
	}
	gyr_spsc_release(stage->wanted);
	count(stage);
	return 1;
}

const struct gyr_stage_ops stage_translate_ops = {
	.name = "translate",
	.poll = translate_poll,
};
