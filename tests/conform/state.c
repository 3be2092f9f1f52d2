/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The official state tests, every fork that a file names: root and logs hash of each post-state,
 * in both tiers, with whole transactions and again in slices of gas. GYR_LONG=1 leaves out nothing;
 * else the two files that take most of the time are skipped by name.
 */
#include "gyr_test.h"

#include <string.h>
#include <unistd.h>

#include "accel_tables.h"
#include "gyr_accel_keccak_simd.h"
#include "gyr_err.h"
#include "gyr_statetest.h"

static const char *const slow[] = { "CALLBlake2f_MaxRounds", "static_Call50000_sha256" };
static struct gyr_accel accel;

/* The archive, packed or unpacked; false when neither is there. */
static bool archive_path(char out[4200], const char *name)
{
	(void)snprintf(out, 4200, "%s/%s.tar.xz", gyr_test_vectors(), name);
	if (access(out, R_OK) == 0)
		return true;
	(void)snprintf(out, 4200, "%s/%s", gyr_test_vectors(), name);
	return access(out, R_OK) == 0;
}

static void run(const char *name, unsigned tier, int64_t gas_slice, uint64_t count_min)
{
	const struct gyr_statetest_options options = {
		.keccak = accel.keccak,
		.precompile = &accel.precompile,
		.skips = slow,
		.skip_count = getenv("GYR_LONG") != NULL ? 0 : GYR_COUNT(slow),
		.job_count = 1,
		.gas_slice = gas_slice,
		.tier = tier,
		.out = stdout,
	};
	struct gyr_statetest_totals totals;
	char path[4200];
	const char *paths[] = { path };

	assert_true(archive_path(path, name));
	if (gyr_statetest_run(&options, paths, 1, &totals) != 0)
		fail_msg("%s", gyr_err_cause());
	gyr_statetest_print_totals(&options, &totals);
	assert_int_equal(totals.failed, 0);
	assert_true(tier == 0 || totals.translated > totals.passed / 2);
	assert_true(totals.passed >= count_min);
}

static void general_state_tests(void **state)
{
	(void)state;
	run("GeneralStateTests", 0, 0, 13000);
}

static void general_state_tests_in_slices(void **state)
{
	(void)state;
	run("GeneralStateTests", 0, 1, 13000);
}

static void general_state_tests_translated(void **state)
{
	(void)state;
	run("GeneralStateTests", 1, 0, 13000);
	run("GeneralStateTests", 1, 1, 13000);
}

static void osaka(void **state)
{
	(void)state;
	for (unsigned tier = 0; tier < 2; tier++) {
		run("osaka", tier, 0, 290);
		run("osaka", tier, 1, 290);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(general_state_tests),
		cmocka_unit_test(general_state_tests_in_slices),
		cmocka_unit_test(general_state_tests_translated),
		cmocka_unit_test(osaka),
	};
	char path[4200];

	if (!archive_path(path, "GeneralStateTests") || !archive_path(path, "osaka")) {
		(void)printf("skipped: no state tests in %s\n", gyr_test_vectors());
		return GYR_TEST_SKIP;
	}
	if (!accel_tables_init(&accel))
		return 1;
	if (!accel_tables_serves(&accel.precompile, GYR_PRECOMPILE_KZG)) {
		(void)printf("skipped: nothing serves the KZG precompile in this build\n");
		return GYR_TEST_SKIP;
	}
	accel.keccak = gyr_accel_keccak_simd();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
