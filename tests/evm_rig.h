/* SPDX-License-Identifier: Apache-2.0 */
/* A small chain for tests of the EVM: one block after another, accounts and code by hand. */
#ifndef EVM_RIG_H
#define EVM_RIG_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gyr_stf_root.h"

/* A benchmark may name a faster one before it includes this. */
#ifndef EVM_RIG_KECCAK
#define EVM_RIG_KECCAK &gyr_keccak_portable
#endif

struct evm_rig {
	struct gyr_stf *stf;
	struct gyr_stf_root *root;
	struct gyr_write_set writes;
	struct gyr_stf_limits limits;
	struct gyr_chain_config config;
	struct gyr_hash parent_hash;
	void *memory;
	size_t size;
};

static inline bool evm_rig_init(struct evm_rig *rig, const struct gyr_stf_limits *limits)
{
	const struct gyr_stf_root_limits root_limits = {
		.contract_count_max = 4096,
		.trie_bytes = (size_t)64 << 20,
		.dirty_count_max = limits->state.dirty_count_max,
	};
	struct gyr_arena arena;

	*rig = (struct evm_rig){ .limits = *limits, .config = gyr_chain_config_default(1337) };
	rig->size = gyr_stf_size(limits) + gyr_stf_root_size(&root_limits) +
		    gyr_write_set_size(&limits->state);
	rig->memory = mmap(NULL, rig->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rig->memory == MAP_FAILED)
		return false;
	arena = gyr_arena_over(rig->memory, rig->size);
	return gyr_stf_init(&rig->stf, &arena, limits, &rig->config, EVM_RIG_KECCAK,
			    &gyr_precompile_portable) &&
	       gyr_stf_root_init(&rig->root, &arena, &root_limits, EVM_RIG_KECCAK) &&
	       gyr_write_set_init(&rig->writes, &arena, &limits->state);
}

static inline void evm_rig_fini(struct evm_rig *rig)
{
	(void)munmap(rig->memory, rig->size);
}

static inline struct gyr_address evm_rig_address(uint8_t last)
{
	struct gyr_address address = { .bytes = { 0xa0 } };

	address.bytes[19] = last;
	return address;
}

static inline void evm_rig_account(struct evm_rig *rig, uint8_t last, uint64_t ether,
				   const void *code, size_t length)
{
	struct gyr_address address = evm_rig_address(last);
	struct gyr_u256 balance = gyr_u256_from_u64(1000000000000000000);

	(void)gyr_u256_mul_u64(&balance, &balance, ether);
	if (!gyr_stf_genesis_account(rig->stf, &address, length != 0, &balance,
				     (struct gyr_slice){ code, length }))
		abort();
}

/* Ends genesis; block 0 has no hash but its number's. */
static inline void evm_rig_seal(struct evm_rig *rig)
{
	const struct gyr_stf_parent parent = { .gas_limit = rig->limits.block_gas_max,
					       .base_fee = rig->config.base_fee_initial };
	struct gyr_state_cursor cursor = { 0, 0 };

	gyr_stf_seal(rig->stf, &parent);
	while (gyr_state_export(gyr_stf_state(rig->stf), &cursor, &rig->writes))
		if (!gyr_stf_root_apply(rig->root, &rig->writes))
			abort();
}

static inline bool evm_rig_block(struct evm_rig *rig, uint64_t number)
{
	const struct gyr_stf_block block = { .number = number,
					     .timestamp = 1000 + number,
					     .gas_limit = rig->limits.block_gas_max,
					     .fee_recipient = evm_rig_address(0xfe) };

	return gyr_stf_block_begin(rig->stf, &block);
}

/* A call with a price of 100 gwei; data and txn must outlive the transaction. */
static inline struct gyr_txn evm_rig_call(uint8_t to, uint64_t nonce, uint64_t gas,
					  struct gyr_slice data)
{
	static const uint8_t raw[] = { 0xc0 };
	struct gyr_txn txn = {
		.nonce = nonce,
		.gas_limit = gas,
		.to = evm_rig_address(to),
		.data = data,
		.raw = { raw, sizeof raw },
	};

	txn.max_fee = txn.max_priority_fee = gyr_u256_from_u64(100000000000);
	return txn;
}

/* Closes the block and makes its root and hash known. */
static inline struct gyr_hash evm_rig_end(struct evm_rig *rig)
{
	struct gyr_stf_block_output *output = gyr_stf_block_end(rig->stf);
	uint64_t number = output->block.number;

	gyr_stf_root_begin(rig->root, output, &rig->parent_hash);
	while (gyr_stf_root_step(rig->root, 100) == GYR_STF_ROOT_RUNNING)
		;
	rig->parent_hash = *gyr_stf_root_hash(rig->root);
	gyr_stf_block_release(rig->stf, output);
	gyr_stf_provide_block_hash(rig->stf, number, &rig->parent_hash);
	return rig->parent_hash;
}

#endif
