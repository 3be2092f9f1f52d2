/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root of a list without a trie: the keys come in their order, so that a branch is complete,
 * and hashed, as soon as a key parts from it. What is open at any time is one path.
 */
#include "trie_node.h"

#include "gyr_rlp.h"

#define LIST_KEY_MAX   9 /* the RLP of a 64-bit number */
#define LIST_DEPTH_MAX (2 * LIST_KEY_MAX)
#define CHUNK_MAX      64

struct open_branch {
	int depth;
	struct trie_item items[TRIE_FANOUT];
};

struct list_key {
	uint8_t bytes[LIST_KEY_MAX];
	size_t length;
};

/* A leaf whose reference is being made. */
struct list_leaf {
	struct list_key key;
	int before, after; /* nibbles shared with the key before and the key after; -1: none */
	struct trie_item item;
};

struct gyr_trie_list {
	const struct gyr_keccak_ops *keccak;
	struct open_branch open[LIST_DEPTH_MAX];
	unsigned open_count;
	struct list_leaf leaves[CHUNK_MAX];
	struct gyr_slice messages[CHUNK_MAX];
	struct gyr_hash hashes[CHUNK_MAX];
	size_t leaf_count;
	uint8_t *scratch;
	size_t scratch_size, scratch_used;
	size_t count;
	size_t place; /* of the next leaf in the order of keys */
	int before;   /* nibbles that it shares with the last one */
	struct gyr_hash root;
};

/* The index whose key is at `place` in the order of keys: 1 to 127, 0, then 128 and on. */
static size_t index_at(size_t place, size_t count)
{
	size_t zero_place = count - 1 < 127 ? count - 1 : 127;

	if (place > zero_place)
		return place;
	return place == zero_place ? 0 : place + 1;
}

static struct list_key key_at(size_t place, size_t count)
{
	struct list_key key = { .length = 0 };
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(key.bytes, sizeof key.bytes);

	gyr_rlp_put_u64(&writer, index_at(place, count));
	key.length = (size_t)(writer.at - key.bytes);
	return key;
}

static int shared(const struct list_key *a, const struct list_key *b)
{
	size_t length = a->length < b->length ? a->length : b->length;

	return (int)trie_common(a->bytes, b->bytes, 0, 2 * (unsigned)length);
}

static size_t item_length(const struct trie_item *item)
{
	if (item->length == 0)
		return 1;
	return item->length == 32 ? 33 : item->length;
}

static size_t encode_open(uint8_t *out, const struct open_branch *branch)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, TRIE_MESSAGE_MAX);
	size_t content = 1;

	for (unsigned i = 0; i < TRIE_FANOUT; i++)
		content += item_length(&branch->items[i]);
	gyr_rlp_put_list(&writer, content);
	for (unsigned i = 0; i < TRIE_FANOUT; i++) {
		const struct trie_item *item = &branch->items[i];

		if (item->length == 0 || item->length == 32)
			gyr_rlp_put_string(&writer, item->bytes, item->length);
		else
			gyr_rlp_put_raw(&writer, item->bytes, item->length);
	}
	gyr_rlp_put_string(&writer, NULL, 0);
	return (size_t)(writer.at - out);
}

/* Puts a reference into the branch at depth on the key's path, opening it if need be. */
static void place_item(struct gyr_trie_list *builder, int depth, const struct list_key *key,
		       const struct trie_item *item)
{
	struct open_branch *top = builder->open_count == 0
					  ? NULL
					  : &builder->open[builder->open_count - 1];

	if (top == NULL || top->depth < depth) {
		gyr_assert(builder->open_count < LIST_DEPTH_MAX);
		top = &builder->open[builder->open_count++];
		memset(top, 0, sizeof *top);
		top->depth = depth;
	}
	gyr_assert(top->depth == depth && (size_t)depth < 2 * key->length);
	top->items[trie_nibble(key->bytes, (unsigned)depth)] = *item;
}

/* Closes the branches that the next key, sharing `after` nibbles with this one, is not below. */
static void close_branches(struct gyr_trie_list *builder, const struct list_key *key, int after)
{
	uint8_t message[TRIE_MESSAGE_MAX];

	while (builder->open_count != 0 && builder->open[builder->open_count - 1].depth > after) {
		const struct open_branch *top = &builder->open[--builder->open_count];
		int below = builder->open_count == 0 ? -1
						     : builder->open[builder->open_count - 1].depth;
		int parent = after > below ? after : below;
		size_t length = encode_open(message, top);
		struct trie_item item;

		if (top->depth > parent + 1) {
			trie_make_item(&item, message, length, builder->keccak);
			length = trie_encode_extension(message, key->bytes, (unsigned)(parent + 1),
						       (unsigned)top->depth, &item);
		}
		if (parent < 0) {
			builder->keccak->hash(&builder->root, message, length);
			return;
		}
		trie_make_item(&item, message, length, builder->keccak);
		place_item(builder, parent, key, &item);
	}
}

