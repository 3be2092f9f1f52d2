/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a block of t8n's input. */
#include "transition_internal.h"

#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"

#define PATH_MAX_LENGTH 4096

static int choose_fork(struct gyr_transition *transition, const char *name)
{
	if (name == NULL || !gyr_fork_by_name(&transition->fork, name, strlen(name)) ||
	    transition->fork < GYR_FORK_BYZANTIUM)
		GYR_FAIL(GYR_ERR_CONFIG, "fork %s is unknown or before Byzantium",
			 name == NULL ? "(none)" : name);
	return 0;
}

int gyr_transition_open(struct gyr_transition **out, const struct gyr_transition_options *options)
{
	struct gyr_transition *transition;
	int error;

	if (options->reward > 0)
		GYR_FAIL(GYR_ERR_CONFIG, "block rewards are not served: only -1 or 0");
	transition = calloc(1, sizeof *transition);
	if (transition == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory");
	transition->options = *options;
	transition->job_options = (struct gyr_statetest_options){
		.keccak = options->keccak,
		.precompile = options->precompile,
	};
	transition->job.options = &transition->job_options;
	error = choose_fork(transition, options->fork);
	if (error == 0 && !statetest_job_init(&transition->job))
		error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__, "no memory: %zu bytes",
				     transition->job.memory_size);
	if (error != 0) {
		gyr_transition_close(transition);
		return error;
	}
	*out = transition;
	return 0;
}

static void drop_block(struct gyr_transition *transition)
{
	transition_env_free(&transition->env);
	transition_txs_free(&transition->txs);
	json_decref(transition->receipts);
	json_decref(transition->rejected);
	transition->receipts = NULL;
	transition->rejected = NULL;
	transition->output = NULL;
}

void gyr_transition_close(struct gyr_transition *transition)
{
	if (transition == NULL)
		return;
	drop_block(transition);
	statetest_job_fini(&transition->job);
	free(transition);
}

static struct gyr_chain_config config_of(const struct gyr_transition *transition)
{
	struct gyr_chain_config config = gyr_chain_config_default(transition->options.chain_id);

	for (unsigned fork = transition->fork + 1u; fork < GYR_FORK_COUNT; fork++)
		config.forks[fork] = (struct gyr_fork_activation){ GYR_CHAIN_NEVER,
								   GYR_CHAIN_NEVER };
	config.blobs_accepted = true;
	return config;
}

/* Base fee, blob gas and randomness: given, or derived from the parent where that can be. */
static int complete_env(struct gyr_transition *transition, const struct gyr_chain_config *config)
{
	struct transition_env *env = &transition->env;
	const struct gyr_blob_schedule *blobs = transition->fork >= GYR_FORK_PRAGUE
							? &config->blobs_prague
							: &config->blobs_cancun;
	uint64_t sum = env->parent.excess_blob_gas + env->parent.blob_gas_used;
	uint64_t target = blobs->target << 17;

	if (!env->has_base_fee && transition->fork >= GYR_FORK_LONDON) {
		if (env->parent.base_fee == 0 || env->parent.gas_limit == 0)
			GYR_FAIL(GYR_ERR_DATA, "env: neither currentBaseFee nor parentBaseFee, "
					       "-GasUsed and -GasLimit");
		env->block.base_fee = gyr_stf_next_base_fee(config, &env->parent);
	}
	if (!env->has_excess_blob_gas && transition->fork >= GYR_FORK_CANCUN)
		env->block.excess_blob_gas = sum > target ? sum - target : 0;
	if (!env->has_random && transition->fork >= GYR_FORK_PARIS)
		GYR_FAIL(GYR_ERR_DATA, "env: currentRandom is missing");
	if (!env->has_difficulty && transition->fork < GYR_FORK_PARIS)
		GYR_FAIL(GYR_ERR_CONFIG, "env: currentDifficulty is missing and is not computed");
	return 0;
}

static int begin_block(struct gyr_transition *transition)
{
	struct transition_env *env = &transition->env;
	struct gyr_stf *stf = transition->job.stf;
	static const struct gyr_hash unknown;

	env->parent.number = env->block.number - 1;
	gyr_stf_seal(stf, &env->parent);
	gyr_stf_provide_block_hash(stf, env->parent.number, &unknown);
	for (size_t i = 0; i < env->hash_count; i++)
		if (env->hashes[i].number < env->block.number &&
		    env->block.number - env->hashes[i].number <= GYR_STF_HASH_WINDOW)
			gyr_stf_provide_block_hash(stf, env->hashes[i].number,
						   &env->hashes[i].hash);
	if (!gyr_stf_block_begin(stf, &env->block))
		GYR_FAIL(GYR_ERR_LIMIT, "a table is full");
	return 0;
}

