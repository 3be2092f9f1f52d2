/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 as Ethereum uses it: the original padding (0x01), not SHA-3's. This module is the
 * portable implementation; faster ones fill the same table (drivers/accel/keccak_simd), and code
 * that hashes takes a `const struct gyr_keccak_ops *`. Freestanding, any thread, no state.
 */
#ifndef GYR_KECCAK_H
#define GYR_KECCAK_H

#include "gyr_base.h"

/* The bytes that one permutation absorbs. */
#define GYR_KECCAK_RATE 136

/* An implementation. Outputs never overlap inputs; a message may be empty (data is then unused). */
struct gyr_keccak_ops {
	const char *name;
	/* Hashes `length` bytes. */
	void (*hash)(struct gyr_hash *out, const void *data, size_t length);
	/*
	 * out[i] = hash of messages[i], for any count and any lengths. Fastest where eight or more
	 * messages in a row take the same number of permutations, length / GYR_KECCAK_RATE + 1.
	 */
	void (*hash_many)(struct gyr_hash *out, const struct gyr_slice *messages, size_t count);
};

extern const struct gyr_keccak_ops gyr_keccak_portable;

/* The portable one-shot hash, for code that hashes rarely. */
void gyr_keccak256(struct gyr_hash *out, const void *data, size_t length);

/* A hash in the making, for messages that do not lie in one piece. */
struct gyr_keccak {
	uint64_t lane[25];
	size_t filled; /* bytes of the current block absorbed, < GYR_KECCAK_RATE */
};

void gyr_keccak_init(struct gyr_keccak *keccak);
void gyr_keccak_update(struct gyr_keccak *keccak, const void *data, size_t length);

/* Writes the hash; the state must be initialized again before another use. */
void gyr_keccak_final(struct gyr_keccak *keccak, struct gyr_hash *out);

/* The permutation itself, for tests and other sponges. */
void gyr_keccak_permute(uint64_t lane[25]);

/* keccak256 of nothing: the code hash of an account without code. */
extern const struct gyr_hash gyr_keccak_empty;

/* keccak256 of 0xc0, an empty RLP list: the ommers hash of a block without ommers. */
extern const struct gyr_hash gyr_keccak_empty_list;

/* keccak256 of 0x80, an empty RLP string: the root of an empty trie. */
extern const struct gyr_hash gyr_keccak_empty_trie;

#endif
