/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines, the same in every program: long options with "--name value" or "--name=value",
 * one-letter ones with "-x value", operands anywhere, "--" ends the options. A program describes
 * its options in a table; help is made of the same table, so neither can forget the other. Values
 * are written straight to the program's variables, which hold the defaults before.
 *
 *	struct gyr_args args = { .program = "gyr-x", .summary = "Does x.", .options = options, … };
 *	int operand_count = gyr_args_parse(&args, argc, argv);
 *	if (operand_count < 0)  { gyr_err_print(stderr, args.program); return GYR_ERR_USAGE; }
 *	if (args.help)          { gyr_args_print_help(&args, stdout); return 0; }
 *
 * Cold, one thread. Nothing is copied: texts point into argv.
 */
#ifndef GYR_ARGS_H
#define GYR_ARGS_H

#include <stdio.h>

#include "gyr_base.h"

enum gyr_args_kind {
	GYR_ARGS_FLAG,	   /* bool *: set to true; takes no value */
	GYR_ARGS_TEXT,	   /* const char ** */
	GYR_ARGS_COUNT,	   /* uint64_t *: 4096, 1.5M */
	GYR_ARGS_SIZE,	   /* uint64_t *: bytes, 64MiB */
	GYR_ARGS_DURATION, /* uint64_t *: nanoseconds, 100us */
	GYR_ARGS_REAL,	   /* double *: 99.9 */
	GYR_ARGS_RANGE,	   /* uint64_t[2]: "5" or "1..100", first <= last */
	GYR_ARGS_LIST,	   /* struct gyr_args_list *: may be given many times */
};

/* What a repeated option collects: the first `count` of `values`, at most count_max. */
struct gyr_args_list {
	const char **values;
	unsigned count;
	unsigned count_max;
};

struct gyr_args_option {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	enum gyr_args_kind kind;
	void *value;
	const char *placeholder; /* "FILE"; NULL for flags */
	const char *help;	 /* one or more lines, wrapped by us; defaults belong here */
};

/* One line each of "name  text", for subcommands, exit codes and the like. */
struct gyr_args_note {
	const char *name;
	const char *text;
};

struct gyr_args {
	const char *program;  /* "gyrctl plan" */
	const char *summary;  /* what it does, some sentences */
	const char *operands; /* "[FILE]" for the usage line, NULL for none */
	unsigned operand_count_min;
	unsigned operand_count_max;
	const struct gyr_args_option *options; /* --help is there without being listed */
	unsigned option_count;
	const struct gyr_args_note *commands; /* "Commands:"; ends with a NULL name; may be NULL */
	const struct gyr_args_note *exits;    /* "Exit codes:"; the same */
	const char *const *examples;	      /* command lines; ends with NULL; may be NULL */
	/* For programs with commands: parsing stops at the first operand, the command; it and all
	 * after it are operands. */
	bool stop_at_operand;
	bool help; /* set when --help or -h was given; operands are not checked then */
};

/*
 * Parses argv[1…]; operands are moved to argv[1…], in order, and their number returned.
 * GYR_ERR_USAGE with the option and what it takes in the cause.
 */
GYR_MUST_USE int gyr_args_parse(struct gyr_args *args, int argc, char **argv);

/* The whole help, 80 to 100 columns. */
void gyr_args_print_help(const struct gyr_args *args, FILE *to);

#endif
