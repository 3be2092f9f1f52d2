/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "gyr_err.h"

#define SESSION_COUNT_LIMIT 32768
#define KEY_COUNT_LIMIT	    256

struct bucket bucket_make(uint32_t rate, uint32_t burst)
{
	uint64_t period_ns = rate >= 1000000000 ? 1 : 1000000000 / rate;

	return (struct bucket){ .period_ns = period_ns, .depth_ns = period_ns * burst };
}

static int check_conf(const struct gyr_session_conf *conf, uint32_t payload_max)
{
	if (!gyr_is_power_of_two(conf->session_count_max) ||
	    conf->session_count_max > SESSION_COUNT_LIMIT)
		GYR_FAIL(GYR_ERR_CONFIG, "sessions: %u is not a power of two up to %u",
			 conf->session_count_max, SESSION_COUNT_LIMIT);
	if (!gyr_is_power_of_two(conf->history_count_max))
		GYR_FAIL(GYR_ERR_CONFIG, "history: %u datagrams is not a power of two",
			 conf->history_count_max);
	if (payload_max < PAYLOAD_MAX_MIN || payload_max > GYR_WIRE_DATAGRAM_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "payload of %u bytes is not within %u to %u", payload_max,
			 PAYLOAD_MAX_MIN, GYR_WIRE_DATAGRAM_MAX);
	if (conf->history_bytes / 4 < payload_max)
		GYR_FAIL(GYR_ERR_CONFIG, "history: %u bytes hold fewer than four datagrams of %u",
			 conf->history_bytes, payload_max);
	if (conf->rate == 0 || conf->burst == 0 || conf->unproven_rate == 0 ||
	    conf->unproven_burst == 0 || conf->sessions_per_address == 0)
		GYR_FAIL(GYR_ERR_CONFIG, "a rate, a burst or sessions per address is 0");
	if (conf->chunk_timeout_ms > UINT16_MAX || conf->chunked_per_session > UINT16_MAX ||
	    conf->chunked_count_max > 1024)
		GYR_FAIL(GYR_ERR_CONFIG, "chunks: timeout %u ms, %u per session, %u in all",
			 conf->chunk_timeout_ms, conf->chunked_per_session,
			 conf->chunked_count_max);
	if (conf->key_count_max > KEY_COUNT_LIMIT || conf->key_pinned > conf->key_count_max)
		GYR_FAIL(GYR_ERR_CONFIG, "known keys: %u of a session, %u of them pinned; limit %u",
			 conf->key_count_max, conf->key_pinned, KEY_COUNT_LIMIT);
	if (conf->idle_timeout_ms == 0 || conf->cookie_rotation_ms == 0)
		GYR_FAIL(GYR_ERR_CONFIG, "idle timeout or cookie rotation is 0");
	return 0;
}

static size_t history_stride(const struct gyr_session_conf *conf)
{
	return gyr_round_up(conf->history_bytes, GYR_CACHE_LINE);
}

size_t gyr_session_arena_size(const struct gyr_session_conf *conf, uint32_t payload_max)
{
	size_t sessions = conf->session_count_max;
	size_t size = sizeof(struct gyr_session_table);

	(void)payload_max; /* history_bytes is not rounded to datagrams */
	size += sessions * (sizeof(struct session) + 4 * sizeof(uint32_t));
	size += sessions * history_stride(conf);
	size += sessions * conf->history_count_max * sizeof(struct sealed);
	size += sessions * (conf->key_count_max * sizeof(struct key) + GYR_CACHE_LINE);
	size += key_request_count(conf) * sizeof(struct gyr_session_key_request);
	size += conf->chunked_count_max * (sizeof(struct assembly) + (size_t)GYR_WIRE_CHUNKED_MAX);
	return size + (16 + 2 * sessions + conf->chunked_count_max) * GYR_CACHE_LINE;
}

static void *carve(struct gyr_arena *arena, bool *full, size_t count, size_t size)
{
	void *memory = gyr_arena_carve(arena, count * size, GYR_CACHE_LINE);

	if (memory == NULL)
		*full = true;
	else
		memset(memory, 0, count * size);
	return memory;
}

static void derive_keys(struct gyr_session_table *table)
{
	const uint8_t *secret = table->conf.secret;
	struct siphash_key master = { gyr_load_le64(secret), gyr_load_le64(secret + 8) };
	uint64_t words[3] = { gyr_load_le64(secret + 16), gyr_load_le64(secret + 24), 0 };
	uint64_t out[8];

	for (uint64_t i = 0; i < GYR_COUNT(out); i++) {
		words[2] = i;
		out[i] = siphash_words(&master, words, GYR_COUNT(words));
	}
	table->id_key = (struct siphash_key){ out[0], out[1] };
	table->address_key = (struct siphash_key){ out[2], out[3] };
	table->cookie_master = (struct siphash_key){ out[4], out[5] };
	table->cookie_stamp = (uint32_t)out[6];
}

