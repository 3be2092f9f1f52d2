/* SPDX-License-Identifier: Apache-2.0 */
#include "state_internal.h"

/* Lists the account as changed in this block, once. */
static void list_account(struct gyr_state *state, uint32_t index)
{
	struct gyr_account *account = &state->accounts[index];

	if (account->block_stamp == state->block_stamp)
		return;
	if (state->dirty_account_count == state->limits.dirty_count_max) {
		state->full = true;
		return;
	}
	account->block_stamp = state->block_stamp;
	state->dirty_accounts[state->dirty_account_count++] = index;
}

static void list_slot(struct gyr_state *state, uint32_t index)
{
	struct gyr_slot *slot = &state->slots[index];

	if (slot->block_stamp == state->block_stamp)
		return;
	if (state->dirty_slot_count == state->limits.dirty_count_max) {
		state->full = true;
		return;
	}
	slot->block_stamp = state->block_stamp;
	state->dirty_slots[state->dirty_slot_count++] = index;
}

/*
 * Takes the storage that an account had before this transaction. Only forks before Cancun destroy
 * such accounts (EIP-6780), so the walk over all slots is never on a production chain's path.
 */
static void clear_old_storage(struct gyr_state *state, uint32_t account)
{
	for (uint32_t i = 0; i < state->slot_count; i++) {
		struct gyr_slot *slot = &state->slots[state->slot_order[i]];

		if (slot->account != account || gyr_u256_is_zero(&slot->value))
			continue;
		slot->value = gyr_u256_from_u64(0);
		if (slot->tx_stamp != state->tx_stamp)
			list_slot(state, state->slot_order[i]);
	}
}

static void destroy(struct gyr_state *state, uint32_t index)
{
	struct gyr_account *account = &state->accounts[index];

	if (account->slot_count != 0)
		clear_old_storage(state, index);
	account->slot_count = 0;
	account->balance = gyr_u256_from_u64(0);
	account->nonce = 0;
	account->code = 0;
	account->flags &= (uint8_t)~GYR_ACCOUNT_EXISTS;
	account->flags |= GYR_ACCOUNT_STORAGE_CLEARED;
}

static void commit_slots(struct gyr_state *state)
{
	for (uint32_t i = 0; i < state->touched_slot_count; i++) {
		uint32_t index = state->touched_slots[i];
		struct gyr_slot *slot = &state->slots[index];
		struct gyr_account *account = &state->accounts[slot->account];

		if ((account->tx_flags & GYR_ACCOUNT_DESTROYED) != 0 &&
		    account->tx_stamp == state->tx_stamp)
			slot->value = gyr_u256_from_u64(0);
		if (!gyr_u256_equal(&slot->value, &slot->original) || slot->pending != 0) {
			if (account->flags & GYR_ACCOUNT_EXISTS) {
				account->slot_count += gyr_u256_is_zero(&slot->original);
				account->slot_count -= gyr_u256_is_zero(&slot->value);
			}
			account->tx_flags |= GYR_ACCOUNT_SLOTS_CHANGED;
			list_slot(state, index);
		}
	}
}

static bool account_changed(const struct gyr_account *account)
{
	return (account->tx_flags & (GYR_ACCOUNT_SLOTS_CHANGED | GYR_ACCOUNT_DESTROYED)) != 0 ||
	       (uint32_t)account->nonce != account->nonce_original_low ||
	       account->code != account->code_original ||
	       ((account->flags ^ account->flags_original) & GYR_ACCOUNT_EXISTS) != 0 ||
	       !gyr_u256_equal(&account->balance, &account->balance_original);
}

/* Takes what was only looked at and holds nothing. */
static void drop_unused(struct gyr_state *state)
{
	for (uint32_t i = 0; i < state->touched_slot_count; i++) {
		const struct gyr_slot *slot = &state->slots[state->touched_slots[i]];

		if (gyr_u256_is_zero(&slot->value) && slot->pending == 0 &&
		    slot->block_stamp != state->block_stamp)
			state_slot_erase(state, state->touched_slots[i]);
	}
	for (uint32_t i = 0; i < state->touched_account_count; i++) {
		const struct gyr_account *account = &state->accounts[state->touched_accounts[i]];

		if ((account->flags & GYR_ACCOUNT_EXISTS) == 0 &&
		    account->block_stamp != state->block_stamp)
			state_account_erase(state, state->touched_accounts[i]);
	}
}

