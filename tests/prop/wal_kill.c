/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that writes a log to real files is killed with -9 again and again, with writes in
 * flight, through each driver: the next one gets the lock, reads back everything that was durable,
 * in order and once, and goes on.
 */
#include "gyr_test.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_block_pwrite.h"
#include "gyr_err.h"
#include "gyr_wal.h"
#ifdef GYR_HAVE_BLOCK_URING
#include "gyr_block_uring.h"
#endif

#define SEGMENT (4u << 20)
#define RING	(2u << 20)
#define BUFFER	(1u << 20)

#define LIFE_BYTES_MAX (6u << 20)
#define LIFE_SECONDS   60 /* a child that nobody kills ends by itself */

struct life { /* shared with the child */
	_Atomic uint64_t durable;
	_Atomic uint64_t written; /* durable in this life */
};

static char directory[64];
static struct life *life;

static void complain(const char *what)
{
	gyr_err_print(stderr, what);
	_exit(99);
}

static struct gyr_blockdev *open_dev(const struct gyr_blockdev_ops *driver, uint8_t *ring)
{
	const struct gyr_blockdev_config config = {
		.path = directory,
		.buffer = ring,
		.buffer_length = ring == NULL ? 0 : RING,
		.in_flight_max = 8,
		.helper_count = 2,
	};
	struct gyr_blockdev *dev = NULL;

	if (gyr_blockdev_open(&dev, NULL, 0, &driver, 1, &config) < 0)
		complain("open");
	return dev;
}

/* Reads the log; arrivals are dense within what was ordered. */
static struct gyr_wal_end recover(struct gyr_blockdev *dev, struct gyr_log_identity *identity,
				  uint64_t *count)
{
	struct gyr_wal_reader_config config = {
		.dev = dev,
		.buffer = aligned_alloc(4096, BUFFER),
		.buffer_length = BUFFER,
		.expected = identity,
	};
	struct gyr_wal_reader reader;
	const struct gyr_log_record *record;
	uint64_t arrival = 0;
	int more;

	*count = 0;
	if (gyr_wal_reader_open(&reader, &config) < 0)
		complain("reader");
	while ((more = gyr_wal_reader_next(&reader, &record)) == 1) {
		const uint8_t *raw;

		if (record->kind != GYR_LOG_TX)
			continue;
		raw = gyr_log_tx_raw(record).data;
		if (record->arrival != arrival + 1 || raw[0] != (record->arrival & 255) ||
		    gyr_log_tx_raw(record).length != record->arrival % 900 + 1) {
			(void)fprintf(stderr, "arrival %llu after %llu\n",
				      (unsigned long long)record->arrival,
				      (unsigned long long)arrival);
			_exit(98);
		}
		arrival = record->arrival;
		++*count;
	}
	if (more < 0)
		complain("recovery");
	*identity = reader.identity;
	gyr_wal_reader_close(&reader);
	free(config.buffer);
	return reader.end;
}

/* Writes until it is killed. */
static _Noreturn void serve(const struct gyr_blockdev_ops *driver)
{
	uint8_t *ring = aligned_alloc(4096, RING);
	struct gyr_log *log = aligned_alloc(64, gyr_round_up(sizeof *log, 64));
	struct gyr_wal *wal = aligned_alloc(64, gyr_round_up(sizeof *wal, 64));
	struct gyr_blockdev *dev = open_dev(driver, ring);
	struct gyr_log_config log_config = { .ring = ring, .ring_size = RING };
	struct gyr_wal_config config = { .dev = dev, .log = log };
	struct gyr_wal_end end;
	uint64_t count;
	uint64_t arrival;

	(void)alarm(LIFE_SECONDS);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_config.identity.segment_size = SEGMENT;
	memset(ring, 0, RING);
	end = recover(dev, &log_config.identity, &count);
	arrival = end.arrival_next;
	if (gyr_log_init(log, &log_config) < 0 || gyr_wal_open(wal, &config, &end) < 0)
		complain("start");
	for (;;) {
		bool enough = gyr_log_published(log) > end.position + LIFE_BYTES_MAX;
		uint32_t length = (uint32_t)(arrival % 900) + 1;
		struct gyr_log_tx *tx = NULL;

		if (!enough)
			tx = gyr_log_reserve(log, GYR_LOG_TX, (uint32_t)sizeof *tx + length);
		if (tx != NULL) {
			memset(tx, 0, sizeof *tx);
			memset(tx + 1, (int)(arrival & 255), length);
			(void)gyr_log_publish(log, &(struct gyr_log_stamp){ .arrival = arrival++ });
		}
		if (gyr_wal_takes_commit(wal))
			(void)gyr_log_commit(log);
		if (gyr_wal_poll(wal, 1) == 0)
			(void)sched_yield();
		(void)gyr_wal_prepare_poll(wal);
		if (gyr_wal_status(wal) < 0) {
			(void)gyr_wal_explain(wal);
			complain("wal");
		}
		life->durable = gyr_log_durable(log);
		life->written = gyr_log_durable(log) - end.position;
	}
}

static void campaign(const struct gyr_blockdev_ops *driver, unsigned kills)
{
	struct gyr_log_identity identity = { .segment_size = SEGMENT };
	struct gyr_blockdev *dev;
	uint64_t seed = gyr_test_seed();
	char command[96];
	uint64_t count = 0;
	uint64_t torn = 0;

	(void)snprintf(directory, sizeof directory, "/tmp/gyr-wal-kill-XXXXXX");
	assert_non_null(mkdtemp(directory));
	life->durable = 0;
	for (unsigned i = 0; i < kills; i++) {
		struct gyr_wal_end end;
		pid_t child;
		int status;

		life->written = 0;
		child = fork();
		if (child == 0)
			serve(driver);
		for (unsigned wait = 0; life->written <= 8192 && wait < 20000; wait++) {
			assert_int_equal(waitpid(child, &status, WNOHANG), 0);
			(void)usleep(500);
		}
		(void)usleep((unsigned)(gyr_test_random(&seed) % 20000));
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_true(life->written > 8192);
		dev = open_dev(driver, NULL);
		end = recover(dev, &identity, &count);
		gyr_blockdev_close(dev);
		assert_true(end.position >= life->durable);
		assert_true(count > 0);
		torn += end.kind != GYR_WAL_END_CLEAN;
	}
	print_message("%s: %u kills, %llu transactions, %llu MB, %llu ends not clean\n",
		      driver->name, kills, (unsigned long long)count,
		      (unsigned long long)(life->durable >> 20), (unsigned long long)torn);
	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
}

static unsigned kill_count(void)
{
	const char *given = getenv("GYR_KILLS");

	return given == NULL ? 20 : (unsigned)strtoul(given, NULL, 10);
}

static void killed_over_pwrite(void **state)
{
	(void)state;
	campaign(&gyr_block_pwrite, kill_count());
}

static void killed_over_uring(void **state)
{
	(void)state;
#ifdef GYR_HAVE_BLOCK_URING
	{
		const struct gyr_blockdev_config config = { .path = "/tmp",
							    .in_flight_max = 1,
							    .read_only = true };
		struct gyr_blockdev *dev;

		assert_int_equal(gyr_block_uring.open(&dev, &config), 0);
		gyr_blockdev_close(dev);
	}
	campaign(&gyr_block_uring, kill_count());
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_over_pwrite),
		cmocka_unit_test(killed_over_uring),
	};

	life = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (life == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
