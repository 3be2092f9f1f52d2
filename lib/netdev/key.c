/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_netdev_key.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"

#define KEY_COUNT_MAX 64

/* Ends at a comma outside of brackets. */
static size_t value_length(const char *text)
{
	unsigned depth = 0;
	size_t i = 0;

	for (; text[i] != '\0'; i++) {
		if (text[i] == '[')
			depth++;
		else if (text[i] == ']' && depth > 0)
			depth--;
		else if (text[i] == ',' && depth == 0)
			break;
	}
	return i;
}

static bool parse_flag(bool *to, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return false;
	*to = value[0] == 'y';
	return true;
}

static bool parse_number(uint64_t *to, const struct gyr_netdev_key *key, const char *value)
{
	char *end;

	if (value[0] < '0' || value[0] > '9' || strlen(value) > 18)
		return false;
	*to = strtoull(value, &end, 0);
	return *end == '\0' && *to >= key->min && *to <= key->max;
}

static bool parse_prefix(struct gyr_netdev_prefix *to, char *value, bool is_ipv6)
{
	unsigned long bits_max = is_ipv6 ? 128 : 32;
	unsigned long bits = bits_max;
	char *slash = strchr(value, '/');
	char *end;

	if (slash != NULL) {
		*slash = '\0';
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > bits_max)
			return false;
	}
	memset(to, 0, sizeof *to);
	if (!is_ipv6)
		to->address[10] = to->address[11] = 0xff;
	if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, value, to->address + (is_ipv6 ? 0 : 12)) != 1)
		return false;
	to->bits = (uint8_t)bits;
	to->given = true;
	return true;
}

static bool parse_link(uint8_t to[6], const char *value)
{
	for (unsigned i = 0; i < 6; i++) {
		unsigned v = 0;

		for (unsigned digit = 0; digit < 2; digit++, value++) {
			if (*value >= '0' && *value <= '9')
				v = v * 16 + (unsigned)(*value - '0');
			else if (*value >= 'a' && *value <= 'f')
				v = v * 16 + (unsigned)(*value - 'a') + 10;
			else
				return false;
		}
		to[i] = (uint8_t)v;
		if (*value++ != (i == 5 ? '\0' : ':'))
			return false;
	}
	return true;
}

static bool parse_value(void *to, const struct gyr_netdev_key *key, char *value)
{
	size_t length = strlen(value);

	switch (key->kind) {
	case GYR_NETDEV_KEY_FLAG:
		return parse_flag(to, value);
	case GYR_NETDEV_KEY_NUMBER:
		return parse_number(to, key, value);
	case GYR_NETDEV_KEY_TEXT:
		if (length >= 2 && value[0] == '[' && value[length - 1] == ']') {
			value[length - 1] = '\0';
			value++;
		}
		memcpy(to, value, strlen(value) + 1);
		return value[0] != '\0';
	case GYR_NETDEV_KEY_ADDRESS4:
		return parse_prefix(to, value, false);
	case GYR_NETDEV_KEY_ADDRESS6:
		return parse_prefix(to, value, true);
	case GYR_NETDEV_KEY_LINK:
		return parse_link(to, value);
	}
	return false;
}

static const char *expected(const struct gyr_netdev_key *key, char text[80])
{
	switch (key->kind) {
	case GYR_NETDEV_KEY_FLAG:
		return "yes or no";
	case GYR_NETDEV_KEY_NUMBER:
		(void)snprintf(text, 80, "a number from %llu to %llu", (unsigned long long)key->min,
			       (unsigned long long)key->max);
		return text;
	case GYR_NETDEV_KEY_TEXT:
		return "text";
	case GYR_NETDEV_KEY_ADDRESS4:
		return "an IPv4 address, as 10.0.0.1 or 10.0.0.1/24";
	case GYR_NETDEV_KEY_ADDRESS6:
		return "an IPv6 address, as fd77::1 or fd77::1/64";
	case GYR_NETDEV_KEY_LINK:
		return "a link address, as 02:00:00:00:00:01";
	}
	return "";
}

static int parse_one(void *values, const struct gyr_netdev_key *keys, unsigned key_count,
		     uint64_t *seen, const char *driver, const char *text, size_t offset)
{
	const char *start = text + offset;
	size_t name_length = strcspn(start, "=,");
	const char *value_start = start + name_length + (start[name_length] == '=');
	size_t length = start[name_length] == '=' ? value_length(value_start) : 0;
	size_t told = strlen(driver) + 1 + offset;
	char value[GYR_NETDEV_TEXT_MAX];
	char hint[80];

	for (unsigned i = 0; i < key_count; i++) {
		const struct gyr_netdev_key *key = &keys[i];

		if (strlen(key->name) != name_length || memcmp(key->name, start, name_length) != 0)
			continue;
		if ((*seen >> i & 1) != 0)
			GYR_FAIL(GYR_ERR_USAGE, "%s: key %s is given twice, offset %zu", driver,
				 key->name, told);
		*seen |= 1ull << i;
		if (length >= sizeof value)
			GYR_FAIL(GYR_ERR_USAGE, "%s: the value of %s is too long, offset %zu",
				 driver, key->name, told);
		memcpy(value, value_start, length);
		value[length] = '\0';
		if (start[name_length] != '=' && key->kind == GYR_NETDEV_KEY_FLAG)
			memcpy(value, "yes", 4);
		if (!parse_value((uint8_t *)values + key->offset, key, value))
			GYR_FAIL(GYR_ERR_USAGE, "%s: %s=%.*s is not %s, offset %zu", driver,
				 key->name, (int)length, value_start, expected(key, hint), told);
		return 0;
	}
	GYR_FAIL(GYR_ERR_USAGE, "%s: unknown key \"%.*s\", offset %zu", driver, (int)name_length,
		 start, told);
}

int gyr_netdev_keys_parse(void *values, const struct gyr_netdev_key *keys, unsigned key_count,
			  const char *driver, const char *text)
{
	uint64_t seen = 0;
	size_t offset = 0;

	gyr_assert(key_count <= KEY_COUNT_MAX);
	while (text[offset] != '\0') {
		GYR_TRY(parse_one(values, keys, key_count, &seen, driver, text, offset));
		offset += value_length(text + offset);
		if (text[offset] == ',' && text[++offset] == '\0')
			GYR_FAIL(GYR_ERR_USAGE, "%s: nothing follows the last comma, offset %zu",
				 driver, strlen(driver) + 1 + offset);
	}
	return 0;
}
