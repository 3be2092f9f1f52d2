/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL 3 calls these functions deprecated in favour of EVP, which allocates and looks up an
 * algorithm by name at each hash: a data lane may do neither.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "gyr_accel_openssl.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>

#include "gyr_err.h"

/* P-256, made by the first open; read-only afterwards. */
static EC_GROUP *group;

static void sha256(uint8_t digest[32], const uint8_t *data, size_t length)
{
	SHA256_CTX context;

	(void)SHA256_Init(&context);
	(void)SHA256_Update(&context, data, length);
	(void)SHA256_Final(digest, &context);
}

static void ripemd160(uint8_t digest[20], const uint8_t *data, size_t length)
{
	RIPEMD160_CTX context;

	(void)RIPEMD160_Init(&context);
	(void)RIPEMD160_Update(&context, data, length);
	(void)RIPEMD160_Final(digest, &context);
}

/* Whether x and y are below the prime; the library would reduce them. */
static bool below_prime(const uint8_t number[32])
{
	static const uint8_t prime[32] = {
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};

	return memcmp(number, prime, sizeof prime) < 0;
}

static bool p256_verify(const uint8_t hash_r_s_x_y[160])
{
	const uint8_t *x = hash_r_s_x_y + 96;
	uint8_t encoded[65] = { POINT_CONVERSION_UNCOMPRESSED };
	bool valid = false;

	if (!below_prime(x) || !below_prime(x + 32))
		return false;
	memcpy(encoded + 1, x, 64);
	EC_KEY *key = EC_KEY_new();
	EC_POINT *point = EC_POINT_new(group);
	ECDSA_SIG *signature = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(hash_r_s_x_y + 32, 32, NULL);
	BIGNUM *s = BN_bin2bn(hash_r_s_x_y + 64, 32, NULL);

	/* Without memory a wrong answer would be worse than no answer. */
	gyr_assert(key != NULL && point != NULL && signature != NULL && r != NULL && s != NULL);
	gyr_assert(ECDSA_SIG_set0(signature, r, s) == 1 && EC_KEY_set_group(key, group) == 1);
	if (EC_POINT_oct2point(group, point, encoded, sizeof encoded, NULL) == 1 &&
	    EC_KEY_set_public_key(key, point) == 1)
		valid = ECDSA_do_verify(hash_r_s_x_y, 32, signature, key) == 1;
	ECDSA_SIG_free(signature);
	EC_POINT_free(point);
	EC_KEY_free(key);
	return valid;
}

static int open_digests(struct gyr_accel_offer *offer)
{
	offer->precompile.sha256 = sha256;
	offer->precompile.ripemd160 = ripemd160;
	return 0;
}

static int open_all(struct gyr_accel_offer *offer)
{
	if (group == NULL)
		group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	if (group == NULL)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "OpenSSL has no P-256");
	offer->precompile.p256_verify = p256_verify;
	return open_digests(offer);
}

const struct gyr_accel_driver gyr_accel_openssl = { "openssl", open_all };
const struct gyr_accel_driver gyr_accel_openssl_digests = { "openssl-digests", open_digests };
