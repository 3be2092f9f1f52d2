/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known senders: checking "does this signature recover to that key?" for a key seen before is
 * several times faster than recovering, with a table made of the key. The answer is exactly that of
 * recovery, the parity and the overflow bit included; a wrong guess costs time, never a wrong
 * sender.
 *
 * Parts, and who touches them:
 * - struct gyr_known_ops: what a driver offers. Its shared memory is read-only after init.
 * - struct gyr_known: a bounded pool of tables. One cold lane calls admit and unpin; it builds
 * tables in slots that nobody reads and publishes each by one release store. Verify lanes find
 * tables by handle and use them between enter and leave; a slot is built anew only after every lane
 * that might have seen its old table has left.
 * - struct gyr_known_session: the hits and misses of one session, owned by one lane; eight misses
 * in a row turn the path off for it.
 *
 * A key is admitted after a successful recovery and by the session's own right only, never from a
 * packet. A hint then names an entry of the session's own list.
 */
#ifndef GYR_RECOVER_KNOWN_H
#define GYR_RECOVER_KNOWN_H

#include <stdatomic.h>

#include "gyr_recover.h"

#define GYR_KNOWN_GROUP_MAX	8
#define GYR_KNOWN_LANE_MAX	64
#define GYR_KNOWN_SLOT_MAX	(1u << 20)
#define GYR_KNOWN_MISSES_IN_ROW 8

enum gyr_known_answer {
	GYR_KNOWN_NO = 0,	 /* recovery gives another key, or none */
	GYR_KNOWN_YES = 1,	 /* recovery gives this key */
	GYR_KNOWN_UNDECIDED = 2, /* an exceptional case (R at infinity): ask recovery */
};

/* One question; the request is the one that recovery would be asked. */
struct gyr_known_check {
	const struct gyr_recover_request *request;
	const void *table; /* of the key, from gyr_known_table */
	/*
	 * Optional hints of the signer, 32 bytes big-endian each, or NULL: R's y, and 1 / s modulo
	 * n. Both are verified and save an inversion each (one check alone only, for 1 / s); a bad
	 * hint is computed instead and never changes the answer.
	 */
	const uint8_t *nonce_y;
	const uint8_t *s_inverse;
};

struct gyr_known_ops {
	const char *name;
	size_t table_size; /* bytes of one key's table, a multiple of 64 */
	/* Bytes of the memory shared by all lanes, to be aligned to 64. */
	size_t (*shared_size)(void);
	/* 0, or -GYR_ERR_UNSUPPORTED. The seed as in gyr_recover_ops. Cold: tens of milliseconds.
	 */
	int (*init)(void *shared, const uint8_t seed[GYR_RECOVER_SEED_LENGTH]);
	/* Fills a table for a public key; false when it is no point of the curve. Cold: 50 us. */
	bool (*build)(const void *shared, void *table, const uint8_t public_key[64]);
	/* Asks for the rows of a table, before they are needed. */
	void (*prefetch)(const void *table);
	/* Answers count (1..8) questions. */
	void (*check)(const void *shared, enum gyr_known_answer *answer,
		      const struct gyr_known_check *in, unsigned count);
};

/* A table in the pool: slot and generation; 0 is none. */
typedef uint64_t gyr_known_handle;

struct gyr_known_slot;

/* A verify lane's line: odd while the lane may hold a table. Written by that lane alone. */
struct gyr_known_lane {
	alignas(GYR_CACHE_LINE) _Atomic uint64_t turn;
};

struct gyr_known {
	const struct gyr_known_ops *ops;
	void *shared;
	struct gyr_known_slot *slots;
	uint8_t *tables;
	uint32_t slot_count;
	uint32_t lane_count;
	struct gyr_known_lane *lanes;
	/* Owned by the cold lane. */
	uint64_t build_count, evict_count, refuse_count;
};

struct gyr_known_conf {
	const struct gyr_known_ops *ops;
	uint32_t slot_count; /* 1..GYR_KNOWN_SLOT_MAX keys */
	uint32_t lane_count; /* 1..GYR_KNOWN_LANE_MAX verify lanes */
	uint8_t seed[GYR_RECOVER_SEED_LENGTH];
	bool tested; /* the driver passed the self-test in this process: it is not run again */
};

/* Bytes that init carves, alignment included. */
size_t gyr_known_memory(const struct gyr_known_conf *conf);

/*
 * Carves and fills the pool, empty, and runs the driver's self-test against the reference
 * (initialised). -GYR_ERR_UNSUPPORTED, -GYR_ERR_MEMORY, -GYR_ERR_CONFIG, -GYR_ERR_MISMATCH: then
 * the server runs without this path. Cold.
 */
GYR_MUST_USE int gyr_known_init(struct gyr_known *known, struct gyr_arena *arena,
				const struct gyr_known_conf *conf,
				const struct gyr_recover_ops *reference, void *reference_context);

/*
 * Cold lane. The handle of this key's table, building it when there is none: in a free slot, else
 * in that of the key that was used longest ago and is not pinned. 0 when every slot is pinned or
 * still being read (ask again later), or when the key is no point. pinned keys are never evicted; a
 * key may be admitted again to pin it.
 */
gyr_known_handle gyr_known_admit(struct gyr_known *known, const uint8_t public_key[64],
				 const struct gyr_address *address, bool pinned, uint64_t now_ns);

/* Cold lane. Lets the key be evicted again. */
void gyr_known_unpin(struct gyr_known *known, gyr_known_handle handle);

/* Verify lane `lane`: from here to leave, tables that gyr_known_table returns stay as they are. */
void gyr_known_enter(struct gyr_known *known, uint32_t lane);
void gyr_known_leave(struct gyr_known *known, uint32_t lane);

/*
 * Between enter and leave: the table of a handle, and the address of its key; NULL when it has been
 * evicted meanwhile (the session forgets the handle). now_ns marks the use.
 */
const void *gyr_known_table(struct gyr_known *known, struct gyr_address *address,
			    gyr_known_handle handle, uint64_t now_ns);

/* Answers as ops->check; counts of any size up to GYR_KNOWN_GROUP_MAX. */
static inline void gyr_known_check(const struct gyr_known *known, enum gyr_known_answer *answer,
				   const struct gyr_known_check *in, unsigned count)
{
	known->ops->check(known->shared, answer, in, count);
}

/*
 * How many of `pending` checks to make in one group: one by one while they are few (the first is
 * done soonest), then up to eight at once (the most per second).
 */
static inline unsigned gyr_known_take(unsigned pending)
{
	return pending <= 2 ? 1 : pending < GYR_KNOWN_GROUP_MAX ? pending : GYR_KNOWN_GROUP_MAX;
}

/* One session's record; zero is the beginning. */
struct gyr_known_session {
	uint64_t hit_count, miss_count;
	uint32_t misses_in_row;
	bool off;
};

/* May this session's hints be tried? */
static inline bool gyr_known_session_on(const struct gyr_known_session *session)
{
	return !session->off;
}

/*
 * Records an answer. GYR_KNOWN_UNDECIDED counts as a miss: only the owner of the key can make such
 * signatures.
 */
void gyr_known_session_record(struct gyr_known_session *session, enum gyr_known_answer answer);

#endif
