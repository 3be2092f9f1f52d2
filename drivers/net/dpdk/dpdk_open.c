/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_state.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"

#define KEY(name, kind, field, min, max, help)                                                     \
	{                                                                                          \
		name, GYR_NETDEV_KEY_##kind, offsetof(struct dpdk_values, field), min, max, help   \
	}

const struct gyr_netdev_key dpdk_keys[DPDK_KEY_COUNT] = {
	KEY("pci", TEXT, pci, 0, 0, "a card by its address, as 0000:01:00.0"),
	KEY("af_xdp", TEXT, af_xdp, 0, 0, "a kernel interface through AF_XDP"),
	KEY("af_packet", TEXT, af_packet, 0, 0, "a kernel interface through AF_PACKET"),
	KEY("vdev", TEXT, vdev, 0, 0, "any virtual device, as [net_memif0,role=client]"),
	KEY("device_args", TEXT, device_args, 0, 0, "further arguments of DPDK's driver"),
	KEY("queue", NUMBER, queue, 0, DPDK_QUEUE_COUNT_MAX - 1, "which queue this device is"),
	KEY("queues", NUMBER, queues, 1, DPDK_QUEUE_COUNT_MAX, "how many queues the port has"),
	KEY("descriptors", NUMBER, descriptors, 64, 4096, "ring size, each direction"),
	KEY("link", LINK, link, 0, 0, "own link address, where the device has none"),
	GYR_FRAME_KEYS(dpdk_values),
};

uint8_t *dpdk_tx_payload(struct rte_mbuf *mbuf)
{
	/* Behind the longest header, on a cache line of its own. */
	return (uint8_t *)mbuf->buf_addr + RTE_PKTMBUF_HEADROOM + GYR_CACHE_LINE;
}

static int fill(struct gyr_netdev *device, struct dpdk_queue *queue)
{
	struct rte_mbuf *mbufs[GYR_NETDEV_TX_HELD_MAX];

	if (rte_pktmbuf_alloc_bulk(queue->pool, mbufs, GYR_NETDEV_TX_HELD_MAX) != 0 ||
	    rte_pktmbuf_alloc_bulk(queue->pool, queue->spare, GYR_NETDEV_BURST_MAX) != 0)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: too few packet buffers", queue->port->name);
	queue->spare_count = GYR_NETDEV_BURST_MAX;
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++) {
		device->tx[i].buffer = mbufs[i];
		device->tx[i].payload = dpdk_tx_payload(mbufs[i]);
	}
	return 0;
}

static int set_up(struct gyr_netdev *device, struct dpdk_queue *queue,
		  const struct dpdk_values *values)
{
	static const uint8_t none[6];
	struct dpdk_port *port = queue->port;
	struct rte_eth_link link = { 0 };
	const uint8_t *own = memcmp(values->link, none, 6) != 0 ? values->link : port->link;

	if (memcmp(own, none, 6) == 0 || (own[0] & 1) != 0)
		GYR_FAIL(GYR_ERR_USAGE,
			 "dpdk: %s has no link address of its own: give link=", port->name);
	queue->port_id = port->id;
	queue->queue_id = (uint16_t)values->queue;
	queue->pool = port->pools[values->queue];
	queue->build_hints = (port->tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0
				     ? GYR_FRAME_SUM_ABSENT
				     : 0;
	GYR_TRY(gyr_frame_host_init(&queue->host, device, &values->frame, own, port->mtu));
	dpdk_clock_init(&queue->clock, port);
	device->info.clock = queue->clock.has_stamps ? GYR_NETDEV_CLOCK_NIC : GYR_NETDEV_CLOCK_TURN;
	device->info.numa_node = rte_eth_dev_socket_id(port->id);
	device->info.link_up = rte_eth_link_get_nowait(port->id, &link) != 0 ||
			       link.link_status == RTE_ETH_LINK_UP;
	(void)snprintf(device->info.device, sizeof device->info.device, "%.*s",
		       (int)sizeof device->info.device - 1,
		       port->interface[0] != '\0' ? port->interface : port->name);
	return fill(device, queue);
}

int dpdk_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	struct dpdk_values values = { .queues = 1, .descriptors = 512 };
	struct dpdk_queue *queue;
	int error;

	GYR_TRY(gyr_netdev_keys_parse(&values, dpdk_keys, DPDK_KEY_COUNT, "dpdk", text));
	if (values.queue >= values.queues)
		GYR_FAIL(GYR_ERR_USAGE, "dpdk: queue=%u, but queues=%u", (unsigned)values.queue,
			 (unsigned)values.queues);
	queue = gyr_arena_carve(arena, sizeof *queue, GYR_CACHE_LINE);
	if (queue == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "the arena is too small");
	memset(queue, 0, sizeof *queue);
	device->self = queue;
	GYR_TRY(dpdk_eal_start());
	GYR_TRY(dpdk_port_take(&queue->port, &values));
	error = set_up(device, queue, &values);
	if (error < 0)
		dpdk_port_give(queue->port, (unsigned)values.queue);
	return error;
}

void dpdk_close(struct gyr_netdev *device)
{
	struct dpdk_queue *queue = device->self;

	for (unsigned i = 0; i < queue->held_count; i++)
		rte_pktmbuf_free(queue->held[i]);
	for (unsigned i = 0; i < queue->spare_count; i++)
		rte_pktmbuf_free(queue->spare[i]);
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		rte_pktmbuf_free(device->tx[i].buffer);
	dpdk_port_give(queue->port, queue->queue_id);
}
