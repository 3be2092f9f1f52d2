/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of precompile primitives that tests compare: the portable one, and what lib/accel
 * makes of every driver that was built. The portable one has no BLS12-381 and KZG.
 */
#ifndef ACCEL_TABLES_H
#define ACCEL_TABLES_H

#include "gyr_accel.h"
#include "gyr_accel_gmp.h"
#include "gyr_accel_openssl.h"
#ifdef GYR_HAVE_ACCEL_BLST
#include "gyr_accel_blst.h"
#endif

/* False when the self-test fails. */
static inline bool accel_tables_init(struct gyr_accel *accel)
{
	const struct gyr_accel_driver *drivers[] = {
		&gyr_accel_openssl,
		&gyr_accel_gmp,
#ifdef GYR_HAVE_ACCEL_BLST
		&gyr_accel_blst,
#endif
	};

	return gyr_accel_init(accel, drivers, GYR_COUNT(drivers), NULL) == 0;
}

/* Whether a table serves one precompile. */
static inline bool accel_tables_serves(const struct gyr_precompile_ops *ops,
				       enum gyr_precompile which)
{
	struct gyr_precompile_rules only = { .enabled = 1u << which };

	return gyr_precompile_missing(ops, &only) == GYR_PRECOMPILE_NONE;
}

#endif
