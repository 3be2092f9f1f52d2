/* SPDX-License-Identifier: Apache-2.0 */
#include "trie_node.h"

/* Capacities of branches: most have two children, those above the leaves about ten. */
static const uint8_t capacities[] = { 2, 4, 7, 11, TRIE_SLOT_COUNT };

static unsigned capacity_for(unsigned count)
{
	unsigned i = 0;

	gyr_assert(count <= TRIE_SLOT_COUNT);
	while (capacities[i] < count)
		i++;
	return capacities[i];
}

static void check_key(size_t key_length)
{
	gyr_assert(key_length != 0 && key_length <= GYR_TRIE_KEY_MAX);
}

static uint32_t make_leaf(struct gyr_trie_pool *pool, const uint8_t *key, size_t key_length,
			  const void *value, size_t value_length)
{
	uint32_t unit = trie_take(pool, trie_leaf_units(value_length));
	struct trie_leaf *leaf = trie_leaf(pool, unit << 1);

	if (unit == 0)
		return 0;
	leaf->value_length = (uint16_t)value_length;
	leaf->key_length = (uint8_t)key_length;
	memset(leaf->key, 0, sizeof leaf->key);
	memcpy(leaf->key, key, key_length);
	memcpy(leaf->value, value, value_length);
	return unit << 1;
}

/* An empty branch at depth, on the way to the 32-byte key; 0 when there is no room. */
static uint32_t make_branch(struct gyr_trie_pool *pool, const uint8_t *key, unsigned depth,
			    unsigned capacity)
{
	uint32_t unit = trie_take(pool, trie_branch_units(capacity));
	uint32_t reference = unit << 1 | 1;
	struct trie_branch *branch = trie_branch(pool, reference);

	if (unit == 0)
		return 0;
	*branch = (struct trie_branch){ .depth = (uint8_t)depth, .capacity = (uint8_t)capacity };
	memcpy(branch->key, key, sizeof branch->key);
	return reference;
}

/* Adds a child in a free slot of a branch that has room; its reference is stale. */
static void add_child(struct trie_branch *branch, unsigned slot, uint32_t child)
{
	unsigned count = (unsigned)__builtin_popcount(branch->present);
	unsigned at = trie_position(branch, slot);
	uint32_t *children = trie_children(branch);

	gyr_assert(count < branch->capacity && (branch->present >> slot & 1) == 0);
	memmove(children + at + 1, children + at, (count - at) * sizeof *children);
	memmove(trie_reference(branch, at + 1), trie_reference(branch, at),
		32 * (size_t)(count - at));
	children[at] = child;
	branch->present |= 1u << slot;
	branch->stale |= 1u << slot;
}

static void drop_child(struct trie_branch *branch, unsigned slot)
{
	unsigned count = (unsigned)__builtin_popcount(branch->present);
	unsigned at = trie_position(branch, slot);
	uint32_t *children = trie_children(branch);

	gyr_assert((branch->present >> slot & 1) != 0);
	memmove(children + at, children + at + 1, (count - at - 1) * sizeof *children);
	memmove(trie_reference(branch, at), trie_reference(branch, at + 1),
		32 * (size_t)(count - at - 1));
	branch->present &= ~(1u << slot);
	branch->stale &= ~(1u << slot);
	branch->embedded &= ~(1u << slot);
}

/* Moves the branch at *place to a larger block; false when there is none. */
static bool grow_branch(struct gyr_trie_pool *pool, uint32_t *place)
{
	struct trie_branch *branch = trie_branch(pool, *place), *larger;
	unsigned count = (unsigned)__builtin_popcount(branch->present);
	uint32_t reference = make_branch(pool, branch->key, branch->depth, capacity_for(count + 1));

	if (reference == 0)
		return false;
	larger = trie_branch(pool, reference);
	larger->present = branch->present;
	larger->stale = branch->stale;
	larger->embedded = branch->embedded;
	memcpy(trie_children(larger), trie_children(branch), count * sizeof(uint32_t));
	memcpy(trie_reference(larger, 0), trie_reference(branch, 0), 32 * (size_t)count);
	trie_give_node(pool, *place);
	*place = reference;
	return true;
}

/* A key on its way down: where the reference of the node at hand is stored. */
struct descent {
	uint32_t *place;
	unsigned from; /* the nibble at which that node begins */
};

