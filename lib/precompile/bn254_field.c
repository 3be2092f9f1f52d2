/* SPDX-License-Identifier: Apache-2.0 */
#include "bn254_field.h"

/* xi^(i (p^k - 1) / 6) at [k - 1][i - 1] */
static const struct fp2 frobenius[3][5] = {
	{
		{ { { 0xaf9ba69633144907, 0xca6b1d7387afb78a, 0x11bded5ef08a2087,
		      0x02f34d751a1f3a7c } },
		  { { 0xa222ae234c492d72, 0xd00f02a4565de15b, 0xdc2ff3a253dfc926,
		      0x10a75716b3899551 } } },
		{ { { 0xb5773b104563ab30, 0x347f91c8a9aa6454, 0x7a007127242e0991,
		      0x1956bcd8118214ec } },
		  { { 0x6e849f1ea0aa4757, 0xaa1c7b6d89f89141, 0xb6e713cdfae0ca3a,
		      0x26694fbb4e82ebc3 } } },
		{ { { 0xe4bbdd0c2936b629, 0xbb30f162e133bacb, 0x31a9d1b6f9645366,
		      0x253570bea500f8dd } },
		  { { 0xa1d77ce45ffe77c7, 0x07affd117826d1db, 0x6d16bd27bb7edc6b,
		      0x2c87200285defecc } } },
		{ { { 0x7361d77f843abe92, 0xa5bb2bd3273411fb, 0x9c941f314b3e2399,
		      0x15df9cddbb9fd3ec } },
		  { { 0x5dddfd154bd8c949, 0x62cb29a5a4445b60, 0x37bc870a0c7dd2b9,
		      0x24830a9d3171f0fd } } },
		{ { { 0xc970692f41690fe7, 0xe240342127694b0b, 0x32bee66b83c459e8,
		      0x12aabced0ab08841 } },
		  { { 0x0d485d2340aebfa9, 0x05193418ab2fcc57, 0xd3b0a40b8a4910f5,
		      0x2f21ebb535d2925a } } },
	},
	{
		{ { { 0xca8d800500fa1bf2, 0xf0c5d61468b39769, 0x0e201271ad0d4418,
		      0x04290f65bad856e6 } },
		  { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
		      0x0000000000000000 } } },
		{ { { 0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a,
		      0x2682e617020217e0 } },
		  { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
		      0x0000000000000000 } } },
		{ { { 0x68c3488912edefaa, 0x8d087f6872aabf4f, 0x51e1a24709081231,
		      0x2259d6b14729c0fa } },
		  { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
		      0x0000000000000000 } } },
		{ { { 0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444,
		      0x2c3b3f0d26594943 } },
		  { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
		      0x0000000000000000 } } },
		{ { { 0x08cfc388c494f1ab, 0x19b315148d1373d4, 0x584e90fdcb6c0213,
		      0x09e1685bdf2f8849 } },
		  { { 0x0000000000000000, 0x0000000000000000, 0x0000000000000000,
		      0x0000000000000000 } } },
	},
	{
		{ { { 0x365316184e46d97d, 0x0af7129ed4c96d9f, 0x659da72fca1009b5,
		      0x08116d8983a20d23 } },
		  { { 0xb1df4af7c39c1939, 0x3d9f02878a73bf7f, 0x9b2220928caf0ae0,
		      0x26684515eff054a6 } } },
		{ { { 0xc9af22f716ad6bad, 0xb311782a4aa662b2, 0x19eeaf64e248c7f4,
		      0x20273e77e3439f82 } },
		  { { 0xacc02860f7ce93ac, 0x3933d5817ba76b4c, 0x69e6188b446c8467,
		      0x0a46036d4417cc55 } } },
		{ { { 0x5764af0aaf46471e, 0xdc50792e873e0fc1, 0x86a673ff881d04f6,
		      0x0b2eddb43c30a74c } },
		  { { 0x9a490f32787e8580, 0x8fd16d7ff04af8b1, 0x4b39888ec6027bf2,
		      0x03dd2e705b52a15d } } },
		{ { { 0x448a93a57b6762df, 0xbfd62df528fdeadf, 0xd858f5d00e9bd47a,
		      0x06b03d4d3476ec58 } },
		  { { 0x2b19daf4bcc936d1, 0xa1a54e7a56f4299f, 0xb533eee05adeaef1,
		      0x170c812b84dda0b2 } } },
		{ { { 0xe0bc4b2275cf559f, 0xc238b945c154e60f, 0x803982a5929a7d5e,
		      0x15ce052df7e4a37e } },
		  { { 0x2d28efbdbf3799a7, 0x9b097e3c1ad60773, 0x982d4113af4a535b,
		      0x24e18991e3056063 } } },
	},
};

