/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

#define HISTORY_WINDOW 8191 /* EIP-2935 and EIP-4788: slots of their ring buffers */

const struct gyr_address stf_history_address = {
	{ 0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb,
	  0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35 },
};

static const struct gyr_address beacon_roots_address = {
	{ 0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
	  0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02 },
};

struct gyr_u256 stf_history_slot(uint64_t number)
{
	return gyr_u256_from_u64(number % HISTORY_WINDOW);
}

bool stf_block_hash_get(const void *context, uint64_t number, struct gyr_hash *out)
{
	const struct gyr_stf *stf = context;
	const struct stf_block_hash *entry = &stf->hashes[number % GYR_STF_HASH_WINDOW];

	if (!entry->known || entry->number != number)
		return false;
	*out = entry->hash;
	return true;
}

void gyr_stf_provide_block_hash(struct gyr_stf *stf, uint64_t number, const struct gyr_hash *hash)
{
	struct gyr_u256 key = stf_history_slot(number), value;

	stf->hashes[number % GYR_STF_HASH_WINDOW] =
		(struct stf_block_hash){ .number = number, .known = true, .hash = *hash };
	gyr_u256_load_be(&value, hash->bytes);
	gyr_state_resolve_slot(&stf->state, &stf_history_address, &key, number, &value);
}

uint64_t gyr_stf_block_hash_wanted(const struct gyr_stf *stf)
{
	return stf->evm.block_hash_wanted;
}

static void write_slot(struct gyr_stf *stf, struct gyr_account *account, uint64_t key,
		       const struct gyr_u256 *value)
{
	struct gyr_u256 word = gyr_u256_from_u64(key);

	gyr_state_slot(&stf->state, account, &word)->value = *value;
}

/*
 * What the code of both contracts does when the system calls it, done directly: it is fixed by
 * their EIPs, and the parent's hash may not be known yet. Where no contract is deployed, nothing.
 */
void stf_system_writes(struct gyr_stf *stf)
{
	uint64_t parent = stf->parent.number, time = stf->open->block.timestamp;
	struct gyr_u256 value, key = stf_history_slot(parent);
	struct gyr_account *account;
	struct gyr_hash hash;

	gyr_state_tx_begin(&stf->state);
	account = gyr_state_account(&stf->state, &beacon_roots_address);
	if (stf->fork >= GYR_FORK_CANCUN && account->code != 0) {
		value = gyr_u256_from_u64(time);
		write_slot(stf, account, time % HISTORY_WINDOW, &value);
		gyr_u256_load_be(&value, stf->open->block.parent_beacon_root.bytes);
		write_slot(stf, account, time % HISTORY_WINDOW + HISTORY_WINDOW, &value);
	}
	account = gyr_state_account(&stf->state, &stf_history_address);
	if (stf->fork >= GYR_FORK_PRAGUE && account->code != 0) {
		struct gyr_slot *slot = gyr_state_slot(&stf->state, account, &key);

		if (stf_block_hash_get(stf, parent, &hash))
			gyr_u256_load_be(&slot->value, hash.bytes);
		else
			gyr_state_expect_slot(&stf->state, slot, parent);
	}
	gyr_state_tx_commit(&stf->state, true);
}

static struct gyr_stf_block_output *free_output(const struct gyr_stf *stf)
{
	for (uint32_t i = 0; i < stf->limits.block_output_count; i++)
		if (!stf->outputs[i].held)
			return &stf->outputs[i];
	return NULL;
}

bool gyr_stf_output_free(const struct gyr_stf *stf)
{
	return free_output(stf) != NULL;
}

uint64_t gyr_stf_base_fee(const struct gyr_stf *stf)
{
	return stf->open != NULL ? stf->open->base_fee
				 : gyr_stf_next_base_fee(&stf->config, &stf->parent);
}

static uint64_t next_excess(const struct gyr_stf *stf, enum gyr_fork fork)
{
	uint64_t sum = stf->parent.excess_blob_gas + stf->parent.blob_gas_used;
	uint64_t target = stf_blob_schedule(&stf->config, fork)->target * STF_BLOB_GAS;

	return fork >= GYR_FORK_CANCUN && sum > target ? sum - target : 0;
}

