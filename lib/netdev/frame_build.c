/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_layout.h"

#include <string.h>

#include "gyr_err.h"

#define TTL 64

uint8_t *frame_write_ether(const struct gyr_frame_host *host, uint8_t *frame, const uint8_t to[6],
			   uint16_t ether_type, uint16_t vlan_tci)
{
	uint8_t *at = frame + 12;

	memcpy(frame, to, 6);
	memcpy(frame + 6, host->link, 6);
	if (host->vlan != 0) {
		gyr_store_be16(at, ETHER_TAG);
		/* The peer's priority is kept. */
		gyr_store_be16(at + 2, (uint16_t)((vlan_tci & 0xe000) | host->vlan));
		at += TAG_SIZE;
	}
	gyr_store_be16(at, ether_type);
	return at + 2;
}

static void write_ipv4(const struct gyr_frame_host *host, uint8_t *ip, size_t total,
		       const uint8_t to[4])
{
	uint64_t sum = host->sum4;

	/* Version and header length, no options; identification 0 with DF set (RFC 6864, 4). */
	gyr_store_be32(ip, 0x45000000 | (uint32_t)total);
	gyr_store_be32(ip + 4, 0x00004000);
	gyr_store_be32(ip + 8, (uint32_t)TTL << 24 | (uint32_t)IP_UDP << 16);
	memcpy(ip + 12, host->address4, 4);
	memcpy(ip + 16, to, 4);
	sum += __builtin_bswap16((uint16_t)total) + (uint64_t)gyr_load_le32(to);
	gyr_store_le16(ip + 10, (uint16_t)~frame_fold(sum));
}

static void write_ipv6(const struct gyr_frame_host *host, uint8_t *ip, size_t payload,
		       const uint8_t to[16])
{
	gyr_store_be32(ip, 0x60000000);
	gyr_store_be16(ip + 4, (uint16_t)payload);
	ip[6] = IP_UDP;
	ip[7] = TTL;
	/* A link-local peer is answered from the link-local address. */
	memcpy(ip + 8, to[0] == 0xfe && to[1] == 0x80 ? host->link_local6 : host->address6, 16);
	memcpy(ip + 24, to, 16);
}

/* The link address for a peer whose endpoint carries none. */
static const uint8_t *link_of(struct gyr_frame_host *host, const struct gyr_endpoint *to)
{
	static const uint8_t none[6];
	struct gyr_endpoint asked = *to;
	struct gyr_frame_neighbour *neighbour;

	if (GYR_LIKELY(!frame_link_equal(to->link, none)))
		return to->link;
	frame_next_hop(host, asked.address);
	neighbour = frame_neighbour_find(host, asked.address);
	return neighbour != NULL && neighbour->known ? neighbour->link : NULL;
}

uint8_t *gyr_frame_build(struct gyr_frame_host *host, size_t *frame_length, uint8_t header_sizes[2],
			 uint8_t *payload, uint32_t payload_length, const struct gyr_endpoint *to,
			 unsigned hints)
{
	const bool is_ipv4 = gyr_endpoint_is_ipv4(to);
	const size_t ether_size = ETHER_SIZE + (host->vlan != 0 ? TAG_SIZE : 0);
	const size_t ip_size = is_ipv4 ? IPV4_SIZE : IPV6_SIZE;
	const size_t udp_length = UDP_SIZE + (size_t)payload_length;
	const uint8_t *link = link_of(host, to);
	uint8_t *udp = payload - UDP_SIZE;
	uint8_t *ip = udp - ip_size;
	uint8_t *frame = ip - ether_size;
	uint16_t checksum;
	uint64_t sum;

	if (link == NULL || (is_ipv4 ? !host->has_ipv4 : !host->has_ipv6))
		return NULL;
	(void)frame_write_ether(host, frame, link, is_ipv4 ? ETHER_IPV4 : ETHER_IPV6, to->vlan_tci);
	if (is_ipv4)
		write_ipv4(host, ip, IPV4_SIZE + udp_length, to->address + 12);
	else
		write_ipv6(host, ip, udp_length, to->address);
	gyr_store_be16(udp, host->port);
	gyr_store_be16(udp + 2, to->port);
	gyr_store_be16(udp + 4, (uint16_t)udp_length);
	gyr_store_le16(udp + 6, 0);
	sum = is_ipv4 ? frame_pseudo_sum(ip + 12, 8, IP_UDP, udp_length)
		      : frame_pseudo_sum(ip + 8, 32, IP_UDP, udp_length);
	if ((hints & GYR_FRAME_SUM_ABSENT) != 0) {
		gyr_store_le16(udp + 6, frame_fold(sum));
	} else {
		checksum = (uint16_t)~frame_fold(frame_sum(sum, udp, udp_length));
		/* Zero would say that there is none (RFC 768). */
		gyr_store_le16(udp + 6, checksum == 0 ? 0xffff : checksum);
	}
	if (header_sizes != NULL) {
		header_sizes[0] = (uint8_t)ether_size;
		header_sizes[1] = (uint8_t)ip_size;
	}
	*frame_length = ether_size + ip_size + udp_length;
	return frame;
}

