/* SPDX-License-Identifier: Apache-2.0 */
/* Network interfaces, the log's disk, io_uring. */
#include <errno.h>
#include <libgen.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "check_items.h"
#include "gyr_units.h"

/* Asks a driver; false when it does not answer that question. */
static bool ask(const char *interface, void *command)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool answered;

	if (fd < 0)
		return false;
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	request.ifr_data = command;
	answered = ioctl(fd, SIOCETHTOOL, &request) == 0;
	(void)close(fd);
	return answered;
}

static bool switched_on(const char *interface, uint32_t question)
{
	struct ethtool_value value = { .cmd = question };

	return ask(interface, &value) && value.data != 0;
}

static void check_interface(struct check *check, const char *interface)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	char topic[32];
	char advice[200];
	char text[64];
	char target[300];
	ssize_t length;

	(void)snprintf(topic, sizeof topic, "nic %.26s", interface);
	if (check_read(text, sizeof text, "/sys/class/net/%.32s/operstate", interface) &&
	    strcmp(text, "down") == 0)
		check_report(check, topic, FINDING_WRONG, "ip link set the interface up",
			     "the link is down");
	(void)snprintf(advice, sizeof advice, "ethtool -K %.32s gro off lro off", interface);
	if (switched_on(interface, ETHTOOL_GGRO))
		check_report(check, topic, FINDING_ADVICE, advice,
			     "generic receive offload is on: it holds datagrams back");
	else
		check_report(check, topic, FINDING_GOOD, NULL, "receive offload is off");
	(void)snprintf(target, sizeof target, "/sys/class/net/%.32s/device", interface);
	length = readlink(target, text, sizeof text - 1);
	if (length <= 0) {
		check_report(check, topic, FINDING_NOT_HERE, NULL,
			     "rings, steering, queues: a virtual interface has none");
		return;
	}
	if (!ask(interface, &rings))
		check_report(check, topic, FINDING_NOT_HERE, NULL, "its rings cannot be set");
	else if (rings.rx_pending < rings.rx_max_pending) {
		(void)snprintf(advice, sizeof advice, "ethtool -G %.32s rx %u", interface,
			       rings.rx_max_pending);
		check_report(check, topic, FINDING_ADVICE, advice,
			     "receive ring of %u, %u possible", rings.rx_pending,
			     rings.rx_max_pending);
	} else {
		check_report(check, topic, FINDING_GOOD, NULL, "receive ring of %u, the largest",
			     rings.rx_pending);
	}
	check_report(check, topic, FINDING_NOTE, NULL,
		     "AF_XDP takes a whole queue of it, ssh on that queue included");
}

static void check_pci(struct check *check, const char *bus_id)
{
	char path[128];
	char target[300];
	char advice[200];
	char topic[32];
	ssize_t length;
	const char *driver;

	(void)snprintf(topic, sizeof topic, "nic %.26s", bus_id);
	(void)snprintf(path, sizeof path, "/sys/bus/pci/devices/%.20s", bus_id);
	if (access(path, F_OK) != 0) {
		check_report(check, topic, FINDING_WRONG, "lspci -D | grep -i ethernet",
			     "there is no such device");
		return;
	}
	(void)snprintf(path, sizeof path, "/sys/bus/pci/devices/%.20s/driver", bus_id);
	length = readlink(path, target, sizeof target - 1);
	target[length > 0 ? length : 0] = '\0';
	driver = strrchr(target, '/') == NULL ? "none" : strrchr(target, '/') + 1;
	(void)snprintf(advice, sizeof advice, "dpdk-devbind.py -b vfio-pci %.20s", bus_id);
	/* mlx5 devices stay with their kernel driver under DPDK. */
	if (strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "mlx5_core") == 0)
		check_report(check, topic, FINDING_GOOD, NULL, "bound to %s", driver);
	else
		check_report(check, topic, FINDING_WRONG, advice, "bound to %s", driver);
}

void check_gates(struct check *check)
{
	if (check->conf == NULL) {
		check_report(check, "gates", FINDING_NOTE, NULL,
			     "give a configuration to see its devices");
		return;
	}
	for (unsigned i = 0; i < check->conf->gate_count; i++) {
		const struct gyr_topo_gate *gate = &check->plan.gates[i];
		const char *device = check->conf->gates[i].device;
		const char *xdp = strstr(device, "af_xdp=");
		char interface[IF_NAMESIZE] = "";

		if (gate->device[0] != '\0' && strchr(gate->device, ':') != NULL) {
			check_pci(check, gate->device);
			continue;
		}
		if (xdp != NULL)
			(void)snprintf(interface, sizeof interface, "%.*s",
				       (int)strcspn(xdp + 7, ","), xdp + 7);
		else if (gate->device[0] != '\0')
			(void)snprintf(interface, sizeof interface, "%.15s", gate->device);
		if (interface[0] != '\0' && if_nametoindex(interface) == 0)
			check_report(check, "nic", FINDING_WRONG,
				     "in a laboratory: tools/netns up, and run this inside it",
				     "gate %u: there is no interface %s here", i, interface);
		else if (interface[0] != '\0')
			check_interface(check, interface);
		else
			check_report(check, "nic", FINDING_NOT_HERE, NULL,
				     "gate %u uses the kernel's sockets", i);
	}
}

