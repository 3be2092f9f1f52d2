/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random blocks for comparing implementations: one JSON object a line as `gyr-t8n --lines` reads
 * them, with accounts, programs (code_maker.h) and signed transactions of every type but blobs,
 * most of them valid. A block follows from seed and number alone, so that any one can be made
 * again: generate_blocks --seed S --first N --blocks 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code_maker.h"
#include "gyr_args.h"
#include "gyr_err.h"
#include "gyr_secp.h"
#include "gyr_txn.h"

#define SENDER_COUNT	8
#define AUTHORITY_COUNT 6
#define KEY_COUNT	(SENDER_COUNT + AUTHORITY_COUNT)
#define CONTRACT_COUNT	32
#define CHAIN_ID	1
#define TX_BYTES_MAX	((size_t)64 << 10)
#define LIST_BYTES_MAX	((size_t)8 << 20)
#define DATA_MAX	6000

struct key {
	uint8_t secret[32];
	struct gyr_address address;
	uint64_t nonce; /* as it will be, if all goes as it should */
	bool delegated;
};

struct block {
	struct gyr_rng rng;
	struct code_world world;
	struct key keys[KEY_COUNT]; /* senders, then authorities */
	struct code code;
	uint64_t base_fee;
	uint64_t number;
	enum gyr_fork fork;
	uint8_t *list; /* encoded transactions */
	size_t list_length;
	FILE *out;
};

static const char history_code[] =
	"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042"
	"575f35600143038111604257611fff81430311604257611fff9006545f526020"
	"5ff35b5f5ffd5b5f35611fff60014303065500";
static const char beacon_code[] = "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024"
				  "575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001f"
				  "ff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff0155"
				  "00";
static const struct gyr_address history_address = {
	{ 0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb,
	  0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53, 0x20, 0x00, 0x29, 0x35 },
};
static const struct gyr_address beacon_address = {
	{ 0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
	  0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02 },
};

static void put_hex(FILE *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";

	(void)fputs("\"0x", out);
	for (size_t i = 0; i < length; i++) {
		(void)fputc(digits[bytes[i] >> 4], out);
		(void)fputc(digits[bytes[i] & 15], out);
	}
	(void)fputc('"', out);
}

static uint64_t below(struct block *block, uint64_t bound)
{
	return gyr_rng_below(&block->rng, bound);
}

static bool chance(struct block *block, uint64_t part, uint64_t whole)
{
	return gyr_rng_chance(&block->rng, part, whole);
}

static void make_keys(struct block *block)
{
	for (unsigned i = 0; i < KEY_COUNT; i++) {
		struct key *key = &block->keys[i];
		uint8_t public_key[64];
		struct gyr_hash hash;

		gyr_rng_fill(&block->rng, key->secret, sizeof key->secret);
		key->secret[0] = 1;
		if (!gyr_secp_public_key(public_key, key->secret))
			abort();
		gyr_keccak256(&hash, public_key, sizeof public_key);
		memcpy(key->address.bytes, hash.bytes + 12, 20);
		key->nonce = chance(block, 1, 3) ? 0 : below(block, 300);
		key->delegated = chance(block, 1, i < SENDER_COUNT ? 10 : 2);
	}
}

static void make_world(struct block *block)
{
	struct code_world *world = &block->world;
	struct gyr_address address;

	world->has_p256 = block->fork >= GYR_FORK_OSAKA;
	world->contract_count = CONTRACT_COUNT;
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		gyr_rng_fill(&block->rng, &world->addresses[i], 20);
		world->addresses[i].bytes[0] = 0xc0;
	}
	world->address_count = CONTRACT_COUNT;
	for (unsigned i = 0; i < KEY_COUNT; i++)
		world->addresses[world->address_count++] = block->keys[i].address;
	for (unsigned i = 0; i < 8; i++) { /* nobody's, and precompiles */
		memset(&address, 0, sizeof address);
		if (i < 4)
			gyr_rng_fill(&block->rng, &address, 20);
		else
			address.bytes[19] = (uint8_t)below(block, 10);
		world->addresses[world->address_count++] = address;
	}
	world->addresses[world->address_count++] = history_address;
	world->addresses[world->address_count++] = beacon_address;
}

static void put_account(struct block *block, const struct gyr_address *address, uint64_t nonce,
			const char *balance)
{
	put_hex(block->out, address->bytes, 20);
	(void)fprintf(block->out, ":{\"nonce\":%" PRIu64 ",\"balance\":\"%s\"", nonce, balance);
}

