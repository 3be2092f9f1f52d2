/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_err.h"

#define LOCK_NAME "writer"

struct lmdb_store {
	struct gyr_store store;
	MDB_env *env;
	MDB_txn *txn; /* what was begun */
	MDB_dbi tables[GYR_STORE_TABLES_MAX];
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
			GYR_FAIL(code_of(result_), "store: %s: %s", (what),                        \
				 mdb_strerror(result_));                                           \
	} while (0)

static struct lmdb_store *of(struct gyr_store *store)
{
	return (struct lmdb_store *)(void *)store;
}

static MDB_val value_of(struct gyr_slice slice)
{
	return (MDB_val){ .mv_size = slice.length, .mv_data = (void *)(uintptr_t)slice.data };
}

static struct gyr_slice slice_of(const MDB_val *value)
{
	return (struct gyr_slice){ value->mv_data, value->mv_size };
}

static int lock(struct lmdb_store *store, const char *path)
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

static int open_tables(struct lmdb_store *store, const struct gyr_store_config *config)
{
	MDB_txn *txn;

	TRY_MDB(mdb_txn_begin(store->env, NULL, store->read_only ? MDB_RDONLY : 0, &txn),
		"opening");
	for (unsigned i = 0; i < config->table_count; i++) {
		int result = mdb_dbi_open(txn, config->tables[i], store->read_only ? 0 : MDB_CREATE,
					  &store->tables[i]);

		if (result == 0)
			continue;
		mdb_txn_abort(txn);
		GYR_FAIL(code_of(result), "store: table %s: %s", config->tables[i],
			 mdb_strerror(result));
	}
	TRY_MDB(mdb_txn_commit(txn), "opening");
	return 0;
}

static int open_env(struct lmdb_store *store, const struct gyr_store_config *config)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (config->read_only ? MDB_RDONLY : 0);

	if (!config->read_only)
		GYR_TRY(lock(store, config->path));
	TRY_MDB(mdb_env_create(&store->env), "creating");
	TRY_MDB(mdb_env_set_maxdbs(store->env, GYR_STORE_TABLES_MAX), "creating");
	TRY_MDB(mdb_env_set_mapsize(store->env, (size_t)config->size_max), "its size");
	TRY_MDB(mdb_env_open(store->env, config->path, flags, 0640), config->path);
	return open_tables(store, config);
}

static void lmdb_abort(struct gyr_store *base)
{
	struct lmdb_store *store = of(base);

	gyr_assert(store->txn != NULL);
	mdb_txn_abort(store->txn);
	store->txn = NULL;
}

static void lmdb_close(struct gyr_store *base)
{
	struct lmdb_store *store = of(base);

	if (store->txn != NULL)
		lmdb_abort(base);
	if (store->env != NULL)
		mdb_env_close(store->env);
	if (store->lock_fd >= 0)
		(void)close(store->lock_fd);
	free(store);
}

static int lmdb_open(struct gyr_store **out, const struct gyr_store_config *config)
{
	struct lmdb_store *store = calloc(1, sizeof *store);
	int error;

	if (store == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the store");
	store->store.ops = &gyr_store_lmdb;
	store->lock_fd = -1;
	store->read_only = config->read_only;
	error = open_env(store, config);
	if (error < 0) {
		lmdb_close(&store->store);
		return gyr_err_add(error, __FILE__, __LINE__, "opening the store %s", config->path);
	}
	*out = &store->store;
	return 0;
}

static int lmdb_begin(struct gyr_store *base, bool write)
{
	struct lmdb_store *store = of(base);

	gyr_assert(store->txn == NULL && !(write && store->read_only));
	TRY_MDB(mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, &store->txn), "beginning");
	return 0;
}

static int lmdb_commit(struct gyr_store *base)
{
	struct lmdb_store *store = of(base);
	MDB_txn *txn = store->txn;

	gyr_assert(txn != NULL);
	store->txn = NULL; /* gone whatever commit answers */
	TRY_MDB(mdb_txn_commit(txn), "committing");
	return 0;
}

