/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_wire.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"

#define WIRE_COUNT_MAX 8
#define MILLION	       1000000

static struct gyr_net_sim_wire *wires[WIRE_COUNT_MAX];

struct gyr_net_sim_wire *sim_wire_find(const char *name)
{
	for (unsigned i = 0; i < WIRE_COUNT_MAX; i++)
		if (wires[i] != NULL && strcmp(wires[i]->name, name) == 0)
			return wires[i];
	return NULL;
}

static int enter(struct gyr_net_sim_wire *wire)
{
	if (sim_wire_find(wire->name) != NULL)
		GYR_FAIL(GYR_ERR_USAGE, "a simulated wire is already named %s", wire->name);
	for (unsigned i = 0; i < WIRE_COUNT_MAX; i++)
		if (wires[i] == NULL) {
			wires[i] = wire;
			return 0;
		}
	GYR_FAIL(GYR_ERR_LIMIT, "more than %d simulated wires", WIRE_COUNT_MAX);
}

int gyr_net_sim_wire_init(struct gyr_net_sim_wire *wire, struct gyr_arena *arena, const char *name,
			  uint64_t seed, uint32_t slot_count, uint32_t mtu)
{
	memset(wire, 0, sizeof *wire);
	if (strlen(name) >= sizeof wire->name || slot_count == 0 || mtu < GYR_NETDEV_MTU_MIN ||
	    mtu > GYR_NETDEV_MTU_MAX)
		GYR_FAIL(GYR_ERR_USAGE, "simulated wire %s: name, slots or MTU out of range", name);
	(void)snprintf(wire->name, sizeof wire->name, "%s", name);
	gyr_rng_init(&wire->rng, seed);
	wire->mtu = mtu;
	wire->slot_count = slot_count;
	wire->slot_size = (uint32_t)gyr_round_up(mtu + 18, GYR_CACHE_LINE);
	wire->slots = gyr_arena_carve(arena, slot_count * sizeof *wire->slots, 8);
	wire->free_slots = gyr_arena_carve(arena, slot_count * sizeof *wire->free_slots, 4);
	wire->bytes = gyr_arena_carve(arena, (size_t)slot_count * wire->slot_size, GYR_CACHE_LINE);
	if (wire->slots == NULL || wire->free_slots == NULL || wire->bytes == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "simulated wire %s: the arena is too small", name);
	for (unsigned i = 0; i < GYR_NET_SIM_PORT_COUNT_MAX; i++) {
		wire->ports[i].heap = gyr_arena_carve(arena,
						      slot_count * sizeof *wire->ports[i].heap, 4);
		if (wire->ports[i].heap == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "simulated wire %s: the arena is too small", name);
	}
	for (uint32_t i = 0; i < slot_count; i++)
		sim_wire_free(wire, i);
	return enter(wire);
}

void gyr_net_sim_wire_fini(struct gyr_net_sim_wire *wire)
{
	for (unsigned i = 0; i < WIRE_COUNT_MAX; i++)
		if (wires[i] == wire)
			wires[i] = NULL;
}

void gyr_net_sim_wire_advance(struct gyr_net_sim_wire *wire, uint64_t now_ns)
{
	wire->now_ns = gyr_max_u64(wire->now_ns, now_ns);
}

static bool is_before(const struct gyr_net_sim_wire *wire, uint32_t a, uint32_t b)
{
	const struct gyr_net_sim_frame *x = &wire->slots[a];
	const struct gyr_net_sim_frame *y = &wire->slots[b];

	return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->sequence < y->sequence;
}

static void heap_push(struct gyr_net_sim_wire *wire, struct gyr_net_sim_port *port, uint32_t slot)
{
	uint32_t at = port->heap_count++;

	while (at != 0 && is_before(wire, slot, port->heap[(at - 1) / 2])) {
		port->heap[at] = port->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	port->heap[at] = slot;
}

static uint32_t heap_pop(struct gyr_net_sim_wire *wire, struct gyr_net_sim_port *port)
{
	uint32_t top = port->heap[0];
	uint32_t last = port->heap[--port->heap_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= port->heap_count)
			break;
		if (child + 1 < port->heap_count &&
		    is_before(wire, port->heap[child + 1], port->heap[child]))
			child++;
		if (!is_before(wire, port->heap[child], last))
			break;
		port->heap[at] = port->heap[child];
		at = child;
	}
	port->heap[at] = last;
	return top;
}

uint64_t gyr_net_sim_wire_next_ns(const struct gyr_net_sim_wire *wire)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned i = 0; i < GYR_NET_SIM_PORT_COUNT_MAX; i++)
		if (wire->ports[i].heap_count != 0)
			next_ns = gyr_min_u64(next_ns, wire->slots[wire->ports[i].heap[0]].due_ns);
	return next_ns;
}

uint32_t sim_wire_take(struct gyr_net_sim_wire *wire, unsigned port)
{
	struct gyr_net_sim_port *at = &wire->ports[port];

	if (at->heap_count == 0 || wire->slots[at->heap[0]].due_ns > wire->now_ns)
		return SIM_NO_SLOT;
	wire->stats.delivered++;
	return heap_pop(wire, at);
}

