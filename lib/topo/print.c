/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_topo.h"
#include "gyr_units.h"

static void stage_list(char *out, size_t size, const struct gyr_conf *conf,
		       const struct gyr_conf_lane *lane)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < lane->stage_count; i++) {
		enum gyr_conf_stage_kind kind = lane->stages[i].kind;
		bool many = kind == GYR_CONF_STAGE_GATE	    ? conf->gate_count > 1
			    : kind == GYR_CONF_STAGE_VERIFY ? conf->verify_count > 1
			    : kind == GYR_CONF_STAGE_EXEC   ? conf->exec.shards > 1
							    : false;
		char index[16] = "";

		if (many)
			(void)snprintf(index, sizeof index, " %u", lane->stages[i].index);
		(void)snprintf(out + used, size - used, "%s%s%s", i == 0 ? "" : ", ",
			       gyr_conf_stage_name(kind), index);
		used += strlen(out + used);
	}
}

static void print_shared(const struct gyr_topo_plan *plan, FILE *to)
{
	int first = -1;
	bool any = false;

	(void)fprintf(to, "shared lanes run on CPUs");
	for (unsigned cpu = 0; cpu <= GYR_TOPO_CPU_MAX; cpu++) {
		bool in = gyr_topo_cpus_has(&plan->shared, cpu);

		if (in && first < 0)
			first = (int)cpu;
		if (in || first < 0)
			continue;
		(void)fprintf(to, "%s%d", any ? "," : " ", first);
		if ((int)cpu - 1 > first)
			(void)fprintf(to, "-%u", cpu - 1);
		any = true;
		first = -1;
	}
	(void)fputc('\n', to);
}

static void print_lanes(const struct gyr_topo_plan *plan, const struct gyr_conf *conf, FILE *to)
{
	(void)fprintf(to, "\n%-15s %-4s %-7s %6s %5s %5s  %s\n", "lane", "kind", "idle", "CPU",
		      "core", "node", "stages");
	for (unsigned i = 0; i < plan->lane_count; i++) {
		const struct gyr_topo_lane *lane = &plan->lanes[i];
		char cpu[16] = "shared";
		char core[16] = "-";
		char node[16] = "-";
		char stages[256];

		if (lane->cpu >= 0) {
			(void)snprintf(cpu, sizeof cpu, "%d", lane->cpu);
			(void)snprintf(core, sizeof core, "%d", lane->core);
		}
		if (lane->node >= 0)
			(void)snprintf(node, sizeof node, "%d", lane->node);
		stage_list(stages, sizeof stages, conf, &conf->lanes[i]);
		(void)fprintf(to, "%-15s %-4s %-7s %6s %5s %5s  %s\n", lane->name,
			      conf->lanes[i].kind == GYR_CONF_LANE_DATA ? "data" : "cold",
			      gyr_conf_idle_name(conf->lanes[i].idle), cpu, core, node, stages);
	}
	print_shared(plan, to);
}

void gyr_topo_print(const struct gyr_topo_plan *plan, const struct gyr_conf *conf, FILE *to)
{
	char text[GYR_UNITS_TEXT_MAX];

	(void)fprintf(to, "machine   %s: %u socket%s, %u cores, %u CPUs, %u NUMA node%s\n",
		      plan->machine, plan->package_count, plan->package_count == 1 ? "" : "s",
		      plan->core_count, plan->cpu_count, plan->node_count,
		      plan->node_count == 1 ? "" : "s");
	for (unsigned i = 0; i < plan->gate_count; i++) {
		(void)fprintf(to, "gate %-4u %s", i, conf->gates[i].device);
		if (plan->gates[i].node >= 0)
			(void)fprintf(to, "  (%s on node %d)", plan->gates[i].device,
				      plan->gates[i].node);
		(void)fputc('\n', to);
	}
	print_lanes(plan, conf, to);
	(void)fprintf(to, "\n%-32s %5s %12s\n", "memory (about)", "node", "size");
	for (unsigned i = 0; i < plan->memory_row_count; i++) {
		const struct gyr_topo_memory_row *row = &plan->memory[i];
		char node[16] = "-";

		if (row->node >= 0)
			(void)snprintf(node, sizeof node, "%d", row->node);
		(void)fprintf(to, "%-32s %5s %12s\n", row->name, node,
			      gyr_units_format(text, GYR_UNITS_SIZE, (double)row->size));
	}
	(void)fprintf(to, "%-32s %5s %12s  = %llu hugepages of 2 MiB\n", "total", "",
		      gyr_units_format(text, GYR_UNITS_SIZE, (double)plan->memory_size),
		      (unsigned long long)((plan->memory_size + (2u << 20) - 1) >> 21));
	for (unsigned i = 0; i < plan->warning_count; i++)
		(void)fprintf(to, "%swarning: %s\n", i == 0 ? "\n" : "", plan->warnings[i]);
}

