/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces, by the ioctls that ethtool uses. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tune.h"

static int call(const char *interface, void *command)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof request.ifr_name, "%.15s", interface);
	request.ifr_data = command;
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		error = -errno;
	(void)close(fd);
	return error;
}

bool tune_nic_get(enum tune_kind kind, char out[TUNE_TEXT_MAX], const char *interface)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_value value = { .cmd = ETHTOOL_GGRO };
	bool ring = kind == TUNE_RING;

	out[0] = '\0';
	if (call(interface, ring ? (void *)&rings : (void *)&value) < 0)
		return false;
	(void)snprintf(out, TUNE_TEXT_MAX, "%u", ring ? rings.rx_pending : value.data);
	return true;
}

int tune_nic_set(enum tune_kind kind, const char *interface, const char *text)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	struct ethtool_value value = { .cmd = ETHTOOL_SGRO };
	uint32_t number = (uint32_t)strtoul(text, NULL, 10);
	int error;

	if (kind == TUNE_GRO) {
		value.data = number;
		return call(interface, &value);
	}
	error = call(interface, &rings);
	if (error < 0)
		return error;
	rings.cmd = ETHTOOL_SRINGPARAM;
	rings.rx_pending = number;
	return call(interface, &rings);
}

static void find_interface(struct tune *tune, unsigned gate, const char *interface, bool xdp)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_GRINGPARAM };
	char most[16];

	if (call(interface, &rings) < 0 || rings.rx_max_pending == 0) {
		tune_say(tune, TUNE_NOT_HERE, "nic rings", "%.15s has no rings that can be set",
			 interface);
	} else {
		(void)snprintf(most, sizeof most, "%u", rings.rx_max_pending);
		(void)tune_add(tune, TUNE_RING, "nic rings", most, "%.15s", interface);
	}
	(void)tune_add(tune, TUNE_GRO, "nic offloads", "0", "%.15s", interface);
	if (xdp)
		tune_say(tune, TUNE_BY_HAND, "nic steering",
			 "AF_XDP takes the whole queue of gate %u: steer the gate's port to it, "
			 "ethtool -N %.15s flow-type udp4 dst-port PORT action QUEUE, and all else "
			 "(ssh) away: ethtool -X %.15s",
			 gate, interface, interface);
}

void tune_nic_find(struct tune *tune, const struct gyr_conf *conf, const struct gyr_topo_plan *plan)
{
	for (unsigned i = 0; i < conf->gate_count; i++) {
		const char *xdp = strstr(conf->gates[i].device, "af_xdp=");
		char interface[IF_NAMESIZE] = "";

		if (xdp != NULL)
			(void)snprintf(interface, sizeof interface, "%.*s",
				       (int)strcspn(xdp + 7, ","), xdp + 7);
		else if (plan->gates[i].device[0] != '\0' &&
			 strchr(plan->gates[i].device, ':') == NULL)
			(void)snprintf(interface, sizeof interface, "%.15s", plan->gates[i].device);
		if (interface[0] == '\0')
			tune_say(tune, TUNE_NOT_HERE, "nic",
				 strchr(plan->gates[i].device, ':') != NULL
					 ? "gate %u: DPDK has the whole card, it sets its rings"
					 : "gate %u uses the kernel's sockets",
				 i);
		else if (tune->options->root[0] != '\0')
			tune_say(tune, TUNE_NOT_HERE, "nic", "gate %u: not with --root", i);
		else if (if_nametoindex(interface) == 0)
			tune_say(tune, TUNE_NOT_HERE, "nic", "gate %u: there is no interface %.15s",
				 i, interface);
		else
			find_interface(tune, i, interface, xdp != NULL);
	}
}
