/* SPDX-License-Identifier: Apache-2.0 */
#include "ahead.h"

static struct gyr_exec_parsed *at(struct gyr_exec_ahead *ahead, uint32_t number)
{
	return &ahead->parsed[number % GYR_EXEC_AHEAD_MAX];
}

/* The next record that is published and was not read yet, or NULL; in recovery, of the block. */
static const struct gyr_log_record *next_record(struct gyr_exec *exec)
{
	const struct gyr_log_record *record = exec->replay_next;
	const struct gyr_log_reader *reader;

	if (!exec->live) {
		if (record != NULL)
			exec->replay_next = gyr_log_block_next(&exec->replayed, record);
		return record;
	}
	reader = &exec->log->readers[exec->reader];
	if (exec->ahead.position < reader->position)
		exec->ahead.position = reader->position;
	/* `seen` is what this reader knows to be published; more is not asked for here. */
	if (exec->ahead.position >= reader->seen)
		return NULL;
	record = (const void *)gyr_log_at(exec->log, exec->ahead.position);
	gyr_assert(record->position == exec->ahead.position);
	exec->ahead.position += record->length;
	return record;
}

void exec_look_ahead(struct gyr_exec *exec)
{
	struct gyr_exec_ahead *ahead = &exec->ahead;
	struct gyr_stf_expected expected[GYR_STF_EXPECT_MAX];
	const struct gyr_log_record *record;
	unsigned count = 0;

	_Static_assert(GYR_EXEC_AHEAD_MAX >= 2 * GYR_STF_EXPECT_MAX, "half of it at a time");
	if (ahead->end - ahead->begin > GYR_EXEC_AHEAD_MAX / 2)
		return;
	for (unsigned i = 0; i < GYR_EXEC_AHEAD_MAX && count < GYR_STF_EXPECT_MAX; i++) {
		struct gyr_exec_parsed *parsed = at(ahead, ahead->end);

		record = next_record(exec);
		if (record == NULL)
			break;
		if (record->kind != GYR_LOG_TX)
			continue;
		parsed->position = record->position;
		parsed->verdict = gyr_txn_parse(&parsed->txn, gyr_log_tx_raw(record), &exec->rules);
		ahead->end++;
		if (parsed->verdict == GYR_VERDICT_OK)
			expected[count++] = (struct gyr_stf_expected){
				.txn = &parsed->txn,
				.sender =
					&((const struct gyr_log_tx *)gyr_log_body(record))->sender,
			};
	}
	gyr_stf_expect(exec->stf, expected, count);
}

enum gyr_verdict exec_parsed(struct gyr_exec *exec, const struct gyr_txn **out,
			     const struct gyr_log_record *record)
{
	struct gyr_exec_ahead *ahead = &exec->ahead;

	while (ahead->begin != ahead->end) {
		struct gyr_exec_parsed *parsed = at(ahead, ahead->begin);

		if (parsed->position > record->position)
			break;
		ahead->begin++;
		if (parsed->position == record->position) {
			/* Its place is not taken again before the next look ahead. */
			*out = &parsed->txn;
			return parsed->verdict;
		}
	}
	*out = &exec->txn;
	return gyr_txn_parse(&exec->txn, gyr_log_tx_raw(record), &exec->rules);
}
