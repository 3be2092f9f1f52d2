/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint store: rows come back, a checkpoint is there whole or not at all. */
#include "gyr_test.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_bytes.h"
#include "gyr_checkpoint_set.h"
#include "gyr_err.h"
#include "gyr_rng.h"
#include "gyr_store_lmdb.h"
#include "gyr_store_sim.h"

static char directory[64];
static struct gyr_store_sim_disk *disk;
static struct gyr_checkpoint_config config;
static const struct gyr_hash genesis = { { 7 } };
static const struct gyr_hash digest = { { 8 } };

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(directory, sizeof directory, "/tmp/gyr-checkpoint-XXXXXX");
	config = (struct gyr_checkpoint_config){
		.store = &gyr_store_lmdb,
		.path = directory,
		.size_max = 64u << 20,
		.chain_id = 5,
	};
	return mkdtemp(directory) == NULL;
}

/* The same cases over the simulator's store. */
static int set_up_sim(void **state)
{
	disk = gyr_store_sim_disk_make(1);
	if (disk == NULL || set_up(state) != 0)
		return -1;
	config.store = &gyr_store_sim;
	config.store_context = disk;
	return 0;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	gyr_err_clear();
	gyr_store_sim_disk_free(disk);
	disk = NULL;
	return system(command);
}

static struct gyr_checkpoint_store *open_it(void)
{
	struct gyr_checkpoint_store *store = NULL;

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
static void write_generation(struct gyr_checkpoint_store *store, uint64_t generation,
			     uint32_t count)
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

static const struct gyr_checkpoint_visit visit = { .code = see_code,
						   .account = see_account,
						   .slot = see_slot };

static int load(struct gyr_checkpoint_store *store, struct gyr_checkpoint_head *head,
		struct seen *seen)
{
	int found;

