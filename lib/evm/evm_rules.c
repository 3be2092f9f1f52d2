/* SPDX-License-Identifier: Apache-2.0 */
/* Opcodes, their static prices, and what each fork changed. */
#include "evm_rules.h"

struct op_row {
	const char *name;
	uint8_t op;
	uint8_t first_fork;
	int16_t gas; /* as of the first fork */
};

#define ROW(op_name, number, fork, price)                                                          \
	{                                                                                          \
		.name = #op_name, .op = (number), .first_fork = GYR_FORK_##fork, .gas = (price)    \
	}

/* Yellow Paper appendix H; the EIPs are named in rules_of_fork. */
static const struct op_row rows[] = {
	ROW(STOP, 0x00, FRONTIER, 0),
	ROW(ADD, 0x01, FRONTIER, 3),
	ROW(MUL, 0x02, FRONTIER, 5),
	ROW(SUB, 0x03, FRONTIER, 3),
	ROW(DIV, 0x04, FRONTIER, 5),
	ROW(SDIV, 0x05, FRONTIER, 5),
	ROW(MOD, 0x06, FRONTIER, 5),
	ROW(SMOD, 0x07, FRONTIER, 5),
	ROW(ADDMOD, 0x08, FRONTIER, 8),
	ROW(MULMOD, 0x09, FRONTIER, 8),
	ROW(EXP, 0x0a, FRONTIER, 10),
	ROW(SIGNEXTEND, 0x0b, FRONTIER, 5),
	ROW(LT, 0x10, FRONTIER, 3),
	ROW(GT, 0x11, FRONTIER, 3),
	ROW(SLT, 0x12, FRONTIER, 3),
	ROW(SGT, 0x13, FRONTIER, 3),
	ROW(EQ, 0x14, FRONTIER, 3),
	ROW(ISZERO, 0x15, FRONTIER, 3),
	ROW(AND, 0x16, FRONTIER, 3),
	ROW(OR, 0x17, FRONTIER, 3),
	ROW(XOR, 0x18, FRONTIER, 3),
	ROW(NOT, 0x19, FRONTIER, 3),
	ROW(BYTE, 0x1a, FRONTIER, 3),
	ROW(SHL, 0x1b, CONSTANTINOPLE, 3),
	ROW(SHR, 0x1c, CONSTANTINOPLE, 3),
	ROW(SAR, 0x1d, CONSTANTINOPLE, 3),
	ROW(CLZ, 0x1e, OSAKA, 5),
	ROW(KECCAK256, 0x20, FRONTIER, 30),
	ROW(ADDRESS, 0x30, FRONTIER, 2),
	ROW(BALANCE, 0x31, FRONTIER, 20),
	ROW(ORIGIN, 0x32, FRONTIER, 2),
	ROW(CALLER, 0x33, FRONTIER, 2),
	ROW(CALLVALUE, 0x34, FRONTIER, 2),
	ROW(CALLDATALOAD, 0x35, FRONTIER, 3),
	ROW(CALLDATASIZE, 0x36, FRONTIER, 2),
	ROW(CALLDATACOPY, 0x37, FRONTIER, 3),
	ROW(CODESIZE, 0x38, FRONTIER, 2),
	ROW(CODECOPY, 0x39, FRONTIER, 3),
	ROW(GASPRICE, 0x3a, FRONTIER, 2),
	ROW(EXTCODESIZE, 0x3b, FRONTIER, 20),
	ROW(EXTCODECOPY, 0x3c, FRONTIER, 20),
	ROW(RETURNDATASIZE, 0x3d, BYZANTIUM, 2),
	ROW(RETURNDATACOPY, 0x3e, BYZANTIUM, 3),
	ROW(EXTCODEHASH, 0x3f, CONSTANTINOPLE, 400),
	ROW(BLOCKHASH, 0x40, FRONTIER, 20),
	ROW(COINBASE, 0x41, FRONTIER, 2),
	ROW(TIMESTAMP, 0x42, FRONTIER, 2),
	ROW(NUMBER, 0x43, FRONTIER, 2),
	ROW(PREVRANDAO, 0x44, FRONTIER, 2),
	ROW(GASLIMIT, 0x45, FRONTIER, 2),
	ROW(CHAINID, 0x46, ISTANBUL, 2),
	ROW(SELFBALANCE, 0x47, ISTANBUL, 5),
	ROW(BASEFEE, 0x48, LONDON, 2),
	ROW(BLOBHASH, 0x49, CANCUN, 3),
	ROW(BLOBBASEFEE, 0x4a, CANCUN, 2),
	ROW(POP, 0x50, FRONTIER, 2),
	ROW(MLOAD, 0x51, FRONTIER, 3),
	ROW(MSTORE, 0x52, FRONTIER, 3),
	ROW(MSTORE8, 0x53, FRONTIER, 3),
	ROW(SLOAD, 0x54, FRONTIER, 50),
	ROW(SSTORE, 0x55, FRONTIER, 0),
	ROW(JUMP, 0x56, FRONTIER, 8),
	ROW(JUMPI, 0x57, FRONTIER, 10),
	ROW(PC, 0x58, FRONTIER, 2),
	ROW(MSIZE, 0x59, FRONTIER, 2),
	ROW(GAS, 0x5a, FRONTIER, 2),
	ROW(JUMPDEST, 0x5b, FRONTIER, 1),
	ROW(TLOAD, 0x5c, CANCUN, 100),
	ROW(TSTORE, 0x5d, CANCUN, 100),
	ROW(MCOPY, 0x5e, CANCUN, 3),
	ROW(PUSH0, 0x5f, SHANGHAI, 2),
	ROW(LOG0, 0xa0, FRONTIER, 375),
	ROW(LOG1, 0xa1, FRONTIER, 750),
	ROW(LOG2, 0xa2, FRONTIER, 1125),
	ROW(LOG3, 0xa3, FRONTIER, 1500),
	ROW(LOG4, 0xa4, FRONTIER, 1875),
	ROW(CREATE, 0xf0, FRONTIER, 32000),
	ROW(CALL, 0xf1, FRONTIER, 40),
	ROW(CALLCODE, 0xf2, FRONTIER, 40),
	ROW(RETURN, 0xf3, FRONTIER, 0),
	ROW(DELEGATECALL, 0xf4, HOMESTEAD, 40),
	ROW(CREATE2, 0xf5, CONSTANTINOPLE, 32000),
	ROW(STATICCALL, 0xfa, BYZANTIUM, 700),
	ROW(REVERT, 0xfd, BYZANTIUM, 0),
	ROW(INVALID, 0xfe, FRONTIER, 0),
	ROW(SELFDESTRUCT, 0xff, FRONTIER, 0),
};

