/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed signatures of the start-up self-test, valid and invalid, with the keys that they
 * recover to. Made with an independent implementation; never changes. Constant.
 */
#ifndef RECOVER_VECTORS_H
#define RECOVER_VECTORS_H

#include "gyr_base.h"

#define RECOVER_VECTOR_COUNT 32

struct recover_vector {
	uint8_t hash[32];
	uint8_t r[32];
	uint8_t s[32];
	uint8_t parity;
	bool valid;
	uint8_t public_key[64]; /* zero when not valid */
	uint8_t address[20];
};

extern const struct recover_vector recover_vectors[RECOVER_VECTOR_COUNT];

#endif
