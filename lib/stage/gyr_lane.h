/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane polls its stages in flow order, turn after turn: as a pinned thread (gyr_lane_start), or
 * called by somebody's own loop (gyr_lane_turn), as the simulator and the embedded form do. Each
 * turn reads the clock once and hands the instant down.
 *
 * Where the time goes comes from that one reading: the time from one turn to the next was busy
 * when any stage did something, else idle. On a lane of several stages each stage's share of the
 * busy time is estimated: one turn in GYR_LANE_SAMPLE_TURNS also reads the clock between stages,
 * and the busy time of each tick is split by those samples. A stage that reports itself stalled,
 * having done nothing, has the turn counted as stalled.
 *
 * Threads: a lane is set up by the starting thread; after start only its own thread touches it,
 * except the `times`, which anybody reads, gyr_lane_request_stop and gyr_lane_wake. Limits:
 * GYR_LANE_STAGE_COUNT_MAX stages on a lane; a stage's budget per turn is fixed when it is added.
 */
#ifndef GYR_LANE_H
#define GYR_LANE_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "gyr_clock.h"
#include "gyr_hist.h"
#include "gyr_metric.h"
#include "gyr_stage.h"

#define GYR_LANE_STAGE_COUNT_MAX 24
#define GYR_LANE_COUNT_MAX	 64
#define GYR_LANE_SAMPLE_TURNS	 16
#define GYR_LANE_TICK_NS	 1000000u
#define GYR_LANE_WAIT_FD_MAX	 32

/* Turn lengths: 3 % precision up to 18 minutes. */
#define GYR_LANE_HIST_PRECISION_BITS 5
#define GYR_LANE_HIST_RANGE_BITS     40
#define GYR_LANE_HIST_BUCKET_COUNT                                                                 \
	((GYR_LANE_HIST_RANGE_BITS - GYR_LANE_HIST_PRECISION_BITS + 1)                             \
	 << GYR_LANE_HIST_PRECISION_BITS)

/* What a lane does after a turn without work. */
enum gyr_lane_idle {
	GYR_LANE_IDLE_SPIN,    /* polls on: lowest latency, a whole core */
	GYR_LANE_IDLE_BACKOFF, /* polls on, then yields, then sleeps 1 us doubling to 100 us */
	GYR_LANE_IDLE_PARK,    /* polls on for a while, then sleeps until a descriptor, a wake or
				  the next tick */
};

enum gyr_lane_kind {
	GYR_LANE_DATA, /* allocation is forbidden once memory is sealed */
	GYR_LANE_COLD, /* signing, roots, checkpoints, metrics, logging */
};

struct gyr_lane_options {
	const char *name; /* at most 15 characters: the thread's name */
	enum gyr_lane_kind kind;
	enum gyr_lane_idle idle;
	int cpu; /* -1: not pinned to one */
	/* With cpu -1: where it may run, or NULL for wherever the process may. Read at the start.
	 */
	const cpu_set_t *cpus;
	/* Real-time priority (SCHED_FIFO) 1 to 99; 0: the ordinary scheduler. */
	int priority;
	uint32_t spin_turns;  /* empty turns before backoff or park begin; 0: 2000 */
	uint32_t turn_ns_max; /* longer turns are counted; 0: 100 us */
	/* Called once on the lane's thread before its first turn: first touch, seccomp. */
	int (*thread_init)(void *context);
	void *context;
};

/* Counters that the lane's thread alone writes, relaxed; readers see each of them whole. */
struct gyr_lane_times {
	_Atomic uint64_t turns;
	_Atomic uint64_t turns_busy;
	_Atomic uint64_t busy_ns;
	_Atomic uint64_t idle_ns;
	_Atomic uint64_t turns_over; /* longer than turn_ns_max */
	_Atomic uint64_t turn_longest_ns;
	_Atomic uint64_t turn_longest_at_utc_ns;
	_Atomic uint64_t sleeps;
};

struct gyr_stage_times {
	_Atomic uint64_t items;
	_Atomic uint64_t polls_busy;
	_Atomic uint64_t busy_ns;
	_Atomic uint64_t stalled_ns;
	_Atomic uint64_t idle_ns; /* all the rest: nothing to do, or its lane was at others */
};

struct gyr_lane_stage {
	const struct gyr_stage_ops *ops;
	void *self;
	unsigned budget;
	char label[GYR_METRIC_LABEL_MAX]; /* "verify 1"; the stage's name unless set */
	bool stalled;			  /* in the turn just made */
	uint64_t sample_ns;		  /* busy time in sampled turns, ageing */
	uint64_t stalled_since_tick_ns;
	struct gyr_stage_times times;
};

