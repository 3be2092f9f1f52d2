/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include "gyr_err.h"
#include "sequence_bench.h"

static void order_is_arrival_order_and_arrivals_are_dense(void **state)
{
	struct bench b;

	(void)state;
	ready(&b);
	submit(&b, 1, 0, 0);
	submit(&b, 2, 0, 0);
	submit(&b, 1, 1, 0);
	submit(&b, 1, 1, 1);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 1);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 2);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 3);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_NONCE_TOO_LOW, 4);
	assert_null(gyr_spsc_peek(b.gate.events));
	for (uint64_t arrival = 0; arrival < 4;) {
		const struct gyr_log_record *record = gyr_log_peek(b.log, b.reader);

		assert_non_null(record);
		if (record->kind == GYR_LOG_TX || record->kind == GYR_LOG_REJECT)
			assert_int_equal(record->arrival, ++arrival);
		gyr_log_advance(b.log, b.reader);
	}
	end(&b);
}

static void a_gap_parks_until_it_closes(void **state)
{
	struct bench b;
	struct gyr_sequence_event event;

	(void)state;
	ready(&b);
	submit(&b, 1, 2, 0);
	submit(&b, 1, 1, 0);
	submit(&b, 1, 2, 7);
	submit(&b, 1, 99, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_NONCE_OCCUPIED, 3);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_NONCE_GAP, 4);
	submit(&b, 1, 0, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 5);
	event = next_event(&b);
	assert_int_equal(event.arrival, 2);
	assert_int_equal(event.released_by, 5);
	event = next_event(&b);
	assert_int_equal(event.arrival, 1);
	assert_int_equal(event.released_by, 5);
	assert_int_equal(b.sequence->park.count, 0);
	end(&b);
}

static void a_parked_one_expires_and_is_bounded_per_sender(void **state)
{
	struct bench b;

	(void)state;
	ready(&b);
	for (uint64_t nonce = 1; nonce <= 5; nonce++)
		submit(&b, 1, nonce, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_NONCE_GAP, 5);
	b.now_ns += S;
	poll(&b);
	for (uint64_t arrival = 1; arrival <= 4; arrival++)
		expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_PARK_EXPIRED, arrival);
	submit(&b, 1, 1, 0);
	poll(&b);
	assert_int_equal(b.sequence->park.count, 1);
	end(&b);
}

static void a_resubmission_gets_the_first_answer_again(void **state)
{
	struct bench b;
	struct gyr_sequence_event first, again;

	(void)state;
	ready(&b);
	submit(&b, 1, 0, 0);
	submit(&b, 1, 0, 0);
	poll(&b);
	first = next_event(&b);
	again = next_event(&b);
	assert_int_equal(again.kind, GYR_SEQUENCE_AGAIN);
	assert_int_equal(again.position, first.position);
	assert_int_equal(again.arrival, 1);
	assert_int_equal(again.executed, 0);
	executed(&b, first.position, 1, 1, 0, 0);
	submit(&b, 1, 0, 0);
	poll(&b);
	again = next_event(&b);
	assert_int_equal(again.kind, GYR_SEQUENCE_AGAIN);
	assert_int_equal(again.executed, 1);
	assert_int_equal(again.gas_used, 21000);
	end(&b);
}

static void funds_are_reserved_and_come_back(void **state)
{
	struct bench b;
	struct gyr_sequence_event event;
	uint64_t cost = 21000 * 100 * GWEI;

	(void)state;
	begin(&b, default_conf());
	fund(&b, 1, 0, cost + cost / 2);
	start(&b, 0);
	submit(&b, 1, 0, 0);
	submit(&b, 1, 1, 0);
	poll(&b);
	event = next_event(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_BALANCE_TOO_LOW, 2);
	executed(&b, event.position, 1, 1, cost / 2, 0);
	submit(&b, 1, 1, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 3);
	feed(&b, &(struct gyr_feedback){ .kind = GYR_FEEDBACK_ACCOUNT,
					 .address = address(1),
					 .nonce = 1,
					 .delta = gyr_u256_from_u64(cost) });
	submit(&b, 1, 2, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 4);
	end(&b);
}

