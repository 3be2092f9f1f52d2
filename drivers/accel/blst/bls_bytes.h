/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EIP-2537's encodings: a field element is 64 bytes, big-endian, below the prime; a point its x and
 * y, with infinity as zeros. Readers are false for what the EIP calls invalid; they check the curve
 * but not the subgroup.
 */
#ifndef BLS_BYTES_H
#define BLS_BYTES_H

#include <blst.h>

#include "gyr_precompile.h"

bool bls_read_fp(blst_fp *element, const uint8_t bytes[64]);
bool bls_read_fp2(blst_fp2 *element, const uint8_t bytes[128]);
bool bls_read_g1(blst_p1_affine *point, const uint8_t bytes[128]);
bool bls_read_g2(blst_p2_affine *point, const uint8_t bytes[256]);
void bls_write_g1(uint8_t bytes[128], const blst_p1 *point);
void bls_write_g2(uint8_t bytes[256], const blst_p2 *point);

enum gyr_precompile_status bls_kzg_verify(const uint8_t commitment[48], const uint8_t z[32],
					  const uint8_t y[32], const uint8_t proof[48]);

#endif
