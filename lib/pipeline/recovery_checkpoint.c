/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint's part of opening: its memory, its store, its first content, and loading it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gyr_bytes.h"
#include "server_internal.h"

#define DIGEST_STEP	65536u
#define SET_BLOCKS_MAX	4096u
#define PROGRESS_EVERY	262144u
#define STORE_DIRECTORY "checkpoint"

static void store_path(const struct gyr_server *server, char to[GYR_CONF_PATH_MAX + 16])
{
	(void)snprintf(to, GYR_CONF_PATH_MAX + 16, "%s/" STORE_DIRECTORY,
		       server->conf.data.directory);
}

static bool is_wanted(const struct gyr_server *server)
{
	return server->conf.checkpoint.enabled && server->options.drivers.store != NULL;
}

static int carve_sets(struct gyr_server *server, const struct gyr_checkpoint_set_limits *limits)
{
	size_t size = gyr_checkpoint_set_size(limits);
	struct gyr_checkpoint_set *set;
	struct gyr_arena arena;
	void *memory;

	for (unsigned i = 0; i < 2; i++) {
		GYR_TRY(server_carve(server, &memory, "checkpoint-set", sizeof *set));
		set = memory;
		GYR_TRY(server_carve(server, &memory, "checkpoint-rows", size));
		arena = gyr_arena_over(memory, size);
		if (!gyr_checkpoint_set_init(set, &arena, limits))
			GYR_FAIL(GYR_ERR_MEMORY, "the checkpoint's rows do not fit their arena");
		if (i == 0) {
			server->stage_checkpoint.filling = set;
			continue;
		}
		*(struct gyr_checkpoint_set **)gyr_spsc_reserve(server->stage_checkpoint.empty) =
			set;
		gyr_spsc_publish(server->stage_checkpoint.empty);
	}
	return 0;
}

static int carve_ring(struct gyr_server *server, struct gyr_spsc **out)
{
	size_t item_size = sizeof(struct gyr_checkpoint_set *);
	void *memory;

	GYR_TRY(server_carve(server, &memory, "checkpoint-ring", gyr_spsc_size(item_size, 2)));
	*out = gyr_spsc_init(memory, item_size, 2);
	return 0;
}

/* What execution notes of each block. */
static int carve_block_logs(struct gyr_server *server, uint32_t undecided_max)
{
	struct gyr_exec *exec = server->exec;
	void *memory;

	GYR_TRY(server_carve(server, &memory, "undecided", undecided_max * sizeof(uint64_t)));
	gyr_arrivals_init(&exec->arrivals, memory, undecided_max);
	GYR_TRY(server_carve(server, &memory, "block-logs",
			     SERVER_BLOCKS_HELD * sizeof *exec->block_logs));
	exec->block_logs = memory;
	exec->block_log_count = SERVER_BLOCKS_HELD;
	exec->outcome_count_max = server->limits.tx_count_max;
	for (unsigned i = 0; i < SERVER_BLOCKS_HELD; i++) {
		GYR_TRY(server_carve(server, &memory, "undecided",
				     undecided_max * sizeof(uint64_t)));
		exec->block_logs[i].undecided = memory;
		GYR_TRY(server_carve(server, &memory, "outcomes",
				     exec->outcome_count_max * sizeof(struct gyr_exec_outcome)));
		exec->block_logs[i].outcomes = memory;
	}
	return 0;
}

