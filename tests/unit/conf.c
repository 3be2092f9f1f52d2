/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_conf.h"
#include "gyr_err.h"

#define HEAD  "chain:\n  genesis: g.json\n"
#define GATE  "gates:\n  - device: udp:port=9\n"
#define DATA  "  - {name: d, stages: [gate 0, verify 0, sequence, wal, exec 0]}\n"
#define COLD  "  - {name: c, kind: cold, stages: [root, checkpoint, prepare, journal, metrics]}\n"
#define LANES "lanes:\n" DATA COLD
#define WORKS HEAD GATE LANES

static struct gyr_conf conf;

static int parse(const char *text)
{
	return gyr_conf_parse(&conf, text, strlen(text), "dir/x.yaml");
}

static void smallest_file_gets_the_defaults(void **state)
{
	static struct gyr_conf defaults;

	(void)state;
	if (parse(WORKS) != 0)
		fail_msg("%s", gyr_err_cause());
	assert_string_equal(conf.chain.genesis, "dir/g.json");
	assert_string_equal(conf.data.directory, "dir/data");
	assert_int_equal(conf.log.ring_size, 64u << 20);
	assert_int_equal(conf.sequence.mini_block_time, 1000000);
	assert_int_equal(conf.recover.shadow_every, 1000);
	assert_int_equal(conf.gate_count, 1);
	assert_string_equal(conf.gates[0].device, "udp:port=9");
	assert_int_equal(conf.lane_count, 2);
	assert_int_equal(conf.verify_count, 1);
	assert_int_equal(conf.lanes[0].stage_count, 5);
	assert_int_equal(conf.lanes[0].stages[4].kind, GYR_CONF_STAGE_EXEC);
	assert_int_equal(conf.lanes[0].cpu, GYR_CONF_CPU_AUTO);
	assert_int_equal(conf.lanes[0].kind, GYR_CONF_LANE_DATA);
	assert_int_equal(conf.lanes[1].kind, GYR_CONF_LANE_COLD);
	assert_ptr_equal(gyr_conf_lane_of(&conf, GYR_CONF_STAGE_WAL, 0), &conf.lanes[0]);
	assert_null(gyr_conf_lane_of(&conf, GYR_CONF_STAGE_VERIFY, 1));
	gyr_conf_default(&defaults);
	assert_memory_equal(&defaults.log, &conf.log, sizeof conf.log);
	assert_memory_equal(&defaults.sessions, &conf.sessions, sizeof conf.sessions);
}

static void values_of_every_kind_are_read(void **state)
{
	(void)state;
	if (parse("chain: {genesis: /abs/g.json, id: 7}\n"
		  "memory: {hugepages: must, lock: no, size_max: 1.5GiB}\n"
		  "sequence: {mini_block_time: 500us, block_time: 2s, block_gas: 30M,\n"
		  "  fee_recipient: \"0x00000000000000000000000000000000000000Ff\"}\n"
		  "journal: {format: json, file: log.txt}\n" GATE
		  "lanes:\n  - {name: d, cpu: 3, idle: spin, priority: 9, turn_time_max: 1ms, "
		  "stages: [gate, verify 0, verify 1, sequence, wal, exec]}\n" COLD) != 0)
		fail_msg("%s", gyr_err_cause());
	assert_string_equal(conf.chain.genesis, "/abs/g.json");
	assert_int_equal(conf.chain.id, 7);
	assert_int_equal(conf.memory.hugepages, GYR_CONF_HUGEPAGES_MUST);
	assert_false(conf.memory.lock);
	assert_int_equal(conf.memory.size_max, 3ull << 29);
	assert_int_equal(conf.sequence.mini_block_time, 500000);
	assert_int_equal(conf.sequence.block_gas, 30000000);
	assert_int_equal(conf.sequence.fee_recipient.bytes[19], 0xff);
	assert_string_equal(conf.journal.file, "dir/log.txt");
	assert_int_equal(conf.lanes[0].cpu, 3);
	assert_int_equal(conf.lanes[0].priority, 9);
	assert_int_equal(conf.lanes[0].idle, GYR_CONF_IDLE_SPIN);
	assert_int_equal(conf.verify_count, 2);
}

