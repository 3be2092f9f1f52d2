/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of byte code, one by one, as cells. */
#include "translator.h"

/* Constant offsets up to here have forms of their own. */
#define OFFSET_MAX (UINT32_C(1) << 30)

static bool is_offset(const struct gyr_evm_translator *t, int symbol)
{
	return is_constant(symbol) && gyr_u256_to_u64_saturating(value_of(t, symbol)) <= OFFSET_MAX;
}

static uint64_t offset_of(const struct gyr_evm_translator *t, int symbol)
{
	return value_of(t, symbol)->limb[0];
}

static void set_operands(struct evm_cell *cell, const int *slots, unsigned count)
{
	if (count > 0)
		cell->a = distance(slots[0]);
	if (count > 1)
		cell->b = distance(slots[1]);
	if (count > 2)
		cell->c = distance(slots[2]);
}

/* A cell with a result and up to three slots; the operands are released. */
static struct evm_cell *emit_result(struct gyr_evm_translator *t, unsigned op, const int *slots,
				    unsigned count)
{
	struct evm_cell *cell;
	int result;

	for (unsigned i = 0; i < count; i++)
		release(t, slots[i]);
	result = result_new(t);
	cell = emit(t, op);
	cell->d = distance(result);
	set_operands(cell, slots, count);
	return cell;
}

static struct evm_cell *emit_effect(struct gyr_evm_translator *t, unsigned op, const int *slots,
				    unsigned count)
{
	struct evm_cell *cell = emit(t, op);

	for (unsigned i = 0; i < count; i++)
		release(t, slots[i]);
	set_operands(cell, slots, count);
	return cell;
}

static void pop_slots(struct gyr_evm_translator *t, int *slots, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		slots[i] = pop(t);
	for (unsigned i = 0; i < count; i++)
		slots[i] = in_slot(t, slots[i]);
}

static void translate_unary(struct gyr_evm_translator *t, unsigned op)
{
	int operand = pop(t);
	struct gyr_u256 value;

	if (is_constant(operand) && (op == STREAM_ISZERO || op == STREAM_NOT || op == STREAM_CLZ)) {
		value = *value_of(t, operand);
		if (op == STREAM_ISZERO)
			value = gyr_u256_from_u64(gyr_u256_is_zero(&value));
		else if (op == STREAM_NOT)
			gyr_u256_not(&value, &value);
		else
			value = gyr_u256_from_u64(gyr_u256_clz(&value));
		push(t, constant_new(t, &value));
		return;
	}
	operand = in_slot(t, operand);
	(void)emit_result(t, op, &operand, 1);
}

static void translate_modular(struct gyr_evm_translator *t, unsigned op)
{
	int slots[3], modulus;
	uint32_t place;

	slots[0] = pop(t);
	slots[1] = pop(t);
	modulus = pop(t);
	slots[0] = in_slot(t, slots[0]);
	slots[1] = in_slot(t, slots[1]);
	if (!is_constant(modulus)) {
		slots[2] = modulus;
		(void)emit_result(t, op, slots, 3);
		return;
	}
	place = constant_pool(t, modulus);
	emit_result(t, op + 1, slots, 2)->immediate = place;
}

static void translate_mstore(struct gyr_evm_translator *t)
{
	int slots[2] = { pop(t), 0 };
	bool fixed = is_offset(t, slots[0]);
	uint64_t end = fixed ? offset_of(t, slots[0]) + 32 : 0;
	struct evm_cell *cell;
	uint32_t place;

	slots[1] = pop(t);
	if (!fixed)
		slots[0] = in_slot(t, slots[0]);
	if (is_constant(slots[1])) {
		place = constant_pool(t, slots[1]);
		cell = emit(t, fixed ? STREAM_MSTORE_IK : STREAM_MSTORE_SK);
		if (fixed) {
			cell->target = (int32_t)end;
			cell->second = place;
			return;
		}
		cell->a = distance(slots[0]);
		cell->immediate = place;
		release(t, slots[0]);
		return;
	}
	if (!fixed) {
		(void)emit_effect(t, STREAM_MSTORE_SS, slots, 2);
		return;
	}
	cell = emit(t, STREAM_MSTORE_IS);
	cell->b = distance(slots[1]);
	cell->immediate = end;
	release(t, slots[1]);
}

static void translate_keccak(struct gyr_evm_translator *t)
{
	int slots[2] = { pop(t), 0 };
	uint32_t offset, size;
	struct evm_cell *cell;

	slots[1] = pop(t);
	if (is_offset(t, slots[0]) && is_offset(t, slots[1])) {
		offset = (uint32_t)offset_of(t, slots[0]);
		size = (uint32_t)offset_of(t, slots[1]);
		cell = emit_result(t, STREAM_KECCAK_II, NULL, 0);
		cell->second = offset;
		cell->target = (int32_t)size;
		return;
	}
	slots[0] = in_slot(t, slots[0]);
	slots[1] = in_slot(t, slots[1]);
	(void)emit_result(t, STREAM_KECCAK_SS, slots, 2);
}

/* MLOAD and CALLDATALOAD, whose forms with an immediate follow those with a slot. */
static void translate_load(struct gyr_evm_translator *t, unsigned op)
{
	int operand = pop(t);
	uint64_t immediate;

	if (is_offset(t, operand)) {
		immediate = offset_of(t, operand) + (op == STREAM_MLOAD_S ? 32 : 0);
		emit_result(t, op + 1, NULL, 0)->immediate = immediate;
		return;
	}
	operand = in_slot(t, operand);
	(void)emit_result(t, op, &operand, 1);
}

