/* SPDX-License-Identifier: Apache-2.0 */
/* Alloc, env and transactions out of JSON. */
#include "transition_internal.h"

#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"

static bool decimal_u256(struct gyr_u256 *out, const char *text)
{
	struct gyr_u256 value = gyr_u256_from_u64(0);

	if (*text == 0)
		return false;
	for (; *text != 0; text++) {
		struct gyr_u256 digit = gyr_u256_from_u64((uint64_t)(*text - '0'));

		if (*text < '0' || *text > '9' || gyr_u256_mul_u64(&value, &value, 10) ||
		    gyr_u256_add(&value, &value, &digit))
			return false;
	}
	*out = value;
	return true;
}

bool transition_u256(struct gyr_u256 *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return false;
		*out = gyr_u256_from_u64((uint64_t)json_integer_value(value));
		return true;
	}
	if (text == NULL)
		return false;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return statetest_u256(out, text);
	return decimal_u256(out, text);
}

bool transition_u64(uint64_t *out, const json_t *value)
{
	struct gyr_u256 wide;

	if (!transition_u256(&wide, value) || !gyr_u256_fits_u64(&wide))
		return false;
	*out = wide.limb[0];
	return true;
}

bool transition_bytes(uint8_t *out, size_t length, const json_t *value)
{
	const char *text = json_string_value(value);

	return text != NULL && statetest_hex(out, length, text);
}

static bool read_slots(struct gyr_stf *stf, const struct gyr_address *address, json_t *storage)
{
	const char *key;
	json_t *value;

	json_object_foreach(storage, key, value)
	{
		const char *text = json_string_value(value);
		struct gyr_u256 slot, word;

		if (text == NULL || !statetest_u256(&slot, key) || !statetest_u256(&word, text))
			return false;
		if (!gyr_u256_is_zero(&word) && !gyr_stf_genesis_slot(stf, address, &slot, &word))
			return false;
	}
	return true;
}

static bool read_account(struct gyr_stf *stf, const char *name, json_t *given)
{
	json_t *nonce = json_object_get(given, "nonce"), *code = json_object_get(given, "code");
	json_t *balance = json_object_get(given, "balance");
	struct gyr_u256 wei = gyr_u256_from_u64(0);
	struct gyr_slice slice = { NULL, 0 };
	struct gyr_address address;
	uint64_t count = 0;
	uint8_t *bytes = NULL;
	bool good;

	if (!statetest_hex(address.bytes, sizeof address.bytes, name) ||
	    (nonce != NULL && !transition_u64(&count, nonce)) ||
	    (balance != NULL && !transition_u256(&wei, balance)))
		return false;
	if (code != NULL) {
		if (!json_is_string(code))
			return false;
		bytes = statetest_hex_any(&slice.length, json_string_value(code));
		if (bytes == NULL)
			return false;
		slice.data = bytes;
	}
	good = gyr_stf_genesis_account(stf, &address, count, &wei, slice) &&
	       read_slots(stf, &address, json_object_get(given, "storage"));
	free(bytes);
	return good;
}

int transition_read_alloc(struct gyr_transition *transition, json_t *alloc)
{
	const char *name;
	json_t *account;

	if (!json_is_object(alloc))
		GYR_FAIL(GYR_ERR_DATA, "alloc is missing or no object");
	json_object_foreach(alloc, name,
			    account) if (!read_account(transition->job.stf, name, account))
		GYR_FAIL(GYR_ERR_DATA, "alloc: account %s cannot be read, or is one too many",
			 name);
	return 0;
}

/* A field that may be absent; false when it is there and off. */
static bool optional(bool *present, uint64_t *out, const json_t *env, const char *name)
{
	const json_t *value = json_object_get(env, name);

	*present = value != NULL && !json_is_null(value);
	return !*present || transition_u64(out, value);
}

