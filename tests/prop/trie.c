/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/trie against a model: a sorted array whose root is computed by the definition in the yellow
 * paper, appendix D, from scratch. Random changes to several tries of one pool, proofs and their
 * damage, exhaustion, lists.
 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_rlp.h"
#include "gyr_trie.h"

#define MODEL_MAX 600
#define TRIE_MAX  5

struct pair {
	uint8_t key[32];
	size_t key_length;
	uint8_t value[500];
	size_t value_length;
};

struct model {
	struct pair pairs[MODEL_MAX];
	size_t count;
};

static uint64_t seed;
static struct model models[TRIE_MAX];
static struct gyr_trie tries[TRIE_MAX];
static struct gyr_trie_pool pool;

static unsigned nibble(const struct pair *pair, unsigned at)
{
	return at % 2 == 0 ? pair->key[at / 2] >> 4 : pair->key[at / 2] & 15;
}

static size_t path_bytes(uint8_t *out, const struct pair *pair, unsigned from, unsigned to,
			 bool leaf)
{
	unsigned odd = (to - from) & 1;
	size_t length = 1;

	out[0] = (uint8_t)((leaf ? 0x20 : 0) | (odd ? 0x10 | nibble(pair, from) : 0));
	for (unsigned i = from + odd; i < to; i += 2)
		out[length++] = (uint8_t)(nibble(pair, i) << 4 | nibble(pair, i + 1));
	return length;
}

static size_t node_of(uint8_t *out, const struct pair *pairs, size_t count, unsigned from);

/* n(): a node's reference, the node itself if short. */
static size_t reference_of(uint8_t *out, const struct pair *pairs, size_t count, unsigned from)
{
	uint8_t node[4096];
	size_t length = node_of(node, pairs, count, from);
	struct gyr_hash hash;

	if (length < 32) {
		memcpy(out, node, length);
		return length;
	}
	gyr_keccak256(&hash, node, length);
	out[0] = 0xa0;
	memcpy(out + 1, hash.bytes, 32);
	return 33;
}

static size_t list_of(uint8_t *out, const uint8_t *content, size_t length)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, 4096);

	gyr_rlp_put_list(&writer, length);
	gyr_rlp_put_raw(&writer, content, length);
	return (size_t)(writer.at - out);
}

/* c(): the structural composition of sorted pairs that share `from` nibbles. */
static size_t node_of(uint8_t *out, const struct pair *pairs, size_t count, unsigned from)
{
	uint8_t content[4000], path[40];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(content, sizeof content);
	const struct pair *last = &pairs[count - 1];
	unsigned common = from;
	size_t begin = 0;

	if (count == 1) {
		unsigned end = 2 * (unsigned)pairs->key_length;

		gyr_rlp_put_string(&writer, path, path_bytes(path, pairs, from, end, true));
		gyr_rlp_put_string(&writer, pairs->value, pairs->value_length);
		return list_of(out, content, (size_t)(writer.at - content));
	}
	while (common < 2 * pairs->key_length && common < 2 * last->key_length &&
	       nibble(pairs, common) == nibble(last, common))
		common++;
	if (common > from) {
		gyr_rlp_put_string(&writer, path, path_bytes(path, pairs, from, common, false));
		writer.at += reference_of(writer.at, pairs, count, common);
		return list_of(out, content, (size_t)(writer.at - content));
	}
	if (2 * pairs->key_length == from)
		begin = 1;
	for (unsigned digit = 0; digit < 16; digit++) {
		size_t first = begin, end;

		while (first < count && nibble(&pairs[first], from) < digit)
			first++;
		for (end = first; end < count && nibble(&pairs[end], from) == digit;)
			end++;
		if (first == end)
			gyr_rlp_put_string(&writer, NULL, 0);
		else
			writer.at += reference_of(writer.at, pairs + first, end - first, from + 1);
	}
	gyr_rlp_put_string(&writer, pairs->value, begin == 1 ? pairs->value_length : 0);
	return list_of(out, content, (size_t)(writer.at - content));
}

