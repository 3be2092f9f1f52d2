/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_metric.h"

static int judge(const struct gyr_metric_header *header, const char *path)
{
	if (header->magic != GYR_METRIC_MAGIC)
		GYR_FAIL(GYR_ERR_DATA, "%s holds no metrics", path);
	if (header->layout_hash != GYR_METRIC_LAYOUT_HASH ||
	    header->size != sizeof(struct gyr_metric_area))
		GYR_FAIL(GYR_ERR_UNSUPPORTED,
			 "%s is of another build (%.31s): use that build's programs", path,
			 header->version);
	return 0;
}

int gyr_metric_attach(struct gyr_metric_reader *reader, const char *directory)
{
	struct stat info;
	void *area;
	int error;
	int fd;

	memset(reader, 0, sizeof *reader);
	if (snprintf(reader->path, sizeof reader->path, "%s/metrics", directory) >=
	    (int)sizeof reader->path)
		GYR_FAIL(GYR_ERR_USAGE, "the data directory's path is too long");
	fd = open(reader->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		GYR_FAIL(GYR_ERR_IO, "no metrics at %s (%s): has a server run there?", reader->path,
			 strerror(errno));
	/* At least the header, or what is mapped of the area may lie beyond the file's end. */
	if (fstat(fd, &info) < 0 || info.st_size < (off_t)sizeof(struct gyr_metric_header)) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_DATA, "%s holds no metrics", reader->path);
	}
	area = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (area == MAP_FAILED)
		GYR_FAIL(GYR_ERR_IO, "cannot map %s: %s", reader->path, strerror(errno));
	error = judge(area, reader->path);
	if (error == 0 && info.st_size != (off_t)sizeof(struct gyr_metric_area))
		error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__, "%s is cut short",
				     reader->path);
	if (error < 0) {
		(void)munmap(area, (size_t)info.st_size);
		return error;
	}
	reader->area = area;
	reader->file_id = (uint64_t)info.st_ino;
	return 0;
}

int gyr_metric_refresh(struct gyr_metric_reader *reader)
{
	struct gyr_metric_reader fresh;
	char directory[300];
	struct stat info;

	if (stat(reader->path, &info) < 0 || (uint64_t)info.st_ino == reader->file_id)
		return 0;
	(void)snprintf(directory, sizeof directory, "%.*s",
		       (int)(strlen(reader->path) - strlen("/metrics")), reader->path);
	GYR_TRY(gyr_metric_attach(&fresh, directory));
	gyr_metric_detach(reader);
	*reader = fresh;
	return 1;
}

void gyr_metric_detach(struct gyr_metric_reader *reader)
{
	if (reader->area != NULL)
		(void)munmap((void *)(uintptr_t)reader->area, sizeof *reader->area);
	reader->area = NULL;
}

const uint8_t *gyr_metric_instance(const struct gyr_metric_area *area,
				   const struct gyr_metric_group *group, unsigned index)
{
	const uint8_t *instance = (const uint8_t *)area + group->offset + index * group->stride;

	gyr_assert(index < group->instance_count_max);
	return instance[0] == '\0' ? NULL : instance;
}

uint64_t gyr_metric_value(const uint8_t *instance, const struct gyr_metric_descriptor *metric)
{
	gyr_assert(metric->kind == GYR_METRIC_COUNTER || metric->kind == GYR_METRIC_GAUGE);
	return gyr_metric_get((const _Atomic uint64_t *)(const void *)(instance + metric->offset));
}

struct gyr_hist gyr_metric_hist(const struct gyr_metric_histogram *histogram,
				uint64_t counts[GYR_METRIC_BUCKET_COUNT])
{
	struct gyr_hist hist;

	gyr_hist_init(&hist, counts, GYR_METRIC_PRECISION_BITS, GYR_METRIC_RANGE_BITS);
	hist.sum = gyr_metric_get(&histogram->sum);
	hist.max = gyr_metric_get(&histogram->max);
	/* The total is what the buckets say: a value may be recorded between two loads. */
	for (uint32_t i = 0; i < GYR_METRIC_BUCKET_COUNT; i++) {
		counts[i] = gyr_metric_get(&histogram->buckets[i]);
		if (counts[i] > 0 && hist.total == 0)
			hist.min = gyr_hist_low(GYR_METRIC_PRECISION_BITS, i);
		hist.total += counts[i];
	}
	return hist;
}
