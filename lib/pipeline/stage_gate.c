/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_gate.h"

#include "gyr_wire_order_entry.h"
#include "stage_known.h"

/* Items taken from each ring in one poll. */
#define EVENT_BUDGET  256
#define SLOTS_AHEAD   3
#define RESULT_BUDGET 256
/* Datagrams taken in one poll while the stages behind are behind. */
#define RECEIVE_BEHIND 4

static void reject(struct stage_gate *gate, const struct gyr_submission *submission,
		   enum gyr_verdict verdict)
{
	gyr_session_rejected(gate->sessions, submission->session, submission->client_tag, 0,
			     verdict, NULL);
	gyr_metric_add(&gate->counters.rejected, 1);
	gyr_metric_add(&gate->counters.rejected_by[verdict], 1);
}

static uint32_t pool_take(struct stage_gate *gate)
{
	const uint32_t *given_back;

	while ((given_back = gyr_spsc_peek(gate->pool_free)) != NULL) {
		gate->pool_indices[gate->pool_count++] = *given_back;
		gyr_spsc_release(gate->pool_free);
	}
	return gate->pool_count == 0 ? UINT32_MAX : gate->pool_indices[--gate->pool_count];
}

static enum gyr_log_clock log_clock(enum gyr_netdev_clock clock)
{
	switch (clock) {
	case GYR_NETDEV_CLOCK_NIC:
		return GYR_LOG_CLOCK_NIC;
	case GYR_NETDEV_CLOCK_TURN:
		return GYR_LOG_CLOCK_TSC;
	case GYR_NETDEV_CLOCK_KERNEL:
	case GYR_NETDEV_CLOCK_CAPTURE:
	case GYR_NETDEV_CLOCK_SIM:
		break;
	}
	return GYR_LOG_CLOCK_OTHER;
}

/* Everything that needs no state, so that garbage never buys a signature recovery. */
static enum gyr_verdict judge(const struct stage_gate *gate, struct gyr_txn *txn,
			      const struct gyr_submission *submission, const uint8_t *raw)
{
	enum gyr_verdict verdict =
		gyr_txn_parse(txn, (struct gyr_slice){ raw, submission->raw.length }, &gate->rules);

	if (verdict == GYR_VERDICT_OK)
		verdict = gyr_txn_check(txn, &gate->rules);
	if (verdict == GYR_VERDICT_OK && txn->authorization_count > GYR_SEQUENCE_AUTHORITIES_MAX)
		verdict = GYR_VERDICT_AUTHORIZATIONS_TOO_MANY;
	if (verdict == GYR_VERDICT_OK && submission->declared_hash != NULL) {
		struct gyr_hash hash;

		gyr_txn_hash(&hash, txn, gate->keccak);
		if (!gyr_hash_equal(&hash, submission->declared_hash))
			verdict = GYR_VERDICT_CHUNK_MISMATCH;
	}
	return verdict;
}

/* Bytes in a slot for these; behind authorizations the verifier writes who signed them. */
static size_t room_of(const struct stage_gate *gate, struct gyr_slice raw)
{
	bool authorizes = raw.length > 0 && raw.data[0] == GYR_TXN_SET_CODE;

	return gate->raw_room -
	       (authorizes ? GYR_SEQUENCE_AUTHORITIES_MAX * sizeof(struct gyr_address) : 0);
}

/* The ring is larger than the caches: what a later transaction fills is asked for ahead. */
__attribute__((always_inline)) static inline void prefetch_payload(
	const struct gyr_sequence_payload *payload)
{
	for (size_t at = 0; at < offsetof(struct gyr_sequence_payload, raw) + 128;
	     at += GYR_CACHE_LINE)
		__builtin_prefetch((const uint8_t *)payload + at, 1);
}

