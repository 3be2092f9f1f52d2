/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What execution says of each transaction of the log, in log order: an item of the broadcast ring
 * that gates and feed read.
 */
#ifndef GYR_EXEC_RESULT_H
#define GYR_EXEC_RESULT_H

#include "gyr_base.h"

struct gyr_exec_result {
	uint64_t position; /* of the transaction's record */
	uint64_t arrival;
	uint64_t block_number;
	uint64_t gas_used;
	struct gyr_hash logs_hash; /* keccak256 of the RLP list of logs */
	uint32_t mini_block;	   /* index within the EVM block */
	uint8_t verdict; /* 0, or GYR_VERDICT_SKIP_*: it is in the log, not in the block */
	uint8_t status;	 /* of the receipt */
	uint16_t reserved;
};

/* The same for the checkpoint, which keeps it for as long as a resubmission is answered again. */
struct gyr_exec_outcome {
	uint64_t gas_used;
	uint8_t verdict;
	uint8_t status;
	uint8_t reserved[6];
};

_Static_assert(sizeof(struct gyr_exec_outcome) == 16, "a format");

#endif
