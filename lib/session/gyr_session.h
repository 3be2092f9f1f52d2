/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's side of order entry (lib/wire/order_entry.toml): who the clients are, what they may
 * do, what came in a datagram, and which answers go out to whom.
 *
 * One table belongs to one gate and is driven by the gate's lane alone. It does no I/O but through
 * the device given to gyr_session_flush, has no clock but the times handed in, and takes all its
 * memory from the arena at init. A turn of the gate looks like this:
 *
 *	count = gyr_netdev_rx(device, datagrams, budget, &time);
 *	for (i = 0; i < count; i++) {
 *		gyr_session_receive(table, &input, &datagrams[i], &time);
 *		for each input.submissions[k]
 *			no intake slot ? gyr_session_rejected(table, s->session, s->client_tag, 0,
 *							      GYR_VERDICT_RING_FULL, NULL)
 *				       : copy s->raw, session, client_tag, answers, expiry, hint
 *		for each input.queries[k]
 *			gyr_session_status(table, query.session, &what_is_known);
 *	}
 *	for each answer that came over the rings from sequence and exec
 *		gyr_session_ordered | _executed | _skipped | _rejected | _status(table, ...);
 *	if the durable position moved
 *		gyr_session_durable(table, epoch, position);
 *	gyr_session_flush(table, device, &time, idle);	    once, at the end of the turn
 *	(void)gyr_netdev_flush(device);
 *	about 1 kHz: gyr_session_tick(table, &time);
 *
 * Slices in an input point into the datagram, or into a chunk assembly of the table: they hold
 * until the next gyr_session_receive. A session handle (uint32_t) may be kept as long as one
 * likes: answers to a session that ended go nowhere and are counted.
 *
 * Limits, and what happens there: sessions (SESSION_LIMIT), sessions per address (the same),
 * messages per datagram (the rest is refused, MESSAGE_FIELD), messages per second (RATE_LIMITED),
 * chunk assemblies (CHUNK_LIMIT, CHUNK_EXPIRED), answer history (the oldest go; HISTORY_GONE),
 * answers that the device does not take (they wait in the history, and are counted as lost when
 * they leave it unsent: the client sees the gap).
 */
#ifndef GYR_SESSION_H
#define GYR_SESSION_H

#include "gyr_base.h"
#include "gyr_netdev.h"
#include "gyr_verdict.h"

/* Messages of one datagram that are looked at. */
#define GYR_SESSION_MESSAGES_MAX 64
/* Past epochs whose cuts are remembered. */
#define GYR_SESSION_EPOCHS_MAX 64
/* No session: never handed out. */
#define GYR_SESSION_NONE 0u

/* gyr_session_conf_default fills all but the first two; what is off is asserted at init. */
struct gyr_session_conf {
	uint64_t chain_id;		/* told in WELCOME */
	uint8_t secret[32];		/* unpredictable: cookies and session numbers */
	uint32_t session_count_max;	/* a power of two, at most 32768 */
	uint32_t sessions_per_address;	/* at most, of one IP address */
	uint32_t rate;			/* messages/s of a session, 1 to 1e9 */
	uint32_t burst;			/* messages at once */
	uint32_t unproven_rate;		/* datagrams/s answered of all unproven sources together */
	uint32_t unproven_burst;	/* datagrams at once */
	uint32_t history_bytes;		/* of a session, at least four longest datagrams */
	uint32_t history_count_max;	/* datagrams of a session, a power of two */
	uint32_t chunked_count_max;	/* assemblies in all; 128 KiB each */
	uint32_t chunked_per_session;	/* assemblies of one session */
	uint32_t chunk_timeout_ms;	/* from CHUNK_BEGIN to the last chunk, at most 65535 */
	uint32_t transaction_bytes_max; /* of one SUBMIT */
	uint32_t idle_timeout_ms;	/* a silent session ends */
	uint32_t cookie_rotation_ms;	/* a cookie is good for one to two of these */
	uint32_t hold_us;		/* DURABLE and EXECUTED may wait so long under load */
	uint32_t key_count_max;		/* known keys of a session, up to 256; 0: none */
	uint32_t key_pinned;		/* of them, the first so many are never evicted */
};

struct gyr_session_table;

/* A transaction to be given to the intake ring. */
struct gyr_submission {
	uint64_t client_tag;
	uint64_t expires_at_ns; /* UTC; 0: never */
	struct gyr_slice raw;	/* 1 to transaction_bytes_max bytes, to 128 KiB when chunked */
	uint64_t known;		/* table of the key that the sender probably has; 0: none */
	const uint8_t *nonce;	/* the client's R.y and 1 / s, 32 bytes each; NULL: not given */
	const struct gyr_hash *declared_hash; /* chunked: must equal keccak256(raw), else
						 CHUNK_MISMATCH; NULL otherwise */
	uint32_t session;
	uint8_t answers;   /* enum gyr_wire_answers_bits */
	uint8_t key_flags; /* enum gyr_intake_key_flags */
	uint16_t index;	   /* of the message in its datagram */
};

