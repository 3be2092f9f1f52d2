/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_precompile.h"

#include "gyr_bytes.h"
#include "gyr_sha256.h"
#include "portable.h"
#include "precompile_input.h"

const struct gyr_precompile_ops gyr_precompile_portable = {
	.name = "portable",
	.ecrecover = portable_ecrecover,
	.sha256 = gyr_sha256,
	.ripemd160 = portable_ripemd160,
	.modexp = portable_modexp,
	.bn254_add = portable_bn254_add,
	.bn254_mul = portable_bn254_mul,
	.bn254_pairing = portable_bn254_pairing,
	.blake2f = portable_blake2f,
	.p256_verify = portable_p256_verify,
};

/* For the buckets of multi-scalar multiplications, and for alignment. */
#define FURTHER_SCRATCH 131072

static uint32_t bits_through(enum gyr_precompile last)
{
	return ((uint32_t)2 << last) - 1;
}

struct gyr_precompile_rules gyr_precompile_rules_of(enum gyr_precompile_fork fork)
{
	struct gyr_precompile_rules rules = {
		.enabled = bits_through(GYR_PRECOMPILE_IDENTITY),
		.modexp_pricing = GYR_PRECOMPILE_MODEXP_EIP198,
	};

	gyr_assert(fork < GYR_PRECOMPILE_FORK_COUNT);
	if (fork >= GYR_PRECOMPILE_BYZANTIUM)
		rules.enabled = bits_through(GYR_PRECOMPILE_BN254_PAIRING);
	if (fork >= GYR_PRECOMPILE_ISTANBUL) {
		rules.enabled = bits_through(GYR_PRECOMPILE_BLAKE2F);
		rules.bn254_repriced = true;
	}
	if (fork >= GYR_PRECOMPILE_BERLIN)
		rules.modexp_pricing = GYR_PRECOMPILE_MODEXP_EIP2565;
	if (fork >= GYR_PRECOMPILE_CANCUN)
		rules.enabled = bits_through(GYR_PRECOMPILE_KZG);
	if (fork >= GYR_PRECOMPILE_PRAGUE)
		rules.enabled = bits_through(GYR_PRECOMPILE_BLS_MAP_G2);
	if (fork >= GYR_PRECOMPILE_OSAKA) {
		rules.enabled = bits_through(GYR_PRECOMPILE_P256_VERIFY);
		rules.modexp_pricing = GYR_PRECOMPILE_MODEXP_EIP7883;
		rules.modexp_capped = true;
	}
	return rules;
}

enum gyr_precompile gyr_precompile_at(const struct gyr_precompile_rules *rules,
				      const struct gyr_address *address)
{
	/* Nearly every address asked about is none, and already its first bytes say so. */
	if (gyr_load_le64(address->bytes) != 0 || gyr_load_le64(address->bytes + 8) != 0)
		return GYR_PRECOMPILE_NONE;
	uint32_t number = gyr_load_be32(address->bytes + 16);
	uint32_t which;

	if (number >= 1 && number <= 0x11)
		which = number - 1;
	else if (number == 0x100)
		which = GYR_PRECOMPILE_P256_VERIFY;
	else
		return GYR_PRECOMPILE_NONE;
	if ((rules->enabled >> which & 1) == 0)
		return GYR_PRECOMPILE_NONE;
	return (enum gyr_precompile)which;
}

struct gyr_address gyr_precompile_address(enum gyr_precompile which)
{
	struct gyr_address address = { { 0 } };

	gyr_assert(which < GYR_PRECOMPILE_COUNT);
	gyr_store_be32(address.bytes + 16,
		       which == GYR_PRECOMPILE_P256_VERIFY ? 0x100 : (uint32_t)which + 1);
	return address;
}

const char *gyr_precompile_name(enum gyr_precompile which)
{
	static const char *const names[GYR_PRECOMPILE_COUNT] = {
		"ecrecover",  "sha256",	    "ripemd160",     "identity",   "modexp",
		"bn254-add",  "bn254-mul",  "bn254-pairing", "blake2f",	   "kzg",
		"bls-g1-add", "bls-g1-msm", "bls-g2-add",    "bls-g2-msm", "bls-pairing",
		"bls-map-g1", "bls-map-g2", "p256-verify",
	};

	gyr_assert(which < GYR_PRECOMPILE_COUNT);
	return names[which];
}

