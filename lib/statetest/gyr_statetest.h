/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs Ethereum's official state tests (ethereum/tests and execution-spec-tests): from a JSON file,
 * a folder of them, or a packed archive of either, over lib/stf. Cold, hosted; each job is a thread
 * with a state of its own. Every post-state of every fork that a file names is one test.
 */
#ifndef GYR_STATETEST_H
#define GYR_STATETEST_H

#include <stdio.h>

#include "gyr_precompile.h"
#include "gyr_stf.h"

struct gyr_statetest_options {
	const struct gyr_keccak_ops *keccak;
	const struct gyr_precompile_ops *precompile;
	const char *fork;	  /* only this one; NULL: all */
	const char *const *skips; /* files whose name contains one of these are skipped */
	unsigned skip_count;
	unsigned job_count;
	int64_t gas_slice; /* of a step; 0: the whole transaction in one */
	unsigned tier;	   /* 1: the code of the pre-state runs translated, where it can be */
	bool trace;	   /* EIP-3155 lines to `out` */
	bool json;	   /* one JSON object per test, and one with the totals */
	bool timing;	   /* each file's milliseconds to `out` */
	FILE *out;
};

struct gyr_statetest_totals {
	uint64_t passed;
	uint64_t failed;
	uint64_t skipped;
	uint64_t translated; /* pieces of code */
	uint64_t gas;	     /* of all transactions that ran */
};

/*
 * Runs everything under the paths and prints each failure with what was expected and got. A file
 * that cannot be read or is no state test is an error: GYR_ERR_IO or GYR_ERR_DATA, with its name.
 */
GYR_MUST_USE int gyr_statetest_run(const struct gyr_statetest_options *options,
				   const char *const *paths, unsigned path_count,
				   struct gyr_statetest_totals *totals);

/*
 * Executes each transaction again and again, for about budget_ns and at least three times, and
 * prints its gas and the median time of its execution alone: neither set-up, fees nor roots.
 */
GYR_MUST_USE int gyr_statetest_bench(const struct gyr_statetest_options *options,
				     const char *const *paths, unsigned path_count,
				     uint64_t budget_ns);

/* The line "N passed, N failed, N skipped", or its JSON. */
void gyr_statetest_print_totals(const struct gyr_statetest_options *options,
				const struct gyr_statetest_totals *totals);

#endif
