/* SPDX-License-Identifier: Apache-2.0 */
/* check apply and check undo on a machine made of files below a folder. */
#include "gyr_test.h"

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_operate.h"

#define CPU	  "/sys/devices/system/cpu"
#define THP	  "/sys/kernel/mm/transparent_hugepage/enabled"
#define HUGEPAGES "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"
#define CLOCK	  "/sys/devices/system/clocksource/clocksource0"
#define BOOT_ID	  "/proc/sys/kernel/random/boot_id"
#define BOOT_FILE "/etc/default/grub.d/gyr.cfg"
#define LIMITS	  "/etc/security/limits.d/gyr.conf"
#define STATE	  "/var/lib/gyr-tuning"

static char root[] = "/tmp/gyr-tune-XXXXXX";
static struct gyr_conf conf;
static struct gyr_topo_plan plan;
static char said[1 << 20];
static struct gyr_operate_tune_options options;

static const char *at(const char *path)
{
	static char full[2][512];
	static unsigned turn;

	turn = 1 - turn;
	(void)snprintf(full[turn], sizeof full[turn], "%s%s", root, path);
	return full[turn];
}

static void run(const char *format, const char *path)
{
	char command[600];

	(void)snprintf(command, sizeof command, format, path);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): our own folder */
}

static void put(const char *path, const char *text)
{
	char full[512];
	FILE *file;

	(void)snprintf(full, sizeof full, "%s", at(path));
	for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0755);
		*slash = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* What a file holds, without its line break; "(none)" where there is none. */
static const char *get(const char *path)
{
	static char text[1024];
	FILE *file = fopen(at(path), "re");
	size_t length;

	if (file == NULL)
		return "(none)";
	length = fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* An 8-core box: governor, idle states, interrupts, a clock that is not the best. */
static void make_box(void)
{
	char path[128];

	run("rm -rf '%s'", root);
	run("mkdir -p '%s'", at("/var/lib"));
	run("mkdir -p '%s'", at("/etc/default/grub.d"));
	run("mkdir -p '%s'", at("/etc/security/limits.d"));
	put(BOOT_ID, "boot-one\n");
	put(THP, "[always] madvise never\n");
	put("/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "1\n");
	put(HUGEPAGES, "16\n");
	put(CLOCK "/available_clocksource", "tsc hpet acpi_pm\n");
	put(CLOCK "/current_clocksource", "hpet\n");
	for (int cpu = 0; cpu < 16; cpu++) {
		(void)snprintf(path, sizeof path, CPU "/cpu%d/cpufreq/scaling_governor", cpu);
		put(path, cpu % 2 == 0 ? "powersave\n" : "ondemand\n");
		for (int state = 0; state < 3; state++) {
			(void)snprintf(path, sizeof path, CPU "/cpu%d/cpuidle/state%d/latency", cpu,
				       state);
			put(path, state == 0 ? "0\n" : state == 1 ? "2\n" : "170\n");
			(void)snprintf(path, sizeof path, CPU "/cpu%d/cpuidle/state%d/disable", cpu,
				       state);
			put(path, "0\n");
		}
	}
	put("/proc/irq/0/smp_affinity_list", "0\n");
	put("/proc/irq/24/smp_affinity_list", "0-15\n");
	put("/proc/irq/25/smp_affinity_list", "2\n");
}

static int before_all(void **state)
{
	struct gyr_topo_source source = {
		.synthetic = "Package:1 [NUMANode(memory=68719476736)] L3:1 Core:8 PU:2",
	};
	const char *source_root = getenv("GYR_SOURCE_ROOT");
	char path[1024];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/hwconfig/box-8core.yaml",
		       source_root == NULL ? "." : source_root);
	assert_non_null(mkdtemp(root));
	assert_int_equal(gyr_conf_load(&conf, path), 0);
	assert_int_equal(gyr_topo_plan(&plan, &conf, &source), 0);
	return 0;
}

static int before_each(void **state)
{
	(void)state;
	make_box();
	options = (struct gyr_operate_tune_options){ .root = root, .state = STATE };
	return 0;
}

static int after_all(void **state)
{
	(void)state;
	run("rm -rf '%s'", root);
	return 0;
}

static int apply(void)
{
	FILE *to = fmemopen(said, sizeof said, "w");
	int result = gyr_operate_tune_apply(&conf, &plan, &options, to);

	(void)fclose(to);
	return result;
}

static int undo(void)
{
	FILE *to = fmemopen(said, sizeof said, "w");
	int result = gyr_operate_tune_undo(&options, to);

	(void)fclose(to);
	return result;
}

static uint64_t sum_of_tree;

static void add_text(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum_of_tree = (sum_of_tree ^ (uint8_t)text[i]) * 0x100000001b3;
}

static int add_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	char text[4096];
	uint64_t before = sum_of_tree;
	size_t length = 0;
	FILE *file;

	(void)info;
	(void)place;
	sum_of_tree = 0xcbf29ce484222325u;
	add_text(path, strlen(path));
	if (kind == FTW_F) {
		file = fopen(path, "re");
		assert_non_null(file);
		length = fread(text, 1, sizeof text - 1, file);
		(void)fclose(file);
		text[length] = '\0';
		/* sysfs ends a value with a line break and brackets a choice; who writes does not
		 */
		if (length > 0 && text[length - 1] == '\n')
			length--;
		if (text[0] == '[')
			add_text(text + 1, strcspn(text + 1, "]"));
		else
			add_text(text, length);
	}
	/* In whatever order they come. */
	sum_of_tree = before + sum_of_tree;
	return 0;
}

