/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_precompile.h"

#include "gyr_bytes.h"
#include "precompile_input.h"

typedef unsigned __int128 u128;

/* EIP-2537: discounts in thousandths for 1 to 128 terms; beyond, the last. */
static const uint16_t discount_g1[128] = {
	1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677,
	673,  669, 665, 661, 658, 654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627,
	625,  623, 621, 619, 617, 615, 613, 611, 609, 608, 606, 604, 603, 601, 599, 598,
	596,  595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577, 576,
	575,  574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559,
	558,  557, 556, 555, 554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544,
	543,  542, 541, 540, 540, 539, 538, 537, 536, 536, 535, 534, 533, 532, 532, 531,
	530,  529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520, 520, 519,
};

static const uint16_t discount_g2[128] = {
	1000, 1000, 923, 884, 855, 832, 812, 796, 782, 770, 759, 749, 740, 732, 724, 717,
	711,  704,  699, 693, 688, 683, 679, 674, 670, 666, 663, 659, 655, 652, 649, 646,
	643,  640,  637, 634, 632, 629, 627, 624, 622, 620, 618, 615, 613, 611, 609, 607,
	606,  604,  602, 600, 598, 597, 595, 593, 592, 590, 589, 587, 586, 584, 583, 582,
	580,  579,  578, 576, 575, 574, 573, 571, 570, 569, 568, 567, 566, 565, 563, 562,
	561,  560,  559, 558, 557, 556, 555, 554, 553, 552, 552, 551, 550, 549, 548, 547,
	546,  545,  545, 544, 543, 542, 541, 541, 540, 539, 538, 537, 537, 536, 535, 535,
	534,  533,  532, 532, 531, 530, 530, 529, 528, 528, 527, 526, 526, 525, 524, 524,
};

static uint64_t msm_gas(const uint16_t discounts[128], uint64_t term_gas, size_t term_count)
{
	if (term_count == 0)
		return 0;
	size_t row = term_count < 128 ? term_count - 1 : 127;

	/* The input's length bounds the product far below 2^64. */
	return (uint64_t)term_count * term_gas * discounts[row] / 1000;
}

/* The first 32 bytes of the exponent, as a number: its bit length, and whether it is 0. */
static unsigned exponent_head_bits(const struct modexp_lengths *lengths, struct gyr_slice input)
{
	uint64_t head_length = gyr_min_u64(lengths->exponent, 32);
	uint64_t at = lengths->base;

	at = at > UINT64_MAX - MODEXP_HEADER ? UINT64_MAX : at + MODEXP_HEADER;
	for (uint64_t i = 0; i < head_length; i++) {
		if (at >= input.length || i >= input.length - at)
			return 0;
		unsigned byte = input.data[at + i];

		if (byte != 0)
			return (unsigned)(8 * (head_length - i)) -
			       (unsigned)(__builtin_clz(byte) - 24);
	}
	return 0;
}

/* Below 2^80, or saturated there: lengths from 2^40 on cost more than 64 bits in any schedule. */
static u128 multiplication_complexity(enum gyr_precompile_modexp_pricing pricing, uint64_t length)
{
	u128 x = gyr_min_u64(length, (uint64_t)1 << 40);
	u128 words = (x + 7) / 8;

	switch (pricing) {
	case GYR_PRECOMPILE_MODEXP_EIP198:
		if (x <= 64)
			return x * x;
		if (x <= 1024)
			return x * x / 4 + 96 * x - 3072;
		return x * x / 16 + 480 * x - 199680;
	case GYR_PRECOMPILE_MODEXP_EIP2565:
		return words * words;
	case GYR_PRECOMPILE_MODEXP_EIP7883:
		break;
	}
	return x <= 32 ? 16 : 2 * words * words;
}

