/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_txn.h"

/* An encoded 32-byte string: a prefix and the bytes. */
#define WORD_STRIDE 33

/* The order of the secp256k1 group (SEC 2, 2.4.1) and half of it, rounded down. */
static const struct gyr_u256 order = { {
	0xbfd25e8cd0364141,
	0xbaaedce6af48a03b,
	0xfffffffffffffffe,
	0xffffffffffffffff,
} };
static const struct gyr_u256 order_half = { {
	0xdfe92f46681b20a0,
	0x5d576e7357a4501d,
	0xffffffffffffffff,
	0x7fffffffffffffff,
} };

/* Reads field after field and keeps the first thing that was wrong. */
struct reader {
	struct gyr_slice rest;
	enum gyr_verdict verdict;
};

/* Another field is to be read. */
static bool wants_field(struct reader *reader)
{
	if (reader->verdict == GYR_VERDICT_OK && reader->rest.length == 0)
		reader->verdict = GYR_VERDICT_RLP_FIELD_COUNT;
	return reader->verdict == GYR_VERDICT_OK;
}

static void read_u64(struct reader *reader, uint64_t *out)
{
	*out = 0;
	if (wants_field(reader))
		reader->verdict = gyr_rlp_next_u64(out, &reader->rest);
}

static void read_u256(struct reader *reader, struct gyr_u256 *out)
{
	*out = gyr_u256_from_u64(0);
	if (wants_field(reader))
		reader->verdict = gyr_rlp_next_u256(out, &reader->rest);
}

static void read_fixed(struct reader *reader, void *out, size_t length)
{
	if (wants_field(reader))
		reader->verdict = gyr_rlp_next_fixed(out, length, &reader->rest);
}

static void read_string(struct reader *reader, struct gyr_slice *out)
{
	*out = (struct gyr_slice){ NULL, 0 };
	if (wants_field(reader))
		reader->verdict = gyr_rlp_next_string(out, &reader->rest);
}

static void read_list(struct reader *reader, struct gyr_slice *out)
{
	*out = (struct gyr_slice){ NULL, 0 };
	if (wants_field(reader))
		reader->verdict = gyr_rlp_next_list(out, &reader->rest);
}

static void read_end(struct reader *reader)
{
	if (reader->verdict == GYR_VERDICT_OK && reader->rest.length != 0)
		reader->verdict = GYR_VERDICT_RLP_FIELD_COUNT;
}

static struct reader reader_over(struct gyr_slice content)
{
	return (struct reader){ .rest = content, .verdict = GYR_VERDICT_OK };
}

static void read_to(struct reader *reader, struct gyr_txn *out)
{
	struct gyr_slice to;

	read_string(reader, &to);
	if (reader->verdict != GYR_VERDICT_OK)
		return;
	out->is_create = to.length == 0;
	if (to.length == sizeof out->to.bytes)
		memcpy(out->to.bytes, to.data, sizeof out->to.bytes);
	else if (to.length != 0)
		reader->verdict = GYR_VERDICT_FIELD_RANGE;
}

/* A list of 32-byte strings, counted. */
static enum gyr_verdict check_words(struct gyr_slice words, uint32_t *count)
{
	struct gyr_slice word;

	*count = 0;
	while (words.length != 0) {
		enum gyr_verdict verdict = gyr_rlp_next_string(&word, &words);

		if (verdict != GYR_VERDICT_OK)
			return verdict;
		if (word.length != WORD_STRIDE - 1)
			return GYR_VERDICT_FIELD_RANGE;
		(*count)++;
	}
	return GYR_VERDICT_OK;
}

static enum gyr_verdict read_access(struct gyr_txn_access *out, struct gyr_slice *rest)
{
	struct reader outer = { .rest = *rest, .verdict = GYR_VERDICT_OK };
	struct gyr_slice content;
	struct reader entry;

	read_list(&outer, &content);
	entry = reader_over(content);
	if (outer.verdict != GYR_VERDICT_OK)
		return outer.verdict;
	read_fixed(&entry, out->address.bytes, sizeof out->address.bytes);
	read_list(&entry, &out->slots);
	read_end(&entry);
	*rest = outer.rest;
	return entry.verdict;
}

static void read_access_list(struct reader *reader, struct gyr_txn *out)
{
	struct gyr_slice rest;
	struct gyr_txn_access access;

	read_list(reader, &out->access_list);
	rest = out->access_list;
	while (reader->verdict == GYR_VERDICT_OK && rest.length != 0) {
		reader->verdict = read_access(&access, &rest);
		if (reader->verdict != GYR_VERDICT_OK)
			return;
		reader->verdict = check_words(access.slots, &access.slot_count);
		out->access_address_count++;
		out->access_slot_count += access.slot_count;
	}
}

