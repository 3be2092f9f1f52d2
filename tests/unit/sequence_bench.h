/* SPDX-License-Identifier: Apache-2.0 */
/* One sequencer with one gate, between a log that nobody writes to disk and no execution. */
#ifndef SEQUENCE_BENCH_H
#define SEQUENCE_BENCH_H

#include "gyr_test.h"

#include "gyr_sequence.h"

#define RING_SIZE (4u << 20)
#define SLOTS	  64
#define SLOT_SIZE 1024
#define ETHER	  1000000000000000000ull
#define GWEI	  1000000000ull
#define S	  1000000000ull

struct bench {
	struct gyr_log *log;
	struct gyr_spsc *feedback;
	struct gyr_sequence_gate gate;
	struct gyr_sequence *sequence;
	struct gyr_sequence_conf conf;
	void *memory[8];
	unsigned memory_count;
	unsigned reader;
	uint64_t now_ns;
	bool stalled;
};

static inline void *take(struct bench *b, size_t size)
{
	void *memory = aligned_alloc(4096, gyr_round_up(size, 4096));

	assert_non_null(memory);
	memset(memory, 0, gyr_round_up(size, 4096));
	b->memory[b->memory_count++] = memory;
	return memory;
}

static inline struct gyr_address address(uint8_t n)
{
	struct gyr_address a = { { 0 } };

	a.bytes[0] = 0xaa;
	a.bytes[19] = n;
	return a;
}

static inline struct gyr_sequence_conf default_conf(void)
{
	struct gyr_sequence_conf conf = {
		.account_count_max = 1024,
		.duplicate_count = 256,
		.park_count = 16,
		.park_raw_size = 512,
		.park_per_sender_max = 4,
		.park_nonce_gap_max = 8,
		.park_time_ns = S,
		.mini_block_ns = 1000000,
		.block_s = 1,
		.block_gas_limit = 30000000,
		.block_tx_max = 1000,
		.block_bytes_max = 1000000,
		.undurable_bytes_max = 1u << 20,
		.undurable_ns_max = S,
		.seed = { 1, 2, 3, 4 },
	};

	gyr_txn_rules_init(&conf.rules, GYR_FORK_PRAGUE, 1);
	return conf;
}

static inline void begin(struct bench *b, struct gyr_sequence_conf conf)
{
	struct gyr_log_config log_conf = { .ring_size = RING_SIZE };
	struct gyr_arena arena;
	size_t size = gyr_sequence_size(&conf);

	memset(b, 0, sizeof *b);
	b->conf = conf;
	b->now_ns = 5 * S;
	log_conf.ring = take(b, RING_SIZE);
	log_conf.identity.segment_size = RING_SIZE;
	b->log = take(b, sizeof *b->log);
	assert_int_equal(gyr_log_init(b->log, &log_conf), 0);
	b->reader = (unsigned)gyr_log_reader_add(b->log, "test");
	b->feedback = gyr_spsc_init(take(b, gyr_spsc_size(sizeof(struct gyr_feedback), 64)),
				    sizeof(struct gyr_feedback), 64);
	b->gate = (struct gyr_sequence_gate){
		.intake = gyr_intake_init(take(b, gyr_intake_size(SLOTS, SLOT_SIZE)), SLOTS,
					  SLOT_SIZE),
		.events =
			gyr_spsc_init(take(b, gyr_spsc_size(sizeof(struct gyr_sequence_event), 64)),
				      sizeof(struct gyr_sequence_event), 64),
		.queries =
			gyr_spsc_init(take(b, gyr_spsc_size(sizeof(struct gyr_sequence_query), 8)),
				      sizeof(struct gyr_sequence_query), 8),
	};
	b->sequence = take(b, sizeof *b->sequence + size);
	arena = gyr_arena_over(b->sequence + 1, size);
	assert_int_equal(
		gyr_sequence_init(b->sequence, &arena, &conf, b->log, b->feedback, &b->gate, 1), 0);
}

static inline void start(struct bench *b, uint64_t block_number)
{
	struct gyr_log_start at = { .arrival_next = gyr_sequence_arrival_next(b->sequence),
				    .epoch = 1,
				    .utc_ns = b->now_ns };
	struct gyr_sequence_executed executed = { .block_number = block_number, .base_fee = GWEI };

	gyr_log_start(b->log, &at);
	assert_int_equal(gyr_sequence_start(b->sequence, &executed, b->now_ns, b->now_ns), 0);
}

static inline void fund(struct bench *b, uint8_t n, uint64_t nonce, uint64_t wei)
{
	struct gyr_address a = address(n);
	struct gyr_u256 balance = gyr_u256_from_u64(wei);

	assert_int_equal(gyr_sequence_load(b->sequence, &a, nonce, &balance, 0), 0);
}

static inline void ready(struct bench *b)
{
	begin(b, default_conf());
	for (uint8_t n = 1; n <= 4; n++)
		fund(b, n, 0, ETHER);
	start(b, 0);
}

static inline void end(struct bench *b)
{
	for (unsigned i = 0; i < b->memory_count; i++)
		free(b->memory[i]);
}

/* Puts a verified transaction into the next slot; its hash is made of sender, nonce and salt. With
 * an authority (0: none) it carries that one's authorization. */
