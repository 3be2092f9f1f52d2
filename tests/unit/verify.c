/* SPDX-License-Identifier: Apache-2.0 */
/* The verify and known stages: whatever a gate says about keys, senders are those of recovery. */
#include "gyr_test.h"

#include "gyr_err.h"
#include "gyr_known_portable.h"
#include "gyr_load.h"
#include "gyr_recover_portable.h"
#include "gyr_secp.h"
#include "stage_known.h"
#include "stage_verify.h"

#define SENDERS	    4
#define TRANSACTION 16
#define SLOTS	    64
#define SLOT_SIZE   1024
#define TABLES	    3

struct rig {
	struct gyr_load_account accounts[SENDERS];
	struct gyr_load_work work;
	uint8_t bytes[TRANSACTION * GYR_LOAD_TRANSACTION_MAX];
	uint8_t lengths[TRANSACTION];
	struct gyr_txn_rules rules;
	void *memory[8];
	unsigned memory_count;
	struct gyr_intake *intake;
	struct stage_verify verify;
	struct stage_known known;
	struct pipeline_fault fault;
	struct gyr_turn turn;
	uint64_t taken;
};

static void *take_memory(struct rig *rig, size_t size)
{
	void *memory = aligned_alloc(4096, gyr_round_up(size, 4096));

	assert_non_null(memory);
	memset(memory, 0, gyr_round_up(size, 4096));
	rig->memory[rig->memory_count++] = memory;
	return memory;
}

static struct gyr_spsc *ring_of(struct rig *rig, size_t item_size, uint64_t count)
{
	return gyr_spsc_init(take_memory(rig, gyr_spsc_size(item_size, count)), item_size, count);
}

static struct rig *rig_make(void)
{
	static const struct gyr_recover_ops *const candidates[] = { &gyr_recover_portable };
	struct gyr_recover_conf recover = { .candidates = candidates,
					    .candidate_count = 1,
					    .reference = &gyr_recover_portable };
	struct gyr_known_conf known = { .ops = &gyr_known_portable,
					.slot_count = TABLES,
					.lane_count = 1 };
	struct rig *rig = aligned_alloc(64, gyr_round_up(sizeof *rig, 64));
	struct gyr_arena arena;

	assert_non_null(rig);
	memset(rig, 0, sizeof *rig);
	assert_int_equal(gyr_load_accounts(rig->accounts, SENDERS, 5, 1), 0);
	rig->work = (struct gyr_load_work){ .accounts = rig->accounts,
					    .account_count = SENDERS,
					    .count = TRANSACTION,
					    .chain_id = 1,
					    .max_fee = 1000,
					    .bytes = rig->bytes,
					    .lengths = rig->lengths };
	assert_int_equal(gyr_load_sign(&rig->work, 1), 0);
	gyr_txn_rules_init(&rig->rules, GYR_FORK_PRAGUE, 1);
	rig->intake = gyr_intake_init(take_memory(rig, gyr_intake_size(SLOTS, SLOT_SIZE)), SLOTS,
				      SLOT_SIZE);
	arena = gyr_arena_over(take_memory(rig, 1 << 20), 1 << 20);
	assert_int_equal(gyr_recover_init(&rig->verify.recover, &arena, &recover), 0);
	assert_int_equal(gyr_known_init(&rig->known.known, &arena, &known, &gyr_recover_portable,
					rig->verify.recover.reference_context),
			 0);
	rig->verify.keccak = &gyr_keccak_portable;
	rig->verify.fault = &rig->fault;
	rig->verify.known = &rig->known.known;
	rig->verify.keys = ring_of(rig, sizeof(struct known_key), 64);
	rig->verify.gates[0] = rig->intake;
	rig->verify.gate_count = 1;
	rig->verify.scratch_stride = SLOT_SIZE;
	rig->verify.scratch = take_memory(rig, GYR_RECOVER_BATCH_MAX * SLOT_SIZE);
	rig->known.keys[0] = rig->verify.keys;
	rig->known.requests[0] = ring_of(rig, sizeof(struct gyr_session_key_request), 16);
	rig->known.answers[0] = ring_of(rig, sizeof(struct known_answer), 16);
	rig->known.verify_count = rig->known.gate_count = 1;
	rig->known.waiting = take_memory(rig, KNOWN_KEY_COUNT * sizeof *rig->known.waiting);
	rig->known.pins = take_memory(rig, TABLES * sizeof *rig->known.pins);
	return rig;
}

static void rig_free(struct rig *rig)
{
	stage_verify_ops.fini(&rig->verify);
	while (rig->memory_count > 0)
		free(rig->memory[--rig->memory_count]);
	free(rig);
}

