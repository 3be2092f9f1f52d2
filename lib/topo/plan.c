/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "machine.h"

void plan_warn(struct gyr_topo_plan *plan, const char *format, ...)
{
	va_list args;

	if (plan->warning_count == GYR_TOPO_WARNING_COUNT_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(plan->warnings[plan->warning_count++], sizeof plan->warnings[0], format,
			args);
	va_end(args);
}

/* The node that a lane's place asks for; -1: any. */
static int wanted_node(const struct gyr_topo_plan *plan, const struct gyr_conf_lane *lane)
{
	if (lane->place == GYR_CONF_PLACE_NODE)
		return (int)lane->node;
	if (lane->place != GYR_CONF_PLACE_NIC)
		return -1;
	for (unsigned i = 0; i < lane->stage_count; i++)
		if (lane->stages[i].kind == GYR_CONF_STAGE_GATE)
			return plan->gates[lane->stages[i].index].node;
	return plan->gates[0].node;
}

static bool core_is_free(const struct machine *machine, int core)
{
	for (unsigned i = 0; i < machine->cpu_count; i++)
		if (machine->cpus[i].core == core && machine->cpus[i].lane >= 0)
			return false;
	return true;
}

/* How well a CPU suits, the higher the better; -1: not at all. */
static int score(const struct machine *machine, const struct machine_cpu *cpu, int node)
{
	if (!cpu->allowed)
		return -1;
	/* A whole core in the right place, then a sibling there, then the same elsewhere, then
	 * somebody else's CPU. The system's core comes last among equals. */
	return (cpu->lane < 0) * 8 + (node < 0 || cpu->node == node) * 4 +
	       core_is_free(machine, cpu->core) * 2 + !cpu->system;
}

static void take(struct gyr_topo_plan *plan, struct machine *machine, const struct gyr_conf *conf,
		 unsigned lane_index, struct machine_cpu *cpu)
{
	struct gyr_topo_lane *lane = &plan->lanes[lane_index];

	lane->cpu = (int)cpu->os_index;
	lane->core = cpu->core;
	lane->node = cpu->node;
	if (cpu->lane >= 0) {
		lane->shares_cpu = true;
		plan->lanes[cpu->lane].shares_cpu = true;
	}
	for (unsigned i = 0; i < machine->cpu_count; i++) {
		const struct machine_cpu *other = &machine->cpus[i];

		if (other == cpu || other->core != cpu->core)
			continue;
		lane->sibling_count++;
		if (other->lane >= 0) {
			lane->shares_core = true;
			plan->lanes[other->lane].shares_core = true;
		}
	}
	cpu->lane = (int)lane_index;
	cpu->data = cpu->data || conf->lanes[lane_index].kind == GYR_CONF_LANE_DATA;
}

static int place_fixed(struct gyr_topo_plan *plan, struct machine *machine,
		       const struct gyr_conf *conf, unsigned lane_index)
{
	const struct gyr_conf_lane *lane = &conf->lanes[lane_index];

	for (unsigned i = 0; i < machine->cpu_count; i++)
		if ((int)machine->cpus[i].os_index == lane->cpu) {
			if (!machine->cpus[i].allowed)
				plan_warn(plan, "lane %s: this process may not run on CPU %d",
					  lane->name, lane->cpu);
			take(plan, machine, conf, lane_index, &machine->cpus[i]);
			return 0;
		}
	GYR_FAIL(GYR_ERR_CONFIG, "lane %s wants CPU %d, the machine has %u CPUs", lane->name,
		 lane->cpu, machine->cpu_count);
}

static int place_auto(struct gyr_topo_plan *plan, struct machine *machine,
		      const struct gyr_conf *conf, unsigned lane_index)
{
	const struct gyr_conf_lane *lane = &conf->lanes[lane_index];
	int node = wanted_node(plan, lane);
	struct machine_cpu *best = NULL;
	int best_score = -1;
	bool node_exists = node < 0;

	for (unsigned i = 0; i < plan->node_count; i++)
		node_exists = node_exists || (int)plan->nodes[i].os_index == node;
	if (!node_exists)
		GYR_FAIL(GYR_ERR_CONFIG, "lane %s wants NUMA node %d, the machine has %u nodes",
			 lane->name, node, plan->node_count);
	for (unsigned i = 0; i < machine->cpu_count; i++) {
		int suits = score(machine, &machine->cpus[i], node);

		if (suits > best_score) {
			best_score = suits;
			best = &machine->cpus[i];
		}
	}
	if (best == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "there is no CPU that this process may run on");
	take(plan, machine, conf, lane_index, best);
	if (node >= 0 && best->node != node)
		plan_warn(plan, "lane %s: no CPU is free on node %d; it runs on node %d",
			  lane->name, node, best->node);
	return 0;
}

/* The passes of the header's text; each lane is placed in exactly one. */
static unsigned pass_of(const struct gyr_conf_lane *lane)
{
	bool bound = lane->place == GYR_CONF_PLACE_NIC || lane->place == GYR_CONF_PLACE_NODE;
	bool cold = lane->kind == GYR_CONF_LANE_COLD;

	if (lane->cpu != GYR_CONF_CPU_AUTO)
		return 0;
	if (lane->place == GYR_CONF_PLACE_SHARED)
		return 5;
	return 1 + cold * 2u + !bound;
}

static int place_lanes(struct gyr_topo_plan *plan, struct machine *machine,
		       const struct gyr_conf *conf)
{
	for (unsigned i = 0; i < conf->lane_count; i++)
		plan->lanes[i] = (struct gyr_topo_lane){
			.name = conf->lanes[i].name, .cpu = -1, .core = -1, .node = -1
		};
	plan->lane_count = conf->lane_count;
	for (unsigned pass = 0; pass < 5; pass++)
		for (unsigned i = 0; i < conf->lane_count; i++) {
			if (pass_of(&conf->lanes[i]) != pass)
				continue;
			if (pass == 0)
				GYR_TRY(place_fixed(plan, machine, conf, i));
			else
				GYR_TRY(place_auto(plan, machine, conf, i));
		}
	return 0;
}

static bool core_has_data_lane(const struct machine *machine, int core)
{
	for (unsigned i = 0; i < machine->cpu_count; i++)
		if (machine->cpus[i].core == core && machine->cpus[i].data)
			return true;
	return false;
}

static void find_shared(struct gyr_topo_plan *plan, const struct machine *machine)
{
	unsigned count = 0;

	for (unsigned i = 0; i < machine->cpu_count; i++) {
		const struct machine_cpu *cpu = &machine->cpus[i];

		if (!cpu->allowed || core_has_data_lane(machine, cpu->core))
			continue;
		plan->shared.words[cpu->os_index / 64] |= 1ull << (cpu->os_index % 64);
		count++;
	}
	if (count > 0)
		return;
	plan_warn(plan, "no CPU is left to the system and the cold lanes: they run on data "
			"lanes' CPUs");
	for (unsigned i = 0; i < machine->cpu_count; i++)
		if (machine->cpus[i].allowed)
			plan->shared.words[machine->cpus[i].os_index / 64] |=
				1ull << (machine->cpus[i].os_index % 64);
}

static void warn_of_lanes(struct gyr_topo_plan *plan, const struct machine *machine,
			  const struct gyr_conf *conf)
{
	for (unsigned i = 0; i < plan->lane_count; i++) {
		const struct gyr_topo_lane *lane = &plan->lanes[i];
		bool data = conf->lanes[i].kind == GYR_CONF_LANE_DATA;
		bool spin = conf->lanes[i].idle == GYR_CONF_IDLE_SPIN;

		if (lane->cpu < 0 || !data)
			continue;
		if (lane->shares_cpu)
			plan_warn(plan, "lane %s shares CPU %d with another lane%s", lane->name,
				  lane->cpu,
				  spin ? "; spinning, it starves it: take idle: backoff" : "");
		else if (lane->shares_core)
			plan_warn(plan, "lane %s shares a core with a lane on its SMT sibling",
				  lane->name);
		for (unsigned j = 0; j < machine->cpu_count; j++)
			if ((int)machine->cpus[j].os_index == lane->cpu &&
			    machine->cpus[j].system && plan->core_count > 1)
				plan_warn(plan,
					  "lane %s is on CPU 0's core, where the system's "
					  "interrupts go",
					  lane->name);
	}
}

static void warn_of_gates(struct gyr_topo_plan *plan, const struct gyr_conf *conf)
{
	for (unsigned i = 0; i < plan->gate_count; i++) {
		const struct gyr_topo_gate *gate = &plan->gates[i];
		int node = gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_GATE, i);

		if (gate->device[0] != '\0' && gate->node < 0)
			plan_warn(plan, "gate %u: the node of device %s is not known here", i,
				  gate->device);
		if (gate->node >= 0 && node >= 0 && gate->node != node)
			plan_warn(plan, "gate %u is polled on node %d, its device is on node %d", i,
				  node, gate->node);
	}
}

int gyr_topo_plan(struct gyr_topo_plan *plan, const struct gyr_conf *conf,
		  const struct gyr_topo_source *source)
{
	struct machine *machine = malloc(sizeof *machine);
	int error;

	memset(plan, 0, sizeof *plan);
	if (machine == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the topology");
	error = machine_open(machine, plan, source);
	if (error < 0) {
		free(machine);
		return error;
	}
	plan->gate_count = conf->gate_count;
	for (unsigned i = 0; i < conf->gate_count; i++)
		machine_find_device(machine, &plan->gates[i], conf->gates[i].device);
	error = place_lanes(plan, machine, conf);
	if (error == 0) {
		find_shared(plan, machine);
		warn_of_lanes(plan, machine, conf);
		warn_of_gates(plan, conf);
		plan_memory(plan, conf);
	}
	machine_close(machine);
	free(machine);
	return error;
}

int gyr_topo_node_of(const struct gyr_topo_plan *plan, const struct gyr_conf *conf,
		     enum gyr_conf_stage_kind kind, unsigned index)
{
	const struct gyr_conf_lane *lane = gyr_conf_lane_of(conf, kind, index);

	return lane == NULL ? -1 : plan->lanes[lane - conf->lanes].node;
}
