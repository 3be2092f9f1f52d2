/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_accel.h"
#include "gyr_accel_gmp.h"
#include "gyr_accel_openssl.h"
#include "gyr_err.h"
#ifdef GYR_HAVE_ACCEL_BLST
#include "gyr_accel_blst.h"
#endif

static struct gyr_accel accel;

static void wrong_sha256(uint8_t digest[32], const uint8_t *data, size_t length)
{
	gyr_precompile_portable.sha256(digest, data, length);
	/* right for nearly every length */
	digest[0] ^= length == 119;
}

static int open_wrong(struct gyr_accel_offer *offer)
{
	offer->precompile.sha256 = wrong_sha256;
	offer->precompile.ripemd160 = gyr_precompile_portable.ripemd160;
	return 0;
}

static int open_never(struct gyr_accel_offer *offer)
{
	(void)offer;
	GYR_FAIL(GYR_ERR_UNSUPPORTED, "no such device");
}

static void wrong_hash(struct gyr_hash *out, const void *data, size_t length)
{
	gyr_keccak_portable.hash(out, data, length);
	out->bytes[31] ^= length == 271;
}

static const struct gyr_accel_driver wrong = { "wrong", open_wrong };
static const struct gyr_accel_driver never = { "never", open_never };

static void without_drivers_all_is_portable(void **state)
{
	struct gyr_precompile_rules istanbul = gyr_precompile_rules_of(GYR_PRECOMPILE_ISTANBUL);
	struct gyr_precompile_rules cancun = gyr_precompile_rules_of(GYR_PRECOMPILE_CANCUN);

	(void)state;
	assert_int_equal(gyr_accel_init(&accel, NULL, 0, NULL), 0);
	assert_ptr_equal(accel.keccak, &gyr_keccak_portable);
	assert_string_equal(accel.choice[GYR_PRECOMPILE_MODEXP].driver, "portable");
	assert_null(accel.choice[GYR_PRECOMPILE_KZG].driver);
	assert_int_equal(gyr_precompile_missing(&accel.precompile, &istanbul), GYR_PRECOMPILE_NONE);
	assert_int_equal(gyr_precompile_missing(&accel.precompile, &cancun), GYR_PRECOMPILE_KZG);
}

static void a_driver_that_errs_is_not_taken(void **state)
{
	const struct gyr_accel_driver *drivers[] = { &wrong, &never };
	const struct gyr_keccak_ops keccak = { "odd", wrong_hash, gyr_keccak_portable.hash_many };

	(void)state;
	assert_int_equal(gyr_accel_init(&accel, drivers, GYR_COUNT(drivers), &keccak), 0);
	assert_string_equal(accel.choice[GYR_PRECOMPILE_SHA256].driver, "portable");
	assert_ptr_equal(accel.precompile.sha256, gyr_precompile_portable.sha256);
	assert_non_null(strstr(accel.choice[GYR_PRECOMPILE_SHA256].reason, "wrong is not used"));
	assert_string_equal(accel.choice[GYR_PRECOMPILE_RIPEMD160].driver, "wrong");
	assert_non_null(strstr(accel.choice[GYR_PRECOMPILE_MODEXP].reason, "no such device"));
	assert_ptr_equal(accel.keccak, &gyr_keccak_portable);
	assert_non_null(strstr(accel.keccak_choice.reason, "odd is not used"));
	assert_string_equal(gyr_err_cause(), "");
}

static void shipped_drivers_pass_and_complete_osaka(void **state)
{
	const struct gyr_accel_driver *drivers[] = {
		&gyr_accel_openssl,
		&gyr_accel_gmp,
#ifdef GYR_HAVE_ACCEL_BLST
		&gyr_accel_blst,
#endif
	};
	struct gyr_precompile_rules osaka = gyr_precompile_rules_of(GYR_PRECOMPILE_OSAKA);

	(void)state;
	assert_int_equal(gyr_accel_init(&accel, drivers, GYR_COUNT(drivers), NULL), 0);
	for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++)
		assert_string_equal(accel.choice[which].reason, "");
	assert_string_equal(accel.choice[GYR_PRECOMPILE_SHA256].driver, "openssl");
	assert_string_equal(accel.choice[GYR_PRECOMPILE_P256_VERIFY].driver, "openssl");
	assert_string_equal(accel.choice[GYR_PRECOMPILE_MODEXP].driver, "gmp");
#ifdef GYR_HAVE_ACCEL_BLST
	assert_string_equal(accel.choice[GYR_PRECOMPILE_BLS_PAIRING].driver, "blst");
	assert_int_equal(gyr_precompile_missing(&accel.precompile, &osaka), GYR_PRECOMPILE_NONE);
#else
	assert_int_equal(gyr_precompile_missing(&accel.precompile, &osaka), GYR_PRECOMPILE_KZG);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_drivers_all_is_portable),
		cmocka_unit_test(a_driver_that_errs_is_not_taken),
		cmocka_unit_test(shipped_drivers_pass_and_complete_osaka),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
