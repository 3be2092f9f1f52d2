/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_state.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>

#include "gyr_err.h"

/*
 * The AF_XDP driver fills its ring with 2048 buffers at start, whatever ring size it was asked
 * for, and holds up to as many again for transmission.
 */
#define AF_XDP_RING_SIZE 2048

/*
 * A buffer with all that DPDK puts in front of it is a chunk of AF_XDP, and a chunk is at most a
 * page: 64 bytes of the pool, 128 of the mbuf, then this room, of which 128 bytes are DPDK's
 * headroom and 256 the kernel's.
 */
#define AF_XDP_NEEDS                                                                               \
	"; AF_XDP needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, memlock, and an MTU below a page"
#define AF_XDP_HEADROOM	  (RTE_PKTMBUF_HEADROOM + 256)
#define AF_XDP_ROOM_USUAL (2048 + RTE_PKTMBUF_HEADROOM)
#define AF_XDP_ROOM_MAX	  (4096 - 64 - 128)

#define FRAME_OVERHEAD 18u /* Ethernet header and check sequence, as DPDK counts */

static struct dpdk_port ports[DPDK_PORT_COUNT_MAX];

/*
 * Preferred busy polling (the AF_XDP driver's default) makes every empty poll a system call. A card
 * is better off with it; an interface without hardware, such as a veth, has no interrupts to save.
 */
static const char *busy_polling(const char *interface, const char *device_args)
{
	char path[GYR_NETDEV_TEXT_MAX + 32];

	if (strstr(device_args, "busy_budget=") != NULL)
		return "";
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/device", interface);
	return access(path, F_OK) == 0 ? "" : ",busy_budget=0";
}

/* The device string of DPDK for what the keys name. */
static int name_device(struct dpdk_port *port, const struct dpdk_values *values)
{
	const unsigned index = (unsigned)(port - ports);
	const char *comma = values->device_args[0] == '\0' ? "" : ",";
	const char *interface = NULL;
	unsigned given = 0;
	int length = 0;

	given += values->pci[0] != '\0';
	given += values->af_xdp[0] != '\0';
	given += values->af_packet[0] != '\0';
	given += values->vdev[0] != '\0';
	if (given != 1)
		GYR_FAIL(GYR_ERR_USAGE, "dpdk: %s of pci=, af_xdp=, af_packet= and vdev= is given",
			 given == 0 ? "none" : "more than one");
	port->is_detachable = values->pci[0] == '\0';
	if (values->pci[0] != '\0') {
		length = snprintf(port->name, sizeof port->name, "%s%s%s", values->pci, comma,
				  values->device_args);
	} else if (values->af_xdp[0] != '\0') {
		interface = values->af_xdp;
		length = snprintf(port->name, sizeof port->name,
				  "net_af_xdp%u,iface=%s,queue_count=%u%s%s%s", index, interface,
				  (unsigned)values->queues, comma, values->device_args,
				  busy_polling(interface, values->device_args));
	} else if (values->af_packet[0] != '\0') {
		interface = values->af_packet;
		length = snprintf(port->name, sizeof port->name,
				  "net_af_packet%u,iface=%s,qpairs=%u%s%s", index, interface,
				  (unsigned)values->queues, comma, values->device_args);
	} else {
		const char *found = strstr(values->vdev, "iface=");

		interface = found == NULL ? NULL : found + strlen("iface=");
		length = snprintf(port->name, sizeof port->name, "%s", values->vdev);
	}
	if (length < 0 || (size_t)length >= sizeof port->name)
		GYR_FAIL(GYR_ERR_USAGE, "dpdk: the device's arguments are too long");
	if (interface != NULL)
		(void)snprintf(port->interface, sizeof port->interface, "%.*s",
			       (int)strcspn(interface, ","), interface);
	return 0;
}

/* The kernel's MTU of an interface; 0 when there is no such thing. */
static uint32_t kernel_mtu(const char *interface)
{
	struct ifreq request = { 0 };
	uint32_t mtu = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		mtu = (uint32_t)request.ifr_mtu;
	(void)close(fd);
	return mtu;
}

