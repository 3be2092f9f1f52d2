/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_err.h"
#include "gyr_log.h"

#define BLOCK_LENGTH_MAX_DEFAULT (128u * 1024)

/* A closed block is at most the writer's limit, or one record, and a fill that is shorter than the
 * record that did not fit: within what the format allows. */
#define BLOCK_LENGTH_MAX_LIMIT (256u * 1024)

_Static_assert(BLOCK_LENGTH_MAX_LIMIT + GYR_LOG_RECORD_LENGTH_MAX + 8192 <=
		       GYR_LOG_BLOCK_LENGTH_MAX,
	       "a block with its fill fits");
_Static_assert(sizeof(struct gyr_log_record) + sizeof(struct gyr_log_genesis) +
			       GYR_LOG_FORK_LENGTH_MAX + sizeof(struct gyr_log_record) +
			       sizeof(struct gyr_log_epoch) + GYR_LOG_COMMIT_LENGTH <=
		       GYR_LOG_BLOCK_UNIT,
	       "the first block is one unit: recovery tells a torn first start by that");

int gyr_log_init(struct gyr_log *log, const struct gyr_log_config *config)
{
	uint64_t segment_size = config->identity.segment_size;

	if (!gyr_is_power_of_two(config->ring_size) || config->ring_size < GYR_LOG_RING_SIZE_MIN)
		GYR_FAIL(GYR_ERR_CONFIG, "log ring of %llu bytes: wanted is a power of two from %u",
			 (unsigned long long)config->ring_size, GYR_LOG_RING_SIZE_MIN);
	if (!gyr_is_power_of_two(segment_size) || segment_size < GYR_LOG_SEGMENT_MIN)
		GYR_FAIL(GYR_ERR_CONFIG,
			 "log segments of %llu bytes: wanted is a power of two from %u",
			 (unsigned long long)segment_size, GYR_LOG_SEGMENT_MIN);
	if (config->block_length_max > BLOCK_LENGTH_MAX_LIMIT ||
	    (config->block_length_max != 0 && config->block_length_max < GYR_LOG_BLOCK_UNIT))
		GYR_FAIL(GYR_ERR_CONFIG, "log blocks of at most %u bytes: wanted is %u to %u",
			 config->block_length_max, GYR_LOG_BLOCK_UNIT, BLOCK_LENGTH_MAX_LIMIT);
	if ((uintptr_t)config->ring % GYR_LOG_BLOCK_UNIT != 0 ||
	    (uintptr_t)log % GYR_CACHE_LINE != 0)
		GYR_FAIL(GYR_ERR_CONFIG, "memory of the log ring is not aligned");
	if (config->identity.fork_length > GYR_LOG_FORK_LENGTH_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "fork schedule of %u bytes exceeds %u",
			 config->identity.fork_length, GYR_LOG_FORK_LENGTH_MAX);
	memset(log, 0, sizeof *log);
	log->ring = config->ring;
	log->ring_size = config->ring_size;
	log->segment_size = segment_size;
	log->edge_size = gyr_min_u64(config->ring_size, segment_size);
	log->block_length_max = config->block_length_max == 0 ? BLOCK_LENGTH_MAX_DEFAULT
							      : config->block_length_max;
	log->identity = config->identity;
	log->identity.format_version = GYR_LOG_FORMAT_VERSION;
	log->genesis_length = gyr_log_genesis_length(&log->identity);
	gyr_log_key_init(&log->key, log->identity.secret);
	log->reader_count = 1;
	log->readers[GYR_LOG_READER_WAL].name = "wal";
	return 0;
}

int gyr_log_reader_add(struct gyr_log *log, const char *name)
{
	gyr_assert(log->epoch == 0);
	if (log->reader_count == GYR_LOG_READERS_MAX)
		GYR_FAIL(GYR_ERR_LIMIT, "the log ring has %u readers already", GYR_LOG_READERS_MAX);
	log->readers[log->reader_count].name = name;
	return (int)log->reader_count++;
}

unsigned gyr_log_slowest(const struct gyr_log *log)
{
	uint64_t lowest = UINT64_MAX;
	unsigned slowest = 0;

	for (unsigned i = 0; i < log->reader_count; i++) {
		/* Relaxed: a name for people. */
		uint64_t cursor = atomic_load_explicit(&log->readers[i].cursor,
						       memory_order_relaxed);

		if (cursor < lowest) {
			lowest = cursor;
			slowest = i;
		}
	}
	return slowest;
}

/* Whether the ring has room up to `end`. */
static bool has_room(struct gyr_log *log, uint64_t end)
{
	uint64_t lowest = UINT64_MAX;

	if (GYR_LIKELY(end - log->cursor_min <= log->ring_size))
		return true;
	for (unsigned i = 0; i < log->reader_count; i++)
		/* Acquire: pairs with the reader's release; its reads are done before ours write.
		 */
		lowest = gyr_min_u64(lowest, atomic_load_explicit(&log->readers[i].cursor,
								  memory_order_acquire));
	gyr_assert(lowest >= log->cursor_min);
	log->cursor_min = lowest;
	return end - lowest <= log->ring_size;
}

