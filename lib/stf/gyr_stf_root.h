/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots and headers: keeps the tries of accounts and storage, applies to them what each block left
 * behind (struct gyr_stf_block_output), and makes the block's header and hash. One owner, who may
 * be on another thread than struct gyr_stf: an output is read only, but for EIP-2935's slot, which
 * is filled in here because only here is the parent's hash known.
 *
 * Per block: gyr_stf_root_begin, gyr_stf_root_step until it is done, then the hash goes to
 * gyr_stf_provide_block_hash and the output is released. A step does about as much as its budget
 * says.
 */
#ifndef GYR_STF_ROOT_H
#define GYR_STF_ROOT_H

#include "gyr_stf.h"
#include "gyr_trie.h"

/* The longest header: 15 fixed fields of at most 300 bytes in all, the bloom, extra data. */
#define GYR_STF_HEADER_MAX 1024

/* A header before it is encoded; fields of later forks than its own are left out. */
struct gyr_stf_header {
	enum gyr_fork fork;
	struct gyr_hash parent_hash;
	struct gyr_address fee_recipient;
	struct gyr_hash state_root;
	struct gyr_hash tx_root;
	struct gyr_hash receipt_root;
	uint8_t bloom[256];
	struct gyr_u256 difficulty;
	uint64_t number;
	uint64_t gas_limit;
	uint64_t gas_used;
	uint64_t timestamp;
	struct gyr_slice extra; /* at most 32 bytes */
	struct gyr_hash prev_randao;
	uint8_t nonce[8];
	uint64_t base_fee;
	uint64_t blob_gas_used;
	uint64_t excess_blob_gas;
	/* No ommers, withdrawals, requests; the parent beacon root is zero. */
};

/* Writes the header's RLP; returns its length. */
size_t gyr_stf_header_encode(uint8_t out[GYR_STF_HEADER_MAX], const struct gyr_stf_header *header);

void gyr_stf_header_hash(struct gyr_hash *out, const struct gyr_stf_header *header,
			 const struct gyr_keccak_ops *keccak);

struct gyr_stf_root_limits {
	uint32_t contract_count_max; /* accounts that ever had storage */
	size_t trie_bytes;	     /* for nodes: some 260 bytes an account or slot */
	uint32_t dirty_count_max;    /* as in gyr_state_limits */
};

enum gyr_stf_root_status {
	GYR_STF_ROOT_DONE,
	GYR_STF_ROOT_RUNNING,
	GYR_STF_ROOT_FULL, /* tries or contracts exceed the limits: stop */
};

struct gyr_stf_root;

size_t gyr_stf_root_size(const struct gyr_stf_root_limits *limits);
bool gyr_stf_root_init(struct gyr_stf_root **out, struct gyr_arena *arena,
		       const struct gyr_stf_root_limits *limits,
		       const struct gyr_keccak_ops *keccak);

/* Back to empty tries, in time proportional to what is in them. */
void gyr_stf_root_reset(struct gyr_stf_root *root);

/* Applies writes in one go, for genesis and checkpoints. False when full. */
bool gyr_stf_root_apply(struct gyr_stf_root *root, const struct gyr_write_set *writes);

/* The state root of all that was applied. */
const struct gyr_hash *gyr_stf_root_state(struct gyr_stf_root *root);

/* Starts on a block; its parent's hash is known by now. */
void gyr_stf_root_begin(struct gyr_stf_root *root, struct gyr_stf_block_output *output,
			const struct gyr_hash *parent_hash);

/* Goes on by about `budget` accounts and slots, branches of the tries, or transactions. */
enum gyr_stf_root_status gyr_stf_root_step(struct gyr_stf_root *root, size_t budget);

/* The header and hash of the block that step was DONE with, until the next begin. */
const struct gyr_stf_header *gyr_stf_root_header(const struct gyr_stf_root *root);
const struct gyr_hash *gyr_stf_root_hash(const struct gyr_stf_root *root);

#endif
