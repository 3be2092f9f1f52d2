/* SPDX-License-Identifier: Apache-2.0 */
/* What a datagram asks for. Every refusal has a code; how it is told depends on who is asking. */
#include "table.h"

#define WINDOW_BITS 64

/* What the handlers of one datagram share. */
struct visit {
	struct gyr_session_table *table;
	struct session *session;
	struct gyr_session_input *input;
	const struct gyr_netdev_time *time;
	uint16_t index; /* of the message */
};

/*
 * Queues one answer to an unproven address: never longer than what came from it, so that the sum
 * never is either.
 */
static void reply_unproven(struct gyr_session_table *table, const struct gyr_datagram *datagram,
			   uint8_t *bytes, size_t length, uint32_t client_sequence,
			   uint64_t session)
{
	struct reply *reply;

	if (length > datagram->length || table->reply_tail - table->reply_head == REPLY_COUNT_MAX) {
		table->counters.unproven_silent++;
		return;
	}
	reply = &table->replies[table->reply_tail++ % REPLY_COUNT_MAX];
	gyr_wire_seal(bytes, length, GYR_WIRE_DATAGRAM_FROM_GATE, session, client_sequence, 0);
	memcpy(reply->bytes, bytes, length);
	reply->length = (uint32_t)length;
	reply->to = datagram->peer;
	table->counters.bytes_unproven_out += length;
	gyr_assert(table->counters.bytes_unproven_out <= table->counters.bytes_unproven_in);
}

static void refuse_unproven(struct gyr_session_table *table, const struct gyr_datagram *datagram,
			    const struct gyr_wire_header *header, uint8_t type,
			    enum gyr_verdict verdict)
{
	uint8_t bytes[REPLY_BYTES_MAX];
	size_t length = GYR_WIRE_HEADER_BYTES;

	table->counters.refused++;
	length += gyr_wire_rejected_encode(bytes + length, sizeof bytes - length,
					   &(struct gyr_wire_rejected){
						   .code = (uint8_t)verdict,
						   .refused = type,
					   },
					   0);
	reply_unproven(table, datagram, bytes, length, header->client_sequence, header->session);
}

/* CHALLENGE, with REJECTED{COOKIE} before it where a cookie was given. */
static void challenge(struct gyr_session_table *table, const struct gyr_datagram *datagram,
		      const struct gyr_wire_header *header, const struct gyr_wire_hello *hello)
{
	uint8_t bytes[REPLY_BYTES_MAX];
	size_t length = GYR_WIRE_HEADER_BYTES;

	if (hello->cookie != 0) {
		table->counters.refused++;
		table->counters.cookie_bad++;
		length += gyr_wire_rejected_encode(bytes + length, sizeof bytes - length,
						   &(struct gyr_wire_rejected){
							   .code = GYR_VERDICT_COOKIE,
							   .refused = GYR_WIRE_HELLO,
						   },
						   0);
	}
	length += gyr_wire_challenge_encode(
		bytes + length, sizeof bytes - length,
		&(struct gyr_wire_challenge){
			.client_nonce = hello->client_nonce,
			.cookie_stamp = table->cookie_stamp,
			.cookie = cookie_make(table, table->cookie_stamp, &datagram->peer),
		},
		0);
	reply_unproven(table, datagram, bytes, length, header->client_sequence, 0);
}

static void welcome(struct gyr_session_table *table, const struct gyr_datagram *datagram,
		    const struct gyr_wire_header *header, const struct gyr_wire_hello *hello,
		    const struct gyr_netdev_time *time)
{
	uint32_t address_count;
	struct session *session = session_by_peer(table, &datagram->peer, &address_count);

	if (session != NULL && (session->closing || (session->nonce != hello->client_nonce &&
						     session->id != hello->last_session))) {
		session_close(table, session);
		session = NULL;
		address_count--;
	}
	if (session == NULL && address_count < table->conf.sessions_per_address)
		session = session_open(table, &datagram->peer, hello->client_nonce, time->now_ns);
	if (session == NULL) {
		refuse_unproven(table, datagram, header, GYR_WIRE_HELLO, GYR_VERDICT_SESSION_LIMIT);
		return;
	}
	session->heard_at_ns = time->now_ns;
	session->peer = datagram->peer; /* the link address may be new */
	answer_welcome(table, session, hello->client_nonce, time);
	if (hello->last_epoch != 0 && hello->last_epoch != current_epoch(table))
		answer_void(table, session, hello->last_epoch);
}

