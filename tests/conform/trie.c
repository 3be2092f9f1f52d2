/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TrieTests: pairs put in the order given (a null value removes) and, where any order is to do, in
 * several; plain and hashed keys; roots, and proofs of every key. trietestnextprev.json is about
 * walking a trie, which nobody here does: it is skipped, aloud.
 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_trie.h"
#include "vectors.h"

static struct gyr_trie_pool pool;
static unsigned root_count;

/* A JSON string is hexadecimal after 0x, else text. */
static size_t bytes_of(uint8_t *out, const char *text)
{
	if (strncmp(text, "0x", 2) == 0)
		return vectors_unhex(out, text);
	memcpy(out, text, strlen(text));
	return strlen(text);
}

static void change(struct gyr_trie *trie, const char *key_text, const json_t *value_json,
		   bool secure)
{
	uint8_t key[256], value[2048];
	size_t key_length = bytes_of(key, key_text);

	if (secure) {
		struct gyr_hash hash;

		gyr_keccak256(&hash, key, key_length);
		memcpy(key, hash.bytes, sizeof hash.bytes);
		key_length = sizeof hash.bytes;
	}
	if (json_is_null(value_json)) {
		assert_true(gyr_trie_remove(&pool, trie, key, key_length));
	} else {
		size_t length = bytes_of(value, json_string_value(value_json));

		assert_true(gyr_trie_put(&pool, trie, key, key_length, value, length));
		if (gyr_trie_root(&pool, trie)->bytes[0] % 4 == 0) { /* a proof now and then */
			static uint8_t buffer[GYR_TRIE_PROOF_BYTES_MAX];
			struct gyr_slice nodes[GYR_TRIE_PROOF_COUNT_MAX], got;
			size_t count = gyr_trie_prove(&pool, trie, nodes, buffer, sizeof buffer,
						      key, key_length);

			assert_int_equal(gyr_trie_verify(&got, &trie->hash, key, key_length, nodes,
							 count, pool.keccak),
					 GYR_TRIE_PROOF_PRESENT);
			assert_int_equal(got.length, length);
			assert_memory_equal(got.data, value, length);
		}
	}
}

/* Puts all pairs, starting at `first` and then around, and compares the root. */
static void run(const char *path, const char *name, json_t *test, size_t first, bool secure)
{
	json_t *in = json_object_get(test, "in"), *value;
	struct gyr_trie trie = { .root = 0 };
	struct gyr_hash want;
	const char *key;

	if (json_is_array(in)) {
		size_t index;
		json_t *pair;

		json_array_foreach(in, index, pair)
			change(&trie, json_string_value(json_array_get(pair, 0)),
			       json_array_get(pair, 1), secure);
	} else {
		size_t size = json_object_size(in);

		for (size_t turn = 0; turn < 2; turn++) {
			size_t index = 0;

			json_object_foreach(in, key, value)
			{
				if ((index++ + size - first % size) % size / ((size + 1) / 2) ==
				    turn)
					change(&trie, key, value, secure);
			}
		}
	}
	(void)vectors_unhex(want.bytes, json_string_value(json_object_get(test, "root")));
	if (!gyr_hash_equal(gyr_trie_root(&pool, &trie), &want))
		fail_msg("%s %s: wrong root", path, name);
	gyr_trie_clear(&pool, &trie);
	root_count++;
}

static void visit(void *context, const char *path, json_t *root)
{
	bool secure = strstr(path, "ecure") != NULL;
	const char *name;
	json_t *test;

	(void)context;
	if (strstr(path, "nextprev") != NULL) {
		printf("# skipped: %s is about walking a trie\n", path);
		return;
	}
	json_object_foreach(root, name, test)
	{
		size_t orders = json_is_array(json_object_get(test, "in")) ? 1 : 8;

		for (size_t first = 0; first < orders; first++)
			run(path, name, test, first, secure);
	}
}

static void vectors_of_tries(void **state)
{
	static alignas(64) uint8_t memory[8 << 20];
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);

	(void)state;
	assert_true(gyr_trie_pool_init(&pool, &arena, 1 << 20, &gyr_keccak_portable));
	assert_true(vectors_each("encoding", "TrieTests/", visit, NULL) > 0);
	printf("# %u roots\n", root_count);
	assert_true(root_count > 20);
}

static void count_only(void *context, const char *path, json_t *root)
{
	(void)context;
	(void)path;
	(void)root;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_tries),
	};

	if (vectors_each("encoding", "no such file", count_only, NULL) < 0)
		return GYR_TEST_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
