/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover_portable.h"

#include "gyr_keccak.h"
#include "gyr_secp.h"

static size_t driver_context_size(void)
{
	return GYR_CACHE_LINE;
}

static int driver_init(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	(void)seed;
	memset(context, 0, GYR_CACHE_LINE);
	return 0;
}

static uint64_t driver_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			     const struct gyr_recover_request *in, unsigned count)
{
	uint64_t valid = 0;

	(void)context;
	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	for (unsigned i = 0; i < count; i++) {
		uint8_t key[64];
		struct gyr_hash hash = { { 0 } };
		bool ok = gyr_secp_recover(key, in[i].hash, in[i].r, in[i].s, in[i].parity);

		if (ok)
			gyr_keccak256(&hash, key, sizeof key);
		memcpy(address[i].bytes, hash.bytes + 12, 20);
		if (public_key != NULL)
			memcpy(public_key[i], key, 64);
		valid |= (uint64_t)ok << i;
	}
	return valid;
}

static void driver_fini(void *context)
{
	(void)context;
}

static unsigned driver_take(unsigned pending)
{
	gyr_assert(pending >= 1);
	return 1;
}

const struct gyr_recover_ops gyr_recover_portable = {
	.name = "portable",
	.context_size = driver_context_size,
	.init = driver_init,
	.batch = driver_batch,
	.fini = driver_fini,
	.take = driver_take,
};
