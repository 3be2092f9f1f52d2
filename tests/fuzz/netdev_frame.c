/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary frames. The first input byte chooses: bit 0 a VLAN, bits 1 to 4 the device's hints,
 * bit 5 that ICMPv6 and ICMP checksums are made right first, so that what lies behind is reached.
 */
#include "gyr_fuzz.h"

#include "gyr_bytes.h"
#include "gyr_netdev_frame.h"

static struct gyr_netdev device;
static struct gyr_frame_host host;
static uint8_t frame[2048];
static uint8_t reply[2048];

static uint64_t counted(void)
{
	uint64_t sum = 0;

	/* rx_datagrams, rx_control, rx_foreign and rx_drop_*; bytes are not frames. */
	for (unsigned i = 0; i < gyr_netdev_counter_count(); i++)
		if (strncmp(gyr_netdev_counter_name(i), "rx_", 3) == 0 &&
		    strcmp(gyr_netdev_counter_name(i), "rx_bytes") != 0)
			sum += gyr_netdev_counter_value(&device.counters, i);
	return sum;
}

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

/* Only for untagged frames without options or extensions. */
static void make_right(size_t size)
{
	if (size >= 14 + 40 + 8 && gyr_load_be16(frame + 12) == 0x86dd && frame[20] == 58) {
		size_t length = gyr_load_be16(frame + 18);

		if (length < 8 || length > size - 54)
			return;
		gyr_store_be16(frame + 56, 0);
		gyr_store_be16(frame + 56,
			       (uint16_t)~sum16(sum16((uint32_t)length + 58, frame + 22, 32),
						frame + 54, length));
	} else if (size >= 14 + 20 + 8 && gyr_load_be16(frame + 12) == 0x0800 && frame[23] == 1) {
		size_t length = gyr_load_be16(frame + 16);

		if (length < 28 || length > size - 14)
			return;
		gyr_store_be16(frame + 36, 0);
		gyr_store_be16(frame + 36, (uint16_t)~sum16(0, frame + 34, length - 20));
	}
}

static void set_up(bool tagged)
{
	static const uint8_t link[6] = { 0x02, 0x67, 0x79, 0x72, 0x00, 0x02 };
	struct gyr_frame_values values = { .port = 9000, .vlan = tagged ? 7 : 0 };

	values.address4 = (struct gyr_netdev_prefix){
		{ [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77, [15] = 20 }, 24, true
	};
	values.address6 =
		(struct gyr_netdev_prefix){ { [0] = 0xfd, [1] = 0x77, [15] = 0x20 }, 64, true };
	memset(&device, 0, sizeof device);
	if (gyr_frame_host_init(&host, &device, &values, link, 1500) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gyr_datagram datagram;
	unsigned hints;
	uint8_t *copy;

	if (size == 0 || size > sizeof frame)
		return 0;
	set_up((data[0] & 1) != 0);
	hints = (data[0] >> 1) & 7;
	size--;
	memcpy(frame, data + 1, size);
	if ((data[0] & 0x20) != 0)
		make_right(size);
	copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, frame, size);
	switch (gyr_frame_parse(&host, &datagram, copy, size, hints, 7)) {
	case GYR_FRAME_DATAGRAM:
		gyr_assert(datagram.payload >= copy + 14 + 20 + 8);
		gyr_assert(datagram.payload + datagram.length <= copy + size);
		gyr_assert(datagram.peer.port != 0);
		/* Who sent it can be answered. */
		memcpy(frame + 512, datagram.payload,
		       datagram.length < 1000 ? datagram.length : 1000);
		{
			size_t length;

			gyr_assert(gyr_frame_build(&host, &length, NULL, frame + 512,
						   datagram.length < 1000 ? datagram.length : 1000,
						   &datagram.peer, 0) != NULL);
			gyr_assert(length >= 42);
		}
		break;
	case GYR_FRAME_CONTROL: {
		size_t length = gyr_frame_control(&host, reply, sizeof reply, copy, size, hints, 7,
						  1000);

		gyr_assert(length <= sizeof reply);
		gyr_assert(length == 0 || memcmp(reply + 6, host.link, 6) == 0);
		break;
	}
	case GYR_FRAME_DROPPED:
		break;
	}
	gyr_assert(counted() == 1);
	free(copy);
	return 0;
}
