/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded pool of tier 1 streams with its translator. One owner, one thread; the machines (struct
 * gyr_evm) that run the streams may be on other threads. Streams are published in the code objects
 * and shared by every machine of the state; no result depends on which code has one, or when.
 *
 * Where the pool is full the oldest stream goes: first its code object forgets it, and its bytes
 * are taken again when each reader was quiet since (gyr_evm_quiet), so that no frame that runs
 * loses its stream. Until then the pool adds nothing. Code that is still hot comes back when it has
 * earned it again.
 */
#ifndef GYR_EVM_STREAMS_H
#define GYR_EVM_STREAMS_H

#include "gyr_evm_translate.h"

#define GYR_EVM_STREAMS_READER_MAX 16

struct gyr_evm_streams_limits {
	uint64_t bytes;		  /* of all streams; at least what one code of full length needs */
	uint32_t count_max;	  /* streams */
	uint32_t code_length_max; /* longer code stays in tier 0 */
};

/* The largest stream that code of this length can have. */
size_t gyr_evm_stream_size_max(uint32_t code_length);

struct gyr_evm_streams;

size_t gyr_evm_streams_size(const struct gyr_evm_streams_limits *limits);

/* NULL when the arena is smaller than gyr_evm_streams_size. */
struct gyr_evm_streams *gyr_evm_streams_init(struct gyr_arena *arena,
					     const struct gyr_evm_streams_limits *limits);

/* A machine that may run the streams; before the first add. At most GYR_EVM_STREAMS_READER_MAX. */
void gyr_evm_streams_reader(struct gyr_evm_streams *streams, const struct gyr_evm *evm);

enum gyr_evm_streams_outcome {
	GYR_EVM_STREAMS_ADDED,
	GYR_EVM_STREAMS_PRESENT, /* it has a stream for this fork */
	GYR_EVM_STREAMS_REFUSED, /* empty, too long or too much: tier 0 for ever */
	GYR_EVM_STREAMS_WAIT,	 /* what makes room may still run: try again */
};

/*
 * Translates and publishes. The code object, its bytes included, stays as long as the state: it was
 * there before the transaction that runs, if one does.
 */
enum gyr_evm_streams_outcome gyr_evm_streams_add(struct gyr_evm_streams *streams,
						 struct gyr_code *code, enum gyr_fork fork);

/* Adds all code of a machine's state for the fork in force; between messages. How many it added. */
unsigned gyr_evm_streams_add_all(struct gyr_evm_streams *streams, struct gyr_evm *evm);

/* Forgets all streams without a word to their code objects, which are gone: a state was reset. */
void gyr_evm_streams_reset(struct gyr_evm_streams *streams);

struct gyr_evm_streams_count {
	uint64_t added;
	uint64_t refused;
	uint64_t evicted;
	uint64_t bytes_in_use;
	uint32_t streams;
};

struct gyr_evm_streams_count gyr_evm_streams_count(const struct gyr_evm_streams *streams);

#endif
