/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The known stage: makes the tables of known senders' keys, on a cold lane.
 *
 * Gates ask for the tables of addresses that a session had a transaction ordered with. The keys
 * themselves come from the verifiers: each sends the key of what it recovered for a session that
 * still wants tables, before the transaction reaches the sequencer, and so before a gate can ask.
 * Here the latest keys wait, KNOWN_KEY_COUNT at most, by address; a key that is not there any more
 * when it is asked for is simply answered with no table, and comes again with the sender's next
 * transaction. One table is made per poll and KNOWN_BUILD_NS: strangers cannot keep the lane busy.
 *
 * Nothing here can change an outcome: a table only says how fast a signature is checked.
 */
#ifndef PIPELINE_STAGE_KNOWN_H
#define PIPELINE_STAGE_KNOWN_H

#include "gyr_metric.h"
#include "gyr_recover_known.h"
#include "gyr_ring.h"
#include "gyr_sequence.h"
#include "gyr_session.h"
#include "gyr_stage.h"

#define KNOWN_KEY_BITS	    10
#define KNOWN_KEY_COUNT	    (1u << KNOWN_KEY_BITS) /* keys that wait to be asked for */
#define KNOWN_VERIFIERS_MAX GYR_KNOWN_LANE_MAX
#define KNOWN_BUILD_NS	    500000u

/* A verifier to the stage: the key of an address. */
struct known_key {
	struct gyr_address address;
	uint8_t public_key[64];
};

/* The stage to a gate. */
struct known_answer {
	struct gyr_address address;
	uint32_t session;
	uint64_t known; /* 0: no table now */
	bool pinned;
};

/* X(name, text) */
#define KNOWN_COUNTERS(X)                                                                          \
	X(asked, "tables asked for")                                                               \
	X(unseen, "of them, without a table: the key was not at hand, or no slot was free")        \
	X(builds, "tables made")                                                                   \
	X(evictions, "tables taken away for other keys")                                           \
	X(pins, "pins given")                                                                      \
	X(unpins, "pins given back")

struct known_counters {
#define KNOWN_COUNTER_(name, text) _Atomic uint64_t name;
	KNOWN_COUNTERS(KNOWN_COUNTER_)
#undef KNOWN_COUNTER_
};

struct stage_known {
	/* Set by the owner before the first poll. */
	struct gyr_known known;
	struct gyr_spsc *keys[KNOWN_VERIFIERS_MAX];	   /* struct known_key, from verifiers */
	struct gyr_spsc *requests[GYR_SEQUENCE_GATES_MAX]; /* struct gyr_session_key_request */
	struct gyr_spsc *answers[GYR_SEQUENCE_GATES_MAX];  /* struct known_answer */
	unsigned verify_count;
	unsigned gate_count;
	struct known_key *waiting; /* KNOWN_KEY_COUNT, by address; zero: none */
	uint16_t *pins;		   /* of each slot, how many sessions pin it */
	uint64_t place_seed;	   /* secret: where a key waits */

	unsigned gate_next;
	uint32_t pinned_count; /* slots with pins; at most half of them */
	uint64_t build_at_ns;  /* not sooner */
	struct known_counters counters;
};

extern const struct gyr_stage_ops stage_known_ops;

#endif
