/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_wal_reader.h"

#include <string.h>

#include "gyr_err.h"
#include "wal_segment.h"

const char *gyr_wal_end_name(enum gyr_wal_end_kind kind)
{
	static const char *const names[] = { "none", "new", "clean", "torn", "stale" };

	return (unsigned)kind < GYR_COUNT(names) ? names[kind] : "unknown";
}

static uint64_t segment_of(const struct gyr_wal_reader *reader, uint64_t position)
{
	return position & ~(reader->identity.segment_size - 1);
}

static void close_slot(struct gyr_wal_reader *reader)
{
	if (reader->slot >= 0)
		gyr_blockdev_file_close(reader->config.dev, reader->slot);
	reader->slot = -1;
}

/* Opens the segment that starts at a position. 1, 0 when there is none, or an error. */
static int open_segment(struct gyr_wal_reader *reader, uint64_t position)
{
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t size;
	int found;

	close_slot(reader);
	gyr_wal_segment_name(name, position);
	found = wal_segment_find(reader->config.dev, name, &size);
	if (found <= 0)
		return found;
	reader->slot = gyr_blockdev_file_open(reader->config.dev, name);
	if (reader->slot < 0)
		return reader->slot;
	reader->slot_position = position;
	return 1;
}

/*
 * Makes `length` bytes at `position` lie in the buffer; what a segment file does not have reads as
 * zero. Never goes beyond the segment. 1, 0 when there is no such segment, or an error.
 */
static int load(struct gyr_wal_reader *reader, uint64_t position, size_t length)
{
	struct gyr_wal_reader_config *config = &reader->config;
	uint64_t segment = segment_of(reader, position);
	uint64_t room = segment + reader->identity.segment_size - position;
	size_t kept = 0;
	int64_t got;

	if (length > room)
		length = (size_t)room;
	if (position >= reader->window &&
	    position + length <= reader->window + reader->window_length)
		return 1;
	if (reader->slot < 0 || reader->slot_position != segment) {
		int found = open_segment(reader, segment);

		if (found <= 0)
			return found;
		reader->window_length = 0;
	}
	if (position >= reader->window && position < reader->window + reader->window_length) {
		kept = (size_t)(reader->window + reader->window_length - position);
		memmove(config->buffer, config->buffer + (position - reader->window), kept);
	}
	reader->window = position;
	reader->window_length = (size_t)gyr_min_u64(room, config->buffer_length);
	gyr_assert(kept < reader->window_length);
	got = gyr_blockdev_read(config->dev, reader->slot, config->buffer + kept,
				reader->window_length - kept, position + kept - segment);
	if (got < 0) {
		char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];

		gyr_wal_segment_name(name, segment);
		return gyr_err_add((int)got, __FILE__, __LINE__, "reading %s at offset %llu", name,
				   (unsigned long long)(position - segment));
	}
	kept += (size_t)got;
	memset(config->buffer + kept, 0, reader->window_length - kept);
	return 1;
}

static const uint8_t *bytes_at(const struct gyr_wal_reader *reader, uint64_t position)
{
	return reader->config.buffer + (position - reader->window);
}

static size_t bytes_left(const struct gyr_wal_reader *reader, uint64_t position)
{
	return (size_t)(reader->window + reader->window_length - position);
}

static int refuse(const struct gyr_wal_reader *reader, uint64_t position, const char *why)
{
	char name[GYR_BLOCKDEV_NAME_LENGTH_MAX + 1];
	uint64_t segment = segment_of(reader, position);

	gyr_wal_segment_name(name, segment);
	GYR_FAIL(GYR_ERR_LOG_DAMAGED, "%s at offset %llu (position %llu, epoch %u): %s", name,
		 (unsigned long long)(position - segment), (unsigned long long)position,
		 reader->epoch, why);
}

