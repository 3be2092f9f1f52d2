/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_txn.h"

#define AUTHORIZATION_MAGIC 0x05 /* EIP-7702 */

/* Payloads up to this length are hashed in one call; longer ones stream through the portable one.
 */
#define PAYLOAD_ON_STACK_MAX 1024

/* The RLP length of 32 big-endian bytes as a number. */
static size_t number_length(const uint8_t bytes[32])
{
	struct gyr_u256 value;

	gyr_u256_load_be(&value, bytes);
	return gyr_rlp_length_u256(&value);
}

static void put_number(struct gyr_rlp_writer *writer, const uint8_t bytes[32])
{
	struct gyr_u256 value;

	gyr_u256_load_be(&value, bytes);
	gyr_rlp_put_u256(writer, &value);
}

/* 35 + parity + 2 chain_id, or 27 + parity. */
static struct gyr_u256 legacy_v(const struct gyr_txn *txn)
{
	struct gyr_u256 v = gyr_u256_from_u64(27 + (uint64_t)txn->parity);

	if (txn->is_protected) {
		struct gyr_u256 base = gyr_u256_from_u64(35 + (uint64_t)txn->parity);

		v = gyr_u256_from_u64(txn->chain_id);
		(void)gyr_u256_add(&v, &v, &v);
		(void)gyr_u256_add(&v, &v, &base);
	}
	return v;
}

static size_t fields_length(const struct gyr_txn *txn)
{
	size_t length = gyr_rlp_length_u64(txn->nonce) + gyr_rlp_length_u256(&txn->max_fee) +
			gyr_rlp_length_u64(txn->gas_limit) + gyr_rlp_length_u256(&txn->value) +
			gyr_rlp_length_string(txn->data.data, txn->data.length);

	length += txn->is_create ? 1 : 1 + sizeof txn->to.bytes;
	if (txn->type != GYR_TXN_LEGACY)
		length += gyr_rlp_length_u64(txn->chain_id) +
			  gyr_rlp_length_list(txn->access_list.length);
	if (txn->type >= GYR_TXN_DYNAMIC_FEE)
		length += gyr_rlp_length_u256(&txn->max_priority_fee);
	if (txn->type == GYR_TXN_BLOB)
		length += gyr_rlp_length_u256(&txn->max_blob_fee) +
			  gyr_rlp_length_list(txn->blob_hashes.length);
	if (txn->type == GYR_TXN_SET_CODE)
		length += gyr_rlp_length_list(txn->authorizations.length);
	return length;
}

static void put_list(struct gyr_rlp_writer *writer, struct gyr_slice content)
{
	gyr_rlp_put_list(writer, content.length);
	gyr_rlp_put_raw(writer, content.data, content.length);
}

static void put_fields(struct gyr_rlp_writer *writer, const struct gyr_txn *txn)
{
	if (txn->type != GYR_TXN_LEGACY)
		gyr_rlp_put_u64(writer, txn->chain_id);
	gyr_rlp_put_u64(writer, txn->nonce);
	if (txn->type >= GYR_TXN_DYNAMIC_FEE)
		gyr_rlp_put_u256(writer, &txn->max_priority_fee);
	gyr_rlp_put_u256(writer, &txn->max_fee);
	gyr_rlp_put_u64(writer, txn->gas_limit);
	gyr_rlp_put_string(writer, txn->to.bytes, txn->is_create ? 0 : sizeof txn->to.bytes);
	gyr_rlp_put_u256(writer, &txn->value);
	gyr_rlp_put_string(writer, txn->data.data, txn->data.length);
	if (txn->type != GYR_TXN_LEGACY)
		put_list(writer, txn->access_list);
	if (txn->type == GYR_TXN_BLOB) {
		gyr_rlp_put_u256(writer, &txn->max_blob_fee);
		put_list(writer, txn->blob_hashes);
	}
	if (txn->type == GYR_TXN_SET_CODE)
		put_list(writer, txn->authorizations);
}