static uint32_t put(struct gyr_net_sim_wire *wire, struct gyr_net_sim_port *to, uint64_t due_ns,
		    const uint8_t *frame, size_t length)
{
	uint32_t slot;

	gyr_assert(length <= wire->slot_size);
	if (wire->free_count == 0) {
		wire->stats.no_slot++;
		return SIM_NO_SLOT;
	}
	slot = wire->free_slots[--wire->free_count];
	wire->slots[slot] = (struct gyr_net_sim_frame){ due_ns, wire->sequence++,
							(uint32_t)length };
	memcpy(sim_wire_bytes(wire, slot), frame, length);
	heap_push(wire, to, slot);
	return slot;
}

static bool happens(struct gyr_net_sim_wire *wire, uint32_t ppm)
{
	return ppm != 0 && gyr_rng_chance(&wire->rng, ppm, MILLION);
}

static void damage(struct gyr_net_sim_wire *wire, uint32_t slot)
{
	struct gyr_net_sim_frame *frame = &wire->slots[slot];
	uint8_t *bytes = sim_wire_bytes(wire, slot);

	/* ARP has no checksum of its own; on a wire, Ethernet's would have caught it. */
	bool arp = frame->length >= 14 && bytes[12] == 0x08 && bytes[13] == 0x06;

	if (happens(wire, wire->faults.corrupt_ppm) && frame->length != 0 && !arp) {
		uint64_t first = gyr_rng_below(&wire->rng, (uint64_t)frame->length * 8);
		uint64_t count = gyr_rng_between(&wire->rng, 1, 15);

		/* The first always flips, the rest may: never nothing. */
		for (uint64_t bit = first; bit < first + count && bit / 8 < frame->length; bit++)
			if (bit == first || (gyr_rng_next(&wire->rng) & 1) != 0)
				bytes[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
		wire->stats.corrupted++;
	}
	if (happens(wire, wire->faults.truncate_ppm) && frame->length != 0) {
		frame->length = (uint32_t)gyr_rng_below(&wire->rng, frame->length);
		wire->stats.truncated++;
	}
}

static void deliver(struct gyr_net_sim_wire *wire, struct gyr_net_sim_port *to,
		    const uint8_t *frame, size_t length)
{
	const struct gyr_net_sim_faults *faults = &wire->faults;
	unsigned copies = 1;

	if (happens(wire, faults->loss_ppm)) {
		wire->stats.lost++;
		return;
	}
	if (happens(wire, faults->duplicate_ppm)) {
		wire->stats.duplicated++;
		copies = 2;
	}
	while (copies-- > 0) {
		uint64_t delay_ns = faults->delay_ns_max == 0
					    ? 0
					    : gyr_rng_between(&wire->rng, faults->delay_ns_min,
							      faults->delay_ns_max);
		/* Delays vary, order stays, unless it is the fault that was drawn. */
		uint64_t due_ns = gyr_max_u64(to->last_due_ns, wire->now_ns + delay_ns);
		uint32_t slot;

		to->last_due_ns = due_ns;
		if (happens(wire, faults->reorder_ppm)) {
			due_ns += gyr_rng_between(&wire->rng, 1, faults->reorder_ns_max + 1);
			wire->stats.reordered++;
		}
		slot = put(wire, to, due_ns, frame, length);
		if (slot != SIM_NO_SLOT)
			damage(wire, slot);
	}
}

void sim_wire_send(struct gyr_net_sim_wire *wire, unsigned from, const uint8_t *frame,
		   size_t length)
{
	if (!wire->ports[from].is_up)
		return;
	wire->stats.sent++;
	for (unsigned i = 0; i < GYR_NET_SIM_PORT_COUNT_MAX; i++) {
		struct gyr_net_sim_port *to = &wire->ports[i];

		if (i != from && to->used && to->is_up &&
		    ((frame[0] & 1) != 0 || memcmp(frame, to->link, sizeof to->link) == 0))
			deliver(wire, to, frame, length);
	}
}

void gyr_net_sim_wire_inject(struct gyr_net_sim_wire *wire, const struct gyr_netdev *to,
			     const uint8_t *frame, size_t length)
{
	const struct sim_device *device = to->self;

	gyr_assert(device->wire == wire && length <= wire->mtu + 18u);
	(void)put(wire, &wire->ports[device->port], wire->now_ns, frame, length);
}

void gyr_net_sim_wire_plug(struct gyr_net_sim_wire *wire, struct gyr_netdev *device, bool is_up)
{
	const struct sim_device *at = device->self;
	struct gyr_net_sim_port *port = &wire->ports[at->port];

	port->is_up = is_up;
	device->info.link_up = is_up;
	while (!is_up && port->heap_count != 0) {
		sim_wire_free(wire, heap_pop(wire, port));
		wire->stats.lost++;
	}
}
