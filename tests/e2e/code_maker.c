/* SPDX-License-Identifier: Apache-2.0 */
#include "code_maker.h"

#include <string.h>

#define DEPTH_MAX 24

enum {
	STOP = 0x00,
	SIGNEXTEND = 0x0b,
	ADDMOD = 0x08,
	MULMOD = 0x09,
	EXP = 0x0a,
	LT = 0x10,
	ISZERO = 0x15,
	KECCAK = 0x20,
	ADDRESS = 0x30,
	BALANCE = 0x31,
	CALLDATALOAD = 0x35,
	CALLDATACOPY = 0x37,
	CODECOPY = 0x39,
	EXTCODESIZE = 0x3b,
	EXTCODECOPY = 0x3c,
	RETURNDATASIZE = 0x3d,
	RETURNDATACOPY = 0x3e,
	EXTCODEHASH = 0x3f,
	BLOCKHASH = 0x40,
	NUMBER = 0x43,
	SELFBALANCE = 0x47,
	BLOBHASH = 0x49,
	POP = 0x50,
	MLOAD = 0x51,
	MSTORE = 0x52,
	MSTORE8 = 0x53,
	SLOAD = 0x54,
	SSTORE = 0x55,
	JUMP = 0x56,
	JUMPI = 0x57,
	GAS = 0x5a,
	JUMPDEST = 0x5b,
	TLOAD = 0x5c,
	TSTORE = 0x5d,
	MCOPY = 0x5e,
	PUSH0 = 0x5f,
	PUSH1 = 0x60,
	PUSH2 = 0x61,
	DUP1 = 0x80,
	SWAP1 = 0x90,
	LOG0 = 0xa0,
	CREATE = 0xf0,
	CALL = 0xf1,
	CALLCODE = 0xf2,
	RETURN = 0xf3,
	DELEGATECALL = 0xf4,
	CREATE2 = 0xf5,
	STATICCALL = 0xfa,
	REVERT = 0xfd,
	INVALID = 0xfe,
	SELFDESTRUCT = 0xff,
};

static uint64_t below(struct code *code, uint64_t bound)
{
	return gyr_rng_below(code->rng, bound);
}

static bool chance(struct code *code, uint64_t part, uint64_t whole)
{
	return gyr_rng_chance(code->rng, part, whole);
}

static void put(struct code *code, unsigned byte)
{
	if (code->length < sizeof code->bytes)
		code->bytes[code->length++] = (uint8_t)byte;
}

/* An instruction that takes `pops` words and leaves `pushes`. */
static void op(struct code *code, unsigned byte, unsigned pops, unsigned pushes)
{
	put(code, byte);
	code->depth = code->depth < pops ? 0 : code->depth - pops;
	code->depth += pushes;
}

static void push_bytes(struct code *code, const uint8_t *bytes, unsigned length)
{
	op(code, PUSH0 + length, 0, 1);
	for (unsigned i = 0; i < length; i++)
		put(code, bytes[i]);
}

static void push_number(struct code *code, uint64_t number)
{
	uint8_t bytes[8];
	unsigned length = 0;

	for (unsigned i = 8; i-- > 0;)
		if (length > 0 || (number >> 8 * i & 255) != 0)
			bytes[length++] = (uint8_t)(number >> 8 * i);
	if (length == 0 && chance(code, 1, 4))
		bytes[length++] = 0;
	push_bytes(code, bytes, length);
}

/* Words at which arithmetic and gas rules have their edges. */
static void push_constant(struct code *code)
{
	uint8_t bytes[32] = { 0 };
	unsigned bit;

	switch (below(code, 8)) {
	case 0:
		push_number(code, below(code, 4));
		return;
	case 1:
		push_number(code, below(code, 300));
		return;
	case 2:
		push_number(code, gyr_rng_next(code->rng) >> below(code, 64));
		return;
	case 3: /* 2^k, or one less */
		bit = (unsigned)below(code, 256);
		bytes[31 - bit / 8] = (uint8_t)(1u << bit % 8);
		if (chance(code, 1, 2)) {
			bytes[31 - bit / 8]--;
			memset(bytes + 32 - bit / 8, 0xff, bit / 8);
		}
		break;
	case 4:
		memset(bytes, 0xff, sizeof bytes);
		bytes[31] = (uint8_t)(255 - below(code, 3));
		break;
	case 5:
		bytes[0] = 0x80;
		bytes[31] = (uint8_t)below(code, 2);
		break;
	default:
		gyr_rng_fill(code->rng, bytes, sizeof bytes);
		break;
	}
	push_bytes(code, bytes, 32);
}

