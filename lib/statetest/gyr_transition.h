/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block over lib/stf, from JSON to JSON, in the form of geth's `evm t8n`: the accounts before
 * (alloc), the block's surroundings (env) and transactions, as objects or as RLP, lead to a result
 * (roots, receipts, rejected transactions), the accounts after, and the block's transactions as
 * RLP. For comparing gyr with other implementations. Cold, hosted, one thread, some MiB that are
 * taken at open and used again for each block.
 *
 * What differs from geth: forks before Byzantium are refused (their receipts hold a state root), so
 * are withdrawals, block rewards and a difficulty that is to be computed; no requests are made of
 * deposits and system contracts (Prague's requests are the empty list). With Prague and a history
 * contract in alloc, the parent's hash is taken from env's blockHashes, zero where it is not there.
 */
#ifndef GYR_TRANSITION_H
#define GYR_TRANSITION_H

#include <stdio.h>

#include "gyr_precompile.h"
#include "gyr_stf.h"

struct gyr_transition_options {
	const struct gyr_keccak_ops *keccak;
	const struct gyr_precompile_ops *precompile;
	const char *fork; /* its name, as in state tests */
	uint64_t chain_id;
	int64_t reward;		  /* wei a block; only -1 and 0, which are none */
	int64_t gas_slice;	  /* of a step; 0: a transaction in one */
	const char *trace_folder; /* takes trace-<index>-<hash>.jsonl (EIP-3155); NULL: none */
	bool with_output;	  /* receipts also tell what was returned: "output" */
};

/* Texts of JSON; a part whose length is 0 is a member of `combined` (alloc, env, txs, txsRlp). */
struct gyr_transition_input {
	struct gyr_slice combined;
	struct gyr_slice alloc;
	struct gyr_slice env;
	struct gyr_slice txs; /* an array of transactions, or a string: RLP of their list */
};

/* JSON, ended by 0, the caller's to free; `body` is a JSON string. */
struct gyr_transition_output {
	char *result;
	char *alloc;
	char *body;
};

struct gyr_transition;

/* GYR_ERR_CONFIG for a fork or reward that is not served, GYR_ERR_MEMORY. */
GYR_MUST_USE int gyr_transition_open(struct gyr_transition **out,
				     const struct gyr_transition_options *options);
void gyr_transition_close(struct gyr_transition *transition);

/*
 * Runs one block. GYR_ERR_DATA: the input is off (what and where is in the cause) or BLOCKHASH asks
 * for a hash that env does not hold; GYR_ERR_CONFIG: env asks for what is not served; GYR_ERR_LIMIT
 * when a table is full. A bad transaction is no error: the result lists it as rejected.
 */
GYR_MUST_USE int gyr_transition_run(struct gyr_transition *transition,
				    struct gyr_transition_output *out,
				    const struct gyr_transition_input *input);
void gyr_transition_output_free(struct gyr_transition_output *output);

/*
 * A block a line: each line of `from` is a combined object, to which a member "fork" may be added,
 * each line of `to` its result, or {"error": …}. Returns 0 at the end of `from`.
 */
GYR_MUST_USE int gyr_transition_run_lines(struct gyr_transition *transition, FILE *from, FILE *to);

#endif
