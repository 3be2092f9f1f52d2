/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_rng.h"

static uint64_t split_mix(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void gyr_rng_init(struct gyr_rng *rng, uint64_t seed)
{
	/* SplitMix64 is a bijection of its counter, so at most one of the four words is zero. */
	for (size_t i = 0; i < GYR_COUNT(rng->state); i++)
		rng->state[i] = split_mix(&seed);
}

struct gyr_rng gyr_rng_fork(struct gyr_rng *rng)
{
	struct gyr_rng fork;

	gyr_rng_init(&fork, gyr_rng_next(rng));
	return fork;
}

uint64_t gyr_rng_below(struct gyr_rng *rng, uint64_t bound)
{
	unsigned __int128 product;

	gyr_assert(bound > 0);
	product = (unsigned __int128)gyr_rng_next(rng) * bound;
	if ((uint64_t)product < bound) {
		uint64_t floor = (0 - bound) % bound;

		while ((uint64_t)product < floor)
			product = (unsigned __int128)gyr_rng_next(rng) * bound;
	}
	return (uint64_t)(product >> 64);
}

uint64_t gyr_rng_between(struct gyr_rng *rng, uint64_t low, uint64_t high)
{
	gyr_assert(low <= high);
	if (high - low == UINT64_MAX)
		return gyr_rng_next(rng);
	return low + gyr_rng_below(rng, high - low + 1);
}

void gyr_rng_fill(struct gyr_rng *rng, void *out, size_t length)
{
	uint8_t *bytes = out;

	while (length > 0) {
		uint64_t word = gyr_rng_next(rng);
		size_t part = (size_t)gyr_min_u64(length, sizeof word);

		memcpy(bytes, &word, part);
		bytes += part;
		length -= part;
	}
}
