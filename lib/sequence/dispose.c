/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

static struct gyr_log_stamp stamp_of(const struct sequence_item *item)
{
	return (struct gyr_log_stamp){
		.arrival = item->arrival_number,
		.receive_utc_ns = item->arrival->receive_utc_ns,
		.receive_error = item->arrival->receive_error_ns,
	};
}

static struct gyr_sequence_event *event_for(struct gyr_sequence *sequence,
					    const struct sequence_item *item)
{
	struct gyr_sequence_event *event = gyr_spsc_reserve(item->gate->events);

	if (event == NULL)
		gyr_metric_add(&sequence->counters.stalled_events, 1);
	return event;
}

static void *record_for(struct gyr_sequence *sequence, enum gyr_log_kind kind, size_t body_length)
{
	void *body = gyr_log_reserve(sequence->log, kind, (uint32_t)body_length);

	if (body == NULL)
		gyr_metric_add(&sequence->counters.stalled_log, 1);
	return body;
}

static void fill_event(struct gyr_sequence_event *event, const struct sequence_item *item,
		       enum gyr_sequence_event_kind kind)
{
	*event = (struct gyr_sequence_event){
		.client_tag = item->arrival->client_tag,
		.arrival = item->arrival_number,
		.released_by = item->released_by,
		.receive_utc_ns = item->arrival->receive_utc_ns,
		.hash = item->finding->transaction_hash,
		.session = item->arrival->session,
		.receive_error = item->arrival->receive_error_ns,
		.kind = (uint8_t)kind,
		.answers = item->arrival->answers,
		.key = item->finding->key,
		.key_flags = item->arrival->key_flags,
		.sender = item->finding->sender,
	};
}

bool sequence_order(struct gyr_sequence *sequence, struct gyr_account_view *account,
		    const struct gyr_u256 *cost, const struct sequence_item *item, uint64_t now_ns)
{
	struct gyr_sequence_block *block = &sequence->block;
	struct gyr_sequence_event *event = event_for(sequence, item);
	struct gyr_log_stamp stamp = stamp_of(item);
	struct gyr_log_tx *body;
	uint64_t position;

	gyr_assert(item->txn->nonce == account->nonce);
	if (event == NULL)
		return false;
	body = record_for(sequence, GYR_LOG_TX, sizeof *body + item->txn->raw.length);
	if (body == NULL)
		return false;
	body->sender = item->finding->sender;
	body->flags = item->arrival->answers;
	body->release_arrival = item->released_by;
	body->hash = item->finding->transaction_hash;
	memcpy(body + 1, item->txn->raw.data, item->txn->raw.length);
	fill_event(event, item, GYR_SEQUENCE_ORDERED);
	/* The event first: whoever sees this transaction's result has its event before it. */
	event->position = position = sequence->log->tail;
	gyr_spsc_publish(item->gate->events);
	gyr_assert(gyr_log_publish(sequence->log, &stamp) == position);
	gyr_duplicate_add(&sequence->duplicate, &item->finding->transaction_hash, position,
			  item->arrival_number);

	if (GYR_UNLIKELY(item->txn->authorization_count > 0))
		sequence_authorities_order(sequence, item, position);
	(void)gyr_u256_sub(&account->available, &account->available, cost);
	account->nonce++;
	account->in_flight++;
	block->gas_reserved += item->txn->gas_limit;
	block->byte_count += item->txn->raw.length;
	block->tx_count++;
	if (block->mini_tx_count++ == 0)
		block->mini_due_ns = now_ns + sequence->conf.mini_block_ns;
	gyr_assert(block->gas_reserved <= sequence->conf.block_gas_limit);
	gyr_metric_add(&sequence->counters.ordered, 1);
	if (item->released_by != item->arrival_number)
		gyr_metric_add(&sequence->counters.released, 1);
	return true;
}

bool sequence_reject(struct gyr_sequence *sequence, const struct sequence_item *item,
		     enum gyr_verdict verdict, const struct gyr_duplicate_entry *again)
{
	struct gyr_sequence_event *event = event_for(sequence, item);
	struct gyr_log_stamp stamp = stamp_of(item);
	struct gyr_log_reject *body;

	gyr_assert(verdict != GYR_VERDICT_OK);
	if (event == NULL)
		return false;
	body = record_for(sequence, GYR_LOG_REJECT, sizeof *body);
	if (body == NULL)
		return false;
	*body = (struct gyr_log_reject){ .verdict = verdict,
					 .hash = item->finding->transaction_hash };
	(void)gyr_log_publish(sequence->log, &stamp);
	fill_event(event, item, GYR_SEQUENCE_REJECTED);
	event->verdict = (uint8_t)verdict;
	if (again != NULL) {
		event->kind = GYR_SEQUENCE_AGAIN;
		event->position = again->position;
		event->arrival = again->arrival;
		event->released_by = again->arrival;
		event->executed = again->executed;
		event->verdict = again->verdict;
		event->status = again->status;
		event->gas_used = again->gas_used;
		event->block_number = again->block_number;
		gyr_metric_add(&sequence->counters.duplicates, 1);
	}
	gyr_spsc_publish(item->gate->events);
	gyr_metric_add(&sequence->counters.rejected, 1);
	gyr_metric_add(&sequence->counters.rejected_by[verdict], 1);
	return true;
}

bool sequence_park(struct gyr_sequence *sequence, struct gyr_account_view *account,
		   const struct sequence_item *item, uint64_t now_ns)
{
	const struct gyr_sequence_conf *conf = &sequence->conf;
	struct gyr_parked *parked;

	/* what the verifier found of authorizations is kept in the slot alone */
	if (item->txn->authorization_count > 0)
		return false;
	if (account == NULL || account->parked >= conf->park_per_sender_max ||
	    item->txn->nonce - account->nonce > conf->park_nonce_gap_max)
		return false;
	parked = gyr_park_add(&sequence->park, item->arrival, item->finding, item->txn->raw.data,
			      item->txn->nonce, now_ns + conf->park_time_ns);
	if (parked == NULL)
		return false;
	parked->arrival_number = item->arrival_number;
	parked->gate = (uint8_t)(item->gate - sequence->gates);
	account->parked++;
	gyr_metric_add(&sequence->counters.parked, 1);
	return true;
}
