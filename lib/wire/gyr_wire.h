/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order-entry datagrams: walking one and building one. The messages themselves, with their encode
 * and decode, are in gyr_wire_order_entry.h, which the build makes from order_entry.toml; the
 * protocol document comes from there too (tools/protocol prints it).
 *
 * No state, no allocation, any thread. A datagram holds at most GYR_WIRE_DATAGRAM_MAX bytes, for
 * its header's length field has 16 bits.
 */
#ifndef GYR_WIRE_H
#define GYR_WIRE_H

#include "gyr_bytes.h"
#include "gyr_verdict.h"
#include "gyr_wire_order_entry.h"

#define GYR_WIRE_DATAGRAM_MAX 65535
/* Bytes of one CHUNK but the last of a transaction. */
#define GYR_WIRE_CHUNK_DATA_BYTES 1024
/* The longest transaction in chunks. */
#define GYR_WIRE_CHUNKED_MAX (128u << 10)

/* The verdict on a received datagram as a whole; *header holds when it is OK. */
static inline enum gyr_verdict gyr_wire_open(struct gyr_wire_header *header, const uint8_t *payload,
					     size_t length)
{
	if (GYR_UNLIKELY(length < GYR_WIRE_HEADER_BYTES))
		return GYR_VERDICT_MESSAGE_TRUNCATED;
	if (GYR_UNLIKELY(payload[0] != GYR_WIRE_VERSION))
		return GYR_VERDICT_VERSION;
	gyr_wire_header_load(header, payload);
	if (GYR_UNLIKELY(header->length != length))
		return GYR_VERDICT_MESSAGE_TRUNCATED;
	if (GYR_UNLIKELY(!gyr_wire_header_valid(payload)))
		return GYR_VERDICT_MESSAGE_FIELD;
	return GYR_VERDICT_OK;
}

/* One message as it lies in a datagram. */
struct gyr_wire_block {
	uint8_t type;  /* enum gyr_wire_message, or unknown */
	uint8_t flags; /* enum gyr_wire_block_bits */
	struct gyr_slice body;
};

/*
 * The message at *at (start with GYR_WIRE_HEADER_BYTES); advances *at. False at the end of the
 * datagram with *verdict OK, or with MESSAGE_TRUNCATED where a block runs over the end: nothing
 * behind it can be read then.
 */
static inline bool gyr_wire_next(struct gyr_wire_block *block, enum gyr_verdict *verdict,
				 size_t *at, const uint8_t *payload, size_t length)
{
	const uint8_t *from = payload + *at;
	size_t left = length - *at;
	size_t body_length;

	*verdict = GYR_VERDICT_OK;
	if (left == 0)
		return false;
	*verdict = GYR_VERDICT_MESSAGE_TRUNCATED;
	if (GYR_UNLIKELY(left < GYR_WIRE_BLOCK_BYTES))
		return false;
	body_length = gyr_load_be16(from + 2);
	if (GYR_UNLIKELY(body_length > left - GYR_WIRE_BLOCK_BYTES))
		return false;
	*block = (struct gyr_wire_block){
		.type = from[0],
		.flags = from[1],
		.body = { from + GYR_WIRE_BLOCK_BYTES, body_length },
	};
	*at += GYR_WIRE_BLOCK_BYTES + body_length;
	*verdict = GYR_VERDICT_OK;
	return true;
}

/* Writes the header of a complete datagram, whose length it takes from its argument. */
static inline void gyr_wire_seal(uint8_t *payload, size_t length, uint8_t flags, uint64_t session,
				 uint32_t client_sequence, uint32_t answer_sequence)
{
	const struct gyr_wire_header header = {
		.version = GYR_WIRE_VERSION,
		.flags = flags,
		.length = (uint16_t)length,
		.session = session,
		.client_sequence = client_sequence,
		.answer_sequence = answer_sequence,
	};

	gyr_assert(length >= GYR_WIRE_HEADER_BYTES && length <= GYR_WIRE_DATAGRAM_MAX);
	gyr_wire_header_store(payload, &header);
}

/* True when sequence a comes after b (RFC 1982, 32 bits). */
static inline bool gyr_wire_sequence_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

#endif