static int lmdb_put(struct gyr_store *base, unsigned table, struct gyr_slice key,
		    struct gyr_slice value, enum gyr_store_put how)
{
	struct lmdb_store *store = of(base);
	MDB_val row_key = value_of(key);
	MDB_val row_value = value_of(value);
	unsigned flags = how == GYR_STORE_KEEP	   ? MDB_NOOVERWRITE
			 : how == GYR_STORE_APPEND ? MDB_APPEND
						   : 0;
	int result;

	gyr_assert(store->txn != NULL);
	result = mdb_put(store->txn, store->tables[table], &row_key, &row_value, flags);
	if (result == MDB_KEYEXIST && how == GYR_STORE_KEEP)
		return 0;
	TRY_MDB(result, "a row");
	return 0;
}

static int lmdb_remove(struct gyr_store *base, unsigned table, struct gyr_slice key)
{
	struct lmdb_store *store = of(base);
	MDB_val row_key = value_of(key);
	int result;

	gyr_assert(store->txn != NULL);
	result = mdb_del(store->txn, store->tables[table], &row_key, NULL);
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "removing a row");
	return 0;
}

static int64_t lmdb_remove_range(struct gyr_store *base, unsigned table, struct gyr_slice first,
				 struct gyr_slice last, uint64_t count_max)
{
	struct lmdb_store *store = of(base);
	MDB_val end = value_of(last);
	MDB_cursor *cursor;
	uint64_t count = 0;
	MDB_val key = value_of(first);
	MDB_val value;
	int result = 0;

	gyr_assert(store->txn != NULL);
	TRY_MDB(mdb_cursor_open(store->txn, store->tables[table], &cursor), "removing rows");
	while (count < count_max) {
		result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
		if (result != 0 || mdb_cmp(store->txn, store->tables[table], &key, &end) > 0)
			break;
		result = mdb_cursor_del(cursor, 0);
		if (result != 0)
			break;
		count++;
		key = value_of(first);
	}
	mdb_cursor_close(cursor);
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "removing rows");
	return (int64_t)count;
}

static int lmdb_get(struct gyr_store *base, unsigned table, struct gyr_slice key,
		    struct gyr_slice *value)
{
	struct lmdb_store *store = of(base);
	MDB_val row_key = value_of(key);
	MDB_val found;
	int result;

	gyr_assert(store->txn != NULL);
	result = mdb_get(store->txn, store->tables[table], &row_key, &found);
	if (result == MDB_NOTFOUND)
		return 0;
	TRY_MDB(result, "reading a row");
	*value = slice_of(&found);
	return 1;
}

static int lmdb_walk(struct gyr_store *base, unsigned table, gyr_store_visit *visit, void *user)
{
	struct lmdb_store *store = of(base);
	MDB_cursor *cursor;
	int answer = 0;
	int result = 0;
	MDB_val key;
	MDB_val value;

	gyr_assert(store->txn != NULL);
	TRY_MDB(mdb_cursor_open(store->txn, store->tables[table], &cursor), "reading a table");
	while (answer == 0 && (result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
		answer = visit(user, slice_of(&key), slice_of(&value));
	mdb_cursor_close(cursor);
	if (answer != 0)
		return answer;
	TRY_MDB(result == MDB_NOTFOUND ? 0 : result, "reading a table");
	return 0;
}

static int lmdb_count(struct gyr_store *base, unsigned table, uint64_t *out)
{
	struct lmdb_store *store = of(base);
	MDB_stat stat;

	gyr_assert(store->txn != NULL);
	TRY_MDB(mdb_stat(store->txn, store->tables[table], &stat), "counting");
	*out = stat.ms_entries;
	return 0;
}

const struct gyr_store_ops gyr_store_lmdb = {
	.name = "lmdb",
	.open = lmdb_open,
	.close = lmdb_close,
	.begin = lmdb_begin,
	.commit = lmdb_commit,
	.abort = lmdb_abort,
	.put = lmdb_put,
	.remove = lmdb_remove,
	.remove_range = lmdb_remove_range,
	.get = lmdb_get,
	.walk = lmdb_walk,
	.count = lmdb_count,
};
