/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_verify.h"

static void add(_Atomic uint64_t *counter, uint64_t by)
{
	/* writer: this verifier's lane alone; readers take it relaxed */
	uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

static const struct gyr_txn *txn_of(const struct verify_gate *gate, uint64_t slot)
{
	const struct gyr_sequence_payload *payload = gyr_intake_payload(gate->intake, slot);

	return &payload->txn;
}

/* Transactions as they are, then what was signed of each: the two hashes of all of them at once. */
static void hash_run(struct stage_verify *verify, const struct verify_gate *gate, uint64_t first,
		     unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = txn_of(gate, first + i);
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
		const struct gyr_txn *txn = txn_of(gate, first + i);

		if (GYR_UNLIKELY(verify->messages[count + i].length == 0)) {
			size_t length = gyr_txn_signing_payload(verify->scratch_long,
								verify->scratch_long_size, txn);

			verify->keccak->hash(&verify->hashes[count + i], verify->scratch_long,
					     length);
		}
	}
}

static unsigned verify_run(struct stage_verify *verify, const struct verify_gate *gate,
			   uint64_t first, unsigned count)
{
	uint64_t valid;
	int error;

	hash_run(verify, gate, first, count);
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = txn_of(gate, first + i);
		struct gyr_recover_request *request = &verify->requests[i];

		memcpy(request->hash, verify->hashes[count + i].bytes, sizeof request->hash);
		memcpy(request->r, txn->r, sizeof request->r);
		memcpy(request->s, txn->s, sizeof request->s);
		request->parity = txn->parity;
	}
	error = gyr_recover_batch(&verify->recover, &valid, verify->senders, NULL, verify->requests,
				  count);
	if (GYR_UNLIKELY(error < 0))
		return pipeline_fail(verify->fault, "verify", error);
	for (unsigned i = 0; i < count; i++) {
		struct gyr_intake_finding *finding = gyr_intake_finding(gate->intake, first + i);
		bool ok = (valid >> i) & 1;

		finding->verdict = ok ? GYR_VERDICT_OK : GYR_VERDICT_SIGNATURE_INVALID;
		finding->sender = verify->senders[i];
		finding->transaction_hash = verify->hashes[i];
		gyr_intake_verified(gate->intake, first + i);
	}
	add(&verify->batches, 1);
	add(&verify->by_size[count == 1 ? 0 : 32 - __builtin_clz(count - 1)], 1);
	atomic_store_explicit(&verify->shadow, verify->recover.shadow_count, memory_order_relaxed);
	add(&verify->recovered, count);
	add(&verify->invalid, count - (unsigned)__builtin_popcountll(valid));
	return count;
}

static unsigned verify_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_verify *verify = self;
	unsigned done = 0;

	(void)turn;
	(void)budget; /* a poll is one batch of a gate: bounded by the driver's largest */
	for (unsigned i = 0; i < verify->gate_count && done == 0; i++) {
		const struct verify_gate *gate = &verify->gates[verify->gate_next];
		unsigned pending = gyr_intake_pending(gate->intake, GYR_RECOVER_BATCH_MAX);
		unsigned count;
		uint64_t first;

		if (++verify->gate_next == verify->gate_count)
			verify->gate_next = 0;
		if (pending == 0)
			continue;
		count = gyr_intake_claim(gate->intake, &first,
					 gyr_recover_take(&verify->recover, pending));
		if (count > 0)
			done = verify_run(verify, gate, first, count);
	}
	return done;
}

static bool verify_drain(void *self, const struct gyr_turn *turn)
{
	struct stage_verify *verify = self;

	(void)turn;
	for (unsigned i = 0; i < verify->gate_count; i++)
		if (gyr_intake_pending(verify->gates[i].intake, 1) != 0)
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