static void push_address(struct code *code, bool contract)
{
	const struct code_world *world = code->world;
	unsigned count = contract ? world->contract_count : world->address_count;

	push_bytes(code, world->addresses[below(code, count)].bytes, 20);
}

static void push_offset(struct code *code)
{
	if (chance(code, 1, 400))
		push_constant(code);
	else if (chance(code, 1, 20))
		push_number(code, below(code, 4096));
	else
		push_number(code,
			    below(code, 10) * 32 + (chance(code, 1, 4) ? below(code, 32) : 0));
}

static void push_length(struct code *code)
{
	if (chance(code, 1, 400))
		push_constant(code);
	else
		push_number(code, chance(code, 1, 2) ? below(code, 5) * 32 : below(code, 150));
}

static void push_key(struct code *code)
{
	if (chance(code, 1, 12))
		push_constant(code);
	else
		push_number(code, below(code, 6));
}

static void value(struct code *code, unsigned level);

static void leaf(struct code *code)
{
	/* Instructions that take nothing and leave a word. */
	static const uint8_t plain[] = {
		0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42,
		0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a
	};

	switch (below(code, 6)) {
	case 0:
		op(code, plain[below(code, sizeof plain)], 0, 1);
		return;
	case 1:
		if (code->depth > 0) {
			unsigned n = (unsigned)below(code, gyr_min_u64(code->depth, 16));

			op(code, DUP1 + n, 0, 1);
			return;
		}
		break;
	case 2:
		push_offset(code);
		op(code, CALLDATALOAD, 1, 1);
		return;
	case 3:
		push_offset(code);
		op(code, MLOAD, 1, 1);
		return;
	default:
		break;
	}
	push_constant(code);
}

static void state_word(struct code *code)
{
	switch (below(code, 8)) {
	case 0:
	case 1:
		push_key(code);
		op(code, SLOAD, 1, 1);
		break;
	case 2:
		push_key(code);
		op(code, TLOAD, 1, 1);
		break;
	case 3:
		push_address(code, false);
		op(code, BALANCE, 1, 1);
		break;
	case 4:
		push_address(code, false);
		op(code, chance(code, 1, 2) ? EXTCODESIZE : EXTCODEHASH, 1, 1);
		break;
	case 5:
		push_number(code, below(code, 260));
		op(code, NUMBER, 0, 1);
		op(code, 0x03, 2, 1);
		op(code, BLOCKHASH, 1, 1);
		break;
	case 6:
		push_length(code);
		push_offset(code);
		op(code, KECCAK, 2, 1);
		break;
	default:
		push_number(code, below(code, 3));
		op(code, BLOBHASH, 1, 1);
		break;
	}
}

/* Leaves one word, computed by a tree of at most `level` levels. */
static void value(struct code *code, unsigned level)
{
	static const uint8_t binary[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
					  0x0b, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16,
					  0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d };

	if (level == 0 || code->depth > DEPTH_MAX) {
		leaf(code);
		return;
	}
	switch (below(code, 8)) {
	case 0:
	case 1:
	case 2:
		value(code, level - 1);
		value(code, level - 1);
		op(code, binary[below(code, sizeof binary)], 2, 1);
		break;
	case 3:
		value(code, level - 1);
		op(code, chance(code, 1, 2) ? ISZERO : 0x19, 1, 1);
		break;
	case 4:
		value(code, level - 1);
		value(code, level - 1);
		value(code, 0);
		op(code, chance(code, 1, 2) ? ADDMOD : MULMOD, 3, 1);
		break;
	case 5:
		push_constant(code);
		value(code, level - 1);
		op(code, EXP, 2, 1);
		break;
	case 6:
		state_word(code);
		break;
	default:
		leaf(code);
		/* CLZ: an invalid instruction before Osaka, so rare there. */
		if (code->world->has_p256 ? chance(code, 1, 4) : chance(code, 1, 200))
			op(code, 0x1e, 1, 1);
		break;
	}
}

