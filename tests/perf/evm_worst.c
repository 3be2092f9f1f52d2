/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dearest gas: programs that an adversary would choose, each run with the gas of a whole
 * transaction until it is used up, in both tiers; the highest ns per gas is what bounds a block's
 * time. Then analysis and translation of hostile code at n, 2 n and 4 n bytes: ns per byte must not
 * grow with the length.
 *
 * The thread's CPU time, the least of a few runs, commit or revert of the transaction included.
 * Keys of storage and accounts are new ones each time, among a hundred thousand. Precompiles are
 * the portable ones here: perf_precompile has every accelerator.
 */
#include "gyr_perf.h"

#include <string.h>

#include "gyr_accel_keccak_simd.h"

#define EVM_RIG_KECCAK gyr_accel_keccak_simd()
#include "evm_rig.h"
#include "gyr_evm_streams.h"

#define TX_GAS	    16000000
#define CODE_MAX    24576
#define REPEATS	    3
#define RUNS	    5
#define SLOTS_KNOWN 100000

struct program {
	const char *name;
	const char *prologue; /* hexadecimal */
	const char *body;     /* repeated, then a jump back to its first */
	unsigned times;	      /* 0: as often as code has room */
};

static const struct program programs[] = {
	{ "JUMPDEST", "", "5b", 0 },
	{ "JUMP to the next", "", NULL, 0 }, /* written by hand below */
	{ "PUSH32 and POP", "",
	  "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff50", 0 },
	{ "DUP16, SWAP16, POP",
	  "60016002600360046005600660076008600960106011601260136014601560166017", "8f9f50", 0 },
	{ "ADD", "5f1960015f19", "8101", 0 },
	{ "MUL", "5f195f19", "8102", 0 },
	{ "DIV", "6801000000000000000a5f19", "81810450", 0 },
	{ "SDIV", "6801000000000000000a5f19", "81810550", 0 },
	{ "MOD of 256 by 129 bits", "7001000000000000000000000000000000035f19", "81810650", 0 },
	{ "ADDMOD", "5f19600219", "8082800850", 0 },
	{ "MULMOD, full width", "5f19600219", "8082800950", 0 },
	{ "EXP, 32 bytes", "5f19600319", "81810a50", 0 },
	{ "SIGNEXTEND", "601f", "5f0b", 0 },
	{ "BYTE, SHL, SAR", "5f19", "80601f1a6003 1b60021d50", 0 },
	{ "KECCAK256 of 0 bytes", "", "5f5f2050", 0 },
	{ "KECCAK256 of 32 bytes", "5f515f52", "60205f205f52", 0 },
	{ "KECCAK256 of 64 bytes, new each time", "", "60405f205f52", 0 },
	{ "KECCAK256 of 100 KB", "5f620186a052", "620186a05f2050", 0 },
	{ "MSTORE beyond the end", "", "5f5952", 0 },
	{ "MSTORE8 over 1 MB, a page apart", "5f620fffff535f", "61100001620fffff16808053", 0 },
	{ "MLOAD", "", "5f5150", 0 },
	{ "MCOPY of 32 KB", "5f61ffff52", "618000600161 00005e", 0 },
	{ "CALLDATACOPY of 32 KB from nothing", "5f61800052", "6180005f5f37", 0 },
	{ "CODECOPY of 24 KB", "5f61800052", "6160005f5f39", 0 },
	{ "EXTCODECOPY of 24 KB", "5f61800052", "6160005f5f303c", 0 },
	{ "SLOAD, warm", "5f54", "5f5450", 0 },
	{ "SLOAD, cold, absent", "32315f52", "60205f20805f525450", 0 },
	{ "SLOAD, cold, present", "3231", "60010180620186a090065450", 0 },
	{ "SSTORE, warm, back and forth", "", "60015f555f5f55", 0 },
	{ "SSTORE, new", "3231", "60010160018155", 0 },
	{ "TSTORE, new", "5f", "6001016001815d", 0 },
	{ "BALANCE, cold, absent", "32315f52", "60205f20805f523150", 0 },
	{ "EXTCODEHASH, warm", "303f", "303f50", 0 },
	{ "LOG4 of nothing", "", "5f5f5f5f5f5fa4", 0 },
	{ "LOG0 of 8 KB", "5f61200052", "6120005fa0", 0 },
	{ "STATICCALL of an empty account", "", "5f5f5f5f61abcd5afa50", 0 },
	{ "CALL of itself, as deep as gas goes", "", "5f5f5f5f5f305af150", 0 },
	{ "STATICCALL of identity, 0 bytes", "", "5f5f5f5f60045afa50", 0 },
	{ "STATICCALL of identity, 32 KB", "5f61800052", "5f5f6180005f60045afa50", 0 },
	{ "STATICCALL of sha256, 1 byte", "", "5f5f60015f60025afa50", 0 },
	{ "STATICCALL of ripemd160, 1 byte", "", "5f5f60015f60035afa50", 0 },
	{ "STATICCALL of ecrecover, garbage",
	  "601b602052600160405260016060525f60605260016060526001604052", "5f5f60805f60015afa50", 0 },
	{ "STATICCALL of bn254 add, infinity", "", "5f5f60805f60065afa50", 0 },
	{ "STATICCALL of bn254 pairing, nothing", "", "5f5f5f5f60085afa50", 0 },
	{ "STATICCALL of blake2f, 0 rounds", "", "5f5f60d55f60095afa50", 0 },
	{ "STATICCALL of modexp, nothing", "", "5f5f60605f60055afa50", 0 },
	{ "CREATE of nothing", "", "5f5f5ff050", 0 },
	{ "CREATE from 48 KB of zeros", "5f61c00052", "61c0005f5ff050", 0 },
	{ "CREATE from 48 KB of JUMPDEST",
	  "7f5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5f5260205f60205e60405f"
	  "60405e"
	  "60805f60805e6101005f6101005e6102005f6102005e6104005f6104005e6108005f6108005e6110005f6110"
	  "005e"
	  "6120005f6120005e6140005f6140005e6140005f6180005e60005f53",
	  "61c0005f5ff050", 0 },
	{ "SELFBALANCE", "", "4750", 0 },

	{ "GAS", "", "5a50", 0 },
};

