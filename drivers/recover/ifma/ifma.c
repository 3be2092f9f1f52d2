/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover_ifma.h"

#include <pthread.h>

#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_secp.h"
#include "gyr_secp_point.h"
#include "ifma_kernels.h"
#include "known_kernels.h"

/* Below this the 64-wide call would only add latency: the backlog from which on it pays. */
#define BACKLOG 128

/* Written once under g_rows_once, read by every kernel afterwards. */
static struct ifma_row g_rows[2 * IFMA_G_ROWS];
static pthread_once_t g_rows_once = PTHREAD_ONCE_INIT;

static void row_from_affine(struct ifma_row *row, const struct gyr_secp_affine *a)
{
	gyr_secp_field_to_words(row->word, &a->x);
	gyr_secp_field_to_words(row->word + 4, &a->y);
}

/* 1…IFMA_G_ROWS times base; no multiple that small is infinity. */
static void build_multiples(struct ifma_row *rows, const struct gyr_secp_affine *base)
{
	struct gyr_secp_point sum[GYR_SECP_AFFINE_COUNT_MAX], last = { .infinity = true };
	struct gyr_secp_affine affine[GYR_SECP_AFFINE_COUNT_MAX];

	for (unsigned at = 0; at < IFMA_G_ROWS; at += GYR_SECP_AFFINE_COUNT_MAX) {
		for (unsigned i = 0; i < GYR_SECP_AFFINE_COUNT_MAX; i++) {
			gyr_secp_point_add_affine(&last, &last, base);
			sum[i] = last;
		}
		gyr_secp_point_to_affine(affine, sum, GYR_SECP_AFFINE_COUNT_MAX);
		for (unsigned i = 0; i < GYR_SECP_AFFINE_COUNT_MAX; i++)
			row_from_affine(&rows[at + i], &affine[i]);
	}
}

/* g G */
static void multiple_of_generator(struct gyr_secp_affine *r, const struct gyr_secp_scalar *g)
{
	struct gyr_secp_point point;

	gyr_secp_point_multiply(&point, g, NULL, NULL);
	gyr_secp_point_to_affine(r, &point, 1);
}

static void build_g_rows(void)
{
	const struct gyr_secp_scalar two_to_130 = { { 0, 0, 4, 0 } };
	struct gyr_secp_affine base;

	build_multiples(g_rows, &gyr_secp_generator);
	multiple_of_generator(&base, &two_to_130);
	build_multiples(g_rows + IFMA_G_ROWS, &base);
}

/* The start point B = b G with b from the seed, and -2^125 B. */
static void set_start_point(struct ifma_context *context, const uint8_t *seed)
{
	const struct gyr_secp_scalar factor = { { 0, 1ull << (IFMA_DOUBLING_COUNT - 64), 0, 0 } };
	struct gyr_secp_affine point;
	struct gyr_secp_scalar b;
	struct gyr_hash hash;

	gyr_keccak256(&hash, seed, GYR_RECOVER_SEED_LENGTH);
	(void)gyr_secp_scalar_from_bytes(&b, hash.bytes);
	gyr_assert(!gyr_secp_scalar_is_zero(&b));
	multiple_of_generator(&point, &b);
	memcpy(context->start_x, point.x.limb, sizeof context->start_x);
	memcpy(context->start_y, point.y.limb, sizeof context->start_y);
	gyr_secp_scalar_mul(&b, &b, &factor);
	gyr_secp_scalar_negate(&b, &b);
	multiple_of_generator(&point, &b);
	memcpy(context->end_x, point.x.limb, sizeof context->end_x);
	memcpy(context->end_y, point.y.limb, sizeof context->end_y);
}

static size_t driver_context_size(void)
{
	return sizeof(struct ifma_context);
}

/* CPUID's feature bits and XCR0, which the compilers' runtimes read together. */
bool ifma_supported(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2") &&
	       __builtin_cpu_supports("bmi2");
}

static int driver_init(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	struct ifma_context *ifma = context;

	if (!ifma_supported())
		GYR_FAIL(GYR_ERR_UNSUPPORTED,
			 "this machine lacks AVX-512 IFMA and its companions, or the kernel does "
			 "not enable them");
	if (pthread_once(&g_rows_once, build_g_rows) != 0)
		GYR_FAIL(GYR_ERR_INTERNAL, "pthread_once fails");
	memset(ifma, 0, sizeof *ifma);
	ifma->g_rows = g_rows;
	ifma->g_table = known_g_table(seed);
	set_start_point(ifma, seed);
	return 0;
}

