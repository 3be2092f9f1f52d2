/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What transactions cost the state-transition function when the state is large: plain transfers,
 * ERC-20 transfers and swaps of a constant-product pool (contracts/, compiled by solc), among a
 * million accounts, in blocks of 10,000. Each transaction is read from its bytes, executed and told
 * as execution does it; recovery of its sender and the roots are not in it (the root's time is
 * printed by itself).
 *
 *   perf_contracts [accounts [blocks [workload, from 0]]]
 *
 * The thread's CPU time; medians over the blocks. Phases come from the time-stamp counter in blocks
 * of their own, whose totals are not used: reading it costs about what a small phase does.
 */
#include "gyr_perf.h"

#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "contracts_code.h"
#include "gyr_accel_keccak_simd.h"
#include "gyr_evm_streams.h"
#include "gyr_stf_root.h"

#define CHAIN_ID     1337
#define BLOCK_TXS    10000
#define HOT	     10000u /* accounts of the narrow workloads */
#define BLOCKS_MAX   64
#define TX_BYTES_MAX 320
#define AHEAD	     32 /* parsed before they are begun, at most */
#define BLOCK_GAS    3000000000u
#define TX_GAS	     300000

enum phase { PHASE_AHEAD, PHASE_BEGIN, PHASE_RUN, PHASE_END, PHASE_TELL, PHASE_COUNT };

enum kind { KIND_PLAIN, KIND_TOKEN, KIND_SWAP };

struct workload {
	const char *name;
	enum kind kind;
	bool hot;
};

static const struct workload workloads[] = {
	{ "plain transfer, 10,000 accounts", KIND_PLAIN, true },
	{ "plain transfer, all accounts", KIND_PLAIN, false },
	{ "ERC-20 transfer, 10,000 accounts", KIND_TOKEN, true },
	{ "ERC-20 transfer, all accounts", KIND_TOKEN, false },
	{ "pool swap, 10,000 accounts", KIND_SWAP, true },
};

static struct {
	struct gyr_stf *stf;
	struct gyr_stf_root *root;
	struct gyr_chain_config config;
	struct gyr_txn_rules rules;
	const struct gyr_keccak_ops *keccak;
	struct gyr_write_set writes;
	struct gyr_address *accounts;
	uint64_t *nonces;
	size_t account_count;
	struct gyr_address tokens[2];
	struct gyr_address pool;
	struct gyr_hash parent_hash;
	uint64_t block_number;
	uint64_t gas_used;
	uint64_t random;
} chain;

/* The block that is to be run: encoded transactions and their senders, as the log has them. */
static struct {
	uint8_t bytes[BLOCK_TXS][TX_BYTES_MAX];
	size_t lengths[BLOCK_TXS];
	struct gyr_address senders[BLOCK_TXS];
} queue;