/* A datagram that belongs to no session: HELLO, or something to be refused. */
static void receive_unproven(struct gyr_session_table *table, const struct gyr_datagram *datagram,
			     const struct gyr_wire_header *header, enum gyr_verdict verdict,
			     const struct gyr_netdev_time *time)
{
	struct gyr_wire_block block = { 0 };
	struct gyr_wire_hello hello = { 0 };
	size_t at = GYR_WIRE_HEADER_BYTES;

	table->counters.bytes_unproven_in += datagram->length;
	if (verdict == GYR_VERDICT_OK && header->flags != 0)
		verdict = GYR_VERDICT_MESSAGE_FIELD;
	if (verdict == GYR_VERDICT_OK && header->session != 0)
		verdict = GYR_VERDICT_SESSION_UNKNOWN;
	if (verdict == GYR_VERDICT_OK) {
		if (!gyr_wire_next(&block, &verdict, &at, datagram->payload, datagram->length))
			verdict = GYR_VERDICT_MESSAGE_TRUNCATED;
		else if (block.type != GYR_WIRE_HELLO)
			verdict = GYR_VERDICT_SESSION_UNPROVEN;
		else
			verdict = gyr_wire_hello_decode(&hello, block.body.data, block.body.length);
	}
	if (verdict == GYR_VERDICT_OK && hello.cookie != 0 &&
	    table->cookie_stamp - hello.cookie_stamp < 2 &&
	    hello.cookie == cookie_make(table, hello.cookie_stamp, &datagram->peer)) {
		/* Proven: the shared bucket, which strangers may empty, is not asked. */
		welcome(table, datagram, header, &hello, time);
		return;
	}
	if (!bucket_take(&table->unproven, time->now_ns, 1)) {
		table->counters.unproven_limited++;
		return;
	}
	if (verdict == GYR_VERDICT_OK) {
		challenge(table, datagram, header, &hello);
	} else if (verdict == GYR_VERDICT_SESSION_UNKNOWN) {
		uint8_t bytes[REPLY_BYTES_MAX];
		size_t length = GYR_WIRE_HEADER_BYTES;

		/* Short, so that even a lone PING learns that its session is gone. */
		table->counters.refused++;
		length += gyr_wire_closed_encode(
			bytes + length, sizeof bytes - length,
			&(struct gyr_wire_closed){ .reason = (uint8_t)verdict }, 0);
		reply_unproven(table, datagram, bytes, length, header->client_sequence,
			       header->session);
	} else {
		refuse_unproven(table, datagram, header, block.type, verdict);
	}
}

/* The tag that an answer to this message names; 0 where the body is too short for one. */
static uint64_t tag_of(const struct gyr_wire_block *block)
{
	if (block->type == GYR_WIRE_REREQUEST)
		return block->body.length >= 4 ? gyr_load_be32(block->body.data) : 0;
	return block->body.length >= 8 ? gyr_load_be64(block->body.data) : 0;
}

static void refuse(struct visit *visit, const struct gyr_wire_block *block,
		   enum gyr_verdict verdict)
{
	visit->table->counters.refused++;
	answer_rejected(visit->table, visit->session,
			&(struct gyr_wire_rejected){
				.client_tag = block == NULL ? 0 : tag_of(block),
				.code = (uint8_t)verdict,
				.refused = block == NULL ? 0 : block->type,
				.detail = visit->index,
			});
}

static void hand_on(struct visit *visit, const struct gyr_submission *submission, uint8_t hint_kind,
		    struct gyr_slice hint)
{
	struct gyr_session_input *input = visit->input;
	struct gyr_submission *to = &input->submissions[input->submission_count];

	gyr_assert(input->submission_count < GYR_COUNT(input->submissions));
	*to = *submission;
	input->submission_count++;
	if (visit->table->conf.key_count_max > 0)
		key_select(visit->table, visit->session, to, hint_kind, hint);
	visit->table->counters.submissions++;
}

static enum gyr_verdict expiry(const struct visit *visit, uint64_t expires_at_ns)
{
	return expires_at_ns != 0 && expires_at_ns < visit->time->utc_ns ? GYR_VERDICT_EXPIRED
									 : GYR_VERDICT_OK;
}

