/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a configuration and a machine to a plan: which lane runs on which CPU, on which NUMA node
 * each region of memory lies and how large it is about, and what is unfortunate about it. The
 * machine is the one at hand, or one described to hwloc (a synthetic string, an XML file), so that
 * a plan for a box can be made and tested anywhere.
 *
 * How lanes are placed, in this order: those with a CPU of their own in the file; data lanes bound
 * to a node (place: nic or node); data lanes that may be anywhere; then cold lanes alike. A lane
 * gets a whole free core where there is one: its SMT siblings stay idle. CPU 0's core is left to
 * the system as long as another is free. After whole cores come free siblings, then CPUs of other
 * lanes, each with a warning. place: shared is not pinned to one CPU: it gets all CPUs that no data
 * lane owns, siblings of data lanes excepted.
 *
 * Cold, one thread; the plan is plain memory. Limits: GYR_TOPO_*_MAX.
 */
#ifndef GYR_TOPO_H
#define GYR_TOPO_H

#include <stdio.h>

#include "gyr_conf.h"
#include "gyr_json.h"

#define GYR_TOPO_CPU_MAX	      4096
#define GYR_TOPO_NODE_COUNT_MAX	      64
#define GYR_TOPO_WARNING_COUNT_MAX    64
#define GYR_TOPO_MEMORY_ROW_COUNT_MAX 128

/* At most one is set; neither: this machine. */
struct gyr_topo_source {
	const char *synthetic; /* "package:2 numa:1 core:8 pu:2" */
	const char *xml_path;
	const char *xml_text;
};

/* A CPU set by OS index. */
struct gyr_topo_cpus {
	uint64_t words[GYR_TOPO_CPU_MAX / 64];
};

struct gyr_topo_node {
	unsigned os_index;
	unsigned core_count;
	unsigned cpu_count;
	uint64_t memory_size; /* 0 where the description has none */
	uint64_t memory_planned;
};

struct gyr_topo_lane {
	const char *name;	/* the configuration's */
	int cpu;		/* OS index, -1 for shared lanes */
	int core;		/* hwloc's logical core, -1 for shared lanes */
	int node;		/* OS index, -1 where the lane has none in particular */
	unsigned sibling_count; /* other CPUs of its core */
	bool shares_cpu;	/* with another lane */
	bool shares_core;	/* with a lane on a sibling */
};

struct gyr_topo_gate {
	char device[64]; /* what was looked for, "" when the text names no hardware */
	int node;	 /* -1: unknown */
};

struct gyr_topo_memory_row {
	char name[48];
	int node;
	uint64_t size; /* about: each module knows its own exact size */
};

struct gyr_topo_plan {
	char machine[96];
	unsigned package_count;
	unsigned core_count;
	unsigned cpu_count;
	unsigned node_count;
	unsigned lane_count;
	unsigned gate_count;
	unsigned memory_row_count;
	unsigned warning_count;
	uint64_t memory_size; /* the sum of all rows */
	struct gyr_topo_node nodes[GYR_TOPO_NODE_COUNT_MAX];
	struct gyr_topo_lane lanes[GYR_CONF_LANE_COUNT_MAX];
	struct gyr_topo_gate gates[GYR_CONF_GATE_COUNT_MAX];
	struct gyr_topo_memory_row memory[GYR_TOPO_MEMORY_ROW_COUNT_MAX];
	struct gyr_topo_cpus shared; /* where shared lanes may run */
	char warnings[GYR_TOPO_WARNING_COUNT_MAX][192];
};

/*
 * Makes the plan. source may be NULL. GYR_ERR_CONFIG when a CPU or node that the file names does
 * not exist, with the lane's name; GYR_ERR_UNSUPPORTED when hwloc cannot read the machine or the
 * description. conf must outlive the plan (lane names).
 */
GYR_MUST_USE int gyr_topo_plan(struct gyr_topo_plan *plan, const struct gyr_conf *conf,
			       const struct gyr_topo_source *source);

static inline bool gyr_topo_cpus_has(const struct gyr_topo_cpus *cpus, unsigned cpu)
{
	return cpu < GYR_TOPO_CPU_MAX && (cpus->words[cpu / 64] >> (cpu % 64) & 1) != 0;
}

/* The node of the lane that holds a stage; -1 where there is none in particular. */
int gyr_topo_node_of(const struct gyr_topo_plan *plan, const struct gyr_conf *conf,
		     enum gyr_conf_stage_kind kind, unsigned index);

/* For people. */
void gyr_topo_print(const struct gyr_topo_plan *plan, const struct gyr_conf *conf, FILE *to);

/* The same as the members of an open JSON object. */
void gyr_topo_write_json(const struct gyr_topo_plan *plan, const struct gyr_conf *conf,
			 struct gyr_json *json);

#endif