static void put_alloc(struct block *block)
{
	FILE *out = block->out;

	(void)fputs("\"alloc\":{", out);
	for (unsigned i = 0; i < CONTRACT_COUNT; i++) {
		block->code.nested = 0;
		code_make(&block->code, &block->rng, &block->world,
			  (unsigned)(1 + below(block, chance(block, 1, 6) ? 40 : 12)));
		put_account(block, &block->world.addresses[i], 1,
			    chance(block, 1, 2) ? "0" : "1000");
		(void)fputs(",\"code\":", out);
		put_hex(out, block->code.bytes, block->code.length);
		(void)fputs(",\"storage\":{", out);
		for (uint64_t k = 0, n = below(block, 4); k < n; k++)
			(void)fprintf(out, "%s\"0x%" PRIx64 "\":\"0x%" PRIx64 "\"",
				      k == 0 ? "" : ",", 2 * k, 1 + below(block, 1000));
		(void)fputs("}},", out);
	}
	for (unsigned i = 0; i < KEY_COUNT; i++) {
		struct key *key = &block->keys[i];

		if (i >= SENDER_COUNT && !key->delegated && key->nonce == 0)
			continue; /* an authority that does not exist yet */
		put_account(block, &key->address, key->nonce,
			    chance(block, 1, 30) ? "1000000000000000" : "100000000000000000000");
		if (key->delegated) {
			uint8_t code[23] = { 0xef, 0x01, 0x00 };

			memcpy(code + 3,
			       &block->world.addresses[below(block, block->world.address_count)],
			       20);
			(void)fputs(",\"code\":", out);
			put_hex(out, code, sizeof code);
		}
		(void)fputs("},", out);
	}
	put_account(block, &history_address, 1, "0");
	(void)fprintf(out, ",\"code\":\"0x%s\"},", history_code);
	put_account(block, &beacon_address, 1, "0");
	(void)fprintf(out, ",\"code\":\"0x%s\"}}", beacon_code);
}

static void put_env(struct block *block)
{
	const struct code_world *world = &block->world;
	struct gyr_hash hash;
	FILE *out = block->out;
	uint64_t first = block->number > 256 ? block->number - 256 : 0;

	(void)fputs(",\"env\":{\"currentCoinbase\":", out);
	put_hex(out, world->addresses[below(block, world->address_count)].bytes, 20);
	gyr_rng_fill(&block->rng, &hash, sizeof hash);
	(void)fputs(",\"currentRandom\":", out);
	put_hex(out, hash.bytes, 32);
	gyr_rng_fill(&block->rng, &hash, sizeof hash);
	(void)fputs(",\"parentBeaconBlockRoot\":", out);
	put_hex(out, hash.bytes, 32);
	(void)fprintf(out,
		      ",\"currentGasLimit\":%" PRIu64 ",\"currentNumber\":%" PRIu64
		      ",\"currentTimestamp\":%" PRIu64 ",\"currentBaseFee\":%" PRIu64
		      ",\"currentExcessBlobGas\":%" PRIu64 ",\"blockHashes\":{",
		      chance(block, 1, 30) ? 4000000 : UINT64_C(60000000), block->number,
		      UINT64_C(1750000000) + below(block, 100000000), block->base_fee,
		      below(block, 100) << 17);
	for (uint64_t i = first; i < block->number; i++) {
		gyr_rng_fill(&block->rng, &hash, sizeof hash);
		(void)fprintf(out, "%s\"%" PRIu64 "\":", i == first ? "" : ",", i);
		put_hex(out, hash.bytes, 32);
	}
	(void)fputs("}}", out);
}

static void sign(struct block *block, struct gyr_txn *txn, const struct key *key)
{
	static uint8_t payload[TX_BYTES_MAX];
	struct gyr_hash hash;

	(void)block;
	gyr_keccak256(&hash, payload, gyr_txn_encode_payload(payload, sizeof payload, txn));
	if (!gyr_secp_sign(txn->r, txn->s, &txn->parity, hash.bytes, key->secret))
		abort();
	txn->parity &= 1;
}

/* s becomes n - s, and parity the other: valid mathematics that EIP-2 and EIP-7702 refuse. */
static void make_high_s(uint8_t s[32], uint8_t *parity)
{
	const struct gyr_u256 order = { { 0xbfd25e8cd0364141, 0xbaaedce6af48a03b,
					  0xfffffffffffffffe, 0xffffffffffffffff } };
	struct gyr_u256 value;

	gyr_u256_load_be(&value, s);
	(void)gyr_u256_sub(&value, &order, &value);
	gyr_u256_store_be(s, &value);
	*parity ^= 1;
}

