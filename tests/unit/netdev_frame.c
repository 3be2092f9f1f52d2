/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_netdev_frame.h"

/*
 * Frames as Linux sends them, captured on a veth pair: from 02:67:79:72:00:01, 10.77.0.1 and
 * fd77::1, to 02:67:79:72:00:02, 10.77.0.20 and fd77::20.
 */
static const uint8_t arp_request[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x67, 0x79, 0x72, 0x00, 0x01, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x02, 0x67, 0x79, 0x72, 0x00, 0x01,
	10,   77,   0,	  1,	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10,	  77,	0,    20,
};

/* UDP from 10.77.0.1:40000 to port 9000, payload "gyr!". */
static const uint8_t udp4[] = {
	0x02, 0x67, 0x79, 0x72, 0x00, 0x02, 0x02, 0x67, 0x79, 0x72, 0x00, 0x01,
	0x08, 0x00, 0x45, 0x00, 0x00, 0x20, 0xde, 0xe9, 0x40, 0x00, 0x40, 0x11,
	0x47, 0x35, 0x0a, 0x4d, 0x00, 0x01, 0x0a, 0x4d, 0x00, 0x14, 0x9c, 0x40,
	0x23, 0x28, 0x00, 0x0c, 0x52, 0x24, 0x67, 0x79, 0x72, 0x21,
};

static struct gyr_netdev device;
static struct gyr_frame_host host;
static struct gyr_datagram datagram;
static uint8_t frame[2048];
static uint8_t reply[2048];

static void reset_with(uint16_t vlan)
{
	static const uint8_t link[6] = { 0x02, 0x67, 0x79, 0x72, 0x00, 0x02 };
	struct gyr_frame_values values = { .port = 9000, .vlan = vlan };

	values.address4 = (struct gyr_netdev_prefix){
		{ [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77, [15] = 20 }, 24, true
	};
	values.address6 =
		(struct gyr_netdev_prefix){ { [0] = 0xfd, [1] = 0x77, [15] = 0x20 }, 64, true };
	memset(&device, 0, sizeof device);
	device.info.driver = "test";
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, link, 1500), 0);
}

static void reset(void)
{
	reset_with(0);
}