static uint64_t modexp_gas(const struct gyr_precompile_rules *rules, struct gyr_slice input)
{
	static const struct {
		uint64_t floor;
		uint64_t divisor;
		unsigned long_exponent_factor;
	} schedules[] = {
		[GYR_PRECOMPILE_MODEXP_EIP198] = { 0, 20, 8 },
		[GYR_PRECOMPILE_MODEXP_EIP2565] = { 200, 3, 8 },
		[GYR_PRECOMPILE_MODEXP_EIP7883] = { 500, 1, 16 },
	};
	enum gyr_precompile_modexp_pricing pricing = rules->modexp_pricing;
	struct modexp_lengths lengths = modexp_lengths_of(input);
	u128 complexity = multiplication_complexity(pricing,
						    gyr_max_u64(lengths.base, lengths.modulus));
	unsigned bits = exponent_head_bits(&lengths, input);
	u128 iterations = bits > 0 ? bits - 1 : 0;
	u128 product;

	if (lengths.exponent > 32)
		iterations += (u128)schedules[pricing].long_exponent_factor *
			      (lengths.exponent - 32);
	if (iterations == 0)
		iterations = 1;
	/* complexity < 2^80 and iterations < 2^69: the product may exceed 128 bits. */
	if (complexity != 0 && iterations > ~(u128)0 / complexity)
		return UINT64_MAX;
	product = complexity * iterations / schedules[pricing].divisor;
	if (product > UINT64_MAX)
		return UINT64_MAX;
	return gyr_max_u64((uint64_t)product, schedules[pricing].floor);
}

uint64_t gyr_precompile_gas(const struct gyr_precompile_rules *rules, enum gyr_precompile which,
			    struct gyr_slice input)
{
	bool repriced = rules->bn254_repriced;
	uint64_t words = input.length / 32 + (input.length % 32 != 0);

	switch (which) {
	case GYR_PRECOMPILE_ECRECOVER:
		return 3000;
	case GYR_PRECOMPILE_SHA256:
		return 60 + 12 * words;
	case GYR_PRECOMPILE_RIPEMD160:
		return 600 + 120 * words;
	case GYR_PRECOMPILE_IDENTITY:
		return 15 + 3 * words;
	case GYR_PRECOMPILE_MODEXP:
		return modexp_gas(rules, input);
	case GYR_PRECOMPILE_BN254_ADD:
		return repriced ? 150 : 500;
	case GYR_PRECOMPILE_BN254_MUL:
		return repriced ? 6000 : 40000;
	case GYR_PRECOMPILE_BN254_PAIRING:
		return repriced ? 45000 + 34000 * (uint64_t)(input.length / 192)
				: 100000 + 80000 * (uint64_t)(input.length / 192);
	case GYR_PRECOMPILE_BLAKE2F:
		/* One gas a round; a wrong length has no rounds and fails. */
		return input.length == BLAKE2F_INPUT ? gyr_load_be32(input.data) : 0;
	case GYR_PRECOMPILE_KZG:
		return 50000;
	case GYR_PRECOMPILE_BLS_G1_ADD:
		return 375;
	case GYR_PRECOMPILE_BLS_G1_MSM:
		return msm_gas(discount_g1, 12000, input.length / BLS_G1_TERM);
	case GYR_PRECOMPILE_BLS_G2_ADD:
		return 600;
	case GYR_PRECOMPILE_BLS_G2_MSM:
		return msm_gas(discount_g2, 22500, input.length / BLS_G2_TERM);
	case GYR_PRECOMPILE_BLS_PAIRING:
		return 37700 + 32600 * (uint64_t)(input.length / BLS_PAIR);
	case GYR_PRECOMPILE_BLS_MAP_G1:
		return 5500;
	case GYR_PRECOMPILE_BLS_MAP_G2:
		return 23800;
	case GYR_PRECOMPILE_P256_VERIFY:
		return 6900;
	case GYR_PRECOMPILE_COUNT:
		break;
	}
	gyr_assert(false);
	return UINT64_MAX;
}
