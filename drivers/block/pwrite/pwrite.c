/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_block_pwrite.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gyr_blockdev_directory.h"
#include "gyr_err.h"

#define HELPERS_MAX 4

struct job {
	/* FREE and QUEUED are stored by the data lane, DONE by a helper (release, after `result`);
	 * the data lane loads it (acquire). */
	_Atomic uint32_t state;
	int32_t result;
	const void *from;
	uint64_t offset;
	uint64_t tag;
	uint32_t length;
	int fd;
};

enum { FREE, QUEUED, DONE };

struct pwrite_device {
	struct gyr_blockdev_directory directory;
	uint32_t job_count; /* a power of two */
	uint32_t in_flight_max;
	uint32_t helper_count;
	uint32_t in_flight; /* the data lane's own */
	uint32_t oldest;    /* the data lane's own: no job before it is out */
	int event_fd;
	/* Jobs handed out: stored by the data lane (release, after the job), loaded by helpers
	 * (acquire); the futex word of idle helpers. */
	_Atomic uint32_t queued;
	/* Jobs claimed: helpers compare-and-swap it. */
	_Atomic uint32_t claimed;
	_Atomic uint32_t sleeping;
	_Atomic bool stopping;
	pthread_t helpers[HELPERS_MAX];
	struct job jobs[GYR_BLOCKDEV_IN_FLIGHT_MAX];
	char text[96];
};

static struct pwrite_device *device_of(struct gyr_blockdev *dev)
{
	return (struct pwrite_device *)dev;
}

static void run(struct job *job)
{
	const struct iovec vector = { .iov_base = (void *)(uintptr_t)job->from,
				      .iov_len = job->length };
	ssize_t done;

	do
		done = pwritev2(job->fd, &vector, 1, (off_t)job->offset, RWF_DSYNC);
	while (done < 0 && errno == EINTR);
	job->result = done < 0 ? -errno : (int32_t)done;
	/* Release: the result before the word that shows it. */
	atomic_store_explicit(&job->state, DONE, memory_order_release);
}

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
	(void)syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static struct job *claim(struct pwrite_device *device, uint32_t *queued_seen)
{
	/* Relaxed: the swap below decides. */
	uint32_t claimed = atomic_load_explicit(&device->claimed, memory_order_relaxed);

	for (;;) {
		/* Acquire: pairs with queue's release; the job's fields are visible. Sequentially
		 * consistent with `sleeping`, so that no wake-up is lost. */
		uint32_t queued = atomic_load_explicit(&device->queued, memory_order_seq_cst);

		*queued_seen = queued;
		/* Whoever sees the number that close moved sees this too. */
		if (claimed == queued ||
		    atomic_load_explicit(&device->stopping, memory_order_seq_cst))
			return NULL;
		if (atomic_compare_exchange_weak_explicit(&device->claimed, &claimed, claimed + 1,
							  memory_order_acq_rel,
							  memory_order_relaxed))
			return &device->jobs[claimed & (device->job_count - 1)];
	}
}

static void *help(void *argument)
{
	struct pwrite_device *device = argument;

	for (;;) {
		uint32_t queued;
		struct job *job = claim(device, &queued);

		if (job == NULL) {
			/* Pairs with close: the store before the number that claim may have seen.
			 */
			if (atomic_load_explicit(&device->stopping, memory_order_seq_cst))
				return NULL;
			atomic_fetch_add_explicit(&device->sleeping, 1, memory_order_seq_cst);
			/* Sleeps only while nothing was queued since claim looked. */
			futex(&device->queued, FUTEX_WAIT, queued);
			atomic_fetch_sub_explicit(&device->sleeping, 1, memory_order_seq_cst);
			continue;
		}
		run(job);
		if (device->event_fd >= 0)
			(void)eventfd_write(device->event_fd, 1);
	}
}

static void close_device(struct gyr_blockdev *dev)
{
	struct pwrite_device *device = device_of(dev);
	struct gyr_blockdev_completion completion;

	while (device->in_flight != 0)
		if (gyr_blockdev_poll(dev, &completion, 1) == 0)
			(void)usleep(100);
	/* The flag before the number: see claim and help. No job is out any more. */
	atomic_store_explicit(&device->stopping, true, memory_order_seq_cst);
	(void)atomic_fetch_add_explicit(&device->queued, 1, memory_order_seq_cst);
	futex(&device->queued, FUTEX_WAKE, INT32_MAX);
	for (uint32_t i = 0; i < device->helper_count; i++)
		(void)pthread_join(device->helpers[i], NULL);
	if (device->event_fd >= 0)
		(void)close(device->event_fd);
	gyr_blockdev_directory_fini(&device->directory);
	free(device);
}

static int start(struct pwrite_device *device, const struct gyr_blockdev_config *config)
{
	if (config->want_event) {
		device->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (device->event_fd < 0)
			GYR_FAIL(GYR_ERR_IO, "eventfd: %s", strerror(errno));
	}
	while (device->helper_count < config->helper_count && !config->read_only) {
		int number = pthread_create(&device->helpers[device->helper_count], NULL, help,
					    device);

		if (number != 0)
			GYR_FAIL(GYR_ERR_MEMORY, "cannot start a helper thread: %s",
				 strerror(number));
		(void)pthread_setname_np(device->helpers[device->helper_count], "gyr-pwrite");
		device->helper_count++;
	}
	return 0;
}

