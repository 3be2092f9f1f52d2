/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

#define AUTHORIZATION_REFUND 12500 /* EIP-7702: of an account that existed */

/* Half the order of secp256k1: an authorization's s may not exceed it. */
static const struct gyr_u256 half_order = { { 0xdfe92f46681b20a0, 0x5d576e7357a4501d,
					      0xffffffffffffffff, 0x7fffffffffffffff } };

static bool is_zero_address(const struct gyr_address *address)
{
	static const struct gyr_address zero;

	return gyr_address_equal(address, &zero);
}

static bool recover_authority(const struct gyr_stf *stf, struct gyr_address *out,
			      const struct gyr_txn_authorization *tuple)
{
	uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];
	size_t length = gyr_txn_authorization_payload(payload, tuple);
	struct gyr_u256 s;
	struct gyr_hash hash;

	gyr_u256_load_be(&s, tuple->s);
	if (tuple->parity > 1 || gyr_u256_less(&half_order, &s))
		return false;
	stf->keccak->hash(&hash, payload, length);
	return stf->precompile->ecrecover(out, hash.bytes, tuple->r, tuple->s, tuple->parity);
}

static void authorize(struct gyr_stf *stf, const struct gyr_txn_authorization *tuple)
{
	struct gyr_u256 chain_id = gyr_u256_from_u64(stf->config.chain_id);
	uint8_t designator[23] = { 0xef, 0x01, 0x00 };
	struct gyr_slice code = { .data = designator, .length = sizeof designator };
	struct gyr_address authority;
	struct gyr_account *account;

	if (!gyr_u256_is_zero(&tuple->chain_id) && !gyr_u256_equal(&tuple->chain_id, &chain_id))
		return;
	if (tuple->nonce == UINT64_MAX || !recover_authority(stf, &authority, tuple))
		return;
	account = gyr_state_account(&stf->state, &authority);
	(void)gyr_state_mark(&stf->state, account, GYR_ACCOUNT_WARM);
	if (account->code != 0 && !gyr_state_code_at(&stf->state, account->code)->delegated)
		return;
	if (account->nonce != tuple->nonce)
		return;
	if ((account->flags & GYR_ACCOUNT_EXISTS) != 0)
		stf->state.refund += AUTHORIZATION_REFUND;
	gyr_state_touch(&stf->state, account);
	if (is_zero_address(&tuple->address))
		code.length = 0;
	memcpy(designator + 3, tuple->address.bytes, 20);
	gyr_state_set_code(&stf->state, account, gyr_state_code_add(&stf->state, code));
	gyr_state_set_nonce(&stf->state, account, account->nonce + 1);
}

void stf_authorize(struct gyr_stf *stf, const struct gyr_txn *txn)
{
	struct gyr_slice rest = txn->authorizations;
	struct gyr_txn_authorization tuple;

	while (gyr_txn_next_authorization(&tuple, &rest))
		authorize(stf, &tuple);
}

static enum gyr_verdict check_shape(struct gyr_stf *stf, const struct gyr_txn *txn)
{
	struct gyr_txn_rules rules;
	enum gyr_verdict verdict;

	gyr_txn_rules_init(&rules, stf->fork, stf->config.chain_id);
	rules.gas_limit_max = gyr_min_u64(rules.gas_limit_max, stf->limits.tx_gas_max);
	if ((rules.types & 1u << txn->type) == 0)
		return GYR_VERDICT_SKIP_TYPE;
	if (txn->type == GYR_TXN_BLOB && !stf->config.blobs_accepted)
		return GYR_VERDICT_TX_TYPE_BLOB;
	if (txn->is_protected && txn->chain_id != stf->config.chain_id)
		return GYR_VERDICT_CHAIN_ID;
	verdict = gyr_txn_check(txn, &rules);
	if (verdict == GYR_VERDICT_GAS_INTRINSIC || verdict == GYR_VERDICT_GAS_FLOOR)
		return GYR_VERDICT_SKIP_INTRINSIC;
	return verdict;
}

