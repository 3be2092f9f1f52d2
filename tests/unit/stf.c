/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include "evm_rig.h"

static struct evm_rig rig;

/* EIP-2935's contract as its EIP gives it. */
static const uint8_t history_code[] = {
	0x33, 0x73, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x14, 0x60, 0x46, 0x57, 0x60, 0x20,
	0x36, 0x03, 0x60, 0x42, 0x57, 0x5f, 0x35, 0x60, 0x01, 0x43, 0x03, 0x81, 0x11, 0x60,
	0x42, 0x57, 0x61, 0x1f, 0xff, 0x81, 0x43, 0x03, 0x11, 0x60, 0x42, 0x57, 0x61, 0x1f,
	0xff, 0x90, 0x06, 0x54, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3, 0x5b, 0x5f, 0x5f, 0xfd,
	0x5b, 0x5f, 0x35, 0x61, 0x1f, 0xff, 0x60, 0x01, 0x43, 0x03, 0x06, 0x55, 0x00,
};
static const struct gyr_address history = {
	{ 0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb,
	  0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35 },
};

static void start(void)
{
	gyr_stf_reset(rig.stf, &rig.config);
	gyr_stf_root_reset(rig.root);
	memset(&rig.parent_hash, 0, sizeof rig.parent_hash);
	evm_rig_account(&rig, 1, 100, NULL, 0);
}

static enum gyr_verdict run(const struct gyr_txn *txn, uint8_t sender,
			    struct gyr_stf_receipt *receipt)
{
	struct gyr_address from = evm_rig_address(sender);
	enum gyr_verdict verdict = gyr_stf_tx_begin(rig.stf, txn, &from);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	assert_int_equal(gyr_stf_step(rig.stf, INT64_MAX), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, receipt), GYR_STF_DONE);
	return verdict;
}

/* The root that a fresh set of tries gives for all that is in the state. */
static struct gyr_hash root_of_all(void)
{
	struct gyr_state_cursor cursor = { 0, 0 };
	struct gyr_hash hash;

	gyr_stf_root_reset(rig.root);
	while (gyr_state_export(gyr_stf_state(rig.stf), &cursor, &rig.writes))
		assert_true(gyr_stf_root_apply(rig.root, &rig.writes));
	hash = *gyr_stf_root_state(rig.root);
	return hash;
}

static void transfer_moves_value_and_pays_fees(void **state)
{
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_txn txn = evm_rig_call(2, 0, 21000, none);
	struct gyr_stf_receipt receipt;
	struct gyr_stf_account account;
	struct gyr_address address = evm_rig_address(2);
	uint32_t changed = 0;

	(void)state;
	start();
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	/* An empty genesis block lowers the base fee by an eighth. */
	assert_true(gyr_stf_base_fee(rig.stf) == 875000000);
	txn.value = gyr_u256_from_u64(7);
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_OK);
	assert_true(receipt.success);
	assert_true(receipt.gas_used == 21000);
	assert_true(gyr_stf_account_read(rig.stf, &address, &account));
	assert_true(account.balance.limb[0] == 7 && account.nonce == 0);
	address = evm_rig_address(0xfe);
	assert_true(gyr_stf_account_read(rig.stf, &address, &account));
	assert_true(account.balance.limb[0] == UINT64_C(21000) * (100000000000 - 875000000));
	while (gyr_stf_changed_account(rig.stf, changed, &account))
		changed++;
	assert_int_equal(changed, 3);
	(void)evm_rig_end(&rig);
	assert_true(gyr_hash_equal(&gyr_stf_root_header(rig.root)->state_root,
				   gyr_stf_root_state(rig.root)));
}

static void bad_transactions_leave_no_trace(void **state)
{
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_txn txn = evm_rig_call(2, 1, 21000, none);
	struct gyr_stf_receipt receipt;

	(void)state;
	start();
	evm_rig_account(&rig, 3, 1, "\x00", 1);
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_SKIP_NONCE);
	assert_int_equal(run(&txn, 3, &receipt), GYR_VERDICT_SKIP_SENDER_CODE);
	txn.nonce = 0;
	assert_int_equal(run(&txn, 2, &receipt), GYR_VERDICT_SKIP_BALANCE);
	txn.gas_limit = 20999;
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_SKIP_INTRINSIC);
	txn.gas_limit = (1u << 24) + 1;
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_GAS_ABOVE_CAP);
	txn.gas_limit = 21000;
	txn.max_fee = txn.max_priority_fee = gyr_u256_from_u64(874999999);
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_SKIP_BASE_FEE);
	txn.type = GYR_TXN_BLOB;
	assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_TX_TYPE_BLOB);
	(void)evm_rig_end(&rig);
	assert_true(gyr_stf_root_header(rig.root)->gas_used == 0);
	assert_true(
		gyr_hash_equal(&gyr_stf_root_header(rig.root)->tx_root, &gyr_keccak_empty_trie));
}

