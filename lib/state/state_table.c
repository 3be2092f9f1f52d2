/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two open-addressing tables with linear probing, records in place. A record that goes leaves a
 * tombstone only where a record in use follows it, so a run of tombstones always ends at one: what
 * clears the records in use backwards clears them all.
 */
#include "state_internal.h"

#define ALIGNMENT 128 /* of a record: see gyr_state.h */

struct table_sizes {
	uint64_t account_capacity;
	uint64_t slot_capacity;
	uint64_t transient_capacity;
	uint64_t code_index_size;
};

/* Three quarters more cells than records keep probes short: 1.7 on average when it is full. */
static uint64_t capacity_of(uint32_t count_max)
{
	return (uint64_t)count_max + count_max / 4 * 3ull + 16;
}

static struct table_sizes sizes_of(const struct gyr_state_limits *limits)
{
	struct table_sizes sizes = {
		.account_capacity = capacity_of(limits->account_count_max),
		.slot_capacity = capacity_of(limits->slot_count_max),
		.transient_capacity = capacity_of(limits->transient_count_max),
		.code_index_size = capacity_of(limits->code_count_max),
	};

	return sizes;
}

static void *carve(struct gyr_arena *arena, uint64_t count, size_t each, bool *failed)
{
	void *memory = gyr_arena_carve(arena, count * each, ALIGNMENT);

	if (memory == NULL)
		*failed = true;
	return memory;
}

/* The one list of what is carved; with a NULL base it only counts. */
static bool carve_all(struct gyr_state *state, struct gyr_arena *arena,
		      const struct gyr_state_limits *limits)
{
	struct table_sizes sizes = sizes_of(limits);
	bool failed = false;

	state->account_capacity = sizes.account_capacity;
	state->slot_capacity = sizes.slot_capacity;
	state->transient_capacity = sizes.transient_capacity;
	state->code_index_size = sizes.code_index_size;
	/* One record beyond each table takes what a full table refuses. */
	state->accounts = carve(arena, sizes.account_capacity + 1, sizeof *state->accounts,
				&failed);
	state->slots = carve(arena, sizes.slot_capacity + 1, sizeof *state->slots, &failed);
	state->account_order = carve(arena, limits->account_count_max, 4, &failed);
	state->slot_order = carve(arena, limits->slot_count_max, 4, &failed);
	state->codes = carve(arena, (uint64_t)limits->code_count_max + 1, sizeof *state->codes,
			     &failed);
	state->code_index = carve(arena, sizes.code_index_size, 4, &failed);
	state->code_bytes = carve(arena, limits->code_bytes_max, 1, &failed);
	state->transients = carve(arena, sizes.transient_capacity + 1, sizeof *state->transients,
				  &failed);
	state->journal = carve(arena, (uint64_t)limits->journal_count_max + 1,
			       sizeof *state->journal, &failed);
	state->touched_accounts = carve(arena, limits->touched_count_max, 4, &failed);
	state->touched_slots = carve(arena, limits->touched_count_max, 4, &failed);
	state->changed_accounts = carve(arena, limits->touched_count_max, 4, &failed);
	state->logs = carve(arena, limits->log_count_max, sizeof *state->logs, &failed);
	state->log_bytes = carve(arena, limits->log_bytes_max, 1, &failed);
	state->dirty_accounts = carve(arena, limits->dirty_count_max, 4, &failed);
	state->dirty_slots = carve(arena, limits->dirty_count_max, 4, &failed);
	return !failed;
}

size_t gyr_state_size(const struct gyr_state_limits *limits)
{
	/* Carving from an arena at an aligned fictive address counts without touching memory. */
	struct gyr_arena arena = { .base = (uint8_t *)(uintptr_t)ALIGNMENT,
				   .size = SIZE_MAX / 2,
				   .used = 0 };
	struct gyr_state counted;

	if (!carve_all(&counted, &arena, limits))
		return SIZE_MAX;
	return arena.used + ALIGNMENT;
}

