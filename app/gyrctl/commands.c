/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_json.h"
#include "gyr_operate.h"

static const struct gyr_args_note answer_exits[] = {
	{ "0", "yes" },
	{ "1", "no" },
	{ "2 to 70", "could not be found out; the message says why" },
	{ NULL, NULL },
};

/* The data directory: given, or of a configuration. */
static const char *directory_of(const char *operand)
{
	static struct gyr_conf conf;
	size_t length = strlen(operand);

	if (length < 5 || strcmp(operand + length - 5, ".yaml") != 0)
		return operand;
	return gyr_conf_load(&conf, operand) < 0 ? NULL : conf.data.directory;
}

/* A machine of another kind than ours: an hwloc XML file, or a synthetic description. */
static struct gyr_topo_source source_of(const char *machine)
{
	struct gyr_topo_source source = { 0 };

	if (machine != NULL && access(machine, R_OK) == 0)
		source.xml_path = machine;
	else
		source.synthetic = machine;
	return source;
}

int command_plan(int argc, char **argv)
{
	static struct gyr_conf conf;
	static struct gyr_topo_plan plan;
	static const char *const examples[] = {
		"gyrctl plan hwconfig/vm-2core.yaml",
		"gyrctl plan --machine 'Package:2 [NUMANode] Core:32 PU:2' hwconfig/box-8core.yaml",
		"lstopo box.xml; gyrctl plan --machine box.xml hwconfig/epyc-2socket.yaml",
		NULL,
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "there is a plan; its warnings are part of it" },
		{ "3", "the configuration is off, or names what the machine does not have" },
		{ "13", "the machine cannot be read" },
		{ NULL, NULL },
	};
	struct gyr_topo_source source = { 0 };
	const char *machine = NULL;
	bool json = false;
	bool fields = false;
	const struct gyr_args_option options[] = {
		{ "machine", 'm', GYR_ARGS_TEXT, &machine, "MACHINE",
		  "plan for another machine: an hwloc XML file, or a synthetic description" },
		{ "fields", 0, GYR_ARGS_FLAG, &fields, NULL,
		  "print every field of configurations, its default and its meaning, instead" },
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	struct gyr_args args = {
		.program = "gyrctl plan",
		.summary =
			"Reads a configuration, resolves it against the machine and prints which "
			"lane runs where, what memory goes to which NUMA node, and what is "
			"unfortunate about it. Changes nothing.",
		.operands = "CONFIG",
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
		.examples = examples,
	};
	struct gyr_json out = gyr_json_begin(stdout);
	int count;
	int exit_code;
	int error;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	if (fields) {
		gyr_conf_print_fields(stdout);
		return 0;
	}
	if (count == 0)
		return finish(gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__, "CONFIG is missing"),
			      args.program);
	source = source_of(machine);
	error = gyr_conf_load(&conf, argv[1]);
	if (error == 0)
		error = gyr_topo_plan(&plan, &conf, &source);
	if (error < 0)
		return finish(error, args.program);
	if (!json) {
		gyr_topo_print(&plan, &conf, stdout);
		return 0;
	}
	gyr_json_object(&out, NULL);
	gyr_topo_write_json(&plan, &conf, &out);
	gyr_json_end(&out);
	return 0;
}

