/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequencer: takes verified slots strictly in arrival order, decides each one against its own
 * admission view, and is the log's only writer, block boundaries included. Every arrival that got a
 * slot gets exactly one disposition, in the log: a position, or a reject.
 *
 * Several gates merge by this rule: among the gates whose oldest slot is verified, the one with the
 * earliest receive time goes next; equal times go to the lower gate number.
 *
 * One thread drives it (gyr_sequence_poll). It meets others only through the intake rings (taken),
 * the log ring (written), per gate a ring of events (written) and of queries (taken), and
 * execution's feedback ring (taken). Nothing is decided by the fill of a ring: where one is full
 * the sequencer waits with the slot untouched.
 *
 * Limits: GYR_SEQUENCE_GATES_MAX gates; accounts, the duplicate window and parked transactions as
 * configured. At the high water of the account table, what could make a new account is refused
 * (ADMISSION_TABLE_FULL); a full table is a fatal status.
 */
#ifndef GYR_SEQUENCE_H
#define GYR_SEQUENCE_H

#include "gyr_admission.h"
#include "gyr_arrivals.h"
#include "gyr_duplicate.h"
#include "gyr_intake.h"
#include "gyr_log.h"
#include "gyr_park.h"
#include "gyr_ring.h"
#include "gyr_sequence_message.h"
#include "gyr_txn.h"
#include "gyr_verdict.h"

#define GYR_SEQUENCE_GATES_MAX 16

/* Bytes of the client's verified hints: R's y, then 1 / s, as lib/recover takes them. */
#define GYR_SEQUENCE_NONCE_BYTES 64

/* What lies in an intake slot's payload: the parsed transaction, then its bytes unless in the pool.
 */
struct gyr_sequence_payload {
	struct gyr_txn txn;
	uint8_t nonce[GYR_SEQUENCE_NONCE_BYTES]; /* with GYR_INTAKE_KEY_NONCE; for verifiers */
	alignas(8) uint8_t raw[];
};

/* Authorizations (EIP-7702) of one transaction; a gate refuses more. */
#define GYR_SEQUENCE_AUTHORITIES_MAX 8

/*
 * The last bytes of a slot's payload: who signed each authorization of the transaction, as the
 * verifier recovered them; zero for a tuple that has no effect. Only where there are any.
 */
static inline struct gyr_address *gyr_sequence_authorities(const struct gyr_intake *intake,
							   uint64_t slot)
{
	uint8_t *payload = gyr_intake_payload(intake, slot);

	return (struct gyr_address *)(payload + intake->payload_size) -
	       GYR_SEQUENCE_AUTHORITIES_MAX;
}

/* A gate as the sequencer sees it. */
struct gyr_sequence_gate {
	struct gyr_intake *intake;
	struct gyr_spsc *events;    /* struct gyr_sequence_event, to the gate */
	struct gyr_spsc *queries;   /* struct gyr_sequence_query, from the gate */
	struct gyr_spsc *pool_free; /* uint32_t, to the gate: pool buffers given back */
	const uint8_t *pool; /* buffers of pool_stride bytes for transactions beyond a slot */
	size_t pool_stride;
};

/* An ordered transaction with authorizations, until it is executed. */
struct gyr_sequence_authorization {
	uint64_t position;
	uint32_t count;
	struct gyr_address authorities[GYR_SEQUENCE_AUTHORITIES_MAX];
};

#define GYR_SEQUENCE_AUTHORIZATIONS_MAX 256 /* in flight; a power of two */

struct gyr_sequence_conf {
	uint64_t account_count_max;
	uint64_t duplicate_count;     /* window of the duplicate index, a power of two */
	uint32_t park_count;	      /* transactions parked at once */
	uint32_t park_raw_size;	      /* longest transaction that is parked, bytes */
	uint32_t park_per_sender_max; /* up to 255 */
	uint64_t park_nonce_gap_max;
	uint64_t park_time_ns;
	uint64_t mini_block_ns;
	uint32_t block_s; /* seconds from one EVM block to the next */
	uint64_t block_gas_limit;
	uint32_t block_tx_max;	    /* transactions in an EVM block */
	uint64_t block_bytes_max;   /* of its transactions, raw */
	struct gyr_txn_rules rules; /* that parked transactions are parsed with again */
	struct gyr_address fee_recipient;
	uint64_t undurable_bytes_max; /* beyond it no slot is taken */
	uint64_t undurable_ns_max;
	uint64_t seed[4]; /* unpredictable: of the tables' hashes, and of prev_randao */
};

/* X(name, text): written by the sequencer's lane, plain words for others to read relaxed. */
#define GYR_SEQUENCE_COUNTERS(X)                                                                   \
	X(slots, "slots taken")                                                                    \
	X(ordered, "transactions given a position")                                                \
	X(rejected, "arrivals rejected")                                                           \
	X(parked, "transactions parked")                                                           \
	X(released, "parked transactions put in order")                                            \
	X(duplicates, "resubmissions answered again")                                              \
	X(mini_blocks, "mini-blocks closed")                                                       \
	X(evm_blocks, "EVM blocks opened")                                                         \
	X(commits, "commit points")                                                                \
	X(stalled_log, "polls that found no room in the log ring")                                 \
	X(stalled_events, "polls that found a gate's event ring full")                             \
	X(stalled_undurable, "polls that took nothing: too much is not durable yet")

struct gyr_sequence_counters {
#define GYR_SEQUENCE_COUNTER_(name, text) _Atomic uint64_t name;
	GYR_SEQUENCE_COUNTERS(GYR_SEQUENCE_COUNTER_)
#undef GYR_SEQUENCE_COUNTER_
	_Atomic uint64_t rejected_by[256]; /* by verdict */
};

