/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From genesis, checkpoint and log to a server that can go on: the state is made as it was, the log
 * is read to its end and executed again, the sequencer's tables are rebuilt from it, and a new
 * epoch is opened at the cut.
 */
#include "server_internal.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "gyr_wal_reader.h"

#define READ_BUFFER_SIZE  (8u << 20)
#define ROOT_NAP_NS	  20000
#define SERVING_WAITS_MAX 100000000u

void server_progress(const struct gyr_server *server, const char *what, uint64_t done,
		     uint64_t total)
{
	if (server->options.progress != NULL)
		server->options.progress(server->options.progress_context, what, done, total);
}

static int add_account(void *context, const struct gyr_genesis_account *account)
{
	struct gyr_server *server = context;

	if (!gyr_stf_genesis_account(server->stf, &account->address, account->nonce,
				     &account->balance, account->code))
		GYR_FAIL(GYR_ERR_LIMIT, "genesis does not fit: raise exec.accounts");
	return 0;
}

static int add_slot(void *context, const struct gyr_address *address, const struct gyr_u256 *key,
		    const struct gyr_u256 *value)
{
	struct gyr_server *server = context;

	if (!gyr_stf_genesis_slot(server->stf, address, key, value))
		GYR_FAIL(GYR_ERR_LIMIT, "genesis does not fit: raise exec.slots");
	return 0;
}

/* What a part of the state is copied into; carved once. */
static int carve_export(struct gyr_server *server, struct gyr_write_set *set)
{
	size_t size = gyr_write_set_size(&server->limits.state);
	struct gyr_arena arena;

	if (server->export_memory == NULL)
		GYR_TRY(server_carve(server, &server->export_memory, "export", size));
	arena = gyr_arena_over(server->export_memory, size);
	if (!gyr_write_set_init(set, &arena, &server->limits.state))
		GYR_FAIL(GYR_ERR_MEMORY, "the export does not fit its arena");
	return 0;
}

int server_fill_root(struct gyr_server *server,
		     int (*visit)(struct gyr_server *server, const struct gyr_write_set *part))
{
	struct gyr_state_cursor cursor = { 0 };
	struct gyr_write_set set;

	GYR_TRY(carve_export(server, &set));
	while (gyr_state_export(gyr_stf_state(server->stf), &cursor, &set)) {
		if (!gyr_stf_root_apply(server->stage_root.root, &set))
			GYR_FAIL(GYR_ERR_LIMIT, "the tries are full: raise the state's limits");
		if (visit != NULL)
			GYR_TRY(visit(server, &set));
	}
	return 0;
}

/* State, tries and hash of genesis; with `base`, the first checkpoint too. */
static int make_genesis(struct gyr_server *server, bool base)
{
	const struct gyr_genesis_header *given = gyr_genesis_header(server->genesis);
	struct gyr_stf_header header = {
		.fork = gyr_chain_fork(&server->chain, 0, given->timestamp),
		.fee_recipient = given->coinbase,
		.difficulty = given->difficulty,
		.gas_limit = given->gas_limit,
		.timestamp = given->timestamp,
		.extra = { given->extra, given->extra_length },
		.prev_randao = given->mix_hash,
		.base_fee = given->base_fee != 0 ? given->base_fee : server->chain.base_fee_initial,
	};
	struct gyr_stf_parent parent = {
		.timestamp = given->timestamp,
		.gas_limit = given->gas_limit,
		.base_fee = header.base_fee,
	};

	server_progress(server, "genesis", 0, gyr_genesis_account_count(server->genesis));
	GYR_TRY(gyr_genesis_walk(server->genesis, add_account, add_slot, server));
	gyr_stf_seal(server->stf, &parent);
	if (base)
		GYR_TRY(gyr_checkpoint_begin(server->stage_checkpoint.store));
	GYR_TRY(server_fill_root(server, base ? server_base_checkpoint : NULL));
	memcpy(header.nonce, given->nonce, sizeof header.nonce);
	header.state_root = *gyr_stf_root_state(server->stage_root.root);
	header.tx_root = gyr_keccak_empty_trie;
	header.receipt_root = gyr_keccak_empty_trie;
	gyr_stf_header_hash(&server->genesis_hash, &header, server->options.drivers.keccak);
	gyr_stf_provide_block_hash(server->stf, 0, &server->genesis_hash);
	server->stage_root.parent_hash = server->genesis_hash;
	return base ? server_base_done(server, &parent) : 0;
}

