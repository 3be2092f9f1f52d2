/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_evm_streams.h"

#include "evm_stream.h"

/* One stream's place in the ring of bytes; oldest first. */
struct entry {
	struct gyr_code *code;
	uint64_t offset;
	uint64_t size; /* with what was left at the ring's end */
};

struct gyr_evm_streams {
	struct gyr_evm_streams_limits limits;
	struct gyr_evm_translator *translator;
	uint8_t *bytes;
	uint64_t write; /* where the next stream goes */
	uint64_t used;
	struct entry *entries; /* a ring */
	uint64_t first;	       /* the oldest that has bytes */
	uint64_t published;    /* the oldest that is published: first <= published <= next */
	uint64_t next;
	const struct gyr_evm *readers[GYR_EVM_STREAMS_READER_MAX];
	uint64_t seen[GYR_EVM_STREAMS_READER_MAX]; /* quiet when the last one was taken back */
	unsigned reader_count;
	uint64_t added;
	uint64_t refused;
	uint64_t evicted;
};

size_t gyr_evm_stream_size_max(uint32_t code_length)
{
	return sizeof(struct gyr_evm_stream) +
	       ((size_t)4 * code_length + 64) * sizeof(struct evm_cell) +
	       (size_t)code_length * (sizeof(struct gyr_u256) + sizeof(uint32_t)) + 64;
}

size_t gyr_evm_streams_size(const struct gyr_evm_streams_limits *limits)
{
	return sizeof(struct gyr_evm_streams) + limits->bytes +
	       sizeof(struct entry) * limits->count_max +
	       gyr_evm_translator_size(limits->code_length_max) + (size_t)4 * 64;
}

struct gyr_evm_streams *gyr_evm_streams_init(struct gyr_arena *arena,
					     const struct gyr_evm_streams_limits *limits)
{
	struct gyr_evm_streams *streams = gyr_arena_carve(arena, sizeof *streams, 64);

	gyr_assert(limits->count_max > 0);
	gyr_assert(limits->bytes >= gyr_evm_stream_size_max(limits->code_length_max));
	if (streams == NULL)
		return NULL;
	*streams = (struct gyr_evm_streams){
		.limits = *limits,
		.bytes = gyr_arena_carve(arena, limits->bytes, 64),
		.entries = gyr_arena_carve(arena, sizeof *streams->entries * limits->count_max, 64),
		.translator = gyr_evm_translator_init(arena, limits->code_length_max),
	};
	if (streams->bytes == NULL || streams->entries == NULL || streams->translator == NULL)
		return NULL;
	return streams;
}

void gyr_evm_streams_reader(struct gyr_evm_streams *streams, const struct gyr_evm *evm)
{
	gyr_assert(streams->reader_count < GYR_EVM_STREAMS_READER_MAX && streams->next == 0);
	streams->readers[streams->reader_count++] = evm;
}

static struct entry *entry_at(struct gyr_evm_streams *streams, uint64_t number)
{
	return &streams->entries[number % streams->limits.count_max];
}

/* True when every reader was quiet since the last stream was taken back. */
static bool readers_passed(const struct gyr_evm_streams *streams)
{
	for (unsigned i = 0; i < streams->reader_count; i++)
		/* Acquire: what the reader did with streams before is done (gyr_evm_quiet). */
		if (__atomic_load_n(&streams->readers[i]->quiet, __ATOMIC_ACQUIRE) ==
		    streams->seen[i])
			return false;
	return true;
}

/* Takes the oldest published stream back; its bytes are free once the readers passed. */
static void take_back(struct gyr_evm_streams *streams)
{
	struct gyr_code *code = entry_at(streams, streams->published++)->code;

	gyr_evm_publish(code, NULL);
	streams->evicted++;
	/* A reader that counts up after this cannot find the stream any more (gyr_evm_quiet). */
	for (unsigned i = 0; i < streams->reader_count; i++)
		streams->seen[i] = __atomic_load_n(&streams->readers[i]->quiet, __ATOMIC_SEQ_CST);
}

/* The bytes that a stream takes at the place where it would go: none is cut at the ring's end. */
static uint64_t bytes_for(const struct gyr_evm_streams *streams, uint64_t size)
{
	uint64_t left = streams->limits.bytes - streams->write;

	return size <= left ? size : left + size;
}

/* Frees bytes from the oldest on; false when they may still be read. */
static bool make_room(struct gyr_evm_streams *streams, uint64_t size)
{
	while (streams->next - streams->first == streams->limits.count_max ||
	       streams->limits.bytes - streams->used < bytes_for(streams, size)) {
		if (streams->first == streams->published) {
			/* Some at a time, so that one wait serves many. */
			for (unsigned i = 0; i < 8 && streams->published < streams->next; i++)
				take_back(streams);
		}
		if (!readers_passed(streams))
			return false;
		for (; streams->first < streams->published; streams->first++)
			streams->used -= entry_at(streams, streams->first)->size;
		if (streams->first == streams->next)
			streams->write = streams->used = 0;
	}
	return true;
}

enum gyr_evm_streams_outcome gyr_evm_streams_add(struct gyr_evm_streams *streams,
						 struct gyr_code *code, enum gyr_fork fork)
{
	const struct gyr_evm_stream *stream = code->stream;
	uint64_t size;
	struct entry *entry;

	if (stream != NULL && stream->fork == (uint32_t)fork)
		return GYR_EVM_STREAMS_PRESENT;
	size = gyr_evm_translate(streams->translator, code, fork);
	if (size == 0) {
		streams->refused++;
		return GYR_EVM_STREAMS_REFUSED;
	}
	size = gyr_round_up(size, 64);
	if (!make_room(streams, size))
		return GYR_EVM_STREAMS_WAIT;
	entry = entry_at(streams, streams->next++);
	*entry = (struct entry){ .code = code, .size = bytes_for(streams, size) };
	entry->offset = size <= streams->limits.bytes - streams->write ? streams->write : 0;
	streams->write = entry->offset + size;
	streams->used += entry->size;
	gyr_assert(streams->write <= streams->limits.bytes);
	gyr_evm_publish(
		code, gyr_evm_translate_store(streams->translator, streams->bytes + entry->offset));
	streams->added++;
	return GYR_EVM_STREAMS_ADDED;
}

unsigned gyr_evm_streams_add_all(struct gyr_evm_streams *streams, struct gyr_evm *evm)
{
	unsigned count = 0;

	gyr_assert(evm->frame == NULL);
	for (uint32_t i = 1; i <= evm->state->code_count; i++)
		count += gyr_evm_streams_add(streams, &evm->state->codes[i], evm->rules.fork) ==
			 GYR_EVM_STREAMS_ADDED;
	return count;
}

void gyr_evm_streams_reset(struct gyr_evm_streams *streams)
{
	streams->first = streams->published = streams->next = 0;
	streams->write = streams->used = 0;
}

struct gyr_evm_streams_count gyr_evm_streams_count(const struct gyr_evm_streams *streams)
{
	return (struct gyr_evm_streams_count){
		.added = streams->added,
		.refused = streams->refused,
		.evicted = streams->evicted,
		.bytes_in_use = streams->used,
		.streams = (uint32_t)(streams->next - streams->published),
	};
}
