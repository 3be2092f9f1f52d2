/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of gyr_transition.h share. */
#ifndef TRANSITION_INTERNAL_H
#define TRANSITION_INTERNAL_H

#include "gyr_transition.h"
#include "statetest_internal.h"

struct transition_block_hash {
	uint64_t number;
	struct gyr_hash hash;
};

/* env, read. */
struct transition_env {
	struct gyr_stf_block block;
	bool has_base_fee;
	bool has_excess_blob_gas;
	bool has_random;
	bool has_difficulty;
	struct gyr_stf_parent parent; /* what base fee and excess are derived from */
	struct transition_block_hash *hashes;
	size_t hash_count;
};

/* A transaction as it stood in the input; `raw` is NULL when it cannot even be encoded. */
struct transition_tx {
	uint8_t *raw;
	size_t length;
	struct gyr_address sender; /* where the input tells it: no signature is asked for then */
	bool has_sender;
};

struct transition_txs {
	struct transition_tx *list;
	size_t count;
};

struct gyr_transition {
	struct gyr_transition_options options;
	struct gyr_statetest_options job_options;
	struct statetest_job job;
	enum gyr_fork fork;
	struct transition_env env;
	struct transition_txs txs;
	json_t *receipts;
	json_t *rejected;
	struct gyr_stf_block_output *output;
};

/* A number as geth takes it: "0x…", decimal digits, or a JSON integer. */
bool transition_u256(struct gyr_u256 *out, const json_t *value);
bool transition_u64(uint64_t *out, const json_t *value);
/* Bytes of a string with 0x, of exactly `length`. */
bool transition_bytes(uint8_t *out, size_t length, const json_t *value);

/* Each reads one part of the input; 0, or an error with its cause. */
int transition_read_alloc(struct gyr_transition *transition, json_t *alloc);
int transition_read_env(struct gyr_transition *transition, const json_t *env);
int transition_read_txs(struct gyr_transition *transition, json_t *txs);
void transition_env_free(struct transition_env *env);
void transition_txs_free(struct transition_txs *txs);

/* One transaction object to its bytes; false when a field is missing or off. */
bool transition_encode_tx(struct gyr_transition *transition, struct transition_tx *out,
			  json_t *object);

/* JSON of what the block left; NULL without memory. */
json_t *transition_receipt(struct gyr_transition *transition, const struct gyr_txn *txn,
			   const struct gyr_stf_receipt *receipt, size_t index);
json_t *transition_result(struct gyr_transition *transition);
json_t *transition_alloc(struct gyr_transition *transition);
json_t *transition_body(struct gyr_transition *transition);

/* "0x…" of bytes, and of a number without leading zeros. */
json_t *transition_hex(const void *bytes, size_t length);
json_t *transition_number(uint64_t number);

#endif
