/* SPDX-License-Identifier: Apache-2.0 */
#include "client_state.h"

#include "gyr_err.h"

#define NS_PER_MS 1000000ull

size_t gyr_client_arena_size(void)
{
	return sizeof(struct gyr_client) + GYR_CACHE_LINE;
}

int gyr_client_init(struct gyr_client **out, struct gyr_arena *arena,
		    const struct gyr_client_conf *conf, struct gyr_netdev *device,
		    const struct gyr_client_events *events, void *context)
{
	struct gyr_client *client = gyr_arena_carve(arena, sizeof *client, GYR_CACHE_LINE);

	if (client == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for a client in its arena");
	memset(client, 0, sizeof *client);
	client->conf = *conf;
	if (client->conf.hello_retry_ms == 0)
		client->conf.hello_retry_ms = 100;
	if (client->conf.ping_interval_ms == 0)
		client->conf.ping_interval_ms = 50;
	if (client->conf.silence_ms == 0)
		client->conf.silence_ms = 1000;
	if (client->conf.linger_us == 0)
		client->conf.linger_us = 1000;
	client->nonce = conf->nonce;
	client->device = device;
	client->events = events;
	client->context = context;
	client->payload_max = gyr_netdev_payload_max(device, &conf->gate);
	*out = client;
	return 0;
}

bool gyr_client_connected(const struct gyr_client *client)
{
	return client->phase == CLIENT_CONNECTED;
}

const struct gyr_client_counters *gyr_client_counters(const struct gyr_client *client)
{
	return &client->counters;
}

static void disconnect(struct gyr_client *client, enum gyr_verdict reason, uint64_t now_ns)
{
	client->phase = CLIENT_HELLO;
	client->nonce++; /* a new session, not the old one again */
	client->cookie = client->cookie_stamp = 0;
	client->hello_due_ns = now_ns;
	client->length = client->messages = 0;
	client->gap_count = 0;
	if (client->events->disconnected != NULL)
		client->events->disconnected(client->context, reason);
}

static void give_up(struct gyr_client *client, uint32_t first, uint32_t count)
{
	client->counters.lost += count;
	if (client->events->lost != NULL)
		client->events->lost(client->context, first, count);
}

static void drop_gap(struct gyr_client *client, unsigned index)
{
	gyr_assert(index < client->gap_count);
	client->gap_count--;
	memmove(&client->gaps[index], &client->gaps[index + 1],
		(client->gap_count - index) * sizeof client->gaps[0]);
}

static void add_gap(struct gyr_client *client, const struct gap *gap)
{
	client->counters.missing += gap->count;
	if (client->gap_count == GYR_CLIENT_GAPS_MAX) {
		give_up(client, client->gaps[0].first, client->gaps[0].count);
		drop_gap(client, 0);
	}
	client->gaps[client->gap_count++] = *gap;
}

/* Takes one sequence out of a gap; false: it was not missing. */
static bool fill_gap(struct gyr_client *client, uint32_t sequence)
{
	for (unsigned i = 0; i < client->gap_count; i++) {
		struct gap *gap = &client->gaps[i];
		struct gap rest = *gap;
		uint32_t before = sequence - gap->first;

		if (before >= gap->count)
			continue;
		client->counters.repaired++;
		gap->count = before;
		rest.first = sequence + 1;
		rest.count -= before + 1;
		if (gap->count == 0)
			drop_gap(client, i);
		if (rest.count > 0) {
			client->counters.missing -= rest.count; /* they were counted */
			add_gap(client, &rest);
		}
		return true;
	}
	return false;
}

/* Accounts for an answer sequence; false: it came before. */
static bool take_sequence(struct gyr_client *client, uint32_t sequence, uint64_t now_ns)
{
	uint32_t ahead = sequence - client->answer_sequence;

	if (!gyr_wire_sequence_after(sequence, client->answer_sequence))
		return fill_gap(client, sequence);
	if (ahead > 1)
		add_gap(client, &(struct gap){
					.first = client->answer_sequence + 1,
					.count = ahead - 1,
					.due_at_ns = now_ns + client->conf.linger_us * 1000ull,
				});
	client->answer_sequence = sequence;
	return true;
}

static void repair(struct gyr_client *client, uint64_t now_ns)
{
	for (unsigned i = 0; i < client->gap_count; i++) {
		struct gap *gap = &client->gaps[i];

		if (now_ns < gap->due_at_ns)
			continue;
		if (gap->attempts == GYR_CLIENT_ATTEMPTS) {
			struct gap gone = *gap;

			drop_gap(client, i--);
			give_up(client, gone.first, gone.count);
			continue;
		}
		gap->attempts++;
		gap->due_at_ns = now_ns + 10 * NS_PER_MS * gap->attempts;
		(void)client_send_rerequest(client, gap->first,
					    (uint32_t)gyr_min_u64(gap->count, 256));
	}
}

static void take_welcome(struct gyr_client *client, const struct gyr_wire_welcome *welcome,
			 const struct gyr_wire_header *header, uint64_t now_ns)
{
	uint32_t device_max = gyr_netdev_payload_max(client->device, &client->conf.gate);

	if (client->phase != CLIENT_COOKIE || welcome->client_nonce != client->nonce)
		return;
	client->phase = CLIENT_CONNECTED;
	client->session = welcome->session;
	client->epoch = welcome->epoch;
	client->payload_max = (uint32_t)gyr_min_u64(
		gyr_min_u64(device_max, welcome->datagram_bytes_max), sizeof client->building);
	client->messages_max = welcome->messages_max == 0 ? 1 : welcome->messages_max;
	client->transaction_max = welcome->transaction_bytes_max;
	client->sequence = 0;
	client->answer_sequence = header->answer_sequence;
	client->gap_count = 0;
	client->length = client->messages = 0;
	client->ping_due_ns = now_ns + client->conf.ping_interval_ms * NS_PER_MS;
	client->counters.sessions++;
	if (client->events->connected != NULL)
		client->events->connected(client->context, welcome);
}

/* Decodes one message and calls back; defined for each answer by name. */
#define TAKE(name, ...)                                                                            \
	do {                                                                                       \
		struct gyr_wire_##name message;                                                    \
                                                                                                   \
		if (gyr_wire_##name##_decode(&message, body->data, body->length) !=                \
		    GYR_VERDICT_OK)                                                                \
			client->counters.ignored++;                                                \
		else if (client->events->name != NULL)                                             \
			client->events->name(client->context, &message __VA_ARGS__);               \
	} while (0)

static void take_rejected(struct gyr_client *client, const struct gyr_slice *body)
{
	struct gyr_wire_rejected message;

	if (gyr_wire_rejected_decode(&message, body->data, body->length) != GYR_VERDICT_OK) {
		client->counters.ignored++;
		return;
	}
	if (message.refused == GYR_WIRE_REREQUEST) {
		/* What is still kept of it comes; then the rest is given up. */
		for (unsigned i = 0; i < client->gap_count; i++)
			if (client->gaps[i].first == (uint32_t)message.client_tag &&
			    message.code == GYR_VERDICT_HISTORY_GONE)
				client->gaps[i].attempts = GYR_CLIENT_ATTEMPTS;
		return;
	}
	if (client->events->rejected != NULL)
		client->events->rejected(client->context, &message);
}

static void take_answer(struct gyr_client *client, const struct gyr_wire_block *block,
			uint64_t now_ns)
{
	const struct gyr_slice *body = &block->body;
	bool early = (block->flags & GYR_WIRE_BLOCK_EARLY) != 0;

	switch (block->type) {
	case GYR_WIRE_ORDERED:
		TAKE(ordered, , (block->flags & GYR_WIRE_BLOCK_AGAIN) != 0);
		break;
	case GYR_WIRE_DURABLE:
		TAKE(durable);
		break;
	case GYR_WIRE_EXECUTED:
		TAKE(executed, , early);
		break;
	case GYR_WIRE_SKIPPED:
		TAKE(skipped, , early);
		break;
	case GYR_WIRE_REJECTED:
		take_rejected(client, body);
		break;
	case GYR_WIRE_STATUS_REPLY: {
		struct gyr_wire_status_reply message;

		if (gyr_wire_status_reply_decode(&message, body->data, body->length) ==
			    GYR_VERDICT_OK &&
		    client->events->status != NULL)
			client->events->status(client->context, &message);
		break;
	}
	case GYR_WIRE_PONG:
		TAKE(pong);
		break;
	case GYR_WIRE_RATE:
		TAKE(rate);
		break;
	case GYR_WIRE_KEY:
		TAKE(key);
		break;
	case GYR_WIRE_VOID: {
		struct gyr_wire_void message;

		if (gyr_wire_void_decode(&message, body->data, body->length) == GYR_VERDICT_OK &&
		    client->events->voided != NULL)
			client->events->voided(client->context, &message);
		break;
	}
	case GYR_WIRE_CLOSED: {
		struct gyr_wire_closed message;

		if (gyr_wire_closed_decode(&message, body->data, body->length) == GYR_VERDICT_OK)
			disconnect(client, message.reason, now_ns);
		break;
	}
	default:
		break; /* WELCOME again, or from a newer gate */
	}
}

/* CHALLENGE, or WELCOME: what comes before there is a session. */
static void take_handshake(struct gyr_client *client, const struct gyr_wire_header *header,
			   const struct gyr_wire_block *block, uint64_t now_ns)
{
	struct gyr_wire_challenge challenge;
	struct gyr_wire_welcome welcome;

	if (block->type == GYR_WIRE_CHALLENGE && client->phase <= CLIENT_COOKIE &&
	    gyr_wire_challenge_decode(&challenge, block->body.data, block->body.length) ==
		    GYR_VERDICT_OK &&
	    challenge.client_nonce == client->nonce) {
		client->cookie_stamp = challenge.cookie_stamp;
		client->cookie = challenge.cookie;
		client->phase = CLIENT_COOKIE;
		client->hello_due_ns = now_ns;
	} else if (block->type == GYR_WIRE_WELCOME &&
		   gyr_wire_welcome_decode(&welcome, block->body.data, block->body.length) ==
			   GYR_VERDICT_OK &&
		   welcome.session == header->session) {
		take_welcome(client, &welcome, header, now_ns);
	}
}

static void take_datagram(struct gyr_client *client, const struct gyr_datagram *datagram,
			  uint64_t now_ns)
{
	struct gyr_wire_header header = { 0 };
	struct gyr_wire_block block = { 0 };
	enum gyr_verdict verdict = gyr_wire_open(&header, datagram->payload, datagram->length);
	size_t at = GYR_WIRE_HEADER_BYTES;
	bool was_connected = client->phase == CLIENT_CONNECTED;

	client->counters.datagrams_received++;
	if (verdict != GYR_VERDICT_OK || (header.flags & GYR_WIRE_DATAGRAM_FROM_GATE) == 0 ||
	    !gyr_endpoint_equal(&datagram->peer, &client->conf.gate) ||
	    (was_connected && header.session != client->session) ||
	    (was_connected && header.answer_sequence != 0 &&
	     !take_sequence(client, header.answer_sequence, now_ns))) {
		client->counters.ignored++;
		return;
	}
	client->heard_at_ns = now_ns;
	while (gyr_wire_next(&block, &verdict, &at, datagram->payload, datagram->length)) {
		if (client->phase == CLIENT_CONNECTED && header.session == client->session)
			take_answer(client, &block, now_ns);
		else
			take_handshake(client, &header, &block, now_ns);
	}
}

static void keep_alive(struct gyr_client *client, const struct gyr_netdev_time *time)
{
	uint64_t now_ns = time->now_ns;

	if (client->phase == CLIENT_CONNECTED) {
		if (now_ns >= client->heard_at_ns + client->conf.silence_ms * NS_PER_MS) {
			disconnect(client, GYR_VERDICT_OK, now_ns);
			return;
		}
		repair(client, now_ns);
		if (now_ns >= client->ping_due_ns) {
			client->ping_due_ns = now_ns + client->conf.ping_interval_ms * NS_PER_MS;
			(void)client_send_ping(client, now_ns);
		}
	} else if (now_ns >= client->hello_due_ns) {
		client->hello_due_ns = now_ns + client->conf.hello_retry_ms * NS_PER_MS;
		if (!gyr_netdev_resolve(client->device, &client->conf.gate, time))
			return;
		(void)client_send_hello(client);
	}
}

unsigned gyr_client_poll(struct gyr_client *client, const struct gyr_netdev_time *time)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	unsigned count = gyr_netdev_rx(client->device, datagrams, GYR_NETDEV_BURST_MAX, time);

	if (client->phase == CLIENT_CLOSED)
		return 0;
	for (unsigned i = 0; i < count; i++)
		take_datagram(client, &datagrams[i], time->now_ns);
	keep_alive(client, time);
	(void)gyr_netdev_flush(client->device);
	return count;
}
