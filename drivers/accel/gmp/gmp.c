/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_accel_gmp.h"

#include <gmp.h>
#include <stdlib.h>

/* Exponent bytes that are raised at once: an exponent may be as long as the call's input. */
#define EXPONENT_BYTES_AT_ONCE 1024

#define POOL_SIZE  (2u << 20)
#define POOL_SPARE (64u << 10)

_Static_assert(sizeof(mp_limb_t) == 8 && GMP_NAIL_BITS == 0, "limbs of 64 bits");

/* A number over scratch of limb_count limbs; GMP never grows it, as no result is longer. */
static bool number_over(mpz_t number, struct gyr_arena *scratch, size_t limb_count)
{
	number->_mp_d = gyr_arena_carve(scratch, limb_count * sizeof(mp_limb_t), 8);
	number->_mp_alloc = (int)limb_count;
	number->_mp_size = 0;
	return number->_mp_d != NULL;
}

static bool number_from(mpz_t number, struct gyr_arena *scratch, struct gyr_slice bytes)
{
	while (bytes.length > 0 && bytes.data[0] == 0) {
		bytes.data++;
		bytes.length--;
	}
	if (!number_over(number, scratch, bytes.length / 8 + 2))
		return false;
	mpz_import(number, bytes.length, 1, 1, 1, 0, bytes.data);
	return true;
}

/* What one call works with; all of it over scratch. */
struct numbers {
	mpz_t base;
	mpz_t modulus;
	mpz_t power;
	mpz_t factor;
	mpz_t product;
	mpz_t exponent;
};

static bool numbers_init(struct numbers *n, struct gyr_arena *scratch, struct gyr_slice base,
			 struct gyr_slice modulus)
{
	size_t limb_count = modulus.length / 8 + 4;

	return number_from(n->base, scratch, base) && number_from(n->modulus, scratch, modulus) &&
	       number_over(n->power, scratch, limb_count) &&
	       number_over(n->factor, scratch, limb_count) &&
	       number_over(n->product, scratch, 2 * limb_count) &&
	       number_over(n->exponent, scratch, EXPONENT_BYTES_AT_ONCE / 8 + 2);
}

/* power = power^(256^count) */
static void shift_exponent(struct numbers *n, uint64_t count)
{
	while (count > 0) {
		uint64_t part = gyr_min_u64(count, EXPONENT_BYTES_AT_ONCE);

		mpz_set_ui(n->exponent, 0);
		mpz_setbit(n->exponent, 8 * part);
		mpz_powm(n->power, n->power, n->exponent, n->modulus);
		count -= part;
	}
}

/*
 * GMP takes short-lived blocks of up to 32512 bytes from the stack and longer ones from an
 * allocator. Ours is a stack too, the calling thread's own: GMP frees what it took last first.
 * Outside of a call here it is malloc, for whoever else uses GMP in this process.
 */
static _Thread_local struct {
	alignas(64) uint8_t bytes[POOL_SIZE];
	size_t used;
	size_t used_max;
	bool in_call;
} pool;

static void *pool_take(size_t size)
{
	size_t rounded = gyr_round_up(size, 64);
	uint8_t *block = pool.bytes + pool.used;

	if (!pool.in_call)
		return malloc(size);
	gyr_assert(rounded <= POOL_SIZE - pool.used); /* fits_pool has seen to it */
	pool.used += rounded;
	pool.used_max = gyr_max_u64(pool.used_max, pool.used);
	return block;
}

static void pool_give(void *block, size_t size)
{
	if (!pool.in_call)
		free(block);
	else if ((uint8_t *)block + gyr_round_up(size, 64) == pool.bytes + pool.used)
		pool.used = (size_t)((uint8_t *)block - pool.bytes);
}

static void *pool_resize(void *block, size_t old_size, size_t new_size)
{
	void *larger;

	if (!pool.in_call)
		return realloc(block, new_size);
	larger = pool_take(new_size);
	memcpy(larger, block, gyr_min_u64(old_size, new_size));
	return larger;
}

