/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a network driver costs by itself: round trips of single datagrams between two processes.
 *
 *   perf_echo [COUNT]                          the table: loopback, and with root the veth lab
 *   perf_echo serve DEVICE [--spin]            echo until SIGTERM; then the counters, one per line
 *   perf_echo ask DEVICE ENDPOINT COUNT LENGTH one row: p50, p99, max, lost
 *
 * One datagram is in flight at a time; both sides poll, so the figures hold for two free cores.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gyr_bytes.h"
#include "gyr_err.h"
#include "gyr_hist.h"
#include "gyr_net_dpdk.h"
#include "gyr_net_udp.h"
#include "gyr_netdev.h"

#define LOST_AFTER_NS 200000000ull

static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp, &gyr_net_dpdk };
static uint8_t memory[GYR_NETDEV_ARENA_SIZE];
static uint8_t hist_memory[1u << 16];
static struct gyr_netdev device;
static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec at;

	(void)clock_gettime(id, &at);
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static struct gyr_netdev_time now(void)
{
	return (struct gyr_netdev_time){ clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME), 0 };
}

static int open_device(const char *text)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);

	return gyr_netdev_open(&device, &arena, drivers, GYR_COUNT(drivers), text);
}

static int serve(const char *text, bool spin)
{
	struct gyr_netdev_time time = now();
	uint64_t tick_at_ns = time.now_ns;
	unsigned idle = 0;

	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	GYR_TRY(open_device(text));
	(void)printf("ready %s mtu %u\n", device.info.device, device.info.mtu);
	(void)fflush(stdout);
	while (!stop_asked) {
		time = now();
		if (gyr_netdev_echo(&device, &time) != 0)
			idle = 0;
		else if (!spin && ++idle > 100)
			(void)nanosleep(&(struct timespec){ 0, 20000 }, NULL);
		if (time.now_ns - tick_at_ns >= 1000000) {
			tick_at_ns = time.now_ns;
			gyr_netdev_tick(&device, &time);
		}
	}
	for (unsigned i = 0; i < gyr_netdev_counter_count(); i++)
		(void)printf("%s %llu\n", gyr_netdev_counter_name(i),
			     (unsigned long long)gyr_netdev_counter_value(&device.counters, i));
	gyr_netdev_close(&device);
	return 0;
}

static int resolve(struct gyr_endpoint *to)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + 3000000000u;
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_netdev_time time;

	do {
		time = now();
		(void)gyr_netdev_rx(&device, datagrams, GYR_NETDEV_BURST_MAX, &time);
		if (gyr_netdev_resolve(&device, to, &time))
			return 0;
	} while (time.now_ns < until_ns);
	GYR_FAIL(GYR_ERR_TIMEOUT, "nobody answers for that address");
}

/* One round trip in ns; 0 when it was lost. */
static uint64_t round_trip(const struct gyr_endpoint *to, uint64_t number, uint32_t length)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
	uint8_t *payload = gyr_netdev_reserve(&device, to);

	if (payload == NULL)
		return 0;
	memset(payload, (int)number, length);
	gyr_store_le64(payload, number);
	gyr_netdev_commit(&device, length);
	for (;;) {
		struct gyr_netdev_time time = { clock_ns(CLOCK_MONOTONIC), 0, 0 };
		unsigned count;

		(void)gyr_netdev_flush(&device);
		count = gyr_netdev_rx(&device, datagrams, GYR_NETDEV_BURST_MAX, &time);
		for (unsigned i = 0; i < count; i++)
			if (datagrams[i].length == length &&
			    gyr_load_le64(datagrams[i].payload) == number &&
			    (length == 8 || datagrams[i].payload[length - 1] == (uint8_t)number))
				return clock_ns(CLOCK_MONOTONIC) - start_ns;
		if (time.now_ns - start_ns > LOST_AFTER_NS)
			return 0;
	}
}

