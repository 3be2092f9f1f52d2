/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_layout.h"

#define ARP_REQUEST 1
#define ARP_ANSWER  2
#define ECHO4	    8
#define ECHO4_REPLY 0
#define ECHO6	    128
#define ECHO6_REPLY 129
#define SOLICIT	    135
#define ADVERTISE   136
#define TTL	    64

/* RFC 826: who asks for us is worth remembering; an answer only when we asked. */
static size_t control_arp(struct gyr_frame_host *host, uint8_t *reply,
			  const struct frame_view *view, uint64_t now_ns)
{
	const uint8_t *arp = view->network;
	uint8_t sender[16] = { [10] = 0xff, [11] = 0xff };
	uint16_t operation = gyr_load_be16(arp + 6);
	uint8_t *out;

	if (!host->has_ipv4 || gyr_load_be32(arp) != 0x00010800 ||
	    gyr_load_be16(arp + 4) != 0x0604 ||
	    gyr_load_le32(arp + 24) != gyr_load_le32(host->address4))
		return 0;
	memcpy(sender + 12, arp + 14, 4);
	/* A probe (RFC 5227) has no sender address yet. */
	if (gyr_load_le32(arp + 14) != 0)
		frame_neighbour_learn(host, sender, arp + 8, operation != ARP_REQUEST, now_ns);
	if (operation != ARP_REQUEST)
		return 0;
	out = frame_write_ether(host, reply, view->ether + 6, ETHER_ARP, view->vlan_tci);
	gyr_store_be32(out, 0x00010800);
	gyr_store_be32(out + 4, 0x06040000 | ARP_ANSWER);
	memcpy(out + 8, host->link, 6);
	memcpy(out + 14, host->address4, 4);
	memcpy(out + 18, arp + 8, 10);
	return (size_t)(out - reply) + ARP_SIZE;
}

/* Header fields of an answer that turns a received IPv6 header around. */
static uint8_t *answer_ipv6(const struct gyr_frame_host *host, uint8_t *reply,
			    const struct frame_view *view, const uint8_t source[16],
			    const uint8_t to[16], const uint8_t to_link[6], size_t length,
			    uint8_t hop_limit)
{
	uint8_t *ip = frame_write_ether(host, reply, to_link, ETHER_IPV6, view->vlan_tci);

	gyr_store_be32(ip, 0x60000000);
	gyr_store_be16(ip + 4, (uint16_t)length);
	ip[6] = IP_ICMPV6;
	ip[7] = hop_limit;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, to, 16);
	return ip;
}

static void seal_icmpv6(uint8_t *ip, size_t length)
{
	uint8_t *icmp = ip + IPV6_SIZE;
	uint64_t sum;

	gyr_store_le16(icmp + 2, 0);
	sum = frame_sum(frame_pseudo_sum(ip + 8, 32, IP_ICMPV6, length), icmp, length);
	gyr_store_le16(icmp + 2, (uint16_t)~frame_fold(sum));
}

/* The link address option of a type, or NULL; the walk ends at the first option of no length. */
static const uint8_t *link_option(const struct frame_view *view, uint8_t type)
{
	const uint8_t *at = view->transport + SOLICIT_SIZE;
	size_t left = view->transport_length - SOLICIT_SIZE;

	while (left >= OPTION_SIZE && at[1] != 0 && (size_t)at[1] * 8 <= left) {
		if (at[0] == type && at[1] == 1)
			return at + 2;
		left -= (size_t)at[1] * 8;
		at += (size_t)at[1] * 8;
	}
	return NULL;
}

