/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: whatever happens after a checkpoint, a revert restores every visible thing. And the
 * tables: records come and go over many transactions and blocks, and a plain array agrees.
 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_state.h"

#define ACCOUNT_COUNT 12
#define KEY_COUNT     10
#define DEPTH_MAX     24

struct view {
	struct gyr_u256 balance[ACCOUNT_COUNT];
	uint64_t nonce[ACCOUNT_COUNT];
	uint32_t code[ACCOUNT_COUNT];
	uint32_t flags[ACCOUNT_COUNT];
	uint32_t tx_flags[ACCOUNT_COUNT];
	struct gyr_u256 slot[ACCOUNT_COUNT][KEY_COUNT];
	uint32_t slot_flags[ACCOUNT_COUNT][KEY_COUNT];
	struct gyr_u256 transient[ACCOUNT_COUNT][KEY_COUNT];
	int64_t refund;
	uint32_t log_count;
};

static struct gyr_state state;
static uint64_t seed;

static struct gyr_address address_of(unsigned i)
{
	struct gyr_address address = { .bytes = { 0x11 } };

	address.bytes[19] = (uint8_t)i;
	return address;
}

static uint64_t below(uint64_t limit)
{
	return gyr_test_random(&seed) % limit;
}

static struct gyr_account *account_of(unsigned i)
{
	struct gyr_address address = address_of(i);

	return gyr_state_account(&state, &address);
}

static void look(struct view *view)
{
	memset(view, 0, sizeof *view);
	for (unsigned i = 0; i < ACCOUNT_COUNT; i++) {
		struct gyr_account *account = account_of(i);

		view->balance[i] = account->balance;
		view->nonce[i] = account->nonce;
		view->code[i] = account->code;
		view->flags[i] = account->flags;
		view->tx_flags[i] = account->tx_flags;
		for (unsigned k = 0; k < KEY_COUNT; k++) {
			struct gyr_u256 key = gyr_u256_from_u64(k);
			struct gyr_slot *slot = gyr_state_slot(&state, account, &key);

			view->slot[i][k] = slot->value;
			view->slot_flags[i][k] = slot->tx_flags;
			view->transient[i][k] = gyr_state_transient_load(&state, account, &key);
		}
	}
	view->refund = state.refund;
	view->log_count = state.log_count;
}

/* `since` is where the innermost checkpoint began. */
static void change_something(uint32_t since)
{
	struct gyr_account *account = account_of((unsigned)below(ACCOUNT_COUNT));
	struct gyr_u256 key = gyr_u256_from_u64(below(KEY_COUNT));
	struct gyr_u256 value = gyr_u256_from_u64(below(4));
	struct gyr_slot *slot = gyr_state_slot(&state, account, &key);
	const struct gyr_slice none = { NULL, 0 };

	switch (below(9)) {
	case 0:
		gyr_state_set_balance(&state, account, &value);
		break;
	case 1:
		gyr_state_set_nonce(&state, account, below(5));
		break;
	case 2:
		gyr_state_touch(&state, account);
		break;
	case 3:
		(void)gyr_state_mark(&state, account, 1u << below(4));
		break;
	case 4:
		(void)gyr_state_warm_slot(&state, slot);
		break;
	case 5:
		gyr_state_transient_store(&state, account, &key, &value);
		break;
	case 6:
		state.refund += (int64_t)below(100);
		(void)gyr_state_log(&state, &account->address, 0, none);
		break;
	default:
		gyr_state_set_slot(&state, slot, &value, since);
		break;
	}
}

static void reverts_restore_everything(void **unused)
{
	static struct view views[DEPTH_MAX], now;
	struct gyr_checkpoint checkpoints[DEPTH_MAX];
	unsigned depth = 0, reverts = 0;

	(void)unused;
	gyr_state_tx_begin(&state);
	for (unsigned round = 0; round < 20000; round++) {
		switch (below(8)) {
		case 0:
			if (depth == DEPTH_MAX)
				break;
			look(&views[depth]);
			checkpoints[depth++] = gyr_state_checkpoint(&state);
			break;
		case 1:
			if (depth == 0)
				break;
			depth -= (unsigned)below(depth) / 4 + 1;
			gyr_state_revert(&state, &checkpoints[depth]);
			look(&now);
			assert_memory_equal(&now, &views[depth], sizeof now);
			reverts++;
			break;
		case 2: /* a frame that ends well */
			depth -= depth > 0 && below(3) == 0;
			break;
		default:
			change_something(depth == 0 ? 0 : checkpoints[depth - 1].journal_count);
			break;
		}
	}
	assert_true(reverts > 100);
	gyr_state_reset(&state);
}

