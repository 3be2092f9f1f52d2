/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

#include "gyr_err.h"

/* At most so much feedback is taken in one poll: time per poll is bounded. */
#define FEEDBACK_BUDGET 512
#define FEEDBACK_AHEAD	8 /* items between asking for an account's line and using it */
#define SLOTS_AHEAD	6 /* the same of intake slots */
#define EXPIRE_BUDGET	32
#define QUERY_BUDGET	16

/* When nothing was committed for so long, one block restates the durable position. */
#define RESTATE_AFTER_NS 10000000u

static size_t lost_max(const struct gyr_sequence_conf *conf)
{
	return conf->park_count > GYR_SEQUENCE_LOST_MAX ? conf->park_count : GYR_SEQUENCE_LOST_MAX;
}

size_t gyr_sequence_size(const struct gyr_sequence_conf *conf)
{
	return gyr_admission_size(conf->account_count_max) +
	       gyr_duplicate_size(conf->duplicate_count) +
	       gyr_park_size(conf->park_count, conf->park_raw_size) +
	       lost_max(conf) * sizeof(uint64_t) + (size_t)4 * GYR_CACHE_LINE;
}

static int check_conf(const struct gyr_sequence_conf *conf)
{
	if (!gyr_is_power_of_two(conf->duplicate_count) || conf->duplicate_count > 1u << 30)
		GYR_FAIL(GYR_ERR_CONFIG, "duplicate window %llu is not a power of two up to 2^30",
			 (unsigned long long)conf->duplicate_count);
	if (conf->park_count == 0 || conf->park_per_sender_max > UINT8_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "park limits: at least one entry, at most 255 a sender");
	if (conf->block_s == 0 || conf->mini_block_ns == 0)
		GYR_FAIL(GYR_ERR_CONFIG, "block times must be positive");
	return 0;
}

int gyr_sequence_init(struct gyr_sequence *sequence, struct gyr_arena *arena,
		      const struct gyr_sequence_conf *conf, struct gyr_log *log,
		      struct gyr_spsc *feedback, const struct gyr_sequence_gate *gates,
		      unsigned gate_count)
{
	uint64_t *lost;

	GYR_TRY(check_conf(conf));
	gyr_assert(gate_count >= 1 && gate_count <= GYR_SEQUENCE_GATES_MAX);
	memset(sequence, 0, sizeof *sequence);
	sequence->conf = *conf;
	sequence->log = log;
	sequence->feedback = feedback;
	memcpy(sequence->gates, gates, gate_count * sizeof *gates);
	sequence->gate_count = gate_count;
	sequence->arrival_next = 1;
	memcpy(sequence->random, conf->seed, sizeof sequence->random);
	sequence->random[3] |= 1;
	lost = gyr_arena_carve(arena, lost_max(conf) * sizeof *lost, 8);
	gyr_arrivals_init(&sequence->arrivals, lost, (uint32_t)lost_max(conf));
	if (lost == NULL ||
	    !gyr_admission_init(&sequence->admission, arena, conf->account_count_max, conf->seed) ||
	    !gyr_duplicate_init(&sequence->duplicate, arena, conf->duplicate_count,
				conf->seed[2]) ||
	    !gyr_park_init(&sequence->park, arena, conf->park_count, conf->park_raw_size,
			   conf->seed[3]))
		GYR_FAIL(GYR_ERR_MEMORY, "the sequencer's tables need %zu bytes",
			 gyr_sequence_size(conf));
	return 0;
}

static void set_flags(struct gyr_account_view *account, uint8_t flags)
{
	uint8_t kept = account->flags & (GYR_VIEW_AUTHORITY | GYR_VIEW_SKIPPED);

	account->flags = (uint8_t)(GYR_VIEW_USED | kept | flags);
}

static int apply_transaction(struct gyr_sequence *sequence, const struct gyr_feedback *feedback)
{
	struct gyr_account_view *sender = gyr_admission_find(&sequence->admission,
							     &feedback->address);

	/* it was ordered, so it was found then */
	gyr_assert(sender != NULL && sender->in_flight > 0);
	(void)gyr_u256_add(&sender->available, &sender->available, &feedback->delta);
	set_flags(sender, feedback->account_flags);
	sender->in_flight--;
	if (sender->in_flight == 0) {
		sender->nonce = feedback->nonce; /* differs only where something was skipped */
		sender->flags &= (uint8_t)~GYR_VIEW_SKIPPED;
	} else if (feedback->nonce < sender->nonce - sender->in_flight) {
		sender->flags |= GYR_VIEW_SKIPPED;
	}
	if (feedback->block_number == sequence->block.number) {
		uint64_t unused = feedback->gas_limit - feedback->gas_used;

		gyr_assert(feedback->gas_used <= feedback->gas_limit);
		gyr_assert(unused <= sequence->block.gas_reserved);
		sequence->block.gas_reserved -= unused;
	}
	sequence_authorities_executed(sequence, feedback->position);
	gyr_duplicate_executed(&sequence->duplicate, feedback->position, feedback->verdict,
			       feedback->status, feedback->gas_used, feedback->block_number);
	return 0;
}

