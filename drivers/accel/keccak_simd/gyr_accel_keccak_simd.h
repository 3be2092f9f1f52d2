/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-256 with x86 vector registers: one state in 25 xmm registers for single hashes, four or
 * eight states side by side for batches. Batches keep every lane busy whatever the lengths of the
 * messages: a lane that ends one message begins the next. Any thread, no state.
 */
#ifndef GYR_ACCEL_KECCAK_SIMD_H
#define GYR_ACCEL_KECCAK_SIMD_H

#include "gyr_keccak.h"

/* The fastest table that this CPU runs; gyr_keccak_portable where it has none. Choose once. */
const struct gyr_keccak_ops *gyr_accel_keccak_simd(void);

/*
 * Every table of this driver, for tests and benchmarks, fastest first: NULL beyond the last;
 * *supported says whether this CPU runs it.
 */
const struct gyr_keccak_ops *gyr_accel_keccak_simd_variant(unsigned index, bool *supported);

#endif
