/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 512

#include "alone.h"
#include "known_tables.h"
#include "lanes_inverse.h"

/*
 * The table of a key: 20 windows (five in each of four slices) of 64 or 32 multiples of a base
 * 2^i Q. The bases come from one chain of doublings. Then every window fills a lane: from its rows
 * 1…m the rows m + 1…2 m are made by affine additions, k P + m P, and one doubling, all of whose
 * denominators share one inversion (Montgomery: Speeding the Pollard and elliptic curve methods of
 * factorization, 1987). None of them is zero: no multiple below 64 of a point is another's
 * negative, as the order is a large prime.
 */
#define WINDOW_COUNT ((size_t)KNOWN_SLICE_COUNT * KNOWN_Q_WINDOWS)
#define VECTOR_MAX   ((WINDOW_COUNT + LANE_COUNT - 1) / LANE_COUNT)
#define ROW_MAX	     64 /* 1 << (KNOWN_Q_BITS - 1) of the largest */
#define HALF_MAX     (ROW_MAX / 2)

struct window {
	struct ifma_row *row;
	size_t row_count;
};

/* Windows by size, largest first; then idle lanes, which fill rows of their own. */
struct builder {
	struct window window[VECTOR_MAX * LANE_COUNT];
	struct ifma_row idle[ROW_MAX];
	struct field before[HALF_MAX * VECTOR_MAX]; /* products of the denominators before each */
};

static struct ifma_row *row_of(struct builder *b, size_t window, size_t multiple)
{
	struct window *w = &b->window[window];

	return multiple <= w->row_count ? &w->row[multiple - 1] : &b->idle[multiple - 1];
}

INLINE void load_rows(struct field *x, struct field *y, struct builder *b, size_t vector,
		      size_t multiple)
{
	const void *row[LANE_COUNT];
	vec w[8];

	for (size_t lane = 0; lane < LANE_COUNT; lane++)
		row[lane] = row_of(b, LANE_COUNT * vector + lane, multiple);
	v_load_rows(w, row);
	field_unpack(x, w[0], w[1], w[2], w[3]);
	field_unpack(y, w[4], w[5], w[6], w[7]);
}

INLINE void store_rows(struct builder *b, size_t vector, size_t multiple, struct field *x,
		       struct field *y)
{
	void *row[LANE_COUNT];
	vec w[8];

	for (size_t lane = 0; lane < LANE_COUNT; lane++)
		row[lane] = row_of(b, LANE_COUNT * vector + lane, multiple);
	field_normalize(x, x);
	field_normalize(y, y);
	field_pack(w, x);
	field_pack(w + 4, y);
	v_store_rows(row, w);
}

/* The denominator of k P + m P: x_m - x_k, or 2 y_m where k is m. */
INLINE void denominator(struct field *d, const struct field *x, const struct field *y,
			const struct field *x_m, bool twice)
{
	vec c[5];

	EACH_LIMB(i)
	c[i] = twice ? v_add(y->limb[i], y->limb[i])
		     : v_add(x_m->limb[i], v_sub(FIELD_MINUEND(2, i), x->limb[i]));
	field_ripple(d, c); /* 3 */
}

/* (x, y) and (x_m, y_m), or twice the former, to their sum, given 1 / denominator. */
INLINE void add_affine(struct field *x, struct field *y, const struct field *x_m,
		       const struct field *y_m, const struct field *inverse, bool twice)
{
	struct field slope, next, t;
	vec c[10];

	if (twice) {
		field_square(c, x);
		field_fold(c);
		EACH_LIMB(i)
		c[i] = v_add(c[i], v_add(c[i], c[i]));
	} else {
		EACH_LIMB(i)
		c[i] = v_add(y_m->limb[i], v_sub(FIELD_MINUEND(2, i), y->limb[i]));
	}
	field_ripple_dirty(&t, c); /* 3 */
	field_mul_dirty(&slope, &t, inverse);
	field_square(c, &slope);
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_add(c[i], v_sub(FIELD_MINUEND(3, i), v_add(x->limb[i], x_m->limb[i])));
	field_ripple(&next, c); /* 4 */
	EACH_LIMB(i)
	c[i] = v_add(x->limb[i], v_sub(FIELD_MINUEND(5, i), next.limb[i]));
	field_ripple_dirty(&t, c); /* 6 */
	field_product(c, &t, &slope);
	field_fold(c);
	EACH_LIMB(i)
	c[i] = v_add(c[i], v_sub(FIELD_MINUEND(2, i), y->limb[i]));
	field_ripple(y, c); /* 3 */
	*x = next;
}

