/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness of two kinds, never mixed. A seeded generator for the simulator, tests and load
 * generators: the same seed gives the same numbers on every machine; it is no secret and must
 * never make one. And the kernel's entropy, for cookies, keys and session identifiers. A generator
 * is the caller's memory, used by one thread at a time; entropy may be asked for by any thread,
 * at start-up or on cold lanes only (a system call).
 *
 * Generator: xoshiro256**, Blackman and Vigna, "Scrambled linear pseudorandom number generators"
 * (2018), seeded through SplitMix64.
 */
#ifndef GYR_RNG_H
#define GYR_RNG_H

#include "gyr_base.h"

struct gyr_rng {
	uint64_t state[4];
};

/* Any seed is good, zero included. */
void gyr_rng_init(struct gyr_rng *rng, uint64_t seed);

/* A generator of its own stream, derived from this one: hands parts of a simulation independent
 * numbers, so that one part asking more often does not shift the others. */
struct gyr_rng gyr_rng_fork(struct gyr_rng *rng);

static inline uint64_t gyr_rng_rotate_(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

/* 64 uniform bits. */
static inline uint64_t gyr_rng_next(struct gyr_rng *rng)
{
	uint64_t *s = rng->state;
	uint64_t result = gyr_rng_rotate_(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = gyr_rng_rotate_(s[3], 45);
	return result;
}

/*
 * Uniform in [0, bound), bound > 0, without bias and mostly without division (Lemire, "Fast random
 * integer generation in an interval", 2019).
 */
uint64_t gyr_rng_below(struct gyr_rng *rng, uint64_t bound);

/* Uniform in [low, high], both included, low <= high. */
uint64_t gyr_rng_between(struct gyr_rng *rng, uint64_t low, uint64_t high);

/* True with probability part / whole, whole > 0. */
static inline bool gyr_rng_chance(struct gyr_rng *rng, uint64_t part, uint64_t whole)
{
	return gyr_rng_below(rng, whole) < part;
}

/* Uniform in [0, 1), 53 bits. */
static inline double gyr_rng_unit(struct gyr_rng *rng)
{
	return (double)(gyr_rng_next(rng) >> 11) * 0x1p-53;
}

void gyr_rng_fill(struct gyr_rng *rng, void *out, size_t length);

/* Fills out from the kernel (getrandom); blocks only before the kernel's pool is ready. */
GYR_MUST_USE int gyr_rng_entropy(void *out, size_t length);

#endif