/*
 * The MTU of the device: a virtual one over a kernel interface tells DPDK 1500 whatever the
 * interface has, so the kernel is asked there.
 */
static uint32_t choose_mtu(const struct dpdk_port *port, const struct rte_eth_dev_info *info,
			   uint64_t wanted)
{
	uint16_t mtu = RTE_ETHER_MTU;
	uint32_t kernel = port->interface[0] == '\0' ? 0 : kernel_mtu(port->interface);

	(void)rte_eth_dev_get_mtu(port->id, &mtu);
	if (kernel != 0)
		mtu = (uint16_t)gyr_min_u64(kernel, UINT16_MAX);
	else if (wanted != 0)
		mtu = (uint16_t)wanted;
	if (info->max_mtu != 0 && mtu > info->max_mtu)
		mtu = info->max_mtu;
	/* AF_PACKET says it has no limit and then takes no frame beyond 1518 bytes. */
	if (info->max_rx_pktlen != 0 && mtu + FRAME_OVERHEAD > info->max_rx_pktlen)
		mtu = (uint16_t)(info->max_rx_pktlen - FRAME_OVERHEAD);
	return (uint32_t)gyr_min_u64(mtu, GYR_NETDEV_MTU_MAX);
}

static bool is_af_xdp(const struct rte_eth_dev_info *info)
{
	return strstr(info->driver_name, "af_xdp") != NULL;
}

/*
 * As rte_pktmbuf_pool_create_by_ops, with flags: the AF_XDP driver registers objects * object size
 * as its memory and knows nothing of the gaps that a pool leaves so that no object crosses a page;
 * what lies beyond, nearly half with pages of 4 KiB, is refused by the kernel (tx_invalid_descs).
 */
