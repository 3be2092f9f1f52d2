/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed signatures of the start-up self-test, valid and invalid, with the keys that they
 * recover to. Made with an independent implementation; never changes. Constant.
 */
#ifndef RECOVER_VECTORS_H
#define RECOVER_VECTORS_H

#include "gyr_recover.h"

#define RECOVER_VECTOR_COUNT 32

/* Lower-case hex, big-endian; the last three are NULL where nothing recovers. */
struct recover_vector {
	const char *hash;
	const char *r;
	const char *s;
	const char *key_x;
	const char *key_y;
	const char *address;
	uint8_t parity;
};

extern const struct recover_vector recover_vectors[RECOVER_VECTOR_COUNT];

void recover_vector_request(struct gyr_recover_request *request,
			    const struct recover_vector *vector);

#endif
