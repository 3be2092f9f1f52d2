/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

static enum gyr_verdict decide_nonce(const struct gyr_sequence *sequence,
				     const struct gyr_account_view *account,
				     const struct sequence_item *item)
{
	uint64_t nonce = account == NULL ? 0 : account->nonce;

	if (item->txn->nonce < nonce)
		return GYR_VERDICT_NONCE_TOO_LOW;
	if (item->txn->nonce == nonce)
		return GYR_VERDICT_OK;
	if (gyr_park_find(&sequence->park, &item->finding->sender, item->txn->nonce) != NULL)
		return GYR_VERDICT_NONCE_OCCUPIED;
	return GYR_VERDICT_NONCE_GAP;
}

/* What may make a new account is refused while the account table is at its high water. */
static bool may_create(const struct gyr_sequence *sequence, const struct gyr_txn *txn)
{
	return txn->is_create || txn->data.length > 0 || txn->authorization_count > 0 ||
	       gyr_admission_find(&sequence->admission, &txn->to) == NULL;
}

static enum gyr_verdict decide_funds(const struct gyr_sequence *sequence, struct gyr_u256 *cost,
				     const struct gyr_account_view *account,
				     const struct gyr_txn *txn)
{
	struct gyr_u256 bound = gyr_u256_from_u64(sequence->block.base_fee_bound);
	enum gyr_verdict verdict;

	if (gyr_u256_less(&txn->max_fee, &bound))
		return GYR_VERDICT_FEE_BELOW_FLOOR;
	verdict = gyr_txn_max_cost(cost, txn);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (account == NULL || !gyr_account_covers(account, cost))
		return GYR_VERDICT_BALANCE_TOO_LOW;
	return GYR_VERDICT_OK;
}

static enum gyr_verdict decide_block(const struct gyr_sequence *sequence, const struct gyr_txn *txn)
{
	const struct gyr_sequence_block *block = &sequence->block;
	const struct gyr_sequence_conf *conf = &sequence->conf;

	if (txn->gas_limit > conf->block_gas_limit - block->gas_reserved ||
	    block->tx_count >= conf->block_tx_max ||
	    txn->raw.length > conf->block_bytes_max - block->byte_count)
		return GYR_VERDICT_BLOCK_FULL;
	if (gyr_admission_at_high_water(&sequence->admission) && may_create(sequence, txn))
		return GYR_VERDICT_ADMISSION_TABLE_FULL;
	return GYR_VERDICT_OK;
}

enum gyr_verdict sequence_decide(struct gyr_sequence *sequence, struct gyr_account_view **account,
				 struct gyr_u256 *cost, const struct gyr_duplicate_entry **again,
				 const struct sequence_item *item, struct sequence_now now)
{
	const struct gyr_parked *parked;
	enum gyr_verdict verdict;

	*again = NULL;
	if (item->finding->verdict != GYR_VERDICT_OK)
		return (enum gyr_verdict)item->finding->verdict;
	*account = gyr_admission_find(&sequence->admission, &item->finding->sender);
	*again = gyr_duplicate_find(&sequence->duplicate, &item->finding->transaction_hash);
	if (*again != NULL)
		return GYR_VERDICT_DUPLICATE;
	if (*account != NULL && (*account)->parked > 0) {
		parked = gyr_park_find_hash(&sequence->park, &item->finding->transaction_hash);
		if (parked != NULL && parked->arrival_number != item->arrival_number)
			return GYR_VERDICT_DUPLICATE;
	}
	if (sequence->stopping)
		return GYR_VERDICT_STOPPING;
	if (item->arrival->expires_utc_ns != 0 && item->arrival->expires_utc_ns <= now.utc_ns)
		return GYR_VERDICT_EXPIRED;
	if (*account != NULL && ((*account)->flags & GYR_VIEW_CODE))
		return GYR_VERDICT_SENDER_HAS_CODE;
	verdict = decide_nonce(sequence, *account, item);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (*account != NULL && ((*account)->flags & (GYR_VIEW_DELEGATED | GYR_VIEW_AUTHORITY)) &&
	    (*account)->in_flight > 0)
		return GYR_VERDICT_DELEGATED_IN_FLIGHT;
	verdict = decide_funds(sequence, cost, *account, item->txn);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if ((*account)->in_flight == UINT16_MAX)
		return GYR_VERDICT_HIGH_WATER;
	if (GYR_UNLIKELY(item->txn->authorization_count > 0)) {
		verdict = sequence_authorities_decide(sequence, item);
		if (verdict != GYR_VERDICT_OK)
			return verdict;
	}
	return decide_block(sequence, item->txn);
}
