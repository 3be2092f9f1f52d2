/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_units.h"

static const struct gyr_args_option help_option = {
	.name = "help",
	.letter = 'h',
	.kind = GYR_ARGS_FLAG,
};

static const struct gyr_args_option *find_long(const struct gyr_args *args, const char *name,
					       size_t length)
{
	if (length == 4 && memcmp(name, "help", 4) == 0)
		return &help_option;
	for (unsigned i = 0; i < args->option_count; i++)
		if (strlen(args->options[i].name) == length &&
		    memcmp(args->options[i].name, name, length) == 0)
			return &args->options[i];
	return NULL;
}

static const struct gyr_args_option *find_letter(const struct gyr_args *args, char letter)
{
	if (letter == 'h')
		return &help_option;
	for (unsigned i = 0; i < args->option_count; i++)
		if (letter != '\0' && args->options[i].letter == letter)
			return &args->options[i];
	return NULL;
}

static int take_range(const struct gyr_args_option *option, const char *text)
{
	uint64_t *range = option->value;
	const char *dots = strstr(text, "..");
	char first[32];
	size_t length = dots == NULL ? strlen(text) : (size_t)(dots - text);

	if (length < sizeof first) {
		memcpy(first, text, length);
		first[length] = '\0';
		if (gyr_units_parse(&range[0], GYR_UNITS_COUNT, first) &&
		    gyr_units_parse(&range[1], GYR_UNITS_COUNT, dots == NULL ? first : dots + 2) &&
		    range[0] <= range[1])
			return 0;
	}
	GYR_FAIL(GYR_ERR_USAGE, "--%s: '%s' is not a range such as 5 or 1..100", option->name,
		 text);
}

static int take_real(const struct gyr_args_option *option, const char *text)
{
	char *end;
	double real;

	errno = 0;
	real = strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !isfinite(real))
		GYR_FAIL(GYR_ERR_USAGE, "--%s: '%s' is not a number", option->name, text);
	*(double *)option->value = real;
	return 0;
}

static int take_quantity(const struct gyr_args_option *option, const char *text)
{
	enum gyr_units_kind kind = option->kind == GYR_ARGS_SIZE       ? GYR_UNITS_SIZE
				   : option->kind == GYR_ARGS_DURATION ? GYR_UNITS_DURATION
								       : GYR_UNITS_COUNT;

	if (!gyr_units_parse(option->value, kind, text))
		GYR_FAIL(GYR_ERR_USAGE, "--%s: '%s' is not %s", option->name, text,
			 gyr_units_expected(kind));
	return 0;
}

static int take_value(const struct gyr_args_option *option, const char *text)
{
	struct gyr_args_list *list = option->value;

	switch (option->kind) {
	case GYR_ARGS_TEXT:
		*(const char **)option->value = text;
		return 0;
	case GYR_ARGS_COUNT:
	case GYR_ARGS_SIZE:
	case GYR_ARGS_DURATION:
		return take_quantity(option, text);
	case GYR_ARGS_REAL:
		return take_real(option, text);
	case GYR_ARGS_RANGE:
		return take_range(option, text);
	case GYR_ARGS_LIST:
		if (list->count == list->count_max)
			GYR_FAIL(GYR_ERR_USAGE, "--%s may be given at most %u times", option->name,
				 list->count_max);
		list->values[list->count++] = text;
		return 0;
	case GYR_ARGS_FLAG:
		break;
	}
	gyr_assert(option->kind != GYR_ARGS_FLAG);
	return 0;
}

/* argv[*at] is an option; moves *at on to what it consumed last. */
static int take_option(struct gyr_args *args, int argc, char **argv, int *at)
{
	const char *word = argv[*at];
	bool is_long = word[1] == '-';
	const char *name = word + 1 + is_long;
	size_t length = is_long ? strcspn(name, "=") : 1;
	const char *value = name[length] == '\0' ? NULL : name + length + is_long;
	const struct gyr_args_option *option = is_long ? find_long(args, name, length)
						       : find_letter(args, name[0]);

	if (option == NULL)
		GYR_FAIL(GYR_ERR_USAGE, "there is no option %.*s", is_long ? (int)length + 2 : 2,
			 word);
	if (option->kind == GYR_ARGS_FLAG) {
		if (value != NULL)
			GYR_FAIL(GYR_ERR_USAGE, "--%s takes no value", option->name);
		if (option == &help_option)
			args->help = true;
		else
			*(bool *)option->value = true;
		return 0;
	}
	if (value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (value == NULL)
		GYR_FAIL(GYR_ERR_USAGE, "--%s needs a value: %s", option->name,
			 option->placeholder == NULL ? "VALUE" : option->placeholder);
	return take_value(option, value);
}

int gyr_args_parse(struct gyr_args *args, int argc, char **argv)
{
	unsigned operand_count = 0;
	bool only_operands = false;

	for (int i = 1; i < argc; i++) {
		if (!only_operands && strcmp(argv[i], "--") == 0) {
			only_operands = true;
		} else if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[++operand_count] = argv[i];
			only_operands = only_operands || args->stop_at_operand;
		} else {
			GYR_TRY(take_option(args, argc, argv, &i));
		}
	}
	if (args->help)
		return 0;
	if (operand_count < args->operand_count_min)
		GYR_FAIL(GYR_ERR_USAGE, "%s is missing",
			 args->operands == NULL ? "an operand" : args->operands);
	if (!args->stop_at_operand && operand_count > args->operand_count_max)
		GYR_FAIL(GYR_ERR_USAGE, "'%s' is one operand too many",
			 argv[1 + args->operand_count_max]);
	return (int)operand_count;
}
