/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's known keys. The ring of requests has room for every release that can be due (a
 * session holds key_pinned pins at most, and gets new ones only through answers to requests that
 * come after its releases), and beside that for REQUESTS_MIN keys; a key that finds no room is
 * asked for at its next transaction.
 */
#include "table.h"

#define REQUESTS_MIN 256
/* Between two times that a key without a table is asked for. */
#define ASK_AGAIN_NS 10000000

#define HINT_KEY_BYTES	 4u
#define HINT_NONCE_BYTES 64u

static uint32_t releases_max(const struct gyr_session_conf *conf)
{
	return conf->session_count_max * conf->key_pinned;
}

uint32_t key_request_count(const struct gyr_session_conf *conf)
{
	uint32_t count = REQUESTS_MIN;

	while (count < releases_max(conf) + REQUESTS_MIN)
		count *= 2;
	return count;
}

static uint32_t requests_free(const struct gyr_session_table *table)
{
	return table->key_request_mask + 1 - (table->key_request_tail - table->key_request_head);
}

static void request(struct gyr_session_table *table, const struct gyr_session_key_request *what)
{
	gyr_assert(requests_free(table) > 0);
	table->key_requests[table->key_request_tail++ & table->key_request_mask] = *what;
}

const struct gyr_session_key_request *gyr_session_key_request(const struct gyr_session_table *table)
{
	return table->key_request_head == table->key_request_tail
		       ? NULL
		       : &table->key_requests[table->key_request_head & table->key_request_mask];
}

void gyr_session_key_requested(struct gyr_session_table *table)
{
	gyr_assert(table->key_request_head != table->key_request_tail);
	table->key_request_head++;
}

void key_open(struct session *session)
{
	session->key_count = session->key_ready = session->key_last = 0;
	session->hinted = session->guessed = (struct gyr_known_session){ 0 };
}

void key_close(struct gyr_session_table *table, struct session *session)
{
	for (uint32_t i = 0; i < session->key_count; i++)
		if (session->keys[i].known != 0 && session->keys[i].pinned)
			request(table, &(struct gyr_session_key_request){
					       .session = session->handle,
					       .release = session->keys[i].known });
	session->key_count = 0;
}

/* The entry that a well-formed hint names, the hint's rest in *nonce; NULL: none. */
static const struct key *hinted_key(const struct session *session, const uint8_t **nonce,
				    uint8_t hint_kind, struct gyr_slice hint)
{
	bool with_key = hint_kind == GYR_WIRE_HINT_KNOWN_KEY || hint_kind == GYR_WIRE_HINT_BOTH;
	bool with_nonce = hint_kind == GYR_WIRE_HINT_RECOVERY || hint_kind == GYR_WIRE_HINT_BOTH;
	size_t length = (with_key ? HINT_KEY_BYTES : 0) + (with_nonce ? HINT_NONCE_BYTES : 0);
	uint32_t index;

	if (hint.length != length)
		return NULL;
	if (with_nonce)
		*nonce = hint.data + hint.length - HINT_NONCE_BYTES;
	if (!with_key)
		return NULL;
	index = gyr_load_be32(hint.data);
	return index < session->key_count ? &session->keys[index] : NULL;
}

void key_select(const struct gyr_session_table *table, const struct session *session,
		struct gyr_submission *submission, uint8_t hint_kind, struct gyr_slice hint)
{
	const struct key *key = NULL;

	gyr_assert(session->keys != NULL);
	submission->key_flags = 0;
	if (hint_kind != GYR_WIRE_HINT_NONE)
		key = hinted_key(session, &submission->nonce, hint_kind, hint);
	if (key != NULL) {
		submission->known = gyr_known_session_on(&session->hinted) ? key->known : 0;
	} else if (session->key_count > 0 && gyr_known_session_on(&session->guessed)) {
		submission->known = session->keys[session->key_last].known;
		submission->key_flags |= GYR_INTAKE_KEY_GUESSED;
	}
	if (submission->nonce != NULL)
		submission->key_flags |= GYR_INTAKE_KEY_NONCE;
	if (session->key_ready < table->conf.key_count_max &&
	    gyr_known_session_on(&session->hinted))
		submission->key_flags |= GYR_INTAKE_KEY_WANTED;
}

