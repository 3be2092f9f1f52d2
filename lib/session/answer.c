/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. A session's history is a ring of bytes; the pending datagram is built where it will
 * lie, so that sealing it is writing its header. Before a datagram is begun, the oldest ones make
 * room for the longest it can become.
 */
#include "table.h"

void answer_init(struct session *session)
{
	session->oldest = session->send_sequence = session->answer_sequence = 1;
	session->head = 0;
	session->pending_length = 0;
	session->durable_at = 0;
	session->pending_since_ns = 0;
}

void list_session(struct gyr_session_table *table, struct session *session)
{
	if (session->listed)
		return;
	session->listed = true;
	table->listed[table->listed_count++] = session_index(table, session);
	gyr_assert(table->listed_count <= table->conf.session_count_max);
}

static struct sealed *sealed_at(struct gyr_session_table *table, struct session *session,
				uint32_t sequence)
{
	return &session->sealed[sequence & (table->conf.history_count_max - 1)];
}

static void evict_oldest(struct gyr_session_table *table, struct session *session)
{
	if (session->send_sequence == session->oldest) {
		session->send_sequence++;
		table->counters.datagrams_unsent++;
	}
	session->oldest++;
}

/* Frees [head, head + payload_max) of the ring of bytes, and a row of the table of datagrams. */
static void begin(struct gyr_session_table *table, struct session *session)
{
	uint32_t need = table->payload_max;

	gyr_assert(session->pending_length == 0);
	if (table->conf.history_bytes - session->head < need) {
		/* What lies behind the head is older than what lies at 0. */
		while (session->oldest != session->answer_sequence &&
		       sealed_at(table, session, session->oldest)->start >= session->head)
			evict_oldest(table, session);
		session->head = 0;
	}
	while (session->oldest != session->answer_sequence) {
		const struct sealed *oldest = sealed_at(table, session, session->oldest);
		bool overlaps = oldest->start < session->head + need &&
				oldest->start + oldest->length > session->head;

		if (!overlaps &&
		    session->answer_sequence - session->oldest < table->conf.history_count_max)
			break;
		evict_oldest(table, session);
	}
	session->pending_length = GYR_WIRE_HEADER_BYTES;
	session->durable_at = 0;
	session->pending_since_ns = 0;
	list_session(table, session);
}

void answer_seal(struct gyr_session_table *table, struct session *session)
{
	uint32_t length = session->pending_length;

	gyr_assert(length > GYR_WIRE_HEADER_BYTES && length <= table->payload_max);
	gyr_assert(session->head + length <= table->conf.history_bytes);
	gyr_wire_seal(session->history + session->head, length, GYR_WIRE_DATAGRAM_FROM_GATE,
		      session->id, session->client_sequence, session->answer_sequence);
	*sealed_at(table, session, session->answer_sequence) =
		(struct sealed){ .start = session->head, .length = length };
	session->answer_sequence++;
	session->head += length;
	session->pending_length = 0;
	session->urgent = false;
}

uint8_t *answer_room(struct gyr_session_table *table, struct session *session, size_t *room)
{
	if (session->pending_length == 0)
		begin(table, session);
	*room = table->payload_max - session->pending_length;
	return session->history + session->head + session->pending_length;
}

void answer_done(struct gyr_session_table *table, struct session *session, size_t used, bool urgent)
{
	gyr_assert(used > 0 && session->pending_length + used <= table->payload_max);
	session->pending_length += (uint32_t)used;
	session->urgent |= urgent;
	table->counters.answers++;
}

/*
 * Defines queue_<name>: encodes one message into the pending datagram, or into the next one when
 * it is full. No message is longer than an empty datagram of PAYLOAD_MAX_MIN bytes.
 */
#define DEFINE_QUEUE(name)                                                                         \
	static void queue_##name(struct gyr_session_table *table, struct session *session,         \
				 const struct gyr_wire_##name *message, uint8_t flags,             \
				 bool urgent)                                                      \
	{                                                                                          \
		size_t room, used;                                                                 \
		uint8_t *at = answer_room(table, session, &room);                                  \
                                                                                                   \
		used = gyr_wire_##name##_encode(at, room, message, flags);                         \
		if (used == 0) {                                                                   \
			answer_seal(table, session);                                               \
			at = answer_room(table, session, &room);                                   \
			used = gyr_wire_##name##_encode(at, room, message, flags);                 \
		}                                                                                  \
		answer_done(table, session, used, urgent);                                         \
	}

DEFINE_QUEUE(welcome)
DEFINE_QUEUE(ordered)
DEFINE_QUEUE(durable)
DEFINE_QUEUE(executed)
DEFINE_QUEUE(skipped)
DEFINE_QUEUE(rejected)
DEFINE_QUEUE(status_reply)
DEFINE_QUEUE(pong)
DEFINE_QUEUE(void)
DEFINE_QUEUE(rate)
DEFINE_QUEUE(closed)
DEFINE_QUEUE(key)

/* The session that an answer goes to; NULL, counted, when it has ended. */
static struct session *addressee(struct gyr_session_table *table, uint32_t handle)
{
	struct session *session = session_by_handle(table, handle);

