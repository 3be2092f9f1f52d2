/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_store_sim.h"

#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"

struct row {
	uint8_t key[GYR_STORE_KEY_LENGTH_MAX];
	size_t key_length;
	uint8_t *value;
	size_t value_length;
};

struct table {
	struct row *rows;
	size_t count;
	size_t room;
};

struct gyr_store_sim_disk {
	struct table tables[GYR_STORE_TABLES_MAX]; /* as committed */
	struct gyr_store_sim_faults faults;
	uint64_t random;
	uint64_t commit_count;
	bool is_open;
};

struct sim_store {
	struct gyr_store store;
	struct gyr_store_sim_disk *disk;
	struct table tables[GYR_STORE_TABLES_MAX]; /* of the transaction that writes */
	bool begun;
	bool writes;
};

static struct sim_store *of(struct gyr_store *store)
{
	return (struct sim_store *)(void *)store;
}

static void clear(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->rows[i].value);
	free(table->rows);
	*table = (struct table){ .count = 0 };
}

static void *need(void *memory)
{
	gyr_assert(memory != NULL); /* a simulation without memory proves nothing */
	return memory;
}

static uint8_t *copy_of(struct gyr_slice bytes)
{
	uint8_t *to = need(malloc(bytes.length + 1));

	if (bytes.length != 0)
		memcpy(to, bytes.data, bytes.length);
	return to;
}

static void copy_table(struct table *to, const struct table *from)
{
	*to = (struct table){ .count = from->count, .room = from->count };
	if (from->count == 0)
		return;
	to->rows = need(malloc(from->count * sizeof *to->rows));
	memcpy(to->rows, from->rows, from->count * sizeof *to->rows);
	for (size_t i = 0; i < to->count; i++)
		to->rows[i].value = copy_of(
			(struct gyr_slice){ from->rows[i].value, from->rows[i].value_length });
}

static int compare(const struct row *row, struct gyr_slice key)
{
	size_t length = row->key_length < key.length ? row->key_length : key.length;
	int order = memcmp(row->key, key.data, length);

	if (order != 0)
		return order;
	return row->key_length < key.length ? -1 : row->key_length > key.length;
}

/* The place of the first row that is not below the key; *found: it has it. */
static size_t place_of(const struct table *table, struct gyr_slice key, bool *found)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&table->rows[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < table->count && compare(&table->rows[low], key) == 0;
	return low;
}

struct gyr_store_sim_disk *gyr_store_sim_disk_make(uint64_t seed)
{
	struct gyr_store_sim_disk *disk = calloc(1, sizeof *disk);

	if (disk != NULL)
		disk->random = seed | 1;
	return disk;
}

void gyr_store_sim_disk_clear(struct gyr_store_sim_disk *disk)
{
	gyr_assert(!disk->is_open);
	for (unsigned i = 0; i < GYR_STORE_TABLES_MAX; i++)
		clear(&disk->tables[i]);
}

void gyr_store_sim_disk_free(struct gyr_store_sim_disk *disk)
{
	if (disk == NULL)
		return;
	for (unsigned i = 0; i < GYR_STORE_TABLES_MAX; i++)
		clear(&disk->tables[i]);
	free(disk);
}

struct gyr_store_sim_faults *gyr_store_sim_disk_faults(struct gyr_store_sim_disk *disk)
{
	return &disk->faults;
}

uint64_t gyr_store_sim_disk_commits(const struct gyr_store_sim_disk *disk)
{
	return disk->commit_count;
}

static int sim_open(struct gyr_store **out, const struct gyr_store_config *config)
{
	struct gyr_store_sim_disk *disk = config->context;
	struct sim_store *store;

	if (disk->is_open)
		GYR_FAIL(GYR_ERR_LOCKED, "another instance holds the store");
	store = need(calloc(1, sizeof *store));
	store->store.ops = &gyr_store_sim;
	store->disk = disk;
	disk->is_open = true;
	*out = &store->store;
	return 0;
}

static void sim_abort(struct gyr_store *base)
{
	struct sim_store *store = of(base);

	gyr_assert(store->begun);
	for (unsigned i = 0; store->writes && i < GYR_STORE_TABLES_MAX; i++)
		clear(&store->tables[i]);
	store->begun = false;
}

static void sim_close(struct gyr_store *base)
{
	struct sim_store *store = of(base);

	if (store->begun)
		sim_abort(base);
	store->disk->is_open = false;
	free(store);
}

static int sim_begin(struct gyr_store *base, bool write)
{
	struct sim_store *store = of(base);

	gyr_assert(!store->begun);
	store->begun = true;
	store->writes = write;
	for (unsigned i = 0; write && i < GYR_STORE_TABLES_MAX; i++)
		copy_table(&store->tables[i], &store->disk->tables[i]);
	return 0;
}

