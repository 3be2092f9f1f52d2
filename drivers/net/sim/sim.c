/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_net_sim.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"
#include "sim_wire.h"

/* In front of every payload that is to be sent. */
#define HEADROOM ((size_t)2 * GYR_CACHE_LINE)

struct sim_values {
	struct gyr_frame_values frame;
	char wire[GYR_NETDEV_TEXT_MAX];
	uint8_t link[6];
};

static const struct gyr_netdev_key keys[] = {
	{ "wire", GYR_NETDEV_KEY_TEXT, offsetof(struct sim_values, wire), 0, 0,
	  "the wire's name; the program makes it" },
	{ "link", GYR_NETDEV_KEY_LINK, offsetof(struct sim_values, link), 0, 0,
	  "own link address; made from the port number where not given" },
	GYR_FRAME_KEYS(sim_values),
};

static int sim_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	struct sim_values values = { 0 };
	struct gyr_net_sim_wire *wire;
	struct sim_device *sim;
	uint8_t link[6] = { 0x02, 's', 'i', 'm', 0, 0 };
	uint8_t *payloads;
	uint32_t size;
	unsigned port = 0;

	GYR_TRY(gyr_netdev_keys_parse(&values, keys, GYR_COUNT(keys), "sim", text));
	wire = sim_wire_find(values.wire);
	if (wire == NULL)
		GYR_FAIL(GYR_ERR_USAGE, "sim: there is no wire=%s", values.wire);
	while (port < GYR_NET_SIM_PORT_COUNT_MAX && wire->ports[port].used)
		port++;
	if (port == GYR_NET_SIM_PORT_COUNT_MAX)
		GYR_FAIL(GYR_ERR_LIMIT, "sim: wire %s has %d devices", wire->name, port);
	link[5] = (uint8_t)(port + 1);
	if (values.link[0] != 0)
		memcpy(link, values.link, sizeof link);
	size = (uint32_t)gyr_round_up(wire->mtu + HEADROOM, GYR_CACHE_LINE);
	sim = gyr_arena_carve(arena, sizeof *sim, GYR_CACHE_LINE);
	payloads = gyr_arena_carve(arena, (size_t)size * GYR_NETDEV_TX_HELD_MAX, GYR_CACHE_LINE);
	if (sim == NULL || payloads == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "sim: the arena is too small");
	memset(sim, 0, sizeof *sim);
	GYR_TRY(gyr_frame_host_init(&sim->host, device, &values.frame, link, wire->mtu));
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = payloads + (size_t)i * size + HEADROOM;
	sim->wire = wire;
	sim->port = port;
	wire->ports[port].used = true;
	wire->ports[port].is_up = true;
	wire->ports[port].last_due_ns = 0;
	memcpy(wire->ports[port].link, link, sizeof link);
	device->self = sim;
	device->info.link_up = true;
	device->info.clock = GYR_NETDEV_CLOCK_SIM;
	(void)snprintf(device->info.device, sizeof device->info.device, "%s/%u", wire->name, port);
	return 0;
}

static void sim_release(struct gyr_netdev *device)
{
	struct sim_device *sim = device->self;

	while (sim->held_count != 0)
		sim_wire_free(sim->wire, sim->held[--sim->held_count]);
}

static void sim_close(struct gyr_netdev *device)
{
	struct sim_device *sim = device->self;

	sim_release(device);
	gyr_net_sim_wire_plug(sim->wire, device, false);
	sim->wire->ports[sim->port].used = false;
}

static unsigned sim_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
		       unsigned count_max, const struct gyr_netdev_time *time)
{
	struct sim_device *sim = device->self;
	struct gyr_net_sim_wire *wire = sim->wire;
	unsigned given = 0;

	sim_release(device);
	gyr_net_sim_wire_advance(wire, time->now_ns);
	if (count_max > GYR_NETDEV_BURST_MAX)
		count_max = GYR_NETDEV_BURST_MAX;
	/* Control and dropped frames count against the burst, as on a card. */
	for (unsigned i = 0; i < count_max; i++) {
		uint32_t slot = sim_wire_take(wire, sim->port);
		struct gyr_datagram *datagram = &datagrams[given];
		enum gyr_frame_kind kind;
		const uint8_t *frame;

		if (slot == SIM_NO_SLOT)
			break;
		frame = sim_wire_bytes(wire, slot);
		kind = gyr_frame_parse(&sim->host, datagram, frame, wire->slots[slot].length, 0, 0);
		if (kind == GYR_FRAME_DATAGRAM) {
			datagram->received_at_ns = time->utc_ns -
						   (wire->now_ns - wire->slots[slot].due_ns);
			datagram->received_error_ns = time->utc_error_ns;
			datagram->clock = GYR_NETDEV_CLOCK_SIM;
			sim->held[sim->held_count++] = slot;
			given++;
			continue;
		}
		if (kind == GYR_FRAME_CONTROL) {
			size_t length = gyr_frame_control(&sim->host, sim->reply, sizeof sim->reply,
							  frame, wire->slots[slot].length, 0, 0,
							  time->now_ns);

			if (length != 0)
				sim_wire_send(wire, sim->port, sim->reply, length);
		}
		sim_wire_free(wire, slot);
	}
	return given;
}

static unsigned sim_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	struct sim_device *sim = device->self;
	struct gyr_net_sim_wire *wire = sim->wire;

	if (wire->faults.refuse_ppm != 0 &&
	    gyr_rng_chance(&wire->rng, wire->faults.refuse_ppm, 1000000))
		count = (unsigned)gyr_rng_below(&wire->rng, count);
	for (unsigned i = 0; i < count; i++) {
		size_t length;
		const uint8_t *frame = gyr_frame_build(&sim->host, &length, NULL, batch[i].payload,
						       batch[i].length, &batch[i].to, 0);

		if (frame == NULL) {
			gyr_netdev_count(&device->counters.tx_drop_unresolved, 1);
			continue;
		}
		sim_wire_send(wire, sim->port, frame, length);
		gyr_netdev_count(&device->counters.tx_datagrams, 1);
		gyr_netdev_count(&device->counters.tx_bytes, batch[i].length);
	}
	return count;
}

static bool sim_resolve(struct gyr_netdev *device, struct gyr_endpoint *to,
			const struct gyr_netdev_time *time)
{
	struct sim_device *sim = device->self;
	uint8_t frame[GYR_FRAME_CONTROL_MAX];
	size_t length;
	bool known = gyr_frame_resolve(&sim->host, to, frame, &length, time->now_ns);

	if (length != 0)
		sim_wire_send(sim->wire, sim->port, frame, length);
	return known;
}

const struct gyr_netdev_ops gyr_net_sim = {
	.name = "sim",
	.summary = "a simulated wire with seeded faults",
	.keys = keys,
	.key_count = GYR_COUNT(keys),
	.open = sim_open,
	.close = sim_close,
	.release = sim_release,
	.resolve = sim_resolve,
	.rx_burst = sim_rx,
	.tx_burst = sim_tx,
};
