/* SPDX-License-Identifier: Apache-2.0 */
/* Binary instructions: what is known at once, and what has a cheaper form. */
#include "translator.h"

/* EXP of constants is computed here for exponents below this only: translation stays linear. */
#define FOLD_EXPONENT_MAX 256

bool fold_binary(unsigned op, struct gyr_u256 *out, const struct gyr_u256 *x,
		 const struct gyr_u256 *y)
{
	switch (op) {
	case STREAM_ADD_SS:
		(void)gyr_u256_add(out, x, y);
		return true;
	case STREAM_SUB_SS:
		(void)gyr_u256_sub(out, x, y);
		return true;
	case STREAM_MUL_SS:
		gyr_u256_mul(out, x, y);
		return true;
	case STREAM_DIV_SS:
		gyr_u256_div(out, x, y);
		return true;
	case STREAM_SDIV_SS:
		gyr_u256_sdiv(out, x, y);
		return true;
	case STREAM_MOD_SS:
		gyr_u256_mod(out, x, y);
		return true;
	case STREAM_SMOD_SS:
		gyr_u256_smod(out, x, y);
		return true;
	case STREAM_EXP_SS:
		if (gyr_u256_to_u64_saturating(y) >= FOLD_EXPONENT_MAX)
			return false;
		gyr_u256_exp(out, x, y);
		return true;
	case STREAM_SIGNEXTEND_SS:
		gyr_u256_sign_extend(out, y, x);
		return true;
	case STREAM_LT_SS:
		*out = gyr_u256_from_u64(gyr_u256_less(x, y));
		return true;
	case STREAM_SLT_SS:
		*out = gyr_u256_from_u64(gyr_u256_less_signed(x, y));
		return true;
	case STREAM_EQ_SS:
		*out = gyr_u256_from_u64(gyr_u256_equal(x, y));
		return true;
	case STREAM_AND_SS:
		gyr_u256_and(out, x, y);
		return true;
	case STREAM_OR_SS:
		gyr_u256_or(out, x, y);
		return true;
	case STREAM_XOR_SS:
		gyr_u256_xor(out, x, y);
		return true;
	case STREAM_BYTE_SS:
		*out = gyr_u256_from_u64(gyr_u256_byte(y, x));
		return true;
	case STREAM_SHL_SS:
		gyr_u256_shl(out, y, gyr_u256_to_shift(x));
		return true;
	case STREAM_SHR_SS:
		gyr_u256_shr(out, y, gyr_u256_to_shift(x));
		return true;
	default:
		gyr_assert(op == STREAM_SAR_SS);
		gyr_u256_sar(out, y, gyr_u256_to_shift(x));
		return true;
	}
}

/* The exponent of a power of two, or -1. */
static int power_of_two(const struct gyr_u256 *value)
{
	int power = -1;

	for (int i = 0; i < 4; i++) {
		uint64_t limb = value->limb[i];

		if (limb == 0)
			continue;
		if (power >= 0 || (limb & (limb - 1)) != 0)
			return -1;
		power = i * 64 + __builtin_ctzll(limb);
	}
	return power;
}

static bool is_ones(const struct gyr_u256 *value)
{
	return (value->limb[0] & value->limb[1] & value->limb[2] & value->limb[3]) == UINT64_MAX;
}

static bool is_u64(const struct gyr_u256 *value, uint64_t number)
{
	return gyr_u256_fits_u64(value) && value->limb[0] == number;
}

static void yield_u64(struct gyr_evm_translator *t, int operand, uint64_t value)
{
	release(t, operand);
	push(t, constant_new_u64(t, value));
}

static void yield_value(struct gyr_evm_translator *t, int operand, const struct gyr_u256 *value)
{
	release(t, operand);
	push(t, constant_new(t, value));
}

/* One slot in a and b, and an immediate. */
static void emit_immediate(struct gyr_evm_translator *t, unsigned op, int slot, uint64_t immediate)
{
	struct evm_cell *cell;
	int result;

	release(t, slot);
	result = result_new(t);
	cell = emit(t, op);
	cell->d = distance(result);
	cell->a = cell->b = distance(slot);
	cell->immediate = immediate;
}

static void emit_with_constant(struct gyr_evm_translator *t, unsigned op, int slot, int constant)
{
	emit_immediate(t, op, slot, constant_pool(t, constant));
}

static void emit_shift(struct gyr_evm_translator *t, unsigned first, int slot, int shift)
{
	if (shift == 0)
		push(t, slot);
	else
		emit_immediate(t, first + (unsigned)shift / 64, slot, (unsigned)shift % 64);
}