void gyr_state_tx_commit(struct gyr_state *state, bool delete_empty)
{
	state->changed_account_count = 0;
	if (state->full)
		return;
	for (uint32_t i = 0; i < state->touched_account_count; i++) {
		struct gyr_account *account = &state->accounts[state->touched_accounts[i]];

		if ((account->tx_flags & GYR_ACCOUNT_DESTROYED) != 0)
			destroy(state, state->touched_accounts[i]);
		else if (delete_empty && (account->tx_flags & GYR_ACCOUNT_TOUCHED) != 0 &&
			 gyr_state_is_empty(account)) {
			/* An account that a genesis gave storage alone goes with it. */
			if (account->slot_count != 0) {
				account->tx_flags |= GYR_ACCOUNT_DESTROYED;
				destroy(state, state->touched_accounts[i]);
			}
			account->flags &= (uint8_t)~GYR_ACCOUNT_EXISTS;
		}
	}
	commit_slots(state);
	for (uint32_t i = 0; i < state->touched_account_count; i++) {
		uint32_t index = state->touched_accounts[i];

		if (!account_changed(&state->accounts[index]))
			continue;
		list_account(state, index);
		state->changed_accounts[state->changed_account_count++] = index;
	}
	state_code_trim(state);
	if (!state->full)
		drop_unused(state);
}

void gyr_state_block_begin(struct gyr_state *state)
{
	gyr_assert(state->dirty_account_count == 0 && state->dirty_slot_count == 0);
	state->block_stamp++;
}

/* Records asked for before their turn. */
#define DIRTY_AHEAD 8

/* Slots of one account lie together: a counting sort by the place of their account. */
static void copy_slots(struct gyr_state *state, struct gyr_write_set *out)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < state->dirty_slot_count; i++) {
		const struct gyr_slot *slot = &state->slots[state->dirty_slots[i]];
		const struct gyr_account *account = &state->accounts[slot->account];

		if (i + DIRTY_AHEAD < state->dirty_slot_count)
			__builtin_prefetch(&state->slots[state->dirty_slots[i + DIRTY_AHEAD]]);
		gyr_assert(account->block_stamp == state->block_stamp);
		out->accounts[account->dirty_index].slot_count++;
	}
	for (uint32_t i = 0; i < out->account_count; i++) {
		out->accounts[i].slot_first = next;
		next += out->accounts[i].slot_count;
		out->accounts[i].slot_count = 0;
	}
	gyr_assert(next == state->dirty_slot_count);
	for (uint32_t i = 0; i < state->dirty_slot_count; i++) {
		const struct gyr_slot *slot = &state->slots[state->dirty_slots[i]];
		struct gyr_write_account *owner =
			&out->accounts[state->accounts[slot->account].dirty_index];

		out->slots[owner->slot_first + owner->slot_count++] =
			(struct gyr_write_slot){ .key = slot->key, .value = slot->value };
	}
	out->slot_count = state->dirty_slot_count;
}

bool gyr_state_block_end(struct gyr_state *state, struct gyr_write_set *out)
{
	if (state->full || state->dirty_account_count > out->account_count_max ||
	    state->dirty_slot_count > out->slot_count_max)
		return false;
	out->account_count = state->dirty_account_count;
	for (uint32_t i = 0; i < state->dirty_account_count; i++) {
		struct gyr_account *account = &state->accounts[state->dirty_accounts[i]];

		if (i + DIRTY_AHEAD < state->dirty_account_count)
			__builtin_prefetch(&state->accounts[state->dirty_accounts[i + DIRTY_AHEAD]],
					   1);
		account->dirty_index = i;
		out->accounts[i] = (struct gyr_write_account){
			.address = account->address,
			.exists = (account->flags & GYR_ACCOUNT_EXISTS) != 0,
			.storage_cleared = (account->flags & GYR_ACCOUNT_STORAGE_CLEARED) != 0,
			.code = account->code,
			.nonce = account->nonce,
			.balance = account->balance,
			.code_hash = state->codes[account->code].hash,
		};
	}
	copy_slots(state, out);
	for (uint32_t i = 0; i < state->dirty_slot_count; i++)
		if (gyr_u256_is_zero(&state->slots[state->dirty_slots[i]].value) &&
		    state->slots[state->dirty_slots[i]].pending == 0)
			state_slot_erase(state, state->dirty_slots[i]);
	for (uint32_t i = 0; i < state->dirty_account_count; i++) {
		struct gyr_account *account = &state->accounts[state->dirty_accounts[i]];

		account->flags &= (uint8_t)~GYR_ACCOUNT_STORAGE_CLEARED;
		if ((account->flags & GYR_ACCOUNT_EXISTS) == 0)
			state_account_erase(state, state->dirty_accounts[i]);
	}
	state->dirty_account_count = 0;
	state->dirty_slot_count = 0;
	return true;
}

size_t gyr_write_set_size(const struct gyr_state_limits *limits)
{
	return (sizeof(struct gyr_write_account) + sizeof(struct gyr_write_slot)) *
		       (size_t)limits->dirty_count_max +
	       128;
}

bool gyr_write_set_init(struct gyr_write_set *set, struct gyr_arena *arena,
			const struct gyr_state_limits *limits)
{
	size_t count = limits->dirty_count_max;

	*set = (struct gyr_write_set){
		.accounts = gyr_arena_carve(arena, count * sizeof *set->accounts, 64),
		.slots = gyr_arena_carve(arena, count * sizeof *set->slots, 64),
		.account_count_max = limits->dirty_count_max,
		.slot_count_max = limits->dirty_count_max,
	};
	return set->accounts != NULL && set->slots != NULL;
}
