/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_checkpoint.h"

#include "gyr_err.h"

/* Rows merged, or written, in one poll: some 100 us. */
#define MERGE_BUDGET 512
#define WRITE_BUDGET 128

/* Blocks that leave the store with one checkpoint; more go with the next. */
#define DROP_BLOCKS_MAX 8192

static void suspend(struct stage_checkpoint *stage, int error)
{
	gyr_assert(error < 0);
	/* relaxed: a word by itself */
	atomic_store_explicit(&stage->suspended, error, memory_order_relaxed);
	if (stage->metric != NULL)
		gyr_metric_set(&stage->metric->checkpoint_suspended, (uint64_t)-error);
}

void checkpoint_window_add(struct checkpoint_window *window,
			   const struct checkpoint_window_block *block)
{
	if (window->tail - window->head == CHECKPOINT_WINDOW_BLOCKS_MAX)
		checkpoint_window_cut(window, checkpoint_window_first(window)->position + 1);
	window->blocks[window->tail++ % CHECKPOINT_WINDOW_BLOCKS_MAX] = *block;
	window->tx_count += block->tx_count;
	for (;;) {
		const struct checkpoint_window_block *first = checkpoint_window_first(window);

		if (window->tail - window->head == 1 ||
		    window->tx_count - first->tx_count < window->tx_count_wanted)
			return;
		window->tx_count -= first->tx_count;
		window->head++;
	}
}

const struct checkpoint_window_block *checkpoint_window_first(
	const struct checkpoint_window *window)
{
	return window->head == window->tail
		       ? NULL
		       : &window->blocks[window->head % CHECKPOINT_WINDOW_BLOCKS_MAX];
}

void checkpoint_window_cut(struct checkpoint_window *window, uint64_t position)
{
	const struct checkpoint_window_block *first;

	while ((first = checkpoint_window_first(window)) != NULL && first->position < position) {
		window->tx_count -= first->tx_count;
		window->head++;
	}
}

static struct gyr_slice code_bytes(const void *context, uint32_t code)
{
	const struct gyr_code *found = gyr_state_code_at(context, code);

	return (struct gyr_slice){ found->bytes, found->length };
}

/* The store failed: what is being written is lost, what it had is not. */
static void fail(struct stage_checkpoint *stage, int error)
{
	size_t length = strnlen(gyr_err_cause(), sizeof stage->cause - 1);

	memcpy(stage->cause, gyr_err_cause(), length);
	stage->cause[length] = '\0';
	gyr_err_clear();
	suspend(stage, error);
}

static bool begin(struct stage_checkpoint *stage, uint64_t now_ns)
{
	struct gyr_checkpoint_set *const *set = gyr_spsc_peek(stage->full);
	int error;

	if (set == NULL)
		return false;
	error = gyr_checkpoint_begin(stage->store);
	if (error < 0) {
		fail(stage, error);
		return false;
	}
	stage->writing = *set;
	stage->written = (struct gyr_checkpoint_cursor){ 0 };
	stage->begun_ns = now_ns;
	return true;
}

/* Blocks that this checkpoint brings into the window. */
static void widen(struct stage_checkpoint *stage, const struct gyr_checkpoint_set *set)
{
	for (uint32_t i = 0; i < set->block_count; i++) {
		const struct gyr_checkpoint_block_row *row = &set->blocks[i];
		const struct checkpoint_window_block block = {
			.number = row->block.number,
			.position = row->block.position,
			.tx_count = row->block.tx_count,
		};

		if (row->outcome_count != row->block.tx_count) {
			/* too old to matter: there are as many newer transactions */
			checkpoint_window_cut(&stage->window, UINT64_MAX);
			continue;
		}
		checkpoint_window_add(&stage->window, &block);
	}
}

