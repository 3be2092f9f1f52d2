/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gyr_args.h"
#include "gyr_err.h"
#include "gyr_keccak.h"
#include "sim.h"

#define CHAIN_ID 7790

static const char *const break_names[] = {
	[SIM_BREAK_NOTHING] = "nothing", [SIM_BREAK_DISK_LIES] = "disk",
	[SIM_BREAK_ARRIVAL] = "arrival", [SIM_BREAK_TWICE] = "twice",
	[SIM_BREAK_ORDER] = "order",	 [SIM_BREAK_STATE] = "state",
	[SIM_BREAK_PROMISE] = "promise",
};

static int write_genesis(struct sim_traffic *traffic)
{
	FILE *file;
	int fd;

	(void)snprintf(traffic->genesis, sizeof traffic->genesis, "/tmp/gyr-sim-XXXXXX");
	fd = mkstemp(traffic->genesis);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot write %s", traffic->genesis);
	(void)fprintf(file,
		      "{\"config\":{\"chainId\":%d,\"homesteadBlock\":0,\"eip150Block\":0,"
		      "\"eip155Block\":0,\"eip158Block\":0,\"byzantiumBlock\":0,"
		      "\"constantinopleBlock\":0,\"petersburgBlock\":0,\"istanbulBlock\":0,"
		      "\"berlinBlock\":0,\"londonBlock\":0,\"shanghaiTime\":0,\"cancunTime\":0,"
		      "\"pragueTime\":0},\"gasLimit\":\"0x200b20\",\"alloc\":{",
		      CHAIN_ID);
	for (unsigned i = 0; i < SIM_ACCOUNTS; i++) {
		(void)fprintf(file, "%s\"0x", i == 0 ? "" : ",");
		for (unsigned k = 0; k < 20; k++)
			(void)fprintf(file, "%02x", traffic->work.accounts[i].address.bytes[k]);
		(void)fprintf(file, "\":{\"balance\":\"0x56bc75e2d63100000\"}");
	}
	(void)fprintf(file, "}}\n");
	return fclose(file) == 0 ? 0 : -GYR_ERR_IO;
}

