/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities of ordered authorizations (EIP-7702) have one transaction in flight. */
#include "gyr_test.h"

#include "sequence_bench.h"

static void an_authority_has_one_in_flight_until_it_is_executed(void **state)
{
	struct gyr_sequence_event event;
	struct bench b;

	(void)state;
	ready(&b);
	submit_authorization(&b, 1, 0, 0, 2);
	submit(&b, 2, 0, 0);
	submit(&b, 2, 1, 0);
	submit(&b, 3, 0, 0);
	submit(&b, 3, 1, 0);
	poll(&b);
	event = next_event(&b);
	assert_int_equal(event.kind, GYR_SEQUENCE_ORDERED);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 2);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_DELEGATED_IN_FLIGHT, 3);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 4);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 5);
	executed(&b, event.position, 1, 1, 0, 0);
	submit(&b, 2, 1, 1);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 6);
	end(&b);
}

static void an_authority_has_one_authorization_under_way(void **state)
{
	struct gyr_sequence_event event;
	struct bench b;

	(void)state;
	ready(&b);
	submit_authorization(&b, 1, 0, 0, 2);
	submit_authorization(&b, 3, 0, 0, 2);
	submit_authorization(&b, 3, 0, 0, 4);
	poll(&b);
	event = next_event(&b);
	assert_int_equal(event.kind, GYR_SEQUENCE_ORDERED);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_AUTHORITY_PENDING, 2);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 3);
	/* Skipped counts as executed: nothing is under way any more. */
	executed(&b, event.position, 1, 0, 0, GYR_VERDICT_SKIP_BALANCE);
	submit_authorization(&b, 1, 0, 1, 2);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 4);
	end(&b);
}

static void who_authorizes_for_itself_waits_too(void **state)
{
	struct gyr_sequence_event event;
	struct bench b;

	(void)state;
	ready(&b);
	submit_authorization(&b, 1, 0, 0, 1);
	submit(&b, 1, 1, 0);
	poll(&b);
	event = next_event(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_DELEGATED_IN_FLIGHT, 2);
	executed(&b, event.position, 1, 2, 0, 0);
	submit(&b, 1, 2, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 3);
	end(&b);
}

/* Tuples of nonce 0, whose authorities have used that nonce, or may not have. */
static void what_was_signed_long_ago_holds_nobody_back(void **state)
{
	struct gyr_sequence_event event, skipped;
	struct bench b;

	(void)state;
	ready(&b);
	submit(&b, 2, 0, 0);
	submit(&b, 3, 0, 0);
	submit(&b, 3, 1, 0);
	submit(&b, 3, 2, 0);
	poll(&b);
	event = next_event(&b);
	skipped = next_event(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 3);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 4);
	executed(&b, event.position, 2, 1, 0, 0);
	executed(&b, skipped.position, 3, 0, 0, GYR_VERDICT_SKIP_BALANCE);
	submit_authorization(&b, 1, 0, 0, 2);
	submit(&b, 2, 1, 0);
	submit(&b, 2, 2, 0);
	/* Nonce 0 of this one was skipped: the tuple may have its effect. */
	submit_authorization(&b, 1, 1, 0, 3);
	submit(&b, 3, 3, 0);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 5);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 6);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 7);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, 8);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_DELEGATED_IN_FLIGHT, 9);
	end(&b);
}

static void authorizations_are_not_parked(void **state)
{
	struct bench b;

	(void)state;
	ready(&b);
	submit_authorization(&b, 1, 1, 0, 2);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_NONCE_GAP, 1);
	end(&b);
}

static void authorizations_in_flight_are_bounded(void **state)
{
	struct bench b;
	struct gyr_sequence_conf conf = default_conf();
	uint64_t positions[GYR_SEQUENCE_AUTHORIZATIONS_MAX];
	uint64_t nonce = 0;

	(void)state;
	begin(&b, conf);
	fund(&b, 1, 0, 10 * ETHER);
	start(&b, 0);
	for (; nonce < GYR_SEQUENCE_AUTHORIZATIONS_MAX; nonce++) {
		/* zero: the tuple's signature gave nobody */
		submit_authorization(&b, 1, nonce, 0, 255);
		*gyr_sequence_authorities(b.gate.intake, nonce) = (struct gyr_address){ { 0 } };
		poll(&b);
		positions[nonce] = next_event(&b).position;
	}
	submit_authorization(&b, 1, nonce, 1, 2);
	poll(&b);
	expect(&b, GYR_SEQUENCE_REJECTED, GYR_VERDICT_HIGH_WATER, nonce + 1);
	executed(&b, positions[0], 1, 1, 0, 0);
	submit_authorization(&b, 1, nonce, 1, 2);
	poll(&b);
	expect(&b, GYR_SEQUENCE_ORDERED, 0, nonce + 2);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_authority_has_one_in_flight_until_it_is_executed),
		cmocka_unit_test(an_authority_has_one_authorization_under_way),
		cmocka_unit_test(who_authorizes_for_itself_waits_too),
		cmocka_unit_test(what_was_signed_long_ago_holds_nobody_back),
		cmocka_unit_test(authorizations_are_not_parked),
		cmocka_unit_test(authorizations_in_flight_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
