/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target is one file with LLVMFuzzerTestOneInput that includes this. Built with -Dfuzz=true
 * under clang it is a libFuzzer program. Built as usual this header gives it a main that replays
 * every file of tests/fuzz/corpus/<name>, then seeded mutations of each (GYR_FUZZ_MUTATIONS of
 * them, 300 by default), so that every test run takes the target over bad ground. A crash or a
 * failed assertion is the finding; the seed and file that led there are printed before the input
 * is run when GYR_FUZZ_VERBOSE is set.
 */
#ifndef GYR_FUZZ_H
#define GYR_FUZZ_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef GYR_LIBFUZZER

#define GYR_FUZZ_INPUT_MAX (256u << 10)

static uint64_t gyr_fuzz_random_(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* One to four edits in place; returns the new size. */
static size_t gyr_fuzz_mutate_(uint8_t *data, size_t size, uint64_t *seed)
{
	unsigned edits = 1 + (unsigned)(gyr_fuzz_random_(seed) % 4);

	while (edits-- > 0 && size > 0) {
		size_t at = (size_t)(gyr_fuzz_random_(seed) % size);
		size_t from = (size_t)(gyr_fuzz_random_(seed) % size);
		size_t length = (size_t)(gyr_fuzz_random_(seed) % (size - from)) % 64 + 1;

		if (length > size - from)
			length = size - from;
		switch (gyr_fuzz_random_(seed) % 6) {
		case 0:
			data[at] ^= (uint8_t)(1u << (gyr_fuzz_random_(seed) % 8));
			break;
		case 1:
			data[at] = (uint8_t)gyr_fuzz_random_(seed);
			break;
		case 2: /* cut the end off */
			size = at;
			break;
		case 3: /* take a piece out */
			memmove(data + from, data + from + length, size - from - length);
			size -= length;
			break;
		case 4: /* copy a piece over another */
			if (length > size - at)
				length = size - at;
			memmove(data + at, data + from, length);
			break;
		default: /* put a piece in twice */
			if (size + length > GYR_FUZZ_INPUT_MAX)
				break;
			memmove(data + from + length, data + from, size - from);
			size += length;
			break;
		}
	}
	return size;
}

/* On an allocation of its own length, so that a sanitizer sees the first byte beyond. */
static void gyr_fuzz_run_(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int gyr_fuzz_file_(const char *path, const char *name, unsigned mutations)
{
	static uint8_t data[GYR_FUZZ_INPUT_MAX];
	static uint8_t mutated[GYR_FUZZ_INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (file == NULL)
		return -1;
	size = fread(data, 1, sizeof data, file);
	(void)fclose(file);
	gyr_fuzz_run_(data, size);
	for (unsigned i = 1; i <= mutations; i++) {
		const char *given = getenv("GYR_SEED");
		uint64_t seed = (given == NULL ? 0 : strtoull(given, NULL, 0)) + i;

		if (getenv("GYR_FUZZ_VERBOSE") != NULL)
			(void)fprintf(stderr, "# %s mutation %u\n", name, i);
		memcpy(mutated, data, size);
		gyr_fuzz_run_(mutated, gyr_fuzz_mutate_(mutated, size, &seed));
	}
	return 0;
}

int main(void)
{
	const char *root = getenv("GYR_SOURCE_ROOT");
	const char *wanted = getenv("GYR_FUZZ_MUTATIONS");
	unsigned mutations = wanted == NULL ? 300 : (unsigned)strtoul(wanted, NULL, 10);
	unsigned file_count = 0;
	char folder[2048];
	char path[4096];
	DIR *directory;
	const struct dirent *entry;

	(void)snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", root == NULL ? "." : root,
		       GYR_FUZZ_NAME);
	directory = opendir(folder);
	if (directory == NULL) {
		(void)printf("no corpus: %s\n", folder);
		return 1;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		if (gyr_fuzz_file_(path, entry->d_name, mutations) < 0)
			return 1;
		file_count++;
	}
	(void)closedir(directory);
	(void)printf("%u files, %u mutations of each\n", file_count, mutations);
	return file_count == 0;
}

#endif

#endif
