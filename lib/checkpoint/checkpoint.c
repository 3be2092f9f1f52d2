/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_bytes.h"
#include "gyr_err.h"

#define SIZE_MAX_DEFAULT (UINT64_C(64) << 30)
#define LOCK_NAME	 "writer"

enum table { META, ACCOUNTS, SLOTS, CODES, ITEMS, TABLE_COUNT };

static const char *const table_names[TABLE_COUNT] = { "meta", "accounts", "slots", "codes",
						      "items" };

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

struct identity_row {
	uint64_t version;
	uint64_t chain_id;
	uint8_t genesis_hash[32];
};

_Static_assert(sizeof(struct account_row) == 72, "format");
_Static_assert(sizeof(struct slot_key) == 52, "format");
_Static_assert(sizeof(struct identity_row) == 48, "format");
_Static_assert(sizeof(struct gyr_checkpoint_head) == 8 + 32 + 32 + 8 + 8 + 8 + 24, "format");

struct gyr_checkpoint {
	MDB_env *env;
	MDB_txn *txn; /* of the checkpoint that is open */
	MDB_dbi tables[TABLE_COUNT];
	int lock_fd;
	bool read_only;
};

static enum gyr_err code_of(int result)
{
	switch (result) {
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
		return GYR_ERR_LIMIT;
	case ENOSPC:
		return GYR_ERR_DISK_FULL;
	case ENOMEM:
		return GYR_ERR_MEMORY;
	case EACCES:
	case EPERM:
		return GYR_ERR_PERMISSION;
	case MDB_CORRUPTED:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_PAGE_NOTFOUND:
		return GYR_ERR_DATA;
	default:
		return GYR_ERR_IO;
	}
}

#define TRY_MDB(call, what)                                                                        \
	do {                                                                                       \
		int result_ = (call);                                                              \
		if (result_ != 0)                                                                  \
			GYR_FAIL(code_of(result_), "checkpoint store: %s: %s", (what),             \
				 mdb_strerror(result_));                                           \
	} while (0)

static MDB_val value_of(const void *data, size_t size)
{
	return (MDB_val){ .mv_size = size, .mv_data = (void *)(uintptr_t)data };
}

static int lock(struct gyr_checkpoint *store, const char *path)
{
	char name[4096];

	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		GYR_FAIL(code_of(errno), "cannot make %s: %s", path, strerror(errno));
	(void)snprintf(name, sizeof name, "%s/%s", path, LOCK_NAME);
	store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock_fd < 0)
		GYR_FAIL(code_of(errno), "cannot open %s: %s", name, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
		GYR_FAIL(GYR_ERR_LOCKED, "another instance holds %s", name);
	return 0;
}

static int check_identity(struct gyr_checkpoint *store, MDB_txn *txn,
			  const struct gyr_checkpoint_config *config)
{
	struct identity_row row = { .version = GYR_CHECKPOINT_VERSION,
				    .chain_id = config->chain_id };
	MDB_val key = value_of("identity", 8);
	MDB_val value = value_of(&row, sizeof row);
	MDB_val found;
	int result = mdb_get(txn, store->tables[META], &key, &found);

	memcpy(row.genesis_hash, config->genesis_hash.bytes, 32);
	if (result == MDB_NOTFOUND && !store->read_only) {
		TRY_MDB(mdb_put(txn, store->tables[META], &key, &value, 0), "identity");
		return 0;
	}
	TRY_MDB(result, "identity");
	if (found.mv_size != sizeof row || memcmp(found.mv_data, &row, sizeof row) != 0)
		GYR_FAIL(GYR_ERR_GENESIS,
			 "the checkpoint store belongs to another genesis, chain or version");
	return 0;
}

static int open_tables(struct gyr_checkpoint *store, const struct gyr_checkpoint_config *config)
{
	MDB_txn *txn;
	int error = 0;

	TRY_MDB(mdb_txn_begin(store->env, NULL, store->read_only ? MDB_RDONLY : 0, &txn),
		"opening");
	for (unsigned i = 0; i < TABLE_COUNT && error == 0; i++) {
		int result = mdb_dbi_open(txn, table_names[i], store->read_only ? 0 : MDB_CREATE,
					  &store->tables[i]);

		if (result != 0)
			error = gyr_err_push(code_of(result), __FILE__, __LINE__,
					     "checkpoint store: table %s: %s", table_names[i],
					     mdb_strerror(result));
	}
	if (error == 0)
		error = check_identity(store, txn, config);
	if (error < 0) {
		mdb_txn_abort(txn);
		return error;
	}
	TRY_MDB(mdb_txn_commit(txn), "opening");
	return 0;
}