/* Makes the references of the gathered leaves and hangs them up. */
static void flush_leaves(struct gyr_trie_list *builder)
{
	builder->keccak->hash_many(builder->hashes, builder->messages, builder->leaf_count);
	for (size_t i = 0; i < builder->leaf_count; i++) {
		struct list_leaf *leaf = &builder->leaves[i];
		const struct gyr_slice *message = &builder->messages[i];
		int depth = leaf->before > leaf->after ? leaf->before : leaf->after;

		if (depth < 0) {
			builder->root = builder->hashes[i];
			continue;
		}
		leaf->item.length = (uint8_t)gyr_min_u64(message->length, 32);
		memcpy(leaf->item.bytes,
		       message->length < 32 ? message->data : builder->hashes[i].bytes,
		       leaf->item.length);
		place_item(builder, depth, &leaf->key, &leaf->item);
		close_branches(builder, &leaf->key, leaf->after);
	}
	builder->leaf_count = 0;
	builder->scratch_used = 0;
}

/* Hashes a leaf that the scratch cannot hold, piece by piece. It is longer than 32 bytes. */
static void stream_leaf(struct gyr_hash *out, const struct list_key *key, unsigned from,
			struct gyr_slice value)
{
	/* An empty value's encoding: from it come the path and, corrected, both headers. */
	uint8_t head[2 * GYR_RLP_HEADER_MAX + 1 + LIST_KEY_MAX + 2], path[TRIE_MESSAGE_MAX];
	size_t path_length = trie_encode_leaf(path, sizeof path, key->bytes, key->length, from,
					      (struct gyr_slice){ NULL, 0 }) -
			     2;
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(head, sizeof head);
	size_t value_length = gyr_rlp_length_string(value.data, value.length);
	struct gyr_keccak keccak;

	gyr_rlp_put_list(&writer, path_length + value_length);
	gyr_rlp_put_raw(&writer, path + 1, path_length);
	if (value_length != value.length) {
		uint8_t header[GYR_RLP_HEADER_MAX];
		struct gyr_rlp_writer list = gyr_rlp_writer_over(header, sizeof header);

		/* A string's header is a list's of the same length, 0x40 lower. */
		gyr_rlp_put_list(&list, value.length);
		header[0] = (uint8_t)(header[0] - 0x40);
		gyr_rlp_put_raw(&writer, header, (size_t)(list.at - header));
	}
	gyr_keccak_init(&keccak);
	gyr_keccak_update(&keccak, head, (size_t)(writer.at - head));
	gyr_keccak_update(&keccak, value.data, value.length);
	gyr_keccak_final(&keccak, out);
}

static void add_leaf(struct gyr_trie_list *builder, const struct list_leaf *leaf,
		     struct gyr_slice value)
{
	int depth = leaf->before > leaf->after ? leaf->before : leaf->after;
	unsigned from = (unsigned)(depth + 1);
	size_t room = LIST_KEY_MAX + 2 + 2 * GYR_RLP_HEADER_MAX + value.length;
	struct list_leaf *slot;
	uint8_t *message;

	if (builder->leaf_count == CHUNK_MAX ||
	    builder->scratch_size - builder->scratch_used < room)
		flush_leaves(builder);
	slot = &builder->leaves[builder->leaf_count];
	*slot = *leaf;
	message = builder->scratch + builder->scratch_used;
	if (room <= builder->scratch_size) {
		size_t length = trie_encode_leaf(message, room, leaf->key.bytes, leaf->key.length,
						 from, value);

		builder->messages[builder->leaf_count] = (struct gyr_slice){ message, length };
		builder->scratch_used += length;
		builder->leaf_count++;
		return;
	}
	gyr_assert(builder->leaf_count == 0);
	stream_leaf(&builder->hashes[0], &leaf->key, from, value);
	if (depth < 0) {
		builder->root = builder->hashes[0];
		return;
	}
	memcpy(slot->item.bytes, builder->hashes[0].bytes, 32);
	slot->item.length = 32;
	place_item(builder, depth, &slot->key, &slot->item);
	close_branches(builder, &slot->key, slot->after);
}

size_t gyr_trie_list_size(void)
{
	return sizeof(struct gyr_trie_list);
}

void gyr_trie_list_begin(struct gyr_trie_list *list, size_t count, void *scratch,
			 size_t scratch_size, const struct gyr_keccak_ops *keccak)
{
	gyr_assert(scratch_size >= GYR_TRIE_LIST_SCRATCH_MIN);
	list->keccak = keccak;
	list->open_count = 0;
	list->leaf_count = 0;
	list->scratch = scratch;
	list->scratch_size = scratch_size;
	list->scratch_used = 0;
	list->count = count;
	list->place = 0;
	list->before = -1;
	list->root = gyr_keccak_empty_trie;
}

const struct gyr_hash *gyr_trie_list_step(struct gyr_trie_list *list, gyr_trie_list_value *value,
					  void *context, size_t budget)
{
	for (; list->place < list->count && budget > 0; list->place++, budget--) {
		struct list_leaf leaf = { .key = key_at(list->place, list->count),
					  .before = list->before,
					  .after = -1 };

		if (list->place + 1 < list->count) {
			struct list_key next = key_at(list->place + 1, list->count);

			leaf.after = shared(&leaf.key, &next);
		}
		add_leaf(list, &leaf, value(context, index_at(list->place, list->count)));
		list->before = leaf.after;
	}
	if (list->place < list->count)
		return NULL;
	flush_leaves(list);
	return &list->root;
}

void gyr_trie_list_root(struct gyr_hash *out, gyr_trie_list_value *value, void *context,
			size_t count, void *scratch, size_t scratch_size,
			const struct gyr_keccak_ops *keccak)
{
	struct gyr_trie_list list;

	gyr_trie_list_begin(&list, count, scratch, scratch_size, keccak);
	*out = *gyr_trie_list_step(&list, value, context, SIZE_MAX);
}
