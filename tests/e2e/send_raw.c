/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for scripts: send_raw GATE [--window N] reads raw transactions, one in hexadecimal a
 * line, submits them in order over UDP, with few on their way at a time, and prints each one's
 * answer as a line of JSON, in the order of the transactions. Exit code 1 when answers are missing
 * after two minutes. Large ones go in chunks, which is the client library's doing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gyr_args.h"
#include "gyr_client.h"
#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_keccak.h"
#include "gyr_net_udp.h"
#include "gyr_wire.h"

#define TX_COUNT_MAX 65536
#define TIMEOUT_NS   UINT64_C(120000000000)

struct tx {
	uint8_t *raw;
	size_t length;
	enum { WAITING, EXECUTED, SKIPPED, REJECTED } outcome;
	struct gyr_wire_executed executed;
	unsigned reason;
};

struct sender {
	struct gyr_client *client;
	struct gyr_netdev device;
	struct tx *txs;
	uint64_t count;
	uint64_t next; /* to submit */
	uint64_t answered;
};

static struct tx *tx_of(struct sender *sender, uint64_t tag)
{
	struct tx *tx = tag < sender->count ? &sender->txs[tag] : NULL;

	if (tx == NULL || tx->outcome != WAITING)
		return NULL;
	sender->answered++;
	return tx;
}

static void on_executed(void *context, const struct gyr_wire_executed *message, bool early)
{
	struct tx *tx = tx_of(context, message->client_tag);

	(void)early;
	if (tx != NULL) {
		tx->outcome = EXECUTED;
		tx->executed = *message;
	}
}

static void on_skipped(void *context, const struct gyr_wire_skipped *message, bool early)
{
	struct tx *tx = tx_of(context, message->client_tag);

	(void)early;
	if (tx != NULL) {
		tx->outcome = SKIPPED;
		tx->reason = message->reason;
	}
}

static void on_rejected(void *context, const struct gyr_wire_rejected *message)
{
	struct tx *tx;

	if (message->refused != GYR_WIRE_SUBMIT && message->refused != GYR_WIRE_CHUNK &&
	    message->refused != GYR_WIRE_CHUNK_BEGIN)
		return;
	tx = tx_of(context, message->client_tag);
	if (tx != NULL) {
		tx->outcome = REJECTED;
		tx->reason = message->code;
	}
}

