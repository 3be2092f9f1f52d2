/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery driver over lib/secp, one signature after the other: runs on any machine, needs no
 * library and keeps no state. The fallback, and the other half of the shadow check.
 */
#ifndef GYR_RECOVER_PORTABLE_H
#define GYR_RECOVER_PORTABLE_H

#include "gyr_recover.h"

extern const struct gyr_recover_ops gyr_recover_portable;

#endif