/* Everything below the root, names and contents, as one number. */
static uint64_t fingerprint(void)
{
	sum_of_tree = 0;
	assert_int_equal(nftw(root, add_entry, 16, FTW_PHYS), 0);
	return sum_of_tree;
}

static int cpu_of(const char *lane)
{
	for (unsigned i = 0; i < plan.lane_count; i++)
		if (strcmp(plan.lanes[i].name, lane) == 0)
			return plan.lanes[i].cpu;
	fail_msg("no lane %s", lane);
	return -1;
}

static void apply_sets_and_undo_restores(void **state)
{
	char governor[128];
	char idle[128];
	uint64_t before = fingerprint();

	(void)state;
	options.boot = true;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	(void)snprintf(governor, sizeof governor, CPU "/cpu%d/cpufreq/scaling_governor",
		       cpu_of("gate"));
	assert_string_equal(get(governor), "performance");
	assert_string_equal(get(CPU "/cpu0/cpufreq/scaling_governor"), "powersave");
	(void)snprintf(idle, sizeof idle, CPU "/cpu%d/cpuidle/state2/disable", cpu_of("exec"));
	assert_string_equal(get(idle), "1");
	(void)snprintf(idle, sizeof idle, CPU "/cpu%d/cpuidle/state1/disable", cpu_of("exec"));
	assert_string_equal(get(idle), "0");
	assert_string_equal(get(THP), "madvise");
	assert_string_equal(get(CLOCK "/current_clocksource"), "tsc");
	assert_true(strtoul(get(HUGEPAGES), NULL, 10) > plan.memory_size >> 21);
	assert_string_equal(get("/proc/irq/0/smp_affinity_list"), "0");
	assert_string_not_equal(get("/proc/irq/24/smp_affinity_list"), "0-15");
	assert_non_null(strstr(get(BOOT_FILE), "nohz_full="));
	assert_string_equal(get(LIMITS), "gyr - memlock unlimited");
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_true(fingerprint() == before);
	assert_string_equal(get(STATE), "(none)");
	/* And once more: there is nothing to do. */
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_true(fingerprint() == before);
}

static void a_dry_run_changes_nothing(void **state)
{
	uint64_t before = fingerprint();

	(void)state;
	options.dry_run = true;
	options.boot = true;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_non_null(strstr(said, "current_clocksource: hpet -> tsc"));
	assert_true(fingerprint() == before);
	options.dry_run = false;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	before = fingerprint();
	options.dry_run = true;
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_non_null(strstr(said, "current_clocksource: tsc -> hpet"));
	assert_true(fingerprint() == before);
}

/* The second apply finds tuned values; the first ones are what undo goes back to. */
static void twice_applied_is_once_undone(void **state)
{
	uint64_t before = fingerprint();

	(void)state;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_null(strstr(said, "changed  "));
	/* Somebody else in between, then a third one with more to do. */
	put(CLOCK "/current_clocksource", "acpi_pm\n");
	options.boot = true;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_string_equal(get(CLOCK "/current_clocksource"), "tsc");
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_string_equal(get(CLOCK "/current_clocksource"), "hpet");
	assert_true(fingerprint() == before);
}

static unsigned writes;
static unsigned fails_from;
static bool dies;

static int before_write(void *context, const char *path)
{
	(void)context;
	(void)path;
	if (++writes < fails_from)
		return 0;
	if (dies)
		_exit(9);
	return -EIO;
}

/* Writes that fail are reported, the rest is done, and all that was done is undone. */
static void failing_writes_are_told(void **state)
{
	uint64_t before = fingerprint();

	(void)state;
	options.before_write = before_write;
	writes = 0;
	fails_from = 5;
	dies = false;
	assert_int_equal(apply(), GYR_OPERATE_NO);
	assert_non_null(strstr(said, "FAILED"));
	assert_non_null(strstr(said, strerror(EIO)));
	assert_true(fingerprint() != before);
	/* An undo that fails midway remembers, and comes to its end the next time. */
	writes = 0;
	fails_from = 2;
	assert_int_equal(undo(), GYR_OPERATE_NO);
	assert_string_not_equal(get(STATE), "(none)");
	options.before_write = NULL;
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_true(fingerprint() == before);
}