	if (GYR_UNLIKELY(session == NULL || session->closing)) {
		table->counters.answers_lost++;
		return NULL;
	}
	return session;
}

static void queue_watermark(struct gyr_session_table *table, struct session *session)
{
	const struct gyr_wire_durable message = {
		.epoch = current_epoch(table),
		.position = table->durable_position,
	};

	if (session->pending_length != 0 && session->durable_at != 0) {
		/* A watermark that has not left yet is moved in place. */
		uint8_t *at = session->history + session->head + session->durable_at;

		(void)gyr_wire_durable_encode(at, GYR_WIRE_BLOCK_BYTES + GYR_WIRE_DURABLE_BYTES,
					      &message, 0);
		return;
	}
	queue_durable(table, session, &message, 0, false);
	session->durable_at = session->pending_length - GYR_WIRE_BLOCK_BYTES -
			      GYR_WIRE_DURABLE_BYTES;
}

static void await_durable(struct gyr_session_table *table, struct session *session,
			  uint64_t position)
{
	if (position < table->durable_position) {
		queue_watermark(table, session);
		return;
	}
	if (!session->awaiting) {
		session->awaiting = true;
		session->awaited_first = session->awaited_last = position;
		table->awaiting[table->awaiting_count++] = session_index(table, session);
		return;
	}
	session->awaited_first = gyr_min_u64(session->awaited_first, position);
	session->awaited_last = gyr_max_u64(session->awaited_last, position);
}

void gyr_session_ordered(struct gyr_session_table *table, uint32_t handle,
			 const struct gyr_session_order *order)
{
	struct session *session = addressee(table, handle);

	if (session == NULL)
		return;
	if ((order->answers & GYR_WIRE_ANSWERS_ORDERED) != 0)
		queue_ordered(table, session,
			      &(struct gyr_wire_ordered){
				      .client_tag = order->client_tag,
				      .epoch = order->epoch,
				      .position = order->position,
				      .arrival = order->arrival,
				      .released_by = order->released_by,
				      .received_at = order->received_at_ns,
				      .received_error = order->received_error_ns,
				      .clock = order->clock,
			      },
			      order->again ? GYR_WIRE_BLOCK_AGAIN : 0, true);
	if ((order->answers & GYR_WIRE_ANSWERS_DURABLE) != 0)
		await_durable(table, session, order->position);
}

void gyr_session_durable(struct gyr_session_table *table, uint32_t epoch, uint64_t position)
{
	uint32_t kept = 0;

	gyr_assert(epoch == current_epoch(table) && position >= table->durable_position);
	table->durable_position = position;
	for (uint32_t i = 0; i < table->awaiting_count; i++) {
		struct session *session = &table->sessions[table->awaiting[i]];

		gyr_assert(session->awaiting);
		if (session->awaited_first < position && !session->closing)
			queue_watermark(table, session);
		if (session->awaited_last < position) {
			session->awaiting = false;
			continue;
		}
		/* Positions in between are not remembered: the next movement is told as well. */
		session->awaited_first = gyr_max_u64(session->awaited_first, position);
		table->awaiting[kept++] = table->awaiting[i];
	}
	table->awaiting_count = kept;
}

void gyr_session_executed(struct gyr_session_table *table, uint32_t handle,
			  const struct gyr_session_result *result)
{
	struct session *session = addressee(table, handle);
	struct gyr_wire_executed message = {
		.client_tag = result->client_tag,
		.epoch = result->epoch,
		.position = result->position,
		.status = result->status,
		.gas_used = result->gas_used,
		.block_number = result->block_number,
		.mini_block = result->mini_block,
	};

	if (session == NULL)
		return;
	memcpy(message.logs_hash, result->logs_hash.bytes, sizeof message.logs_hash);
	queue_executed(table, session, &message, result->early ? GYR_WIRE_BLOCK_EARLY : 0, false);
}

void gyr_session_skipped(struct gyr_session_table *table, uint32_t handle,
			 const struct gyr_session_result *result, enum gyr_verdict reason)
{
	struct session *session = addressee(table, handle);

	if (session == NULL)
		return;
	queue_skipped(table, session,
		      &(struct gyr_wire_skipped){
			      .client_tag = result->client_tag,
			      .epoch = result->epoch,
			      .position = result->position,
			      .reason = (uint8_t)reason,
			      .block_number = result->block_number,
		      },
		      result->early ? GYR_WIRE_BLOCK_EARLY : 0, false);
}

void answer_rejected(struct gyr_session_table *table, struct session *session,
		     const struct gyr_wire_rejected *rejected)
{
	gyr_assert(rejected->code != GYR_VERDICT_OK);
	queue_rejected(table, session, rejected, 0, true);
}

void gyr_session_rejected(struct gyr_session_table *table, uint32_t handle, uint64_t client_tag,
			  uint64_t arrival, enum gyr_verdict reason, const struct gyr_hash *hash)
{
	struct session *session = addressee(table, handle);

	if (session == NULL)
		return;
	answer_rejected(
		table, session,
		&(struct gyr_wire_rejected){
			.client_tag = client_tag,
			.arrival = arrival,
			.code = (uint8_t)reason,
			.refused = GYR_WIRE_SUBMIT,
			.hash = { hash == NULL ? NULL : hash->bytes, hash == NULL ? 0 : 32 },
		});
}

