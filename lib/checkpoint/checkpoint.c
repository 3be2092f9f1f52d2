/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"

#define SIZE_MAX_DEFAULT (UINT64_C(64) << 30)
#define CLEAR_STEP	 4096u

enum table { META, ACCOUNTS, SLOTS, CODES, BLOCKS, ITEMS, TABLE_COUNT };

static const char *const table_names[TABLE_COUNT] = { "meta",  "accounts", "slots",
						      "codes", "blocks",   "items" };

/* Rows as they are stored; little-endian numbers, format GYR_CHECKPOINT_VERSION. */
struct account_row {
	uint64_t nonce;
	uint8_t balance[32];
	uint8_t code_hash[32];
};

struct slot_key {
	uint8_t address[20];
	uint8_t key[32];
};

/* Its key is the block's number, big-endian; the two lists follow. */
struct block_row {
	uint64_t position;
	uint64_t arrival_next;
	uint64_t mini_number;
	uint64_t tx_count;
	uint8_t hash[32];
	uint32_t undecided_count;
	uint32_t outcome_count;
};

struct identity_row {
	uint64_t version;
	uint64_t chain_id;
	uint8_t genesis_hash[32];
	uint8_t digest[32]; /* of the genesis file that gives this hash */
};

_Static_assert(sizeof(struct account_row) == 72, "format");
_Static_assert(sizeof(struct slot_key) == 52, "format");
_Static_assert(sizeof(struct block_row) == 72, "format");
_Static_assert(sizeof(struct identity_row) == 80, "format");
_Static_assert(sizeof(struct gyr_checkpoint_head) == 8 + 32 + 32 + 8 + 48 + 24, "format");

struct gyr_checkpoint_store {
	struct gyr_store *store;
	uint64_t chain_id;
	uint8_t *scratch; /* a block's row while it is put together */
	size_t scratch_size;
	bool begun;
	bool reading;
	bool read_only;
};

static struct gyr_slice bytes_of(const void *data, size_t length)
{
	return (struct gyr_slice){ data, length };
}

static struct gyr_slice named(const char *name)
{
	return bytes_of(name, strlen(name));
}

