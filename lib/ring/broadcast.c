/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_ring.h"

size_t gyr_broadcast_size(size_t item_size, uint64_t item_count)
{
	return sizeof(struct gyr_broadcast) + gyr_round_up(item_size * item_count, GYR_CACHE_LINE);
}

struct gyr_broadcast *gyr_broadcast_init(void *memory, size_t item_size, uint64_t item_count,
					 unsigned consumer_count)
{
	struct gyr_broadcast *ring = memory;

	gyr_assert(gyr_is_power_of_two(item_count));
	gyr_assert(consumer_count <= GYR_BROADCAST_CONSUMERS_MAX);
	gyr_assert(((uintptr_t)memory & (GYR_CACHE_LINE - 1)) == 0);
	memset(ring, 0, sizeof *ring);
	ring->mask = item_count - 1;
	ring->item_size = item_size;
	ring->consumer_count = consumer_count;
	ring->items = (uint8_t *)memory + sizeof *ring;
	return ring;
}

static uint64_t slowest(struct gyr_broadcast *ring, uint64_t tail)
{
	uint64_t least = tail;

	for (unsigned i = 0; i < ring->consumer_count; i++) {
		/* acquire: pairs with gyr_broadcast_release; the item was read before its reuse */
		uint64_t at = atomic_load_explicit(&ring->consumers[i].position,
						   memory_order_acquire);

		if (tail - at > tail - least)
			least = at;
	}
	return least;
}

void *gyr_broadcast_reserve(struct gyr_broadcast *ring)
{
	uint64_t at = atomic_load_explicit(&ring->producer.position, memory_order_relaxed);

	if (GYR_UNLIKELY(at - ring->producer.cached > ring->mask)) {
		ring->producer.cached = slowest(ring, at);
		if (at - ring->producer.cached > ring->mask)
			return NULL;
	}
	return ring->items + (at & ring->mask) * ring->item_size;
}

void gyr_broadcast_publish(struct gyr_broadcast *ring)
{
	uint64_t at = atomic_load_explicit(&ring->producer.position, memory_order_relaxed);

	/* release: pairs with the acquire in gyr_broadcast_peek */
	atomic_store_explicit(&ring->producer.position, at + 1, memory_order_release);
}