static void rotate_cookie(struct gyr_session_table *table, uint64_t now_ns)
{
	uint64_t words[2];

	table->cookie_stamp = table->cookie_stamp == UINT32_MAX ? 1 : table->cookie_stamp + 1;
	table->cookie_keys[1] = table->cookie_keys[0];
	words[0] = table->cookie_stamp;
	words[1] = 0;
	table->cookie_keys[0].k0 = siphash_words(&table->cookie_master, words, 2);
	words[1] = 1;
	table->cookie_keys[0].k1 = siphash_words(&table->cookie_master, words, 2);
	table->cookie_rotated_at_ns = now_ns;
}

int gyr_session_init(struct gyr_session_table **out, struct gyr_arena *arena,
		     const struct gyr_session_conf *conf, uint32_t payload_max)
{
	struct gyr_session_table *table;
	uint32_t count = conf->session_count_max;
	bool full = false;

	GYR_TRY(check_conf(conf, payload_max));
	table = carve(arena, &full, 1, sizeof *table);
	if (full)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for the session table in its arena");
	table->conf = *conf;
	/* A client on a smaller MTU would never see a longer datagram, nor its repetition. */
	table->payload_max = (uint32_t)gyr_min_u64(payload_max, PAYLOAD_USUAL_MAX);
	table->sessions = carve(arena, &full, count, sizeof *table->sessions);
	table->free_stack = carve(arena, &full, count, sizeof *table->free_stack);
	table->address_heads = carve(arena, &full, count, sizeof *table->address_heads);
	table->listed = carve(arena, &full, count, sizeof *table->listed);
	table->awaiting = carve(arena, &full, count, sizeof *table->awaiting);
	table->assemblies = carve(arena, &full, conf->chunked_count_max, sizeof *table->assemblies);
	table->key_requests = carve(arena, &full, key_request_count(conf),
				    sizeof *table->key_requests);
	table->key_request_mask = key_request_count(conf) - 1;
	for (uint32_t i = 0; i < conf->chunked_count_max && !full; i++)
		table->assemblies[i].bytes = carve(arena, &full, 1, GYR_WIRE_CHUNKED_MAX);
	for (uint32_t i = 0; i < count && !full; i++) {
		struct session *session = &table->sessions[i];

		session->history = carve(arena, &full, 1, history_stride(conf));
		session->sealed = carve(arena, &full, conf->history_count_max,
					sizeof *session->sealed);
		session->keys = carve(arena, &full, conf->key_count_max, sizeof *session->keys);
		session->handle = 1u << SESSION_INDEX_BITS | i;
		table->free_stack[i] = count - 1 - i;
		table->address_heads[i] = NONE;
	}
	if (full)
		GYR_FAIL(GYR_ERR_MEMORY, "%u sessions need %zu bytes of arena, it has %zu", count,
			 gyr_session_arena_size(conf, payload_max), arena->size);
	table->free_count = count;
	table->unproven = bucket_make(conf->unproven_rate, conf->unproven_burst);
	derive_keys(table);
	/* Twice: the key before the first one must not be known either. */
	rotate_cookie(table, 0);
	rotate_cookie(table, 0);
	*out = table;
	return 0;
}

void gyr_session_epoch(struct gyr_session_table *table, uint32_t epoch, uint64_t start_position)
{
	gyr_assert(epoch > current_epoch(table));
	if (table->epoch_count == GYR_SESSION_EPOCHS_MAX) {
		memmove(table->epochs, table->epochs + 1,
			(GYR_SESSION_EPOCHS_MAX - 1) * sizeof table->epochs[0]);
		table->epoch_count--;
	}
	table->epochs[table->epoch_count++] = (struct epoch){ .number = epoch,
							      .start_position = start_position };
}

static uint32_t *address_head(struct gyr_session_table *table, const struct gyr_endpoint *peer)
{
	uint64_t words[2] = { gyr_load_le64(peer->address), gyr_load_le64(peer->address + 8) };
	uint64_t hash = siphash_words(&table->address_key, words, 2);

	return &table->address_heads[hash & (table->conf.session_count_max - 1)];
}

uint64_t cookie_make(const struct gyr_session_table *table, uint32_t stamp,
		     const struct gyr_endpoint *peer)
{
	uint32_t age = table->cookie_stamp - stamp;
	uint64_t words[4] = { gyr_load_le64(peer->address), gyr_load_le64(peer->address + 8),
			      peer->port, stamp };
	uint64_t cookie;

	gyr_assert(age < 2);
	cookie = siphash_words(&table->cookie_keys[age], words, 4);
	return cookie == 0 ? 1 : cookie;
}

struct session *session_by_handle(struct gyr_session_table *table, uint32_t handle)
{
	uint32_t index = handle & ((1u << SESSION_INDEX_BITS) - 1);
	struct session *session;

	if (GYR_UNLIKELY(index >= table->conf.session_count_max))
		return NULL;
	session = &table->sessions[index];
	return session->id != 0 && session->handle == handle ? session : NULL;
}

