/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store class: ordered tables of rows on a disk, changed by one transaction at a time that is
 * there completely or not at all, whatever crashes when. What checkpoints are kept in.
 *
 * One instance writes (a lock); tools may read beside it. One thread at a time uses a store, and
 * the thread that began a transaction ends it. Every call may block on the disk: cold lanes only.
 * What get and walk hand out is valid until the next change of the store or the transaction's end.
 *
 * Limits: GYR_STORE_TABLES_MAX tables, keys of GYR_STORE_KEY_LENGTH_MAX bytes, values of 2 GiB, the
 * size that open is told: beyond it put and commit answer GYR_ERR_LIMIT.
 */
#ifndef GYR_STORE_H
#define GYR_STORE_H

#include "gyr_base.h"

#define GYR_STORE_TABLES_MAX	 8
#define GYR_STORE_KEY_LENGTH_MAX 128

struct gyr_store_config {
	const char *path;	   /* a directory; made if it is missing */
	uint64_t size_max;	   /* bytes, a multiple of 4096 */
	const char *const *tables; /* their names; a table is called by its index */
	unsigned table_count;
	bool read_only; /* beside the instance that writes; the store exists */
	void *context;	/* sim: its disk */
};

enum gyr_store_put {
	GYR_STORE_REPLACE,
	GYR_STORE_KEEP,	  /* a row with this key stays as it is */
	GYR_STORE_APPEND, /* the key is behind all others of its table: quicker */
};

struct gyr_store;

/* Not 0 ends the walk with that answer. */
typedef int gyr_store_visit(void *user, struct gyr_slice key, struct gyr_slice value);

/* Contract of each: the function of the same name below. */
struct gyr_store_ops {
	const char *name;
	int (*open)(struct gyr_store **out, const struct gyr_store_config *config);
	void (*close)(struct gyr_store *store);
	int (*begin)(struct gyr_store *store, bool write);
	int (*commit)(struct gyr_store *store);
	void (*abort)(struct gyr_store *store);
	int (*put)(struct gyr_store *store, unsigned table, struct gyr_slice key,
		   struct gyr_slice value, enum gyr_store_put how);
	int (*remove)(struct gyr_store *store, unsigned table, struct gyr_slice key);
	int64_t (*remove_range)(struct gyr_store *store, unsigned table, struct gyr_slice first,
				struct gyr_slice last, uint64_t count_max);
	int (*get)(struct gyr_store *store, unsigned table, struct gyr_slice key,
		   struct gyr_slice *value);
	int (*walk)(struct gyr_store *store, unsigned table, gyr_store_visit *visit, void *user);
	int (*count)(struct gyr_store *store, unsigned table, uint64_t *out);
};

/* The first member of every driver's store. */
struct gyr_store {
	const struct gyr_store_ops *ops;
};

/* Opens, and makes what is missing unless it is read-only. -GYR_ERR_LOCKED: another instance. */
GYR_MUST_USE static inline int gyr_store_open(struct gyr_store **out,
					      const struct gyr_store_ops *ops,
					      const struct gyr_store_config *config)
{
	gyr_assert(config->table_count <= GYR_STORE_TABLES_MAX);
	return ops->open(out, config);
}

/* A transaction that was begun is given up. */
static inline void gyr_store_close(struct gyr_store *store)
{
	store->ops->close(store);
}

/* Every call below is within a transaction; one that does not write sees the last commit. */
GYR_MUST_USE static inline int gyr_store_begin(struct gyr_store *store, bool write)
{
	return store->ops->begin(store, write);
}

/* Durable when it returns 0; on error nothing of the transaction is there. Ends it either way. */
GYR_MUST_USE static inline int gyr_store_commit(struct gyr_store *store)
{
	return store->ops->commit(store);
}

static inline void gyr_store_abort(struct gyr_store *store)
{
	store->ops->abort(store);
}

GYR_MUST_USE static inline int gyr_store_put(struct gyr_store *store, unsigned table,
					     struct gyr_slice key, struct gyr_slice value,
					     enum gyr_store_put how)
{
	return store->ops->put(store, table, key, value, how);
}

/* 0 also where there was no such row. */
GYR_MUST_USE static inline int gyr_store_remove(struct gyr_store *store, unsigned table,
						struct gyr_slice key)
{
	return store->ops->remove(store, table, key);
}

/* Removes up to count_max rows with keys from first to last, both included; returns how many. */
GYR_MUST_USE static inline int64_t gyr_store_remove_range(struct gyr_store *store, unsigned table,
							  struct gyr_slice first,
							  struct gyr_slice last, uint64_t count_max)
{
	return store->ops->remove_range(store, table, first, last, count_max);
}

/* 1 and the value, or 0. */
GYR_MUST_USE static inline int gyr_store_get(struct gyr_store *store, unsigned table,
					     struct gyr_slice key, struct gyr_slice *value)
{
	return store->ops->get(store, table, key, value);
}

/* Every row in the order of keys (bytes; the shorter one first). Nothing may change meanwhile. */
GYR_MUST_USE static inline int gyr_store_walk(struct gyr_store *store, unsigned table,
					      gyr_store_visit *visit, void *user)
{
	return store->ops->walk(store, table, visit, user);
}

GYR_MUST_USE static inline int gyr_store_count(struct gyr_store *store, unsigned table,
					       uint64_t *out)
{
	return store->ops->count(store, table, out);
}

#endif
