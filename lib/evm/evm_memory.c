/* SPDX-License-Identifier: Apache-2.0 */
#include "evm_frame.h"

uint64_t evm_memory_grow(struct gyr_evm *evm, struct gyr_evm_frame *frame, uint64_t size,
			 uint64_t end)
{
	uint64_t new_size = evm_words(end) * 32;

	if (new_size <= size)
		return size;
	if (new_size > (uint64_t)(evm->memory + evm->memory_size - frame->memory)) {
		/* Sized too small: the interpreter stops before the next instruction. */
		evm->fatal = true;
		new_size = (uint64_t)(evm->memory + evm->memory_size - frame->memory) / 32 * 32;
	}
	memset(frame->memory + size, 0, new_size - size);
	return new_size;
}

int64_t evm_borrow(struct gyr_evm *evm, int64_t gas)
{
	if (evm->withheld + gas < 0)
		return gas;
	evm->withheld += gas;
	return 0;
}

void evm_copy_padded(uint8_t *to, uint64_t size, const uint8_t *from, uint64_t from_size,
		     const struct gyr_u256 *offset)
{
	uint64_t start = gyr_u256_to_u64_saturating(offset), count = 0;

	if (start < from_size) {
		count = gyr_min_u64(size, from_size - start);
		memcpy(to, from + start, count);
	}
	if (count < size)
		memset(to + count, 0, size - count);
}

void evm_log(struct gyr_evm *evm, struct gyr_evm_frame *frame, unsigned topic_count)
{
	const struct gyr_u256 *sp = frame->sp;
	struct gyr_slice data = { .data = frame->memory, .length = sp[-1].limb[0] };
	struct gyr_evm_log *log;

	if (data.length != 0)
		data.data += sp[0].limb[0];
	log = gyr_state_log(evm->state, evm_self(frame), topic_count, data);
	if (log == NULL) {
		evm->fatal = true;
		return;
	}
	for (unsigned i = 0; i < topic_count; i++)
		gyr_u256_store_be(log->topics[i].bytes, &sp[-2 - (int)i]);
}
