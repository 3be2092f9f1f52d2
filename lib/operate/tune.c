/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply: find what is to be changed; remember what it was, durably, before the first change; change
 * it. What an earlier apply remembers stays as it is: the first former value is the one to go back
 * to. Undo: set every remembered value that is not there, then forget.
 */
#include "tune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gyr_err.h"
#include "gyr_json.h"

static const struct {
	const char *word;
	const char *key;
} outcomes[TUNE_OUTCOME_COUNT] = {
	[TUNE_PLANNED] = { "planned", "planned" },
	[TUNE_DONE] = { "changed", "changed" },
	[TUNE_KEPT] = { "good", "good" },
	[TUNE_FAILED] = { "FAILED", "failed" },
	[TUNE_REFUSED] = { "kernel's own", "refused" },
	[TUNE_NOT_HERE] = { "not applicable here", "not_applicable" },
	[TUNE_BY_HAND] = { "by hand", "by_hand" },
};

static void write_json(const struct tune *tune, const char *verb, FILE *to)
{
	struct gyr_json json = gyr_json_begin(to);
	bool good = true;

	for (unsigned i = 0; i < tune->count; i++)
		good = good && tune->changes[i].outcome != TUNE_FAILED;
	gyr_json_object(&json, NULL);
	gyr_json_text(&json, "command", verb);
	gyr_json_bool(&json, "good", good);
	gyr_json_bool(&json, "dry_run", tune->options->dry_run);
	gyr_json_array(&json, "changes");
	for (unsigned i = 0; i < tune->count; i++) {
		const struct tune_change *change = &tune->changes[i];

		gyr_json_object(&json, NULL);
		gyr_json_text(&json, "topic", change->topic);
		gyr_json_text(&json, "outcome", outcomes[change->outcome].key);
		gyr_json_text(&json, "path", change->path);
		if (change->absent)
			gyr_json_null(&json, "former");
		else
			gyr_json_text(&json, "former", change->former);
		gyr_json_text(&json, "wanted", change->wanted);
		gyr_json_text(&json, "note", change->note);
		gyr_json_end(&json);
	}
	gyr_json_end(&json);
	gyr_json_end(&json);
}

static void print_change(const struct tune_change *change, FILE *to)
{
	(void)fprintf(to, "%-19s  %-18s ", outcomes[change->outcome].word, change->topic);
	if (change->path[0] == '\0')
		(void)fprintf(to, "%s", change->wanted);
	else if (change->kind == TUNE_FILE)
		(void)fprintf(to, "%s: %.*s", change->path, (int)strcspn(change->wanted, "\n"),
			      change->wanted);
	else if (change->outcome == TUNE_KEPT)
		(void)fprintf(to, "%s is %s", change->path, change->former);
	else if (change->outcome == TUNE_NOT_HERE)
		(void)fprintf(to, "%s", change->path);
	else
		(void)fprintf(to, "%s: %s -> %s", change->path, change->former, change->wanted);
	if (change->note[0] != '\0')
		(void)fprintf(to, " (%s)", change->note);
	(void)fputc('\n', to);
}

void tune_report(const struct tune *tune, const char *verb, FILE *to)
{
	unsigned counts[TUNE_OUTCOME_COUNT] = { 0 };

	if (tune->options->json) {
		write_json(tune, verb, to);
		return;
	}
	for (unsigned i = 0; i < tune->count; i++) {
		counts[tune->changes[i].outcome]++;
		print_change(&tune->changes[i], to);
	}
	(void)fprintf(to, "\n%u changed, %u were good, %u failed, %u not applicable here",
		      counts[TUNE_DONE], counts[TUNE_KEPT], counts[TUNE_FAILED],
		      counts[TUNE_NOT_HERE]);
	if (counts[TUNE_PLANNED] > 0)
		(void)fprintf(to, ", %u would be changed", counts[TUNE_PLANNED]);
	if (counts[TUNE_BY_HAND] > 0)
		(void)fprintf(to, ", %u are left to you", counts[TUNE_BY_HAND]);
	(void)fputc('\n', to);
}

