/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_txn.h"

enum {
	GAS_BASE = 21000,
	GAS_CREATE = 32000, /* EIP-2, from Homestead */
	GAS_ZERO_BYTE = 4,
	GAS_BYTE_FRONTIER = 68,
	GAS_BYTE_ISTANBUL = 16,	   /* EIP-2028 */
	GAS_ACCESS_ADDRESS = 2400, /* EIP-2930 */
	GAS_ACCESS_SLOT = 1900,
	GAS_INITCODE_WORD = 2,	   /* EIP-3860 */
	GAS_AUTHORIZATION = 25000, /* EIP-7702 */
	GAS_FLOOR_TOKEN = 10,	   /* EIP-7623 */
	GAS_PER_BLOB = 1 << 17,	   /* EIP-4844 */
	INITCODE_LENGTH_MAX = 49152,
	BLOB_HASH_VERSION = 1,
	BLOB_COUNT_CANCUN = 6,
	BLOB_COUNT_PRAGUE = 9,	   /* EIP-7691 */
	BLOB_COUNT_OSAKA = 6,	   /* EIP-7594: per transaction */
	GAS_LIMIT_OSAKA = 1 << 24, /* EIP-7825 */
};

void gyr_txn_rules_init(struct gyr_txn_rules *out, enum gyr_fork fork, uint64_t chain_id)
{
	*out = (struct gyr_txn_rules){
		.fork = fork,
		.chain_id = chain_id,
		.length_max = GYR_TXN_LENGTH_MAX,
		.gas_limit_max = fork >= GYR_FORK_OSAKA ? GAS_LIMIT_OSAKA : UINT64_MAX,
		.types = 1u << GYR_TXN_LEGACY,
		.unprotected_allowed = true,
		.high_s_allowed = fork < GYR_FORK_HOMESTEAD,
	};
	if (fork >= GYR_FORK_BERLIN)
		out->types |= 1u << GYR_TXN_ACCESS_LIST;
	if (fork >= GYR_FORK_LONDON)
		out->types |= 1u << GYR_TXN_DYNAMIC_FEE;
	if (fork >= GYR_FORK_CANCUN)
		out->types |= 1u << GYR_TXN_BLOB;
	if (fork >= GYR_FORK_PRAGUE)
		out->types |= 1u << GYR_TXN_SET_CODE;
}

static size_t count_zero_bytes(struct gyr_slice data)
{
	const uint64_t low7 = 0x7f7f7f7f7f7f7f7f, ones = 0x0101010101010101;
	size_t count = 0, i = 0;

	for (; i + 8 <= data.length; i += 8) {
		uint64_t word = gyr_load_le64(data.data + i);
		uint64_t zero = ~(((word & low7) + low7) | word | low7);

		count += ((zero >> 7) * ones) >> 56;
	}
	for (; i < data.length; i++)
		count += data.data[i] == 0;
	return count;
}

/* No term can overflow: each count is below 2^32 and lengths are below 2^48. */
void gyr_txn_intrinsic_gas(uint64_t *gas, uint64_t *floor_gas, const struct gyr_txn *txn,
			   enum gyr_fork fork)
{
	uint64_t zeros = count_zero_bytes(txn->data), others = txn->data.length - zeros;
	uint64_t sum = GAS_BASE;

	sum += zeros * GAS_ZERO_BYTE;
	sum += others * (fork >= GYR_FORK_ISTANBUL ? GAS_BYTE_ISTANBUL : GAS_BYTE_FRONTIER);
	if (txn->is_create && fork >= GYR_FORK_HOMESTEAD)
		sum += GAS_CREATE;
	if (txn->is_create && fork >= GYR_FORK_SHANGHAI)
		sum += (txn->data.length + 31) / 32 * GAS_INITCODE_WORD;
	sum += (uint64_t)txn->access_address_count * GAS_ACCESS_ADDRESS;
	sum += (uint64_t)txn->access_slot_count * GAS_ACCESS_SLOT;
	sum += (uint64_t)txn->authorization_count * GAS_AUTHORIZATION;
	*gas = sum;
	*floor_gas = fork >= GYR_FORK_PRAGUE ? GAS_BASE + (zeros + 4 * others) * GAS_FLOOR_TOKEN
					     : 0;
}

