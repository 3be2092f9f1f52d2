/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sequencer's own view of accounts: what each could still spend, and its next nonce, counting
 * what is ordered but not executed yet. Execution reports every change over a ring; nothing here is
 * an input of execution, so a lagging view can refuse too much for a moment, never order wrongly.
 *
 * An open-addressing table of 64-byte records in the caller's arena, fixed in size, seeded hash,
 * nothing is ever removed. One thread. At high water (7/8 of account_count_max) new accounts are
 * refused by the caller; a full table is a fatal status.
 */
#ifndef GYR_ADMISSION_H
#define GYR_ADMISSION_H

#include "gyr_u256.h"

#define GYR_VIEW_CODE	   1u  /* has code that is not a delegation: cannot send (EIP-3607) */
#define GYR_VIEW_DELEGATED 2u  /* EIP-7702 delegation: one transaction in flight */
#define GYR_VIEW_USED	   4u  /* the record holds an account */
#define GYR_VIEW_AUTHORITY 8u  /* an EIP-7702 authorization of it is ordered, not executed */
#define GYR_VIEW_SKIPPED   16u /* of what is in flight something was skipped */

/* One account, one cache line. */
struct gyr_account_view {
	struct gyr_address address;
	uint16_t in_flight; /* ordered, not executed */
	uint8_t parked;	    /* waiting for a nonce gap to close */
	uint8_t flags;	    /* GYR_VIEW_* */
	uint64_t nonce;	    /* of the next transaction to be ordered */
	/* Balance as executed, less what ordered transactions reserve. In two's complement: another
	 * transaction may spend from a delegated account below what its own one reserved. */
	struct gyr_u256 available;
};

_Static_assert(sizeof(struct gyr_account_view) == 64, "one cache line");

struct gyr_admission {
	struct gyr_account_view *slots;
	uint64_t mask;
	uint64_t seed[2];
	uint64_t count;
	uint64_t count_max;
	uint64_t high_water;
};

/* Bytes to carve for account_count_max accounts, alignment included. */
size_t gyr_admission_size(uint64_t account_count_max);

/* false: the arena is too small. */
GYR_MUST_USE bool gyr_admission_init(struct gyr_admission *table, struct gyr_arena *arena,
				     uint64_t account_count_max, const uint64_t seed[2]);

/* Brings the record's line near; call it some hundred ns before the find. */
void gyr_admission_prefetch(const struct gyr_admission *table, const struct gyr_address *address);

/* The account, or NULL where it was never seen: nonce 0, nothing to spend. */
struct gyr_account_view *gyr_admission_find(const struct gyr_admission *table,
					    const struct gyr_address *address);

/* The account, made when it is new; NULL when the table is full (the server must stop). */
struct gyr_account_view *gyr_admission_get(struct gyr_admission *table,
					   const struct gyr_address *address);

static inline bool gyr_admission_at_high_water(const struct gyr_admission *table)
{
	return table->count >= table->high_water;
}

/* Whether the account can reserve `amount` now. */
static inline bool gyr_account_covers(const struct gyr_account_view *account,
				      const struct gyr_u256 *amount)
{
	return !gyr_u256_is_negative(&account->available) &&
	       !gyr_u256_less(&account->available, amount);
}

#endif
