/* SPDX-License-Identifier: Apache-2.0 */
/* The server as it is placed and as it speaks: lanes and memory where the plan says, the journal in
 * its file and in the log of errors. */
#include "gyr_test.h"

#include <linux/mempolicy.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gyr_block_pwrite.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_journal_errors.h"
#include "gyr_load.h"
#include "gyr_net_udp.h"
#include "gyr_precompile.h"
#include "gyr_recover_portable.h"
#include "gyr_server.h"
#include "stage_journal.h"

static char folder[] = "/tmp/gyr-server-XXXXXX";
static struct gyr_conf conf;
static struct gyr_topo_plan plan;
static struct gyr_clock utc_clock;

static const struct gyr_netdev_ops *const nets[] = { &gyr_net_udp };
static const struct gyr_blockdev_ops *const blocks[] = { &gyr_block_pwrite };
static const struct gyr_recover_ops *const recovers[] = { &gyr_recover_portable };

static void need(int result)
{
	if (result >= 0)
		return;
	gyr_err_print(stderr, "server");
	fail_msg("error %d", result);
}

static void write_genesis(uint64_t chain_id)
{
	const struct gyr_load_genesis genesis = {
		.chain_id = chain_id,
		.gas_limit = 30000000,
		.base_fee = 1000000000u,
		.balance_ether = 1,
	};
	struct gyr_load_account account = { .address.bytes = { 1, 2, 3 } };
	FILE *file = fopen(conf.chain.genesis, "we");

	assert_non_null(file);
	need(gyr_load_write_genesis(file, &genesis, &account, 1));
	(void)fclose(file);
}

static struct gyr_conf_lane *add_lane(const char *name, bool data, const char *const *stages)
{
	struct gyr_conf_lane *lane = &conf.lanes[conf.lane_count++];

	(void)snprintf(lane->name, sizeof lane->name, "%s", name);
	lane->kind = data ? GYR_CONF_LANE_DATA : GYR_CONF_LANE_COLD;
	lane->idle = GYR_CONF_IDLE_PARK;
	lane->cpu = GYR_CONF_CPU_AUTO;
	lane->spin_turns = 10;
	lane->turn_time_max = 1000000;
	for (; *stages != NULL; stages++)
		for (unsigned kind = 0; kind < GYR_CONF_STAGE_KIND_COUNT; kind++)
			if (strcmp(gyr_conf_stage_name((enum gyr_conf_stage_kind)kind), *stages) ==
			    0)
				lane->stages[lane->stage_count++].kind =
					(enum gyr_conf_stage_kind)kind;
	return lane;
}

/* Two data lanes and two cold ones; tables of the smallest sizes. */
static int before_each(void **state)
{
	static const char *const front[] = { "gate", "verify", NULL };
	static const char *const back[] = { "sequence", "wal", "exec", NULL };
	static const char *const root[] = { "root", NULL };
	static const char *const cold[] = { "checkpoint", "prepare", "journal", "metrics", NULL };
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s && mkdir -p %s/data", folder, folder);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
	gyr_conf_default(&conf);
	(void)snprintf(conf.chain.genesis, sizeof conf.chain.genesis, "%s/genesis.json", folder);
	(void)snprintf(conf.data.directory, sizeof conf.data.directory, "%s/data", folder);
	(void)snprintf(conf.journal.file, sizeof conf.journal.file, "%s/journal", folder);
	(void)snprintf(conf.recover.driver, sizeof conf.recover.driver, "portable");
	conf.recover.known_senders = 0;
	conf.memory.hugepages = GYR_CONF_HUGEPAGES_NEVER;
	conf.memory.lock = false;
	conf.intake.slot_count = 64;
	conf.intake.large_count = 2;
	conf.sequence.block_gas = 30000000;
	conf.sequence.park_count = 64;
	conf.sequence.duplicate_count = 1024;
	conf.log.ring_size = 4u << 20;
	conf.log.segment_size = 4u << 20;
	conf.log.undurable_size_max = 1u << 20;
	conf.exec.account_count = 1024;
	conf.exec.slot_count = 1024;
	conf.exec.code_size = 1u << 20;
	conf.checkpoint.size_max = 64u << 20;
	conf.sessions.count_max = 16;
	conf.sessions.history_size = 64u << 10;
	conf.gate_count = 1;
	(void)snprintf(conf.gates[0].device, sizeof conf.gates[0].device,
		       "udp:address=127.0.0.1,port=%u", 20000 + (unsigned)getpid() % 20000);
	conf.verify_count = 1;
	(void)add_lane("front", true, front);
	(void)add_lane("back", true, back);
	(void)add_lane("root", false, root);
	add_lane("cold", false, cold)->place = GYR_CONF_PLACE_SHARED;
	write_genesis(7);
	return 0;
}

