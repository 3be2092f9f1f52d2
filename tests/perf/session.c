/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What order entry costs the gate's core: one turn of 32 datagrams in, the answers to all of it
 * out, with 1, 4 and 8 submissions to a datagram. The device is memory: the driver's part is in
 * perf_echo.
 */
#include "gyr_perf.h"

#include "../gyr_test_net.h"
#include "gyr_session.h"
#include "gyr_wire.h"

#define PAYLOAD_MAX 1472
#define TURN	    32
#define ROUNDS	    31
#define TURNS	    300

static struct gyr_test_net net;
static struct gyr_session_table *table;
static struct gyr_session_input input;
static struct gyr_netdev_time now = { .now_ns = 1000000000, .utc_ns = 1700000000000000000 };

static unsigned discard(struct gyr_netdev *device, struct gyr_netdev_tx *batch, unsigned count)
{
	(void)device;
	(void)batch;
	return count;
}

static void receive(uint8_t *bytes, size_t length, uint64_t session, uint32_t sequence)
{
	struct gyr_datagram datagram = { .payload = bytes,
					 .length = (uint32_t)length,
					 .peer = gyr_test_endpoint(1, 4000) };

	gyr_wire_seal(bytes, length, 0, session, sequence, 0);
	gyr_session_receive(table, &input, &datagram, &now);
}

static uint64_t connect_one(void)
{
	uint8_t bytes[128];
	struct gyr_wire_hello hello = { .client_nonce = 1 };
	struct gyr_wire_challenge challenge = { 0 };
	struct gyr_wire_welcome welcome = { 0 };

	(void)gyr_wire_hello_encode(bytes + 36, 92, &hello, 0);
	receive(bytes, 104, 0, 0);
	(void)gyr_session_flush(table, &net.device, &now, true);
	gyr_assert(gyr_wire_challenge_decode(&challenge, gyr_test_net_take(&net)->bytes + 40,
					     GYR_WIRE_CHALLENGE_BYTES) == GYR_VERDICT_OK);
	hello.cookie = challenge.cookie;
	hello.cookie_stamp = challenge.cookie_stamp;
	(void)gyr_wire_hello_encode(bytes + 36, 92, &hello, 0);
	receive(bytes, 104, 0, 0);
	(void)gyr_session_flush(table, &net.device, &now, true);
	gyr_assert(gyr_wire_welcome_decode(&welcome, gyr_test_net_take(&net)->bytes + 40,
					   GYR_WIRE_WELCOME_BYTES) == GYR_VERDICT_OK);
	return welcome.session;
}

static void answer(uint64_t *position)
{
	for (unsigned i = 0; i < input.submission_count; i++) {
		const struct gyr_submission *s = &input.submissions[i];

		*position += 200;
		gyr_session_ordered(table, s->session,
				    &(struct gyr_session_order){ .client_tag = s->client_tag,
								 .position = *position,
								 .epoch = 1,
								 .answers = s->answers });
		gyr_session_executed(table, s->session,
				     &(struct gyr_session_result){ .client_tag = s->client_tag,
								   .position = *position,
								   .epoch = 1,
								   .status = 1 });
	}
}

static double measure(unsigned batch, uint64_t session, uint32_t *sequence, uint64_t *position,
		      bool answered)
{
	static const uint8_t raw[118] = { 2 };
	static uint8_t bytes[PAYLOAD_MAX];
	double values[ROUNDS];
	size_t length = 36;

	for (unsigned i = 0; i < batch; i++)
		length += gyr_wire_submit_encode(bytes + length, sizeof bytes - length,
						 &(struct gyr_wire_submit){
							 .client_tag = i,
							 .answers = 7,
							 .raw = { raw, sizeof raw },
						 },
						 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t begun = gyr_perf_now_ns();

		for (unsigned turn = 0; turn < TURNS; turn++) {
			now.now_ns += 1000000;
			for (unsigned i = 0; i < TURN; i++) {
				receive(bytes, length, session, ++*sequence);
				if (answered)
					answer(position);
			}
			if (!answered)
				continue;
			gyr_session_durable(table, 1, *position);
			(void)gyr_session_flush(table, &net.device, &now, false);
			(void)gyr_netdev_flush(&net.device);
		}
		values[round] = (double)(gyr_perf_now_ns() - begun) / (TURNS * TURN * batch);
	}
	return gyr_perf_median(values, ROUNDS);
}

int main(void)
{
	struct gyr_session_conf conf = { .secret = { 1 } };
	struct gyr_arena arena;
	uint64_t session, position = 1000;
	uint32_t sequence = 0;
	size_t size;

	gyr_session_conf_default(&conf);
	conf.rate = 1000000000;
	conf.burst = 1000000000;
	size = gyr_session_arena_size(&conf, PAYLOAD_MAX);
	arena = gyr_arena_over(malloc(size), size);
	gyr_assert(gyr_session_init(&table, &arena, &conf, PAYLOAD_MAX) == 0);
	gyr_session_epoch(table, 1, 1000);
	gyr_test_net_init(&net, PAYLOAD_MAX);
	session = connect_one();
	net.device.tx_burst = discard;
	(void)printf("%-28s %18s %34s\n", "ns per submission", "received",
		     "with ORDERED, DURABLE, "
		     "EXECUTED");
	for (unsigned batch = 1; batch <= 8; batch *= batch == 1 ? 4 : 2) {
		double in = measure(batch, session, &sequence, &position, false);
		double all = measure(batch, session, &sequence, &position, true);

		(void)printf("%u to a datagram %31.1f %34.1f\n", batch, in, all);
	}
	gyr_assert(gyr_session_counters(table)->refused == 0);
	return 0;
}
