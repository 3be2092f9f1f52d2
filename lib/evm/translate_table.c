/* SPDX-License-Identifier: Apache-2.0 */
/* What the translator knows of each opcode, for one fork. */
#include "evm_rules.h"
#include "translator.h"

struct op_row {
	uint8_t op;
	uint8_t kind;
	uint8_t count;
	uint16_t stream;
};

static const struct op_row rows[] = {
	{ 0x00, KIND_STOP, 0, STREAM_STOP },
	{ 0x01, KIND_BINARY, 2, STREAM_ADD_SS },
	{ 0x02, KIND_BINARY, 2, STREAM_MUL_SS },
	{ 0x03, KIND_BINARY, 2, STREAM_SUB_SS },
	{ 0x04, KIND_BINARY, 2, STREAM_DIV_SS },
	{ 0x05, KIND_BINARY, 2, STREAM_SDIV_SS },
	{ 0x06, KIND_BINARY, 2, STREAM_MOD_SS },
	{ 0x07, KIND_BINARY, 2, STREAM_SMOD_SS },
	{ 0x08, KIND_MODULAR, 3, STREAM_ADDMOD_SSS },
	{ 0x09, KIND_MODULAR, 3, STREAM_MULMOD_SSS },
	{ 0x0a, KIND_BINARY, 2, STREAM_EXP_SS },
	{ 0x0b, KIND_BINARY, 2, STREAM_SIGNEXTEND_SS },
	{ 0x10, KIND_BINARY, 2, STREAM_LT_SS },
	{ 0x11, KIND_BINARY, 2, STREAM_LT_SS }, /* operands exchanged */
	{ 0x12, KIND_BINARY, 2, STREAM_SLT_SS },
	{ 0x13, KIND_BINARY, 2, STREAM_SLT_SS },
	{ 0x14, KIND_BINARY, 2, STREAM_EQ_SS },
	{ 0x15, KIND_UNARY, 1, STREAM_ISZERO },
	{ 0x16, KIND_BINARY, 2, STREAM_AND_SS },
	{ 0x17, KIND_BINARY, 2, STREAM_OR_SS },
	{ 0x18, KIND_BINARY, 2, STREAM_XOR_SS },
	{ 0x19, KIND_UNARY, 1, STREAM_NOT },
	{ 0x1a, KIND_BINARY, 2, STREAM_BYTE_SS },
	{ 0x1b, KIND_BINARY, 2, STREAM_SHL_SS },
	{ 0x1c, KIND_BINARY, 2, STREAM_SHR_SS },
	{ 0x1d, KIND_BINARY, 2, STREAM_SAR_SS },
	{ 0x1e, KIND_UNARY, 1, STREAM_CLZ },
	{ 0x20, KIND_MEMORY, 2, STREAM_KECCAK_SS },
	{ 0x30, KIND_CONTEXT, 0, STREAM_ADDRESS },
	{ 0x31, KIND_UNARY, 1, STREAM_BALANCE },
	{ 0x32, KIND_CONTEXT, 0, STREAM_ORIGIN },
	{ 0x33, KIND_CONTEXT, 0, STREAM_CALLER },
	{ 0x34, KIND_CONTEXT, 0, STREAM_CALLVALUE },
	{ 0x35, KIND_MEMORY, 1, STREAM_CALLDATALOAD_S },
	{ 0x36, KIND_CONTEXT, 0, STREAM_CALLDATASIZE },
	{ 0x37, KIND_TERNARY, 3, STREAM_CALLDATACOPY },
	{ 0x38, KIND_CONSTANT, 0, 0 },
	{ 0x39, KIND_TERNARY, 3, STREAM_CODECOPY },
	{ 0x3a, KIND_CONTEXT, 0, STREAM_GASPRICE },
	{ 0x3b, KIND_UNARY, 1, STREAM_EXTCODESIZE },
	{ 0x3c, KIND_ON_STACK, 4, STREAM_EXTCODECOPY },
	{ 0x3d, KIND_CONTEXT, 0, STREAM_RETURNDATASIZE },
	{ 0x3e, KIND_TERNARY, 3, STREAM_RETURNDATACOPY },
	{ 0x3f, KIND_UNARY, 1, STREAM_EXTCODEHASH },
	{ 0x40, KIND_UNARY, 1, STREAM_BLOCKHASH },
	{ 0x41, KIND_CONTEXT, 0, STREAM_COINBASE },
	{ 0x42, KIND_CONTEXT, 0, STREAM_TIMESTAMP },
	{ 0x43, KIND_CONTEXT, 0, STREAM_NUMBER },
	{ 0x44, KIND_CONTEXT, 0, STREAM_PREVRANDAO },
	{ 0x45, KIND_CONTEXT, 0, STREAM_GASLIMIT },
	{ 0x46, KIND_CONTEXT, 0, STREAM_CHAINID },
	{ 0x47, KIND_CONTEXT, 0, STREAM_SELFBALANCE },
	{ 0x48, KIND_CONTEXT, 0, STREAM_BASEFEE },
	{ 0x49, KIND_UNARY, 1, STREAM_BLOBHASH },
	{ 0x4a, KIND_CONTEXT, 0, STREAM_BLOBBASEFEE },
	{ 0x50, KIND_POP, 1, 0 },
	{ 0x51, KIND_MEMORY, 1, STREAM_MLOAD_S },
	{ 0x52, KIND_MEMORY, 2, STREAM_MSTORE_SS },
	{ 0x53, KIND_MEMORY, 2, STREAM_MSTORE8 },
	{ 0x54, KIND_STATE, 1, STREAM_SLOAD_S },
	{ 0x55, KIND_STATE, 2, STREAM_SSTORE },
	{ 0x56, KIND_JUMP, 1, 0 },
	{ 0x57, KIND_JUMPI, 2, 0 },
	{ 0x58, KIND_CONSTANT, 0, 0 },
	{ 0x59, KIND_CONTEXT, 0, STREAM_MSIZE },
	{ 0x5a, KIND_GAS, 0, STREAM_GAS },
	{ 0x5b, KIND_JUMPDEST, 0, 0 },
	{ 0x5c, KIND_STATE, 1, STREAM_TLOAD },
	{ 0x5d, KIND_STATE, 2, STREAM_TSTORE },
	{ 0x5e, KIND_TERNARY, 3, STREAM_MCOPY },
	{ 0x5f, KIND_PUSH, 0, 0 },
	{ 0xa0, KIND_ON_STACK, 2, STREAM_LOG },
	{ 0xa1, KIND_ON_STACK, 3, STREAM_LOG },
	{ 0xa2, KIND_ON_STACK, 4, STREAM_LOG },
	{ 0xa3, KIND_ON_STACK, 5, STREAM_LOG },
	{ 0xa4, KIND_ON_STACK, 6, STREAM_LOG },
	{ 0xf0, KIND_CREATE, 3, STREAM_CREATE },
	{ 0xf1, KIND_CALL, 7, STREAM_CALL },
	{ 0xf2, KIND_CALL, 7, STREAM_CALL },
	{ 0xf3, KIND_OUTPUT, 2, STREAM_RETURN },
	{ 0xf4, KIND_CALL, 6, STREAM_CALL },
	{ 0xf5, KIND_CREATE, 4, STREAM_CREATE },
	{ 0xfa, KIND_CALL, 6, STREAM_CALL },
	{ 0xfd, KIND_OUTPUT, 2, STREAM_REVERT },
	{ 0xff, KIND_SELFDESTRUCT, 1, STREAM_SELFDESTRUCT },
};

