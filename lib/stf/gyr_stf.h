/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethereum's state-transition function: a chain's configuration, blocks and the transactions in
 * them, executed exactly. Freestanding: memory from the caller's arena, no clock, no I/O.
 *
 * struct gyr_stf runs blocks and belongs to one thread. struct gyr_stf_root (gyr_stf_root.h)
 * computes roots, headers and block hashes from what each block leaves behind and may run on
 * another thread, beside the next block. Order of calls:
 *
 *   block_begin ( tx_begin ( step )* tx_end )* block_end      per block
 *
 * tx_begin answers OK, or a verdict of a transaction that has no place in the block (GYR_VERDICT_
 * SKIP_*, or what is wrong with its shape); then there is no step and no tx_end. Everything is
 * bounded; what exceeds a limit of the tables is never an outcome of a transaction but
 * GYR_STF_FATAL, after which the owner stops. No call depends on the order of records in tables.
 */
#ifndef GYR_STF_H
#define GYR_STF_H

#include "gyr_chain.h"
#include "gyr_evm.h"
#include "gyr_txn.h"
#include "gyr_verdict.h"

/* The last ancestors that BLOCKHASH sees. */
#define GYR_STF_HASH_WINDOW 256

struct gyr_stf_limits {
	uint64_t tx_gas_max;	/* a transaction with more is GAS_ABOVE_CAP */
	uint64_t block_gas_max; /* the highest gas limit of a block */
	struct gyr_state_limits state;
	struct gyr_evm_limits evm;
	uint32_t tx_count_max;	      /* transactions in a block */
	uint64_t tx_bytes_max;	      /* of all transactions in a block, encoded */
	uint64_t receipt_bytes_max;   /* of all receipts in a block, encoded */
	uint32_t block_output_count;  /* blocks whose output may be held at a time */
	uint32_t blob_hash_count_max; /* in a transaction */
	uint64_t seed;		      /* secret; no result depends on it */
};

/*
 * Limits for this many accounts and slots: all else follows from the gas, so that no transaction
 * and no block of that much gas can meet a limit.
 */
struct gyr_stf_limits gyr_stf_limits_of(uint64_t tx_gas_max, uint64_t block_gas_max,
					uint32_t account_count_max, uint32_t slot_count_max);

struct gyr_stf_block {
	uint64_t number;
	uint64_t timestamp;
	uint64_t gas_limit;
	struct gyr_address fee_recipient;
	struct gyr_hash prev_randao;
	struct gyr_hash parent_beacon_root; /* for EIP-4788; zero in gyr's own chain */
	/*
	 * Outside a chain (state tests) the base fee and excess are given, not derived, and what
	 * the system writes (EIP-2935, EIP-4788) only with system_calls: the parent's hash is known
	 * then.
	 */
	bool standalone;
	bool system_calls;
	uint64_t base_fee;
	struct gyr_u256 difficulty; /* before Paris */
	uint64_t excess_blob_gas;
};

/* A transaction that will be begun soon. */
struct gyr_stf_expected {
	const struct gyr_txn *txn;
	const struct gyr_address *sender;
};

/* So many may be told at once; eight or more make the best of parallel hashing. */
#define GYR_STF_EXPECT_MAX 16

enum gyr_stf_status {
	GYR_STF_DONE,
	GYR_STF_RUNNING,	  /* the slice is used up: step again */
	GYR_STF_NEEDS_BLOCK_HASH, /* see gyr_stf_block_hash_wanted */
	GYR_STF_FATAL,		  /* a table is full: stop */
};