static void incremental_root_equals_the_root_of_everything(void **state)
{
	/* SSTORE(CALLDATALOAD(0), CALLDATALOAD(32)); LOG1 of 32 bytes. */
	static const uint8_t code[] = { 0x60, 0x20, 0x35, 0x5f, 0x35, 0x55, 0x60,
					0x01, 0x60, 0x20, 0x5f, 0xa1, 0x00 };
	uint64_t seed = gyr_test_seed();
	struct gyr_stf_receipt receipt;
	uint8_t data[64] = { 0 };
	const struct gyr_slice input = { data, sizeof data };
	struct gyr_hash incremental;
	uint64_t nonce = 0;

	(void)state;
	start();
	evm_rig_account(&rig, 9, 0, code, sizeof code);
	evm_rig_seal(&rig);
	for (uint64_t number = 1; number < 20; number++) {
		assert_true(evm_rig_block(&rig, number));
		for (int i = 0; i < 12; i++) {
			struct gyr_txn txn = evm_rig_call(9, nonce++, 100000, input);

			data[31] = (uint8_t)(gyr_test_random(&seed) % 24);
			data[63] = (uint8_t)(gyr_test_random(&seed) % 3);
			assert_int_equal(run(&txn, 1, &receipt), GYR_VERDICT_OK);
			assert_true(receipt.success && receipt.log_count == 1);
		}
		(void)evm_rig_end(&rig);
	}
	incremental = gyr_stf_root_header(rig.root)->state_root;
	assert_memory_equal(incremental.bytes, root_of_all().bytes, 32);
}

/* The hash of the parent is written late, and a contract that reads it waits. */
static void parent_hash_may_come_late(void **state)
{
	/* BLOCKHASH(NUMBER - 1) to slot 0. */
	static const uint8_t blockhash[] = { 0x60, 0x01, 0x43, 0x03, 0x40, 0x5f, 0x55, 0x00 };
	struct gyr_stf_block_output *first, *second;
	uint8_t data[32] = { 0 };
	const struct gyr_slice none = { NULL, 0 }, one = { data, sizeof data };
	struct gyr_u256 balance = gyr_u256_from_u64(0), zero = balance, value;
	struct gyr_txn read = evm_rig_call(9, 0, 100000, none);
	struct gyr_txn query = evm_rig_call(0, 1, 100000, one);
	struct gyr_address sender = evm_rig_address(1), reader = evm_rig_address(9);
	struct gyr_hash hash = { { 1 } }, genesis = { { 2 } };
	struct gyr_stf_receipt receipt;

	(void)state;
	start();
	evm_rig_account(&rig, 9, 0, blockhash, sizeof blockhash);
	assert_true(
		gyr_stf_genesis_account(rig.stf, &history, 1, &balance,
					(struct gyr_slice){ history_code, sizeof history_code }));
	evm_rig_seal(&rig);
	gyr_stf_provide_block_hash(rig.stf, 0, &genesis);
	assert_true(evm_rig_block(&rig, 1));
	first = gyr_stf_block_end(rig.stf);
	assert_non_null(first);
	assert_false(first->history_pending);

	assert_true(evm_rig_block(&rig, 2));
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &read, &sender), GYR_VERDICT_OK);
	assert_int_equal(gyr_stf_step(rig.stf, 40000), GYR_STF_NEEDS_BLOCK_HASH);
	assert_int_equal(gyr_stf_step(rig.stf, 40000), GYR_STF_NEEDS_BLOCK_HASH);
	assert_true(gyr_stf_block_hash_wanted(rig.stf) == 1);
	gyr_stf_provide_block_hash(rig.stf, 1, &hash);
	assert_int_equal(gyr_stf_step(rig.stf, 40000), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	/* 21000, 6 simple instructions, BLOCKHASH, a cold store of something. */
	assert_true(receipt.gas_used == 21000 + 3 + 2 + 3 + 20 + 2 + 22100);
	value = gyr_stf_slot_read(rig.stf, &reader, &zero);
	assert_true(value.limb[3] == UINT64_C(1) << 56);
	second = gyr_stf_block_end(rig.stf);
	assert_false(second->history_pending);

	/* Block 3: the hash of 2 is not known at its end; the root's owner fills it in. */
	assert_true(evm_rig_block(&rig, 3));
	query.to = history;
	data[31] = 2;
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &query, &sender), GYR_VERDICT_OK);
	assert_int_equal(gyr_stf_step(rig.stf, 40000), GYR_STF_NEEDS_BLOCK_HASH);
	assert_true(gyr_stf_block_hash_wanted(rig.stf) == 2);
	hash.bytes[0] = 3;
	gyr_stf_provide_block_hash(rig.stf, 2, &hash);
	assert_int_equal(gyr_stf_step(rig.stf, 40000), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	assert_true(receipt.success && receipt.output.length == 32);
	assert_int_equal(receipt.output.data[0], 3);
}

