/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs for precompiles: valid by construction, then perhaps spoilt. */
#include <string.h>

#include "code_maker.h"
#include "gyr_bytes.h"
#include "gyr_precompile.h"
#include "gyr_secp.h"

static const char bn_g2[] = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
			    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
			    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
			    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

static const char bls_g1[] =
	"17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83f"
	"f97a1aeffb3af00adb22c6bb"
	"08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744"
	"a2888ae40caa232946c5e7e1";

static const char bls_g2[] =
	"024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326"
	"a805bbefd48056c8c121bdb8"
	"13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf112"
	"13945d57e5ac7d055d042b7e"
	"0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc"
	"3baca289e193548608b82801"
	"0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d27"
	"5cec1da1aaa9075ff05f79be";

/* The example of RFC 6979, A.2.5: key, and the signature of SHA-256("sample"). */
static const char p256_case[] = "af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
				"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
				"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
				"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
				"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

static void unhex(uint8_t *out, const char *text, size_t length)
{
	for (size_t i = 0; i < 2 * length; i++) {
		uint8_t digit = (uint8_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);

		out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
	}
}

/* Field elements of 48 bytes, each in 64. */
static void put_bls(uint8_t *out, const char *text, unsigned elements)
{
	memset(out, 0, (size_t)64 * elements);
	for (unsigned i = 0; i < elements; i++)
		unhex(out + (size_t)64 * i + 16, text + (size_t)96 * i, 48);
}

/* A multiple of the group's generator, or infinity. */
static void put_bn_point(uint8_t out[64], struct gyr_rng *rng)
{
	uint8_t term[96] = { 0 };

	term[31] = 1;
	term[63] = 2;
	gyr_store_be64(term + 88, gyr_rng_chance(rng, 1, 8) ? 0 : gyr_rng_next(rng));
	(void)gyr_precompile_portable.bn254_mul(out, term);
}

static size_t put_ecrecover(uint8_t *out, struct gyr_rng *rng)
{
	uint8_t secret[32], parity;

	gyr_rng_fill(rng, out, 32);
	gyr_rng_fill(rng, secret, sizeof secret);
	secret[0] = 0;
	memset(out + 32, 0, 32);
	if (gyr_secp_sign(out + 64, out + 96, &parity, out, secret))
		out[63] = (uint8_t)(27 + parity);
	return 128;
}

static size_t put_modexp(uint8_t *out, struct gyr_rng *rng)
{
	uint8_t lengths[3];
	size_t total = 0;

	memset(out, 0, 96);
	for (int i = 0; i < 3; i++) {
		static const uint8_t usual[] = { 0, 1, 8, 31, 32, 33, 64, 65, 96, 128 };

		lengths[i] = gyr_rng_chance(rng, 1, 4) ? (uint8_t)gyr_rng_below(rng, 200)
						       : usual[gyr_rng_below(rng, sizeof usual)];
		out[32 * i + 31] = lengths[i];
		total += lengths[i];
	}
	gyr_rng_fill(rng, out + 96, total);
	if (lengths[1] > 4 && gyr_rng_chance(rng, 1, 2)) /* a short exponent, zeros before it */
		memset(out + 96 + lengths[0], 0, lengths[1] - 2u);
	if (gyr_rng_chance(rng, 1, 30)) /* a length that no gas pays, or above EIP-7823's cap */
		out[32 * gyr_rng_below(rng, 3) + 29 + gyr_rng_below(rng, 2)] = 9;
	return 96 + total;
}

static size_t put_bn_pairs(uint8_t *out, struct gyr_rng *rng)
{
	uint64_t count = gyr_rng_below(rng, 3);

	for (uint64_t i = 0; i < count; i++) {
		put_bn_point(out + 192 * i, rng);
		unhex(out + 192 * i + 64, bn_g2, 128);
	}
	return 192 * count;
}