static bool served(const struct gyr_precompile_ops *ops, enum gyr_precompile which)
{
	const bool have[GYR_PRECOMPILE_COUNT] = {
		[GYR_PRECOMPILE_ECRECOVER] = ops->ecrecover != NULL,
		[GYR_PRECOMPILE_SHA256] = ops->sha256 != NULL,
		[GYR_PRECOMPILE_RIPEMD160] = ops->ripemd160 != NULL,
		[GYR_PRECOMPILE_IDENTITY] = true,
		[GYR_PRECOMPILE_MODEXP] = ops->modexp != NULL,
		[GYR_PRECOMPILE_BN254_ADD] = ops->bn254_add != NULL,
		[GYR_PRECOMPILE_BN254_MUL] = ops->bn254_mul != NULL,
		[GYR_PRECOMPILE_BN254_PAIRING] = ops->bn254_pairing != NULL,
		[GYR_PRECOMPILE_BLAKE2F] = ops->blake2f != NULL,
		[GYR_PRECOMPILE_KZG] = ops->kzg_verify != NULL && ops->sha256 != NULL,
		[GYR_PRECOMPILE_BLS_G1_ADD] = ops->bls_g1_add != NULL,
		[GYR_PRECOMPILE_BLS_G1_MSM] = ops->bls_g1_msm != NULL,
		[GYR_PRECOMPILE_BLS_G2_ADD] = ops->bls_g2_add != NULL,
		[GYR_PRECOMPILE_BLS_G2_MSM] = ops->bls_g2_msm != NULL,
		[GYR_PRECOMPILE_BLS_PAIRING] = ops->bls_pairing != NULL,
		[GYR_PRECOMPILE_BLS_MAP_G1] = ops->bls_map_g1 != NULL,
		[GYR_PRECOMPILE_BLS_MAP_G2] = ops->bls_map_g2 != NULL,
		[GYR_PRECOMPILE_P256_VERIFY] = ops->p256_verify != NULL,
	};

	return have[which];
}

enum gyr_precompile gyr_precompile_missing(const struct gyr_precompile_ops *ops,
					   const struct gyr_precompile_rules *rules)
{
	for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++) {
		if ((rules->enabled >> which & 1) != 0 && !served(ops, (enum gyr_precompile)which))
			return (enum gyr_precompile)which;
	}
	return GYR_PRECOMPILE_NONE;
}

size_t gyr_precompile_output_size(enum gyr_precompile which, struct gyr_slice input)
{
	switch (which) {
	case GYR_PRECOMPILE_IDENTITY:
		return input.length;
	case GYR_PRECOMPILE_MODEXP:
		return (size_t)modexp_lengths_of(input).modulus;
	case GYR_PRECOMPILE_BN254_ADD:
	case GYR_PRECOMPILE_BN254_MUL:
	case GYR_PRECOMPILE_BLAKE2F:
	case GYR_PRECOMPILE_KZG:
		return 64;
	case GYR_PRECOMPILE_BLS_G1_ADD:
	case GYR_PRECOMPILE_BLS_G1_MSM:
	case GYR_PRECOMPILE_BLS_MAP_G1:
		return BLS_G1;
	case GYR_PRECOMPILE_BLS_G2_ADD:
	case GYR_PRECOMPILE_BLS_G2_MSM:
	case GYR_PRECOMPILE_BLS_MAP_G2:
		return BLS_G2;
	default:
		return 32;
	}
}

/* The integer square root, rounded up; Newton's iteration from above, at most 40 steps. */
static uint64_t square_root_up(uint64_t x)
{
	uint64_t root = (uint64_t)1 << 32;

	for (;;) {
		uint64_t next = (root + x / root) / 2;

		if (next >= root)
			break;
		root = next;
	}
	return root * root < x ? root + 1 : root;
}