/*
 * Whether all temporaries of mpz_powm and mpz_mod fit the pool, with room to spare: the table of
 * odd powers, whose size doubles with the width of the window, and a few times the operands (the
 * test that measures them has found less than half of what is asked for here).
 */
static bool fits_pool(struct gyr_slice base, struct gyr_slice exponent,
		      uint64_t exponent_zero_count, struct gyr_slice modulus)
{
	static const uint32_t widths[] = { 7, 25, 81, 241, 673, 1793, 4609, 11521 };
	uint64_t bits = 8 * gyr_min_u64(exponent.length, EXPONENT_BYTES_AT_ONCE);
	unsigned width = 0;

	/* Shifting by zeros raises to a power of 2^8192 at most. */
	if (exponent_zero_count > 0 || exponent.length > EXPONENT_BYTES_AT_ONCE)
		bits = 8 * EXPONENT_BYTES_AT_ONCE + 1;
	while (width < GYR_COUNT(widths) && bits > widths[width])
		width++;
	return base.length <= POOL_SIZE / 16 && modulus.length <= POOL_SIZE / 16 &&
	       12 * (base.length + modulus.length) + ((modulus.length + 16) << width) <=
		       POOL_SIZE - POOL_SPARE;
}

size_t gyr_accel_gmp_pool_used(void)
{
	return pool.used_max;
}

static enum gyr_precompile_status compute(uint8_t *result, struct gyr_arena *scratch,
					  struct gyr_slice base, struct gyr_slice exponent,
					  uint64_t exponent_zero_count, struct gyr_slice modulus)
{
	struct numbers n;
	bool zero = true;

	memset(result, 0, modulus.length);
	if (!numbers_init(&n, scratch, base, modulus))
		return GYR_PRECOMPILE_NO_MEMORY;
	if (mpz_sgn(n.modulus) == 0)
		return GYR_PRECOMPILE_OK;
	mpz_set_ui(n.power, mpz_cmp_ui(n.modulus, 1) == 0 ? 0 : 1);
	for (size_t at = 0; at < exponent.length; at += EXPONENT_BYTES_AT_ONCE) {
		size_t count = gyr_min_u64(exponent.length - at, EXPONENT_BYTES_AT_ONCE);

		if (!zero)
			shift_exponent(&n, count);
		mpz_import(n.exponent, count, 1, 1, 1, 0, exponent.data + at);
		if (mpz_sgn(n.exponent) == 0)
			continue;
		mpz_powm(zero ? n.power : n.factor, n.base, n.exponent, n.modulus);
		if (!zero) {
			mpz_mul(n.product, n.power, n.factor);
			mpz_mod(n.power, n.product, n.modulus);
		}
		zero = false;
	}
	if (!zero)
		shift_exponent(&n, exponent_zero_count);
	if (mpz_sgn(n.power) != 0) {
		size_t length = (mpz_sizeinbase(n.power, 2) + 7) / 8;

		gyr_assert(length <= modulus.length);
		(void)mpz_export(result + modulus.length - length, NULL, 1, 1, 1, 0, n.power);
	}
	return GYR_PRECOMPILE_OK;
}

static enum gyr_precompile_status modexp(uint8_t *result, struct gyr_arena *scratch,
					 struct gyr_slice base, struct gyr_slice exponent,
					 uint64_t exponent_zero_count, struct gyr_slice modulus)
{
	enum gyr_precompile_status status;

	if (!fits_pool(base, exponent, exponent_zero_count, modulus))
		return gyr_precompile_portable.modexp(result, scratch, base, exponent,
						      exponent_zero_count, modulus);
	pool.used = 0;
	pool.used_max = 0;
	pool.in_call = true;
	status = compute(result, scratch, base, exponent, exponent_zero_count, modulus);
	pool.in_call = false;
	return status;
}

static int open_driver(struct gyr_accel_offer *offer)
{
	mp_set_memory_functions(pool_take, pool_resize, pool_give);
	offer->precompile.modexp = modexp;
	return 0;
}

const struct gyr_accel_driver gyr_accel_gmp = { "gmp", open_driver };
