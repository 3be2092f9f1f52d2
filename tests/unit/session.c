/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include "gyr_err.h"
#include "session_gate.h"
#include "siphash.h"

static const uint8_t raw[2000] = { 0x02, 0xf8 };

static struct gyr_session_order order_at(uint64_t tag, uint64_t position, uint8_t answers)
{
	return (struct gyr_session_order){
		.client_tag = tag,
		.position = position,
		.arrival = tag,
		.released_by = tag,
		.received_at_ns = 55,
		.received_error_ns = 6,
		.epoch = 4,
		.answers = answers,
	};
}

static void siphash_equals_its_published_vectors(void **state)
{
	/* Key 00..0f, input 00..07 and 00..0f: vectors 8 and 16 of the reference tables. */
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	const uint64_t words[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	(void)state;
	assert_true(siphash_words(&key, words, 0) == 0x726fdb47dd0e0e31);
	assert_true(siphash_words(&key, words, 1) == 0x93f5f5799a932462);
	assert_true(siphash_words(&key, words, 2) == 0x3f2acc7f57c29bdb);
}

static void a_cookie_proves_one_address_for_a_while(void **state)
{
	struct gate gate;
	struct gyr_wire_challenge challenge = { 0 };
	struct peer peer, thief;
	struct gyr_wire_block block = { 0 };

	(void)state;
	gate_init(&gate, NULL);
	gyr_session_tick(gate.table, &gate.time);
	peer = peer_make(&gate, 1, 4000);
	PEER_ADD(&peer, hello, { .client_nonce = 9 });
	peer_send(&peer);
	assert_int_equal(gyr_session_count(gate.table), 0);
	PACKET_GET(&challenge, gate_flush(&gate, false), challenge, CHALLENGE);
	for (int i = 0; i < 3; i++) {
		/* Another port, another host: refused. */
		thief = peer_make(&gate, i == 0 ? 1 : 2, i == 1 ? 4000 : 4001);
		PEER_ADD(&thief, hello,
			 { .cookie_stamp = challenge.cookie_stamp, .cookie = challenge.cookie });
		peer_send(&thief);
		assert_false(packet_find(&block, gate_flush(&gate, false), GYR_WIRE_WELCOME));
	}
	for (int i = 0; i < 3; i++) {
		/* Good after one rotation, not after two. */
		PEER_ADD(&peer, hello,
			 { .client_nonce = (uint64_t)i,
			   .cookie_stamp = challenge.cookie_stamp,
			   .cookie = challenge.cookie });
		peer_send(&peer);
		assert_true(packet_find(&block, gate_flush(&gate, false), GYR_WIRE_WELCOME) ==
			    (i < 2));
		gate_later(&gate, 10000000000);
		gyr_session_tick(gate.table, &gate.time);
	}
	gate_fini(&gate);
}

static void a_repeated_hello_keeps_the_session(void **state)
{
	struct gate gate;
	struct peer peer;
	uint64_t first;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	first = peer.session;
	peer_connect(&peer, 0); /* the same nonce: WELCOME was lost */
	assert_true(peer.session == first);
	assert_int_equal(gyr_session_count(gate.table), 1);
	assert_int_equal(gyr_session_counters(gate.table)->sessions_opened, 1);
	gate_fini(&gate);
}

static void unproven_addresses_never_get_more_than_they_sent(void **state)
{
	uint64_t seed = gyr_test_seed();
	struct gate gate;
	uint64_t in[8] = { 0 }, out[8] = { 0 };
	uint8_t bytes[256];

	(void)state;
	gate_init(&gate, NULL);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t r = gyr_test_random(&seed);
		struct gyr_endpoint from = gyr_test_endpoint((uint8_t)(r % 8), 4000);
		size_t length = (r >> 8) % sizeof bytes;

		for (size_t k = 0; k < sizeof bytes; k++)
			bytes[k] = (uint8_t)(gyr_test_random(&seed) % 3);
		if (length >= GYR_WIRE_HEADER_BYTES && (r >> 20) % 4 != 0)
			gyr_wire_seal(bytes, length, 0, (r >> 24) % 2, 1, 0);
		if (length >= 104 && (r >> 28) % 2 == 0) {
			length = 104;
			gyr_wire_seal(bytes, length, 0, 0, 1, 0);
			(void)gyr_wire_hello_encode(
				bytes + 36, 68, &(struct gyr_wire_hello){ .cookie = r >> 60 }, 0);
		}
		in[r % 8] += length;
		gate_receive(&gate, &from, bytes, length);
		gate_later(&gate, 2000000);
		for (struct gyr_test_packet *packet = gate_flush(&gate, false); packet != NULL;
		     packet = gyr_test_net_take(&gate.net))
			out[packet->to.address[15]] += packet->length;
	}
	for (unsigned i = 0; i < 8; i++) {
		assert_true(out[i] > 0);
		assert_true(out[i] <= in[i]);
	}
	assert_int_equal(gyr_session_count(gate.table), 0);
	gate_fini(&gate);
}

