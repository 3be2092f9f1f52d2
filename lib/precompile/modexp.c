/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base^exponent mod modulus for any modulus. Odd ones multiply in Montgomery's form (Montgomery,
 * Modular multiplication without trial division, 1985), even ones and the shortest exponents divide
 * (Knuth, TAOCP 2, algorithm D). Sliding windows of up to five exponent bits.
 *
 * Everything outside the loop over the exponent's bits costs a small number of quadratic steps, so
 * that no input is much dearer than the multiplications that its gas pays for.
 */
#include "portable.h"

#include "gyr_bytes.h"
#include "modexp_limbs.h"

/* Odd powers kept for the windows, and how many limbs they may take together. */
#define TABLE_ENTRIES_MAX 16
#define TABLE_LIMBS_MAX	  ((size_t)16 * 160)

/* Numbers of the operands' size that one call keeps, the table aside. */
#define WORK_NUMBERS 8

struct modexp {
	size_t count;	/* limbs of the modulus */
	unsigned shift; /* normalized = modulus << shift */
	uint64_t *modulus;
	uint64_t *normalized;
	struct limbs_divisor divisor;
	bool montgomery;
	uint64_t negative_inverse; /* -1 / modulus mod 2^64, where montgomery */
	uint64_t *product;	   /* 2 * count + 1 limbs */
	uint64_t *value;
	uint64_t *table; /* table_entries odd powers of the base */
	size_t table_entries;
};

size_t portable_modexp_scratch_size(size_t length)
{
	size_t count = length / 8 + 5;
	size_t table = gyr_min_u64(TABLE_ENTRIES_MAX * count, TABLE_LIMBS_MAX) + count;

	return 2 * (length + 8) + 8 * (WORK_NUMBERS * count + table);
}

static uint64_t *carve_limbs(struct gyr_arena *scratch, size_t count)
{
	return gyr_arena_carve(scratch, count * sizeof(uint64_t), alignof(uint64_t));
}

static void limbs_from_bytes(uint64_t *limbs, size_t limb_count, struct gyr_slice bytes)
{
	memset(limbs, 0, limb_count * sizeof *limbs);
	for (size_t i = 0; i < bytes.length; i++)
		limbs[i / 8] |= (uint64_t)bytes.data[bytes.length - 1 - i] << (8 * (i % 8));
}

static void limbs_to_bytes(uint8_t *bytes, size_t length, const uint64_t *limbs, size_t limb_count)
{
	for (size_t i = 0; i < length; i++) {
		uint64_t limb = i / 8 < limb_count ? limbs[i / 8] : 0;

		bytes[length - 1 - i] = (uint8_t)(limb >> (8 * (i % 8)));
	}
}

/* Without the zeros on its left. */
static struct gyr_slice trimmed(struct gyr_slice number)
{
	while (number.length > 0 && number.data[0] == 0) {
		number.data++;
		number.length--;
	}
	return number;
}

/* value = product / 2^(64 * count) mod modulus; product is below modulus * 2^(64 * count). */
static void montgomery_reduce(struct modexp *m, uint64_t *value)
{
	size_t n = m->count;
	uint64_t *p = m->product;
	uint64_t top = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t q = p[i] * m->negative_inverse;
		uint64_t carry = limbs_add_mul(p + i, m->modulus, n, q);
		limbs_u128 t = (limbs_u128)p[i + n] + carry + top;

		p[i + n] = (uint64_t)t;
		top = (uint64_t)(t >> 64);
	}
	if (top != 0 || limbs_at_least(p + n, m->modulus, n))
		(void)limbs_sub(p + n, m->modulus, n);
	memcpy(value, p + n, n * sizeof *p);
}

/* value = product, reduced: in Montgomery's form, or modulo the normalized modulus. */
static void reduce(struct modexp *m, uint64_t *value)
{
	if (m->montgomery) {
		montgomery_reduce(m, value);
		return;
	}
	limbs_remainder(m->product, 2 * m->count, &m->divisor);
	memcpy(value, m->product, m->count * sizeof *value);
}

static void multiply(struct modexp *m, uint64_t *value, const uint64_t *by)
{
	limbs_mul(m->product, value, by, m->count);
	reduce(m, value);
}

static void square(struct modexp *m, uint64_t *value)
{
	limbs_square(m->product, value, m->count);
	reduce(m, value);
}

static bool carve_all(struct modexp *m, struct gyr_arena *scratch, struct gyr_slice modulus,
		      uint64_t bits)
{
	size_t n = (modulus.length + 7) / 8;

	m->count = n;
	m->modulus = carve_limbs(scratch, n);
	m->normalized = carve_limbs(scratch, n);
	m->product = carve_limbs(scratch, 2 * n + 1);
	m->value = carve_limbs(scratch, n);
	m->table_entries = 1;
	/* a table of 2^(w - 1) powers pays from about 2^(w + 1) * w bits on */
	while (m->table_entries < TABLE_ENTRIES_MAX && bits > 16 * m->table_entries &&
	       2 * m->table_entries * n <= TABLE_LIMBS_MAX)
		m->table_entries *= 2;
	m->table = carve_limbs(scratch, m->table_entries * n);
	return m->modulus != NULL && m->normalized != NULL && m->product != NULL &&
	       m->value != NULL && m->table != NULL;
}

