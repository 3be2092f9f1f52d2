/* SPDX-License-Identifier: Apache-2.0 */
/* What dump and verify share: a log directory opened for reading, and the check of senders. */
#ifndef LOG_TOOL_H
#define LOG_TOOL_H

#include "gyr_operate.h"
#include "gyr_wal_reader.h"

#define LOG_TOOL_BUFFER_LENGTH (8u << 20)

struct log_tool {
	struct gyr_blockdev *dev;
	uint8_t *buffer;
	char path[300];
};

/* Finds the segments (DIRECTORY/log or DIRECTORY itself) and opens the device read-only. */
int log_tool_open(struct log_tool *tool, const char *directory,
		  const struct gyr_blockdev_ops *block);
void log_tool_close(struct log_tool *tool);

/* Transactions waiting for a batch of recoveries, and what was found so far. */
struct senders {
	const struct gyr_operate_log_drivers *drivers;
	struct gyr_recover recover;
	void *memory;
	uint64_t chain_id;
	unsigned waiting_count;
	struct gyr_recover_request requests[GYR_RECOVER_BATCH_MAX];
	struct gyr_address claimed[GYR_RECOVER_BATCH_MAX];
	uint64_t positions[GYR_RECOVER_BATCH_MAX];
	uint64_t checked_count;
	uint64_t wrong_count;
	uint64_t first_wrong_position;
	const char *first_wrong;
};

int senders_open(struct senders *senders, const struct gyr_operate_log_drivers *drivers);
void senders_close(struct senders *senders);

/* A gyr_wal_visit: takes each record; user is the struct. */
int senders_visit(void *user, const struct gyr_log_record *record);

/* Recovers what still waits. */
int senders_finish(struct senders *senders);

#endif