static struct rte_mempool *create_pool(const char *name, uint32_t count, uint32_t room, int node,
				       unsigned flags)
{
	struct rte_pktmbuf_pool_private layout = { .mbuf_data_room_size = (uint16_t)room };
	struct rte_mempool *pool =
		rte_mempool_create_empty(name, count, (unsigned)sizeof(struct rte_mbuf) + room, 0,
					 sizeof layout, node, flags);

	if (pool == NULL)
		return NULL;
	/* One thread at a time takes and gives: no atomic operations, no per-core cache. */
	if (rte_mempool_set_ops_byname(pool, "ring_sp_sc", NULL) != 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_pktmbuf_pool_init(pool, &layout);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

static int make_pool(struct dpdk_port *port, const struct rte_eth_dev_info *info, unsigned queue,
		     uint16_t rx_count, uint16_t tx_count)
{
	/* Whole KiB, as cards want them; one frame is one buffer. */
	uint32_t room = (uint32_t)gyr_round_up(port->mtu + 18 + GYR_FRAME_HEADER_MAX, 1024);
	uint32_t count = (uint32_t)rx_count + tx_count + 4 * GYR_NETDEV_BURST_MAX +
			 GYR_NETDEV_TX_HELD_MAX;
	unsigned flags = 0;
	char name[RTE_MEMPOOL_NAMESIZE];

	room = (uint32_t)gyr_max_u64(room, 2048) + RTE_PKTMBUF_HEADROOM;
	if (is_af_xdp(info)) {
		room = port->mtu + 18 + AF_XDP_HEADROOM <= AF_XDP_ROOM_USUAL ? AF_XDP_ROOM_USUAL
									     : AF_XDP_ROOM_MAX;
		count = 2 * AF_XDP_RING_SIZE + 4 * GYR_NETDEV_BURST_MAX + GYR_NETDEV_TX_HELD_MAX;
		flags = RTE_MEMPOOL_F_NO_IOVA_CONTIG | RTE_MEMPOOL_F_NO_SPREAD;
	}
	(void)snprintf(name, sizeof name, "gyr_%u_%u", port->id, queue);
	port->pools[queue] = create_pool(name, count, room, rte_eth_dev_socket_id(port->id), flags);
	if (port->pools[queue] == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "%s: no %u packet buffers of %u bytes: %s", port->name,
			 count, room, rte_strerror(rte_errno));
	return 0;
}

static int start_queues(struct dpdk_port *port, const struct rte_eth_dev_info *info,
			uint16_t rx_count, uint16_t tx_count)
{
	const unsigned socket_id = (unsigned)rte_eth_dev_socket_id(port->id);
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;

	rx.offloads = port->rx_offloads;
	tx.offloads = port->tx_offloads;
	for (unsigned queue = 0; queue < port->queue_count; queue++) {
		int result;

		GYR_TRY(make_pool(port, info, queue, rx_count, tx_count));
		result = rte_eth_rx_queue_setup(port->id, (uint16_t)queue, rx_count, socket_id, &rx,
						port->pools[queue]);
		if (result == 0)
			result = rte_eth_tx_queue_setup(port->id, (uint16_t)queue, tx_count,
							socket_id, &tx);
		if (result != 0)
			GYR_FAIL(geteuid() != 0 && is_af_xdp(info) ? GYR_ERR_PERMISSION
								   : GYR_ERR_NETWORK,
				 "%s: queue %u: %s (%s)%s", port->name, queue, dpdk_eal_reason(),
				 rte_strerror(-result), is_af_xdp(info) ? AF_XDP_NEEDS : "");
	}
	return 0;
}

static int start_port(struct dpdk_port *port, const struct dpdk_values *values)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr link;
	struct rte_eth_conf conf = { 0 };
	uint16_t rx_count = (uint16_t)values->descriptors;
	uint16_t tx_count = (uint16_t)values->descriptors;
	int result = rte_eth_dev_info_get(port->id, &info);

	if (result != 0)
		GYR_FAIL(GYR_ERR_NETWORK, "%s: %s", port->name, rte_strerror(-result));
	if (port->queue_count > info.max_rx_queues || port->queue_count > info.max_tx_queues)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "%s: %u queues; the device has %u", port->name,
			 port->queue_count, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	port->mtu = choose_mtu(port, &info, values->frame.mtu);
	if (is_af_xdp(&info) && kernel_mtu(port->interface) > port->mtu)
		GYR_FAIL(GYR_ERR_UNSUPPORTED,
			 "dpdk: the MTU of %s is %u; AF_XDP takes at most %u: lower it",
			 port->interface, kernel_mtu(port->interface), port->mtu);
	/* Checksums are left to the device only where it offers them. */
	port->rx_offloads = info.rx_offload_capa &
			    (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
			     RTE_ETH_RX_OFFLOAD_TIMESTAMP);
	port->tx_offloads = info.tx_offload_capa &
			    (RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE);
	conf.rxmode.mtu = port->mtu;
	conf.rxmode.offloads = port->rx_offloads;
	conf.txmode.offloads = port->tx_offloads;
	if (port->queue_count > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
						   (RTE_ETH_RSS_NONFRAG_IPV4_UDP |
						    RTE_ETH_RSS_NONFRAG_IPV6_UDP);
	}
	result = rte_eth_dev_configure(port->id, (uint16_t)port->queue_count,
				       (uint16_t)port->queue_count, &conf);
	if (result == 0)
		result = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_count, &tx_count);
	if (result != 0)
		GYR_FAIL(GYR_ERR_NETWORK, "%s: configuring it: %s (%s)", port->name,
			 dpdk_eal_reason(), rte_strerror(-result));
	GYR_TRY(start_queues(port, &info, rx_count, tx_count));
	result = rte_eth_dev_start(port->id);
	if (result != 0)
		GYR_FAIL(GYR_ERR_NETWORK, "%s: starting it: %s (%s)", port->name, dpdk_eal_reason(),
			 rte_strerror(-result));
	/* Neighbour discovery comes to groups; a device that cannot filter takes everything. */
	if (rte_eth_allmulticast_enable(port->id) != 0)
		(void)rte_eth_promiscuous_enable(port->id);
	if (rte_eth_macaddr_get(port->id, &link) == 0)
		memcpy(port->link, link.addr_bytes, sizeof port->link);
	return 0;
}

