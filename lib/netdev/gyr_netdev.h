/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network class: a device is one queue of datagrams, and a gate polls one device. A driver
 * (drivers/net/...) hands up UDP payloads and takes payloads down; frames, sockets, neighbour
 * discovery and checksums stay below this line.
 *
 * Ownership: the caller owns struct gyr_netdev and the arena it was opened over; the driver owns
 * every buffer. A received view is valid until the next gyr_netdev_rx or gyr_netdev_release. A
 * reserved payload buffer is the caller's until it is committed.
 *
 * Threads: one thread at a time drives a device, receive and transmit alike; it need not be the
 * one that opened it. Only the counters may be read by others meanwhile.
 *
 * Limits: GYR_NETDEV_BURST_MAX datagrams per call, GYR_NETDEV_TX_HELD_MAX datagrams held for a
 * device that takes none: then gyr_netdev_reserve returns NULL and counts tx_full. Nothing here
 * blocks, and nothing allocates after gyr_netdev_open.
 */
#ifndef GYR_NETDEV_H
#define GYR_NETDEV_H

#include <stdatomic.h>

#include "gyr_base.h"

#define GYR_NETDEV_BURST_MAX   32
#define GYR_NETDEV_TX_HELD_MAX 64 /* a power of two */
#define GYR_NETDEV_MTU_MIN     576
#define GYR_NETDEV_MTU_MAX     9216
/* The longest payload that any device may hand up or take. */
#define GYR_NETDEV_PAYLOAD_MAX (GYR_NETDEV_MTU_MAX - 28)
/* What an arena must at least have free for one device of any driver with default arguments. */
#define GYR_NETDEV_ARENA_SIZE (4u << 20)

/*
 * Where a datagram came from or goes to. Only address and port identify a peer; the rest is what
 * the driver learned on receipt so that an answer needs no lookup: copy it as a whole.
 */
struct gyr_endpoint {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
	uint16_t port;	     /* host byte order */
	uint8_t link[6];     /* the peer's link address; all zero: the driver looks it up */
	uint16_t vlan_tci;   /* the 802.1Q tag it came with; 0 where untagged */
	uint16_t unused;
	uint32_t interface; /* scope of a link-local IPv6 address, for sockets */
};

/* Which clock stamped a datagram. */
enum gyr_netdev_clock {
	GYR_NETDEV_CLOCK_TURN,	  /* the caller's clock at the poll that found it */
	GYR_NETDEV_CLOCK_KERNEL,  /* the kernel, on receipt */
	GYR_NETDEV_CLOCK_NIC,	  /* the network card, on the wire */
	GYR_NETDEV_CLOCK_CAPTURE, /* the file that is replayed */
	GYR_NETDEV_CLOCK_SIM,	  /* simulated time */
};

/* A received datagram. */
struct gyr_datagram {
	const uint8_t *payload;
	uint32_t length;	     /* bytes of payload; may be 0 */
	uint32_t received_error_ns;  /* the true time of receipt differs by at most this */
	uint64_t received_at_ns;     /* UTC */
	enum gyr_netdev_clock clock; /* what received_at_ns comes from */
	struct gyr_endpoint peer;
};

/* The caller's clock, read once per turn. */
struct gyr_netdev_time {
	uint64_t now_ns;       /* monotonic */
	uint64_t utc_ns;       /* the same instant as UTC */
	uint32_t utc_error_ns; /* maximum error of utc_ns */
};

/*
 * X(name, text). rx_datagrams + rx_control + rx_foreign + all rx_drop_* is every frame (or, over
 * sockets, every datagram) that reached the driver.
 */