void fp2_mul(struct fp2 *r, const struct fp2 *x, const struct fp2 *y)
{
	struct mont4 minus_b;
	struct mont4 a;

	fp_negate(&minus_b, &x->b);
	mont4_mul_add_mul(&a, &x->a, &y->a, &minus_b, &y->b, &bn254_p);
	mont4_mul_add_mul(&r->b, &x->a, &y->b, &x->b, &y->a, &bn254_p);
	r->a = a;
}

void fp2_square(struct fp2 *r, const struct fp2 *x)
{
	struct mont4 sum;
	struct mont4 difference;
	struct mont4 twice;

	fp_add(&sum, &x->a, &x->b);
	fp_sub(&difference, &x->a, &x->b);
	fp_double(&twice, &x->a);
	fp_mul(&r->b, &twice, &x->b);
	fp_mul(&r->a, &sum, &difference);
}

/* (9 + u)(a + b u) = 9 a - b + (9 b + a) u */
void fp2_mul_xi(struct fp2 *r, const struct fp2 *x)
{
	struct fp2 nine;
	struct mont4 a = x->a;

	fp2_double(&nine, x);
	fp2_double(&nine, &nine);
	fp2_double(&nine, &nine);
	fp2_add(&nine, &nine, x);
	fp_sub(&r->a, &nine.a, &x->b);
	fp_add(&r->b, &nine.b, &a);
}

void fp2_invert(struct fp2 *r, const struct fp2 *x)
{
	struct mont4 norm;

	mont4_mul_add_mul(&norm, &x->a, &x->a, &x->b, &x->b, &bn254_p);
	mont4_invert(&norm, &norm, &bn254_p);
	fp2_scale(r, x, &norm);
	fp_negate(&r->b, &r->b);
}

static void fp6_add(struct fp6 *r, const struct fp6 *x, const struct fp6 *y)
{
	for (unsigned i = 0; i < 3; i++)
		fp2_add(&r->c[i], &x->c[i], &y->c[i]);
}

static void fp6_sub(struct fp6 *r, const struct fp6 *x, const struct fp6 *y)
{
	for (unsigned i = 0; i < 3; i++)
		fp2_sub(&r->c[i], &x->c[i], &y->c[i]);
}

static void fp6_negate(struct fp6 *r, const struct fp6 *x)
{
	for (unsigned i = 0; i < 3; i++)
		fp2_negate(&r->c[i], &x->c[i]);
}

static void fp6_mul_v(struct fp6 *r, const struct fp6 *x)
{
	struct fp2 top;

	fp2_mul_xi(&top, &x->c[2]);
	r->c[2] = x->c[1];
	r->c[1] = x->c[0];
	r->c[0] = top;
}

/* Karatsuba's trick thrice (Devegili et al., Multiplication and squaring on pairing-friendly
 * fields, 2006). */
static void fp6_mul(struct fp6 *r, const struct fp6 *x, const struct fp6 *y)
{
	struct fp2 diagonal[3];
	struct fp2 cross[3]; /* x_i y_j + x_j y_i for (1, 2), (0, 1), (0, 2) */
	static const uint8_t pairs[3][2] = { { 1, 2 }, { 0, 1 }, { 0, 2 } };

	for (unsigned i = 0; i < 3; i++)
		fp2_mul(&diagonal[i], &x->c[i], &y->c[i]);
	for (unsigned i = 0; i < 3; i++) {
		unsigned j = pairs[i][0];
		unsigned k = pairs[i][1];
		struct fp2 s;
		struct fp2 t;

		fp2_add(&s, &x->c[j], &x->c[k]);
		fp2_add(&t, &y->c[j], &y->c[k]);
		fp2_mul(&s, &s, &t);
		fp2_sub(&s, &s, &diagonal[j]);
		fp2_sub(&cross[i], &s, &diagonal[k]);
	}
	fp2_mul_xi(&cross[0], &cross[0]);
	fp2_add(&r->c[0], &diagonal[0], &cross[0]);
	fp2_add(&r->c[2], &diagonal[1], &cross[2]);
	fp2_mul_xi(&diagonal[2], &diagonal[2]);
	fp2_add(&r->c[1], &cross[1], &diagonal[2]);
}

