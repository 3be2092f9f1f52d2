/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How stages meet: a ring of fixed-size items from one producer to one consumer (gyr_spsc), the
 * same to several consumers that each see every item (gyr_broadcast), and a cell of which readers
 * always get a whole version (gyr_cell). Memory is the caller's, sized by the *_size functions and
 * aligned to a cache line. Nothing here blocks: a full ring says NULL, an empty one too.
 */
#ifndef GYR_RING_H
#define GYR_RING_H

#include <stdatomic.h>

#include "gyr_base.h"

/* At most this many consumers of one broadcast ring. */
#define GYR_BROADCAST_CONSUMERS_MAX 16

/* One cursor alone on its cache line, with its owner's cached copy of the other side's. */
struct gyr_ring_cursor {
	alignas(GYR_CACHE_LINE) _Atomic uint64_t position; /* items passed since the start */
	uint64_t cached; /* last seen position of the other side */
};

struct gyr_spsc {
	struct gyr_ring_cursor producer;
	struct gyr_ring_cursor consumer;
	alignas(GYR_CACHE_LINE) uint64_t mask;
	size_t item_size;
	uint8_t *items;
};

/* Bytes for a ring of item_count (a power of two) items of item_size bytes. */
size_t gyr_spsc_size(size_t item_size, uint64_t item_count);

/* Lays an empty ring into memory of gyr_spsc_size bytes, aligned to a cache line. */
struct gyr_spsc *gyr_spsc_init(void *memory, size_t item_size, uint64_t item_count);

/* Producer: room for the next item, NULL when the ring is full. Publish makes it visible. */
static inline void *gyr_spsc_reserve(struct gyr_spsc *ring)
{
	/* relaxed: only this thread writes the producer's position */
	uint64_t at = atomic_load_explicit(&ring->producer.position, memory_order_relaxed);

	if (GYR_UNLIKELY(at - ring->producer.cached > ring->mask)) {
		/* acquire: pairs with the consumer's release; the item was read before it is reused
		 */
		ring->producer.cached = atomic_load_explicit(&ring->consumer.position,
							     memory_order_acquire);
		if (at - ring->producer.cached > ring->mask)
			return NULL;
	}
	return ring->items + (at & ring->mask) * ring->item_size;
}

static inline void gyr_spsc_publish(struct gyr_spsc *ring)
{
	uint64_t at = atomic_load_explicit(&ring->producer.position, memory_order_relaxed);

	/* release: pairs with the consumer's acquire in peek; the item's bytes come first */
	atomic_store_explicit(&ring->producer.position, at + 1, memory_order_release);
}

/* Consumer: the oldest item, NULL when the ring is empty. It stays valid until released. */
static inline const void *gyr_spsc_peek(struct gyr_spsc *ring)
{
	uint64_t at = atomic_load_explicit(&ring->consumer.position, memory_order_relaxed);

	if (at == ring->consumer.cached) {
		/* acquire: pairs with publish */
		ring->consumer.cached = atomic_load_explicit(&ring->producer.position,
							     memory_order_acquire);
		if (at == ring->consumer.cached)
			return NULL;
	}
	return ring->items + (at & ring->mask) * ring->item_size;
}

/* Consumer: the item `ahead` behind the oldest, as far as it is known to be there, else NULL. */
static inline const void *gyr_spsc_peek_ahead(const struct gyr_spsc *ring, uint64_t ahead)
{
	uint64_t at = atomic_load_explicit(&ring->consumer.position, memory_order_relaxed) + ahead;

	/* `cached` came from an acquire in peek: what lies before it is published */
	if (at >= ring->consumer.cached)
		return NULL;
	return ring->items + (at & ring->mask) * ring->item_size;
}

static inline void gyr_spsc_release(struct gyr_spsc *ring)
{
	uint64_t at = atomic_load_explicit(&ring->consumer.position, memory_order_relaxed);

	/* release: pairs with the producer's acquire in reserve */
	atomic_store_explicit(&ring->consumer.position, at + 1, memory_order_release);
}

