/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes what a server leaves behind, for tests of the operator's programs:
 *
 *   make_data log DIRECTORY [wrong]   DIRECTORY/log with 100 signed transfers and some rejects;
 *                                     "wrong": the 50th names another sender
 *   make_data errors DIRECTORY        an error log with two entries
 *   make_data serve DIRECTORY         metrics of a serving server that moves, until a signal
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "gyr_block_pwrite.h"
#include "gyr_err.h"
#include "gyr_journal_errors.h"
#include "gyr_metric.h"
#include "gyr_secp.h"
#include "gyr_txn.h"
#include "gyr_verdict.h"
#include "gyr_wal.h"

#define CHAIN_ID 7777
#define NOON	 1795348800000000000u

static _Atomic int stopped;

static void stop(int number)
{
	(void)number;
	atomic_store(&stopped, 1);
}

static uint64_t utc_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A signed transfer with this nonce; its bytes, sender and hash. */
static size_t make_transfer(uint8_t *raw, size_t raw_size, struct gyr_log_tx *header,
			    uint64_t nonce)
{
	static const uint8_t secret[32] = { [31] = 7 };
	uint8_t payload[256];
	uint8_t public_key[64];
	struct gyr_hash hash;
	struct gyr_txn txn = { .type = GYR_TXN_DYNAMIC_FEE,
			       .is_protected = true,
			       .chain_id = CHAIN_ID,
			       .nonce = nonce,
			       .gas_limit = 21000,
			       .max_fee = { { 2000000000 } },
			       .value = { { 1 } },
			       .to = { { 1, 2, 3 } } };
	size_t length = gyr_txn_encode_payload(payload, sizeof payload, &txn);

	gyr_keccak_portable.hash(&hash, payload, length);
	gyr_assert(gyr_secp_sign(txn.r, txn.s, &txn.parity, hash.bytes, secret));
	length = gyr_txn_encode(raw, raw_size, &txn);
	gyr_keccak_portable.hash(&header->hash, raw, length);
	gyr_assert(gyr_secp_public_key(public_key, secret));
	gyr_keccak_portable.hash(&hash, public_key, sizeof public_key);
	memcpy(header->sender.bytes, hash.bytes + 12, sizeof header->sender.bytes);
	return length;
}

static void append(struct gyr_log *log, struct gyr_wal *wal, enum gyr_log_kind kind,
		   const void *head, size_t head_length, struct gyr_slice tail, uint64_t arrival)
{
	struct gyr_log_stamp stamp = { .arrival = arrival, .receive_utc_ns = NOON + arrival };
	uint8_t *body = gyr_log_reserve(log, kind, (uint32_t)(head_length + tail.length));

	gyr_assert(body != NULL);
	memcpy(body, head, head_length);
	if (tail.length > 0)
		memcpy(body + head_length, tail.data, tail.length);
	(void)gyr_log_publish(log, &stamp);
	if (arrival % 10 == 0) {
		(void)gyr_log_commit(log);
		while (gyr_log_durable(log) < gyr_log_committed(log)) {
			(void)gyr_wal_poll(wal, 1);
			(void)gyr_wal_prepare_poll(wal);
			gyr_assert(gyr_wal_status(wal) == 0);
		}
	}
}

static int open_log(struct gyr_blockdev **dev, struct gyr_log *log, struct gyr_wal *wal,
		    const char *path)
{
	static const struct gyr_blockdev_ops *const drivers[] = { &gyr_block_pwrite };
	struct gyr_log_config log_config = { .ring_size = GYR_LOG_RING_SIZE_MIN,
					     .identity = { .genesis_hash = { { 1, 2, 3, 4 } },
							   .chain_id = CHAIN_ID,
							   .segment_size = GYR_LOG_SEGMENT_MIN } };
	struct gyr_blockdev_config config = { .path = path, .in_flight_max = 4 };
	struct gyr_wal_reader_config reader_config = { .buffer_length = 1 << 20 };
	struct gyr_wal_config wal_config = { .log = log, .utc_ns = NOON };
	struct gyr_wal_reader *reader = calloc(1, sizeof *reader);
	struct gyr_log_block block;
	int got;

	log_config.ring = aligned_alloc(4096, log_config.ring_size);
	reader_config.buffer = aligned_alloc(4096, reader_config.buffer_length);
	GYR_TRY(gyr_blockdev_open(dev, NULL, 0, drivers, 1, &config));
	GYR_TRY(gyr_log_init(log, &log_config));
	reader_config.dev = *dev;
	reader_config.expected = &log->identity;
	GYR_TRY(gyr_wal_reader_open(reader, &reader_config));
	while ((got = gyr_wal_reader_next_block(reader, &block)) == 1)
		;
	GYR_TRY(got);
	wal_config.dev = *dev;
	GYR_TRY(gyr_wal_open(wal, &wal_config, &reader->end));
	gyr_wal_reader_close(reader);
	while (!gyr_wal_is_serving(wal)) {
		(void)gyr_wal_poll(wal, 1);
		(void)gyr_wal_prepare_poll(wal);
		GYR_TRY(gyr_wal_status(wal));
	}
	free(reader);
	free(reader_config.buffer);
	return 0;
}

