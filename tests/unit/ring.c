/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include "gyr_intake.h"
#include "gyr_ring.h"

static void *aligned(size_t size)
{
	void *memory = aligned_alloc(64, gyr_round_up(size, 64));

	assert_non_null(memory);
	return memory;
}

static void spsc_is_bounded_and_in_order(void **state)
{
	void *memory = aligned(gyr_spsc_size(sizeof(uint64_t), 4));
	struct gyr_spsc *ring = gyr_spsc_init(memory, sizeof(uint64_t), 4);

	(void)state;
	assert_null(gyr_spsc_peek(ring));
	for (uint64_t lap = 0; lap < 10; lap++) {
		for (uint64_t i = 0; i < 4; i++) {
			uint64_t *item = gyr_spsc_reserve(ring);

			assert_non_null(item);
			*item = lap * 4 + i;
			gyr_spsc_publish(ring);
		}
		assert_null(gyr_spsc_reserve(ring));
		assert_int_equal(gyr_spsc_count(ring), 4);
		for (uint64_t i = 0; i < 4; i++) {
			assert_int_equal(*(const uint64_t *)gyr_spsc_peek(ring), lap * 4 + i);
			gyr_spsc_release(ring);
		}
		assert_null(gyr_spsc_peek(ring));
	}
	free(memory);
}

static void broadcast_shows_every_item_to_all_and_waits_for_the_slowest(void **state)
{
	void *memory = aligned(gyr_broadcast_size(8, 2));
	struct gyr_broadcast *ring = gyr_broadcast_init(memory, 8, 2, 2);

	(void)state;
	for (uint64_t i = 0; i < 2; i++) {
		*(uint64_t *)gyr_broadcast_reserve(ring) = i;
		gyr_broadcast_publish(ring);
	}
	assert_null(gyr_broadcast_reserve(ring));
	gyr_broadcast_release(ring, 0);
	assert_null(gyr_broadcast_reserve(ring));
	assert_int_equal(*(const uint64_t *)gyr_broadcast_peek(ring, 1), 0);
	gyr_broadcast_release(ring, 1);
	*(uint64_t *)gyr_broadcast_reserve(ring) = 2;
	gyr_broadcast_publish(ring);
	assert_int_equal(*(const uint64_t *)gyr_broadcast_peek(ring, 0), 1);
	assert_int_equal(*(const uint64_t *)gyr_broadcast_peek(ring, 1), 1);
	free(memory);
}

static void cell_holds_the_last_version_and_refuses_half_a_write(void **state)
{
	struct gyr_cell cell = { 0 };
	uint64_t words[2] = { 7, 8 };
	uint64_t got[2];

	(void)state;
	gyr_cell_write(&cell, words, 2);
	assert_true(gyr_cell_read(got, &cell, 2));
	assert_int_equal(got[1], 8);
	atomic_fetch_add(&cell.version, 1);
	assert_false(gyr_cell_read(got, &cell, 2));
}

static void intake_keeps_arrival_order_whatever_order_verifiers_finish_in(void **state)
{
	void *memory = aligned(gyr_intake_size(8, 64));
	struct gyr_intake *ring = gyr_intake_init(memory, 8, 64);
	uint64_t sequence, first, second;

	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		assert_true(gyr_intake_reserve(ring, &sequence));
		assert_int_equal(sequence, i);
		gyr_intake_arrival(ring, sequence)->client_tag = 100 + i;
		gyr_intake_publish(ring);
	}
	assert_false(gyr_intake_reserve(ring, &sequence));
	assert_int_equal(gyr_intake_pending(ring, 64), 8);
	assert_int_equal(gyr_intake_claim(ring, &first, 3), 3);
	assert_int_equal(gyr_intake_claim(ring, &second, 64), 5);
	assert_int_equal(first, 0);
	assert_int_equal(second, 3);
	assert_int_equal(gyr_intake_claim(ring, &second, 1), 0);
	for (uint64_t i = 8; i-- > 1;)
		gyr_intake_verified(ring, i);
	assert_false(gyr_intake_peek(ring, &sequence));
	gyr_intake_verified(ring, 0);
	for (uint64_t i = 0; i < 8; i++) {
		assert_true(gyr_intake_peek(ring, &sequence));
		assert_int_equal(sequence, i);
		assert_int_equal(gyr_intake_arrival(ring, sequence)->client_tag, 100 + i);
		gyr_intake_release(ring);
	}
	assert_false(gyr_intake_peek(ring, &sequence));
	assert_true(gyr_intake_reserve(ring, &sequence));
	assert_int_equal(sequence, 8);
	assert_int_equal(gyr_intake_claim(ring, &first, 1), 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spsc_is_bounded_and_in_order),
		cmocka_unit_test(broadcast_shows_every_item_to_all_and_waits_for_the_slowest),
		cmocka_unit_test(cell_holds_the_last_version_and_refuses_half_a_write),
		cmocka_unit_test(intake_keeps_arrival_order_whatever_order_verifiers_finish_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
