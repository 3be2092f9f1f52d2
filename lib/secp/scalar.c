/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp_scalar.h"
#include "gyr_secp_inverse.h"

typedef unsigned __int128 u128;

const uint64_t gyr_secp_order[4] = { 0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe,
				     0xffffffffffffffff };

/* 2^256 - n, whose top word is 1. */
static const uint64_t complement[3] = { 0x402da1732fc9bebf, 0x4551231950b75fc4, 1 };

/* r += complement over four words; the carry out. */
static uint64_t add_complement(uint64_t r[4])
{
	u128 t = 0;

	for (int i = 0; i < 4; i++) {
		t += (u128)r[i] + (i < 3 ? complement[i] : 0);
		r[i] = (uint64_t)t;
		t >>= 64;
	}
	return (uint64_t)t;
}

static bool below_order(const uint64_t a[4])
{
	for (int i = 3; i >= 0; i--)
		if (a[i] != gyr_secp_order[i])
			return a[i] < gyr_secp_order[i];
	return false;
}

bool gyr_secp_scalar_from_bytes(struct gyr_secp_scalar *r, const uint8_t bytes[32])
{
	for (size_t i = 0; i < 4; i++)
		r->limb[i] = gyr_load_be64(bytes + 8 * (3 - i));
	if (below_order(r->limb))
		return true;
	(void)add_complement(r->limb);
	return false;
}

void gyr_secp_scalar_to_bytes(uint8_t bytes[32], const struct gyr_secp_scalar *a)
{
	for (size_t i = 0; i < 4; i++)
		gyr_store_be64(bytes + 8 * (3 - i), a->limb[i]);
}

bool gyr_secp_scalar_is_high(const struct gyr_secp_scalar *a)
{
	static const uint64_t half[4] = { 0xdfe92f46681b20a0, 0x5d576e7357a4501d,
					  0xffffffffffffffff, 0x7fffffffffffffff };

	for (int i = 3; i >= 0; i--)
		if (a->limb[i] != half[i])
			return a->limb[i] > half[i];
	return false;
}

void gyr_secp_scalar_add(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a,
			 const struct gyr_secp_scalar *b)
{
	u128 t = 0;

	for (int i = 0; i < 4; i++) {
		t += (u128)a->limb[i] + b->limb[i];
		r->limb[i] = (uint64_t)t;
		t >>= 64;
	}
	if (t != 0 || !below_order(r->limb))
		(void)add_complement(r->limb);
}

void gyr_secp_scalar_negate(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a)
{
	uint64_t borrow = 0;

	if (gyr_secp_scalar_is_zero(a)) {
		*r = *a;
		return;
	}
	for (int i = 0; i < 4; i++) {
		u128 t = (u128)gyr_secp_order[i] - a->limb[i] - borrow;

		r->limb[i] = (uint64_t)t;
		borrow = (uint64_t)(t >> 64) & 1;
	}
}

static inline void multiply_words(uint64_t r[8], const uint64_t a[4], const uint64_t b[4])
{
	for (int i = 0; i < 8; i++)
		r[i] = 0;
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		u128 t = 0;

#pragma GCC unroll 4
		for (int j = 0; j < 4; j++) {
			t += (u128)a[i] * b[j] + r[i + j];
			r[i + j] = (uint64_t)t;
			t >>= 64;
		}
		r[i + 4] = (uint64_t)t;
	}
}

/*
 * r = low + high * (2^256 - n), where high has `words` words: the two low words of 2^256 - n by
 * multiplication, the third, 1, by addition. r needs words + 3 >= 5 words, and takes them.
 */
