/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_stf_root.h"

#include "gyr_rlp.h"

#define BATCH	     64 /* keys that are hashed and prefetched together */
#define LIST_SCRATCH 65536
/* An account's leaf: nonce, balance, two hashes. */
#define LEAF_MAX (3 + 9 + 33 + 33 + 33)

struct contract {
	struct gyr_address address;
	bool used;
	bool dirty; /* among the tries that this apply changed */
	struct gyr_trie storage;
};

enum phase {
	PHASE_SLOTS,
	PHASE_SETTLE_STORAGE,
	PHASE_ACCOUNTS,
	PHASE_SETTLE,
	PHASE_TX_LIST,
	PHASE_RECEIPT_LIST,
	PHASE_END,
	PHASE_IDLE,
};

struct gyr_stf_root {
	struct gyr_trie_pool pool;
	struct gyr_trie accounts;
	struct contract *contracts; /* open addressing by address; never shrinks */
	uint64_t contract_capacity;
	uint32_t contract_count;
	uint32_t contract_count_max;
	struct gyr_trie **dirty;
	uint32_t *order; /* contracts in use, for reset */
	uint32_t dirty_count;
	uint32_t dirty_count_max;

	enum phase phase;
	const struct gyr_write_set *writes;
	struct gyr_stf_block_output *output;
	uint32_t next_account;
	uint32_t next_slot; /* of that account */
	struct gyr_stf_header header;
	struct gyr_hash hash;
	struct gyr_trie_list *list;
	uint8_t *scratch;
	const struct gyr_keccak_ops *keccak;
};

static uint64_t capacity_of(const struct gyr_stf_root_limits *limits)
{
	return (uint64_t)limits->contract_count_max + limits->contract_count_max / 2 + 16;
}

size_t gyr_stf_root_size(const struct gyr_stf_root_limits *limits)
{
	/* The pool's scratch is fixed; 16 MiB is beyond it. */
	return sizeof(struct gyr_stf_root) + capacity_of(limits) * sizeof(struct contract) +
	       (size_t)limits->contract_count_max * 4 +
	       (size_t)limits->dirty_count_max * sizeof(void *) + limits->trie_bytes +
	       LIST_SCRATCH + gyr_trie_list_size() + (16u << 20);
}

bool gyr_stf_root_init(struct gyr_stf_root **out, struct gyr_arena *arena,
		       const struct gyr_stf_root_limits *limits,
		       const struct gyr_keccak_ops *keccak)
{
	struct gyr_stf_root *root = gyr_arena_carve(arena, sizeof *root, 64);
	uint64_t capacity = capacity_of(limits);

	if (root == NULL)
		return false;
	*root = (struct gyr_stf_root){
		.contracts = gyr_arena_carve(arena, capacity * sizeof *root->contracts, 64),
		.contract_capacity = capacity,
		.contract_count_max = limits->contract_count_max,
		.order = gyr_arena_carve(arena, (size_t)limits->contract_count_max * 4, 64),
		.dirty = gyr_arena_carve(arena, (size_t)limits->dirty_count_max * sizeof(void *),
					 64),
		.dirty_count_max = limits->dirty_count_max,
		.list = gyr_arena_carve(arena, gyr_trie_list_size(), 64),
		.scratch = gyr_arena_carve(arena, LIST_SCRATCH, 64),
		.phase = PHASE_IDLE,
		.keccak = keccak,
	};
	if (root->contracts == NULL || root->order == NULL || root->dirty == NULL ||
	    root->list == NULL || root->scratch == NULL ||
	    !gyr_trie_pool_init(&root->pool, arena, limits->trie_bytes, keccak))
		return false;
	memset(root->contracts, 0, capacity * sizeof *root->contracts);
	*out = root;
	return true;
}

