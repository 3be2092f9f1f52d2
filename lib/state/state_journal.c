/* SPDX-License-Identifier: Apache-2.0 */
#include "state_internal.h"

void gyr_state_tx_begin(struct gyr_state *state)
{
	state->tx_stamp++;
	state->journal_count = 0;
	state->touched_account_count = 0;
	state->touched_slot_count = 0;
	state->transient_count = 0;
	state->refund = 0;
	state->log_count = 0;
	state->log_bytes_used = 0;
	state->code_count_at_tx = state->code_count;
}

static void undo(struct gyr_state *state, const struct gyr_journal_entry *entry)
{
	struct gyr_account *account = &state->accounts[entry->record];
	struct gyr_slot *slot = &state->slots[entry->record];

	switch ((enum gyr_journal_kind)entry->kind) {
	case GYR_JOURNAL_SLOT_VALUE:
		slot->value = entry->old.word;
		slot->journal_at = entry->journal_at;
		break;
	case GYR_JOURNAL_SLOT_WARM:
		slot->tx_flags &= ~(uint32_t)GYR_SLOT_WARM;
		break;
	case GYR_JOURNAL_BALANCE:
		account->balance = entry->old.word;
		break;
	case GYR_JOURNAL_ACCOUNT:
		account->nonce = entry->old.account.nonce;
		account->code = entry->old.account.code;
		account->flags = (uint8_t)entry->old.account.flags;
		account->tx_flags = (uint8_t)entry->old.account.tx_flags;
		break;
	case GYR_JOURNAL_TRANSIENT:
		state->transients[entry->record].value = entry->old.word;
		break;
	}
}

void gyr_state_revert(struct gyr_state *state, const struct gyr_checkpoint *checkpoint)
{
	gyr_assert(checkpoint->journal_count <= state->journal_count);
	while (state->journal_count > checkpoint->journal_count)
		undo(state, &state->journal[--state->journal_count]);
	state->log_count = checkpoint->log_count;
	state->log_bytes_used = checkpoint->log_bytes;
	state->refund = checkpoint->refund;
}

/* The cell of a transient slot: its own, or the free one where it belongs. */
static struct gyr_transient *transient_cell(struct gyr_state *state, uint32_t account,
					    const struct gyr_u256 *key)
{
	uint64_t at = gyr_state_home(gyr_state_slot_hash(state, account, key),
				     state->transient_capacity);

	while (state->transients[at].tx_stamp == state->tx_stamp &&
	       !(state->transients[at].account == account &&
		 gyr_u256_equal(&state->transients[at].key, key)))
		if (++at == state->transient_capacity)
			at = 0;
	return &state->transients[at];
}

struct gyr_u256 gyr_state_transient_load(struct gyr_state *state, const struct gyr_account *account,
					 const struct gyr_u256 *key)
{
	const struct gyr_transient *cell;

	cell = transient_cell(state, gyr_state_account_index(state, account), key);
	return cell->tx_stamp == state->tx_stamp ? cell->value : gyr_u256_from_u64(0);
}

void gyr_state_transient_store(struct gyr_state *state, const struct gyr_account *account,
			       const struct gyr_u256 *key, const struct gyr_u256 *value)
{
	uint32_t owner = gyr_state_account_index(state, account);
	struct gyr_transient *cell = transient_cell(state, owner, key);
	struct gyr_journal_entry *entry;

	if (cell->tx_stamp != state->tx_stamp) {
		if (state->transient_count == state->limits.transient_count_max) {
			state->full = true;
			return;
		}
		state->transient_count++;
		*cell = (struct gyr_transient){ .key = *key,
						.tx_stamp = state->tx_stamp,
						.account = owner };
	}
	entry = gyr_state_record(state, GYR_JOURNAL_TRANSIENT,
				 (uint32_t)(cell - state->transients));
	entry->old.word = cell->value;
	cell->value = *value;
}

struct gyr_evm_log *gyr_state_log(struct gyr_state *state, const struct gyr_address *address,
				  uint32_t topic_count, struct gyr_slice data)
{
	struct gyr_evm_log *log;

	if (state->log_count == state->limits.log_count_max ||
	    data.length > state->limits.log_bytes_max - state->log_bytes_used) {
		state->full = true;
		return NULL;
	}
	log = &state->logs[state->log_count++];
	log->address = *address;
	log->topic_count = topic_count;
	log->data_offset = state->log_bytes_used;
	log->data_length = data.length;
	if (data.length != 0)
		memcpy(state->log_bytes + state->log_bytes_used, data.data, data.length);
	state->log_bytes_used += data.length;
	return log;
}
