/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log once more: every record into the sequencer's tables, and from the checkpoint on through
 * execution, with roots made beside it where the machine has a CPU for that.
 */
#include "server_internal.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define ROOT_NAP_NS 20000

static void told(void *context, const struct gyr_feedback *transaction)
{
	struct gyr_server *server = context;

	gyr_sequence_replay_result(server->sequence, transaction);
	server->recovery.transaction_count++;
}

/* The youngest epochs, in order; a checkpoint knows those below it. */
void server_note_epoch(struct gyr_server *server, uint32_t epoch, uint64_t start)
{
	if (server->epoch_count > 0 && server->epochs[server->epoch_count - 1].epoch >= epoch)
		return;
	if (server->epoch_count == SERVER_EPOCHS_MAX)
		memmove(&server->epochs[0], &server->epochs[1],
			--server->epoch_count * sizeof server->epochs[0]);
	server->epochs[server->epoch_count++] = (struct server_epoch){ epoch, 0, start };
}

/* Roots beside the replay: what the root lane does later, without a lane. */
static void *make_roots(void *context)
{
	struct gyr_server *server = context;
	const struct timespec nap = { 0, ROOT_NAP_NS };
	int error;

	/* acquire: pairs with the release below; nothing is handed over after it */
	while (!atomic_load_explicit(&server->roots_stop, memory_order_acquire)) {
		error = stage_root_run(&server->stage_root);
		if (error < 0) {
			(void)pipeline_fail(&server->fault, "root", error);
			return NULL;
		}
		(void)nanosleep(&nap, NULL);
	}
	return NULL;
}

static int start_roots(struct gyr_server *server)
{
	int error;

	if (!server->options.parallel_recovery)
		return 0;
	error = pthread_create(&server->roots_thread, NULL, make_roots, server);
	if (error != 0)
		GYR_FAIL(GYR_ERR_MEMORY, "cannot start a thread: %s", strerror(error));
	server->roots_beside = true;
	return 0;
}

static void stop_roots(struct gyr_server *server)
{
	if (!server->roots_beside)
		return;
	atomic_store_explicit(&server->roots_stop, true, memory_order_release);
	(void)pthread_join(server->roots_thread, NULL);
	server->roots_beside = false;
}

/* Until a block is rooted, or all that wait are. */
static int wait_for_roots(struct gyr_server *server, bool all)
{
	const struct timespec nap = { 0, ROOT_NAP_NS };

	if (!server->roots_beside)
		return stage_root_run(&server->stage_root);
	while (all ? gyr_spsc_count(server->blocks) != 0 : gyr_spsc_peek(server->rooted) == NULL) {
		int error = pipeline_failed(&server->fault);

		if (error < 0)
			GYR_FAIL((enum gyr_err)(-error), "%s", server->fault.cause);
		(void)nanosleep(&nap, NULL);
	}
	return 0;
}

/* A replay as it goes. */
struct replay {
	struct gyr_server *server;
	struct gyr_clock *clock;
	uint64_t at_ns;			    /* the last look at the clock */
	uint64_t position;		    /* of the checkpoint; 0: from genesis */
	bool executing;			    /* at or behind it */
	struct gyr_checkpoint_block window; /* below it: the block that records belong to */
	uint64_t window_index;
	uint64_t told_at;
};

/* Time since the last look goes to this part. */
static void spend(struct replay *replay, uint64_t *part_ns)
{
	uint64_t now_ns = gyr_clock_now_ns(replay->clock);

	*part_ns += now_ns - replay->at_ns;
	replay->at_ns = now_ns;
}

/* A record below the checkpoint: what came of it is in there. */
static int replay_window(struct replay *replay, const struct gyr_log_record *record)
{
	struct gyr_checkpoint_store *store = replay->server->stage_checkpoint.store;
	struct gyr_checkpoint_block *block = &replay->window;
	struct gyr_exec_outcome outcome;
	struct gyr_feedback result;

	if (record->kind == GYR_LOG_EVM_BLOCK) {
		const struct gyr_log_evm_block *body = gyr_log_body(record);
		int found = gyr_checkpoint_block(store, block, body->number);

		GYR_TRY(found);
		if (found == 0 || block->position != record->position)
			GYR_FAIL(GYR_ERR_DATA,
				 "the checkpoint does not know block %llu of the log at %llu",
				 (unsigned long long)body->number,
				 (unsigned long long)record->position);
		replay->window_index = 0;
	}
	if (record->kind != GYR_LOG_TX)
		return 0;
	if (replay->window_index >= block->tx_count)
		GYR_FAIL(GYR_ERR_DATA,
			 "the log has more transactions in block %llu than the "
			 "checkpoint",
			 (unsigned long long)block->number);
	memcpy(&outcome, block->outcomes.data + replay->window_index++ * sizeof outcome,
	       sizeof outcome);
	result = (struct gyr_feedback){
		.position = record->position,
		.verdict = outcome.verdict,
		.status = outcome.status,
		.gas_used = outcome.gas_used,
		.block_number = block->number,
	};
	gyr_sequence_replay_result(replay->server->sequence, &result);
	return 0;
}

