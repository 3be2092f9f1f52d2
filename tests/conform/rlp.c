/* SPDX-License-Identifier: Apache-2.0 */
/* RLPTests: what is valid encodes to and decodes from the bytes given; what is not is refused. */
#include "gyr_test.h"

#include <gmp.h>
#include <string.h>

#include "gyr_rlp.h"
#include "vectors.h"

#define BYTES_MAX 65536

static unsigned valid_count, invalid_count;

static void encode(struct gyr_rlp_writer *writer, const json_t *in);

static size_t encoded_length(const json_t *in)
{
	uint8_t *scratch = malloc(BYTES_MAX);
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(scratch, BYTES_MAX);
	size_t length;

	encode(&writer, in);
	length = (size_t)(writer.at - scratch);
	free(scratch);
	return length;
}

/* A decimal number of any size after '#'; those beyond 256 bits are strings of bytes. */
static void encode_big(struct gyr_rlp_writer *writer, const char *decimal)
{
	uint8_t bytes[64];
	size_t length = 0;
	mpz_t value;

	mpz_init_set_str(value, decimal, 10);
	mpz_export(bytes, &length, 1, 1, 1, 0, value);
	mpz_clear(value);
	if (length <= 32) {
		struct gyr_u256 number;

		gyr_u256_load_be_short(&number, bytes, length);
		assert_int_equal(gyr_rlp_length_u256(&number), 1 + length);
		gyr_rlp_put_u256(writer, &number);
	} else {
		gyr_rlp_put_string(writer, bytes, length);
	}
}

static void encode(struct gyr_rlp_writer *writer, const json_t *in)
{
	size_t content = 0, index;
	const json_t *item;

	if (json_is_integer(in)) {
		gyr_rlp_put_u64(writer, (uint64_t)json_integer_value(in));
	} else if (json_is_string(in) && json_string_value(in)[0] == '#') {
		encode_big(writer, json_string_value(in) + 1);
	} else if (json_is_string(in)) {
		gyr_rlp_put_string(writer, json_string_value(in), json_string_length(in));
	} else {
		assert_true(json_is_array(in));
		json_array_foreach(in, index, item) content += encoded_length(item);
		gyr_rlp_put_list(writer, content);
		json_array_foreach(in, index, item) encode(writer, item);
	}
}

/* The decoder walks the same tree as the JSON. */
static void compare(struct gyr_slice *rest, const json_t *in)
{
	struct gyr_rlp_item item;
	const json_t *child;
	size_t index;

	assert_int_equal(gyr_rlp_next(&item, rest), GYR_VERDICT_OK);
	assert_true(item.is_list == json_is_array(in));
	if (item.is_list) {
		json_array_foreach(in, index, child) compare(&item.content, child);
		assert_int_equal(item.content.length, 0);
	} else if (json_is_integer(in)) {
		uint64_t value;

		assert_int_equal(gyr_rlp_next_u64(&value, &item.raw), GYR_VERDICT_OK);
		assert_true(value == (uint64_t)json_integer_value(in));
	} else if (json_string_value(in)[0] != '#') {
		assert_int_equal(item.content.length, json_string_length(in));
		assert_memory_equal(item.content.data, json_string_value(in), item.content.length);
	}
}

static void visit(void *context, const char *path, json_t *root)
{
	static uint8_t bytes[BYTES_MAX], encoded[BYTES_MAX];
	const char *name;
	json_t *test;

	(void)context;
	json_object_foreach(root, name, test)
	{
		const json_t *in = json_object_get(test, "in");
		const char *out = json_string_value(json_object_get(test, "out"));
		struct gyr_rlp_writer writer = gyr_rlp_writer_over(encoded, sizeof encoded);
		struct gyr_slice slice = { bytes, vectors_unhex(bytes, out) };
		enum gyr_verdict verdict = gyr_rlp_validate(slice);
		bool is_invalid = json_is_string(in) &&
				  strcmp(json_string_value(in), "INVALID") == 0;

		if ((verdict == GYR_VERDICT_OK) == is_invalid)
			fail_msg("%s %s: %s", path, name, gyr_verdict_text(verdict));
		invalid_count += is_invalid;
		valid_count += !is_invalid;
		if (is_invalid ||
		    (json_is_string(in) && strcmp(json_string_value(in), "VALID") == 0))
			continue;
		compare(&slice, in);
		assert_int_equal(slice.length, 0);
		encode(&writer, in);
		assert_int_equal(writer.at - encoded, slice.data - bytes);
		assert_memory_equal(encoded, bytes, (size_t)(writer.at - encoded));
	}
}

static void vectors_of_rlp(void **state)
{
	(void)state;
	assert_true(vectors_each("encoding", "RLPTests/", visit, NULL) > 0);
	printf("# %u valid, %u invalid\n", valid_count, invalid_count);
	assert_true(valid_count > 20 && invalid_count > 20);
}

static void count_only(void *context, const char *path, json_t *root)
{
	(void)context;
	(void)path;
	(void)root;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_rlp),
	};

	if (vectors_each("encoding", "no such file", count_only, NULL) < 0)
		return GYR_TEST_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
