/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_exec.h"

#include "ahead.h"
#include "gyr_admission.h"
#include "gyr_err.h"
#include "gyr_metric.h"

static int state_full(const struct gyr_exec *exec)
{
	GYR_FAIL(GYR_ERR_LIMIT, "a table of the state is full (%u/1000) in block %llu",
		 gyr_stf_high_water(exec->stf), (unsigned long long)exec->block_number);
}

/* Takes in what the root lane found: block hashes, and outputs to be used again. */
static void take_rooted(struct gyr_exec *exec)
{
	const struct gyr_exec_rooted *rooted;

	while ((rooted = gyr_spsc_peek(exec->rooted)) != NULL) {
		gyr_stf_provide_block_hash(exec->stf, rooted->number, &rooted->block_hash);
		gyr_stf_block_release(exec->stf, rooted->output);
		gyr_spsc_release(exec->rooted);
	}
}

/*
 * Between transactions: no stream is in use, and code that ran hot is asked for. What finds no room
 * in the ring stays with the machine.
 */
static void ask_for_streams(struct gyr_exec *exec)
{
	struct gyr_evm *evm = gyr_stf_evm(exec->stf);
	struct gyr_exec_wanted *item;
	uint32_t code;

	if (exec->wanted == NULL || exec->phase == GYR_EXEC_RUNNING)
		return;
	gyr_evm_quiet(evm);
	while ((item = gyr_spsc_reserve(exec->wanted)) != NULL &&
	       (code = gyr_evm_take_wanted(evm)) != 0) {
		*item = (struct gyr_exec_wanted){ &evm->state->codes[code], evm->rules.fork };
		gyr_spsc_publish(exec->wanted);
	}
}

static uint8_t account_flags(const struct gyr_stf_account *account)
{
	return (uint8_t)((account->has_code ? GYR_VIEW_CODE : 0) |
			 (account->delegated ? GYR_VIEW_DELEGATED : 0));
}

/* Opens the transaction of a record; a skip is complete at once. */
static int begin_transaction(struct gyr_exec *exec, const struct gyr_log_record *record)
{
	const struct gyr_log_tx *body = gyr_log_body(record);
	const struct gyr_txn *txn;
	enum gyr_verdict verdict = exec_parsed(exec, &txn, record);

	if (verdict == GYR_VERDICT_OK)
		verdict = gyr_txn_max_cost(&exec->reserved, txn);
	if (verdict != GYR_VERDICT_OK)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED, "transaction at %llu of the log: %s",
			 (unsigned long long)record->position, gyr_verdict_text(verdict));
	exec->result = (struct gyr_exec_result){
		.position = record->position,
		.arrival = record->arrival,
		.block_number = exec->block_number,
		.mini_block = exec->mini_block,
	};
	exec->done = (struct gyr_feedback){
		.kind = GYR_FEEDBACK_TRANSACTION,
		.address = body->sender,
		.position = record->position,
		.gas_limit = txn->gas_limit,
		.block_number = exec->block_number,
	};
	verdict = gyr_stf_tx_begin(exec->stf, txn, &body->sender);
	if (verdict == GYR_VERDICT_OK) {
		exec->phase = GYR_EXEC_RUNNING;
		return 0;
	}
	exec->result.verdict = (uint8_t)verdict;
	exec->logs = (struct gyr_slice){ NULL, 0 };
	exec->done.verdict = (uint8_t)verdict;
	exec->phase = GYR_EXEC_REPORTING;
	gyr_metric_add(&exec->counters.skipped, 1);
	return 0;
}

