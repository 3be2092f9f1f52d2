/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random EVM programs that do something: statements of a small grammar (loops, calls of functions
 * and contracts, computed jumps, memory, storage, logs, creations, gas read and stored) that keep
 * count of the stack, and now and then bytes without any grammar. The same seed gives the same
 * program.
 */
#ifndef EVM_PROGRAMS_H
#define EVM_PROGRAMS_H

#include <stdbool.h>
#include <string.h>

#include "gyr_test.h"

#define EVM_PROGRAM_MAX	  3000
#define EVM_PROGRAM_PEERS 4 /* contracts that may call each other: last bytes 9, 10, 11, 12 */

struct evm_program {
	uint8_t bytes[EVM_PROGRAM_MAX + 64];
	unsigned length;
	unsigned depth;	 /* words on the stack that the program may use */
	unsigned nested; /* statements within statements */
	uint64_t *seed;
};

static inline uint64_t evm_program_below(struct evm_program *p, uint64_t limit)
{
	return gyr_test_random(p->seed) % limit;
}

static inline void evm_program_byte(struct evm_program *p, unsigned byte)
{
	if (p->length < EVM_PROGRAM_MAX)
		p->bytes[p->length++] = (uint8_t)byte;
}

static inline void evm_program_push_bytes(struct evm_program *p, const uint8_t *bytes,
					  unsigned count)
{
	evm_program_byte(p, 0x5f + count);
	for (unsigned i = 0; i < count; i++)
		evm_program_byte(p, bytes[i]);
	p->depth++;
}

static inline void evm_program_push(struct evm_program *p, uint64_t value)
{
	uint8_t bytes[8];
	unsigned count = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8;

	for (unsigned i = 0; i < count; i++)
		bytes[i] = (uint8_t)(value >> 8 * (count - 1 - i));
	evm_program_push_bytes(p, bytes, count);
}

/* PUSH2 of something patched later; where its bytes are. */
static inline unsigned evm_program_push_later(struct evm_program *p)
{
	static const uint8_t none[2];

	evm_program_push_bytes(p, none, 2);
	return p->length - 2;
}

static inline void evm_program_patch(struct evm_program *p, unsigned at, unsigned value)
{
	if (at + 2 > EVM_PROGRAM_MAX)
		return;
	p->bytes[at] = (uint8_t)(value >> 8);
	p->bytes[at + 1] = (uint8_t)value;
}

static inline void evm_program_op(struct evm_program *p, unsigned op, unsigned pops,
				  unsigned pushes)
{
	evm_program_byte(p, op);
	p->depth = p->depth - pops + pushes;
}

/* A word that arithmetic stumbles over. */
static inline void evm_program_number(struct evm_program *p)
{
	uint8_t bytes[32];
	unsigned bit;

	switch (evm_program_below(p, 8)) {
	case 0:
	case 1:
	case 2:
		evm_program_push(p, evm_program_below(p, 40));
		return;
	case 3:
		evm_program_push(p, gyr_test_random(p->seed) >> evm_program_below(p, 64));
		return;
	case 4:
		memset(bytes, 0xff, sizeof bytes);
		evm_program_push_bytes(p, bytes, 1 + (unsigned)evm_program_below(p, 32));
		return;
	case 5: /* 2^k, less or plus one now and then */
		memset(bytes, 0, sizeof bytes);
		bit = (unsigned)evm_program_below(p, 256);
		bytes[31 - bit / 8] = (uint8_t)(1u << bit % 8);
		if (bit > 8 && evm_program_below(p, 3) == 0)
			bytes[31] |= 1;
		evm_program_push_bytes(p, bytes, 32);
		return;
	default:
		for (unsigned i = 0; i < 32; i++)
			bytes[i] = (uint8_t)gyr_test_random(p->seed);
		bit = (unsigned)evm_program_below(p, 32);
		evm_program_push_bytes(p, bytes + bit, 32 - bit);
		return;
	}
}

