/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a program that does not allocate once it serves: open, sealed, closing. While open,
 * regions are carved for named users from areas that are bound to a NUMA node and backed by 2 MiB
 * hugepages where the system has any; where it has none, plain pages serve and a warning is kept.
 * Every page is populated when its area is mapped, so no data lane takes a page fault. Sealing ends
 * the carving; from then on an allocation by a thread that is marked as a data lane is a failed
 * assertion, malloc family and all. Closing lifts that again for the teardown.
 *
 * One struct gyr_mem per program, used by the thread that starts it. Limits: GYR_MEM_*_MAX below
 * and options.bytes_max; beyond them carving fails with GYR_ERR_MEMORY.
 *
 * Start-up and cold lanes use the C library's malloc. A second allocator with arenas per node
 * (jemalloc) was weighed and left out: all that is large or hot is carved here with its node named,
 * what remains is some kilobytes of cold lists, and a replaced malloc would cost the sanitizers.
 */
#ifndef GYR_MEM_H
#define GYR_MEM_H

#include <stdio.h>

#include "gyr_base.h"

#define GYR_MEM_REGION_COUNT_MAX  512
#define GYR_MEM_AREA_COUNT_MAX	  256
#define GYR_MEM_NODE_COUNT_MAX	  64
#define GYR_MEM_WARNING_COUNT_MAX 16
#define GYR_MEM_HUGE_PAGE_SIZE	  (2u << 20)

/* No particular node. */
#define GYR_MEM_NODE_ANY (-1)

enum gyr_mem_huge {
	GYR_MEM_HUGE_TRY,   /* hugepages, else plain pages with a warning */
	GYR_MEM_HUGE_NEVER, /* plain pages, no warning: tests, tools */
	GYR_MEM_HUGE_MUST,  /* hugepages, else GYR_ERR_MEMORY */
};

enum gyr_mem_state {
	GYR_MEM_CLOSED,
	GYR_MEM_OPEN,
	GYR_MEM_SEALED,
	GYR_MEM_CLOSING,
};

struct gyr_mem_options {
	enum gyr_mem_huge huge;
	bool lock; /* keep plain pages out of swap; a refusal is a warning */
	/* All areas together; 0 means no limit of ours. */
	uint64_t bytes_max;
};

/* Who holds what: kept for `gyrctl plan` and the start-up report. */
struct gyr_mem_region {
	char name[40];
	void *address;
	size_t size;
	int node;
	bool huge;
};

struct gyr_mem_area {
	uint8_t *base;
	size_t size;
	size_t used;
	int node;
	bool huge;
};

struct gyr_mem {
	struct gyr_mem_options options;
	enum gyr_mem_state state;
	struct gyr_mem_region regions[GYR_MEM_REGION_COUNT_MAX];
	struct gyr_mem_area areas[GYR_MEM_AREA_COUNT_MAX];
	char warnings[GYR_MEM_WARNING_COUNT_MAX][160];
	unsigned region_count;
	unsigned area_count;
	unsigned warning_count;
	uint64_t bytes_huge;
	uint64_t bytes_plain;
};

/* Opens an empty memory. The struct is large: make it static or allocate it. */
void gyr_mem_open(struct gyr_mem *mem, const struct gyr_mem_options *options);

/*
 * Maps one area of at least size bytes on a node, ahead of what will be carved from it: sizes are
 * known up front, so a program reserves each node's total once and a lack shows at once.
 */
GYR_MUST_USE int gyr_mem_reserve(struct gyr_mem *mem, int node, uint64_t size);

/*
 * Carves size > 0 bytes, zeroed, aligned to at least a cache line and to alignment (a power of two
 * up to 2 MiB, or 0), for the user `name`. Maps a further area where no reserved one has room.
 * Asserts that the memory is open.
 */
GYR_MUST_USE int gyr_mem_carve(struct gyr_mem *mem, void **out, const char *name, int node,
			       size_t size, size_t alignment);

/* Ends the carving and arms the allocation assertion. */
void gyr_mem_seal(struct gyr_mem *mem);

/* Disarms the assertion: the teardown may allocate and free. Nothing to do when not sealed. */
void gyr_mem_closing(struct gyr_mem *mem);

/* Unmaps everything; every pointer carved is void. */
void gyr_mem_close(struct gyr_mem *mem);

/* The regions as a table, and the warnings. */
void gyr_mem_print(const struct gyr_mem *mem, FILE *to);

/*
 * Marks the calling thread as a data lane, or not. Between the seal and the closing such a thread
 * asserts when it enters malloc, calloc, realloc, aligned_alloc, posix_memalign or free of
 * something. Lanes set it around their stages; a simulator sets it around each turn.
 */
void gyr_mem_data_lane_set(bool data_lane);
bool gyr_mem_data_lane(void);

/* Allocations that the calling thread has made so far: tests compare it before and after. */
uint64_t gyr_mem_allocation_count(void);

#endif