void gyr_session_status(struct gyr_session_table *table, uint32_t handle,
			const struct gyr_session_status *status)
{
	struct session *session = addressee(table, handle);
	struct gyr_wire_status_reply message = {
		.client_tag = status->client_tag,
		.state = status->state,
		.durable = status->durable,
		.reason = status->reason,
		.status = status->status,
		.epoch = status->epoch,
		.position = status->position,
		.arrival = status->arrival,
		.gas_used = status->gas_used,
		.block_number = status->block_number,
	};

	if (session == NULL)
		return;
	memcpy(message.hash, status->hash.bytes, sizeof message.hash);
	queue_status_reply(table, session, &message, 0, true);
}

void answer_welcome(struct gyr_session_table *table, struct session *session, uint64_t nonce,
		    const struct gyr_netdev_time *time)
{
	const struct gyr_session_conf *conf = &table->conf;

	queue_welcome(table, session,
		      &(struct gyr_wire_welcome){
			      .client_nonce = nonce,
			      .session = session->id,
			      .chain_id = conf->chain_id,
			      .utc = time->utc_ns,
			      .utc_error = time->utc_error_ns,
			      .epoch = current_epoch(table),
			      .datagram_bytes_max = (uint16_t)table->payload_max,
			      .messages_max = GYR_SESSION_MESSAGES_MAX,
			      .rate = conf->rate,
			      .burst = conf->burst,
			      .transaction_bytes_max = conf->transaction_bytes_max,
			      .chunked_bytes_max = GYR_WIRE_CHUNKED_MAX,
			      .chunked_max = (uint16_t)conf->chunked_per_session,
			      .chunk_timeout = (uint16_t)conf->chunk_timeout_ms,
			      .history_max = conf->history_count_max,
			      .idle_timeout = conf->idle_timeout_ms,
		      },
		      0, true);
}

void answer_void(struct gyr_session_table *table, struct session *session, uint32_t old_epoch)
{
	/* Void is what any later epoch cut off. Of an epoch too old to be known, everything may be.
	 */
	uint64_t position = UINT64_MAX;
	bool known = table->epoch_count != 0 && table->epochs[0].number <= old_epoch;

	for (unsigned i = 0; i < table->epoch_count; i++)
		if (table->epochs[i].number > old_epoch)
			position = gyr_min_u64(position, table->epochs[i].start_position);
	queue_void(table, session,
		   &(struct gyr_wire_void){
			   .old_epoch = old_epoch,
			   .new_epoch = current_epoch(table),
			   .position = known ? position : 0,
		   },
		   0, true);
}

void answer_pong(struct gyr_session_table *table, struct session *session, uint64_t client_time,
		 const struct gyr_netdev_time *time)
{
	queue_pong(table, session,
		   &(struct gyr_wire_pong){
			   .client_time = client_time,
			   .utc = time->utc_ns,
			   .utc_error = time->utc_error_ns,
			   .epoch = current_epoch(table),
		   },
		   0, true);
	queue_rate(table, session,
		   &(struct gyr_wire_rate){
			   .rate = table->conf.rate,
			   .burst = table->conf.burst,
			   .limited = session->limited,
			   .missing = session->missing,
			   .repeated = session->repeated,
		   },
		   0, true);
}

void answer_key(struct gyr_session_table *table, struct session *session, uint32_t index,
		const struct gyr_address *address)
{
	struct gyr_wire_key message = { .index = index };

	memcpy(message.address, address->bytes, sizeof message.address);
	queue_key(table, session, &message, 0, false);
	table->counters.keys_told++;
}

void answer_closed(struct gyr_session_table *table, struct session *session,
		   enum gyr_verdict reason)
{
	queue_closed(table, session, &(struct gyr_wire_closed){ .reason = (uint8_t)reason }, 0,
		     true);
	session->closing = true;
}

enum gyr_verdict answer_again(struct gyr_session_table *table, struct session *session,
			      uint32_t first, uint32_t count)
{
	enum gyr_verdict verdict = GYR_VERDICT_OK;

	if (session->range_count == RANGE_COUNT_MAX)
		return GYR_VERDICT_RATE_LIMITED;
	/* Only what was sent is missing; what was not is about to come. */
	if (!gyr_wire_sequence_after(session->send_sequence, first))
		return GYR_VERDICT_MESSAGE_FIELD;
	if (gyr_wire_sequence_after(session->oldest, first)) {
		uint32_t gone = session->oldest - first;

		verdict = GYR_VERDICT_HISTORY_GONE;
		first += gone;
		count -= gone < count ? gone : count;
	}
	if (count > session->send_sequence - first)
		count = session->send_sequence - first;
	if (count > 0) {
		session->ranges[session->range_count++] = (struct range){ first, count };
		list_session(table, session);
	}
	return verdict;
}
