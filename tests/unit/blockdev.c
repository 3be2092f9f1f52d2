/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block drivers over a real directory: what is written is there, every write carries its flush
 * flag (the calls that send them are replaced here and looked at), errors come back as such, one
 * instance per directory.
 */
#include "gyr_test.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_block_pwrite.h"
#include "gyr_err.h"
#ifdef GYR_HAVE_BLOCK_URING
#include "gyr_block_uring.h"
#include <liburing.h>
#endif

#define BUFFER_LENGTH (1u << 20)
#define FILE_LENGTH   (4u << 20)

static _Atomic uint64_t flagged;
static _Atomic uint64_t unflagged;

/* The linker takes these instead of the libraries' own. */
ssize_t pwritev2(int fd, const struct iovec *vectors, int count, off_t offset, int flags)
{
	atomic_fetch_add((flags & RWF_DSYNC) != 0 ? &flagged : &unflagged, 1);
	return syscall(SYS_pwritev2, fd, vectors, count, (unsigned long)offset, 0ul, flags);
}

#ifdef GYR_HAVE_BLOCK_URING
int io_uring_submit(struct io_uring *ring)
{
	static int (*original)(struct io_uring *);

	if (original == NULL)
		*(void **)&original = dlsym(RTLD_NEXT, "io_uring_submit");
	for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++) {
		const struct io_uring_sqe *sqe = &ring->sq.sqes[i & *ring->sq.kring_mask];
		bool write = sqe->opcode == IORING_OP_WRITE_FIXED || sqe->opcode == IORING_OP_WRITE;

		atomic_fetch_add(write && (sqe->rw_flags & RWF_DSYNC) != 0 &&
						 (sqe->flags & IOSQE_FIXED_FILE) != 0
					 ? &flagged
					 : &unflagged,
				 1);
	}
	return original(ring);
}
#endif

struct setup {
	const struct gyr_blockdev_ops *driver;
	uint32_t helper_count;
};

static const struct setup setups[] = {
	{ &gyr_block_pwrite, 0 },
	{ &gyr_block_pwrite, 1 },
	{ &gyr_block_pwrite, 3 },
#ifdef GYR_HAVE_BLOCK_URING
	{ &gyr_block_uring, 0 },
#endif
};

static uint8_t *buffer;
static char directory[64];

static void make_directory(void)
{
	(void)snprintf(directory, sizeof directory, "/tmp/gyr-blockdev-XXXXXX");
	assert_non_null(mkdtemp(directory));
}

static void remove_directory(void)
{
	char command[96];

	(void)snprintf(command, sizeof command, "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
}

/* NULL where this kernel or file system cannot do it. */
static struct gyr_blockdev *open_it(const struct setup *setup, bool want_event)
{
	struct gyr_blockdev_config config = {
		.path = directory,
		.buffer = buffer,
		.buffer_length = BUFFER_LENGTH,
		.in_flight_max = 8,
		.helper_count = setup->helper_count,
		.want_event = want_event,
	};
	struct gyr_blockdev *dev = NULL;
	int error = gyr_blockdev_open(&dev, NULL, 0, &setup->driver, 1, &config);

	if (error == -GYR_ERR_UNSUPPORTED) {
		print_message("%s cannot be tested here: %s\n", setup->driver->name,
			      gyr_err_cause());
		return NULL;
	}
	assert_int_equal(error, 0);
	print_message("%s\n", gyr_blockdev_describe(dev));
	return dev;
}

static int make_file(struct gyr_blockdev *dev, const char *name)
{
	int slot = gyr_blockdev_create(dev, name);

	assert_true(slot >= 0);
	assert_int_equal(gyr_blockdev_fill(dev, slot, 0, FILE_LENGTH), 0);
	assert_int_equal(gyr_blockdev_sync(dev, slot), 0);
	assert_int_equal(gyr_blockdev_sync_directory(dev), 0);
	return slot;
}

/* Writes at random places of two files, several in flight; then everything is as written. */
static void check_writes(struct gyr_blockdev *dev)
{
	static uint8_t model[2][FILE_LENGTH];
	int slots[2] = { make_file(dev, "a"), make_file(dev, "b") };
	struct gyr_blockdev_completion completions[8];
	bool out[BUFFER_LENGTH / 65536] = { false };
	uint64_t seed = 5;
	unsigned started = 0;
	unsigned finished = 0;
	uint64_t before = atomic_load(&flagged);
	uint8_t *back = aligned_alloc(4096, FILE_LENGTH);

	memset(model, 0, sizeof model);
	assert_int_equal(atomic_load(&unflagged), 0);
	while (finished < 200) {
		unsigned count = gyr_blockdev_poll(dev, completions, 8);

		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(completions[i].result,
					 4096 * (int32_t)(completions[i].tag >> 8));
			out[completions[i].tag & 255] = false;
			finished++;
		}
		/* Places of one lap do not overlap, those of several may only follow. */
		while (started < 200 && (started % 16 != 0 || finished == started)) {
			unsigned part = started % 16;
			unsigned pages = 1 + (unsigned)(gyr_test_random(&seed) % 16);
			uint8_t *from = buffer + 65536u * part;
			uint64_t offset = 262144u * (uint64_t)part;

			for (unsigned i = 0; i < 4096 * pages; i += 8)
				memcpy(from + i, &(uint64_t){ gyr_test_random(&seed) }, 8);
			if (!gyr_blockdev_queue(dev, slots[part & 1], from, 4096 * pages, offset,
						pages << 8 | part))
				break;
			memcpy(model[part & 1] + offset, from, (size_t)4096 * pages);
			assert_false(out[part]);
			out[part] = true;
			started++;
		}
		gyr_blockdev_submit(dev);
	}
	assert_int_equal(atomic_load(&unflagged), 0);
	assert_true(atomic_load(&flagged) - before >= 200);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(gyr_blockdev_read(dev, slots[i], back, FILE_LENGTH, 0),
				 FILE_LENGTH);
		assert_memory_equal(back, model[i], FILE_LENGTH);
		gyr_blockdev_detach(dev, slots[i]);
		gyr_blockdev_file_close(dev, slots[i]);
	}
	free(back);
}

