/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench: load, latencies, limits. */
#include <string.h>

#include "bench.h"
#include "gyr_err.h"

const struct gyr_args_note bench_exits[] = {
	{ "0", "measured, and every limit kept" },
	{ "2", "the command line is off" },
	{ "3", "the file of limits is off" },
	{ "12", "a device or socket" },
	{ "14", "restart check: something DURABLE is gone, or nobody could tell" },
	{ "17", "no gate answers" },
	{ "18", "a limit is broken; with --complete, something was not executed" },
	{ NULL, NULL },
};

static const struct gyr_args_note commands[] = {
	{ "run", "send at one rate and print latencies" },
	{ "sweep", "the same at several rates, one after the other" },
	{ "echo", "the driver's own round trip, unloaded and under load" },
	{ "genesis", "write the genesis.json that funds the accounts of `run`" },
	{ "report", "make the HTML page from a saved JSON result" },
	{ NULL, NULL },
};

static const char *const examples[] = {
	"gyr-bench genesis --accounts 8 --out genesis.json",
	"gyr-bench run --gate 127.0.0.1:7790 --rate 10k --duration 10s --html report.html",
	"gyr-bench sweep --gate 10.77.0.1:7790 --device dpdk:af_xdp=gyr1,address=10.77.0.2/24 "
	"--rate 1k --rate 10k --rate 50k",
	NULL,
};

int bench_parse(struct gyr_args *args, int argc, char **argv)
{
	int operands = gyr_args_parse(args, argc, argv);

	if (operands < 0) {
		gyr_err_print(stderr, args->program);
		return GYR_ERR_USAGE + 1;
	}
	if (args->help) {
		gyr_args_print_help(args, stdout);
		return 1;
	}
	return 0;
}

int bench_fail(const char *program, int error)
{
	gyr_err_print(stderr, program);
	return -error;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} table[] = {
		{ "run", command_run },	      { "sweep", command_sweep },
		{ "echo", command_echo },     { "genesis", command_genesis },
		{ "report", command_report },
	};
	struct gyr_args args = {
		.program = "gyr-bench",
		.summary =
			"Loads a gyr gate with signed transfers and measures how long its answers "
			"take: ORDERED, DURABLE, EXECUTED. The loop is open: each transaction has "
			"the instant at which it is meant to be sent, and its latencies count from "
			"there, so that no stall hides. `gyr-bench COMMAND --help` tells more.",
		.operands = "COMMAND ...",
		.operand_count_min = 1,
		.operand_count_max = UINT32_MAX,
		.commands = commands,
		.exits = bench_exits,
		.examples = examples,
		.stop_at_operand = true,
	};
	int done = bench_parse(&args, argc, argv);

	if (done != 0)
		return done - 1;
	for (size_t i = 0; i < GYR_COUNT(table); i++)
		if (strcmp(argv[1], table[i].name) == 0)
			return table[i].run(argc - 1, argv + 1);
	(void)fprintf(stderr, "gyr-bench: no command '%s'; see gyr-bench --help\n", argv[1]);
	return GYR_ERR_USAGE;
}
