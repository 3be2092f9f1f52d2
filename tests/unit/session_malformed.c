/* SPDX-License-Identifier: Apache-2.0 */
/* Malformed order entry, case by case: each gets its code, and each code has a text. */
#include "gyr_test.h"

#include "session_gate.h"

struct malformed {
	const char *what;
	bool proven; /* sent within a session */
	void (*build)(struct peer *peer);
	enum gyr_verdict want; /* OK: nothing is answered */
	uint8_t refused;       /* the message type that REJECTED names */
};

static uint8_t zeros[2048];

/* Seals by hand, changes bytes, hands in. */
static void send_changed(struct peer *peer, size_t at, uint8_t value, size_t length)
{
	gyr_wire_seal(peer->bytes, peer->length, 0, peer->session, ++peer->sequence, 0);
	peer->bytes[at] = value;
	gate_receive(peer->gate, &peer->at, peer->bytes, length);
	peer->length = GYR_WIRE_HEADER_BYTES;
}

static void empty(struct peer *peer)
{
	gate_receive(peer->gate, &peer->at, peer->bytes, 0);
}

static void half_a_header(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 0, 1, 20);
}

static void cut_on_the_way(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	PEER_ADD(peer, ping, { 0 });
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 0, 1, peer->length - 12);
}

static void other_version(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 0, 9, peer->length);
}

static void from_the_gate(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 1, GYR_WIRE_DATAGRAM_FROM_GATE, peer->length);
}

static void tag_not_zero(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 20, 1, peer->length);
}

static void no_hello(struct peer *peer)
{
	PEER_ADD(peer, submit, { .raw = { zeros, 100 } });
	peer_send(peer);
}

static void hello_short(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_HELLO, zeros, 40, 40);
	peer_send(peer);
}

static void hello_padding(struct peer *peer)
{
	uint8_t body[GYR_WIRE_HELLO_BYTES] = { [63] = 1 };

	peer_add_raw(peer, GYR_WIRE_HELLO, body, sizeof body, sizeof body);
	peer_send(peer);
}

static void hello_cookie(struct peer *peer)
{
	PEER_ADD(peer, hello, { .cookie_stamp = 1, .cookie = 12345 });
	peer_send(peer);
}

static void stranger(struct peer *peer)
{
	peer->session = 0x1234567800000001;
	PEER_ADD(peer, ping, { 0 });
	peer_send(peer);
}

static void hello_inside(struct peer *peer)
{
	PEER_ADD(peer, hello, { 0 });
	peer_send(peer);
}

static void type_unknown(struct peer *peer)
{
	peer_add_raw(peer, 0x42, zeros, 8, 8);
	peer_send(peer);
}

static void type_of_the_gate(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_ORDERED, zeros, GYR_WIRE_ORDERED_BYTES, GYR_WIRE_ORDERED_BYTES);
	peer_send(peer);
}

static void block_over_the_end(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_PING, zeros, 8, 9);
	peer_send(peer);
}

static void half_a_block(struct peer *peer)
{
	PEER_ADD(peer, goodbye, { 0 });
	peer->bytes[36] = GYR_WIRE_PING;
	peer->length -= 2;
	peer_send(peer);
}

static void block_flags(struct peer *peer)
{
	PEER_ADD(peer, ping, { 0 });
	send_changed(peer, 37, 1, peer->length);
}

static void submit_short(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_SUBMIT, zeros, 19, 19);
	peer_send(peer);
}

static void submit_empty(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_SUBMIT, zeros, 20, 20);
	peer_send(peer);
}

static void submit_hint_long(struct peer *peer)
{
	uint8_t body[300] = { [18] = 0, [19] = 200 };

	peer_add_raw(peer, GYR_WIRE_SUBMIT, body, sizeof body, sizeof body);
	peer_send(peer);
}