	assert_int_equal(gyr_checkpoint_read_begin(store), 0);
	found = gyr_checkpoint_load(store, head, &visit, seen);
	gyr_checkpoint_read_end(store);
	return found;
}

static void rows_come_back(void **state)
{
	struct gyr_checkpoint_store *store = open_it();
	struct gyr_checkpoint_head head;
	struct seen seen = { .generation = 7 };
	const struct gyr_hash code_hash = { { 0xc0 } };
	struct gyr_slice code;
	uint8_t item[8];

	(void)state;
	assert_int_equal(gyr_checkpoint_head(store, &head), 0);
	assert_int_equal(load(store, &head, &seen), 0);
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
	assert_int_equal(load(store, &head, &seen), 1);
	assert_int_equal(head.block_number, 8);
	assert_int_equal(head.log_position, 99999);
	assert_int_equal(head.account_count, 1000);
	assert_int_equal(seen.account_count, 1000);
	assert_int_equal(seen.slot_count, 1000);
	assert_int_equal(seen.code_count, 1);
	assert_int_equal(gyr_checkpoint_read_begin(store), 0);
	assert_int_equal(gyr_checkpoint_item(store, 9, item, sizeof item), 2);
	assert_memory_equal(item, "xy", 2);
	assert_int_equal(gyr_checkpoint_item(store, 10, item, sizeof item), 0);
	assert_int_equal(gyr_checkpoint_item(store, 9, item, 1), -GYR_ERR_DATA);
	assert_int_equal(gyr_checkpoint_code(store, &code, &code_hash), 1);
	assert_memory_equal(code.data, "abc", 3);
	assert_int_equal(gyr_checkpoint_code(store, &code, &genesis), 0);
	gyr_checkpoint_read_end(store);
	gyr_checkpoint_close(store);
}

static void zero_slots_and_accounts_go(void **state)
{
	struct gyr_checkpoint_store *store = open_it();
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
	struct gyr_checkpoint_store *store;
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
	struct gyr_checkpoint_store *store = open_it();
	struct gyr_checkpoint_store *second = NULL;
	const struct gyr_hash other = { { 9 } };
	struct gyr_hash known = { { 0 } };

	(void)state;
	assert_int_equal(gyr_checkpoint_known(store, &known, &digest), 0);
	assert_int_equal(gyr_checkpoint_claim(store, &genesis, &digest), 0);
	write_generation(store, 1, 1);
	assert_int_equal(gyr_checkpoint_open(&second, &config), -GYR_ERR_LOCKED);
	gyr_checkpoint_close(store);
	store = open_it();
	assert_int_equal(gyr_checkpoint_known(store, &known, &digest), 1);
	assert_memory_equal(known.bytes, genesis.bytes, 32);
	assert_int_equal(gyr_checkpoint_known(store, &known, &other), 0);
	assert_int_equal(gyr_checkpoint_claim(store, &other, &digest), -GYR_ERR_GENESIS);
	/* the same chain from a file that is written otherwise */
	assert_int_equal(gyr_checkpoint_claim(store, &genesis, &other), 0);
	assert_int_equal(gyr_checkpoint_known(store, &known, &other), 1);
	gyr_checkpoint_close(store);
	config.chain_id++;
	store = open_it();
	assert_int_equal(gyr_checkpoint_known(store, &known, &other), 0);
	assert_int_equal(gyr_checkpoint_claim(store, &genesis, &other), -GYR_ERR_GENESIS);
	gyr_checkpoint_close(store);
}

static void blocks_come_back_and_go(void **state)
{
	struct gyr_checkpoint_store *store = open_it();
	struct gyr_checkpoint_head head = { .block_number = 9 };
	const uint64_t undecided[2] = { 41, 43 };
	const uint8_t outcomes[3 * GYR_CHECKPOINT_OUTCOME_LENGTH] = { 1, 2, 3 };
	struct gyr_checkpoint_block block;

	(void)state;
	assert_int_equal(gyr_checkpoint_begin(store), 0);
	for (uint64_t i = 1; i < 10; i++) {
		block = (struct gyr_checkpoint_block){
			.number = i,
			.hash = { { (uint8_t)i } },
			.position = i * 4096,
			.arrival_next = 44,
			.mini_number = 5,
			.tx_count = 3,
			.undecided = { (const uint8_t *)undecided, sizeof undecided },
			.outcomes = { outcomes, sizeof outcomes },
		};
		assert_int_equal(gyr_checkpoint_put_block(store, &block), 0);
	}
	assert_int_equal(gyr_checkpoint_drop_blocks(store, 5, 2), 2);
	assert_int_equal(gyr_checkpoint_drop_blocks(store, 5, 100), 2);
	assert_int_equal(gyr_checkpoint_drop_blocks(store, 5, 100), 0);
	assert_int_equal(gyr_checkpoint_commit(store, &head), 0);
	assert_int_equal(gyr_checkpoint_read_begin(store), 0);
	assert_int_equal(gyr_checkpoint_block(store, &block, 4), 0);
	assert_int_equal(gyr_checkpoint_block(store, &block, 7), 1);
	assert_int_equal(block.position, 7 * 4096);
	assert_int_equal(block.hash.bytes[0], 7);
	assert_int_equal(block.tx_count, 3);
	assert_int_equal(block.undecided.length, sizeof undecided);
	assert_memory_equal(block.undecided.data, undecided, sizeof undecided);
	assert_int_equal(block.outcomes.length, sizeof outcomes);
	assert_memory_equal(block.outcomes.data, outcomes, sizeof outcomes);
	gyr_checkpoint_read_end(store);
	gyr_checkpoint_close(store);
}

#define MODEL_ACCOUNTS 24
#define MODEL_SLOTS    6

/* What the rows must be, kept the simple way. */
struct model {
	bool exists[MODEL_ACCOUNTS];
	uint64_t nonce[MODEL_ACCOUNTS];
	uint64_t slot[MODEL_ACCOUNTS][MODEL_SLOTS];
	unsigned accounts_seen;
	unsigned slots_seen;
};

static int model_account(void *user, const struct gyr_checkpoint_account *account)
{
	struct model *model = user;
	uint32_t number = gyr_load_be32(account->address.bytes + 16);

	assert_true(number < MODEL_ACCOUNTS && model->exists[number]);
	assert_int_equal(account->nonce, model->nonce[number]);
	model->accounts_seen++;
	return 0;
}

static int model_slot(void *user, const struct gyr_address *address, const uint8_t key[32],
		      const uint8_t value[32])
{
	struct model *model = user;
	uint32_t number = gyr_load_be32(address->bytes + 16);

	assert_true(number < MODEL_ACCOUNTS && key[31] < MODEL_SLOTS);
	assert_int_equal(gyr_load_be64(value + 24), model->slot[number][key[31]]);
	model->slots_seen++;
	return 0;
}

/* A block of random writes, into the model and as a write-set. */
static void random_block(struct gyr_rng *rng, struct model *model, struct gyr_write_set *writes)
{
	writes->account_count = writes->slot_count = 0;
	for (uint32_t i = 0; i < MODEL_ACCOUNTS; i++) {
		struct gyr_write_account *write = &writes->accounts[writes->account_count];

		if (gyr_rng_below(rng, 3) != 0)
			continue;
		*write = (struct gyr_write_account){ .address = address_of(i),
						     .slot_first = writes->slot_count };
		writes->account_count++;
		write->exists = gyr_rng_below(rng, 5) != 0;
		write->storage_cleared = gyr_rng_below(rng, 6) == 0;
		write->nonce = gyr_rng_next(rng);
		model->exists[i] = write->exists;
		model->nonce[i] = write->nonce;
		if (write->storage_cleared || !write->exists)
			memset(model->slot[i], 0, sizeof model->slot[i]);
		for (uint32_t k = 0; write->exists && k < MODEL_SLOTS; k++) {
			uint64_t value = gyr_rng_below(rng, 3);

			if (gyr_rng_below(rng, 2) == 0)
				continue;
			model->slot[i][k] = value;
			writes->slots[writes->slot_count++] = (struct gyr_write_slot){
				.key = gyr_u256_from_u64(k), .value = gyr_u256_from_u64(value)
			};
			write->slot_count++;
		}
	}
}

static struct gyr_slice no_code(const void *context, uint32_t code)
{
	(void)context;
	(void)code;
	return (struct gyr_slice){ NULL, 0 };
}

static void write_set(struct gyr_checkpoint_set *set, struct gyr_checkpoint_store *store)
{
	struct gyr_checkpoint_cursor cursor = { 0 };
	int done = 0;

	assert_int_equal(gyr_checkpoint_begin(store), 0);
	while (done == 0)
		done = gyr_checkpoint_set_write(set, &cursor, store, no_code, NULL, 5);
	assert_int_equal(done, 1);
	assert_int_equal(gyr_checkpoint_commit(store, &set->head), 0);
	gyr_checkpoint_set_reset(set);
}

static void expect_model(struct model *model, struct gyr_checkpoint_store *store)
{
	const struct gyr_checkpoint_visit rows = { .account = model_account, .slot = model_slot };
	struct gyr_checkpoint_head head;
	unsigned accounts = 0;
	unsigned slots = 0;

	for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
		accounts += model->exists[i];
		for (unsigned k = 0; k < MODEL_SLOTS; k++)
			slots += model->slot[i][k] != 0;
	}
	model->accounts_seen = model->slots_seen = 0;
	assert_int_equal(gyr_checkpoint_read_begin(store), 0);
	assert_int_equal(gyr_checkpoint_load(store, &head, &rows, model), 1);
	gyr_checkpoint_read_end(store);
	assert_int_equal(model->accounts_seen, accounts);
	assert_int_equal(model->slots_seen, slots);
}

