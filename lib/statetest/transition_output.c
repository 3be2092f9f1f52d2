/* SPDX-License-Identifier: Apache-2.0 */
/* What a block left behind, as t8n's JSON. */
#include "transition_internal.h"

#include <stdlib.h>
#include <string.h>

#define LIST_SCRATCH 65536

json_t *transition_hex(const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;
	char *text = malloc(2 * length + 3);
	json_t *value;

	if (text == NULL)
		return NULL;
	text[0] = '0';
	text[1] = 'x';
	for (size_t i = 0; i < length; i++) {
		text[2 + 2 * i] = digits[from[i] >> 4];
		text[3 + 2 * i] = digits[from[i] & 15];
	}
	value = json_stringn_nocheck(text, 2 * length + 2);
	free(text);
	return value;
}

json_t *transition_number(uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
	return json_string_nocheck(text);
}

static json_t *wide_number(const struct gyr_u256 *number)
{
	char text[72];
	int top = 3, at;

	while (top > 0 && number->limb[top] == 0)
		top--;
	at = snprintf(text, sizeof text, "0x%llx", (unsigned long long)number->limb[top]);
	while (top-- > 0)
		at += snprintf(text + at, sizeof text - (size_t)at, "%016llx",
			       (unsigned long long)number->limb[top]);
	return json_string_nocheck(text);
}

static json_t *word(const struct gyr_u256 *number)
{
	uint8_t bytes[32];

	gyr_u256_store_be(bytes, number);
	return transition_hex(bytes, sizeof bytes);
}

static json_t *log_json(const struct gyr_transition *transition, const struct gyr_evm_log *log,
			const struct gyr_hash *tx, size_t tx_index)
{
	struct gyr_slice data = gyr_stf_log_data(transition->job.stf, log);
	json_t *topics = json_array();

	for (uint32_t i = 0; i < log->topic_count; i++)
		if (json_array_append_new(topics, transition_hex(log->topics[i].bytes, 32)) != 0)
			break;
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "address", transition_hex(log->address.bytes, 20),
		"topics", topics, "data", transition_hex(data.data, data.length), "blockNumber",
		transition_number(transition->env.block.number), "transactionHash",
		transition_hex(tx->bytes, 32), "transactionIndex", transition_number(tx_index));
}

json_t *transition_receipt(struct gyr_transition *transition, const struct gyr_txn *txn,
			   const struct gyr_stf_receipt *receipt, size_t index)
{
	size_t place = json_array_size(transition->receipts);
	static const struct gyr_address none;
	json_t *object, *logs = json_array();
	struct gyr_hash hash;

	(void)index;
	gyr_txn_hash(&hash, txn, transition->options.keccak);
	for (uint32_t i = 0; i < receipt->log_count; i++)
		if (json_array_append_new(
			    logs, log_json(transition, &receipt->logs[i], &hash, place)) != 0)
			break;
	object = json_pack(
		"{s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "type",
		transition_number(receipt->type), "root", "0x", "status",
		receipt->success ? "0x1" : "0x0", "cumulativeGasUsed",
		transition_number(receipt->gas_used_cumulative), "logsBloom",
		transition_hex(receipt->bloom, sizeof receipt->bloom), "logs", logs,
		"transactionHash", transition_hex(hash.bytes, 32), "contractAddress",
		transition_hex(txn->is_create ? receipt->contract_address.bytes : none.bytes, 20),
		"gasUsed", transition_number(receipt->gas_used), "effectiveGasPrice",
		wide_number(&receipt->gas_price), "transactionIndex", transition_number(place));
	if (object != NULL && transition->options.with_output)
		(void)json_object_set_new(
			object, "output",
			transition_hex(receipt->output.data, receipt->output.length));
	return object;
}

static struct gyr_slice tx_value(void *context, size_t index)
{
	const struct gyr_stf_block_output *output = context;

	return (struct gyr_slice){ output->tx_bytes + output->txs[index].tx_offset,
				   output->txs[index].tx_length };
}

static struct gyr_slice receipt_value(void *context, size_t index)
{
	const struct gyr_stf_block_output *output = context;