static int check_look(int argc, char **argv)
{
	static struct gyr_conf conf;
	bool json = false;
	const struct gyr_args_option options[] = {
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	struct gyr_args args = {
		.program = "gyrctl check",
		.summary =
			"Goes through the machine: hugepages, memory locking, isolation of CPUs, "
			"governor, idle states, clock, interrupts, network interfaces, the data "
			"directory's disk. With a configuration it knows which CPUs, devices and "
			"folders matter. It changes nothing: each finding names the command that "
			"mends it; gyrctl check apply does most of it, gyrctl check undo takes "
			"that back. What a virtual machine does not have is reported as not "
			"applicable here.",
		.operands = "[CONFIG] | apply CONFIG | undo",
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = answer_exits,
	};
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	if (count == 1) {
		int error = gyr_conf_load(&conf, argv[1]);

		if (error < 0)
			return finish(error, args.program);
	}
	return finish(gyr_operate_check(count == 1 ? &conf : NULL, json, wants_color(), stdout),
		      args.program);
}

static const struct gyr_args_note tune_exits[] = {
	{ "0", "everything is as it should be; what does not apply here is no failure" },
	{ "1", "something could not be changed: it is marked FAILED" },
	{ "3", "the configuration is off" },
	{ "11", "root is needed" },
	{ "16", "the state file is damaged: what the settings were is not known" },
	{ "2 to 70", "as the message says" },
	{ NULL, NULL },
};

static int check_apply(int argc, char **argv)
{
	static struct gyr_conf conf;
	static struct gyr_topo_plan plan;
	static const char *const examples[] = {
		"gyrctl check apply --dry-run hwconfig/box-8core.yaml",
		"gyrctl check apply --boot hwconfig/box-8core.yaml",
		NULL,
	};
	struct gyr_operate_tune_options tune = { .root = "", .state = GYR_OPERATE_TUNE_STATE };
	const char *machine = NULL;
	const struct gyr_args_option options[] = {
		{ "dry-run", 'n', GYR_ARGS_FLAG, &tune.dry_run, NULL,
		  "only say what would be changed" },
		{ "boot", 'b', GYR_ARGS_FLAG, &tune.boot, NULL,
		  "also write isolcpus, nohz_full and rcu_nocbs to /etc/default/grub.d/gyr.cfg" },
		{ "state", 's', GYR_ARGS_TEXT, &tune.state, "FILE",
		  "remember the former settings there; default " GYR_OPERATE_TUNE_STATE },
		{ "root", 0, GYR_ARGS_TEXT, &tune.root, "FOLDER",
		  "work on a copy of /sys, /proc and /etc below FOLDER; for tests" },
		{ "machine", 'm', GYR_ARGS_TEXT, &machine, "MACHINE",
		  "plan for another machine, as gyrctl plan does; with --root" },
		{ "json", 'j', GYR_ARGS_FLAG, &tune.json, NULL, "as one JSON object" },
	};
	struct gyr_args args = {
		.program = "gyrctl check apply",
		.summary =
			"Gives the machine what a configuration wants of it: hugepages on each "
			"node, transparent pages, governor and idle states of data lanes' CPUs, "
			"interrupts away from them, clock source, rings and offloads of network "
			"interfaces, memlock. What the settings were is remembered before the "
			"first one is changed; gyrctl check undo restores it. Boot parameters are "
			"printed, or written with --boot. A restart of the machine undoes all but "
			"the files.",
		.operands = "CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = tune_exits,
		.examples = examples,
	};
	struct gyr_topo_source source;
	int count;
	int exit_code;
	int error;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	source = source_of(machine);
	error = gyr_conf_load(&conf, argv[1]);
	if (error == 0)
		error = gyr_topo_plan(&plan, &conf, &source);
	if (error == 0)
		error = gyr_operate_tune_apply(&conf, &plan, &tune, stdout);
	return finish(error, args.program);
}

static int check_undo(int argc, char **argv)
{
	struct gyr_operate_tune_options tune = { .root = "", .state = GYR_OPERATE_TUNE_STATE };
	const struct gyr_args_option options[] = {
		{ "dry-run", 'n', GYR_ARGS_FLAG, &tune.dry_run, NULL,
		  "only say what would be restored" },
		{ "state", 's', GYR_ARGS_TEXT, &tune.state, "FILE",
		  "where the former settings are; default " GYR_OPERATE_TUNE_STATE },
		{ "root", 0, GYR_ARGS_TEXT, &tune.root, "FOLDER",
		  "work on a copy of /sys, /proc and /etc below FOLDER; for tests" },
		{ "json", 'j', GYR_ARGS_FLAG, &tune.json, NULL, "as one JSON object" },
	};
	struct gyr_args args = {
		.program = "gyrctl check undo",
		.summary = "Restores what gyrctl check apply changed, each setting to the value "
			   "that it had before the first apply, and forgets it. What cannot be "
			   "restored stays remembered for another try. Where nothing is "
			   "remembered there is nothing to do.",
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = tune_exits,
	};
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	return finish(gyr_operate_tune_undo(&tune, stdout), args.program);
}

int command_check(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "apply") == 0)
		return check_apply(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "undo") == 0)
		return check_undo(argc - 1, argv + 1);
	return check_look(argc, argv);
}

