/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery in lanes: the source of every kernel. The including file defines VECTOR_BITS,
 * VECTOR_COUNT (vectors side by side in one group), GROUP_COUNT_MAX, and KERNEL, the function's
 * name.
 *
 * One signature per lane. Q = u1 G + u2 R with u1 = -m / r, u2 = s / r; u2 is split into halves by
 * the endomorphism, each cut into 26 signed windows of 5 bits over a table of 1R…16R; u1 into 20
 * signed windows of 13 bits over fixed tables. All lanes run the same 125 doublings. The sum starts
 * at a secret random point B, so no lane is ever at infinity and nobody can aim at P = +-Q: should
 * it happen nevertheless, Z is zero in the end and the lane is reported as undecided. In practice
 * that is only Q = infinity, which has no key.
 */
#ifndef RECOVER_KERNEL_H
#define RECOVER_KERNEL_H

#include "ifma_kernels.h"
#include "lanes_inverse.h"
#include "lanes_keccak.h"
#include "lanes_point.h"

#include "gyr_secp_point.h"

#define GROUP_LANES    ((size_t)VECTOR_COUNT * LANE_COUNT)
#define R_WINDOW_COUNT 26
#define R_WINDOW_BITS  5
#define G_WINDOW_COUNT 20

/* Where one window's rows lie, lane by lane. */
struct window {
	uint32_t offset[LANE_COUNT]; /* bytes from the table's start */
	lane_mask negative, skip;
};

struct group {
	struct field r[VECTOR_COUNT], s[VECTOR_COUNT], m[VECTOR_COUNT];
	struct field x[VECTOR_COUNT], y[VECTOR_COUNT]; /* R */
	struct field scale[VECTOR_COUNT];	       /* of the table of R, see multiples_of_r */
	struct point sum[VECTOR_COUNT];
	lane_mask valid[VECTOR_COUNT];
	lane_mask odd[VECTOR_COUNT];
};

struct scratch {
	struct ifma_row r_rows[IFMA_R_ROWS][GROUP_LANES];
	struct group group[GROUP_COUNT_MAX];
	struct window first[VECTOR_COUNT][R_WINDOW_COUNT];
	struct window second[VECTOR_COUNT][R_WINDOW_COUNT];
	struct window g[VECTOR_COUNT][G_WINDOW_COUNT];
};

_Static_assert(sizeof(struct scratch) <= IFMA_SCRATCH_SIZE, "a kernel's scratch fits");

INLINE void row_pointers(const void *row[LANE_COUNT], const void *base, const uint32_t *offset)
{
	for (size_t i = 0; i < LANE_COUNT; i++)
		row[i] = (const uint8_t *)base + offset[i];
}

INLINE void load_addend(struct addend *a, const void *base, const struct window *window)
{
	const void *row[LANE_COUNT];
	vec w[8];

	row_pointers(row, base, window->offset);
	v_load_rows(w, row);
	field_unpack(&a->x, w[0], w[1], w[2], w[3]);
	field_unpack(&a->y, w[4], w[5], w[6], w[7]);
	a->negative = window->negative;
	a->skip = window->skip;
}

OUT_OF_LINE void store_rows(struct ifma_row *to, const struct field *x, const struct field *y)
{
	void *row[LANE_COUNT];
	struct field a;
	vec w[8];

	for (size_t i = 0; i < LANE_COUNT; i++)
		row[i] = to + i;
	field_weak(&a, x);
	field_pack(w, &a);
	field_weak(&a, y);
	field_pack(w + 4, &a);
	v_store_rows(row, w);
}

/* A signed digit to a row: sign and zero as masks, |digit| - 1 as the row's index. */
INLINE void set_window(struct window *window, vec digit, lane_mask flip, vec row_base,
		       int row_shift)
{
	vec size = v_abs(digit);

	window->negative = m_xor(v_is_negative(digit), flip);
	window->skip = v_is_zero(size);
	size = v_sub(v_max(size, v_set(1)), v_set(1));
	size = v_add(v_shift_left(size, row_shift), row_base);
	v_store_low32(window->offset, size);
}

