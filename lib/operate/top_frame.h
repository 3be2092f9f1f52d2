/* SPDX-License-Identifier: Apache-2.0 */
/* One picture of a server from two copies of its metrics, some time apart. */
#ifndef TOP_FRAME_H
#define TOP_FRAME_H

#include <stdio.h>

#include "gyr_operate.h"

struct top_sample {
	uint64_t utc_ns;
	struct gyr_metric_area area;
};

/* Copies the area value by value. */
void top_sample_take(struct top_sample *sample, const struct gyr_metric_area *area);

struct top_style {
	bool color;
	bool since_start; /* totals and latencies of the whole run, not of the interval */
	unsigned columns;
	unsigned rows; /* fewer than 36: what did nothing is left out */
};

void top_frame_print(const struct top_sample *now, const struct top_sample *before,
		     const struct top_style *style, FILE *to);
void top_frame_json(const struct top_sample *now, const struct top_sample *before, FILE *to);

#endif