static void stop_port(struct dpdk_port *port)
{
	struct rte_eth_dev_info info = { 0 };
	bool known = rte_eth_dev_info_get(port->id, &info) == 0;

	(void)rte_eth_dev_stop(port->id);
	(void)rte_eth_dev_close(port->id);
	if (known && port->is_detachable && info.device != NULL)
		(void)rte_dev_remove(info.device);
	for (unsigned i = 0; i < DPDK_QUEUE_COUNT_MAX; i++)
		rte_mempool_free(port->pools[i]);
	memset(port, 0, sizeof *port);
}

static int probe(struct dpdk_port *port)
{
	struct rte_dev_iterator iterator;
	uint16_t id;
	int result;
	bool found = false;

	dpdk_eal_reason_clear();
	result = rte_dev_probe(port->name);
	if (result != 0)
		GYR_FAIL(result == -EPERM || result == -EACCES ? GYR_ERR_PERMISSION
							       : GYR_ERR_NETWORK,
			 "%s: %s (%s)", port->name, dpdk_eal_reason(), rte_strerror(-result));
	RTE_ETH_FOREACH_MATCHING_DEV(id, port->name, &iterator)
	{
		port->id = id;
		found = true;
		rte_eth_iterator_cleanup(&iterator);
		break;
	}
	if (!found)
		GYR_FAIL(GYR_ERR_NETWORK, "%s: the device has no port: %s", port->name,
			 dpdk_eal_reason());
	return 0;
}

int dpdk_port_take(struct dpdk_port **out, const struct dpdk_values *values)
{
	struct dpdk_port *port = NULL;
	int error;

	for (unsigned i = 0; i < DPDK_PORT_COUNT_MAX && port == NULL; i++)
		if (!ports[i].used)
			port = &ports[i];
	if (port == NULL)
		GYR_FAIL(GYR_ERR_LIMIT, "dpdk: more than %d ports", DPDK_PORT_COUNT_MAX);
	memset(port, 0, sizeof *port);
	port->queue_count = (unsigned)values->queues;
	GYR_TRY(name_device(port, values));
	for (unsigned i = 0; i < DPDK_PORT_COUNT_MAX; i++) {
		struct dpdk_port *other = &ports[i];
		/* Virtual devices are told apart by what follows their number. */
		const char *a = strchr(other->name, ',');
		const char *b = strchr(port->name, ',');

		if (values->vdev[0] != '\0' || a == NULL || b == NULL) {
			a = other->name;
			b = port->name;
		}
		if (!other->used || strcmp(a, b) != 0)
			continue;
		if (other->queue_count != values->queues ||
		    (other->open_mask >> values->queue & 1) != 0)
			GYR_FAIL(GYR_ERR_USAGE, "dpdk: queue %u of %s is taken, or queues differs",
				 (unsigned)values->queue, other->name);
		*out = other;
		other->open_count++;
		other->open_mask |= 1u << values->queue;
		return 0;
	}
	if (port->interface[0] != '\0' && kernel_mtu(port->interface) == 0)
		GYR_FAIL(GYR_ERR_NETWORK, "dpdk: there is no interface %s", port->interface);
	GYR_TRY(probe(port));
	port->used = true;
	error = start_port(port, values);
	if (error < 0) {
		stop_port(port);
		return error;
	}
	port->open_count = 1;
	port->open_mask = 1u << values->queue;
	*out = port;
	return 0;
}

void dpdk_port_give(struct dpdk_port *port, unsigned queue)
{
	gyr_assert(port->used && (port->open_mask >> queue & 1) != 0);
	port->open_mask &= ~(1u << queue);
	if (--port->open_count == 0)
		stop_port(port);
}
