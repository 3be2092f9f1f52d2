/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of a log that is at rest, against what the clients were told. */
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_wal_reader.h"
#include "sim.h"

#define BUFFER_SIZE (1u << 20)
#define ROWS_MAX    200000u

/* One disposition, as the log has it. */
struct row {
	uint64_t arrival;
	uint64_t release;
	uint64_t position;
	struct gyr_hash hash;
	bool ordered;
};

struct rows {
	struct row *row;
	unsigned count;
	uint64_t first_position; /* of the log: 0, or behind what was pruned */
	uint64_t arrival_before; /* the highest below it */
	bool begun;
};

static int take(void *user, const struct gyr_log_record *record)
{
	struct rows *rows = user;
	struct row *row = &rows->row[rows->count];

	if (!rows->begun) {
		rows->begun = true;
		rows->first_position = record->position;
		rows->arrival_before = record->arrival;
	}
	if ((record->kind != GYR_LOG_TX && record->kind != GYR_LOG_REJECT) ||
	    rows->count == ROWS_MAX)
		return 0;
	*row = (struct row){ .arrival = record->arrival,
			     .position = record->position,
			     .ordered = record->kind == GYR_LOG_TX };
	if (row->ordered) {
		const struct gyr_log_tx *tx = gyr_log_body(record);

		row->release = tx->release_arrival;
		row->hash = tx->hash;
	}
	rows->count++;
	return 0;
}

static bool read_log(struct sim_world *world, struct rows *rows)
{
	struct gyr_blockdev_config config = {
		.path = "sim", .read_only = true, .in_flight_max = 1, .context = world->disk
	};
	struct gyr_wal_reader_config reader = { .buffer_length = BUFFER_SIZE };
	struct gyr_wal_report report;
	int error;

	if (gyr_block_sim.open(&reader.dev, &config) < 0)
		return sim_violated(world, "the disk cannot be read any more");
	reader.buffer = aligned_alloc(4096, BUFFER_SIZE);
	error = gyr_wal_verify(&report, &reader, take, rows);
	free(reader.buffer);
	gyr_blockdev_close(reader.dev);
	if (error < 0 || report.error != 0)
		return sim_violated(world, "the log is refused: %s", report.cause);
	return true;
}

/* Breaks what the checkers see, where that was asked for. */
static void tamper(const struct sim_world *world, struct rows *rows)
{
	unsigned at = rows->count / 2;

	while (at + 2 < rows->count && !(rows->row[at].ordered && rows->row[at + 1].ordered))
		at++;
	if (at + 1 >= rows->count)
		return;
	if (world->options->broken == SIM_BREAK_ARRIVAL)
		memmove(&rows->row[at], &rows->row[at + 1],
			(rows->count-- - at - 1) * sizeof rows->row[0]);
	if (world->options->broken == SIM_BREAK_TWICE)
		rows->row[at].hash = rows->row[at + 1].hash;
	if (world->options->broken == SIM_BREAK_ORDER) {
		uint64_t arrival = rows->row[at].arrival;

		rows->row[at].arrival = rows->row[at].release = rows->row[at + 1].arrival;
		rows->row[at + 1].arrival = rows->row[at + 1].release = arrival;
	}
}

/* Invariant 1: dense arrival numbers, one disposition each. */
static bool check_arrivals(struct sim_world *world, const struct rows *rows)
{
	uint64_t highest = 0;
	uint8_t *seen;
	bool kept = true;

	for (unsigned i = 0; i < rows->count; i++)
		highest = gyr_max_u64(highest, rows->row[i].arrival);
	seen = calloc(1, highest + 1);
	for (unsigned i = 0; i < rows->count && seen != NULL; i++)
		if (seen[rows->row[i].arrival]++ != 0)
			kept = sim_violated(world, "arrival %llu has two dispositions",
					    (unsigned long long)rows->row[i].arrival);
	for (uint64_t a = rows->arrival_before + 1; a <= highest && seen != NULL; a++)
		if (seen[a] == 0)
			kept = sim_violated(world, "arrival %llu of %llu has no disposition",
					    (unsigned long long)a, (unsigned long long)highest);
	free(seen);
	return kept;
}

/* Invariant 1: among transactions ordered on arrival, order is arrival order. */
static bool check_order(struct sim_world *world, const struct rows *rows)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];

		if (!row->ordered || row->release != row->arrival)
			continue;
		if (row->arrival <= last)
			return sim_violated(world, "arrival %llu is ordered after %llu",
					    (unsigned long long)row->arrival,
					    (unsigned long long)last);
		last = row->arrival;
	}
	return true;
}

/* Every transaction once; invariant 3: what was called DURABLE is where it was said to be. */
static bool check_promises(struct sim_world *world, const struct rows *rows)
{
	if (world->options->broken == SIM_BREAK_PROMISE)
		world->txs[0].durable_position += 8;
	for (unsigned i = 0; i < SIM_TRANSACTIONS; i++) {
		const struct sim_tx *tx = &world->txs[i];
		unsigned found = 0;
		uint64_t position = 0;

		for (unsigned k = 0; k < rows->count; k++)
			if (rows->row[k].ordered &&
			    gyr_hash_equal(&rows->row[k].hash, &world->traffic->hashes[i])) {
				position = rows->row[k].position;
				found++;
			}
		if (found > 1)
			return sim_violated(world, "transaction %u is in the log %u times", i,
					    found);
		if (tx->durable && found == 0 && tx->durable_position < rows->first_position)
			continue;
		if (tx->durable && found == 0)
			return sim_violated(world, "durable transaction %u is lost", i);
		if (tx->durable && position != tx->durable_position)
			return sim_violated(world, "durable transaction %u is at %llu, not %llu", i,
					    (unsigned long long)position,
					    (unsigned long long)tx->durable_position);
	}
	return true;
}

static bool check_root(struct sim_world *world, const char *how)
{
	struct gyr_hash root;

	if (sim_server_open(world) < 0)
		return sim_violated(world, "the log cannot be replayed %s: %s", how,
				    gyr_err_cause());
	root = gyr_server_recovery(world->server)->state_root;
	if (world->options->broken == SIM_BREAK_STATE)
		root.bytes[0] ^= 1;
	if (!gyr_hash_equal(&root, &world->last_root))
		return sim_violated(world, "replaying the log %s gives another state root", how);
	gyr_server_close(world->server);
	world->server = NULL;
	return true;
}

/* Invariant 2: the log alone gives the same state again, from a checkpoint or from genesis. */
static bool check_state(struct sim_world *world, const struct rows *rows)
{
	if (!check_root(world, "as it is"))
		return false;
	if (rows->first_position != 0) {
		world->statistics.logs_pruned++;
		return true;
	}
	gyr_store_sim_disk_clear(world->store);
	return check_root(world, "from genesis");
}

bool sim_check(struct sim_world *world)
{
	struct rows rows = { .row = calloc(ROWS_MAX, sizeof(struct row)) };
	bool kept = rows.row != NULL && read_log(world, &rows);

	if (kept)
		tamper(world, &rows);
	kept = kept && check_arrivals(world, &rows) && check_order(world, &rows) &&
	       check_promises(world, &rows) && check_state(world, &rows);
	if (kept && world->options->broken == SIM_BREAK_NOTHING &&
	    gyr_block_sim_disk_statistics(world->disk)->acknowledged_unflushed != 0)
		kept = sim_violated(world, "a write was acknowledged without its flush flag");
	free(rows.row);
	return kept;
}
