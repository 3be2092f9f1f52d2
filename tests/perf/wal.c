/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log beside the bare device: one transaction made durable by the wal through each driver, and
 * one bare 4 KiB write with O_DIRECT and O_DSYNC by io_uring to a file prepared the same way,
 * interleaved in one process; then under load; then what the format costs and how fast a log is
 * read back.
 *
 *   perf_wal [directory]     default: a fresh one in /tmp; wants about 1 GiB
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gyr_block_pwrite.h"
#include "gyr_block_uring.h"
#include "gyr_err.h"
#include "gyr_perf.h"
#include "gyr_wal.h"

#define SEGMENT	     (64u << 20)
#define RING	     (32u << 20)
#define BUFFER	     (8u << 20)
#define RAW_LENGTH   120u /* of an EIP-1559 transfer, about */
#define SAMPLES	     1500u
#define LOADED_NS    UINT64_C(1500000000)
#define RECORDS_BACK 1000000u

struct bench {
	const char *name;
	const struct gyr_blockdev_ops *driver;
	uint32_t helper_count;
	char directory[512];
	struct gyr_blockdev *dev;
	struct gyr_log *log;
	struct gyr_wal *wal;
	uint8_t *ring;
	uint64_t arrival;
	double samples[SAMPLES];
};

struct bare {
	struct io_uring ring;
	int fd;
	uint8_t *page;
	uint64_t offset;
	double samples[SAMPLES];
};

static struct bench benches[] = {
	{ .name = "uring", .driver = &gyr_block_uring },
	{ .name = "pwrite, calling thread", .driver = &gyr_block_pwrite },
	{ .name = "pwrite, 1 helper", .driver = &gyr_block_pwrite, .helper_count = 1 },
};

static struct bare bare;
static char base[400];
static uint8_t *buffer;

