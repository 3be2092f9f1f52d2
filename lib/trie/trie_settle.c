/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settling in rounds. A round lists stale branches from the roots down, level by level, as many as
 * fit; then hashes from the last level up, in batches: the stale leaves below, then the branches. A
 * branch whose children could not all be listed stays stale for the next round. When a level would
 * not fit, the half of the level above it that was listed last is let go, again and again if need
 * be: room for one path to the deepest leaf is always kept, so that every round gets something
 * done.
 */
#include "trie_work.h"

/* What one path takes at worst: all children of one branch at every level. */
#define PATH_RESERVE (TRIE_FANOUT * TRIE_LEVEL_MAX)

struct round {
	struct gyr_trie_pool *pool;
	struct trie_work *work;
	struct gyr_trie *const *tries;
	uint32_t entry_count, entry_limit;
	unsigned level_count;
	size_t batch_count, staging_used;
};

/* Stores a reference where it belongs; it is then no longer stale. */
static void store(const struct trie_target *target, const uint8_t *bytes, size_t length)
{
	struct trie_branch *branch = target->branch;

	if (target->item != NULL) {
		memcpy(target->item->bytes, bytes, length);
		target->item->length = (uint8_t)length;
	} else if (target->trie != NULL) {
		memcpy(target->trie->hash.bytes, bytes, 32);
		target->trie->is_settled = true;
	} else {
		uint32_t bit = 1u << target->slot;

		gyr_assert(branch != NULL);
		memcpy(trie_reference(branch, trie_position(branch, target->slot)), bytes, length);
		branch->stale &= ~bit;
		branch->embedded = length < 32 ? branch->embedded | bit : branch->embedded & ~bit;
	}
}

static void flush(struct round *round)
{
	struct trie_work *work = round->work;

	round->pool->keccak->hash_many(work->hashes, work->messages, round->batch_count);
	for (size_t i = 0; i < round->batch_count; i++)
		store(&work->targets[i], work->hashes[i].bytes, 32);
	round->batch_count = 0;
	round->staging_used = 0;
}

/* Where the next message is to be encoded. */
static uint8_t *stage(struct round *round)
{
	if (round->batch_count == TRIE_BATCH_MAX ||
	    TRIE_STAGING_MAX - round->staging_used < TRIE_MESSAGE_MAX)
		flush(round);
	return round->work->staging + round->staging_used;
}

/* Queues the message just staged; short ones but a root's are references themselves. */
static void emit(struct round *round, size_t length, struct trie_target target)
{
	uint8_t *message = round->work->staging + round->staging_used;

	gyr_assert(length <= TRIE_MESSAGE_MAX);
	if (length < 32 && target.trie == NULL) {
		store(&target, message, length);
		return;
	}
	round->work->messages[round->batch_count] = (struct gyr_slice){ message, length };
	round->work->targets[round->batch_count] = target;
	round->batch_count++;
	round->staging_used += length;
}

static void emit_leaf(struct round *round, uint32_t reference, unsigned from,
		      struct trie_target target)
{
	const struct trie_leaf *leaf = trie_leaf(round->pool, reference);
	uint8_t *message = stage(round);

	emit(round,
	     trie_encode_leaf(message, TRIE_MESSAGE_MAX, leaf->key, leaf->key_length, from,
			      (struct gyr_slice){ leaf->value, leaf->value_length }),
	     target);
}

static void list_root(struct round *round, uint32_t index)
{
	struct gyr_trie *trie = round->tries[index];

	if (trie->root == 0) {
		trie->hash = gyr_keccak_empty_trie;
		trie->is_settled = true;
	} else if (!trie_is_branch(trie->root)) {
		emit_leaf(round, trie->root, 0, (struct trie_target){ .trie = trie });
	} else {
		round->work->entries[round->entry_count++] = (struct trie_entry){
			.node = trie->root,
			.parent = TRIE_NO_PARENT,
			.trie = index,
		};
	}
}