static void write_lanes(const struct gyr_topo_plan *plan, const struct gyr_conf *conf,
			struct gyr_json *json)
{
	gyr_json_array(json, "lanes");
	for (unsigned i = 0; i < plan->lane_count; i++) {
		const struct gyr_topo_lane *lane = &plan->lanes[i];

		gyr_json_object(json, NULL);
		gyr_json_text(json, "name", lane->name);
		gyr_json_text(json, "kind",
			      conf->lanes[i].kind == GYR_CONF_LANE_DATA ? "data" : "cold");
		gyr_json_text(json, "idle", gyr_conf_idle_name(conf->lanes[i].idle));
		gyr_json_signed(json, "cpu", lane->cpu);
		gyr_json_signed(json, "core", lane->core);
		gyr_json_signed(json, "node", lane->node);
		gyr_json_bool(json, "shares_cpu", lane->shares_cpu);
		gyr_json_bool(json, "shares_core", lane->shares_core);
		gyr_json_array(json, "stages");
		for (unsigned j = 0; j < conf->lanes[i].stage_count; j++) {
			char name[32];

			(void)snprintf(name, sizeof name, "%s %u",
				       gyr_conf_stage_name(conf->lanes[i].stages[j].kind),
				       conf->lanes[i].stages[j].index);
			gyr_json_text(json, NULL, name);
		}
		gyr_json_end(json);
		gyr_json_end(json);
	}
	gyr_json_end(json);
}

void gyr_topo_write_json(const struct gyr_topo_plan *plan, const struct gyr_conf *conf,
			 struct gyr_json *json)
{
	gyr_json_text(json, "machine", plan->machine);
	gyr_json_number(json, "sockets", plan->package_count);
	gyr_json_number(json, "cores", plan->core_count);
	gyr_json_number(json, "cpus", plan->cpu_count);
	gyr_json_array(json, "nodes");
	for (unsigned i = 0; i < plan->node_count; i++) {
		gyr_json_object(json, NULL);
		gyr_json_number(json, "node", plan->nodes[i].os_index);
		gyr_json_number(json, "cores", plan->nodes[i].core_count);
		gyr_json_number(json, "memory_bytes", plan->nodes[i].memory_size);
		gyr_json_number(json, "memory_planned_bytes", plan->nodes[i].memory_planned);
		gyr_json_end(json);
	}
	gyr_json_end(json);
	gyr_json_array(json, "gates");
	for (unsigned i = 0; i < plan->gate_count; i++) {
		gyr_json_object(json, NULL);
		gyr_json_text(json, "device", conf->gates[i].device);
		gyr_json_signed(json, "node", plan->gates[i].node);
		gyr_json_end(json);
	}
	gyr_json_end(json);
	write_lanes(plan, conf, json);
	gyr_json_array(json, "memory");
	for (unsigned i = 0; i < plan->memory_row_count; i++) {
		gyr_json_object(json, NULL);
		gyr_json_text(json, "name", plan->memory[i].name);
		gyr_json_signed(json, "node", plan->memory[i].node);
		gyr_json_number(json, "bytes", plan->memory[i].size);
		gyr_json_end(json);
	}
	gyr_json_end(json);
	gyr_json_number(json, "memory_bytes", plan->memory_size);
	gyr_json_array(json, "warnings");
	for (unsigned i = 0; i < plan->warning_count; i++)
		gyr_json_text(json, NULL, plan->warnings[i]);
	gyr_json_end(json);
}
