/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From byte code to tier 1's stream, by one pass over the code: time is linear in its length,
 * whatever the code, and memory is what gyr_evm_translator_size says. A translator belongs to one
 * thread; code is read only. Two steps, so that the caller can give the stream a place of exactly
 * its size: gyr_evm_translate, then gyr_evm_translate_store.
 *
 * Code longer than the translator was made for, and code whose stream would have more than four
 * cells a byte, is refused: it stays in tier 0. A stream serves one fork; frames of another one run
 * in tier 0.
 */
#ifndef GYR_EVM_TRANSLATE_H
#define GYR_EVM_TRANSLATE_H

#include "gyr_evm.h"

struct gyr_evm_stream;
struct gyr_evm_translator;

/* The longest code that a contract can have (EIP-170); a translator's limit may not exceed it. */
#define GYR_EVM_TRANSLATE_LENGTH_MAX 24576

size_t gyr_evm_translator_size(uint32_t code_length_max);

/* Carves a translator for code of up to this length; NULL when the arena is too small. */
struct gyr_evm_translator *gyr_evm_translator_init(struct gyr_arena *arena,
						   uint32_t code_length_max);

/* The bytes that the stream of this code takes, at an alignment of 8; 0: refused. */
size_t gyr_evm_translate(struct gyr_evm_translator *translator, const struct gyr_code *code,
			 enum gyr_fork fork);

/* Writes the stream of the last code that was translated, of the size that was returned. */
struct gyr_evm_stream *gyr_evm_translate_store(struct gyr_evm_translator *translator, void *place);

/*
 * Makes frames that are entered from now on run the stream: one atomic store, from any thread. The
 * stream stays where it is until NULL was published and every frame that may run it has ended.
 */
void gyr_evm_publish(struct gyr_code *code, const struct gyr_evm_stream *stream);

#endif
