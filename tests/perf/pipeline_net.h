/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of perf_pipeline and who is behind it: a driver whose datagrams lie in memory, and
 * clients that submit what was signed ahead and decode what is answered. Included once.
 */
#ifndef PIPELINE_NET_H
#define PIPELINE_NET_H

#include <string.h>

#include "gyr_load.h"
#include "gyr_netdev.h"
#include "gyr_wire.h"

#define PAYLOAD_MAX 1472
#define SESSIONS    16
#define ROUND	    256	  /* transactions that enter together */
#define WINDOW	    16384 /* transactions under way */
#define KEPT	    8192  /* answer datagrams between two rounds; a power of two */
#define STAGES_MAX  8

struct client {
	uint64_t session;
	uint32_t sequence;
	uint32_t answer_sequence;
	uint32_t cookie_stamp;
	uint64_t cookie;
};

struct run {
	const struct gyr_load_work *work;
	const char *recover;
	unsigned batch; /* submissions of a datagram */
	/* Measured, per stage of the lane. */
	unsigned stage_count;
	const char *names[STAGES_MAX];
	double stage_ns[STAGES_MAX]; /* per transaction */
	double alone_ns;	     /* recovery's driver, per signature */
	uint64_t rejected[256];
	uint64_t skipped;
	uint64_t failed; /* executed with status 0 */
	uint64_t blocks;
};

struct packet {
	uint8_t *payload;
	uint32_t length;
	uint16_t port;
};

/* The only network, and who is behind it. */
static struct {
	struct client clients[SESSIONS];
	struct gyr_datagram rx[ROUND];
	uint8_t rx_bytes[ROUND][PAYLOAD_MAX];
	unsigned rx_head, rx_count;
	uint8_t tx_bytes[GYR_NETDEV_TX_HELD_MAX + KEPT][PAYLOAD_MAX];
	struct packet kept[KEPT];
	unsigned kept_head, kept_tail;
	uint64_t finished, durable, block_last;
} net;

static int net_open(struct gyr_netdev *device, struct gyr_arena *arena, const char *text)
{
	(void)arena;
	(void)text;
	(void)snprintf(device->info.device, sizeof device->info.device, "memory");
	device->info.driver = "memory";
	device->info.address4[10] = device->info.address4[11] = 0xff;
	device->info.port = GYR_WIRE_PORT;
	device->info.link_up = true;
	device->info.mtu = PAYLOAD_MAX + 28;
	device->info.payload_max4 = PAYLOAD_MAX;
	device->info.payload_max6 = PAYLOAD_MAX - 20;
	device->info.numa_node = -1;
	for (unsigned i = 0; i < GYR_NETDEV_TX_HELD_MAX; i++)
		device->tx[i].payload = net.tx_bytes[i];
	for (unsigned i = 0; i < KEPT; i++)
		net.kept[i].payload = net.tx_bytes[GYR_NETDEV_TX_HELD_MAX + i];
	return 0;
}

static void net_close(struct gyr_netdev *device)
{
	(void)device;
}

static unsigned net_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
		       unsigned count_max, const struct gyr_netdev_time *time)
{
	unsigned count = (unsigned)gyr_min_u64(count_max, net.rx_count - net.rx_head);

	for (unsigned i = 0; i < count; i++) {
		datagrams[i] = net.rx[net.rx_head++];
		datagrams[i].received_at_ns = time->utc_ns;
		datagrams[i].received_error_ns = time->utc_error_ns;
	}
	gyr_netdev_count(&device->counters.rx_datagrams, count);
	return count;
}

/* Takes the buffer and leaves another one, as a driver with descriptors does. */
static unsigned net_tx(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	(void)device;
	for (unsigned i = 0; i < count; i++) {
		struct packet *packet = &net.kept[net.kept_tail % KEPT];
		uint8_t *given = packet->payload;

		if (net.kept_tail - net.kept_head == KEPT)
			return i;
		packet->payload = batch[i].payload;
		packet->length = batch[i].length;
		packet->port = batch[i].to.port;
		batch[i].payload = given;
		net.kept_tail++;
	}
	return count;
}

static const struct gyr_netdev_ops memory_net = {
	.name = "memory",
	.summary = "datagrams of this benchmark",
	.open = net_open,
	.close = net_close,
	.rx_burst = net_rx,
	.tx_burst = net_tx,
};