size_t gyr_precompile_scratch_size(const struct gyr_precompile_rules *rules, uint64_t gas_limit)
{
	uint64_t length = GYR_PRECOMPILE_MODEXP_LENGTH_MAX;

	/*
	 * An operand of n > 1024 bytes costs at least n^2 / 320 (EIP-198), n^2 / 192 (EIP-2565) or
	 * n^2 / 32 (EIP-7883). A limit above 2^48 is no chain's; 2^48 stands for it.
	 */
	if (!rules->modexp_capped) {
		uint64_t gas = gyr_min_u64(gas_limit, (uint64_t)1 << 48) + 1;

		length = gyr_max_u64(length, square_root_up(gas * 320));
	}
	return portable_modexp_scratch_size((size_t)length) + FURTHER_SCRATCH;
}

static enum gyr_precompile_status run_ecrecover(const struct gyr_precompile_ops *ops,
						uint8_t *output, size_t *output_length,
						struct gyr_slice input)
{
	static const uint8_t zeros[31];
	struct gyr_address address;
	uint8_t data[128];

	input_read(data, sizeof data, input, 0);
	if (memcmp(data + 32, zeros, sizeof zeros) != 0 || (data[63] != 27 && data[63] != 28))
		return GYR_PRECOMPILE_OK;
	if (!ops->ecrecover(&address, data, data + 64, data + 96, data[63] - 27u))
		return GYR_PRECOMPILE_OK;
	memset(output, 0, 12);
	memcpy(output + 12, address.bytes, sizeof address.bytes);
	*output_length = 32;
	return GYR_PRECOMPILE_OK;
}

/* The operand as declared: in place where the input holds all of it, else padded in scratch. */
static bool modexp_operand(struct gyr_slice *operand, struct gyr_arena *scratch,
			   struct gyr_slice input, uint64_t offset, uint64_t length)
{
	operand->length = (size_t)length;
	if (offset <= input.length && length <= input.length - offset) {
		operand->data = input.data + offset;
		return true;
	}
	uint8_t *copy = gyr_arena_carve(scratch, (size_t)length, 8);

	if (copy == NULL)
		return false;
	input_read(copy, (size_t)length, input, offset);
	operand->data = copy;
	return true;
}

static enum gyr_precompile_status run_modexp(const struct gyr_precompile_ops *ops,
					     const struct gyr_precompile_rules *rules,
					     uint8_t *output, size_t *output_length,
					     struct gyr_arena *scratch, struct gyr_slice input)
{
	struct modexp_lengths lengths = modexp_lengths_of(input);
	struct gyr_slice base;
	struct gyr_slice exponent = { input.data, 0 };
	struct gyr_slice modulus;
	uint64_t at = MODEXP_HEADER;

	if (rules->modexp_capped && (lengths.base > GYR_PRECOMPILE_MODEXP_LENGTH_MAX ||
				     lengths.exponent > GYR_PRECOMPILE_MODEXP_LENGTH_MAX ||
				     lengths.modulus > GYR_PRECOMPILE_MODEXP_LENGTH_MAX))
		return GYR_PRECOMPILE_FAILED;
	if (lengths.modulus == 0)
		return GYR_PRECOMPILE_OK;
	/* The gas that was paid bounds base and modulus far below 2^48; only zeros of the exponent
	 * cost nearly nothing. */
	if (((lengths.base | lengths.modulus) >> 48) != 0)
		return GYR_PRECOMPILE_NO_MEMORY;
	if (!modexp_operand(&base, scratch, input, at, lengths.base))
		return GYR_PRECOMPILE_NO_MEMORY;
	at += lengths.base;
	if (at < input.length) {
		exponent.data = input.data + at;
		exponent.length = (size_t)gyr_min_u64(lengths.exponent, input.length - at);
	}
	at = lengths.exponent > UINT64_MAX - at ? UINT64_MAX : at + lengths.exponent;
	if (!modexp_operand(&modulus, scratch, input, at, lengths.modulus))
		return GYR_PRECOMPILE_NO_MEMORY;
	enum gyr_precompile_status status = ops->modexp(
		output, scratch, base, exponent, lengths.exponent - exponent.length, modulus);

	if (status == GYR_PRECOMPILE_OK)
		*output_length = (size_t)lengths.modulus;
	return status;
}

