/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dpdk driver over DPDK's own virtual devices: a ring that gives back what is sent, without
 * privileges or hugepages. The veth lab (tests/e2e/net.py) covers AF_XDP and AF_PACKET.
 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_net_dpdk.h"

#define DEVICE "dpdk:vdev=[net_ring0],link=02:00:00:00:00:01,address=10.0.0.1/24,port=9000"

/* DPDK keeps its memory until the process ends, by design: no leak of ours. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_dpdk };
static uint8_t memory[2][GYR_NETDEV_ARENA_SIZE];
static struct gyr_netdev device, other;
static struct gyr_netdev_time now = { 1000, 1700000000000000000, 5 };

static int open_one(struct gyr_netdev *to, unsigned index, const char *text)
{
	struct gyr_arena arena = gyr_arena_over(memory[index], sizeof memory[index]);

	return gyr_netdev_open(to, &arena, drivers, 1, text);
}

static void what_is_sent_to_oneself_comes_back(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_endpoint self;
	uint32_t sent = 0;
	uint32_t got = 0;

	(void)state;
	assert_int_equal(open_one(&device, 0, DEVICE), 0);
	assert_int_equal(device.info.clock, GYR_NETDEV_CLOCK_TURN);
	assert_int_equal(gyr_endpoint_parse(&self, "10.0.0.1:9000"), 0);
	memcpy(self.link, device.info.link, 6);
	/* More than there are buffers in all, in bursts of every size. */
	for (unsigned round = 0; round < 2000; round++) {
		unsigned burst = round % GYR_NETDEV_BURST_MAX + 1;
		unsigned count;

		now.now_ns += 1000;
		for (unsigned i = 0; i < burst; i++) {
			uint32_t length = 4 + sent % (device.info.payload_max4 - 3);
			uint8_t *payload = gyr_netdev_reserve(&device, &self);

			gyr_assert(payload != NULL);
			memset(payload, (int)sent, length);
			gyr_store_le32(payload, sent++);
			gyr_netdev_commit(&device, length);
		}
		assert_int_equal(gyr_netdev_flush(&device), 0);
		count = gyr_netdev_rx(&device, datagrams, GYR_NETDEV_BURST_MAX, &now);
		assert_int_equal(count, burst);
		for (unsigned i = 0; i < count; i++, got++) {
			const struct gyr_datagram *d = &datagrams[i];

			assert_int_equal(d->length, 4 + got % (device.info.payload_max4 - 3));
			assert_int_equal(gyr_load_le32(d->payload), got);
			if (d->length > 4)
				assert_int_equal(d->payload[d->length - 1], (uint8_t)got);
			assert_true(gyr_endpoint_equal(&d->peer, &self));
			assert_int_equal(d->received_at_ns, now.utc_ns);
		}
		/* The queue was seen empty one round ago, unless the burst was a full one. */
		if (count > 0 && round > 1 && round % GYR_NETDEV_BURST_MAX > 1)
			assert_int_equal(datagrams[0].received_error_ns, 1005);
	}
	assert_int_equal(got, sent);
	assert_int_equal(device.counters.tx_datagrams, sent);
	assert_int_equal(device.counters.rx_datagrams, sent);
	gyr_netdev_close(&device);
}

static void a_device_that_takes_nothing_holds(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_endpoint self;
	unsigned committed = 0;
	unsigned got = 0;

	(void)state;
	assert_int_equal(open_one(&device, 0, DEVICE), 0);
	assert_int_equal(gyr_endpoint_parse(&self, "10.0.0.1:9000"), 0);
	memcpy(self.link, device.info.link, 6);
	/* The ring holds about a thousand; nobody receives. */
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t *payload = gyr_netdev_reserve(&device, &self);

		if (payload == NULL)
			break;
		gyr_store_le32(payload, committed++);
		gyr_netdev_commit(&device, 4);
	}
	assert_in_range(committed, 500, 4999);
	assert_int_equal(device.counters.tx_full, 1);
	assert_int_equal(gyr_netdev_held(&device), GYR_NETDEV_TX_HELD_MAX);
	for (unsigned idle = 0; idle < 10;) {
		unsigned count = gyr_netdev_rx(&device, datagrams, GYR_NETDEV_BURST_MAX, &now);

		for (unsigned i = 0; i < count; i++, got++)
			assert_int_equal(gyr_load_le32(datagrams[i].payload), got);
		(void)gyr_netdev_flush(&device);
		idle = count == 0 ? idle + 1 : 0;
	}
	assert_int_equal(got, committed);
	gyr_netdev_close(&device);
}

static void unusable_arguments_say_why(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *told;
	} rows[] = {
		{ "dpdk:address=10.0.0.1,port=1", -GYR_ERR_USAGE,
		  "dpdk: none of pci=, af_xdp=, af_packet= and vdev= is given" },
		{ "dpdk:pci=0000:ff:1f.7,vdev=[x],port=1", -GYR_ERR_USAGE,
		  "dpdk: more than one of pci=, af_xdp=, af_packet= and vdev= is given" },
		{ "dpdk:vdev=[net_ring0],queue=1", -GYR_ERR_USAGE, "dpdk: queue=1, but queues=1" },
		{ "dpdk:af_xdp=gyr-none,address=10.0.0.1,port=1", -GYR_ERR_NETWORK,
		  "dpdk: there is no interface gyr-none" },
		{ "dpdk:vdev=[net_ring0],link=02:00:00:00:00:01,port=1", -GYR_ERR_USAGE,
		  "dpdk: neither address= nor address6= is given" },
		{ "dpdk:vdev=[net_ring0],address=10.0.0.1", -GYR_ERR_USAGE, NULL },
		{ "dpdk:vdev=[net_nothing0],address=10.0.0.1,port=1", -GYR_ERR_NETWORK, NULL },
		{ "dpdk:pci=ffff:ff:1f.6,address=10.0.0.1,port=1", -GYR_ERR_NETWORK, NULL },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		assert_int_equal(open_one(&device, 0, rows[i].text), rows[i].error);
		if (rows[i].told != NULL)
			assert_string_equal(gyr_err_cause(), rows[i].told);
	}
	/* One queue cannot be two devices. */
	assert_int_equal(open_one(&device, 0, DEVICE), 0);
	assert_int_equal(open_one(&other, 1, DEVICE), -GYR_ERR_USAGE);
	gyr_netdev_close(&device);
	gyr_err_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_to_oneself_comes_back),
		cmocka_unit_test(a_device_that_takes_nothing_holds),
		cmocka_unit_test(unusable_arguments_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
