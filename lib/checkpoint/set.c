/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_checkpoint_set.h"

#include "gyr_bytes.h"
#include "gyr_err.h"

/* Keys are hashed and their index cells fetched this far ahead. */
#define AHEAD 16

static uint64_t index_size(uint32_t count)
{
	uint64_t size = 64;

	while (size < 2 * (uint64_t)count)
		size *= 2;
	return size;
}

size_t gyr_checkpoint_set_size(const struct gyr_checkpoint_set_limits *limits)
{
	return (size_t)limits->account_count_max * sizeof(struct gyr_checkpoint_row) +
	       (size_t)limits->slot_count_max * sizeof(struct gyr_checkpoint_slot_row) +
	       (size_t)limits->block_count_max * sizeof(struct gyr_checkpoint_block_row) +
	       (index_size(limits->account_count_max) + index_size(limits->slot_count_max)) *
		       sizeof(uint32_t) +
	       (size_t)limits->undecided_count_max * sizeof(uint64_t) +
	       (size_t)limits->outcome_count_max * GYR_CHECKPOINT_OUTCOME_LENGTH +
	       (size_t)8 * GYR_CACHE_LINE;
}

bool gyr_checkpoint_set_init(struct gyr_checkpoint_set *set, struct gyr_arena *arena,
			     const struct gyr_checkpoint_set_limits *limits)
{
	uint64_t accounts = index_size(limits->account_count_max);
	uint64_t slots = index_size(limits->slot_count_max);

	*set = (struct gyr_checkpoint_set){
		.limits = *limits,
		.accounts = gyr_arena_carve(arena,
					    limits->account_count_max * sizeof *set->accounts, 64),
		.slots = gyr_arena_carve(arena, limits->slot_count_max * sizeof *set->slots, 64),
		.blocks = gyr_arena_carve(arena, limits->block_count_max * sizeof *set->blocks, 64),
		.account_index = gyr_arena_carve(arena, accounts * sizeof(uint32_t), 64),
		.slot_index = gyr_arena_carve(arena, slots * sizeof(uint32_t), 64),
		.account_mask = accounts - 1,
		.slot_mask = slots - 1,
		.undecided = gyr_arena_carve(arena, limits->undecided_count_max * sizeof(uint64_t),
					     64),
		.outcomes = gyr_arena_carve(
			arena, (size_t)limits->outcome_count_max * GYR_CHECKPOINT_OUTCOME_LENGTH,
			64),
	};
	if (set->accounts == NULL || set->slots == NULL || set->blocks == NULL ||
	    set->account_index == NULL || set->slot_index == NULL || set->undecided == NULL ||
	    set->outcomes == NULL)
		return false;
	gyr_checkpoint_set_reset(set);
	return true;
}

void gyr_checkpoint_set_reset(struct gyr_checkpoint_set *set)
{
	memset(set->account_index, 0, (set->account_mask + 1) * sizeof(uint32_t));
	memset(set->slot_index, 0, (set->slot_mask + 1) * sizeof(uint32_t));
	set->account_count = 0;
	set->slot_count = 0;
	set->block_count = 0;
	set->undecided_count = 0;
	set->outcome_count = 0;
}

bool gyr_checkpoint_set_fits(const struct gyr_checkpoint_set *set,
			     const struct gyr_write_set *writes, uint64_t undecided_count)
{
	const struct gyr_checkpoint_set_limits *limits = &set->limits;

	return limits->account_count_max - set->account_count >= writes->account_count &&
	       limits->slot_count_max - set->slot_count >= writes->slot_count &&
	       limits->block_count_max > set->block_count &&
	       limits->undecided_count_max - set->undecided_count >= undecided_count;
}

bool gyr_checkpoint_set_is_half_full(const struct gyr_checkpoint_set *set)
{
	const struct gyr_checkpoint_set_limits *limits = &set->limits;

	return set->account_count > limits->account_count_max / 2 ||
	       set->slot_count > limits->slot_count_max / 2 ||
	       set->block_count > limits->block_count_max / 2 ||
	       set->undecided_count > limits->undecided_count_max / 2;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	return gyr_state_fold(a, b);
}

static uint64_t address_home(const struct gyr_checkpoint_set *set,
			     const struct gyr_address *address)
{
	uint64_t low = gyr_load_le64(address->bytes) ^ set->limits.seed;
	uint64_t high = gyr_load_le64(address->bytes + 8) ^ 0x9e3779b97f4a7c15;

	return fold(fold(low, high) ^ gyr_load_le32(address->bytes + 16),
		    set->limits.seed | 0x8000000000000001) &
	       set->account_mask;
}

