/* SPDX-License-Identifier: Apache-2.0 */
#include "trie_node.h"

#include "trie_work.h"

bool gyr_trie_pool_init(struct gyr_trie_pool *pool, struct gyr_arena *arena, size_t node_bytes,
			const struct gyr_keccak_ops *keccak)
{
	size_t units = node_bytes / GYR_TRIE_UNIT;

	if (units > (size_t)1 << 31)
		units = (size_t)1 << 31;
	memset(pool, 0, sizeof *pool);
	pool->keccak = keccak;
	pool->units = gyr_arena_carve(arena, units * GYR_TRIE_UNIT, GYR_CACHE_LINE);
	pool->work = gyr_arena_carve(arena, sizeof *pool->work, GYR_CACHE_LINE);
	if (pool->units == NULL || pool->work == NULL || units < 2)
		return false;
	pool->unit_count = (uint32_t)(units - 1);
	pool->unit_fresh = 1; /* number 0 means none */
	return true;
}

size_t gyr_trie_pool_room(const struct gyr_trie_pool *pool)
{
	return ((size_t)pool->unit_count - pool->unit_fresh + pool->unit_free_count) *
	       GYR_TRIE_UNIT;
}

static uint32_t *link_of(const struct gyr_trie_pool *pool, uint32_t unit)
{
	return (uint32_t *)(void *)(pool->units + (size_t)unit * GYR_TRIE_UNIT);
}

void trie_give(struct gyr_trie_pool *pool, uint32_t unit, uint32_t units)
{
	gyr_assert(unit != 0 && units != 0 && units <= GYR_TRIE_UNITS_MAX);
	*link_of(pool, unit) = pool->free[units];
	pool->free[units] = unit;
	pool->unit_free_count += units;
}

static uint32_t take_freed(struct gyr_trie_pool *pool, uint32_t units)
{
	uint32_t unit = pool->free[units];

	if (unit != 0) {
		pool->free[units] = *link_of(pool, unit);
		pool->unit_free_count -= units;
	}
	return unit;
}

/* A freed block of this size, else fresh units, else the front of a larger freed block. */
uint32_t trie_take(struct gyr_trie_pool *pool, uint32_t units)
{
	uint32_t unit = take_freed(pool, units);

	gyr_assert(units != 0 && units <= GYR_TRIE_UNITS_MAX);
	if (unit != 0)
		return unit;
	if (pool->unit_count - pool->unit_fresh >= units) {
		unit = pool->unit_fresh;
		pool->unit_fresh += units;
		return unit;
	}
	for (uint32_t larger = units + 1; larger <= GYR_TRIE_UNITS_MAX; larger++) {
		unit = take_freed(pool, larger);
		if (unit != 0) {
			trie_give(pool, unit + units, larger - units);
			return unit;
		}
	}
	return 0;
}

void trie_give_node(struct gyr_trie_pool *pool, uint32_t reference)
{
	if (trie_is_branch(reference))
		trie_give(pool, reference >> 1,
			  trie_branch_units(trie_branch(pool, reference)->capacity));
	else
		trie_give(pool, reference >> 1,
			  trie_leaf_units(trie_leaf(pool, reference)->value_length));
}

void gyr_trie_clear(struct gyr_trie_pool *pool, struct gyr_trie *trie)
{
	/* The branches on the way down; `present` loses a bit for each child done. */
	uint32_t way[TRIE_NIBBLE_MAX + 1];
	unsigned depth = 0;
	uint32_t next = trie->root;

	while (next != 0) {
		if (trie_is_branch(next)) {
			gyr_assert(depth < GYR_COUNT(way));
			way[depth++] = next;
		} else {
			trie_give_node(pool, next);
		}
		next = 0;
		while (next == 0 && depth != 0) {
			struct trie_branch *branch = trie_branch(pool, way[depth - 1]);

			if (branch->present != 0) {
				unsigned last = (unsigned)__builtin_popcount(branch->present) - 1;

				next = trie_children(branch)[last];
				branch->present &= branch->present - 1;
			} else {
				trie_give_node(pool, way[--depth]);
			}
		}
	}
	*trie = (struct gyr_trie){ .root = 0 };
}