/* The checksum of RFC 1071, the slow way. */
static uint16_t sum16(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (length % 2 != 0)
		sum += (uint32_t)data[length - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static enum gyr_frame_kind parse(const uint8_t *bytes, size_t length)
{
	return gyr_frame_parse(&host, &datagram, bytes, length, 0, 0);
}

static size_t control(const uint8_t *bytes, size_t length)
{
	if (parse(bytes, length) != GYR_FRAME_CONTROL)
		return 0;
	return gyr_frame_control(&host, reply, sizeof reply, bytes, length, 0, 0, 1000);
}

static uint64_t total(void)
{
	const struct gyr_netdev_counters *c = &device.counters;

	return c->rx_datagrams + c->rx_control + c->rx_foreign + c->rx_drop_short +
	       c->rx_drop_length + c->rx_drop_checksum + c->rx_drop_fragment +
	       c->rx_drop_unsupported;
}

/* An IPv4 frame around what was put at frame + 34; checksums filled in. */
static size_t make_ipv4(uint8_t protocol, size_t length)
{
	uint8_t *ip = frame + 14;

	memcpy(frame, udp4, 34);
	gyr_store_be16(ip + 2, (uint16_t)(20 + length));
	ip[9] = protocol;
	gyr_store_be16(ip + 10, 0);
	gyr_store_be16(ip + 10, (uint16_t)~sum16(0, ip, 20));
	return 34 + length;
}

/* An IPv6 frame around what was put at frame + 54. */
static size_t make_ipv6(uint8_t next, size_t length, uint8_t hop_limit)
{
	uint8_t *ip = frame + 14;

	memcpy(frame, udp4, 12);
	gyr_store_be16(frame + 12, 0x86dd);
	memset(ip, 0, 40);
	ip[0] = 0x60;
	gyr_store_be16(ip + 4, (uint16_t)length);
	ip[6] = next;
	ip[7] = hop_limit;
	ip[8] = ip[24] = 0xfd;
	ip[9] = ip[25] = 0x77;
	ip[23] = 0x01;
	ip[39] = 0x20;
	return 54 + length;
}

static void seal6(size_t offset, size_t length, uint8_t protocol, size_t checksum_at)
{
	uint8_t *at = frame + offset;
	uint32_t pseudo = sum16((uint32_t)length + protocol, frame + 22, 32);

	gyr_store_be16(at + checksum_at, 0);
	gyr_store_be16(at + checksum_at, (uint16_t)~sum16(pseudo, at, length));
}

/* A UDP datagram to port 9000 with a payload of n bytes, at an offset behind IPv6. */
static void put_udp6(size_t offset, size_t n)
{
	uint8_t *udp = frame + offset;

	gyr_store_be16(udp, 40000);
	gyr_store_be16(udp + 2, 9000);
	gyr_store_be16(udp + 4, (uint16_t)(8 + n));
	memset(udp + 8, 'x', n);
	seal6(offset, 8 + n, 17, 6);
}

static void a_datagram_is_handed_up(void **state)
{
	struct gyr_endpoint peer;
	uint8_t padded[sizeof udp4 + 14] = { 0 };

	(void)state;
	reset();
	assert_int_equal(gyr_endpoint_parse(&peer, "10.77.0.1:40000"), 0);
	assert_int_equal(parse(udp4, sizeof udp4), GYR_FRAME_DATAGRAM);
	assert_int_equal(datagram.length, 4);
	assert_memory_equal(datagram.payload, "gyr!", 4);
	assert_true(gyr_endpoint_equal(&datagram.peer, &peer));
	assert_memory_equal(datagram.peer.link, udp4 + 6, 6);
	/* Short frames come padded to 60 bytes. */
	memcpy(padded, udp4, sizeof udp4);
	memset(padded + sizeof udp4, 0xee, sizeof padded - sizeof udp4);
	assert_int_equal(parse(padded, sizeof padded), GYR_FRAME_DATAGRAM);
	assert_int_equal(datagram.length, 4);
	assert_int_equal(device.counters.rx_datagrams, 2);
	assert_int_equal(device.counters.rx_bytes, 8);
}

static void every_single_bit_of_a_datagram_matters(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < sizeof udp4 * 8; bit++) {
		bool is_link = bit / 8 >= 6 && bit / 8 < 12;

		reset();
		memcpy(frame, udp4, sizeof udp4);
		frame[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
		/* The sender's link address alone is protected by nothing but the card. */
		if (is_link && bit != 6 * 8 + 7)
			assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DATAGRAM);
		else
			assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DROPPED);
		assert_int_equal(total(), 1);
	}
}

static void every_truncation_is_counted(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof udp4; length++) {
		reset();
		assert_int_equal(parse(udp4, length), GYR_FRAME_DROPPED);
		assert_int_equal(device.counters.rx_drop_short + device.counters.rx_drop_length, 1);
	}
}

static void what_is_not_ours_is_foreign(void **state)
{
	(void)state;
	reset();
	memcpy(frame, udp4, sizeof udp4);
	frame[5] = 9;
	assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DROPPED);
	memcpy(frame, udp4, sizeof udp4);
	frame[12] = 0x88; /* LLDP and the like */
	frame[13] = 0xcc;
	assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_foreign, 2);
	memset(frame + 34, 0, 20);
	assert_int_equal(parse(frame, make_ipv4(6, 20)), GYR_FRAME_DROPPED); /* TCP */
	memcpy(frame + 34, udp4 + 34, 12);
	assert_int_equal(parse(frame, make_ipv4(17, 12)), GYR_FRAME_DATAGRAM);
	gyr_store_be16(frame + 36, 9001);
	assert_int_equal(parse(frame, 46), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_foreign, 4);
	assert_int_equal(total(), 5);
}

