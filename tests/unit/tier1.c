/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a translator to a register-style stream gets wrong first, each as a program with the value
 * that it must leave in slot 0; and translation in numbers: bounded output, refusal.
 */
#include "gyr_test.h"

#include <ctype.h>

#include "evm_rig.h"
#include "gyr_evm_streams.h"

enum { CONTRACT = 9, OTHER = 10, SENDER = 1, GAS = 300000, CODE_MAX = 4096 };

static struct evm_rig rig;
static struct gyr_evm_streams *streams;

struct code {
	uint8_t bytes[CODE_MAX];
	size_t length;
	size_t labels[128]; /* by letter */
	struct {
		size_t at;
		char label;
	} uses[64];
	unsigned use_count;
};

static void byte(struct code *code, unsigned value)
{
	assert_true(code->length < CODE_MAX);
	code->bytes[code->length++] = (uint8_t)value;
}

static void number(struct code *code, const char *text)
{
	uint64_t value = strtoull(text, NULL, 0);
	unsigned count = 1;

	while (count < 8 && value >> 8 * count != 0)
		count++;
	byte(code, 0x5f + count);
	while (count-- > 0)
		byte(code, (unsigned)(value >> 8 * count) & 0xff);
}

static void word(struct code *code, const char *text)
{
	size_t length = strlen(text);

	if (isdigit((unsigned char)text[0])) {
		number(code, text);
		return;
	}
	if (text[0] == '@') { /* where a label is */
		byte(code, 0x61);
		code->uses[code->use_count].at = code->length;
		code->uses[code->use_count++].label = text[1];
		byte(code, 0);
		byte(code, 0);
		return;
	}
	if (length == 2 && text[1] == ':') {
		code->labels[(unsigned)text[0]] = code->length;
		byte(code, 0x5b);
		return;
	}
	for (unsigned op = 0; op < 256; op++)
		if (gyr_evm_op_name((uint8_t)op) != NULL &&
		    strcmp(gyr_evm_op_name((uint8_t)op), text) == 0) {
			byte(code, op);
			return;
		}
	fail_msg("no such word: %s", text);
}

/* Words: opcodes; numbers, which are pushed; `a:`, a jump destination; `@a`, its pc pushed. */
static void assemble(struct code *code, const char *text)
{
	char one[72];
	int used;

	memset(code, 0, sizeof *code);
	for (; sscanf(text, "%71s%n", one, &used) == 1; text += used)
		word(code, one);
	for (unsigned i = 0; i < code->use_count; i++) {
		size_t at = code->uses[i].at, to = code->labels[(unsigned)code->uses[i].label];

		code->bytes[at] = (uint8_t)(to >> 8);
		code->bytes[at + 1] = (uint8_t)to;
	}
}

static struct gyr_stf_receipt run(bool translated, const struct code *code,
				  const struct code *other, int64_t slice)
{
	const struct gyr_slice none = { NULL, 0 };
	struct gyr_address sender = evm_rig_address(SENDER);
	struct gyr_txn txn = evm_rig_call(CONTRACT, 0, GAS, none);
	enum gyr_stf_status status;
	struct gyr_stf_receipt receipt;

	gyr_stf_reset(rig.stf, &rig.config);
	gyr_evm_streams_reset(streams);
	evm_rig_account(&rig, SENDER, 100, NULL, 0);
	evm_rig_account(&rig, CONTRACT, 0, code->bytes, code->length);
	evm_rig_account(&rig, OTHER, 0, other->bytes, other->length);
	evm_rig_seal(&rig);
	assert_true(evm_rig_block(&rig, 1));
	if (translated)
		assert_true(gyr_evm_streams_add_all(streams, gyr_stf_evm(rig.stf)) >= 1);
	assert_int_equal(gyr_stf_tx_begin(rig.stf, &txn, &sender), GYR_VERDICT_OK);
	while ((status = gyr_stf_step(rig.stf, slice)) == GYR_STF_RUNNING)
		;
	assert_int_equal(status, GYR_STF_DONE);
	assert_int_equal(gyr_stf_tx_end(rig.stf, &receipt), GYR_STF_DONE);
	return receipt;
}

