/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transaction parsing over any bytes. What parses is canonical: its fields encode to the very same
 * bytes, the two ways to its signing payload agree, and every iterator runs to its end. The same
 * bytes as RLP: what validates can be walked.
 */
#include "gyr_fuzz.h"

#include "gyr_rlp.h"
#include "gyr_txn.h"

static void check_lists(const struct gyr_txn *txn)
{
	struct gyr_slice rest = txn->access_list;
	struct gyr_txn_authorization authorization;
	struct gyr_txn_access access;
	uint32_t addresses = 0, slots = 0, authorizations = 0;
	uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];

	while (gyr_txn_next_access(&access, &rest)) {
		addresses++;
		slots += access.slot_count;
		if (access.slot_count != 0)
			gyr_assert(gyr_txn_access_slot(&access, access.slot_count - 1) + 32 ==
				   access.slots.data + access.slots.length);
	}
	gyr_assert(addresses == txn->access_address_count && slots == txn->access_slot_count);
	rest = txn->authorizations;
	while (gyr_txn_next_authorization(&authorization, &rest)) {
		authorizations++;
		gyr_assert(gyr_txn_authorization_payload(payload, &authorization) <=
			   sizeof payload);
	}
	gyr_assert(authorizations == txn->authorization_count);
	if (txn->blob_hash_count != 0)
		gyr_assert(gyr_txn_blob_hash(txn, txn->blob_hash_count - 1) + 32 ==
			   txn->blob_hashes.data + txn->blob_hashes.length);
}

static void check_parsed(const struct gyr_txn *txn, const struct gyr_txn_rules *rules)
{
	size_t size = gyr_txn_encode_length_max(txn) + GYR_TXN_PAYLOAD_EXTRA, length;
	uint8_t *encoded = malloc(size), *payload = malloc(size);
	struct gyr_hash hash, again;
	uint64_t gas, floor_gas;

	gyr_assert(encoded != NULL && payload != NULL);
	length = gyr_txn_encode(encoded, size, txn);
	gyr_assert(length == txn->raw.length && memcmp(encoded, txn->raw.data, length) == 0);
	length = gyr_txn_encode_payload(encoded, size, txn);
	gyr_assert(length <= txn->raw.length + GYR_TXN_PAYLOAD_EXTRA);
	gyr_assert(gyr_txn_signing_payload(payload, txn->raw.length + GYR_TXN_PAYLOAD_EXTRA, txn) ==
		   length);
	gyr_assert(memcmp(encoded, payload, length) == 0);
	gyr_txn_signing_hash(&hash, txn, &gyr_keccak_portable);
	gyr_keccak256(&again, payload, length);
	gyr_assert(gyr_hash_equal(&hash, &again));
	free(encoded);
	free(payload);
	check_lists(txn);
	gyr_txn_intrinsic_gas(&gas, &floor_gas, txn, rules->fork);
	if (gyr_txn_check(txn, rules) == GYR_VERDICT_OK)
		gyr_assert(gas <= txn->gas_limit && floor_gas <= txn->gas_limit);
}

static size_t walk(struct gyr_slice rest)
{
	struct gyr_rlp_item item;
	size_t count = 0;

	for (; rest.length != 0; count++)
		gyr_assert(gyr_rlp_next(&item, &rest) == GYR_VERDICT_OK);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gyr_slice raw = { data, size }, content = raw;
	struct gyr_txn_rules rules;
	struct gyr_txn txn;

	gyr_txn_rules_init(&rules, GYR_FORK_PRAGUE, 1);
	rules.high_s_allowed = true;
	if (gyr_txn_parse(&txn, raw, &rules) == GYR_VERDICT_OK)
		check_parsed(&txn, &rules);
	if (gyr_rlp_validate(raw) == GYR_VERDICT_OK &&
	    gyr_rlp_next_list(&content, &raw) == GYR_VERDICT_OK)
		(void)walk(content);
	return 0;
}
