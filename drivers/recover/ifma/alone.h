/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signature alone, of an unknown sender, in all lanes: what the parts of the kernel share.
 *
 * Q = u1 G + u2 R with u1 = -m / r, u2 = s / r. With c = x^3 + 7 for R's x, the point
 * R' = (c x, c^2) lies on the isomorphic curve Y^2 = X^3 + 7 c^3; y = sqrt(c) leads back:
 * (X, Y, Z) there is (X, Y, y Z) here. So R' can be doubled while its y is still being computed,
 * and which of the two roots is meant matters only in the end.
 *
 * u2 is split by the endomorphism into halves below 0.64 * 2^128, each written with digits -1, 0,
 * 1, no two neighbours of which are nonzero (the non-adjacent form; Reitwiesner: Binary arithmetic,
 * 1960): at most 64 digits at places 0..127. The chain of doublings leaves 2^0 R'…2^127 R'; lanes 0
 * to 3 sum the first half's, 4 to 7 the second's. Then the sums are moved to the curve itself, u1 G
 * is added by table as in known_kernels.h, with the same blinding, and the lanes are added up.
 *
 * No addition within a lane is exceptional: partial sums of distinct signed powers of two are less
 * than the next power, and the group's order is above 2^130. What is added afterwards is blinded,
 * until the last addition, which is exceptional only for Q = infinity or with secrets guessed; ZZ
 * is zero then. A lane without a digit starts at the first row of G.
 */
#ifndef ALONE_H
#define ALONE_H

#include "gyr_secp_point.h"
#include "known_kernels.h"

#define ALONE_POINT_MAX 128
#define ALONE_ROUND_MAX 16 /* 64 digits of a half in four lanes */

/* 2^i R' in Jacobian coordinates: limb by limb X, Z, Y (dirty limbs) and Z^2 (columns). */
struct alone_point {
	alignas(32) uint64_t limb[5][4];
};

struct alone_digits {
	uint8_t point[ALONE_ROUND_MAX][8]; /* which lane adds which point */
	uint8_t negative[ALONE_ROUND_MAX]; /* a bit per lane */
	uint8_t skip[ALONE_ROUND_MAX];	   /* lanes that have no digit left */
	unsigned round_count;
	unsigned point_count; /* highest place + 1 */
};

/*
 * 256-bit. 2^0…2^(count - 1) times base, which is on any curve Y^2 = X^3 + b with limbs clean, and
 * radicand^((p + 1) / 4) beside them unless square_root is NULL; that is the root where there is
 * one. count: 1..ALONE_POINT_MAX.
 */
void alone_run_chain(struct alone_point *points, struct gyr_secp_field *square_root,
		     const struct gyr_secp_affine *base, const struct gyr_secp_field *radicand,
		     unsigned count);

/* 512-bit. The rows of G that the slices want, asked for. */
void alone_set_steps(struct slice_step step[KNOWN_G_WINDOWS], const struct known_g_table *table,
		     uint64_t slice[2][KNOWN_SLICE_COUNT]);

/*
 * 512-bit. The sums of all lanes for known_fold_lanes. square and cube: y^2 and y^3 as 52-bit
 * limbs, below 2 p.
 */
void alone_sum_lanes(struct known_sums *sums, const struct alone_point *points,
		     const struct alone_digits *digits, const struct slice_step *step,
		     const uint64_t square[5], const uint64_t cube[5]);

#endif
