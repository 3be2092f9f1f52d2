/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every cmocka test includes first: cmocka with its prerequisites, a seeded random generator
 * that prints its seed, and the folder of Ethereum's official vectors.
 */
#ifndef GYR_TEST_H
#define GYR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* The exit code that meson reads as "skipped". */
#define GYR_TEST_SKIP 77

/* A sanitizer has an allocator, threads and system calls of its own: what is about these skips. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GYR_TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GYR_TEST_SANITIZED 1
#endif
#endif
#ifndef GYR_TEST_SANITIZED
#define GYR_TEST_SANITIZED 0
#endif

/* The folder with the official vectors: $GYR_VECTORS, else ../shared/vectors beside the sources. */
static inline const char *gyr_test_vectors(void)
{
	static char path[4096];
	const char *given = getenv("GYR_VECTORS");
	const char *root = getenv("GYR_SOURCE_ROOT");

	if (given != NULL && given[0] != '\0')
		return given;
	(void)snprintf(path, sizeof path, "%s/../shared/vectors", root == NULL ? "." : root);
	return path;
}

/* A seed for this run: $GYR_SEED where given, else the clock; printed, so that a failure can be
 * rerun. */
static inline uint64_t gyr_test_seed(void)
{
	const char *given = getenv("GYR_SEED");
	struct timespec now;
	uint64_t seed;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = given != NULL ? strtoull(given, NULL, 0)
			     : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
	(void)printf("# GYR_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static inline uint64_t gyr_test_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

#endif
