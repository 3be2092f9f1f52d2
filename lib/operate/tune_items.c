/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine should be given for a configuration: one function for each thing. */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "check_items.h"
#include "tune.h"

#define CPU	    "/sys/devices/system/cpu"
#define NODE	    "/sys/devices/system/node"
#define THP	    "/sys/kernel/mm/transparent_hugepage"
#define CLOCK	    "/sys/devices/system/clocksource/clocksource0"
#define BOOT_FILE   "/etc/default/grub.d/gyr.cfg"
#define LIMITS_FILE "/etc/security/limits.d/gyr.conf"
#define LIST_MAX    256
/* Leaving a state of the processor may take so long on a data lane's CPU, microseconds. */
#define LATENCY_US_MAX	2
#define IDLE_STATES_MAX 16

struct tune_change *tune_add(struct tune *tune, enum tune_kind kind, const char *topic,
			     const char *wanted, const char *path_format, ...)
{
	struct tune_change *change = &tune->changes[tune->count];
	va_list args;

	if (tune->count == TUNE_CHANGE_COUNT_MAX)
		return NULL;
	memset(change, 0, sizeof *change);
	va_start(args, path_format);
	(void)vsnprintf(change->path, sizeof change->path, path_format, args);
	va_end(args);
	change->kind = kind;
	(void)snprintf(change->topic, sizeof change->topic, "%s", topic);
	(void)snprintf(change->wanted, sizeof change->wanted, "%s", wanted);
	if (!tune_get(tune, kind, change->former, &change->absent, change->path)) {
		change->outcome = TUNE_NOT_HERE;
		(void)snprintf(change->note, sizeof change->note, "there is no such setting");
	} else if (!change->absent && strcmp(change->former, change->wanted) == 0) {
		change->outcome = TUNE_KEPT;
	}
	tune->count++;
	return change;
}

void tune_say(struct tune *tune, enum tune_outcome outcome, const char *topic, const char *format,
	      ...)
{
	struct tune_change *change = &tune->changes[tune->count];
	va_list args;

	if (tune->count == TUNE_CHANGE_COUNT_MAX)
		return;
	memset(change, 0, sizeof *change);
	change->outcome = outcome;
	(void)snprintf(change->topic, sizeof change->topic, "%s", topic);
	va_start(args, format);
	(void)vsnprintf(change->wanted, sizeof change->wanted, format, args);
	va_end(args);
	tune->count++;
}

static bool is_data_cpu(const struct gyr_conf *conf, const struct gyr_topo_plan *plan, int cpu)
{
	for (unsigned i = 0; i < plan->lane_count; i++)
		if (plan->lanes[i].cpu == cpu && conf->lanes[i].kind == GYR_CONF_LANE_DATA)
			return true;
	return false;
}

/* CPUs of data lanes, or those that are left, as a list such as "0-1,4". False: none. */
static bool cpu_list(char *out, size_t size, const struct gyr_conf *conf,
		     const struct gyr_topo_plan *plan, bool data)
{
	size_t used = 0;
	int first = -1;

	out[0] = '\0';
	for (int cpu = 0; cpu <= GYR_TOPO_CPU_MAX && used + 16 < size; cpu++) {
		bool in = cpu < GYR_TOPO_CPU_MAX &&
			  (data ? is_data_cpu(conf, plan, cpu)
				: gyr_topo_cpus_has(&plan->shared, (unsigned)cpu) &&
					   !is_data_cpu(conf, plan, cpu));

		if (in && first < 0)
			first = cpu;
		if (in || first < 0)
			continue;
		used += (size_t)snprintf(out + used, size - used, "%s%d", used == 0 ? "" : ",",
					 first);
		if (cpu - 1 > first)
			used += (size_t)snprintf(out + used, size - used, "-%d", cpu - 1);
		first = -1;
	}
	return used > 0;
}

static void find_hugepages(struct tune *tune, const struct gyr_conf *conf,
			   const struct gyr_topo_plan *plan)
{
	if (conf->memory.hugepages == GYR_CONF_HUGEPAGES_NEVER) {
		tune_say(tune, TUNE_NOT_HERE, "hugepages", "the configuration wants none");
		return;
	}
	for (unsigned i = 0; i < plan->node_count; i++) {
		const struct gyr_topo_node *node = &plan->nodes[i];
		uint64_t wanted = (node->memory_planned >> 21) +
				  (node->memory_planned > 0 ? 8u : 0u);
		struct tune_change *change;
		char text[24];

		(void)snprintf(text, sizeof text, "%llu", (unsigned long long)wanted);
		change = tune_add(tune, TUNE_VALUE, "hugepages", text,
				  NODE "/node%u/hugepages/hugepages-2048kB/nr_hugepages",
				  node->os_index);
		/* Others may need those that are there: never fewer. */
		if (change != NULL && change->outcome == TUNE_PLANNED &&
		    strtoull(change->former, NULL, 10) >= wanted) {
			(void)snprintf(change->wanted, sizeof change->wanted, "%s", change->former);
			change->outcome = TUNE_KEPT;
		}
	}
}

