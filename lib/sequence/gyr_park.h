/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked transactions: each waits, for a bounded time and in a bounded number, until its sender's
 * nonce gap closes. Found by {sender, nonce} and by hash. One thread; memory from the caller's
 * arena.
 */
#ifndef GYR_PARK_H
#define GYR_PARK_H

#include "gyr_intake.h"

struct gyr_parked {
	struct gyr_intake_arrival arrival; /* as the gate filled it */
	struct gyr_intake_finding finding; /* as the verifier found it */
	uint64_t arrival_number;
	uint64_t nonce;
	uint64_t expires_ns; /* monotonic */
	uint32_t older;	     /* in order of parking: entry number + 1, 0 at the ends */
	uint32_t newer;
	uint32_t chain; /* in its bucket; of a free entry: the next free one */
	uint32_t hash_chain;
	uint8_t gate;
	uint8_t *raw; /* arrival.raw_length bytes, its own copy */
};

struct gyr_park {
	struct gyr_parked *entries;
	uint32_t *buckets;	/* by sender and nonce */
	uint32_t *hash_buckets; /* by transaction hash */
	uint64_t bucket_mask;
	uint64_t seed;
	uint32_t entry_count;
	uint32_t raw_size;
	uint32_t free; /* entry number + 1 */
	uint32_t oldest;
	uint32_t newest;
	uint32_t count;
};

/* entry_count transactions of at most raw_size bytes each. */
size_t gyr_park_size(uint32_t entry_count, uint32_t raw_size);
GYR_MUST_USE bool gyr_park_init(struct gyr_park *park, struct gyr_arena *arena,
				uint32_t entry_count, uint32_t raw_size, uint64_t seed);

struct gyr_parked *gyr_park_find(const struct gyr_park *park, const struct gyr_address *sender,
				 uint64_t nonce);

struct gyr_parked *gyr_park_find_hash(const struct gyr_park *park, const struct gyr_hash *hash);

/*
 * Parks a copy; NULL when all entries are taken or raw is longer than raw_size. {sender, nonce}
 * must not be parked yet. The caller fills arrival_number, gate, and calls in order of expires_ns.
 */
struct gyr_parked *gyr_park_add(struct gyr_park *park, const struct gyr_intake_arrival *arrival,
				const struct gyr_intake_finding *finding, const uint8_t *raw,
				uint64_t nonce, uint64_t expires_ns);

/* The one parked first, and so the first to expire; NULL when there is none. */
struct gyr_parked *gyr_park_oldest(const struct gyr_park *park);

void gyr_park_remove(struct gyr_park *park, struct gyr_parked *parked);

#endif
