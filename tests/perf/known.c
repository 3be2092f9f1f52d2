/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of known senders, alone and in groups, with and without hints, beside libsecp256k1's
 * secp256k1_ecdsa_recover in the same process, interleaved, medians; and the cost of a table.
 */
#include "recover_cases.h"

#include <time.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "gyr_err.h"
#include "gyr_known_ifma.h"
#include "gyr_recover_portable.h"

#define KEY_COUNT   60
#define POOL	    1024
#define ROUND_COUNT 1001

struct signed_one {
	struct gyr_recover_request request;
	uint8_t nonce_y[32], s_inverse[32];
	unsigned key;
};

enum hints { NO_HINT, WITH_Y, WITH_BOTH, WRONG_KEY };

static const struct shape {
	const char *name;
	unsigned count;
	enum hints hints;
} shapes[] = {
	{ "libsecp256k1 recover", 0, NO_HINT },
	{ "known, alone", 1, NO_HINT },
	{ "known, alone, y given", 1, WITH_Y },
	{ "known, alone, y and 1/s given", 1, WITH_BOTH },
	{ "known, alone, wrong key", 1, WRONG_KEY },
	{ "known, group", 2, NO_HINT },
	{ "known, group", 3, NO_HINT },
	{ "known, group", 4, NO_HINT },
	{ "known, group", 5, NO_HINT },
	{ "known, group", 6, NO_HINT },
	{ "known, group", 7, NO_HINT },
	{ "known, group", 8, NO_HINT },
};

static struct signed_one pool[POOL];
static alignas(64) uint8_t memory[8 << 20], reference_memory[4096];
static double ns[GYR_COUNT(shapes)][ROUND_COUNT], build_ns[KEY_COUNT];
static struct gyr_known known;
static secp256k1_context *library;
static volatile uint64_t sink;

static double now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static const void *table_of(unsigned key)
{
	return known.tables + (size_t)key * gyr_known_ifma.table_size;
}

static void fill_pool(void)
{
	uint8_t secret[KEY_COUNT][32], key[64];
	uint64_t seed = 1;

	for (unsigned i = 0; i < KEY_COUNT; i++) {
		double start;

		do
			recover_random_bytes(secret[i], 32, &seed);
		while (!gyr_secp_public_key(key, secret[i]));
		start = now_ns();
		sink += gyr_known_ifma.build(known.shared, (void *)(uintptr_t)table_of(i), key);
		build_ns[i] = now_ns() - start;
	}
	for (unsigned i = 0; i < POOL; i++) {
		struct signed_one *one = &pool[i];
		struct gyr_secp_scalar s;
		struct gyr_secp_affine nonce;
		struct gyr_secp_field x;

		one->key = (unsigned)(gyr_test_random(&seed) % KEY_COUNT);
		recover_random_bytes(one->request.hash, 32, &seed);
		sink += gyr_secp_sign(one->request.r, one->request.s, &one->request.parity,
				      one->request.hash, secret[one->key]);
		(void)gyr_secp_scalar_from_bytes(&s, one->request.s);
		gyr_secp_scalar_inverse(&s, &s);
		gyr_secp_scalar_to_bytes(one->s_inverse, &s);
		(void)gyr_secp_field_from_bytes(&x, one->request.r);
		(void)gyr_secp_affine_from_x(&nonce, &x, (one->request.parity & 1) != 0);
		gyr_secp_field_to_bytes(one->nonce_y, &nonce.y);
	}
}

static void run_library(const struct gyr_recover_request *in)
{
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey key;

	sink += (uint64_t)secp256k1_ecdsa_recoverable_signature_parse_compact(library, &signature,
									      in->r, in->parity);
	sink += (uint64_t)secp256k1_ecdsa_recover(library, &key, &signature, in->hash);
}

static void run_shape(const struct shape *shape, const struct signed_one *in, double *result)
{
	struct gyr_known_check check[GYR_KNOWN_GROUP_MAX];
	enum gyr_known_answer answer[GYR_KNOWN_GROUP_MAX];
	double start;

	for (unsigned i = 0; i < shape->count; i++)
		check[i] = (struct gyr_known_check){
			.request = &in[i].request,
			.table = table_of(shape->hints == WRONG_KEY ? (in[i].key + 1) % KEY_COUNT
								    : in[i].key),
			.nonce_y = shape->hints == WITH_Y || shape->hints == WITH_BOTH
					   ? in[i].nonce_y
					   : NULL,
			.s_inverse = shape->hints == WITH_BOTH ? in[i].s_inverse : NULL,
		};
	start = now_ns();
	if (shape->count == 0)
		run_library(&in->request);
	else
		gyr_known_check(&known, answer, check, shape->count);
	*result = now_ns() - start;
	for (unsigned i = 0; i < shape->count; i++)
		if ((answer[i] == GYR_KNOWN_YES) != (shape->hints != WRONG_KEY)) {
			(void)printf("WRONG ANSWER: %s\n", shape->name);
			exit(1);
		}
}

int main(void)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	const struct gyr_known_conf conf = {
		.ops = &gyr_known_ifma, .slot_count = KEY_COUNT, .lane_count = 1, .seed = { 7 }
	};
	double base = 0;

	library = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
	sink += (uint64_t)gyr_recover_portable.init(reference_memory, conf.seed);
	if (gyr_known_init(&known, &arena, &conf, &gyr_recover_portable, reference_memory) < 0) {
		(void)printf("SKIPPED: %s\n", gyr_err_cause());
		return GYR_TEST_SKIP;
	}
	fill_pool();
	for (unsigned round = 0; round < ROUND_COUNT; round++)
		for (size_t i = 0; i < GYR_COUNT(shapes); i++)
			run_shape(&shapes[i], &pool[(round * 17 + i * 101) % (POOL - 8)],
				  &ns[i][round]);
	(void)printf("%-32s %5s %9s %9s %9s %11s %8s %8s\n", "", "group", "p50 us", "p99 us",
		     "us each", "per second", "rate x", "call x");
	for (size_t i = 0; i < GYR_COUNT(shapes); i++) {
		unsigned count = shapes[i].count == 0 ? 1 : shapes[i].count;
		double p50;

		qsort(ns[i], ROUND_COUNT, sizeof(double), compare);
		p50 = ns[i][ROUND_COUNT / 2];
		if (i == 0)
			base = p50;
		(void)printf("%-32s %5u %9.2f %9.2f %9.2f %11.0f %8.2f %8.2f\n", shapes[i].name,
			     count, p50 / 1e3, ns[i][ROUND_COUNT * 99 / 100] / 1e3,
			     p50 / count / 1e3, 1e9 * count / p50, base * count / p50, base / p50);
	}
	qsort(build_ns, KEY_COUNT, sizeof(double), compare);
	(void)printf("table of a key: %zu bytes, built in %.0f us (median); %d keys at random\n",
		     gyr_known_ifma.table_size, build_ns[KEY_COUNT / 2] / 1e3, KEY_COUNT);
	return 0;
}