static int apply_account(struct gyr_sequence *sequence, const struct gyr_feedback *feedback)
{
	struct gyr_account_view *account = gyr_admission_get(&sequence->admission,
							     &feedback->address);

	if (account == NULL)
		GYR_FAIL(GYR_ERR_LIMIT, "the admission table holds its %llu accounts",
			 (unsigned long long)sequence->admission.count_max);
	(void)gyr_u256_add(&account->available, &account->available, &feedback->delta);
	set_flags(account, feedback->account_flags);
	if (account->in_flight == 0)
		account->nonce = feedback->nonce;
	return 0;
}

static int take_feedback(struct gyr_sequence *sequence, unsigned *taken)
{
	const struct gyr_feedback *feedback, *later;

	for (unsigned i = 0; i < FEEDBACK_BUDGET; i++) {
		feedback = gyr_spsc_peek(sequence->feedback);
		if (feedback == NULL)
			return 0;
		later = gyr_spsc_peek_ahead(sequence->feedback, FEEDBACK_AHEAD);
		if (later != NULL)
			gyr_admission_prefetch(&sequence->admission, &later->address);
		switch ((enum gyr_feedback_kind)feedback->kind) {
		case GYR_FEEDBACK_TRANSACTION:
			GYR_TRY(apply_transaction(sequence, feedback));
			break;
		case GYR_FEEDBACK_ACCOUNT:
			GYR_TRY(apply_account(sequence, feedback));
			break;
		case GYR_FEEDBACK_BLOCK:
			gyr_assert(feedback->block_number <= sequence->block.number);
			sequence->block.base_fee_bound =
				sequence_fee_bound(feedback->base_fee,
						   sequence->block.number - feedback->block_number);
			break;
		}
		gyr_spsc_release(sequence->feedback);
		(*taken)++;
	}
	return 0;
}

/* Whether so much is not durable yet that no slot may be taken (invariant 3). */
static bool too_much_undurable(struct gyr_sequence *sequence, uint64_t now_ns)
{
	uint64_t published = gyr_log_published(sequence->log);
	uint64_t durable = gyr_log_durable(sequence->log);

	if (durable >= sequence->undurable_position) {
		sequence->undurable_position = published;
		sequence->undurable_since_ns = now_ns;
	}
	return published - gyr_min_u64(durable, published) > sequence->conf.undurable_bytes_max ||
	       now_ns - sequence->undurable_since_ns > sequence->conf.undurable_ns_max;
}

/* Puts the parked successor of what was just ordered in order; false: no room now, try again. */
static bool release_parked(struct gyr_sequence *sequence, struct sequence_now now)
{
	while (sequence->release_pending) {
		struct gyr_account_view *account = gyr_admission_find(&sequence->admission,
								      &sequence->release_sender);
		struct gyr_parked *parked = gyr_park_find(&sequence->park, &account->address,
							  account->nonce);
		const struct gyr_duplicate_entry *again;
		struct sequence_item item;
		enum gyr_verdict verdict;
		struct gyr_u256 cost;
		struct gyr_txn txn;

		if (parked == NULL) {
			sequence->release_pending = false;
			return true;
		}
		verdict = gyr_txn_parse(
			&txn, (struct gyr_slice){ parked->raw, parked->arrival.raw_length },
			&sequence->conf.rules);
		gyr_assert(verdict == GYR_VERDICT_OK);
		item = (struct sequence_item){
			.arrival = &parked->arrival,
			.finding = &parked->finding,
			.txn = &txn,
			.arrival_number = parked->arrival_number,
			.released_by = sequence->release_arrival,
			.gate = &sequence->gates[parked->gate],
		};
		verdict = sequence_decide(sequence, &account, &cost, &again, &item, now);
		if (verdict == GYR_VERDICT_OK) {
			if (!sequence_order(sequence, account, &cost, &item, now.ns))
				return false;
		} else {
			item.released_by = item.arrival_number;
			if (!sequence_reject(sequence, &item, verdict, again))
				return false;
			sequence->release_pending = false;
		}
		gyr_park_remove(&sequence->park, parked);
		account->parked--;
	}
	return true;
}

