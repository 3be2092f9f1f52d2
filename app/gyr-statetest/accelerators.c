/* SPDX-License-Identifier: Apache-2.0 */
#include "accelerators.h"

#ifdef GYR_HAVE_ACCEL_BLST
#include "gyr_accel_blst.h"
#endif
#ifdef GYR_HAVE_ACCEL_GMP
#include "gyr_accel_gmp.h"
#endif
#include "gyr_accel_keccak_simd.h"
#ifdef GYR_HAVE_ACCEL_OPENSSL
#include "gyr_accel_openssl.h"
#endif
#include "gyr_err.h"

static const struct gyr_accel_driver *const drivers[] = {
#ifdef GYR_HAVE_ACCEL_OPENSSL
	&gyr_accel_openssl,
#endif
#ifdef GYR_HAVE_ACCEL_GMP
	&gyr_accel_gmp,
#endif
#ifdef GYR_HAVE_ACCEL_BLST
	&gyr_accel_blst,
#endif
};

int accelerators_choose(struct gyr_accel *accel, struct gyr_statetest_options *run)
{
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(GYR_PRECOMPILE_OSAKA);
	size_t count = GYR_COUNT(drivers);
	enum gyr_precompile missing;

	GYR_TRY(gyr_accel_init(accel, drivers, count, gyr_accel_keccak_simd()));
	missing = gyr_precompile_missing(&accel->precompile, &rules);
	if (missing != GYR_PRECOMPILE_NONE)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "nothing serves the precompile %s",
			 gyr_precompile_name(missing));
	run->precompile = &accel->precompile;
	run->keccak = accel->keccak;
	return 0;
}
