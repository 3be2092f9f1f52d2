/* SPDX-License-Identifier: Apache-2.0 */
/* The server's insides, shared by build.c, recovery.c, lanes.c and server.c. */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <pthread.h>
#include <sched.h>

#include "fault.h"
#include "gyr_confine.h"
#include "gyr_genesis.h"
#include "gyr_mem.h"
#include "gyr_rng.h"
#include "gyr_server.h"
#include "gyr_wal_reader.h"
#include "stage_checkpoint.h"
#include "stage_exec.h"
#include "stage_gate.h"
#include "stage_journal.h"
#include "stage_known.h"
#include "stage_metrics.h"
#include "stage_root.h"
#include "stage_sequence.h"
#include "stage_translate.h"
#include "stage_verify.h"
#include "stage_wal.h"

#define SERVER_EPOCHS_MAX GYR_SESSION_EPOCHS_MAX

/* Finished blocks whose roots may be outstanding before execution waits. */
#define SERVER_BLOCKS_HELD 3

struct server_gate {
	struct gyr_netdev device;
	struct gyr_intake *intake;
	struct gyr_spsc *events;
	struct gyr_spsc *queries;
	struct gyr_spsc *pool_free;
	struct gyr_spsc *key_requests; /* NULL without known senders */
	struct gyr_spsc *key_answers;
	uint8_t *pool;
	struct stage_gate *stage;
	bool open;
};

/* As it lies in checkpoints too. */
struct server_epoch {
	uint32_t epoch;
	uint32_t reserved;
	uint64_t start;
};

/* Values of the metric server.state. */
enum server_state {
	SERVER_STARTING,
	SERVER_RECOVERING,
	SERVER_SERVING,
	SERVER_DRAINING,
};

/* What a lane's thread is told when it starts. */
struct server_lane {
	struct gyr_server *server;
	unsigned index;
};

struct gyr_server {
	struct gyr_server_options options;
	struct gyr_conf conf;
	struct gyr_mem mem;
	int node; /* of what is being carved: server_place */
	struct gyr_rng rng;
	struct pipeline_fault fault;
	struct gyr_server_recovery recovery;

	struct gyr_genesis *genesis; /* while opening */
	struct gyr_chain_config chain;
	struct gyr_hash genesis_hash;
	struct gyr_hash genesis_digest; /* of the file */
	struct gyr_log_identity identity;

	uint8_t *log_ring;
	struct gyr_log *log;
	unsigned exec_reader;
	struct gyr_blockdev *device;
	struct gyr_wal *wal;
	bool wal_open;

	struct gyr_stf *stf;
	struct gyr_stf_limits limits;
	void *export_memory; /* for one part of the state, while opening */
	struct gyr_exec *exec;
	struct gyr_sequence *sequence;
	struct gyr_broadcast *results;
	struct gyr_spsc *feedback;
	struct gyr_spsc *blocks;
	struct gyr_spsc *rooted;
	struct server_epoch epochs[SERVER_EPOCHS_MAX]; /* the youngest, in order */
	unsigned epoch_count;

	struct server_gate gates[GYR_CONF_GATE_COUNT_MAX];
	struct stage_verify *verifies[GYR_CONF_VERIFY_COUNT_MAX];
	struct stage_known *stage_known;	 /* NULL: no known senders */
	struct stage_translate *stage_translate; /* NULL: all code runs in tier 0 */
	struct stage_sequence stage_sequence;
	struct stage_wal stage_wal;
	struct stage_exec stage_exec;
	struct stage_root stage_root;
	struct stage_checkpoint stage_checkpoint;
	struct stage_metrics stage_metrics;
	struct gyr_metric metric;
	struct stage_journal *stage_journal; /* NULL without one */
	struct gyr_journal_writer *journal;  /* the opening thread's */