static void strangers_share_one_bucket_that_members_do_not_need(void **state)
{
	struct gate gate;
	struct peer member, stranger;
	struct gyr_wire_challenge challenge = { 0 };
	unsigned answered = 0;
	struct gyr_wire_block block = { 0 };

	(void)state;
	gate_init(&gate, NULL);
	member = peer_make(&gate, 1, 4000);
	PEER_ADD(&member, hello, { .client_nonce = 1 });
	peer_send(&member);
	PACKET_GET(&challenge, gate_flush(&gate, false), challenge, CHALLENGE);
	for (unsigned i = 0; i < 1000; i++) {
		stranger = peer_make(&gate, (uint8_t)(i % 200), (uint16_t)(5000 + i));
		PEER_ADD(&stranger, hello, { .client_nonce = i });
		peer_send(&stranger);
		answered += gate_flush(&gate, false) != NULL;
	}
	assert_int_equal(answered, 199); /* the burst, less the member's own */
	assert_int_equal(gyr_session_counters(gate.table)->unproven_limited, 801);
	PEER_ADD(&member, hello,
		 { .client_nonce = 1,
		   .cookie_stamp = challenge.cookie_stamp,
		   .cookie = challenge.cookie });
	peer_send(&member);
	assert_true(packet_find(&block, gate_flush(&gate, false), GYR_WIRE_WELCOME));
	gate_fini(&gate);
}

static void slow_rate(struct gyr_session_conf *conf)
{
	conf->rate = 1000;
	conf->burst = 10;
}

static void a_session_keeps_to_its_rate(void **state)
{
	struct gate gate;
	struct peer peer;
	unsigned taken = 0;

	(void)state;
	gate_init(&gate, slow_rate);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	for (int i = 0; i < 30; i++) {
		PEER_ADD(&peer, submit, { .client_tag = (uint64_t)i, .raw = { raw, 100 } });
		peer_send(&peer);
		taken += gate.input.submission_count;
	}
	assert_int_equal(taken, 10);
	assert_int_equal(gyr_session_counters(gate.table)->rate_limited, 20);
	for (int i = 0; i < 100; i++) {
		gate_later(&gate, 500000); /* half of what one token needs */
		PEER_ADD(&peer, submit, { .raw = { raw, 100 } });
		peer_send(&peer);
		taken += gate.input.submission_count;
	}
	assert_int_equal(taken, 60);
	gate_fini(&gate);
}

static void gaps_and_repetitions_of_the_client_are_counted(void **state)
{
	static const uint32_t sent[] = { 1, 2, 2, 5, 3, 3, 1, 200, 4, 199 };
	struct gate gate;
	struct peer peer;
	unsigned taken = 0;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	for (size_t i = 0; i < GYR_COUNT(sent); i++) {
		peer.sequence = sent[i] - 1;
		PEER_ADD(&peer, submit, { .raw = { raw, 10 } });
		peer_send(&peer);
		taken += gate.input.submission_count;
	}
	/* 1 2 5 3 200 199 are taken; 4 is too old by then. */
	assert_int_equal(taken, 6);
	assert_int_equal(gyr_session_counters(gate.table)->sequence_repeated, 4);
	assert_int_equal(gyr_session_counters(gate.table)->sequence_missing, 200 - 6);
	gate_fini(&gate);
}