/* What EIP-155 signs behind the fields of a legacy transaction: chain id, 0, 0. */
static size_t tail_length(const struct gyr_txn *txn)
{
	if (txn->type != GYR_TXN_LEGACY || !txn->is_protected)
		return 0;
	return gyr_rlp_length_u64(txn->chain_id) + 2;
}

/* The type byte and the list's header, before `fields` bytes of signed fields. */
static void put_payload_head(struct gyr_rlp_writer *writer, const struct gyr_txn *txn,
			     size_t fields)
{
	const uint8_t type = (uint8_t)txn->type;

	if (txn->type != GYR_TXN_LEGACY)
		gyr_rlp_put_raw(writer, &type, 1);
	gyr_rlp_put_list(writer, fields + tail_length(txn));
}

static void put_payload_tail(struct gyr_rlp_writer *writer, const struct gyr_txn *txn)
{
	if (tail_length(txn) == 0)
		return;
	gyr_rlp_put_u64(writer, txn->chain_id);
	gyr_rlp_put_u64(writer, 0);
	gyr_rlp_put_u64(writer, 0);
}

size_t gyr_txn_signing_payload(uint8_t *scratch, size_t scratch_size, const struct gyr_txn *txn)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(scratch, scratch_size);

	gyr_assert(txn->fields.length != 0);
	put_payload_head(&writer, txn, txn->fields.length);
	gyr_rlp_put_raw(&writer, txn->fields.data, txn->fields.length);
	put_payload_tail(&writer, txn);
	return (size_t)(writer.at - scratch);
}

static void hash_long_payload(struct gyr_hash *out, const struct gyr_txn *txn)
{
	uint8_t part[1 + 2 * GYR_RLP_HEADER_MAX + 2];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(part, sizeof part);
	struct gyr_keccak keccak;

	gyr_keccak_init(&keccak);
	put_payload_head(&writer, txn, txn->fields.length);
	gyr_keccak_update(&keccak, part, (size_t)(writer.at - part));
	gyr_keccak_update(&keccak, txn->fields.data, txn->fields.length);
	writer = gyr_rlp_writer_over(part, sizeof part);
	put_payload_tail(&writer, txn);
	gyr_keccak_update(&keccak, part, (size_t)(writer.at - part));
	gyr_keccak_final(&keccak, out);
}

void gyr_txn_signing_hash(struct gyr_hash *out, const struct gyr_txn *txn,
			  const struct gyr_keccak_ops *keccak)
{
	uint8_t payload[PAYLOAD_ON_STACK_MAX + GYR_TXN_PAYLOAD_EXTRA];

	if (txn->raw.length > PAYLOAD_ON_STACK_MAX)
		hash_long_payload(out, txn);
	else
		keccak->hash(out, payload, gyr_txn_signing_payload(payload, sizeof payload, txn));
}

void gyr_txn_hash(struct gyr_hash *out, const struct gyr_txn *txn,
		  const struct gyr_keccak_ops *keccak)
{
	keccak->hash(out, txn->raw.data, txn->raw.length);
}

size_t gyr_txn_authorization_payload(uint8_t out[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX],
				     const struct gyr_txn_authorization *authorization)
{
	const uint8_t magic = AUTHORIZATION_MAGIC;
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, GYR_TXN_AUTHORIZATION_PAYLOAD_MAX);

	gyr_rlp_put_raw(&writer, &magic, 1);
	gyr_rlp_put_list(&writer, gyr_rlp_length_u256(&authorization->chain_id) + 1 +
					  sizeof authorization->address.bytes +
					  gyr_rlp_length_u64(authorization->nonce));
	gyr_rlp_put_u256(&writer, &authorization->chain_id);
	gyr_rlp_put_string(&writer, authorization->address.bytes,
			   sizeof authorization->address.bytes);
	gyr_rlp_put_u64(&writer, authorization->nonce);
	return (size_t)(writer.at - out);
}

