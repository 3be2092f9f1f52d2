/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures to ask recovery drivers about: good ones, damaged ones, and those made to meet an edge
 * or to collide inside the arithmetic. Deterministic from a seed.
 */
#ifndef RECOVER_CASES_H
#define RECOVER_CASES_H

#include "gyr_test.h"

#include <string.h>

#include "gyr_recover.h"
#include "gyr_secp.h"
#include "gyr_secp_point.h"

#define RECOVER_CASES_POOL     256
#define RECOVER_CASES_KEYS     16
#define RECOVER_SPECIAL_COUNT  29
#define RECOVER_SPECIAL_LAMBDA 23 /* which of them is the endomorphism's */

struct recover_cases {
	uint64_t seed;
	struct gyr_secp_scalar secret[RECOVER_CASES_KEYS];
	uint8_t public_key[RECOVER_CASES_KEYS][64];
	struct gyr_recover_request signed_by_us[RECOVER_CASES_POOL]; /* by key i % KEYS */
	uint8_t special[RECOVER_SPECIAL_COUNT][32];
	unsigned signer; /* which key signed what the last case was made of; any, if none */
};

static inline void recover_random_bytes(uint8_t *to, size_t length, uint64_t *seed)
{
	for (size_t i = 0; i < length; i += 8) {
		uint64_t value = gyr_test_random(seed);

		memcpy(to + i, &value, length - i < 8 ? length - i : 8);
	}
}

/* A value whose last eight bytes are given, the rest zero. */
static inline void recover_small(uint8_t to[32], uint64_t value)
{
	memset(to, 0, 32);
	for (int i = 0; i < 8; i++)
		to[31 - i] = (uint8_t)(value >> (8 * i));
}

/* base + delta, as big-endian numbers of 32 bytes that do not overflow */
static inline void recover_shift(uint8_t to[32], const uint8_t base[32], int delta)
{
	memcpy(to, base, 32);
	for (int i = 31; i >= 0 && delta != 0; i--) {
		int byte = to[i] + delta;

		to[i] = (uint8_t)(byte & 0xff);
		delta = byte >> 8;
	}
}

static inline void recover_special_values(uint8_t value[RECOVER_SPECIAL_COUNT][32])
{
	static const uint8_t lambda[32] = { 0x53, 0x63, 0xad, 0x4c, 0xc0, 0x5c, 0x30, 0xe0,
					    0xa5, 0x26, 0x1c, 0x02, 0x88, 0x12, 0x64, 0x5a,
					    0x12, 0x2e, 0x22, 0xea, 0x20, 0x81, 0x66, 0x78,
					    0xdf, 0x02, 0x96, 0x7c, 0x1b, 0x23, 0xbd, 0x72 };
	static const uint8_t wrap[32] = { [15] = 1, 0x45, 0x51, 0x23, 0x19, 0x50, 0xb7, 0x5f, 0xc4,
					  0x40,	    0x2d, 0xa1, 0x72, 0x2f, 0xc9, 0xba, 0xee };
	uint8_t order[32], half[32];
	int count = 0;

	for (int i = 0; i < 4; i++)
		gyr_store_be64(order + 8 * (3 - i), gyr_secp_order[i]);
	for (int i = 0; i < 32; i++)
		half[i] = (uint8_t)(order[i] >> 1 | (i > 0 ? order[i - 1] << 7 : 0));
	for (unsigned i = 0; i < 6; i++)
		recover_small(value[count++], i);
	for (int i = -4; i < 4; i++)
		recover_shift(value[count++], order, i);
	memset(value[count++], 0xff, 32);
	for (int i = 0; i < 3; i++) {
		memset(value[count], 0, 32);
		value[count++][i == 0 ? 0 : 14 + i] = i == 1 ? 1 : 0x80;
	}
	memcpy(value[count++], half, 32);
	recover_shift(value[count++], half, 1);
	for (int i = -1; i < 2; i++)
		recover_shift(value[count++], wrap, i);
	memcpy(value[count++], lambda, 32);
	for (unsigned i = 1; i < 6; i++) {
		uint8_t secret[32], key[64];

		recover_small(secret, i);
		assert_true(gyr_secp_public_key(key, secret));
		memcpy(value[count++], key, 32);
	}
	assert_int_equal(count, RECOVER_SPECIAL_COUNT);
}

static inline void recover_random_scalar(struct gyr_secp_scalar *r, uint64_t *seed)
{
	uint8_t bytes[32];

	do {
		recover_random_bytes(bytes, 32, seed);
		(void)gyr_secp_scalar_from_bytes(r, bytes);
	} while (gyr_secp_scalar_is_zero(r));
}

/*
 * New signatures in the pool, quickly: the nonces are neighbours, so their points come by additions
 * of G, and all inversions are shared. s is not made low.
 */