static enum gyr_verdict take_submit(struct visit *visit, const struct gyr_slice *body)
{
	struct gyr_wire_submit message;
	enum gyr_verdict verdict = gyr_wire_submit_decode(&message, body->data, body->length);

	if (verdict == GYR_VERDICT_OK)
		verdict = expiry(visit, message.expires_at);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	if (message.raw.length > visit->table->conf.transaction_bytes_max)
		return GYR_VERDICT_TX_TOO_LONG;
	hand_on(visit,
		&(struct gyr_submission){
			.client_tag = message.client_tag,
			.expires_at_ns = message.expires_at,
			.raw = message.raw,
			.session = visit->session->handle,
			.answers = message.answers,
			.index = visit->index,
		},
		message.hint_kind, message.hint);
	return GYR_VERDICT_OK;
}

static enum gyr_verdict take_chunk_begin(struct visit *visit, const struct gyr_slice *body)
{
	struct gyr_wire_chunk_begin message;
	enum gyr_verdict verdict = gyr_wire_chunk_begin_decode(&message, body->data, body->length);

	if (verdict == GYR_VERDICT_OK)
		verdict = expiry(visit, message.expires_at);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	return chunk_begin(visit->table, visit->session, &message, visit->time->now_ns);
}

static enum gyr_verdict take_chunk(struct visit *visit, const struct gyr_slice *body)
{
	struct gyr_wire_chunk message;
	struct gyr_submission submission;
	enum gyr_verdict verdict = gyr_wire_chunk_decode(&message, body->data, body->length);
	bool complete;

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	verdict = chunk_add(visit->table, visit->session, &submission, &complete, &message,
			    visit->time->now_ns);
	if (verdict != GYR_VERDICT_OK || !complete)
		return verdict;
	verdict = expiry(visit, submission.expires_at_ns);
	if (verdict != GYR_VERDICT_OK)
		return verdict;
	submission.index = visit->index;
	hand_on(visit, &submission, GYR_WIRE_HINT_NONE, (struct gyr_slice){ NULL, 0 });
	return GYR_VERDICT_OK;
}

static enum gyr_verdict take_status(struct visit *visit, const struct gyr_slice *body)
{
	struct gyr_session_input *input = visit->input;
	struct gyr_session_query *query = &input->queries[input->query_count];
	struct gyr_wire_status message;
	enum gyr_verdict verdict = gyr_wire_status_decode(&message, body->data, body->length);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	gyr_assert(input->query_count < GYR_COUNT(input->queries));
	query->client_tag = message.client_tag;
	memcpy(query->hash.bytes, message.hash, sizeof message.hash);
	query->session = visit->session->handle;
	input->query_count++;
	visit->table->counters.queries++;
	return GYR_VERDICT_OK;
}

static enum gyr_verdict take_ping(struct visit *visit, const struct gyr_slice *body)
{
	struct gyr_wire_ping message;
	enum gyr_verdict verdict = gyr_wire_ping_decode(&message, body->data, body->length);

	if (verdict == GYR_VERDICT_OK)
		answer_pong(visit->table, visit->session, message.client_time, visit->time);
	return verdict;
}

static enum gyr_verdict take_rerequest(struct visit *visit, const struct gyr_slice *body)
{
	struct session *session = visit->session;
	struct gyr_wire_rerequest message;
	enum gyr_verdict verdict = gyr_wire_rerequest_decode(&message, body->data, body->length);

	if (verdict != GYR_VERDICT_OK)
		return verdict;
	/* The datagrams asked for count like messages sent. */
	if (!bucket_take(&session->bucket, visit->time->now_ns, message.count))
		return GYR_VERDICT_RATE_LIMITED;
	return answer_again(visit->table, session, message.first, message.count);
}