/* Every way to go wrong, with the place and the field that the message must name. */
static void wrong_files_say_where_and_what(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} rows[] = {
		{ "", "dir/x.yaml:1:1: the file is empty" },
		{ "[1, 2]\n", "dir/x.yaml:1:1: the file: must hold 'name: value' lines" },
		{ "chain: {genesis: g\n", "dir/x.yaml:2:1: not YAML: " },
		{ WORKS "log:\n\tring_size: 1GiB\n", "dir/x.yaml:9:1: not YAML: found character" },
		{ WORKS "log:\n  ring_sise: 64MiB\n",
		  "dir/x.yaml:9:3: log.ring_sise: there is no such field; did you mean "
		  "'ring_size'?" },
		{ WORKS "bananas: 3\n", "dir/x.yaml:8:1: bananas: there is no such field" },
		{ WORKS "log:\n  driver: uring\n  driver: pwrite\n",
		  "dir/x.yaml:10:3: log.driver: stands here a second time" },
		{ WORKS "log: 7\n", "dir/x.yaml:8:6: log: must hold 'name: value' lines" },
		{ WORKS "log:\n  ring_size: [1]\n",
		  "dir/x.yaml:9:14: log.ring_size: must be a single value" },
		{ WORKS "log:\n  ring_size: 64MB\n",
		  "dir/x.yaml:9:14: log.ring_size: '64MB' is not a size such as 64MiB" },
		{ WORKS "log:\n  ring_size: 48MiB\n",
		  "dir/x.yaml:9:14: log.ring_size: 48MiB is not a power of two" },
		{ WORKS "log:\n  ring_size: 1KiB\n",
		  "dir/x.yaml:9:14: log.ring_size: 1KiB is out of bounds: 2.00 MiB to 64.0 GiB" },
		{ WORKS "log:\n  undurable_time_max: 5\n",
		  "dir/x.yaml:9:23: log.undurable_time_max: '5' is not a duration such as 100us" },
		{ WORKS "log:\n  undurable_size_max: 60MiB\n",
		  "dir/x.yaml:9:23: log.undurable_size_max: must be at most half of "
		  "log.ring_size" },
		{ WORKS "memory: {hugepages: maybe}\n",
		  "dir/x.yaml:8:21: memory.hugepages: 'maybe' is none of: try, never, must" },
		{ WORKS "memory: {lock: 1}\n",
		  "dir/x.yaml:8:16: memory.lock: '1' is neither yes nor no" },
		{ WORKS "sequence: {fee_recipient: 0x12}\n",
		  "dir/x.yaml:8:27: sequence.fee_recipient: '0x12' is not an address" },
		{ WORKS "sequence: {block_time: 1500ms}\n",
		  "dir/x.yaml:8:24: sequence.block_time: must be whole seconds" },
		{ WORKS "chain2: &a {}\n", "dir/x.yaml:8:1: chain2: there is no such field" },
		{ GATE LANES, "dir/x.yaml:1:1: chain.genesis: must be given: geth's genesis.json" },
		{ HEAD LANES, "dir/x.yaml:4:24: lanes[0].stages[0]: there is no gate 0: there are "
			      "0" },
		{ HEAD "gates: []\nlanes: []\n",
		  "dir/x.yaml:3:8: gates: must name at least one device" },
		{ HEAD "gates: udp\n", "dir/x.yaml:3:8: gates: must be a list" },
		{ HEAD "gates:\n  - {}\n" LANES, "dir/x.yaml:4:5: gates[0].device: must be given" },
		{ HEAD GATE "lanes:\n" DATA,
		  "dir/x.yaml:6:3: lanes: no lane has the stage root 0" },
		{ HEAD GATE "lanes:\n" DATA DATA COLD,
		  "dir/x.yaml:7:12: lanes[1].name: 'd' is another lane's name" },
		{ HEAD GATE "lanes:\n  - {name: d, stages: [gate 0, verfy 0]}\n" COLD,
		  "dir/x.yaml:6:32: lanes[0].stages[1]: 'verfy 0' is no stage" },
		{ HEAD GATE "lanes:\n  - {name: d, stages: [gate x]}\n",
		  "dir/x.yaml:6:24: lanes[0].stages[0]: 'gate x' has no good number" },
		{ HEAD GATE "lanes:\n  - {name: d, stages: [sequence, verify 0]}\n" COLD,
		  "dir/x.yaml:6:34: lanes[0].stages[1]: verify stands after sequence" },
		{ HEAD GATE "lanes:\n  - {name: d, stages: [gate 0, gate 0]}\n" COLD,
		  "dir/x.yaml:6:32: lanes[0].stages[1]: gate 0 is on a lane already" },
		{ HEAD GATE "lanes:\n" DATA "  - {name: c, stages: [root]}\n",
		  "dir/x.yaml:7:24: lanes[1].stages[0]: root belongs on a cold lane" },
		{ HEAD GATE "lanes:\n  - {name: d, place: shared, stages: [gate 0]}\n",
		  "dir/x.yaml:6:22: lanes[0].place: a data lane without a CPU of its own must have "
		  "idle: park" },
		{ HEAD GATE "lanes:\n  - {name: d}\n",
		  "dir/x.yaml:6:5: lanes[0].stages: lane d has no stage" },
		{ HEAD GATE "lanes:\n  - {name: d, cpu: 1, stages: [gate 0]}\n"
			    "  - {name: e, cpu: 1, stages: [verify 0]}\n",
		  "dir/x.yaml:7:20: lanes[1].cpu: CPU 1 is lane d's" },
		{ HEAD GATE "lanes:\n  - {name: sixteen-letters-, stages: [gate 0]}\n",
		  "dir/x.yaml:6:12: lanes[0].name: is longer than 15 bytes" },
		{ HEAD GATE "lanes:\n  - {name: d, stages: [g,g,g,g,g,g,g,g,g,g,g,g,g,g,g,g,g,g,g,"
			    "g,g,g,g,g,g]}\n",
		  "dir/x.yaml:6:23: lanes[0].stages: has 25 entries, at most 24 fit" },
	};
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		int error = parse(rows[i].text);

		if (error == -GYR_ERR_CONFIG &&
		    strncmp(gyr_err_cause(), rows[i].said, strlen(rows[i].said)) == 0)
			continue;
		print_error("row %zu: error %d\n  said   %s\n  wanted %s\n", i, error,
			    gyr_err_cause(), rows[i].said);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void limits_hold(void **state)
{
	static char text[GYR_CONF_FILE_SIZE_MAX + 2];

	(void)state;
	memset(text, '#', sizeof text - 1);
	assert_int_equal(gyr_conf_parse(&conf, text, sizeof text - 1, "x"), -GYR_ERR_CONFIG);
	assert_int_equal(gyr_conf_load(&conf, "/nowhere/x.yaml"), -GYR_ERR_IO);
	assert_non_null(strstr(gyr_err_cause(), "/nowhere/x.yaml"));
}

