/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench run and sweep: their options. */
#include "bench.h"
#include "gyr_err.h"
#include "gyr_units.h"

#define NS_PER_S 1000000000ull

/* First in the table come those that only one of the two commands has. */
#define OWN_OPTIONS_MAX 4
#define OPTIONS_MAX	44

static void defaults(struct bench_options *options)
{
	*options = (struct bench_options){
		.accounts = { .count = 8, .seed = 1, .chain_id = 7790, .threads = 2 },
		.device = "udp:port=0",
		.answers = "ordered,durable,executed",
		.idle = "yield",
		.hint = "none",
		.title = "gyr-bench",
		.sessions = 1,
		.rate = 1000,
		.duration_ns = 10 * NS_PER_S,
		.batch = 1,
		.max_fee = 100000000000,
		.max_priority_fee = 1000000000,
		.retry_ns = 500000000,
		.drain_ns = 10 * NS_PER_S,
		.connect_ns = 10 * NS_PER_S,
		.attempts = 50,
	};
	options->rates = (struct gyr_args_list){
		.values = options->rate_texts,
		.count_max = BENCH_RUNS_MAX,
	};
}

/* Appends what both commands take; returns the new count. */
static unsigned common(struct gyr_args_option *to, unsigned count, struct bench_options *o)
{
	const struct gyr_args_option options[] = {
		{ "gate", 'G', GYR_ARGS_TEXT, &o->gate, "ADDRESS:PORT", "the gate; needed" },
		{ "device", 'd', GYR_ARGS_TEXT, &o->device, "DRIVER:...",
		  "what to send over, as gyrd takes it; each session opens one. Default "
		  "udp:port=0, "
		  "a socket; dpdk:af_xdp=IF,address=A/N takes the kernel out of the way" },
		{ "duration", 'D', GYR_ARGS_DURATION, &o->duration_ns, "TIME",
		  "how long to send; default 10s" },
		{ "accounts", 'a', GYR_ARGS_COUNT, &o->accounts.count, "N",
		  "senders, in turn; funded by `gyr-bench genesis`; default 8" },
		{ "senders", 0, GYR_ARGS_COUNT, &o->senders, "N",
		  "of the accounts, the first N send, to all of them evenly; default: every "
		  "account, "
		  "to the next one" },
		{ "seed", 's', GYR_ARGS_COUNT, &o->accounts.seed, "N", "of their keys; default 1" },
		{ "chain-id", 'c', GYR_ARGS_COUNT, &o->accounts.chain_id, "N", "default 7790" },
		{ "first-nonce", 0, GYR_ARGS_COUNT, &o->first_nonce, "N",
		  "every sender's, where the chain has seen them before; default 0" },
		{ "batch", 'b', GYR_ARGS_COUNT, &o->batch, "N",
		  "submissions of one datagram, meant to go at one instant; default 1" },
		{ "sessions", 'S', GYR_ARGS_COUNT, &o->sessions, "N",
		  "sessions with the gate, senders spread over them; default 1" },
		{ "answers", 'A', GYR_ARGS_TEXT, &o->answers, "LIST",
		  "which are asked for: ordered,durable,executed,early; ordered always is. Default "
		  "ordered,durable,executed" },
		{ "warmup", 'w', GYR_ARGS_COUNT, &o->warmup, "N",
		  "the first N transactions are sent but not measured; default 0" },
		{ "expires", 0, GYR_ARGS_DURATION, &o->expires_ns, "TIME",
		  "a submission expires so long after it is sent; default never" },
		{ "retry", 0, GYR_ARGS_DURATION, &o->retry_ns, "TIME",
		  "what is unanswered for so long is sent again; default 500ms" },
		{ "attempts", 0, GYR_ARGS_COUNT, &o->attempts, "N",
		  "to send one transaction, then it is given up; default 50" },
		{ "drain", 0, GYR_ARGS_DURATION, &o->drain_ns, "TIME",
		  "wait so long for answers after the last send; default 10s" },
		{ "connect", 0, GYR_ARGS_DURATION, &o->connect_ns, "TIME",
		  "wait so long for the gate; default 10s" },
		{ "max-fee", 0, GYR_ARGS_COUNT, &o->max_fee, "WEI", "per gas; default 100G" },
		{ "tip", 0, GYR_ARGS_COUNT, &o->max_priority_fee, "WEI", "per gas; default 1G" },
		{ "hint", 0, GYR_ARGS_TEXT, &o->hint, "WHAT",
		  "what a submission says of its sender's key once the gate knows it: none "
		  "(default: the gate guesses), index, full (also R.y and 1/s)" },
		{ "idle", 'i', GYR_ARGS_TEXT, &o->idle, "HOW",
		  "spin (a core of its own), yield (default), sleep (a busy machine)" },
		{ "threads", 't', GYR_ARGS_COUNT, &o->accounts.threads, "N",
		  "that sign before the run; default 2" },
		{ "probe-cpu", 'P', GYR_ARGS_TEXT, &o->probe_cpu, "CPU",
		  "a thread spins there, or anywhere (-1), and records how long the host stops "
		  "it" },
		{ "probe-for", 0, GYR_ARGS_DURATION, &o->probe_ns, "TIME",
		  "the probe runs so long before the runs, not beside them: where it has no CPU of "
		  "its own" },
		{ "echo", 'E', GYR_ARGS_TEXT, &o->echo, "ADDRESS:PORT",
		  "a `gyrd --echo`: the driver's own round trip is measured first" },
		{ "floor", 'F', GYR_ARGS_TEXT, &o->floor, "FILE",
		  "what `gyr-bench echo --out` saved: shown beside runs of the same rate and "
		  "batch" },
		{ "sla", 'L', GYR_ARGS_TEXT, &o->sla, "FILE",
		  "limits, one a line, such as 'ordered p99.9 200us at 10k', 'durable max 20ms' or "
		  "'executed rate 9500'; one broken gives exit code 18" },
		{ "json", 'j', GYR_ARGS_TEXT, &o->json, "FILE", "save the result; - prints it" },
		{ "html", 'H', GYR_ARGS_TEXT, &o->html, "FILE", "save the report as a page" },
		{ "hgrm", 0, GYR_ARGS_TEXT, &o->hgrm, "PREFIX",
		  "save percentile distributions as HdrHistogram's plotter reads them: "
		  "PREFIX-ANSWER-RATE.hgrm, in microseconds" },
		{ "title", 'T', GYR_ARGS_TEXT, &o->title, "TEXT", "of the report" },
		{ "complete", 'C', GYR_ARGS_FLAG, &o->complete, NULL,
		  "a transaction that is not EXECUTED in the end gives exit code 18, as a broken "
		  "limit does" },
		{ "quiet", 'q', GYR_ARGS_FLAG, &o->quiet, NULL, "no progress, no table" },
	};

	gyr_assert(count + GYR_COUNT(options) <= OPTIONS_MAX);
	for (size_t i = 0; i < GYR_COUNT(options); i++)
		to[count++] = options[i];
	return count;
}