int gyr_checkpoint_open(struct gyr_checkpoint_store **out,
			const struct gyr_checkpoint_config *config)
{
	struct gyr_store_config store = {
		.path = config->path,
		.size_max = config->size_max == 0 ? SIZE_MAX_DEFAULT : config->size_max,
		.tables = table_names,
		.table_count = TABLE_COUNT,
		.read_only = config->read_only,
		.context = config->store_context,
	};
	struct gyr_checkpoint_store *made = calloc(1, sizeof *made);
	int error;

	if (made == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the checkpoint store");
	made->chain_id = config->chain_id;
	made->read_only = config->read_only;
	error = gyr_store_open(&made->store, config->store, &store);
	if (error < 0) {
		free(made);
		return gyr_err_add(error, __FILE__, __LINE__, "opening the checkpoints in %s",
				   config->path);
	}
	*out = made;
	return 0;
}

void gyr_checkpoint_close(struct gyr_checkpoint_store *store)
{
	if (store == NULL)
		return;
	gyr_store_close(store->store);
	free(store->scratch);
	free(store);
}

int gyr_checkpoint_begin(struct gyr_checkpoint_store *store)
{
	gyr_assert(!store->begun && !store->reading && !store->read_only);
	GYR_TRY(gyr_store_begin(store->store, true));
	store->begun = true;
	return 0;
}

void gyr_checkpoint_abort(struct gyr_checkpoint_store *store)
{
	gyr_assert(store->begun);
	gyr_store_abort(store->store);
	store->begun = false;
}

int gyr_checkpoint_read_begin(struct gyr_checkpoint_store *store)
{
	gyr_assert(!store->begun && !store->reading);
	GYR_TRY(gyr_store_begin(store->store, false));
	store->reading = true;
	return 0;
}

void gyr_checkpoint_read_end(struct gyr_checkpoint_store *store)
{
	gyr_assert(store->reading);
	gyr_store_abort(store->store);
	store->reading = false;
}

static int read_identity(struct gyr_checkpoint_store *store, struct identity_row *row)
{
	struct gyr_slice value;
	int found = gyr_store_get(store->store, META, named("identity"), &value);

	if (found <= 0)
		return found;
	memset(row, 0, sizeof *row);
	memcpy(row, value.data, gyr_min_u64(value.length, sizeof *row));
	if (row->version != GYR_CHECKPOINT_VERSION || value.length != sizeof *row)
		GYR_FAIL(GYR_ERR_GENESIS,
			 "the checkpoints have format version %llu, this program reads %d: delete "
			 "them, if the log still reaches back to genesis",
			 (unsigned long long)row->version, GYR_CHECKPOINT_VERSION);
	return 1;
}

int gyr_checkpoint_known(struct gyr_checkpoint_store *store, struct gyr_hash *genesis_hash,
			 const struct gyr_hash *digest)
{
	struct identity_row row;
	int found;

	GYR_TRY(gyr_checkpoint_read_begin(store));
	found = read_identity(store, &row);
	gyr_checkpoint_read_end(store);
	GYR_TRY(found);
	if (found == 0 || row.chain_id != store->chain_id ||
	    memcmp(row.digest, digest->bytes, sizeof row.digest) != 0)
		return 0;
	memcpy(genesis_hash->bytes, row.genesis_hash, sizeof row.genesis_hash);
	return 1;
}

static int claim(struct gyr_checkpoint_store *store, const struct identity_row *wanted)
{
	struct identity_row row;
	int found = read_identity(store, &row);

	GYR_TRY(found);
	if (found != 0 &&
	    (row.chain_id != wanted->chain_id ||
	     memcmp(row.genesis_hash, wanted->genesis_hash, sizeof row.genesis_hash) != 0))
		GYR_FAIL(GYR_ERR_GENESIS, "the checkpoints belong to another genesis or chain");
	return gyr_store_put(store->store, META, named("identity"),
			     bytes_of(wanted, sizeof *wanted), GYR_STORE_REPLACE);
}

int gyr_checkpoint_claim(struct gyr_checkpoint_store *store, const struct gyr_hash *genesis_hash,
			 const struct gyr_hash *digest)
{
	struct identity_row row = { .version = GYR_CHECKPOINT_VERSION,
				    .chain_id = store->chain_id };
	int error;

	memcpy(row.genesis_hash, genesis_hash->bytes, sizeof row.genesis_hash);
	memcpy(row.digest, digest->bytes, sizeof row.digest);
	GYR_TRY(gyr_checkpoint_begin(store));
	error = claim(store, &row);
	if (error < 0) {
		gyr_checkpoint_abort(store);
		return error;
	}
	store->begun = false;
	return gyr_store_commit(store->store);
}

static int read_head(struct gyr_checkpoint_store *store, struct gyr_checkpoint_head *head)
{
	struct gyr_slice value;
	int found = gyr_store_get(store->store, META, named("head"), &value);

	if (found <= 0)
		return found;
	if (value.length != sizeof *head)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: a head of %zu bytes", value.length);
	memcpy(head, value.data, sizeof *head);
	return 1;
}

int gyr_checkpoint_head(struct gyr_checkpoint_store *store, struct gyr_checkpoint_head *head)
{
	int found;

	if (store->begun || store->reading)
		return read_head(store, head);
	GYR_TRY(gyr_checkpoint_read_begin(store));
	found = read_head(store, head);
	gyr_checkpoint_read_end(store);
	return found;
}

static int put(struct gyr_checkpoint_store *store, enum table table, struct gyr_slice key,
	       struct gyr_slice value)
{
	gyr_assert(store->begun);
	return gyr_store_put(store->store, table, key, value, GYR_STORE_REPLACE);
}

static int drop(struct gyr_checkpoint_store *store, enum table table, struct gyr_slice key)
{
	gyr_assert(store->begun);
	return gyr_store_remove(store->store, table, key);
}

int gyr_checkpoint_put_account(struct gyr_checkpoint_store *store,
			       const struct gyr_checkpoint_account *account)
{
	struct account_row row = { .nonce = account->nonce };

	memcpy(row.balance, account->balance, 32);
	memcpy(row.code_hash, account->code_hash.bytes, 32);
	return put(store, ACCOUNTS, bytes_of(account->address.bytes, 20),
		   bytes_of(&row, sizeof row));
}

int gyr_checkpoint_remove_account(struct gyr_checkpoint_store *store,
				  const struct gyr_address *address)
{
	return drop(store, ACCOUNTS, bytes_of(address->bytes, 20));
}

int gyr_checkpoint_put_slot(struct gyr_checkpoint_store *store, const struct gyr_address *address,
			    const uint8_t key[32], const uint8_t value[32])
{
	static const uint8_t zero[32];
	struct slot_key row;

	memcpy(row.address, address->bytes, 20);
	memcpy(row.key, key, 32);
	if (memcmp(value, zero, 32) == 0)
		return drop(store, SLOTS, bytes_of(&row, sizeof row));
	return put(store, SLOTS, bytes_of(&row, sizeof row), bytes_of(value, 32));
}

int gyr_checkpoint_clear_slots(struct gyr_checkpoint_store *store,
			       const struct gyr_address *address)
{
	struct slot_key first = { .key = { 0 } };
	struct slot_key last;
	int64_t removed;

	gyr_assert(store->begun);
	memcpy(first.address, address->bytes, 20);
	last = first;
	memset(last.key, 0xff, sizeof last.key);
	do {
		removed = gyr_store_remove_range(store->store, SLOTS,
						 bytes_of(&first, sizeof first),
						 bytes_of(&last, sizeof last), CLEAR_STEP);
		if (removed < 0)
			return (int)removed;
	} while (removed == CLEAR_STEP);
	return 0;
}

int gyr_checkpoint_put_code(struct gyr_checkpoint_store *store, const struct gyr_hash *hash,
			    struct gyr_slice code)
{
	gyr_assert(store->begun);
	return gyr_store_put(store->store, CODES, bytes_of(hash->bytes, 32), code, GYR_STORE_KEEP);
}

int gyr_checkpoint_put_block(struct gyr_checkpoint_store *store,
			     const struct gyr_checkpoint_block *block)
{
	size_t size = sizeof(struct block_row) + block->undecided.length + block->outcomes.length;
	struct block_row row = {
		.position = block->position,
		.arrival_next = block->arrival_next,
		.mini_number = block->mini_number,
		.tx_count = block->tx_count,
		.undecided_count = (uint32_t)(block->undecided.length / sizeof(uint64_t)),
		.outcome_count = (uint32_t)(block->outcomes.length / GYR_CHECKPOINT_OUTCOME_LENGTH),
	};
	uint8_t key[8];

	memcpy(row.hash, block->hash.bytes, 32);
	if (store->scratch_size < size) {
		uint8_t *grown = realloc(store->scratch, size);

		if (grown == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for a block's row of %zu bytes", size);
		store->scratch = grown;
		store->scratch_size = size;
	}
	memcpy(store->scratch, &row, sizeof row);
	if (block->undecided.length != 0)
		memcpy(store->scratch + sizeof row, block->undecided.data, block->undecided.length);
	if (block->outcomes.length != 0)
		memcpy(store->scratch + sizeof row + block->undecided.length, block->outcomes.data,
		       block->outcomes.length);
	gyr_store_be64(key, block->number);
	return put(store, BLOCKS, bytes_of(key, sizeof key), bytes_of(store->scratch, size));
}

int64_t gyr_checkpoint_drop_blocks(struct gyr_checkpoint_store *store, uint64_t number,
				   uint64_t count_max)
{
	uint8_t first[8] = { 0 };
	uint8_t last[8];

	gyr_assert(store->begun);
	if (number == 0)
		return 0;
	gyr_store_be64(last, number - 1);
	return gyr_store_remove_range(store->store, BLOCKS, bytes_of(first, 8), bytes_of(last, 8),
				      count_max);
}

int gyr_checkpoint_put_item(struct gyr_checkpoint_store *store, uint32_t number,
			    struct gyr_slice bytes)
{
	uint8_t name[4];

	gyr_assert(bytes.length <= GYR_CHECKPOINT_ITEM_LENGTH_MAX);
	gyr_store_be32(name, number);
	if (bytes.length == 0)
		return drop(store, ITEMS, bytes_of(name, 4));
	return put(store, ITEMS, bytes_of(name, 4), bytes);
}

int64_t gyr_checkpoint_item(struct gyr_checkpoint_store *store, uint32_t number, uint8_t *to,
			    size_t size)
{
	struct gyr_slice value;
	uint8_t name[4];
	int found;

	gyr_assert(store->reading);
	gyr_store_be32(name, number);
	found = gyr_store_get(store->store, ITEMS, bytes_of(name, 4), &value);
	if (found <= 0)
		return found;
	if (value.length > size)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: item %u has %zu bytes, expected are %zu",
			 number, value.length, size);
	memcpy(to, value.data, value.length);
	return (int64_t)value.length;
}

static int write_head(struct gyr_checkpoint_store *store, const struct gyr_checkpoint_head *head)
{
	struct gyr_checkpoint_head row = *head;
	struct gyr_checkpoint_head last = { .block_number = 0 };
	int found = read_head(store, &last);

	GYR_TRY(found);
	gyr_assert(found == 0 || (last.block_number <= head->block_number &&
				  last.log_position <= head->log_position));
	GYR_TRY(gyr_store_count(store->store, ACCOUNTS, &row.account_count));
	GYR_TRY(gyr_store_count(store->store, SLOTS, &row.slot_count));
	GYR_TRY(gyr_store_count(store->store, CODES, &row.code_count));
	return put(store, META, named("head"), bytes_of(&row, sizeof row));
}

int gyr_checkpoint_commit(struct gyr_checkpoint_store *store,
			  const struct gyr_checkpoint_head *head)
{
	int error;

	gyr_assert(store->begun);
	error = write_head(store, head);
	if (error < 0) {
		gyr_checkpoint_abort(store);
		return error;
	}
	store->begun = false;
	return gyr_store_commit(store->store);
}

static int odd_row(enum table table)
{
	GYR_FAIL(GYR_ERR_DATA, "checkpoint: a row of table %s has an odd size", table_names[table]);
}

/* A walk of one table for the load. */
struct walk {
	const struct gyr_checkpoint_visit *visit;
	void *user;
	uint64_t count;
};

static int visit_code(void *user, struct gyr_slice key, struct gyr_slice value)
{
	struct walk *walk = user;
	struct gyr_hash hash;

	if (key.length != sizeof hash)
		return odd_row(CODES);
	memcpy(hash.bytes, key.data, sizeof hash);
	walk->count++;
	return walk->visit->code(walk->user, &hash, value);
}

static int visit_account(void *user, struct gyr_slice key, struct gyr_slice value)
{
	struct walk *walk = user;
	struct gyr_checkpoint_account account;
	struct account_row row;

	if (key.length != sizeof account.address || value.length != sizeof row)
		return odd_row(ACCOUNTS);
	memcpy(&row, value.data, sizeof row);
	memcpy(account.address.bytes, key.data, sizeof account.address);
	account.nonce = row.nonce;
	memcpy(account.balance, row.balance, 32);
	memcpy(account.code_hash.bytes, row.code_hash, 32);
	walk->count++;
	return walk->visit->account(walk->user, &account);
}

static int visit_slot(void *user, struct gyr_slice key, struct gyr_slice value)
{
	struct walk *walk = user;
	struct gyr_address address;
	struct slot_key slot;

	if (key.length != sizeof slot || value.length != 32)
		return odd_row(SLOTS);
	memcpy(&slot, key.data, sizeof slot);
	memcpy(address.bytes, slot.address, sizeof address);
	walk->count++;
	return walk->visit->slot(walk->user, &address, slot.key, value.data);
}

static int read_block(struct gyr_checkpoint_block *block, struct gyr_slice key,
		      struct gyr_slice value)
{
	struct block_row row;
	size_t undecided_length;

	if (key.length != 8 || value.length < sizeof row)
		return odd_row(BLOCKS);
	memcpy(&row, value.data, sizeof row);
	undecided_length = (size_t)row.undecided_count * sizeof(uint64_t);
	if (value.length != sizeof row + undecided_length +
				    (size_t)row.outcome_count * GYR_CHECKPOINT_OUTCOME_LENGTH)
		return odd_row(BLOCKS);
	*block = (struct gyr_checkpoint_block){
		.number = gyr_load_be64(key.data),
		.position = row.position,
		.arrival_next = row.arrival_next,
		.mini_number = row.mini_number,
		.tx_count = row.tx_count,
		.undecided = bytes_of(value.data + sizeof row, undecided_length),
		.outcomes = bytes_of(value.data + sizeof row + undecided_length,
				     (size_t)row.outcome_count * GYR_CHECKPOINT_OUTCOME_LENGTH),
	};
	memcpy(block->hash.bytes, row.hash, 32);
	return 0;
}

static int visit_block(void *user, struct gyr_slice key, struct gyr_slice value)
{
	struct walk *walk = user;
	struct gyr_checkpoint_block block;

	GYR_TRY(read_block(&block, key, value));
	return walk->visit->block(walk->user, &block);
}

static int load_table(struct gyr_checkpoint_store *store, enum table table, uint64_t expected,
		      gyr_store_visit *visit_row, const struct gyr_checkpoint_visit *visit,
		      void *user)
{
	struct walk walk = { .visit = visit, .user = user };

	GYR_TRY(gyr_store_walk(store->store, table, visit_row, &walk));
	if (table != BLOCKS && walk.count != expected)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: table %s has %llu rows instead of %llu",
			 table_names[table], (unsigned long long)walk.count,
			 (unsigned long long)expected);
	return 0;
}