struct session *session_by_id(struct gyr_session_table *table, uint64_t id,
			      const struct gyr_endpoint *peer)
{
	uint32_t index = (uint32_t)id & ((1u << SESSION_INDEX_BITS) - 1);
	struct session *session;

	if (GYR_UNLIKELY(id == 0 || index >= table->conf.session_count_max))
		return NULL;
	session = &table->sessions[index];
	if (GYR_UNLIKELY(session->id != id || session->closing ||
			 !gyr_endpoint_equal(&session->peer, peer)))
		return NULL;
	return session;
}

struct session *session_by_peer(struct gyr_session_table *table, const struct gyr_endpoint *peer,
				uint32_t *address_count)
{
	struct session *found = NULL;

	*address_count = 0;
	for (uint32_t i = *address_head(table, peer); i != NONE;
	     i = table->sessions[i].address_next) {
		struct session *session = &table->sessions[i];

		gyr_assert(session->id != 0);
		if (memcmp(session->peer.address, peer->address, sizeof peer->address) != 0)
			continue;
		*address_count += 1;
		if (gyr_endpoint_equal(&session->peer, peer))
			found = session;
	}
	return found;
}

struct session *session_open(struct gyr_session_table *table, const struct gyr_endpoint *peer,
			     uint64_t nonce, uint64_t now_ns)
{
	uint32_t *head = address_head(table, peer);
	struct session *session;
	uint64_t word, random;
	uint32_t index;

	if (table->free_count == 0)
		return NULL;
	index = table->free_stack[--table->free_count];
	session = &table->sessions[index];
	gyr_assert(session->id == 0 && !session->listed && !session->awaiting);
	do {
		word = ++table->id_counter;
		random = siphash_words(&table->id_key, &word, 1) >> SESSION_INDEX_BITS;
	} while (random == 0);
	session->id = random << SESSION_INDEX_BITS | index;
	session->nonce = nonce;
	session->peer = *peer;
	session->address_next = *head;
	*head = index;
	session->urgent = session->closing = false;
	session->client_sequence = 0;
	session->client_window = 0;
	session->limited = session->missing = session->repeated = 0;
	session->bucket = bucket_make(table->conf.rate, table->conf.burst);
	session->heard_at_ns = now_ns;
	session->chunked_count = 0;
	session->range_count = 0;
	answer_init(session);
	key_open(session);
	table->session_count++;
	table->counters.sessions_opened++;
	return session;
}

static void unlist(uint32_t *list, uint32_t *count, uint32_t index)
{
	uint32_t at = 0;

	while (at < *count && list[at] != index)
		at++;
	gyr_assert(at < *count);
	list[at] = list[--*count];
}

void session_close(struct gyr_session_table *table, struct session *session)
{
	uint32_t index = session_index(table, session);
	uint32_t *link = address_head(table, &session->peer);

	while (*link != index) {
		gyr_assert(*link != NONE);
		link = &table->sessions[*link].address_next;
	}
	*link = session->address_next;
	if (session->awaiting)
		unlist(table->awaiting, &table->awaiting_count, index);
	session->awaiting = false;
	chunk_drop_all(table, session);
	key_close(table, session);
	session->id = 0;
	/* The generation tells later answers apart; the handle is never GYR_SESSION_NONE. */
	session->handle += 1u << SESSION_INDEX_BITS;
	if (session->handle >> SESSION_INDEX_BITS == 0)
		session->handle += 1u << SESSION_INDEX_BITS;
	session->pending_length = 0;
	if (session->listed)
		unlist(table->listed, &table->listed_count, index);
	session->listed = false;
	table->free_stack[table->free_count++] = index;
	table->session_count--;
	table->counters.sessions_closed++;
}

void gyr_session_tick(struct gyr_session_table *table, const struct gyr_netdev_time *time)
{
	uint64_t idle_ns = (uint64_t)table->conf.idle_timeout_ms * 1000000;
	uint64_t rotation_ns = (uint64_t)table->conf.cookie_rotation_ms * 1000000;

	if (time->now_ns >= table->cookie_rotated_at_ns + rotation_ns)
		rotate_cookie(table, time->now_ns);
	chunk_expire(table, time->now_ns);
	for (unsigned i = 0; i < REAPED_PER_TICK; i++) {
		struct session *session = &table->sessions[table->reap_cursor];

		table->reap_cursor = (table->reap_cursor + 1) & (table->conf.session_count_max - 1);
		if (session->id != 0 && !session->closing &&
		    time->now_ns >= session->heard_at_ns + idle_ns)
			answer_closed(table, session, GYR_VERDICT_SESSION_IDLE);
		if (table->reap_cursor == 0)
			break;
	}
}

void gyr_session_close_all(struct gyr_session_table *table, enum gyr_verdict reason)
{
	for (uint32_t i = 0; i < table->conf.session_count_max; i++)
		if (table->sessions[i].id != 0 && !table->sessions[i].closing)
			answer_closed(table, &table->sessions[i], reason);
}

const struct gyr_session_counters *gyr_session_counters(const struct gyr_session_table *table)
{
	return &table->counters;
}

unsigned gyr_session_count(const struct gyr_session_table *table)
{
	return table->session_count;
}