#define GYR_NETDEV_COUNTERS(X)                                                                     \
	X(rx_datagrams, "datagrams handed up")                                                     \
	X(rx_bytes, "payload bytes handed up")                                                     \
	X(rx_control, "ARP, neighbour discovery and echo frames consumed")                         \
	X(rx_foreign, "not ours: other address, port, VLAN or protocol on a shared link")          \
	X(rx_drop_short, "frames shorter than their headers")                                      \
	X(rx_drop_length, "a length field that contradicts the frame")                             \
	X(rx_drop_checksum, "wrong IPv4, UDP or ICMP checksum")                                    \
	X(rx_drop_fragment, "IP fragments; gyr does not reassemble")                               \
	X(rx_drop_unsupported, "IPv6 extension headers beyond the walk, or unknown ones")          \
	X(rx_drop_truncated, "datagrams longer than the receive buffer")                           \
	X(rx_drop_no_buffer, "dropped below the driver for want of a buffer")                      \
	X(rx_drop_error, "errors reported by the device or the kernel")                            \
	X(tx_datagrams, "datagrams given to the device")                                           \
	X(tx_bytes, "payload bytes given to the device")                                           \
	X(tx_control, "ARP, neighbour discovery and echo frames sent")                             \
	X(tx_full, "reservations refused because the device takes nothing")                        \
	X(tx_drop_unresolved, "datagrams dropped because the peer's link address is unknown")      \
	X(tx_drop_error, "datagrams that the device or the kernel refused for good")               \
	X(neighbour_evicted, "neighbours forgotten because the table was full")

/*
 * Written by the thread that drives the device (relaxed load and store, no read-modify-write),
 * read relaxed by any other: every value is exact alone, no two are consistent with each other.
 */
struct gyr_netdev_counters {
#define GYR_NETDEV_COUNTER_(name, text) _Atomic uint64_t name;
	GYR_NETDEV_COUNTERS(GYR_NETDEV_COUNTER_)
#undef GYR_NETDEV_COUNTER_
};

