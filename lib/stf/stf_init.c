/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

static uint32_t clamp_u32(uint64_t value)
{
	return value > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)value;
}

struct gyr_stf_limits gyr_stf_limits_of(uint64_t tx_gas_max, uint64_t block_gas_max,
					uint32_t account_count_max, uint32_t slot_count_max)
{
	uint64_t tx_count_max = block_gas_max / 21000 + 16;
	struct gyr_stf_limits limits = {
		.tx_gas_max = tx_gas_max,
		.block_gas_max = block_gas_max,
		.state = {
			.account_count_max = account_count_max,
			.slot_count_max = slot_count_max,
			/* A contract costs 32,000 gas; 200 more a byte. */
			.code_count_max = account_count_max / 4 + 4096,
			.code_bytes_max = (uint64_t)account_count_max * 1024 + (64u << 20),
			/* The cheapest way to touch one is a warm access, 100 gas. */
			.touched_count_max = clamp_u32(tx_gas_max / 100 + 4096),
			.journal_count_max = clamp_u32(tx_gas_max / 50 + 4096),
			.transient_count_max = clamp_u32(tx_gas_max / 100 + 64),
			.log_count_max = clamp_u32(tx_gas_max / 375 + 16),
			.log_bytes_max = tx_gas_max / 8 + 64,
			/* A slot that changes costs 4,800 gas, a fifth of which may come back. */
			.dirty_count_max = clamp_u32(block_gas_max / 2500 + 4096),
		},
		.evm = { .tx_gas_max = tx_gas_max },
		.tx_count_max = clamp_u32(tx_count_max),
		.tx_bytes_max = block_gas_max / 4 + tx_count_max * 256,
		/* A logged byte costs 8 gas, a log with its RLP around it 375. */
		.receipt_bytes_max = block_gas_max / 8 + tx_count_max * 320,
		.block_output_count = 4,
		.blob_hash_count_max = 16,
	};

	return limits;
}

static bool init_output(struct gyr_stf_block_output *output, struct gyr_arena *arena,
			const struct gyr_stf_limits *limits)
{
	*output = (struct gyr_stf_block_output){
		.txs = gyr_arena_carve(arena, sizeof *output->txs * limits->tx_count_max, 64),
		.tx_bytes = gyr_arena_carve(arena, limits->tx_bytes_max, 64),
		.receipt_bytes = gyr_arena_carve(arena, limits->receipt_bytes_max, 64),
	};
	return output->txs != NULL && output->tx_bytes != NULL && output->receipt_bytes != NULL &&
	       gyr_write_set_init(&output->writes, arena, &limits->state);
}

size_t gyr_stf_size(const struct gyr_stf_limits *limits)
{
	size_t output = sizeof(struct gyr_stf_block_output) +
			sizeof(struct gyr_stf_tx_record) * limits->tx_count_max +
			limits->tx_bytes_max + limits->receipt_bytes_max +
			gyr_write_set_size(&limits->state) + (size_t)4 * 64;

	return sizeof(struct gyr_stf) + 64 + gyr_state_size(&limits->state) +
	       gyr_evm_size(&limits->evm) + GYR_KECCAK_MEMO_SIZE +
	       output * limits->block_output_count +
	       sizeof(struct gyr_hash) * limits->blob_hash_count_max + 64;
}

bool gyr_stf_init(struct gyr_stf **out, struct gyr_arena *arena,
		  const struct gyr_stf_limits *limits, const struct gyr_chain_config *config,
		  const struct gyr_keccak_ops *keccak, const struct gyr_precompile_ops *precompile)
{
	struct gyr_stf *stf = gyr_arena_carve(arena, sizeof *stf, 64);

	if (stf == NULL)
		return false;
	*stf = (struct gyr_stf){
		.limits = *limits,
		.keccak = keccak,
		.precompile = precompile,
		.outputs = gyr_arena_carve(arena, sizeof *stf->outputs * limits->block_output_count,
					   64),
		.blob_hashes = gyr_arena_carve(
			arena, sizeof *stf->blob_hashes * limits->blob_hash_count_max, 64),
	};
	if (stf->outputs == NULL || stf->blob_hashes == NULL ||
	    !gyr_state_init(&stf->state, arena, &limits->state, keccak, limits->seed) ||
	    !gyr_evm_init(&stf->evm, arena, &limits->evm, &stf->state, keccak, precompile,
			  config->chain_id) ||
	    !gyr_keccak_memo_init(&stf->memo, arena, keccak))
		return false;
	stf->evm.memo = &stf->memo;
	for (uint32_t i = 0; i < limits->block_output_count; i++)
		if (!init_output(&stf->outputs[i], arena, limits))
			return false;
	stf->evm.block_hashes = (struct gyr_evm_block_hashes){ .context = stf,
							       .get = stf_block_hash_get };
	stf->fork = GYR_FORK_OSAKA;
	gyr_stf_reset(stf, config);
	*out = stf;
	return true;
}

