/* SPDX-License-Identifier: Apache-2.0 */
#include "server_internal.h"

#define EVENT_COUNT	  8192u
#define QUERY_COUNT	  1024u
#define RESULT_COUNT	  16384u
#define FEEDBACK_COUNT	  16384u
#define KEY_REQUEST_COUNT 1024u
#define BLOCK_RING_COUNT  4u   /* a power of two, at least SERVER_BLOCKS_HELD */
#define WANTED_COUNT	  64   /* pieces of code that wait for their streams */
#define STREAM_COUNT	  4096 /* streams at a time */

/* Raw transactions in an EVM block: beyond it the sequencer says BLOCK_FULL. */
#define BLOCK_BYTES_MAX (128u << 20)

/* Of trie nodes, as gyr_stf_root.h advises, with room for branches that grow. */
#define TRIE_BYTES_PER_LEAF 288u

void server_place(struct gyr_server *server, enum gyr_conf_stage_kind kind, unsigned index)
{
	const struct gyr_topo_plan *plan = server->options.plan;

	server->node = GYR_MEM_NODE_ANY;
	if (plan != NULL && kind != GYR_CONF_STAGE_KIND_COUNT)
		server->node = gyr_topo_node_of(plan, &server->conf, kind, index);
}

int server_carve(struct gyr_server *server, void **out, const char *name, size_t size)
{
	const struct gyr_topo_plan *plan = server->options.plan;
	cpu_set_t before;
	cpu_set_t there;
	bool moved = false;
	int error;

	/* Where the kernel does not bind memory, the first touch decides: make it from there. */
	if (server->node >= 0 && plan->node_count > 1 &&
	    sched_getaffinity(0, sizeof before, &before) == 0) {
		CPU_ZERO(&there);
		for (unsigned i = 0; i < plan->lane_count; i++)
			if (plan->lanes[i].node == server->node && plan->lanes[i].cpu >= 0 &&
			    plan->lanes[i].cpu < CPU_SETSIZE)
				CPU_SET((size_t)plan->lanes[i].cpu, &there);
		moved = sched_setaffinity(0, sizeof there, &there) == 0;
	}
	error = gyr_mem_carve(&server->mem, out, name, server->node, size, 4096);
	if (moved)
		(void)sched_setaffinity(0, sizeof before, &before);
	return error;
}

static int carve_spsc(struct gyr_server *server, struct gyr_spsc **out, const char *name,
		      size_t item_size, uint64_t count)
{
	void *memory;

	GYR_TRY(server_carve(server, &memory, name, gyr_spsc_size(item_size, count)));
	*out = gyr_spsc_init(memory, item_size, count);
	return 0;
}

static int carve_arena(struct gyr_server *server, struct gyr_arena *out, const char *name,
		       size_t size)
{
	void *memory;

	GYR_TRY(server_carve(server, &memory, name, size));
	*out = gyr_arena_over(memory, size);
	return 0;
}

static struct gyr_txn_rules wire_rules(const struct gyr_server *server)
{
	struct gyr_txn_rules rules;

	/* what comes over the wire is judged by the youngest fork that is scheduled */
	gyr_txn_rules_init(&rules, gyr_chain_fork(&server->chain, UINT64_MAX - 1, UINT64_MAX - 1),
			   server->chain.chain_id);
	rules.types &= ~(1u << GYR_TXN_BLOB);
	rules.unprotected_allowed = false;
	rules.high_s_allowed = false;
	rules.gas_limit_max = gyr_min_u64(rules.gas_limit_max,
					  server->conf.sequence.transaction_gas_max);
	return rules;
}

