/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the next checkpoint has to write: the write-sets of blocks merged in memory, one row for
 * each account and slot that any of them changed, with the latest value. One owner at a time:
 * whoever takes blocks in fills a set, whoever writes checkpoints empties it. Memory from the
 * caller's arena; both directions go in bounded steps.
 *
 * Limits: as given. gyr_checkpoint_set_fits says beforehand whether a block has room; outcomes of
 * the oldest blocks give way to newer ones.
 */
#ifndef GYR_CHECKPOINT_SET_H
#define GYR_CHECKPOINT_SET_H

#include "gyr_checkpoint.h"
#include "gyr_state.h"

struct gyr_checkpoint_set_limits {
	uint32_t account_count_max;
	uint32_t slot_count_max;
	uint32_t block_count_max;
	uint32_t undecided_count_max; /* of all blocks together; at least of any one */
	uint32_t outcome_count_max;   /* of all blocks together; at least of any one */
	uint64_t seed;		      /* secret */
};

struct gyr_checkpoint_row {
	struct gyr_address address;
	uint32_t code; /* as in struct gyr_write_account */
	uint64_t nonce;
	struct gyr_u256 balance;
	struct gyr_hash code_hash;
	uint32_t generation; /* counts clearings: slots of an older one are void */
	bool exists;
	bool cleared; /* slots in the store go first */
};

struct gyr_checkpoint_slot_row {
	struct gyr_u256 key;
	struct gyr_u256 value;
	uint32_t account; /* its row */
	uint32_t generation;
};

struct gyr_checkpoint_block_row {
	struct gyr_checkpoint_block block; /* slices empty: */
	uint32_t undecided_first;
	uint32_t undecided_count;
	uint32_t outcome_first;
	uint32_t outcome_count; /* 0 also once they gave way */
};

/* Where a merge or a write stands; starts as zero. */
struct gyr_checkpoint_cursor {
	uint32_t account;
	uint32_t slot;
	uint32_t block;
};

struct gyr_checkpoint_set {
	struct gyr_checkpoint_set_limits limits;
	struct gyr_checkpoint_head head; /* the caller's, of the last block in it */
	struct gyr_checkpoint_row *accounts;
	struct gyr_checkpoint_slot_row *slots;
	struct gyr_checkpoint_block_row *blocks;
	uint32_t *account_index; /* open addressing: row + 1 */
	uint32_t *slot_index;
	uint64_t account_mask;
	uint64_t slot_mask;
	uint64_t *undecided;
	uint8_t *outcomes;
	uint32_t account_count;
	uint32_t slot_count;
	uint32_t block_count;
	uint32_t undecided_count;
	uint32_t outcome_count;
};

size_t gyr_checkpoint_set_size(const struct gyr_checkpoint_set_limits *limits);
GYR_MUST_USE bool gyr_checkpoint_set_init(struct gyr_checkpoint_set *set, struct gyr_arena *arena,
					  const struct gyr_checkpoint_set_limits *limits);

/* Empty again. */
void gyr_checkpoint_set_reset(struct gyr_checkpoint_set *set);

/* Whether a block with these writes and this many undecided arrivals has room. */
bool gyr_checkpoint_set_fits(const struct gyr_checkpoint_set *set,
			     const struct gyr_write_set *writes, uint64_t undecided_count);

/* Past half of a limit: time to write it, to stay away from the limit itself. */
bool gyr_checkpoint_set_is_half_full(const struct gyr_checkpoint_set *set);

/* Takes about `budget` rows of the block's writes; true when all are in. */
bool gyr_checkpoint_set_merge(struct gyr_checkpoint_set *set, struct gyr_checkpoint_cursor *cursor,
			      const struct gyr_write_set *writes, uint32_t budget);

/* The block itself, after its writes; copies the slices. Numbers come in order. */
void gyr_checkpoint_set_block(struct gyr_checkpoint_set *set,
			      const struct gyr_checkpoint_block *block);

/* The bytes of a code that a write-set names. */
typedef struct gyr_slice gyr_checkpoint_code_bytes(const void *context, uint32_t code);

/*
 * Writes about `budget` rows into the checkpoint that was begun: 1 when all are written (head and
 * commit are the caller's), 0 to be called again, or an error.
 */
GYR_MUST_USE int gyr_checkpoint_set_write(const struct gyr_checkpoint_set *set,
					  struct gyr_checkpoint_cursor *cursor,
					  struct gyr_checkpoint_store *store,
					  gyr_checkpoint_code_bytes *code, const void *context,
					  uint32_t budget);

#endif