static void ipv4_fragments_options_and_absent_checksums(void **state)
{
	(void)state;
	reset();
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t fields[] = { 0x2000, 0x0001, 0x3fff };
		uint8_t *ip = frame + 14;

		memcpy(frame, udp4, sizeof udp4);
		gyr_store_be16(ip + 6, fields[i]);
		gyr_store_be16(ip + 10, 0);
		gyr_store_be16(ip + 10, (uint16_t)~sum16(0, ip, 20));
		assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DROPPED);
	}
	assert_int_equal(device.counters.rx_drop_fragment, 3);
	/* Four bytes of options are skipped. */
	memcpy(frame, udp4, 34);
	memset(frame + 34, 1, 4);
	memcpy(frame + 38, udp4 + 34, 12);
	frame[14] = 0x46;
	gyr_store_be16(frame + 16, 36);
	gyr_store_be16(frame + 24, 0);
	gyr_store_be16(frame + 24, (uint16_t)~sum16(0, frame + 14, 24));
	assert_int_equal(parse(frame, 50), GYR_FRAME_DATAGRAM);
	assert_memory_equal(datagram.payload, "gyr!", 4);
	frame[14] = 0x44;
	assert_int_equal(parse(frame, 50), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_length, 1);
	/* Over IPv4 no checksum is allowed; over IPv6 it is not. */
	memcpy(frame, udp4, sizeof udp4);
	gyr_store_be16(frame + 40, 0);
	assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DATAGRAM);
	put_udp6(54, 4);
	assert_int_equal(parse(frame, make_ipv6(17, 12, 64)), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_checksum, 1);
}

static void hints_replace_checksums(void **state)
{
	(void)state;
	reset();
	memcpy(frame, udp4, sizeof udp4);
	frame[24] ^= 1;
	frame[40] ^= 1;
	assert_int_equal(gyr_frame_parse(&host, &datagram, frame, sizeof udp4,
					 GYR_FRAME_IP_GOOD | GYR_FRAME_UDP_GOOD, 0),
			 GYR_FRAME_DATAGRAM);
	assert_int_equal(
		gyr_frame_parse(&host, &datagram, frame, sizeof udp4, GYR_FRAME_IP_GOOD, 0),
		GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_checksum, 1);
}

static size_t udp6_behind(const uint8_t *chain, size_t count)
{
	size_t offset = 54;
	uint8_t first = count == 0 ? 17 : chain[0];
	size_t length;

	for (size_t i = 0; i < count; i++, offset += 8) {
		memset(frame + offset, 0, 8);
		frame[offset] = i + 1 < count ? chain[i + 1] : 17;
	}
	(void)make_ipv6(first, offset - 54 + 12, 64);
	put_udp6(offset, 4);
	length = offset + 12;
	return length;
}

