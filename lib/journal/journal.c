/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_journal.h"

#include <string.h>

#include "gyr_journal_errors.h"
#include "gyr_json.h"
#include "render.h"

#define WINDOW_SHIFT 30 /* of nanoseconds: 1.07 s */
#define COUNT_BITS   24
#define COUNT_MASK   ((1u << COUNT_BITS) - 1)
#define TELL_NS	     1000000000u

size_t gyr_journal_ring_size(const struct gyr_journal_options *options)
{
	return gyr_round_up(
		gyr_spsc_size(sizeof(struct gyr_journal_record), options->ring_record_count),
		GYR_CACHE_LINE);
}

void gyr_journal_init(struct gyr_journal *journal, const struct gyr_journal_options *options)
{
	gyr_assert(options->to != NULL && options->rate > 0);
	memset(journal, 0, sizeof *journal);
	journal->options = *options;
}

struct gyr_journal_writer *gyr_journal_writer_add(struct gyr_journal *journal, void *memory)
{
	struct gyr_journal_writer *writer = &journal->writers[journal->writer_count];

	gyr_assert(journal->writer_count < GYR_JOURNAL_WRITER_COUNT_MAX);
	writer->ring = gyr_spsc_init(memory, sizeof(struct gyr_journal_record),
				     journal->options.ring_record_count);
	writer->rate = gyr_min_u64(journal->options.rate, COUNT_MASK);
	journal->writer_count++;
	return writer;
}

static void count_one(_Atomic uint64_t *counter)
{
	uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, before + 1, memory_order_relaxed);
}

/* True while the site has not spoken `rate` times in this window. */
static bool may_speak(struct gyr_journal_site *site, uint64_t utc_ns, uint64_t rate)
{
	uint64_t window = utc_ns >> WINDOW_SHIFT;
	uint64_t limiter = atomic_load_explicit(&site->limiter, memory_order_relaxed);
	uint64_t count = limiter >> COUNT_BITS == window ? limiter & COUNT_MASK : 0;

	if (count >= rate)
		return false;
	atomic_store_explicit(&site->limiter, window << COUNT_BITS | (count + 1),
			      memory_order_relaxed);
	return true;
}

void gyr_journal_write(struct gyr_journal_writer *writer, struct gyr_journal_site *site,
		       uint64_t utc_ns, const uint64_t arguments[GYR_JOURNAL_ARGUMENT_MAX])
{
	struct gyr_journal_record *record;

	if (writer == NULL)
		return;
	atomic_fetch_add_explicit(&site->count, 1, memory_order_relaxed);
	if (!may_speak(site, utc_ns, writer->rate)) {
		count_one(&writer->suppressed);
		return;
	}
	record = gyr_spsc_reserve(writer->ring);
	if (record == NULL) {
		count_one(&writer->dropped);
		return;
	}
	record->utc_ns = utc_ns;
	record->site = site;
	memcpy(record->arguments, arguments, sizeof record->arguments);
	gyr_spsc_publish(writer->ring);
}

static void write_line(struct gyr_journal *journal, const struct gyr_journal_record *record)
{
	const struct gyr_journal_site *site = record->site;
	char text[GYR_JOURNAL_LINE_MAX];
	char time[32];

	gyr_journal_render(text, sizeof text, record);
	gyr_journal_time(time, record->utc_ns);
	if (journal->options.format == GYR_JOURNAL_JSON) {
		struct gyr_json json = gyr_json_begin_lines(journal->options.to);

		gyr_json_object(&json, NULL);
		gyr_json_text(&json, "time", time);
		gyr_json_text(&json, "severity", gyr_journal_severity_name(site->severity));
		gyr_json_text(&json, "text", text);
		render_json(&json, record);
		gyr_json_text(&json, "file", render_file(site->file));
		gyr_json_number(&json, "line", (uint64_t)site->line);
		gyr_json_end(&json);
	} else {
		(void)fprintf(journal->options.to, "%s %-7s %s (%s:%d)\n", time,
			      gyr_journal_severity_name(site->severity), text,
			      render_file(site->file), site->line);
	}
	journal->record_count++;
}

static void take(struct gyr_journal *journal, const struct gyr_journal_record *record)
{
	write_line(journal, record);
	if (record->site->severity >= GYR_JOURNAL_WARNING && journal->options.errors != NULL)
		/* Takes what is counted, so that the error log adds each occurrence once. */
		gyr_journal_errors_note(
			journal->options.errors, record,
			atomic_exchange_explicit(&record->site->count, 0, memory_order_relaxed));
}

/* At most once a second: that lines are missing must not go unsaid. */
static void tell_losses(struct gyr_journal *journal, uint64_t utc_ns)
{
	static struct gyr_journal_site site = {
		.text = "log lines are missing: {dropped:u} dropped (a lane's ring was full), "
			"{suppressed:u} held back by the rate limit, since the start",
		.file = __FILE__,
		.line = __LINE__,
		.severity = GYR_JOURNAL_WARNING,
	};
	uint64_t dropped = gyr_journal_dropped(journal);
	uint64_t suppressed = gyr_journal_suppressed(journal);
	struct gyr_journal_record record = { .utc_ns = utc_ns,
					     .site = &site,
					     .arguments = { dropped, suppressed } };

	if ((dropped == journal->dropped_told && suppressed == journal->suppressed_told) ||
	    utc_ns - journal->told_at_ns < TELL_NS)
		return;
	journal->dropped_told = dropped;
	journal->suppressed_told = suppressed;
	journal->told_at_ns = utc_ns;
	write_line(journal, &record);
}

unsigned gyr_journal_poll(struct gyr_journal *journal, uint64_t utc_ns, unsigned budget)
{
	unsigned done = 0;
	uint64_t lines_before = journal->record_count;

	for (unsigned i = 0; i < journal->writer_count; i++) {
		struct gyr_spsc *ring = journal->writers[i].ring;
		const struct gyr_journal_record *record;

		while (done < budget && (record = gyr_spsc_peek(ring)) != NULL) {
			take(journal, record);
			gyr_spsc_release(ring);
			done++;
		}
	}
	tell_losses(journal, utc_ns);
	if (journal->record_count != lines_before)
		(void)fflush(journal->options.to);
	return done;
}

uint64_t gyr_journal_dropped(const struct gyr_journal *journal)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < journal->writer_count; i++)
		sum += atomic_load_explicit(&journal->writers[i].dropped, memory_order_relaxed);
	return sum;
}

uint64_t gyr_journal_suppressed(const struct gyr_journal *journal)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < journal->writer_count; i++)
		sum += atomic_load_explicit(&journal->writers[i].suppressed, memory_order_relaxed);
	return sum;
}