int command_run(int argc, char **argv)
{
	struct bench_options options;
	struct gyr_args_option table[OPTIONS_MAX] = {
		{ "rate", 'r', GYR_ARGS_COUNT, &options.rate, "N", "transactions/s; default 1000" },
		{ "count", 'n', GYR_ARGS_COUNT, &options.count, "N",
		  "transactions in all, instead of --duration" },
		{ "restart-check", 0, GYR_ARGS_FLAG, &options.restart_check, NULL,
		  "survive restarts of the server, even by kill -9: after each, ask STATUS of all "
		  "that was DURABLE (what is gone gives exit code 14) and send again what was "
		  "not" },
	};
	struct gyr_args args = {
		.program = "gyr-bench run",
		.summary =
			"Signs transfers, sends them at an even rate, and prints percentiles of "
			"the "
			"time from the instant at which each was meant to be sent to its answers.",
		.options = table,
		.exits = bench_exits,
	};
	uint64_t rate, count;
	int error;

	defaults(&options);
	args.option_count = common(table, 3, &options);
	error = bench_parse(&args, argc, argv);
	if (error != 0)
		return error - 1;
	rate = options.rate;
	count = options.count != 0 ? options.count : rate * options.duration_ns / NS_PER_S;
	error = bench_measure(&options, &rate, &count, 1);
	return error < 0 ? bench_fail(args.program, error) : 0;
}

static int rates_of(uint64_t *rates, uint64_t *counts, unsigned *count,
		    const struct bench_options *options)
{
	static const uint64_t usual[] = { 1000, 2000, 5000, 10000, 20000 };

	*count = options->rates.count == 0 ? (unsigned)GYR_COUNT(usual) : options->rates.count;
	for (unsigned i = 0; i < *count; i++) {
		if (options->rates.count == 0)
			rates[i] = usual[i];
		else if (!gyr_units_parse(&rates[i], GYR_UNITS_COUNT, options->rates.values[i]))
			GYR_FAIL(GYR_ERR_USAGE, "--rate: '%s' is not %s", options->rates.values[i],
				 gyr_units_expected(GYR_UNITS_COUNT));
		counts[i] = rates[i] * options->duration_ns / NS_PER_S;
	}
	return 0;
}

int command_sweep(int argc, char **argv)
{
	struct bench_options options;
	struct gyr_args_option table[OPTIONS_MAX] = {
		{ "rate", 'r', GYR_ARGS_LIST, &options.rates, "N",
		  "transactions/s, once for each run; default 1k, 2k, 5k, 10k and 20k" },
	};
	struct gyr_args args = {
		.program = "gyr-bench sweep",
		.summary = "Runs at several rates, one after the other, each for --duration, and "
			   "reports latency against rate. Nonces go on from run to run.",
		.options = table,
		.exits = bench_exits,
	};
	uint64_t rates[BENCH_RUNS_MAX], counts[BENCH_RUNS_MAX];
	unsigned run_count = 0;
	int error;

	defaults(&options);
	args.option_count = common(table, 1, &options);
	error = bench_parse(&args, argc, argv);
	if (error != 0)
		return error - 1;
	error = rates_of(rates, counts, &run_count, &options);
	if (error == 0)
		error = bench_measure(&options, rates, counts, run_count);
	return error < 0 ? bench_fail(args.program, error) : 0;
}
