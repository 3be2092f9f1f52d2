/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams that come and go while transactions run: by interleaving, where code is translated and
 * taken back at any slice of any transaction, and by threads, with the translate stage beside
 * execution. Receipts and state are those of a run without any stream. The pool is so small that
 * streams are evicted all the time.
 */
#include "evm_programs.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "gyr_stf.h"
#include "stage_translate.h"

#define CONTRACT_COUNT 12
#define TX_COUNT       150
#define ROUND_COUNT    20
#define SLICE_GAS      32000
#define HEAT_GAS       5000
#define CODE_MAX       4096

/* A machine with a state of its own. */
struct machine {
	struct gyr_stf *stf;
	void *memory;
	size_t size;
};

struct contract {
	uint8_t bytes[EVM_PROGRAM_MAX];
	unsigned length;
};

static struct contract contracts[CONTRACT_COUNT];
static struct machine reference, other;
static struct gyr_evm_streams *streams;
static struct gyr_spsc *wanted;
static struct stage_translate stage;
static _Atomic bool finished; /* main thread to translator, release and acquire */

static struct gyr_address address_of(unsigned last)
{
	struct gyr_address address = { .bytes = { 0xa0 } };

	address.bytes[19] = (uint8_t)last;
	return address;
}

static void machine_init(struct machine *machine)
{
	const struct gyr_chain_config config = gyr_chain_config_default(1337);
	struct gyr_stf_limits limits = gyr_stf_limits_of(2000000, 300000000, 8192, 32768);
	struct gyr_arena arena;

	machine->size = gyr_stf_size(&limits);
	machine->memory = mmap(NULL, machine->size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(machine->memory != MAP_FAILED);
	arena = gyr_arena_over(machine->memory, machine->size);
	assert_true(gyr_stf_init(&machine->stf, &arena, &limits, &config, &gyr_keccak_portable,
				 &gyr_precompile_portable));
}

/* Contracts at 9 and up, of which the programs call the first few. Up to London: the portable
 * table has not all that later forks call. */
static void machine_load(struct machine *machine)
{
	struct gyr_chain_config config = gyr_chain_config_default(1337);
	const struct gyr_stf_parent parent = { .number = 999, .gas_limit = 300000000 };
	const struct gyr_stf_block block = { .number = 1000,
					     .timestamp = 5000,
					     .gas_limit = 300000000,
					     .fee_recipient = address_of(0xfe),
					     .standalone = true };
	struct gyr_u256 balance = { { 0, 1u << 20, 0, 0 } };
	struct gyr_address address = address_of(1);

	for (unsigned fork = GYR_FORK_CANCUN; fork < GYR_FORK_COUNT; fork++)
		config.forks[fork] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
								   GYR_CHAIN_NEVER };
	gyr_stf_reset(machine->stf, &config);
	assert_true(gyr_stf_genesis_account(machine->stf, &address, 0, &balance,
					    (struct gyr_slice){ NULL, 0 }));
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		address = address_of(9 + i);
		assert_true(gyr_stf_genesis_account(
			machine->stf, &address, 1, &balance,
			(struct gyr_slice){ contracts[i].bytes, contracts[i].length }));
	}
	gyr_stf_seal(machine->stf, &parent);
	assert_true(gyr_stf_block_begin(machine->stf, &block));
}

static void begin(struct machine *machine, struct gyr_txn *txn, uint64_t nonce, unsigned to)
{
	static const uint8_t raw[] = { 0xc0 };
	static const uint8_t input[64] = { 1, 2, 3 };
	struct gyr_address sender = address_of(1);

	*txn = (struct gyr_txn){
		.nonce = nonce,
		.gas_limit = 300000,
		.to = address_of(9 + to),
		.data = { input, sizeof input },
		.raw = { raw, sizeof raw },
	};
	txn->max_fee = txn->max_priority_fee = gyr_u256_from_u64(1000);
	assert_int_equal(gyr_stf_tx_begin(machine->stf, txn, &sender), GYR_VERDICT_OK);
}