/* Copies a blob that will stand behind the code to memory at `to`; false when there is no room. */
static bool copy_blob(struct code *code, const uint8_t *bytes, size_t length, uint64_t to)
{
	struct code_blob *blob = &code->blobs[code->blob_count];
	size_t total = length;

	for (unsigned i = 0; i < code->blob_count; i++)
		total += code->blobs[i].length;
	if (code->blob_count == CODE_DATA_MAX || length > sizeof blob->bytes ||
	    total + code->length + 512 > CODE_LENGTH_MAX)
		return false;
	code->blob_count++;
	memcpy(blob->bytes, bytes, length);
	blob->length = length;
	push_number(code, length);
	blob->patch_at = code->length + 1;
	op(code, PUSH2, 0, 1);
	put(code, 0);
	put(code, 0);
	push_number(code, to);
	op(code, CODECOPY, 3, 0);
	return true;
}

static void push_call_gas(struct code *code)
{
	switch (below(code, 6)) {
	case 0:
		push_number(code, below(code, 100000));
		break;
	case 1:
		push_number(code, below(code, 3000));
		break;
	case 2:
		push_constant(code);
		break;
	default:
		op(code, GAS, 0, 1);
		break;
	}
}

static void push_call_value(struct code *code)
{
	if (chance(code, 3, 5))
		push_number(code, 0);
	else if (chance(code, 1, 20))
		push_constant(code);
	else
		push_number(code, below(code, 3));
}

/* The words of a call but gas and address, which `finish` puts on top. */
static void finish_call(struct code *code, unsigned which, bool precompile, unsigned number)
{
	uint8_t address = (uint8_t)number;
	const uint8_t wide[2] = { 1, 0 };

	if (which == CALL || which == CALLCODE)
		push_call_value(code);
	if (!precompile && chance(code, 1, 8))
		op(code, ADDRESS, 0, 1);
	else if (!precompile)
		push_address(code, chance(code, 3, 4));
	else if (number == 0x100)
		push_bytes(code, wide, 2);
	else
		push_bytes(code, &address, 1);
	push_call_gas(code);
	op(code, which, which == CALL || which == CALLCODE ? 7 : 6, 1);
}

static unsigned call_kind(struct code *code)
{
	static const uint8_t kinds[] = { CALL, CALL, CALL, CALLCODE, DELEGATECALL, STATICCALL };

	return kinds[below(code, sizeof kinds)];
}

static void call(struct code *code)
{
	push_length(code);
	push_offset(code);
	push_length(code);
	push_offset(code);
	finish_call(code, call_kind(code), false, 0);
}

/* Pairings and sums over many points are slow in most implementations: rare. */
static unsigned choose_precompile(struct code *code)
{
	static const uint8_t cheap[] = { 1, 2, 3, 4, 4, 5, 5, 6, 7, 9, 10 };

	if (chance(code, 1, 40))
		return 8 + (unsigned)below(code, 10);
	if (code->world->has_p256 && chance(code, 1, 5))
		return 0x100;
	return cheap[below(code, sizeof cheap)];
}

static void call_precompile(struct code *code)
{
	unsigned number = choose_precompile(code);
	uint8_t input[1280];
	size_t length = code_precompile_input(input, code->rng, number);
	uint64_t to = below(code, 4) * 32;

	if (!copy_blob(code, input, length, to))
		return;
	push_number(code, chance(code, 1, 2) ? 256 : below(code, 100));
	push_offset(code);
	push_number(code, length);
	push_number(code, to);
	finish_call(code, call_kind(code), true, number);
}

static void create(struct code *code)
{
	bool salted = chance(code, 1, 2);
	uint8_t init[900];
	size_t length = code_make_init(init, code->rng, code->world, code->nested + 1);

	if (!copy_blob(code, init, length, 0))
		return;
	if (salted)
		push_number(code, below(code, 3));
	push_number(code, chance(code, 1, 20) ? below(code, 60000) : length);
	push_number(code, 0);
	push_call_value(code);
	op(code, salted ? CREATE2 : CREATE, salted ? 4 : 3, 1);
	if (chance(code, 1, 2)) { /* call what was made */
		push_number(code, 0);
		push_number(code, 0);
		push_number(code, 32);
		push_number(code, 0);
		push_number(code, 0);
		op(code, DUP1 + 5, 0, 1);
		op(code, GAS, 0, 1);
		op(code, CALL, 7, 1);
		op(code, POP, 1, 0);
	}
}

