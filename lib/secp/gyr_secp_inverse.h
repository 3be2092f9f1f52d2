/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modular inversion in variable time by division steps (Bernstein, Yang: Fast constant-time gcd
 * computation and modular inversion, 2019), 62 steps at a time. Freestanding. Never give it
 * secrets.
 */
#ifndef GYR_SECP_INVERSE_H
#define GYR_SECP_INVERSE_H

#include "gyr_base.h"

/* An odd modulus below 2^256 as five signed limbs of 62 bits, and its inverse modulo 2^62. */
struct gyr_secp_modulus {
	int64_t limb[5];
	uint64_t inverse62;
};

extern const struct gyr_secp_modulus gyr_secp_modulus_p;
extern const struct gyr_secp_modulus gyr_secp_modulus_n;

/* r = 1 / a mod m for a below m, prime to it; 0 for 0. Words least significant first. */
void gyr_secp_inverse(uint64_t r[4], const uint64_t a[4], const struct gyr_secp_modulus *modulus);

#endif
