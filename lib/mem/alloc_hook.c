/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation of the process passes here. In a plain build this file defines the malloc family
 * itself, in front of the C library's own (glibc lets a program replace it; its entry points keep
 * their __libc_ names). Under a sanitizer, whose allocator must stay in place, the sanitizer's
 * hooks call us instead.
 */
#include "alloc_watch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "gyr_mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/* Written by the starting thread at the seal and the closing, read by every allocation. Relaxed:
 * lanes are started after the seal, and a lane that sees the closing late only asserts a breach. */
static atomic_int sealed_count;
static _Thread_local bool thread_is_data_lane;
static _Thread_local uint64_t thread_allocation_count;

static void refuse(const char *what)
{
	/* The report itself may allocate. */
	thread_is_data_lane = false;
	gyr_assert_failed(what, __FILE__, __LINE__);
}

static inline void watch_allocation(void)
{
	thread_allocation_count++;
	if (GYR_UNLIKELY(thread_is_data_lane) &&
	    atomic_load_explicit(&sealed_count, memory_order_relaxed) > 0)
		refuse("allocation on a data lane after the seal");
}

static inline void watch_free(const void *pointer)
{
	if (GYR_UNLIKELY(thread_is_data_lane) && pointer != NULL &&
	    atomic_load_explicit(&sealed_count, memory_order_relaxed) > 0)
		refuse("free on a data lane after the seal");
}

void gyr_mem_data_lane_set(bool data_lane)
{
	thread_is_data_lane = data_lane;
}

bool gyr_mem_data_lane(void)
{
	return thread_is_data_lane;
}

uint64_t gyr_mem_allocation_count(void)
{
	return thread_allocation_count;
}

void alloc_watch_disarm(void)
{
	int before = atomic_fetch_sub_explicit(&sealed_count, 1, memory_order_relaxed);

	gyr_assert(before > 0);
}

#ifdef UNDER_SANITIZER

int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *));

static void hook_malloc(const volatile void *pointer, size_t size)
{
	(void)pointer;
	(void)size;
	watch_allocation();
}

static void hook_free(const volatile void *pointer)
{
	watch_free((const void *)pointer);
}

void alloc_watch_arm(void)
{
	static atomic_flag installed = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set_explicit(&installed, memory_order_relaxed))
		(void)__sanitizer_install_malloc_and_free_hooks(hook_malloc, hook_free);
	atomic_fetch_add_explicit(&sealed_count, 1, memory_order_relaxed);
}

#else

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *pointer);
void *memalign(size_t alignment, size_t size);

void alloc_watch_arm(void)
{
	atomic_fetch_add_explicit(&sealed_count, 1, memory_order_relaxed);
}

/* The C library names these parameters with reserved identifiers, which are not ours to use.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
void *malloc(size_t size)
{
	watch_allocation();
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	watch_allocation();
	return __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	watch_allocation();
	return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size)
{
	watch_allocation();
	return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	watch_allocation();
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *pointer;

	if (!gyr_is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
		return EINVAL;
	watch_allocation();
	pointer = __libc_memalign(alignment, size);
	if (pointer == NULL)
		return ENOMEM;
	*out = pointer;
	return 0;
}

void free(void *pointer)
{
	watch_free(pointer);
	__libc_free(pointer);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#endif