/* PUSH, DUP and SWAP, whose names carry a number. */
static const char *const counted_names[3][32] = {
	{ "PUSH1",  "PUSH2",  "PUSH3",	"PUSH4",  "PUSH5",  "PUSH6",  "PUSH7",	"PUSH8",
	  "PUSH9",  "PUSH10", "PUSH11", "PUSH12", "PUSH13", "PUSH14", "PUSH15", "PUSH16",
	  "PUSH17", "PUSH18", "PUSH19", "PUSH20", "PUSH21", "PUSH22", "PUSH23", "PUSH24",
	  "PUSH25", "PUSH26", "PUSH27", "PUSH28", "PUSH29", "PUSH30", "PUSH31", "PUSH32" },
	{ "DUP1", "DUP2", "DUP3", "DUP4", "DUP5", "DUP6", "DUP7", "DUP8", "DUP9", "DUP10", "DUP11",
	  "DUP12", "DUP13", "DUP14", "DUP15", "DUP16" },
	{ "SWAP1", "SWAP2", "SWAP3", "SWAP4", "SWAP5", "SWAP6", "SWAP7", "SWAP8", "SWAP9", "SWAP10",
	  "SWAP11", "SWAP12", "SWAP13", "SWAP14", "SWAP15", "SWAP16" },
};

const char *gyr_evm_op_name(uint8_t op)
{
	if (op >= 0x60 && op <= 0x7f)
		return counted_names[0][op - 0x60];
	if (op >= 0x80 && op <= 0x8f)
		return counted_names[1][op - 0x80];
	if (op >= 0x90 && op <= 0x9f)
		return counted_names[2][op - 0x90];
	for (size_t i = 0; i < GYR_COUNT(rows); i++)
		if (rows[i].op == op)
			return rows[i].name;
	return NULL;
}

