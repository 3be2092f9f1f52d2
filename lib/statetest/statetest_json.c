/* SPDX-License-Identifier: Apache-2.0 */
#include "statetest_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *digits(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool statetest_hex(uint8_t *out, size_t length, const char *text)
{
	text = digits(text);
	if (strlen(text) != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

uint8_t *statetest_hex_any(size_t *length, const char *text)
{
	size_t count = strlen(digits(text)) / 2;
	uint8_t *bytes = malloc(count + 1);

	if (bytes != NULL && !statetest_hex(bytes, count, text)) {
		free(bytes);
		return NULL;
	}
	*length = count;
	return bytes;
}

bool statetest_u256(struct gyr_u256 *out, const char *text)
{
	uint8_t bytes[32] = { 0 };
	size_t length, at = 64;

	text = digits(text);
	while (*text == '0')
		text++;
	length = strlen(text);
	if (length > 64)
		return false;
	while (length-- > 0) {
		int value = nibble(text[length]);

		if (value < 0)
			return false;
		at--;
		bytes[at / 2] |= (uint8_t)(at % 2 == 0 ? value << 4 : value);
	}
	gyr_u256_load_be(out, bytes);
	return true;
}

bool statetest_u64(uint64_t *out, const char *text)
{
	struct gyr_u256 wide;

	if (!statetest_u256(&wide, text) || !gyr_u256_fits_u64(&wide))
		return false;
	*out = wide.limb[0];
	return true;
}

static const char *text_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool read_storage(struct statetest_account *account, json_t *storage)
{
	const char *key;
	json_t *value;

	account->slots = calloc(json_object_size(storage) + 1, sizeof *account->slots);
	if (account->slots == NULL)
		return false;
	json_object_foreach(storage, key, value)
	{
		struct statetest_slot *slot = &account->slots[account->slot_count++];
		const char *text = json_string_value(value);

		if (text == NULL || !statetest_u256(&slot->key, key) ||
		    !statetest_u256(&slot->value, text))
			return false;
	}
	return true;
}

static bool read_account(struct statetest_account *account, const char *address, json_t *given)
{
	const char *nonce = text_of(given, "nonce"), *balance = text_of(given, "balance");
	const char *code = text_of(given, "code");

	if (nonce == NULL || balance == NULL || code == NULL)
		return false;
	account->code = statetest_hex_any(&account->code_length, code);
	return account->code != NULL && statetest_hex(account->address.bytes, 20, address) &&
	       statetest_u64(&account->nonce, nonce) &&
	       statetest_u256(&account->balance, balance) &&
	       read_storage(account, json_object_get(given, "storage"));
}

static bool optional_u64(uint64_t *out, json_t *object, const char *key)
{
	const char *text = text_of(object, key);

	return text == NULL || statetest_u64(out, text);
}

static bool read_block(struct gyr_stf_block *block, json_t *env)
{
	const char *recipient = text_of(env, "currentCoinbase");
	const char *random = text_of(env, "currentRandom");
	const char *difficulty = text_of(env, "currentDifficulty");
	struct gyr_u256 word = gyr_u256_from_u64(0);

	*block = (struct gyr_stf_block){ .standalone = true };
	if (recipient == NULL || !statetest_hex(block->fee_recipient.bytes, 20, recipient))
		return false;
	if ((random != NULL && !statetest_u256(&word, random)) ||
	    (difficulty != NULL && !statetest_u256(&block->difficulty, difficulty)))
		return false;
	gyr_u256_store_be(block->prev_randao.bytes, &word);
	return optional_u64(&block->number, env, "currentNumber") &&
	       optional_u64(&block->timestamp, env, "currentTimestamp") &&
	       optional_u64(&block->gas_limit, env, "currentGasLimit") &&
	       optional_u64(&block->base_fee, env, "currentBaseFee") &&
	       optional_u64(&block->excess_blob_gas, env, "currentExcessBlobGas");
}

bool statetest_case_read(struct statetest_case *out, json_t *test)
{
	json_t *pre = json_object_get(test, "pre"), *config = json_object_get(test, "config");
	const char *sender = text_of(json_object_get(test, "transaction"), "sender");
	const char *address;
	json_t *account;

	out->post = json_object_get(test, "post");
	out->blob_schedule = json_object_get(config, "blobSchedule");
	out->chain_id = 1;
	out->accounts = calloc(json_object_size(pre) + 1, sizeof *out->accounts);
	if (out->accounts == NULL || !json_is_object(out->post) || sender == NULL ||
	    !statetest_hex(out->sender.bytes, 20, sender) ||
	    !optional_u64(&out->chain_id, config, "chainid") ||
	    !read_block(&out->block, json_object_get(test, "env")))
		return false;
	json_object_foreach(pre, address,
			    account) if (!read_account(&out->accounts[out->account_count++],
						       address, account)) return false;
	return true;
}

void statetest_case_free(struct statetest_case *test)
{
	for (size_t i = 0; test->accounts != NULL && i < test->account_count; i++) {
		free(test->accounts[i].code);
		free(test->accounts[i].slots);
	}
	free(test->accounts);
	test->accounts = NULL;
}

bool statetest_post_read(struct statetest_post *out, const char *fork, json_t *post)
{
	json_t *indexes = json_object_get(post, "indexes");
	const char *root = text_of(post, "hash"), *logs = text_of(post, "logs");
	const char *tx = text_of(post, "txbytes");

	out->fork_name = fork;
	out->exception = text_of(post, "expectException");
	out->data = (unsigned)json_integer_value(json_object_get(indexes, "data"));
	out->gas = (unsigned)json_integer_value(json_object_get(indexes, "gas"));
	out->value = (unsigned)json_integer_value(json_object_get(indexes, "value"));
	if (!gyr_fork_by_name(&out->fork, fork, strlen(fork)) || root == NULL || logs == NULL ||
	    tx == NULL || !statetest_hex(out->root.bytes, 32, root) ||
	    !statetest_hex(out->logs.bytes, 32, logs))
		return false;
	out->tx = statetest_hex_any(&out->tx_length, tx);
	return out->tx != NULL;
}