void gyr_stf_reset(struct gyr_stf *stf, const struct gyr_chain_config *config)
{
	gyr_state_reset(&stf->state);
	stf->evm.frame = NULL;
	stf->evm.fatal = false;
	stf->evm.wanted_count = 0;
	stf->evm.chain_id = config->chain_id;
	stf->config = *config;
	stf->sealed = false;
	stf->tx_open = false;
	stf->open = NULL;
	memset(stf->patterns, 0, sizeof stf->patterns);
	stf->bloom_count = 0;
	for (uint32_t i = 0; i < stf->limits.block_output_count; i++)
		stf->outputs[i].held = false;
	for (uint32_t i = 0; i < GYR_STF_HASH_WINDOW; i++)
		stf->hashes[i].known = false;
}

bool gyr_stf_genesis_account(struct gyr_stf *stf, const struct gyr_address *address, uint64_t nonce,
			     const struct gyr_u256 *balance, struct gyr_slice code)
{
	struct gyr_account *account;

	gyr_assert(!stf->sealed);
	gyr_state_tx_begin(&stf->state);
	account = gyr_state_account(&stf->state, address);
	account->flags |= GYR_ACCOUNT_EXISTS;
	account->nonce = nonce;
	account->balance = *balance;
	account->code = gyr_state_code_add(&stf->state, code);
	gyr_state_tx_commit(&stf->state, false);
	gyr_state_forget_changes(&stf->state);
	return !stf->state.full;
}

bool gyr_stf_genesis_slot(struct gyr_stf *stf, const struct gyr_address *address,
			  const struct gyr_u256 *key, const struct gyr_u256 *value)
{
	struct gyr_account *account;
	struct gyr_slot *slot;

	gyr_assert(!stf->sealed);
	gyr_state_tx_begin(&stf->state);
	account = gyr_state_account(&stf->state, address);
	account->flags |= GYR_ACCOUNT_EXISTS;
	slot = gyr_state_slot(&stf->state, account, key);
	slot->value = *value;
	gyr_state_tx_commit(&stf->state, false);
	gyr_state_forget_changes(&stf->state);
	return !stf->state.full;
}

void gyr_stf_seal(struct gyr_stf *stf, const struct gyr_stf_parent *parent)
{
	gyr_assert(!stf->sealed);
	stf->parent = *parent;
	stf->sealed = true;
	stf->first_number = 0;
	gyr_state_tx_begin(&stf->state);
}

void gyr_stf_defer_receipts(struct gyr_stf *stf)
{
	gyr_assert(!stf->tx_open);
	stf->receipts_deferred = true;
}

const struct gyr_keccak_ops *gyr_stf_keccak(const struct gyr_stf *stf)
{
	return stf->keccak;
}

unsigned gyr_stf_high_water(const struct gyr_stf *stf)
{
	return gyr_state_high_water(&stf->state);
}

static void describe(const struct gyr_stf *stf, const struct gyr_account *account,
		     struct gyr_stf_account *out)
{
	const struct gyr_code *code = gyr_state_code_at(&stf->state, account->code);

	*out = (struct gyr_stf_account){
		.address = account->address,
		.nonce = account->nonce,
		.balance = account->balance,
		.balance_before = account->balance_original,
		.exists = (account->flags & GYR_ACCOUNT_EXISTS) != 0,
		.has_code = account->code != 0 && !code->delegated,
		.delegated = code->delegated,
	};
}

bool gyr_stf_changed_account(const struct gyr_stf *stf, uint32_t index, struct gyr_stf_account *out)
{
	if (index >= stf->state.changed_account_count)
		return false;
	describe(stf, &stf->state.accounts[stf->state.changed_accounts[index]], out);
	return true;
}

bool gyr_stf_account_read(const struct gyr_stf *stf, const struct gyr_address *address,
			  struct gyr_stf_account *out)
{
	const struct gyr_account *account = gyr_state_find(&stf->state, address);

	if (account == NULL || (account->flags & GYR_ACCOUNT_EXISTS) == 0)
		return false;
	describe(stf, account, out);
	return true;
}

struct gyr_slice gyr_stf_code_read(const struct gyr_stf *stf, const struct gyr_address *address)
{
	const struct gyr_account *account = gyr_state_find(&stf->state, address);
	const struct gyr_code *code;

	code = gyr_state_code_at(&stf->state, account == NULL ? 0 : account->code);
	return (struct gyr_slice){ .data = code->bytes, .length = code->length };
}

struct gyr_u256 gyr_stf_slot_read(const struct gyr_stf *stf, const struct gyr_address *address,
				  const struct gyr_u256 *key)
{
	return gyr_state_find_slot(&stf->state, address, key);
}

const struct gyr_state *gyr_stf_state(const struct gyr_stf *stf)
{
	return &stf->state;
}

struct gyr_evm *gyr_stf_evm(struct gyr_stf *stf)
{
	return &stf->evm;
}

void gyr_stf_trace(struct gyr_stf *stf, const struct gyr_evm_tracer *tracer)
{
	stf->evm.tracer = tracer;
}