/* The first existing folder on the way to the data directory: what it will be made on. */
static bool existing_part(char *path, size_t size, const char *directory, struct stat *info)
{
	(void)snprintf(path, size, "%s", directory);
	while (stat(path, info) < 0) {
		char *slash = strrchr(path, '/');

		if (slash == NULL)
			(void)snprintf(path, size, ".");
		else if (slash == path)
			path[1] = '\0';
		else
			*slash = '\0';
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
	}
	return true;
}

static void check_cache(struct check *check, unsigned major_number, unsigned minor_number)
{
	char text[64];
	char target[300];

	/* Of a partition the queue is its disk's. */
	(void)snprintf(target, sizeof target, "/sys/dev/block/%u:%u/queue/write_cache",
		       major_number, minor_number);
	if (!check_read(text, sizeof text, "%s", target) &&
	    !check_read(text, sizeof text, "/sys/dev/block/%u:%u/../queue/write_cache",
			major_number, minor_number)) {
		check_report(check, "disk cache", FINDING_NOT_HERE, NULL,
			     "the file system is on no block device of its own");
		return;
	}
	if (strcmp(text, "write through") == 0)
		check_report(check, "disk cache", FINDING_GOOD, NULL,
			     "write through: a completed write is durable, no flush is needed");
	else
		check_report(check, "disk cache", FINDING_NOTE, NULL,
			     "%s: each DURABLE carries a flush; a drive with power-loss protection "
			     "needs none",
			     text);
}

void check_disk(struct check *check)
{
	struct stat info;
	struct statfs system;
	struct statvfs space;
	char path[GYR_CONF_PATH_MAX];
	char text[GYR_UNITS_TEXT_MAX];
	uint64_t free_bytes;
	uint64_t wanted;

	if (check->conf == NULL) {
		check_report(check, "disk", FINDING_NOTE, NULL,
			     "give a configuration to see its data directory");
		return;
	}
	if (!existing_part(path, sizeof path, check->conf->data.directory, &info) ||
	    statfs(path, &system) < 0 || statvfs(path, &space) < 0) {
		check_report(check, "disk", FINDING_WRONG, NULL, "cannot look at %.80s: %s",
			     check->conf->data.directory, strerror(errno));
		return;
	}
	free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
	wanted = check->conf->log.retain_size +
		 check->conf->log.segment_size * (check->conf->log.prepared + 2);
	if (free_bytes < wanted)
		check_report(check, "disk room", FINDING_WRONG,
			     "make room, or lower log.retain_size",
			     "%s free on %.60s, the log alone wants more",
			     gyr_units_format(text, GYR_UNITS_SIZE, (double)free_bytes), path);
	else
		check_report(check, "disk room", FINDING_GOOD, NULL, "%s free on %.60s",
			     gyr_units_format(text, GYR_UNITS_SIZE, (double)free_bytes), path);
	/* tmpfs and overlay, by their magic numbers of statfs(2). */
	if (system.f_type == 0x01021994)
		check_report(check, "file system", FINDING_WRONG, "put data.directory on a disk",
			     "tmpfs: nothing survives a restart of the machine");
	else if (system.f_type == 0x794c7630)
		check_report(check, "file system", FINDING_ADVICE,
			     "put data.directory on a file system of its own",
			     "an overlay: a container's layer");
	else
		check_report(check, "file system", FINDING_GOOD, NULL, "type 0x%lx",
			     (unsigned long)system.f_type);
	check_cache(check, major(info.st_dev), minor(info.st_dev));
}

void check_io_uring(struct check *check)
{
	char text[32];

	if (check_read(text, sizeof text, "/proc/sys/kernel/io_uring_disabled") &&
	    strcmp(text, "0") != 0)
		check_report(check, "io_uring", FINDING_ADVICE, "sysctl kernel.io_uring_disabled=0",
			     "switched off: the log falls back to pwrite");
	else
		check_report(check, "io_uring", FINDING_GOOD, NULL, "not forbidden");
}