/* Writes a header at the tail, zeroes the padding, and makes the record readable. */
static uint64_t finish_record(struct gyr_log *log, unsigned kind, uint32_t body_length,
			      const struct gyr_log_stamp *stamp)
{
	struct gyr_log_record *record = (void *)gyr_log_at(log, log->tail);
	uint32_t length = (uint32_t)gyr_round_up(sizeof *record + body_length, 8);
	uint32_t pad = length - (uint32_t)sizeof *record - body_length;
	uint64_t position = log->tail;

	memset((uint8_t *)record + length - pad, 0, pad);
	*record = (struct gyr_log_record){
		.length = length,
		.kind = (uint8_t)kind,
		.pad = (uint16_t)pad,
		.position = position,
		.arrival = stamp->arrival,
		.receive_utc_ns = stamp->receive_utc_ns,
		.epoch = log->epoch,
		.receive_error = stamp->receive_error,
	};
	log->arrival_last = gyr_max_u64(log->arrival_last, stamp->arrival);
	log->utc_ns_last = stamp->receive_utc_ns;
	log->block_record_count++;
	log->tail += length;
	/* Release: the record's bytes before the word that lets readers see them. */
	atomic_store_explicit(&log->published, log->tail, memory_order_release);
	return position;
}

/* At the start of a segment: says whose it is. Room has been made sure of. */
static void write_genesis(struct gyr_log *log)
{
	const struct gyr_log_identity *identity = &log->identity;
	struct gyr_log_genesis *genesis =
		(void *)(gyr_log_at(log, log->tail) + sizeof(struct gyr_log_record));

	*genesis = (struct gyr_log_genesis){
		.format_version = identity->format_version,
		.fork_length = identity->fork_length,
		.genesis_hash = identity->genesis_hash,
		.chain_id = identity->chain_id,
		.segment_size = identity->segment_size,
		.fork_hash = identity->fork_hash,
	};
	memcpy(genesis->secret, identity->secret, sizeof genesis->secret);
	memcpy(genesis + 1, identity->fork, identity->fork_length);
	(void)finish_record(log, GYR_LOG_GENESIS, (uint32_t)sizeof *genesis + identity->fork_length,
			    &(struct gyr_log_stamp){ .arrival = log->arrival_last,
						     .receive_utc_ns = log->utc_ns_last });
}

/* Closes the open block at `end`; room up to there has been made sure of. */
static void close_block(struct gyr_log *log, uint64_t end)
{
	uint64_t start = log->block_position;
	uint32_t length = (uint32_t)(end - start);
	struct gyr_log_record *record = (void *)gyr_log_at(log, log->tail);
	struct gyr_log_commit *commit = (void *)(record + 1);
	size_t hole = (size_t)(log->tail - start) + sizeof *record +
		      offsetof(struct gyr_log_commit, checksum);

	gyr_assert(end % GYR_LOG_BLOCK_UNIT == 0 && end - start <= GYR_LOG_BLOCK_LENGTH_MAX);
	gyr_assert(log->tail + GYR_LOG_COMMIT_LENGTH <= end);
	gyr_assert(start / log->edge_size == (end - 1) / log->edge_size);
	memset(record, 0, (size_t)(end - log->tail));
	*record = (struct gyr_log_record){
		.length = (uint32_t)(end - log->tail),
		.kind = GYR_LOG_COMMIT,
		.position = log->tail,
		.arrival = log->arrival_last,
		.receive_utc_ns = log->utc_ns_last,
		.epoch = log->epoch,
	};
	log->durable_said = gyr_log_durable(log);
	gyr_assert(log->durable_said <= start);
	*commit = (struct gyr_log_commit){
		.block_position = start,
		.durable = log->durable_said,
		.previous_checksum = log->previous_checksum,
		.block_length = length,
		.record_count = log->block_record_count,
	};
	commit->checksum = gyr_log_checksum(&log->key, gyr_log_at(log, start), length, hole);
	log->previous_checksum = commit->checksum;
	if (log->block_record_count != 0)
		log->content_end = end;
	log->tail = end;
	log->block_position = end;
	log->block_record_count = 0;
	/* Release, both: the block's bytes before the words that let others see them. */
	atomic_store_explicit(&log->published, end, memory_order_release);
	atomic_store_explicit(&log->committed, end, memory_order_release);
}

