/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a server: one YAML file, read once at start-up. hwconfig/ holds ready ones,
 * commented so that they are the manual. Every field has a default, except chain.genesis, gates
 * and lanes; gyr_conf_print_fields lists all of them with default, bounds and meaning. Refused,
 * with file:line:column and the field's name: what is no YAML, keys that do not exist or stand
 * twice, values of the wrong kind or beyond their bounds, stages that are missing, doubled or on
 * the wrong kind of lane.
 *
 * The result is plain memory without pointers: copy it, compare it, keep it. What may change at run
 * time does not change here: it enters as a log record. Times are nanoseconds, sizes bytes.
 *
 * Cold, any thread, no state. Limits: GYR_CONF_*_MAX; a file has at most 256 KiB.
 */
#ifndef GYR_CONF_H
#define GYR_CONF_H

#include <stdio.h>

#include "gyr_base.h"

#define GYR_CONF_GATE_COUNT_MAX	      16
#define GYR_CONF_LANE_COUNT_MAX	      64
#define GYR_CONF_LANE_STAGE_COUNT_MAX 24
#define GYR_CONF_VERIFY_COUNT_MAX     64
#define GYR_CONF_SHARD_COUNT_MAX      64
#define GYR_CONF_PATH_MAX	      256
#define GYR_CONF_FILE_SIZE_MAX	      (256u << 10)

/* In flow order: the order in which a lane lists them. A gate may stand anywhere: behind the
 * sequencer its answers leave before the lane submits writes and executes. */
enum gyr_conf_stage_kind {
	GYR_CONF_STAGE_GATE,	   /* data; one per entry of `gates` */
	GYR_CONF_STAGE_VERIFY,	   /* data; one or many */
	GYR_CONF_STAGE_SEQUENCE,   /* data; one */
	GYR_CONF_STAGE_WAL,	   /* data; one */
	GYR_CONF_STAGE_EXEC,	   /* data; exec.shards of them */
	GYR_CONF_STAGE_KNOWN,	   /* cold; one or none: tables of known senders' keys */
	GYR_CONF_STAGE_TRANSLATE,  /* cold; one or none: tier 1's form of hot code */
	GYR_CONF_STAGE_ROOT,	   /* cold; one: state roots of finished blocks */
	GYR_CONF_STAGE_CHECKPOINT, /* cold; one */
	GYR_CONF_STAGE_PREPARE,	   /* cold; one: zero-writes log segments ahead */
	GYR_CONF_STAGE_JOURNAL,	   /* cold; one: formats what data lanes logged */
	GYR_CONF_STAGE_METRICS,	   /* cold; one: publishes counters, syncs UTC */
	GYR_CONF_STAGE_KIND_COUNT,
};

enum gyr_conf_hugepages {
	GYR_CONF_HUGEPAGES_TRY,
	GYR_CONF_HUGEPAGES_NEVER,
	GYR_CONF_HUGEPAGES_MUST,
};

enum gyr_conf_lane_kind {
	GYR_CONF_LANE_DATA,
	GYR_CONF_LANE_COLD,
};

enum gyr_conf_idle {
	GYR_CONF_IDLE_SPIN,
	GYR_CONF_IDLE_BACKOFF,
	GYR_CONF_IDLE_PARK,
};

/* Where a lane wants to be when it names no CPU. */
enum gyr_conf_place {
	GYR_CONF_PLACE_ANY,    /* wherever a core is free */
	GYR_CONF_PLACE_NIC,    /* the NUMA node of its gate's device, or of gate 0's */
	GYR_CONF_PLACE_NODE,   /* the NUMA node that `node` names */
	GYR_CONF_PLACE_SHARED, /* not pinned: the cores that no data lane owns */
};

/* lanes[…].cpu when the file says "auto". */
#define GYR_CONF_CPU_AUTO (-1)

struct gyr_conf_stage {
	enum gyr_conf_stage_kind kind;
	unsigned index; /* "verify 1": 1; 0 where there is one */
};

struct gyr_conf_lane {
	char name[16];
	enum gyr_conf_lane_kind kind;
	enum gyr_conf_idle idle;
	enum gyr_conf_place place;
	unsigned node;		/* an OS index, for PLACE_NODE */
	int cpu;		/* an OS index, or GYR_CONF_CPU_AUTO */
	unsigned priority;	/* SCHED_FIFO, 0: none */
	uint64_t spin_turns;	/* empty turns before backoff or park */
	uint64_t turn_time_max; /* longer turns are counted */
	unsigned stage_count;
	struct gyr_conf_stage stages[GYR_CONF_LANE_STAGE_COUNT_MAX];
};

struct gyr_conf_gate {
	char device[192]; /* "driver:key=value,…" as lib/netdev takes it */
};