static enum gyr_precompile_status run_blake2f(const struct gyr_precompile_ops *ops, uint8_t *output,
					      size_t *output_length, struct gyr_slice input)
{
	uint64_t h[8];
	uint64_t m[16];
	uint64_t t[2];

	if (input.length != BLAKE2F_INPUT || input.data[212] > 1)
		return GYR_PRECOMPILE_FAILED;
	memcpy(h, input.data + 4, sizeof h);
	memcpy(m, input.data + 68, sizeof m);
	memcpy(t, input.data + 196, sizeof t);
	ops->blake2f(h, m, t, input.data[212] == 1, gyr_load_be32(input.data));
	memcpy(output, h, sizeof h);
	*output_length = sizeof h;
	return GYR_PRECOMPILE_OK;
}

/* EIP-4844: versioned hash, z, y, commitment, proof; the answer is two constants. */
static enum gyr_precompile_status run_kzg(const struct gyr_precompile_ops *ops, uint8_t *output,
					  size_t *output_length, struct gyr_slice input)
{
	static const uint8_t answer[64] = {
		[30] = 0x10, /* 4096 field elements a blob */
		[32] = 0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8,
		0x08,	     0x09, 0xa1, 0xd8, 0x05, 0x53, 0xbd, 0xa4, 0x02, 0xff, 0xfe,
		0x5b,	     0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01,
	};
	uint8_t hash[32];

	if (input.length != KZG_INPUT)
		return GYR_PRECOMPILE_FAILED;
	ops->sha256(hash, input.data + 96, 48);
	hash[0] = 1;
	if (memcmp(hash, input.data, sizeof hash) != 0)
		return GYR_PRECOMPILE_FAILED;
	enum gyr_precompile_status status = ops->kzg_verify(input.data + 96, input.data + 32,
							    input.data + 64, input.data + 144);

	if (status != GYR_PRECOMPILE_OK)
		return status;
	memcpy(output, answer, sizeof answer);
	*output_length = sizeof answer;
	return GYR_PRECOMPILE_OK;
}

typedef enum gyr_precompile_status pairing_function(bool *one, struct gyr_arena *scratch,
						    const uint8_t *pairs, size_t pair_count);

static enum gyr_precompile_status run_pairing(pairing_function *pairing, size_t pair_size,
					      bool empty_is_one, uint8_t *output,
					      size_t *output_length, struct gyr_arena *scratch,
					      struct gyr_slice input)
{
	bool one = true;

	if (input.length % pair_size != 0 || (input.length == 0 && !empty_is_one))
		return GYR_PRECOMPILE_FAILED;
	if (input.length != 0) {
		enum gyr_precompile_status status = pairing(&one, scratch, input.data,
							    input.length / pair_size);

		if (status != GYR_PRECOMPILE_OK)
			return status;
	}
	memset(output, 0, 31);
	output[31] = one;
	*output_length = 32;
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status run_bls(const struct gyr_precompile_ops *ops,
					  enum gyr_precompile which, uint8_t *output,
					  struct gyr_arena *scratch, struct gyr_slice input)
{
	size_t length = input.length;

	switch (which) {
	case GYR_PRECOMPILE_BLS_G1_ADD:
		return length == (size_t)2 * BLS_G1 ? ops->bls_g1_add(output, input.data)
						    : GYR_PRECOMPILE_FAILED;
	case GYR_PRECOMPILE_BLS_G2_ADD:
		return length == (size_t)2 * BLS_G2 ? ops->bls_g2_add(output, input.data)
						    : GYR_PRECOMPILE_FAILED;
	case GYR_PRECOMPILE_BLS_G1_MSM:
		return length != 0 && length % BLS_G1_TERM == 0
			       ? ops->bls_g1_msm(output, scratch, input.data, length / BLS_G1_TERM)
			       : GYR_PRECOMPILE_FAILED;
	case GYR_PRECOMPILE_BLS_G2_MSM:
		return length != 0 && length % BLS_G2_TERM == 0
			       ? ops->bls_g2_msm(output, scratch, input.data, length / BLS_G2_TERM)
			       : GYR_PRECOMPILE_FAILED;
	case GYR_PRECOMPILE_BLS_MAP_G1:
		return length == 64 ? ops->bls_map_g1(output, input.data) : GYR_PRECOMPILE_FAILED;
	default:
		gyr_assert(which == GYR_PRECOMPILE_BLS_MAP_G2);
		return length == 128 ? ops->bls_map_g2(output, input.data) : GYR_PRECOMPILE_FAILED;
	}
}

static enum gyr_precompile_status dispatch(const struct gyr_precompile_ops *ops,
					   const struct gyr_precompile_rules *rules,
					   enum gyr_precompile which, uint8_t *output,
					   size_t *output_length, struct gyr_arena *scratch,
					   struct gyr_slice input)
{
	enum gyr_precompile_status status;
	uint8_t data[P256_INPUT];