static inline void recover_cases_sign(struct recover_cases *cases)
{
	static const struct gyr_secp_scalar one = { { 1 } };
	struct gyr_secp_point sum, point[GYR_SECP_AFFINE_COUNT_MAX];
	struct gyr_secp_affine nonce[GYR_SECP_AFFINE_COUNT_MAX];
	struct gyr_secp_scalar k[RECOVER_CASES_POOL], before[RECOVER_CASES_POOL], rest, r, t;

	recover_random_scalar(&k[0], &cases->seed);
	gyr_secp_point_multiply(&sum, &k[0], NULL, NULL);
	before[0] = rest = k[0];
	for (unsigned i = 1; i < RECOVER_CASES_POOL; i++) {
		gyr_secp_scalar_add(&k[i], &k[i - 1], &one);
		before[i] = rest;
		gyr_secp_scalar_mul(&rest, &rest, &k[i]);
	}
	gyr_secp_scalar_inverse(&rest, &rest);
	for (unsigned i = 0; i < RECOVER_CASES_POOL; i++) {
		struct gyr_recover_request *request = &cases->signed_by_us[i];
		unsigned at = i % GYR_SECP_AFFINE_COUNT_MAX;

		for (unsigned j = 0; at == 0 && j < GYR_SECP_AFFINE_COUNT_MAX; j++) {
			point[j] = sum;
			gyr_secp_point_add_affine(&sum, &sum, &gyr_secp_generator);
		}
		if (at == 0)
			gyr_secp_point_to_affine(nonce, point, GYR_SECP_AFFINE_COUNT_MAX);
		memset(request, 0, sizeof *request);
		recover_random_bytes(request->hash, 32, &cases->seed);
		gyr_secp_field_to_bytes(request->r, &nonce[at].x);
		request->parity = gyr_secp_field_is_odd(&nonce[at].y);
	}
	for (unsigned i = RECOVER_CASES_POOL; i-- > 0;) { /* s = (m + r d) / k */
		struct gyr_recover_request *request = &cases->signed_by_us[i];

		t = rest;
		if (i > 0) {
			gyr_secp_scalar_mul(&t, &rest, &before[i]);
			gyr_secp_scalar_mul(&rest, &rest, &k[i]);
		}
		(void)gyr_secp_scalar_from_bytes(&r, request->r);
		gyr_secp_scalar_mul(&r, &r, &cases->secret[i % RECOVER_CASES_KEYS]);
		(void)gyr_secp_scalar_from_bytes(&k[i], request->hash);
		gyr_secp_scalar_add(&r, &r, &k[i]);
		gyr_secp_scalar_mul(&t, &t, &r);
		gyr_secp_scalar_to_bytes(request->s, &t);
	}
}

static inline void recover_cases_init(struct recover_cases *cases, uint64_t seed)
{
	cases->seed = seed;
	recover_special_values(cases->special);
	for (unsigned i = 0; i < RECOVER_CASES_KEYS; i++) {
		uint8_t secret[32];

		recover_random_scalar(&cases->secret[i], &cases->seed);
		gyr_secp_scalar_to_bytes(secret, &cases->secret[i]);
		assert_true(gyr_secp_public_key(cases->public_key[i], secret));
	}
	recover_cases_sign(cases);
}

/* R = k G with k small or random, as r and the parity; k too. */
static inline void recover_known_nonce(struct recover_cases *cases,
				       struct gyr_recover_request *request,
				       struct gyr_secp_scalar *k, bool small)
{
	uint8_t secret[32], key[64];

	do {
		if (small)
			recover_small(secret, 1 + gyr_test_random(&cases->seed) % 8);
		else
			recover_random_bytes(secret, 32, &cases->seed);
	} while (!gyr_secp_public_key(key, secret));
	(void)gyr_secp_scalar_from_bytes(k, secret);
	memcpy(request->r, key, 32);
	request->parity = key[63] & 1;
}

/* s = m / k: the key would be infinity. */
static inline void recover_case_infinity(struct recover_cases *cases,
					 struct gyr_recover_request *request)
{
	struct gyr_secp_scalar k, s;

	recover_known_nonce(cases, request, &k, gyr_test_random(&cases->seed) % 4 == 0);
	recover_random_bytes(request->s, 32, &cases->seed);
	request->s[0] &= 0x7f;
	(void)gyr_secp_scalar_from_bytes(&s, request->s);
	gyr_secp_scalar_mul(&s, &s, &k);
	gyr_secp_scalar_to_bytes(request->hash, &s);
}

/* R = k G and tiny u1 = -+b, u2 = a: sums that collide with each other and with the tables. */
static inline void recover_case_collision(struct recover_cases *cases,
					  struct gyr_recover_request *request)
{
	struct gyr_secp_scalar k, r, t;
	uint64_t *seed = &cases->seed;

	recover_known_nonce(cases, request, &k, true);
	(void)gyr_secp_scalar_from_bytes(&r, request->r);
	t = (struct gyr_secp_scalar){ { 1 + gyr_test_random(seed) % 40 } };
	gyr_secp_scalar_mul(&t, &t, &r);
	gyr_secp_scalar_to_bytes(request->s, &t);
	t = (struct gyr_secp_scalar){ { gyr_test_random(seed) % 40 } };
	gyr_secp_scalar_mul(&t, &t, &r);
	if (gyr_test_random(seed) % 2 == 0)
		gyr_secp_scalar_negate(&t, &t);
	gyr_secp_scalar_to_bytes(request->hash, &t);
}

