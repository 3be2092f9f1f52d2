/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench echo: the driver's floor, unloaded and at rates, against `gyrd --echo`. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_units.h"
#include "gyr_wire.h"

#define ECHO_COUNT 5000
#define NS_PER_S   1000000000ull
#define SUBMIT_RAW 118 /* of an EIP-1559 transfer, about */
#define LENGTH_ONE (GYR_WIRE_BLOCK_BYTES + GYR_WIRE_SUBMIT_BYTES + SUBMIT_RAW)

struct echo_options {
	const char *to;
	const char *device;
	const char *out;
	uint64_t batch;
	uint64_t duration_ns;
	struct gyr_args_list rates;
	const char *rate_texts[BENCH_RUNS_MAX];
};

static uint32_t length_of(uint64_t batch)
{
	return (uint32_t)(GYR_WIRE_HEADER_BYTES + batch * LENGTH_ONE);
}

/* One measurement, shared with the child that makes it. */
struct echo_run {
	struct gyr_clock clock; /* first: it is aligned to a cache line */
	struct gyr_load_conf conf;
	struct gyr_endpoint to;
	struct gyr_load_floor floor;
};

static int measure_one(void *context)
{
	struct echo_run *run = context;
	const struct gyr_load_conf *conf = &run->conf;
	struct gyr_load_conf room = *conf;
	struct gyr_arena arena;
	struct gyr_hist trips;
	size_t size;
	void *memory;

	room.count = 1;
	size = gyr_round_up(gyr_load_arena_size(&room), 4096);
	memory = bench_shared(size);
	if (memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory");
	arena = gyr_arena_over(memory, size);
	if (conf->rate != 0)
		return gyr_load_echo_at(&run->floor, &arena, conf, &run->to, length_of(conf->batch),
					&run->clock);
	run->floor = (struct gyr_load_floor){ .batch = conf->batch, .sent = ECHO_COUNT };
	GYR_TRY(gyr_load_echo(&trips, &arena, conf, &run->to, ECHO_COUNT, length_of(conf->batch),
			      &run->clock));
	gyr_load_floor_take(&run->floor, &trips);
	return 0;
}

static void print_floor(const struct gyr_load_floor *floor)
{
	char text[GYR_UNITS_TEXT_MAX];

	if (floor->rate == 0)
		(void)printf("%12s", "one by one");
	else
		(void)printf("%10" PRIu64 "/s", floor->rate);
	for (unsigned i = 0; i < GYR_LOAD_FLOOR_COLUMNS; i++)
		(void)printf(" %10s",
			     gyr_units_format(text, GYR_UNITS_DURATION, (double)floor->ns[i]));
	(void)printf(" %10" PRIu64 " of %" PRIu64 "\n", floor->count, floor->sent);
}

static int measure_all(const struct echo_options *options, FILE *out)
{
	struct echo_run *run = bench_shared(sizeof *run);

	if (run == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory");
	run->conf = (struct gyr_load_conf){ .drivers = bench_drivers,
					    .driver_count = bench_driver_count,
					    .device = options->device,
					    .session_count = 1,
					    .batch = (unsigned)options->batch };
	GYR_TRY(gyr_endpoint_parse(&run->to, options->to));
	GYR_TRY(gyr_clock_tsc_open(&run->clock, NULL));
	(void)printf("%12s %10s %10s %10s %10s %10s %10s   back\n", "rate", "p50", "p90", "p99",
		     "p99.9", "p99.99", "max");
	for (unsigned i = 0; i <= options->rates.count; i++) {
		uint64_t *rate = &run->conf.rate;

		if (i > 0 && !gyr_units_parse(rate, GYR_UNITS_COUNT, options->rates.values[i - 1]))
			GYR_FAIL(GYR_ERR_USAGE, "--rate: '%s' is not %s",
				 options->rates.values[i - 1], gyr_units_expected(GYR_UNITS_COUNT));
		run->conf.count = *rate * options->duration_ns / NS_PER_S;
		GYR_TRY(bench_child(measure_one, run));
		print_floor(&run->floor);
		if (out != NULL)
			gyr_load_floor_write(out, &run->floor);
	}
	return 0;
}

int command_echo(int argc, char **argv)
{
	struct echo_options options = { .device = "udp:port=0",
					.batch = 1,
					.duration_ns = 2 * NS_PER_S };
	const struct gyr_args_option table[] = {
		{ "to", 0, GYR_ARGS_TEXT, &options.to, "ADDRESS:PORT", "a `gyrd --echo`; needed" },
		{ "device", 'd', GYR_ARGS_TEXT, &options.device, "DRIVER:...",
		  "what to send over; default udp:port=0" },
		{ "rate", 'r', GYR_ARGS_LIST, &options.rates, "N",
		  "transactions/s that the datagrams stand for, once for each run" },
		{ "batch", 'b', GYR_ARGS_COUNT, &options.batch, "N",
		  "submissions that a datagram is as long as; default 1" },
		{ "duration", 'D', GYR_ARGS_DURATION, &options.duration_ns, "TIME",
		  "of each rate; default 2s" },
		{ "out", 'o', GYR_ARGS_TEXT, &options.out, "FILE",
		  "save it, for --floor of `run` and `sweep`" },
	};
	struct gyr_args args = {
		.program = "gyr-bench echo",
		.summary = "The driver's own round trip: one datagram at a time, then in an open "
			   "loop at each rate, counted from the instant at which each was meant to "
			   "be sent.",
		.options = table,
		.option_count = GYR_COUNT(table),
		.exits = bench_exits,
	};
	FILE *out = NULL;
	int error;

	options.rates = (struct gyr_args_list){ .values = options.rate_texts,
						.count_max = BENCH_RUNS_MAX };
	error = bench_parse(&args, argc, argv);
	if (error != 0)
		return error - 1;
	if (options.to == NULL || options.batch == 0 ||
	    length_of(options.batch) > GYR_NETDEV_PAYLOAD_MAX)
		return bench_fail(args.program,
				  gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__,
					       "--to is missing, or --batch is out of bounds"));
	if (options.out != NULL && (out = fopen(options.out, "we")) == NULL)
		return bench_fail(args.program,
				  gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s",
					       options.out, strerror(errno)));
	error = measure_all(&options, out);
	if (out != NULL && fclose(out) != 0 && error == 0)
		error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", options.out,
				     strerror(errno));
	return error < 0 ? bench_fail(args.program, error) : 0;
}
