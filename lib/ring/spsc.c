/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_ring.h"

size_t gyr_spsc_size(size_t item_size, uint64_t item_count)
{
	return sizeof(struct gyr_spsc) + gyr_round_up(item_size * item_count, GYR_CACHE_LINE);
}

struct gyr_spsc *gyr_spsc_init(void *memory, size_t item_size, uint64_t item_count)
{
	struct gyr_spsc *ring = memory;

	gyr_assert(gyr_is_power_of_two(item_count));
	gyr_assert(((uintptr_t)memory & (GYR_CACHE_LINE - 1)) == 0);
	memset(ring, 0, sizeof *ring);
	ring->mask = item_count - 1;
	ring->item_size = item_size;
	ring->items = (uint8_t *)memory + sizeof *ring;
	return ring;
}

uint64_t gyr_spsc_count(const struct gyr_spsc *ring)
{
	/* consumer first, so that a third thread's snapshot is never negative */
	uint64_t head = atomic_load_explicit(&ring->consumer.position, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->producer.position, memory_order_acquire);

	return tail - head;
}
