/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block driver for production: io_uring. Files are opened with O_DIRECT, every write carries
 * RWF_DSYNC, files and the log ring's memory are registered, and the ring is restricted to just
 * that: writes of its one opcode to registered files. No call of the data half waits for the disk;
 * submit is one system call.
 *
 * The lock file is registered too: should the process die, the kernel gives the lock up only when
 * it has torn the ring down, after the last write in flight; a successor never races with them.
 *
 * Where the kernel, its policy or the file system does not have all this, open fails with
 * GYR_ERR_UNSUPPORTED and says what is missing; gyr_blockdev_open then takes the next driver.
 * Memory that cannot be registered (RLIMIT_MEMLOCK) is written from unregistered; describe says so.
 * The buffer is at most 1 GiB, a limit of the kernel's.
 */
#ifndef GYR_BLOCK_URING_H
#define GYR_BLOCK_URING_H

#include "gyr_blockdev.h"

extern const struct gyr_blockdev_ops gyr_block_uring;

#endif
