/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint store: the state as it is after one EVM block, in an embedded database (LMDB), so
 * that recovery replays the log from there only. Each checkpoint is one transaction: begin, the
 * rows that changed since the last one, commit with a head that says after which block, and which
 * state root the rows must have. It is there completely or not at all, whatever crashes when;
 * commit returns once it is durable.
 *
 * Rows are plain: addresses, big-endian 256-bit numbers, hashes; nothing here knows how the state
 * is kept in memory. One instance writes (a lock file); one thread at a time uses it, and the
 * thread that began a checkpoint ends it. Cold: every call may block on the disk.
 *
 * Limits: the store's size as configured (address space is reserved, disk is not); code as long as
 * memory; an item GYR_CHECKPOINT_ITEM_LENGTH_MAX bytes.
 */
#ifndef GYR_CHECKPOINT_H
#define GYR_CHECKPOINT_H

#include "gyr_base.h"

#define GYR_CHECKPOINT_VERSION	       1
#define GYR_CHECKPOINT_ITEM_LENGTH_MAX 65536u

struct gyr_checkpoint_config {
	const char *path;	      /* a directory; made if it is missing */
	uint64_t size_max;	      /* bytes, a multiple of 4096; 0: 64 GiB */
	struct gyr_hash genesis_hash; /* another one is GYR_ERR_GENESIS */
	uint64_t chain_id;
	bool read_only; /* beside the instance that writes, for tools; the store exists */
};

struct gyr_checkpoint_head {
	uint64_t block_number;
	struct gyr_hash block_hash;
	struct gyr_hash state_root;
	uint64_t log_position; /* replay starts with the first record at or behind it */
	uint64_t arrival_next; /* the first arrival number behind it */
	uint32_t epoch;
	uint32_t reserved;
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

struct gyr_checkpoint;

GYR_MUST_USE int gyr_checkpoint_open(struct gyr_checkpoint **out,
				     const struct gyr_checkpoint_config *config);

/* A checkpoint that was begun is given up. */
void gyr_checkpoint_close(struct gyr_checkpoint *store);

/* 1 and the last checkpoint's head, 0 when there is none yet, or an error. */
GYR_MUST_USE int gyr_checkpoint_head(struct gyr_checkpoint *store,
				     struct gyr_checkpoint_head *head);

GYR_MUST_USE int gyr_checkpoint_begin(struct gyr_checkpoint *store);

/* Sets an account's row, or removes it with its slots staying (none may be left: the caller sets
 * them to zero). */
GYR_MUST_USE int gyr_checkpoint_put_account(struct gyr_checkpoint *store,
					    const struct gyr_checkpoint_account *account);
GYR_MUST_USE int gyr_checkpoint_remove_account(struct gyr_checkpoint *store,
					       const struct gyr_address *address);

/* Sets a storage slot; zero removes its row. key and value are big-endian. */
GYR_MUST_USE int gyr_checkpoint_put_slot(struct gyr_checkpoint *store,
					 const struct gyr_address *address, const uint8_t key[32],
					 const uint8_t value[32]);

/* Removes every slot of an account. */
GYR_MUST_USE int gyr_checkpoint_clear_slots(struct gyr_checkpoint *store,
					    const struct gyr_address *address);

/* Code is kept by its hash and never removed. */
GYR_MUST_USE int gyr_checkpoint_put_code(struct gyr_checkpoint *store, const struct gyr_hash *hash,
					 struct gyr_slice code);

/*
 * Small things that belong to the checkpoint, by a number that the caller chooses: the last block
 * hashes, the parent header. Length 0 removes.
 */
GYR_MUST_USE int gyr_checkpoint_put_item(struct gyr_checkpoint *store, uint32_t number,
					 struct gyr_slice bytes);

/* Bytes copied into `to`, 0 when there is none, or an error (size too small included). Not while a
 * checkpoint is open. */
GYR_MUST_USE int64_t gyr_checkpoint_get_item(struct gyr_checkpoint *store, uint32_t number,
					     uint8_t *to, size_t size);

/*
 * Makes the checkpoint durable; the block number is not below the last one's. On error nothing of
 * it is there. -GYR_ERR_LIMIT when the store is full, -GYR_ERR_DISK_FULL when the disk is.
 */
GYR_MUST_USE int gyr_checkpoint_commit(struct gyr_checkpoint *store,
				       const struct gyr_checkpoint_head *head);
void gyr_checkpoint_abort(struct gyr_checkpoint *store);

/* Called row by row, codes first, then accounts, then slots, each in the order of its key; what is
 * passed is valid during the call. Not 0 ends the load with that error. NULL: not interested. */
struct gyr_checkpoint_visit {
	int (*code)(void *user, const struct gyr_hash *hash, struct gyr_slice code);
	int (*account)(void *user, const struct gyr_checkpoint_account *account);
	int (*slot)(void *user, const struct gyr_address *address, const uint8_t key[32],
		    const uint8_t value[32]);
};

/*
 * Loads the last checkpoint: 1 with its head, 0 when there is none, or an error. The caller
 * compares the root of what it got with head->state_root.
 */
GYR_MUST_USE int gyr_checkpoint_load(struct gyr_checkpoint *store, struct gyr_checkpoint_head *head,
				     const struct gyr_checkpoint_visit *visit, void *user);

#endif
