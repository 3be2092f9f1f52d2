/* SPDX-License-Identifier: Apache-2.0 */
#include "g_table.h"
#include "gyr_secp_point.h"

#define BIT_COUNT   129 /* of the halves of a split scalar */
#define DIGIT_COUNT (BIT_COUNT + 1)
#define Q_WINDOW    5
#define Q_ROWS	    (1 << (Q_WINDOW - 2))

/*
 * Width-w non-adjacent form of a value below 2^129: odd digits of absolute value below 2^(w-1),
 * each followed by at least w - 1 zeros.
 */
struct digits {
	int8_t digit[DIGIT_COUNT + 1];
	int count; /* one more than the last that is not zero */
};

static unsigned bits_at(const uint64_t w[4], int at, int count)
{
	uint64_t low = w[at / 64] >> (at % 64);

	if (at % 64 + count > 64 && at / 64 < 3)
		low |= w[at / 64 + 1] << (64 - at % 64);
	return (unsigned)low & ((1u << count) - 1);
}

static void recode(struct digits *out, const uint64_t w[4], int width)
{
	unsigned carry = 0;

	memset(out, 0, sizeof *out);
	for (int at = 0; at < DIGIT_COUNT;) {
		int take = width < DIGIT_COUNT - at ? width : DIGIT_COUNT - at;
		int value;

		if (bits_at(w, at, 1) == carry) {
			at++;
			continue;
		}
		value = (int)(bits_at(w, at, take) + carry);
		carry = (unsigned)value >> (width - 1) & 1;
		value -= (int)(carry << width);
		out->digit[at] = (int8_t)value;
		out->count = at + 1;
		at += take;
	}
	gyr_assert(carry == 0);
}

/* Adds digit times the point whose odd multiples are in the table. */
static void add_row(struct gyr_secp_point *sum, const struct gyr_secp_affine *table, int digit,
		    bool negative)
{
	struct gyr_secp_affine row = table[(digit < 0 ? -digit : digit) >> 1];

	if ((digit < 0) != negative)
		gyr_secp_field_negate(&row.y, &row.y, 1);
	if (row.y.limb[4] > GYR_SECP_MASK48)
		gyr_secp_field_carry(&row.y);
	gyr_secp_point_add_affine(sum, sum, &row);
}

static void add_g_row(struct gyr_secp_point *sum, const uint64_t (*table)[2][4], int digit)
{
	const uint64_t(*words)[4] = table[(digit < 0 ? -digit : digit) >> 1];
	struct gyr_secp_affine row;

	gyr_secp_field_from_words(&row.x, words[0]);
	gyr_secp_field_from_words(&row.y, words[1]);
	if (digit < 0) {
		gyr_secp_field_negate(&row.y, &row.y, 1);
		gyr_secp_field_carry(&row.y);
	}
	gyr_secp_point_add_affine(sum, sum, &row);
}

/* q, 3q, … 15q, and the same times lambda; q has prime order, so no multiple here is infinity. */
static void odd_multiples(struct gyr_secp_affine row[2][Q_ROWS], const struct gyr_secp_affine *q)
{
	struct gyr_secp_point multiple[Q_ROWS], twice;
	struct gyr_secp_affine affine_twice;

	gyr_secp_point_from_affine(&multiple[0], q);
	gyr_secp_point_double(&twice, &multiple[0]);
	gyr_secp_point_to_affine(&affine_twice, &twice, 1);
	for (int i = 1; i < Q_ROWS; i++)
		gyr_secp_point_add_affine(&multiple[i], &multiple[i - 1], &affine_twice);
	gyr_secp_point_to_affine(row[0], multiple, Q_ROWS);
	for (int i = 0; i < Q_ROWS; i++) {
		gyr_secp_field_mul(&row[1][i].x, &row[0][i].x, &gyr_secp_beta);
		row[1][i].y = row[0][i].y;
	}
}

void gyr_secp_point_multiply(struct gyr_secp_point *r, const struct gyr_secp_scalar *g,
			     const struct gyr_secp_affine *point, const struct gyr_secp_scalar *q)
{
	struct gyr_secp_affine row[2][Q_ROWS];
	struct gyr_secp_scalar part[2];
	struct digits g_digits[2], q_digits[2];
	bool negative[2] = { false, false };
	const uint64_t g_half[2][4] = { { g->limb[0], g->limb[1], 0, 0 },
					{ g->limb[2], g->limb[3], 0, 0 } };
	int top = 0;

	memset(q_digits, 0, sizeof q_digits);
	if (point != NULL && !gyr_secp_scalar_is_zero(q)) {
		odd_multiples(row, point);
		gyr_secp_scalar_split(part, negative, q);
		for (int i = 0; i < 2; i++)
			recode(&q_digits[i], part[i].limb, Q_WINDOW);
	}
	for (int i = 0; i < 2; i++) {
		recode(&g_digits[i], g_half[i], G_TABLE_WINDOW);
		top = g_digits[i].count > top ? g_digits[i].count : top;
		top = q_digits[i].count > top ? q_digits[i].count : top;
	}
	r->infinity = true;
	for (int at = top - 1; at >= 0; at--) {
		gyr_secp_point_double(r, r);
		for (int i = 0; i < 2; i++) {
			if (q_digits[i].digit[at] != 0)
				add_row(r, row[i], q_digits[i].digit[at], negative[i]);
			if (g_digits[i].digit[at] != 0)
				add_g_row(r, g_table[i], g_digits[i].digit[at]);
		}
	}
}
