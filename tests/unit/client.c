/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against the session table, over a network in memory that loses, repeats and reorders;
 * behind the table a sequencer of three lines. Every submission must end EXECUTED, whatever the
 * network does.
 */
#include "gyr_test.h"

#include "gyr_client.h"
#include "session_gate.h"

#define COUNT	  2000
#define WIRE_MAX  256
#define HASH_TEST 77

struct flying {
	struct gyr_test_packet packet;
	uint64_t due_ns;
};

struct world {
	struct gate gate;
	struct gyr_test_net net; /* the client's side */
	struct gyr_client *client;
	struct gyr_arena arena;
	struct flying down[WIRE_MAX]; /* on the way to the client */
	unsigned down_count;
	struct gyr_datagram handed[GYR_NETDEV_BURST_MAX];
	struct gyr_test_packet handed_bytes[GYR_NETDEV_BURST_MAX];
	uint64_t seed;
	unsigned loss_percent;
	bool deaf; /* the gate is dead */
	uint32_t epoch;
	uint64_t position;
	uint64_t place[COUNT]; /* the sequencer's: position of a tag, 0: none */
	bool sent[COUNT], ordered[COUNT], executed[COUNT];
	unsigned executed_count, status_count, connected_count, closed_count, lost_count;
	uint64_t durable, void_position;
	size_t chunked_length;
};

static bool chance(struct world *world, unsigned percent)
{
	return gyr_test_random(&world->seed) % 100 < percent;
}

/* rx of the client's device: what is due, in no particular order. */
static unsigned world_rx(struct gyr_netdev *device, struct gyr_datagram *datagrams,
			 unsigned count_max, const struct gyr_netdev_time *time)
{
	struct world *world = (struct world *)((char *)device - offsetof(struct world, net.device));
	unsigned count = 0;

	for (unsigned i = 0; i < world->down_count && count < count_max;) {
		if (world->down[i].due_ns > time->now_ns) {
			i++;
			continue;
		}
		world->handed_bytes[count] = world->down[i].packet;
		datagrams[count] = (struct gyr_datagram){
			.payload = world->handed_bytes[count].bytes,
			.length = world->handed_bytes[count].length,
			.peer = gyr_test_endpoint(100, 7790),
		};
		count++;
		world->down[i] = world->down[--world->down_count];
	}
	return count;
}

static void answer(struct world *world)
{
	struct gyr_session_table *table = world->gate.table;

	for (unsigned i = 0; i < world->gate.input.submission_count; i++) {
		const struct gyr_submission *s = &world->gate.input.submissions[i];
		bool again = world->place[s->client_tag] != 0;

		if (s->raw.length > 4000)
			world->chunked_length = s->raw.length;
		if (!again)
			world->place[s->client_tag] = world->position += 100;
		gyr_session_ordered(table, s->session,
				    &(struct gyr_session_order){
					    .client_tag = s->client_tag,
					    .position = world->place[s->client_tag],
					    .epoch = world->epoch,
					    .answers = s->answers,
					    .again = again,
				    });
		gyr_session_executed(table, s->session,
				     &(struct gyr_session_result){
					     .client_tag = s->client_tag,
					     .position = world->place[s->client_tag],
					     .epoch = world->epoch,
					     .status = 1,
				     });
	}
	for (unsigned i = 0; i < world->gate.input.query_count; i++) {
		const struct gyr_session_query *q = &world->gate.input.queries[i];

		gyr_session_status(table, q->session,
				   &(struct gyr_session_status){
					   .client_tag = q->client_tag,
					   .hash = q->hash,
					   .state = GYR_WIRE_STATE_EXECUTED,
				   });
	}
	gyr_session_durable(table, world->epoch, world->position + 1);
}

static void fly(struct world *world, const struct gyr_test_packet *packet)
{
	struct flying *flying;

	if (world->down_count == WIRE_MAX || chance(world, world->loss_percent))
		return;
	flying = &world->down[world->down_count++];
	flying->packet = *packet;
	flying->due_ns = world->gate.time.now_ns + 20000;
	if (world->loss_percent > 0)
		flying->due_ns += gyr_test_random(&world->seed) % 300000;
}

