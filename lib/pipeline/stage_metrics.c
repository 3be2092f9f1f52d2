/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_metrics.h"

#include "server_internal.h"

#define INTERVAL_NS 100000000u

/* Counters whose struct has the order of the group's list. */
static void copy(_Atomic uint64_t *to, const _Atomic uint64_t *from, size_t size)
{
	for (size_t i = 0; i < size / sizeof *to; i++)
		gyr_metric_set(&to[i], gyr_metric_get(&from[i]));
}

static void label(char *to, const char *name, unsigned index)
{
	char text[GYR_METRIC_LABEL_MAX];

	(void)snprintf(text, sizeof text, "%s %u", name, index);
	gyr_metric_label(to, text);
}

static void publish_gates(struct gyr_server *server, struct gyr_metric_area *area)
{
	for (unsigned i = 0; i < server->conf.gate_count; i++) {
		const struct gate_counters *counters = &server->gates[i].stage->counters;

		label(area->net[i].label, "gate", i);
		label(area->gate[i].label, "gate", i);
		label(area->session[i].label, "gate", i);
		label(area->latency[i].label, "gate", i);
		label(area->reject[i].label, "gate", i);
		copy(&area->net[i].rx_datagrams, &server->gates[i].device.counters.rx_datagrams,
		     sizeof server->gates[i].device.counters);
		copy(&area->gate[i].submissions, &counters->submissions,
		     offsetof(struct gate_counters, rejected_by));
		copy(area->reject[i].verdict, counters->rejected_by, sizeof counters->rejected_by);
	}
}

static void publish_back(struct gyr_server *server, struct gyr_metric_area *area)
{
	const struct gyr_sequence_counters *sequence = &server->sequence->counters;
	unsigned rejects = server->conf.gate_count;

	for (unsigned i = 0; i < server->conf.verify_count; i++) {
		const struct stage_verify *verify = server->verifies[i];

		label(area->verify[i].label, "verify", i);
		copy(&area->verify[i].requests, &verify->counters.requests,
		     sizeof verify->counters);
	}
	if (server->stage_known != NULL) {
		gyr_metric_label(area->known[0].label, "known");
		copy(&area->known[0].asked, &server->stage_known->counters.asked,
		     sizeof server->stage_known->counters);
	}
	gyr_metric_label(area->sequence[0].label, "sequence");
	copy(&area->sequence[0].slots, &sequence->slots,
	     offsetof(struct gyr_sequence_counters, rejected_by));
	if (rejects < GYR_METRIC_REJECT_COUNT_MAX) {
		gyr_metric_label(area->reject[rejects].label, "sequence");
		copy(area->reject[rejects].verdict, sequence->rejected_by,
		     sizeof sequence->rejected_by);
	}
	gyr_metric_label(area->exec[0].label, "0");
	copy(&area->exec[0].transactions, &server->exec->counters.transactions,
	     sizeof server->exec->counters);
	gyr_metric_label(area->wal[0].label, "wal");
	gyr_metric_label(area->block[0].label, "chain");
	gyr_metric_label(area->journal[0].label, "journal");
}

static void publish_server(struct gyr_server *server, struct gyr_metric_area *area)
{
	const struct gyr_clock *clock = server->options.drivers.clock;
	struct gyr_metric_server *to = &area->server[0];
	struct gyr_clock_utc utc = gyr_clock_utc_at(clock, gyr_clock_now_ns(clock));
	uint64_t published = gyr_log_published(server->log);
	uint64_t executed = atomic_load_explicit(&server->log->readers[server->exec_reader].cursor,
						 memory_order_acquire);
	uint64_t durable = gyr_log_durable(server->log);

	gyr_metric_set(&to->epoch, server->recovery.epoch);
	gyr_metric_set(&to->recovery_ns, server->recovery.duration_ns);
	gyr_metric_set(&to->recovered_transactions, server->recovery.transaction_count);
	gyr_metric_set(&to->start_utc_ns, area->header.start_utc_ns);
	gyr_metric_set(&to->log_published, published);
	gyr_metric_set(&to->log_committed, gyr_log_committed(server->log));
	gyr_metric_set(&to->log_durable, durable);
	gyr_metric_set(&to->log_executed, executed);
	gyr_metric_set(&to->block_number, server->recovery.block_number +
						  gyr_metric_get(&server->exec->counters.blocks));
	gyr_metric_set(&to->utc_error_ns, utc.error_ns);
	gyr_metric_set(&to->utc_source, (uint64_t)utc.source);
	gyr_metric_set(&to->memory_huge_bytes, server->mem.bytes_huge);
	gyr_metric_set(&to->memory_plain_bytes, server->mem.bytes_plain);
	gyr_metric_set(&area->wal[0].undurable_bytes,
		       published > durable ? published - durable : 0);
	gyr_metric_set(&area->exec[0].behind_bytes,
		       published > executed ? published - executed : 0);
	gyr_metric_set(&area->block[0].sealed, gyr_metric_get(&server->stage_root.block_number));
}

void stage_metrics_publish(struct gyr_server *server, uint64_t utc_ns)
{
	struct gyr_metric_area *area = server->metric.area;
	unsigned stages = 0;

	publish_gates(server, area);
	publish_back(server, area);
	publish_server(server, area);
	for (unsigned i = 0; i < server->lane_count; i++)
		stages = gyr_lane_publish(server->lanes[i], area, i, stages);
	gyr_metric_set(&area->header.heartbeat_utc_ns, utc_ns);
}

static unsigned metrics_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	(void)self;
	(void)turn;
	(void)budget;
	return 0;
}

static void metrics_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_metrics *stage = self;

	if (turn->now_ns - stage->published_at_ns < INTERVAL_NS)
		return;
	stage->published_at_ns = turn->now_ns;
	stage_metrics_publish(stage->server, turn->utc_ns);
}

const struct gyr_stage_ops stage_metrics_ops = {
	.name = "metrics",
	.poll = metrics_poll,
	.tick = metrics_tick,
};
