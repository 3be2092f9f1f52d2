/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate without a server behind it, for tests of clients: the real session table over a udp
 * device, and a sequencer that gives positions, forgets on demand, and calls things durable two
 * milliseconds later. One thread.
 */
#ifndef STUB_GATE_H
#define STUB_GATE_H

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gyr_clock.h"
#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_net_udp.h"
#include "gyr_session.h"
#include "gyr_wire.h"

#define STUB_LOG_MAX (1u << 20)

struct stub_entry {
	struct gyr_hash hash;
	uint64_t client_tag;
	uint64_t ordered_at_ns;
	uint32_t session;
	uint32_t epoch;
	uint8_t answers;
	bool told; /* EXECUTED was sent */
};

/* Positions are 1000 + 100 * index. */
struct stub_gate {
	struct gyr_clock *clock;
	struct gyr_netdev device;
	struct gyr_session_table *table;
	struct gyr_session_input input;
	void *memory;
	struct stub_entry *log;
	uint32_t *index_of; /* by hash, open addressing; 0: free, else index + 1 */
	uint64_t count;
	uint64_t durable; /* entries */
	uint32_t epoch;
	unsigned reject_every; /* every n-th new one is refused with RING_FULL; 0: none */
	uint64_t seen;
	_Atomic bool stop;
};

#define STUB_INDEX_SIZE (4 * STUB_LOG_MAX)

static inline uint64_t stub_position(uint64_t index)
{
	return 1000 + 100 * index;
}

static inline uint32_t *stub_slot(struct stub_gate *gate, const struct gyr_hash *hash)
{
	uint32_t at = gyr_load_be32(hash->bytes) & (STUB_INDEX_SIZE - 1);

	while (gate->index_of[at] != 0 &&
	       !gyr_hash_equal(&gate->log[gate->index_of[at] - 1].hash, hash))
		at = (at + 1) & (STUB_INDEX_SIZE - 1);
	return &gate->index_of[at];
}

/* (Re)starts: entries from `keep` on are lost, the epoch grows, sessions are forgotten. */
static inline int stub_gate_start(struct stub_gate *gate, struct gyr_clock *clock,
				  const char *device, uint64_t keep)
{
	struct gyr_session_conf conf = { .chain_id = 7790,
					 .secret = { (uint8_t)(gate->epoch + 1) } };
	struct gyr_arena arena;
	size_t size;
	uint32_t payload_max;

	if (gate->log == NULL) {
		gate->log = calloc(STUB_LOG_MAX, sizeof *gate->log);
		gate->index_of = calloc(STUB_INDEX_SIZE, sizeof *gate->index_of);
		gyr_assert(gate->log != NULL && gate->index_of != NULL);
	}
	gate->clock = clock;
	gyr_session_conf_default(&conf);
	conf.session_count_max = 64;
	size = gyr_session_arena_size(&conf, 1472) + GYR_NETDEV_ARENA_SIZE;
	gate->memory = malloc(size);
	gyr_assert(gate->memory != NULL);
	arena = gyr_arena_over(gate->memory, size);
	memset(&gate->device, 0, sizeof gate->device);
	GYR_TRY(gyr_netdev_open(&gate->device, &arena,
				(const struct gyr_netdev_ops *const[]){ &gyr_net_udp }, 1, device));
	payload_max = (uint32_t)gyr_min_u64(gate->device.info.payload_max4, 1472);
	GYR_TRY(gyr_session_init(&gate->table, &arena, &conf, payload_max));
	gyr_assert(keep <= gate->count);
	memset(gate->index_of, 0, STUB_INDEX_SIZE * sizeof *gate->index_of);
	gate->count = 0;
	while (gate->count < keep) {
		*stub_slot(gate, &gate->log[gate->count].hash) = (uint32_t)gate->count + 1;
		gate->count++;
	}
	gate->durable = keep;
	for (uint32_t epoch = 1; epoch <= gate->epoch; epoch++)
		gyr_session_epoch(gate->table, epoch, 1000); /* they all started at the beginning */
	gate->epoch++;
	gyr_session_epoch(gate->table, gate->epoch, stub_position(keep));
	gyr_session_durable(gate->table, gate->epoch, stub_position(keep));
	return 0;
}

static inline void stub_gate_halt(struct stub_gate *gate)
{
	gyr_netdev_close(&gate->device);
	free(gate->memory);
	gate->memory = NULL;
}