static void chunks_come_in_any_order(void **state)
{
	static uint8_t long_raw[GYR_WIRE_CHUNKED_MAX - 100];
	uint64_t seed = gyr_test_seed();
	struct gate gate;
	struct peer peer;
	uint32_t chunks = (sizeof long_raw + 1023) / 1024, completed = 0;
	uint8_t hash[32] = { 7, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof long_raw; i++)
		long_raw[i] = (uint8_t)gyr_test_random(&seed);
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	for (int round = 0; round < 20; round++) {
		struct gyr_wire_chunk_begin begin = { .client_tag = 5,
						      .answers = 3,
						      .raw_length = sizeof long_raw };
		uint32_t stride = 2 * (uint32_t)(gyr_test_random(&seed) % 64) + 1;

		memcpy(begin.hash, hash, 32);
		peer.length += gyr_wire_chunk_begin_encode(peer.bytes + peer.length, 200, &begin,
							   0);
		peer_send(&peer);
		for (uint32_t i = 0, at = 0; i < 128; i++, at = (at + stride) % 128) {
			uint32_t offset = at * 1024;

			if (at >= chunks)
				continue;
			for (int twice = 0; twice < 2; twice++) {
				PEER_ADD(&peer, chunk,
					 { .client_tag = 5,
					   .offset = offset,
					   .data = {
						   long_raw + offset,
						   gyr_min_u64(1024, sizeof long_raw - offset) } });
				peer_send(&peer);
				if (gate.input.submission_count == 0)
					continue;
				completed++;
				assert_int_equal(gate.input.submissions[0].raw.length,
						 sizeof long_raw);
				assert_memory_equal(gate.input.submissions[0].raw.data, long_raw,
						    sizeof long_raw);
				assert_memory_equal(gate.input.submissions[0].declared_hash, hash,
						    32);
				assert_int_equal(gate.input.submissions[0].answers, 3);
				break;
			}
		}
		assert_int_equal(completed, round + 1);
	}
	assert_int_equal(gyr_session_counters(gate.table)->chunk_completed, 20);
	gate_fini(&gate);
}

static void chunks_that_do_not_complete_make_room_again(void **state)
{
	struct gate gate;
	struct peer peer;
	struct gyr_wire_rejected rejected = { 0 };

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	for (int round = 0; round < 10; round++) {
		PEER_ADD(&peer, chunk_begin, { .client_tag = 5, .raw_length = 5000 });
		PEER_ADD(&peer, chunk_begin, { .client_tag = 6, .raw_length = 5000 });
		peer_send(&peer);
		assert_null(gate_flush(&gate, true));
		gate_later(&gate, 1000000000);
		gyr_session_tick(gate.table, &gate.time);
		PACKET_GET(&rejected, gate_flush(&gate, false), rejected, REJECTED);
		assert_int_equal(rejected.code, GYR_VERDICT_CHUNK_EXPIRED);
		assert_int_equal(rejected.client_tag, 5);
		assert_int_equal(rejected.hash.length, 32);
	}
	assert_int_equal(gyr_session_counters(gate.table)->chunk_expired, 20);
	gate_fini(&gate);
}

static void ordered_goes_at_once_and_executed_may_wait(void **state)
{
	struct gate gate;
	struct peer peer;
	uint32_t handle;
	struct gyr_session_order order = order_at(5, 6000, GYR_WIRE_ANSWERS_ORDERED);
	struct gyr_session_result result = {
		.client_tag = 5, .epoch = 4, .position = 6000, .gas_used = 21000, .status = 1
	};
	struct gyr_wire_ordered ordered = { 0 };
	struct gyr_test_packet *packet;
	struct gyr_wire_block block = { 0 };

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	handle = peer_handle(&peer);
	gyr_session_ordered(gate.table, handle, &order);
	packet = gate_flush(&gate, false);
	PACKET_GET(&ordered, packet, ordered, ORDERED);
	assert_true(ordered.client_tag == 5 && ordered.epoch == 4 && ordered.position == 6000 &&
		    ordered.received_at == 55);
	/* Under load: not before 100 us are over. */
	gyr_session_executed(gate.table, handle, &result);
	assert_null(gate_flush(&gate, false));
	gate_later(&gate, 99000);
	gyr_session_executed(gate.table, handle, &result);
	assert_null(gate_flush(&gate, false));
	gate_later(&gate, 1000);
	packet = gate_flush(&gate, false);
	assert_non_null(packet);
	assert_int_equal(packet->length, GYR_WIRE_HEADER_BYTES + 2 * (GYR_WIRE_BLOCK_BYTES +
								      GYR_WIRE_EXECUTED_BYTES));
	/* When idle: at once. */
	gyr_session_executed(gate.table, handle, &result);
	assert_non_null(gate_flush(&gate, true));
	/* With what is urgent: at once. */
	gyr_session_executed(gate.table, handle, &result);
	gyr_session_rejected(gate.table, handle, 9, 0, GYR_VERDICT_RING_FULL, NULL);
	packet = gate_flush(&gate, false);
	assert_true(packet_find(&block, packet, GYR_WIRE_EXECUTED));
	assert_true(packet_find(&block, packet, GYR_WIRE_REJECTED));
	assert_true(gyr_session_drained(gate.table));
	gate_fini(&gate);
}

