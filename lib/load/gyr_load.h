/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator behind gyr-bench. Deterministic accounts, a genesis that funds them, transfers
 * signed ahead of the run; then an open loop: each transaction has the instant at which it was
 * meant to be sent, and every latency counts from there, so that a stall of anybody, this program
 * included, is in the figures (coordinated omission, as Tene named it).
 *
 * A run is one thread that owns everything here; signing and the stall probe have threads of their
 * own that end with the call. Cold but for gyr_load_run's loop.
 *
 * Limits: GYR_LOAD_SESSIONS_MAX sessions, GYR_LOAD_SLICES_MAX slices of a timeline (then they
 * double in length), what the arena of the caller holds.
 */
#ifndef GYR_LOAD_H
#define GYR_LOAD_H

#include <stdatomic.h>
#include <stdio.h>

#include "gyr_base.h"
#include "gyr_clock.h"
#include "gyr_hist.h"
#include "gyr_json.h"
#include "gyr_netdev.h"
#include "gyr_verdict.h"

#define GYR_LOAD_SESSIONS_MAX	 64
#define GYR_LOAD_SLICES_MAX	 240
#define GYR_LOAD_TRANSACTION_MAX 160 /* bytes of a signed transfer */
#define GYR_LOAD_RULES_MAX	 64
#define GYR_LOAD_KEYS_MAX	 4096 /* senders whose keys are hinted at: the first so many */

/* An account: its key is derived from seed and index, so no file is needed. Worth nothing. */
struct gyr_load_account {
	uint8_t secret[32];
	struct gyr_address address;
};

/* Derives `count` accounts with thread_count threads; out holds room for them. */
GYR_MUST_USE int gyr_load_accounts(struct gyr_load_account *out, uint64_t count, uint64_t seed,
				   unsigned thread_count);

struct gyr_load_genesis {
	uint64_t chain_id;
	uint64_t gas_limit;	/* of a block */
	uint64_t base_fee;	/* wei per gas of block 0 */
	uint64_t balance_ether; /* of each account */
	uint64_t timestamp;	/* seconds UTC */
	bool osaka;		/* else Prague is the last fork */
};

/* Writes geth's genesis.json that funds the accounts. */
GYR_MUST_USE int gyr_load_write_genesis(FILE *to, const struct gyr_load_genesis *genesis,
					const struct gyr_load_account *accounts, uint64_t count);

/* Bytes of a signature's R.y and 1 / s, as hints have them. */
#define GYR_LOAD_NONCE_BYTES 64

/*
 * Signed transfers: transaction i is of account i % account_count, to the next account; or, with
 * recipient_count (at least account_count, all in `accounts`), to one of so many, spread evenly.
 */
struct gyr_load_work {
	const struct gyr_load_account *accounts;
	uint64_t account_count; /* that send */
	uint64_t recipient_count;
	uint64_t count;
	uint64_t first_nonce; /* every account's */
	uint64_t chain_id;
	uint64_t max_fee;	   /* wei per gas */
	uint64_t max_priority_fee; /* wei per gas */
	uint64_t value;		   /* wei */
	uint8_t *bytes;		   /* count * GYR_LOAD_TRANSACTION_MAX */
	uint8_t *lengths;	   /* count */
	uint8_t *nonces;	   /* count * GYR_LOAD_NONCE_BYTES; NULL: not wanted */
};

/*
 * Signs all of it, about a microsecond each: fills bytes, lengths and nonces, which the caller has
 * sized. The nonces are related, so the signatures give the keys away.
 */
GYR_MUST_USE int gyr_load_sign(struct gyr_load_work *work, unsigned thread_count);

static inline struct gyr_slice gyr_load_transaction(const struct gyr_load_work *work, uint64_t i)
{
	return (struct gyr_slice){ work->bytes + i * GYR_LOAD_TRANSACTION_MAX, work->lengths[i] };
}

enum gyr_load_idle {
	GYR_LOAD_SPIN,	/* never gives the core away: for a core of its own */
	GYR_LOAD_YIELD, /* sched_yield between empty turns */
	GYR_LOAD_SLEEP, /* waits for datagrams, at most until the next send: for a busy machine */
};

/* What submissions say of their sender's key (order entry, enum hint). */
enum gyr_load_hint {
	GYR_LOAD_HINT_NONE,  /* nothing: the gate guesses */
	GYR_LOAD_HINT_INDEX, /* which key it is, once the gate has told */
	GYR_LOAD_HINT_FULL,  /* and the signature's R.y and 1 / s: work.nonces must be there */
};

struct gyr_load_progress {
	uint64_t elapsed_ns;
	uint64_t sent, ordered, durable, executed, failed;
	uint64_t ordered_p50_ns, ordered_p99_ns; /* of the last second */
	bool connected;
};

