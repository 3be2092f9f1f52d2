/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optimal ate pairing over alt_bn128 (Vercauteren, Optimal pairings, 2010), as EIP-197 asks for
 * it: whether a product of pairings is 1. Lines on the twist in homogeneous coordinates (Aranha et
 * al., Faster explicit formulas for computing pairings over ordinary curves, 2011).
 */
#include "portable.h"

#include "bn254_field.h"
#include "bn254_g1.h"

/* Pairs whose Miller loops share their squarings; more are done in turns. */
#define PAIRS_AT_ONCE 16

/* On the twist y^2 = x^3 + 3 / xi: affine, and with x = X / Z, y = Y / Z. */
struct g2_affine {
	struct fp2 x;
	struct fp2 y;
};

struct g2_homogeneous {
	struct fp2 x;
	struct fp2 y;
	struct fp2 z;
};

struct line {
	struct fp2 c0; /* times y of the point of G1 */
	struct fp2 c3; /* times x of the point of G1 */
	struct fp2 c4;
};

struct pair {
	struct g1_affine p;
	struct g2_affine q;
	struct g2_affine q_minus;
	struct g2_homogeneous t;
};

/* 3 / xi */
static const struct fp2 twist_b = {
	{ { 0x3bf938e377b802a8, 0x020b1b273633535d, 0x26b7edf049755260, 0x2514c6324384a86d } },
	{ { 0x38e7ecccd1dcff67, 0x65f0b37d93ce0d3e, 0xd749d0dd22ac00aa, 0x0141b9ce4a688d4d } },
};

static const struct mont4 half = {
	{ 0x87bee7d24f060572, 0xd0fd2add2f1c6ae5, 0x8f5f7492fcfd4f44, 0x1f37631a3d9cbfac },
};

/* xi^((p - 1) / 3), xi^((p - 1) / 2), xi^((p^2 - 1) / 3): the Frobenius map on the twist */
static const struct fp2 twist_x = {
	{ { 0xb5773b104563ab30, 0x347f91c8a9aa6454, 0x7a007127242e0991, 0x1956bcd8118214ec } },
	{ { 0x6e849f1ea0aa4757, 0xaa1c7b6d89f89141, 0xb6e713cdfae0ca3a, 0x26694fbb4e82ebc3 } },
};
static const struct fp2 twist_y = {
	{ { 0xe4bbdd0c2936b629, 0xbb30f162e133bacb, 0x31a9d1b6f9645366, 0x253570bea500f8dd } },
	{ { 0xa1d77ce45ffe77c7, 0x07affd117826d1db, 0x6d16bd27bb7edc6b, 0x2c87200285defecc } },
};
static const struct mont4 twist_x2 = {
	{ 0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a, 0x2682e617020217e0 },
};

/* 6 x + 2 in non-adjacent form below its top bit, most significant first. */
static const int8_t loop_digits[65] = {
	0, -1, 0, 1,  0, 0, 0, -1, 0, -1, 0,  0, 0,  -1, 0, 1, 0, -1, 0, 0, -1, 0,
	0, 0,  0, 0,  1, 0, 0, -1, 0, 1,  0,  0, -1, 0,	 0, 0, 0, -1, 0, 1, 0,	0,
	0, -1, 0, -1, 0, 0, 1, 0,  0, 0,  -1, 0, 0,  -1, 0, 1, 0, 1,  0, 0, 0,
};

/* t = 2 t and the tangent at t. */
static void double_step(struct g2_homogeneous *t, struct line *line)
{
	struct fp2 a;
	struct fp2 b;
	struct fp2 c;
	struct fp2 e;
	struct fp2 f;
	struct fp2 g;
	struct fp2 h;
	struct fp2 j;

	fp2_mul(&a, &t->x, &t->y);
	fp2_scale(&a, &a, &half);
	fp2_square(&b, &t->y);
	fp2_square(&c, &t->z);
	fp2_double(&e, &c);
	fp2_add(&e, &e, &c);
	fp2_mul(&e, &e, &twist_b);
	fp2_double(&f, &e);
	fp2_add(&f, &f, &e);
	fp2_add(&g, &b, &f);
	fp2_scale(&g, &g, &half);
	fp2_add(&h, &t->y, &t->z);
	fp2_square(&h, &h);
	fp2_sub(&h, &h, &b);
	fp2_sub(&h, &h, &c);
	fp2_square(&j, &t->x);

	fp2_sub(&f, &b, &f);
	fp2_mul(&t->x, &a, &f);
	fp2_sub(&line->c4, &e, &b);
	fp2_square(&e, &e);
	fp2_double(&c, &e);
	fp2_add(&c, &c, &e);
	fp2_square(&g, &g);
	fp2_sub(&t->y, &g, &c);
	fp2_mul(&t->z, &b, &h);
	fp2_negate(&line->c0, &h);
	fp2_double(&line->c3, &j);
	fp2_add(&line->c3, &line->c3, &j);
}