static enum gyr_verdict check_block(struct gyr_stf *stf, const struct gyr_txn *txn)
{
	const struct gyr_stf_block_output *open = stf->open;
	const struct gyr_blob_schedule *blobs = stf_blob_schedule(&stf->config, stf->fork);
	uint64_t blob_gas = (uint64_t)txn->blob_hash_count * STF_BLOB_GAS;

	if (txn->gas_limit > open->block.gas_limit - open->gas_used)
		return GYR_VERDICT_SKIP_BLOCK_GAS;
	if (open->tx_count == stf->limits.tx_count_max ||
	    txn->raw.length > stf->limits.tx_bytes_max - open->tx_bytes_used) {
		/* Sized for the block's gas: whoever sized it otherwise must stop. */
		stf->state.full = true;
		return GYR_VERDICT_SKIP_BLOCK_GAS;
	}
	if (!gyr_txn_effective_gas_price(&stf->tx.gas_price, txn, &stf->base_fee))
		return GYR_VERDICT_SKIP_BASE_FEE;
	if (txn->type == GYR_TXN_BLOB) {
		if (gyr_u256_less(&txn->max_blob_fee, &stf->blob_base_fee))
			return GYR_VERDICT_SKIP_BASE_FEE;
		if (open->blob_gas_used + blob_gas > blobs->max * STF_BLOB_GAS ||
		    txn->blob_hash_count > stf->limits.blob_hash_count_max)
			return GYR_VERDICT_SKIP_BLOCK_GAS;
	}
	return GYR_VERDICT_OK;
}

static enum gyr_verdict check_sender(struct gyr_stf *stf, const struct gyr_txn *txn,
				     const struct gyr_address *sender)
{
	static const struct gyr_account none;
	const struct gyr_account *account = gyr_state_find(&stf->state, sender);
	struct gyr_u256 cost;

	stf->tx.sender_account =
		account == NULL
			? NULL
			: &stf->state.accounts[gyr_state_account_index(&stf->state, account)];
	if (account == NULL)
		account = &none;
	if (account->nonce != txn->nonce)
		return GYR_VERDICT_SKIP_NONCE;
	if (account->code != 0 && !gyr_state_code_at(&stf->state, account->code)->delegated)
		return GYR_VERDICT_SKIP_SENDER_CODE;
	if (gyr_txn_max_cost(&cost, txn) != GYR_VERDICT_OK ||
	    gyr_u256_less(&account->balance, &cost))
		return GYR_VERDICT_SKIP_BALANCE;
	return GYR_VERDICT_OK;
}

/* Finds the records of the transaction, once. */
static void enter_accounts(struct gyr_stf *stf)
{
	if (stf->tx.sender_account == NULL)
		stf->tx.sender_account = gyr_state_account(&stf->state, &stf->tx.sender);
	else
		gyr_state_account_enter(&stf->state, stf->tx.sender_account);
	stf->tx.to_account = gyr_state_account(&stf->state, &stf->tx.to);
	stf->tx.fee_account = NULL;
}

/* What is done here stands even if all code reverts: flags are set without the journal. */
static void warm(struct gyr_account *account)
{
	account->tx_flags |= GYR_ACCOUNT_WARM;
}

/* EIP-2929, 2930, 3651 and 7702: what is warm from the start. Precompiles always are. */
static void warm_all(struct gyr_stf *stf, const struct gyr_txn *txn)
{
	struct gyr_slice rest = txn->access_list;
	struct gyr_txn_access access;

	if (stf->fork < GYR_FORK_BERLIN)
		return;
	warm(stf->tx.sender_account);
	warm(stf->tx.to_account);
	if (stf->fork >= GYR_FORK_SHANGHAI) {
		stf->tx.fee_account = gyr_state_account(&stf->state,
							&stf->open->block.fee_recipient);
		warm(stf->tx.fee_account);
	}
	while (gyr_txn_next_access(&access, &rest)) {
		struct gyr_account *account = gyr_state_account(&stf->state, &access.address);

		warm(account);
		for (uint32_t i = 0; i < access.slot_count; i++) {
			struct gyr_u256 key;

			gyr_u256_load_be(&key, gyr_txn_access_slot(&access, i));
			gyr_state_slot(&stf->state, account, &key)->tx_flags |= GYR_SLOT_WARM;
		}
	}
}

