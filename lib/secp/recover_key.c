/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp.h"
#include "gyr_secp_point.h"

/* R's x: r, or r + n where bit 1 of the parity says so; false where that exceeds the field. */
static bool nonce_x(struct gyr_secp_field *x, const struct gyr_secp_scalar *r, bool overflowed)
{
	/* p - n, 129 bits */
	static const uint64_t limit[4] = { 0x402da1722fc9baee, 0x4551231950b75fc4, 1, 0 };
	uint64_t w[4];
	unsigned __int128 t = 0;
	int at = 3;

	if (!overflowed) {
		gyr_secp_field_from_words(x, r->limb);
		return true;
	}
	while (at > 0 && r->limb[at] == limit[at])
		at--;
	if (r->limb[at] >= limit[at])
		return false;
	for (int i = 0; i < 4; i++) {
		t += (unsigned __int128)r->limb[i] + gyr_secp_order[i];
		w[i] = (uint64_t)t;
		t >>= 64;
	}
	gyr_secp_field_from_words(x, w);
	return true;
}

/* r, s in range, and R; false where there is none. */
static bool read_signature(struct gyr_secp_scalar *rn, struct gyr_secp_scalar *sn,
			   struct gyr_secp_affine *nonce, const uint8_t r[32], const uint8_t s[32],
			   unsigned parity)
{
	struct gyr_secp_field x;

	return parity <= 3 && gyr_secp_scalar_from_bytes(rn, r) &&
	       gyr_secp_scalar_from_bytes(sn, s) && !gyr_secp_scalar_is_zero(rn) &&
	       !gyr_secp_scalar_is_zero(sn) && nonce_x(&x, rn, (parity & 2) != 0) &&
	       gyr_secp_affine_from_x(nonce, &x, (parity & 1) != 0);
}

bool gyr_secp_hint(uint8_t nonce_y[32], uint8_t s_inverse[32], const uint8_t r[32],
		   const uint8_t s[32], unsigned parity)
{
	struct gyr_secp_scalar rn, sn, inverse;
	struct gyr_secp_affine nonce;
	uint8_t point[64];

	if (!read_signature(&rn, &sn, &nonce, r, s, parity))
		return false;
	gyr_secp_affine_to_key(point, &nonce);
	memcpy(nonce_y, point + 32, 32);
	gyr_secp_scalar_inverse(&inverse, &sn);
	gyr_secp_scalar_to_bytes(s_inverse, &inverse);
	return true;
}

bool gyr_secp_recover(uint8_t public_key[64], const uint8_t hash[32], const uint8_t r[32],
		      const uint8_t s[32], unsigned parity)
{
	struct gyr_secp_scalar rn, sn, m, inverse, u1, u2;
	struct gyr_secp_affine nonce, key;
	struct gyr_secp_point sum;

	memset(public_key, 0, 64);
	if (!read_signature(&rn, &sn, &nonce, r, s, parity))
		return false;
	(void)gyr_secp_scalar_from_bytes(&m, hash);
	gyr_secp_scalar_inverse(&inverse, &rn);
	gyr_secp_scalar_mul(&u1, &m, &inverse);
	gyr_secp_scalar_negate(&u1, &u1);
	gyr_secp_scalar_mul(&u2, &sn, &inverse);
	gyr_secp_point_multiply(&sum, &u1, &nonce, &u2);
	if (sum.infinity)
		return false;
	gyr_secp_point_to_affine(&key, &sum, 1);
	gyr_secp_affine_to_key(public_key, &key);
	return true;
}
