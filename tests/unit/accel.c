/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_accel.h"
#include "gyr_accel_gmp.h"
#include "gyr_accel_openssl.h"
#include "gyr_err.h"
#include "gyr_mem.h"
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

/* Vectors of every precompile, as gyrd serves them: an entry that allocates has no place on a data
 * lane. OpenSSL's P-256 is the one that does, which shows that the count counts. */
static void a_data_lane_needs_no_allocation(void **state)
{
	const struct gyr_accel_driver *drivers[] = {
		&gyr_accel_openssl_digests,
		&gyr_accel_gmp,
#ifdef GYR_HAVE_ACCEL_BLST
		&gyr_accel_blst,
#endif
	};
	const struct gyr_accel_driver *all[] = { &gyr_accel_openssl };
	uint64_t before;

	(void)state;
	if (GYR_TEST_SANITIZED)
		skip();
	assert_int_equal(gyr_accel_init(&accel, drivers, GYR_COUNT(drivers), NULL), 0);
	for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++) {
		if (accel.choice[which].driver == NULL)
			continue;
		before = gyr_mem_allocation_count();
		assert_int_equal(gyr_accel_test(&accel.precompile, (enum gyr_precompile)which), 0);
		if (gyr_mem_allocation_count() != before)
			fail_msg("precompile %u of %s allocates", which,
				 accel.choice[which].driver);
	}
	assert_int_equal(gyr_accel_init(&accel, all, 1, NULL), 0);
	before = gyr_mem_allocation_count();
	assert_int_equal(gyr_accel_test(&accel.precompile, GYR_PRECOMPILE_P256_VERIFY), 0);
	assert_true(gyr_mem_allocation_count() > before);
}

static void modexp_never_allocates(void **state)
{
	static const size_t lengths[] = {
		1, 32, 33, 256, 511, 1024, 1025, 4096, 8192, 8193, 56000
	};
	static const size_t exponents[] = { 0, 1, 32, 100, 576, 1024 };
	static uint8_t bytes[3][56000];
	static uint8_t results[2][56000];
	static uint8_t memory[4 << 20];
	struct gyr_accel_offer offer = { .keccak = NULL };
	size_t pool_used = 0;

	(void)state;
	assert_int_equal(gyr_accel_gmp.open(&offer), 0);
	for (size_t i = 0; i < sizeof bytes; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
	for (size_t m = 0; m < GYR_COUNT(lengths); m++)
		for (size_t e = 0; e < GYR_COUNT(exponents); e++) {
			struct gyr_slice base = { bytes[0], lengths[(m * 5 + e) % 11] };
			struct gyr_slice exponent = { bytes[1], exponents[e] };
			struct gyr_slice modulus = { bytes[2], lengths[m] };
			uint64_t before = gyr_mem_allocation_count();

			/* What no gas pays for takes too long. */
			if (lengths[m] * lengths[m] * exponents[e] > 100u << 20)
				continue;
			for (unsigned k = 0; k < 2; k++) {
				const struct gyr_precompile_ops *ops =
					k == 0 ? &offer.precompile : &gyr_precompile_portable;
				struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);

				assert_int_equal(
					ops->modexp(results[k], &arena, base, exponent, 0, modulus),
					GYR_PRECOMPILE_OK);
			}
			pool_used = gyr_max_u64(pool_used, gyr_accel_gmp_pool_used());
			assert_memory_equal(results[0], results[1], modulus.length);
			if (gyr_mem_allocation_count() != before)
				fail_msg("modulus of %zu bytes, base of %zu, exponent of %zu",
					 modulus.length, base.length, exponent.length);
		}
	assert_true(pool_used > 0 && pool_used < 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_drivers_all_is_portable),
		cmocka_unit_test(a_driver_that_errs_is_not_taken),
		cmocka_unit_test(shipped_drivers_pass_and_complete_osaka),
		cmocka_unit_test(a_data_lane_needs_no_allocation),
		cmocka_unit_test(modexp_never_allocates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