static inline void submit_authorization(struct bench *b, uint8_t sender, uint64_t nonce,
					uint8_t salt, uint8_t authority)
{
	uint8_t tuple[GYR_TXN_AUTHORIZATION_PAYLOAD_MAX + 128];
	struct gyr_rlp_writer writer;
	struct gyr_txn_authorization authorization = { .nonce = 0 };
	struct gyr_sequence_payload *payload;
	struct gyr_intake_arrival *arrival;
	struct gyr_intake_finding *finding;
	struct gyr_txn txn = {
		.type = GYR_TXN_DYNAMIC_FEE,
		.is_protected = true,
		.chain_id = 1,
		.nonce = nonce,
		.gas_limit = 21000,
		.max_fee = gyr_u256_from_u64(100 * GWEI),
		.max_priority_fee = gyr_u256_from_u64(GWEI),
		.value = gyr_u256_from_u64(salt),
		.to = address(9),
	};
	uint64_t slot, first;
	size_t length;

	txn.r[31] = 1;
	txn.s[31] = 1;
	if (authority != 0) {
		writer = gyr_rlp_writer_over(tuple, sizeof tuple);
		gyr_txn_encode_authorization(&writer, &authorization);
		txn.type = GYR_TXN_SET_CODE;
		txn.authorizations = (struct gyr_slice){ tuple, (size_t)(writer.at - tuple) };
		txn.authorization_count = 1;
	}
	assert_true(gyr_intake_reserve(b->gate.intake, &slot));
	payload = gyr_intake_payload(b->gate.intake, slot);
	arrival = gyr_intake_arrival(b->gate.intake, slot);
	finding = gyr_intake_finding(b->gate.intake, slot);
	length = gyr_txn_encode(payload->raw, SLOT_SIZE - sizeof *payload, &txn);
	assert_int_equal(gyr_txn_parse(&payload->txn, (struct gyr_slice){ payload->raw, length },
				       &b->conf.rules),
			 GYR_VERDICT_OK);
	arrival->client_tag = 1000u * sender + nonce;
	arrival->receive_utc_ns = b->now_ns;
	arrival->expires_utc_ns = 0;
	arrival->raw_length = (uint32_t)length;
	arrival->pool_index = UINT32_MAX;
	arrival->session = 1;
	gyr_intake_publish(b->gate.intake);
	assert_int_equal(gyr_intake_claim(b->gate.intake, &first, 1), 1);
	finding->verdict = GYR_VERDICT_OK;
	finding->sender = address(sender);
	memset(&finding->transaction_hash, 0, sizeof finding->transaction_hash);
	finding->transaction_hash.bytes[0] = sender;
	finding->transaction_hash.bytes[1] = (uint8_t)nonce;
	finding->transaction_hash.bytes[2] = salt;
	if (authority != 0)
		*gyr_sequence_authorities(b->gate.intake, slot) = address(authority);
	gyr_intake_verified(b->gate.intake, slot);
}

/* Puts a verified transfer into the next slot. */
static inline void submit(struct bench *b, uint8_t sender, uint64_t nonce, uint8_t salt)
{
	submit_authorization(b, sender, nonce, salt, 0);
}

/* Polls; everything committed is durable at once. */
static inline unsigned poll(struct bench *b)
{
	int done = gyr_sequence_poll(b->sequence, &b->stalled, b->now_ns, b->now_ns, 64);

	assert_true(done >= 0);
	while (gyr_log_peek(b->log, GYR_LOG_READER_WAL) != NULL)
		gyr_log_advance(b->log, GYR_LOG_READER_WAL);
	gyr_log_release_to(b->log, GYR_LOG_READER_WAL, gyr_log_committed(b->log));
	return (unsigned)done;
}

static inline struct gyr_sequence_event next_event(struct bench *b)
{
	const struct gyr_sequence_event *event = gyr_spsc_peek(b->gate.events);
	struct gyr_sequence_event copy;

	assert_non_null(event);
	copy = *event;
	gyr_spsc_release(b->gate.events);
	return copy;
}

static inline void expect(struct bench *b, unsigned kind, unsigned verdict, uint64_t arrival)
{
	struct gyr_sequence_event event = next_event(b);

	assert_int_equal(event.kind, kind);
	assert_int_equal(event.verdict, verdict);
	assert_int_equal(event.arrival, arrival);
}

static inline void feed(struct bench *b, const struct gyr_feedback *feedback)
{
	*(struct gyr_feedback *)gyr_spsc_reserve(b->feedback) = *feedback;
	gyr_spsc_publish(b->feedback);
}

/* Execution's word on one transfer: the sender gets `returned` of its reservation back. */
static inline void executed(struct bench *b, uint64_t position, uint8_t sender, uint64_t nonce,
			    uint64_t returned, uint8_t verdict)
{
	feed(b, &(struct gyr_feedback){ .kind = GYR_FEEDBACK_TRANSACTION,
					.verdict = verdict,
					.status = 1,
					.address = address(sender),
					.nonce = nonce,
					.delta = gyr_u256_from_u64(returned),
					.position = position,
					.gas_limit = 21000,
					.gas_used = verdict == 0 ? 21000 : 0,
					.block_number = 1 });
}

#endif
