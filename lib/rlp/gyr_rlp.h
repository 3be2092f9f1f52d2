/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RLP (Ethereum yellow paper, appendix B), strictly canonical. The decoder is an iterator over
 * slices: it reads one item's header, gives its content as a slice of the input, and never looks
 * deeper; a list is read by iterating over its content. No recursion, no copies, total on any
 * bytes. The encoder writes into a caller's buffer whose size the caller has computed from the
 * length functions. Freestanding, any thread.
 */
#ifndef GYR_RLP_H
#define GYR_RLP_H

#include "gyr_u256.h"
#include "gyr_verdict.h"

/* The longest header of an item: the prefix and eight bytes of length. */
#define GYR_RLP_HEADER_MAX 9

struct gyr_rlp_item {
	struct gyr_slice content; /* the bytes of a string, or the items of a list */
	struct gyr_slice raw;	  /* header and content */
	bool is_list;
};

/*
 * Takes the next item off the front of `rest`, which must not be empty. RLP_MALFORMED when the item
 * is cut short or its length overflows, RLP_NOT_CANONICAL when it has a shorter encoding; `rest` is
 * then unchanged.
 */
enum gyr_verdict gyr_rlp_next(struct gyr_rlp_item *out, struct gyr_slice *rest);

/* Like gyr_rlp_next, and asks for a list (or a string): RLP_MALFORMED for the other kind. */
enum gyr_verdict gyr_rlp_next_list(struct gyr_slice *content, struct gyr_slice *rest);
enum gyr_verdict gyr_rlp_next_string(struct gyr_slice *content, struct gyr_slice *rest);

/*
 * Like gyr_rlp_next_string for an unsigned integer: RLP_NOT_CANONICAL for a leading zero byte,
 * FIELD_RANGE when it needs more than 8 (or 32) bytes.
 */
enum gyr_verdict gyr_rlp_next_u64(uint64_t *out, struct gyr_slice *rest);
enum gyr_verdict gyr_rlp_next_u256(struct gyr_u256 *out, struct gyr_slice *rest);

/* Like gyr_rlp_next_string for a string of exactly `length` bytes: FIELD_RANGE otherwise. */
enum gyr_verdict gyr_rlp_next_fixed(void *out, size_t length, struct gyr_slice *rest);

/*
 * Checks that `data` is exactly one canonical item at every depth. Linear in its length, constant
 * memory.
 */
enum gyr_verdict gyr_rlp_validate(struct gyr_slice data);

/* The length of an encoding, in bytes: header and content. */
size_t gyr_rlp_length_string(const void *data, size_t length);
size_t gyr_rlp_length_u64(uint64_t value);
size_t gyr_rlp_length_u256(const struct gyr_u256 *value);

/* The length of a list whose items take `content_length` bytes. */
size_t gyr_rlp_length_list(size_t content_length);

/* A caller's buffer being filled. Writing beyond its end is a wrong program (asserted). */
struct gyr_rlp_writer {
	uint8_t *at;
	uint8_t *end;
};

static inline struct gyr_rlp_writer gyr_rlp_writer_over(void *buffer, size_t size)
{
	uint8_t *begin = buffer;

	return (struct gyr_rlp_writer){ .at = begin, .end = begin + size };
}

/* Writes a list's header; its items, content_length bytes in all, are to follow. */
void gyr_rlp_put_list(struct gyr_rlp_writer *writer, size_t content_length);
void gyr_rlp_put_string(struct gyr_rlp_writer *writer, const void *data, size_t length);
void gyr_rlp_put_u64(struct gyr_rlp_writer *writer, uint64_t value);
void gyr_rlp_put_u256(struct gyr_rlp_writer *writer, const struct gyr_u256 *value);

/* Appends bytes that are encoded already. */
void gyr_rlp_put_raw(struct gyr_rlp_writer *writer, const void *data, size_t length);

#endif
