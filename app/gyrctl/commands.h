/* SPDX-License-Identifier: Apache-2.0 */
/* gyrctl's commands: each gets its own argv, parses it, asks lib/operate, returns an exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdatomic.h>
#include <stdio.h>

#include "gyr_args.h"

typedef int command_run(int argc, char **argv);

command_run command_plan;
command_run command_check;
command_run command_ready;
command_run command_top;
command_run command_metrics;
command_run command_errors;
command_run command_wal;

/* Set by SIGINT and SIGTERM. */
extern _Atomic int stopped;

/*
 * Parses; false when the command is over, *exit_code set: help was printed, or the line is wrong
 * and that was said.
 */
bool parse(struct gyr_args *args, int *operand_count, int *exit_code, int argc, char **argv);

/* Prints the cause chain; the exit code of an error, or of an answer (0 yes, 1 no). */
int finish(int result, const char *program);

/* Whether stdout takes colour. */
bool wants_color(void);

#endif
