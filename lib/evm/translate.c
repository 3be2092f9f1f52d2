/* SPDX-License-Identifier: Apache-2.0 */
#include "translator.h"

/* Beyond four cells a byte: the blocks around the code. */
#define CELLS_MORE     64
#define OP_GAS_MAX     2000 /* of an instruction that does not end its block */
#define CONSTANT_SPARE 8
#define TEMP_SPARE     8
#define HOP_MAX	       4
#define HOP_GAS_MAX    400 /* all hops together stay well below a slice */

/* What the last eight bytes of a cell are, by instruction: see stream_ops.inc. */
enum tail { TAIL_NONE, TAIL_CONSTANT, TAIL_TARGET, TAIL_BOTH, TAIL_PAIR, TAIL_SECOND };

static const uint8_t tails[STREAM_OP_COUNT] = {
#define STREAM_OP(name, what) TAIL_##what,
#include "stream_ops.inc"
#undef STREAM_OP
};

static size_t cells_max(uint32_t code_length_max)
{
	return (size_t)4 * code_length_max + CELLS_MORE;
}

size_t gyr_evm_translator_size(uint32_t code_length_max)
{
	return sizeof(struct gyr_evm_translator) +
	       (cells_max(code_length_max) + 1) * sizeof(struct evm_cell) +
	       (size_t)code_length_max * (sizeof(struct gyr_u256) + sizeof(uint32_t)) +
	       (size_t)8 * 64;
}

struct gyr_evm_translator *gyr_evm_translator_init(struct gyr_arena *arena,
						   uint32_t code_length_max)
{
	struct gyr_evm_translator *t = gyr_arena_carve(arena, sizeof *t, 64);
	size_t count = cells_max(code_length_max);

	gyr_assert(code_length_max > 0 && code_length_max <= GYR_EVM_TRANSLATE_LENGTH_MAX);
	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof *t);
	t->code_length_max = code_length_max;
	t->cell_count_max = (uint32_t)count;
	t->pool_count_max = code_length_max;
	t->cells = gyr_arena_carve(arena, (count + 1) * sizeof *t->cells, 64);
	t->pool = gyr_arena_carve(arena, sizeof *t->pool * code_length_max, 64);
	t->block_of = gyr_arena_carve(arena, sizeof *t->block_of * code_length_max, 64);
	if (t->cells == NULL || t->pool == NULL || t->block_of == NULL)
		return NULL;
	(void)evm_run_stream(NULL, t->handlers);
	translate_table(t, GYR_FORK_OSAKA);
	return t;
}

static void begin_block(struct gyr_evm_translator *t, uint32_t pc)
{
	struct evm_cell *cell = emit(t, STREAM_BLOCK);

	t->header = (uint32_t)(cell - t->cells);
	cell->block.pc = pc;
	t->gas = 0;
	t->need = 0;
	t->growth = 0;
	t->low = 1;
	t->top = 0;
	t->constant_count = 0;
	t->patch_count = 0;
	t->unchecked = 0;
	gyr_assert(t->temps == 0);
}

static void end_block(struct gyr_evm_translator *t)
{
	struct evm_cell *header = &t->cells[t->header];
	int range = GYR_EVM_STACK_MAX - t->growth - t->need;

	gyr_assert(t->gas <= EVM_SLICE_MIN);
	header->block.gas = t->gas;
	header->block.need = (uint32_t)t->need * 32;
	header->block.range = (uint32_t)range * 32;
	if (range < 0) {
		/* No height is enough and not too much. */
		header->block.need = UINT32_MAX;
		header->block.range = 0;
	}
	for (unsigned i = 0; i < t->patch_count; i++)
		t->cells[t->patches[i]].immediate = t->gas - t->cells[t->patches[i]].immediate;
	forget(t);
}

static void fall_through(struct gyr_evm_translator *t)
{
	struct evm_cell *cell;

	settle(t);
	cell = emit(t, STREAM_FALL);
	cell->c = distance(t->top);
	end_block(t);
}

