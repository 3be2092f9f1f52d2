/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remembers the hashes of 64-byte messages, which is what a mapping's slot is in Solidity's layout:
 * keccak256(key . place). A direct-mapped table in the caller's arena that whoever knows what will
 * be hashed may fill ahead, many at once. Whole messages are compared, so what it answers is always
 * right; what it holds is never a result. One thread.
 *
 * It also notes the messages of the running transaction, at most GYR_KECCAK_NOTED_MAX, so that
 * their pattern can be learnt.
 */
#ifndef GYR_KECCAK_MEMO_H
#define GYR_KECCAK_MEMO_H

#include "gyr_bytes.h"
#include "gyr_keccak.h"

#define GYR_KECCAK_MEMO_INPUT 64
#define GYR_KECCAK_MEMO_COUNT 1024
#define GYR_KECCAK_NOTED_MAX  8

struct gyr_keccak_memo_entry {
	uint8_t input[GYR_KECCAK_MEMO_INPUT];
	struct gyr_hash hash;
	bool known;
	uint8_t unused[31];
};

struct gyr_keccak_noted {
	uint8_t input[GYR_KECCAK_MEMO_INPUT];
	struct gyr_hash hash;
	uint32_t owner; /* the caller's: whose storage it was for */
};

struct gyr_keccak_memo {
	struct gyr_keccak_memo_entry *entries;
	const struct gyr_keccak_ops *keccak;
	struct gyr_keccak_noted noted[GYR_KECCAK_NOTED_MAX];
	uint32_t noted_count;
	uint32_t missed_count; /* of the running transaction */
};

#define GYR_KECCAK_MEMO_SIZE (sizeof(struct gyr_keccak_memo_entry) * GYR_KECCAK_MEMO_COUNT + 64)

/* false: the arena has less than GYR_KECCAK_MEMO_SIZE. */
bool gyr_keccak_memo_init(struct gyr_keccak_memo *memo, struct gyr_arena *arena,
			  const struct gyr_keccak_ops *keccak);

static inline void gyr_keccak_memo_begin(struct gyr_keccak_memo *memo)
{
	memo->noted_count = 0;
	memo->missed_count = 0;
}

/* Where a message belongs. Messages chosen to collide cost their chooser a hash, nobody else. */
static inline struct gyr_keccak_memo_entry *gyr_keccak_memo_at(const struct gyr_keccak_memo *memo,
							       const uint8_t *input)
{
	uint64_t mix = (gyr_load_le64(input + 24) ^ gyr_load_le64(input + 16)) * 0x9e3779b97f4a7c15;

	mix ^= gyr_load_le64(input + 56) * 0xbf58476d1ce4e5b9;
	mix ^= gyr_load_le64(input + 32) * 0x94d049bb133111eb;
	mix *= 0x9e3779b97f4a7c15;
	return &memo->entries[mix >> 32 & (GYR_KECCAK_MEMO_COUNT - 1)];
}

static inline bool gyr_keccak_memo_holds(const struct gyr_keccak_memo_entry *entry,
					 const uint8_t *input)
{
	uint64_t differs = 0;

	for (size_t i = 0; i < GYR_KECCAK_MEMO_INPUT; i += 8)
		differs |= gyr_load_le64(entry->input + i) ^ gyr_load_le64(input + i);
	return differs == 0 && entry->known;
}

static inline void gyr_keccak_memo_put(struct gyr_keccak_memo_entry *entry, const uint8_t *input,
				       const struct gyr_hash *hash)
{
	memcpy(entry->input, input, GYR_KECCAK_MEMO_INPUT);
	entry->hash = *hash;
	entry->known = true;
}

/* out = keccak256 of the 64 bytes, noted for `owner`. */
void gyr_keccak_memo_hash(struct gyr_keccak_memo *memo, struct gyr_hash *out, const uint8_t *input,
			  uint32_t owner);

#endif