static int sim_commit(struct gyr_store *base)
{
	struct sim_store *store = of(base);
	struct gyr_store_sim_disk *disk = store->disk;

	gyr_assert(store->begun && store->writes);
	/* Marsaglia's xorshift: the faults need no better one */
	disk->random ^= disk->random << 13;
	disk->random ^= disk->random >> 7;
	disk->random ^= disk->random << 17;
	if (disk->faults.fail_commit_one_in != 0 &&
	    disk->random % disk->faults.fail_commit_one_in == 0) {
		sim_abort(base);
		GYR_FAIL(GYR_ERR_IO, "store: the simulated disk failed a commit");
	}
	for (unsigned i = 0; i < GYR_STORE_TABLES_MAX; i++) {
		clear(&disk->tables[i]);
		disk->tables[i] = store->tables[i];
	}
	disk->commit_count++;
	store->begun = false;
	return 0;
}

static struct table *table_of(struct sim_store *store, unsigned table)
{
	gyr_assert(store->begun && table < GYR_STORE_TABLES_MAX);
	return store->writes ? &store->tables[table] : &store->disk->tables[table];
}

static int sim_put(struct gyr_store *base, unsigned number, struct gyr_slice key,
		   struct gyr_slice value, enum gyr_store_put how)
{
	struct sim_store *store = of(base);
	struct table *table = table_of(store, number);
	uint64_t limit = store->disk->faults.row_count_max;
	bool found;
	size_t at = place_of(table, key, &found);

	gyr_assert(store->writes && key.length <= GYR_STORE_KEY_LENGTH_MAX);
	gyr_assert(how != GYR_STORE_APPEND || at == table->count);
	if (found && how == GYR_STORE_KEEP)
		return 0;
	if (!found) {
		if (limit != 0 && table->count >= limit)
			GYR_FAIL(GYR_ERR_LIMIT, "store: full");
		if (table->count == table->room) {
			table->room = table->room * 2 + 16;
			table->rows = need(realloc(table->rows, table->room * sizeof *table->rows));
		}
		memmove(&table->rows[at + 1], &table->rows[at],
			(table->count++ - at) * sizeof *table->rows);
		memcpy(table->rows[at].key, key.data, key.length);
		table->rows[at].key_length = key.length;
		table->rows[at].value = NULL;
	}
	free(table->rows[at].value);
	table->rows[at].value = copy_of(value);
	table->rows[at].value_length = value.length;
	return 0;
}

static void erase(struct table *table, size_t at)
{
	free(table->rows[at].value);
	memmove(&table->rows[at], &table->rows[at + 1],
		(--table->count - at) * sizeof *table->rows);
}

static int sim_remove(struct gyr_store *base, unsigned number, struct gyr_slice key)
{
	struct table *table = table_of(of(base), number);
	bool found;
	size_t at = place_of(table, key, &found);

	gyr_assert(of(base)->writes);
	if (found)
		erase(table, at);
	return 0;
}

static int64_t sim_remove_range(struct gyr_store *base, unsigned number, struct gyr_slice first,
				struct gyr_slice last, uint64_t count_max)
{
	struct table *table = table_of(of(base), number);
	uint64_t count = 0;
	bool found;
	size_t at = place_of(table, first, &found);

	gyr_assert(of(base)->writes);
	for (; count < count_max && at < table->count && compare(&table->rows[at], last) <= 0;
	     count++)
		erase(table, at);
	return (int64_t)count;
}

static struct gyr_slice value_at(const struct table *table, size_t at)
{
	return (struct gyr_slice){ table->rows[at].value, table->rows[at].value_length };
}

static int sim_get(struct gyr_store *base, unsigned number, struct gyr_slice key,
		   struct gyr_slice *value)
{
	const struct table *table = table_of(of(base), number);
	bool found;
	size_t at = place_of(table, key, &found);

	if (found)
		*value = value_at(table, at);
	return found;
}

static int sim_walk(struct gyr_store *base, unsigned number, gyr_store_visit *visit, void *user)
{
	const struct table *table = table_of(of(base), number);
	int answer = 0;

	for (size_t i = 0; answer == 0 && i < table->count; i++)
		answer = visit(user,
			       (struct gyr_slice){ table->rows[i].key, table->rows[i].key_length },
			       value_at(table, i));
	return answer;
}

static int sim_count(struct gyr_store *base, unsigned number, uint64_t *out)
{
	*out = table_of(of(base), number)->count;
	return 0;
}

const struct gyr_store_ops gyr_store_sim = {
	.name = "sim",
	.open = sim_open,
	.close = sim_close,
	.begin = sim_begin,
	.commit = sim_commit,
	.abort = sim_abort,
	.put = sim_put,
	.remove = sim_remove,
	.remove_range = sim_remove_range,
	.get = sim_get,
	.walk = sim_walk,
	.count = sim_count,
};