int server_build_checkpoint(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;
	struct stage_checkpoint *stage = &server->stage_checkpoint;
	uint32_t undecided_max = (uint32_t)gyr_max_u64(GYR_SEQUENCE_LOST_MAX,
						       conf->sequence.park_count);
	struct gyr_checkpoint_set_limits limits = {
		.account_count_max = server->limits.state.dirty_count_max,
		.slot_count_max = server->limits.state.dirty_count_max,
		.block_count_max = SET_BLOCKS_MAX,
		.undecided_count_max = 2 * undecided_max,
		.outcome_count_max = (uint32_t)conf->sequence.duplicate_count +
				     server->limits.tx_count_max,
	};
	void *memory;

	server->stage_root.checkpoint = stage;
	if (!is_wanted(server))
		return 0;
	limits.seed = gyr_rng_next(&server->rng);
	stage->state = gyr_stf_state(server->stf);
	stage->interval_ns = conf->checkpoint.interval;
	stage->window.tx_count_wanted = conf->sequence.duplicate_count;
	server_place(server, GYR_CONF_STAGE_EXEC, 0);
	GYR_TRY(carve_block_logs(server, undecided_max));
	server_place(server, GYR_CONF_STAGE_ROOT, 0);
	GYR_TRY(carve_ring(server, &stage->full));
	GYR_TRY(carve_ring(server, &stage->empty));
	GYR_TRY(carve_sets(server, &limits));
	server_place(server, GYR_CONF_STAGE_CHECKPOINT, 0);
	GYR_TRY(server_carve(server, &memory, "checkpoint-window",
			     CHECKPOINT_WINDOW_BLOCKS_MAX * sizeof *stage->window.blocks));
	stage->window.blocks = memory;
	return 0;
}

/* Of the genesis file as it is: when nothing changed, its hash need not be computed again. */
static int digest_genesis(const struct gyr_server *server, struct gyr_hash *out)
{
	const char *path = server->conf.chain.genesis;
	FILE *file = fopen(path, "rb");
	uint8_t buffer[DIGEST_STEP];
	struct gyr_keccak keccak;
	size_t length;

	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s: %s", path, strerror(errno));
	gyr_keccak_init(&keccak);
	while ((length = fread(buffer, 1, sizeof buffer, file)) > 0)
		gyr_keccak_update(&keccak, buffer, length);
	gyr_keccak_final(&keccak, out);
	(void)fclose(file);
	return 0;
}

int server_open_checkpoint(struct gyr_server *server, struct gyr_checkpoint_head *head, bool *known)
{
	struct gyr_checkpoint_config config = {
		.store = server->options.drivers.store,
		.store_context = server->options.drivers.store_context,
		.size_max = gyr_round_up(server->conf.checkpoint.size_max, 4096),
		.chain_id = server->chain.chain_id,
	};
	char path[GYR_CONF_PATH_MAX + 16];
	int found;

	*head = (struct gyr_checkpoint_head){ .block_number = 0 };
	*known = false;
	if (!is_wanted(server))
		return 0;
	store_path(server, path);
	config.path = path;
	GYR_TRY(gyr_checkpoint_open(&server->stage_checkpoint.store, &config));
	server->stage_checkpoint.metric = &server->metric.area->block[0];
	GYR_TRY(digest_genesis(server, &server->genesis_digest));
	found = gyr_checkpoint_known(server->stage_checkpoint.store, &server->genesis_hash,
				     &server->genesis_digest);
	GYR_TRY(found);
	*known = found != 0;
	return gyr_checkpoint_head(server->stage_checkpoint.store, head);
}

int server_claim_checkpoint(struct gyr_server *server)
{
	if (server->stage_checkpoint.store == NULL)
		return 0;
	return gyr_checkpoint_claim(server->stage_checkpoint.store, &server->genesis_hash,
				    &server->genesis_digest);
}

int server_base_checkpoint(struct gyr_server *server, const struct gyr_write_set *part)
{
	struct gyr_checkpoint_store *store = server->stage_checkpoint.store;

	for (uint32_t i = 0; i < part->account_count; i++) {
		const struct gyr_write_account *account = &part->accounts[i];
		struct gyr_checkpoint_account row = { .address = account->address,
						      .nonce = account->nonce,
						      .code_hash = account->code_hash };
		const struct gyr_code *code = gyr_state_code_at(gyr_stf_state(server->stf),
								account->code);

		if (account->code != 0)
			GYR_TRY(gyr_checkpoint_put_code(
				store, &account->code_hash,
				(struct gyr_slice){ code->bytes, code->length }));
		gyr_u256_store_be(row.balance, &account->balance);
		GYR_TRY(gyr_checkpoint_put_account(store, &row));
		for (uint32_t k = 0; k < account->slot_count; k++) {
			const struct gyr_write_slot *slot = &part->slots[account->slot_first + k];
			uint8_t key[32];
			uint8_t value[32];

			gyr_u256_store_be(key, &slot->key);
			gyr_u256_store_be(value, &slot->value);
			GYR_TRY(gyr_checkpoint_put_slot(store, &account->address, key, value));
		}
	}
	return 0;
}

