/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_rlp.h"

#define SLICE(text) ((struct gyr_slice){ (const uint8_t *)(text), sizeof(text) - 1 })

static void strings_and_lists_are_read(void **state)
{
	struct gyr_slice rest = SLICE("\x7f\x80\x83"
				      "dog\xc4\x01\x82\x04\x00\xc0"),
			 content;
	struct gyr_rlp_item item;

	(void)state;
	assert_int_equal(gyr_rlp_next(&item, &rest), GYR_VERDICT_OK);
	assert_int_equal(item.content.length, 1);
	assert_int_equal(item.content.data[0], 0x7f);
	assert_int_equal(gyr_rlp_next(&item, &rest), GYR_VERDICT_OK);
	assert_int_equal(item.content.length, 0);
	assert_false(item.is_list);
	assert_int_equal(gyr_rlp_next_string(&content, &rest), GYR_VERDICT_OK);
	assert_int_equal(content.length, 3);
	assert_memory_equal(content.data, "dog", 3);
	assert_int_equal(gyr_rlp_next_list(&content, &rest), GYR_VERDICT_OK);
	assert_int_equal(content.length, 4);
	assert_int_equal(gyr_rlp_next(&item, &rest), GYR_VERDICT_OK);
	assert_true(item.is_list && item.content.length == 0 && rest.length == 0);
	assert_int_equal(gyr_rlp_next(&item, &rest), GYR_VERDICT_RLP_MALFORMED);
}

static void other_encodings_are_refused(void **state)
{
	static const struct {
		struct gyr_slice bytes;
		enum gyr_verdict verdict;
	} rows[] = {
		{ SLICE("\x81\x7f"), GYR_VERDICT_RLP_NOT_CANONICAL },
		{ SLICE("\x81"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\x82\x01"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xb8"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xb8\x01\x01"), GYR_VERDICT_RLP_NOT_CANONICAL },
		{ SLICE("\xb9\x00\x38"), GYR_VERDICT_RLP_NOT_CANONICAL },
		{ SLICE("\xb8\x38\x01"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xbf\xff\xff\xff\xff\xff\xff\xff\xff"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xf8\x02\x01\x01"), GYR_VERDICT_RLP_NOT_CANONICAL },
		{ SLICE("\xc2\x01"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xc2\xc3\x01"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xc3\xc1\x81\x80"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\x01\x01"), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE(""), GYR_VERDICT_RLP_MALFORMED },
		{ SLICE("\xc3\xc2\xc0\x05"), GYR_VERDICT_OK },
		{ SLICE("\xc2\xc1\xc0"), GYR_VERDICT_OK },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++)
		assert_int_equal(gyr_rlp_validate(rows[i].bytes), rows[i].verdict);
}

static void integers_have_ranges(void **state)
{
	struct gyr_slice rest;
	struct gyr_u256 wide;
	uint64_t value;

	(void)state;
	rest = SLICE("\x80\x7f\x88\xff\xff\xff\xff\xff\xff\xff\xff");
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_OK);
	assert_true(value == 0);
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_OK);
	assert_true(value == 0x7f);
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_OK);
	assert_true(value == UINT64_MAX && rest.length == 0);
	rest = SLICE("\x00");
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_RLP_NOT_CANONICAL);
	rest = SLICE("\x89\x01\x00\x00\x00\x00\x00\x00\x00\x00");
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_FIELD_RANGE);
	rest = SLICE("\x89\x01\x00\x00\x00\x00\x00\x00\x00\x05");
	assert_int_equal(gyr_rlp_next_u256(&wide, &rest), GYR_VERDICT_OK);
	assert_true(wide.limb[0] == 5 && wide.limb[1] == 1);
	rest = SLICE("\xa1\x01"
		     "01234567890123456789012345678901");
	assert_int_equal(gyr_rlp_next_u256(&wide, &rest), GYR_VERDICT_FIELD_RANGE);
	rest = SLICE("\xc0");
	assert_int_equal(gyr_rlp_next_u64(&value, &rest), GYR_VERDICT_RLP_MALFORMED);
}

static void lengths_are_exact_and_everything_reads_back(void **state)
{
	static uint8_t text[70000], buffer[70100];
	const size_t lengths[] = { 0, 1, 2, 55, 56, 255, 256, 65535, 65536 };

	(void)state;
	memset(text, 0xab, sizeof text);
	for (size_t i = 0; i < GYR_COUNT(lengths); i++) {
		size_t content = gyr_rlp_length_string(text, lengths[i]);
		size_t total = gyr_rlp_length_list(content);
		struct gyr_rlp_writer writer = gyr_rlp_writer_over(buffer, total);
		struct gyr_slice rest = { buffer, total }, inner;

		gyr_rlp_put_list(&writer, content);
		gyr_rlp_put_string(&writer, text, lengths[i]);
		assert_ptr_equal(writer.at, writer.end);
		assert_int_equal(gyr_rlp_validate(rest), GYR_VERDICT_OK);
		assert_int_equal(gyr_rlp_next_list(&inner, &rest), GYR_VERDICT_OK);
		assert_int_equal(gyr_rlp_next_string(&inner, &inner), GYR_VERDICT_OK);
	}
	for (unsigned bit = 0; bit < 256; bit++) {
		struct gyr_u256 value = gyr_u256_from_u64(bit % 2 == 0 ? 1 : 3), back;
		struct gyr_rlp_writer writer;
		struct gyr_slice rest;
		uint64_t narrow;

		gyr_u256_shl(&value, &value, bit);
		writer = gyr_rlp_writer_over(buffer, gyr_rlp_length_u256(&value));
		rest = (struct gyr_slice){ buffer, gyr_rlp_length_u256(&value) };
		gyr_rlp_put_u256(&writer, &value);
		assert_ptr_equal(writer.at, writer.end);
		assert_int_equal(gyr_rlp_next_u256(&back, &rest), GYR_VERDICT_OK);
		assert_true(gyr_u256_equal(&value, &back) && rest.length == 0);
		if (!gyr_u256_fits_u64(&value))
			continue;
		writer = gyr_rlp_writer_over(buffer, gyr_rlp_length_u64(value.limb[0]));
		rest = (struct gyr_slice){ buffer, gyr_rlp_length_u64(value.limb[0]) };
		gyr_rlp_put_u64(&writer, value.limb[0]);
		assert_int_equal(gyr_rlp_next_u64(&narrow, &rest), GYR_VERDICT_OK);
		assert_true(narrow == value.limb[0] && rest.length == 0);
	}
}

/* A hundred thousand nested lists cost neither stack nor more than linear time. */
static void depth_costs_nothing(void **state)
{
	enum { DEPTH = 100000 };
	static uint8_t buffer[5 * DEPTH];
	uint8_t *at = buffer + sizeof buffer;
	size_t length = 0;

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		size_t total = gyr_rlp_length_list(length);
		struct gyr_rlp_writer writer;

		at -= total - length;
		writer = gyr_rlp_writer_over(at, total - length);
		gyr_rlp_put_list(&writer, length);
		length = total;
	}
	assert_int_equal(gyr_rlp_validate((struct gyr_slice){ at, length }), GYR_VERDICT_OK);
	buffer[sizeof buffer - 1] = 0xc1;
	assert_int_equal(gyr_rlp_validate((struct gyr_slice){ at, length }),
			 GYR_VERDICT_RLP_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_and_lists_are_read),
		cmocka_unit_test(other_encodings_are_refused),
		cmocka_unit_test(integers_have_ranges),
		cmocka_unit_test(lengths_are_exact_and_everything_reads_back),
		cmocka_unit_test(depth_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
