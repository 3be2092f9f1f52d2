/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd multiples of G and of 2^128 G, affine, as 64-bit words, least significant first; constant.
 * The property tests check every row.
 */
#ifndef G_TABLE_H
#define G_TABLE_H

#include "gyr_base.h"

#define G_TABLE_WINDOW 8
#define G_TABLE_ROWS   (1 << (G_TABLE_WINDOW - 2))

/* g_table[h][i]: x and y of (2 i + 1) * 2^(128 h) * G. */
extern const uint64_t g_table[2][G_TABLE_ROWS][2][4];

#endif