	return (struct gyr_slice){ output->receipt_bytes + output->txs[index].receipt_offset,
				   output->txs[index].receipt_length };
}

static json_t *list_root(struct gyr_transition *transition, gyr_trie_list_value *value)
{
	uint8_t *scratch = malloc(LIST_SCRATCH);
	struct gyr_hash root;
	json_t *text;

	if (scratch == NULL)
		return NULL;
	gyr_trie_list_root(&root, value, transition->output, transition->output->tx_count, scratch,
			   LIST_SCRATCH, transition->options.keccak);
	text = transition_hex(root.bytes, 32);
	free(scratch);
	return text;
}

static json_t *state_root(struct gyr_transition *transition)
{
	struct statetest_job *job = &transition->job;
	struct gyr_state_cursor cursor = { 0, 0 };

	gyr_stf_root_reset(job->root);
	while (gyr_state_export(gyr_stf_state(job->stf), &cursor, &job->writes))
		if (!gyr_stf_root_apply(job->root, &job->writes))
			return NULL;
	return transition_hex(gyr_stf_root_state(job->root)->bytes, 32);
}

/* The logs' items out of an encoded receipt: its fourth field. */
static struct gyr_slice logs_of(struct gyr_slice receipt)
{
	struct gyr_slice items, field = { NULL, 0 };
	bool good;

	if (receipt.data[0] < 0x80) {
		receipt.data++;
		receipt.length--;
	}
	good = gyr_rlp_next_list(&items, &receipt) == GYR_VERDICT_OK;
	for (int i = 0; i < 3; i++)
		good = good && gyr_rlp_next_string(&field, &items) == GYR_VERDICT_OK;
	good = good && gyr_rlp_next_list(&field, &items) == GYR_VERDICT_OK;
	gyr_assert(good);
	return field;
}

/* Keccak of the RLP of all logs of the block, as geth has it. */
static json_t *logs_hash(struct gyr_transition *transition)
{
	struct gyr_stf_block_output *output = transition->output;
	uint8_t head[GYR_RLP_HEADER_MAX];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(head, sizeof head);
	struct gyr_keccak keccak;
	struct gyr_hash hash;
	size_t length = 0;

	for (uint32_t i = 0; i < output->tx_count; i++)
		length += logs_of(receipt_value(output, i)).length;
	gyr_rlp_put_list(&writer, length);
	gyr_keccak_init(&keccak);
	gyr_keccak_update(&keccak, head, (size_t)(writer.at - head));
	for (uint32_t i = 0; i < output->tx_count; i++) {
		struct gyr_slice logs = logs_of(receipt_value(output, i));

		gyr_keccak_update(&keccak, logs.data, logs.length);
	}
	gyr_keccak_final(&keccak, &hash);
	return transition_hex(hash.bytes, 32);
}

static json_t *difficulty(const struct gyr_transition *transition)
{
	if (transition->fork >= GYR_FORK_PARIS)
		return json_null();
	return wide_number(&transition->env.block.difficulty);
}

/* Fields that came with later forks; geth leaves them out before. */
static bool add_fork_fields(struct gyr_transition *transition, json_t *result)
{
	static const uint8_t no_requests[32] = {
		0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
		0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
		0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
	};
	const struct gyr_stf_block_output *output = transition->output;
	enum gyr_fork fork = transition->fork;
	int bad = 0;

	if (fork >= GYR_FORK_LONDON)
		bad |= json_object_set_new(result, "currentBaseFee",
					   transition_number(output->base_fee));
	if (fork >= GYR_FORK_SHANGHAI)
		bad |= json_object_set_new(result, "withdrawalsRoot",
					   transition_hex(gyr_keccak_empty_trie.bytes, 32));
	if (fork >= GYR_FORK_CANCUN) {
		bad |= json_object_set_new(result, "currentExcessBlobGas",
					   transition_number(output->excess_blob_gas));
		bad |= json_object_set_new(result, "blobGasUsed",
					   transition_number(output->blob_gas_used));
	}
	if (fork >= GYR_FORK_PRAGUE) {
		bad |= json_object_set_new(result, "requestsHash",
					   transition_hex(no_requests, sizeof no_requests));
		bad |= json_object_set_new(result, "requests", json_array());
	}
	return bad == 0;
}