/*
 * Goes down while branches match the key, marking what is passed as stale if asked to; ends at a
 * leaf, at a branch that parts from the key, or at one that lacks the slot.
 */
static struct descent descend(const struct gyr_trie_pool *pool, struct gyr_trie *trie,
			      const uint8_t *key, size_t key_length)
{
	struct descent d = { .place = &trie->root, .from = 0 };

	while (trie_is_branch(*d.place)) {
		struct trie_branch *branch = trie_branch(pool, *d.place);
		unsigned slot;

		if (2 * key_length < branch->depth ||
		    trie_common(branch->key, key, d.from, branch->depth) < branch->depth)
			return d;
		slot = trie_slot(key, key_length, branch->depth);
		if ((branch->present >> slot & 1) == 0)
			return d;
		branch->stale |= 1u << slot;
		d.place = &trie_children(branch)[trie_position(branch, slot)];
		d.from = branch->depth + 1u;
	}
	return d;
}

/* Puts a branch above the node at *place, with that node and a new leaf as children. */
static bool fork_node(struct gyr_trie_pool *pool, uint32_t *place, unsigned depth,
		      unsigned old_slot, unsigned new_slot, uint32_t leaf)
{
	uint32_t reference = make_branch(pool, trie_leaf(pool, leaf)->key, depth, capacity_for(2));
	struct trie_branch *branch = trie_branch(pool, reference);

	if (reference == 0)
		return false;
	add_child(branch, old_slot, *place);
	add_child(branch, new_slot, leaf);
	*place = reference;
	return true;
}

/* Hangs a new leaf where the descent ended. */
static bool attach(struct gyr_trie_pool *pool, struct descent d, uint32_t leaf)
{
	const struct trie_leaf *fresh = trie_leaf(pool, leaf);
	unsigned nibbles = 2u * fresh->key_length, old_nibbles, limit, depth;
	const uint8_t *old_key;

	if (*d.place == 0) {
		*d.place = leaf;
		return true;
	}
	if (trie_is_branch(*d.place)) {
		old_key = trie_branch(pool, *d.place)->key;
		old_nibbles = trie_branch(pool, *d.place)->depth;
	} else {
		old_key = trie_leaf(pool, *d.place)->key;
		old_nibbles = 2u * trie_leaf(pool, *d.place)->key_length;
	}
	limit = nibbles < old_nibbles ? nibbles : old_nibbles;
	depth = trie_common(old_key, fresh->key, d.from, limit);
	if (trie_is_branch(*d.place) && depth == old_nibbles) {
		unsigned slot = trie_slot(fresh->key, fresh->key_length, depth);
		const struct trie_branch *branch = trie_branch(pool, *d.place);

		if ((unsigned)__builtin_popcount(branch->present) == branch->capacity &&
		    !grow_branch(pool, d.place))
			return false;
		add_child(trie_branch(pool, *d.place), slot, leaf);
		return true;
	}
	return fork_node(pool, d.place, depth,
			 depth < old_nibbles ? trie_nibble(old_key, depth) : TRIE_VALUE_SLOT,
			 trie_slot(fresh->key, fresh->key_length, depth), leaf);
}

static bool leaf_has_key(const struct trie_leaf *leaf, const uint8_t *key, size_t key_length)
{
	return leaf->key_length == key_length && memcmp(leaf->key, key, key_length) == 0;
}

bool gyr_trie_put(struct gyr_trie_pool *pool, struct gyr_trie *trie, const void *key,
		  size_t key_length, const void *value, size_t value_length)
{
	struct trie_leaf *old;
	struct descent d;
	uint32_t leaf;

	check_key(key_length);
	gyr_assert(value_length != 0 && value_length <= GYR_TRIE_VALUE_MAX);
	trie->is_settled = false;
	d = descend(pool, trie, key, key_length);
	old = trie_leaf(pool, *d.place);
	if (*d.place != 0 && !trie_is_branch(*d.place) && leaf_has_key(old, key, key_length)) {
		if (trie_leaf_units(old->value_length) == trie_leaf_units(value_length)) {
			old->value_length = (uint16_t)value_length;
			memcpy(old->value, value, value_length);
			return true;
		}
		leaf = make_leaf(pool, key, key_length, value, value_length);
		if (leaf == 0)
			return false;
		trie_give_node(pool, *d.place);
		*d.place = leaf;
		return true;
	}
	leaf = make_leaf(pool, key, key_length, value, value_length);
	if (leaf == 0)
		return false;
	if (attach(pool, d, leaf))
		return true;
	trie_give_node(pool, leaf);
	return false;
}