void translate_table(struct gyr_evm_translator *t, enum gyr_fork fork)
{
	const struct gyr_evm_rules rules = evm_rules_of(fork);

	t->fork = fork;
	t->exp_byte = rules.exp_byte;
	memset(t->ops, 0, sizeof t->ops);
	for (size_t i = 0; i < GYR_COUNT(rows); i++)
		if (rules.first_fork[rows[i].op] <= fork)
			t->ops[rows[i].op] = (struct op_info){ rows[i].kind, rows[i].count,
							       rows[i].stream, 0, 0 };
	for (uint8_t i = 0; i < 32; i++)
		t->ops[0x60 + i] = (struct op_info){ KIND_PUSH, 0, 0, 0, (uint16_t)(i + 1) };
	for (uint8_t i = 0; i < 16; i++) {
		t->ops[0x80 + i] = (struct op_info){ KIND_DUP, (uint8_t)(i + 1), 0, 0, 0 };
		t->ops[0x90 + i] = (struct op_info){ KIND_SWAP, (uint8_t)(i + 2), 0, 0, 0 };
	}
	for (unsigned op = 0; op < 256; op++)
		/* The handler of CREATE charges its price. */
		if (t->ops[op].kind != KIND_INVALID && t->ops[op].kind != KIND_CREATE)
			t->ops[op].gas = (uint16_t)rules.static_gas[op];
}