static int open_device(struct gyr_blockdev **out, const struct gyr_blockdev_config *config)
{
	struct pwrite_device *device = calloc(1, sizeof *device);
	int error;

	if (device == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a block device");
	if (config->helper_count > HELPERS_MAX || config->in_flight_max == 0 ||
	    config->in_flight_max > GYR_BLOCKDEV_IN_FLIGHT_MAX) {
		free(device);
		GYR_FAIL(GYR_ERR_CONFIG, "pwrite: at most %d helpers and %u writes in flight",
			 HELPERS_MAX, GYR_BLOCKDEV_IN_FLIGHT_MAX);
	}
	device->directory.dev.ops = &gyr_block_pwrite;
	device->event_fd = -1;
	device->in_flight_max = config->in_flight_max;
	device->job_count = GYR_BLOCKDEV_IN_FLIGHT_MAX;
	error = gyr_blockdev_directory_init(&device->directory, config, 1);
	if (error < 0) {
		free(device);
		return error;
	}
	error = start(device, config);
	if (error < 0) {
		close_device(&device->directory.dev);
		return error;
	}
	(void)snprintf(device->text, sizeof device->text, "pwritev2 with RWF_DSYNC, %s, %u helpers",
		       device->directory.direct ? "O_DIRECT" : "through the page cache",
		       device->helper_count);
	*out = &device->directory.dev;
	return 0;
}

static bool queue(struct gyr_blockdev *dev, int slot, const void *from, uint32_t length,
		  uint64_t offset, uint64_t tag)
{
	struct pwrite_device *device = device_of(dev);
	/* Relaxed: the data lane alone moves it. */
	uint32_t queued = atomic_load_explicit(&device->queued, memory_order_relaxed);
	struct job *job = &device->jobs[queued & (device->job_count - 1)];

	gyr_assert(!device->directory.read_only && device->directory.slot_fd[slot] >= 0);
	/* Relaxed: FREE is stored by this thread. The second: jobs complete in any order. */
	if (device->in_flight == device->in_flight_max ||
	    atomic_load_explicit(&job->state, memory_order_relaxed) != FREE)
		return false;
	job->fd = device->directory.slot_fd[slot];
	job->from = from;
	job->length = length;
	job->offset = offset;
	job->tag = tag;
	device->in_flight++;
	/* Relaxed: the store of `queued` publishes the job. */
	atomic_store_explicit(&job->state, QUEUED, memory_order_relaxed);
	/* Release for the helpers, and before the load of `sleeping` in submit. */
	atomic_store_explicit(&device->queued, queued + 1, memory_order_seq_cst);
	if (device->helper_count == 0) {
		/* Relaxed: there are no other claimers. */
		atomic_store_explicit(&device->claimed, queued + 1, memory_order_relaxed);
		run(job);
	}
	return true;
}

static void submit(struct gyr_blockdev *dev)
{
	struct pwrite_device *device = device_of(dev);

	/* Sequentially consistent: either it sees the sleeper, or the sleeper saw the job. */
	if (atomic_load_explicit(&device->sleeping, memory_order_seq_cst) != 0)
		futex(&device->queued, FUTEX_WAKE, INT32_MAX);
}

static unsigned poll_device(struct gyr_blockdev *dev, struct gyr_blockdev_completion *out,
			    unsigned count_max)
{
	struct pwrite_device *device = device_of(dev);
	unsigned count = 0;
	eventfd_t events;
	uint32_t queued;

	if (device->in_flight == 0)
		return 0;
	if (device->event_fd >= 0)
		(void)eventfd_read(device->event_fd, &events);
	/* Relaxed: the data lane alone moves it. */
	queued = atomic_load_explicit(&device->queued, memory_order_relaxed);
	for (uint32_t i = device->oldest; i != queued && count < count_max; i++) {
		struct job *job = &device->jobs[i & (device->job_count - 1)];

		/* Acquire: pairs with the helper's release; the result is visible. */
		if (atomic_load_explicit(&job->state, memory_order_acquire) == DONE) {
			out[count++] = (struct gyr_blockdev_completion){ job->tag, job->result };
			/* Relaxed: this thread alone takes free jobs. */
			atomic_store_explicit(&job->state, FREE, memory_order_relaxed);
			device->in_flight--;
		}
		/* Relaxed: FREE is stored by this thread. */
		if (i == device->oldest &&
		    atomic_load_explicit(&job->state, memory_order_relaxed) == FREE)
			device->oldest++;
	}
	return count;
}

static void detach(struct gyr_blockdev *dev, int slot)
{
	gyr_assert(device_of(dev)->directory.slot_fd[slot] >= 0);
}

static int wait_fd(struct gyr_blockdev *dev)
{
	return device_of(dev)->event_fd;
}

static const char *describe(struct gyr_blockdev *dev)
{
	return device_of(dev)->text;
}

/* With helpers it only wakes them (futex, which every lane may). */
static const int pwrite_calls[] = { SYS_pwritev2, -1 };

const struct gyr_blockdev_ops gyr_block_pwrite = {
	.name = "pwrite",
	.calls = pwrite_calls,
	.open = open_device,
	.close = close_device,
	.list = gyr_blockdev_directory_list,
	.create = gyr_blockdev_directory_create,
	.file_open = gyr_blockdev_directory_file_open,
	.file_close = gyr_blockdev_directory_file_close,
	.fill = gyr_blockdev_directory_fill,
	.sync = gyr_blockdev_directory_sync,
	.read = gyr_blockdev_directory_read,
	.rename = gyr_blockdev_directory_rename,
	.remove = gyr_blockdev_directory_remove,
	.sync_directory = gyr_blockdev_directory_sync_directory,
	.free_bytes = gyr_blockdev_directory_free_bytes,
	.describe = describe,
	.queue = queue,
	.submit = submit,
	.poll = poll_device,
	.detach = detach,
	.wait_fd = wait_fd,
};
