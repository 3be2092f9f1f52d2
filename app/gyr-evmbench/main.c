/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "../gyr-statetest/accelerators.h"
#include "gyr_args.h"
#include "gyr_err.h"

int main(int argc, char **argv)
{
	struct gyr_statetest_options run = { .out = stdout };
	uint64_t budget_ns = 500000000, tier = 0;
	struct gyr_accel accel;
	const struct gyr_args_option options[] = {
		{ "time", 't', GYR_ARGS_DURATION, &budget_ns, "DURATION",
		  "How long each case is repeated. Default 500ms." },
		{ "tier", 0, GYR_ARGS_COUNT, &tier, "TIER",
		  "0: interpret byte code. 1: translate the code of the pre-state first. Default "
		  "0." },
		{ "json", 0, GYR_ARGS_FLAG, &run.json, NULL, "One JSON object per case." },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "every case ran" },
		{ "2", "the command line is off" },
		{ "5, 16", "a file cannot be read, is no state test, or is not accepted" },
		{ "13", "this build lacks a precompile" },
		{ NULL, NULL },
	};
	static const char *const examples[] = {
		"gyr-evmbench evm-benchmarks.tar.xz",
		"gyr-evmbench --time 2s benchmarks/main/snailtracer.json",
		NULL,
	};
	struct gyr_args args = {
		.program = "gyr-evmbench",
		.summary =
			"Measures the EVM on transactions in state-test form: gas, median time of "
			"the execution alone, and millions of gas per second. One thread; compare "
			"only figures of one machine and one run.",
		.operands = "PATH…",
		.operand_count_min = 1,
		.operand_count_max = 1024,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
		.examples = examples,
	};
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
	error = accelerators_choose(&accel, &run);
	if (error == 0)
		error = gyr_statetest_bench(&run, (const char *const *)argv + 1, (unsigned)count,
					    budget_ns);
	if (error < 0) {
		gyr_err_print(stderr, args.program);
		return -error;
	}
	return 0;
}