/* A word: fresh, copied from the stack, or read from somewhere. */
static inline void evm_program_word(struct evm_program *p)
{
	static const uint8_t context[] = { 0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d,
					   0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
					   0x58, 0x59, 0x5a, 0x5a, 0x5a, 0x5f, 0x4a };
	unsigned reach = p->depth < 16 ? p->depth : 16;

	switch (evm_program_below(p, 10)) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (reach > 0) {
			evm_program_op(p, 0x80 + (unsigned)evm_program_below(p, reach), 0, 1);
			return;
		}
		break;
	case 4:
		evm_program_op(p, context[evm_program_below(p, sizeof context)], 0, 1);
		return;
	case 5:
		evm_program_push(p, evm_program_below(p, 200));
		evm_program_op(p, evm_program_below(p, 2) != 0 ? 0x51 : 0x35, 1, 1);
		return;
	case 6:
		evm_program_push(p, evm_program_below(p, 6));
		evm_program_op(p, evm_program_below(p, 4) != 0 ? 0x54 : 0x5c, 1, 1);
		return;
	default:
		break;
	}
	evm_program_number(p);
}

static inline void evm_program_arithmetic(struct evm_program *p)
{
	static const uint8_t binary[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
					  0x0a, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14,
					  0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d };
	static const uint8_t unary[] = { 0x15, 0x15, 0x19, 0x1e, 0x31, 0x3b, 0x3f, 0x40, 0x49 };

	evm_program_word(p);
	switch (evm_program_below(p, 8)) {
	case 0:
		evm_program_op(p, unary[evm_program_below(p, sizeof unary)], 1, 1);
		return;
	case 1:
		evm_program_word(p);
		evm_program_word(p);
		evm_program_op(p, evm_program_below(p, 2) != 0 ? 0x08 : 0x09, 3, 1);
		return;
	default:
		evm_program_word(p);
		evm_program_op(p, binary[evm_program_below(p, sizeof binary)], 2, 1);
		return;
	}
}

/* Stack work alone: what a translator turns into nothing, and must not get wrong. */
static inline void evm_program_shuffle(struct evm_program *p)
{
	for (uint64_t i = evm_program_below(p, 12) + 1; i > 0; i--) {
		unsigned reach = p->depth < 16 ? p->depth : 16;
		uint64_t what = evm_program_below(p, 8);

		if (reach >= 2 && what < 5) {
			unsigned far = p->depth < 17 ? p->depth - 1 : 16;

			evm_program_op(p, 0x90 + (unsigned)evm_program_below(p, far), 0, 0);
		} else if (reach >= 1 && what < 7) {
			evm_program_op(p, 0x80 + (unsigned)evm_program_below(p, reach), 0, 1);
		} else if (p->depth > 0) {
			evm_program_op(p, 0x50, 1, 0);
		}
	}
}

static inline void evm_program_small(struct evm_program *p)
{
	if (evm_program_below(p, 200) == 0) {
		evm_program_number(p);
	} else if (evm_program_below(p, 6) == 0) {
		evm_program_word(p);
		evm_program_push(p, 0x1ff);
		evm_program_op(p, 0x16, 2, 1);
	} else {
		evm_program_push(p, evm_program_below(p, 300));
	}
}

static inline void evm_program_memory(struct evm_program *p)
{
	static const uint8_t copies[] = { 0x37, 0x39, 0x37, 0x39, 0x5e, 0x5e, 0x5e, 0x3e };

	switch (evm_program_below(p, 6)) {
	case 0:
	case 1:
		evm_program_word(p);
		evm_program_small(p);
		evm_program_op(p, evm_program_below(p, 4) != 0 ? 0x52 : 0x53, 2, 0);
		return;
	case 2:
		evm_program_push(p, evm_program_below(p, 100));
		evm_program_small(p);
		evm_program_op(p, 0x20, 2, 1);
		return;
	case 3:
		evm_program_push(p, evm_program_below(p, 64));
		evm_program_small(p);
		evm_program_small(p);
		evm_program_op(p, copies[evm_program_below(p, sizeof copies)], 3, 0);
		return;
	case 4:
		evm_program_push(p, evm_program_below(p, 40));
		evm_program_push(p, evm_program_below(p, 40));
		evm_program_small(p);
		evm_program_push(p, 9 + evm_program_below(p, EVM_PROGRAM_PEERS));
		evm_program_op(p, 0x3c, 4, 0);
		return;
	default:
		evm_program_small(p);
		evm_program_op(p, 0x51, 1, 1);
		return;
	}
}