static size_t signature_length(const struct gyr_txn *txn)
{
	struct gyr_u256 v = gyr_u256_from_u64(txn->parity);

	if (txn->type == GYR_TXN_LEGACY)
		v = legacy_v(txn);
	return gyr_rlp_length_u256(&v) + number_length(txn->r) + number_length(txn->s);
}

size_t gyr_txn_encode_length_max(const struct gyr_txn *txn)
{
	const size_t signature = 10 + 33 + 33; /* v of 65 bits, r and s of 256 */

	return 1 + gyr_rlp_length_list(fields_length(txn) + signature);
}

size_t gyr_txn_encode_payload(uint8_t *out, size_t out_size, const struct gyr_txn *txn)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, out_size);

	put_payload_head(&writer, txn, fields_length(txn));
	put_fields(&writer, txn);
	put_payload_tail(&writer, txn);
	return (size_t)(writer.at - out);
}

size_t gyr_txn_encode(uint8_t *out, size_t out_size, const struct gyr_txn *txn)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, out_size);
	const uint8_t type = (uint8_t)txn->type;

	if (txn->type != GYR_TXN_LEGACY)
		gyr_rlp_put_raw(&writer, &type, 1);
	gyr_rlp_put_list(&writer, fields_length(txn) + signature_length(txn));
	put_fields(&writer, txn);
	if (txn->type == GYR_TXN_LEGACY) {
		struct gyr_u256 v = legacy_v(txn);

		gyr_rlp_put_u256(&writer, &v);
	} else {
		gyr_rlp_put_u64(&writer, txn->parity);
	}
	put_number(&writer, txn->r);
	put_number(&writer, txn->s);
	return (size_t)(writer.at - out);
}

static size_t access_content_length(size_t slot_count)
{
	return 1 + sizeof(struct gyr_address) +
	       gyr_rlp_length_list(slot_count * (1 + sizeof(struct gyr_hash)));
}

size_t gyr_txn_encode_access_length(size_t slot_count)
{
	return gyr_rlp_length_list(access_content_length(slot_count));
}

void gyr_txn_encode_access(struct gyr_rlp_writer *writer, const struct gyr_address *address,
			   const struct gyr_hash *slots, size_t slot_count)
{
	gyr_rlp_put_list(writer, access_content_length(slot_count));
	gyr_rlp_put_string(writer, address->bytes, sizeof address->bytes);
	gyr_rlp_put_list(writer, slot_count * (1 + sizeof(struct gyr_hash)));
	for (size_t i = 0; i < slot_count; i++)
		gyr_rlp_put_string(writer, slots[i].bytes, sizeof slots[i].bytes);
}

static size_t authorization_content_length(const struct gyr_txn_authorization *authorization)
{
	return gyr_rlp_length_u256(&authorization->chain_id) + 1 +
	       sizeof authorization->address.bytes + gyr_rlp_length_u64(authorization->nonce) +
	       gyr_rlp_length_u64(authorization->parity) + number_length(authorization->r) +
	       number_length(authorization->s);
}

size_t gyr_txn_encode_authorization_length(const struct gyr_txn_authorization *authorization)
{
	return gyr_rlp_length_list(authorization_content_length(authorization));
}

void gyr_txn_encode_authorization(struct gyr_rlp_writer *writer,
				  const struct gyr_txn_authorization *authorization)
{
	gyr_rlp_put_list(writer, authorization_content_length(authorization));
	gyr_rlp_put_u256(writer, &authorization->chain_id);
	gyr_rlp_put_string(writer, authorization->address.bytes,
			   sizeof authorization->address.bytes);
	gyr_rlp_put_u64(writer, authorization->nonce);
	gyr_rlp_put_u64(writer, authorization->parity);
	put_number(writer, authorization->r);
	put_number(writer, authorization->s);
}