static int end(struct stage_checkpoint *stage)
{
	const struct gyr_checkpoint_set *set = stage->writing;
	const struct checkpoint_window_block *first;
	uint64_t number = set->head.block_number;
	uint64_t kept = number < GYR_STF_HASH_WINDOW ? 0 : number - GYR_STF_HASH_WINDOW + 1;
	int64_t dropped;

	widen(stage, set);
	first = checkpoint_window_first(&stage->window);
	gyr_assert(first != NULL && first->number <= number);
	dropped = gyr_checkpoint_drop_blocks(stage->store, gyr_min_u64(kept, first->number),
					     DROP_BLOCKS_MAX);
	if (dropped < 0)
		return (int)dropped;
	GYR_TRY(gyr_checkpoint_put_item(stage->store, CHECKPOINT_ITEM_EPOCHS, stage->epochs));
	return gyr_checkpoint_commit(stage->store, &set->head);
}

/* The set is durable: what lies below it may go, and it may be filled again. */
static void give_back(struct stage_checkpoint *stage, uint64_t now_ns)
{
	struct gyr_checkpoint_set *set = stage->writing;
	struct gyr_checkpoint_set **empty = gyr_spsc_reserve(stage->empty);

	gyr_assert(empty != NULL); /* it holds as many as there are */
	if (stage->wal != NULL)
		gyr_wal_consumer_set(stage->wal, stage->consumer,
				     checkpoint_window_first(&stage->window)->position);
	if (stage->metric != NULL) {
		gyr_metric_add(&stage->metric->checkpoints, 1);
		gyr_metric_set(&stage->metric->checkpoint_block, set->head.block_number);
		gyr_metric_set(&stage->metric->checkpoint_position, set->head.log_position);
		gyr_metric_record(&stage->metric->checkpoint_ns, now_ns - stage->begun_ns);
	}
	gyr_checkpoint_set_reset(set);
	*empty = set;
	gyr_spsc_publish(stage->empty);
	gyr_spsc_release(stage->full);
	stage->writing = NULL;
}

/* One step; returns whether there was anything to do. */
static bool write_step(struct stage_checkpoint *stage, uint64_t now_ns)
{
	int done;

	if (stage->stopping || stage_checkpoint_suspended(stage) != 0)
		return false;
	if (stage->writing == NULL)
		return begin(stage, now_ns);
	done = gyr_checkpoint_set_write(stage->writing, &stage->written, stage->store, code_bytes,
					stage->state, WRITE_BUDGET);
	if (done == 0)
		return true;
	if (done > 0)
		done = end(stage);
	if (done < 0)
		fail(stage, done);
	else
		give_back(stage, now_ns);
	return true;
}

static unsigned checkpoint_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	(void)budget; /* one step */
	return write_step(self, turn->now_ns);
}

/* Says once that there are no more checkpoints. */
static void checkpoint_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_checkpoint *stage = self;
	int error = stage_checkpoint_suspended(stage);

	if (error == 0 || stage->told)
		return;
	stage->told = true;
	if (stage->cause[0] == '\0')
		(void)snprintf(stage->cause, sizeof stage->cause,
			       "blocks change more than the store takes");
	GYR_JOURNAL(stage->journal, turn->utc_ns, GYR_JOURNAL_ERROR,
		    "no more checkpoints until the next start: {cause:s}; the log is kept from the "
		    "last one on, and recovery takes longer",
		    (uintptr_t)stage->cause);
}

/* A stop does not wait for a checkpoint: the log is there. */
static bool checkpoint_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_checkpoint *stage = self;

	(void)turn;
	stage->stopping = true;
	if (stage->writing != NULL && stage_checkpoint_suspended(stage) == 0)
		gyr_checkpoint_abort(stage->store);
	stage->writing = NULL;
	return true;
}

const struct gyr_stage_ops stage_checkpoint_ops = {
	.name = "checkpoint",
	.poll = checkpoint_poll,
	.tick = checkpoint_tick,
	.drain = checkpoint_drain,
};