static struct gyr_u256 slot(uint64_t key)
{
	struct gyr_address address = evm_rig_address(CONTRACT);
	struct gyr_u256 wide = gyr_u256_from_u64(key);

	return gyr_stf_slot_read(rig.stf, &address, &wide);
}

/* Both tiers, tier 1 also in the least slices, agree; the receipt of tier 1. */
static struct gyr_stf_receipt agree(const char *text, const char *other_text)
{
	static struct code code, other;
	struct gyr_stf_receipt plain, translated;
	struct gyr_u256 first, second;

	assemble(&code, text);
	assemble(&other, other_text);
	plain = run(false, &code, &other, INT64_MAX);
	first = slot(0);
	second = slot(1);
	for (unsigned i = 0; i < 2; i++) {
		struct gyr_u256 a, b;

		translated = run(true, &code, &other, i == 0 ? 1 : INT64_MAX);
		a = slot(0);
		b = slot(1);
		assert_int_equal(plain.success, translated.success);
		assert_int_equal(plain.gas_used, translated.gas_used);
		assert_memory_equal(&first, &a, sizeof a);
		assert_memory_equal(&second, &b, sizeof b);
	}
	return translated;
}

static void leaves_beside(const char *text, const char *other, uint64_t expected)
{
	struct gyr_u256 wide;

	assert_true(agree(text, other).success);
	wide = slot(0);
	assert_true(gyr_u256_fits_u64(&wide));
	assert_int_equal(wide.limb[0], expected);
}

static void leaves(const char *text, uint64_t expected)
{
	leaves_beside(text, "", expected);
}

static void fails(const char *text, enum gyr_evm_halt halt)
{
	struct gyr_stf_receipt receipt = agree(text, "");

	assert_false(receipt.success);
	assert_int_equal(receipt.halt, halt);
	assert_int_equal(receipt.gas_used, GAS);
}

static void words_move_in_circles(void **state)
{
	(void)state;
	/* Two change places between two blocks; the block is entered twice. */
	leaves("9 5 @a JUMP a: SWAP1 @b JUMP b: SWAP1 SWAP1 @c JUMP c: SUB 0 SSTORE", 4);
	/* Three in a circle: 1 2 3 to 3 1 2. */
	leaves("1 2 3 @a JUMP a: SWAP2 SWAP1 @b JUMP b: 100 MUL SWAP1 10 MUL ADD ADD 0 SSTORE",
	       213);
	/* A circle, one of whose words is wanted twice more, and constants around it. */
	leaves("1 2 3 @a JUMP a: 7 SWAP3 SWAP2 DUP1 DUP3 @b JUMP b: 10 MUL ADD 10 MUL ADD 10 MUL "
	       "ADD 10 MUL ADD 0 SSTORE",
	       32231);
	/* The condition lies where a word must go. */
	leaves("5 0 @a JUMP a: SWAP1 DUP1 SWAP2 @b JUMPI 0 b: POP 77 0 SSTORE STOP", 77);
	leaves("4 9 @a JUMP a: DUP2 DUP2 SWAP3 SWAP1 LT @b JUMPI 1 0 SSTORE STOP b: 2 0 SSTORE", 1);
}

static void results_lie_on_operands(void **state)
{
	(void)state;
	leaves("3 @a JUMP a: DUP1 MUL 0 SSTORE", 9);
	leaves("3 5 @a JUMP a: DUP1 SWAP2 SWAP1 SUB SWAP1 SUB 0 SSTORE", 3);
	/* A result must not go where a copy of the old word is still wanted. */
	leaves("6 @a JUMP a: DUP1 1 ADD SWAP1 10 MUL ADD 0 SSTORE", 67);
	leaves("6 7 @a JUMP a: DUP2 DUP2 ADD SWAP2 POP SWAP1 SUB 0 SSTORE", 6);
	leaves("2 3 5 @a JUMP a: DUP3 DUP3 DUP3 MULMOD SWAP3 ADDMOD 10 MUL ADD 0 SSTORE", 11);
}