/*
 * Memory comes late in a large trie: the head of a node is asked for HEAD_AHEAD entries before it
 * is needed, what the head leads to NEXT_AHEAD entries before. Always inline: gcc 12 takes a
 * function that only prefetches for one without effects and drops its calls.
 */
#define PREFETCHING __attribute__((always_inline)) static inline
#define HEAD_AHEAD  12
#define NEXT_AHEAD  6

PREFETCHING void prefetch_block(const struct gyr_trie_pool *pool, uint32_t reference)
{
	const uint8_t *at = pool->units + (size_t)(reference >> 1) * GYR_TRIE_UNIT;

	__builtin_prefetch(at);
	__builtin_prefetch(at + GYR_CACHE_LINE);
	__builtin_prefetch(at + 2 * (size_t)GYR_CACHE_LINE - 1); /* nodes begin at half lines too */
}

/* The head of entry `index` and the places of its children. */
PREFETCHING void prefetch_head(const struct round *round, uint32_t index, uint32_t end)
{
	if (index < end)
		prefetch_block(round->pool, round->work->entries[index].node);
}

/* The references of an entry's children, and its stale leaves. */
PREFETCHING void prefetch_next(const struct round *round, uint32_t index, uint32_t end)
{
	struct trie_branch *branch;
	uint32_t left;
	unsigned count;

	if (index >= end)
		return;
	branch = trie_branch(round->pool, round->work->entries[index].node);
	count = (unsigned)__builtin_popcount(branch->present);
	for (unsigned at = 0; at < count; at += 2)
		__builtin_prefetch(trie_reference(branch, at));
	for (left = branch->stale & ((1u << TRIE_FANOUT) - 1); left != 0; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);
		uint32_t child = trie_children(branch)[trie_position(branch, slot)];

		if (!trie_is_branch(child))
			prefetch_block(round->pool, child);
	}
}

/* Lists the stale branches below an entry. */
static void list_children(struct round *round, uint32_t index)
{
	struct trie_entry *entry = &round->work->entries[index];
	struct trie_branch *branch = trie_branch(round->pool, entry->node);
	uint32_t left = branch->stale & ((1u << TRIE_FANOUT) - 1);

	for (; left != 0; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);
		uint32_t child = trie_children(branch)[trie_position(branch, slot)];

		if (trie_is_branch(child))
			round->work->entries[round->entry_count++] = (struct trie_entry){
				.node = child,
				.parent = index,
				.slot = (uint8_t)slot,
				.from = (uint8_t)(branch->depth + 1),
			};
	}
}

/* Lists a level's children; false when they do not fit, and then lists none. */
static bool list_level(struct round *round, uint32_t begin, uint32_t end, uint32_t limit)
{
	for (uint32_t i = begin; i < end; i++) {
		if (round->entry_count + TRIE_FANOUT > limit) {
			round->entry_count = end;
			return false;
		}
		prefetch_head(round, i + HEAD_AHEAD, end);
		list_children(round, i);
	}
	return true;
}

static void list_levels(struct round *round)
{
	struct trie_work *work = round->work;
	uint32_t begin = 0, end = round->entry_count;
	unsigned level = 0;

	while (begin < end) {
		uint32_t reserve = TRIE_FANOUT * (TRIE_LEVEL_MAX - level);

		gyr_assert(level < TRIE_LEVEL_MAX);
		work->level_begin[level] = begin;
		while (!list_level(round, begin, end,
				   end - begin == 1 ? TRIE_ENTRY_MAX
						    : round->entry_limit - reserve)) {
			end = begin + (end - begin) / 2;
			round->entry_count = end;
		}
		begin = end;
		end = round->entry_count;
		level++;
	}
	work->level_begin[level] = end;
	round->level_count = level;
}

static void emit_leaves(struct round *round, struct trie_branch *branch)
{
	uint32_t left = branch->stale & ((1u << TRIE_FANOUT) - 1);

	branch->stale &= ~(1u << TRIE_VALUE_SLOT); /* read from its leaf when encoded */
	for (; left != 0; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);
		uint32_t child = trie_children(branch)[trie_position(branch, slot)];

		if (!trie_is_branch(child))
			emit_leaf(round, child, branch->depth + 1u,
				  (struct trie_target){ .branch = branch, .slot = (uint8_t)slot });
	}
}

