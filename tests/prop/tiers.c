/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tier 0 against tier 1 on generated programs that call each other: status, gas, output, logs and
 * state agree, for any fork, gas limit and slicing, whichever of the contracts are translated.
 * GYR_PROGRAMS sets how many; the default takes a few seconds.
 */
#include "evm_programs.h"

#include <sys/mman.h>

#include "accel_tables.h"
#include "gyr_evm_streams.h"
#include "gyr_stf.h"

#define DEFAULT_COUNT 6000

static struct gyr_accel accel;
static struct gyr_stf *stf;
static struct gyr_evm_streams *streams;
static struct evm_program programs[EVM_PROGRAM_PEERS];
static uint8_t input[96];

struct outcome {
	bool success;
	uint64_t gas_used;
	struct gyr_hash logs_hash;
	struct gyr_hash output;
	uint64_t state; /* of all records, in no order */
};

struct plan {
	enum gyr_fork fork;
	uint64_t gas;
	uint64_t slice_seed; /* 0: one slice */
	unsigned translated; /* bit by bit */
};

static struct gyr_address address_of(unsigned last)
{
	struct gyr_address address = { .bytes = { 0xa0 } };

	address.bytes[19] = (uint8_t)last;
	return address;
}

static uint64_t digest(const void *data, size_t length)
{
	struct gyr_hash hash;
	uint64_t out;

	accel.keccak->hash(&hash, data, length);
	memcpy(&out, hash.bytes, sizeof out);
	return out;
}

/* The sum of a hash of each account and slot that exists. */
static uint64_t digest_state(void)
{
	const struct gyr_state *state = gyr_stf_state(stf);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < state->account_count; i++) {
		const struct gyr_account *account = &state->accounts[state->account_order[i]];
		struct {
			struct gyr_address address;
			uint32_t zero;
			uint64_t nonce;
			struct gyr_u256 balance;
			struct gyr_hash code;
		} text = { account->address, 0, account->nonce, account->balance,
			   gyr_state_code_at(state, account->code)->hash };

		if ((account->flags & GYR_ACCOUNT_EXISTS) != 0)
			sum += digest(&text, sizeof text);
	}
	for (uint32_t i = 0; i < state->slot_count; i++) {
		const struct gyr_slot *slot = &state->slots[state->slot_order[i]];
		struct {
			struct gyr_address address;
			uint32_t zero;
			struct gyr_u256 key, value;
		} text = { state->accounts[slot->account].address, 0, slot->key, slot->value };

		if (!gyr_u256_is_zero(&slot->value))
			sum += digest(&text, sizeof text);
	}
	return sum;
}

static void load(const struct plan *plan)
{
	struct gyr_chain_config config = gyr_chain_config_default(1337);
	const struct gyr_stf_parent parent = { .number = 999, .gas_limit = 30000000 };
	const struct gyr_stf_block block = { .number = 1000,
					     .timestamp = 5000,
					     .gas_limit = 30000000,
					     .fee_recipient = address_of(0xfe),
					     .standalone = true };
	struct gyr_u256 balance = { { 0, 1u << 20, 0, 0 } };
	struct gyr_address address = address_of(1);

	for (unsigned fork = plan->fork + 1u; fork < GYR_FORK_COUNT; fork++)
		config.forks[fork] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
								   GYR_CHAIN_NEVER };
	gyr_stf_reset(stf, &config);
	gyr_evm_streams_reset(streams);
	assert_true(
		gyr_stf_genesis_account(stf, &address, 0, &balance, (struct gyr_slice){ NULL, 0 }));
	balance = gyr_u256_from_u64(1000);
	for (unsigned i = 0; i < EVM_PROGRAM_PEERS; i++) {
		const struct gyr_u256 key = gyr_u256_from_u64(i);

		address = address_of(9 + i);
		assert_true(gyr_stf_genesis_account(
			stf, &address, 1, &balance,
			(struct gyr_slice){ programs[i].bytes, programs[i].length }));
		assert_true(gyr_stf_genesis_slot(stf, &address, &key, &balance));
	}
	gyr_stf_seal(stf, &parent);
	assert_true(gyr_stf_block_begin(stf, &block));
}

static void translate(unsigned which)
{
	const struct gyr_state *state = gyr_stf_state(stf);
	struct gyr_evm *evm = gyr_stf_evm(stf);

	for (uint32_t i = 1; i <= state->code_count; i++)
		if ((which >> i & 1) != 0)
			assert_int_equal(gyr_evm_streams_add(streams, &evm->state->codes[i],
							     evm->rules.fork),
					 GYR_EVM_STREAMS_ADDED);
}

static enum gyr_stf_status step_all(const struct plan *plan)
{
	uint64_t slices = plan->slice_seed;
	enum gyr_stf_status status = GYR_STF_RUNNING;

	while (status != GYR_STF_DONE && status != GYR_STF_FATAL) {
		int64_t slice = INT64_MAX;

		if (plan->slice_seed != 0)
			slice = 1 + (int64_t)(gyr_test_random(&slices) % 60000);
		status = gyr_stf_step(stf, slice);
		if (status == GYR_STF_NEEDS_BLOCK_HASH) {
			uint64_t number = gyr_stf_block_hash_wanted(stf);
			struct gyr_hash hash = { { (uint8_t)number, 1 } };

			gyr_stf_provide_block_hash(stf, number, &hash);
		}
	}
	return status;
}

