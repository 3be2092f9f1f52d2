/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint store: rows come back, a checkpoint is there whole or not at all. */
#include "gyr_test.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_bytes.h"
#include "gyr_checkpoint.h"
#include "gyr_err.h"

static char directory[64];
static struct gyr_checkpoint_config config;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof directory, "/tmp/gyr-checkpoint-XXXXXX");
	config = (struct gyr_checkpoint_config){
		.path = directory,
		.size_max = 64u << 20,
		.chain_id = 5,
	};
	return mkdtemp(directory) == NULL;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	gyr_err_clear();
	return system(command);
}

static struct gyr_checkpoint *open_it(void)
{
	struct gyr_checkpoint *store = NULL;

	assert_int_equal(gyr_checkpoint_open(&store, &config), 0);
	return store;
}

static struct gyr_address address_of(uint32_t number)
{
	struct gyr_address address = { { 0xad } };

	gyr_store_be32(address.bytes + 16, number);
	return address;
}

/* Writes `count` accounts and slots that all show `generation`. */
static void write_generation(struct gyr_checkpoint *store, uint64_t generation, uint32_t count)
{
	struct gyr_checkpoint_head head = { .block_number = generation,
					    .log_position = generation * 4096 };

	assert_int_equal(gyr_checkpoint_begin(store), 0);
	for (uint32_t i = 0; i < count; i++) {
		struct gyr_checkpoint_account account = { .address = address_of(i),
							  .nonce = generation };
		uint8_t key[32] = { 0 };
		uint8_t value[32] = { 0 };

		gyr_store_be64(account.balance + 24, generation * i);
		gyr_store_be32(key, i);
		gyr_store_be64(value, generation);
		assert_int_equal(gyr_checkpoint_put_account(store, &account), 0);
		assert_int_equal(gyr_checkpoint_put_slot(store, &account.address, key, value), 0);
	}
	memset(head.state_root.bytes, (int)(generation & 255), 32);
	assert_int_equal(gyr_checkpoint_commit(store, &head), 0);
}

struct seen {
	uint64_t generation;
	uint64_t account_count;
	uint64_t slot_count;
	uint64_t code_count;
};

static int see_code(void *user, const struct gyr_hash *hash, struct gyr_slice code)
{
	struct seen *seen = user;

	assert_int_equal(hash->bytes[0], 0xc0);
	assert_int_equal(code.length, 3);
	assert_memory_equal(code.data, "abc", 3);
	seen->code_count++;
	return 0;
}

static int see_account(void *user, const struct gyr_checkpoint_account *account)
{
	struct seen *seen = user;
	uint32_t number = gyr_load_be32(account->address.bytes + 16);

	assert_int_equal(account->nonce, seen->generation);
	assert_int_equal(gyr_load_be64(account->balance + 24), seen->generation * number);
	assert_int_equal(number, seen->account_count);
	seen->account_count++;
	return 0;
}

static int see_slot(void *user, const struct gyr_address *address, const uint8_t key[32],
		    const uint8_t value[32])
{
	struct seen *seen = user;

	assert_int_equal(gyr_load_be32(address->bytes + 16), gyr_load_be32(key));
	assert_int_equal(gyr_load_be64(value), seen->generation);
	seen->slot_count++;
	return 0;
}

static const struct gyr_checkpoint_visit visit = { see_code, see_account, see_slot };

static void rows_come_back(void **state)
{
	struct gyr_checkpoint *store = open_it();
	struct gyr_checkpoint_head head;
	struct seen seen = { .generation = 7 };
	const struct gyr_hash code_hash = { { 0xc0 } };
	uint8_t item[8];

	(void)state;
	assert_int_equal(gyr_checkpoint_head(store, &head), 0);
	assert_int_equal(gyr_checkpoint_load(store, &head, &visit, &seen), 0);
	write_generation(store, 7, 1000);
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	assert_int_equal(gyr_checkpoint_put_code(store, &code_hash,
						 (struct gyr_slice){ (const uint8_t *)"abc", 3 }),
			 0);
	assert_int_equal(
		gyr_checkpoint_put_item(store, 9, (struct gyr_slice){ (const uint8_t *)"xy", 2 }),
		0);
	head = (struct gyr_checkpoint_head){ .block_number = 8, .log_position = 99999 };
	assert_int_equal(gyr_checkpoint_commit(store, &head), 0);
	gyr_checkpoint_close(store);
	store = open_it();
	assert_int_equal(gyr_checkpoint_load(store, &head, &visit, &seen), 1);
	assert_int_equal(head.block_number, 8);
	assert_int_equal(head.log_position, 99999);
	assert_int_equal(head.account_count, 1000);
	assert_int_equal(seen.account_count, 1000);
	assert_int_equal(seen.slot_count, 1000);
	assert_int_equal(seen.code_count, 1);
	assert_int_equal(gyr_checkpoint_get_item(store, 9, item, sizeof item), 2);
	assert_memory_equal(item, "xy", 2);
	assert_int_equal(gyr_checkpoint_get_item(store, 10, item, sizeof item), 0);
	assert_int_equal(gyr_checkpoint_get_item(store, 9, item, 1), -GYR_ERR_DATA);
	gyr_checkpoint_close(store);
}

