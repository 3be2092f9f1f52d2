/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wycheproof's secp256k1 files: for every signature that parses, every driver must recover what
 * libsecp256k1 recovers for each parity, the known senders' check must agree, and "some parity
 * recovers to the key" must be the library's verdict and the file's.
 */
#include "gyr_test.h"

#include <string.h>

#include <openssl/evp.h>
#include <secp256k1.h>

#include "gyr_err.h"
#include "gyr_known_ifma.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"
#include "gyr_secp_scalar.h"
#include "vectors.h"

#define PARITY_COUNT  4
#define SIGNATURE_MAX (1 << 18)

struct driver {
	const struct gyr_recover_ops *ops;
	bool usable;
	alignas(64) uint8_t memory[128 << 10];
};

static struct driver drivers[] = {
	{ .ops = &gyr_recover_portable },
	{ .ops = &gyr_recover_ifma },
	{ .ops = &gyr_recover_ifma_checked },
};

static secp256k1_context *library;
static alignas(64) uint8_t oracle_memory[1 << 20], known_memory[4 << 20];
static struct gyr_known known;
static bool known_usable;
static unsigned test_count, parsed_count, bad;

/* One group of a file: a key and the hash of its messages. */
struct group {
	const char *path;
	uint8_t key[64];
	secp256k1_pubkey parsed_key;
	const char *hash_name;
	bool low_s_only;
	bool compact; /* r and s side by side, not DER */
};

static void complain(const struct group *group, json_int_t id, const char *who, const char *what)
{
	(void)printf("%s test %lld: %s: %s\n", group->path, (long long)id, who, what);
	bad++;
}

/* The leftmost 32 bytes of the message's hash. */
static void hash_message(uint8_t hash[32], const char *name, const uint8_t *message, size_t length)
{
	const EVP_MD *md = EVP_get_digestbyname(name);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	int ok;

	assert_non_null(md);
	assert_non_null(context);
	ok = EVP_DigestInit_ex(context, md, NULL) && EVP_DigestUpdate(context, message, length);
	if (strncmp(name, "SHAKE", 5) == 0)
		ok = ok && EVP_DigestFinalXOF(context, digest, 32);
	else
		ok = ok && EVP_DigestFinal_ex(context, digest, NULL);
	assert_true(ok);
	EVP_MD_CTX_free(context);
	memcpy(hash, digest, 32);
}

static bool parse_signature(secp256k1_ecdsa_signature *signature, const struct group *group,
			    const uint8_t *bytes, size_t length)
{
	if (group->compact)
		return length == 64 &&
		       secp256k1_ecdsa_signature_parse_compact(library, signature, bytes);
	return secp256k1_ecdsa_signature_parse_der(library, signature, bytes, length);
}

/* Drivers against the oracle over the four parities; true where one recovers to the key. */
static bool recovers_to_key(const struct group *group, json_int_t id,
			    const struct gyr_recover_request *in)
{
	struct gyr_address expected[PARITY_COUNT], address[PARITY_COUNT];
	uint8_t expected_key[PARITY_COUNT][64], key[PARITY_COUNT][64];
	uint64_t valid = gyr_recover_secp256k1.batch(oracle_memory, expected, expected_key, in,
						     PARITY_COUNT);
	bool any = false;

	for (size_t d = 0; d < GYR_COUNT(drivers); d++) {
		if (!drivers[d].usable)
			continue;
		if (drivers[d].ops->batch(drivers[d].memory, address, key, in, PARITY_COUNT) !=
			    valid ||
		    memcmp(key, expected_key, sizeof key) != 0 ||
		    memcmp(address, expected, sizeof address) != 0)
			complain(group, id, drivers[d].ops->name, "differs from libsecp256k1");
		for (unsigned parity = 0; parity < PARITY_COUNT; parity++)
			if (drivers[d].ops->batch(drivers[d].memory, address, key, &in[parity],
						  1) != (valid >> parity & 1) ||
			    memcmp(key[0], expected_key[parity], sizeof key[0]) != 0 ||
			    !gyr_address_equal(&address[0], &expected[parity]))
				complain(group, id, drivers[d].ops->name,
					 "alone differs from libsecp256k1");
	}
	for (unsigned parity = 0; parity < PARITY_COUNT; parity++) {
		bool same = (valid >> parity & 1) != 0 &&
			    memcmp(expected_key[parity], group->key, 64) == 0;
		struct gyr_known_check check = { .request = &in[parity], .table = known.tables };
		enum gyr_known_answer answer = GYR_KNOWN_NO;

		any = any || same;
		if (!known_usable)
			continue;
		gyr_known_check(&known, &answer, &check, 1);
		if ((answer == GYR_KNOWN_YES) != same)
			complain(group, id, known.ops->name, "differs from libsecp256k1");
		gyr_known_ifma_checked.check(known.shared, &answer, &check, 1);
		if ((answer == GYR_KNOWN_YES) != same)
			complain(group, id, gyr_known_ifma_checked.name,
				 "differs from libsecp256k1");
	}
	return any;
}

