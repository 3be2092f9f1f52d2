/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104), in portable C: for the precompile, and for the
 * nonces of signatures. Freestanding; nothing is kept between calls.
 */
#ifndef GYR_SHA256_H
#define GYR_SHA256_H

#include "gyr_base.h"

#define GYR_HMAC_SHA256_LENGTH_MAX 128

void gyr_sha256(uint8_t digest[32], const uint8_t *data, size_t length);

/* With a key of 32 bytes over at most GYR_HMAC_SHA256_LENGTH_MAX bytes; tag may be key. */
void gyr_hmac_sha256(uint8_t tag[32], const uint8_t key[32], const uint8_t *data, size_t length);

#endif
