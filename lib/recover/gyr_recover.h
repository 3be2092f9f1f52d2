/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recovery class: from signatures to senders, many at a time. A driver (drivers/recover/…) is a
 * table of functions over a context that the caller owns; a context belongs to one thread, drivers
 * share nothing that changes after init. Batches hold 1 to 64 requests. Every driver is a total
 * function: any bytes may be asked, and the answer is a bit mask of the lanes that recover to a
 * key.
 *
 * What a driver answers is exactly what libsecp256k1 answers to secp256k1_ecdsa_recover: r and s in
 * 1…n-1, high s accepted, parity 0 to 3, where bit 1 says that R's x is r + n. Ethereum's stricter
 * rules (EIP-2's low s, parity 0 or 1) are the transaction layer's. Time depends on the input:
 * signatures are public.
 *
 * struct gyr_recover is what a verify lane uses: one chosen driver with its context, the portable
 * reference beside it, and the shadow check between the two.
 */
#ifndef GYR_RECOVER_H
#define GYR_RECOVER_H

#include "gyr_base.h"

#define GYR_RECOVER_BATCH_MAX	 64
#define GYR_RECOVER_SEED_LENGTH	 32
#define GYR_RECOVER_REASON_MAX	 192
#define GYR_RECOVER_SHADOW_EVERY 1000 /* the default of configurations */

/* One question, two cache lines. All numbers big-endian, as they lie in a transaction. */
struct gyr_recover_request {
	alignas(64) uint8_t hash[32]; /* what was signed; may exceed the group order */
	uint8_t r[32];
	uint8_t s[32];
	uint8_t parity;	      /* 0..3; bit 0: R's y is odd, bit 1: R's x is r + n */
	uint8_t reserved[31]; /* not read */
};

_Static_assert(sizeof(struct gyr_recover_request) == 128, "two cache lines");

struct gyr_recover_ops {
	const char *name;
	/*
	 * True for a driver that does not do the arithmetic (stub). It is never chosen unless
	 * forced by name, and is exempt from the self-test and the shadow check.
	 */
	bool counterfeit;
	/* Bytes of a context, to be aligned to 64. */
	size_t (*context_size)(void);
	/*
	 * Makes a context. The seed is secret randomness of this process: it places the point at
	 * which vector drivers start their sums, so that nobody can aim at an exceptional addition.
	 * 0, or -GYR_ERR_UNSUPPORTED with a cause when this machine lacks what the driver needs.
	 * Cold: may take tens of milliseconds and build tables.
	 */
	int (*init)(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH]);
	/*
	 * Recovers count (1..64) signatures. Bit i of the result is set when request i recovers;
	 * then address[i], and public_key[i] (x and y, big-endian) unless public_key is NULL, are
	 * written. Where the bit is clear they are set to zero.
	 */
	uint64_t (*batch)(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			  const struct gyr_recover_request *in, unsigned count);
	void (*fini)(void *context);
	/*
	 * How many of `pending` (at least 1) requests to pass to the next batch so that none waits
	 * for company: 1..min(pending, 64).
	 */
	unsigned (*take)(unsigned pending);
};

struct gyr_recover {
	const struct gyr_recover_ops *ops;
	const struct gyr_recover_ops *reference;
	void *context;
	void *reference_context;
	uint64_t shadow_every; /* 0: no shadow check */
	uint64_t shadow_left;  /* requests until the next one is repeated */
	/* Counters for metrics; written by the owning thread. */
	uint64_t request_count;
	uint64_t valid_count;
	uint64_t shadow_count;
	/* Why the driver is not the first candidate, as a sentence for the log; "" when it is. */
	char reason[GYR_RECOVER_REASON_MAX];
};

struct gyr_recover_conf {
	/* In order of preference. */
	const struct gyr_recover_ops *const *candidates;
	unsigned candidate_count;
	/* The portable driver: fallback, self-test's peer, and shadow. Must work everywhere. */
	const struct gyr_recover_ops *reference;
	/* The only driver that will do, by name; NULL or "auto" for the best that works. */
	const char *forced;
	/* One request in this many is repeated on the reference; 0 for none, 1 for all. */
	uint64_t shadow_every;
	uint8_t seed[GYR_RECOVER_SEED_LENGTH];
	/* These drivers passed the self-test in this process: it is not run again. */
	bool tested;
};

/*
 * Chooses a driver: the first candidate that initialises here and passes the self-test, else the
 * reference with recover->reason saying why. Carves both contexts from the arena, which must
 * outlive it; gyr_recover_memory says how much is needed. Fails with GYR_ERR_UNSUPPORTED when a
 * forced driver cannot run, GYR_ERR_CONFIG when there is no such driver, GYR_ERR_MISMATCH when a
 * forced driver or the reference itself fails the self-test, GYR_ERR_MEMORY. Cold.
 */
GYR_MUST_USE int gyr_recover_init(struct gyr_recover *recover, struct gyr_arena *arena,
				  const struct gyr_recover_conf *conf);

/* Bytes that gyr_recover_init carves at most, alignment included. */
size_t gyr_recover_memory(const struct gyr_recover_conf *conf);

void gyr_recover_fini(struct gyr_recover *recover);

/*
 * Recovers count (1..64) requests as ops->batch does, bit mask to *valid; public_key may be NULL.
 * When a request is due for the shadow check it is repeated on the reference before this returns.
 * -GYR_ERR_MISMATCH when the two differ: nothing of this batch may be used, and the server stops.
 */
GYR_MUST_USE int gyr_recover_batch(struct gyr_recover *recover, uint64_t *valid,
				   struct gyr_address *address, uint8_t (*public_key)[64],
				   const struct gyr_recover_request *in, unsigned count);

/*
 * For verdicts reached otherwise (known senders): repeats one request on the reference when it is
 * due. accepted says whether `address` was taken for the sender; a key check that says no to one
 * key says nothing about others, so there only "recovers to address" being false is compared.
 * -GYR_ERR_MISMATCH when the reference differs.
 */
GYR_MUST_USE int gyr_recover_shadow(struct gyr_recover *recover,
				    const struct gyr_recover_request *in, bool accepted,
				    const struct gyr_address *address);

/* How many of `pending` requests to take now; see gyr_recover_ops. */
static inline unsigned gyr_recover_take(const struct gyr_recover *recover, unsigned pending)
{
	return recover->ops->take(pending);
}

/*
 * Runs the fixed vectors through an initialised driver in several batch sizes and positions and
 * compares with what is known to be right, and with the reference (already initialised). 0, or
 * -GYR_ERR_MISMATCH with the driver, vector and batch size in the cause.
 */
GYR_MUST_USE int gyr_recover_self_test(const struct gyr_recover_ops *ops, void *context,
				       const struct gyr_recover_ops *reference,
				       void *reference_context);

#endif