static void tables_agree_with_an_array(void **unused)
{
	static struct gyr_u256 model[ACCOUNT_COUNT][64];
	struct gyr_write_set writes;
	size_t size = gyr_write_set_size(&state.limits);
	void *memory = malloc(size);
	struct gyr_arena arena = gyr_arena_over(memory, size);

	(void)unused;
	assert_true(gyr_write_set_init(&writes, &arena, &state.limits));
	for (unsigned block = 0; block < 200; block++) {
		gyr_state_block_begin(&state);
		for (unsigned tx = 0; tx < 10; tx++) {
			gyr_state_tx_begin(&state);
			for (unsigned i = 0; i < 30; i++) {
				unsigned a = (unsigned)below(ACCOUNT_COUNT);
				struct gyr_account *account = account_of(a);
				uint64_t k = below(64);
				struct gyr_u256 key = gyr_u256_from_u64(k);
				struct gyr_slot *slot = gyr_state_slot(&state, account, &key);
				struct gyr_u256 value = gyr_u256_from_u64(below(3));

				assert_true(gyr_u256_equal(&slot->value, &model[a][k]));
				account->nonce = 1;
				gyr_state_touch(&state, account);
				gyr_state_set_slot(&state, slot, &value, 0);
				model[a][k] = value;
			}
			gyr_state_tx_commit(&state, true);
		}
		assert_true(gyr_state_block_end(&state, &writes));
		for (uint32_t i = 0; i < writes.account_count; i++) {
			const struct gyr_write_account *account = &writes.accounts[i];

			for (uint32_t s = 0; s < account->slot_count; s++) {
				const struct gyr_write_slot *slot =
					&writes.slots[account->slot_first + s];
				unsigned a = account->address.bytes[19];

				assert_true(
					gyr_u256_equal(&slot->value, &model[a][slot->key.limb[0]]));
			}
		}
	}
	/* Only what is not zero is left, and each account knows how much that is. */
	for (unsigned a = 0; a < ACCOUNT_COUNT; a++) {
		struct gyr_address address = address_of(a);
		uint32_t count = 0;

		for (unsigned k = 0; k < 64; k++) {
			struct gyr_u256 key = gyr_u256_from_u64(k);
			struct gyr_u256 value = gyr_state_find_slot(&state, &address, &key);

			assert_true(gyr_u256_equal(&value, &model[a][k]));
			count += !gyr_u256_is_zero(&value);
		}
		assert_int_equal(gyr_state_find(&state, &address)->slot_count, count);
	}
	free(memory);
	gyr_state_reset(&state);
	for (uint64_t i = 0; i < state.slot_capacity; i++)
		assert_int_equal(state.slots[i].cell, 0);
}

/* A full table is told, never written past. */
static void full_tables_say_so(void **unused)
{
	(void)unused;
	gyr_state_tx_begin(&state);
	for (unsigned i = 0; i < state.limits.account_count_max; i++) {
		struct gyr_address address = { .bytes = { (uint8_t)i, (uint8_t)(i >> 8), 7 } };

		(void)gyr_state_account(&state, &address);
		assert_false(state.full);
	}
	assert_int_equal(gyr_state_high_water(&state), 1000);
	for (unsigned i = 0; i < 100; i++)
		(void)account_of(i);
	assert_true(state.full);
	gyr_state_reset(&state);
	assert_false(state.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reverts_restore_everything),
		cmocka_unit_test(tables_agree_with_an_array),
		cmocka_unit_test(full_tables_say_so),
	};
	const struct gyr_state_limits limits = {
		.account_count_max = 600,
		.slot_count_max = 1024,
		.code_count_max = 16,
		.code_bytes_max = 4096,
		.touched_count_max = 4096,
		.journal_count_max = 65536,
		.transient_count_max = 256,
		.log_count_max = 65536,
		.log_bytes_max = 4096,
		.dirty_count_max = 4096,
	};
	size_t size = gyr_state_size(&limits);
	void *memory = malloc(size);
	struct gyr_arena arena = gyr_arena_over(memory, size);
	int failed;

	seed = gyr_test_seed();
	if (memory == NULL || !gyr_state_init(&state, &arena, &limits, &gyr_keccak_portable, seed))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(memory);
	return failed;
}
