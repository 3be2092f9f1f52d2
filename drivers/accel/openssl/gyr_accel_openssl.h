/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256, RIPEMD-160 and P-256 verification of OpenSSL's libcrypto. The digests allocate nothing;
 * P-256 does, a few dozen small blocks a call (the library gives no way around it), so a data lane
 * that must not allocate leaves that entry to the portable code (gyr_accel_openssl_digests).
 */
#ifndef GYR_ACCEL_OPENSSL_H
#define GYR_ACCEL_OPENSSL_H

#include "gyr_accel.h"

extern const struct gyr_accel_driver gyr_accel_openssl;

/* The digests alone. */
extern const struct gyr_accel_driver gyr_accel_openssl_digests;

#endif