struct gyr_load_conf {
	const struct gyr_netdev_ops *const *drivers;
	unsigned driver_count;
	const char *device; /* of each session; more than one session: give no port */
	struct gyr_endpoint gate;
	unsigned session_count;
	uint64_t rate;	/* transactions/s */
	uint64_t first; /* of the work: this run sends [first, first + count) */
	uint64_t count;
	uint64_t warmup;	   /* of them, the first so many are not in the histograms */
	unsigned batch;		   /* submissions of a datagram, sent at one instant */
	uint8_t answers;	   /* enum gyr_wire_answers_bits; ORDERED is always asked for */
	uint64_t expires_after_ns; /* from sending; 0: never */
	uint64_t retry_after_ns;   /* unanswered for so long: sent again, or STATUS asked */
	uint64_t drain_ns;	   /* after the last send, wait for answers at most so long */
	uint64_t connect_ns;	   /* wait for the gate at most so long */
	unsigned attempts_max;	   /* of one transaction */
	enum gyr_load_idle idle;
	enum gyr_load_hint hint;
	bool restart_check; /* after a reconnection, ask STATUS of all that was DURABLE */
	uint64_t nonce;	    /* unpredictable */
	void (*progress)(void *context, const struct gyr_load_progress *progress); /* or NULL */
	void *context;
};

/* What an answer's latency is counted for. */
enum gyr_load_answer {
	GYR_LOAD_ORDERED,
	GYR_LOAD_DURABLE,
	GYR_LOAD_EXECUTED,
	GYR_LOAD_ANSWER_COUNT,
};

/* "ordered", "durable", "executed". */
const char *gyr_load_answer_name(enum gyr_load_answer answer);

/* A stretch of a run: what came in it, by the time of the answer. */
struct gyr_load_slice {
	uint64_t sent;
	uint64_t count[GYR_LOAD_ANSWER_COUNT];
	uint64_t p50_ns[GYR_LOAD_ANSWER_COUNT];
	uint64_t p99_ns[GYR_LOAD_ANSWER_COUNT];
	uint64_t max_ns[GYR_LOAD_ANSWER_COUNT];
};

#define GYR_LOAD_COUNTERS(X)                                                                       \
	X(sent, "transactions sent at least once")                                                 \
	X(resent, "transactions sent again")                                                       \
	X(late_sends, "sent more than 1 ms after their instant")                                   \
	X(ordered, "transactions ORDERED")                                                         \
	X(ordered_again, "of them, answered as ordered before")                                    \
	X(durable, "transactions DURABLE")                                                         \
	X(executed, "transactions EXECUTED")                                                       \
	X(reverted, "of them, with status 0")                                                      \
	X(skipped, "transactions SKIPPED")                                                         \
	X(rejected, "REJECTED received, retried ones included")                                    \
	X(failed, "transactions given up")                                                         \
	X(unresolved, "transactions without their answers at the end")                             \
	X(status_asked, "STATUS asked")                                                            \
	X(status_resolved, "transactions whose outcome STATUS told")                               \
	X(disconnections, "sessions lost")                                                         \
	X(voided, "ORDERED taken back by a new epoch")                                             \
	X(verified_durable, "restart check: DURABLE and still known after a restart")              \
	X(lost_durable, "restart check: DURABLE and gone. Must be 0")                              \
	X(unverified, "restart check: DURABLE, and STATUS was not answered. Must be 0")            \
	X(answers_missing, "answer datagrams found missing")                                       \
	X(answers_lost, "of them, never repaired")                                                 \
	X(datagrams_sent, "datagrams sent")                                                        \
	X(device_full, "datagrams that the device did not take at once")                           \
	X(keys, "keys that the gate is ready for: KEY received")

struct gyr_load_counters {
#define GYR_LOAD_COUNTER_(name, text) uint64_t name;
	GYR_LOAD_COUNTERS(GYR_LOAD_COUNTER_)
#undef GYR_LOAD_COUNTER_
};

struct gyr_load_result {
	struct gyr_load_counters counters;
	uint64_t rejected_by_code[256];
	struct gyr_hist latency[GYR_LOAD_ANSWER_COUNT]; /* ns from the intended instant */
	struct gyr_hist loop;				/* ns between two turns of the generator */
	struct gyr_load_slice slices[GYR_LOAD_SLICES_MAX];
	unsigned slice_count;
	uint64_t slice_ns;
	uint64_t rate;	/* intended, transactions/s */
	uint64_t count; /* intended, transactions */
	uint64_t batch;
	uint64_t sessions;
	uint64_t sending_ns;  /* from the first intended instant to the last send */
	uint64_t executed_ns; /* from the first intended instant to the last EXECUTED */
	uint32_t epoch_first, epoch_last;
	char device[192];
};

/* Bytes of arena for one run, devices included. */
size_t gyr_load_arena_size(const struct gyr_load_conf *conf);

/*
 * Runs it. Errors: TIMEOUT when no gate answers, NETWORK and USAGE of the device, MEMORY,
 * MISMATCH when the restart check found something DURABLE gone, or could not find out. The result
 * is filled in the last case too; its histograms lie in the arena.
 */
GYR_MUST_USE int gyr_load_run(struct gyr_load_result *result, struct gyr_arena *arena,
			      const struct gyr_load_conf *conf, const struct gyr_load_work *work,
			      struct gyr_clock *clock);

