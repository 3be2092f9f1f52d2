/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_stf_root.h"

#include "gyr_rlp.h"

/* SHA-256 of nothing: the requests hash of a block without requests (EIP-7685). */
static const uint8_t empty_requests[32] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
	0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
	0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

static void put_content(struct gyr_rlp_writer *writer, const struct gyr_stf_header *header)
{
	static const uint8_t zero[32];

	gyr_assert(header->extra.length <= 32);
	gyr_rlp_put_string(writer, header->parent_hash.bytes, 32);
	gyr_rlp_put_string(writer, gyr_keccak_empty_list.bytes, 32);
	gyr_rlp_put_string(writer, header->fee_recipient.bytes, 20);
	gyr_rlp_put_string(writer, header->state_root.bytes, 32);
	gyr_rlp_put_string(writer, header->tx_root.bytes, 32);
	gyr_rlp_put_string(writer, header->receipt_root.bytes, 32);
	gyr_rlp_put_string(writer, header->bloom, sizeof header->bloom);
	gyr_rlp_put_u256(writer, &header->difficulty);
	gyr_rlp_put_u64(writer, header->number);
	gyr_rlp_put_u64(writer, header->gas_limit);
	gyr_rlp_put_u64(writer, header->gas_used);
	gyr_rlp_put_u64(writer, header->timestamp);
	gyr_rlp_put_string(writer, header->extra.data, header->extra.length);
	gyr_rlp_put_string(writer, header->prev_randao.bytes, 32);
	gyr_rlp_put_string(writer, header->nonce, sizeof header->nonce);
	if (header->fork >= GYR_FORK_LONDON)
		gyr_rlp_put_u64(writer, header->base_fee);
	if (header->fork >= GYR_FORK_SHANGHAI)
		gyr_rlp_put_string(writer, gyr_keccak_empty_trie.bytes, 32);
	if (header->fork >= GYR_FORK_CANCUN) {
		gyr_rlp_put_u64(writer, header->blob_gas_used);
		gyr_rlp_put_u64(writer, header->excess_blob_gas);
		gyr_rlp_put_string(writer, zero, 32);
	}
	if (header->fork >= GYR_FORK_PRAGUE)
		gyr_rlp_put_string(writer, empty_requests, 32);
}

size_t gyr_stf_header_encode(uint8_t out[GYR_STF_HEADER_MAX], const struct gyr_stf_header *header)
{
	/* The content is always between 256 and 65,535 bytes: a list header of three. */
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out + 3, GYR_STF_HEADER_MAX - 3);
	size_t length;

	put_content(&writer, header);
	length = (size_t)(writer.at - (out + 3));
	out[0] = 0xf9;
	gyr_store_be16(out + 1, (uint16_t)length);
	return length + 3;
}

void gyr_stf_header_hash(struct gyr_hash *out, const struct gyr_stf_header *header,
			 const struct gyr_keccak_ops *keccak)
{
	uint8_t bytes[GYR_STF_HEADER_MAX];
	size_t length = gyr_stf_header_encode(bytes, header);

	keccak->hash(out, bytes, length);
}
