/* SPDX-License-Identifier: Apache-2.0 */
/* Edges of gas and of single instructions, through whole transactions; and the gas slice. */
#include "gyr_test.h"

#include "evm_rig.h"
#include "gyr_secp.h"

static struct evm_rig rig;

enum { CONTRACT = 9, OTHER = 10, SENDER = 1 };

static size_t unhex(uint8_t *to, const char *text)
{
	size_t length = strlen(text) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	return length;
}

/* Runs `code` in a fresh chain with a second contract beside it, in slices. */
static struct gyr_stf_receipt run(const char *code, const char *other, uint64_t gas, int64_t slice)
{
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_address sender = evm_rig_address(SENDER);
	struct gyr_txn txn = evm_rig_call(CONTRACT, 0, gas, none);
	struct gyr_stf_receipt receipt;
	uint8_t bytes[2048];
	enum gyr_stf_status status;

	gyr_stf_reset(rig.stf, &rig.config);
	evm_rig_account(&rig, SENDER, 100, NULL, 0);
	evm_rig_account(&rig, CONTRACT, 0, bytes, unhex(bytes, code));
	evm_rig_account(&rig, OTHER, 0, bytes, unhex(bytes, other));
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &txn, &sender), GYR_VERDICT_OK);
	while ((status = gyr_stf_step(rig.stf, slice)) == GYR_STF_RUNNING)
		;
	assert_int_equal(status, GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	return receipt;
}

static struct gyr_u256 slot(uint64_t key)
{
	struct gyr_address address = evm_rig_address(CONTRACT);
	struct gyr_u256 word = gyr_u256_from_u64(key);

	return gyr_stf_slot_read(rig.stf, &address, &word);
}

static void halts(const char *code, enum gyr_evm_halt halt)
{
	struct gyr_stf_receipt receipt = run(code, "", 200000, INT64_MAX);

	assert_int_equal(receipt.halt, halt);
	assert_int_equal(receipt.success, halt == GYR_EVM_SUCCESS);
	if (halt > GYR_EVM_REVERT)
		assert_true(receipt.gas_used == 200000);
}

static void instructions_fail_where_they_must(void **state)
{
	char code[2 * 1100];

	(void)state;
	halts("", GYR_EVM_SUCCESS);
	halts("01", GYR_EVM_STACK_UNDERFLOW);
	halts("600101", GYR_EVM_STACK_UNDERFLOW);
	halts("fe", GYR_EVM_INVALID_OPCODE);
	halts("0c", GYR_EVM_INVALID_OPCODE);
	halts("600456", GYR_EVM_BAD_JUMP);
	halts("6004565b", GYR_EVM_BAD_JUMP);
	halts("6003565b", GYR_EVM_SUCCESS);
	/* The destination lies in the data of a PUSH. */
	halts("60045660605b", GYR_EVM_BAD_JUMP);
	/* PUSH cut short by the end of the code. */
	halts("7f", GYR_EVM_SUCCESS);
	/* Reading return data beyond its end fails, call data does not. */
	halts("60015f5f3e", GYR_EVM_RETURN_DATA_RANGE);
	halts("5f5f5f3e", GYR_EVM_SUCCESS);
	halts("60205f5f37", GYR_EVM_SUCCESS);
	/* No memory is so large; of none at all any offset is right. */
	halts("5f6801000000000000000052", GYR_EVM_OUT_OF_GAS);
	halts("5f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff20",
	      GYR_EVM_SUCCESS);
	halts("5f7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd",
	      GYR_EVM_REVERT);
	for (unsigned i = 0; i < 1025; i++)
		memcpy(code + (size_t)2 * i, "5f", 2);
	code[2 * 1024] = '\0';
	halts(code, GYR_EVM_SUCCESS);
	code[2 * 1024] = '5';
	code[2 * 1025] = '\0';
	halts(code, GYR_EVM_STACK_OVERFLOW);
}

static void stores_ask_for_more_than_the_stipend(void **state)
{
	/* Two stores of the same: the second costs 100, and fails with 2300 left (EIP-2200). */
	const char *code = "60015f5560015f55";
	uint64_t before = 21000 + 3 + 2 + 22100 + 3 + 2;

	(void)state;
	assert_int_equal(run(code, "", before + 2301, INT64_MAX).halt, GYR_EVM_SUCCESS);
	assert_int_equal(run(code, "", before + 2300, INT64_MAX).halt, GYR_EVM_OUT_OF_GAS);
	assert_int_equal(run(code, "", before + 2301, 1).halt, GYR_EVM_SUCCESS);
	assert_int_equal(run(code, "", before + 2300, 1).halt, GYR_EVM_OUT_OF_GAS);
}

static void a_call_keeps_one_sixty_fourth(void **state)
{
	/* CALL(gas: all, OTHER), where OTHER burns it; then SSTORE(0, GAS) is not affordable. */
	const char *code = "5f5f5f5f5f73a00000000000000000000000000000000000000a5af15a00";
	uint64_t gas = 1000000, left = gas - 21000 - 5 * 2 - 3 - 2 - 2600;
	struct gyr_stf_receipt receipt = run(code, "fe", gas, INT64_MAX);

	(void)state;
	assert_true(receipt.success);
	assert_true(receipt.gas_used == gas - (left / 64 - 2));
	assert_true(run(code, "fe", gas, 1).gas_used == receipt.gas_used);
}

static void memory_costs_grow_with_the_square(void **state)
{
	/* MSTORE8(1023 * 32, 0): 1024 words. */
	struct gyr_stf_receipt receipt = run("5f617fe053", "", 100000, INT64_MAX);

	(void)state;
	assert_true(receipt.gas_used == 21000 + 2 + 3 + 3 + 3 * 1024 + 1024 * 1024 / 512);
}