int gyr_checkpoint_load(struct gyr_checkpoint_store *store, struct gyr_checkpoint_head *head,
			const struct gyr_checkpoint_visit *visit, void *user)
{
	int found;

	gyr_assert(store->reading);
	found = read_head(store, head);
	if (found <= 0)
		return found;
	if (visit->code != NULL)
		GYR_TRY(load_table(store, CODES, head->code_count, visit_code, visit, user));
	if (visit->block != NULL)
		GYR_TRY(load_table(store, BLOCKS, 0, visit_block, visit, user));
	if (visit->account != NULL)
		GYR_TRY(load_table(store, ACCOUNTS, head->account_count, visit_account, visit,
				   user));
	if (visit->slot != NULL)
		GYR_TRY(load_table(store, SLOTS, head->slot_count, visit_slot, visit, user));
	return 1;
}

int gyr_checkpoint_code(struct gyr_checkpoint_store *store, struct gyr_slice *code,
			const struct gyr_hash *hash)
{
	gyr_assert(store->reading);
	return gyr_store_get(store->store, CODES, bytes_of(hash->bytes, 32), code);
}

int gyr_checkpoint_block(struct gyr_checkpoint_store *store, struct gyr_checkpoint_block *block,
			 uint64_t number)
{
	struct gyr_slice value;
	uint8_t key[8];
	int found;

	gyr_assert(store->reading);
	gyr_store_be64(key, number);
	found = gyr_store_get(store->store, BLOCKS, bytes_of(key, sizeof key), &value);
	if (found <= 0)
		return found;
	GYR_TRY(read_block(block, bytes_of(key, sizeof key), value));
	return 1;
}
