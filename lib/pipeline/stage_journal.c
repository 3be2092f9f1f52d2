/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "gyr_err.h"

#define FLUSH_BUDGET 65536u /* more than all rings hold */

/*
 * What the descriptor takes without waiting. A pipe that can be written to takes PIPE_BUF bytes at
 * once; what else it could take is not known, so no more is offered.
 */
static ssize_t take(void *cookie, const char *text, size_t size)
{
	struct stage_journal *stage = cookie;
	size_t done = 0;

	while (done < size) {
		struct pollfd output = { .fd = stage->fd, .events = POLLOUT };
		ssize_t written = -1;

		if (poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0)
			written = write(stage->fd, text + done, gyr_min_u64(size - done, PIPE_BUF));
		if (written <= 0) {
			stage->bytes_lost += size - done;
			break;
		}
		done += (size_t)written;
	}
	return (ssize_t)size; /* a stream in error would say nothing ever again */
}

static int open_stream(struct stage_journal *stage, const char *path)
{
	stage->fd = STDERR_FILENO;
	if (path[0] != '\0') {
		stage->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (stage->fd < 0)
			GYR_FAIL(GYR_ERR_IO, "cannot open journal.file %s: %s", path,
				 strerror(errno));
		stage->owns_fd = true;
	}
	stage->to = fopencookie(stage, "w", (cookie_io_functions_t){ .write = take });
	if (stage->to == NULL) {
		if (stage->owns_fd)
			(void)close(stage->fd);
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the journal's stream");
	}
	return 0;
}

int stage_journal_open(struct stage_journal *stage, const struct gyr_conf *conf)
{
	struct gyr_journal_options options = {
		.format = strcmp(conf->journal.format, "json") == 0 ? GYR_JOURNAL_JSON
								    : GYR_JOURNAL_TEXT,
		.rate = conf->journal.rate,
		.ring_record_count = STAGE_JOURNAL_RING_COUNT,
	};

	GYR_TRY(open_stream(stage, conf->journal.file));
	options.to = stage->to;
	gyr_journal_init(&stage->journal, &options);
	return 0;
}

int stage_journal_open_errors(struct stage_journal *stage, const char *directory)
{
	GYR_TRY(gyr_journal_errors_open(&stage->errors, directory));
	stage->journal.options.errors = &stage->errors;
	return 0;
}

size_t stage_journal_ring_size(const struct stage_journal *stage)
{
	return gyr_journal_ring_size(&stage->journal.options);
}

static void publish(struct stage_journal *stage)
{
	if (stage->metric == NULL)
		return;
	gyr_metric_set(&stage->metric->records, stage->journal.record_count);
	gyr_metric_set(&stage->metric->dropped, gyr_journal_dropped(&stage->journal));
	gyr_metric_set(&stage->metric->suppressed, gyr_journal_suppressed(&stage->journal));
	gyr_metric_set(&stage->metric->bytes_lost, stage->bytes_lost);
	if (stage->errors.file != NULL)
		/* relaxed: this thread alone stores it */
		gyr_metric_set(&stage->metric->errors,
			       atomic_load_explicit(&stage->errors.file->entry_count,
						    memory_order_relaxed));
}

void stage_journal_flush(struct stage_journal *stage, uint64_t utc_ns)
{
	(void)gyr_journal_poll(&stage->journal, utc_ns, FLUSH_BUDGET);
	publish(stage);
}

void stage_journal_close(struct stage_journal *stage, uint64_t utc_ns)
{
	if (stage->to == NULL)
		return;
	stage_journal_flush(stage, utc_ns);
	(void)fclose(stage->to);
	stage->to = NULL;
	if (stage->owns_fd)
		(void)close(stage->fd);
	gyr_journal_errors_close(&stage->errors);
}

static unsigned journal_poll(void *self, const struct gyr_turn *turn, unsigned budget)
{
	struct stage_journal *stage = self;

	return gyr_journal_poll(&stage->journal, turn->utc_ns, budget);
}

static void journal_tick(void *self, const struct gyr_turn *turn)
{
	(void)turn;
	publish(self);
}

const struct gyr_stage_ops stage_journal_ops = {
	.name = "journal",
	.poll = journal_poll,
	.tick = journal_tick,
};
