/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_recover_known.h"

#include <string.h>

#include "gyr_err.h"
#include "recover_vectors.h"

#define TABLE_ALIGNMENT 64

/*
 * `published` is the handle while the table may be used, else 0: stored by the cold lane (release
 * after building; sequentially consistent before taking away), loaded by verify lanes (sequentially
 * consistent, after their turn became odd). Either the lane sees 0, or the cold lane sees the
 * lane's odd turn. `used_ns` is written relaxed by any lane, read relaxed by the cold one: a hint
 * of age. The rest is the cold lane's.
 */
struct gyr_known_slot {
	_Atomic uint64_t published;
	_Atomic uint64_t used_ns;
	struct gyr_address address; /* constant while published */
	uint32_t generation;
	bool pinned;
	bool retired;				 /* was published; readers may still be inside */
	uint64_t lane_turns[GYR_KNOWN_LANE_MAX]; /* when it was retired */
};

static size_t padded(size_t size)
{
	return size + TABLE_ALIGNMENT;
}

size_t gyr_known_memory(const struct gyr_known_conf *conf)
{
	return padded(conf->ops->shared_size()) +
	       padded(conf->slot_count * sizeof(struct gyr_known_slot)) +
	       padded(conf->slot_count * conf->ops->table_size) +
	       padded(conf->lane_count * sizeof(struct gyr_known_lane));
}

/*
 * The fixed vectors of recovery: for each that recovers, a table of its key must say yes to it and
 * no to all others, alone and in groups.
 */
static int self_test(struct gyr_known *known, void *table, const struct gyr_recover_ops *reference,
		     void *reference_context)
{
	struct gyr_recover_request in[RECOVER_VECTOR_COUNT];
	struct gyr_known_check check[GYR_KNOWN_GROUP_MAX];
	enum gyr_known_answer answer[GYR_KNOWN_GROUP_MAX];
	struct gyr_address address[RECOVER_VECTOR_COUNT];
	uint8_t key[RECOVER_VECTOR_COUNT][64];
	uint64_t valid;

	for (unsigned i = 0; i < RECOVER_VECTOR_COUNT; i++)
		recover_vector_request(&in[i], &recover_vectors[i]);
	valid = reference->batch(reference_context, address, key, in, RECOVER_VECTOR_COUNT);
	for (unsigned k = 0; k < RECOVER_VECTOR_COUNT; k++) {
		unsigned group = 1 + k % GYR_KNOWN_GROUP_MAX;

		if ((valid >> k & 1) == 0)
			continue;
		if (!known->ops->build(known->shared, table, key[k]))
			GYR_FAIL(GYR_ERR_MISMATCH, "driver %s refuses key %u of the self-test",
				 known->ops->name, k);
		for (unsigned at = 0; at < RECOVER_VECTOR_COUNT; at++) {
			for (unsigned i = 0; i < group; i++)
				check[i] = (struct gyr_known_check){
					.request = &in[(at + i) % RECOVER_VECTOR_COUNT],
					.table = table,
				};
			known->ops->check(known->shared, answer, check, group);
			for (unsigned i = 0; i < group; i++) {
				unsigned asked = (at + i) % RECOVER_VECTOR_COUNT;
				bool same = (valid >> asked & 1) != 0 &&
					    memcmp(key[asked], key[k], 64) == 0;

				if (answer[i] != GYR_KNOWN_UNDECIDED &&
				    (answer[i] == GYR_KNOWN_YES) != same)
					GYR_FAIL(GYR_ERR_MISMATCH,
						 "driver %s is wrong about vector %u and key %u "
						 "in a group of %u",
						 known->ops->name, asked, k, group);
			}
		}
	}
	return 0;
}

int gyr_known_init(struct gyr_known *known, struct gyr_arena *arena,
		   const struct gyr_known_conf *conf, const struct gyr_recover_ops *reference,
		   void *reference_context)
{
	const struct gyr_known_ops *ops = conf->ops;

	if (conf->slot_count < 1 || conf->slot_count > GYR_KNOWN_SLOT_MAX || conf->lane_count < 1 ||
	    conf->lane_count > GYR_KNOWN_LANE_MAX)
		GYR_FAIL(GYR_ERR_CONFIG, "known senders: %u keys and %u lanes are out of range",
			 conf->slot_count, conf->lane_count);
	*known = (struct gyr_known){ .ops = ops,
				     .slot_count = conf->slot_count,
				     .lane_count = conf->lane_count };
	known->shared = gyr_arena_carve(arena, ops->shared_size(), TABLE_ALIGNMENT);
	known->slots = gyr_arena_carve(arena, conf->slot_count * sizeof *known->slots,
				       TABLE_ALIGNMENT);
	known->tables = gyr_arena_carve(arena, conf->slot_count * ops->table_size, TABLE_ALIGNMENT);
	known->lanes = gyr_arena_carve(arena, conf->lane_count * sizeof *known->lanes,
				       TABLE_ALIGNMENT);
	if (known->shared == NULL || known->slots == NULL || known->tables == NULL ||
	    known->lanes == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for %u known senders (%zu bytes)",
			 conf->slot_count, gyr_known_memory(conf));
	memset(known->slots, 0, conf->slot_count * sizeof *known->slots);
	memset(known->lanes, 0, conf->lane_count * sizeof *known->lanes);
	memset(known->tables, 0, conf->slot_count * ops->table_size);
	GYR_TRY(ops->init(known->shared, conf->seed));
	return conf->tested ? 0 : self_test(known, known->tables, reference, reference_context);
}

static void *table_of(const struct gyr_known *known, uint32_t slot)
{
	return known->tables + (size_t)slot * known->ops->table_size;
}

