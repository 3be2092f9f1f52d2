/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_err.h"
#include "gyr_netdev.h"
#include "gyr_netdev_key.h"

struct values {
	bool flag;
	uint64_t number;
	char text[GYR_NETDEV_TEXT_MAX];
	struct gyr_netdev_prefix address4, address6;
	uint8_t link[6];
};

static const struct gyr_netdev_key keys[] = {
	{ "flag", GYR_NETDEV_KEY_FLAG, offsetof(struct values, flag), 0, 0, "" },
	{ "number", GYR_NETDEV_KEY_NUMBER, offsetof(struct values, number), 5, 10, "" },
	{ "text", GYR_NETDEV_KEY_TEXT, offsetof(struct values, text), 0, 0, "" },
	{ "address", GYR_NETDEV_KEY_ADDRESS4, offsetof(struct values, address4), 0, 0, "" },
	{ "address6", GYR_NETDEV_KEY_ADDRESS6, offsetof(struct values, address6), 0, 0, "" },
	{ "link", GYR_NETDEV_KEY_LINK, offsetof(struct values, link), 0, 0, "" },
};

static int parse(struct values *values, const char *text)
{
	memset(values, 0, sizeof *values);
	return gyr_netdev_keys_parse(values, keys, GYR_COUNT(keys), "drv", text);
}

static void keys_fill_their_places(void **state)
{
	const uint8_t link[6] = { 2, 0, 0, 0, 0xab, 1 };
	struct values v;

	(void)state;
	assert_int_equal(parse(&v, "flag,number=7,text=[a,b=[c,d]],address=10.77.0.2/24,"
				   "address6=fd77::2/64,link=02:00:00:00:ab:01"),
			 0);
	assert_true(v.flag);
	assert_int_equal(v.number, 7);
	assert_string_equal(v.text, "a,b=[c,d]");
	assert_int_equal(v.address4.bits, 24);
	assert_int_equal(v.address4.address[12], 10);
	assert_int_equal(v.address4.address[11], 0xff);
	assert_int_equal(v.address6.bits, 64);
	assert_int_equal(v.address6.address[15], 2);
	assert_memory_equal(v.link, link, 6);
	assert_int_equal(parse(&v, ""), 0);
	assert_int_equal(parse(&v, "flag=no,number=0x8"), 0);
	assert_false(v.flag);
	assert_int_equal(v.number, 8);
}

static void bad_keys_are_named_with_their_offset(void **state)
{
	static const struct {
		const char *text;
		const char *told;
	} rows[] = {
		{ "flag,nunber=7", "drv: unknown key \"nunber\", offset 9" },
		{ "number=4", "drv: number=4 is not a number from 5 to 10, offset 4" },
		{ "flag,number=11", "drv: number=11 is not a number from 5 to 10, offset 9" },
		{ "number", "drv: number= is not a number from 5 to 10, offset 4" },
		{ "number=7x", "drv: number=7x is not a number from 5 to 10, offset 4" },
		{ "flag,flag", "drv: key flag is given twice, offset 9" },
		{ "flag=maybe", "drv: flag=maybe is not yes or no, offset 4" },
		{ "flag,", "drv: nothing follows the last comma, offset 9" },
		{ ",flag", "drv: unknown key \"\", offset 4" },
		{ "address=10.0.0/24", "drv: address=10.0.0/24 is not an IPv4 address, as 10.0.0.1 "
				       "or 10.0.0.1/24, offset 4" },
		{ "address=10.0.0.1/33", NULL },
		{ "address6=10.0.0.1", NULL },
		{ "address6=::1/129", NULL },
		{ "address6=::1/", NULL },
		{ "link=02:00:00:00:00", NULL },
		{ "link=02:00:00:00:00:0g", NULL },
		{ "link=02:00:00:00:00:01:02", NULL },
		{ "text=", NULL },
	};
	struct values v;

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		assert_int_equal(parse(&v, rows[i].text), -GYR_ERR_USAGE);
		if (rows[i].told != NULL)
			assert_string_equal(gyr_err_cause(), rows[i].told);
	}
	gyr_err_clear();
}