static bool reject(struct gyr_transition *transition, size_t index, enum gyr_verdict verdict)
{
	json_t *entry = json_pack("{s:I, s:s, s:s}", "index", (json_int_t)index, "error",
				  gyr_verdict_text(verdict), "code", gyr_verdict_name(verdict));

	return entry != NULL && json_array_append_new(transition->rejected, entry) == 0;
}

static enum gyr_verdict begin_tx(struct gyr_transition *transition, struct gyr_txn *txn,
				 const struct transition_tx *tx)
{
	const struct gyr_transition_options *options = &transition->options;
	struct gyr_txn_rules rules;
	struct gyr_address sender;
	enum gyr_verdict verdict;
	struct gyr_hash hash;

	gyr_txn_rules_init(&rules, transition->fork, options->chain_id);
	rules.length_max = SIZE_MAX;
	verdict = gyr_txn_parse(txn, (struct gyr_slice){ tx->raw, tx->length }, &rules);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	gyr_txn_signing_hash(&hash, txn, options->keccak);
	if (!options->precompile->ecrecover(&sender, hash.bytes, txn->r, txn->s, txn->parity))
		return GYR_VERDICT_SIGNATURE_INVALID;
	return gyr_stf_tx_begin(transition->job.stf, txn, &sender);
}

static int run_steps(struct gyr_transition *transition, size_t index)
{
	int64_t slice = transition->options.gas_slice > 0 ? transition->options.gas_slice
							  : INT64_MAX;
	struct gyr_stf *stf = transition->job.stf;

	for (;;) {
		enum gyr_stf_status status = gyr_stf_step(stf, slice);

		if (status == GYR_STF_DONE)
			return 0;
		if (status == GYR_STF_NEEDS_BLOCK_HASH)
			GYR_FAIL(GYR_ERR_DATA,
				 "env: blockHashes lacks %llu, which transaction %zu asks "
				 "for",
				 (unsigned long long)gyr_stf_block_hash_wanted(stf), index);
		if (status == GYR_STF_FATAL)
			GYR_FAIL(GYR_ERR_LIMIT, "a table is full at transaction %zu", index);
	}
}

static int open_trace(struct gyr_transition *transition, struct statetest_trace *trace,
		      const struct gyr_txn *txn, size_t index)
{
	char path[PATH_MAX_LENGTH], text[65];
	struct gyr_hash hash;
	FILE *file;

	gyr_txn_hash(&hash, txn, transition->options.keccak);
	for (size_t i = 0; i < sizeof hash.bytes; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", hash.bytes[i]);
	(void)snprintf(path, sizeof path, "%s/trace-%zu-0x%s.jsonl",
		       transition->options.trace_folder, index, text);
	file = fopen(path, "w");
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot write %s", path);
	statetest_trace_init(trace, file);
	gyr_stf_trace(transition->job.stf, &trace->tracer);
	return 0;
}

/* EIP-3155's last line. */
static int close_trace(struct gyr_transition *transition, struct statetest_trace *trace,
		       const struct gyr_stf_receipt *receipt)
{
	gyr_stf_trace(transition->job.stf, NULL);
	statetest_trace_fini(trace);
	(void)fprintf(trace->out, "{\"output\":\"0x");
	for (size_t i = 0; i < receipt->output.length; i++)
		(void)fprintf(trace->out, "%02x", receipt->output.data[i]);
	(void)fprintf(trace->out, "\",\"gasUsed\":\"0x%llx\",\"pass\":%s}\n",
		      (unsigned long long)receipt->gas_used, receipt->success ? "true" : "false");
	if (fclose(trace->out) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot write the trace");
	return 0;
}

static int run_tx(struct gyr_transition *transition, size_t index)
{
	bool traced = transition->options.trace_folder != NULL;
	struct gyr_stf_receipt receipt = { .success = false };
	struct statetest_trace trace;
	enum gyr_verdict verdict;
	struct gyr_txn txn;
	json_t *entry;
	int error;

	verdict = begin_tx(transition, &txn, &transition->txs.list[index]);
	if (verdict != GYR_VERDICT_OK) {
		if (!reject(transition, index, verdict))
			GYR_FAIL(GYR_ERR_MEMORY, "no memory");
		return 0;
	}
	if (traced)
		GYR_TRY(open_trace(transition, &trace, &txn, index));
	error = run_steps(transition, index);
	if (error == 0 && gyr_stf_tx_end(transition->job.stf, &receipt) != GYR_STF_DONE)
		error = gyr_err_push(GYR_ERR_LIMIT, __FILE__, __LINE__,
				     "a table is full at transaction %zu", index);
	if (traced) {
		int closed = close_trace(transition, &trace, &receipt);

		error = error == 0 ? closed : error;
	}
	GYR_TRY(error);
	entry = transition_receipt(transition, &txn, &receipt, index);
	if (entry == NULL || json_array_append_new(transition->receipts, entry) != 0)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a receipt");
	return 0;
}

static int run_block(struct gyr_transition *transition, json_t *alloc, json_t *env, json_t *txs)
{
	struct gyr_chain_config config = config_of(transition);

	gyr_stf_reset(transition->job.stf, &config);
	GYR_TRY(transition_read_env(transition, env));
	GYR_TRY(complete_env(transition, &config));
	GYR_TRY(transition_read_txs(transition, txs));
	GYR_TRY(transition_read_alloc(transition, alloc));
	GYR_TRY(begin_block(transition));
	transition->receipts = json_array();
	transition->rejected = json_array();
	for (size_t i = 0; i < transition->txs.count; i++)
		GYR_TRY(run_tx(transition, i));
	transition->output = gyr_stf_block_end(transition->job.stf);
	if (transition->output == NULL)
		GYR_FAIL(GYR_ERR_LIMIT, "a table is full");
	return 0;
}

/* A part's own text, or the member of the combined object. */
static json_t *part_of(const struct gyr_slice *text, json_t *combined, const char *name)
{
	json_error_t where;
	json_t *part;

	if (text->length == 0)
		return json_incref(json_object_get(combined, name));
	part = json_loadb((const char *)text->data, text->length, JSON_DECODE_ANY, &where);
	if (part == NULL)
		(void)gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__, "%s:%d:%d: %s", name,
				   where.line, where.column, where.text);
	return part;
}

static char *dump(json_t *value, size_t flags)
{
	char *text = value == NULL ? NULL : json_dumps(value, flags | JSON_ENCODE_ANY);

	json_decref(value);
	return text;
}

static int run_parts(struct gyr_transition *transition, struct gyr_transition_output *out,
		     const struct gyr_transition_input *input, json_t *combined)
{
	json_t *alloc = part_of(&input->alloc, combined, "alloc");
	json_t *env = part_of(&input->env, combined, "env");
	json_t *txs = part_of(&input->txs, combined, "txs");
	int error;

	if (txs == NULL)
		txs = json_incref(json_object_get(combined, "txsRlp"));
	error = run_block(transition, alloc, env, txs);
	if (error == 0) {
		out->result = dump(transition_result(transition), JSON_INDENT(2));
		out->alloc = dump(transition_alloc(transition), JSON_INDENT(2) | JSON_SORT_KEYS);
		out->body = dump(transition_body(transition), 0);
		if (out->result == NULL || out->alloc == NULL || out->body == NULL)
			error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__,
					     "no memory for the output");
	}
	json_decref(alloc);
	json_decref(env);
	json_decref(txs);
	drop_block(transition);
	return error;
}