/* STATUS: somebody who knows must answer with gyr_session_status. */
struct gyr_session_query {
	uint64_t client_tag;
	struct gyr_hash hash;
	uint32_t session;
};

/* What one datagram asks for. */
struct gyr_session_input {
	unsigned submission_count;
	unsigned query_count;
	struct gyr_submission submissions[GYR_SESSION_MESSAGES_MAX];
	struct gyr_session_query queries[GYR_SESSION_MESSAGES_MAX];
};

/* A transaction that got its place. */
struct gyr_session_order {
	uint64_t client_tag;
	uint64_t position;	 /* in the log */
	uint64_t arrival;	 /* its own arrival number */
	uint64_t released_by;	 /* arrival at which it was ordered; equal unless it was parked */
	uint64_t received_at_ns; /* UTC */
	uint32_t received_error_ns;
	uint32_t epoch;
	uint8_t clock;	 /* enum gyr_netdev_clock */
	uint8_t answers; /* as submitted */
	bool again;	 /* a resubmission: this is the first order */
};

/* A transaction that was executed. */
struct gyr_session_result {
	uint64_t client_tag;
	uint64_t position;
	uint64_t gas_used;
	uint64_t block_number;
	struct gyr_hash logs_hash; /* keccak256 of the RLP list of logs */
	uint32_t epoch;
	uint32_t mini_block;
	uint8_t status; /* receipt status, 0 or 1 */
	bool early;	/* not durable yet */
};

/* What is known about a hash. */
struct gyr_session_status {
	uint64_t client_tag;
	struct gyr_hash hash;
	uint64_t position;
	uint64_t arrival;
	uint64_t gas_used;
	uint64_t block_number;
	uint32_t epoch;
	uint8_t state;	/* enum gyr_wire_state */
	uint8_t reason; /* enum gyr_verdict, for SKIPPED and REJECTED */
	uint8_t status; /* receipt status, for EXECUTED */
	bool durable;
};

/* X(name, text): written by the gate's lane; plain words, to be copied into metrics by it. */
#define GYR_SESSION_COUNTERS(X)                                                                    \
	X(datagrams, "datagrams looked at")                                                        \
	X(messages, "messages looked at")                                                          \
	X(submissions, "transactions handed on")                                                   \
	X(queries, "STATUS handed on")                                                             \
	X(refused, "messages and datagrams refused, whatever the reason")                          \
	X(rate_limited, "messages refused for a session's rate")                                   \
	X(unproven_limited, "datagrams of unproven sources beyond their bucket: not answered")     \
	X(unproven_silent, "answers left out so as not to amplify")                                \
	X(cookie_bad, "HELLO with a wrong or old cookie")                                          \
	X(sessions_opened, "sessions opened")                                                      \
	X(sessions_closed, "sessions ended, for whatever reason")                                  \
	X(sequence_missing, "client sequences that never came")                                    \
	X(sequence_repeated, "datagrams dropped: sequence seen before or too old")                 \
	X(chunk_begun, "chunk assemblies begun")                                                   \
	X(chunk_completed, "chunk assemblies completed")                                           \
	X(chunk_expired, "chunk assemblies that ran out of time")                                  \
	X(answers, "answer messages queued")                                                       \
	X(answers_lost, "answers to sessions that had ended")                                      \
	X(datagrams_sent, "answer datagrams sent")                                                 \
	X(datagrams_unsent, "answer datagrams that left the history before the device took them")  \
	X(keys_told, "known keys told to their sessions")                                          \
	X(keys_off, "sessions whose hints, or guesses, were wrong too often to be tried on")       \
	X(rerequested, "answer datagrams sent again")                                              \
	X(bytes_unproven_in, "payload bytes of unproven sources")                                  \
	X(bytes_unproven_out, "payload bytes to unproven sources; never more than came")

struct gyr_session_counters {
#define GYR_SESSION_COUNTER_(name, text) uint64_t name;
	GYR_SESSION_COUNTERS(GYR_SESSION_COUNTER_)
#undef GYR_SESSION_COUNTER_
};

void gyr_session_conf_default(struct gyr_session_conf *conf);

/* Bytes that gyr_session_init carves for this configuration, alignment included. */
size_t gyr_session_arena_size(const struct gyr_session_conf *conf, uint32_t payload_max);

/*
 * Makes a table in the arena. payload_max is the longest UDP payload of the device, both ways
 * (gyr_netdev_info.payload_max4 or 6, the smaller), at least 512 bytes. Errors: MEMORY when the
 * arena is too small; CONFIG for a value out of its bounds.
 */
GYR_MUST_USE int gyr_session_init(struct gyr_session_table **table, struct gyr_arena *arena,
				  const struct gyr_session_conf *conf, uint32_t payload_max);

/*
 * Names the epochs of the log, oldest first, the serving one last: epoch e starts at a position,
 * and what older epochs said of that position or beyond is void. Called at start-up for every
 * epoch that recovery found and for the new one. Epochs grow; the 64 youngest are kept.
 */
