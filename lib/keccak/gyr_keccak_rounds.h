/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keccak-f[1600] (Bertoni, Daemen, Peeters, Van Assche: The Keccak reference, 3.0) as one round
 * over any word: a 64-bit integer, or a vector that holds the same lane of several states. Who
 * includes this defines, for a prefix W of its choice:
 *
 *   W_ROTATE(x, n)       rotate each 64-bit lane left by the constant n
 *   W_XOR5(a, b, c, d, e)
 *   W_THETA(c, r)        what of theta is made once per column from the left column's parity c and
 *                        the right one's, rotated, r
 *   W_MIX(x, c, t)       x ^ c ^ r, given t = W_THETA(c, r)
 *   W_CHI(x, y, z)       x ^ (~y & z)
 *
 * GYR_KECCAK_ROUND reads a[25] and writes e[25], without the round constant (iota), which the
 * caller adds to e[0]. Each plane needs five words of a that no other plane needs, so that 25 + 7
 * registers hold a round. Lanes are numbered x + 5 y.
 */
#ifndef GYR_KECCAK_ROUNDS_H
#define GYR_KECCAK_ROUNDS_H

#include "gyr_base.h"

#define GYR_KECCAK_ROUND_COUNT 24
#define GYR_KECCAK_LANE_COUNT  25

extern const uint64_t gyr_keccak_round_constant[GYR_KECCAK_ROUND_COUNT];

#define GYR_KECCAK_PLANE_(W, word, e, y, b0, b1, b2, b3, b4)                                       \
	do {                                                                                       \
		word x0_ = (b0), x1_ = (b1), x2_ = (b2), x3_ = (b3), x4_ = (b4);                   \
		(e)[5 * (y) + 0] = W##_CHI(x0_, x1_, x2_);                                         \
		(e)[5 * (y) + 1] = W##_CHI(x1_, x2_, x3_);                                         \
		(e)[5 * (y) + 2] = W##_CHI(x2_, x3_, x4_);                                         \
		(e)[5 * (y) + 3] = W##_CHI(x3_, x4_, x0_);                                         \
		(e)[5 * (y) + 4] = W##_CHI(x4_, x0_, x1_);                                         \
	} while (0)

/* Theta and rho of lane i: column x = i % 5, whose left neighbour's parity is c. */
#define GYR_KECCAK_LANE_(W, a, i, c, t, n) W##_ROTATE(W##_MIX((a)[i], c, t), n)

#define GYR_KECCAK_ROUND(W, word, e, a)                                                            \
	do {                                                                                       \
		word c0_ = W##_XOR5((a)[0], (a)[5], (a)[10], (a)[15], (a)[20]);                    \
		word c1_ = W##_XOR5((a)[1], (a)[6], (a)[11], (a)[16], (a)[21]);                    \
		word c2_ = W##_XOR5((a)[2], (a)[7], (a)[12], (a)[17], (a)[22]);                    \
		word c3_ = W##_XOR5((a)[3], (a)[8], (a)[13], (a)[18], (a)[23]);                    \
		word c4_ = W##_XOR5((a)[4], (a)[9], (a)[14], (a)[19], (a)[24]);                    \
		word t0_ = W##_THETA(c4_, W##_ROTATE(c1_, 1));                                     \
		word t1_ = W##_THETA(c0_, W##_ROTATE(c2_, 1));                                     \
		word t2_ = W##_THETA(c1_, W##_ROTATE(c3_, 1));                                     \
		word t3_ = W##_THETA(c2_, W##_ROTATE(c4_, 1));                                     \
		word t4_ = W##_THETA(c3_, W##_ROTATE(c0_, 1));                                     \
		GYR_KECCAK_PLANE_(W, word, e, 0, W##_MIX((a)[0], c4_, t0_),                        \
				  GYR_KECCAK_LANE_(W, a, 6, c0_, t1_, 44),                         \
				  GYR_KECCAK_LANE_(W, a, 12, c1_, t2_, 43),                        \
				  GYR_KECCAK_LANE_(W, a, 18, c2_, t3_, 21),                        \
				  GYR_KECCAK_LANE_(W, a, 24, c3_, t4_, 14));                       \
		GYR_KECCAK_PLANE_(W, word, e, 1, GYR_KECCAK_LANE_(W, a, 3, c2_, t3_, 28),          \
				  GYR_KECCAK_LANE_(W, a, 9, c3_, t4_, 20),                         \
				  GYR_KECCAK_LANE_(W, a, 10, c4_, t0_, 3),                         \
				  GYR_KECCAK_LANE_(W, a, 16, c0_, t1_, 45),                        \
				  GYR_KECCAK_LANE_(W, a, 22, c1_, t2_, 61));                       \
		GYR_KECCAK_PLANE_(W, word, e, 2, GYR_KECCAK_LANE_(W, a, 1, c0_, t1_, 1),           \
				  GYR_KECCAK_LANE_(W, a, 7, c1_, t2_, 6),                          \
				  GYR_KECCAK_LANE_(W, a, 13, c2_, t3_, 25),                        \
				  GYR_KECCAK_LANE_(W, a, 19, c3_, t4_, 8),                         \
				  GYR_KECCAK_LANE_(W, a, 20, c4_, t0_, 18));                       \
		GYR_KECCAK_PLANE_(W, word, e, 3, GYR_KECCAK_LANE_(W, a, 4, c3_, t4_, 27),          \
				  GYR_KECCAK_LANE_(W, a, 5, c4_, t0_, 36),                         \
				  GYR_KECCAK_LANE_(W, a, 11, c0_, t1_, 10),                        \
				  GYR_KECCAK_LANE_(W, a, 17, c1_, t2_, 15),                        \
				  GYR_KECCAK_LANE_(W, a, 23, c2_, t3_, 56));                       \
		GYR_KECCAK_PLANE_(W, word, e, 4, GYR_KECCAK_LANE_(W, a, 2, c1_, t2_, 62),          \
				  GYR_KECCAK_LANE_(W, a, 8, c2_, t3_, 55),                         \
				  GYR_KECCAK_LANE_(W, a, 14, c3_, t4_, 39),                        \
				  GYR_KECCAK_LANE_(W, a, 15, c4_, t0_, 41),                        \
				  GYR_KECCAK_LANE_(W, a, 21, c0_, t1_, 2));                        \
	} while (0)

#endif
