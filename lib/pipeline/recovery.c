/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From genesis, checkpoint and log to a server that can go on: the state is made as it was, the log
 * is read to its end and executed again (recovery_replay.c), and a new epoch is opened at the cut.
 */
#include "server_internal.h"

#include <string.h>

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
	server_note_epoch(server, server->log->epoch, reader->end.position);
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
						.buffer_length = SERVER_READ_BUFFER_SIZE,
						.from = from,
						.expected = &server->identity };
	void *memory;
	int error;

	server->recovery.genesis_hash = server->genesis_hash;
	server->recovery.start = from;
	make_identity(server);
	GYR_TRY(server_carve(server, &memory, "recovery", SERVER_READ_BUFFER_SIZE));
	config.buffer = memory;
	GYR_TRY(gyr_wal_reader_open(reader, &config));
	error = from == 0 ? 0 : resume_sequence(server);
	if (error == 0)
		error = server_replay_log(server, reader);
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