const char *gyr_evm_halt_name(enum gyr_evm_halt halt)
{
	static const char *const names[GYR_EVM_HALT_COUNT] = {
		[GYR_EVM_SUCCESS] = "success",
		[GYR_EVM_REVERT] = "execution reverted",
		[GYR_EVM_OUT_OF_GAS] = "out of gas",
		[GYR_EVM_STACK_UNDERFLOW] = "stack underflow",
		[GYR_EVM_STACK_OVERFLOW] = "stack overflow",
		[GYR_EVM_BAD_JUMP] = "invalid jump destination",
		[GYR_EVM_INVALID_OPCODE] = "invalid opcode",
		[GYR_EVM_STATIC_VIOLATION] = "write protection",
		[GYR_EVM_RETURN_DATA_RANGE] = "return data out of bounds",
		[GYR_EVM_CREATE_COLLISION] = "contract address collision",
		[GYR_EVM_CODE_TOO_LONG] = "max code size exceeded",
		[GYR_EVM_CODE_PREFIX] = "invalid code: must not begin with 0xef",
		[GYR_EVM_INIT_TOO_LONG] = "max initcode size exceeded",
		[GYR_EVM_PRECOMPILE_FAILED] = "precompile failed",
		[GYR_EVM_NONCE_OVERFLOW] = "nonce overflow",
	};

	return (unsigned)halt < GYR_EVM_HALT_COUNT ? names[halt] : "unknown";
}

static enum gyr_precompile_fork precompile_fork(enum gyr_fork fork)
{
	if (fork >= GYR_FORK_OSAKA)
		return GYR_PRECOMPILE_OSAKA;
	if (fork >= GYR_FORK_PRAGUE)
		return GYR_PRECOMPILE_PRAGUE;
	if (fork >= GYR_FORK_CANCUN)
		return GYR_PRECOMPILE_CANCUN;
	if (fork >= GYR_FORK_BERLIN)
		return GYR_PRECOMPILE_BERLIN;
	if (fork >= GYR_FORK_ISTANBUL)
		return GYR_PRECOMPILE_ISTANBUL;
	return fork >= GYR_FORK_BYZANTIUM ? GYR_PRECOMPILE_BYZANTIUM : GYR_PRECOMPILE_FRONTIER;
}

/* EIP-150, 1884 and 2929: what touching state costs. */
static void price_state_access(struct gyr_evm_rules *rules, enum gyr_fork fork)
{
	int16_t *gas = rules->static_gas;

	if (fork >= GYR_FORK_TANGERINE) {
		gas[0x31] = 400;
		gas[0x3b] = gas[0x3c] = 700;
		gas[0x54] = 200;
		gas[0xf1] = gas[0xf2] = gas[0xf4] = 700;
		gas[0xff] = 5000;
	}
	if (fork >= GYR_FORK_ISTANBUL) {
		gas[0x31] = gas[0x3f] = 700;
		gas[0x54] = 800;
	}
	if (fork >= GYR_FORK_BERLIN) {
		gas[0x31] = gas[0x3b] = gas[0x3c] = gas[0x3f] = 100;
		gas[0x54] = 100;
		gas[0xf1] = gas[0xf2] = gas[0xf4] = gas[0xfa] = 100;
		rules->cold_account = 2500;
		rules->cold_slot = 2000;
	}
}

/* EIP-1283, 1706, 2200, 2929, 3529: what a store costs and gives back. */
static void price_stores(struct gyr_evm_rules *rules, enum gyr_fork fork)
{
	rules->store_set = 20000;
	rules->store_reset = 5000;
	rules->store_clear_refund = 15000;
	rules->store_same = fork >= GYR_FORK_ISTANBUL ? 800 : 200;
	if (fork >= GYR_FORK_BERLIN) {
		rules->store_same = 100;
		rules->store_reset = 2900;
	}
	if (fork >= GYR_FORK_LONDON)
		rules->store_clear_refund = 4800;
}

struct gyr_evm_rules evm_rules_of(enum gyr_fork fork)
{
	struct gyr_evm_rules rules = {
		.fork = fork,
		.exp_byte = fork >= GYR_FORK_SPURIOUS ? 50 : 10,
		.precompiles = gyr_precompile_rules_of(precompile_fork(fork)),
	};

	memset(rules.first_fork, GYR_FORK_COUNT, sizeof rules.first_fork);
	for (size_t i = 0; i < GYR_COUNT(rows); i++) {
		rules.first_fork[rows[i].op] = rows[i].first_fork;
		rules.static_gas[rows[i].op] = rows[i].gas;
	}
	for (unsigned op = 0x60; op < 0xa0; op++) {
		rules.first_fork[op] = GYR_FORK_FRONTIER;
		rules.static_gas[op] = 3;
	}
	price_state_access(&rules, fork);
	price_stores(&rules, fork);
	return rules;
}