bool gyr_state_init(struct gyr_state *state, struct gyr_arena *arena,
		    const struct gyr_state_limits *limits, const struct gyr_keccak_ops *keccak,
		    uint64_t seed)
{
	*state = (struct gyr_state){ .limits = *limits, .keccak = keccak };
	if (!carve_all(state, arena, limits))
		return false;
	for (int i = 0; i < 4; i++) {
		/* SplitMix64, as a key schedule; odd, so that no factor is zero. */
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		state->seed[i] = (z ^ (z >> 31)) | 1;
	}
	memset(state->accounts, 0, (state->account_capacity + 1) * sizeof *state->accounts);
	memset(state->slots, 0, (state->slot_capacity + 1) * sizeof *state->slots);
	memset(state->transients, 0, (state->transient_capacity + 1) * sizeof *state->transients);
	memset(state->code_index, 0, state->code_index_size * sizeof *state->code_index);
	state_code_init(state);
	state->tx_stamp = 1;
	state->block_stamp = 1;
	return true;
}

void gyr_state_reset(struct gyr_state *state)
{
	for (uint32_t i = 0; i < state->account_count; i++) {
		uint64_t at = state->account_order[i];

		do
			state->accounts[at].cell = 0;
		while (at-- > 0 && state->accounts[at].cell == GYR_STATE_TOMBSTONE);
	}
	for (uint32_t i = 0; i < state->slot_count; i++) {
		uint64_t at = state->slot_order[i];

		do
			state->slots[at].cell = 0;
		while (at-- > 0 && state->slots[at].cell == GYR_STATE_TOMBSTONE);
	}
	/* A run of tombstones may wrap around the end of its table. */
	for (uint64_t at = state->account_capacity;
	     at-- > 0 && state->accounts[at].cell == GYR_STATE_TOMBSTONE;)
		state->accounts[at].cell = 0;
	for (uint64_t at = state->slot_capacity;
	     at-- > 0 && state->slots[at].cell == GYR_STATE_TOMBSTONE;)
		state->slots[at].cell = 0;
	state->account_count = 0;
	state->slot_count = 0;
	state->dirty_account_count = 0;
	state->dirty_slot_count = 0;
	state->changed_account_count = 0;
	state->block_stamp++;
	state->full = false;
	state_code_reset(state);
	gyr_state_tx_begin(state);
}

static unsigned part(uint64_t used, uint64_t limit)
{
	return (unsigned)(used * 1000 / limit);
}

unsigned gyr_state_high_water(const struct gyr_state *state)
{
	const struct gyr_state_limits *limits = &state->limits;
	unsigned highest = part(state->account_count, limits->account_count_max);
	unsigned others[] = {
		part(state->slot_count, limits->slot_count_max),
		part(state->code_count, limits->code_count_max),
		part(state->code_bytes_used, limits->code_bytes_max),
		part(state->dirty_account_count, limits->dirty_count_max),
		part(state->dirty_slot_count, limits->dirty_count_max),
	};

	for (size_t i = 0; i < GYR_COUNT(others); i++)
		if (others[i] > highest)
			highest = others[i];
	return state->full ? 1000 : highest;
}

struct gyr_account *gyr_state_account_insert(struct gyr_state *state,
					     const struct gyr_address *address, uint64_t at)
{
	uint64_t home = gyr_state_home(gyr_state_address_hash(state, address),
				       state->account_capacity);
	struct gyr_account *account;

	while (home != at && state->accounts[home].cell != GYR_STATE_TOMBSTONE)
		if (++home == state->account_capacity)
			home = 0;
	account = &state->accounts[home];
	if (GYR_UNLIKELY(state->account_count == state->limits.account_count_max)) {
		state->full = true;
		account = &state->accounts[state->account_capacity];
	}
	*account = (struct gyr_account){ .address = *address };
	if (!state->full) {
		state->account_order[state->account_count++] = (uint32_t)home;
		account->cell = state->account_count;
	}
	gyr_state_account_enter(state, account);
	return account;
}

struct gyr_slot *gyr_state_slot_insert(struct gyr_state *state, uint32_t owner,
				       const struct gyr_u256 *key, uint64_t at)
{
	uint64_t home = gyr_state_home(gyr_state_slot_hash(state, owner, key),
				       state->slot_capacity);
	struct gyr_slot *slot;

	while (home != at && state->slots[home].cell != GYR_STATE_TOMBSTONE)
		if (++home == state->slot_capacity)
			home = 0;
	slot = &state->slots[home];
	if (GYR_UNLIKELY(state->slot_count == state->limits.slot_count_max)) {
		state->full = true;
		slot = &state->slots[state->slot_capacity];
	}
	*slot = (struct gyr_slot){ .key = *key, .account = owner };
	if (!state->full) {
		state->slot_order[state->slot_count++] = (uint32_t)home;
		slot->cell = state->slot_count;
	}
	gyr_state_slot_enter(state, slot);
	return slot;
}