/* t = t + q and the line through both. */
static void add_step(struct g2_homogeneous *t, struct line *line, const struct g2_affine *q)
{
	struct fp2 theta;
	struct fp2 lambda;
	struct fp2 c;
	struct fp2 d;
	struct fp2 e;
	struct fp2 h;

	fp2_mul(&theta, &q->y, &t->z);
	fp2_sub(&theta, &t->y, &theta);
	fp2_mul(&lambda, &q->x, &t->z);
	fp2_sub(&lambda, &t->x, &lambda);
	fp2_square(&c, &theta);
	fp2_square(&d, &lambda);
	fp2_mul(&e, &lambda, &d);
	fp2_mul(&c, &t->z, &c);
	fp2_mul(&d, &t->x, &d);
	fp2_add(&h, &e, &c);
	fp2_sub(&h, &h, &d);
	fp2_sub(&h, &h, &d);
	fp2_mul(&t->x, &lambda, &h);
	fp2_sub(&d, &d, &h);
	fp2_mul(&d, &theta, &d);
	fp2_mul(&h, &e, &t->y);
	fp2_sub(&t->y, &d, &h);
	fp2_mul(&t->z, &t->z, &e);
	fp2_mul(&c, &theta, &q->x);
	fp2_mul(&d, &lambda, &q->y);
	fp2_sub(&line->c4, &c, &d);
	line->c0 = lambda;
	fp2_negate(&line->c3, &theta);
}

static void take_line(struct fp12 *f, const struct line *line, const struct g1_affine *p)
{
	struct fp2 c0;
	struct fp2 c3;

	fp2_scale(&c0, &line->c0, &p->y);
	fp2_scale(&c3, &line->c3, &p->x);
	fp12_mul_line(f, &c0, &c3, &line->c4);
}

/* The images of q under the Frobenius map, and of its square negated. */
static void frobenius_images(struct g2_affine *once, struct g2_affine *twice_negated,
			     const struct g2_affine *q)
{
	fp2_conjugate(&once->x, &q->x);
	fp2_mul(&once->x, &once->x, &twist_x);
	fp2_conjugate(&once->y, &q->y);
	fp2_mul(&once->y, &once->y, &twist_y);
	fp2_scale(&twice_negated->x, &q->x, &twist_x2);
	twice_negated->y = q->y; /* xi^((p^2 - 1) / 2) is -1 */
}

/* f *= the Miller functions of all pairs */
static void miller_loop(struct fp12 *f, struct pair *pairs, size_t count)
{
	struct fp12 g;
	struct line line;

	fp12_one(&g);
	for (size_t i = 0; i < count; i++) {
		pairs[i].t = (struct g2_homogeneous){ .x = pairs[i].q.x, .y = pairs[i].q.y };
		pairs[i].t.z.a = bn254_p.one;
		pairs[i].q_minus.x = pairs[i].q.x;
		fp2_negate(&pairs[i].q_minus.y, &pairs[i].q.y);
	}
	for (size_t digit = 0; digit < sizeof loop_digits; digit++) {
		if (digit > 0)
			fp12_square(&g, &g);
		for (size_t i = 0; i < count; i++) {
			struct pair *pair = &pairs[i];

			double_step(&pair->t, &line);
			take_line(&g, &line, &pair->p);
			if (loop_digits[digit] == 0)
				continue;
			add_step(&pair->t, &line,
				 loop_digits[digit] > 0 ? &pair->q : &pair->q_minus);
			take_line(&g, &line, &pair->p);
		}
	}
	for (size_t i = 0; i < count; i++) {
		struct g2_affine once;
		struct g2_affine twice_negated;

		frobenius_images(&once, &twice_negated, &pairs[i].q);
		add_step(&pairs[i].t, &line, &once);
		take_line(&g, &line, &pairs[i].p);
		add_step(&pairs[i].t, &line, &twice_negated);
		take_line(&g, &line, &pairs[i].p);
	}
	fp12_mul(f, f, &g);
}

/* r = a^-x in the cyclotomic subgroup, where inversion is conjugation. */
static void power_minus_x(struct fp12 *r, const struct fp12 *a)
{
	struct fp12 base = *a;
	struct fp12 power = *a;

	for (unsigned bit = 62; bit-- > 0;) {
		fp12_square_cyclotomic(&power, &power);
		if ((BN254_X >> bit & 1) != 0)
			fp12_mul(&power, &power, &base);
	}
	fp12_conjugate(r, &power);
}

/*
 * Whether f^((p^12 - 1) / r) is 1. The hard part takes a multiple of the exponent that is prime to
 * r (Fuentes-Castaneda, Knapp, Rodriguez-Henriquez, Faster hashing to G2, 2011).
 */
