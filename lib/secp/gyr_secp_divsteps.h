/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of gyr_secp_inverse, for callers that compile it with instructions of their own (BMI2).
 * Freestanding, variable time.
 */
#ifndef GYR_SECP_DIVSTEPS_H
#define GYR_SECP_DIVSTEPS_H

#include "gyr_secp_inverse.h"

#define GYR_SECP_MASK62 (UINT64_MAX >> 2)
#define GYR_SECP_STEPS	62
/* 741 division steps suffice for 256-bit inputs (the paper, theorem 11.2): twelve times 62. */
#define GYR_SECP_ROUND_COUNT_MAX 12

/*
 * What GYR_SECP_STEPS division steps do to (f, g), times 2^62: f' = (u f + v g) / 2^62 and so on.
 * The sums of absolute values of a row are at most 2^62.
 */
struct gyr_secp_transition {
	int64_t u, v, q, r;
};

/*
 * GYR_SECP_STEPS division steps on the low words of f (odd) and g. minus_delta is the paper's
 * delta, negated.
 *
 * While delta <= 0 the paper's step is "add f to g if g is odd, halve g": several steps add a
 * multiple of f that clears as many low bits of g, at most 1 - delta of them. The multiplier is
 * -g / f modulo a power of two. f * f is 1 modulo 8, so f (2 - f f) is 1 / f modulo 2^6: six bits
 * at a time. f changes only where the two swap; there the multiplier is made from f and g at once,
 * as what follows waits for it.
 */
static inline int64_t gyr_secp_division_steps_(int64_t minus_delta, uint64_t f, uint64_t g,
					       struct gyr_secp_transition *transition)
{
	uint64_t u = 1, v = 0, q = 0, r = 1, t, multiplier;
	uint64_t inverse = f * (2 - f * f);
	int left = GYR_SECP_STEPS;

	for (;;) {
		int zeros = __builtin_ctzll(g | UINT64_MAX << left);
		int64_t clear;

		g >>= zeros;
		u <<= zeros;
		v <<= zeros;
		minus_delta -= zeros;
		left -= zeros;
		if (left == 0)
			break;
		if (minus_delta < 0) {
			minus_delta = -minus_delta;
			t = f, f = g, g = -t;
			t = u, u = q, q = -t;
			t = v, v = r, r = -t;
			multiplier = f * g * (f * f - 2);
			inverse = f * (2 - f * f);
		} else {
			multiplier = -(g * inverse);
		}
		clear = minus_delta + 1 < left ? minus_delta + 1 : left;
		multiplier &= UINT64_MAX >> (64 - clear) & 63;
		g += f * multiplier;
		q += u * multiplier;
		r += v * multiplier;
	}
	*transition = (struct gyr_secp_transition){ (int64_t)u, (int64_t)v, (int64_t)q,
						    (int64_t)r };
	return minus_delta;
}

/* (f, g) = transition * (f, g) / 2^62, exact, over the lowest `length` limbs. */
static inline void gyr_secp_update_fg_(int64_t f[5], int64_t g[5],
				       const struct gyr_secp_transition *t, int length)
{
	__int128 sum_f = (__int128)t->u * f[0] + (__int128)t->v * g[0];
	__int128 sum_g = (__int128)t->q * f[0] + (__int128)t->r * g[0];

	for (int i = 1; i < length; i++) {
		sum_f >>= 62;
		sum_g >>= 62;
		sum_f += (__int128)t->u * f[i] + (__int128)t->v * g[i];
		sum_g += (__int128)t->q * f[i] + (__int128)t->r * g[i];
		f[i - 1] = (int64_t)((uint64_t)sum_f & GYR_SECP_MASK62);
		g[i - 1] = (int64_t)((uint64_t)sum_g & GYR_SECP_MASK62);
	}
	f[length - 1] = (int64_t)(sum_f >> 62);
	g[length - 1] = (int64_t)(sum_g >> 62);
}

/*
 * (d, e) = transition * (d, e) / 2^62 modulo m. d and e lie in (-2m, m); multiples of m are added
 * first for the negative ones, then to make the low 62 bits vanish.
 */
