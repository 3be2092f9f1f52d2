/* SPDX-License-Identifier: Apache-2.0 */
/* A session's known keys: where they come from, what hints and guesses select, how trying ends. */
#include "gyr_test.h"

#include "gyr_intake.h"
#include "gyr_recover_known.h"
#include "session_gate.h"

static const uint8_t raw[100] = { 0x02, 0xf8 };

static struct gyr_address address_of(uint8_t i)
{
	return (struct gyr_address){ { i, 1, 2, 3 } };
}

/* Sends one submission with a hint; what the gate made of it. */
static const struct gyr_submission *submit(struct peer *peer, uint8_t kind, const uint8_t *hint,
					   size_t length)
{
	PEER_ADD(peer, submit,
		 { .client_tag = 1,
		   .hint_kind = kind,
		   .hint = { hint, length },
		   .raw = { raw, sizeof raw } });
	peer_send(peer);
	assert_int_equal(peer->gate->input.submission_count, 1);
	return &peer->gate->input.submissions[0];
}

static const struct gyr_submission *submit_plain(struct peer *peer)
{
	return submit(peer, GYR_WIRE_HINT_NONE, NULL, 0);
}

static const struct gyr_submission *submit_index(struct peer *peer, uint32_t index)
{
	uint8_t hint[4];

	gyr_store_be32(hint, index);
	return submit(peer, GYR_WIRE_HINT_KNOWN_KEY, hint, sizeof hint);
}

static void ordered(struct gate *gate, uint32_t session, uint8_t sender, uint8_t key, uint8_t flags)
{
	struct gyr_address address = address_of(sender);

	gyr_session_key_settled(gate->table, session, &address, key, flags, gate->time.now_ns);
}

/* Takes the one request there must be, for this sender. */
static struct gyr_session_key_request request_for(struct gate *gate, uint8_t sender)
{
	const struct gyr_session_key_request *request = gyr_session_key_request(gate->table);
	struct gyr_session_key_request taken = { .session = 0 };
	struct gyr_address address = address_of(sender);

	assert_non_null(request);
	taken = *request;
	gyr_session_key_requested(gate->table);
	assert_true(taken.release == 0 && gyr_address_equal(&taken.address, &address));
	return taken;
}

static void answer(struct gate *gate, const struct gyr_session_key_request *request, uint64_t known)
{
	gyr_session_key_answer(gate->table, request->session, &request->address, known,
			       request->pinned && known != 0, gate->time.now_ns);
}

/* Orders a transaction of the sender and gives it a table, and checks what the client is told. */
static void make_known(struct gate *gate, uint32_t session, uint8_t sender, uint64_t known,
		       uint32_t index)
{
	struct gyr_wire_key told = { 0 };
	struct gyr_address address = address_of(sender);
	struct gyr_session_key_request request;

	ordered(gate, session, sender, GYR_INTAKE_KEY_NONE, 0);
	request = request_for(gate, sender);
	assert_int_equal(request.session, session);
	answer(gate, &request, known);
	PACKET_GET(&told, gate_flush(gate, true), key, KEY);
	assert_int_equal(told.index, index);
	assert_memory_equal(told.address, address.bytes, sizeof told.address);
}

