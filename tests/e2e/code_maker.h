/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random EVM programs for comparing implementations: byte code that mostly does not fail at once,
 * because the stack's depth is known at every place and jumps go to destinations, and now and then
 * fails on purpose. A program is statements over a small memory and few storage keys, so that
 * transactions meet each other's slots. Everything follows from the generator given.
 */
#ifndef CODE_MAKER_H
#define CODE_MAKER_H

#include "gyr_rng.h"

#define CODE_LENGTH_MAX	 4096
#define CODE_ADDRESS_MAX 96
#define CODE_DATA_MAX	 16 /* blobs behind the code: precompile inputs, init code */

/* What programs of one block may meet. */
struct code_world {
	struct gyr_address addresses[CODE_ADDRESS_MAX]; /* contracts first, then anything */
	unsigned address_count;
	unsigned contract_count;
	bool has_p256; /* Osaka */
};

struct code_blob {
	uint8_t bytes[1280];
	size_t length;
	size_t patch_at; /* where in the code its offset is to stand, two bytes */
};

struct code {
	struct gyr_rng *rng;
	const struct code_world *world;
	uint8_t bytes[CODE_LENGTH_MAX];
	size_t length;
	unsigned depth;	 /* of the stack */
	unsigned nested; /* loops, conditions, init code within code */
	struct code_blob blobs[CODE_DATA_MAX];
	unsigned blob_count;
};

/* A whole program of about `statements` statements. */
void code_make(struct code *code, struct gyr_rng *rng, const struct code_world *world,
	       unsigned statements);

/* Init code that deploys a small program, or fails at it; at most 900 bytes. */
size_t code_make_init(uint8_t *out, struct gyr_rng *rng, const struct code_world *world,
		      unsigned nested);

/* Input for a precompile, right, nearly right, or wrong; returns its length, at most 1280. */
size_t code_precompile_input(uint8_t out[1280], struct gyr_rng *rng, unsigned precompile);

#endif