static void try_test(const struct group *group, json_t *test)
{
	static uint8_t message[SIGNATURE_MAX], bytes[SIGNATURE_MAX];
	const char *result = json_string_value(json_object_get(test, "result"));
	const char *text = json_string_value(json_object_get(test, "sig"));
	const char *message_text = json_string_value(json_object_get(test, "msg"));
	json_int_t id = json_integer_value(json_object_get(test, "tcId"));
	struct gyr_recover_request in[PARITY_COUNT];
	secp256k1_ecdsa_signature signature;
	struct gyr_secp_scalar s;
	uint8_t compact[64];
	bool ours = false, theirs = false;
	size_t length, message_length;

	assert_true(strlen(text) / 2 <= SIGNATURE_MAX && strlen(message_text) / 2 <= SIGNATURE_MAX);
	length = vectors_unhex(bytes, text);
	message_length = vectors_unhex(message, message_text);
	test_count++;
	memset(in, 0, sizeof in);
	hash_message(in[0].hash, group->hash_name, message, message_length);
	if (parse_signature(&signature, group, bytes, length)) {
		parsed_count++;
		secp256k1_ecdsa_signature_serialize_compact(library, compact, &signature);
		memcpy(in[0].r, compact, 32);
		memcpy(in[0].s, compact + 32, 32);
		for (unsigned parity = 1; parity < PARITY_COUNT; parity++) {
			in[parity] = in[0];
			in[parity].parity = (uint8_t)parity;
		}
		ours = recovers_to_key(group, id, in);
		(void)secp256k1_ecdsa_signature_normalize(library, &signature, &signature);
		theirs = secp256k1_ecdsa_verify(library, &signature, in[0].hash,
						&group->parsed_key);
		if (ours != theirs)
			complain(group, id, "verdict", "differs from secp256k1_ecdsa_verify");
		(void)gyr_secp_scalar_from_bytes(&s, in[0].s);
		if (group->low_s_only && gyr_secp_scalar_is_high(&s))
			ours = false;
	}
	if ((strcmp(result, "valid") == 0 && !ours) || (strcmp(result, "invalid") == 0 && ours))
		complain(group, id, "verdict", "differs from the file's");
}

/* SHA-256, SHA3-512 and so on, as OpenSSL calls them. */
static const char *digest_name(const char *name)
{
	static const char *const names[][2] = {
		{ "SHA-256", "SHA256" },    { "SHA-512", "SHA512" },	{ "SHA3-256", "SHA3-256" },
		{ "SHA3-512", "SHA3-512" }, { "SHAKE128", "SHAKE128" }, { "SHAKE256", "SHAKE256" },
	};

	for (size_t i = 0; i < GYR_COUNT(names); i++)
		if (strcmp(name, names[i][0]) == 0)
			return names[i][1];
	fail_msg("unknown hash %s", name);
	return NULL;
}

static void visit(void *context, const char *path, json_t *root)
{
	json_t *json_group, *test;
	size_t i, k;

	(void)context;
	json_array_foreach(json_object_get(root, "testGroups"), i, json_group)
	{
		const char *type = json_string_value(json_object_get(json_group, "type"));
		json_t *key = json_object_get(json_group, "publicKey");
		struct group group = { .path = path };
		uint8_t serial[65];

		assert_int_equal(vectors_unhex(serial, json_string_value(json_object_get(
							       key, "uncompressed"))),
				 sizeof serial);
		memcpy(group.key, serial + 1, 64);
		assert_true(secp256k1_ec_pubkey_parse(library, &group.parsed_key, serial,
						      sizeof serial));
		group.hash_name =
			digest_name(json_string_value(json_object_get(json_group, "sha")));
		group.low_s_only = strcmp(type, "EcdsaBitcoinVerify") == 0;
		group.compact = strcmp(type, "EcdsaP1363Verify") == 0;
		if (known_usable)
			assert_true(known.ops->build(known.shared, known.tables, group.key));
		json_array_foreach(json_object_get(json_group, "tests"), k, test)
			try_test(&group, test);
	}
}

static void open_drivers(void)
{
	struct gyr_arena arena = gyr_arena_over(known_memory, sizeof known_memory);
	const struct gyr_known_conf conf = { .ops = &gyr_known_ifma,
					     .slot_count = 1,
					     .lane_count = 1 };

	library = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
	assert_int_equal(gyr_recover_secp256k1.init(oracle_memory, conf.seed), 0);
	for (size_t d = 0; d < GYR_COUNT(drivers); d++) {
		drivers[d].usable = drivers[d].ops->init(drivers[d].memory, conf.seed) == 0;
		if (!drivers[d].usable)
			(void)printf("SKIPPED: driver %s: %s\n", drivers[d].ops->name,
				     gyr_err_cause());
	}
	known_usable = gyr_known_init(&known, &arena, &conf, &gyr_recover_secp256k1,
				      oracle_memory) == 0;
	gyr_err_clear();
}

static void no_visit(void *context, const char *path, json_t *root)
{
	(void)context;
	(void)path;
	(void)root;
}

static void wycheproof(void **state)
{
	(void)state;
	open_drivers();
	assert_true(vectors_each("wycheproof-secp256k1", "ecdsa_secp256k1", visit, NULL) > 0);
	(void)printf("# %u tests, %u signatures parse, %u differences\n", test_count, parsed_count,
		     bad);
	assert_int_equal(bad, 0);
	assert_true(parsed_count > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(wycheproof) };

	if (vectors_each("wycheproof-secp256k1", "no such file", no_visit, NULL) < 0)
		return GYR_TEST_SKIP;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
