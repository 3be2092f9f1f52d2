/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#define SLOW_WRITE_NS 100000000u
#define HIGH_WATER    875u /* of 1000, as the sequencer's tables */
#define LOW_WATER     850u

uint64_t watch_grown(struct watch_counter *watch, uint64_t value, uint64_t now_ns)
{
	uint64_t grown = value - watch->told;

	if (GYR_LIKELY(grown == 0) ||
	    (watch->told_at_ns != 0 && now_ns - watch->told_at_ns < WATCH_INTERVAL_NS))
		return 0;
	watch->told = value;
	watch->told_at_ns = now_ns;
	return grown;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void watch_device(struct watch_gate *watch, struct gyr_journal_writer *to, unsigned gate,
			 const struct gyr_netdev *device, const struct gyr_turn *turn)
{
	const struct gyr_netdev_counters *counters = &device->counters;
	uint64_t rx = watch_grown(&watch->rx_drops,
				  get(&counters->rx_drop_no_buffer) + get(&counters->rx_drop_error),
				  turn->now_ns);
	uint64_t tx = watch_grown(&watch->tx_drops, get(&counters->tx_drop_error), turn->now_ns);

	if (GYR_UNLIKELY(device->info.link_up == watch->link_down)) {
		watch->link_down = !device->info.link_up;
		if (watch->link_down)
			GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_ERROR,
				    "gate {gate:u}: the link of {device:s} is down", gate,
				    (uintptr_t)device->info.device);
		else
			GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_NOTE,
				    "gate {gate:u}: the link of {device:s} is up again", gate,
				    (uintptr_t)device->info.device);
	}
	if (GYR_UNLIKELY(rx > 0))
		GYR_JOURNAL(
			to, turn->utc_ns, GYR_JOURNAL_WARNING,
			"gate {gate:u}: {count:u} datagrams were lost below the driver for want "
			"of a buffer: the lane was away too long, or the load is too high",
			gate, rx);
	if (GYR_UNLIKELY(tx > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "gate {gate:u}: the device refused {count:u} answer datagrams", gate,
			    tx);
}

void watch_gate(struct watch_gate *watch, struct gyr_journal_writer *to, unsigned gate,
		const struct gyr_netdev *device, const struct gyr_session_counters *sessions,
		const uint64_t submissions[2], const struct gyr_turn *turn)
{
	uint64_t ring = watch_grown(&watch->ring_full, submissions[0], turn->now_ns);
	uint64_t pool = watch_grown(&watch->pool_full, submissions[1], turn->now_ns);
	uint64_t limits = sessions->rate_limited + sessions->unproven_limited;
	uint64_t limited = watch_grown(&watch->limited, limits, turn->now_ns);
	uint64_t refused = watch_grown(&watch->refused, sessions->refused + sessions->cookie_bad,
				       turn->now_ns);

	watch_device(watch, to, gate, device, turn);
	if (GYR_UNLIKELY(ring > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "gate {gate:u}: the intake ring was full, {count:u} transactions were "
			    "refused",
			    gate, ring);
	if (GYR_UNLIKELY(pool > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "gate {gate:u}: no buffer for {count:u} large transactions "
			    "(intake.large_count)",
			    gate, pool);
	if (GYR_UNLIKELY(limited > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "gate {gate:u}: {count:u} messages beyond their token bucket", gate,
			    limited);
	if (GYR_UNLIKELY(refused > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "gate {gate:u}: {count:u} messages or datagrams refused as malformed, "
			    "unproven or stale",
			    gate, refused);
}

void watch_sequence(struct watch_sequence *watch, struct gyr_journal_writer *to,
		    const struct gyr_sequence *sequence, const struct gyr_turn *turn)
{
	const struct gyr_sequence_counters *counters = &sequence->counters;
	uint64_t now_ns = turn->now_ns;
	uint64_t log = watch_grown(&watch->stalled_log, get(&counters->stalled_log), now_ns);
	uint64_t undurable = watch_grown(&watch->stalled_undurable,
					 get(&counters->stalled_undurable), now_ns);
	uint64_t parks = watch_grown(&watch->parks_full,
				     get(&counters->rejected_by[GYR_VERDICT_PARK_FULL]), now_ns);
	uint64_t full = watch_grown(&watch->table_full,
				    get(&counters->rejected_by[GYR_VERDICT_ADMISSION_TABLE_FULL]),
				    now_ns);

	if (GYR_UNLIKELY(log > 0))
		GYR_JOURNAL(
			to, turn->utc_ns, GYR_JOURNAL_WARNING,
			"the log ring is full: the disk or execution is behind ({polls:u} polls "
			"took nothing)",
			log);
	if (GYR_UNLIKELY(undurable > 0))
		GYR_JOURNAL(
			to, turn->utc_ns, GYR_JOURNAL_WARNING,
			"the disk is behind: nothing was taken while {bytes:B} were ordered and "
			"not durable for {time:ns}",
			gyr_log_published(sequence->log) - gyr_log_durable(sequence->log),
			now_ns - sequence->undurable_since_ns);
	if (GYR_UNLIKELY(parks > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "no room to park {count:u} transactions (sequence.park_count)", parks);
	if (GYR_UNLIKELY(full > 0))
		GYR_JOURNAL(
			to, turn->utc_ns, GYR_JOURNAL_WARNING,
			"{count:u} transactions to new accounts refused: the account table is at "
			"its high water",
			full);
	if (GYR_UNLIKELY(gyr_admission_at_high_water(&sequence->admission) && !watch->high_water)) {
		watch->high_water = true; /* nothing is ever removed from it */
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_ERROR,
			    "the account table is at its high water: {count:u} of {max:u}; raise "
			    "exec.account_count",
			    sequence->admission.count, sequence->admission.count_max);
	}
}

void watch_wal(struct watch_wal *watch, struct gyr_journal_writer *to, const struct gyr_wal *wal,
	       const struct gyr_turn *turn)
{
	uint64_t waits = watch_grown(&watch->waits, wal->statistics.wait_segment_count,
				     turn->now_ns);
	uint64_t cut = watch_grown(&watch->short_writes, wal->statistics.short_write_count,
				   turn->now_ns);
	uint64_t oldest_ns = gyr_wal_oldest_ns(wal, turn->now_ns);

	if (GYR_UNLIKELY(waits > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "the log waited for a prepared segment ({polls:u} polls): raise "
			    "log.prepared or log.segment_size",
			    waits);
	if (GYR_UNLIKELY(cut > 0))
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "the disk took {count:u} log writes in part", cut);
	if (GYR_UNLIKELY(oldest_ns > SLOW_WRITE_NS) &&
	    turn->now_ns - watch->slow_told_at_ns >= WATCH_INTERVAL_NS) {
		watch->slow_told_at_ns = turn->now_ns;
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_WARNING,
			    "a log write has been under way for {time:ns}", oldest_ns);
	}
}

void watch_exec(struct watch_exec *watch, struct gyr_journal_writer *to, const struct gyr_stf *stf,
		const struct gyr_turn *turn)
{
	unsigned part = gyr_stf_high_water(stf);

	if (GYR_UNLIKELY(part >= HIGH_WATER && !watch->high_water)) {
		watch->high_water = true;
		GYR_JOURNAL(to, turn->utc_ns, GYR_JOURNAL_ERROR,
			    "a table of the state is nearly full: {part:u} of 1000; raise "
			    "exec.account_count, exec.slot_count or exec.code_size",
			    part);
	}
	if (part < LOW_WATER)
		watch->high_water = false;
}
