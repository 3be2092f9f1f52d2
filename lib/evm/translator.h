/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the translator share. Within a block the stack is symbolic: each position
 * between `low` and `top` holds a symbol, which is a slot (a position whose word it has, or a
 * temporary) or a constant. Positions count from the word that is on top at the block's entry,
 * which is 0; below `low` every position still holds its own word. `refs` counts, for each slot
 * from low on, the symbols that mean it, so that a result goes to the position it will have unless
 * somebody still needs the word there.
 */
#ifndef TRANSLATOR_H
#define TRANSLATOR_H

#include "evm_stream.h"
#include "gyr_evm_translate.h"

#define POSITION_MIN   (-GYR_EVM_STACK_MAX)
#define TEMP_FIRST     (EVM_STREAM_GROWTH_MAX + 1)
#define CONSTANT_COUNT 256
/* Symbols from here on are constants of the block, which are counted too: it saves a branch. */
#define CONSTANT_FIRST (TEMP_FIRST + EVM_STREAM_TEMP_COUNT)
#define SLOT_COUNT     (GYR_EVM_STACK_MAX + CONSTANT_FIRST + CONSTANT_COUNT)
#define PATCH_COUNT    32
/* A jump target in a cell: a pc, or this for one that is no jump destination. */
#define TARGET_BAD UINT32_MAX
/* Recently used constants of the pool, by a hash of their value. */
#define POOL_CACHE_COUNT 64

struct op_info {
	uint8_t kind;	 /* enum op_kind */
	uint8_t count;	 /* operands; for DUP and SWAP the depth */
	uint16_t stream; /* of ops that become one cell */
	uint16_t gas;
	uint16_t data; /* bytes of a PUSH */
};

enum op_kind {
	KIND_INVALID,
	KIND_PUSH,
	KIND_DUP,
	KIND_SWAP,
	KIND_POP,
	KIND_BINARY,
	KIND_UNARY,    /* d, a */
	KIND_CONTEXT,  /* d */
	KIND_TERNARY,  /* a, b, c */
	KIND_MODULAR,  /* d, a, b, c or constant */
	KIND_CONSTANT, /* PC, CODESIZE */
	KIND_MEMORY,   /* MLOAD, MSTORE, MSTORE8, KECCAK256, CALLDATALOAD */
	KIND_STATE,    /* SLOAD, SSTORE, TLOAD, TSTORE */
	KIND_GAS,
	KIND_ON_STACK, /* LOG, EXTCODECOPY: operands where the stack has them */
	KIND_CALL,
	KIND_CREATE,
	KIND_JUMP,
	KIND_JUMPI,
	KIND_JUMPDEST,
	KIND_STOP,
	KIND_OUTPUT, /* RETURN, REVERT */
	KIND_SELFDESTRUCT,
};

/* How the block goes on after an instruction. */
enum flow {
	FLOW_NEXT,
	FLOW_BLOCK, /* another block begins right here */
	FLOW_DEAD,  /* nothing comes here but a jump */
};

struct block_constant {
	struct gyr_u256 value;
	uint32_t pooled; /* 1 + place in the pool; 0: not there */
};

struct gyr_evm_translator {
	struct op_info ops[256];
	const void *handlers[STREAM_OP_COUNT];
	enum gyr_fork fork;
	uint32_t code_length_max;
	int64_t exp_byte;

	/* The stream so far. Handlers are numbers; targets are pcs; constants are places. */
	struct evm_cell *cells;
	uint32_t cell_count;
	uint32_t cell_count_max;
	struct gyr_u256 *pool;
	uint32_t pool_count;
	uint32_t pool_count_max;
	uint32_t pool_cache[POOL_CACHE_COUNT]; /* 1 + place */
	uint32_t *block_of;		       /* cell, by the pc of each jump destination */
	const uint8_t *code;
	const uint8_t *jumpdests;
	uint32_t code_length;
	bool jumps_dynamically;
	bool refused;
	size_t size; /* of the stream that waits to be stored; 0: none */

	/* The block so far. */
	uint32_t header; /* cell */
	uint32_t gas;
	unsigned unchecked; /* instructions for which there surely is room */
	int need;
	int growth;
	int low;
	int top;
	uint64_t temps; /* that are in use, bit by bit */
	unsigned constant_count;
	unsigned patch_count;
	uint32_t patches[PATCH_COUNT]; /* cells whose immediate is the gas of what follows */
	struct block_constant constants[CONSTANT_COUNT];
	int16_t symbols[SLOT_COUNT];
	uint16_t refs[SLOT_COUNT];
};

static inline int16_t *symbol_at(struct gyr_evm_translator *t, int position)
{
	return &t->symbols[position - POSITION_MIN];
}

static inline uint16_t *refs_of(struct gyr_evm_translator *t, int slot)
{
	return &t->refs[slot - POSITION_MIN];
}

static inline bool is_constant(int symbol)
{
	return symbol >= CONSTANT_FIRST;
}

/* The value of a constant symbol. */
static inline const struct gyr_u256 *value_of(const struct gyr_evm_translator *t, int symbol)
{
	return &t->constants[symbol - CONSTANT_FIRST].value;
}

