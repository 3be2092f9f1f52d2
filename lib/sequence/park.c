/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_park.h"

#include "gyr_bytes.h"

static uint64_t bucket_count(uint32_t entry_count)
{
	uint64_t count = 64;

	while (count < entry_count)
		count *= 2;
	return count;
}

size_t gyr_park_size(uint32_t entry_count, uint32_t raw_size)
{
	return entry_count * (sizeof(struct gyr_parked) + gyr_round_up(raw_size, 64)) +
	       2 * bucket_count(entry_count) * sizeof(uint32_t) + (size_t)4 * GYR_CACHE_LINE;
}

bool gyr_park_init(struct gyr_park *park, struct gyr_arena *arena, uint32_t entry_count,
		   uint32_t raw_size, uint64_t seed)
{
	uint64_t buckets = bucket_count(entry_count);
	uint64_t stride = gyr_round_up(raw_size, 64);
	uint8_t *raw;

	gyr_assert(entry_count > 0);
	park->entries = gyr_arena_carve(arena, entry_count * sizeof *park->entries, GYR_CACHE_LINE);
	park->buckets = gyr_arena_carve(arena, buckets * sizeof *park->buckets, GYR_CACHE_LINE);
	park->hash_buckets = gyr_arena_carve(arena, buckets * sizeof *park->hash_buckets,
					     GYR_CACHE_LINE);
	raw = gyr_arena_carve(arena, entry_count * stride, GYR_CACHE_LINE);
	if (park->entries == NULL || park->buckets == NULL || park->hash_buckets == NULL ||
	    raw == NULL)
		return false;
	memset(park->buckets, 0, buckets * sizeof *park->buckets);
	memset(park->hash_buckets, 0, buckets * sizeof *park->hash_buckets);
	memset(park->entries, 0, entry_count * sizeof *park->entries);
	for (uint32_t i = 0; i < entry_count; i++) {
		park->entries[i].raw = raw + i * stride;
		park->entries[i].chain = i + 1 == entry_count ? 0 : i + 2;
	}
	park->bucket_mask = buckets - 1;
	park->seed = seed | 1;
	park->entry_count = entry_count;
	park->raw_size = raw_size;
	park->free = 1;
	park->oldest = 0;
	park->newest = 0;
	park->count = 0;
	return true;
}

static uint32_t *bucket_of(const struct gyr_park *park, const struct gyr_address *sender,
			   uint64_t nonce)
{
	uint64_t mixed = (gyr_load_le64(sender->bytes) ^ gyr_load_le64(sender->bytes + 12) ^
			  (nonce << 20)) *
			 park->seed;

	return &park->buckets[(mixed >> 24) & park->bucket_mask];
}

struct gyr_parked *gyr_park_find(const struct gyr_park *park, const struct gyr_address *sender,
				 uint64_t nonce)
{
	for (uint32_t at = *bucket_of(park, sender, nonce); at != 0;) {
		struct gyr_parked *parked = &park->entries[at - 1];

		if (parked->nonce == nonce && gyr_address_equal(&parked->finding.sender, sender))
			return parked;
		at = parked->chain;
	}
	return NULL;
}

static uint32_t *hash_bucket_of(const struct gyr_park *park, const struct gyr_hash *hash)
{
	uint64_t mixed = gyr_load_le64(hash->bytes) * park->seed;

	return &park->hash_buckets[(mixed >> 24) & park->bucket_mask];
}

struct gyr_parked *gyr_park_find_hash(const struct gyr_park *park, const struct gyr_hash *hash)
{
	for (uint32_t at = *hash_bucket_of(park, hash); at != 0;) {
		struct gyr_parked *parked = &park->entries[at - 1];

		if (gyr_hash_equal(&parked->finding.transaction_hash, hash))
			return parked;
		at = parked->hash_chain;
	}
	return NULL;
}

struct gyr_parked *gyr_park_add(struct gyr_park *park, const struct gyr_intake_arrival *arrival,
				const struct gyr_intake_finding *finding, const uint8_t *raw,
				uint64_t nonce, uint64_t expires_ns)
{
	uint32_t number = park->free;
	uint32_t *bucket = bucket_of(park, &finding->sender, nonce);
	struct gyr_parked *parked;

	if (number == 0 || arrival->raw_length > park->raw_size)
		return NULL;
	parked = &park->entries[number - 1];
	park->free = parked->chain;
	memcpy(&parked->arrival, arrival, sizeof *arrival);
	memcpy(&parked->finding, finding, sizeof *finding);
	memcpy(parked->raw, raw, arrival->raw_length);
	parked->nonce = nonce;
	parked->expires_ns = expires_ns;
	parked->chain = *bucket;
	*bucket = number;
	bucket = hash_bucket_of(park, &finding->transaction_hash);
	parked->hash_chain = *bucket;
	*bucket = number;
	parked->older = park->newest;
	parked->newer = 0;
	if (park->newest != 0) {
		gyr_assert(park->entries[park->newest - 1].expires_ns <= expires_ns);
		park->entries[park->newest - 1].newer = number;
	} else {
		park->oldest = number;
	}
	park->newest = number;
	park->count++;
	return parked;
}

struct gyr_parked *gyr_park_oldest(const struct gyr_park *park)
{
	return park->oldest == 0 ? NULL : &park->entries[park->oldest - 1];
}

void gyr_park_remove(struct gyr_park *park, struct gyr_parked *parked)
{
	uint32_t number = (uint32_t)(parked - park->entries) + 1;
	uint32_t *link = bucket_of(park, &parked->finding.sender, parked->nonce);

	while (*link != number) {
		gyr_assert(*link != 0);
		link = &park->entries[*link - 1].chain;
	}
	*link = parked->chain;
	link = hash_bucket_of(park, &parked->finding.transaction_hash);
	while (*link != number) {
		gyr_assert(*link != 0);
		link = &park->entries[*link - 1].hash_chain;
	}
	*link = parked->hash_chain;
	if (parked->older != 0)
		park->entries[parked->older - 1].newer = parked->newer;
	else
		park->oldest = parked->newer;
	if (parked->newer != 0)
		park->entries[parked->newer - 1].older = parked->older;
	else
		park->newest = parked->older;
	parked->chain = park->free;
	park->free = number;
	park->count--;
}