static inline void evm_program_effect(struct evm_program *p)
{
	unsigned topics = (unsigned)evm_program_below(p, 5);

	switch (evm_program_below(p, 5)) {
	case 0:
	case 1:
		evm_program_word(p);
		evm_program_push(p, evm_program_below(p, 6));
		evm_program_op(p, 0x55, 2, 0);
		return;
	case 2:
		evm_program_word(p);
		evm_program_push(p, evm_program_below(p, 6));
		evm_program_op(p, 0x5d, 2, 0);
		return;
	case 3: /* the gas, where everybody sees it */
		evm_program_op(p, 0x5a, 0, 1);
		evm_program_push(p, 7 + evm_program_below(p, 3));
		evm_program_op(p, 0x55, 2, 0);
		return;
	default:
		for (unsigned i = 0; i < topics; i++)
			evm_program_word(p);
		evm_program_push(p, evm_program_below(p, 70));
		evm_program_small(p);
		evm_program_op(p, 0xa0 + topics, topics + 2, 0);
		return;
	}
}

static inline void evm_program_peer(struct evm_program *p)
{
	uint8_t address[20] = { 0xa0 };

	if (evm_program_below(p, 10) == 0) {
		evm_program_push(p, 1 + evm_program_below(p, 20)); /* precompiles, mostly */
		return;
	}
	address[19] = (uint8_t)(9 + evm_program_below(p, EVM_PROGRAM_PEERS));
	evm_program_push_bytes(p, address, 20);
}

static inline void evm_program_call(struct evm_program *p)
{
	static const uint8_t kinds[] = { 0xf1, 0xf2, 0xf4, 0xfa };
	unsigned kind = kinds[evm_program_below(p, sizeof kinds)];

	evm_program_push(p, evm_program_below(p, 64));
	evm_program_small(p);
	evm_program_push(p, evm_program_below(p, 64));
	evm_program_small(p);
	if (kind == 0xf1 || kind == 0xf2)
		evm_program_push(p, evm_program_below(p, 4) == 0);
	evm_program_peer(p);
	switch (evm_program_below(p, 3)) {
	case 0:
		evm_program_op(p, 0x5a, 0, 1);
		break;
	case 1:
		evm_program_push(p, evm_program_below(p, 60000));
		break;
	default:
		evm_program_word(p);
		break;
	}
	evm_program_op(p, kind, kind == 0xf1 || kind == 0xf2 ? 7 : 6, 1);
}

/* Creates from init code that returns a few bytes of memory, or from its own code. */
static inline void evm_program_create(struct evm_program *p)
{
	bool two = evm_program_below(p, 2) != 0;
	unsigned size = 12;

	if (evm_program_below(p, 3) == 0) {
		size = (unsigned)evm_program_below(p, 120);
		evm_program_push(p, size);
		evm_program_push(p, evm_program_below(p, 300));
		evm_program_push(p, 0);
		evm_program_op(p, 0x39, 3, 0);
	} else {
		static const uint8_t init[12] = { 0x60, 0x5a, 0x60, 0x00, 0x52, 0x60,
						  0x01, 0x60, 0x1f, 0xf3, 0x00, 0x00 };

		evm_program_push_bytes(p, init, 12);
		evm_program_push(p, 160);
		evm_program_op(p, 0x1b, 2, 1);
		evm_program_push(p, 0);
		evm_program_op(p, 0x52, 2, 0);
	}
	if (two)
		evm_program_word(p);
	evm_program_push(p, size);
	evm_program_push(p, 0);
	evm_program_push(p, evm_program_below(p, 5) == 0);
	evm_program_op(p, two ? 0xf5 : 0xf0, two ? 4 : 3, 1);
}

static inline void evm_program_statements(struct evm_program *p, uint64_t count);

/* Brings the depth back to what it was, so that paths meet at one height; or does not bother. */
static inline void evm_program_level(struct evm_program *p, unsigned depth)
{
	while (p->depth > depth)
		evm_program_op(p, 0x50, 1, 0);
	while (p->depth < depth)
		evm_program_number(p);
}

static inline void evm_program_if(struct evm_program *p)
{
	unsigned depth, at;

	evm_program_arithmetic(p);
	for (uint64_t i = evm_program_below(p, 3); i > 0; i--)
		evm_program_op(p, 0x15, 1, 1);
	at = evm_program_push_later(p);
	if (evm_program_below(p, 5) == 0) { /* a destination that is computed */
		evm_program_push(p, 0);
		evm_program_op(p, 0x51, 1, 1);
		evm_program_op(p, 0x80, 0, 1);
		evm_program_op(p, 0x18, 2, 1);
		evm_program_op(p, 0x01, 2, 1);
	}
	evm_program_op(p, 0x57, 2, 0);
	depth = p->depth;
	evm_program_statements(p, 1 + evm_program_below(p, 3));
	evm_program_level(p, depth);
	evm_program_patch(p, at, p->length);
	for (uint64_t i = evm_program_below(p, 8) == 0 ? 4 : 1; i > 0; i--)
		evm_program_byte(p, 0x5b);
}