/* The checkpoint's place is reached: from here on records are executed. */
static int reach(struct replay *replay, const struct gyr_log_record *record)
{
	struct gyr_server *server = replay->server;
	const struct gyr_log_evm_block *body = gyr_log_body(record);
	uint64_t *list = server->exec->block_logs[0].undecided; /* free so far */
	uint32_t count = gyr_arrivals_list(list, &server->sequence->arrivals);

	if (record->position != replay->position || record->kind != GYR_LOG_EVM_BLOCK ||
	    body->number != server->recovery.checkpoint_block + 1)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "no block begins at position %llu of the log, where the checkpoint of "
			 "block %llu ends: they do not belong together",
			 (unsigned long long)replay->position,
			 (unsigned long long)server->recovery.checkpoint_block);
	gyr_checkpoint_read_end(server->stage_checkpoint.store);
	GYR_TRY(gyr_arrivals_resume(
		&server->exec->arrivals, server->sequence->arrivals.next,
		(struct gyr_slice){ (const uint8_t *)list, count * sizeof *list }));
	server->exec->mini_number = server->sequence->block.mini_number;
	gyr_exec_resume(server->exec, server->recovery.checkpoint_block);
	replay->executing = true;
	return 0;
}

/* One record into the sequencer's tables. */
static int replay_sequence(struct replay *replay, const struct gyr_log_record *record)
{
	struct gyr_server *server = replay->server;

	if (!replay->executing && record->position >= replay->position)
		GYR_TRY(reach(replay, record));
	GYR_TRY(gyr_sequence_replay(server->sequence, record));
	if (record->kind == GYR_LOG_EPOCH) {
		const struct gyr_log_epoch *epoch = gyr_log_body(record);

		server_note_epoch(server, epoch->epoch, epoch->cut);
	}
	server->recovery.record_count++;
	return replay->executing ? 0 : replay_window(replay, record);
}

/* One record through execution. */
static int replay_execute(struct replay *replay, const struct gyr_log_record *record)
{
	struct gyr_server *server = replay->server;
	enum gyr_exec_step step;

	for (;;) {
		GYR_TRY(gyr_exec_replay(server->exec, &step, record, told, server));
		if (step == GYR_EXEC_DONE)
			return 0;
		gyr_assert(step == GYR_EXEC_WAIT_ROOT);
		spend(replay, &server->recovery.execute_ns);
		GYR_TRY(wait_for_roots(server, false));
		spend(replay, &server->recovery.root_ns);
	}
}

/* One block of the log: its records into the sequencer, then through execution. */
static int replay_block(struct replay *replay, const struct gyr_log_block *block, uint64_t from)
{
	struct gyr_server *server = replay->server;
	const struct gyr_log_record *record = NULL;
	const struct gyr_log_record *first = NULL;

	while ((record = gyr_log_block_next(block, record)) != NULL) {
		if (record->position < from)
			continue;
		GYR_TRY(replay_sequence(replay, record));
		if (replay->executing && first == NULL)
			first = record;
	}
	spend(replay, &server->recovery.sequence_ns);
	if (first != NULL)
		gyr_exec_replay_block(server->exec, block, first);
	for (record = first; record != NULL; record = gyr_log_block_next(block, record))
		GYR_TRY(replay_execute(replay, record));
	spend(replay, &server->recovery.execute_ns);
	server->recovery.byte_count += block->length;
	return 0;
}

static int replay_blocks(struct gyr_server *server, struct gyr_wal_reader *reader)
{
	struct gyr_clock *clock = server->options.drivers.clock;
	struct replay replay = {
		.server = server,
		.clock = clock,
		.at_ns = gyr_clock_now_ns(clock),
		.position = server->recovery.checkpoint_position,
		.executing = server->recovery.checkpoint_block == 0,
	};
	struct gyr_log_block block;
	int more;

	while ((more = gyr_wal_reader_next_block(reader, &block)) > 0) {
		atomic_store_explicit(&server->stage_checkpoint.replay_durable,
				      reader->durable_said, memory_order_relaxed);
		spend(&replay, &server->recovery.read_ns);
		GYR_TRY(replay_block(&replay, &block, reader->config.from));
		if (server->recovery.byte_count - replay.told_at >= SERVER_READ_BUFFER_SIZE) {
			replay.told_at = server->recovery.byte_count;
			server_progress(server, "log", block.position - reader->start,
					reader->last_end - reader->start);
		}
	}
	GYR_TRY(more);
	if (!replay.executing)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "the log ends at position %llu, the checkpoint of block %llu is at %llu",
			 (unsigned long long)reader->end.position,
			 (unsigned long long)server->recovery.checkpoint_block,
			 (unsigned long long)replay.position);
	spend(&replay, &server->recovery.read_ns);
	GYR_TRY(wait_for_roots(server, true));
	spend(&replay, &server->recovery.root_ns);
	server_progress(server, "log", 1, 1);
	return 0;
}

int server_replay_log(struct gyr_server *server, struct gyr_wal_reader *reader)
{
	int error = start_roots(server);

	if (error == 0)
		error = replay_blocks(server, reader);
	stop_roots(server);
	return error;
}