void gyr_stf_root_reset(struct gyr_stf_root *root)
{
	for (uint32_t i = 0; i < root->contract_count; i++) {
		struct contract *contract = &root->contracts[root->order[i]];

		gyr_trie_clear(&root->pool, &contract->storage);
		*contract = (struct contract){ .used = false };
	}
	root->contract_count = 0;
	root->dirty_count = 0;
	gyr_trie_clear(&root->pool, &root->accounts);
	root->accounts = (struct gyr_trie){ .root = 0 };
	root->phase = PHASE_IDLE;
}

/* The contract's record; NULL where there is none, or, to be made, when the table is full. */
static struct contract *find_contract(struct gyr_stf_root *root, const struct gyr_address *address,
				      bool make)
{
	uint64_t hash = gyr_state_fold(gyr_load_le64(address->bytes) ^ 0x9e3779b97f4a7c15,
				       gyr_load_le64(address->bytes + 12) ^ 0xbf58476d1ce4e5b9);
	uint64_t at = gyr_state_home(hash, root->contract_capacity);

	for (; root->contracts[at].used; at = at + 1 == root->contract_capacity ? 0 : at + 1)
		if (gyr_address_equal(&root->contracts[at].address, address))
			return &root->contracts[at];
	if (!make || root->contract_count == root->contract_count_max)
		return NULL;
	root->order[root->contract_count++] = (uint32_t)at;
	root->contracts[at] = (struct contract){ .address = *address, .used = true };
	return &root->contracts[at];
}

/* Hashes the keys of up to BATCH slots and sets them. */
static bool apply_slots(struct gyr_stf_root *root, struct gyr_trie *trie,
			const struct gyr_write_slot *slots, size_t count)
{
	struct gyr_slice messages[BATCH] = { { NULL, 0 } };
	struct gyr_hash keys[BATCH];
	uint8_t words[BATCH][32], value[33];

	gyr_assert(count <= BATCH);
	for (size_t i = 0; i < count; i++) {
		gyr_u256_store_be(words[i], &slots[i].key);
		messages[i] = (struct gyr_slice){ .data = words[i], .length = 32 };
	}
	root->keccak->hash_many(keys, messages, count);
	gyr_trie_prefetch(&root->pool, trie, keys, count);
	for (size_t i = 0; i < count; i++) {
		struct gyr_rlp_writer writer = gyr_rlp_writer_over(value, sizeof value);

		if (gyr_u256_is_zero(&slots[i].value)) {
			(void)gyr_trie_remove(&root->pool, trie, keys[i].bytes, 32);
			continue;
		}
		gyr_rlp_put_u256(&writer, &slots[i].value);
		if (!gyr_trie_put(&root->pool, trie, keys[i].bytes, 32, value,
				  (size_t)(writer.at - value)))
			return false;
	}
	return true;
}

/* Applies up to BATCH slots of the account in turn; false when full. */
static bool step_slots(struct gyr_stf_root *root)
{
	const struct gyr_write_account *account = &root->writes->accounts[root->next_account];
	struct contract *contract = NULL;
	uint32_t count = account->slot_count - root->next_slot;

	if (count > BATCH)
		count = BATCH;
	if (account->storage_cleared || !account->exists)
		contract = find_contract(root, &account->address, false);
	if (contract != NULL && root->next_slot == 0) {
		gyr_trie_clear(&root->pool, &contract->storage);
		contract->storage = (struct gyr_trie){ .root = 0 };
	}
	if (count != 0) {
		contract = find_contract(root, &account->address, true);
		if (contract == NULL || root->dirty_count == root->dirty_count_max)
			return false;
		if (!contract->dirty)
			root->dirty[root->dirty_count++] = &contract->storage;
		contract->dirty = true;
		if (!apply_slots(root, &contract->storage,
				 root->writes->slots + account->slot_first + root->next_slot,
				 count))
			return false;
	}
	root->next_slot += count;
	if (root->next_slot == account->slot_count) {
		root->next_account++;
		root->next_slot = 0;
	}
	return true;
}