/* Rejects what waited too long, or everything parked while stopping. */
static bool expire_parked(struct gyr_sequence *sequence, uint64_t now_ns)
{
	for (unsigned i = 0; i < EXPIRE_BUDGET; i++) {
		struct gyr_parked *parked = gyr_park_oldest(&sequence->park);
		struct gyr_account_view *account;
		struct sequence_item item;

		if (parked == NULL || (parked->expires_ns > now_ns && !sequence->stopping))
			return true;
		item = (struct sequence_item){
			.arrival = &parked->arrival,
			.finding = &parked->finding,
			.arrival_number = parked->arrival_number,
			.released_by = parked->arrival_number,
			.gate = &sequence->gates[parked->gate],
		};
		if (!sequence_reject(sequence, &item,
				     sequence->stopping ? GYR_VERDICT_STOPPING
							: GYR_VERDICT_PARK_EXPIRED,
				     NULL))
			return false;
		account = gyr_admission_find(&sequence->admission, &parked->finding.sender);
		account->parked--;
		gyr_park_remove(&sequence->park, parked);
	}
	return true;
}

/* The merge rule: of the gates whose oldest slot is verified, the one received first. */
static struct gyr_sequence_gate *next_gate(struct gyr_sequence *sequence, uint64_t *slot)
{
	struct gyr_sequence_gate *first = NULL;
	uint64_t first_ns = 0;

	for (unsigned i = 0; i < sequence->gate_count; i++) {
		struct gyr_sequence_gate *gate = &sequence->gates[i];
		uint64_t received_ns, at;

		if (!gyr_intake_peek(gate->intake, &at))
			continue;
		received_ns = gyr_intake_arrival(gate->intake, at)->receive_utc_ns;
		if (first == NULL || received_ns < first_ns) {
			first = gate;
			first_ns = received_ns;
			*slot = at;
		}
	}
	return first;
}

static void release_slot(struct gyr_sequence *sequence, struct gyr_sequence_gate *gate,
			 const struct gyr_intake_arrival *arrival)
{
	if (GYR_UNLIKELY(arrival->pool_index != UINT32_MAX)) {
		uint32_t *index = gyr_spsc_reserve(gate->pool_free);

		gyr_assert(index != NULL); /* it holds as many as there are buffers */
		*index = arrival->pool_index;
		gyr_spsc_publish(gate->pool_free);
	}
	gyr_intake_release(gate->intake);
	sequence->arrival_next++;
	gyr_metric_add(&sequence->counters.slots, 1);
}

/* Brings near what a slot that comes soon will need. */
static void prefetch(const struct gyr_sequence *sequence, const struct gyr_sequence_gate *gate,
		     uint64_t slot)
{
	const struct gyr_intake_finding *finding = gyr_intake_finding(gate->intake, slot);

	/* The finding itself is as far away: its own line comes SLOTS_AHEAD slots earlier. */
	__builtin_prefetch(gyr_intake_finding(gate->intake, slot + SLOTS_AHEAD));
	__builtin_prefetch(gyr_intake_payload(gate->intake, slot));
	/* acquire: pairs with gyr_intake_verified, as in gyr_intake_peek */
	if (atomic_load_explicit(&finding->verified, memory_order_acquire) != slot + 1)
		return;
	gyr_admission_prefetch(&sequence->admission, &finding->sender);
	gyr_duplicate_prefetch(&sequence->duplicate, &finding->transaction_hash);
}

/* Gives one slot its disposition; false: no room downstream, the slot is untouched. */
static bool take_slot(struct gyr_sequence *sequence, struct gyr_sequence_gate *gate, uint64_t slot,
		      struct sequence_now now)
{
	const struct gyr_sequence_payload *payload = gyr_intake_payload(gate->intake, slot);
	struct sequence_item item = {
		.arrival = gyr_intake_arrival(gate->intake, slot),
		.finding = gyr_intake_finding(gate->intake, slot),
		.txn = &payload->txn,
		.authorities = gyr_sequence_authorities(gate->intake, slot),
		.arrival_number = sequence->arrival_next,
		.released_by = sequence->arrival_next,
		.gate = gate,
	};
	const struct gyr_duplicate_entry *again;
	struct gyr_account_view *account = NULL;
	enum gyr_verdict verdict;
	struct gyr_u256 cost;