/*
 * 26 digits from -16 to 15 of k below 2^129: add 16 in every place, then subtract it from every
 * digit.
 */
INLINE void r_windows(struct window *window, const vec k[3], lane_mask flip, size_t vector)
{
	static const uint64_t offset[3] = { 0x2108421084210, 0x842108421084, 0x2108421 };
	const vec base = v_shift_left(v_add(v_lane_index(), v_set(vector * LANE_COUNT)), 6);
	vec u[4];

	u[0] = v_add(k[0], v_set(offset[0]));
	u[1] = v_add(v_add(k[1], v_set(offset[1])), v_shift_right(u[0], 52));
	u[2] = v_add(v_add(k[2], v_set(offset[2])), v_shift_right(u[1], 52));
	u[0] = v_and(u[0], MASK52);
	u[1] = v_and(u[1], MASK52);
	u[3] = v_zero();
#pragma GCC unroll 26
	for (int i = 0; i < R_WINDOW_COUNT; i++) {
		const int limb = R_WINDOW_BITS * i / 52, bit = R_WINDOW_BITS * i % 52;
		vec e = v_shift_right(u[limb], bit);

		if (bit > 52 - R_WINDOW_BITS)
			e = v_or(e, v_shift_left(u[limb + 1], 52 - bit));
		e = v_and(e, v_set(31));
		set_window(&window[i], v_sub(e, v_set(16)), flip, base,
			   GROUP_LANES == 16  ? 10
			   : GROUP_LANES == 8 ? 9
					      : 8);
	}
}

/* 20 digits from -4096 to 4095, four to a limb. */
INLINE void g_windows(struct window *window, const struct field *k)
{
	vec u[5], carry = v_zero();

	EACH_LIMB(i)
	{
		u[i] = v_add(v_add(k->limb[i], v_set(0x8004002001000)), carry);
		carry = v_shift_right(u[i], 52);
	}
#pragma GCC unroll 20
	for (int i = 0; i < G_WINDOW_COUNT; i++) {
		vec e = v_and(v_shift_right(u[i / 4], IFMA_G_WINDOW_BITS * (i % 4)), v_set(8191));

		set_window(&window[i], v_sub(e, v_set(4096)), 0,
			   v_set(i < 10 ? 0 : IFMA_G_ROWS * sizeof(struct ifma_row)), 6);
	}
}

/*
 * 1R…16R by co-Z additions (Meloni: New point addition formulae for ECC applications, 2007): the
 * base point is carried along in the coordinates of the last multiple, so that an addition costs 4
 * products and 2 squares. Afterwards all are brought to one common Z: on the isomorphic curve
 * x' = scale^2 x, y' = scale^3 y the rows are affine. What is not the same Z as the last row's is
 * multiplied by the differences h that lie between.
 */