static void set_modulus(struct modexp *m, struct gyr_slice modulus, uint64_t bits)
{
	limbs_from_bytes(m->modulus, m->count, modulus);
	m->shift = (unsigned)__builtin_clzll(m->modulus[m->count - 1]);
	(void)limbs_shift_left(m->normalized, m->modulus, m->count, m->shift);
	m->divisor = limbs_divisor_of(m->normalized, m->count);
	m->montgomery = (m->modulus[0] & 1) != 0 && bits > 8;
	uint64_t inverse = m->modulus[0]; /* right in 3 bits; each step doubles them */

	for (unsigned i = 0; i < 5; i++)
		inverse *= 2 - m->modulus[0] * inverse;
	m->negative_inverse = 0 - inverse;
}

/* The base into table[0], in the form that multiply takes. False without scratch. */
static bool set_base(struct modexp *m, struct gyr_arena *scratch, struct gyr_slice base)
{
	size_t n = m->count;
	size_t count = gyr_max_u64((base.length + 7) / 8, n) + 1;
	uint64_t *work = carve_limbs(scratch, count + 1);

	if (work == NULL)
		return false;
	limbs_from_bytes(work, count, base);
	work[count] = 0;
	/* base << shift, modulo modulus << shift: the remainder << shift */
	(void)limbs_shift_left(work, work, count, m->shift);
	limbs_remainder(work, count + 1, &m->divisor);
	if (m->montgomery) {
		memset(m->product, 0, n * sizeof *work);
		memcpy(m->product + n, work, n * sizeof *work);
		limbs_remainder(m->product, 2 * n, &m->divisor);
		limbs_shift_right(m->table, m->product, n, m->shift);
	} else {
		limbs_shift_right(m->table, work, n, m->shift);
	}
	return true;
}

/* table[i] = base^(2 * i + 1) */
static void fill_table(struct modexp *m)
{
	size_t n = m->count;

	if (m->table_entries == 1)
		return;
	memcpy(m->value, m->table, n * sizeof *m->value);
	square(m, m->value);
	for (size_t i = 1; i < m->table_entries; i++) {
		limbs_mul(m->product, m->table + (i - 1) * n, m->value, n);
		reduce(m, m->table + i * n);
	}
}

static inline unsigned bit_of(struct gyr_slice number, uint64_t bit)
{
	return number.data[number.length - 1 - bit / 8] >> (bit % 8) & 1;
}

/* value = base^exponent; the exponent's first byte is not 0. */
static void raise(struct modexp *m, struct gyr_slice exponent)
{
	unsigned window_max = 1 + (unsigned)__builtin_ctzll(m->table_entries);
	uint64_t bit = 8 * (uint64_t)exponent.length; /* bits not yet taken */
	bool started = false;

	while (bit > 0) {
		if (bit_of(exponent, bit - 1) == 0) {
			if (started)
				square(m, m->value);
			bit--;
			continue;
		}
		unsigned length = (unsigned)gyr_min_u64(window_max, bit);

		while (bit_of(exponent, bit - length) == 0)
			length--;
		size_t power = 0;

		for (unsigned i = 1; i <= length; i++) {
			power = power << 1 | bit_of(exponent, bit - i);
			if (started)
				square(m, m->value);
		}
		const uint64_t *entry = m->table + (power >> 1) * m->count;

		if (started)
			multiply(m, m->value, entry);
		else
			memcpy(m->value, entry, m->count * sizeof *entry);
		started = true;
		bit -= length;
	}
}

/* value out of its form into the canonical remainder. */
static void finish(struct modexp *m)
{
	size_t n = m->count;

	memcpy(m->product, m->value, n * sizeof *m->value);
	memset(m->product + n, 0, (n + 1) * sizeof *m->product);
	if (m->montgomery) {
		montgomery_reduce(m, m->value);
		return;
	}
	m->product[n] = limbs_shift_left(m->product, m->product, n, m->shift);
	limbs_remainder(m->product, n + 2, &m->divisor);
	limbs_shift_right(m->value, m->product, n, m->shift);
}

enum gyr_precompile_status portable_modexp(uint8_t *result, struct gyr_arena *scratch,
					   struct gyr_slice base, struct gyr_slice exponent,
					   uint64_t exponent_zero_count, struct gyr_slice modulus)
{
	struct gyr_slice significant = trimmed(modulus);
	struct modexp m;

	base = trimmed(base);
	exponent = trimmed(exponent);
	memset(result, 0, modulus.length);
	if (significant.length == 0 || (significant.length == 1 && significant.data[0] == 1))
		return GYR_PRECOMPILE_OK;
	if (exponent.length == 0) {
		result[modulus.length - 1] = 1;
		return GYR_PRECOMPILE_OK;
	}
	if (base.length == 0)
		return GYR_PRECOMPILE_OK;
	/* zeros on the right are squarings, at most 8 * 2^61; the gas was paid for each */
	uint64_t bits = 8 * (uint64_t)exponent.length;

	if (!carve_all(&m, scratch, significant, bits))
		return GYR_PRECOMPILE_NO_MEMORY;
	set_modulus(&m, significant, bits);
	if (!set_base(&m, scratch, base))
		return GYR_PRECOMPILE_NO_MEMORY;
	fill_table(&m);
	raise(&m, exponent);
	for (uint64_t i = 0; i < exponent_zero_count; i++) {
		for (unsigned j = 0; j < 8; j++)
			square(&m, m.value);
	}
	finish(&m);
	limbs_to_bytes(result, modulus.length, m.value, m.count);
	return GYR_PRECOMPILE_OK;
}
