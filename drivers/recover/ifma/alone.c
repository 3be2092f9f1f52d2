/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 256

#include "alone.h"

#include "gyr_secp_divsteps.h"
#include "gyr_secp_point.h"
#include "lanes_keccak.h"
#include "lanes_latency.h"
#include "slice_scalars.h"

/* What of this kernel lies in a context's scratch. */
struct alone_scratch {
	struct alone_point point[ALONE_POINT_MAX];
	struct alone_digits digits;
	struct slice_step step[KNOWN_G_WINDOWS];
	struct known_sums sums;
};

_Static_assert(sizeof(struct alone_scratch) <= IFMA_SCRATCH_SIZE, "a kernel's scratch fits");

/*
 * c^((p + 1) / 4) step by step, in scalar registers beside the vectors of the chain. The runs are
 * those of gyr_secp_field_sqrt.
 */
struct root {
	struct gyr_secp_field value, kept[8];
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
	root->value = root->kept[0] = *c;
	root->run = root_runs;
	root->squarings_left = root_runs[0].squarings;
}

/* One squaring or product; false when there is none left. */
static inline __attribute__((always_inline)) bool root_step(struct root *root)
{
	if (GYR_LIKELY(root->squarings_left > 0)) {
		gyr_secp_field_sqr(&root->value, &root->value);
		root->squarings_left--;
		return true;
	}
	if (root->run == ROOT_RUN_LAST)
		return false;
	gyr_secp_field_mul(&root->value, &root->value, &root->kept[root->run->factor]);
	root->kept[root->run->keep] = root->value;
	root->run++;
	root->squarings_left = root->run->squarings;
	return true;
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
	(void)root_step(root);
	EACH_LIMB(i)
	_mm256_store_si256(
		(__m256i *)point->limb[i],
		_mm256_permute2x128_si256(a.limb[i], _mm256_unpackhi_epi64(b.limb[i], t[i]), 0x31));
}

/* count doublings of R' = (c x, c^2), and the root beside them. */
OUT_OF_LINE void run_chain(struct alone_point *points, struct root *root,
			   const struct gyr_secp_field *x, const struct gyr_secp_field *c,
			   unsigned count)
{
	static const struct gyr_secp_field three_quarters = { { 0xfffff3ffffd24, 0xfffffffffffff,
								0xfffffffffffff, 0xfffffffffffff,
								0xbfffffffffff } };
	struct gyr_secp_field e, f, rx, ry;
	vec column[5], y[5];

	gyr_secp_field_mul(&rx, c, x);
	gyr_secp_field_sqr(&ry, c);
	gyr_secp_field_sqr(&f, &ry);
	gyr_secp_field_sqr(&e, &rx);
	gyr_secp_field_mul(&e, &e, &rx);
	gyr_secp_field_mul(&e, &e, &three_quarters);
	EACH_LIMB(i)
	{
		column[i] = _mm256_setr_epi64x((long long)e.limb[i], (long long)f.limb[i],
					       (long long)rx.limb[i], i == 0);
		y[i] = v_set(ry.limb[i]);
	}
	for (unsigned i = 0; i < count; i++)
		chain_double(&points[i], column, y, root);
	while (root_step(root))
		;
}

/* The digits of one half, dealt to its four lanes. */
static void deal_digits(struct alone_digits *digits, unsigned half, const uint64_t k[3])
{
	const bool negative = k[2] >> 63 != 0;
	u128 value = (u128)k[1] << 64 | k[0], halved, sum, nonzero, minus;
	unsigned count = 0;

	value = negative ? -value : value;
	gyr_assert(k[2] == (negative ? UINT64_MAX : 0) || (negative && value == 0));
	gyr_assert(value >> 120 <= 0xa2);
	/* value = sum - halved, both without the bits that they share. */
	halved = value >> 1;
	sum = value + halved;
	nonzero = halved ^ sum;
	minus = halved & nonzero;
	for (unsigned word = 0; word < 2; word++) {
		uint64_t left = (uint64_t)(nonzero >> (64 * word));
		uint64_t signs = (uint64_t)(minus >> (64 * word)) ^ (negative ? UINT64_MAX : 0);

		for (; left != 0; left &= left - 1, count++) {
			const unsigned place = (unsigned)__builtin_ctzll(left);
			const unsigned round = count / 4, lane = 4 * half + count % 4;

			digits->point[round][lane] = (uint8_t)(64 * word + place);
			digits->negative[round] |= (uint8_t)((signs >> place & 1) << lane);
			digits->skip[round] &= (uint8_t) ~(1u << lane);
			if (64 * word + place >= digits->point_count)
				digits->point_count = 64 * word + place + 1;
		}
	}
	if ((count + 3) / 4 > digits->round_count)
		digits->round_count = (count + 3) / 4;
}

