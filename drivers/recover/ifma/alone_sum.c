/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 512

#include "alone.h"
#include "gyr_secp_point.h"
#include "slice_steps.h"

void alone_set_steps(struct slice_step step[KNOWN_G_WINDOWS], const struct known_g_table *table,
		     uint64_t slice[2][KNOWN_SLICE_COUNT])
{
	uint64_t base[LANE_COUNT], value[LANE_COUNT];

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		value[lane] = slice[lane / 4][lane % 4];
		base[lane] = (uint64_t)(uintptr_t)table->row[lane % 4];
	}
#pragma GCC unroll 3
	for (int w = 0; w < KNOWN_G_WINDOWS; w++) {
		set_g_step(&step[w], v_load(value), v_load(base), w);
		for (unsigned lane = 0; lane < LANE_COUNT; lane++)
			__builtin_prefetch(step[w].row[lane]);
	}
}

/* Two points side by side. */
INLINE vec load_pair(const uint64_t *low, const uint64_t *high)
{
	return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_load_si256((const __m256i *)low)),
				  _mm256_load_si256((const __m256i *)high), 1);
}

/* A point per lane: 1, 9 with clean limbs, 1 (Y's bound is that of the chain). */
INLINE void load_points(struct xyzz *p, struct field *z, const struct alone_point *points,
			const uint8_t at[LANE_COUNT])
{
	const vec low = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
	const vec high = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
	vec zz[5];

	EACH_LIMB(i)
	{
		vec a = load_pair(points[at[0]].limb[i], points[at[4]].limb[i]);
		vec b = load_pair(points[at[1]].limb[i], points[at[5]].limb[i]);
		vec c = load_pair(points[at[2]].limb[i], points[at[6]].limb[i]);
		vec d = load_pair(points[at[3]].limb[i], points[at[7]].limb[i]);
		vec xy = _mm512_unpacklo_epi64(a, b), xy2 = _mm512_unpacklo_epi64(c, d);
		vec zs = _mm512_unpackhi_epi64(a, b), zs2 = _mm512_unpackhi_epi64(c, d);

		p->x.limb[i] = _mm512_permutex2var_epi64(xy, low, xy2);
		p->n.limb[i] = _mm512_permutex2var_epi64(xy, high, xy2);
		z->limb[i] = _mm512_permutex2var_epi64(zs, low, zs2);
		zz[i] = _mm512_permutex2var_epi64(zs, high, zs2);
	}
	field_ripple_dirty(&p->zz, zz);
	field_mul_dirty(&p->zzz, &p->zz, z);
}

/* N from Y: -Y where the digit is positive. */
INLINE void sign_points(struct xyzz *p, lane_mask negative)
{
	vec c[5];

	EACH_LIMB(i)
	{
		vec y = i < 4 ? v_and(p->n.limb[i], MASK52) : p->n.limb[i];

		c[i] = v_blend(negative, v_sub(FIELD_MINUEND(10, i), y), y);
	}
	field_ripple_dirty(&p->n, c); /* 10 */
}

OUT_OF_LINE void first_points(struct xyzz *sum, const struct alone_point *points,
			      const uint8_t at[LANE_COUNT], lane_mask negative)
{
	struct field z, one;

	load_points(sum, &z, points, at);
	sign_points(sum, negative);
	field_one(&one);
	field_mul(&sum->n, &sum->n, &one); /* 1 */
	EACH_LIMB(i)
	sum->x.limb[i] = i < 4 ? v_and(sum->x.limb[i], MASK52) : sum->x.limb[i];
}

OUT_OF_LINE void add_points(struct xyzz *sum, const struct alone_point *points,
			    const uint8_t at[LANE_COUNT], lane_mask negative, lane_mask skip)
{
	struct xyzz p, next;
	struct field z;

	load_points(&p, &z, points, at);
	sign_points(&p, negative);
	xyzz_add(&next, sum, &p);
	field_blend(&sum->x, skip, &next.x, &sum->x);
	field_blend(&sum->n, skip, &next.n, &sum->n);
	field_blend(&sum->zz, skip, &next.zz, &sum->zz);
	field_blend(&sum->zzz, skip, &next.zzz, &sum->zzz);
}

void alone_sum_lanes(struct known_sums *sums, const struct alone_point *points,
		     const struct alone_digits *digits, const struct slice_step *step,
		     const uint64_t square[5], const uint64_t cube[5])
{
	const lane_mask empty = digits->skip[0];
	struct field x, y, factor, one;
	struct xyzz p, first;

	first_points(&p, points, digits->point[0], digits->negative[0]);
	for (unsigned round = 1; round < digits->round_count; round++)
		add_points(&p, points, digits->point[round], digits->negative[round],
			   digits->skip[round]);
	field_set(&factor, square);
	field_mul_dirty(&p.zz, &p.zz, &factor);
	field_set(&factor, cube);
	field_mul_dirty(&p.zzz, &p.zzz, &factor);

	load_step(&x, &y, &step[0]);
	start_at(&first, &x, &y);
	add_step(&p, &step[0]);
	field_blend(&p.x, empty, &p.x, &first.x);
	field_blend(&p.n, empty, &p.n, &first.n);
	field_blend(&p.zz, empty, &p.zz, &first.zz);
	field_blend(&p.zzz, empty, &p.zzz, &first.zzz);
	for (int w = 1; w < KNOWN_G_WINDOWS; w++)
		add_step(&p, &step[w]);
	field_one(&one);
	field_set(&factor, gyr_secp_beta.limb);
	field_blend(&factor, 0xf0, &one, &factor);
	field_mul(&p.x, &p.x, &factor);
	store_sums(sums, &p);
}
