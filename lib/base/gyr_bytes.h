/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unaligned loads and stores of fixed byte order. Freestanding; compiles to one instruction each.
 */
#ifndef GYR_BYTES_H
#define GYR_BYTES_H

#include "gyr_base.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "gyr assumes a little-endian machine"
#endif

static inline uint16_t gyr_load_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t gyr_load_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t gyr_load_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint16_t gyr_load_be16(const void *p)
{
	return __builtin_bswap16(gyr_load_le16(p));
}

static inline uint32_t gyr_load_be32(const void *p)
{
	return __builtin_bswap32(gyr_load_le32(p));
}

static inline uint64_t gyr_load_be64(const void *p)
{
	return __builtin_bswap64(gyr_load_le64(p));
}

static inline void gyr_store_le16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void gyr_store_le32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void gyr_store_le64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void gyr_store_be16(void *p, uint16_t v)
{
	gyr_store_le16(p, __builtin_bswap16(v));
}

static inline void gyr_store_be32(void *p, uint32_t v)
{
	gyr_store_le32(p, __builtin_bswap32(v));
}

static inline void gyr_store_be64(void *p, uint64_t v)
{
	gyr_store_le64(p, __builtin_bswap64(v));
}

#endif
