/* SPDX-License-Identifier: Apache-2.0 */
/* What the sequencer's files share; gyr_sequence.h is the contract. */
#ifndef SEQUENCE_INTERNAL_H
#define SEQUENCE_INTERNAL_H

#include "gyr_metric.h"
#include "gyr_sequence.h"

/* The moment of a poll. */
struct sequence_now {
	uint64_t ns;
	uint64_t utc_ns;
};

/* One arrival on its way to its disposition, from a slot or from the park. */
struct sequence_item {
	const struct gyr_intake_arrival *arrival;
	const struct gyr_intake_finding *finding;
	const struct gyr_txn *txn;
	const struct gyr_address *authorities; /* as many as it has authorizations */
	uint64_t arrival_number;
	uint64_t released_by;
	struct gyr_sequence_gate *gate;
};

/* decide.c: what is to become of an item; with DUPLICATE, *again is the first order or NULL where
 * it is parked; with OK, *cost is what to reserve. NONCE_GAP may still be parked. */
enum gyr_verdict sequence_decide(struct gyr_sequence *sequence, struct gyr_account_view **account,
				 struct gyr_u256 *cost, const struct gyr_duplicate_entry **again,
				 const struct sequence_item *item, struct sequence_now now);

/* dispose.c: each writes to log and event ring, or returns false having changed nothing. */
bool sequence_order(struct gyr_sequence *sequence, struct gyr_account_view *account,
		    const struct gyr_u256 *cost, const struct sequence_item *item, uint64_t now_ns);
bool sequence_reject(struct gyr_sequence *sequence, const struct sequence_item *item,
		     enum gyr_verdict verdict, const struct gyr_duplicate_entry *again);
bool sequence_park(struct gyr_sequence *sequence, struct gyr_account_view *account,
		   const struct sequence_item *item, uint64_t now_ns);

/* authority.c: authorities of what is ordered have one transaction in flight (EIP-7702). */
enum gyr_verdict sequence_authorities_decide(const struct gyr_sequence *sequence,
					     const struct sequence_item *item);
void sequence_authorities_order(struct gyr_sequence *sequence, const struct sequence_item *item,
				uint64_t position);
void sequence_authorities_executed(struct gyr_sequence *sequence, uint64_t position);

/* boundary.c: writes what is due; returns how many, *stalled when the log has no room. */
unsigned sequence_boundaries(struct gyr_sequence *sequence, bool *stalled, struct sequence_now now);
bool sequence_open_block(struct gyr_sequence *sequence, struct sequence_now now,
			 enum gyr_log_reason reason);
bool sequence_close_mini(struct gyr_sequence *sequence, uint64_t utc_ns,
			 enum gyr_log_reason reason);

/* The base fee after `blocks` more blocks at the most (EIP-1559: an eighth per block). */
uint64_t sequence_fee_bound(uint64_t base_fee, uint64_t blocks);

#endif