static void jumps_of_all_kinds(void **state)
{
	(void)state;
	/* Nothing falls through a jump that is always taken. */
	leaves("1 @a JUMPI INVALID a: 8 0 SSTORE", 8);
	leaves("0 @a JUMPI 8 0 SSTORE STOP a: INVALID", 8);
	leaves("0 3 JUMPI 8 0 SSTORE", 8); /* to no destination, but not taken */
	fails("1 3 JUMPI 8 0 SSTORE", GYR_EVM_BAD_JUMP);
	fails("CALLER 3 JUMPI 8 0 SSTORE", GYR_EVM_BAD_JUMP);
	/* Destinations and conditions that only the run knows. */
	leaves("@a 0 MSTORE CALLER 0 MLOAD JUMPI INVALID a: 8 0 SSTORE", 8);
	leaves("@a 0 MSTORE CALLVALUE 0 MLOAD JUMPI 9 0 SSTORE STOP a: INVALID", 9);
	leaves("@a 0 MSTORE 3 4 0 MLOAD DUP3 DUP2 JUMPI INVALID a: POP SUB 0 SSTORE", 1);
	fails("CALLER JUMP", GYR_EVM_BAD_JUMP);
	fails("1 0 MSTORE 0 MLOAD JUMP", GYR_EVM_BAD_JUMP);
	/* A function that returns to two places. */
	leaves("@a 5 @f JUMP a: @b SWAP1 @f JUMP b: 0 SSTORE STOP f: 3 MUL SWAP1 JUMP", 45);
	/* Comparisons before a jump, negated once and twice, one of them wanted elsewhere. */
	leaves("1 CALLER GT ISZERO @a JUMPI 4 0 SSTORE STOP a: 5 0 SSTORE", 4);
	leaves("1 CALLER LT ISZERO ISZERO @a JUMPI 4 0 SSTORE STOP a: 5 0 SSTORE", 4);
	leaves("CALLER CALLVALUE SLT DUP1 ISZERO @a JUMPI 4 ADD 0 SSTORE STOP a: 5 ADD 0 SSTORE",
	       5);
	leaves("7 CALLVALUE DUP2 EQ ISZERO DUP1 @a JUMPI INVALID a: ADD 0 SSTORE", 8);
}

static void runs_of_destinations(void **state)
{
	(void)state;
	leaves("1 a: b: c: 0 SSTORE", 1);
	leaves("1 @b JUMP a: b: c: 0 SSTORE", 1);
	/* Over blocks that only jump on, with all that they cost; and the stack check that one of
	 * them makes. */
	leaves("1 @a JUMP b: @c JUMP a: @b JUMP c: 0 SSTORE GAS 1 SSTORE", 1);
	fails("a: @b JUMP b: @a JUMP", GYR_EVM_OUT_OF_GAS);
	fails("a: @a JUMP", GYR_EVM_OUT_OF_GAS);
}

static void gas_is_exact(void **state)
{
	(void)state;
	/* Between two reads: GAS, PUSH1, PUSH1, ADD, POP. */
	leaves("GAS 1 2 ADD POP GAS SWAP1 SUB 0 SSTORE", 2 + 3 + 3 + 3 + 2);
	leaves("GAS 0 MLOAD POP GAS SWAP1 SUB 0 SSTORE 1 2 MUL 3 ADD POP", 2 + 3 + 3 + 3 + 2);
	/* A constant power costs by its length, where it is computed and where not. */
	leaves("GAS 300 2 EXP POP GAS SWAP1 SUB 0 SSTORE", 2 + 3 + 3 + 10 + 100 + 2);
	leaves("GAS 70000 CALLER EXP POP GAS SWAP1 SUB 0 SSTORE", 2 + 3 + 2 + 10 + 150 + 2);
	leaves("GAS 5 CALLVALUE EXP POP GAS SWAP1 SUB 0 SSTORE", 2 + 3 + 2 + 10 + 50 + 2);
	leaves("GAS CALLER 2 EXP POP GAS SWAP1 SUB 0 SSTORE", 2 + 2 + 3 + 10 + 20 * 50 + 2);
	/* What the callee gets, and what the caller keeps. */
	leaves_beside("0 0 0 0 0 ADDRESS 1 ADD 1000 SWAP1 POP 0xa00000 POP ADDRESS 1 ADD 5000 CALL "
		      "POP GAS GAS SWAP1 SUB 0 SSTORE",
		      "GAS 0 SSTORE", 2);
}