/* One slice; true when the transaction is done. */
static bool step(struct machine *machine)
{
	enum gyr_stf_status status = gyr_stf_step(machine->stf, SLICE_GAS);

	assert_true(status != GYR_STF_FATAL);
	if (status == GYR_STF_NEEDS_BLOCK_HASH) {
		uint64_t number = gyr_stf_block_hash_wanted(machine->stf);
		struct gyr_hash hash = { { (uint8_t)number, 1 } };

		gyr_stf_provide_block_hash(machine->stf, number, &hash);
	}
	return status == GYR_STF_DONE;
}

static struct gyr_stf_receipt end(struct machine *machine)
{
	struct gyr_stf_receipt receipt;

	assert_int_equal(gyr_stf_tx_end(machine->stf, &receipt), GYR_STF_DONE);
	return receipt;
}

static void assert_same_receipt(const struct gyr_stf_receipt *a, const struct gyr_stf_receipt *b)
{
	assert_int_equal(a->success, b->success);
	assert_int_equal(a->gas_used, b->gas_used);
	assert_memory_equal(a->logs_hash.bytes, b->logs_hash.bytes, 32);
	assert_int_equal(a->output.length, b->output.length);
	if (a->output.length != 0)
		assert_memory_equal(a->output.data, b->output.data, a->output.length);
}

/* Every account and slot of one state is in the other: the roots of equal sets are equal. */
static void assert_same_state(const struct gyr_state *a, const struct gyr_state *b)
{
	for (uint32_t i = 0; i < a->account_count; i++) {
		const struct gyr_account *account = &a->accounts[a->account_order[i]];
		const struct gyr_account *twin = gyr_state_find(b, &account->address);

		if ((account->flags & GYR_ACCOUNT_EXISTS) == 0)
			continue;
		assert_non_null(twin);
		assert_int_equal(account->flags & GYR_ACCOUNT_EXISTS,
				 twin->flags & GYR_ACCOUNT_EXISTS);
		assert_int_equal(account->nonce, twin->nonce);
		assert_memory_equal(&account->balance, &twin->balance, 32);
		assert_memory_equal(gyr_state_code_at(a, account->code)->hash.bytes,
				    gyr_state_code_at(b, twin->code)->hash.bytes, 32);
	}
	for (uint32_t i = 0; i < a->slot_count; i++) {
		const struct gyr_slot *slot = &a->slots[a->slot_order[i]];
		struct gyr_u256 value = gyr_state_find_slot(b, &a->accounts[slot->account].address,
							    &slot->key);

		assert_memory_equal(&slot->value, &value, 32);
	}
}

static void make_contracts(uint64_t *seed)
{
	static struct evm_program program;

	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		evm_program_make(&program, seed);
		contracts[i].length = program.length;
		memcpy(contracts[i].bytes, program.bytes, program.length);
	}
}

/* Asks for what is hot, and translates or evicts at any time. */
static void disturb(struct gyr_evm *evm, uint64_t *seed, bool between)
{
	uint64_t what = gyr_test_random(seed);
	uint32_t code;

	if (between && what % 2 == 0)
		gyr_evm_quiet(evm);
	while ((code = gyr_evm_take_wanted(evm)) != 0)
		(void)gyr_evm_streams_add(streams, &evm->state->codes[code], evm->rules.fork);
	if (what % 3 == 0) {
		code = 1 + (uint32_t)(what >> 8) % evm->state->code_count_at_tx;
		(void)gyr_evm_streams_add(streams, &evm->state->codes[code], evm->rules.fork);
	}
}