/* Hits and misses are counted for as long as the session's hints, or guesses, are tried. */
static void record(struct gyr_session_table *table, struct session *session, uint8_t key,
		   uint8_t key_flags)
{
	struct gyr_known_session *of = (key_flags & GYR_INTAKE_KEY_GUESSED) != 0 ? &session->guessed
										 : &session->hinted;

	if ((key != GYR_INTAKE_KEY_HIT && key != GYR_INTAKE_KEY_MISS) || !gyr_known_session_on(of))
		return;
	gyr_known_session_record(of, key == GYR_INTAKE_KEY_HIT ? GYR_KNOWN_YES : GYR_KNOWN_NO);
	table->counters.keys_off += !gyr_known_session_on(of);
}

/* The sender's entry, looked for where it probably is first; key_count when it has none. */
static uint32_t find(const struct session *session, const struct gyr_address *sender)
{
	uint32_t at = session->key_last;

	for (uint32_t i = 0; i < session->key_count; i++) {
		if (gyr_address_equal(&session->keys[at].address, sender))
			return at;
		at = at + 1 == session->key_count ? 0 : at + 1;
	}
	return session->key_count;
}

/* A place for a new key: an unused one, else that of a key whose table is gone. */
static uint32_t place(const struct gyr_session_table *table, struct session *session)
{
	if (session->key_count < table->conf.key_count_max)
		return session->key_count++;
	for (uint32_t i = 0; i < session->key_count && session->key_ready < session->key_count; i++)
		if (session->keys[i].known == 0 && !session->keys[i].asked)
			return i;
	return session->key_count;
}

/* The sender of an ordered transaction: it gets an entry, and its table is asked for. */
static void use(struct gyr_session_table *table, struct session *session,
		const struct gyr_address *sender, bool gone, uint64_t now_ns)
{
	uint32_t at = find(session, sender);
	struct key *key;

	if (at == session->key_count) {
		at = place(table, session);
		if (at == session->key_count)
			return;
		session->keys[at] = (struct key){ .address = *sender };
	}
	session->key_last = at;
	key = &session->keys[at];
	/* Perhaps the table that is gone was a wrong guess's: asking again finds what is there. */
	if (gone && key->known != 0 && !key->pinned) {
		key->known = 0;
		session->key_ready--;
	}
	if (GYR_LIKELY(key->known != 0) || key->asked || now_ns < key->ask_at_ns ||
	    requests_free(table) <= releases_max(&table->conf) + GYR_SESSION_KEY_ANSWERS_MAX)
		return;
	key->asked = true;
	request(table, &(struct gyr_session_key_request){ .address = *sender,
							  .session = session->handle,
							  .pinned = at < table->conf.key_pinned });
}

void gyr_session_key_settled(struct gyr_session_table *table, uint32_t handle,
			     const struct gyr_address *sender, uint8_t key, uint8_t key_flags,
			     uint64_t now_ns)
{
	struct session *session = session_by_handle(table, handle);

	if (session == NULL || session->closing || table->conf.key_count_max == 0)
		return;
	record(table, session, key, key_flags);
	if (sender != NULL)
		use(table, session, sender, key == GYR_INTAKE_KEY_GONE, now_ns);
}

void gyr_session_key_answer(struct gyr_session_table *table, uint32_t handle,
			    const struct gyr_address *address, uint64_t known, bool pinned,
			    uint64_t now_ns)
{
	struct session *session = session_by_handle(table, handle);
	uint32_t at = session == NULL ? 0 : find(session, address);

	if (session == NULL || session->closing || at == session->key_count ||
	    !session->keys[at].asked) {
		if (known != 0 && pinned)
			request(table, &(struct gyr_session_key_request){ .session = handle,
									  .release = known });
		return;
	}
	session->keys[at].asked = false;
	if (known == 0) {
		session->keys[at].ask_at_ns = now_ns + ASK_AGAIN_NS;
		return;
	}
	session->keys[at].known = known;
	session->keys[at].pinned = pinned;
	session->key_ready++;
	answer_key(table, session, at, address);
}
