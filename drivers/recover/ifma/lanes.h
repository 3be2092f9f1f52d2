/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vector of 64-bit lanes, 512 or 256 bits wide as the including file says with VECTOR_BITS: the
 * names that the kernels are written in, so that one source serves both widths. x86-64 with
 * AVX-512 F, DQ, BW, VL, IFMA and VBMI2; an including file has flags of its own, and is entered
 * only after ifma_supported said so. Shift and rotate counts are constants.
 *
 * v_low(acc, a, b) and v_high add the low and high 52 bits of the product of the low 52 bits of a
 * and b: what lies above bit 52 in an operand is ignored by them.
 */
#ifndef LANES_H
#define LANES_H

#include <immintrin.h>

#include "gyr_base.h"

#define INLINE	    static inline __attribute__((always_inline))
#define OUT_OF_LINE static __attribute__((noinline, unused))

typedef __mmask8 lane_mask;

#if VECTOR_BITS == 512

#define LANE_COUNT 8
typedef __m512i vec;

#define v_zero()		   _mm512_setzero_si512()
#define v_set(x)		   _mm512_set1_epi64((long long)(x))
#define v_add(a, b)		   _mm512_add_epi64(a, b)
#define v_sub(a, b)		   _mm512_sub_epi64(a, b)
#define v_and(a, b)		   _mm512_and_si512(a, b)
#define v_or(a, b)		   _mm512_or_si512(a, b)
#define v_xor(a, b)		   _mm512_xor_si512(a, b)
#define v_low(acc, a, b)	   _mm512_madd52lo_epu64(acc, a, b)
#define v_high(acc, a, b)	   _mm512_madd52hi_epu64(acc, a, b)
#define v_mul32(a, b)		   _mm512_mul_epu32(a, b)
#define v_shift_right(a, n)	   _mm512_srli_epi64(a, (unsigned)(n))
#define v_shift_left(a, n)	   _mm512_slli_epi64(a, (unsigned)(n))
#define v_shift_signed(a, n)	   _mm512_srai_epi64(a, (unsigned)(n))
#define v_shift_pair(low, high, n) _mm512_shrdi_epi64(low, high, n)
#define v_rotate(a, n)		   _mm512_rol_epi64(a, (int)(n))
#define v_ternary(a, b, c, t)	   _mm512_ternarylogic_epi64(a, b, c, t)
#define v_abs(a)		   _mm512_abs_epi64(a)
#define v_max(a, b)		   _mm512_max_epi64(a, b)
/* m ? b : a */
#define v_blend(m, a, b) _mm512_mask_blend_epi64(m, a, b)
/* m ? a op b : otherwise */
#define v_add_where(otherwise, m, a, b) _mm512_mask_add_epi64(otherwise, m, a, b)
#define v_sub_where(otherwise, m, a, b) _mm512_mask_sub_epi64(otherwise, m, a, b)
#define v_is_negative(a)		_mm512_movepi64_mask(a)
#define v_is_zero(a)			_mm512_testn_epi64_mask(a, a)
#define v_any_bits(a, b)		_mm512_test_epi64_mask(a, b)
#define v_equal(a, b)			_mm512_cmpeq_epi64_mask(a, b)
#define v_exceeds(a, b)			_mm512_cmpgt_epu64_mask(a, b)
#define v_load(p)			_mm512_loadu_si512(p)
#define v_store(p, a)			_mm512_storeu_si512(p, a)
/* Lanes whose index differs in one bit change places. */
#define v_swap1(a)	    _mm512_permutex_epi64(a, 0xb1)
#define v_swap2(a)	    _mm512_permutex_epi64(a, 0x4e)
#define v_swap4(a)	    _mm512_shuffle_i64x2(a, a, 0x4e)
#define v_first(a)	    ((uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(a)))
#define v_store_low32(p, a) _mm256_storeu_si256((__m256i *)(p), _mm512_cvtepi64_epi32(a))
#define v_lane_index()	    _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7)
#define v_byte_order()	    _mm512_set4_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607)
#define v_swap_bytes(a)	    _mm512_shuffle_epi8(a, v_byte_order())

