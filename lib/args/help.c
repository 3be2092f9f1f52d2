/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_args.h"

#define WIDTH 88

/* Words of text from column `indent` to WIDTH; the caller has printed the first line up to it. */
static void wrap(FILE *to, const char *text, int indent)
{
	int column = indent;

	while (*text != '\0') {
		size_t length = strcspn(text, " \n");

		if (column > indent && column + 1 + (int)length > WIDTH) {
			(void)fprintf(to, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			(void)fputc(' ', to);
			column++;
		}
		(void)fprintf(to, "%.*s", (int)length, text);
		column += (int)length;
		text += length;
		if (*text == '\n') {
			(void)fprintf(to, "\n%*s", indent, "");
			column = indent;
		}
		text += *text != '\0';
	}
	(void)fputc('\n', to);
}

static void print_row(FILE *to, const char *left, const char *text, int indent)
{
	int length = fprintf(to, "  %s", left);

	if (length > indent - 2)
		(void)fprintf(to, "\n%*s", indent, "");
	else
		(void)fprintf(to, "%*s", indent - length, "");
	wrap(to, text, indent);
}

static void print_notes(FILE *to, const char *title, const struct gyr_args_note *notes)
{
	int widest = 0;

	if (notes == NULL)
		return;
	(void)fprintf(to, "\n%s:\n", title);
	for (const struct gyr_args_note *note = notes; note->name != NULL; note++)
		widest = (int)strlen(note->name) > widest ? (int)strlen(note->name) : widest;
	for (const struct gyr_args_note *note = notes; note->name != NULL; note++)
		print_row(to, note->name, note->text, widest + 4);
}

static void print_option(FILE *to, const struct gyr_args_option *option)
{
	char left[80];
	char letter[5] = "    ";

	if (option->letter != '\0')
		(void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
	(void)snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name,
		       option->placeholder == NULL ? "" : " ",
		       option->placeholder == NULL ? "" : option->placeholder);
	print_row(to, left, option->help == NULL ? "" : option->help, 32);
}

void gyr_args_print_help(const struct gyr_args *args, FILE *to)
{
	static const struct gyr_args_option help = { .name = "help",
						     .letter = 'h',
						     .help = "this text" };

	(void)fprintf(to, "usage: %s%s%s%s\n\n", args->program,
		      args->option_count > 0 ? " [OPTION…]" : "", args->operands == NULL ? "" : " ",
		      args->operands == NULL ? "" : args->operands);
	wrap(to, args->summary, 0);
	print_notes(to, "Commands", args->commands);
	(void)fprintf(to, "\nOptions:\n");
	for (unsigned i = 0; i < args->option_count; i++)
		print_option(to, &args->options[i]);
	print_option(to, &help);
	print_notes(to, "Exit codes", args->exits);
	if (args->examples != NULL) {
		(void)fprintf(to, "\nExamples:\n");
		for (const char *const *line = args->examples; *line != NULL; line++)
			(void)fprintf(to, "  %s\n", *line);
	}
}