static void find_pages(struct tune *tune)
{
	struct tune_change *change = tune_add(tune, TUNE_CHOICE, "transparent pages", "madvise",
					      THP "/enabled");

	/* never is as good. */
	if (change != NULL && strcmp(change->former, "never") == 0)
		change->outcome = TUNE_KEPT;
	(void)tune_add(tune, TUNE_VALUE, "transparent pages", "0", THP "/khugepaged/defrag");
}

static void find_governor(struct tune *tune, const struct gyr_conf *conf,
			  const struct gyr_topo_plan *plan)
{
	unsigned before = tune->count;
	char text[TUNE_TEXT_MAX];
	bool absent;
	char path[TUNE_PATH_MAX];

	for (int cpu = 0; cpu < GYR_TOPO_CPU_MAX; cpu++) {
		(void)snprintf(path, sizeof path, CPU "/cpu%d/cpufreq/scaling_governor", cpu);
		if (is_data_cpu(conf, plan, cpu) && tune_get(tune, TUNE_VALUE, text, &absent, path))
			(void)tune_add(tune, TUNE_VALUE, "governor", "performance", "%s", path);
	}
	if (tune->count == before)
		tune_say(tune, TUNE_NOT_HERE, "governor",
			 "this machine does not scale its frequency, or its host does");
}

/* Deep states of data lanes' CPUs: a lane that sleeps would wake late. */
static void find_idle_states(struct tune *tune, const struct gyr_conf *conf,
			     const struct gyr_topo_plan *plan)
{
	unsigned before = tune->count;
	char text[TUNE_TEXT_MAX];
	char path[TUNE_PATH_MAX];
	bool absent;

	for (int cpu = 0; cpu < GYR_TOPO_CPU_MAX; cpu++)
		for (unsigned state = 0; is_data_cpu(conf, plan, cpu) && state < IDLE_STATES_MAX;
		     state++) {
			(void)snprintf(path, sizeof path, CPU "/cpu%d/cpuidle/state%u/latency", cpu,
				       state);
			if (!tune_get(tune, TUNE_VALUE, text, &absent, path))
				break;
			if (strtoul(text, NULL, 10) > LATENCY_US_MAX)
				(void)tune_add(tune, TUNE_VALUE, "idle states", "1",
					       CPU "/cpu%d/cpuidle/state%u/disable", cpu, state);
		}
	if (tune->count == before)
		tune_say(tune, TUNE_NOT_HERE, "idle states",
			 "data lanes' CPUs have no deep states here");
}

static void find_interrupts(struct tune *tune, const struct gyr_conf *conf,
			    const struct gyr_topo_plan *plan)
{
	unsigned before = tune->count;
	char others[LIST_MAX];
	char folder_path[PATH_MAX];
	const struct dirent *entry;
	DIR *folder;

	if (!cpu_list(others, sizeof others, conf, plan, false)) {
		tune_say(tune, TUNE_NOT_HERE, "interrupts",
			 "no CPU is left that could take them: all are data lanes'");
		return;
	}
	(void)snprintf(folder_path, sizeof folder_path, "%s/proc/irq", tune->options->root);
	folder = opendir(folder_path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char now[TUNE_TEXT_MAX];
		char path[TUNE_PATH_MAX];
		bool absent;
		bool hits = false;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof path, "/proc/irq/%.20s/smp_affinity_list",
			       entry->d_name);
		if (!tune_get(tune, TUNE_VALUE, now, &absent, path))
			continue;
		for (int cpu = 0; cpu < GYR_TOPO_CPU_MAX && !hits; cpu++)
			hits = is_data_cpu(conf, plan, cpu) && check_list_has(now, (unsigned)cpu);
		if (hits) {
			struct tune_change *change = tune_add(tune, TUNE_VALUE, "interrupts",
							      others, "%s", path);

			/* Per-CPU ones and those of NIC queues are the kernel's own affair. */
			if (change != NULL)
				change->optional = true;
		}
	}
	if (folder != NULL)
		(void)closedir(folder);
	if (tune->count == before)
		tune_say(tune, TUNE_KEPT, "interrupts", "none goes to data lanes' CPUs");
	else
		tune_say(tune, TUNE_BY_HAND, "interrupts",
			 "systemctl disable --now irqbalance, where it runs: it moves them back");
}

