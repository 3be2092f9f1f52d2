/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON (RFC 8259) to a stream, piece by piece: commas, escapes and the shape are taken care
 * of, the order is the caller's. For every --json output and report; cold. Bytes that are no UTF-8
 * are written as U+FFFD. Misuse (a value without a key inside an object, an end too many) asserts.
 *
 *	struct gyr_json json = gyr_json_begin(stdout);
 *	gyr_json_object(&json, NULL);
 *	gyr_json_number(&json, "slots", 4096);
 *	gyr_json_array(&json, "lanes");
 *	gyr_json_text(&json, NULL, "data0");
 *	gyr_json_end(&json);
 *	gyr_json_end(&json);
 *
 * The key is NULL inside arrays and at the top. Limit: 32 levels.
 */
#ifndef GYR_JSON_H
#define GYR_JSON_H

#include <stdio.h>

#include "gyr_base.h"

#define GYR_JSON_DEPTH_MAX 32

struct gyr_json {
	FILE *to;
	uint32_t is_array; /* one bit per level */
	uint32_t has_item;
	unsigned depth;
	bool lines; /* one top-level value per line, no other line breaks */
};

/* Indented, one value in all. */
struct gyr_json gyr_json_begin(FILE *to);

/* Any number of top-level values, each on one line. */
struct gyr_json gyr_json_begin_lines(FILE *to);

void gyr_json_object(struct gyr_json *json, const char *key);
void gyr_json_array(struct gyr_json *json, const char *key);
void gyr_json_end(struct gyr_json *json);

void gyr_json_text(struct gyr_json *json, const char *key, const char *text);
void gyr_json_text_of(struct gyr_json *json, const char *key, const char *text, size_t length);
void gyr_json_number(struct gyr_json *json, const char *key, uint64_t number);
void gyr_json_signed(struct gyr_json *json, const char *key, int64_t number);
/* Shortest form that reads back the same; what is no number becomes null. */
void gyr_json_real(struct gyr_json *json, const char *key, double real);
void gyr_json_bool(struct gyr_json *json, const char *key, bool value);
void gyr_json_null(struct gyr_json *json, const char *key);
/* "0x…" of bytes. */
void gyr_json_hex(struct gyr_json *json, const char *key, const uint8_t *bytes, size_t length);

#endif