static inline void gyr_secp_update_de_(int64_t d[5], int64_t e[5],
				       const struct gyr_secp_transition *t,
				       const struct gyr_secp_modulus *m)
{
	int64_t sign_d = d[4] >> 63, sign_e = e[4] >> 63;
	int64_t times_d = (t->u & sign_d) + (t->v & sign_e);
	int64_t times_e = (t->q & sign_d) + (t->r & sign_e);
	__int128 sum_d = (__int128)t->u * d[0] + (__int128)t->v * e[0];
	__int128 sum_e = (__int128)t->q * d[0] + (__int128)t->r * e[0];

	times_d -= (int64_t)((m->inverse62 * (uint64_t)sum_d + (uint64_t)times_d) &
			     GYR_SECP_MASK62);
	times_e -= (int64_t)((m->inverse62 * (uint64_t)sum_e + (uint64_t)times_e) &
			     GYR_SECP_MASK62);
	sum_d += (__int128)m->limb[0] * times_d;
	sum_e += (__int128)m->limb[0] * times_e;
	for (int i = 1; i < 5; i++) {
		sum_d >>= 62;
		sum_e >>= 62;
		sum_d += (__int128)t->u * d[i] + (__int128)t->v * e[i] +
			 (__int128)m->limb[i] * times_d;
		sum_e += (__int128)t->q * d[i] + (__int128)t->r * e[i] +
			 (__int128)m->limb[i] * times_e;
		d[i - 1] = (int64_t)((uint64_t)sum_d & GYR_SECP_MASK62);
		e[i - 1] = (int64_t)((uint64_t)sum_e & GYR_SECP_MASK62);
	}
	d[4] = (int64_t)(sum_d >> 62);
	e[4] = (int64_t)(sum_e >> 62);
}

static inline void gyr_secp_carry62_(int64_t a[5])
{
	for (int i = 0; i < 4; i++) {
		a[i + 1] += a[i] >> 62;
		a[i] = (int64_t)((uint64_t)a[i] & GYR_SECP_MASK62);
	}
}

/* d in (-2m, m), negated where asked, to 0…m-1. */
static inline void gyr_secp_canonical62_(int64_t d[5], bool negate,
					 const struct gyr_secp_modulus *m)
{
	for (int round = 0; round < 2; round++) {
		int64_t below = d[4] >> 63;

		for (int i = 0; i < 5; i++) {
			d[i] += m->limb[i] & below;
			if (round == 0 && negate)
				d[i] = -d[i];
		}
		gyr_secp_carry62_(d);
	}
}

static inline void gyr_secp_inverse_inline(uint64_t r[4], const uint64_t a[4],
					   const struct gyr_secp_modulus *modulus)
{
	int64_t d[5] = { 0 }, e[5] = { 1 }, f[5], g[5];
	int64_t minus_delta = -1;
	int length = 5;

	for (int i = 0; i < 5; i++)
		f[i] = modulus->limb[i];
	g[0] = (int64_t)(a[0] & GYR_SECP_MASK62);
	g[1] = (int64_t)((a[0] >> 62 | a[1] << 2) & GYR_SECP_MASK62);
	g[2] = (int64_t)((a[1] >> 60 | a[2] << 4) & GYR_SECP_MASK62);
	g[3] = (int64_t)((a[2] >> 58 | a[3] << 6) & GYR_SECP_MASK62);
	g[4] = (int64_t)(a[3] >> 56);

	for (int round = 0;; round++) {
		struct gyr_secp_transition transition;
		int64_t any = 0, top_f, top_g;

		gyr_assert(round < GYR_SECP_ROUND_COUNT_MAX);
		minus_delta = gyr_secp_division_steps_(
			minus_delta, (uint64_t)f[0] | (uint64_t)f[1] << 62,
			(uint64_t)g[0] | (uint64_t)g[1] << 62, &transition);
		gyr_secp_update_de_(d, e, &transition, modulus);
		gyr_secp_update_fg_(f, g, &transition, length);
		for (int i = 0; i < length; i++)
			any |= g[i];
		if (any == 0)
			break;
		/* Both top limbs nothing but sign: fold the sign into the limb below. */
		top_f = f[length - 1];
		top_g = g[length - 1];
		if (length > 1 && (top_f ^ top_f >> 63) == 0 && (top_g ^ top_g >> 63) == 0) {
			f[length - 2] |= (int64_t)((uint64_t)top_f << 62);
			g[length - 2] |= (int64_t)((uint64_t)top_g << 62);
			length--;
		}
	}
	/* f is the gcd or its negative: 1, -1; m where a was 0, and then d is 0. */
	gyr_secp_canonical62_(d, f[length - 1] < 0, modulus);
	r[0] = (uint64_t)d[0] | (uint64_t)d[1] << 62;
	r[1] = (uint64_t)d[1] >> 2 | (uint64_t)d[2] << 60;
	r[2] = (uint64_t)d[2] >> 4 | (uint64_t)d[3] << 58;
	r[3] = (uint64_t)d[3] >> 6 | (uint64_t)d[4] << 56;
}

#endif