	switch (which) {
	case GYR_PRECOMPILE_ECRECOVER:
		return run_ecrecover(ops, output, output_length, input);
	case GYR_PRECOMPILE_SHA256:
		ops->sha256(output, input.data, input.length);
		*output_length = 32;
		return GYR_PRECOMPILE_OK;
	case GYR_PRECOMPILE_RIPEMD160:
		memset(output, 0, 12);
		ops->ripemd160(output + 12, input.data, input.length);
		*output_length = 32;
		return GYR_PRECOMPILE_OK;
	case GYR_PRECOMPILE_IDENTITY:
		if (input.length > 0)
			memcpy(output, input.data, input.length);
		*output_length = input.length;
		return GYR_PRECOMPILE_OK;
	case GYR_PRECOMPILE_MODEXP:
		return run_modexp(ops, rules, output, output_length, scratch, input);
	case GYR_PRECOMPILE_BN254_ADD:
		input_read(data, 128, input, 0);
		status = ops->bn254_add(output, data);
		break;
	case GYR_PRECOMPILE_BN254_MUL:
		input_read(data, 96, input, 0);
		status = ops->bn254_mul(output, data);
		break;
	case GYR_PRECOMPILE_BN254_PAIRING:
		return run_pairing(ops->bn254_pairing, BN254_PAIR, true, output, output_length,
				   scratch, input);
	case GYR_PRECOMPILE_BLAKE2F:
		return run_blake2f(ops, output, output_length, input);
	case GYR_PRECOMPILE_KZG:
		return run_kzg(ops, output, output_length, input);
	case GYR_PRECOMPILE_BLS_PAIRING:
		return run_pairing(ops->bls_pairing, BLS_PAIR, false, output, output_length,
				   scratch, input);
	case GYR_PRECOMPILE_P256_VERIFY:
		if (input.length != P256_INPUT || !ops->p256_verify(input.data))
			return GYR_PRECOMPILE_OK;
		memset(output, 0, 31);
		output[31] = 1;
		*output_length = 32;
		return GYR_PRECOMPILE_OK;
	default:
		status = run_bls(ops, which, output, scratch, input);
		break;
	}
	if (status == GYR_PRECOMPILE_OK)
		*output_length = gyr_precompile_output_size(which, input);
	return status;
}

enum gyr_precompile_status gyr_precompile_run(const struct gyr_precompile_ops *ops,
					      const struct gyr_precompile_rules *rules,
					      enum gyr_precompile which, uint8_t *output,
					      size_t output_size, size_t *output_length,
					      struct gyr_arena *scratch, struct gyr_slice input)
{
	size_t used = scratch->used;

	gyr_assert(which < GYR_PRECOMPILE_COUNT && (rules->enabled >> which & 1) != 0);
	gyr_assert(served(ops, which));
	*output_length = 0;
	/* What EIP-7823 refuses writes nothing, however much it asks for. */
	if (which == GYR_PRECOMPILE_MODEXP && rules->modexp_capped &&
	    modexp_lengths_of(input).modulus > GYR_PRECOMPILE_MODEXP_LENGTH_MAX)
		return GYR_PRECOMPILE_FAILED;
	if (output_size < gyr_precompile_output_size(which, input))
		return GYR_PRECOMPILE_NO_MEMORY;
	enum gyr_precompile_status status = dispatch(ops, rules, which, output, output_length,
						     scratch, input);

	scratch->used = used;
	gyr_assert(*output_length <= output_size);
	gyr_assert(status == GYR_PRECOMPILE_OK || *output_length == 0);
	return status;
}
