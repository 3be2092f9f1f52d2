/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recovery driver without arithmetic, to measure the pipeline around it. Only for benchmarks and
 * simulation: it accepts anything, so it is chosen only when forced by name.
 *
 * Convention: the traffic generator writes the sender's address into r, right-aligned (its first 12
 * bytes zero), and anything in range into s (1 will do), parity 0 or 1. The driver returns the low
 * 20 bytes of r, and a public key of zeros. Valid when parity is 0..3 and r's first 12 bytes are
 * zero and r is not.
 */
#ifndef GYR_RECOVER_STUB_H
#define GYR_RECOVER_STUB_H

#include "gyr_recover.h"

extern const struct gyr_recover_ops gyr_recover_stub;

#endif
