/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device arguments: each driver declares its keys as a table and gets a filled struct. Text is
 * key=value,key=value; a value in square brackets may hold commas. Cold; for drivers and --help.
 */
#ifndef GYR_NETDEV_KEY_H
#define GYR_NETDEV_KEY_H

#include "gyr_base.h"

#define GYR_NETDEV_TEXT_MAX 256

enum gyr_netdev_key_kind {
	GYR_NETDEV_KEY_FLAG,	 /* bool: yes, no, or nothing for yes */
	GYR_NETDEV_KEY_NUMBER,	 /* uint64_t: decimal or 0x..., within [min, max] */
	GYR_NETDEV_KEY_TEXT,	 /* char[GYR_NETDEV_TEXT_MAX] */
	GYR_NETDEV_KEY_ADDRESS4, /* struct gyr_netdev_prefix */
	GYR_NETDEV_KEY_ADDRESS6, /* struct gyr_netdev_prefix */
	GYR_NETDEV_KEY_LINK,	 /* uint8_t[6]: 02:00:00:00:00:01 */
};

/* An address with its prefix length; given tells it from the default. */
struct gyr_netdev_prefix {
	uint8_t address[16]; /* IPv4 is mapped */
	uint8_t bits;	     /* of the family's own length: at most 32 or 128 */
	bool given;
};

/* One key: where its value goes in the driver's struct, and what --help says. */
struct gyr_netdev_key {
	const char *name;
	enum gyr_netdev_key_kind kind;
	size_t offset;
	uint64_t min, max; /* NUMBER only */
	const char *help;
};

/*
 * Fills values (defaults already there) from text, what follows "driver:". Every key at most once;
 * an unknown key, a bad value, or a repeated key is USAGE, naming the key and its offset counted
 * from the start of "driver:". At most 64 keys.
 */
GYR_MUST_USE int gyr_netdev_keys_parse(void *values, const struct gyr_netdev_key *keys,
				       unsigned key_count, const char *driver, const char *text);

#endif