/* The files that the project ships are all good, and are listed here by name. */
static void shipped_files_load(void **state)
{
	static const char *const names[] = { "loopback", "vm-2core", "vm-2core-split", "box-8core",
					     "epyc-2socket" };
	const char *root = getenv("GYR_SOURCE_ROOT");

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(names); i++) {
		char path[1024];

		(void)snprintf(path, sizeof path, "%s/hwconfig/%s.yaml", root == NULL ? "." : root,
			       names[i]);
		if (gyr_conf_load(&conf, path) != 0)
			fail_msg("%s", gyr_err_cause());
	}
}

/* The printed reference has every field with a meaning. */
static void reference_is_whole(void **state)
{
	static char text[20000];
	FILE *to = fmemopen(text, sizeof text, "w");

	(void)state;
	gyr_conf_print_fields(to);
	(void)fclose(to);
	assert_non_null(strstr(text, "log.undurable_time_max         500ms"));
	assert_non_null(strstr(text, "chain.genesis                  (required)"));
	assert_non_null(strstr(text, "lanes[].idle                   backoff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smallest_file_gets_the_defaults),
		cmocka_unit_test(values_of_every_kind_are_read),
		cmocka_unit_test(wrong_files_say_where_and_what),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(shipped_files_load),
		cmocka_unit_test(reference_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
