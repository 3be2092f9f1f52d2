/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethernet frames for drivers that see them (dpdk, sim, replay): from a frame to a datagram and
 * back, and the little that a host must answer: ARP, neighbour discovery, echo. Total on arbitrary
 * bytes: every frame ends as a datagram, as control, or as one counted drop.
 *
 * Ownership: the caller owns the host and every buffer; nothing is kept but neighbours. Threads:
 * one host, one thread. Limits: GYR_FRAME_NEIGHBOUR_COUNT neighbours, the oldest of a set of four
 * gives way (counted); four IPv6 extension headers; nothing is reassembled.
 *
 * Not done: multicast listener reports (a switch that snoops MLD must be told to flood
 * solicited-node groups), redirects, router discovery (the gateway is configured), jumbograms.
 */
#ifndef GYR_NETDEV_FRAME_H
#define GYR_NETDEV_FRAME_H

#include "gyr_netdev.h"
#include "gyr_netdev_key.h"

/* What gyr_frame_build may write in front of a payload: Ethernet, 802.1Q, IPv6, UDP. */
#define GYR_FRAME_HEADER_MAX 66
/* The longest frame: an IP packet of the largest MTU with its tagged Ethernet header. */
#define GYR_FRAME_SIZE_MAX	  (GYR_NETDEV_MTU_MAX + 18)
#define GYR_FRAME_CONTROL_MAX	  90 /* a solicitation or its answer */
#define GYR_FRAME_NEIGHBOUR_COUNT 256

/* What every driver of frames is told in its arguments; GYR_FRAME_KEYS declares the keys. */
struct gyr_frame_values {
	struct gyr_netdev_prefix address4, address6;
	struct gyr_netdev_prefix gateway4, gateway6;
	uint64_t port, vlan, mtu;
};

/* Rows of a key table for a struct that has a struct gyr_frame_values named `frame`. */
#define GYR_FRAME_KEY_(type, name, kind, field, min, max, help)                                    \
	{                                                                                          \
		name, GYR_NETDEV_KEY_##kind, offsetof(struct type, frame.field), min, max, help    \
	}
#define GYR_FRAME_KEY_COUNT 7
#define GYR_FRAME_KEYS(type)                                                                       \
	GYR_FRAME_KEY_(type, "address", ADDRESS4, address4, 0, 0,                                  \
		       "own IPv4 address and prefix, as 10.77.0.2/24"),                            \
		GYR_FRAME_KEY_(type, "address6", ADDRESS6, address6, 0, 0,                         \
			       "own IPv6 address and prefix, as fd77::2/64"),                      \
		GYR_FRAME_KEY_(type, "gateway", ADDRESS4, gateway4, 0, 0,                          \
			       "IPv4 router for what is not on the link"),                         \
		GYR_FRAME_KEY_(type, "gateway6", ADDRESS6, gateway6, 0, 0,                         \
			       "IPv6 router for what is not on the link"),                         \
		GYR_FRAME_KEY_(type, "port", NUMBER, port, 1, UINT16_MAX, "own UDP port"),         \
		GYR_FRAME_KEY_(type, "vlan", NUMBER, vlan, 0, 4094, "802.1Q identifier; 0: none"), \
		GYR_FRAME_KEY_(type, "mtu", NUMBER, mtu, 0, GYR_NETDEV_MTU_MAX,                    \
			       "bytes of an IP packet; 0 takes the device's")

/* A neighbour: an address on the link and the link address that answers for it. */
struct gyr_frame_neighbour {
	uint8_t address[16];
	uint8_t link[6];
	bool used;
	bool known; /* link is valid; else only asked for */
	uint64_t confirmed_at_ns;
	uint64_t asked_at_ns;
};

