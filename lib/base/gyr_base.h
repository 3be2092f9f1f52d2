/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file may rely on: attributes, always-on assertions, the two fixed byte types, and a
 * bump arena over memory that a caller owns. Freestanding: compiles without a C library, so that
 * the state-transition code can run as a proof guest. No threads, no state.
 */
#ifndef GYR_BASE_H
#define GYR_BASE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GYR_CACHE_LINE 64

#define GYR_LIKELY(x)		__builtin_expect(!!(x), 1)
#define GYR_UNLIKELY(x)		__builtin_expect(!!(x), 0)
#define GYR_MUST_USE		__attribute__((warn_unused_result))
#define GYR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define GYR_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/*
 * The hook behind gyr_assert. The hosted one (assert.c) prints and aborts; a guest brings its own.
 */
_Noreturn void gyr_assert_failed(const char *expression, const char *file, int line);

/* The program is wrong. Always on; bad data and a failing environment are never asserted. */
#define gyr_assert(expression)                                                                     \
	(GYR_LIKELY(expression) ? (void)0 : gyr_assert_failed(#expression, __FILE__, __LINE__))

/* memcpy and friends exist in every freestanding environment that gcc targets. */
#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);
#endif

/* An Ethereum address: the low 20 bytes of keccak256 of the public key, in network order. */
struct gyr_address {
	uint8_t bytes[20];
};

/* A 32-byte hash, in network order. */
struct gyr_hash {
	uint8_t bytes[32];
};

/* Bytes that somebody else owns. */
struct gyr_slice {
	const uint8_t *data;
	size_t length;
};

static inline bool gyr_address_equal(const struct gyr_address *a, const struct gyr_address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool gyr_hash_equal(const struct gyr_hash *a, const struct gyr_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool gyr_is_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* Rounds up to a multiple of unit, a power of two. */
static inline uint64_t gyr_round_up(uint64_t x, uint64_t unit)
{
	return (x + unit - 1) & ~(unit - 1);
}

static inline uint64_t gyr_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t gyr_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * A bump arena: carves from a caller's memory and never gives back. Not thread-safe; made at
 * start-up.
 */
struct gyr_arena {
	uint8_t *base;
	size_t size;
	size_t used;
};

static inline struct gyr_arena gyr_arena_over(void *memory, size_t size)
{
	return (struct gyr_arena){ .base = memory, .size = size, .used = 0 };
}

/* Carves size bytes at a power-of-two alignment; NULL when the arena is too small. Not zeroed. */
static inline void *gyr_arena_carve(struct gyr_arena *arena, size_t size, size_t alignment)
{
	uintptr_t at = gyr_round_up((uintptr_t)arena->base + arena->used, alignment);
	size_t offset = (size_t)(at - (uintptr_t)arena->base);

	if (offset > arena->size || size > arena->size - offset)
		return NULL;
	arena->used = offset + size;
	return arena->base + offset;
}

#endif