static uint64_t next_random(void)
{
	uint64_t z = chain.random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void need(bool done, const char *what)
{
	if (done)
		return;
	(void)fprintf(stderr, "perf_contracts: %s\n", what);
	exit(1);
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	need(memory != MAP_FAILED, "no memory");
	(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

static uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	return gyr_perf_now_ns();
#endif
}

static struct gyr_address address_of(uint64_t number)
{
	struct gyr_address address;
	struct gyr_hash hash;

	gyr_keccak256(&hash, &number, sizeof number);
	memcpy(address.bytes, hash.bytes + 12, 20);
	return address;
}

/* The slot of mapping[key], key 32 bytes, by Solidity's rule. */
static struct gyr_u256 mapping_slot(const uint8_t key[32], const uint8_t base[32])
{
	uint8_t bytes[64];
	struct gyr_u256 slot;
	struct gyr_hash hash;

	memcpy(bytes, key, 32);
	memcpy(bytes + 32, base, 32);
	chain.keccak->hash(&hash, bytes, sizeof bytes);
	gyr_u256_load_be(&slot, hash.bytes);
	return slot;
}

static struct gyr_u256 balance_slot(const struct gyr_address *owner)
{
	uint8_t key[32] = { 0 }, base[32] = { 0 };

	memcpy(key + 12, owner->bytes, 20);
	return mapping_slot(key, base);
}

static struct gyr_u256 allowance_slot(const struct gyr_address *owner,
				      const struct gyr_address *spender)
{
	uint8_t key[32] = { 0 }, base[32] = { 0 };
	struct gyr_u256 inner;

	base[31] = 1;
	memcpy(key + 12, owner->bytes, 20);
	inner = mapping_slot(key, base);
	gyr_u256_store_be(base, &inner);
	memset(key, 0, 12);
	memcpy(key + 12, spender->bytes, 20);
	return mapping_slot(key, base);
}

static void set_slot(const struct gyr_address *account, const struct gyr_u256 *key,
		     const struct gyr_u256 *value)
{
	need(gyr_stf_genesis_slot(chain.stf, account, key, value), "the state is full");
}

static void set_balance(unsigned token, const struct gyr_address *owner, uint64_t whole)
{
	struct gyr_u256 slot = balance_slot(owner), value = gyr_u256_from_u64(whole);

	(void)gyr_u256_mul_u64(&value, &value, 1000000000000000000u);
	set_slot(&chain.tokens[token], &slot, &value);
}

static void set_word(const struct gyr_address *account, uint64_t key, const uint8_t word[32])
{
	struct gyr_u256 slot = gyr_u256_from_u64(key), value;

	gyr_u256_load_be(&value, word);
	set_slot(account, &slot, &value);
}

static void make_contracts(void)
{
	const struct gyr_u256 zero = gyr_u256_from_u64(0);
	uint8_t word[32];

	for (unsigned i = 0; i < 2; i++) {
		chain.tokens[i] = address_of(UINT64_MAX - i);
		need(gyr_stf_genesis_account(
			     chain.stf, &chain.tokens[i], 1, &zero,
			     (struct gyr_slice){ contracts_token, sizeof contracts_token }),
		     "the state is full");
	}
	chain.pool = address_of(UINT64_MAX - 2);
	need(gyr_stf_genesis_account(chain.stf, &chain.pool, 1, &zero,
				     (struct gyr_slice){ contracts_pool, sizeof contracts_pool }),
	     "the state is full");
	for (unsigned i = 0; i < 2; i++) {
		memset(word, 0, sizeof word);
		memcpy(word + 12, chain.tokens[i].bytes, 20);
		set_word(&chain.pool, i, word);
		set_balance(i, &chain.pool, 1000000000);
	}
	memset(word, 0, sizeof word);
	word[31] = 1;
	set_word(&chain.pool, 5, word); /* not locked */
	/* Both reserves 10^27, of 112 bits each. */
	{
		struct gyr_u256 reserve = gyr_u256_from_u64(1000000000), both, slot;

		(void)gyr_u256_mul_u64(&reserve, &reserve, 1000000000000000000u);
		both = (struct gyr_u256){ { reserve.limb[0],
					    reserve.limb[1] | reserve.limb[0] << 48,
					    reserve.limb[0] >> 16 | reserve.limb[1] << 48, 0 } };
		slot = gyr_u256_from_u64(2);
		set_slot(&chain.pool, &slot, &both);
	}
}

static void make_accounts(void)
{
	const struct gyr_u256 unlimited = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	struct gyr_u256 balance = gyr_u256_from_u64(1000000000000000000u);

	(void)gyr_u256_mul_u64(&balance, &balance, 1000000);
	for (size_t i = 0; i < chain.account_count; i++) {
		chain.accounts[i] = address_of(i);
		need(gyr_stf_genesis_account(chain.stf, &chain.accounts[i], 0, &balance,
					     (struct gyr_slice){ NULL, 0 }),
		     "the state is full");
	}
	/* After all accounts, as slots of a living chain are spread. */
	for (size_t i = 0; i < chain.account_count; i++)
		set_balance(0, &chain.accounts[i], 1000000);
	for (size_t i = 0; i < HOT && i < chain.account_count; i++) {
		set_balance(1, &chain.accounts[i], 1000000);
		for (unsigned token = 0; token < 2; token++) {
			struct gyr_u256 slot = allowance_slot(&chain.accounts[i], &chain.pool);

			set_slot(&chain.tokens[token], &slot, &unlimited);
		}
	}
}

static void make_chain(size_t account_count)
{
	uint32_t slots = (uint32_t)(account_count + (size_t)5 * HOT + 100000);
	struct gyr_stf_limits limits = gyr_stf_limits_of(30000000, BLOCK_GAS,
							 (uint32_t)(account_count + 100000), slots);
	const struct gyr_stf_root_limits root_limits = {
		.contract_count_max = 1024,
		.trie_bytes = (2 * account_count + (size_t)20 * HOT) * 300 + ((size_t)64 << 20),
		.dirty_count_max = limits.state.dirty_count_max,
	};
	struct gyr_state_cursor cursor = { 0, 0 };
	struct gyr_arena arena;
	size_t size;

	limits.state.code_count_max = 4096;
	limits.state.code_bytes_max = 16u << 20;
	size = gyr_stf_size(&limits) + gyr_stf_root_size(&root_limits) +
	       gyr_write_set_size(&limits.state);
	arena = gyr_arena_over(map(size), size);
	chain.account_count = account_count;
	chain.config = gyr_chain_config_default(CHAIN_ID);
	chain.keccak = gyr_accel_keccak_simd();
	chain.accounts = map(account_count * sizeof *chain.accounts);
	chain.nonces = map(account_count * sizeof *chain.nonces);
	need(gyr_stf_init(&chain.stf, &arena, &limits, &chain.config, chain.keccak,
			  &gyr_precompile_portable) &&
		     gyr_stf_root_init(&chain.root, &arena, &root_limits, chain.keccak) &&
		     gyr_write_set_init(&chain.writes, &arena, &limits.state),
	     "the arena is too small");
	gyr_stf_defer_receipts(chain.stf);
	gyr_txn_rules_init(&chain.rules, GYR_FORK_OSAKA, CHAIN_ID);
	make_contracts();
	make_accounts();
	gyr_stf_seal(chain.stf,
		     &(struct gyr_stf_parent){ .gas_limit = BLOCK_GAS,
					       .base_fee = chain.config.base_fee_initial });
	while (gyr_state_export(gyr_stf_state(chain.stf), &cursor, &chain.writes))
		need(gyr_stf_root_apply(chain.root, &chain.writes), "the tries are full");
	(void)gyr_stf_root_state(chain.root);
}

/* The call's data in the ABI: a selector and words. */
static size_t put_call(uint8_t *out, uint32_t selector, const struct gyr_u256 *words,
		       unsigned count)
{
	gyr_store_be32(out, selector);
	for (unsigned i = 0; i < count; i++)
		gyr_u256_store_be(out + 4 + (size_t)32 * i, &words[i]);
	return 4 + (size_t)32 * count;
}

static void make_transaction(unsigned index, const struct workload *workload)
{
	size_t range = workload->hot && chain.account_count > HOT ? HOT : chain.account_count;
	size_t from = next_random() % range, to = next_random() % range;
	struct gyr_u256 words[3] = { 0 };
	uint8_t data[128], wide[32] = { 0 };
	struct gyr_txn txn = {
		.type = GYR_TXN_DYNAMIC_FEE,
		.is_protected = true,
		.chain_id = CHAIN_ID,
		.nonce = chain.nonces[from]++,
		.gas_limit = workload->kind == KIND_PLAIN ? 21000 : TX_GAS,
		.max_priority_fee.limb[0] = 1000000000,
		.max_fee.limb[0] = 100000000000000,
		.to = chain.accounts[to],
		.value.limb[0] = 1 + next_random() % 1000000,
		.r[31] = 1,
		.s[31] = 1,
		.data.data = data,
	};

	if (workload->kind == KIND_TOKEN) {
		memcpy(wide + 12, chain.accounts[to].bytes, 20);
		gyr_u256_load_be(&words[0], wide);
		words[1] = txn.value;
		txn.to = chain.tokens[0];
		txn.data.length = put_call(data, 0xa9059cbb, words, 2);
	} else if (workload->kind == KIND_SWAP) {
		words[0] = gyr_u256_from_u64(next_random() & 1);
		words[1] = gyr_u256_from_u64(1000000000000000 + next_random() % 1000000000000000);
		txn.to = chain.pool;
		txn.data.length = put_call(data, 0x08c84c21, words, 3);
	}
	if (workload->kind != KIND_PLAIN)
		txn.value = gyr_u256_from_u64(0);
	queue.lengths[index] = gyr_txn_encode(queue.bytes[index], TX_BYTES_MAX, &txn);
	queue.senders[index] = chain.accounts[from];
}

/* What execution reads ahead: transactions that are parsed, and told to the stf. */
static struct {
	struct gyr_txn txns[AHEAD];
	unsigned next;
} ahead;

static void look_ahead(unsigned index)
{
	struct gyr_stf_expected expected[AHEAD / 2];
	unsigned count = 0;

	if (ahead.next - index > AHEAD / 2)
		return;
	for (; count < AHEAD / 2 && ahead.next < BLOCK_TXS; count++, ahead.next++) {
		struct gyr_txn *txn = &ahead.txns[ahead.next % AHEAD];

		need(gyr_txn_parse(txn,
				   (struct gyr_slice){ queue.bytes[ahead.next],
						       queue.lengths[ahead.next] },
				   &chain.rules) == GYR_VERDICT_OK,
		     "a transaction is not well-formed");
		expected[count] = (struct gyr_stf_expected){ txn, &queue.senders[ahead.next] };
	}
	gyr_stf_expect(chain.stf, expected, count);
}

/* Hashes of logs, of eight transactions at a time. */
static struct {
	struct gyr_slice encoded[8];
	struct gyr_hash hashes[8];
	unsigned count;
} logs;

static void hash_logs(void)
{
	if (logs.count != 0)
		chain.keccak->hash_many(logs.hashes, logs.encoded, logs.count);
	logs.count = 0;
}

/* Everything execution does with one record, with a reading of the counter after each phase. */
static inline void run_one(unsigned index, uint64_t *spent)
{
	struct gyr_stf_receipt receipt;
	struct gyr_stf_account account;
	struct gyr_u256 reserved;
	const struct gyr_txn *txn;
	uint64_t at[PHASE_COUNT + 1] = { 0 };
	enum gyr_stf_status status;

	if (spent != NULL)
		at[0] = ticks();
	look_ahead(index);
	txn = &ahead.txns[index % AHEAD];
	need(gyr_txn_max_cost(&reserved, txn) == GYR_VERDICT_OK, "a cost exceeds 256 bits");
	if (spent != NULL)
		at[1] = ticks();
	need(gyr_stf_tx_begin(chain.stf, txn, &queue.senders[index]) == GYR_VERDICT_OK,
	     "a transaction is skipped");
	if (spent != NULL)
		at[2] = ticks();
	while ((status = gyr_stf_step(chain.stf, 1000000)) == GYR_STF_RUNNING)
		;
	need(status == GYR_STF_DONE, "a step failed");
	if (spent != NULL)
		at[3] = ticks();
	need(gyr_stf_tx_end(chain.stf, &receipt) == GYR_STF_DONE && receipt.success,
	     "a transaction failed");
	chain.gas_used += receipt.gas_used;
	if (spent != NULL)
		at[4] = ticks();
	for (uint32_t i = 0; gyr_stf_changed_account(chain.stf, i, &account); i++)
		(void)gyr_u256_sub(&reserved, &account.balance, &account.balance_before);
	if (receipt.log_count != 0)
		logs.encoded[logs.count++] = receipt.logs_encoded;
	if (logs.count == GYR_COUNT(logs.encoded))
		hash_logs();
	if (spent == NULL)
		return;
	at[5] = ticks();
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		spent[i] += at[i + 1] - at[i];
}

static void end_block(uint64_t *root_ns)
{
	struct gyr_stf_block_output *output = gyr_stf_block_end(chain.stf);
	uint64_t number, begun_ns = gyr_perf_now_ns();

	need(output != NULL, "the state is full");
	number = output->block.number;
	gyr_stf_root_begin(chain.root, output, &chain.parent_hash);
	while (gyr_stf_root_step(chain.root, 1000) == GYR_STF_ROOT_RUNNING)
		;
	*root_ns = gyr_perf_now_ns() - begun_ns;
	chain.parent_hash = *gyr_stf_root_hash(chain.root);
	gyr_stf_block_release(chain.stf, output);
	gyr_stf_provide_block_hash(chain.stf, number, &chain.parent_hash);
}

/* One block; returns CPU nanoseconds, without its root. */
static uint64_t run_block(const struct workload *workload, uint64_t *spent, uint64_t *root_ns)
{
	const struct gyr_stf_block block = { .number = ++chain.block_number,
					     .timestamp = 1000 + chain.block_number,
					     .gas_limit = BLOCK_GAS,
					     .fee_recipient = address_of(UINT64_MAX - 3) };
	uint64_t begun_ns, ended_ns;

	for (unsigned i = 0; i < BLOCK_TXS; i++)
		make_transaction(i, workload);
	chain.gas_used = 0;
	ahead.next = 0;
	begun_ns = gyr_perf_now_ns();
	need(gyr_stf_block_begin(chain.stf, &block), "no block output is free");
	for (unsigned i = 0; i < BLOCK_TXS; i++)
		run_one(i, spent);
	hash_logs();
	ended_ns = gyr_perf_now_ns();
	end_block(root_ns);
	return ended_ns - begun_ns;
}

/* From now on all code runs in tier 1. */
static void translate(void)
{
	const struct gyr_evm_streams_limits limits = {
		.bytes = 16u << 20,
		.count_max = 64,
		.code_length_max = 24576,
	};
	size_t size = gyr_evm_streams_size(&limits);
	struct gyr_arena arena = gyr_arena_over(map(size), size);
	struct gyr_evm *evm = gyr_stf_evm(chain.stf);
	struct gyr_evm_streams *streams = gyr_evm_streams_init(&arena, &limits);

	need(streams != NULL, "the arena is too small");
	gyr_evm_streams_reader(streams, evm);
	need(gyr_evm_streams_add_all(streams, evm) >= 2, "a contract has no stream");
}

static void measure(const struct workload *workload, unsigned tier, unsigned block_count)
{
	double totals[BLOCKS_MAX], roots[BLOCKS_MAX], phases[PHASE_COUNT][BLOCKS_MAX];
	uint64_t root_ns;

	(void)run_block(workload, NULL, &root_ns);
	for (unsigned i = 0; i < block_count; i++) {
		uint64_t spent[PHASE_COUNT] = { 0 }, begun, begun_ns;
		double tick_ns;

		totals[i] = (double)run_block(workload, NULL, &root_ns) / BLOCK_TXS;
		roots[i] = (double)root_ns / 1e6;
		begun = ticks();
		begun_ns = gyr_perf_now_ns();
		(void)run_block(workload, spent, &root_ns);
		tick_ns = (double)(gyr_perf_now_ns() - begun_ns) / (double)(ticks() - begun);
		for (unsigned k = 0; k < PHASE_COUNT; k++)
			phases[k][i] = (double)spent[k] * tick_ns / BLOCK_TXS;
	}
	printf("%-34s %4u %8.0f %8llu |", workload->name, tier,
	       gyr_perf_median(totals, block_count),
	       (unsigned long long)(chain.gas_used / BLOCK_TXS));
	for (unsigned k = 0; k < PHASE_COUNT; k++)
		printf(" %7.0f", gyr_perf_median(phases[k], block_count));
	printf(" | %7.1f\n", gyr_perf_median(roots, block_count));
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t account_count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
	uint64_t block_count = argc > 2 ? strtoull(argv[2], NULL, 0) : 9;
	size_t only = argc > 3 ? strtoull(argv[3], NULL, 0) : SIZE_MAX;

	if (account_count < 2 || account_count > 100000000 || block_count < 1 ||
	    block_count > BLOCKS_MAX) {
		(void)fprintf(stderr, "usage: %s [accounts [blocks, at most %d [workload]]]\n",
			      argv[0], BLOCKS_MAX);
		return 2;
	}
	make_chain(account_count);
	printf("%zu accounts, blocks of %d, keccak %s; ns per transaction, ms per root\n",
	       account_count, BLOCK_TXS, chain.keccak->name);
	printf("%-34s %4s %8s %8s | %7s %7s %7s %7s %7s | %7s\n", "", "tier", "ns", "gas", "ahead",
	       "begin", "run", "end", "tell", "root");
	for (unsigned tier = 0; tier < 2; tier++) {
		for (size_t i = 0; i < GYR_COUNT(workloads); i++)
			if ((only == SIZE_MAX || only == i) &&
			    (tier == 0 || workloads[i].kind != KIND_PLAIN))
				measure(&workloads[i], tier, (unsigned)block_count);
		if (tier == 0)
			translate();
	}
	return 0;
}