static struct gyr_hash model_root(const struct model *model)
{
	struct gyr_hash hash = gyr_keccak_empty_trie;
	uint8_t node[4096];

	if (model->count != 0)
		gyr_keccak256(&hash, node, node_of(node, model->pairs, model->count, 0));
	return hash;
}

static int compare(const struct pair *a, const struct pair *b)
{
	size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
	int order = memcmp(a->key, b->key, shorter);

	if (order != 0)
		return order;
	return (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

/* The place of a key, or where it would be. */
static size_t model_find(const struct model *model, const struct pair *pair, bool *found)
{
	size_t i = 0;

	while (i < model->count && compare(&model->pairs[i], pair) < 0)
		i++;
	*found = i < model->count && compare(&model->pairs[i], pair) == 0;
	return i;
}

static void model_put(struct model *model, const struct pair *pair)
{
	bool found;
	size_t i = model_find(model, pair, &found);

	if (!found) {
		assert_true(model->count < MODEL_MAX);
		memmove(&model->pairs[i + 1], &model->pairs[i], (model->count - i) * sizeof *pair);
		model->count++;
	}
	model->pairs[i] = *pair;
}

static bool model_remove(struct model *model, const struct pair *pair)
{
	bool found;
	size_t i = model_find(model, pair, &found);

	if (!found)
		return false;
	model->count--;
	memmove(&model->pairs[i], &model->pairs[i + 1], (model->count - i) * sizeof *pair);
	return true;
}

/*
 * Keys of style 0: 32 random bytes; 1: 32 bytes of few nibbles, sharing long prefixes; 2: 1 to 4
 * bytes, prefixes of each other; 3: 32 bytes equal but for the last ones, so that nodes are short.
 */
static struct pair random_pair(unsigned style)
{
	struct pair pair = { .key_length = 32 };

	for (size_t i = 0; i < 32; i++) {
		uint64_t r = gyr_test_random(&seed);

		pair.key[i] = (uint8_t)r;
		if (style == 1)
			pair.key[i] = r % 8 == 0 ? 0x10 : 0;
		if (style == 2)
			pair.key[i] = (uint8_t)(r % 3 * 16 + r / 3 % 2);
		if (style == 3)
			pair.key[i] = i < 30 ? 7 : (uint8_t)(r & 0x33);
	}
	if (style == 2) {
		pair.key_length = 1 + gyr_test_random(&seed) % 4;
		memset(pair.key + pair.key_length, 0, 32 - pair.key_length);
	}
	pair.value_length = 1 + gyr_test_random(&seed) % (style == 3 ? 3 : sizeof pair.value);
	for (size_t i = 0; i < pair.value_length; i++)
		pair.value[i] = (uint8_t)gyr_test_random(&seed);
	return pair;
}

/* A key that is likely there. */
static struct pair some_pair(const struct model *model, unsigned style)
{
	if (model->count != 0 && gyr_test_random(&seed) % 4 != 0)
		return model->pairs[gyr_test_random(&seed) % model->count];
	return random_pair(style);
}

static void check_proof(unsigned index, const struct pair *pair)
{
	static uint8_t buffer[2 * GYR_TRIE_PROOF_BYTES_MAX];
	struct gyr_slice nodes[GYR_TRIE_PROOF_COUNT_MAX + 1], value;
	const struct gyr_trie *trie = &tries[index];
	enum gyr_trie_proof proof;
	bool found;
	size_t at = model_find(&models[index], pair, &found), count;
	uint8_t *byte;

	count = gyr_trie_prove(&pool, trie, nodes, buffer, sizeof buffer, pair->key,
			       pair->key_length);
	proof = gyr_trie_verify(&value, &trie->hash, pair->key, pair->key_length, nodes, count,
				pool.keccak);
	assert_int_equal(proof, found ? GYR_TRIE_PROOF_PRESENT : GYR_TRIE_PROOF_ABSENT);
	if (found) {
		assert_int_equal(value.length, models[index].pairs[at].value_length);
		assert_memory_equal(value.data, models[index].pairs[at].value, value.length);
	}
	if (count == 0)
		return;
	assert_int_equal(gyr_trie_verify(&value, &trie->hash, pair->key, pair->key_length, nodes,
					 count - 1, pool.keccak),
			 GYR_TRIE_PROOF_BAD);
	nodes[count] = nodes[0];
	assert_int_equal(gyr_trie_verify(&value, &trie->hash, pair->key, pair->key_length, nodes,
					 count + 1, pool.keccak),
			 GYR_TRIE_PROOF_BAD);
	at = (size_t)(gyr_test_random(&seed) % count);
	byte = (uint8_t *)(uintptr_t)nodes[at].data + gyr_test_random(&seed) % nodes[at].length;
	*byte ^= (uint8_t)(1 + gyr_test_random(&seed) % 255);
	assert_int_equal(gyr_trie_verify(&value, &trie->hash, pair->key, pair->key_length, nodes,
					 count, pool.keccak),
			 GYR_TRIE_PROOF_BAD);
}

static void check_all(void)
{
	struct gyr_trie *list[TRIE_MAX];
	size_t budget = gyr_test_random(&seed) % 2 * (1 + gyr_test_random(&seed) % 50);

	for (unsigned i = 0; i < TRIE_MAX; i++)
		list[i] = &tries[i];
	for (unsigned calls = 0; !gyr_trie_settle(&pool, list, TRIE_MAX, budget); calls++)
		assert_true(calls < 10000);
	for (unsigned i = 0; i < TRIE_MAX; i++) {
		struct gyr_hash want = model_root(&models[i]);

		assert_memory_equal(&tries[i].hash, &want, sizeof want);
	}
}

static void make_pool(void **memory, size_t node_bytes)
{
	size_t size = node_bytes + ((size_t)8 << 20);
	struct gyr_arena arena;
	static const struct gyr_keccak_ops *const keccak = &gyr_keccak_portable;

	*memory = malloc(size);
	arena = gyr_arena_over(*memory, size);
	assert_true(gyr_trie_pool_init(&pool, &arena, node_bytes, keccak));
	memset(models, 0, sizeof models);
	memset(tries, 0, sizeof tries);
}

static void random_changes_match_the_definition(void **state)
{
	void *memory;
	size_t room;

	(void)state;
	make_pool(&memory, (size_t)4 << 20);
	room = gyr_trie_pool_room(&pool);
	for (unsigned round = 0; round < 120; round++) {
		unsigned bias = (unsigned)(gyr_test_random(&seed) % 5);

		for (unsigned change = 0; change < 60; change++) {
			unsigned index = (unsigned)(gyr_test_random(&seed) % TRIE_MAX);
			unsigned style = index % 4;
			struct pair pair = random_pair(style);
			struct gyr_slice value;
			bool found;

			if (models[index].count < MODEL_MAX - 1 &&
			    gyr_test_random(&seed) % 5 >= bias) {
				if (gyr_test_random(&seed) % 3 == 0) {
					struct pair old = some_pair(&models[index], style);

					memcpy(pair.key, old.key, 32);
					pair.key_length = old.key_length;
				}
				assert_true(gyr_trie_put(&pool, &tries[index], pair.key,
							 pair.key_length, pair.value,
							 pair.value_length));
				model_put(&models[index], &pair);
			} else {
				pair = some_pair(&models[index], style);
				found = model_remove(&models[index], &pair);
				assert_true(gyr_trie_remove(&pool, &tries[index], pair.key,
							    pair.key_length) == found);
			}
			pair = some_pair(&models[index], style);
			(void)model_find(&models[index], &pair, &found);
			assert_true(gyr_trie_get(&pool, &tries[index], &value, pair.key,
						 pair.key_length) == found);
			if (found) {
				size_t at = model_find(&models[index], &pair, &found);

				assert_int_equal(value.length,
						 models[index].pairs[at].value_length);
				assert_memory_equal(value.data, models[index].pairs[at].value,
						    value.length);
			}
		}
		check_all();
		for (unsigned index = 0; index < TRIE_MAX; index++) {
			struct pair pair = some_pair(&models[index], index % 4);

			check_proof(index, &pair);
		}
	}
	for (unsigned i = 0; i < TRIE_MAX; i++)
		gyr_trie_clear(&pool, &tries[i]);
	assert_int_equal(gyr_trie_pool_room(&pool), room);
	memset(models, 0, sizeof models);
	check_all();
	free(memory);
}

static void a_full_pool_refuses_and_stays_right(void **state)
{
	void *memory;
	unsigned refused = 0;

	(void)state;
	make_pool(&memory, 40000);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned index = (unsigned)(gyr_test_random(&seed) % TRIE_MAX);
		struct pair pair = random_pair(index % 4);

		if (round % 3 == 2) {
			pair = some_pair(&models[index], index % 4);
			assert_true(
				gyr_trie_remove(&pool, &tries[index], pair.key, pair.key_length) ==
				model_remove(&models[index], &pair));
		} else if (gyr_trie_put(&pool, &tries[index], pair.key, pair.key_length, pair.value,
					pair.value_length)) {
			model_put(&models[index], &pair);
		} else {
			refused++;
		}
		if (round % 50 == 0)
			check_all();
	}
	check_all();
	assert_true(refused > 0);
	free(memory);
}

/* More stale branches than one round of settling can list. */
static void a_large_trie_settles_whatever_the_budget(void **state)
{
	enum { COUNT = 150000 };
	struct gyr_trie trie = { .root = 0 }, again = { .root = 0 }, *list = &trie;
	void *memory;
	unsigned calls = 1;
	uint8_t key[32];

	(void)state;
	make_pool(&memory, (size_t)100 << 20);
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < COUNT; i++) {
			uint64_t from = i;

			for (unsigned j = 0; j < 32; j += 8) {
				uint64_t r = gyr_test_random(&from);

				memcpy(key + j, &r, 8);
			}
			assert_true(
				gyr_trie_put(&pool, pass == 0 ? &trie : &again, key, 32, key, 20));
		}
	while (!gyr_trie_settle(&pool, &list, 1, 5000))
		calls++;
	assert_true(calls > 10);
	assert_memory_equal(gyr_trie_root(&pool, &again), &trie.hash, 32);
	free(memory);
}

