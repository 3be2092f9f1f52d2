/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modexp over GMP's mpz_powm. Operands and result lie in the call's scratch; GMP's own temporaries
 * on the stack or, the long ones, in a pool of the calling thread's (2 MiB of thread-local memory,
 * touched when it is first used). A call that may need more goes to the portable code: nothing is
 * ever allocated. Opening replaces the memory functions of GMP in this process; outside of a call
 * here they are malloc and free as before.
 */
#ifndef GYR_ACCEL_GMP_H
#define GYR_ACCEL_GMP_H

#include "gyr_accel.h"

extern const struct gyr_accel_driver gyr_accel_gmp;

/* Most bytes of the pool that the calling thread's last call held at once; for tests. */
size_t gyr_accel_gmp_pool_used(void);

#endif