static void run(const struct plan *plan, struct outcome *out)
{
	static const uint8_t raw[] = { 0xc0 };
	struct gyr_txn txn = {
		.gas_limit = plan->gas,
		.to = address_of(9),
		.data = { input, sizeof input },
		.raw = { raw, sizeof raw },
	};
	struct gyr_address sender = address_of(1);
	struct gyr_stf_receipt receipt;

	txn.max_fee = txn.max_priority_fee = gyr_u256_from_u64(1000);
	load(plan);
	translate(plan->translated);
	assert_int_equal(gyr_stf_tx_begin(stf, &txn, &sender), GYR_VERDICT_OK);
	assert_int_equal(step_all(plan), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(stf, &receipt), GYR_STF_DONE);
	*out = (struct outcome){ .success = receipt.success,
				 .gas_used = receipt.gas_used,
				 .logs_hash = receipt.logs_hash,
				 .state = digest_state() };
	accel.keccak->hash(&out->output, receipt.output.data, receipt.output.length);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->success == b->success && a->gas_used == b->gas_used && a->state == b->state &&
	       gyr_hash_equal(&a->logs_hash, &b->logs_hash) &&
	       gyr_hash_equal(&a->output, &b->output);
}

static void print_programs(void)
{
	for (unsigned i = 0; i < EVM_PROGRAM_PEERS; i++) {
		(void)printf("contract %u: ", 9 + i);
		for (unsigned at = 0; at < programs[i].length; at++)
			(void)printf("%02x", programs[i].bytes[at]);
		(void)printf("\n");
	}
}

static void compare(const struct outcome *reference, const struct plan *plan, uint64_t seed)
{
	struct outcome other;

	run(plan, &other);
	if (same(reference, &other))
		return;
	print_programs();
	fail_msg("GYR_SEED=%llu fork %s, gas %llu, translated %x, slices %llu: success %d %d, "
		 "gas used %llu %llu, state %llx %llx",
		 (unsigned long long)seed, gyr_fork_name(plan->fork), (unsigned long long)plan->gas,
		 plan->translated, (unsigned long long)plan->slice_seed, reference->success,
		 other.success, (unsigned long long)reference->gas_used,
		 (unsigned long long)other.gas_used, (unsigned long long)reference->state,
		 (unsigned long long)other.state);
}

static void tiers_agree(void **state)
{
	const char *count_text = getenv("GYR_PROGRAMS");
	uint64_t seed = gyr_test_seed(), succeeded = 0, gas = 0;
	uint64_t count = count_text == NULL ? DEFAULT_COUNT : strtoull(count_text, NULL, 0);

	(void)state;
	for (uint64_t i = 0; i < count; i += EVM_PROGRAM_PEERS) {
		uint64_t first_seed = seed;
		struct plan plan = { .fork = GYR_FORK_OSAKA };
		struct outcome reference;

		for (unsigned j = 0; j < EVM_PROGRAM_PEERS; j++)
			evm_program_make(&programs[j], &seed);
		for (unsigned j = 0; j < sizeof input; j++)
			input[j] = (uint8_t)gyr_test_random(&seed);
		if (gyr_test_random(&seed) % 4 == 0)
			plan.fork = (enum gyr_fork)(gyr_test_random(&seed) % GYR_FORK_COUNT);
		for (unsigned j = 0; j < 3; j++) {
			plan.gas = 60000 + (gyr_test_random(&seed) >> gyr_test_random(&seed) % 64) %
						   1000000;
			plan.translated = 0;
			plan.slice_seed = 0;
			run(&plan, &reference);
			succeeded += reference.success;
			gas += reference.gas_used;
			plan.translated = ~0u;
			compare(&reference, &plan, first_seed);
			plan.slice_seed = gyr_test_random(&seed) | 1;
			plan.translated = j == 0 ? ~0u : (unsigned)gyr_test_random(&seed);
			compare(&reference, &plan, first_seed);
		}
	}
	(void)printf("%llu programs, %llu runs succeeded, %llu gas\n", (unsigned long long)count,
		     (unsigned long long)succeeded, (unsigned long long)gas);
	assert_true(succeeded > count / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tiers_agree) };
	const struct gyr_evm_streams_limits streams_limits = {
		.bytes = 16u << 20,
		.count_max = 64,
		.code_length_max = GYR_EVM_TRANSLATE_LENGTH_MAX,
	};
	const struct gyr_chain_config config = gyr_chain_config_default(1337);
	struct gyr_stf_limits limits = gyr_stf_limits_of(2000000, 30000000, 8192, 32768);
	size_t size = gyr_stf_size(&limits) + gyr_evm_streams_size(&streams_limits);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct gyr_arena arena = gyr_arena_over(memory, size);

	if (memory == MAP_FAILED || !accel_tables_init(&accel))
		return 1;
	if (!accel_tables_serves(&accel.precompile, GYR_PRECOMPILE_KZG)) {
		(void)printf("skipped: nothing serves the KZG precompile in this build\n");
		return GYR_TEST_SKIP;
	}
	streams = gyr_evm_streams_init(&arena, &streams_limits);
	if (streams == NULL ||
	    !gyr_stf_init(&stf, &arena, &limits, &config, accel.keccak, &accel.precompile))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