static _Noreturn void stop(const char *what)
{
	gyr_err_print(stderr, "perf_wal");
	(void)fprintf(stderr, "perf_wal: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *aligned(size_t size)
{
	void *memory = aligned_alloc(4096, gyr_round_up(size, 4096));

	if (memory == NULL)
		stop("memory");
	memset(memory, 0, size);
	return memory;
}

static void open_bare(void)
{
	char name[512];

	(void)snprintf(name, sizeof name, "%s/bare", base);
	bare.fd = open(name, O_RDWR | O_CREAT | O_DIRECT | O_DSYNC, 0600);
	bare.page = aligned(1u << 20);
	if (bare.fd < 0 || io_uring_queue_init(8, &bare.ring, 0) < 0)
		stop("bare io_uring");
	for (uint64_t at = 0; at < SEGMENT; at += 1u << 20)
		if (pwrite(bare.fd, bare.page, 1u << 20, (off_t)at) != 1 << 20)
			stop("preparing the bare file");
}

static double write_bare(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&bare.ring);
	struct io_uring_cqe *cqe;
	uint64_t start = gyr_perf_now_ns();

	bare.page[100]++;
	io_uring_prep_write(sqe, bare.fd, bare.page, 4096, bare.offset);
	bare.offset = (bare.offset + 4096) % SEGMENT;
	(void)io_uring_submit(&bare.ring);
	while (io_uring_peek_cqe(&bare.ring, &cqe) != 0)
		(void)sched_yield();
	if (cqe->res != 4096)
		stop("bare write");
	io_uring_cqe_seen(&bare.ring, cqe);
	return (double)(gyr_perf_now_ns() - start);
}

static struct gyr_wal_end read_back(struct bench *bench, struct gyr_log_identity *identity,
				    uint64_t *count)
{
	const struct gyr_wal_reader_config config = {
		.dev = bench->dev,
		.buffer = buffer,
		.buffer_length = BUFFER,
		.expected = identity,
	};
	struct gyr_wal_reader reader;
	const struct gyr_log_record *record;
	int more;

	if (gyr_wal_reader_open(&reader, &config) < 0)
		stop("reading the log");
	while ((more = gyr_wal_reader_next(&reader, &record)) == 1)
		*count += record->kind == GYR_LOG_TX;
	if (more < 0)
		stop("reading the log");
	*identity = reader.identity;
	gyr_wal_reader_close(&reader);
	return reader.end;
}

static void poll(struct bench *bench)
{
	(void)gyr_wal_poll(bench->wal, gyr_perf_now_ns());
	if (gyr_wal_status(bench->wal) < 0) {
		(void)gyr_wal_explain(bench->wal);
		stop("the wal stopped");
	}
}

static void drain(struct bench *bench)
{
	while (!gyr_wal_drained(bench->wal))
		poll(bench);
}

static void prepare(struct bench *bench)
{
	while (gyr_wal_prepare_poll(bench->wal))
		;
}

static void open_bench(struct bench *bench)
{
	struct gyr_blockdev_config device = { .in_flight_max = 16, .buffer_length = RING };
	struct gyr_log_config log = { .ring_size = RING };
	struct gyr_wal_config wal = { .prepare_ahead = 2 };
	struct gyr_wal_end end;
	uint64_t count = 0;

	(void)snprintf(bench->directory, sizeof bench->directory, "%s/%s-%u", base,
		       bench->driver->name, bench->helper_count);
	if (access(bench->directory, F_OK) != 0) {
		char command[600];

		(void)snprintf(command, sizeof command, "mkdir -p '%s'", bench->directory);
		if (system(command) != 0)
			stop("mkdir");
	}
	bench->ring = aligned(RING);
	bench->log = aligned(sizeof *bench->log);
	bench->wal = aligned(sizeof *bench->wal);
	device.path = bench->directory;
	device.buffer = bench->ring;
	device.helper_count = bench->helper_count;
	if (gyr_blockdev_open(&bench->dev, NULL, 0, &bench->driver, 1, &device) < 0)
		stop("opening");
	log.ring = bench->ring;
	log.identity.segment_size = SEGMENT;
	end = read_back(bench, &log.identity, &count);
	wal.dev = bench->dev;
	wal.log = bench->log;
	if (gyr_log_init(bench->log, &log) < 0 || gyr_wal_open(bench->wal, &wal, &end) < 0)
		stop("starting");
	prepare(bench);
	drain(bench);
	(void)printf("# %s: %s\n", bench->name, gyr_blockdev_describe(bench->dev));
}

static void close_bench(struct bench *bench)
{
	drain(bench);
	gyr_wal_close(bench->wal);
	gyr_blockdev_close(bench->dev);
	free(bench->ring);
	free(bench->log);
	free(bench->wal);
}

static bool append(struct bench *bench)
{
	const struct gyr_log_stamp stamp = { .arrival = bench->arrival + 1 };
	struct gyr_log_tx *tx = gyr_log_reserve(bench->log, GYR_LOG_TX,
						(uint32_t)sizeof *tx + RAW_LENGTH);

	if (tx == NULL)
		return false;
	bench->arrival++;
	memset(tx, (int)bench->arrival, sizeof *tx + RAW_LENGTH);
	(void)gyr_log_publish(bench->log, &stamp);
	return true;
}

static double write_one(struct bench *bench)
{
	uint64_t start = gyr_perf_now_ns();
	uint64_t end;

	if (!append(bench) || !gyr_log_commit(bench->log))
		stop("no room in an idle log");
	end = gyr_log_committed(bench->log);
	for (poll(bench); gyr_log_durable(bench->log) < end; poll(bench))
		(void)sched_yield();
	return (double)(gyr_perf_now_ns() - start);
}

static void print_idle(const char *name, double *samples, double bare_median, double bytes)
{
	(void)gyr_perf_median(samples, SAMPLES);
	(void)printf("%-24s %9.1f %9.1f %9.1f %9.1f %8.2f %9.0f\n", name,
		     samples[SAMPLES / 10] / 1e3, samples[SAMPLES / 2] / 1e3,
		     samples[SAMPLES * 9 / 10] / 1e3, samples[SAMPLES * 99 / 100] / 1e3,
		     samples[SAMPLES / 2] / bare_median, bytes);
}

static void measure_idle(void)
{
	uint64_t before[GYR_COUNT(benches)];
	double median;

	for (unsigned i = 0; i < GYR_COUNT(benches); i++)
		before[i] = benches[i].wal->statistics.write_byte_count;
	for (unsigned sample = 0; sample < SAMPLES; sample++) {
		bare.samples[sample] = write_bare();
		for (unsigned i = 0; i < GYR_COUNT(benches); i++)
			benches[i].samples[sample] = write_one(&benches[i]);
	}
	(void)printf("\none at a time, us        %9s %9s %9s %9s %8s %9s\n", "p10", "p50", "p90",
		     "p99", "x bare", "bytes/tx");
	median = gyr_perf_median(bare.samples, SAMPLES);
	print_idle("bare 4 KiB, io_uring", bare.samples, median, 4096);
	for (unsigned i = 0; i < GYR_COUNT(benches); i++) {
		uint64_t bytes = benches[i].wal->statistics.write_byte_count - before[i];

		print_idle(benches[i].name, benches[i].samples, median, (double)bytes / SAMPLES);
	}
}

/* `rate`: transactions per second that come in; 0: as many as there is room for. */
static void measure_loaded(struct bench *bench, double rate)
{
	uint64_t start = gyr_perf_now_ns();
	uint64_t first = bench->arrival;
	uint64_t bytes = bench->wal->statistics.write_byte_count;
	uint64_t writes = bench->wal->statistics.write_count;
	uint64_t end = start + LOADED_NS;
	uint64_t now = start;
	double seconds;
	double count;

	while (now < end) {
		uint64_t due = rate == 0 ? UINT64_MAX
					 : first + (uint64_t)((double)(now - start) * rate / 1e9);

		for (unsigned i = 0; i < 64 && bench->arrival < due && append(bench); i++)
			;
		if (gyr_wal_takes_commit(bench->wal))
			(void)gyr_log_commit(bench->log);
		poll(bench);
		(void)gyr_wal_prepare_poll(bench->wal);
		now = gyr_perf_now_ns();
	}
	(void)gyr_log_commit(bench->log);
	drain(bench);
	seconds = (double)(gyr_perf_now_ns() - start) / 1e9;
	bytes = bench->wal->statistics.write_byte_count - bytes;
	writes = bench->wal->statistics.write_count - writes;
	count = (double)(bench->arrival - first);
	(void)printf("%-24s %12.0f %9.1f %9.0f %9.0f %9.0f\n", bench->name, count / seconds,
		     (double)bytes / seconds / 1e6, (double)bytes / count, (double)writes / seconds,
		     (double)bytes / (double)writes);
}

/* What appending costs without a disk, and reading back. */
static void measure_format(void)
{
	struct bench *bench = &benches[0];
	struct gyr_log_reader *reader = &bench->log->readers[GYR_LOG_READER_WAL];
	uint64_t start;
	uint64_t from = gyr_log_committed(bench->log);
	uint64_t bytes;
	double ns;

	/* The wal is left out: committed is durable at once. */
	start = gyr_perf_now_ns();
	for (unsigned i = 0; i < RECORDS_BACK; i++) {
		if (!append(bench))
			stop("no room");
		if (i % 64 == 63) {
			(void)gyr_log_commit(bench->log);
			reader->position = gyr_log_committed(bench->log);
			gyr_log_release(bench->log, GYR_LOG_READER_WAL);
		}
	}
	ns = (double)(gyr_perf_now_ns() - start);
	bytes = gyr_log_committed(bench->log) - from;
	(void)printf(
		"\nappend, publish, close a block per 64: %.1f ns per transaction, %.2f GB/s\n",
		ns / RECORDS_BACK, (double)bytes / ns);
	start = gyr_perf_now_ns();
	for (unsigned i = 0; i < 64; i++)
		bare.page[i] ^= (uint8_t)gyr_log_checksum(&bench->log->key, bare.page, 1u << 20,
							  512);
	ns = (double)(gyr_perf_now_ns() - start);
	(void)printf("checksum alone: %.1f GB/s\n", 64.0 * (1u << 20) / ns);
}

static void measure_reading(struct bench *bench)
{
	struct gyr_log_identity identity = { .segment_size = SEGMENT };
	struct gyr_blockdev_config device = { .path = bench->directory, .in_flight_max = 1 };
	struct gyr_wal_end end;

	for (unsigned warm = 0; warm < 2; warm++) {
		uint64_t count = 0;
		uint64_t start;
		double ns;

		device.read_only = warm != 0; /* through the page cache, after a first pass */
		if (gyr_blockdev_open(&bench->dev, NULL, 0, &bench->driver, 1, &device) < 0)
			stop("opening");
		if (warm != 0)
			(void)read_back(bench, &identity, &count);
		count = 0;
		start = gyr_perf_now_ns();
		end = read_back(bench, &identity, &count);
		ns = (double)(gyr_perf_now_ns() - start);
		gyr_blockdev_close(bench->dev);
		(void)printf(
			"read back, %s: %llu transactions, %.0f MB in %.2f s: %.2f GB/s, %.2f s "
			"per million\n",
			warm ? "page cache, warm" : "O_DIRECT", (unsigned long long)count,
			(double)end.position / 1e6, ns / 1e9, (double)end.position / ns,
			ns / 1e3 / (double)count);
	}
}

int main(int argc, char **argv)
{
	char command[600];

	if (argc > 1) {
		(void)snprintf(base, sizeof base, "%s", argv[1]);
	} else {
		(void)snprintf(base, sizeof base, "/tmp/gyr-perf-wal-XXXXXX");
		if (mkdtemp(base) == NULL)
			stop("mkdtemp");
	}
	buffer = aligned(BUFFER);
	open_bare();
	for (unsigned i = 0; i < GYR_COUNT(benches); i++)
		open_bench(&benches[i]);
	measure_idle();
	(void)printf("\nas fast as it goes          records/s      MB/s  bytes/tx  writes/s "
		     "bytes/wr\n");
	for (unsigned i = 0; i < GYR_COUNT(benches); i++)
		measure_loaded(&benches[i], 0);
	(void)printf("\nat 100,000/s                records/s      MB/s  bytes/tx  writes/s "
		     "bytes/wr\n");
	for (unsigned i = 0; i < GYR_COUNT(benches); i++)
		measure_loaded(&benches[i], 100000);
	for (unsigned i = 1; i < GYR_COUNT(benches); i++)
		close_bench(&benches[i]);
	/* The log as it is on disk is read back; then the ring is used without one. */
	drain(&benches[0]);
	gyr_blockdev_close(benches[0].dev);
	measure_reading(&benches[0]);
	measure_format();
	if (argc <= 1) {
		(void)snprintf(command, sizeof command, "rm -rf '%s'", base);
		return system(command) == 0 ? 0 : 1;
	}
	return 0;
}
