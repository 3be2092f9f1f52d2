/* SPDX-License-Identifier: Apache-2.0 */
/* gyr-bench: sets up, runs, saves. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_rng.h"
#include "gyr_units.h"
#include "gyr_wire.h"
#ifdef GYR_HAVE_NET_UDP
#include "gyr_net_udp.h"
#endif
#ifdef GYR_HAVE_NET_DPDK
#include "gyr_net_dpdk.h"
#endif

#define NS_PER_S   1000000000ull
#define ECHO_COUNT 5000

const struct gyr_netdev_ops *const bench_drivers[] = {
#ifdef GYR_HAVE_NET_UDP
	&gyr_net_udp,
#endif
#ifdef GYR_HAVE_NET_DPDK
	&gyr_net_dpdk,
#endif
};
const unsigned bench_driver_count = GYR_COUNT(bench_drivers);

/* All that a measurement owns; shared with the children that make it, and freed by exit. */
struct bench {
	struct gyr_clock clock; /* first: it is aligned to a cache line */
	const struct bench_options *options;
	struct gyr_load_conf conf;
	struct gyr_load_work work;
	struct gyr_load_account *accounts;
	struct gyr_load_result *runs;
	unsigned run_count;
	struct gyr_arena arena; /* of the measurement under way */
	struct gyr_load_probe *probe;
	struct gyr_hist echo;
	struct gyr_load_sla sla;
	struct gyr_load_floor floors[BENCH_RUNS_MAX + 1];
	unsigned floor_count;
	bool probed;
	bool echoed;
};

static int new_arena(struct gyr_arena *arena, size_t size)
{
	void *memory = bench_shared(gyr_round_up(size, 4096));

	if (memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory: %zu bytes", size);
	*arena = gyr_arena_over(memory, gyr_round_up(size, 4096));
	return 0;
}

static void show_progress(void *context, const struct gyr_load_progress *now)
{
	char p50[GYR_UNITS_TEXT_MAX], p99[GYR_UNITS_TEXT_MAX];

	(void)context;
	(void)fprintf(stderr,
		      "%s%5.0f s  sent %" PRIu64 "  ordered %" PRIu64 "  durable %" PRIu64
		      "  executed %" PRIu64 "  failed %" PRIu64 "  ordered p50 %s p99 %s%s%s",
		      isatty(STDERR_FILENO) ? "\r\033[K" : "", (double)now->elapsed_ns / 1e9,
		      now->sent, now->ordered, now->durable, now->executed, now->failed,
		      gyr_units_format(p50, GYR_UNITS_DURATION, (double)now->ordered_p50_ns),
		      gyr_units_format(p99, GYR_UNITS_DURATION, (double)now->ordered_p99_ns),
		      now->connected ? "" : "  NO GATE", isatty(STDERR_FILENO) ? "" : "\n");
	(void)fflush(stderr);
}

static int parse_answers(uint8_t *answers, const char *text)
{
	static const struct {
		const char *name;
		uint8_t bits;
	} table[] = {
		{ "ordered", GYR_WIRE_ANSWERS_ORDERED },
		{ "durable", GYR_WIRE_ANSWERS_DURABLE },
		{ "executed", GYR_WIRE_ANSWERS_EXECUTED },
		{ "early", GYR_WIRE_ANSWERS_EARLY | GYR_WIRE_ANSWERS_EXECUTED },
	};

	*answers = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		size_t i = 0;

		while (i < GYR_COUNT(table) && (strlen(table[i].name) != length ||
						memcmp(text, table[i].name, length) != 0))
			i++;
		if (i == GYR_COUNT(table))
			GYR_FAIL(GYR_ERR_USAGE, "--answers: '%.*s' is none", (int)length, text);
		*answers |= table[i].bits;
		text += length + (text[length] == ',');
	}
	return 0;
}

/* The index of a text among count names. */
static int parse_choice(unsigned *out, const char *option, const char *text,
			const char *const *names, unsigned count)
{
	for (*out = 0; *out < count; ++*out)
		if (strcmp(text, names[*out]) == 0)
			return 0;
	GYR_FAIL(GYR_ERR_USAGE, "%s: '%s' is not %s, %s or %s", option, text, names[0], names[1],
		 names[2]);
}

