/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with known answers, for the self-test. */
#ifndef ACCEL_VECTORS_H
#define ACCEL_VECTORS_H

#include "gyr_precompile.h"

struct accel_vector {
	enum gyr_precompile which;
	const char *input;    /* hexadecimal */
	const char *expected; /* hexadecimal; NULL: the call fails */
};

/* Longest input and output of a vector or of a seeded call, in bytes. */
#define ACCEL_INPUT_MAX	 1024
#define ACCEL_OUTPUT_MAX 1024

extern const struct accel_vector accel_vectors[];
extern const size_t accel_vector_count;

/* BLS12-381 and KZG. */
extern const struct accel_vector accel_vectors_bls[];
extern const size_t accel_vector_bls_count;

#endif