struct gyr_conf {
	char path[GYR_CONF_PATH_MAX]; /* of the file itself */
	struct {
		char genesis[GYR_CONF_PATH_MAX]; /* geth's genesis.json; relative paths in the file
						    count from its folder; here they are joined */
		uint64_t id;			 /* 0: whatever the genesis says */
	} chain;
	struct {
		char directory[GYR_CONF_PATH_MAX]; /* log, checkpoints, metrics, error log */
	} data;
	struct {
		enum gyr_conf_hugepages hugepages;
		bool lock;
		uint64_t size_max; /* all regions together; 0: no limit */
	} memory;
	struct {
		char driver[24]; /* "tsc" or "system" */
	} clock;
	struct {
		uint64_t slot_count;  /* per gate, a power of two */
		uint64_t slot_size;   /* payload bytes of a slot */
		uint64_t large_count; /* pool buffers for transactions beyond a slot */
	} intake;
	struct {
		char driver[24];	/* "auto" or a driver of lib/recover */
		uint64_t shadow_every;	/* one in so many is repeated on the reference; 0: none */
		uint64_t known_senders; /* tables of known senders' keys; 0: none */
	} recover;
	struct {
		uint64_t mini_block_time;
		uint64_t block_time; /* whole seconds */
		uint64_t block_gas;
		uint64_t transaction_gas_max;
		uint64_t fee_floor; /* wei per gas */
		struct gyr_address fee_recipient;
		uint64_t park_count;
		uint64_t park_per_sender;
		uint64_t park_size_max; /* bytes of a transaction that may be parked */
		uint64_t park_nonce_gap;
		uint64_t park_time;
		uint64_t duplicate_count; /* a power of two */
	} sequence;
	struct {
		char driver[24];	 /* "auto" or a driver of lib/blockdev */
		uint64_t ring_size;	 /* a power of two */
		uint64_t segment_size;	 /* a power of two */
		uint64_t block_size_max; /* of one commit block */
		uint64_t in_flight;	 /* writes at once */
		uint64_t prepared;	 /* zero-written segments held ready */
		uint64_t undurable_size_max;
		uint64_t undurable_time_max;
		uint64_t retain_size; /* of the durable log that is never pruned */
	} log;
	struct {
		uint64_t account_count;
		uint64_t slot_count;
		uint64_t code_size;
		uint64_t shards;
		uint64_t stream_size; /* pool of hot code's streams */
		uint64_t stream_gas;  /* that code uses before it gets one */
		uint64_t gas_slice;   /* gas that one poll may run */
	} exec;
	struct {
		bool enabled;
		uint64_t interval;
		uint64_t size_max; /* of the embedded store's map */
	} checkpoint;
	struct {
		uint64_t count_max; /* a power of two */
		uint64_t per_address;
		uint64_t rate; /* messages a second */
		uint64_t burst;
		uint64_t unproven_rate;
		uint64_t unproven_burst;
		uint64_t history_size;
		uint64_t history_count; /* a power of two */
		uint64_t chunked_count;
		uint64_t chunked_per_session;
		uint64_t chunk_time;
		uint64_t idle_time;
		uint64_t cookie_time;
		uint64_t hold_time;
		uint64_t known_count;  /* keys of a session that get tables */
		uint64_t known_pinned; /* of them, the first so many are never evicted */
	} sessions;
	struct {
		char format[8];		      /* "text" or "json" */
		char file[GYR_CONF_PATH_MAX]; /* "": standard error */
		uint64_t rate;		      /* lines a second from one place of the program */
	} journal;
	struct {
		char user[33];	/* who to be once started; "": stay */
		char group[33]; /* "": the user's own */
		bool seccomp;	/* data lanes make only the system calls that they need */
	} security;
	unsigned gate_count;
	unsigned lane_count;
	unsigned verify_count; /* how many the lanes hold */
	struct gyr_conf_gate gates[GYR_CONF_GATE_COUNT_MAX];
	struct gyr_conf_lane lanes[GYR_CONF_LANE_COUNT_MAX];
};

/* Reads and checks a file. GYR_ERR_CONFIG with "file:line:column: field: what" as the innermost
 * cause; GYR_ERR_IO when it cannot be read. */
GYR_MUST_USE int gyr_conf_load(struct gyr_conf *conf, const char *path);

/* The same from memory; path is what messages call it and what relative paths count from. */
GYR_MUST_USE int gyr_conf_parse(struct gyr_conf *conf, const char *text, size_t length,
				const char *path);

/* Cold and for programs and tests without a file: every default, no gate, no lane. */
void gyr_conf_default(struct gyr_conf *conf);

/* Every field: name, default, bounds, meaning. */
void gyr_conf_print_fields(FILE *to);

/* "gate", …; and whether it belongs on a data lane. */
const char *gyr_conf_stage_name(enum gyr_conf_stage_kind kind);
bool gyr_conf_stage_is_data(enum gyr_conf_stage_kind kind);

const char *gyr_conf_idle_name(enum gyr_conf_idle idle);
const char *gyr_conf_place_name(enum gyr_conf_place place);

/* The lane that holds a stage; NULL when none does. */
const struct gyr_conf_lane *gyr_conf_lane_of(const struct gyr_conf *conf,
					     enum gyr_conf_stage_kind kind, unsigned index);

#endif
