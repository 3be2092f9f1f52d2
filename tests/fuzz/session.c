/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session table against anything. The input is a list of steps {operation u8, length u8,
 * bytes}: datagrams from proven and unproven peers, as they are or with a header that makes the
 * table look further, and between them answers, time, and a device that takes nothing.
 */
#include "gyr_fuzz.h"

#include "../gyr_test_net.h"
#include "gyr_session.h"
#include "gyr_wire.h"

#define PEER_COUNT  3
#define PAYLOAD_MAX 600

/* Bits of an operation. */
enum {
	STEP_PEER = 3,	      /* 0, 1: proven; 2, 3: not */
	STEP_HEADER = 1 << 2, /* put a good header before the bytes */
	STEP_LATER = 1 << 3,  /* time passes, length ms */
	STEP_FLUSH = 1 << 4,
	STEP_ANSWER = 1 << 5, /* answers to the last submission's session */
	STEP_DURABLE = 1 << 6,
	STEP_REFUSE = 1 << 7, /* the device takes nothing during this step */
};

static struct gyr_test_net net;
static struct gyr_session_table *table;
static struct gyr_session_input input;
static struct gyr_netdev_time now;
static uint8_t *memory;
static size_t memory_size;
static uint64_t session_of[PEER_COUNT];
static uint32_t sequence_of[PEER_COUNT];
static uint32_t last_handle;
static uint64_t position;

static void hand_in(unsigned peer, const uint8_t *bytes, size_t length)
{
	uint8_t *exact = malloc(length == 0 ? 1 : length);
	struct gyr_datagram datagram = {
		.payload = exact,
		.length = (uint32_t)length,
		.peer = gyr_test_endpoint((uint8_t)peer, 4000),
	};

	if (exact == NULL)
		abort();
	memcpy(exact, bytes, length);
	gyr_session_receive(table, &input, &datagram, &now);
	for (unsigned i = 0; i < input.submission_count; i++) {
		const struct gyr_submission *s = &input.submissions[i];
		uint8_t sum = 0;

		/* Every byte that is handed on can be read. */
		for (size_t k = 0; k < s->raw.length; k++)
			sum ^= s->raw.data[k];
		for (size_t k = 0; s->nonce != NULL && k < 64; k++)
			sum ^= s->nonce[k];
		gyr_assert(s->raw.length > 0 && s->raw.length <= GYR_WIRE_CHUNKED_MAX);
		last_handle = s->session;
		(void)sum;
	}
	for (unsigned i = 0; i < input.query_count; i++)
		gyr_session_status(table, input.queries[i].session,
				   &(struct gyr_session_status){ .hash = input.queries[i].hash });
	free(exact);
	gyr_assert(gyr_session_counters(table)->bytes_unproven_out <=
		   gyr_session_counters(table)->bytes_unproven_in);
}

static struct gyr_test_packet *flush(bool idle)
{
	(void)gyr_session_flush(table, &net.device, &now, idle);
	return gyr_test_net_take(&net);
}

static void connect_peer(unsigned peer)
{
	uint8_t bytes[128];
	struct gyr_wire_hello hello = { .client_nonce = peer };
	struct gyr_wire_challenge challenge = { 0 };
	struct gyr_wire_welcome welcome = { 0 };
	size_t length;

	for (int round = 0; round < 2; round++) {
		const struct gyr_test_packet *packet;

		length = 36 + gyr_wire_hello_encode(bytes + 36, sizeof bytes - 36, &hello, 0);
		gyr_wire_seal(bytes, length, 0, 0, 0, 0);
		hand_in(peer, bytes, length);
		packet = flush(true);
		gyr_assert(packet != NULL);
		if (round == 0) {
			gyr_assert(gyr_wire_challenge_decode(&challenge, packet->bytes + 40,
							     packet->length - 40) ==
				   GYR_VERDICT_OK);
			hello.cookie = challenge.cookie;
			hello.cookie_stamp = challenge.cookie_stamp;
		} else {
			gyr_assert(gyr_wire_welcome_decode(&welcome, packet->bytes + 40,
							   packet->length - 40) == GYR_VERDICT_OK);
			session_of[peer] = welcome.session;
			sequence_of[peer] = 0;
		}
	}
}