static void writes_are_there_and_carry_their_flag(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * GYR_COUNT(setups); i++) {
		struct gyr_blockdev *dev;

		make_directory();
		dev = open_it(&setups[i / 2], i % 2 != 0);
		if (dev != NULL) {
			assert_true((gyr_blockdev_wait_fd(dev) >= 0) == (i % 2 != 0));
			check_writes(dev);
			gyr_blockdev_close(dev);
		}
		remove_directory();
	}
}

static void count_files(void *user, const struct gyr_blockdev_file *file)
{
	unsigned *counts = user;

	counts[0]++;
	if (strcmp(file->name, "b") == 0 && file->size == 8192)
		counts[1]++;
}

static void files_are_named_and_removed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(setups); i++) {
		struct gyr_blockdev *dev;
		unsigned counts[2] = { 0, 0 };
		uint64_t room;
		int slot;

		make_directory();
		dev = open_it(&setups[i], false);
		if (dev == NULL) {
			remove_directory();
			continue;
		}
		slot = gyr_blockdev_create(dev, "a");
		assert_true(slot >= 0);
		assert_true(gyr_blockdev_create(dev, "a") < 0);
		assert_int_equal(gyr_blockdev_fill(dev, slot, 0, 8192), 0);
		gyr_blockdev_file_close(dev, slot);
		assert_int_equal(gyr_blockdev_rename(dev, "a", "b"), 0);
		assert_true(gyr_blockdev_rename(dev, "b", GYR_BLOCKDEV_LOCK_NAME) < 0);
		assert_true(gyr_blockdev_file_open(dev, "a") < 0);
		assert_int_equal(gyr_blockdev_list(dev, count_files, counts), 0);
		assert_int_equal(counts[0], 2); /* and the lock */
		assert_int_equal(counts[1], 1);
		assert_int_equal(gyr_blockdev_remove(dev, "b"), 0);
		assert_true(gyr_blockdev_remove(dev, "b") < 0);
		assert_int_equal(gyr_blockdev_free_bytes(dev, &room), 0);
		assert_true(room > 0);
		for (unsigned k = 0; k < GYR_BLOCKDEV_SLOTS; k++)
			assert_true(gyr_blockdev_file_open(dev, GYR_BLOCKDEV_LOCK_NAME) >= 0);
		assert_int_equal(gyr_blockdev_file_open(dev, GYR_BLOCKDEV_LOCK_NAME),
				 -GYR_ERR_LIMIT);
		gyr_blockdev_close(dev);
		remove_directory();
	}
	gyr_err_clear();
}

static void second_instance_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(setups); i++) {
		struct gyr_blockdev_config config = { .path = directory, .in_flight_max = 1 };
		struct gyr_blockdev *first;
		struct gyr_blockdev *second;
		pid_t child;
		int status;

		make_directory();
		first = open_it(&setups[i], false);
		if (first == NULL) {
			remove_directory();
			continue;
		}
		assert_int_equal(gyr_blockdev_open(&second, NULL, 0, &setups[i].driver, 1, &config),
				 -GYR_ERR_LOCKED);
		child = fork();
		if (child == 0) {
			const struct gyr_blockdev_ops *driver = &gyr_block_pwrite;

			_exit(-gyr_blockdev_open(&second, NULL, 0, &driver, 1, &config));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WEXITSTATUS(status), GYR_ERR_LOCKED);
		config.read_only = true;
		assert_int_equal(gyr_blockdev_open(&second, NULL, 0, &setups[i].driver, 1, &config),
				 0);
		gyr_blockdev_close(second);
		gyr_blockdev_close(first);
		config.read_only = false;
		assert_int_equal(gyr_blockdev_open(&second, NULL, 0, &setups[i].driver, 1, &config),
				 0);
		gyr_blockdev_close(second);
		remove_directory();
	}
	gyr_err_clear();
}

