/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recoveries per second and core, and latency, of every driver and batch size beside libsecp256k1's
 * secp256k1_ecdsa_recover (without its key's hash) in the same process, interleaved, medians.
 *
 *   perf_recover [libsecp256k1.so]     another build of the library to report beside the system's
 */
#include "recover_cases.h"

#include <dlfcn.h>
#include <time.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "gyr_err.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"

#define POOL	    4096
#define ROUND_COUNT 301
#define ROW_MAX	    24

/* One build of the library. */
struct peer {
	secp256k1_context *context;
	int (*parse)(const secp256k1_context *, secp256k1_ecdsa_recoverable_signature *,
		     const unsigned char *, int);
	int (*recover)(const secp256k1_context *, secp256k1_pubkey *,
		       const secp256k1_ecdsa_recoverable_signature *, const unsigned char *);
};

struct row {
	const char *name;
	const struct peer *peer; /* or */
	const struct gyr_recover_ops *ops;
	void *context;
	unsigned count;
	double ns[ROUND_COUNT]; /* of one call */
};

static struct gyr_recover_request pool[POOL];
static struct row rows[ROW_MAX];
static unsigned row_count;
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

static void fill_pool(void)
{
	static struct recover_cases cases;

	recover_cases_init(&cases, 1);
	/* Any r on the curve recovers to some key: no need to sign. */
	for (unsigned i = 0; i < POOL; i++) {
		uint8_t key[64];

		do {
			memset(&pool[i], 0, sizeof pool[i]);
			recover_random_bytes(pool[i].hash, 32, &cases.seed);
			recover_random_bytes(pool[i].r, 32, &cases.seed);
			recover_random_bytes(pool[i].s, 32, &cases.seed);
			pool[i].parity = i & 1;
		} while (
			!gyr_secp_recover(key, pool[i].hash, pool[i].r, pool[i].s, pool[i].parity));
	}
}

static void add_row(struct row row)
{
	assert_true(row_count < ROW_MAX);
	rows[row_count++] = row;
}

static void run_peer(const struct peer *peer, const struct gyr_recover_request *in)
{
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey key;

	sink += (uint64_t)peer->parse(peer->context, &signature, in->r, in->parity);
	sink += (uint64_t)peer->recover(peer->context, &key, &signature, in->hash);
}

static void run_row(struct row *row, unsigned round, unsigned index)
{
	struct gyr_address address[GYR_RECOVER_BATCH_MAX];
	uint8_t key[GYR_RECOVER_BATCH_MAX][64];
	const struct gyr_recover_request *in =
		&pool[(round * 7919 + index * 613) % (POOL - GYR_RECOVER_BATCH_MAX)];
	double start = now_ns();

	if (row->peer != NULL)
		run_peer(row->peer, in);
	else
		sink += row->ops->batch(row->context, address, key, in, row->count);
	row->ns[round] = now_ns() - start;
}

static bool open_peer(struct peer *peer, const char *path)
{
	secp256k1_context *(*create)(unsigned);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		(void)printf("cannot open %s: %s\n", path, dlerror());
		return false;
	}
	*(void **)&create = dlsym(library, "secp256k1_context_create");
	*(void **)&peer->parse = dlsym(library,
				       "secp256k1_ecdsa_recoverable_signature_parse_compact");
	*(void **)&peer->recover = dlsym(library, "secp256k1_ecdsa_recover");
	if (create == NULL || peer->parse == NULL || peer->recover == NULL) {
		(void)printf("%s has no recovery module\n", path);
		return false;
	}
	peer->context = create(SECP256K1_CONTEXT_VERIFY);
	return peer->context != NULL;
}

static void print_table(void)
{
	double base = 0;

	(void)printf("%-28s %5s %10s %10s %10s %11s %9s %11s\n", "", "batch", "p50 us", "p99 us",
		     "us each", "per second", "rate x", "call x");
	for (unsigned i = 0; i < row_count; i++) {
		double p50, p99, each;

		qsort(rows[i].ns, ROUND_COUNT, sizeof(double), compare);
		p50 = rows[i].ns[ROUND_COUNT / 2];
		p99 = rows[i].ns[ROUND_COUNT * 99 / 100];
		each = p50 / rows[i].count;
		if (i == 0)
			base = p50;
		(void)printf("%-28s %5u %10.2f %10.2f %10.2f %11.0f %9.2f %11.2f\n", rows[i].name,
			     rows[i].count, p50 / 1e3, p99 / 1e3, each / 1e3, 1e9 / each,
			     base / each, base / p50);
	}
	(void)printf("rate x: recoveries per second against the first row; call x: its latency "
		     "over this call's\n");
}

int main(int argc, char **argv)
{
	static alignas(64) uint8_t memory[2][128 << 10];
	static const unsigned sizes[] = { 1, 2, 3, 4, 5, 8, 12, 16, 24, 32, 48, 64 };
	static struct peer system_peer, other_peer;
	const uint8_t seed[GYR_RECOVER_SEED_LENGTH] = { 42 };

	system_peer = (struct peer){
		.context = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY),
		.parse = secp256k1_ecdsa_recoverable_signature_parse_compact,
		.recover = secp256k1_ecdsa_recover,
	};
	fill_pool();
	add_row((struct row){ .name = "libsecp256k1 (system)", .peer = &system_peer, .count = 1 });
	if (argc > 1 && open_peer(&other_peer, argv[1]))
		add_row((struct row){
			.name = "libsecp256k1 (given)", .peer = &other_peer, .count = 1 });
	if (gyr_recover_portable.init(memory[0], seed) == 0)
		add_row((struct row){ .name = "portable",
				      .ops = &gyr_recover_portable,
				      .context = memory[0],
				      .count = 1 });
	if (gyr_recover_ifma.init(memory[1], seed) == 0) {
		for (size_t i = 0; i < GYR_COUNT(sizes); i++)
			add_row((struct row){ .name = "ifma",
					      .ops = &gyr_recover_ifma,
					      .context = memory[1],
					      .count = sizes[i] });
	} else {
		(void)printf("SKIPPED: driver ifma: %s\n", gyr_err_cause());
	}
	for (unsigned round = 0; round < ROUND_COUNT; round++)
		for (unsigned i = 0; i < row_count; i++)
			run_row(&rows[i], round, i);
	print_table();
	return 0;
}