static enum gyr_verdict take(struct visit *visit, const struct gyr_wire_block *block)
{
	if (GYR_UNLIKELY(block->flags != 0))
		return GYR_VERDICT_MESSAGE_FIELD; /* the client's messages have no flags yet */
	switch (block->type) {
	case GYR_WIRE_SUBMIT:
		return take_submit(visit, &block->body);
	case GYR_WIRE_CHUNK_BEGIN:
		return take_chunk_begin(visit, &block->body);
	case GYR_WIRE_CHUNK:
		return take_chunk(visit, &block->body);
	case GYR_WIRE_STATUS:
		return take_status(visit, &block->body);
	case GYR_WIRE_PING:
		return take_ping(visit, &block->body);
	case GYR_WIRE_REREQUEST:
		return take_rerequest(visit, &block->body);
	case GYR_WIRE_HELLO:   /* only with session 0 */
	case GYR_WIRE_GOODBYE: /* without a body it was taken before */
		return GYR_VERDICT_MESSAGE_FIELD;
	default:
		return GYR_VERDICT_MESSAGE_UNKNOWN;
	}
}

/* Accounts for a client sequence; false: it came before, or is too old to tell. */
static bool count_sequence(struct gyr_session_table *table, struct session *session,
			   uint32_t sequence)
{
	uint32_t ahead = sequence - session->client_sequence;
	uint32_t behind = session->client_sequence - sequence;

	if (gyr_wire_sequence_after(sequence, session->client_sequence)) {
		session->client_window = ahead < WINDOW_BITS ? session->client_window << ahead | 1
							     : 1;
		session->client_sequence = sequence;
		session->missing += ahead - 1;
		table->counters.sequence_missing += ahead - 1;
		return true;
	}
	if (behind >= WINDOW_BITS || (session->client_window >> behind & 1) != 0) {
		session->repeated++;
		table->counters.sequence_repeated++;
		return false;
	}
	/* Late, not lost. */
	session->client_window |= 1ull << behind;
	if (session->missing > 0)
		session->missing--;
	if (table->counters.sequence_missing > 0)
		table->counters.sequence_missing--;
	return true;
}

static void receive_proven(struct visit *visit, const struct gyr_datagram *datagram)
{
	struct gyr_session_table *table = visit->table;
	struct session *session = visit->session;
	struct gyr_wire_block block;
	enum gyr_verdict verdict;
	size_t at = GYR_WIRE_HEADER_BYTES;

	for (; gyr_wire_next(&block, &verdict, &at, datagram->payload, datagram->length);
	     visit->index++) {
		if (visit->index == GYR_SESSION_MESSAGES_MAX) {
			refuse(visit, NULL, GYR_VERDICT_MESSAGE_FIELD);
			return;
		}
		table->counters.messages++;
		if (block.type == GYR_WIRE_GOODBYE && block.flags == 0 && block.body.length == 0) {
			session_close(table, session);
			return;
		}
		verdict = GYR_VERDICT_RATE_LIMITED;
		if (bucket_take(&session->bucket, visit->time->now_ns, 1))
			verdict = take(visit, &block);
		if (verdict == GYR_VERDICT_OK)
			continue;
		if (verdict == GYR_VERDICT_RATE_LIMITED) {
			session->limited++;
			table->counters.rate_limited++;
		}
		refuse(visit, &block, verdict);
	}
	if (verdict != GYR_VERDICT_OK)
		refuse(visit, NULL, verdict);
}

void gyr_session_receive(struct gyr_session_table *table, struct gyr_session_input *input,
			 const struct gyr_datagram *datagram, const struct gyr_netdev_time *time)
{
	struct gyr_wire_header header = { 0 };
	struct visit visit = { .table = table, .input = input, .time = time };
	enum gyr_verdict verdict = gyr_wire_open(&header, datagram->payload, datagram->length);

	input->submission_count = 0;
	input->query_count = 0;
	table->counters.datagrams++;
	if (table->complete_count > 0)
		chunk_recycle(table);
	/* A datagram that was cut still says whose it was. */
	if (verdict == GYR_VERDICT_VERSION)
		gyr_wire_header_load(&header, datagram->payload);
	visit.session = session_by_id(table, header.session, &datagram->peer);
	if (visit.session == NULL) {
		receive_unproven(table, datagram, &header, verdict, time);
		return;
	}
	if (verdict == GYR_VERDICT_OK && header.flags != 0)
		verdict = GYR_VERDICT_MESSAGE_FIELD;
	visit.session->heard_at_ns = time->now_ns;
	if (GYR_UNLIKELY(verdict != GYR_VERDICT_OK)) {
		if (bucket_take(&visit.session->bucket, time->now_ns, 1))
			refuse(&visit, NULL, verdict);
		return;
	}
	if (count_sequence(table, visit.session, header.client_sequence))
		receive_proven(&visit, datagram);
}
