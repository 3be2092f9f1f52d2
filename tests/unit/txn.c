/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_txn.h"

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned byte;

		(void)sscanf(hex + 2 * i, "%2x", &byte);
		out[i] = (uint8_t)byte;
	}
	return length;
}

static void assert_hex(const uint8_t *bytes, size_t length, const char *hex)
{
	uint8_t want[512];

	assert_int_equal(from_hex(want, hex), length);
	assert_memory_equal(bytes, want, length);
}

/* The example of EIP-155. */
static const char eip155_raw[] =
	"f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a7640000802"
	"5a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aec"
	"b703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

static void the_example_of_eip_155(void **state)
{
	uint8_t raw[256], payload[256], again[256];
	struct gyr_slice slice = { raw, from_hex(raw, eip155_raw) };
	struct gyr_txn_rules rules;
	struct gyr_txn txn;
	struct gyr_hash hash;
	size_t length;

	(void)state;
	gyr_txn_rules_init(&rules, GYR_FORK_CANCUN, 1);
	assert_int_equal(gyr_txn_parse(&txn, slice, &rules), GYR_VERDICT_OK);
	assert_int_equal(gyr_txn_check(&txn, &rules), GYR_VERDICT_OK);
	assert_int_equal(txn.type, GYR_TXN_LEGACY);
	assert_true(txn.is_protected && !txn.is_create && txn.chain_id == 1 && txn.nonce == 9);
	assert_true(txn.gas_limit == 21000 && txn.parity == 0 && txn.data.length == 0);
	assert_true(txn.max_fee.limb[0] == 20000000000 && txn.value.limb[0] == 1000000000000000000);
	length = gyr_txn_signing_payload(payload, sizeof payload, &txn);
	assert_hex(payload, length,
		   "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764"
		   "000080018080");
	gyr_txn_signing_hash(&hash, &txn, &gyr_keccak_portable);
	assert_hex(hash.bytes, 32,
		   "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
	length = gyr_txn_encode(again, sizeof again, &txn);
	assert_int_equal(length, slice.length);
	assert_memory_equal(again, raw, length);
	rules.chain_id = 2;
	assert_int_equal(gyr_txn_parse(&txn, slice, &rules), GYR_VERDICT_CHAIN_ID);
	gyr_txn_rules_init(&rules, GYR_FORK_HOMESTEAD, 1);
	assert_int_equal(gyr_txn_parse(&txn, slice, &rules), GYR_VERDICT_SIGNATURE_RANGE);
}

/* A transaction of each type that passes every check, chain id 5. */
static struct gyr_txn sample(enum gyr_txn_type type)
{
	struct gyr_txn txn = {
		.type = type,
		.is_protected = true,
		.chain_id = 5,
		.nonce = 7,
		.gas_limit = 100000,
		.max_fee = gyr_u256_from_u64(100),
		.max_priority_fee = gyr_u256_from_u64(type >= GYR_TXN_DYNAMIC_FEE ? 3 : 100),
	};

	txn.r[31] = 1;
	txn.s[31] = 1;
	return txn;
}

static enum gyr_verdict verdict_of(const struct gyr_txn *txn, const struct gyr_txn_rules *rules)
{
	static uint8_t raw[70000];
	struct gyr_txn parsed;
	enum gyr_verdict verdict;

	verdict = gyr_txn_parse(
		&parsed, (struct gyr_slice){ raw, gyr_txn_encode(raw, sizeof raw, txn) }, rules);
	return verdict == GYR_VERDICT_OK ? gyr_txn_check(&parsed, rules) : verdict;
}

static void signatures_have_ranges(void **state)
{
	struct gyr_txn_rules rules;
	struct gyr_txn txn = sample(GYR_TXN_DYNAMIC_FEE);

	(void)state;
	gyr_txn_rules_init(&rules, GYR_FORK_PRAGUE, 5);
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn.parity = 2;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_SIGNATURE_RANGE);
	txn.parity = 1;
	memset(txn.r, 0, 32);
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_SIGNATURE_RANGE);
	(void)from_hex(txn.r, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_SIGNATURE_RANGE);
	txn.r[31] = 0x40;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	(void)from_hex(txn.s, "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn.s[31] = 0xa1;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_SIGNATURE_HIGH_S);
	rules.high_s_allowed = true;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn = sample(GYR_TXN_LEGACY);
	txn.is_protected = false;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	rules.unprotected_allowed = false;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_UNPROTECTED);
}