struct row {
	double ns_per_gas[2];
	enum gyr_evm_halt halt;
};

static uint8_t code[CODE_MAX];

static size_t put_hex(uint8_t *out, const char *text)
{
	size_t length = 0;

	for (unsigned high = 0, filled = 0; *text != '\0'; text++) {
		unsigned digit = (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);

		if (*text == ' ')
			continue;
		if (filled)
			out[length++] = (uint8_t)(high << 4 | digit);
		high = digit;
		filled = !filled;
	}
	return length;
}

/* Every block is a jump to the next. */
static size_t jump_chain(void)
{
	size_t at = 0;

	while (at + 10 < CODE_MAX) {
		size_t next = at + 5;

		code[at] = 0x5b;
		code[at + 1] = 0x61;
		gyr_store_be16(code + at + 2, (uint16_t)next);
		code[at + 4] = 0x56;
		at = next;
	}
	(void)put_hex(code + at, "5b5f56");
	return at + 3;
}

static size_t assemble(const struct program *program)
{
	uint8_t body[256];
	size_t at, loop, length;

	if (program->body == NULL)
		return jump_chain();
	loop = at = put_hex(code, program->prologue);
	code[at++] = 0x5b;
	length = put_hex(body, program->body);
	for (unsigned i = 0; program->times == 0 || i < program->times; i++) {
		/* A thousand blocks' worth of stack is left for what a body leaves behind. */
		if (at + length + 8 > CODE_MAX || i == 700)
			break;
		memcpy(code + at, body, length);
		at += length;
	}
	code[at++] = 0x61;
	gyr_store_be16(code + at, (uint16_t)loop);
	code[at + 2] = 0x56;
	return at + 3;
}