static void stacks_have_limits(void **state)
{
	static char text[16384];
	size_t length;

	(void)state;
	for (unsigned count = 1020; count <= 1026; count++) {
		/* In one block, and with a jump in the middle. */
		for (unsigned split = 0; split < 2; split++) {
			length = 0;
			for (unsigned i = 0; i < count; i++)
				length += (size_t)sprintf(text + length, "%s",
							  split && i == 900 ? "PC a: " : "PC ");
			(void)agree(text, "");
			assert_int_equal(agree(text, "").success, count <= 1024);
		}
	}
	fails("a: PC @a JUMP", GYR_EVM_STACK_OVERFLOW);
	fails("POP", GYR_EVM_STACK_UNDERFLOW);
	fails("1 2 @a JUMP a: ADD ADD", GYR_EVM_STACK_UNDERFLOW);
	fails("1 @a JUMP a: SWAP1", GYR_EVM_STACK_UNDERFLOW);
	/* A block that needs what it must not: the check comes before its effects, unseen. */
	fails("5 0 SSTORE POP", GYR_EVM_STACK_UNDERFLOW);
}

static void code_ends_anywhere(void **state)
{
	struct code none = { .length = 0 }, cut = { .length = 0 };

	(void)state;
	leaves("5 0 SSTORE", 5);
	leaves("5 0 SSTORE a:", 5);
	leaves("5 0 SSTORE CALLVALUE 3 JUMPI", 5);
	leaves("5 0 SSTORE 0 0 0 0 0 0 CALLVALUE CALL", 5);
	/* A PUSH that the end cuts short reads zeros. */
	for (unsigned count = 1; count <= 32; count++) {
		assemble(&cut, "5 0 SSTORE");
		byte(&cut, 0x5f + count);
		for (unsigned i = 0; i + 1 < count; i++)
			byte(&cut, 0x5b);
		assert_true(run(true, &cut, &none, INT64_MAX).success);
	}
}

static void numbers_meet_their_reductions(void **state)
{
	static const char *const ops[] = { "ADD",  "MUL", "SUB",	"DIV", "SDIV", "MOD",
					   "SMOD", "EXP", "SIGNEXTEND", "LT",  "GT",   "SLT",
					   "SGT",  "EQ",  "AND",	"OR",  "XOR",  "BYTE",
					   "SHL",  "SHR", "SAR" };
	/* Constants, and the same made where the translator cannot see. */
	static const char *const numbers[] = {
		"0",
		"1",
		"2",
		"3",
		"31",
		"32",
		"64",
		"255",
		"256",
		"0x8000000000000000",
		"0xffffffffffffffff",
		"0 NOT",
		"1 255 SHL",
		"1 128 SHL",
		"3 SHL 0 NOT",
		"1 NOT",
	};
	char text[1024];

	(void)state;
	for (unsigned op = 0; op < GYR_COUNT(ops); op++)
		for (unsigned a = 0; a < GYR_COUNT(numbers); a++)
			for (unsigned b = 0; b < GYR_COUNT(numbers); b++) {
				if (a == 14 || b == 14)
					continue;
				/* Each operand known or not: four ways, one sum of differences. */
				(void)snprintf(text, sizeof text,
					       "%s CALLVALUE ADD %s CALLVALUE ADD %s "
					       "%s %s %s XOR "
					       "%s CALLVALUE ADD %s %s OR "
					       "%s %s CALLVALUE ADD %s OR 0 SSTORE",
					       numbers[a], numbers[b], ops[op], numbers[a],
					       numbers[b], ops[op], numbers[a], numbers[b], ops[op],
					       numbers[a], numbers[b], ops[op]);
				assert_true(agree(text, "").success);
			}
}

