/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators ask: is the server ready, what is it doing, what went wrong, what does the log
 * hold, is the machine fit. Each function answers one question onto a stream, for people or as
 * JSON, and needs nothing of a running server but what it leaves in its data directory: the metrics
 * (shared memory, read-only), the log of distinct errors, the log's segments. Cold; one thread.
 *
 * The answers that are a yes or a no come back as gyr_operate_answer, failures as enum gyr_err.
 */
#ifndef GYR_OPERATE_H
#define GYR_OPERATE_H

#include <stdatomic.h>
#include <stdio.h>

#include "gyr_blockdev.h"
#include "gyr_conf.h"
#include "gyr_keccak.h"
#include "gyr_metric.h"
#include "gyr_recover.h"
#include "gyr_topo.h"

enum gyr_operate_answer {
	GYR_OPERATE_YES = 0,
	GYR_OPERATE_NO = 1,
};

/* Values of the metric server.state. */
enum gyr_operate_state {
	GYR_OPERATE_STARTING,
	GYR_OPERATE_RECOVERING,
	GYR_OPERATE_SERVING,
	GYR_OPERATE_DRAINING,
	GYR_OPERATE_ENDED,
	GYR_OPERATE_DEAD, /* no sign of life for GYR_OPERATE_HEARTBEAT_NS, and no orderly end */
	GYR_OPERATE_STATE_COUNT,
};

#define GYR_OPERATE_HEARTBEAT_NS 3000000000u

/* What a server's area says of it, at a UTC instant. */
enum gyr_operate_state gyr_operate_state(const struct gyr_metric_area *area, uint64_t utc_now_ns);
const char *gyr_operate_state_name(enum gyr_operate_state state);

/* UTC from the system, nanoseconds: these programs have no lane and no clock of their own. */
uint64_t gyr_operate_utc_ns(void);

/* Says whether the server serves, waiting up to wait_ns for it. */
GYR_MUST_USE int gyr_operate_ready(const char *directory, uint64_t wait_ns, bool json, FILE *to);

struct gyr_operate_top_options {
	uint64_t interval_ns;
	bool once; /* one plain frame after one interval */
	bool json; /* one object per frame, on one line */
	bool color;
	uint64_t frame_count_max;   /* 0: until the end */
	const _Atomic int *stopped; /* set by the program's signal handler */
};

/* The live view, until q, a signal, or frame_count_max. */
GYR_MUST_USE int gyr_operate_top(const char *directory,
				 const struct gyr_operate_top_options *options, FILE *to);

/* All metrics once: Prometheus text, or JSON. */
GYR_MUST_USE int gyr_operate_metrics(const char *directory, bool json, FILE *to);

/* Serves them over HTTP (/metrics, /ready) on "ADDRESS:PORT" until *stopped. */
GYR_MUST_USE int gyr_operate_serve(const char *directory, const char *address,
				   const _Atomic int *stopped, FILE *to);

/* The log of distinct errors; since_utc_ns 0 for all. NO when there is an entry of severity error,
 * YES when there is none. */
GYR_MUST_USE int gyr_operate_errors(const char *directory, uint64_t since_utc_ns, bool json,
				    FILE *to);

/* Shows entries as they come or speak again, until *stopped: a line or a JSON object each. A server
 * that has not run there yet is waited for. */
GYR_MUST_USE int gyr_operate_errors_follow(const char *directory, bool json,
					   const _Atomic int *stopped, FILE *to);

/* What the log is read and its senders recovered with. */
struct gyr_operate_log_drivers {
	const struct gyr_blockdev_ops *block;
	const struct gyr_keccak_ops *keccak;
	const struct gyr_recover_ops *const *recover; /* in order of preference */
	unsigned recover_count;
	const struct gyr_recover_ops *recover_reference;
};

struct gyr_operate_dump_options {
	uint64_t from;	    /* position */
	uint64_t count_max; /* records; 0: all */
	const char *kind;   /* by name; NULL: all */
	bool raw;	    /* with the transactions' bytes */
	bool json;
};

/* The records of a log, one a line. directory holds the segments, or a folder "log" that does. */
GYR_MUST_USE int gyr_operate_log_dump(const char *directory,
				      const struct gyr_operate_log_drivers *drivers,
				      const struct gyr_operate_dump_options *options, FILE *to);

/*
 * Checks every block and arrival; with senders also every signature, hash and sender. YES when all
 * is well, NO when the log would be refused or a sender is wrong.
 */
GYR_MUST_USE int gyr_operate_log_verify(const char *directory,
					const struct gyr_operate_log_drivers *drivers, bool senders,
					bool json, FILE *to);

/*
 * Goes through the machine: hugepages, memory locking, CPU isolation, governor, idle states, clock,
 * interrupts, network interfaces, the log's disk. conf may be NULL: then what depends on a
 * configuration is left out. YES when nothing is wrong; NO when something is.
 */
GYR_MUST_USE int gyr_operate_check(const struct gyr_conf *conf, bool json, bool color, FILE *to);

#define GYR_OPERATE_TUNE_STATE "/var/lib/gyr-tuning"

struct gyr_operate_tune_options {
	const char *root;  /* goes before every path; "" is this machine */
	const char *state; /* the file that remembers, below the root */
	bool dry_run;	   /* say what would be done */
	bool boot;	   /* also write boot parameters, as a file of grub's */
	bool json;
	/* Called before each write with its path; a negative errno is taken for the write's. For
	 * tests; may be NULL. */
	int (*before_write)(void *context, const char *path);
	void *context;
};

/*
 * Gives the machine what a configuration wants of it: hugepages on each node, transparent pages,
 * governor and idle states of data lanes' CPUs, interrupts away from them, clock source,
 * interfaces' rings and offloads, memlock. What the settings were is remembered, synced, before the
 * first of them is changed; applying again keeps what was remembered first. A setting that cannot
 * be changed is reported, the rest goes on. YES when everything is as it should be, NO when
 * something failed; what does not exist here is no failure.
 */
GYR_MUST_USE int gyr_operate_tune_apply(const struct gyr_conf *conf,
					const struct gyr_topo_plan *plan,
					const struct gyr_operate_tune_options *options, FILE *to);

/*
 * Back to what was remembered, then forgets it; with nothing remembered there is nothing to do. NO
 * when something could not be restored: it stays remembered. GYR_ERR_DATA when the state file is
 * damaged: nothing is touched then.
 */
GYR_MUST_USE int gyr_operate_tune_undo(const struct gyr_operate_tune_options *options, FILE *to);

#endif
