/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_netdev.h"

#include <stdio.h>
#include <string.h>

#include "gyr_err.h"

static const struct gyr_netdev_ops *find(const struct gyr_netdev_ops *const *drivers,
					 unsigned driver_count, const char *name, size_t length)
{
	for (unsigned i = 0; i < driver_count; i++)
		if (strncmp(drivers[i]->name, name, length) == 0 && drivers[i]->name[length] == 0)
			return drivers[i];
	return NULL;
}

static int fail_unknown(const struct gyr_netdev_ops *const *drivers, unsigned driver_count,
			const char *text, size_t length)
{
	char names[128] = "";
	size_t used = 0;

	for (unsigned i = 0; i < driver_count; i++) {
		int n = snprintf(names + used, sizeof names - used, " %s", drivers[i]->name);

		if (n < 0 || (size_t)n >= sizeof names - used)
			break;
		used += (size_t)n;
	}
	GYR_FAIL(GYR_ERR_USAGE,
		 "network driver \"%.*s\" is not in this program, offset 0; it has%s", (int)length,
		 text, names);
}

int gyr_netdev_open(struct gyr_netdev *device, struct gyr_arena *arena,
		    const struct gyr_netdev_ops *const *drivers, unsigned driver_count,
		    const char *text)
{
	size_t length = strcspn(text, ":");
	const struct gyr_netdev_ops *ops = find(drivers, driver_count, text, length);
	int error;

	memset(device, 0, sizeof *device);
	if (ops == NULL)
		return fail_unknown(drivers, driver_count, text, length);
	device->ops = ops;
	device->rx_burst = ops->rx_burst;
	device->tx_burst = ops->tx_burst;
	device->info.driver = ops->name;
	device->info.numa_node = -1;
	error = ops->open(device, arena, text[length] == ':' ? text + length + 1 : "");
	if (error < 0)
		return gyr_err_add(error, __FILE__, __LINE__, "opening %s", text);
	gyr_assert(device->info.mtu >= GYR_NETDEV_MTU_MIN);
	gyr_assert(device->info.payload_max4 <= GYR_NETDEV_PAYLOAD_MAX);
	gyr_assert(device->info.payload_max6 <= GYR_NETDEV_PAYLOAD_MAX);
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		gyr_assert(device->tx[i].payload != NULL);
	return 0;
}

void gyr_netdev_close(struct gyr_netdev *device)
{
	if (device->ops == NULL)
		return;
	device->ops->close(device);
	device->ops = NULL;
}

unsigned gyr_netdev_flush(struct gyr_netdev *device)
{
	/* Bursts that do not wrap around the end of the table: three at most. */
	for (unsigned turn = 0; turn < 3 && device->tx_head != device->tx_tail; turn++) {
		uint32_t first = device->tx_head % GYR_NETDEV_TX_HELD_MAX;
		uint32_t count = device->tx_tail - device->tx_head;
		unsigned done;

		if (count > GYR_NETDEV_TX_HELD_MAX - first)
			count = GYR_NETDEV_TX_HELD_MAX - first;
		if (count > GYR_NETDEV_BURST_MAX)
			count = GYR_NETDEV_BURST_MAX;
		done = device->tx_burst(device, &device->tx[first], count);
		gyr_assert(done <= count);
		device->tx_head += done;
		if (done < count)
			break;
	}
	return device->tx_tail - device->tx_head;
}

unsigned gyr_netdev_echo(struct gyr_netdev *device, const struct gyr_netdev_time *time)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	unsigned count = gyr_netdev_rx(device, datagrams, GYR_NETDEV_BURST_MAX, time);

	for (unsigned i = 0; i < count; i++) {
		const struct gyr_datagram *in = &datagrams[i];
		uint8_t *out;

		if (in->length > gyr_netdev_payload_max(device, &in->peer)) {
			gyr_netdev_count(&device->counters.tx_drop_error, 1);
			continue;
		}
		out = gyr_netdev_reserve(device, &in->peer);
		if (out == NULL)
			break;
		memcpy(out, in->payload, in->length);
		gyr_netdev_commit(device, in->length);
	}
	/* Also when nothing came: what the device did not take before waits here. */
	(void)gyr_netdev_flush(device);
	return count;
}