static void submit_hint_over_the_end(struct peer *peer)
{
	uint8_t body[60] = { [18] = 0, [19] = 100 };

	peer_add_raw(peer, GYR_WIRE_SUBMIT, body, sizeof body, sizeof body);
	peer_send(peer);
}

static void submit_answers_unknown(struct peer *peer)
{
	uint8_t body[60] = { [16] = 0x10 };

	peer_add_raw(peer, GYR_WIRE_SUBMIT, body, sizeof body, sizeof body);
	peer_send(peer);
}

static void submit_expired(struct peer *peer)
{
	PEER_ADD(peer, submit, { .expires_at = 1, .raw = { zeros, 100 } });
	peer_send(peer);
}

static void submit_too_long(struct peer *peer)
{
	PEER_ADD(peer, submit, { .raw = { zeros, 1201 } });
	peer_send(peer);
}

static void chunk_without_begin(struct peer *peer)
{
	PEER_ADD(peer, chunk, { .client_tag = 5, .data = { zeros, 100 } });
	peer_send(peer);
}

static void chunk_begin_zero(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_CHUNK_BEGIN, zeros, GYR_WIRE_CHUNK_BEGIN_BYTES,
		     GYR_WIRE_CHUNK_BEGIN_BYTES);
	peer_send(peer);
}

static void chunk_begin_too_long(struct peer *peer)
{
	PEER_ADD(peer, chunk_begin, { .raw_length = GYR_WIRE_CHUNKED_MAX + 1 });
	peer_send(peer);
}

static void chunk_odd_offset(struct peer *peer)
{
	PEER_ADD(peer, chunk_begin, { .client_tag = 5, .raw_length = 5000 });
	PEER_ADD(peer, chunk, { .client_tag = 5, .offset = 100, .data = { zeros, 1024 } });
	peer_send(peer);
}

static void chunk_wrong_length(struct peer *peer)
{
	PEER_ADD(peer, chunk_begin, { .client_tag = 5, .raw_length = 5000 });
	PEER_ADD(peer, chunk, { .client_tag = 5, .offset = 1024, .data = { zeros, 1000 } });
	peer_send(peer);
}

static void chunk_beyond(struct peer *peer)
{
	PEER_ADD(peer, chunk_begin, { .client_tag = 5, .raw_length = 2048 });
	PEER_ADD(peer, chunk, { .client_tag = 5, .offset = 2048, .data = { zeros, 1024 } });
	peer_send(peer);
}

static void chunk_third(struct peer *peer)
{
	for (uint64_t i = 0; i < 3; i++)
		PEER_ADD(peer, chunk_begin, { .client_tag = i, .raw_length = 2048 });
	peer_send(peer);
}

static void status_short(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_STATUS, zeros, 39, 39);
	peer_send(peer);
}

static void ping_long(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_PING, zeros, 9, 9);
	peer_send(peer);
}

static void rerequest_none(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_REREQUEST, zeros, 8, 8);
	peer_send(peer);
}

static void rerequest_future(struct peer *peer)
{
	PEER_ADD(peer, rerequest, { .first = 1000, .count = 1 });
	peer_send(peer);
}

static void goodbye_long(struct peer *peer)
{
	peer_add_raw(peer, GYR_WIRE_GOODBYE, zeros, 1, 1);
	peer_send(peer);
}

static void too_many_messages(struct peer *peer)
{
	for (int i = 0; i < GYR_SESSION_MESSAGES_MAX + 1; i++)
		PEER_ADD(peer, ping, { 0 });
	peer_send(peer);
}

