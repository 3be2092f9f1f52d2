/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The precompiles' worst cases: time of a call, and of a unit of its gas, portable beside
 * accelerated. The cases are those that an attacker would choose: most work for the gas of a fork.
 * Medians of short interleaved rounds in one process; ratios hold better than absolutes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accel_tables.h"
#include "gyr_bytes.h"

#define INPUT_MAX   (1 << 17)
#define ROUND_COUNT 9
#define ROUND_NS    3000000

static struct gyr_accel accel;
static uint8_t input[INPUT_MAX];
static uint8_t output[INPUT_MAX];
static alignas(64) uint8_t scratch_memory[4 << 20];
static struct gyr_precompile_rules rules;

static uint64_t cpu_ns(void)
{
	struct timespec now;

	/* of this thread: others on the machine do not count */
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fill(uint8_t *to, size_t length, uint64_t seed)
{
	for (size_t i = 0; i < length; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		to[i] = (uint8_t)(seed >> 56);
	}
}

static enum gyr_precompile_status call(const struct gyr_precompile_ops *ops,
				       enum gyr_precompile which, size_t length)
{
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, sizeof scratch_memory);
	size_t output_length;

	return gyr_precompile_run(ops, &rules, which, output, sizeof output, &output_length,
				  &scratch, (struct gyr_slice){ input, length });
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median ns of a call for each table, rounds interleaved; 0 where a table does not serve it. */
static void measure(double ns[2], enum gyr_precompile which, size_t length)
{
	const struct gyr_precompile_ops *tables[2] = { &gyr_precompile_portable,
						       &accel.precompile };
	double rounds[2][ROUND_COUNT];

	for (unsigned round = 0; round < ROUND_COUNT; round++) {
		for (unsigned t = 0; t < 2; t++) {
			uint64_t count = 0;
			uint64_t start = cpu_ns();
			uint64_t end = start;

			if (!accel_tables_serves(tables[t], which)) {
				rounds[t][round] = 0;
				continue;
			}
			for (uint64_t batch = 1; end - start < ROUND_NS; batch *= 2) {
				for (uint64_t i = 0; i < batch; i++)
					(void)call(tables[t], which, length);
				count += batch;
				end = cpu_ns();
			}
			rounds[t][round] = (double)(end - start) / (double)count;
		}
	}
	for (unsigned t = 0; t < 2; t++) {
		qsort(rounds[t], ROUND_COUNT, sizeof rounds[t][0], by_value);
		ns[t] = rounds[t][ROUND_COUNT / 2];
	}
}

static void row(const char *name, enum gyr_precompile_fork fork, enum gyr_precompile which,
		size_t length)
{
	static const char *const forks[GYR_PRECOMPILE_FORK_COUNT] = {
		"Frontier", "Byzantium", "Istanbul", "Berlin", "Cancun", "Prague", "Osaka",
	};
	double ns[2];

	rules = gyr_precompile_rules_of(fork);
	uint64_t gas = gyr_precompile_gas(&rules, which, (struct gyr_slice){ input, length });

	if (!accel_tables_serves(&accel.precompile, which)) {
		(void)printf("%-34s %-9s %9llu  not built\n", name, forks[fork],
			     (unsigned long long)gas);
		return;
	}
	measure(ns, which, length);
	(void)printf("%-34s %-9s %9llu", name, forks[fork], (unsigned long long)gas);
	for (unsigned t = 0; t < 2; t++) {
		if (ns[t] > 0)
			(void)printf(" %12.0f %8.2f", ns[t], ns[t] / (double)gas);
		else
			(void)printf(" %12s %8s", "-", "-");
	}
	(void)printf("  %s\n", accel.choice[which].driver);
}

static size_t unhex(uint8_t *to, const char *text)
{
	size_t length = strlen(text) / 2;

	for (size_t i = 0; i < length; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], 0 };

		to[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return length;
}

static void modexp_row(const char *name, enum gyr_precompile_fork fork, uint16_t base,
		       uint16_t exponent, uint16_t modulus, unsigned kind)
{
	uint8_t *m = input + 96 + base + exponent;

	memset(input, 0, 96);
	gyr_store_be16(input + 30, base);
	gyr_store_be16(input + 62, exponent);
	gyr_store_be16(input + 94, modulus);
	memset(input + 96, 0xff, (size_t)base + exponent);
	fill(m, modulus, 7);
	m[0] |= 0x80;
	m[modulus - 1] = kind == 0 ? m[modulus - 1] | 1 : m[modulus - 1] & 0xfe;
	row(name, fork, GYR_PRECOMPILE_MODEXP, 96u + base + exponent + modulus);
}

static void hashes(void)
{
	fill(input, sizeof input, 3);
	row("sha256, nothing", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_SHA256, 0);
	row("sha256, 32 bytes", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_SHA256, 32);
	row("sha256, 64 KiB", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_SHA256, 1 << 16);
	row("ripemd160, 32 bytes", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_RIPEMD160, 32);
	row("ripemd160, 64 KiB", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_RIPEMD160, 1 << 16);
	row("identity, 64 KiB", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_IDENTITY, 1 << 16);
	memset(input, 0, 4);
	input[1] = 1;
	input[212] = 1;
	row("blake2f, 65536 rounds", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLAKE2F, 213);
	input[1] = 0;
	input[3] = 1;
	row("blake2f, 1 round", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLAKE2F, 213);
}

static void modexps(void)
{
	modexp_row("modexp 1/1/1", GYR_PRECOMPILE_OSAKA, 1, 1, 1, 0);
	modexp_row("modexp 32/32/32", GYR_PRECOMPILE_OSAKA, 32, 32, 32, 0);
	modexp_row("modexp 32/32/32 even", GYR_PRECOMPILE_OSAKA, 32, 32, 32, 1);
	modexp_row("modexp 8/1024/8", GYR_PRECOMPILE_OSAKA, 8, 1024, 8, 0);
	modexp_row("modexp 8/1024/8 even", GYR_PRECOMPILE_OSAKA, 8, 1024, 8, 1);
	modexp_row("modexp 32/1024/32 even", GYR_PRECOMPILE_OSAKA, 32, 1024, 32, 1);
	modexp_row("modexp 40/40/40 even", GYR_PRECOMPILE_OSAKA, 40, 40, 40, 1);
	modexp_row("modexp 256/256/256", GYR_PRECOMPILE_OSAKA, 256, 256, 256, 0);
	modexp_row("modexp 256/256/256 even", GYR_PRECOMPILE_OSAKA, 256, 256, 256, 1);
	modexp_row("modexp 1024/1/1024", GYR_PRECOMPILE_OSAKA, 1024, 1, 1024, 0);
	modexp_row("modexp 1024/32/1024", GYR_PRECOMPILE_OSAKA, 1024, 32, 1024, 0);
	modexp_row("modexp 1024/32/1024 even", GYR_PRECOMPILE_OSAKA, 1024, 32, 1024, 1);
	modexp_row("modexp 8/1024/8 even", GYR_PRECOMPILE_BERLIN, 8, 1024, 8, 1);
	modexp_row("modexp 32/32/32 even", GYR_PRECOMPILE_BERLIN, 32, 32, 32, 1);
	modexp_row("modexp 1024/32/1024 even", GYR_PRECOMPILE_BERLIN, 1024, 32, 1024, 1);
	modexp_row("modexp 16384/1/16384", GYR_PRECOMPILE_BERLIN, 16384, 1, 16384, 0);
}

static void curves(void)
{
	static const char g2[] = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
				 "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
				 "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
				 "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

	fill(input, 128, 11);
	memset(input + 32, 0, 31);
	input[63] = 27;
	input[64] = 0;
	row("ecrecover", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_ECRECOVER, 128);
	memset(input, 0, 1024);
	input[31] = 1;
	input[63] = 2;
	memcpy(input + 64, input, 64);
	row("bn254 add, doubling", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BN254_ADD, 128);
	fill(input + 64, 32, 5);
	row("bn254 mul", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BN254_MUL, 96);
	for (size_t i = 0; i < 16; i++) {
		memset(input + 192 * i, 0, 64);
		input[192 * i + 31] = 1;
		input[192 * i + 63] = 2;
		(void)unhex(input + 192 * i + 64, g2);
	}
	row("bn254 pairing, 1 pair", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BN254_PAIRING, 192);
	row("bn254 pairing, 2 pairs", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BN254_PAIRING, 384);
	row("bn254 pairing, 16 pairs", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BN254_PAIRING, 3072);
	memset(input + 192, 0, 64);
	memset(input, 0, 64);
	row("bn254 pairing, 1 pair with infinity", GYR_PRECOMPILE_OSAKA,
	    GYR_PRECOMPILE_BN254_PAIRING, 192);
	/* a valid signature */
	(void)unhex(input, "f260db8f05e562b4ea75201ad4c0040e4221d0f2b81bba026379990e0099534d"
			   "3d38b0c14dc8554b17d8d86fcc2947ea5e0e4d4d2cdbe68075e71bf498c8b50c"
			   "c3b9415df0e79f2d7e8794a01d68971b8ce3741a58dd4544f2889246a56dcf88"
			   "529fc14fa38fcbfe4f8eefbcbb55c18d8ae7929b92a4c648d89bf12bd7b88b36"
			   "7b76a03a60ed739ecda4fb91034d5b1a356fe641b3487a815c942ee22c14ee10");
	row("p256 verify", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_P256_VERIFY, 160);
}

/* count points of G1, made by mapping, each followed by what comes after it in `size` bytes */
static void make_g1(size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t element[64] = { [63] = (uint8_t)(i + 1) };

		(void)accel.precompile.bls_map_g1(input + size * i, element);
		fill(input + size * i + 128, 32, i);
	}
}