static void driver_fini(void *context)
{
	memset(context, 0, sizeof(struct ifma_context));
}

/* A lane that met an exceptional addition: Q = infinity, as nobody else can bring it about. */
static bool recover_portably(struct gyr_address *address, uint8_t (*public_key)[64],
			     const struct gyr_recover_request *in)
{
	struct gyr_hash hash;
	uint8_t key[64];

	if (!gyr_secp_recover(key, in->hash, in->r, in->s, in->parity))
		return false;
	gyr_keccak256(&hash, key, sizeof key);
	memcpy(address->bytes, hash.bytes + 12, 20);
	if (public_key != NULL)
		memcpy(public_key, key, 64);
	return true;
}

static uint64_t run_kernel(ifma_kernel *kernel, struct ifma_context *context,
			   struct gyr_address *address, uint8_t (*public_key)[64],
			   const struct gyr_recover_request *in, unsigned count)
{
	struct ifma_outcome outcome;

	memset(address, 0, count * sizeof *address);
	if (public_key != NULL)
		memset(public_key, 0, count * sizeof *public_key);
	outcome = kernel(context, address, public_key, in, count);
	gyr_assert((outcome.valid & outcome.undecided) == 0);
	while (outcome.undecided != 0) {
		const int i = __builtin_ctzll(outcome.undecided);

		outcome.undecided &= outcome.undecided - 1;
		if (recover_portably(&address[i], public_key == NULL ? NULL : &public_key[i],
				     &in[i]))
			outcome.valid |= 1ull << i;
	}
	return outcome.valid;
}

/*
 * Whole groups of sixteen together, as they share inversions; a rest of up to eight in the kernel
 * that is fastest for it: two alone, one after the other, are done before the four lanes are.
 */
static uint64_t driver_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			     const struct gyr_recover_request *in, unsigned count)
{
	const unsigned rest = count % 16, whole = rest == 0 || rest > 8 ? count : count - rest;
	uint64_t valid = 0;

	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	if (whole > 0)
		valid = run_kernel(ifma_recover_16, context, address, public_key, in, whole);
	for (unsigned at = whole, step; at < count; at += step) {
		step = rest <= 2 ? 1 : rest;
		valid |= run_kernel(step == 1	? ifma_recover_alone
				    : step <= 4 ? ifma_recover_4
						: ifma_recover_8,
				    context, address + at,
				    public_key == NULL ? NULL : public_key + at, in + at, step)
			 << at;
	}
	return valid;
}

static uint64_t checked_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			      const struct gyr_recover_request *in, unsigned count)
{
	uint64_t valid = 0;

	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	for (unsigned at = 0; at < count; at += 8)
		valid |= run_kernel(count == 1 ? ifma_recover_alone_checked : ifma_recover_checked,
				    context, address + at,
				    public_key == NULL ? NULL : public_key + at, in + at,
				    count - at < 8 ? count - at : 8)
			 << at;
	return valid;
}

/*
 * Measured on a Zen 4 core: one alone takes half as long as four together, 3 and 4 cost as much as
 * each other, so do 5 to 8, and 9 to 16; a signature costs least in groups of sixteen, and a few
 * per cent less in fours of those.
 */
static unsigned driver_take(unsigned pending)
{
	gyr_assert(pending >= 1);
	if (pending <= 2)
		return 1;
	if (pending <= 8)
		return pending;
	if (pending < 16)
		return 8;
	return pending < BACKLOG ? 16 : GYR_RECOVER_BATCH_MAX;
}

const struct gyr_recover_ops gyr_recover_ifma = {
	.name = "ifma",
	.context_size = driver_context_size,
	.init = driver_init,
	.batch = driver_batch,
	.fini = driver_fini,
	.take = driver_take,
};

const struct gyr_recover_ops gyr_recover_ifma_checked = {
	.name = "ifma-checked",
	.context_size = driver_context_size,
	.init = driver_init,
	.batch = checked_batch,
	.fini = driver_fini,
	.take = driver_take,
};
