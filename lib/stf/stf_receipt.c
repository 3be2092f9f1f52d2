/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

#include "gyr_rlp.h"

struct gyr_slice gyr_stf_log_data(const struct gyr_stf *stf, const struct gyr_evm_log *log)
{
	return (struct gyr_slice){ .data = stf->state.log_bytes + log->data_offset,
				   .length = log->data_length };
}

/* Yellow Paper, equation 30: three of the 2048 bits, by the hash's first three pairs of bytes. */
static void set_bits(struct gyr_stf_block_output *open, uint8_t *bloom, const uint16_t bits[3])
{
	for (int i = 0; i < 3; i++) {
		bloom[255 - bits[i] / 8] |= (uint8_t)(1u << bits[i] % 8);
		open->bloom[255 - bits[i] / 8] |= (uint8_t)(1u << bits[i] % 8);
	}
}

/* Contracts and the first topics of their logs come again and again. */
static struct stf_bloom_known *known_at(struct gyr_stf *stf, const uint8_t *data, uint32_t length)
{
	uint64_t mix = (gyr_load_le64(data) ^ gyr_load_le64(data + length - 8)) *
		       0x9e3779b97f4a7c15;

	return &stf->blooms_known[mix >> 32 & (STF_BLOOMS_KNOWN - 1)];
}

void stf_finish_blooms(struct gyr_stf *stf)
{
	struct gyr_slice messages[STF_BLOOMS_MAX];
	struct gyr_hash hashes[STF_BLOOMS_MAX];

	for (uint32_t i = 0; i < stf->bloom_count; i++)
		messages[i] = (struct gyr_slice){ stf->blooms[i].data, stf->blooms[i].length };
	if (stf->bloom_count != 0)
		stf->keccak->hash_many(hashes, messages, stf->bloom_count);
	for (uint32_t i = 0; i < stf->bloom_count; i++) {
		const struct stf_bloom *bloom = &stf->blooms[i];
		uint16_t bits[3];

		for (int k = 0; k < 3; k++)
			bits[k] = gyr_load_be16(hashes[i].bytes + 2 * (size_t)k) & 2047;
		set_bits(stf->open, bloom->bloom, bits);
		if (bloom->recurs) {
			struct stf_bloom_known *known = known_at(stf, bloom->data, bloom->length);

			known->length = bloom->length;
			memcpy(known->data, bloom->data, bloom->length);
			memcpy(known->bits, bits, sizeof bits);
		}
	}
	stf->bloom_count = 0;
}

/* Adds to a receipt's bloom, at once where it is known, else with the next ones. */
static void add_to_bloom(struct gyr_stf *stf, uint8_t *bloom, const uint8_t *data, uint32_t length,
			 bool recurs)
{
	if (recurs) {
		const struct stf_bloom_known *known = known_at(stf, data, length);

		if (known->length == length && memcmp(known->data, data, length) == 0) {
			set_bits(stf->open, bloom, known->bits);
			return;
		}
	}
	if (stf->bloom_count == STF_BLOOMS_MAX)
		stf_finish_blooms(stf);
	stf->blooms[stf->bloom_count++] = (struct stf_bloom){
		.data = data,
		.bloom = bloom,
		.length = length,
		.recurs = recurs,
	};
}

static size_t log_content_length(const struct gyr_stf *stf, const struct gyr_evm_log *log)
{
	struct gyr_slice data = gyr_stf_log_data(stf, log);

	return 21 + gyr_rlp_length_list((size_t)33 * log->topic_count) +
	       gyr_rlp_length_string(data.data, data.length);
}

static void put_log(struct gyr_stf *stf, struct gyr_rlp_writer *writer, uint8_t *bloom,
		    const struct gyr_evm_log *log)
{
	struct gyr_slice data = gyr_stf_log_data(stf, log);

	gyr_rlp_put_list(writer, log_content_length(stf, log));
	gyr_rlp_put_string(writer, log->address.bytes, 20);
	add_to_bloom(stf, bloom, writer->at - 20, 20, true);
	gyr_rlp_put_list(writer, (size_t)33 * log->topic_count);
	for (uint32_t i = 0; i < log->topic_count; i++) {
		gyr_rlp_put_string(writer, log->topics[i].bytes, 32);
		add_to_bloom(stf, bloom, writer->at - 32, 32, i == 0);
	}
	gyr_rlp_put_string(writer, data.data, data.length);
}

bool stf_encode_receipt(struct gyr_stf *stf, struct gyr_stf_receipt *receipt)
{
	struct gyr_stf_block_output *open = stf->open;
	struct gyr_stf_tx_record *record = &open->txs[open->tx_count - 1];
	uint8_t *begin = open->receipt_bytes + open->receipt_bytes_used, *logs, *bloom;
	size_t room = (size_t)(stf->limits.receipt_bytes_max - open->receipt_bytes_used);
	size_t logs_length = 0, content, type_length = receipt->type != 0;
	struct gyr_rlp_writer writer;

	for (uint32_t i = 0; i < receipt->log_count; i++)
		logs_length += gyr_rlp_length_list(log_content_length(stf, &receipt->logs[i]));
	content = 1 + gyr_rlp_length_u64(receipt->gas_used_cumulative) + 3 + 256 +
		  gyr_rlp_length_list(logs_length);
	if (type_length + gyr_rlp_length_list(content) > room)
		return false;
	writer = gyr_rlp_writer_over(begin, room);
	gyr_rlp_put_raw(&writer, &receipt->type, type_length);
	gyr_rlp_put_list(&writer, content);
	gyr_rlp_put_u64(&writer, receipt->success);
	gyr_rlp_put_u64(&writer, receipt->gas_used_cumulative);
	gyr_rlp_put_string(&writer, receipt->bloom, sizeof receipt->bloom); /* none yet */
	bloom = writer.at - sizeof receipt->bloom;
	logs = writer.at;
	gyr_rlp_put_list(&writer, logs_length);
	for (uint32_t i = 0; i < receipt->log_count; i++)
		put_log(stf, &writer, bloom, &receipt->logs[i]);
	receipt->logs_encoded = (struct gyr_slice){ logs, (size_t)(writer.at - logs) };
	if (receipt->log_count == 0)
		receipt->logs_hash = gyr_keccak_empty_list;
	else if (!stf->receipts_deferred)
		stf->keccak->hash(&receipt->logs_hash, logs, receipt->logs_encoded.length);
	if (!stf->receipts_deferred && receipt->log_count != 0) {
		stf_finish_blooms(stf);
		memcpy(receipt->bloom, bloom, sizeof receipt->bloom);
	}
	record->receipt_offset = open->receipt_bytes_used;
	record->receipt_length = (uint64_t)(writer.at - begin);
	open->receipt_bytes_used += record->receipt_length;
	return true;
}
