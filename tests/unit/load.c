/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: deterministic work, limits, and runs against a gate in another thread. */
#include "gyr_test.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "gyr_clock_tsc.h"
#include "gyr_err.h"
#include "gyr_load.h"
#include "gyr_secp.h"
#include "gyr_txn.h"
#include "stub_gate.h"

/* More than a block of signatures. */
#define SIGNED 70

static struct gyr_clock clock_of_test;

static struct gyr_endpoint loopback(uint16_t port)
{
	struct gyr_endpoint endpoint = { .port = port };

	endpoint.address[10] = endpoint.address[11] = 0xff;
	endpoint.address[12] = 127;
	endpoint.address[15] = 1;
	return endpoint;
}

static void accounts_and_transactions_are_deterministic(void **state)
{
	struct gyr_load_account one[5], two[5];
	struct gyr_load_work work = { .accounts = one,
				      .account_count = 5,
				      .count = SIGNED,
				      .first_nonce = 7,
				      .chain_id = 7790,
				      .max_fee = 100,
				      .max_priority_fee = 1,
				      .value = 3 };
	uint8_t bytes[SIGNED * GYR_LOAD_TRANSACTION_MAX], lengths[SIGNED];
	uint8_t nonces[SIGNED * GYR_LOAD_NONCE_BYTES];
	unsigned reached[5] = { 0 };
	struct gyr_txn_rules rules;

	(void)state;
	assert_int_equal(gyr_load_accounts(one, 5, 1, 2), 0);
	assert_int_equal(gyr_load_accounts(two, 5, 1, 1), 0);
	assert_memory_equal(one, two, sizeof one);
	assert_int_equal(gyr_load_accounts(two, 5, 2, 3), 0);
	assert_memory_not_equal(one, two, sizeof one);
	work.bytes = bytes;
	work.lengths = lengths;
	work.nonces = nonces;
	assert_int_equal(gyr_load_sign(&work, 2), 0);
	gyr_txn_rules_init(&rules, GYR_FORK_PRAGUE, 7790);
	for (uint64_t i = 0; i < SIGNED; i++) {
		struct gyr_txn txn;
		struct gyr_hash hash;
		uint8_t key[64], nonce[GYR_LOAD_NONCE_BYTES];

		assert_int_equal(gyr_txn_parse(&txn, gyr_load_transaction(&work, i), &rules),
				 GYR_VERDICT_OK);
		assert_int_equal(gyr_txn_check(&txn, &rules), GYR_VERDICT_OK);
		assert_int_equal(txn.nonce, 7 + i / 5);
		assert_memory_equal(&txn.to, &one[(i % 5 + 1) % 5].address, 20);
		gyr_txn_signing_hash(&hash, &txn, &gyr_keccak_portable);
		assert_true(gyr_secp_recover(key, hash.bytes, txn.r, txn.s, txn.parity));
		gyr_keccak256(&hash, key, 64);
		assert_memory_equal(hash.bytes + 12, one[i % 5].address.bytes, 20);
		assert_true(gyr_secp_hint(nonce, nonce + 32, txn.r, txn.s, txn.parity));
		assert_memory_equal(nonce, nonces + i * GYR_LOAD_NONCE_BYTES, sizeof nonce);
	}
	/* To all accounts, of which two send. */
	work.account_count = 2;
	work.recipient_count = 5;
	assert_int_equal(gyr_load_sign(&work, 1), 0);
	for (uint64_t i = 0; i < SIGNED; i++) {
		struct gyr_txn txn;

		assert_int_equal(gyr_txn_parse(&txn, gyr_load_transaction(&work, i), &rules),
				 GYR_VERDICT_OK);
		for (unsigned k = 0; k < 5; k++)
			reached[k] += gyr_address_equal(&txn.to, &one[k].address);
	}
	for (unsigned k = 0; k < 5; k++)
		assert_true(reached[k] >= SIGNED / 10);
}

static void a_genesis_names_every_account(void **state)
{
	struct gyr_load_account accounts[3];
	struct gyr_load_genesis genesis = {
		.chain_id = 5, .gas_limit = 30000000, .base_fee = 7, .balance_ether = 1000000
	};
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	(void)state;
	assert_int_equal(gyr_load_accounts(accounts, 3, 1, 1), 0);
	assert_int_equal(gyr_load_write_genesis(to, &genesis, accounts, 3), 0);
	(void)fclose(to);
	assert_non_null(strstr(text, "\"chainId\": 5"));
	assert_non_null(strstr(text, "\"0xd3c21bcecceda1000000\"")); /* 10^24 wei */
	assert_non_null(strstr(text, "\"gasLimit\": \"0x1c9c380\""));
	for (int i = 0; i < 3; i++) {
		char address[48] = "\"0x";

		for (int k = 0; k < 20; k++)
			(void)snprintf(address + 3 + 2 * k, 3, "%02x",
				       accounts[i].address.bytes[k]);
		assert_non_null(strstr(text, address));
	}
	free(text);
}

