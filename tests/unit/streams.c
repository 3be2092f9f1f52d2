/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of tier 1's streams at its edges, and blocks that cost as much as a block can. */
#include "gyr_test.h"

#include "evm_rig.h"
#include "gyr_evm_streams.h"

enum { CONTRACT = 9, SENDER = 1, STEPS_MAX = 1000 };

static struct evm_rig rig;

static struct gyr_evm_streams *streams_of(void **memory,
					  const struct gyr_evm_streams_limits *limits)
{
	struct gyr_evm_streams *streams;
	struct gyr_arena arena;

	*memory = aligned_alloc(64, gyr_round_up(gyr_evm_streams_size(limits), 64));
	assert_non_null(*memory);
	arena = gyr_arena_over(*memory, gyr_evm_streams_size(limits));
	streams = gyr_evm_streams_init(&arena, limits);
	assert_non_null(streams);
	return streams;
}

/* Streams of one size that fill the ring to its last byte: the next begins at its first. */
static void a_full_ring_begins_again(void **state)
{
	static uint8_t bytes[64 + GYR_CODE_PADDING];
	static const uint8_t jumpdests[9];
	const struct gyr_keccak_ops *keccak = &gyr_keccak_portable;
	struct gyr_code codes[5];
	struct gyr_evm_streams_limits limits = { .bytes = gyr_evm_stream_size_max(64),
						 .count_max = 64,
						 .code_length_max = 64 };
	struct gyr_evm_streams *streams;
	uint64_t size;
	void *memory;

	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(codes); i++) {
		codes[i] =
			(struct gyr_code){ .bytes = bytes, .jumpdests = jumpdests, .length = 64 };
		keccak->hash(&codes[i].hash, &i, sizeof i);
	}
	memset(bytes, 0x60, 64);
	streams = streams_of(&memory, &limits);
	assert_int_equal(gyr_evm_streams_add(streams, &codes[0], GYR_FORK_OSAKA),
			 GYR_EVM_STREAMS_ADDED);
	size = gyr_evm_streams_count(streams).bytes_in_use;
	free(memory);

	limits.bytes = (limits.bytes / size + 1) * size;
	streams = streams_of(&memory, &limits);
	for (uint64_t i = 0; i < 3 * limits.bytes / size; i++) {
		codes[i % GYR_COUNT(codes)].stream = NULL;
		assert_int_equal(
			gyr_evm_streams_add(streams, &codes[i % GYR_COUNT(codes)], GYR_FORK_OSAKA),
			GYR_EVM_STREAMS_ADDED);
		assert_true((const uint8_t *)codes[i % GYR_COUNT(codes)].stream >=
			    (const uint8_t *)memory);
		assert_true((const uint8_t *)codes[i % GYR_COUNT(codes)].stream + size <=
			    (const uint8_t *)memory + gyr_evm_streams_size(&limits));
	}
	assert_true(gyr_evm_streams_count(streams).evicted > 0);
	free(memory);
}

/* Runs code, translated if there are streams, in the least slices; its gas, 0 for a failure. */
static uint64_t run(struct gyr_evm_streams *streams, const uint8_t *code, size_t length)
{
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_address sender = evm_rig_address(SENDER);
	struct gyr_txn txn = evm_rig_call(CONTRACT, 0, 1000000, none);
	enum gyr_stf_status status = GYR_STF_RUNNING;
	struct gyr_stf_receipt receipt;

	gyr_stf_reset(rig.stf, &rig.config);
	evm_rig_account(&rig, SENDER, 100, NULL, 0);
	evm_rig_account(&rig, CONTRACT, 0, code, length);
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	if (streams != NULL) {
		gyr_evm_streams_reset(streams);
		assert_int_equal(gyr_evm_streams_add_all(streams, gyr_stf_evm(rig.stf)), 1);
	}
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &txn, &sender), GYR_VERDICT_OK);
	for (unsigned i = 0; i < STEPS_MAX && status == GYR_STF_RUNNING; i++)
		status = gyr_stf_step(rig.stf, 1);
	assert_int_equal(status, GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	return receipt.success ? receipt.gas_used : 0;
}

/* Nearly as much as a block may cost, then a run of jump destinations: a slice must cover it. */
static void no_block_exceeds_a_slice(void **state)
{
	static uint8_t code[GYR_EVM_TRANSLATE_LENGTH_MAX];
	const struct gyr_evm_streams_limits limits = { .bytes = (size_t)8 << 20,
						       .count_max = 8,
						       .code_length_max = sizeof code };
	void *memory;
	struct gyr_evm_streams *streams = streams_of(&memory, &limits);

	(void)state;
	for (unsigned logs = 0; logs < 80; logs++) {
		memset(code, 0x5b, sizeof code);
		for (unsigned i = 0; i < logs; i++)
			memcpy(code + (size_t)3 * i, "\x5f\x5f\xa0", 3);
		assert_true(run(NULL, code, sizeof code) != 0);
		assert_true(run(streams, code, sizeof code) == run(NULL, code, sizeof code));
	}
	free(memory);
}

/*
 * Words on the stack, a run of jump destinations, and after it a jump to the end: its destination
 * needs room, however the run is entered.
 */
static void jumps_need_room_for_their_destination(void **state)
{
	uint8_t code[1200];
	const struct gyr_evm_streams_limits limits = { .bytes = (size_t)8 << 20,
						       .count_max = 8,
						       .code_length_max = sizeof code };
	void *memory;
	struct gyr_evm_streams *streams = streams_of(&memory, &limits);

	(void)state;
	for (unsigned words = 1020; words <= 1024; words++)
		for (unsigned count = 1; count <= 3; count++)
			for (unsigned jump = 0; jump < 2; jump++) {
				unsigned length = words, end;
				uint64_t used;

				memset(code, 0x5f, words);
				/* PUSH2 to the first of the run, JUMP: or run into it. */
				if (jump == 1) {
					code[length] = 0x61;
					code[length + 1] = (uint8_t)((words + 4) >> 8);
					code[length + 2] = (uint8_t)(words + 4);
					code[length + 3] = 0x56;
					length += 4;
				}
				memset(code + length, 0x5b, count);
				length += count;
				end = length + 5;
				code[length] = 0x61;
				code[length + 1] = (uint8_t)(end >> 8);
				code[length + 2] = (uint8_t)end;
				memcpy(code + length + 3, "\x56\xfe\x5b\x00", 4);
				used = run(NULL, code, end + 2);
				assert_true((used == 0) == (words == 1024));
				assert_true(run(streams, code, end + 2) == used);
			}
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_ring_begins_again),
		cmocka_unit_test(no_block_exceeds_a_slice),
		cmocka_unit_test(jumps_need_room_for_their_destination),
	};
	const struct gyr_stf_limits limits = gyr_stf_limits_of(2000000, 30000000, 4096, 4096);
	int failed;

	if (!evm_rig_init(&rig, &limits))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	evm_rig_fini(&rig);
	return failed;
}