/* Takes the price of all gas and raises the nonce; outside the journal too. */
static void buy_gas(struct gyr_stf *stf, const struct gyr_txn *txn)
{
	struct gyr_account *sender = stf->tx.sender_account;
	struct gyr_u256 cost, blob_cost;

	(void)gyr_u256_mul_u64(&cost, &stf->tx.gas_price, txn->gas_limit);
	if (stf->tx.blob_gas != 0) {
		(void)gyr_u256_mul_u64(&blob_cost, &stf->blob_base_fee, stf->tx.blob_gas);
		(void)gyr_u256_add(&cost, &cost, &blob_cost);
	}
	gyr_assert(!gyr_u256_less(&sender->balance, &cost));
	(void)gyr_u256_sub(&sender->balance, &sender->balance, &cost);
	sender->flags |= GYR_ACCOUNT_EXISTS;
	sender->tx_flags |= GYR_ACCOUNT_TOUCHED;
	sender->nonce++;
}

static void begin_message(struct gyr_stf *stf, const struct gyr_txn *txn, uint64_t intrinsic)
{
	struct gyr_evm_message message = {
		.create = txn->is_create,
		.sender = stf->tx.sender,
		.to = stf->tx.to,
		.value = txn->value,
		.input = txn->data,
		.gas = (int64_t)(txn->gas_limit - intrinsic),
	};
	const struct gyr_code *code = gyr_state_code_at(&stf->state, stf->tx.to_account->code);

	if (code->delegated && stf->fork >= GYR_FORK_PRAGUE && !txn->is_create)
		warm(gyr_state_account(&stf->state, &code->target));
	for (uint32_t i = 0; i < txn->blob_hash_count; i++)
		memcpy(stf->blob_hashes[i].bytes, gyr_txn_blob_hash(txn, i), 32);
	stf->evm.tx = (struct gyr_evm_tx){
		.origin = stf->tx.sender,
		.gas_price = stf->tx.gas_price,
		.blob_hashes = stf->blob_hashes,
		.blob_hash_count = txn->blob_hash_count,
	};
	gyr_evm_begin(&stf->evm, &message);
}

enum gyr_verdict gyr_stf_tx_begin(struct gyr_stf *stf, const struct gyr_txn *txn,
				  const struct gyr_address *sender)
{
	enum gyr_verdict verdict;
	uint64_t intrinsic;

	gyr_assert(stf->open != NULL && !stf->tx_open);
	verdict = check_shape(stf, txn);
	if (verdict == GYR_VERDICT_OK)
		verdict = check_block(stf, txn);
	if (verdict == GYR_VERDICT_OK)
		verdict = check_sender(stf, txn, sender);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	gyr_txn_intrinsic_gas(&intrinsic, &stf->tx.floor_gas, txn, stf->fork);
	gyr_assert(txn->gas_limit >= intrinsic && txn->gas_limit <= INT64_MAX);
	stf->tx_open = true;
	stf->tx.txn = txn;
	stf->tx.sender = *sender;
	stf->tx.blob_gas = (uint64_t)txn->blob_hash_count * STF_BLOB_GAS;
	if (txn->is_create)
		gyr_evm_create_address(stf->keccak, &stf->tx.to, sender, txn->nonce);
	else
		stf->tx.to = txn->to;
	gyr_state_tx_begin(&stf->state);
	gyr_keccak_memo_begin(&stf->memo);
	enter_accounts(stf);
	buy_gas(stf, txn);
	warm_all(stf, txn);
	stf_authorize(stf, txn);
	begin_message(stf, txn, intrinsic);
	return GYR_VERDICT_OK;
}

enum gyr_stf_status gyr_stf_step(struct gyr_stf *stf, int64_t gas_slice)
{
	gyr_assert(stf->tx_open);
	switch (gyr_evm_step(&stf->evm, gas_slice)) {
	case GYR_EVM_DONE:
		return GYR_STF_DONE;
	case GYR_EVM_RUNNING:
		return GYR_STF_RUNNING;
	case GYR_EVM_NEEDS_BLOCK_HASH:
		return GYR_STF_NEEDS_BLOCK_HASH;
	case GYR_EVM_FATAL:
		break;
	}
	return GYR_STF_FATAL;
}

