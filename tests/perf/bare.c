/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare device: 4 KiB written by io_uring with O_DIRECT and O_DSYNC to a zero-written file, one
 * at a time, every millisecond as an unloaded log would. Prints p50, p90 and p99 in nanoseconds.
 *
 *   perf_bare FOLDER [writes]
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE	  4096u
#define FILE_SIZE (64u << 20)
#define STEP	  (1u << 20)

static double now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void stop(const char *what)
{
	(void)fprintf(stderr, "perf_bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double write_one(struct io_uring *ring, int fd, const void *page, uint64_t offset)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	double begun = now_ns();

	io_uring_prep_write(sqe, fd, page, PAGE, offset);
	(void)io_uring_submit(ring);
	while (io_uring_peek_cqe(ring, &cqe) != 0)
		;
	if (cqe->res != (int)PAGE)
		stop("the write");
	io_uring_cqe_seen(ring, cqe);
	return now_ns() - begun;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2000;
	double *samples = calloc(count == 0 ? 1 : count, sizeof *samples);
	struct timespec pause = { 0, 800000 };
	struct io_uring ring;
	char path[512];
	void *page;
	int fd;

	if (argc < 2 || count == 0 || samples == NULL)
		return 2;
	(void)snprintf(path, sizeof path, "%s/bare", argv[1]);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_DSYNC, 0600);
	page = aligned_alloc(PAGE, STEP);
	if (fd < 0 || page == NULL || io_uring_queue_init(8, &ring, 0) < 0)
		stop(path);
	memset(page, 0, STEP);
	for (unsigned at = 0; at < FILE_SIZE; at += STEP)
		if (pwrite(fd, page, STEP, at) != (ssize_t)STEP)
			stop(path);
	for (unsigned i = 0; i < count; i++) {
		(void)nanosleep(&pause, NULL);
		samples[i] = write_one(&ring, fd, page, (uint64_t)i * PAGE % FILE_SIZE);
	}
	qsort(samples, count, sizeof *samples, by_size);
	(void)printf("%.0f %.0f %.0f\n", samples[count / 2], samples[count * 9ul / 10],
		     samples[count * 99ul / 100]);
	io_uring_queue_exit(&ring);
	(void)close(fd);
	(void)unlink(path);
	free(samples);
	free(page);
	return 0;
}
