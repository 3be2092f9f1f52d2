/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover_secp256k1.h"

#include <secp256k1.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>

#include "gyr_err.h"
#include "gyr_keccak.h"

struct driver {
	secp256k1_context *library;
	alignas(64) uint8_t memory[];
};

static size_t driver_context_size(void)
{
	return sizeof(struct driver) +
	       secp256k1_context_preallocated_size(SECP256K1_CONTEXT_VERIFY);
}

static int driver_init(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	struct driver *driver = context;

	(void)seed; /* nothing secret is computed here */
	driver->library = secp256k1_context_preallocated_create(driver->memory,
								SECP256K1_CONTEXT_VERIFY);
	if (driver->library == NULL)
		GYR_FAIL(GYR_ERR_INTERNAL, "libsecp256k1 makes no context");
	return 0;
}

static bool recover_one(const struct driver *driver, uint8_t key[64],
			const struct gyr_recover_request *in)
{
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey public_key;
	uint8_t compact[64], serial[65];
	size_t length = sizeof serial;

	memcpy(compact, in->r, 32);
	memcpy(compact + 32, in->s, 32);
	if (in->parity > 3 || /* which the library takes for a wrong program */
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(driver->library, &signature,
								 compact, in->parity) ||
	    !secp256k1_ecdsa_recover(driver->library, &public_key, &signature, in->hash))
		return false;
	(void)secp256k1_ec_pubkey_serialize(driver->library, serial, &length, &public_key,
					    SECP256K1_EC_UNCOMPRESSED);
	gyr_assert(length == sizeof serial);
	memcpy(key, serial + 1, 64);
	return true;
}

static uint64_t driver_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			     const struct gyr_recover_request *in, unsigned count)
{
	uint64_t valid = 0;

	gyr_assert(count >= 1 && count <= GYR_RECOVER_BATCH_MAX);
	for (unsigned i = 0; i < count; i++) {
		uint8_t key[64] = { 0 };
		struct gyr_hash hash = { { 0 } };
		bool ok = recover_one(context, key, &in[i]);

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
	struct driver *driver = context;

	secp256k1_context_preallocated_destroy(driver->library);
	driver->library = NULL;
}

/* One at a time: the first is answered while the second is worked on. */
static unsigned driver_take(unsigned pending)
{
	gyr_assert(pending >= 1);
	return 1;
}

const struct gyr_recover_ops gyr_recover_secp256k1 = {
	.name = "secp256k1",
	.context_size = driver_context_size,
	.init = driver_init,
	.batch = driver_batch,
	.fini = driver_fini,
	.take = driver_take,
};