static enum gyr_verdict read_authorization(struct gyr_txn_authorization *out,
					   struct gyr_slice *rest)
{
	struct reader outer = { .rest = *rest, .verdict = GYR_VERDICT_OK };
	struct gyr_slice content;
	struct gyr_u256 r, s;
	struct reader tuple;
	uint64_t parity;

	read_list(&outer, &content);
	tuple = reader_over(content);
	if (outer.verdict != GYR_VERDICT_OK)
		return outer.verdict;
	read_u256(&tuple, &out->chain_id);
	read_fixed(&tuple, out->address.bytes, sizeof out->address.bytes);
	read_u64(&tuple, &out->nonce);
	read_u64(&tuple, &parity);
	read_u256(&tuple, &r);
	read_u256(&tuple, &s);
	read_end(&tuple);
	if (tuple.verdict == GYR_VERDICT_OK && parity > UINT8_MAX)
		tuple.verdict = GYR_VERDICT_FIELD_RANGE;
	out->parity = (uint8_t)parity;
	gyr_u256_store_be(out->r, &r);
	gyr_u256_store_be(out->s, &s);
	*rest = outer.rest;
	return tuple.verdict;
}

static void read_authorizations(struct reader *reader, struct gyr_txn *out)
{
	struct gyr_slice rest;
	struct gyr_txn_authorization authorization;

	read_list(reader, &out->authorizations);
	rest = out->authorizations;
	while (reader->verdict == GYR_VERDICT_OK && rest.length != 0) {
		reader->verdict = read_authorization(&authorization, &rest);
		out->authorization_count++;
	}
}

static void read_blob_hashes(struct reader *reader, struct gyr_txn *out)
{
	read_list(reader, &out->blob_hashes);
	if (reader->verdict == GYR_VERDICT_OK)
		reader->verdict = check_words(out->blob_hashes, &out->blob_hash_count);
}

/* The fields up to the signature. */
static void read_signed_fields(struct reader *reader, struct gyr_txn *out,
			       const struct gyr_txn_rules *rules)
{
	struct gyr_u256 chain_id;

	if (out->type != GYR_TXN_LEGACY) {
		read_u256(reader, &chain_id);
		if (reader->verdict == GYR_VERDICT_OK &&
		    (!gyr_u256_fits_u64(&chain_id) || chain_id.limb[0] != rules->chain_id))
			reader->verdict = GYR_VERDICT_CHAIN_ID;
		out->chain_id = chain_id.limb[0];
		out->is_protected = true;
	}
	read_u64(reader, &out->nonce);
	read_u256(reader, &out->max_priority_fee);
	if (out->type >= GYR_TXN_DYNAMIC_FEE)
		read_u256(reader, &out->max_fee);
	else
		out->max_fee = out->max_priority_fee;
	read_u64(reader, &out->gas_limit);
	read_to(reader, out);
	read_u256(reader, &out->value);
	read_string(reader, &out->data);
	if (out->type >= GYR_TXN_ACCESS_LIST)
		read_access_list(reader, out);
	if (out->type == GYR_TXN_BLOB) {
		read_u256(reader, &out->max_blob_fee);
		read_blob_hashes(reader, out);
	}
	if (out->type == GYR_TXN_SET_CODE)
		read_authorizations(reader, out);
}

/* v of a legacy transaction: 27 + parity, or 35 + parity + 2 chain_id (EIP-155). */
static enum gyr_verdict read_legacy_v(struct gyr_txn *out, const struct gyr_u256 *v,
				      const struct gyr_txn_rules *rules)
{
	const struct gyr_u256 base = gyr_u256_from_u64(35);
	struct gyr_u256 chain_id;

	if (gyr_u256_fits_u64(v) && (v->limb[0] == 27 || v->limb[0] == 28)) {
		out->parity = (uint8_t)(v->limb[0] - 27);
		return rules->unprotected_allowed ? GYR_VERDICT_OK : GYR_VERDICT_UNPROTECTED;
	}
	if (gyr_u256_sub(&chain_id, v, &base) || rules->fork < GYR_FORK_SPURIOUS)
		return GYR_VERDICT_SIGNATURE_RANGE;
	out->parity = chain_id.limb[0] & 1;
	gyr_u256_shr(&chain_id, &chain_id, 1);
	if (!gyr_u256_fits_u64(&chain_id) || chain_id.limb[0] != rules->chain_id)
		return GYR_VERDICT_CHAIN_ID;
	out->chain_id = chain_id.limb[0];
	out->is_protected = true;
	return GYR_VERDICT_OK;
}

