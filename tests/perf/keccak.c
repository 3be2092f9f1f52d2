/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds per Keccak-256 hash: every table, single and in batches, by message length. */
#include <string.h>

#include "gyr_accel_keccak_simd.h"
#include "gyr_perf.h"

#define ROUND_COUNT 9
#define BATCH_MAX   1024

static uint8_t data[BATCH_MAX][600];
static struct gyr_slice messages[BATCH_MAX];
static struct gyr_hash hashes[BATCH_MAX];

static double single(const struct gyr_keccak_ops *ops, size_t length)
{
	enum { COUNT = 4000 };
	double ns[ROUND_COUNT];

	for (int round = 0; round < ROUND_COUNT; round++) {
		uint64_t begin = gyr_perf_now_ns();

		/* Each hash depends on the one before: latency, not throughput. */
		for (unsigned i = 0; i < COUNT; i++) {
			ops->hash(&hashes[0], data[0], length);
			data[0][0] ^= hashes[0].bytes[0];
		}
		ns[round] = (double)(gyr_perf_now_ns() - begin) / COUNT;
	}
	return gyr_perf_median(ns, ROUND_COUNT);
}

static double batch(const struct gyr_keccak_ops *ops, size_t length, size_t count)
{
	double ns[ROUND_COUNT];
	size_t repeat = 4096 / count;

	for (size_t i = 0; i < count; i++)
		messages[i] = (struct gyr_slice){ data[i], length };
	for (int round = 0; round < ROUND_COUNT; round++) {
		uint64_t begin = gyr_perf_now_ns();

		for (size_t i = 0; i < repeat; i++)
			ops->hash_many(hashes, messages, count);
		ns[round] = (double)(gyr_perf_now_ns() - begin) / (double)(repeat * count);
	}
	return gyr_perf_median(ns, ROUND_COUNT);
}

static void row(const struct gyr_keccak_ops *ops)
{
	printf("%-10s %8.0f %8.0f | %8.0f %8.0f %8.0f %8.0f | %8.0f %8.0f\n", ops->name,
	       single(ops, 64), single(ops, 532), batch(ops, 64, 4), batch(ops, 64, 8),
	       batch(ops, 64, 64), batch(ops, 64, 1024), batch(ops, 135, 64), batch(ops, 532, 64));
}

int main(void)
{
	const struct gyr_keccak_ops *ops;
	bool supported;

	memset(data, 0x5a, sizeof data);
	printf("ns per hash  alone: 64 B    532 B | batches of 64 B: 4     8       64     1024 |"
	       " 64 of 135 B, 532 B\n");
	row(&gyr_keccak_portable);
	for (unsigned i = 0; (ops = gyr_accel_keccak_simd_variant(i, &supported)) != NULL; i++)
		if (supported)
			row(ops);
		else
			printf("%-10s not supported by this CPU\n", ops->name);
	printf("chosen: %s\n", gyr_accel_keccak_simd()->name);
	return 0;
}
