/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "gyr_err.h"
#include "gyr_recover.h"
#include "recover_vectors.h"

/*
 * Every batch size that a vector driver treats differently, and every vector in every eighth lane:
 * the stride 5 is coprime to the vector count, so that lanes and neighbours change between sizes.
 */
static const uint8_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 31, 32, 33, 48, 63, 64 };

struct answer {
	struct gyr_address address[GYR_RECOVER_BATCH_MAX];
	uint8_t key[GYR_RECOVER_BATCH_MAX][64];
	uint64_t valid;
};

static void parse_hex(uint8_t *to, unsigned length, const char *text)
{
	memset(to, 0, length);
	if (text == NULL)
		return;
	gyr_assert(strlen(text) == 2 * (size_t)length);
	for (unsigned i = 0; i < 2 * length; i++) {
		const int digit = text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10;

		gyr_assert(digit >= 0 && digit < 16);
		to[i / 2] = (uint8_t)(to[i / 2] << 4 | digit);
	}
}

void recover_vector_request(struct gyr_recover_request *request,
			    const struct recover_vector *vector)
{
	memset(request, 0, sizeof *request);
	parse_hex(request->hash, 32, vector->hash);
	parse_hex(request->r, 32, vector->r);
	parse_hex(request->s, 32, vector->s);
	request->parity = vector->parity;
}

static int check_batch(const struct gyr_recover_ops *ops, const struct answer *answer,
		       unsigned start, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = (start + 5 * i) % RECOVER_VECTOR_COUNT;
		const struct recover_vector *vector = &recover_vectors[at];
		uint8_t key[64];
		uint8_t address[20];

		parse_hex(key, 32, vector->key_x);
		parse_hex(key + 32, 32, vector->key_y);
		parse_hex(address, 20, vector->address);
		if ((answer->valid >> i & 1) != (vector->address != NULL) ||
		    memcmp(answer->key[i], key, 64) != 0 ||
		    memcmp(answer->address[i].bytes, address, 20) != 0)
			GYR_FAIL(GYR_ERR_MISMATCH,
				 "driver %s fails vector %u of the self-test in a batch of %u",
				 ops->name, at, count);
	}
	if (count < 64 && answer->valid >> count != 0)
		GYR_FAIL(GYR_ERR_MISMATCH, "driver %s answers lanes that were not asked",
			 ops->name);
	return 0;
}

int gyr_recover_self_test(const struct gyr_recover_ops *ops, void *context,
			  const struct gyr_recover_ops *reference, void *reference_context)
{
	struct gyr_recover_request in[GYR_RECOVER_BATCH_MAX];
	struct answer answer;

	/* Each alone: drivers have code of its own for that. */
	for (unsigned at = 0; at < RECOVER_VECTOR_COUNT; at++) {
		recover_vector_request(&in[0], &recover_vectors[at]);
		memset(&answer, 0xa5, sizeof answer);
		answer.valid = ops->batch(context, answer.address, answer.key, in, 1);
		GYR_TRY(check_batch(ops, &answer, at, 1));
	}
	for (unsigned size = 0; size < GYR_COUNT(sizes); size++) {
		unsigned count = sizes[size];

		for (unsigned i = 0; i < count; i++)
			recover_vector_request(
				&in[i], &recover_vectors[(size + 5 * i) % RECOVER_VECTOR_COUNT]);
		memset(&answer, 0xa5, sizeof answer);
		answer.valid = ops->batch(context, answer.address, answer.key, in, count);
		GYR_TRY(check_batch(ops, &answer, size, count));
		/* The reference once, on the largest batch: both must agree with the table. */
		if (count == GYR_RECOVER_BATCH_MAX && reference != ops) {
			memset(&answer, 0xa5, sizeof answer);
			answer.valid = reference->batch(reference_context, answer.address,
							answer.key, in, count);
			GYR_TRY(check_batch(reference, &answer, size, count));
		}
	}
	return 0;
}
