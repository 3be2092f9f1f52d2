/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session table from inside. One thread; every array is carved at init and never grows.
 *
 *	table.c		init, finding, opening and ending sessions, housekeeping
 *	receive.c	what a datagram asks for
 *	chunk.c		transactions in chunks
 *	keys.c		known keys
 *	answer.c	answers, their history, sending
 */
#ifndef TABLE_H
#define TABLE_H

#include "gyr_intake.h"
#include "gyr_recover_known.h"
#include "gyr_session.h"
#include "gyr_wire.h"
#include "siphash.h"

#define NONE		   UINT32_MAX
#define REPLY_COUNT_MAX	   64  /* answers to unproven addresses per turn; a power of two */
#define REPLY_BYTES_MAX	   128 /* of one such answer */
#define RANGE_COUNT_MAX	   4   /* re-requested ranges of a session at a time */
#define REPAIRS_PER_FLUSH  32  /* repeated datagrams of a session per turn */
#define REAPED_PER_TICK	   64  /* sessions looked at by one tick */
#define CHUNK_WORDS	   (GYR_WIRE_CHUNKED_MAX / GYR_WIRE_CHUNK_DATA_BYTES / 64)
#define SESSION_INDEX_BITS 16
#define PAYLOAD_USUAL_MAX  1472 /* fits an IPv4 packet of 1500 bytes */
#define PAYLOAD_MAX_MIN	   512

/*
 * A token bucket in the form of the generic cell rate algorithm (ITU-T I.371): full_at_ns is when
 * the bucket would be full again. No division, no float.
 */
struct bucket {
	uint64_t period_ns; /* one token comes back in */
	uint64_t depth_ns;  /* period times burst */
	uint64_t full_at_ns;
};

/* A sealed answer datagram in a session's history. */
struct sealed {
	uint32_t start;
	uint32_t length;
};

/* Answer datagrams to be sent again. */
struct range {
	uint32_t next;
	uint32_t count;
};

/* A key that the session uses. */
struct key {
	struct gyr_address address;
	bool asked;
	bool pinned;	    /* its table is; set while it has one */
	uint64_t known;	    /* its table; 0: none */
	uint64_t ask_at_ns; /* not sooner */
};

struct session {
	uint64_t id;	/* on the wire; 0: free */
	uint64_t nonce; /* of the HELLO that opened it */
	struct gyr_endpoint peer;
	uint32_t handle;	  /* generation and index */
	uint32_t address_next;	  /* chain of the same address bucket */
	bool listed;		  /* on the list of sessions with something to send */
	bool urgent;		  /* the pending datagram must not be held */
	bool closing;		  /* ends once CLOSED is sent */
	uint32_t client_sequence; /* highest seen */
	uint64_t client_window;	  /* bit i: client_sequence - i was seen */
	uint32_t limited;
	uint32_t missing;
	uint32_t repeated;
	struct bucket bucket;
	uint64_t heard_at_ns;

	/* Answers: sealed datagrams [oldest, answer_sequence), sent below send_sequence; the
	 * pending one is answer_sequence and lies at head. */
	uint32_t oldest;
	uint32_t send_sequence;
	uint32_t answer_sequence;
	uint32_t head;
	uint32_t pending_length;   /* 0: none is begun */
	uint32_t durable_at;	   /* offset of DURABLE in the pending one, 0: none */
	uint64_t pending_since_ns; /* 0: not seen by a flush yet */
	uint8_t *history;
	struct sealed *sealed;
	struct range ranges[RANGE_COUNT_MAX];
	unsigned range_count;

	/* DURABLE is awaited for positions in [awaited_first, awaited_last]. */
	bool awaiting;
	uint64_t awaited_first;
	uint64_t awaited_last;
	uint32_t chunked_count;

	struct key *keys; /* key_count_max of them, key_count used */
	uint32_t key_count;
	uint32_t key_ready; /* keys with a table */
	uint32_t key_last;  /* ordered last */
	struct gyr_known_session hinted, guessed;
};

/* A transaction that comes in chunks. */
struct assembly {
	uint8_t *bytes; /* GYR_WIRE_CHUNKED_MAX */
	uint64_t client_tag;
	uint64_t expires_at;
	uint64_t began_at_ns;
	struct gyr_hash hash;
	uint64_t have[CHUNK_WORDS];
	uint32_t length;
	uint32_t missing; /* chunks */
	uint32_t session; /* handle; GYR_SESSION_NONE: free */
	uint8_t answers;
	bool complete; /* handed out: freed by the next receive */
};

/* An answer to an address that is not proven. */
struct reply {
	struct gyr_endpoint to;
	uint32_t length;
	uint8_t bytes[REPLY_BYTES_MAX];
};

struct epoch {
	uint32_t number;
	uint64_t start_position;
};