static size_t put_bls_g1(uint8_t *out, struct gyr_rng *rng, bool scalar)
{
	size_t size = scalar ? 160 : 128;
	uint64_t count = scalar ? 1 + gyr_rng_below(rng, 3) : 2;

	for (uint64_t i = 0; i < count; i++) {
		put_bls(out + size * i, bls_g1, 2);
		if (gyr_rng_chance(rng, 1, 4))
			memset(out + size * i, 0, 128);
		if (scalar)
			gyr_rng_fill(rng, out + size * i + 128, 32);
	}
	return size * count;
}

static size_t put_bls_g2(uint8_t *out, struct gyr_rng *rng, bool scalar)
{
	size_t size = scalar ? 288 : 256;
	uint64_t count = scalar ? 1 + gyr_rng_below(rng, 2) : 2;

	for (uint64_t i = 0; i < count; i++) {
		put_bls(out + size * i, bls_g2, 4);
		if (gyr_rng_chance(rng, 1, 4))
			memset(out + size * i, 0, 256);
		if (scalar)
			gyr_rng_fill(rng, out + size * i + 256, 32);
	}
	return size * count;
}

static size_t put_bls_pairs(uint8_t *out, struct gyr_rng *rng)
{
	uint64_t count = 1 + gyr_rng_below(rng, 2);

	for (uint64_t i = 0; i < count; i++) {
		put_bls(out + 384 * i, bls_g1, 2);
		if (gyr_rng_chance(rng, 1, 3))
			memset(out + 384 * i, 0, 128);
		put_bls(out + 384 * i + 128, bls_g2, 4);
	}
	return 384 * count;
}

static size_t put_field(uint8_t *out, struct gyr_rng *rng, unsigned elements)
{
	memset(out, 0, (size_t)64 * elements);
	for (unsigned i = 0; i < elements; i++) {
		gyr_rng_fill(rng, out + (size_t)64 * i + 16, 48);
		out[64 * i + 16] &= 15;
	}
	return (size_t)64 * elements;
}

static size_t put_blake2f(uint8_t *out, struct gyr_rng *rng)
{
	gyr_rng_fill(rng, out, 213);
	gyr_store_be32(out, (uint32_t)gyr_rng_below(rng, 200));
	out[212] = (uint8_t)gyr_rng_below(rng, 2);
	return 213;
}

static size_t put_valid(uint8_t *out, struct gyr_rng *rng, unsigned precompile)
{
	switch (precompile) {
	case 1:
		return put_ecrecover(out, rng);
	case 5:
		return put_modexp(out, rng);
	case 6:
		put_bn_point(out, rng);
		put_bn_point(out + 64, rng);
		return 128;
	case 7:
		put_bn_point(out, rng);
		gyr_rng_fill(rng, out + 64, 32);
		return 96;
	case 8:
		return put_bn_pairs(out, rng);
	case 9:
		return put_blake2f(out, rng);
	case 11:
	case 12:
		return put_bls_g1(out, rng, precompile == 12);
	case 13:
	case 14:
		return put_bls_g2(out, rng, precompile == 14);
	case 15:
		return put_bls_pairs(out, rng);
	case 16:
	case 17:
		return put_field(out, rng, precompile - 15);
	case 0x100:
		unhex(out, p256_case, 160);
		return 160;
	default: {
		size_t length = (size_t)gyr_rng_below(rng, 300);

		gyr_rng_fill(rng, out, length);
		return length;
	}
	}
}

size_t code_precompile_input(uint8_t out[1280], struct gyr_rng *rng, unsigned precompile)
{
	size_t length = put_valid(out, rng, precompile);

	if (gyr_rng_chance(rng, 1, 5) && length > 0)
		out[gyr_rng_below(rng, length)] ^= (uint8_t)(1u << gyr_rng_below(rng, 8));
	if (gyr_rng_chance(rng, 1, 12) && length > 0)
		length -= gyr_rng_below(rng, gyr_min_u64(length, 40));
	else if (gyr_rng_chance(rng, 1, 12)) {
		size_t more = (size_t)gyr_rng_below(rng, 40);

		gyr_rng_fill(rng, out + length, more);
		length += more;
	}
	return length;
}
