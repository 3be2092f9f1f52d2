/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: counters, gauges and histograms as bare u64 in shared memory, described by metrics.toml.
 * The server creates the area and hands each stage a pointer to its own struct
 * (gyr_metric_lane(area, i) and so on, lines of its own); from then on publishing is a store. Other
 * processes attach read-only, at any time, as often as they like; the server never notices.
 *
 * The area is a file in /dev/shm (a page of a file on a disk would stall its writer at write-back)
 * that the data directory's link "metrics" names; where there is no /dev/shm it lies in the data
 * directory itself. A restart makes a new file with zeroed values and another instance id and puts
 * it in the old one's place; readers keep the old one until they refresh. Nothing is left of the
 * link when the server ends in order: the last values stay readable.
 */
#ifndef GYR_METRIC_H
#define GYR_METRIC_H

#include <stdio.h>

#include "gyr_metric_layout.h"

enum gyr_metric_kind {
	GYR_METRIC_COUNTER,
	GYR_METRIC_GAUGE,
	GYR_METRIC_HISTOGRAM, /* struct gyr_metric_histogram */
	GYR_METRIC_VERDICTS,  /* 256 counters, by enum gyr_verdict */
};

struct gyr_metric_descriptor {
	const char *name;
	const char *text;
	enum gyr_metric_kind kind;
	size_t offset; /* in an instance */
};

struct gyr_metric_group {
	const char *name;
	const char *label; /* what an instance is */
	const char *text;
	size_t offset; /* of instance 0 in the area */
	size_t stride;
	unsigned instance_count_max;
	unsigned metric_count;
	const struct gyr_metric_descriptor *metrics;
};

extern const struct gyr_metric_group gyr_metric_groups[];
extern const unsigned gyr_metric_group_count;

/* NULL for a number that is no verdict. */
const char *gyr_metric_verdict_name(unsigned verdict);

/* The writer's side, one per process. */
struct gyr_metric {
	struct gyr_metric_area *area;
	char path[300]; /* of the file; "" for private memory */
	char link[300]; /* in the data directory; "" where the file itself lies there */
};

/*
 * Creates the area for the server of a data directory; NULL makes private memory, for tests, the
 * simulator and embedded use. All pages are present when it returns.
 */
GYR_MUST_USE int gyr_metric_create(struct gyr_metric *metric, const char *directory,
				   const char *version, uint64_t utc_ns);

/* Marks the area ended and unmaps it. */
void gyr_metric_close(struct gyr_metric *metric);

/* Names an instance, before its thread starts; it is shown from then on. Cut to 23 bytes. */
void gyr_metric_label(char label[GYR_METRIC_LABEL_MAX], const char *text);

/* The one writer of a value. Relaxed: nothing is ordered by a metric. */
static inline void gyr_metric_set(_Atomic uint64_t *value, uint64_t to)
{
	atomic_store_explicit(value, to, memory_order_relaxed);
}

static inline void gyr_metric_add(_Atomic uint64_t *value, uint64_t amount)
{
	gyr_metric_set(value, atomic_load_explicit(value, memory_order_relaxed) + amount);
}

static inline void gyr_metric_record(struct gyr_metric_histogram *histogram, uint64_t ns)
{
	uint32_t index = gyr_hist_index(GYR_METRIC_PRECISION_BITS, ns);

	if (GYR_UNLIKELY(index >= GYR_METRIC_BUCKET_COUNT))
		index = GYR_METRIC_BUCKET_COUNT - 1;
	gyr_metric_add(&histogram->buckets[index], 1);
	gyr_metric_add(&histogram->count, 1);
	gyr_metric_add(&histogram->sum, ns);
	if (ns > atomic_load_explicit(&histogram->max, memory_order_relaxed))
		gyr_metric_set(&histogram->max, ns);
}

/* Copies a module's own counters, whose struct has the order of its X list, into its group. */
static inline void gyr_metric_copy(_Atomic uint64_t *to, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		gyr_metric_set(&to[i], from[i]);
}

static inline uint64_t gyr_metric_get(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* A reader's view. */
struct gyr_metric_reader {
	const struct gyr_metric_area *area;
	char path[300];
	uint64_t file_id; /* inode: tells a new area from the old */
};

/*
 * Attaches to the server of a data directory. GYR_ERR_IO when there is no area (no server has run
 * there), GYR_ERR_UNSUPPORTED when it is of another build, GYR_ERR_DATA when it is none at all.
 */
GYR_MUST_USE int gyr_metric_attach(struct gyr_metric_reader *reader, const char *directory);

/* Attaches anew when the server has been restarted: 1 then, 0 when not. The old area stays when
 * there is an error. */
GYR_MUST_USE int gyr_metric_refresh(struct gyr_metric_reader *reader);

void gyr_metric_detach(struct gyr_metric_reader *reader);

/* The address of an instance; NULL where the instance has no label. */
const uint8_t *gyr_metric_instance(const struct gyr_metric_area *area,
				   const struct gyr_metric_group *group, unsigned index);

static inline const char *gyr_metric_instance_label(const uint8_t *instance)
{
	return (const char *)instance;
}

/* One value of an instance; of counters and gauges. */
uint64_t gyr_metric_value(const uint8_t *instance, const struct gyr_metric_descriptor *metric);

/* A copy of a histogram as lib/hist knows it, into memory of GYR_METRIC_BUCKET_COUNT words. */
struct gyr_hist gyr_metric_hist(const struct gyr_metric_histogram *histogram,
				uint64_t counts[GYR_METRIC_BUCKET_COUNT]);

/* Everything in Prometheus' text format 0.0.4. */
void gyr_metric_write_prometheus(const struct gyr_metric_area *area, FILE *to);

#endif