static int check_identity(const struct gyr_log_identity *found,
			  const struct gyr_log_identity *expected)
{
	if (found->format_version != GYR_LOG_FORMAT_VERSION)
		GYR_FAIL(GYR_ERR_GENESIS, "the log has format version %u, this program reads %u",
			 found->format_version, GYR_LOG_FORMAT_VERSION);
	if (expected == NULL)
		return 0;
	if (!gyr_hash_equal(&found->genesis_hash, &expected->genesis_hash))
		GYR_FAIL(GYR_ERR_GENESIS, "the log was made from another genesis file");
	if (found->chain_id != expected->chain_id)
		GYR_FAIL(GYR_ERR_GENESIS, "the log is of chain %llu, not %llu",
			 (unsigned long long)found->chain_id,
			 (unsigned long long)expected->chain_id);
	if (!gyr_hash_equal(&found->fork_hash, &expected->fork_hash))
		GYR_FAIL(GYR_ERR_GENESIS, "the log was made with another fork schedule");
	return 0;
}

static int end_here(struct gyr_wal_reader *reader, enum gyr_wal_end_kind kind,
		    enum gyr_log_fault fault)
{
	bool fresh = kind == GYR_WAL_END_NEW;

	reader->end.kind = kind;
	reader->end.fault = fault;
	reader->end.position = fresh ? 0 : reader->position;
	reader->end.previous_checksum = fresh ? 0 : reader->checksum;
	reader->end.arrival_next = fresh ? 1 : reader->arrival_last + 1;
	reader->end.durable_said = fresh ? 0 : reader->durable_said;
	reader->end.epoch = fresh ? 0 : reader->epoch;
	return 0;
}

struct survey {
	uint64_t first;
	uint64_t last;
	uint64_t last_size;
	uint32_t count;
};

static void survey_file(void *user, const struct gyr_blockdev_file *file)
{
	struct survey *survey = user;
	uint64_t position;

	if (!wal_segment_parse(file->name, &position))
		return;
	survey->count++;
	survey->first = gyr_min_u64(survey->first, position);
	if (survey->count == 1 || position > survey->last) {
		survey->last = position;
		survey->last_size = file->size;
	}
}

int gyr_wal_first_position(struct gyr_blockdev *dev, uint64_t *out)
{
	struct survey survey = { .first = UINT64_MAX };

	GYR_TRY(gyr_blockdev_list(dev, survey_file, &survey));
	*out = survey.count == 0 ? 0 : survey.first;
	return 0;
}

/* The log's first block is damaged: a first start that was cut off, or worse? Nothing else is ever
 * in flight beside the first block. */
static int judge_first(struct gyr_wal_reader *reader, enum gyr_log_fault fault)
{
	uint64_t size = reader->identity.segment_size;

	if (reader->start != 0 || reader->config.from != 0)
		return refuse(reader, reader->start, gyr_log_fault_text(fault));
	for (uint64_t at = GYR_LOG_BLOCK_UNIT; at < reader->last_end;) {
		int found = load(reader, at, GYR_LOG_BLOCK_UNIT);
		size_t left;

		if (found < 0)
			return found;
		if (found == 0) {
			at = segment_of(reader, at) + size;
			continue;
		}
		left = bytes_left(reader, at);
		for (size_t i = 0; i < left; i += 8) {
			uint64_t word;

			memcpy(&word, bytes_at(reader, at) + i, 8);
			if (word != 0)
				return refuse(reader, 0, gyr_log_fault_text(fault));
		}
		at += left;
	}
	return end_here(reader, GYR_WAL_END_NEW, fault);
}

/* Whose log it is, from the first segment to be read. 1, 0 when it turns out to be new. */
static int read_identity(struct gyr_wal_reader *reader)
{
	struct gyr_log_identity identity;
	struct gyr_log_block block;
	enum gyr_log_fault fault;
	int found = load(reader, reader->start, GYR_LOG_BLOCK_LENGTH_MAX);

	if (found < 0)
		return found;
	if (found == 0)
		return refuse(reader, reader->start, "the segment is missing");
	fault = gyr_log_identity_read(&identity, reader->start, bytes_at(reader, reader->start),
				      bytes_left(reader, reader->start));
	if (fault == GYR_LOG_FAULT_NONE) {
		gyr_log_key_init(&reader->key, identity.secret);
		fault = gyr_log_block_parse(&block, &reader->key, reader->start,
					    bytes_at(reader, reader->start),
					    bytes_left(reader, reader->start));
	}
	if (fault != GYR_LOG_FAULT_NONE)
		return judge_first(reader, fault);
	GYR_TRY(check_identity(&identity, reader->config.expected));
	if (reader->start % identity.segment_size != 0 ||
	    identity.segment_size != reader->identity.segment_size)
		return refuse(reader, reader->start, "segment size differs from the file's");
	reader->identity = identity;
	return 1;
}