OUT_OF_LINE void multiples_of_r(struct ifma_row (*rows)[GROUP_LANES], struct field *scale,
				const struct field *x, const struct field *y)
{
	/* [k]: k R and the h by which its Z differs from the next one's */
	struct field mx[VECTOR_COUNT][IFMA_R_ROWS + 1], my[VECTOR_COUNT][IFMA_R_ROWS + 1];
	struct field h[VECTOR_COUNT][IFMA_R_ROWS + 1];
	struct field base_x[VECTOR_COUNT], base_y[VECTOR_COUNT]; /* 1 R beside k R */
	vec c[10];

	EACH_VECTOR(v)
	{
		struct field b, m, t;

		field_square(c, &y[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple_dirty(&b, c); /* 2 */
		field_square(c, &x[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_add(c[i], c[i]));
		field_ripple_dirty(&m, c); /* 3 */
		field_product(c, &x[v], &b);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple(&base_x[v], c); /* 4 x y^2: 2 */
		field_square(c, &b);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple(&base_y[v], c); /* 8 y^4: 2 */
		field_square(c, &m);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_sub(FIELD_MINUEND(6, i),
					 v_add(base_x[v].limb[i], base_x[v].limb[i])));
		field_ripple(&mx[v][2], c); /* 7 */
		EACH_LIMB(i)
		c[i] = v_add(base_x[v].limb[i], v_sub(FIELD_MINUEND(8, i), mx[v][2].limb[i]));
		field_ripple_dirty(&t, c); /* 10 */
		field_product(c, &m, &t);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_sub(FIELD_MINUEND(4, i), base_y[v].limb[i]));
		field_ripple(&my[v][2], c); /* 5 */
	}
	for (int k = 2; k < IFMA_R_ROWS; k++)
		EACH_VECTOR(v)
		{
			struct field e, h2, w1, w2, t, a1;

			EACH_LIMB(i)
			c[i] = v_add(base_x[v].limb[i],
				     v_sub(FIELD_MINUEND(8, i), mx[v][k].limb[i]));
			field_ripple_dirty(&h[v][k], c); /* 10 */
			EACH_LIMB(i)
			c[i] = v_add(base_y[v].limb[i],
				     v_sub(FIELD_MINUEND(6, i), my[v][k].limb[i]));
			field_ripple_dirty(&e, c); /* 8 */
			field_sqr_dirty(&h2, &h[v][k]);
			field_mul(&w1, &base_x[v], &h2);
			field_mul(&w2, &mx[v][k], &h2);
			EACH_LIMB(i)
			c[i] = v_add(w1.limb[i], v_sub(FIELD_MINUEND(2, i), w2.limb[i]));
			field_ripple_dirty(&t, c); /* 3 */
			field_mul(&a1, &base_y[v], &t);
			field_square(c, &e);
			field_fold(c);
			EACH_LIMB(i)
			c[i] = v_add(c[i],
				     v_sub(FIELD_MINUEND(4, i), v_add(w1.limb[i], w2.limb[i])));
			field_ripple(&mx[v][k + 1], c); /* 5 */
			EACH_LIMB(i)
			c[i] = v_add(w1.limb[i], v_sub(FIELD_MINUEND(6, i), mx[v][k + 1].limb[i]));
			field_ripple_dirty(&t, c); /* 7 */
			field_product(c, &e, &t);
			field_fold(c);
			EACH_LIMB(i)
			c[i] = v_add(c[i], v_sub(FIELD_MINUEND(2, i), a1.limb[i]));
			field_ripple(&my[v][k + 1], c); /* 3 */
			base_x[v] = w1;			/* 1 */
			base_y[v] = a1;			/* 1 */
		}
	EACH_VECTOR(v)
	{
		store_rows(&rows[0][v * LANE_COUNT], &base_x[v], &base_y[v]);
		store_rows(&rows[IFMA_R_ROWS - 1][v * LANE_COUNT], &mx[v][IFMA_R_ROWS],
			   &my[v][IFMA_R_ROWS]);
		scale[v] = h[v][IFMA_R_ROWS - 1];
	}
	for (int k = IFMA_R_ROWS - 1; k >= 2; k--)
		EACH_VECTOR(v)
		{
			struct field s2, s3, a, b;

			field_sqr_dirty(&s2, &scale[v]);
			field_mul_dirty(&s3, &s2, &scale[v]);
			field_mul(&a, &mx[v][k], &s2);
			field_mul(&b, &my[v][k], &s3);
			store_rows(&rows[k - 1][v * LANE_COUNT], &a, &b);
			if (k > 2)
				field_mul_dirty(&scale[v], &scale[v], &h[v][k - 1]);
		}
	/* Z of 2R is 2 y. */
	EACH_VECTOR(v)
	{
		field_product(c, &scale[v], &y[v]);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], c[i]);
		field_ripple_dirty(&scale[v], c); /* 2 */
	}
}

