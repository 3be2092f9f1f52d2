/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_journal.h"
#include "gyr_verdict.h"
#include "log_tool.h"

#define LINE_LENGTH_MAX (512u << 10)

static void print_hex(FILE *to, const uint8_t *bytes, size_t length)
{
	(void)fputs("0x", to);
	for (size_t i = 0; i < length; i++)
		(void)fprintf(to, "%02x", bytes[i]);
}

static void print_tx(const struct gyr_log_record *record, bool raw, FILE *to)
{
	struct gyr_slice bytes = gyr_log_tx_raw(record);
	struct gyr_log_tx body;

	memcpy(&body, gyr_log_body(record), sizeof body);
	(void)fputs("hash ", to);
	print_hex(to, body.hash.bytes, sizeof body.hash.bytes);
	(void)fputs(" sender ", to);
	print_hex(to, body.sender.bytes, sizeof body.sender.bytes);
	(void)fprintf(to, " %zu B", bytes.length);
	if (body.release_arrival != record->arrival)
		(void)fprintf(to, " released by %llu", (unsigned long long)body.release_arrival);
	if (raw) {
		(void)fputc(' ', to);
		print_hex(to, bytes.data, bytes.length);
	}
}

static void print_body(const struct gyr_log_record *record, bool raw, FILE *to)
{
	union {
		struct gyr_log_genesis genesis;
		struct gyr_log_epoch epoch;
		struct gyr_log_reject reject;
		struct gyr_log_mini_block mini;
		struct gyr_log_evm_block evm;
		struct gyr_log_commit commit;
	} body;
	size_t length = gyr_log_body_length(record);

	memset(&body, 0, sizeof body);
	memcpy(&body, gyr_log_body(record), length < sizeof body ? length : sizeof body);
	switch (record->kind) {
	case GYR_LOG_TX:
		print_tx(record, raw, to);
		break;
	case GYR_LOG_GENESIS:
		(void)fprintf(to, "chain %llu genesis ", (unsigned long long)body.genesis.chain_id);
		print_hex(to, body.genesis.genesis_hash.bytes, 32);
		break;
	case GYR_LOG_EPOCH:
		(void)fprintf(to, "epoch %u after %u, cut %llu, next arrival %llu",
			      body.epoch.epoch, body.epoch.previous_epoch,
			      (unsigned long long)body.epoch.cut,
			      (unsigned long long)body.epoch.arrival_next);
		break;
	case GYR_LOG_REJECT:
		(void)fprintf(to, "%s hash ",
			      gyr_verdict_name(body.reject.verdict) == NULL
				      ? "unknown verdict"
				      : gyr_verdict_name(body.reject.verdict));
		print_hex(to, body.reject.hash.bytes, 32);
		break;
	case GYR_LOG_MINI_BLOCK:
		(void)fprintf(to, "mini-block %llu, %u of block %llu, %u transactions",
			      (unsigned long long)body.mini.number, body.mini.index,
			      (unsigned long long)body.mini.evm_number, body.mini.tx_count);
		break;
	case GYR_LOG_EVM_BLOCK:
		(void)fprintf(to,
			      "block %llu opens at %llu s, gas limit %llu; closed: %u transactions",
			      (unsigned long long)body.evm.number,
			      (unsigned long long)body.evm.timestamp_s,
			      (unsigned long long)body.evm.gas_limit, body.evm.closed_tx_count);
		break;
	case GYR_LOG_COMMIT:
		(void)fprintf(to, "block of %u B, %u records, durable %llu",
			      body.commit.block_length, body.commit.record_count,
			      (unsigned long long)body.commit.durable);
		break;
	default:
		(void)fprintf(to, "%zu B", length);
		break;
	}
}

static void print_record(const struct gyr_log_record *record, bool raw, FILE *to)
{
	const char *kind = gyr_log_kind_name(record->kind);
	char time[32];

	(void)fprintf(to, "%12llu %-10s e%u a%-8llu %s ", (unsigned long long)record->position,
		      kind == NULL ? "?" : kind, record->epoch, (unsigned long long)record->arrival,
		      gyr_journal_time(time, record->receive_utc_ns));
	print_body(record, raw, to);
	(void)fputc('\n', to);
}

static int check_kind(const char *kind)
{
	if (kind == NULL)
		return 0;
	for (unsigned i = 0; i < GYR_WAL_REPORT_KINDS; i++)
		if (gyr_log_kind_name(i) != NULL && strcmp(gyr_log_kind_name(i), kind) == 0)
			return 0;
	GYR_FAIL(GYR_ERR_USAGE, "'%s' is no kind of record: tx, reject, mini_block, …", kind);
}

static int dump(struct gyr_wal_reader *reader, const struct gyr_operate_dump_options *options,
		FILE *to)
{
	char *line = malloc(LINE_LENGTH_MAX);
	const struct gyr_log_record *record;
	uint64_t count = 0;
	int got = 0;

	if (line == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a line");
	while ((options->count_max == 0 || count < options->count_max) && ferror(to) == 0 &&
	       (got = gyr_wal_reader_next(reader, &record)) == 1) {
		const char *kind = gyr_log_kind_name(record->kind);

		if (record->position < options->from ||
		    (options->kind != NULL && (kind == NULL || strcmp(kind, options->kind) != 0)))
			continue;
		count++;
		if (options->json) {
			(void)gyr_log_record_json(line, LINE_LENGTH_MAX, record, options->raw);
			(void)fprintf(to, "%s\n", line);
		} else {
			print_record(record, options->raw, to);
		}
	}
	free(line);
	return got < 0 ? got : 0;
}

int gyr_operate_log_dump(const char *directory, const struct gyr_operate_log_drivers *drivers,
			 const struct gyr_operate_dump_options *options, FILE *to)
{
	struct gyr_wal_reader_config config = { .from = options->from };
	struct gyr_wal_reader reader;
	struct log_tool tool;
	int error;

	GYR_TRY(check_kind(options->kind));
	GYR_TRY(log_tool_open(&tool, directory, drivers->block));
	config.dev = tool.dev;
	config.buffer = tool.buffer;
	config.buffer_length = LOG_TOOL_BUFFER_LENGTH;
	error = gyr_wal_reader_open(&reader, &config);
	if (error == 0) {
		error = dump(&reader, options, to);
		gyr_wal_reader_close(&reader);
	}
	log_tool_close(&tool);
	return error;
}
