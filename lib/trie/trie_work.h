/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch of a settling: which branches are stale, and the messages of one batch of hashes. */
#ifndef TRIE_WORK_H
#define TRIE_WORK_H

#include "trie_node.h"

#define TRIE_ENTRY_MAX	 65536
#define TRIE_LEVEL_MAX	 (TRIE_NIBBLE_MAX + 2)
#define TRIE_BATCH_MAX	 256
#define TRIE_STAGING_MAX ((size_t)128 * 1024)

#define TRIE_NO_PARENT UINT32_MAX

/* A stale branch, found from the root down. */
struct trie_entry {
	uint32_t node;
	uint32_t parent; /* the parent branch's entry; TRIE_NO_PARENT: a root, slot unused */
	uint32_t trie;	 /* index among the tries being settled, for a root */
	uint8_t slot;	 /* in the parent */
	uint8_t from;	 /* the nibble at which it begins */
};

/* Where a reference goes: into a branch, into a trie as its root hash, or beside an extension. */
struct trie_target {
	struct trie_branch *branch;
	struct gyr_trie *trie;
	struct trie_item *item;
	uint8_t slot;
};

struct trie_work {
	struct trie_entry entries[TRIE_ENTRY_MAX];
	uint32_t level_begin[TRIE_LEVEL_MAX + 1];
	struct trie_target targets[TRIE_BATCH_MAX];
	struct gyr_slice messages[TRIE_BATCH_MAX];
	struct gyr_hash hashes[TRIE_BATCH_MAX];
	struct trie_item below[TRIE_BATCH_MAX]; /* what the extensions of a chunk point to */
	uint32_t extended[TRIE_BATCH_MAX];	/* entries of a chunk that have an extension */
	uint8_t staging[TRIE_STAGING_MAX];
};

#endif