bool gyr_trie_remove(struct gyr_trie_pool *pool, struct gyr_trie *trie, const void *key,
		     size_t key_length)
{
	struct {
		uint32_t *place; /* of the branch */
		unsigned slot;
	} way[TRIE_NIBBLE_MAX + 2];
	uint32_t *place = &trie->root;
	struct trie_branch *branch;
	unsigned depth = 0;

	check_key(key_length);
	while (trie_is_branch(*place)) {
		branch = trie_branch(pool, *place);
		way[depth].place = place;
		way[depth].slot = trie_slot(key, key_length, branch->depth);
		if (2 * key_length < branch->depth || (branch->present >> way[depth].slot & 1) == 0)
			return false;
		place = &trie_children(branch)[trie_position(branch, way[depth].slot)];
		depth++;
	}
	/* Prefixes were not compared on the way: the leaf's whole key is. */
	if (*place == 0 || !leaf_has_key(trie_leaf(pool, *place), key, key_length))
		return false;
	trie->is_settled = false;
	trie_give_node(pool, *place);
	if (depth == 0) {
		trie->root = 0;
		return true;
	}
	for (unsigned i = 0; i < depth; i++)
		trie_branch(pool, *way[i].place)->stale |= 1u << way[i].slot;
	place = way[depth - 1].place;
	branch = trie_branch(pool, *place);
	drop_child(branch, way[depth - 1].slot);
	if ((branch->present & (branch->present - 1)) == 0) {
		uint32_t only = trie_children(branch)[0];

		/* What is left begins higher up now; the parent's stale bit has it encoded again.
		 */
		trie_give_node(pool, *place);
		*place = only;
	}
	return true;
}

bool gyr_trie_get(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		  struct gyr_slice *value, const void *key, size_t key_length)
{
	uint32_t at = trie->root;
	const struct trie_leaf *leaf;

	check_key(key_length);
	while (trie_is_branch(at)) {
		struct trie_branch *branch = trie_branch(pool, at);
		unsigned slot = trie_slot(key, key_length, branch->depth);

		if (2 * key_length < branch->depth || (branch->present >> slot & 1) == 0)
			return false;
		at = trie_children(branch)[trie_position(branch, slot)];
	}
	leaf = trie_leaf(pool, at);
	if (at == 0 || !leaf_has_key(leaf, key, key_length))
		return false;
	*value = (struct gyr_slice){ leaf->value, leaf->value_length };
	return true;
}

/* Two lines, three from a half one, hold a leaf, or a branch's head and children. */
static void prefetch_node(const struct gyr_trie_pool *pool, uint32_t reference)
{
	const uint8_t *at = pool->units + (size_t)(reference >> 1) * GYR_TRIE_UNIT;

	__builtin_prefetch(at);
	__builtin_prefetch(at + GYR_CACHE_LINE);
	__builtin_prefetch(at + 2 * (size_t)GYR_CACHE_LINE - 1);
}

void gyr_trie_prefetch(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		       const struct gyr_hash *keys, size_t count)
{
	uint32_t at[32];

	for (size_t first = 0; first < count; first += GYR_COUNT(at)) {
		size_t group = gyr_min_u64(count - first, GYR_COUNT(at));
		bool moved = true;

		for (size_t i = 0; i < group; i++)
			at[i] = trie->root;
		while (moved) {
			moved = false;
			for (size_t i = 0; i < group; i++) {
				struct trie_branch *branch = trie_branch(pool, at[i]);
				unsigned slot;

				if (!trie_is_branch(at[i]))
					continue;
				slot = trie_slot(keys[first + i].bytes, 32, branch->depth);
				if ((branch->present >> slot & 1) == 0) {
					at[i] = 0;
					continue;
				}
				at[i] = trie_children(branch)[trie_position(branch, slot)];
				prefetch_node(pool, at[i]);
				moved = true;
			}
		}
	}
}
