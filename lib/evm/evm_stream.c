/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier 1: runs streams, by labels as values. The macros have control flow because the handlers of
 * one function must share its registers: ip at the cell, sp at the word that was on top when the
 * block was entered, gas, and the memory's bounds.
 */
#include "evm_stream.h"

#include "stream_words.h"

#define SLOT(distance) ((struct gyr_u256 *)((uint64_t *)sp + (distance)))
#define A	       ((const struct gyr_u256 *)SLOT(ip->a))
#define B	       ((const struct gyr_u256 *)SLOT(ip->b))
#define C	       ((const struct gyr_u256 *)SLOT(ip->c))
#define D	       SLOT(ip->d)
#define K	       (ip->constant)
#define K_SECOND       ((const struct gyr_u256 *)((const char *)ip + (int32_t)ip->second))

#define NEXT                                                                                       \
	do {                                                                                       \
		ip++;                                                                              \
		goto * ip->handler;                                                                \
	} while (0)

/* Enters the block whose header is at ip. */
#define ENTER                                                                                      \
	do {                                                                                       \
		gas -= ip->block.gas;                                                              \
		if (GYR_UNLIKELY(gas < 0))                                                         \
			goto short_of_gas;                                                         \
		if (GYR_UNLIKELY((uint64_t)((char *)sp - floor - ip->block.need) >                 \
				 ip->block.range))                                                 \
			goto stack_fault;                                                          \
		NEXT;                                                                              \
	} while (0)

#define SHIFT_STACK() (sp = SLOT(ip->c))

#define GO_TARGET                                                                                  \
	do {                                                                                       \
		SHIFT_STACK();                                                                     \
		ip = (const struct evm_cell *)((const char *)ip + ip->target);                     \
		ENTER;                                                                             \
	} while (0)

#define GO_FALL                                                                                    \
	do {                                                                                       \
		SHIFT_STACK();                                                                     \
		ip++;                                                                              \
		ENTER;                                                                             \
	} while (0)

/* What an instruction costs beyond its static price. */
#define CHARGE(price)                                                                              \
	do {                                                                                       \
		if (GYR_UNLIKELY((gas -= (price)) < 0) && (gas = evm_borrow(evm, gas)) < 0)        \
			goto out_of_gas;                                                           \
	} while (0)

/* Memory up to an end: paid for, there, and zero where it is new. */
#define MEMORY(end_)                                                                               \
	do {                                                                                       \
		end = (end_);                                                                      \
		if (GYR_UNLIKELY(end > memory_size)) {                                             \
			CHARGE(evm_memory_cost(memory_size, end));                                 \
			memory_size = evm_memory_grow(evm, frame, memory_size, end);               \
			if (GYR_UNLIKELY(evm->fatal))                                              \
				goto fatal;                                                        \
		}                                                                                  \
	} while (0)

/* The same for a word or byte whose offset is a number of any size. */
#define MEMORY_AT(offset, size_)                                                                   \
	do {                                                                                       \
		target = gyr_u256_to_u64_saturating(offset);                                       \
		if (GYR_UNLIKELY(target >= memory_size || memory_size - target < (size_)))         \
			MEMORY(target > EVM_MEMORY_LIMIT ? UINT64_MAX : target + (size_));         \
	} while (0)

#define HALT(reason)                                                                               \
	do {                                                                                       \
		halt = (reason);                                                                   \
		goto halted;                                                                       \
	} while (0)

#define SAVE()                                                                                     \
	do {                                                                                       \
		frame->at = ip;                                                                    \
		frame->sp = sp;                                                                    \
		frame->gas = gas;                                                                  \
		frame->memory_size = memory_size;                                                  \
	} while (0)

#define LOAD()                                                                                     \
	do {                                                                                       \
		ip = frame->at;                                                                    \
		sp = frame->sp;                                                                    \
		gas = frame->gas;                                                                  \
		floor = (char *)(frame->stack - 1);                                                \
		memory = frame->memory;                                                            \
		memory_size = frame->memory_size;                                                  \
	} while (0)

enum gyr_evm_status evm_run_stream(struct gyr_evm *evm, const void **fill)
{
	static const void *const table[STREAM_OP_COUNT] = {
#define STREAM_OP(name, what) &&op_##name,
#include "stream_ops.inc"
#undef STREAM_OP
	};
	struct gyr_evm_frame *frame;
	const struct evm_cell *ip;
	const struct gyr_evm_stream *stream;
	struct gyr_u256 *sp;
	char *floor;
	uint8_t *memory;
	uint64_t memory_size, target, size, end;
	int64_t gas, cost;
	struct gyr_u256 word;
	struct gyr_hash hash;
	struct gyr_account *account;
	struct gyr_slot *slot;
	enum gyr_evm_halt halt;
	enum evm_next next;

	if (evm == NULL) {
		memcpy(fill, table, sizeof table);
		return GYR_EVM_DONE;
	}
	frame = evm->frame;
	LOAD();
	goto * ip->handler;

#include "stream_words.inc"

#include "stream_host.inc"

short_of_gas:
	gas += ip->block.gas;
	if (evm->withheld == 0)
		goto out_of_gas;
	SAVE();
	return GYR_EVM_RUNNING;

wait:
	SAVE();
	return GYR_EVM_NEEDS_BLOCK_HASH;

stack_fault:
	HALT((uint64_t)((char *)sp - floor) < ip->block.need ? GYR_EVM_STACK_UNDERFLOW
							     : GYR_EVM_STACK_OVERFLOW);
out_of_gas:
	HALT(GYR_EVM_OUT_OF_GAS);
fatal:
	SAVE();
	return GYR_EVM_FATAL;

halted:
	if (gas < 0)
		gas = 0;
	target = 0;
	size = 0;
ended:
	SAVE();
	next = evm_end_frame(evm, halt, target, size);
	goto left;
}
