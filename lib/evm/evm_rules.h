/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a fork, as one value. */
#ifndef EVM_RULES_H
#define EVM_RULES_H

#include "gyr_evm.h"

struct gyr_evm_rules evm_rules_of(enum gyr_fork fork);

#endif
