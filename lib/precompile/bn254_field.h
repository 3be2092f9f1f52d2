/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields under alt_bn128 (EIP-196, EIP-197): fp of 254 bits, fp2 = fp[u] / (u^2 + 1),
 * fp6 = fp2[v] / (v^3 - xi) and fp12 = fp6[w] / (w^2 - v), with xi = 9 + u. Results may be any of
 * the operands. Elements are in Montgomery's form.
 */
#ifndef BN254_FIELD_H
#define BN254_FIELD_H

#include "mont4.h"

struct fp2 {
	struct mont4 a; /* a + b u */
	struct mont4 b;
};

struct fp6 {
	struct fp2 c[3]; /* c0 + c1 v + c2 v^2 */
};

struct fp12 {
	struct fp6 c[2]; /* c0 + c1 w */
};

/* The prime 36 x^4 + 36 x^3 + 24 x^2 + 6 x + 1 with x = 4965661367192848881. */
static const struct mont4_modulus bn254_p = {
	.p = { { 0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029 } },
	.negative_inverse = 0x87d20782e4866389,
	.one = { { 0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c,
		   0x0e0a77c19a07df2f } },
	.square = { { 0xf32cfc5b538afa89, 0xb5e71911d44501fb, 0x47ab1eff0a417ff6,
		      0x06d89f71cab8351f } },
	.inversion = { { 0x3c208c16d87cfd47, 0x1e05aa45a1c72a34, 0x05045b68181585d9,
			 0x19139cb84c680a6e, 0x0000000000000030 },
		       0x382df87d1b799c77 },
	.short_of_254_bits = true,
};

#define BN254_X UINT64_C(4965661367192848881)

MONT4_INLINE void fp_add(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_add(r, a, b, &bn254_p);
}

MONT4_INLINE void fp_double(struct mont4 *r, const struct mont4 *a)
{
	mont4_add(r, a, a, &bn254_p);
}

MONT4_INLINE void fp_sub(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_sub(r, a, b, &bn254_p);
}

MONT4_INLINE void fp_negate(struct mont4 *r, const struct mont4 *a)
{
	mont4_negate(r, a, &bn254_p);
}

MONT4_INLINE void fp_mul(struct mont4 *r, const struct mont4 *a, const struct mont4 *b)
{
	mont4_mul(r, a, b, &bn254_p);
}

MONT4_INLINE void fp_square(struct mont4 *r, const struct mont4 *a)
{
	mont4_mul(r, a, a, &bn254_p);
}

MONT4_INLINE void fp2_add(struct fp2 *r, const struct fp2 *x, const struct fp2 *y)
{
	fp_add(&r->a, &x->a, &y->a);
	fp_add(&r->b, &x->b, &y->b);
}

MONT4_INLINE void fp2_double(struct fp2 *r, const struct fp2 *x)
{
	fp2_add(r, x, x);
}

MONT4_INLINE void fp2_sub(struct fp2 *r, const struct fp2 *x, const struct fp2 *y)
{
	fp_sub(&r->a, &x->a, &y->a);
	fp_sub(&r->b, &x->b, &y->b);
}

MONT4_INLINE void fp2_negate(struct fp2 *r, const struct fp2 *x)
{
	fp_negate(&r->a, &x->a);
	fp_negate(&r->b, &x->b);
}

MONT4_INLINE void fp2_conjugate(struct fp2 *r, const struct fp2 *x)
{
	r->a = x->a;
	fp_negate(&r->b, &x->b);
}

MONT4_INLINE bool fp2_is_zero(const struct fp2 *x)
{
	return mont4_is_zero(&x->a) && mont4_is_zero(&x->b);
}

MONT4_INLINE bool fp2_equal(const struct fp2 *x, const struct fp2 *y)
{
	return mont4_equal(&x->a, &y->a) && mont4_equal(&x->b, &y->b);
}

/* r = x s, s in fp */
MONT4_INLINE void fp2_scale(struct fp2 *r, const struct fp2 *x, const struct mont4 *s)
{
	struct mont4 by = *s;

	fp_mul(&r->a, &x->a, &by);
	fp_mul(&r->b, &x->b, &by);
}

void fp2_mul(struct fp2 *r, const struct fp2 *x, const struct fp2 *y);
void fp2_square(struct fp2 *r, const struct fp2 *x);
void fp2_mul_xi(struct fp2 *r, const struct fp2 *x);
void fp2_invert(struct fp2 *r, const struct fp2 *x);

void fp12_one(struct fp12 *r);
bool fp12_is_one(const struct fp12 *x);
void fp12_mul(struct fp12 *r, const struct fp12 *x, const struct fp12 *y);
void fp12_square(struct fp12 *r, const struct fp12 *x);
void fp12_conjugate(struct fp12 *r, const struct fp12 *x);
void fp12_invert(struct fp12 *r, const struct fp12 *x);

/* r = x^(p^power), power 1 to 3 */
void fp12_frobenius(struct fp12 *r, const struct fp12 *x, unsigned power);

/* r *= l0 + l3 w + l4 v w: a line of the pairing */
void fp12_mul_line(struct fp12 *r, const struct fp2 *l0, const struct fp2 *l3,
		   const struct fp2 *l4);

/* r = x^2 where x^(p^6 + 1) = 1 and x^(p^4 - p^2 + 1) = 1 (Granger, Scott 2010). */
void fp12_square_cyclotomic(struct fp12 *r, const struct fp12 *x);

#endif
