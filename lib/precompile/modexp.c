/* SPDX-License-Identifier: Apache-2.0 */
#include "portable.h"

#include "modexp_limits.h"

size_t portable_modexp_scratch_size(size_t length)
{
	size_t limb_count = length / 8 + 5;
	size_t table_limbs = MODEXP_TABLE_ENTRIES * gyr_min_u64(limb_count, MODEXP_TABLE_LIMBS_MAX);

	return 2 * (length + 8) + 8 * (MODEXP_WORK_NUMBERS * limb_count + table_limbs);
}
