/* SPDX-License-Identifier: Apache-2.0 */
/* The sequence stage: gyr_sequence on a lane. */
#ifndef PIPELINE_STAGE_SEQUENCE_H
#define PIPELINE_STAGE_SEQUENCE_H

#include "fault.h"
#include "gyr_sequence.h"
#include "gyr_stage.h"
#include "watch.h"

struct stage_sequence {
	struct gyr_sequence *sequence;
	struct pipeline_fault *fault;
	struct gyr_journal_writer *journal; /* may be NULL */
	struct watch_sequence watch;
};

extern const struct gyr_stage_ops stage_sequence_ops;

#endif
