/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads Ethereum's official vectors (gyr_test_vectors: $GYR_VECTORS): every JSON file of one
 * archive, packed as NAME.tar.xz or unpacked as a folder NAME. Files come one at a time, parsed,
 * and are freed after the visit.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* path is the file's inside the archive, without a leading "./". root is the visitor's to read. */
typedef void vectors_visit(void *context, const char *path, json_t *root);

/*
 * Visits each file whose path contains `part` (all for ""). Returns how many were visited; -1 with
 * a line printed when there is no such archive: the test exits with GYR_TEST_SKIP. A file that does
 * not parse ends the program.
 */
long vectors_each(const char *name, const char *part, vectors_visit *visit, void *context);

/*
 * Bytes of a hexadecimal string, with or without 0x, into memory of at least strlen / 2; returns
 * the length, or SIZE_MAX when it is no hexadecimal string.
 */
size_t vectors_unhex(uint8_t *to, const char *text);

#endif
