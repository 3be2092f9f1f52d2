/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings under real threads: run plain, and under the thread sanitizer. Every item that goes in
 * comes out once, in order, whole. Threads yield when they have nothing to do, so that it also
 * makes progress on one core.
 */
#include "gyr_test.h"

#include <pthread.h>
#include <sched.h>

#include "gyr_intake.h"
#include "gyr_ring.h"

#define ITEMS	  200000u
#define VERIFIERS 3

static struct gyr_intake *intake;
static struct gyr_spsc *spsc;
static struct gyr_broadcast *broadcast;
static struct gyr_cell cell;
static _Atomic bool stop;

static uint64_t mix(uint64_t x)
{
	return (x + 1) * 0x9e3779b97f4a7c15;
}

static void *gate(void *unused)
{
	for (uint64_t i = 0; i < ITEMS; i++) {
		uint64_t sequence;

		while (!gyr_intake_reserve(intake, &sequence))
			(void)sched_yield();
		gyr_intake_arrival(intake, sequence)->client_tag = i;
		*(uint64_t *)gyr_intake_payload(intake, sequence) = mix(i);
		gyr_intake_publish(intake);
	}
	return unused;
}

static void *verifier(void *argument)
{
	uint64_t seed = (uint64_t)(uintptr_t)argument;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint64_t first;
		unsigned want = 1 + (unsigned)(gyr_test_random(&seed) % 16);
		unsigned count = gyr_intake_claim(intake, &first, want);

		if (count == 0)
			(void)sched_yield();
		for (unsigned i = count; i-- > 0;) {
			struct gyr_intake_finding *finding = gyr_intake_finding(intake, first + i);
			uint64_t payload = *(uint64_t *)gyr_intake_payload(intake, first + i);

			memcpy(finding->transaction_hash.bytes, &payload, sizeof payload);
			gyr_intake_verified(intake, first + i);
		}
	}
	return NULL;
}

static void intake_under_threads(void **state)
{
	size_t size = gyr_intake_size(256, 64);
	void *memory = aligned_alloc(64, size);
	pthread_t threads[VERIFIERS + 1];

	(void)state;
	intake = gyr_intake_init(memory, 256, 64);
	atomic_store(&stop, false);
	pthread_create(&threads[0], NULL, gate, NULL);
	for (uintptr_t i = 1; i <= VERIFIERS; i++)
		pthread_create(&threads[i], NULL, verifier, (void *)i);
	for (uint64_t i = 0; i < ITEMS; i++) {
		uint64_t sequence, payload;

		while (!gyr_intake_peek(intake, &sequence))
			(void)sched_yield();
		assert_int_equal(sequence, i);
		assert_int_equal(gyr_intake_arrival(intake, sequence)->client_tag, i);
		memcpy(&payload, gyr_intake_finding(intake, sequence)->transaction_hash.bytes, 8);
		assert_true(payload == mix(i));
		gyr_intake_release(intake);
	}
	atomic_store(&stop, true);
	for (int i = 0; i <= VERIFIERS; i++)
		pthread_join(threads[i], NULL);
	free(memory);
}

static void *spsc_producer(void *unused)
{
	for (uint64_t i = 0; i < ITEMS; i++) {
		uint64_t *item, *copy;

		while ((item = gyr_spsc_reserve(spsc)) == NULL)
			(void)sched_yield();
		*item = mix(i);
		gyr_spsc_publish(spsc);
		while ((copy = gyr_broadcast_reserve(broadcast)) == NULL)
			(void)sched_yield();
		*copy = mix(i);
		gyr_broadcast_publish(broadcast);
		gyr_cell_write(&cell, (uint64_t[]){ i, mix(i) }, 2);
	}
	return unused;
}

static void *broadcast_consumer(void *argument)
{
	unsigned consumer = (unsigned)(uintptr_t)argument;

	for (uint64_t i = 0; i < ITEMS; i++) {
		const uint64_t *item;

		while ((item = gyr_broadcast_peek(broadcast, consumer)) == NULL)
			(void)sched_yield();
		if (*item != mix(i))
			return (void *)1;
		gyr_broadcast_release(broadcast, consumer);
	}
	return NULL;
}

static void spsc_broadcast_and_cell_under_threads(void **state)
{
	void *one = aligned_alloc(64, gyr_spsc_size(8, 64));
	void *two = aligned_alloc(64, gyr_broadcast_size(8, 64));
	pthread_t producer, consumers[2];
	uint64_t last = 0;

	(void)state;
	spsc = gyr_spsc_init(one, 8, 64);
	broadcast = gyr_broadcast_init(two, 8, 64, 2);
	pthread_create(&producer, NULL, spsc_producer, NULL);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&consumers[i], NULL, broadcast_consumer, (void *)i);
	for (uint64_t i = 0; i < ITEMS; i++) {
		const uint64_t *item;
		uint64_t words[2];

		while ((item = gyr_spsc_peek(spsc)) == NULL)
			(void)sched_yield();
		assert_true(*item == mix(i));
		gyr_spsc_release(spsc);
		if (gyr_cell_read(words, &cell, 2) && words[1] != 0) {
			assert_true(words[1] == mix(words[0]));
			assert_true(words[0] >= last);
			last = words[0];
		}
	}
	pthread_join(producer, NULL);
	for (int i = 0; i < 2; i++) {
		void *failed;

		pthread_join(consumers[i], &failed);
		assert_null(failed);
	}
	free(one);
	free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intake_under_threads),
		cmocka_unit_test(spsc_broadcast_and_cell_under_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