static uint64_t slot_home(const struct gyr_checkpoint_set *set, uint32_t account,
			  const struct gyr_u256 *key)
{
	uint64_t low = fold(key->limb[0] ^ set->limits.seed, key->limb[1] ^ 0x9e3779b97f4a7c15);
	uint64_t high = fold(key->limb[2] ^ 0xbf58476d1ce4e5b9,
			     key->limb[3] ^ set->limits.seed ^ account);

	return fold(low ^ account, high ^ 0x94d049bb133111eb) & set->slot_mask;
}

static struct gyr_checkpoint_row *find_account(struct gyr_checkpoint_set *set,
					       const struct gyr_address *address)
{
	uint64_t at = address_home(set, address);
	struct gyr_checkpoint_row *row;

	for (; set->account_index[at] != 0; at = (at + 1) & set->account_mask) {
		row = &set->accounts[set->account_index[at] - 1];
		if (gyr_address_equal(&row->address, address))
			return row;
	}
	gyr_assert(set->account_count < set->limits.account_count_max);
	row = &set->accounts[set->account_count++];
	set->account_index[at] = set->account_count;
	*row = (struct gyr_checkpoint_row){ .address = *address };
	return row;
}

static struct gyr_checkpoint_slot_row *find_slot(struct gyr_checkpoint_set *set, uint32_t account,
						 const struct gyr_u256 *key)
{
	uint64_t at = slot_home(set, account, key);
	struct gyr_checkpoint_slot_row *row;

	for (; set->slot_index[at] != 0; at = (at + 1) & set->slot_mask) {
		row = &set->slots[set->slot_index[at] - 1];
		if (row->account == account && gyr_u256_equal(&row->key, key))
			return row;
	}
	gyr_assert(set->slot_count < set->limits.slot_count_max);
	row = &set->slots[set->slot_count++];
	set->slot_index[at] = set->slot_count;
	*row = (struct gyr_checkpoint_slot_row){ .key = *key, .account = account };
	return row;
}

static struct gyr_checkpoint_row *merge_account(struct gyr_checkpoint_set *set,
						const struct gyr_write_account *write)
{
	struct gyr_checkpoint_row *row = find_account(set, &write->address);

	row->code = write->code;
	row->nonce = write->nonce;
	row->balance = write->balance;
	row->code_hash = write->code_hash;
	row->exists = write->exists;
	return row;
}

bool gyr_checkpoint_set_merge(struct gyr_checkpoint_set *set, struct gyr_checkpoint_cursor *cursor,
			      const struct gyr_write_set *writes, uint32_t budget)
{
	uint32_t done = 0;

	for (; cursor->account < writes->account_count && done < budget; cursor->account++) {
		const struct gyr_write_account *write = &writes->accounts[cursor->account];
		struct gyr_checkpoint_row *row = merge_account(set, write);
		uint32_t number = (uint32_t)(row - set->accounts);

		if (cursor->account + AHEAD < writes->account_count)
			__builtin_prefetch(&set->account_index[address_home(
				set, &writes->accounts[cursor->account + AHEAD].address)]);
		if (cursor->slot == 0 && (write->storage_cleared || !write->exists)) {
			row->cleared = true;
			row->generation++;
		}
		for (; cursor->slot < write->slot_count && done < budget; cursor->slot++, done++) {
			const struct gyr_write_slot *slot =
				&writes->slots[write->slot_first + cursor->slot];
			struct gyr_checkpoint_slot_row *to = find_slot(set, number, &slot->key);

			to->value = slot->value;
			to->generation = row->generation;
		}
		if (cursor->slot < write->slot_count)
			return false;
		cursor->slot = 0;
		done++;
	}
	return cursor->account == writes->account_count;
}

/* Outcomes of the oldest blocks go until `count` more have room. */
static void make_room(struct gyr_checkpoint_set *set, uint32_t count)
{
	uint32_t limit = set->limits.outcome_count_max;
	uint32_t gone = 0;

	gyr_assert(count <= limit);
	for (uint32_t i = 0; i < set->block_count && set->outcome_count - gone + count > limit;
	     i++) {
		gone += set->blocks[i].outcome_count;
		set->blocks[i].outcome_count = 0;
	}
	if (gone == 0)
		return;
	set->outcome_count -= gone;
	memmove(set->outcomes, set->outcomes + (size_t)gone * GYR_CHECKPOINT_OUTCOME_LENGTH,
		(size_t)set->outcome_count * GYR_CHECKPOINT_OUTCOME_LENGTH);
	for (uint32_t i = 0; i < set->block_count; i++)
		if (set->blocks[i].outcome_count != 0)
			set->blocks[i].outcome_first -= gone;
}