static void endpoints_round_trip(void **state)
{
	static const char *const good[] = { "10.77.0.2:9000", "[fd77::2]:65535", "[fe80::1%3]:1",
					    "255.255.255.255:0" };
	static const char *const bad[] = { "",
					   "10.77.0.2",
					   "10.77.0:1",
					   "10.0.0.1:",
					   "10.0.0.1:x",
					   "10.0.0.1:65536",
					   "[fd77::2]",
					   "[fd77::2:1",
					   "[fd77::2%x]:1",
					   "[10.0.0.1]:1" };
	struct gyr_endpoint endpoint;
	char text[72];

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(good); i++) {
		assert_int_equal(gyr_endpoint_parse(&endpoint, good[i]), 0);
		assert_string_equal(gyr_endpoint_format(&endpoint, text), good[i]);
		assert_int_equal(gyr_endpoint_is_ipv4(&endpoint), good[i][0] != '[');
	}
	for (size_t i = 0; i < GYR_COUNT(bad); i++)
		assert_int_equal(gyr_endpoint_parse(&endpoint, bad[i]), -GYR_ERR_USAGE);
	gyr_err_clear();
}

static void counters_are_listed(void **state)
{
	struct gyr_netdev_counters counters = { 0 };

	(void)state;
	gyr_netdev_count(&counters.neighbour_evicted, 3);
	assert_int_equal(gyr_netdev_counter_count(), sizeof counters / sizeof(uint64_t));
	assert_string_equal(gyr_netdev_counter_name(0), "rx_datagrams");
	assert_null(gyr_netdev_counter_name(gyr_netdev_counter_count()));
	assert_non_null(gyr_netdev_counter_text(0));
	assert_int_equal(gyr_netdev_counter_value(&counters, gyr_netdev_counter_count() - 1), 3);
}

/* A driver that takes as many datagrams as it is told to, then none. */
static unsigned accept_count;
static unsigned sent_count;
static uint8_t sent[1000];
static uint8_t buffers[GYR_NETDEV_TX_HELD_MAX][100];

static int stub_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	(void)arena;
	if (strcmp(text, "bad") == 0)
		GYR_FAIL(GYR_ERR_NETWORK, "no such device");
	device->info.mtu = GYR_NETDEV_MTU_MIN;
	device->info.payload_max4 = device->info.payload_max6 = sizeof buffers[0];
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = buffers[i];
	return 0;
}

static void stub_close(struct gyr_netdev *device)
{
	(void)device;
}

static unsigned stub_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	unsigned done = count < accept_count ? count : accept_count;

	(void)device;
	assert_in_range(count, 1, GYR_NETDEV_BURST_MAX);
	for (unsigned i = 0; i < done; i++)
		sent[sent_count++] = batch[i].payload[0];
	accept_count -= done;
	return done;
}

static unsigned stub_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			unsigned count_max, const struct gyr_netdev_time *time)
{
	(void)device, (void)datagrams, (void)count_max, (void)time;
	return 0;
}

static const struct gyr_netdev_ops stub = {
	.name = "stub",
	.open = stub_open,
	.close = stub_close,
	.rx_burst = stub_rx,
	.tx_burst = stub_tx,
};

static void a_full_device_holds_in_order(void **state)
{
	const struct gyr_netdev_ops *const drivers[] = { &stub };
	struct gyr_endpoint to = { .port = 1 };
	static struct gyr_netdev device;
	unsigned refused = 0;
	unsigned committed = 0;

	(void)state;
	assert_int_equal(gyr_netdev_open(&device, NULL, drivers, 1, "other:x"), -GYR_ERR_USAGE);
	assert_int_equal(gyr_netdev_open(&device, NULL, drivers, 1, "stub:bad"), -GYR_ERR_NETWORK);
	assert_int_equal(gyr_netdev_open(&device, NULL, drivers, 1, "stub"), 0);
	assert_int_equal(gyr_netdev_wait_fds(&device, NULL, 0), 0);
	accept_count = 40;
	for (unsigned i = 0; i < 200; i++) {
		uint8_t *payload = gyr_netdev_reserve(&device, &to);

		if (payload == NULL) {
			refused++;
			continue;
		}
		payload[0] = (uint8_t)committed++;
		gyr_netdev_commit(&device, 1);
	}
	assert_int_equal(committed, 40 + GYR_NETDEV_TX_HELD_MAX);
	assert_int_equal(refused, 200 - committed);
	assert_int_equal(gyr_netdev_counter_value(&device.counters, 15), refused);
	assert_int_equal(gyr_netdev_held(&device), GYR_NETDEV_TX_HELD_MAX);
	accept_count = 1000;
	assert_int_equal(gyr_netdev_flush(&device), 0);
	assert_int_equal(sent_count, committed);
	for (unsigned i = 0; i < sent_count; i++)
		assert_int_equal(sent[i], i);
	gyr_netdev_close(&device);
	gyr_netdev_close(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_fill_their_places),
		cmocka_unit_test(bad_keys_are_named_with_their_offset),
		cmocka_unit_test(endpoints_round_trip),
		cmocka_unit_test(counters_are_listed),
		cmocka_unit_test(a_full_device_holds_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