/* Items published and not yet released; exact for either side, a snapshot for others. */
uint64_t gyr_spsc_count(const struct gyr_spsc *ring);

/*
 * One producer, consumer_count consumers that each see every item. The slowest one bounds the
 * producer.
 */
struct gyr_broadcast {
	struct gyr_ring_cursor producer;
	struct gyr_ring_cursor consumers[GYR_BROADCAST_CONSUMERS_MAX];
	alignas(GYR_CACHE_LINE) uint64_t mask;
	size_t item_size;
	unsigned consumer_count;
	uint8_t *items;
};

size_t gyr_broadcast_size(size_t item_size, uint64_t item_count);

/* consumer_count from 0 (then nothing is kept back) to GYR_BROADCAST_CONSUMERS_MAX. */
struct gyr_broadcast *gyr_broadcast_init(void *memory, size_t item_size, uint64_t item_count,
					 unsigned consumer_count);

/* Producer: room for the next item, NULL while the slowest consumer is a whole ring behind. */
void *gyr_broadcast_reserve(struct gyr_broadcast *ring);
void gyr_broadcast_publish(struct gyr_broadcast *ring);

static inline const void *gyr_broadcast_peek(struct gyr_broadcast *ring, unsigned consumer)
{
	struct gyr_ring_cursor *mine = &ring->consumers[consumer];
	uint64_t at = atomic_load_explicit(&mine->position, memory_order_relaxed);

	if (at == mine->cached) {
		/* acquire: pairs with gyr_broadcast_publish */
		mine->cached = atomic_load_explicit(&ring->producer.position, memory_order_acquire);
		if (at == mine->cached)
			return NULL;
	}
	return ring->items + (at & ring->mask) * ring->item_size;
}

static inline void gyr_broadcast_release(struct gyr_broadcast *ring, unsigned consumer)
{
	struct gyr_ring_cursor *mine = &ring->consumers[consumer];
	uint64_t at = atomic_load_explicit(&mine->position, memory_order_relaxed);

	/* release: pairs with the producer's acquire in reserve */
	atomic_store_explicit(&mine->position, at + 1, memory_order_release);
}

#define GYR_CELL_WORDS_MAX 14

/*
 * A sequence lock over a few words (Boehm, Can seqlocks get along with programming language memory
 * models?, 2012): one writer never waits, readers retry while they meet a write.
 */
struct gyr_cell {
	alignas(GYR_CACHE_LINE) _Atomic uint64_t version; /* odd while being written */
	_Atomic uint64_t words[GYR_CELL_WORDS_MAX];
};

/* Writer, one thread: replaces the first word_count words. */
static inline void gyr_cell_write(struct gyr_cell *cell, const uint64_t *words, unsigned word_count)
{
	uint64_t version = atomic_load_explicit(&cell->version, memory_order_relaxed);

	gyr_assert(word_count <= GYR_CELL_WORDS_MAX);
	atomic_store_explicit(&cell->version, version + 1, memory_order_relaxed);
	/* release: whoever sees a new word (acquire, in gyr_cell_read) sees the odd version too */
	for (unsigned i = 0; i < word_count; i++)
		atomic_store_explicit(&cell->words[i], words[i], memory_order_release);
	/* release: pairs with the reader's first acquire; words come before the even version */
	atomic_store_explicit(&cell->version, version + 2, memory_order_release);
}

/* Reader: one try; false when it met a write, then words is undefined. */
static inline bool gyr_cell_read(uint64_t *words, struct gyr_cell *cell, unsigned word_count)
{
	uint64_t before = atomic_load_explicit(&cell->version, memory_order_acquire);

	if (before & 1)
		return false;
	for (unsigned i = 0; i < word_count; i++)
		/* acquire: pairs with the word's release; the version is looked at again after it
		 */
		words[i] = atomic_load_explicit(&cell->words[i], memory_order_acquire);
	return atomic_load_explicit(&cell->version, memory_order_relaxed) == before;
}

#endif
