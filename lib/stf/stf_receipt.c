/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

#include "gyr_rlp.h"

struct gyr_slice gyr_stf_log_data(const struct gyr_stf *stf, const struct gyr_evm_log *log)
{
	return (struct gyr_slice){ .data = stf->state.log_bytes + log->data_offset,
				   .length = log->data_length };
}

/* Yellow Paper, equation 30: three of the 2048 bits, by the hash's first three pairs of bytes. */
static void add_to_bloom(const struct gyr_stf *stf, uint8_t bloom[256], const uint8_t *bytes,
			 size_t length)
{
	struct gyr_hash hash;

	stf->keccak->hash(&hash, bytes, length);
	for (int i = 0; i < 6; i += 2) {
		unsigned bit = gyr_load_be16(hash.bytes + i) & 2047;

		bloom[255 - bit / 8] |= (uint8_t)(1u << bit % 8);
	}
}

static size_t log_content_length(const struct gyr_stf *stf, const struct gyr_evm_log *log)
{
	struct gyr_slice data = gyr_stf_log_data(stf, log);

	return 21 + gyr_rlp_length_list((size_t)33 * log->topic_count) +
	       gyr_rlp_length_string(data.data, data.length);
}

static void put_log(const struct gyr_stf *stf, struct gyr_rlp_writer *writer,
		    const struct gyr_evm_log *log)
{
	struct gyr_slice data = gyr_stf_log_data(stf, log);

	gyr_rlp_put_list(writer, log_content_length(stf, log));
	gyr_rlp_put_string(writer, log->address.bytes, 20);
	gyr_rlp_put_list(writer, (size_t)33 * log->topic_count);
	for (uint32_t i = 0; i < log->topic_count; i++)
		gyr_rlp_put_string(writer, log->topics[i].bytes, 32);
	gyr_rlp_put_string(writer, data.data, data.length);
}

bool stf_encode_receipt(struct gyr_stf *stf, struct gyr_stf_receipt *receipt)
{
	struct gyr_stf_block_output *open = stf->open;
	struct gyr_stf_tx_record *record = &open->txs[open->tx_count - 1];
	uint8_t *begin = open->receipt_bytes + open->receipt_bytes_used, *logs;
	size_t room = (size_t)(stf->limits.receipt_bytes_max - open->receipt_bytes_used);
	size_t logs_length = 0, content, type_length = receipt->type != 0;
	struct gyr_rlp_writer writer;

	for (uint32_t i = 0; i < receipt->log_count; i++)
		logs_length += gyr_rlp_length_list(log_content_length(stf, &receipt->logs[i]));
	content = 1 + gyr_rlp_length_u64(receipt->gas_used_cumulative) + 3 + 256 +
		  gyr_rlp_length_list(logs_length);
	if (type_length + gyr_rlp_length_list(content) > room)
		return false;
	for (uint32_t i = 0; i < receipt->log_count; i++) {
		const struct gyr_evm_log *log = &receipt->logs[i];

		add_to_bloom(stf, receipt->bloom, log->address.bytes, 20);
		for (uint32_t t = 0; t < log->topic_count; t++)
			add_to_bloom(stf, receipt->bloom, log->topics[t].bytes, 32);
	}
	for (size_t i = 0; receipt->log_count != 0 && i < sizeof open->bloom; i++)
		open->bloom[i] |= receipt->bloom[i];

	writer = gyr_rlp_writer_over(begin, room);
	gyr_rlp_put_raw(&writer, &receipt->type, type_length);
	gyr_rlp_put_list(&writer, content);
	gyr_rlp_put_u64(&writer, receipt->success);
	gyr_rlp_put_u64(&writer, receipt->gas_used_cumulative);
	gyr_rlp_put_string(&writer, receipt->bloom, sizeof receipt->bloom);
	logs = writer.at;
	gyr_rlp_put_list(&writer, logs_length);
	for (uint32_t i = 0; i < receipt->log_count; i++)
		put_log(stf, &writer, &receipt->logs[i]);
	if (receipt->log_count == 0)
		receipt->logs_hash = gyr_keccak_empty_list;
	else
		stf->keccak->hash(&receipt->logs_hash, logs, (size_t)(writer.at - logs));
	record->receipt_offset = open->receipt_bytes_used;
	record->receipt_length = (uint64_t)(writer.at - begin);
	open->receipt_bytes_used += record->receipt_length;
	return true;
}