static const struct malformed rows[] = {
	/* Without a session. */
	{ "nothing at all", false, empty, GYR_VERDICT_OK, 0 },
	{ "half a header: an answer would be longer", false, half_a_header, GYR_VERDICT_OK, 0 },
	{ "cut on the way", false, cut_on_the_way, GYR_VERDICT_MESSAGE_TRUNCATED, 0 },
	{ "another version", false, other_version, GYR_VERDICT_VERSION, 0 },
	{ "says it is from a gate", false, from_the_gate, GYR_VERDICT_MESSAGE_FIELD, 0 },
	{ "tag not zero", false, tag_not_zero, GYR_VERDICT_MESSAGE_FIELD, 0 },
	{ "SUBMIT before HELLO", false, no_hello, GYR_VERDICT_SESSION_UNPROVEN, GYR_WIRE_SUBMIT },
	{ "HELLO cut short", false, hello_short, GYR_VERDICT_MESSAGE_TRUNCATED, GYR_WIRE_HELLO },
	{ "HELLO padding not zero", false, hello_padding, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_HELLO },
	{ "HELLO with a made-up cookie", false, hello_cookie, GYR_VERDICT_COOKIE, GYR_WIRE_HELLO },
	{ "a session that nobody has", false, stranger, GYR_VERDICT_SESSION_UNKNOWN, 0 },
	/* Within a session. */
	{ "cut on the way", true, cut_on_the_way, GYR_VERDICT_MESSAGE_TRUNCATED, 0 },
	{ "another version", true, other_version, GYR_VERDICT_VERSION, 0 },
	{ "says it is from a gate", true, from_the_gate, GYR_VERDICT_MESSAGE_FIELD, 0 },
	{ "tag not zero", true, tag_not_zero, GYR_VERDICT_MESSAGE_FIELD, 0 },
	{ "HELLO inside a session", true, hello_inside, GYR_VERDICT_MESSAGE_FIELD, GYR_WIRE_HELLO },
	{ "an unknown message type", true, type_unknown, GYR_VERDICT_MESSAGE_UNKNOWN, 0x42 },
	{ "a message of the gate's", true, type_of_the_gate, GYR_VERDICT_MESSAGE_UNKNOWN,
	  GYR_WIRE_ORDERED },
	{ "a block over the end", true, block_over_the_end, GYR_VERDICT_MESSAGE_TRUNCATED, 0 },
	{ "half a block", true, half_a_block, GYR_VERDICT_MESSAGE_TRUNCATED, 0 },
	{ "flags of a message", true, block_flags, GYR_VERDICT_MESSAGE_FIELD, GYR_WIRE_PING },
	{ "SUBMIT cut short", true, submit_short, GYR_VERDICT_MESSAGE_TRUNCATED, GYR_WIRE_SUBMIT },
	{ "SUBMIT of nothing", true, submit_empty, GYR_VERDICT_MESSAGE_TRUNCATED, GYR_WIRE_SUBMIT },
	{ "SUBMIT with too long a hint", true, submit_hint_long, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_SUBMIT },
	{ "SUBMIT with a hint over the end", true, submit_hint_over_the_end,
	  GYR_VERDICT_MESSAGE_TRUNCATED, GYR_WIRE_SUBMIT },
	{ "SUBMIT wants an unknown answer", true, submit_answers_unknown, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_SUBMIT },
	{ "SUBMIT that has expired", true, submit_expired, GYR_VERDICT_EXPIRED, GYR_WIRE_SUBMIT },
	{ "SUBMIT longer than the gate takes", true, submit_too_long, GYR_VERDICT_TX_TOO_LONG,
	  GYR_WIRE_SUBMIT },
	{ "CHUNK without CHUNK_BEGIN", true, chunk_without_begin, GYR_VERDICT_CHUNK_MISMATCH,
	  GYR_WIRE_CHUNK },
	{ "CHUNK_BEGIN of nothing", true, chunk_begin_zero, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_CHUNK_BEGIN },
	{ "CHUNK_BEGIN beyond 128 KiB", true, chunk_begin_too_long, GYR_VERDICT_CHUNK_LIMIT,
	  GYR_WIRE_CHUNK_BEGIN },
	{ "CHUNK at an odd offset", true, chunk_odd_offset, GYR_VERDICT_CHUNK_MISMATCH,
	  GYR_WIRE_CHUNK },
	{ "CHUNK of a wrong length", true, chunk_wrong_length, GYR_VERDICT_CHUNK_MISMATCH,
	  GYR_WIRE_CHUNK },
	{ "CHUNK beyond the end", true, chunk_beyond, GYR_VERDICT_CHUNK_MISMATCH, GYR_WIRE_CHUNK },
	{ "a third assembly where two may be", true, chunk_third, GYR_VERDICT_CHUNK_LIMIT,
	  GYR_WIRE_CHUNK_BEGIN },
	{ "STATUS cut short", true, status_short, GYR_VERDICT_MESSAGE_TRUNCATED, GYR_WIRE_STATUS },
	{ "PING too long", true, ping_long, GYR_VERDICT_MESSAGE_FIELD, GYR_WIRE_PING },
	{ "REREQUEST of nothing", true, rerequest_none, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_REREQUEST },
	{ "REREQUEST of the future", true, rerequest_future, GYR_VERDICT_MESSAGE_FIELD,
	  GYR_WIRE_REREQUEST },
	{ "GOODBYE too long", true, goodbye_long, GYR_VERDICT_MESSAGE_FIELD, GYR_WIRE_GOODBYE },
	{ "more messages than are looked at", true, too_many_messages, GYR_VERDICT_MESSAGE_FIELD,
	  0 },
};