/* Reads the requests into lanes; what is out of range is masked, and 1 takes the place of r. */
INLINE void read_requests(struct group *group, struct field *rhs,
			  const struct gyr_recover_request *in, size_t count)
{
	static const struct gyr_recover_request absent = { .r = { [31] = 1 }, .s = { [31] = 1 } };
	struct field one, x2;
	vec w[8], c[10];

	field_one(&one);
	EACH_VECTOR(v)
	{
		const void *hash[LANE_COUNT], *rs[LANE_COUNT];
		unsigned valid = 0, odd = 0, wraps = 0;
		lane_mask in_range, wrap;

		for (size_t j = 0; j < LANE_COUNT; j++) {
			const size_t i = v * LANE_COUNT + j;
			const struct gyr_recover_request *request = i < count ? &in[i] : &absent;

			hash[j] = request->hash;
			rs[j] = request->r;
			valid |= (unsigned)(i < count && request->parity < 4) << j;
			odd |= (unsigned)(request->parity & 1) << j;
			wraps |= (unsigned)(request->parity >> 1 & 1) << j;
		}
		v_load_rows(w, rs);
		for (int i = 0; i < 8; i++)
			w[i] = v_swap_bytes(w[i]);
		field_unpack(&group->r[v], w[3], w[2], w[1], w[0]);
		field_unpack(&group->s[v], w[7], w[6], w[5], w[4]);
		v_load_half_rows(w, hash);
		for (int i = 0; i < 4; i++)
			w[i] = v_swap_bytes(w[i]);
		field_unpack(&group->m[v], w[3], w[2], w[1], w[0]);

		wrap = (lane_mask)wraps;
		in_range = m_and(limbs_below(&group->r[v], order_limbs),
				 limbs_below(&group->s[v], order_limbs));
		in_range = m_and(in_range, m_not(field_is_zero_normalized(&group->r[v])));
		in_range = m_and(in_range, m_not(field_is_zero_normalized(&group->s[v])));
		in_range = m_and(in_range,
				 m_or(m_not(wrap), limbs_below(&group->r[v], wrap_limbs)));
		group->valid[v] = m_and((lane_mask)valid, in_range);
		group->odd[v] = (lane_mask)odd;
		wrap = m_and(wrap, group->valid[v]);
		field_blend(&group->r[v], group->valid[v], &one, &group->r[v]);
		EACH_LIMB(i)
		c[i] = v_add_where(group->r[v].limb[i], wrap, group->r[v].limb[i],
				   v_set(order_limbs[i]));
		field_ripple(&group->x[v], c); /* below p */
		field_sqr_dirty(&x2, &group->x[v]);
		field_product(c, &group->x[v], &x2);
		field_fold(c);
		c[0] = v_add(c[0], v_set(7));
		field_ripple(&rhs[v], c); /* x^3 + 7: 1 */
	}
}

/* Requests to points R, and r in Montgomery's form for the shared inversion. */
OUT_OF_LINE void begin_group(struct group *group, struct field *r_montgomery,
			     const struct gyr_recover_request *in, size_t count)
{
	struct field rhs[VECTOR_COUNT], factor;

	read_requests(group, rhs, in, count);
	square_root(group->y, rhs);
	field_set(&factor, to_montgomery_limbs);
	EACH_VECTOR(v)
	{
		struct field square, *y = &group->y[v];
		lane_mask flip;
		vec c[5];

		field_sqr(&square, y);
		field_normalize(&square, &square);
		field_normalize(&rhs[v], &rhs[v]);
		group->valid[v] = m_and(group->valid[v], field_same(&square, &rhs[v]));
		field_normalize(y, y);
		flip = m_xor(v_any_bits(y->limb[0], v_set(1)), group->odd[v]);
		EACH_LIMB(i)
		c[i] = v_sub_where(y->limb[i], flip, FIELD_MINUEND(2, i), y->limb[i]);
		field_ripple(y, c); /* 2 */
		scalar_mul(&r_montgomery[v], &group->r[v], &factor);
	}
}