static void a_skip_takes_the_nonce_back(void **state)
{
	struct bench b;
	struct gyr_sequence_event event;
	uint64_t cost = 21000 * 100 * GWEI;

	(void)state;
	ready(&b);
	submit(&b, 1, 0, 0);
	poll(&b);
	event = next_event(&b);
	executed(&b, event.position, 1, 0, cost, GYR_VERDICT_SKIP_BALANCE);
	submit(&b, 1, 0, 1);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 2);
	end(&b);
}

static void block_gas_is_reserved_and_reclaimed(void **state)
{
	struct gyr_sequence_conf conf = default_conf();
	struct gyr_sequence_event event;
	struct bench b;

	(void)state;
	conf.block_gas_limit = 50000;
	begin(&b, conf);
	fund(&b, 1, 0, ETHER);
	start(&b, 0);
	submit(&b, 1, 0, 0);
	submit(&b, 1, 1, 0);
	submit(&b, 1, 2, 0);
	poll(&b);
	event = next_event(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 2);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_BLOCK_FULL, 3);
	executed(&b, event.position, 1, 0, 0, GYR_VERDICT_SKIP_NONCE);
	submit(&b, 1, 2, 1);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 4);
	submit(&b, 1, 3, 1);
	b.now_ns += S;
	poll(&b);
	assert_int_equal(b.sequence->block.number, 2);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 5);
	end(&b);
}

static void fees_must_cover_the_highest_base_fee(void **state)
{
	struct bench b;

	(void)state;
	ready(&b);
	assert_int_equal(b.sequence->block.base_fee_bound, GWEI);
	b.now_ns += S;
	poll(&b);
	assert_int_equal(b.sequence->block.base_fee_bound, GWEI + GWEI / 8);
	feed(&b, &(struct gyr_feedback){ .kind = GYR_FEEDBACK_BLOCK,
					 .block_number = 2,
					 .base_fee = 100 * GWEI + 1 });
	submit(&b, 1, 0, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_FEE_BELOW_FLOOR, 1);
	end(&b);
}

static void too_much_undurable_takes_no_slot(void **state)
{
	struct bench b;
	bool stalled;

	(void)state;
	ready(&b);
	poll(&b);
	submit(&b, 1, 0, 0);
	assert_int_equal(gyr_sequence_poll(b.sequence, &stalled, b.now_ns, b.now_ns, 64), 1);
	assert_int_equal(gyr_sequence_poll(b.sequence, &stalled, b.now_ns, b.now_ns, 64), 0);
	submit(&b, 1, 1, 0);
	b.now_ns += b.conf.undurable_ns_max + 1;
	assert_int_equal(gyr_sequence_poll(b.sequence, &stalled, b.now_ns, b.now_ns, 64), 2);
	assert_true(stalled);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 1);
	assert_null(gyr_spsc_peek(b.gate.events));
	poll(&b);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 2);
	end(&b);
}

static void a_full_event_ring_loses_nothing(void **state)
{
	struct bench b;
	unsigned seen = 0;

	(void)state;
	ready(&b);
	for (uint64_t round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < SLOTS / 2; i++)
			submit(&b, 1, round * SLOTS / 2 + i, 0);
		poll(&b);
	}
	assert_true(b.stalled);
	for (unsigned i = 0; i < 4; i++) {
		while (gyr_spsc_peek(b.gate.events) != NULL)
			expect(&b, GYR_SEQUENCE_ORDERED, 0, ++seen);
		poll(&b);
	}
	assert_int_equal(seen, 3 * SLOTS / 2);
	end(&b);
}