static int read_hashes(struct transition_env *env, json_t *hashes)
{
	const char *number;
	json_t *hash;

	env->hashes = calloc(json_object_size(hashes) + 1, sizeof *env->hashes);
	if (env->hashes == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for block hashes");
	json_object_foreach(hashes, number, hash)
	{
		struct transition_block_hash *entry = &env->hashes[env->hash_count++];
		json_t *text = json_string(number);
		bool good = text != NULL && transition_u64(&entry->number, text) &&
			    transition_bytes(entry->hash.bytes, 32, hash);

		json_decref(text);
		if (!good)
			GYR_FAIL(GYR_ERR_DATA, "env: blockHashes: %s is off", number);
	}
	return 0;
}

/* Numbers of env that may be absent, and whether they were there. */
static int read_numbers(struct transition_env *out, const json_t *env)
{
	bool ignored;
	const struct {
		const char *name;
		uint64_t *to;
		bool *present;
	} fields[] = {
		{ "currentNumber", &out->block.number, &ignored },
		{ "currentTimestamp", &out->block.timestamp, &ignored },
		{ "currentGasLimit", &out->block.gas_limit, &ignored },
		{ "currentBaseFee", &out->block.base_fee, &out->has_base_fee },
		{ "currentExcessBlobGas", &out->block.excess_blob_gas, &out->has_excess_blob_gas },
		{ "parentBaseFee", &out->parent.base_fee, &ignored },
		{ "parentGasUsed", &out->parent.gas_used, &ignored },
		{ "parentGasLimit", &out->parent.gas_limit, &ignored },
		{ "parentTimestamp", &out->parent.timestamp, &ignored },
		{ "parentExcessBlobGas", &out->parent.excess_blob_gas, &ignored },
		{ "parentBlobGasUsed", &out->parent.blob_gas_used, &ignored },
	};

	for (size_t i = 0; i < GYR_COUNT(fields); i++)
		if (!optional(fields[i].present, fields[i].to, env, fields[i].name))
			GYR_FAIL(GYR_ERR_DATA, "env: %s is off", fields[i].name);
	if (json_object_get(env, "currentNumber") == NULL ||
	    json_object_get(env, "currentTimestamp") == NULL ||
	    json_object_get(env, "currentGasLimit") == NULL)
		GYR_FAIL(GYR_ERR_DATA, "env: currentNumber, -Timestamp or -GasLimit is missing");
	if (out->block.gas_limit > INT64_MAX)
		GYR_FAIL(GYR_ERR_DATA, "env: currentGasLimit is off");
	return 0;
}

int transition_read_env(struct gyr_transition *transition, const json_t *env)
{
	struct transition_env *out = &transition->env;
	struct gyr_u256 random = gyr_u256_from_u64(0);
	json_t *value;

	*out = (struct transition_env){ .block = { .standalone = true, .system_calls = true } };
	if (!json_is_object(env))
		GYR_FAIL(GYR_ERR_DATA, "env is missing or no object");
	GYR_TRY(read_numbers(out, env));
	if (!transition_bytes(out->block.fee_recipient.bytes, 20,
			      json_object_get(env, "currentCoinbase")))
		GYR_FAIL(GYR_ERR_DATA, "env: currentCoinbase is off");
	value = json_object_get(env, "currentRandom");
	out->has_random = value != NULL && !json_is_null(value);
	if (out->has_random && !transition_u256(&random, value))
		GYR_FAIL(GYR_ERR_DATA, "env: currentRandom is off");
	gyr_u256_store_be(out->block.prev_randao.bytes, &random);
	value = json_object_get(env, "currentDifficulty");
	out->has_difficulty = value != NULL && !json_is_null(value);
	if (out->has_difficulty && !transition_u256(&out->block.difficulty, value))
		GYR_FAIL(GYR_ERR_DATA, "env: currentDifficulty is off");
	value = json_object_get(env, "parentBeaconBlockRoot");
	if (value != NULL && !json_is_null(value) &&
	    !transition_bytes(out->block.parent_beacon_root.bytes, 32, value))
		GYR_FAIL(GYR_ERR_DATA, "env: parentBeaconBlockRoot is off");
	if (json_array_size(json_object_get(env, "withdrawals")) != 0 ||
	    json_array_size(json_object_get(env, "ommers")) != 0)
		GYR_FAIL(GYR_ERR_CONFIG, "env: withdrawals and ommers are not served");
	return read_hashes(out, json_object_get(env, "blockHashes"));
}

void transition_env_free(struct transition_env *env)
{
	free(env->hashes);
	env->hashes = NULL;
}

static bool add_raw(struct transition_tx *out, struct gyr_slice raw)
{
	out->raw = malloc(raw.length + 1);
	if (out->raw == NULL)
		return false;
	memcpy(out->raw, raw.data, raw.length);
	out->length = raw.length;
	return true;
}

/* The list of a block's body: a legacy transaction is a list in it, a typed one a string. */
static int read_rlp(struct transition_txs *out, const char *text)
{
	struct gyr_slice all, rest, items;
	struct gyr_rlp_item item;
	uint8_t *bytes = statetest_hex_any(&all.length, text);
	bool good = bytes != NULL;

	all.data = bytes;
	if (good && all.length > 0) {
		rest = all;
		good = gyr_rlp_next_list(&items, &rest) == GYR_VERDICT_OK && rest.length == 0;
		for (rest = items; good && rest.length > 0; out->count++)
			good = gyr_rlp_next(&item, &rest) == GYR_VERDICT_OK;
		out->list = calloc(out->count + 1, sizeof *out->list);
		good = good && out->list != NULL;
		out->count = 0;
		for (rest = items; good && rest.length > 0; out->count++)
			good = gyr_rlp_next(&item, &rest) == GYR_VERDICT_OK &&
			       add_raw(&out->list[out->count],
				       item.is_list ? item.raw : item.content);
	}
	free(bytes);
	if (!good)
		GYR_FAIL(GYR_ERR_DATA, "txs: the RLP is no list of transactions");
	return 0;
}

int transition_read_txs(struct gyr_transition *transition, json_t *txs)
{
	struct transition_txs *out = &transition->txs;
	json_t *object;
	size_t index;

	*out = (struct transition_txs){ .count = 0 };
	if (json_is_string(txs))
		return read_rlp(out, json_string_value(txs));
	if (!json_is_array(txs))
		GYR_FAIL(GYR_ERR_DATA, "txs is missing, and neither an array nor a string");
	out->list = calloc(json_array_size(txs) + 1, sizeof *out->list);
	if (out->list == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for transactions");
	json_array_foreach(txs, index, object)
	{
		out->count++;
		if (!transition_encode_tx(transition, &out->list[index], object))
			GYR_FAIL(GYR_ERR_DATA, "txs: transaction %zu: a field is missing or off",
				 index);
	}
	return 0;
}

void transition_txs_free(struct transition_txs *txs)
{
	for (size_t i = 0; txs->list != NULL && i < txs->count; i++)
		free(txs->list[i].raw);
	free(txs->list);
	*txs = (struct transition_txs){ .list = NULL };
}