/* Adds to a counter; only for the thread that drives the device. */
static inline void gyr_netdev_count(_Atomic uint64_t *counter, uint64_t by)
{
	/* Writer: this thread alone. Readers: anyone, relaxed; nothing is ordered by a counter. */
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

/* How many counters there are; each one's name and text, NULL beyond the last. */
unsigned gyr_netdev_counter_count(void);
const char *gyr_netdev_counter_name(unsigned index);
const char *gyr_netdev_counter_text(unsigned index);
uint64_t gyr_netdev_counter_value(const struct gyr_netdev_counters *counters, unsigned index);

/* What an open device is; constant until it is closed, link_up excepted (tick). */
struct gyr_netdev_info {
	const char *driver;
	char device[64];      /* interface, bus address or file */
	uint8_t address4[16]; /* mapped; all zero where there is none */
	uint8_t address6[16]; /* all zero where there is none */
	uint16_t port;	      /* the local UDP port, host byte order */
	uint16_t vlan;	      /* 802.1Q identifier, 0 where untagged */
	uint8_t link[6];      /* own link address, zero over sockets */
	bool link_up;
	uint32_t mtu;		     /* bytes of an IP packet */
	uint32_t payload_max4;	     /* bytes of UDP payload to an IPv4 peer */
	uint32_t payload_max6;	     /* bytes of UDP payload to an IPv6 peer */
	int32_t numa_node;	     /* of the hardware; -1 where there is none */
	enum gyr_netdev_clock clock; /* the best that received datagrams are stamped with */
};

/* A datagram on its way out. The driver fills payload and buffer ahead of use. */
struct gyr_netdev_tx {
	uint8_t *payload;
	void *buffer; /* the driver's own */
	struct gyr_endpoint to;
	uint32_t length;
};

struct gyr_netdev;

/*
 * A driver. open gets the text behind the colon and fills the device: self, info, the payload and
 * buffer of every element of tx. Everything but the two bursts is cold.
 */
struct gyr_netdev_ops {
	const char *name;    /* what stands before the colon */
	const char *summary; /* one line for --help */
	const struct gyr_netdev_key *keys;
	unsigned key_count;
	/* For an open device: the system calls that everything but open and close makes, ended by
	 * -1; NULL for none. A data lane may make no others. */
	const int *calls;
	/* The capabilities (bit n is number n) that close needs; the starting thread keeps them. */
	uint64_t capabilities;
	int (*open)(struct gyr_netdev *device, struct gyr_arena *arena, const char *text);
	void (*close)(struct gyr_netdev *device);
	/* About 1 kHz: retries, ageing, link state, clocks. May be NULL. */
	void (*tick)(struct gyr_netdev *device, const struct gyr_netdev_time *time);
	/* What becomes readable when a datagram arrives; 0 where the driver can only be polled. */
	unsigned (*wait_fds)(struct gyr_netdev *device, int *fds, unsigned fd_count_max);
	/* Gives the views of the last rx_burst back early. */
	void (*release)(struct gyr_netdev *device);
	/* Fills link of an endpoint; true when known, else asks the network. NULL: always true. */
	bool (*resolve)(struct gyr_netdev *device, struct gyr_endpoint *to,
			const struct gyr_netdev_time *time);
	/* Up to count_max datagrams, at most GYR_NETDEV_BURST_MAX; returns how many. */
	unsigned (*rx_burst)(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			     unsigned count_max, const struct gyr_netdev_time *time);
	/* Sends a prefix; returns how many elements are done with, sent or dropped and counted. It
	 * has refilled payload and buffer of those. */
	unsigned (*tx_burst)(struct gyr_netdev *device, struct gyr_netdev_tx *batch,
			     unsigned count);
};

/* An open device. Callers read info and counters; the rest is for the driver and inline code. */
struct gyr_netdev {
	const struct gyr_netdev_ops *ops;
	unsigned (*rx_burst)(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			     unsigned count_max, const struct gyr_netdev_time *time);
	unsigned (*tx_burst)(struct gyr_netdev *device, struct gyr_netdev_tx *batch,
			     unsigned count);
	void *self;
	uint32_t tx_head; /* first committed, not yet sent */
	uint32_t tx_tail; /* next to be reserved or committed */
	bool tx_reserved;
	struct gyr_netdev_info info;
	struct gyr_netdev_counters counters;
	struct gyr_netdev_tx tx[GYR_NETDEV_TX_HELD_MAX];
};

/*
 * Opens a device from "driver:key=value,...", for example
 *
 *   udp:address=127.0.0.1,port=9000
 *   dpdk:af_xdp=eth1,address=10.77.0.2/24,port=9000
 *
 * drivers is what this program was linked with. Memory comes from the arena. A driver may start
 * threads of its own here and change nothing of the calling thread. Errors: USAGE for the text,
 * with the key and the offset at fault, else NETWORK, PERMISSION, MEMORY, UNSUPPORTED.
 */
GYR_MUST_USE int gyr_netdev_open(struct gyr_netdev *device, struct gyr_arena *arena,
				 const struct gyr_netdev_ops *const *drivers, unsigned driver_count,
				 const char *text);

/* Sends nothing more; held datagrams are lost. The arena may be reused afterwards. */
void gyr_netdev_close(struct gyr_netdev *device);

/* Receives up to count_max datagrams without waiting. Views of the previous call end here. */
static inline unsigned gyr_netdev_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
				     unsigned count_max, const struct gyr_netdev_time *time)
{
	return device->rx_burst(device, datagrams, count_max, time);
}

/* Ends the views of the last gyr_netdev_rx early; optional. */
static inline void gyr_netdev_release(struct gyr_netdev *device)
{
	if (device->ops->release != NULL)
		device->ops->release(device);
}

/* True for an IPv4 address in its mapped form. */
static inline bool gyr_endpoint_is_ipv4(const struct gyr_endpoint *endpoint)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(endpoint->address, prefix, sizeof prefix) == 0;
}

/* Same peer: address and port (and scope) only. */
static inline bool gyr_endpoint_equal(const struct gyr_endpoint *a, const struct gyr_endpoint *b)
{
	return memcmp(a->address, b->address, sizeof a->address) == 0 && a->port == b->port &&
	       a->interface == b->interface;
}

