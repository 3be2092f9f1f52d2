/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network class over a capture: frames come from a pcap file, answers are counted and, where
 * asked, written to another.
 *
 *   replay:file=in.pcap,address=10.77.0.20/24,port=9000[,output=out.pcap][,fast][,repeat=1]
 *
 * The file (Ethernet, classic pcap or pcapng) is read into memory at opening, at most
 * GYR_NET_REPLAY_SIZE_MAX bytes. Frames come as far apart as they were captured, counted from the
 * first poll; fast gives as many as are asked for. Stamps are the file's. Own link address: link=,
 * else the receiver of the first frame that is for one station. Frames that the capture cut short
 * count as rx_drop_truncated. link_up turns false once the last frame was given. Writing answers
 * may wait for the disk: this driver is for tests and measurements.
 */
#ifndef GYR_NET_REPLAY_H
#define GYR_NET_REPLAY_H

#include "gyr_netdev.h"

#define GYR_NET_REPLAY_SIZE_MAX (1ull << 30)

extern const struct gyr_netdev_ops gyr_net_replay;

#endif
