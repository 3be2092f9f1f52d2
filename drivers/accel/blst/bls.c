/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_accel_blst.h"

#include "bls_bytes.h"

/* Terms of a multi-scalar multiplication done at once. */
#define MSM_CHUNK_MAX 1024

/* Pairs whose Miller loops share their squarings. */
#define PAIRS_AT_ONCE 16

static enum gyr_precompile_status g1_add(uint8_t result[128], const uint8_t points[256])
{
	blst_p1_affine a;
	blst_p1_affine b;
	blst_p1 sum;

	/* not only points of the subgroup are added: EIP-2537 says so */
	if (!bls_read_g1(&a, points) || !bls_read_g1(&b, points + 128))
		return GYR_PRECOMPILE_FAILED;
	blst_p1_from_affine(&sum, &a);
	blst_p1_add_or_double_affine(&sum, &sum, &b);
	bls_write_g1(result, &sum);
	return GYR_PRECOMPILE_OK;
}

/* A point and its scalar modulo the order; *vanishes where the term is 0. False for a bad point. */
static bool g1_term(blst_p1_affine *point, blst_scalar *scalar, bool *vanishes,
		    const uint8_t bytes[160])
{
	if (!bls_read_g1(point, bytes))
		return false;
	*vanishes = !blst_scalar_from_be_bytes(scalar, bytes + 128, 32);
	if (blst_p1_affine_is_inf(point)) {
		*vanishes = true;
		return true;
	}
	return blst_p1_affine_in_g1(point);
}

/*
 * Pippenger's method on as many terms at a time as scratch has room for; one after another where
 * it has none.
 */