/* r[i] lane j becomes r[j] lane i. */
INLINE void v_transpose8(vec r[8])
{
	vec a0 = _mm512_unpacklo_epi64(r[0], r[1]), a1 = _mm512_unpackhi_epi64(r[0], r[1]);
	vec a2 = _mm512_unpacklo_epi64(r[2], r[3]), a3 = _mm512_unpackhi_epi64(r[2], r[3]);
	vec a4 = _mm512_unpacklo_epi64(r[4], r[5]), a5 = _mm512_unpackhi_epi64(r[4], r[5]);
	vec a6 = _mm512_unpacklo_epi64(r[6], r[7]), a7 = _mm512_unpackhi_epi64(r[6], r[7]);
	vec b0 = _mm512_shuffle_i64x2(a0, a2, 0x88), b1 = _mm512_shuffle_i64x2(a0, a2, 0xdd);
	vec b2 = _mm512_shuffle_i64x2(a1, a3, 0x88), b3 = _mm512_shuffle_i64x2(a1, a3, 0xdd);
	vec b4 = _mm512_shuffle_i64x2(a4, a6, 0x88), b5 = _mm512_shuffle_i64x2(a4, a6, 0xdd);
	vec b6 = _mm512_shuffle_i64x2(a5, a7, 0x88), b7 = _mm512_shuffle_i64x2(a5, a7, 0xdd);

	r[0] = _mm512_shuffle_i64x2(b0, b4, 0x88);
	r[4] = _mm512_shuffle_i64x2(b0, b4, 0xdd);
	r[2] = _mm512_shuffle_i64x2(b1, b5, 0x88);
	r[6] = _mm512_shuffle_i64x2(b1, b5, 0xdd);
	r[1] = _mm512_shuffle_i64x2(b2, b6, 0x88);
	r[5] = _mm512_shuffle_i64x2(b2, b6, 0xdd);
	r[3] = _mm512_shuffle_i64x2(b3, b7, 0x88);
	r[7] = _mm512_shuffle_i64x2(b3, b7, 0xdd);
}

/* From LANE_COUNT rows of 64 bytes: word i of each row to w[i]. */
INLINE void v_load_rows(vec w[8], const void *const row[LANE_COUNT])
{
	for (int i = 0; i < 8; i++)
		w[i] = _mm512_loadu_si512(row[i]);
	v_transpose8(w);
}

/* From LANE_COUNT rows of 32 bytes. */
INLINE void v_load_half_rows(vec w[4], const void *const row[LANE_COUNT])
{
	vec t[8];

	for (int i = 0; i < 8; i++)
		t[i] = _mm512_maskz_loadu_epi64(0x0f, row[i]);
	v_transpose8(t);
	for (int i = 0; i < 4; i++)
		w[i] = t[i];
}

/* The reverse of v_load_rows. */
INLINE void v_store_rows(void *const row[LANE_COUNT], const vec w[8])
{
	vec t[8];

	for (int i = 0; i < 8; i++)
		t[i] = w[i];
	v_transpose8(t);
	for (int i = 0; i < 8; i++)
		_mm512_storeu_si512(row[i], t[i]);
}

#else

#define LANE_COUNT 4
typedef __m256i vec;

