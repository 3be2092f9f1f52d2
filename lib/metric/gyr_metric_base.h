/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the generated layout is made of: the shared memory's header and the histogram. Every value
 * is a u64 with one writer, stored relaxed; a reader in another process loads it relaxed and sees
 * each value whole, no two of them consistent with each other.
 */
#ifndef GYR_METRIC_BASE_H
#define GYR_METRIC_BASE_H

#include <stdatomic.h>

#include "gyr_base.h"
#include "gyr_hist.h"

#define GYR_METRIC_LABEL_MAX 24 /* terminator included */
#define GYR_METRIC_MAGIC     0x3130525459475947u

/* Histograms of nanoseconds: 3 % up to 68 s. */
#define GYR_METRIC_PRECISION_BITS 5
#define GYR_METRIC_RANGE_BITS	  36
#define GYR_METRIC_BUCKET_COUNT                                                                    \
	((GYR_METRIC_RANGE_BITS - GYR_METRIC_PRECISION_BITS + 1) << GYR_METRIC_PRECISION_BITS)

struct gyr_metric_header {
	alignas(4096) uint64_t magic;
	uint64_t layout_hash; /* readers of another build refuse */
	uint64_t size;	      /* of the whole, in bytes */
	uint64_t instance_id; /* random: another run, another id */
	uint64_t pid;
	uint64_t start_utc_ns;
	char version[32];
	/* Stored by the writer's metrics stage some times a second, loaded by readers: relaxed. */
	_Atomic uint64_t heartbeat_utc_ns;
	/* Stored once at an orderly end; a reader that sees neither this nor a heartbeat for
	 * seconds looks at a process that died. */
	_Atomic uint64_t ended;
};

struct gyr_metric_histogram {
	_Atomic uint64_t count;
	_Atomic uint64_t sum;
	_Atomic uint64_t max;
	_Atomic uint64_t buckets[GYR_METRIC_BUCKET_COUNT];
};

#endif
