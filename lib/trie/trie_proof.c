/* SPDX-License-Identifier: Apache-2.0 */
#include "trie_node.h"

#include "gyr_rlp.h"

/* Nodes being written for a proof. */
struct prover {
	struct gyr_slice *nodes;
	size_t count;
	uint8_t *at;
	uint8_t *end;
};

/* Adds a node; one that is embedded in its parent is not listed, the root always is. */
static void list_node(struct prover *prover, const uint8_t *message, size_t length)
{
	if (length < 32 && prover->count != 0)
		return;
	gyr_assert(prover->count < GYR_TRIE_PROOF_COUNT_MAX);
	gyr_assert(length <= (size_t)(prover->end - prover->at));
	memcpy(prover->at, message, length);
	prover->nodes[prover->count++] = (struct gyr_slice){ prover->at, length };
	prover->at += length;
}

/* Lists a branch and the extension above it; false when the key parts from the extension. */
static bool prove_branch(struct prover *prover, const struct gyr_trie_pool *pool,
			 struct trie_branch *branch, unsigned from, const uint8_t *key,
			 size_t key_length)
{
	uint8_t message[TRIE_MESSAGE_MAX], extension[TRIE_MESSAGE_MAX];
	size_t length = trie_encode_branch(message, pool, branch);
	struct trie_item item;

	gyr_assert(branch->stale == 0);
	if (branch->depth > from) {
		trie_make_item(&item, message, length, pool->keccak);
		list_node(
			prover, extension,
			trie_encode_extension(extension, branch->key, from, branch->depth, &item));
		if (2 * key_length < branch->depth ||
		    trie_common(branch->key, key, from, branch->depth) < branch->depth)
			return false;
	}
	list_node(prover, message, length);
	return true;
}

size_t gyr_trie_prove(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		      struct gyr_slice *nodes, uint8_t *buffer, size_t buffer_size, const void *key,
		      size_t key_length)
{
	struct prover prover = { .nodes = nodes, .at = buffer, .end = buffer + buffer_size };
	uint8_t message[TRIE_MESSAGE_MAX];
	const struct trie_leaf *leaf;
	uint32_t at = trie->root;
	unsigned from = 0;

	gyr_assert(trie->is_settled && key_length != 0 && key_length <= GYR_TRIE_KEY_MAX);
	while (trie_is_branch(at)) {
		struct trie_branch *branch = trie_branch(pool, at);
		unsigned slot;

		if (!prove_branch(&prover, pool, branch, from, key, key_length))
			return prover.count;
		slot = trie_slot(key, key_length, branch->depth);
		if ((branch->present >> slot & 1) == 0 || slot == TRIE_VALUE_SLOT)
			return prover.count;
		at = trie_children(branch)[trie_position(branch, slot)];
		from = branch->depth + 1u;
	}
	if (at == 0)
		return 0;
	leaf = trie_leaf(pool, at);
	list_node(&prover, message,
		  trie_encode_leaf(message, sizeof message, leaf->key, leaf->key_length, from,
				   (struct gyr_slice){ leaf->value, leaf->value_length }));
	return prover.count;
}

/* A proof being read. */
struct verifier {
	const struct gyr_slice *nodes;
	size_t count, used;
	const struct gyr_keccak_ops *keccak;
	const uint8_t *key;
	unsigned nibbles, at;  /* of the key; the next one to match */
	struct gyr_slice node; /* the node at hand, encoded */
};

/* Goes to the node that a 32-byte reference names. */
static bool follow_hash(struct verifier *v, const uint8_t *hash)
{
	struct gyr_hash got;

	if (v->used == v->count)
		return false;
	v->node = v->nodes[v->used++];
	v->keccak->hash(&got, v->node.data, v->node.length);
	return memcmp(got.bytes, hash, sizeof got.bytes) == 0;
}

/* Goes to the node that an item refers to: by hash, or embedded. */
static bool follow(struct verifier *v, const struct gyr_rlp_item *item)
{
	if (item->is_list) {
		v->node = item->raw;
		return item->raw.length < 32;
	}
	return item->content.length == 32 && follow_hash(v, item->content.data);
}

/* Every node of a proof has been used. */
static enum gyr_trie_proof end(const struct verifier *v, enum gyr_trie_proof proof)
{
	return v->used == v->count ? proof : GYR_TRIE_PROOF_BAD;
}

/*
 * Matches a hex-prefix path against the key: false when malformed; *matches says whether the key
 * goes that way.
 */
