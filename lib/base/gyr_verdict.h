/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad data is a value: what is wrong with a transaction or a message, told to its sender and
 * counted. The numbers are stable: they go over the wire and into the log. Freestanding.
 */
#ifndef GYR_VERDICT_H
#define GYR_VERDICT_H

#include "gyr_base.h"

/* X(NAME, number, text) in ranges: 1 shape, 32 gas and fees, 64 account, 96 sequencing, 128 session
 * and message, 192 only at execution (SKIPPED). */
#define GYR_VERDICTS(X)                                                                            \
	X(OK, 0, "accepted")                                                                       \
	X(TX_TOO_SHORT, 1, "transaction is cut short")                                             \
	X(TX_TOO_LONG, 2, "transaction exceeds 128 KiB")                                           \
	X(TX_TYPE_UNKNOWN, 3, "unknown transaction type")                                          \
	X(TX_TYPE_BLOB, 4, "blob transactions are not accepted here")                              \
	X(RLP_MALFORMED, 5, "RLP is malformed")                                                    \
	X(RLP_NOT_CANONICAL, 6, "RLP is not canonical")                                            \
	X(RLP_FIELD_COUNT, 7, "wrong number of fields")                                            \
	X(FIELD_RANGE, 8, "a field exceeds its range")                                             \
	X(CHAIN_ID, 9, "wrong chain id")                                                           \
	X(UNPROTECTED, 10, "no replay protection (EIP-155)")                                       \
	X(SIGNATURE_RANGE, 11, "r, s or parity out of range")                                      \
	X(SIGNATURE_HIGH_S, 12, "s is in the upper half (EIP-2)")                                  \
	X(SIGNATURE_INVALID, 13, "no key recovers from the signature")                             \
	X(TX_TYPE_NOT_ACTIVE, 14, "transaction type is not active in this fork")                   \
	X(EVM_NOT_SUPPORTED, 15, "needs the EVM, which this build does not have")                  \
	X(FEE_BELOW_FLOOR, 32, "max fee is below the highest base fee the next block can have")    \
	X(TIP_ABOVE_FEE, 33, "priority fee exceeds max fee")                                       \
	X(GAS_INTRINSIC, 34, "gas limit is below the intrinsic gas")                               \
	X(GAS_FLOOR, 35, "gas limit is below the calldata floor (EIP-7623)")                       \
	X(GAS_ABOVE_CAP, 36, "gas limit exceeds the per-transaction cap")                          \
	X(INITCODE_TOO_LONG, 37, "init code exceeds its limit (EIP-3860)")                         \
	X(AUTHORIZATION_EMPTY, 38, "empty authorization list (EIP-7702)")                          \
	X(CREATE_FORBIDDEN, 39, "this transaction type cannot create a contract")                  \
	X(GAS_COST_OVERFLOW, 40, "gas limit times fee plus value exceeds 256 bits")                \
	X(AUTHORIZATIONS_TOO_MANY, 41, "more authorizations than the sequencer takes (8)")         \
	X(NONCE_TOO_LOW, 64, "nonce was used")                                                     \
	X(NONCE_GAP, 65, "nonce is too far ahead")                                                 \
	X(NONCE_MAX, 66, "nonce is at its maximum (EIP-2681)")                                     \
	X(BALANCE_TOO_LOW, 67, "balance does not cover gas limit times max fee plus value")        \
	X(SENDER_HAS_CODE, 68, "sender is a contract (EIP-3607)")                                  \
	X(DELEGATED_IN_FLIGHT, 69, "one transaction at a time for a delegated sender (EIP-7702)")  \
	X(PARK_FULL, 70, "too many transactions parked")                                           \
	X(PARK_EXPIRED, 71, "the nonce gap did not close in time")                                 \
	X(NONCE_OCCUPIED, 72, "another transaction with this nonce is parked or in flight")        \
	X(AUTHORITY_PENDING, 73, "an authorization of this authority is under way (EIP-7702)")     \
	X(BLOCK_FULL, 96, "does not fit the gas left in the block")                                \
	X(EXPIRED, 97, "expired before it was ordered")                                            \
	X(HIGH_WATER, 98, "the server is at its capacity")                                         \
	X(STOPPING, 99, "the server is stopping")                                                  \
	X(ADMISSION_TABLE_FULL, 100, "the account table is at its high water")                     \
	X(DUPLICATE, 101, "these bytes are ordered or parked already; their answer holds")         \
	X(LOST_AT_RESTART, 102, "was not decided when the server stopped: submit it again")        \
	X(RATE_LIMITED, 128, "the session exceeds its rate")                                       \
	X(SESSION_UNPROVEN, 129, "say HELLO first")                                                \
	X(SESSION_UNKNOWN, 130, "unknown session")                                                 \
	X(VERSION, 131, "unknown protocol version")                                                \
	X(MESSAGE_TRUNCATED, 132, "message is cut short")                                          \
	X(MESSAGE_UNKNOWN, 133, "unknown message type")                                            \
	X(MESSAGE_FIELD, 134, "a field of the message is out of range")                            \
	X(CHUNK_LIMIT, 135, "too many or too large chunked transactions")                          \
	X(CHUNK_MISMATCH, 136, "chunks do not match what was declared")                            \
	X(CHUNK_EXPIRED, 137, "chunks did not complete in time")                                   \
	X(COOKIE, 138, "cookie is wrong or too old")                                               \
	X(SESSION_LIMIT, 139, "too many sessions")                                                 \
	X(RING_FULL, 140, "dropped: the intake ring is full")                                      \
	X(HISTORY_GONE, 141, "answers that far back are no longer kept")                           \
	X(SESSION_IDLE, 142, "the session was silent for too long")                                \
	X(SKIP_NONCE, 192, "skipped: nonce differs at execution")                                  \
	X(SKIP_BALANCE, 193, "skipped: balance too low at execution")                              \
	X(SKIP_BASE_FEE, 194, "skipped: max fee is below the base fee")                            \
	X(SKIP_SENDER_CODE, 195, "skipped: sender has code at execution (EIP-3607)")               \
	X(SKIP_BLOCK_GAS, 196, "skipped: exceeds the gas left in the block")                       \
	X(SKIP_INTRINSIC, 197, "skipped: gas limit below the intrinsic gas at execution")          \
	X(SKIP_TYPE, 198, "skipped: transaction type is not active at execution")

#define GYR_VERDICT_ENUM_(name, number, text) GYR_VERDICT_##name = (number),
enum gyr_verdict { GYR_VERDICTS(GYR_VERDICT_ENUM_) };
#undef GYR_VERDICT_ENUM_

/* The verdict's name, for example "NONCE_GAP"; NULL for a number that is none. */
const char *gyr_verdict_name(unsigned verdict);

/* One sentence for people; "unknown verdict" for a number that is none. */
const char *gyr_verdict_text(unsigned verdict);

#endif