int server_base_done(struct gyr_server *server, const struct gyr_stf_parent *parent)
{
	struct gyr_checkpoint_head head = {
		.block_hash = server->genesis_hash,
		.state_root = *gyr_stf_root_state(server->stage_root.root),
		.timestamp = parent->timestamp,
		.gas_limit = parent->gas_limit,
		.base_fee = parent->base_fee,
	};

	return gyr_checkpoint_commit(server->stage_checkpoint.store, &head);
}

/* Loading. */
struct loading {
	struct gyr_server *server;
	const struct gyr_checkpoint_head *head;
	uint64_t count;
	uint64_t block_last;
};

static int load_block(void *user, const struct gyr_checkpoint_block *block)
{
	struct loading *loading = user;
	struct gyr_server *server = loading->server;
	const struct checkpoint_window_block entry = {
		.number = block->number,
		.position = block->position,
		.tx_count = block->tx_count,
	};

	if (block->number > loading->head->block_number ||
	    (loading->block_last != 0 && block->number != loading->block_last + 1))
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: block %llu behind block %llu",
			 (unsigned long long)block->number,
			 (unsigned long long)loading->block_last);
	loading->block_last = block->number;
	gyr_stf_provide_block_hash(server->stf, block->number, &block->hash);
	if (block->outcomes.length / GYR_CHECKPOINT_OUTCOME_LENGTH != block->tx_count)
		checkpoint_window_cut(&server->stage_checkpoint.window, UINT64_MAX);
	else
		checkpoint_window_add(&server->stage_checkpoint.window, &entry);
	return 0;
}

static void note_progress(struct loading *loading)
{
	if (++loading->count % PROGRESS_EVERY == 0)
		server_progress(loading->server, "checkpoint", loading->count,
				loading->head->account_count + loading->head->slot_count);
}

static int load_account(void *user, const struct gyr_checkpoint_account *account)
{
	static const struct gyr_slice none = { NULL, 0 };
	struct loading *loading = user;
	struct gyr_server *server = loading->server;
	struct gyr_slice code = none;
	struct gyr_u256 balance;

	note_progress(loading);
	if (!gyr_hash_equal(&account->code_hash,
			    &gyr_state_code_at(gyr_stf_state(server->stf), 0)->hash)) {
		int found = gyr_checkpoint_code(server->stage_checkpoint.store, &code,
						&account->code_hash);

		GYR_TRY(found);
		if (found == 0)
			GYR_FAIL(GYR_ERR_DATA, "checkpoint: an account's code is missing");
	}
	gyr_u256_load_be(&balance, account->balance);
	if (!gyr_stf_genesis_account(server->stf, &account->address, account->nonce, &balance,
				     code))
		GYR_FAIL(GYR_ERR_LIMIT, "the checkpoint does not fit: raise exec.account_count");
	return 0;
}

static int load_slot(void *user, const struct gyr_address *address, const uint8_t key[32],
		     const uint8_t value[32])
{
	struct loading *loading = user;
	struct gyr_u256 words[2];

	note_progress(loading);
	gyr_u256_load_be(&words[0], key);
	gyr_u256_load_be(&words[1], value);
	if (!gyr_stf_genesis_slot(loading->server->stf, address, &words[0], &words[1]))
		GYR_FAIL(GYR_ERR_LIMIT, "the checkpoint does not fit: raise exec.slot_count");
	return 0;
}

