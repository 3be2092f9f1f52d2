/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic modulo n, the order of secp256k1's group (SEC 2, section 2.4.1), in four 64-bit words,
 * always below n. Freestanding, variable time: never give it secrets that matter.
 */
#ifndef GYR_SECP_SCALAR_H
#define GYR_SECP_SCALAR_H

#include "gyr_bytes.h"

struct gyr_secp_scalar {
	uint64_t limb[4]; /* least significant first */
};

/* n itself. */
extern const uint64_t gyr_secp_order[4];

/* Big-endian bytes modulo n; true when they were below n. */
bool gyr_secp_scalar_from_bytes(struct gyr_secp_scalar *r, const uint8_t bytes[32]);
void gyr_secp_scalar_to_bytes(uint8_t bytes[32], const struct gyr_secp_scalar *a);

static inline bool gyr_secp_scalar_is_zero(const struct gyr_secp_scalar *a)
{
	return (a->limb[0] | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

static inline bool gyr_secp_scalar_is_one(const struct gyr_secp_scalar *a)
{
	return ((a->limb[0] ^ 1) | a->limb[1] | a->limb[2] | a->limb[3]) == 0;
}

/* Above n / 2? */
bool gyr_secp_scalar_is_high(const struct gyr_secp_scalar *a);

void gyr_secp_scalar_add(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a,
			 const struct gyr_secp_scalar *b);
void gyr_secp_scalar_negate(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a);
void gyr_secp_scalar_mul(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a,
			 const struct gyr_secp_scalar *b);

/* 1 / a, and 0 for 0. */
void gyr_secp_scalar_inverse(struct gyr_secp_scalar *r, const struct gyr_secp_scalar *a);

/*
 * k = first + lambda * second (mod n), both below 2^129 in absolute value after the signs: where
 * negative[i] is true the part stands for its negation. (Gallant, Lambert, Vanstone: Faster point
 * multiplication on elliptic curves with efficient endomorphisms, 2001; the lattice basis is that
 * of Guide to Elliptic Curve Cryptography, algorithm 3.74.)
 */
void gyr_secp_scalar_split(struct gyr_secp_scalar part[2], bool negative[2],
			   const struct gyr_secp_scalar *k);

#endif
