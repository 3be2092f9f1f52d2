/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_mem.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc_watch.h"
#include "gyr_err.h"

/* Since Linux 5.14; older C library headers lack it. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#define MAP_HUGE_2_MIB (21 << MAP_HUGE_SHIFT)

static void warn(struct gyr_mem *mem, const char *format, ...) GYR_PRINTF(2, 3);

static void warn(struct gyr_mem *mem, const char *format, ...)
{
	char text[sizeof mem->warnings[0]];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	for (unsigned i = 0; i < mem->warning_count; i++)
		if (strcmp(mem->warnings[i], text) == 0)
			return;
	if (mem->warning_count < GYR_MEM_WARNING_COUNT_MAX)
		memcpy(mem->warnings[mem->warning_count++], text, sizeof text);
}

void gyr_mem_open(struct gyr_mem *mem, const struct gyr_mem_options *options)
{
	memset(mem, 0, sizeof *mem);
	mem->options = *options;
	mem->state = GYR_MEM_OPEN;
}

/* Binds and populates; a negative errno where the pages are not to be had. */
static int settle(struct gyr_mem *mem, uint8_t *base, size_t size, int node)
{
	if (node >= 0) {
		unsigned long mask[GYR_MEM_NODE_COUNT_MAX / (8 * sizeof(unsigned long))] = { 0 };

		gyr_assert(node < GYR_MEM_NODE_COUNT_MAX);
		mask[(size_t)node / (8 * sizeof mask[0])] |=
			1ul << ((size_t)node % (8 * sizeof mask[0]));
		/* A kernel without NUMA (ENOSYS) or a container that forbids the call (EPERM) has
		 * one node as far as we can tell. */
		if (syscall(SYS_mbind, base, size, MPOL_BIND, mask, GYR_MEM_NODE_COUNT_MAX + 1, 0) <
		    0)
			warn(mem, "memory is not bound to node %d: %s", node, strerror(errno));
	}
	if (madvise(base, size, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno == EINVAL) {
		/* An older kernel: touch the pages ourselves. */
		for (size_t at = 0; at < size; at += 4096)
			base[at] = 0;
		return 0;
	}
	return -errno;
}

static void *map_huge(struct gyr_mem *mem, size_t size, int node)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2_MIB, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	/* The reservation covers all nodes together; the bound one may have too few: that shows
	 * here and not as a signal at the first touch. */
	if (settle(mem, base, size, node) < 0) {
		int saved = errno;

		(void)munmap(base, size);
		errno = saved;
		return NULL;
	}
	return base;
}

