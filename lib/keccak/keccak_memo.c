/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_keccak_memo.h"

bool gyr_keccak_memo_init(struct gyr_keccak_memo *memo, struct gyr_arena *arena,
			  const struct gyr_keccak_ops *keccak)
{
	size_t size = sizeof *memo->entries * GYR_KECCAK_MEMO_COUNT;

	*memo = (struct gyr_keccak_memo){ .keccak = keccak,
					  .entries = gyr_arena_carve(arena, size, 64) };
	if (memo->entries == NULL)
		return false;
	memset(memo->entries, 0, size);
	return true;
}

void gyr_keccak_memo_hash(struct gyr_keccak_memo *memo, struct gyr_hash *out, const uint8_t *input,
			  uint32_t owner)
{
	struct gyr_keccak_memo_entry *entry = gyr_keccak_memo_at(memo, input);

	if (GYR_LIKELY(gyr_keccak_memo_holds(entry, input))) {
		*out = entry->hash;
	} else {
		memo->keccak->hash(out, input, GYR_KECCAK_MEMO_INPUT);
		gyr_keccak_memo_put(entry, input, out);
		memo->missed_count++;
	}
	if (memo->noted_count < GYR_KECCAK_NOTED_MAX) {
		struct gyr_keccak_noted *noted = &memo->noted[memo->noted_count++];

		memcpy(noted->input, input, GYR_KECCAK_MEMO_INPUT);
		noted->hash = *out;
		noted->owner = owner;
	}
}