static int read_sla(struct gyr_load_sla *sla, const char *text)
{
	char path[] = "/tmp/gyr-sla-XXXXXX";
	int fd = mkstemp(path);
	int error;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
	error = gyr_load_sla_read(sla, path);
	(void)unlink(path);
	return error;
}

static void limits_are_read_and_judged(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} bad[] = {
		{ "orderd p50 1us\n", ":1:1:" },
		{ "\n ordered p150 1us\n", ":2:10:" },
		{ "ordered p50 1 us 3\n", ":1:13:" },
		{ "ordered p50\n", ":1:1:" },
		{ "ordered p50 10parsec\n", ":1:13:" },
		{ "ordered rate 100\n", ":1:9:" },
		{ "ordered p50 1us by 10k\n", ":1:17:" },
		{ "ordered p50 1us at x\n", ":1:20:" },
		{ "ordered p50 1us at 10k more\n", ":1:1:" },
		{ "# nothing\n", ":1:1:" },
	};
	struct gyr_load_sla sla;
	struct gyr_load_result result = { .rate = 10000, .executed_ns = 2000000000 };
	uint64_t *memory = calloc(1, gyr_hist_memory_size(7, 40));
	uint64_t value;
	bool applies;

	(void)state;
	for (size_t i = 0; i < GYR_COUNT(bad); i++) {
		assert_int_equal(read_sla(&sla, bad[i].text), -GYR_ERR_CONFIG);
		if (strstr(gyr_err_cause(), bad[i].place) == NULL)
			fail_msg("%s: %s", bad[i].text, gyr_err_cause());
	}
	assert_int_equal(read_sla(&sla, "# limits\nordered p50 100us\nordered max 1ms at 10k # x\n"
					"executed rate 9500\nordered p99.9 1us at 5k\n"),
			 0);
	assert_int_equal(sla.count, 4);
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++)
		gyr_hist_init(&result.latency[k], memory, 7, 40);
	assert_false(gyr_load_sla_judge(&value, &applies, &sla.rules[0], &result)); /* nothing */
	for (uint64_t i = 1; i <= 1000; i++)
		gyr_hist_record(&result.latency[GYR_LOAD_ORDERED], i * 150);
	assert_true(gyr_load_sla_judge(&value, &applies, &sla.rules[0], &result));
	assert_in_range(value, 74000, 76000);
	assert_true(gyr_load_sla_judge(&value, &applies, &sla.rules[1], &result));
	gyr_hist_record(&result.latency[GYR_LOAD_ORDERED], 1000001);
	assert_false(gyr_load_sla_judge(&value, &applies, &sla.rules[1], &result));
	result.counters.executed = 18999;
	assert_false(gyr_load_sla_judge(&value, &applies, &sla.rules[2], &result));
	result.counters.executed = 19000;
	assert_true(gyr_load_sla_judge(&value, &applies, &sla.rules[2], &result));
	assert_true(gyr_load_sla_judge(&value, &applies, &sla.rules[3], &result));
	assert_false(applies);
	/* A rule that no run is about is broken, not kept. */
	assert_int_equal(gyr_load_sla_broken(&(struct gyr_load_report){
				 .runs = &result, .run_count = 1, .sla = &sla }),
			 2);
	free(memory);
}

struct server {
	struct stub_gate gate;
	pthread_t thread;
	char device[64];
	uint64_t restart_at; /* entries; 0: never */
	uint64_t forget;     /* durable entries to lose in a restart: a broken server */
};

static void *serve(void *argument)
{
	struct server *server = argument;
	struct stub_gate *gate = &server->gate;

	while (!atomic_load_explicit(&gate->stop, memory_order_relaxed)) {
		if (server->restart_at != 0 && gate->count >= server->restart_at) {
			server->restart_at = 0;
			stub_gate_halt(gate);
			(void)usleep(50000);
			gyr_assert(stub_gate_start(gate, gate->clock, server->device,
						   gate->durable - server->forget) == 0);
		}
		if (stub_gate_turn(gate) == 0)
			(void)sched_yield();
	}
	return NULL;
}

static struct server *server_start(struct gyr_endpoint *at)
{
	struct server *server = calloc(1, sizeof *server);

