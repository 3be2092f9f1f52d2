/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "commands.h"
#include "gyr_accel_keccak_simd.h"
#include "gyr_block_pwrite.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_operate.h"
#include "gyr_precompile.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"
#include "gyr_server.h"

static const struct gyr_recover_ops *const recover_drivers[] = { &gyr_recover_secp256k1 };

static const struct gyr_operate_log_drivers drivers = {
	.block = &gyr_block_pwrite,
	.keccak = &gyr_keccak_portable,
	.recover = recover_drivers,
	.recover_count = GYR_COUNT(recover_drivers),
	.recover_reference = &gyr_recover_portable,
};

static int wal_dump(int argc, char **argv)
{
	struct gyr_operate_dump_options dump = { 0 };
	const struct gyr_args_option options[] = {
		{ "from", 'f', GYR_ARGS_COUNT, &dump.from, "POSITION",
		  "start at this log position" },
		{ "count", 'n', GYR_ARGS_COUNT, &dump.count_max, "N", "at most so many records" },
		{ "kind", 'k', GYR_ARGS_TEXT, &dump.kind, "KIND",
		  "only these: tx, reject, mini_block, evm_block, epoch, genesis, commit, config" },
		{ "raw", 'r', GYR_ARGS_FLAG, &dump.raw, NULL, "with the transactions' bytes" },
		{ "json", 'j', GYR_ARGS_FLAG, &dump.json, NULL, "one JSON object for each record" },
	};
	static const char *const examples[] = {
		"gyrctl wal dump --kind tx --count 10 /var/lib/gyr",
		"gyrctl wal dump --json /var/lib/gyr | jq .",
		NULL,
	};
	struct gyr_args args = {
		.program = "gyrctl wal dump",
		.summary =
			"Prints the records of a log in order, one a line: position, kind, epoch, "
			"arrival number, time, what it holds. Reads only; a server may be running.",
		.operands = "DIRECTORY",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.examples = examples,
	};
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	return finish(gyr_operate_log_dump(argv[1], &drivers, &dump, stdout), args.program);
}

static int wal_verify(int argc, char **argv)
{
	bool senders = false;
	bool json = false;
	const struct gyr_args_option options[] = {
		{ "senders", 's', GYR_ARGS_FLAG, &senders, NULL,
		  "also recover every sender from its signature, and hash every transaction" },
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "the log is good" },
		{ "1", "it is not: damaged, an arrival missing or twice, a wrong sender" },
		{ "2 to 70", "could not be found out; the message says why" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyrctl wal verify",
		.summary = "Checks a log as recovery would, and more: every block's checksum and "
			   "chain, every record's form, that each arrival has exactly one "
			   "disposition; with --senders every signature. Reads only. With a server "
			   "running the end may be torn: that is a block being written.",
		.operands = "DIRECTORY",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
	};
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	return finish(gyr_operate_log_verify(argv[1], &drivers, senders, json, stdout),
		      args.program);
}

static void print_replay(const struct gyr_server_recovery *found, bool json, FILE *to)
{
	char root[65];

	for (unsigned i = 0; i < 32; i++)
		(void)snprintf(root + (size_t)2 * i, 3, "%02x", found->state_root.bytes[i]);
	if (json)
		(void)fprintf(to,
			      "{\"epoch\":%u,\"end_position\":%llu,\"records\":%llu,"
			      "\"transactions\":%llu,\"block\":%llu,\"arrival_next\":%llu,"
			      "\"state_root\":\"0x%s\"}\n",
			      found->epoch, (unsigned long long)found->cut,
			      (unsigned long long)found->record_count,
			      (unsigned long long)found->transaction_count,
			      (unsigned long long)found->block_number,
			      (unsigned long long)found->arrival_next, root);
	else
		(void)fprintf(to,
			      "%llu records, %llu transactions up to position %llu of epoch %u\n"
			      "block %llu is open; state root of the one before: 0x%s\n",
			      (unsigned long long)found->record_count,
			      (unsigned long long)found->transaction_count,
			      (unsigned long long)found->cut, found->epoch,
			      (unsigned long long)found->block_number, root);
}

static int wal_replay(int argc, char **argv)
{
	static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_pwrite };
	static struct gyr_conf conf;
	struct gyr_server_recovery found;
	struct gyr_clock clock;
	struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .block = blocks,
			     .block_count = GYR_COUNT(blocks),
			     .keccak = gyr_accel_keccak_simd(),
			     .precompile = &gyr_precompile_portable,
			     .clock = &clock },
		.parallel_recovery = true,
		.seed = 1,
	};
	bool json = false;
	const struct gyr_args_option arguments[] = {
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "replayed" },
		{ "8", "the log is damaged, or pruned: there is no way from genesis" },
		{ "9", "it is another chain's" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyrctl wal replay",
		.summary = "Executes a log again from genesis, one transaction after the other, "
			   "without looking at checkpoints, and prints the state root that it "
			   "comes to. Takes a configuration, for genesis, directory and sizes. "
			   "Reads only; a server may be running.",
		.operands = "CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = arguments,
		.option_count = GYR_COUNT(arguments),
		.exits = exits,
	};
	int count;
	int exit_code;
	int error;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	error = gyr_conf_load(&conf, argv[1]);
	(void)snprintf(conf.log.driver, sizeof conf.log.driver, "auto");
	if (error == 0)
		error = gyr_clock_tsc_open(&clock, NULL);
	if (error == 0)
		error = gyr_server_replay(&found, &options);
	if (error == 0)
		print_replay(&found, json, stdout);
	return finish(error, args.program);
}

int command_wal(int argc, char **argv)
{
	static const struct gyr_args_note commands[] = {
		{ "dump", "the records, one a line" },
		{ "verify", "whether the log is good, with --senders every signature" },
		{ "replay", "executes it again from genesis: the state root" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyrctl wal",
		.summary = "Looks into the log of a data directory.",
		.operands = "dump|verify|replay",
		.operand_count_min = 1,
		.commands = commands,
		.stop_at_operand = true,
	};
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	if (strcmp(argv[1], "dump") == 0)
		return wal_dump(count, argv + 1);
	if (strcmp(argv[1], "verify") == 0)
		return wal_verify(count, argv + 1);
	if (strcmp(argv[1], "replay") == 0)
		return wal_replay(count, argv + 1);
	return finish(gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__,
				   "there is no command 'wal %s'", argv[1]),
		      args.program);
}
