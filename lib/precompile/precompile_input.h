/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shapes of the calls' inputs, shared by pricing and dispatch. Input that ends early reads as
 * zeros to its right wherever a precompile allows that.
 */
#ifndef PRECOMPILE_INPUT_H
#define PRECOMPILE_INPUT_H

#include "gyr_base.h"

#define MODEXP_HEADER 96
#define BN254_PAIR    192
#define BLAKE2F_INPUT 213
#define KZG_INPUT     192
#define BLS_G1	      128
#define BLS_G2	      256
#define BLS_G1_TERM   160
#define BLS_G2_TERM   288
#define BLS_PAIR      384
#define P256_INPUT    160

/* Each saturates at UINT64_MAX. */
struct modexp_lengths {
	uint64_t base;
	uint64_t exponent;
	uint64_t modulus;
};

/* Copies length bytes from offset, zeros where the input has none. */
static inline void input_read(uint8_t *to, size_t length, struct gyr_slice input, uint64_t offset)
{
	size_t have = 0;

	if (offset < input.length)
		have = (size_t)gyr_min_u64(length, input.length - offset);
	if (have > 0)
		memcpy(to, input.data + offset, have);
	memset(to + have, 0, length - have);
}

static inline uint64_t input_read_length(struct gyr_slice input, uint64_t offset)
{
	uint8_t word[32];
	uint64_t value = 0;

	input_read(word, sizeof word, input, offset);
	for (unsigned i = 0; i < 24; i++) {
		if (word[i] != 0)
			return UINT64_MAX;
	}
	for (unsigned i = 24; i < 32; i++)
		value = value << 8 | word[i];
	return value;
}

static inline struct modexp_lengths modexp_lengths_of(struct gyr_slice input)
{
	return (struct modexp_lengths){
		.base = input_read_length(input, 0),
		.exponent = input_read_length(input, 32),
		.modulus = input_read_length(input, 64),
	};
}

#endif
