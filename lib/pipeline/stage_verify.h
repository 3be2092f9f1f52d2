/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verify stage: claims runs of published slots of any gate, hashes them (what was signed, and
 * the transaction itself) many at once, finds their senders, and publishes its findings. It never
 * waits for company: how many to take of what is pending is the driver's policy. Any number of
 * verifiers work beside each other, each on its own lane or on a shared one.
 *
 * Slots whose sender is probably known (arrival.known names a table) come first: checked one by one
 * while they are few, else in groups, and each published as soon as its check says yes. What is
 * left is recovered in one batch: strangers, wrong guesses, and the undecided ones, so that the
 * verdict is always that of recovery. Keys of recovered senders that a session wants tables of go
 * to the known stage, as far as its ring has room.
 */
#ifndef PIPELINE_STAGE_VERIFY_H
#define PIPELINE_STAGE_VERIFY_H

#include "fault.h"
#include "gyr_intake.h"
#include "gyr_keccak.h"
#include "gyr_recover.h"
#include "gyr_recover_known.h"
#include "gyr_ring.h"
#include "gyr_sequence.h"
#include "gyr_stage.h"

/* X(name, text) */
#define VERIFY_COUNTERS(X)                                                                         \
	X(requests, "signatures looked at")                                                        \
	X(invalid, "signatures that gave no sender")                                               \
	X(known, "signatures settled by a known sender's key")                                     \
	X(known_missed, "checks of a known key that said no: recovered after that")                \
	X(known_undecided, "of them, exceptional cases that only a key's owner can make")          \
	X(known_gone, "keys whose table had been taken away")                                      \
	X(shadow, "verdicts repeated on the reference driver")                                     \
	X(batches, "batches given to the driver")                                                  \
	X(batches_1, "of one signature")                                                           \
	X(batches_2, "of 2")                                                                       \
	X(batches_4, "of 3 and 4")                                                                 \
	X(batches_8, "of 5 to 8")                                                                  \
	X(batches_16, "of 9 to 16")                                                                \
	X(batches_32, "of 17 to 32")                                                               \
	X(batches_64, "of 33 to 64")

struct verify_counters {
#define VERIFY_COUNTER_(name, text) _Atomic uint64_t name;
	VERIFY_COUNTERS(VERIFY_COUNTER_)
#undef VERIFY_COUNTER_
};

/* A claimed slot whose sender is probably known. */
struct verify_known {
	struct gyr_known_check check;
	struct gyr_address address;
	unsigned at; /* in the run */
};

struct stage_verify {
	/* Set by the owner before the first poll. */
	struct gyr_recover recover;
	const struct gyr_keccak_ops *keccak;
	struct pipeline_fault *fault;
	struct gyr_known *known; /* NULL: there are no tables */
	uint32_t lane;		 /* this verifier's, in `known` */
	struct gyr_spsc *keys;	 /* to the known stage; NULL: none */
	struct gyr_intake *gates[GYR_SEQUENCE_GATES_MAX];
	unsigned gate_count;
	unsigned gate_next; /* where the next poll begins: no gate starves */
	uint8_t *scratch;   /* GYR_RECOVER_BATCH_MAX signing payloads of scratch_stride bytes */
	size_t scratch_stride;
	uint8_t *scratch_long; /* one payload of a transaction that lies in the pool */
	size_t scratch_long_size;

	struct verify_counters counters;

	struct gyr_slice messages[2 * GYR_RECOVER_BATCH_MAX];
	struct gyr_hash hashes[2 * GYR_RECOVER_BATCH_MAX];
	struct gyr_recover_request requests[GYR_RECOVER_BATCH_MAX];
	/* Of the run, what its key did not settle. */
	uint8_t rest[GYR_RECOVER_BATCH_MAX];
	unsigned rest_count;
	struct gyr_recover_request asked[GYR_RECOVER_BATCH_MAX];
	struct gyr_address senders[GYR_RECOVER_BATCH_MAX];
	uint8_t public_keys[GYR_RECOVER_BATCH_MAX][64];
	struct verify_known tried[GYR_RECOVER_BATCH_MAX];
};

extern const struct gyr_stage_ops stage_verify_ops;

#endif
