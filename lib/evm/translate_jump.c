/* SPDX-License-Identifier: Apache-2.0 */
/* Jumps: to constants where the code says so, with the comparison before them where there is one.
 */
#include "translator.h"

uint32_t jump_target(const struct gyr_evm_translator *t, const struct gyr_u256 *value)
{
	uint64_t pc = gyr_u256_to_u64_saturating(value);

	if (pc >= t->code_length || (t->jumpdests[pc / 8] >> pc % 8 & 1) == 0)
		return TARGET_BAD;
	return (uint32_t)pc;
}

/* The block's last cell: c takes the stack to its new top. */
static struct evm_cell *emit_exit(struct gyr_evm_translator *t, unsigned op)
{
	struct evm_cell *cell = emit(t, op);

	cell->c = distance(t->top);
	return cell;
}

/* Of an instruction: its second is 1, unlike that of a jump over a run of destinations. */
static void emit_jump(struct gyr_evm_translator *t, uint32_t target)
{
	struct evm_cell *cell = emit_exit(t, STREAM_JUMP);

	cell->target = (int32_t)target;
	cell->second = 1;
}

enum flow translate_jump(struct gyr_evm_translator *t)
{
	int symbol = pop(t);
	struct evm_cell *cell;

	if (is_constant(symbol)) {
		uint32_t target = jump_target(t, value_of(t, symbol));

		settle(t);
		emit_jump(t, target);
		return FLOW_DEAD;
	}
	symbol = out_of_the_way(t, symbol, 0);
	settle(t);
	cell = emit_exit(t, STREAM_JUMP_S);
	cell->a = distance(symbol);
	release(t, symbol);
	t->jumps_dynamically = true;
	return FLOW_DEAD;
}

/* A condition that a jump tests, and the slots it reads, held. */
struct condition {
	unsigned op; /* the branch */
	bool reads_a;
	bool reads_b;
	int a, b;
	uint32_t second;
};

/* Branch for a comparison: 0 where there is none. */
static unsigned branch_of(unsigned op)
{
	switch (op) {
	case STREAM_LT_SS:
		return STREAM_IF_LT_SS;
	case STREAM_LT_SK:
		return STREAM_IF_LT_SK;
	case STREAM_LT_KS:
		return STREAM_IF_LT_KS;
	case STREAM_LT_SI:
		return STREAM_IF_LT_SI;
	case STREAM_LT_IS:
		return STREAM_IF_LT_IS;
	case STREAM_SLT_SS:
		return STREAM_IF_SLT_SS;
	case STREAM_SLT_SK:
		return STREAM_IF_SLT_SK;
	case STREAM_SLT_KS:
		return STREAM_IF_SLT_KS;
	case STREAM_EQ_SS:
		return STREAM_IF_EQ_SS;
	case STREAM_EQ_SK:
		return STREAM_IF_EQ_SK;
	case STREAM_EQ_SI:
		return STREAM_IF_EQ_SI;
	case STREAM_SUB_SS:
	case STREAM_XOR_SS:
		return STREAM_UNLESS_EQ_SS;
	default:
		return 0;
	}
}

/* The last cell, when it computed this slot for the jump alone. */
static const struct evm_cell *maker_of(const struct gyr_evm_translator *t, int slot)
{
	const struct evm_cell *last = &t->cells[t->cell_count - 1];

	if (t->refused || t->cell_count - 1 <= t->header || last->d != distance(slot) ||
	    t->refs[slot - POSITION_MIN] != 1)
		return NULL;
	return last;
}

/* Takes back the comparison, and ISZEROs after it, that made the condition in `slot`. */
static struct condition find_condition(struct gyr_evm_translator *t, int slot)
{
	const struct evm_cell *cell = maker_of(t, slot);
	bool contrary = false;
	unsigned branch;