static void fp6_invert(struct fp6 *r, const struct fp6 *x)
{
	const struct fp2 *c = x->c;
	struct fp2 t[3];
	struct fp2 s;
	struct fp2 norm;

	fp2_square(&t[0], &c[0]);
	fp2_mul(&s, &c[1], &c[2]);
	fp2_mul_xi(&s, &s);
	fp2_sub(&t[0], &t[0], &s);
	fp2_square(&t[1], &c[2]);
	fp2_mul_xi(&t[1], &t[1]);
	fp2_mul(&s, &c[0], &c[1]);
	fp2_sub(&t[1], &t[1], &s);
	fp2_square(&t[2], &c[1]);
	fp2_mul(&s, &c[0], &c[2]);
	fp2_sub(&t[2], &t[2], &s);

	fp2_mul(&norm, &c[2], &t[1]);
	fp2_mul(&s, &c[1], &t[2]);
	fp2_add(&norm, &norm, &s);
	fp2_mul_xi(&norm, &norm);
	fp2_mul(&s, &c[0], &t[0]);
	fp2_add(&norm, &norm, &s);
	fp2_invert(&norm, &norm);
	for (unsigned i = 0; i < 3; i++)
		fp2_mul(&r->c[i], &t[i], &norm);
}

void fp12_one(struct fp12 *r)
{
	memset(r, 0, sizeof *r);
	r->c[0].c[0].a = bn254_p.one;
}

bool fp12_is_one(const struct fp12 *x)
{
	struct fp12 one;

	fp12_one(&one);
	return memcmp(x, &one, sizeof one) == 0;
}

void fp12_mul(struct fp12 *r, const struct fp12 *x, const struct fp12 *y)
{
	struct fp6 low;
	struct fp6 high;
	struct fp6 s;
	struct fp6 t;

	fp6_mul(&low, &x->c[0], &y->c[0]);
	fp6_mul(&high, &x->c[1], &y->c[1]);
	fp6_add(&s, &x->c[0], &x->c[1]);
	fp6_add(&t, &y->c[0], &y->c[1]);
	fp6_mul(&s, &s, &t);
	fp6_sub(&s, &s, &low);
	fp6_sub(&r->c[1], &s, &high);
	fp6_mul_v(&high, &high);
	fp6_add(&r->c[0], &low, &high);
}

void fp12_square(struct fp12 *r, const struct fp12 *x)
{
	struct fp6 product;
	struct fp6 s;
	struct fp6 t;

	fp6_mul(&product, &x->c[0], &x->c[1]);
	fp6_mul_v(&t, &x->c[1]);
	fp6_add(&t, &t, &x->c[0]);
	fp6_add(&s, &x->c[0], &x->c[1]);
	fp6_mul(&s, &s, &t);
	fp6_sub(&s, &s, &product);
	fp6_mul_v(&t, &product);
	fp6_sub(&r->c[0], &s, &t);
	fp6_add(&r->c[1], &product, &product);
}

void fp12_conjugate(struct fp12 *r, const struct fp12 *x)
{
	r->c[0] = x->c[0];
	fp6_negate(&r->c[1], &x->c[1]);
}

void fp12_invert(struct fp12 *r, const struct fp12 *x)
{
	struct fp6 norm;
	struct fp6 t;

	fp6_mul(&norm, &x->c[0], &x->c[0]);
	fp6_mul(&t, &x->c[1], &x->c[1]);
	fp6_mul_v(&t, &t);
	fp6_sub(&norm, &norm, &t);
	fp6_invert(&norm, &norm);
	fp6_negate(&t, &x->c[1]);
	fp6_mul(&r->c[0], &x->c[0], &norm);
	fp6_mul(&r->c[1], &t, &norm);
}

