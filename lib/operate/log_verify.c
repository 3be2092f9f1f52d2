/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gyr_err.h"
#include "gyr_json.h"
#include "gyr_units.h"
#include "log_tool.h"

int log_tool_open(struct log_tool *tool, const char *directory,
		  const struct gyr_blockdev_ops *block)
{
	struct stat info;
	struct gyr_blockdev_config config = { .path = tool->path,
					      .in_flight_max = 1,
					      .read_only = true };

	memset(tool, 0, sizeof *tool);
	(void)snprintf(tool->path, sizeof tool->path, "%s/log", directory);
	if (stat(tool->path, &info) < 0 || !S_ISDIR(info.st_mode))
		(void)snprintf(tool->path, sizeof tool->path, "%s", directory);
	tool->buffer = aligned_alloc(4096, LOG_TOOL_BUFFER_LENGTH);
	if (tool->buffer == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory to read the log into");
	if (block->open(&tool->dev, &config) < 0) {
		free(tool->buffer);
		tool->buffer = NULL;
		return gyr_err_add(-GYR_ERR_IO, __FILE__, __LINE__, "opening the log in %s",
				   tool->path);
	}
	return 0;
}

void log_tool_close(struct log_tool *tool)
{
	if (tool->dev != NULL)
		gyr_blockdev_close(tool->dev);
	free(tool->buffer);
	memset(tool, 0, sizeof *tool);
}

static void print_records(const struct gyr_wal_report *report, FILE *to)
{
	char text[GYR_UNITS_TEXT_MAX];

	for (unsigned i = 0; i < GYR_WAL_REPORT_KINDS; i++)
		if (report->record_count[i] > 0)
			(void)fprintf(to, "  %-12s %12llu  %s\n",
				      gyr_log_kind_name(i) == NULL ? "?" : gyr_log_kind_name(i),
				      (unsigned long long)report->record_count[i],
				      gyr_units_format(text, GYR_UNITS_SIZE,
						       (double)report->record_byte_count[i]));
}

static void print_report(const struct gyr_wal_report *report, FILE *to)
{
	char text[GYR_UNITS_TEXT_MAX];

	(void)fprintf(
		to, "chain %llu, format %u, segments of %s, genesis 0x",
		(unsigned long long)report->identity.chain_id, report->identity.format_version,
		gyr_units_format(text, GYR_UNITS_SIZE, (double)report->identity.segment_size));
	for (size_t i = 0; i < 8; i++)
		(void)fprintf(to, "%02x", report->identity.genesis_hash.bytes[i]);
	(void)fprintf(to, "…\n%llu blocks from position %llu to %llu, %u epochs\n",
		      (unsigned long long)report->block_count,
		      (unsigned long long)report->first_position,
		      (unsigned long long)report->end.position, report->epoch_count);
	if (report->first_position != 0)
		(void)fprintf(to, "the log begins at position %llu: what came before is pruned\n",
			      (unsigned long long)report->first_position);
	print_records(report, to);
	(void)fprintf(
		to,
		"arrivals %llu to %llu: %llu repeated, %llu missing, %llu undecided at the end\n",
		(unsigned long long)report->arrival_first, (unsigned long long)report->arrival_last,
		(unsigned long long)report->arrival_repeated,
		(unsigned long long)report->arrival_missing,
		(unsigned long long)report->arrival_void);
	(void)fprintf(to, "end: %s (%s); durable as far as %llu is stated, %s after that is not\n",
		      gyr_wal_end_name(report->end.kind), gyr_log_fault_text(report->end.fault),
		      (unsigned long long)report->end.durable_said,
		      gyr_units_format(text, GYR_UNITS_SIZE, (double)report->unstated_byte_count));
}

static void print_senders(const struct senders *senders, FILE *to)
{
	(void)fprintf(to, "senders: %llu transactions checked with %s, %llu wrong",
		      (unsigned long long)senders->checked_count, senders->recover.ops->name,
		      (unsigned long long)senders->wrong_count);
	if (senders->wrong_count > 0)
		(void)fprintf(to, "; the first at position %llu: %s",
			      (unsigned long long)senders->first_wrong_position,
			      senders->first_wrong);
	(void)fputc('\n', to);
}

/* The module's own object, with ours beside it. */
static void write_json(const struct gyr_wal_report *report, const struct senders *senders,
		       bool good, FILE *to)
{
	static char text[16384];
	size_t length = gyr_wal_report_json(text, sizeof text, report);

	(void)fprintf(to, "{\"good\":%s,\"log\":%s", good ? "true" : "false",
		      length < sizeof text ? text : "null");
	if (senders != NULL)
		(void)fprintf(to,
			      ",\"senders\":{\"driver\":\"%s\",\"checked\":%llu,\"wrong\":%llu,"
			      "\"first_wrong_position\":%llu}",
			      senders->recover.ops->name,
			      (unsigned long long)senders->checked_count,
			      (unsigned long long)senders->wrong_count,
			      (unsigned long long)senders->first_wrong_position);
	(void)fputs("}\n", to);
}

static int walk(struct gyr_wal_report *report, const struct log_tool *tool, struct senders *senders)
{
	struct gyr_wal_reader_config config = { .dev = tool->dev,
						.buffer = tool->buffer,
						.buffer_length = LOG_TOOL_BUFFER_LENGTH };

	GYR_TRY(gyr_wal_verify(report, &config, senders == NULL ? NULL : senders_visit, senders));
	return senders == NULL ? 0 : senders_finish(senders);
}

int gyr_operate_log_verify(const char *directory, const struct gyr_operate_log_drivers *drivers,
			   bool want_senders, bool json, FILE *to)
{
	static struct gyr_wal_report report;
	static struct senders senders;
	struct senders *checked = want_senders ? &senders : NULL;
	struct log_tool tool;
	bool good;
	int error;

	GYR_TRY(log_tool_open(&tool, directory, drivers->block));
	error = want_senders ? senders_open(&senders, drivers) : 0;
	if (error == 0)
		error = walk(&report, &tool, checked);
	log_tool_close(&tool);
	if (error < 0) {
		senders_close(&senders);
		return error;
	}
	good = report.error == 0 && report.arrival_repeated == 0 && report.arrival_missing == 0 &&
	       (checked == NULL || checked->wrong_count == 0);
	if (json) {
		write_json(&report, checked, good, to);
	} else {
		print_report(&report, to);
		if (checked != NULL)
			print_senders(checked, to);
		if (report.error != 0)
			(void)fprintf(to, "REFUSED: %s\n", report.cause);
		(void)fprintf(to, "%s\n", good ? "good" : "NOT good");
	}
	senders_close(&senders);
	gyr_err_clear();
	return good ? GYR_OPERATE_YES : GYR_OPERATE_NO;
}
