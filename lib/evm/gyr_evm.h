/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Ethereum virtual machine from Frontier to Osaka: one message call or creation at a time over
 * a gyr_state, with every call inside it. One owner, one thread; memory from the caller's arena at
 * init, none after. Calls are a loop over frames: no C recursion, depth at most 1024.
 *
 * gyr_evm_begin sets a message up, gyr_evm_step moves it on by at most a slice of gas (a single
 * instruction may exceed it), and stops where it needs a block hash that nobody gave yet. What a
 * message does never depends on how it was sliced.
 *
 * Memory of all frames lies in one arena, one after the other; so do their stacks. Both are sized
 * for the gas that one transaction may have, so that capacity is never an outcome; when the owner
 * sized them too small all the same, the status is GYR_EVM_FATAL.
 */
#ifndef GYR_EVM_H
#define GYR_EVM_H

#include "gyr_fork.h"
#include "gyr_keccak_memo.h"
#include "gyr_precompile.h"
#include "gyr_state.h"

#define GYR_EVM_DEPTH_MAX  1024
#define GYR_EVM_STACK_MAX  1024
#define GYR_EVM_WANTED_MAX 16

struct gyr_evm_frame; /* evm_frame.h */
struct gyr_evm;

/* What the block says to contracts. */
struct gyr_evm_block {
	uint64_t number;
	uint64_t timestamp;
	uint64_t gas_limit;
	struct gyr_address fee_recipient;
	struct gyr_u256 prev_randao; /* before Paris: the difficulty */
	struct gyr_u256 base_fee;
	struct gyr_u256 blob_base_fee;
};

/* What the transaction says to contracts. */
struct gyr_evm_tx {
	struct gyr_address origin;
	struct gyr_u256 gas_price; /* effective */
	const struct gyr_hash *blob_hashes;
	size_t blob_hash_count;
};

struct gyr_evm_message {
	bool create;
	bool is_static;
	struct gyr_address sender;
	struct gyr_address to;	/* creation: the new contract's address */
	struct gyr_u256 value;	/* the sender's balance covers it */
	struct gyr_slice input; /* call data or init code; stays until the message is done */
	int64_t gas;
};

enum gyr_evm_status {
	GYR_EVM_DONE,
	GYR_EVM_RUNNING,	  /* the slice is used up: step again */
	GYR_EVM_NEEDS_BLOCK_HASH, /* of block_hash_wanted: provide it, then step again */
	GYR_EVM_FATAL,		  /* a table or arena is full: nothing that was computed counts */
};

/* How a frame ended. All but the first two take the frame's gas. */
enum gyr_evm_halt {
	GYR_EVM_SUCCESS,
	GYR_EVM_REVERT,
	GYR_EVM_OUT_OF_GAS,
	GYR_EVM_STACK_UNDERFLOW,
	GYR_EVM_STACK_OVERFLOW,
	GYR_EVM_BAD_JUMP,
	GYR_EVM_INVALID_OPCODE,
	GYR_EVM_STATIC_VIOLATION,
	GYR_EVM_RETURN_DATA_RANGE,
	GYR_EVM_CREATE_COLLISION,
	GYR_EVM_CODE_TOO_LONG,
	GYR_EVM_CODE_PREFIX,   /* 0xef (EIP-3541) */
	GYR_EVM_INIT_TOO_LONG, /* EIP-3860 */
	GYR_EVM_PRECOMPILE_FAILED,
	GYR_EVM_NONCE_OVERFLOW,
	GYR_EVM_HALT_COUNT,
};

/* One instruction about to run, as EIP-3155 wants it. */
struct gyr_evm_trace_step {
	const struct gyr_u256 *stack; /* lowest first */
	size_t stack_count;
	const uint8_t *memory;
	uint64_t memory_size;
	uint64_t return_data_size;
	uint64_t pc;
	int64_t gas;
	int64_t caller_gas; /* what the frame below keeps; 0 for the outermost */
	int64_t refund;
	unsigned depth; /* 1 is the outermost */
	uint8_t op;
};

struct gyr_evm_tracer {
	void *context;
	void (*step)(void *context, const struct gyr_evm_trace_step *step);
	void (*end)(void *context, unsigned depth, enum gyr_evm_halt halt, int64_t gas_left);
};

/* How the owner's block hashes are asked for: false where it is not known yet. */
struct gyr_evm_block_hashes {
	const void *context;
	bool (*get)(const void *context, uint64_t number, struct gyr_hash *out);
};

struct gyr_evm_result {
	enum gyr_evm_halt halt;
	int64_t gas_left;
	struct gyr_slice output; /* until the next begin */
};

/* Gas rules of the fork in force (evm_rules.c). */
struct gyr_evm_rules {
	enum gyr_fork fork;
	struct gyr_precompile_rules precompiles;
	int64_t cold_account; /* beyond the static price */
	int64_t cold_slot;
	int64_t exp_byte;
	int64_t store_set;
	int64_t store_reset;
	int64_t store_same;
	int64_t store_clear_refund;
	uint8_t first_fork[256]; /* of an opcode; GYR_FORK_COUNT: none */
	int16_t static_gas[256];
};

