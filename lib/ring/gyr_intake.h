/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intake ring: transactions in exact arrival order from one gate, through any number of
 * verifiers, to the sequencer.
 *
 *   gate       fills the next slot and publishes it            one thread
 *   verifiers  claim runs of published slots in any number,
 *              annotate them, and publish each one             any number of threads
 *   sequencer  takes verified slots strictly in slot order     one thread
 *
 * A slot's own lap-tagged words are its ready flags: `filled` and `verified` hold sequence + 1 of
 * the lap they belong to, so nobody reads a shared cursor to learn whether a slot is ready. A slot
 * has a line written by the gate, a line written by its verifier, and a payload of fixed size in an
 * array of its own. A full ring says so to the gate, which drops and counts.
 */
#ifndef GYR_INTAKE_H
#define GYR_INTAKE_H

#include <stdatomic.h>

#include "gyr_base.h"

/* What a gate says about the key of an arrival's sender. */
enum gyr_intake_key_flags {
	GYR_INTAKE_KEY_WANTED = 1,  /* the session would have a table made of a key it uses */
	GYR_INTAKE_KEY_GUESSED = 2, /* `known` is the gate's guess, not the client's hint */
	GYR_INTAKE_KEY_NONCE = 4,   /* the payload has the client's R.y and 1 / s */
};

/* What came of it, for the session's record. */
enum gyr_intake_key {
	GYR_INTAKE_KEY_NONE = 0, /* no key was tried */
	GYR_INTAKE_KEY_HIT,
	GYR_INTAKE_KEY_MISS,
	GYR_INTAKE_KEY_GONE, /* the table had been taken away */
};

/* What the gate says of an arrival: one cache line. */
struct gyr_intake_arrival {
	alignas(GYR_CACHE_LINE) _Atomic uint64_t filled; /* sequence + 1; gate to verifiers */
	uint64_t client_tag;
	uint64_t receive_utc_ns;
	uint64_t expires_utc_ns; /* 0: never */
	uint64_t known;	  /* table of the key that the sender probably has (lib/recover), 0: none */
	uint32_t session; /* index in the gate's session table */
	uint32_t receive_error_ns;
	uint32_t raw_length; /* bytes of the raw transaction */
	uint32_t pool_index; /* where a transaction too long for a slot lies; UINT32_MAX: in the
				slot */
	uint8_t answers;     /* which answers the client asked for */
	uint8_t key_flags;   /* enum gyr_intake_key_flags */
	uint8_t reserved[6];
};

/* What a verifier found: one cache line. */
struct gyr_intake_finding {
	alignas(GYR_CACHE_LINE) _Atomic uint64_t verified; /* sequence + 1; verifier to sequencer */
	uint8_t verdict;				   /* enum gyr_verdict */
	uint8_t key;					   /* enum gyr_intake_key */
	uint8_t reserved[2];
	struct gyr_address sender;
	struct gyr_hash transaction_hash;
};

_Static_assert(sizeof(struct gyr_intake_arrival) == GYR_CACHE_LINE, "one line");
_Static_assert(sizeof(struct gyr_intake_finding) == GYR_CACHE_LINE, "one line");

struct gyr_intake {
	/* written by the gate alone */
	alignas(GYR_CACHE_LINE) uint64_t fill;
	uint64_t taken_cached;
	/* written by verifiers with compare-and-swap: slots below it are claimed */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t claim;
	/* written by the sequencer: slots below it are taken and may be filled anew */
	alignas(GYR_CACHE_LINE) _Atomic uint64_t taken;
	alignas(GYR_CACHE_LINE) uint64_t mask;
	size_t payload_size;
	struct gyr_intake_arrival *arrivals;
	struct gyr_intake_finding *findings;
	uint8_t *payloads;
};

/* Bytes for slot_count (a power of two) slots with payloads of payload_size bytes. */
size_t gyr_intake_size(uint64_t slot_count, size_t payload_size);

/* Lays an empty ring into memory, aligned to a cache line. payload_size: a multiple of 64. */
struct gyr_intake *gyr_intake_init(void *memory, uint64_t slot_count, size_t payload_size);

static inline struct gyr_intake_arrival *gyr_intake_arrival(const struct gyr_intake *ring,
							    uint64_t sequence)
{
	return &ring->arrivals[sequence & ring->mask];
}

static inline struct gyr_intake_finding *gyr_intake_finding(const struct gyr_intake *ring,
							    uint64_t sequence)
{
	return &ring->findings[sequence & ring->mask];
}

static inline void *gyr_intake_payload(const struct gyr_intake *ring, uint64_t sequence)
{
	return ring->payloads + (sequence & ring->mask) * ring->payload_size;
}

/*
 * Gate: true when a slot is free; *sequence is the slot to fill, the same until it is published, so
 * an arrival that turns out to be garbage costs no slot.
 */
bool gyr_intake_reserve(struct gyr_intake *ring, uint64_t *sequence);

/* Gate: slots that are filled and not taken yet. */
uint64_t gyr_intake_backlog(struct gyr_intake *ring);

/* Gate: the reserved slot is filled; a verifier may have it. */
void gyr_intake_publish(struct gyr_intake *ring);

/*
 * Verifier: claims the oldest unclaimed published slots, count_max (at least 1) at the most, as one
 * run starting at *first; returns how many. 0: nothing is published, or another verifier was
 * faster.
 */
unsigned gyr_intake_claim(struct gyr_intake *ring, uint64_t *first, unsigned count_max);

/* Published slots that nobody has claimed, count_max at the most: to choose a batch size. */
unsigned gyr_intake_pending(const struct gyr_intake *ring, unsigned count_max);

/* Verifier: the finding of this claimed slot is written; the sequencer may have it. */
void gyr_intake_verified(struct gyr_intake *ring, uint64_t sequence);

/* Sequencer: true when the next slot in order is verified; *sequence names it, until it is
 * released. */
bool gyr_intake_peek(const struct gyr_intake *ring, uint64_t *sequence);

/* Sequencer: done with the slot that peek named; the gate may fill it anew. */
void gyr_intake_release(struct gyr_intake *ring);

#endif
