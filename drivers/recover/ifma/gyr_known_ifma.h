/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vector driver for known senders (lib/recover, gyr_recover_known.h): one signature alone in
 * all lanes of AVX-512 IFMA, or groups of up to eight with fewer lanes each. 64 KiB per key, 1 MiB
 * shared with the recovery driver.
 */
#ifndef GYR_KNOWN_IFMA_H
#define GYR_KNOWN_IFMA_H

#include "gyr_recover_known.h"

extern const struct gyr_known_ops gyr_known_ifma;

/* The same with all limb bounds asserted: for tests, slow. */
extern const struct gyr_known_ops gyr_known_ifma_checked;

#endif