static int prepare(struct tune **out, const struct gyr_operate_tune_options *options)
{
	struct tune *tune = calloc(1, sizeof *tune);

	*out = tune;
	if (tune == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for the machine's settings");
	tune->options = options;
	return 0;
}

/* Settings of the kernel end with a restart of the machine; files do not. */
static void drop_what_a_restart_undid(struct tune *tune, const char *boot_id)
{
	unsigned kept = 0;

	if (strcmp(tune->boot_id, boot_id) == 0)
		return;
	for (unsigned i = 0; i < tune->count; i++)
		if (tune->changes[i].kind == TUNE_FILE)
			tune->changes[kept++] = tune->changes[i];
	tune->count = kept;
}

static void read_boot_id(const struct tune *tune, char out[48])
{
	char text[TUNE_TEXT_MAX];
	bool absent;

	if (!tune_get(tune, TUNE_VALUE, text, &absent, "/proc/sys/kernel/random/boot_id"))
		(void)snprintf(text, sizeof text, "none");
	(void)snprintf(out, 48, "%.47s", text[0] == '\0' ? "none" : text);
}

static int load(struct tune *memory)
{
	char boot_id[48];

	gyr_assert(memory != NULL);
	GYR_TRY(tune_load(memory));
	read_boot_id(memory, boot_id);
	drop_what_a_restart_undid(memory, boot_id);
	(void)snprintf(memory->boot_id, sizeof memory->boot_id, "%s", boot_id);
	return 0;
}

static bool is_remembered(const struct tune *memory, const struct tune_change *change)
{
	for (unsigned i = 0; i < memory->count; i++)
		if (memory->changes[i].kind == change->kind &&
		    strcmp(memory->changes[i].path, change->path) == 0)
			return true;
	return false;
}

static int remember(struct tune *memory, const struct tune *tune)
{
	unsigned before = memory->count;

	for (unsigned i = 0; i < tune->count; i++) {
		const struct tune_change *change = &tune->changes[i];

		if (change->outcome != TUNE_PLANNED || is_remembered(memory, change))
			continue;
		if (memory->count == TUNE_CHANGE_COUNT_MAX)
			GYR_FAIL(GYR_ERR_LIMIT, "more than %d settings to remember",
				 TUNE_CHANGE_COUNT_MAX);
		memory->changes[memory->count++] = *change;
	}
	return memory->count == before ? 0 : tune_save(memory);
}

/* Whether a place holds now what it should. A list of CPUs may be written in another way. */
static bool holds(const struct tune *tune, const struct tune_change *change, const char *text,
		  bool should_be_absent, char now[TUNE_TEXT_MAX])
{
	bool absent;

	if (!tune_get(tune, change->kind, now, &absent, change->path))
		return false;
	return absent == should_be_absent && (absent || strcmp(now, text) == 0);
}

static void change_one(struct tune *tune, struct tune_change *change, const char *text, bool absent)
{
	int error = tune_set(tune, change->kind, change->path, text, absent);
	char now[TUNE_TEXT_MAX];

	if (error == 0 && (change->optional || holds(tune, change, text, absent, now))) {
		change->outcome = TUNE_DONE;
	} else if (error < 0 && change->optional) {
		change->outcome = TUNE_REFUSED;
		(void)snprintf(change->note, sizeof change->note, "%s", strerror(-error));
	} else {
		change->outcome = TUNE_FAILED;
		if (error < 0)
			(void)snprintf(change->note, sizeof change->note, "%s", strerror(-error));
		else
			(void)snprintf(change->note, sizeof change->note, "it is %.100s now", now);
	}
}

static int answer(const struct tune *tune)
{
	for (unsigned i = 0; i < tune->count; i++)
		if (tune->changes[i].outcome == TUNE_FAILED)
			return GYR_OPERATE_NO;
	return GYR_OPERATE_YES;
}

static int check_rights(const struct gyr_operate_tune_options *options)
{
	if (options->root[0] == '\0' && !options->dry_run && geteuid() != 0)
		GYR_FAIL(GYR_ERR_PERMISSION, "the machine's settings are root's to change; "
					     "--dry-run only says what would be done");
	return 0;
}

static int apply(struct tune *tune, struct tune *memory)
{
	GYR_TRY(load(memory));
	if (tune->options->dry_run)
		return 0;
	/* All of it before any of it: whatever happens from here on can be undone. */
	GYR_TRY(remember(memory, tune));
	for (unsigned i = 0; i < tune->count; i++)
		if (tune->changes[i].outcome == TUNE_PLANNED)
			change_one(tune, &tune->changes[i], tune->changes[i].wanted, false);
	return 0;
}

int gyr_operate_tune_apply(const struct gyr_conf *conf, const struct gyr_topo_plan *plan,
			   const struct gyr_operate_tune_options *options, FILE *to)
{
	struct tune *memory = NULL;
	struct tune *tune = NULL;
	int error;

	GYR_TRY(check_rights(options));
	GYR_TRY(prepare(&tune, options));
	error = prepare(&memory, options);
	if (error == 0) {
		tune_find(tune, conf, plan);
		error = apply(tune, memory);
	}
	if (error == 0) {
		tune_report(tune, "apply", to);
		error = answer(tune);
	}
	free(memory);
	free(tune);
	return error;
}

/* The latest change first: a setting may have depended on an earlier one. */
static void undo_all(struct tune *memory)
{
	for (unsigned i = memory->count; i-- > 0;) {
		struct tune_change *change = &memory->changes[i];
		char now[TUNE_TEXT_MAX] = "";

		if (holds(memory, change, change->former, change->absent, now)) {
			change->outcome = TUNE_KEPT;
			continue;
		}
		if (memory->options->dry_run)
			continue;
		change_one(memory, change, change->former, change->absent);
		if (change->outcome == TUNE_DONE && strcmp(now, change->wanted) != 0)
			(void)snprintf(change->note, sizeof change->note,
				       "somebody had made it %.100s", now);
	}
	/* For the report: from what it is back to what it was. */
	for (unsigned i = 0; i < memory->count; i++) {
		struct tune_change *change = &memory->changes[i];
		char kept[TUNE_TEXT_MAX];

		if (change->kind == TUNE_FILE)
			continue;
		memcpy(kept, change->former, sizeof kept);
		memcpy(change->former, change->wanted, sizeof change->former);
		memcpy(change->wanted, kept, sizeof change->wanted);
		if (change->outcome == TUNE_KEPT)
			memcpy(change->former, kept, sizeof change->former);
	}
}

int gyr_operate_tune_undo(const struct gyr_operate_tune_options *options, FILE *to)
{
	struct tune *memory = NULL;
	int error;

	GYR_TRY(check_rights(options));
	error = prepare(&memory, options);
	if (error == 0)
		error = load(memory);
	if (error == 0) {
		undo_all(memory);
		error = answer(memory);
		/* What could not be restored is still remembered, for another try. */
		if (error == GYR_OPERATE_YES && !options->dry_run && tune_forget(memory) < 0)
			error = -GYR_ERR_IO;
		if (error >= 0)
			tune_report(memory, "undo", to);
	}
	free(memory);
	return error;
}
