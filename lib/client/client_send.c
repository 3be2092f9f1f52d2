/* SPDX-License-Identifier: Apache-2.0 */
#include "client_state.h"

/* Where the next message goes, with *room bytes; flushes a datagram that is full of messages. */
static uint8_t *room_for(struct gyr_client *client, size_t *room)
{
	if (client->messages >= client->messages_max && !gyr_client_flush(client))
		return NULL;
	if (client->length == 0)
		client->length = GYR_WIRE_HEADER_BYTES;
	*room = client->payload_max - client->length;
	return client->building + client->length;
}

static bool done(struct gyr_client *client, size_t used)
{
	client->length += (uint32_t)used;
	client->messages += used > 0;
	gyr_assert(client->length <= client->payload_max);
	return used > 0;
}

/* Defines add_<name>: appends a message, in a new datagram where it does not fit this one. */
#define DEFINE_ADD(name)                                                                           \
	static bool add_##name(struct gyr_client *client, const struct gyr_wire_##name *message)   \
	{                                                                                          \
		size_t room;                                                                       \
		uint8_t *at = room_for(client, &room);                                             \
                                                                                                   \
		if (at == NULL)                                                                    \
			return false;                                                              \
		if (done(client, gyr_wire_##name##_encode(at, room, message, 0)))                  \
			return true;                                                               \
		if (!gyr_client_flush(client))                                                     \
			return false;                                                              \
		at = room_for(client, &room);                                                      \
		return at != NULL && done(client, gyr_wire_##name##_encode(at, room, message, 0)); \
	}

DEFINE_ADD(submit)
DEFINE_ADD(chunk_begin)
DEFINE_ADD(chunk)
DEFINE_ADD(status)
DEFINE_ADD(ping)
DEFINE_ADD(rerequest)
DEFINE_ADD(goodbye)

bool gyr_client_flush(struct gyr_client *client)
{
	uint8_t *payload;

	if (client->messages == 0) {
		client->length = 0;
		return true;
	}
	payload = gyr_netdev_reserve(client->device, &client->conf.gate);
	if (payload == NULL) {
		client->counters.datagrams_refused++;
		return false;
	}
	gyr_wire_seal(client->building, client->length, 0, client->session, ++client->sequence,
		      client->answer_sequence);
	memcpy(payload, client->building, client->length);
	gyr_netdev_commit(client->device, client->length);
	(void)gyr_netdev_flush(client->device);
	client->counters.datagrams_sent++;
	client->length = client->messages = 0;
	return true;
}

bool client_send_hello(struct gyr_client *client)
{
	uint8_t *payload = gyr_netdev_reserve(client->device, &client->conf.gate);
	size_t length = GYR_WIRE_HEADER_BYTES;

	if (payload == NULL)
		return false;
	length += gyr_wire_hello_encode(payload + length,
					GYR_WIRE_BLOCK_BYTES + GYR_WIRE_HELLO_BYTES,
					&(struct gyr_wire_hello){
						.client_nonce = client->nonce,
						.last_epoch = client->epoch,
						.cookie_stamp = client->cookie_stamp,
						.cookie = client->cookie,
					},
					0);
	gyr_wire_seal(payload, length, 0, 0, 0, 0);
	gyr_netdev_commit(client->device, (uint32_t)length);
	(void)gyr_netdev_flush(client->device);
	client->counters.hellos++;
	return true;
}

bool client_send_ping(struct gyr_client *client, uint64_t now_ns)
{
	return add_ping(client, &(struct gyr_wire_ping){ .client_time = now_ns }) &&
	       gyr_client_flush(client);
}

bool client_send_rerequest(struct gyr_client *client, uint32_t first, uint32_t count)
{
	client->counters.rerequests++;
	return add_rerequest(client,
			     &(struct gyr_wire_rerequest){ .first = first, .count = count }) &&
	       gyr_client_flush(client);
}

static bool submit_chunks(struct gyr_client *client, const struct gyr_client_submission *submission)
{
	struct gyr_wire_chunk_begin begin = {
		.client_tag = submission->client_tag,
		.expires_at = submission->expires_at_ns,
		.answers = submission->answers,
		.raw_length = (uint32_t)submission->raw.length,
	};
	struct gyr_wire_chunk chunk = { .client_tag = submission->client_tag };

	memcpy(begin.hash, submission->hash.bytes, sizeof begin.hash);
	if (!add_chunk_begin(client, &begin))
		return false;
	while (chunk.offset < submission->raw.length) {
		chunk.data.data = submission->raw.data + chunk.offset;
		chunk.data.length = gyr_min_u64(GYR_WIRE_CHUNK_DATA_BYTES,
						submission->raw.length - chunk.offset);
		if (!add_chunk(client, &chunk))
			return false; /* the gate forgets the rest in time */
		chunk.offset += (uint32_t)chunk.data.length;
	}
	return true;
}

bool gyr_client_submit(struct gyr_client *client, const struct gyr_client_submission *submission)
{
	const size_t around = GYR_WIRE_HEADER_BYTES + GYR_WIRE_BLOCK_BYTES + GYR_WIRE_SUBMIT_BYTES;
	size_t length = submission->raw.length + submission->hint.length;

	if (client->phase != CLIENT_CONNECTED || submission->raw.length == 0 ||
	    submission->raw.length > GYR_WIRE_CHUNKED_MAX)
		return false;
	if (length + around > client->payload_max ||
	    submission->raw.length > client->transaction_max)
		return submit_chunks(client, submission);
	return add_submit(client, &(struct gyr_wire_submit){
					  .client_tag = submission->client_tag,
					  .expires_at = submission->expires_at_ns,
					  .answers = submission->answers,
					  .hint_kind = submission->hint_kind,
					  .hint = submission->hint,
					  .raw = submission->raw,
				  });
}

void gyr_client_hint(struct gyr_client_submission *submission, uint8_t room[GYR_CLIENT_HINT_MAX],
		     uint32_t key_index, const uint8_t *nonce)
{
	size_t length = 0;

	submission->hint_kind = GYR_WIRE_HINT_NONE;
	if (key_index != GYR_CLIENT_NO_KEY) {
		gyr_store_be32(room, key_index);
		length = 4;
		submission->hint_kind = GYR_WIRE_HINT_KNOWN_KEY;
	}
	if (nonce != NULL) {
		memcpy(room + length, nonce, GYR_CLIENT_NONCE_BYTES);
		length += GYR_CLIENT_NONCE_BYTES;
		submission->hint_kind = submission->hint_kind == GYR_WIRE_HINT_NONE
						? GYR_WIRE_HINT_RECOVERY
						: GYR_WIRE_HINT_BOTH;
	}
	submission->hint = (struct gyr_slice){ room, length };
}

bool gyr_client_status(struct gyr_client *client, uint64_t client_tag, const struct gyr_hash *hash)
{
	struct gyr_wire_status message = { .client_tag = client_tag };

	if (client->phase != CLIENT_CONNECTED)
		return false;
	memcpy(message.hash, hash->bytes, sizeof message.hash);
	return add_status(client, &message);
}

void gyr_client_close(struct gyr_client *client)
{
	if (client->phase == CLIENT_CONNECTED) {
		(void)add_goodbye(client, &(struct gyr_wire_goodbye){ 0 });
		(void)gyr_client_flush(client);
	}
	client->phase = CLIENT_CLOSED;
}
