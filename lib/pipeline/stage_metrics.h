/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics stage, on a cold lane: ten times a second it copies what lanes, gates, verifiers,
 * sequencer and execution have counted into the shared area that `gyrctl` reads, and leaves a sign
 * of life. What is not atomic where it is counted (sessions, the wal's writes) is copied by its own
 * lane's tick.
 */
#ifndef PIPELINE_STAGE_METRICS_H
#define PIPELINE_STAGE_METRICS_H

#include "gyr_metric.h"
#include "gyr_stage.h"

struct gyr_server;

struct stage_metrics {
	struct gyr_server *server;
	uint64_t published_at_ns;
};

extern const struct gyr_stage_ops stage_metrics_ops;

/* Any time by the thread that opens and closes: labels, states, a first sign of life. */
void stage_metrics_publish(struct gyr_server *server, uint64_t utc_ns);

#endif
