/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What distinguishes one Ethereum chain from another, as far as execution goes. Plain data, fixed
 * for the life of a chain: it is part of genesis.
 */
#ifndef GYR_CHAIN_H
#define GYR_CHAIN_H

#include "gyr_fork.h"
#include "gyr_u256.h"

#define GYR_CHAIN_NEVER UINT64_MAX

/* A fork is active from the first block that has reached both. */
struct gyr_fork_activation {
	uint64_t number;
	uint64_t timestamp;
};

/* EIP-4844 and EIP-7691; L2 chains leave them as they are. */
struct gyr_blob_schedule {
	uint64_t target;
	uint64_t max;
	uint64_t update_fraction;
};

struct gyr_chain_config {
	uint64_t chain_id;
	struct gyr_fork_activation forks[GYR_FORK_COUNT];

	/* EIP-1559. The base fee never falls below the floor. */
	uint64_t base_fee_initial;
	uint64_t base_fee_floor;
	uint64_t base_fee_change_denominator;
	uint64_t base_fee_elasticity;
	/* Where the base fee goes: nowhere (burnt) unless has_base_fee_recipient. */
	bool has_base_fee_recipient;
	struct gyr_address base_fee_recipient;

	bool blobs_accepted; /* type 3 transactions; refused otherwise */
	struct gyr_blob_schedule blobs_cancun;
	struct gyr_blob_schedule blobs_prague; /* and later */
};

/* Every fork up to Osaka active from genesis, base fee from 1 gwei by EIP-1559, burnt; no blobs. */
struct gyr_chain_config gyr_chain_config_default(uint64_t chain_id);

/* The latest fork that is active in a block. */
enum gyr_fork gyr_chain_fork(const struct gyr_chain_config *config, uint64_t number,
			     uint64_t timestamp);

#endif
