/* SPDX-License-Identifier: Apache-2.0 */
#include "dpdk_state.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "gyr_err.h"

#define LOG_TAIL_SIZE 2048

static bool started;
/* The end of what DPDK logged: only read when something failed. */
static char log_tail[LOG_TAIL_SIZE];
static size_t log_length;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t log_write(void *cookie, const char *text, size_t length)
{
	size_t keep = length < LOG_TAIL_SIZE / 2 ? length : LOG_TAIL_SIZE / 2;

	(void)cookie;
	(void)pthread_mutex_lock(&log_lock);
	if (log_length + keep >= LOG_TAIL_SIZE) {
		size_t drop = log_length + keep - LOG_TAIL_SIZE + 1;

		memmove(log_tail, log_tail + drop, log_length - drop);
		log_length -= drop;
	}
	memcpy(log_tail + log_length, text + length - keep, keep);
	log_length += keep;
	log_tail[log_length] = '\0';
	(void)pthread_mutex_unlock(&log_lock);
	return (ssize_t)length;
}

const char *dpdk_eal_reason(void)
{
	static char text[200];
	size_t length = 0;
	size_t at;

	(void)pthread_mutex_lock(&log_lock);
	at = log_length < sizeof text / 2 ? 0 : log_length - sizeof text / 2;
	/* Whole lines from there on, or all when that is not much. */
	if (log_length < sizeof text - 20)
		at = 0;
	while (at > 0 && at < log_length && log_tail[at - 1] != '\n')
		at++;
	for (size_t i = at; i < log_length && length < sizeof text - 3; i++) {
		if (log_tail[i] != '\n') {
			text[length++] = log_tail[i];
		} else if (i + 1 < log_length) {
			text[length++] = ';';
			text[length++] = ' ';
		}
	}
	text[length] = '\0';
	(void)pthread_mutex_unlock(&log_lock);
	return length == 0 ? "no reason given" : text;
}

void dpdk_eal_reason_clear(void)
{
	(void)pthread_mutex_lock(&log_lock);
	log_length = 0;
	log_tail[0] = '\0';
	(void)pthread_mutex_unlock(&log_lock);
}

static int library_log(int level, const char *format, va_list args)
{
	char line[512];
	int length = 0;

	/* Warnings only, less the one that always comes: those sections are notes to others. */
	if (level == 0 && strstr(format, "skipping unrecognized data section") == NULL)
		length = vsnprintf(line, sizeof line, format, args);
	if (length > 0)
		(void)log_write(NULL, line,
				(size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
	return length;
}

/*
 * The AF_XDP driver brings libxdp and libbpf, which write to standard error, warnings about
 * harmless things included; they are reached only where that driver has loaded them.
 */
static void quiet_libraries(void)
{
	static const char *const hooks[][2] = { { "libxdp.so.1", "libxdp_set_print" },
						{ "libbpf.so.1", "libbpf_set_print" } };

	for (size_t i = 0; i < GYR_COUNT(hooks); i++) {
		void *library = dlopen(hooks[i][0], RTLD_NOW | RTLD_NOLOAD);
		void *(*set_print)(int (*)(int, const char *, va_list));

		if (library == NULL)
			continue;
		*(void **)(void *)&set_print = dlsym(library, hooks[i][1]);
		if (set_print != NULL)
			(void)set_print(library_log);
		(void)dlclose(library);
	}
}

static bool have_hugepages(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long free_count = 0;

	if (file == NULL)
		return false;
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "HugePages_Free: %lu", &free_count) == 1)
			break;
	(void)fclose(file);
	return free_count != 0;
}

/* DPDK pins the thread that starts it and wants a processor that it may run on. */
static unsigned first_cpu(const cpu_set_t *allowed)
{
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, allowed))
			return i;
	return 0;
}

int dpdk_eal_start(void)
{
	static char program[] = "gyr", in_memory[] = "--in-memory", no_files[] = "--no-shconf",
		    quiet[] = "--no-telemetry", lcores_key[] = "--lcores", lcores[32],
		    no_pci[] = "--no-pci", allow_key[] = "-a", allow[] = "ffff:ff:1f.7",
		    no_huge[] = "--no-huge", memory_key[] = "-m", memory[] = "512",
		    level_key[] = "--log-level", level[] = "warning";
	char *arguments[16] = { program, quiet, lcores_key, lcores, level_key, level };
	int count = 6;
	cpu_set_t allowed;
	FILE *stream;
	int result;

	if (started)
		return 0;
	CPU_ZERO(&allowed);
	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
		GYR_FAIL(GYR_ERR_INTERNAL, "sched_getaffinity failed");
	(void)snprintf(lcores, sizeof lcores, "0@%u", first_cpu(&allowed));
	/* Cards are attached by name: the address of none keeps the start from taking them all. */
	if (access("/sys/bus/pci/devices", R_OK) == 0) {
		arguments[count++] = allow_key;
		arguments[count++] = allow;
	} else {
		arguments[count++] = no_pci;
	}
	if (have_hugepages()) {
		arguments[count++] = in_memory;
	} else {
		/* What --in-memory would do; with --no-huge it is refused. */
		arguments[count++] = no_files;
		arguments[count++] = no_huge;
		arguments[count++] = memory_key;
		arguments[count++] = memory;
	}
	stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = log_write });
	if (stream == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no stream for DPDK's log");
	(void)setvbuf(stream, NULL, _IONBF, 0);
	(void)rte_openlog_stream(stream);
	result = rte_eal_init(count, arguments);
	(void)sched_setaffinity(0, sizeof allowed, &allowed);
	if (result < 0)
		GYR_FAIL(rte_errno == EACCES || rte_errno == EPERM ? GYR_ERR_PERMISSION
								   : GYR_ERR_UNSUPPORTED,
			 "DPDK does not start: %s (%s)", dpdk_eal_reason(),
			 rte_strerror(rte_errno));
	quiet_libraries();
	started = true;
	return 0;
}
