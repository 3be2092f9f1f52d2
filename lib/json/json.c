/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct gyr_json gyr_json_begin(FILE *to)
{
	return (struct gyr_json){ .to = to };
}

struct gyr_json gyr_json_begin_lines(FILE *to)
{
	return (struct gyr_json){ .to = to, .lines = true };
}

/* Length of the UTF-8 sequence at the start of bytes; 0 when it is none (RFC 3629). */
static size_t utf8_length(const uint8_t *bytes, size_t length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t count = bytes[0] < 0x80		   ? 1
		       : (bytes[0] & 0xe0) == 0xc0 ? 2
		       : (bytes[0] & 0xf0) == 0xe0 ? 3
		       : (bytes[0] & 0xf8) == 0xf0 ? 4
						   : 0;
	uint32_t point = count < 2 ? bytes[0] : bytes[0] & (0x7fu >> count);

	if (count == 0 || count > length)
		return 0;
	for (size_t i = 1; i < count; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if ((count > 1 && point < least[count]) || point > 0x10ffff ||
	    (point >= 0xd800 && point < 0xe000))
		return 0;
	return count;
}

static void write_escaped(FILE *to, const char *text, size_t length)
{
	(void)fputc('"', to);
	for (size_t i = 0; i < length;) {
		const uint8_t *at = (const uint8_t *)text + i;
		size_t count = utf8_length(at, length - i);

		if (count == 0) {
			(void)fputs("\\ufffd", to);
			count = 1;
		} else if (*at == '"' || *at == '\\') {
			(void)fprintf(to, "\\%c", *at);
		} else if (*at < 0x20) {
			(void)fprintf(to, "\\u%04x", *at);
		} else {
			(void)fwrite(at, 1, count, to);
		}
		i += count;
	}
	(void)fputc('"', to);
}

static void line_break(const struct gyr_json *json)
{
	if (json->lines)
		return;
	(void)fputc('\n', json->to);
	for (unsigned i = 0; i < json->depth; i++)
		(void)fputs("  ", json->to);
}

/* What comes before any value: a comma, a line break, the key. */
static void before_value(struct gyr_json *json, const char *key)
{
	uint32_t bit;

	if (json->depth == 0) {
		gyr_assert(key == NULL);
		return;
	}
	bit = 1u << (json->depth - 1);
	gyr_assert((key == NULL) == ((json->is_array & bit) != 0));
	if ((json->has_item & bit) != 0)
		(void)fputc(',', json->to);
	json->has_item |= bit;
	line_break(json);
	if (key != NULL) {
		write_escaped(json->to, key, strlen(key));
		(void)fputs(json->lines ? ":" : ": ", json->to);
	}
}

static void after_value(const struct gyr_json *json)
{
	if (json->depth == 0)
		(void)fputc('\n', json->to);
}

static void open_level(struct gyr_json *json, const char *key, bool is_array)
{
	before_value(json, key);
	gyr_assert(json->depth < GYR_JSON_DEPTH_MAX);
	(void)fputc(is_array ? '[' : '{', json->to);
	json->has_item &= ~(1u << json->depth);
	json->is_array &= ~(1u << json->depth);
	json->is_array |= (uint32_t)is_array << json->depth;
	json->depth++;
}

void gyr_json_object(struct gyr_json *json, const char *key)
{
	open_level(json, key, false);
}

void gyr_json_array(struct gyr_json *json, const char *key)
{
	open_level(json, key, true);
}

void gyr_json_end(struct gyr_json *json)
{
	uint32_t bit;

	gyr_assert(json->depth > 0);
	json->depth--;
	bit = 1u << json->depth;
	if ((json->has_item & bit) != 0)
		line_break(json);
	(void)fputc((json->is_array & bit) != 0 ? ']' : '}', json->to);
	after_value(json);
}

void gyr_json_text(struct gyr_json *json, const char *key, const char *text)
{
	gyr_json_text_of(json, key, text, strlen(text));
}

void gyr_json_text_of(struct gyr_json *json, const char *key, const char *text, size_t length)
{
	before_value(json, key);
	write_escaped(json->to, text, length);
	after_value(json);
}

void gyr_json_number(struct gyr_json *json, const char *key, uint64_t number)
{
	before_value(json, key);
	(void)fprintf(json->to, "%llu", (unsigned long long)number);
	after_value(json);
}

void gyr_json_signed(struct gyr_json *json, const char *key, int64_t number)
{
	before_value(json, key);
	(void)fprintf(json->to, "%lld", (long long)number);
	after_value(json);
}

void gyr_json_real(struct gyr_json *json, const char *key, double real)
{
	char text[40];

	if (!isfinite(real)) {
		gyr_json_null(json, key);
		return;
	}
	before_value(json, key);
	for (int digits = 6; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	(void)fputs(text, json->to);
	after_value(json);
}

void gyr_json_bool(struct gyr_json *json, const char *key, bool value)
{
	before_value(json, key);
	(void)fputs(value ? "true" : "false", json->to);
	after_value(json);
}

void gyr_json_null(struct gyr_json *json, const char *key)
{
	before_value(json, key);
	(void)fputs("null", json->to);
	after_value(json);
}

void gyr_json_hex(struct gyr_json *json, const char *key, const uint8_t *bytes, size_t length)
{
	before_value(json, key);
	(void)fputs("\"0x", json->to);
	for (size_t i = 0; i < length; i++)
		(void)fprintf(json->to, "%02x", bytes[i]);
	(void)fputc('"', json->to);
	after_value(json);
}
