/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merkle-Patricia tries (Ethereum yellow paper, appendix D) in a caller's memory. A pool holds the
 * nodes of any number of tries: one of accounts and a small one per contract. A trie itself is
 * nothing but a reference to its root node. Changes only mark what is stale; gyr_trie_settle then
 * recomputes the hashes of many tries together, level by level from the leaves up, through a
 * multi-message Keccak. Keys are 1 to 32 bytes: hashed by the caller where the trie is a secure
 * one. Values are RLP already, 1 to GYR_TRIE_VALUE_MAX bytes.
 *
 * One owner at a time for a pool and all its tries; freestanding, no allocation after init, no
 * recursion. Work per change is bounded by the key's 64 nibbles.
 */
#ifndef GYR_TRIE_H
#define GYR_TRIE_H

#include "gyr_keccak.h"

#define GYR_TRIE_KEY_MAX   32
#define GYR_TRIE_VALUE_MAX 984

/* The most nodes that a proof holds, and the most bytes they take. */
#define GYR_TRIE_PROOF_COUNT_MAX 130
#define GYR_TRIE_PROOF_BYTES_MAX ((size_t)64 * (532 + 69) + 1100)

/* A trie: all zero is an empty one whose hash has yet to be settled. */
struct gyr_trie {
	uint32_t root;	      /* the root node in the pool; 0: empty */
	bool is_settled;      /* hash is up to date */
	struct gyr_hash hash; /* the root hash, as of the last settling */
};

/* Memory is handed out in units of this many bytes: a leaf takes 3 or 4, a branch 4 to 21. */
#define GYR_TRIE_UNIT	   32
#define GYR_TRIE_UNITS_MAX 32

struct gyr_trie_pool {
	const struct gyr_keccak_ops *keccak;
	uint8_t *units;
	uint32_t unit_count;
	uint32_t unit_fresh;		       /* units from here on were never used */
	uint32_t unit_free_count;	       /* units on the free lists */
	uint32_t free[GYR_TRIE_UNITS_MAX + 1]; /* lists of freed blocks, by units */
	struct trie_work *work;		       /* the scratch of settling */
};

/*
 * Takes about node_bytes for nodes from the arena (up to 64 GiB) and a fixed scratch of some MiB;
 * false when the arena is too small. A million accounts take about 260 MB; see tests/perf/trie.c.
 */
GYR_MUST_USE bool gyr_trie_pool_init(struct gyr_trie_pool *pool, struct gyr_arena *arena,
				     size_t node_bytes, const struct gyr_keccak_ops *keccak);

/* Bytes of nodes that can still be handed out, free lists included. */
size_t gyr_trie_pool_room(const struct gyr_trie_pool *pool);

/*
 * Sets key to value. False when the pool has no room: the trie is then as before. A key that is a
 * prefix of another is allowed.
 */
GYR_MUST_USE bool gyr_trie_put(struct gyr_trie_pool *pool, struct gyr_trie *trie, const void *key,
			       size_t key_length, const void *value, size_t value_length);

/* Removes key; false when it was not there. */
bool gyr_trie_remove(struct gyr_trie_pool *pool, struct gyr_trie *trie, const void *key,
		     size_t key_length);

/* The value of key, valid until the next change of the pool; false when there is none. */
bool gyr_trie_get(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		  struct gyr_slice *value, const void *key, size_t key_length);

/*
 * Brings the path of each key into the cache, overlapping the misses of all: called before putting
 * or removing these keys, in groups of about 16. Changes nothing.
 */
void gyr_trie_prefetch(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		       const struct gyr_hash *keys, size_t count);

/* Removes everything, giving the nodes back to the pool. Linear in their number. */
void gyr_trie_clear(struct gyr_trie_pool *pool, struct gyr_trie *trie);

/*
 * Recomputes the root hashes of `count` tries of this pool, all in one sweep. At most about
 * branch_budget branches are hashed (0: no limit) with their leaves; true once every trie is
 * settled, false to be called again.
 */
bool gyr_trie_settle(struct gyr_trie_pool *pool, struct gyr_trie *const *tries, size_t count,
		     size_t branch_budget);

/* Settles one trie and returns its root hash. */
const struct gyr_hash *gyr_trie_root(struct gyr_trie_pool *pool, struct gyr_trie *trie);

/*
 * The proof of a key in a settled trie, as eth_getProof gives it: the encoded nodes from the root
 * to the key's value or to where its absence shows; nodes embedded in their parent are not listed.
 * Nodes are written to `buffer` (GYR_TRIE_PROOF_BYTES_MAX suffices), slices of them to `nodes` of
 * GYR_TRIE_PROOF_COUNT_MAX; returns their number, 0 for an empty trie.
 */
size_t gyr_trie_prove(const struct gyr_trie_pool *pool, const struct gyr_trie *trie,
		      struct gyr_slice *nodes, uint8_t *buffer, size_t buffer_size, const void *key,
		      size_t key_length);

enum gyr_trie_proof {
	GYR_TRIE_PROOF_BAD,	/* malformed, does not start at the root, or ends early */
	GYR_TRIE_PROOF_ABSENT,	/* the key is proven to have no value */
	GYR_TRIE_PROOF_PRESENT, /* the key is proven to have `value` */
};

/* Checks a proof by anybody; total on any bytes. `value` is a slice of the nodes. */
enum gyr_trie_proof gyr_trie_verify(struct gyr_slice *value, const struct gyr_hash *root,
				    const void *key, size_t key_length,
				    const struct gyr_slice *nodes, size_t count,
				    const struct gyr_keccak_ops *keccak);

/* The encoded value at `index` of a list whose root is wanted; valid until the next call. */
typedef struct gyr_slice gyr_trie_list_value(void *context, size_t index);

#define GYR_TRIE_LIST_SCRATCH_MIN 256

/*
 * The root of a list: keys are the RLP of 0, 1, … (transactions, receipts, withdrawals of a block).
 * Needs no pool. Values are asked for once each, in the order of their keys, not of their indices.
 * Leaves are gathered in `scratch` to be hashed together: 64 KiB serve well, the minimum works.
 */
void gyr_trie_list_root(struct gyr_hash *out, gyr_trie_list_value *value, void *context,
			size_t count, void *scratch, size_t scratch_size,
			const struct gyr_keccak_ops *keccak);

/*
 * The same in steps: begin in memory of gyr_trie_list_size bytes, then step, each time by about
 * `budget` values, until it answers the root instead of NULL. Values are asked for in the step that
 * takes them and must not move until the end.
 */
struct gyr_trie_list;

size_t gyr_trie_list_size(void);
void gyr_trie_list_begin(struct gyr_trie_list *list, size_t count, void *scratch,
			 size_t scratch_size, const struct gyr_keccak_ops *keccak);
const struct gyr_hash *gyr_trie_list_step(struct gyr_trie_list *list, gyr_trie_list_value *value,
					  void *context, size_t budget);

#endif