/* u1 = -m / r, u2 = s / r, and their windows. */
INLINE void scalars_to_windows(struct scratch *scratch, const struct group *group,
			       const struct field *r_inverse)
{
	EACH_VECTOR(v)
	{
		struct field u1, u2;
		vec first[3], second[3];
		lane_mask first_negative, second_negative;

		scalar_mul(&u1, &r_inverse[v], &group->m[v]);
		scalar_normalize(&u1, &u1);
		scalar_negate(&u1, &u1);
		scalar_normalize(&u1, &u1);
		scalar_mul(&u2, &r_inverse[v], &group->s[v]);
		scalar_normalize(&u2, &u2);
		scalar_split(first, &first_negative, second, &second_negative, &u2);
		r_windows(scratch->first[v], first, first_negative, v);
		r_windows(scratch->second[v], second, second_negative, v);
		g_windows(scratch->g[v], &u1);
	}
}

INLINE void add_g_windows(struct scratch *scratch, struct group *group,
			  const struct ifma_row *g_rows, size_t i)
{
	struct addend a[VECTOR_COUNT];

#pragma GCC unroll 1
	for (size_t half = 0; half < 2; half++) {
		EACH_VECTOR(v)
		load_addend(&a[v], g_rows, &scratch->g[v][i + 10 * half]);
		point_add_scaled(group->sum, a, group->scale);
	}
	if (i == 0)
		return;
	EACH_VECTOR(v)
	for (size_t half = 0; half < 2; half++)
		for (size_t j = 0; j < LANE_COUNT; j++)
			__builtin_prefetch((const uint8_t *)g_rows +
					   scratch->g[v][i - 1 + 10 * half].offset[j]);
}

/* Q, in Jacobian coordinates on the isomorphic curve of group->scale. */
OUT_OF_LINE void multiply_group(struct ifma_context *context, struct scratch *scratch,
				struct group *group, const struct field *r_inverse)
{
	struct addend a[VECTOR_COUNT];
	struct field beta, start_x, start_y;

	scalars_to_windows(scratch, group, r_inverse);
	multiples_of_r(scratch->r_rows, group->scale, group->x, group->y);
	field_set(&beta, gyr_secp_beta.limb);
	field_set(&start_x, context->start_x);
	field_set(&start_y, context->start_y);
	EACH_VECTOR(v)
	{
		struct field s2, s3;

		field_sqr_dirty(&s2, &group->scale[v]);
		field_mul_dirty(&s3, &s2, &group->scale[v]);
		field_mul(&group->sum[v].x, &s2, &start_x);
		field_mul(&group->sum[v].y, &s3, &start_y);
		field_one(&group->sum[v].z);
	}
	for (unsigned bit = IFMA_DOUBLING_COUNT + 1; bit-- > 0;) {
		if (bit != IFMA_DOUBLING_COUNT)
			point_double(group->sum);
		if (bit % R_WINDOW_BITS == 0) {
			const size_t i = bit / R_WINDOW_BITS;

			EACH_VECTOR(v)
			load_addend(&a[v], scratch->r_rows, &scratch->first[v][i]);
			point_add(group->sum, a);
			EACH_VECTOR(v)
			{
				load_addend(&a[v], scratch->r_rows, &scratch->second[v][i]);
				field_mul_dirty(&a[v].x, &a[v].x, &beta);
			}
			point_add(group->sum, a);
		}
		if (bit % IFMA_G_WINDOW_BITS == 0 && bit < 10 * IFMA_G_WINDOW_BITS)
			add_g_windows(scratch, group, context->g_rows, bit / IFMA_G_WINDOW_BITS);
	}
	EACH_VECTOR(v)
	{
		field_set(&a[v].x, context->end_x);
		field_set(&a[v].y, context->end_y);
		a[v].negative = a[v].skip = 0;
	}
	point_add_scaled(group->sum, a, group->scale);
}

