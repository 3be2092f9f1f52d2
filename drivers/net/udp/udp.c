/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_net_udp.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "udp_state.h"

/* Restores what the kernel overwrote in a header that it filled. */
static void rearm(struct udp *udp, unsigned index)
{
	struct msghdr *header = &udp->rx[index].msg_hdr;

	header->msg_namelen = sizeof udp->rx_names[0];
	header->msg_controllen = UDP_CONTROL_SIZE;
	header->msg_flags = 0;
}

static void read_control(struct gyr_netdev *device, struct udp_socket *from, struct msghdr *header,
			 struct gyr_datagram *datagram, const struct gyr_netdev_time *time)
{
	datagram->received_at_ns = time->utc_ns;
	datagram->received_error_ns = time->utc_error_ns;
	datagram->clock = GYR_NETDEV_CLOCK_TURN;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(c), sizeof at);
			datagram->received_at_ns = (uint64_t)at.tv_sec * 1000000000u +
						   (uint64_t)at.tv_nsec;
			datagram->clock = GYR_NETDEV_CLOCK_KERNEL;
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			uint32_t drops;

			memcpy(&drops, CMSG_DATA(c), sizeof drops);
			gyr_netdev_count(&device->counters.rx_drop_no_buffer,
					 drops - from->drop_seen);
			from->drop_seen = drops;
		}
	}
}

static void read_peer(struct gyr_endpoint *peer, const union udp_name *name, bool is_ipv6)
{
	memset(peer, 0, sizeof *peer);
	if (is_ipv6) {
		memcpy(peer->address, &name->ipv6.sin6_addr, sizeof peer->address);
		peer->port = ntohs(name->ipv6.sin6_port);
		peer->interface = name->ipv6.sin6_scope_id;
		return;
	}
	peer->address[10] = peer->address[11] = 0xff;
	memcpy(peer->address + 12, &name->ipv4.sin_addr, 4);
	peer->port = ntohs(name->ipv4.sin_port);
}

/* One socket's share of a burst, into headers [used, count_max). Returns datagrams handed up. */
static unsigned receive(struct gyr_netdev *device, struct udp_socket *from, unsigned used,
			struct gyr_datagram *datagrams, unsigned count_max, unsigned *filled,
			const struct gyr_netdev_time *time)
{
	struct udp *udp = device->self;
	uint64_t bytes = 0;
	unsigned given = 0;
	int count = recvmmsg(from->fd, udp->rx + used, count_max - used, MSG_DONTWAIT, NULL);

	*filled = 0;
	if (count < 0) {
		if (errno != EAGAIN && errno != EINTR)
			gyr_netdev_count(&device->counters.rx_drop_error, 1);
		return 0;
	}
	*filled = (unsigned)count;
	for (unsigned i = used; i < used + (unsigned)count; i++) {
		struct msghdr *header = &udp->rx[i].msg_hdr;
		struct gyr_datagram *datagram = &datagrams[given];

		read_control(device, from, header, datagram, time);
		if ((header->msg_flags & MSG_TRUNC) != 0) {
			gyr_netdev_count(&device->counters.rx_drop_truncated, 1);
		} else {
			datagram->payload = udp->rx_parts[i].iov_base;
			datagram->length = udp->rx[i].msg_len;
			read_peer(&datagram->peer, &udp->rx_names[i], from->is_ipv6);
			bytes += datagram->length;
			given++;
		}
		rearm(udp, i);
	}
	gyr_netdev_count(&device->counters.rx_datagrams, given);
	gyr_netdev_count(&device->counters.rx_bytes, bytes);
	return given;
}

static unsigned udp_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
		       unsigned count_max, const struct gyr_netdev_time *time)
{
	struct udp *udp = device->self;
	unsigned used = 0;
	unsigned given = 0;

	if (count_max > GYR_NETDEV_BURST_MAX)
		count_max = GYR_NETDEV_BURST_MAX;
	/* The family that is asked first alternates, so that a full one cannot starve the other. */
	for (unsigned i = 0; i < udp->socket_count && used < count_max; i++) {
		struct udp_socket *from = &udp->sockets[(udp->next + i) & (udp->socket_count - 1)];
		unsigned filled;

		given += receive(device, from, used, datagrams + given, count_max, &filled, time);
		used += filled;
	}
	udp->next ^= 1;
	return given;
}