static enum gyr_precompile_status g1_msm(uint8_t result[128], struct gyr_arena *scratch,
					 const uint8_t *terms, size_t term_count)
{
	size_t chunk = gyr_min_u64(term_count, MSM_CHUNK_MAX);
	blst_p1_affine one_point;
	blst_scalar one_scalar;
	blst_p1_affine *points = NULL;
	blst_scalar *scalars = NULL;
	limb_t *work = NULL;
	blst_p1 sum = { 0 };
	blst_p1 part;

	for (; chunk > 1; chunk /= 2) {
		size_t used = scratch->used;

		points = gyr_arena_carve(scratch, chunk * sizeof *points, alignof(blst_p1_affine));
		scalars = gyr_arena_carve(scratch, chunk * sizeof *scalars, alignof(blst_scalar));
		work = gyr_arena_carve(scratch, blst_p1s_mult_pippenger_scratch_sizeof(chunk),
				       alignof(limb_t));
		if (points != NULL && scalars != NULL && work != NULL)
			break;
		scratch->used = used;
	}
	if (chunk == 1) {
		points = &one_point;
		scalars = &one_scalar;
	}
	while (term_count > 0) {
		size_t count = 0;

		for (; term_count > 0 && count < chunk; term_count--, terms += 160) {
			bool vanishes;

			if (!g1_term(&points[count], &scalars[count], &vanishes, terms))
				return GYR_PRECOMPILE_FAILED;
			count += !vanishes;
		}
		if (count == 1) {
			blst_p1_from_affine(&part, points);
			blst_p1_mult(&part, &part, scalars->b, 255);
		} else if (count > 1) {
			const blst_p1_affine *const from[2] = { points, NULL };
			const byte *const by[2] = { scalars->b, NULL };

			blst_p1s_mult_pippenger(&part, from, count, by, 255, work);
		}
		if (count > 0)
			blst_p1_add_or_double(&sum, &sum, &part);
	}
	bls_write_g1(result, &sum);
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status g2_add(uint8_t result[256], const uint8_t points[512])
{
	blst_p2_affine a;
	blst_p2_affine b;
	blst_p2 sum;

	/* not only points of the subgroup are added: EIP-2537 says so */
	if (!bls_read_g2(&a, points) || !bls_read_g2(&b, points + 256))
		return GYR_PRECOMPILE_FAILED;
	blst_p2_from_affine(&sum, &a);
	blst_p2_add_or_double_affine(&sum, &sum, &b);
	bls_write_g2(result, &sum);
	return GYR_PRECOMPILE_OK;
}

/* A point and its scalar modulo the order; *vanishes where the term is 0. False for a bad point. */
static bool g2_term(blst_p2_affine *point, blst_scalar *scalar, bool *vanishes,
		    const uint8_t bytes[288])
{
	if (!bls_read_g2(point, bytes))
		return false;
	*vanishes = !blst_scalar_from_be_bytes(scalar, bytes + 256, 32);
	if (blst_p2_affine_is_inf(point)) {
		*vanishes = true;
		return true;
	}
	return blst_p2_affine_in_g2(point);
}

/*
 * Pippenger's method on as many terms at a time as scratch has room for; one after another where
 * it has none.
 */
static enum gyr_precompile_status g2_msm(uint8_t result[256], struct gyr_arena *scratch,
					 const uint8_t *terms, size_t term_count)
{
	size_t chunk = gyr_min_u64(term_count, MSM_CHUNK_MAX);
	blst_p2_affine one_point;
	blst_scalar one_scalar;
	blst_p2_affine *points = NULL;
	blst_scalar *scalars = NULL;
	limb_t *work = NULL;
	blst_p2 sum = { 0 };
	blst_p2 part;

	for (; chunk > 1; chunk /= 2) {
		size_t used = scratch->used;

		points = gyr_arena_carve(scratch, chunk * sizeof *points, alignof(blst_p2_affine));
		scalars = gyr_arena_carve(scratch, chunk * sizeof *scalars, alignof(blst_scalar));
		work = gyr_arena_carve(scratch, blst_p2s_mult_pippenger_scratch_sizeof(chunk),
				       alignof(limb_t));
		if (points != NULL && scalars != NULL && work != NULL)
			break;
		scratch->used = used;
	}
	if (chunk == 1) {
		points = &one_point;
		scalars = &one_scalar;
	}
	while (term_count > 0) {
		size_t count = 0;

		for (; term_count > 0 && count < chunk; term_count--, terms += 288) {
			bool vanishes;

			if (!g2_term(&points[count], &scalars[count], &vanishes, terms))
				return GYR_PRECOMPILE_FAILED;
			count += !vanishes;
		}
		if (count == 1) {
			blst_p2_from_affine(&part, points);
			blst_p2_mult(&part, &part, scalars->b, 255);
		} else if (count > 1) {
			const blst_p2_affine *const from[2] = { points, NULL };
			const byte *const by[2] = { scalars->b, NULL };

			blst_p2s_mult_pippenger(&part, from, count, by, 255, work);
		}
		if (count > 0)
			blst_p2_add_or_double(&sum, &sum, &part);
	}
	bls_write_g2(result, &sum);
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status pairing(bool *one, struct gyr_arena *scratch,
					  const uint8_t *pairs, size_t pair_count)
{
	blst_p1_affine p[PAIRS_AT_ONCE];
	blst_p2_affine q[PAIRS_AT_ONCE];
	const blst_p1_affine *const p_list[2] = { p, NULL };
	const blst_p2_affine *const q_list[2] = { q, NULL };
	blst_fp12 product = *blst_fp12_one();
	blst_fp12 loop;
	size_t count = 0;

	(void)scratch;
	for (size_t i = 0; i < pair_count; i++, pairs += 384) {
		if (!bls_read_g1(&p[count], pairs) || !bls_read_g2(&q[count], pairs + 128))
			return GYR_PRECOMPILE_FAILED;
		bool p_infinite = blst_p1_affine_is_inf(&p[count]);
		bool q_infinite = blst_p2_affine_is_inf(&q[count]);

		if ((!p_infinite && !blst_p1_affine_in_g1(&p[count])) ||
		    (!q_infinite && !blst_p2_affine_in_g2(&q[count])))
			return GYR_PRECOMPILE_FAILED;
		if (!p_infinite && !q_infinite)
			count++;
		if (count == PAIRS_AT_ONCE || (i + 1 == pair_count && count > 0)) {
			blst_miller_loop_n(&loop, q_list, p_list, count);
			blst_fp12_mul(&product, &product, &loop);
			count = 0;
		}
	}
	blst_final_exp(&product, &product);
	*one = blst_fp12_is_one(&product);
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status map_g1(uint8_t result[128], const uint8_t element[64])
{
	blst_fp u;
	blst_p1 point;

	if (!bls_read_fp(&u, element))
		return GYR_PRECOMPILE_FAILED;
	blst_map_to_g1(&point, &u, NULL);
	bls_write_g1(result, &point);
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status map_g2(uint8_t result[256], const uint8_t element[128])
{
	blst_fp2 u;
	blst_p2 point;

	if (!bls_read_fp2(&u, element))
		return GYR_PRECOMPILE_FAILED;
	blst_map_to_g2(&point, &u, NULL);
	bls_write_g2(result, &point);
	return GYR_PRECOMPILE_OK;
}

static int open_driver(struct gyr_accel_offer *offer)
{
	offer->precompile.kzg_verify = bls_kzg_verify;
	offer->precompile.bls_g1_add = g1_add;
	offer->precompile.bls_g1_msm = g1_msm;
	offer->precompile.bls_g2_add = g2_add;
	offer->precompile.bls_g2_msm = g2_msm;
	offer->precompile.bls_pairing = pairing;
	offer->precompile.bls_map_g1 = map_g1;
	offer->precompile.bls_map_g2 = map_g2;
	return 0;
}

const struct gyr_accel_driver gyr_accel_blst = { "blst", open_driver };
