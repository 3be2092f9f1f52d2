/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every vector of the archive "precompiles": gas, output or failure, through the portable and the
 * accelerated table.
 */
#include "gyr_test.h"

#include <string.h>

#include "accel_tables.h"
#include "vectors.h"

#define INPUT_MAX   (1 << 20)
#define OUTPUT_MAX  (1 << 16)
#define SCRATCH_MAX (4 << 20)

static struct gyr_accel accel;
static uint8_t input[INPUT_MAX];
static uint8_t expected[OUTPUT_MAX];
static uint8_t output[OUTPUT_MAX];
static alignas(64) uint8_t scratch_memory[SCRATCH_MAX];
static unsigned bad;
static unsigned vector_count;
static unsigned unserved_count;

/* Which call a file is about, and under which rules. fail- files have the same names. */
static const struct {
	const char *file;
	enum gyr_precompile which;
	enum gyr_precompile_fork fork;
} files[] = {
	{ "ecRecover", GYR_PRECOMPILE_ECRECOVER, GYR_PRECOMPILE_OSAKA },
	{ "modexp", GYR_PRECOMPILE_MODEXP, GYR_PRECOMPILE_BYZANTIUM },
	{ "modexp_eip2565", GYR_PRECOMPILE_MODEXP, GYR_PRECOMPILE_BERLIN },
	{ "modexp_eip7883", GYR_PRECOMPILE_MODEXP, GYR_PRECOMPILE_OSAKA },
	{ "bn256Add", GYR_PRECOMPILE_BN254_ADD, GYR_PRECOMPILE_OSAKA },
	{ "bn256ScalarMul", GYR_PRECOMPILE_BN254_MUL, GYR_PRECOMPILE_OSAKA },
	{ "bn256Pairing", GYR_PRECOMPILE_BN254_PAIRING, GYR_PRECOMPILE_OSAKA },
	{ "blake2F", GYR_PRECOMPILE_BLAKE2F, GYR_PRECOMPILE_OSAKA },
	{ "blake2f", GYR_PRECOMPILE_BLAKE2F, GYR_PRECOMPILE_OSAKA },
	{ "pointEvaluation", GYR_PRECOMPILE_KZG, GYR_PRECOMPILE_OSAKA },
	{ "blsG1Add", GYR_PRECOMPILE_BLS_G1_ADD, GYR_PRECOMPILE_OSAKA },
	{ "blsG1Mul", GYR_PRECOMPILE_BLS_G1_MSM, GYR_PRECOMPILE_OSAKA },
	{ "blsG1MultiExp", GYR_PRECOMPILE_BLS_G1_MSM, GYR_PRECOMPILE_OSAKA },
	{ "blsG2Add", GYR_PRECOMPILE_BLS_G2_ADD, GYR_PRECOMPILE_OSAKA },
	{ "blsG2Mul", GYR_PRECOMPILE_BLS_G2_MSM, GYR_PRECOMPILE_OSAKA },
	{ "blsG2MultiExp", GYR_PRECOMPILE_BLS_G2_MSM, GYR_PRECOMPILE_OSAKA },
	{ "blsPairing", GYR_PRECOMPILE_BLS_PAIRING, GYR_PRECOMPILE_OSAKA },
	{ "blsMapG1", GYR_PRECOMPILE_BLS_MAP_G1, GYR_PRECOMPILE_OSAKA },
	{ "blsMapG2", GYR_PRECOMPILE_BLS_MAP_G2, GYR_PRECOMPILE_OSAKA },
	{ "p256Verify", GYR_PRECOMPILE_P256_VERIFY, GYR_PRECOMPILE_OSAKA },
};

static void complain(const char *path, const char *name, const char *table, const char *what)
{
	(void)printf("%s: %s (%s): %s\n", path, name, table, what);
	bad++;
}

struct vector {
	const char *path;
	const char *name;
	struct gyr_slice bytes;
	bool fails;
	size_t length;
	struct gyr_precompile_rules rules;
	enum gyr_precompile which;
	uint64_t gas;
};

static void run_through(const struct vector *vector, const struct gyr_precompile_ops *ops)
{
	/* exactly what is promised to suffice for a call of this price */
	size_t size = gyr_precompile_scratch_size(&vector->rules, vector->gas);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, size);
	size_t length = SIZE_MAX;
	enum gyr_precompile_status status;

	assert_true(size <= sizeof scratch_memory);
	if (!accel_tables_serves(ops, vector->which)) {
		unserved_count++;
		return;
	}
	memset(output, 0xee, sizeof output);
	status = gyr_precompile_run(ops, &vector->rules, vector->which, output, sizeof output,
				    &length, &scratch, vector->bytes);
	if (status != (vector->fails ? GYR_PRECOMPILE_FAILED : GYR_PRECOMPILE_OK))
		complain(vector->path, vector->name, ops->name, "another status");
	else if (length != vector->length || memcmp(output, expected, length) != 0)
		complain(vector->path, vector->name, ops->name, "another output");
	if (scratch.used != 0)
		complain(vector->path, vector->name, ops->name, "scratch is not given back");
}

static void visit(void *context, const char *path, json_t *root)
{
	const char *base = strrchr(path, '/') + 1;
	struct vector vector = { .path = path, .which = GYR_PRECOMPILE_NONE };
	size_t index;
	json_t *test;

	(void)context;
	if (strncmp(base, "fail-", 5) == 0)
		base += 5;
	for (size_t i = 0; i < GYR_COUNT(files); i++) {
		if (strlen(files[i].file) + 5 == strlen(base) &&
		    strncmp(files[i].file, base, strlen(files[i].file)) == 0) {
			vector.which = files[i].which;
			vector.rules = gyr_precompile_rules_of(files[i].fork);
		}
	}
	if (vector.which == GYR_PRECOMPILE_NONE) {
		complain(path, "", "", "a file that this test does not know");
		return;
	}
	json_array_foreach(root, index, test)
	{
		const char *text = json_string_value(json_object_get(test, "Input"));
		const char *answer = json_string_value(json_object_get(test, "Expected"));
		json_t *gas = json_object_get(test, "Gas");

		vector.name = json_string_value(json_object_get(test, "Name"));
		assert_non_null(text);
		assert_true(strlen(text) / 2 <= sizeof input);
		vector.bytes = (struct gyr_slice){ input, vectors_unhex(input, text) };
		vector.fails = json_object_get(test, "ExpectedError") != NULL;
		vector.length = vector.fails ? 0 : vectors_unhex(expected, answer);
		assert_true(vector.bytes.length != SIZE_MAX && vector.length != SIZE_MAX);
		vector.gas = gyr_precompile_gas(&vector.rules, vector.which, vector.bytes);
		if (gas != NULL && vector.gas != (uint64_t)json_integer_value(gas))
			complain(path, vector.name, "", "another gas");
		run_through(&vector, &gyr_precompile_portable);
		run_through(&vector, &accel.precompile);
		vector_count++;
	}
}

static void precompiles(void **state)
{
	long count = vectors_each("precompiles", "precompiles/", visit, NULL);

	(void)state;
	(void)printf("%ld files, %u vectors, %u calls without an implementation, %u wrong\n", count,
		     vector_count, unserved_count, bad);
	assert_int_equal(bad, 0);
	assert_true(vector_count > 0);
}

static void nothing(void *context, const char *path, json_t *root)
{
	(void)context;
	(void)path;
	(void)root;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(precompiles) };

	if (vectors_each("precompiles", "no such file", nothing, NULL) < 0)
		return GYR_TEST_SKIP;
	if (!accel_tables_init(&accel))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