static size_t encode_account(struct gyr_stf_root *root, uint8_t out[LEAF_MAX],
			     const struct gyr_write_account *account)
{
	struct contract *contract = find_contract(root, &account->address, false);
	const struct gyr_hash *storage = &gyr_keccak_empty_trie;
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, LEAF_MAX);

	if (contract != NULL)
		storage = gyr_trie_root(&root->pool, &contract->storage);
	gyr_rlp_put_list(&writer, gyr_rlp_length_u64(account->nonce) +
					  gyr_rlp_length_u256(&account->balance) + 66);
	gyr_rlp_put_u64(&writer, account->nonce);
	gyr_rlp_put_u256(&writer, &account->balance);
	gyr_rlp_put_string(&writer, storage->bytes, 32);
	gyr_rlp_put_string(&writer, account->code_hash.bytes, 32);
	return (size_t)(writer.at - out);
}

/* Sets up to BATCH accounts; false when full. */
static bool step_accounts(struct gyr_stf_root *root)
{
	const struct gyr_write_account *accounts = root->writes->accounts + root->next_account;
	uint32_t count = root->writes->account_count - root->next_account;
	struct gyr_slice messages[BATCH] = { { NULL, 0 } };
	struct gyr_hash keys[BATCH];
	uint8_t leaf[LEAF_MAX];

	if (count > BATCH)
		count = BATCH;
	for (uint32_t i = 0; i < count; i++)
		messages[i] = (struct gyr_slice){ .data = accounts[i].address.bytes, .length = 20 };
	root->keccak->hash_many(keys, messages, count);
	gyr_trie_prefetch(&root->pool, &root->accounts, keys, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!accounts[i].exists) {
			(void)gyr_trie_remove(&root->pool, &root->accounts, keys[i].bytes, 32);
			continue;
		}
		if (!gyr_trie_put(&root->pool, &root->accounts, keys[i].bytes, 32, leaf,
				  encode_account(root, leaf, &accounts[i])))
			return false;
	}
	root->next_account += count;
	return true;
}

static struct gyr_slice tx_value(void *context, size_t index)
{
	const struct gyr_stf_block_output *output = context;

	return (struct gyr_slice){ .data = output->tx_bytes + output->txs[index].tx_offset,
				   .length = output->txs[index].tx_length };
}

static struct gyr_slice receipt_value(void *context, size_t index)
{
	const struct gyr_stf_block_output *output = context;

	return (struct gyr_slice){
		.data = output->receipt_bytes + output->txs[index].receipt_offset,
		.length = output->txs[index].receipt_length,
	};
}

static void begin_list(struct gyr_stf_root *root, enum phase phase)
{
	gyr_trie_list_begin(root->list, root->output->tx_count, root->scratch, LIST_SCRATCH,
			    root->keccak);
	root->phase = phase;
}

/* A list of the block, by about `budget` items: its transactions, then their receipts. */
static void step_list(struct gyr_stf_root *root, size_t budget)
{
	bool is_tx = root->phase == PHASE_TX_LIST;
	const struct gyr_hash *found = gyr_trie_list_step(
		root->list, is_tx ? tx_value : receipt_value, root->output, budget);

	if (found == NULL)
		return;
	if (is_tx) {
		root->header.tx_root = *found;
		begin_list(root, PHASE_RECEIPT_LIST);
		return;
	}
	root->header.receipt_root = *found;
	root->header.state_root = *gyr_trie_root(&root->pool, &root->accounts);
	gyr_stf_header_hash(&root->hash, &root->header, root->keccak);
	root->phase = PHASE_END;
}

static void start(struct gyr_stf_root *root, const struct gyr_write_set *writes)
{
	gyr_assert(root->phase == PHASE_IDLE);
	root->writes = writes;
	root->next_account = 0;
	root->next_slot = 0;
	root->dirty_count = 0;
	root->phase = PHASE_SLOTS;
}

