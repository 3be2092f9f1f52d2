/* SPDX-License-Identifier: Apache-2.0 */
/* Processor, memory, isolation, power, clock, interrupts. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include "check_items.h"
#include "gyr_units.h"

#define CPU "/sys/devices/system/cpu"

/* Whether a word stands in the flags of the first processor. */
static bool has_flag(const char *flag)
{
	static char line[8192];
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof line, file) != NULL) {
		char *rest = NULL;

		if (strncmp(line, "flags", 5) != 0)
			continue;
		for (char *word = strtok_r(line, " \t\n:", &rest); word != NULL && !found;
		     word = strtok_r(NULL, " \t\n:", &rest))
			found = strcmp(word, flag) == 0;
		break;
	}
	(void)fclose(file);
	return found;
}

void check_processor(struct check *check)
{
	bool avx2 = has_flag("avx2");
	bool ifma = has_flag("avx512ifma");

	check->virtual_machine = has_flag("hypervisor");
	check_report(check, "processor", FINDING_NOTE, NULL, "%s; %s",
		     check->virtual_machine ? "a virtual machine" : "bare metal",
		     ifma   ? "AVX-512 with IFMA: the fastest recovery"
		     : avx2 ? "AVX2, no AVX-512 IFMA"
			    : "no AVX2: everything runs, slowly");
	for (unsigned i = 0; check->conf != NULL && i < check->plan.warning_count; i++)
		check_report(check, "plan", FINDING_ADVICE, NULL, "%s", check->plan.warnings[i]);
}

static uint64_t meminfo(const char *name)
{
	char line[160];
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long value = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, 10);
	(void)fclose(file);
	return value;
}

static void check_hugepages(struct check *check)
{
	uint64_t size = meminfo("Hugepagesize") << 10;
	uint64_t free_count = meminfo("HugePages_Free");
	uint64_t wanted = check->conf == NULL ? 0 : check->plan.memory_size;
	char have[GYR_UNITS_TEXT_MAX];
	char want[GYR_UNITS_TEXT_MAX];
	char advice[200];

	if (check->conf != NULL && check->conf->memory.hugepages == GYR_CONF_HUGEPAGES_NEVER) {
		check_report(check, "hugepages", FINDING_GOOD, NULL,
			     "the configuration wants none");
		return;
	}
	(void)gyr_units_format(have, GYR_UNITS_SIZE, (double)(free_count * size));
	(void)gyr_units_format(want, GYR_UNITS_SIZE, (double)wanted);
	if (size != 2u << 20) {
		check_report(check, "hugepages", FINDING_ADVICE, "boot with default_hugepagesz=2M",
			     "the default hugepage is not 2 MiB");
	} else if (wanted > 0 && free_count * size < wanted) {
		(void)snprintf(advice, sizeof advice,
			       "sysctl vm.nr_hugepages=%llu, better at boot: hugepages=%llu",
			       (unsigned long long)(wanted >> 21) + 8,
			       (unsigned long long)(wanted >> 21) + 8);
		check_report(check, "hugepages",
			     check->conf->memory.hugepages == GYR_CONF_HUGEPAGES_MUST
				     ? FINDING_WRONG
				     : FINDING_ADVICE,
			     advice, "%s free, about %s planned", have, want);
	} else if (free_count == 0) {
		check_report(check, "hugepages", FINDING_ADVICE, "sysctl vm.nr_hugepages=COUNT",
			     "none; plain pages will serve");
	} else {
		check_report(check, "hugepages", FINDING_GOOD, NULL, "%s free", have);
	}
}

static void check_memlock(struct check *check)
{
	struct rlimit limit = { 0 };
	char text[GYR_UNITS_TEXT_MAX];

	(void)getrlimit(RLIMIT_MEMLOCK, &limit);
	if (check->root || limit.rlim_cur == RLIM_INFINITY)
		check_report(check, "memlock", FINDING_GOOD, NULL,
			     check->root ? "root: no limit" : "no limit");
	else
		check_report(check, "memlock",
			     check->conf != NULL && !check->conf->memory.lock ? FINDING_GOOD
									      : FINDING_ADVICE,
			     "LimitMEMLOCK=infinity in the service, or ulimit -l unlimited",
			     "at most %s may be locked",
			     gyr_units_format(text, GYR_UNITS_SIZE, (double)limit.rlim_cur));
}

