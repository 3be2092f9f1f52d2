/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_block_uring.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gyr_blockdev_directory.h"
#include "gyr_err.h"

#define BUFFER_LENGTH_MAX (UINT64_C(1) << 30)
#define LOCK_INDEX	  GYR_BLOCKDEV_SLOTS /* behind the slots, in the table of files */

struct uring_device {
	struct gyr_blockdev_directory directory;
	struct io_uring ring;
	uint32_t in_flight_max;
	uint32_t in_flight;
	uint32_t unsubmitted;
	int event_fd;
	bool ring_open;
	bool buffer_registered;
	bool slot_registered[GYR_BLOCKDEV_SLOTS]; /* the data lane's own */
	char text[192];
};

static struct uring_device *device_of(struct gyr_blockdev *dev)
{
	return (struct uring_device *)dev;
}

/* liburing 2.3 as a shared library exports no function for two of the registrations. */
static int register_call(struct uring_device *device, unsigned operation, const void *argument,
			 unsigned count)
{
	long result = syscall(SYS_io_uring_register, device->ring.ring_fd, operation, argument,
			      count);

	return result < 0 ? -errno : (int)result;
}

static int refuse(const char *what, int result)
{
	if (result >= 0)
		return 0;
	GYR_FAIL(GYR_ERR_UNSUPPORTED, "%s: %s", what, strerror(-result));
}

static int register_buffer(struct uring_device *device, const struct gyr_blockdev_config *config)
{
	struct iovec vector = { .iov_base = (void *)(uintptr_t)config->buffer,
				.iov_len = config->buffer_length };
	int result;

	if (config->buffer == NULL)
		return 0;
	if (config->buffer_length > BUFFER_LENGTH_MAX)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "io_uring registers at most 1 GiB of log ring");
	result = io_uring_register_buffers(&device->ring, &vector, 1);
	if (result < 0 && result != -ENOMEM)
		return refuse("registering the log ring", result);
	device->buffer_registered = result == 0;
	return 0;
}

static int register_files(struct uring_device *device)
{
	int files[GYR_BLOCKDEV_SLOTS + 1];

	for (unsigned i = 0; i < GYR_BLOCKDEV_SLOTS; i++)
		files[i] = -1;
	files[LOCK_INDEX] = device->directory.lock_fd;
	return refuse("registering files",
		      io_uring_register_files(&device->ring, files, GYR_BLOCKDEV_SLOTS + 1));
}

/* From here on the ring can write to registered files, and change which these are. */
static int restrict_ring(struct uring_device *device)
{
	struct io_uring_restriction rules[3];

	memset(rules, 0, sizeof rules);
	rules[0].opcode = IORING_RESTRICTION_SQE_OP;
	rules[0].sqe_op = device->buffer_registered ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;
	rules[1].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
	rules[1].sqe_flags = IOSQE_FIXED_FILE;
	rules[2].opcode = IORING_RESTRICTION_REGISTER_OP;
	rules[2].register_op = IORING_REGISTER_FILES_UPDATE;
	return refuse("restricting the ring",
		      register_call(device, IORING_REGISTER_RESTRICTIONS, rules, GYR_COUNT(rules)));
}