#define v_zero()			_mm256_setzero_si256()
#define v_set(x)			_mm256_set1_epi64x((long long)(x))
#define v_add(a, b)			_mm256_add_epi64(a, b)
#define v_sub(a, b)			_mm256_sub_epi64(a, b)
#define v_and(a, b)			_mm256_and_si256(a, b)
#define v_or(a, b)			_mm256_or_si256(a, b)
#define v_xor(a, b)			_mm256_xor_si256(a, b)
#define v_low(acc, a, b)		_mm256_madd52lo_epu64(acc, a, b)
#define v_high(acc, a, b)		_mm256_madd52hi_epu64(acc, a, b)
#define v_mul32(a, b)			_mm256_mul_epu32(a, b)
#define v_shift_right(a, n)		_mm256_srli_epi64(a, (int)(n))
#define v_shift_left(a, n)		_mm256_slli_epi64(a, (int)(n))
#define v_shift_signed(a, n)		_mm256_srai_epi64(a, (unsigned)(n))
#define v_shift_pair(low, high, n)	_mm256_shrdi_epi64(low, high, n)
#define v_rotate(a, n)			_mm256_rol_epi64(a, (int)(n))
#define v_ternary(a, b, c, t)		_mm256_ternarylogic_epi64(a, b, c, t)
#define v_abs(a)			_mm256_abs_epi64(a)
#define v_max(a, b)			_mm256_max_epi64(a, b)
#define v_blend(m, a, b)		_mm256_mask_blend_epi64(m, a, b)
#define v_add_where(otherwise, m, a, b) _mm256_mask_add_epi64(otherwise, m, a, b)
#define v_sub_where(otherwise, m, a, b) _mm256_mask_sub_epi64(otherwise, m, a, b)
#define v_is_negative(a)		_mm256_movepi64_mask(a)
#define v_is_zero(a)			_mm256_testn_epi64_mask(a, a)
#define v_any_bits(a, b)		_mm256_test_epi64_mask(a, b)
#define v_equal(a, b)			_mm256_cmpeq_epi64_mask(a, b)
#define v_exceeds(a, b)			_mm256_cmpgt_epu64_mask(a, b)
#define v_load(p)			_mm256_loadu_si256((const __m256i *)(p))
#define v_store(p, a)			_mm256_storeu_si256((__m256i *)(p), a)
#define v_swap1(a)			_mm256_permute4x64_epi64(a, 0xb1)
#define v_swap2(a)			_mm256_permute4x64_epi64(a, 0x4e)
#define v_first(a)			((uint64_t)_mm_cvtsi128_si64(_mm256_castsi256_si128(a)))
#define v_store_low32(p, a)		_mm_storeu_si128((__m128i *)(p), _mm256_cvtepi64_epi32(a))
#define v_lane_index()			_mm256_setr_epi64x(0, 1, 2, 3)
#define v_byte_order()                                                                             \
	_mm256_broadcastsi128_si256(_mm_set_epi32(0x08090a0b, 0x0c0d0e0f, 0x00010203, 0x04050607))
#define v_swap_bytes(a) _mm256_shuffle_epi8(a, v_byte_order())

INLINE void v_transpose4(vec r[4])
{
	vec a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);
	vec c = _mm256_unpacklo_epi64(r[2], r[3]), d = _mm256_unpackhi_epi64(r[2], r[3]);

	r[0] = _mm256_permute2x128_si256(a, c, 0x20);
	r[1] = _mm256_permute2x128_si256(b, d, 0x20);
	r[2] = _mm256_permute2x128_si256(a, c, 0x31);
	r[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

INLINE void v_load_half_rows(vec w[4], const void *const row[LANE_COUNT])
{
	for (int i = 0; i < 4; i++)
		w[i] = v_load(row[i]);
	v_transpose4(w);
}

INLINE void v_load_rows(vec w[8], const void *const row[LANE_COUNT])
{
	for (int i = 0; i < 4; i++) {
		w[i] = v_load(row[i]);
		w[4 + i] = v_load((const uint8_t *)row[i] + 32);
	}
	v_transpose4(w);
	v_transpose4(w + 4);
}

INLINE void v_store_rows(void *const row[LANE_COUNT], const vec w[8])
{
	vec t[8];

	for (int i = 0; i < 8; i++)
		t[i] = w[i];
	v_transpose4(t);
	v_transpose4(t + 4);
	for (int i = 0; i < 4; i++) {
		v_store(row[i], t[i]);
		v_store((uint8_t *)row[i] + 32, t[4 + i]);
	}
}

#endif

#define LANES_ALL ((lane_mask)((1u << LANE_COUNT) - 1))

/* The masks of AVX-512 are plain bytes in C: their bit operations, without promotions. */
INLINE lane_mask m_and(lane_mask a, lane_mask b)
{
	return (lane_mask)(a & b);
}

INLINE lane_mask m_or(lane_mask a, lane_mask b)
{
	return (lane_mask)(a | b);
}

INLINE lane_mask m_xor(lane_mask a, lane_mask b)
{
	return (lane_mask)(a ^ b);
}

INLINE lane_mask m_not(lane_mask a)
{
	return (lane_mask)(a ^ LANES_ALL);
}

#endif
