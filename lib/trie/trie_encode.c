/* SPDX-License-Identifier: Apache-2.0 */
#include "trie_node.h"

#include "gyr_bytes.h"
#include "gyr_rlp.h"

#define LEAF_FLAG 2

/* Hex-prefix encoding (yellow paper, appendix C) of nibbles from..to; at most 33 bytes. */
static size_t encode_path(uint8_t *out, const uint8_t *key, unsigned from, unsigned to,
			  unsigned flag)
{
	size_t length = 1;

	out[0] = (uint8_t)(flag << 4);
	if ((to - from) % 2 != 0)
		out[0] |= (uint8_t)(0x10 | trie_nibble(key, from++));
	if (from % 2 == 0) {
		memcpy(out + 1, key + from / 2, (to - from) / 2);
		return 1 + (to - from) / 2;
	}
	for (; from < to; from += 2)
		out[length++] = (uint8_t)(trie_nibble(key, from) << 4 | trie_nibble(key, from + 1));
	return length;
}

size_t trie_encode_leaf(uint8_t *out, size_t out_size, const uint8_t *key, size_t key_length,
			unsigned from, struct gyr_slice value)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, out_size);
	uint8_t path[1 + GYR_TRIE_KEY_MAX];
	size_t path_length = encode_path(path, key, from, 2 * (unsigned)key_length, LEAF_FLAG);

	gyr_rlp_put_list(&writer, gyr_rlp_length_string(path, path_length) +
					  gyr_rlp_length_string(value.data, value.length));
	gyr_rlp_put_string(&writer, path, path_length);
	gyr_rlp_put_string(&writer, value.data, value.length);
	return (size_t)(writer.at - out);
}

size_t trie_encode_extension(uint8_t *out, const uint8_t *key, unsigned from, unsigned to,
			     const struct trie_item *below)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, TRIE_MESSAGE_MAX);
	uint8_t path[1 + GYR_TRIE_KEY_MAX];
	size_t path_length = encode_path(path, key, from, to, 0);
	size_t item_length = below->length == 32 ? 33 : below->length;

	gyr_rlp_put_list(&writer, gyr_rlp_length_string(path, path_length) + item_length);
	gyr_rlp_put_string(&writer, path, path_length);
	if (below->length == 32)
		gyr_rlp_put_string(&writer, below->bytes, 32);
	else
		gyr_rlp_put_raw(&writer, below->bytes, below->length);
	return (size_t)(writer.at - out);
}

/* The length of an encoded list below 56 bytes, from its first byte. */
static size_t embedded_length(const uint8_t *reference)
{
	return (size_t)reference[0] - 0xc0 + 1;
}

/* Length of the sixteen items, and of the value's. */
static size_t branch_content_length(struct trie_branch *branch, struct gyr_slice value)
{
	uint32_t nodes = branch->present & ((1u << TRIE_FANOUT) - 1);
	size_t count = (size_t)__builtin_popcount(nodes);
	size_t length = TRIE_FANOUT - count + 33 * count;

	for (uint32_t left = branch->embedded & nodes; left != 0; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);

		length += embedded_length(trie_reference(branch, trie_position(branch, slot)));
		length -= 33;
	}
	return length + gyr_rlp_length_string(value.data, value.length);
}

size_t trie_encode_branch(uint8_t *out, const struct gyr_trie_pool *pool,
			  struct trie_branch *branch)
{
	struct gyr_rlp_writer writer = gyr_rlp_writer_over(out, TRIE_MESSAGE_MAX);
	const uint8_t *reference = trie_reference(branch, 0);
	struct gyr_slice value = { NULL, 0 };
	uint8_t *at;

	if ((branch->present >> TRIE_VALUE_SLOT & 1) != 0) {
		unsigned position = trie_position(branch, TRIE_VALUE_SLOT);
		const struct trie_leaf *leaf = trie_leaf(pool, trie_children(branch)[position]);

		value = (struct gyr_slice){ leaf->value, leaf->value_length };
	}
	gyr_rlp_put_list(&writer, branch_content_length(branch, value));
	at = writer.at;
	for (unsigned slot = 0; slot < TRIE_FANOUT; slot++) {
		if ((branch->present >> slot & 1) == 0) {
			*at++ = 0x80;
			continue;
		}
		if ((branch->embedded >> slot & 1) != 0) {
			memcpy(at, reference, embedded_length(reference));
			at += embedded_length(reference);
		} else {
			*at++ = 0xa0;
			memcpy(at, reference, 32);
			at += 32;
		}
		reference += 32;
	}
	writer.at = at;
	gyr_rlp_put_string(&writer, value.data, value.length);
	return (size_t)(writer.at - out);
}

void trie_make_item(struct trie_item *out, const uint8_t *message, size_t length,
		    const struct gyr_keccak_ops *keccak)
{
	struct gyr_hash hash;

	if (length < 32) {
		memcpy(out->bytes, message, length);
		out->length = (uint8_t)length;
		return;
	}
	keccak->hash(&hash, message, length);
	memcpy(out->bytes, hash.bytes, 32);
	out->length = 32;
}