struct gyr_session_table {
	struct gyr_session_conf conf;
	struct gyr_session_counters counters;
	uint32_t payload_max;
	uint32_t session_count;
	uint32_t *free_stack; /* indices of free sessions */
	uint32_t free_count;
	uint32_t *address_heads; /* by hash of the address */
	struct session *sessions;
	uint32_t *listed; /* indices of sessions with something to send */
	uint32_t listed_count;
	uint32_t *awaiting; /* indices of sessions that await DURABLE */
	uint32_t awaiting_count;
	struct assembly *assemblies;
	uint32_t complete_count; /* assemblies handed out by the last receive */
	struct bucket unproven;
	struct reply replies[REPLY_COUNT_MAX];
	uint32_t reply_head, reply_tail;
	struct siphash_key id_key, address_key, cookie_master;
	struct siphash_key cookie_keys[2]; /* of this stamp and the one before */
	uint32_t cookie_stamp;
	uint64_t cookie_rotated_at_ns; /* 0: never */
	uint64_t id_counter;
	struct epoch epochs[GYR_SESSION_EPOCHS_MAX];
	unsigned epoch_count;
	uint64_t durable_position;
	uint32_t reap_cursor;
	struct gyr_session_key_request *key_requests; /* a ring */
	uint32_t key_request_mask;
	uint32_t key_request_head, key_request_tail;
};

static inline bool bucket_take(struct bucket *bucket, uint64_t now_ns, uint32_t tokens)
{
	uint64_t from = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
	uint64_t to = from + bucket->period_ns * tokens;

	if (to - now_ns > bucket->depth_ns)
		return false;
	bucket->full_at_ns = to;
	return true;
}

struct bucket bucket_make(uint32_t rate, uint32_t burst);

static inline uint32_t session_index(const struct gyr_session_table *table,
				     const struct session *session)
{
	return (uint32_t)(session - table->sessions);
}

static inline uint32_t current_epoch(const struct gyr_session_table *table)
{
	return table->epoch_count == 0 ? 0 : table->epochs[table->epoch_count - 1].number;
}

/* table.c. By handle, by wire number and peer, by peer; NULL when there is none (any more). */
struct session *session_by_handle(struct gyr_session_table *table, uint32_t handle);
struct session *session_by_id(struct gyr_session_table *table, uint64_t id,
			      const struct gyr_endpoint *peer);
struct session *session_by_peer(struct gyr_session_table *table, const struct gyr_endpoint *peer,
				uint32_t *address_count);
struct session *session_open(struct gyr_session_table *table, const struct gyr_endpoint *peer,
			     uint64_t nonce, uint64_t now_ns);
void session_close(struct gyr_session_table *table, struct session *session);
uint64_t cookie_make(const struct gyr_session_table *table, uint32_t stamp,
		     const struct gyr_endpoint *peer);

/* chunk.c */
enum gyr_verdict chunk_begin(struct gyr_session_table *table, struct session *session,
			     const struct gyr_wire_chunk_begin *begin, uint64_t now_ns);
/* *submission is filled and *complete true with the chunk that completes. */
enum gyr_verdict chunk_add(struct gyr_session_table *table, struct session *session,
			   struct gyr_submission *submission, bool *complete,
			   const struct gyr_wire_chunk *chunk, uint64_t now_ns);
void chunk_recycle(struct gyr_session_table *table);
void chunk_expire(struct gyr_session_table *table, uint64_t now_ns);
void chunk_drop_all(struct gyr_session_table *table, struct session *session);

/* keys.c. What a submission's hint, or its absence, selects; an open and an ending session. */
void key_select(const struct gyr_session_table *table, const struct session *session,
		struct gyr_submission *submission, uint8_t hint_kind, struct gyr_slice hint);
void key_open(struct session *session);
void key_close(struct gyr_session_table *table, struct session *session);
uint32_t key_request_count(const struct gyr_session_conf *conf);

/*
 * answer.c. Room for a message in the pending datagram: answer_room, encode at *room bytes,
 * answer_done with what was used; answer_room never gives less than a whole empty datagram's room
 * on the second try.
 */
void answer_init(struct session *session);
uint8_t *answer_room(struct gyr_session_table *table, struct session *session, size_t *room);
void answer_seal(struct gyr_session_table *table, struct session *session);
void answer_done(struct gyr_session_table *table, struct session *session, size_t used,
		 bool urgent);
void answer_rejected(struct gyr_session_table *table, struct session *session,
		     const struct gyr_wire_rejected *rejected);
void answer_welcome(struct gyr_session_table *table, struct session *session, uint64_t nonce,
		    const struct gyr_netdev_time *time);
void answer_void(struct gyr_session_table *table, struct session *session, uint32_t old_epoch);
void answer_pong(struct gyr_session_table *table, struct session *session, uint64_t client_time,
		 const struct gyr_netdev_time *time);
void answer_key(struct gyr_session_table *table, struct session *session, uint32_t index,
		const struct gyr_address *address);
void answer_closed(struct gyr_session_table *table, struct session *session,
		   enum gyr_verdict reason);
/* HISTORY_GONE when part is gone (the rest is sent), RATE_LIMITED with too many ranges open. */
enum gyr_verdict answer_again(struct gyr_session_table *table, struct session *session,
			      uint32_t first, uint32_t count);
void list_session(struct gyr_session_table *table, struct session *session);

#endif