static int open_store(struct gyr_checkpoint *store, const struct gyr_checkpoint_config *config)
{
	size_t size = (size_t)(config->size_max == 0 ? SIZE_MAX_DEFAULT : config->size_max);
	unsigned flags = MDB_NOTLS | (config->read_only ? MDB_RDONLY : 0);

	if (!config->read_only)
		GYR_TRY(lock(store, config->path));
	TRY_MDB(mdb_env_create(&store->env), "creating");
	TRY_MDB(mdb_env_set_maxdbs(store->env, TABLE_COUNT), "creating");
	TRY_MDB(mdb_env_set_mapsize(store->env, size), "its size");
	TRY_MDB(mdb_env_open(store->env, config->path, flags, 0640), config->path);
	return open_tables(store, config);
}

int gyr_checkpoint_open(struct gyr_checkpoint **out, const struct gyr_checkpoint_config *config)
{
	struct gyr_checkpoint *store = calloc(1, sizeof *store);
	int error;

	if (store == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the checkpoint store");
	store->lock_fd = -1;
	store->read_only = config->read_only;
	error = open_store(store, config);
	if (error < 0) {
		gyr_checkpoint_close(store);
		return gyr_err_add(error, __FILE__, __LINE__, "opening the checkpoint store %s",
				   config->path);
	}
	*out = store;
	return 0;
}

void gyr_checkpoint_close(struct gyr_checkpoint *store)
{
	if (store->txn != NULL)
		gyr_checkpoint_abort(store);
	if (store->env != NULL)
		mdb_env_close(store->env);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd);
	free(store);
}

static int read_head(struct gyr_checkpoint *store, MDB_txn *txn, struct gyr_checkpoint_head *head)
{
	MDB_val key = value_of("head", 4);
	MDB_val value;
	int result = mdb_get(txn, store->tables[META], &key, &value);

	if (result == MDB_NOTFOUND)
		return 0;
	TRY_MDB(result, "head");
	if (value.mv_size != sizeof *head)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint store: a head of %zu bytes", value.mv_size);
	memcpy(head, value.mv_data, sizeof *head);
	return 1;
}

int gyr_checkpoint_head(struct gyr_checkpoint *store, struct gyr_checkpoint_head *head)
{
	MDB_txn *txn;
	int found;

	if (store->txn != NULL)
		return read_head(store, store->txn, head);
	TRY_MDB(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), "head");
	found = read_head(store, txn, head);
	mdb_txn_abort(txn);
	return found;
}

int gyr_checkpoint_begin(struct gyr_checkpoint *store)
{
	gyr_assert(store->txn == NULL && !store->read_only);
	TRY_MDB(mdb_txn_begin(store->env, NULL, 0, &store->txn), "beginning a checkpoint");
	return 0;
}

void gyr_checkpoint_abort(struct gyr_checkpoint *store)
{
	gyr_assert(store->txn != NULL);
	mdb_txn_abort(store->txn);
	store->txn = NULL;
}

static int put(struct gyr_checkpoint *store, enum table table, MDB_val key, MDB_val value)
{
	gyr_assert(store->txn != NULL);
	TRY_MDB(mdb_put(store->txn, store->tables[table], &key, &value, 0), "a row");
	return 0;
}

static int drop(struct gyr_checkpoint *store, enum table table, MDB_val key)
{
	int result;

	gyr_assert(store->txn != NULL);
	result = mdb_del(store->txn, store->tables[table], &key, NULL);
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "removing a row");
	return 0;
}

int gyr_checkpoint_put_account(struct gyr_checkpoint *store,
			       const struct gyr_checkpoint_account *account)
{
	struct account_row row = { .nonce = account->nonce };

	memcpy(row.balance, account->balance, 32);
	memcpy(row.code_hash, account->code_hash.bytes, 32);
	return put(store, ACCOUNTS, value_of(account->address.bytes, 20),
		   value_of(&row, sizeof row));
}

