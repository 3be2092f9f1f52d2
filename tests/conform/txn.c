/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TransactionTests: for every fork that a test names, the transaction is refused, or has the hash,
 * the sender and the intrinsic gas given.
 */
#include "gyr_test.h"

#include <string.h>

#include "gyr_fork.h"
#include "gyr_secp.h"
#include "gyr_txn.h"
#include "vectors.h"

static unsigned accepted, refused;
static unsigned verdicts[256];

static bool sender_of(struct gyr_address *out, const struct gyr_txn *txn)
{
	struct gyr_hash hash;
	uint8_t key[64];

	gyr_txn_signing_hash(&hash, txn, &gyr_keccak_portable);
	if (!gyr_secp_recover(key, hash.bytes, txn->r, txn->s, txn->parity))
		return false;
	gyr_keccak256(&hash, key, sizeof key);
	memcpy(out->bytes, hash.bytes + 12, sizeof out->bytes);
	return true;
}

static void check_accepted(const char *name, const char *fork_name, json_t *want,
			   const struct gyr_txn *txn, const struct gyr_address *sender,
			   enum gyr_fork fork)
{
	uint64_t gas, floor_gas, want_gas;
	struct gyr_address want_sender;
	struct gyr_hash hash, want_hash;

	(void)vectors_unhex(want_hash.bytes, json_string_value(json_object_get(want, "hash")));
	(void)vectors_unhex(want_sender.bytes, json_string_value(json_object_get(want, "sender")));
	want_gas = strtoull(json_string_value(json_object_get(want, "intrinsicGas")), NULL, 16);
	gyr_txn_hash(&hash, txn, &gyr_keccak_portable);
	if (!gyr_hash_equal(&hash, &want_hash))
		fail_msg("%s %s: wrong hash", name, fork_name);
	if (!gyr_address_equal(sender, &want_sender))
		fail_msg("%s %s: wrong sender", name, fork_name);
	gyr_txn_intrinsic_gas(&gas, &floor_gas, txn, fork);
	if (gas != want_gas)
		fail_msg("%s %s: intrinsic gas %llu, want %llu", name, fork_name,
			 (unsigned long long)gas, (unsigned long long)want_gas);
}

static void check_fork(const char *name, const char *fork_name, json_t *want, struct gyr_slice raw)
{
	json_t *exception = json_object_get(want, "exception");
	struct gyr_txn_rules rules;
	struct gyr_address sender;
	enum gyr_verdict verdict;
	enum gyr_fork fork;
	struct gyr_txn txn;

	if (!gyr_fork_by_name(&fork, fork_name, strlen(fork_name)))
		fail_msg("%s: unknown fork %s", name, fork_name);
	gyr_txn_rules_init(&rules, fork, 1);
	verdict = gyr_txn_parse(&txn, raw, &rules);
	if (verdict == GYR_VERDICT_OK)
		verdict = gyr_txn_check(&txn, &rules);
	if (verdict == GYR_VERDICT_OK && !sender_of(&sender, &txn))
		verdict = GYR_VERDICT_SIGNATURE_INVALID;
	verdicts[verdict]++;
	if ((verdict == GYR_VERDICT_OK) == (exception != NULL))
		fail_msg("%s %s: %s, want %s", name, fork_name, gyr_verdict_text(verdict),
			 exception == NULL ? "it accepted" : json_string_value(exception));
	if (exception != NULL) {
		refused++;
		return;
	}
	check_accepted(name, fork_name, want, &txn, &sender, fork);
	accepted++;
}

static void visit(void *context, const char *path, json_t *root)
{
	const char *name, *fork_name;
	json_t *test, *want;

	(void)context;
	json_object_foreach(root, name, test)
	{
		const char *hex = json_string_value(json_object_get(test, "txbytes"));
		uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
		struct gyr_slice raw = { bytes, vectors_unhex(bytes, hex) };

		if (raw.length == SIZE_MAX)
			fail_msg("%s: txbytes is no hexadecimal", path);
		json_object_foreach(json_object_get(test, "result"), fork_name, want)
			check_fork(path, fork_name, want, raw);
		free(bytes);
	}
}

static void vectors_of_transactions(void **state)
{
	(void)state;
	assert_true(vectors_each("encoding", "TransactionTests/", visit, NULL) > 0);
	printf("# %u accepted, %u refused\n", accepted, refused);
	for (unsigned i = 1; i < GYR_COUNT(verdicts); i++)
		if (verdicts[i] != 0)
			printf("#   %5u %s\n", verdicts[i], gyr_verdict_text(i));
	assert_true(accepted > 100 && refused > 1000);
}

static void count_only(void *context, const char *path, json_t *root)
{
	(void)context;
	(void)path;
	(void)root;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_transactions),
	};

	if (vectors_each("encoding", "no such file", count_only, NULL) < 0)
		return GYR_TEST_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
