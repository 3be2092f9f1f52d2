/* SPDX-License-Identifier: Apache-2.0 */
/* What the wire and the devices on it share. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "gyr_net_sim.h"

#define SIM_NO_SLOT UINT32_MAX

struct gyr_net_sim_frame {
	uint64_t due_ns;
	uint64_t sequence;
	uint32_t length;
};

struct sim_device {
	struct gyr_net_sim_wire *wire;
	unsigned port;
	uint32_t held[GYR_NETDEV_BURST_MAX]; /* slots behind the views of the last burst */
	unsigned held_count;
	uint8_t reply[GYR_FRAME_SIZE_MAX];
	struct gyr_frame_host host;
};

struct gyr_net_sim_wire *sim_wire_find(const char *name);

/* A frame from a port onto the wire, faults applied; delivered to who it is for. */
void sim_wire_send(struct gyr_net_sim_wire *wire, unsigned from, const uint8_t *frame,
		   size_t length);

/* The next frame that is due at a port; SIM_NO_SLOT when there is none. */
uint32_t sim_wire_take(struct gyr_net_sim_wire *wire, unsigned port);

static inline uint8_t *sim_wire_bytes(const struct gyr_net_sim_wire *wire, uint32_t slot)
{
	return wire->bytes + (size_t)slot * wire->slot_size;
}

static inline void sim_wire_free(struct gyr_net_sim_wire *wire, uint32_t slot)
{
	gyr_assert(wire->free_count < wire->slot_count);
	wire->free_slots[wire->free_count++] = slot;
}

#endif