void gyr_session_epoch(struct gyr_session_table *table, uint32_t epoch, uint64_t start_position);

/*
 * Looks at one datagram: what it asks for comes out in *input (both counts are set), answers that
 * need nobody else are queued. Never fails: bad data is answered as far as its sender is proven.
 */
void gyr_session_receive(struct gyr_session_table *table, struct gyr_session_input *input,
			 const struct gyr_datagram *datagram, const struct gyr_netdev_time *time);

/*
 * Call it for every submission that is ordered, whatever answers it wanted: queues ORDERED where
 * wanted, and remembers where DURABLE is awaited.
 */
void gyr_session_ordered(struct gyr_session_table *table, uint32_t handle,
			 const struct gyr_session_order *order);

/* The log is durable below position: queues DURABLE to every session that awaits part of it. */
void gyr_session_durable(struct gyr_session_table *table, uint32_t epoch, uint64_t position);

/*
 * Known keys (gyr_recover_known.h). A session's own list of them: a key comes into it when a
 * transaction of the session is ordered with it, never from a packet; its table is then asked for,
 * and once that is there the client is told its index. A submission's hint selects an entry;
 * without a hint the key ordered last is the guess. Hits and misses are counted apart for hints and
 * for guesses; GYR_KNOWN_MISSES_IN_ROW misses in a row end trying, for that session. When the list
 * is full, a new key takes the place of one whose table was evicted, or goes without.
 */

/* Something to be asked of the lane that makes tables. */
struct gyr_session_key_request {
	struct gyr_address address;
	uint32_t session;
	uint64_t release; /* not 0: this pinned table is free to go; nothing else holds */
	bool pinned;
};

/*
 * What came of the key that a submission was given: `key` (enum gyr_intake_key) and key_flags as
 * its slot had them. sender: it was ordered, of this sender; NULL: it was not.
 */
void gyr_session_key_settled(struct gyr_session_table *table, uint32_t handle,
			     const struct gyr_address *sender, uint8_t key, uint8_t key_flags,
			     uint64_t now_ns);

/* The oldest request, or NULL; gyr_session_key_requested takes it off. */
const struct gyr_session_key_request *gyr_session_key_request(
	const struct gyr_session_table *table);
void gyr_session_key_requested(struct gyr_session_table *table);

/*
 * The answer to a request: the table's handle, 0 when there is none now (it is asked for again at a
 * later transaction). A pinned table that nobody wants any more is released by a request: call it
 * at most GYR_SESSION_KEY_ANSWERS_MAX times between two looks at gyr_session_key_request that found
 * nothing.
 */
#define GYR_SESSION_KEY_ANSWERS_MAX 64
void gyr_session_key_answer(struct gyr_session_table *table, uint32_t handle,
			    const struct gyr_address *address, uint64_t known, bool pinned,
			    uint64_t now_ns);

/* Queues EXECUTED. The caller keeps to what was asked: once durable, or early and marked so. */
void gyr_session_executed(struct gyr_session_table *table, uint32_t handle,
			  const struct gyr_session_result *result);

/* Queues SKIPPED: of *result client_tag, epoch, position, block_number and early are taken. */
void gyr_session_skipped(struct gyr_session_table *table, uint32_t handle,
			 const struct gyr_session_result *result, enum gyr_verdict reason);

/* Queues REJECTED. arrival 0: it got none; hash NULL: not known. */
void gyr_session_rejected(struct gyr_session_table *table, uint32_t handle, uint64_t client_tag,
			  uint64_t arrival, enum gyr_verdict reason, const struct gyr_hash *hash);

/* Queues STATUS_REPLY. */
void gyr_session_status(struct gyr_session_table *table, uint32_t handle,
			const struct gyr_session_status *status);

/*
 * Sends what is due: ORDERED, REJECTED and replies at once, DURABLE and EXECUTED when idle, when
 * they waited hold_us, or with whatever goes anyway. Returns datagrams reserved and committed; the
 * caller flushes the device. Bounded by the device's room; the rest goes next time.
 */
unsigned gyr_session_flush(struct gyr_session_table *table, struct gyr_netdev *device,
			   const struct gyr_netdev_time *time, bool idle);

/* Housekeeping, about 1 kHz: rotates the cookie secret, ends idle sessions and stale assemblies, a
 * bounded number per call. */
void gyr_session_tick(struct gyr_session_table *table, const struct gyr_netdev_time *time);

/* True once nothing waits to be sent. */
bool gyr_session_drained(const struct gyr_session_table *table);

/* Queues CLOSED{reason} to every session and ends them once it is sent (server stop). */
void gyr_session_close_all(struct gyr_session_table *table, enum gyr_verdict reason);

const struct gyr_session_counters *gyr_session_counters(const struct gyr_session_table *table);

/* Sessions open now. */
unsigned gyr_session_count(const struct gyr_session_table *table);

#endif