static struct udp_socket *socket_for(struct udp *udp, const struct gyr_endpoint *to)
{
	bool is_ipv6 = !gyr_endpoint_is_ipv4(to);

	for (unsigned i = 0; i < udp->socket_count; i++)
		if (udp->sockets[i].is_ipv6 == is_ipv6)
			return &udp->sockets[i];
	return NULL;
}

static void write_name(union udp_name *name, struct msghdr *header, const struct gyr_endpoint *to,
		       bool is_ipv6)
{
	memset(name, 0, sizeof *name);
	if (is_ipv6) {
		name->ipv6.sin6_family = AF_INET6;
		name->ipv6.sin6_port = htons(to->port);
		name->ipv6.sin6_scope_id = to->interface;
		memcpy(&name->ipv6.sin6_addr, to->address, sizeof to->address);
		header->msg_namelen = sizeof name->ipv6;
		return;
	}
	name->ipv4.sin_family = AF_INET;
	name->ipv4.sin_port = htons(to->port);
	memcpy(&name->ipv4.sin_addr, to->address + 12, 4);
	header->msg_namelen = sizeof name->ipv4;
}

/* Sends a run to one socket. Returns how many are done with; fewer when the socket is full. */
static unsigned send_run(struct gyr_netdev *device, const struct udp_socket *to,
			 struct gyr_netdev_tx *batch, unsigned count)
{
	struct udp *udp = device->self;
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		udp->tx_parts[i].iov_base = batch[i].payload;
		udp->tx_parts[i].iov_len = batch[i].length;
		write_name(&udp->tx_names[i], &udp->tx[i].msg_hdr, &batch[i].to, to->is_ipv6);
	}
	/* Every turn sends or drops at least one. */
	while (done < count) {
		int sent = sendmmsg(to->fd, udp->tx + done, count - done, MSG_DONTWAIT);

		if (sent > 0) {
			uint64_t bytes = 0;

			for (unsigned i = done; i < done + (unsigned)sent; i++)
				bytes += batch[i].length;
			gyr_netdev_count(&device->counters.tx_datagrams, (unsigned)sent);
			gyr_netdev_count(&device->counters.tx_bytes, bytes);
			done += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
			break;
		} else {
			gyr_netdev_count(&device->counters.tx_drop_error, 1);
			done++;
		}
	}
	return done;
}

static unsigned udp_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	struct udp *udp = device->self;
	unsigned done = 0;

	while (done < count) {
		struct udp_socket *to = socket_for(udp, &batch[done].to);
		unsigned run = 1;
		unsigned sent;

		while (done + run < count && socket_for(udp, &batch[done + run].to) == to)
			run++;
		if (to == NULL) {
			gyr_netdev_count(&device->counters.tx_drop_error, run);
			done += run;
			continue;
		}
		sent = send_run(device, to, batch + done, run);
		done += sent;
		if (sent < run)
			break;
	}
	return done;
}

static unsigned udp_wait_fds(struct gyr_netdev *device, int *fds, unsigned fd_count_max)
{
	const struct udp *udp = device->self;
	unsigned count = 0;

	for (; count < udp->socket_count && count < fd_count_max; count++)
		fds[count] = udp->sockets[count].fd;
	return count;
}

static const int udp_calls[] = { SYS_recvmmsg, SYS_sendmmsg, -1 };

const struct gyr_netdev_ops gyr_net_udp = {
	.name = "udp",
	.summary = "the kernel's sockets; no privileges",
	.keys = udp_keys,
	.key_count = UDP_KEY_COUNT,
	.calls = udp_calls,
	.open = udp_open,
	.close = udp_close,
	.wait_fds = udp_wait_fds,
	.rx_burst = udp_rx,
	.tx_burst = udp_tx,
};
