/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State roots: one account trie of a million leaves (argument: another number), changed at random
 * keys; and many small storage tries settled together. Milliseconds, medians over rounds.
 */
#include <string.h>
#include <sys/mman.h>

#include "gyr_accel_keccak_simd.h"
#include "gyr_perf.h"
#include "gyr_trie.h"

#define ROUND_COUNT 9
#define DIRTY_MAX   100000

static uint64_t random_state = 1;
static struct gyr_hash keys[DIRTY_MAX];
static struct gyr_trie_pool pool;

static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Stands for the hash of address number i. */
static void make_key(struct gyr_hash *out, uint64_t i)
{
	for (unsigned word = 0; word < 4; word++) {
		uint64_t z = (i * 4 + word + 1) * 0x9e3779b97f4a7c15;

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
		z ^= z >> 31;
		memcpy(out->bytes + 8 * (size_t)word, &z, 8);
	}
}

/* An account's RLP has about this length: nonce, balance, two hashes. */
static void put(struct gyr_trie *trie, const struct gyr_hash *key, size_t length)
{
	uint8_t value[80];

	for (size_t i = 0; i < sizeof value; i += 8) {
		uint64_t r = next_random();

		memcpy(value + i, &r, 8);
	}
	if (!gyr_trie_put(&pool, trie, key->bytes, 32, value, length)) {
		(void)fprintf(stderr, "the pool is full\n");
		exit(1);
	}
}

static void report(const char *what, double *change, double *settle)
{
	double change_ns = gyr_perf_median(change, ROUND_COUNT);
	double settle_ns = gyr_perf_median(settle, ROUND_COUNT);

	printf("%-44s %10.3f %10.3f %10.3f\n", what, change_ns / 1e6, settle_ns / 1e6,
	       (change_ns + settle_ns) / 1e6);
}

static void accounts(struct gyr_trie *trie, size_t count, size_t dirty, bool prefetch)
{
	double change[ROUND_COUNT], settle[ROUND_COUNT];
	char what[64];

	for (unsigned round = 0; round < ROUND_COUNT; round++) {
		uint64_t begin, middle;

		for (size_t i = 0; i < dirty; i++)
			make_key(&keys[i], next_random() % count);
		begin = gyr_perf_now_ns();
		for (size_t i = 0; i < dirty; i++) {
			if (prefetch && i % 16 == 0)
				gyr_trie_prefetch(&pool, trie, keys + i,
						  dirty - i < 16 ? dirty - i : 16);
			put(trie, &keys[i], 80);
		}
		middle = gyr_perf_now_ns();
		(void)gyr_trie_root(&pool, trie);
		settle[round] = (double)(gyr_perf_now_ns() - middle);
		change[round] = (double)(middle - begin);
	}
	(void)snprintf(what, sizeof what, "%zu of %zu accounts%s", dirty, count,
		       prefetch ? ", prefetched" : "");
	report(what, change, settle);
}

/* Each of the tries gets a few slots; all are settled in one sweep, and one by one. */
static void storage(size_t trie_count, size_t slots, bool together)
{
	static struct gyr_trie tries[20000], *list[20000];
	double change[ROUND_COUNT], settle[ROUND_COUNT];
	char what[64];

	for (unsigned round = 0; round < ROUND_COUNT; round++) {
		uint64_t begin = gyr_perf_now_ns(), middle;

		for (size_t i = 0; i < trie_count; i++) {
			list[i] = &tries[i];
			for (size_t j = 0; j < slots; j++) {
				make_key(&keys[0], next_random() % 20);
				put(&tries[i], &keys[0], 20);
			}
		}
		middle = gyr_perf_now_ns();
		if (together)
			(void)gyr_trie_settle(&pool, list, trie_count, 0);
		else
			for (size_t i = 0; i < trie_count; i++)
				(void)gyr_trie_root(&pool, list[i]);
		settle[round] = (double)(gyr_perf_now_ns() - middle);
		change[round] = (double)(middle - begin);
	}
	for (size_t i = 0; i < trie_count; i++)
		gyr_trie_clear(&pool, &tries[i]);
	(void)snprintf(what, sizeof what, "%zu slots each of %zu tries, %s", slots, trie_count,
		       together ? "together" : "one by one");
	report(what, change, settle);
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
	size_t node_bytes = count * 300 + ((size_t)64 << 20);
	size_t size = node_bytes + ((size_t)8 << 20);
	struct gyr_trie trie = { .root = 0 };
	struct gyr_arena arena;
	struct gyr_hash key;
	uint64_t begin, middle;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	(void)madvise(memory, size, MADV_HUGEPAGE);
	arena = gyr_arena_over(memory, size);
	if (!gyr_trie_pool_init(&pool, &arena, node_bytes, gyr_accel_keccak_simd()))
		return 1;
	begin = gyr_perf_now_ns();
	for (size_t i = 0; i < count; i++) {
		make_key(&key, i);
		put(&trie, &key, 80);
	}
	middle = gyr_perf_now_ns();
	(void)gyr_trie_root(&pool, &trie);
	printf("keccak %s; %zu accounts: built in %.0f ms, settled in %.0f ms, %.0f MB (%.0f bytes "
	       "each)\n",
	       pool.keccak->name, count, (double)(middle - begin) / 1e6,
	       (double)(gyr_perf_now_ns() - middle) / 1e6,
	       (double)(node_bytes - gyr_trie_pool_room(&pool)) / 1e6,
	       (double)(node_bytes - gyr_trie_pool_room(&pool)) / (double)count);
	printf("%-44s %10s %10s %10s\n", "ms", "change", "root", "together");
	accounts(&trie, count, 100, true);
	accounts(&trie, count, 1000, true);
	accounts(&trie, count, 10000, false);
	accounts(&trie, count, 10000, true);
	accounts(&trie, count, 100000, true);
	storage(1000, 3, true);
	storage(1000, 3, false);
	storage(20000, 1, true);
	return 0;
}
