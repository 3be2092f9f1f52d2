/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network class over the kernel's UDP sockets: recvmmsg and sendmmsg, no privileges. Stamps by
 * the kernel on receipt. A socket per family; the kernel reassembles fragments, answers ARP, echo
 * and neighbour discovery, and drops wrong checksums before anybody here could count them.
 *
 *   udp:address=10.0.0.1,address6=fd77::1,port=9000,mtu=1500,receive_buffer=4194304,
 *       send_buffer=4194304,busy_poll_us=50
 *
 * Without an address it listens on 0.0.0.0. port=0 lets the kernel choose (info.port tells).
 * mtu=0, the default, takes the interface's, 9216 at most, and 1500 on a wildcard address.
 */
#ifndef GYR_NET_UDP_H
#define GYR_NET_UDP_H

#include "gyr_netdev.h"

extern const struct gyr_netdev_ops gyr_net_udp;

#endif
