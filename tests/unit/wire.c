/* SPDX-License-Identifier: Apache-2.0 */
/* The order-entry codec: bytes as they must lie on the wire, and what decoding refuses. */
#include "gyr_test.h"

#include <string.h>

#include "gyr_wire.h"

static void a_submission_lies_on_the_wire_as_documented(void **state)
{
	static const uint8_t want[] = {
		0x01, 0x00, 0x00, 0x42, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
		0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* header */
		0x02, 0x00, 0x00, 0x1a,							/* block */
		0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, /* client_tag */
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, /* expires_at */
		0x05, 0x01, 0x00, 0x04, /* answers, hint_kind, hint_length */
		0x00, 0x00, 0x00, 0x2a, /* hint */
		0x02, 0xc0,		/* raw */
	};
	static const uint8_t hint[] = { 0, 0, 0, 42 };
	static const uint8_t raw[] = { 2, 0xc0 };
	const struct gyr_wire_submit submit = {
		.client_tag = 0xa1a2a3a4a5a6a7a8,
		.expires_at = 256,
		.answers = GYR_WIRE_ANSWERS_ORDERED | GYR_WIRE_ANSWERS_EXECUTED,
		.hint_kind = GYR_WIRE_HINT_KNOWN_KEY,
		.hint = { hint, sizeof hint },
		.raw = { raw, sizeof raw },
	};
	struct gyr_wire_submit back = { 0 };
	struct gyr_wire_header header;
	struct gyr_wire_block block = { 0 };
	enum gyr_verdict verdict;
	uint8_t payload[128];
	size_t at = GYR_WIRE_HEADER_BYTES;
	size_t used = gyr_wire_submit_encode(payload + at, sizeof payload - at, &submit, 0);

	(void)state;
	assert_int_equal(used, sizeof want - GYR_WIRE_HEADER_BYTES);
	gyr_wire_seal(payload, at + used, 0, 0x1122334455667788, 7, 9);
	assert_memory_equal(payload, want, sizeof want);
	assert_int_equal(gyr_wire_open(&header, payload, sizeof want), GYR_VERDICT_OK);
	assert_true(header.session == 0x1122334455667788);
	assert_int_equal(header.client_sequence, 7);
	assert_int_equal(header.answer_sequence, 9);
	assert_true(gyr_wire_next(&block, &verdict, &at, payload, sizeof want));
	assert_int_equal(block.type, GYR_WIRE_SUBMIT);
	assert_int_equal(gyr_wire_submit_decode(&back, block.body.data, block.body.length),
			 GYR_VERDICT_OK);
	assert_true(back.client_tag == submit.client_tag && back.expires_at == 256);
	assert_int_equal(back.hint.length, 4);
	assert_memory_equal(back.raw.data, raw, sizeof raw);
	assert_false(gyr_wire_next(&block, &verdict, &at, payload, sizeof want));
	assert_int_equal(verdict, GYR_VERDICT_OK);
}

static void an_execution_lies_on_the_wire_as_documented(void **state)
{
	static const uint8_t want[] = {
		0x85, 0x01, 0x00, 0x49, 0,    0,    0,	  0,	0,    0,    0,	  1,	/* tag */
		0,    0,    0,	  2,	0,    0,    0,	  0,	0,    0,    0x10, 0x20, /* position
											 */
		1,    0,    0,	  0,	0,    0,    0,	  0x52, 0x08,			/* gas */
		0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
		0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
		0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0,	  0,	0,    0,    0,	  0,	0,
		5,    0,    0,	  0,	6,
	};
	struct gyr_wire_executed message = {
		.client_tag = 1,
		.epoch = 2,
		.position = 0x1020,
		.status = 1,
		.gas_used = 21000,
		.block_number = 5,
		.mini_block = 6,
	};
	uint8_t bytes[128];

	(void)state;
	memset(message.logs_hash, 0xab, 32);
	assert_int_equal(
		gyr_wire_executed_encode(bytes, sizeof bytes, &message, GYR_WIRE_BLOCK_EARLY),
		sizeof want);
	assert_memory_equal(bytes, want, sizeof want);
	assert_int_equal(gyr_wire_executed_encode(bytes, sizeof want - 1, &message, 0), 0);
	assert_int_equal(gyr_wire_executed_encode(bytes, 3, &message, 0), 0);
}

static void datagrams_are_refused_for_their_header(void **state)
{
	static const struct {
		const char *what;
		size_t length;
		size_t at;
		uint8_t value;
		enum gyr_verdict want;
	} rows[] = {
		{ "as it should be", 36, 0, 1, GYR_VERDICT_OK },
		{ "empty", 0, 0, 1, GYR_VERDICT_MESSAGE_TRUNCATED },
		{ "a byte short of a header", 35, 0, 1, GYR_VERDICT_MESSAGE_TRUNCATED },
		{ "length says less", 36, 3, 35, GYR_VERDICT_MESSAGE_TRUNCATED },
		{ "length says more", 36, 3, 37, GYR_VERDICT_MESSAGE_TRUNCATED },
		{ "version 0", 36, 0, 0, GYR_VERDICT_VERSION },
		{ "version 2", 36, 0, 2, GYR_VERDICT_VERSION },
		{ "an unknown flag", 36, 1, 4, GYR_VERDICT_MESSAGE_FIELD },
		{ "a tag before there are tags", 36, 35, 1, GYR_VERDICT_MESSAGE_FIELD },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		uint8_t payload[36];
		struct gyr_wire_header header;

		gyr_wire_seal(payload, sizeof payload, 0, 5, 1, 0);
		payload[rows[i].at] = rows[i].value;
		if (gyr_wire_open(&header, payload, rows[i].length) != rows[i].want)
			fail_msg("%s", rows[i].what);
	}
}

static void a_block_beyond_the_end_is_cut_short(void **state)
{
	uint8_t payload[64];
	struct gyr_wire_block block = { 0 };
	enum gyr_verdict verdict;

	(void)state;
	memset(payload, 0, sizeof payload);
	for (size_t length = 37; length < 64; length++) {
		size_t at = 36;

		gyr_store_be16(payload + 38, (uint16_t)(length - 36 - 3)); /* one too many */
		assert_false(gyr_wire_next(&block, &verdict, &at, payload, length));
		assert_int_equal(verdict, GYR_VERDICT_MESSAGE_TRUNCATED);
		assert_int_equal(at, 36);
	}
}

static void names_and_sequences(void **state)
{
	(void)state;
	assert_string_equal(gyr_wire_message_name(GYR_WIRE_STATUS_REPLY), "STATUS_REPLY");
	assert_null(gyr_wire_message_name(0));
	assert_null(gyr_wire_message_name(1000));
	assert_true(gyr_wire_sequence_after(1, 0));
	assert_true(gyr_wire_sequence_after(3, 0xfffffff0));
	assert_false(gyr_wire_sequence_after(0xfffffff0, 3));
	assert_false(gyr_wire_sequence_after(7, 7));
	/* No answer to an unproven address may be longer than the shortest HELLO. */
	assert_true((int)GYR_WIRE_HELLO_BYTES >= (int)GYR_WIRE_CHALLENGE_BYTES);
	assert_true((int)GYR_WIRE_HELLO_BYTES >= (int)GYR_WIRE_REJECTED_BYTES + 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_submission_lies_on_the_wire_as_documented),
		cmocka_unit_test(an_execution_lies_on_the_wire_as_documented),
		cmocka_unit_test(datagrams_are_refused_for_their_header),
		cmocka_unit_test(a_block_beyond_the_end_is_cut_short),
		cmocka_unit_test(names_and_sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
