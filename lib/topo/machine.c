/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <hwloc.h>
#include <string.h>

#include "gyr_err.h"

static int load(hwloc_topology_t *topology, const struct gyr_topo_source *source)
{
	const char *what = "this machine";
	int result = 0;

	if (hwloc_topology_init(topology) < 0)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "hwloc does not start: %s", strerror(errno));
	(void)hwloc_topology_set_io_types_filter(*topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
	if (source != NULL && source->synthetic != NULL) {
		what = source->synthetic;
		result = hwloc_topology_set_synthetic(*topology, source->synthetic);
	} else if (source != NULL && source->xml_path != NULL) {
		what = source->xml_path;
		result = hwloc_topology_set_xml(*topology, source->xml_path);
	} else if (source != NULL && source->xml_text != NULL) {
		what = "the XML text";
		result = hwloc_topology_set_xmlbuffer(*topology, source->xml_text,
						      (int)strlen(source->xml_text) + 1);
	}
	if (result < 0 || hwloc_topology_load(*topology) < 0) {
		int saved = errno;

		hwloc_topology_destroy(*topology);
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "hwloc cannot read the topology of %s: %s", what,
			 strerror(saved));
	}
	return 0;
}

static unsigned count_of(hwloc_topology_t topology, hwloc_obj_type_t type)
{
	int count = hwloc_get_nbobjs_by_type(topology, type);

	return count > 0 ? (unsigned)count : 0;
}

/* The NUMA node that an object's CPUs are nearest to; its first, where it spans several. */
static int node_of(hwloc_topology_t topology, hwloc_const_nodeset_t nodeset)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != NULL)
		if (nodeset != NULL && hwloc_bitmap_isset(nodeset, node->os_index))
			return (int)node->os_index;
	return -1;
}

static int read_cpus(struct machine *machine, hwloc_topology_t topology)
{
	hwloc_const_cpuset_t allowed = hwloc_topology_get_allowed_cpuset(topology);
	hwloc_obj_t cpu = NULL;
	int system_core = -1;

	while ((cpu = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, cpu)) != NULL) {
		hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, cpu);
		struct machine_cpu *to = &machine->cpus[machine->cpu_count];

		if (machine->cpu_count == GYR_TOPO_CPU_MAX || cpu->os_index >= GYR_TOPO_CPU_MAX)
			GYR_FAIL(GYR_ERR_LIMIT, "more than %d CPUs", GYR_TOPO_CPU_MAX);
		*to = (struct machine_cpu){
			.os_index = cpu->os_index,
			.core = (int)(core == NULL ? cpu : core)->logical_index,
			.node = node_of(topology, cpu->nodeset),
			.lane = -1,
			.allowed = hwloc_bitmap_isset(allowed, cpu->os_index) != 0,
		};
		if (cpu->os_index == 0)
			system_core = to->core;
		machine->cpu_count++;
	}
	for (unsigned i = 0; i < machine->cpu_count; i++)
		machine->cpus[i].system = machine->cpus[i].core == system_core;
	return 0;
}

static void read_nodes(struct gyr_topo_plan *plan, const struct machine *machine,
		       hwloc_topology_t topology)
{
	hwloc_obj_t node = NULL;

	while ((node = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_NUMANODE, node)) != NULL &&
	       plan->node_count < GYR_TOPO_NODE_COUNT_MAX) {
		struct gyr_topo_node *to = &plan->nodes[plan->node_count++];
		int core_last = -1;

		to->os_index = node->os_index;
		to->memory_size = node->attr == NULL ? 0 : node->attr->numanode.local_memory;
		for (unsigned i = 0; i < machine->cpu_count; i++) {
			const struct machine_cpu *cpu = &machine->cpus[i];

			if (cpu->node != (int)node->os_index)
				continue;
			to->cpu_count++;
			to->core_count += cpu->core != core_last;
			core_last = cpu->core;
		}
	}
}

int machine_open(struct machine *machine, struct gyr_topo_plan *plan,
		 const struct gyr_topo_source *source)
{
	hwloc_topology_t topology;
	const char *model;
	int error;

	memset(machine, 0, sizeof *machine);
	GYR_TRY(load(&topology, source));
	machine->topology = topology;
	error = read_cpus(machine, topology);
	if (error < 0) {
		hwloc_topology_destroy(topology);
		return error;
	}
	read_nodes(plan, machine, topology);
	plan->package_count = count_of(topology, HWLOC_OBJ_PACKAGE);
	plan->core_count = count_of(topology, HWLOC_OBJ_CORE);
	plan->cpu_count = machine->cpu_count;
	model = hwloc_obj_get_info_by_name(hwloc_get_root_obj(topology), "CPUModel");
	if (model == NULL && plan->package_count > 0)
		model = hwloc_obj_get_info_by_name(
			hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0), "CPUModel");
	(void)snprintf(plan->machine, sizeof plan->machine, "%s",
		       source != NULL && source->synthetic != NULL ? source->synthetic
		       : model == NULL				   ? "unnamed CPU"
								   : model);
	return 0;
}

void machine_close(struct machine *machine)
{
	hwloc_topology_destroy(machine->topology);
}

static int node_of_io(hwloc_topology_t topology, hwloc_obj_t object)
{
	hwloc_obj_t above = hwloc_get_non_io_ancestor_obj(topology, object);

	/* Attached to the whole machine: no node in particular, unless there is only one. */
	if (above == NULL ||
	    (above->type == HWLOC_OBJ_MACHINE && count_of(topology, HWLOC_OBJ_NUMANODE) > 1))
		return -1;
	return node_of(topology, above->nodeset);
}

/* 0000:01:00.0 anywhere in a text; its length is fixed. */
static const char *find_bus_id(const char *text)
{
	static const char pattern[] = "xxxx:xx:xx.x";
	size_t length = strlen(text);

	for (size_t i = 0; i + sizeof pattern - 1 <= length; i++) {
		bool match = true;

		for (size_t j = 0; match && j < sizeof pattern - 1; j++) {
			char c = text[i + j];
			bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
				   (c >= 'A' && c <= 'F');

			match = pattern[j] == 'x' ? hex : c == pattern[j];
		}
		if (match)
			return text + i;
	}
	return NULL;
}

static bool find_interface(hwloc_topology_t topology, struct gyr_topo_gate *gate, const char *name,
			   size_t length)
{
	hwloc_obj_t object = NULL;

	while ((object = hwloc_get_next_osdev(topology, object)) != NULL) {
		if (object->name == NULL || strlen(object->name) != length ||
		    memcmp(object->name, name, length) != 0)
			continue;
		(void)snprintf(gate->device, sizeof gate->device, "%s", object->name);
		gate->node = node_of_io(topology, object);
		return true;
	}
	return false;
}

void machine_find_device(const struct machine *machine, struct gyr_topo_gate *gate,
			 const char *device)
{
	hwloc_topology_t topology = machine->topology;
	const char *bus_id = find_bus_id(device);

	gate->node = -1;
	if (bus_id != NULL) {
		hwloc_obj_t object;

		(void)snprintf(gate->device, sizeof gate->device, "%.12s", bus_id);
		object = hwloc_get_pcidev_by_busidstring(topology, gate->device);
		if (object != NULL)
			gate->node = node_of_io(topology, object);
		return;
	}
	/* Every value of key=value, … may be an interface's name. */
	for (const char *at = strchr(device, '='); at != NULL; at = strchr(at, '=')) {
		size_t length = strcspn(++at, ",");

		if (find_interface(topology, gate, at, length))
			return;
	}
}
