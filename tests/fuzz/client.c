/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a gate that says anything: steps {operation u8, length u8, bytes}, each a
 * datagram, as it is or behind a good header of the client's session.
 */
#include "gyr_fuzz.h"

#include "../gyr_test_net.h"
#include "gyr_client.h"
#include "gyr_wire.h"

static struct gyr_test_net net;
static struct gyr_netdev_time now;
static uint8_t waiting[36 + 255];
static size_t waiting_length;
static bool is_waiting;

static unsigned fuzz_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			unsigned count_max, const struct gyr_netdev_time *time)
{
	static uint8_t *exact;

	(void)device;
	(void)time;
	free(exact);
	exact = NULL;
	if (!is_waiting || count_max == 0)
		return 0;
	is_waiting = false;
	exact = malloc(waiting_length == 0 ? 1 : waiting_length);
	if (exact == NULL)
		abort();
	memcpy(exact, waiting, waiting_length);
	datagrams[0] = (struct gyr_datagram){ .payload = exact,
					      .length = (uint32_t)waiting_length,
					      .peer = gyr_test_endpoint(100, 7790) };
	return 1;
}

static void hand_in(struct gyr_client *client, size_t length)
{
	waiting_length = length;
	is_waiting = true;
	(void)gyr_client_poll(client, &now);
	while (gyr_test_net_take(&net) != NULL)
		;
}

/* Gets it a session. */
static void welcome(struct gyr_client *client, uint32_t answer_sequence)
{
	size_t length;

	(void)gyr_client_poll(client, &now);
	length = 36 + gyr_wire_challenge_encode(
			      waiting + 36, 200,
			      &(struct gyr_wire_challenge){ .client_nonce = 5, .cookie = 1 }, 0);
	gyr_wire_seal(waiting, length, GYR_WIRE_DATAGRAM_FROM_GATE, 0, 0, 0);
	hand_in(client, length);
	length = 36 + gyr_wire_welcome_encode(waiting + 36, 200,
					      &(struct gyr_wire_welcome){
						      .client_nonce = 5,
						      .session = 77,
						      .epoch = 1,
						      .datagram_bytes_max = 600,
						      .messages_max = 4,
						      .transaction_bytes_max = 400,
					      },
					      0);
	gyr_wire_seal(waiting, length, GYR_WIRE_DATAGRAM_FROM_GATE, 77, 0, answer_sequence);
	hand_in(client, length);
	gyr_assert(gyr_client_connected(client));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gyr_client_events events;
	static const uint8_t raw[2000];
	static uint8_t memory[64 << 10];
	struct gyr_client_conf conf = { .gate = gyr_test_endpoint(100, 7790), .nonce = 5 };
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	struct gyr_client *client;
	uint32_t sequence = 1;
	size_t at = 0;

	if (net.kept == NULL)
		gyr_test_net_init(&net, 600);
	net.device.rx_burst = fuzz_rx;
	now.now_ns = 1000000000;
	gyr_assert(gyr_client_init(&client, &arena, &conf, &net.device, &events, NULL) == 0);
	welcome(client, sequence);
	for (unsigned steps = 0; steps < 400 && size - at >= 2; steps++) {
		size_t length = gyr_min_u64(data[at + 1], size - at - 2);
		uint8_t operation = data[at];

		now.now_ns += (uint64_t)(operation >> 4) * 1000000;
		if ((operation & 1) != 0) {
			sequence += operation >> 1 & 3; /* repeated, next, gaps */
			memcpy(waiting + 36, data + at + 2, length);
			gyr_wire_seal(waiting, 36 + length, GYR_WIRE_DATAGRAM_FROM_GATE, 77, 0,
				      sequence);
			hand_in(client, 36 + length);
		} else {
			memcpy(waiting, data + at + 2, length);
			hand_in(client, length);
		}
		if ((operation & 8) != 0)
			(void)gyr_client_submit(client, &(struct gyr_client_submission){
								.raw = { raw, 1 + length * 7 } });
		at += 2 + length;
	}
	(void)gyr_client_flush(client);
	gyr_client_close(client);
	return 0;
}
