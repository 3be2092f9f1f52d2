/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled with KECCAK_STEP (the function's name), KECCAK_LANES (1, 4 or 8) and, without AVX-512,
 * KECCAK_AVX2. AVX-512 has a rotation and any three-input function in one instruction, so a round
 * takes about 30 % fewer of them; 512-bit registers halve the instructions again.
 */
#include "keccak_step.h"

#include "gyr_bytes.h"
#include "gyr_keccak_rounds.h"

#include <immintrin.h>

#if KECCAK_LANES == 8

typedef __m512i word;
#define XOR(x, y)	  _mm512_xor_si512(x, y)
#define XOR3(x, y, z)	  _mm512_ternarylogic_epi64(x, y, z, 0x96)
#define W_ROTATE(x, n)	  _mm512_rol_epi64(x, n)
#define W_CHI(x, y, z)	  _mm512_ternarylogic_epi64(x, y, z, 0xd2)
#define BROADCAST(value)  _mm512_set1_epi64((long long)(value))
#define STORE(to, x)	  _mm512_store_si512(to, x)
#define LOAD_KEPT(from)	  _mm512_maskz_load_epi64((__mmask8)~fresh, from)
#define LOAD_BLOCKS(p, i) columns[i]
#define PREPARE                                                                                    \
	word columns[GYR_KECCAK_RATE / 8];                                                         \
	transpose_blocks(columns, block)

#elif KECCAK_LANES == 4

typedef __m256i word;
#define XOR(x, y)	 _mm256_xor_si256(x, y)
#define BROADCAST(value) _mm256_set1_epi64x((long long)(value))
#define STORE(to, x)	 _mm256_store_si256((__m256i *)(void *)(to), x)
#define LOAD_KEPT(from)	 _mm256_and_si256(kept, _mm256_load_si256((const __m256i *)(from)))
#define LOAD_BLOCKS(p, i)                                                                          \
	_mm256_set_epi64x(lane_of((p)[3], i), lane_of((p)[2], i), lane_of((p)[1], i),              \
			  lane_of((p)[0], i))
#define PREPARE                                                                                    \
	const __m256i bits = _mm256_set_epi64x(8, 4, 2, 1);                                        \
	const __m256i kept = _mm256_cmpeq_epi64(_mm256_and_si256(BROADCAST(~fresh), bits), bits)

#else

typedef __m128i word;
#define XOR(x, y)	  _mm_xor_si128(x, y)
#define XOR3(x, y, z)	  _mm_ternarylogic_epi64(x, y, z, 0x96)
#define W_ROTATE(x, n)	  _mm_rol_epi64(x, n)
#define W_CHI(x, y, z)	  _mm_ternarylogic_epi64(x, y, z, 0xd2)
#define BROADCAST(value)  _mm_set_epi64x(0, (long long)(value))
#define STORE(to, x)	  _mm_storel_epi64((__m128i *)(void *)(to), x)
#define LOAD_KEPT(from)	  _mm_maskz_loadu_epi64(kept, from)
#define LOAD_BLOCKS(p, i) _mm_set_epi64x(0, lane_of((p)[0], i))
#define PREPARE		  const __mmask8 kept = fresh == 0

#endif

#if KECCAK_LANES == 4 && defined(KECCAK_AVX2)
#define W_ROTATE(x, n) _mm256_or_si256(_mm256_slli_epi64(x, n), _mm256_srli_epi64(x, 64 - (n)))
#define W_CHI(x, y, z) XOR(x, _mm256_andnot_si256(y, z))
#elif KECCAK_LANES == 4
#define XOR3(x, y, z)  _mm256_ternarylogic_epi64(x, y, z, 0x96)
#define W_ROTATE(x, n) _mm256_rol_epi64(x, n)
#define W_CHI(x, y, z) _mm256_ternarylogic_epi64(x, y, z, 0xd2)
#endif

#ifdef KECCAK_AVX2
#define W_XOR5(a, b, c, d, e) XOR(XOR(XOR(a, b), XOR(c, d)), e)
#define W_THETA(c, r)	      XOR(c, r)
#define W_MIX(x, c, t)	      ((void)(c), XOR(x, t))
#else
#define W_XOR5(a, b, c, d, e) XOR3(XOR3(a, b, c), d, e)
#define W_THETA(c, r)	      ((void)(c), (r))
#define W_MIX(x, c, t)	      XOR3(x, c, t)
#endif

#if KECCAK_LANES == 8

/* Eight words of eight blocks, turned so that a vector holds the same word of each. */
static inline void transpose(word *out, const uint8_t *const *block, size_t offset)
{
	word r[8], s[8], t[8];

#pragma GCC unroll 8
	for (unsigned i = 0; i < 8; i++)
		r[i] = _mm512_loadu_si512(block[i] + offset);
#pragma GCC unroll 4
	for (unsigned i = 0; i < 8; i += 2) {
		s[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
		s[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
	}
#pragma GCC unroll 2
	for (size_t i = 0; i < 2; i++) {
		const word *from = s + 4 * i;

		t[4 * i] = _mm512_shuffle_i64x2(from[0], from[2], 0x88);
		t[4 * i + 1] = _mm512_shuffle_i64x2(from[1], from[3], 0x88);
		t[4 * i + 2] = _mm512_shuffle_i64x2(from[0], from[2], 0xdd);
		t[4 * i + 3] = _mm512_shuffle_i64x2(from[1], from[3], 0xdd);
	}
#pragma GCC unroll 2
	for (unsigned i = 0; i < 2; i++) {
		out[i] = _mm512_shuffle_i64x2(t[i], t[i + 4], 0x88);
		out[i + 4] = _mm512_shuffle_i64x2(t[i], t[i + 4], 0xdd);
		out[i + 2] = _mm512_shuffle_i64x2(t[i + 2], t[i + 6], 0x88);
		out[i + 6] = _mm512_shuffle_i64x2(t[i + 2], t[i + 6], 0xdd);
	}
}

static inline void transpose_blocks(word columns[17], const uint8_t *const *block)
{
	transpose(columns, block, 0);
	transpose(columns + 8, block, 64);
	columns[16] = _mm512_i64gather_epi64(_mm512_loadu_si512(block), (const void *)128, 1);
}

#else

static inline long long lane_of(const uint8_t *block, unsigned i)
{
	return (long long)gyr_load_le64(block + 8 * (size_t)i);
}
#endif

void KECCAK_STEP(uint64_t *state, const uint8_t *const *block, unsigned fresh)
{
	word a[GYR_KECCAK_LANE_COUNT], e[GYR_KECCAK_LANE_COUNT];
	PREPARE;

#pragma GCC unroll 25
	for (unsigned i = 0; i < GYR_KECCAK_LANE_COUNT; i++)
		a[i] = LOAD_KEPT(state + (size_t)i * KECCAK_LANES);
#pragma GCC unroll 17
	for (unsigned i = 0; i < GYR_KECCAK_RATE / 8; i++)
		a[i] = XOR(a[i], LOAD_BLOCKS(block, i));
	for (unsigned round = 0; round < GYR_KECCAK_ROUND_COUNT; round += 2) {
		GYR_KECCAK_ROUND(W, word, e, a);
		e[0] = XOR(e[0], BROADCAST(gyr_keccak_round_constant[round]));
		GYR_KECCAK_ROUND(W, word, a, e);
		a[0] = XOR(a[0], BROADCAST(gyr_keccak_round_constant[round + 1]));
	}
#pragma GCC unroll 25
	for (unsigned i = 0; i < GYR_KECCAK_LANE_COUNT; i++)
		STORE(state + (size_t)i * KECCAK_LANES, a[i]);
}