static void history_slot_is_filled_by_the_root(void **state)
{
	struct gyr_u256 balance = gyr_u256_from_u64(0), key = gyr_u256_from_u64(1);
	struct gyr_stf_block_output *first, *second;
	struct gyr_hash parent = { { 9 } }, incremental;

	(void)state;
	start();
	assert_true(
		gyr_stf_genesis_account(rig.stf, &history, 1, &balance,
					(struct gyr_slice){ history_code, sizeof history_code }));
	evm_rig_seal(&rig);
	gyr_stf_provide_block_hash(rig.stf, 0, &parent);
	assert_true(evm_rig_block(&rig, 1));
	first = gyr_stf_block_end(rig.stf);
	assert_true(evm_rig_block(&rig, 2));
	second = gyr_stf_block_end(rig.stf);
	assert_true(second->history_pending);
	gyr_stf_root_begin(rig.root, first, &parent);
	while (gyr_stf_root_step(rig.root, 1) != GYR_STF_ROOT_DONE)
		;
	parent = *gyr_stf_root_hash(rig.root);
	gyr_stf_provide_block_hash(rig.stf, 1, &parent);
	gyr_stf_root_begin(rig.root, second, &parent);
	while (gyr_stf_root_step(rig.root, 1) != GYR_STF_ROOT_DONE)
		;
	incremental = gyr_stf_root_header(rig.root)->state_root;
	gyr_u256_load_be(&balance, parent.bytes);
	key = gyr_stf_slot_read(rig.stf, &history, &key);
	assert_true(gyr_u256_equal(&key, &balance));
	assert_memory_equal(incremental.bytes, root_of_all().bytes, 32);
}

/* The header of Ethereum's first block, whose hash everybody knows. */
static void mainnet_genesis_header_has_its_hash(void **state)
{
	static const uint8_t root[32] = {
		0xd7, 0xf8, 0x97, 0x4f, 0xb5, 0xac, 0x78, 0xd9, 0xac, 0x09, 0x9b,
		0x9a, 0xd5, 0x01, 0x8b, 0xed, 0xc2, 0xce, 0x0a, 0x72, 0xda, 0xd1,
		0x82, 0x7a, 0x17, 0x09, 0xda, 0x30, 0x58, 0x0f, 0x05, 0x44,
	};
	static const uint8_t extra[32] = {
		0x11, 0xbb, 0xe8, 0xdb, 0x4e, 0x34, 0x7b, 0x4e, 0x8c, 0x93, 0x7c,
		0x1c, 0x83, 0x70, 0xe4, 0xb5, 0xed, 0x33, 0xad, 0xb3, 0xdb, 0x69,
		0xcb, 0xdb, 0x7a, 0x38, 0xe1, 0xe5, 0x0b, 0x1b, 0x82, 0xfa,
	};
	static const uint8_t expected[4] = { 0xd4, 0xe5, 0x67, 0x40 };
	struct gyr_stf_header header = {
		.fork = GYR_FORK_FRONTIER,
		.tx_root = gyr_keccak_empty_trie,
		.receipt_root = gyr_keccak_empty_trie,
		.difficulty = gyr_u256_from_u64(17179869184),
		.gas_limit = 5000,
		.extra = { extra, 32 },
		.nonce = { [7] = 0x42 },
	};
	struct gyr_hash hash;

	(void)state;
	memcpy(header.state_root.bytes, root, 32);
	gyr_stf_header_hash(&hash, &header, &gyr_keccak_portable);
	assert_memory_equal(hash.bytes, expected, sizeof expected);
}

