/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_wal.h"

/* A flush that failed is never tried again: the server stops, and says so. */
static bool failed(const struct stage_wal *stage, const char *name)
{
	if (GYR_LIKELY(gyr_wal_status(stage->wal) == 0))
		return false;
	if (pipeline_failed(stage->fault) == 0)
		(void)pipeline_fail(stage->fault, name, gyr_wal_explain(stage->wal));
	return true;
}

static unsigned wal_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_wal *stage = self;
	unsigned done;

	(void)budget; /* bounded by the writes in flight */
	done = gyr_wal_poll(stage->wal, turn->now_ns);
	return failed(stage, "wal") ? 0 : done;
}

/* The statistics are the data lane's own: they are published from here. */
static void wal_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_wal *stage = self;
	const struct gyr_wal *wal = stage->wal;
	struct gyr_metric_wal *metric = stage->metric;

	watch_wal(&stage->watch, stage->journal, wal, turn);
	if (metric == NULL)
		return;
	gyr_metric_set(&metric->writes, wal->statistics.write_count);
	gyr_metric_set(&metric->bytes, wal->statistics.write_byte_count);
	gyr_metric_set(&metric->in_flight, wal->tail - wal->head);
	gyr_metric_set(&metric->in_flight_max, wal->statistics.in_flight_max_seen);
	gyr_metric_set(&metric->short_writes, wal->statistics.short_write_count);
	gyr_metric_set(&metric->waits_segment, wal->statistics.wait_segment_count);
	gyr_metric_set(&metric->segments_ready, gyr_wal_segments_ready(wal));
}

static unsigned wal_wait_fds(void *self, int *fds, unsigned fd_count_max)
{
	struct stage_wal *stage = self;
	int fd = gyr_blockdev_wait_fd(stage->device);

	if (fd < 0 || fd_count_max == 0)
		return 0;
	fds[0] = fd;
	return 1;
}

static bool wal_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_wal *stage = self;

	(void)turn;
	return gyr_wal_drained(stage->wal);
}

static unsigned prepare_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_wal *stage = self;

	(void)turn;
	(void)budget; /* one step */
	if (failed(stage, "prepare"))
		return 0;
	return gyr_wal_prepare_poll(stage->wal);
}

const struct gyr_stage_ops stage_wal_ops = {
	.name = "wal",
	.poll = wal_poll,
	.tick = wal_tick,
	.wait_fds = wal_wait_fds,
	.drain = wal_drain,
};

const struct gyr_stage_ops stage_prepare_ops = {
	.name = "prepare",
	.poll = prepare_poll,
};
