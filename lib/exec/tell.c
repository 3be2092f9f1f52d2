/* SPDX-License-Identifier: Apache-2.0 */
#include "ahead.h"

void exec_hold(struct gyr_exec *exec)
{
	gyr_assert(exec->held_count < GYR_EXEC_HELD_MAX && exec->held_told == 0);
	exec->held[exec->held_count++] = (struct gyr_exec_held){
		.result = exec->result,
		.logs = exec->logs,
	};
}

static void hash_logs(struct gyr_exec *exec)
{
	struct gyr_slice messages[GYR_EXEC_HELD_MAX];
	struct gyr_hash hashes[GYR_EXEC_HELD_MAX];
	unsigned places[GYR_EXEC_HELD_MAX], count = 0;

	for (unsigned i = 0; i < exec->held_count; i++)
		if (exec->held[i].logs.length != 0) {
			messages[count] = exec->held[i].logs;
			places[count++] = i;
		}
	if (count == 0)
		return;
	gyr_stf_keccak(exec->stf)->hash_many(hashes, messages, count);
	for (unsigned i = 0; i < count; i++) {
		exec->held[places[i]].result.logs_hash = hashes[i];
		exec->held[places[i]].logs.length = 0;
	}
}

bool exec_tell_held(struct gyr_exec *exec)
{
	hash_logs(exec);
	while (exec->held_told < exec->held_count) {
		struct gyr_exec_result *result = gyr_broadcast_reserve(exec->results);

		if (result == NULL)
			return false;
		*result = exec->held[exec->held_told++].result;
		gyr_broadcast_publish(exec->results);
	}
	exec->held_told = 0;
	exec->held_count = 0;
	return true;
}
