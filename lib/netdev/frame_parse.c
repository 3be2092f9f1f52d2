/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_layout.h"

static bool drop(_Atomic uint64_t *counter)
{
	gyr_netdev_count(counter, 1);
	return false;
}

static enum gyr_frame_kind dropped(_Atomic uint64_t *counter)
{
	gyr_netdev_count(counter, 1);
	return GYR_FRAME_DROPPED;
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	uint8_t any = 0;

	for (size_t i = 0; i < length; i++)
		any |= bytes[i];
	return any == 0;
}

static bool view_ipv4(struct gyr_frame_host *host, struct frame_view *view, unsigned hints)
{
	struct gyr_netdev_counters *counters = host->counters;
	const uint8_t *ip = view->network;
	size_t header;
	size_t total;

	if (view->network_length < IPV4_SIZE)
		return drop(&counters->rx_drop_short);
	header = (size_t)(ip[0] & 0x0f) * 4;
	total = gyr_load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IPV4_SIZE)
		return drop(&counters->rx_drop_length);
	if (header > view->network_length)
		return drop(&counters->rx_drop_short);
	if (total < header || total > view->network_length)
		return drop(&counters->rx_drop_length);
	if ((hints & GYR_FRAME_IP_GOOD) == 0 && frame_fold(frame_sum(0, ip, header)) != 0xffff)
		return drop(&counters->rx_drop_checksum);
	if (!host->has_ipv4 || gyr_load_le32(ip + 16) != gyr_load_le32(host->address4))
		return drop(&counters->rx_foreign);
	/* More fragments, or an offset. */
	if ((gyr_load_be16(ip + 6) & 0x3fff) != 0)
		return drop(&counters->rx_drop_fragment);
	/* A group or nobody cannot be answered. */
	if (ip[12] >= 224 || ip[12] == 0)
		return drop(&counters->rx_drop_unsupported);
	view->protocol = ip[9];
	view->transport = ip + header;
	view->transport_length = total - header;
	if (view->protocol != IP_UDP && view->protocol != IP_ICMP)
		return drop(&counters->rx_foreign);
	return true;
}

/* To one of ours, or to a group that neighbour discovery uses. */
static bool ipv6_is_ours(const struct gyr_frame_host *host, const uint8_t *address)
{
	static const uint8_t solicited[13] = { 0xff, 0x02, [11] = 0x01, [12] = 0xff };
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 0x01 };

	if (!host->has_ipv6)
		return false;
	if (memcmp(address, host->address6, 16) == 0 || memcmp(address, host->link_local6, 16) == 0)
		return true;
	if (memcmp(address, solicited, 13) == 0)
		return memcmp(address + 13, host->address6 + 13, 3) == 0 ||
		       memcmp(address + 13, host->link_local6 + 13, 3) == 0;
	return memcmp(address, all_nodes, 16) == 0;
}

/*
 * ::ffff:a.b.c.d means an IPv4 peer above this line and does not belong on a wire: taken for one,
 * it would be answered over IPv4.
 */
static bool is_mapped(const uint8_t *address)
{
	return all_zero(address, 10) && address[10] == 0xff && address[11] == 0xff;
}

/* Walks at most EXTENSION_COUNT_MAX extension headers (RFC 8200, 4); false: dropped. */
static bool walk_extensions(struct gyr_frame_host *host, struct frame_view *view)
{
	struct gyr_netdev_counters *counters = host->counters;

	for (unsigned i = 0;; i++) {
		const uint8_t *at = view->transport;
		size_t size;

		switch (view->protocol) {
		case IP_UDP:
		case IP_ICMPV6:
			return true;
		case IP_FRAGMENT:
			return drop(&counters->rx_drop_fragment);
		case IP_HOP_BY_HOP:
			if (i != 0)
				return drop(&counters->rx_drop_unsupported);
			break;
		case IP_ROUTING:
			/* With segments left the packet is not at its end. */
			if (view->transport_length >= 4 && at[3] != 0)
				return drop(&counters->rx_drop_unsupported);
			break;
		case IP_DESTINATION:
			break;
		default:
			return drop(&counters->rx_foreign);
		}
		if (i == EXTENSION_COUNT_MAX)
			return drop(&counters->rx_drop_unsupported);
		if (view->transport_length < 8)
			return drop(&counters->rx_drop_short);
		size = ((size_t)at[1] + 1) * 8;
		if (size > view->transport_length)
			return drop(&counters->rx_drop_length);
		view->protocol = at[0];
		view->transport += size;
		view->transport_length -= size;
	}
}

static bool view_ipv6(struct gyr_frame_host *host, struct frame_view *view)
{
	struct gyr_netdev_counters *counters = host->counters;
	const uint8_t *ip = view->network;
	size_t payload;

	if (view->network_length < IPV6_SIZE)
		return drop(&counters->rx_drop_short);
	payload = gyr_load_be16(ip + 4);
	if (ip[0] >> 4 != 6 || payload == 0 || payload > view->network_length - IPV6_SIZE)
		return drop(&counters->rx_drop_length);
	if (!ipv6_is_ours(host, ip + 24))
		return drop(&counters->rx_foreign);
	if (ip[8] == 0xff || is_mapped(ip + 8))
		return drop(&counters->rx_drop_unsupported);
	view->protocol = ip[6];
	view->transport = ip + IPV6_SIZE;
	view->transport_length = payload;
	return walk_extensions(host, view);
}