static void make_table(void)
{
	struct gyr_session_conf conf = { .secret = { 9 } };
	struct gyr_arena arena;

	gyr_session_conf_default(&conf);
	conf.session_count_max = 4;
	conf.history_bytes = 4 * PAYLOAD_MAX;
	conf.history_count_max = 8;
	conf.chunked_count_max = 2;
	conf.rate = 10000;
	conf.burst = 300;
	if (memory == NULL) {
		memory_size = gyr_session_arena_size(&conf, PAYLOAD_MAX);
		memory = malloc(memory_size);
		gyr_assert(memory != NULL);
		gyr_test_net_init(&net, PAYLOAD_MAX);
	}
	arena = gyr_arena_over(memory, memory_size);
	gyr_assert(gyr_session_init(&table, &arena, &conf, PAYLOAD_MAX) == 0);
	gyr_session_epoch(table, 7, 500);
	now = (struct gyr_netdev_time){ .now_ns = 1000000000, .utc_ns = 1700000000000000000 };
	last_handle = GYR_SESSION_NONE;
	position = 1000;
	net.refusing = false;
	connect_peer(0);
	connect_peer(1);
}

/* A sender's transaction was ordered; then what is asked for is there, or is not. */
static void settle(uint8_t tag)
{
	struct gyr_address sender = { { tag & 7 } };
	const struct gyr_session_key_request *request;

	gyr_session_key_settled(table, last_handle, (tag & 8) != 0 ? &sender : NULL, tag & 3,
				tag >> 6, now.now_ns);
	while ((request = gyr_session_key_request(table)) != NULL && (tag & 16) != 0) {
		struct gyr_session_key_request taken = *request;

		gyr_session_key_requested(table);
		if (taken.release == 0)
			gyr_session_key_answer(table, taken.session, &taken.address,
					       (tag & 32) != 0 ? tag : 0,
					       (tag & 32) != 0 && taken.pinned, now.now_ns);
	}
}

static void answer(uint8_t tag)
{
	settle(tag);
	gyr_session_ordered(table, last_handle,
			    &(struct gyr_session_order){ .client_tag = tag,
							 .position = position += 10,
							 .epoch = 7,
							 .answers = tag });
	gyr_session_executed(table, last_handle,
			     &(struct gyr_session_result){ .client_tag = tag, .status = tag & 1 });
	gyr_session_skipped(table, last_handle, &(struct gyr_session_result){ .client_tag = tag },
			    GYR_VERDICT_SKIP_NONCE);
	gyr_session_rejected(table, last_handle, tag, 0, GYR_VERDICT_RING_FULL, NULL);
}

static void step(uint8_t operation, const uint8_t *bytes, size_t length)
{
	unsigned peer = operation & STEP_PEER;
	uint8_t datagram[36 + 255];

	net.refusing = (operation & STEP_REFUSE) != 0;
	if ((operation & STEP_LATER) != 0) {
		now.now_ns += length * length * 1000000;
		now.utc_ns += length * length * 1000000;
		gyr_session_tick(table, &now);
	}
	if ((operation & STEP_HEADER) != 0) {
		memcpy(datagram + 36, bytes, length);
		gyr_wire_seal(datagram, 36 + length, 0, peer < 2 ? session_of[peer] : 0,
			      peer < 2 ? ++sequence_of[peer] : 0, 0);
		hand_in(peer, datagram, 36 + length);
	} else {
		hand_in(peer, bytes, length);
	}
	if ((operation & STEP_ANSWER) != 0)
		answer((uint8_t)length);
	if ((operation & STEP_DURABLE) != 0)
		gyr_session_durable(table, 7, position);
	if ((operation & STEP_FLUSH) != 0)
		while (flush((operation & STEP_LATER) != 0) != NULL)
			;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;

	make_table();
	for (unsigned steps = 0; steps < 400 && size - at >= 2; steps++) {
		size_t length = gyr_min_u64(data[at + 1], size - at - 2);

		step(data[at], data + at + 2, length);
		at += 2 + length;
	}
	net.refusing = false;
	gyr_session_close_all(table, GYR_VERDICT_STOPPING);
	while (flush(true) != NULL)
		;
	(void)gyr_session_flush(table, &net.device, &now, true);
	while (gyr_test_net_take(&net) != NULL)
		;
	for (int i = 0; i < 64 && !gyr_session_drained(table); i++)
		while (flush(true) != NULL)
			;
	gyr_assert(gyr_session_drained(table) && gyr_session_count(table) == 0);
	return 0;
}
