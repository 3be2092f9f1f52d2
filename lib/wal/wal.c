/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_wal.h"
#include "wal_state.h"

#define IN_FLIGHT_MAX_DEFAULT	 8
#define WRITE_LENGTH_MAX_DEFAULT (512u * 1024)
#define SHORT_COUNT_MAX		 16 /* continuations of one write */
#define ENTRY_MASK		 (GYR_BLOCKDEV_IN_FLIGHT_MAX - 1)

_Static_assert((GYR_BLOCKDEV_IN_FLIGHT_MAX & ENTRY_MASK) == 0, "a ring");

void wal_fail(struct gyr_wal *wal, int error, int system_error, uint64_t position)
{
	bool expected = false;

	gyr_assert(error < 0);
	/* Relaxed: it only picks one writer; `status` publishes. */
	if (!atomic_compare_exchange_strong_explicit(&wal->failing, &expected, true,
						     memory_order_relaxed, memory_order_relaxed))
		return;
	wal->failure.error = error;
	wal->failure.system_error = system_error;
	wal->failure.position = position;
	/* Release: the reason before the word that says there is one. */
	atomic_store_explicit(&wal->status, error, memory_order_release);
	/* Relaxed: a hint. */
	atomic_store_explicit(&wal->takes_at, UINT64_MAX, memory_order_relaxed);
}

int gyr_wal_explain(const struct gyr_wal *wal)
{
	int error = gyr_wal_status(wal);

	gyr_assert(error < 0);
	return gyr_err_push((enum gyr_err) - error, __FILE__, __LINE__,
			    error == -GYR_ERR_DISK_FULL
				    ? "no room for the log segment at position %llu: %s"
				    : "writing the log at position %llu: %s",
			    (unsigned long long)wal->failure.position,
			    wal->failure.system_error == 0 ? "the device wrote less than asked"
							   : strerror(wal->failure.system_error));
}

static int check(const struct gyr_wal_config *config, const struct gyr_wal_end *end)
{
	if (end->kind == GYR_WAL_END_NONE)
		GYR_FAIL(GYR_ERR_INTERNAL, "the log was not read to its end");
	if (config->in_flight_max > GYR_BLOCKDEV_IN_FLIGHT_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "%u log writes in flight: at most %u",
			 config->in_flight_max, GYR_BLOCKDEV_IN_FLIGHT_MAX);
	if (config->write_length_max % GYR_LOG_BLOCK_UNIT != 0 ||
	    config->write_length_max > 16u << 20)
		GYR_FAIL(GYR_ERR_CONFIG,
			 "log writes of at most %u bytes: wanted is a multiple "
			 "of 4096 up to 16 MiB",
			 config->write_length_max);
	if (config->prepare_ahead > 4)
		GYR_FAIL(GYR_ERR_CONFIG, "%u segments prepared ahead: at most 4",
			 config->prepare_ahead);
	if (end->position % GYR_LOG_BLOCK_UNIT != 0)
		GYR_FAIL(GYR_ERR_INTERNAL, "the cut is no block's start");
	return 0;
}

int gyr_wal_open(struct gyr_wal *wal, const struct gyr_wal_config *config,
		 const struct gyr_wal_end *end)
{
	GYR_TRY(check(config, end));
	gyr_assert((uintptr_t)wal % GYR_CACHE_LINE == 0);
	memset(wal, 0, sizeof *wal);
	wal->dev = config->dev;
	wal->log = config->log;
	wal->segment_size = config->log->segment_size;
	wal->retention_bytes = config->retention_bytes;
	wal->in_flight_max = config->in_flight_max == 0 ? IN_FLIGHT_MAX_DEFAULT
							: config->in_flight_max;
	wal->write_length_max = config->write_length_max == 0 ? WRITE_LENGTH_MAX_DEFAULT
							      : config->write_length_max;
	wal->prepare_ahead = config->prepare_ahead == 0 ? 2 : config->prepare_ahead;
	wal->spare_count_max = config->spare_count_max == 0 ? 2 : config->spare_count_max;
	wal->write_ns = config->write_ns;
	wal->fill_slot = -1;
	wal->queued = end->position;
	wal->claim = end->position;
	wal->committed_seen = end->position;
	/* Relaxed, here and below: no other thread runs yet. */
	atomic_store_explicit(&wal->takes_at, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&wal->segment_current, end->position / wal->segment_size,
			      memory_order_relaxed);
	GYR_TRY(wal_prepare_init(wal, end));
	gyr_log_start(wal->log, &(struct gyr_log_start){
					.position = end->position,
					.previous_checksum = end->previous_checksum,
					.arrival_next = end->arrival_next,
					.utc_ns = config->utc_ns,
					.epoch = end->epoch + 1,
					.previous_epoch = end->epoch,
				});
	wal->epoch_end = gyr_log_committed(wal->log);
	return 0;
}