	assert_non_null(server);
	assert_int_equal(
		stub_gate_start(&server->gate, &clock_of_test, "udp:address=127.0.0.1,port=0", 0),
		0);
	*at = loopback(server->gate.device.info.port);
	(void)snprintf(server->device, sizeof server->device, "udp:address=127.0.0.1,port=%u",
		       server->gate.device.info.port);
	return server;
}

static void server_stop(struct server *server)
{
	atomic_store_explicit(&server->gate.stop, true, memory_order_relaxed);
	(void)pthread_join(server->thread, NULL);
	stub_gate_halt(&server->gate);
	free(server->gate.log);
	free(server->gate.index_of);
	free(server);
}

static int run_against(struct server *server, struct gyr_load_result *result,
		       struct gyr_load_conf *conf, void **memory)
{
	static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp };
	struct gyr_load_account *accounts = calloc(8, sizeof *accounts);
	struct gyr_load_work work = { .accounts = accounts,
				      .account_count = 8,
				      .count = conf->count,
				      .chain_id = 7790,
				      .max_fee = 100,
				      .max_priority_fee = 1,
				      .value = 1 };
	struct gyr_arena arena;
	int error;

	conf->drivers = drivers;
	conf->driver_count = 1;
	conf->device = "udp:address=127.0.0.1,port=0";
	conf->answers = 7;
	conf->retry_after_ns = 100000000;
	conf->drain_ns = conf->connect_ns = 20000000000;
	conf->attempts_max = 100;
	conf->idle = GYR_LOAD_YIELD;
	conf->nonce = 5;
	work.bytes = malloc(conf->count * GYR_LOAD_TRANSACTION_MAX);
	work.lengths = malloc(conf->count);
	assert_true(accounts != NULL && work.bytes != NULL && work.lengths != NULL);
	assert_int_equal(gyr_load_accounts(accounts, 8, 1, 2), 0);
	assert_int_equal(gyr_load_sign(&work, 2), 0);
	*memory = malloc(gyr_load_arena_size(conf));
	assert_non_null(*memory);
	arena = gyr_arena_over(*memory, gyr_load_arena_size(conf));
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	error = gyr_load_run(result, &arena, conf, &work, &clock_of_test);
	free(work.bytes);
	free(work.lengths);
	free(accounts);
	return error;
}

static void a_run_measures_every_transaction(void **state)
{
	struct gyr_load_conf conf = {
		.session_count = 2, .rate = 20000, .count = 4000, .batch = 4, .warmup = 100
	};
	struct server *server = server_start(&conf.gate);
	struct gyr_load_result *result = calloc(1, sizeof *result);
	void *memory;
	uint64_t sent = 0;

	(void)state;
	server->gate.reject_every = 100; /* retried */
	assert_int_equal(run_against(server, result, &conf, &memory), 0);
	assert_int_equal(result->counters.sent, 4000);
	assert_int_equal(result->counters.ordered, 4000);
	assert_int_equal(result->counters.durable, 4000);
	assert_int_equal(result->counters.executed, 4000);
	assert_int_equal(result->counters.failed + result->counters.unresolved, 0);
	assert_true(result->counters.rejected >= 40);
	assert_true(result->rejected_by_code[GYR_VERDICT_RING_FULL] >= 40);
	assert_int_equal(server->gate.count, 4000);
	for (unsigned k = 0; k < GYR_LOAD_ANSWER_COUNT; k++)
		assert_int_equal(result->latency[k].total, 3900);
	/* The gate calls nothing durable before 2 ms; a preempted thread reads its clock early. */
	assert_true(gyr_hist_percentile(&result->latency[GYR_LOAD_DURABLE], 50) > 1900000);
	/* 200 ms of sending; four to a datagram, two sessions. */
	assert_true(result->sending_ns >= 199000000);
	assert_true(result->counters.datagrams_sent < 2500);
	for (unsigned i = 0; i < result->slice_count; i++)
		sent += result->slices[i].sent;
	assert_int_equal(sent, 4000);
	server_stop(server);
	free(memory);
	free(result);
}

static void a_restart_loses_nothing_that_was_durable(void **state)
{
	struct gyr_load_conf conf = {
		.session_count = 1, .rate = 5000, .count = 3000, .batch = 1, .restart_check = true
	};
	struct server *server = server_start(&conf.gate);
	struct gyr_load_result *result = calloc(1, sizeof *result);
	void *memory;

	(void)state;
	server->restart_at = 1500;
	assert_int_equal(run_against(server, result, &conf, &memory), 0);
	assert_int_equal(result->counters.executed, 3000);
	assert_int_equal(result->counters.durable, 3000);
	assert_int_equal(result->counters.failed + result->counters.unresolved, 0);
	assert_int_equal(result->counters.disconnections, 1);
	assert_true(result->counters.verified_durable > 1000);
	assert_int_equal(result->counters.lost_durable, 0);
	assert_int_equal(result->epoch_first, 1);
	assert_int_equal(result->epoch_last, 2);
	assert_int_equal(server->gate.count, 3000); /* each once */
	server_stop(server);
	free(memory);
	free(result);
}

