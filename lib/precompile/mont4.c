/* SPDX-License-Identifier: Apache-2.0 */
#include "mont4.h"

void mont4_invert(struct mont4 *r, const struct mont4 *a, const struct mont4_modulus *m)
{
	struct mont4 inverse;

	gyr_secp_inverse(inverse.limb, a->limb, &m->inversion);
	/* 1 / (a R): two factors of R are missing */
	mont4_mul(&inverse, &inverse, &m->square, m);
	mont4_mul(r, &inverse, &m->square, m);
}
