/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets and small pieces that parsing, building and answering share: Ethernet (IEEE 802.3 and
 * 802.1Q), ARP (RFC 826), IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768), ICMP (RFC 792), ICMPv6
 * (RFC 4443), neighbour discovery (RFC 4861), the Internet checksum (RFC 1071).
 */
#ifndef FRAME_LAYOUT_H
#define FRAME_LAYOUT_H

#include "gyr_bytes.h"
#include "gyr_netdev_frame.h"

#define ETHER_SIZE   14
#define TAG_SIZE     4
#define IPV4_SIZE    20
#define IPV6_SIZE    40
#define UDP_SIZE     8
#define ARP_SIZE     28
#define ICMP_SIZE    8
#define SOLICIT_SIZE 24 /* solicitation or advertisement without options */
#define OPTION_SIZE  8	/* link address option on Ethernet */

#define ETHER_IPV4 0x0800
#define ETHER_ARP  0x0806
#define ETHER_TAG  0x8100
#define ETHER_IPV6 0x86dd

#define IP_ICMP		    1
#define IP_UDP		    17
#define IP_HOP_BY_HOP	    0
#define IP_ROUTING	    43
#define IP_FRAGMENT	    44
#define IP_ICMPV6	    58
#define IP_DESTINATION	    60
#define EXTENSION_COUNT_MAX 4

/* Where the parts of a frame begin; every length was checked against the frame. */
struct frame_view {
	const uint8_t *ether;
	const uint8_t *network; /* ARP, IPv4 or IPv6 header */
	const uint8_t *transport;
	size_t network_length;	 /* from network to the end of the frame */
	size_t transport_length; /* as the IP header says */
	uint16_t ether_type;
	uint16_t vlan_tci;
	uint8_t protocol;
};

/* The sum of 16-bit words in native order, not yet folded; an odd last byte is padded with 0. */
uint64_t frame_sum(uint64_t sum, const uint8_t *data, size_t length);

/* Folds a sum to 16 bits (RFC 1071, 2). */
static inline uint16_t frame_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/* The pseudo-header's part: addresses lie together in both IP headers. */
static inline uint64_t frame_pseudo_sum(const uint8_t *addresses, size_t addresses_length,
					uint8_t protocol, size_t length)
{
	uint64_t sum = frame_sum(0, addresses, addresses_length);

	return sum + __builtin_bswap16((uint16_t)length) + ((uint64_t)protocol << 8);
}

static inline bool frame_link_equal(const uint8_t *a, const uint8_t *b)
{
	return gyr_load_le32(a) == gyr_load_le32(b) && gyr_load_le16(a + 4) == gyr_load_le16(b + 4);
}

/*
 * Checks everything below UDP and ICMP: false when the frame was dropped and counted. On true,
 * protocol is IP_UDP, IP_ICMP or IP_ICMPV6, or ether_type is ETHER_ARP.
 */
bool frame_view(struct gyr_frame_host *host, struct frame_view *view, const uint8_t *frame,
		size_t length, unsigned hints, uint16_t vlan_tci);

/* Writes an Ethernet header, tagged where the host is; returns what follows it. */
uint8_t *frame_write_ether(const struct gyr_frame_host *host, uint8_t *frame, const uint8_t to[6],
			   uint16_t ether_type, uint16_t vlan_tci);

/* Replaces an address beyond the link by the gateway's, where there is one. */
void frame_next_hop(const struct gyr_frame_host *host, uint8_t address[16]);

struct gyr_frame_neighbour *frame_neighbour_find(struct gyr_frame_host *host,
						 const uint8_t address[16]);
/* Finds or makes room; the oldest of the set gives way. */
struct gyr_frame_neighbour *frame_neighbour_add(struct gyr_frame_host *host,
						const uint8_t address[16]);
void frame_neighbour_learn(struct gyr_frame_host *host, const uint8_t address[16],
			   const uint8_t link[6], bool only_if_asked, uint64_t now_ns);

#endif
