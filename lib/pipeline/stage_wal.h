/* SPDX-License-Identifier: Apache-2.0 */
/* The wal and prepare stages: the two sides of gyr_wal, on a data lane and on a cold one. */
#ifndef PIPELINE_STAGE_WAL_H
#define PIPELINE_STAGE_WAL_H

#include "fault.h"
#include "gyr_metric.h"
#include "gyr_stage.h"
#include "gyr_wal.h"
#include "watch.h"

struct stage_wal {
	struct gyr_wal *wal;
	struct gyr_blockdev *device;
	struct pipeline_fault *fault;
	struct gyr_metric_wal *metric;	    /* may be NULL */
	struct gyr_journal_writer *journal; /* the wal lane's; may be NULL */
	struct watch_wal watch;		    /* the wal lane's */
};

extern const struct gyr_stage_ops stage_wal_ops;
extern const struct gyr_stage_ops stage_prepare_ops;

#endif
