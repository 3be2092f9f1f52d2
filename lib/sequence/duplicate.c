/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_duplicate.h"

#include "gyr_bytes.h"

#define BUCKETS_PER_ENTRY 2

size_t gyr_duplicate_size(uint64_t entry_count)
{
	return entry_count *
		       (sizeof(struct gyr_duplicate_entry) + BUCKETS_PER_ENTRY * sizeof(uint32_t)) +
	       (size_t)2 * GYR_CACHE_LINE;
}

bool gyr_duplicate_init(struct gyr_duplicate *index, struct gyr_arena *arena, uint64_t entry_count,
			uint64_t seed)
{
	uint64_t buckets = entry_count * BUCKETS_PER_ENTRY;

	gyr_assert(gyr_is_power_of_two(entry_count) && entry_count <= 1u << 30);
	index->entries = gyr_arena_carve(arena, entry_count * sizeof *index->entries,
					 GYR_CACHE_LINE);
	index->buckets = gyr_arena_carve(arena, buckets * sizeof *index->buckets, GYR_CACHE_LINE);
	if (index->entries == NULL || index->buckets == NULL)
		return false;
	memset(index->entries, 0, entry_count * sizeof *index->entries);
	memset(index->buckets, 0, buckets * sizeof *index->buckets);
	index->mask = entry_count - 1;
	index->bucket_mask = buckets - 1;
	index->seed = seed | 1;
	index->tail = 0;
	index->executed = 0;
	return true;
}

/* Hashes of chosen transactions can be ground out: the bucket depends on a secret. */
static uint32_t *bucket_of(const struct gyr_duplicate *index, const struct gyr_hash *hash)
{
	uint64_t mixed = (gyr_load_le64(hash->bytes) ^ (gyr_load_le64(hash->bytes + 8) >> 7)) *
			 index->seed;

	return &index->buckets[(mixed >> 24) & index->bucket_mask];
}

/* An entry that will soon make room: its bucket is needed as well. */
#define FORGET_AHEAD 6

void gyr_duplicate_prefetch(const struct gyr_duplicate *index, const struct gyr_hash *hash)
{
	__builtin_prefetch(bucket_of(index, hash), 1);
	if (index->tail + FORGET_AHEAD > index->mask) {
		uint64_t at = (index->tail + FORGET_AHEAD) & index->mask;

		__builtin_prefetch(bucket_of(index, &index->entries[at].hash), 1);
	}
}

const struct gyr_duplicate_entry *gyr_duplicate_find(const struct gyr_duplicate *index,
						     const struct gyr_hash *hash)
{
	/* chains hold each entry once, so the walk ends within the window */
	for (uint32_t at = *bucket_of(index, hash); at != 0;) {
		const struct gyr_duplicate_entry *entry = &index->entries[at - 1];

		if (gyr_hash_equal(&entry->hash, hash))
			return entry;
		at = entry->next;
	}
	return NULL;
}

static void forget(struct gyr_duplicate *index, const struct gyr_duplicate_entry *oldest,
		   uint32_t number)
{
	uint32_t *link = bucket_of(index, &oldest->hash);

	while (*link != number) {
		gyr_assert(*link != 0);
		link = &index->entries[*link - 1].next;
	}
	*link = oldest->next;
}

void gyr_duplicate_add(struct gyr_duplicate *index, const struct gyr_hash *hash, uint64_t position,
		       uint64_t arrival)
{
	struct gyr_duplicate_entry *entry = &index->entries[index->tail & index->mask];
	uint32_t number = (uint32_t)(index->tail & index->mask) + 1;
	uint32_t *bucket;

	if (index->tail > index->mask) {
		forget(index, entry, number);
		/* a window shorter than what is in flight: its result is no longer awaited */
		if (index->executed + index->mask < index->tail)
			index->executed = index->tail - index->mask;
	}
	bucket = bucket_of(index, hash);
	*entry = (struct gyr_duplicate_entry){
		.hash = *hash,
		.position = position,
		.arrival = arrival,
		.next = *bucket,
	};
	*bucket = number;
	index->tail++;
}

void gyr_duplicate_executed(struct gyr_duplicate *index, uint64_t position, uint8_t verdict,
			    uint8_t status, uint64_t gas_used, uint64_t block_number)
{
	struct gyr_duplicate_entry *entry = &index->entries[index->executed & index->mask];

	if (index->executed == index->tail || entry->position > position)
		return; /* its entry has made room for newer ones */
	gyr_assert(entry->position == position);
	entry->executed = 1;
	entry->verdict = verdict;
	entry->status = status;
	entry->gas_used = gas_used;
	entry->block_number = block_number;
	index->executed++;
}