int gyr_wal_reader_open(struct gyr_wal_reader *reader, const struct gyr_wal_reader_config *config)
{
	struct survey survey = { .first = UINT64_MAX };
	int found;

	gyr_assert((uintptr_t)config->buffer % GYR_LOG_BLOCK_UNIT == 0 &&
		   config->buffer_length % GYR_LOG_BLOCK_UNIT == 0 &&
		   config->buffer_length >= GYR_WAL_READER_BUFFER_MIN);
	memset(reader, 0, sizeof *reader);
	reader->config = *config;
	reader->slot = -1;
	if (config->expected != NULL)
		reader->identity = *config->expected;
	GYR_TRY(gyr_blockdev_list(config->dev, survey_file, &survey));
	reader->segment_count = survey.count;
	if (survey.count == 0) {
		if (config->from != 0)
			GYR_FAIL(GYR_ERR_LOG_DAMAGED,
				 "there is no log, but a checkpoint at position %llu",
				 (unsigned long long)config->from);
		return end_here(reader, GYR_WAL_END_NEW, GYR_LOG_FAULT_NONE);
	}
	/* Every segment has its full size before it gets its name. */
	if (!gyr_is_power_of_two(survey.last_size) || survey.last_size < GYR_LOG_BLOCK_LENGTH_MAX ||
	    survey.last % survey.last_size != 0 || survey.first % survey.last_size != 0 ||
	    survey.last > UINT64_MAX / 2)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "the last log segment, at position %llu, has %llu bytes",
			 (unsigned long long)survey.last, (unsigned long long)survey.last_size);
	reader->identity.segment_size = survey.last_size;
	reader->first_position = survey.first;
	reader->last_end = survey.last + survey.last_size;
	if (config->from != 0 && (config->from < survey.first || config->from > reader->last_end))
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "the log covers positions %llu to %llu, the checkpoint is at %llu",
			 (unsigned long long)survey.first, (unsigned long long)reader->last_end,
			 (unsigned long long)config->from);
	/* The segment that holds the byte before `from`: that one was written. */
	reader->start = survey.first;
	if (config->from != 0)
		reader->start = gyr_max_u64(survey.first, segment_of(reader, config->from - 1));
	reader->position = reader->start;
	found = read_identity(reader);
	if (found < 0)
		gyr_wal_reader_close(reader);
	return found < 0 ? found : 0;
}

void gyr_wal_reader_close(struct gyr_wal_reader *reader)
{
	close_slot(reader);
}

/* Looks behind position p for a block that claims it durable: an error if there is one. */
static int search_claims(struct gyr_wal_reader *reader)
{
	uint64_t p = reader->position;
	uint64_t at = p + GYR_LOG_BLOCK_UNIT;

	while (at < reader->last_end) {
		struct gyr_log_block block;
		int found = load(reader, at, GYR_LOG_BLOCK_LENGTH_MAX);

		if (found < 0)
			return found;
		if (found == 0) {
			at = segment_of(reader, at) + reader->identity.segment_size;
			continue;
		}
		if (gyr_log_block_parse(&block, &reader->key, at, bytes_at(reader, at),
					bytes_left(reader, at)) != GYR_LOG_FAULT_NONE ||
		    block.epoch < reader->epoch) {
			at += GYR_LOG_BLOCK_UNIT;
			continue;
		}
		if (block.durable > p)
			GYR_TRY(refuse(reader, p,
				       "damaged, but a later block says it was durable"));
		reader->end.void_block_count++;
		at += block.length;
	}
	return 0;
}

