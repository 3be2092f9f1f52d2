/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLS12-381 (EIP-2537) and KZG point evaluation (EIP-4844) over the blst library. The only
 * implementation of these precompiles: where the library could not be fetched at set-up, a chain
 * from Cancun on cannot be served. Allocates nothing, keeps nothing, any thread.
 */
#ifndef GYR_ACCEL_BLST_H
#define GYR_ACCEL_BLST_H

#include "gyr_accel.h"

extern const struct gyr_accel_driver gyr_accel_blst;

#endif