static int nibble(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_txs(struct sender *sender)
{
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	sender->txs = calloc(TX_COUNT_MAX, sizeof *sender->txs);
	while (good && sender->txs != NULL && getline(&line, &size, stdin) > 0) {
		struct tx *tx = &sender->txs[sender->count];
		const char *text = strncmp(line, "0x", 2) == 0 ? line + 2 : line;
		size_t digits = strspn(text, "0123456789abcdef");

		if (digits == 0 || digits % 2 != 0 || sender->count == TX_COUNT_MAX - 1)
			good = false;
		tx->length = digits / 2;
		tx->raw = malloc(tx->length + 1);
		for (size_t i = 0; good && tx->raw != NULL && i < tx->length; i++)
			tx->raw[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
		sender->count++;
	}
	free(line);
	return good && sender->txs != NULL;
}

static bool submit_next(struct sender *sender)
{
	const struct tx *tx = &sender->txs[sender->next];
	struct gyr_client_submission submission = {
		.client_tag = sender->next,
		.raw = { tx->raw, tx->length },
		.answers = GYR_WIRE_ANSWERS_EXECUTED,
	};

	gyr_keccak256(&submission.hash, tx->raw, tx->length);
	if (!gyr_client_submit(sender->client, &submission))
		return false;
	sender->next++;
	return true;
}

static bool run(struct sender *sender, struct gyr_clock *clock, uint64_t window)
{
	const struct timespec nap = { .tv_nsec = 200000 };
	uint64_t start_ns = gyr_clock_now_ns(clock);

	while (sender->answered < sender->count) {
		struct gyr_netdev_time time = { .now_ns = gyr_clock_now_ns(clock) };
		struct gyr_clock_utc utc = gyr_clock_utc_at(clock, time.now_ns);

		time.utc_ns = utc.utc_ns;
		time.utc_error_ns = utc.error_ns;
		if (time.now_ns - start_ns > TIMEOUT_NS)
			return false;
		if (gyr_client_poll(sender->client, &time) == 0)
			(void)nanosleep(&nap, NULL);
		while (gyr_client_connected(sender->client) && sender->next < sender->count &&
		       sender->next - sender->answered < window && submit_next(sender))
			;
		(void)gyr_client_flush(sender->client);
	}
	return true;
}

static void print(const struct tx *tx)
{
	static const char *const names[] = { "none", "executed", "skipped", "rejected" };
	const char *reason = gyr_verdict_name(tx->reason);

	(void)printf("{\"outcome\":\"%s\"", names[tx->outcome]);
	if (tx->outcome == SKIPPED || tx->outcome == REJECTED)
		(void)printf(",\"reason\":\"%s\"", reason == NULL ? "?" : reason);
	if (tx->outcome == EXECUTED) {
		(void)printf(",\"status\":%u,\"gas\":%" PRIu64 ",\"block\":%" PRIu64
			     ",\"logsHash\":\"0x",
			     tx->executed.status, tx->executed.gas_used, tx->executed.block_number);
		for (size_t i = 0; i < sizeof tx->executed.logs_hash; i++)
			(void)printf("%02x", tx->executed.logs_hash[i]);
		(void)printf("\"");
	}
	(void)printf("}\n");
}

static int open_client(struct sender *sender, struct gyr_clock *clock, const char *gate)
{
	static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp };
	static const struct gyr_client_events events = {
		.executed = on_executed,
		.skipped = on_skipped,
		.rejected = on_rejected,
	};
	size_t size = GYR_NETDEV_ARENA_SIZE + gyr_client_arena_size() + 4096;
	struct gyr_arena arena = gyr_arena_over(aligned_alloc(4096, gyr_round_up(size, 4096)),
						gyr_round_up(size, 4096));
	struct gyr_client_conf conf = { .nonce = 0x5e4d };

	if (arena.base == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory");
	memset(arena.base, 0, arena.size);
	GYR_TRY(gyr_endpoint_parse(&conf.gate, gate));
	GYR_TRY(gyr_clock_tsc_open(clock, NULL));
	GYR_TRY(gyr_netdev_open(&sender->device, &arena, drivers, GYR_COUNT(drivers),
				"udp:port=0"));
	return gyr_client_init(&sender->client, &arena, &conf, &sender->device, &events, sender);
}

int main(int argc, char **argv)
{
	static struct sender sender;
	uint64_t window = 16;
	const struct gyr_args_option options[] = {
		{ "window", 'w', GYR_ARGS_COUNT, &window, "N",
		  "On their way at a time. Default 16." },
	};
	struct gyr_args args = {
		.program = "send_raw",
		.summary = "Submits raw transactions from standard input and prints their answers.",
		.operands = "GATE",
		.operand_count_min = 1,
		.operand_count_max = 1,
		.options = options,
		.option_count = GYR_COUNT(options),
	};
	struct gyr_clock clock;
	bool complete;

	if (gyr_args_parse(&args, argc, argv) < 0 || !read_txs(&sender) ||
	    open_client(&sender, &clock, argv[1]) < 0) {
		gyr_err_print(stderr, args.program);
		return GYR_ERR_USAGE;
	}
	complete = run(&sender, &clock, window);
	gyr_client_close(sender.client);
	for (uint64_t i = 0; i < sender.count; i++) {
		print(&sender.txs[i]);
		free(sender.txs[i].raw);
	}
	free(sender.txs);
	return complete ? 0 : 1;
}
