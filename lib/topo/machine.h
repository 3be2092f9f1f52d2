/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as the planner needs it: CPUs with their core and node. hwloc ends here. */
#ifndef MACHINE_H
#define MACHINE_H

#include "gyr_topo.h"

struct machine_cpu {
	unsigned os_index;
	int core;     /* hwloc's logical index */
	int node;     /* OS index of the nearest NUMA node */
	int lane;     /* the lane that took it last, -1: free */
	bool allowed; /* this process may run there */
	bool system;  /* of CPU 0's core */
	bool data;    /* a data lane is on it */
};

struct machine {
	void *topology;
	unsigned cpu_count;
	struct machine_cpu cpus[GYR_TOPO_CPU_MAX];
};

/* Reads the machine and fills what the plan says of it. */
int machine_open(struct machine *machine, struct gyr_topo_plan *plan,
		 const struct gyr_topo_source *source);
void machine_close(struct machine *machine);

/* The node of the hardware that a gate's device text names; found: whether it names any that is in
 * the machine. gate->device says what was looked for. */
void machine_find_device(const struct machine *machine, struct gyr_topo_gate *gate,
			 const char *device);

#endif