static void zero_slots_and_accounts_go(void **state)
{
	struct gyr_checkpoint *store = open_it();
	struct gyr_checkpoint_head head = { .block_number = 9, .log_position = 1 << 20 };
	struct gyr_address address = address_of(3);
	const uint8_t zero[32] = { 0 };
	uint8_t key[32] = { 0 };
	uint8_t value[32] = { 1 };

	(void)state;
	write_generation(store, 1, 10);
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	gyr_store_be32(key, 3);
	assert_int_equal(gyr_checkpoint_put_slot(store, &address, key, zero), 0);
	assert_int_equal(gyr_checkpoint_put_slot(store, &address, value, zero), 0);
	assert_int_equal(gyr_checkpoint_remove_account(store, &address), 0);
	address = address_of(5);
	for (uint32_t i = 0; i < 3000; i++) {
		gyr_store_be32(key + 28, i);
		assert_int_equal(gyr_checkpoint_put_slot(store, &address, key, value), 0);
	}
	assert_int_equal(gyr_checkpoint_commit(store, &head), 0);
	assert_int_equal(gyr_checkpoint_head(store, &head), 1);
	assert_int_equal(head.account_count, 9);
	assert_int_equal(head.slot_count, 9 + 3000);
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	assert_int_equal(gyr_checkpoint_clear_slots(store, &address), 0);
	address = address_of(9);
	assert_int_equal(gyr_checkpoint_clear_slots(store, &address), 0);
	assert_int_equal(gyr_checkpoint_commit(store, &head), 0);
	assert_int_equal(gyr_checkpoint_head(store, &head), 1);
	assert_int_equal(head.slot_count, 7);
	gyr_checkpoint_close(store);
}

static void abandoned_or_full_checkpoint_leaves_nothing(void **state)
{
	struct gyr_checkpoint_head head;
	struct gyr_checkpoint *store;
	struct gyr_checkpoint_account account = { .nonce = 1 };
	int error = 0;

	(void)state;
	config.size_max = 1u << 20;
	store = open_it();
	write_generation(store, 1, 100);
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	assert_int_equal(gyr_checkpoint_put_account(store, &account), 0);
	gyr_checkpoint_abort(store);
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	for (uint32_t i = 0; i < 100000 && error == 0; i++) {
		account.address = address_of(1000 + i);
		error = gyr_checkpoint_put_account(store, &account);
	}
	assert_int_equal(error, -GYR_ERR_LIMIT);
	gyr_checkpoint_close(store);
	store = open_it();
	assert_int_equal(gyr_checkpoint_head(store, &head), 1);
	assert_int_equal(head.account_count, 100);
	assert_int_equal(head.block_number, 1);
	gyr_checkpoint_close(store);
}

static void second_instance_and_other_genesis_are_refused(void **state)
{
	struct gyr_checkpoint *store = open_it();
	struct gyr_checkpoint *second = NULL;

	(void)state;
	write_generation(store, 1, 1);
	assert_int_equal(gyr_checkpoint_open(&second, &config), -GYR_ERR_LOCKED);
	gyr_checkpoint_close(store);
	config.genesis_hash.bytes[0] = 1;
	assert_int_equal(gyr_checkpoint_open(&second, &config), -GYR_ERR_GENESIS);
	config.genesis_hash.bytes[0] = 0;
	config.chain_id++;
	assert_int_equal(gyr_checkpoint_open(&second, &config), -GYR_ERR_GENESIS);
	config.chain_id--;
	config.read_only = true;
	store = open_it();
	gyr_checkpoint_close(store);
}

/* A process is killed again and again while it writes checkpoints. */
static void kill_leaves_a_whole_checkpoint(void **state)
{
	_Atomic uint64_t *committed = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t generation = 0;

	(void)state;
	assert_true(committed != MAP_FAILED);
	for (unsigned round = 0; round < 10; round++) {
		struct gyr_checkpoint_head head = { .block_number = 0 };
		struct gyr_checkpoint *store;
		struct seen seen = { .generation = 0 };
		pid_t child = fork();

		if (child == 0) {
			store = open_it();
			for (uint64_t i = generation + 1;; i++) {
				write_generation(store, i, 200);
				*committed = i;
			}
		}
		(void)usleep(20000 + 1700 * round);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		store = open_it();
		if (gyr_checkpoint_head(store, &head) == 1) {
			seen.generation = head.block_number;
			assert_int_equal(gyr_checkpoint_load(store, &head, &visit, &seen), 1);
			assert_int_equal(seen.account_count, 200);
			assert_int_equal(head.state_root.bytes[31], head.block_number & 255);
		}
		assert_true(head.block_number >= *committed && head.block_number <= *committed + 1);
		generation = head.block_number;
		gyr_checkpoint_close(store);
	}
	assert_true(generation > 0);
	(void)munmap((void *)(uintptr_t)committed, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(zero_slots_and_accounts_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(abandoned_or_full_checkpoint_leaves_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(second_instance_and_other_genesis_are_refused,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(kill_leaves_a_whole_checkpoint, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