/* Commutative ones, and those with the constant below: slot in x, constant y. False: no form. */
static bool reduce_arithmetic(struct gyr_evm_translator *t, unsigned op, int x, int constant)
{
	const struct gyr_u256 *value = value_of(t, constant);
	int power = power_of_two(value);
	bool small = gyr_u256_fits_u64(value), zero = gyr_u256_is_zero(value);
	struct gyr_u256 other;

	switch (op) {
	case STREAM_ADD_SS:
		if (zero)
			push(t, x);
		else if (small)
			emit_immediate(t, STREAM_ADD_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_ADD_SK, x, constant);
		return true;
	case STREAM_SUB_SS:
		if (zero) {
			push(t, x);
		} else if (small) {
			emit_immediate(t, STREAM_SUB_SI, x, value->limb[0]);
		} else {
			gyr_u256_negate(&other, value);
			emit_with_constant(t, STREAM_ADD_SK, x, constant_new(t, &other));
		}
		return true;
	case STREAM_MUL_SS:
		if (zero)
			yield_u64(t, x, 0);
		else if (power >= 0)
			emit_shift(t, STREAM_SHL_I0, x, power);
		else if (small)
			emit_immediate(t, STREAM_MUL_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_MUL_SK, x, constant);
		return true;
	case STREAM_DIV_SS:
		if (zero)
			yield_u64(t, x, 0);
		else if (power >= 0)
			emit_shift(t, STREAM_SHR_I0, x, power);
		else if (small)
			emit_immediate(t, STREAM_DIV_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_DIV_SK, x, constant);
		return true;
	case STREAM_SDIV_SS:
		if (zero)
			yield_u64(t, x, 0);
		else if (power == 0)
			push(t, x);
		else if (small && value->limb[0] <= INT64_MAX)
			emit_immediate(t, STREAM_SDIV_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_SDIV_SK, x, constant);
		return true;
	default:
		return false;
	}
}

static bool reduce_modulo(struct gyr_evm_translator *t, unsigned op, int x, int constant)
{
	const struct gyr_u256 *value = value_of(t, constant);
	const struct gyr_u256 one = gyr_u256_from_u64(1);
	bool small = gyr_u256_fits_u64(value);
	struct gyr_u256 mask;

	if (op == STREAM_SMOD_SS) {
		emit_with_constant(t, STREAM_SMOD_SK, x, constant);
		return true;
	}
	if (op != STREAM_MOD_SS)
		return false;
	(void)gyr_u256_sub(&mask, value, &one);
	if (small && value->limb[0] <= 1)
		yield_u64(t, x, 0);
	else if (power_of_two(value) >= 0 && gyr_u256_fits_u64(&mask))
		emit_immediate(t, STREAM_AND_SI, x, mask.limb[0]);
	else if (power_of_two(value) >= 0)
		emit_with_constant(t, STREAM_AND_SK, x, constant_new(t, &mask));
	else if (small)
		emit_immediate(t, STREAM_MOD_SI, x, value->limb[0]);
	else
		emit_with_constant(t, STREAM_MOD_SK, x, constant);
	return true;
}

static bool reduce_bits(struct gyr_evm_translator *t, unsigned op, int x, int constant)
{
	const struct gyr_u256 *value = value_of(t, constant);
	bool small = gyr_u256_fits_u64(value), zero = gyr_u256_is_zero(value);

	switch (op) {
	case STREAM_AND_SS:
		if (zero)
			yield_u64(t, x, 0);
		else if (is_ones(value))
			push(t, x);
		else if (small)
			emit_immediate(t, STREAM_AND_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_AND_SK, x, constant);
		return true;
	case STREAM_OR_SS:
		if (zero)
			push(t, x);
		else
			emit_with_constant(t, STREAM_OR_SK, x, constant);
		return true;
	case STREAM_XOR_SS:
		if (zero)
			push(t, x);
		else if (is_ones(value))
			emit_immediate(t, STREAM_NOT, x, 0);
		else
			emit_with_constant(t, STREAM_XOR_SK, x, constant);
		return true;
	case STREAM_EQ_SS:
		if (zero)
			emit_immediate(t, STREAM_ISZERO, x, 0);
		else if (small)
			emit_immediate(t, STREAM_EQ_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_EQ_SK, x, constant);
		return true;
	case STREAM_LT_SS:
		if (zero)
			yield_u64(t, x, 0);
		else if (is_u64(value, 1))
			emit_immediate(t, STREAM_ISZERO, x, 0);
		else if (small)
			emit_immediate(t, STREAM_LT_SI, x, value->limb[0]);
		else
			emit_with_constant(t, STREAM_LT_SK, x, constant);
		return true;
	case STREAM_SLT_SS:
		emit_with_constant(t, STREAM_SLT_SK, x, constant);
		return true;
	default:
		return false;
	}
}

