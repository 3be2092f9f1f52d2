/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 256

#include "alone.h"

#include "gyr_secp_divsteps.h"
#include "gyr_secp_point.h"
#include "lanes_keccak.h"
#include "slice_scalars.h"

/* What of this kernel lies in a context's scratch. */
struct alone_scratch {
	struct alone_point point[ALONE_POINT_MAX];
	struct alone_digits digits;
	struct slice_step step[KNOWN_G_WINDOWS];
	struct known_sums sums;
};

_Static_assert(sizeof(struct alone_scratch) <= IFMA_SCRATCH_SIZE, "a kernel's scratch fits");

/* Out of line: this code runs once per signature, often from cold caches; small is faster. */
OUT_OF_LINE void mul(struct gyr_secp_field *r, const struct gyr_secp_field *a,
		     const struct gyr_secp_field *b)
{
	gyr_secp_field_mul(r, a, b);
}

OUT_OF_LINE void sqr(struct gyr_secp_field *r, const struct gyr_secp_field *a)
{
	gyr_secp_field_sqr(r, a);
}

/* The digits of one half, dealt to its four lanes. */
OUT_OF_LINE void deal_digits(struct alone_digits *digits, unsigned half, const uint64_t k[3])
{
	const bool negative = k[2] >> 63 != 0;
	u128 value = (u128)k[1] << 64 | k[0], halved, sum, nonzero, minus;
	unsigned count = 0;

	value = negative ? -value : value;
	gyr_assert(k[2] == (negative ? UINT64_MAX : 0) || (negative && value == 0));
	gyr_assert(value >> 120 <= 0xa2);
	/* value = sum - halved, both without the bits that they share. */
	halved = value >> 1;
	sum = value + halved;
	nonzero = halved ^ sum;
	minus = halved & nonzero;
	for (unsigned word = 0; word < 2; word++) {
		uint64_t left = (uint64_t)(nonzero >> (64 * word));
		uint64_t signs = (uint64_t)(minus >> (64 * word)) ^ (negative ? UINT64_MAX : 0);

		for (; left != 0; left &= left - 1, count++) {
			const unsigned place = (unsigned)__builtin_ctzll(left);
			const unsigned round = count / 4, lane = 4 * half + count % 4;

			digits->point[round][lane] = (uint8_t)(64 * word + place);
			digits->negative[round] |= (uint8_t)((signs >> place & 1) << lane);
			digits->skip[round] &= (uint8_t) ~(1u << lane);
			if (64 * word + place >= digits->point_count)
				digits->point_count = 64 * word + place + 1;
		}
	}
	if ((count + 3) / 4 > digits->round_count)
		digits->round_count = (count + 3) / 4;
}

/* u1 = -m / r to the rows of G, u2 = s / r to digits. */
static void set_scalars(struct alone_scratch *scratch, const struct known_g_table *table,
			const struct parsed *p)
{
	static const uint64_t no_offset[3] = { 0 };
	struct gyr_secp_scalar inverse, u1, u2;
	uint64_t slice[2][KNOWN_SLICE_COUNT], first[3], second[3];

	gyr_secp_inverse_inline(inverse.limb, p->r.limb, &gyr_secp_modulus_n);
	gyr_secp_scalar_mul(&u1, &inverse, &p->m);
	gyr_secp_scalar_negate(&u1, &u1);
	split(slice[0], slice[1], &u1, known_g_offset);
	alone_set_steps(scratch->step, table, slice);
	gyr_secp_scalar_mul(&u2, &inverse, &p->s);
	split_halves(first, second, &u2, no_offset);
	memset(&scratch->digits, 0, sizeof scratch->digits);
	memset(scratch->digits.skip, 0xff, sizeof scratch->digits.skip);
	deal_digits(&scratch->digits, 0, first);
	deal_digits(&scratch->digits, 1, second);
	gyr_assert(scratch->digits.round_count >= 1); /* u2 is not 0 */
}

/* From the sum in lane 0 to the key, its words in hashing order, and the address. */
static void finish(struct gyr_address *address, uint8_t *public_key, const struct known_sums *sums)
{
	struct gyr_secp_field x, n, zz, zzz;
	uint64_t w[8], key[8];
	vec lane[8], hash[4];

	known_read_sum(&x, sums->x, 0);
	known_read_sum(&n, sums->n, 0);
	known_read_sum(&zz, sums->zz, 0);
	known_read_sum(&zzz, sums->zzz, 0);
	gyr_secp_field_normalize(&zzz);
	gyr_secp_field_to_words(w, &zzz);
	gyr_secp_inverse_inline(w, w, &gyr_secp_modulus_p);
	gyr_secp_field_from_words(&zzz, w);
	mul(&n, &n, &zzz); /* y = -N / ZZZ */
	gyr_secp_field_negate(&n, &n, 1);
	mul(&zz, &zz, &zzz); /* ZZ / ZZZ = 1 / Z */
	sqr(&zz, &zz);
	mul(&x, &x, &zz);
	gyr_secp_field_normalize(&x);
	gyr_secp_field_normalize(&n);
	gyr_secp_field_to_words(w, &x);
	gyr_secp_field_to_words(w + 4, &n);
	for (size_t i = 0; i < 4; i++) {
		key[i] = __builtin_bswap64(w[3 - i]);
		key[4 + i] = __builtin_bswap64(w[7 - i]);
	}
	for (size_t i = 0; i < 8; i++)
		lane[i] = v_set(key[i]);
	keccak_of_keys(hash, lane);
	for (size_t i = 0; i < 4; i++)
		w[i] = v_first(hash[i]);
	memcpy(address->bytes, (const uint8_t *)w + 12, 20);
	if (public_key != NULL)
		memcpy(public_key, key, 64);
}

struct ifma_outcome ifma_recover_alone(struct ifma_context *context, struct gyr_address *address,
				       uint8_t (*public_key)[64],
				       const struct gyr_recover_request *in, unsigned count)
{
	struct alone_scratch *scratch = (struct alone_scratch *)(void *)context->scratch;
	const struct ifma_outcome invalid = { 0, 0 };
	struct gyr_secp_field x, y, c, cube, t;
	struct gyr_secp_affine base;
	struct parsed p;

	gyr_assert(count == 1);
	parse(&p, in);
	if (!p.valid)
		return invalid;
	set_scalars(scratch, context->g_table, &p);
	known_read_x(&x, &p);
	sqr(&t, &x);
	mul(&c, &t, &x);
	c.limb[0] += 7;
	gyr_secp_field_carry(&c);
	mul(&base.x, &c, &x);
	sqr(&base.y, &c);
	alone_run_chain(scratch->point, &y, &base, &c, scratch->digits.point_count);
	sqr(&t, &y);
	if (!gyr_secp_field_equal(&t, &c))
		return invalid;
	if (gyr_secp_field_is_odd(&y) != p.odd)
		gyr_secp_field_negate(&y, &y, 1);
	mul(&cube, &c, &y);
	gyr_secp_field_carry(&cube);
	alone_sum_lanes(&scratch->sums, scratch->point, &scratch->digits, scratch->step, c.limb,
			cube.limb);
	known_fold_lanes(&scratch->sums, 8);
	known_read_sum(&t, scratch->sums.zz, 0);
	if (gyr_secp_field_is_zero(&t))
		return (struct ifma_outcome){ .undecided = 1 };
	finish(address, public_key == NULL ? NULL : public_key[0], &scratch->sums);
	return (struct ifma_outcome){ .valid = 1 };
}
