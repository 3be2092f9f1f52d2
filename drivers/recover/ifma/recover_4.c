/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS	256
#define VECTOR_COUNT	1
#define GROUP_COUNT_MAX 1
#define KERNEL		ifma_recover_4

#include "recover_kernel.h"
