/* SPDX-License-Identifier: Apache-2.0 */
/* What is given up stays given up: looked at from inside threads and children that gave it up. */
#include "gyr_test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_confine.h"
#include "gyr_err.h"

#define NOBODY 65534

static const int socket_calls[] = { SYS_socket, -1 };

static bool has_line(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	assert_non_null(file);
	while (!found && fgets(line, sizeof line, file) != NULL)
		found = strncmp(line, wanted, strlen(wanted)) == 0;
	(void)fclose(file);
	return found;
}

struct confined {
	bool open_file;
	int error;
	pid_t thread;
	_Atomic bool looked_at;
	_Atomic bool confined;
};

static void *run_confined(void *argument)
{
	struct confined *own = argument;
	const int *lists[] = { NULL, socket_calls };
	struct timespec length = { .tv_nsec = 100000 };
	int fd;

	(void)pthread_setname_np(pthread_self(), "lane-x");
	own->error = gyr_confine_calls(lists, GYR_COUNT(lists));
	own->thread = gettid();
	fd = socket(AF_INET, SOCK_DGRAM, 0); /* what a list allows works */
	if (fd < 0)
		own->error = -1;
	if (own->open_file)
		(void)open("/etc/hostname", O_RDONLY);
	own->confined = true;
	while (!own->looked_at)
		(void)nanosleep(&length, NULL);
	return NULL;
}

/* The thread has a filter and no_new_privs, ends in order; its siblings are as before. */
static void only_the_thread_is_filtered(void **state)
{
	struct confined own = { 0 };
	pthread_t thread;
	char path[64];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_confined, &own), 0);
	while (!own.confined)
		(void)usleep(100);
	assert_int_equal(own.error, 0);
	(void)snprintf(path, sizeof path, "/proc/self/task/%d/status", own.thread);
	assert_true(has_line(path, "Seccomp:\t2"));
	assert_true(has_line(path, "NoNewPrivs:\t1"));
	assert_false(has_line("/proc/self/status", "Seccomp:\t2"));
	own.looked_at = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* In a child, whose stderr we read: the process ends, and says which thread called what. */
static void another_call_ends_the_process(void **state)
{
	char said[512] = "";
	int ends[2];
	int status;
	pid_t child;

	(void)state;
	if (GYR_TEST_SANITIZED)
		skip();
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		struct confined own = { .open_file = true };
		pthread_t thread;

		(void)dup2(ends[1], STDERR_FILENO);
		if (pthread_create(&thread, NULL, run_confined, &own) == 0)
			(void)pthread_join(thread, NULL);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_true(read(ends[0], said, sizeof said - 1) > 0);
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_non_null(strstr(said, "thread lane-x made the system call openat (257)"));
}

static void users_are_looked_up(void **state)
{
	struct gyr_confine_user user;

	(void)state;
	assert_int_equal(gyr_confine_find(&user, "", ""), 0);
	assert_false(user.change);
	assert_int_equal(gyr_confine_find(&user, "", "nogroup"), -GYR_ERR_CONFIG);
	assert_int_equal(gyr_confine_find(&user, "no-such-user", ""), -GYR_ERR_CONFIG);
	assert_non_null(strstr(gyr_err_cause(), "there is no user 'no-such-user'"));
	gyr_err_clear();
	if (geteuid() != 0) {
		assert_int_equal(gyr_confine_find(&user, "root", ""), -GYR_ERR_PERMISSION);
		return;
	}
	assert_int_equal(gyr_confine_find(&user, "nobody", "no-such-group"), -GYR_ERR_CONFIG);
	gyr_err_clear();
	assert_int_equal(gyr_confine_find(&user, "root", ""), 0);
	assert_false(user.change);
	assert_int_equal(gyr_confine_find(&user, "nobody", ""), 0);
	assert_true(user.change && user.uid == NOBODY);
}

static void make_file(const char *folder, const char *name)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static uid_t owner(const char *folder, const char *name)
{
	struct stat info;
	char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_int_equal(lstat(path, &info), 0);
	return info.st_uid;
}