/* How far a lane is; written by whoever moves it on, read by all. */
enum gyr_lane_state {
	GYR_LANE_IDLE, /* set up, not running */
	GYR_LANE_RUNNING,
	GYR_LANE_DRAINING,
	GYR_LANE_ENDING, /* told to leave its loop */
	GYR_LANE_ENDED,
};

struct gyr_lane {
	alignas(GYR_CACHE_LINE) struct gyr_lane_options options;
	char name[16];
	const struct gyr_clock *clock;
	struct gyr_lane_stage stages[GYR_LANE_STAGE_COUNT_MAX];
	unsigned stage_count;
	struct gyr_turn turn;
	uint64_t tick_due_ns;
	uint64_t tick_last_ns;
	uint64_t busy_since_tick_ns;
	uint32_t empty_turns;
	bool was_busy; /* the previous turn did something */
	int wake_fd;
	bool started; /* the starter's: a thread exists */
	int start_error;
	char start_cause[160];
	pthread_t thread;
	struct gyr_hist turn_hist; /* lengths of busy turns; read it when the lane has ended */
	uint64_t turn_counts[GYR_LANE_HIST_BUCKET_COUNT];

	alignas(GYR_CACHE_LINE) struct gyr_lane_times times;

	/* Shared. state: the starting thread stores DRAINING and ENDING (release), the lane loads
	 * (relaxed each turn) and stores RUNNING and ENDED (release), the starter loads (acquire).
	 * drained: the lane stores (release), the starter loads (acquire). asleep: see
	 * gyr_lane_wake. */
	alignas(GYR_CACHE_LINE) _Atomic int state;
	_Atomic bool drained;
	_Atomic bool asleep;
};

/* The struct is large (about 20 KiB): carve it. clock must outlive the lane. */
GYR_MUST_USE int gyr_lane_init(struct gyr_lane *lane, const struct gyr_clock *clock,
			       const struct gyr_lane_options *options);

/* Adds a stage at the end of the flow, before the start. Asserts the limit. budget 0: 32. */
void gyr_lane_add(struct gyr_lane *lane, const struct gyr_stage_ops *ops, void *self,
		  unsigned budget);

/* Names the stage added last, where several have the same ops: "verify 1". */
void gyr_lane_label(struct gyr_lane *lane, const char *label);

/*
 * One turn in the caller's thread: clock, every stage, tick when due. Returns the items done. Never
 * sleeps. The simulator calls gyr_lane_turn_order to poll in an order of its own.
 */
unsigned gyr_lane_turn(struct gyr_lane *lane);

/* A turn that polls order[0], order[1], … instead; each names a stage, some may be left out. */
unsigned gyr_lane_turn_order(struct gyr_lane *lane, const uint8_t *order, unsigned order_count);

/* For callers with a loop of their own: what the lane's thread does after an empty turn. */
void gyr_lane_idle(struct gyr_lane *lane);

/* Starts the pinned thread; an unusable CPU, priority or thread_init is an error here. */
GYR_MUST_USE int gyr_lane_start(struct gyr_lane *lane);

/* Any thread, also a signal handler: from the next turn on the stages drain. */
void gyr_lane_request_stop(struct gyr_lane *lane);

/* Draining, and in the last turn every stage said that nothing is left. */
bool gyr_lane_drained(const struct gyr_lane *lane);

/*
 * Any thread, after publishing something for a lane that parks: ends its sleep. Costs one atomic
 * exchange while the lane is awake. Without it a parked lane notices at its next tick.
 */
void gyr_lane_wake(struct gyr_lane *lane);

/*
 * Stops started lanes together: all drain until every one of them is drained at once, with nothing
 * moved in between, or until timeout_ns (GYR_ERR_TIMEOUT: the lanes end all the same, what was
 * left undone is lost unless it is durable); then joins their threads.
 */
GYR_MUST_USE int gyr_lane_stop_all(struct gyr_lane *const *lanes, unsigned lane_count,
				   uint64_t timeout_ns);

/* Calls every stage's fini, in reverse order. The lane must not be running. */
void gyr_lane_fini(struct gyr_lane *lane);

/*
 * Cold, any one thread: copies the lane's times into metric.lane[lane_index] and its stages' into
 * metric.stage[stage_index…], labels included; returns the next free stage_index.
 */
unsigned gyr_lane_publish(const struct gyr_lane *lane, struct gyr_metric_area *area,
			  unsigned lane_index, unsigned stage_index);

/* "spin", "backoff", "park". */
const char *gyr_lane_idle_name(enum gyr_lane_idle idle);

#endif