void gyr_stf_root_begin(struct gyr_stf_root *root, struct gyr_stf_block_output *output,
			const struct gyr_hash *parent_hash)
{
	start(root, &output->writes);
	root->output = output;
	if (output->history_pending) {
		gyr_u256_load_be(&output->writes.slots[output->history_slot].value,
				 parent_hash->bytes);
		output->history_pending = false;
	}
	root->header = (struct gyr_stf_header){
		.fork = output->fork,
		.parent_hash = *parent_hash,
		.fee_recipient = output->block.fee_recipient,
		.difficulty = output->block.difficulty,
		.number = output->block.number,
		.gas_limit = output->block.gas_limit,
		.gas_used = output->gas_used,
		.timestamp = output->block.timestamp,
		.prev_randao = output->block.prev_randao,
		.base_fee = output->base_fee,
		.blob_gas_used = output->blob_gas_used,
		.excess_blob_gas = output->excess_blob_gas,
	};
	memcpy(root->header.bloom, output->bloom, sizeof output->bloom);
}

/* Storage tries that this block changed are settled together; then none is dirty. */
static bool settle_storage(struct gyr_stf_root *root, size_t budget)
{
	if (!gyr_trie_settle(&root->pool, root->dirty, root->dirty_count, budget))
		return false;
	for (uint32_t i = 0; i < root->dirty_count; i++) {
		uint8_t *trie = (uint8_t *)root->dirty[i];

		((struct contract *)(void *)(trie - offsetof(struct contract, storage)))->dirty =
			false;
	}
	root->dirty_count = 0;
	return true;
}

static enum gyr_stf_root_status end_block(struct gyr_stf_root *root)
{
	root->output = NULL;
	root->phase = PHASE_IDLE;
	return GYR_STF_ROOT_DONE;
}

enum gyr_stf_root_status gyr_stf_root_step(struct gyr_stf_root *root, size_t budget)
{
	struct gyr_trie *accounts = &root->accounts;
	size_t done = 0;

	gyr_assert(budget > 0);
	while (root->phase == PHASE_SLOTS && done < budget) {
		if (root->next_account == root->writes->account_count)
			root->phase = PHASE_SETTLE_STORAGE;
		else if (!step_slots(root))
			return GYR_STF_ROOT_FULL;
		else
			done += root->next_slot == 0 ? 1 : BATCH;
	}
	if (root->phase == PHASE_SETTLE_STORAGE && done < budget &&
	    settle_storage(root, budget == SIZE_MAX ? 0 : budget - done)) {
		root->phase = PHASE_ACCOUNTS;
		root->next_account = 0;
	}
	while (root->phase == PHASE_ACCOUNTS && done < budget) {
		if (root->next_account == root->writes->account_count)
			root->phase = PHASE_SETTLE;
		else if (!step_accounts(root))
			return GYR_STF_ROOT_FULL;
		done += BATCH;
	}
	if (root->phase == PHASE_SETTLE && done < budget &&
	    gyr_trie_settle(&root->pool, &accounts, 1, budget == SIZE_MAX ? 0 : budget - done)) {
		if (root->output == NULL)
			root->phase = PHASE_END;
		else
			begin_list(root, PHASE_TX_LIST);
		return root->phase == PHASE_END ? end_block(root) : GYR_STF_ROOT_RUNNING;
	}
	if (root->phase == PHASE_TX_LIST || root->phase == PHASE_RECEIPT_LIST)
		step_list(root, budget);
	return root->phase == PHASE_END ? end_block(root) : GYR_STF_ROOT_RUNNING;
}

bool gyr_stf_root_apply(struct gyr_stf_root *root, const struct gyr_write_set *writes)
{
	enum gyr_stf_root_status status;

	start(root, writes);
	root->output = NULL;
	do
		status = gyr_stf_root_step(root, SIZE_MAX);
	while (status == GYR_STF_ROOT_RUNNING);
	return status == GYR_STF_ROOT_DONE;
}

const struct gyr_hash *gyr_stf_root_state(struct gyr_stf_root *root)
{
	return gyr_trie_root(&root->pool, &root->accounts);
}

const struct gyr_stf_header *gyr_stf_root_header(const struct gyr_stf_root *root)
{
	return &root->header;
}

const struct gyr_hash *gyr_stf_root_hash(const struct gyr_stf_root *root)
{
	return &root->hash;
}
