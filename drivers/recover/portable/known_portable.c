/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_known_portable.h"

#include "gyr_secp.h"
#include "gyr_secp_point.h"

static size_t driver_shared_size(void)
{
	return GYR_CACHE_LINE;
}

static int driver_init(void *shared, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	(void)seed;
	memset(shared, 0, GYR_CACHE_LINE);
	return 0;
}

static bool driver_build(const void *shared, void *table, const uint8_t public_key[64])
{
	struct gyr_secp_affine point;

	(void)shared;
	if (!gyr_secp_affine_from_key(&point, public_key))
		return false;
	memcpy(table, public_key, 64);
	return true;
}

static void driver_prefetch(const void *table)
{
	(void)table;
}

static void driver_check(const void *shared, enum gyr_known_answer *answer,
			 const struct gyr_known_check *in, unsigned count)
{
	(void)shared;
	gyr_assert(count >= 1 && count <= GYR_KNOWN_GROUP_MAX);
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_recover_request *request = in[i].request;
		uint8_t key[64];
		bool same = gyr_secp_recover(key, request->hash, request->r, request->s,
					     request->parity) &&
			    memcmp(key, in[i].table, sizeof key) == 0;

		answer[i] = same ? GYR_KNOWN_YES : GYR_KNOWN_NO;
	}
}

const struct gyr_known_ops gyr_known_portable = {
	.name = "portable",
	.table_size = 64,
	.shared_size = driver_shared_size,
	.init = driver_init,
	.build = driver_build,
	.prefetch = driver_prefetch,
	.check = driver_check,
};
