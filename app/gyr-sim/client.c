/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_verdict.h"
#include "gyr_wire.h"
#include "sim.h"

#define RETRY_NS       3000000u
#define AGAIN_NS       12000000u
#define MEMORY_SIZE    (GYR_NETDEV_ARENA_SIZE + (8u << 20))
#define ACT_ONE_IN     3
#define STRANGE_ONE_IN 24

static void on_connected(void *context, const struct gyr_wire_welcome *welcome)
{
	struct sim_client *client = context;

	client->epoch = welcome->epoch;
}

/* Answers of the old epoch beyond the cut are void; what was DURABLE may not be among them. */
static void on_voided(void *context, const struct gyr_wire_void *message)
{
	struct sim_client *client = context;
	struct sim_world *world = client->world;

	for (unsigned i = 0; i < SIM_TRANSACTIONS; i++) {
		struct sim_tx *tx = &world->txs[i];

		if (!tx->ordered || tx->epoch > message->old_epoch ||
		    tx->position < message->position)
			continue;
		if (tx->durable)
			(void)sim_violated(world, "durable transaction %u was declared void", i);
		tx->ordered = false;
		tx->executed = false;
	}
}

static void on_ordered(void *context, const struct gyr_wire_ordered *message, bool again)
{
	struct sim_client *client = context;
	struct sim_world *world = client->world;
	struct sim_tx *tx;

	(void)again;
	if (message->client_tag >= SIM_TRANSACTIONS)
		return;
	tx = &world->txs[message->client_tag];
	if (tx->durable &&
	    (tx->durable_position != message->position || tx->durable_arrival != message->arrival))
		(void)sim_violated(world, "durable transaction %llu moved from %llu to %llu",
				   (unsigned long long)message->client_tag,
				   (unsigned long long)tx->durable_position,
				   (unsigned long long)message->position);
	world->statistics.ordered += !tx->ordered;
	tx->ordered = true;
	tx->position = message->position;
	tx->arrival = message->arrival;
	tx->epoch = message->epoch;
}

static void promise(struct sim_world *world, struct sim_tx *tx)
{
	if (tx->durable)
		return;
	tx->durable = true;
	tx->durable_position = tx->position;
	tx->durable_arrival = tx->arrival;
	world->statistics.durable++;
}

static void on_durable(void *context, const struct gyr_wire_durable *message)
{
	struct sim_client *client = context;
	struct sim_world *world = client->world;

	for (unsigned i = 0; i < SIM_TRANSACTIONS; i++) {
		struct sim_tx *tx = &world->txs[i];

		if (tx->ordered && tx->epoch == message->epoch && tx->position < message->position)
			promise(world, tx);
	}
}

static void on_executed(void *context, const struct gyr_wire_executed *message, bool early)
{
	struct sim_client *client = context;
	struct sim_world *world = client->world;
	struct sim_tx *tx;

	if (message->client_tag >= SIM_TRANSACTIONS)
		return;
	tx = &world->txs[message->client_tag];
	if (!tx->ordered || tx->position != message->position)
		return;
	tx->executed = true;
	if (!early)
		promise(world, tx);
	if (message->status != 1 || message->gas_used != 21000)
		(void)sim_violated(world, "transfer %llu: status %u, gas %llu",
				   (unsigned long long)message->client_tag, message->status,
				   (unsigned long long)message->gas_used);
}

static void on_rejected(void *context, const struct gyr_wire_rejected *message)
{
	struct sim_client *client = context;
	struct sim_world *world = client->world;

	world->statistics.rejected++;
	/* once nothing crashes any more, it is in the log for good */
	if (world->calm && message->code == GYR_VERDICT_NONCE_TOO_LOW &&
	    message->client_tag < SIM_TRANSACTIONS) {
		world->txs[message->client_tag].ordered = true;
		world->txs[message->client_tag].spent = true;
	}
}

static const struct gyr_client_events events = {
	.connected = on_connected,
	.voided = on_voided,
	.ordered = on_ordered,
	.durable = on_durable,
	.executed = on_executed,
	.rejected = on_rejected,
};

int sim_clients_open(struct sim_world *world)
{
	static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_sim };

	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		struct sim_client *client = &world->clients[i];
		struct gyr_client_conf conf = { .nonce = gyr_rng_next(&world->rng),
						.silence_ms = 60 };
		struct gyr_arena arena;
		char device[96], gate[24];

		client->world = world;
		client->index = i;
		client->memory = calloc(1, MEMORY_SIZE);
		if (client->memory == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for a client");
		arena = gyr_arena_over(client->memory, MEMORY_SIZE);
		(void)snprintf(device, sizeof device, "sim:wire=sim,address=10.0.0.%u/24,port=9001",
			       10 + i);
		(void)snprintf(gate, sizeof gate, "10.0.0.%u:9000", 1 + i % world->conf.gate_count);
		GYR_TRY(gyr_endpoint_parse(&conf.gate, gate));
		GYR_TRY(gyr_netdev_open(&client->device, &arena, drivers, 1, device));
		GYR_TRY(gyr_client_init(&client->client, &arena, &conf, &client->device, &events,
					client));
	}
	return 0;
}

void sim_clients_close(struct sim_world *world)
{
	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		if (world->clients[i].client != NULL)
			gyr_netdev_close(&world->clients[i].device);
		free(world->clients[i].memory);
		world->clients[i].memory = NULL;
		world->clients[i].client = NULL;
	}
}

