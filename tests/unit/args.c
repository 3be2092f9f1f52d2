/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_args.h"
#include "gyr_err.h"
#include "gyr_json.h"
#include "gyr_units.h"

static void units_parse_exactly(void **state)
{
	static const struct {
		enum gyr_units_kind kind;
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ GYR_UNITS_SIZE, "64MiB", true, 64u << 20 },
		{ GYR_UNITS_SIZE, "64 MiB", true, 64u << 20 },
		{ GYR_UNITS_SIZE, "1.5KiB", true, 1536 },
		{ GYR_UNITS_SIZE, "512", true, 512 },
		{ GYR_UNITS_SIZE, "1_000B", true, 1000 },
		{ GYR_UNITS_SIZE, "64MB", false, 0 },
		{ GYR_UNITS_SIZE, "64mib", false, 0 },
		{ GYR_UNITS_SIZE, "0.3B", false, 0 },
		{ GYR_UNITS_SIZE, "16777215TiB", true, 16777215ull << 40 },
		{ GYR_UNITS_SIZE, "16777216TiB", false, 0 },
		{ GYR_UNITS_SIZE, "", false, 0 },
		{ GYR_UNITS_SIZE, "MiB", false, 0 },
		{ GYR_UNITS_SIZE, "-1", false, 0 },
		{ GYR_UNITS_SIZE, "1 ", false, 0 },
		{ GYR_UNITS_SIZE, "1  KiB", false, 0 },
		{ GYR_UNITS_SIZE, "1.KiB", false, 0 },
		{ GYR_UNITS_SIZE, "1_", false, 0 },
		{ GYR_UNITS_DURATION, "100us", true, 100000 },
		{ GYR_UNITS_DURATION, "0", true, 0 },
		{ GYR_UNITS_DURATION, "5", false, 0 },
		{ GYR_UNITS_DURATION, "1.000000001s", true, 1000000001 },
		{ GYR_UNITS_DURATION, "2min", true, 120000000000 },
		{ GYR_UNITS_DURATION, "2m", false, 0 },
		{ GYR_UNITS_COUNT, "18446744073709551615", true, UINT64_MAX },
		{ GYR_UNITS_COUNT, "18446744073709551616", false, 0 },
		{ GYR_UNITS_COUNT, "1.5M", true, 1500000 },
		{ GYR_UNITS_COUNT, "5 ", false, 0 },
		{ GYR_UNITS_COUNT, "99999999999999999999999999999999999999999999", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		uint64_t value = 0;

		if (gyr_units_parse(&value, rows[i].kind, rows[i].text) != rows[i].good ||
		    value != rows[i].value)
			fail_msg("'%s' gives %llu", rows[i].text, (unsigned long long)value);
	}
}

static void units_format_three_digits(void **state)
{
	char text[GYR_UNITS_TEXT_MAX];

	(void)state;
	assert_string_equal(gyr_units_format(text, GYR_UNITS_SIZE, 1572864), "1.50 MiB");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_SIZE, 0), "0 B");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_DURATION, 12345), "12.3 us");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_DURATION, 999999), "1.00 ms");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_DURATION, 7200e9), "7200 s");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_COUNT, 812000), "812 k");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_COUNT, 17), "17");
	assert_string_equal(gyr_units_format(text, GYR_UNITS_COUNT, 17.25), "17.2");
}

struct values {
	bool flag;
	const char *text;
	uint64_t count;
	uint64_t size;
	uint64_t duration;
	double real;
	uint64_t range[2];
	struct gyr_args_list list;
	const char *listed[2];
};

static int parse(struct values *values, struct gyr_args *args, const char **argv)
{
	const struct gyr_args_option options[] = {
		{ "flag", 'f', GYR_ARGS_FLAG, &values->flag, NULL, "a flag" },
		{ "text", 't', GYR_ARGS_TEXT, &values->text, "TEXT", "some text" },
		{ "count", 0, GYR_ARGS_COUNT, &values->count, "N", "a count" },
		{ "size", 0, GYR_ARGS_SIZE, &values->size, "SIZE", "a size" },
		{ "duration", 0, GYR_ARGS_DURATION, &values->duration, "TIME", "a time" },
		{ "real", 0, GYR_ARGS_REAL, &values->real, "X", "a number" },
		{ "seeds", 0, GYR_ARGS_RANGE, values->range, "A..B", "seeds" },
		{ "list", 'l', GYR_ARGS_LIST, &values->list, "X", "one of many" },
	};
	int argc = 0;
	int result;

	memset(values, 0, sizeof *values);
	values->list = (struct gyr_args_list){ .values = values->listed, .count_max = 2 };
	args->program = "t";
	args->summary = "Tests.";
	args->options = options;
	args->option_count = GYR_COUNT(options);
	while (argv[argc] != NULL)
		argc++;
	result = gyr_args_parse(args, argc, (char **)argv);
	args->options = NULL;
	args->option_count = 0;
	return result;
}