/* Whether another process finds a lock of fcntl on the file. */
static bool is_locked(const char *folder, const char *name)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char path[200];
	int status;
	pid_t child;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	child = fork();
	if (child == 0) {
		int fd = open(path, O_RDONLY);

		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void a_directory_changes_hands(void **state)
{
	char folder[] = "/tmp/gyr-confine-XXXXXX";
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct gyr_confine_user nobody;
	char inner[64];
	char command[300];
	int fd;

	(void)state;
	need_root();
	assert_int_equal(gyr_confine_find(&nobody, "nobody", ""), 0);
	assert_non_null(mkdtemp(folder));
	(void)snprintf(inner, sizeof inner, "%s/log", folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	make_file(folder, "lock");
	make_file(inner, "segment");
	(void)snprintf(command, sizeof command, "ln -s /etc/hostname %s/metrics", folder);
	assert_int_equal(system(command), 0);
	(void)snprintf(command, sizeof command, "%s/lock", folder);
	fd = open(command, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	assert_int_equal(gyr_confine_give(folder, &nobody), 0);
	assert_true(is_locked(folder, "lock")); /* still: the store relies on it */
	(void)close(fd);
	assert_int_equal(owner(folder, ""), NOBODY);
	assert_int_equal(owner(folder, "lock"), NOBODY);
	assert_int_equal(owner(inner, "segment"), NOBODY);
	assert_int_equal(owner(folder, "metrics"), NOBODY);
	/* Not what the link names. */
	assert_int_equal(owner("/etc", "hostname"), 0);
	/* What has a second name may be somebody else's; so may what is no file at all. */
	(void)snprintf(command, sizeof command,
		       "touch /tmp/gyr-confine-other.%d && ln "
		       "/tmp/gyr-confine-other.%d %s/log/other",
		       getpid(), getpid(), folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(gyr_confine_give(folder, &nobody), -GYR_ERR_PERMISSION);
	assert_non_null(strstr(gyr_err_cause(), "log/other has several names"));
	gyr_err_clear();
	(void)snprintf(command, sizeof command,
		       "rm -f /tmp/gyr-confine-other.%d %s/log/other; mkfifo %s/pipe", getpid(),
		       folder, folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(gyr_confine_give(folder, &nobody), -GYR_ERR_PERMISSION);
	gyr_err_clear();
	/* A folder above that lets nobody through. */
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(chown(folder, 0, 0), 0);
	assert_int_equal(gyr_confine_give(inner, &nobody), -GYR_ERR_PERMISSION);
	assert_non_null(strstr(gyr_err_cause(), "is closed to it"));
	gyr_err_clear();
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

/* In a child: becomes nobody, keeps one capability, and cannot go back. */
static void a_process_becomes_another(void **state)
{
	int status;
	pid_t child;

	(void)state;
	need_root();
	child = fork();
	if (child == 0) {
		struct gyr_confine_user nobody;
		bool good = gyr_confine_find(&nobody, "nobody", "") == 0 &&
			    gyr_confine_become(&nobody, GYR_CONFINE_CAPABILITY(CAP_NET_ADMIN)) ==
				    0 &&
			    getuid() == NOBODY && geteuid() == NOBODY && setuid(0) < 0 &&
			    open("/etc/shadow", O_RDONLY) < 0 &&
			    has_line("/proc/self/status", "CapEff:\t0000000000001000") &&
			    has_line("/proc/self/status", "NoNewPrivs:\t1") &&
			    gyr_confine_capabilities(0) == 0 &&
			    has_line("/proc/self/status", "CapPrm:\t0000000000000000");

		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: cmocka has a handler of SIGSYS of its own, ours is set once. */
		cmocka_unit_test(another_call_ends_the_process),
		cmocka_unit_test(only_the_thread_is_filtered),
		cmocka_unit_test(users_are_looked_up),
		cmocka_unit_test(a_directory_changes_hands),
		cmocka_unit_test(a_process_becomes_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