static void durable_is_told_only_where_it_is_awaited(void **state)
{
	struct gate gate;
	struct peer waits, does_not;
	uint32_t handle, other;
	struct gyr_session_order order = order_at(5, 6000, GYR_WIRE_ANSWERS_DURABLE);
	struct gyr_wire_durable durable = { 0 };
	struct gyr_test_packet *packet;

	(void)state;
	gate_init(&gate, NULL);
	waits = peer_make(&gate, 1, 4000);
	peer_connect(&waits, 0);
	handle = peer_handle(&waits);
	does_not = peer_make(&gate, 2, 4000);
	peer_connect(&does_not, 0);
	other = peer_handle(&does_not);
	gyr_session_ordered(gate.table, handle, &order);
	order = order_at(6, 6000, 0);
	gyr_session_ordered(gate.table, other, &order);
	assert_null(gate_flush(&gate, true)); /* nobody wanted ORDERED */
	gyr_session_durable(gate.table, 4, 6000);
	assert_null(gate_flush(&gate, true)); /* not beyond it yet */
	gyr_session_durable(gate.table, 4, 6100);
	gyr_session_durable(gate.table, 4, 6200);
	packet = gate_flush(&gate, true);
	PACKET_GET(&durable, packet, durable, DURABLE);
	assert_true(durable.epoch == 4 && durable.position == 6100);
	assert_int_equal(packet->to.address[15], 1);
	assert_int_equal(packet->length,
			 GYR_WIRE_HEADER_BYTES + GYR_WIRE_BLOCK_BYTES + GYR_WIRE_DURABLE_BYTES);
	assert_null(gyr_test_net_take(&gate.net));
	gyr_session_durable(gate.table, 4, 7000);
	assert_null(gate_flush(&gate, true)); /* nothing is awaited any more */
	/* What is durable when it is answered again is told at once. */
	order = order_at(5, 6000, GYR_WIRE_ANSWERS_DURABLE);
	order.again = true;
	gyr_session_ordered(gate.table, handle, &order);
	PACKET_GET(&durable, gate_flush(&gate, true), durable, DURABLE);
	assert_true(durable.position == 7000);
	/* A watermark that has not left moves in place. */
	order = order_at(7, 7000, GYR_WIRE_ANSWERS_DURABLE);
	gyr_session_ordered(gate.table, handle, &order);
	order = order_at(8, 9000, GYR_WIRE_ANSWERS_DURABLE);
	gyr_session_ordered(gate.table, handle, &order);
	gyr_session_durable(gate.table, 4, 8000);
	gyr_session_durable(gate.table, 4, 9500);
	packet = gate_flush(&gate, true);
	PACKET_GET(&durable, packet, durable, DURABLE);
	assert_true(durable.position == 9500);
	assert_int_equal(packet->length, 36 + 4 + GYR_WIRE_DURABLE_BYTES);
	gate_fini(&gate);
}

static void answers_are_repeated_as_they_were(void **state)
{
	static struct gyr_test_packet kept[500];
	uint32_t last = 0;
	struct gate gate;
	struct peer peer;
	uint32_t handle;
	struct gyr_wire_rejected rejected = { 0 };
	struct gyr_test_packet *packet;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	handle = peer_handle(&peer);
	for (uint32_t i = 0; i < 200; i++) {
		struct gyr_session_order order = order_at(i, 6000 + i, 1);

		for (uint32_t k = 0; k <= i % 40; k++)
			gyr_session_ordered(gate.table, handle, &order);
		for (packet = gate_flush(&gate, false); packet != NULL;
		     packet = gyr_test_net_take(&gate.net)) {
			last = gyr_load_be32(packet->bytes + 16);
			assert_true(last < GYR_COUNT(kept));
			kept[last] = *packet;
		}
		/* The last three again: byte for byte, flag excepted. */
		if (i < 4)
			continue;
		PEER_ADD(&peer, rerequest, { .first = last - 2, .count = 3 });
		peer_send(&peer);
		for (uint32_t k = last - 2; k <= last; k++) {
			packet = k == last - 2 ? gate_flush(&gate, false)
					       : gyr_test_net_take(&gate.net);
			assert_non_null(packet);
			assert_int_equal(gyr_load_be32(packet->bytes + 16), k);
			assert_int_equal(packet->bytes[1],
					 GYR_WIRE_DATAGRAM_FROM_GATE | GYR_WIRE_DATAGRAM_REPEATED);
			packet->bytes[1] = GYR_WIRE_DATAGRAM_FROM_GATE;
			assert_int_equal(packet->length, kept[k].length);
			assert_memory_equal(packet->bytes, kept[k].bytes, packet->length);
		}
		assert_null(gyr_test_net_take(&gate.net));
	}
	/* Far back: gone, and said so. */
	PEER_ADD(&peer, rerequest, { .first = 2, .count = 5 });
	peer_send(&peer);
	PACKET_GET(&rejected, gate_flush(&gate, false), rejected, REJECTED);
	assert_int_equal(rejected.code, GYR_VERDICT_HISTORY_GONE);
	assert_int_equal(rejected.client_tag, 2);
	gate_fini(&gate);
}