void gyr_checkpoint_set_block(struct gyr_checkpoint_set *set,
			      const struct gyr_checkpoint_block *block)
{
	uint32_t undecided = (uint32_t)(block->undecided.length / sizeof(uint64_t));
	uint32_t outcomes = (uint32_t)(block->outcomes.length / GYR_CHECKPOINT_OUTCOME_LENGTH);
	struct gyr_checkpoint_block_row *row = &set->blocks[set->block_count];

	gyr_assert(set->block_count < set->limits.block_count_max);
	gyr_assert(undecided <= set->limits.undecided_count_max - set->undecided_count);
	gyr_assert(set->block_count == 0 ||
		   set->blocks[set->block_count - 1].block.number + 1 == block->number);
	make_room(set, outcomes);
	*row = (struct gyr_checkpoint_block_row){
		.block = *block,
		.undecided_first = set->undecided_count,
		.undecided_count = undecided,
		.outcome_first = set->outcome_count,
		.outcome_count = outcomes,
	};
	if (undecided != 0)
		memcpy(set->undecided + set->undecided_count, block->undecided.data,
		       block->undecided.length);
	if (outcomes != 0)
		memcpy(set->outcomes + (size_t)set->outcome_count * GYR_CHECKPOINT_OUTCOME_LENGTH,
		       block->outcomes.data, block->outcomes.length);
	set->undecided_count += undecided;
	set->outcome_count += outcomes;
	set->block_count++;
}

static int write_account(const struct gyr_checkpoint_row *row, struct gyr_checkpoint_store *store,
			 gyr_checkpoint_code_bytes *code, const void *context)
{
	struct gyr_checkpoint_account account = { .address = row->address,
						  .nonce = row->nonce,
						  .code_hash = row->code_hash };

	if (row->cleared)
		GYR_TRY(gyr_checkpoint_clear_slots(store, &row->address));
	if (!row->exists)
		return gyr_checkpoint_remove_account(store, &row->address);
	if (row->code != 0)
		GYR_TRY(gyr_checkpoint_put_code(store, &row->code_hash, code(context, row->code)));
	gyr_u256_store_be(account.balance, &row->balance);
	return gyr_checkpoint_put_account(store, &account);
}

static int write_slot(const struct gyr_checkpoint_set *set,
		      const struct gyr_checkpoint_slot_row *row, struct gyr_checkpoint_store *store)
{
	const struct gyr_checkpoint_row *account = &set->accounts[row->account];
	uint8_t key[32];
	uint8_t value[32];

	if (row->generation != account->generation || !account->exists)
		return 0;
	gyr_u256_store_be(key, &row->key);
	gyr_u256_store_be(value, &row->value);
	return gyr_checkpoint_put_slot(store, &account->address, key, value);
}

static int write_block(const struct gyr_checkpoint_set *set,
		       const struct gyr_checkpoint_block_row *row,
		       struct gyr_checkpoint_store *store)
{
	struct gyr_checkpoint_block block = row->block;

	block.undecided = (struct gyr_slice){
		(const uint8_t *)(set->undecided + row->undecided_first),
		(size_t)row->undecided_count * sizeof(uint64_t),
	};
	block.outcomes = (struct gyr_slice){
		set->outcomes + (size_t)row->outcome_first * GYR_CHECKPOINT_OUTCOME_LENGTH,
		(size_t)row->outcome_count * GYR_CHECKPOINT_OUTCOME_LENGTH,
	};
	return gyr_checkpoint_put_block(store, &block);
}

int gyr_checkpoint_set_write(const struct gyr_checkpoint_set *set,
			     struct gyr_checkpoint_cursor *cursor,
			     struct gyr_checkpoint_store *store, gyr_checkpoint_code_bytes *code,
			     const void *context, uint32_t budget)
{
	for (; budget > 0 && cursor->account < set->account_count; cursor->account++, budget--)
		GYR_TRY(write_account(&set->accounts[cursor->account], store, code, context));
	for (; budget > 0 && cursor->slot < set->slot_count; cursor->slot++, budget--)
		GYR_TRY(write_slot(set, &set->slots[cursor->slot], store));
	for (; budget > 0 && cursor->block < set->block_count; cursor->block++, budget--)
		GYR_TRY(write_block(set, &set->blocks[cursor->block], store));
	return cursor->account == set->account_count && cursor->slot == set->slot_count &&
	       cursor->block == set->block_count;
}