static int map_plain(struct gyr_mem *mem, void **out, size_t size, int node)
{
	uint8_t *base = mmap(NULL, size + GYR_MEM_HUGE_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head;
	int error;

	if (base == MAP_FAILED)
		GYR_FAIL(GYR_ERR_MEMORY, "cannot map %zu bytes on node %d: %s", size, node,
			 strerror(errno));
	/* Aligned as a hugepage, so that transparent ones may form where they are allowed. */
	head = (size_t)(gyr_round_up((uintptr_t)base, GYR_MEM_HUGE_PAGE_SIZE) - (uintptr_t)base);
	if (head > 0)
		(void)munmap(base, head);
	if (head < GYR_MEM_HUGE_PAGE_SIZE)
		(void)munmap(base + head + size, GYR_MEM_HUGE_PAGE_SIZE - head);
	base += head;
	(void)madvise(base, size, MADV_HUGEPAGE);
	error = settle(mem, base, size, node);
	if (error < 0) {
		(void)munmap(base, size);
		GYR_FAIL(GYR_ERR_MEMORY, "cannot populate %zu bytes on node %d: %s", size, node,
			 strerror(-error));
	}
	if (mem->options.lock && mlock(base, size) < 0)
		warn(mem, "plain pages are not locked (%s): raise memlock", strerror(errno));
	*out = base;
	return 0;
}

int gyr_mem_reserve(struct gyr_mem *mem, int node, uint64_t size)
{
	struct gyr_mem_area *area;
	void *base = NULL;
	bool huge = false;

	gyr_assert(mem->state == GYR_MEM_OPEN);
	gyr_assert(node >= GYR_MEM_NODE_ANY && node < GYR_MEM_NODE_COUNT_MAX);
	gyr_assert(size > 0);
	if (size > SIZE_MAX / 2)
		GYR_FAIL(GYR_ERR_MEMORY, "%llu bytes are beyond any machine",
			 (unsigned long long)size);
	size = gyr_round_up(size, GYR_MEM_HUGE_PAGE_SIZE);
	if (mem->options.bytes_max != 0 &&
	    size > mem->options.bytes_max - mem->bytes_huge - mem->bytes_plain)
		GYR_FAIL(GYR_ERR_MEMORY, "%llu bytes more exceed the limit of %llu",
			 (unsigned long long)size, (unsigned long long)mem->options.bytes_max);
	if (mem->area_count == GYR_MEM_AREA_COUNT_MAX)
		GYR_FAIL(GYR_ERR_MEMORY, "more than %d memory areas", GYR_MEM_AREA_COUNT_MAX);
	if (mem->options.huge != GYR_MEM_HUGE_NEVER) {
		base = map_huge(mem, size, node);
		huge = base != NULL;
		if (!huge && mem->options.huge == GYR_MEM_HUGE_MUST)
			GYR_FAIL(GYR_ERR_MEMORY, "no hugepages for %llu MiB on node %d: %s",
				 (unsigned long long)(size >> 20), node, strerror(errno));
		if (!huge)
			warn(mem, "plain pages instead of hugepages on node %d: %s", node,
			     strerror(errno));
	}
	if (!huge)
		GYR_TRY(map_plain(mem, &base, size, node));
	area = &mem->areas[mem->area_count++];
	*area = (struct gyr_mem_area){ .base = base, .size = size, .node = node, .huge = huge };
	if (huge)
		mem->bytes_huge += size;
	else
		mem->bytes_plain += size;
	return 0;
}

static bool carve_from(struct gyr_mem_area *area, void **out, size_t size, size_t alignment)
{
	size_t at = gyr_round_up(area->used, alignment);

	if (at > area->size || size > area->size - at)
		return false;
	area->used = at + size;
	*out = area->base + at;
	return true;
}

int gyr_mem_carve(struct gyr_mem *mem, void **out, const char *name, int node, size_t size,
		  size_t alignment)
{
	struct gyr_mem_area *area = NULL;
	struct gyr_mem_region *region;

	gyr_assert(mem->state == GYR_MEM_OPEN);
	gyr_assert(size > 0);
	gyr_assert(alignment == 0 || gyr_is_power_of_two(alignment));
	gyr_assert(alignment <= GYR_MEM_HUGE_PAGE_SIZE);
	/* Users are kept a line apart, so that none shares one with another's owner. */
	alignment = alignment < GYR_CACHE_LINE ? GYR_CACHE_LINE : alignment;
	if (mem->region_count == GYR_MEM_REGION_COUNT_MAX)
		GYR_FAIL(GYR_ERR_MEMORY, "more than %d memory regions (%s)",
			 GYR_MEM_REGION_COUNT_MAX, name);
	for (unsigned i = 0; i < mem->area_count && area == NULL; i++)
		if (mem->areas[i].node == node && carve_from(&mem->areas[i], out, size, alignment))
			area = &mem->areas[i];
	if (area == NULL) {
		int error = gyr_mem_reserve(mem, node, size);

		if (error < 0)
			return gyr_err_add(error, __FILE__, __LINE__, "carving %zu bytes for %s",
					   size, name);
		area = &mem->areas[mem->area_count - 1];
		gyr_assert(carve_from(area, out, size, alignment));
	}
	region = &mem->regions[mem->region_count++];
	(void)snprintf(region->name, sizeof region->name, "%s", name);
	region->address = *out;
	region->size = size;
	region->node = node;
	region->huge = area->huge;
	return 0;
}

void gyr_mem_seal(struct gyr_mem *mem)
{
	gyr_assert(mem->state == GYR_MEM_OPEN);
	mem->state = GYR_MEM_SEALED;
	alloc_watch_arm();
}

void gyr_mem_closing(struct gyr_mem *mem)
{
	gyr_assert(mem->state != GYR_MEM_CLOSED);
	if (mem->state == GYR_MEM_SEALED)
		alloc_watch_disarm();
	mem->state = GYR_MEM_CLOSING;
}

void gyr_mem_close(struct gyr_mem *mem)
{
	if (mem->state == GYR_MEM_CLOSED)
		return;
	gyr_mem_closing(mem);
	for (unsigned i = 0; i < mem->area_count; i++)
		(void)munmap(mem->areas[i].base, mem->areas[i].size);
	mem->state = GYR_MEM_CLOSED;
	mem->area_count = 0;
	mem->region_count = 0;
}

void gyr_mem_print(const struct gyr_mem *mem, FILE *to)
{
	for (unsigned i = 0; i < mem->region_count; i++) {
		const struct gyr_mem_region *region = &mem->regions[i];

		(void)fprintf(to, "%-40s %12zu B  node %2d  %s\n", region->name, region->size,
			      region->node, region->huge ? "hugepages" : "plain pages");
	}
	(void)fprintf(to, "%-40s %12llu B  in hugepages, %llu B in plain pages\n", "total mapped",
		      (unsigned long long)mem->bytes_huge, (unsigned long long)mem->bytes_plain);
	for (unsigned i = 0; i < mem->warning_count; i++)
		(void)fprintf(to, "warning: %s\n", mem->warnings[i]);
}
