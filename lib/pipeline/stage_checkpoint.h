/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints in the running server. The root lane merges each rooted block's writes into a set in
 * memory (stage_checkpoint_take), so that the block's output goes back to execution at once. When
 * the interval is over, or the set is half full, and its last block's end is durable, the set goes
 * to the checkpoint stage, which writes it into the store as one transaction, and the root lane
 * fills the other set. After a commit the log may be pruned up to where the duplicate window of
 * that checkpoint starts.
 *
 * Nothing here holds execution back. At the limit (a set has no room for a block because the other
 * one is still being written), or when the store fails, checkpoints are suspended until the next
 * start: the last one stays good, the log is not pruned beyond it, recovery takes longer; metrics
 * and journal say so. Sizes: a set takes the largest block that there can be.
 *
 * The stage belongs on a cold lane; a commit blocks as long as the disk's sync does. Roots wait for
 * it where both share a lane, which only a BLOCKHASH of the last block notices.
 */
#ifndef PIPELINE_STAGE_CHECKPOINT_H
#define PIPELINE_STAGE_CHECKPOINT_H

#include "gyr_checkpoint_set.h"
#include "gyr_exec.h"
#include "gyr_journal.h"
#include "gyr_metric.h"
#include "gyr_ring.h"
#include "gyr_stage.h"
#include "gyr_stf_root.h"
#include "gyr_wal.h"

/* The duplicate window of a restart lies within so many of the last blocks. */
#define CHECKPOINT_WINDOW_BLOCKS_MAX 65536u

/* Items of the store. */
#define CHECKPOINT_ITEM_EPOCHS 1u

struct checkpoint_window_block {
	uint64_t number;
	uint64_t position; /* of the record that opened it */
	uint64_t tx_count;
};

/* The last blocks with the transactions that the duplicate index holds: a ring. */
struct checkpoint_window {
	struct checkpoint_window_block *blocks; /* CHECKPOINT_WINDOW_BLOCKS_MAX */
	uint64_t head;				/* blocks[head % …] is the oldest */
	uint64_t tail;
	uint64_t tx_count;
	uint64_t tx_count_wanted; /* of the duplicate index */
};

struct stage_checkpoint {
	/* Set before the lanes run. */
	struct gyr_checkpoint_store *store; /* NULL: no checkpoints */
	const struct gyr_state *state;	    /* whose code a write-set names */
	const struct gyr_log *log;	    /* NULL while replaying */
	/* While replaying: what the log itself says. Stored by the replaying thread, loaded by the
	 * one that makes roots; relaxed, it only grows. */
	_Atomic uint64_t replay_durable;
	struct gyr_wal *wal;
	unsigned consumer; /* of the wal */
	struct gyr_slice epochs;
	uint64_t interval_ns;
	struct gyr_metric_block *metric;
	struct gyr_journal_writer *journal; /* the checkpoint lane's; may be NULL */
	struct gyr_spsc *full;		    /* struct gyr_checkpoint_set *, root to checkpoint */
	struct gyr_spsc *empty;		    /* and back */

	/* The root lane's. */
	struct gyr_checkpoint_set *filling;
	struct gyr_checkpoint_cursor merged;
	bool merging;
	uint64_t due_ns; /* 0: from the next look on */

	/* The checkpoint lane's. */
	struct gyr_checkpoint_set *writing;
	struct gyr_checkpoint_cursor written;
	struct checkpoint_window window;
	uint64_t begun_ns;
	char cause[256]; /* of a suspension by this lane */
	bool told;
	bool stopping;

	/* Why there are no more checkpoints: a negative enum gyr_err, 0 while there are. Stored by
	 * the root or the checkpoint lane, loaded by both; relaxed, nothing is ordered by it. */
	_Atomic int suspended;
};

extern const struct gyr_stage_ops stage_checkpoint_ops;

/* Blocks of a checkpoint that was loaded, in order; forgets what is older than needed. */
void checkpoint_window_add(struct checkpoint_window *window,
			   const struct checkpoint_window_block *block);

/* Forgets blocks that begin below `position`, as the log does. */
void checkpoint_window_cut(struct checkpoint_window *window, uint64_t position);

/* The oldest block; NULL when there is none. */
const struct checkpoint_window_block *checkpoint_window_first(
	const struct checkpoint_window *window);

/*
 * The root lane: takes a rooted block in, a bounded step at a time; true once it is done with its
 * output. Before the lanes run, sets that are half full are written at once.
 */
bool stage_checkpoint_take(struct stage_checkpoint *stage, const struct gyr_exec_block *block,
			   const struct gyr_stf_header *header, const struct gyr_hash *hash);

/* The root lane, between blocks: hands the set on when it is time. Returns whether it did. */
bool stage_checkpoint_pass(struct stage_checkpoint *stage, uint64_t now_ns);

/* Any thread: 0, or why there are no more checkpoints. */
static inline int stage_checkpoint_suspended(const struct stage_checkpoint *stage)
{
	return atomic_load_explicit(&stage->suspended, memory_order_relaxed);
}

#endif