/* Nothing reverts any more: outside the journal. */
static void credit(struct gyr_account *account, const struct gyr_u256 *price, uint64_t gas)
{
	struct gyr_u256 amount;

	(void)gyr_u256_mul_u64(&amount, price, gas);
	(void)gyr_u256_add(&account->balance, &account->balance, &amount);
	account->flags |= GYR_ACCOUNT_EXISTS;
	account->tx_flags |= GYR_ACCOUNT_TOUCHED;
}

/* Refunds (EIP-3529 or a half) and the floor (EIP-7623); what the transaction uses in the end. */
static uint64_t settle_gas(struct gyr_stf *stf, struct gyr_stf_receipt *receipt)
{
	const struct gyr_evm_result *result = &stf->evm.result;
	uint64_t limit = stf->tx.txn->gas_limit;
	uint64_t used = limit - (uint64_t)result->gas_left;
	uint64_t most = stf->fork >= GYR_FORK_LONDON ? used / 5 : used / 2;
	int64_t refund = stf->state.refund;

	gyr_assert(result->gas_left >= 0 && (uint64_t)result->gas_left <= limit);
	gyr_assert(refund >= 0);
	receipt->gas_refunded = gyr_min_u64((uint64_t)refund, most);
	return gyr_max_u64(used - receipt->gas_refunded, stf->tx.floor_gas);
}

static void pay_fees(struct gyr_stf *stf, uint64_t used)
{
	const struct gyr_stf_block_output *open = stf->open;
	struct gyr_u256 tip;

	credit(stf->tx.sender_account, &stf->tx.gas_price, stf->tx.txn->gas_limit - used);
	(void)gyr_u256_sub(&tip, &stf->tx.gas_price, &stf->base_fee);
	if (stf->tx.fee_account == NULL)
		stf->tx.fee_account = gyr_state_account(&stf->state, &open->block.fee_recipient);
	credit(stf->tx.fee_account, &tip, used);
	if (stf->config.has_base_fee_recipient)
		credit(gyr_state_account(&stf->state, &stf->config.base_fee_recipient),
		       &stf->base_fee, used);
}

static void record_tx(struct gyr_stf *stf)
{
	struct gyr_stf_block_output *open = stf->open;
	const struct gyr_txn *txn = stf->tx.txn;
	struct gyr_stf_tx_record *record = &open->txs[open->tx_count++];

	record->tx_offset = open->tx_bytes_used;
	record->tx_length = txn->raw.length;
	memcpy(open->tx_bytes + open->tx_bytes_used, txn->raw.data, txn->raw.length);
	open->tx_bytes_used += txn->raw.length;
}

enum gyr_stf_status gyr_stf_tx_end(struct gyr_stf *stf, struct gyr_stf_receipt *receipt)
{
	struct gyr_stf_block_output *open = stf->open;
	uint64_t used;

	gyr_assert(stf->tx_open && stf->evm.frame == NULL);
	stf->tx_open = false;
	*receipt = (struct gyr_stf_receipt){
		.success = stf->evm.result.halt == GYR_EVM_SUCCESS,
		.type = (uint8_t)stf->tx.txn->type,
		.halt = stf->evm.result.halt,
		.gas_price = stf->tx.gas_price,
		.output = stf->evm.result.output,
	};
	used = settle_gas(stf, receipt);
	receipt->gas_used = used;
	receipt->created = stf->tx.txn->is_create && receipt->success;
	receipt->contract_address = stf->tx.to;
	pay_fees(stf, used);
	if (stf->memo.missed_count != 0)
		stf_learn(stf);
	gyr_state_tx_commit(&stf->state, stf->fork >= GYR_FORK_SPURIOUS);
	open->gas_used += used;
	open->blob_gas_used += stf->tx.blob_gas;
	receipt->gas_used_cumulative = open->gas_used;
	receipt->logs = stf->state.logs;
	receipt->log_count = stf->state.log_count;
	record_tx(stf);
	if (!stf_encode_receipt(stf, receipt))
		stf->state.full = true;
	return stf->state.full || stf->evm.fatal ? GYR_STF_FATAL : GYR_STF_DONE;
}
