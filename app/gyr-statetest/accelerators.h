/* SPDX-License-Identifier: Apache-2.0 */
/* Which code serves hash and precompiles in the programs that run state tests. */
#ifndef ACCELERATORS_H
#define ACCELERATORS_H

#include "gyr_accel.h"
#include "gyr_statetest.h"

/*
 * The fastest that this machine has; `accel` must outlive the run. GYR_ERR_UNSUPPORTED when nothing
 * serves a precompile, which would otherwise fail an assertion in the middle of a test.
 */
GYR_MUST_USE int accelerators_choose(struct gyr_accel *accel, struct gyr_statetest_options *run);

#endif