static int load_epochs(struct gyr_server *server)
{
	int64_t length = gyr_checkpoint_item(server->stage_checkpoint.store, CHECKPOINT_ITEM_EPOCHS,
					     (uint8_t *)server->epochs, sizeof server->epochs);

	if (length < 0)
		return (int)length;
	if ((size_t)length % sizeof server->epochs[0] != 0)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: epochs of %lld bytes", (long long)length);
	server->epoch_count = (unsigned)((size_t)length / sizeof server->epochs[0]);
	return 0;
}

/* What an operator can do about a checkpoint that is no good. */
static int refuse(const struct gyr_server *server, uint64_t first_position)
{
	char path[GYR_CONF_PATH_MAX + 16];

	store_path(server, path);
	if (first_position == 0)
		GYR_FAIL(GYR_ERR_DATA,
			 "the checkpoint in %s is damaged: delete that folder; the log still "
			 "reaches back to genesis and will be replayed from there",
			 path);
	GYR_FAIL(
		GYR_ERR_DATA,
		"the checkpoint in %s is damaged, and the log below position %llu is pruned: bring "
		"back a copy of that folder, or of the whole data directory",
		path, (unsigned long long)first_position);
}

static int load_rows(struct gyr_server *server, struct gyr_checkpoint_head *head)
{
	static const struct gyr_checkpoint_visit visit = { .block = load_block,
							   .account = load_account,
							   .slot = load_slot };
	struct loading loading = { .server = server, .head = head };
	const struct gyr_stf_parent parent = {
		.number = head->block_number,
		.timestamp = head->timestamp,
		.gas_limit = head->gas_limit,
		.gas_used = head->gas_used,
		.base_fee = head->base_fee,
		.excess_blob_gas = head->excess_blob_gas,
		.blob_gas_used = head->blob_gas_used,
	};
	int found = gyr_checkpoint_load(server->stage_checkpoint.store, head, &visit, &loading);

	GYR_TRY(found);
	if (found == 0 || loading.block_last != head->block_number ||
	    checkpoint_window_first(&server->stage_checkpoint.window) == NULL)
		GYR_FAIL(GYR_ERR_DATA, "checkpoint: its own block is missing");
	GYR_TRY(load_epochs(server));
	gyr_stf_seal(server->stf, &parent);
	GYR_TRY(server_fill_root(server, NULL));
	if (!gyr_hash_equal(gyr_stf_root_state(server->stage_root.root), &head->state_root))
		GYR_FAIL(GYR_ERR_DATA,
			 "checkpoint: the state of block %llu has another root than it must have",
			 (unsigned long long)head->block_number);
	return 0;
}

int server_load_checkpoint(struct gyr_server *server, const struct gyr_checkpoint_head *wanted,
			   uint64_t first_position)
{
	struct stage_checkpoint *stage = &server->stage_checkpoint;
	struct gyr_checkpoint_head head = *wanted;
	int error;

	server_progress(server, "checkpoint", 0, head.account_count + head.slot_count);
	GYR_TRY(gyr_checkpoint_read_begin(stage->store));
	if (head.block_number < GYR_STF_HASH_WINDOW)
		gyr_stf_provide_block_hash(server->stf, 0, &server->genesis_hash);
	error = load_rows(server, &head);
	if (error == -GYR_ERR_DATA)
		return refuse(server, first_position);
	GYR_TRY(error);
	checkpoint_window_cut(&stage->window, first_position);
	if (checkpoint_window_first(&stage->window) == NULL)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED,
			 "the log begins at position %llu, but the checkpoint of block %llu needs "
			 "it from below %llu",
			 (unsigned long long)first_position, (unsigned long long)head.block_number,
			 (unsigned long long)head.log_position);
	server->stage_root.parent_hash = head.block_hash;
	server->recovery.checkpoint_block = head.block_number;
	server->recovery.checkpoint_position = head.log_position;
	gyr_metric_set(&stage->metric->checkpoint_block, head.block_number);
	gyr_metric_set(&stage->metric->checkpoint_position, head.log_position);
	return 0;
}