int gyr_checkpoint_remove_account(struct gyr_checkpoint *store, const struct gyr_address *address)
{
	return drop(store, ACCOUNTS, value_of(address->bytes, 20));
}

int gyr_checkpoint_put_slot(struct gyr_checkpoint *store, const struct gyr_address *address,
			    const uint8_t key[32], const uint8_t value[32])
{
	static const uint8_t zero[32];
	struct slot_key row;

	memcpy(row.address, address->bytes, 20);
	memcpy(row.key, key, 32);
	if (memcmp(value, zero, 32) == 0)
		return drop(store, SLOTS, value_of(&row, sizeof row));
	return put(store, SLOTS, value_of(&row, sizeof row), value_of(value, 32));
}

int gyr_checkpoint_clear_slots(struct gyr_checkpoint *store, const struct gyr_address *address)
{
	struct slot_key first = { .key = { 0 } };
	MDB_cursor *cursor;
	MDB_val key = value_of(&first, sizeof first);
	MDB_val value;
	int result;

	gyr_assert(store->txn != NULL);
	memcpy(first.address, address->bytes, 20);
	TRY_MDB(mdb_cursor_open(store->txn, store->tables[SLOTS], &cursor), "slots");
	while ((result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)) == 0 &&
	       memcmp(key.mv_data, address->bytes, 20) == 0) {
		result = mdb_cursor_del(cursor, 0);
		if (result != 0)
			break;
		key = value_of(&first, sizeof first);
	}
	mdb_cursor_close(cursor);
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "clearing slots");
	return 0;
}

int gyr_checkpoint_put_code(struct gyr_checkpoint *store, const struct gyr_hash *hash,
			    struct gyr_slice code)
{
	return put(store, CODES, value_of(hash->bytes, 32), value_of(code.data, code.length));
}

int gyr_checkpoint_put_item(struct gyr_checkpoint *store, uint32_t number, struct gyr_slice bytes)
{
	uint8_t name[4];

	gyr_assert(bytes.length <= GYR_CHECKPOINT_ITEM_LENGTH_MAX);
	gyr_store_be32(name, number);
	if (bytes.length == 0)
		return drop(store, ITEMS, value_of(name, 4));
	return put(store, ITEMS, value_of(name, 4), value_of(bytes.data, bytes.length));
}

static int64_t read_item(struct gyr_checkpoint *store, MDB_txn *txn, uint32_t number, uint8_t *to,
			 size_t size)
{
	uint8_t name[4];
	MDB_val key = value_of(name, 4);
	MDB_val value;
	int result;

	gyr_store_be32(name, number);
	result = mdb_get(txn, store->tables[ITEMS], &key, &value);
	if (result == MDB_NOTFOUND)
		return 0;
	TRY_MDB(result, "an item");
	if (value.mv_size > size)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint store: item %u has %zu bytes, expected are %zu",
			 number, value.mv_size, size);
	memcpy(to, value.mv_data, value.mv_size);
	return (int64_t)value.mv_size;
}

int64_t gyr_checkpoint_get_item(struct gyr_checkpoint *store, uint32_t number, uint8_t *to,
				size_t size)
{
	MDB_txn *txn;
	int64_t length;

	gyr_assert(store->txn == NULL);
	TRY_MDB(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), "an item");
	length = read_item(store, txn, number, to, size);
	mdb_txn_abort(txn);
	return length;
}

static int count_rows(struct gyr_checkpoint *store, MDB_txn *txn, enum table table, uint64_t *out)
{
	MDB_stat stat;

	TRY_MDB(mdb_stat(txn, store->tables[table], &stat), "counting");
	*out = stat.ms_entries;
	return 0;
}