static void arguments_reach_their_variables(void **state)
{
	const char *argv[] = { "t",	 "one",	 "--text=x y", "-f",	     "--count", "1k",
			       "--size", "2KiB", "-la",	       "--duration", "5ms",	"two",
			       "--real", "99.9", "--seeds",    "3..9",	     "-l",	"b",
			       "--",	 "-z",	 NULL };
	struct gyr_args args = { .operand_count_max = 3 };
	struct values values;

	(void)state;
	assert_int_equal(parse(&values, &args, argv), 3);
	assert_string_equal(argv[1], "one");
	assert_string_equal(argv[2], "two");
	assert_string_equal(argv[3], "-z");
	assert_true(values.flag);
	assert_string_equal(values.text, "x y");
	assert_int_equal(values.count, 1000);
	assert_int_equal(values.size, 2048);
	assert_int_equal(values.duration, 5000000);
	assert_true(values.real == 99.9);
	assert_int_equal(values.range[0], 3);
	assert_int_equal(values.range[1], 9);
	assert_int_equal(values.list.count, 2);
	assert_string_equal(values.listed[0], "a");
	assert_string_equal(values.listed[1], "b");
}

static void wrong_lines_say_why(void **state)
{
	static const struct {
		const char *word[4];
		const char *said;
	} rows[] = {
		{ { "t", "--nonsense=3" }, "there is no option --nonsense" },
		{ { "t", "-z" }, "there is no option -z" },
		{ { "t", "--size", "3MB" }, "--size: '3MB' is not a size such as 64MiB" },
		{ { "t", "--size" }, "--size needs a value: SIZE" },
		{ { "t", "--flag=1" }, "--flag takes no value" },
		{ { "t", "--seeds", "9..3" },
		  "--seeds: '9..3' is not a range such as 5 or 1..100" },
		{ { "t", "--real", "nan" }, "--real: 'nan' is not a number" },
		{ { "t", "a", "b" }, "'b' is one operand too many" },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		struct gyr_args args = { .operand_count_max = 1 };
		struct values values;
		const char *argv[5] = { 0 };

		memcpy(argv, rows[i].word, sizeof rows[i].word);
		assert_int_equal(parse(&values, &args, argv), -GYR_ERR_USAGE);
		assert_memory_equal(gyr_err_cause(), rows[i].said, strlen(rows[i].said));
	}
}

static void help_is_asked_for_and_complete(void **state)
{
	static const struct gyr_args_note exits[] = { { "0", "fine" }, { NULL, NULL } };
	bool flag = false;
	const struct gyr_args_option option = {
		"flag", 'f', GYR_ARGS_FLAG, &flag, NULL, "raises it"
	};
	struct gyr_args args = { .program = "t",
				 .summary = "Tests things.",
				 .options = &option,
				 .option_count = 1,
				 .exits = exits,
				 .operands = "FILE",
				 .operand_count_min = 1 };
	const char *argv[] = { "t", "-h", NULL };
	char text[2000];
	FILE *to = fmemopen(text, sizeof text, "w");

	(void)state;
	assert_int_equal(gyr_args_parse(&args, 2, (char **)argv), 0);
	assert_true(args.help);
	gyr_args_print_help(&args, to);
	(void)fclose(to);
	assert_non_null(strstr(text, "usage: t [OPTION…] FILE\n\nTests things.\n"));
	assert_non_null(strstr(text, "  -f, --flag"));
	assert_non_null(strstr(text, "  -h, --help"));
	assert_non_null(strstr(text, "Exit codes:\n  0  fine\n"));
}

static void json_is_json(void **state)
{
	static const char wanted[] = "{\"a\\\"\\u0001\\ufffdé\":18446744073709551615,"
				     "\"b\":[-1,0.1,null,true,\"0x0aff\",{}],\"c\":[]}\n7\n";
	char text[500];
	FILE *to = fmemopen(text, sizeof text, "w");
	struct gyr_json json = gyr_json_begin_lines(to);
	static const uint8_t bytes[] = { 0x0a, 0xff };

	(void)state;
	gyr_json_object(&json, NULL);
	gyr_json_number(&json, "a\"\x01\xff\xc3\xa9", UINT64_MAX);
	gyr_json_array(&json, "b");
	gyr_json_signed(&json, NULL, -1);
	gyr_json_real(&json, NULL, 0.1);
	gyr_json_real(&json, NULL, 1.0 / 0.0);
	gyr_json_bool(&json, NULL, true);
	gyr_json_hex(&json, NULL, bytes, 2);
	gyr_json_object(&json, NULL);
	gyr_json_end(&json);
	gyr_json_end(&json);
	gyr_json_array(&json, "c");
	gyr_json_end(&json);
	gyr_json_end(&json);
	gyr_json_number(&json, NULL, 7);
	(void)fclose(to);
	assert_string_equal(text, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_parse_exactly),
		cmocka_unit_test(units_format_three_digits),
		cmocka_unit_test(arguments_reach_their_variables),
		cmocka_unit_test(wrong_lines_say_why),
		cmocka_unit_test(help_is_asked_for_and_complete),
		cmocka_unit_test(json_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