/* Fills a slot with a transaction, its signature damaged or not. */
static void arrive(struct rig *rig, uint64_t index, uint64_t known, uint8_t key_flags, bool damaged)
{
	struct gyr_slice raw = gyr_load_transaction(&rig->work, index);
	struct gyr_sequence_payload *payload;
	struct gyr_intake_arrival *arrival;
	uint64_t slot;

	assert_true(gyr_intake_reserve(rig->intake, &slot));
	payload = gyr_intake_payload(rig->intake, slot);
	arrival = gyr_intake_arrival(rig->intake, slot);
	memcpy(payload->raw, raw.data, raw.length);
	payload->raw[raw.length - 1] ^= damaged; /* the last byte of s */
	assert_int_equal(gyr_txn_parse(&payload->txn,
				       (struct gyr_slice){ payload->raw, raw.length }, &rig->rules),
			 GYR_VERDICT_OK);
	arrival->known = known;
	arrival->key_flags = key_flags;
	gyr_intake_publish(rig->intake);
}

/* Verifies all and compares the next finding with recovery and with the outcome of the key. */
static void expect(struct rig *rig, uint64_t index, bool damaged, uint8_t key)
{
	const struct gyr_intake_finding *finding;
	uint64_t slot;

	for (unsigned i = 0; i < 64; i++)
		(void)stage_verify_ops.poll(&rig->verify, &rig->turn, 64);
	assert_true(gyr_intake_peek(rig->intake, &slot));
	finding = gyr_intake_finding(rig->intake, slot);
	assert_int_equal(finding->key, key);
	if (damaged)
		assert_false(finding->verdict == GYR_VERDICT_OK &&
			     gyr_address_equal(&finding->sender,
					       &rig->accounts[index % SENDERS].address));
	else
		assert_true(finding->verdict == GYR_VERDICT_OK &&
			    gyr_address_equal(&finding->sender,
					      &rig->accounts[index % SENDERS].address));
	gyr_intake_release(rig->intake);
}

/* Asks for a sender's table as a gate does; its handle. */
static uint64_t table_for(struct rig *rig, unsigned sender, bool pinned)
{
	struct gyr_session_key_request *request = gyr_spsc_reserve(rig->known.requests[0]);
	const struct known_answer *answer;
	uint64_t known;

	assert_non_null(request);
	*request = (struct gyr_session_key_request){ .address = rig->accounts[sender].address,
						     .session = 9,
						     .pinned = pinned };
	gyr_spsc_publish(rig->known.requests[0]);
	rig->turn.now_ns += KNOWN_BUILD_NS;
	(void)stage_known_ops.poll(&rig->known, &rig->turn, 1);
	answer = gyr_spsc_peek(rig->known.answers[0]);
	assert_non_null(answer);
	assert_int_equal(answer->session, 9);
	known = answer->known;
	gyr_spsc_release(rig->known.answers[0]);
	return known;
}

static void keys_change_how_fast_never_what(void **state)
{
	struct rig *rig = rig_make();
	uint64_t known;

	(void)state;
	arrive(rig, 0, 0, GYR_INTAKE_KEY_WANTED, false);
	expect(rig, 0, false, GYR_INTAKE_KEY_NONE);
	known = table_for(rig, 0, false);
	assert_true(known != 0);
	/* The right key, a damaged signature, another's, a handle that never was, bad hints. */
	arrive(rig, 4, known, 0, false);
	arrive(rig, 4, known, 0, true);
	arrive(rig, 5, known, GYR_INTAKE_KEY_GUESSED, false);
	arrive(rig, 6, 0x12345678, 0, false);
	arrive(rig, 8, known, GYR_INTAKE_KEY_NONCE, false);
	arrive(rig, 7, 0, 0, true);
	expect(rig, 4, false, GYR_INTAKE_KEY_HIT);
	expect(rig, 4, true, GYR_INTAKE_KEY_MISS);
	expect(rig, 5, false, GYR_INTAKE_KEY_MISS);
	expect(rig, 6, false, GYR_INTAKE_KEY_GONE);
	expect(rig, 8, false, GYR_INTAKE_KEY_HIT);
	expect(rig, 7, true, GYR_INTAKE_KEY_NONE);
	assert_int_equal(gyr_metric_get(&rig->verify.counters.known), 2);
	assert_int_equal(gyr_metric_get(&rig->verify.counters.known_missed), 2);
	assert_int_equal(gyr_metric_get(&rig->verify.counters.known_gone), 1);
	assert_int_equal(gyr_metric_get(&rig->verify.counters.requests), 7);
	rig_free(rig);
}

static void tables_come_only_of_keys_that_were_recovered(void **state)
{
	struct rig *rig = rig_make();
	uint64_t known[SENDERS];

	(void)state;
	assert_true(table_for(rig, 1, false) == 0); /* nobody saw the key */
	arrive(rig, 1, 0, 0, false);
	expect(rig, 1, false, GYR_INTAKE_KEY_NONE);
	assert_true(table_for(rig, 1, false) == 0); /* its session wanted none */
	for (unsigned i = 0; i < SENDERS; i++) {
		arrive(rig, i, 0, GYR_INTAKE_KEY_WANTED, false);
		expect(rig, i, false, GYR_INTAKE_KEY_NONE);
	}
	known[0] = table_for(rig, 0, true);
	assert_int_equal(rig->known.pinned_count, 1);
	assert_true(table_for(rig, 0, true) == known[0]); /* at most half is pinned */
	for (unsigned i = 1; i < SENDERS; i++)
		known[i] = table_for(rig, i, true);
	assert_int_equal(gyr_metric_get(&rig->known.counters.builds), SENDERS);
	assert_int_equal(gyr_metric_get(&rig->known.counters.evictions), 1);
	/* The pinned one is there, the one that was used longest ago is not. */
	for (unsigned i = 0; i < SENDERS; i++)
		arrive(rig, i, known[i], 0, false);
	for (unsigned i = 0; i < SENDERS; i++)
		expect(rig, i, false, i == 1 ? GYR_INTAKE_KEY_GONE : GYR_INTAKE_KEY_HIT);
	rig_free(rig);
}

