/* SPDX-License-Identifier: Apache-2.0 */
#include "statetest_internal.h"

#include <string.h>
#include <sys/mman.h>

/* Some tests burn billions: their state is small, their memory and journals are not. */
#define TX_GAS_MAX     UINT64_C(1000000000000)
#define EVM_MEMORY     ((uint64_t)2 << 30)
#define CONTRACT_COUNT 65536

static struct gyr_stf_limits job_limits(void)
{
	struct gyr_stf_limits limits = {
		.tx_gas_max = INT64_MAX,
		.block_gas_max = INT64_MAX,
		.state = {
			.account_count_max = 65536,
			.slot_count_max = 1u << 18,
			.code_count_max = 65536,
			.code_bytes_max = (uint64_t)256 << 20,
			.touched_count_max = 1u << 20,
			.journal_count_max = 1u << 24,
			.transient_count_max = 1u << 20,
			.log_count_max = 1u << 20,
			.log_bytes_max = (uint64_t)64 << 20,
			.dirty_count_max = 1u << 18,
		},
		.evm = { .tx_gas_max = TX_GAS_MAX, .memory_size = EVM_MEMORY },
		.tx_count_max = 16384,
		.tx_bytes_max = (uint64_t)64 << 20,
		.receipt_bytes_max = (uint64_t)64 << 20,
		.block_output_count = 1,
		.blob_hash_count_max = 64,
		.seed = 0x5eed,
	};

	return limits;
}

bool statetest_job_init(struct statetest_job *job)
{
	const struct gyr_statetest_options *options = job->options;
	struct gyr_stf_limits limits = job_limits();
	struct gyr_stf_root_limits root_limits = {
		.contract_count_max = CONTRACT_COUNT,
		.trie_bytes = (size_t)256 << 20,
		.dirty_count_max = limits.state.dirty_count_max,
	};
	struct gyr_chain_config config = gyr_chain_config_default(1);
	struct gyr_arena arena;
	const struct gyr_evm_streams_limits streams_limits = {
		.bytes = (uint64_t)64 << 20,
		.count_max = 8192,
		.code_length_max = GYR_EVM_TRANSLATE_LENGTH_MAX,
	};

	job->memory_size = gyr_stf_size(&limits) + gyr_stf_root_size(&root_limits) +
			   gyr_write_set_size(&limits.state) +
			   gyr_evm_streams_size(&streams_limits);
	job->memory = mmap(NULL, job->memory_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (job->memory == MAP_FAILED)
		return false;
	arena = gyr_arena_over(job->memory, job->memory_size);
	if (options->tier == 1) {
		job->streams = gyr_evm_streams_init(&arena, &streams_limits);
		if (job->streams == NULL)
			return false;
	}
	return gyr_stf_init(&job->stf, &arena, &limits, &config, options->keccak,
			    options->precompile) &&
	       gyr_stf_root_init(&job->root, &arena, &root_limits, options->keccak) &&
	       gyr_write_set_init(&job->writes, &arena, &limits.state);
}

void statetest_job_fini(struct statetest_job *job)
{
	if (job->memory != NULL && job->memory != MAP_FAILED)
		(void)munmap(job->memory, job->memory_size);
}

static struct gyr_chain_config config_of(const struct statetest_case *test,
					 const struct statetest_post *post)
{
	struct gyr_chain_config config = gyr_chain_config_default(test->chain_id);
	json_t *schedule = json_object_get(test->blob_schedule, post->fork_name);
	struct gyr_blob_schedule *blobs = post->fork >= GYR_FORK_PRAGUE ? &config.blobs_prague
									: &config.blobs_cancun;

	for (unsigned fork = post->fork + 1u; fork < GYR_FORK_COUNT; fork++)
		config.forks[fork] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
								   GYR_CHAIN_NEVER };
	config.blobs_accepted = true;
	if (schedule != NULL) {
		const char *target = json_string_value(json_object_get(schedule, "target"));
		const char *max = json_string_value(json_object_get(schedule, "max"));
		const char *fraction =
			json_string_value(json_object_get(schedule, "baseFeeUpdateFraction"));

		if (target != NULL)
			(void)statetest_u64(&blobs->target, target);
		if (max != NULL)
			(void)statetest_u64(&blobs->max, max);
		if (fraction != NULL)
			(void)statetest_u64(&blobs->update_fraction, fraction);
	}
	return config;
}

