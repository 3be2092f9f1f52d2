/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_journal_errors.h"

#define NOON 1795348800000000000u /* 2026-11-22T12:00:00Z */

static struct gyr_journal journal;
static struct gyr_journal_writer *writers[2];
static void *memory[2];
static char text[100000];
static FILE *to;

static void begin(enum gyr_journal_format format, struct gyr_journal_errors *errors)
{
	struct gyr_journal_options options = {
		.format = format, .rate = 5, .ring_record_count = 16, .errors = errors
	};

	to = fmemopen(text, sizeof text, "w");
	assert_non_null(to);
	memset(text, 0, sizeof text);
	options.to = to;
	gyr_journal_init(&journal, &options);
	for (int i = 0; i < 2; i++) {
		memory[i] = aligned_alloc(64, gyr_journal_ring_size(&options));
		writers[i] = gyr_journal_writer_add(&journal, memory[i]);
	}
}

static void end(void)
{
	(void)fclose(to);
	free(memory[0]);
	free(memory[1]);
}

static void records_become_lines(void **state)
{
	(void)state;
	begin(GYR_JOURNAL_TEXT, NULL);
	GYR_JOURNAL(writers[0], NOON + 1234567, GYR_JOURNAL_WARNING,
		    "{n:u} of {m:d} in {t:ns}, {b:B}, {v:verdict} by {who:s}", 7,
		    (uint64_t)(int64_t)-3, 1500, 2048, 65, (uintptr_t) "gate 0");
	GYR_JOURNAL(writers[1], NOON, GYR_JOURNAL_NOTE, "at {where:x}", 0xbeef);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 1), 1);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 10), 1);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 10), 0);
	end();
	assert_non_null(strstr(text, "2026-11-22T12:00:00.001234Z warning 7 of -3 in 1.50 us, "
				     "2.00 KiB, NONCE_GAP by gate 0 (tests/unit/journal.c:"));
	assert_non_null(strstr(text, "2026-11-22T12:00:00.000000Z note    at 0xbeef ("));
}

static void json_lines_carry_arguments_by_name(void **state)
{
	(void)state;
	begin(GYR_JOURNAL_JSON, NULL);
	GYR_JOURNAL(writers[0], NOON, GYR_JOURNAL_ERROR, "lost {n:u}, \"{v:verdict}\"", 7, 140);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 10), 1);
	end();
	assert_non_null(strstr(text,
			       "{\"time\":\"2026-11-22T12:00:00.000000Z\",\"severity\":\"error\","
			       "\"text\":\"lost 7, \\\"RING_FULL\\\"\",\"n\":7,\"v\":\"RING_FULL\","
			       "\"file\":\"tests/unit/journal.c\",\"line\":"));
}

static void chatter_is_held_back_and_owned_up_to(void **state)
{
	unsigned lines = 0;

	(void)state;
	begin(GYR_JOURNAL_TEXT, NULL);
	for (unsigned i = 0; i < 100; i++)
		GYR_JOURNAL(writers[0], NOON, GYR_JOURNAL_NOTE, "again {i:u}", i);
	assert_int_equal(gyr_journal_suppressed(&journal), 95);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 100), 5);
	/* Another second, another five. */
	for (unsigned i = 0; i < 7; i++) {
		static struct gyr_journal_site other = { .text = "x", .file = "f", .line = 1 };
		const uint64_t none[GYR_JOURNAL_ARGUMENT_MAX] = { 0 };

		gyr_journal_write(writers[0], &other, NOON + 3000000000u, none);
	}
	assert_int_equal(gyr_journal_poll(&journal, NOON + 3000000000u, 100), 5);
	end();
	for (const char *at = text; (at = strstr(at, "again ")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 5);
	assert_non_null(strstr(text, "0 dropped (a lane's ring was full), 95 held back"));
	assert_non_null(strstr(text, "97 held back"));
}

static void a_full_ring_drops_and_counts(void **state)
{
	static struct gyr_journal_site sites[40];
	const uint64_t none[GYR_JOURNAL_ARGUMENT_MAX] = { 0 };

	(void)state;
	begin(GYR_JOURNAL_TEXT, NULL);
	for (int i = 0; i < 40; i++) {
		sites[i] = (struct gyr_journal_site){ .text = "x", .file = "f", .line = i };
		gyr_journal_write(writers[0], &sites[i], NOON, none);
		gyr_journal_write(NULL, &sites[i], NOON, none);
	}
	assert_int_equal(gyr_journal_dropped(&journal), 24);
	assert_int_equal(gyr_journal_poll(&journal, NOON, 100), 16);
	end();
	assert_non_null(strstr(text, "24 dropped"));
}

static void distinct_errors_outlive_restarts(void **state)
{
	static struct gyr_journal_error entries[GYR_JOURNAL_ERROR_COUNT_MAX];
	char directory[] = "/tmp/gyr-errors-XXXXXX";
	char path[64];
	uint64_t lost;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(gyr_journal_errors_read(entries, 10, &lost, directory), -GYR_ERR_IO);
	for (uint64_t run = 0; run < 2; run++) {
		struct gyr_journal_errors errors;
		uint64_t now = NOON + run * 10000000000u;

		assert_int_equal(gyr_journal_errors_open(&errors, directory), 0);
		begin(GYR_JOURNAL_TEXT, &errors);
		for (unsigned i = 0; i < 20; i++)
			GYR_JOURNAL(writers[i % 2], now + i, GYR_JOURNAL_WARNING, "disk {n:u}", i);
		GYR_JOURNAL(writers[0], now, GYR_JOURNAL_NOTE, "not an error", 0);
		if (run == 1)
			GYR_JOURNAL(writers[0], now + 5000000000u, GYR_JOURNAL_ERROR, "flush", 0);
		(void)gyr_journal_poll(&journal, now, 100);
		end();
		gyr_journal_errors_close(&errors);
	}
	assert_int_equal(gyr_journal_errors_read(entries, 256, &lost, directory), 2);
	assert_int_equal(lost, 0);
	assert_string_equal(entries[0].text, "flush");
	assert_int_equal(entries[0].count, 1);
	assert_int_equal(entries[0].severity, GYR_JOURNAL_ERROR);
	/* Held back or not, every occurrence counts; first and last are of different runs. */
	assert_int_equal(entries[1].count, 40);
	assert_int_equal(entries[1].first_utc_ns, NOON);
	assert_int_equal(entries[1].last_utc_ns, NOON + 10000000003u);
	assert_memory_equal(entries[1].text, "disk ", 5);
	assert_non_null(strstr(entries[1].site, "tests/unit/journal.c:"));
	assert_int_equal(gyr_journal_errors_read(entries, 1, &lost, directory), 1);

	(void)snprintf(path, sizeof path, "%s/errors", directory);
	file = fopen(path, "w");
	(void)fputs("garbage that is no error log", file);
	(void)fclose(file);
	assert_int_equal(gyr_journal_errors_read(entries, 1, &lost, directory), -GYR_ERR_DATA);
	{
		struct gyr_journal_errors errors;

		assert_int_equal(gyr_journal_errors_open(&errors, directory), 0);
		gyr_journal_errors_close(&errors);
		assert_int_equal(gyr_journal_errors_read(entries, 1, &lost, directory), 0);
		(void)unlink(path);
		(void)snprintf(path, sizeof path, "%s/errors.old", directory);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_lines),
		cmocka_unit_test(json_lines_carry_arguments_by_name),
		cmocka_unit_test(chatter_is_held_back_and_owned_up_to),
		cmocka_unit_test(a_full_ring_drops_and_counts),
		cmocka_unit_test(distinct_errors_outlive_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
