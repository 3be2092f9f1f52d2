/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_intake.h"

size_t gyr_intake_size(uint64_t slot_count, size_t payload_size)
{
	return sizeof(struct gyr_intake) +
	       slot_count * (sizeof(struct gyr_intake_arrival) + sizeof(struct gyr_intake_finding) +
			     payload_size);
}

struct gyr_intake *gyr_intake_init(void *memory, uint64_t slot_count, size_t payload_size)
{
	struct gyr_intake *ring = memory;

	gyr_assert(gyr_is_power_of_two(slot_count));
	gyr_assert(payload_size % GYR_CACHE_LINE == 0);
	gyr_assert(((uintptr_t)memory & (GYR_CACHE_LINE - 1)) == 0);
	memset(ring, 0, sizeof *ring);
	ring->mask = slot_count - 1;
	ring->payload_size = payload_size;
	ring->arrivals = (struct gyr_intake_arrival *)(ring + 1);
	ring->findings = (struct gyr_intake_finding *)(ring->arrivals + slot_count);
	ring->payloads = (uint8_t *)(ring->findings + slot_count);
	memset(ring->arrivals, 0, slot_count * sizeof *ring->arrivals);
	memset(ring->findings, 0, slot_count * sizeof *ring->findings);
	return ring;
}

bool gyr_intake_reserve(struct gyr_intake *ring, uint64_t *sequence)
{
	if (GYR_UNLIKELY(ring->fill - ring->taken_cached > ring->mask)) {
		/* acquire: pairs with gyr_intake_release; the sequencer has read the slot */
		ring->taken_cached = atomic_load_explicit(&ring->taken, memory_order_acquire);
		if (ring->fill - ring->taken_cached > ring->mask)
			return false;
	}
	*sequence = ring->fill;
	return true;
}

uint64_t gyr_intake_backlog(struct gyr_intake *ring)
{
	/* acquire: as in gyr_intake_reserve */
	ring->taken_cached = atomic_load_explicit(&ring->taken, memory_order_acquire);
	return ring->fill - ring->taken_cached;
}

void gyr_intake_publish(struct gyr_intake *ring)
{
	struct gyr_intake_arrival *arrival = gyr_intake_arrival(ring, ring->fill);

	gyr_assert(ring->fill - ring->taken_cached <= ring->mask);
	ring->fill++;
	/* release: pairs with the acquire in `run_length`; line and payload come first */
	atomic_store_explicit(&arrival->filled, ring->fill, memory_order_release);
}

static unsigned run_length(const struct gyr_intake *ring, uint64_t first, unsigned count_max)
{
	unsigned count = 0;

	while (count < count_max) {
		uint64_t sequence = first + count;

		/* acquire: pairs with gyr_intake_publish */
		if (atomic_load_explicit(&gyr_intake_arrival(ring, sequence)->filled,
					 memory_order_acquire) != sequence + 1)
			break;
		count++;
	}
	return count;
}

unsigned gyr_intake_claim(struct gyr_intake *ring, uint64_t *first, unsigned count_max)
{
	/* relaxed: what a claim protects is published by `filled`, not by the claim cursor */
	uint64_t at = atomic_load_explicit(&ring->claim, memory_order_relaxed);
	unsigned count = run_length(ring, at, count_max);

	if (count == 0)
		return 0;
	/*
	 * The cursor only grows, so an equal value means that nobody claimed in between: no ABA. A
	 * slot at or above the cursor cannot be on a later lap, since nobody verified it.
	 */
	if (!atomic_compare_exchange_strong_explicit(&ring->claim, &at, at + count,
						     memory_order_relaxed, memory_order_relaxed))
		return 0;
	*first = at;
	return count;
}

unsigned gyr_intake_pending(const struct gyr_intake *ring, unsigned count_max)
{
	return run_length(ring, atomic_load_explicit(&ring->claim, memory_order_relaxed),
			  count_max);
}

void gyr_intake_verified(struct gyr_intake *ring, uint64_t sequence)
{
	/* release: pairs with the acquire in gyr_intake_peek; the finding comes first */
	atomic_store_explicit(&gyr_intake_finding(ring, sequence)->verified, sequence + 1,
			      memory_order_release);
}

bool gyr_intake_peek(const struct gyr_intake *ring, uint64_t *sequence)
{
	/* relaxed: only the sequencer writes `taken` */
	uint64_t at = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	/* acquire: pairs with gyr_intake_verified */
	if (atomic_load_explicit(&gyr_intake_finding(ring, at)->verified, memory_order_acquire) !=
	    at + 1)
		return false;
	*sequence = at;
	return true;
}

void gyr_intake_release(struct gyr_intake *ring)
{
	uint64_t at = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	/* release: pairs with the acquire in gyr_intake_reserve */
	atomic_store_explicit(&ring->taken, at + 1, memory_order_release);
}