void gyr_state_account_enter(struct gyr_state *state, struct gyr_account *account)
{
	account->tx_stamp = state->tx_stamp;
	account->tx_flags = 0;
	account->balance_original = account->balance;
	account->nonce_original_low = (uint32_t)account->nonce;
	account->code_original = account->code;
	account->flags_original = account->flags;
	if (GYR_UNLIKELY(state->touched_account_count == state->limits.touched_count_max))
		state->full = true;
	else
		state->touched_accounts[state->touched_account_count++] =
			gyr_state_account_index(state, account);
}

void gyr_state_slot_enter(struct gyr_state *state, struct gyr_slot *slot)
{
	slot->tx_stamp = state->tx_stamp;
	slot->tx_flags = 0;
	slot->journal_at = 0;
	slot->original = slot->value;
	if (GYR_UNLIKELY(state->touched_slot_count == state->limits.touched_count_max))
		state->full = true;
	else
		state->touched_slots[state->touched_slot_count++] = (uint32_t)(slot - state->slots);
}

void state_account_erase(struct gyr_state *state, uint32_t index)
{
	struct gyr_account *account = &state->accounts[index];
	uint32_t place = account->cell - 1, last = state->account_order[state->account_count - 1];
	uint64_t at = index, next = at + 1 == state->account_capacity ? 0 : at + 1;

	gyr_assert(account->cell != 0 && account->cell != GYR_STATE_TOMBSTONE);
	gyr_assert(state->account_order[place] == index);
	state->account_order[place] = last;
	state->accounts[last].cell = place + 1;
	state->account_count--;
	account->cell = GYR_STATE_TOMBSTONE;
	if (state->accounts[next].cell != 0)
		return;
	while (state->accounts[at].cell == GYR_STATE_TOMBSTONE) {
		state->accounts[at].cell = 0;
		at = at == 0 ? state->account_capacity - 1 : at - 1;
	}
}

void state_slot_erase(struct gyr_state *state, uint32_t index)
{
	struct gyr_slot *slot = &state->slots[index];
	uint32_t place = slot->cell - 1, last = state->slot_order[state->slot_count - 1];
	uint64_t at = index, next = at + 1 == state->slot_capacity ? 0 : at + 1;

	gyr_assert(slot->cell != 0 && slot->cell != GYR_STATE_TOMBSTONE);
	gyr_assert(state->slot_order[place] == index);
	state->slot_order[place] = last;
	state->slots[last].cell = place + 1;
	state->slot_count--;
	slot->cell = GYR_STATE_TOMBSTONE;
	if (state->slots[next].cell != 0)
		return;
	while (state->slots[at].cell == GYR_STATE_TOMBSTONE) {
		state->slots[at].cell = 0;
		at = at == 0 ? state->slot_capacity - 1 : at - 1;
	}
}

const struct gyr_account *gyr_state_find(const struct gyr_state *state,
					 const struct gyr_address *address)
{
	uint64_t at = gyr_state_home(gyr_state_address_hash(state, address),
				     state->account_capacity);

	for (;;) {
		const struct gyr_account *account = &state->accounts[at];

		if (account->cell == 0)
			return NULL;
		if (gyr_address_equal(&account->address, address) &&
		    account->cell != GYR_STATE_TOMBSTONE)
			return account;
		if (++at == state->account_capacity)
			at = 0;
	}
}

struct gyr_u256 gyr_state_find_slot(const struct gyr_state *state,
				    const struct gyr_address *address, const struct gyr_u256 *key)
{
	const struct gyr_account *account = gyr_state_find(state, address);
	uint32_t owner;
	uint64_t at;

	if (account == NULL)
		return gyr_u256_from_u64(0);
	owner = gyr_state_account_index(state, account);
	at = gyr_state_home(gyr_state_slot_hash(state, owner, key), state->slot_capacity);
	for (;;) {
		const struct gyr_slot *slot = &state->slots[at];

		if (slot->cell == 0)
			return gyr_u256_from_u64(0);
		if (gyr_u256_equal(&slot->key, key) && slot->account == owner &&
		    slot->cell != GYR_STATE_TOMBSTONE)
			return slot->value;
		if (++at == state->slot_capacity)
			at = 0;
	}
}