static int write_head(struct gyr_checkpoint *store, const struct gyr_checkpoint_head *head)
{
	struct gyr_checkpoint_head row = *head;
	struct gyr_checkpoint_head last = { .block_number = 0 };
	int found = read_head(store, store->txn, &last);

	if (found < 0)
		return found;
	gyr_assert(found == 0 || (last.block_number <= head->block_number &&
				  last.log_position <= head->log_position));
	row.reserved = 0;
	GYR_TRY(count_rows(store, store->txn, ACCOUNTS, &row.account_count));
	GYR_TRY(count_rows(store, store->txn, SLOTS, &row.slot_count));
	GYR_TRY(count_rows(store, store->txn, CODES, &row.code_count));
	return put(store, META, value_of("head", 4), value_of(&row, sizeof row));
}

int gyr_checkpoint_commit(struct gyr_checkpoint *store, const struct gyr_checkpoint_head *head)
{
	MDB_txn *txn = store->txn;
	int error;

	gyr_assert(txn != NULL);
	error = write_head(store, head);
	if (error < 0) {
		gyr_checkpoint_abort(store);
		return error;
	}
	store->txn = NULL; /* gone whatever commit answers */
	TRY_MDB(mdb_txn_commit(txn), "committing a checkpoint");
	return 0;
}

static int hand_out(enum table table, const MDB_val *key, const MDB_val *value,
		    const struct gyr_checkpoint_visit *visit, void *user)
{
	static const size_t key_sizes[TABLE_COUNT] = { 0, 20, sizeof(struct slot_key), 32, 0 };
	struct gyr_checkpoint_account account = { .nonce = 0 };
	struct account_row row;
	struct slot_key slot;
	struct gyr_address address;

	if (key->mv_size != key_sizes[table] ||
	    (table == ACCOUNTS && value->mv_size != sizeof row) ||
	    (table == SLOTS && value->mv_size != 32))
		GYR_FAIL(GYR_ERR_DATA, "checkpoint store: a row of table %s has an odd size",
			 table_names[table]);
	switch (table) {
	case CODES:
		return visit->code(user, key->mv_data,
				   (struct gyr_slice){ value->mv_data, value->mv_size });
	case ACCOUNTS:
		memcpy(&row, value->mv_data, sizeof row);
		memcpy(account.address.bytes, key->mv_data, 20);
		account.nonce = row.nonce;
		memcpy(account.balance, row.balance, 32);
		memcpy(account.code_hash.bytes, row.code_hash, 32);
		return visit->account(user, &account);
	case SLOTS:
		memcpy(&slot, key->mv_data, sizeof slot);
		memcpy(address.bytes, slot.address, 20);
		return visit->slot(user, &address, slot.key, value->mv_data);
	default:
		gyr_assert(false);
		return 0;
	}
}

static int load_table(struct gyr_checkpoint *store, MDB_txn *txn, enum table table,
		      uint64_t expected, const struct gyr_checkpoint_visit *visit, void *user)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint64_t count = 0;
	int answer = 0;
	int result;

	TRY_MDB(mdb_cursor_open(txn, store->tables[table], &cursor), "loading");
	while (answer == 0 && (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		count++;
		answer = hand_out(table, &key, &value, visit, user);
	}
	mdb_cursor_close(cursor);
	if (answer != 0)
		return answer;
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "loading");
	if (count != expected)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint store: table %s has %llu rows instead of %llu",
			 table_names[table], (unsigned long long)count,
			 (unsigned long long)expected);
	return 0;
}

static int load(struct gyr_checkpoint *store, MDB_txn *txn, struct gyr_checkpoint_head *head,
		const struct gyr_checkpoint_visit *visit, void *user)
{
	int found = read_head(store, txn, head);

	if (found <= 0)
		return found;
	if (visit->code != NULL)
		GYR_TRY(load_table(store, txn, CODES, head->code_count, visit, user));
	if (visit->account != NULL)
		GYR_TRY(load_table(store, txn, ACCOUNTS, head->account_count, visit, user));
	if (visit->slot != NULL)
		GYR_TRY(load_table(store, txn, SLOTS, head->slot_count, visit, user));
	return 1;
}

int gyr_checkpoint_load(struct gyr_checkpoint *store, struct gyr_checkpoint_head *head,
			const struct gyr_checkpoint_visit *visit, void *user)
{
	MDB_txn *txn;
	int found;

	gyr_assert(store->txn == NULL);
	TRY_MDB(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn), "loading");
	found = load(store, txn, head, visit, user);
	mdb_txn_abort(txn);
	return found;
}
