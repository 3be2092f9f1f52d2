/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gyr_confine.h"
#include "gyr_err.h"

#define NAME_SIZE      24
#define CALL_COUNT_MAX 512

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/* What any lane does besides its stages. */
static const int lane_calls[] = {
	/* waiting, being woken, waking others */
	SYS_ppoll, SYS_poll, SYS_nanosleep, SYS_clock_nanosleep, SYS_sched_yield, SYS_read,
	SYS_write, SYS_futex, SYS_restart_syscall,
	/* the clock, where the kernel does not answer in user space */
	SYS_clock_gettime, SYS_gettimeofday,
	/* a thread's end: its stack is given back */
	SYS_madvise, SYS_munmap, SYS_exit, SYS_exit_group,
	/* signals: another thread changing its user, an assertion's abort */
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_getpid, SYS_gettid, SYS_tgkill,
#ifdef UNDER_SANITIZER
	SYS_mmap, SYS_mprotect, SYS_sched_getaffinity, SYS_sigaltstack, SYS_readlink, SYS_openat,
	SYS_close, SYS_prctl,
#endif
	-1
};

/* Made by the first thread that is confined, read-only afterwards. */
static char names[CALL_COUNT_MAX][NAME_SIZE];
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static _Thread_local char thread_name[16];

static size_t append(char *line, size_t used, size_t size, const char *text)
{
	while (*text != '\0' && used < size)
		line[used++] = *text++;
	return used;
}

static size_t append_number(char *line, size_t used, size_t size, unsigned number)
{
	char digits[12];
	size_t at = sizeof digits - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	return append(line, used, size, digits + at);
}

/* On the thread that made the call; only what may be called in a handler. */
static void on_violation(int signal_number, siginfo_t *info, void *context)
{
	unsigned number = (unsigned)info->si_syscall;
	char line[160];
	size_t used = 0;

	(void)signal_number;
	(void)context;
	used = append(line, used, sizeof line, "gyr: thread ");
	used = append(line, used, sizeof line, thread_name);
	used = append(line, used, sizeof line, " made the system call ");
	if (number < CALL_COUNT_MAX && names[number][0] != '\0')
		used = append(line, used, sizeof line, names[number]);
	else
		used = append(line, used, sizeof line, "number");
	used = append(line, used, sizeof line, " (");
	used = append_number(line, used, sizeof line, number);
	used = append(line, used, sizeof line,
		      "), which its filter does not allow (security.seccomp)\n");
	(void)!write(STDERR_FILENO, line, used);
	abort();
}

static void prepare(void)
{
	struct sigaction action = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO };

	for (int i = 0; i < CALL_COUNT_MAX; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

		if (name != NULL) {
			size_t length = strnlen(name, NAME_SIZE - 1);

			memcpy(names[i], name, length);
			names[i][length] = '\0';
		}
		free(name);
	}
	(void)sigaction(SIGSYS, &action, NULL);
}

static int add_list(scmp_filter_ctx filter, const int *list)
{
	for (; list != NULL && *list >= 0; list++) {
		int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, *list, 0);

		/* There twice is no mistake. */
		if (result < 0 && result != -EEXIST)
			return result;
	}
	return 0;
}

int gyr_confine_calls(const int *const *lists, unsigned list_count)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int result;

	if (filter == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for a filter of system calls");
	(void)pthread_once(&prepared, prepare);
	(void)pthread_getname_np(pthread_self(), thread_name, sizeof thread_name);
	result = add_list(filter, lane_calls);
	for (unsigned i = 0; i < list_count && result >= 0; i++)
		result = add_list(filter, lists[i]);
	if (result >= 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result < 0)
		GYR_FAIL(GYR_ERR_UNSUPPORTED,
			 "the kernel takes no filter of system calls (%s); security.seccomp: no "
			 "goes without",
			 strerror(-result));
	return 0;
}
