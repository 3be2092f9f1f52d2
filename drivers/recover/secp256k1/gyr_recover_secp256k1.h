/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery driver over libsecp256k1, one signature after the other: the oracle of the tests,
 * and the peer of the benchmarks. Contexts live in the caller's memory.
 */
#ifndef GYR_RECOVER_SECP256K1_H
#define GYR_RECOVER_SECP256K1_H

#include "gyr_recover.h"

extern const struct gyr_recover_ops gyr_recover_secp256k1;

#endif
