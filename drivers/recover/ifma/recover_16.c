/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS	512
#define VECTOR_COUNT	2
#define GROUP_COUNT_MAX 4
#define KERNEL		ifma_recover_16

#include "recover_kernel.h"