/* Nanoseconds per gas of one transaction that uses its gas up, or ends before. */
static double run(struct evm_rig *rig, enum gyr_evm_halt *halt, uint64_t nonce)
{
	struct gyr_txn txn = evm_rig_call(1, nonce, TX_GAS, (struct gyr_slice){ NULL, 0 });
	struct gyr_address sender = evm_rig_address(0xee);
	struct gyr_stf_receipt receipt;
	uint64_t begun_ns = gyr_perf_now_ns();

	if (gyr_stf_tx_begin(rig->stf, &txn, &sender) != GYR_VERDICT_OK)
		abort();
	while (gyr_stf_step(rig->stf, 1000000) == GYR_STF_RUNNING)
		;
	if (gyr_stf_tx_end(rig->stf, &receipt) != GYR_STF_DONE)
		abort();
	*halt = receipt.halt;
	return (double)(gyr_perf_now_ns() - begun_ns) / (double)receipt.gas_used;
}

static void translate(struct evm_rig *rig)
{
	const struct gyr_evm_streams_limits limits = { .bytes = 16u << 20,
						       .count_max = 16,
						       .code_length_max = CODE_MAX };
	static void *memory;
	size_t size = gyr_evm_streams_size(&limits);
	struct gyr_evm_streams *streams;
	struct gyr_arena arena;

	if (memory == NULL)
		memory = malloc(size);
	if (memory == NULL)
		abort();
	arena = gyr_arena_over(memory, size);
	streams = gyr_evm_streams_init(&arena, &limits);
	gyr_evm_streams_reader(streams, gyr_stf_evm(rig->stf));
	(void)gyr_evm_streams_add_all(streams, gyr_stf_evm(rig->stf));
}

static struct row measure(const struct program *program)
{
	struct gyr_stf_limits limits = gyr_stf_limits_of(TX_GAS, 1000000000, 1000000, 1000000);
	size_t length = assemble(program);
	struct gyr_address contract = evm_rig_address(1);
	struct row row = { .ns_per_gas = { 1e9, 1e9 } };
	struct evm_rig rig;
	uint64_t nonce = 0;

	if (!evm_rig_init(&rig, &limits))
		abort();
	evm_rig_account(&rig, 1, 1, code, length);
	evm_rig_account(&rig, 0xee, 1000000000, NULL, 0);
	for (uint64_t i = 0; strstr(program->name, "present") != NULL && i < SLOTS_KNOWN; i++) {
		struct gyr_u256 key = gyr_u256_from_u64(i), one = gyr_u256_from_u64(1);

		if (!gyr_stf_genesis_slot(rig.stf, &contract, &key, &one))
			abort();
	}
	evm_rig_seal(&rig);
	if (!evm_rig_block(&rig, 1))
		abort();
	for (unsigned tier = 0; tier < 2; tier++) {
		for (unsigned i = 0; i < RUNS; i++) {
			double ns = run(&rig, &row.halt, nonce++);

			if (i > 0 && ns < row.ns_per_gas[tier])
				row.ns_per_gas[tier] = ns;
		}
		translate(&rig);
	}
	evm_rig_fini(&rig);
	return row;
}

static void print_worst(const struct row *rows)
{
	for (unsigned tier = 0; tier < 2; tier++) {
		size_t worst = 0;

		for (size_t i = 1; i < GYR_COUNT(programs); i++)
			if (rows[i].ns_per_gas[tier] > rows[worst].ns_per_gas[tier])
				worst = i;
		printf("tier %u: highest %.3f ns per gas (%s): 30 Mgas take %.0f ms\n", tier,
		       rows[worst].ns_per_gas[tier], programs[worst].name,
		       30 * rows[worst].ns_per_gas[tier]);
	}
}

