/* SPDX-License-Identifier: Apache-2.0 */
#include "portable.h"

#include "gyr_keccak.h"
#include "gyr_secp.h"

bool portable_ecrecover(struct gyr_address *address, const uint8_t hash[32], const uint8_t r[32],
			const uint8_t s[32], unsigned parity)
{
	uint8_t key[64];
	struct gyr_hash digest;

	gyr_assert(parity <= 1);
	if (!gyr_secp_recover(key, hash, r, s, parity))
		return false;
	gyr_keccak256(&digest, key, sizeof key);
	memcpy(address->bytes, digest.bytes + 12, sizeof address->bytes);
	return true;
}
