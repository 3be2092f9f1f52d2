/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_secp_inverse.h"

#define MASK62 (UINT64_MAX >> 2)
#define STEPS  62
/* 741 division steps suffice for 256-bit inputs (the paper, theorem 11.2): twelve times 62. */
#define ROUND_COUNT_MAX 12

typedef __int128 wide;

const struct gyr_secp_modulus gyr_secp_modulus_p = {
	{ 0x3ffffffefffffc2f, 0x3fffffffffffffff, 0x3fffffffffffffff, 0x3fffffffffffffff, 0xff },
	0x27c7f6e22ddacacf,
};

const struct gyr_secp_modulus gyr_secp_modulus_n = {
	{ 0x3fd25e8cd0364141, 0x2abb739abd2280ee, 0x3fffffffffffffeb, 0x3fffffffffffffff, 0xff },
	0x34f20099aa774ec1,
};

/*
 * What STEPS division steps do to (f, g), times 2^62: f' = (u f + v g) / 2^62 and so on. The sums
 * of absolute values of a row are at most 2^62.
 */
struct transition {
	int64_t u, v, q, r;
};

/*
 * STEPS division steps on the low words of f (odd) and g. minus_delta is the paper's delta,
 * negated.
 *
 * While delta <= 0 the paper's step is "add f to g if g is odd, halve g": several steps add a
 * multiple of f that clears as many low bits of g, at most 1 - delta of them. The multiplier is
 * -g / f modulo a power of two; 1 / f is kept modulo 2^12 and recomputed only when f changes.
 */
static int64_t division_steps(int64_t minus_delta, uint64_t f, uint64_t g,
			      struct transition *transition)
{
	uint64_t u = 1, v = 0, q = 0, r = 1, t;
	uint64_t inverse = f * (2 - f * f); /* modulo 2^6, as f * f = 1 modulo 8 */
	int left = STEPS;

	inverse *= 2 - f * inverse; /* modulo 2^12 */
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
			inverse = f * (2 - f * f);
			inverse *= 2 - f * inverse;
		}
		clear = minus_delta + 1 < left ? minus_delta + 1 : left;
		if (clear > 12)
			clear = 12;
		t = -(g * inverse) & ((1ull << clear) - 1);
		g += f * t;
		q += u * t;
		r += v * t;
	}
	*transition = (struct transition){ (int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r };
	return minus_delta;
}

/* (f, g) = transition * (f, g) / 2^62, exact, over the lowest `length` limbs. */
static inline void update_fg(int64_t f[5], int64_t g[5], const struct transition *t, int length)
{
	wide sum_f = (wide)t->u * f[0] + (wide)t->v * g[0];
	wide sum_g = (wide)t->q * f[0] + (wide)t->r * g[0];

	for (int i = 1; i < length; i++) {
		sum_f >>= 62;
		sum_g >>= 62;
		sum_f += (wide)t->u * f[i] + (wide)t->v * g[i];
		sum_g += (wide)t->q * f[i] + (wide)t->r * g[i];
		f[i - 1] = (int64_t)((uint64_t)sum_f & MASK62);
		g[i - 1] = (int64_t)((uint64_t)sum_g & MASK62);
	}
	f[length - 1] = (int64_t)(sum_f >> 62);
	g[length - 1] = (int64_t)(sum_g >> 62);
}

/*
 * (d, e) = transition * (d, e) / 2^62 modulo m. d and e lie in (-2m, m); multiples of m are added
 * first for the negative ones, then to make the low 62 bits vanish.
 */
static inline void update_de(int64_t d[5], int64_t e[5], const struct transition *t,
			     const struct gyr_secp_modulus *m)
{
	int64_t sign_d = d[4] >> 63, sign_e = e[4] >> 63;
	int64_t times_d = (t->u & sign_d) + (t->v & sign_e);
	int64_t times_e = (t->q & sign_d) + (t->r & sign_e);
	wide sum_d = (wide)t->u * d[0] + (wide)t->v * e[0];
	wide sum_e = (wide)t->q * d[0] + (wide)t->r * e[0];

	times_d -= (int64_t)((m->inverse62 * (uint64_t)sum_d + (uint64_t)times_d) & MASK62);
	times_e -= (int64_t)((m->inverse62 * (uint64_t)sum_e + (uint64_t)times_e) & MASK62);
	sum_d += (wide)m->limb[0] * times_d;
	sum_e += (wide)m->limb[0] * times_e;
	for (int i = 1; i < 5; i++) {
		sum_d >>= 62;
		sum_e >>= 62;
		sum_d += (wide)t->u * d[i] + (wide)t->v * e[i] + (wide)m->limb[i] * times_d;
		sum_e += (wide)t->q * d[i] + (wide)t->r * e[i] + (wide)m->limb[i] * times_e;
		d[i - 1] = (int64_t)((uint64_t)sum_d & MASK62);
		e[i - 1] = (int64_t)((uint64_t)sum_e & MASK62);
	}
	d[4] = (int64_t)(sum_d >> 62);
	e[4] = (int64_t)(sum_e >> 62);
}

static void carry(int64_t a[5])
{
	for (int i = 0; i < 4; i++) {
		a[i + 1] += a[i] >> 62;
		a[i] = (int64_t)((uint64_t)a[i] & MASK62);
	}
}

/* d in (-2m, m), negated where asked, to 0…m-1. */
static void canonical(int64_t d[5], bool negate, const struct gyr_secp_modulus *m)
{
	for (int round = 0; round < 2; round++) {
		int64_t below = d[4] >> 63;

		for (int i = 0; i < 5; i++) {
			d[i] += m->limb[i] & below;
			if (round == 0 && negate)
				d[i] = -d[i];
		}
		carry(d);
	}
}

void gyr_secp_inverse(uint64_t r[4], const uint64_t a[4], const struct gyr_secp_modulus *modulus)
{
	int64_t d[5] = { 0 }, e[5] = { 1 }, f[5], g[5];
	int64_t minus_delta = -1;
	int length = 5;

	for (int i = 0; i < 5; i++)
		f[i] = modulus->limb[i];
	g[0] = (int64_t)(a[0] & MASK62);
	g[1] = (int64_t)((a[0] >> 62 | a[1] << 2) & MASK62);
	g[2] = (int64_t)((a[1] >> 60 | a[2] << 4) & MASK62);
	g[3] = (int64_t)((a[2] >> 58 | a[3] << 6) & MASK62);
	g[4] = (int64_t)(a[3] >> 56);

	for (int round = 0;; round++) {
		struct transition transition;
		int64_t any = 0, top_f, top_g;

		gyr_assert(round < ROUND_COUNT_MAX);
		minus_delta = division_steps(minus_delta, (uint64_t)f[0] | (uint64_t)f[1] << 62,
					     (uint64_t)g[0] | (uint64_t)g[1] << 62, &transition);
		update_de(d, e, &transition, modulus);
		update_fg(f, g, &transition, length);
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
	canonical(d, f[length - 1] < 0, modulus);
	r[0] = (uint64_t)d[0] | (uint64_t)d[1] << 62;
	r[1] = (uint64_t)d[1] >> 2 | (uint64_t)d[2] << 60;
	r[2] = (uint64_t)d[2] >> 4 | (uint64_t)d[3] << 58;
	r[3] = (uint64_t)d[3] >> 6 | (uint64_t)d[4] << 56;
}
