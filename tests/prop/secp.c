/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/secp against libsecp256k1: recovery, signing, keys, with damaged and special inputs; and the
 * arithmetic's own laws, with values at the edges of the limbs.
 */
#include "gyr_test.h"

#include <string.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "gyr_secp.h"
#include "gyr_secp_inverse.h"
#include "gyr_secp_point.h"

static secp256k1_context *oracle;

static void random_bytes(uint8_t *to, size_t length, uint64_t *seed)
{
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)gyr_test_random(seed);
	/* One in four: long runs of zeros or ones, where carries travel. */
	if (gyr_test_random(seed) % 4 == 0) {
		size_t from = gyr_test_random(seed) % length;
		size_t count = gyr_test_random(seed) % (length - from);

		memset(to + from, gyr_test_random(seed) % 2 == 0 ? 0 : 0xff, count);
	}
}

static bool oracle_recover(uint8_t key[64], const uint8_t *hash, const uint8_t *r, const uint8_t *s,
			   unsigned parity)
{
	secp256k1_ecdsa_recoverable_signature signature;
	secp256k1_pubkey public_key;
	uint8_t compact[64], serial[65];
	size_t length = sizeof serial;

	memset(key, 0, 64);
	memcpy(compact, r, 32);
	memcpy(compact + 32, s, 32);
	if (parity > 3 ||
	    !secp256k1_ecdsa_recoverable_signature_parse_compact(oracle, &signature, compact,
								 (int)parity) ||
	    !secp256k1_ecdsa_recover(oracle, &public_key, &signature, hash))
		return false;
	assert_true(secp256k1_ec_pubkey_serialize(oracle, serial, &length, &public_key,
						  SECP256K1_EC_UNCOMPRESSED));
	memcpy(key, serial + 1, 64);
	return true;
}

static void check_recover(const uint8_t *hash, const uint8_t *r, const uint8_t *s, unsigned parity)
{
	uint8_t ours[64], theirs[64];
	bool expected = oracle_recover(theirs, hash, r, s, parity);

	assert_int_equal(gyr_secp_recover(ours, hash, r, s, parity), expected);
	assert_memory_equal(ours, theirs, 64);
}

static void recovery_and_signing_match_libsecp256k1(void **state)
{
	uint64_t seed = gyr_test_seed();
	unsigned recovered = 0;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		uint8_t secret[32], hash[32], r[32], s[32], key[64], again[64], compact[64];
		uint8_t parity = 0xff;
		secp256k1_ecdsa_recoverable_signature signature;
		int id = -1;

		random_bytes(secret, 32, &seed);
		random_bytes(hash, 32, &seed);
		if (!secp256k1_ec_seckey_verify(oracle, secret)) {
			assert_false(gyr_secp_sign(r, s, &parity, hash, secret));
			assert_false(gyr_secp_public_key(key, secret));
			continue;
		}
		assert_true(gyr_secp_sign(r, s, &parity, hash, secret));
		assert_true(gyr_secp_public_key(key, secret));
		assert_true(secp256k1_ecdsa_sign_recoverable(oracle, &signature, hash, secret, NULL,
							     NULL));
		secp256k1_ecdsa_recoverable_signature_serialize_compact(oracle, compact, &id,
									&signature);
		if (memcmp(hash, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) != 0) {
			assert_memory_equal(r, compact, 32);
			assert_memory_equal(s, compact + 32, 32);
			assert_int_equal(parity, id);
		}
		assert_true(gyr_secp_recover(again, hash, r, s, parity));
		assert_memory_equal(again, key, 64);
		switch (gyr_test_random(&seed) % 8) {
		case 0:
			parity ^= 1;
			break;
		case 1:
			parity ^= 2;
			break;
		case 2:
			r[gyr_test_random(&seed) % 32] ^= (uint8_t)(1
								    << gyr_test_random(&seed) % 8);
			break;
		case 3:
			s[gyr_test_random(&seed) % 32] ^= (uint8_t)(1
								    << gyr_test_random(&seed) % 8);
			break;
		case 4:
			random_bytes(r, 32, &seed);
			break;
		case 5:
			random_bytes(s, 32, &seed);
			break;
		case 6:
			memset(r, 0, 15);
			parity = 2 + (uint8_t)(gyr_test_random(&seed) % 3);
			break;
		default:
			break;
		}
		check_recover(hash, r, s, parity);
		recovered += gyr_secp_recover(again, hash, r, s, parity);
	}
	assert_in_range(recovered, 1500, 3999);
}

