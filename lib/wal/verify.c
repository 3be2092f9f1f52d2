/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_wal_reader.h"

/* Arrivals whose disposition is still awaited: parked transactions come later than others, but not
 * by more than this. */
#define WINDOW (1u << 20)

struct arrivals {
	uint64_t *bits;
	uint64_t floor; /* everything below is judged; bits cover [floor, floor + WINDOW) */
	uint64_t next;	/* behind the highest seen */
	bool started;
};

static bool take_bit(struct arrivals *arrivals, uint64_t arrival)
{
	uint64_t *word = &arrivals->bits[arrival % WINDOW / 64];
	uint64_t bit = UINT64_C(1) << arrival % 64;
	bool was = (*word & bit) != 0;

	*word &= ~bit;
	return was;
}

static void judge_below(struct gyr_wal_report *report, struct arrivals *arrivals, uint64_t floor,
			bool void_ones)
{
	uint64_t end = gyr_min_u64(floor, arrivals->next);

	for (; arrivals->floor < end; arrivals->floor++)
		if (!take_bit(arrivals, arrivals->floor))
			*(void_ones ? &report->arrival_void : &report->arrival_missing) += 1;
	arrivals->floor = gyr_max_u64(arrivals->floor, floor);
	arrivals->next = gyr_max_u64(arrivals->next, floor);
}

static void note_arrival(struct gyr_wal_report *report, struct arrivals *arrivals, uint64_t arrival)
{
	uint64_t bit = UINT64_C(1) << arrival % 64;

	report->arrival_last = gyr_max_u64(report->arrival_last, arrival);
	if (arrival < report->arrival_first)
		return; /* parked in a part of the log that is pruned, released here */
	if (arrival < arrivals->floor) {
		report->arrival_repeated++;
		return;
	}
	if (arrival >= arrivals->floor + WINDOW)
		judge_below(report, arrivals, arrival - WINDOW + 1, false);
	arrivals->next = gyr_max_u64(arrivals->next, arrival + 1);
	if ((arrivals->bits[arrival % WINDOW / 64] & bit) != 0)
		report->arrival_repeated++;
	arrivals->bits[arrival % WINDOW / 64] |= bit;
}

static void note_epoch(struct gyr_wal_report *report, struct arrivals *arrivals,
		       const struct gyr_log_epoch *epoch)
{
	/* those below without a disposition get one now: the epoch starts with rejecting them */
	arrivals->next = gyr_max_u64(arrivals->next, epoch->arrival_next);
	if (report->epoch_count < GYR_WAL_REPORT_EPOCHS) {
		report->epochs[report->epoch_count].epoch = epoch->epoch;
		report->epochs[report->epoch_count].cut = epoch->cut;
		report->epochs[report->epoch_count].arrival_next = epoch->arrival_next;
	}
	report->epoch_count++;
}

static void note(struct gyr_wal_report *report, struct arrivals *arrivals,
		 const struct gyr_log_record *record)
{
	uint64_t fill = 0;

	gyr_assert(record->kind < GYR_WAL_REPORT_KINDS);
	if (!arrivals->started) {
		/* a segment's first record, no arrival itself, names the highest one before it */
		arrivals->started = true;
		arrivals->floor = record->arrival + 1;
		arrivals->next = arrivals->floor;
		report->arrival_first = arrivals->floor;
	}
	if (record->kind == GYR_LOG_COMMIT) {
		fill = record->length - GYR_LOG_COMMIT_LENGTH;
		report->block_count++;
	}
	report->record_count[record->kind]++;
	report->record_byte_count[record->kind] += record->length - fill;
	report->byte_count += record->length;
	report->fill_byte_count += fill;
	if (record->kind == GYR_LOG_EPOCH)
		note_epoch(report, arrivals, gyr_log_body(record));
	if (record->kind == GYR_LOG_TX || record->kind == GYR_LOG_REJECT)
		note_arrival(report, arrivals, record->arrival);
}

static int walk(struct gyr_wal_report *report, struct gyr_wal_reader *reader,
		struct arrivals *arrivals, gyr_wal_visit *visit, void *user)
{
	const struct gyr_log_record *record;
	int more;

	while ((more = gyr_wal_reader_next(reader, &record)) == 1) {
		note(report, arrivals, record);
		if (visit != NULL) {
			int answer = visit(user, record);

			if (answer != 0)
				return answer;
		}
	}
	if (more == 0) {
		report->end = reader->end;
		report->unstated_byte_count = report->end.position -
					      gyr_min_u64(report->end.position,
							  report->end.durable_said);
		/* The last epoch may still dispose of what it has parked. */
		judge_below(report, arrivals, arrivals->next, true);
		return 0;
	}
	if (more == -GYR_ERR_LOG_DAMAGED || more == -GYR_ERR_GENESIS) {
		report->error = more;
		report->end.position = reader->position;
		report->end.epoch = reader->epoch;
		(void)snprintf(report->cause, sizeof report->cause, "%s", gyr_err_cause());
		return 0;
	}
	return more;
}

