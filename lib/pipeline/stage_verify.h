/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verify stage: claims runs of published slots of any gate, hashes them (what was signed, and
 * the transaction itself) many at once, recovers their senders in one batch, and publishes its
 * findings. It never waits for company: how many to take of what is pending is the driver's
 * policy. Any number of verifiers work beside each other, each on its own lane or on a shared one.
 */
#ifndef PIPELINE_STAGE_VERIFY_H
#define PIPELINE_STAGE_VERIFY_H

#include "fault.h"
#include "gyr_intake.h"
#include "gyr_keccak.h"
#include "gyr_recover.h"
#include "gyr_sequence.h"
#include "gyr_stage.h"

struct verify_gate {
	struct gyr_intake *intake;
	const uint8_t *pool;
	size_t pool_stride;
};

struct stage_verify {
	/* Set by the owner before the first poll. */
	struct gyr_recover recover;
	const struct gyr_keccak_ops *keccak;
	struct pipeline_fault *fault;
	struct verify_gate gates[GYR_SEQUENCE_GATES_MAX];
	unsigned gate_count;
	unsigned gate_next; /* where the next poll begins: no gate starves */
	uint8_t *scratch;   /* GYR_RECOVER_BATCH_MAX signing payloads of scratch_stride bytes */
	size_t scratch_stride;
	uint8_t *scratch_long; /* one payload of a transaction that lies in the pool */
	size_t scratch_long_size;

	_Atomic uint64_t batches;
	_Atomic uint64_t recovered;
	_Atomic uint64_t invalid;
	_Atomic uint64_t shadow;     /* repeated on the reference */
	_Atomic uint64_t by_size[7]; /* batches of 1, 2, up to 4, 8, 16, 32, 64 */

	struct gyr_slice messages[2 * GYR_RECOVER_BATCH_MAX];
	struct gyr_hash hashes[2 * GYR_RECOVER_BATCH_MAX];
	struct gyr_address senders[GYR_RECOVER_BATCH_MAX];
	struct gyr_recover_request requests[GYR_RECOVER_BATCH_MAX];
};

extern const struct gyr_stage_ops stage_verify_ops;

#endif
