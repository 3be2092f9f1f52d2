/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's floor under load: echoes at a rate, kept in a file for the run that goes with it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_load.h"

#define NS_PER_S     1000000000ull
#define LATE_NS	     500000000ull /* what is not back by then is lost */
#define RESOLVE_NS   2000000000ull
#define ROUND_MAX    64 /* sends between two looks at what came back */
#define LINE_MAX_ROW 256

struct echoes {
	struct gyr_netdev *device;
	struct gyr_clock *clock;
	struct gyr_hist *trips;
	struct gyr_endpoint to;
	uint64_t start_ns, period_ns;
	uint64_t count, sent, back;
	uint32_t length;
};

static struct gyr_netdev_time now_of(const struct echoes *echoes)
{
	return (struct gyr_netdev_time){ .now_ns = gyr_clock_now_ns(echoes->clock) };
}

static void take_back(struct echoes *echoes, const struct gyr_netdev_time *time)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	unsigned count = gyr_netdev_rx(echoes->device, datagrams, GYR_NETDEV_BURST_MAX, time);
	uint64_t now_ns = count == 0 ? 0 : gyr_clock_now_ns(echoes->clock);

	for (unsigned i = 0; i < count; i++) {
		uint64_t number;

		if (datagrams[i].length < 8)
			continue;
		number = gyr_load_be64(datagrams[i].payload);
		if (number >= echoes->sent)
			continue;
		gyr_hist_record(echoes->trips,
				now_ns - echoes->start_ns - number * echoes->period_ns);
		echoes->back++;
	}
}

static void send_due(struct echoes *echoes, const struct gyr_netdev_time *time)
{
	unsigned sent = 0;

	while (sent < ROUND_MAX && echoes->sent < echoes->count &&
	       echoes->start_ns + echoes->sent * echoes->period_ns <= time->now_ns) {
		uint8_t *payload = gyr_netdev_reserve(echoes->device, &echoes->to);

		if (payload == NULL)
			break;
		memset(payload, 0, echoes->length);
		gyr_store_be64(payload, echoes->sent++);
		gyr_netdev_commit(echoes->device, echoes->length);
		sent++;
	}
	if (sent > 0)
		(void)gyr_netdev_flush(echoes->device);
}

static int make_echoes(struct echoes *echoes)
{
	struct gyr_netdev_time time = now_of(echoes);
	uint64_t begun_ns = time.now_ns;

	while (!gyr_netdev_resolve(echoes->device, &echoes->to, &time)) {
		if (time.now_ns > begun_ns + RESOLVE_NS)
			GYR_FAIL(GYR_ERR_TIMEOUT, "nobody echoes");
		take_back(echoes, &time);
		time = now_of(echoes);
	}
	echoes->start_ns = time.now_ns + NS_PER_S / 1000;
	while (echoes->back < echoes->count &&
	       time.now_ns < echoes->start_ns + echoes->count * echoes->period_ns + LATE_NS) {
		time = now_of(echoes);
		take_back(echoes, &time);
		send_due(echoes, &time);
		gyr_netdev_tick(echoes->device, &time);
	}
	return 0;
}

int gyr_load_echo_at(struct gyr_load_floor *floor, struct gyr_arena *arena,
		     const struct gyr_load_conf *conf, const struct gyr_endpoint *echo,
		     uint32_t length, struct gyr_clock *clock)
{
	struct gyr_netdev *device = gyr_arena_carve(arena, sizeof *device, GYR_CACHE_LINE);
	void *memory = gyr_arena_carve(
		arena, gyr_hist_memory_size(GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS),
		GYR_CACHE_LINE);
	struct gyr_hist trips;
	struct echoes echoes = { .device = device,
				 .clock = clock,
				 .trips = &trips,
				 .to = *echo,
				 .period_ns = NS_PER_S * conf->batch / conf->rate,
				 .count = conf->count / conf->batch,
				 .length = length };
	int error;

	gyr_assert(length >= 8 && conf->rate > 0 && conf->batch > 0);
	if (device == NULL || memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room to measure echoes");
	memset(device, 0, sizeof *device);
	gyr_hist_init(&trips, memory, GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	GYR_TRY(gyr_netdev_open(device, arena, conf->drivers, conf->driver_count, conf->device));
	error = make_echoes(&echoes);
	gyr_netdev_close(device);
	if (error < 0)
		return error;
	*floor = (struct gyr_load_floor){ .rate = conf->rate,
					  .batch = conf->batch,
					  .sent = echoes.sent };
	gyr_load_floor_take(floor, &trips);
	return 0;
}

void gyr_load_floor_take(struct gyr_load_floor *floor, const struct gyr_hist *trips)
{
	static const double columns[GYR_LOAD_FLOOR_COLUMNS] = { 50, 90, 99, 99.9, 99.99, 100 };

	floor->count = trips->total;
	for (unsigned i = 0; i < GYR_LOAD_FLOOR_COLUMNS && trips->total > 0; i++)
		floor->ns[i] = gyr_hist_percentile(trips, columns[i]);
}

void gyr_load_floor_write(FILE *to, const struct gyr_load_floor *floor)
{
	(void)fprintf(to, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, floor->rate, floor->batch,
		      floor->sent, floor->count);
	for (unsigned i = 0; i < GYR_LOAD_FLOOR_COLUMNS; i++)
		(void)fprintf(to, " %" PRIu64, floor->ns[i]);
	(void)fputc('\n', to);
}

int gyr_load_floor_read(struct gyr_load_floor *floors, unsigned *count, unsigned count_max,
			const char *path)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_ROW];
	bool good = true;

	*count = 0;
	if (file == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "%s: %s", path, strerror(errno));
	while (good && fgets(line, sizeof line, file) != NULL) {
		struct gyr_load_floor *row = &floors[*count];
		uint64_t *const numbers[] = { &row->rate,  &row->batch, &row->sent,  &row->count,
					      &row->ns[0], &row->ns[1], &row->ns[2], &row->ns[3],
					      &row->ns[4], &row->ns[5] };
		char *at = line;

		_Static_assert(GYR_COUNT(numbers) == 4 + GYR_LOAD_FLOOR_COLUMNS, "a row");
		if (line[0] == '#')
			continue;
		good = *count < count_max;
		for (size_t i = 0; good && i < GYR_COUNT(numbers); i++) {
			char *end;

			*numbers[i] = strtoull(at, &end, 10);
			good = end != at;
			at = end;
		}
		*count += good;
	}
	(void)fclose(file);
	if (!good)
		GYR_FAIL(GYR_ERR_CONFIG, "%s:%u:1: no row of `gyr-bench echo`, or too many", path,
			 *count + 1);
	return 0;
}

const struct gyr_load_floor *gyr_load_floor_of(const struct gyr_load_report *report,
					       const struct gyr_load_result *run)
{
	for (unsigned i = 0; i < report->floor_count; i++)
		if (report->floors[i].rate == run->rate && report->floors[i].batch == run->batch)
			return &report->floors[i];
	return NULL;
}
