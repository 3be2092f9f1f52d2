/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: all stages of the pipeline, wired as a configuration says, over the drivers that a
 * program was linked with. Open recovers state and log and leaves a server that may be started; it
 * blocks, and may take as long as the log is long. Then either start runs every lane as a pinned
 * thread, or the caller turns the lanes itself, one after the other: the simulator and the embedded
 * form do.
 *
 * The thread that opens also stops and closes. The first stage that fails stops the others
 * (gyr_server_failed); what was durable stays so.
 */
#ifndef GYR_SERVER_H
#define GYR_SERVER_H

#include <stdio.h>

#include "gyr_blockdev.h"
#include "gyr_clock.h"
#include "gyr_conf.h"
#include "gyr_journal.h"
#include "gyr_keccak.h"
#include "gyr_lane.h"
#include "gyr_mem.h"
#include "gyr_netdev.h"
#include "gyr_precompile.h"
#include "gyr_recover_known.h"
#include "gyr_store.h"
#include "gyr_topo.h"

/* What a program brings along. Everything outlives the server. */
struct gyr_server_drivers {
	const struct gyr_netdev_ops *const *net;
	unsigned net_count;
	const struct gyr_blockdev_ops *const *block; /* in order of preference */
	unsigned block_count;
	void *block_context;			      /* the simulator's disk */
	const struct gyr_store_ops *store;	      /* of checkpoints; NULL: none are made */
	void *store_context;			      /* the simulator's */
	const struct gyr_recover_ops *const *recover; /* in order of preference */
	unsigned recover_count;
	const struct gyr_recover_ops *recover_reference;
	const struct gyr_known_ops *known; /* NULL: no driver for known senders */
	/* A server of this process opened with these recovery drivers: their self-tests passed. */
	bool tested;
	const struct gyr_keccak_ops *keccak;
	const struct gyr_precompile_ops *precompile;
	struct gyr_clock *clock; /* open */
};

/* How far opening came; for people. `total` may be 0: unknown. */
typedef void gyr_server_progress(void *context, const char *what, uint64_t done, uint64_t total);

struct gyr_server_options {
	const struct gyr_conf *conf;
	struct gyr_server_drivers drivers;
	/* Metrics go to shared memory that gyrctl reads, by way of the data directory; else they
	 * stay in the process. */
	bool share_metrics;
	/* Lines go where the configuration says, warnings and errors also into the data directory's
	 * log of distinct errors; else nothing is said. */
	bool journal;
	/* gyr_topo_plan of the same configuration: where lanes run, and on which node the memory of
	 * each lies. It outlives the server. NULL: lanes run on the CPUs that the configuration
	 * numbers, all others and the memory anywhere. */
	const struct gyr_topo_plan *plan;
	/* Recovery computes roots on a thread of its own, beside execution. Not in simulations. */
	bool parallel_recovery;
	gyr_server_progress *progress; /* may be NULL */
	void *progress_context;
	/* 0: secrets and hash seeds from the system's entropy; else all of them from this seed. */
	uint64_t seed;
	/* Called while open waits for the first durable write: the simulator moves its time on. May
	 * be NULL. */
	void (*wait)(void *context);
	void *wait_context;
};

/* What recovery found; constant once open has returned. */
struct gyr_server_recovery {
	uint32_t epoch;
	uint64_t cut;		   /* log position where this epoch starts */
	uint64_t checkpoint_block; /* 0: from genesis */
	uint64_t checkpoint_position;
	uint64_t start; /* where reading began: the duplicate window of the checkpoint */
	uint64_t record_count;
	uint64_t transaction_count; /* executed again */
	uint64_t byte_count;
	uint64_t block_number;
	uint64_t arrival_next;
	uint64_t duration_ns;
	/* Parts of it. */
	uint64_t genesis_ns;	/* reading it, and building state and tries from it */
	uint64_t checkpoint_ns; /* loading it, and building state and tries from it */
	uint64_t read_ns;	/* the log, with its checksums */
	uint64_t sequence_ns;	/* the sequencer's tables */
	uint64_t execute_ns;
	uint64_t root_ns;     /* waiting for roots of blocks */
	uint64_t accounts_ns; /* the sequencer's view of the state */
	struct gyr_hash genesis_hash;
	struct gyr_hash state_root; /* of the last closed block */
};

struct gyr_server;

/*
 * Replays the log of a configuration from genesis, whatever checkpoints there are, one transaction
 * after the other, and says what it came to. Reads only: no server is made, a running one is not
 * disturbed (its last blocks may be seen torn). Of the drivers only block, keccak, precompile and
 * clock are used. -GYR_ERR_LOG_DAMAGED also when the log is pruned.
 */
GYR_MUST_USE int gyr_server_replay(struct gyr_server_recovery *out,
				   const struct gyr_server_options *options);

/* On failure the cause is in the log of distinct errors too, if the data directory was ours. */
GYR_MUST_USE int gyr_server_open(struct gyr_server **out, const struct gyr_server_options *options);

const struct gyr_server_recovery *gyr_server_recovery(const struct gyr_server *server);

/* The address that a gate listens at, for people and tests. */
const struct gyr_netdev_info *gyr_server_gate(const struct gyr_server *server, unsigned gate);

/* The journal's end of the thread that opened the server; NULL without a journal. */
struct gyr_journal_writer *gyr_server_journal(struct gyr_server *server);

/* Every region of memory, with its node; constant once open has returned. */
const struct gyr_mem *gyr_server_memory(const struct gyr_server *server);

/* Who holds how much memory, as a table. */
void gyr_server_print_memory(const struct gyr_server *server, FILE *to);

/*
 * Seals memory, becomes the configured user, and starts every lane, confined (lib/confine). Not
 * before the first start is anything given up; a failure here ends the server, close it.
 */
GYR_MUST_USE int gyr_server_start(struct gyr_server *server);

/* For callers that turn the lanes themselves. */
unsigned gyr_server_lane_count(const struct gyr_server *server);
struct gyr_lane *gyr_server_lane(struct gyr_server *server, unsigned lane);

/* The thread that opened: 0, or the negative error that stopped a stage; its cause goes onto the
 * chain, and once into the journal. */
int gyr_server_failed(struct gyr_server *server);

/*
 * Takes nothing new in, finishes what is under way, closes the open mini-block, makes all of it
 * durable, and ends the lanes. GYR_ERR_TIMEOUT when that took longer than timeout_ns.
 */
GYR_MUST_USE int gyr_server_stop(struct gyr_server *server, uint64_t timeout_ns);

/* Gives everything back. Without a stop before it, it is a crash as far as the log is concerned. */
void gyr_server_close(struct gyr_server *server);

/* The state root after everything in the log so far, for tests; no lane may run. */
struct gyr_hash gyr_server_state_root(struct gyr_server *server);

#endif