void check_memory(struct check *check)
{
	char text[200];

	check_hugepages(check);
	check_memlock(check);
	if (!check_read(text, sizeof text, "/sys/kernel/mm/transparent_hugepage/enabled"))
		check_report(check, "transparent pages", FINDING_NOT_HERE, NULL,
			     "the kernel has none");
	else if (strstr(text, "[always]") != NULL)
		check_report(check, "transparent pages", FINDING_ADVICE,
			     "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
			     "always: khugepaged may stall a lane");
	else
		check_report(check, "transparent pages", FINDING_GOOD, NULL, "%s", text);
	if (meminfo("SwapTotal") > 0)
		check_report(check, "swap", FINDING_ADVICE, "swapoff -a",
			     "swap is on: what is not locked may be written out");
	else
		check_report(check, "swap", FINDING_GOOD, NULL, "off");
}

/* Writes the data lanes' CPUs as a list; false when none is pinned. */
static bool data_cpus(const struct check *check, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; check->conf != NULL && i < check->plan.lane_count; i++)
		if (check->conf->lanes[i].kind == GYR_CONF_LANE_DATA &&
		    check->plan.lanes[i].cpu >= 0 && used + 8 < size)
			used += (size_t)snprintf(out + used, size - used, "%s%d",
						 used == 0 ? "" : ",", check->plan.lanes[i].cpu);
	return used > 0;
}

static void check_cpu_list(struct check *check, const char *topic, const char *path,
			   const char *parameter, const char *why)
{
	char list[1024];
	char wanted[256];
	char advice[200];
	char missing[128] = "";

	if (!data_cpus(check, wanted, sizeof wanted)) {
		check_report(check, topic, FINDING_NOTE, NULL,
			     "give a configuration to see which CPUs matter");
		return;
	}
	if (!check_read(list, sizeof list, "%s", path))
		list[0] = '\0';
	for (unsigned i = 0; i < check->plan.lane_count; i++) {
		int cpu = check->plan.lanes[i].cpu;
		size_t used = strlen(missing);

		if (cpu >= 0 && check->conf->lanes[i].kind == GYR_CONF_LANE_DATA &&
		    !check_list_has(list, (unsigned)cpu))
			(void)snprintf(missing + used, sizeof missing - used, "%s%d",
				       used == 0 ? "" : ",", cpu);
	}
	(void)snprintf(advice, sizeof advice, "boot with %s=%.120s", parameter, wanted);
	if (missing[0] == '\0')
		check_report(check, topic, FINDING_GOOD, NULL, "covers CPUs %s", wanted);
	else
		check_report(check, topic, FINDING_ADVICE, advice, "CPUs %s: %s", missing, why);
}

void check_isolation(struct check *check)
{
	static char line[4096];

	check_cpu_list(check, "isolcpus", CPU "/isolated", "isolcpus=managed_irq,domain",
		       "the scheduler may put others there");
	check_cpu_list(check, "nohz_full", CPU "/nohz_full", "nohz_full",
		       "the timer tick interrupts them");
	if (!check_read(line, sizeof line, "/proc/cmdline") || strstr(line, "rcu_nocbs=") == NULL)
		check_report(check, "rcu_nocbs", FINDING_ADVICE,
			     "boot with rcu_nocbs= and the data lanes' CPUs",
			     "RCU callbacks run on data lanes' CPUs");
	else
		check_report(check, "rcu_nocbs", FINDING_GOOD, NULL, "set");
}