int gyr_wal_verify(struct gyr_wal_report *report, const struct gyr_wal_reader_config *config,
		   gyr_wal_visit *visit, void *user)
{
	struct gyr_wal_reader reader;
	struct arrivals arrivals = { 0 };
	int error;

	memset(report, 0, sizeof *report);
	error = gyr_wal_reader_open(&reader, config);
	if (error == -GYR_ERR_LOG_DAMAGED || error == -GYR_ERR_GENESIS) {
		report->error = error;
		(void)snprintf(report->cause, sizeof report->cause, "%s", gyr_err_cause());
		return 0;
	}
	if (error < 0)
		return error;
	arrivals.bits = calloc(WINDOW / 64, 8);
	if (arrivals.bits == NULL) {
		gyr_wal_reader_close(&reader);
		GYR_FAIL(GYR_ERR_MEMORY, "no memory to count arrivals");
	}
	report->identity = reader.identity;
	memset(report->identity.secret, 0, sizeof report->identity.secret);
	report->first_position = reader.first_position;
	error = walk(report, &reader, &arrivals, visit, user);
	free(arrivals.bits);
	gyr_wal_reader_close(&reader);
	return error;
}

struct text {
	char *to;
	size_t size;
	size_t length;
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

static void put_u64(struct text *text, const char *name, uint64_t value)
{
	put(text, ",\"%s\":%llu", name, (unsigned long long)value);
}

/* The cause is this library's own text; file names in it are ours too. */
static void put_cause(struct text *text, const char *cause)
{
	put(text, ",\"cause\":\"");
	for (; *cause != '\0'; cause++)
		put(text, *cause == '"' || *cause == '\\' ? "\\%c" : "%c",
		    (unsigned char)*cause < ' ' ? ' ' : *cause);
	put(text, "\"");
}

size_t gyr_wal_report_json(char *to, size_t size, const struct gyr_wal_report *report)
{
	struct text text = { to, size, 0 };
	uint32_t epochs = report->epoch_count < GYR_WAL_REPORT_EPOCHS ? report->epoch_count
								      : GYR_WAL_REPORT_EPOCHS;

	put(&text, "{\"ok\":%s,\"code\":\"%s\"", report->error == 0 ? "true" : "false",
	    report->error == 0 ? "ok" : gyr_err_name(report->error));
	put_cause(&text, report->cause);
	put_u64(&text, "chain_id", report->identity.chain_id);
	put_u64(&text, "segment_size", report->identity.segment_size);
	put_u64(&text, "first_position", report->first_position);
	put_u64(&text, "end_position", report->end.position);
	put(&text, ",\"end\":\"%s\",\"end_fault\":\"%s\"", gyr_wal_end_name(report->end.kind),
	    gyr_log_fault_text(report->end.fault));
	put_u64(&text, "epoch", report->end.epoch);
	put_u64(&text, "void_blocks", report->end.void_block_count);
	put_u64(&text, "durable_said", report->end.durable_said);
	put_u64(&text, "unstated_bytes", report->unstated_byte_count);
	put_u64(&text, "blocks", report->block_count);
	put_u64(&text, "bytes", report->byte_count);
	put_u64(&text, "fill_bytes", report->fill_byte_count);
	put(&text, ",\"records\":{");
	for (unsigned i = 0, first = 1; i < GYR_WAL_REPORT_KINDS; i++)
		if (report->record_count[i] != 0) {
			put(&text, "%s\"%s\":{\"count\":%llu,\"bytes\":%llu}", first ? "" : ",",
			    gyr_log_kind_name(i), (unsigned long long)report->record_count[i],
			    (unsigned long long)report->record_byte_count[i]);
			first = 0;
		}
	put(&text, "}");
	put_u64(&text, "arrival_first", report->arrival_first);
	put_u64(&text, "arrival_last", report->arrival_last);
	put_u64(&text, "arrival_next", report->end.arrival_next);
	put_u64(&text, "arrivals_repeated", report->arrival_repeated);
	put_u64(&text, "arrivals_missing", report->arrival_missing);
	put_u64(&text, "arrivals_void", report->arrival_void);
	put_u64(&text, "epoch_count", report->epoch_count);
	put(&text, ",\"epochs\":[");
	for (uint32_t i = 0; i < epochs; i++)
		put(&text, "%s{\"epoch\":%u,\"cut\":%llu,\"arrival_next\":%llu}", i == 0 ? "" : ",",
		    report->epochs[i].epoch, (unsigned long long)report->epochs[i].cut,
		    (unsigned long long)report->epochs[i].arrival_next);
	put(&text, "]}");
	return text.length;
}