static void special_values_match_libsecp256k1(void **state)
{
	static const char *const hex[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000001",
		"0000000000000000000000000000000000000000000000000000000000000002",
		"0000000000000000000000000000000000000000000000000000000000000004",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd036413f",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142",
		"7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
		"000000000000000000000000000000014551231950b75fc4402da1722fc9baed",
		"000000000000000000000000000000014551231950b75fc4402da1722fc9baee",
		"5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72",
		"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
		"c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	uint8_t value[GYR_COUNT(hex)][32];

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(hex); i++)
		for (size_t k = 0; k < 32; k++) {
			unsigned byte = 0;

			assert_int_equal(sscanf(hex[i] + 2 * k, "%2x", &byte), 1);
			value[i][k] = (uint8_t)byte;
		}
	for (size_t r = 0; r < GYR_COUNT(hex); r++)
		for (size_t s = 0; s < GYR_COUNT(hex); s++)
			for (size_t h = 0; h < GYR_COUNT(hex); h++)
				for (unsigned parity = 0; parity < 5; parity++)
					check_recover(value[h], value[r], value[s], parity);
}

/* Q = infinity, s = m / k, cannot be a key. */
static void a_key_at_infinity_is_refused(void **state)
{
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint8_t k[32], nonce[64], s[32], hash[32], key[64];

		random_bytes(k, 32, &seed);
		random_bytes(s, 32, &seed);
		if (!gyr_secp_public_key(nonce, k) || !secp256k1_ec_seckey_verify(oracle, s) ||
		    !secp256k1_ec_seckey_verify(oracle, nonce))
			continue;
		memcpy(hash, s, 32);
		assert_true(secp256k1_ec_seckey_tweak_mul(oracle, hash, k));
		assert_false(gyr_secp_recover(key, hash, nonce, s, nonce[63] & 1));
		check_recover(hash, nonce, s, nonce[63] & 1);
	}
}

static void random_field(struct gyr_secp_field *a, uint64_t *seed)
{
	uint8_t bytes[32];

	random_bytes(bytes, 32, seed);
	(void)gyr_secp_field_from_bytes(a, bytes);
}

static void field_obeys_its_laws(void **state)
{
	uint64_t seed = gyr_test_seed();

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct gyr_secp_field a, b, c, ab, t, u;

		random_field(&a, &seed);
		random_field(&b, &seed);
		random_field(&c, &seed);
		/* (a + b) c = a c + b c, at the largest magnitudes: 4 by 4. */
		gyr_secp_field_add(&t, &a, &b);
		gyr_secp_field_scale(&t, 2);
		u = c;
		gyr_secp_field_scale(&u, 4);
		gyr_secp_field_mul(&t, &t, &u);
		gyr_secp_field_mul(&ab, &a, &c);
		gyr_secp_field_mul(&u, &b, &c);
		gyr_secp_field_add(&u, &u, &ab);
		gyr_secp_field_scale(&u, 8);
		gyr_secp_field_carry(&u);
		assert_true(gyr_secp_field_equal(&t, &u));
		/* (a - b)^2 = a^2 - 2 a b + b^2 */
		gyr_secp_field_negate(&t, &b, 1);
		gyr_secp_field_add(&t, &t, &a);
		gyr_secp_field_sqr(&t, &t);
		gyr_secp_field_mul(&ab, &a, &b);
		gyr_secp_field_negate(&u, &ab, 1);
		gyr_secp_field_scale(&u, 2);
		gyr_secp_field_sqr(&ab, &a);
		gyr_secp_field_add(&u, &u, &ab);
		gyr_secp_field_sqr(&ab, &b);
		gyr_secp_field_add(&u, &u, &ab);
		assert_true(gyr_secp_field_equal(&u, &t));
		/* halves, inverses */
		gyr_secp_field_half(&t, &a);
		gyr_secp_field_add(&t, &t, &t);
		assert_true(gyr_secp_field_equal(&t, &a));
		gyr_secp_field_inverse(&t, &a);
		gyr_secp_field_mul(&t, &t, &a);
		gyr_secp_field_set_small(&u, gyr_secp_field_is_zero(&a) ? 0 : 1);
		assert_true(gyr_secp_field_equal(&t, &u));
	}
}

