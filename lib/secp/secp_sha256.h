/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) as far as RFC 6979 needs it: messages of at most 256 bytes. Internal. */
#ifndef SECP_SHA256_H
#define SECP_SHA256_H

#include "gyr_base.h"

#define SECP_SHA256_LENGTH_MAX 256

void secp_sha256(uint8_t digest[32], const uint8_t *data, size_t length);

/* HMAC (RFC 2104) with a key of 32 bytes over at most 128 bytes. */
void secp_hmac_sha256(uint8_t tag[32], const uint8_t key[32], const uint8_t *data, size_t length);

#endif
