/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "accelerators.h"
#include "gyr_args.h"
#include "gyr_err.h"
#include "gyr_statetest.h"

#define SKIP_COUNT_MAX 64

int main(int argc, char **argv)
{
	const char *skips[SKIP_COUNT_MAX];
	struct gyr_args_list skip = { .values = skips, .count_max = SKIP_COUNT_MAX };
	struct gyr_accel accel;
	struct gyr_statetest_options run = { .out = stdout };
	uint64_t jobs = 1, slice = 0, tier = 0;
	const struct gyr_args_option options[] = {
		{ "fork", 'f', GYR_ARGS_TEXT, &run.fork, "NAME",
		  "Only the post-states of this fork, as the files spell it: Cancun, Osaka." },
		{ "jobs", 'j', GYR_ARGS_COUNT, &jobs, "N",
		  "Threads, each with a state. Default 1." },
		{ "skip", 's', GYR_ARGS_LIST, &skip, "TEXT",
		  "Skip files whose name contains this; may be given many times." },
		{ "slice", 0, GYR_ARGS_COUNT, &slice, "GAS",
		  "Execute in slices of this much gas. The results are the same. Default: one." },
		{ "tier", 0, GYR_ARGS_COUNT, &tier, "TIER",
		  "0: interpret byte code. 1: translate the code of the pre-state first. Default "
		  "0." },
		{ "trace", 't', GYR_ARGS_FLAG, &run.trace, NULL,
		  "Print every instruction as EIP-3155 has it." },
		{ "timing", 0, GYR_ARGS_FLAG, &run.timing, NULL, "Print what each file took." },
		{ "json", 0, GYR_ARGS_FLAG, &run.json, NULL,
		  "One JSON object per test, and one with the totals." },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "every test passed" },
		{ "1", "a test failed" },
		{ "2", "the command line is off" },
		{ "5, 16", "a file cannot be read, or is no state test" },
		{ "13", "this build lacks a precompile" },
		{ NULL, NULL },
	};
	static const char *const examples[] = {
		"gyr-statetest GeneralStateTests.tar.xz",
		"gyr-statetest --fork Cancun --jobs 4 GeneralStateTests/stSStoreTest",
		"gyr-statetest --trace stExample/add11.json",
		NULL,
	};
	struct gyr_args args = {
		.program = "gyr-statetest",
		.summary = "Runs Ethereum's official state tests over gyr's state-transition "
			   "function: JSON files, folders of them, or packed archives. Prints each "
			   "failure with the state root that was expected and the one it got.",
		.operands = "PATH…",
		.operand_count_min = 1,
		.operand_count_max = 1024,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
		.examples = examples,
	};
	struct gyr_statetest_totals totals;
	int count = gyr_args_parse(&args, argc, argv), error;

	if (count < 0) {
		gyr_err_print(stderr, args.program);
		return GYR_ERR_USAGE;
	}
	if (args.help) {
		gyr_args_print_help(&args, stdout);
		return 0;
	}
	if (tier > 1) {
		(void)fprintf(stderr, "%s: --tier is 0 or 1\n", args.program);
		return GYR_ERR_USAGE;
	}
	run.tier = (unsigned)tier;
	run.job_count = (unsigned)gyr_min_u64(jobs, 64);
	run.gas_slice = (int64_t)gyr_min_u64(slice, INT64_MAX);
	run.skips = skips;
	run.skip_count = skip.count;
	error = accelerators_choose(&accel, &run);
	if (error < 0) {
		gyr_err_print(stderr, args.program);
		return -error;
	}
	error = gyr_statetest_run(&run, (const char *const *)argv + 1, (unsigned)count, &totals);
	gyr_statetest_print_totals(&run, &totals);
	if (error < 0) {
		gyr_err_print(stderr, args.program);
		return -error;
	}
	return totals.failed != 0;
}