/* The log ends here, unless something behind contradicts. */
static int finish(struct gyr_wal_reader *reader, enum gyr_wal_end_kind kind,
		  enum gyr_log_fault fault)
{
	GYR_TRY(search_claims(reader));
	if (reader->config.from > reader->position)
		return refuse(reader, reader->position,
			      "the log ends below the checkpoint's position");
	return end_here(reader, kind, fault);
}

/* Whether a block of a later epoch starts it properly here. */
static bool starts_epoch(const struct gyr_wal_reader *reader, const struct gyr_log_block *block)
{
	const struct gyr_log_record *record = gyr_log_block_next(block, NULL);
	const struct gyr_log_epoch *epoch;

	if (record->kind == GYR_LOG_GENESIS)
		record = gyr_log_block_next(block, record);
	epoch = gyr_log_body(record);
	return record->kind == GYR_LOG_EPOCH && epoch->epoch == block->epoch &&
	       epoch->cut == reader->position && epoch->previous_epoch == reader->epoch;
}

static bool same_identity(const struct gyr_wal_reader *reader, const struct gyr_log_block *block)
{
	struct gyr_log_identity identity;

	return gyr_log_identity_read(&identity, block->position, block->data, block->length) ==
		       GYR_LOG_FAULT_NONE &&
	       memcmp(&identity, &reader->identity, sizeof identity) == 0;
}

/* 1: take it; 0: the log ends before it; or an error. */
static int judge_valid(struct gyr_wal_reader *reader, const struct gyr_log_block *block)
{
	if (block->position % reader->identity.segment_size == 0 && block->epoch >= reader->epoch &&
	    !same_identity(reader, block))
		return refuse(reader, block->position, "the segment belongs to another log");
	if (!reader->anchored)
		return 1;
	if (block->epoch < reader->epoch)
		return finish(reader, GYR_WAL_END_STALE, GYR_LOG_FAULT_EPOCH);
	if (block->previous_checksum != reader->checksum)
		return refuse(reader, block->position, "does not continue the block before");
	if (block->epoch > reader->epoch && !starts_epoch(reader, block))
		return refuse(reader, block->position, "a later epoch without its start");
	return 1;
}

int gyr_wal_reader_next_block(struct gyr_wal_reader *reader, struct gyr_log_block *out)
{
	enum gyr_log_fault fault = GYR_LOG_FAULT_ZERO;
	int found;

	if (reader->end.kind != GYR_WAL_END_NONE)
		return 0;
	found = reader->position < reader->last_end
			? load(reader, reader->position, GYR_LOG_BLOCK_LENGTH_MAX)
			: 0;
	if (found < 0)
		return found;
	if (found != 0)
		fault = gyr_log_block_parse(out, &reader->key, reader->position,
					    bytes_at(reader, reader->position),
					    bytes_left(reader, reader->position));
	if (fault == GYR_LOG_FAULT_ZERO)
		return finish(reader, GYR_WAL_END_CLEAN, fault);
	if (fault == GYR_LOG_FAULT_POSITION)
		return finish(reader, GYR_WAL_END_STALE, fault);
	if (fault != GYR_LOG_FAULT_NONE)
		return finish(reader, GYR_WAL_END_TORN, fault);
	found = judge_valid(reader, out);
	if (found <= 0)
		return found;
	reader->anchored = true;
	reader->epoch = out->epoch;
	reader->checksum = out->checksum;
	reader->arrival_last = gyr_max_u64(reader->arrival_last, out->arrival_last);
	reader->durable_said = gyr_max_u64(reader->durable_said, out->durable);
	reader->position += out->length;
	reader->block_count++;
	return 1;
}

int gyr_wal_reader_next(struct gyr_wal_reader *reader, const struct gyr_log_record **out)
{
	for (;;) {
		if (reader->record != NULL)
			reader->record = gyr_log_block_next(&reader->block, reader->record);
		while (reader->record == NULL) {
			int more = gyr_wal_reader_next_block(reader, &reader->block);

			if (more <= 0)
				return more;
			if (reader->block.position + reader->block.length > reader->config.from)
				reader->record = gyr_log_block_next(&reader->block, NULL);
		}
		if (reader->record->position >= reader->config.from) {
			*out = reader->record;
			return 1;
		}
	}
}
