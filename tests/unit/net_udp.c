/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <poll.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_net_udp.h"

static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp };
static uint8_t memory[2][GYR_NETDEV_ARENA_SIZE];
static struct gyr_netdev server, client;

static struct gyr_netdev_time now(void)
{
	struct timespec mono, utc;

	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)clock_gettime(CLOCK_REALTIME, &utc);
	return (struct gyr_netdev_time){
		.now_ns = (uint64_t)mono.tv_sec * 1000000000u + (uint64_t)mono.tv_nsec,
		.utc_ns = (uint64_t)utc.tv_sec * 1000000000u + (uint64_t)utc.tv_nsec,
		.utc_error_ns = 1000,
	};
}

static int open_one(struct gyr_netdev *device, unsigned index, const char *text)
{
	struct gyr_arena arena = gyr_arena_over(memory[index], sizeof memory[index]);

	return gyr_netdev_open(device, &arena, drivers, 1, text);
}

/* Receives until count datagrams came or two seconds passed. */
static unsigned receive(struct gyr_netdev *device, struct gyr_datagram *datagrams, unsigned count)
{
	unsigned have = 0;
	int fds[2];
	unsigned fd_count = gyr_netdev_wait_fds(device, fds, 2);

	assert_in_range(fd_count, 1, 2);
	while (have == 0) {
		struct pollfd polled[2] = { { fds[0], POLLIN, 0 }, { fds[1], POLLIN, 0 } };
		struct gyr_netdev_time time = now();

		have = gyr_netdev_rx(device, datagrams, count, &time);
		if (have == 0 && poll(polled, fd_count, 2000) == 0)
			break;
	}
	return have;
}

static void echo_rounds(const char *host, uint32_t length)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_endpoint to;
	char text[72];

	(void)snprintf(text, sizeof text, "%s:%u", host, server.info.port);
	assert_int_equal(gyr_endpoint_parse(&to, text), 0);
	for (unsigned round = 0; round < 100; round++) {
		struct gyr_netdev_time time = now();
		unsigned back = 0;

		for (unsigned i = 0; i < 10; i++) {
			uint8_t *payload = gyr_netdev_reserve(&client, &to);

			memset(payload, (int)(round + i), length);
			gyr_netdev_commit(&client, length);
		}
		assert_int_equal(gyr_netdev_flush(&client), 0);
		for (unsigned echoed = 0; echoed < 10;)
			echoed += gyr_netdev_echo(&server, &time);
		while (back < 10) {
			unsigned count = receive(&client, datagrams, GYR_NETDEV_BURST_MAX);

			assert_int_not_equal(count, 0);
			for (unsigned i = 0; i < count; i++, back++) {
				const struct gyr_datagram *d = &datagrams[i];

				assert_int_equal(d->length, length);
				if (length > 0)
					assert_int_equal(d->payload[length - 1],
							 (uint8_t)(round + back));
				assert_true(gyr_endpoint_equal(&d->peer, &to));
				assert_int_equal(d->clock, GYR_NETDEV_CLOCK_KERNEL);
				assert_in_range(d->received_at_ns, time.utc_ns, now().utc_ns);
			}
		}
	}
}

static void echoes_over_loopback(void **state)
{
	(void)state;
	assert_int_equal(open_one(&server, 0, "udp:address=127.0.0.1,address6=::1"), 0);
	assert_int_equal(open_one(&client, 1, "udp:address=127.0.0.1,address6=::1"), 0);
	assert_int_not_equal(server.info.port, 0);
	assert_string_equal(server.info.device, "lo");
	assert_int_equal(server.info.mtu, GYR_NETDEV_MTU_MAX);
	echo_rounds("127.0.0.1", 200);
	echo_rounds("[::1]", 200);
	echo_rounds("127.0.0.1", 0);
	echo_rounds("127.0.0.1", client.info.payload_max4);
	echo_rounds("[::1]", client.info.payload_max6);
	assert_int_equal(server.counters.rx_datagrams, 5000);
	assert_int_equal(server.counters.tx_datagrams, 5000);
	gyr_netdev_close(&server);
	gyr_netdev_close(&client);
}