/* To affine, hashed, written: with the inverse of the last Z. */
OUT_OF_LINE void end_group(struct group *group, const struct field *z_inverse, size_t count,
			   struct gyr_address *address, uint8_t (*public_key)[64])
{
	EACH_VECTOR(v)
	{
		struct field z2, z3, x, y;
		struct ifma_row key_row[LANE_COUNT], hash_row[LANE_COUNT];
		void *key_at[LANE_COUNT], *hash_at[LANE_COUNT];
		vec w[8], key[8], hash[8];

		field_sqr_dirty(&z2, &z_inverse[v]);
		field_mul_dirty(&z3, &z2, &z_inverse[v]);
		field_mul(&x, &group->sum[v].x, &z2);
		field_mul(&y, &group->sum[v].y, &z3);
		field_normalize(&x, &x);
		field_normalize(&y, &y);
		field_pack(w, &x);
		field_pack(w + 4, &y);
		for (int i = 0; i < 4; i++) {
			key[i] = v_swap_bytes(w[3 - i]);
			key[4 + i] = v_swap_bytes(w[7 - i]);
		}
		keccak_of_keys(hash, key);
		for (int i = 4; i < 8; i++)
			hash[i] = v_zero();
		for (size_t j = 0; j < LANE_COUNT; j++) {
			key_at[j] = &key_row[j];
			hash_at[j] = &hash_row[j];
		}
		v_store_rows(hash_at, hash);
		if (public_key != NULL)
			v_store_rows(key_at, key);
		for (size_t j = 0; j < LANE_COUNT; j++) {
			const size_t i = v * LANE_COUNT + j;

			if (i >= count || (group->valid[v] >> j & 1) == 0)
				continue;
			memcpy(address[i].bytes, (uint8_t *)hash_row[j].word + 12, 20);
			if (public_key != NULL)
				memcpy(public_key[i], key_row[j].word, 64);
		}
	}
}

struct ifma_outcome KERNEL(struct ifma_context *context, struct gyr_address *address,
			   uint8_t (*public_key)[64], const struct gyr_recover_request *in,
			   unsigned count) {
	struct scratch *scratch = (struct scratch *)(void *)context->scratch;
	struct field inverse[VECTORS_MAX], one;
	struct ifma_outcome outcome = { 0, 0 };
	const size_t total = count, groups = (total + GROUP_LANES - 1) / GROUP_LANES;

	gyr_assert(count >= 1 && groups <= GROUP_COUNT_MAX);
	field_one(&one);
	for (size_t g = 0; g < groups; g++)
		begin_group(&scratch->group[g], inverse + g * (size_t)VECTOR_COUNT,
			    in + g * GROUP_LANES, total - g * GROUP_LANES);
	scalar_invert_all(inverse, groups *VECTOR_COUNT);
	for (size_t g = 0; g < groups; g++) {
		struct group *group = &scratch->group[g];

		multiply_group(context, scratch, group, inverse + g * (size_t)VECTOR_COUNT);
		EACH_VECTOR(v)
		{
			struct field *z = &inverse[g * VECTOR_COUNT + v];
			const size_t at = g * GROUP_LANES + v * LANE_COUNT;
			lane_mask zero;

			field_mul(z, &group->sum[v].z, &group->scale[v]);
			zero = field_is_zero(z);
			field_blend(z, zero, z, &one);
			outcome.undecided |= (uint64_t)m_and(group->valid[v], zero) << at;
			group->valid[v] = m_and(group->valid[v], m_not(zero));
			outcome.valid |= (uint64_t)group->valid[v] << at;
		}
	}
	field_invert_all(inverse, groups *VECTOR_COUNT);
	for (size_t g = 0; g < groups; g++)
		end_group(&scratch->group[g], inverse + g * (size_t)VECTOR_COUNT,
			  total - g * GROUP_LANES, address + g * GROUP_LANES,
			  public_key == NULL ? NULL : public_key + g * GROUP_LANES);
	return outcome;
}

#endif