/* A push of count bytes that begin at pc; what is beyond the code reads as zero: its padding. */
static inline void translate_push(struct gyr_evm_translator *t, uint32_t pc, unsigned count)
{
	const uint8_t *from = t->code + pc;
	unsigned rest = count % 8, whole = count / 8;
	uint64_t *limb;

	push(t, constant_place(t, &limb));
	limb[0] = limb[1] = limb[2] = limb[3] = 0;
	for (unsigned i = 0; i < whole; i++)
		limb[i] = gyr_load_be64(from + count - (size_t)8 * (i + 1));
	if (rest != 0)
		limb[whole] = gyr_load_be64(from) >> (64 - 8 * rest);
}

static inline void translate_dup(struct gyr_evm_translator *t, unsigned depth)
{
	int position = t->top + 1 - (int)depth, symbol;

	reach(t, position);
	symbol = *symbol_at(t, position);
	hold_again(t, symbol);
	push(t, symbol);
}

static inline void translate_swap(struct gyr_evm_translator *t, unsigned depth)
{
	int position = t->top + 1 - (int)depth;
	int16_t symbol;

	reach(t, position);
	symbol = *symbol_at(t, position);
	*symbol_at(t, position) = *symbol_at(t, t->top);
	*symbol_at(t, t->top) = symbol;
}

static inline unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * For how many instructions there surely is room; 0: the block must end here, so that its tables
 * hold. An instruction needs at most one position, one lasting temporary, one patch, two constants
 * and OP_GAS_MAX.
 */
static unsigned room(const struct gyr_evm_translator *t)
{
	unsigned temps = (unsigned)__builtin_popcountll(t->temps), count;

	if (t->top >= EVM_STREAM_GROWTH_MAX || t->gas >= EVM_STREAM_BLOCK_GAS_MAX ||
	    t->constant_count > CONSTANT_COUNT - CONSTANT_SPARE || t->patch_count == PATCH_COUNT ||
	    temps > EVM_STREAM_TEMP_COUNT - TEMP_SPARE)
		return 0;
	count = (EVM_STREAM_BLOCK_GAS_MAX - t->gas) / OP_GAS_MAX;
	count = least(count, PATCH_COUNT - t->patch_count);
	count = least(count, (unsigned)(EVM_STREAM_GROWTH_MAX - t->top));
	count = least(count, (CONSTANT_COUNT - CONSTANT_SPARE - t->constant_count) / 2);
	count = least(count, EVM_STREAM_TEMP_COUNT - TEMP_SPARE - temps);
	return count == 0 ? 1 : count;
}

/*
 * A run of jump destinations: each but the last is a block that charges the rest of the run and
 * goes to the last, with which the code goes on.
 */
static uint32_t run_length(const struct gyr_evm_translator *t, uint32_t pc)
{
	uint32_t end = pc;

	while (end < t->code_length && t->code[end] == 0x5b)
		end++;
	return end - pc;
}

/* Begins the block at pc; where the code goes on. */
static uint32_t open_block(struct gyr_evm_translator *t, uint32_t pc)
{
	uint32_t count = run_length(t, pc), last = pc + count - 1;

	if (count == 0) {
		begin_block(t, pc);
		return pc;
	}
	for (uint32_t at = pc; at < last; at++) {
		t->block_of[at] = t->cell_count;
		begin_block(t, at);
		t->gas = last - at;
		emit(t, STREAM_JUMP)->target = (int32_t)last;
		end_block(t);
	}
	t->block_of[last] = t->cell_count;
	begin_block(t, last);
	t->gas = t->ops[0x5b].gas;
	return last + 1;
}

/* The block runs into a jump destination: to the last of the run. */
static void close_at_destination(struct gyr_evm_translator *t, uint32_t pc)
{
	uint32_t count = run_length(t, pc);
	struct evm_cell *cell;

	/* What a long run costs is left to the block at its start: no block may exceed a slice. */
	if (count == 1 || t->gas + count > EVM_STREAM_BLOCK_GAS_MAX) {
		fall_through(t);
		return;
	}
	settle(t);
	t->gas += count - 1;
	cell = emit(t, STREAM_JUMP);
	cell->c = distance(t->top);
	cell->target = (int32_t)(pc + count - 1);
	end_block(t);
}