static void make_identity(struct gyr_server *server)
{
	struct gyr_log_identity *identity = &server->identity;

	identity->genesis_hash = server->genesis_hash;
	identity->chain_id = server->chain.chain_id;
	identity->segment_size = server->conf.log.segment_size;
	identity->format_version = GYR_LOG_FORMAT_VERSION;
	identity->fork_length = (uint32_t)gyr_genesis_schedule(
		identity->fork, sizeof identity->fork, &server->chain);
	server->options.drivers.keccak->hash(&identity->fork_hash, identity->fork,
					     identity->fork_length);
	for (unsigned i = 0; i < sizeof identity->secret; i += 8) {
		uint64_t word = gyr_rng_next(&server->rng);

		memcpy(identity->secret + i, &word, sizeof word);
	}
}

static void told(void *context, const struct gyr_feedback *transaction)
{
	struct gyr_server *server = context;

	gyr_sequence_replay_result(server->sequence, transaction);
	server->recovery.transaction_count++;
}

/* The youngest epochs, in order; a checkpoint knows those below it. */
static void note_epoch(struct gyr_server *server, uint32_t epoch, uint64_t start)
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

		note_epoch(server, epoch->epoch, epoch->cut);
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

static int replay_log(struct gyr_server *server, struct gyr_wal_reader *reader)
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
		if (server->recovery.byte_count - replay.told_at >= READ_BUFFER_SIZE) {
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

static int open_device(struct gyr_server *server, bool read_only)
{
	const struct gyr_conf *conf = &server->conf;
	struct gyr_blockdev_config config = {
		.path = conf->data.directory,
		.buffer = server->log_ring,
		.buffer_length = conf->log.ring_size,
		.in_flight_max = (uint32_t)conf->log.in_flight,
		.helper_count = 2, /* pwrite: the data lane does not wait for the disk */
		.want_event = !read_only,
		.read_only = read_only,
		.context = server->options.drivers.block_context,
	};
	const struct gyr_blockdev_ops *chosen[8];
	unsigned count = 0;
	char reasons[512];

	for (unsigned i = 0; i < server->options.drivers.block_count && count < 8; i++) {
		const struct gyr_blockdev_ops *driver = server->options.drivers.block[i];

		if (strcmp(conf->log.driver, "auto") == 0 ||
		    strcmp(conf->log.driver, driver->name) == 0)
			chosen[count++] = driver;
	}
	if (count == 0)
		GYR_FAIL(GYR_ERR_CONFIG, "log.driver: no driver is called \"%s\"",
			 conf->log.driver);
	return gyr_blockdev_open(&server->device, reasons, sizeof reasons, chosen, count, &config);
}

/* The sequencer's view of accounts is what execution ended with. */
static int load_accounts(struct gyr_server *server)
{
	struct gyr_state_cursor cursor = { 0 };
	struct gyr_write_set set;

	GYR_TRY(carve_export(server, &set));
	while (gyr_state_export(gyr_stf_state(server->stf), &cursor, &set))
		for (uint32_t i = 0; i < set.account_count; i++) {
			struct gyr_stf_account account;
			uint8_t flags;

			if (!gyr_stf_account_read(server->stf, &set.accounts[i].address, &account))
				continue;
			flags = (uint8_t)((account.has_code ? GYR_VIEW_CODE : 0) |
					  (account.delegated ? GYR_VIEW_DELEGATED : 0));
			GYR_TRY(gyr_sequence_load(server->sequence, &account.address, account.nonce,
						  &account.balance, flags));
		}
	return 0;
}

static int open_log(struct gyr_server *server, const struct gyr_wal_reader *reader)
{
	const struct gyr_conf *conf = &server->conf;
	struct gyr_log_config log = {
		.ring = server->log_ring,
		.ring_size = conf->log.ring_size,
		.block_length_max = (uint32_t)conf->log.block_size_max,
		.identity = reader->end.epoch == 0 ? server->identity : reader->identity,
	};
	struct gyr_wal_config wal = {
		.dev = server->device,
		.log = server->log,
		.in_flight_max = (uint32_t)conf->log.in_flight,
		.prepare_ahead = (uint32_t)conf->log.prepared,
		.retention_bytes = conf->log.retain_size,
		.utc_ns = server_utc_ns(server),
		.write_ns = &server->metric.area->wal[0].write_ns,
	};
	struct gyr_wal_end end = reader->end;
	int added;

	GYR_TRY(gyr_log_init(server->log, &log));
	added = gyr_log_reader_add(server->log, "exec");
	GYR_TRY(added);
	server->exec_reader = (unsigned)added;
	/* lost arrivals are below it: the sequencer rejects them in the new epoch */
	end.arrival_next = gyr_sequence_arrival_next(server->sequence);
	GYR_TRY(gyr_wal_open(server->wal, &wal, &end));
	server->wal_open = true;
	server->recovery.epoch = server->log->epoch;
	server->recovery.cut = reader->end.position;
	note_epoch(server, server->log->epoch, reader->end.position);
	server->stage_wal = (struct stage_wal){ .wal = server->wal,
						.device = server->device,
						.fault = &server->fault,
						.metric = &server->metric.area->wal[0] };
	server->stage_exec.metric = &server->metric.area->exec[0];
	server->stage_root.root_ns = &server->metric.area->block[0].root_ns;
	server->exec->log = server->log;
	server->exec->reader = server->exec_reader;
	server->sequence->commit_takes_at = &server->wal->takes_at;
	return 0;
}

/* Until the epoch's own block is durable nothing may be promised to anyone. */
static int wait_serving(struct gyr_server *server)
{
	for (uint64_t i = 0; i < SERVING_WAITS_MAX; i++) {
		if (gyr_wal_status(server->wal) != 0)
			return gyr_wal_explain(server->wal);
		if (gyr_wal_is_serving(server->wal))
			return 0;
		(void)gyr_wal_poll(server->wal, gyr_clock_now_ns(server->options.drivers.clock));
		(void)gyr_wal_prepare_poll(server->wal);
		if (server->options.wait != NULL)
			server->options.wait(server->options.wait_context);
	}
	GYR_FAIL(GYR_ERR_TIMEOUT, "the first block of the epoch did not become durable");
}

static int start_sequence(struct gyr_server *server)
{
	struct gyr_clock *clock = server->options.drivers.clock;
	uint64_t now_ns = gyr_clock_now_ns(clock);
	struct gyr_sequence_executed executed = {
		.block_number = server->exec->block_number,
		.gas_used = server->exec->block_gas_used,
		.base_fee = gyr_stf_base_fee(server->stf),
	};

	GYR_TRY(load_accounts(server));
	server->recovery.accounts_ns = gyr_clock_now_ns(clock) - now_ns;
	GYR_TRY(gyr_sequence_start(server->sequence, &executed, now_ns,
				   gyr_clock_utc_at(clock, now_ns).utc_ns));
	gyr_exec_go_live(server->exec);
	server->recovery.block_number = server->exec->block_number;
	server->recovery.arrival_next = gyr_sequence_arrival_next(server->sequence);
	server->recovery.state_root = *gyr_stf_root_state(server->stage_root.root);
	return 0;
}

/* Before the log: genesis, or the checkpoint. Where to read the log from is in *from. */
static int make_state(struct gyr_server *server, uint64_t *from)
{
	struct gyr_server_recovery *recovery = &server->recovery;
	struct gyr_clock *clock = server->options.drivers.clock;
	uint64_t begun_ns = gyr_clock_now_ns(clock);
	struct gyr_checkpoint_head head;
	uint64_t first_position;
	bool known;
	int found = server_open_checkpoint(server, &head, &known);

	GYR_TRY(found);
	GYR_TRY(gyr_wal_first_position(server->device, &first_position));
	if (found == 0 || head.block_number == 0) {
		if (first_position != 0)
			GYR_FAIL(
				GYR_ERR_LOG_DAMAGED,
				"the log begins at position %llu: what came before was pruned, and "
				"there is no checkpoint to start from",
				(unsigned long long)first_position);
		GYR_TRY(make_genesis(server, server->stage_checkpoint.store != NULL && found == 0));
		recovery->genesis_ns = gyr_clock_now_ns(clock) - begun_ns;
		if (found != 0 && !gyr_hash_equal(&head.block_hash, &server->genesis_hash))
			GYR_FAIL(GYR_ERR_GENESIS, "the checkpoints belong to another genesis");
		return server_claim_checkpoint(server);
	}
	if (!known) {
		/* the file is another one: perhaps its genesis is the same */
		GYR_TRY(make_genesis(server, false));
		GYR_TRY(server_claim_checkpoint(server));
		gyr_stf_reset(server->stf, &server->chain);
		gyr_stf_root_reset(server->stage_root.root);
	}
	recovery->genesis_ns = gyr_clock_now_ns(clock) - begun_ns;
	GYR_TRY(server_load_checkpoint(server, &head, first_position));
	recovery->checkpoint_ns = gyr_clock_now_ns(clock) - begun_ns - recovery->genesis_ns;
	*from = checkpoint_window_first(&server->stage_checkpoint.window)->position;
	return 0;
}

/* What held where the log is read from, when that is not its beginning. */
static int resume_sequence(struct gyr_server *server)
{
	const struct checkpoint_window_block *first =
		checkpoint_window_first(&server->stage_checkpoint.window);
	struct gyr_checkpoint_block block;
	int found = gyr_checkpoint_block(server->stage_checkpoint.store, &block, first->number);

	GYR_TRY(found);
	gyr_assert(found == 1); /* it was there a moment ago */
	return gyr_sequence_resume(server->sequence, block.arrival_next, block.undecided,
				   block.mini_number);
}

/* From now on the checkpoint lane goes on with what recovery began. */
static int start_checkpoints(struct gyr_server *server)
{
	struct stage_checkpoint *stage = &server->stage_checkpoint;
	const struct checkpoint_window_block *first;
	int added;

	if (stage->store == NULL)
		return 0;
	first = checkpoint_window_first(&stage->window);
	added = gyr_wal_consumer_add(server->wal, first == NULL ? 0 : first->position);
	GYR_TRY(added);
	stage->consumer = (unsigned)added;
	stage->wal = server->wal;
	stage->log = server->log;
	stage->due_ns = 1; /* what was replayed need not be again */
	stage->epochs = (struct gyr_slice){ (const uint8_t *)server->epochs,
					    server->epoch_count * sizeof server->epochs[0] };
	return 0;
}

/* From `from`, which the sequencer knows, to the end of the log. */
static int read_log(struct gyr_server *server, struct gyr_wal_reader *reader, uint64_t from)
{
	struct gyr_wal_reader_config config = { .dev = server->device,
						.buffer_length = READ_BUFFER_SIZE,
						.from = from,
						.expected = &server->identity };
	void *memory;
	int error;

	server->recovery.genesis_hash = server->genesis_hash;
	server->recovery.start = from;
	make_identity(server);
	GYR_TRY(server_carve(server, &memory, "recovery", READ_BUFFER_SIZE));
	config.buffer = memory;
	GYR_TRY(gyr_wal_reader_open(reader, &config));
	error = from == 0 ? 0 : resume_sequence(server);
	if (error == 0)
		error = start_roots(server);
	if (error == 0)
		error = replay_log(server, reader);
	stop_roots(server);
	if (error < 0)
		gyr_wal_reader_close(reader);
	return error;
}

int server_replay(struct gyr_server *server)
{
	struct gyr_clock *clock = server->options.drivers.clock;
	uint64_t begun_ns = gyr_clock_now_ns(clock);
	struct gyr_wal_reader reader;
	uint64_t first_position;

	GYR_TRY(open_device(server, true));
	GYR_TRY(gyr_wal_first_position(server->device, &first_position));
	if (first_position != 0)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "the log begins at position %llu, what came before is pruned: there is no "
			 "replay from genesis",
			 (unsigned long long)first_position);
	GYR_TRY(make_genesis(server, false));
	server->recovery.genesis_ns = gyr_clock_now_ns(clock) - begun_ns;
	GYR_TRY(read_log(server, &reader, 0));
	gyr_wal_reader_close(&reader);
	server->recovery.epoch = reader.end.epoch;
	server->recovery.cut = reader.end.position;
	server->recovery.block_number = server->exec->block_number;
	server->recovery.arrival_next = gyr_sequence_arrival_next(server->sequence);
	server->recovery.state_root = *gyr_stf_root_state(server->stage_root.root);
	server->recovery.duration_ns = gyr_clock_now_ns(clock) - begun_ns;
	return 0;
}

int server_recover(struct gyr_server *server)
{
	struct gyr_clock *clock = server->options.drivers.clock;
	uint64_t begun_ns = gyr_clock_now_ns(clock);
	struct gyr_wal_reader reader;
	uint64_t from = 0;
	int error;

	GYR_TRY(open_device(server, false));
	GYR_TRY(server_open_metrics(server));
	GYR_TRY(make_state(server, &from));
	GYR_TRY(read_log(server, &reader, from));
	error = open_log(server, &reader);
	gyr_wal_reader_close(&reader);
	GYR_TRY(error);
	GYR_TRY(start_checkpoints(server));
	GYR_TRY(wait_serving(server));
	GYR_TRY(start_sequence(server));
	server->recovery.duration_ns = gyr_clock_now_ns(clock) - begun_ns;
	return 0;
}
