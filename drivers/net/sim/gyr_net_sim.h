/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network class over a simulated wire: a switch in memory that joins a few devices of one
 * process, with seeded faults, driven by simulated time. Devices on it are frames all the way
 * (ARP, neighbour discovery, checksums), so damage is met where it would be met in the field.
 *
 *   sim:wire=NAME,address=10.0.0.1/24,address6=fd00::1/64,port=9000[,link=02:...]
 *
 * Ownership: the caller owns the wire and the arena it was made over; it is made before and ended
 * after its devices. Threads: one thread drives a wire and all its devices. Limits: 8 wires by
 * name, GYR_NET_SIM_PORT_COUNT_MAX devices each; a frame that finds no free slot is lost
 * and counted. Same seed, same calls: same faults.
 */
#ifndef GYR_NET_SIM_H
#define GYR_NET_SIM_H

#include "gyr_netdev.h"
#include "gyr_netdev_frame.h"
#include "gyr_rng.h"

#define GYR_NET_SIM_PORT_COUNT_MAX 8
#define GYR_NET_SIM_NAME_MAX	   32

/* Chances in parts per million of frames; all zero and no delay: a perfect wire. */
struct gyr_net_sim_faults {
	uint32_t loss_ppm;
	uint32_t duplicate_ppm; /* a second copy with a delay of its own */
	uint32_t reorder_ppm;	/* held back by up to reorder_ns_max, later frames overtake it */
	uint32_t truncate_ppm;	/* cut to a random length */
	uint32_t corrupt_ppm;	/* up to 15 neighbouring bits flipped, which every checksum sees */
	uint32_t refuse_ppm;	/* of bursts: the device takes only a part */
	uint64_t delay_ns_min;
	uint64_t delay_ns_max;
	uint64_t reorder_ns_max;
};

/* What the wire did, in frames. */
struct gyr_net_sim_stats {
	uint64_t sent, delivered, lost, duplicated, reordered, truncated, corrupted, no_slot;
};

struct gyr_net_sim_frame; /* a frame under way */

struct gyr_net_sim_port {
	bool used;
	bool is_up; /* false: nothing is sent or delivered, as with a cable pulled */
	uint8_t link[6];
	uint64_t last_due_ns;
	uint32_t *heap; /* slots ordered by due time, then by order of sending */
	uint32_t heap_count;
};

struct gyr_net_sim_wire {
	char name[GYR_NET_SIM_NAME_MAX];
	struct gyr_rng rng;
	struct gyr_net_sim_faults faults; /* may be changed at any time */
	struct gyr_net_sim_stats stats;
	uint64_t now_ns;
	uint64_t sequence;
	uint32_t mtu;
	uint32_t slot_count;
	uint32_t slot_size;
	uint32_t free_count;
	struct gyr_net_sim_frame *slots;
	uint8_t *bytes;
	uint32_t *free_slots;
	struct gyr_net_sim_port ports[GYR_NET_SIM_PORT_COUNT_MAX];
};

extern const struct gyr_netdev_ops gyr_net_sim;

/*
 * Makes a wire with room for slot_count frames under way and enters its name. MEMORY when the arena
 * is too small (slot_count * (mtu + 200) bytes), LIMIT or USAGE for the name or the count.
 */
GYR_MUST_USE int gyr_net_sim_wire_init(struct gyr_net_sim_wire *wire, struct gyr_arena *arena,
				       const char *name, uint64_t seed, uint32_t slot_count,
				       uint32_t mtu);
void gyr_net_sim_wire_fini(struct gyr_net_sim_wire *wire);

/* Simulated monotonic time; receiving with a later time does the same. Never goes back. */
void gyr_net_sim_wire_advance(struct gyr_net_sim_wire *wire, uint64_t now_ns);

/* When the next frame is due; UINT64_MAX when none is under way. */
uint64_t gyr_net_sim_wire_next_ns(const struct gyr_net_sim_wire *wire);

/* Puts arbitrary bytes, at most mtu + 18, before a device, without faults or delay. */
void gyr_net_sim_wire_inject(struct gyr_net_sim_wire *wire, const struct gyr_netdev *to,
			     const uint8_t *frame, size_t length);

/* Pulls the cable of a device, or plugs it in again; frames under way to it are lost. */
void gyr_net_sim_wire_plug(struct gyr_net_sim_wire *wire, struct gyr_netdev *device, bool is_up);

#endif
