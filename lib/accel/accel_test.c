/* SPDX-License-Identifier: Apache-2.0 */
#include "accel_test.h"

#include <string.h>

#include "accel_vectors.h"
#include "gyr_bytes.h"
#include "gyr_err.h"

#define SCRATCH_SIZE   (192 * 1024)
#define SEEDED_CALLS   24
#define KECCAK_LENGTHS 300

/* SplitMix64: the same calls on every machine. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned digit_of(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t unhex(uint8_t *to, size_t size, const char *text)
{
	size_t length = strlen(text) / 2;

	gyr_assert(length <= size);
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
	return length;
}

struct outcome {
	enum gyr_precompile_status status;
	size_t length;
	uint8_t output[ACCEL_OUTPUT_MAX];
};

static void call(struct outcome *outcome, const struct gyr_precompile_ops *ops,
		 enum gyr_precompile which, struct gyr_slice input)
{
	static _Thread_local alignas(64) uint8_t memory[SCRATCH_SIZE];
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(GYR_PRECOMPILE_OSAKA);
	struct gyr_arena scratch = gyr_arena_over(memory, sizeof memory);

	outcome->status = gyr_precompile_run(ops, &rules, which, outcome->output,
					     sizeof outcome->output, &outcome->length, &scratch,
					     input);
}

static int test_vectors(const struct gyr_precompile_ops *ops, enum gyr_precompile which,
			const struct accel_vector *vectors, size_t count)
{
	uint8_t input[ACCEL_INPUT_MAX];
	uint8_t expected[ACCEL_OUTPUT_MAX];
	struct outcome outcome;

	for (size_t i = 0; i < count; i++) {
		const struct accel_vector *vector = &vectors[i];
		bool fails = vector->expected == NULL;

		if (vector->which != which)
			continue;
		struct gyr_slice bytes = { input, unhex(input, sizeof input, vector->input) };
		size_t length = fails ? 0 : unhex(expected, sizeof expected, vector->expected);

		call(&outcome, ops, which, bytes);
		if (outcome.status != (fails ? GYR_PRECOMPILE_FAILED : GYR_PRECOMPILE_OK) ||
		    outcome.length != length || memcmp(outcome.output, expected, length) != 0)
			GYR_FAIL(GYR_ERR_MISMATCH, "%s: self-test vector %zu has another answer",
				 gyr_precompile_name(which), i);
	}
	return 0;
}

/* A well-formed call most of the time; what is random in it has lengths and values at edges too. */
static size_t make_input(uint8_t input[ACCEL_INPUT_MAX], enum gyr_precompile which, uint64_t *seed)
{
	size_t length = next_random(seed) % 300;

	for (size_t i = 0; i < ACCEL_INPUT_MAX; i += 8)
		gyr_store_le64(input + i, next_random(seed));
	switch (which) {
	case GYR_PRECOMPILE_ECRECOVER:
		memset(input + 32, 0, 31);
		input[63] = (uint8_t)(27 + (input[63] & 1));
		return 128;
	case GYR_PRECOMPILE_MODEXP:
		memset(input, 0, 96);
		for (unsigned i = 0; i < 3; i++)
			gyr_store_be16(input + (size_t)32 * i + 30,
				       (uint16_t)(next_random(seed) % 100));
		return 96 + length;
	case GYR_PRECOMPILE_BN254_MUL:
		/* (1, 2) times anything */
		memset(input, 0, 64);
		input[31] = 1;
		input[63] = 2;
		return 96;
	case GYR_PRECOMPILE_BLAKE2F:
		input[0] = 0;
		input[1] = 0;
		input[2] = 0;
		input[212] &= 1;
		return 213;
	default:
		return length;
	}
}

/* Only what has a portable form can be compared with it. */
static int test_against_portable(const struct gyr_precompile_ops *ops, enum gyr_precompile which)
{
	struct gyr_precompile_rules only = { .enabled = 1u << which };
	uint8_t input[ACCEL_INPUT_MAX];
	struct outcome here;
	struct outcome portable;
	uint64_t seed = which;

	if (gyr_precompile_missing(&gyr_precompile_portable, &only) != GYR_PRECOMPILE_NONE)
		return 0;
	for (unsigned i = 0; i < SEEDED_CALLS; i++) {
		struct gyr_slice bytes = { input, make_input(input, which, &seed) };

		call(&here, ops, which, bytes);
		call(&portable, &gyr_precompile_portable, which, bytes);
		if (here.status != portable.status || here.length != portable.length ||
		    memcmp(here.output, portable.output, here.length) != 0)
			GYR_FAIL(GYR_ERR_MISMATCH, "%s: seeded call %u differs from portable",
				 gyr_precompile_name(which), i);
	}
	return 0;
}

int gyr_accel_test(const struct gyr_precompile_ops *ops, enum gyr_precompile which)
{
	GYR_TRY(test_vectors(ops, which, accel_vectors, accel_vector_count));
	GYR_TRY(test_vectors(ops, which, accel_vectors_bls, accel_vector_bls_count));
	return test_against_portable(ops, which);
}

int accel_test_keccak(const struct gyr_keccak_ops *keccak)
{
	static const uint8_t of_nothing[4] = { 0xc5, 0xd2, 0x46, 0x01 };
	static const uint8_t of_abc[4] = { 0x4e, 0x03, 0x65, 0x7a };
	static uint8_t data[KECCAK_LENGTHS];
	struct gyr_slice messages[KECCAK_LENGTHS];
	struct gyr_hash many[KECCAK_LENGTHS];
	struct gyr_hash one;
	struct gyr_hash expected;

	keccak->hash(&one, "abc", 3);
	keccak->hash(&expected, "", 0);
	if (memcmp(one.bytes, of_abc, sizeof of_abc) != 0 ||
	    memcmp(expected.bytes, of_nothing, sizeof of_nothing) != 0)
		GYR_FAIL(GYR_ERR_MISMATCH, "keccak %s: a known hash differs", keccak->name);
	for (size_t i = 0; i < KECCAK_LENGTHS; i++) {
		data[i] = (uint8_t)(i * 167 + 13);
		messages[i] = (struct gyr_slice){ data, i };
	}
	keccak->hash_many(many, messages, KECCAK_LENGTHS);
	for (size_t i = 0; i < KECCAK_LENGTHS; i++) {
		gyr_keccak_portable.hash(&expected, data, i);
		keccak->hash(&one, data, i);
		if (!gyr_hash_equal(&one, &expected) || !gyr_hash_equal(&many[i], &expected))
			GYR_FAIL(GYR_ERR_MISMATCH, "keccak %s: %zu bytes hash to something else",
				 keccak->name, i);
	}
	return 0;
}