int gyr_transition_run(struct gyr_transition *transition, struct gyr_transition_output *out,
		       const struct gyr_transition_input *input)
{
	json_t *combined = NULL;
	json_error_t where;
	int error;

	*out = (struct gyr_transition_output){ .result = NULL };
	if (input->combined.length != 0) {
		combined = json_loadb((const char *)input->combined.data, input->combined.length, 0,
				      &where);
		if (combined == NULL)
			GYR_FAIL(GYR_ERR_DATA, "input:%d:%d: %s", where.line, where.column,
				 where.text);
	}
	error = run_parts(transition, out, input, combined);
	json_decref(combined);
	if (error != 0)
		gyr_transition_output_free(out);
	return error;
}

void gyr_transition_output_free(struct gyr_transition_output *output)
{
	free(output->result);
	free(output->alloc);
	free(output->body);
	*output = (struct gyr_transition_output){ .result = NULL };
}

static int run_line(struct gyr_transition *transition, json_t *line, FILE *to)
{
	const json_t *fork = json_object_get(line, "fork");
	json_t *txs = json_object_get(line, "txs"), *result = NULL;
	int error = 0;

	gyr_err_clear();
	if (fork != NULL)
		error = choose_fork(transition, json_string_value(fork));
	if (error == 0)
		error = run_block(transition, json_object_get(line, "alloc"),
				  json_object_get(line, "env"),
				  txs != NULL ? txs : json_object_get(line, "txsRlp"));
	if (error == 0)
		result = transition_result(transition);
	drop_block(transition);
	if (result == NULL)
		result = json_pack("{s:s}", "error", gyr_err_cause());
	if (result == NULL || json_dumpf(result, to, JSON_COMPACT) != 0 || fputc('\n', to) == EOF ||
	    fflush(to) != 0)
		error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "cannot write a result");
	else
		error = 0;
	json_decref(result);
	return error;
}

int gyr_transition_run_lines(struct gyr_transition *transition, FILE *from, FILE *to)
{
	enum gyr_fork fork = transition->fork;
	char *text = NULL;
	size_t size = 0;
	ssize_t length;
	int error = 0;

	while (error == 0 && (length = getline(&text, &size, from)) > 0) {
		json_error_t where;
		json_t *line = json_loadb(text, (size_t)length, 0, &where);

		if (line == NULL)
			error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__, "a line: %s",
					     where.text);
		else
			error = run_line(transition, line, to);
		json_decref(line);
		transition->fork = fork;
	}
	free(text);
	return error;
}
