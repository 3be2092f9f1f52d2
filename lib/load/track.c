/* SPDX-License-Identifier: Apache-2.0 */
/* What answers mean for the transactions of a run. */
#include "gyr_keccak.h"
#include "load_state.h"

#define NS_PER_MS 1000000ull

void load_hash(const struct load *load, struct gyr_hash *hash, uint64_t index)
{
	struct gyr_slice raw = gyr_load_transaction(load->work, load->conf->first + index);

	gyr_keccak256(hash, raw.data, raw.length);
}

static struct tx *find(struct load *load, uint64_t tag)
{
	return tag < load->conf->count ? &load->txs[tag] : NULL;
}

/* Counts an answer once per transaction, its latency from the intended instant. */
static void count(struct load *load, const struct tx *known, enum gyr_load_answer answer)
{
	struct tx *tx = &load->txs[known - load->txs];
	uint64_t latency_ns;

	if ((tx->counted & 1u << answer) != 0)
		return;
	tx->counted |= (uint8_t)(1u << answer);
	latency_ns = load->time.now_ns > tx->due_ns ? load->time.now_ns - tx->due_ns : 0;
	gyr_hist_record(&load->slice[answer], latency_ns);
	if (answer == GYR_LOAD_ORDERED)
		gyr_hist_record(&load->second, latency_ns);
	if ((uint64_t)(tx - load->txs) >= load->conf->warmup)
		gyr_hist_record(&load->result->latency[answer], latency_ns);
}

static void set_durable(struct load *load, struct tx *tx)
{
	if ((tx->flags & TX_DURABLE) != 0)
		return;
	tx->flags |= TX_DURABLE;
	load->result->counters.durable++;
	count(load, tx, GYR_LOAD_DURABLE);
}

static void set_executed(struct load *load, struct tx *tx)
{
	tx->flags |= TX_EXECUTED;
	load->last_executed_ns = load->time.now_ns;
	count(load, tx, GYR_LOAD_EXECUTED);
}

/* Remembers what waits for the watermark; positions come nearly sorted. */
static void await_durable(struct load_session *session, uint64_t position, uint64_t index)
{
	uint64_t mask = session->load->waiting_mask;
	uint64_t at = session->tail++;

	gyr_assert(session->tail - session->head <= mask + 1);
	while (at != session->head && session->waiting[(at - 1) & mask].position > position) {
		session->waiting[at & mask] = session->waiting[(at - 1) & mask];
		at--;
	}
	session->waiting[at & mask] = (struct waiting){ position, index };
}

static void set_ordered(struct load_session *session, struct tx *tx, uint64_t position,
			uint32_t epoch)
{
	struct load *load = session->load;

	if ((tx->flags & (TX_ORDERED | TX_FAILED)) != 0)
		return;
	tx->flags |= TX_ORDERED;
	tx->position = position;
	tx->epoch = epoch;
	tx->attempts = 0;
	tx->deadline_ns = load->time.now_ns + 4 * load->conf->retry_after_ns;
	load->result->counters.ordered++;
	count(load, tx, GYR_LOAD_ORDERED);
	if ((load->conf->answers & GYR_WIRE_ANSWERS_DURABLE) == 0)
		return;
	if (position < session->durable)
		set_durable(load, tx);
	else
		await_durable(session, position, (uint64_t)(tx - load->txs));
}

static void on_connected(void *context, const struct gyr_wire_welcome *welcome)
{
	struct load_session *session = context;
	struct load *load = session->load;

	if (load->result->epoch_first == 0)
		load->result->epoch_first = welcome->epoch;
	load->result->epoch_last = welcome->epoch;
	if (!session->was_connected) {
		session->was_connected = true;
		return;
	}
	/*
	 * A new session: answers on their way were lost. What was DURABLE must be there still; what
	 * was only ORDERED is sent again, and gets its first answer or a new one.
	 */
	session->head = session->tail = 0;
	session->durable = 0;
	for (uint64_t i = 0; i < load->work->account_count && i < GYR_LOAD_KEYS_MAX; i++)
		if (load_session_of_account(load, i) == session)
			load->key_of[i] = GYR_CLIENT_NO_KEY;
	for (uint64_t i = 0; i < load->next; i++) {
		struct tx *tx = &load->txs[i];

		if (load_session_of(load, i) != session || (tx->flags & TX_FAILED) != 0)
			continue;
		if (load->conf->restart_check && (tx->flags & TX_DURABLE) != 0) {
			tx->flags |= TX_VERIFY;
		} else if ((tx->flags & (TX_ORDERED | TX_DURABLE)) == TX_ORDERED &&
			   !load_resolved(load, tx)) {
			tx->flags &= (uint8_t) ~(TX_ORDERED | TX_EXECUTED);
			load->result->counters.ordered--;
		} else if (load_resolved(load, tx)) {
			continue;
		}
		tx->attempts = 0;
		tx->deadline_ns = 0;
	}
	load->low = load->scan = 0;
}

