/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>
#include <unistd.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_net_replay.h"
#include "gyr_netdev_frame.h"

#define FRAME_COUNT 200
#define STEP_NS	    1000000ull
#define START_S	    1700000000u

static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_replay };
static uint8_t memory[GYR_NETDEV_ARENA_SIZE];
static struct gyr_netdev device;
static char in_path[64], out_path[64];

/* One datagram from 10.0.0.2 (02:00:00:00:00:02) to 10.0.0.1:9000 (02:00:00:00:00:01). */
static size_t make_frame(uint8_t *frame, uint32_t number)
{
	static struct gyr_frame_host host;
	static struct gyr_netdev from;
	static const uint8_t own[6] = { 2, 0, 0, 0, 0, 2 }, other[6] = { 2, 0, 0, 0, 0, 1 };
	struct gyr_frame_values values = { .port = 40000 };
	struct gyr_endpoint to;
	uint8_t buffer[256];
	uint8_t *start;
	size_t length;

	values.address4 = (struct gyr_netdev_prefix){
		{ [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 }, 24, true
	};
	from.info.driver = "test";
	assert_int_equal(gyr_frame_host_init(&host, &from, &values, own, 1500), 0);
	assert_int_equal(gyr_endpoint_parse(&to, "10.0.0.1:9000"), 0);
	memcpy(to.link, other, 6);
	memset(buffer, 0x5a, sizeof buffer);
	gyr_store_le32(buffer + 100, number);
	start = gyr_frame_build(&host, &length, NULL, buffer + 100, 100, &to, 0);
	assert_non_null(start);
	memcpy(frame, start, length);
	return length;
}

/* A classic pcap file, written without libpcap: microseconds, little-endian. */
static void write_capture(uint32_t link_type, size_t cut)
{
	FILE *file = fopen(in_path, "wb");
	const uint32_t head[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, link_type };

	assert_non_null(file);
	assert_int_equal(fwrite(head, sizeof head, 1, file), 1);
	for (uint32_t i = 0; i < FRAME_COUNT; i++) {
		uint8_t frame[256];
		uint32_t length = (uint32_t)make_frame(frame, i);
		/* The last one is longer than what was captured of it. */
		uint32_t real = i + 1 == FRAME_COUNT ? length + 10 : length;
		const uint32_t record[] = { START_S, i * 1000, length, real };

		assert_int_equal(fwrite(record, sizeof record, 1, file), 1);
		assert_int_equal(fwrite(frame, length, 1, file), 1);
	}
	assert_int_equal(fclose(file), 0);
	if (cut != 0)
		assert_int_equal(truncate(in_path, (off_t)cut), 0);
}

static int open_replay(const char *more)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	char text[512];

	(void)snprintf(text, sizeof text, "replay:file=%s,address=10.0.0.1/24,port=9000%s", in_path,
		       more);
	return gyr_netdev_open(&device, &arena, drivers, 1, text);
}

static void as_captured_or_as_fast_as_possible(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_netdev_time now = { 5000, 1800000000000000000, 7 };
	unsigned got = 0;

	(void)state;
	write_capture(1, 0);
	assert_int_equal(open_replay(""), 0);
	assert_int_equal(gyr_netdev_rx(&device, datagrams, 32, &now), 1);
	assert_int_equal(gyr_netdev_rx(&device, datagrams, 32, &now), 0);
	now.now_ns += 10 * STEP_NS;
	assert_int_equal(gyr_netdev_rx(&device, datagrams, 32, &now), 10);
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(gyr_load_le32(datagrams[i].payload), i + 1);
		assert_int_equal(datagrams[i].length, 100);
		assert_int_equal(datagrams[i].clock, GYR_NETDEV_CLOCK_CAPTURE);
		assert_true(datagrams[i].received_at_ns ==
			    START_S * 1000000000ull + (i + 1) * STEP_NS);
	}
	gyr_netdev_close(&device);

	assert_int_equal(open_replay(",fast,repeat=3"), 0);
	while (device.info.link_up) {
		unsigned count = gyr_netdev_rx(&device, datagrams, 32, &now);

		for (unsigned i = 0; i < count; i++, got++)
			assert_int_equal(gyr_load_le32(datagrams[i].payload),
					 got % (FRAME_COUNT - 1));
	}
	assert_int_equal(got, 3 * (FRAME_COUNT - 1));
	assert_int_equal(device.counters.rx_drop_truncated, 3);
	assert_int_equal(gyr_netdev_rx(&device, datagrams, 32, &now), 0);
	gyr_netdev_close(&device);
}

static void answers_are_written_and_can_be_replayed(void **state)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_netdev_time now = { 5000, 1800000000000000000, 7 };
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	unsigned got = 0;
	char text[256];

	(void)state;
	write_capture(1, 0);
	(void)snprintf(text, sizeof text, ",fast,output=%s", out_path);
	assert_int_equal(open_replay(text), 0);
	while (device.info.link_up)
		(void)gyr_netdev_echo(&device, &now);
	assert_int_equal(device.counters.tx_datagrams, FRAME_COUNT - 1);
	gyr_netdev_close(&device);
	/* The answers, seen from the other side. */
	(void)snprintf(text, sizeof text, "replay:file=%s,address=10.0.0.2/24,port=40000,fast",
		       out_path);
	assert_int_equal(gyr_netdev_open(&device, &arena, drivers, 1, text), 0);
	while (device.info.link_up) {
		unsigned count = gyr_netdev_rx(&device, datagrams, 32, &now);

		for (unsigned i = 0; i < count; i++, got++) {
			assert_int_equal(gyr_load_le32(datagrams[i].payload), got);
			assert_true(datagrams[i].received_at_ns == now.utc_ns);
			assert_int_equal(datagrams[i].peer.port, 9000);
		}
	}
	assert_int_equal(got, FRAME_COUNT - 1);
	gyr_netdev_close(&device);
}

static void unusable_files_say_why(void **state)
{
	(void)state;
	write_capture(1, 0);
	assert_int_equal(open_replay(",output=/nonexistent/x"), -GYR_ERR_IO);
	assert_int_equal(open_replay(",repeat=0"), -GYR_ERR_USAGE);
	write_capture(113, 0);
	assert_int_equal(open_replay(""), -GYR_ERR_DATA);
	assert_non_null(strstr(gyr_err_cause(), "not Ethernet"));
	write_capture(1, 1000);
	assert_int_equal(open_replay(""), -GYR_ERR_DATA);
	assert_non_null(strstr(gyr_err_cause(), "frame 7: "));
	write_capture(1, 24);
	assert_int_equal(open_replay(""), -GYR_ERR_DATA);
	write_capture(1, 10);
	assert_int_equal(open_replay(""), -GYR_ERR_DATA);
	assert_int_equal(unlink(in_path), 0);
	assert_int_equal(open_replay(""), -GYR_ERR_DATA);
	gyr_err_clear();
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(in_path, sizeof in_path, "/tmp/gyr-replay-%d-in.pcap", (int)getpid());
	(void)snprintf(out_path, sizeof out_path, "/tmp/gyr-replay-%d-out.pcap", (int)getpid());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink(in_path);
	(void)unlink(out_path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_captured_or_as_fast_as_possible),
		cmocka_unit_test(answers_are_written_and_can_be_replayed),
		cmocka_unit_test(unusable_files_say_why),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