static int build_state(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;
	struct gyr_stf_limits limits = gyr_stf_limits_of(
		conf->sequence.transaction_gas_max, conf->sequence.block_gas,
		(uint32_t)conf->exec.account_count, (uint32_t)conf->exec.slot_count);
	struct gyr_stf_root_limits root_limits = {
		.contract_count_max = (uint32_t)gyr_min_u64(conf->exec.account_count,
							    conf->exec.slot_count),
		.trie_bytes = (conf->exec.account_count + conf->exec.slot_count) *
			      TRIE_BYTES_PER_LEAF,
		.dirty_count_max = limits.state.dirty_count_max,
	};
	struct gyr_arena arena;

	limits.block_output_count = SERVER_BLOCKS_HELD;
	limits.state.code_bytes_max = conf->exec.code_size;
	limits.tx_bytes_max = gyr_min_u64(limits.tx_bytes_max, BLOCK_BYTES_MAX);
	limits.seed = gyr_rng_next(&server->rng);
	server->limits = limits;
	server_place(server, GYR_CONF_STAGE_EXEC, 0);
	GYR_TRY(carve_arena(server, &arena, "state", gyr_stf_size(&limits)));
	if (!gyr_stf_init(&server->stf, &arena, &limits, &server->chain,
			  server->options.drivers.keccak, server->options.drivers.precompile))
		GYR_FAIL(GYR_ERR_MEMORY, "the state does not fit its arena");
	gyr_stf_defer_receipts(server->stf);
	server_place(server, GYR_CONF_STAGE_ROOT, 0);
	GYR_TRY(carve_arena(server, &arena, "tries", gyr_stf_root_size(&root_limits)));
	if (!gyr_stf_root_init(&server->stage_root.root, &arena, &root_limits,
			       server->options.drivers.keccak))
		GYR_FAIL(GYR_ERR_MEMORY, "the tries do not fit their arena");
	return 0;
}

static int build_exec(struct gyr_server *server)
{
	void *memory;

	server_place(server, GYR_CONF_STAGE_EXEC, 0);
	GYR_TRY(server_carve(server, &memory, "results",
			     gyr_broadcast_size(sizeof(struct gyr_exec_result), RESULT_COUNT)));
	server->results = gyr_broadcast_init(memory, sizeof(struct gyr_exec_result), RESULT_COUNT,
					     server->conf.gate_count);
	GYR_TRY(carve_spsc(server, &server->feedback, "feedback", sizeof(struct gyr_feedback),
			   FEEDBACK_COUNT));
	GYR_TRY(carve_spsc(server, &server->blocks, "blocks", sizeof(struct gyr_exec_block),
			   BLOCK_RING_COUNT));
	GYR_TRY(carve_spsc(server, &server->rooted, "rooted", sizeof(struct gyr_exec_rooted),
			   BLOCK_RING_COUNT));
	GYR_TRY(server_carve(server, &memory, "exec", sizeof *server->exec));
	server->exec = memory;
	*server->exec = (struct gyr_exec){
		.stf = server->stf,
		.results = server->results,
		.feedback = server->feedback,
		.blocks = server->blocks,
		.rooted = server->rooted,
		.gas_slice = (int64_t)server->conf.exec.gas_slice,
	};
	/* what is in the log was judged when it was ordered: only its shape counts */
	gyr_txn_rules_init(&server->exec->rules, GYR_FORK_OSAKA, server->chain.chain_id);
	server->exec->rules.gas_limit_max = UINT64_MAX;
	server->stage_exec = (struct stage_exec){ .exec = server->exec, .fault = &server->fault };
	server->stage_root.blocks = server->blocks;
	server->stage_root.rooted = server->rooted;
	server->stage_root.fault = &server->fault;
	return 0;
}

/* Tier 1 of the EVM, where a lane has the stage that makes its streams. */
static int build_translate(struct gyr_server *server)
{
	const struct gyr_evm_streams_limits limits = {
		.bytes = gyr_max_u64(server->conf.exec.stream_size,
				     gyr_evm_stream_size_max(GYR_EVM_TRANSLATE_LENGTH_MAX)),
		.count_max = STREAM_COUNT,
		.code_length_max = GYR_EVM_TRANSLATE_LENGTH_MAX,
	};
	struct stage_translate *stage;
	struct gyr_arena arena;
	void *memory;

	if (gyr_conf_lane_of(&server->conf, GYR_CONF_STAGE_TRANSLATE, 0) == NULL)
		return 0;
	GYR_TRY(server_carve(server, &memory, "translate", sizeof *stage));
	stage = memory;
	GYR_TRY(carve_arena(server, &arena, "streams", gyr_evm_streams_size(&limits)));
	stage->streams = gyr_evm_streams_init(&arena, &limits);
	if (stage->streams == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "the streams do not fit their arena");
	gyr_evm_streams_reader(stage->streams, gyr_stf_evm(server->stf));
	gyr_evm_heat(gyr_stf_evm(server->stf), server->conf.exec.stream_gas);
	GYR_TRY(carve_spsc(server, &stage->wanted, "wanted", sizeof(struct gyr_exec_wanted),
			   WANTED_COUNT));
	server->exec->wanted = stage->wanted;
	server->stage_translate = stage;
	return 0;
}