/* One turn of everything: 50 us. */
static void turn(struct world *world)
{
	struct gyr_endpoint from = gyr_test_endpoint(1, 4000);
	struct gyr_test_packet *packet;

	gate_later(&world->gate, 50000);
	(void)gyr_client_poll(world->client, &world->gate.time);
	while ((packet = gyr_test_net_take(&world->net)) != NULL) {
		unsigned copies = chance(world, world->loss_percent)	   ? 0
				  : chance(world, world->loss_percent / 2) ? 2
									   : 1;

		for (; copies > 0 && !world->deaf; copies--) {
			gate_receive(&world->gate, &from, packet->bytes, packet->length);
			answer(world);
		}
	}
	gyr_session_tick(world->gate.table, &world->gate.time);
	for (packet = gate_flush(&world->gate, false); packet != NULL;
	     packet = gyr_test_net_take(&world->gate.net))
		fly(world, packet);
}

static void on_connected(void *context, const struct gyr_wire_welcome *welcome)
{
	struct world *world = context;

	assert_int_equal(welcome->epoch, world->epoch);
	world->connected_count++;
}

static void on_disconnected(void *context, enum gyr_verdict reason)
{
	(void)reason;
	((struct world *)context)->closed_count++;
}

static void on_voided(void *context, const struct gyr_wire_void *message)
{
	((struct world *)context)->void_position = message->position;
}

static void on_ordered(void *context, const struct gyr_wire_ordered *message, bool again)
{
	struct world *world = context;

	(void)again;
	assert_true(message->client_tag < COUNT && world->sent[message->client_tag]);
	assert_true(message->position == world->place[message->client_tag]);
	world->ordered[message->client_tag] = true;
}

static void on_durable(void *context, const struct gyr_wire_durable *message)
{
	struct world *world = context;

	world->durable = gyr_max_u64(world->durable, message->position);
}

static void on_executed(void *context, const struct gyr_wire_executed *message, bool early)
{
	struct world *world = context;

	(void)early;
	assert_true(message->client_tag < COUNT && world->sent[message->client_tag]);
	world->executed_count += !world->executed[message->client_tag];
	world->executed[message->client_tag] = true;
}

static void on_status(void *context, const struct gyr_wire_status_reply *message)
{
	struct world *world = context;

	assert_int_equal(message->client_tag, HASH_TEST);
	assert_int_equal(message->hash[5], 5);
	world->status_count++;
}

static void on_lost(void *context, uint32_t first, uint32_t count)
{
	(void)first;
	((struct world *)context)->lost_count += count;
}

static const struct gyr_client_events events = {
	.connected = on_connected,
	.disconnected = on_disconnected,
	.voided = on_voided,
	.ordered = on_ordered,
	.durable = on_durable,
	.executed = on_executed,
	.status = on_status,
	.lost = on_lost,
};

static struct world *world_make(unsigned loss_percent)
{
	struct world *world = calloc(1, sizeof *world);
	struct gyr_client_conf conf = { .gate = gyr_test_endpoint(100, 7790), .nonce = 99 };
	size_t size = gyr_client_arena_size();

	assert_non_null(world);
	world->seed = gyr_test_seed();
	world->loss_percent = loss_percent;
	world->epoch = 4;
	world->position = 10000;
	gate_init(&world->gate, NULL);
	gyr_test_net_init(&world->net, PAYLOAD_MAX);
	world->net.device.rx_burst = world_rx;
	world->arena = gyr_arena_over(malloc(size), size);
	assert_int_equal(gyr_client_init(&world->client, &world->arena, &conf, &world->net.device,
					 &events, world),
			 0);
	/* The network's tx finds the net through self, world_rx through the device. */
	return world;
}

static void world_free(struct world *world)
{
	gate_fini(&world->gate);
	gyr_test_net_fini(&world->net);
	free(world->arena.base);
	free(world);
}

static bool submit(struct world *world, unsigned tag, size_t length)
{
	static uint8_t raw[GYR_WIRE_CHUNKED_MAX];

	world->sent[tag] = true;
	return gyr_client_submit(world->client, &(struct gyr_client_submission){
							.client_tag = tag,
							.raw = { raw, length },
							.answers = 7,
						});
}

static void run(struct world *world, unsigned turns_max)
{
	unsigned next = 0;

	for (unsigned t = 0; t < turns_max && world->executed_count < COUNT; t++) {
		turn(world);
		for (unsigned k = 0; k < 4 && next < COUNT; k++)
			if (gyr_client_connected(world->client) && submit(world, next, 120))
				next++;
		/* What was lost on the way up is the caller's to send again. */
		if (next == COUNT && t % 400 == 0)
			for (unsigned tag = 0; tag < COUNT; tag++)
				if (!world->executed[tag] && gyr_client_connected(world->client))
					(void)submit(world, tag, 120);
		(void)gyr_client_flush(world->client);
	}
}

