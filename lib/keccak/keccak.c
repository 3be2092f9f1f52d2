/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_keccak.h"

#include "gyr_bytes.h"
#include "gyr_keccak_rounds.h"

const uint64_t gyr_keccak_round_constant[GYR_KECCAK_ROUND_COUNT] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

const struct gyr_hash gyr_keccak_empty = { {
	0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d,
	0xb2, 0xdc, 0xc7, 0x03, 0xc0, 0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82,
	0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
} };

const struct gyr_hash gyr_keccak_empty_list = { {
	0x1d, 0xcc, 0x4d, 0xe8, 0xde, 0xc7, 0x5d, 0x7a, 0xab, 0x85, 0xb5,
	0x67, 0xb6, 0xcc, 0xd4, 0x1a, 0xd3, 0x12, 0x45, 0x1b, 0x94, 0x8a,
	0x74, 0x13, 0xf0, 0xa1, 0x42, 0xfd, 0x40, 0xd4, 0x93, 0x47,
} };

const struct gyr_hash gyr_keccak_empty_trie = { {
	0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45,
	0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c,
	0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
} };

#define U_ROTATE(x, n)	      ((x) << (n) | (x) >> (64 - (n)))
#define U_XOR5(a, b, c, d, e) ((a) ^ (b) ^ (c) ^ (d) ^ (e))
#define U_THETA(c, r)	      ((c) ^ (r))
#define U_MIX(x, c, t)	      ((void)(c), (x) ^ (t))
#define U_CHI(x, y, z)	      ((x) ^ (~(y) & (z)))

void gyr_keccak_permute(uint64_t lane[25])
{
	uint64_t a[25], e[25];

	memcpy(a, lane, sizeof a);
	for (unsigned round = 0; round < GYR_KECCAK_ROUND_COUNT; round += 2) {
		GYR_KECCAK_ROUND(U, uint64_t, e, a);
		e[0] ^= gyr_keccak_round_constant[round];
		GYR_KECCAK_ROUND(U, uint64_t, a, e);
		a[0] ^= gyr_keccak_round_constant[round + 1];
	}
	memcpy(lane, a, sizeof a);
}

static void absorb_block(uint64_t lane[25], const uint8_t *block)
{
	for (unsigned i = 0; i < GYR_KECCAK_RATE / 8; i++)
		lane[i] ^= gyr_load_le64(block + 8 * (size_t)i);
	gyr_keccak_permute(lane);
}

void gyr_keccak_init(struct gyr_keccak *keccak)
{
	memset(keccak, 0, sizeof *keccak);
}

/* XORs bytes into the current block without completing it. */
static void absorb_part(struct gyr_keccak *keccak, const uint8_t *data, size_t length)
{
	uint8_t block[GYR_KECCAK_RATE] = { 0 };

	gyr_assert(keccak->filled + length <= GYR_KECCAK_RATE);
	if (length != 0)
		memcpy(block + keccak->filled, data, length);
	for (unsigned i = 0; i < GYR_KECCAK_RATE / 8; i++)
		keccak->lane[i] ^= gyr_load_le64(block + 8 * (size_t)i);
	keccak->filled += length;
}

void gyr_keccak_update(struct gyr_keccak *keccak, const void *data, size_t length)
{
	const uint8_t *from = data;

	if (keccak->filled != 0) {
		size_t part = gyr_min_u64(length, GYR_KECCAK_RATE - keccak->filled);

		absorb_part(keccak, from, part);
		from += part;
		length -= part;
		if (keccak->filled < GYR_KECCAK_RATE)
			return;
		gyr_keccak_permute(keccak->lane);
		keccak->filled = 0;
	}
	while (length >= GYR_KECCAK_RATE) {
		absorb_block(keccak->lane, from);
		from += GYR_KECCAK_RATE;
		length -= GYR_KECCAK_RATE;
	}
	if (length != 0)
		absorb_part(keccak, from, length);
}

void gyr_keccak_final(struct gyr_keccak *keccak, struct gyr_hash *out)
{
	gyr_assert(keccak->filled < GYR_KECCAK_RATE);
	keccak->lane[keccak->filled / 8] ^= UINT64_C(1) << 8 * (keccak->filled % 8);
	keccak->lane[GYR_KECCAK_RATE / 8 - 1] ^= UINT64_C(1) << 63;
	gyr_keccak_permute(keccak->lane);
	memcpy(out->bytes, keccak->lane, sizeof out->bytes);
}

void gyr_keccak256(struct gyr_hash *out, const void *data, size_t length)
{
	struct gyr_keccak keccak;

	gyr_keccak_init(&keccak);
	gyr_keccak_update(&keccak, data, length);
	gyr_keccak_final(&keccak, out);
}

static void hash_many(struct gyr_hash *out, const struct gyr_slice *messages, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gyr_keccak256(&out[i], messages[i].data, messages[i].length);
}

const struct gyr_keccak_ops gyr_keccak_portable = {
	.name = "portable",
	.hash = gyr_keccak256,
	.hash_many = hash_many,
};