static void translate_memory(struct gyr_evm_translator *t, unsigned op)
{
	int slots[2];

	switch (op) {
	case STREAM_MSTORE_SS:
		translate_mstore(t);
		break;
	case STREAM_KECCAK_SS:
		translate_keccak(t);
		break;
	case STREAM_MSTORE8:
		pop_slots(t, slots, 2);
		(void)emit_effect(t, op, slots, 2);
		break;
	default:
		translate_load(t, op);
		break;
	}
}

/* A cell whose immediate becomes the gas of what follows in the block. */
static void patch_later(struct gyr_evm_translator *t, struct evm_cell *cell)
{
	gyr_assert(t->patch_count < PATCH_COUNT);
	cell->immediate = t->gas;
	t->patches[t->patch_count++] = (uint32_t)(cell - t->cells);
}

static void translate_state(struct gyr_evm_translator *t, unsigned op)
{
	int slots[2];
	uint32_t place;

	switch (op) {
	case STREAM_SLOAD_S:
		slots[0] = pop(t);
		if (is_constant(slots[0])) {
			place = constant_pool(t, slots[0]);
			emit_result(t, STREAM_SLOAD_K, NULL, 0)->immediate = place;
			return;
		}
		(void)emit_result(t, op, slots, 1);
		return;
	case STREAM_SSTORE:
		pop_slots(t, slots, 2);
		patch_later(t, emit_effect(t, op, slots, 2));
		return;
	case STREAM_TSTORE:
		pop_slots(t, slots, 2);
		(void)emit_effect(t, op, slots, 2);
		return;
	default:
		pop_slots(t, slots, 1);
		(void)emit_result(t, op, slots, 1);
		return;
	}
}

/* Operands, and all else, where the stack has them; c is the distance to the top one. */
static struct evm_cell *emit_on_stack(struct gyr_evm_translator *t, unsigned op, unsigned count)
{
	struct evm_cell *cell;
	int top = t->top;

	reach(t, top - (int)count + 1);
	settle(t);
	for (unsigned i = 0; i < count; i++)
		release(t, pop(t));
	cell = emit(t, op);
	cell->c = distance(top);
	return cell;
}

static enum flow translate_last(struct gyr_evm_translator *t, const struct op_info *info,
				uint8_t op)
{
	int slots[2];

	switch (info->kind) {
	case KIND_CALL:
	case KIND_CREATE:
		emit_on_stack(t, info->stream, info->count)->immediate = op;
		return FLOW_BLOCK;
	case KIND_JUMP:
		return translate_jump(t);
	case KIND_JUMPI:
		return translate_jumpi(t);
	case KIND_OUTPUT:
		pop_slots(t, slots, 2);
		(void)emit_effect(t, info->stream, slots, 2);
		return FLOW_DEAD;
	case KIND_SELFDESTRUCT:
		pop_slots(t, slots, 1);
		(void)emit_effect(t, info->stream, slots, 1);
		return FLOW_DEAD;
	case KIND_STOP:
		(void)emit(t, STREAM_STOP);
		return FLOW_DEAD;
	default:
		(void)emit(t, STREAM_INVALID);
		return FLOW_DEAD;
	}
}

enum flow translate_op(struct gyr_evm_translator *t, const struct op_info *info, uint8_t op,
		       uint32_t pc)
{
	int x, y, slots[3];

	switch (info->kind) {
	case KIND_BINARY:
		x = pop(t);
		y = pop(t);
		if (op == 0x11 || op == 0x13)
			emit_binary(t, info->stream, y, x);
		else
			emit_binary(t, info->stream, x, y);
		return FLOW_NEXT;
	case KIND_UNARY:
		translate_unary(t, info->stream);
		return FLOW_NEXT;
	case KIND_CONTEXT:
		(void)emit_result(t, info->stream, NULL, 0);
		return FLOW_NEXT;
	case KIND_CONSTANT:
		push(t, constant_new_u64(t, op == 0x58 ? pc - 1 : t->code_length));
		return FLOW_NEXT;
	case KIND_MODULAR:
		translate_modular(t, info->stream);
		return FLOW_NEXT;
	case KIND_TERNARY:
		pop_slots(t, slots, 3);
		(void)emit_effect(t, info->stream, slots, 3);
		return FLOW_NEXT;
	case KIND_MEMORY:
		translate_memory(t, info->stream);
		return FLOW_NEXT;
	case KIND_STATE:
		translate_state(t, info->stream);
		return FLOW_NEXT;
	case KIND_GAS:
		patch_later(t, emit_result(t, info->stream, NULL, 0));
		return FLOW_NEXT;
	case KIND_ON_STACK:
		emit_on_stack(t, info->stream, info->count)->immediate = info->count - 2u;
		return FLOW_NEXT;
	case KIND_CALL:
	case KIND_CREATE:
	case KIND_JUMP:
	case KIND_JUMPI:
	case KIND_JUMPDEST:
	case KIND_STOP:
	case KIND_OUTPUT:
	case KIND_SELFDESTRUCT:
	case KIND_INVALID:
	default:
		break;
	}
	return translate_last(t, info, op);
}
