/* SPDX-License-Identifier: Apache-2.0 */
/* The class is its header; drivers/store implements it. */
#include "gyr_store.h"

_Static_assert(GYR_STORE_TABLES_MAX <= 32, "tables fit a word of bits");