/* Has every lane that could have found the retired table left since? */
static bool abandoned(struct gyr_known *known, struct gyr_known_slot *slot)
{
	for (uint32_t lane = 0; lane < known->lane_count; lane++) {
		uint64_t then = slot->lane_turns[lane];

		/* Acquire: pairs with leave's release; the lane's reads are over. */
		if (then % 2 == 1 &&
		    atomic_load_explicit(&known->lanes[lane].turn, memory_order_acquire) == then)
			return false;
	}
	slot->retired = false;
	return true;
}

static void retire(struct gyr_known *known, struct gyr_known_slot *slot)
{
	/* Sequentially consistent, here and below: see struct gyr_known_slot. */
	atomic_store_explicit(&slot->published, 0, memory_order_seq_cst);
	for (uint32_t lane = 0; lane < known->lane_count; lane++)
		slot->lane_turns[lane] = atomic_load_explicit(&known->lanes[lane].turn,
							      memory_order_seq_cst);
	slot->retired = true;
	known->evict_count++;
}

/*
 * The slot that holds this address, else one that may be built in (unpublished and abandoned), else
 * slot_count. At most one table is taken away per call: the one used longest ago.
 */
static uint32_t find_slot(struct gyr_known *known, const struct gyr_address *address, bool *held)
{
	uint32_t empty = known->slot_count, oldest = known->slot_count;
	uint64_t oldest_ns = UINT64_MAX;

	for (uint32_t i = 0; i < known->slot_count; i++) {
		struct gyr_known_slot *slot = &known->slots[i];
		uint64_t used_ns;

		/* Relaxed: this lane is the only writer. */
		if (atomic_load_explicit(&slot->published, memory_order_relaxed) == 0) {
			if (empty == known->slot_count &&
			    (!slot->retired || abandoned(known, slot)))
				empty = i;
			continue;
		}
		if (gyr_address_equal(&slot->address, address)) {
			*held = true;
			return i;
		}
		used_ns = atomic_load_explicit(&slot->used_ns, memory_order_relaxed);
		if (!slot->pinned && used_ns <= oldest_ns) {
			oldest_ns = used_ns;
			oldest = i;
		}
	}
	*held = false;
	if (empty != known->slot_count || oldest == known->slot_count)
		return empty;
	retire(known, &known->slots[oldest]);
	return abandoned(known, &known->slots[oldest]) ? oldest : known->slot_count;
}

gyr_known_handle gyr_known_admit(struct gyr_known *known, const uint8_t public_key[64],
				 const struct gyr_address *address, bool pinned, uint64_t now_ns)
{
	struct gyr_known_slot *slot;
	gyr_known_handle handle;
	bool held = false;
	uint32_t at = find_slot(known, address, &held);

	if (at == known->slot_count) {
		known->refuse_count++;
		return 0;
	}
	slot = &known->slots[at];
	if (held) {
		slot->pinned = slot->pinned || pinned;
		return atomic_load_explicit(&slot->published, memory_order_relaxed);
	}
	gyr_assert(!slot->retired);
	if (!known->ops->build(known->shared, table_of(known, at), public_key)) {
		known->refuse_count++;
		return 0;
	}
	known->build_count++;
	slot->address = *address;
	slot->pinned = pinned;
	slot->generation++;
	handle = (uint64_t)slot->generation << 32 | (at + 1);
	atomic_store_explicit(&slot->used_ns, now_ns, memory_order_relaxed);
	/* Release: the table and the address before the handle. Pairs with gyr_known_table. */
	atomic_store_explicit(&slot->published, handle, memory_order_release);
	return handle;
}

void gyr_known_unpin(struct gyr_known *known, gyr_known_handle handle)
{
	uint32_t at = (uint32_t)handle - 1;

	if (at < known->slot_count &&
	    atomic_load_explicit(&known->slots[at].published, memory_order_relaxed) == handle)
		known->slots[at].pinned = false;
}

void gyr_known_enter(struct gyr_known *known, uint32_t lane)
{
	uint64_t turn;

	gyr_assert(lane < known->lane_count);
	turn = atomic_load_explicit(&known->lanes[lane].turn, memory_order_relaxed);
	gyr_assert(turn % 2 == 0);
	/* Sequentially consistent: before the loads of gyr_known_table, as retire sees them. */
	atomic_store_explicit(&known->lanes[lane].turn, turn + 1, memory_order_seq_cst);
}

void gyr_known_leave(struct gyr_known *known, uint32_t lane)
{
	uint64_t turn = atomic_load_explicit(&known->lanes[lane].turn, memory_order_relaxed);

	gyr_assert(turn % 2 == 1);
	/* Release: after the last read of a table. Pairs with abandoned. */
	atomic_store_explicit(&known->lanes[lane].turn, turn + 1, memory_order_release);
}

const void *gyr_known_table(struct gyr_known *known, struct gyr_address *address,
			    gyr_known_handle handle, uint64_t now_ns)
{
	uint32_t at = (uint32_t)handle - 1;
	struct gyr_known_slot *slot;

	if (handle == 0 || at >= known->slot_count)
		return NULL;
	slot = &known->slots[at];
	/* Sequentially consistent (and so acquire): pairs with admit and retire. */
	if (atomic_load_explicit(&slot->published, memory_order_seq_cst) != handle)
		return NULL;
	atomic_store_explicit(&slot->used_ns, now_ns, memory_order_relaxed);
	*address = slot->address;
	return table_of(known, at);
}

void gyr_known_session_record(struct gyr_known_session *session, enum gyr_known_answer answer)
{
	if (answer == GYR_KNOWN_YES) {
		session->hit_count++;
		session->misses_in_row = 0;
		return;
	}
	session->miss_count++;
	if (++session->misses_in_row >= GYR_KNOWN_MISSES_IN_ROW)
		session->off = true;
}
