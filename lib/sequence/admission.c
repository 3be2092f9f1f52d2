/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_admission.h"

/* Load at most 1/2 at high water, so that runs of linear probing stay short. */
static uint64_t slot_count(uint64_t account_count_max)
{
	uint64_t count = 64;

	while (count < account_count_max + account_count_max / 2)
		count *= 2;
	return count;
}

size_t gyr_admission_size(uint64_t account_count_max)
{
	return slot_count(account_count_max) * sizeof(struct gyr_account_view) + GYR_CACHE_LINE;
}

bool gyr_admission_init(struct gyr_admission *table, struct gyr_arena *arena,
			uint64_t account_count_max, const uint64_t seed[2])
{
	uint64_t slots = slot_count(account_count_max);

	table->slots = gyr_arena_carve(arena, slots * sizeof *table->slots, GYR_CACHE_LINE);
	if (table->slots == NULL)
		return false;
	memset(table->slots, 0, slots * sizeof *table->slots);
	table->mask = slots - 1;
	table->seed[0] = seed[0];
	table->seed[1] = seed[1] | 1;
	table->count = 0;
	table->count_max = account_count_max;
	table->high_water = account_count_max - account_count_max / 8;
	return true;
}

/* Folded multiplication (as in wyhash): addresses can be ground out, the seed is secret. */
static uint64_t slot_of(const struct gyr_admission *table, const struct gyr_address *address)
{
	gyr_u128 product = (gyr_u128)(gyr_load_le64(address->bytes) ^ table->seed[0]) *
			   (gyr_load_le64(address->bytes + 12) ^ table->seed[1]);
	uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64) ^
			  gyr_load_le32(address->bytes + 8);

	product = (gyr_u128)folded * (table->seed[0] | 1);
	return ((uint64_t)product ^ (uint64_t)(product >> 64)) & table->mask;
}

void gyr_admission_prefetch(const struct gyr_admission *table, const struct gyr_address *address)
{
	__builtin_prefetch(&table->slots[slot_of(table, address)], 1);
}

struct gyr_account_view *gyr_admission_find(const struct gyr_admission *table,
					    const struct gyr_address *address)
{
	/* ends: at least a third of the slots is free */
	for (uint64_t at = slot_of(table, address);; at = (at + 1) & table->mask) {
		struct gyr_account_view *slot = &table->slots[at];

		if (slot->flags == 0)
			return NULL;
		if (gyr_address_equal(&slot->address, address))
			return slot;
	}
}

struct gyr_account_view *gyr_admission_get(struct gyr_admission *table,
					   const struct gyr_address *address)
{
	for (uint64_t at = slot_of(table, address);; at = (at + 1) & table->mask) {
		struct gyr_account_view *slot = &table->slots[at];

		if (slot->flags == 0) {
			if (table->count == table->count_max)
				return NULL;
			table->count++;
			slot->address = *address;
			slot->flags = GYR_VIEW_USED;
			return slot;
		}
		if (gyr_address_equal(&slot->address, address))
			return slot;
	}
}
