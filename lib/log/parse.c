/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging bytes that may be anything: a torn or stale block, a rotten sector, another file, an
 * attack. Nothing here reads beyond the length given, and every loop moves by at least 40 bytes.
 */
#include "gyr_bytes.h"
#include "gyr_log_format.h"

static const struct {
	const char *name;
	uint32_t body_length_min; /* exact, unless `open` */
	bool open;		  /* variable bytes follow */
} kinds[] = {
	[GYR_LOG_GENESIS] = { "genesis", sizeof(struct gyr_log_genesis), true },
	[GYR_LOG_EPOCH] = { "epoch", sizeof(struct gyr_log_epoch), false },
	[GYR_LOG_TX] = { "tx", sizeof(struct gyr_log_tx), true },
	[GYR_LOG_REJECT] = { "reject", sizeof(struct gyr_log_reject), false },
	[GYR_LOG_MINI_BLOCK] = { "mini_block", sizeof(struct gyr_log_mini_block), false },
	[GYR_LOG_EVM_BLOCK] = { "evm_block", sizeof(struct gyr_log_evm_block), false },
	[GYR_LOG_CONFIG] = { "config", sizeof(struct gyr_log_config_change), true },
	[GYR_LOG_COMMIT] = { "commit", sizeof(struct gyr_log_commit), false },
};

const char *gyr_log_kind_name(unsigned kind)
{
	return kind < GYR_COUNT(kinds) ? kinds[kind].name : NULL;
}

const char *gyr_log_fault_text(enum gyr_log_fault fault)
{
	switch (fault) {
	case GYR_LOG_FAULT_NONE:
		return "no fault";
	case GYR_LOG_FAULT_ZERO:
		return "never written";
	case GYR_LOG_FAULT_TRUNCATED:
		return "cut short";
	case GYR_LOG_FAULT_LENGTH:
		return "a length that cannot be";
	case GYR_LOG_FAULT_KIND:
		return "an unknown kind of record";
	case GYR_LOG_FAULT_FIELD:
		return "a field that its kind cannot have";
	case GYR_LOG_FAULT_POSITION:
		return "another position's record";
	case GYR_LOG_FAULT_EPOCH:
		return "records of different epochs in one block";
	case GYR_LOG_FAULT_COMMIT:
		return "no commit record that describes the block";
	case GYR_LOG_FAULT_CHECKSUM:
		return "checksum differs";
	}
	return "unknown fault";
}

enum gyr_log_fault gyr_log_record_check(uint64_t position, const uint8_t *data, size_t length)
{
	const struct gyr_log_record *record = (const void *)data;
	uint32_t body_length;

	gyr_assert((uintptr_t)data % 8 == 0);
	if (length < sizeof *record)
		return GYR_LOG_FAULT_TRUNCATED;
	if (gyr_load_le64(data) == 0)
		return GYR_LOG_FAULT_ZERO;
	if (record->position != position)
		return GYR_LOG_FAULT_POSITION;
	if (gyr_log_kind_name(record->kind) == NULL)
		return GYR_LOG_FAULT_KIND;
	if (record->length % 8 != 0 || record->length < sizeof *record)
		return GYR_LOG_FAULT_LENGTH;
	if (record->flags != 0 || record->pad > 7 || record->epoch == 0)
		return GYR_LOG_FAULT_FIELD;
	if (record->kind == GYR_LOG_COMMIT) {
		if (record->pad != 0)
			return GYR_LOG_FAULT_FIELD;
		if (record->length < GYR_LOG_COMMIT_LENGTH ||
		    record->length > GYR_LOG_BLOCK_LENGTH_MAX)
			return GYR_LOG_FAULT_LENGTH;
		return record->length > length ? GYR_LOG_FAULT_TRUNCATED : GYR_LOG_FAULT_NONE;
	}
	if (record->length > GYR_LOG_RECORD_LENGTH_MAX ||
	    record->length < sizeof *record + record->pad)
		return GYR_LOG_FAULT_LENGTH;
	body_length = gyr_log_body_length(record);
	if (body_length < kinds[record->kind].body_length_min ||
	    (body_length > kinds[record->kind].body_length_min && !kinds[record->kind].open))
		return GYR_LOG_FAULT_LENGTH;
	return record->length > length ? GYR_LOG_FAULT_TRUNCATED : GYR_LOG_FAULT_NONE;
}