static int make_conf(struct bench *bench)
{
	const struct bench_options *options = bench->options;
	static const char *const idles[] = { "spin", "yield", "sleep" };
	static const char *const hints[] = { "none", "index", "full" };
	struct gyr_load_conf *conf = &bench->conf;
	unsigned idle, hint;

	if (options->gate == NULL)
		GYR_FAIL(GYR_ERR_USAGE, "--gate ADDRESS:PORT is needed");
	if (options->sessions == 0 || options->sessions > GYR_LOAD_SESSIONS_MAX)
		GYR_FAIL(GYR_ERR_USAGE, "--sessions: %" PRIu64 " is not within 1 to %u",
			 options->sessions, GYR_LOAD_SESSIONS_MAX);
	if (options->batch == 0 || options->batch > 64)
		GYR_FAIL(GYR_ERR_USAGE, "--batch: %" PRIu64 " is not within 1 to 64",
			 options->batch);
	*conf = (struct gyr_load_conf){
		.drivers = bench_drivers,
		.driver_count = bench_driver_count,
		.device = options->device,
		.session_count = (unsigned)options->sessions,
		.warmup = options->warmup,
		.batch = (unsigned)options->batch,
		.expires_after_ns = options->expires_ns,
		.retry_after_ns = options->retry_ns,
		.drain_ns = options->drain_ns,
		.connect_ns = options->connect_ns,
		.attempts_max = (unsigned)gyr_min_u64(options->attempts, UINT16_MAX),
		.restart_check = options->restart_check,
		.progress = options->quiet ? NULL : show_progress,
	};
	GYR_TRY(gyr_endpoint_parse(&conf->gate, options->gate));
	GYR_TRY(parse_answers(&conf->answers, options->answers));
	GYR_TRY(parse_choice(&idle, "--idle", options->idle, idles, GYR_COUNT(idles)));
	GYR_TRY(parse_choice(&hint, "--hint", options->hint, hints, GYR_COUNT(hints)));
	conf->idle = (enum gyr_load_idle)idle;
	conf->hint = (enum gyr_load_hint)hint;
	if (options->restart_check)
		conf->answers |= GYR_WIRE_ANSWERS_DURABLE;
	GYR_TRY(gyr_rng_entropy(&conf->nonce, sizeof conf->nonce));
	if (options->sla != NULL)
		GYR_TRY(gyr_load_sla_read(&bench->sla, options->sla));
	if (options->floor != NULL)
		GYR_TRY(gyr_load_floor_read(bench->floors, &bench->floor_count,
					    GYR_COUNT(bench->floors), options->floor));
	return 0;
}

static int sign_all(struct bench *bench, uint64_t count)
{
	const struct bench_options *options = bench->options;
	uint64_t begun_ns = gyr_clock_now_ns(&bench->clock);

	bench->work = (struct gyr_load_work){
		.account_count = bench->work.account_count,
		.recipient_count = options->senders == 0 ? 0 : options->accounts.count,
		.count = count,
		.first_nonce = options->first_nonce,
		.chain_id = options->accounts.chain_id,
		.max_fee = options->max_fee,
		.max_priority_fee = options->max_priority_fee,
		.value = 1,
	};
	GYR_TRY(bench_make_accounts(&bench->accounts, &options->accounts));
	bench->work.accounts = bench->accounts;
	bench->work.bytes = malloc(count * GYR_LOAD_TRANSACTION_MAX);
	bench->work.lengths = malloc(count);
	if (bench->conf.hint == GYR_LOAD_HINT_FULL)
		bench->work.nonces = malloc(count * GYR_LOAD_NONCE_BYTES);
	if (bench->work.bytes == NULL || bench->work.lengths == NULL ||
	    (bench->conf.hint == GYR_LOAD_HINT_FULL && bench->work.nonces == NULL))
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for %" PRIu64 " transactions", count);
	GYR_TRY(gyr_load_sign(&bench->work, (unsigned)options->accounts.threads));
	if (!options->quiet)
		(void)fprintf(stderr,
			      "signed %" PRIu64 " transfers of %" PRIu64 " senders in %.1f s\n",
			      count, bench->work.account_count,
			      (double)(gyr_clock_now_ns(&bench->clock) - begun_ns) / 1e9);
	return 0;
}

