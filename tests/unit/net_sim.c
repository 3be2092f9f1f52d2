/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_net_sim.h"

#define SLOT_COUNT 1024
#define LENGTH	   100

static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_sim };
static uint8_t memory[8u << 20];
static struct gyr_net_sim_wire wire;
static struct gyr_netdev server, client;
static struct gyr_netdev_time now;
static struct gyr_endpoint server4, server6;

static void set_up(uint64_t seed)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);

	now = (struct gyr_netdev_time){ 1000000000, 1700000000000000000, 5 };
	assert_int_equal(gyr_net_sim_wire_init(&wire, &arena, "w", seed, SLOT_COUNT, 1500), 0);
	assert_int_equal(gyr_netdev_open(&server, &arena, drivers, 1,
					 "sim:wire=w,address=10.0.0.1/24,address6=fd00::1/64,"
					 "port=9000"),
			 0);
	assert_int_equal(gyr_netdev_open(&client, &arena, drivers, 1,
					 "sim:wire=w,address=10.0.0.2/24,address6=fd00::2/64,"
					 "port=9001"),
			 0);
	assert_int_equal(gyr_endpoint_parse(&server4, "10.0.0.1:9000"), 0);
	assert_int_equal(gyr_endpoint_parse(&server6, "[fd00::1]:9000"), 0);
}

static void tear_down(void)
{
	gyr_netdev_close(&server);
	gyr_netdev_close(&client);
	assert_int_equal(wire.free_count, SLOT_COUNT);
	gyr_net_sim_wire_fini(&wire);
}

static void pass(uint64_t ns)
{
	now.now_ns += ns;
	now.utc_ns += ns;
}

static void resolve(struct gyr_endpoint *to)
{
	struct gyr_datagram datagrams[4];

	for (unsigned i = 0; i < 10000 && !gyr_netdev_resolve(&client, to, &now); i++) {
		pass(1000000);
		(void)gyr_netdev_echo(&server, &now);
		(void)gyr_netdev_rx(&client, datagrams, 4, &now);
	}
	assert_true(gyr_netdev_resolve(&client, to, &now));
}

static void send_one(const struct gyr_endpoint *to, uint32_t number)
{
	uint8_t *payload = gyr_netdev_reserve(&client, to);

	gyr_assert(payload != NULL);
	memset(payload, (int)number, LENGTH);
	gyr_store_le32(payload, number);
	gyr_netdev_commit(&client, LENGTH);
}

static void a_perfect_wire_echoes_in_order(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];

	(void)state;
	set_up(1);
	resolve(&server4);
	resolve(&server6);
	/* One question and one answer each, both ends. */
	assert_int_equal(client.counters.tx_control, 2);
	assert_int_equal(client.counters.rx_control, 2);
	assert_int_equal(server.counters.tx_control, 2);
	for (uint32_t i = 0; i < 1000; i++) {
		send_one((i & 1) != 0 ? &server6 : &server4, i);
		assert_int_equal(gyr_netdev_flush(&client), 0);
		assert_int_equal(gyr_netdev_echo(&server, &now), 1);
		assert_int_equal(gyr_netdev_rx(&client, datagrams, GYR_NETDEV_BURST_MAX, &now), 1);
		assert_int_equal(datagrams[0].length, LENGTH);
		assert_int_equal(gyr_load_le32(datagrams[0].payload), i);
		assert_true(
			gyr_endpoint_equal(&datagrams[0].peer, (i & 1) != 0 ? &server6 : &server4));
		assert_int_equal(datagrams[0].received_at_ns, now.utc_ns);
		assert_int_equal(datagrams[0].clock, GYR_NETDEV_CLOCK_SIM);
	}
	tear_down();
}

static void delay_is_simulated_time(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	uint64_t start;

	(void)state;
	set_up(2);
	resolve(&server4);
	wire.faults.delay_ns_min = 10000;
	wire.faults.delay_ns_max = 20000;
	start = now.now_ns;
	assert_int_equal(gyr_net_sim_wire_next_ns(&wire), UINT64_MAX);
	for (uint32_t i = 0; i < 20; i++)
		send_one(&server4, i);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_in_range(gyr_net_sim_wire_next_ns(&wire), start + 10000, start + 20000);
	assert_int_equal(gyr_netdev_rx(&server, datagrams, 32, &now), 0);
	pass(30000);
	assert_int_equal(gyr_netdev_rx(&server, datagrams, 32, &now), 20);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(gyr_load_le32(datagrams[i].payload), i);
		assert_in_range(now.utc_ns - datagrams[i].received_at_ns, 10000, 20000);
	}
	tear_down();
}