/* Constant on top, x: slot in y. False: no form. */
static bool reduce_top(struct gyr_evm_translator *t, unsigned op, int constant, int y)
{
	const struct gyr_u256 *value = value_of(t, constant);
	unsigned shift = gyr_u256_to_shift(value);

	switch (op) {
	case STREAM_SHL_SS:
	case STREAM_SHR_SS:
		if (shift >= 256)
			yield_u64(t, y, 0);
		else
			emit_shift(t, op == STREAM_SHL_SS ? STREAM_SHL_I0 : STREAM_SHR_I0, y,
				   (int)shift);
		return true;
	case STREAM_SAR_SS:
		if (shift == 0)
			push(t, y);
		else
			emit_immediate(t, STREAM_SAR_I, y, shift);
		return true;
	case STREAM_BYTE_SS:
		if (shift >= 32)
			yield_u64(t, y, 0);
		else
			emit_immediate(t, STREAM_BYTE_I, y, (size_t)8 * (31 - shift));
		return true;
	case STREAM_SIGNEXTEND_SS:
		if (shift >= 31)
			push(t, y);
		else
			emit_immediate(t, STREAM_SIGNEXTEND_I, y, shift);
		return true;
	case STREAM_LT_SS:
		if (gyr_u256_fits_u64(value))
			emit_immediate(t, STREAM_LT_IS, y, value->limb[0]);
		else
			emit_with_constant(t, STREAM_LT_KS, y, constant);
		return true;
	case STREAM_EXP_SS: {
		int power = power_of_two(value);

		if (power > 0)
			emit_immediate(t, STREAM_EXP_POWER, y, (uint64_t)power);
		else
			emit_with_constant(t, STREAM_EXP_KS, y, constant);
		return true;
	}
	case STREAM_SUB_SS:
		emit_with_constant(t, STREAM_SUB_KS, y, constant);
		return true;
	case STREAM_DIV_SS:
		emit_with_constant(t, STREAM_DIV_KS, y, constant);
		return true;
	case STREAM_SDIV_SS:
		emit_with_constant(t, STREAM_SDIV_KS, y, constant);
		return true;
	case STREAM_MOD_SS:
		emit_with_constant(t, STREAM_MOD_KS, y, constant);
		return true;
	case STREAM_SMOD_SS:
		emit_with_constant(t, STREAM_SMOD_KS, y, constant);
		return true;
	case STREAM_SLT_SS:
		emit_with_constant(t, STREAM_SLT_KS, y, constant);
		return true;
	default: /* commutative */
		return reduce_arithmetic(t, op, y, constant) || reduce_bits(t, op, y, constant);
	}
}

/* EXP by a constant: what it costs beyond its static price is known now. */
static void reduce_exponent(struct gyr_evm_translator *t, int x, int constant)
{
	const struct gyr_u256 *value = value_of(t, constant);
	const struct gyr_u256 *base = is_constant(x) ? value_of(t, x) : NULL;
	struct gyr_u256 folded;

	t->gas += (uint32_t)(t->exp_byte * (int64_t)gyr_u256_byte_length(value));
	if (gyr_u256_is_zero(value))
		yield_u64(t, x, 1);
	else if (is_u64(value, 1))
		push(t, x);
	else if (base != NULL && fold_binary(STREAM_EXP_SS, &folded, base, value))
		yield_value(t, x, &folded);
	else
		emit_with_constant(t, STREAM_EXP_SK, in_slot(t, x), constant);
}

void emit_binary(struct gyr_evm_translator *t, unsigned op, int x, int y)
{
	struct evm_cell *cell;
	struct gyr_u256 folded;
	int result;

	if (op == STREAM_EXP_SS && is_constant(y)) {
		reduce_exponent(t, x, y);
		return;
	}
	if (is_constant(x) && is_constant(y)) {
		bool known = fold_binary(op, &folded, value_of(t, x), value_of(t, y));

		gyr_assert(known);
		push(t, constant_new(t, &folded));
		return;
	}
	if (is_constant(x)) {
		bool reduced = reduce_top(t, op, x, y);

		gyr_assert(reduced);
		return;
	}
	if (is_constant(y)) {
		if (!reduce_arithmetic(t, op, x, y) && !reduce_modulo(t, op, x, y) &&
		    !reduce_bits(t, op, x, y))
			/* BYTE, SIGNEXTEND and shifts of a constant. */
			emit_with_constant(t, op + 1, x, y);
		return;
	}
	release(t, x);
	release(t, y);
	result = result_new(t);
	cell = emit(t, op);
	cell->d = distance(result);
	cell->a = distance(x);
	cell->b = distance(y);
}
