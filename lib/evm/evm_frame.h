/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every tier of the EVM shares: the frame of a call, gas that is sliced, memory growth, and
 * the operations that leave the frame. A tier keeps ip, sp, gas and the memory's bounds in
 * registers and stores them in the frame before it calls anything that takes the frame.
 *
 * Gas and slices: a frame owns gas + evm->withheld. A tier runs on `gas` alone, which is what the
 * slice covers; where it runs short it asks evm_borrow, once the instruction has begun, or, before
 * it began, stops when something is withheld. So a transaction that fits its slice pays nothing.
 */
#ifndef EVM_FRAME_H
#define EVM_FRAME_H

#include "gyr_evm.h"

struct evm_cell;

struct gyr_evm_frame {
	const uint8_t *ip;
	const struct gyr_evm_stream *stream; /* NULL: the frame runs in tier 0 */
	const struct evm_cell *at;	     /* tier 1's ip */
	struct gyr_u256 *sp;		     /* the top word; stack - 1 when there is none */
	int64_t gas; /* running: what the slice covers; waiting: all of it */
	struct gyr_u256 *stack;
	uint8_t *memory;
	uint64_t memory_size; /* a multiple of 32 */
	const uint8_t *code;
	const uint8_t *jumpdests;
	uint64_t code_length;
	struct gyr_account *account; /* whose storage this is */
	const uint8_t *input;
	uint64_t input_size;
	struct gyr_u256 value;
	struct gyr_address caller;
	bool is_static;
	bool create;
	uint32_t since; /* journal length at the start: checkpoint.journal_count */
	struct gyr_checkpoint checkpoint;
	uint64_t out_offset; /* where the caller wants the output */
	uint64_t out_size;
	uint32_t heated;   /* code whose heat the frame's gas counts for; 0: none */
	int64_t gas_start; /* of a heated frame */
};

/* What an operation that leaves the frame tells the tier. */
enum evm_next {
	EVM_NEXT_RUN,  /* go on in evm->frame, which may be another */
	EVM_NEXT_DONE, /* the message is done: evm->result */
	EVM_NEXT_HALT, /* the frame fails with evm_halt_of */
};

/* The highest price charged before anything runs: a slice below it might never get past it. */
#define EVM_SLICE_MIN	 32000
#define EVM_MEMORY_LIMIT (UINT64_C(1) << 37) /* more costs more than 2^63 gas */

static inline uint64_t evm_words(uint64_t bytes)
{
	return (bytes + 31) / 32;
}

/* The price of a memory of this many words (Yellow Paper, equation 326). */
static inline int64_t evm_memory_price(uint64_t words)
{
	return (int64_t)(3 * words + words * words / 512);
}

/* The price of growing from size to hold [0, end). INT64_MAX where nobody can pay. */
static inline int64_t evm_memory_cost(uint64_t size, uint64_t end)
{
	if (end <= size)
		return 0;
	if (end > EVM_MEMORY_LIMIT)
		return INT64_MAX;
	return evm_memory_price(evm_words(end)) - evm_memory_price(size / 32);
}

/* Grows the running frame's memory, paid for already; its new size. Clears what is new. */
uint64_t evm_memory_grow(struct gyr_evm *evm, struct gyr_evm_frame *frame, uint64_t size,
			 uint64_t end);

/*
 * The end of [offset, offset + size) as the operands of an instruction give it: 0 for an empty
 * range, UINT64_MAX for one that is out of reach.
 */
static inline uint64_t evm_range_end(const struct gyr_u256 *offset, const struct gyr_u256 *size)
{
	if (gyr_u256_is_zero(size))
		return 0;
	if (!gyr_u256_fits_u64(size) || !gyr_u256_fits_u64(offset) ||
	    size->limb[0] > EVM_MEMORY_LIMIT || offset->limb[0] > EVM_MEMORY_LIMIT)
		return UINT64_MAX;
	return offset->limb[0] + size->limb[0];
}

/*
 * `gas` has fallen below zero inside an instruction: covers it from what is withheld, to exactly
 * zero, so that the next instruction finds the slice used up. Still negative: out of gas.
 */
int64_t evm_borrow(struct gyr_evm *evm, int64_t gas);

