/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

#include "gyr_err.h"

static int lose(struct gyr_sequence *sequence, uint64_t arrival)
{
	if (sequence->lost_count == GYR_SEQUENCE_LOST_MAX)
		GYR_FAIL(GYR_ERR_LIMIT, "the log leaves more than %d arrivals undecided",
			 GYR_SEQUENCE_LOST_MAX);
	sequence->lost[sequence->lost_count++] = arrival;
	return 0;
}

/* Takes note that the log decides this arrival; those passed over are lost until they turn up. */
static int decided(struct gyr_sequence *sequence, uint64_t arrival)
{
	if (arrival >= sequence->arrival_next) {
		for (uint64_t a = sequence->arrival_next; a < arrival; a++)
			GYR_TRY(lose(sequence, a));
		sequence->arrival_next = arrival + 1;
		return 0;
	}
	for (uint32_t i = sequence->lost_count; i-- > 0;)
		if (sequence->lost[i] == arrival) {
			sequence->lost[i] = sequence->lost[--sequence->lost_count];
			return 0;
		}
	/* decided before the part of the log that is still kept: parked then, released here */
	return 0;
}

static void replay_tx(struct gyr_sequence *sequence, const struct gyr_log_record *record)
{
	const struct gyr_log_tx *tx = gyr_log_body(record);
	struct gyr_sequence_block *block = &sequence->block;

	gyr_duplicate_add(&sequence->duplicate, &tx->hash, record->position, record->arrival);
	block->byte_count += gyr_log_tx_raw(record).length;
	block->tx_count++;
	block->mini_tx_count++;
}

static void replay_evm_block(struct gyr_sequence *sequence, const struct gyr_log_evm_block *body)
{
	struct gyr_sequence_block *block = &sequence->block;

	block->number = body->number;
	block->timestamp_s = body->timestamp_s;
	block->byte_count = 0;
	block->tx_count = 0;
	block->mini_count = 0;
	block->mini_tx_count = 0;
}

int gyr_sequence_replay(struct gyr_sequence *sequence, const struct gyr_log_record *record)
{
	struct gyr_sequence_block *block = &sequence->block;

	if (!sequence->replayed_any) {
		/* a record that is no arrival names the highest one before it */
		if (record->kind != GYR_LOG_TX && record->kind != GYR_LOG_REJECT)
			sequence->arrival_next = record->arrival + 1;
		else if (record->position > 0)
			sequence->arrival_next = record->arrival;
		sequence->replayed_any = true;
	}
	switch ((enum gyr_log_kind)record->kind) {
	case GYR_LOG_TX:
		replay_tx(sequence, record);
		return decided(sequence, record->arrival);
	case GYR_LOG_REJECT:
		return decided(sequence, record->arrival);
	case GYR_LOG_MINI_BLOCK: {
		const struct gyr_log_mini_block *body = gyr_log_body(record);

		block->mini_number = body->number + 1;
		block->mini_count = body->index + 1;
		block->mini_tx_count = 0;
		return 0;
	}
	case GYR_LOG_EVM_BLOCK:
		replay_evm_block(sequence, gyr_log_body(record));
		return 0;
	case GYR_LOG_GENESIS:
	case GYR_LOG_EPOCH:
	case GYR_LOG_CONFIG:
	case GYR_LOG_COMMIT:
	case GYR_LOG_L1_DEPOSIT:
	case GYR_LOG_FORCED_TX:
		return 0;
	}
	GYR_FAIL(GYR_ERR_LOG_DAMAGED, "record of unknown kind %u at %llu", record->kind,
		 (unsigned long long)record->position);
}

void gyr_sequence_replay_result(struct gyr_sequence *sequence, const struct gyr_feedback *result)
{
	gyr_duplicate_executed(&sequence->duplicate, result->position, result->verdict,
			       result->status, result->gas_used, result->block_number);
}

int gyr_sequence_load(struct gyr_sequence *sequence, const struct gyr_address *address,
		      uint64_t nonce, const struct gyr_u256 *balance, uint8_t account_flags)
{
	struct gyr_account_view *account = gyr_admission_get(&sequence->admission, address);

	if (account == NULL)
		GYR_FAIL(GYR_ERR_LIMIT, "the state has more than %llu accounts: raise the limit",
			 (unsigned long long)sequence->admission.count_max);
	account->nonce = nonce;
	account->available = *balance;
	account->flags = GYR_VIEW_USED | account_flags;
	return 0;
}

/* Gives every lost arrival its disposition, before anything new is decided. */
static int reject_lost(struct gyr_sequence *sequence, uint64_t utc_ns)
{
	for (uint32_t i = 0; i < sequence->lost_count; i++) {
		struct gyr_log_stamp stamp = { .arrival = sequence->lost[i],
					       .receive_utc_ns = utc_ns };
		struct gyr_log_reject *body = gyr_log_reserve(sequence->log, GYR_LOG_REJECT,
							      sizeof *body);

		if (body == NULL)
			GYR_FAIL(GYR_ERR_LIMIT, "no room in the log ring at start-up");
		*body = (struct gyr_log_reject){ .verdict = GYR_VERDICT_LOST_AT_RESTART };
		(void)gyr_log_publish(sequence->log, &stamp);
		sequence_count(&sequence->counters.rejected);
		sequence_count(&sequence->counters.rejected_by[GYR_VERDICT_LOST_AT_RESTART]);
	}
	sequence->lost_count = 0;
	return 0;
}

int gyr_sequence_start(struct gyr_sequence *sequence, const struct gyr_sequence_executed *executed,
		       uint64_t now_ns, uint64_t utc_ns)
{
	struct sequence_now now = { now_ns, utc_ns };
	struct gyr_sequence_block *block = &sequence->block;

	gyr_assert(executed->block_number == block->number);
	GYR_TRY(reject_lost(sequence, utc_ns));
	block->gas_reserved = executed->gas_used;
	block->base_fee_bound = executed->base_fee;
	block->due_ns = now_ns;
	if (block->number == 0 && !sequence_open_block(sequence, now, GYR_LOG_REASON_START))
		GYR_FAIL(GYR_ERR_LIMIT, "no room in the log ring at start-up");
	if (executed->block_number == 0)
		block->base_fee_bound = executed->base_fee;
	sequence->undurable_since_ns = now_ns;
	return 0;
}