/* One end of a link. Only gyr_frame_host_init writes the first part. */
struct gyr_frame_host {
	struct gyr_netdev_counters *counters;
	uint8_t link[6];
	uint16_t vlan;
	uint16_t port;
	bool has_ipv4, has_ipv6;
	uint8_t bits4, bits6;
	bool has_gateway4, has_gateway6;
	uint8_t address4[4];
	uint8_t address6[16];
	uint8_t link_local6[16]; /* fe80::/64 from the link address (RFC 4291, appendix A) */
	uint8_t gateway4[16];	 /* mapped */
	uint8_t gateway6[16];
	uint64_t sum4; /* what is constant in the IPv4 header's sum */
	struct gyr_frame_neighbour neighbours[GYR_FRAME_NEIGHBOUR_COUNT];
};

/* What a frame turned out to be. */
enum gyr_frame_kind {
	GYR_FRAME_DROPPED,  /* counted; nothing to do */
	GYR_FRAME_DATAGRAM, /* payload, length and peer are filled in */
	GYR_FRAME_CONTROL,  /* give it to gyr_frame_control */
};

/* What the device already knows of a frame. */
enum gyr_frame_hint {
	GYR_FRAME_IP_GOOD = 1,	 /* IPv4 header checksum was verified */
	GYR_FRAME_UDP_GOOD = 2,	 /* UDP checksum was verified */
	GYR_FRAME_STRIPPED = 4,	 /* the tag was taken off; vlan_tci holds it */
	GYR_FRAME_SUM_ABSENT = 8 /* built: the device fills the UDP checksum in */
};

/*
 * Fills a host and the address, port and payload part of info from arguments. mtu is the device's.
 * USAGE when there is no address or no port, or an MTU out of range.
 */
GYR_MUST_USE int gyr_frame_host_init(struct gyr_frame_host *host, struct gyr_netdev *device,
				     const struct gyr_frame_values *values, const uint8_t link[6],
				     uint32_t mtu);

/*
 * Judges one frame: counts it (control is counted by gyr_frame_control) and, for a datagram, fills
 * payload, length and peer (not the time). hints is a set of enum gyr_frame_hint; vlan_tci counts
 * only with STRIPPED.
 */
enum gyr_frame_kind gyr_frame_parse(struct gyr_frame_host *host, struct gyr_datagram *datagram,
				    const uint8_t *frame, size_t length, unsigned hints,
				    uint16_t vlan_tci);

/*
 * Takes what gyr_frame_parse called control: learns neighbours, and writes the answer, if one is
 * due, into reply (at least GYR_FRAME_CONTROL_MAX bytes; longer echoes than reply_size are not
 * answered). Returns its length, 0 for none. The reply is counted as tx_control.
 */
size_t gyr_frame_control(struct gyr_frame_host *host, uint8_t *reply, size_t reply_size,
			 const uint8_t *frame, size_t length, unsigned hints, uint16_t vlan_tci,
			 uint64_t now_ns);

/*
 * Writes headers right in front of a payload, which has GYR_FRAME_HEADER_MAX writable bytes before
 * it. Returns the frame's start and its length, or NULL when the peer's link address is neither in
 * `to` nor known, or its family is not ours. hints: SUM_ABSENT leaves the pseudo-header's sum in
 * the UDP checksum for the device to complete. header_sizes, when not NULL, gets the lengths of
 * the Ethernet and IP headers.
 */
uint8_t *gyr_frame_build(struct gyr_frame_host *host, size_t *frame_length, uint8_t header_sizes[2],
			 uint8_t *payload, uint32_t payload_length, const struct gyr_endpoint *to,
			 unsigned hints);

/*
 * Fills to->link: from the table, through the gateway where one is needed. False: not known (yet).
 * When the network should be asked, a solicitation of *frame_length bytes is written to frame
 * (GYR_FRAME_CONTROL_MAX bytes) for the caller to send; else *frame_length is 0. Asks at most every
 * 100 ms per neighbour, refreshes what is older than 30 s, forgets what is older than 120 s.
 */
bool gyr_frame_resolve(struct gyr_frame_host *host, struct gyr_endpoint *to, uint8_t *frame,
		       size_t *frame_length, uint64_t now_ns);

#endif