static void admit(struct stage_gate *gate, const struct gyr_submission *submission,
		  const struct gyr_datagram *datagram)
{
	struct gyr_sequence_payload *payload;
	struct gyr_intake_arrival *arrival;
	uint32_t pool_index = UINT32_MAX;
	enum gyr_verdict verdict;
	uint64_t slot;
	uint8_t *raw;

	gyr_metric_add(&gate->counters.submissions, 1);
	if (gate->stopping) {
		reject(gate, submission, GYR_VERDICT_STOPPING);
		return;
	}
	if (!gyr_intake_reserve(gate->intake, &slot)) {
		gyr_metric_add(&gate->counters.ring_full, 1);
		reject(gate, submission, GYR_VERDICT_RING_FULL);
		return;
	}
	payload = gyr_intake_payload(gate->intake, slot);
	prefetch_payload(gyr_intake_payload(gate->intake, slot + SLOTS_AHEAD));
	raw = payload->raw;
	if (GYR_UNLIKELY(submission->raw.length > room_of(gate, submission->raw))) {
		if (submission->raw.length > gate->pool_stride) {
			reject(gate, submission, GYR_VERDICT_TX_TOO_LONG);
			return;
		}
		pool_index = pool_take(gate);
		if (pool_index == UINT32_MAX) {
			gyr_metric_add(&gate->counters.pool_full, 1);
			reject(gate, submission, GYR_VERDICT_HIGH_WATER);
			return;
		}
		raw = gate->pool + pool_index * gate->pool_stride;
	}
	memcpy(raw, submission->raw.data, submission->raw.length);
	verdict = judge(gate, &payload->txn, submission, raw);
	if (verdict != GYR_VERDICT_OK) {
		if (pool_index != UINT32_MAX)
			gate->pool_indices[gate->pool_count++] = pool_index;
		reject(gate, submission, verdict);
		return;
	}
	arrival = gyr_intake_arrival(gate->intake, slot);
	arrival->client_tag = submission->client_tag;
	arrival->receive_utc_ns = datagram->received_at_ns;
	arrival->expires_utc_ns = submission->expires_at_ns;
	arrival->known = submission->known;
	arrival->session = submission->session;
	arrival->receive_error_ns = gyr_log_receive_error(datagram->received_error_ns,
							  log_clock(datagram->clock));
	arrival->raw_length = (uint32_t)submission->raw.length;
	arrival->pool_index = pool_index;
	arrival->answers = submission->answers;
	arrival->key_flags = submission->key_flags;
	if (submission->nonce != NULL)
		memcpy(payload->nonce, submission->nonce, sizeof payload->nonce);
	gyr_intake_publish(gate->intake);
	gyr_metric_add(&gate->counters.admitted, 1);
}

static void ask(struct stage_gate *gate, const struct gyr_session_query *query)
{
	struct gyr_sequence_query *item = gyr_spsc_reserve(gate->queries);

	if (item == NULL) {
		gyr_session_rejected(gate->sessions, query->session, query->client_tag, 0,
				     GYR_VERDICT_RING_FULL, &query->hash);
		return;
	}
	*item = (struct gyr_sequence_query){ .client_tag = query->client_tag,
					     .hash = query->hash,
					     .session = query->session };
	gyr_spsc_publish(gate->queries);
}

/*
 * While the ring is half full, datagrams are taken in as slowly as the stages behind can follow
 * when each holds as many submissions as a verifier takes: a burst then waits in the device's queue
 * instead of being refused here. A ring that stays full refuses.
 */
static unsigned receive_budget(struct stage_gate *gate, unsigned budget)
{
	unsigned most = (unsigned)gyr_min_u64(budget, GYR_NETDEV_BURST_MAX);

	return gyr_intake_backlog(gate->intake) * 2 <= gate->intake->mask
		       ? most
		       : (unsigned)gyr_min_u64(most, RECEIVE_BEHIND);
}

static unsigned receive(struct stage_gate *gate, const struct gyr_netdev_time *time,
			unsigned budget)
{
	unsigned datagram_count = gyr_netdev_rx(gate->device, gate->datagrams,
						receive_budget(gate, budget), time);

	for (unsigned i = 0; i < datagram_count; i++) {
		gyr_session_receive(gate->sessions, &gate->input, &gate->datagrams[i], time);
		for (unsigned k = 0; k < gate->input.submission_count; k++)
			admit(gate, &gate->input.submissions[k], &gate->datagrams[i]);
		for (unsigned k = 0; k < gate->input.query_count; k++)
			ask(gate, &gate->input.queries[k]);
	}
	return datagram_count;
}

