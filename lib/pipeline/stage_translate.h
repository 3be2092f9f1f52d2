/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translate stage, on a cold lane: makes streams (tier 1 of the EVM) of the code that execution
 * asks for, and publishes them. What execution asks for comes over a ring; where that is full,
 * execution asks again once the code has run hotter. One piece a poll, which takes some 100 us at
 * most. Where the pool is full of streams that a frame may still run, the request waits.
 *
 * Nothing here can change an outcome: a stream only says how fast code runs.
 */
#ifndef PIPELINE_STAGE_TRANSLATE_H
#define PIPELINE_STAGE_TRANSLATE_H

#include "gyr_evm_streams.h"
#include "gyr_exec.h"
#include "gyr_ring.h"
#include "gyr_stage.h"

/* How long a request waits for room before it tries again. */
#define TRANSLATE_RETRY_NS 1000000u

struct stage_translate {
	/* Set by the owner before the first poll; execution's machine is a reader of the streams.
	 */
	struct gyr_evm_streams *streams;
	struct gyr_spsc *wanted; /* struct gyr_exec_wanted, from execution */

	uint64_t retry_at_ns; /* not sooner */
	/* Written by this lane; any thread reads them relaxed. */
	_Atomic uint64_t translated;
	_Atomic uint64_t refused;
	_Atomic uint64_t evicted;
	_Atomic uint64_t bytes_in_use;
};

extern const struct gyr_stage_ops stage_translate_ops;

#endif
