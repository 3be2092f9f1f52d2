/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of order entry, as a market maker would embed it: one session with one gate
 * over one device of lib/netdev. It says HELLO until it is welcome, gathers submissions into
 * datagrams, hands answers to callbacks, asks again for answer datagrams that are missing, and says
 * HELLO again when the gate has gone, with the epoch that it knew, so that it learns what is void.
 *
 *	gyr_client_init(&client, &arena, &conf, device, &events, context);
 *	for (;;) {
 *		gyr_client_poll(client, &time);		callbacks come from here, and only from here
 *		if (gyr_client_connected(client)) {
 *			gyr_client_submit(client, &submission, &time);	as many as are to share a
 *			gyr_client_submit(client, &submission, &time);	datagram …
 *			gyr_client_flush(client);			… and off it goes
 *		}
 *	}
 *
 * It keeps no transactions: what must be sent again, the caller sends again (the same bytes: the
 * gate gives what was ordered its first answer again). One thread. No allocation after init.
 *
 * Limits: GYR_CLIENT_GAPS_MAX ranges of missing answers at a time; what is missing beyond them, or
 * after GYR_CLIENT_ATTEMPTS requests, is reported as lost: STATUS tells what became of it.
 */
#ifndef GYR_CLIENT_H
#define GYR_CLIENT_H

#include "gyr_base.h"
#include "gyr_netdev.h"
#include "gyr_verdict.h"

#define GYR_CLIENT_GAPS_MAX 32
#define GYR_CLIENT_ATTEMPTS 8

struct gyr_wire_welcome;
struct gyr_wire_ordered;
struct gyr_wire_durable;
struct gyr_wire_executed;
struct gyr_wire_skipped;
struct gyr_wire_rejected;
struct gyr_wire_status_reply;
struct gyr_wire_pong;
struct gyr_wire_void;
struct gyr_wire_rate;
struct gyr_wire_key;

struct gyr_client_conf {
	struct gyr_endpoint gate;
	uint64_t nonce;		   /* unpredictable: tells this client's HELLO apart */
	uint32_t hello_retry_ms;   /* 0: 100 */
	uint32_t ping_interval_ms; /* 0: 50; also shows answers lost at the end of a burst */
	uint32_t silence_ms;	   /* 0: 1000; a gate silent for so long is gone */
	uint32_t linger_us;	   /* 0: 1000; a gap may be mere reordering for so long */
};

/*
 * Answers, as they come: structs of gyr_wire.h, valid during the call. Any may be NULL. Submitting
 * from within is allowed, polling is not.
 */
struct gyr_client_events {
	/* A session stands; what is void of older epochs follows as `voided`. */
	void (*connected)(void *context, const struct gyr_wire_welcome *welcome);
	/* The session is gone: OK for silence, else the gate's reason. HELLO is on its way. */
	void (*disconnected)(void *context, enum gyr_verdict reason);
	void (*voided)(void *context, const struct gyr_wire_void *message);
	void (*ordered)(void *context, const struct gyr_wire_ordered *message, bool again);
	void (*durable)(void *context, const struct gyr_wire_durable *message);
	void (*executed)(void *context, const struct gyr_wire_executed *message, bool early);
	void (*skipped)(void *context, const struct gyr_wire_skipped *message, bool early);
	void (*rejected)(void *context, const struct gyr_wire_rejected *message);
	void (*status)(void *context, const struct gyr_wire_status_reply *message);
	void (*pong)(void *context, const struct gyr_wire_pong *message);
	void (*rate)(void *context, const struct gyr_wire_rate *message);
	/* The gate is ready for a key: hints may name it. Indices end with the session. */
	void (*key)(void *context, const struct gyr_wire_key *message);
	/* Answer datagrams that will not come any more. */
	void (*lost)(void *context, uint32_t first_sequence, uint32_t count);
};

struct gyr_client_submission {
	uint64_t client_tag;
	uint64_t expires_at_ns; /* UTC of the gate; 0: never */
	struct gyr_slice raw;	/* what does not fit a datagram goes in chunks */
	struct gyr_slice hint;
	struct gyr_hash hash; /* needed for chunks only */
	uint8_t answers;      /* enum gyr_wire_answers_bits */
	uint8_t hint_kind;    /* enum gyr_wire_hint */
};

#define GYR_CLIENT_HINT_MAX    68
#define GYR_CLIENT_NO_KEY      UINT32_MAX
#define GYR_CLIENT_NONCE_BYTES 64

/*
 * Makes a submission's hint in `room`: the index of the sender's key as KEY told it (or
 * GYR_CLIENT_NO_KEY), and the signature's R.y and 1 / s (GYR_CLIENT_NONCE_BYTES, or NULL), which a
 * signer knows and gyr_secp_hint computes. The hint points into `room`.
 */
void gyr_client_hint(struct gyr_client_submission *submission, uint8_t room[GYR_CLIENT_HINT_MAX],
		     uint32_t key_index, const uint8_t *nonce);

#define GYR_CLIENT_COUNTERS(X)                                                                     \
	X(hellos, "HELLO sent")                                                                    \
	X(sessions, "sessions opened")                                                             \
	X(datagrams_sent, "datagrams sent in a session")                                           \
	X(datagrams_refused, "datagrams that the device did not take: not sent")                   \
	X(datagrams_received, "answer datagrams looked at")                                        \
	X(ignored, "datagrams of strangers, malformed ones and repetitions")                       \
	X(missing, "answer datagrams found missing")                                               \
	X(rerequests, "REREQUEST sent")                                                            \
	X(repaired, "answer datagrams that came late or again")                                    \
	X(lost, "answer datagrams given up")

struct gyr_client_counters {
#define GYR_CLIENT_COUNTER_(name, text) uint64_t name;
	GYR_CLIENT_COUNTERS(GYR_CLIENT_COUNTER_)
#undef GYR_CLIENT_COUNTER_
};

struct gyr_client;

size_t gyr_client_arena_size(void);

/* The device stays the caller's, is driven by this client alone and outlives it. Errors: MEMORY. */
GYR_MUST_USE int gyr_client_init(struct gyr_client **client, struct gyr_arena *arena,
				 const struct gyr_client_conf *conf, struct gyr_netdev *device,
				 const struct gyr_client_events *events, void *context);

/* Receives a burst, calls back, sends what is due. Returns datagrams received. Never blocks. */
unsigned gyr_client_poll(struct gyr_client *client, const struct gyr_netdev_time *time);

bool gyr_client_connected(const struct gyr_client *client);

/*
 * Appends a submission to the datagram in the making, flushing the one before where it does not
 * fit. False, and nothing is sent: not connected, too long, or the device takes nothing now.
 */
bool gyr_client_submit(struct gyr_client *client, const struct gyr_client_submission *submission);

/* Appends STATUS; as gyr_client_submit. */
bool gyr_client_status(struct gyr_client *client, uint64_t client_tag, const struct gyr_hash *hash);

/* Sends the datagram in the making, if any. False when the device takes nothing: it is kept. */
bool gyr_client_flush(struct gyr_client *client);

/* GOODBYE; the client then stays silent. */
void gyr_client_close(struct gyr_client *client);

const struct gyr_client_counters *gyr_client_counters(const struct gyr_client *client);

#endif