/* Sends numbered datagrams over a faulty wire and returns a digest of what came through. */
static uint64_t run_faulty(uint64_t seed, bool print)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	uint64_t digest = 0;
	uint64_t received = 0;
	uint64_t backwards = 0;
	uint32_t last = 0;

	set_up(seed);
	resolve(&server4);
	wire.faults = (struct gyr_net_sim_faults){
		.loss_ppm = 50000,
		.duplicate_ppm = 50000,
		.reorder_ppm = 50000,
		.truncate_ppm = 50000,
		.corrupt_ppm = 50000,
		.refuse_ppm = 200000,
		.delay_ns_min = 100,
		.delay_ns_max = 5000,
		.reorder_ns_max = 50000,
	};
	for (uint32_t i = 1; i <= 10000; i++) {
		unsigned count;

		send_one(&server4, i);
		(void)gyr_netdev_flush(&client);
		pass(1000);
		count = gyr_netdev_rx(&server, datagrams, 32, &now);
		for (unsigned k = 0; k < count; k++) {
			uint32_t number = gyr_load_le32(datagrams[k].payload);

			/* No damaged payload gets through. */
			assert_int_equal(datagrams[k].length, LENGTH);
			for (unsigned b = 4; b < LENGTH; b++)
				assert_int_equal(datagrams[k].payload[b], (uint8_t)number);
			backwards += number < last;
			last = number;
			digest = (digest ^ number) * 0x100000001b3;
			received++;
		}
	}
	assert_in_range(received, 8000, 10200);
	assert_true(backwards > 100);
	assert_true(wire.stats.lost > 100 && wire.stats.duplicated > 100 &&
		    wire.stats.reordered > 100 && wire.stats.truncated > 100 &&
		    wire.stats.corrupted > 100);
	assert_true(server.counters.rx_drop_checksum > 100);
	assert_true(server.counters.rx_drop_short + server.counters.rx_drop_length > 100);
	if (print)
		print_message("received %llu, out of order %llu\n", (unsigned long long)received,
			      (unsigned long long)backwards);
	while (gyr_netdev_flush(&client) != 0)
		pass(1);
	tear_down();
	return digest;
}

static void faults_are_met_and_a_seed_repeats_them(void **state)
{
	uint64_t seed = gyr_test_seed();
	uint64_t first = run_faulty(seed, true);

	(void)state;
	assert_int_equal(run_faulty(seed, false), first);
	assert_int_not_equal(run_faulty(seed + 1, false), first);
}

static void a_full_wire_and_a_pulled_cable_lose_and_count(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	unsigned got = 0;

	(void)state;
	set_up(3);
	resolve(&server4);
	for (uint32_t i = 0; i < 2 * SLOT_COUNT; i++)
		send_one(&server4, i);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_int_equal(wire.stats.no_slot, SLOT_COUNT);
	for (unsigned count = 1; count != 0; got += count)
		count = gyr_netdev_rx(&server, datagrams, 32, &now);
	assert_int_equal(got, SLOT_COUNT);
	gyr_net_sim_wire_plug(&wire, &server, false);
	send_one(&server4, 1);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_int_equal(gyr_netdev_rx(&server, datagrams, 32, &now), 0);
	assert_false(server.info.link_up);
	gyr_net_sim_wire_plug(&wire, &server, true);
	send_one(&server4, 1);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_int_equal(gyr_netdev_rx(&server, datagrams, 32, &now), 1);
	tear_down();
}

static void an_unknown_peer_is_dropped_and_counted(void **state)
{
	(void)state;
	set_up(4);
	send_one(&server4, 1);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_int_equal(client.counters.tx_drop_unresolved, 1);
	assert_int_equal(wire.stats.sent, 0);
	tear_down();
}

static void arbitrary_frames_do_no_harm(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	uint64_t seed = gyr_test_seed();
	uint8_t frame[200];

	(void)state;
	set_up(5);
	for (unsigned i = 0; i < 20000; i++) {
		size_t length = gyr_test_random(&seed) % sizeof frame;

		for (size_t k = 0; k < length; k++)
			frame[k] = (uint8_t)gyr_test_random(&seed);
		if (length >= 14) {
			static const uint16_t types[] = { 0x0800, 0x0806, 0x86dd, 0x8100 };

			memcpy(frame, server.info.link, 6);
			gyr_store_be16(frame + 12, types[i & 3]);
		}
		gyr_net_sim_wire_inject(&wire, &server, frame, length);
		assert_int_equal(gyr_netdev_rx(&server, datagrams, 32, &now), 0);
	}
	tear_down();
}

static void unusable_arguments_say_why(void **state)
{
	struct gyr_arena arena = gyr_arena_over(memory + (6u << 20), 2u << 20);
	struct gyr_netdev other;

	(void)state;
	set_up(6);
	assert_int_equal(gyr_netdev_open(&other, &arena, drivers, 1, "sim:wire=x,port=1"),
			 -GYR_ERR_USAGE);
	assert_int_equal(gyr_netdev_open(&other, &arena, drivers, 1, "sim:wire=w,port=1"),
			 -GYR_ERR_USAGE);
	assert_string_equal(gyr_err_cause(), "sim: neither address= nor address6= is given");
	assert_int_equal(gyr_netdev_open(&other, &arena, drivers, 1, "sim:wire=w,address=10.0.0.3"),
			 -GYR_ERR_USAGE);
	assert_int_equal(gyr_netdev_open(&other, &arena, drivers, 1,
					 "sim:wire=w,address=10.0.0.3,port=1,mtu=1501"),
			 -GYR_ERR_USAGE);
	gyr_err_clear();
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_perfect_wire_echoes_in_order),
		cmocka_unit_test(delay_is_simulated_time),
		cmocka_unit_test(faults_are_met_and_a_seed_repeats_them),
		cmocka_unit_test(a_full_wire_and_a_pulled_cable_lose_and_count),
		cmocka_unit_test(an_unknown_peer_is_dropped_and_counted),
		cmocka_unit_test(arbitrary_frames_do_no_harm),
		cmocka_unit_test(unusable_arguments_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