/* What a transaction did. Slices stay until the next tx_begin. */
struct gyr_stf_receipt {
	bool success;
	bool created; /* contract_address is meant */
	uint8_t type;
	enum gyr_evm_halt halt;
	uint64_t gas_used;
	uint64_t gas_used_cumulative;
	uint64_t gas_refunded;
	struct gyr_u256 gas_price; /* effective */
	struct gyr_address contract_address;
	struct gyr_hash logs_hash;     /* keccak256 of the logs' RLP; see gyr_stf_defer_receipts */
	struct gyr_slice logs_encoded; /* that RLP; stays as long as the block's output */
	uint8_t bloom[256];
	const struct gyr_evm_log *logs; /* their data: gyr_stf_log_data */
	uint32_t log_count;
	struct gyr_slice output;
};

/* An account that the last transaction changed, for an admission view. */
struct gyr_stf_account {
	struct gyr_address address;
	uint64_t nonce;
	struct gyr_u256 balance;
	struct gyr_u256 balance_before; /* before the last transaction */
	bool exists;
	bool has_code;	/* and is no delegation */
	bool delegated; /* EIP-7702 */
};

struct gyr_stf_tx_record {
	uint64_t tx_offset; /* into tx_bytes */
	uint64_t tx_length;
	uint64_t receipt_offset; /* into receipt_bytes */
	uint64_t receipt_length;
};

/* What a block leaves behind for the root, for replicas and for checkpoints. */
struct gyr_stf_block_output {
	struct gyr_stf_block block;
	enum gyr_fork fork;
	uint64_t base_fee;
	uint64_t excess_blob_gas;
	uint64_t gas_used;
	uint64_t blob_gas_used;
	uint8_t bloom[256];
	/* EIP-2935's slot whose value, the parent's hash, was not known when the block ended. */
	bool history_pending;
	uint32_t history_slot; /* into writes.slots */
	struct gyr_write_set writes;
	struct gyr_stf_tx_record *txs;
	uint32_t tx_count;
	uint8_t *tx_bytes;	/* canonical encodings */
	uint8_t *receipt_bytes; /* encoded receipts (EIP-2718) */
	uint64_t tx_bytes_used;
	uint64_t receipt_bytes_used;
	bool held; /* until gyr_stf_block_release */
};

struct gyr_stf;

size_t gyr_stf_size(const struct gyr_stf_limits *limits);

/* Carves everything. False when the arena is smaller than gyr_stf_size. The tables outlive it. */
bool gyr_stf_init(struct gyr_stf **out, struct gyr_arena *arena,
		  const struct gyr_stf_limits *limits, const struct gyr_chain_config *config,
		  const struct gyr_keccak_ops *keccak, const struct gyr_precompile_ops *precompile);

/* Back to before genesis, in time proportional to what the state holds. */
void gyr_stf_reset(struct gyr_stf *stf, const struct gyr_chain_config *config);

/*
 * The allocation of genesis, before anything else; an account may be given in several calls. False
 * when a table is full. code and slots replace what was there.
 */
bool gyr_stf_genesis_account(struct gyr_stf *stf, const struct gyr_address *address, uint64_t nonce,
			     const struct gyr_u256 *balance, struct gyr_slice code);
bool gyr_stf_genesis_slot(struct gyr_stf *stf, const struct gyr_address *address,
			  const struct gyr_u256 *key, const struct gyr_u256 *value);

/* What the next block builds on: genesis, or the block of a checkpoint. */
struct gyr_stf_parent {
	uint64_t number;
	uint64_t timestamp;
	uint64_t gas_limit;
	uint64_t gas_used;
	uint64_t base_fee;
	uint64_t excess_blob_gas;
	uint64_t blob_gas_used;
};

/*
 * Ends the allocation, which gyr_state_export then reads for the root: the next block is the child
 * of `parent`. Hashes of the parent and its ancestors are to be provided as far as they exist.
 */
void gyr_stf_seal(struct gyr_stf *stf, const struct gyr_stf_parent *parent);

/*
 * Opens a block on the last one. False when the tables are full or no block output is free: release
 * one first (gyr_stf_output_free tells beforehand).
 */
bool gyr_stf_block_begin(struct gyr_stf *stf, const struct gyr_stf_block *block);