static void ipv6_walks_a_bounded_chain(void **state)
{
	static const struct {
		uint8_t chain[6];
		size_t count;
		bool passes;
	} rows[] = {
		{ { 0 }, 0, true },
		{ { 0 }, 1, true },
		{ { 60 }, 1, true },
		{ { 43 }, 1, true },
		{ { 0, 60, 43, 60 }, 4, true },
		{ { 0, 60, 43, 60, 60 }, 5, false },
		{ { 60, 0 }, 2, false },
		{ { 44 }, 1, false },
		{ { 0, 44 }, 2, false },
		{ { 50 }, 1, false },
		{ { 59 }, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		size_t length;

		reset();
		length = udp6_behind(rows[i].chain, rows[i].count);
		assert_int_equal(parse(frame, length),
				 rows[i].passes ? GYR_FRAME_DATAGRAM : GYR_FRAME_DROPPED);
		assert_int_equal(total(), 1);
		if (rows[i].passes)
			assert_int_equal(datagram.length, 4);
		for (size_t cut = 0; cut < length; cut++)
			assert_int_equal(parse(frame, cut), GYR_FRAME_DROPPED);
	}
	reset();
	(void)udp6_behind((const uint8_t[]){ 44 }, 1);
	assert_int_equal(parse(frame, 74), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_fragment, 1);
	/* A routing header with segments left, and an extension longer than the packet. */
	(void)udp6_behind((const uint8_t[]){ 43 }, 1);
	frame[57] = 1;
	assert_int_equal(parse(frame, 74), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_unsupported, 1);
	(void)udp6_behind((const uint8_t[]){ 60 }, 1);
	frame[55] = 200;
	assert_int_equal(parse(frame, 74), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_length, 1);
}

static void tags_are_honoured(void **state)
{
	uint8_t tagged[sizeof udp4 + 4];

	(void)state;
	memcpy(tagged, udp4, 12);
	gyr_store_be16(tagged + 12, 0x8100);
	gyr_store_be16(tagged + 14, 0xa000 | 7);
	memcpy(tagged + 16, udp4 + 12, sizeof udp4 - 12);
	reset_with(7);
	assert_int_equal(parse(tagged, sizeof tagged), GYR_FRAME_DATAGRAM);
	assert_int_equal(datagram.peer.vlan_tci, 0xa007);
	assert_int_equal(parse(udp4, sizeof udp4), GYR_FRAME_DROPPED);
	assert_int_equal(
		gyr_frame_parse(&host, &datagram, udp4, sizeof udp4, GYR_FRAME_STRIPPED, 7),
		GYR_FRAME_DATAGRAM);
	/* The answer carries the tag and keeps the priority. */
	{
		size_t length;
		uint8_t *start = gyr_frame_build(&host, &length, NULL, frame + 100, 4,
						 &datagram.peer, 0);

		assert_int_equal(length, sizeof tagged);
		assert_int_equal(gyr_load_be32(start + 12), 0x81000007);
		datagram.peer.vlan_tci = 0xa007;
		start = gyr_frame_build(&host, &length, NULL, frame + 100, 4, &datagram.peer, 0);
		assert_int_equal(gyr_load_be32(start + 12), 0x8100a007);
	}
	reset_with(8);
	assert_int_equal(parse(tagged, sizeof tagged), GYR_FRAME_DROPPED);
	reset_with(0);
	assert_int_equal(parse(tagged, sizeof tagged), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_foreign, 1);
	gyr_store_be16(tagged + 14, 0xa000);
	assert_int_equal(parse(tagged, sizeof tagged), GYR_FRAME_DATAGRAM);
}

static void who_cannot_be_answered_is_not_heard(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 10, 77, 0, 1 };
	static const uint8_t group[16] = { 0xff, 0x02, [15] = 1 };
	static const uint8_t nobody[16];
	const uint8_t *const sources[] = { mapped, group, nobody };

	(void)state;
	reset();
	for (unsigned i = 0; i < GYR_COUNT(sources); i++) {
		(void)make_ipv6(17, 12, 64);
		memcpy(frame + 22, sources[i], 16);
		put_udp6(54, 4);
		assert_int_equal(parse(frame, 66), GYR_FRAME_DROPPED);
		assert_int_equal(device.counters.rx_drop_unsupported, i + 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		memcpy(frame, udp4, sizeof udp4);
		memset(frame + 6, i == 0 ? 0 : 0xff, 6);
		assert_int_equal(parse(frame, sizeof udp4), GYR_FRAME_DROPPED);
		assert_int_equal(device.counters.rx_drop_unsupported, i + 4);
	}
	/* Port 0 too. */
	(void)make_ipv6(17, 12, 64);
	put_udp6(54, 4);
	gyr_store_be16(frame + 54, 0);
	seal6(54, 12, 17, 6);
	assert_int_equal(parse(frame, 66), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_drop_unsupported, 6);
}

static void what_is_built_parses(void **state)
{
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		bool is_ipv4 = (i & 1) != 0;
		uint32_t length = (uint32_t)(gyr_test_random(&seed) % 1400);
		struct gyr_endpoint to;
		uint8_t *payload = frame + 128;
		uint8_t *start;
		size_t size;

		reset();
		for (uint32_t k = 0; k < length; k++)
			payload[k] = (uint8_t)gyr_test_random(&seed);
		/* To ourselves: what leaves is what comes in. */
		assert_int_equal(
			gyr_endpoint_parse(&to, is_ipv4 ? "10.77.0.20:9000" : "[fd77::20]:9000"),
			0);
		memcpy(to.link, host.link, 6);
		start = gyr_frame_build(&host, &size, NULL, payload, length, &to, 0);
		assert_int_equal(start + size - payload, length);
		assert_int_equal(parse(start, size), GYR_FRAME_DATAGRAM);
		assert_ptr_equal(datagram.payload, payload);
		assert_int_equal(datagram.length, length);
		assert_true(gyr_endpoint_equal(&datagram.peer, &to));
		assert_int_not_equal(gyr_load_be16(payload - 2), 0);
		/* Left to the device: the pseudo-header's sum, which completes to the same. */
		start = gyr_frame_build(&host, &size, NULL, payload, length, &to,
					GYR_FRAME_SUM_ABSENT);
		{
			uint32_t pseudo = sum16(17 + 8 + length, start + (is_ipv4 ? 26 : 22),
						is_ipv4 ? 8 : 32);

			assert_int_equal(gyr_load_be16(payload - 2), pseudo);
		}
	}
}

