/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an open udp device holds: the sockets, and one burst of message headers each way, prepared
 * once and only patched afterwards.
 */
#ifndef UDP_STATE_H
#define UDP_STATE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "gyr_netdev.h"
#include "gyr_netdev_key.h"

#define UDP_SOCKET_COUNT_MAX 2
/* Room for SCM_TIMESTAMPNS (a timespec) and SO_RXQ_OVFL (a u32), each with its header. */
#define UDP_CONTROL_SIZE 64

union udp_name {
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

struct udp_socket {
	int fd;
	bool is_ipv6;
	uint32_t drop_seen; /* the kernel's own count of drops, as last told */
};

struct udp {
	struct udp_socket sockets[UDP_SOCKET_COUNT_MAX];
	unsigned socket_count;
	unsigned next; /* which socket the next burst asks first */
	uint32_t buffer_size;
	uint8_t *rx_buffers; /* GYR_NETDEV_BURST_MAX of buffer_size */
	struct mmsghdr rx[GYR_NETDEV_BURST_MAX];
	struct iovec rx_parts[GYR_NETDEV_BURST_MAX];
	union udp_name rx_names[GYR_NETDEV_BURST_MAX];
	struct mmsghdr tx[GYR_NETDEV_BURST_MAX];
	struct iovec tx_parts[GYR_NETDEV_BURST_MAX];
	union udp_name tx_names[GYR_NETDEV_BURST_MAX];
	alignas(16) uint8_t rx_control[GYR_NETDEV_BURST_MAX][UDP_CONTROL_SIZE];
};

int udp_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text);
void udp_close(struct gyr_netdev *device);

#define UDP_KEY_COUNT 7
extern const struct gyr_netdev_key udp_keys[UDP_KEY_COUNT];

#endif
