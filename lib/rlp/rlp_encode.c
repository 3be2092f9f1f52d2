/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_rlp.h"

#define SHORT_MAX 55

/* Bytes of a number without its leading zero bytes. */
static size_t digit_count(uint64_t value)
{
	return value == 0 ? 0 : (size_t)(71 - __builtin_clzll(value)) / 8;
}

static size_t header_length(size_t content_length)
{
	return content_length <= SHORT_MAX ? 1 : 1 + digit_count(content_length);
}

size_t gyr_rlp_length_list(size_t content_length)
{
	return header_length(content_length) + content_length;
}

size_t gyr_rlp_length_string(const void *data, size_t length)
{
	if (length == 1 && *(const uint8_t *)data < 0x80)
		return 1;
	return header_length(length) + length;
}

size_t gyr_rlp_length_u64(uint64_t value)
{
	return value < 0x80 ? 1 : 1 + digit_count(value);
}

size_t gyr_rlp_length_u256(const struct gyr_u256 *value)
{
	if (gyr_u256_fits_u64(value))
		return gyr_rlp_length_u64(value->limb[0]);
	return 1 + gyr_u256_byte_length(value);
}

static uint8_t *take(struct gyr_rlp_writer *writer, size_t length)
{
	uint8_t *at = writer->at;

	gyr_assert(length <= (size_t)(writer->end - at));
	writer->at = at + length;
	return at;
}

static void put_header(struct gyr_rlp_writer *writer, uint8_t base, size_t content_length)
{
	size_t count = header_length(content_length) - 1;
	uint8_t *at = take(writer, 1 + count);

	if (count == 0) {
		at[0] = (uint8_t)(base + content_length);
		return;
	}
	at[0] = (uint8_t)(base + SHORT_MAX + count);
	for (size_t i = count; i > 0; i--) {
		at[i] = (uint8_t)content_length;
		content_length >>= 8;
	}
}

void gyr_rlp_put_list(struct gyr_rlp_writer *writer, size_t content_length)
{
	put_header(writer, 0xc0, content_length);
}

void gyr_rlp_put_raw(struct gyr_rlp_writer *writer, const void *data, size_t length)
{
	uint8_t *at = take(writer, length);

	if (length != 0)
		memcpy(at, data, length);
}

void gyr_rlp_put_string(struct gyr_rlp_writer *writer, const void *data, size_t length)
{
	if (length != 1 || *(const uint8_t *)data >= 0x80)
		put_header(writer, 0x80, length);
	gyr_rlp_put_raw(writer, data, length);
}

void gyr_rlp_put_u64(struct gyr_rlp_writer *writer, uint64_t value)
{
	uint8_t bytes[8];
	size_t count = digit_count(value);

	gyr_store_be64(bytes, value);
	gyr_rlp_put_string(writer, bytes + sizeof bytes - count, count);
}

void gyr_rlp_put_u256(struct gyr_rlp_writer *writer, const struct gyr_u256 *value)
{
	uint8_t bytes[32];
	size_t count = gyr_u256_byte_length(value);

	gyr_u256_store_be(bytes, value);
	gyr_rlp_put_string(writer, bytes + sizeof bytes - count, count);
}
