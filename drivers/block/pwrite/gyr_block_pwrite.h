/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block driver that works everywhere: pwritev2 with RWF_DSYNC. With config.helper_count from 1
 * to 4, that many helper threads of its own write, so that the data lane never waits for the disk
 * (waking a sleeping helper costs it one futex call); with 0 the calling thread writes in queue and
 * blocks there: for tests and tools. O_DIRECT where the file system takes it, else through the page
 * cache.
 */
#ifndef GYR_BLOCK_PWRITE_H
#define GYR_BLOCK_PWRITE_H

#include "gyr_blockdev.h"

extern const struct gyr_blockdev_ops gyr_block_pwrite;

#endif