/* The block from its start to behind the COMMIT at `at`, as COMMIT tells it. */
static enum gyr_log_fault judge_commit(struct gyr_log_block *out, const struct gyr_log_key *key,
				       uint64_t position, const uint8_t *data, size_t at,
				       uint32_t record_count)
{
	const struct gyr_log_record *record = (const void *)(data + at);
	const struct gyr_log_commit *commit = gyr_log_body(record);
	size_t end = at + record->length;

	if (end % GYR_LOG_BLOCK_UNIT != 0 || end > GYR_LOG_BLOCK_LENGTH_MAX ||
	    commit->block_position != position || commit->block_length != end ||
	    commit->record_count != record_count || commit->durable > position)
		return GYR_LOG_FAULT_COMMIT;
	if (gyr_log_checksum(key, data, end,
			     at + sizeof *record + offsetof(struct gyr_log_commit, checksum)) !=
	    commit->checksum)
		return GYR_LOG_FAULT_CHECKSUM;
	*out = (struct gyr_log_block){
		.data = data,
		.length = (uint32_t)end,
		.epoch = record->epoch,
		.position = position,
		.durable = commit->durable,
		.previous_checksum = commit->previous_checksum,
		.checksum = commit->checksum,
		.arrival_last = record->arrival,
		.record_count = record_count,
	};
	return GYR_LOG_FAULT_NONE;
}

enum gyr_log_fault gyr_log_block_parse(struct gyr_log_block *out, const struct gyr_log_key *key,
				       uint64_t position, const uint8_t *data, size_t length)
{
	uint32_t record_count = 0;
	uint32_t epoch = 0;
	size_t at = 0;

	gyr_assert(position % GYR_LOG_BLOCK_UNIT == 0);
	length = length < GYR_LOG_BLOCK_LENGTH_MAX ? length : GYR_LOG_BLOCK_LENGTH_MAX;
	for (;;) {
		const struct gyr_log_record *record = (const void *)(data + at);
		enum gyr_log_fault fault = gyr_log_record_check(position + at, data + at,
								length - at);

		if (fault == GYR_LOG_FAULT_TRUNCATED && length == GYR_LOG_BLOCK_LENGTH_MAX)
			return GYR_LOG_FAULT_LENGTH;
		if (fault == GYR_LOG_FAULT_ZERO && at != 0)
			return GYR_LOG_FAULT_COMMIT;
		if (fault != GYR_LOG_FAULT_NONE)
			return fault;
		if (at != 0 && record->epoch != epoch)
			return GYR_LOG_FAULT_EPOCH;
		epoch = record->epoch;
		if (record->kind == GYR_LOG_COMMIT)
			return judge_commit(out, key, position, data, at, record_count);
		record_count++;
		at += record->length;
	}
}

enum gyr_log_fault gyr_log_identity_read(struct gyr_log_identity *out, uint64_t position,
					 const uint8_t *data, size_t length)
{
	const struct gyr_log_record *record = (const void *)data;
	const struct gyr_log_genesis *genesis;
	enum gyr_log_fault fault = gyr_log_record_check(position, data, length);

	if (fault != GYR_LOG_FAULT_NONE)
		return fault;
	if (record->kind != GYR_LOG_GENESIS)
		return GYR_LOG_FAULT_KIND;
	genesis = gyr_log_body(record);
	if (genesis->fork_length > GYR_LOG_FORK_LENGTH_MAX ||
	    gyr_log_body_length(record) != sizeof *genesis + genesis->fork_length ||
	    !gyr_is_power_of_two(genesis->segment_size))
		return GYR_LOG_FAULT_FIELD;
	memset(out, 0, sizeof *out);
	out->genesis_hash = genesis->genesis_hash;
	out->chain_id = genesis->chain_id;
	out->segment_size = genesis->segment_size;
	out->fork_hash = genesis->fork_hash;
	out->format_version = genesis->format_version;
	out->fork_length = genesis->fork_length;
	memcpy(out->secret, genesis->secret, sizeof out->secret);
	memcpy(out->fork, genesis + 1, genesis->fork_length);
	return GYR_LOG_FAULT_NONE;
}