static void a_sum_of_zero_is_sent_as_ones(void **state)
{
	struct gyr_endpoint to;
	uint8_t *payload = frame + 128;
	size_t size;

	(void)state;
	reset();
	assert_int_equal(gyr_endpoint_parse(&to, "10.77.0.20:9000"), 0);
	memcpy(to.link, host.link, 6);
	gyr_store_be16(payload, 0);
	(void)gyr_frame_build(&host, &size, NULL, payload, 2, &to, 0);
	/* The checksum itself as payload makes the sum come out as zero. */
	gyr_store_be16(payload, gyr_load_be16(payload - 2));
	(void)gyr_frame_build(&host, &size, NULL, payload, 2, &to, 0);
	assert_int_equal(gyr_load_be16(payload - 2), 0xffff);
	assert_int_equal(parse(payload - 42, 44), GYR_FRAME_DATAGRAM);
}

static void arp_is_answered_and_learned(void **state)
{
	struct gyr_endpoint peer;
	size_t length;

	(void)state;
	reset();
	assert_int_equal(gyr_endpoint_parse(&peer, "10.77.0.1:5"), 0);
	assert_int_equal(control(arp_request, sizeof arp_request), 42);
	assert_memory_equal(reply, arp_request + 6, 6);
	assert_memory_equal(reply + 6, host.link, 6);
	assert_int_equal(gyr_load_be16(reply + 20), 2);
	assert_memory_equal(reply + 22, host.link, 6);
	assert_memory_equal(reply + 28, arp_request + 38, 4);
	assert_memory_equal(reply + 32, arp_request + 22, 10);
	assert_true(gyr_frame_resolve(&host, &peer, frame, &length, 2000));
	assert_int_equal(length, 0);
	assert_memory_equal(peer.link, arp_request + 6, 6);
	/* For another address, or cut short: no answer. */
	memcpy(frame, arp_request, sizeof arp_request);
	frame[41] = 21;
	assert_int_equal(control(frame, sizeof arp_request), 0);
	assert_int_equal(parse(arp_request, 41), GYR_FRAME_DROPPED);
	assert_int_equal(device.counters.rx_control, 2);
	assert_int_equal(device.counters.tx_control, 1);
}

static void asking_is_limited_and_answers_are_believed_only_then(void **state)
{
	struct gyr_endpoint peer;
	uint8_t answer[42];
	size_t length;

	(void)state;
	reset();
	assert_int_equal(gyr_endpoint_parse(&peer, "10.77.0.1:5"), 0);
	memcpy(answer, arp_request, sizeof answer);
	memcpy(answer, host.link, 6);
	gyr_store_be16(answer + 20, 2);
	assert_int_equal(control(answer, sizeof answer), 0);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 1000));
	assert_int_equal(length, 42);
	assert_int_equal(gyr_load_be16(frame + 20), 1);
	assert_memory_equal(frame + 38, answer + 28, 4);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 99000000));
	assert_int_equal(length, 0);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 101000000));
	assert_int_equal(length, 42);
	assert_int_equal(control(answer, sizeof answer), 0); /* at 1000 ns */
	assert_true(gyr_frame_resolve(&host, &peer, frame, &length, 102000000));
	assert_memory_equal(peer.link, answer + 6, 6);
	/* Refreshed while still good, forgotten in the end. */
	assert_true(gyr_frame_resolve(&host, &peer, frame, &length, 31000000000));
	assert_int_equal(length, 42);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 121000000000));
}

static void the_gateway_answers_for_the_rest(void **state)
{
	struct gyr_endpoint peer;
	uint8_t answer[42];
	size_t length;

	(void)state;
	reset();
	host.has_gateway4 = true;
	memcpy(host.gateway4, (const uint8_t[16]){ [10] = 0xff, [11] = 0xff, 10, 77, 0, 1 }, 16);
	assert_int_equal(gyr_endpoint_parse(&peer, "192.0.2.7:5"), 0);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 1000));
	assert_memory_equal(frame + 38, arp_request + 28, 4);
	memcpy(answer, arp_request, sizeof answer);
	gyr_store_be16(answer + 20, 2);
	assert_int_equal(control(answer, sizeof answer), 0);
	/* Also without asking first: what is built finds the gateway's link address. */
	assert_non_null(gyr_frame_build(&host, &length, NULL, frame + 128, 4, &peer, 0));
	assert_memory_equal(frame + 128 - 42, arp_request + 6, 6);
}

