/* SPDX-License-Identifier: Apache-2.0 */
/* Sending what is due; the device's room and REPAIRS_PER_FLUSH bound a turn's work. */
#include "table.h"

static bool send_sealed(struct gyr_session_table *table, struct session *session,
			struct gyr_netdev *device, uint32_t sequence, bool again)
{
	const struct sealed *sealed =
		&session->sealed[sequence & (table->conf.history_count_max - 1)];
	uint8_t *payload = gyr_netdev_reserve(device, &session->peer);

	if (payload == NULL)
		return false;
	gyr_assert(!gyr_wire_sequence_after(session->oldest, sequence) &&
		   sealed->start + sealed->length <= table->conf.history_bytes);
	memcpy(payload, session->history + sealed->start, sealed->length);
	gyr_assert(gyr_load_be32(payload + 16) == sequence);
	if (again)
		payload[1] |= GYR_WIRE_DATAGRAM_REPEATED;
	gyr_netdev_commit(device, sealed->length);
	table->counters.datagrams_sent++;
	return true;
}

/* Sends sealed datagrams for the first time; true when the device takes no more. */
static bool send_new(struct gyr_session_table *table, struct session *session,
		     struct gyr_netdev *device, unsigned *sent)
{
	for (; session->send_sequence != session->answer_sequence; session->send_sequence++) {
		if (!send_sealed(table, session, device, session->send_sequence, false))
			return true;
		*sent += 1;
	}
	return false;
}

/* Sends what was asked for again; true when the device takes no more. */
static bool send_again(struct gyr_session_table *table, struct session *session,
		       struct gyr_netdev *device, unsigned *sent)
{
	unsigned budget = REPAIRS_PER_FLUSH;

	while (session->range_count > 0 && budget-- > 0) {
		struct range *range = &session->ranges[0];
		/* New answers may have pushed the next one out since it was asked for. */
		bool kept = !gyr_wire_sequence_after(session->oldest, range->next);

		if (kept && !send_sealed(table, session, device, range->next, true))
			return true;
		*sent += kept;
		table->counters.rerequested += kept;
		range->next++;
		if (--range->count == 0) {
			session->range_count--;
			memmove(range, range + 1, session->range_count * sizeof *range);
		}
	}
	return false;
}

static bool due(const struct gyr_session_table *table, struct session *session, uint64_t now_ns,
		bool idle)
{
	if (session->pending_length == 0)
		return false;
	if (idle || session->urgent)
		return true;
	if (session->pending_since_ns == 0)
		session->pending_since_ns = now_ns;
	return now_ns >= session->pending_since_ns + (uint64_t)table->conf.hold_us * 1000;
}

static bool send_replies(struct gyr_session_table *table, struct gyr_netdev *device, unsigned *sent)
{
	while (table->reply_head != table->reply_tail) {
		const struct reply *reply = &table->replies[table->reply_head % REPLY_COUNT_MAX];
		uint8_t *payload = gyr_netdev_reserve(device, &reply->to);

		if (payload == NULL)
			return true;
		memcpy(payload, reply->bytes, reply->length);
		gyr_netdev_commit(device, reply->length);
		table->reply_head++;
		*sent += 1;
	}
	return false;
}

unsigned gyr_session_flush(struct gyr_session_table *table, struct gyr_netdev *device,
			   const struct gyr_netdev_time *time, bool idle)
{
	unsigned sent = 0;
	uint32_t kept = 0;
	uint32_t count = table->listed_count;
	bool full = send_replies(table, device, &sent);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = table->listed[i];
		struct session *session = &table->sessions[index];
		bool done;

		gyr_assert(session->listed && session->id != 0);
		/* What waits goes first: while the device takes nothing, answers go on sharing. */
		full = full || send_new(table, session, device, &sent);
		if (!full && due(table, session, time->now_ns, idle)) {
			answer_seal(table, session);
			full = send_new(table, session, device, &sent);
		}
		if (!full)
			full = send_again(table, session, device, &sent);
		done = session->pending_length == 0 && session->range_count == 0 &&
		       session->send_sequence == session->answer_sequence;
		if (!done) {
			table->listed[kept++] = index;
			continue;
		}
		session->listed = false;
		if (session->closing)
			session_close(table, session);
	}
	table->listed_count = kept;
	return sent;
}

bool gyr_session_drained(const struct gyr_session_table *table)
{
	return table->listed_count == 0 && table->reply_head == table->reply_tail;
}
