/* SPDX-License-Identifier: Apache-2.0 */
/* Keccak-256 of a public key in every lane. */
#ifndef LANES_KECCAK_H
#define LANES_KECCAK_H

#include "lanes.h"

#include "gyr_keccak_rounds.h"

#define K_ROTATE(x, n)	      v_rotate(x, n)
#define K_XOR3(a, b, c)	      v_ternary(a, b, c, 0x96)
#define K_XOR5(a, b, c, d, e) K_XOR3(K_XOR3(a, b, c), d, e)
#define K_THETA(c, r)	      (r)
#define K_MIX(x, c, t)	      K_XOR3(x, c, t)
#define K_CHI(x, y, z)	      v_ternary(x, y, z, 0xd2)

/* Keccak-256 of 64 bytes per lane: words in, four words out. */
OUT_OF_LINE void keccak_of_keys(vec hash[4], const vec key[8])
{
	vec a[25], e[25];

	for (int i = 0; i < 25; i++)
		a[i] = i < 8 ? key[i] : v_zero();
	a[8] = v_set(1);
	a[16] = v_set(1ull << 63);
	for (int round = 0; round < GYR_KECCAK_ROUND_COUNT; round += 2) {
		GYR_KECCAK_ROUND(K, vec, e, a);
		e[0] = v_xor(e[0], v_set(gyr_keccak_round_constant[round]));
		GYR_KECCAK_ROUND(K, vec, a, e);
		a[0] = v_xor(a[0], v_set(gyr_keccak_round_constant[round + 1]));
	}
	for (int i = 0; i < 4; i++)
		hash[i] = a[i];
}

#endif