static void statement(struct code *code);

/* if (value) { statements } */
static void condition(struct code *code)
{
	size_t patch;
	unsigned depth;

	value(code, 1);
	patch = code->length + 1;
	op(code, PUSH2, 0, 1);
	put(code, 0);
	put(code, 0);
	op(code, JUMPI, 2, 0);
	depth = code->depth;
	code->nested++;
	for (uint64_t i = 1 + below(code, 3); i > 0; i--)
		statement(code);
	code->nested--;
	while (code->depth > depth)
		op(code, POP, 1, 0);
	if (patch + 1 < code->length) {
		code->bytes[patch] = (uint8_t)(code->length >> 8);
		code->bytes[patch + 1] = (uint8_t)code->length;
	}
	put(code, JUMPDEST);
	code->depth = depth;
}

/* for (n = few; n != 0; n--) { statements } */
static void loop(struct code *code)
{
	uint64_t start;
	unsigned depth;
	uint8_t to[2];

	push_number(code, 1 + below(code, chance(code, 1, 10) ? 100 : 6));
	depth = code->depth;
	start = code->length;
	put(code, JUMPDEST);
	code->nested++;
	for (uint64_t i = 1 + below(code, 3); i > 0; i--)
		statement(code);
	code->nested--;
	while (code->depth > depth)
		op(code, POP, 1, 0);
	if (code->depth < depth)
		return;
	push_number(code, 1);
	op(code, SWAP1, 0, 0);
	op(code, 0x03, 2, 1);
	op(code, DUP1, 0, 1);
	to[0] = (uint8_t)(start >> 8);
	to[1] = (uint8_t)start;
	push_bytes(code, to, 2);
	op(code, JUMPI, 2, 0);
	op(code, POP, 1, 0);
}

static void memory_statement(struct code *code)
{
	switch (below(code, 6)) {
	case 0:
	case 1:
		value(code, 2);
		push_offset(code);
		op(code, chance(code, 1, 5) ? MSTORE8 : MSTORE, 2, 0);
		break;
	case 2:
		push_length(code);
		push_offset(code);
		push_offset(code);
		op(code, chance(code, 1, 2) ? CALLDATACOPY : CODECOPY, 3, 0);
		break;
	case 3:
		push_length(code);
		push_offset(code);
		push_offset(code);
		op(code, MCOPY, 3, 0);
		break;
	case 4:
		push_length(code);
		push_offset(code);
		push_offset(code);
		push_address(code, false);
		op(code, EXTCODECOPY, 4, 0);
		break;
	default: /* what is returned, whole; or a part, which may be too much */
		if (chance(code, 1, 10)) {
			push_length(code);
			push_number(code, below(code, 40));
		} else {
			op(code, RETURNDATASIZE, 0, 1);
			push_number(code, 0);
		}
		push_offset(code);
		op(code, RETURNDATACOPY, 3, 0);
		break;
	}
}

static void log_statement(struct code *code)
{
	unsigned topics = (unsigned)below(code, 5);

	for (unsigned i = 0; i < topics; i++)
		value(code, 0);
	push_length(code);
	push_offset(code);
	op(code, LOG0 + topics, 2 + topics, 0);
}

static void rare_statement(struct code *code)
{
	switch (below(code, 12)) {
	case 0:
		push_address(code, false);
		op(code, SELFDESTRUCT, 1, 0);
		break;
	case 1:
		put(code, (unsigned)below(code, 256)); /* anything */
		break;
	case 2:
		push_number(code, below(code, 64)); /* rarely a destination */
		op(code, JUMP, 1, 0);
		break;
	case 3:
		put(code, INVALID);
		break;
	case 4:
		op(code, POP, 1, 0); /* may be one too many */
		break;
	case 5:
		push_length(code);
		push_offset(code);
		op(code, chance(code, 1, 2) ? REVERT : RETURN, 2, 0);
		break;
	default:
		if (code->depth > 1)
			op(code, SWAP1 + (unsigned)below(code, gyr_min_u64(code->depth - 1, 16)), 0,
			   0);
		break;
	}
}

