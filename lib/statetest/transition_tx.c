/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction object of t8n's input to the bytes that its sender would have sent. */
#include "transition_internal.h"

#include <stdlib.h>
#include <string.h>

#include "gyr_secp.h"

static const json_t *first_of(const json_t *object, const char *a, const char *b)
{
	const json_t *value = json_object_get(object, a);

	if (value == NULL || json_is_null(value))
		value = json_object_get(object, b);
	return value == NULL || json_is_null(value) ? NULL : value;
}

static bool optional_u64(uint64_t *out, const json_t *value)
{
	return value == NULL || transition_u64(out, value);
}

static bool optional_u256(struct gyr_u256 *out, const json_t *value)
{
	return value == NULL || transition_u256(out, value);
}

static bool read_type(enum gyr_txn_type *out, const json_t *object)
{
	static const struct {
		const char *name;
		enum gyr_txn_type type;
	} signs[] = {
		{ "authorizationList", GYR_TXN_SET_CODE },
		{ "blobVersionedHashes", GYR_TXN_BLOB },
		{ "maxFeePerGas", GYR_TXN_DYNAMIC_FEE },
		{ "maxPriorityFeePerGas", GYR_TXN_DYNAMIC_FEE },
		{ "accessList", GYR_TXN_ACCESS_LIST },
	};
	const json_t *given = first_of(object, "type", "ty");
	uint64_t number = 0;

	*out = GYR_TXN_LEGACY;
	if (given != NULL) {
		if (!transition_u64(&number, given) || number >= GYR_TXN_TYPE_COUNT)
			return false;
		*out = (enum gyr_txn_type)number;
		return true;
	}
	for (size_t i = 0; i < GYR_COUNT(signs); i++)
		if (first_of(object, signs[i].name, signs[i].name) != NULL) {
			*out = signs[i].type;
			return true;
		}
	return true;
}

/* Lists grow in a buffer of their own that txn's slices point into. */
struct lists {
	uint8_t *access, *authorizations, *hashes, *data;
};

static bool read_access(struct gyr_txn *txn, struct lists *lists, json_t *list)
{
	size_t size = 1, index, slot;
	struct gyr_rlp_writer writer;
	json_t *entry, *key;

	json_array_foreach(list, index, entry) size += gyr_txn_encode_access_length(
		json_array_size(json_object_get(entry, "storageKeys")));
	lists->access = malloc(size);
	if (lists->access == NULL)
		return false;
	writer = gyr_rlp_writer_over(lists->access, size);
	json_array_foreach(list, index, entry)
	{
		json_t *keys = json_object_get(entry, "storageKeys");
		struct gyr_hash *slots = calloc(json_array_size(keys) + 1, sizeof *slots);
		struct gyr_address address;
		bool good = slots != NULL &&
			    transition_bytes(address.bytes, 20, json_object_get(entry, "address"));

		json_array_foreach(keys, slot, key)
			good = good && transition_bytes(slots[slot].bytes, 32, key);
		if (good)
			gyr_txn_encode_access(&writer, &address, slots, json_array_size(keys));
		free(slots);
		if (!good)
			return false;
	}
	txn->access_list = (struct gyr_slice){ lists->access, (size_t)(writer.at - lists->access) };
	return true;
}

static bool number_bytes(uint8_t out[32], const json_t *value)
{
	struct gyr_u256 number = gyr_u256_from_u64(0);

	if (!optional_u256(&number, value))
		return false;
	gyr_u256_store_be(out, &number);
	return true;
}

static bool read_authorization(struct gyr_txn_authorization *out, const json_t *entry)
{
	uint64_t parity = 0;

	*out = (struct gyr_txn_authorization){ .nonce = 0 };
	if (!optional_u256(&out->chain_id, json_object_get(entry, "chainId")) ||
	    !transition_bytes(out->address.bytes, 20, json_object_get(entry, "address")) ||
	    !optional_u64(&out->nonce, json_object_get(entry, "nonce")) ||
	    !optional_u64(&parity, first_of(entry, "yParity", "v")) || parity > 255 ||
	    !number_bytes(out->r, json_object_get(entry, "r")) ||
	    !number_bytes(out->s, json_object_get(entry, "s")))
		return false;
	out->parity = (uint8_t)parity;
	return true;
}

static bool read_authorizations(struct gyr_txn *txn, struct lists *lists, json_t *list)
{
	struct gyr_txn_authorization tuple;
	struct gyr_rlp_writer writer;
	size_t size = 1, index;
	json_t *entry;

	json_array_foreach(list, index, entry)
	{
		if (!read_authorization(&tuple, entry))
			return false;
		size += gyr_txn_encode_authorization_length(&tuple);
	}
	lists->authorizations = malloc(size);
	if (lists->authorizations == NULL)
		return false;
	writer = gyr_rlp_writer_over(lists->authorizations, size);
	json_array_foreach(list, index, entry)
	{
		(void)read_authorization(&tuple, entry);
		gyr_txn_encode_authorization(&writer, &tuple);
	}
	txn->authorizations = (struct gyr_slice){ lists->authorizations,
						  (size_t)(writer.at - lists->authorizations) };
	return true;
}

