/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the self-test that gyr_accel.h does not show. */
#ifndef ACCEL_TEST_H
#define ACCEL_TEST_H

#include "gyr_accel.h"

/* 0, or -GYR_ERR_MISMATCH where the table and the portable hash differ, or that errs itself. */
int accel_test_keccak(const struct gyr_keccak_ops *keccak);

#endif