static void status_knows_ordered_and_parked(void **state)
{
	struct gyr_sequence_query query = { .client_tag = 5, .session = 3 };
	struct gyr_sequence_event event;
	struct bench b;

	(void)state;
	ready(&b);
	submit(&b, 1, 0, 0);
	submit(&b, 2, 1, 0);
	poll(&b);
	(void)next_event(&b);
	for (uint8_t sender = 1; sender <= 3; sender++) {
		query.hash.bytes[0] = sender;
		query.hash.bytes[1] = sender == 2;
		*(struct gyr_sequence_query *)gyr_spsc_reserve(b.gate.queries) = query;
		gyr_spsc_publish(b.gate.queries);
	}
	poll(&b);
	event = next_event(&b);
	assert_int_equal(event.kind, GYR_SEQUENCE_STATUS);
	assert_int_equal(event.known, 1);
	event = next_event(&b);
	assert_int_equal(event.known, 0);
	assert_int_equal(event.parked, 1);
	event = next_event(&b);
	assert_int_equal(event.known + event.parked, 0);
	end(&b);
}

static void arrivals_parked_at_a_crash_are_rejected_at_the_next_start(void **state)
{
	struct bench before, after;
	const struct gyr_log_record *record;
	unsigned lost = 0;

	(void)state;
	ready(&before);
	submit(&before, 1, 1, 0);
	submit(&before, 2, 0, 0);
	submit(&before, 3, 3, 0);
	submit(&before, 3, 0, 0);
	poll(&before);
	begin(&after, default_conf());
	while ((record = gyr_log_peek(before.log, before.reader)) != NULL) {
		assert_int_equal(gyr_sequence_replay(after.sequence, record), 0);
		gyr_log_advance(before.log, before.reader);
	}
	assert_int_equal(gyr_sequence_arrival_next(after.sequence), 5);
	for (uint8_t n = 1; n <= 4; n++)
		fund(&after, n, n == 2 || n == 3, ETHER);
	start(&after, 1);
	while ((record = gyr_log_peek(after.log, after.reader)) != NULL) {
		if (record->kind == GYR_LOG_REJECT) {
			const struct gyr_log_reject *body = gyr_log_body(record);

			assert_int_equal(body->verdict, GYR_VERDICT_LOST_AT_RESTART);
			assert_true(record->arrival == 1 || record->arrival == 3);
			lost++;
		}
		gyr_log_advance(after.log, after.reader);
	}
	assert_int_equal(lost, 2);
	submit(&after, 2, 0, 0);
	poll(&after);
	assert_int_equal(next_event(&after).kind, GYR_SEQUENCE_AGAIN);
	assert_int_equal(after.sequence->arrival_next, 6);
	end(&before);
	end(&after);
}

static void stopping_decides_everything_that_is_left(void **state)
{
	struct bench b;

	(void)state;
	ready(&b);
	submit(&b, 1, 0, 0);
	submit(&b, 1, 2, 0);
	poll(&b);
	(void)next_event(&b);
	gyr_sequence_stop(b.sequence);
	submit(&b, 2, 0, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_STOPPING, 2);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_STOPPING, 3);
	poll(&b);
	assert_true(gyr_sequence_drained(b.sequence));
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_arrival_order_and_arrivals_are_dense),
		cmocka_unit_test(a_gap_parks_until_it_closes),
		cmocka_unit_test(a_parked_one_expires_and_is_bounded_per_sender),
		cmocka_unit_test(a_resubmission_gets_the_first_answer_again),
		cmocka_unit_test(funds_are_reserved_and_come_back),
		cmocka_unit_test(a_skip_takes_the_nonce_back),
		cmocka_unit_test(block_gas_is_reserved_and_reclaimed),
		cmocka_unit_test(fees_must_cover_the_highest_base_fee),
		cmocka_unit_test(too_much_undurable_takes_no_slot),
		cmocka_unit_test(a_full_event_ring_loses_nothing),
		cmocka_unit_test(status_knows_ordered_and_parked),
		cmocka_unit_test(arrivals_parked_at_a_crash_are_rejected_at_the_next_start),
		cmocka_unit_test(stopping_decides_everything_that_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