static void a_good_network_needs_no_repair(void **state)
{
	struct world *world = world_make(0);
	const struct gyr_client_counters *counters = gyr_client_counters(world->client);

	(void)state;
	run(world, 4000);
	assert_int_equal(world->executed_count, COUNT);
	assert_int_equal(world->connected_count, 1);
	assert_int_equal(world->closed_count + world->lost_count, 0);
	assert_int_equal(counters->rerequests + counters->lost, 0);
	assert_int_equal(gyr_session_counters(world->gate.table)->sequence_missing, 0);
	assert_true(world->durable > world->place[COUNT - 1]);
	/* Four submissions shared a datagram. */
	assert_true(counters->datagrams_sent < COUNT / 3);
	world_free(world);
}

static void a_bad_network_is_repaired(void **state)
{
	struct world *world = world_make(10);
	const struct gyr_client_counters *counters = gyr_client_counters(world->client);

	(void)state;
	run(world, 100000);
	assert_int_equal(world->executed_count, COUNT);
	assert_true(counters->missing > 0 && counters->rerequests > 0 && counters->repaired > 0);
	for (unsigned tag = 0; tag < COUNT; tag++)
		assert_true(world->ordered[tag]);
	world_free(world);
}

static void long_transactions_go_in_chunks(void **state)
{
	struct world *world = world_make(0);

	(void)state;
	while (!gyr_client_connected(world->client))
		turn(world);
	world->gate.net.refusing = false;
	assert_true(submit(world, 3, 50000));
	for (int i = 0; i < 10; i++)
		turn(world);
	(void)gyr_client_flush(world->client);
	for (int i = 0; i < 10; i++)
		turn(world);
	assert_int_equal(world->chunked_length, 50000);
	assert_true(world->executed[3]);
	world_free(world);
}

static void status_is_answered(void **state)
{
	struct world *world = world_make(0);
	struct gyr_hash hash = { .bytes = { 0, 1, 2, 3, 4, 5 } };

	(void)state;
	assert_false(gyr_client_status(world->client, HASH_TEST, &hash)); /* not connected yet */
	while (!gyr_client_connected(world->client))
		turn(world);
	assert_true(gyr_client_status(world->client, HASH_TEST, &hash));
	(void)gyr_client_flush(world->client);
	for (int i = 0; i < 10; i++)
		turn(world);
	assert_int_equal(world->status_count, 1);
	world_free(world);
}

static void a_gate_that_restarts_is_found_again(void **state)
{
	struct world *world = world_make(0);

	(void)state;
	run(world, 100);
	assert_true(world->executed_count > 0 && world->executed_count < COUNT);
	/* Dead for two seconds, then back with another epoch and no memory of sessions. */
	world->deaf = true;
	for (int i = 0; i < 40000; i++)
		turn(world);
	assert_int_equal(world->closed_count, 1);
	assert_false(gyr_client_connected(world->client));
	gate_fini(&world->gate);
	gate_init(&world->gate, NULL);
	world->gate.time.now_ns += 3000000000;
	gyr_session_epoch(world->gate.table, 5, 10900);
	world->epoch = 5;
	world->deaf = false;
	run(world, 10000);
	assert_int_equal(world->executed_count, COUNT);
	assert_int_equal(world->connected_count, 2);
	assert_int_equal(world->void_position, 10900);
	world_free(world);
}

static void a_session_that_the_gate_forgot_is_opened_anew(void **state)
{
	struct world *world = world_make(0);

	(void)state;
	while (!gyr_client_connected(world->client))
		turn(world);
	gate_fini(&world->gate);
	gate_init(&world->gate, NULL); /* at once: no silence; PING gets CLOSED */
	world->gate.time.now_ns += 200000000;
	for (int i = 0; i < 4000 && world->connected_count < 2; i++)
		turn(world);
	assert_int_equal(world->closed_count, 1);
	assert_int_equal(world->connected_count, 2);
	gyr_client_close(world->client);
	turn(world);
	assert_int_equal(gyr_session_count(world->gate.table), 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_network_needs_no_repair),
		cmocka_unit_test(a_bad_network_is_repaired),
		cmocka_unit_test(long_transactions_go_in_chunks),
		cmocka_unit_test(status_is_answered),
		cmocka_unit_test(a_gate_that_restarts_is_found_again),
		cmocka_unit_test(a_session_that_the_gate_forgot_is_opened_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
