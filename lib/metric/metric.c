/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_metric.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_rng.h"

static void fill_header(struct gyr_metric_area *area, const char *version, uint64_t utc_ns,
			uint64_t instance_id)
{
	area->header.magic = GYR_METRIC_MAGIC;
	area->header.layout_hash = GYR_METRIC_LAYOUT_HASH;
	area->header.size = sizeof *area;
	area->header.instance_id = instance_id;
	area->header.pid = (uint64_t)getpid();
	area->header.start_utc_ns = utc_ns;
	(void)snprintf(area->header.version, sizeof area->header.version, "%s", version);
	gyr_metric_set(&area->header.heartbeat_utc_ns, utc_ns);
}

static int map_file(struct gyr_metric *metric, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	void *area;

	if (fd < 0)
		GYR_FAIL(GYR_ERR_IO, "cannot create %s: %s", path, strerror(errno));
	if (posix_fallocate(fd, 0, sizeof *metric->area) != 0 ||
	    (area = mmap(NULL, sizeof *metric->area, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, fd, 0)) == MAP_FAILED) {
		(void)close(fd);
		(void)unlink(path);
		GYR_FAIL(GYR_ERR_IO, "no room for %zu bytes of metrics in %s", sizeof *metric->area,
			 path);
	}
	(void)close(fd);
	metric->area = area;
	return 0;
}

/* Points the data directory's link at the new file, in one step. */
static int put_link(const char *target, const char *link_path)
{
	char temporary[320];

	(void)snprintf(temporary, sizeof temporary, "%s.new", link_path);
	(void)unlink(temporary);
	if (symlink(target, temporary) < 0 || rename(temporary, link_path) < 0)
		GYR_FAIL(GYR_ERR_IO, "cannot make the link %s: %s", link_path, strerror(errno));
	return 0;
}

/* The old run's file, which nobody will write again; its readers keep their mapping. */
static void remove_old(const char *link_path)
{
	char target[300];
	ssize_t length = readlink(link_path, target, sizeof target - 1);

	if (length <= 0)
		return;
	target[length] = '\0';
	if (strncmp(target, "/dev/shm/gyr-", 13) == 0 && strchr(target + 13, '/') == NULL)
		(void)unlink(target);
}

static int create_shared(struct gyr_metric *metric, const char *directory, const char *version,
			 uint64_t utc_ns, uint64_t instance_id)
{
	struct stat info;
	char link_path[300];
	char temporary[320];

	if (strlen(directory) > 200)
		GYR_FAIL(GYR_ERR_CONFIG, "the data directory's path is longer than 200 bytes");
	(void)snprintf(link_path, sizeof link_path, "%s/metrics", directory);
	if (stat("/dev/shm", &info) == 0 && access("/dev/shm", W_OK) == 0) {
		(void)snprintf(metric->path, sizeof metric->path, "/dev/shm/gyr-%016llx",
			       (unsigned long long)instance_id);
		GYR_TRY(map_file(metric, metric->path));
		fill_header(metric->area, version, utc_ns, instance_id);
		remove_old(link_path);
		memcpy(metric->link, link_path, sizeof metric->link);
		return put_link(metric->path, link_path);
	}
	(void)snprintf(temporary, sizeof temporary, "%s.new", link_path);
	(void)unlink(temporary);
	GYR_TRY(map_file(metric, temporary));
	fill_header(metric->area, version, utc_ns, instance_id);
	if (rename(temporary, link_path) < 0)
		GYR_FAIL(GYR_ERR_IO, "cannot create %s: %s", link_path, strerror(errno));
	memcpy(metric->path, link_path, sizeof metric->path);
	return 0;
}

int gyr_metric_create(struct gyr_metric *metric, const char *directory, const char *version,
		      uint64_t utc_ns)
{
	uint64_t instance_id;
	void *area;

	memset(metric, 0, sizeof *metric);
	GYR_TRY(gyr_rng_entropy(&instance_id, sizeof instance_id));
	if (directory != NULL) {
		int error = create_shared(metric, directory, version, utc_ns, instance_id);

		if (error < 0)
			gyr_metric_close(metric);
		return error;
	}
	area = mmap(NULL, sizeof *metric->area, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area == MAP_FAILED)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for metrics: %s", strerror(errno));
	metric->area = area;
	fill_header(metric->area, version, utc_ns, instance_id);
	return 0;
}

void gyr_metric_close(struct gyr_metric *metric)
{
	if (metric->area == NULL)
		return;
	gyr_metric_set(&metric->area->header.ended, 1);
	(void)munmap(metric->area, sizeof *metric->area);
	metric->area = NULL;
}

void gyr_metric_label(char label[GYR_METRIC_LABEL_MAX], const char *text)
{
	(void)snprintf(label, GYR_METRIC_LABEL_MAX, "%s", text);
}