static void open_output(struct gyr_stf *stf, struct gyr_stf_block_output *output,
			const struct gyr_stf_block *block)
{
	output->block = *block;
	output->fork = stf->fork;
	output->base_fee = block->standalone ? block->base_fee
					     : gyr_stf_next_base_fee(&stf->config, &stf->parent);
	output->excess_blob_gas = block->standalone ? block->excess_blob_gas
						    : next_excess(stf, stf->fork);
	output->gas_used = 0;
	output->blob_gas_used = 0;
	memset(output->bloom, 0, sizeof output->bloom);
	output->history_pending = false;
	output->tx_count = 0;
	output->tx_bytes_used = 0;
	output->receipt_bytes_used = 0;
	output->held = true;
	stf->open = output;
	stf->base_fee = gyr_u256_from_u64(stf->fork >= GYR_FORK_LONDON ? output->base_fee : 0);
	stf->blob_base_fee = stf_blob_base_fee(output->excess_blob_gas,
					       stf_blob_schedule(&stf->config, stf->fork));
}

bool gyr_stf_block_begin(struct gyr_stf *stf, const struct gyr_stf_block *block)
{
	struct gyr_stf_block_output *output = free_output(stf);
	enum gyr_fork fork = gyr_chain_fork(&stf->config, block->number, block->timestamp);

	gyr_assert(stf->sealed && stf->open == NULL && !stf->tx_open);
	gyr_assert(block->standalone || block->number == stf->parent.number + 1);
	if (output == NULL || stf->state.full)
		return false;
	if (fork != stf->fork) {
		stf->fork = fork;
		gyr_evm_set_fork(&stf->evm, fork);
	}
	open_output(stf, output, block);
	stf->evm.block = (struct gyr_evm_block){
		.number = block->number,
		.timestamp = block->timestamp,
		.gas_limit = block->gas_limit,
		.fee_recipient = block->fee_recipient,
		.base_fee = stf->base_fee,
		.blob_base_fee = stf->blob_base_fee,
	};
	if (fork >= GYR_FORK_PARIS)
		gyr_u256_load_be(&stf->evm.block.prev_randao, block->prev_randao.bytes);
	else
		stf->evm.block.prev_randao = block->difficulty;
	gyr_state_block_begin(&stf->state);
	if (!block->standalone || block->system_calls)
		stf_system_writes(stf);
	return !stf->state.full;
}

/* Finds EIP-2935's slot among the block's writes when its value is still to come. */
static void note_history(struct gyr_stf *stf, struct gyr_stf_block_output *output)
{
	struct gyr_u256 key = stf_history_slot(output->block.number - 1);
	struct gyr_write_set *writes = &output->writes;
	struct gyr_hash hash;

	if (output->block.standalone || output->fork < GYR_FORK_PRAGUE ||
	    stf_block_hash_get(stf, output->block.number - 1, &hash))
		return;
	for (uint32_t i = 0; i < writes->account_count; i++) {
		const struct gyr_write_account *account = &writes->accounts[i];

		if (!gyr_address_equal(&account->address, &stf_history_address))
			continue;
		for (uint32_t s = 0; s < account->slot_count; s++)
			if (gyr_u256_equal(&writes->slots[account->slot_first + s].key, &key)) {
				output->history_pending = true;
				output->history_slot = account->slot_first + s;
			}
		return;
	}
}

struct gyr_stf_block_output *gyr_stf_block_end(struct gyr_stf *stf)
{
	struct gyr_stf_block_output *output = stf->open;

	gyr_assert(output != NULL && !stf->tx_open);
	stf_finish_blooms(stf);
	if (!gyr_state_block_end(&stf->state, &output->writes))
		return NULL;
	note_history(stf, output);
	stf->parent = (struct gyr_stf_parent){
		.number = output->block.number,
		.timestamp = output->block.timestamp,
		.gas_limit = output->block.gas_limit,
		.gas_used = output->gas_used,
		.base_fee = output->base_fee,
		.excess_blob_gas = output->excess_blob_gas,
		.blob_gas_used = output->blob_gas_used,
	};
	stf->open = NULL;
	return output;
}

void gyr_stf_block_release(struct gyr_stf *stf, struct gyr_stf_block_output *output)
{
	gyr_assert(output->held && output != stf->open);
	output->held = false;
}
