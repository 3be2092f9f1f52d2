/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_known_ifma.h"

#include "gyr_secp_divsteps.h"
#include "gyr_secp_point.h"
#include "known_tables.h"
#include "slice_scalars.h"

/* 1 / s of one signature: the hint where it is one. */
static void invert_alone(struct gyr_secp_scalar *inverse, const struct parsed *p,
			 const uint8_t *hint)
{
	struct gyr_secp_scalar product;

	if (hint != NULL && gyr_secp_scalar_from_bytes(inverse, hint)) {
		gyr_secp_scalar_mul(&product, inverse, &p->s);
		if (gyr_secp_scalar_is_one(&product))
			return;
	}
	gyr_secp_inverse_inline(inverse->limb, p->s.limb, &gyr_secp_modulus_n);
}

/* 1 / s of all, with one inversion. */
static void invert_group(struct gyr_secp_scalar *inverse, const struct parsed *p, unsigned count)
{
	struct gyr_secp_scalar before[GYR_KNOWN_GROUP_MAX], rest;

	before[0] = p[0].s;
	for (unsigned i = 1; i < count; i++)
		gyr_secp_scalar_mul(&before[i], &before[i - 1], &p[i].s);
	gyr_secp_inverse_inline(rest.limb, before[count - 1].limb, &gyr_secp_modulus_n);
	for (unsigned i = count; i-- > 1;) {
		gyr_secp_scalar_mul(&inverse[i], &rest, &before[i - 1]);
		gyr_secp_scalar_mul(&rest, &rest, &p[i].s);
	}
	inverse[0] = rest;
}

/* What remains to be known of a signature after the sums. */
struct last {
	struct gyr_secp_field x; /* of R */
	struct gyr_secp_field sum_x, n, zz, zzz;
};

static void read_sums(struct last *last, const struct parsed *p, const struct known_sums *sums,
		      unsigned lane)
{
	known_read_x(&last->x, p);
	known_read_sum(&last->sum_x, sums->x, lane);
	known_read_sum(&last->n, sums->n, lane);
	known_read_sum(&last->zz, sums->zz, lane);
	known_read_sum(&last->zzz, sums->zzz, lane);
}

/* X = x ZZ? */
static bool same_x(const struct last *last)
{
	struct gyr_secp_field t;

	gyr_secp_field_mul(&t, &last->x, &last->zz);
	return gyr_secp_field_equal(&t, &last->sum_x);
}

/*
 * With the signer's word for R's y: is (x, y) on the curve, and then is the sum that point or its
 * negative? True when the answer is known.
 */
static bool answer_by_hint(enum gyr_known_answer *answer, const struct last *last,
			   const struct parsed *p, const uint8_t *hint)
{
	struct gyr_secp_field y, t, u;
	bool odd;

	if (hint == NULL || !gyr_secp_field_from_bytes(&y, hint))
		return false;
	gyr_secp_field_sqr(&t, &last->x);
	gyr_secp_field_mul(&u, &t, &last->x);
	u.limb[0] += 7;
	gyr_secp_field_sqr(&t, &y);
	if (!gyr_secp_field_equal(&u, &t))
		return false;
	gyr_secp_field_mul(&t, &y, &last->zzz);
	gyr_secp_field_add(&t, &t, &last->n); /* N is -Y */
	odd = gyr_secp_field_is_odd(&y) == gyr_secp_field_is_zero(&t);
	*answer = odd == p->odd ? GYR_KNOWN_YES : GYR_KNOWN_NO;
	return true;
}

/* The parity of the sums' y, with one inversion for all that are left. */
static void answer_by_parity(enum gyr_known_answer *answer, const struct last *last,
			     const struct parsed *p, const unsigned *left, unsigned count)
{
	struct gyr_secp_field before[GYR_KNOWN_GROUP_MAX], rest, inverse, y;
	uint64_t w[4];

	if (count == 0)
		return;
	before[0] = last[left[0]].zzz;
	for (unsigned k = 1; k < count; k++)
		gyr_secp_field_mul(&before[k], &before[k - 1], &last[left[k]].zzz);
	gyr_secp_field_normalize(&before[count - 1]);
	gyr_secp_field_to_words(w, &before[count - 1]);
	gyr_secp_inverse_inline(w, w, &gyr_secp_modulus_p);
	gyr_secp_field_from_words(&rest, w);
	for (unsigned k = count; k-- > 0;) {
		const unsigned i = left[k];

		if (k > 0) {
			gyr_secp_field_mul(&inverse, &rest, &before[k - 1]);
			gyr_secp_field_mul(&rest, &rest, &last[i].zzz);
		} else {
			inverse = rest;
		}
		gyr_secp_field_mul(&y, &last[i].n, &inverse);
		gyr_secp_field_negate(&y, &y, 1);
		gyr_secp_field_normalize(&y);
		answer[i] = gyr_secp_field_is_odd(&y) == p[i].odd ? GYR_KNOWN_YES : GYR_KNOWN_NO;
	}
}

void known_check(const void *shared, enum gyr_known_answer *answer,
		 const struct gyr_known_check *in, unsigned count)
{
	struct gyr_secp_scalar inverse[GYR_KNOWN_GROUP_MAX], u1, u2;
	struct parsed p[GYR_KNOWN_GROUP_MAX];
	struct last last[GYR_KNOWN_GROUP_MAX];
	unsigned left[GYR_KNOWN_GROUP_MAX], left_count = 0, lanes_each = known_lanes_each(count);
	struct known_sums sums;
	struct known_job job;

	gyr_assert(count >= 1 && count <= GYR_KNOWN_GROUP_MAX);
	for (unsigned i = 0; i < count; i++) {
		parse(&p[i], in[i].request);
		answer[i] = GYR_KNOWN_NO;
	}
	if (count == 1 && !p[0].valid)
		return;
	if (count == 1)
		invert_alone(&inverse[0], &p[0], in[0].s_inverse);
	else
		invert_group(inverse, p, count);
	job.count = count;
	for (unsigned i = 0; i < count; i++) {
		gyr_secp_scalar_mul(&u1, &p[i].m, &inverse[i]);
		gyr_secp_scalar_mul(&u2, &p[i].r, &inverse[i]);
		split(job.g_slice[0][i], job.g_slice[1][i], &u1, known_g_offset);
		split(job.q_slice[0][i], job.q_slice[1][i], &u2, known_q_offset);
		job.table[i] = in[i].table;
	}
	known_sum_lanes(&sums, shared, &job);
	if (lanes_each > 1)
		known_fold_lanes(&sums, lanes_each);
	for (unsigned i = 0; i < count; i++) {
		if (!p[i].valid)
			continue;
		read_sums(&last[i], &p[i], &sums, i);
		if (gyr_secp_field_is_zero(&last[i].zz))
			answer[i] = GYR_KNOWN_UNDECIDED;
		else if (same_x(&last[i]) &&
			 !answer_by_hint(&answer[i], &last[i], &p[i], in[i].nonce_y))
			left[left_count++] = i;
	}
	answer_by_parity(answer, last, p, left, left_count);
}
