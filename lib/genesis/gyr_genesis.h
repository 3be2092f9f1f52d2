/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a chain's genesis from geth's genesis.json: the chain's configuration, the fields of block
 * 0's header, and the accounts to begin with. Two members of `config` are gyr's own, under "gyr":
 * "baseFeeFloor" (wei per gas) and "baseFeeRecipient" (an address; base fees are burnt without it).
 *
 * Errors name file and member: GYR_ERR_IO, GYR_ERR_DATA. Cold, one thread. Limits: memory; a
 * million accounts take some 500 MiB while the file is open.
 */
#ifndef GYR_GENESIS_H
#define GYR_GENESIS_H

#include "gyr_chain.h"

struct gyr_genesis;

/* Of block 0's header, what the file gives. */
struct gyr_genesis_header {
	uint64_t timestamp;
	uint64_t gas_limit;
	uint64_t base_fee; /* 0 where the file gives none */
	struct gyr_u256 difficulty;
	uint8_t nonce[8];
	struct gyr_hash mix_hash;
	struct gyr_address coinbase;
	uint8_t extra[32];
	uint8_t extra_length;
};

/* One account; slices hold until the next call. */
struct gyr_genesis_account {
	struct gyr_address address;
	uint64_t nonce;
	struct gyr_u256 balance;
	struct gyr_slice code;
};

/* Reads and checks the whole file. */
GYR_MUST_USE int gyr_genesis_open(struct gyr_genesis **out, const char *path);
void gyr_genesis_close(struct gyr_genesis *genesis);

const struct gyr_chain_config *gyr_genesis_chain(const struct gyr_genesis *genesis);
const struct gyr_genesis_header *gyr_genesis_header(const struct gyr_genesis *genesis);
uint64_t gyr_genesis_account_count(const struct gyr_genesis *genesis);
uint64_t gyr_genesis_slot_count(const struct gyr_genesis *genesis);

/* Called for each account, then for each of its slots; not 0 ends the walk with that error. */
typedef int gyr_genesis_account_visit(void *context, const struct gyr_genesis_account *account);
typedef int gyr_genesis_slot_visit(void *context, const struct gyr_address *address,
				   const struct gyr_u256 *key, const struct gyr_u256 *value);

GYR_MUST_USE int gyr_genesis_walk(struct gyr_genesis *genesis, gyr_genesis_account_visit *account,
				  gyr_genesis_slot_visit *slot, void *context);

/*
 * A canonical form of the fork schedule and fee rules, for the log's identity: at most `size`
 * bytes; returns the length.
 */
size_t gyr_genesis_schedule(uint8_t *out, size_t size, const struct gyr_chain_config *chain);

#endif
