/* SPDX-License-Identifier: Apache-2.0 */
/* RIPEMD-160 (Dobbertin, Bosselaers, Preneel: RIPEMD-160, a strengthened version of RIPEMD, 1996).
 */
#include "portable.h"

#include "gyr_bytes.h"

/* Which message word each step takes, and how far it rotates: left line, then right line. */
static const uint8_t word_of[2][80] = {
	{ 0,  1, 2,  3, 4,  5,	6, 7,  8, 9,  10, 11, 12, 13, 14, 15, 7,  4,  13, 1,
	  10, 6, 15, 3, 12, 0,	9, 5,  2, 14, 11, 8,  3,  10, 14, 4,  9,  15, 8,  1,
	  2,  7, 0,  6, 13, 11, 5, 12, 1, 9,  11, 10, 0,  8,  12, 4,  13, 3,  7,  15,
	  14, 5, 6,  2, 4,  0,	5, 9,  7, 12, 2,  10, 14, 1,  3,  8,  11, 6,  15, 13 },
	{ 5,  14, 7,  0,  9,  2,  11, 4,  13, 6, 15, 8, 1,  10, 3,  12, 6, 11, 3, 7,
	  0,  13, 5,  10, 14, 15, 8,  12, 4,  9, 1,  2, 15, 5,	1,  3,	7, 14, 6, 9,
	  11, 8,  12, 2,  10, 0,  4,  13, 8,  6, 4,  1, 3,  11, 15, 0,	5, 12, 2, 13,
	  9,  7,  10, 14, 12, 15, 10, 4,  1,  5, 8,  7, 6,  2,	13, 14, 0, 3,  9, 11 },
};
static const uint8_t rotation_of[2][80] = {
	{ 11, 14, 15, 12, 5, 8,	 7,  9,	 11, 13, 14, 15, 6,  7,	 9,  8,	 7,  6,	 8,  13,
	  11, 9,  7,  15, 7, 12, 15, 9,	 11, 7,	 13, 12, 11, 13, 6,  7,	 14, 9,	 13, 15,
	  14, 8,  13, 6,  5, 12, 7,  5,	 11, 12, 14, 15, 14, 15, 9,  8,	 9,  14, 5,  6,
	  8,  6,  5,  12, 9, 15, 5,  11, 6,  8,	 13, 12, 5,  12, 13, 14, 11, 8,	 5,  6 },
	{ 8,  9,  9,  11, 13, 15, 15, 5, 7,  7,	 8,  11, 14, 14, 12, 6,	 9,  13, 15, 7,
	  12, 8,  9,  11, 7,  7,  12, 7, 6,  15, 13, 11, 9,  7,	 15, 11, 8,  6,	 6,  14,
	  12, 13, 5,  14, 13, 13, 7,  5, 15, 5,	 8,  11, 14, 14, 6,  14, 6,  9,	 12, 9,
	  12, 5,  15, 8,  8,  5,  12, 9, 12, 5,	 14, 6,	 8,  13, 6,  5,	 15, 13, 11, 11 },
};
static const uint32_t constant_of[2][5] = {
	{ 0, 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xa953fd4e },
	{ 0x50a28be6, 0x5c4dd124, 0x6d703ef3, 0x7a6d76e9, 0 },
};

static inline uint32_t rotate_left(uint32_t x, unsigned count)
{
	return x << count | x >> (32 - count);
}

static inline uint32_t mix(unsigned kind, uint32_t x, uint32_t y, uint32_t z)
{
	switch (kind) {
	case 0:
		return x ^ y ^ z;
	case 1:
		return (x & y) | (~x & z);
	case 2:
		return (x | ~y) ^ z;
	case 3:
		return (x & z) | (y & ~z);
	default:
		return x ^ (y | ~z);
	}
}

static inline void line(uint32_t v[5], const uint32_t state[5], const uint32_t words[16],
			unsigned side)
{
	memcpy(v, state, 5 * sizeof v[0]);
	for (unsigned group = 0; group < 5; group++) {
		unsigned kind = side == 0 ? group : 4 - group;

		for (unsigned j = 16 * group; j < 16 * group + 16; j++) {
			uint32_t t = v[0] + mix(kind, v[1], v[2], v[3]) + words[word_of[side][j]] +
				     constant_of[side][group];

			t = rotate_left(t, rotation_of[side][j]) + v[4];
			v[0] = v[4];
			v[4] = v[3];
			v[3] = rotate_left(v[2], 10);
			v[2] = v[1];
			v[1] = t;
		}
	}
}

static void compress(uint32_t state[5], const uint8_t *block)
{
	uint32_t words[16];
	uint32_t left[5];
	uint32_t right[5];
	uint32_t t = state[1];

	memcpy(words, block, sizeof words);
	line(left, state, words, 0);
	line(right, state, words, 1);
	state[1] = state[2] + left[3] + right[4];
	state[2] = state[3] + left[4] + right[0];
	state[3] = state[4] + left[0] + right[1];
	state[4] = state[0] + left[1] + right[2];
	state[0] = t + left[2] + right[3];
}

void portable_ripemd160(uint8_t digest[20], const uint8_t *data, size_t length)
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t tail[128] = { 0 };
	size_t whole = length / 64 * 64;
	size_t rest = length - whole;
	size_t tail_length = rest < 56 ? 64 : 128;

	for (size_t at = 0; at < whole; at += 64)
		compress(state, data + at);
	if (rest > 0)
		memcpy(tail, data + whole, rest);
	tail[rest] = 0x80;
	gyr_store_le64(tail + tail_length - 8, (uint64_t)length * 8);
	for (size_t at = 0; at < tail_length; at += 64)
		compress(state, tail + at);
	memcpy(digest, state, sizeof state);
}