void fp12_frobenius(struct fp12 *r, const struct fp12 *x, unsigned power)
{
	gyr_assert(power >= 1 && power <= 3);
	for (unsigned i = 0; i < 6; i++) {
		const struct fp2 *from = &x->c[i % 2].c[i / 2];
		struct fp2 *to = &r->c[i % 2].c[i / 2];

		if (power == 2)
			*to = *from;
		else
			fp2_conjugate(to, from);
		if (i > 0)
			fp2_mul(to, to, &frobenius[power - 1][i - 1]);
	}
}

/* r = x (d0 + d1 v) */
static void fp6_mul_two(struct fp6 *r, const struct fp6 *x, const struct fp2 *d0,
			const struct fp2 *d1)
{
	struct fp2 m00;
	struct fp2 m11;
	struct fp2 s;
	struct fp2 t;

	fp2_mul(&m00, &x->c[0], d0);
	fp2_mul(&m11, &x->c[1], d1);
	fp2_add(&s, &x->c[0], &x->c[1]);
	fp2_add(&t, d0, d1);
	fp2_mul(&s, &s, &t);
	fp2_sub(&s, &s, &m00);
	fp2_sub(&s, &s, &m11);
	fp2_mul(&t, &x->c[2], d1);
	fp2_mul_xi(&t, &t);
	fp2_add(&r->c[0], &m00, &t);
	fp2_mul(&t, &x->c[2], d0);
	fp2_add(&r->c[2], &m11, &t);
	r->c[1] = s;
}

void fp12_mul_line(struct fp12 *r, const struct fp2 *l0, const struct fp2 *l3, const struct fp2 *l4)
{
	struct fp6 low;
	struct fp6 high;
	struct fp6 cross;
	struct fp2 sum;

	for (unsigned i = 0; i < 3; i++)
		fp2_mul(&low.c[i], &r->c[0].c[i], l0);
	fp6_mul_two(&high, &r->c[1], l3, l4);
	fp6_add(&cross, &r->c[0], &r->c[1]);
	fp2_add(&sum, l0, l3);
	fp6_mul_two(&cross, &cross, &sum, l4);
	fp6_sub(&cross, &cross, &low);
	fp6_sub(&r->c[1], &cross, &high);
	fp6_mul_v(&high, &high);
	fp6_add(&r->c[0], &low, &high);
}

/* (a + b y)^2 in fp4 = fp2[y] / (y^2 - xi) */
static void fp4_square(struct fp2 *ra, struct fp2 *rb, const struct fp2 *a, const struct fp2 *b)
{
	struct fp2 sum;
	struct fp2 aa;
	struct fp2 bb;

	fp2_add(&sum, a, b);
	fp2_square(&aa, a);
	fp2_square(&bb, b);
	fp2_square(&sum, &sum);
	fp2_sub(&sum, &sum, &aa);
	fp2_sub(rb, &sum, &bb);
	fp2_mul_xi(&bb, &bb);
	fp2_add(ra, &aa, &bb);
}

/* r = 3 t - 2 z */
static void three_less_two(struct fp2 *r, const struct fp2 *t, const struct fp2 *z)
{
	struct fp2 d;

	fp2_sub(&d, t, z);
	fp2_double(&d, &d);
	fp2_add(r, &d, t);
}

/* r = 3 t + 2 z */
static void three_and_two(struct fp2 *r, const struct fp2 *t, const struct fp2 *z)
{
	struct fp2 s;

	fp2_add(&s, t, z);
	fp2_double(&s, &s);
	fp2_add(r, &s, t);
}

void fp12_square_cyclotomic(struct fp12 *r, const struct fp12 *x)
{
	const struct fp2 *c = x->c[0].c;
	const struct fp2 *d = x->c[1].c;
	struct fp2 t[6];

	fp4_square(&t[0], &t[1], &c[0], &d[1]);
	fp4_square(&t[2], &t[3], &d[0], &c[2]);
	fp4_square(&t[4], &t[5], &c[1], &d[2]);
	fp2_mul_xi(&t[5], &t[5]);
	three_less_two(&r->c[0].c[0], &t[0], &c[0]);
	three_and_two(&r->c[1].c[1], &t[1], &d[1]);
	three_and_two(&r->c[1].c[0], &t[5], &d[0]);
	three_less_two(&r->c[0].c[2], &t[4], &c[2]);
	three_less_two(&r->c[0].c[1], &t[2], &c[1]);
	three_and_two(&r->c[1].c[2], &t[3], &d[2]);
}