static void a_key_comes_with_an_ordered_transaction_only(void **state)
{
	struct gate gate;
	struct peer peer;
	uint32_t session;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	session = peer_handle(&peer);
	assert_true(submit_plain(&peer)->known == 0);
	assert_true((submit_plain(&peer)->key_flags & GYR_INTAKE_KEY_WANTED) != 0);
	assert_true(submit_index(&peer, 0)->known == 0);
	/* Not ordered: nothing is asked for. */
	gyr_session_key_settled(gate.table, session, NULL, GYR_INTAKE_KEY_NONE, 0, 1);
	assert_null(gyr_session_key_request(gate.table));
	make_known(&gate, session, 7, 70, 0);
	/* The first key is pinned, and the guess of who gives no hint. */
	assert_true(submit_plain(&peer)->known == 70);
	assert_true((submit_plain(&peer)->key_flags & GYR_INTAKE_KEY_GUESSED) != 0);
	make_known(&gate, session, 8, 80, 1);
	assert_true(submit_plain(&peer)->known == 80);
	assert_true(submit_index(&peer, 0)->known == 70);
	assert_true(submit_index(&peer, 1)->known == 80);
	assert_true((submit_index(&peer, 1)->key_flags & GYR_INTAKE_KEY_GUESSED) == 0);
	/* Known already: not asked again. */
	ordered(&gate, session, 7, GYR_INTAKE_KEY_HIT, 0);
	assert_null(gyr_session_key_request(gate.table));
	assert_true(submit_plain(&peer)->known == 70);
	gate_fini(&gate);
}

static void hints_of_a_wrong_shape_are_as_good_as_none(void **state)
{
	static const struct {
		uint8_t kind;
		size_t length;
		bool nonce, guess;
	} cases[] = {
		{ GYR_WIRE_HINT_NONE, 4, false, true },
		{ GYR_WIRE_HINT_KNOWN_KEY, 3, false, true },
		{ GYR_WIRE_HINT_KNOWN_KEY, 68, false, true },
		{ GYR_WIRE_HINT_RECOVERY, 64, true, true },
		{ GYR_WIRE_HINT_RECOVERY, 63, false, true },
		{ GYR_WIRE_HINT_BOTH, 64, false, true },
		{ GYR_WIRE_HINT_BOTH, 68, true, false },
		{ 77, 68, false, true },
	};
	uint8_t hint[68] = { 0, 0, 0, 0, 0xaa };
	struct gate gate;
	struct peer peer;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	make_known(&gate, peer_handle(&peer), 7, 70, 0);
	for (size_t i = 0; i < GYR_COUNT(cases); i++) {
		const struct gyr_submission *submission = submit(&peer, cases[i].kind, hint,
								 cases[i].length);

		assert_true((submission->nonce != NULL) == cases[i].nonce);
		assert_true(((submission->key_flags & GYR_INTAKE_KEY_NONCE) != 0) ==
			    cases[i].nonce);
		assert_true(((submission->key_flags & GYR_INTAKE_KEY_GUESSED) != 0) ==
			    cases[i].guess);
		assert_true(submission->known == 70);
	}
	/* No such key: the guess. */
	assert_true((submit_index(&peer, 1)->key_flags & GYR_INTAKE_KEY_GUESSED) != 0);
	assert_true((submit_index(&peer, UINT32_MAX)->key_flags & GYR_INTAKE_KEY_GUESSED) != 0);
	gate_fini(&gate);
}

static void eight_misses_in_a_row_end_trying_for_the_session_alone(void **state)
{
	struct gate gate;
	struct peer peer, other;
	uint32_t session;

	(void)state;
	gate_init(&gate, NULL);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	other = peer_make(&gate, 2, 4000);
	peer_connect(&other, 0);
	session = peer_handle(&peer);
	make_known(&gate, session, 7, 70, 0);
	make_known(&gate, peer_handle(&other), 9, 90, 0);
	for (unsigned i = 0; i < 30; i++) /* seven, and a hit */
		ordered(&gate, session, 7,
			i % GYR_KNOWN_MISSES_IN_ROW == 7 ? GYR_INTAKE_KEY_HIT : GYR_INTAKE_KEY_MISS,
			GYR_INTAKE_KEY_GUESSED);
	assert_true(submit_plain(&peer)->known == 70);
	for (unsigned i = 0; i < GYR_KNOWN_MISSES_IN_ROW; i++)
		gyr_session_key_settled(gate.table, session, NULL, GYR_INTAKE_KEY_MISS,
					GYR_INTAKE_KEY_GUESSED, 1);
	assert_true(submit_plain(&peer)->known == 0);
	assert_int_equal(gyr_session_counters(gate.table)->keys_off, 1);
	/* Guesses are over; hints are another matter, until they are wrong as often. */
	assert_true(submit_index(&peer, 0)->known == 70);
	for (unsigned i = 0; i < GYR_KNOWN_MISSES_IN_ROW; i++)
		ordered(&gate, session, 7, GYR_INTAKE_KEY_MISS, 0);
	assert_true(submit_index(&peer, 0)->known == 0);
	assert_true((submit_index(&peer, 0)->key_flags & GYR_INTAKE_KEY_WANTED) == 0);
	assert_true(submit_plain(&other)->known == 90);
	gate_fini(&gate);
}

