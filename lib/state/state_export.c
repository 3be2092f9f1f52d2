/* SPDX-License-Identifier: Apache-2.0 */
#include "state_internal.h"

void gyr_state_forget_changes(struct gyr_state *state)
{
	state->dirty_account_count = 0;
	state->dirty_slot_count = 0;
	state->block_stamp++;
}

void gyr_state_expect_slot(struct gyr_state *state, struct gyr_slot *slot, uint64_t number)
{
	gyr_assert(number < UINT32_MAX && slot->tx_stamp == state->tx_stamp);
	slot->pending = (uint32_t)number + 1;
}

void gyr_state_resolve_slot(struct gyr_state *state, const struct gyr_address *address,
			    const struct gyr_u256 *key, uint64_t number,
			    const struct gyr_u256 *value)
{
	const struct gyr_account *found = gyr_state_find(state, address);
	struct gyr_account *account;
	uint64_t at;
	uint32_t owner;

	if (found == NULL)
		return;
	owner = gyr_state_account_index(state, found);
	account = &state->accounts[owner];
	at = gyr_state_home(gyr_state_slot_hash(state, owner, key), state->slot_capacity);
	for (; state->slots[at].cell != 0; at = at + 1 == state->slot_capacity ? 0 : at + 1) {
		struct gyr_slot *slot = &state->slots[at];

		if (slot->account != owner || !gyr_u256_equal(&slot->key, key) ||
		    slot->cell == GYR_STATE_TOMBSTONE)
			continue;
		if (slot->pending != number + 1)
			return;
		account->slot_count += gyr_u256_is_zero(&slot->value);
		account->slot_count -= gyr_u256_is_zero(value);
		slot->value = *value;
		slot->original = *value;
		slot->pending = 0;
		return;
	}
}

static struct gyr_write_account describe(const struct gyr_state *state,
					 const struct gyr_account *account)
{
	return (struct gyr_write_account){
		.address = account->address,
		.exists = (account->flags & GYR_ACCOUNT_EXISTS) != 0,
		.code = account->code,
		.nonce = account->nonce,
		.balance = account->balance,
		.code_hash = state->codes[account->code].hash,
	};
}

bool gyr_state_export(const struct gyr_state *state, struct gyr_state_cursor *cursor,
		      struct gyr_write_set *out)
{
	out->account_count = 0;
	out->slot_count = 0;
	while (cursor->account < state->account_count &&
	       out->account_count < out->account_count_max) {
		const struct gyr_account *account =
			&state->accounts[state->account_order[cursor->account++]];

		if ((account->flags & GYR_ACCOUNT_EXISTS) != 0)
			out->accounts[out->account_count++] = describe(state, account);
	}
	while (cursor->slot < state->slot_count && out->account_count < out->account_count_max &&
	       out->slot_count < out->slot_count_max) {
		const struct gyr_slot *slot = &state->slots[state->slot_order[cursor->slot++]];
		const struct gyr_account *account = &state->accounts[slot->account];
		struct gyr_write_account *last;

		if (gyr_u256_is_zero(&slot->value))
			continue;
		last = out->account_count == 0 ? NULL : &out->accounts[out->account_count - 1];
		if (last == NULL || !gyr_address_equal(&last->address, &account->address)) {
			last = &out->accounts[out->account_count++];
			*last = describe(state, account);
			last->slot_first = out->slot_count;
		} else if (last->slot_count == 0) {
			last->slot_first = out->slot_count;
		}
		last->slot_count++;
		out->slots[out->slot_count++] = (struct gyr_write_slot){ .key = slot->key,
									 .value = slot->value };
	}
	return out->account_count != 0;
}