	while (cell != NULL && op_of(cell) == STREAM_ISZERO) {
		release(t, slot);
		slot = slot_of(cell->a);
		hold(t, slot);
		t->cell_count--;
		contrary = !contrary;
		cell = maker_of(t, slot);
	}
	branch = cell == NULL ? 0 : branch_of(op_of(cell));
	if (branch == STREAM_IF_LT_SI || branch == STREAM_IF_LT_IS || branch == STREAM_IF_EQ_SI)
		branch = cell->immediate > UINT32_MAX ? 0 : branch;
	if (branch == 0)
		return (struct condition){ .op = contrary ? STREAM_UNLESS_TRUE : STREAM_IF_TRUE,
					   .a = slot,
					   .reads_a = true };
	release(t, slot);
	t->cell_count--;
	return (struct condition){
		/* A condition and its contrary are neighbours; each second one is the contrary. */
		.op = contrary ? ((branch - STREAM_IF_TRUE) ^ 1) + STREAM_IF_TRUE : branch,
		.reads_a = op_of(cell) != STREAM_LT_KS && op_of(cell) != STREAM_LT_IS &&
			   op_of(cell) != STREAM_SLT_KS,
		.reads_b = op_of(cell) == STREAM_LT_SS || op_of(cell) == STREAM_LT_KS ||
			   op_of(cell) == STREAM_LT_IS || op_of(cell) == STREAM_SLT_SS ||
			   op_of(cell) == STREAM_SLT_KS || op_of(cell) == STREAM_EQ_SS ||
			   op_of(cell) == STREAM_SUB_SS || op_of(cell) == STREAM_XOR_SS,
		.a = slot_of(cell->a),
		.b = slot_of(cell->b),
		.second = (uint32_t)cell->immediate,
	};
}

static void emit_branch(struct gyr_evm_translator *t, int slot, uint32_t target)
{
	struct condition condition = find_condition(t, slot);
	struct evm_cell *cell;

	/* find_condition holds a slot that it did not take back; of a comparison it holds none. */
	if (condition.op != STREAM_IF_TRUE && condition.op != STREAM_UNLESS_TRUE) {
		if (condition.reads_a)
			hold(t, condition.a);
		if (condition.reads_b)
			hold(t, condition.b);
	}
	if (condition.reads_a)
		condition.a = out_of_the_way(t, condition.a, condition.reads_b ? condition.b : 0);
	if (condition.reads_b)
		condition.b = out_of_the_way(t, condition.b, condition.reads_a ? condition.a : 0);
	settle(t);
	cell = emit_exit(t, condition.op);
	if (condition.reads_a) {
		cell->a = distance(condition.a);
		release(t, condition.a);
	}
	if (condition.reads_b) {
		cell->b = distance(condition.b);
		release(t, condition.b);
	}
	cell->target = (int32_t)target;
	cell->second = condition.second;
}

/* Where the destination is computed too. */
static void emit_dynamic(struct gyr_evm_translator *t, int destination, int slot)
{
	struct evm_cell *cell;

	slot = in_slot(t, slot);
	destination = out_of_the_way(t, destination, slot);
	slot = out_of_the_way(t, slot, destination);
	settle(t);
	cell = emit_exit(t, STREAM_JUMPI_S);
	cell->a = distance(destination);
	cell->b = distance(slot);
	release(t, destination);
	release(t, slot);
	t->jumps_dynamically = true;
}

enum flow translate_jumpi(struct gyr_evm_translator *t)
{
	int destination = pop(t), slot = pop(t);
	uint32_t target;

	if (!is_constant(destination)) {
		emit_dynamic(t, destination, slot);
		return FLOW_BLOCK;
	}
	target = jump_target(t, value_of(t, destination));
	if (!is_constant(slot)) {
		emit_branch(t, slot, target);
		return FLOW_BLOCK;
	}
	settle(t);
	if (gyr_u256_is_zero(value_of(t, slot))) {
		(void)emit_exit(t, STREAM_FALL);
		return FLOW_BLOCK;
	}
	emit_jump(t, target);
	return FLOW_DEAD;
}
