/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_verify.h"

#include "gyr_metric.h"
#include "stage_known.h"

static const struct gyr_sequence_payload *payload_of(const struct gyr_intake *gate, uint64_t slot)
{
	return gyr_intake_payload(gate, slot);
}

/* Transactions as they are, then what was signed of each: the two hashes of all of them at once. */
static void hash_run(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
		     unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = &payload_of(gate, first + i)->txn;
		uint8_t *scratch = verify->scratch + i * verify->scratch_stride;
		struct gyr_slice *signing = &verify->messages[count + i];

		verify->messages[i] = txn->raw;
		if (GYR_LIKELY(txn->raw.length + GYR_TXN_PAYLOAD_EXTRA <= verify->scratch_stride)) {
			signing->data = scratch;
			signing->length = gyr_txn_signing_payload(scratch, verify->scratch_stride,
								  txn);
			continue;
		}
		/* a long one is hashed alone; an empty message takes its place in the batch */
		*signing = (struct gyr_slice){ scratch, 0 };
	}
	verify->keccak->hash_many(verify->hashes, verify->messages, (size_t)count * 2);
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = &payload_of(gate, first + i)->txn;

		if (GYR_UNLIKELY(verify->messages[count + i].length == 0)) {
			size_t length = gyr_txn_signing_payload(verify->scratch_long,
								verify->scratch_long_size, txn);

			verify->keccak->hash(&verify->hashes[count + i], verify->scratch_long,
					     length);
		}
	}
}

static void make_requests(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
			  unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = &payload_of(gate, first + i)->txn;
		struct gyr_recover_request *request = &verify->requests[i];

		memcpy(request->hash, verify->hashes[count + i].bytes, sizeof request->hash);
		memcpy(request->r, txn->r, sizeof request->r);
		memcpy(request->s, txn->s, sizeof request->s);
		request->parity = txn->parity;
	}
}

/* sender: NULL where the signature gives none. */
static void publish(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
		    unsigned at, const struct gyr_address *sender)
{
	struct gyr_intake_finding *finding = gyr_intake_finding(gate, first + at);

	finding->verdict = sender != NULL ? GYR_VERDICT_OK : GYR_VERDICT_SIGNATURE_INVALID;
	finding->sender = sender != NULL ? *sender : (struct gyr_address){ { 0 } };
	finding->transaction_hash = verify->hashes[at];
	gyr_intake_verified(gate, first + at);
}

/* Sorts the run into slots with a table and the rest; returns how many have one. */
static unsigned find_tables(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
			    unsigned count, uint64_t now_ns)
{
	unsigned known_count = 0;

	verify->rest_count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_intake_arrival *arrival = gyr_intake_arrival(gate, first + i);
		struct verify_known *tried = &verify->tried[known_count];
		uint8_t *key = &gyr_intake_finding(gate, first + i)->key;
		const uint8_t *nonce;

		*key = GYR_INTAKE_KEY_NONE;
		if (arrival->known != 0 && verify->known != NULL) {
			*key = GYR_INTAKE_KEY_GONE;
			tried->check.table = gyr_known_table(verify->known, &tried->address,
							     arrival->known, now_ns);
		}
		if (*key == GYR_INTAKE_KEY_NONE || tried->check.table == NULL) {
			gyr_metric_add(&verify->counters.known_gone, *key != GYR_INTAKE_KEY_NONE);
			verify->rest[verify->rest_count++] = (uint8_t)i;
			continue;
		}
		nonce = (arrival->key_flags & GYR_INTAKE_KEY_NONCE) != 0
				? payload_of(gate, first + i)->nonce
				: NULL;
		tried->at = i;
		tried->check.request = &verify->requests[i];
		tried->check.nonce_y = nonce;
		tried->check.s_inverse = nonce == NULL ? NULL : nonce + 32;
		known_count++;
	}
	return known_count;
}

