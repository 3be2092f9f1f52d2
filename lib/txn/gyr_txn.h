/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed Ethereum transactions: legacy with and without EIP-155, EIP-2930, EIP-1559, EIP-4844 and
 * EIP-7702. Parsing is strict, total on any bytes, and copies nothing of variable length: call data
 * and lists stay slices of the raw transaction, which must outlive the parsed one. Everything that
 * can be judged without state is judged here, as a verdict. Freestanding, no state, any thread.
 */
#ifndef GYR_TXN_H
#define GYR_TXN_H

#include "gyr_fork.h"
#include "gyr_keccak.h"
#include "gyr_rlp.h"
#include "gyr_u256.h"
#include "gyr_verdict.h"

/* What a raw transaction may take here, in bytes; geth's pool has the same limit. */
#define GYR_TXN_LENGTH_MAX ((size_t)128 * 1024)

/* A signing payload is at most this much longer than the raw transaction. */
#define GYR_TXN_PAYLOAD_EXTRA 16

enum gyr_txn_type {
	GYR_TXN_LEGACY = 0,
	GYR_TXN_ACCESS_LIST = 1, /* EIP-2930 */
	GYR_TXN_DYNAMIC_FEE = 2, /* EIP-1559 */
	GYR_TXN_BLOB = 3,	 /* EIP-4844, without the network's blob wrapper */
	GYR_TXN_SET_CODE = 4,	 /* EIP-7702 */
	GYR_TXN_TYPE_COUNT,
};

/* What is accepted; gyr_txn_rules_init fills it for a fork and the caller narrows it. */
struct gyr_txn_rules {
	enum gyr_fork fork;
	uint64_t chain_id;
	size_t length_max;	  /* bytes of a raw transaction */
	uint64_t gas_limit_max;	  /* EIP-7825 from Osaka, else UINT64_MAX */
	unsigned types;		  /* bit t: type t is accepted */
	bool unprotected_allowed; /* legacy transactions without a chain id (v 27, 28) */
	bool high_s_allowed; /* s above half the group order (EIP-2 forbids it from Homestead) */
};

/*
 * A transaction. Who parses gets all of it; who encodes fills all but `raw` and `fields`, the
 * signature last. Lists are slices of the content of their RLP lists, validated by gyr_txn_parse.
 */
struct gyr_txn {
	enum gyr_txn_type type;
	bool is_create;	   /* there is no `to` */
	bool is_protected; /* the chain id is signed: always but for legacy with v 27 or 28 */
	uint8_t parity;	   /* of the signature's R.y: 0 or 1 */
	uint64_t chain_id; /* 0 where not protected */
	uint64_t nonce;
	uint64_t gas_limit;
	struct gyr_u256 max_priority_fee; /* wei per gas; types 0 and 1: the gas price */
	struct gyr_u256 max_fee;	  /* wei per gas; types 0 and 1: the gas price */
	struct gyr_u256 value;		  /* wei */
	struct gyr_u256 max_blob_fee;	  /* wei per blob gas, type 3 */
	struct gyr_address to;
	uint8_t r[32], s[32]; /* big-endian */
	struct gyr_slice data;
	struct gyr_slice access_list;	 /* see gyr_txn_next_access */
	struct gyr_slice authorizations; /* see gyr_txn_next_authorization */
	struct gyr_slice blob_hashes;	 /* see gyr_txn_blob_hash */
	uint32_t access_address_count;
	uint32_t access_slot_count;
	uint32_t authorization_count;
	uint32_t blob_hash_count;
	struct gyr_slice raw;	 /* the whole transaction */
	struct gyr_slice fields; /* of it, the items that are signed, in one piece */
};

/* One account of an access list. */
struct gyr_txn_access {
	struct gyr_address address;
	struct gyr_slice slots; /* slot_count encoded keys, see gyr_txn_access_slot */
	uint32_t slot_count;
};

/* One tuple of an authorization list; whether its signature is any good is not judged here. */
struct gyr_txn_authorization {
	struct gyr_u256 chain_id;
	struct gyr_address address;
	uint64_t nonce;
	uint8_t parity; /* 0 to 255 */
	uint8_t r[32], s[32];
};

/* The rules of a fork on a chain: every type it has, EIP-2, unprotected transactions allowed. */
void gyr_txn_rules_init(struct gyr_txn_rules *out, enum gyr_fork fork, uint64_t chain_id);

