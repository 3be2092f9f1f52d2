/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execution: reads the log's records in order, runs the state-transition function on each, and says
 * what came of it: to gates and feed (a broadcast ring of results), to the sequencer (a ring of
 * feedback), and to whoever computes roots (a ring of block outputs). The log is its only input.
 *
 * Live, gyr_exec_poll reads the log ring and is resumable: a long transaction runs a slice of gas
 * per poll, and where a ring has no room, or a block hash is not known yet, it goes on at the next
 * poll. In recovery gyr_exec_replay takes one record after the other and says the same to a
 * function instead of the rings. One thread at a time.
 */
#ifndef GYR_EXEC_H
#define GYR_EXEC_H

#include <stdatomic.h>

#include "gyr_arrivals.h"
#include "gyr_exec_result.h"
#include "gyr_log.h"
#include "gyr_ring.h"
#include "gyr_sequence_message.h"
#include "gyr_stf.h"

/*
 * What a checkpoint keeps of a block beside the state: where it begins in the log, what the log had
 * decided by then, what came of its transactions. Held as long as the block's output.
 */
struct gyr_exec_block_log {
	uint64_t position; /* of the record that opened it */
	uint64_t arrival_next;
	uint64_t mini_number;
	uint64_t *undecided; /* arrivals below arrival_next */
	struct gyr_exec_outcome *outcomes;
	uint32_t undecided_count;
	uint32_t outcome_count;
};

/* Execution to the root lane: a finished block. */
struct gyr_exec_block {
	struct gyr_stf_block_output *output;
	const struct gyr_exec_block_log *log; /* NULL: nobody wants it */
	uint64_t position_next; /* of the record that closed it: a checkpoint of it resumes there */
};

/* The root lane back to execution: the block's hash, and its output to be released. */
struct gyr_exec_rooted {
	struct gyr_stf_block_output *output;
	uint64_t number;
	struct gyr_hash block_hash;
};

/* Execution to the translate lane: code that is worth a stream of tier 1. */
struct gyr_exec_wanted {
	struct gyr_code *code;
	enum gyr_fork fork;
};

/* X(name, text): written by execution's lane, read relaxed by others. */
#define GYR_EXEC_COUNTERS(X)                                                                       \
	X(transactions, "transactions executed")                                                   \
	X(skipped, "transactions in the log but not in the block")                                 \
	X(failed, "transactions whose receipt says 0")                                             \
	X(gas, "gas used")                                                                         \
	X(blocks, "EVM blocks closed")                                                             \
	X(waits_rings, "polls that waited for room in a ring")                                     \
	X(waits_roots, "polls that waited for a block's root or hash")

struct gyr_exec_counters {
#define GYR_EXEC_COUNTER_(name, text) _Atomic uint64_t name;
	GYR_EXEC_COUNTERS(GYR_EXEC_COUNTER_)
#undef GYR_EXEC_COUNTER_
};

enum gyr_exec_phase {
	GYR_EXEC_IDLE,	    /* between records */
	GYR_EXEC_RUNNING,   /* a transaction has begun */
	GYR_EXEC_REPORTING, /* it is done; changed accounts are being told */
	GYR_EXEC_CLOSED,    /* a block is closed; the next one is to be opened */
};

/* Told in replay: what would have gone to the rings. */
typedef void gyr_exec_told(void *context, const struct gyr_feedback *transaction);

/* A transaction that was parsed before its turn. */
struct gyr_exec_parsed {
	uint64_t position; /* of its record */
	enum gyr_verdict verdict;
	struct gyr_txn txn;
};

/* Live, execution reads so far ahead in the log, at most: records, and so it hides cache misses. */
#define GYR_EXEC_AHEAD_MAX 32

struct gyr_exec_ahead {
	uint64_t position; /* of the first record that was not read */
	uint32_t begin, end;
	struct gyr_exec_parsed parsed[GYR_EXEC_AHEAD_MAX];
};

/* Live, results are told so many at a time, at most: the hashes of their logs side by side. */
#define GYR_EXEC_HELD_MAX 8

