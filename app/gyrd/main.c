/* SPDX-License-Identifier: Apache-2.0 */
/* gyrd: the sequencer. Reads its configuration, brings the drivers, runs the server until told to
 * stop or until a stage fails. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gyr_accel.h"
#ifdef GYR_HAVE_ACCEL_BLST
#include "gyr_accel_blst.h"
#endif
#ifdef GYR_HAVE_ACCEL_GMP
#include "gyr_accel_gmp.h"
#endif
#include "gyr_accel_keccak_simd.h"
#ifdef GYR_HAVE_ACCEL_OPENSSL
#include "gyr_accel_openssl.h"
#endif
#include "gyr_args.h"
#include "gyr_block_pwrite.h"
#include "gyr_block_uring.h"
#include "gyr_clock_tsc.h"
#include "gyr_conf.h"
#include "gyr_err.h"
#include "gyr_known_ifma.h"
#ifdef GYR_HAVE_NET_DPDK
#include "gyr_net_dpdk.h"
#endif
#include "gyr_net_udp.h"
#include "gyr_precompile.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"
#include "gyr_recover_stub.h"
#include "gyr_server.h"
#include "gyr_store_lmdb.h"
#include "gyr_topo.h"

#define STOP_TIMEOUT_NS 10000000000ull
#define WATCH_NS	10000000

static const struct gyr_netdev_ops *const net_drivers[] = {
#ifdef GYR_HAVE_NET_DPDK
	&gyr_net_dpdk,
#endif
	&gyr_net_udp,
};
static const struct gyr_blockdev_ops *const block_drivers[] = { &gyr_block_uring,
								&gyr_block_pwrite };
static const struct gyr_recover_ops *const recover_drivers[] = {
	&gyr_recover_ifma, &gyr_recover_secp256k1, &gyr_recover_portable, &gyr_recover_stub
};

/* Execution runs on a data lane, which may not allocate: OpenSSL's P-256 would. */
static const struct gyr_accel_driver *const accel_drivers[] = {
#ifdef GYR_HAVE_ACCEL_OPENSSL
	&gyr_accel_openssl_digests,
#endif
#ifdef GYR_HAVE_ACCEL_GMP
	&gyr_accel_gmp,
#endif
#ifdef GYR_HAVE_ACCEL_BLST
	&gyr_accel_blst,
#endif
};

static volatile sig_atomic_t stop_requested;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stop_requested = 1;
}

static void print_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
	static struct timespec last;
	struct timespec now;

	(void)context;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == last.tv_sec && done != total)
		return;
	last = now;
	if (total > 0)
		(void)fprintf(stderr, "gyrd: reading %s: %3.0f %%\n", what,
			      100.0 * (double)done / (double)total);
}

static int fail(int error)
{
	gyr_err_print(stderr, "gyrd");
	return -error;
}

static void sleep_ns(long ns)
{
	struct timespec time = { 0, ns };

	(void)nanosleep(&time, NULL);
}

/* What a gate's device does at best: everything that comes goes back at once. */
static int run_echo(const struct gyr_conf *conf, struct gyr_clock *clock)
{
	static alignas(64) uint8_t memory[GYR_NETDEV_ARENA_SIZE];
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	struct gyr_netdev device;
	uint64_t tick_ns = 0;

	GYR_TRY(gyr_netdev_open(&device, &arena, net_drivers, GYR_COUNT(net_drivers),
				conf->gates[0].device));
	(void)printf("gyrd: echo on %s, port %u\n", conf->gates[0].device, device.info.port);
	(void)fflush(stdout);
	while (!stop_requested) {
		uint64_t now_ns = gyr_clock_now_ns(clock);
		struct gyr_clock_utc utc = gyr_clock_utc_at(clock, now_ns);
		struct gyr_netdev_time time = { now_ns, utc.utc_ns, utc.error_ns };

		(void)gyr_netdev_echo(&device, &time);
		if (now_ns - tick_ns > 1000000) {
			tick_ns = now_ns;
			gyr_netdev_tick(&device, &time);
		}
	}
	gyr_netdev_close(&device);
	return 0;
}

static void print_ready(const struct gyr_conf *conf, struct gyr_server *server)
{
	const struct gyr_server_recovery *recovery = gyr_server_recovery(server);

	if (recovery->checkpoint_block != 0)
		(void)printf("gyrd: the checkpoint of block %llu is at log position %llu, reading "
			     "from %llu\n",
			     (unsigned long long)recovery->checkpoint_block,
			     (unsigned long long)recovery->checkpoint_position,
			     (unsigned long long)recovery->start);
	(void)printf("gyrd: epoch %u at log position %llu: %llu records, %llu transactions "
		     "replayed in %.3f s, block %llu, state root 0x",
		     recovery->epoch, (unsigned long long)recovery->cut,
		     (unsigned long long)recovery->record_count,
		     (unsigned long long)recovery->transaction_count,
		     (double)recovery->duration_ns / 1e9,
		     (unsigned long long)recovery->block_number);
	for (unsigned i = 0; i < sizeof recovery->state_root.bytes; i++)
		(void)printf("%02x", recovery->state_root.bytes[i]);
	(void)printf("\n");
	for (unsigned i = 0; i < conf->gate_count; i++)
		(void)printf("gyrd: gate %u serves on %s, port %u\n", i, conf->gates[i].device,
			     gyr_server_gate(server, i)->port);
	(void)printf("gyrd: ready\n");
	(void)fflush(stdout);
}