static enum gyr_netdev_clock wire_clock(uint32_t receive_error)
{
	switch ((enum gyr_log_clock)(receive_error >> 30)) {
	case GYR_LOG_CLOCK_NIC:
		return GYR_NETDEV_CLOCK_NIC;
	case GYR_LOG_CLOCK_OTHER:
		return GYR_NETDEV_CLOCK_KERNEL;
	case GYR_LOG_CLOCK_TSC:
	case GYR_LOG_CLOCK_NONE:
		break;
	}
	return GYR_NETDEV_CLOCK_TURN;
}

/* From receipt to now, as UTC has it; a step back counts as nothing. */
static void measure(struct gyr_metric_histogram *histogram, const struct stage_gate *gate,
		    uint64_t received_utc_ns)
{
	gyr_metric_record(histogram,
			  gate->utc_ns > received_utc_ns ? gate->utc_ns - received_utc_ns : 0);
}

static void ordered(struct stage_gate *gate, const struct gyr_sequence_event *event)
{
	struct gyr_session_order order = {
		.client_tag = event->client_tag,
		.position = event->position,
		.arrival = event->arrival,
		.released_by = event->released_by,
		.received_at_ns = event->receive_utc_ns,
		.received_error_ns = event->receive_error & GYR_LOG_RECEIVE_ERROR_NS_MAX,
		.epoch = gate->epoch,
		.clock = (uint8_t)wire_clock(event->receive_error),
		.answers = event->answers,
		.again = event->kind == GYR_SEQUENCE_AGAIN,
	};

	gyr_session_ordered(gate->sessions, event->session, &order);
}

/* Queues EXECUTED or SKIPPED as far as the client asked for it. */
static void tell_result(struct stage_gate *gate, const struct gate_waiting *waiting, bool early)
{
	struct gyr_session_result result = {
		.client_tag = waiting->client_tag,
		.position = waiting->position,
		.gas_used = waiting->gas_used,
		.block_number = waiting->block_number,
		.logs_hash = waiting->logs_hash,
		.epoch = gate->epoch,
		.mini_block = waiting->mini_block,
		.status = waiting->status,
		.early = early,
	};

	if (!(waiting->answers & GYR_WIRE_ANSWERS_EXECUTED))
		return;
	if (waiting->verdict == GYR_VERDICT_OK)
		gyr_session_executed(gate->sessions, waiting->session, &result);
	else
		gyr_session_skipped(gate->sessions, waiting->session, &result,
				    (enum gyr_verdict)waiting->verdict);
	gyr_metric_add(&gate->counters.executed, 1);
}

/* A resubmission: the order again, and the result where there is one already. */
static void again(struct stage_gate *gate, const struct gyr_sequence_event *event)
{
	ordered(gate, event);
	if (event->executed) {
		struct gate_waiting waiting = {
			.position = event->position,
			.client_tag = event->client_tag,
			.gas_used = event->gas_used,
			.block_number = event->block_number,
			.session = event->session,
			.answers = event->answers,
			.verdict = event->verdict,
			.status = event->status,
		};

		tell_result(gate, &waiting, event->position >= gyr_log_durable(gate->log));
	}
}

static void status(struct stage_gate *gate, const struct gyr_sequence_event *event)
{
	struct gyr_session_status answer = {
		.client_tag = event->client_tag,
		.hash = event->hash,
		.position = event->position,
		.arrival = event->arrival,
		.gas_used = event->gas_used,
		.block_number = event->block_number,
		.epoch = gate->epoch,
		.reason = event->verdict,
		.status = event->status,
		.durable = event->known && event->position < gyr_log_durable(gate->log),
	};

	if (event->parked)
		answer.state = GYR_WIRE_STATE_PARKED;
	else if (!event->known)
		answer.state = GYR_WIRE_STATE_UNKNOWN;
	else if (!event->executed)
		answer.state = GYR_WIRE_STATE_ORDERED;
	else if (event->verdict == GYR_VERDICT_OK)
		answer.state = GYR_WIRE_STATE_EXECUTED;
	else
		answer.state = GYR_WIRE_STATE_SKIPPED;
	gyr_session_status(gate->sessions, event->session, &answer);
}