static void two_keys(struct gyr_session_conf *conf)
{
	conf->key_count_max = 2;
	conf->key_pinned = 1;
}

static void a_full_list_takes_a_new_key_for_one_that_is_gone(void **state)
{
	struct gate gate;
	struct peer peer;
	struct gyr_session_key_request request;
	uint32_t session;

	(void)state;
	gate_init(&gate, two_keys);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	session = peer_handle(&peer);
	make_known(&gate, session, 1, 10, 0);
	make_known(&gate, session, 2, 20, 1);
	assert_true((submit_plain(&peer)->key_flags & GYR_INTAKE_KEY_WANTED) == 0);
	ordered(&gate, session, 3, GYR_INTAKE_KEY_NONE, 0);
	assert_null(gyr_session_key_request(gate.table));
	/* The second one's table was evicted: it is asked for again, and there is none now. */
	ordered(&gate, session, 2, GYR_INTAKE_KEY_GONE, 0);
	request = request_for(&gate, 2);
	assert_false(request.pinned);
	assert_true(submit_index(&peer, 1)->known == 0);
	answer(&gate, &request, 0);
	ordered(&gate, session, 2, GYR_INTAKE_KEY_NONE, 0);
	assert_null(gyr_session_key_request(gate.table)); /* not at once */
	make_known(&gate, session, 3, 30, 1);
	assert_true(submit_index(&peer, 1)->known == 30);
	gate_fini(&gate);
}

static void what_was_pinned_is_let_go_with_its_session(void **state)
{
	struct gate gate;
	struct peer peer;
	struct gyr_session_key_request request;
	const struct gyr_session_key_request *release;

	(void)state;
	gate_init(&gate, two_keys);
	peer = peer_make(&gate, 1, 4000);
	peer_connect(&peer, 0);
	make_known(&gate, peer_handle(&peer), 1, 10, 0);
	make_known(&gate, peer_handle(&peer), 2, 20, 1);
	PEER_ADD(&peer, goodbye, { 0 });
	peer_send(&peer);
	release = gyr_session_key_request(gate.table);
	assert_true(release != NULL && release->release == 10);
	gyr_session_key_requested(gate.table);
	assert_null(gyr_session_key_request(gate.table));
	/* An answer that comes too late. */
	peer_connect(&peer, 0);
	ordered(&gate, peer_handle(&peer), 5, GYR_INTAKE_KEY_NONE, 0);
	request = request_for(&gate, 5);
	assert_true(request.pinned);
	PEER_ADD(&peer, goodbye, { 0 });
	peer_send(&peer);
	answer(&gate, &request, 50);
	release = gyr_session_key_request(gate.table);
	assert_true(release != NULL && release->release == 50);
	gate_fini(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_comes_with_an_ordered_transaction_only),
		cmocka_unit_test(hints_of_a_wrong_shape_are_as_good_as_none),
		cmocka_unit_test(eight_misses_in_a_row_end_trying_for_the_session_alone),
		cmocka_unit_test(a_full_list_takes_a_new_key_for_one_that_is_gone),
		cmocka_unit_test(what_was_pinned_is_let_go_with_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