/* The longest payload, in bytes, that fits one datagram to this peer. */
static inline uint32_t gyr_netdev_payload_max(const struct gyr_netdev *device,
					      const struct gyr_endpoint *to)
{
	return gyr_endpoint_is_ipv4(to) ? device->info.payload_max4 : device->info.payload_max6;
}

/*
 * Gives what is committed to the device. Returns how many datagrams it did not take: they are
 * held, in order, for the next call.
 */
unsigned gyr_netdev_flush(struct gyr_netdev *device);

/* How many committed datagrams wait for the device. */
static inline unsigned gyr_netdev_held(const struct gyr_netdev *device)
{
	return device->tx_tail - device->tx_head;
}

/*
 * A buffer for one payload of up to gyr_netdev_payload_max bytes to this peer, or NULL when
 * GYR_NETDEV_TX_HELD_MAX datagrams are held and the device takes none (tx_full). One reservation
 * at a time; reserving again replaces an uncommitted one. `to` is copied.
 */
static inline uint8_t *gyr_netdev_reserve(struct gyr_netdev *device, const struct gyr_endpoint *to)
{
	struct gyr_netdev_tx *tx;

	if (GYR_UNLIKELY(gyr_netdev_held(device) == GYR_NETDEV_TX_HELD_MAX) &&
	    gyr_netdev_flush(device) == GYR_NETDEV_TX_HELD_MAX) {
		gyr_netdev_count(&device->counters.tx_full, 1);
		return NULL;
	}
	tx = &device->tx[device->tx_tail % GYR_NETDEV_TX_HELD_MAX];
	tx->to = *to;
	device->tx_reserved = true;
	return tx->payload;
}

/* Ends a reservation with the payload's length in bytes; a full burst is flushed at once. */
static inline void gyr_netdev_commit(struct gyr_netdev *device, uint32_t length)
{
	struct gyr_netdev_tx *tx = &device->tx[device->tx_tail % GYR_NETDEV_TX_HELD_MAX];

	gyr_assert(device->tx_reserved && length <= gyr_netdev_payload_max(device, &tx->to));
	device->tx_reserved = false;
	tx->length = length;
	device->tx_tail++;
	if (gyr_netdev_held(device) % GYR_NETDEV_BURST_MAX == 0)
		(void)gyr_netdev_flush(device);
}

/* Housekeeping, about 1 kHz. */
static inline void gyr_netdev_tick(struct gyr_netdev *device, const struct gyr_netdev_time *time)
{
	if (device->ops->tick != NULL)
		device->ops->tick(device, time);
}

/* Descriptors that wake a parked lane when a datagram arrives; 0: poll. */
static inline unsigned gyr_netdev_wait_fds(struct gyr_netdev *device, int *fds,
					   unsigned fd_count_max)
{
	return device->ops->wait_fds == NULL ? 0 : device->ops->wait_fds(device, fds, fd_count_max);
}

/*
 * Fills in what an answer would know already: true when `to` can be sent to without loss. False:
 * the network was asked (at most once per 100 ms and peer); keep receiving, ask again. Peers that
 * sent something need no resolving.
 */
static inline bool gyr_netdev_resolve(struct gyr_netdev *device, struct gyr_endpoint *to,
				      const struct gyr_netdev_time *time)
{
	return device->ops->resolve == NULL || device->ops->resolve(device, to, time);
}

/*
 * Echoes up to GYR_NETDEV_BURST_MAX datagrams to where they came from, unchanged; returns how many
 * were received. What cannot be sent is dropped and counted. This is a driver's own floor.
 */
unsigned gyr_netdev_echo(struct gyr_netdev *device, const struct gyr_netdev_time *time);

/*
 * "10.0.0.1:9000" or "[fd77::1]:9000" (a scope as in "[fe80::1%3]:9000"). Error: USAGE with the
 * offset.
 */
GYR_MUST_USE int gyr_endpoint_parse(struct gyr_endpoint *endpoint, const char *text);

/* The same back; writes at most 72 bytes with the terminator. Returns text. */
const char *gyr_endpoint_format(const struct gyr_endpoint *endpoint, char text[72]);

#endif