static void on_disconnected(void *context, enum gyr_verdict reason)
{
	struct load_session *session = context;

	(void)reason;
	session->load->result->counters.disconnections++;
}

static void on_voided(void *context, const struct gyr_wire_void *message)
{
	struct load_session *session = context;
	struct load *load = session->load;

	for (uint64_t i = 0; i < load->next; i++) {
		struct tx *tx = &load->txs[i];

		if (load_session_of(load, i) != session || tx->position == 0 ||
		    tx->epoch > message->old_epoch || tx->position < message->position)
			continue;
		load->result->counters.voided++;
		if ((tx->flags & TX_DURABLE) != 0)
			load->result->counters.lost_durable++;
		tx->position = 0;
	}
}

static void on_ordered(void *context, const struct gyr_wire_ordered *message, bool again)
{
	struct load_session *session = context;
	struct tx *tx = find(session->load, message->client_tag);

	if (tx == NULL)
		return;
	if (again && (tx->flags & TX_ORDERED) == 0)
		session->load->result->counters.ordered_again++;
	set_ordered(session, tx, message->position, message->epoch);
}

static void on_durable(void *context, const struct gyr_wire_durable *message)
{
	struct load_session *session = context;
	struct load *load = session->load;

	if (message->position > session->durable)
		session->durable = message->position;
	while (session->head != session->tail) {
		const struct waiting *first = &session->waiting[session->head & load->waiting_mask];

		if (first->position >= session->durable)
			break;
		set_durable(load, &load->txs[first->index]);
		session->head++;
	}
}

static void on_executed(void *context, const struct gyr_wire_executed *message, bool early)
{
	struct load_session *session = context;
	struct load *load = session->load;
	struct tx *tx = find(load, message->client_tag);

	if (tx == NULL)
		return;
	/* What is not early is durable; the watermark may be on a datagram that is missing. */
	if (!early && (load->conf->answers & GYR_WIRE_ANSWERS_DURABLE) != 0 &&
	    (tx->flags & TX_ORDERED) != 0)
		set_durable(load, tx);
	if ((tx->flags & TX_EXECUTED) != 0)
		return;
	load->result->counters.executed++;
	load->result->counters.reverted += message->status == 0;
	set_executed(load, tx);
}

static void on_skipped(void *context, const struct gyr_wire_skipped *message, bool early)
{
	struct load_session *session = context;
	struct tx *tx = find(session->load, message->client_tag);

	(void)early;
	if (tx == NULL || (tx->flags & TX_EXECUTED) != 0)
		return;
	session->load->result->counters.skipped++;
	session->load->result->rejected_by_code[message->reason]++;
	tx->flags |= TX_EXECUTED;
}

/* May the same bytes do better a little later? */
static bool is_transient(uint8_t code)
{
	switch (code) {
	case GYR_VERDICT_NONCE_GAP:
	case GYR_VERDICT_PARK_FULL:
	case GYR_VERDICT_PARK_EXPIRED:
	case GYR_VERDICT_NONCE_OCCUPIED:
	case GYR_VERDICT_BALANCE_TOO_LOW: /* money is on its way to it */
	case GYR_VERDICT_BLOCK_FULL:
	case GYR_VERDICT_HIGH_WATER:
	case GYR_VERDICT_STOPPING:
	case GYR_VERDICT_ADMISSION_TABLE_FULL:
	case GYR_VERDICT_RATE_LIMITED:
	case GYR_VERDICT_RING_FULL:
		return true;
	default:
		return false;
	}
}

static void on_key(void *context, const struct gyr_wire_key *message)
{
	struct load_session *session = context;
	struct load *load = session->load;
	const struct gyr_load_work *work = load->work;

	load->result->counters.keys++;
	for (uint64_t i = 0; i < work->account_count && i < GYR_LOAD_KEYS_MAX; i++) {
		bool mine = load_session_of_account(load, i) == session;

		if (memcmp(work->accounts[i].address.bytes, message->address,
			   sizeof message->address) == 0)
			load->key_of[i] = mine ? message->index : load->key_of[i];
		else if (mine && load->key_of[i] == message->index)
			load->key_of[i] = GYR_CLIENT_NO_KEY; /* it is another's now */
	}
}

