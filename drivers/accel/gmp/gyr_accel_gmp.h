/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modexp over GMP's mpz_powm. Operands and result lie in the call's scratch; GMP's own temporaries
 * lie on the stack up to 64 KiB each and are allocated only for moduli far above EIP-7823's cap.
 */
#ifndef GYR_ACCEL_GMP_H
#define GYR_ACCEL_GMP_H

#include "gyr_accel.h"

extern const struct gyr_accel_driver gyr_accel_gmp;

#endif
