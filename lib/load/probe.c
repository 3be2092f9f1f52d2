/* SPDX-License-Identifier: Apache-2.0 */
/* What the host and the driver cost by themselves: stalls of a spinning thread, echo trips. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_load.h"

static void *spin(void *argument)
{
	struct gyr_load_probe *probe = argument;
	uint64_t last_ns = gyr_clock_now_ns(probe->clock);

	while (!atomic_load_explicit(&probe->stop, memory_order_relaxed)) {
		uint64_t now_ns = gyr_clock_now_ns(probe->clock);

		gyr_hist_record(&probe->gaps, now_ns - last_ns);
		last_ns = now_ns;
	}
	return NULL;
}

int gyr_load_probe_start(struct gyr_load_probe *probe, const struct gyr_clock *clock, int cpu)
{
	pthread_attr_t attributes;
	pthread_t thread;
	cpu_set_t cpus;
	int failed;

	_Static_assert(sizeof(pthread_t) <= sizeof probe->thread, "a thread's name fits");
	gyr_hist_init(&probe->gaps, probe->counts, GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	probe->clock = clock;
	probe->cpu = cpu;
	probe->running = false;
	/* Before the thread exists. */
	atomic_store_explicit(&probe->stop, false, memory_order_relaxed);
	(void)pthread_attr_init(&attributes);
	CPU_ZERO(&cpus);
	if (cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_SET((size_t)cpu, &cpus);
		(void)pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
	}
	failed = pthread_create(&thread, &attributes, spin, probe);
	(void)pthread_attr_destroy(&attributes);
	if (failed != 0)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "cannot start the stall probe on CPU %d: %s", cpu,
			 strerror(failed));
	probe->thread = thread;
	probe->running = true;
	return 0;
}

void gyr_load_probe_stop(struct gyr_load_probe *probe)
{
	if (!probe->running)
		return;
	atomic_store_explicit(&probe->stop, true, memory_order_relaxed);
	(void)pthread_join((pthread_t)probe->thread, NULL);
	probe->running = false;
}

/* Waits for the answer to trip `number`; true when it came, its time recorded. */
static bool await_echo(struct gyr_netdev *device, struct gyr_hist *trips, uint64_t number,
		       uint64_t sent_ns, struct gyr_clock *clock)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_netdev_time time = { .now_ns = sent_ns };

	while (time.now_ns < sent_ns + 100000000) {
		unsigned count;

		time.now_ns = gyr_clock_now_ns(clock);
		count = gyr_netdev_rx(device, datagrams, GYR_NETDEV_BURST_MAX, &time);
		for (unsigned i = 0; i < count; i++) {
			if (datagrams[i].length < 8 ||
			    gyr_load_be64(datagrams[i].payload) != number)
				continue;
			gyr_hist_record(trips, gyr_clock_now_ns(clock) - sent_ns);
			return true;
		}
		if (count == 0)
			(void)sched_yield();
	}
	return false;
}

static int make_trips(struct gyr_netdev *device, struct gyr_hist *trips,
		      const struct gyr_endpoint *to, uint64_t count, uint32_t length,
		      struct gyr_clock *clock)
{
	struct gyr_endpoint echo = *to;
	unsigned missed = 0;
	char text[72];

	for (uint64_t i = 0; i < count; i++) {
		struct gyr_netdev_time time = { .now_ns = gyr_clock_now_ns(clock) };
		uint8_t *payload;

		gyr_netdev_tick(device, &time);
		if (!gyr_netdev_resolve(device, &echo, &time)) {
			struct gyr_datagram none[GYR_NETDEV_BURST_MAX];

			(void)gyr_netdev_rx(device, none, GYR_NETDEV_BURST_MAX, &time);
		}
		payload = gyr_netdev_reserve(device, &echo);
		if (payload != NULL) {
			memset(payload, 0, length);
			gyr_store_be64(payload, i);
			gyr_netdev_commit(device, length);
			(void)gyr_netdev_flush(device);
			if (await_echo(device, trips, i, time.now_ns, clock))
				continue;
		}
		if (++missed == 20)
			GYR_FAIL(GYR_ERR_TIMEOUT, "%u of %llu echoes of %s did not come back",
				 missed, (unsigned long long)i + 1, gyr_endpoint_format(to, text));
	}
	return 0;
}

int gyr_load_echo(struct gyr_hist *trips, struct gyr_arena *arena, const struct gyr_load_conf *conf,
		  const struct gyr_endpoint *echo, uint64_t count, uint32_t length,
		  struct gyr_clock *clock)
{
	struct gyr_netdev *device = gyr_arena_carve(arena, sizeof *device, GYR_CACHE_LINE);
	size_t size = gyr_hist_memory_size(GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	void *memory = gyr_arena_carve(arena, size, GYR_CACHE_LINE);
	int error;

	gyr_assert(length >= 8);
	if (device == NULL || memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room to measure echoes");
	memset(device, 0, sizeof *device);
	gyr_hist_init(trips, memory, GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	GYR_TRY(gyr_netdev_open(device, arena, conf->drivers, conf->driver_count, conf->device));
	error = make_trips(device, trips, echo, count, length, clock);
	gyr_netdev_close(device);
	return error;
}