int gyr_wal_consumer_add(struct gyr_wal *wal, uint64_t position)
{
	if (wal->consumer_count == GYR_WAL_CONSUMERS_MAX)
		GYR_FAIL(GYR_ERR_LIMIT, "the log has %u consumers already", GYR_WAL_CONSUMERS_MAX);
	/* Relaxed: before the threads start. */
	atomic_store_explicit(&wal->consumers[wal->consumer_count], position, memory_order_relaxed);
	return (int)wal->consumer_count++;
}

static struct gyr_wal_write *entry_of(struct gyr_wal *wal, uint32_t number)
{
	return &wal->writes[number & ENTRY_MASK];
}

/* Hands what is left of a write to the device; it may have to wait for a free place. */
static void send(struct gyr_wal *wal, uint32_t number)
{
	struct gyr_wal_write *write = entry_of(wal, number);
	uint64_t segment = write->start / wal->segment_size;
	uint32_t length = (uint32_t)(write->end - write->start);

	gyr_assert(write->start < write->end);
	if (!gyr_blockdev_queue(wal->dev, *wal_slot(wal, segment),
				gyr_log_at(wal->log, write->start), length,
				write->start & (wal->segment_size - 1), number)) {
		write->state = GYR_WAL_WRITE_WAITS;
		return;
	}
	write->state = GYR_WAL_WRITE_OUT;
	wal->statistics.write_count++;
}

static void complete(struct gyr_wal *wal, const struct gyr_blockdev_completion *completion,
		     uint64_t now_ns)
{
	uint32_t number = (uint32_t)completion->tag;
	struct gyr_wal_write *write = entry_of(wal, number);
	uint64_t length = write->end - write->start;
	uint64_t done;

	gyr_assert(number - wal->head < wal->tail - wal->head && write->state == GYR_WAL_WRITE_OUT);
	if (completion->result < 0) {
		int number_of_error = -completion->result;

		wal_fail(wal,
			 number_of_error == ENOSPC || number_of_error == EDQUOT ? -GYR_ERR_DISK_FULL
										: -GYR_ERR_FLUSH,
			 number_of_error, write->start);
		return;
	}
	done = (uint64_t)completion->result;
	gyr_assert(done <= length);
	wal->statistics.write_byte_count += done;
	if (done == length) {
		write->state = GYR_WAL_WRITE_DONE;
		if (wal->write_ns != NULL)
			gyr_metric_record(wal->write_ns, now_ns - write->commit_ns);
		return;
	}
	/* Short: what was written is durable, the rest is a write of its own. Its first unit may
	 * be half written, with the same bytes. */
	wal->statistics.short_write_count++;
	if (done == 0 || ++write->short_count > SHORT_COUNT_MAX) {
		wal_fail(wal, -GYR_ERR_FLUSH, 0, write->start);
		return;
	}
	write->start += done / GYR_LOG_BLOCK_UNIT * GYR_LOG_BLOCK_UNIT;
	write->state = GYR_WAL_WRITE_WAITS;
}

/* Moves the durable position over what is done without a gap. */
static void advance(struct gyr_wal *wal)
{
	struct gyr_log_reader *reader = &wal->log->readers[GYR_LOG_READER_WAL];
	uint64_t durable = reader->position;
	uint64_t segment;

	while (wal->head != wal->tail && entry_of(wal, wal->head)->state == GYR_WAL_WRITE_DONE) {
		const struct gyr_wal_write *write = entry_of(wal, wal->head);

		gyr_assert(write->claim >= durable);
		durable = write->claim;
		segment = write->end / wal->segment_size;
		wal->head++;
		/* Relaxed: this thread alone stores it. */
		if (segment != atomic_load_explicit(&wal->segment_current, memory_order_relaxed)) {
			gyr_blockdev_detach(wal->dev, *wal_slot(wal, segment - 1));
			/* Release: the detach before the cold lane closes the file. */
			atomic_store_explicit(&wal->segment_current, segment, memory_order_release);
		}
	}
	if (durable != reader->position) {
		gyr_assert(durable > reader->position);
		reader->position = durable;
		gyr_log_release(wal->log, GYR_LOG_READER_WAL);
	}
}

