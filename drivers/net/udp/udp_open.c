/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_netdev_key.h"
#include "udp_state.h"

#define MTU_DEFAULT 1500

struct udp_values {
	struct gyr_netdev_prefix address4, address6;
	uint64_t port, mtu, receive_buffer, send_buffer, busy_poll_us;
};

#define KEY(name, kind, field, min, max, help)                                                     \
	{                                                                                          \
		name, GYR_NETDEV_KEY_##kind, offsetof(struct udp_values, field), min, max, help    \
	}

const struct gyr_netdev_key udp_keys[UDP_KEY_COUNT] = {
	KEY("address", ADDRESS4, address4, 0, 0, "local IPv4 address; 0.0.0.0 when none is given"),
	KEY("address6", ADDRESS6, address6, 0, 0, "local IPv6 address"),
	KEY("port", NUMBER, port, 0, UINT16_MAX, "local port; 0 lets the kernel choose"),
	KEY("mtu", NUMBER, mtu, 0, GYR_NETDEV_MTU_MAX, "bytes; 0 takes the interface's"),
	KEY("receive_buffer", NUMBER, receive_buffer, 4096, 1u << 30, "socket buffer, bytes"),
	KEY("send_buffer", NUMBER, send_buffer, 4096, 1u << 30, "socket buffer, bytes"),
	KEY("busy_poll_us", NUMBER, busy_poll_us, 0, 1000, "SO_BUSY_POLL; 0 leaves it off"),
};

/* The interface that owns an address, and its MTU; 1500 for an address that is nobody's. */
static uint32_t interface_mtu(const struct gyr_netdev_prefix *address, bool is_ipv6, char *name,
			      size_t name_size)
{
	struct ifaddrs *list = NULL;
	uint32_t mtu = MTU_DEFAULT;
	const void *want = is_ipv6 ? address->address : address->address + 12;

	if (getifaddrs(&list) != 0)
		return mtu;
	for (struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
		struct ifreq request = { 0 };
		const void *have;
		int fd;

		if (at->ifa_addr == NULL ||
		    at->ifa_addr->sa_family != (is_ipv6 ? AF_INET6 : AF_INET))
			continue;
		have = is_ipv6 ? (const void *)&((struct sockaddr_in6 *)(void *)at->ifa_addr)
					 ->sin6_addr
			       : (const void *)&((struct sockaddr_in *)(void *)at->ifa_addr)
					 ->sin_addr;
		/* 127.0.0.0/8 belongs to the loopback interface as a whole. */
		if (memcmp(have, want, is_ipv6 ? 16 : 4) != 0 &&
		    (is_ipv6 || *(const uint8_t *)have != 127 || *(const uint8_t *)want != 127))
			continue;
		(void)strncpy(name, at->ifa_name, name_size - 1);
		(void)strncpy(request.ifr_name, at->ifa_name, sizeof request.ifr_name - 1);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd >= 0) {
			if (ioctl(fd, SIOCGIFMTU, &request) == 0)
				mtu = (uint32_t)request.ifr_mtu;
			(void)close(fd);
		}
		break;
	}
	freeifaddrs(list);
	return mtu;
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* The forced form passes rmem_max but wants CAP_NET_ADMIN; the plain one is capped in silence. */
static void set_buffer(int fd, int forced, int plain, uint64_t size)
{
	int half = (int)(size / 2); /* the kernel doubles it */

	if (set(fd, SOL_SOCKET, forced, half) != 0)
		(void)set(fd, SOL_SOCKET, plain, half);
}

static int set_options(int fd, bool is_ipv6, const struct udp_values *values)
{
	int level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	/* Datagrams are never fragmented: what exceeds the path is refused with EMSGSIZE. */
	int discover = is_ipv6 ? set(fd, level, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
			       : set(fd, level, IP_MTU_DISCOVER, IP_PMTUDISC_DO);

	if (discover != 0 || (is_ipv6 && set(fd, level, IPV6_V6ONLY, 1) != 0) ||
	    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) != 0 || set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) != 0)
		GYR_FAIL(GYR_ERR_NETWORK, "setsockopt: %s", strerror(errno));
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, values->receive_buffer);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, values->send_buffer);
	if (values->busy_poll_us != 0 &&
	    set(fd, SOL_SOCKET, SO_BUSY_POLL, (int)values->busy_poll_us) != 0)
		GYR_FAIL(errno == EPERM ? GYR_ERR_PERMISSION : GYR_ERR_UNSUPPORTED,
			 "busy_poll_us=%llu: %s (needs CAP_NET_ADMIN)",
			 (unsigned long long)values->busy_poll_us, strerror(errno));
	return 0;
}

