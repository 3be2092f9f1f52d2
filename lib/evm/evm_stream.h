/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier 1's form of code. A block of byte code that can only be entered at its start becomes a
 * header and cells; a cell names its operands by their distance from the word that was on top of
 * the stack when the block was entered, so that pushes, copies and exchanges cost nothing inside a
 * block. Between blocks every value lies where the stack has it: a block can be entered from
 * anywhere.
 *
 * The header holds the static gas of the whole block, charged on entry, and the stack heights at
 * which the block neither underflows nor overflows: one comparison. That both come before the
 * block's effects is not observable: a frame that fails loses all its gas and every effect. What
 * reads the gas (GAS, SSTORE) knows how much of it belongs to what follows in its block; what
 * leaves the frame ends its block.
 */
#ifndef EVM_STREAM_H
#define EVM_STREAM_H

#include "evm_frame.h"

/* How far above the entry's top a block may grow, and where its temporaries then lie. */
#define EVM_STREAM_GROWTH_MAX 128
#define EVM_STREAM_TEMP_COUNT 64
/* Words above a frame's stack that a block may use. */
#define EVM_STREAM_SPARE_WORDS (EVM_STREAM_GROWTH_MAX + EVM_STREAM_TEMP_COUNT + 8)
/* Static gas of a block that makes it end before its next instruction: below any slice. */
#define EVM_STREAM_BLOCK_GAS_MAX 24000

enum evm_stream_op {
#define STREAM_OP(name, what) STREAM_##name,
#include "stream_ops.inc"
#undef STREAM_OP
	STREAM_OP_COUNT
};

/* Distances a, b, c, d are in limbs: four times the number of words. */
struct evm_cell {
	const void *handler;
	union {
		struct {
			int16_t d; /* result */
			int16_t a, b, c;
			union {
				uint64_t immediate;
				const struct gyr_u256 *constant;
				struct {
					int32_t target;	 /* bytes from this cell */
					uint32_t second; /* immediate, or bytes to a constant */
				};
			};
		};
		struct {
			uint32_t gas;
			uint32_t need;	/* bytes of stack */
			uint32_t range; /* bytes of stack beyond that which the entry may have */
			uint32_t pc;
		} block;
	};
};

_Static_assert(sizeof(struct evm_cell) == 24, "three words");

#define EVM_STREAM_FIRST 2 /* cell where the code starts; 0 and 1 are a block that fails */

struct gyr_evm_stream {
	const uint8_t *code; /* the bytes it was made from */
	uint32_t code_length;
	uint32_t fork;
	/* By pc: bytes from the stream to the block of a jump destination, or to the block that
	 * fails. NULL when no jump of the code needs it. */
	const uint32_t *jumps;
	uint64_t size; /* bytes in all */
	struct evm_cell cells[];
};

/* Runs evm->frame, which has a stream; with evm NULL it fills `fill` with its entry points. */
enum gyr_evm_status evm_run_stream(struct gyr_evm *evm, const void **fill);

#endif