/* Killed at every write in turn: what was changed until then is undone. */
static void killed_midway_is_undone(void **state)
{
	(void)state;
	for (unsigned k = 1; k < 12; k++) {
		uint64_t before;
		pid_t child;
		int status;

		make_box();
		before = fingerprint();
		child = fork();
		if (child == 0) {
			options.before_write = before_write;
			writes = 0;
			fails_from = k;
			dies = true;
			(void)apply();
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
		assert_int_equal(undo(), GYR_OPERATE_YES);
		assert_true(fingerprint() == before);
	}
}

static void a_torn_state_file_is_refused(void **state)
{
	uint64_t tuned;
	char text[1024];
	FILE *file;
	long length;

	(void)state;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	file = fopen(at(STATE), "re");
	(void)fseek(file, 0, SEEK_END);
	length = ftell(file);
	(void)fclose(file);
	/* Cut at many places, then with a byte turned. */
	for (long cut = length - 1; cut > 0; cut -= length / 7) {
		assert_int_equal(truncate(at(STATE), cut), 0);
		tuned = fingerprint();
		assert_int_equal(undo(), -GYR_ERR_DATA);
		assert_non_null(strstr(gyr_err_cause(), "is not whole"));
		gyr_err_clear();
		assert_int_equal(apply(), -GYR_ERR_DATA);
		gyr_err_clear();
		assert_true(fingerprint() == tuned);
	}
	run("rm '%s'", at(STATE));
	put(HUGEPAGES, "16\n");
	assert_int_equal(apply(), GYR_OPERATE_YES);
	(void)snprintf(text, sizeof text, "sed -i 's/hugepages/hugeqages/' '%%s'");
	run(text, at(STATE));
	assert_int_equal(undo(), -GYR_ERR_DATA);
	gyr_err_clear();
	/* Nothing, as after a crash of the whole file system. */
	assert_int_equal(truncate(at(STATE), 0), 0);
	assert_int_equal(undo(), -GYR_ERR_DATA);
	gyr_err_clear();
}

/* A restart of the machine undid all but the files: old values are not put back. */
static void after_a_restart_only_files_are_undone(void **state)
{
	(void)state;
	options.boot = true;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	put(BOOT_ID, "boot-two\n");
	put(THP, "always madvise [never]\n");
	put(CLOCK "/current_clocksource", "tsc\n");
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_string_equal(get(BOOT_FILE), "(none)");
	assert_string_equal(get(LIMITS), "(none)");
	assert_string_equal(get(CLOCK "/current_clocksource"), "tsc");
	assert_string_equal(get(THP), "always madvise [never]");
}

/* A file of the operator's own comes back as it was, line breaks and all. */
static void files_come_back_whole(void **state)
{
	struct stat info;

	(void)state;
	put(LIMITS, "gyr\t-\tnofile 9\n# back\\slash\n");
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_string_equal(get(LIMITS), "gyr - memlock unlimited");
	assert_int_equal(undo(), GYR_OPERATE_YES);
	assert_string_equal(get(LIMITS), "gyr\t-\tnofile 9");
	assert_int_equal(stat(at(LIMITS), &info), 0);
	assert_int_equal(info.st_size, strlen("gyr\t-\tnofile 9\n# back\\slash\n"));
}

/* A virtual machine without any of it: nothing fails. */
static void what_is_not_there_is_no_failure(void **state)
{
	(void)state;
	run("rm -rf '%s'", at("/sys"));
	run("rm -rf '%s'", at("/proc/irq"));
	options.json = true;
	assert_int_equal(apply(), GYR_OPERATE_YES);
	assert_non_null(strstr(said, "\"not_applicable\""));
	assert_null(strstr(said, "\"failed\""));
	assert_non_null(strstr(said, "\"good\": true"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(apply_sets_and_undo_restores, before_each),
		cmocka_unit_test_setup(a_dry_run_changes_nothing, before_each),
		cmocka_unit_test_setup(twice_applied_is_once_undone, before_each),
		cmocka_unit_test_setup(failing_writes_are_told, before_each),
		cmocka_unit_test_setup(killed_midway_is_undone, before_each),
		cmocka_unit_test_setup(a_torn_state_file_is_refused, before_each),
		cmocka_unit_test_setup(after_a_restart_only_files_are_undone, before_each),
		cmocka_unit_test_setup(files_come_back_whole, before_each),
		cmocka_unit_test_setup(what_is_not_there_is_no_failure, before_each),
	};

	return cmocka_run_group_tests(tests, before_all, after_all);
}
