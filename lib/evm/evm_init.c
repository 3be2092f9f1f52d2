/* SPDX-License-Identifier: Apache-2.0 */
#include "evm_frame.h"

#include "evm_rules.h"
#include "evm_stream.h"

#define FRAME_COUNT (GYR_EVM_DEPTH_MAX + 1)
/* Each stack has a free word at either end; the highest also what a stream needs beyond it. */
#define STACK_WORDS ((size_t)FRAME_COUNT * (GYR_EVM_STACK_MAX + 2) + EVM_STREAM_SPARE_WORDS)

/* The largest memory that one frame can pay for: words w with 3 w + w^2 / 512 <= gas. */
static uint64_t words_for(uint64_t gas)
{
	uint64_t low = 0, high = EVM_MEMORY_LIMIT / 32;

	while (low < high) {
		uint64_t middle = (low + high + 1) / 2;

		if ((uint64_t)evm_memory_price(middle) <= gas)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* As many frames as there can be, each with an equal part of the gas, hold the most memory. */
static uint64_t memory_for(const struct gyr_evm_limits *limits)
{
	if (limits->memory_size != 0)
		return limits->memory_size;
	return words_for(limits->tx_gas_max / FRAME_COUNT + 1) * 32 * FRAME_COUNT +
	       words_for(limits->tx_gas_max) * 32 + 65536;
}

struct evm_sizes {
	uint64_t memory;
	uint64_t output;
	uint64_t scratch;
};

static struct evm_sizes sizes_of(const struct gyr_evm_limits *limits)
{
	struct evm_sizes sizes = {
		.memory = memory_for(limits),
		.output = words_for(limits->tx_gas_max) * 32 + GYR_PRECOMPILE_MODEXP_LENGTH_MAX,
	};

	if (sizes.output > sizes.memory)
		sizes.output = sizes.memory;
	for (unsigned fork = 0; fork < GYR_FORK_COUNT; fork++) {
		struct gyr_evm_rules rules = evm_rules_of((enum gyr_fork)fork);
		uint64_t gas = gyr_min_u64(limits->tx_gas_max, 100000000);

		sizes.scratch = gyr_max_u64(sizes.scratch,
					    gyr_precompile_scratch_size(&rules.precompiles, gas));
	}
	return sizes;
}

size_t gyr_evm_size(const struct gyr_evm_limits *limits)
{
	struct evm_sizes sizes = sizes_of(limits);

	return sizeof(struct gyr_evm_frame) * FRAME_COUNT + sizeof(struct gyr_u256) * STACK_WORDS +
	       sizes.memory + sizes.output + sizes.scratch + (size_t)8 * 64;
}

bool gyr_evm_init(struct gyr_evm *evm, struct gyr_arena *arena, const struct gyr_evm_limits *limits,
		  struct gyr_state *state, const struct gyr_keccak_ops *keccak,
		  const struct gyr_precompile_ops *precompile, uint64_t chain_id)
{
	struct evm_sizes sizes = sizes_of(limits);
	void *scratch;

	*evm = (struct gyr_evm){
		.state = state,
		.keccak = keccak,
		.precompile = precompile,
		.chain_id = chain_id,
		.frames = gyr_arena_carve(arena, sizeof(struct gyr_evm_frame) * FRAME_COUNT, 64),
		.stack = gyr_arena_carve(arena, sizeof(struct gyr_u256) * STACK_WORDS, 64),
		.stack_count = STACK_WORDS,
		.memory = gyr_arena_carve(arena, sizes.memory, 64),
		.memory_size = sizes.memory,
		.return_buffer = gyr_arena_carve(arena, sizes.output, 64),
		.return_capacity = sizes.output,
	};
	scratch = gyr_arena_carve(arena, sizes.scratch, 64);
	if (evm->frames == NULL || evm->stack == NULL || evm->memory == NULL ||
	    evm->return_buffer == NULL || scratch == NULL)
		return false;
	evm->scratch = gyr_arena_over(scratch, sizes.scratch);
	evm->return_data = evm->return_buffer;
	evm->stack[0] = gyr_u256_from_u64(0);
	gyr_evm_set_fork(evm, GYR_FORK_OSAKA);
	return true;
}

void gyr_evm_set_fork(struct gyr_evm *evm, enum gyr_fork fork)
{
	const void *invalid;

	gyr_assert(evm->frame == NULL);
	evm->rules = evm_rules_of(fork);
	(void)evm_interpret(NULL, evm->labels);
	invalid = evm->labels[0xfe];
	for (unsigned op = 0; op < 256; op++)
		if (evm->rules.first_fork[op] > fork)
			evm->labels[op] = invalid;
	(void)evm_interpret_traced(NULL, evm->labels_traced);
	invalid = evm->labels_traced[0xfe];
	for (unsigned op = 0; op < 256; op++)
		if (evm->rules.first_fork[op] > fork)
			evm->labels_traced[op] = invalid;
}

/* Runs the frame on top, and what it calls, as far as they belong to one tier. */
static enum gyr_evm_status run(struct gyr_evm *evm)
{
	if (evm->frame->stream != NULL)
		return evm_run_stream(evm, NULL);
	return evm->tracer == NULL ? evm_interpret(evm, NULL) : evm_interpret_traced(evm, NULL);
}

enum gyr_evm_status gyr_evm_step(struct gyr_evm *evm, int64_t gas_slice)
{
	struct gyr_evm_frame *frame = evm->frame;
	enum gyr_evm_status status = GYR_EVM_DONE;

	gyr_assert(gas_slice > 0);
	if (frame != NULL && !evm->fatal) {
		evm_set_gas(evm, frame, frame->gas + evm->withheld,
			    gas_slice < EVM_SLICE_MIN ? EVM_SLICE_MIN : gas_slice);
		do {
			evm->other_tier = false;
			status = run(evm);
		} while (evm->other_tier);
	}
	return evm->fatal || evm->state->full ? GYR_EVM_FATAL : status;
}
