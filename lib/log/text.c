/* SPDX-License-Identifier: Apache-2.0 */
/* A record for people and for jq. Cold. */
#include <stdarg.h>
#include <stdio.h>

#include "gyr_log_format.h"
#include "gyr_verdict.h"

struct text {
	char *to;
	size_t size;
	size_t length; /* what it would be with room enough */
};

static GYR_PRINTF(2, 3) void put(struct text *text, const char *format, ...)
{
	size_t room = text->length < text->size ? text->size - text->length : 0;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(room == 0 ? NULL : text->to + text->length, room, format, args);
	va_end(args);
	gyr_assert(length >= 0);
	text->length += (size_t)length;
}

static void put_hex(struct text *text, const char *name, const uint8_t *data, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	put(text, ",\"%s\":\"0x", name);
	for (size_t i = 0; i < length; i++) {
		if (text->length + 2 < text->size) {
			text->to[text->length] = digits[data[i] >> 4];
			text->to[text->length + 1] = digits[data[i] & 15];
			text->to[text->length + 2] = '\0';
		}
		text->length += 2;
	}
	put(text, "\"");
}

static void put_u64(struct text *text, const char *name, uint64_t value)
{
	put(text, ",\"%s\":%llu", name, (unsigned long long)value);
}

static const char *reason_name(uint32_t reason)
{
	static const char *const names[] = { "start", "time", "full", "stop", "recovery" };

	return reason < GYR_COUNT(names) ? names[reason] : "unknown";
}

static void put_genesis(struct text *text, const struct gyr_log_record *record)
{
	const struct gyr_log_genesis *genesis = gyr_log_body(record);

	put_u64(text, "format_version", genesis->format_version);
	put_hex(text, "genesis_hash", genesis->genesis_hash.bytes, 32);
	put_u64(text, "chain_id", genesis->chain_id);
	put_u64(text, "segment_size", genesis->segment_size);
	put_hex(text, "fork_hash", genesis->fork_hash.bytes, 32);
}

static void put_evm_block(struct text *text, const struct gyr_log_record *record)
{
	const struct gyr_log_evm_block *block = gyr_log_body(record);

	put_u64(text, "number", block->number);
	put_u64(text, "timestamp_s", block->timestamp_s);
	put_u64(text, "gas_limit", block->gas_limit);
	put_hex(text, "fee_recipient", block->fee_recipient.bytes, 20);
	put_hex(text, "prev_randao", block->prev_randao.bytes, 32);
	put_hex(text, "parent_beacon_root", block->parent_beacon_root.bytes, 32);
	put_u64(text, "closed_tx_count", block->closed_tx_count);
	put_u64(text, "closed_mini_block_count", block->closed_mini_block_count);
	put(text, ",\"reason\":\"%s\"", reason_name(block->reason));
}

static void put_tx(struct text *text, const struct gyr_log_record *record, bool raw)
{
	const struct gyr_log_tx *tx = gyr_log_body(record);
	struct gyr_slice bytes = gyr_log_tx_raw(record);

	put_hex(text, "hash", tx->hash.bytes, 32);
	put_hex(text, "sender", tx->sender.bytes, 20);
	put_u64(text, "tx_flags", tx->flags);
	put_u64(text, "release_arrival", tx->release_arrival);
	put_u64(text, "raw_length", bytes.length);
	if (raw)
		put_hex(text, "raw", bytes.data, bytes.length);
}

static void put_body(struct text *text, const struct gyr_log_record *record, bool raw)
{
	const void *body = gyr_log_body(record);

	switch (record->kind) {
	case GYR_LOG_GENESIS:
		put_genesis(text, record);
		break;
	case GYR_LOG_EPOCH: {
		const struct gyr_log_epoch *epoch = body;

		put_u64(text, "previous_epoch", epoch->previous_epoch);
		put_u64(text, "cut", epoch->cut);
		put_u64(text, "arrival_next", epoch->arrival_next);
		break;
	}
	case GYR_LOG_TX:
		put_tx(text, record, raw);
		break;
	case GYR_LOG_REJECT: {
		const struct gyr_log_reject *reject = body;
		const char *name = gyr_verdict_name(reject->verdict);

		put(text, ",\"verdict\":\"%s\"", name == NULL ? "unknown" : name);
		put_u64(text, "code", reject->verdict);
		put_hex(text, "hash", reject->hash.bytes, 32);
		break;
	}
	case GYR_LOG_MINI_BLOCK: {
		const struct gyr_log_mini_block *mini = body;

		put_u64(text, "number", mini->number);
		put_u64(text, "evm_number", mini->evm_number);
		put_u64(text, "index", mini->index);
		put_u64(text, "tx_count", mini->tx_count);
		put(text, ",\"reason\":\"%s\"", reason_name(mini->reason));
		break;
	}
	case GYR_LOG_EVM_BLOCK:
		put_evm_block(text, record);
		break;
	case GYR_LOG_CONFIG: {
		const struct gyr_log_config_change *change = body;

		put_u64(text, "item", change->item);
		put_hex(text, "value", (const uint8_t *)(change + 1),
			gyr_log_body_length(record) - sizeof *change);
		break;
	}
	case GYR_LOG_COMMIT: {
		const struct gyr_log_commit *commit = body;

		put_u64(text, "block_position", commit->block_position);
		put_u64(text, "block_length", commit->block_length);
		put_u64(text, "record_count", commit->record_count);
		put_u64(text, "durable", commit->durable);
		put(text, ",\"checksum\":\"%016llx\"", (unsigned long long)commit->checksum);
		break;
	}
	default:
		break;
	}
}

size_t gyr_log_record_json(char *to, size_t size, const struct gyr_log_record *record, bool raw)
{
	static const char *const clocks[] = { "none", "nic", "tsc", "other" };
	struct text text = { to, size, 0 };
	const char *kind = gyr_log_kind_name(record->kind);

	put(&text, "{\"position\":%llu,\"kind\":\"%s\"", (unsigned long long)record->position,
	    kind == NULL ? "unknown" : kind);
	put_u64(&text, "epoch", record->epoch);
	put_u64(&text, "length", record->length);
	put_u64(&text, "arrival", record->arrival);
	put_u64(&text, "receive_utc_ns", record->receive_utc_ns);
	put_u64(&text, "receive_error_ns", record->receive_error & GYR_LOG_RECEIVE_ERROR_NS_MAX);
	put(&text, ",\"clock\":\"%s\"", clocks[record->receive_error >> 30]);
	put_body(&text, record, raw);
	put(&text, "}");
	return text.length;
}
