/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_accel_keccak_simd.h"

#include "keccak_step.h"

/* A message being hashed in one lane of a batch. */
struct lane {
	struct gyr_hash *out; /* NULL: idle */
	const uint8_t *at;
	size_t left; /* bytes not absorbed; below GYR_KECCAK_RATE only the padded block is left */
	alignas(8) uint8_t last[GYR_KECCAK_RATE];
};

static const uint8_t idle_block[GYR_KECCAK_RATE];

/* The last block of a message: what is left of it, and the padding. */
static void pad(uint8_t last[GYR_KECCAK_RATE], const uint8_t *at, size_t left)
{
	gyr_assert(left < GYR_KECCAK_RATE);
	if (left != 0)
		memcpy(last, at, left);
	memset(last + left, 0, GYR_KECCAK_RATE - left);
	last[left] = 0x01;
	last[GYR_KECCAK_RATE - 1] |= 0x80;
}

static void hash_alone(keccak_step *step, struct gyr_hash *out, const uint8_t *at, size_t left)
{
	alignas(64) uint64_t state[25];
	uint8_t last[GYR_KECCAK_RATE];
	const uint8_t *block = at;
	unsigned fresh = 1;

	for (; left >= GYR_KECCAK_RATE; left -= GYR_KECCAK_RATE) {
		step(state, &block, fresh);
		block += GYR_KECCAK_RATE;
		fresh = 0;
	}
	pad(last, block, left);
	block = last;
	step(state, &block, fresh);
	memcpy(out->bytes, state, sizeof out->bytes);
}

/* The lane's next block; prepares the last one. */
static const uint8_t *next_block(struct lane *lane)
{
	if (lane->out == NULL)
		return idle_block;
	if (lane->left >= GYR_KECCAK_RATE)
		return lane->at;
	pad(lane->last, lane->at, lane->left);
	return lane->last;
}

/*
 * Hashes messages in `lanes` lanes until all are done. A lane takes the next message as soon as it
 * has finished one, so that lengths may be mixed.
 */
static void hash_side_by_side(keccak_step *step, unsigned lanes, struct gyr_hash *out,
			      const struct gyr_slice *messages, size_t count)
{
	alignas(64) uint64_t state[25 * KECCAK_LANES_MAX];
	const uint8_t *block[KECCAK_LANES_MAX];
	struct lane lane[KECCAK_LANES_MAX];
	size_t taken = 0, done = 0;

	gyr_assert(lanes <= KECCAK_LANES_MAX);
	for (unsigned i = 0; i < lanes; i++)
		lane[i].out = NULL;
	/* Idle lanes hold what an earlier message left; the memory is defined all the same. */
	memset(state, 0, 25 * sizeof *state * lanes);
	while (done < count) {
		unsigned fresh = 0;

		for (unsigned i = 0; i < lanes; i++) {
			if (lane[i].out == NULL && taken < count) {
				lane[i].out = &out[taken];
				lane[i].at = messages[taken].data;
				lane[i].left = messages[taken].length;
				fresh |= 1u << i;
				taken++;
			}
			block[i] = next_block(&lane[i]);
		}
		step(state, block, fresh);
		for (unsigned i = 0; i < lanes; i++) {
			if (lane[i].out == NULL)
				continue;
			if (lane[i].left >= GYR_KECCAK_RATE) {
				lane[i].at += GYR_KECCAK_RATE;
				lane[i].left -= GYR_KECCAK_RATE;
				continue;
			}
			for (size_t word = 0; word < 4; word++)
				memcpy(lane[i].out->bytes + 8 * word, &state[word * lanes + i], 8);
			lane[i].out = NULL;
			done++;
		}
	}
}

static void hash_avx512(struct gyr_hash *out, const void *data, size_t length)
{
	hash_alone(keccak_step_avx512_1, out, data, length);
}

/* Up to four messages take one four-lane permutation about as long as a single one. */
static void hash_many_avx512_4(struct gyr_hash *out, const struct gyr_slice *messages, size_t count)
{
	if (count == 1)
		hash_alone(keccak_step_avx512_1, out, messages->data, messages->length);
	else
		hash_side_by_side(keccak_step_avx512_4, 4, out, messages, count);
}

static void hash_many_avx512_8(struct gyr_hash *out, const struct gyr_slice *messages, size_t count)
{
	if (count <= 4)
		hash_many_avx512_4(out, messages, count);
	else
		hash_side_by_side(keccak_step_avx512_8, 8, out, messages, count);
}

/* AVX2 has no rotation and few registers: alone it loses to the portable code. */
static void hash_many_avx2(struct gyr_hash *out, const struct gyr_slice *messages, size_t count)
{
	if (count == 1)
		gyr_keccak256(out, messages->data, messages->length);
	else
		hash_side_by_side(keccak_step_avx2_4, 4, out, messages, count);
}

static const struct gyr_keccak_ops variants[] = {
	{ .name = "avx512-8", .hash = hash_avx512, .hash_many = hash_many_avx512_8 },
	{ .name = "avx512-4", .hash = hash_avx512, .hash_many = hash_many_avx512_4 },
	{ .name = "avx2-4", .hash = gyr_keccak256, .hash_many = hash_many_avx2 },
};

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq");
}

const struct gyr_keccak_ops *gyr_accel_keccak_simd_variant(unsigned index, bool *supported)
{
	if (index >= GYR_COUNT(variants))
		return NULL;
	*supported = index < 2 ? has_avx512() : __builtin_cpu_supports("avx2") != 0;
	return &variants[index];
}

const struct gyr_keccak_ops *gyr_accel_keccak_simd(void)
{
	const struct gyr_keccak_ops *ops;
	bool supported = false;

	for (unsigned i = 0; (ops = gyr_accel_keccak_simd_variant(i, &supported)) != NULL; i++)
		if (supported)
			return ops;
	return &gyr_keccak_portable;
}