static void base_fee_follows_eip_1559(void **state)
{
	struct gyr_chain_config config = gyr_chain_config_default(1);
	struct gyr_stf_parent parent = { .gas_limit = 30000000, .base_fee = 1000000000 };

	(void)state;
	parent.gas_used = 15000000;
	assert_true(gyr_stf_next_base_fee(&config, &parent) == 1000000000);
	parent.gas_used = 30000000;
	assert_true(gyr_stf_next_base_fee(&config, &parent) == 1125000000);
	parent.gas_used = 0;
	assert_true(gyr_stf_next_base_fee(&config, &parent) == 875000000);
	config.base_fee_floor = 900000000;
	assert_true(gyr_stf_next_base_fee(&config, &parent) == 900000000);
	parent.base_fee = 1;
	parent.gas_used = 15000001;
	config.base_fee_floor = 0;
	assert_true(gyr_stf_next_base_fee(&config, &parent) == 2);
}

/* Two mappings' slots of caller and argument are counted up, one nested; and a log. */
static const uint8_t counting_code[] = {
	0x33, 0x5f, 0x52, 0x5f, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5f, 0x20, 0x80, 0x54, 0x60, 0x01,
	0x01, 0x90, 0x55, 0x60, 0x01, 0x60, 0x20, 0x52, 0x60, 0x40, 0x5f, 0x20, 0x60, 0x20, 0x52,
	0x60, 0x04, 0x35, 0x5f, 0x52, 0x60, 0x40, 0x5f, 0x20, 0x80, 0x54, 0x60, 0x01, 0x01, 0x90,
	0x55, 0x60, 0x04, 0x35, 0x33, 0x60, 0x77, 0x60, 0x40, 0x5f, 0xa3, 0x00,
};

#define EXPECTED_TXS 12

/* Three blocks of calls, some of them with too little data; returns the last one's hash. */
static struct gyr_hash run_counting(bool expect)
{
	uint8_t data[EXPECTED_TXS][36] = { { 0 } };
	struct gyr_address senders[2] = { evm_rig_address(1), evm_rig_address(3) };
	struct gyr_stf_expected expected[EXPECTED_TXS];
	struct gyr_txn txns[EXPECTED_TXS];
	struct gyr_stf_receipt receipt;
	struct gyr_hash hash = { { 0 } };

	start();
	evm_rig_account(&rig, 3, 100, NULL, 0);
	evm_rig_account(&rig, 2, 0, counting_code, sizeof counting_code);
	evm_rig_seal(&rig);
	for (uint64_t block = 1; block <= 3; block++) {
		assert_true(evm_rig_block(&rig, block));
		for (unsigned i = 0; i < EXPECTED_TXS; i++) {
			data[i][3] = (uint8_t)(i / 5); /* another function */
			data[i][35] = (uint8_t)(block + i / 2);
			txns[i] = evm_rig_call(
				2, (block - 1) * (EXPECTED_TXS / 2) + i / 2, 200000,
				(struct gyr_slice){ data[i], i == 7 ? 4 : sizeof data[i] });
			expected[i] = (struct gyr_stf_expected){ &txns[i], &senders[i % 2] };
		}
		for (unsigned i = 0; i < EXPECTED_TXS; i++) {
			if (expect && i % 4 == 0)
				gyr_stf_expect(rig.stf, expected + i, 4);
			assert_int_equal(run(&txns[i], i % 2 == 0 ? 1 : 3, &receipt),
					 GYR_VERDICT_OK);
			assert_true(receipt.success);
			assert_int_equal(receipt.log_count, 1);
			gyr_keccak256(&hash, receipt.logs_encoded.data,
				      receipt.logs_encoded.length);
			assert_true(expect || gyr_hash_equal(&hash, &receipt.logs_hash));
		}
		hash = evm_rig_end(&rig);
	}
	return hash;
}

static void what_is_expected_changes_no_result(void **state)
{
	struct gyr_hash without = run_counting(false), with;

	(void)state;
	/* The last test: receipts are deferred from now on. */
	gyr_stf_defer_receipts(rig.stf);
	with = run_counting(true);
	assert_true(gyr_hash_equal(&without, &with));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_moves_value_and_pays_fees),
		cmocka_unit_test(bad_transactions_leave_no_trace),
		cmocka_unit_test(incremental_root_equals_the_root_of_everything),
		cmocka_unit_test(parent_hash_may_come_late),
		cmocka_unit_test(history_slot_is_filled_by_the_root),
		cmocka_unit_test(mainnet_genesis_header_has_its_hash),
		cmocka_unit_test(base_fee_follows_eip_1559),
		cmocka_unit_test(what_is_expected_changes_no_result),
	};
	struct gyr_stf_limits limits = gyr_stf_limits_of(1u << 24, 30000000, 4096, 16384);

	if (!evm_rig_init(&rig, &limits))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
