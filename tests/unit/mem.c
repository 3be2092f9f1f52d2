/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_mem.h"

static struct gyr_mem mem;
static void *volatile kept; /* keeps the compiler from removing an allocation */

static void open_plain(uint64_t bytes_max)
{
	struct gyr_mem_options options = { .huge = GYR_MEM_HUGE_NEVER, .bytes_max = bytes_max };

	gyr_mem_open(&mem, &options);
}

static void regions_are_zero_aligned_and_apart(void **state)
{
	uint8_t *regions[20];

	(void)state;
	open_plain(0);
	assert_int_equal(gyr_mem_reserve(&mem, GYR_MEM_NODE_ANY, 1 << 20), 0);
	for (size_t i = 0; i < 20; i++) {
		size_t size = 1 + i * 1000;
		size_t alignment = (size_t)1 << (i % 13);
		void *out;

		assert_int_equal(
			gyr_mem_carve(&mem, &out, "test", GYR_MEM_NODE_ANY, size, alignment), 0);
		regions[i] = out;
		assert_int_equal((uintptr_t)out % alignment, 0);
		assert_int_equal((uintptr_t)out % 64, 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(regions[i][j], 0);
		memset(out, 0xff, size);
		if (i > 0)
			assert_true(regions[i] >= regions[i - 1] + (i - 1) * 1000 + 1);
	}
	assert_int_equal(mem.area_count, 1);
	assert_int_equal(mem.region_count, 20);
	gyr_mem_close(&mem);
}

static void limits_are_errors(void **state)
{
	void *out;

	(void)state;
	open_plain(8 << 20);
	assert_int_equal(gyr_mem_carve(&mem, &out, "a", GYR_MEM_NODE_ANY, 4 << 20, 0), 0);
	assert_int_equal(gyr_mem_carve(&mem, &out, "big", GYR_MEM_NODE_ANY, 5 << 20, 0),
			 -GYR_ERR_MEMORY);
	assert_non_null(strstr(gyr_err_cause(), "exceed the limit of 8388608"));
	assert_int_equal(gyr_mem_carve(&mem, &out, "b", GYR_MEM_NODE_ANY, 4 << 20, 0), 0);
	assert_int_equal(gyr_mem_reserve(&mem, GYR_MEM_NODE_ANY, UINT64_MAX), -GYR_ERR_MEMORY);
	gyr_mem_close(&mem);
}

/* Hugepages or a warning that there are none: one of the two, whatever the machine. */
static void hugepages_or_a_warning(void **state)
{
	struct gyr_mem_options options = { .huge = GYR_MEM_HUGE_TRY };
	void *out;

	(void)state;
	gyr_mem_open(&mem, &options);
	assert_int_equal(gyr_mem_carve(&mem, &out, "x", 0, 1000, 0), 0);
	memset(out, 1, 1000);
	if (mem.bytes_huge == 0) {
		bool said = false;

		for (unsigned i = 0; i < mem.warning_count; i++)
			said = said || strstr(mem.warnings[i], "plain pages instead") != NULL;
		assert_true(said);
		options.huge = GYR_MEM_HUGE_MUST;
		gyr_mem_close(&mem);
		gyr_mem_open(&mem, &options);
		assert_int_equal(gyr_mem_carve(&mem, &out, "x", 0, 1000, 0), -GYR_ERR_MEMORY);
	}
	gyr_mem_close(&mem);
}

enum breach { NOTHING, MALLOC, CALLOC, REALLOC, ALIGNED, POSIX, STRDUP, FREE, AFTER_CLOSING };

static void breach(enum breach what, void *before)
{
	void *out = NULL;

	switch (what) {
	case NOTHING:
		break;
	case MALLOC:
		kept = malloc(10);
		break;
	case CALLOC:
		kept = calloc(1, 10);
		break;
	case REALLOC:
		kept = realloc(before, 100);
		break;
	case ALIGNED:
		kept = aligned_alloc(64, 64);
		break;
	case POSIX:
		kept = posix_memalign(&out, 64, 64) == 0 ? out : NULL;
		break;
	case STRDUP:
		kept = strdup("inside the C library");
		break;
	case FREE:
		free(before);
		break;
	case AFTER_CLOSING:
		gyr_mem_closing(&mem);
		kept = malloc(10);
		break;
	}
}

/* In a child: how it ends, and what it says last. */
static int end_of(enum breach what, bool data_lane, char *said, size_t said_size)
{
	int ends[2];
	int status;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		void *before = malloc(10);

		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		open_plain(0);
		gyr_mem_seal(&mem);
		/* cmocka catches signals; here they end the child. */
		(void)signal(SIGABRT, SIG_DFL);
		gyr_mem_data_lane_set(data_lane);
		breach(what, before);
		_exit(0);
	}
	(void)close(ends[1]);
	got = read(ends[0], said, said_size - 1);
	said[got > 0 ? got : 0] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void sealed_data_lanes_may_not_allocate(void **state)
{
	static const enum breach kinds[] = {
		MALLOC, CALLOC, REALLOC, ALIGNED, POSIX, STRDUP, FREE
	};
	char said[400];
	int status;

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(kinds); i++) {
#ifdef __SANITIZE_THREAD__
		/* gcc 12's thread sanitizer does not report aligned allocations. */
		if (kinds[i] == ALIGNED || kinds[i] == POSIX)
			continue;
#endif
		status = end_of(kinds[i], true, said, sizeof said);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		assert_non_null(strstr(said, "on a data lane after the seal"));
		status = end_of(kinds[i], false, said, sizeof said);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	status = end_of(NOTHING, true, said, sizeof said);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	status = end_of(AFTER_CLOSING, true, said, sizeof said);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void report_names_regions(void **state)
{
	char text[1000];
	FILE *to = fmemopen(text, sizeof text, "w");
	void *out;

	(void)state;
	open_plain(0);
	assert_int_equal(gyr_mem_carve(&mem, &out, "intake slots", GYR_MEM_NODE_ANY, 123456, 0), 0);
	gyr_mem_print(&mem, to);
	(void)fclose(to);
	assert_non_null(strstr(text, "intake slots"));
	assert_non_null(strstr(text, "123456 B"));
	gyr_mem_close(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regions_are_zero_aligned_and_apart),
		cmocka_unit_test(limits_are_errors),
		cmocka_unit_test(hugepages_or_a_warning),
		cmocka_unit_test(sealed_data_lanes_may_not_allocate),
		cmocka_unit_test(report_names_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