static void a_server_that_loses_durable_transactions_is_caught(void **state)
{
	struct gyr_load_conf conf = {
		.session_count = 1, .rate = 5000, .count = 2000, .batch = 1, .restart_check = true
	};
	struct server *server = server_start(&conf.gate);
	struct gyr_load_result *result = calloc(1, sizeof *result);
	void *memory;

	(void)state;
	server->restart_at = 1000;
	server->forget = 100;
	conf.count = 2000;
	assert_int_equal(run_against(server, result, &conf, &memory), -GYR_ERR_MISMATCH);
	assert_true(result->counters.lost_durable >= 90);
	server_stop(server);
	free(memory);
	free(result);
}

static void *echo(void *argument)
{
	struct server *server = argument;
	struct gyr_netdev_time time = { 0 };

	while (!atomic_load_explicit(&server->gate.stop, memory_order_relaxed))
		if (gyr_netdev_echo(&server->gate.device, &time) == 0)
			(void)sched_yield();
	return NULL;
}

static void echo_trips_and_stalls_are_measured(void **state)
{
	static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp };
	static struct gyr_load_probe probe;
	struct gyr_load_conf conf = { .drivers = drivers,
				      .driver_count = 1,
				      .device = "udp:address=127.0.0.1,port=0",
				      .count = 1,
				      .session_count = 1 };
	struct server *server = server_start(&conf.gate);
	void *memory = malloc(gyr_load_arena_size(&conf));
	struct gyr_arena arena = gyr_arena_over(memory, gyr_load_arena_size(&conf));
	struct gyr_endpoint nobody = loopback(9);
	struct gyr_hist trips;

	(void)state;
	assert_int_equal(gyr_load_probe_start(&probe, &clock_of_test, -1), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, echo, server), 0);
	assert_int_equal(gyr_load_echo(&trips, &arena, &conf, &conf.gate, 200, 180, &clock_of_test),
			 0);
	assert_in_range(trips.total, 181, 200);
	assert_true(trips.min > 500 && trips.min < trips.max);
	gyr_load_probe_stop(&probe);
	assert_true(probe.gaps.total > 1000);
	assert_true(probe.gaps.max > gyr_hist_percentile(&probe.gaps, 50));
	arena = gyr_arena_over(memory, gyr_load_arena_size(&conf));
	assert_int_equal(gyr_load_echo(&trips, &arena, &conf, &nobody, 200, 180, &clock_of_test),
			 -GYR_ERR_TIMEOUT);
	server_stop(server);
	free(memory);
}

static void nobody_there_is_a_timeout(void **state)
{
	static const struct gyr_netdev_ops *const drivers[] = { &gyr_net_udp };
	struct gyr_load_conf conf = { .session_count = 1,
				      .rate = 1,
				      .count = 1,
				      .batch = 1,
				      .drivers = drivers,
				      .driver_count = 1,
				      .device = "udp:address=127.0.0.1,port=0",
				      .connect_ns = 50000000 };
	struct gyr_load_work work = { .account_count = 1, .count = 1 };
	struct gyr_load_result *result = calloc(1, sizeof *result);
	void *memory = malloc(gyr_load_arena_size(&conf));
	struct gyr_arena arena = gyr_arena_over(memory, gyr_load_arena_size(&conf));

	(void)state;
	conf.gate = loopback(9);
	assert_int_equal(gyr_load_run(result, &arena, &conf, &work, &clock_of_test),
			 -GYR_ERR_TIMEOUT);
	free(memory);
	free(result);
}

static int setup(void **state)
{
	(void)state;
	return gyr_clock_tsc_open(&clock_of_test, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_and_transactions_are_deterministic),
		cmocka_unit_test(a_genesis_names_every_account),
		cmocka_unit_test(limits_are_read_and_judged),
		cmocka_unit_test(a_run_measures_every_transaction),
		cmocka_unit_test(a_restart_loses_nothing_that_was_durable),
		cmocka_unit_test(a_server_that_loses_durable_transactions_is_caught),
		cmocka_unit_test(echo_trips_and_stalls_are_measured),
		cmocka_unit_test(nobody_there_is_a_timeout),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