static void a_device_that_takes_nothing_delays_answers(void **state)
{
	struct gate gate;
	struct peer peer;
	uint32_t handle, next = 2;
	struct gyr_test_packet *packet;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	handle = peer_handle(&peer);
	gate.net.refusing = true;
	for (uint32_t i = 0; i < 90; i++) {
		struct gyr_session_order order = order_at(i, 6000 + i, 1);

		gyr_session_ordered(gate.table, handle, &order);
		(void)gyr_session_flush(gate.table, &gate.net.device, &gate.time, false);
	}
	assert_false(gyr_session_drained(gate.table));
	gate.net.refusing = false;
	for (packet = gate_flush(&gate, false); packet != NULL; packet = gate_flush(&gate, false))
		assert_int_equal(gyr_load_be32(packet->bytes + 16), next++);
	assert_true(gyr_session_drained(gate.table));
	/* 64 lay in the device, one waited, 25 orders shared one datagram. */
	assert_int_equal(next, 2 + 64 + 2);
	assert_int_equal(gyr_session_counters(gate.table)->datagrams_unsent, 0);
	/* For too long: the oldest leave the history unsent, counted; the client sees the gap. */
	gate.net.refusing = true;
	for (uint32_t i = 0; i < 3000; i++) {
		struct gyr_session_order order = order_at(i, 6000 + i, 1);

		gyr_session_ordered(gate.table, handle, &order);
		(void)gyr_session_flush(gate.table, &gate.net.device, &gate.time, false);
	}
	gate.net.refusing = false;
	while (gate_flush(&gate, false) != NULL)
		;
	assert_true(gyr_session_counters(gate.table)->datagrams_unsent > 0);
	assert_true(gyr_session_drained(gate.table));
	gate_fini(&gate);
}

static void what_a_new_epoch_cut_off_is_void(void **state)
{
	static const struct {
		uint32_t last_epoch;
		bool told;
		uint64_t position;
	} rows[] = { { 4, false, 0 }, { 3, true, 5000 }, { 2, true, 0 } };

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		struct gate gate;
		struct peer peer;
		struct gyr_wire_void message = { 0 };
		struct gyr_wire_block block = { 0 };
		struct gyr_test_packet *packet;

		gate_init(&gate, NULL);
		peer = peer_make(&gate, 1, 4000);
		peer_connect(&peer, rows[i].last_epoch);
		packet = gyr_test_net_take(&gate.net);
		assert_true(packet_find(&block, packet, GYR_WIRE_VOID) == rows[i].told);
		if (rows[i].told) {
			PACKET_GET(&message, packet, void, VOID);
			assert_int_equal(message.old_epoch, rows[i].last_epoch);
			assert_int_equal(message.new_epoch, 4);
			assert_true(message.position == rows[i].position);
		}
		gate_fini(&gate);
	}
}

static void sessions_end(void **state)
{
	struct gate gate;
	struct peer peer, second;
	uint32_t handle;
	struct gyr_wire_closed closed = { 0 };
	struct gyr_session_order order = order_at(1, 6000, 3);

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	handle = peer_handle(&peer);
	gyr_session_ordered(gate.table, handle, &order);
	PEER_ADD(&peer, goodbye, { 0 });
	peer_send(&peer);
	assert_int_equal(gyr_session_count(gate.table), 0);
	assert_null(gate_flush(&gate, true));
	/* The slot is used again: answers to the old session do not reach the new one. */
	second = peer_make(&gate, 2, 4000);
	peer_connect(&second, 0);
	assert_int_not_equal(peer_handle(&second), handle);
	gyr_session_ordered(gate.table, handle, &order);
	gyr_session_durable(gate.table, 4, 7000);
	assert_null(gate_flush(&gate, true));
	assert_int_equal(gyr_session_counters(gate.table)->answers_lost, 1);
	/* Silence. */
	gate_later(&gate, 30000000000);
	gyr_session_tick(gate.table, &gate.time);
	PACKET_GET(&closed, gate_flush(&gate, false), closed, CLOSED);
	assert_int_equal(closed.reason, GYR_VERDICT_SESSION_IDLE);
	assert_int_equal(gyr_session_count(gate.table), 0);
	/* A stop. */
	peer_connect(&second, 0);
	gyr_session_close_all(gate.table, GYR_VERDICT_STOPPING);
	PACKET_GET(&closed, gate_flush(&gate, false), closed, CLOSED);
	assert_int_equal(closed.reason, GYR_VERDICT_STOPPING);
	assert_int_equal(gyr_session_count(gate.table), 0);
	gate_fini(&gate);
}