/* Cuts what is committed into writes, as many as may be in flight. */
static unsigned start_writes(struct gyr_wal *wal, uint64_t now_ns)
{
	uint64_t committed = gyr_log_committed(wal->log);
	unsigned count = 0;

	/* The epoch's first block alone, until it is durable: recovery counts on that. */
	if (gyr_log_durable(wal->log) < wal->epoch_end)
		committed = gyr_min_u64(committed, wal->epoch_end);
	gyr_assert(committed >= wal->committed_seen);
	wal->committed_seen = committed;
	while (wal->queued < committed && wal->tail - wal->head < wal->in_flight_max) {
		uint64_t segment = wal->queued / wal->segment_size;
		uint64_t edge = gyr_round_up(wal->queued + 1, wal->log->edge_size);
		uint64_t end = gyr_min_u64(gyr_min_u64(committed, edge),
					   wal->queued + wal->write_length_max);
		struct gyr_wal_write *write = entry_of(wal, wal->tail);

		/* Acquire: pairs with the cold lane's release; the slot is there. */
		if (segment >= atomic_load_explicit(&wal->segment_ready, memory_order_acquire)) {
			wal->statistics.wait_segment_count++;
			break;
		}
		/* Only where a block is known to end may durable stop; a cut elsewhere, of a
		 * backlog longer than one write, counts with the write that completes it. */
		if (end == committed || end == edge)
			wal->claim = end;
		*write = (struct gyr_wal_write){
			.start = wal->queued,
			.end = end,
			.claim = wal->claim,
			.commit_ns = now_ns,
		};
		wal->queued = end;
		send(wal, wal->tail++);
		count++;
	}
	if (wal->tail - wal->head > wal->statistics.in_flight_max_seen)
		wal->statistics.in_flight_max_seen = wal->tail - wal->head;
	return count;
}

unsigned gyr_wal_poll(struct gyr_wal *wal, uint64_t now_ns)
{
	struct gyr_blockdev_completion completions[GYR_BLOCKDEV_IN_FLIGHT_MAX];
	unsigned count;
	bool takes;

	if (GYR_UNLIKELY(gyr_wal_status(wal) != 0))
		return 0;
	count = wal->head == wal->tail
			? 0
			: gyr_blockdev_poll(wal->dev, completions, GYR_COUNT(completions));
	for (unsigned i = 0; i < count; i++) {
		complete(wal, &completions[i], now_ns);
		/* At once: nothing that completed with or after it is acknowledged. */
		if (GYR_UNLIKELY(gyr_wal_status(wal) != 0))
			return count;
	}
	if (count != 0)
		advance(wal);
	for (uint32_t i = wal->head; i != wal->tail; i++)
		if (GYR_UNLIKELY(entry_of(wal, i)->state == GYR_WAL_WRITE_WAITS))
			send(wal, i);
	count += start_writes(wal, now_ns);
	gyr_blockdev_submit(wal->dev);
	takes = wal->tail - wal->head < wal->in_flight_max && wal->queued == wal->committed_seen &&
		gyr_log_durable(wal->log) >= wal->epoch_end;
	/* Relaxed: a hint. */
	atomic_store_explicit(&wal->takes_at, takes ? wal->queued : UINT64_MAX,
			      memory_order_relaxed);
	return count;
}

uint64_t gyr_wal_oldest_ns(const struct gyr_wal *wal, uint64_t now_ns)
{
	uint64_t since;

	if (wal->head == wal->tail)
		return 0;
	since = wal->writes[wal->head & ENTRY_MASK].commit_ns;
	return now_ns > since ? now_ns - since : 0;
}

bool gyr_wal_drained(const struct gyr_wal *wal)
{
	return gyr_wal_status(wal) != 0 || gyr_log_durable(wal->log) == gyr_log_committed(wal->log);
}
