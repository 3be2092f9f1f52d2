/* SPDX-License-Identifier: Apache-2.0 */
#include "known_tables.h"

#include <pthread.h>

#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_known_ifma.h"
#include "gyr_secp_point.h"

const uint64_t known_g_offset[3] = { 0x0040000100200000, 0x0100000400800002, 0x0000000000000008 };
const uint64_t known_q_offset[3] = { 0x0820408104102040, 0x2081020410408102, 0x0000000000000008 };

static void set_row(struct ifma_row *row, const struct gyr_secp_affine *a)
{
	gyr_secp_field_to_words(row->word, &a->x);
	gyr_secp_field_to_words(row->word + 4, &a->y);
}

/* row[i] = start + i base, count of them. No sum may be infinity. */
static void set_rows(struct ifma_row *row, struct gyr_secp_point start,
		     const struct gyr_secp_affine *base, unsigned count)
{
	struct gyr_secp_point sum[GYR_SECP_AFFINE_COUNT_MAX];
	struct gyr_secp_affine affine[GYR_SECP_AFFINE_COUNT_MAX];

	for (unsigned at = 0; at < count;) {
		unsigned n = 0;

		for (; n < GYR_SECP_AFFINE_COUNT_MAX && at + n < count; n++) {
			sum[n] = start;
			gyr_secp_point_add_affine(&start, &start, base);
		}
		gyr_secp_point_to_affine(affine, sum, n);
		for (unsigned i = 0; i < n; i++)
			set_row(&row[at + i], &affine[i]);
		at += n;
	}
}

/* a = 2^times a */
static void double_times(struct gyr_secp_affine *a, int times)
{
	struct gyr_secp_point point;

	gyr_secp_point_from_affine(&point, a);
	for (int i = 0; i < times; i++)
		gyr_secp_point_double(&point, &point);
	gyr_secp_point_to_affine(a, &point, 1);
}

/* A secret scalar: the seed and a number, hashed. */
static void secret_scalar(struct gyr_secp_scalar *r, const uint8_t *seed, uint8_t number)
{
	uint8_t text[GYR_RECOVER_SEED_LENGTH + 1];
	struct gyr_hash hash;

	memcpy(text, seed, GYR_RECOVER_SEED_LENGTH);
	text[GYR_RECOVER_SEED_LENGTH] = number;
	gyr_keccak256(&hash, text, sizeof text);
	(void)gyr_secp_scalar_from_bytes(r, hash.bytes);
	gyr_assert(!gyr_secp_scalar_is_zero(r));
}

static void build_g_table(struct known_g_table *table, const uint8_t *seed)
{
	struct gyr_secp_affine base = gyr_secp_generator;
	struct gyr_secp_scalar blind, last = { { 0 } };
	struct gyr_secp_point point;

	for (uint8_t slice = 0; slice < KNOWN_SLICE_COUNT; slice++) {
		if (slice + 1 < KNOWN_SLICE_COUNT) {
			secret_scalar(&blind, seed, slice);
			gyr_secp_scalar_add(&last, &last, &blind);
		} else {
			gyr_secp_scalar_negate(&blind, &last);
		}
		gyr_secp_point_multiply(&point, &blind, NULL, NULL);
		set_rows(table->row[slice], point, &base, 1u << KNOWN_G_WINDOW_BITS);
		for (int w = 1; w < KNOWN_G_WINDOWS; w++) {
			double_times(&base, KNOWN_G_WINDOW_BITS);
			gyr_secp_point_from_affine(&point, &base);
			set_rows(table->row[slice] + KNOWN_G_FIRST_ROW(w), point, &base,
				 1u << (KNOWN_G_WINDOW_BITS - 1));
		}
		double_times(&base, KNOWN_G_WINDOW_BITS);
	}
}

const struct known_g_table *known_g_table(const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	static struct known_g_table table;
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static bool built;

	/* Neither call can fail: the mutex is of the plain kind and never destroyed. */
	(void)pthread_mutex_lock(&mutex);
	if (!built)
		build_g_table(&table, seed);
	built = true;
	(void)pthread_mutex_unlock(&mutex);
	return &table;
}

int known_init(void *memory, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	struct known_shared *shared = memory;
	struct gyr_secp_scalar start;
	struct gyr_secp_point point;
	struct gyr_secp_affine affine;
	struct gyr_secp_field end_x;

	if (!ifma_supported())
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "this machine lacks AVX-512 IFMA");
	shared->g_table = known_g_table(seed);
	secret_scalar(&start, seed, KNOWN_SLICE_COUNT);
	gyr_secp_point_multiply(&point, &start, NULL, NULL);
	gyr_secp_point_to_affine(&affine, &point, 1);
	gyr_secp_field_mul(&end_x, &affine.x, &gyr_secp_beta);
	gyr_secp_field_normalize(&end_x);
	memcpy(shared->start_x, affine.x.limb, sizeof shared->start_x);
	memcpy(shared->start_y, affine.y.limb, sizeof shared->start_y);
	memcpy(shared->end_x, end_x.limb, sizeof shared->end_x);
	return 0;
}

static size_t shared_size(void)
{
	return sizeof(struct known_shared);
}

static void prefetch(const void *table)
{
	for (size_t i = 0; i < sizeof(struct known_table); i += GYR_CACHE_LINE)
		__builtin_prefetch((const uint8_t *)table + i, 0, 2);
}

const struct gyr_known_ops gyr_known_ifma = {
	.name = "known-ifma",
	.table_size = sizeof(struct known_table),
	.shared_size = shared_size,
	.init = known_init,
	.build = known_build,
	.prefetch = prefetch,
	.check = known_check,
};

const struct gyr_known_ops gyr_known_ifma_checked = {
	.name = "known-ifma-checked",
	.table_size = sizeof(struct known_table),
	.shared_size = shared_size,
	.init = known_init,
	.build = known_build_checked,
	.prefetch = prefetch,
	.check = known_check_checked,
};