	prefetch(sequence, gate, slot + SLOTS_AHEAD);
	verdict = sequence_decide(sequence, &account, &cost, &again, &item, now);
	if (verdict == GYR_VERDICT_OK) {
		if (!sequence_order(sequence, account, &cost, &item, now.ns))
			return false;
		if (account->parked > 0) {
			sequence->release_pending = true;
			sequence->release_sender = account->address;
			sequence->release_arrival = item.arrival_number;
		}
	} else if (verdict != GYR_VERDICT_NONCE_GAP ||
		   !sequence_park(sequence, account, &item, now.ns)) {
		if (!sequence_reject(sequence, &item, verdict, again))
			return false;
	}
	release_slot(sequence, gate, item.arrival);
	return true;
}

static void answer_queries(struct gyr_sequence *sequence, struct gyr_sequence_gate *gate)
{
	for (unsigned i = 0; i < QUERY_BUDGET; i++) {
		const struct gyr_sequence_query *query = gyr_spsc_peek(gate->queries);
		const struct gyr_duplicate_entry *entry;
		struct gyr_sequence_event *event;

		if (query == NULL)
			return;
		event = gyr_spsc_reserve(gate->events);
		if (event == NULL)
			return;
		entry = gyr_duplicate_find(&sequence->duplicate, &query->hash);
		*event = (struct gyr_sequence_event){
			.client_tag = query->client_tag,
			.hash = query->hash,
			.session = query->session,
			.kind = GYR_SEQUENCE_STATUS,
			.known = entry != NULL,
		};
		if (entry != NULL) {
			event->position = entry->position;
			event->arrival = entry->arrival;
			event->executed = entry->executed;
			event->verdict = entry->verdict;
			event->status = entry->status;
			event->gas_used = entry->gas_used;
			event->block_number = entry->block_number;
		} else {
			event->parked = gyr_park_find_hash(&sequence->park, &query->hash) != NULL;
		}
		gyr_spsc_publish(gate->events);
		gyr_spsc_release(gate->queries);
	}
}

/* Ends the turn with a commit point, as far as the wal can take one more. */
static void commit(struct gyr_sequence *sequence, uint64_t now_ns)
{
	if (sequence->commit_takes_at != NULL && !sequence->stopping &&
	    atomic_load_explicit(sequence->commit_takes_at, memory_order_relaxed) !=
		    gyr_log_committed(sequence->log))
		return;
	if (gyr_log_commit(sequence->log)) {
		gyr_metric_add(&sequence->counters.commits, 1);
		sequence->commit_ns = now_ns;
	} else if (now_ns - sequence->commit_ns >= RESTATE_AFTER_NS &&
		   gyr_log_restate_wanted(sequence->log)) {
		(void)gyr_log_restate(sequence->log);
	}
}

int gyr_sequence_poll(struct gyr_sequence *sequence, bool *stalled, uint64_t now_ns,
		      uint64_t utc_ns, unsigned budget)
{
	struct sequence_now now = { now_ns, utc_ns };
	unsigned done = 0;

	*stalled = false;
	GYR_TRY(take_feedback(sequence, &done));
	for (unsigned i = 0; i < sequence->gate_count; i++)
		answer_queries(sequence, &sequence->gates[i]);
	done += sequence_boundaries(sequence, stalled, now);
	if (!*stalled && !(release_parked(sequence, now) && expire_parked(sequence, now_ns)))
		*stalled = true;
	if (!*stalled && too_much_undurable(sequence, now_ns)) {
		uint64_t slot;

		*stalled = next_gate(sequence, &slot) != NULL;
		if (*stalled)
			gyr_metric_add(&sequence->counters.stalled_undurable, 1);
		budget = 0;
	}
	for (unsigned i = 0; i < budget && !*stalled; i++) {
		uint64_t slot;
		struct gyr_sequence_gate *gate = next_gate(sequence, &slot);

		if (gate == NULL)
			break;
		*stalled = !take_slot(sequence, gate, slot, now) || !release_parked(sequence, now);
		done += !*stalled;
	}
	commit(sequence, now_ns);
	return (int)done;
}

void gyr_sequence_stop(struct gyr_sequence *sequence)
{
	sequence->stopping = true;
	sequence->block.mini_due_ns = 0;
}

bool gyr_sequence_drained(const struct gyr_sequence *sequence)
{
	for (unsigned i = 0; i < sequence->gate_count; i++) {
		uint64_t slot;

		if (gyr_intake_peek(sequence->gates[i].intake, &slot))
			return false;
	}
	return sequence->park.count == 0 && sequence->block.mini_tx_count == 0 &&
	       gyr_log_published(sequence->log) == gyr_log_committed(sequence->log);
}