json_t *transition_result(struct gyr_transition *transition)
{
	const struct gyr_stf_block_output *output = transition->output;
	json_t *result;

	result = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:O, s:O, s:o, s:o}", "stateRoot",
		state_root(transition), "txRoot", list_root(transition, tx_value), "receiptsRoot",
		list_root(transition, receipt_value), "logsHash", logs_hash(transition),
		"logsBloom", transition_hex(output->bloom, sizeof output->bloom), "receipts",
		transition->receipts, "rejected", transition->rejected, "currentDifficulty",
		difficulty(transition), "gasUsed", transition_number(output->gas_used));
	if (result != NULL && !add_fork_fields(transition, result)) {
		json_decref(result);
		return NULL;
	}
	return result;
}

/* The account's object, made where there was none: an export gives its parts apart. */
static json_t *account_object(json_t *alloc, const struct gyr_address *address)
{
	json_t *name = transition_hex(address->bytes, 20);
	json_t *object = json_object_get(alloc, json_string_value(name));

	if (object == NULL) {
		object = json_object();
		(void)json_object_set_new(alloc, json_string_value(name), object);
	}
	json_decref(name);
	return object;
}

static void add_account(struct gyr_transition *transition, json_t *alloc,
			const struct gyr_write_account *account)
{
	const struct gyr_write_set *writes = &transition->job.writes;
	json_t *object = account_object(alloc, &account->address);
	struct gyr_slice code = gyr_stf_code_read(transition->job.stf, &account->address);
	json_t *storage = json_object_get(object, "storage");

	(void)json_object_set_new(object, "balance", wide_number(&account->balance));
	if (account->nonce != 0)
		(void)json_object_set_new(object, "nonce", transition_number(account->nonce));
	if (code.length != 0)
		(void)json_object_set_new(object, "code", transition_hex(code.data, code.length));
	if (account->slot_count != 0 && storage == NULL) {
		storage = json_object();
		(void)json_object_set_new(object, "storage", storage);
	}
	for (uint32_t i = 0; i < account->slot_count; i++) {
		const struct gyr_write_slot *slot = &writes->slots[account->slot_first + i];
		json_t *key = word(&slot->key);

		(void)json_object_set_new(storage, json_string_value(key), word(&slot->value));
		json_decref(key);
	}
}

json_t *transition_alloc(struct gyr_transition *transition)
{
	struct statetest_job *job = &transition->job;
	struct gyr_state_cursor cursor = { 0, 0 };
	json_t *alloc = json_object();

	while (gyr_state_export(gyr_stf_state(job->stf), &cursor, &job->writes))
		for (uint32_t i = 0; i < job->writes.account_count; i++)
			add_account(transition, alloc, &job->writes.accounts[i]);
	return alloc;
}

json_t *transition_body(struct gyr_transition *transition)
{
	struct gyr_stf_block_output *output = transition->output;
	struct gyr_rlp_writer writer;
	size_t length = 0, size;
	uint8_t *bytes;
	json_t *text;

	for (uint32_t i = 0; i < output->tx_count; i++) {
		struct gyr_slice tx = tx_value(output, i);

		length += tx.data[0] < 0x80 ? gyr_rlp_length_string(tx.data, tx.length) : tx.length;
	}
	size = gyr_rlp_length_list(length);
	bytes = malloc(size);
	if (bytes == NULL)
		return NULL;
	writer = gyr_rlp_writer_over(bytes, size);
	gyr_rlp_put_list(&writer, length);
	for (uint32_t i = 0; i < output->tx_count; i++) {
		struct gyr_slice tx = tx_value(output, i);

		if (tx.data[0] < 0x80)
			gyr_rlp_put_string(&writer, tx.data, tx.length);
		else
			gyr_rlp_put_raw(&writer, tx.data, tx.length);
	}
	text = transition_hex(bytes, size);
	free(bytes);
	return text;
}