static size_t make_data(struct block *block, uint8_t *data, const struct gyr_txn *txn)
{
	uint8_t *at = data;
	size_t length;

	if (txn->is_create) {
		if (chance(block, 1, 2))
			return code_make_init(data, &block->rng, &block->world, 0);
		code_make(&block->code, &block->rng, &block->world, (unsigned)below(block, 10));
		memcpy(data, block->code.bytes, block->code.length);
		return block->code.length;
	}
	if (txn->to.bytes[0] == 0 && chance(block, 3, 4))
		return code_precompile_input(data, &block->rng, txn->to.bytes[19]);
	length = (size_t)below(block, chance(block, 1, 30) ? DATA_MAX : 150);
	for (size_t i = 0; i < length; i++)
		*at++ = chance(block, 1, 2) ? 0 : (uint8_t)gyr_rng_next(&block->rng);
	return length;
}

static void make_access_list(struct block *block, struct gyr_txn *txn, uint8_t *out, size_t size)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, size);
	uint64_t entries = below(block, 4);

	for (uint64_t i = 0; i < entries; i++) {
		struct gyr_hash slots[4] = { { { 0 } } };
		uint64_t count = below(block, 5);

		for (uint64_t k = 0; k < count; k++)
			slots[k].bytes[31] = (uint8_t)below(block, 6);
		gyr_txn_encode_access(
			&writer, &block->world.addresses[below(block, block->world.address_count)],
			slots, count);
	}
	txn->access_list = (struct gyr_slice){ out, (size_t)(writer.at - out) };
}

static void make_authorization(struct block *block, struct gyr_txn_authorization *tuple,
			       const struct key *sender)
{
	static const struct gyr_address nobody;
	struct key *key =
		&block->keys[chance(block, 1, 6) ? below(block, KEY_COUNT)
						 : SENDER_COUNT + below(block, AUTHORITY_COUNT)];
	uint8_t payload[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX];
	bool good = chance(block, 4, 5);
	struct gyr_hash hash;

	*tuple = (struct gyr_txn_authorization){
		.chain_id = gyr_u256_from_u64(chance(block, 1, 3) ? 0 : CHAIN_ID),
		.address = block->world.addresses[below(block, block->world.address_count)],
		.nonce = key->nonce + (key == sender),
	};
	if (chance(block, 1, 6))
		tuple->address = nobody;
	if (!good && chance(block, 1, 2))
		tuple->nonce += chance(block, 1, 2) ? 1 : UINT64_MAX;
	else if (!good)
		tuple->chain_id.limb[below(block, 4)] += 1;
	gyr_keccak256(&hash, payload, gyr_txn_authorization_payload(payload, tuple));
	if (!gyr_secp_sign(tuple->r, tuple->s, &tuple->parity, hash.bytes, key->secret))
		abort();
	tuple->parity &= 1;
	if (chance(block, 1, 25))
		make_high_s(tuple->s, &tuple->parity);
	else if (chance(block, 1, 25))
		tuple->r[below(block, 32)] ^= 1;
	else if (chance(block, 1, 40))
		tuple->parity = (uint8_t)below(block, 256);
	else if (good)
		key->nonce++;
}

static void make_authorizations(struct block *block, struct gyr_txn *txn, uint8_t *out, size_t size,
				const struct key *sender)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, size);
	uint64_t count = chance(block, 1, 50) ? 0 : 1 + below(block, 3);
	struct gyr_txn_authorization tuple;

	for (uint64_t i = 0; i < count; i++) {
		make_authorization(block, &tuple, sender);
		gyr_txn_encode_authorization(&writer, &tuple);
	}
	txn->authorizations = (struct gyr_slice){ out, (size_t)(writer.at - out) };
	txn->authorization_count = (uint32_t)count;
}

static void choose_target(struct block *block, struct gyr_txn *txn)
{
	uint64_t draw = below(block, 20);

	txn->is_create = draw < 3 && (txn->type != GYR_TXN_SET_CODE || chance(block, 1, 20));
	memset(&txn->to, 0, sizeof txn->to);
	if (draw < 15)
		txn->to = block->world.addresses[below(block, block->world.contract_count)];
	else if (draw < 17)
		txn->to = block->keys[SENDER_COUNT + below(block, AUTHORITY_COUNT)].address;
	else if (draw < 18)
		txn->to.bytes[19] = (uint8_t)(1 + below(block, chance(block, 1, 6) ? 17 : 7));
	else
		txn->to = block->world.addresses[below(block, block->world.address_count)];
}

