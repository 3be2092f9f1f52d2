/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An authorization (EIP-7702) changes the nonce of its authority, and may let others spend from it:
 * what the authority has ordered behind it may be skipped. So an authority has one authorization
 * and, while that is not executed, one transaction in flight. A tuple whose nonce is used up has no
 * effect, now or later, and holds nobody back: or strangers could do that with what its authority
 * signed long ago.
 */
#include "sequence_internal.h"

static bool is_none(const struct gyr_address *address)
{
	static const struct gyr_address none;

	return gyr_address_equal(address, &none);
}

/* Whether the account has executed this nonce: it is below what it had when all was executed. */
static bool is_used_up(const struct gyr_sequence *sequence, const struct gyr_address *authority,
		       uint64_t nonce)
{
	const struct gyr_account_view *account = gyr_admission_find(&sequence->admission,
								    authority);

	return account != NULL && (account->flags & GYR_VIEW_SKIPPED) == 0 &&
	       nonce < account->nonce - account->in_flight;
}

enum gyr_verdict sequence_authorities_decide(const struct gyr_sequence *sequence,
					     const struct sequence_item *item)
{
	if (sequence->authorization_count == GYR_SEQUENCE_AUTHORIZATIONS_MAX)
		return GYR_VERDICT_HIGH_WATER;
	for (uint32_t i = 0; i < item->txn->authorization_count; i++) {
		const struct gyr_account_view *account =
			is_none(&item->authorities[i])
				? NULL
				: gyr_admission_find(&sequence->admission, &item->authorities[i]);

		if (account != NULL && (account->flags & GYR_VIEW_AUTHORITY) != 0)
			return GYR_VERDICT_AUTHORITY_PENDING;
	}
	return GYR_VERDICT_OK;
}

void sequence_authorities_order(struct gyr_sequence *sequence, const struct sequence_item *item,
				uint64_t position)
{
	uint32_t at = sequence->authorization_first + sequence->authorization_count;
	struct gyr_sequence_authorization *entry =
		&sequence->authorizations[at % GYR_SEQUENCE_AUTHORIZATIONS_MAX];
	struct gyr_slice rest = item->txn->authorizations;
	struct gyr_txn_authorization tuple;

	gyr_assert(sequence->authorization_count < GYR_SEQUENCE_AUTHORIZATIONS_MAX &&
		   item->txn->authorization_count <= GYR_SEQUENCE_AUTHORITIES_MAX);
	sequence->authorization_count++;
	entry->position = position;
	entry->count = 0;
	for (uint32_t i = 0; gyr_txn_next_authorization(&tuple, &rest); i++) {
		struct gyr_account_view *account;

		if (is_none(&item->authorities[i]) ||
		    is_used_up(sequence, &item->authorities[i], tuple.nonce))
			continue;
		/* NULL: the table is full; who has no record there can order nothing either */
		account = gyr_admission_get(&sequence->admission, &item->authorities[i]);
		if (account == NULL)
			continue;
		account->flags |= GYR_VIEW_AUTHORITY;
		entry->authorities[entry->count++] = item->authorities[i];
	}
}

void sequence_authorities_executed(struct gyr_sequence *sequence, uint64_t position)
{
	struct gyr_sequence_authorization *entry =
		&sequence->authorizations[sequence->authorization_first %
					  GYR_SEQUENCE_AUTHORIZATIONS_MAX];

	if (sequence->authorization_count == 0 || entry->position != position)
		return;
	for (uint32_t i = 0; i < entry->count; i++)
		gyr_admission_find(&sequence->admission, &entry->authorities[i])->flags &=
			(uint8_t)~GYR_VIEW_AUTHORITY;
	sequence->authorization_first++;
	sequence->authorization_count--;
}
