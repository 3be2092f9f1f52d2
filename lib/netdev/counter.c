/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_netdev.h"

static const struct {
	const char *name;
	const char *text;
	size_t offset;
} table[] = {
#define ROW(name, text) { #name, text, offsetof(struct gyr_netdev_counters, name) },
	GYR_NETDEV_COUNTERS(ROW)
#undef ROW
};

unsigned gyr_netdev_counter_count(void)
{
	return (unsigned)GYR_COUNT(table);
}

const char *gyr_netdev_counter_name(unsigned index)
{
	return index < GYR_COUNT(table) ? table[index].name : NULL;
}

const char *gyr_netdev_counter_text(unsigned index)
{
	return index < GYR_COUNT(table) ? table[index].text : NULL;
}

uint64_t gyr_netdev_counter_value(const struct gyr_netdev_counters *counters, unsigned index)
{
	const _Atomic uint64_t *counter;

	gyr_assert(index < GYR_COUNT(table));
	counter = (const _Atomic uint64_t *)(const void *)((const uint8_t *)counters +
							   table[index].offset);
	/* Writer: the thread that drives the device, relaxed; a counter orders nothing. */
	return atomic_load_explicit(counter, memory_order_relaxed);
}