static void read_signature(struct reader *reader, struct gyr_txn *out,
			   const struct gyr_txn_rules *rules)
{
	struct gyr_u256 v, r, s;

	read_u256(reader, &v);
	read_u256(reader, &r);
	read_u256(reader, &s);
	read_end(reader);
	if (reader->verdict != GYR_VERDICT_OK)
		return;
	if (out->type == GYR_TXN_LEGACY) {
		reader->verdict = read_legacy_v(out, &v, rules);
	} else if (gyr_u256_fits_u64(&v) && v.limb[0] <= 1) {
		out->parity = (uint8_t)v.limb[0];
	} else {
		reader->verdict = GYR_VERDICT_SIGNATURE_RANGE;
	}
	if (reader->verdict != GYR_VERDICT_OK)
		return;
	if (gyr_u256_is_zero(&r) || gyr_u256_is_zero(&s) || !gyr_u256_less(&r, &order) ||
	    !gyr_u256_less(&s, &order))
		reader->verdict = GYR_VERDICT_SIGNATURE_RANGE;
	else if (!rules->high_s_allowed && gyr_u256_less(&order_half, &s))
		reader->verdict = GYR_VERDICT_SIGNATURE_HIGH_S;
	gyr_u256_store_be(out->r, &r);
	gyr_u256_store_be(out->s, &s);
}

/* The type of a raw transaction, by EIP-2718 its first byte. */
static enum gyr_verdict read_type(struct gyr_txn *out, struct gyr_slice raw,
				  const struct gyr_txn_rules *rules)
{
	if (raw.length == 0)
		return GYR_VERDICT_TX_TOO_SHORT;
	if (raw.length > rules->length_max)
		return GYR_VERDICT_TX_TOO_LONG;
	if (raw.data[0] >= 0xc0)
		out->type = GYR_TXN_LEGACY;
	else if (raw.data[0] >= GYR_TXN_ACCESS_LIST && raw.data[0] < GYR_TXN_TYPE_COUNT)
		out->type = (enum gyr_txn_type)raw.data[0];
	else
		return raw.data[0] < 0x80 ? GYR_VERDICT_TX_TYPE_UNKNOWN : GYR_VERDICT_RLP_MALFORMED;
	if ((rules->types >> out->type & 1) != 0)
		return GYR_VERDICT_OK;
	return out->type == GYR_TXN_BLOB ? GYR_VERDICT_TX_TYPE_BLOB
					 : GYR_VERDICT_TX_TYPE_NOT_ACTIVE;
}

enum gyr_verdict gyr_txn_parse(struct gyr_txn *out, struct gyr_slice raw,
			       const struct gyr_txn_rules *rules)
{
	struct reader reader = { .rest = raw, .verdict = GYR_VERDICT_OK };
	enum gyr_verdict verdict;
	struct gyr_slice content;
	size_t type_length;

	memset(out, 0, sizeof *out);
	verdict = read_type(out, raw, rules);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	type_length = out->type == GYR_TXN_LEGACY ? 0 : 1;
	reader.rest.data += type_length;
	reader.rest.length -= type_length;
	if (reader.rest.length == 0)
		return GYR_VERDICT_TX_TOO_SHORT;
	read_list(&reader, &content);
	if (reader.verdict == GYR_VERDICT_OK && reader.rest.length != 0)
		reader.verdict = GYR_VERDICT_RLP_MALFORMED;
	if (reader.verdict != GYR_VERDICT_OK)
		return reader.verdict;

	out->raw = raw;
	reader = reader_over(content);
	read_signed_fields(&reader, out, rules);
	out->fields = (struct gyr_slice){ content.data, content.length - reader.rest.length };
	read_signature(&reader, out, rules);
	return reader.verdict;
}

bool gyr_txn_next_access(struct gyr_txn_access *out, struct gyr_slice *rest)
{
	enum gyr_verdict verdict;

	if (rest->length == 0)
		return false;
	verdict = read_access(out, rest);
	gyr_assert(verdict == GYR_VERDICT_OK && out->slots.length % WORD_STRIDE == 0);
	out->slot_count = (uint32_t)(out->slots.length / WORD_STRIDE);
	return true;
}

const uint8_t *gyr_txn_access_slot(const struct gyr_txn_access *access, uint32_t index)
{
	gyr_assert(index < access->slot_count);
	return access->slots.data + (size_t)index * WORD_STRIDE + 1;
}

bool gyr_txn_next_authorization(struct gyr_txn_authorization *out, struct gyr_slice *rest)
{
	enum gyr_verdict verdict;

	if (rest->length == 0)
		return false;
	verdict = read_authorization(out, rest);
	gyr_assert(verdict == GYR_VERDICT_OK);
	return true;
}

const uint8_t *gyr_txn_blob_hash(const struct gyr_txn *txn, uint32_t index)
{
	gyr_assert(index < txn->blob_hash_count);
	return txn->blob_hashes.data + (size_t)index * WORD_STRIDE + 1;
}
