/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_layout.h"

#define WAYS	     4
#define SET_COUNT    (GYR_FRAME_NEIGHBOUR_COUNT / WAYS)
#define ASK_AGAIN_NS 100000000ull
#define REFRESH_NS   30000000000ull
#define FORGET_NS    120000000000ull

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned bytes = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (bits % 8));

	return memcmp(a, b, bytes) == 0 && (bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

static bool is_mapped(const uint8_t *address)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof prefix) == 0;
}

void frame_next_hop(const struct gyr_frame_host *host, uint8_t address[16])
{
	if (is_mapped(address)) {
		if (host->has_gateway4 && !same_prefix(address + 12, host->address4, host->bits4))
			memcpy(address, host->gateway4, 16);
		return;
	}
	if (host->has_gateway6 && !same_prefix(address, host->address6, host->bits6) &&
	    !(address[0] == 0xfe && address[1] == 0x80))
		memcpy(address, host->gateway6, 16);
}

/* The low bytes tell neighbours of one link apart; who crowds a set only makes it forget. */
static struct gyr_frame_neighbour *set_of(struct gyr_frame_host *host, const uint8_t address[16])
{
	uint64_t hash = (gyr_load_le64(address) ^ gyr_load_le64(address + 8)) * 0x9e3779b97f4a7c15;

	return &host->neighbours[(hash >> 58) % SET_COUNT * WAYS];
}

struct gyr_frame_neighbour *frame_neighbour_find(struct gyr_frame_host *host,
						 const uint8_t address[16])
{
	struct gyr_frame_neighbour *set = set_of(host, address);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].used && memcmp(set[i].address, address, 16) == 0)
			return &set[i];
	return NULL;
}

static uint64_t last_use(const struct gyr_frame_neighbour *neighbour)
{
	return gyr_max_u64(neighbour->confirmed_at_ns, neighbour->asked_at_ns);
}

struct gyr_frame_neighbour *frame_neighbour_add(struct gyr_frame_host *host,
						const uint8_t address[16])
{
	struct gyr_frame_neighbour *found = frame_neighbour_find(host, address);
	struct gyr_frame_neighbour *set = set_of(host, address);

	if (found != NULL)
		return found;
	found = &set[0];
	for (unsigned i = 1; i < WAYS && found->used; i++)
		if (!set[i].used || last_use(&set[i]) < last_use(found))
			found = &set[i];
	if (found->used)
		gyr_netdev_count(&host->counters->neighbour_evicted, 1);
	memset(found, 0, sizeof *found);
	found->used = true;
	memcpy(found->address, address, 16);
	return found;
}

void frame_neighbour_learn(struct gyr_frame_host *host, const uint8_t address[16],
			   const uint8_t link[6], bool only_if_asked, uint64_t now_ns)
{
	struct gyr_frame_neighbour *neighbour = frame_neighbour_find(host, address);

	if ((link[0] & 1) != 0)
		return;
	if (neighbour == NULL) {
		if (only_if_asked)
			return;
		neighbour = frame_neighbour_add(host, address);
	}
	memcpy(neighbour->link, link, 6);
	neighbour->known = true;
	neighbour->confirmed_at_ns = now_ns;
}

static size_t write_arp_request(const struct gyr_frame_host *host, uint8_t *frame,
				const uint8_t target[4])
{
	static const uint8_t everyone[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t *arp = frame_write_ether(host, frame, everyone, ETHER_ARP, 0);

	gyr_store_be32(arp, 0x00010800);     /* Ethernet, IPv4 */
	gyr_store_be32(arp + 4, 0x06040001); /* lengths, request */
	memcpy(arp + 8, host->link, 6);
	memcpy(arp + 14, host->address4, 4);
	memset(arp + 18, 0, 6);
	memcpy(arp + 24, target, 4);
	return (size_t)(arp - frame) + ARP_SIZE;
}

static size_t write_solicitation(const struct gyr_frame_host *host, uint8_t *frame,
				 const uint8_t target[16])
{
	const size_t length = SOLICIT_SIZE + OPTION_SIZE;
	uint8_t group[6] = { 0x33, 0x33, 0xff, target[13], target[14], target[15] };
	uint8_t *ip = frame_write_ether(host, frame, group, ETHER_IPV6, 0);
	uint8_t *icmp = ip + IPV6_SIZE;

	memset(ip, 0, IPV6_SIZE + length);
	ip[0] = 0x60;
	gyr_store_be16(ip + 4, (uint16_t)length);
	ip[6] = IP_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, target[0] == 0xfe ? host->link_local6 : host->address6, 16);
	gyr_store_be16(ip + 24, 0xff02);
	ip[35] = 1;
	ip[36] = 0xff;
	memcpy(ip + 37, target + 13, 3);
	icmp[0] = 135;
	memcpy(icmp + 8, target, 16);
	icmp[24] = 1; /* source link address, one unit of 8 bytes */
	icmp[25] = 1;
	memcpy(icmp + 26, host->link, 6);
	gyr_store_le16(icmp + 2,
		       (uint16_t)~frame_fold(frame_sum(
			       frame_pseudo_sum(ip + 8, 32, IP_ICMPV6, length), icmp, length)));
	return (size_t)(icmp - frame) + length;
}

bool gyr_frame_resolve(struct gyr_frame_host *host, struct gyr_endpoint *to, uint8_t *frame,
		       size_t *frame_length, uint64_t now_ns)
{
	const bool is_ipv4 = gyr_endpoint_is_ipv4(to);
	struct gyr_frame_neighbour *neighbour;
	uint8_t hop[16];
	bool old;

	*frame_length = 0;
	if (is_ipv4 ? !host->has_ipv4 : !host->has_ipv6)
		return false;
	memcpy(hop, to->address, sizeof hop);
	frame_next_hop(host, hop);
	neighbour = frame_neighbour_add(host, hop);
	if (neighbour->known && now_ns - neighbour->confirmed_at_ns >= FORGET_NS)
		neighbour->known = false;
	old = !neighbour->known || now_ns - neighbour->confirmed_at_ns >= REFRESH_NS;
	if (old &&
	    (neighbour->asked_at_ns == 0 || now_ns - neighbour->asked_at_ns >= ASK_AGAIN_NS)) {
		neighbour->asked_at_ns = now_ns;
		*frame_length = is_ipv4 ? write_arp_request(host, frame, hop + 12)
					: write_solicitation(host, frame, hop);
		gyr_netdev_count(&host->counters->tx_control, 1);
	}
	if (!neighbour->known)
		return false;
	memcpy(to->link, neighbour->link, 6);
	return true;
}