/*
 * Reads a signed transaction: canonical RLP at every depth, the right number of fields, widths,
 * chain id, and the ranges of r, s and parity. OK means that the signature may be recovered and the
 * iterators below may be used; gyr_txn_check judges the rest. `out` is defined only when OK.
 */
enum gyr_verdict gyr_txn_parse(struct gyr_txn *out, struct gyr_slice raw,
			       const struct gyr_txn_rules *rules);

/*
 * Judges what needs no state: nonce limit (EIP-2681), tip against fee, creation allowed, init code
 * limit, authorization and blob lists, gas limit against intrinsic gas, floor and cap, and that gas
 * limit times max fee fits 256 bits. (With the value on top it may still not: gyr_txn_max_cost.)
 */
enum gyr_verdict gyr_txn_check(const struct gyr_txn *txn, const struct gyr_txn_rules *rules);

/*
 * Gas that the transaction costs before any code runs, and the floor of what it costs in the end
 * (EIP-7623; 0 before Prague).
 */
void gyr_txn_intrinsic_gas(uint64_t *gas, uint64_t *floor_gas, const struct gyr_txn *txn,
			   enum gyr_fork fork);

/* Wei per gas at a base fee, 0 before London; false when the transaction pays less than that. */
bool gyr_txn_effective_gas_price(struct gyr_u256 *out, const struct gyr_txn *txn,
				 const struct gyr_u256 *base_fee);

/*
 * Wei that the sender must own: gas limit times max fee plus value, and blob gas times max blob
 * fee. GAS_COST_OVERFLOW when it exceeds 256 bits.
 */
enum gyr_verdict gyr_txn_max_cost(struct gyr_u256 *out, const struct gyr_txn *txn);

/* The next account of an access list; false at its end. `rest` starts as txn.access_list. */
bool gyr_txn_next_access(struct gyr_txn_access *out, struct gyr_slice *rest);

/* Storage key `index` < slot_count, 32 big-endian bytes. */
const uint8_t *gyr_txn_access_slot(const struct gyr_txn_access *access, uint32_t index);

/* The next tuple; false at the end. `rest` starts as txn.authorizations. */
bool gyr_txn_next_authorization(struct gyr_txn_authorization *out, struct gyr_slice *rest);

/* Versioned hash `index` < blob_hash_count, 32 bytes. */
const uint8_t *gyr_txn_blob_hash(const struct gyr_txn *txn, uint32_t index);

/* The transaction's hash, of its raw bytes. */
void gyr_txn_hash(struct gyr_hash *out, const struct gyr_txn *txn,
		  const struct gyr_keccak_ops *keccak);

/* What the sender signed, hashed. */
void gyr_txn_signing_hash(struct gyr_hash *out, const struct gyr_txn *txn,
			  const struct gyr_keccak_ops *keccak);

/*
 * The message behind gyr_txn_signing_hash, for a caller that hashes many at once: written to
 * `scratch` of at least raw.length + GYR_TXN_PAYLOAD_EXTRA bytes; returns its length. A parsed
 * transaction's signed fields are copied in one piece behind a new header.
 */
size_t gyr_txn_signing_payload(uint8_t *scratch, size_t scratch_size, const struct gyr_txn *txn);

/* The message that the signer of an authorization hashes (EIP-7702), and its length. */
#define GYR_TXN_AUTHORIZATION_PAYLOAD_MAX 80
size_t gyr_txn_authorization_payload(uint8_t out[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX],
				     const struct gyr_txn_authorization *authorization);

/*
 * Encoding, for tests, tools and the load generator: fill a gyr_txn, encode its payload, sign the
 * payload's hash, set parity, r and s, encode it. gyr_txn_encode_length_max bytes suffice for both,
 * whatever the signature; each returns the bytes written.
 */
size_t gyr_txn_encode_length_max(const struct gyr_txn *txn);
size_t gyr_txn_encode_payload(uint8_t *out, size_t out_size, const struct gyr_txn *txn);
size_t gyr_txn_encode(uint8_t *out, size_t out_size, const struct gyr_txn *txn);

/* Bytes of one access list entry, and the entry itself; slots are slot_count keys of 32 bytes. */
size_t gyr_txn_encode_access_length(size_t slot_count);
void gyr_txn_encode_access(struct gyr_rlp_writer *writer, const struct gyr_address *address,
			   const struct gyr_hash *slots, size_t slot_count);

size_t gyr_txn_encode_authorization_length(const struct gyr_txn_authorization *authorization);
void gyr_txn_encode_authorization(struct gyr_rlp_writer *writer,
				  const struct gyr_txn_authorization *authorization);

#endif
