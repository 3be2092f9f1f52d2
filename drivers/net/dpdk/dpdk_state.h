/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the dpdk driver share: ports, which several devices may use, and the queue
 * that one device is.
 */
#ifndef DPDK_STATE_H
#define DPDK_STATE_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "gyr_netdev.h"
#include "gyr_netdev_frame.h"
#include "gyr_netdev_key.h"

#define DPDK_PORT_COUNT_MAX  8
#define DPDK_QUEUE_COUNT_MAX 16
#define DPDK_KEY_COUNT	     (9 + GYR_FRAME_KEY_COUNT)

struct dpdk_values {
	struct gyr_frame_values frame;
	char pci[GYR_NETDEV_TEXT_MAX];
	char af_xdp[GYR_NETDEV_TEXT_MAX];
	char af_packet[GYR_NETDEV_TEXT_MAX];
	char vdev[GYR_NETDEV_TEXT_MAX];
	char device_args[GYR_NETDEV_TEXT_MAX];
	uint64_t queue, queues, descriptors;
	uint8_t link[6];
};

/* A port of DPDK, configured with all its queues by the first device that names it. */
struct dpdk_port {
	uint64_t rx_offloads, tx_offloads;
	struct rte_mempool *pools[DPDK_QUEUE_COUNT_MAX];
	unsigned queue_count;
	unsigned open_count;
	uint32_t open_mask;
	char name[2 * GYR_NETDEV_TEXT_MAX]; /* the device string: what makes two devices share */
	char interface[64];		    /* the kernel's, where there is one */
	uint32_t mtu;
	uint8_t link[6];
	uint16_t id;
	bool used;
	bool is_detachable; /* a virtual device, made by us */
};

/* From a card's clock to UTC: a line through two readings, renewed by tick. */
struct dpdk_clock {
	bool has_stamps; /* the card stamps, and its clock can be read */
	bool is_steady;	 /* two readings at least 100 ms apart */
	int stamp_offset;
	uint64_t stamp_flag;
	uint64_t card; /* the last reading, in the card's units */
	uint64_t utc_ns;
	uint64_t ns_per_unit; /* 32.32 fixed point */
	uint32_t error_ns;
};

struct dpdk_queue {
	struct dpdk_port *port;
	uint16_t port_id;
	uint16_t queue_id;
	uint16_t held_count;  /* mbufs behind the views of the last burst */
	uint16_t spare_count; /* fresh mbufs for transmission */
	unsigned build_hints;
	uint64_t empty_at_ns; /* when the queue was last seen empty */
	uint32_t tick_count;
	uint64_t missed_seen;
	uint64_t error_seen;
	struct rte_mempool *pool;
	struct rte_mbuf *held[GYR_NETDEV_BURST_MAX];
	struct rte_mbuf *spare[GYR_NETDEV_BURST_MAX];
	struct dpdk_clock clock;
	struct gyr_frame_host host;
};

/* dpdk_eal.c: starts DPDK once; later calls do nothing. */
int dpdk_eal_start(void);
/* What DPDK logged since it was cleared, on one line, or "no reason given". */
const char *dpdk_eal_reason(void);
void dpdk_eal_reason_clear(void);

/* dpdk_port.c: finds the port of these values, or probes, configures and starts it. */
int dpdk_port_take(struct dpdk_port **out, const struct dpdk_values *values);
void dpdk_port_give(struct dpdk_port *port, unsigned queue);

/* dpdk_open.c */
extern const struct gyr_netdev_key dpdk_keys[DPDK_KEY_COUNT];
int dpdk_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text);
void dpdk_close(struct gyr_netdev *device);
/* Where the payload of a transmitted datagram lies in its mbuf. */
uint8_t *dpdk_tx_payload(struct rte_mbuf *mbuf);

/* dpdk_clock.c */
void dpdk_clock_init(struct dpdk_clock *clock, const struct dpdk_port *port);
void dpdk_clock_tick(struct dpdk_clock *clock, uint16_t port_id,
		     const struct gyr_netdev_time *time);
/* Stamps from the card; false when this mbuf has none. */
bool dpdk_clock_stamp(const struct dpdk_clock *clock, struct gyr_datagram *datagram,
		      const struct rte_mbuf *mbuf);

#endif
