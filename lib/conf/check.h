/* SPDX-License-Identifier: Apache-2.0 */
/* What no single field can say of itself: stages, lanes, and fields that depend on each other. */
#ifndef CHECK_H
#define CHECK_H

#include "document.h"

/* "verify 1" to a stage; NULL, or what is wrong with it. */
const char *check_stage(struct gyr_conf_stage *stage, const char *text);

/* The whole, all fields being set. GYR_ERR_CONFIG with the place. */
int check_whole(struct document *document, const struct gyr_conf *conf);

#endif
