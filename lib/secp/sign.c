/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp.h"
#include "gyr_secp_point.h"

#include "gyr_sha256.h"

/* Each attempt fails with probability 2^-128: a second one is never seen. */
#define ATTEMPT_COUNT_MAX 16

/* The state of RFC 6979, section 3.2. */
struct nonce {
	uint8_t k[32], v[32];
};

/* Steps d and f, and the refresh of step h: K = HMAC(K, V || tag || extra), V = HMAC(K, V). */
static void nonce_update(struct nonce *nonce, uint8_t tag, const uint8_t *extra, size_t length)
{
	uint8_t data[32 + 1 + 64];

	memcpy(data, nonce->v, 32);
	data[32] = tag;
	memcpy(data + 33, extra, length);
	gyr_hmac_sha256(nonce->k, nonce->k, data, 33 + length);
	gyr_hmac_sha256(nonce->v, nonce->k, nonce->v, 32);
}

static void nonce_init(struct nonce *nonce, const uint8_t secret[32],
		       const struct gyr_secp_scalar *m)
{
	uint8_t seed[64];

	memset(nonce->v, 0x01, 32);
	memset(nonce->k, 0x00, 32);
	memcpy(seed, secret, 32);
	gyr_secp_scalar_to_bytes(seed + 32, m);
	nonce_update(nonce, 0x00, seed, sizeof seed);
	nonce_update(nonce, 0x01, seed, sizeof seed);
}

static bool read_secret(struct gyr_secp_scalar *d, const uint8_t secret[32])
{
	return gyr_secp_scalar_from_bytes(d, secret) && !gyr_secp_scalar_is_zero(d);
}

/* One attempt with the nonce k; false in the cases of probability 2^-128. */
static bool sign_with(struct gyr_secp_scalar *r, struct gyr_secp_scalar *s, uint8_t *parity,
		      const struct gyr_secp_scalar *k, const struct gyr_secp_scalar *m,
		      const struct gyr_secp_scalar *d)
{
	struct gyr_secp_scalar inverse, t;
	struct gyr_secp_point point;
	struct gyr_secp_affine nonce;
	uint8_t x[32];
	bool below;

	gyr_secp_point_multiply(&point, k, NULL, NULL);
	gyr_secp_point_to_affine(&nonce, &point, 1);
	gyr_secp_field_to_bytes(x, &nonce.x);
	below = gyr_secp_scalar_from_bytes(r, x);
	*parity = (uint8_t)((below ? 0 : 2) | (gyr_secp_field_is_odd(&nonce.y) ? 1 : 0));
	gyr_secp_scalar_mul(&t, r, d);
	gyr_secp_scalar_add(&t, &t, m);
	gyr_secp_scalar_inverse(&inverse, k);
	gyr_secp_scalar_mul(s, &t, &inverse);
	if (gyr_secp_scalar_is_high(s)) {
		gyr_secp_scalar_negate(s, s);
		*parity ^= 1;
	}
	return !gyr_secp_scalar_is_zero(r) && !gyr_secp_scalar_is_zero(s);
}

bool gyr_secp_sign(uint8_t r[32], uint8_t s[32], uint8_t *parity, const uint8_t hash[32],
		   const uint8_t secret[32])
{
	struct gyr_secp_scalar d, m, k, rn, sn;
	struct nonce nonce;

	if (!read_secret(&d, secret))
		return false;
	(void)gyr_secp_scalar_from_bytes(&m, hash);
	nonce_init(&nonce, secret, &m);
	for (int attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt++) {
		gyr_hmac_sha256(nonce.v, nonce.k, nonce.v, 32);
		if (read_secret(&k, nonce.v) && sign_with(&rn, &sn, parity, &k, &m, &d)) {
			gyr_secp_scalar_to_bytes(r, &rn);
			gyr_secp_scalar_to_bytes(s, &sn);
			return true;
		}
		nonce_update(&nonce, 0x00, nonce.v, 0);
	}
	gyr_assert_failed("a nonce is in range", __FILE__, __LINE__);
}

bool gyr_secp_public_key(uint8_t public_key[64], const uint8_t secret[32])
{
	struct gyr_secp_scalar d;
	struct gyr_secp_point point;
	struct gyr_secp_affine key;

	if (!read_secret(&d, secret))
		return false;
	gyr_secp_point_multiply(&point, &d, NULL, NULL);
	gyr_secp_point_to_affine(&key, &point, 1);
	gyr_secp_affine_to_key(public_key, &key);
	return true;
}
