/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: the state as it is after one EVM block, in a store (gyr_store.h), so that recovery
 * replays the log from there only, and the log below it may go. Each checkpoint is one transaction:
 * begin, the rows that changed since the last one, commit with a head that says after which block,
 * and which state root the rows must have. It is there completely or not at all, whatever crashes
 * when; commit returns once it is durable. The first one holds genesis.
 *
 * Rows are plain: addresses, big-endian 256-bit numbers, hashes; nothing here knows how the state
 * is kept in memory. Beside the state lie the last blocks: their hashes, and what the sequencer
 * needs of the log below the checkpoint (where each block starts, which arrivals were undecided
 * there, what came of each of its transactions).
 *
 * One instance writes; one thread at a time uses it, and the thread that began ends it. Cold: every
 * call may block on the disk. Limits: the store's; an item GYR_CHECKPOINT_ITEM_LENGTH_MAX bytes.
 */
#ifndef GYR_CHECKPOINT_H
#define GYR_CHECKPOINT_H

#include "gyr_store.h"

#define GYR_CHECKPOINT_VERSION	       2
#define GYR_CHECKPOINT_ITEM_LENGTH_MAX 65536u

struct gyr_checkpoint_config {
	const struct gyr_store_ops *store;
	void *store_context;
	const char *path;  /* a directory; made if it is missing */
	uint64_t size_max; /* bytes, a multiple of 4096; 0: 64 GiB */
	uint64_t chain_id;
	bool read_only; /* beside the instance that writes, for tools; the store exists */
};

struct gyr_checkpoint_head {
	uint64_t block_number;
	struct gyr_hash block_hash;
	struct gyr_hash state_root;
	uint64_t log_position; /* replay starts with the record there: it opens the next block */
	/* What the next block's header builds on. */
	uint64_t timestamp;
	uint64_t gas_limit;
	uint64_t gas_used;
	uint64_t base_fee;
	uint64_t excess_blob_gas;
	uint64_t blob_gas_used;
	/* Set by commit: rows in the store. */
	uint64_t account_count;
	uint64_t slot_count;
	uint64_t code_count;
};

struct gyr_checkpoint_account {
	struct gyr_address address;
	uint64_t nonce;
	uint8_t balance[32]; /* big-endian */
	struct gyr_hash code_hash;
};

/* A closed block, as far as later ones and the sequencer need it. Slices hold plain little-endian
 * words that need not be aligned. */
struct gyr_checkpoint_block {
	uint64_t number;
	struct gyr_hash hash;
	/* As of the record that opened it: */
	uint64_t position;
	uint64_t arrival_next;
	uint64_t mini_number;	    /* of the next mini-block, since genesis */
	struct gyr_slice undecided; /* u64: arrivals below arrival_next still without disposition */
	uint64_t tx_count;	    /* in the log, skipped ones included */
	/* Of these transactions in log order, 16 bytes each; what they mean is the caller's. Of all
	 * of them or, where they are too old to matter, of none. */
	struct gyr_slice outcomes;
};

#define GYR_CHECKPOINT_OUTCOME_LENGTH 16

struct gyr_checkpoint_store;

GYR_MUST_USE int gyr_checkpoint_open(struct gyr_checkpoint_store **out,
				     const struct gyr_checkpoint_config *config);

/* A checkpoint that was begun is given up. */
void gyr_checkpoint_close(struct gyr_checkpoint_store *store);

/*
 * Whose checkpoints these are. known: 1 and the genesis hash where the store was claimed with a
 * genesis file of this digest, else 0. claim: takes a new store, or checks a used one:
 * -GYR_ERR_GENESIS when it is another chain's.
 */
GYR_MUST_USE int gyr_checkpoint_known(struct gyr_checkpoint_store *store,
				      struct gyr_hash *genesis_hash, const struct gyr_hash *digest);
GYR_MUST_USE int gyr_checkpoint_claim(struct gyr_checkpoint_store *store,
				      const struct gyr_hash *genesis_hash,
				      const struct gyr_hash *digest);

/* 1 and the last checkpoint's head, 0 when there is none yet, or an error. Any time. */
GYR_MUST_USE int gyr_checkpoint_head(struct gyr_checkpoint_store *store,
				     struct gyr_checkpoint_head *head);

