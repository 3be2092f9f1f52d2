/* SPDX-License-Identifier: Apache-2.0 */
#include "state_internal.h"

static uint64_t code_home(const struct gyr_state *state, const struct gyr_hash *hash)
{
	uint64_t mixed = gyr_state_fold(gyr_load_le64(hash->bytes) ^ state->seed[0],
					gyr_load_le64(hash->bytes + 8) ^ state->seed[1]);

	return gyr_state_home(mixed, state->code_index_size);
}

/* The cell that holds this hash, or the empty one where it belongs. */
static uint32_t *code_cell(struct gyr_state *state, const struct gyr_hash *hash)
{
	uint64_t at = code_home(state, hash);

	while (state->code_index[at] != 0 &&
	       !gyr_hash_equal(&state->codes[state->code_index[at]].hash, hash))
		if (++at == state->code_index_size)
			at = 0;
	return &state->code_index[at];
}

void gyr_code_analyse(uint8_t *jumpdests, const uint8_t *bytes, size_t length)
{
	size_t pc = 0;

	memset(jumpdests, 0, length / 8 + 1);
	while (pc < length) {
		uint8_t op = bytes[pc];

		/* PUSH1 to PUSH32 are the only opcodes with data: 0x60 to 0x7f. */
		if ((int8_t)op >= 0x60) {
			pc += op - 0x5e;
			continue;
		}
		if (op == 0x5b)
			jumpdests[pc / 8] |= (uint8_t)(1u << pc % 8);
		pc++;
	}
}

void state_code_init(struct gyr_state *state)
{
	struct gyr_code *empty = &state->codes[0];
	uint8_t *bytes = state->code_bytes;
	size_t size = GYR_CODE_PADDING + 1;

	gyr_assert(state->limits.code_bytes_max >= size);
	memset(bytes, 0, size);
	*empty = (struct gyr_code){ .bytes = bytes, .jumpdests = bytes + GYR_CODE_PADDING };
	state->keccak->hash(&empty->hash, empty->bytes, 0);
	state->code_bytes_used = size;
	state->code_count = 0;
}

void state_code_reset(struct gyr_state *state)
{
	for (uint32_t i = state->code_count; i > 0; i--)
		*code_cell(state, &state->codes[i].hash) = 0;
	state->code_count = 0;
	state->code_bytes_used = GYR_CODE_PADDING + 1;
}

uint32_t gyr_state_code_add(struct gyr_state *state, struct gyr_slice bytes)
{
	uint64_t size = bytes.length + GYR_CODE_PADDING + bytes.length / 8 + 1;
	struct gyr_hash hash;
	struct gyr_code *code;
	uint32_t *cell;
	uint8_t *to;

	if (bytes.length == 0)
		return 0;
	state->keccak->hash(&hash, bytes.data, bytes.length);
	cell = code_cell(state, &hash);
	if (*cell != 0)
		return *cell;
	if (state->code_count == state->limits.code_count_max ||
	    size > state->limits.code_bytes_max - state->code_bytes_used) {
		state->full = true;
		return 0;
	}
	to = state->code_bytes + state->code_bytes_used;
	state->code_bytes_used += size;
	memcpy(to, bytes.data, bytes.length);
	memset(to + bytes.length, 0, GYR_CODE_PADDING);
	code = &state->codes[++state->code_count];
	*code = (struct gyr_code){
		.hash = hash,
		.bytes = to,
		.jumpdests = to + bytes.length + GYR_CODE_PADDING,
		.length = (uint32_t)bytes.length,
	};
	gyr_code_analyse(to + bytes.length + GYR_CODE_PADDING, to, bytes.length);
	if (bytes.length == 23 && to[0] == 0xef && to[1] == 0x01 && to[2] == 0x00) {
		code->delegated = true;
		memcpy(code->target.bytes, to + 3, sizeof code->target.bytes);
	}
	*cell = state->code_count;
	return state->code_count;
}

void state_code_trim(struct gyr_state *state)
{
	if (state->code_count == state->code_count_at_tx)
		return;
	for (uint32_t i = 0; i < state->touched_account_count; i++)
		state->codes[state->accounts[state->touched_accounts[i]].code].live = true;
	/* The youngest goes first, so that no probe of an older one ran over its cell. */
	while (state->code_count > state->code_count_at_tx &&
	       !state->codes[state->code_count].live) {
		struct gyr_code *code = &state->codes[state->code_count--];

		*code_cell(state, &code->hash) = 0;
		state->code_bytes_used = (uint64_t)(code->bytes - state->code_bytes);
	}
}