static inline bool is_temp(int symbol)
{
	return (unsigned)(symbol - TEMP_FIRST) < EVM_STREAM_TEMP_COUNT;
}

/* One more of a symbol that somebody holds. */
static inline void hold_again(struct gyr_evm_translator *t, int symbol)
{
	++*refs_of(t, symbol);
}

static inline void hold(struct gyr_evm_translator *t, int symbol)
{
	++*refs_of(t, symbol);
	if (is_temp(symbol))
		t->temps |= UINT64_C(1) << (symbol - TEMP_FIRST);
}

static inline void release(struct gyr_evm_translator *t, int symbol)
{
	if (--*refs_of(t, symbol) == 0 && is_temp(symbol))
		t->temps &= ~(UINT64_C(1) << (symbol - TEMP_FIRST));
}

/* Makes symbols of all positions down to this one. */
static inline void reach(struct gyr_evm_translator *t, int position)
{
	while (t->low > position) {
		t->low--;
		*symbol_at(t, t->low) = (int16_t)t->low;
		*refs_of(t, t->low) = 1;
	}
}

/* Takes the top symbol; it stays held until it is released. */
static inline int pop(struct gyr_evm_translator *t)
{
	reach(t, t->top);
	return *symbol_at(t, t->top--);
}

/* Puts a symbol that is held already on top. */
static inline void push(struct gyr_evm_translator *t, int symbol)
{
	*symbol_at(t, ++t->top) = (int16_t)symbol;
}

/* Appends a cell, cleared. */
static inline struct evm_cell *emit(struct gyr_evm_translator *t, unsigned op)
{
	struct evm_cell *cell = &t->cells[t->cell_count];

	if (GYR_UNLIKELY(t->cell_count == t->cell_count_max))
		t->refused = true; /* one cell lies beyond the limit: it takes what follows */
	else
		t->cell_count++;
	*cell = (struct evm_cell){ .handler = (const void *)(uintptr_t)op };
	return cell;
}

static inline unsigned op_of(const struct evm_cell *cell)
{
	return (unsigned)(uintptr_t)cell->handler;
}

static inline int16_t distance(int slot)
{
	return (int16_t)(slot * 4);
}

static inline int slot_of(int16_t distance_limbs)
{
	return distance_limbs / 4;
}

/*
 * A new constant of the block, whose limbs are to be written one by one: copies of words that were
 * just written wait for the store buffer. There is room at the start of each instruction.
 */
static inline int constant_place(struct gyr_evm_translator *t, uint64_t **limbs)
{
	struct block_constant *constant = &t->constants[t->constant_count];

	gyr_assert(t->constant_count < CONSTANT_COUNT);
	constant->pooled = 0;
	*limbs = constant->value.limb;
	*refs_of(t, CONSTANT_FIRST + (int)t->constant_count) = 1;
	return CONSTANT_FIRST + (int)t->constant_count++;
}

/* translate_symbols.c */

int constant_new(struct gyr_evm_translator *t, const struct gyr_u256 *value);
int constant_new_u64(struct gyr_evm_translator *t, uint64_t value);

/* The place of a constant in the stream's pool. */
uint32_t constant_pool(struct gyr_evm_translator *t, int symbol);

/* A temporary that is neither in use nor one of two slots; held. */
int temp_new(struct gyr_evm_translator *t, int not_this, int nor_this);

/* The slot for a result that will be on top, which it now is. Operands are released before. */
int result_new(struct gyr_evm_translator *t);

/* A slot that has the symbol's word: for a constant a new temporary, which is held instead. */
int in_slot(struct gyr_evm_translator *t, int symbol);

/* Puts every word where the stack has it. */
void settle(struct gyr_evm_translator *t);

/* Moves a held slot that settling would overwrite out of the way; where the word then is. */
int out_of_the_way(struct gyr_evm_translator *t, int slot, int other);

/* Forgets the block's symbols. */
void forget(struct gyr_evm_translator *t);

/* translate_fold.c */

/* What a binary instruction, given as its form of two slots, yields for constants x and y. */
bool fold_binary(unsigned op, struct gyr_u256 *out, const struct gyr_u256 *x,
		 const struct gyr_u256 *y);

/* A binary instruction in its cheapest form: x was on top, y below; both are held. */
void emit_binary(struct gyr_evm_translator *t, unsigned op, int x, int y);

/* translate_ops.c */

/* One instruction of any kind but PUSH, DUP, SWAP, POP and JUMPDEST; pc is beyond it. */
enum flow translate_op(struct gyr_evm_translator *t, const struct op_info *info, uint8_t op,
		       uint32_t pc);

/* The pc, or TARGET_BAD, that a constant names as a jump destination. */
uint32_t jump_target(const struct gyr_evm_translator *t, const struct gyr_u256 *value);

/* translate_jump.c */
enum flow translate_jump(struct gyr_evm_translator *t);
enum flow translate_jumpi(struct gyr_evm_translator *t);

/* translate_table.c */
void translate_table(struct gyr_evm_translator *t, enum gyr_fork fork);

#endif
