/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lib/stf share. */
#ifndef STF_INTERNAL_H
#define STF_INTERNAL_H

#include "gyr_stf.h"

#define STF_BLOB_GAS (1u << 17) /* EIP-4844: gas per blob */

struct stf_block_hash {
	uint64_t number;
	bool known;
	struct gyr_hash hash;
};

/* The transaction that is open. */
struct stf_tx {
	const struct gyr_txn *txn;
	struct gyr_address sender;
	struct gyr_address to; /* or the contract that it creates */
	/* Their records, and the fee recipient's: they stay in place until the commit. */
	struct gyr_account *sender_account;
	struct gyr_account *to_account;
	struct gyr_account *fee_account;
	struct gyr_u256 gas_price;
	uint64_t floor_gas;
	uint64_t blob_gas;
};

/* Where one word of a hashed message comes from (stf_expect.c). */
enum stf_source_kind {
	STF_SOURCE_CONSTANT,
	STF_SOURCE_SENDER,
	STF_SOURCE_DATA, /* word `index` of the call's data */
	STF_SOURCE_HASH, /* the hash of template `index` */
};

#define STF_EXPECT_MAX	  GYR_STF_EXPECT_MAX
#define STF_TEMPLATES_MAX 8
#define STF_PATTERN_COUNT 64

struct stf_source {
	uint8_t kind;
	uint8_t index;
};

struct stf_template {
	struct stf_source source[2];
	uint32_t owner; /* index of the account whose slot it names; a hint */
	uint8_t constant[2][32];
};

/* What calls of one function hash. */
struct stf_pattern {
	uint32_t code; /* 0: unused */
	uint32_t selector;
	uint8_t count;
	struct stf_template templates[STF_TEMPLATES_MAX];
};

/* What is still to be added to a receipt's bloom. */
#define STF_BLOOMS_MAX	 32
#define STF_BLOOMS_KNOWN 64 /* a power of two */

struct stf_bloom {
	const uint8_t *data; /* in the encoded receipt */
	uint8_t *bloom;
	uint32_t length;
	bool recurs;
};

struct stf_bloom_known {
	uint8_t data[32];
	uint32_t length; /* 0: none */
	uint16_t bits[3];
};

struct gyr_stf {
	struct gyr_state state;
	struct gyr_evm evm;
	struct gyr_chain_config config;
	struct gyr_stf_limits limits;
	const struct gyr_keccak_ops *keccak;
	const struct gyr_precompile_ops *precompile;

	struct gyr_stf_parent parent;
	uint64_t first_number; /* BLOCKHASH below it is zero */
	struct stf_block_hash hashes[GYR_STF_HASH_WINDOW];
	struct gyr_stf_block_output *outputs;
	struct gyr_stf_block_output *open; /* of the block that is open */
	struct gyr_u256 base_fee;	   /* of the block that is open */
	struct gyr_u256 blob_base_fee;
	enum gyr_fork fork;
	bool sealed;
	bool tx_open;
	struct stf_tx tx;
	struct gyr_hash *blob_hashes;
	struct gyr_keccak_memo memo;
	struct stf_pattern patterns[STF_PATTERN_COUNT];
	bool receipts_deferred;
	uint32_t bloom_count;
	struct stf_bloom blooms[STF_BLOOMS_MAX];
	struct stf_bloom_known blooms_known[STF_BLOOMS_KNOWN];
};

/* The hash of a block in BLOCKHASH's window, for the EVM. */
bool stf_block_hash_get(const void *context, uint64_t number, struct gyr_hash *out);

/* EIP-2935 and EIP-4788 at the start of a block. */
void stf_system_writes(struct gyr_stf *stf);

/* EIP-2935's contract, and the slot that holds a block's hash. */
extern const struct gyr_address stf_history_address;
struct gyr_u256 stf_history_slot(uint64_t number);

/* The price of blob gas at an excess (EIP-4844). */
struct gyr_u256 stf_blob_base_fee(uint64_t excess, const struct gyr_blob_schedule *schedule);
const struct gyr_blob_schedule *stf_blob_schedule(const struct gyr_chain_config *config,
						  enum gyr_fork fork);

/* After a transaction that hashed what nobody had told ahead. */
void stf_learn(struct gyr_stf *stf);

/* Applies the authorizations of a type 4 transaction (EIP-7702). */
void stf_authorize(struct gyr_stf *stf, const struct gyr_txn *txn);

/* Adds to blooms what waits for it. */
void stf_finish_blooms(struct gyr_stf *stf);

/*
 * Encodes the receipt into the block's output; fills logs hash and bloom where they are not
 * deferred. False when full.
 */
bool stf_encode_receipt(struct gyr_stf *stf, struct gyr_stf_receipt *receipt);

#endif