static void choose_fees(struct block *block, struct gyr_txn *txn)
{
	uint64_t tip = below(block, 3) * 100;
	uint64_t fee = block->base_fee + tip + below(block, 1000);

	txn->max_fee = gyr_u256_from_u64(fee);
	txn->max_priority_fee = gyr_u256_from_u64(txn->type >= GYR_TXN_DYNAMIC_FEE ? tip : fee);
	txn->value = gyr_u256_from_u64(chance(block, 1, 2) ? 0 : below(block, 1000));
}

static void choose_gas(struct block *block, struct gyr_txn *txn)
{
	uint64_t intrinsic, floor_gas, most = chance(block, 1, 12) ? 2000000 : 400000;

	gyr_txn_intrinsic_gas(&intrinsic, &floor_gas, txn, block->fork);
	intrinsic = gyr_max_u64(intrinsic, floor_gas);
	if (chance(block, 1, 12))
		txn->gas_limit = intrinsic - 2 + below(block, 5);
	else if (chance(block, 1, 6))
		txn->gas_limit = intrinsic + below(block, 10000);
	else
		txn->gas_limit = intrinsic + below(block, most);
}

/* Sets the gas limit from what the transaction costs: the counts that it takes come with parsing.
 */
static bool price_gas(struct block *block, struct gyr_txn *txn, uint8_t *raw, size_t size)
{
	struct gyr_txn_rules rules;
	struct gyr_txn parsed;

	gyr_txn_rules_init(&rules, block->fork, CHAIN_ID);
	memset(txn->r, 1, sizeof txn->r);
	memset(txn->s, 1, sizeof txn->s);
	txn->gas_limit = 300000;
	if (gyr_txn_parse(&parsed, (struct gyr_slice){ raw, gyr_txn_encode(raw, size, txn) },
			  &rules) != GYR_VERDICT_OK)
		return false;
	choose_gas(block, &parsed);
	txn->gas_limit = parsed.gas_limit;
	return gyr_txn_check(&parsed, &rules) == GYR_VERDICT_OK;
}

/* One thing that makes it no transaction for this block, before it is signed; false: it may be. */
static bool spoil(struct block *block, struct gyr_txn *txn)
{
	const struct gyr_u256 one = gyr_u256_from_u64(1);

	switch (below(block, 8)) {
	case 0:
		txn->nonce += chance(block, 1, 2) ? 1 : UINT64_MAX;
		break;
	case 1:
		txn->max_fee = gyr_u256_from_u64(block->base_fee - 1);
		break;
	case 2:
		if (txn->type < GYR_TXN_DYNAMIC_FEE)
			return false;
		(void)gyr_u256_add(&txn->max_priority_fee, &txn->max_fee, &one);
		break;
	case 3:
		txn->value.limb[2] = 1 + below(block, 100);
		break;
	case 4:
		txn->chain_id += 1;
		return txn->is_protected;
	case 5:
		txn->gas_limit = below(block, 21000);
		break;
	case 6:
		txn->max_fee.limb[3] = UINT64_MAX; /* more than anybody has, or overflow */
		break;
	default:
		txn->gas_limit = UINT64_C(1) << (26 + below(block, 10));
		break;
	}
	return true;
}

static bool append(struct block *block, const uint8_t *raw, size_t length, bool typed)
{
	struct gyr_rlp_writer writer;

	if (block->list_length + length + GYR_RLP_HEADER_MAX > LIST_BYTES_MAX)
		return false;
	writer = gyr_rlp_writer_over(block->list + block->list_length,
				     LIST_BYTES_MAX - block->list_length);
	if (typed)
		gyr_rlp_put_string(&writer, raw, length);
	else
		gyr_rlp_put_raw(&writer, raw, length);
	block->list_length = (size_t)(writer.at - block->list);
	return true;
}