void check_power(struct check *check)
{
	char text[128];
	unsigned others = 0;
	unsigned seen = 0;

	for (unsigned cpu = 0; cpu < GYR_TOPO_CPU_MAX; cpu++) {
		if (!check_read(text, sizeof text, CPU "/cpu%u/cpufreq/scaling_governor", cpu))
			break;
		seen++;
		others += strcmp(text, "performance") != 0;
	}
	if (seen == 0)
		check_report(check, "governor", FINDING_NOT_HERE, NULL,
			     "this machine does not scale its frequency%s",
			     check->virtual_machine ? " (its host may)" : "");
	else if (others > 0)
		check_report(check, "governor", FINDING_WRONG,
			     "cpupower frequency-set -g performance",
			     "%u of %u CPUs are not set to performance", others, seen);
	else
		check_report(check, "governor", FINDING_GOOD, NULL, "performance on %u CPUs", seen);
	if (!check_read(text, sizeof text, CPU "/cpuidle/current_driver") ||
	    strcmp(text, "none") == 0 || text[0] == '\0')
		check_report(check, "idle states", FINDING_NOT_HERE, NULL, "no idle driver%s",
			     check->virtual_machine ? ": the host idles" : "");
	else if (strcmp(text, "haltpoll") == 0)
		check_report(check, "idle states", FINDING_NOT_HERE, NULL,
			     "a guest that polls before it halts: the host idles");
	else
		check_report(check, "idle states", FINDING_ADVICE,
			     "boot with processor.max_cstate=1 intel_idle.max_cstate=1 where lanes "
			     "do not spin",
			     "driver %s: leaving a deep state takes microseconds", text);
}

void check_clock(struct check *check)
{
	struct timex state = { .modes = 0 };
	int status = adjtimex(&state);
	char text[64];

	if (check_read(text, sizeof text,
		       "/sys/devices/system/clocksource/clocksource0/current_clocksource") &&
	    strcmp(text, "tsc") == 0)
		check_report(check, "clock source", FINDING_GOOD, NULL, "tsc");
	else
		check_report(
			check, "clock source", FINDING_WRONG,
			"boot with clocksource=tsc tsc=reliable where the CPU has an invariant "
			"one",
			"%s: each reading may be a system call", text);
	if (status == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
		check_report(check, "UTC", FINDING_ADVICE,
			     "run chronyd, or ptp4l with phc2sys where the NIC has a clock",
			     "nobody vouches for it: receive times carry no stated error");
	else
		check_report(check, "UTC", FINDING_GOOD, NULL, "disciplined, at most %ld us off",
			     state.maxerror);
	if (access("/dev/ptp0", F_OK) != 0)
		check_report(check, "PTP", FINDING_NOT_HERE, NULL, "no hardware clock");
	else
		check_report(check, "PTP", FINDING_NOTE, NULL, "/dev/ptp0 is there");
}

void check_interrupts(struct check *check)
{
	char wanted[256];
	char advice[200];
	DIR *folder;
	const struct dirent *entry;
	unsigned there = 0;
	unsigned seen = 0;

	if (!data_cpus(check, wanted, sizeof wanted)) {
		check_report(check, "interrupts", FINDING_NOTE, NULL,
			     "give a configuration to see which CPUs matter");
		return;
	}
	folder = opendir("/proc/irq");
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char list[512];
		bool hits = false;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    !check_read(list, sizeof list, "/proc/irq/%.20s/effective_affinity_list",
				entry->d_name))
			continue;
		seen++;
		for (unsigned i = 0; i < check->plan.lane_count; i++)
			hits = hits || (check->conf->lanes[i].kind == GYR_CONF_LANE_DATA &&
					check->plan.lanes[i].cpu >= 0 &&
					check_list_has(list, (unsigned)check->plan.lanes[i].cpu));
		there += hits;
	}
	if (folder != NULL)
		(void)closedir(folder);
	(void)snprintf(advice, sizeof advice,
		       "stop irqbalance; echo the other CPUs to /proc/irq/*/smp_affinity_list");
	if (seen == 0)
		check_report(check, "interrupts", FINDING_NOT_HERE, NULL, "none to be seen");
	else if (there > 0)
		check_report(check, "interrupts", FINDING_ADVICE, advice,
			     "%u of %u go to data lanes' CPUs (%s)", there, seen, wanted);
	else
		check_report(check, "interrupts", FINDING_GOOD, NULL,
			     "none of %u goes to data lanes' CPUs", seen);
}
