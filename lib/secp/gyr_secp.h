/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA over secp256k1 in portable, freestanding C: the public key of a signature (the EVM's
 * ecrecover, the portable recovery driver, the proof guest), and signing for load generators and
 * tests. No state, no memory but the stack (about 8 KiB), any thread.
 *
 * NOTHING HERE IS CONSTANT-TIME. Recovery sees only public data. Signing and deriving a public key
 * leak their secret to whoever can measure them: they are for traffic generators and tests, never
 * for a key that guards anything.
 */
#ifndef GYR_SECP_H
#define GYR_SECP_H

#include "gyr_base.h"

/*
 * The key that made the signature (SEC 1, section 4.1.6). All numbers big-endian; hash is any 32
 * bytes; parity 0..3: bit 0 says that R's y is odd, bit 1 that R's x is r + n. False, and the key
 * zero, when r or s is not in 1…n-1, no such R exists, the key would be infinity, or parity is
 * above
 * 3. Accepts high s, as libsecp256k1 does; EIP-2 is the caller's.
 */
bool gyr_secp_recover(uint8_t public_key[64], const uint8_t hash[32], const uint8_t r[32],
		      const uint8_t s[32], unsigned parity);

/*
 * Signs with the nonce of RFC 6979 (HMAC-SHA-256, no extra data), s low, parity 0..3 as recovery
 * takes it. False, and nothing written, when the secret is not in 1…n-1.
 */
bool gyr_secp_sign(uint8_t r[32], uint8_t s[32], uint8_t *parity, const uint8_t hash[32],
		   const uint8_t secret[32]);

/*
 * What a signer can tell a verifier that knows the key, both verified there and never trusted: y of
 * the nonce's point R, and 1 / s modulo n, big-endian. False where recovery finds no R, or r or s
 * is out of range. A signer has both at hand; this computes them from the signature.
 */
bool gyr_secp_hint(uint8_t nonce_y[32], uint8_t s_inverse[32], const uint8_t r[32],
		   const uint8_t s[32], unsigned parity);

/* The public key, x and y, of a secret in 1…n-1; false otherwise. */
bool gyr_secp_public_key(uint8_t public_key[64], const uint8_t secret[32]);

#endif