GYR_MUST_USE int gyr_checkpoint_begin(struct gyr_checkpoint_store *store);

/* Sets an account's row, or removes it with its slots staying (the caller clears them). */
GYR_MUST_USE int gyr_checkpoint_put_account(struct gyr_checkpoint_store *store,
					    const struct gyr_checkpoint_account *account);
GYR_MUST_USE int gyr_checkpoint_remove_account(struct gyr_checkpoint_store *store,
					       const struct gyr_address *address);

/* Sets a storage slot; zero removes its row. key and value are big-endian. */
GYR_MUST_USE int gyr_checkpoint_put_slot(struct gyr_checkpoint_store *store,
					 const struct gyr_address *address, const uint8_t key[32],
					 const uint8_t value[32]);

/* Removes every slot of an account. */
GYR_MUST_USE int gyr_checkpoint_clear_slots(struct gyr_checkpoint_store *store,
					    const struct gyr_address *address);

/* Code is kept by its hash and never removed. */
GYR_MUST_USE int gyr_checkpoint_put_code(struct gyr_checkpoint_store *store,
					 const struct gyr_hash *hash, struct gyr_slice code);

GYR_MUST_USE int gyr_checkpoint_put_block(struct gyr_checkpoint_store *store,
					  const struct gyr_checkpoint_block *block);

/* Removes up to count_max of the blocks below `number`; returns how many. */
GYR_MUST_USE int64_t gyr_checkpoint_drop_blocks(struct gyr_checkpoint_store *store, uint64_t number,
						uint64_t count_max);

/* Small things that belong to the checkpoint, by a number that the caller chooses. Length 0
 * removes. */
GYR_MUST_USE int gyr_checkpoint_put_item(struct gyr_checkpoint_store *store, uint32_t number,
					 struct gyr_slice bytes);

/*
 * Makes the checkpoint durable; the block number is not below the last one's. On error nothing of
 * it is there. -GYR_ERR_LIMIT when the store is full, -GYR_ERR_DISK_FULL when the disk is.
 */
GYR_MUST_USE int gyr_checkpoint_commit(struct gyr_checkpoint_store *store,
				       const struct gyr_checkpoint_head *head);
void gyr_checkpoint_abort(struct gyr_checkpoint_store *store);

/* Reading: the last checkpoint as a whole, until read_end. Not while one is being made. */
GYR_MUST_USE int gyr_checkpoint_read_begin(struct gyr_checkpoint_store *store);
void gyr_checkpoint_read_end(struct gyr_checkpoint_store *store);

/* Called row by row, codes, blocks, accounts, slots, each in the order of its key; what is passed
 * is valid until read_end. Not 0 ends the load with that error. NULL: not interested. */
struct gyr_checkpoint_visit {
	int (*code)(void *user, const struct gyr_hash *hash, struct gyr_slice code);
	int (*block)(void *user, const struct gyr_checkpoint_block *block);
	int (*account)(void *user, const struct gyr_checkpoint_account *account);
	int (*slot)(void *user, const struct gyr_address *address, const uint8_t key[32],
		    const uint8_t value[32]);
};

/*
 * Loads: 1 with the head, 0 when there is no checkpoint, or an error; -GYR_ERR_DATA when rows are
 * missing or odd. The caller compares the root of what it got with head->state_root.
 */
GYR_MUST_USE int gyr_checkpoint_load(struct gyr_checkpoint_store *store,
				     struct gyr_checkpoint_head *head,
				     const struct gyr_checkpoint_visit *visit, void *user);

/* 1 and the code, 0 when there is none. */
GYR_MUST_USE int gyr_checkpoint_code(struct gyr_checkpoint_store *store, struct gyr_slice *code,
				     const struct gyr_hash *hash);

/* 1 and the block, 0 when it is not kept. */
GYR_MUST_USE int gyr_checkpoint_block(struct gyr_checkpoint_store *store,
				      struct gyr_checkpoint_block *block, uint64_t number);

/* Bytes copied into `to`, 0 when there is none, or an error (size too small included). */
GYR_MUST_USE int64_t gyr_checkpoint_item(struct gyr_checkpoint_store *store, uint32_t number,
					 uint8_t *to, size_t size);

#endif
