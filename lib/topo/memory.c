/* SPDX-License-Identifier: Apache-2.0 */
/*
 * About how much memory each user takes, and on which node. The factors are bytes per item as the
 * modules lay them out today, rounded up; the exact sizes are the modules' own and are printed at
 * start-up.
 */
#include <stdarg.h>
#include <string.h>

#include "gyr_units.h"
#include "plan.h"

#define INTAKE_HEADER_SIZE 192u
#define LARGE_SIZE	   (132u << 10)
#define CHUNK_SIZE	   (132u << 10)
#define SESSION_SIZE	   4096u
#define TRANSLATOR_SIZE	   (4u << 20)
#define KNOWN_SENDER_SIZE  (66u << 10)
#define VERIFY_SIZE	   (4u << 20)
#define ADMISSION_SIZE	   96u
#define DUPLICATE_SIZE	   96u
#define PARK_HEADER_SIZE   512u
#define ACCOUNT_SIZE	   256u
#define SLOT_SIZE	   230u
#define EXEC_FIXED_SIZE	   (400u << 20)
#define TRIE_ACCOUNT_SIZE  330u
#define TRIE_SLOT_SIZE	   310u
#define TRIE_FIXED_SIZE	   (32u << 20)
/* What a block's receipts, write-sets and transactions take grows with its gas: hundredths of a
 * byte per gas, the transactions' bytes up to a limit. */
#define GAS_PERCENT	  64u
#define GAS_BYTES_PERCENT 23u
#define GAS_BYTES_MAX	  (160u << 20)
#define FIXED_SIZE	  (16u << 20)

static void row(struct gyr_topo_plan *plan, int node, uint64_t size, const char *format, ...)
	GYR_PRINTF(4, 5);

static void row(struct gyr_topo_plan *plan, int node, uint64_t size, const char *format, ...)
{
	struct gyr_topo_memory_row *to;
	va_list args;

	plan->memory_size += size;
	for (unsigned i = 0; i < plan->node_count; i++)
		if ((int)plan->nodes[i].os_index == node || (node < 0 && i == 0))
			plan->nodes[i].memory_planned += size;
	if (size == 0 || plan->memory_row_count == GYR_TOPO_MEMORY_ROW_COUNT_MAX)
		return;
	to = &plan->memory[plan->memory_row_count++];
	va_start(args, format);
	(void)vsnprintf(to->name, sizeof to->name, format, args);
	va_end(args);
	to->node = node;
	to->size = size;
}

static void front_rows(struct gyr_topo_plan *plan, const struct gyr_conf *conf)
{
	for (unsigned i = 0; i < conf->gate_count; i++) {
		int node = gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_GATE, i);

		row(plan, node,
		    conf->intake.slot_count * (conf->intake.slot_size + INTAKE_HEADER_SIZE),
		    "gate %u: intake slots", i);
		row(plan, node, conf->intake.large_count * LARGE_SIZE, "gate %u: large buffers", i);
		row(plan, node,
		    conf->sessions.count_max * (conf->sessions.history_size + SESSION_SIZE) +
			    conf->sessions.chunked_count * CHUNK_SIZE,
		    "gate %u: sessions", i);
	}
	for (unsigned i = 0; i < conf->verify_count; i++)
		row(plan, gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_VERIFY, i), VERIFY_SIZE,
		    "verify %u", i);
	if (gyr_conf_lane_of(conf, GYR_CONF_STAGE_KNOWN, 0) != NULL)
		row(plan, gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_VERIFY, 0),
		    conf->recover.known_senders * KNOWN_SENDER_SIZE, "known senders");
}

static uint64_t block_size(const struct gyr_conf *conf)
{
	uint64_t gas = conf->sequence.block_gas;

	return gas / 100 * GAS_PERCENT + gyr_min_u64(gas / 100 * GAS_BYTES_PERCENT, GAS_BYTES_MAX);
}

static void back_rows(struct gyr_topo_plan *plan, const struct gyr_conf *conf)
{
	int node = gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_SEQUENCE, 0);

	row(plan, node, conf->log.ring_size, "log ring");
	/* Twice the accounts: the tables are at most half full. */
	row(plan, node, conf->exec.account_count * 2 * ADMISSION_SIZE, "sequence: accounts");
	row(plan, node, conf->sequence.duplicate_count * 2 * DUPLICATE_SIZE,
	    "sequence: duplicates");
	row(plan, node,
	    conf->sequence.park_count * (conf->sequence.park_size_max + PARK_HEADER_SIZE),
	    "sequence: parked");
	for (unsigned i = 0; i < conf->exec.shards; i++) {
		int shard = gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_EXEC, i);

		row(plan, shard, conf->exec.account_count / conf->exec.shards * ACCOUNT_SIZE,
		    "exec %u: accounts", i);
		row(plan, shard, conf->exec.slot_count / conf->exec.shards * SLOT_SIZE,
		    "exec %u: storage slots", i);
		if (i == 0 && gyr_conf_lane_of(conf, GYR_CONF_STAGE_TRANSLATE, 0) != NULL)
			row(plan, shard, conf->exec.stream_size + TRANSLATOR_SIZE,
			    "streams of hot code");
		row(plan, shard,
		    (conf->exec.code_size + EXEC_FIXED_SIZE + block_size(conf)) / conf->exec.shards,
		    "exec %u: code and blocks", i);
	}
	row(plan, gyr_topo_node_of(plan, conf, GYR_CONF_STAGE_ROOT, 0),
	    conf->exec.account_count * TRIE_ACCOUNT_SIZE + conf->exec.slot_count * TRIE_SLOT_SIZE +
		    TRIE_FIXED_SIZE,
	    "tries");
	row(plan, -1, FIXED_SIZE, "metrics, journal, lanes");
}

void plan_memory(struct gyr_topo_plan *plan, const struct gyr_conf *conf)
{
	char needed[GYR_UNITS_TEXT_MAX];
	char there[GYR_UNITS_TEXT_MAX];

	front_rows(plan, conf);
	back_rows(plan, conf);
	for (unsigned i = 0; i < plan->node_count; i++) {
		const struct gyr_topo_node *node = &plan->nodes[i];

		/* A tenth stays for the system. */
		if (node->memory_size > 0 &&
		    node->memory_planned > node->memory_size - node->memory_size / 10)
			plan_warn(
				plan, "node %u: about %s planned, %s there", node->os_index,
				gyr_units_format(needed, GYR_UNITS_SIZE,
						 (double)node->memory_planned),
				gyr_units_format(there, GYR_UNITS_SIZE, (double)node->memory_size));
	}
	if (conf->memory.size_max > 0 && plan->memory_size > conf->memory.size_max)
		plan_warn(plan, "about %s planned, memory.size_max is %s",
			  gyr_units_format(needed, GYR_UNITS_SIZE, (double)plan->memory_size),
			  gyr_units_format(there, GYR_UNITS_SIZE, (double)conf->memory.size_max));
}