static int bind_one(struct gyr_netdev *device, struct udp *udp, bool is_ipv6,
		    const struct udp_values *values)
{
	const struct gyr_netdev_prefix *address = is_ipv6 ? &values->address6 : &values->address4;
	struct udp_socket *socket_ = &udp->sockets[udp->socket_count];
	struct gyr_endpoint local = { .port = device->info.port };
	union udp_name name = { 0 };
	socklen_t length = is_ipv6 ? sizeof name.ipv6 : sizeof name.ipv4;
	char text[72];

	memcpy(local.address, address->address, sizeof local.address);
	if (is_ipv6) {
		name.ipv6.sin6_family = AF_INET6;
		name.ipv6.sin6_port = htons(local.port);
		memcpy(&name.ipv6.sin6_addr, address->address, 16);
	} else {
		name.ipv4.sin_family = AF_INET;
		name.ipv4.sin_port = htons(local.port);
		memcpy(&name.ipv4.sin_addr, address->address + 12, 4);
	}
	socket_->is_ipv6 = is_ipv6;
	socket_->fd = socket(is_ipv6 ? AF_INET6 : AF_INET,
			     SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	if (socket_->fd < 0)
		GYR_FAIL(GYR_ERR_NETWORK, "socket: %s", strerror(errno));
	udp->socket_count++;
	GYR_TRY(set_options(socket_->fd, is_ipv6, values));
	if (bind(socket_->fd, (const struct sockaddr *)&name, length) != 0)
		GYR_FAIL(errno == EACCES ? GYR_ERR_PERMISSION : GYR_ERR_NETWORK, "bind %s: %s",
			 gyr_endpoint_format(&local, text), strerror(errno));
	if (getsockname(socket_->fd, (struct sockaddr *)&name, &length) != 0)
		GYR_FAIL(GYR_ERR_NETWORK, "getsockname: %s", strerror(errno));
	device->info.port = ntohs(is_ipv6 ? name.ipv6.sin6_port : name.ipv4.sin_port);
	memcpy(is_ipv6 ? device->info.address6 : device->info.address4, address->address, 16);
	return 0;
}

static void choose_mtu(struct gyr_netdev *device, const struct udp_values *values)
{
	struct gyr_netdev_info *info = &device->info;
	uint32_t mtu = (uint32_t)values->mtu;

	if (mtu == 0) {
		mtu = GYR_NETDEV_MTU_MAX;
		if (values->address4.given)
			mtu = (uint32_t)gyr_min_u64(mtu, interface_mtu(&values->address4, false,
								       info->device,
								       sizeof info->device));
		if (values->address6.given)
			mtu = (uint32_t)gyr_min_u64(mtu, interface_mtu(&values->address6, true,
								       info->device,
								       sizeof info->device));
	}
	info->mtu = (uint32_t)gyr_max_u64(mtu, GYR_NETDEV_MTU_MIN);
	info->payload_max4 = info->mtu - 28;
	info->payload_max6 = info->mtu - 48;
}

static int carve(struct gyr_netdev *device, struct udp *udp, struct gyr_arena *arena)
{
	uint32_t size = (uint32_t)gyr_round_up(device->info.payload_max4, GYR_CACHE_LINE);
	uint8_t *tx;

	udp->buffer_size = size;
	udp->rx_buffers = gyr_arena_carve(arena, (size_t)size * GYR_NETDEV_BURST_MAX,
					  GYR_CACHE_LINE);
	tx = gyr_arena_carve(arena, (size_t)size * GYR_NETDEV_TX_HELD_MAX, GYR_CACHE_LINE);
	if (udp->rx_buffers == NULL || tx == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "buffers of %u bytes do not fit the arena", size);
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = tx + (size_t)i * size;
	for (unsigned i = 0; i < GYR_NETDEV_BURST_MAX; i++) {
		udp->rx_parts[i].iov_base = udp->rx_buffers + (size_t)i * size;
		udp->rx_parts[i].iov_len = device->info.payload_max4;
		udp->rx[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->rx_names[i],
			.msg_namelen = sizeof udp->rx_names[i],
			.msg_iov = &udp->rx_parts[i],
			.msg_iovlen = 1,
			.msg_control = udp->rx_control[i],
			.msg_controllen = UDP_CONTROL_SIZE,
		};
		udp->tx[i].msg_hdr = (struct msghdr){
			.msg_name = &udp->tx_names[i],
			.msg_iov = &udp->tx_parts[i],
			.msg_iovlen = 1,
		};
	}
	return 0;
}

static int bind_all(struct gyr_netdev *device, struct udp *udp, const struct udp_values *values)
{
	if (values->address4.given)
		GYR_TRY(bind_one(device, udp, false, values));
	if (values->address6.given)
		GYR_TRY(bind_one(device, udp, true, values));
	return 0;
}

int udp_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	struct udp_values values = { .receive_buffer = 4u << 20, .send_buffer = 4u << 20 };
	struct udp *udp;
	int error;

	GYR_TRY(gyr_netdev_keys_parse(&values, udp_keys, UDP_KEY_COUNT, "udp", text));
	if (values.mtu != 0 && values.mtu < GYR_NETDEV_MTU_MIN)
		GYR_FAIL(GYR_ERR_USAGE, "udp: mtu=%llu is below %d", (unsigned long long)values.mtu,
			 GYR_NETDEV_MTU_MIN);
	if (!values.address4.given && !values.address6.given) {
		values.address4.given = true;
		values.address4.address[10] = values.address4.address[11] = 0xff;
	}
	udp = gyr_arena_carve(arena, sizeof *udp, GYR_CACHE_LINE);
	if (udp == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "the arena is too small");
	memset(udp, 0, sizeof *udp);
	device->self = udp;
	device->info.port = (uint16_t)values.port;
	device->info.link_up = true;
	device->info.clock = GYR_NETDEV_CLOCK_KERNEL;
	choose_mtu(device, &values);
	GYR_TRY(carve(device, udp, arena));
	error = bind_all(device, udp, &values);
	if (error < 0)
		udp_close(device);
	return error;
}

void udp_close(struct gyr_netdev *device)
{
	struct udp *udp = device->self;

	for (unsigned i = 0; i < udp->socket_count; i++)
		(void)close(udp->sockets[i].fd);
	udp->socket_count = 0;
}
