/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the known senders' check: of the generator, and of a key. */
#ifndef KNOWN_TABLES_H
#define KNOWN_TABLES_H

#include "known_kernels.h"

/* What makes a half of u1 or u2 plain bits: half a window in the place of every signed window. */
extern const uint64_t known_g_offset[3];
extern const uint64_t known_q_offset[3];

int known_init(void *memory, const uint8_t seed[GYR_RECOVER_SEED_LENGTH]);
bool known_build(const void *shared, void *memory, const uint8_t public_key[64]);
void known_check(const void *shared, enum gyr_known_answer *answer,
		 const struct gyr_known_check *in, unsigned count);

/* With every bound asserted, for tests. */
bool known_build_checked(const void *shared, void *memory, const uint8_t public_key[64]);
void known_check_checked(const void *shared, enum gyr_known_answer *answer,
			 const struct gyr_known_check *in, unsigned count);

#endif
