/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lib/statetest share. */
#ifndef STATETEST_INTERNAL_H
#define STATETEST_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gyr_evm_streams.h"
#include "gyr_statetest.h"
#include "gyr_stf_root.h"

/* A file in memory, from a folder or out of an archive. */
struct statetest_file {
	char *name;
	char *bytes;
	size_t length;
};

struct statetest_files {
	struct statetest_file *list;
	size_t count;
	size_t capacity;
};

int statetest_files_add(struct statetest_files *files, const char *path);
void statetest_files_free(struct statetest_files *files);

/* One account before the transaction. */
struct statetest_slot {
	struct gyr_u256 key;
	struct gyr_u256 value;
};

struct statetest_account {
	struct gyr_address address;
	uint64_t nonce;
	struct gyr_u256 balance;
	uint8_t *code;
	size_t code_length;
	struct statetest_slot *slots;
	size_t slot_count;
};

/* A named test of a file. */
struct statetest_case {
	const char *file;
	const char *name;
	struct statetest_account *accounts;
	size_t account_count;
	struct gyr_stf_block block;
	struct gyr_address sender;
	uint64_t chain_id;
	json_t *blob_schedule; /* borrowed; may be NULL */
	json_t *post;	       /* borrowed */
};

/* One transaction and what it must lead to. */
struct statetest_post {
	const char *fork_name;
	enum gyr_fork fork;
	unsigned index;
	unsigned data, gas, value; /* indexes, for the name */
	struct gyr_hash root;
	struct gyr_hash logs;
	const char *exception; /* NULL: the transaction is valid */
	uint8_t *tx;
	size_t tx_length;
};

/* A job: a thread and its state. */
struct statetest_job {
	const struct gyr_statetest_options *options;
	struct statetest_run *run;
	struct gyr_stf *stf;
	struct gyr_stf_root *root;
	struct gyr_write_set writes;
	struct gyr_evm_streams *streams; /* NULL in tier 0 */
	void *memory;
	size_t memory_size;
	pthread_t thread;
	int error;
	struct gyr_statetest_totals totals;
};

struct statetest_run {
	const struct gyr_statetest_options *options;
	const struct statetest_files *files;
	_Atomic size_t next; /* the file that the next free job takes */
	pthread_mutex_t out_lock;
};

/* Hex with or without 0x to bytes of exactly `length`, or, by allocation, of any length. */
bool statetest_hex(uint8_t *out, size_t length, const char *text);
uint8_t *statetest_hex_any(size_t *length, const char *text);
bool statetest_u256(struct gyr_u256 *out, const char *text);
bool statetest_u64(uint64_t *out, const char *text);

/* Reads a case; false when something is missing or off. */
bool statetest_case_read(struct statetest_case *out, json_t *test);
void statetest_case_free(struct statetest_case *test);
bool statetest_post_read(struct statetest_post *out, const char *fork, json_t *post);

bool statetest_job_init(struct statetest_job *job);
void statetest_job_fini(struct statetest_job *job);

/* Runs one post-state; counts it and prints it when it fails. */
void statetest_execute(struct statetest_job *job, const struct statetest_case *test,
		       const struct statetest_post *post);

/* Loads the pre-state and opens the transaction; false when it is not accepted. */
bool statetest_prepare(struct statetest_job *job, const struct statetest_case *test,
		       const struct statetest_post *post, struct gyr_txn *txn);

/* Runs the open transaction in the slices that the options ask for. */
enum gyr_stf_status statetest_steps(struct statetest_job *job);

/* EIP-3155 lines. */
struct statetest_trace {
	FILE *out;
	bool waiting; /* a line whose cost is not known yet */
	char *line;
	size_t line_size;
	int64_t gas;
	unsigned depth;
	struct gyr_evm_tracer tracer;
};

void statetest_trace_init(struct statetest_trace *trace, FILE *out);
void statetest_trace_fini(struct statetest_trace *trace);

#endif
