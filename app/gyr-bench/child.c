/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each measurement is made by a child process that opens the devices anew and is gone after that:
 * an AF_XDP queue that was given back within a process cannot be had again by it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "gyr_err.h"

void *bench_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int bench_child(int (*work)(void *context), void *context)
{
	pid_t child;
	int status = 0;

	(void)fflush(NULL);
	child = fork();
	if (child < 0)
		GYR_FAIL(GYR_ERR_UNSUPPORTED, "cannot fork: %s", strerror(errno));
	if (child == 0) {
		int error = work(context);

		if (error < 0)
			gyr_err_print(stderr, "gyr-bench");
		(void)fflush(NULL);
		_exit(-error);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			GYR_FAIL(GYR_ERR_INTERNAL, "waiting for the measurement: %s",
				 strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!WIFEXITED(status))
		GYR_FAIL(GYR_ERR_INTERNAL, "the measurement ended by signal %d", WTERMSIG(status));
	GYR_FAIL((enum gyr_err)WEXITSTATUS(status), "the measurement failed, see above");
}