static bool final_exponentiation_is_one(const struct fp12 *f)
{
	struct fp12 g;
	struct fp12 t;
	struct fp12 a2; /* g^(-2 x) */
	struct fp12 a4; /* g^(6 x^2) */
	struct fp12 a6; /* g^(-12 x^3) */
	struct fp12 b8;
	struct fp12 b9;

	fp12_invert(&t, f);
	fp12_conjugate(&g, f);
	fp12_mul(&g, &g, &t);
	fp12_frobenius(&t, &g, 2);
	fp12_mul(&g, &g, &t);

	power_minus_x(&t, &g);
	fp12_square_cyclotomic(&a2, &t);
	fp12_square_cyclotomic(&t, &a2);
	fp12_mul(&t, &t, &a2); /* -6 x */
	power_minus_x(&a4, &t);
	fp12_square_cyclotomic(&a6, &a4);
	power_minus_x(&a6, &a6);
	fp12_conjugate(&t, &t);
	fp12_conjugate(&a6, &a6);
	fp12_mul(&b8, &a6, &a4);
	fp12_mul(&b8, &b8, &t);
	fp12_mul(&b9, &b8, &a2);
	fp12_mul(&t, &b8, &a4);
	fp12_mul(&t, &t, &g);
	fp12_frobenius(&a2, &b9, 1);
	fp12_mul(&t, &t, &a2);
	fp12_frobenius(&a2, &b8, 2);
	fp12_mul(&t, &t, &a2);
	fp12_conjugate(&g, &g);
	fp12_mul(&g, &g, &b9);
	fp12_frobenius(&g, &g, 3);
	fp12_mul(&t, &t, &g);
	return fp12_is_one(&t);
}

static bool on_twist(const struct g2_affine *q)
{
	struct fp2 left;
	struct fp2 right;

	fp2_square(&left, &q->y);
	fp2_square(&right, &q->x);
	fp2_mul(&right, &right, &q->x);
	fp2_add(&right, &right, &twist_b);
	return fp2_equal(&left, &right);
}

/* r = 2 p, (X / Z^2, Y / Z^3), infinity as Z = 0. */
static void jacobian_double(struct g2_homogeneous *r, const struct g2_homogeneous *p)
{
	struct fp2 a;
	struct fp2 b;
	struct fp2 c;
	struct fp2 d;
	struct fp2 e;

	fp2_square(&a, &p->x);
	fp2_square(&b, &p->y);
	fp2_square(&c, &b);
	fp2_add(&d, &p->x, &b);
	fp2_square(&d, &d);
	fp2_sub(&d, &d, &a);
	fp2_sub(&d, &d, &c);
	fp2_double(&d, &d);
	fp2_double(&e, &a);
	fp2_add(&e, &e, &a);
	fp2_mul(&r->z, &p->y, &p->z);
	fp2_double(&r->z, &r->z);
	fp2_square(&r->x, &e);
	fp2_sub(&r->x, &r->x, &d);
	fp2_sub(&r->x, &r->x, &d);
	fp2_sub(&d, &d, &r->x);
	fp2_mul(&r->y, &e, &d);
	fp2_double(&c, &c);
	fp2_double(&c, &c);
	fp2_double(&c, &c);
	fp2_sub(&r->y, &r->y, &c);
}

/* r = p + q for any two points, r not q. */
static void jacobian_add(struct g2_homogeneous *r, const struct g2_homogeneous *p,
			 const struct g2_homogeneous *q)
{
	struct fp2 pz2;
	struct fp2 qz2;
	struct fp2 u;
	struct fp2 s;
	struct fp2 h;
	struct fp2 d;
	struct fp2 z;

	if (fp2_is_zero(&p->z)) {
		*r = *q;
		return;
	}
	if (fp2_is_zero(&q->z)) {
		*r = *p;
		return;
	}
	fp2_square(&pz2, &p->z);
	fp2_square(&qz2, &q->z);
	fp2_mul(&u, &p->x, &qz2);
	fp2_mul(&h, &q->x, &pz2);
	fp2_sub(&h, &h, &u);
	fp2_mul(&s, &p->y, &q->z);
	fp2_mul(&s, &s, &qz2);
	fp2_mul(&d, &q->y, &p->z);
	fp2_mul(&d, &d, &pz2);
	fp2_sub(&d, &d, &s);
	if (fp2_is_zero(&h)) {
		if (fp2_is_zero(&d))
			jacobian_double(r, q);
		else
			memset(r, 0, sizeof *r);
		return;
	}
	fp2_mul(&z, &p->z, &q->z);
	fp2_mul(&r->z, &z, &h);
	fp2_square(&pz2, &h);
	fp2_mul(&u, &u, &pz2);
	fp2_mul(&h, &h, &pz2);
	fp2_square(&r->x, &d);
	fp2_sub(&r->x, &r->x, &h);
	fp2_sub(&r->x, &r->x, &u);
	fp2_sub(&r->x, &r->x, &u);
	fp2_sub(&u, &u, &r->x);
	fp2_mul(&u, &u, &d);
	fp2_mul(&s, &s, &h);
	fp2_sub(&r->y, &u, &s);
}

