/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network class over DPDK: any poll-mode driver that DPDK brings. One device is one queue of a
 * port. Exactly one of the first four keys names the port:
 *
 *   dpdk:pci=0000:01:00.0,address=10.0.0.2/24,port=9000           a card bound to vfio-pci
 *   dpdk:af_xdp=eth1,address=10.0.0.2/24,address6=fd00::2/64,port=9000    a kernel interface
 *   dpdk:af_packet=eth1,...                                        the same, slower, shared with it
 *   dpdk:vdev=[net_memif0,role=client,socket=/run/x.sock],...      anything else, by its own name
 *   device_args=[busy_budget=64]   appended to what the first three make
 *   queue=0,queues=1     which of how many receive queues (spread by the card over UDP's 4-tuple)
 *   descriptors=512      per queue and direction
 *   link=02:...          own link address where the device has none of its own (net_ring, net_null)
 *   address, address6, gateway, gateway6, vlan, port, mtu          as gyr_netdev_frame.h says
 *
 * DPDK's environment is started once per process, with the first device: in memory only, without
 * hugepages where there are none, and never stopped. It keeps two threads of its own that sleep.
 * What DPDK logs is kept and becomes part of an error's cause. Opening and closing are for one
 * thread. At most 8 ports, 16 queues each.
 *
 * AF_XDP takes every frame of its queue away from the kernel; its MTU is at most about 3500 (a
 * frame is one page), and a program that was killed leaves it attached: the next start reuses it.
 * AF_PACKET is limited to an MTU of 1500 and copies frames, so the kernel must not own the same
 * address, or it will answer with "port unreachable"; DPDK asks it to reassemble IPv4 fragments, so
 * those of IPv4 are not seen as such, and it takes 802.1Q tags off. Neither gives a descriptor to
 * wait on: poll. Stamps: a card's where it offers them and its clock can be read, else the poll
 * that found the datagram, with the time since the queue was last seen empty as error.
 */
#ifndef GYR_NET_DPDK_H
#define GYR_NET_DPDK_H

#include "gyr_netdev.h"

extern const struct gyr_netdev_ops gyr_net_dpdk;

#endif