static void make_g2(size_t count, size_t size, size_t offset)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t element[128] = { [63] = (uint8_t)(i + 1) };

		(void)accel.precompile.bls_map_g2(input + size * i + offset, element);
		if (offset == 0)
			fill(input + size * i + 256, 32, i);
	}
}

static void bls(void)
{
	static const struct {
		const char *g1;
		const char *g2;
		size_t count;
	} msm[] = {
		{ "bls g1 msm, 1 term", "bls g2 msm, 1 term", 1 },
		{ "bls g1 msm, 2 terms", "bls g2 msm, 2 terms", 2 },
		{ "bls g1 msm, 16 terms", "bls g2 msm, 16 terms", 16 },
		{ "bls g1 msm, 128 terms", "bls g2 msm, 128 terms", 128 },
	};

	if (!accel_tables_serves(&accel.precompile, GYR_PRECOMPILE_BLS_G1_MSM)) {
		(void)printf("BLS12-381 and KZG: not built\n");
		return;
	}
	make_g1(2, 128);
	row("bls g1 add", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_G1_ADD, 256);
	make_g2(2, 256, 0);
	row("bls g2 add", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_G2_ADD, 512);
	for (size_t i = 0; i < GYR_COUNT(msm); i++) {
		make_g1(msm[i].count, 160);
		row(msm[i].g1, GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_G1_MSM, 160 * msm[i].count);
		make_g2(msm[i].count, 288, 0);
		row(msm[i].g2, GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_G2_MSM, 288 * msm[i].count);
	}
	make_g1(8, 384);
	make_g2(8, 384, 128);
	row("bls pairing, 1 pair", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_PAIRING, 384);
	row("bls pairing, 8 pairs", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_PAIRING, 3072);
	memset(input, 0, 128);
	input[63] = 77;
	row("bls map g1", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_MAP_G1, 64);
	row("bls map g2", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_BLS_MAP_G2, 128);
	/* the polynomial X at 3: commitment tau G1, proof G1 */
	memset(input, 0, 96);
	input[63] = 3;
	input[95] = 3;
	(void)unhex(input + 96, "ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42"
				"d25926fc0c97b336e9f0fb35e5a04c81");
	(void)unhex(input + 144, "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
				 "6c55e83ff97a1aeffb3af00adb22c6bb");
	accel.precompile.sha256(input, input + 96, 48);
	input[0] = 1;
	row("kzg point evaluation", GYR_PRECOMPILE_OSAKA, GYR_PRECOMPILE_KZG, 192);
}

int main(void)
{
	if (!accel_tables_init(&accel))
		return 1;
	(void)printf("%-34s %-9s %9s %12s %8s %12s %8s\n", "call", "fork", "gas", "portable ns",
		     "ns/gas", "accel ns", "ns/gas");
	hashes();
	modexps();
	curves();
	bls();
	return 0;
}