/* This thread, and what it starts besides the lanes, stays off the CPUs of data lanes. */
static void stay_aside(const struct gyr_topo_plan *plan)
{
	cpu_set_t aside;

	CPU_ZERO(&aside);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (gyr_topo_cpus_has(&plan->shared, cpu))
			CPU_SET(cpu, &aside);
	(void)sched_setaffinity(0, sizeof aside, &aside); /* else it runs anywhere: slower */
}

static int run_server(const struct gyr_conf *conf, struct gyr_clock *clock, bool verbose)
{
	static struct gyr_accel accel;
	static struct gyr_topo_plan plan;
	struct gyr_server_options options = {
		.conf = conf,
		.drivers = { .net = net_drivers,
			     .net_count = GYR_COUNT(net_drivers),
			     .block = block_drivers,
			     .block_count = GYR_COUNT(block_drivers),
			     .store = &gyr_store_lmdb,
			     .recover = recover_drivers,
			     .recover_count = GYR_COUNT(recover_drivers),
			     .recover_reference = &gyr_recover_portable,
			     .known = &gyr_known_ifma,
			     .keccak = gyr_accel_keccak_simd(), /* until the self-test has chosen */
			     .precompile = &accel.precompile,
			     .clock = clock },
		.share_metrics = true,
		.parallel_recovery = true,
		.journal = true,
		.plan = &plan,
		.progress = print_progress,
	};
	struct gyr_server *server;
	uint64_t synced_ns = gyr_clock_now_ns(clock);
	int error;

	GYR_TRY(gyr_topo_plan(&plan, conf, NULL));
	if (verbose)
		gyr_topo_print(&plan, conf, stdout);
	stay_aside(&plan);
	GYR_TRY(gyr_accel_init(&accel, accel_drivers, GYR_COUNT(accel_drivers),
			       gyr_accel_keccak_simd()));
	options.drivers.keccak = accel.keccak;
	GYR_TRY(gyr_server_open(&server, &options));
	error = gyr_server_start(server);
	if (error == 0 && verbose)
		gyr_server_print_memory(server, stdout);
	if (error == 0)
		print_ready(conf, server);
	while (error == 0 && !stop_requested) {
		sleep_ns(WATCH_NS);
		error = gyr_server_failed(server);
		if (gyr_clock_now_ns(clock) - synced_ns >= 1000000000u) {
			synced_ns = gyr_clock_now_ns(clock);
			(void)!gyr_clock_sync(clock);
		}
	}
	if (error == 0) {
		(void)printf("gyrd: stopping: finishing what is under way\n");
		error = gyr_server_stop(server, STOP_TIMEOUT_NS);
		if (error == 0)
			(void)printf("gyrd: stopped, everything in the log is durable\n");
	}
	gyr_server_close(server);
	return error;
}

int main(int argc, char **argv)
{
	const char *config = NULL, *data = NULL;
	bool echo = false, verbose = false;
	const struct gyr_args_option arguments[] = {
		{ "config", 'c', GYR_ARGS_TEXT, &config, "FILE",
		  "The server's configuration; hwconfig/ holds ready ones, commented." },
		{ "data", 'd', GYR_ARGS_TEXT, &data, "DIRECTORY",
		  "Log and checkpoints here instead of data.directory." },
		{ "echo", 0, GYR_ARGS_FLAG, &echo, NULL,
		  "Only echo what comes to the first gate: the floor of its network driver." },
		{ "verbose", 'v', GYR_ARGS_FLAG, &verbose, NULL,
		  "Print who holds how much memory." },
	};
	static const struct gyr_args_note exits[] = {
		{ "0", "stopped on SIGTERM or SIGINT; everything in the log is durable" },
		{ "6, 7", "the disk is full, or lost a write: nothing durable is lost" },
		{ "8, 9, 10", "the log is damaged, of another chain, or owned by another gyrd" },
		{ "other", "as `gyrctl --help` lists them" },
		{ NULL, NULL },
	};
	struct gyr_args args = {
		.program = "gyrd",
		.summary = "The sequencer: takes signed transactions over UDP, puts them in order, "
			   "makes that order durable, executes it, and tells the senders.",
		.options = arguments,
		.option_count = GYR_COUNT(arguments),
		.exits = exits,
	};
	struct sigaction action = { .sa_handler = on_stop };
	static struct gyr_conf conf;
	struct gyr_clock clock;
	int error = gyr_args_parse(&args, argc, argv);

	if (error >= 0 && args.help) {
		gyr_args_print_help(&args, stdout);
		return 0;
	}
	if (error >= 0 && config == NULL)
		error = gyr_err_push(GYR_ERR_USAGE, __FILE__, __LINE__, "--config is missing");
	if (error < 0)
		return fail(error);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	error = gyr_conf_load(&conf, config);
	if (error == 0 && data != NULL)
		(void)snprintf(conf.data.directory, sizeof conf.data.directory, "%s", data);
	if (error == 0)
		error = gyr_clock_tsc_open(&clock, NULL);
	if (error == 0)
		error = echo ? run_echo(&conf, &clock) : run_server(&conf, &clock, verbose);
	return error == 0 ? 0 : fail(error);
}