/* Runs a slice; at the end the receipt is in result and done. */
static int run_transaction(struct gyr_exec *exec, enum gyr_exec_step *step)
{
	struct gyr_stf_receipt receipt;

	switch (gyr_stf_step(exec->stf, exec->gas_slice)) {
	case GYR_STF_DONE:
		break;
	case GYR_STF_RUNNING:
		*step = GYR_EXEC_AGAIN;
		return 0;
	case GYR_STF_NEEDS_BLOCK_HASH:
		*step = GYR_EXEC_WAIT_ROOT;
		return 0;
	case GYR_STF_FATAL:
		return state_full(exec);
	}
	if (gyr_stf_tx_end(exec->stf, &receipt) != GYR_STF_DONE)
		return state_full(exec);
	exec->result.gas_used = receipt.gas_used;
	exec->result.status = receipt.success;
	exec->result.logs_hash = receipt.logs_hash;
	exec->logs = receipt.log_count == 0 ? (struct gyr_slice){ NULL, 0 } : receipt.logs_encoded;
	exec->done.gas_used = receipt.gas_used;
	exec->done.status = receipt.success;
	exec->block_gas_used = receipt.gas_used_cumulative;
	exec->report_index = 0;
	exec->phase = GYR_EXEC_REPORTING;
	gyr_metric_add(&exec->counters.transactions, 1);
	gyr_metric_add(&exec->counters.gas, receipt.gas_used);
	gyr_metric_add(&exec->counters.failed, !receipt.success);
	return 0;
}

static void change_of(struct gyr_u256 *out, const struct gyr_stf_account *account)
{
	(void)gyr_u256_sub(out, &account->balance, &account->balance_before);
}

/* The sender's own change, with what was reserved for it. */
static void fill_done(struct gyr_exec *exec, const struct gyr_stf_account *sender)
{
	exec->done.nonce = sender->nonce;
	exec->done.account_flags = account_flags(sender);
	change_of(&exec->done.delta, sender);
	(void)gyr_u256_add(&exec->done.delta, &exec->done.delta, &exec->reserved);
}

/* A transaction that changed nothing gives all of its reservation back. */
static void fill_skipped(struct gyr_exec *exec)
{
	struct gyr_stf_account sender = { 0 };

	if (gyr_stf_account_read(exec->stf, &exec->done.address, &sender)) {
		exec->done.nonce = sender.nonce;
		exec->done.account_flags = account_flags(&sender);
	}
	exec->done.delta = exec->reserved;
}

/* Tells the sequencer of every account that changed; the sender's comes with the transaction. */
static bool report_accounts(struct gyr_exec *exec)
{
	struct gyr_stf_account account;

	if (exec->result.verdict != GYR_VERDICT_OK) {
		fill_skipped(exec);
		return true;
	}
	for (; gyr_stf_changed_account(exec->stf, exec->report_index, &account);
	     exec->report_index++) {
		struct gyr_feedback *item;

		if (gyr_address_equal(&account.address, &exec->done.address)) {
			fill_done(exec, &account);
			continue;
		}
		if (!exec->live)
			continue;
		item = gyr_spsc_reserve(exec->feedback);
		if (item == NULL)
			return false;
		*item = (struct gyr_feedback){
			.kind = GYR_FEEDBACK_ACCOUNT,
			.address = account.address,
			.nonce = account.nonce,
			.account_flags = account_flags(&account),
			.block_number = exec->block_number,
		};
		change_of(&item->delta, &account);
		gyr_spsc_publish(exec->feedback);
	}
	return true;
}

/* The transaction to the sequencer, in order with the accounts; its result is held for a moment. */
static bool report_transaction(struct gyr_exec *exec)
{
	struct gyr_feedback *item = gyr_spsc_reserve(exec->feedback);

	if (item == NULL)
		return false;
	*item = exec->done;
	gyr_spsc_publish(exec->feedback);
	exec_hold(exec);
	return true;
}

/* What the log says at this place, for a checkpoint of this block. */
static void open_block_log(struct gyr_exec *exec, const struct gyr_log_record *record)
{
	struct gyr_exec_block_log *log = gyr_exec_block_log(exec, exec->block_number);

	log->position = record->position;
	log->arrival_next = exec->arrivals.next;
	log->mini_number = exec->mini_number;
	log->undecided_count = gyr_arrivals_list(log->undecided, &exec->arrivals);
	log->outcome_count = 0;
}

/* The transaction that is done with, for the same. */
static int note_outcome(struct gyr_exec *exec)
{
	struct gyr_exec_block_log *log = gyr_exec_block_log(exec, exec->block_number);

	if (log->outcome_count == exec->outcome_count_max)
		GYR_FAIL(GYR_ERR_LIMIT,
			 "block %llu has more than %u transactions: raise sequence.block_gas to "
			 "what it was when the log was written",
			 (unsigned long long)exec->block_number, exec->outcome_count_max);
	log->outcomes[log->outcome_count++] = (struct gyr_exec_outcome){
		.gas_used = exec->result.gas_used,
		.verdict = exec->result.verdict,
		.status = exec->result.status,
	};
	return 0;
}