static void short_transactions(struct gyr_session_conf *conf)
{
	conf->transaction_bytes_max = 1200;
}

/* The code that the gate answered with, and the refused type; OK when it answered nothing bad. */
static enum gyr_verdict answered(struct gate *gate, uint8_t *refused)
{
	struct gyr_test_packet *packet = gate_flush(gate, true);
	struct gyr_wire_block block = { 0 };
	struct gyr_wire_rejected rejected = { 0 };
	struct gyr_wire_closed closed = { 0 };

	for (; packet != NULL; packet = gyr_test_net_take(&gate->net)) {
		*refused = 0;
		if (packet_find(&block, packet, GYR_WIRE_REJECTED)) {
			assert_int_equal(gyr_wire_rejected_decode(&rejected, block.body.data,
								  block.body.length),
					 GYR_VERDICT_OK);
			*refused = rejected.refused;
			return rejected.code;
		}
		if (packet_find(&block, packet, GYR_WIRE_CLOSED)) {
			assert_int_equal(
				gyr_wire_closed_decode(&closed, block.body.data, block.body.length),
				GYR_VERDICT_OK);
			return closed.reason;
		}
	}
	return GYR_VERDICT_OK;
}

static void each_malformed_input_gets_its_code_and_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		struct gate gate;
		struct peer peer;
		enum gyr_verdict got;
		uint8_t refused = 0;

		gate_init(&gate, short_transactions);
		peer = peer_make(&gate, 1, 4000);
		if (rows[i].proven)
			peer_connect(&peer, 0);
		rows[i].build(&peer);
		got = answered(&gate, &refused);
		print_message("%-44s %-3s %3u %-18s %s\n", rows[i].what,
			      rows[i].proven ? "in" : "out", got, gyr_verdict_name(got),
			      got == GYR_VERDICT_OK ? "(no answer)" : gyr_verdict_text(got));
		if (got != rows[i].want || (got != GYR_VERDICT_OK && refused != rows[i].refused))
			fail_msg("%s: want %s for type %u, got %s for %u", rows[i].what,
				 gyr_verdict_name(rows[i].want), rows[i].refused,
				 gyr_verdict_name(got), refused);
		assert_int_equal(gate.input.submission_count, 0);
		assert_true(gyr_session_counters(gate.table)->bytes_unproven_out <=
			    gyr_session_counters(gate.table)->bytes_unproven_in);
		gate_fini(&gate);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_malformed_input_gets_its_code_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