static int echo_one(void *context)
{
	struct bench *bench = context;
	struct gyr_endpoint echo;

	GYR_TRY(gyr_endpoint_parse(&echo, bench->options->echo));
	/* As long as the datagram of one submission. */
	return gyr_load_echo(&bench->echo, &bench->arena, &bench->conf, &echo, ECHO_COUNT, 180,
			     &bench->clock);
}

static int run_one(void *context)
{
	struct bench *bench = context;

	return gyr_load_run(&bench->runs[bench->run_count], &bench->arena, &bench->conf,
			    &bench->work, &bench->clock);
}

static int start_aside(struct bench *bench)
{
	const struct bench_options *options = bench->options;

	if (options->echo != NULL) {
		GYR_TRY(new_arena(&bench->arena, gyr_load_arena_size(&(struct gyr_load_conf){
							 .count = 1, .session_count = 1 })));
		GYR_TRY(bench_child(echo_one, bench));
		bench->echoed = true;
	}
	if (options->probe_cpu != NULL) {
		char *end;
		long cpu = strtol(options->probe_cpu, &end, 10);

		if (*end != '\0' || end == options->probe_cpu || cpu < -1 || cpu > 4095)
			GYR_FAIL(GYR_ERR_USAGE, "--probe-cpu: '%s' is no CPU", options->probe_cpu);
		bench->probe = calloc(1, sizeof *bench->probe);
		if (bench->probe == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for the stall probe");
		GYR_TRY(gyr_load_probe_start(bench->probe, &bench->clock, (int)cpu));
		bench->probed = true;
		if (options->probe_ns != 0) {
			struct timespec wait = {
				.tv_sec = (time_t)(options->probe_ns / NS_PER_S),
				.tv_nsec = (long)(options->probe_ns % NS_PER_S),
			};

			(void)nanosleep(&wait, NULL);
			gyr_load_probe_stop(bench->probe);
		}
	}
	return 0;
}

static int save_text(const char *path, const char *text, size_t length, bool as_html)
{
	FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int error = 0;

	if (to == NULL)
		GYR_FAIL(GYR_ERR_IO, "%s: %s", path, strerror(errno));
	if (as_html)
		error = gyr_load_write_html(to, text, length);
	else if (fwrite(text, 1, length, to) != length)
		error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", path,
				     strerror(errno));
	if (to != stdout && fclose(to) != 0 && error == 0)
		error = gyr_err_push(GYR_ERR_IO, __FILE__, __LINE__, "%s: %s", path,
				     strerror(errno));
	return error;
}

static int save_hgrm(const struct bench *bench)
{
	for (unsigned r = 0; r < bench->run_count; r++)
		for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++) {
			const struct gyr_load_result *run = &bench->runs[r];
			char path[512];
			FILE *to;

			if (run->latency[k].total == 0)
				continue;
			(void)snprintf(path, sizeof path, "%s-%s-%" PRIu64 ".hgrm",
				       bench->options->hgrm,
				       gyr_load_answer_name((enum gyr_load_answer)k), run->rate);
			to = fopen(path, "we");
			if (to == NULL)
				GYR_FAIL(GYR_ERR_IO, "%s: %s", path, strerror(errno));
			gyr_hist_write_hgrm(&run->latency[k], to, 1000);
			if (fclose(to) != 0)
				GYR_FAIL(GYR_ERR_IO, "%s: %s", path, strerror(errno));
		}
	return 0;
}

static int save(struct bench *bench, const struct gyr_load_report *report)
{
	const struct bench_options *options = bench->options;
	char *text = NULL;
	size_t length = 0;
	FILE *to;
	int error = 0;

	if (options->json != NULL || options->html != NULL) {
		to = open_memstream(&text, &length);
		if (to == NULL)
			GYR_FAIL(GYR_ERR_MEMORY, "no memory for the report");
		gyr_load_print_json(report, to);
		if (fclose(to) != 0)
			error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__,
					     "no memory for the report");
	}
	if (error == 0 && options->json != NULL)
		error = save_text(options->json, text, length, false);
	if (error == 0 && options->html != NULL)
		error = save_text(options->html, text, length, true);
	if (error == 0 && options->hgrm != NULL)
		error = save_hgrm(bench);
	free(text);
	return error;
}