/* The open block and mini-block, and where they stand. */
struct gyr_sequence_block {
	uint64_t number; /* of the open EVM block; 0: none is open yet */
	uint64_t timestamp_s;
	uint64_t gas_reserved;	 /* limits of what is ordered, used gas of what is executed */
	uint64_t due_ns;	 /* monotonic: when the next one opens */
	uint64_t base_fee_bound; /* the highest that the open block's base fee can be */
	uint64_t byte_count;
	uint32_t tx_count;
	uint32_t mini_count;
	uint64_t mini_number; /* of the open mini-block, since genesis */
	uint64_t mini_due_ns;
	uint32_t mini_tx_count;
};

/*
 * Arrivals that the log gave no disposition before a crash (parked ones): at the next start they
 * are rejected in the log as LOST_AT_RESTART, so that arrival numbers stay dense.
 */
#define GYR_SEQUENCE_LOST_MAX 65536 /* at least; park_count where that is more */

struct gyr_sequence {
	struct gyr_sequence_conf conf;
	struct gyr_log *log;
	struct gyr_spsc *feedback; /* struct gyr_feedback, from execution */
	/* Written by the wal: the committed position at which it would write one more block at
	 * once; read relaxed, a hint about load. NULL: commit every turn. */
	const _Atomic uint64_t *commit_takes_at;
	struct gyr_sequence_gate gates[GYR_SEQUENCE_GATES_MAX];
	unsigned gate_count;

	struct gyr_admission admission;
	struct gyr_duplicate duplicate;
	struct gyr_park park;
	struct gyr_sequence_block block;

	/* In log order; execution answers in that order. */
	struct gyr_sequence_authorization authorizations[GYR_SEQUENCE_AUTHORIZATIONS_MAX];
	uint32_t authorization_first;
	uint32_t authorization_count;

	uint64_t arrival_next;
	struct gyr_arrivals arrivals; /* while replaying */
	bool replayed_any;
	bool stopping;
	uint64_t undurable_position; /* the log's tail when everything was last found durable */
	uint64_t undurable_since_ns;
	uint64_t commit_ns; /* of the last commit point */
	uint64_t random[4];

	/* A sender whose next nonce may be parked: looked at before a new slot is taken. */
	bool release_pending;
	struct gyr_address release_sender;
	uint64_t release_arrival;

	struct gyr_sequence_counters counters;
};

size_t gyr_sequence_size(const struct gyr_sequence_conf *conf);

/*
 * Carves tables from the arena. log, feedback and gates must outlive it. -GYR_ERR_MEMORY when the
 * arena is too small, -GYR_ERR_CONFIG for a value out of its bounds.
 */
GYR_MUST_USE int gyr_sequence_init(struct gyr_sequence *sequence, struct gyr_arena *arena,
				   const struct gyr_sequence_conf *conf, struct gyr_log *log,
				   struct gyr_spsc *feedback, const struct gyr_sequence_gate *gates,
				   unsigned gate_count);

/*
 * Recovery, before the first poll and before gyr_log_start: every record of the log in order, then
 * the results of its transactions (in log order, as far as they are known), then every account of
 * the executed state, then gyr_sequence_start.
 *
 * A log that is not read from its beginning is read from a record that opens an EVM block; what
 * held there is told first.
 */
GYR_MUST_USE int gyr_sequence_resume(struct gyr_sequence *sequence, uint64_t arrival_next,
				     struct gyr_slice undecided, uint64_t mini_number);
GYR_MUST_USE int gyr_sequence_replay(struct gyr_sequence *sequence,
				     const struct gyr_log_record *record);
void gyr_sequence_replay_result(struct gyr_sequence *sequence, const struct gyr_feedback *result);
GYR_MUST_USE int gyr_sequence_load(struct gyr_sequence *sequence, const struct gyr_address *address,
				   uint64_t nonce, const struct gyr_u256 *balance,
				   uint8_t account_flags);

/* What execution knows at the end of recovery: of the open block, or of genesis. */
struct gyr_sequence_executed {
	uint64_t block_number;
	uint64_t gas_used; /* in the open block */
	uint64_t base_fee; /* of the open block; of block 1 where none is open */
};

/*
 * After gyr_log_start: rejects lost arrivals in the log, opens the first block where none is open.
 * -GYR_ERR_LIMIT when the log ring is too small for that.
 */
GYR_MUST_USE int gyr_sequence_start(struct gyr_sequence *sequence,
				    const struct gyr_sequence_executed *executed, uint64_t now_ns,
				    uint64_t utc_ns);

/* The first arrival number that the log has not given away, for gyr_log_start. */
static inline uint64_t gyr_sequence_arrival_next(const struct gyr_sequence *sequence)
{
	return sequence->arrival_next;
}

/*
 * One turn: takes feedback in, opens and closes blocks, expires parked transactions, takes up to
 * budget slots, and ends with a commit point. Returns slots taken and boundaries written; *stalled
 * says that a slot waits for room downstream. -GYR_ERR_LIMIT: the account table is full, stop.
 */
GYR_MUST_USE int gyr_sequence_poll(struct gyr_sequence *sequence, bool *stalled, uint64_t now_ns,
				   uint64_t utc_ns, unsigned budget);

/* Stopping: parked transactions are rejected (STOPPING) and the open mini-block is closed. */
void gyr_sequence_stop(struct gyr_sequence *sequence);

/* True once no slot waits, nothing is parked, and everything written is committed. */
bool gyr_sequence_drained(const struct gyr_sequence *sequence);

#endif
