/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_rlp.h"

/*
 * Prefixes: 00..7f the byte itself, 80..b7 a string of 0..55 bytes, b8..bf a string whose length
 * takes 1..8 bytes, c0..f7 and f8..ff the same for lists.
 */
enum {
	STRING = 0x80,
	STRING_LONG = 0xb7,
	LIST = 0xc0,
	LIST_LONG = 0xf7,
	SHORT_MAX = 55,
};

/* Reads a length of `count` bytes after the prefix. */
static enum gyr_verdict long_length(size_t *out, const struct gyr_slice *rest, size_t count)
{
	uint64_t length = 0;

	if (rest->length - 1 < count)
		return GYR_VERDICT_RLP_MALFORMED;
	if (rest->data[1] == 0)
		return GYR_VERDICT_RLP_NOT_CANONICAL;
	for (size_t i = 1; i <= count; i++)
		length = length << 8 | rest->data[i];
	if (length <= SHORT_MAX)
		return GYR_VERDICT_RLP_NOT_CANONICAL;
	if (length > rest->length - 1 - count)
		return GYR_VERDICT_RLP_MALFORMED;
	*out = (size_t)length;
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_rlp_next(struct gyr_rlp_item *out, struct gyr_slice *rest)
{
	enum gyr_verdict verdict;
	size_t header = 1, length;
	uint8_t prefix;

	if (rest->length == 0)
		return GYR_VERDICT_RLP_MALFORMED;
	prefix = rest->data[0];
	if (prefix < STRING) {
		header = 0;
		length = 1;
	} else if (prefix <= STRING_LONG || (prefix >= LIST && prefix <= LIST_LONG)) {
		length = (size_t)prefix - (prefix < LIST ? STRING : LIST);
		if (length > rest->length - 1)
			return GYR_VERDICT_RLP_MALFORMED;
		if (prefix == STRING + 1 && rest->data[1] < STRING)
			return GYR_VERDICT_RLP_NOT_CANONICAL;
	} else {
		size_t count = (size_t)prefix - (prefix < LIST ? STRING_LONG : LIST_LONG);

		verdict = long_length(&length, rest, count);
		if (verdict != GYR_VERDICT_OK)
			return verdict;
		header += count;
	}
	out->is_list = prefix >= LIST;
	out->raw = (struct gyr_slice){ rest->data, header + length };
	out->content = (struct gyr_slice){ rest->data + header, length };
	rest->data += header + length;
	rest->length -= header + length;
	return GYR_VERDICT_OK;
}

static enum gyr_verdict next_of_kind(struct gyr_slice *content, bool is_list,
				     struct gyr_slice *rest)
{
	struct gyr_slice after = *rest;
	struct gyr_rlp_item item;
	enum gyr_verdict verdict = gyr_rlp_next(&item, &after);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (item.is_list != is_list)
		return GYR_VERDICT_RLP_MALFORMED;
	*content = item.content;
	*rest = after;
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_rlp_next_list(struct gyr_slice *content, struct gyr_slice *rest)
{
	return next_of_kind(content, true, rest);
}

/* Short strings, nearly all there are, without the detour. */
static inline enum gyr_verdict next_string(struct gyr_slice *content, struct gyr_slice *rest)
{
	const uint8_t *data = rest->data;
	size_t room = rest->length, length;

	if (room == 0 || data[0] > STRING + SHORT_MAX)
		return next_of_kind(content, false, rest);
	if (data[0] < STRING) {
		*content = (struct gyr_slice){ data, 1 };
		*rest = (struct gyr_slice){ data + 1, room - 1 };
		return GYR_VERDICT_OK;
	}
	length = (size_t)data[0] - STRING;
	if (length > room - 1)
		return GYR_VERDICT_RLP_MALFORMED;
	if (length == 1 && data[1] < STRING)
		return GYR_VERDICT_RLP_NOT_CANONICAL;
	*content = (struct gyr_slice){ data + 1, length };
	*rest = (struct gyr_slice){ data + 1 + length, room - 1 - length };
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_rlp_next_string(struct gyr_slice *content, struct gyr_slice *rest)
{
	return next_string(content, rest);
}

static inline enum gyr_verdict next_integer(struct gyr_slice *digits, size_t length_max,
					    struct gyr_slice *rest)
{
	enum gyr_verdict verdict = next_string(digits, rest);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (digits->length != 0 && digits->data[0] == 0)
		return GYR_VERDICT_RLP_NOT_CANONICAL;
	return digits->length > length_max ? GYR_VERDICT_FIELD_RANGE : GYR_VERDICT_OK;
}

/* A number of up to 8 bytes. Where enough bytes follow it, one load takes it and some of them. */
static inline uint64_t number(const uint8_t *digits, size_t length, const struct gyr_slice *rest)
{
	uint64_t value = 0;

	if (length == 0)
		return 0;
	if (GYR_LIKELY(rest->length >= 8 - length))
		return gyr_load_be64(digits) >> (64 - 8 * length);
	for (size_t i = 0; i < length; i++)
		value = value << 8 | digits[i];
	return value;
}

enum gyr_verdict gyr_rlp_next_u64(uint64_t *out, struct gyr_slice *rest)
{
	struct gyr_slice digits;
	enum gyr_verdict verdict = next_integer(&digits, sizeof *out, rest);

	if (verdict == GYR_VERDICT_OK)
		*out = number(digits.data, digits.length, rest);
	return verdict;
}

enum gyr_verdict gyr_rlp_next_u256(struct gyr_u256 *out, struct gyr_slice *rest)
{
	struct gyr_slice digits;
	enum gyr_verdict verdict = next_integer(&digits, sizeof out->limb, rest);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (digits.length <= 8)
		*out = gyr_u256_from_u64(number(digits.data, digits.length, rest));
	else if (digits.length == sizeof out->limb)
		gyr_u256_load_be(out, digits.data);
	else
		gyr_u256_load_be_short(out, digits.data, digits.length);
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_rlp_next_fixed(void *out, size_t length, struct gyr_slice *rest)
{
	struct gyr_slice content;
	enum gyr_verdict verdict = gyr_rlp_next_string(&content, rest);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (content.length != length)
		return GYR_VERDICT_FIELD_RANGE;
	memcpy(out, content.data, length);
	return GYR_VERDICT_OK;
}

/* The items of a list fill its content exactly; looks no deeper. */
static enum gyr_verdict validate_level(struct gyr_slice content)
{
	struct gyr_rlp_item item;

	while (content.length != 0) {
		enum gyr_verdict verdict = gyr_rlp_next(&item, &content);

		if (verdict != GYR_VERDICT_OK)
			return verdict;
	}
	return GYR_VERDICT_OK;
}

enum gyr_verdict gyr_rlp_validate(struct gyr_slice data)
{
	struct gyr_slice rest = data;
	struct gyr_rlp_item item;
	enum gyr_verdict verdict = gyr_rlp_next(&item, &rest);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (rest.length != 0)
		return GYR_VERDICT_RLP_MALFORMED;
	/* Walks the items in the order of their bytes, entering every list: each is read twice,
	 * once as part of its level and once here, whatever the depth. */
	rest = data;
	while (rest.length != 0) {
		struct gyr_slice here = rest;

		verdict = gyr_rlp_next(&item, &rest);
		if (verdict == GYR_VERDICT_OK && item.is_list)
			verdict = validate_level(item.content);
		if (verdict != GYR_VERDICT_OK)
			return verdict;
		if (item.is_list) {
			size_t header = item.raw.length - item.content.length;

			rest = (struct gyr_slice){ here.data + header, here.length - header };
		}
	}
	return GYR_VERDICT_OK;
}
