/* SPDX-License-Identifier: Apache-2.0 */
/* The open loop: a turn receives, sends what is due, and looks after what is overdue. */
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "gyr_err.h"
#include "load_state.h"

#define NS_PER_MS	 1000000ull
#define NS_PER_S	 1000000000ull
#define SENDS_PER_TURN	 64  /* first sendings, before the next look at what came in */
#define OVERDUE_PER_TURN 128 /* transactions looked at for being overdue */
#define OVERDUE_SENDS	 32  /* of them, acted upon */
#define SLEEP_WORTH_NS	 100000
/* Repetitions and questions are paced, or a restart's flood of them would drown its answers. */
#define OVERDUE_PER_MS 8
/* Of one sender, so many beyond the first that is not ordered are sent again: a gate parks a few.
 */
#define AGAIN_WINDOW 8
#define SLICE_NS     (100 * NS_PER_MS)
#define HIST_COUNT   (2 * GYR_LOAD_ANSWER_COUNT + 2)

#define SESSION_FIXED_SIZE (GYR_NETDEV_ARENA_SIZE + (size_t)4 * GYR_CACHE_LINE)

static uint64_t power_of_two_from(uint64_t x)
{
	uint64_t power = 64;

	while (power < x)
		power *= 2;
	return power;
}

size_t gyr_load_arena_size(const struct gyr_load_conf *conf)
{
	size_t hist = gyr_hist_memory_size(GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	size_t waiting = power_of_two_from(2 * conf->count) * sizeof(struct waiting);
	size_t session = sizeof(struct gyr_netdev) + SESSION_FIXED_SIZE + gyr_client_arena_size() +
			 waiting;

	return sizeof(struct load) + GYR_LOAD_KEYS_MAX * sizeof(uint32_t) +
	       HIST_COUNT * (hist + GYR_CACHE_LINE) + conf->count * sizeof(struct tx) +
	       conf->session_count * session + (size_t)8 * GYR_CACHE_LINE;
}

static void read_time(struct load *load)
{
	struct gyr_clock_utc utc;

	load->time.now_ns = gyr_clock_now_ns(load->clock);
	utc = gyr_clock_utc_at(load->clock, load->time.now_ns);
	load->time.utc_ns = utc.utc_ns;
	load->time.utc_error_ns = utc.error_ns;
}

static int make_hist(struct gyr_hist *hist, struct gyr_arena *arena)
{
	void *memory = gyr_arena_carve(
		arena, gyr_hist_memory_size(GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS),
		GYR_CACHE_LINE);

	if (memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for a histogram");
	gyr_hist_init(hist, memory, GYR_HIST_PRECISION_BITS, GYR_HIST_RANGE_BITS);
	return 0;
}

static int open_session(struct load *load, struct gyr_arena *arena, unsigned index)
{
	const struct gyr_load_conf *conf = load->conf;
	struct load_session *session = &load->sessions[index];
	struct gyr_client_conf client_conf = { .gate = conf->gate, .nonce = conf->nonce + index };
	size_t waiting = (load->waiting_mask + 1) * sizeof *session->waiting;
	int error;

	session->load = load;
	session->device = gyr_arena_carve(arena, sizeof *session->device, GYR_CACHE_LINE);
	session->waiting = gyr_arena_carve(arena, waiting, GYR_CACHE_LINE);
	if (session->device == NULL || session->waiting == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for session %u", index);
	memset(session->device, 0, sizeof *session->device);
	error = gyr_netdev_open(session->device, arena, conf->drivers, conf->driver_count,
				conf->device);
	if (error < 0) {
		session->device = NULL;
		return gyr_err_add(error, __FILE__, __LINE__, "opening the device of session %u",
				   index);
	}
	return gyr_client_init(&session->client, arena, &client_conf, session->device, &load_events,
			       session);
}

static int make_load(struct load **out, struct gyr_load_result *result, struct gyr_arena *arena,
		     const struct gyr_load_conf *conf, const struct gyr_load_work *work,
		     struct gyr_clock *clock)
{
	struct load *load = gyr_arena_carve(arena, sizeof *load, GYR_CACHE_LINE);

	if (load == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for a run");
	memset(load, 0, sizeof *load);
	memset(result, 0, sizeof *result);
	*out = load;
	load->conf = conf;
	load->work = work;
	load->result = result;
	load->clock = clock;
	load->waiting_mask = power_of_two_from(2 * conf->count) - 1;
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++) {
		GYR_TRY(make_hist(&result->latency[k], arena));
		GYR_TRY(make_hist(&load->slice[k], arena));
	}
	GYR_TRY(make_hist(&result->loop, arena));
	GYR_TRY(make_hist(&load->second, arena));
	load->txs = gyr_arena_carve(arena, conf->count * sizeof *load->txs, GYR_CACHE_LINE);
	if (load->txs == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for %llu transactions",
			 (unsigned long long)conf->count);
	memset(load->txs, 0, conf->count * sizeof *load->txs);
	load->key_of = gyr_arena_carve(arena, GYR_LOAD_KEYS_MAX * sizeof *load->key_of,
				       GYR_CACHE_LINE);
	if (load->key_of == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no room for keys");
	memset(load->key_of, 0xff, GYR_LOAD_KEYS_MAX * sizeof *load->key_of);
	for (unsigned i = 0; i < conf->session_count; i++)
		GYR_TRY(open_session(load, arena, i));
	return 0;
}

static void give_hint(const struct load *load, struct gyr_client_submission *submission,
		      uint8_t room[GYR_CLIENT_HINT_MAX], uint64_t index)
{
	const struct gyr_load_work *work = load->work;
	uint64_t account = index % work->account_count;
	uint32_t key = account < GYR_LOAD_KEYS_MAX ? load->key_of[account] : GYR_CLIENT_NO_KEY;

	gyr_client_hint(submission, room, key,
			load->conf->hint == GYR_LOAD_HINT_FULL && key != GYR_CLIENT_NO_KEY
				? work->nonces + index * GYR_LOAD_NONCE_BYTES
				: NULL);
}

static bool submit(struct load *load, uint64_t index)
{
	const struct gyr_load_conf *conf = load->conf;
	struct gyr_client_submission submission = {
		.client_tag = index,
		.raw = gyr_load_transaction(load->work, conf->first + index),
		.answers = conf->answers | GYR_WIRE_ANSWERS_ORDERED,
	};

	uint8_t hint[GYR_CLIENT_HINT_MAX];

	if (conf->hint != GYR_LOAD_HINT_NONE)
		give_hint(load, &submission, hint, conf->first + index);
	if (conf->expires_after_ns != 0)
		submission.expires_at_ns = load->time.utc_ns + conf->expires_after_ns;
	if (!gyr_client_submit(load_session_of(load, index)->client, &submission))
		return false;
	load->txs[index].attempts++;
	load->txs[index].deadline_ns = load->time.now_ns + conf->retry_after_ns;
	return true;
}

static void flush(struct load *load)
{
	for (unsigned s = 0; s < load->conf->session_count; s++)
		(void)gyr_client_flush(load->sessions[s].client);
}

/* When transaction i is meant to go: batches at even distances, a batch at one instant. */
static uint64_t due_at(const struct load *load, uint64_t index)
{
	uint64_t in_order = index / load->conf->batch * load->conf->batch;

	return load->start_ns +
	       (uint64_t)((unsigned __int128)in_order * NS_PER_S / load->conf->rate);
}

/* Whether the sender's transaction `steps` before this one, if there is one, has its place. */
static bool ordered_before(const struct load *load, uint64_t index, uint64_t steps)
{
	uint64_t distance = steps * load->work->account_count;

	return index < distance ||
	       (load->txs[index - distance].flags & (TX_ORDERED | TX_FAILED)) != 0;
}

/*
 * Whether the sender's previous transaction was lost or held back: then this one could only be
 * refused for its nonce. It counts as sent at its instant, and goes when its turn has come.
 */
static bool must_wait(const struct load *load, uint64_t index)
{
	return !ordered_before(load, index, 1) &&
	       load->txs[index - load->work->account_count].attempts != 1;
}

static unsigned send_due(struct load *load)
{
	unsigned sent = 0;

	while (load->next < load->conf->count && sent < SENDS_PER_TURN) {
		struct tx *tx = &load->txs[load->next];
		uint64_t due_ns = due_at(load, load->next);

		if (due_ns > load->time.now_ns)
			break;
		tx->due_ns = due_ns;
		if (must_wait(load, load->next))
			tx->deadline_ns = load->time.now_ns;
		else if (!submit(load, load->next))
			break; /* not connected, or the device is full: it is late, and counted so
				*/
		tx->flags |= TX_SENT;
		load->result->counters.sent++;
		load->result->counters.late_sends += load->time.now_ns - due_ns > NS_PER_MS;
		load->slice_sent++;
		load->next++;
		sent++;
		if (load->next % load->conf->batch == 0)
			(void)gyr_client_flush(load_session_of(load, load->next - 1)->client);
	}
	if (sent > 0) {
		flush(load);
		load->result->sending_ns = load->time.now_ns - load->start_ns;
	}
	return sent;
}

/* Sends a transaction again, or asks what became of it. */
static bool look_after(struct load *load, uint64_t index)
{
	struct tx *tx = &load->txs[index];
	struct gyr_hash hash;

	if ((tx->flags & (TX_ORDERED | TX_VERIFY)) == 0) {
		if (tx->attempts >= load->conf->attempts_max) {
			tx->flags |= TX_FAILED;
			load->result->counters.failed++;
			return true;
		}
		if (!submit(load, index))
			return false;
		load->result->counters.resent++;
		return true;
	}
	load_hash(load, &hash, index);
	if (!gyr_client_status(load_session_of(load, index)->client, index, &hash))
		return false;
	load->result->counters.status_asked++;
	tx->deadline_ns = load->time.now_ns + load->conf->retry_after_ns;
	return true;
}

static void scan_overdue(struct load *load)
{
	uint64_t passed_ms = (load->time.now_ns - load->paced_ns) / NS_PER_MS;
	unsigned acted = 0;

	load->overdue_allowed = gyr_min_u64(load->overdue_allowed + passed_ms * OVERDUE_PER_MS,
					    OVERDUE_SENDS);
	load->paced_ns += passed_ms * NS_PER_MS;

	while (load->low < load->next && load_resolved(load, &load->txs[load->low]))
		load->low++;
	if (load->scan < load->low)
		load->scan = load->low;
	for (unsigned i = 0; i < OVERDUE_PER_TURN && load->scan < load->next; i++) {
		struct tx *tx = &load->txs[load->scan];

		if (!load_resolved(load, tx) && tx->deadline_ns <= load->time.now_ns &&
		    ((tx->flags & TX_ORDERED) != 0 ||
		     ordered_before(load, load->scan, AGAIN_WINDOW))) {
			if (load->overdue_allowed == 0 || !look_after(load, load->scan))
				break;
			load->overdue_allowed--;
			acted++;
		}
		load->scan++;
	}
	if (load->scan >= load->next)
		load->scan = load->low;
	if (acted > 0)
		flush(load);
}

static void report_progress(struct load *load)
{
	const struct gyr_load_conf *conf = load->conf;
	const struct gyr_load_counters *counters = &load->result->counters;

	if (load->time.now_ns >= load->slice_end_ns)
		load_end_slice(load);
	if (load->time.now_ns < load->progress_due_ns)
		return;
	load->progress_due_ns = load->time.now_ns + NS_PER_S;
	if (conf->progress != NULL)
		conf->progress(conf->context,
			       &(struct gyr_load_progress){
				       .elapsed_ns = load->time.now_ns - load->start_ns,
				       .sent = counters->sent,
				       .ordered = counters->ordered,
				       .durable = counters->durable,
				       .executed = counters->executed,
				       .failed = counters->failed,
				       .ordered_p50_ns = gyr_hist_percentile(&load->second, 50),
				       .ordered_p99_ns = gyr_hist_percentile(&load->second, 99),
				       .connected = gyr_client_connected(load->sessions[0].client),
			       });
	gyr_hist_clear(&load->second);
}

static void idle(struct load *load)
{
	struct pollfd fds[2 * GYR_LOAD_SESSIONS_MAX];
	struct timespec wait = { 0 };
	unsigned count = 0;
	uint64_t due_ns = load->next < load->conf->count ? due_at(load, load->next)
							 : load->time.now_ns + NS_PER_MS;

	if (load->conf->idle == GYR_LOAD_SPIN)
		return;
	if (load->conf->idle == GYR_LOAD_YIELD || due_ns <= load->time.now_ns + SLEEP_WORTH_NS) {
		(void)sched_yield();
		return;
	}
	for (unsigned s = 0; s < load->conf->session_count; s++) {
		int fd[2];
		unsigned given = gyr_netdev_wait_fds(load->sessions[s].device, fd, 2);

		for (unsigned i = 0; i < given; i++)
			fds[count++] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	}
	/* Wakes early: the kernel's timers are late rather than early. */
	wait.tv_nsec = (long)gyr_min_u64(due_ns - load->time.now_ns - SLEEP_WORTH_NS / 2,
					 NS_PER_MS);
	(void)ppoll(fds, count, &wait, NULL);
}

static unsigned poll_all(struct load *load)
{
	unsigned received = 0;

	for (unsigned s = 0; s < load->conf->session_count; s++) {
		struct load_session *session = &load->sessions[s];

		gyr_assert(session->client != NULL && session->device != NULL);
		received += gyr_client_poll(session->client, &load->time);
		gyr_netdev_tick(session->device, &load->time);
	}
	return received;
}

static int connect_all(struct load *load)
{
	uint64_t begun_ns;
	bool all;

	read_time(load);
	begun_ns = load->time.now_ns;
	do {
		read_time(load);
		(void)poll_all(load);
		all = true;
		for (unsigned s = 0; s < load->conf->session_count; s++)
			all &= gyr_client_connected(load->sessions[s].client);
		(void)sched_yield();
	} while (!all && load->time.now_ns < begun_ns + load->conf->connect_ns);
	if (!all) {
		char text[72];

		GYR_FAIL(GYR_ERR_TIMEOUT, "no gate answers at %s over %s",
			 gyr_endpoint_format(&load->conf->gate, text), load->conf->device);
	}
	return 0;
}

static bool finished(const struct load *load)
{
	return load->next == load->conf->count && load->low == load->next;
}

static void loop(struct load *load)
{
	uint64_t last_ns, end_ns, synced_ns;

	load->result->slice_ns = SLICE_NS;
	read_time(load);
	load->start_ns = load->time.now_ns + 10 * NS_PER_MS;
	load->slice_end_ns = load->start_ns + SLICE_NS;
	load->progress_due_ns = load->start_ns + NS_PER_S;
	last_ns = synced_ns = load->paced_ns = load->time.now_ns;
	end_ns = UINT64_MAX;
	while (!finished(load) && load->time.now_ns < end_ns) {
		unsigned work;

		read_time(load);
		gyr_hist_record(&load->result->loop, load->time.now_ns - last_ns);
		last_ns = load->time.now_ns;
		work = poll_all(load);
		work += send_due(load);
		scan_overdue(load);
		report_progress(load);
		if (load->next == load->conf->count && end_ns == UINT64_MAX)
			end_ns = load->time.now_ns + load->conf->drain_ns;
		if (load->time.now_ns > synced_ns + NS_PER_S) {
			if (gyr_clock_sync(load->clock) < 0)
				gyr_err_clear(); /* UTC stays as it was */
			synced_ns = load->time.now_ns;
		}
		if (work == 0)
			idle(load);
	}
	load_end_slice(load);
}

static void conclude(struct load *load)
{
	struct gyr_load_result *result = load->result;

	for (uint64_t i = 0; i < load->conf->count; i++) {
		result->counters.unresolved += !load_resolved(load, &load->txs[i]);
		result->counters.unverified += (load->txs[i].flags & TX_VERIFY) != 0;
	}
	for (unsigned s = 0; s < load->conf->session_count; s++) {
		const struct gyr_client_counters *counters =
			gyr_client_counters(load->sessions[s].client);

		result->counters.answers_missing += counters->missing;
		result->counters.answers_lost += counters->lost;
		result->counters.datagrams_sent += counters->datagrams_sent;
		result->counters.device_full += counters->datagrams_refused;
		gyr_client_close(load->sessions[s].client);
		(void)gyr_netdev_flush(load->sessions[s].device);
	}
	result->rate = load->conf->rate;
	result->count = load->conf->count;
	result->batch = load->conf->batch;
	result->sessions = load->conf->session_count;
	if (load->last_executed_ns > load->start_ns)
		result->executed_ns = load->last_executed_ns - load->start_ns;
	(void)snprintf(result->device, sizeof result->device, "%s", load->conf->device);
}

static int run(struct load *load)
{
	GYR_TRY(connect_all(load));
	loop(load);
	conclude(load);
	if (load->result->counters.lost_durable + load->result->counters.unverified > 0)
		GYR_FAIL(GYR_ERR_MISMATCH,
			 "%llu transactions were DURABLE and are gone, of %llu nobody could tell",
			 (unsigned long long)load->result->counters.lost_durable,
			 (unsigned long long)load->result->counters.unverified);
	return 0;
}

int gyr_load_run(struct gyr_load_result *result, struct gyr_arena *arena,
		 const struct gyr_load_conf *conf, const struct gyr_load_work *work,
		 struct gyr_clock *clock)
{
	struct load *load = NULL;
	int error;

	if (conf->session_count == 0 || conf->session_count > GYR_LOAD_SESSIONS_MAX ||
	    conf->batch == 0 || conf->rate == 0 || conf->count == 0)
		GYR_FAIL(GYR_ERR_USAGE, "sessions (1 to %u), batch, rate and count must not be 0",
			 GYR_LOAD_SESSIONS_MAX);
	gyr_assert(conf->first + conf->count <= work->count);
	error = make_load(&load, result, arena, conf, work, clock);
	if (error == 0) {
		gyr_assert(load != NULL);
		error = run(load);
	}
	for (unsigned s = 0; load != NULL && s < conf->session_count; s++)
		if (load->sessions[s].device != NULL)
			gyr_netdev_close(load->sessions[s].device);
	return error;
}
