/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One permutation of several states side by side. keccak_step.c is compiled once per width and
 * instruction set; each gives one of these.
 */
#ifndef KECCAK_STEP_H
#define KECCAK_STEP_H

#include "gyr_keccak.h"

#define KECCAK_LANES_MAX 8

/*
 * Zeroes the states named in the bit mask `fresh`, absorbs one block of GYR_KECCAK_RATE bytes into
 * each, and permutes. state is [25][lanes] and aligned to 64 bytes; every block pointer is valid.
 */
typedef void keccak_step(uint64_t *state, const uint8_t *const *block, unsigned fresh);

keccak_step keccak_step_avx512_1; /* one lane, in xmm registers */
keccak_step keccak_step_avx512_4;
keccak_step keccak_step_avx512_8;
keccak_step keccak_step_avx2_4;

#endif