int command_ready(int argc, char **argv)
{
	uint64_t wait_ns = 0;
	bool json = false;
	const struct gyr_args_option options[] = {
		{ "wait", 'w', GYR_ARGS_DURATION, &wait_ns, "TIME",
		  "wait so long for it, for example 30s" },
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	struct gyr_args args = {
		.program = "gyrctl ready",
		.summary =
			"Says whether the server of a data directory serves: started, recovered, "
			"alive within the last three seconds, not draining.",
		.operands = "DIRECTORY|CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = answer_exits,
	};
	const char *directory;
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	directory = directory_of(argv[1]);
	if (directory == NULL)
		return finish(-GYR_ERR_CONFIG, args.program);
	return finish(gyr_operate_ready(directory, wait_ns, json, stdout), args.program);
}

int command_top(int argc, char **argv)
{
	struct gyr_operate_top_options top = { .interval_ns = 1000000000, .stopped = &stopped };
	const struct gyr_args_option options[] = {
		{ "interval", 'i', GYR_ARGS_DURATION, &top.interval_ns, "TIME",
		  "between two pictures; default 1s" },
		{ "once", '1', GYR_ARGS_FLAG, &top.once, NULL,
		  "one plain picture after one interval" },
		{ "count", 'n', GYR_ARGS_COUNT, &top.frame_count_max, "N",
		  "end after so many pictures" },
		{ "json", 'j', GYR_ARGS_FLAG, &top.json, NULL,
		  "one JSON object for each, on a line" },
	};
	struct gyr_args args = {
		.program = "gyrctl top",
		.summary =
			"Shows what the server is doing: of each stage how much of the time it was "
			"busy, stalled (input waits, no room downstream) or idle; rates; drops, "
			"rejects and skips by reason; latencies inside the server. Keys: q quits, "
			"t "
			"switches between the interval and the whole run, space holds the picture. "
			"Colours: NO_COLOR switches them off.",
		.operands = "DIRECTORY|CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
	};
	const char *directory;
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	if (top.interval_ns < 10000000)
		return finish(gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__,
					   "--interval: at least 10ms"),
			      args.program);
	top.color = wants_color() && !top.once;
	directory = directory_of(argv[1]);
	if (directory == NULL)
		return finish(-GYR_ERR_CONFIG, args.program);
	return finish(gyr_operate_top(directory, &top, stdout), args.program);
}

int command_metrics(int argc, char **argv)
{
	const char *address = NULL;
	bool json = false;
	const struct gyr_args_option options[] = {
		{ "serve", 's', GYR_ARGS_TEXT, &address, "ADDRESS:PORT",
		  "serve /metrics and /ready over HTTP until a signal, for example "
		  "127.0.0.1:9100" },
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "JSON instead of Prometheus text" },
	};
	struct gyr_args args = {
		.program = "gyrctl metrics",
		.summary =
			"Prints all metrics of a server in Prometheus' text format. They are read "
			"from shared memory: the server does not notice. --serve is meant to run "
			"beside the server, as another user if you like; it survives the server's "
			"restarts.",
		.operands = "DIRECTORY|CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
	};
	const char *directory;
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	directory = directory_of(argv[1]);
	if (directory == NULL)
		return finish(-GYR_ERR_CONFIG, args.program);
	if (address != NULL)
		return finish(gyr_operate_serve(directory, address, &stopped, stdout),
			      args.program);
	return finish(gyr_operate_metrics(directory, json, stdout), args.program);
}

int command_errors(int argc, char **argv)
{
	uint64_t span_ns = 0;
	bool follow = false;
	bool json = false;
	const struct gyr_args_option options[] = {
		{ "last", 'l', GYR_ARGS_DURATION, &span_ns, "TIME",
		  "only what happened within this time, for example 24h" },
		{ "follow", 'f', GYR_ARGS_FLAG, &follow, NULL,
		  "show what comes from now on, until a signal" },
		{ "json", 'j', GYR_ARGS_FLAG, &json, NULL, "as one JSON object" },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "no error (there may be warnings)" },
		{ "1", "there are errors" },
		{ "2 to 70", "could not be found out; the message says why" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyrctl errors",
		.summary = "Lists the distinct warnings and errors that servers of this data "
			   "directory reported, the latest first: one line for each place of the "
			   "program, with how often, when first and last, and what it said last. "
			   "They outlive restarts.",
		.operands = "DIRECTORY|CONFIG",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
		.exits = exits,
	};
	const char *directory;
	int count;
	int exit_code;

	if (!parse(&args, &count, &exit_code, argc, argv))
		return exit_code;
	directory = directory_of(argv[1]);
	if (directory == NULL)
		return finish(-GYR_ERR_CONFIG, args.program);
	if (follow)
		return finish(gyr_operate_errors_follow(directory, json, &stopped, stdout),
			      args.program);
	return finish(gyr_operate_errors(directory,
					 span_ns == 0 ? 0 : gyr_operate_utc_ns() - span_ns, json,
					 stdout),
		      args.program);
}