struct gyr_evm {
	struct gyr_state *state;
	const struct gyr_keccak_ops *keccak;
	struct gyr_keccak_memo *memo; /* for messages of 64 bytes; NULL: none */
	const struct gyr_precompile_ops *precompile;
	struct gyr_evm_frame *frame; /* the one that runs; NULL when none does */
	int64_t withheld;	     /* gas of the running frame that the slice does not cover */
	int64_t spare;		     /* gas of the slice that the running frame does not have */

	const uint8_t *return_data; /* of the frame that runs */
	uint64_t return_size;
	uint8_t *return_buffer;
	uint64_t return_capacity;

	struct gyr_evm_frame *frames;
	struct gyr_u256 *stack;
	size_t stack_count; /* words of the arena */
	uint8_t *memory;
	uint64_t memory_size;
	struct gyr_arena scratch; /* of precompiles */

	uint64_t chain_id;
	struct gyr_evm_block block;
	struct gyr_evm_tx tx;
	struct gyr_evm_rules rules;
	struct gyr_evm_block_hashes block_hashes;
	uint64_t block_hash_wanted;
	uint64_t heat_wanted; /* see gyr_evm_heat; 0: nothing is wanted */
	uint32_t wanted[GYR_EVM_WANTED_MAX];
	unsigned wanted_count;
	uint64_t quiet; /* counts up between messages; read by whoever frees streams */
	bool fatal;
	bool other_tier; /* a tier stopped because the frame on top belongs to the other one */
	const struct gyr_evm_tracer *tracer;
	struct gyr_evm_result result;
	struct gyr_u256_modulus_cache moduli;
	const void *labels[256]; /* of the interpreter, for this fork */
	const void *labels_traced[256];
};

struct gyr_evm_limits {
	uint64_t tx_gas_max; /* no message may have more gas */
	/* Bytes of the memory arena; 0: what tx_gas_max can pay for, at the worst. */
	uint64_t memory_size;
};

/* Bytes of arena that gyr_evm_init carves. Most of it is touched by unusual transactions only. */
size_t gyr_evm_size(const struct gyr_evm_limits *limits);

/* False when the arena is smaller than gyr_evm_size. Starts with Osaka's rules. */
bool gyr_evm_init(struct gyr_evm *evm, struct gyr_arena *arena, const struct gyr_evm_limits *limits,
		  struct gyr_state *state, const struct gyr_keccak_ops *keccak,
		  const struct gyr_precompile_ops *precompile, uint64_t chain_id);

/* Takes the rules of a fork; between messages only. */
void gyr_evm_set_fork(struct gyr_evm *evm, enum gyr_fork fork);

/*
 * Sets a message up within the state's current transaction: value is transferred, a creation's
 * collision is checked. The creator's nonce is the caller's business.
 */
void gyr_evm_begin(struct gyr_evm *evm, const struct gyr_evm_message *message);

/* Runs on by at most gas_slice > 0. With DONE, evm->result says how it ended. */
enum gyr_evm_status gyr_evm_step(struct gyr_evm *evm, int64_t gas_slice);

/*
 * Code that keeps running in tier 0 is asked for, each time that it has used another `gas` there,
 * an entry counting for 1,000; 0: none is. Only code that was there before the transaction that
 * runs. At most GYR_EVM_WANTED_MAX pieces wait to be taken: more are asked for later.
 */
static inline void gyr_evm_heat(struct gyr_evm *evm, uint64_t gas)
{
	evm->heat_wanted = gas;
}

/* Index of a piece of code that is asked for; 0: none. */
static inline uint32_t gyr_evm_take_wanted(struct gyr_evm *evm)
{
	return evm->wanted_count == 0 ? 0 : evm->wanted[--evm->wanted_count];
}

/*
 * Tells who owns the streams (gyr_evm_streams.h) that none is in use: to be called now and then,
 * between messages.
 */
static inline void gyr_evm_quiet(struct gyr_evm *evm)
{
	gyr_assert(evm->frame == NULL);
	/* Streams that ran are done with. One writer: this machine's thread; read by take_back and
	 * readers_passed (streams.c). Sequentially consistent with the load in choose_tier, and
	 * with the store and load in take_back: where that saw the count before this, no later
	 * frame finds what it took back. */
	__atomic_store_n(&evm->quiet, evm->quiet + 1, __ATOMIC_SEQ_CST);
}

/* True when code of the account stands at this address that the fork has a precompile for. */
static inline bool gyr_evm_is_precompile(const struct gyr_evm *evm,
					 const struct gyr_address *address)
{
	return gyr_precompile_at(&evm->rules.precompiles, address) != GYR_PRECOMPILE_NONE;
}

/* The address of a contract that `creator` makes with this nonce, or by CREATE2 (EIP-1014). */
void gyr_evm_create_address(const struct gyr_keccak_ops *keccak, struct gyr_address *out,
			    const struct gyr_address *creator, uint64_t nonce);
void gyr_evm_create2_address(const struct gyr_keccak_ops *keccak, struct gyr_address *out,
			     const struct gyr_address *creator, const struct gyr_u256 *salt,
			     struct gyr_slice init_code);

/* The name of an opcode, for example "PUSH1"; NULL where there is none. */
const char *gyr_evm_op_name(uint8_t op);

/* A word or two, for example "out of gas". */
const char *gyr_evm_halt_name(enum gyr_evm_halt halt);

#endif
