/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_root.h"

/* Accounts and slots, or branches of the tries, in one poll: some 100 us. */
#define STEP_BUDGET 128

static bool begin(struct stage_root *stage, uint64_t now_ns)
{
	const struct gyr_exec_block *block = gyr_spsc_peek(stage->blocks);

	if (block == NULL)
		return false;
	gyr_stf_root_begin(stage->root, block->output, &stage->parent_hash);
	stage->busy = true;
	stage->begun_ns = now_ns;
	return true;
}

/* Hands hash and output back; false while the ring has no room. */
static bool give_back(struct stage_root *stage, uint64_t now_ns)
{
	const struct gyr_exec_block *block = gyr_spsc_peek(stage->blocks);
	struct gyr_exec_rooted *rooted = gyr_spsc_reserve(stage->rooted);

	gyr_assert(block != NULL && stage->done && stage->taken);
	if (rooted == NULL)
		return false;
	stage->parent_hash = *gyr_stf_root_hash(stage->root);
	*rooted = (struct gyr_exec_rooted){ .output = block->output,
					    .number = block->output->block.number,
					    .block_hash = stage->parent_hash };
	atomic_store_explicit(&stage->block_number, rooted->number, memory_order_relaxed);
	atomic_store_explicit(&stage->duration_ns, now_ns - stage->begun_ns, memory_order_relaxed);
	if (stage->root_ns != NULL)
		gyr_metric_record(stage->root_ns, now_ns - stage->begun_ns);
	gyr_spsc_publish(stage->rooted);
	gyr_spsc_release(stage->blocks);
	stage->busy = false;
	stage->done = false;
	stage->taken = false;
	return true;
}

/* One step; returns whether there was anything to do, or an error. */
static int step(struct stage_root *stage, uint64_t now_ns)
{
	if (!stage->busy && !begin(stage, now_ns))
		return stage_checkpoint_pass(stage->checkpoint, now_ns);
	if (!stage->done) {
		switch (gyr_stf_root_step(stage->root, STEP_BUDGET)) {
		case GYR_STF_ROOT_RUNNING:
			return 1;
		case GYR_STF_ROOT_FULL:
			GYR_FAIL(GYR_ERR_LIMIT, "the tries are full: raise the state's limits");
		case GYR_STF_ROOT_DONE:
			stage->done = true;
			break;
		}
	}
	if (!stage->taken) {
		stage->taken = stage_checkpoint_take(
			stage->checkpoint, gyr_spsc_peek(stage->blocks),
			gyr_stf_root_header(stage->root), gyr_stf_root_hash(stage->root));
		if (!stage->taken)
			return 1;
	}
	return give_back(stage, now_ns);
}

int stage_root_run(struct stage_root *stage)
{
	int more;

	do {
		more = step(stage, 0);
		GYR_TRY(more);
	} while (more > 0);
	return 0;
}

static unsigned root_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_root *stage = self;
	int done = step(stage, turn->now_ns);

	(void)budget; /* one step */
	if (GYR_UNLIKELY(done < 0))
		return pipeline_fail(stage->fault, "root", done);
	return (unsigned)done;
}

static bool root_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_root *stage = self;

	(void)turn;
	return gyr_spsc_peek(stage->blocks) == NULL;
}

const struct gyr_stage_ops stage_root_ops = {
	.name = "root",
	.poll = root_poll,
	.drain = root_drain,
};