static void by_interleaving(void **state)
{
	uint64_t seed = gyr_test_seed(), evicted;

	(void)state;
	evicted = gyr_evm_streams_count(streams).evicted;
	for (unsigned round = 0; round < ROUND_COUNT; round++) {
		struct gyr_evm *evm = gyr_stf_evm(other.stf);
		struct gyr_txn first, second;

		make_contracts(&seed);
		gyr_evm_streams_reset(streams);
		machine_load(&reference);
		machine_load(&other);
		gyr_evm_heat(evm, HEAT_GAS);
		for (uint64_t i = 0; i < TX_COUNT; i++) {
			unsigned to = (unsigned)(gyr_test_random(&seed) % CONTRACT_COUNT);
			struct gyr_stf_receipt a, b;

			begin(&reference, &first, i, to);
			begin(&other, &second, i, to);
			while (!step(&reference))
				;
			do
				disturb(evm, &seed, false);
			while (!step(&other));
			a = end(&reference);
			b = end(&other);
			assert_same_receipt(&a, &b);
			disturb(evm, &seed, true);
		}
		assert_same_state(gyr_stf_state(reference.stf), gyr_stf_state(other.stf));
		assert_same_state(gyr_stf_state(other.stf), gyr_stf_state(reference.stf));
	}
	assert_true(gyr_evm_streams_count(streams).evicted > evicted);
}

static void *translate(void *context)
{
	struct gyr_turn turn = { .now_ns = 1 };

	(void)context;
	while (!atomic_load_explicit(&finished, memory_order_acquire)) {
		turn.now_ns += TRANSLATE_RETRY_NS;
		if (stage_translate_ops.poll(&stage, &turn, 1) == 0)
			(void)sched_yield();
	}
	return NULL;
}

/* What execution does between its records. */
static void offer(struct gyr_evm *evm)
{
	struct gyr_exec_wanted *item;
	uint32_t code;

	gyr_evm_quiet(evm);
	while ((item = gyr_spsc_reserve(wanted)) != NULL &&
	       (code = gyr_evm_take_wanted(evm)) != 0) {
		*item = (struct gyr_exec_wanted){ &evm->state->codes[code], evm->rules.fork };
		gyr_spsc_publish(wanted);
	}
}

static void by_threads(void **state)
{
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (unsigned round = 0; round < ROUND_COUNT; round++) {
		struct gyr_evm *evm = gyr_stf_evm(other.stf);
		struct gyr_txn first, second;
		pthread_t thread;

		make_contracts(&seed);
		while (gyr_spsc_peek(wanted) != NULL)
			gyr_spsc_release(wanted);
		gyr_evm_streams_reset(streams);
		machine_load(&reference);
		machine_load(&other);
		gyr_evm_heat(evm, HEAT_GAS);
		atomic_store_explicit(&finished, false, memory_order_release);
		assert_int_equal(pthread_create(&thread, NULL, translate, NULL), 0);
		for (uint64_t i = 0; i < TX_COUNT; i++) {
			unsigned to = (unsigned)(gyr_test_random(&seed) % CONTRACT_COUNT);
			struct gyr_stf_receipt a, b;

			begin(&reference, &first, i, to);
			begin(&other, &second, i, to);
			while (!step(&reference))
				;
			while (!step(&other))
				;
			a = end(&reference);
			b = end(&other);
			assert_same_receipt(&a, &b);
			offer(evm);
		}
		atomic_store_explicit(&finished, true, memory_order_release);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_same_state(gyr_stf_state(reference.stf), gyr_stf_state(other.stf));
		assert_same_state(gyr_stf_state(other.stf), gyr_stf_state(reference.stf));
	}
	assert_true(atomic_load_explicit(&stage.translated, memory_order_relaxed) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_interleaving),
		cmocka_unit_test(by_threads),
	};
	const struct gyr_evm_streams_limits limits = {
		.bytes = gyr_evm_stream_size_max(CODE_MAX),
		.count_max = 5,
		.code_length_max = CODE_MAX,
	};
	static alignas(64) uint8_t ring[4096];
	size_t size = gyr_evm_streams_size(&limits);
	void *memory = malloc(size + 64);
	struct gyr_arena arena = gyr_arena_over(memory, size + 64);

	machine_init(&reference);
	machine_init(&other);
	assert_true(memory != NULL &&
		    gyr_spsc_size(sizeof(struct gyr_exec_wanted), 8) <= sizeof ring);
	streams = gyr_evm_streams_init(&arena, &limits);
	assert_non_null(streams);
	gyr_evm_streams_reader(streams, gyr_stf_evm(other.stf));
	wanted = gyr_spsc_init(ring, sizeof(struct gyr_exec_wanted), 8);
	stage.streams = streams;
	stage.wanted = wanted;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
