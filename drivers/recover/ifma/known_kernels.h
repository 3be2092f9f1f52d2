/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of a known key, R = u1 G + u2 Q with x(R) = r: what its parts share.
 *
 * u1 and u2 are each split by the endomorphism into halves below 2^129, made non-negative by an
 * offset, and cut into four slices of 33 bits. A slice is a sum of signed windows over a table of
 * multiples of 2^(33 i) P, so there are no doublings. A lane sums one slice of u1 and of u2 (one
 * signature alone: eight lanes, slices 0..3 of the first half and of the second), or several one
 * after the other (more signatures, fewer lanes each). The halves share tables: the endomorphism is
 * applied once, to the sum of the second half, by a product with beta.
 *
 * No lane is ever at infinity and nobody can aim at P = +-Q: the lowest window of u1 in slice i is
 * stored with a secret random point B_i added, B_0 + B_1 + B_2 + B_3 = 0, which vanish in the
 * total, as do their images under the endomorphism. Where one lane sums all slices they would
 * vanish half way, so there the sum starts at a random point S and lambda S is subtracted in the
 * end. Any exceptional addition makes the last ZZ zero.
 */
#ifndef KNOWN_KERNELS_H
#define KNOWN_KERNELS_H

#include "gyr_recover_known.h"
#include "ifma_kernels.h"

/*
 * Compiled twice: with every bound of the arithmetic asserted (IFMA_CHECKED, for tests), the
 * functions have names of their own.
 */
#ifdef IFMA_CHECKED
#define alone_run_chain	   alone_run_chain_checked
#define alone_set_steps	   alone_set_steps_checked
#define alone_sum_lanes	   alone_sum_lanes_checked
#define ifma_recover_alone ifma_recover_alone_checked
#define known_build	   known_build_checked
#define known_check	   known_check_checked
#define known_fold_lanes   known_fold_lanes_checked
#define known_sum_lanes	   known_sum_lanes_checked
#endif

#define KNOWN_SLICE_COUNT 4
#define KNOWN_SLICE_BITS  33

/*
 * Windows of a slice, lowest first. Of u1: 11 bits unsigned (with the blinding), 11, 11. Of u2:
 * five signed ones, 64 KiB per key; six would be 36 KiB and 3 % slower, eight 18 KiB and 6 %.
 */
#define KNOWN_G_WINDOWS	     3
#define KNOWN_G_WINDOW_BITS  11
#define KNOWN_G_ROWS	     4096 /* 2048 + 1024 + 1024 */
#define KNOWN_Q_WINDOWS	     5
#define KNOWN_Q_ROWS	     256 /* 3 * 64 + 2 * 32 */
#define KNOWN_Q_BITS(w)	     ((w) < 3 ? 7 : 6)
#define KNOWN_Q_POSITION(w)  ((w) < 3 ? 7 * (w) : 21 + 6 * ((w)-3))
#define KNOWN_Q_FIRST_ROW(w) ((w) < 3 ? 64 * (w) : 192 + 32 * ((w)-3))
#define KNOWN_G_FIRST_ROW(w) ((w) == 0 ? 0 : 1024 * ((w) + 1))

struct known_table {
	struct ifma_row row[KNOWN_SLICE_COUNT][KNOWN_Q_ROWS];
};

/*
 * Multiples of G, the lowest windows blinded. Built once per process, from the seed of the first
 * who asks, then read-only.
 */
struct known_g_table {
	struct ifma_row row[KNOWN_SLICE_COUNT][KNOWN_G_ROWS];
};

const struct known_g_table *known_g_table(const uint8_t seed[GYR_RECOVER_SEED_LENGTH]);

/* Read-only after init, shared by all lanes. */
struct known_shared {
	const struct known_g_table *g_table;
	uint64_t start_x[5], start_y[5]; /* S */
	uint64_t end_x[5];		 /* of lambda S; its y is that of S */
};

/* One addition: a row per slice. */
struct slice_step {
	const struct ifma_row *row[8];
	uint8_t negative, skip; /* a bit per slice */
};

/* The scalars of a group, cut. [0]: first halves, [1]: second halves. */
struct known_job {
	uint64_t g_slice[2][GYR_KNOWN_GROUP_MAX][KNOWN_SLICE_COUNT];
	uint64_t q_slice[2][GYR_KNOWN_GROUP_MAX][KNOWN_SLICE_COUNT];
	const struct known_table *table[GYR_KNOWN_GROUP_MAX];
	unsigned count;
};

/*
 * Sums in XYZZ coordinates, x = X / ZZ, y = -N / ZZZ, ZZ^3 = ZZZ^2: limb by limb, one per lane,
 * clean limbs; X below 5 p, N below 2 p, the others below 1.
 */
struct known_sums {
	alignas(64) uint64_t x[5][8], n[5][8], zz[5][8], zzz[5][8];
};

/* By how many lanes each signature of a group of `count` is summed: 8, 4, 2 or 1. */
static inline unsigned known_lanes_each(unsigned count)
{
	return count == 1 ? 8 : count == 2 ? 4 : count <= 4 ? 2 : 1;
}

/* Sums of lanes: signature i in the lanes from i * known_lanes_each. 512-bit. */
void known_sum_lanes(struct known_sums *sums, const struct known_shared *shared,
		     const struct known_job *job);

/* Adds up the lanes of each signature of a group of 1 to 4: sums to lane i. 256-bit. */
void known_fold_lanes(struct known_sums *sums, unsigned lanes_each);

#endif