static void few_per_address(struct gyr_session_conf *conf)
{
	conf->sessions_per_address = 3;
	conf->session_count_max = 4;
}

static void sessions_are_limited(void **state)
{
	struct gate gate;
	struct gyr_wire_challenge challenge = { 0 };
	struct gyr_wire_block block = { 0 };
	unsigned welcome = 0;

	(void)state;
	gate_init(&gate, few_per_address);
	for (uint16_t i = 0; i < 10; i++) {
		struct peer peer = peer_make(&gate, i < 5 ? 1 : 2, (uint16_t)(4000 + i));
		struct gyr_test_packet *packet;

		PEER_ADD(&peer, hello, { .client_nonce = i });
		peer_send(&peer);
		PACKET_GET(&challenge, gate_flush(&gate, false), challenge, CHALLENGE);
		PEER_ADD(&peer, hello,
			 { .client_nonce = i,
			   .cookie_stamp = challenge.cookie_stamp,
			   .cookie = challenge.cookie });
		peer_send(&peer);
		packet = gate_flush(&gate, false);
		if (packet_find(&block, packet, GYR_WIRE_WELCOME)) {
			welcome++;
			continue;
		}
		assert_true(packet_find(&block, packet, GYR_WIRE_REJECTED));
		assert_int_equal(block.body.data[16], GYR_VERDICT_SESSION_LIMIT);
	}
	assert_int_equal(welcome, 4); /* three of one address, one of the other */
	gate_fini(&gate);
}

static void an_arena_of_the_stated_size_is_enough_and_less_is_refused(void **state)
{
	struct gyr_session_conf conf = { 0 };
	struct gyr_session_table *table;
	size_t size;
	uint8_t *memory;
	struct gyr_arena arena;

	(void)state;
	gyr_session_conf_default(&conf);
	conf.session_count_max = 8;
	size = gyr_session_arena_size(&conf, 1400);
	memory = malloc(size + 1);
	assert_non_null(memory);
	arena = gyr_arena_over(memory + 1, size);
	assert_int_equal(gyr_session_init(&table, &arena, &conf, 1400), 0);
	arena = gyr_arena_over(memory, size / 2);
	assert_int_equal(gyr_session_init(&table, &arena, &conf, 1400), -GYR_ERR_MEMORY);
	conf.session_count_max = 9;
	assert_int_equal(gyr_session_init(&table, &arena, &conf, 1400), -GYR_ERR_CONFIG);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_equals_its_published_vectors),
		cmocka_unit_test(a_cookie_proves_one_address_for_a_while),
		cmocka_unit_test(a_repeated_hello_keeps_the_session),
		cmocka_unit_test(unproven_addresses_never_get_more_than_they_sent),
		cmocka_unit_test(strangers_share_one_bucket_that_members_do_not_need),
		cmocka_unit_test(a_session_keeps_to_its_rate),
		cmocka_unit_test(gaps_and_repetitions_of_the_client_are_counted),
		cmocka_unit_test(chunks_come_in_any_order),
		cmocka_unit_test(chunks_that_do_not_complete_make_room_again),
		cmocka_unit_test(ordered_goes_at_once_and_executed_may_wait),
		cmocka_unit_test(durable_is_told_only_where_it_is_awaited),
		cmocka_unit_test(answers_are_repeated_as_they_were),
		cmocka_unit_test(a_device_that_takes_nothing_delays_answers),
		cmocka_unit_test(what_a_new_epoch_cut_off_is_void),
		cmocka_unit_test(sessions_end),
		cmocka_unit_test(sessions_are_limited),
		cmocka_unit_test(an_arena_of_the_stated_size_is_enough_and_less_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
