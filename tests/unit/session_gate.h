/* SPDX-License-Identifier: Apache-2.0 */
/* A gate for tests: a session table on a network in memory, and clients that speak to it. */
#ifndef SESSION_GATE_H
#define SESSION_GATE_H

#include "gyr_test_net.h"

#include "gyr_session.h"
#include "gyr_wire.h"

#define PAYLOAD_MAX 1400

struct gate {
	struct gyr_session_table *table;
	struct gyr_test_net net;
	struct gyr_netdev_time time;
	struct gyr_session_input input;
	void *memory;
};

/* A client, and the datagram that it is building. */
struct peer {
	struct gate *gate;
	struct gyr_endpoint at;
	uint64_t session;
	uint32_t sequence;
	uint8_t bytes[PAYLOAD_MAX + 64];
	size_t length;
};

static inline void gate_init(struct gate *gate, void (*change)(struct gyr_session_conf *conf))
{
	struct gyr_session_conf conf = { .chain_id = 777, .secret = { 1, 2, 3 } };
	struct gyr_arena arena;
	size_t size;

	gyr_session_conf_default(&conf);
	conf.session_count_max = 16;
	conf.history_bytes = 16 << 10;
	conf.history_count_max = 32;
	conf.chunked_count_max = 4;
	if (change != NULL)
		change(&conf);
	memset(gate, 0, sizeof *gate);
	gyr_test_net_init(&gate->net, PAYLOAD_MAX);
	size = gyr_session_arena_size(&conf, PAYLOAD_MAX);
	gate->memory = malloc(size);
	gyr_assert(gate->memory != NULL);
	arena = gyr_arena_over(gate->memory, size);
	gyr_assert(gyr_session_init(&gate->table, &arena, &conf, PAYLOAD_MAX) == 0);
	gyr_session_epoch(gate->table, 3, 1000);
	gyr_session_epoch(gate->table, 4, 5000);
	gate->time = (struct gyr_netdev_time){ .now_ns = 1000000000,
					       .utc_ns = 1700000000000000000,
					       .utc_error_ns = 250 };
}

static inline void gate_fini(struct gate *gate)
{
	gyr_test_net_fini(&gate->net);
	free(gate->memory);
}

static inline void gate_later(struct gate *gate, uint64_t ns)
{
	gate->time.now_ns += ns;
	gate->time.utc_ns += ns;
}

/* Hands one payload in, in memory of exactly its size, so that ASan sees a read beyond. */
static inline void gate_receive(struct gate *gate, const struct gyr_endpoint *from,
				const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length == 0 ? 1 : length);
	struct gyr_datagram datagram = { .payload = exact,
					 .length = (uint32_t)length,
					 .peer = *from };

	gyr_assert(exact != NULL);
	memcpy(exact, bytes, length);
	gyr_session_receive(gate->table, &gate->input, &datagram, &gate->time);
	free(exact);
}

static inline struct gyr_test_packet *gate_flush(struct gate *gate, bool idle)
{
	(void)gyr_session_flush(gate->table, &gate->net.device, &gate->time, idle);
	return gyr_test_net_take(&gate->net);
}

static inline struct peer peer_make(struct gate *gate, uint8_t host, uint16_t port)
{
	return (struct peer){ .gate = gate,
			      .at = gyr_test_endpoint(host, port),
			      .length = GYR_WIRE_HEADER_BYTES };
}

#define PEER_ADD(peer, name, ...)                                                                  \
	((peer)->length += gyr_wire_##name##_encode((peer)->bytes + (peer)->length,                \
						    sizeof(peer)->bytes - (peer)->length,          \
						    &(struct gyr_wire_##name)__VA_ARGS__, 0))

/* A message of any bytes. */
static inline void peer_add_raw(struct peer *peer, uint8_t type, const void *body, size_t length,
				size_t said)
{
	uint8_t *at = peer->bytes + peer->length;

	at[0] = type;
	at[1] = 0;
	gyr_store_be16(at + 2, (uint16_t)said);
	memcpy(at + 4, body, length);
	peer->length += 4 + length;
}

/* Sends what was built; the next one is empty. */
static inline void peer_send(struct peer *peer)
{
	gyr_wire_seal(peer->bytes, peer->length, 0, peer->session,
		      peer->session == 0 ? 0 : ++peer->sequence, 0);
	gate_receive(peer->gate, &peer->at, peer->bytes, peer->length);
	peer->length = GYR_WIRE_HEADER_BYTES;
}

/* The first message of a type in a packet; false when there is none. */
static inline bool packet_find(struct gyr_wire_block *block, const struct gyr_test_packet *packet,
			       uint8_t type)
{
	enum gyr_verdict verdict;
	size_t at = GYR_WIRE_HEADER_BYTES;

	while (packet != NULL && gyr_wire_next(block, &verdict, &at, packet->bytes, packet->length))
		if (block->type == type)
			return true;
	return false;
}

#define PACKET_GET(out, packet, name, NAME)                                                        \
	do {                                                                                       \
		struct gyr_wire_block block_ = { 0 };                                              \
		assert_true(packet_find(&block_, packet, GYR_WIRE_##NAME));                        \
		assert_int_equal(                                                                  \
			gyr_wire_##name##_decode(out, block_.body.data, block_.body.length),       \
			GYR_VERDICT_OK);                                                           \
	} while (0)

/* HELLO, CHALLENGE, HELLO, WELCOME. */
static inline void peer_connect(struct peer *peer, uint32_t last_epoch)
{
	struct gyr_wire_challenge challenge = { 0 };
	struct gyr_wire_welcome welcome = { 0 };

	peer->session = 0;
	peer->sequence = 0;
	PEER_ADD(peer, hello, { .client_nonce = peer->at.port });
	peer_send(peer);
	PACKET_GET(&challenge, gate_flush(peer->gate, false), challenge, CHALLENGE);
	PEER_ADD(peer, hello,
		 { .client_nonce = peer->at.port,
		   .last_epoch = last_epoch,
		   .cookie_stamp = challenge.cookie_stamp,
		   .cookie = challenge.cookie });
	peer_send(peer);
	(void)gyr_session_flush(peer->gate->table, &peer->gate->net.device, &peer->gate->time,
				false);
	(void)gyr_netdev_flush(&peer->gate->net.device);
	PACKET_GET(&welcome, &peer->gate->net.kept[peer->gate->net.head % GYR_TEST_NET_KEPT],
		   welcome, WELCOME);
	assert_true(welcome.client_nonce == peer->at.port && welcome.chain_id == 777);
	peer->session = welcome.session;
	if (last_epoch == 0)
		(void)gyr_test_net_take(&peer->gate->net); /* else the caller looks at it */
}

/* The session handle that the gate uses, learnt from a submission. */
static inline uint32_t peer_handle(struct peer *peer)
{
	static const uint8_t raw[] = { 0x02, 0xc0 };

	PEER_ADD(peer, submit, { .client_tag = 1, .raw = { raw, sizeof raw } });
	peer_send(peer);
	assert_int_equal(peer->gate->input.submission_count, 1);
	return peer->gate->input.submissions[0].session;
}

#endif
