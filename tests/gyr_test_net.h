/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network in memory for tests of what sits on a device: everything that is sent is kept, in
 * order, until the test takes it; the test may refuse to take more.
 */
#ifndef GYR_TEST_NET_H
#define GYR_TEST_NET_H

#include <string.h>

#include "gyr_netdev.h"

#define GYR_TEST_NET_KEPT 4096

struct gyr_test_packet {
	struct gyr_endpoint to;
	uint32_t length;
	uint8_t bytes[2048];
};

struct gyr_test_net {
	struct gyr_netdev device;
	uint8_t payloads[GYR_NETDEV_TX_HELD_MAX][2048];
	struct gyr_test_packet *kept;
	unsigned head, tail;
	bool refusing;
};

static inline unsigned gyr_test_net_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch,
				       unsigned count)
{
	struct gyr_test_net *net = device->self;

	if (net->refusing)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		struct gyr_test_packet *packet = &net->kept[net->tail % GYR_TEST_NET_KEPT];

		gyr_assert(net->tail - net->head < GYR_TEST_NET_KEPT);
		packet->to = batch[i].to;
		packet->length = batch[i].length;
		memcpy(packet->bytes, batch[i].payload, batch[i].length);
		net->tail++;
	}
	return count;
}

static inline void gyr_test_net_init(struct gyr_test_net *net, uint32_t payload_max)
{
	static const struct gyr_netdev_ops ops = { .name = "test" };

	memset(net, 0, sizeof *net);
	net->kept = calloc(GYR_TEST_NET_KEPT, sizeof *net->kept);
	gyr_assert(net->kept != NULL && payload_max <= sizeof net->payloads[0]);
	net->device.ops = &ops;
	net->device.tx_burst = gyr_test_net_tx;
	net->device.self = net;
	net->device.info.payload_max4 = net->device.info.payload_max6 = payload_max;
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		net->device.tx[i].payload = net->payloads[i];
}

static inline void gyr_test_net_fini(struct gyr_test_net *net)
{
	free(net->kept);
}

/* The oldest datagram not yet taken; NULL when there is none. Valid until many more are sent. */
static inline struct gyr_test_packet *gyr_test_net_take(struct gyr_test_net *net)
{
	(void)gyr_netdev_flush(&net->device);
	return net->head == net->tail ? NULL : &net->kept[net->head++ % GYR_TEST_NET_KEPT];
}

/* 10.0.0.host:port */
static inline struct gyr_endpoint gyr_test_endpoint(uint8_t host, uint16_t port)
{
	struct gyr_endpoint endpoint = { .port = port };

	endpoint.address[10] = endpoint.address[11] = 0xff;
	endpoint.address[12] = 10;
	endpoint.address[15] = host;
	return endpoint;
}

#endif