static void take_answer(struct run *run, struct client *client, const struct gyr_wire_block *block)
{
	union {
		struct gyr_wire_challenge challenge;
		struct gyr_wire_welcome welcome;
		struct gyr_wire_executed executed;
		struct gyr_wire_durable durable;
		struct gyr_wire_rejected rejected;
	} m;
	const uint8_t *body = block->body.data;
	size_t length = block->body.length;
	enum gyr_verdict verdict = GYR_VERDICT_OK;

	memset(&m, 0, sizeof m);
	switch (block->type) {
	case GYR_WIRE_CHALLENGE:
		verdict = gyr_wire_challenge_decode(&m.challenge, body, length);
		client->cookie = m.challenge.cookie;
		client->cookie_stamp = m.challenge.cookie_stamp;
		break;
	case GYR_WIRE_WELCOME:
		verdict = gyr_wire_welcome_decode(&m.welcome, body, length);
		client->session = m.welcome.session;
		break;
	case GYR_WIRE_EXECUTED:
		verdict = gyr_wire_executed_decode(&m.executed, body, length);
		run->failed += m.executed.status != 1;
		run->blocks += m.executed.block_number > net.block_last;
		net.block_last = gyr_max_u64(net.block_last, m.executed.block_number);
		net.finished++;
		break;
	case GYR_WIRE_DURABLE:
		verdict = gyr_wire_durable_decode(&m.durable, body, length);
		net.durable++;
		break;
	case GYR_WIRE_SKIPPED:
		run->skipped++;
		net.finished++;
		break;
	case GYR_WIRE_REJECTED:
		verdict = gyr_wire_rejected_decode(&m.rejected, body, length);
		run->rejected[m.rejected.code]++;
		net.finished++;
		break;
	default:
		break;
	}
	gyr_assert(verdict == GYR_VERDICT_OK);
}

static void take_answers(struct run *run)
{
	for (; net.kept_head != net.kept_tail; net.kept_head++) {
		const struct packet *packet = &net.kept[net.kept_head % KEPT];
		struct client *client = &net.clients[packet->port % SESSIONS];
		struct gyr_wire_header header;
		struct gyr_wire_block block;
		enum gyr_verdict verdict;
		size_t at = GYR_WIRE_HEADER_BYTES;

		gyr_assert(gyr_wire_open(&header, packet->payload, packet->length) ==
			   GYR_VERDICT_OK);
		if (header.answer_sequence != 0)
			client->answer_sequence = header.answer_sequence;
		while (gyr_wire_next(&block, &verdict, &at, packet->payload, packet->length))
			take_answer(run, client, &block);
		gyr_assert(verdict == GYR_VERDICT_OK);
	}
}

static void offer(unsigned index, size_t length)
{
	struct client *client = &net.clients[index];
	struct gyr_datagram *datagram = &net.rx[net.rx_count];
	uint8_t *bytes = net.rx_bytes[net.rx_count];

	gyr_wire_seal(bytes, length, 0, client->session, ++client->sequence,
		      client->answer_sequence);
	if (client->session == 0)
		gyr_wire_seal(bytes, length, 0, 0, client->sequence = 0, 0);
	*datagram = (struct gyr_datagram){ .payload = bytes, .length = (uint32_t)length };
	datagram->clock = GYR_NETDEV_CLOCK_TURN;
	datagram->peer.address[10] = datagram->peer.address[11] = 0xff;
	datagram->peer.address[12] = 10;
	datagram->peer.port = (uint16_t)(4096 + index);
	net.rx_count++;
}

static void offer_hello(unsigned index)
{
	struct client *client = &net.clients[index];
	struct gyr_wire_hello hello = { .client_nonce = index + 1,
					.cookie = client->cookie,
					.cookie_stamp = client->cookie_stamp };
	size_t length = GYR_WIRE_HEADER_BYTES;

	length += gyr_wire_hello_encode(net.rx_bytes[net.rx_count] + length, PAYLOAD_MAX - length,
					&hello, 0);
	offer(index, length);
}

/* Datagrams with the next transactions of the work; returns how many transactions. */
static uint64_t offer_submissions(const struct run *run, uint64_t sent)
{
	uint64_t left = gyr_min_u64(gyr_min_u64(ROUND, run->work->count - sent),
				    WINDOW - (sent - net.finished));
	uint64_t end = sent + left;
	uint64_t begin = sent;

	while (sent < end) {
		uint8_t *bytes = net.rx_bytes[net.rx_count];
		size_t length = GYR_WIRE_HEADER_BYTES;

		for (unsigned i = 0; i < run->batch && sent < end; i++, sent++) {
			struct gyr_wire_submit submit = {
				.client_tag = sent,
				.answers = GYR_WIRE_ANSWERS_DURABLE | GYR_WIRE_ANSWERS_EXECUTED,
				.raw = gyr_load_transaction(run->work, sent),
			};
			size_t used = gyr_wire_submit_encode(bytes + length, PAYLOAD_MAX - length,
							     &submit, 0);

			gyr_assert(used > 0);
			length += used;
		}
		offer((unsigned)(sent / run->batch) % SESSIONS, length);
	}
	return sent - begin;
}

#endif