static inline void fold(uint64_t *r, const uint64_t low[4], const uint64_t *high, int words)
{
	u128 t;

	for (int i = 0; i < words + 3; i++)
		r[i] = i < 4 ? low[i] : 0;
#pragma GCC unroll 4
	for (int i = 0; i < words; i++) {
		t = (u128)high[i] * complement[0] + r[i];
		r[i] = (uint64_t)t;
		t = (t >> 64) + (u128)high[i] * complement[1] + r[i + 1];
		r[i + 1] = (uint64_t)t;
		t = (t >> 64) + (u128)high[i] + r[i + 2];
		r[i + 2] = (uint64_t)t;
		/* At most the last two positions can still carry. */
#pragma GCC unroll 4
		for (int j = i + 3; j < words + 3; j++) {
			t = (t >> 64) + r[j];
			r[j] = (uint64_t)t;
		}
	}
}

void gyr_secp_scalar_mul(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a,
			 const struct gyr_secp_scalar *b)
{
	uint64_t product[8], first[7], second[6];
	u128 t;

	multiply_words(product, a->limb, b->limb);
	/* Below 2^512, then 2^256 + 2^386, then 2^256 + 2^260: high parts of 4, 3 and 1 words. */
	fold(first, product, product + 4, 4);
	fold(second, first, first + 4, 3);
	gyr_assert(second[5] == 0 && second[4] < 1u << 8);
	t = (u128)second[4] * complement[0] + second[0];
	r->limb[0] = (uint64_t)t;
	t = (t >> 64) + (u128)second[4] * complement[1] + second[1];
	r->limb[1] = (uint64_t)t;
	t = (t >> 64) + (u128)second[4] + second[2];
	r->limb[2] = (uint64_t)t;
	t = (t >> 64) + second[3];
	r->limb[3] = (uint64_t)t;
	if (t >> 64 != 0 || !below_order(r->limb))
		(void)add_complement(r->limb);
}

void gyr_secp_scalar_inverse(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a)
{
	gyr_secp_inverse(r->limb, a->limb, &gyr_secp_modulus_n);
}

/* round(k * g / 2^384) */
static void scaled(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *k, const uint64_t g[4])
{
	uint64_t product[8];
	u128 t;

	multiply_words(product, k->limb, g);
	t = (u128)product[6] + (product[5] >> 63);
	r->limb[0] = (uint64_t)t;
	r->limb[1] = product[7] + (uint64_t)(t >> 64);
	r->limb[2] = r->limb[3] = 0;
}

void gyr_secp_scalar_split(struct gyr_secp_scalar part[2], bool negative[2],
			   const struct gyr_secp_scalar *k)
{
	/* round(2^384 * b2 / n), round(2^384 * -b1 / n), for the basis (a1, b1), (a2, b2). */
	static const uint64_t g1[4] = { 0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15,
					0x3086d221a7d46bcd };
	static const uint64_t g2[4] = { 0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4,
					0xe4437ed6010e8828 };
	static const struct gyr_secp_scalar minus_b1 = { { 0x6f547fa90abfe4c3, 0xe4437ed6010e8828,
							   0, 0 } };
	static const struct gyr_secp_scalar minus_b2 = {
		{ 0xd765cda83db1562c, 0x8a280ac50774346d, 0xfffffffffffffffe, 0xffffffffffffffff }
	};
	static const struct gyr_secp_scalar minus_lambda = {
		{ 0xe0cfc810b51283cf, 0xa880b9fc8ec739c2, 0x5ad9e3fd77ed9ba4, 0xac9c52b33fa3cf1f }
	};
	struct gyr_secp_scalar c1, c2;

	scaled(&c1, k, g1);
	scaled(&c2, k, g2);
	gyr_secp_scalar_mul(&c1, &c1, &minus_b1);
	gyr_secp_scalar_mul(&c2, &c2, &minus_b2);
	gyr_secp_scalar_add(&part[1], &c1, &c2);
	gyr_secp_scalar_mul(&c1, &part[1], &minus_lambda);
	gyr_secp_scalar_add(&part[0], k, &c1);
	for (int i = 0; i < 2; i++) {
		negative[i] = gyr_secp_scalar_is_high(&part[i]);
		if (negative[i])
			gyr_secp_scalar_negate(&part[i], &part[i]);
		gyr_assert(part[i].limb[3] == 0 && part[i].limb[2] < 2);
	}
}