/* Merged write-sets leave in the store what the blocks left one after the other. */
static void merged_blocks_equal_single_ones(void **state)
{
	static struct gyr_write_account accounts[MODEL_ACCOUNTS];
	static struct gyr_write_slot slots[MODEL_ACCOUNTS * MODEL_SLOTS];
	const struct gyr_checkpoint_set_limits limits = {
		.account_count_max = 2 * MODEL_ACCOUNTS,
		.slot_count_max = 2 * MODEL_ACCOUNTS * MODEL_SLOTS,
		.block_count_max = 8,
		.undecided_count_max = 16,
		.outcome_count_max = 10,
		.seed = 5,
	};
	struct gyr_write_set writes = { .accounts = accounts, .slots = slots };
	size_t size = gyr_checkpoint_set_size(&limits);
	void *memory = aligned_alloc(64, gyr_round_up(size, 64));
	struct gyr_arena arena = gyr_arena_over(memory, size);
	struct gyr_checkpoint_store *store = open_it();
	struct gyr_checkpoint_set set;
	struct model model = { .exists = { false } };
	struct gyr_rng rng;

	(void)state;
	gyr_rng_init(&rng, 11);
	assert_true(gyr_checkpoint_set_init(&set, &arena, &limits));
	for (uint64_t number = 1; number < 400; number++) {
		struct gyr_checkpoint_cursor cursor = { 0 };
		struct gyr_checkpoint_block block = { .number = number, .tx_count = 4 };
		uint8_t outcomes[4 * GYR_CHECKPOINT_OUTCOME_LENGTH] = { (uint8_t)number };

		block.outcomes = (struct gyr_slice){ outcomes, sizeof outcomes };
		random_block(&rng, &model, &writes);
		if (!gyr_checkpoint_set_fits(&set, &writes, 0) || gyr_rng_below(&rng, 6) == 0) {
			write_set(&set, store);
			assert_true(gyr_checkpoint_set_fits(&set, &writes, 0));
		}
		while (!gyr_checkpoint_set_merge(&set, &cursor, &writes, 3))
			;
		gyr_checkpoint_set_block(&set, &block);
		set.head.block_number = number;
		if (number % 10 == 0) {
			write_set(&set, store);
			expect_model(&model, store);
			assert_int_equal(gyr_checkpoint_read_begin(store), 0);
			assert_int_equal(gyr_checkpoint_block(store, &block, number), 1);
			assert_int_equal(block.outcomes.length, sizeof outcomes);
			assert_int_equal(block.outcomes.data[0], (uint8_t)number);
			assert_int_equal(block.tx_count, 4);
			gyr_checkpoint_read_end(store);
		}
	}
	gyr_checkpoint_close(store);
	free(memory);
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
		struct gyr_checkpoint_store *store;
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
			assert_int_equal(load(store, &head, &seen), 1);
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

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SIM(name)  cmocka_unit_test_setup_teardown(name, set_up_sim, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rows_come_back),
		CASE(zero_slots_and_accounts_go),
		CASE(abandoned_or_full_checkpoint_leaves_nothing),
		CASE(second_instance_and_other_genesis_are_refused),
		CASE(blocks_come_back_and_go),
		CASE(merged_blocks_equal_single_ones),
		CASE(kill_leaves_a_whole_checkpoint),
		SIM(rows_come_back),
		SIM(zero_slots_and_accounts_go),
		SIM(second_instance_and_other_genesis_are_refused),
		SIM(blocks_come_back_and_go),
		SIM(merged_blocks_equal_single_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
