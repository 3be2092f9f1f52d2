/* SPDX-License-Identifier: Apache-2.0 */
/* The exec stage: gyr_exec on a lane. */
#ifndef PIPELINE_STAGE_EXEC_H
#define PIPELINE_STAGE_EXEC_H

#include "fault.h"
#include "gyr_exec.h"
#include "gyr_metric.h"
#include "gyr_stage.h"
#include "watch.h"

struct stage_exec {
	struct gyr_exec *exec;
	struct pipeline_fault *fault;
	struct gyr_metric_exec *metric;	    /* may be NULL */
	struct gyr_journal_writer *journal; /* may be NULL */
	struct watch_exec watch;
};

extern const struct gyr_stage_ops stage_exec_ops;

#endif