/* Tries one group; what it does not settle joins the rest. */
static int try_group(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
		     const struct verify_known *group, unsigned count)
{
	struct gyr_known_check checks[GYR_KNOWN_GROUP_MAX];
	enum gyr_known_answer answers[GYR_KNOWN_GROUP_MAX];

	for (unsigned i = 0; i < count; i++)
		checks[i] = group[i].check;
	gyr_known_check(verify->known, answers, checks, count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *key = &gyr_intake_finding(gate, first + group[i].at)->key;

		if (answers[i] == GYR_KNOWN_UNDECIDED)
			gyr_metric_add(&verify->counters.known_undecided, 1);
		else
			GYR_TRY(gyr_recover_shadow(&verify->recover, checks[i].request,
						   answers[i] == GYR_KNOWN_YES, &group[i].address));
		if (answers[i] == GYR_KNOWN_YES) {
			*key = GYR_INTAKE_KEY_HIT;
			gyr_metric_add(&verify->counters.known, 1);
			publish(verify, gate, first, group[i].at, &group[i].address);
			continue;
		}
		*key = GYR_INTAKE_KEY_MISS;
		gyr_metric_add(&verify->counters.known_missed, 1);
		verify->rest[verify->rest_count++] = (uint8_t)group[i].at;
	}
	return 0;
}

static int try_known(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
		     unsigned known_count)
{
	for (unsigned i = 0; i < known_count;) {
		unsigned count = gyr_known_take(known_count - i);

		GYR_TRY(try_group(verify, gate, first, &verify->tried[i], count));
		i += count;
	}
	return 0;
}

/* Sends the keys that sessions want tables of; what finds no room comes again another time. */
static void offer_keys(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
		       uint64_t valid)
{
	for (unsigned i = 0; i < verify->rest_count; i++) {
		const struct gyr_intake_arrival *arrival =
			gyr_intake_arrival(gate, first + verify->rest[i]);
		struct known_key *key;

		if ((arrival->key_flags & GYR_INTAKE_KEY_WANTED) == 0 || (valid >> i & 1) == 0)
			continue;
		key = gyr_spsc_reserve(verify->keys);
		if (key == NULL)
			return;
		key->address = verify->senders[i];
		memcpy(key->public_key, verify->public_keys[i], sizeof key->public_key);
		gyr_spsc_publish(verify->keys);
	}
}

/* The counter of batches of this size. */
static _Atomic uint64_t *batches_of(struct verify_counters *counters, unsigned count)
{
	_Atomic uint64_t *const by_size[] = { &counters->batches_1,  &counters->batches_2,
					      &counters->batches_4,  &counters->batches_8,
					      &counters->batches_16, &counters->batches_32,
					      &counters->batches_64 };

	return by_size[count == 1 ? 0 : 32 - __builtin_clz(count - 1)];
}

static int recover_rest(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
			unsigned count)
{
	const struct gyr_recover_request *asked = verify->requests;
	uint64_t valid;

	if (verify->rest_count < count) {
		for (unsigned i = 0; i < verify->rest_count; i++)
			verify->asked[i] = verify->requests[verify->rest[i]];
		asked = verify->asked;
	}
	GYR_TRY(gyr_recover_batch(&verify->recover, &valid, verify->senders,
				  verify->keys == NULL ? NULL : verify->public_keys, asked,
				  verify->rest_count));
	if (verify->keys != NULL)
		offer_keys(verify, gate, first, valid); /* before the sequencer has the slots */
	for (unsigned i = 0; i < verify->rest_count; i++)
		publish(verify, gate, first, verify->rest[i],
			(valid >> i & 1) != 0 ? &verify->senders[i] : NULL);
	gyr_metric_add(&verify->counters.batches, 1);
	gyr_metric_add(batches_of(&verify->counters, verify->rest_count), 1);
	gyr_metric_add(&verify->counters.invalid,
		       verify->rest_count - (unsigned)__builtin_popcountll(valid));
	return 0;
}

/* Whether a tuple can have an effect at all on this chain (EIP-7702). */
static bool may_authorize(const struct gyr_txn *txn, const struct gyr_txn_authorization *tuple)
{
	struct gyr_u256 chain_id = gyr_u256_from_u64(txn->chain_id);

	return tuple->parity <= 1 &&
	       (gyr_u256_is_zero(&tuple->chain_id) || gyr_u256_equal(&tuple->chain_id, &chain_id));
}

