/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

#include "gyr_err.h"

/* Takes note that the log decides this arrival; those passed over are lost until they turn up. */
static int decided(struct gyr_sequence *sequence, uint64_t arrival)
{
	GYR_TRY(gyr_arrivals_decide(&sequence->arrivals, arrival));
	sequence->arrival_next = sequence->arrivals.next;
	return 0;
}

int gyr_sequence_resume(struct gyr_sequence *sequence, uint64_t arrival_next,
			struct gyr_slice undecided, uint64_t mini_number)
{
	gyr_assert(!sequence->replayed_any);
	GYR_TRY(gyr_arrivals_resume(&sequence->arrivals, arrival_next, undecided));
	sequence->arrival_next = arrival_next;
	sequence->block.mini_number = mini_number;
	sequence->replayed_any = true;
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
			sequence->arrivals.next = record->arrival + 1;
		else if (record->position > 0)
			sequence->arrivals.next = record->arrival;
		sequence->arrival_next = sequence->arrivals.next;
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
	uint64_t *lost = sequence->arrivals.undecided;
	uint32_t count = gyr_arrivals_list(lost, &sequence->arrivals);

	for (uint32_t i = 0; i < count; i++) {
		struct gyr_log_stamp stamp = { .arrival = lost[i], .receive_utc_ns = utc_ns };
		struct gyr_log_reject *body = gyr_log_reserve(sequence->log, GYR_LOG_REJECT,
							      sizeof *body);

		if (body == NULL)
			GYR_FAIL(GYR_ERR_LIMIT, "no room in the log ring at start-up");
		*body = (struct gyr_log_reject){ .verdict = GYR_VERDICT_LOST_AT_RESTART };
		(void)gyr_log_publish(sequence->log, &stamp);
		gyr_metric_add(&sequence->counters.rejected, 1);
		gyr_metric_add(&sequence->counters.rejected_by[GYR_VERDICT_LOST_AT_RESTART], 1);
	}
	sequence->arrivals.count = 0;
	sequence->arrivals.marked_count = 0;
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
