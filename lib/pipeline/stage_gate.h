/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate stage: one network queue with its sessions. Polls datagrams in, judges what needs no
 * state, fills intake slots; takes what sequencer and execution say, and answers the clients. One
 * lane; everything of a gate happens on it.
 *
 * What is ordered waits in a ring of its own, in log order, for its execution and for the log to
 * be durable beyond it. When that ring is full the gate takes no more events, and by that holds
 * the sequencer back.
 */
#ifndef PIPELINE_STAGE_GATE_H
#define PIPELINE_STAGE_GATE_H

#include "gyr_exec_result.h"
#include "gyr_intake.h"
#include "gyr_keccak.h"
#include "gyr_log.h"
#include "gyr_metric.h"
#include "gyr_netdev.h"
#include "gyr_ring.h"
#include "gyr_sequence.h"
#include "gyr_session.h"
#include "gyr_stage.h"
#include "watch.h"

/* Ordered transactions that wait for their answers; a power of two. */
#define GATE_WAITING_COUNT 65536u

/* X(name, text) */
#define GATE_COUNTERS(X)                                                                           \
	X(submissions, "transactions that came over the wire")                                     \
	X(admitted, "transactions given an intake slot")                                           \
	X(rejected, "transactions refused before a slot was spent")                                \
	X(ring_full, "transactions dropped because the intake ring was full")                      \
	X(pool_full, "long transactions dropped because the pool was full")                        \
	X(executed, "results answered")

struct gate_counters {
#define GATE_COUNTER_(name, text) _Atomic uint64_t name;
	GATE_COUNTERS(GATE_COUNTER_)
#undef GATE_COUNTER_
	_Atomic uint64_t rejected_by[256]; /* by verdict */
};

/* One ordered transaction that awaits answers. */
struct gate_waiting {
	uint64_t position;
	uint64_t client_tag;
	uint64_t received_utc_ns;
	uint64_t gas_used;
	uint64_t block_number;
	struct gyr_hash logs_hash;
	uint32_t session;
	uint32_t mini_block;
	uint8_t answers;
	uint8_t executed; /* the fields of the result hold */
	uint8_t verdict;
	uint8_t status;
};

struct stage_gate {
	/* Set by the owner before the first poll. */
	struct gyr_netdev *device;
	struct gyr_session_table *sessions;
	struct gyr_intake *intake;
	struct gyr_spsc *events;       /* from the sequencer */
	struct gyr_spsc *queries;      /* to the sequencer */
	struct gyr_spsc *pool_free;    /* buffers that the sequencer gave back */
	struct gyr_spsc *key_requests; /* to the known stage; NULL: there is none */
	struct gyr_spsc *key_answers;  /* from it */
	struct gyr_broadcast *results; /* from execution */
	unsigned results_consumer;
	const struct gyr_log *log;
	const struct gyr_keccak_ops *keccak;
	struct gyr_txn_rules rules;
	uint8_t *pool;
	size_t pool_stride;
	uint32_t *pool_indices; /* free buffers, a stack */
	uint32_t pool_count;	/* on the stack */
	uint32_t epoch;
	size_t raw_room; /* bytes of a transaction that fit a slot */

	struct gate_waiting *waiting; /* GATE_WAITING_COUNT */
	uint64_t waiting_tail;	      /* ordered */
	uint64_t waiting_executed;    /* results attached below */
	uint64_t waiting_durable;     /* durable below: for the latency alone */
	uint64_t waiting_done;	      /* answered below */
	uint64_t durable_told;
	uint64_t utc_ns;			   /* of this turn */
	struct gyr_metric_latency *latency;	   /* may be NULL */
	struct gyr_metric_session *session_metric; /* may be NULL */
	struct gyr_journal_writer *journal;	   /* may be NULL */
	struct watch_gate watch;
	bool stopping;

	struct gyr_session_input input;
	struct gyr_datagram datagrams[GYR_NETDEV_BURST_MAX];
	struct gate_counters counters;
};

extern const struct gyr_stage_ops stage_gate_ops;

#endif