static bool is_durable(const struct stage_checkpoint *stage, uint64_t position)
{
	/* The record that closed the block begins there: durable beyond it, it is so as a whole. */
	if (stage->log != NULL)
		return gyr_log_durable(stage->log) > position;
	return atomic_load_explicit(&stage->replay_durable, memory_order_relaxed) > position;
}

static bool hand_on(struct stage_checkpoint *stage)
{
	struct gyr_checkpoint_set *const *next = gyr_spsc_peek(stage->empty);
	struct gyr_checkpoint_set **full;

	if (next == NULL || stage->filling->block_count == 0 ||
	    !is_durable(stage, stage->filling->head.log_position))
		return false;
	full = gyr_spsc_reserve(stage->full);
	gyr_assert(full != NULL);
	*full = stage->filling;
	stage->filling = *next;
	gyr_spsc_publish(stage->full);
	gyr_spsc_release(stage->empty);
	while (stage->log == NULL && write_step(stage, 0)) /* replaying: nobody else does */
		;
	return true;
}

bool stage_checkpoint_pass(struct stage_checkpoint *stage, uint64_t now_ns)
{
	if (stage->store == NULL || stage->merging || stage_checkpoint_suspended(stage) != 0)
		return false;
	if (stage->due_ns == 0)
		stage->due_ns = now_ns + stage->interval_ns;
	if (now_ns < stage->due_ns && !gyr_checkpoint_set_is_half_full(stage->filling))
		return false;
	if (!hand_on(stage))
		return false;
	stage->due_ns = now_ns + stage->interval_ns;
	return true;
}

static void add_block(struct gyr_checkpoint_set *set, const struct gyr_exec_block *block,
		      const struct gyr_stf_header *header, const struct gyr_hash *hash)
{
	const struct gyr_exec_block_log *log = block->log;
	struct gyr_checkpoint_block row = {
		.number = header->number,
		.hash = *hash,
		.position = log->position,
		.arrival_next = log->arrival_next,
		.mini_number = log->mini_number,
		.tx_count = log->outcome_count,
		.undecided = { (const uint8_t *)log->undecided,
			       (size_t)log->undecided_count * sizeof(uint64_t) },
		.outcomes = { (const uint8_t *)log->outcomes,
			      (size_t)log->outcome_count * sizeof(struct gyr_exec_outcome) },
	};

	gyr_checkpoint_set_block(set, &row);
	set->head = (struct gyr_checkpoint_head){
		.block_number = header->number,
		.block_hash = *hash,
		.state_root = header->state_root,
		.log_position = block->position_next,
		.timestamp = header->timestamp,
		.gas_limit = header->gas_limit,
		.gas_used = header->gas_used,
		.base_fee = header->base_fee,
		.excess_blob_gas = header->excess_blob_gas,
		.blob_gas_used = header->blob_gas_used,
	};
}

bool stage_checkpoint_take(struct stage_checkpoint *stage, const struct gyr_exec_block *block,
			   const struct gyr_stf_header *header, const struct gyr_hash *hash)
{
	const struct gyr_write_set *writes = &block->output->writes;

	if (stage->store == NULL || stage_checkpoint_suspended(stage) != 0)
		return true;
	if (!stage->merging) {
		if (!gyr_checkpoint_set_fits(stage->filling, writes, block->log->undecided_count) &&
		    !hand_on(stage)) {
			suspend(stage, -GYR_ERR_LIMIT);
			return true;
		}
		gyr_assert(gyr_checkpoint_set_fits(stage->filling, writes,
						   block->log->undecided_count));
		stage->merged = (struct gyr_checkpoint_cursor){ 0 };
		stage->merging = true;
	}
	if (!gyr_checkpoint_set_merge(stage->filling, &stage->merged, writes, MERGE_BUDGET))
		return false;
	add_block(stage->filling, block, header, hash);
	stage->merging = false;
	if (stage->log == NULL)
		(void)stage_checkpoint_pass(stage, 0);
	return true;
}
