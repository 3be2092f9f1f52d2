/* SPDX-License-Identifier: Apache-2.0 */
/* Between the planner's files. */
#ifndef PLAN_H
#define PLAN_H

#include "gyr_topo.h"

void plan_warn(struct gyr_topo_plan *plan, const char *format, ...) GYR_PRINTF(2, 3);

/* Fills the rows of memory, the nodes' sums, and warns where a node has too little. */
void plan_memory(struct gyr_topo_plan *plan, const struct gyr_conf *conf);

#endif
