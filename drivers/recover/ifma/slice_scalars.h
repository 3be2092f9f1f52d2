/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request as numbers, and the scalars of a point multiplication split by the endomorphism and cut
 * into slices: what the kernels for one signature do before their vectors begin.
 */
#ifndef SLICE_SCALARS_H
#define SLICE_SCALARS_H

#include "gyr_secp_field.h"
#include "gyr_secp_scalar.h"
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
static inline bool may_wrap(const struct gyr_secp_scalar *r)
{
	static const uint64_t limit[4] = { 0x402da1722fc9baee, 0x4551231950b75fc4, 1, 0 };

	for (int i = 3; i >= 0; i--)
		if (r->limb[i] != limit[i])
			return r->limb[i] < limit[i];
	return false;
}

static inline void parse(struct parsed *p, const struct gyr_recover_request *in)
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

/* R's x: r, or r + n. */
static inline void known_read_x(struct gyr_secp_field *x, const struct parsed *p)
{
	uint64_t w[4];
	u128 t = 0;

	for (int i = 0; i < 4; i++) {
		t += (u128)p->r.limb[i] + (p->wraps ? gyr_secp_order[i] : 0);
		w[i] = (uint64_t)t;
		t >>= 64;
	}
	gyr_secp_field_from_words(x, w);
}

/* A lane of the sums. */
static inline void known_read_sum(struct gyr_secp_field *a, const uint64_t limb[5][8],
				  unsigned lane)
{
	for (int i = 0; i < 5; i++)
		a->limb[i] = limb[i][lane];
	gyr_secp_field_carry(a); /* the top limb alone is beyond magnitude 1 */
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
 * The halves of k plus an offset each, k = first + lambda second (mod n), modulo 2^192, two's
 * complement. The basis and the factors are those of gyr_secp_scalar_split. The rounding is to the
 * nearest, so the halves without offset are below (a1 + a2) / 2 < 0xa2b * 2^116 < 2^128 / 1.5 and
 * (b1 + b2) / 2, which is less, in absolute value.
 */
static inline void split_halves(uint64_t first[3], uint64_t second[3],
				const struct gyr_secp_scalar *k, const uint64_t offset[3])
{
	static const uint64_t g1[4] = { 0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15,
					0x3086d221a7d46bcd };
	static const uint64_t g2[4] = { 0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4,
					0xe4437ed6010e8828 };
	static const uint64_t a1[3] = { 0xe86c90e49284eb15, 0x3086d221a7d46bcd, 0 };
	static const uint64_t a2[3] = { 0x57c1108d9d44cfd8, 0x14ca50f7a8e2f3f6, 1 };
	static const uint64_t minus_b1[3] = { 0x6f547fa90abfe4c3, 0xe4437ed6010e8828, 0 };
	uint64_t c1[2], c2[2]; /* b2 is a1 */
	u128 t = 0;

	scaled(c1, k->limb, g1);
	scaled(c2, k->limb, g2);
	for (int i = 0; i < 3; i++) {
		t += (u128)k->limb[i] + offset[i];
		first[i] = (uint64_t)t;
		second[i] = offset[i];
		t >>= 64;
	}
	accumulate(second, c1, minus_b1, false);
	accumulate(second, c2, a1, true);
	accumulate(first, c1, a1, true);
	accumulate(first, c2, a2, true);
}

/* The halves in slices, offset so that the signed windows' digits become plain bits. */
static inline void split(uint64_t first[KNOWN_SLICE_COUNT], uint64_t second[KNOWN_SLICE_COUNT],
			 const struct gyr_secp_scalar *k, const uint64_t offset[3])
{
	uint64_t a[3], b[3];

	split_halves(a, b, k, offset);
	gyr_assert(a[2] < 1u << 4 && b[2] < 1u << 4);
	cut(first, a);
	cut(second, b);
}

#endif