/* Counts an instruction's needs; false where no stack can meet them. */
static inline bool require(struct gyr_evm_translator *t, const struct op_info *info)
{
	int need = info->count - t->top;

	if (need > t->need)
		t->need = need;
	return need <= GYR_EVM_STACK_MAX;
}

/*
 * One block from pc on; where the next one begins. *flow tells whether it is reached from here.
 */
static uint32_t translate_block(struct gyr_evm_translator *t, uint32_t pc, enum flow *flow)
{
	pc = open_block(t, pc);
	for (*flow = FLOW_NEXT; *flow == FLOW_NEXT;) {
		uint8_t op = t->code[pc];
		const struct op_info *info = &t->ops[op];

		if (pc >= t->code_length) {
			(void)emit(t, STREAM_STOP);
			*flow = FLOW_DEAD;
			break;
		}
		if (op == 0x5b) {
			close_at_destination(t, pc);
			*flow = FLOW_BLOCK;
			return pc;
		}
		if (GYR_UNLIKELY(t->unchecked == 0) && (t->unchecked = room(t)) == 0) {
			fall_through(t);
			*flow = FLOW_BLOCK;
			return pc;
		}
		t->unchecked--;
		pc++;
		if (GYR_UNLIKELY(!require(t, info))) {
			t->need = GYR_EVM_STACK_MAX + 1;
			*flow = FLOW_DEAD;
			break;
		}
		t->gas += info->gas;
		switch (info->kind) {
		case KIND_PUSH:
			translate_push(t, pc, info->data);
			pc += info->data;
			break;
		case KIND_DUP:
			translate_dup(t, info->count);
			break;
		case KIND_SWAP:
			translate_swap(t, info->count);
			break;
		case KIND_POP:
			release(t, pop(t));
			break;
		default:
			*flow = translate_op(t, info, op, pc);
			break;
		}
		if (t->top > t->growth)
			t->growth = t->top;
	}
	end_block(t);
	return pc;
}

/* The next jump destination: what lies before it cannot be reached. */
static uint32_t skip_dead(const struct gyr_evm_translator *t, uint32_t pc)
{
	while (pc < t->code_length && t->code[pc] != 0x5b)
		pc += (int8_t)t->code[pc] >= 0x60 ? t->code[pc] - 0x5eu : 1;
	return pc;
}

size_t gyr_evm_translate(struct gyr_evm_translator *t, const struct gyr_code *code,
			 enum gyr_fork fork)
{
	uint32_t pc = 0;
	enum flow flow = FLOW_BLOCK;

	t->size = 0;
	if (code->length > t->code_length_max || code->length == 0)
		return 0;
	if (t->fork != fork)
		translate_table(t, fork);
	t->cell_count = t->pool_count = 0;
	t->jumps_dynamically = t->refused = false;
	t->code = code->bytes;
	t->code_length = code->length;
	t->jumpdests = code->jumpdests;
	memset(t->pool_cache, 0, sizeof t->pool_cache);

	begin_block(t, 0);
	(void)emit(t, STREAM_BAD_JUMP);
	end_block(t);
	gyr_assert(t->cell_count == EVM_STREAM_FIRST);
	while (!t->refused && (pc < t->code_length || flow == FLOW_BLOCK)) {
		pc = translate_block(t, pc, &flow);
		if (flow == FLOW_DEAD)
			pc = skip_dead(t, pc);
	}
	if (t->refused)
		return 0;
	t->size = sizeof(struct gyr_evm_stream) + t->cell_count * sizeof(struct evm_cell) +
		  t->pool_count * sizeof(struct gyr_u256) +
		  (t->jumps_dynamically ? t->code_length * sizeof(uint32_t) : 0);
	t->size = gyr_round_up(t->size, 8);
	return t->size;
}

/* Bytes from the stream to a cell. */
static uint32_t offset_of_cell(uint32_t cell)
{
	return (uint32_t)(sizeof(struct gyr_evm_stream) + cell * sizeof(struct evm_cell));
}

