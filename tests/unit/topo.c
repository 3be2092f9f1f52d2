/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of the shipped files for machines that are not here, as hwloc describes them. */
#include "gyr_test.h"

#include <hwloc.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_topo.h"

static struct gyr_conf conf;
static struct gyr_topo_plan plan;
static char xml[4 << 20];

static void load(const char *name)
{
	const char *root = getenv("GYR_SOURCE_ROOT");
	char path[1024];

	(void)snprintf(path, sizeof path, "%s/hwconfig/%s.yaml", root == NULL ? "." : root, name);
	if (gyr_conf_load(&conf, path) != 0)
		fail_msg("%s", gyr_err_cause());
}

static void make_plan(const struct gyr_topo_source *source)
{
	if (gyr_topo_plan(&plan, &conf, source) != 0)
		fail_msg("%s", gyr_err_cause());
}

static bool warned(const char *part)
{
	for (unsigned i = 0; i < plan.warning_count; i++)
		if (strstr(plan.warnings[i], part) != NULL)
			return true;
	return false;
}

static const struct gyr_topo_lane *lane_named(const char *name)
{
	for (unsigned i = 0; i < plan.lane_count; i++)
		if (strcmp(plan.lanes[i].name, name) == 0)
			return &plan.lanes[i];
	fail_msg("no lane %s", name);
	return NULL;
}