/* The lowest transaction of an account that has no place yet; SIM_NONCES when all have one. */
static unsigned next_nonce(const struct sim_world *world, unsigned account)
{
	for (unsigned nonce = 0; nonce < SIM_NONCES; nonce++)
		if (!world->txs[nonce * SIM_ACCOUNTS + account].ordered)
			return nonce;
	return SIM_NONCES;
}

static void submit(struct sim_client *client, unsigned index)
{
	struct sim_world *world = client->world;
	struct gyr_client_submission submission = {
		.client_tag = index,
		.raw = gyr_load_transaction(&world->traffic->work, index),
		.answers = GYR_WIRE_ANSWERS_ORDERED | GYR_WIRE_ANSWERS_DURABLE |
			   GYR_WIRE_ANSWERS_EXECUTED,
	};
	uint8_t nonce[GYR_CLIENT_NONCE_BYTES], hint[GYR_CLIENT_HINT_MAX];

	if (gyr_rng_below(&world->rng, 4) == 0)
		submission.answers |= GYR_WIRE_ANSWERS_EARLY;
	/* Right or wrong, a hint must not change what comes of it. */
	if (gyr_rng_below(&world->rng, 3) == 0) {
		for (unsigned i = 0; i < sizeof nonce; i++)
			nonce[i] = (uint8_t)gyr_rng_next(&world->rng);
		gyr_client_hint(&submission, hint, (uint32_t)gyr_rng_below(&world->rng, 4),
				gyr_rng_below(&world->rng, 2) == 0 ? nonce : NULL);
	}
	if (!world->calm && gyr_rng_below(&world->rng, 40) == 0)
		submission.expires_at_ns = sim_time(world).utc_ns +
					   gyr_rng_below(&world->rng, 2000000);
	if (gyr_client_submit(client->client, &submission))
		world->statistics.submissions++;
	world->txs[index].retry_ns = world->clock_state.now_ns + RETRY_NS;
}

/* Bytes that are no transaction, or somebody's with a bit flipped. */
static void submit_garbage(struct sim_client *client)
{
	struct sim_world *world = client->world;
	unsigned index = (unsigned)gyr_rng_below(&world->rng, SIM_TRANSACTIONS);
	struct gyr_slice raw = gyr_load_transaction(&world->traffic->work, index);
	uint8_t bytes[GYR_LOAD_TRANSACTION_MAX];
	struct gyr_client_submission submission = { .client_tag = UINT64_MAX,
						    .raw = { bytes, raw.length } };

	memcpy(bytes, raw.data, raw.length);
	bytes[gyr_rng_below(&world->rng, raw.length)] ^=
		(uint8_t)(1u << gyr_rng_below(&world->rng, 8));
	(void)gyr_client_submit(client->client, &submission);
}

static void act(struct sim_client *client)
{
	struct sim_world *world = client->world;
	/* accounts belong to one client each, most of the time */
	unsigned account = (unsigned)gyr_rng_below(&world->rng, SIM_ACCOUNTS / SIM_CLIENTS) *
				   SIM_CLIENTS +
			   client->index;
	unsigned nonce = next_nonce(world, account);
	unsigned ahead = (unsigned)gyr_rng_below(&world->rng, 3);

	if (!world->calm && gyr_rng_below(&world->rng, STRANGE_ONE_IN) == 0) {
		if (gyr_rng_below(&world->rng, 2) == 0)
			submit_garbage(client);
		else
			submit(client, (unsigned)gyr_rng_below(&world->rng, SIM_TRANSACTIONS));
	}
	for (unsigned i = 0; i <= ahead && nonce + i < SIM_NONCES; i++) {
		/* now and then the later one goes first */
		unsigned at = nonce + (gyr_rng_below(&world->rng, 4) == 0 ? ahead - i : i);
		unsigned index = at * SIM_ACCOUNTS + account;

		if (at < SIM_NONCES && !world->txs[index].ordered &&
		    world->txs[index].retry_ns <= world->clock_state.now_ns)
			submit(client, index);
	}
	(void)gyr_client_flush(client->client);
}

/* What was ordered but never called durable: ask again by sending it again. */
static void insist(struct sim_client *client)
{
	struct sim_world *world = client->world;

	for (unsigned i = client->index; i < SIM_TRANSACTIONS; i += SIM_CLIENTS) {
		struct sim_tx *tx = &world->txs[i];

		if (tx->ordered && !tx->durable && !tx->spent &&
		    tx->retry_ns <= world->clock_state.now_ns) {
			submit(client, i);
			tx->retry_ns = world->clock_state.now_ns + AGAIN_NS;
			(void)gyr_client_flush(client->client);
			return;
		}
	}
}

void sim_clients_turn(struct sim_world *world)
{
	struct gyr_netdev_time time = sim_time(world);

	for (unsigned i = 0; i < SIM_CLIENTS; i++) {
		struct sim_client *client = &world->clients[i];

		(void)gyr_client_poll(client->client, &time);
		gyr_netdev_tick(&client->device, &time);
		if (gyr_client_connected(client->client) &&
		    gyr_rng_below(&world->rng, ACT_ONE_IN) == 0) {
			act(client);
			insist(client);
		}
		(void)gyr_netdev_flush(&client->device);
	}
}

bool sim_clients_content(const struct sim_world *world)
{
	for (unsigned i = 0; i < SIM_TRANSACTIONS; i++)
		if (!world->txs[i].durable && !world->txs[i].spent)
			return false;
	return true;
}