static bool load(struct statetest_job *job, const struct statetest_case *test,
		 const struct gyr_chain_config *config)
{
	struct gyr_stf_parent parent = { .number = test->block.number - 1 };

	gyr_stf_reset(job->stf, config);
	if (job->streams != NULL)
		gyr_evm_streams_reset(job->streams);
	for (size_t i = 0; i < test->account_count; i++) {
		const struct statetest_account *account = &test->accounts[i];
		struct gyr_slice code = { account->code, account->code_length };

		if (!gyr_stf_genesis_account(job->stf, &account->address, account->nonce,
					     &account->balance, code))
			return false;
		for (size_t s = 0; s < account->slot_count; s++)
			if (!gyr_stf_genesis_slot(job->stf, &account->address,
						  &account->slots[s].key, &account->slots[s].value))
				return false;
	}
	gyr_stf_seal(job->stf, &parent);
	if (!gyr_stf_block_begin(job->stf, &test->block))
		return false;
	if (job->streams != NULL)
		job->totals.translated += gyr_evm_streams_add_all(job->streams,
								  gyr_stf_evm(job->stf));
	return true;
}

/* State tests have it that a block's hash is that of its number in decimal. */
static void provide_hash(struct statetest_job *job)
{
	uint64_t number = gyr_stf_block_hash_wanted(job->stf);
	struct gyr_hash hash;
	char text[24];
	int length = snprintf(text, sizeof text, "%llu", (unsigned long long)number);

	job->options->keccak->hash(&hash, text, (size_t)length);
	gyr_stf_provide_block_hash(job->stf, number, &hash);
}

enum gyr_stf_status statetest_steps(struct statetest_job *job)
{
	int64_t slice = job->options->gas_slice > 0 ? job->options->gas_slice : INT64_MAX;

	for (;;) {
		enum gyr_stf_status status = gyr_stf_step(job->stf, slice);

		if (status == GYR_STF_NEEDS_BLOCK_HASH)
			provide_hash(job);
		else if (status != GYR_STF_RUNNING)
			return status;
	}
}

struct outcome {
	enum gyr_verdict verdict;
	bool fatal;
	struct gyr_hash root;
	struct gyr_hash logs;
	struct gyr_stf_receipt receipt;
};

static enum gyr_verdict begin(struct statetest_job *job, const struct statetest_case *test,
			      const struct statetest_post *post, struct gyr_txn *txn)
{
	struct gyr_slice raw = { post->tx, post->tx_length };
	struct gyr_txn_rules rules;
	enum gyr_verdict verdict;

	gyr_txn_rules_init(&rules, post->fork, test->chain_id);
	rules.length_max = SIZE_MAX;
	verdict = gyr_txn_parse(txn, raw, &rules);
	return verdict != GYR_VERDICT_OK ? verdict : gyr_stf_tx_begin(job->stf, txn, &test->sender);
}

bool statetest_prepare(struct statetest_job *job, const struct statetest_case *test,
		       const struct statetest_post *post, struct gyr_txn *txn)
{
	struct gyr_chain_config config = config_of(test, post);

	return load(job, test, &config) && begin(job, test, post, txn) == GYR_VERDICT_OK;
}

static void compute_root(struct statetest_job *job, struct outcome *outcome)
{
	struct gyr_state_cursor cursor = { 0, 0 };

	gyr_stf_root_reset(job->root);
	while (gyr_state_export(gyr_stf_state(job->stf), &cursor, &job->writes))
		if (!gyr_stf_root_apply(job->root, &job->writes))
			outcome->fatal = true;
	outcome->root = *gyr_stf_root_state(job->root);
}

static void execute(struct statetest_job *job, const struct statetest_case *test,
		    const struct statetest_post *post, struct outcome *outcome)
{
	struct gyr_chain_config config = config_of(test, post);
	struct gyr_stf_block_output *output;
	struct gyr_txn txn;

	outcome->logs = gyr_keccak_empty_list;
	if (!load(job, test, &config)) {
		outcome->fatal = true;
		return;
	}
	outcome->verdict = begin(job, test, post, &txn);
	if (outcome->verdict == GYR_VERDICT_OK) {
		if (statetest_steps(job) != GYR_STF_DONE ||
		    gyr_stf_tx_end(job->stf, &outcome->receipt) != GYR_STF_DONE) {
			outcome->fatal = true;
			return;
		}
		outcome->logs = outcome->receipt.logs_hash;
		job->totals.gas += outcome->receipt.gas_used;
	}
	output = gyr_stf_block_end(job->stf);
	if (output == NULL) {
		outcome->fatal = true;
		return;
	}
	gyr_stf_block_release(job->stf, output);
	compute_root(job, outcome);
}