/* No two pinned lanes on one core, none on CPU 0's. */
static void assert_whole_cores(void)
{
	for (unsigned i = 0; i < plan.lane_count; i++) {
		if (plan.lanes[i].cpu < 0)
			continue;
		assert_false(plan.lanes[i].shares_cpu);
		assert_false(plan.lanes[i].shares_core);
		assert_int_not_equal(plan.lanes[i].core, 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(plan.lanes[i].core, plan.lanes[j].core);
	}
}

static void eight_cores_with_siblings(void **state)
{
	struct gyr_topo_source source = {
		.synthetic = "Package:1 [NUMANode(memory=68719476736)] L3:1 Core:8 PU:2",
	};

	(void)state;
	load("box-8core");
	make_plan(&source);
	assert_int_equal(plan.core_count, 8);
	assert_int_equal(plan.cpu_count, 16);
	assert_whole_cores();
	assert_int_equal(lane_named("gate")->sibling_count, 1);
	assert_int_equal(lane_named("cold1")->cpu, -1);
	/* Six data lanes and the roots take cores 1 to 7: what is shared is core 0 and the sibling
	 * pair of the roots. */
	assert_true(gyr_topo_cpus_has(&plan.shared, 0));
	for (unsigned i = 0; i < plan.lane_count; i++)
		if (conf.lanes[i].kind == GYR_CONF_LANE_DATA)
			assert_false(gyr_topo_cpus_has(&plan.shared, (unsigned)plan.lanes[i].cpu));
	/* A synthetic machine has no devices. */
	assert_true(warned("gate 0: the node of device 0000:01:00.0 is not known here"));
	assert_int_equal(plan.warning_count, 1);
}

/* The same file on four cores without SMT: it still has a plan, and says what is wrong with it. */
static void too_few_cores(void **state)
{
	struct gyr_topo_source source = { .synthetic = "Package:1 [NUMANode(memory=2147483648)] "
						       "Core:4 PU:1" };

	(void)state;
	load("box-8core");
	make_plan(&source);
	assert_true(warned("shares CPU"));
	assert_true(warned("spinning, it starves it"));
	assert_true(warned("is on CPU 0's core"));
	assert_true(warned("no CPU is left to the system"));
	assert_true(warned("node 0: about"));
}

static void siblings_before_sharing(void **state)
{
	struct gyr_topo_source source = { .synthetic = "Package:1 [NUMANode] Core:4 PU:2" };
	unsigned on_siblings = 0;

	(void)state;
	load("box-8core");
	make_plan(&source);
	for (unsigned i = 0; i < plan.lane_count; i++) {
		assert_false(plan.lanes[i].shares_cpu);
		on_siblings += plan.lanes[i].shares_core;
	}
	assert_true(on_siblings >= 4);
	assert_true(warned("on its SMT sibling"));
}

/* hwloc's own export of a synthetic machine, with a NIC put into each socket: what a recorded
 * topology of such a box looks like. */
static void make_epyc(void)
{
	static const char nic[] =
		"<object type=\"Bridge\" gp_index=\"%d\" bridge_type=\"0-1\" depth=\"0\" "
		"bridge_pci=\"0000:[%02x-%02x]\">\n"
		"<object type=\"PCIDev\" gp_index=\"%d\" pci_busid=\"0000:%02x:00.0\" "
		"pci_type=\"0200 [15b3:101d] [15b3:0016] 00\" pci_link_speed=\"0.000000\">\n"
		"<object type=\"OSDev\" gp_index=\"%d\" name=\"enp%ds0\" osdev_type=\"2\"/>\n"
		"</object>\n</object>\n";
	hwloc_topology_t topology;
	char *text;
	int length;
	char *from;
	size_t used = 0;
	int depth = 0;
	int package = 0;

	assert_int_equal(hwloc_topology_init(&topology), 0);
	assert_int_equal(
		hwloc_topology_set_synthetic(
			topology, "Package:2 [NUMANode(memory=412316860416)] L3:8 Core:8 PU:2"),
		0);
	assert_int_equal(hwloc_topology_load(topology), 0);
	assert_int_equal(hwloc_topology_export_xmlbuffer(topology, &text, &length, 0), 0);
	/* Line by line: before the end of each package's element comes its NIC. */
	for (char *line = strtok_r(text, "\n", &from); line != NULL;
	     line = strtok_r(NULL, "\n", &from)) {
		const char *word = line + strspn(line, " ");
		bool opens = strncmp(word, "<object", 7) == 0 && strstr(word, "/>") == NULL;
		int bus = package == 0 ? 0x01 : 0x81;

		if (strncmp(word, "</object>", 9) == 0) {
			/* Machine is the first level, packages the second. */
			if (depth == 2) {
				used += (size_t)snprintf(xml + used, sizeof xml - used, nic,
							 9000 + package * 10, bus - 1, bus + 14,
							 9001 + package * 10, bus,
							 9002 + package * 10, bus);
				package++;
			}
			depth--;
		}
		depth += opens;
		used += (size_t)snprintf(xml + used, sizeof xml - used, "%s\n", line);
	}
	assert_int_equal(package, 2);
	hwloc_free_xmlbuffer(topology, text);
	hwloc_topology_destroy(topology);
}

static void two_sockets_with_a_nic_each(void **state)
{
	struct gyr_topo_source source = { .xml_text = xml };
	char printed[20000] = "";
	FILE *to = fmemopen(printed, sizeof printed, "w");

	(void)state;
	make_epyc();
	load("epyc-2socket");
	make_plan(&source);
	assert_int_equal(plan.package_count, 2);
	assert_int_equal(plan.core_count, 128);
	assert_int_equal(plan.node_count, 2);
	assert_int_equal(plan.gates[0].node, 0);
	assert_int_equal(plan.gates[1].node, 1);
	assert_whole_cores();
	/* Each gate lane on its NIC's node, the sequencer beside gate 0, shards with their lanes.
	 */
	assert_int_equal(lane_named("gate0")->node, 0);
	assert_int_equal(lane_named("gate1")->node, 1);
	assert_int_equal(lane_named("order")->node, 0);
	assert_int_equal(lane_named("verify9")->node, 1);
	assert_int_equal(lane_named("exec0")->node, 0);
	assert_int_equal(lane_named("exec3")->node, 1);
	assert_int_equal(gyr_topo_node_of(&plan, &conf, GYR_CONF_STAGE_GATE, 1), 1);
	assert_int_equal(plan.warning_count, 0);
	/* Memory follows the lanes: both nodes have shards, node 0 the log besides. */
	for (unsigned i = 0; i < plan.memory_row_count; i++) {
		const struct gyr_topo_memory_row *row = &plan.memory[i];

		if (strncmp(row->name, "exec 2", 6) == 0 || strncmp(row->name, "gate 1", 6) == 0)
			assert_int_equal(row->node, 1);
		if (strncmp(row->name, "exec 1", 6) == 0 || strcmp(row->name, "log ring") == 0)
			assert_int_equal(row->node, 0);
	}
	assert_int_equal(plan.nodes[0].memory_planned + plan.nodes[1].memory_planned,
			 plan.memory_size);
	assert_true(plan.nodes[1].memory_planned > plan.memory_size / 8);
	gyr_topo_print(&plan, &conf, to);
	(void)fclose(to);
	assert_non_null(strstr(printed, "(0000:81:00.0 on node 1)"));
	assert_non_null(strstr(printed, "order           data spin"));
}

/* A gate lane forced to the wrong socket is told so; a NIC is found by its interface too. */
static void far_gates_are_noticed(void **state)
{
	struct gyr_topo_source source = { .xml_text = xml };

	(void)state;
	make_epyc();
	load("epyc-2socket");
	(void)snprintf(conf.gates[1].device, sizeof conf.gates[1].device,
		       "dpdk:af_xdp=enp129s0,address=10.0.0.1/24");
	conf.lanes[10].place = GYR_CONF_PLACE_NODE;
	conf.lanes[10].node = 0;
	assert_string_equal(conf.lanes[10].name, "gate1");
	make_plan(&source);
	assert_int_equal(plan.gates[1].node, 1);
	assert_true(warned("gate 1 is polled on node 0, its device is on node 1"));
}

static void what_does_not_exist_is_an_error(void **state)
{
	struct gyr_topo_source source = { .synthetic = "Package:1 [NUMANode] Core:4 PU:1" };

	(void)state;
	load("vm-2core");
	conf.lanes[0].cpu = 4;
	assert_int_equal(gyr_topo_plan(&plan, &conf, &source), -GYR_ERR_CONFIG);
	assert_string_equal(gyr_err_cause(), "lane data0 wants CPU 4, the machine has 4 CPUs");
	conf.lanes[0].cpu = GYR_CONF_CPU_AUTO;
	conf.lanes[0].place = GYR_CONF_PLACE_NODE;
	conf.lanes[0].node = 1;
	assert_int_equal(gyr_topo_plan(&plan, &conf, &source), -GYR_ERR_CONFIG);
	source.synthetic = "Banana:4";
	assert_int_equal(gyr_topo_plan(&plan, &conf, &source), -GYR_ERR_UNSUPPORTED);
	source.synthetic = NULL;
	source.xml_path = "/nowhere.xml";
	assert_int_equal(gyr_topo_plan(&plan, &conf, &source), -GYR_ERR_UNSUPPORTED);
}

/* The files for small machines have a plan on two cores without a word of warning. */
static void small_machines(void **state)
{
	static const char *const names[] = { "loopback", "vm-2core", "vm-2core-split" };
	struct gyr_topo_source source = { .synthetic = "Package:1 [NUMANode(memory=8589934592)] "
						       "Core:2 PU:1" };

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(names); i++) {
		load(names[i]);
		make_plan(&source);
		if (strcmp(names[i], "vm-2core") == 0)
			assert_int_equal(plan.warning_count, 0);
		assert_int_equal(plan.nodes[0].memory_planned, plan.memory_size);
	}
	/* Two data lanes on two cores leave the system none: that is said. */
	assert_true(warned("no CPU is left to the system"));
}

static void this_machine_has_a_plan(void **state)
{
	(void)state;
	load("loopback");
	make_plan(NULL);
	assert_true(plan.cpu_count > 0);
	/* The embedded default is pinned nowhere: its lanes run wherever the process may. */
	assert_int_equal(plan.lanes[0].cpu, -1);
	conf.lanes[0].place = GYR_CONF_PLACE_ANY;
	make_plan(NULL);
	assert_true(plan.lanes[0].cpu >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_cores_with_siblings),
		cmocka_unit_test(too_few_cores),
		cmocka_unit_test(siblings_before_sharing),
		cmocka_unit_test(two_sockets_with_a_nic_each),
		cmocka_unit_test(far_gates_are_noticed),
		cmocka_unit_test(what_does_not_exist_is_an_error),
		cmocka_unit_test(small_machines),
		cmocka_unit_test(this_machine_has_a_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