static int build_intakes(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;

	for (unsigned i = 0; i < conf->gate_count; i++) {
		struct server_gate *gate = &server->gates[i];
		void *memory;

		server_place(server, GYR_CONF_STAGE_GATE, i);
		GYR_TRY(server_carve(
			server, &memory, "intake",
			gyr_intake_size(conf->intake.slot_count, conf->intake.slot_size)));
		gate->intake = gyr_intake_init(memory, conf->intake.slot_count,
					       conf->intake.slot_size);
		GYR_TRY(carve_spsc(server, &gate->events, "events",
				   sizeof(struct gyr_sequence_event), EVENT_COUNT));
		GYR_TRY(carve_spsc(server, &gate->queries, "queries",
				   sizeof(struct gyr_sequence_query), QUERY_COUNT));
		GYR_TRY(carve_spsc(server, &gate->pool_free, "pool-free", sizeof(uint32_t),
				   conf->intake.large_count));
		GYR_TRY(server_carve(server, &memory, "pool",
				     conf->intake.large_count * GYR_TXN_LENGTH_MAX));
		gate->pool = memory;
	}
	return 0;
}

static int build_sequence(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;
	struct gyr_sequence_gate gates[GYR_CONF_GATE_COUNT_MAX];
	struct gyr_sequence_conf sequence = {
		.account_count_max = conf->exec.account_count,
		.duplicate_count = conf->sequence.duplicate_count,
		.park_count = (uint32_t)conf->sequence.park_count,
		.park_raw_size = (uint32_t)conf->sequence.park_size_max,
		.park_per_sender_max = (uint32_t)conf->sequence.park_per_sender,
		.park_nonce_gap_max = conf->sequence.park_nonce_gap,
		.park_time_ns = conf->sequence.park_time,
		.mini_block_ns = conf->sequence.mini_block_time,
		.block_s = (uint32_t)(conf->sequence.block_time / 1000000000u),
		.block_gas_limit = conf->sequence.block_gas,
		.block_tx_max = server->limits.tx_count_max,
		.block_bytes_max = server->limits.tx_bytes_max,
		.rules = wire_rules(server),
		.fee_recipient = conf->sequence.fee_recipient,
		.undurable_bytes_max = conf->log.undurable_size_max,
		.undurable_ns_max = conf->log.undurable_time_max,
	};
	struct gyr_arena arena;
	void *memory;

	server_place(server, GYR_CONF_STAGE_SEQUENCE, 0);
	for (unsigned i = 0; i < 4; i++)
		sequence.seed[i] = gyr_rng_next(&server->rng);
	for (unsigned i = 0; i < conf->gate_count; i++)
		gates[i] = (struct gyr_sequence_gate){
			.intake = server->gates[i].intake,
			.events = server->gates[i].events,
			.queries = server->gates[i].queries,
			.pool_free = server->gates[i].pool_free,
			.pool = server->gates[i].pool,
			.pool_stride = GYR_TXN_LENGTH_MAX,
		};
	GYR_TRY(server_carve(server, &memory, "sequence", sizeof *server->sequence));
	server->sequence = memory;
	GYR_TRY(carve_arena(server, &arena, "accounts", gyr_sequence_size(&sequence)));
	GYR_TRY(gyr_sequence_init(server->sequence, &arena, &sequence, server->log,
				  server->feedback, gates, conf->gate_count));
	server->stage_sequence = (struct stage_sequence){ .sequence = server->sequence,
							  .fault = &server->fault };
	return 0;
}

