/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_evm.h"

void gyr_evm_create_address(const struct gyr_keccak_ops *keccak, struct gyr_address *out,
			    const struct gyr_address *creator, uint64_t nonce)
{
	uint8_t list[1 + 21 + 9];
	struct gyr_hash hash;
	size_t length = 22;

	/* RLP of [creator, nonce]: a list that is always shorter than 56 bytes. */
	list[1] = 0x80 + 20;
	memcpy(list + 2, creator->bytes, 20);
	if (nonce == 0) {
		list[length++] = 0x80;
	} else if (nonce < 0x80) {
		list[length++] = (uint8_t)nonce;
	} else {
		unsigned bytes = (71 - (unsigned)__builtin_clzll(nonce)) / 8;

		list[length++] = (uint8_t)(0x80 + bytes);
		for (unsigned i = bytes; i-- > 0;)
			list[length++] = (uint8_t)(nonce >> 8 * i);
	}
	list[0] = (uint8_t)(0xc0 + length - 1);
	keccak->hash(&hash, list, length);
	memcpy(out->bytes, hash.bytes + 12, 20);
}

void gyr_evm_create2_address(const struct gyr_keccak_ops *keccak, struct gyr_address *out,
			     const struct gyr_address *creator, const struct gyr_u256 *salt,
			     struct gyr_slice init_code)
{
	uint8_t text[1 + 20 + 32 + 32] = { 0xff };
	struct gyr_hash hash;

	memcpy(text + 1, creator->bytes, 20);
	gyr_u256_store_be(text + 21, salt);
	keccak->hash(&hash, init_code.data, init_code.length);
	memcpy(text + 53, hash.bytes, 32);
	keccak->hash(&hash, text, sizeof text);
	memcpy(out->bytes, hash.bytes + 12, 20);
}