static void find_clock(struct tune *tune)
{
	char there[TUNE_TEXT_MAX];
	bool absent;

	if (tune_get(tune, TUNE_VALUE, there, &absent, CLOCK "/available_clocksource") &&
	    strstr(there, "tsc") != NULL)
		(void)tune_add(tune, TUNE_VALUE, "clock source", "tsc",
			       CLOCK "/current_clocksource");
	else
		tune_say(tune, TUNE_NOT_HERE, "clock source", "the kernel offers no tsc here");
}

static void find_boot(struct tune *tune, const struct gyr_conf *conf,
		      const struct gyr_topo_plan *plan)
{
	char data[LIST_MAX];
	char parameters[TUNE_TEXT_MAX - 128];
	char text[TUNE_TEXT_MAX];
	struct tune_change *change;

	if (!cpu_list(data, sizeof data, conf, plan, true)) {
		tune_say(tune, TUNE_NOT_HERE, "boot", "no data lane is pinned to a CPU");
		return;
	}
	(void)snprintf(parameters, sizeof parameters,
		       "isolcpus=managed_irq,domain,%.64s nohz_full=%.64s rcu_nocbs=%.64s", data,
		       data, data);
	if (!tune->options->boot) {
		tune_say(tune, TUNE_BY_HAND, "boot",
			 "add to the kernel's command line, or let --boot write " BOOT_FILE ": %s",
			 parameters);
		return;
	}
	(void)snprintf(text, sizeof text,
		       "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT %s\" # gyr\n",
		       parameters);
	change = tune_add(tune, TUNE_FILE, "boot", text, BOOT_FILE);
	if (change != NULL)
		(void)snprintf(change->note, sizeof change->note,
			       "then update-grub, and a restart of the machine");
}

static void find_memlock(struct tune *tune, const struct gyr_conf *conf)
{
	char text[TUNE_TEXT_MAX];

	if (!conf->memory.lock || conf->security.user[0] == '\0') {
		tune_say(tune, TUNE_NOT_HERE, "memlock",
			 "root locks what it likes, or the configuration locks nothing");
		return;
	}
	(void)snprintf(text, sizeof text, "%s - memlock unlimited\n", conf->security.user);
	(void)tune_add(tune, TUNE_FILE, "memlock", text, LIMITS_FILE);
}

/* Never set by us: it decides what a completed write means. */
static void find_write_cache(struct tune *tune, const struct gyr_conf *conf)
{
	char text[TUNE_TEXT_MAX];
	char path[TUNE_PATH_MAX];
	struct stat info;
	bool absent;

	if (stat(conf->data.directory, &info) < 0) {
		tune_say(tune, TUNE_NOT_HERE, "disk cache", "there is no data directory yet");
		return;
	}
	(void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/queue/write_cache",
		       major(info.st_dev), minor(info.st_dev));
	if (!tune_get(tune, TUNE_VALUE, text, &absent, path)) {
		(void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/../queue/write_cache",
			       major(info.st_dev), minor(info.st_dev));
		if (!tune_get(tune, TUNE_VALUE, text, &absent, path)) {
			tune_say(tune, TUNE_NOT_HERE, "disk cache",
				 "the file system is on no block device of its own");
			return;
		}
	}
	if (strcmp(text, "write through") == 0)
		tune_say(tune, TUNE_KEPT, "disk cache", "write through: no write needs a flush");
	else
		tune_say(
			tune, TUNE_BY_HAND, "disk cache",
			"write back: each DURABLE carries a flush. A drive with power-loss "
			"protection says write through by itself; of others, nvme set-feature -f 6 "
			"-v 0 switches the cache off");
}

void tune_find(struct tune *tune, const struct gyr_conf *conf, const struct gyr_topo_plan *plan)
{
	find_hugepages(tune, conf, plan);
	find_pages(tune);
	find_governor(tune, conf, plan);
	find_idle_states(tune, conf, plan);
	find_interrupts(tune, conf, plan);
	find_clock(tune);
	tune_nic_find(tune, conf, plan);
	find_memlock(tune, conf);
	find_write_cache(tune, conf);
	find_boot(tune, conf, plan);
}