static int build_log(struct gyr_server *server)
{
	void *memory;

	server_place(server, GYR_CONF_STAGE_SEQUENCE, 0);
	GYR_TRY(server_carve(server, &memory, "log-ring", server->conf.log.ring_size));
	server->log_ring = memory;
	GYR_TRY(server_carve(server, &memory, "log", sizeof *server->log));
	server->log = memory;
	server_place(server, GYR_CONF_STAGE_WAL, 0);
	GYR_TRY(server_carve(server, &memory, "wal", sizeof *server->wal));
	server->wal = memory;
	return 0;
}

static void make_seed(struct gyr_server *server, uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	for (unsigned i = 0; i < GYR_RECOVER_SEED_LENGTH; i += 8) {
		uint64_t word = gyr_rng_next(&server->rng);

		memcpy(seed + i, &word, sizeof word);
	}
}

/* The first verifier chooses a driver and has it tested; the others take the same. */
static int build_verify(struct gyr_server *server, unsigned index)
{
	const struct gyr_conf *conf = &server->conf;
	const struct gyr_server_drivers *drivers = &server->options.drivers;
	struct gyr_recover_conf recover = {
		.candidates = drivers->recover,
		.candidate_count = drivers->recover_count,
		.reference = drivers->recover_reference,
		.forced = conf->recover.driver,
		.shadow_every = conf->recover.shadow_every,
		.tested = drivers->tested || index > 0,
	};
	struct stage_verify *verify;
	struct gyr_arena arena;
	void *memory;

	if (index > 0)
		recover.forced = server->verifies[0]->recover.ops->name;
	make_seed(server, recover.seed);
	GYR_TRY(server_carve(server, &memory, "verify", sizeof *verify));
	verify = memory;
	verify->keccak = drivers->keccak;
	verify->fault = &server->fault;
	verify->gate_count = conf->gate_count;
	for (unsigned i = 0; i < conf->gate_count; i++)
		verify->gates[i] = server->gates[i].intake;
	verify->scratch_stride = gyr_round_up(conf->intake.slot_size + GYR_TXN_PAYLOAD_EXTRA,
					      GYR_CACHE_LINE);
	GYR_TRY(server_carve(server, &memory, "verify-scratch",
			     GYR_RECOVER_BATCH_MAX * verify->scratch_stride));
	verify->scratch = memory;
	verify->scratch_long_size = GYR_TXN_LENGTH_MAX + GYR_TXN_PAYLOAD_EXTRA;
	GYR_TRY(server_carve(server, &memory, "verify-long", verify->scratch_long_size));
	verify->scratch_long = memory;
	GYR_TRY(carve_arena(server, &arena, "recover", gyr_recover_memory(&recover)));
	GYR_TRY(gyr_recover_init(&verify->recover, &arena, &recover));
	server->verifies[index] = verify;
	return 0;
}

/* The pool and the rings of the known stage, once it is sure that there is to be one. */
static int build_known_rings(struct gyr_server *server, struct stage_known *stage)
{
	const struct gyr_conf *conf = &server->conf;

	stage->gate_count = conf->gate_count;
	for (unsigned i = 0; i < conf->gate_count; i++) {
		struct server_gate *gate = &server->gates[i];

		GYR_TRY(carve_spsc(server, &gate->key_requests, "key-requests",
				   sizeof(struct gyr_session_key_request), KEY_REQUEST_COUNT));
		GYR_TRY(carve_spsc(server, &gate->key_answers, "key-answers",
				   sizeof(struct known_answer), KEY_REQUEST_COUNT));
		stage->requests[i] = gate->key_requests;
		stage->answers[i] = gate->key_answers;
	}
	stage->verify_count = conf->verify_count;
	for (unsigned i = 0; i < conf->verify_count; i++) {
		struct stage_verify *verify = server->verifies[i];

		GYR_TRY(carve_spsc(server, &verify->keys, "keys", sizeof(struct known_key),
				   KNOWN_KEY_COUNT));
		verify->known = &stage->known;
		verify->lane = i;
		stage->keys[i] = verify->keys;
	}
	return 0;
}