static int step_transaction(struct gyr_exec *exec, enum gyr_exec_step *step,
			    const struct gyr_log_record *record)
{
	if (exec->phase == GYR_EXEC_IDLE) {
		if (exec->block_number == 0)
			GYR_FAIL(GYR_ERR_LOG_DAMAGED, "transaction at %llu before the first block",
				 (unsigned long long)record->position);
		GYR_TRY(begin_transaction(exec, record));
	}
	if (exec->phase == GYR_EXEC_RUNNING) {
		*step = GYR_EXEC_DONE;
		GYR_TRY(run_transaction(exec, step));
		if (*step != GYR_EXEC_DONE)
			return 0;
	}
	*step = GYR_EXEC_WAIT_RING;
	if (exec->held_count == GYR_EXEC_HELD_MAX && !exec_tell_held(exec))
		return 0;
	if (!report_accounts(exec) || (exec->live && !report_transaction(exec)))
		return 0;
	exec->phase = GYR_EXEC_IDLE;
	*step = GYR_EXEC_DONE;
	if (exec->block_logs == NULL)
		return 0;
	GYR_TRY(gyr_arrivals_decide(&exec->arrivals, record->arrival));
	return note_outcome(exec);
}

static bool open_block(struct gyr_exec *exec, const struct gyr_log_evm_block *body)
{
	struct gyr_stf_block block = {
		.number = body->number,
		.timestamp = body->timestamp_s,
		.gas_limit = body->gas_limit,
		.fee_recipient = body->fee_recipient,
		.prev_randao = body->prev_randao,
	};

	return gyr_stf_block_begin(exec->stf, &block);
}

/* Closes the open block, hands it on, and opens the next one. */
static int step_block(struct gyr_exec *exec, enum gyr_exec_step *step,
		      const struct gyr_log_record *record)
{
	const struct gyr_log_evm_block *body = gyr_log_body(record);
	struct gyr_feedback *item = NULL;
	struct gyr_exec_block *closed;

	if (body->number != exec->block_number + 1)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED, "block %llu at %llu of the log follows block %llu",
			 (unsigned long long)body->number, (unsigned long long)record->position,
			 (unsigned long long)exec->block_number);
	*step = GYR_EXEC_WAIT_RING;
	if (!exec_tell_held(exec))
		return 0;
	if (exec->live && (item = gyr_spsc_reserve(exec->feedback)) == NULL)
		return 0;
	if (exec->phase == GYR_EXEC_IDLE && exec->block_number != 0) {
		exec->closed = gyr_stf_block_end(exec->stf);
		if (exec->closed == NULL)
			return state_full(exec);
		gyr_metric_add(&exec->counters.blocks, 1);
	}
	exec->phase = GYR_EXEC_CLOSED;
	*step = GYR_EXEC_WAIT_ROOT;
	if (exec->closed != NULL) {
		closed = gyr_spsc_reserve(exec->blocks);
		if (closed == NULL)
			return 0;
		*closed = (struct gyr_exec_block){
			.output = exec->closed,
			.log = exec->block_logs == NULL
				       ? NULL
				       : gyr_exec_block_log(exec, body->number - 1),
			.position_next = record->position,
		};
		exec->closed = NULL;
		gyr_spsc_publish(exec->blocks);
	}
	if (!gyr_stf_output_free(exec->stf))
		return 0;
	if (!open_block(exec, body))
		return state_full(exec);
	exec->block_number = body->number;
	exec->block_gas_used = 0;
	exec->mini_block = 0;
	if (exec->block_logs != NULL)
		open_block_log(exec, record);
	exec->phase = GYR_EXEC_IDLE;
	*step = GYR_EXEC_DONE;
	if (item == NULL)
		return 0;
	*item = (struct gyr_feedback){
		.kind = GYR_FEEDBACK_BLOCK,
		.block_number = body->number,
		.base_fee = gyr_stf_base_fee(exec->stf),
	};
	gyr_spsc_publish(exec->feedback);
	return 0;
}

