/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp_divsteps.h"

const struct gyr_secp_modulus gyr_secp_modulus_p = {
	{ 0x3ffffffefffffc2f, 0x3fffffffffffffff, 0x3fffffffffffffff, 0x3fffffffffffffff, 0xff },
	0x27c7f6e22ddacacf,
};

const struct gyr_secp_modulus gyr_secp_modulus_n = {
	{ 0x3fd25e8cd0364141, 0x2abb739abd2280ee, 0x3fffffffffffffeb, 0x3fffffffffffffff, 0xff },
	0x34f20099aa774ec1,
};

void gyr_secp_inverse(uint64_t r[4], const uint64_t a[4], const struct gyr_secp_modulus *modulus)
{
	gyr_secp_inverse_inline(r, a, modulus);
}
