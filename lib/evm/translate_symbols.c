/* SPDX-License-Identifier: Apache-2.0 */
#include "translator.h"

int constant_new(struct gyr_evm_translator *t, const struct gyr_u256 *value)
{
	uint64_t *limb;
	int symbol = constant_place(t, &limb);

	for (int i = 0; i < 4; i++)
		limb[i] = value->limb[i];
	return symbol;
}

int constant_new_u64(struct gyr_evm_translator *t, uint64_t value)
{
	uint64_t *limb;
	int symbol = constant_place(t, &limb);

	limb[0] = value;
	limb[1] = limb[2] = limb[3] = 0;
	return symbol;
}

uint32_t constant_pool(struct gyr_evm_translator *t, int symbol)
{
	struct block_constant *constant = &t->constants[symbol - CONSTANT_FIRST];
	const struct gyr_u256 *value = &constant->value;
	uint64_t hash = (value->limb[0] ^ value->limb[1] * 3 ^ value->limb[2] * 5 ^
			 value->limb[3] * 7) *
			UINT64_C(0x9e3779b97f4a7c15);
	uint32_t *recent = &t->pool_cache[hash >> 58];

	if (constant->pooled != 0)
		return constant->pooled - 1;
	if (*recent == 0 || !gyr_u256_equal(&t->pool[*recent - 1], value)) {
		if (t->pool_count == t->pool_count_max) {
			t->refused = true;
			return 0;
		}
		t->pool[t->pool_count++] = *value;
		*recent = t->pool_count;
	}
	constant->pooled = *recent;
	return *recent - 1;
}

int temp_new(struct gyr_evm_translator *t, int not_this, int nor_this)
{
	uint64_t taken = t->temps;
	int slot;

	if (not_this >= TEMP_FIRST)
		taken |= UINT64_C(1) << (not_this - TEMP_FIRST);
	if (nor_this >= TEMP_FIRST)
		taken |= UINT64_C(1) << (nor_this - TEMP_FIRST);
	gyr_assert(taken != UINT64_MAX);
	slot = TEMP_FIRST + __builtin_ctzll(~taken);
	hold(t, slot);
	return slot;
}

int result_new(struct gyr_evm_translator *t)
{
	int position = ++t->top, slot = position;

	if (*refs_of(t, position) != 0)
		slot = temp_new(t, 0, 0);
	else
		*refs_of(t, position) = 1;
	*symbol_at(t, position) = (int16_t)slot;
	return slot;
}

static void emit_constant(struct gyr_evm_translator *t, int slot, int symbol)
{
	const struct gyr_u256 *value = value_of(t, symbol);
	struct evm_cell *cell;

	if (gyr_u256_fits_u64(value)) {
		cell = emit(t, STREAM_SET_I);
		cell->immediate = value->limb[0];
	} else {
		uint32_t place = constant_pool(t, symbol);

		cell = emit(t, STREAM_SET_K);
		cell->immediate = place;
	}
	cell->d = distance(slot);
}

int in_slot(struct gyr_evm_translator *t, int symbol)
{
	int slot;

	if (!is_constant(symbol))
		return symbol;
	slot = temp_new(t, 0, 0);
	emit_constant(t, slot, symbol);
	return slot;
}

static void emit_move(struct gyr_evm_translator *t, int to, int from, uint32_t first)
{
	struct evm_cell *last = &t->cells[t->cell_count - 1];

	/* Two moves make one cell, where both are of this settling. */
	if (t->cell_count > first && op_of(last) == STREAM_MOVE && !t->refused) {
		last->handler = (const void *)(uintptr_t)STREAM_MOVE_TWO;
		last->b = distance(to);
		last->c = distance(from);
		return;
	}
	last = emit(t, STREAM_MOVE);
	last->d = distance(to);
	last->a = distance(from);
}

/* Fills a position nobody reads any more, then those that this set free. */
static void settle_chain(struct gyr_evm_translator *t, int position, uint32_t first)
{
	for (;;) {
		int symbol = *symbol_at(t, position);

		*symbol_at(t, position) = (int16_t)position;
		*refs_of(t, position) = 1;
		if (is_constant(symbol)) {
			emit_constant(t, position, symbol);
			return;
		}
		emit_move(t, position, symbol, first);
		release(t, symbol);
		if (symbol > t->top || symbol < t->low || *refs_of(t, symbol) != 0 ||
		    *symbol_at(t, symbol) == symbol)
			return;
		position = symbol;
	}
}

/* What is left are cycles, each word wanted once: exchanges along the cycle. */
static void settle_cycle(struct gyr_evm_translator *t, int start)
{
	int position = start;

	while (*symbol_at(t, position) != start) {
		int from = *symbol_at(t, position);
		struct evm_cell *cell = emit(t, STREAM_SWAP);

		cell->d = distance(position);
		cell->a = distance(from);
		*symbol_at(t, position) = (int16_t)position;
		position = from;
	}
	*symbol_at(t, position) = (int16_t)position;
}

void settle(struct gyr_evm_translator *t)
{
	uint32_t first = t->cell_count;

	for (int position = t->low; position <= t->top; position++)
		if (*symbol_at(t, position) != position && *refs_of(t, position) == 0)
			settle_chain(t, position, first);
	for (int position = t->low; position <= t->top; position++)
		if (*symbol_at(t, position) != position)
			settle_cycle(t, position);
}

int out_of_the_way(struct gyr_evm_translator *t, int slot, int other)
{
	struct evm_cell *cell;
	int temp;

	if (slot < t->low || slot > t->top || *symbol_at(t, slot) == slot)
		return slot;
	temp = temp_new(t, slot, other);
	cell = emit(t, STREAM_MOVE);
	cell->d = distance(temp);
	cell->a = distance(slot);
	release(t, slot);
	return temp;
}

void forget(struct gyr_evm_translator *t)
{
	for (int position = t->low; position <= t->top; position++)
		release(t, *symbol_at(t, position));
	t->low = 1;
	t->top = 0;
}