static void hash_text(char out[67], const struct gyr_hash *hash)
{
	(void)snprintf(out, 3, "0x");
	for (int i = 0; i < 32; i++)
		(void)snprintf(out + 2 + (size_t)2 * (size_t)i, 3, "%02x", hash->bytes[i]);
}

static const char *judge(const struct statetest_post *post, const struct outcome *outcome)
{
	if (outcome->fatal)
		return "a table is full";
	if (post->exception != NULL && outcome->verdict == GYR_VERDICT_OK)
		return "transaction was accepted";
	if (post->exception == NULL && outcome->verdict != GYR_VERDICT_OK)
		return "transaction was rejected";
	if (!gyr_hash_equal(&outcome->root, &post->root))
		return "state root differs";
	return gyr_hash_equal(&outcome->logs, &post->logs) ? NULL : "logs hash differs";
}

static void print_json(FILE *out, const struct statetest_case *test,
		       const struct statetest_post *post, const struct outcome *outcome,
		       const char *reason)
{
	char root[67];
	json_t *line;

	hash_text(root, &outcome->root);
	line = json_pack("{s:s, s:s, s:s, s:i, s:b, s:s, s:s, s:s, s:I}", "file", test->file,
			 "name", test->name, "fork", post->fork_name, "index", (int)post->index,
			 "pass", reason == NULL, "reason", reason == NULL ? "" : reason,
			 "stateRoot", root, "verdict", gyr_verdict_name(outcome->verdict),
			 "gasUsed", (json_int_t)outcome->receipt.gas_used);
	if (line == NULL)
		return;
	(void)json_dumpf(line, out, JSON_COMPACT);
	(void)fprintf(out, "\n");
	json_decref(line);
}

static void print_failure(FILE *out, const struct statetest_case *test,
			  const struct statetest_post *post, const struct outcome *outcome,
			  const char *reason)
{
	char expected[67], got[67];
	bool logs = strcmp(reason, "logs hash differs") == 0;

	hash_text(expected, logs ? &post->logs : &post->root);
	hash_text(got, logs ? &outcome->logs : &outcome->root);
	(void)fprintf(out, "FAIL %s %s %s [data %u, gas %u, value %u]: %s\n", test->file,
		      test->name, post->fork_name, post->data, post->gas, post->value, reason);
	(void)fprintf(out, "     expected %s%s%s\n     got      %s, %s, %s, gas used %llu\n",
		      expected, post->exception != NULL ? ", rejected with " : "",
		      post->exception != NULL ? post->exception : "", got,
		      gyr_verdict_name(outcome->verdict), gyr_evm_halt_name(outcome->receipt.halt),
		      (unsigned long long)outcome->receipt.gas_used);
}

void statetest_execute(struct statetest_job *job, const struct statetest_case *test,
		       const struct statetest_post *post)
{
	const struct gyr_statetest_options *options = job->options;
	struct outcome outcome = { .verdict = GYR_VERDICT_OK };
	struct statetest_trace trace;
	const char *reason;

	if (options->trace) {
		(void)pthread_mutex_lock(&job->run->out_lock);
		statetest_trace_init(&trace, options->out);
		gyr_stf_trace(job->stf, &trace.tracer);
	}
	execute(job, test, post, &outcome);
	if (options->trace) {
		gyr_stf_trace(job->stf, NULL);
		statetest_trace_fini(&trace);
		(void)pthread_mutex_unlock(&job->run->out_lock);
	}
	reason = judge(post, &outcome);
	if (reason == NULL)
		job->totals.passed++;
	else
		job->totals.failed++;
	(void)pthread_mutex_lock(&job->run->out_lock);
	if (options->json)
		print_json(options->out, test, post, &outcome, reason);
	else if (reason != NULL)
		print_failure(options->out, test, post, &outcome, reason);
	(void)pthread_mutex_unlock(&job->run->out_lock);
}
