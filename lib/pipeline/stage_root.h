/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root stage, on a cold lane: computes state root, header and hash of each finished block
 * beside the execution of the next, hands its writes to the checkpoints, and gives hash and output
 * back to execution.
 */
#ifndef PIPELINE_STAGE_ROOT_H
#define PIPELINE_STAGE_ROOT_H

#include "fault.h"
#include "gyr_exec.h"
#include "gyr_metric.h"
#include "gyr_stage.h"
#include "gyr_stf_root.h"
#include "stage_checkpoint.h"

struct stage_root {
	struct gyr_stf_root *root;
	struct pipeline_fault *fault;
	struct gyr_spsc *blocks; /* struct gyr_exec_block, from execution */
	struct gyr_spsc *rooted; /* struct gyr_exec_rooted, to execution */
	struct stage_checkpoint *checkpoint;
	struct gyr_hash parent_hash;
	bool busy;		       /* a block has begun */
	bool done;		       /* and its roots are made */
	bool taken;		       /* and it is with the checkpoints, but not given back yet */
	_Atomic uint64_t block_number; /* the last one rooted; any thread, relaxed */
	_Atomic uint64_t duration_ns;  /* of the last one */
	uint64_t begun_ns;
	struct gyr_metric_histogram *root_ns; /* takes how long each took; may be NULL */
};

extern const struct gyr_stage_ops stage_root_ops;

/* Without a lane, in recovery: computes every block that waits. -GYR_ERR_LIMIT when tries are full.
 */
GYR_MUST_USE int stage_root_run(struct stage_root *stage);

#endif
