/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_wal_reader.h"
#include "wal_segment.h"

#define PREFIX_LENGTH 4
#define DIGIT_COUNT   16

void gyr_wal_segment_name(char *to, uint64_t position)
{
	(void)snprintf(to, GYR_BLOCKDEV_NAME_LENGTH_MAX + 1, "log-%016llx",
		       (unsigned long long)position);
}

void wal_segment_name_new(char *to, uint64_t position)
{
	(void)snprintf(to, GYR_BLOCKDEV_NAME_LENGTH_MAX + 1, "new-%016llx",
		       (unsigned long long)position);
}

static bool parse(const char *name, const char *prefix, uint64_t *position)
{
	uint64_t value = 0;

	if (strlen(name) != PREFIX_LENGTH + DIGIT_COUNT || memcmp(name, prefix, PREFIX_LENGTH) != 0)
		return false;
	for (unsigned i = 0; i < DIGIT_COUNT; i++) {
		char digit = name[PREFIX_LENGTH + i];

		if (digit >= '0' && digit <= '9')
			value = value << 4 | (uint64_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			value = value << 4 | (uint64_t)(digit - 'a' + 10);
		else
			return false;
	}
	*position = value;
	return true;
}

bool wal_segment_parse(const char *name, uint64_t *position)
{
	return parse(name, "log-", position);
}

bool wal_segment_parse_new(const char *name, uint64_t *position)
{
	return parse(name, "new-", position);
}

struct query {
	const char *name;
	uint64_t size;
	bool found;
};

static void look(void *user, const struct gyr_blockdev_file *file)
{
	struct query *query = user;

	if (strcmp(file->name, query->name) != 0)
		return;
	query->found = true;
	query->size = file->size;
}

int wal_segment_find(struct gyr_blockdev *dev, const char *name, uint64_t *size)
{
	struct query query = { .name = name };

	GYR_TRY(gyr_blockdev_list(dev, look, &query));
	*size = query.size;
	return query.found ? 1 : 0;
}