/* Who signed the authorizations of one slot: the sequencer holds their transactions back. */
static int recover_authorities(struct stage_verify *verify, struct gyr_intake *gate, uint64_t slot)
{
	const struct gyr_txn *txn = &payload_of(gate, slot)->txn;
	struct gyr_address *authorities = gyr_sequence_authorities(gate, slot);
	struct gyr_recover_request requests[GYR_SEQUENCE_AUTHORITIES_MAX];
	struct gyr_slice rest = txn->authorizations;
	struct gyr_txn_authorization tuple;
	uint64_t effective = 0, valid;
	unsigned count = 0;

	gyr_assert(txn->authorization_count <= GYR_SEQUENCE_AUTHORITIES_MAX);
	for (; gyr_txn_next_authorization(&tuple, &rest); count++) {
		uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];
		size_t length = gyr_txn_authorization_payload(payload, &tuple);
		struct gyr_recover_request *request = &requests[count];
		struct gyr_hash hash;

		effective |= (uint64_t)may_authorize(txn, &tuple) << count;
		verify->keccak->hash(&hash, payload, length);
		memcpy(request->hash, hash.bytes, sizeof request->hash);
		memcpy(request->r, tuple.r, sizeof request->r);
		memcpy(request->s, tuple.s, sizeof request->s);
		request->parity = tuple.parity & 1;
	}
	GYR_TRY(gyr_recover_batch(&verify->recover, &valid, authorities, NULL, requests, count));
	for (unsigned i = 0; i < count; i++)
		if (((effective & valid) >> i & 1) == 0)
			memset(&authorities[i], 0, sizeof authorities[i]);
	return 0;
}

static unsigned verify_run(struct stage_verify *verify, struct gyr_intake *gate, uint64_t first,
			   unsigned count, uint64_t now_ns)
{
	unsigned known_count;
	int error = 0;

	if (verify->known != NULL)
		gyr_known_enter(verify->known, verify->lane);
	known_count = find_tables(verify, gate, first, count, now_ns);
	hash_run(verify, gate, first, count);
	make_requests(verify, gate, first, count);
	for (unsigned i = 0; i < count && error == 0; i++)
		if (GYR_UNLIKELY(payload_of(gate, first + i)->txn.authorization_count > 0))
			error = recover_authorities(verify, gate, first + i);
	if (error == 0 && known_count > 0)
		error = try_known(verify, gate, first, known_count);
	if (verify->known != NULL)
		gyr_known_leave(verify->known, verify->lane);
	if (error == 0 && verify->rest_count > 0)
		error = recover_rest(verify, gate, first, count);
	if (GYR_UNLIKELY(error < 0))
		return pipeline_fail(verify->fault, "verify", error);
	gyr_metric_add(&verify->counters.requests, count);
	gyr_metric_set(&verify->counters.shadow, verify->recover.shadow_count);
	return count;
}

static unsigned verify_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_verify *verify = self;
	unsigned done = 0;

	(void)budget; /* a poll is one batch of a gate: bounded by the driver's largest */
	for (unsigned i = 0; i < verify->gate_count && done == 0; i++) {
		struct gyr_intake *gate = verify->gates[verify->gate_next];
		unsigned pending = gyr_intake_pending(gate, GYR_RECOVER_BATCH_MAX);
		unsigned count;
		uint64_t first;

		if (++verify->gate_next == verify->gate_count)
			verify->gate_next = 0;
		if (pending == 0)
			continue;
		count = gyr_intake_claim(gate, &first, gyr_recover_take(&verify->recover, pending));
		if (count > 0)
			done = verify_run(verify, gate, first, count, turn->now_ns);
	}
	return done;
}

static bool verify_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_verify *verify = self;

	(void)turn;
	for (unsigned i = 0; i < verify->gate_count; i++)
		if (gyr_intake_pending(verify->gates[i], 1) != 0)
			return false;
	return true;
}

static void verify_fini(void *self)
{
	struct stage_verify *verify = self;

	gyr_recover_fini(&verify->recover);
}

const struct gyr_stage_ops stage_verify_ops = {
	.name = "verify",
	.poll = verify_poll,
	.drain = verify_drain,
	.fini = verify_fini,
};