/*
 * Known senders: where a driver, the configuration and a lane say so, and the driver works here;
 * else every sender is recovered.
 */
static int build_known(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;
	const struct gyr_recover *recover = &server->verifies[0]->recover;
	struct gyr_known_conf known = {
		.ops = server->options.drivers.known,
		.slot_count = (uint32_t)conf->recover.known_senders,
		.lane_count = conf->verify_count,
		.tested = server->options.drivers.tested,
	};
	struct stage_known *stage;
	struct gyr_arena arena;
	void *memory;
	int error;

	if (known.ops == NULL || known.slot_count == 0 || conf->sessions.known_count == 0 ||
	    recover->ops->counterfeit || gyr_conf_lane_of(conf, GYR_CONF_STAGE_KNOWN, 0) == NULL)
		return 0;
	make_seed(server, known.seed);
	GYR_TRY(server_carve(server, &memory, "known", sizeof *stage));
	stage = memory;
	GYR_TRY(carve_arena(server, &arena, "known-tables", gyr_known_memory(&known)));
	error = gyr_known_init(&stage->known, &arena, &known, recover->reference,
			       recover->reference_context);
	if (error < 0) {
		/* A machine without the instructions is nothing odd; all else is worth a look. */
		if (error != -GYR_ERR_UNSUPPORTED)
			GYR_JOURNAL(server->journal, server_utc_ns(server), GYR_JOURNAL_WARNING,
				    "known senders are recovered like all others: {cause:s}",
				    (uintptr_t)gyr_err_cause());
		gyr_err_clear();
		return 0;
	}
	GYR_TRY(server_carve(server, &memory, "known-keys",
			     KNOWN_KEY_COUNT * sizeof *stage->waiting));
	stage->waiting = memory;
	stage->place_seed = gyr_load_le64(known.seed);
	GYR_TRY(server_carve(server, &memory, "known-pins",
			     known.slot_count * sizeof *stage->pins));
	stage->pins = memory;
	server->stage_known = stage;
	return build_known_rings(server, stage);
}

int server_build_replay(struct gyr_server *server)
{
	GYR_TRY(build_state(server));
	GYR_TRY(build_log(server));
	GYR_TRY(build_exec(server));
	GYR_TRY(server_build_checkpoint(server));
	GYR_TRY(build_intakes(server));
	return build_sequence(server);
}

int server_build(struct gyr_server *server)
{
	GYR_TRY(build_state(server));
	GYR_TRY(build_log(server));
	GYR_TRY(build_exec(server));
	GYR_TRY(build_translate(server));
	GYR_TRY(server_build_checkpoint(server));
	GYR_TRY(build_intakes(server));
	GYR_TRY(build_sequence(server));
	for (unsigned i = 0; i < server->conf.verify_count; i++) {
		server_place(server, GYR_CONF_STAGE_VERIFY, i);
		GYR_TRY(build_verify(server, i));
	}
	GYR_TRY(build_known(server));
	server_place(server, GYR_CONF_STAGE_KIND_COUNT, 0);
	return 0;
}

static struct gyr_session_conf session_conf(struct gyr_server *server)
{
	const struct gyr_conf *conf = &server->conf;
	struct gyr_session_conf sessions;