static int report_all(struct bench *bench)
{
	const struct bench_options *options = bench->options;
	struct gyr_load_report report = {
		.runs = bench->runs,
		.run_count = bench->run_count,
		.stalls = bench->probed ? &bench->probe->gaps : NULL,
		.echo = bench->echoed ? &bench->echo : NULL,
		.sla = options->sla != NULL ? &bench->sla : NULL,
		.floors = bench->floors,
		.floor_count = bench->floor_count,
		.title = options->title,
	};
	unsigned broken;

	report.utc_ns = gyr_clock_utc_at(&bench->clock, gyr_clock_now_ns(&bench->clock)).utc_ns;
	if (bench->probed)
		gyr_load_probe_stop(bench->probe);
	if (!options->quiet) {
		if (isatty(STDERR_FILENO))
			(void)fprintf(stderr, "\r\033[K");
		/* With --json - the table must not be in the way. */
		gyr_load_print(&report, options->json != NULL && strcmp(options->json, "-") == 0
						? stderr
						: stdout);
	}
	GYR_TRY(save(bench, &report));
	for (unsigned r = 0; options->complete && r < bench->run_count; r++)
		if (bench->runs[r].counters.executed != bench->runs[r].count)
			GYR_FAIL(GYR_ERR_SLA, "%" PRIu64 " of %" PRIu64 " transactions executed",
				 bench->runs[r].counters.executed, bench->runs[r].count);
	broken = gyr_load_sla_broken(&report);
	if (broken > 0)
		GYR_FAIL(GYR_ERR_SLA, "%u of %u limits of %s are broken", broken, bench->sla.count,
			 options->sla);
	return 0;
}

static int measure(struct bench *bench, const uint64_t *rates, const uint64_t *counts,
		   unsigned run_count)
{
	const struct bench_options *options = bench->options;
	uint64_t total = 0;
	int failed = 0;

	if (bench->work.account_count == 0 || bench->work.account_count > options->accounts.count)
		GYR_FAIL(GYR_ERR_USAGE, "--senders: %" PRIu64 " of %" PRIu64 " accounts",
			 bench->work.account_count, options->accounts.count);
	GYR_TRY(gyr_clock_tsc_open(&bench->clock, NULL));
	GYR_TRY(make_conf(bench));
	for (unsigned i = 0; i < run_count; i++) {
		if (rates[i] == 0 || counts[i] == 0)
			GYR_FAIL(GYR_ERR_USAGE, "a rate or a number of transactions is 0");
		/* Whole rounds, so that every sender's nonces go on where a run ended. */
		total += run_count == 1 ? counts[i]
					: counts[i] / bench->work.account_count *
						  bench->work.account_count;
	}
	if (total == 0)
		GYR_FAIL(GYR_ERR_USAGE, "fewer transactions than senders: nothing to send");
	GYR_TRY(sign_all(bench, total));
	GYR_TRY(start_aside(bench));
	for (unsigned i = 0; i < run_count && failed == 0; i++) {
		bench->conf.rate = rates[i];
		bench->conf.count = run_count == 1 ? counts[i]
						   : counts[i] / bench->work.account_count *
							     bench->work.account_count;
		GYR_TRY(new_arena(&bench->arena, gyr_load_arena_size(&bench->conf)));
		failed = bench_child(run_one, bench);
		/* A broken promise is reported with its figures; anything else has none. */
		if (failed < 0 && failed != -GYR_ERR_MISMATCH)
			return failed;
		bench->run_count = i + 1;
		bench->conf.first += bench->conf.count;
	}
	if (failed < 0) {
		gyr_err_print(stderr, "gyr-bench");
		(void)report_all(bench);
		GYR_FAIL(GYR_ERR_MISMATCH, "the restart check failed");
	}
	return report_all(bench);
}

int bench_measure(const struct bench_options *options, const uint64_t *rates,
		  const uint64_t *counts, unsigned run_count)
{
	struct bench *bench = bench_shared(sizeof *bench);
	int error;

	gyr_assert(run_count <= BENCH_RUNS_MAX);
	if (bench == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory");
	bench->options = options;
	bench->work.account_count = options->senders == 0 ? options->accounts.count
							  : options->senders;
	bench->runs = bench_shared(run_count * sizeof *bench->runs);
	error = bench->runs == NULL ? gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__, "no memory")
				    : measure(bench, rates, counts, run_count);
	if (bench->probed)
		gyr_load_probe_stop(bench->probe);
	free(bench->probe);
	free(bench->accounts);
	free(bench->work.bytes);
	free(bench->work.lengths);
	free(bench->work.nonces);
	return error;
}
