/* SPDX-License-Identifier: Apache-2.0 */
#include "sign_block.h"

#include "gyr_bytes.h"
#include "gyr_keccak.h"
#include "gyr_secp_point.h"
#include "gyr_txn.h"

/* An odd multiplier whose upper bits look random (Knuth: 2^64 over the golden ratio). */
#define SPREAD 0x9e3779b97f4a7c15u

_Static_assert(LOAD_SIGN_BLOCK <= GYR_SECP_AFFINE_COUNT_MAX, "points made affine at once");

struct block {
	struct gyr_secp_scalar nonce[LOAD_SIGN_BLOCK];	 /* k, then 1 / k */
	struct gyr_secp_affine point[LOAD_SIGN_BLOCK];	 /* R */
	struct gyr_secp_scalar s[LOAD_SIGN_BLOCK];	 /* then 1 / s */
	struct gyr_secp_point jacobian[LOAD_SIGN_BLOCK]; /* of R */
};

/* One inversion for all (Montgomery's trick); none is zero. */
static void invert_all(struct gyr_secp_scalar *x, unsigned count)
{
	struct gyr_secp_scalar product[LOAD_SIGN_BLOCK], inverse, one;

	product[0] = x[0];
	for (unsigned i = 1; i < count; i++)
		gyr_secp_scalar_mul(&product[i], &product[i - 1], &x[i]);
	gyr_secp_scalar_inverse(&inverse, &product[count - 1]);
	for (unsigned i = count - 1; i > 0; i--) {
		gyr_secp_scalar_mul(&one, &inverse, &product[i - 1]);
		gyr_secp_scalar_mul(&inverse, &inverse, &x[i]);
		x[i] = one;
	}
	x[0] = inverse;
}

/* k, k + 1, … with their points, and 1 / k in the place of k. */
static void make_nonces(struct block *block, const struct gyr_load_work *work, uint64_t number,
			unsigned count)
{
	static const uint8_t one_bytes[32] = { [31] = 1 };
	uint8_t text[48] = "gyr bench nonce";
	struct gyr_secp_scalar one;
	struct gyr_hash hash;

	memcpy(text + 16, work->accounts[0].address.bytes, 16);
	gyr_store_be64(text + 32, number);
	gyr_store_be64(text + 40, work->first_nonce);
	gyr_keccak256(&hash, text, sizeof text);
	(void)gyr_secp_scalar_from_bytes(&block->nonce[0], hash.bytes);
	(void)gyr_secp_scalar_from_bytes(&one, one_bytes);
	gyr_secp_point_multiply(&block->jacobian[0], &block->nonce[0], NULL, NULL);
	for (unsigned i = 1; i < count; i++) {
		gyr_secp_scalar_add(&block->nonce[i], &block->nonce[i - 1], &one);
		gyr_secp_point_add_affine(&block->jacobian[i], &block->jacobian[i - 1],
					  &gyr_secp_generator);
	}
	gyr_secp_point_to_affine(block->point, block->jacobian, count);
	invert_all(block->nonce, count);
}

static void make_transfer(struct gyr_txn *txn, const struct gyr_load_work *work, uint64_t index)
{
	uint64_t sender = index % work->account_count;
	uint64_t to = work->recipient_count != 0 ? (index * SPREAD >> 32) % work->recipient_count
						 : (sender + 1) % work->account_count;

	*txn = (struct gyr_txn){
		.type = GYR_TXN_DYNAMIC_FEE,
		.is_protected = true,
		.chain_id = work->chain_id,
		.nonce = work->first_nonce + index / work->account_count,
		.gas_limit = 21000,
		.to = work->accounts[to].address,
	};
	txn->max_priority_fee.limb[0] = work->max_priority_fee;
	txn->max_fee.limb[0] = work->max_fee;
	txn->value.limb[0] = work->value;
}

/* r and s low, of the payload's hash; *odd: R's y, where s was turned the other root. */
static bool sign_one(struct block *block, unsigned i, struct gyr_txn *txn, const uint8_t hash[32],
		     const uint8_t secret[32])
{
	struct gyr_secp_scalar r, d, m;
	uint8_t x[32];

	gyr_secp_field_to_bytes(x, &block->point[i].x);
	if (!gyr_secp_scalar_from_bytes(&r, x) || !gyr_secp_scalar_from_bytes(&d, secret))
		return false; /* x at or above n: the type has no parity for it */
	(void)gyr_secp_scalar_from_bytes(&m, hash);
	gyr_secp_scalar_mul(&d, &d, &r);
	gyr_secp_scalar_add(&d, &d, &m);
	gyr_secp_scalar_mul(&block->s[i], &d, &block->nonce[i]);
	if (gyr_secp_scalar_is_zero(&r) || gyr_secp_scalar_is_zero(&block->s[i]))
		return false;
	if (gyr_secp_scalar_is_high(&block->s[i])) {
		gyr_secp_scalar_negate(&block->s[i], &block->s[i]);
		gyr_secp_field_negate(&block->point[i].y, &block->point[i].y, 1);
		gyr_secp_field_normalize(&block->point[i].y);
	}
	txn->parity = gyr_secp_field_is_odd(&block->point[i].y) ? 1 : 0;
	memcpy(txn->r, x, sizeof txn->r);
	gyr_secp_scalar_to_bytes(txn->s, &block->s[i]);
	return true;
}

bool load_sign_block(struct gyr_load_work *work, uint64_t number)
{
	uint64_t first = number * LOAD_SIGN_BLOCK;
	unsigned count = (unsigned)gyr_min_u64(work->count - first, LOAD_SIGN_BLOCK);
	struct block block;

	make_nonces(&block, work, number, count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *out = work->bytes + (first + i) * GYR_LOAD_TRANSACTION_MAX;
		struct gyr_txn txn;
		struct gyr_hash hash;
		size_t length;

		make_transfer(&txn, work, first + i);
		gyr_assert(gyr_txn_encode_length_max(&txn) <= GYR_LOAD_TRANSACTION_MAX);
		length = gyr_txn_encode_payload(out, GYR_LOAD_TRANSACTION_MAX, &txn);
		gyr_keccak256(&hash, out, length);
		if (!sign_one(&block, i, &txn, hash.bytes,
			      work->accounts[(first + i) % work->account_count].secret))
			return false;
		work->lengths[first + i] = (uint8_t)gyr_txn_encode(out, GYR_LOAD_TRANSACTION_MAX,
								   &txn);
	}
	if (work->nonces == NULL)
		return true;
	invert_all(block.s, count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *nonce = work->nonces + (first + i) * GYR_LOAD_NONCE_BYTES;

		gyr_secp_field_to_bytes(nonce, &block.point[i].y);
		gyr_secp_scalar_to_bytes(nonce + 32, &block.s[i]);
	}
	return true;
}
