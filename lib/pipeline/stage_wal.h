/* SPDX-License-Identifier: Apache-2.0 */
/* The wal and prepare stages: the two sides of gyr_wal, on a data lane and on a cold one. */
#ifndef PIPELINE_STAGE_WAL_H
#define PIPELINE_STAGE_WAL_H

#include "fault.h"
#include "gyr_stage.h"
#include "gyr_wal.h"

struct stage_wal {
	struct gyr_wal *wal;
	struct gyr_blockdev *device;
	struct pipeline_fault *fault;
};

extern const struct gyr_stage_ops stage_wal_ops;
extern const struct gyr_stage_ops stage_prepare_ops;

#endif