static struct trie_target target_of(const struct round *round, const struct trie_entry *entry)
{
	if (entry->parent == TRIE_NO_PARENT)
		return (struct trie_target){ .trie = round->tries[entry->trie] };
	return (struct trie_target){
		.branch = trie_branch(round->pool, round->work->entries[entry->parent].node),
		.slot = entry->slot,
	};
}

/* Hashes the stale leaves below a chunk of one level, its branches, and the extensions above. */
static void emit_chunk(struct round *round, uint32_t begin, uint32_t end, uint32_t level_end)
{
	struct trie_work *work = round->work;
	unsigned extended = 0;

	for (uint32_t i = begin; i < end; i++) {
		prefetch_head(round, i + HEAD_AHEAD, level_end);
		prefetch_next(round, i + NEXT_AHEAD, level_end);
		emit_leaves(round, trie_branch(round->pool, work->entries[i].node));
	}
	flush(round);
	for (uint32_t i = begin; i < end; i++) {
		const struct trie_entry *entry = &work->entries[i];
		struct trie_branch *branch = trie_branch(round->pool, entry->node);
		struct trie_target target = target_of(round, entry);
		uint8_t *message;

		if (branch->stale != 0)
			continue; /* a child was let go */
		if (branch->depth > entry->from) {
			target = (struct trie_target){ .item = &work->below[extended] };
			work->extended[extended++] = i;
		}
		message = stage(round);
		emit(round, trie_encode_branch(message, round->pool, branch), target);
	}
	flush(round);
	for (unsigned i = 0; i < extended; i++) {
		const struct trie_entry *entry = &work->entries[work->extended[i]];
		const struct trie_branch *branch = trie_branch(round->pool, entry->node);
		uint8_t *message = stage(round);

		emit(round,
		     trie_encode_extension(message, branch->key, entry->from, branch->depth,
					   &work->below[i]),
		     target_of(round, entry));
	}
	if (extended != 0)
		flush(round);
}

bool gyr_trie_settle(struct gyr_trie_pool *pool, struct gyr_trie *const *tries, size_t count,
		     size_t branch_budget)
{
	const size_t limit = branch_budget == 0 ? TRIE_ENTRY_MAX
						: branch_budget + 2 * (size_t)PATH_RESERVE;
	struct round round = {
		.pool = pool,
		.work = pool->work,
		.tries = tries,
		.entry_limit = (uint32_t)gyr_min_u64(limit, TRIE_ENTRY_MAX),
	};
	size_t first = 0;

	gyr_assert(count < TRIE_NO_PARENT);
	while (first < count && tries[first]->is_settled)
		first++;
	while (first < count) {
		round.entry_count = 0;
		for (size_t i = first; i < count; i++)
			if (!tries[i]->is_settled &&
			    round.entry_count + 2 * PATH_RESERVE <= round.entry_limit)
				list_root(&round, (uint32_t)i);
		list_levels(&round);
		flush(&round); /* roots that are leaves */
		for (unsigned level = round.level_count; level-- > 0;) {
			uint32_t end = pool->work->level_begin[level + 1];

			for (uint32_t i = pool->work->level_begin[level]; i < end;
			     i += TRIE_BATCH_MAX)
				emit_chunk(&round, i,
					   (uint32_t)gyr_min_u64(end, (uint64_t)i + TRIE_BATCH_MAX),
					   end);
		}
		while (first < count && tries[first]->is_settled)
			first++;
		if (branch_budget != 0)
			break;
	}
	return first == count;
}

const struct gyr_hash *gyr_trie_root(struct gyr_trie_pool *pool, struct gyr_trie *trie)
{
	bool settled = gyr_trie_settle(pool, &trie, 1, 0);

	gyr_assert(settled);
	return &trie->hash;
}
