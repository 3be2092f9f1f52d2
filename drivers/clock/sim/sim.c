/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_clock_sim.h"

#define START_NS 1000000000u

static uint64_t sim_now_ns(const struct gyr_clock *clock)
{
	const struct gyr_clock_sim *sim = clock->self;

	return sim->now_ns;
}

static int sim_sync(struct gyr_clock *clock)
{
	const struct gyr_clock_sim *sim = clock->self;
	struct gyr_clock_utc utc = {
		.utc_ns = sim->now_ns + (uint64_t)sim->utc_offset_ns,
		.error_ns = sim->error_ns,
		.source = GYR_CLOCK_SOURCE_SIMULATED,
	};

	gyr_clock_publish_utc(clock, sim->now_ns, &utc);
	return 0;
}

const struct gyr_clock_ops gyr_clock_sim = {
	.name = "sim",
	.now_ns = sim_now_ns,
	.sync = sim_sync,
};

void gyr_clock_sim_open(struct gyr_clock *clock, struct gyr_clock_sim *sim, uint64_t utc_ns)
{
	memset(clock, 0, sizeof *clock);
	clock->ops = &gyr_clock_sim;
	clock->self = sim;
	(void)memcpy(clock->note, "simulated", sizeof "simulated");
	*sim = (struct gyr_clock_sim){
		.now_ns = START_NS,
		.utc_offset_ns = (int64_t)(utc_ns - START_NS),
		.error_ns = 1000,
	};
	(void)sim_sync(clock);
}

void gyr_clock_sim_advance(struct gyr_clock *clock, uint64_t ns)
{
	struct gyr_clock_sim *sim = clock->self;

	sim->now_ns += ns;
}

void gyr_clock_sim_step_utc(struct gyr_clock *clock, int64_t ns)
{
	struct gyr_clock_sim *sim = clock->self;

	sim->utc_offset_ns += ns;
	(void)sim_sync(clock);
}

void gyr_clock_sim_set_error(struct gyr_clock *clock, uint32_t error_ns)
{
	struct gyr_clock_sim *sim = clock->self;

	sim->error_ns = error_ns;
	(void)sim_sync(clock);
}
