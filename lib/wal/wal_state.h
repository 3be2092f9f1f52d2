/* SPDX-License-Identifier: Apache-2.0 */
/* What the wal's two lanes share inside the module. */
#ifndef WAL_STATE_H
#define WAL_STATE_H

#include "gyr_wal.h"

/* Stops the wal for good; the first caller's reason stays. error: negative enum gyr_err. */
void wal_fail(struct gyr_wal *wal, int error, int system_error, uint64_t position);

/* Makes the cold lane's half ready; the current segment is open when it returns 0. */
int wal_prepare_init(struct gyr_wal *wal, const struct gyr_wal_end *end);

static inline int *wal_slot(struct gyr_wal *wal, uint64_t segment)
{
	return &wal->slots[segment % GYR_WAL_SEGMENT_RING];
}

#endif
