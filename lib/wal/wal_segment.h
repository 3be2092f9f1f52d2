/* SPDX-License-Identifier: Apache-2.0 */
/* Names of segment files: "log-" and the first position in sixteen hexadecimal digits; while one is
 * being filled, "new-" and the same. */
#ifndef WAL_SEGMENT_H
#define WAL_SEGMENT_H

#include "gyr_blockdev.h"

void wal_segment_name_new(char *to, uint64_t position);

/* Whether it is a segment's name, and whose. */
bool wal_segment_parse(const char *name, uint64_t *position);
bool wal_segment_parse_new(const char *name, uint64_t *position);

/* 1 and the file's size, 0 when there is none, or an error. */
int wal_segment_find(struct gyr_blockdev *dev, const char *name, uint64_t *size);

#endif
