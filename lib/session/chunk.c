/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

static void drop(struct gyr_session_table *table, struct assembly *assembly)
{
	struct session *session = session_by_handle(table, assembly->session);

	if (session != NULL) {
		gyr_assert(session->chunked_count > 0);
		session->chunked_count--;
	}
	assembly->session = GYR_SESSION_NONE;
}

static struct assembly *find(struct gyr_session_table *table, const struct session *session,
			     uint64_t client_tag)
{
	for (uint32_t i = 0; i < table->conf.chunked_count_max; i++) {
		struct assembly *assembly = &table->assemblies[i];

		if (assembly->session == session->handle && !assembly->complete &&
		    assembly->client_tag == client_tag)
			return assembly;
	}
	return NULL;
}

enum gyr_verdict chunk_begin(struct gyr_session_table *table, struct session *session,
			     const struct gyr_wire_chunk_begin *begin, uint64_t now_ns)
{
	struct assembly *assembly = find(table, session, begin->client_tag);

	if (begin->raw_length > GYR_WIRE_CHUNKED_MAX)
		return GYR_VERDICT_CHUNK_LIMIT;
	/* The same tag again starts over. */
	if (assembly != NULL)
		drop(table, assembly);
	if (session->chunked_count >= table->conf.chunked_per_session)
		return GYR_VERDICT_CHUNK_LIMIT;
	for (uint32_t i = 0; i < table->conf.chunked_count_max && assembly == NULL; i++)
		if (table->assemblies[i].session == GYR_SESSION_NONE)
			assembly = &table->assemblies[i];
	if (assembly == NULL)
		return GYR_VERDICT_CHUNK_LIMIT;
	assembly->client_tag = begin->client_tag;
	assembly->expires_at = begin->expires_at;
	assembly->began_at_ns = now_ns;
	memcpy(assembly->hash.bytes, begin->hash, sizeof begin->hash);
	memset(assembly->have, 0, sizeof assembly->have);
	assembly->length = begin->raw_length;
	assembly->missing = (begin->raw_length + GYR_WIRE_CHUNK_DATA_BYTES - 1) /
			    GYR_WIRE_CHUNK_DATA_BYTES;
	assembly->session = session->handle;
	assembly->answers = begin->answers;
	assembly->complete = false;
	session->chunked_count++;
	table->counters.chunk_begun++;
	return GYR_VERDICT_OK;
}

enum gyr_verdict chunk_add(struct gyr_session_table *table, struct session *session,
			   struct gyr_submission *submission, bool *complete,
			   const struct gyr_wire_chunk *chunk, uint64_t now_ns)
{
	struct assembly *assembly = find(table, session, chunk->client_tag);
	uint64_t timeout_ns = (uint64_t)table->conf.chunk_timeout_ms * 1000000;
	uint32_t number = chunk->offset / GYR_WIRE_CHUNK_DATA_BYTES;
	uint64_t bit = 1ull << (number % 64);

	*complete = false;
	if (assembly == NULL)
		return GYR_VERDICT_CHUNK_MISMATCH;
	if (now_ns >= assembly->began_at_ns + timeout_ns) {
		drop(table, assembly);
		table->counters.chunk_expired++;
		return GYR_VERDICT_CHUNK_EXPIRED;
	}
	if (chunk->offset % GYR_WIRE_CHUNK_DATA_BYTES != 0 || chunk->offset >= assembly->length ||
	    chunk->data.length !=
		    gyr_min_u64(GYR_WIRE_CHUNK_DATA_BYTES, assembly->length - chunk->offset))
		return GYR_VERDICT_CHUNK_MISMATCH;
	gyr_assert(number / 64 < CHUNK_WORDS);
	if ((assembly->have[number / 64] & bit) != 0)
		return GYR_VERDICT_OK; /* again: the first one counts */
	assembly->have[number / 64] |= bit;
	memcpy(assembly->bytes + chunk->offset, chunk->data.data, chunk->data.length);
	gyr_assert(assembly->missing > 0);
	if (--assembly->missing > 0)
		return GYR_VERDICT_OK;
	assembly->complete = true;
	table->complete_count++;
	table->counters.chunk_completed++;
	*submission = (struct gyr_submission){
		.client_tag = assembly->client_tag,
		.expires_at_ns = assembly->expires_at,
		.raw = { assembly->bytes, assembly->length },
		.declared_hash = &assembly->hash,
		.session = assembly->session,
		.answers = assembly->answers,
	};
	*complete = true;
	return GYR_VERDICT_OK;
}

void chunk_recycle(struct gyr_session_table *table)
{
	for (uint32_t i = 0; i < table->conf.chunked_count_max && table->complete_count > 0; i++) {
		struct assembly *assembly = &table->assemblies[i];

		if (assembly->session == GYR_SESSION_NONE || !assembly->complete)
			continue;
		drop(table, assembly);
		table->complete_count--;
	}
	gyr_assert(table->complete_count == 0);
}

void chunk_expire(struct gyr_session_table *table, uint64_t now_ns)
{
	uint64_t timeout_ns = (uint64_t)table->conf.chunk_timeout_ms * 1000000;

	for (uint32_t i = 0; i < table->conf.chunked_count_max; i++) {
		struct assembly *assembly = &table->assemblies[i];
		struct session *session = session_by_handle(table, assembly->session);

		if (session == NULL || assembly->complete ||
		    now_ns < assembly->began_at_ns + timeout_ns)
			continue;
		table->counters.chunk_expired++;
		answer_rejected(table, session,
				&(struct gyr_wire_rejected){
					.client_tag = assembly->client_tag,
					.code = GYR_VERDICT_CHUNK_EXPIRED,
					.refused = GYR_WIRE_CHUNK_BEGIN,
					.hash = { assembly->hash.bytes, 32 },
				});
		drop(table, assembly);
	}
}

void chunk_drop_all(struct gyr_session_table *table, struct session *session)
{
	for (uint32_t i = 0; i < table->conf.chunked_count_max && session->chunked_count > 0; i++) {
		struct assembly *assembly = &table->assemblies[i];

		if (assembly->session != session->handle)
			continue;
		if (assembly->complete)
			table->complete_count--;
		drop(table, assembly);
	}
	gyr_assert(session->chunked_count == 0);
}