static int make_log(const char *directory, bool wrong)
{
	struct gyr_log *log = aligned_alloc(64, gyr_round_up(sizeof *log, 64));
	struct gyr_wal *wal = aligned_alloc(64, gyr_round_up(sizeof *wal, 64));
	struct gyr_blockdev *dev;
	char path[300];

	(void)snprintf(path, sizeof path, "%s/log", directory);
	(void)mkdir(path, 0755);
	GYR_TRY(open_log(&dev, log, wal, path));
	for (uint64_t arrival = 1; arrival <= 110; arrival++) {
		struct gyr_log_reject reject = { .verdict = GYR_VERDICT_NONCE_GAP };
		struct gyr_log_tx header = { .release_arrival = arrival };
		uint8_t raw[256];
		struct gyr_slice bytes = { raw, 0 };

		if (arrival % 11 == 0) {
			append(log, wal, GYR_LOG_REJECT, &reject, sizeof reject, bytes, arrival);
			continue;
		}
		bytes.length = make_transfer(raw, sizeof raw, &header, arrival);
		if (wrong && arrival == 50)
			header.sender.bytes[0] ^= 1;
		append(log, wal, GYR_LOG_TX, &header, sizeof header, bytes, arrival);
	}
	gyr_wal_close(wal);
	gyr_blockdev_close(dev);
	return 0;
}

static int make_errors(const char *directory)
{
	static struct gyr_journal_site disk = { .text = "disk is slow: {t:ns}",
						.file = "wal.c",
						.line = 10,
						.severity = GYR_JOURNAL_WARNING };
	static struct gyr_journal_site flush = { .text = "a flush failed at {p:u}",
						 .file = "wal.c",
						 .line = 20,
						 .severity = GYR_JOURNAL_ERROR };
	struct gyr_journal_record slow = { .utc_ns = NOON,
					   .site = &disk,
					   .arguments = { 5000000 } };
	struct gyr_journal_record failed = { .utc_ns = NOON + 1,
					     .site = &flush,
					     .arguments = { 4096 } };
	struct gyr_journal_errors errors;

	GYR_TRY(gyr_journal_errors_open(&errors, directory));
	gyr_journal_errors_note(&errors, &slow, 3);
	gyr_journal_errors_note(&errors, &failed, 1);
	gyr_journal_errors_close(&errors);
	return 0;
}

static int serve(const char *directory)
{
	struct timespec length = { .tv_nsec = 10000000 };
	struct gyr_metric metric;
	struct gyr_metric_area *area;

	GYR_TRY(gyr_metric_create(&metric, directory, "0.0.test", utc_now_ns()));
	area = metric.area;
	gyr_metric_label(area->server[0].label, "gyrd");
	gyr_metric_label(area->lane[0].label, "data0");
	gyr_metric_label(area->stage[0].label, "gate 0");
	gyr_metric_label(area->net[0].label, "gate 0");
	gyr_metric_label(area->latency[0].label, "gate 0");
	gyr_metric_label(area->reject[0].label, "sequence");
	gyr_metric_set(&area->server[0].state, 2);
	gyr_metric_set(&area->server[0].epoch, 3);
	(void)signal(SIGTERM, stop);
	while (atomic_load(&stopped) == 0) {
		(void)nanosleep(&length, NULL);
		gyr_metric_set(&area->header.heartbeat_utc_ns, utc_now_ns());
		gyr_metric_add(&area->stage[0].items, 1000);
		/* A quarter busy, a quarter stalled, half idle. */
		gyr_metric_add(&area->stage[0].busy_ns, 2500000);
		gyr_metric_add(&area->stage[0].stalled_ns, 2500000);
		gyr_metric_add(&area->stage[0].idle_ns, 5000000);
		gyr_metric_add(&area->reject[0].verdict[GYR_VERDICT_NONCE_GAP], 2);
		for (uint64_t i = 1; i <= 100; i++)
			gyr_metric_record(&area->latency[0].durable_ns, i * 1000);
	}
	gyr_metric_close(&metric);
	return 0;
}

int main(int argc, char **argv)
{
	int error = -GYR_ERR_USAGE;

	if (argc >= 3 && strcmp(argv[1], "log") == 0)
		error = make_log(argv[2], argc > 3);
	else if (argc >= 3 && strcmp(argv[1], "errors") == 0)
		error = make_errors(argv[2]);
	else if (argc >= 3 && strcmp(argv[1], "serve") == 0)
		error = serve(argv[2]);
	gyr_err_print(stderr, "make_data");
	return error == 0 ? 0 : 1;
}