static void on_rejected(void *context, const struct gyr_wire_rejected *message)
{
	struct load_session *session = context;
	struct load *load = session->load;
	struct tx *tx = find(load, message->client_tag);

	load->result->counters.rejected++;
	load->result->rejected_by_code[message->code]++;
	if (message->refused == GYR_WIRE_STATUS || tx == NULL ||
	    (tx->flags & (TX_ORDERED | TX_FAILED)) != 0)
		return;
	if (is_transient(message->code) && tx->attempts < load->conf->attempts_max) {
		tx->deadline_ns = load->time.now_ns + (1 + (uint64_t)tx->attempts) * 5 * NS_PER_MS;
		return;
	}
	if (message->code == GYR_VERDICT_NONCE_TOO_LOW && tx->attempts > 1) {
		/* Perhaps its own first sending was ordered: STATUS tells. */
		tx->flags |= TX_ORDERED;
		load->result->counters.ordered++;
		tx->deadline_ns = 0;
		return;
	}
	tx->flags |= TX_FAILED;
	load->result->counters.failed++;
}

static void on_status(void *context, const struct gyr_wire_status_reply *message)
{
	struct load_session *session = context;
	struct load *load = session->load;
	struct tx *tx = find(load, message->client_tag);
	bool in_log = message->state == GYR_WIRE_STATE_ORDERED ||
		      message->state == GYR_WIRE_STATE_EXECUTED ||
		      message->state == GYR_WIRE_STATE_SKIPPED;
	bool was_resolved;

	if (tx == NULL)
		return;
	was_resolved = load_resolved(load, tx);
	if ((tx->flags & TX_VERIFY) != 0) {
		tx->flags &= (uint8_t)~TX_VERIFY;
		load->result->counters.verified_durable += in_log;
		load->result->counters.lost_durable += !in_log;
	}
	if ((tx->flags & TX_FAILED) != 0)
		return;
	if (!in_log) {
		/* Not there: what was durable is gone for good, the rest is to be sent again. */
		if ((tx->flags & TX_DURABLE) != 0 && !load_resolved(load, tx)) {
			tx->flags |= TX_FAILED;
			load->result->counters.failed++;
		} else if ((tx->flags & (TX_ORDERED | TX_DURABLE)) == TX_ORDERED) {
			tx->flags &= (uint8_t)~TX_ORDERED;
			load->result->counters.ordered--;
			tx->deadline_ns = 0;
		}
		return;
	}
	set_ordered(session, tx, message->position, message->epoch);
	if (message->durable != 0 && (load->conf->answers & GYR_WIRE_ANSWERS_DURABLE) != 0)
		set_durable(load, tx);
	if (message->state != GYR_WIRE_STATE_ORDERED && (tx->flags & TX_EXECUTED) == 0) {
		load->result->counters.executed += message->state == GYR_WIRE_STATE_EXECUTED;
		load->result->counters.skipped += message->state == GYR_WIRE_STATE_SKIPPED;
		set_executed(load, tx);
	}
	load->result->counters.status_resolved += !was_resolved && load_resolved(load, tx);
}

const struct gyr_client_events load_events = {
	.connected = on_connected,
	.disconnected = on_disconnected,
	.voided = on_voided,
	.ordered = on_ordered,
	.durable = on_durable,
	.executed = on_executed,
	.skipped = on_skipped,
	.rejected = on_rejected,
	.status = on_status,
	.key = on_key,
};

/* Writes the finished slice down; when there is no room for more, pairs become one. */
void load_end_slice(struct load *load)
{
	struct gyr_load_result *result = load->result;
	struct gyr_load_slice *slice;

	if (result->slice_count == GYR_LOAD_SLICES_MAX) {
		for (unsigned i = 0; i < GYR_LOAD_SLICES_MAX / 2; i++) {
			struct gyr_load_slice *to = &result->slices[i];
			const struct gyr_load_slice *b = &result->slices[(size_t)2 * i + 1];

			*to = result->slices[(size_t)2 * i];
			to->sent += b->sent;
			for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++) {
				to->count[k] += b->count[k];
				to->p50_ns[k] = gyr_max_u64(to->p50_ns[k], b->p50_ns[k]);
				to->p99_ns[k] = gyr_max_u64(to->p99_ns[k], b->p99_ns[k]);
				to->max_ns[k] = gyr_max_u64(to->max_ns[k], b->max_ns[k]);
			}
		}
		result->slice_count /= 2;
		result->slice_ns *= 2;
	}
	slice = &result->slices[result->slice_count++];
	*slice = (struct gyr_load_slice){ .sent = load->slice_sent };
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++) {
		struct gyr_hist *hist = &load->slice[k];

		slice->count[k] = hist->total;
		slice->p50_ns[k] = gyr_hist_percentile(hist, 50);
		slice->p99_ns[k] = gyr_hist_percentile(hist, 99);
		slice->max_ns[k] = hist->total == 0 ? 0 : hist->max;
		gyr_hist_clear(hist);
	}
	load->slice_sent = 0;
	load->slice_end_ns += result->slice_ns;
}