static inline void evm_program_loop(struct evm_program *p)
{
	unsigned depth, head;

	evm_program_push(p, 1 + evm_program_below(p, 12));
	head = p->length;
	evm_program_byte(p, 0x5b);
	depth = p->depth;
	evm_program_statements(p, 1 + evm_program_below(p, 3));
	evm_program_level(p, depth);
	evm_program_push(p, 1);
	evm_program_op(p, 0x90, 0, 0);
	evm_program_op(p, 0x03, 2, 1);
	evm_program_op(p, 0x80, 0, 1);
	evm_program_push(p, head);
	evm_program_op(p, 0x57, 2, 0);
	evm_program_op(p, 0x50, 1, 0);
}

/* A function with its return address on the stack, defined where it is called first. */
static inline void evm_program_function(struct evm_program *p)
{
	unsigned back = evm_program_push_later(p), over, body, depth;

	over = evm_program_push_later(p);
	evm_program_op(p, 0x56, 1, 0);
	body = p->length;
	evm_program_byte(p, 0x5b);
	depth = p->depth;
	evm_program_statements(p, 1 + evm_program_below(p, 2));
	evm_program_level(p, depth);
	evm_program_op(p, 0x56, 1, 0);
	evm_program_patch(p, over, p->length);
	evm_program_byte(p, 0x5b);
	p->depth++;
	evm_program_push(p, body);
	evm_program_op(p, 0x56, 1, 0);
	evm_program_patch(p, back, p->length);
	evm_program_byte(p, 0x5b);
	p->depth = depth - 1;
}

static inline void evm_program_noise(struct evm_program *p)
{
	if (evm_program_below(p, 4) != 0) {
		for (uint64_t i = evm_program_below(p, 20); i > 0; i--)
			evm_program_byte(p, 0x5b);
		return;
	}
	for (uint64_t i = evm_program_below(p, 6); i > 0; i--)
		evm_program_byte(p, (unsigned)evm_program_below(p, 256));
}

static inline void evm_program_statement(struct evm_program *p)
{
	uint64_t what = evm_program_below(p, 100);

	if (what < 30)
		evm_program_arithmetic(p);
	else if (what < 48)
		evm_program_shuffle(p);
	else if (what < 62)
		evm_program_memory(p);
	else if (what < 74)
		evm_program_effect(p);
	else if (what < 82 && p->nested < 4)
		evm_program_if(p);
	else if (what < 86 && p->nested < 3)
		evm_program_loop(p);
	else if (what < 90 && p->nested < 3)
		evm_program_function(p);
	else if (what < 95)
		evm_program_call(p);
	else if (what < 97)
		evm_program_create(p);
	else if (what < 98)
		evm_program_noise(p);
	else if (p->depth > 0)
		evm_program_op(p, 0x50, 1, 0);
}

static inline void evm_program_statements(struct evm_program *p, uint64_t count)
{
	p->nested++;
	while (count-- > 0)
		evm_program_statement(p);
	p->nested--;
}

static inline void evm_program_end(struct evm_program *p)
{
	static const uint8_t ends[] = { 0xf3, 0xf3, 0xf3, 0xf3, 0xf3, 0xfd,
					0x00, 0x00, 0x00, 0xfe, 0xff, 0x56 };
	unsigned op = ends[evm_program_below(p, sizeof ends)];

	if (evm_program_below(p, 8) == 0)
		return; /* runs off its end, maybe within a PUSH */
	evm_program_push(p, evm_program_below(p, 100));
	evm_program_small(p);
	evm_program_byte(p, op);
}

static inline void evm_program_make(struct evm_program *p, uint64_t *seed)
{
	memset(p, 0, sizeof *p);
	p->seed = seed;
	if (evm_program_below(p, 20) == 0) {
		p->length = 1 + (unsigned)evm_program_below(p, 200);
		for (unsigned i = 0; i < p->length; i++)
			p->bytes[i] = (uint8_t)(evm_program_below(p, 3) != 0
							? 0x50 + evm_program_below(p, 0x50)
							: gyr_test_random(seed));
		return;
	}
	for (uint64_t i = evm_program_below(p, 6); i > 0; i--)
		evm_program_word(p);
	evm_program_statements(p, 2 + evm_program_below(p, 30));
	evm_program_end(p);
}

#endif