static int start(struct uring_device *device, const struct gyr_blockdev_config *config)
{
	struct io_uring_params params;

	memset(&params, 0, sizeof params);
	/* Completions are picked up by the lane when it looks; nothing interrupts it. */
	params.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN |
		       IORING_SETUP_TASKRUN_FLAG;
	if (config->want_event)
		params.flags = IORING_SETUP_R_DISABLED;
	GYR_TRY(refuse("io_uring_setup", io_uring_queue_init_params(GYR_BLOCKDEV_IN_FLIGHT_MAX,
								    &device->ring, &params)));
	device->ring_open = true;
	GYR_TRY(register_buffer(device, config));
	GYR_TRY(register_files(device));
	if (config->want_event) {
		device->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (device->event_fd < 0)
			return refuse("eventfd", -errno);
		GYR_TRY(refuse("registering an eventfd",
			       io_uring_register_eventfd(&device->ring, device->event_fd)));
	}
	GYR_TRY(restrict_ring(device));
	return refuse("enabling the ring",
		      register_call(device, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
}

static void close_device(struct gyr_blockdev *dev)
{
	struct uring_device *device = device_of(dev);
	struct gyr_blockdev_completion completion;

	while (device->in_flight != 0) {
		gyr_blockdev_submit(dev);
		if (gyr_blockdev_poll(dev, &completion, 1) == 0)
			(void)usleep(100);
	}
	if (device->ring_open) {
		int none[LOCK_INDEX + 1];

		/* Nothing is in flight: let go of the files now, the kernel takes the ring down
		 * later. */
		memset(none, 0xff, sizeof none);
		(void)io_uring_register_files_update(&device->ring, 0, none, GYR_COUNT(none));
		io_uring_queue_exit(&device->ring);
	}
	if (device->event_fd >= 0)
		(void)close(device->event_fd);
	gyr_blockdev_directory_fini(&device->directory);
	free(device);
}

static int open_device(struct gyr_blockdev **out, const struct gyr_blockdev_config *config)
{
	struct uring_device *device = calloc(1, sizeof *device);
	int error;

	if (device == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a block device");
	device->directory.dev.ops = &gyr_block_uring;
	device->event_fd = -1;
	device->in_flight_max = (uint32_t)gyr_min_u64(config->in_flight_max,
						      GYR_BLOCKDEV_IN_FLIGHT_MAX);
	error = gyr_blockdev_directory_init(&device->directory, config, 2);
	if (error < 0) {
		free(device);
		return error;
	}
	error = config->read_only ? 0 : start(device, config);
	if (error < 0) {
		close_device(&device->directory.dev);
		return error;
	}
	(void)snprintf(device->text, sizeof device->text,
		       "io_uring with RWF_DSYNC, O_DIRECT, registered files, %s",
		       device->buffer_registered ? "registered memory"
						 : "unregistered memory (see RLIMIT_MEMLOCK)");
	*out = &device->directory.dev;
	return 0;
}

static bool queue(struct gyr_blockdev *dev, int slot, const void *from, uint32_t length,
		  uint64_t offset, uint64_t tag)
{
	struct uring_device *device = device_of(dev);
	struct io_uring_sqe *sqe;

	gyr_assert(!device->directory.read_only && device->directory.slot_fd[slot] >= 0);
	if (device->in_flight == device->in_flight_max)
		return false;
	if (!device->slot_registered[slot]) {
		/* Once per segment: a system call that does not wait. */
		if (io_uring_register_files_update(&device->ring, (unsigned)slot,
						   &device->directory.slot_fd[slot], 1) != 1)
			return false;
		device->slot_registered[slot] = true;
	}
	sqe = io_uring_get_sqe(&device->ring);
	if (sqe == NULL)
		return false;
	if (device->buffer_registered)
		io_uring_prep_write_fixed(sqe, slot, from, length, offset, 0);
	else
		io_uring_prep_write(sqe, slot, from, length, offset);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->rw_flags = RWF_DSYNC;
	sqe->user_data = tag;
	device->in_flight++;
	device->unsubmitted++;
	return true;
}

static void submit(struct gyr_blockdev *dev)
{
	struct uring_device *device = device_of(dev);
	int count;

	if (device->unsubmitted == 0)
		return;
	count = io_uring_submit(&device->ring);
	/* A busy kernel takes less or nothing: what is left goes with the next call. */
	if (count > 0)
		device->unsubmitted -= (uint32_t)count;
}

static unsigned poll_device(struct gyr_blockdev *dev, struct gyr_blockdev_completion *out,
			    unsigned count_max)
{
	struct uring_device *device = device_of(dev);
	struct io_uring_cqe *cqe;
	unsigned count = 0;
	eventfd_t events;

	if (device->in_flight == 0)
		return 0;
	if (device->event_fd >= 0)
		(void)eventfd_read(device->event_fd, &events);
	while (count < count_max && io_uring_peek_cqe(&device->ring, &cqe) == 0) {
		out[count++] = (struct gyr_blockdev_completion){ cqe->user_data, cqe->res };
		io_uring_cqe_seen(&device->ring, cqe);
		device->in_flight--;
	}
	return count;
}

static void detach(struct gyr_blockdev *dev, int slot)
{
	struct uring_device *device = device_of(dev);
	int none = -1;

	if (!device->slot_registered[slot])
		return;
	/* Should it fail, the file stays referenced until the slot's next file takes its place. */
	(void)io_uring_register_files_update(&device->ring, (unsigned)slot, &none, 1);
	device->slot_registered[slot] = false;
}

static int wait_fd(struct gyr_blockdev *dev)
{
	return device_of(dev)->event_fd;
}

static const char *describe(struct gyr_blockdev *dev)
{
	return device_of(dev)->text;
}

static const int uring_calls[] = { SYS_io_uring_enter, SYS_io_uring_register, -1 };

const struct gyr_blockdev_ops gyr_block_uring = {
	.name = "uring",
	.calls = uring_calls,
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