/* Whether block_begin would find a free output. */
bool gyr_stf_output_free(const struct gyr_stf *stf);

/* The base fee of the next block, or of the one that is open. */
uint64_t gyr_stf_base_fee(const struct gyr_stf *stf);

/* The base fee of a child (EIP-1559 with the chain's floor). */
uint64_t gyr_stf_next_base_fee(const struct gyr_chain_config *config,
			       const struct gyr_stf_parent *parent);

/*
 * Brings near what transactions will need that come soon, some ten from now: records of accounts,
 * hashes and records of slots that such calls used before. At any time, from the thread of all
 * other calls; no result depends on it, nor on its being called.
 */
void gyr_stf_expect(struct gyr_stf *stf, const struct gyr_stf_expected *expected, unsigned count);

/*
 * Opens a transaction: checks it against block and sender, buys its gas, applies its
 * authorizations and sets its message up. `txn` and what it points to stay until tx_end.
 */
enum gyr_verdict gyr_stf_tx_begin(struct gyr_stf *stf, const struct gyr_txn *txn,
				  const struct gyr_address *sender);

/* Moves the transaction on by about gas_slice gas. */
enum gyr_stf_status gyr_stf_step(struct gyr_stf *stf, int64_t gas_slice);

/* The block whose hash a step waits for. */
uint64_t gyr_stf_block_hash_wanted(const struct gyr_stf *stf);

/* Makes a block's hash known, as soon as it is; at any time. */
void gyr_stf_provide_block_hash(struct gyr_stf *stf, uint64_t number, const struct gyr_hash *hash);

/* Closes a transaction that a step called DONE: refunds, fees, receipt. */
enum gyr_stf_status gyr_stf_tx_end(struct gyr_stf *stf, struct gyr_stf_receipt *receipt);

/*
 * From now on tx_end leaves out what can be hashed side by side for many transactions: where there
 * are logs, the caller hashes logs_encoded for logs_hash; blooms are in the encoded receipts and
 * the block's by block_end, and not in `bloom`.
 */
void gyr_stf_defer_receipts(struct gyr_stf *stf);

/* What it hashes with. */
const struct gyr_keccak_ops *gyr_stf_keccak(const struct gyr_stf *stf);

/* Bytes of a log of the last receipt. */
struct gyr_slice gyr_stf_log_data(const struct gyr_stf *stf, const struct gyr_evm_log *log);

/* The accounts that the last transaction changed: index counts up until false. */
bool gyr_stf_changed_account(const struct gyr_stf *stf, uint32_t index,
			     struct gyr_stf_account *out);

/* Closes the block; the output is held until released. NULL is fatal. */
struct gyr_stf_block_output *gyr_stf_block_end(struct gyr_stf *stf);

/* Gives an output back, once its root is computed and nobody else reads it. */
void gyr_stf_block_release(struct gyr_stf *stf, struct gyr_stf_block_output *output);

/* Part of the fullest table that is in use, in 1/1000. */
unsigned gyr_stf_high_water(const struct gyr_stf *stf);

/* Reading, between transactions. */
bool gyr_stf_account_read(const struct gyr_stf *stf, const struct gyr_address *address,
			  struct gyr_stf_account *out);
struct gyr_slice gyr_stf_code_read(const struct gyr_stf *stf, const struct gyr_address *address);
struct gyr_u256 gyr_stf_slot_read(const struct gyr_stf *stf, const struct gyr_address *address,
				  const struct gyr_u256 *key);

/* The state itself, for checkpoints and tracing; read only. */
const struct gyr_state *gyr_stf_state(const struct gyr_stf *stf);

/* The machine, for the owner of its streams (gyr_evm_streams.h). */
struct gyr_evm *gyr_stf_evm(struct gyr_stf *stf);

/* Every instruction of every transaction goes to the tracer; NULL ends that. Slow. */
void gyr_stf_trace(struct gyr_stf *stf, const struct gyr_evm_tracer *tracer);

#endif