static void types_belong_to_forks(void **state)
{
	static const enum gyr_fork first[GYR_TXN_TYPE_COUNT] = {
		GYR_FORK_SPURIOUS, GYR_FORK_BERLIN, GYR_FORK_LONDON,
		GYR_FORK_CANCUN,   GYR_FORK_PRAGUE,
	};
	uint8_t blob[33] = { 0xa0, 1 }, tuple[128];
	struct gyr_txn_authorization authorization = { .nonce = 1 };
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(tuple, sizeof tuple);
	struct gyr_txn_rules rules;

	(void)state;
	gyr_txn_encode_authorization(&writer, &authorization);
	for (unsigned type = 0; type < GYR_TXN_TYPE_COUNT; type++) {
		struct gyr_txn txn = sample((enum gyr_txn_type)type);

		if (type == GYR_TXN_BLOB)
			txn.blob_hashes = (struct gyr_slice){ blob, sizeof blob };
		if (type == GYR_TXN_SET_CODE)
			txn.authorizations = (struct gyr_slice){ tuple,
								 (size_t)(writer.at - tuple) };
		for (unsigned fork = GYR_FORK_SPURIOUS; fork < GYR_FORK_COUNT; fork++) {
			enum gyr_verdict refused = type == GYR_TXN_BLOB
							   ? GYR_VERDICT_TX_TYPE_BLOB
							   : GYR_VERDICT_TX_TYPE_NOT_ACTIVE;

			gyr_txn_rules_init(&rules, (enum gyr_fork)fork, 5);
			assert_int_equal(verdict_of(&txn, &rules),
					 fork < first[type] ? refused : GYR_VERDICT_OK);
		}
		if (type < GYR_TXN_BLOB)
			continue;
		txn.is_create = true;
		assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_CREATE_FORBIDDEN);
		txn.is_create = false;
		txn.blob_hashes.length = txn.authorizations.length = 0;
		assert_int_equal(verdict_of(&txn, &rules),
				 type == GYR_TXN_BLOB ? GYR_VERDICT_FIELD_RANGE
						      : GYR_VERDICT_AUTHORIZATION_EMPTY);
	}
}

static void limits_have_verdicts(void **state)
{
	static uint8_t code[49153];
	struct gyr_txn_rules rules;
	struct gyr_txn txn = sample(GYR_TXN_DYNAMIC_FEE);
	struct gyr_hash slot = { { 1 } };
	uint8_t access[128];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(access, sizeof access);

	(void)state;
	gyr_txn_rules_init(&rules, GYR_FORK_OSAKA, 5);
	txn.nonce = UINT64_MAX;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_NONCE_MAX);
	txn.nonce--;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn.max_priority_fee.limb[0] = 101;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_TIP_ABOVE_FEE);
	txn.max_priority_fee.limb[0] = 0;
	txn.max_fee.limb[3] = UINT64_MAX;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_GAS_COST_OVERFLOW);
	txn.max_fee.limb[3] = 0;
	txn.gas_limit = (1 << 24) + 1;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_GAS_ABOVE_CAP);
	txn.gas_limit = 20999;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_GAS_INTRINSIC);

	gyr_txn_encode_access(&writer, &txn.to, &slot, 1);
	txn.access_list = (struct gyr_slice){ access, gyr_txn_encode_access_length(1) };
	assert_ptr_equal(writer.at, access + txn.access_list.length);
	txn.gas_limit = 21000 + 2400 + 1900 - 1;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_GAS_INTRINSIC);
	txn.gas_limit++;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	access[txn.access_list.length - 1]++;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn.access_list.length--;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_RLP_MALFORMED);
	txn.access_list.length = 0;

	txn.data = (struct gyr_slice){ code, 1000 };
	code[999] = 1;
	txn.gas_limit = 21000 + (999 + 4) * 10 - 1;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_GAS_FLOOR);
	txn.gas_limit++;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	txn.is_create = true;
	txn.data.length = sizeof code;
	txn.gas_limit = 1 << 24;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_INITCODE_TOO_LONG);
	txn.data.length--;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_OK);
	rules.length_max = 1000;
	assert_int_equal(verdict_of(&txn, &rules), GYR_VERDICT_TX_TOO_LONG);
}

static void prices_follow_eip_1559(void **state)
{
	struct gyr_txn txn = sample(GYR_TXN_DYNAMIC_FEE);
	struct gyr_u256 price, base = gyr_u256_from_u64(90);

	(void)state;
	assert_true(gyr_txn_effective_gas_price(&price, &txn, &base));
	assert_true(price.limb[0] == 93);
	base.limb[0] = 99;
	assert_true(gyr_txn_effective_gas_price(&price, &txn, &base));
	assert_true(price.limb[0] == 100);
	base.limb[0] = 101;
	assert_false(gyr_txn_effective_gas_price(&price, &txn, &base));
	txn = sample(GYR_TXN_LEGACY);
	base.limb[0] = 10;
	assert_true(gyr_txn_effective_gas_price(&price, &txn, &base));
	assert_true(price.limb[0] == 100);
	memset(&txn.max_fee, 0xff, sizeof txn.max_fee);
	txn.max_priority_fee = txn.max_fee;
	assert_true(gyr_txn_effective_gas_price(&price, &txn, &base));
	assert_true(gyr_u256_equal(&price, &txn.max_fee));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_eip_155), cmocka_unit_test(signatures_have_ranges),
		cmocka_unit_test(types_belong_to_forks),  cmocka_unit_test(limits_have_verdicts),
		cmocka_unit_test(prices_follow_eip_1559),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