static bool read_blob_hashes(struct gyr_txn *txn, struct lists *lists, json_t *list)
{
	size_t size = 33 * json_array_size(list) + 1, index;
	struct gyr_rlp_writer writer;
	uint8_t hash[32];
	json_t *entry;

	lists->hashes = malloc(size);
	if (lists->hashes == NULL)
		return false;
	writer = gyr_rlp_writer_over(lists->hashes, size);
	json_array_foreach(list, index, entry)
	{
		if (!transition_bytes(hash, sizeof hash, entry))
			return false;
		gyr_rlp_put_string(&writer, hash, sizeof hash);
	}
	txn->blob_hashes = (struct gyr_slice){ lists->hashes, (size_t)(writer.at - lists->hashes) };
	return true;
}

static bool read_lists(struct gyr_txn *txn, struct lists *lists, json_t *object)
{
	const json_t *data = first_of(object, "input", "data");

	if (data != NULL) {
		if (!json_is_string(data))
			return false;
		lists->data = statetest_hex_any(&txn->data.length, json_string_value(data));
		if (lists->data == NULL)
			return false;
		txn->data.data = lists->data;
	}
	return read_access(txn, lists, json_object_get(object, "accessList")) &&
	       read_authorizations(txn, lists, json_object_get(object, "authorizationList")) &&
	       read_blob_hashes(txn, lists, json_object_get(object, "blobVersionedHashes"));
}

static bool read_fields(struct gyr_txn *txn, const json_t *object)
{
	const json_t *to = json_object_get(object, "to");

	txn->is_create = to == NULL || json_is_null(to) ||
			 (json_is_string(to) && json_string_length(to) <= 2);
	if (!txn->is_create && !transition_bytes(txn->to.bytes, 20, to))
		return false;
	if (!optional_u256(&txn->max_fee, first_of(object, "maxFeePerGas", "gasPrice")) ||
	    !optional_u256(&txn->max_priority_fee,
			   first_of(object, "maxPriorityFeePerGas", "gasPrice")) ||
	    !optional_u256(&txn->max_blob_fee, json_object_get(object, "maxFeePerBlobGas")))
		return false;
	return optional_u64(&txn->nonce, first_of(object, "nonce", "nonce")) &&
	       optional_u64(&txn->gas_limit, first_of(object, "gas", "gasLimit")) &&
	       optional_u256(&txn->value, first_of(object, "value", "value"));
}

/* v, r and s as they stand in the transaction; a legacy v also tells the chain id. */
static bool read_signature(struct gyr_txn *txn, const json_t *object)
{
	uint64_t v = 0;

	if (!optional_u64(&v, first_of(object, "v", "yParity")) ||
	    !number_bytes(txn->r, first_of(object, "r", "r")) ||
	    !number_bytes(txn->s, first_of(object, "s", "s")))
		return false;
	if (txn->type != GYR_TXN_LEGACY) {
		txn->parity = (uint8_t)v;
		return v <= 1;
	}
	txn->is_protected = v >= 35;
	txn->chain_id = v >= 35 ? (v - 35) / 2 : 0;
	txn->parity = (uint8_t)(v >= 35 ? (v - 35) % 2 : v - 27);
	return v >= 35 || v == 27 || v == 28;
}

static bool sign(struct gyr_txn *txn, const json_t *secret, uint8_t *scratch, size_t size,
		 const struct gyr_keccak_ops *keccak)
{
	uint8_t key[32];
	struct gyr_hash hash;

	if (!transition_bytes(key, sizeof key, secret))
		return false;
	keccak->hash(&hash, scratch, gyr_txn_encode_payload(scratch, size, txn));
	return gyr_secp_sign(txn->r, txn->s, &txn->parity, hash.bytes, key);
}

static bool encode(struct gyr_transition *transition, struct transition_tx *out, json_t *object,
		   struct lists *lists)
{
	const json_t *secret = first_of(object, "secretKey", "secretKey");
	const json_t *is_protected = json_object_get(object, "protected");
	struct gyr_txn txn = { .chain_id = transition->options.chain_id, .is_protected = true };
	size_t size;

	if (!json_is_object(object) || !read_type(&txn.type, object) ||
	    !optional_u64(&txn.chain_id, first_of(object, "chainId", "chainId")) ||
	    !read_fields(&txn, object) || !read_lists(&txn, lists, object))
		return false;
	if (secret == NULL && !read_signature(&txn, object))
		return false;
	if (secret != NULL && txn.type == GYR_TXN_LEGACY && json_is_false(is_protected)) {
		txn.is_protected = false;
		txn.chain_id = 0;
	}
	size = gyr_txn_encode_length_max(&txn);
	out->raw = malloc(size);
	if (out->raw == NULL ||
	    (secret != NULL && !sign(&txn, secret, out->raw, size, transition->options.keccak)))
		return false;
	out->length = gyr_txn_encode(out->raw, size, &txn);
	return true;
}

bool transition_encode_tx(struct gyr_transition *transition, struct transition_tx *out,
			  json_t *object)
{
	struct lists lists = { .access = NULL };
	bool good = encode(transition, out, object, &lists);

	free(lists.access);
	free(lists.authorizations);
	free(lists.hashes);
	free(lists.data);
	return good;
}