static unsigned take_events(struct stage_gate *gate, uint64_t now_ns, unsigned budget)
{
	unsigned taken = 0;

	while (taken < budget && gate->waiting_tail - gate->waiting_done < GATE_WAITING_COUNT) {
		const struct gyr_sequence_event *event = gyr_spsc_peek(gate->events);

		if (event == NULL)
			break;
		switch ((enum gyr_sequence_event_kind)event->kind) {
		case GYR_SEQUENCE_ORDERED:
			ordered(gate, event);
			gyr_session_key_settled(gate->sessions, event->session, &event->sender,
						event->key, event->key_flags, now_ns);
			if (gate->latency != NULL)
				measure(&gate->latency->ordered_ns, gate, event->receive_utc_ns);
			gate->waiting[gate->waiting_tail++ % GATE_WAITING_COUNT] =
				(struct gate_waiting){ .position = event->position,
						       .client_tag = event->client_tag,
						       .received_utc_ns = event->receive_utc_ns,
						       .session = event->session,
						       .answers = event->answers };
			break;
		case GYR_SEQUENCE_REJECTED:
			gyr_session_rejected(gate->sessions, event->session, event->client_tag,
					     event->arrival, (enum gyr_verdict)event->verdict,
					     &event->hash);
			gyr_session_key_settled(gate->sessions, event->session, NULL, event->key,
						event->key_flags, now_ns);
			break;
		case GYR_SEQUENCE_AGAIN:
			again(gate, event);
			/* Resubmitting is no way to have wrong keys tried for ever. */
			gyr_session_key_settled(gate->sessions, event->session, NULL, event->key,
						event->key_flags, now_ns);
			break;
		case GYR_SEQUENCE_STATUS:
			status(gate, event);
			break;
		}
		gyr_spsc_release(gate->events);
		taken++;
	}
	return taken;
}

/*
 * Attaches results to what waits. The event of a transaction is published before its log record and
 * so before its result: with all events taken, a result that matches nothing is another gate's.
 */
static unsigned take_results(struct stage_gate *gate, uint64_t durable, uint64_t now_ns)
{
	unsigned taken = 0;

	for (; taken < RESULT_BUDGET; taken++) {
		const struct gyr_exec_result *result = gyr_broadcast_peek(gate->results,
									  gate->results_consumer);
		struct gate_waiting *waiting =
			&gate->waiting[gate->waiting_executed % GATE_WAITING_COUNT];

		if (result == NULL)
			break;
		if (gate->waiting_executed == gate->waiting_tail ||
		    waiting->position != result->position) {
			if (take_events(gate, now_ns, EVENT_BUDGET) > 0)
				continue;
			if (gyr_spsc_peek(gate->events) != NULL)
				break; /* no room to wait: answers first */
		}
		if (gate->waiting_executed != gate->waiting_tail &&
		    waiting->position == result->position) {
			waiting->gas_used = result->gas_used;
			waiting->block_number = result->block_number;
			waiting->logs_hash = result->logs_hash;
			waiting->mini_block = result->mini_block;
			waiting->verdict = result->verdict;
			waiting->status = result->status;
			waiting->executed = 1;
			if ((waiting->answers & GYR_WIRE_ANSWERS_EARLY) &&
			    waiting->position >= durable) {
				tell_result(gate, waiting, true);
				waiting->answers &= (uint8_t)~GYR_WIRE_ANSWERS_EXECUTED;
			}
			gate->waiting_executed++;
		}
		gyr_broadcast_release(gate->results, gate->results_consumer);
	}
	return taken;
}

/* Answers what is executed and durable, in log order. */
static unsigned finish(struct stage_gate *gate, uint64_t durable)
{
	unsigned done = 0;

	while (done < RESULT_BUDGET && gate->waiting_done != gate->waiting_executed) {
		const struct gate_waiting *waiting =
			&gate->waiting[gate->waiting_done % GATE_WAITING_COUNT];

		if (waiting->position >= durable)
			break;
		tell_result(gate, waiting, false);
		if (gate->latency != NULL)
			measure(&gate->latency->executed_ns, gate, waiting->received_utc_ns);
		gate->waiting_done++;
		done++;
	}
	return done;
}