/* Rows m + 1…2 m of the first `vectors` vectors of windows. */
OUT_OF_LINE void double_rows(struct builder *b, size_t m, size_t vectors)
{
	struct field x_m[VECTOR_MAX], y_m[VECTOR_MAX], rest[VECTOR_MAX], x, y, d, inverse;

	for (size_t v = 0; v < vectors; v++) {
		load_rows(&x_m[v], &y_m[v], b, v, m);
		denominator(&rest[v], &x_m[v], &y_m[v], &x_m[v], true);
	}
	/* Vector by vector side by side: products that do not wait for each other. */
	for (size_t k = m - 1; k > 0; k--)
		for (size_t v = 0; v < vectors; v++) {
			b->before[VECTOR_MAX * k + v] = rest[v];
			load_rows(&x, &y, b, v, k);
			denominator(&d, &x, &y, &x_m[v], false);
			field_mul(&rest[v], &rest[v], &d);
		}
	field_invert_all(rest, vectors);
	for (size_t k = 1; k <= m; k++)
		for (size_t v = 0; v < vectors; v++) {
			load_rows(&x, &y, b, v, k);
			if (k < m) {
				denominator(&d, &x, &y, &x_m[v], false);
				field_mul_dirty(&inverse, &rest[v], &b->before[VECTOR_MAX * k + v]);
				field_mul(&rest[v], &rest[v], &d);
			} else {
				inverse = rest[v];
			}
			add_affine(&x, &y, &x_m[v], &y_m[v], &inverse, k == m);
			store_rows(b, v, m + k, &x, &y);
		}
}

/* A point of the chain; its limbs' upper bits are dirt. */
static void read_point(struct gyr_secp_point *p, const struct alone_point *from)
{
	struct gyr_secp_field *const coordinate[3] = { &p->x, &p->z, &p->y };

	for (int i = 0; i < 5; i++)
		for (int c = 0; c < 3; c++)
			coordinate[c]->limb[i] = from->limb[i][c] &
						 (i < 4 ? GYR_SECP_MASK52 : UINT64_MAX);
	for (int c = 0; c < 3; c++)
		gyr_secp_field_carry(coordinate[c]);
	p->infinity = false;
}

/* The first rows of all windows, in b's order. */
static void set_bases(struct builder *b, struct known_table *table,
		      const struct gyr_secp_affine *key)
{
	struct alone_point chain[ALONE_POINT_MAX];
	struct gyr_secp_point base[WINDOW_COUNT];
	struct gyr_secp_affine affine[WINDOW_COUNT];
	size_t count = 0;

	alone_run_chain(chain, NULL, key, NULL,
			KNOWN_SLICE_BITS * (KNOWN_SLICE_COUNT - 1) +
				KNOWN_Q_POSITION(KNOWN_Q_WINDOWS - 1) + 1);
	for (size_t rows = ROW_MAX; rows >= 1; rows /= 2)
		for (size_t slice = 0; slice < KNOWN_SLICE_COUNT; slice++)
			for (size_t w = 0; w < KNOWN_Q_WINDOWS; w++) {
				if (rows != (size_t)1 << (KNOWN_Q_BITS(w) - 1))
					continue;
				b->window[count].row = table->row[slice] + KNOWN_Q_FIRST_ROW(w);
				b->window[count].row_count = rows;
				read_point(&base[count],
					   &chain[KNOWN_SLICE_BITS * slice + KNOWN_Q_POSITION(w)]);
				count++;
			}
	gyr_assert(count == WINDOW_COUNT);
	gyr_secp_point_to_affine(affine, base, WINDOW_COUNT);
	for (size_t i = 0; i < VECTOR_MAX * LANE_COUNT; i++) {
		if (i >= WINDOW_COUNT)
			b->window[i] = (struct window){ NULL, 0 };
		gyr_secp_field_to_words(row_of(b, i, 1)->word, &affine[i % WINDOW_COUNT].x);
		gyr_secp_field_to_words(row_of(b, i, 1)->word + 4, &affine[i % WINDOW_COUNT].y);
	}
}

bool known_build(const void *shared, void *memory, const uint8_t public_key[64])
{
	struct gyr_secp_affine key;
	struct builder b;

	(void)shared;
	if (!gyr_secp_affine_from_key(&key, public_key))
		return false;
	set_bases(&b, memory, &key);
	for (size_t m = 1; m < ROW_MAX; m *= 2) {
		size_t lanes = 0;

		while (lanes < WINDOW_COUNT && b.window[lanes].row_count > m)
			lanes++;
		double_rows(&b, m, (lanes + LANE_COUNT - 1) / LANE_COUNT);
	}
	return true;
}