/* Makes addresses that would meet a sender's where their first bytes alone said where keys wait. */
static void nobody_pushes_a_chosen_key_out(void **state)
{
	struct rig *rig = rig_make();

	(void)state;
	rig->known.place_seed = 0x0123456789abcdef;
	arrive(rig, 0, 0, GYR_INTAKE_KEY_WANTED, false);
	expect(rig, 0, false, GYR_INTAKE_KEY_NONE);
	for (unsigned i = 1; i < 20; i++) {
		struct known_key *key = gyr_spsc_reserve(rig->verify.keys);

		assert_non_null(key);
		*key = (struct known_key){ .address = rig->accounts[0].address };
		key->address.bytes[7] = (uint8_t)(key->address.bytes[7] + i);
		key->address.bytes[19] = (uint8_t)(key->address.bytes[19] + i);
		gyr_spsc_publish(rig->verify.keys);
	}
	assert_true(table_for(rig, 0, false) != 0);
	rig_free(rig);
}

/* A tuple signed by an account; parity and chain as given. */
static void add_tuple(struct gyr_rlp_writer *writer, const struct gyr_load_account *account,
		      uint64_t chain_id, uint8_t parity_flip)
{
	struct gyr_txn_authorization tuple = { .chain_id = gyr_u256_from_u64(chain_id),
					       .nonce = 3 };
	uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];
	struct gyr_hash hash;

	gyr_keccak256(&hash, payload, gyr_txn_authorization_payload(payload, &tuple));
	assert_true(gyr_secp_sign(tuple.r, tuple.s, &tuple.parity, hash.bytes, account->secret));
	tuple.parity ^= parity_flip;
	gyr_txn_encode_authorization(writer, &tuple);
}

static void authorities_are_those_who_signed(void **state)
{
	struct rig *rig = rig_make();
	struct gyr_txn txn = { .type = GYR_TXN_SET_CODE, .is_protected = true, .chain_id = 1 };
	uint8_t tuples[512];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(tuples, sizeof tuples);
	const struct gyr_address *authorities;
	struct gyr_sequence_payload *payload;
	static const struct gyr_address none;
	uint64_t slot;
	size_t length;

	(void)state;
	add_tuple(&writer, &rig->accounts[1], 1, 0);
	add_tuple(&writer, &rig->accounts[2], 0, 0);	/* any chain */
	add_tuple(&writer, &rig->accounts[3], 2, 0);	/* another chain */
	add_tuple(&writer, &rig->accounts[3], 1, 0x1a); /* no parity */
	add_tuple(&writer, &rig->accounts[3], 1, 1);	/* somebody else, or nobody */
	txn.authorizations = (struct gyr_slice){ tuples, (size_t)(writer.at - tuples) };
	txn.authorization_count = 5;
	txn.r[31] = txn.s[31] = 1;
	assert_true(gyr_intake_reserve(rig->intake, &slot));
	payload = gyr_intake_payload(rig->intake, slot);
	length = gyr_txn_encode(payload->raw, SLOT_SIZE - sizeof *payload, &txn);
	assert_true(length > 0);
	assert_int_equal(gyr_txn_parse(&payload->txn, (struct gyr_slice){ payload->raw, length },
				       &rig->rules),
			 GYR_VERDICT_OK);
	gyr_intake_arrival(rig->intake, slot)->known = 0;
	gyr_intake_publish(rig->intake);
	(void)stage_verify_ops.poll(&rig->verify, &rig->turn, 64);
	assert_true(gyr_intake_peek(rig->intake, &slot));
	authorities = gyr_sequence_authorities(rig->intake, slot);
	assert_true(gyr_address_equal(&authorities[0], &rig->accounts[1].address));
	assert_true(gyr_address_equal(&authorities[1], &rig->accounts[2].address));
	assert_true(gyr_address_equal(&authorities[2], &none));
	assert_true(gyr_address_equal(&authorities[3], &none));
	assert_false(gyr_address_equal(&authorities[4], &rig->accounts[3].address));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_change_how_fast_never_what),
		cmocka_unit_test(tables_come_only_of_keys_that_were_recovered),
		cmocka_unit_test(nobody_pushes_a_chosen_key_out),
		cmocka_unit_test(authorities_are_those_who_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
