/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of gyr_precompile_portable; the contract of each is in gyr_precompile.h. */
#ifndef PORTABLE_H
#define PORTABLE_H

#include "gyr_precompile.h"

bool portable_ecrecover(struct gyr_address *address, const uint8_t hash[32], const uint8_t r[32],
			const uint8_t s[32], unsigned parity);
void portable_ripemd160(uint8_t digest[20], const uint8_t *data, size_t length);
void portable_blake2f(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final,
		      uint32_t round_count);

enum gyr_precompile_status portable_modexp(uint8_t *result, struct gyr_arena *scratch,
					   struct gyr_slice base, struct gyr_slice exponent,
					   uint64_t exponent_zero_count, struct gyr_slice modulus);

/* Enough for portable_modexp and the padded copies of its operands, none above length bytes. */
size_t portable_modexp_scratch_size(size_t length);

enum gyr_precompile_status portable_bn254_add(uint8_t result[64], const uint8_t points[128]);
enum gyr_precompile_status portable_bn254_mul(uint8_t result[64], const uint8_t point_scalar[96]);
enum gyr_precompile_status portable_bn254_pairing(bool *one, struct gyr_arena *scratch,
						  const uint8_t *bytes, size_t pair_count);
bool portable_p256_verify(const uint8_t hash_r_s_x_y[160]);

#endif