static void translation_is_bounded(void **state)
{
	static uint8_t bytes[GYR_EVM_TRANSLATE_LENGTH_MAX + GYR_CODE_PADDING];
	static uint8_t jumpdests[GYR_EVM_TRANSLATE_LENGTH_MAX / 8 + 1];
	struct gyr_code code = { .bytes = bytes,
				 .jumpdests = jumpdests,
				 .length = GYR_EVM_TRANSLATE_LENGTH_MAX };
	size_t size = gyr_evm_translator_size(GYR_EVM_TRANSLATE_LENGTH_MAX), stream;
	void *memory = aligned_alloc(64, gyr_round_up(size, 64));
	struct gyr_arena arena = gyr_arena_over(memory, size);
	struct gyr_evm_translator *translator =
		gyr_evm_translator_init(&arena, GYR_EVM_TRANSLATE_LENGTH_MAX);
	/* Every byte the same, or the same few again and again. */
	static const char *const patterns[] = {
		"\x5b",
		"\x80",
		"\x9f\x58",
		"\x01",
		"\x60",
		"\x5a",
		"\x55",
		"\x80\x5b",
		"\x81\x81\x5b",
		"\x9f\x9e\x9d\x58\x58\x5b",
		"\x54\x9f\x5b",
		"\x58\x56\x5b",
		"\x58\x58\x57",
		"\xf1",
		"\x0a\x58\x58",
		"\x16\x58\x9f",
		"\x5a\x9f\x5a\x90\x57\x58",
	};

	(void)state;
	assert_non_null(translator);
	for (unsigned op = 0; op < 256 + GYR_COUNT(patterns); op++) {
		for (unsigned i = 0; i < code.length; i++)
			bytes[i] = (uint8_t)op;
		if (op >= 256) {
			size_t length = strlen(patterns[op - 256]);

			for (unsigned i = 0; i < code.length; i++)
				bytes[i] = (uint8_t)patterns[op - 256][i % length];
		}
		gyr_code_analyse(jumpdests, bytes, code.length);
		stream = gyr_evm_translate(translator, &code, GYR_FORK_OSAKA);
		assert_true(stream > 0 && stream <= gyr_evm_stream_size_max(code.length));
	}
	code.length = 0;
	assert_int_equal(gyr_evm_translate(translator, &code, GYR_FORK_OSAKA), 0);
	code.length = GYR_EVM_TRANSLATE_LENGTH_MAX + 1;
	assert_int_equal(gyr_evm_translate(translator, &code, GYR_FORK_OSAKA), 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_move_in_circles),
		cmocka_unit_test(results_lie_on_operands),
		cmocka_unit_test(jumps_of_all_kinds),
		cmocka_unit_test(runs_of_destinations),
		cmocka_unit_test(gas_is_exact),
		cmocka_unit_test(stacks_have_limits),
		cmocka_unit_test(code_ends_anywhere),
		cmocka_unit_test(numbers_meet_their_reductions),
		cmocka_unit_test(translation_is_bounded),
	};
	const struct gyr_stf_limits limits = gyr_stf_limits_of(2000000, 30000000, 4096, 4096);
	const struct gyr_evm_streams_limits streams_limits = { .bytes = (size_t)8 << 20,
							       .count_max = 8,
							       .code_length_max = CODE_MAX };
	size_t size = gyr_evm_streams_size(&streams_limits);
	void *memory = aligned_alloc(64, gyr_round_up(size, 64));
	struct gyr_arena arena = gyr_arena_over(memory, size);
	int failed;

	streams = gyr_evm_streams_init(&arena, &streams_limits);
	if (streams == NULL || !evm_rig_init(&rig, &limits))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	evm_rig_fini(&rig);
	free(memory);
	return failed;
}