static int open_server(struct gyr_server **server, const struct gyr_topo_plan *of)
{
	struct gyr_server_options options = {
		.conf = &conf,
		.drivers = { .net = nets,
			     .net_count = 1,
			     .block = blocks,
			     .block_count = 1,
			     .recover = recovers,
			     .recover_count = 1,
			     .recover_reference = &gyr_recover_portable,
			     .keccak = &gyr_keccak_portable,
			     .precompile = &gyr_precompile_portable,
			     .clock = &utc_clock },
		.journal = true,
		.plan = of,
	};

	need(gyr_clock_tsc_open(&utc_clock, NULL));
	return gyr_server_open(server, &options);
}

static int node_of(const struct gyr_server *server, const char *region)
{
	const struct gyr_mem *mem = gyr_server_memory(server);

	for (unsigned i = 0; i < mem->region_count; i++)
		if (strcmp(mem->regions[i].name, region) == 0)
			return mem->regions[i].node;
	fail_msg("no region %s", region);
	return -2;
}

/* Two sockets that are not here: each lane's CPU and each region's node are the plan's. */
static void lanes_and_memory_follow_the_plan(void **state)
{
	struct gyr_topo_source source = {
		.synthetic = "Package:2 [NUMANode(memory=8589934592)] Core:4 PU:2",
	};
	struct gyr_server *server;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		conf.lanes[i].place = GYR_CONF_PLACE_NODE;
	conf.lanes[0].node = 1; /* gate and verify */
	conf.lanes[1].node = 0; /* sequence, wal, exec */
	conf.lanes[2].node = 1; /* root */
	need(gyr_topo_plan(&plan, &conf, &source));
	need(open_server(&server, &plan));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(gyr_server_lane(server, i)->options.cpu, plan.lanes[i].cpu);
	assert_true(plan.lanes[0].cpu >= 8 && plan.lanes[1].cpu < 8);
	assert_int_equal(gyr_server_lane(server, 3)->options.cpu, -1);
	for (unsigned cpu = 0; cpu < 16; cpu++)
		assert_int_equal(CPU_ISSET(cpu, gyr_server_lane(server, 3)->options.cpus) != 0,
				 gyr_topo_cpus_has(&plan.shared, cpu));
	assert_int_equal(node_of(server, "intake"), 1);
	assert_int_equal(node_of(server, "sessions"), 1);
	assert_int_equal(node_of(server, "verify"), 1);
	assert_int_equal(node_of(server, "tries"), 1);
	assert_int_equal(node_of(server, "log-ring"), 0);
	assert_int_equal(node_of(server, "accounts"), 0);
	assert_int_equal(node_of(server, "state"), 0);
	gyr_server_close(server);
}

/* This machine: the kernel says that regions are bound, and the threads run where they should. */
static void the_plan_is_carried_out(void **state)
{
	struct gyr_server *server;
	const struct gyr_mem *mem;
	unsigned bound = 0;

	(void)state;
	need(gyr_topo_plan(&plan, &conf, NULL));
	need(open_server(&server, &plan));
	mem = gyr_server_memory(server);
	/* What the plan says of memory is what hugepages are made from: no less than is carved. */
	assert_true(plan.memory_size >= mem->bytes_plain + mem->bytes_huge);
	assert_true(plan.memory_size < 3 * (mem->bytes_plain + mem->bytes_huge));
	for (unsigned i = 0; i < mem->region_count; i++) {
		int mode = -1;

		if (mem->regions[i].node < 0 || syscall(SYS_get_mempolicy, &mode, NULL, 0,
							mem->regions[i].address, MPOL_F_ADDR) < 0)
			continue;
		assert_int_equal(mode, MPOL_BIND);
		bound++;
	}
	if (bound == 0)
		print_message("no memory policy to be seen here\n");
	need(gyr_server_start(server));
	for (unsigned i = 0; i < gyr_server_lane_count(server); i++) {
		cpu_set_t set;

		assert_int_equal(pthread_getaffinity_np(gyr_server_lane(server, i)->thread,
							sizeof set, &set),
				 0);
		if (plan.lanes[i].cpu < 0)
			continue;
		assert_int_equal(CPU_COUNT(&set), 1);
		assert_true(CPU_ISSET((size_t)plan.lanes[i].cpu, &set));
	}
	need(gyr_server_stop(server, 10000000000u));
	gyr_server_close(server);
}

