/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover_stub.h"

static size_t stub_context_size(void)
{
	return GYR_CACHE_LINE;
}

static int stub_init(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	(void)seed;
	memset(context, 0, GYR_CACHE_LINE);
	return 0;
}

static uint64_t stub_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			   const struct gyr_recover_request *in, unsigned count)
{
	static const uint8_t zero[32];
	uint64_t valid = 0;

	(void)context;
	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	for (unsigned i = 0; i < count; i++) {
		bool ok = in[i].parity < 4 && memcmp(in[i].r, zero, 12) == 0 &&
			  memcmp(in[i].r + 12, zero, 20) != 0;

		memcpy(address[i].bytes, ok ? in[i].r + 12 : zero, sizeof address[i].bytes);
		if (public_key != NULL)
			memset(public_key[i], 0, 64);
		valid |= (uint64_t)ok << i;
	}
	return valid;
}

static void stub_fini(void *context)
{
	(void)context;
}

static unsigned stub_take(unsigned pending)
{
	return pending < GYR_RECOVER_BATCH_MAX ? pending : GYR_RECOVER_BATCH_MAX;
}

const struct gyr_recover_ops gyr_recover_stub = {
	.name = "stub",
	.counterfeit = true,
	.context_size = stub_context_size,
	.init = stub_init,
	.batch = stub_batch,
	.fini = stub_fini,
	.take = stub_take,
};