static int ask(const char *text, const char *endpoint, uint64_t count, uint32_t length)
{
	struct gyr_endpoint to;
	struct gyr_hist hist;
	uint64_t lost = 0;

	gyr_hist_init(&hist, hist_memory, GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	GYR_TRY(gyr_endpoint_parse(&to, endpoint));
	GYR_TRY(open_device(text));
	GYR_TRY(resolve(&to));
	if (length < 8 || length > gyr_netdev_payload_max(&device, &to))
		GYR_FAIL(GYR_ERR_USAGE, "LENGTH is not within 8 and %u",
			 gyr_netdev_payload_max(&device, &to));
	for (uint64_t i = 0; i < 100; i++)
		(void)round_trip(&to, i, length);
	for (uint64_t i = 100; i < 100 + count && lost < 100; i++) {
		uint64_t took_ns = round_trip(&to, i, length);

		if (took_ns == 0)
			lost++;
		else
			gyr_hist_record(&hist, took_ns);
	}
	gyr_netdev_close(&device);
	(void)printf("p50_us %.2f p99_us %.2f max_us %.2f lost %llu\n",
		     (double)gyr_hist_percentile(&hist, 50) / 1000,
		     (double)gyr_hist_percentile(&hist, 99) / 1000, (double)hist.max / 1000,
		     (unsigned long long)lost);
	return lost == 0 ? 0 : -GYR_ERR_TIMEOUT;
}

/* Starts this program again inside a network namespace ("" for this one), output to a pipe. */
static pid_t start(const char *namespace, char *const arguments[], FILE **output)
{
	char path[128];
	int ends[2];
	pid_t pid;

	if (pipe(ends) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		if (namespace[0] != '\0') {
			int fd;

			(void)snprintf(path, sizeof path, "/run/netns/%s", namespace);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
				_exit(GYR_ERR_NETWORK);
		}
		(void)execv("/proc/self/exe", arguments);
		_exit(GYR_ERR_INTERNAL);
	}
	(void)close(ends[1]);
	*output = fdopen(ends[0], "r");
	return pid;
}

static char word_program[] = "perf_echo", word_serve[] = "serve", word_ask[] = "ask",
	    word_spin[] = "--spin";

struct row {
	const char *name;
	const char *namespaces[2]; /* server's, client's */
	const char *devices[2];
	const char *endpoint;
};

static const struct row rows[] = {
	{ "udp, loopback",
	  { "", "" },
	  { "udp:address=127.0.0.1,port=9099", "udp:address=127.0.0.1" },
	  "127.0.0.1:9099" },
	{ "udp, loopback v6",
	  { "", "" },
	  { "udp:address6=::1,port=9099", "udp:address6=::1" },
	  "[::1]:9099" },
	{ "udp, veth",
	  { "gyr-server", "gyr-client" },
	  { "udp:address=10.77.0.2,port=9099", "udp:address=10.77.0.1" },
	  "10.77.0.2:9099" },
	{ "af_packet, asked by udp",
	  { "gyr-server", "gyr-client" },
	  { "dpdk:af_packet=gyr-s,address=10.77.0.20/24,port=9099", "udp:address=10.77.0.1" },
	  "10.77.0.20:9099" },
	{ "af_packet both",
	  { "gyr-server", "gyr-client" },
	  { "dpdk:af_packet=gyr-s,address=10.77.0.20/24,port=9099",
	    "dpdk:af_packet=gyr-c,address=10.77.0.10/24,port=9098" },
	  "10.77.0.20:9099" },
	{ "af_xdp, asked by udp",
	  { "gyr-server", "gyr-client" },
	  { "dpdk:af_xdp=gyr-s,address=10.77.0.20/24,port=9099", "udp:address=10.77.0.1" },
	  "10.77.0.20:9099" },
	{ "af_xdp both",
	  { "gyr-server", "gyr-client" },
	  { "dpdk:af_xdp=gyr-s,address=10.77.0.20/24,port=9099",
	    "dpdk:af_xdp=gyr-c,address=10.77.0.10/24,port=9098" },
	  "10.77.0.20:9099" },
};

static int run_row(const struct row *row, const char *count, const char *length)
{
	char *serve_arguments[] = { word_program, word_serve, strdup(row->devices[0]), word_spin,
				    NULL };
	char *ask_arguments[] = { word_program,
				  word_ask,
				  strdup(row->devices[1]),
				  strdup(row->endpoint),
				  strdup(count),
				  strdup(length),
				  NULL };
	FILE *from_server, *from_client;
	char line[256] = "";
	int status;
	pid_t server = start(row->namespaces[0], serve_arguments, &from_server);
	pid_t client;

	(void)printf("%-26s %6s B  ", row->name, length);
	(void)fflush(stdout);
	if (server < 0 || from_server == NULL || fgets(line, sizeof line, from_server) == NULL) {
		(void)printf("the server did not start\n");
		return -1;
	}
	client = start(row->namespaces[1], ask_arguments, &from_client);
	if (client < 0 || from_client == NULL || fgets(line, sizeof line, from_client) == NULL)
		(void)strcpy(line, "the client failed\n");
	(void)printf("%s", line);
	(void)waitpid(client, &status, 0);
	(void)kill(server, SIGTERM);
	(void)waitpid(server, &status, 0);
	(void)fclose(from_server);
	(void)fclose(from_client);
	for (unsigned i = 2; i < 6; i++)
		if (i != 3)
			free(ask_arguments[i]);
	free(ask_arguments[3]);
	free(serve_arguments[2]);
	return 0;
}

static int table(const char *count)
{
	bool lab = access("/run/netns/gyr-server", R_OK) == 0 && geteuid() == 0;

	if (!lab)
		(void)printf("# without the veth lab (as root: tools/netns up)\n");
	for (unsigned i = 0; i < GYR_COUNT(rows); i++) {
		if (rows[i].namespaces[0][0] != '\0' && !lab)
			continue;
		(void)run_row(&rows[i], count, "200");
		(void)run_row(&rows[i], count, "1400");
	}
	return 0;
}

int main(int argc, char **argv)
{
	int error;

	if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		error = serve(argv[2], argc == 4 && strcmp(argv[3], "--spin") == 0);
	else if (argc == 6 && strcmp(argv[1], "ask") == 0)
		error = ask(argv[2], argv[3], strtoull(argv[4], NULL, 10),
			    (uint32_t)strtoul(argv[5], NULL, 10));
	else if (argc <= 2)
		error = table(argc == 2 ? argv[1] : "20000");
	else
		return GYR_ERR_USAGE;
	if (error < 0)
		gyr_err_print(stderr, "perf_echo");
	return -error;
}