static void clz_comes_with_osaka(void **state)
{
	struct gyr_chain_config osaka = rig.config;

	(void)state;
	assert_int_equal(run("60011e5f55", "", 200000, INT64_MAX).halt, GYR_EVM_SUCCESS);
	assert_true(slot(0).limb[0] == 255);
	rig.config.forks[GYR_FORK_OSAKA] = (struct gyr_fork_activation){ 2, 0 };
	halts("60011e5f55", GYR_EVM_INVALID_OPCODE);
	rig.config = osaka;
}

/* A loop that stores GAS, calls, makes contracts and logs; whatever the slice, all is the same. */
static void slices_change_nothing(void **state)
{
	/* Creates 6000600055 as init code, calls OTHER, logs, and so on, 40 times. */
	const char *code = "60285b"			  /* n: */
			   "5a8155"			  /* SSTORE(n, GAS) */
			   "6460006000555f5260055f5ff050" /* CREATE */
			   "5f5f5f5f5f73a00000000000000000000000000000000000000a5af150"
			   "60405fa0" /* LOG0 */
			   "600190038060025700";
	const char *other = "602054600101602055"; /* a counter in slot 32 */
	uint64_t seed = gyr_test_seed();
	struct gyr_stf_receipt whole = run(code, other, 16000000, INT64_MAX);
	struct gyr_hash root, logs = whole.logs_hash;
	struct gyr_u256 first = slot(40), last = slot(1);

	(void)state;
	assert_true(whole.success && whole.log_count == 40);
	gyr_stf_root_reset(rig.root);
	root = evm_rig_end(&rig);
	for (int i = 0; i < 30; i++) {
		int64_t slice = 1 + (int64_t)(gyr_test_random(&seed) % 200000);
		struct gyr_stf_receipt receipt = run(code, other, 16000000, slice);
		struct gyr_u256 again = slot(40);

		assert_true(receipt.gas_used == whole.gas_used);
		assert_memory_equal(receipt.logs_hash.bytes, logs.bytes, 32);
		assert_true(gyr_u256_equal(&again, &first));
		again = slot(1);
		assert_true(gyr_u256_equal(&again, &last));
		gyr_stf_root_reset(rig.root);
		memset(&rig.parent_hash, 0, sizeof rig.parent_hash);
		assert_memory_equal(evm_rig_end(&rig).bytes, root.bytes, 32);
	}
}

/* EIP-7702: an account borrows a contract's code, which then works on the account's storage. */
static void delegation_runs_in_the_authority(void **state)
{
	uint8_t secret[32] = { [31] = 7 }, key[64], bytes[64], list[128];
	uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];
	struct gyr_txn_authorization tuple = { .address = evm_rig_address(CONTRACT) };
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(list, sizeof list);
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_txn txn = evm_rig_call(CONTRACT, 0, 200000, none);
	struct gyr_address sender = evm_rig_address(SENDER), authority;
	struct gyr_stf_receipt receipt;
	struct gyr_stf_account account;
	struct gyr_u256 zero = gyr_u256_from_u64(0), value;
	struct gyr_hash hash;

	(void)state;
	assert_true(gyr_secp_public_key(key, secret));
	gyr_keccak256(&hash, key, 64);
	memcpy(authority.bytes, hash.bytes + 12, 20);
	tuple.chain_id = gyr_u256_from_u64(1337);
	gyr_keccak256(&hash, payload, gyr_txn_authorization_payload(payload, &tuple));
	assert_true(gyr_secp_sign(tuple.r, tuple.s, &tuple.parity, hash.bytes, secret));
	gyr_txn_encode_authorization(&writer, &tuple);
	txn.type = GYR_TXN_SET_CODE;
	txn.to = authority;
	txn.authorizations = (struct gyr_slice){ list, (size_t)(writer.at - list) };
	txn.authorization_count = 1;

	gyr_stf_reset(rig.stf, &rig.config);
	evm_rig_account(&rig, SENDER, 100, NULL, 0);
	/* SSTORE(0, ADDRESS) */
	evm_rig_account(&rig, CONTRACT, 0, bytes, unhex(bytes, "305f55"));
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &txn, &sender), GYR_VERDICT_OK);
	assert_int_equal(gyr_stf_step(rig.stf, INT64_MAX), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	assert_true(receipt.success);
	assert_true(receipt.gas_used == 21000 + 25000 + 2 + 2 + 22100);
	assert_true(gyr_stf_account_read(rig.stf, &authority, &account));
	assert_true(account.delegated && !account.has_code && account.nonce == 1);
	value = gyr_stf_slot_read(rig.stf, &authority, &zero);
	gyr_u256_from_address(&zero, &authority);
	assert_true(gyr_u256_equal(&value, &zero));

	/* The same authorization again: its nonce is used, nothing changes but the fees. */
	txn.nonce = 1;
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &txn, &sender), GYR_VERDICT_OK);
	assert_int_equal(gyr_stf_step(rig.stf, INT64_MAX), GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	assert_true(gyr_stf_account_read(rig.stf, &authority, &account));
	assert_true(account.delegated && account.nonce == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions_fail_where_they_must),
		cmocka_unit_test(stores_ask_for_more_than_the_stipend),
		cmocka_unit_test(a_call_keeps_one_sixty_fourth),
		cmocka_unit_test(memory_costs_grow_with_the_square),
		cmocka_unit_test(clz_comes_with_osaka),
		cmocka_unit_test(slices_change_nothing),
		cmocka_unit_test(delegation_runs_in_the_authority),
	};
	struct gyr_stf_limits limits = gyr_stf_limits_of(1u << 24, 30000000, 4096, 16384);

	if (!evm_rig_init(&rig, &limits))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