static int step_record(struct gyr_exec *exec, enum gyr_exec_step *step,
		       const struct gyr_log_record *record)
{
	*step = GYR_EXEC_DONE;
	switch ((enum gyr_log_kind)record->kind) {
	case GYR_LOG_TX:
		return step_transaction(exec, step, record);
	case GYR_LOG_EVM_BLOCK:
		return step_block(exec, step, record);
	case GYR_LOG_MINI_BLOCK: {
		const struct gyr_log_mini_block *body = gyr_log_body(record);

		exec->mini_number = body->number + 1;
		exec->mini_block++;
		return 0;
	}
	case GYR_LOG_REJECT:
		return exec->block_logs == NULL
			       ? 0
			       : gyr_arrivals_decide(&exec->arrivals, record->arrival);
	case GYR_LOG_GENESIS:
	case GYR_LOG_EPOCH:
	case GYR_LOG_CONFIG:
	case GYR_LOG_COMMIT:
		return 0;
	case GYR_LOG_L1_DEPOSIT:
	case GYR_LOG_FORCED_TX:
		break;
	}
	GYR_FAIL(GYR_ERR_LOG_DAMAGED, "record of unknown kind %u at %llu", record->kind,
		 (unsigned long long)record->position);
}

int gyr_exec_poll(struct gyr_exec *exec, bool *stalled, unsigned budget)
{
	unsigned done = 0;

	*stalled = false;
	take_rooted(exec);
	ask_for_streams(exec);
	if (exec->held_count != 0 && !exec_tell_held(exec)) {
		*stalled = true;
		return 0;
	}
	while (done < budget) {
		const struct gyr_log_record *record = gyr_log_peek(exec->log, exec->reader);
		enum gyr_exec_step step;

		if (record == NULL)
			break;
		if (exec->phase == GYR_EXEC_IDLE)
			exec_look_ahead(exec);
		GYR_TRY(step_record(exec, &step, record));
		if (step == GYR_EXEC_DONE) {
			gyr_log_advance(exec->log, exec->reader);
			done++;
			continue;
		}
		if (step == GYR_EXEC_AGAIN) {
			done++;
			break;
		}
		gyr_metric_add(step == GYR_EXEC_WAIT_RING ? &exec->counters.waits_rings
							  : &exec->counters.waits_roots,
			       1);
		*stalled = true;
		break;
	}
	if (exec->held_count != 0 && !exec_tell_held(exec))
		*stalled = true;
	if (done > 0)
		gyr_log_release(exec->log, exec->reader);
	return (int)done;
}

void gyr_exec_replay_block(struct gyr_exec *exec, const struct gyr_log_block *block,
			   const struct gyr_log_record *first)
{
	exec->replayed = *block;
	exec->replay_next = first;
}

int gyr_exec_replay(struct gyr_exec *exec, enum gyr_exec_step *step,
		    const struct gyr_log_record *record, gyr_exec_told *told, void *context)
{
	gyr_assert(!exec->live);
	take_rooted(exec);
	if (exec->phase == GYR_EXEC_IDLE && exec->replay_next != NULL)
		exec_look_ahead(exec);
	do {
		GYR_TRY(step_record(exec, step, record));
	} while (*step == GYR_EXEC_AGAIN);
	if (*step == GYR_EXEC_DONE && record->kind == GYR_LOG_TX)
		told(context, &exec->done);
	return 0;
}

void gyr_exec_resume(struct gyr_exec *exec, uint64_t number)
{
	gyr_assert(exec->block_number == 0 && exec->phase == GYR_EXEC_IDLE);
	exec->block_number = number;
	exec->phase = GYR_EXEC_CLOSED;
}

void gyr_exec_go_live(struct gyr_exec *exec)
{
	exec->live = true;
	exec->replay_next = NULL;
}

bool gyr_exec_drained(const struct gyr_exec *exec)
{
	return exec->phase == GYR_EXEC_IDLE && exec->held_count == 0 &&
	       gyr_log_lag(exec->log, exec->reader) == 0;
}