	gyr_session_conf_default(&sessions);
	sessions.chain_id = server->chain.chain_id;
	for (unsigned i = 0; i < sizeof sessions.secret; i += 8) {
		uint64_t word = gyr_rng_next(&server->rng);

		memcpy(sessions.secret + i, &word, sizeof word);
	}
	sessions.session_count_max = (uint32_t)conf->sessions.count_max;
	sessions.sessions_per_address = (uint32_t)conf->sessions.per_address;
	sessions.rate = (uint32_t)conf->sessions.rate;
	sessions.burst = (uint32_t)conf->sessions.burst;
	sessions.unproven_rate = (uint32_t)conf->sessions.unproven_rate;
	sessions.unproven_burst = (uint32_t)conf->sessions.unproven_burst;
	sessions.history_bytes = (uint32_t)conf->sessions.history_size;
	sessions.history_count_max = (uint32_t)conf->sessions.history_count;
	sessions.chunked_count_max = (uint32_t)conf->sessions.chunked_count;
	sessions.chunked_per_session = (uint32_t)conf->sessions.chunked_per_session;
	sessions.chunk_timeout_ms = (uint32_t)(conf->sessions.chunk_time / 1000000u);
	sessions.idle_timeout_ms = (uint32_t)(conf->sessions.idle_time / 1000000u);
	sessions.cookie_rotation_ms = (uint32_t)(conf->sessions.cookie_time / 1000000u);
	sessions.hold_us = (uint32_t)(conf->sessions.hold_time / 1000u);
	sessions.key_count_max = server->stage_known == NULL ? 0
							     : (uint32_t)conf->sessions.known_count;
	sessions.key_pinned = (uint32_t)gyr_min_u64(sessions.key_count_max,
						    conf->sessions.known_pinned);
	return sessions;
}

static int build_gate(struct gyr_server *server, unsigned index)
{
	const struct gyr_conf *conf = &server->conf;
	const struct gyr_server_drivers *drivers = &server->options.drivers;
	struct gyr_session_conf sessions = session_conf(server);
	struct server_gate *gate = &server->gates[index];
	struct stage_gate *stage;
	struct gyr_arena arena;
	uint32_t payload_max;
	void *memory;

	GYR_TRY(carve_arena(server, &arena, "device", GYR_NETDEV_ARENA_SIZE));
	GYR_TRY(gyr_netdev_open(&gate->device, &arena, drivers->net, drivers->net_count,
				conf->gates[index].device));
	gate->open = true;
	GYR_TRY(server_carve(server, &memory, "gate", sizeof *stage));
	stage = gate->stage = memory;
	payload_max = (uint32_t)gyr_min_u64(gate->device.info.payload_max4,
					    gate->device.info.payload_max6);
	GYR_TRY(carve_arena(server, &arena, "sessions",
			    gyr_session_arena_size(&sessions, payload_max)));
	GYR_TRY(gyr_session_init(&stage->sessions, &arena, &sessions, payload_max));
	GYR_TRY(server_carve(server, &memory, "waiting",
			     GATE_WAITING_COUNT * sizeof *stage->waiting));
	stage->waiting = memory;
	GYR_TRY(server_carve(server, &memory, "pool-indices",
			     conf->intake.large_count * sizeof *stage->pool_indices));
	stage->pool_indices = memory;
	for (uint32_t i = 0; i < conf->intake.large_count; i++)
		stage->pool_indices[stage->pool_count++] = i;
	stage->device = &gate->device;
	stage->intake = gate->intake;
	stage->events = gate->events;
	stage->queries = gate->queries;
	stage->pool_free = gate->pool_free;
	stage->key_requests = gate->key_requests;
	stage->key_answers = gate->key_answers;
	stage->results = server->results;
	stage->results_consumer = index;
	stage->log = server->log;
	stage->latency = &server->metric.area->latency[index];
	stage->session_metric = &server->metric.area->session[index];
	stage->keccak = drivers->keccak;
	stage->rules = wire_rules(server);
	stage->pool = gate->pool;
	stage->pool_stride = GYR_TXN_LENGTH_MAX;
	stage->epoch = server->recovery.epoch;
	stage->raw_room = conf->intake.slot_size - sizeof(struct gyr_sequence_payload);
	for (unsigned i = 0; i < server->epoch_count; i++)
		gyr_session_epoch(stage->sessions, server->epochs[i].epoch,
				  server->epochs[i].start);
	return 0;
}

int server_build_gates(struct gyr_server *server)
{
	for (unsigned i = 0; i < server->conf.gate_count; i++) {
		server_place(server, GYR_CONF_STAGE_GATE, i);
		GYR_TRY(build_gate(server, i));
	}
	server_place(server, GYR_CONF_STAGE_KIND_COUNT, 0);
	return 0;
}