	cpu_set_t shared_cpus; /* for lanes that are pinned to none */
	struct gyr_lane *lanes[GYR_CONF_LANE_COUNT_MAX];
	struct server_lane own[GYR_CONF_LANE_COUNT_MAX];
	struct gyr_confine_user user;
	unsigned lane_count;
	bool started;
	bool stopped;
	bool fault_told;
	pthread_t roots_thread; /* while recovering */
	bool roots_beside;
	_Atomic bool roots_stop; /* stored by the opening thread, loaded by the one above */
};

/* build.c: carves and wires everything but the lanes; the log is not open yet. */
GYR_MUST_USE int server_build(struct gyr_server *server);
GYR_MUST_USE int server_build_replay(struct gyr_server *server); /* what that takes */
GYR_MUST_USE int server_build_gates(struct gyr_server *server);
GYR_MUST_USE int server_carve(struct gyr_server *server, void **out, const char *name, size_t size);

/*
 * What is carved from here on is used by the lane of this stage: it lies on that lane's node, and
 * is first touched from that lane's CPU where there are several nodes. GYR_CONF_STAGE_KIND_COUNT:
 * by no lane in particular.
 */
void server_place(struct gyr_server *server, enum gyr_conf_stage_kind kind, unsigned index);

/* server.c: metrics and error log. Once the directory is locked: another instance's are not
 * touched. */
GYR_MUST_USE int server_open_metrics(struct gyr_server *server);

/* UTC for what the opening thread says. */
uint64_t server_utc_ns(const struct gyr_server *server);

/* recovery.c: genesis, checkpoint, log; leaves the log open in a new epoch. */
GYR_MUST_USE int server_recover(struct gyr_server *server);
/* The same without a server to be: reads the log to its end, from genesis. */
GYR_MUST_USE int server_replay(struct gyr_server *server);
void server_progress(const struct gyr_server *server, const char *what, uint64_t done,
		     uint64_t total);
/* Feeds the tries with everything that the state holds, part by part; each part goes to `visit` as
 * well (NULL: to nobody). */
GYR_MUST_USE int server_fill_root(struct gyr_server *server,
				  int (*visit)(struct gyr_server *server,
					       const struct gyr_write_set *part));

/*
 * recovery_replay.c: every record of an open reader into the sequencer, and from the checkpoint on
 * (recovery.checkpoint_position) through execution and roots. note_epoch keeps the youngest.
 */
#define SERVER_READ_BUFFER_SIZE (8u << 20)
GYR_MUST_USE int server_replay_log(struct gyr_server *server, struct gyr_wal_reader *reader);
void server_note_epoch(struct gyr_server *server, uint32_t epoch, uint64_t start);

/* confinement.c: at the start, before the lanes; once they run; and on each lane's thread. */
GYR_MUST_USE int server_confine(struct gyr_server *server);
GYR_MUST_USE int server_confine_more(struct gyr_server *server);
void server_confine_lane(struct gyr_server *server, struct gyr_lane_options *options,
			 unsigned index);

/*
 * recovery_checkpoint.c. build: memory, while everything else is carved; nothing where checkpoints
 * are off. open: the store, once the directory is locked; true in *known when it knows the hash of
 * this genesis file, which is then in server->genesis_hash. base: the first checkpoint, genesis
 * itself, from the state. load: the last one into state and tries, which are empty; leaves the
 * store open for reading.
 */
GYR_MUST_USE int server_build_checkpoint(struct gyr_server *server);
GYR_MUST_USE int server_open_checkpoint(struct gyr_server *server, struct gyr_checkpoint_head *head,
					bool *known);
GYR_MUST_USE int server_claim_checkpoint(struct gyr_server *server);
GYR_MUST_USE int server_base_checkpoint(struct gyr_server *server,
					const struct gyr_write_set *part);
GYR_MUST_USE int server_base_done(struct gyr_server *server, const struct gyr_stf_parent *parent);
GYR_MUST_USE int server_load_checkpoint(struct gyr_server *server,
					const struct gyr_checkpoint_head *head,
					uint64_t first_position);

/* lanes.c: lanes with their stages, as configured. */
GYR_MUST_USE int server_build_lanes(struct gyr_server *server);

#endif