bool frame_view(struct gyr_frame_host *host, struct frame_view *view, const uint8_t *frame,
		size_t length, unsigned hints, uint16_t vlan_tci)
{
	struct gyr_netdev_counters *counters = host->counters;
	size_t header = ETHER_SIZE;

	if (length < ETHER_SIZE)
		return drop(&counters->rx_drop_short);
	/* A card in promiscuous mode hands up frames for others; groups have the lowest bit set. */
	if ((frame[0] & 1) == 0 && !frame_link_equal(frame, host->link))
		return drop(&counters->rx_foreign);
	view->ether = frame;
	view->ether_type = gyr_load_be16(frame + 12);
	view->vlan_tci = (hints & GYR_FRAME_STRIPPED) != 0 ? vlan_tci : 0;
	view->protocol = 0;
	if (view->ether_type == ETHER_TAG) {
		header += TAG_SIZE;
		if (length < header)
			return drop(&counters->rx_drop_short);
		view->vlan_tci = gyr_load_be16(frame + 14);
		view->ether_type = gyr_load_be16(frame + 16);
	}
	/* Identifier 0 is a priority tag: the frame belongs to no VLAN. */
	if ((view->vlan_tci & 0x0fff) != host->vlan)
		return drop(&counters->rx_foreign);
	/* Nobody can answer a group, or nobody. */
	if ((frame[6] & 1) != 0 || all_zero(frame + 6, 6))
		return drop(&counters->rx_drop_unsupported);
	view->network = frame + header;
	view->network_length = length - header;
	switch (view->ether_type) {
	case ETHER_IPV4:
		return view_ipv4(host, view, hints);
	case ETHER_IPV6:
		return view_ipv6(host, view);
	case ETHER_ARP:
		if (view->network_length < ARP_SIZE)
			return drop(&counters->rx_drop_short);
		return true;
	default:
		return drop(&counters->rx_foreign);
	}
}

static bool checksum_good(const struct frame_view *view)
{
	const bool is_ipv4 = view->ether_type == ETHER_IPV4;
	uint64_t sum;

	/* Zero means none was computed: allowed over IPv4, not over IPv6 (RFC 8200, 8.1). */
	if (gyr_load_le16(view->transport + 6) == 0)
		return is_ipv4;
	sum = is_ipv4 ? frame_pseudo_sum(view->network + 12, 8, IP_UDP, view->transport_length)
		      : frame_pseudo_sum(view->network + 8, 32, IP_UDP, view->transport_length);
	return frame_fold(frame_sum(sum, view->transport, view->transport_length)) == 0xffff;
}

static void fill_peer(struct gyr_endpoint *peer, const struct frame_view *view)
{
	if (view->ether_type == ETHER_IPV4) {
		memset(peer->address, 0, 10);
		peer->address[10] = peer->address[11] = 0xff;
		memcpy(peer->address + 12, view->network + 12, 4);
	} else {
		memcpy(peer->address, view->network + 8, 16);
	}
	peer->port = gyr_load_be16(view->transport);
	memcpy(peer->link, view->ether + 6, 6);
	peer->vlan_tci = view->vlan_tci;
	peer->unused = 0;
	peer->interface = 0;
}

enum gyr_frame_kind gyr_frame_parse(struct gyr_frame_host *host, struct gyr_datagram *datagram,
				    const uint8_t *frame, size_t length, unsigned hints,
				    uint16_t vlan_tci)
{
	struct gyr_netdev_counters *counters = host->counters;
	struct frame_view view;
	size_t told;

	if (!frame_view(host, &view, frame, length, hints, vlan_tci))
		return GYR_FRAME_DROPPED;
	if (GYR_UNLIKELY(view.protocol != IP_UDP))
		return GYR_FRAME_CONTROL;
	if (view.transport_length < UDP_SIZE)
		return dropped(&counters->rx_drop_short);
	told = gyr_load_be16(view.transport + 4);
	if (told != view.transport_length)
		return dropped(&counters->rx_drop_length);
	if (gyr_load_be16(view.transport + 2) != host->port)
		return dropped(&counters->rx_foreign);
	if ((hints & GYR_FRAME_UDP_GOOD) == 0 && !checksum_good(&view))
		return dropped(&counters->rx_drop_checksum);
	/* Port 0, a group, or no source address: nobody to answer. */
	if (gyr_load_le16(view.transport) == 0 || (frame[0] & 1) != 0 ||
	    (view.ether_type == ETHER_IPV6 &&
	     (view.network[24] == 0xff || all_zero(view.network + 8, 16))))
		return dropped(&counters->rx_drop_unsupported);
	datagram->payload = view.transport + UDP_SIZE;
	datagram->length = (uint32_t)(told - UDP_SIZE);
	fill_peer(&datagram->peer, &view);
	gyr_netdev_count(&counters->rx_datagrams, 1);
	gyr_netdev_count(&counters->rx_bytes, datagram->length);
	return GYR_FRAME_DATAGRAM;
}