/*
 * u2 = s / r of few digits: sums of some powers of two, times lambda or not, or all ones and zeros
 * in turn; u1 = -m / r likewise, or 0. Of any r.
 */
static inline void recover_case_sparse(struct recover_cases *cases,
				       struct gyr_recover_request *request)
{
	static const struct gyr_secp_scalar pattern = { { 0x5555555555555555,
							  0x5555555555555555 } };
	uint64_t *seed = &cases->seed;
	struct gyr_secp_scalar r, u[2], lambda;

	recover_random_bytes(request->r, 32, seed);
	request->parity &= 1;
	(void)gyr_secp_scalar_from_bytes(&r, request->r);
	(void)gyr_secp_scalar_from_bytes(&lambda, cases->special[RECOVER_SPECIAL_LAMBDA]);
	for (int part = 0; part < 2; part++) {
		uint64_t count = gyr_test_random(seed) % 5;

		u[part] = (struct gyr_secp_scalar){ { 0 } };
		while (count-- > 0) {
			struct gyr_secp_scalar t = { { 0 } };
			uint64_t how = gyr_test_random(seed), bit = (how >> 8) % 128;

			t.limb[bit / 64] = 1ull << bit % 64;
			if (how % 16 == 0)
				t = pattern;
			if ((how >> 4 & 1) != 0)
				gyr_secp_scalar_mul(&t, &t, &lambda);
			if ((how >> 5 & 1) != 0)
				gyr_secp_scalar_negate(&t, &t);
			gyr_secp_scalar_add(&u[part], &u[part], &t);
		}
		gyr_secp_scalar_mul(&u[part], &u[part], &r);
	}
	gyr_secp_scalar_to_bytes(request->s, &u[0]);
	gyr_secp_scalar_to_bytes(request->hash, &u[1]);
}

/* One of the good signatures, half of the time with one thing wrong or changed. */
static inline void recover_case_signed(struct recover_cases *cases,
				       struct gyr_recover_request *request)
{
	uint64_t *seed = &cases->seed;
	uint64_t bit = gyr_test_random(seed);
	unsigned which = (unsigned)(gyr_test_random(seed) % RECOVER_CASES_POOL);
	struct gyr_secp_scalar s;

	*request = cases->signed_by_us[which];
	cases->signer = which % RECOVER_CASES_KEYS;
	switch (gyr_test_random(seed) % 14) {
	case 0:
		request->parity ^= 1;
		break;
	case 1:
		request->parity ^= 2;
		break;
	case 2:
		request->r[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 3:
		request->s[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 4:
		request->hash[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 5: /* the same key by high s */
		(void)gyr_secp_scalar_from_bytes(&s, request->s);
		gyr_secp_scalar_negate(&s, &s);
		gyr_secp_scalar_to_bytes(request->s, &s);
		request->parity ^= 1;
		break;
	case 6:
		request->parity = (uint8_t)(bit % 256);
		break;
	default:
		break;
	}
}

static inline void recover_case(struct recover_cases *cases, struct gyr_recover_request *request)
{
	uint64_t *seed = &cases->seed;
	uint64_t kind = gyr_test_random(seed) % 32;

	memset(request, 0, sizeof *request);
	cases->signer = (unsigned)(gyr_test_random(seed) % RECOVER_CASES_KEYS);
	request->parity = (uint8_t)(gyr_test_random(seed) % 6);
	if (kind < 12) {
		recover_case_signed(cases, request);
	} else if (kind < 15) {
		recover_case_sparse(cases, request);
	} else if (kind < 26) { /* half of them are on the curve and recover to some key */
		recover_random_bytes(request->hash, 32, seed);
		recover_random_bytes(request->r, 32, seed);
		recover_random_bytes(request->s, 32, seed);
		request->parity &= gyr_test_random(seed) % 8 == 0 ? 7 : 1;
	} else if (kind < 28) { /* r + n below p: r has at most 129 bits */
		recover_random_bytes(request->hash, 32, seed);
		recover_random_bytes(request->s, 32, seed);
		recover_small(request->r, gyr_test_random(seed) % 100000);
		if (gyr_test_random(seed) % 2 == 0)
			recover_random_bytes(request->r + 16, 16, seed);
		request->parity = 2 | (request->parity & 1);
	} else if (kind < 30) {
		memcpy(request->hash, cases->special[gyr_test_random(seed) % RECOVER_SPECIAL_COUNT],
		       32);
		memcpy(request->r, cases->special[gyr_test_random(seed) % RECOVER_SPECIAL_COUNT],
		       32);
		memcpy(request->s, cases->special[gyr_test_random(seed) % RECOVER_SPECIAL_COUNT],
		       32);
	} else if (kind < 31) {
		recover_case_collision(cases, request);
	} else if (gyr_test_random(seed) % 4 == 0) { /* each costs a scalar recovery */
		recover_case_infinity(cases, request);
	} else {
		recover_case_signed(cases, request);
	}
}

#endif