static void set_address6(struct gyr_frame_host *host, const struct gyr_netdev_prefix *address)
{
	host->has_ipv6 = address->given;
	memcpy(host->address6, address->address, 16);
	host->bits6 = address->bits;
	host->link_local6[0] = 0xfe;
	host->link_local6[1] = 0x80;
	memcpy(host->link_local6 + 8, host->link, 3);
	host->link_local6[8] ^= 0x02;
	host->link_local6[11] = 0xff;
	host->link_local6[12] = 0xfe;
	memcpy(host->link_local6 + 13, host->link + 3, 3);
}

int gyr_frame_host_init(struct gyr_frame_host *host, struct gyr_netdev *device,
			const struct gyr_frame_values *values, const uint8_t link[6], uint32_t mtu)
{
	struct gyr_netdev_info *info = &device->info;
	uint8_t constant[IPV4_SIZE] = { 0x45, [6] = 0x40, [8] = TTL, [9] = IP_UDP };

	if (!values->address4.given && !values->address6.given)
		GYR_FAIL(GYR_ERR_USAGE, "%s: neither address= nor address6= is given",
			 info->driver);
	if (values->port == 0)
		GYR_FAIL(GYR_ERR_USAGE, "%s: port= is missing", info->driver);
	if (values->mtu != 0 && values->mtu > mtu)
		GYR_FAIL(GYR_ERR_USAGE, "%s: mtu=%u exceeds the device's %u", info->driver,
			 (unsigned)values->mtu, mtu);
	if (values->mtu != 0)
		mtu = (uint32_t)values->mtu;
	if (mtu < GYR_NETDEV_MTU_MIN || mtu > GYR_NETDEV_MTU_MAX)
		GYR_FAIL(GYR_ERR_USAGE, "%s: an MTU of %u is not within %u and %u", info->driver,
			 mtu, GYR_NETDEV_MTU_MIN, GYR_NETDEV_MTU_MAX);
	memset(host, 0, sizeof *host);
	host->counters = &device->counters;
	host->vlan = (uint16_t)values->vlan;
	host->port = (uint16_t)values->port;
	memcpy(host->link, link, 6);
	host->has_ipv4 = values->address4.given;
	memcpy(host->address4, values->address4.address + 12, 4);
	host->bits4 = values->address4.bits;
	set_address6(host, &values->address6);
	host->has_gateway4 = values->gateway4.given;
	memcpy(host->gateway4, values->gateway4.address, 16);
	host->has_gateway6 = values->gateway6.given;
	memcpy(host->gateway6, values->gateway6.address, 16);
	memcpy(constant + 12, host->address4, 4);
	host->sum4 = frame_sum(0, constant, sizeof constant);

	info->port = host->port;
	info->vlan = host->vlan;
	memcpy(info->link, link, 6);
	memcpy(info->address4, values->address4.address, 16);
	memcpy(info->address6, values->address6.address, 16);
	info->mtu = mtu;
	info->payload_max4 = mtu - IPV4_SIZE - UDP_SIZE;
	info->payload_max6 = mtu - IPV6_SIZE - UDP_SIZE;
	return 0;
}
