/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in memory for the simulator and tests. Its disk outlives the store that is opened on it;
 * a cut (power loss or kill) leaves what was committed, and of a commit that was under way either
 * all or nothing, as the class promises. One thread. Rows lie in sorted arrays: made for thousands
 * of them, not for millions.
 */
#ifndef GYR_STORE_SIM_H
#define GYR_STORE_SIM_H

#include "gyr_store.h"

struct gyr_store_sim_disk;

struct gyr_store_sim_faults {
	uint32_t fail_commit_one_in; /* a commit answers GYR_ERR_IO and leaves nothing; 0: never */
	uint64_t row_count_max;	     /* beyond, put answers GYR_ERR_LIMIT; 0: no limit */
};

/* NULL when there is no memory. */
struct gyr_store_sim_disk *gyr_store_sim_disk_make(uint64_t seed);
void gyr_store_sim_disk_free(struct gyr_store_sim_disk *disk);

struct gyr_store_sim_faults *gyr_store_sim_disk_faults(struct gyr_store_sim_disk *disk);

/* Commits that became durable so far. */
uint64_t gyr_store_sim_disk_commits(const struct gyr_store_sim_disk *disk);

/* Everything is gone: an operator deleted the directory. No store is open. */
void gyr_store_sim_disk_clear(struct gyr_store_sim_disk *disk);

/* config.context is the disk. */
extern const struct gyr_store_ops gyr_store_sim;

#endif
