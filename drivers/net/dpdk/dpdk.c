/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_net_dpdk.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>

#include <rte_prefetch.h>

#include "dpdk_state.h"

#define PREFETCH_AHEAD	 3
#define STATS_TICK_COUNT 1024 /* about once a second: it may be a system call */

static void dpdk_release(struct gyr_netdev *device)
{
	struct dpdk_queue *queue = device->self;

	if (queue->held_count != 0)
		rte_pktmbuf_free_bulk(queue->held, queue->held_count);
	queue->held_count = 0;
}

static unsigned hints_of(const struct rte_mbuf *mbuf)
{
	const uint64_t flags = mbuf->ol_flags;
	unsigned hints = 0;

	if ((flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		hints |= GYR_FRAME_IP_GOOD;
	if ((flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		hints |= GYR_FRAME_UDP_GOOD;
	/* AF_PACKET takes the tag off without being asked: the kernel does so before it. */
	if ((flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0)
		hints |= GYR_FRAME_STRIPPED;
	return hints;
}

/* A frame that does not belong to a datagram: sent at once, lost when the device takes none. */
static void send_control(struct dpdk_queue *queue, struct rte_mbuf *mbuf, size_t length)
{
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = (uint32_t)length;
	if (rte_eth_tx_burst(queue->port_id, queue->queue_id, &mbuf, 1) != 1)
		rte_pktmbuf_free(mbuf);
}

static void answer_control(struct dpdk_queue *queue, struct rte_mbuf *mbuf, unsigned hints,
			   uint64_t now_ns)
{
	struct rte_mbuf *reply = rte_pktmbuf_alloc(queue->pool);
	size_t length;

	if (reply == NULL) {
		gyr_netdev_count(&queue->host.counters->rx_drop_no_buffer, 1);
		return;
	}
	length = gyr_frame_control(&queue->host, rte_pktmbuf_mtod(reply, uint8_t *),
				   rte_pktmbuf_tailroom(reply),
				   rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, hints,
				   mbuf->vlan_tci, now_ns);
	if (length == 0)
		rte_pktmbuf_free(reply);
	else
		send_control(queue, reply, length);
}

static void stamp(const struct dpdk_queue *queue, struct gyr_datagram *datagram,
		  struct rte_mbuf *mbuf, const struct gyr_netdev_time *time, uint32_t error_ns)
{
	if (GYR_UNLIKELY(queue->clock.has_stamps) &&
	    dpdk_clock_stamp(&queue->clock, datagram, mbuf))
		return;
	datagram->received_at_ns = time->utc_ns;
	datagram->received_error_ns = error_ns;
	datagram->clock = GYR_NETDEV_CLOCK_TURN;
}

/* A datagram that this poll found came at some time since the queue was last seen empty. */
static uint32_t turn_error(const struct dpdk_queue *queue, const struct gyr_netdev_time *time)
{
	uint64_t error = time->now_ns - queue->empty_at_ns + time->utc_error_ns;

	return error < UINT32_MAX ? (uint32_t)error : UINT32_MAX;
}

static unsigned dpdk_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			unsigned count_max, const struct gyr_netdev_time *time)
{
	struct dpdk_queue *queue = device->self;
	struct rte_mbuf *mbufs[GYR_NETDEV_BURST_MAX];
	const uint16_t wanted = (uint16_t)gyr_min_u64(count_max, GYR_NETDEV_BURST_MAX);
	const uint32_t error_ns = turn_error(queue, time);
	unsigned given = 0;
	uint16_t count;

	dpdk_release(device);
	count = rte_eth_rx_burst(queue->port_id, queue->queue_id, mbufs, wanted);
	if (count < wanted)
		queue->empty_at_ns = time->now_ns;
	for (uint16_t i = 0; i < count && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		const unsigned hints = hints_of(mbuf);
		enum gyr_frame_kind kind;

		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
		kind = gyr_frame_parse(&queue->host, &datagrams[given],
				       rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len,
				       hints, mbuf->vlan_tci);
		if (GYR_LIKELY(kind == GYR_FRAME_DATAGRAM)) {
			stamp(queue, &datagrams[given++], mbuf, time, error_ns);
			queue->held[queue->held_count++] = mbuf;
			continue;
		}
		if (kind == GYR_FRAME_CONTROL)
			answer_control(queue, mbuf, hints, time->now_ns);
		rte_pktmbuf_free(mbuf);
	}
	return given;
}

/* Sees to as many fresh buffers as a burst may use up. */
static unsigned refill(struct dpdk_queue *queue, unsigned count)
{
	unsigned missing = GYR_NETDEV_BURST_MAX - queue->spare_count;

	if (queue->spare_count < count &&
	    rte_pktmbuf_alloc_bulk(queue->pool, queue->spare + queue->spare_count, missing) == 0)
		queue->spare_count = GYR_NETDEV_BURST_MAX;
	return (unsigned)gyr_min_u64(count, queue->spare_count);
}

/* Writes the headers in front of a payload; false when nobody knows the way. */
static bool make_frame(struct dpdk_queue *queue, struct gyr_netdev_tx *tx)
{
	struct rte_mbuf *mbuf = tx->buffer;
	uint8_t sizes[2];
	size_t length;
	const uint8_t *frame = gyr_frame_build(&queue->host, &length, sizes, tx->payload,
					       tx->length, &tx->to, queue->build_hints);

	if (frame == NULL)
		return false;
	mbuf->data_off = (uint16_t)(frame - (const uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = (uint32_t)length;
	if ((queue->build_hints & GYR_FRAME_SUM_ABSENT) != 0) {
		mbuf->tx_offload = rte_mbuf_tx_offload(sizes[0], sizes[1], 0, 0, 0, 0, 0);
		mbuf->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM |
				 (gyr_endpoint_is_ipv4(&tx->to) ? RTE_MBUF_F_TX_IPV4
								: RTE_MBUF_F_TX_IPV6);
	}
	return true;
}

static unsigned dpdk_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	struct dpdk_queue *queue = device->self;
	struct rte_mbuf *mbufs[GYR_NETDEV_BURST_MAX];
	bool has_frame[GYR_NETDEV_BURST_MAX];
	unsigned made = 0;
	unsigned sent;
	unsigned done;
	uint64_t bytes = 0;

	gyr_assert(count <= GYR_NETDEV_BURST_MAX);
	count = refill(queue, count);
	for (unsigned i = 0; i < count; i++) {
		has_frame[i] = make_frame(queue, &batch[i]);
		if (GYR_LIKELY(has_frame[i]))
			mbufs[made++] = batch[i].buffer;
	}
	sent = made == 0 ? 0
			 : rte_eth_tx_burst(queue->port_id, queue->queue_id, mbufs, (uint16_t)made);
	/* Sent buffers are the device's now: fresh ones take their place. */
	made = 0;
	for (done = 0; done < count; done++) {
		if (!has_frame[done]) {
			gyr_netdev_count(&device->counters.tx_drop_unresolved, 1);
			continue;
		}
		if (made == sent)
			break;
		made++;
		bytes += batch[done].length;
		batch[done].buffer = queue->spare[--queue->spare_count];
		batch[done].payload = dpdk_tx_payload(batch[done].buffer);
	}
	gyr_netdev_count(&device->counters.tx_datagrams, sent);
	gyr_netdev_count(&device->counters.tx_bytes, bytes);
	return done;
}

static bool dpdk_resolve(struct gyr_netdev *device, struct gyr_endpoint *to,
			 const struct gyr_netdev_time *time)
{
	struct dpdk_queue *queue = device->self;
	uint8_t frame[GYR_FRAME_CONTROL_MAX];
	size_t length;
	bool known = gyr_frame_resolve(&queue->host, to, frame, &length, time->now_ns);

	if (length != 0) {
		struct rte_mbuf *mbuf = rte_pktmbuf_alloc(queue->pool);

		if (mbuf != NULL) {
			memcpy(rte_pktmbuf_mtod(mbuf, uint8_t *), frame, length);
			send_control(queue, mbuf, length);
		}
	}
	return known;
}

static void dpdk_tick(struct gyr_netdev *device, const struct gyr_netdev_time *time)
{
	struct dpdk_queue *queue = device->self;
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	dpdk_clock_tick(&queue->clock, queue->port_id, time);
	if (++queue->tick_count % STATS_TICK_COUNT != 0)
		return;
	if (rte_eth_link_get_nowait(queue->port_id, &link) == 0)
		device->info.link_up = link.link_status == RTE_ETH_LINK_UP;
	/* The port's, not the queue's: the first queue tells them. */
	if (queue->queue_id == 0 && rte_eth_stats_get(queue->port_id, &stats) == 0) {
		uint64_t missed = stats.imissed + stats.rx_nombuf;

		gyr_netdev_count(&device->counters.rx_drop_no_buffer, missed - queue->missed_seen);
		gyr_netdev_count(&device->counters.rx_drop_error,
				 stats.ierrors - queue->error_seen);
		queue->missed_seen = missed;
		queue->error_seen = stats.ierrors;
	}
}

/*
 * What DPDK's drivers do in rx_burst, tx_burst, link and statistics calls: AF_XDP and AF_PACKET
 * kick and poll their sockets and ask them for statistics, cards with a kernel half (mlx5) talk to
 * it by ioctl, virtual ones write to event descriptors.
 */
static const int dpdk_calls[] = { SYS_sendto, SYS_recvfrom,   SYS_sendmsg, SYS_recvmsg,
				  SYS_poll,   SYS_getsockopt, SYS_ioctl,   -1 };

const struct gyr_netdev_ops gyr_net_dpdk = {
	.name = "dpdk",
	.summary = "DPDK: cards, AF_XDP, AF_PACKET, memif and other virtual devices",
	.keys = dpdk_keys,
	.key_count = DPDK_KEY_COUNT,
	.calls = dpdk_calls,
	/* AF_XDP: taking the program off the interface at the end. */
	.capabilities = UINT64_C(1) << CAP_NET_ADMIN,
	.open = dpdk_open,
	.close = dpdk_close,
	.tick = dpdk_tick,
	.release = dpdk_release,
	.resolve = dpdk_resolve,
	.rx_burst = dpdk_rx,
	.tx_burst = dpdk_tx,
};
