/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory for the simulator and the tests. It outlives the device: a power cut closes
 * every device on it and leaves what real media could hold. Everything it does follows from its
 * seed and the calls it gets; one thread.
 *
 * Modelled: writes of 512-byte sectors that complete in any order after any number of polls; at a
 * power cut, of every write that was not acknowledged any subset of its sectors is there, and
 * directory changes since the last sync_directory are there up to any point of their order, as with
 * a journaling file system; failing and short writes, a full disk, failing reads, rot. Not
 * modelled: acknowledged writes that are lost (a disk that lies) unless `lies` asks for it, so
 * that tests can show that they would notice.
 */
#ifndef GYR_BLOCK_SIM_H
#define GYR_BLOCK_SIM_H

#include "gyr_blockdev.h"

struct gyr_block_sim_disk;

struct gyr_block_sim_faults {
	uint64_t capacity;	    /* bytes of all files; beyond, fill answers DISK_FULL */
	uint32_t poll_delay_max;    /* a write completes after 0..this many polls */
	uint32_t short_one_in;	    /* a write is cut short once in so many; 0: never */
	uint32_t fail_write_number; /* this write (from 1) fails with EIO, half done; 0: none */
	uint32_t fail_read_one_in;
	bool frozen; /* nothing completes: the disk hangs */
	bool lies;   /* acknowledges without making durable */
};

struct gyr_block_sim_statistics {
	uint64_t writes_queued;
	uint64_t writes_acknowledged;
	uint64_t bytes_acknowledged;
	uint64_t acknowledged_unflushed; /* nonzero only when it lies */
	uint64_t writes_unprepared;	 /* to sectors that were never filled and synced */
	uint64_t in_flight_max_seen;
};

/* NULL when there is no memory. */
struct gyr_block_sim_disk *gyr_block_sim_disk_make(uint64_t seed);
void gyr_block_sim_disk_free(struct gyr_block_sim_disk *disk);

/* What goes wrong from now on; may be changed at any time. */
struct gyr_block_sim_faults *gyr_block_sim_disk_faults(struct gyr_block_sim_disk *disk);
const struct gyr_block_sim_statistics *gyr_block_sim_disk_statistics(
	const struct gyr_block_sim_disk *disk);

/*
 * The power goes now: open devices become dead (only close and file_close may be called), the
 * disk is what survived. `torn` false: kill -9 instead, where the kernel finishes every write that
 * it was given.
 */
void gyr_block_sim_disk_cut(struct gyr_block_sim_disk *disk, bool torn);

/* Bytes of a file as they are on the medium, for tests to look at and to damage; NULL when there is
 * no such file. */
uint8_t *gyr_block_sim_disk_bytes(struct gyr_block_sim_disk *disk, const char *name,
				  uint64_t *size);

/* config.context is the disk. */
extern const struct gyr_blockdev_ops gyr_block_sim;

#endif
