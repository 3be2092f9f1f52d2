/* SPDX-License-Identifier: Apache-2.0 */
/* Division of limb arrays, shared by the files of lib/u256. */
#ifndef U256_LIMBS_H
#define U256_LIMBS_H

#include "gyr_u256.h"

#define LIMBS_DIVIDEND_MAX 9
#define LIMBS_DIVISOR_MAX  4

/*
 * Divides a by b (no more than the limits above, least significant limb first). `quotient` takes
 * a_count limbs and may be NULL; `remainder` takes b_count limbs and may be NULL. The divisor is
 * not zero; leading zero limbs are allowed in both. Outputs may alias inputs.
 */
void limbs_divide(uint64_t *quotient, uint64_t *remainder, const uint64_t *a, unsigned a_count,
		  const uint64_t *b, unsigned b_count);

#endif
