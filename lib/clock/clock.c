/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_clock.h"

/* The words of the cell. */
enum { AT_NS, UTC_NS, ERROR_NS, SOURCE, WORD_COUNT };

struct gyr_clock_utc gyr_clock_utc_at(const struct gyr_clock *clock, uint64_t now_ns)
{
	uint64_t words[WORD_COUNT];
	uint64_t since_ns;

	/* Reading a cell changes nothing in it. The writer's turn is short and rare: this ends. */
	while (!gyr_cell_read(words, (struct gyr_cell *)(uintptr_t)&clock->utc, WORD_COUNT))
		;
	/* The turn's instant may lie just before the statement: the difference has a sign. */
	since_ns = now_ns >= words[AT_NS] ? now_ns - words[AT_NS] : words[AT_NS] - now_ns;
	return (struct gyr_clock_utc){
		.utc_ns = words[UTC_NS] + (now_ns - words[AT_NS]),
		.error_ns = (uint32_t)gyr_min_u64(words[ERROR_NS] + (since_ns >> 11),
						  GYR_CLOCK_ERROR_UNKNOWN_NS),
		.source = (enum gyr_clock_source)words[SOURCE],
	};
}

void gyr_clock_publish_utc(struct gyr_clock *clock, uint64_t now_ns,
			   const struct gyr_clock_utc *utc)
{
	uint64_t words[WORD_COUNT] = {
		[AT_NS] = now_ns,
		[UTC_NS] = utc->utc_ns,
		[ERROR_NS] = utc->error_ns,
		[SOURCE] = (uint64_t)utc->source,
	};

	gyr_cell_write(&clock->utc, words, WORD_COUNT);
}

int gyr_clock_sync(struct gyr_clock *clock)
{
	if (clock->ops->sync == NULL)
		return 0;
	return clock->ops->sync(clock);
}

const char *gyr_clock_source_name(enum gyr_clock_source source)
{
	switch (source) {
	case GYR_CLOCK_SOURCE_NTP:
		return "ntp";
	case GYR_CLOCK_SOURCE_PTP:
		return "ptp";
	case GYR_CLOCK_SOURCE_SIMULATED:
		return "simulated";
	case GYR_CLOCK_SOURCE_NONE:
		break;
	}
	return "none";
}