static void both_families_share_a_burst(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_endpoint to[2];
	char text[72];
	unsigned got = 0;
	unsigned ipv4 = 0;

	(void)state;
	assert_int_equal(open_one(&server, 0, "udp:address=127.0.0.1,address6=::1,mtu=1500"), 0);
	assert_int_equal(open_one(&client, 1, "udp:address=127.0.0.1,address6=::1,mtu=1500"), 0);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof text, "%s:%u", i == 0 ? "127.0.0.1" : "[::1]",
			       server.info.port);
		assert_int_equal(gyr_endpoint_parse(&to[i], text), 0);
	}
	for (unsigned i = 0; i < 100; i++) {
		gyr_netdev_reserve(&client, &to[i & 1])[0] = (uint8_t)i;
		gyr_netdev_commit(&client, 1);
	}
	assert_int_equal(gyr_netdev_flush(&client), 0);
	while (got < 100) {
		unsigned count = receive(&server, datagrams, 7);

		assert_in_range(count, 1, 7);
		for (unsigned i = 0; i < count; i++)
			ipv4 += gyr_endpoint_is_ipv4(&datagrams[i].peer);
		got += count;
	}
	assert_int_equal(ipv4, 50);
	gyr_netdev_close(&server);
	gyr_netdev_close(&client);
}

static void too_long_datagrams_and_full_sockets_are_counted(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_endpoint to;
	char text[72];
	unsigned got = 0;

	(void)state;
	assert_int_equal(open_one(&server, 0, "udp:address=127.0.0.1,mtu=600,receive_buffer=16384"),
			 0);
	assert_int_equal(open_one(&client, 1, "udp:address=127.0.0.1"), 0);
	(void)snprintf(text, sizeof text, "127.0.0.1:%u", server.info.port);
	assert_int_equal(gyr_endpoint_parse(&to, text), 0);
	(void)gyr_netdev_reserve(&client, &to);
	gyr_netdev_commit(&client, server.info.payload_max4 + 1);
	for (unsigned i = 0; i < 2000; i++) {
		(void)gyr_netdev_reserve(&client, &to);
		gyr_netdev_commit(&client, 500);
	}
	assert_int_equal(gyr_netdev_flush(&client), 0);
	for (unsigned count = 1; count != 0; got += count) {
		struct gyr_netdev_time time = now();

		count = gyr_netdev_rx(&server, datagrams, 32, &time);
	}
	/* The kernel tells its drops with the next datagram. */
	(void)gyr_netdev_reserve(&client, &to);
	gyr_netdev_commit(&client, 1);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	got += receive(&server, datagrams, 1);
	assert_int_equal(server.counters.rx_drop_truncated, 1);
	assert_in_range(got, 2, 2000);
	assert_int_equal(server.counters.rx_drop_no_buffer + got, 2001);
	gyr_netdev_close(&server);
	gyr_netdev_close(&client);
}

static void unusable_arguments_say_why(void **state)
{
	struct gyr_arena small = gyr_arena_over(memory[0], 1000);

	(void)state;
	assert_int_equal(open_one(&server, 0, "udp:prot=1"), -GYR_ERR_USAGE);
	assert_string_equal(gyr_err_cause(), "udp: unknown key \"prot\", offset 4");
	assert_int_equal(open_one(&server, 0, "udp:mtu=100"), -GYR_ERR_USAGE);
	assert_int_equal(open_one(&server, 0, "udp:address=192.0.2.1"), -GYR_ERR_NETWORK);
	assert_non_null(strstr(gyr_err_cause(), "bind 192.0.2.1:0: "));
	assert_int_equal(gyr_netdev_open(&server, &small, drivers, 1, "udp"), -GYR_ERR_MEMORY);
	assert_int_equal(open_one(&server, 0, "udp:address=127.0.0.1"), 0);
	{
		char text[72];

		(void)snprintf(text, sizeof text, "udp:address=127.0.0.1,port=%u",
			       server.info.port);
		assert_int_equal(open_one(&client, 1, text), -GYR_ERR_NETWORK);
	}
	gyr_netdev_close(&server);
	gyr_err_clear();
}

static void a_peer_of_a_missing_family_is_dropped_and_counted(void **state)
{
	struct gyr_endpoint to;

	(void)state;
	assert_int_equal(open_one(&client, 1, "udp:address=127.0.0.1"), 0);
	assert_int_equal(gyr_endpoint_parse(&to, "[::1]:9"), 0);
	(void)gyr_netdev_reserve(&client, &to);
	gyr_netdev_commit(&client, 1);
	assert_int_equal(gyr_netdev_flush(&client), 0);
	assert_int_equal(client.counters.tx_drop_error, 1);
	assert_int_equal(client.counters.tx_datagrams, 0);
	gyr_netdev_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_over_loopback),
		cmocka_unit_test(both_families_share_a_burst),
		cmocka_unit_test(too_long_datagrams_and_full_sockets_are_counted),
		cmocka_unit_test(unusable_arguments_say_why),
		cmocka_unit_test(a_peer_of_a_missing_family_is_dropped_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
