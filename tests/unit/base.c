/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <errno.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_verdict.h"

static int inner(void)
{
	errno = ENOENT;
	GYR_FAIL(GYR_ERR_IO, "cannot open %s", "x");
}

static int outer(void)
{
	int error = inner();

	return gyr_err_add(error, __FILE__, __LINE__, "starting");
}

static void error_chain_keeps_the_innermost_cause_and_errno(void **state)
{
	char text[512];
	FILE *to = fmemopen(text, sizeof text, "w");

	(void)state;
	assert_int_equal(outer(), -GYR_ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(gyr_err_cause(), "cannot open x");
	gyr_err_print(to, "t");
	(void)fclose(to);
	assert_non_null(strstr(text, "t: error: starting\nt:   because cannot open x\n"));
	assert_non_null(strstr(text, "code io (5)"));
	gyr_err_clear();
	assert_string_equal(gyr_err_cause(), "");
}

static void error_chain_is_bounded(void **state)
{
	int error = inner();

	(void)state;
	for (int i = 0; i < 100; i++)
		error = gyr_err_add(error, __FILE__, __LINE__, "level %d", i);
	assert_int_equal(error, -GYR_ERR_IO);
	assert_string_equal(gyr_err_cause(), "cannot open x");
	gyr_err_clear();
}

static void verdicts_have_names_and_texts(void **state)
{
	(void)state;
	assert_string_equal(gyr_verdict_name(GYR_VERDICT_NONCE_GAP), "NONCE_GAP");
	assert_null(gyr_verdict_name(250));
	assert_null(gyr_verdict_name(100000));
	assert_string_equal(gyr_verdict_text(250), "unknown verdict");
	assert_string_equal(gyr_verdict_text(1u << 31), "unknown verdict");
}

static void loads_and_stores_round_trip(void **state)
{
	uint8_t bytes[9] = { 0 };

	(void)state;
	gyr_store_be64(bytes + 1, 0x0102030405060708);
	assert_int_equal(bytes[1], 1);
	assert_int_equal(bytes[8], 8);
	assert_true(gyr_load_be64(bytes + 1) == 0x0102030405060708);
	assert_true(gyr_load_le64(bytes + 1) == 0x0807060504030201);
	gyr_store_be16(bytes, 0xabcd);
	assert_int_equal(gyr_load_be16(bytes), 0xabcd);
	assert_int_equal(gyr_load_le16(bytes), 0xcdab);
}

static void arena_carves_aligned_and_refuses_when_full(void **state)
{
	alignas(64) uint8_t memory[256];
	struct gyr_arena arena = gyr_arena_over(memory + 1, sizeof memory - 1);
	uint8_t *first = gyr_arena_carve(&arena, 10, 64);

	(void)state;
	assert_ptr_equal(first, memory + 64);
	assert_ptr_equal(gyr_arena_carve(&arena, 128, 8), memory + 80);
	assert_null(gyr_arena_carve(&arena, SIZE_MAX, 1));
	assert_null(gyr_arena_carve(&arena, 100, 1));
	assert_non_null(gyr_arena_carve(&arena, 48, 1));
	assert_null(gyr_arena_carve(&arena, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_chain_keeps_the_innermost_cause_and_errno),
		cmocka_unit_test(error_chain_is_bounded),
		cmocka_unit_test(verdicts_have_names_and_texts),
		cmocka_unit_test(loads_and_stores_round_trip),
		cmocka_unit_test(arena_carves_aligned_and_refuses_when_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