static void statement(struct code *code)
{
	if (code->length + 1100 > CODE_LENGTH_MAX)
		return;
	if (code->depth > DEPTH_MAX)
		op(code, POP, 1, 0);
	switch (below(code, 24)) {
	case 0:
	case 1:
	case 2:
	case 3:
		value(code, 1);
		push_key(code);
		op(code, SSTORE, 2, 0);
		break;
	case 4:
	case 5:
		value(code, 1);
		push_key(code);
		op(code, TSTORE, 2, 0);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		memory_statement(code);
		break;
	case 10:
	case 11:
		log_statement(code);
		break;
	case 12:
	case 13:
	case 14:
		call(code);
		break;
	case 15:
		call_precompile(code);
		break;
	case 16:
		if (code->nested < 3)
			create(code);
		break;
	case 17:
	case 18:
		if (code->nested < 3)
			condition(code);
		break;
	case 19:
		if (code->nested < 2)
			loop(code);
		break;
	case 20:
		rare_statement(code);
		break;
	default:
		value(code, 3);
		break;
	}
}

static void finish(struct code *code)
{
	switch (below(code, 8)) {
	case 0:
		break; /* runs off the end, into the blobs where there are some */
	case 1:
		put(code, STOP);
		break;
	case 2:
		push_address(code, false);
		op(code, SELFDESTRUCT, 1, 0);
		break;
	case 3:
		push_length(code);
		push_offset(code);
		op(code, REVERT, 2, 0);
		break;
	default:
		value(code, 1);
		push_number(code, 0);
		op(code, MSTORE, 2, 0);
		push_number(code, below(code, 100));
		push_number(code, 0);
		op(code, RETURN, 2, 0);
		break;
	}
	for (unsigned i = 0; i < code->blob_count; i++) {
		const struct code_blob *blob = &code->blobs[i];

		if (code->length + blob->length > CODE_LENGTH_MAX)
			break;
		code->bytes[blob->patch_at] = (uint8_t)(code->length >> 8);
		code->bytes[blob->patch_at + 1] = (uint8_t)code->length;
		memcpy(code->bytes + code->length, blob->bytes, blob->length);
		code->length += blob->length;
	}
}

void code_make(struct code *code, struct gyr_rng *rng, const struct code_world *world,
	       unsigned statements)
{
	code->rng = rng;
	code->world = world;
	code->length = 0;
	code->depth = 0;
	code->blob_count = 0;
	for (unsigned i = 0; i < statements; i++)
		statement(code);
	finish(code);
}

/* Deploys what stands behind it, after a statement or two: CODECOPY, RETURN. */
size_t code_make_init(uint8_t *out, struct gyr_rng *rng, const struct code_world *world,
		      unsigned nested)
{
	struct code code = { .nested = nested + 2 };
	uint8_t deployed[256];
	size_t length = (size_t)gyr_rng_below(rng, sizeof deployed), patch;

	code.rng = rng;
	code.world = world;
	for (uint64_t i = gyr_rng_below(rng, 3); i > 0 && code.length < 300; i--)
		statement(&code);
	gyr_rng_fill(rng, deployed, length);
	if (gyr_rng_chance(rng, 9, 10)) { /* something that runs */
		struct code inner = { .nested = 4 };

		inner.rng = rng;
		inner.world = world;
		while (inner.length < 150 && !gyr_rng_chance(rng, 1, 4))
			statement(&inner);
		length = gyr_min_u64(inner.length, sizeof deployed);
		memcpy(deployed, inner.bytes, length);
	}
	code.length = gyr_min_u64(code.length, 500);
	push_number(&code, length);
	put(&code, PUSH2);
	patch = code.length;
	put(&code, 0);
	put(&code, 0);
	push_number(&code, 0);
	put(&code, CODECOPY);
	push_number(&code, gyr_rng_chance(rng, 1, 60) ? 24570 + gyr_rng_below(rng, 12) : length);
	push_number(&code, 0);
	put(&code, gyr_rng_chance(rng, 1, 10) ? REVERT : RETURN);
	code.bytes[patch] = (uint8_t)(code.length >> 8);
	code.bytes[patch + 1] = (uint8_t)code.length;
	memcpy(code.bytes + code.length, deployed, length);
	code.length += length;
	memcpy(out, code.bytes, code.length);
	return code.length;
}