static int32_t write_once(struct gyr_blockdev *dev, int slot, uint32_t length, uint64_t offset)
{
	struct gyr_blockdev_completion completion;

	assert_true(gyr_blockdev_queue(dev, slot, buffer, length, offset, 1));
	gyr_blockdev_submit(dev);
	while (gyr_blockdev_poll(dev, &completion, 1) == 0)
		(void)usleep(50);
	return completion.result;
}

static void limits_of_the_system_are_errors(void **state)
{
	struct rlimit before;
	struct rlimit less;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	less = before;
	less.rlim_cur = 1u << 20;
	for (unsigned i = 0; i < GYR_COUNT(setups); i++) {
		struct gyr_blockdev *dev;
		int slot;

		make_directory();
		dev = open_it(&setups[i], false);
		if (dev == NULL) {
			remove_directory();
			continue;
		}
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
		slot = gyr_blockdev_create(dev, "a");
		assert_true(slot >= 0);
		assert_int_equal(gyr_blockdev_fill(dev, slot, 0, 2u << 20), -GYR_ERR_DISK_FULL);
		assert_int_equal(write_once(dev, slot, 8192, 0), 8192);
		/* Half of it fits: told as short, or as an error; never as done. */
		assert_true(write_once(dev, slot, 8192, (1u << 20) - 4096) < 8192);
		assert_true(write_once(dev, slot, 8192, 1u << 20) < 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
		gyr_blockdev_detach(dev, slot);
		gyr_blockdev_close(dev);
		remove_directory();
	}
	gyr_err_clear();
}

static void full_disk_is_an_error(void **state)
{
	(void)state;
	make_directory();
	if (mount("none", directory, "tmpfs", 0, "size=1m") != 0) {
		print_message("no tmpfs here (%s): full disk not tested\n", strerror(errno));
		remove_directory();
		return;
	}
	for (unsigned i = 0; i < GYR_COUNT(setups); i++) {
		struct gyr_blockdev *dev = open_it(&setups[i], false);
		uint64_t room;
		int slot;

		if (dev == NULL)
			continue;
		assert_int_equal(gyr_blockdev_free_bytes(dev, &room), 0);
		assert_true(room <= 1u << 20);
		slot = gyr_blockdev_create(dev, "a");
		assert_true(slot >= 0);
		assert_int_equal(gyr_blockdev_fill(dev, slot, 0, 4u << 20), -GYR_ERR_DISK_FULL);
		gyr_blockdev_file_close(dev, slot);
		assert_int_equal(gyr_blockdev_remove(dev, "a"), 0);
		gyr_blockdev_close(dev);
	}
	assert_int_equal(umount(directory), 0);
	remove_directory();
	gyr_err_clear();
}

static void falls_back_with_reasons(void **state)
{
	struct gyr_blockdev_config config = { .path = directory, .in_flight_max = 1 };
	const struct gyr_blockdev_ops *drivers[2] = { &gyr_block_pwrite, &gyr_block_pwrite };
	struct gyr_blockdev *dev;
	char reasons[256];

	(void)state;
	make_directory();
#ifdef GYR_HAVE_BLOCK_URING
	/* More memory than io_uring can register: the next driver is taken. */
	drivers[0] = &gyr_block_uring;
	config.buffer = buffer;
	config.buffer_length = UINT64_C(2) << 30;
	assert_int_equal(gyr_blockdev_open(&dev, reasons, sizeof reasons, drivers, 2, &config), 0);
	assert_string_equal(dev->ops->name, "pwrite");
	assert_non_null(strstr(reasons, "uring: "));
	gyr_blockdev_close(dev);
#endif
	config.path = "/nonexistent/gyr";
	assert_int_equal(gyr_blockdev_open(&dev, reasons, sizeof reasons, drivers, 2, &config),
			 -GYR_ERR_IO);
	config.path = directory;
	config.in_flight_max = GYR_BLOCKDEV_IN_FLIGHT_MAX + 1;
	assert_int_equal(gyr_blockdev_open(&dev, reasons, sizeof reasons, drivers, 2, &config),
			 -GYR_ERR_CONFIG);
	gyr_err_clear();
	remove_directory();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_are_there_and_carry_their_flag),
		cmocka_unit_test(files_are_named_and_removed),
		cmocka_unit_test(second_instance_is_refused),
		cmocka_unit_test(limits_of_the_system_are_errors),
		cmocka_unit_test(full_disk_is_an_error),
		cmocka_unit_test(falls_back_with_reasons),
	};

	buffer = aligned_alloc(4096, BUFFER_LENGTH);
	if (buffer == NULL)
		return 1;
	memset(buffer, 0x5a, BUFFER_LENGTH);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
