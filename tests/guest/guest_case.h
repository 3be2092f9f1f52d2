/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State tests in a form that a guest without a C library reads: a stream of little-endian words of
 * eight bytes and of byte strings, each a word of length and its bytes, unpadded. A file is
 * GUEST_MAGIC, the number of cases, and per case in this order:
 *
 *   fork, chain id, number, timestamp, gas limit, base fee, excess blob gas,
 *   blob target, blob max, blob fraction,
 *   string fee recipient, string prev randao, string difficulty (32 bytes big-endian),
 *   string sender, string transaction, string root, string logs, 1 where it must be accepted,
 *   number of accounts, and of each: string address, nonce, string balance, string code,
 *   number of slots, and of each: string key, string value
 */
#ifndef GUEST_CASE_H
#define GUEST_CASE_H

#define GUEST_MAGIC UINT64_C(0x3165736163727967)

#endif