/* RFC 4861, 7.2.4: the answer to who asks for one of our addresses. */
static size_t control_solicitation(struct gyr_frame_host *host, uint8_t *reply,
				   const struct frame_view *view, uint64_t now_ns)
{
	static const uint8_t all_nodes_link[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	static const uint8_t nobody[16];
	const size_t length = SOLICIT_SIZE + OPTION_SIZE;
	const uint8_t *target = view->transport + 8;
	const uint8_t *source = view->network + 8;
	const uint8_t *option = link_option(view, 1);
	/* Source :: is somebody who checks whether the address is taken (RFC 4862, 5.4.3). */
	const bool is_probe = memcmp(source, nobody, 16) == 0;
	uint8_t *ip;
	uint8_t *icmp;

	if (memcmp(target, host->address6, 16) != 0 && memcmp(target, host->link_local6, 16) != 0)
		return 0;
	if (!is_probe && option != NULL)
		frame_neighbour_learn(host, source, option, false, now_ns);
	ip = answer_ipv6(host, reply, view, target, is_probe ? all_nodes : source,
			 is_probe ? all_nodes_link : view->ether + 6, length, 255);
	icmp = ip + IPV6_SIZE;
	icmp[0] = ADVERTISE;
	icmp[1] = 0;
	/* Solicited and override; a probe is told without the first. */
	gyr_store_be32(icmp + 4, is_probe ? 0x20000000 : 0x60000000);
	memcpy(icmp + 8, target, 16);
	icmp[24] = 2; /* target link address, one unit of 8 bytes */
	icmp[25] = 1;
	memcpy(icmp + 26, host->link, 6);
	seal_icmpv6(ip, length);
	return (size_t)(icmp - reply) + length;
}

static size_t echo_ipv6(const struct gyr_frame_host *host, uint8_t *reply, size_t reply_size,
			const struct frame_view *view)
{
	const size_t length = view->transport_length;
	const uint8_t *own = view->network + 24;
	uint8_t *ip;

	if (ETHER_SIZE + TAG_SIZE + IPV6_SIZE + length > reply_size)
		return 0;
	if (own[0] == 0xff)
		own = view->network[8] == 0xfe ? host->link_local6 : host->address6;
	ip = answer_ipv6(host, reply, view, own, view->network + 8, view->ether + 6, length, TTL);
	memcpy(ip + IPV6_SIZE, view->transport, length);
	ip[IPV6_SIZE] = ECHO6_REPLY;
	seal_icmpv6(ip, length);
	return (size_t)(ip - reply) + IPV6_SIZE + length;
}

static size_t control_icmpv6(struct gyr_frame_host *host, uint8_t *reply, size_t reply_size,
			     const struct frame_view *view, uint64_t now_ns)
{
	const uint8_t *icmp = view->transport;

	if (icmp[0] == ECHO6 && icmp[1] == 0)
		return echo_ipv6(host, reply, reply_size, view);
	/* Discovery never crosses a router: the hop limit is as sent (RFC 4861, 7.1). */
	if (view->transport_length < SOLICIT_SIZE || view->network[7] != 255 || icmp[1] != 0 ||
	    icmp[8] == 0xff)
		return 0;
	if (icmp[0] == SOLICIT)
		return control_solicitation(host, reply, view, now_ns);
	if (icmp[0] == ADVERTISE) {
		const uint8_t *option = link_option(view, 2);

		frame_neighbour_learn(host, icmp + 8, option != NULL ? option : view->ether + 6,
				      true, now_ns);
	}
	return 0;
}

static size_t control_icmp(struct gyr_frame_host *host, uint8_t *reply, size_t reply_size,
			   const struct frame_view *view)
{
	const uint8_t *icmp = view->transport;
	const size_t length = view->transport_length;
	uint8_t *ip;

	if (icmp[0] != ECHO4 || icmp[1] != 0 ||
	    ETHER_SIZE + TAG_SIZE + IPV4_SIZE + length > reply_size)
		return 0;
	ip = frame_write_ether(host, reply, view->ether + 6, ETHER_IPV4, view->vlan_tci);
	gyr_store_be32(ip, 0x45000000 | (uint32_t)(IPV4_SIZE + length));
	gyr_store_be32(ip + 4, 0x00004000);
	gyr_store_be32(ip + 8, (uint32_t)TTL << 24 | (uint32_t)IP_ICMP << 16);
	memcpy(ip + 12, host->address4, 4);
	memcpy(ip + 16, view->network + 12, 4);
	gyr_store_le16(ip + 10, (uint16_t)~frame_fold(frame_sum(0, ip, IPV4_SIZE)));
	memcpy(ip + IPV4_SIZE, icmp, length);
	ip[IPV4_SIZE] = ECHO4_REPLY;
	gyr_store_le16(ip + IPV4_SIZE + 2, 0);
	gyr_store_le16(ip + IPV4_SIZE + 2,
		       (uint16_t)~frame_fold(frame_sum(0, ip + IPV4_SIZE, length)));
	return (size_t)(ip - reply) + IPV4_SIZE + length;
}

/* Length and checksum of ICMP; else counted as a drop. */
static bool sound(struct gyr_frame_host *host, const struct frame_view *view)
{
	uint64_t sum = 0;

	if (view->ether_type == ETHER_ARP)
		return true;
	if (view->transport_length < ICMP_SIZE) {
		gyr_netdev_count(&host->counters->rx_drop_short, 1);
		return false;
	}
	if (view->ether_type == ETHER_IPV6)
		sum = frame_pseudo_sum(view->network + 8, 32, view->protocol,
				       view->transport_length);
	if (frame_fold(frame_sum(sum, view->transport, view->transport_length)) != 0xffff) {
		gyr_netdev_count(&host->counters->rx_drop_checksum, 1);
		return false;
	}
	return true;
}

size_t gyr_frame_control(struct gyr_frame_host *host, uint8_t *reply, size_t reply_size,
			 const uint8_t *frame, size_t length, unsigned hints, uint16_t vlan_tci,
			 uint64_t now_ns)
{
	struct frame_view view;
	size_t answer;

	gyr_assert(reply_size >= GYR_FRAME_CONTROL_MAX);
	if (!frame_view(host, &view, frame, length, hints, vlan_tci) || !sound(host, &view))
		return 0;
	gyr_netdev_count(&host->counters->rx_control, 1);
	if (view.ether_type == ETHER_ARP)
		answer = control_arp(host, reply, &view, now_ns);
	else if (view.ether_type == ETHER_IPV6)
		answer = control_icmpv6(host, reply, reply_size, &view, now_ns);
	else
		answer = control_icmp(host, reply, reply_size, &view);
	gyr_assert(answer <= reply_size);
	if (answer != 0)
		gyr_netdev_count(&host->counters->tx_control, 1);
	return answer;
}
