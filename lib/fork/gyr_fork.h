/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethereum's forks in order of activation, as far as they change execution. A later fork compares
 * greater; rules are asked as `fork >= GYR_FORK_LONDON`. Names are those of the state tests.
 * Freestanding, no state.
 */
#ifndef GYR_FORK_H
#define GYR_FORK_H

#include "gyr_base.h"

enum gyr_fork {
	GYR_FORK_FRONTIER,
	GYR_FORK_HOMESTEAD,
	GYR_FORK_TANGERINE, /* EIP-150 */
	GYR_FORK_SPURIOUS,  /* EIP-158, 160, 161, 170 */
	GYR_FORK_BYZANTIUM,
	GYR_FORK_CONSTANTINOPLE,
	GYR_FORK_PETERSBURG, /* Constantinople without EIP-1283 */
	GYR_FORK_ISTANBUL,
	GYR_FORK_BERLIN,
	GYR_FORK_LONDON,
	GYR_FORK_PARIS,
	GYR_FORK_SHANGHAI,
	GYR_FORK_CANCUN,
	GYR_FORK_PRAGUE,
	GYR_FORK_OSAKA,
	GYR_FORK_COUNT,
};

/* The fork's name, for example "Cancun"; NULL for a number that is none. */
const char *gyr_fork_name(unsigned fork);

/* Finds a fork by a name that state tests use (ConstantinopleFix, Merge, EIP158 and so on). */
bool gyr_fork_by_name(enum gyr_fork *out, const char *name, size_t name_length);

#endif