static void scalar_obeys_its_laws(void **state)
{
	uint64_t seed = gyr_test_seed();
	static const struct gyr_secp_scalar lambda = { { 0xdf02967c1b23bd72, 0x122e22ea20816678,
							 0xa5261c028812645a, 0x5363ad4cc05c30e0 } };

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t x[32], y[32], ours[32];
		struct gyr_secp_scalar a, b, t, part[2];
		bool below_a, below_b, negative[2];

		random_bytes(x, 32, &seed);
		random_bytes(y, 32, &seed);
		below_a = gyr_secp_scalar_from_bytes(&a, x);
		below_b = gyr_secp_scalar_from_bytes(&b, y);
		if (below_a && below_b && !gyr_secp_scalar_is_zero(&a) &&
		    !gyr_secp_scalar_is_zero(&b)) {
			gyr_secp_scalar_mul(&t, &a, &b);
			gyr_secp_scalar_to_bytes(ours, &t);
			assert_true(secp256k1_ec_seckey_tweak_mul(oracle, x, y));
			assert_memory_equal(ours, x, 32);
			gyr_secp_scalar_inverse(&t, &a);
			gyr_secp_scalar_mul(&t, &t, &a);
			assert_true(gyr_secp_scalar_is_one(&t));
		}
		gyr_secp_scalar_split(part, negative, &a);
		for (int i = 0; i < 2; i++)
			if (negative[i])
				gyr_secp_scalar_negate(&part[i], &part[i]);
		gyr_secp_scalar_mul(&t, &part[1], &lambda);
		gyr_secp_scalar_add(&t, &t, &part[0]);
		assert_memory_equal(&t, &a, sizeof t);
		gyr_secp_scalar_negate(&t, &a);
		gyr_secp_scalar_add(&t, &t, &a);
		assert_true(gyr_secp_scalar_is_zero(&t));
	}
}

/* g G + q Q where the sums collide: Q a small multiple of G, small and large scalars. */
static void multiplication_is_complete(void **state)
{
	(void)state;
	for (int d = 1; d <= 8; d++) {
		uint8_t secret[32] = { [31] = (uint8_t)d }, key[64];
		struct gyr_secp_affine q, got;

		assert_true(gyr_secp_public_key(key, secret));
		assert_true(gyr_secp_affine_from_key(&q, key));
		for (int g = -20; g <= 20; g++)
			for (int k = -20; k <= 20; k++) {
				struct gyr_secp_scalar a = { { (uint64_t)abs(g) } };
				struct gyr_secp_scalar b = { { (uint64_t)abs(k) } };
				struct gyr_secp_point sum;
				int total = g + k * d;
				uint8_t ours[64], expected[64];
				uint8_t small[32] = { [31] = (uint8_t)abs(total) };

				if (g < 0)
					gyr_secp_scalar_negate(&a, &a);
				if (k < 0)
					gyr_secp_scalar_negate(&b, &b);
				gyr_secp_point_multiply(&sum, &a, &q, &b);
				assert_int_equal(sum.infinity, total == 0);
				if (total == 0)
					continue;
				gyr_secp_point_to_affine(&got, &sum, 1);
				gyr_secp_affine_to_key(ours, &got);
				if (total < 0)
					assert_true(secp256k1_ec_seckey_negate(oracle, small));
				assert_true(gyr_secp_public_key(expected, small));
				assert_memory_equal(ours, expected, 64);
			}
	}
}

/* Each row of the table of G is used alone: the secret 2 i + 1, and that times 2^128. */
static void every_row_of_the_generator_table_is_right(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 128; i++) {
		uint8_t secret[32] = { 0 }, ours[64], serial[65];
		secp256k1_pubkey key;
		size_t length = sizeof serial;

		secret[i < 64 ? 31 : 15] = (uint8_t)(2 * (i % 64) + 1);
		assert_true(gyr_secp_public_key(ours, secret));
		assert_true(secp256k1_ec_pubkey_create(oracle, &key, secret));
		assert_true(secp256k1_ec_pubkey_serialize(oracle, serial, &length, &key,
							  SECP256K1_EC_UNCOMPRESSED));
		assert_memory_equal(ours, serial + 1, 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_obeys_its_laws),
		cmocka_unit_test(scalar_obeys_its_laws),
		cmocka_unit_test(every_row_of_the_generator_table_is_right),
		cmocka_unit_test(multiplication_is_complete),
		cmocka_unit_test(recovery_and_signing_match_libsecp256k1),
		cmocka_unit_test(special_values_match_libsecp256k1),
		cmocka_unit_test(a_key_at_infinity_is_refused),
	};

	oracle = secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
