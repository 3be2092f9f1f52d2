/* SPDX-License-Identifier: Apache-2.0 */
/* The group G1 of alt_bn128: y^2 = x^3 + 3 over fp, of prime order (EIP-196). */
#ifndef BN254_G1_H
#define BN254_G1_H

#include "bn254_field.h"

struct g1_affine {
	struct mont4 x;
	struct mont4 y;
};

/* x and y, 32 bytes each; all zeros is infinity. False when it is no point. */
bool bn254_g1_read(struct g1_affine *p, bool *infinity, const uint8_t bytes[64]);

#endif