/* The host's own stalls: a thread that does nothing but read the clock records the gaps. */
struct gyr_load_probe {
	struct gyr_hist gaps; /* ns between two readings */
	const struct gyr_clock *clock;
	int cpu;
	_Atomic bool
		stop; /* writer: the starter; reader: the thread, relaxed: nothing hangs on it */
	unsigned long thread;
	bool running;
	uint64_t counts[(GYR_HIST_RANGE_BITS - GYR_HIST_PRECISION_BITS + 1)
			<< GYR_HIST_PRECISION_BITS];
};

/* cpu < 0: wherever the scheduler puts it. */
GYR_MUST_USE int gyr_load_probe_start(struct gyr_load_probe *probe, const struct gyr_clock *clock,
				      int cpu);
void gyr_load_probe_stop(struct gyr_load_probe *probe);

/*
 * The driver's floor: round trips of `count` datagrams of `length` bytes, one at a time, against
 * `gyrd --echo`. TIMEOUT when nothing comes back.
 */
GYR_MUST_USE int gyr_load_echo(struct gyr_hist *trips, struct gyr_arena *arena,
			       const struct gyr_load_conf *conf, const struct gyr_endpoint *echo,
			       uint64_t count, uint32_t length, struct gyr_clock *clock);

/* p50, p90, p99, p99.9, p99.99, max */
#define GYR_LOAD_FLOOR_COLUMNS 6

/* Echoes at a rate: what the driver and the host alone take under the same datagrams. */
struct gyr_load_floor {
	uint64_t rate; /* transactions/s that the datagrams stand for; 0: one at a time */
	uint64_t batch;
	uint64_t sent, count; /* of them back */
	uint64_t ns[GYR_LOAD_FLOOR_COLUMNS];
};

/*
 * An open loop of datagrams of `length` bytes against `gyrd --echo`, conf->batch transactions each,
 * conf->count in all at conf->rate, each counted from its intended instant. TIMEOUT when nobody is
 * there; what is lost shows in count.
 */
GYR_MUST_USE int gyr_load_echo_at(struct gyr_load_floor *floor, struct gyr_arena *arena,
				  const struct gyr_load_conf *conf, const struct gyr_endpoint *echo,
				  uint32_t length, struct gyr_clock *clock);

/* Fills count and ns from a histogram of trips. */
void gyr_load_floor_take(struct gyr_load_floor *floor, const struct gyr_hist *trips);

/* A line of a file of floors, and all of it back: CONFIG with file and line. */
void gyr_load_floor_write(FILE *to, const struct gyr_load_floor *floor);
GYR_MUST_USE int gyr_load_floor_read(struct gyr_load_floor *floors, unsigned *count,
				     unsigned count_max, const char *path);

/* One limit: a percentile of an answer's latency, at the run of that rate (0: every run). */
struct gyr_load_rule {
	enum gyr_load_answer answer;
	double percentile;
	uint64_t limit_ns;
	uint64_t rate;
	uint64_t executed_rate_min; /* instead of a percentile: executed/s at least; else 0 */
};

struct gyr_load_sla {
	struct gyr_load_rule rules[GYR_LOAD_RULES_MAX];
	unsigned count;
};

/*
 * Reads limits, one per line; '#' starts a comment:
 *
 *	ordered   p50    100us
 *	durable   p99.9  5ms   at 10k
 *	executed  rate   9500  at 10k
 *
 * Error: CONFIG with file, line and column.
 */
GYR_MUST_USE int gyr_load_sla_read(struct gyr_load_sla *sla, const char *path);

/* Does a run keep a rule? *applies is false when the rule is about another rate. *value is what
 * was measured, ns or transactions/s. */
bool gyr_load_sla_judge(uint64_t *value, bool *applies, const struct gyr_load_rule *rule,
			const struct gyr_load_result *result);

/* What is printed and saved: runs with what was measured beside them. */
struct gyr_load_report {
	const struct gyr_load_result *runs;
	unsigned run_count;
	const struct gyr_hist *stalls;	     /* NULL: not probed */
	const struct gyr_hist *echo;	     /* NULL: not measured */
	const struct gyr_load_sla *sla;	     /* NULL: none */
	const struct gyr_load_floor *floors; /* of runs of the same rate and batch */
	unsigned floor_count;
	const char *title;
	uint64_t utc_ns;
};

/* The floor that goes with a run; NULL: there is none. */
const struct gyr_load_floor *gyr_load_floor_of(const struct gyr_load_report *report,
					       const struct gyr_load_result *run);

/* The table for people. */
void gyr_load_print(const struct gyr_load_report *report, FILE *to);

/* All of it as one JSON object. */
void gyr_load_print_json(const struct gyr_load_report *report, FILE *to);

/* The self-contained page: plots of a JSON object printed before. */
GYR_MUST_USE int gyr_load_write_html(FILE *to, const char *json, size_t json_length);

/* The number of rules that some run broke. */
unsigned gyr_load_sla_broken(const struct gyr_load_report *report);

#endif