static void the_table_of_neighbours_is_bounded(void **state)
{
	(void)state;
	reset();
	for (uint32_t i = 0; i < 10000; i++) {
		memcpy(frame, arp_request, sizeof arp_request);
		gyr_store_be32(frame + 28, 0x0a4d1000 + i);
		assert_int_equal(control(frame, sizeof arp_request), 42);
	}
	assert_in_range(device.counters.neighbour_evicted, 10000 - GYR_FRAME_NEIGHBOUR_COUNT,
			10000);
}

static size_t make_solicitation(uint8_t target_last)
{
	uint8_t *icmp = frame + 54;

	memset(icmp, 0, 32);
	icmp[0] = 135;
	icmp[8] = 0xfd;
	icmp[9] = 0x77;
	icmp[23] = target_last;
	icmp[24] = 1;
	icmp[25] = 1;
	memcpy(icmp + 26, udp4 + 6, 6);
	(void)make_ipv6(58, 32, 255);
	/* To the solicited-node group of the target. */
	memcpy(frame, (const uint8_t[]){ 0x33, 0x33, 0xff, 0, 0, target_last }, 6);
	memset(frame + 38, 0, 16);
	frame[38] = 0xff;
	frame[39] = 0x02;
	frame[49] = 1;
	frame[50] = 0xff;
	frame[53] = target_last;
	seal6(54, 32, 58, 2);
	return 86;
}

static void solicitations_are_answered(void **state)
{
	struct gyr_endpoint peer;
	size_t length;

	(void)state;
	reset();
	assert_int_equal(control(frame, make_solicitation(0x20)), 86);
	assert_memory_equal(reply, udp4 + 6, 6);
	assert_int_equal(reply[54], 136);
	assert_int_equal(reply[58], 0x60);
	assert_memory_equal(reply + 62, host.address6, 16);
	assert_memory_equal(reply + 80, host.link, 6);
	assert_int_equal(reply[21], 255);
	/* The answer's own checksum holds. */
	memcpy(frame, reply, 86);
	assert_int_equal(sum16(sum16(32 + 58, frame + 22, 32), frame + 54, 32), 0xffff);
	assert_int_equal(gyr_endpoint_parse(&peer, "[fd77::1]:5"), 0);
	assert_true(gyr_frame_resolve(&host, &peer, frame, &length, 2000));
	assert_memory_equal(peer.link, udp4 + 6, 6);
	/* For another; through a router; damaged. */
	assert_int_equal(control(frame, make_solicitation(0x21)), 0);
	(void)make_solicitation(0x20);
	frame[21] = 254;
	assert_int_equal(control(frame, 86), 0);
	(void)make_solicitation(0x20);
	frame[60] ^= 1;
	assert_int_equal(control(frame, 86), 0);
	assert_int_equal(device.counters.rx_drop_checksum, 1);
	/* Somebody checks whether the address is free (source ::). */
	(void)make_solicitation(0x20);
	memset(frame + 22, 0, 16);
	seal6(54, 32, 58, 2);
	assert_int_equal(control(frame, 86), 86);
	assert_memory_equal(reply, ((const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }), 6);
}

static void an_option_of_no_length_ends_the_walk(void **state)
{
	(void)state;
	reset();
	(void)make_solicitation(0x20);
	frame[79] = 0;
	seal6(54, 32, 58, 2);
	assert_int_equal(control(frame, 86), 86);
	frame[79] = 255;
	seal6(54, 32, 58, 2);
	assert_int_equal(control(frame, 86), 86);
}

static void what_resolve_asks_is_answered_by_its_like(void **state)
{
	struct gyr_frame_host other;
	struct gyr_endpoint peer;
	size_t length;

	(void)state;
	reset();
	other = host;
	other.link[5] = 0x77;
	other.address6[15] = 0x77;
	assert_int_equal(gyr_endpoint_parse(&peer, "[fd77::77]:5"), 0);
	assert_false(gyr_frame_resolve(&host, &peer, frame, &length, 1000));
	assert_int_equal(length, 86);
	assert_int_equal(gyr_frame_control(&other, reply, sizeof reply, frame, length, 0, 0, 1000),
			 86);
	assert_int_equal(gyr_frame_control(&host, frame, sizeof frame, reply, 86, 0, 0, 1000), 0);
	assert_true(gyr_frame_resolve(&host, &peer, frame, &length, 2000));
	assert_memory_equal(peer.link, other.link, 6);
}

