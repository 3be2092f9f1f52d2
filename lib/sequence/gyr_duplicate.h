/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The duplicate index: full hashes of the last entry_count ordered transactions, in log order, with
 * what became of each, so that a resubmission gets the same answer again. Rejected transactions are
 * never in it: flags and expiry are not signed, and a stranger may submit somebody's bytes with
 * other ones. Rebuilt from the log at start. One thread; memory from the caller's arena; the oldest
 * entry makes room for the newest.
 */
#ifndef GYR_DUPLICATE_H
#define GYR_DUPLICATE_H

#include "gyr_base.h"

struct gyr_duplicate_entry {
	struct gyr_hash hash;
	uint64_t position;
	uint64_t arrival;
	uint64_t gas_used;
	uint64_t block_number;
	uint32_t next;	  /* in its chain: entry number + 1, 0 at the end */
	uint8_t executed; /* what follows is known */
	uint8_t verdict;  /* 0, or why it was skipped */
	uint8_t status;	  /* of the receipt, where verdict is 0 */
	uint8_t reserved;
};

struct gyr_duplicate {
	struct gyr_duplicate_entry *entries; /* a ring in log order */
	uint32_t *buckets;		     /* entry number + 1 of the newest in each chain */
	uint64_t mask;
	uint64_t bucket_mask;
	uint64_t seed;
	uint64_t tail;	   /* entries made since the start */
	uint64_t executed; /* the oldest entry that is not executed; results come in log order */
};

/* entry_count: a power of two up to 2^30. */
size_t gyr_duplicate_size(uint64_t entry_count);
GYR_MUST_USE bool gyr_duplicate_init(struct gyr_duplicate *index, struct gyr_arena *arena,
				     uint64_t entry_count, uint64_t seed);

void gyr_duplicate_prefetch(const struct gyr_duplicate *index, const struct gyr_hash *hash);

/* The entry of these bytes within the window, else NULL; valid until the next add. */
const struct gyr_duplicate_entry *gyr_duplicate_find(const struct gyr_duplicate *index,
						     const struct gyr_hash *hash);

/* Adds the transaction that was just ordered; it must not be in the index. */
void gyr_duplicate_add(struct gyr_duplicate *index, const struct gyr_hash *hash, uint64_t position,
		       uint64_t arrival);

/* Execution's result for the transaction at this position; in log order, each exactly once. */
void gyr_duplicate_executed(struct gyr_duplicate *index, uint64_t position, uint8_t verdict,
			    uint8_t status, uint64_t gas_used, uint64_t block_number);

#endif