static void store_jumps(const struct gyr_evm_translator *t, uint32_t *jumps)
{
	for (uint32_t pc = 0; pc < t->code_length; pc++)
		jumps[pc] = offset_of_cell(0);
	for (uint32_t at = 0; at < (t->code_length + 7) / 8; at++)
		for (unsigned bits = t->jumpdests[at]; bits != 0; bits &= bits - 1) {
			uint32_t pc = at * 8 + (uint32_t)__builtin_ctz(bits);

			jumps[pc] = offset_of_cell(t->block_of[pc]);
		}
}

/*
 * Jumps over blocks that only jump on. Their stack checks hold: a block that jumps here, by a
 * destination it has pushed, had room for theirs too; one that only runs into a destination may
 * have a full stack (JUMP's second is 0). At most HOP_MAX, so that time stays linear and circles
 * end.
 */
static void shorten_jump(const struct gyr_evm_translator *t, struct evm_cell *cell)
{
	uint32_t least = cell->second == 0 ? GYR_EVM_STACK_MAX : GYR_EVM_STACK_MAX - 1;
	uint32_t gas = 0;

	for (unsigned hop = 0; hop < HOP_MAX && (uint32_t)cell->target != TARGET_BAD; hop++) {
		const struct evm_cell *header = &t->cells[t->block_of[(uint32_t)cell->target]];

		if (op_of(&header[1]) != STREAM_JUMP || header[1].c != 0 ||
		    header->block.gas > HOP_GAS_MAX || header->block.need != 0 ||
		    header->block.range < least * 32)
			break;
		gas += header->block.gas;
		cell->target = header[1].target;
	}
	if (gas == 0)
		return;
	cell->second = gas;
	cell->handler = (const void *)(uintptr_t)STREAM_JUMP_FAR;
}

/* A cell as it will run: addresses for numbers. `at` is its number. */
static void store_cell(const struct gyr_evm_translator *t, struct evm_cell *cell, uint32_t at,
		       const struct gyr_u256 *pool)
{
	uint8_t tail;

	if (op_of(cell) == STREAM_JUMP)
		shorten_jump(t, cell);
	tail = tails[op_of(cell)];
	cell->handler = t->handlers[op_of(cell)];
	if (GYR_LIKELY(tail == TAIL_NONE))
		return;
	if (tail == TAIL_CONSTANT) {
		cell->constant = pool + cell->immediate;
		return;
	}
	if (tail == TAIL_PAIR || tail == TAIL_SECOND)
		cell->second = (uint32_t)((const char *)(pool + cell->second) - (char *)cell);
	if (tail != TAIL_SECOND) {
		uint32_t pc = (uint32_t)cell->target;
		int64_t to = pc == TARGET_BAD ? 0 : t->block_of[pc];

		cell->target = (int32_t)((to - (int64_t)at) * (int64_t)sizeof *cell);
	}
}

struct gyr_evm_stream *gyr_evm_translate_store(struct gyr_evm_translator *t, void *place)
{
	struct gyr_evm_stream *stream = place;
	struct gyr_u256 *pool = (struct gyr_u256 *)(stream->cells + t->cell_count);
	uint32_t *jumps = (uint32_t *)(pool + t->pool_count);

	gyr_assert(t->size != 0 && (uintptr_t)place % 8 == 0);
	*stream = (struct gyr_evm_stream){
		.code = t->code,
		.code_length = t->code_length,
		.fork = (uint32_t)t->fork,
		.jumps = t->jumps_dynamically ? jumps : NULL,
		.size = t->size,
	};
	memcpy(pool, t->pool, t->pool_count * sizeof *pool);
	for (uint32_t i = 0; i < t->cell_count; i++) {
		stream->cells[i] = t->cells[i];
		store_cell(t, &stream->cells[i], i, pool);
	}
	if (t->jumps_dynamically)
		store_jumps(t, jumps);
	t->size = 0;
	return stream;
}

void gyr_evm_publish(struct gyr_code *code, const struct gyr_evm_stream *stream)
{
	gyr_assert(stream == NULL || stream->code == code->bytes);
	/* Pairs with the load in choose_tier; for the order see gyr_evm_quiet. */
	__atomic_store_n(&code->stream, stream, __ATOMIC_SEQ_CST);
}