static void make_tx(struct block *block)
{
	static const enum gyr_txn_type types[] = {
		GYR_TXN_LEGACY,	     GYR_TXN_LEGACY,	  GYR_TXN_LEGACY,   GYR_TXN_ACCESS_LIST,
		GYR_TXN_ACCESS_LIST, GYR_TXN_DYNAMIC_FEE, GYR_TXN_SET_CODE, GYR_TXN_DYNAMIC_FEE,
		GYR_TXN_DYNAMIC_FEE, GYR_TXN_SET_CODE,
	};
	static uint8_t raw[TX_BYTES_MAX], data[DATA_MAX + 2048], access[4096], authorizations[4096];
	struct key *sender = &block->keys[below(block, SENDER_COUNT)];
	struct gyr_txn txn = { .type = types[below(block, GYR_COUNT(types))],
			       .chain_id = CHAIN_ID,
			       .is_protected = true };
	bool good;
	size_t length;

	if (chance(block, 1, 30)) /* an authority sends: it may be delegated by then */
		sender = &block->keys[SENDER_COUNT + below(block, AUTHORITY_COUNT)];
	if (txn.type == GYR_TXN_LEGACY && chance(block, 1, 4))
		txn.is_protected = false;
	choose_target(block, &txn);
	txn.data = (struct gyr_slice){ data, make_data(block, data, &txn) };
	if (txn.type != GYR_TXN_LEGACY)
		make_access_list(block, &txn, access, sizeof access);
	if (txn.type == GYR_TXN_SET_CODE)
		make_authorizations(block, &txn, authorizations, sizeof authorizations, sender);
	txn.nonce = sender->nonce;
	choose_fees(block, &txn);
	good = price_gas(block, &txn, raw, sizeof raw);
	if (chance(block, 1, 14) && spoil(block, &txn))
		good = false;
	sign(block, &txn, sender);
	if (chance(block, 1, 150)) {
		make_high_s(txn.s, &txn.parity);
		good = false;
	}
	length = gyr_txn_encode(raw, sizeof raw, &txn);
	if (txn.type != GYR_TXN_LEGACY && chance(block, 1, 200)) {
		length -= 1 + below(block, length - 1);
		good = false;
	}
	if (append(block, raw, length, txn.type != GYR_TXN_LEGACY) && good)
		sender->nonce++;
}

static void put_block(struct block *block, uint64_t seed, uint64_t index, uint64_t tx_count)
{
	uint8_t head[GYR_RLP_HEADER_MAX];
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(head, sizeof head);
	static const uint64_t fees[] = { 7, 1000, 1000000000 };

	gyr_rng_init(&block->rng, seed * UINT64_C(0x9e3779b97f4a7c15) + index);
	block->base_fee = fees[below(block, GYR_COUNT(fees))];
	block->number = chance(block, 1, 30) ? 250 + below(block, 100) : 1 + below(block, 12);
	block->list_length = 0;
	make_keys(block);
	make_world(block);
	(void)fprintf(block->out, "{\"name\":\"%" PRIu64 "/%" PRIu64 "\",\"fork\":\"%s\",", seed,
		      index, gyr_fork_name(block->fork));
	put_alloc(block);
	put_env(block);
	for (uint64_t i = 0; i < tx_count; i++)
		make_tx(block);
	gyr_rlp_put_list(&writer, block->list_length);
	(void)fputs(",\"txs\":\"0x", block->out);
	for (const uint8_t *at = head; at < writer.at; at++)
		(void)fprintf(block->out, "%02x", *at);
	for (size_t i = 0; i < block->list_length; i++)
		(void)fprintf(block->out, "%02x", block->list[i]);
	(void)fputs("\"}\n", block->out);
}

int main(int argc, char **argv)
{
	static struct block block;
	const char *fork = "Prague";
	uint64_t seed = 1, first = 0, blocks = 1, txs = 32;
	const struct gyr_args_option options[] = {
		{ "seed", 's', GYR_ARGS_COUNT, &seed, "N", "Default 1." },
		{ "first", 0, GYR_ARGS_COUNT, &first, "N",
		  "Number of the first block. Default 0." },
		{ "blocks", 'n', GYR_ARGS_COUNT, &blocks, "N", "Default 1." },
		{ "txs", 't', GYR_ARGS_COUNT, &txs, "N", "Transactions a block. Default 32." },
		{ "fork", 'f', GYR_ARGS_TEXT, &fork, "NAME", "Prague or Osaka. Default Prague." },
	};
	struct gyr_args args = {
		.program = "generate_blocks",
		.summary = "Writes random blocks, one a line, as gyr-t8n --lines reads them.",
		.options = options,
		.option_count = GYR_COUNT(options),
	};

	if (gyr_args_parse(&args, argc, argv) < 0 ||
	    !gyr_fork_by_name(&block.fork, fork, strlen(fork))) {
		gyr_err_print(stderr, args.program);
		return GYR_ERR_USAGE;
	}
	if (args.help) {
		gyr_args_print_help(&args, stdout);
		return 0;
	}
	block.out = stdout;
	block.list = malloc(LIST_BYTES_MAX);
	if (block.list == NULL)
		return 1;
	for (uint64_t i = 0; i < blocks; i++)
		put_block(&block, seed, first + i, txs);
	free(block.list);
	return fflush(stdout) != 0;
}