/* Splits what a frame owns, and what the slice has left, into gas, withheld and spare. */
static inline void evm_set_gas(struct gyr_evm *evm, struct gyr_evm_frame *frame, int64_t total,
			       int64_t slice)
{
	if (slice < 0)
		slice = 0;
	frame->gas = total < slice ? total : slice;
	evm->withheld = total - frame->gas;
	evm->spare = slice - frame->gas;
}

/* The running frame's address; its record does not move while the transaction runs. */
static inline const struct gyr_address *evm_self(const struct gyr_evm_frame *frame)
{
	return &frame->account->address;
}

/* An account that a CALL would have to make (EIP-161; before, one that does not exist). */
static inline bool evm_account_dead(const struct gyr_evm *evm, const struct gyr_account *account)
{
	if ((account->flags & GYR_ACCOUNT_EXISTS) == 0)
		return true;
	return evm->rules.fork >= GYR_FORK_SPURIOUS && gyr_state_is_empty(account);
}

/* Marks an account warm; what that costs beyond the static price. Precompiles are always warm. */
static inline int64_t evm_warm(struct gyr_evm *evm, struct gyr_account *account)
{
	if (!gyr_state_mark(evm->state, account, GYR_ACCOUNT_WARM) ||
	    gyr_evm_is_precompile(evm, &account->address))
		return 0;
	return evm->rules.cold_account;
}

/* The account at an address given as a word, and what touching it costs beyond the static price. */
static inline struct gyr_account *evm_account(struct gyr_evm *evm, const struct gyr_u256 *word,
					      int64_t *cold_cost)
{
	struct gyr_address address;
	struct gyr_account *account;

	gyr_u256_to_address(&address, word);
	account = gyr_state_account(evm->state, &address);
	*cold_cost = evm_warm(evm, account);
	return account;
}

/* KECCAK256. Of 64 bytes, as a mapping's slot takes, the hash is often known. */
static inline void evm_hash(struct gyr_evm *evm, struct gyr_hash *out, const uint8_t *data,
			    uint64_t size)
{
	if (size == GYR_KECCAK_MEMO_INPUT && evm->memo != NULL)
		gyr_keccak_memo_hash(evm->memo, out, data,
				     gyr_state_account_index(evm->state, evm->frame->account));
	else
		evm->keccak->hash(out, data, size);
}

/*
 * CALL, CALLCODE, DELEGATECALL, STATICCALL with all operands on the stack and the static price
 * paid. Pops them and either enters the callee or pushes the outcome; ip is beyond the instruction.
 * On HALT *halt says why the frame fails.
 */
enum evm_next evm_call(struct gyr_evm *evm, uint8_t op, enum gyr_evm_halt *halt);

/* CREATE and CREATE2, likewise. */
enum evm_next evm_create(struct gyr_evm *evm, uint8_t op, enum gyr_evm_halt *halt);

/* SELFDESTRUCT: pops the heir; the frame then ends with success unless *halt says otherwise. */
void evm_selfdestruct(struct gyr_evm *evm, enum gyr_evm_halt *halt);

/* SLOAD's and SSTORE's cost beyond the static price, and their effect where `gas` covers it. */
int64_t evm_store_cost(struct gyr_evm *evm, struct gyr_slot *slot, const struct gyr_u256 *value);

/* Appends a log whose operands lie on the stack, memory grown and everything paid. */
void evm_log(struct gyr_evm *evm, struct gyr_evm_frame *frame, unsigned topic_count);

/* Ends the running frame; output lies in its memory. */
enum evm_next evm_end_frame(struct gyr_evm *evm, enum gyr_evm_halt halt, uint64_t offset,
			    uint64_t size);

/* Copies size bytes from offset of a source that reads as zero beyond its end. */
void evm_copy_padded(uint8_t *to, uint64_t size, const uint8_t *from, uint64_t from_size,
		     const struct gyr_u256 *offset);

/*
 * The interpreter, plain and traced. Where a frame of the other tier comes to the top it returns
 * RUNNING with evm->other_tier set. With evm NULL it fills `fill` with its entry points.
 */
enum gyr_evm_status evm_interpret(struct gyr_evm *evm, const void **fill);
enum gyr_evm_status evm_interpret_traced(struct gyr_evm *evm, const void **fill);

#endif