static void echo_is_answered(void **state)
{
	uint8_t *icmp = frame + 34;

	(void)state;
	reset();
	memset(icmp, 0xa5, 64);
	gyr_store_be32(icmp, 0x08000000);
	gyr_store_be16(icmp + 2, (uint16_t)~sum16(0, icmp, 64));
	assert_int_equal(control(frame, make_ipv4(1, 64)), 98);
	assert_int_equal(reply[34], 0);
	assert_memory_equal(reply + 38, icmp + 4, 60);
	assert_int_equal(sum16(0, reply + 34, 64), 0xffff);
	assert_int_equal(sum16(0, reply + 14, 20), 0xffff);
	assert_memory_equal(reply + 30, frame + 26, 4);
	icmp[40] ^= 1;
	assert_int_equal(control(frame, 98), 0);
	assert_int_equal(device.counters.rx_drop_checksum, 1);
	assert_int_equal(control(frame, make_ipv4(1, 4)), 0);
	assert_int_equal(device.counters.rx_drop_short, 1);

	icmp = frame + 54;
	memset(icmp, 0xa5, 64);
	gyr_store_be32(icmp, 0x80000000);
	(void)make_ipv6(58, 64, 64);
	seal6(54, 64, 58, 2);
	assert_int_equal(control(frame, 118), 118);
	assert_int_equal(reply[54], 129);
	assert_memory_equal(reply + 22, host.address6, 16);
	assert_memory_equal(reply + 38, frame + 22, 16);
	memcpy(frame, reply, 118);
	assert_int_equal(sum16(sum16(64 + 58, frame + 22, 32), frame + 54, 64), 0xffff);
	/* One that is longer than the place for its answer. */
	assert_int_equal(
		gyr_frame_control(&host, reply, GYR_FRAME_CONTROL_MAX, frame, 118, 0, 0, 0), 0);
}

static void a_host_wants_an_address_a_port_and_an_mtu(void **state)
{
	struct gyr_frame_values values = { .port = 1 };

	(void)state;
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, udp4, 1500), -GYR_ERR_USAGE);
	values.address4.given = true;
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, udp4, 500), -GYR_ERR_USAGE);
	values.mtu = 1501;
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, udp4, 1500), -GYR_ERR_USAGE);
	values.mtu = 1400;
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, udp4, 1500), 0);
	assert_int_equal(device.info.payload_max4, 1372);
	assert_int_equal(device.info.payload_max6, 1352);
	values.port = 0;
	assert_int_equal(gyr_frame_host_init(&host, &device, &values, udp4, 1500), -GYR_ERR_USAGE);
	gyr_err_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_datagram_is_handed_up),
		cmocka_unit_test(every_single_bit_of_a_datagram_matters),
		cmocka_unit_test(every_truncation_is_counted),
		cmocka_unit_test(what_is_not_ours_is_foreign),
		cmocka_unit_test(ipv4_fragments_options_and_absent_checksums),
		cmocka_unit_test(hints_replace_checksums),
		cmocka_unit_test(ipv6_walks_a_bounded_chain),
		cmocka_unit_test(tags_are_honoured),
		cmocka_unit_test(who_cannot_be_answered_is_not_heard),
		cmocka_unit_test(what_is_built_parses),
		cmocka_unit_test(a_sum_of_zero_is_sent_as_ones),
		cmocka_unit_test(arp_is_answered_and_learned),
		cmocka_unit_test(asking_is_limited_and_answers_are_believed_only_then),
		cmocka_unit_test(the_gateway_answers_for_the_rest),
		cmocka_unit_test(the_table_of_neighbours_is_bounded),
		cmocka_unit_test(solicitations_are_answered),
		cmocka_unit_test(an_option_of_no_length_ends_the_walk),
		cmocka_unit_test(what_resolve_asks_is_answered_by_its_like),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(a_host_wants_an_address_a_port_and_an_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
