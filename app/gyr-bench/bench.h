/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench from inside: what its commands share. */
#ifndef BENCH_H
#define BENCH_H

#include "gyr_args.h"
#include "gyr_load.h"

#define BENCH_RUNS_MAX 32

/* Options of every command that makes accounts. */
struct bench_accounts {
	uint64_t count;
	uint64_t seed;
	uint64_t chain_id;
	uint64_t threads;
};

/* What `run` and `sweep` have in common. */
struct bench_options {
	struct bench_accounts accounts;
	const char *gate;
	const char *device;
	const char *answers;
	const char *idle;
	const char *hint;
	const char *echo;
	const char *floor;
	const char *sla;
	const char *json;
	const char *html;
	const char *hgrm;
	const char *title;
	uint64_t sessions;
	uint64_t senders; /* of the accounts; 0: all */
	uint64_t rate;
	uint64_t count;
	uint64_t duration_ns;
	uint64_t warmup;
	uint64_t batch;
	uint64_t first_nonce;
	uint64_t max_fee;
	uint64_t max_priority_fee;
	uint64_t expires_ns;
	uint64_t retry_ns;
	uint64_t drain_ns;
	uint64_t connect_ns;
	uint64_t attempts;
	const char *probe_cpu;
	uint64_t probe_ns; /* before the runs; 0: beside them */
	bool restart_check;
	bool complete;
	bool quiet;
	struct gyr_args_list rates;
	const char *rate_texts[BENCH_RUNS_MAX];
};

extern const struct gyr_args_note bench_exits[];

/* What this program can send over. */
extern const struct gyr_netdev_ops *const bench_drivers[];
extern const unsigned bench_driver_count;

/* Memory that children write and this process reads; zero; NULL when there is none. */
void *bench_shared(size_t size);

/* Calls work(context) in a process of its own; what it returned, its causes printed by it. */
int bench_child(int (*work)(void *context), void *context);

int command_echo(int argc, char **argv);
int command_run(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_genesis(int argc, char **argv);
int command_report(int argc, char **argv);

/* Parses; a positive result is an exit code plus one: help was printed, or the line is wrong. */
int bench_parse(struct gyr_args *args, int argc, char **argv);

/* Prints the chain; the exit code. */
int bench_fail(const char *program, int error);

int bench_make_accounts(struct gyr_load_account **out, const struct bench_accounts *options);

/* Runs at each of the rates and reports. */
int bench_measure(const struct bench_options *options, const uint64_t *rates,
		  const uint64_t *counts, unsigned run_count);

#endif
