/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes as the pool keeps them: a path-compressed radix tree over nibbles. A branch knows at which
 * nibble it branches and the key up to there, so that an extension node is never stored: it is what
 * lies between a branch's depth and its parent's. Structure can therefore change without rewriting
 * anything below the change. Each branch keeps its children's encoded references, so that encoding
 * it touches nothing else.
 */
#ifndef TRIE_NODE_H
#define TRIE_NODE_H

#include "gyr_trie.h"

#define TRIE_FANOUT	16
#define TRIE_VALUE_SLOT 16 /* the child slot of a key that ends at the branch */
#define TRIE_SLOT_COUNT 17
#define TRIE_NIBBLE_MAX (2 * GYR_TRIE_KEY_MAX)

/* No encoded node is longer: sixteen hashes, a value, headers. */
#define TRIE_MESSAGE_MAX (16 * 33 + GYR_TRIE_VALUE_MAX + 3 + 3)

/* A node's reference as its parent holds it: a hash, or the encoding itself below 32 bytes. */
struct trie_item {
	uint8_t bytes[32];
	uint8_t length; /* 0: none; 32: a hash; else an encoding of this length */
};

struct trie_leaf {
	uint16_t value_length;
	uint8_t key_length; /* bytes */
	uint8_t key[GYR_TRIE_KEY_MAX];
	uint8_t value[];
};

struct trie_branch {
	uint32_t present;	       /* bit per slot: there is a child */
	uint32_t stale;		       /* bit per slot: the child's reference is out of date */
	uint32_t embedded;	       /* bit per slot: the reference is an encoding, not a hash */
	uint8_t depth;		       /* the nibble at which it branches */
	uint8_t capacity;	       /* children that fit */
	uint8_t key[GYR_TRIE_KEY_MAX]; /* valid up to depth */
				       /* Then, in the order of their slots and without gaps: */
	/* uint32_t child[capacity]; uint8_t reference[capacity][32]; */
};

/* The nodes of a settling, see trie_settle.c. */
struct trie_work;

/* References: unit number times two, plus one for a branch; 0 is none. */
static inline bool trie_is_branch(uint32_t reference)
{
	return (reference & 1) != 0;
}

static inline struct trie_leaf *trie_leaf(const struct gyr_trie_pool *pool, uint32_t reference)
{
	return (struct trie_leaf *)(void *)(pool->units + (size_t)(reference >> 1) * GYR_TRIE_UNIT);
}

static inline struct trie_branch *trie_branch(const struct gyr_trie_pool *pool, uint32_t reference)
{
	return (struct trie_branch *)(void *)(pool->units +
					      (size_t)(reference >> 1) * GYR_TRIE_UNIT);
}

static inline uint32_t *trie_children(struct trie_branch *branch)
{
	return (uint32_t *)(void *)(branch + 1);
}

static inline uint8_t *trie_reference(struct trie_branch *branch, unsigned position)
{
	return (uint8_t *)(branch + 1) + 4 * (size_t)branch->capacity + 32 * (size_t)position;
}

/* Where a slot's child lies among those present. */
static inline unsigned trie_position(const struct trie_branch *branch, unsigned slot)
{
	return (unsigned)__builtin_popcount(branch->present & ((1u << slot) - 1));
}

static inline unsigned trie_nibble(const uint8_t *key, unsigned at)
{
	return key[at / 2] >> (at % 2 == 0 ? 4 : 0) & 15;
}

/* The slot that a key of key_length bytes takes in a branch at depth. */
static inline unsigned trie_slot(const uint8_t *key, size_t key_length, unsigned depth)
{
	return depth < 2 * key_length ? trie_nibble(key, depth) : TRIE_VALUE_SLOT;
}

/* The first nibble at or after `from`, and below `to`, where two keys differ; else `to`. */
static inline unsigned trie_common(const uint8_t *a, const uint8_t *b, unsigned from, unsigned to)
{
	while (from < to && trie_nibble(a, from) == trie_nibble(b, from))
		from++;
	return from;
}

static inline uint32_t trie_leaf_units(size_t value_length)
{
	return (uint32_t)((offsetof(struct trie_leaf, value) + value_length + GYR_TRIE_UNIT - 1) /
			  GYR_TRIE_UNIT);
}

static inline uint32_t trie_branch_units(unsigned capacity)
{
	return (uint32_t)((sizeof(struct trie_branch) + 36 * (size_t)capacity + GYR_TRIE_UNIT - 1) /
			  GYR_TRIE_UNIT);
}

/* trie_pool.c: blocks of units; take gives the unit's number, 0 when there is no room. */
uint32_t trie_take(struct gyr_trie_pool *pool, uint32_t units);
void trie_give(struct gyr_trie_pool *pool, uint32_t unit, uint32_t units);
void trie_give_node(struct gyr_trie_pool *pool, uint32_t reference);

/*
 * trie_encode.c: RLP of nodes, to buffers of TRIE_MESSAGE_MAX bytes; each returns the length.
 * `from` is the nibble at which the node begins: one more than its parent's depth.
 */
size_t trie_encode_leaf(uint8_t *out, size_t out_size, const uint8_t *key, size_t key_length,
			unsigned from, struct gyr_slice value);
size_t trie_encode_extension(uint8_t *out, const uint8_t *key, unsigned from, unsigned to,
			     const struct trie_item *below);
size_t trie_encode_branch(uint8_t *out, const struct gyr_trie_pool *pool,
			  struct trie_branch *branch);

/* A message's reference, hashing it where it is not short. */
void trie_make_item(struct trie_item *out, const uint8_t *message, size_t length,
		    const struct gyr_keccak_ops *keccak);

#endif