static uint8_t list_values[400][600];
static size_t list_lengths[400];

static struct gyr_slice list_value(void *context, size_t index)
{
	unsigned *asked = context;

	asked[index]++;
	return (struct gyr_slice){ list_values[index], list_lengths[index] };
}

static void lists_match_tries_with_index_keys(void **state)
{
	static uint8_t scratch[1 << 16];
	static struct model model;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		size_t count = round < 20 ? round : (size_t)(gyr_test_random(&seed) % 400);
		size_t longest = round % 3 == 0 ? 4 : 490, size = sizeof scratch;
		unsigned asked[400] = { 0 };
		struct gyr_hash got, want;

		model.count = 0;
		for (size_t i = 0; i < count; i++) {
			struct pair pair = { .key_length = gyr_rlp_length_u64(i) };
			struct gyr_rlp_writer writer = gyr_rlp_writer_over(pair.key, 32);

			gyr_rlp_put_u64(&writer, i);
			list_lengths[i] = 1 + gyr_test_random(&seed) % longest;
			for (size_t j = 0; j < list_lengths[i]; j++)
				list_values[i][j] = (uint8_t)gyr_test_random(&seed);
			pair.value_length = list_lengths[i];
			memcpy(pair.value, list_values[i], pair.value_length);
			model_put(&model, &pair);
		}
		want = model_root(&model);
		if (round % 2 == 0)
			size = GYR_TRIE_LIST_SCRATCH_MIN + gyr_test_random(&seed) % 1000;
		gyr_trie_list_root(&got, list_value, asked, count, scratch, size,
				   &gyr_keccak_portable);
		assert_memory_equal(&got, &want, sizeof want);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(asked[i], 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_match_the_definition),
		cmocka_unit_test(a_full_pool_refuses_and_stays_right),
		cmocka_unit_test(a_large_trie_settles_whatever_the_budget),
		cmocka_unit_test(lists_match_tries_with_index_keys),
	};

	seed = gyr_test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