/* Counts how long it took what has become durable. */
static void measure_durable(struct stage_gate *gate, uint64_t durable)
{
	if (gate->latency == NULL)
		return;
	if (gate->waiting_durable < gate->waiting_done)
		gate->waiting_durable = gate->waiting_done;
	for (unsigned i = 0; i < RESULT_BUDGET && gate->waiting_durable != gate->waiting_tail;
	     i++) {
		const struct gate_waiting *waiting =
			&gate->waiting[gate->waiting_durable % GATE_WAITING_COUNT];

		if (waiting->position >= durable)
			return;
		measure(&gate->latency->durable_ns, gate, waiting->received_utc_ns);
		gate->waiting_durable++;
	}
}

/*
 * Between the sessions and the known stage: requests out, then answers in. What finds no room waits
 * here: tables are never urgent.
 */
static void exchange_keys(struct stage_gate *gate, uint64_t now_ns)
{
	const struct gyr_session_key_request *request;

	while ((request = gyr_session_key_request(gate->sessions)) != NULL) {
		struct gyr_session_key_request *item = gyr_spsc_reserve(gate->key_requests);

		if (item == NULL)
			return;
		*item = *request;
		gyr_spsc_publish(gate->key_requests);
		gyr_session_key_requested(gate->sessions);
	}
	for (unsigned i = 0; i < GYR_SESSION_KEY_ANSWERS_MAX; i++) {
		const struct known_answer *answer = gyr_spsc_peek(gate->key_answers);

		if (answer == NULL)
			return;
		gyr_session_key_answer(gate->sessions, answer->session, &answer->address,
				       answer->known, answer->pinned, now_ns);
		gyr_spsc_release(gate->key_answers);
	}
}

static struct gyr_netdev_time time_of(const struct gyr_turn *turn)
{
	return (struct gyr_netdev_time){ .now_ns = turn->now_ns,
					 .utc_ns = turn->utc_ns,
					 .utc_error_ns = turn->utc_error_ns };
}

static unsigned gate_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_gate *gate = self;
	struct gyr_netdev_time time = time_of(turn);
	unsigned received = receive(gate, &time, budget);
	uint64_t durable = gyr_log_durable(gate->log);
	unsigned done;

	gate->utc_ns = turn->utc_ns;
	done = take_events(gate, turn->now_ns, EVENT_BUDGET);
	done += take_results(gate, durable, turn->now_ns);
	measure_durable(gate, durable);
	done += finish(gate, durable);
	if (durable != gate->durable_told) {
		gyr_session_durable(gate->sessions, gate->epoch, durable);
		gate->durable_told = durable;
	}
	if (gate->key_requests != NULL)
		exchange_keys(gate, turn->now_ns);
	(void)gyr_session_flush(gate->sessions, gate->device, &time, received == 0);
	(void)gyr_netdev_flush(gate->device);
	return received + done;
}

static void gate_tick(void *self, const struct gyr_turn *turn)
{
	struct stage_gate *gate = self;
	struct gyr_netdev_time time = time_of(turn);

	gyr_netdev_tick(gate->device, &time);
	gyr_session_tick(gate->sessions, &time);
	watch_gate(&gate->watch, gate->journal, gate->results_consumer, gate->device,
		   gyr_session_counters(gate->sessions),
		   (const uint64_t[2]){ gyr_metric_get(&gate->counters.ring_full),
					gyr_metric_get(&gate->counters.pool_full) },
		   turn);
	if (gate->session_metric != NULL)
		gyr_metric_copy(&gate->session_metric->datagrams,
				&gyr_session_counters(gate->sessions)->datagrams,
				sizeof(struct gyr_session_counters) / sizeof(uint64_t));
}

static unsigned gate_wait_fds(void *self, int *fds, unsigned fd_count_max)
{
	struct stage_gate *gate = self;

	return gyr_netdev_wait_fds(gate->device, fds, fd_count_max);
}

static bool gate_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_gate *gate = self;

	(void)turn;
	if (!gate->stopping) {
		gate->stopping = true;
		return false;
	}
	return gate->waiting_done == gate->waiting_tail && gyr_spsc_peek(gate->events) == NULL &&
	       gyr_session_drained(gate->sessions) && gyr_netdev_held(gate->device) == 0;
}

const struct gyr_stage_ops stage_gate_ops = {
	.name = "gate",
	.poll = gate_poll,
	.tick = gate_tick,
	.wait_fds = gate_wait_fds,
	.drain = gate_drain,
};
