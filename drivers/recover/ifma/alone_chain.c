/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 256

#include "alone.h"
#include "lanes_latency.h"

/*
 * c^((p + 1) / 4) step by step, beside the chain, whose products leave the multipliers idle for
 * more than half of the time. The runs are those of gyr_secp_field_sqrt; dirty values below 1.
 */
struct root {
	struct field value, kept[8];
	const struct root_run *run;
	unsigned squarings_left;
};

/* So many squarings, then a product with what was kept under `factor`, kept under `keep`. */
struct root_run {
	uint8_t squarings, factor, keep;
};

/* Kept: c^(2^k - 1) for k = 1, 2, 3, 11, 22, 44, 88; [7] takes what nobody wants. */
static const struct root_run root_runs[] = {
	{ 1, 0, 1 },  { 1, 0, 2 },  { 3, 2, 7 },  { 3, 2, 7 },	{ 2, 1, 3 },
	{ 11, 3, 4 }, { 22, 4, 5 }, { 44, 5, 6 }, { 88, 6, 7 }, { 44, 5, 7 },
	{ 3, 2, 7 },  { 23, 4, 7 }, { 6, 1, 7 },  { 2, 0, 0 },
};
#define ROOT_RUN_LAST (&root_runs[GYR_COUNT(root_runs) - 1])

static inline void root_begin(struct root *root, const struct gyr_secp_field *c)
{
	field_set(&root->kept[0], c->limb);
	root->value = root->kept[0];
	root->run = root_runs;
	root->squarings_left = root_runs[0].squarings;
}

/* One squaring or product; false when there is none left. */
INLINE bool root_step(struct root *root)
{
	vec t[5];

	if (GYR_LIKELY(root->squarings_left > 0)) {
		latency_square(t, &root->value);
		field_ripple_dirty(&root->value, t);
		root->squarings_left--;
		return true;
	}
	if (root->run == ROOT_RUN_LAST)
		return false;
	latency_product(t, &root->value, &root->kept[root->run->factor]);
	field_ripple_dirty(&root->value, t);
	root->kept[root->run->keep] = root->value;
	root->run++;
	root->squarings_left = root->run->squarings;
	return true;
}

static void root_end(struct gyr_secp_field *r, const struct root *root)
{
	EACH_LIMB(i)
	r->limb[i] = v_first(root->value.limb[i]) & (i < 4 ? GYR_SECP_MASK52 : UINT64_MAX);
	gyr_secp_field_normalize(r);
}

#define PERMUTE(a, l0, l1, l2, l3)                                                                 \
	_mm256_permute4x64_epi64(a, (l0) | (l1) << 2 | (l2) << 4 | (l3) << 6)

/*
 * D = 2 D in two levels of products, where Jacobian's usual formulas take three. With E = 3/4 X^3
 * and F = Y^2, M = 3 E - 2 F:
 *
 *   X' = X M, Y' = 6 E F - 6 E^2 - F^2, Z' = Y Z, E' = E M M^2, F' = Y'^2
 *
 * (the doubling formulas with Z halved). First level: the squares P = E^2, Q = F^2, S = (E - F)^2,
 * and Z^2 for those who add the point. As 2 E F = P + Q - S: E M = 2 P - Q + S,
 * M^2 = 3 P - 2 Q + 6 S, Y' = 2 Q - 3 (P + S). Second level: E', F', X', Z'.
 *
 * column: of E, F, X, Z. y: of Y, in lane 3. Writes D, before, to *point.
 */
INLINE void chain_double(struct alone_point *point, vec column[5], vec y[5], struct root *root)
{
	struct field a, b;
	vec t[5], m[5];

	EACH_LIMB(i)
	{
		vec e = PERMUTE(column[i], 0, 1, 0, 3), f = PERMUTE(column[i], 1, 1, 1, 1);

		t[i] = v_add_where(e, 4, e, v_sub(FIELD_MINUEND(2, i), f));
		m[i] = v_add(v_add(e, v_add(e, e)), v_sub(FIELD_MINUEND(3, i), v_add(f, f)));
	}
	field_ripple_dirty(&a, t); /* 1, 1, 3, 1 */
	latency_square(t, &a);
	if (root != NULL)
		(void)root_step(root);
	EACH_LIMB(i)
	{
		vec p = PERMUTE(t[i], 0, 0, 0, 0), q = PERMUTE(t[i], 1, 1, 1, 1);
		vec s = PERMUTE(t[i], 2, 2, 2, 2), ps = v_add(p, s), ps3 = v_add(ps, v_add(ps, ps));
		vec next_y = v_add(v_add(q, q), v_sub(FIELD_MINUEND(7, i), ps3));
		vec em = v_add(v_add(ps, p), v_sub(FIELD_MINUEND(2, i), q));
		vec m2 = v_add(v_add(ps3, v_add(s, v_add(s, s))),
			       v_sub(FIELD_MINUEND(3, i), v_add(q, q)));

		column[i] = v_blend(1, v_blend(2, column[i], next_y), em);
		m[i] = v_blend(1, v_blend(2, v_blend(8, m[i], y[i]), next_y), m2);
		y[i] = next_y;
	}
	field_ripple_dirty(&a, column); /* 5, 9, 1, 1 */
	field_ripple_dirty(&b, m);	/* 12, 9, 6, 9 */
	latency_product(column, &a, &b);
	if (root != NULL)
		(void)root_step(root);
	EACH_LIMB(i)
	_mm256_store_si256(
		(__m256i *)point->limb[i],
		_mm256_permute2x128_si256(a.limb[i], _mm256_unpackhi_epi64(b.limb[i], t[i]), 0x31));
}

OUT_OF_LINE void run_chain(struct alone_point *points, vec column[5], vec y[5], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		chain_double(&points[i], column, y, NULL);
}

OUT_OF_LINE void run_chain_and_root(struct alone_point *points, struct root *root, vec column[5],
				    vec y[5], unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		chain_double(&points[i], column, y, root);
	while (root_step(root))
		;
}

void alone_run_chain(struct alone_point *points, struct gyr_secp_field *square_root,
		     const struct gyr_secp_affine *base, const struct gyr_secp_field *radicand,
		     unsigned count)
{
	static const struct gyr_secp_field three_quarters = { { 0xfffff3ffffd24, 0xfffffffffffff,
								0xfffffffffffff, 0xfffffffffffff,
								0xbfffffffffff } };
	struct gyr_secp_field e, f;
	struct root root;
	vec column[5], y[5];

	gyr_assert(count >= 1 && count <= ALONE_POINT_MAX);
	gyr_secp_field_sqr(&f, &base->y);
	gyr_secp_field_sqr(&e, &base->x);
	gyr_secp_field_mul(&e, &e, &base->x);
	gyr_secp_field_mul(&e, &e, &three_quarters);
	EACH_LIMB(i)
	{
		column[i] = _mm256_setr_epi64x((long long)e.limb[i], (long long)f.limb[i],
					       (long long)base->x.limb[i], i == 0);
		y[i] = v_set(base->y.limb[i]);
	}
	if (square_root == NULL) {
		run_chain(points, column, y, count);
		return;
	}
	root_begin(&root, radicand);
	run_chain_and_root(points, &root, column, y, count);
	root_end(square_root, &root);
}
