/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vector recovery driver: AVX-512 IFMA. One or two signatures one after the other, each spread
 * over the lanes (the fewest microseconds); then a signature per lane: three and four in 256-bit
 * vectors, five to eight and up to sixteen in 512-bit ones (the most per second), more in groups of
 * sixteen that share their two inversions. init refuses a machine
 * without AVX-512 F, DQ, BW, VL, IFMA and VBMI2, or an operating system that does not save its
 * registers.
 *
 * A context is about 66 KiB; the tables of multiples of G, 1.5 MiB, are built by the first init of
 * the process and shared, read-only.
 */
#ifndef GYR_RECOVER_IFMA_H
#define GYR_RECOVER_IFMA_H

#include "gyr_recover.h"

extern const struct gyr_recover_ops gyr_recover_ifma;

/* The same through one kernel with all limb bounds asserted, eight at a time or one alone: for
 * tests, slow. */
extern const struct gyr_recover_ops gyr_recover_ifma_checked;

#endif