static bool match_path(struct verifier *v, struct gyr_slice path, bool *is_leaf, bool *matches)
{
	unsigned flag, odd, count;

	if (path.length == 0 || path.length > GYR_TRIE_KEY_MAX + 1)
		return false;
	flag = path.data[0] >> 4;
	odd = flag & 1;
	count = 2 * (unsigned)(path.length - 1) + odd;
	if (flag > 3 || (odd == 0 && (path.data[0] & 15) != 0))
		return false;
	*is_leaf = flag >= 2;
	*matches = count <= v->nibbles - v->at;
	for (unsigned i = 0; i < count && *matches; i++)
		*matches = trie_nibble(path.data, i + 2 - odd) == trie_nibble(v->key, v->at + i);
	if (*matches)
		v->at += count;
	return *is_leaf || count != 0;
}

enum step { STEP_BAD, STEP_ON, STEP_ABSENT, STEP_PRESENT };

static enum step step_pair(struct verifier *v, struct gyr_slice *value,
			   const struct gyr_rlp_item items[2])
{
	bool is_leaf, matches;

	if (items[0].is_list || !match_path(v, items[0].content, &is_leaf, &matches))
		return STEP_BAD;
	if (is_leaf) {
		if (items[1].is_list || items[1].content.length == 0)
			return STEP_BAD;
		*value = items[1].content;
		return matches && v->at == v->nibbles ? STEP_PRESENT : STEP_ABSENT;
	}
	if (!matches)
		return STEP_ABSENT;
	return follow(v, &items[1]) ? STEP_ON : STEP_BAD;
}

static enum step step_branch(struct verifier *v, struct gyr_slice *value,
			     const struct gyr_rlp_item items[TRIE_SLOT_COUNT])
{
	const struct gyr_rlp_item *item;

	if (v->at == v->nibbles) {
		item = &items[TRIE_VALUE_SLOT];
		*value = item->content;
		if (item->is_list)
			return STEP_BAD;
		return value->length == 0 ? STEP_ABSENT : STEP_PRESENT;
	}
	item = &items[trie_nibble(v->key, v->at++)];
	if (!item->is_list && item->content.length == 0)
		return STEP_ABSENT;
	return follow(v, item) ? STEP_ON : STEP_BAD;
}

static enum step take_step(struct verifier *v, struct gyr_slice *value)
{
	struct gyr_rlp_item items[TRIE_SLOT_COUNT];
	struct gyr_slice content;
	unsigned count = 0;

	if (gyr_rlp_next_list(&content, &v->node) != GYR_VERDICT_OK || v->node.length != 0)
		return STEP_BAD;
	while (content.length != 0) {
		if (count == TRIE_SLOT_COUNT ||
		    gyr_rlp_next(&items[count++], &content) != GYR_VERDICT_OK)
			return STEP_BAD;
	}
	if (count == 2)
		return step_pair(v, value, items);
	return count == TRIE_SLOT_COUNT ? step_branch(v, value, items) : STEP_BAD;
}

enum gyr_trie_proof gyr_trie_verify(struct gyr_slice *value, const struct gyr_hash *root,
				    const void *key, size_t key_length,
				    const struct gyr_slice *nodes, size_t count,
				    const struct gyr_keccak_ops *keccak)
{
	struct verifier v = {
		.nodes = nodes,
		.count = count,
		.keccak = keccak,
		.key = key,
		.nibbles = 2 * (unsigned)key_length,
	};

	gyr_assert(key_length != 0 && key_length <= GYR_TRIE_KEY_MAX);
	*value = (struct gyr_slice){ NULL, 0 };
	if (count == 0)
		return gyr_hash_equal(root, &gyr_keccak_empty_trie) ? GYR_TRIE_PROOF_ABSENT
								    : GYR_TRIE_PROOF_BAD;
	if (!follow_hash(&v, root->bytes))
		return GYR_TRIE_PROOF_BAD;
	/* Every step but an embedded one takes a node, every step but the last a nibble. */
	for (unsigned i = 0; i <= TRIE_NIBBLE_MAX + 1; i++)
		switch (take_step(&v, value)) {
		case STEP_ON:
			break;
		case STEP_PRESENT:
			return end(&v, GYR_TRIE_PROOF_PRESENT);
		case STEP_ABSENT:
			return end(&v, GYR_TRIE_PROOF_ABSENT);
		default:
			return GYR_TRIE_PROOF_BAD;
		}
	return GYR_TRIE_PROOF_BAD;
}