static int make_traffic(struct sim_traffic *traffic)
{
	struct gyr_load_account *accounts = calloc(SIM_ACCOUNTS, sizeof *accounts);

	traffic->work = (struct gyr_load_work){
		.accounts = accounts,
		.account_count = SIM_ACCOUNTS,
		.count = SIM_TRANSACTIONS,
		.chain_id = CHAIN_ID,
		.max_fee = 100000000000u,
		.max_priority_fee = 1000000000u,
		.value = 1,
		.bytes = malloc((size_t)SIM_TRANSACTIONS * GYR_LOAD_TRANSACTION_MAX),
		.lengths = malloc(SIM_TRANSACTIONS),
	};
	if (accounts == NULL || traffic->work.bytes == NULL || traffic->work.lengths == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the traffic");
	GYR_TRY(gyr_load_accounts(accounts, SIM_ACCOUNTS, 1, 1));
	GYR_TRY(gyr_load_sign(&traffic->work, 1));
	for (unsigned i = 0; i < SIM_TRANSACTIONS; i++) {
		struct gyr_slice raw = gyr_load_transaction(&traffic->work, i);

		gyr_keccak256(&traffic->hashes[i], raw.data, raw.length);
	}
	return write_genesis(traffic);
}

static void add_up(struct sim_statistics *sum, const struct sim_statistics *one)
{
	sum->turns += one->turns;
	sum->starts += one->starts;
	sum->power_cuts += one->power_cuts;
	sum->kills += one->kills;
	sum->disk_faults += one->disk_faults;
	sum->clock_steps += one->clock_steps;
	sum->checkpoints += one->checkpoints;
	sum->checkpoints_used += one->checkpoints_used;
	sum->logs_pruned += one->logs_pruned;
	sum->submissions += one->submissions;
	sum->ordered += one->ordered;
	sum->durable += one->durable;
	sum->rejected += one->rejected;
	sum->frames_lost += one->frames_lost;
	sum->simulated_ns += one->simulated_ns;
}

static void print_sum(const struct sim_statistics *sum, uint64_t seeds)
{
	(void)printf("\n%10llu  seeds\n%10llu  turns, %.1f s simulated\n"
		     "%10llu  checkpoints, %llu starts from one, %llu logs pruned\n"
		     "%10llu  starts after %llu power cuts and %llu kills\n"
		     "%10llu  failing writes, %llu steps of UTC, %llu frames lost\n"
		     "%10llu  submissions: %llu times ORDERED, %llu DURABLE, %llu rejected\n",
		     (unsigned long long)seeds, (unsigned long long)sum->turns,
		     (double)sum->simulated_ns / 1e9, (unsigned long long)sum->checkpoints,
		     (unsigned long long)sum->checkpoints_used,
		     (unsigned long long)sum->logs_pruned, (unsigned long long)sum->starts,
		     (unsigned long long)sum->power_cuts, (unsigned long long)sum->kills,
		     (unsigned long long)sum->disk_faults, (unsigned long long)sum->clock_steps,
		     (unsigned long long)sum->frames_lost, (unsigned long long)sum->submissions,
		     (unsigned long long)sum->ordered, (unsigned long long)sum->durable,
		     (unsigned long long)sum->rejected);
}

static bool find_break(enum sim_break *out, const char *name)
{
	for (unsigned i = 0; i < GYR_COUNT(break_names); i++)
		if (strcmp(name, break_names[i]) == 0) {
			*out = (enum sim_break)i;
			return true;
		}
	return false;
}

static int run_seeds(const struct sim_traffic *traffic, const struct sim_options *options,
		     const uint64_t seeds[2])
{
	static struct sim_world world;
	struct sim_statistics sum = { 0 };
	uint64_t failed = 0, passed;
	time_t told = time(NULL);

	for (uint64_t seed = seeds[0]; seed <= seeds[1]; seed++) {
		if (!sim_run(&world, traffic, options, seed)) {
			failed++;
			(void)printf("seed %llu: %s\n    again: gyr-sim --seed %llu --steps %u\n",
				     (unsigned long long)seed, world.reason,
				     (unsigned long long)seed, options->steps);
			(void)fflush(stdout);
		}
		add_up(&sum, &world.statistics);
		if (time(NULL) >= told + 2) {
			told = time(NULL);
			(void)fprintf(stderr, "gyr-sim: seed %llu of %llu, %llu failed\n",
				      (unsigned long long)seed, (unsigned long long)seeds[1],
				      (unsigned long long)failed);
		}
	}
	passed = seeds[1] - seeds[0] + 1 - failed;
	print_sum(&sum, seeds[1] - seeds[0] + 1);
	(void)printf("\n%llu passed, %llu failed\n", (unsigned long long)passed,
		     (unsigned long long)failed);
	return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t seeds[2] = { 1, 100 }, steps = 3000;
	const char *broken = "nothing";
	static struct sim_traffic traffic;
	struct sim_options options = { 0 };
	const struct gyr_args_option arguments[] = {
		{ "seeds", 's', GYR_ARGS_RANGE, seeds, "A..B", "Seeds to run; default 1..100." },
		{ "seed", 0, GYR_ARGS_RANGE, seeds, "S", "One seed." },
		{ "steps", 0, GYR_ARGS_COUNT, &steps, "N",
		  "Turns with faults of each seed, before the world calms down; default 3000." },
		{ "break", 0, GYR_ARGS_TEXT, &broken, "WHAT",
		  "Break something on purpose, to see its checker notice: disk (it lies about "
		  "durability), arrival, twice, order, state, promise." },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "no seed violated an invariant" },
		{ "1", "some did; each says how to run it again" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyr-sim",
		.summary = "Runs the server's stages in one thread over a simulated network, disk "
			   "and clock with seeded faults, and holds the log against what clients "
			   "were told.",
		.options = arguments,
		.option_count = GYR_COUNT(arguments),
		.exits = exits,
	};
	int error = gyr_args_parse(&args, argc, argv);

	if (error >= 0 && args.help) {
		gyr_args_print_help(&args, stdout);
		return 0;
	}
	if (error >= 0 && !find_break(&options.broken, broken))
		error = gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__, "--break %s: unknown",
				     broken);
	options.steps = (uint32_t)steps;
	if (error >= 0)
		error = make_traffic(&traffic);
	if (error < 0) {
		gyr_err_print(stderr, "gyr-sim");
		return -error;
	}
	error = run_seeds(&traffic, &options, seeds);
	(void)unlink(traffic.genesis);
	return error;
}