/* Code of which every byte is hostile to an analysis or a translation. */
static const struct {
	const char *name;
	const char *unit;
} hostile[] = {
	{ "JUMPDEST", "5b" },
	{ "PUSH1 JUMPDEST", "605b" },
	{ "PUSH32 of JUMPDEST",
	  "7f5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b" },
	{ "DUP1", "80" },
	{ "PUSH0", "5f" },
	{ "JUMPDEST PUSH0 JUMPI", "5b5f57" },
	{ "JUMPDEST PUSH1 0 JUMP", "5b600056" },
	{ "SWAP1 to SWAP16", "909192939495969798999a9b9c9d9e9f" },
	{ "PUSH0 x 16, SWAP16, JUMPDEST", "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f9f5b" },
	{ "MUL of constants", "600360050260070260090250" },
	{ "EXP of constants", "60ff60ff0a50" },
	{ "MLOAD MSTORE", "5f515f52" },
	{ "GAS POP", "5a50" },
	{ "STOP", "00" },
};

static void linear(void)
{
	static uint8_t bytes[CODE_MAX + GYR_CODE_PADDING], jumpdests[CODE_MAX / 8 + 8];
	static uint8_t stream[4u << 20];
	size_t size = gyr_evm_translator_size(CODE_MAX);
	struct gyr_arena arena = gyr_arena_over(malloc(size), size);
	struct gyr_evm_translator *translator = gyr_evm_translator_init(&arena, CODE_MAX);

	printf("\n%-34s %26s | %26s | %s\n", "ns per byte at 6, 12, 24 KiB", "analysis",
	       "translation", "stream bytes a byte");
	for (size_t k = 0; k < GYR_COUNT(hostile); k++) {
		double analysis[3], translation[3];
		size_t stream_size = 0;

		for (unsigned i = 0; i < 3; i++) {
			size_t length = (size_t)CODE_MAX >> (2 - i);
			uint8_t unit[64];
			size_t unit_length = put_hex(unit, hostile[k].unit);
			struct gyr_code object = { .bytes = bytes,
						   .jumpdests = jumpdests,
						   .length = (uint32_t)length };

			memset(bytes, 0, sizeof bytes);
			for (size_t at = 0; at < length; at++)
				bytes[at] = unit[at % unit_length];
			analysis[i] = translation[i] = 1e9;
			for (unsigned r = 0; r < 9; r++) {
				uint64_t begun_ns = gyr_perf_now_ns(), between_ns;
				double ns;

				for (unsigned n = 0; n < REPEATS; n++)
					gyr_code_analyse(jumpdests, bytes, length);
				between_ns = gyr_perf_now_ns();
				for (unsigned n = 0; n < REPEATS; n++) {
					stream_size = gyr_evm_translate(translator, &object,
									GYR_FORK_OSAKA);
					if (stream_size != 0 && stream_size <= sizeof stream)
						(void)gyr_evm_translate_store(translator, stream);
				}
				ns = (double)(between_ns - begun_ns) / REPEATS / (double)length;
				analysis[i] = ns < analysis[i] ? ns : analysis[i];
				ns = (double)(gyr_perf_now_ns() - between_ns) / REPEATS /
				     (double)length;
				translation[i] = ns < translation[i] ? ns : translation[i];
			}
		}
		printf("%-34s %8.2f %8.2f %8.2f | %8.2f %8.2f %8.2f | ", hostile[k].name,
		       analysis[0], analysis[1], analysis[2], translation[0], translation[1],
		       translation[2]);
		if (stream_size == 0)
			printf("refused\n");
		else
			printf("%zu\n", stream_size / CODE_MAX);
	}
}

int main(void)
{
	static struct row rows[GYR_COUNT(programs)];

	printf("%-42s %10s %10s\n", "ns per gas", "tier 0", "tier 1");
	for (size_t i = 0; i < GYR_COUNT(programs); i++) {
		rows[i] = measure(&programs[i]);
		printf("%-42s %10.3f %10.3f  %s\n", programs[i].name, rows[i].ns_per_gas[0],
		       rows[i].ns_per_gas[1], gyr_evm_halt_name(rows[i].halt));
		(void)fflush(stdout);
	}
	print_worst(rows);
	linear();
	return 0;
}