/* The Frobenius map seen on the twist. */
static void jacobian_psi(struct g2_homogeneous *r, const struct g2_homogeneous *p)
{
	fp2_conjugate(&r->x, &p->x);
	fp2_mul(&r->x, &r->x, &twist_x);
	fp2_conjugate(&r->y, &p->y);
	fp2_mul(&r->y, &r->y, &twist_y);
	fp2_conjugate(&r->z, &p->z);
}

static bool jacobian_equal(const struct g2_homogeneous *p, const struct g2_homogeneous *q)
{
	struct fp2 pz = p->z;
	struct fp2 qz = q->z;
	struct fp2 left;
	struct fp2 right;

	if (fp2_is_zero(&pz) || fp2_is_zero(&qz))
		return fp2_is_zero(&pz) && fp2_is_zero(&qz);
	fp2_square(&left, &qz);
	fp2_square(&right, &pz);
	fp2_mul(&qz, &qz, &left);
	fp2_mul(&pz, &pz, &right);
	fp2_mul(&left, &left, &p->x);
	fp2_mul(&right, &right, &q->x);
	if (!fp2_equal(&left, &right))
		return false;
	fp2_mul(&left, &qz, &p->y);
	fp2_mul(&right, &pz, &q->y);
	return fp2_equal(&left, &right);
}

/*
 * Whether a point of the twist has order r: (x + 1) q + psi(x q) + psi^2(x q) = psi^3(2 x q) (El
 * Housni, Guillevic, Piellard, Co-factor clearing and subgroup membership testing, 2022). The norm
 * of x + 1 + x psi + x psi^2 - 2 x psi^3 shares with the order r (2 p - r) of the twist r alone.
 */
static bool in_subgroup(const struct g2_affine *q)
{
	struct g2_homogeneous start = { .x = q->x, .y = q->y };
	struct g2_homogeneous xq;
	struct g2_homogeneous image;
	struct g2_homogeneous sum;

	start.z.a = bn254_p.one;
	xq = start;
	for (unsigned bit = 62; bit-- > 0;) {
		jacobian_double(&xq, &xq);
		if ((BN254_X >> bit & 1) != 0)
			jacobian_add(&xq, &xq, &start);
	}
	jacobian_add(&sum, &xq, &start);
	jacobian_psi(&image, &xq);
	jacobian_add(&sum, &sum, &image);
	jacobian_psi(&image, &image);
	jacobian_add(&sum, &sum, &image);
	jacobian_psi(&image, &image);
	jacobian_double(&image, &image);
	return jacobian_equal(&sum, &image);
}

/* EIP-197: imaginary part first; all zeros is infinity. False: no point of the subgroup. */
static bool g2_read(struct g2_affine *q, bool *infinity, const uint8_t bytes[128])
{
	struct mont4 *const parts[4] = { &q->x.b, &q->x.a, &q->y.b, &q->y.a };

	for (unsigned i = 0; i < 4; i++) {
		if (!mont4_read(parts[i], bytes + (size_t)32 * i, &bn254_p))
			return false;
		mont4_into(parts[i], parts[i], &bn254_p);
	}
	*infinity = fp2_is_zero(&q->x) && fp2_is_zero(&q->y);
	return *infinity || (on_twist(q) && in_subgroup(q));
}

enum gyr_precompile_status portable_bn254_pairing(bool *one, struct gyr_arena *scratch,
						  const uint8_t *bytes, size_t pair_count)
{
	struct pair pairs[PAIRS_AT_ONCE];
	struct fp12 f;
	size_t count = 0;

	(void)scratch;
	fp12_one(&f);
	for (size_t i = 0; i < pair_count; i++, bytes += 192) {
		struct pair *pair = &pairs[count];
		bool p_infinity;
		bool q_infinity;

		if (!bn254_g1_read(&pair->p, &p_infinity, bytes) ||
		    !g2_read(&pair->q, &q_infinity, bytes + 64))
			return GYR_PRECOMPILE_FAILED;
		if (p_infinity || q_infinity)
			continue; /* pairs to 1 */
		if (++count == PAIRS_AT_ONCE) {
			miller_loop(&f, pairs, count);
			count = 0;
		}
	}
	if (count > 0)
		miller_loop(&f, pairs, count);
	*one = final_exponentiation_is_one(&f);
	return GYR_PRECOMPILE_OK;
}