/* A result that is not told yet. */
struct gyr_exec_held {
	struct gyr_exec_result result;
	struct gyr_slice logs; /* encoded; empty: none */
};

struct gyr_exec {
	struct gyr_stf *stf;
	struct gyr_txn_rules rules;
	/* Live only. */
	struct gyr_log *log;
	unsigned reader;
	struct gyr_broadcast *results;
	struct gyr_spsc *feedback;
	struct gyr_spsc *blocks; /* struct gyr_exec_block, to the root lane */
	struct gyr_spsc *rooted; /* struct gyr_exec_rooted, from it */
	struct gyr_spsc *wanted; /* struct gyr_exec_wanted, to the translate lane; NULL: none */
	int64_t gas_slice;
	/* For checkpoints: as many as blocks may be held, or none. */
	struct gyr_exec_block_log *block_logs;
	uint32_t block_log_count;
	uint32_t outcome_count_max;   /* that a block log has room for */
	struct gyr_arrivals arrivals; /* its memory is the caller's */
	uint64_t mini_number;	      /* of the next mini-block, since genesis */

	enum gyr_exec_phase phase;
	struct gyr_stf_block_output *closed;
	uint32_t report_index;
	uint32_t mini_block;
	uint64_t block_number; /* open; 0: none yet */
	uint64_t block_gas_used;
	bool live; /* the rings are told */
	struct gyr_exec_ahead ahead;
	struct gyr_log_block replayed;		  /* of the log, being replayed, */
	const struct gyr_log_record *replay_next; /* and what of it was not read ahead yet */
	struct gyr_exec_held held[GYR_EXEC_HELD_MAX];
	unsigned held_count;
	unsigned held_told;	  /* of them; not 0 only where the ring has no room */
	struct gyr_slice logs;	  /* of the running transaction */
	struct gyr_txn txn;	  /* that was not read ahead */
	struct gyr_u256 reserved; /* by the sequencer for the running transaction */
	struct gyr_feedback done; /* of the running transaction, filled as it ends */
	struct gyr_exec_result result;
	struct gyr_exec_counters counters;
};

/* The log of a block that is open or held. */
static inline struct gyr_exec_block_log *gyr_exec_block_log(const struct gyr_exec *exec,
							    uint64_t number)
{
	return &exec->block_logs[number % exec->block_log_count];
}

/* How far a record came. */
enum gyr_exec_step {
	GYR_EXEC_DONE,	    /* the record is done with */
	GYR_EXEC_AGAIN,	    /* its gas slice is used up */
	GYR_EXEC_WAIT_RING, /* a ring has no room */
	GYR_EXEC_WAIT_ROOT, /* a root or block hash is awaited */
};

/*
 * Polls up to `budget` records. Returns records done, or -GYR_ERR_LIMIT (a table of the state is
 * full: stop), -GYR_ERR_LOG_DAMAGED (a record that no execution can take). *stalled: a record
 * waits.
 */
GYR_MUST_USE int gyr_exec_poll(struct gyr_exec *exec, bool *stalled, unsigned budget);

/* Before the records of a block of the log, from `first` on, are replayed: what may be read ahead.
 * The block's bytes stay until its last record is done with. */
void gyr_exec_replay_block(struct gyr_exec *exec, const struct gyr_log_block *block,
			   const struct gyr_log_record *first);

/*
 * One record in recovery, to its end; results of transactions go to `told`. WAIT_ROOT is answered
 * to the caller, who takes finished blocks from the ring, computes, and calls again with the same
 * record.
 */
GYR_MUST_USE int gyr_exec_replay(struct gyr_exec *exec, enum gyr_exec_step *step,
				 const struct gyr_log_record *record, gyr_exec_told *told,
				 void *context);

/*
 * Before the first record, with a state that was loaded and sealed on block `number`: the next
 * record is the one that opens the block after it. arrivals and mini_number are set by then.
 */
void gyr_exec_resume(struct gyr_exec *exec, uint64_t number);

/* After recovery: from now on the rings are told. */
void gyr_exec_go_live(struct gyr_exec *exec);

/* Live: everything published in the log is executed and told. */
bool gyr_exec_drained(const struct gyr_exec *exec);

#endif