void gyr_log_start(struct gyr_log *log, const struct gyr_log_start *start)
{
	struct gyr_log_epoch *epoch;
	const struct gyr_log_stamp stamp = {
		.arrival = start->arrival_next == 0 ? 0 : start->arrival_next - 1,
		.receive_utc_ns = start->utc_ns,
	};

	gyr_assert(log->epoch == 0 && start->epoch > start->previous_epoch);
	gyr_assert(start->position % GYR_LOG_BLOCK_UNIT == 0);
	log->epoch = start->epoch;
	log->tail = start->position;
	log->block_position = start->position;
	log->cursor_min = start->position;
	log->previous_checksum = start->previous_checksum;
	log->arrival_last = stamp.arrival;
	log->utc_ns_last = start->utc_ns;
	for (unsigned i = 0; i < log->reader_count; i++) {
		/* Relaxed: no other thread reads before the caller starts it. */
		atomic_store_explicit(&log->readers[i].cursor, start->position,
				      memory_order_relaxed);
		log->readers[i].position = start->position;
		log->readers[i].seen = start->position;
	}
	if (start->position % log->segment_size == 0)
		write_genesis(log);
	epoch = (void *)(gyr_log_at(log, log->tail) + sizeof(struct gyr_log_record));
	*epoch = (struct gyr_log_epoch){
		.epoch = start->epoch,
		.previous_epoch = start->previous_epoch,
		.cut = start->position,
		.arrival_next = start->arrival_next,
	};
	(void)finish_record(log, GYR_LOG_EPOCH, sizeof *epoch, &stamp);
	close_block(log, start->position + GYR_LOG_BLOCK_UNIT);
}

/* The tail's block is closed where the next record does not fit; false for lack of room. */
static bool make_fit(struct gyr_log *log, uint64_t length)
{
	/* At most a long block, then a short rest before the edge, are closed first. */
	for (unsigned i = 0; i < 3; i++) {
		uint64_t edge = gyr_round_up(log->block_position + 1, log->edge_size);
		bool genesis = log->tail % log->segment_size == 0;
		uint64_t end = log->tail + (genesis ? log->genesis_length : 0) + length +
			       GYR_LOG_COMMIT_LENGTH;
		uint64_t close = end > edge ? edge
					    : gyr_round_up(log->tail + GYR_LOG_COMMIT_LENGTH,
							   GYR_LOG_BLOCK_UNIT);

		if (end <= edge && (log->tail == log->block_position ||
				    end - log->block_position <= log->block_length_max)) {
			/* With room for the COMMIT too: closing never has to wait. */
			if (!has_room(log, gyr_round_up(end, GYR_LOG_BLOCK_UNIT)))
				return false;
			if (genesis)
				write_genesis(log);
			return true;
		}
		if (!has_room(log, close))
			return false;
		close_block(log, close);
	}
	gyr_assert(false); /* a record fits into an empty block */
	return false;
}

void *gyr_log_reserve(struct gyr_log *log, enum gyr_log_kind kind, uint32_t body_length)
{
	uint64_t length = gyr_round_up(sizeof(struct gyr_log_record) + (uint64_t)body_length, 8);

	gyr_assert(log->epoch != 0 && log->reserved_kind == 0);
	gyr_assert(length <= GYR_LOG_RECORD_LENGTH_MAX);
	gyr_assert(kind != GYR_LOG_GENESIS && kind != GYR_LOG_EPOCH && kind != GYR_LOG_COMMIT);
	gyr_assert(gyr_log_kind_name((unsigned)kind) != NULL);
	if (!make_fit(log, length)) {
		log->refused_count++;
		return NULL;
	}
	log->reserved_kind = (uint8_t)kind;
	log->reserved_body_length = body_length;
	return gyr_log_at(log, log->tail) + sizeof(struct gyr_log_record);
}

uint64_t gyr_log_publish(struct gyr_log *log, const struct gyr_log_stamp *stamp)
{
	unsigned kind = log->reserved_kind;

	gyr_assert(kind != 0);
	log->reserved_kind = 0;
	return finish_record(log, kind, log->reserved_body_length, stamp);
}

void gyr_log_abandon(struct gyr_log *log)
{
	gyr_assert(log->reserved_kind != 0);
	log->reserved_kind = 0;
}

bool gyr_log_commit(struct gyr_log *log)
{
	gyr_assert(log->reserved_kind == 0);
	if (log->tail == log->block_position)
		return false;
	close_block(log, gyr_round_up(log->tail + GYR_LOG_COMMIT_LENGTH, GYR_LOG_BLOCK_UNIT));
	return true;
}

bool gyr_log_restate_wanted(const struct gyr_log *log)
{
	return log->tail == log->block_position && log->durable_said < log->content_end &&
	       gyr_log_durable(log) >= log->content_end;
}

bool gyr_log_restate(struct gyr_log *log)
{
	uint64_t end = log->block_position + GYR_LOG_BLOCK_UNIT;

	gyr_assert(log->reserved_kind == 0);
	if (!gyr_log_restate_wanted(log) || !has_room(log, end))
		return false;
	if (log->tail % log->segment_size == 0) {
		uint64_t content_end = log->content_end;

		write_genesis(log);
		close_block(log, end);
		log->content_end = content_end; /* an identity alone needs no restating */
		return true;
	}
	close_block(log, end);
	return true;
}
