/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../gyr-statetest/accelerators.h"
#include "gyr_args.h"
#include "gyr_err.h"
#include "gyr_transition.h"

#define INPUT_BYTES_MAX ((size_t)1 << 30)
#define PATH_LENGTH	4096

struct places {
	const char *alloc, *env, *txs;		    /* --input.* */
	const char *folder, *result, *after, *body; /* --output.* */
};

static int read_all(struct gyr_slice *out, FILE *from, const char *name)
{
	size_t size = 1 << 16, length = 0, got;
	uint8_t *bytes = malloc(size), *more;

	while (bytes != NULL && (got = fread(bytes + length, 1, size - length, from)) > 0) {
		length += got;
		if (length < size)
			continue;
		more = size >= INPUT_BYTES_MAX ? NULL : realloc(bytes, 2 * size);
		if (more == NULL)
			free(bytes);
		bytes = more;
		size *= 2;
	}
	if (bytes == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no memory, or more than 1 GiB", name);
	if (ferror(from)) {
		free(bytes);
		GYR_FAIL(GYR_ERR_IO, "cannot read %s", name);
	}
	*out = (struct gyr_slice){ bytes, length };
	return 0;
}

static int read_part(struct gyr_slice *out, const char *path)
{
	FILE *file;
	int error;

	if (strcmp(path, "stdin") == 0)
		return 0;
	file = fopen(path, "rb");
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot open %s", path);
	error = read_all(out, file, path);
	(void)fclose(file);
	if (error == 0 && out->length == 0)
		GYR_FAIL(GYR_ERR_DATA, "%s is empty", path);
	return error;
}

static int read_input(struct gyr_transition_input *input, const struct places *places)
{
	if (strcmp(places->alloc, "stdin") == 0 || strcmp(places->env, "stdin") == 0 ||
	    strcmp(places->txs, "stdin") == 0)
		GYR_TRY(read_all(&input->combined, stdin, "stdin"));
	GYR_TRY(read_part(&input->alloc, places->alloc));
	GYR_TRY(read_part(&input->env, places->env));
	return read_part(&input->txs, places->txs);
}

/* To a file of the folder, or, for stdout and stderr, as a member of the object written there. */
static int write_part(const struct places *places, const char *place, const char *name,
		      const char *text, unsigned members[2])
{
	bool to_out = strcmp(place, "stdout") == 0, to_err = strcmp(place, "stderr") == 0;
	FILE *file = to_out ? stdout : stderr;
	char path[PATH_LENGTH];

	if (*place == 0)
		return 0;
	if (to_out || to_err) {
		(void)fprintf(file, "%s\"%s\": %s", members[to_err]++ == 0 ? "{\n" : ",\n", name,
			      text);
		return 0;
	}
	(void)snprintf(path, sizeof path, "%s/%s", places->folder, place);
	file = fopen(path, "w");
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot write %s", path);
	(void)fputs(text, file);
	(void)fputc('\n', file);
	if (fclose(file) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot write %s", path);
	return 0;
}

static int write_output(const struct gyr_transition_output *output, const struct places *places)
{
	unsigned members[2] = { 0, 0 };

	GYR_TRY(write_part(places, places->result, "result", output->result, members));
	GYR_TRY(write_part(places, places->after, "alloc", output->alloc, members));
	GYR_TRY(write_part(places, places->body, "body", output->body, members));
	if (members[1] > 0)
		(void)fputs("\n}\n", stderr);
	if (members[0] > 0)
		(void)fputs("\n}\n", stdout);
	if (fflush(stdout) != 0)
		GYR_FAIL(GYR_ERR_IO, "cannot write to stdout");
	return 0;
}

static int run_block(struct gyr_transition *transition, const struct places *places)
{
	struct gyr_transition_input input = { .combined = { NULL, 0 } };
	struct gyr_transition_output output = { .result = NULL };
	int error = read_input(&input, places);

	if (error == 0)
		error = gyr_transition_run(transition, &output, &input);
	if (error == 0)
		error = write_output(&output, places);
	gyr_transition_output_free(&output);
	free((void *)(uintptr_t)input.combined.data);
	free((void *)(uintptr_t)input.alloc.data);
	free((void *)(uintptr_t)input.env.data);
	free((void *)(uintptr_t)input.txs.data);
	return error;
}

static int run(struct gyr_transition_options *options, const struct places *places, bool lines)
{
	struct gyr_statetest_options chosen = { .out = stdout };
	struct gyr_transition *transition;
	struct gyr_accel accel;
	int error;

	GYR_TRY(accelerators_choose(&accel, &chosen));
	options->keccak = chosen.keccak;
	options->precompile = chosen.precompile;
	if (mkdir(places->folder, 0777) != 0 && errno != EEXIST)
		GYR_FAIL(GYR_ERR_IO, "cannot make the folder %s", places->folder);
	GYR_TRY(gyr_transition_open(&transition, options));
	error = lines ? gyr_transition_run_lines(transition, stdin, stdout)
		      : run_block(transition, places);
	gyr_transition_close(transition);
	return error;
}

int main(int argc, char **argv)
{
	struct places places = { .alloc = "alloc.json",
				 .env = "env.json",
				 .txs = "txs.json",
				 .folder = ".",
				 .result = "result.json",
				 .after = "alloc.json",
				 .body = "" };
	struct gyr_transition_options run_options = { .fork = "Prague", .reward = 0 };
	const char *reward = "0";
	uint64_t chain_id = 1, slice = 0;
	bool trace = false, lines = false;
	const struct gyr_args_option options[] = {
		{ "input.alloc", 0, GYR_ARGS_TEXT, &places.alloc, "FILE",
		  "The accounts before. Default alloc.json; stdin: member alloc of the object "
		  "there." },
		{ "input.env", 0, GYR_ARGS_TEXT, &places.env, "FILE",
		  "The block's surroundings. Default env.json; stdin: member env." },
		{ "input.txs", 0, GYR_ARGS_TEXT, &places.txs, "FILE",
		  "The transactions: an array of objects, or a string, the RLP of their list. "
		  "Default txs.json; stdin: member txs, or txsRlp." },
		{ "output.basedir", 0, GYR_ARGS_TEXT, &places.folder, "FOLDER",
		  "Where output files go; made where it is not there. Default: here." },
		{ "output.result", 0, GYR_ARGS_TEXT, &places.result, "FILE",
		  "Roots, receipts, rejected transactions. Default result.json; stdout and stderr "
		  "too, \"\" for nowhere." },
		{ "output.alloc", 0, GYR_ARGS_TEXT, &places.after, "FILE",
		  "The accounts after. Default alloc.json." },
		{ "output.body", 0, GYR_ARGS_TEXT, &places.body, "FILE",
		  "The RLP of the block's transactions. Default: nowhere." },
		{ "state.fork", 0, GYR_ARGS_TEXT, &run_options.fork, "NAME",
		  "Byzantium to Osaka, as state tests spell it. Default Prague." },
		{ "state.chainid", 0, GYR_ARGS_COUNT, &chain_id, "N", "Default 1." },
		{ "state.reward", 0, GYR_ARGS_TEXT, &reward, "WEI",
		  "0 or -1: no block reward. Others are refused." },
		{ "slice", 0, GYR_ARGS_COUNT, &slice, "GAS",
		  "Execute in slices of this much gas. The results are the same." },
		{ "trace", 0, GYR_ARGS_FLAG, &trace, NULL,
		  "Write every instruction of each transaction (EIP-3155) to "
		  "trace-INDEX-HASH.jsonl." },
		{ "lines", 0, GYR_ARGS_FLAG, &lines, NULL,
		  "Many blocks: stdin has one object of alloc, env, txs and perhaps fork on each "
		  "line, stdout gets one result a line, whose receipts also tell what was "
		  "returned." },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "the block ran; rejected transactions are in the result" },
		{ "2", "the command line is off" },
		{ "3", "fork, reward, or something in env that is not served" },
		{ "5", "a file cannot be read or written" },
		{ "13", "this build lacks a precompile" },
		{ "15", "a table is full" },
		{ "16", "input that is off, or a block hash that it lacks" },
		{ NULL, NULL },
	};
	static const char *const examples[] = {
		"gyr-t8n --state.fork Prague --output.basedir out",
		"gyr-t8n --input.alloc stdin --input.env stdin --input.txs stdin --output.result "
		"stdout --output.alloc stdout < all.json",
		"gyr-t8n --lines < blocks.jsonl > results.jsonl",
		NULL,
	};
	struct gyr_args args = {
		.program = "gyr-t8n",
		.summary = "Runs one block over gyr's state-transition function, with JSON in and "
			   "out in the form of geth's \"evm t8n\".",
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
		.examples = examples,
	};
	int count = gyr_args_parse(&args, argc, argv), error = 0;

	if (count < 0) {
		gyr_err_print(stderr, args.program);
		return GYR_ERR_USAGE;
	}
	if (args.help) {
		gyr_args_print_help(&args, stdout);
		return 0;
	}
	run_options.chain_id = chain_id;
	run_options.reward = strcmp(reward, "0") == 0 || strcmp(reward, "-1") == 0 ? 0 : 1;
	run_options.gas_slice = (int64_t)gyr_min_u64(slice, INT64_MAX);
	run_options.trace_folder = trace ? places.folder : NULL;
	run_options.with_output = lines;
	error = run(&run_options, &places, lines);
	if (error < 0)
		gyr_err_print(stderr, args.program);
	return -error;
}
