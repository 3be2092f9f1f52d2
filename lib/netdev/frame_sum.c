/* SPDX-License-Identifier: Apache-2.0 */
#include "frame_layout.h"

/*
 * One's-complement addition does not care how wide the words are that are added (RFC 1071, 2(B)),
 * so 64-bit words are taken as two halves each; the halves' sums cannot overflow below 2^35 bytes.
 */
uint64_t frame_sum(uint64_t sum, const uint8_t *data, size_t length)
{
	uint64_t low = 0;
	uint64_t high = 0;

	for (; length >= 16; length -= 16, data += 16) {
		uint64_t a = gyr_load_le64(data);
		uint64_t b = gyr_load_le64(data + 8);

		low += (a & 0xffffffff) + (b & 0xffffffff);
		high += (a >> 32) + (b >> 32);
	}
	for (; length >= 4; length -= 4, data += 4)
		low += gyr_load_le32(data);
	if (length >= 2) {
		high += gyr_load_le16(data);
		data += 2;
		length -= 2;
	}
	if (length != 0)
		low += *data;
	return sum + low + high;
}
