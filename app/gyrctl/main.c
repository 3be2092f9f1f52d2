/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "gyr_err.h"

_Atomic int stopped;

static const struct {
	const char *name;
	command_run *run;
} commands[] = {
	{ "plan", command_plan }, { "check", command_check },	  { "ready", command_ready },
	{ "top", command_top },	  { "metrics", command_metrics }, { "errors", command_errors },
	{ "wal", command_wal },
};

static const struct gyr_args_note command_notes[] = {
	{ "plan", "what a configuration comes to on this machine: lanes, cores, nodes, memory" },
	{ "check",
	  "what is wrong with this machine; check apply mends it, check undo takes it back" },
	{ "ready", "whether the server serves; for scripts and load balancers" },
	{ "top", "what the server is doing, live" },
	{ "metrics", "all metrics once, or served over HTTP" },
	{ "errors", "distinct warnings and errors, of earlier runs as well" },
	{ "wal", "looks into the log: wal dump, wal verify" },
	{ NULL, NULL },
};

static const struct gyr_args_note exits[] = {
	{ "0", "done; or the answer is yes" },
	{ "1", "the answer is no: not ready, something is wrong, the log is not good" },
	{ "2", "the command line is off" },
	{ "3 to 70", "what could not be done, by the kind of error; the message names it" },
	{ NULL, NULL },
};

static const char *const examples[] = {
	"gyrctl plan hwconfig/vm-2core.yaml",
	"gyrctl check hwconfig/box-8core.yaml",
	"gyrctl top /var/lib/gyr",
	"gyrctl wal verify --senders /var/lib/gyr",
	NULL,
};

static void stop(int number)
{
	(void)number;
	atomic_store_explicit(&stopped, 1, memory_order_relaxed);
}

bool parse(struct gyr_args *args, int *operand_count, int *exit_code, int argc, char **argv)
{
	*operand_count = gyr_args_parse(args, argc, argv);
	if (*operand_count < 0) {
		gyr_err_print(stderr, args->program);
		*exit_code = GYR_ERR_USAGE;
		return false;
	}
	if (args->help) {
		gyr_args_print_help(args, stdout);
		*exit_code = 0;
		return false;
	}
	return true;
}

int finish(int result, const char *program)
{
	/* A reader that went away (head, less) is no failure of ours. */
	if (result >= 0)
		return result;
	gyr_err_print(stderr, program);
	return -result;
}

bool wants_color(void)
{
	const char *off = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) == 1 && (off == NULL || off[0] == '\0') && terminal != NULL &&
	       strcmp(terminal, "dumb") != 0;
}

int main(int argc, char **argv)
{
	struct gyr_args args = {
		.program = "gyrctl",
		.summary = "The operator's view of a gyr server. It reads what the server leaves "
			   "in its "
			   "data directory and never disturbs it. Every command takes --json and "
			   "--help.",
		.operands = "COMMAND",
		.operand_count_min = 1,
		.commands = command_notes,
		.exits = exits,
		.examples = examples,
		.stop_at_operand = true,
	};
	struct sigaction action = { .sa_handler = stop };
	int operand_count;
	int exit_code;

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!parse(&args, &operand_count, &exit_code, argc, argv))
		return exit_code;
	for (size_t i = 0; i < GYR_COUNT(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(operand_count, argv + 1);
	(void)gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__, "there is no command '%s'", argv[1]);
	return finish(-GYR_ERR_USAGE, "gyrctl");
}