static inline void stub_submit(struct stub_gate *gate, const struct gyr_submission *submission,
			       const struct gyr_datagram *datagram, uint64_t now_ns)
{
	struct gyr_session_order order = {
		.client_tag = submission->client_tag,
		.received_at_ns = datagram->received_at_ns,
		.received_error_ns = datagram->received_error_ns,
		.clock = (uint8_t)datagram->clock,
		.answers = submission->answers,
	};
	struct gyr_hash hash;
	struct stub_entry *entry;
	uint32_t *slot;

	gyr_keccak256(&hash, submission->raw.data, submission->raw.length);
	slot = stub_slot(gate, &hash);
	order.again = *slot != 0;
	if (!order.again) {
		if (gate->reject_every != 0 && ++gate->seen % gate->reject_every == 0) {
			gyr_session_rejected(gate->table, submission->session,
					     submission->client_tag, 0, GYR_VERDICT_RING_FULL,
					     &hash);
			return;
		}
		gyr_assert(gate->count < STUB_LOG_MAX);
		*slot = (uint32_t)gate->count + 1;
		gate->log[gate->count++] = (struct stub_entry){ .hash = hash,
								.epoch = gate->epoch,
								.ordered_at_ns = now_ns };
	}
	entry = &gate->log[*slot - 1];
	entry->session = submission->session;
	entry->client_tag = submission->client_tag;
	entry->answers = submission->answers;
	order.position = stub_position((uint64_t)*slot - 1);
	order.epoch = entry->epoch;
	order.arrival = order.released_by = *slot;
	gyr_session_ordered(gate->table, submission->session, &order);
	if (order.again)
		entry->told = false;
}

static inline void stub_tell(struct stub_gate *gate, uint64_t index)
{
	struct stub_entry *entry = &gate->log[index];

	if (entry->told || (entry->answers & GYR_WIRE_ANSWERS_EXECUTED) == 0)
		return;
	entry->told = true;
	gyr_session_executed(gate->table, entry->session,
			     &(struct gyr_session_result){
				     .client_tag = entry->client_tag,
				     .position = stub_position(index),
				     .gas_used = 21000,
				     .block_number = 1,
				     .epoch = entry->epoch,
				     .status = 1,
			     });
}

static inline void stub_query(struct stub_gate *gate, const struct gyr_session_query *query)
{
	uint32_t index = *stub_slot(gate, &query->hash);
	struct gyr_session_status status = { .client_tag = query->client_tag, .hash = query->hash };

	if (index != 0) {
		status.position = stub_position((uint64_t)index - 1);
		status.epoch = gate->log[index - 1].epoch;
		status.durable = index <= gate->durable;
		status.state = status.durable ? GYR_WIRE_STATE_EXECUTED : GYR_WIRE_STATE_ORDERED;
		status.status = 1;
	}
	gyr_session_status(gate->table, query->session, &status);
}

/* One turn; returns datagrams received. */
static inline unsigned stub_gate_turn(struct stub_gate *gate)
{
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gyr_netdev_time time = { .now_ns = gyr_clock_now_ns(gate->clock) };
	struct gyr_clock_utc utc = gyr_clock_utc_at(gate->clock, time.now_ns);
	uint64_t told = gate->durable;
	unsigned count;

	time.utc_ns = utc.utc_ns;
	time.utc_error_ns = utc.error_ns;
	count = gyr_netdev_rx(&gate->device, datagrams, GYR_NETDEV_BURST_MAX, &time);
	for (unsigned i = 0; i < count; i++) {
		gyr_session_receive(gate->table, &gate->input, &datagrams[i], &time);
		for (unsigned k = 0; k < gate->input.submission_count; k++)
			stub_submit(gate, &gate->input.submissions[k], &datagrams[i], time.now_ns);
		for (unsigned k = 0; k < gate->input.query_count; k++)
			stub_query(gate, &gate->input.queries[k]);
	}
	while (gate->durable < gate->count &&
	       time.now_ns > gate->log[gate->durable].ordered_at_ns + 2000000)
		gate->durable++;
	if (told != gate->durable)
		gyr_session_durable(gate->table, gate->epoch, stub_position(gate->durable));
	/* What was answered again lies further back: a bounded look is enough for tests. */
	for (uint64_t i = told > 4096 ? told - 4096 : 0; i < gate->durable; i++)
		stub_tell(gate, i);
	gyr_session_tick(gate->table, &time);
	(void)gyr_session_flush(gate->table, &gate->device, &time, count == 0);
	(void)gyr_netdev_flush(&gate->device);
	return count;
}

#endif
