/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw requests of 128 bytes each, up to a whole batch: every driver must answer as libsecp256k1,
 * and the known senders' check as recovery, for the key that the first request recovers to.
 */
#include "gyr_fuzz.h"

#include "gyr_err.h"
#include "gyr_known_ifma.h"
#include "gyr_recover_ifma.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"

#define RECORD sizeof(struct gyr_recover_request)

static alignas(64) uint8_t oracle_memory[1 << 20], ifma_memory[128 << 10], known_memory[4 << 20];
static struct gyr_known known;
static bool ready, ifma_usable;

static void make_ready(void)
{
	struct gyr_arena arena = gyr_arena_over(known_memory, sizeof known_memory);
	const struct gyr_known_conf conf = {
		.ops = &gyr_known_ifma_checked, .slot_count = 1, .lane_count = 1, .seed = { 9 }
	};

	gyr_assert(gyr_recover_secp256k1.init(oracle_memory, conf.seed) == 0);
	ifma_usable = gyr_recover_ifma.init(ifma_memory, conf.seed) == 0 &&
		      gyr_known_init(&known, &arena, &conf, &gyr_recover_secp256k1,
				     oracle_memory) == 0;
	gyr_err_clear();
	ready = true;
}

/* One at a time, by the kernel that spreads it over the lanes, with bounds asserted and without. */
static void check_alone(const struct gyr_recover_request *in, bool valid,
			const uint8_t expected_key[64])
{
	const struct gyr_recover_ops *ops[] = { &gyr_recover_ifma, &gyr_recover_ifma_checked };
	struct gyr_address address;
	uint8_t key[1][64];

	for (size_t i = 0; i < GYR_COUNT(ops); i++) {
		gyr_assert(ops[i]->batch(ifma_memory, &address, key, in, 1) == valid);
		gyr_assert(memcmp(key[0], expected_key, sizeof key[0]) == 0);
	}
}

static void check_known(const struct gyr_recover_request *in, unsigned count, uint64_t valid,
			uint8_t (*key)[64])
{
	unsigned first = (unsigned)__builtin_ctzll(valid);

	gyr_assert(known.ops->build(known.shared, known.tables, key[first]));
	for (unsigned at = 0; at < count; at += GYR_KNOWN_GROUP_MAX) {
		struct gyr_known_check check[GYR_KNOWN_GROUP_MAX] = { { .request = NULL } };
		enum gyr_known_answer answer[GYR_KNOWN_GROUP_MAX], unchecked[GYR_KNOWN_GROUP_MAX];
		unsigned group = count - at < GYR_KNOWN_GROUP_MAX ? count - at
								  : GYR_KNOWN_GROUP_MAX;

		for (unsigned i = 0; i < group; i++)
			check[i] = (struct gyr_known_check){ .request = &in[at + i],
							     .table = known.tables,
							     .nonce_y = in[at + i].reserved };
		gyr_known_check(&known, answer, check, group);
		gyr_known_ifma.check(known.shared, unchecked, check, group);
		gyr_assert(memcmp(answer, unchecked, group * sizeof answer[0]) == 0);
		for (unsigned i = 0; i < group; i++) {
			bool same = (valid >> (at + i) & 1) != 0 &&
				    memcmp(key[at + i], key[first], 64) == 0;

			gyr_assert((answer[i] == GYR_KNOWN_YES) == same);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gyr_recover_request in[GYR_RECOVER_BATCH_MAX];
	struct gyr_address expected[GYR_RECOVER_BATCH_MAX], address[GYR_RECOVER_BATCH_MAX];
	uint8_t expected_key[GYR_RECOVER_BATCH_MAX][64], key[GYR_RECOVER_BATCH_MAX][64];
	uint8_t portable_context[GYR_CACHE_LINE];
	unsigned count = (unsigned)(size / RECORD);
	uint64_t valid;

	if (!ready)
		make_ready();
	if (count == 0)
		return 0;
	count = count < GYR_RECOVER_BATCH_MAX ? count : GYR_RECOVER_BATCH_MAX;
	memcpy(in, data, count * RECORD);
	for (unsigned i = 0; i < count; i++)
		in[i].parity &= 7; /* most of a byte would be invalid for its parity alone */
	valid = gyr_recover_secp256k1.batch(oracle_memory, expected, expected_key, in, count);
	gyr_assert(gyr_recover_portable.batch(portable_context, address, key, in, count) == valid);
	gyr_assert(memcmp(key, expected_key, count * sizeof key[0]) == 0);
	if (!ifma_usable)
		return 0;
	gyr_assert(gyr_recover_ifma.batch(ifma_memory, address, key, in, count) == valid);
	gyr_assert(memcmp(key, expected_key, count * sizeof key[0]) == 0);
	gyr_assert(memcmp(address, expected, count * sizeof address[0]) == 0);
	gyr_assert(gyr_recover_ifma_checked.batch(ifma_memory, address, key, in, count) == valid);
	gyr_assert(memcmp(key, expected_key, count * sizeof key[0]) == 0);
	for (unsigned i = 0; i < count; i++)
		check_alone(&in[i], (valid >> i & 1) != 0, expected_key[i]);
	if (valid != 0)
		check_known(in, count, valid, expected_key);
	return 0;
}
