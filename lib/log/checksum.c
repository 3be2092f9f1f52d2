/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block checksum: NH (Black, Halevi, Krawczyk, Krovetz, Rogaway: UMAC, CRYPTO 1999) with 64-bit
 * words over each 512-byte sector, whose 128-bit values are then the coefficients, in three pieces
 * of at most 43 bits, of a polynomial over the field of 2^61 - 1 evaluated at a secret point. One
 * multiplication per 16 bytes, no special instructions, the same result everywhere.
 *
 * Two inputs that differ in a sector have the same NH value with probability 2^-64; two different
 * polynomials of degree d agree at a random point with probability at most d / (2^61 - 1).
 */
#include "gyr_bytes.h"
#include "gyr_log_format.h"

__extension__ typedef unsigned __int128 u128;

#define WORDS (GYR_LOG_SECTOR / 8)
#define PRIME ((UINT64_C(1) << 61) - 1)
#define PIECE ((UINT64_C(1) << 43) - 1)

/* SplitMix64 (Steele, Lea, Flood 2014). Nothing of the key's use is ever shown to a client. */
static uint64_t split_mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Below 2^61 + 4 for any x below 2^125: one more fold makes a number canonical. */
static inline uint64_t fold(u128 x)
{
	uint64_t sum = ((uint64_t)x & PRIME) + (uint64_t)(x >> 61);

	return (sum & PRIME) + (sum >> 61);
}

static uint64_t canonical(uint64_t x)
{
	x = fold(x);
	return x >= PRIME ? x - PRIME : x;
}

void gyr_log_key_init(struct gyr_log_key *key, const uint8_t secret[GYR_LOG_SECRET_LENGTH])
{
	uint64_t a = gyr_load_le64(secret);
	uint64_t b = gyr_load_le64(secret + 8);
	uint64_t r;

	(void)split_mix(&a);
	b = ~b * 0xd1342543de82ef95;
	for (unsigned i = 0; i < WORDS; i++)
		key->words[i] = split_mix(&a) ^ split_mix(&b);
	r = canonical(split_mix(&a) ^ split_mix(&b));
	key->point[0] = r;
	key->point[1] = canonical(fold((u128)r * r));
	key->point[2] = canonical(fold((u128)key->point[1] * r));
}

static inline u128 sector_hash(const struct gyr_log_key *key, const uint8_t *data)
{
	u128 even = 0;
	u128 odd = 0;

	for (size_t i = 0; i < WORDS; i += 4) {
		even += (u128)(gyr_load_le64(data + 8 * i) + key->words[i]) *
			(gyr_load_le64(data + 8 * i + 8) + key->words[i + 1]);
		odd += (u128)(gyr_load_le64(data + 8 * i + 16) + key->words[i + 2]) *
		       (gyr_load_le64(data + 8 * i + 24) + key->words[i + 3]);
	}
	return even + odd;
}

uint64_t gyr_log_checksum(const struct gyr_log_key *key, const uint8_t *data, size_t length,
			  size_t hole)
{
	uint64_t state = 1 + length / GYR_LOG_SECTOR;
	uint8_t patched[GYR_LOG_SECTOR];

	gyr_assert(length % GYR_LOG_SECTOR == 0);
	gyr_assert(hole + 8 <= length && hole % 8 == 0);
	for (size_t at = 0; at < length; at += GYR_LOG_SECTOR) {
		const uint8_t *sector = data + at;
		u128 value;

		if (hole - at < GYR_LOG_SECTOR) {
			memcpy(patched, sector, sizeof patched);
			memset(patched + (hole - at), 0, 8);
			sector = patched;
		}
		value = sector_hash(key, sector);
		state = fold((u128)state * key->point[2] +
			     (u128)((uint64_t)value & PIECE) * key->point[1] +
			     (u128)((uint64_t)(value >> 43) & PIECE) * key->point[0] +
			     (uint64_t)(value >> 86));
	}
	return canonical(state);
}