bool gyr_txn_effective_gas_price(struct gyr_u256 *out, const struct gyr_txn *txn,
				 const struct gyr_u256 *base_fee)
{
	struct gyr_u256 price;
	bool overflow;

	if (gyr_u256_less(&txn->max_fee, base_fee))
		return false;
	overflow = gyr_u256_add(&price, base_fee, &txn->max_priority_fee);
	*out = overflow || gyr_u256_less(&txn->max_fee, &price) ? txn->max_fee : price;
	return true;
}

enum gyr_verdict gyr_txn_max_cost(struct gyr_u256 *out, const struct gyr_txn *txn)
{
	struct gyr_u256 cost, blob_cost;
	bool overflow = gyr_u256_mul_u64(&cost, &txn->max_fee, txn->gas_limit);

	overflow |= gyr_u256_add(&cost, &cost, &txn->value);
	overflow |= gyr_u256_mul_u64(&blob_cost, &txn->max_blob_fee,
				     (uint64_t)txn->blob_hash_count * GAS_PER_BLOB);
	overflow |= gyr_u256_add(&cost, &cost, &blob_cost);
	*out = cost;
	return overflow ? GYR_VERDICT_GAS_COST_OVERFLOW : GYR_VERDICT_OK;
}

static enum gyr_verdict check_blobs(const struct gyr_txn *txn, enum gyr_fork fork)
{
	uint32_t count_max = BLOB_COUNT_CANCUN;

	if (fork >= GYR_FORK_PRAGUE)
		count_max = fork >= GYR_FORK_OSAKA ? BLOB_COUNT_OSAKA : BLOB_COUNT_PRAGUE;
	if (txn->blob_hash_count == 0 || txn->blob_hash_count > count_max)
		return GYR_VERDICT_FIELD_RANGE;
	for (uint32_t i = 0; i < txn->blob_hash_count; i++)
		if (*gyr_txn_blob_hash(txn, i) != BLOB_HASH_VERSION)
			return GYR_VERDICT_FIELD_RANGE;
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_txn_check(const struct gyr_txn *txn, const struct gyr_txn_rules *rules)
{
	uint64_t gas, floor_gas;
	struct gyr_u256 cost;

	if (txn->nonce == UINT64_MAX)
		return GYR_VERDICT_NONCE_MAX;
	if (gyr_u256_less(&txn->max_fee, &txn->max_priority_fee))
		return GYR_VERDICT_TIP_ABOVE_FEE;
	if (txn->is_create && txn->type >= GYR_TXN_BLOB)
		return GYR_VERDICT_CREATE_FORBIDDEN;
	if (txn->type == GYR_TXN_SET_CODE && txn->authorization_count == 0)
		return GYR_VERDICT_AUTHORIZATION_EMPTY;
	if (txn->type == GYR_TXN_BLOB) {
		enum gyr_verdict verdict = check_blobs(txn, rules->fork);

		if (verdict != GYR_VERDICT_OK)
			return verdict;
	}
	if (txn->is_create && rules->fork >= GYR_FORK_SHANGHAI &&
	    txn->data.length > INITCODE_LENGTH_MAX)
		return GYR_VERDICT_INITCODE_TOO_LONG;
	if (txn->gas_limit > rules->gas_limit_max)
		return GYR_VERDICT_GAS_ABOVE_CAP;
	gyr_txn_intrinsic_gas(&gas, &floor_gas, txn, rules->fork);
	if (txn->gas_limit < gas)
		return GYR_VERDICT_GAS_INTRINSIC;
	if (txn->gas_limit < floor_gas)
		return GYR_VERDICT_GAS_FLOOR;
	/* With the value added, an overflow is a balance that nobody has: gyr_txn_max_cost. */
	if (gyr_u256_mul_u64(&cost, &txn->max_fee, txn->gas_limit))
		return GYR_VERDICT_GAS_COST_OVERFLOW;
	return GYR_VERDICT_OK;
}
