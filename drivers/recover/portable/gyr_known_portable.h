/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known senders (lib/recover, gyr_recover_known.h) without vectors: a table is the key, a check is
 * a recovery by lib/secp and a comparison. Right everywhere and no faster than recovery: for the
 * simulator and tests, so that the whole path runs on any machine. It does not look at hints.
 */
#ifndef GYR_KNOWN_PORTABLE_H
#define GYR_KNOWN_PORTABLE_H

#include "gyr_recover_known.h"

extern const struct gyr_known_ops gyr_known_portable;

#endif
