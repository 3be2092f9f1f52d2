/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench genesis, gyr-bench report: the commands that measure nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "gyr_err.h"

#define REPORT_SIZE_MAX (64u << 20)

int bench_make_accounts(struct gyr_load_account **out, const struct bench_accounts *options)
{
	if (options->count == 0 || options->count > 100000000)
		GYR_FAIL(GYR_ERR_USAGE, "--accounts: %llu is not within 1 to 100M",
			 (unsigned long long)options->count);
	*out = calloc(options->count, sizeof **out);
	if (*out == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for %llu accounts",
			 (unsigned long long)options->count);
	return gyr_load_accounts(*out, options->count, options->seed, (unsigned)options->threads);
}

static int write_genesis(const char *path, const struct gyr_load_genesis *genesis,
			 const struct bench_accounts *options)
{
	struct gyr_load_account *accounts = NULL;
	FILE *to;
	int error = bench_make_accounts(&accounts, options);

	if (error == 0) {
		to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
		if (to == NULL)
			error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", path,
					     strerror(errno));
		else
			error = gyr_load_write_genesis(to, genesis, accounts, options->count);
		if (to != NULL && to != stdout && fclose(to) != 0 && error == 0)
			error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", path,
					     strerror(errno));
	}
	free(accounts);
	return error;
}

int command_genesis(int argc, char **argv)
{
	struct bench_accounts accounts = { .count = 8, .seed = 1, .chain_id = 7790, .threads = 2 };
	struct gyr_load_genesis genesis = {
		.gas_limit = 100000000000,
		.base_fee = 1000000000,
		.balance_ether = 1000000,
		.timestamp = 1700000000,
	};
	const char *path = "-";
	const struct gyr_args_option options[] = {
		{ "accounts", 'a', GYR_ARGS_COUNT, &accounts.count, "N",
		  "how many accounts to fund; default 8" },
		{ "seed", 's', GYR_ARGS_COUNT, &accounts.seed, "N",
		  "their keys come from it; the same as `run` is given; default 1" },
		{ "chain-id", 'c', GYR_ARGS_COUNT, &accounts.chain_id, "N",
		  "EIP-155 chain id; default 7790" },
		{ "out", 'o', GYR_ARGS_TEXT, &path, "FILE", "where to; default standard output" },
		{ "balance", 'b', GYR_ARGS_COUNT, &genesis.balance_ether, "ETHER",
		  "of each account; default 1M" },
		{ "gas-limit", 'g', GYR_ARGS_COUNT, &genesis.gas_limit, "GAS",
		  "of a block; a transfer takes 21000; default 100G" },
		{ "base-fee", 0, GYR_ARGS_COUNT, &genesis.base_fee, "WEI",
		  "per gas, of the first block; default 1G" },
		{ "timestamp", 0, GYR_ARGS_COUNT, &genesis.timestamp, "SECONDS",
		  "of the first block, UTC; default 1700000000" },
		{ "osaka", 0, GYR_ARGS_FLAG, &genesis.osaka, NULL,
		  "Osaka from the start, else Prague" },
		{ "threads", 't', GYR_ARGS_COUNT, &accounts.threads, "N",
		  "that derive keys; default 2" },
	};
	struct gyr_args args = {
		.program = "gyr-bench genesis",
		.summary = "Writes a genesis.json, as geth reads it, that funds the accounts which "
			   "`gyr-bench run` with the same --accounts and --seed sends from. Their "
			   "keys are derived from the seed: never give them anything of worth.",
		.options = options,
		.option_count = GYR_COUNT(options),
	};
	int error = bench_parse(&args, argc, argv);

	if (error != 0)
		return error - 1;
	genesis.chain_id = accounts.chain_id;
	error = write_genesis(path, &genesis, &accounts);
	return error < 0 ? bench_fail(args.program, error) : 0;
}

static int read_all(char **out, size_t *length, const char *path)
{
	FILE *from = fopen(path, "re");
	size_t size;

	if (from == NULL)
		GYR_FAIL(GYR_ERR_IO, "%s: %s", path, strerror(errno));
	*out = malloc(REPORT_SIZE_MAX);
	size = *out == NULL ? 0 : fread(*out, 1, REPORT_SIZE_MAX, from);
	(void)fclose(from);
	if (*out == NULL || size == REPORT_SIZE_MAX)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: longer than %u bytes, or no memory", path,
			 REPORT_SIZE_MAX);
	*length = size;
	if (size == 0 || (*out)[0] != '{')
		GYR_FAIL(GYR_ERR_DATA, "%s: offset 0: this is no result of gyr-bench --json", path);
	return 0;
}

int command_report(int argc, char **argv)
{
	const char *path = "-";
	const struct gyr_args_option options[] = {
		{ "out", 'o', GYR_ARGS_TEXT, &path, "FILE", "where to; default standard output" },
	};
	struct gyr_args args = {
		.program = "gyr-bench report",
		.summary = "Makes the self-contained HTML page from a result that --json saved.",
		.operands = "RESULT.json",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
	};
	int error = bench_parse(&args, argc, argv);
	char *json = NULL;
	size_t length = 0;
	FILE *to;

	if (error != 0)
		return error - 1;
	error = read_all(&json, &length, argv[1]);
	if (error == 0) {
		to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
		if (to == NULL)
			error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", path,
					     strerror(errno));
		else
			error = gyr_load_write_html(to, json, length);
		if (to != NULL && to != stdout)
			(void)fclose(to);
	}
	free(json);
	return error < 0 ? bench_fail(args.program, error) : 0;
}
