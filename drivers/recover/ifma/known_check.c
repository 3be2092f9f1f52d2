/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_known_ifma.h"

#include "gyr_secp_divsteps.h"
#include "gyr_secp_point.h"
#include "known_kernels.h"
#include "known_tables.h"

typedef unsigned __int128 u128;

/* A request as numbers. */
struct parsed {
	struct gyr_secp_scalar r, s, m;
	bool valid; /* r, s and parity in range */
	bool odd, wraps;
};

/* r < p - n, so that r + n is a field element. */
static bool may_wrap(const struct gyr_secp_scalar *r)
{
	static const uint64_t limit[4] = { 0x402da1722fc9baee, 0x4551231950b75fc4, 1, 0 };

	for (int i = 3; i >= 0; i--)
		if (r->limb[i] != limit[i])
			return r->limb[i] < limit[i];
	return false;
}

static void parse(struct parsed *p, const struct gyr_recover_request *in)
{
	static const struct gyr_secp_scalar one = { { 1 } };

	p->valid = gyr_secp_scalar_from_bytes(&p->r, in->r);
	p->valid = gyr_secp_scalar_from_bytes(&p->s, in->s) && p->valid;
	(void)gyr_secp_scalar_from_bytes(&p->m, in->hash);
	p->odd = (in->parity & 1) != 0;
	p->wraps = (in->parity & 2) != 0;
	p->valid = p->valid && in->parity < 4 && !gyr_secp_scalar_is_zero(&p->r) &&
		   !gyr_secp_scalar_is_zero(&p->s) && (!p->wraps || may_wrap(&p->r));
	if (!p->valid)
		p->s = one; /* its lanes run along */
}

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

/* round(k g / 2^384), below 2^128; half a unit off at most. */
static inline void scaled(uint64_t c[2], const uint64_t k[4], const uint64_t g[4])
{
	uint64_t column[8] = { 0 };

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		u128 t = 0;

#pragma GCC unroll 4
		for (int j = 0; j < 4; j++) {
			t += (u128)k[i] * g[j] + column[i + j];
			column[i + j] = (uint64_t)t;
			t >>= 64;
		}
		column[i + 4] = (uint64_t)t;
	}
	c[0] = column[6] + (column[5] >> 63);
	c[1] = column[7] + (c[0] < column[6]);
}

/* r += c b or r -= c b modulo 2^192. */
static inline void accumulate(uint64_t r[3], const uint64_t c[2], const uint64_t b[3], bool minus)
{
	u128 low = (u128)c[0] * b[0], mid0 = (u128)c[0] * b[1], mid1 = (u128)c[1] * b[0];
	u128 t = (low >> 64) + (uint64_t)mid0 + (uint64_t)mid1;
	uint64_t product[3] = { (uint64_t)low, (uint64_t)t,
				(uint64_t)(t >> 64) + (uint64_t)(mid0 >> 64) +
					(uint64_t)(mid1 >> 64) + c[1] * b[1] + c[0] * b[2] };
	uint64_t flip = minus ? UINT64_MAX : 0;

	/* -x = ~x + 1 */
	t = minus ? 1 : 0;
	for (int i = 0; i < 3; i++) {
		t += (u128)r[i] + (product[i] ^ flip);
		r[i] = (uint64_t)t;
		t >>= 64;
	}
}

static inline void cut(uint64_t slice[KNOWN_SLICE_COUNT], const uint64_t w[3])
{
	const uint64_t mask = (1ull << KNOWN_SLICE_BITS) - 1;

	slice[0] = w[0] & mask;
	slice[1] = (w[0] >> 33 | w[1] << 31) & mask;
	slice[2] = w[1] >> 2 & mask;
	slice[3] = (w[1] >> 35 | w[2] << 29) & mask;
}

/*
 * The halves of k, offset so that the signed windows' digits become plain bits, in slices. The
 * basis and the factors are those of gyr_secp_scalar_split; arithmetic modulo 2^192 is enough for
 * values below 2^133.
 */
static void split(uint64_t first[KNOWN_SLICE_COUNT], uint64_t second[KNOWN_SLICE_COUNT],
		  const struct gyr_secp_scalar *k, const uint64_t offset[3])
{
	static const uint64_t g1[4] = { 0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15,
					0x3086d221a7d46bcd };
	static const uint64_t g2[4] = { 0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4,
					0xe4437ed6010e8828 };
	static const uint64_t a1[3] = { 0xe86c90e49284eb15, 0x3086d221a7d46bcd, 0 };
	static const uint64_t a2[3] = { 0x57c1108d9d44cfd8, 0x14ca50f7a8e2f3f6, 1 };
	static const uint64_t minus_b1[3] = { 0x6f547fa90abfe4c3, 0xe4437ed6010e8828, 0 };
	uint64_t c1[2], c2[2], sum[3]; /* b2 is a1 */
	u128 t = 0;

	scaled(c1, k->limb, g1);
	scaled(c2, k->limb, g2);
	memcpy(sum, offset, sizeof sum);
	accumulate(sum, c1, minus_b1, false);
	accumulate(sum, c2, a1, true);
	gyr_assert(sum[2] < 1u << 4);
	cut(second, sum);
	for (int i = 0; i < 3; i++) {
		t += (u128)k->limb[i] + offset[i];
		sum[i] = (uint64_t)t;
		t >>= 64;
	}
	accumulate(sum, c1, a1, true);
	accumulate(sum, c2, a2, true);
	gyr_assert(sum[2] < 1u << 4);
	cut(first, sum);
}

/* What remains to be known of a signature after the sums. */
struct last {
	struct gyr_secp_field x; /* of R */
	struct gyr_secp_field sum_x, n, zz, zzz;
};

static void read_lane(struct gyr_secp_field *a, const uint64_t limb[5][8], unsigned lane)
{
	for (int i = 0; i < 5; i++)
		a->limb[i] = limb[i][lane];
	gyr_secp_field_carry(a); /* the top limb alone is beyond magnitude 1 */
}

static void read_sums(struct last *last, const struct parsed *p, const struct known_sums *sums,
		      unsigned lane)
{
	uint64_t w[4];
	u128 t = 0;

	for (int i = 0; i < 4; i++) {
		t += (u128)p->r.limb[i] + (p->wraps ? gyr_secp_order[i] : 0);
		w[i] = (uint64_t)t;
		t >>= 64;
	}
	gyr_secp_field_from_words(&last->x, w);
	read_lane(&last->sum_x, sums->x, lane);
	read_lane(&last->n, sums->n, lane);
	read_lane(&last->zz, sums->zz, lane);
	read_lane(&last->zzz, sums->zzz, lane);
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