/* u1 = -m / r to the rows of G, u2 = s / r to digits. */
static void set_scalars(struct alone_scratch *scratch, const struct known_g_table *table,
			const struct parsed *p)
{
	static const uint64_t no_offset[3] = { 0 };
	struct gyr_secp_scalar inverse, u1, u2;
	uint64_t slice[2][KNOWN_SLICE_COUNT], first[3], second[3];

	gyr_secp_inverse_inline(inverse.limb, p->r.limb, &gyr_secp_modulus_n);
	gyr_secp_scalar_mul(&u1, &inverse, &p->m);
	gyr_secp_scalar_negate(&u1, &u1);
	split(slice[0], slice[1], &u1, known_g_offset);
	alone_set_steps(scratch->step, table, slice);
	gyr_secp_scalar_mul(&u2, &inverse, &p->s);
	split_halves(first, second, &u2, no_offset);
	memset(&scratch->digits, 0, sizeof scratch->digits);
	memset(scratch->digits.skip, 0xff, sizeof scratch->digits.skip);
	deal_digits(&scratch->digits, 0, first);
	deal_digits(&scratch->digits, 1, second);
	gyr_assert(scratch->digits.round_count >= 1); /* u2 is not 0 */
}

/* From the sum in lane 0 to the key, its words in hashing order, and the address. */
static void finish(struct gyr_address *address, uint8_t *public_key, const struct known_sums *sums)
{
	struct gyr_secp_field x, n, zz, zzz;
	uint64_t w[8], key[8];
	vec lane[8], hash[4];

	known_read_sum(&x, sums->x, 0);
	known_read_sum(&n, sums->n, 0);
	known_read_sum(&zz, sums->zz, 0);
	known_read_sum(&zzz, sums->zzz, 0);
	gyr_secp_field_normalize(&zzz);
	gyr_secp_field_to_words(w, &zzz);
	gyr_secp_inverse_inline(w, w, &gyr_secp_modulus_p);
	gyr_secp_field_from_words(&zzz, w);
	gyr_secp_field_mul(&n, &n, &zzz); /* y = -N / ZZZ */
	gyr_secp_field_negate(&n, &n, 1);
	gyr_secp_field_mul(&zz, &zz, &zzz); /* ZZ / ZZZ = 1 / Z */
	gyr_secp_field_sqr(&zz, &zz);
	gyr_secp_field_mul(&x, &x, &zz);
	gyr_secp_field_normalize(&x);
	gyr_secp_field_normalize(&n);
	gyr_secp_field_to_words(w, &x);
	gyr_secp_field_to_words(w + 4, &n);
	for (size_t i = 0; i < 4; i++) {
		key[i] = __builtin_bswap64(w[3 - i]);
		key[4 + i] = __builtin_bswap64(w[7 - i]);
	}
	for (size_t i = 0; i < 8; i++)
		lane[i] = v_set(key[i]);
	keccak_of_keys(hash, lane);
	for (size_t i = 0; i < 4; i++)
		w[i] = v_first(hash[i]);
	memcpy(address->bytes, (const uint8_t *)w + 12, 20);
	if (public_key != NULL)
		memcpy(public_key, key, 64);
}

struct ifma_outcome ifma_recover_alone(struct ifma_context *context, struct gyr_address *address,
				       uint8_t (*public_key)[64],
				       const struct gyr_recover_request *in, unsigned count)
{
	struct alone_scratch *scratch = (struct alone_scratch *)(void *)context->scratch;
	const struct ifma_outcome invalid = { 0, 0 };
	struct gyr_secp_field x, c, cube, t;
	struct parsed p;
	struct root root;

	gyr_assert(count == 1);
	parse(&p, in);
	if (!p.valid)
		return invalid;
	set_scalars(scratch, context->g_table, &p);
	known_read_x(&x, &p);
	gyr_secp_field_sqr(&t, &x);
	gyr_secp_field_mul(&c, &t, &x);
	c.limb[0] += 7;
	gyr_secp_field_carry(&c);
	root_begin(&root, &c);
	run_chain(scratch->point, &root, &x, &c, scratch->digits.point_count);
	gyr_secp_field_sqr(&t, &root.value);
	if (!gyr_secp_field_equal(&t, &c))
		return invalid;
	gyr_secp_field_normalize(&root.value);
	if (gyr_secp_field_is_odd(&root.value) != p.odd)
		gyr_secp_field_negate(&root.value, &root.value, 1);
	gyr_secp_field_mul(&cube, &c, &root.value);
	gyr_secp_field_carry(&cube);
	alone_sum_lanes(&scratch->sums, scratch->point, &scratch->digits, scratch->step, c.limb,
			cube.limb);
	known_fold_lanes(&scratch->sums, 8);
	known_read_sum(&t, scratch->sums.zz, 0);
	if (gyr_secp_field_is_zero(&t))
		return (struct ifma_outcome){ .undecided = 1 };
	finish(address, public_key == NULL ? NULL : public_key[0], &scratch->sums);
	return (struct ifma_outcome){ .valid = 1 };
}