static const char *read_journal(void)
{
	static char text[100000];
	FILE *file = fopen(conf.journal.file, "re");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	text[length] = '\0';
	return text;
}

static void the_journal_tells_start_and_stop(void **state)
{
	struct gyr_server *server;
	const char *text;

	(void)state;
	(void)snprintf(conf.journal.format, sizeof conf.journal.format, "json");
	need(open_server(&server, NULL));
	need(gyr_server_start(server));
	GYR_JOURNAL(gyr_server_journal(server), 1, GYR_JOURNAL_NOTE, "the test speaks {n:u}", 42);
	need(gyr_server_stop(server, 10000000000u));
	gyr_server_close(server);
	text = read_journal();
	assert_non_null(strstr(text, "begins at log position"));
	assert_non_null(strstr(text, "\"text\":\"the test speaks 42\""));
	assert_non_null(strstr(text, "\"n\":42"));
	assert_non_null(strstr(text, "stopped in order"));
}

/* A start that fails is in the log of errors, with its reason. */
static void a_failed_start_is_remembered(void **state)
{
	static struct gyr_journal_error entries[GYR_JOURNAL_ERROR_COUNT_MAX];
	struct gyr_server *server;
	uint64_t lost;

	(void)state;
	need(open_server(&server, NULL));
	gyr_server_close(server);
	write_genesis(8);
	assert_int_equal(open_server(&server, NULL), -GYR_ERR_GENESIS);
	gyr_err_clear();
	assert_int_equal(gyr_journal_errors_read(entries, GYR_JOURNAL_ERROR_COUNT_MAX, &lost,
						 conf.data.directory),
			 1);
	assert_int_equal(entries[0].severity, GYR_JOURNAL_ERROR);
	assert_non_null(strstr(entries[0].text, "the server does not start: "));
}

/* A full disk takes no line; the lane goes on and the log of errors has it. */
static void lines_that_nobody_takes_are_counted(void **state)
{
	static alignas(64) struct stage_journal stage;
	static alignas(64) uint8_t memory[1 << 20];
	struct gyr_journal_writer *writer;

	(void)state;
	memset(&stage, 0, sizeof stage);
	(void)snprintf(conf.journal.file, sizeof conf.journal.file, "/dev/full");
	need(stage_journal_open(&stage, &conf));
	need(stage_journal_open_errors(&stage, conf.data.directory));
	assert_true(stage_journal_ring_size(&stage) <= sizeof memory);
	writer = gyr_journal_writer_add(&stage.journal, memory);
	GYR_JOURNAL(writer, 1, GYR_JOURNAL_ERROR, "nobody reads this");
	stage_journal_flush(&stage, 2);
	assert_true(stage.bytes_lost > 20);
	assert_int_equal(stage.errors.file->entry_count, 1);
	stage_journal_close(&stage, 3);
	stage_journal_close(&stage, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lanes_and_memory_follow_the_plan, before_each),
		cmocka_unit_test_setup(the_plan_is_carried_out, before_each),
		cmocka_unit_test_setup(the_journal_tells_start_and_stop, before_each),
		cmocka_unit_test_setup(a_failed_start_is_remembered, before_each),
		cmocka_unit_test_setup(lines_that_nobody_takes_are_counted, before_each),
	};
	char command[64];
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) != 0 ? 1 : failed; /* NOLINT(cert-env33-c): our own folder */
}
