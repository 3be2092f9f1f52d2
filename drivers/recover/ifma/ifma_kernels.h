/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernels of this driver share with the code around them. A kernel is one compilation of
 * recover_kernel.h, entered only on machines with IFMA; the tables are built once per process and
 * never change afterwards.
 */
#ifndef IFMA_KERNELS_H
#define IFMA_KERNELS_H

#include "gyr_recover.h"

/* Windows of u1: 20 of 13 bits, signed; ten on multiples of G, ten on those of 2^130 G. */
#define IFMA_G_WINDOW_BITS 13
#define IFMA_G_ROWS	   (1 << (IFMA_G_WINDOW_BITS - 1))
#define IFMA_R_ROWS	   16 /* windows of u2's halves: 26 of 5 bits, signed */

/* Doublings of a recovery: the start point B is subtracted as 2^125 B in the end. */
#define IFMA_DOUBLING_COUNT 125

#define IFMA_SCRATCH_SIZE (64 << 10)

/* An affine point as a table row: x and y in 64-bit words, least significant first. */
struct ifma_row {
	alignas(64) uint64_t word[8];
};

struct known_g_table;

struct ifma_context {
	const struct ifma_row *g_rows; /* 2 * IFMA_G_ROWS: 1…4096 times G, then times 2^130 G */
	const struct known_g_table *g_table; /* for one signature alone */
	/* A random point B, and -2^125 B; 52-bit limbs. */
	uint64_t start_x[5], start_y[5], end_x[5], end_y[5];
	alignas(64) uint8_t scratch[IFMA_SCRATCH_SIZE];
};

struct ifma_outcome {
	uint64_t valid;	    /* lanes with a key */
	uint64_t undecided; /* lanes that met an exceptional addition: ask the portable code */
};

/* Writes address and key of valid lanes only. public_key may be NULL. */
typedef struct ifma_outcome ifma_kernel(struct ifma_context *context, struct gyr_address *address,
					uint8_t (*public_key)[64],
					const struct gyr_recover_request *in, unsigned count);

/* Does this machine run the kernels? */
bool ifma_supported(void);

ifma_kernel ifma_recover_alone; /* 1, spread over the lanes */
ifma_kernel ifma_recover_4;	/* 1..4, 256-bit */
ifma_kernel ifma_recover_8;	/* 1..8, 512-bit */
ifma_kernel ifma_recover_16;	/* 1..64, 512-bit, two vectors side by side, inversions shared */
/* With every bound asserted, for tests: */
ifma_kernel ifma_recover_checked; /* 1..8, 512-bit */
ifma_kernel ifma_recover_alone_checked;

#endif
